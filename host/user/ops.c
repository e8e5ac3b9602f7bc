// SPDX-License-Identifier: GPL-2.0
/*
 * ops.c - target_ops: registers and control of a stopped task.
 *
 * Purpose: registers are read once per stop and written back when the task is
 * let go, the pc alone where nobody asks for more: a hit that only sets pc costs one
 * PEEKUSER and one POKEUSER.
 *
 * A task that waits for its vfork child cannot be looked at.  What it had when
 * it went to wait is remembered; what is changed meanwhile is written when it
 * stops again, which it does before it returns to user mode.
 *
 * No locks.
 */
#include "host.h"

#include <errno.h>
#include <sys/ptrace.h>

#define CODE_SEGMENT_32 0x23

static struct host_task *host_of(struct utrace_task *task)
{
	return task->host;
}

long host_ptrace(int request, pid_t tid, unsigned long addr, unsigned long data)
{
	long r;

	errno = 0;
	r = ptrace(request, tid, (void *)addr, (void *)data);
	return r == -1 && errno ? -errno : r;
}

/* --- the cache --------------------------------------------------------------- */

void regs_forget(struct host_task *t)
{
	t->regs_valid = false;
	t->regs_dirty = false;
	t->pc_valid = false;
	t->pc_dirty = false;
}

static int accessible(const struct host_task *t)
{
	return t->state == TASK_STOPPED ? 0 : -ESRCH;
}

int regs_load(struct host_task *t)
{
	u64 pc = t->regs.rip;
	long r;

	if (t->regs_valid)
		return 0;
	r = accessible(t);
	if (!r)
		r = host_ptrace(PTRACE_GETREGS, t->tid, 0, (unsigned long)&t->regs);
	if (r < 0)
		return -ESRCH;
	if (t->pc_dirty) {
		t->regs.rip = pc;
		t->regs_dirty = true;
		t->pc_dirty = false;
	}
	t->regs_valid = true;
	t->pc_valid = true;
	return 0;
}

int regs_pc(struct host_task *t, u64 *pc)
{
	long r;

	if (!t->pc_valid) {
		if (accessible(t))
			return -ESRCH;
		errno = 0;
		r = ptrace(PTRACE_PEEKUSER, t->tid, (void *)offsetof(struct user, regs.rip), NULL);
		if (r == -1 && errno)
			return -ESRCH;
		t->regs.rip = (unsigned long)r;
		t->pc_valid = true;
	}
	*pc = t->regs.rip;
	return 0;
}

void regs_set_pc(struct host_task *t, u64 pc)
{
	if (t->pc_valid && t->regs.rip == pc)
		return;
	t->regs.rip = pc;
	t->pc_valid = true;
	if (t->regs_valid)
		t->regs_dirty = true;
	else
		t->pc_dirty = true;
}

int regs_flush(struct host_task *t)
{
	long r = 0;

	if (t->state != TASK_STOPPED)
		return 0;
	if (t->trapped && (t->regs_dirty || t->pc_dirty))
		survive_mark(t);
	if (t->regs_dirty)
		r = host_ptrace(PTRACE_SETREGS, t->tid, 0, (unsigned long)&t->regs);
	else if (t->pc_dirty)
		r = host_ptrace(PTRACE_POKEUSER, t->tid, offsetof(struct user, regs.rip), t->regs.rip);
	t->regs_dirty = false;
	t->pc_dirty = false;
	return r < 0 ? -ESRCH : 0;
}

/*
 * What the tasks stand in or on is about to change: should we die then, each must have
 * what it was given.
 */
void regs_flush_all(struct host_mm *mm)
{
	struct host_task *t;

	list_for_each_entry(t, &mm->tasks, mm_node)
		if (t->regs_dirty || t->pc_dirty)
			regs_flush(t);
}

/* --- registers ----------------------------------------------------------------- */

static int op_pc_get(struct utrace_task *task, u64 *ret)
{
	return regs_pc(host_of(task), ret);
}

static int op_pc_set(struct utrace_task *task, u64 pc)
{
	struct host_task *t = host_of(task);

	if (t->state != TASK_STOPPED && t->state != TASK_VFORK)
		return -ESRCH;
	regs_set_pc(t, pc);
	return 0;
}

static int op_regs_get(struct utrace_task *task, struct upr_regs *ret)
{
	struct host_task *t = host_of(task);
	const struct user_regs_struct *r = &t->regs;
	int err = regs_load(t);

	if (err)
		return err;
	ret->gpr[UPR_RAX] = r->rax;
	ret->gpr[UPR_RCX] = r->rcx;
	ret->gpr[UPR_RDX] = r->rdx;
	ret->gpr[UPR_RBX] = r->rbx;
	ret->gpr[UPR_RSP] = r->rsp;
	ret->gpr[UPR_RBP] = r->rbp;
	ret->gpr[UPR_RSI] = r->rsi;
	ret->gpr[UPR_RDI] = r->rdi;
	ret->gpr[UPR_R8] = r->r8;
	ret->gpr[UPR_R9] = r->r9;
	ret->gpr[UPR_R10] = r->r10;
	ret->gpr[UPR_R11] = r->r11;
	ret->gpr[UPR_R12] = r->r12;
	ret->gpr[UPR_R13] = r->r13;
	ret->gpr[UPR_R14] = r->r14;
	ret->gpr[UPR_R15] = r->r15;
	ret->ip = r->rip;
	/* the kernel hides the TF that a step has set, and shows the program's own */
	ret->flags = r->eflags;
	ret->orig_ax = r->orig_rax;
	ret->fs_base = r->fs_base;
	ret->gs_base = r->gs_base;
	ret->mode32 = r->cs == CODE_SEGMENT_32;
	return 0;
}

static int op_regs_set(struct utrace_task *task, const struct upr_regs *regs)
{
	struct host_task *t = host_of(task);
	struct user_regs_struct *r = &t->regs;
	int err = regs_load(t);

	if (err)
		return err;
	r->rax = regs->gpr[UPR_RAX];
	r->rcx = regs->gpr[UPR_RCX];
	r->rdx = regs->gpr[UPR_RDX];
	r->rbx = regs->gpr[UPR_RBX];
	r->rsp = regs->gpr[UPR_RSP];
	r->rbp = regs->gpr[UPR_RBP];
	r->rsi = regs->gpr[UPR_RSI];
	r->rdi = regs->gpr[UPR_RDI];
	r->r8 = regs->gpr[UPR_R8];
	r->r9 = regs->gpr[UPR_R9];
	r->r10 = regs->gpr[UPR_R10];
	r->r11 = regs->gpr[UPR_R11];
	r->r12 = regs->gpr[UPR_R12];
	r->r13 = regs->gpr[UPR_R13];
	r->r14 = regs->gpr[UPR_R14];
	r->r15 = regs->gpr[UPR_R15];
	r->rip = regs->ip;
	r->eflags = regs->flags;
	r->orig_rax = regs->orig_ax;
	t->regs_dirty = true;
	return 0;
}

static int op_vector_get(struct utrace_task *task, unsigned int nr, u64 ret[2])
{
	struct host_task *t = host_of(task);
	struct user_fpregs_struct fp;
	long r = accessible(t);

	if (!r)
		r = host_ptrace(PTRACE_GETFPREGS, t->tid, 0, (unsigned long)&fp);
	if (r)
		return (int)r;
	memcpy(ret, &fp.xmm_space[4 * nr], 2 * sizeof(*ret));
	return 0;
}

/* --- control ---------------------------------------------------------------------- */

static void op_task_interrupt(struct utrace_task *task)
{
	struct host_task *t = host_of(task);

	t->owed = true;
	if (t->state == TASK_RUNNING || t->state == TASK_LISTENING)
		task_interrupt(t);
	else
		task_make_ready(t);
}

static void op_task_resume(struct utrace_task *task, enum utrace_resume how)
{
	struct host_task *t = host_of(task);

	t->wish = how;
	t->held = false;
	task_make_ready(t);
}

const struct target_ops host_ops = {
	.task_interrupt = op_task_interrupt,
	.task_resume = op_task_resume,
	.pc_get = op_pc_get,
	.pc_set = op_pc_set,
	.regs_get = op_regs_get,
	.regs_set = op_regs_set,
	.vector_get = op_vector_get,
	.mem_read = host_mem_read,
	.mem_write = host_mem_write,
	.text_read = host_text_read,
	.text_write = host_text_write,
	.data_add = host_data_add,
	.trap_planted = host_trap_planted,
	.area_map = host_area_map,
	.area_unmap = host_area_unmap,
	.counters_map = host_counters_map,
	.counters_unmap = host_counters_unmap,
	.counters_free = host_counters_free,
	.machine = host_machine,
	.rseq = host_rseq,
	.stacks_scan = host_stacks_scan,
	.survive = host_survive,
	.breathe = host_breathe,
	.defer = home_defer,
};
