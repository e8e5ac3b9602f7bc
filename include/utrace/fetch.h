/* SPDX-License-Identifier: GPL-2.0 */
/*
 * utrace/fetch.h - fetch programs: what a hit is to tell of the program it stopped.
 *
 * Purpose: a small verified bytecode that reads registers and user memory of a stopped
 * task and leaves the values of a probe's arguments in a record.  It is the same
 * wherever a hit is handled, and knows nothing of files, types or names: whoever has compiled it
 * knows what the bytes mean.
 *
 * A stack machine of 64-bit words.  Each argument is a section of its own that begins with UPR_FETCH_ARG; jumps
 * lead forwards and stay in their section, so a program of n instructions executes at most n.
 * What an argument cannot have (no such memory, no value at this place) is told by its status;
 * the arguments after it are fetched all the same.
 *
 * The record: @fixed bytes in which each argument has its place, zero where nothing was stored, then the
 * strings.  A string's place in the first part is a u32: length with the NUL << 16 | offset from
 * the record's start, as "__data_loc" of the kernel's trace events.
 *
 * Locks: none.  Programs are constant once verified.
 */
#ifndef UTRACE_FETCH_H
#define UTRACE_FETCH_H

#include <upr-compat.h>
#include <utrace/target.h>

/* Limits of a program, for whoever compiles one. */
#define UPR_FETCH_INSNS		8192	/* instructions */
#define UPR_FETCH_STACK		32	/* words */
#define UPR_FETCH_FIXED		32768	/* bytes of the first part */
#define UPR_FETCH_STRING	4096	/* bytes of a string, NUL included */

/**
 * enum upr_fetch_op - "a b -- c": takes b, then a from the stack, leaves c
 * UPR_FETCH_STRING_AT with @arg 1 leaves 0 in its place where there is no such memory: one string of several is no fault.
 */
enum upr_fetch_op {
	UPR_FETCH_ARG,		/* argument @imm begins; its section ends before @target */
	UPR_FETCH_PUSH,		/* -- @imm */
	UPR_FETCH_REG,		/* -- register @arg, enum upr_fetch_reg */
	UPR_FETCH_VREG,		/* -- 8 bytes of vector register @arg, from byte @imm on (0 or 8) */
	UPR_FETCH_BIAS,		/* -- where the file is mapped, minus its own addresses */
	UPR_FETCH_LOAD,		/* address -- @arg bytes there, zero-extended */
	UPR_FETCH_SEXT,		/* a -- its low @arg bits, sign-extended */
	UPR_FETCH_ZEXT,		/* a -- its low @arg bits */
	UPR_FETCH_ADDI,		/* a -- a + @imm */
	UPR_FETCH_ADD,		/* a b -- a + b, and so on */
	UPR_FETCH_SUB,
	UPR_FETCH_MUL,
	UPR_FETCH_DIV,		/* signed; by zero: UPR_FETCH_FAULT */
	UPR_FETCH_MOD,		/* unsigned */
	UPR_FETCH_AND,
	UPR_FETCH_OR,
	UPR_FETCH_XOR,
	UPR_FETCH_SHL,		/* by 64 or more: all bits are gone */
	UPR_FETCH_SHR,
	UPR_FETCH_SAR,
	UPR_FETCH_EQ,		/* a b -- 1 or 0; signed */
	UPR_FETCH_NE,
	UPR_FETCH_LT,
	UPR_FETCH_LE,
	UPR_FETCH_GT,
	UPR_FETCH_GE,
	UPR_FETCH_NEG,
	UPR_FETCH_NOT,
	UPR_FETCH_ABS,
	UPR_FETCH_PICK,		/* -- the word that @arg words lie on */
	UPR_FETCH_DROP,		/* a -- */
	UPR_FETCH_SWAP,		/* a b -- b a */
	UPR_FETCH_ROT,		/* a b c -- c a b */
	UPR_FETCH_JMP,		/* to @target */
	UPR_FETCH_JNZ,		/* a --, to @target if it is not 0 */
	UPR_FETCH_JEQ,		/* a -- a, to @target if it is @imm */
	UPR_FETCH_STORE,	/* a --, its low @arg bytes to place @at */
	UPR_FETCH_BYTES,	/* address --, @imm bytes there to place @at */
	UPR_FETCH_STRING_AT,	/* address --, the string there to the end, its u32 to place @at; @imm bytes at most */
	UPR_FETCH_STRING_OF,	/* address length --, so many characters, likewise */
	UPR_FETCH_COMM,		/* the task's name, a string */
	UPR_FETCH_NONE,		/* the argument has no value: status @arg */
	UPR_NR_FETCH_OPS,
};

/* Registers that are no enum upr_gpr. */
enum upr_fetch_reg {
	UPR_FETCH_IP = 16,
	UPR_FETCH_FLAGS,
	UPR_FETCH_FS_BASE,
	UPR_FETCH_GS_BASE,
	UPR_NR_FETCH_REGS,
};

/**
 * enum upr_fetch_status - of an argument
 * From UPR_FETCH_NO_VALUE on the meaning is the compiler's.
 */
enum upr_fetch_status {
	UPR_FETCH_OK,
	UPR_FETCH_FAULT,	/* memory that is not there, or division by zero */
	UPR_FETCH_NO_ROOM,	/* the record is full: an empty string */
	UPR_FETCH_NO_VALUE = 16,
};

/** struct upr_fetch_insn - an instruction; what an operation does not use is 0 */
struct upr_fetch_insn {
	u8 op;
	u8 arg;
	u16 target;
	u32 at;
	s64 imm;
};

/**
 * struct upr_fetch_prog - a program
 * @nr:		instructions; the first is UPR_FETCH_ARG if there is one
 * @nr_args:	arguments
 * @fixed:	bytes of the record's first part
 */
struct upr_fetch_prog {
	const struct upr_fetch_insn *code;
	u32 nr;
	u32 nr_args;
	u32 fixed;
};

/**
 * struct upr_fetch_at - where a program is run
 * @task:	stopped
 * @bias:	see UPR_FETCH_BIAS
 * @comm:	the task's name
 */
struct upr_fetch_at {
	struct utrace_task *task;
	u64 bias;
	const char *comm;
};

/**
 * upr_fetch_verify() - can it be run without harm
 * Arguments come in their order from 0, every one of them once.  The stack is empty at the start and
 * the end of each section and has one depth at each instruction.
 * Context: sleeping (allocates).
 * Return: 0; -EINVAL with *where: the instruction that is wrong; -E2BIG beyond a limit; -ENOMEM.
 */
int upr_fetch_verify(const struct upr_fetch_prog *prog, u32 *where);

/**
 * upr_fetch_run() - fetch
 * @prog:	verified
 * @out:	the record, @room bytes, at least prog->fixed; at most 65535 are used
 * @status:	prog->nr_args of enum upr_fetch_status
 * Context: atomic; at->task stopped.
 * Return: bytes of the record; -ENOSPC: @room is less than prog->fixed; -ESRCH: the task is gone.
 */
int upr_fetch_run(const struct upr_fetch_prog *prog, const struct upr_fetch_at *at, u8 *out, size_t room, u8 *status);

#endif /* UTRACE_FETCH_H */
