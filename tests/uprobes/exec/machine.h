/* SPDX-License-Identifier: GPL-2.0 */
/*
 * machine.h - what some virtual machines do otherwise than a CPU.
 *
 * Purpose: what cannot be compared there is left out and counted; on all others everything is
 * compared.  Nobody asks for the machine's name: each peculiarity is tried out in the rat.
 *
 * Context: one thread, as rat.h.
 */
#ifndef UPROBES_TESTS_MACHINE_H
#define UPROBES_TESTS_MACHINE_H

#include <stdbool.h>

#include <upr-compat.h>

/**
 * struct machine - what it can do
 * @code32:	execute 32-bit code
 * @any_rsp:	go on from a stop with a stack pointer that is not canonical; others send SIGSEGV then
 * @keeps_nt:	go on from a stop with NT set, if it is
 * @steps_cpuid: stop behind it; others, which have it executed by somebody else, stop behind the next instruction
 */
struct machine {
	bool code32, any_rsp, keeps_nt, steps_cpuid;
};

extern struct machine machine;

#define EFLAGS_NT 0x4000ull
#define NO_CODE32 "this machine executes no 32-bit code"

/** machine_try() - find out; the rat is as before then */
void machine_try(void);

/* Can a stopped thread go on with this stack pointer? */
static inline bool can_go_on(u64 rsp)
{
	return machine.any_rsp || (u64)((s64)(rsp << 16) >> 16) == rsp;
}

#endif /* UPROBES_TESTS_MACHINE_H */
