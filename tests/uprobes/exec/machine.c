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

/* Steps a nop from @regs.  Return: it is behind it. */
static bool step_nop(struct user_regs_struct *regs)
{
	static struct rat_state why;

	*(u8 *)STUB = 0x90;
	regs->rip = STUB;
	rat_put_regs(regs);
	rat_run(PTRACE_SINGLESTEP, &why);
	rat_get_regs(regs);
	*(u8 *)STUB = UPR_BREAKPOINT;
	return why.signo == SIGTRAP && regs->rip == STUB + 1;
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

void machine_try(void)
{
	struct user_regs_struct saved, regs;

	rat_get_regs(&saved);
	regs = plain_regs(&saved);
	regs.cs = 0x23;
	machine.code32 = step_nop(&regs);
	regs = plain_regs(&saved);
	regs.rsp = 0x8000123456789abc;
	machine.any_rsp = step_nop(&regs);
	regs = plain_regs(&saved);
	regs.eflags |= EFLAGS_NT;
	machine.keeps_nt = step_nop(&regs) && (regs.eflags & EFLAGS_NT);
	rat_put_regs(&saved);
}
