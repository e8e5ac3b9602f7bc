// SPDX-License-Identifier: GPL-2.0
/*
 * trap.c - SIGTRAP: int3, step, or the program's own.
 *
 * Purpose: tell them apart.  The kernel's si_code says whether an instruction, a
 * step or somebody's kill() raised it; only the table of breakpoints says whether
 * an int3 is ours, since its siginfo carries no address.
 *
 * An int3 that nobody claims is the program's own, unless it is one of ours
 * that has been taken out after the thread met it (the text says so), or that
 * the program has moved to another address (mremap): then the mappings have
 * changed, and after looking at them the instruction is tried again.
 *
 * No locks.
 */
#include "host.h"

#include <sys/ptrace.h>

enum trap_cause {
	TRAP_INT3,
	TRAP_STEP,
	TRAP_SENT,
};

/* The trap of a step may be late: the engine knows whether it still owes one. */
static enum trap_cause trap_cause(const siginfo_t *info)
{
	switch (info->si_code) {
	case SI_KERNEL:
		return TRAP_INT3;
	case TRAP_BRKPT:
	case TRAP_TRACE:
	case SIGTRAP:			/* a handler was entered while stepping */
		return TRAP_STEP;
	default:
		return TRAP_SENT;
	}
}

static void pass_on(struct host_task *t, siginfo_t *info)
{
	signal_report(t, info);
}

static bool moved_text(struct host_task *t, u64 addr)
{
	if (t->retry == addr || maps_scan(t->mm) <= 0) {
		t->retry = 0;
		return false;
	}
	t->retry = addr;
	return true;
}

static void stranger(struct host_task *t, u64 addr, siginfo_t *info)
{
	u8 byte = 0;

	if (t->mm && !mem_get(t->mm, addr, &byte, 1)) {
		bool again = byte == UPR_BREAKPOINT ? moved_text(t, addr) : addr_set_has(&t->mm->planted, addr);

		if (again) {
			regs_set_pc(t, addr);
			t->signo = 0;
			task_settle(t);
			return;
		}
	}
	pass_on(t, info);
}

/* The program does not get to see it, nor what it did to its action. */
static void ours(struct host_task *t)
{
	t->signo = 0;
	if (t->proc->trap.spoiled && t->proc->trap.caught)
		sigtrap_restore(t);
}

static void int3_stopped(struct host_task *t, siginfo_t *info)
{
	bool mine = false;
	u64 pc;

	if (regs_pc(t, &pc))
		return;
	sigtrap_after_trap(t);
	t->wish = utrace_report_breakpoint(t->ut, pc - 1, &mine);
	if (!mine) {
		stranger(t, pc - 1, info);
		return;
	}
	ours(t);
	if (t->loader)
		loader_hit(t);
	task_settle(t);
}

static void step_stopped(struct host_task *t, siginfo_t *info)
{
	bool mine = false;

	sigtrap_after_step(t);
	t->wish = utrace_report_step(t->ut, &mine);
	if (!mine) {
		pass_on(t, info);
		return;
	}
	ours(t);
	task_settle(t);
}

void trap_stopped(struct host_task *t)
{
	siginfo_t info;

	if (host_ptrace(PTRACE_GETSIGINFO, t->tid, 0, (unsigned long)&info) < 0)
		return;
	switch (trap_cause(&info)) {
	case TRAP_INT3:
		int3_stopped(t, &info);
		break;
	case TRAP_STEP:
		step_stopped(t, &info);
		break;
	default:
		pass_on(t, &info);
	}
}
