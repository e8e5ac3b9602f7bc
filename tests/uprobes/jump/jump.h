/* SPDX-License-Identifier: GPL-2.0 */
/*
 * jump.h - the parts of the execution tests of jump probes.
 *
 * Purpose: a window is a few random instructions at RAT_ORIG with a state to start from;
 * it is run natively and through a jump and a pad, and both must end alike.
 *
 * Context: one thread.  No locks.
 */
#ifndef UPROBES_TESTS_JUMP_H
#define UPROBES_TESTS_JUMP_H

#include <upr-jump.h>

#include "../exec/exec.h"

#define WINDOW_VISITS	96
#define NR_COUNTERS	200
#define NR_ENVS		4

/* How a pad counts in a sample. */
enum count_env {
	ENV_RSEQ,		/* the rat's thread is registered */
	ENV_UNREGISTERED,	/* an area that says so: cpu_id -1 or -2 */
	ENV_PRETEND,		/* an area that the kernel knows nothing of, with a CPU's number in it */
	ENV_LOCKED,		/* UPR_NO_RSEQ */
};

/**
 * struct trace - what the native run does, step by step
 * @nr:		instructions of the window executed or begun
 * @stuck:	this machine cannot go on from where it ends: see can_go_on()
 * @insn:	which
 * @rsp:	before each
 * @regs:	before each, for the first UPR_JUMP_INSNS
 */
struct trace {
	unsigned int nr;
	bool stuck;
	u8 insn[WINDOW_VISITS];
	u64 rsp[WINDOW_VISITS];
};

/**
 * struct window - one sample
 * @code:	@len bytes of instructions, then what follows them
 * @form:	the form wanted by the generator, see window_make()
 * @dead:	claimed dead by some count: not compared
 * @flags_dead: the same of the status flags
 */
struct window {
	u8 code[UPR_SITE_CODE];
	u8 len, nr;
	u8 off[UPR_JUMP_INSNS + 1];
	struct upr_insn insns[UPR_JUMP_INSNS];
	struct upr_facts facts;
	struct upr_jump jump;
	struct upr_pad pad;
	enum count_env env;
	u32 dead;
	bool flags_dead;
	struct trace trace;
};

extern struct rat_state jump_start, jump_native, jump_other;

/* windows.c */

/** windows_init() - make the list of forms */
void windows_init(void);

/**
 * window_make() - random instructions, planned, and a state to start from in jump_start
 * Return: false when they cannot be jumped at: w->jump.reason
 */
bool window_make(struct window *w, const struct rat_state *blank);

/* pads.c */

/** pads_init() - what pads count with; Return: false if the kernel has no rseq */
bool pads_init(void);

/**
 * pad_make() - random counts, environment and place; builds it.
 * Return: 0; upr_pad_build()'s error; -ENOSPC: the rat has no room for it in reach
 */
int pad_make(struct window *w, enum count_env env);

/** pad_has_stack() - the stack pointer leads somewhere wherever the pad needs it */
bool pad_has_stack(const struct window *w);

void pad_place(const struct window *w);
void code_place(const struct window *w);
void counters_clear(const struct window *w);
void rseq_forget(void);

/* What a pad has stored as rseq_cs in the area that the kernel knows nothing of. */
u64 rseq_descriptor(void);
void rseq_set_descriptor(u64 descriptor);

/** counter_read() - how often @count was made.  Return: false: increments went to a wrong place, too. */
bool counter_read(const struct window *w, const struct upr_pad_count *count, u64 *ret);
void counter_write(const struct window *w, const struct upr_pad_count *count, u64 value);

/**
 * window_native() - run from jump_start to jump_native, and traced.  Return: false if it does not stop,
 * jumps into its own middle, or is stuck in it
 */
bool window_native(struct window *w);

/** pad_leave() - of a stopped rat: registers in @state made right */
bool pad_leave(const struct window *w, struct rat_state *state, enum upr_pad_where *where, unsigned int *insn,
	       bool *counted);

static inline bool in_pad(const struct window *w, u64 pc)
{
	return pc - w->pad.pad < upr_pad_size(&w->pad);
}

/** window_same_end() - do two runs end alike, but for what is claimed dead? */
bool window_same_end(const struct window *w, const struct rat_state *native, const struct rat_state *other, char *why,
		     size_t size);

/**
 * window_reads_scratch() - a window that lowers its stack pointer may read what it has not written, and what a pad
 * (or a signal) may have: does its native end depend on it?
 */
bool window_reads_scratch(const struct window *w);

/** visits() - how often displaced instruction @insn is executed or begun natively */
unsigned int visits(const struct window *w, unsigned int insn);

/** window_text() - for people */
const char *window_text(const struct window *w);

#endif /* UPROBES_TESTS_JUMP_H */
