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
	case SIGTRAP: /* a handler was entered while stepping */
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
	t->trapped = true;
	if (t->proc->trap.spoiled && (t->proc->trap.ignored || t->proc->trap.caught))
		sigtrap_restore(t);
	else
		survive_at_hit(t);
}

/* Return: it was a breakpoint of somebody's. */
static bool report_int3(struct host_task *t, u64 addr)
{
	bool mine = false;

	sigtrap_after_trap(t);
	t->wish = utrace_report_breakpoint(t->ut, addr, &mine);
	if (mine)
		t->last_hit = addr;
	return mine;
}

static void int3_stopped(struct host_task *t, siginfo_t *info)
{
	u64 pc;

	if (regs_pc(t, &pc))
		return;
	/* a program without a handler of its own, on its way out */
	if (survive_has(t->mm, pc)) {
		pass_on(t, info);
		return;
	}
	if (!report_int3(t, pc - 1)) {
		stranger(t, pc - 1, info);
		return;
	}
	ours(t);
	if (t->loader)
		loader_hit(t);
	task_settle(t);
}

/* --- a trap under another's name ------------------------------------------------ */

/*
 * A sent SIGTRAP, and the pc is one byte behind a breakpoint.  Has the thread executed the
 * int3, or has it just executed a probed instruction of one byte?  In the second
 * case that was its last hit.
 */
static bool int3_executed(struct host_task *t, u64 addr)
{
	u8 code[UPR_INSN_MAX];
	struct upr_insn insn;

	if (!t->mm || !addr_set_has(&t->mm->planted, addr) || mem_get(t->mm, addr, code, 1) ||
	    code[0] != UPR_BREAKPOINT)
		return false;
	if (t->last_hit != addr)
		return true;
	return !upr_home_mem_read(t->home, t->mm->mm, addr, code, sizeof(code)) &&
	       !upr_insn_decode(&insn, code, sizeof(code), t->mm->mode32 ? UPR_INSN_32 : UPR_INSN_64) &&
	       insn.length > 1;
}

/* It was being stepped, and blocks SIGTRAP: only the step's own trap can have forced this one out. */
static bool step_executed(struct host_task *t)
{
	bool mine = false;

	if (!t->stepping || !sigtrap_blocked(t))
		return false;
	sigtrap_after_step(t);
	t->wish = utrace_report_step(t->ut, &mine);
	return mine;
}

static void sent_stopped(struct host_task *t, siginfo_t *info)
{
	bool blocked;
	u64 pc;

	if (regs_pc(t, &pc))
		return;
	signal_own_info(t, info);
	if (step_executed(t)) {
		ours(t);
		signal_send_again(t, info);
		task_settle(t);
		return;
	}
	if (!int3_executed(t, pc - 1)) {
		pass_on(t, info);
		return;
	}
	blocked = sigtrap_blocked(t);
	if (!report_int3(t, pc - 1) || !blocked) {
		pass_on(t, info);
		return;
	}
	ours(t);
	signal_send_again(t, info);
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
		sent_stopped(t, &info);
	}
}
