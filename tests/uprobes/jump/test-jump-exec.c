// SPDX-License-Identifier: GPL-2.0
/*
 * test-jump-exec.c - the execution test of jump probes: random windows, natively and through a pad.
 *
 * Purpose: one to five random instructions from a random state.  The jump, the pad with
 * counts before some of them, and the native run must end alike: registers, flags,
 * vector state, memory, fault; and each count is as often as the instruction was executed.
 *
 *	test-jump-exec [--seed N] [--windows N] [--time SECONDS] [SECONDS]
 *
 * --windows ends after so many of them; --time ends sooner or later than that; SECONDS alone is the same
 * with a seed of the clock's, for `make fuzz`.
 *
 * Locks: none; one thread.
 */
#include <getopt.h>
#include <sys/ptrace.h>
#include <time.h>

#include "../tap.h"
#include "jump.h"

#define MAX_COMPLAINTS 40

/**
 * struct tally - of one form of jumps in one environment
 * @left:	ended in the pad, and were taken off it
 */
struct tally {
	unsigned long windows, faults, left, counts, wrong;
};

static struct tally tallies[UPR_NR_JUMP_FORMS][NR_ENVS];
static unsigned long refused, hung, stuck, no_room, scratch_read, by_nr[UPR_JUMP_INSNS + 1];
static unsigned int complaints;

static const char *const env_names[NR_ENVS] = {"rseq", "not registered for rseq", "rseq of no effect", "locked"};

static void complain(const struct window *w, const char *why)
{
	if (complaints++ < MAX_COMPLAINTS)
		diag("%s, %s, pad %#llx, %u counts, dead %#x: %s (native: signal %d at %#llx)", window_text(w),
		     env_names[w->env], (unsigned long long)w->pad.pad, w->pad.nr_counts, w->dead, why,
		     jump_native.signo, jump_native.regs.rip);
}

static bool counts_right(const struct window *w, struct tally *t, char *why, size_t size)
{
	unsigned int i;

	for (i = 0; i < w->pad.nr_counts; i++) {
		const struct upr_pad_count *count = &w->pad.counts[i];
		bool in_place;
		u64 got;

		in_place = counter_read(w, count, &got);
		t->counts += got;
		if (in_place && got == visits(w, count->insn))
			continue;
		snprintf(why, size, "instruction %u counted %llu times%s, executed %u times", count->insn,
			 (unsigned long long)got, in_place ? "" : ", and elsewhere", visits(w, count->insn));
		return false;
	}
	return true;
}

/* What has ended in the pad has faulted there. */
static bool take_off(const struct window *w, struct tally *t, char *why, size_t size)
{
	enum upr_pad_where where;
	unsigned int insn;
	bool counted;

	if (!in_pad(w, jump_other.regs.rip))
		return true;
	t->left++;
	snprintf(why, size, "left at %#llx: no good", jump_other.regs.rip);
	if (!pad_leave(w, &jump_other, &where, &insn, &counted))
		return false;
	return where == UPR_PAD_AT && counted;
}

static bool run_window(const struct window *w, struct tally *t, char *why, size_t size)
{
	bool in_time;

	pad_place(w);
	counters_clear(w);
	rat_put(&jump_start);
	in_time = rat_run(PTRACE_CONT, &jump_other);
	rat_get(&jump_other);
	rseq_forget();
	if (!in_time) {
		snprintf(why, size, "did not stop, at %#llx", jump_other.regs.rip);
		return false;
	}
	if (!take_off(w, t, why, size) || !counts_right(w, t, why, size))
		return false;
	if (window_same_end(w, &jump_native, &jump_other, why, size))
		return true;
	if (!window_reads_scratch(w))
		return false;
	scratch_read++;
	return true;
}

static void one_window(const struct rat_state *blank, bool rseq)
{
	static struct window w;
	enum count_env env = rnd() % NR_ENVS;
	char why[256] = "";
	struct tally *t;
	int err;

	if (!window_make(&w, blank)) {
		refused++;
		return;
	}
	if (!window_native(&w)) {
		*(w.trace.stuck ? &stuck : &hung) += 1;
		return;
	}
	if (env == ENV_RSEQ && !rseq)
		env = ENV_LOCKED;
	t = &tallies[w.jump.form][env];
	err = pad_make(&w, env);
	if (err == -ENOSPC || !pad_has_stack(&w)) {
		no_room++;
		return;
	}
	t->windows++;
	by_nr[w.jump.nr]++;
	t->faults += jump_native.signo != SIGTRAP;
	if (err)
		snprintf(why, sizeof(why), "upr_pad_build: %d", err);
	if (!err && run_window(&w, t, why, sizeof(why)))
		return;
	t->wrong++;
	complain(&w, why);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void report(void)
{
	unsigned int form, env, i;

	for (form = 0; form < UPR_NR_JUMP_FORMS; form++)
		for (env = 0; env < NR_ENVS; env++) {
			const struct tally *t = &tallies[form][env];

			if (t->windows)
				ok(!t->wrong, "%s, %s: %lu windows natively = through the pad",
				   upr_jump_form_name(form), env_names[env], t->windows);
			if (t->windows)
				diag("%lu ended in a fault, %lu left the pad with it, %lu counted", t->faults, t->left,
				     t->counts);
		}
	for (i = 1; i <= UPR_JUMP_INSNS; i++)
		diag("%lu windows of %u instructions", by_nr[i], i);
	diag("%lu refused, %lu did not stop natively or went astray, %lu without a place for the pad, or for its stack",
	     refused, hung, no_room);
	if (!machine.any_rsp)
		diag("%lu set aside: they come to a stack pointer this machine cannot go on with", stuck);
	diag("%lu read what lies below the red zone, or below the stack pointer at a call", scratch_read);
	if (complaints > MAX_COMPLAINTS)
		diag("%u more complaints", complaints - MAX_COMPLAINTS);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"seed", 1, NULL, 's'}, {"windows", 1, NULL, 'w'}, {"time", 1, NULL, 't'}, {NULL, 0, NULL, 0}};
	unsigned long windows = 25000, i;
	static struct rat_state blank;
	double seconds = 0, end;
	u64 seed = 20100117;
	bool rseq;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'w':
			windows = strtoul(optarg, NULL, 0);
			break;
		case 't':
			seconds = strtod(optarg, NULL);
			break;
		default:
			fprintf(stderr, "usage: test-jump-exec [--seed N] [--windows N] [--time SECONDS] [SECONDS]\n");
			return 129;
		}
	}
	if (optind < argc) {
		seconds = strtod(argv[optind], NULL);
		seed = (u64)time(NULL);
	}
	diag("seed %llu", (unsigned long long)seed);
	rnd_seed(seed);
	rat_start(&blank);
	windows_init();
	rseq = pads_init();
	if (!rseq)
		skip("rseq sections in the rat", "the kernel has no rseq");
	end = now() + seconds;
	for (i = 0; seconds ? now() < end : i < windows; i++)
		one_window(&blank, rseq);
	rat_stop();
	report();
	return done_testing();
}
