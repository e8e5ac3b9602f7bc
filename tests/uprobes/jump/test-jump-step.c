// SPDX-License-Identifier: GPL-2.0
/*
 * test-jump-step.c - a task is taken off a pad at every one of its instructions.
 *
 * Purpose: random windows are single-stepped through their pads.  After each step the task
 * is taken off (upr_pad_leave()) and runs on in the original code; then it is put back,
 * and from the place it was given back to it is sent into the pad again (upr_pad_enter()).  All
 * must end as the native run does, and what is said to be counted must be what the counters
 * hold.  In an rseq section the task is also sent to the abort handler, as the kernel
 * would, and goes on from there.
 *
 * The rseq sections are stepped with an area that the kernel knows nothing of: in a
 * registered one a step would always end in the abort handler.
 *
 *	test-jump-step [--seed N] [--windows N]
 *
 * Locks: none; one thread.
 */
#include <getopt.h>
#include <linux/rseq.h>
#include <sys/ptrace.h>

#include "../tap.h"
#include "jump.h"

#define MAX_COMPLAINTS 40
#define MAX_STEPS      160

/**
 * struct tally - of one environment
 * @places:	taken off at
 */
struct tally {
	unsigned long windows, places, entered, aborted, wrong;
};

static struct tally tallies[NR_ENVS];
static unsigned int complaints;
static unsigned long stuck;
static struct rat_state here;
static u64 counted_here[UPR_JUMP_INSNS];

static const char *const env_names[NR_ENVS] = {"rseq", "not registered for rseq", "rseq of no effect", "locked"};

static void complain(const struct window *w, const char *what, u64 pc, const char *why)
{
	if (complaints++ < MAX_COMPLAINTS)
		diag("%s, %s, pad %#llx, %u counts, dead %#x: %s at %#llx: %s (native: signal %d at %#llx)",
		     window_text(w), env_names[w->env], (unsigned long long)w->pad.pad, w->pad.nr_counts, w->dead, what,
		     (unsigned long long)pc, why, jump_native.signo, jump_native.regs.rip);
}

/* --- counters ------------------------------------------------------------------ */

static bool read_counts(const struct window *w, u64 *counts)
{
	unsigned int i;

	for (i = 0; i < w->pad.nr_counts; i++)
		if (!counter_read(w, &w->pad.counts[i], &counts[i]))
			return false;
	return true;
}

static void write_counts(const struct window *w, const u64 *counts)
{
	unsigned int i;

	for (i = 0; i < w->pad.nr_counts; i++)
		counter_write(w, &w->pad.counts[i], counts[i]);
}

/* What is counted of a window that is left before @insn: everything before it, and itself or not. */
static bool counts_agree(const struct window *w, const u64 *counts, enum upr_pad_where where, unsigned int insn,
			 bool counted)
{
	unsigned int i;

	for (i = 0; i < w->pad.nr_counts; i++) {
		unsigned int at = w->pad.counts[i].insn;
		u64 want = where == UPR_PAD_AFTER || at < insn ? visits(w, at) : at == insn ? counted : 0;

		if (counts[i] != want)
			return false;
	}
	return true;
}

/* --- running on -------------------------------------------------------------------- */

static bool run_on(const struct rat_state *from, struct rat_state *end)
{
	bool in_time;

	rat_put(from);
	in_time = rat_run(PTRACE_CONT, end);
	rat_get(end);
	rseq_forget();
	return in_time;
}

static bool ends_alike(const struct window *w, const struct rat_state *end, char *why, size_t size)
{
	return window_same_end(w, &jump_native, end, why, size) || window_reads_scratch(w);
}

static bool leave_here(const struct window *w, struct rat_state *left, enum upr_pad_where *where, unsigned int *insn,
		       char *why, size_t size)
{
	u64 counts[UPR_JUMP_INSNS];
	bool counted;

	*left = here;
	rat_put(&here); /* saved registers are read from its stack */
	snprintf(why, size, "upr_pad_leave failed");
	if (!pad_leave(w, left, where, insn, &counted))
		return false;
	snprintf(why, size, "%s %u, counted %d: not what the counters hold", *where == UPR_PAD_AT ? "before" : "behind",
		 *insn, counted);
	return read_counts(w, counts) && counts_agree(w, counts, *where, *insn, counted);
}

static bool run_left(const struct window *w, const struct rat_state *left, char *why, size_t size)
{
	code_place(w);
	snprintf(why, size, "did not stop");
	return run_on(left, &jump_other) && ends_alike(w, &jump_other, why, size);
}

/* To the end in the pad, from wherever @from stands in it. */
static bool run_in_pad(const struct window *w, const struct rat_state *from, char *why, size_t size)
{
	enum upr_pad_where where;
	unsigned int insn;
	bool counted;

	pad_place(w);
	snprintf(why, size, "did not stop");
	if (!run_on(from, &jump_other))
		return false;
	snprintf(why, size, "left in the end: no good");
	if (in_pad(w, jump_other.regs.rip) &&
	    (!pad_leave(w, &jump_other, &where, &insn, &counted) || where != UPR_PAD_AT || !counted))
		return false;
	return ends_alike(w, &jump_other, why, size);
}

/* Instruction @skipped is executed, but not counted; what is counted already is in counted_here. */
static bool all_counted(const struct window *w, int skipped)
{
	u64 counts[UPR_JUMP_INSNS];
	unsigned int i;

	if (!read_counts(w, counts))
		return false;
	for (i = 0; i < w->pad.nr_counts; i++) {
		unsigned int insn = w->pad.counts[i].insn;
		u64 want = (int)insn == skipped ? counted_here[i] : visits(w, insn);

		if (counts[i] != want)
			return false;
	}
	return true;
}

static bool run_entered(const struct window *w, const struct rat_state *left, unsigned int insn, char *why, size_t size)
{
	static struct rat_state in;
	struct upr_regs regs;

	in = *left;
	write_counts(w, counted_here);
	rat_put(&in); /* the stack that upr_pad_enter() writes to */
	rat_to_upr(&in.regs, &regs);
	snprintf(why, size, "upr_pad_enter failed");
	if (upr_pad_enter(&w->pad, &rat_task, &regs, insn))
		return false;
	rat_from_upr(&regs, &in.regs);
	memcpy(in.data, (void *)RAT_DATA, sizeof(in.data));
	memcpy(in.stack, (void *)RAT_STACK, sizeof(in.stack));
	if (!run_in_pad(w, &in, why, size))
		return false;
	snprintf(why, size, "entered before %u: miscounted", insn);
	return all_counted(w, (int)insn);
}

/* --- every place --------------------------------------------------------------------- */

/* @here is in the pad, its counts in counted_here.  Leaves the rat somewhere else. */
static bool try_here(const struct window *w, struct tally *t, char *why, size_t size)
{
	static struct rat_state left;
	enum upr_pad_where where;
	unsigned int insn;

	t->places++;
	if (!leave_here(w, &left, &where, &insn, why, size) || !run_left(w, &left, why, size))
		return false;
	if (where != UPR_PAD_AT)
		return true;
	t->entered++;
	return run_entered(w, &left, insn, why, size);
}

/* The kernel would send a task that is in the section to the abort handler. */
static u64 abort_handler(u64 pc, u64 descriptor)
{
	const struct rseq_cs *cs = (const struct rseq_cs *)descriptor;

	return cs && pc - cs->start_ip < cs->post_commit_offset ? cs->abort_ip : 0;
}

static bool try_abort(const struct window *w, struct tally *t, u64 handler, char *why, size_t size)
{
	u64 pc = here.regs.rip;
	bool good;

	t->aborted++;
	here.regs.rip = handler;
	write_counts(w, counted_here);
	good = try_here(w, t, why, size);
	write_counts(w, counted_here);
	good = good && run_in_pad(w, &here, why, size);
	here.regs.rip = pc;
	if (good && !all_counted(w, -1)) {
		snprintf(why, size, "aborted: miscounted");
		return false;
	}
	return good;
}

static bool try_place(const struct window *w, struct tally *t)
{
	u64 pc = here.regs.rip, descriptor = rseq_descriptor(), handler = abort_handler(pc, descriptor);
	char why[256] = "miscounted";
	const char *what = "left";

	if (!read_counts(w, counted_here) || !try_here(w, t, why, sizeof(why)))
		goto wrong;
	what = "aborted";
	if (handler && !try_abort(w, t, handler, why, sizeof(why)))
		goto wrong;
	pad_place(w);
	write_counts(w, counted_here);
	rat_put(&here);
	rseq_set_descriptor(descriptor);
	return true;
wrong:
	complain(w, what, pc, why);
	return false;
}

static bool step_through(const struct window *w, struct tally *t)
{
	unsigned int steps;

	pad_place(w);
	counters_clear(w);
	rseq_forget();
	rat_put(&jump_start);
	for (steps = 0; steps < MAX_STEPS; steps++) {
		if (!rat_run(PTRACE_SINGLESTEP, &here))
			return false;
		rat_get(&here);
		if (here.signo != SIGTRAP || !in_pad(w, here.regs.rip))
			return true;
		if (!try_place(w, t))
			return false;
	}
	return true;
}

/* A step shows in what pushf stores; a window that comes back to the site would be counted anew. */
static bool can_be_stepped(const struct window *w)
{
	unsigned int i;

	for (i = 0; i < w->jump.nr; i++)
		if (visits(w, i) > 1 || (w->insns[i].attr & UPR_INSN_FLAGS_PUSH))
			return false;
	return true;
}

static bool one_window(const struct rat_state *blank)
{
	static struct window w;
	enum count_env env = ENV_UNREGISTERED + rnd() % (NR_ENVS - 1);
	struct tally *t = &tallies[env];
	bool ran;

	if (!window_make(&w, blank))
		return false;
	ran = window_native(&w);
	stuck += w.trace.stuck;
	if (!ran || w.trace.stuck || !can_be_stepped(&w))
		return false;
	if (pad_make(&w, env) || !pad_has_stack(&w))
		return false;
	t->windows++;
	if (!step_through(&w, t))
		t->wrong++;
	return true;
}

static void report(void)
{
	unsigned int env;

	for (env = 0; env < NR_ENVS; env++) {
		const struct tally *t = &tallies[env];

		if (!t->windows)
			continue;
		ok(!t->wrong, "%s: %lu pads left at each instruction", env_names[env], t->windows);
		diag("%lu places, entered again from %lu, aborted at %lu", t->places, t->entered, t->aborted);
	}
	if (!machine.any_rsp)
		diag("%lu windows set aside: they come to a stack pointer this machine cannot go on with", stuck);
	ok(tallies[ENV_PRETEND].aborted > 0, "abort handlers were tried");
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"seed", 1, NULL, 's'}, {"windows", 1, NULL, 'w'}, {NULL, 0, NULL, 0}};
	static struct rat_state blank;
	unsigned long windows = 1000;
	u64 seed = 20100117;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 's') {
			seed = strtoull(optarg, NULL, 0);
		} else if (c == 'w') {
			windows = strtoul(optarg, NULL, 0);
		} else {
			fprintf(stderr, "usage: test-jump-step [--seed N] [--windows N]\n");
			return 129;
		}
	}
	diag("seed %llu", (unsigned long long)seed);
	rnd_seed(seed);
	rat_start(&blank);
	windows_init();
	pads_init();
	while (windows)
		windows -= one_window(&blank);
	rat_stop();
	report();
	return done_testing();
}
