// SPDX-License-Identifier: GPL-2.0
/*
 * trap.c - int3 and single step of user programs, from the die notifier.
 *
 * Purpose: the atomic half of a hit.  Interrupts are off, the RCU read lock is
 * held, and the registers are task_pt_regs(current).  The notifier outranks
 * the kernel's own uprobes, which take every int3 of an address space they
 * have a probe in.
 *
 * No locks: the task is found under RCU, and its state changes only in its own
 * context.
 */
#include <linux/kdebug.h>
#include <linux/notifier.h>
#include <linux/uaccess.h>
#include <asm/debugreg.h>

#include "home.h"

/*
 * An int3 that nobody owns.  When the byte is no longer there, the probe was
 * taken out while this task was trapping: run what stands there now.  But
 * "int $3" in two bytes raises the same exception.
 */
static int foreign_int3(struct pt_regs *regs, u64 addr)
{
	u8 now[2];

	if (!copy_from_user_nofault(now, (const void __user *)(addr - 1), sizeof(now)) && now[1] != UPR_BREAKPOINT &&
	    !(now[0] == 0xcd && now[1] == 0x03)) {
		regs->ip = addr;
		return NOTIFY_STOP;
	}
	regs->ip = addr + 1;
	return NOTIFY_DONE;
}

static int report_int3(struct kmod_task *kt, struct pt_regs *regs)
{
	u64 addr = regs->ip - 1;
	enum utrace_resume how;
	bool mine = false;

	regs->ip = addr;
	clear_bit(KMOD_RESUMED, &kt->want);
	how = utrace_report_breakpoint(kt->utask, addr, &mine);
	if (!mine)
		return foreign_int3(regs, addr);
	kmod_task_after(kt, how);
	return NOTIFY_STOP;
}

/* @dr6 is the kernel's copy: what is cleared in it is dealt with. */
static int report_step(struct kmod_task *kt, unsigned long *dr6)
{
	enum utrace_resume how;
	bool mine = false;
	bool own_tf = kt->own_tf;

	if (!kt->stepping)
		return NOTIFY_DONE;
	kmod_task_step(kt, false);
	clear_bit(KMOD_RESUMED, &kt->want);
	how = utrace_report_step(kt->utask, &mine);
	kmod_task_after(kt, how);
	/* a program that steps itself gets its trap as well */
	if (!mine || own_tf)
		return NOTIFY_DONE;
	*dr6 &= ~DR_STEP;
	return *dr6 & DR_TRAP_BITS ? NOTIFY_DONE : NOTIFY_STOP;
}

static int notify(struct notifier_block *unused, unsigned long event, void *data)
{
	struct die_args *args = data;
	struct kmod_task *kt;

	if (!args->regs || !user_mode(args->regs))
		return NOTIFY_DONE;
	kt = kmod_task_find(current);
	if (!kt || !kt->utask)
		return NOTIFY_DONE;
	switch (event) {
	case DIE_INT3:
		return report_int3(kt, args->regs);
	case DIE_DEBUG:
		if (*(unsigned long *)args->err & DR_STEP)
			return report_step(kt, (unsigned long *)args->err);
		return NOTIFY_DONE;
	default:
		return NOTIFY_DONE;
	}
}

static struct notifier_block die_block = {
	.notifier_call = notify,
	.priority = INT_MAX,
};

int kmod_trap_init(void)
{
	return register_die_notifier(&die_block);
}

void kmod_trap_exit(void)
{
	unregister_die_notifier(&die_block);
}
