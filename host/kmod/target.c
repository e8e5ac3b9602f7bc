// SPDX-License-Identifier: GPL-2.0
/*
 * target.c - struct target_ops of the kernel home.
 *
 * Purpose: registers are the saved pt_regs of a task that is current or held;
 * its memory is reached only while it is current, without faulting anything in.
 *
 * No locks of its own; the engine may hold the task's.
 */
#include <linux/sched/task_stack.h>
#include <linux/uaccess.h>
#include <asm/msr.h>

#include "home.h"

/* What a program may change by regs_set: nothing that gives it power. */
#define USER_FLAGS                                                                                       \
	(X86_EFLAGS_CF | X86_EFLAGS_PF | X86_EFLAGS_AF | X86_EFLAGS_ZF | X86_EFLAGS_SF | X86_EFLAGS_DF | \
	 X86_EFLAGS_OF | X86_EFLAGS_RF | X86_EFLAGS_NT | X86_EFLAGS_AC | X86_EFLAGS_ID)

static struct kmod_task *kmod_of(struct utrace_task *task)
{
	return task->host;
}

static void task_interrupt(struct utrace_task *task)
{
	struct kmod_task *kt = kmod_of(task);

	kmod_task_want(kt, KMOD_WANT_QUIESCE, kt->task == current ? TWA_RESUME : TWA_SIGNAL);
	/* it may be held */
	wake_up_all(&kt->wait);
}

static void task_resume(struct utrace_task *task, enum utrace_resume how)
{
	struct kmod_task *kt = kmod_of(task);

	WRITE_ONCE(kt->how, how);
	set_bit(KMOD_RESUMED, &kt->want);
	wake_up_all(&kt->wait);
}

static int pc_get(struct utrace_task *task, u64 *ret)
{
	*ret = task_pt_regs(kmod_of(task)->task)->ip;
	return 0;
}

static int pc_set(struct utrace_task *task, u64 pc)
{
	task_pt_regs(kmod_of(task)->task)->ip = pc;
	return 0;
}

/* Where each general register is saved, in the architecture's numbering. */
static const u16 gpr_place[UPR_NR_GPR] = {
	[UPR_RAX] = offsetof(struct pt_regs, ax),  [UPR_RCX] = offsetof(struct pt_regs, cx),
	[UPR_RDX] = offsetof(struct pt_regs, dx),  [UPR_RBX] = offsetof(struct pt_regs, bx),
	[UPR_RSP] = offsetof(struct pt_regs, sp),  [UPR_RBP] = offsetof(struct pt_regs, bp),
	[UPR_RSI] = offsetof(struct pt_regs, si),  [UPR_RDI] = offsetof(struct pt_regs, di),
	[UPR_R8] = offsetof(struct pt_regs, r8),   [UPR_R9] = offsetof(struct pt_regs, r9),
	[UPR_R10] = offsetof(struct pt_regs, r10), [UPR_R11] = offsetof(struct pt_regs, r11),
	[UPR_R12] = offsetof(struct pt_regs, r12), [UPR_R13] = offsetof(struct pt_regs, r13),
	[UPR_R14] = offsetof(struct pt_regs, r14), [UPR_R15] = offsetof(struct pt_regs, r15),
};

static unsigned long *gpr(struct pt_regs *regs, int n)
{
	return (void *)regs + gpr_place[n];
}

/* The bases of the running task are in the CPU, not yet in its thread_struct. */
static void get_bases(struct task_struct *task, struct upr_regs *ret)
{
	if (task == current) {
		rdmsrl(MSR_FS_BASE, ret->fs_base);
		rdmsrl(MSR_KERNEL_GS_BASE, ret->gs_base);
	} else {
		ret->fs_base = task->thread.fsbase;
		ret->gs_base = task->thread.gsbase;
	}
}

static int regs_get(struct utrace_task *task, struct upr_regs *ret)
{
	struct kmod_task *kt = kmod_of(task);
	struct pt_regs *regs = task_pt_regs(kt->task);
	int i;

	for (i = 0; i < UPR_NR_GPR; i++)
		ret->gpr[i] = *gpr(regs, i);
	ret->ip = regs->ip;
	ret->flags = regs->flags;
	if (kt->stepping && !kt->own_tf)
		ret->flags &= ~(u64)X86_EFLAGS_TF;
	ret->orig_ax = regs->orig_ax;
	ret->mode32 = !user_64bit_mode(regs);
	get_bases(kt->task, ret);
	return 0;
}

/* The bases stay: no instruction that the engine emulates changes them. */
static int regs_set(struct utrace_task *task, const struct upr_regs *new)
{
	struct kmod_task *kt = kmod_of(task);
	struct pt_regs *regs = task_pt_regs(kt->task);
	int i;

	for (i = 0; i < UPR_NR_GPR; i++)
		*gpr(regs, i) = new->gpr[i];
	regs->ip = new->ip;
	regs->flags = (regs->flags & ~USER_FLAGS) | (new->flags &USER_FLAGS);
	if (kt->stepping) {
		kt->own_tf = new->flags &X86_EFLAGS_TF;
	} else {
		regs->flags &= ~X86_EFLAGS_TF;
		regs->flags |= new->flags &X86_EFLAGS_TF;
	}
	regs->orig_ax = new->orig_ax;
	return 0;
}

/* A fault here may mean no page or no mapping: the CPU will find out which. */
static int mem_read(struct utrace_task *task, u64 addr, void *buf, size_t len)
{
	if (kmod_of(task)->task != current)
		return -EAGAIN;
	if (!access_ok((void __user *)addr, len))
		return -EFAULT;
	return copy_from_user_nofault(buf, (const void __user *)addr, len) ? -EAGAIN : 0;
}

/* A write over a page boundary could be torn: left to the CPU. */
static int mem_write(struct utrace_task *task, u64 addr, const void *buf, size_t len)
{
	if (kmod_of(task)->task != current || offset_in_page(addr) + len > PAGE_SIZE)
		return -EAGAIN;
	if (!access_ok((void __user *)addr, len))
		return -EFAULT;
	return copy_to_user_nofault((void __user *)addr, buf, len) ? -EAGAIN : 0;
}

static int text_read(struct upr_mm *mm, u64 addr, void *buf, size_t len)
{
	return kmod_text_access(mm->host, addr, buf, len, false);
}

static int text_write(struct upr_mm *mm, u64 addr, const void *buf, size_t len)
{
	return kmod_text_access(mm->host, addr, (void *)buf, len, true);
}

const struct target_ops kmod_target_ops = {
	.task_interrupt = task_interrupt,
	.task_resume = task_resume,
	.pc_get = pc_get,
	.pc_set = pc_set,
	.regs_get = regs_get,
	.regs_set = regs_set,
	.mem_read = mem_read,
	.mem_write = mem_write,
	.text_read = text_read,
	.text_write = text_write,
	.area_map = kmod_area_map,
	.area_unmap = kmod_area_unmap,
	.defer = kmod_defer,
};
