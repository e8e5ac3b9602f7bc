/* SPDX-License-Identifier: GPL-2.0 */
/*
 * exec.h - the parts of the execution test.
 *
 * Context: one thread.
 */
#ifndef UPROBES_TESTS_EXEC_H
#define UPROBES_TESTS_EXEC_H

#include "forms.h"
#include "machine.h"
#include "rat.h"

/* aim.c: a state in which the instruction has something to work on */

/**
 * aim() - registers, vector state and memory for one instruction
 * @code: patched: displacements and branch targets that lead somewhere useful
 * @insn: decoded again after patching
 */
void aim(struct rat_state *start, const struct rat_state *blank, u8 *code, struct upr_insn *insn);

/* The parts of it, for windows of several instructions. */
extern const char *const gpr_names[16];
u64 random_address(void); /* mostly in the rat's data */
u64 random_target(void);  /* mostly in its code, not near RAT_ORIG */
u64 random_value(void);
u64 random_stack(void);
void random_memory(struct rat_state *s);
void random_vectors(u8 *xstate);
void tame_vectors(u8 *xstate, const struct upr_insn *insn);
u64 operand_base(const struct upr_insn *insn, const struct rat_state *s); /* of its segment */
void patch_field(u8 *code, struct upr_span at, u64 value);
void put_target(struct rat_state *s, u64 addr, u64 target); /* a word of data or stack */

/* Why a form is not run at random, or NULL. */
const char *skip_reason(const struct upr_insn *insn);

/* The instruction's results differ from run to run: registers and flags it writes are not compared. */
bool is_volatile(const struct upr_insn *insn);

/* ways.c: one instruction from one state, in each way */

/**
 * struct way_case - what to run
 * @area: address of the slot area, for BOOST and STEP
 */
struct way_case {
	const struct upr_xol *xol;
	const struct rat_state *start;
	u64 area;
};

enum way_result {
	WAY_DONE,	/* @end is where it led */
	WAY_FALLBACK,	/* emulation declined; nothing has changed */
	WAY_RANGE,	/* no slot at this distance: -ERANGE */
	WAY_HUNG,	/* did not stop */
	WAY_BROKEN,	/* the contract was violated: way_complaint says how */
};

extern char way_complaint[256];

bool run_native(const u8 *code, unsigned int length, const struct rat_state *start, struct rat_state *end);
enum way_result run_way(enum upr_way way, const struct way_case *c, struct rat_state *end);

/* Puts an instruction, or what is left of it under a probe, at RAT_ORIG. */
void place_code(const u8 *code, unsigned int length, bool armed);

/* compare.c */

/**
 * same_end() - do two runs end alike?
 * @way: how @other was run
 * @native, @other: as they ended
 * @why: out: what differs
 */
bool same_end(enum upr_way way, const struct upr_insn *insn, const struct rat_state *native,
	      const struct rat_state *other, char *why, size_t size);

/* How often it was left out that NT had been lost; see struct machine. */
extern unsigned long nt_lost;

bool same_stop(const struct rat_state *native, const struct rat_state *other, char *why, size_t size);
bool same_segments(const struct user_regs_struct *a, const struct user_regs_struct *b);
bool same_vectors(const u8 *native, const u8 *other, char *why, size_t size);

/* exec.c: ok(), diag() and skip() of tap.h, which counts per source file */
__attribute__((format(printf, 2, 3))) int check(bool pass, const char *fmt, ...);
__attribute__((format(printf, 1, 2))) void note(const char *fmt, ...);
void leave_out(const char *name, const char *reason);

/* special.c: system calls, signals, growing stacks: what cannot be run at random */
void test_special(const struct rat_state *blank);

#endif /* UPROBES_TESTS_EXEC_H */
