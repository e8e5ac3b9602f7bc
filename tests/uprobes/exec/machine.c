// SPDX-License-Identifier: GPL-2.0
/*
 * machine.c - what some virtual machines do otherwise than a CPU (see machine.h).
 *
 * Locks: none; one thread.
 */
#include <sys/ptrace.h>

#include "machine.h"
#include "rat.h"

#define STUB (RAT_NEAR + 0x800)

struct machine machine;

/* Steps the first of several instructions, from @regs.  Return: the signal it has stopped with. */
static int step(const u8 *code, size_t len, struct user_regs_struct *regs)
{
	static struct rat_state why;

	memcpy((void *)STUB, code, len);
	regs->rip = STUB;
	rat_put_regs(regs);
	rat_run(PTRACE_SINGLESTEP, &why);
	rat_get_regs(regs);
	memset((void *)STUB, UPR_BREAKPOINT, len);
	return why.signo;
}

static int step_nop(struct user_regs_struct *regs)
{
	static const u8 nop[] = {0x90};

	return step(nop, sizeof(nop), regs);
}

static int step_cpuid(struct user_regs_struct *regs)
{
	static const u8 cpuid_nop[] = {0x0f, 0xa2, 0x90};

	return step(cpuid_nop, sizeof(cpuid_nop), regs);
}

static struct user_regs_struct plain_regs(const struct user_regs_struct *saved)
{
	struct user_regs_struct regs = *saved;

	regs.cs = 0x33;
	regs.rsp = RAT_STACK + 0x1000;
	regs.eflags = 0x202;
	regs.orig_rax = ~0ull;
	return regs;
}

/* A machine is taken for a good one until it shows just what others are known for. */
void machine_try(void)
{
	struct user_regs_struct saved, regs;

	rat_get_regs(&saved);
	regs = plain_regs(&saved);
	regs.cs = 0x23;
	machine.code32 = step_nop(&regs) != SIGSEGV;
	regs = plain_regs(&saved);
	regs.rsp = 0x8000123456789abc;
	machine.any_rsp = step_nop(&regs) != SIGSEGV;
	regs = plain_regs(&saved);
	regs.eflags |= EFLAGS_NT;
	machine.keeps_nt = step_nop(&regs) != SIGTRAP || (regs.eflags & EFLAGS_NT);
	regs = plain_regs(&saved);
	machine.steps_cpuid = step_cpuid(&regs) != SIGTRAP || regs.rip != STUB + 3;
	rat_put_regs(&saved);
}
