// SPDX-License-Identifier: GPL-2.0
/*
 * pads.c - windows natively, and what pads count with.
 *
 * Purpose: lays out counters, tables and struct rseq in the rat, chooses counts
 * and claims of deadness that are true, builds pads, and compares ends.
 *
 * Every CPU has two blocks of counters, one for rseq sections and one for locked
 * increments: an increment in any other than the right one is a complaint.
 *
 * Locks: none; one thread.
 */
#include <cpuid.h>
#include <linux/rseq.h>
#include <sched.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "jump.h"

#define RSEQ_REAL  (RAT_COUNT + 0x100)
#define RSEQ_FAKE  (RAT_COUNT + 0x200)
#define TABLE_REAL (RAT_COUNT + 0x1000)
#define TABLE_WIDE (RAT_COUNT + 0x2000)
#define WIDE_CPUS  200u /* too many for a short comparison */
#define BLOCK_SIZE 0x800u
#define SIGNATURE  0x53053053

struct rat_state jump_start, jump_native, jump_other;

static u32 real_cpus, this_cpu, fake_cpu;
static bool has_rdpid;

/* Of block @kind (0 rseq, 1 locked) of a CPU. */
static u64 block_of(u32 cpu, unsigned int kind)
{
	return RAT_BLOCKS + (u64)BLOCK_SIZE * (2 * cpu + kind);
}

static void fill_table(u64 table, u32 nr_cpus)
{
	u64 *words = (u64 *)table;
	u32 i;

	for (i = 0; i < nr_cpus; i++) {
		words[i] = block_of(i, 0);
		words[nr_cpus + i] = block_of(i, 1);
	}
}

bool pads_init(void)
{
	unsigned int a = 7, bx, c = 0, d;

	if (__get_cpuid_count(7, 0, &a, &bx, &c, &d))
		has_rdpid = c >> 22 & 1;
	this_cpu = (u32)sched_getcpu();
	real_cpus = max_t(u32, this_cpu + 1, (u32)sysconf(_SC_NPROCESSORS_CONF));
	real_cpus = min_t(u32, real_cpus, 127);
	if (this_cpu >= real_cpus) {
		printf("Bail out! this CPU's number is too high for the test\n");
		exit(1);
	}
	fill_table(TABLE_REAL, real_cpus);
	fill_table(TABLE_WIDE, WIDE_CPUS);
	return !rat_syscall(SYS_rseq, RSEQ_REAL, 32, 0, SIGNATURE, 0, 0);
}

/* The descriptor goes with its pad; the kernel would still look at it. */
void rseq_forget(void)
{
	((struct rseq *)RSEQ_REAL)->rseq_cs = 0;
	((struct rseq *)RSEQ_FAKE)->rseq_cs = 0;
}

u64 rseq_descriptor(void)
{
	return ((struct rseq *)RSEQ_FAKE)->rseq_cs;
}

void rseq_set_descriptor(u64 descriptor)
{
	((struct rseq *)RSEQ_FAKE)->rseq_cs = descriptor;
}

void counters_clear(const struct window *w)
{
	unsigned int i, kind;
	u32 cpu;

	for (i = 0; i < w->pad.nr_counts; i++)
		for (cpu = 0; cpu < WIDE_CPUS; cpu++)
			for (kind = 0; kind < 2; kind++)
				((u64 *)block_of(cpu, kind))[w->pad.counts[i].counter] = 0;
}

static u64 right_block(const struct window *w)
{
	switch (w->env) {
	case ENV_RSEQ:
		return block_of(this_cpu, 0);
	case ENV_PRETEND:
		return block_of(fake_cpu, 0);
	default:
		return block_of(w->pad.env.rdpid ? this_cpu : 0, 1);
	}
}

bool counter_read(const struct window *w, const struct upr_pad_count *count, u64 *ret)
{
	u64 right = right_block(w), sum = 0;
	unsigned int kind;
	u32 cpu;

	for (cpu = 0; cpu < WIDE_CPUS; cpu++)
		for (kind = 0; kind < 2; kind++)
			sum += ((u64 *)block_of(cpu, kind))[count->counter];
	*ret = ((u64 *)right)[count->counter];
	return sum == *ret;
}

void counter_write(const struct window *w, const struct upr_pad_count *count, u64 value)
{
	((u64 *)right_block(w))[count->counter] = value;
}

/* --- making pads ------------------------------------------------------------------ */

static bool has_branch(const struct window *w)
{
	unsigned int i;

	for (i = 0; i < w->jump.nr; i++)
		if (w->insns[i].branch != UPR_BR_NONE)
			return true;
	return false;
}

/* What no instruction from @from on reads may be claimed dead, if it is not compared in the end. */
static void claim(struct window *w, struct upr_pad_count *count)
{
	unsigned int from = has_branch(w) ? 0 : count->insn, i;
	u32 read = UPR_GPR(UPR_RSP), flags = 0;

	for (i = from; i < w->jump.nr; i++) {
		read |= w->insns[i].gpr_read;
		flags |= w->insns[i].flags_read;
		if (w->insns[i].attr & UPR_INSN_FLAGS_PUSH)
			flags |= UPR_FL_STATUS;
	}
	/* add %cl,%ah: made of the bytes behind a pun */
	if (w->jump.form == UPR_JUMP_PUN)
		read |= UPR_GPR(UPR_RAX) | UPR_GPR(UPR_RCX);
	count->dead_gpr = (u16)(one_in(3) ? 0 : ~read & (one_in(2) ? rnd() : UPR_GPR(rnd() & 15)));
	count->flags_dead = !(flags & UPR_FL_STATUS) && !one_in(3);
	w->dead |= count->dead_gpr;
	w->flags_dead |= count->flags_dead;
}

static void choose_counts(struct window *w)
{
	unsigned int i;

	for (i = 0; i < w->jump.nr; i++) {
		struct upr_pad_count *count = &w->pad.counts[w->pad.nr_counts];

		if (!one_in(2) && !(i == 0 && one_in(2)))
			continue;
		memset(count, 0, sizeof(*count));
		count->counter = 20 * i + (u32)(rnd() % 20);
		count->insn = (u8)i;
		claim(w, count);
		w->pad.nr_counts++;
	}
}

static void choose_env(struct window *w)
{
	struct upr_pad_env *env = &w->pad.env;
	u64 fs = jump_start.regs.fs_base;
	bool wide = one_in(3);

	env->table = wide ? TABLE_WIDE : TABLE_REAL;
	env->nr_cpus = wide ? WIDE_CPUS : real_cpus;
	env->rdpid = has_rdpid && !one_in(4);
	env->rseq = (s32)((w->env == ENV_RSEQ ? RSEQ_REAL : RSEQ_FAKE) - fs);
	fake_cpu = (u32)(rnd() % env->nr_cpus);
	((struct rseq *)RSEQ_FAKE)->cpu_id = w->env == ENV_PRETEND ? fake_cpu : one_in(2) ? (u32)-1 : (u32)-2;
	if (w->env == ENV_LOCKED)
		env->rseq = UPR_NO_RSEQ;
}

/* Where the rat has room for pads.  0: not in reach, as upr_jump_reach() has it. */
static u64 choose_place(const struct window *w)
{
	unsigned int size = upr_pad_size(&w->pad);
	u64 lo, hi;

	upr_jump_reach(&w->jump, RAT_ORIG, size, &lo, &hi);
	if (w->jump.form == UPR_JUMP_PUN) {
		lo = max_t(u64, lo, RAT_PUN);
		hi = min_t(u64, hi, RAT_PUN + RAT_PUN_SIZE);
		return lo + size <= hi ? lo + rnd() % (hi - lo - size + 1) : 0;
	}
	if (one_in(2) && lo <= RAT_HIGH && hi >= RAT_HIGH + RAT_PADS_SIZE)
		return RAT_HIGH + 64 * (rnd() % 16);
	return lo <= RAT_PUN && hi >= RAT_PUN + RAT_PADS_SIZE ? RAT_PUN + 64 * (rnd() % 16) : 0;
}

int pad_make(struct window *w, enum count_env env)
{
	w->env = env;
	w->pad.jump = &w->jump;
	w->pad.addr = RAT_ORIG;
	w->dead = 0;
	w->flags_dead = false;
	choose_counts(w);
	choose_env(w);
	w->pad.pad = choose_place(w);
	if (!w->pad.pad)
		return -ENOSPC;
	return upr_pad_build(&w->pad, (u8 *)w->pad.pad, upr_pad_size(&w->pad));
}

void code_place(const struct window *w)
{
	u8 *orig = (u8 *)RAT_ORIG;

	memset(orig, UPR_BREAKPOINT, 64);
	memcpy(orig, w->code, sizeof(w->code));
}

void pad_place(const struct window *w)
{
	code_place(w);
	upr_jump_patch(&w->jump, RAT_ORIG, w->pad.pad, (u8 *)RAT_ORIG);
}

static bool saves_registers(const struct upr_pad_count *count)
{
	u32 dead = count->dead_gpr & ~UPR_GPR(UPR_RSP), both = UPR_GPR(UPR_RAX) | UPR_GPR(UPR_RCX);

	return count->flags_dead ? !dead : (dead & both) != both;
}

static bool is_call(const struct upr_insn *insn)
{
	return insn->branch == UPR_BR_CALL || insn->branch == UPR_BR_CALL_IND;
}

/*
 * The program can do without a stack, or with one that is not aligned while it asks for alignment
 * faults; a pad that saves registers cannot, nor one that pushes before it reads where to call.
 */
bool pad_has_stack(const struct window *w)
{
	bool used = is_call(&w->insns[w->jump.nr - 1]);
	unsigned int i;

	for (i = 0; i < w->pad.nr_counts; i++)
		used |= saves_registers(&w->pad.counts[i]);
	for (i = 0; used && i < w->trace.nr; i++) {
		u64 rsp = w->trace.rsp[i];

		if (!(rsp - (RAT_STACK + 256) < RAT_STACK_SIZE - 256 || rsp - (RAT_DATA + 256) < RAT_DATA_SIZE - 256))
			return false;
		if ((rsp & 7) && (jump_start.regs.eflags & UPR_FL_AC))
			return false;
	}
	return true;
}

/* --- natively ----------------------------------------------------------------------- */

static int insn_at(const struct window *w, u64 pc)
{
	unsigned int i;

	for (i = 0; i < w->jump.nr; i++)
		if (RAT_ORIG + w->jump.off[i] == pc)
			return (int)i;
	return -1;
}

/* Iterations of a rep string are one visit, and so are the parts of a gather. */
static bool still_there(const struct window *w, int insn)
{
	const struct trace *t = &w->trace;

	return t->nr && t->insn[t->nr - 1] == insn && (w->insns[insn].attr & (UPR_INSN_STRING | UPR_INSN_VSIB));
}

/*
 * A register may have been turned into an address in the middle of the window: that
 * would break the promise that only the site is entered.
 */
static bool enters_middle(const struct window *w, u64 pc, int insn)
{
	const struct trace *t = &w->trace;

	if (insn < 0)
		return pc - RAT_ORIG < max_t(u64, w->jump.len, w->jump.patch);
	return insn && t->insn[t->nr - 1] != insn && t->insn[t->nr - 1] != insn - 1;
}

/* What a stepped pushf has pushed shows the step, and the window may go on to reckon with it. */
static void hide_step(const struct upr_insn *insn, const struct user_regs_struct *regs)
{
	u64 at = regs->rsp + 1;

	if (!(insn->attr & UPR_INSN_FLAGS_PUSH) || (regs->eflags & UPR_FL_TF))
		return;
	if (at - RAT_DATA < RAT_DATA_SIZE || at - RAT_STACK < RAT_STACK_SIZE)
		*(u8 *)at &= (u8) ~(UPR_FL_TF >> 8);
}

static bool take_trace(struct window *w)
{
	struct trace *t = &w->trace;
	unsigned int steps;
	int insn;

	t->nr = 0;
	t->stuck = false;
	rat_put(&jump_start);
	jump_other.regs = jump_start.regs;
	for (steps = 0; steps < 4 * WINDOW_VISITS; steps++) {
		insn = insn_at(w, jump_other.regs.rip);
		if (enters_middle(w, jump_other.regs.rip, insn))
			return false;
		t->stuck = !can_go_on(jump_other.regs.rsp);
		if (insn < 0)
			return true;
		if (t->stuck)
			return false;
		if (!still_there(w, insn)) {
			if (t->nr == WINDOW_VISITS)
				return false;
			t->insn[t->nr] = (u8)insn;
			t->rsp[t->nr++] = jump_other.regs.rsp;
		}
		if (!rat_run(PTRACE_SINGLESTEP, &jump_other))
			return false;
		rat_get_regs(&jump_other.regs);
		if (jump_other.signo != SIGTRAP)
			return true;
		hide_step(&w->insns[insn], &jump_other.regs);
	}
	return false;
}

bool window_native(struct window *w)
{
	bool in_time;

	code_place(w);
	if (!take_trace(w))
		return false;
	rat_put(&jump_start);
	in_time = rat_run(PTRACE_CONT, &jump_native);
	rat_get(&jump_native);
	return in_time;
}

unsigned int visits(const struct window *w, unsigned int insn)
{
	unsigned int i, n = 0;

	for (i = 0; i < w->trace.nr; i++)
		n += w->trace.insn[i] == insn;
	return n;
}

/* --- leaving and comparing ------------------------------------------------------------ */

bool pad_leave(const struct window *w, struct rat_state *state, enum upr_pad_where *where, unsigned int *insn,
	       bool *counted)
{
	u64 before = state->regs.rip;
	struct upr_regs regs;

	rat_to_upr(&state->regs, &regs);
	if (upr_pad_leave(&w->pad, &rat_task, &regs, where, insn, counted))
		return false;
	rat_from_upr(&regs, &state->regs);
	/* pc names the fault in si_addr of SIGILL and SIGFPE: a home puts it right along with pc */
	if (state->addr == before && (state->signo == SIGILL || state->signo == SIGFPE))
		state->addr = state->regs.rip;
	return true;
}

static bool same_registers(const struct window *w, const struct rat_state *native, const struct rat_state *other,
			   char *why, size_t size)
{
	u64 flags = native->regs.eflags ^ other->regs.eflags;
	struct upr_regs a, b;
	int i;

	rat_to_upr(&native->regs, &a);
	rat_to_upr(&other->regs, &b);
	for (i = 0; i < 16; i++)
		if (a.gpr[i] != b.gpr[i] && !(w->dead & UPR_GPR(i))) {
			snprintf(why, size, "%s %#llx, natively %#llx", gpr_names[i], (unsigned long long)b.gpr[i],
				 (unsigned long long)a.gpr[i]);
			return false;
		}
	flags &= ~0x10000ull; /* RF is the CPU's own */
	if (w->flags_dead)
		flags &= ~(u64)UPR_FL_STATUS;
	if (a.ip != b.ip)
		snprintf(why, size, "rip %#llx, natively %#llx", (unsigned long long)b.ip, (unsigned long long)a.ip);
	else if (flags)
		snprintf(why, size, "flags %#llx, natively %#llx", (unsigned long long)b.flags,
			 (unsigned long long)a.flags);
	else if (!same_segments(&native->regs, &other->regs) || a.fs_base != b.fs_base || a.gs_base != b.gs_base)
		snprintf(why, size, "a segment");
	else
		return true;
	return false;
}

/* Did the native run end with a fault of the window's own? */
static bool faulted_inside(const struct window *w, const struct rat_state *native)
{
	return native->signo != SIGTRAP && insn_at(w, native->regs.rip) >= 0;
}

/*
 * Memory that a pad may change: where it saves registers, below the red zone; and, where a window that
 * was to end in a call ends in a fault, the word that the call would have written.
 */
static bool is_scratch(const struct window *w, const struct rat_state *native, u64 addr)
{
	unsigned int extra = w->jump.form == UPR_JUMP_CALL ? 8 : 0, i;

	for (i = 0; i < w->trace.nr; i++)
		if (addr - (w->trace.rsp[i] - extra - 144) < 16)
			return true;
	if (!faulted_inside(w, native))
		return false;
	if (!extra && w->insns[insn_at(w, native->regs.rip)].branch != UPR_BR_CALL_IND)
		return false;
	return addr - (native->regs.rsp - 8) < 8;
}

static bool same_memory(const struct window *w, const struct rat_state *native, const char *what, u64 base, const u8 *a,
			const u8 *b, size_t len, char *why, size_t size)
{
	size_t i;

	if (!memcmp(a, b, len))
		return true;
	for (i = 0; i < len; i++)
		if (a[i] != b[i] && !is_scratch(w, native, base + i)) {
			snprintf(why, size, "%s at %#llx: %02x, natively %02x", what, (unsigned long long)base + i,
				 b[i], a[i]);
			return false;
		}
	return true;
}

/* What the pad has left there, then anything. */
static u8 other_byte(unsigned int round, u8 left_by_pad)
{
	return round ? (u8)rnd() : left_by_pad;
}

static void change_scratch(const struct window *w, unsigned int round, struct rat_state *state)
{
	size_t i;

	for (i = 0; i < sizeof(state->data); i++)
		if (is_scratch(w, &jump_native, RAT_DATA + i))
			state->data[i] = other_byte(round, jump_other.data[i]);
	for (i = 0; i < sizeof(state->stack); i++)
		if (is_scratch(w, &jump_native, RAT_STACK + i))
			state->stack[i] = other_byte(round, jump_other.stack[i]);
}

static void set_word_below(u64 rsp)
{
	u64 value = rnd(), at = rsp - 8;

	if (at - RAT_DATA < RAT_DATA_SIZE - 8 || at - RAT_STACK < RAT_STACK_SIZE - 8)
		memcpy((void *)at, &value, sizeof(value));
}

/*
 * The word that a call is about to overwrite is that a little earlier in a pad.  Does the window read it through
 * some other pointer than rsp?
 */
static bool reads_below_call(const struct window *w)
{
	static struct rat_state end;
	unsigned int steps;
	char why[256];
	int insn;

	if (!is_call(&w->insns[w->jump.nr - 1]))
		return false;
	code_place(w);
	rat_put(&jump_start);
	end.regs = jump_start.regs;
	for (steps = 0; steps < WINDOW_VISITS; steps++) {
		insn = insn_at(w, end.regs.rip);
		if (insn >= 0 && (w->jump.form == UPR_JUMP_CALL || is_call(&w->insns[insn])))
			set_word_below(end.regs.rsp);
		if (insn < 0 || is_call(&w->insns[insn]))
			break;
		if (!rat_run(PTRACE_SINGLESTEP, &end) || end.signo != SIGTRAP)
			break;
		rat_get_regs(&end.regs);
		hide_step(&w->insns[insn], &end.regs);
	}
	if (steps == WINDOW_VISITS || insn < 0 || !rat_run(PTRACE_CONT, &end))
		return false;
	rat_get(&end);
	return !window_same_end(w, &jump_native, &end, why, sizeof(why));
}

bool window_reads_scratch(const struct window *w)
{
	static struct rat_state changed, end;
	unsigned int round;
	char why[256];

	code_place(w);
	for (round = 0; round < 16; round++) {
		changed = jump_start;
		change_scratch(w, round, &changed);
		rat_put(&changed);
		if (!rat_run(PTRACE_CONT, &end))
			return true;
		rat_get(&end);
		if (!window_same_end(w, &jump_native, &end, why, sizeof(why)))
			return true;
	}
	return reads_below_call(w);
}

bool window_same_end(const struct window *w, const struct rat_state *native, const struct rat_state *other, char *why,
		     size_t size)
{
	return same_stop(native, other, why, size) && same_registers(w, native, other, why, size) &&
	       same_vectors(native->xstate, other->xstate, why, size) &&
	       same_memory(w, native, "data", RAT_DATA, native->data, other->data, sizeof(native->data), why, size) &&
	       same_memory(w, native, "stack", RAT_STACK, native->stack, other->stack, sizeof(native->stack), why,
			   size);
}
