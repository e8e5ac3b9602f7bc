/* SPDX-License-Identifier: GPL-2.0 */
/*
 * rat.h - a process that executes what it is given, and nothing else.
 *
 * Purpose: the execution test runs single instructions with arbitrary registers,
 * vector state and memory.  The rat is a traced child whose address space holds
 * the regions below and nothing besides: a wild jump meets an int3 or a hole.  The
 * regions are shared with the tracer at the same addresses, where they are writable.
 *
 * Context: one rat, one thread.  No locks.
 */
#ifndef UPROBES_TESTS_RAT_H
#define UPROBES_TESTS_RAT_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>
#include <sys/user.h>

#include <upr-compat.h>
#include <utrace/utrace.h>
#include <upr-arch.h>

/* All below 4 GiB, for 32-bit code; RAT_FAR is out of reach of everything. */
#define RAT_CODE	0x10000000ull	/* r-x: full of int3, one instruction at RAT_ORIG */
#define RAT_CODE_SIZE	0x10000ull
#define RAT_ORIG	(RAT_CODE + 0x8000)
#define RAT_NEAR	0x10100000ull	/* r-x: a slot area in reach */
#define RAT_FAR		0x7e0000000000ull
#define RAT_AREA_SIZE	0x1000ull
#define RAT_PUN		0x10cc8000ull	/* r-x: pads; a pun of RAT_ORIG leads here if its bytes are cc, and 00 last */
#define RAT_PUN_SIZE	0x11000ull
#define RAT_HIGH	0x8f000000ull	/* r-x: pads in reach of RAT_ORIG, RAT_DATA and RAT_STACK, but not of RAT_LOW */
#define RAT_LOW		0x0f000000ull	/* nothing: in reach of RAT_ORIG */
#define RAT_COUNT	0x28000000ull	/* rw-: what pads find their counters by */
#define RAT_COUNT_SIZE	0x4000ull
#define RAT_BLOCKS	0x7d0000000000ull /* rw-: the counters, not below 4 GiB */
#define RAT_BLOCKS_SIZE	0x100000ull
#define RAT_DATA	0x20000000ull	/* rw-, then RO, then a guard page */
#define RAT_DATA_SIZE	0x4000ull
#define RAT_RO		(RAT_DATA + RAT_DATA_SIZE)
#define RAT_RO_SIZE	0x1000ull
#define RAT_GUARD	(RAT_RO + RAT_RO_SIZE)
#define RAT_STACK	0x30000000ull	/* rw-, nothing below */
#define RAT_STACK_SIZE	0x2000ull
#define RAT_PADS_SIZE	0x2000ull	/* at RAT_HIGH */
#define RAT_XSTATE_MAX	16384	/* AMX tiles included */

/**
 * struct rat_state - everything an instruction can see or change
 * @signo, @code, @addr: why it stopped: the signal as siginfo has it
 */
struct rat_state {
	struct user_regs_struct regs;
	int signo;
	int code;
	u64 addr;
	u8 xstate[RAT_XSTATE_MAX] __attribute__((aligned(64)));
	u8 data[RAT_DATA_SIZE + RAT_RO_SIZE];
	u8 stack[RAT_STACK_SIZE];
};

extern pid_t rat_pid;
extern size_t rat_xstate_size;

/**
 * rat_start() - make the rat, and try out the machine (machine.h)
 * @init:	registers and vector state to start from
 * Exits on failure.
 */
void rat_start(struct rat_state *init);
void rat_stop(void);

/** rat_put(), rat_get() - all of a state but the reason for the stop, into the rat and back */
void rat_put(const struct rat_state *state);
void rat_get(struct rat_state *state);
void rat_put_regs(const struct user_regs_struct *regs);
void rat_get_regs(struct user_regs_struct *regs);

/**
 * rat_run() - let it run or step until it stops
 * @request: PTRACE_CONT or PTRACE_SINGLESTEP
 * Return: false when it did not stop within two seconds (it is stopped then).
 * Only the reason for the stop is filled in.
 */
bool rat_run(int request, struct rat_state *state);

/** rat_syscall() - have the rat make a system call */
long rat_syscall(long nr, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f);

/** The seam, as far as emulation needs it. */
extern struct utrace_task rat_task;

void rat_to_upr(const struct user_regs_struct *from, struct upr_regs *to);
void rat_from_upr(const struct upr_regs *from, struct user_regs_struct *to);

#endif /* UPROBES_TESTS_RAT_H */
