// SPDX-License-Identifier: GPL-2.0
/*
 * fake-syscall.c - system calls of the fake host, as phases of a task.
 *
 * Purpose: entry report, the call, what it brings with it (clone, exec, exit), exit
 * report.  The engines may hold the task between any two.  A call that waits looks
 * to a debugger as in Linux: ip behind the instruction, -ERESTART... in
 * rax; letting it go starts the call again.
 *
 * Locks: none, one thread.
 */
#include "fake-int.h"

static bool heard(const struct fake_task *t, unsigned int event)
{
	return t->ut && (t->ut->events & event);
}

void fake_syscall_enter(struct fake_task *t)
{
	enum utrace_resume how;

	t->regs.orig_ax = t->regs.gpr[UPR_RAX];
	t->regs.gpr[UPR_RAX] = (u64)-38;
	t->phase = FAKE_SYSCALL;
	t->sys_action = UTRACE_SYSCALL_RUN;
	if (heard(t, UTRACE_EV_SYSCALL_ENTRY)) {
		fake_report_enter(t, false);
		how = utrace_report_syscall_entry(t->ut, &t->sys_action, &t->sys_result);
		fake_report_leave(t, false, how);
	}
	fake_syscall_go(t);
}

static void finish(struct fake_task *t, s64 ret)
{
	t->regs.gpr[UPR_RAX] = ret;
	t->phase = FAKE_SYSRET;
}

static void block(struct fake_task *t, int restart)
{
	t->regs.gpr[UPR_RAX] = -(s64)restart;
	t->phase = FAKE_BLOCKED;
}

/* The call is left before it is done: by a handler, or to be started again. */
void fake_syscall_restart(struct fake_task *t, bool handler)
{
	bool nohand = t->regs.gpr[UPR_RAX] == (u64)-FAKE_ERESTARTNOHAND;
	struct fake_map *map;

	if (nohand && handler) {
		t->regs.gpr[UPR_RAX] = (u64)-EINTR;
	} else {
		t->regs.gpr[UPR_RAX] = t->regs.orig_ax;
		t->regs.ip -= 2;
		/* to the program it has not been executed yet */
		fake_oracle_count(t->mm, t->sys_site, -1);
		map = fake_map_at(t->mm, t->regs.ip);
		if (map && map->area)
			t->site = t->sys_site;
	}
	t->regs.orig_ax = -1;
	t->phase = FAKE_USER;
}

/* --- children ---------------------------------------------------------------- */

static struct fake_task *newborn(struct fake_task *t, struct fake_mm *mm, bool thread)
{
	struct fake_task *child = fake_task_raw(mm, thread ? t->tgid : 0);

	child->regs = t->regs;
	child->regs.gpr[UPR_RAX] = 0;
	child->regs.orig_ax = -1;
	child->blocked = t->blocked;
	return child;
}

static void born(struct fake_task *t, struct fake_task *child, unsigned int flags)
{
	t->child = child;
	t->clone_flags = flags;
	t->regs.gpr[UPR_RAX] = child->tid;
	t->phase = FAKE_CLONED;
	if (t->ut && fake_task_adopt(child))
		fake_fatal(t->world, "child %d could not be adopted", child->tid);
}

static void do_clone(struct fake_task *t)
{
	bool thread = t->regs.gpr[UPR_RDI] == 1;
	struct fake_task *child = newborn(t, t->mm, thread);

	if (t->regs.gpr[UPR_RSI])
		child->regs.gpr[UPR_RSP] = t->regs.gpr[UPR_RSI];
	born(t, child, UTRACE_CLONE_VM | (thread ? UTRACE_CLONE_THREAD : 0));
}

static void do_fork(struct fake_task *t)
{
	struct fake_mm *mm = fake_mm_raw(t->world);
	const struct fake_probes *probes = t->world->probes;

	fake_mm_copy(mm, t->mm);
	if (t->mm->upr && (probes->adopt_mm(mm) || probes->fork(t->mm, mm)))
		fake_fatal(t->world, "the engine refuses a forked address space");
	born(t, newborn(t, mm, false), 0);
}

static void do_vfork(struct fake_task *t)
{
	struct fake_task *child = newborn(t, t->mm, false);

	child->vfork_parent = t;
	t->vfork_child = child;
	born(t, child, UTRACE_CLONE_VM | UTRACE_CLONE_VFORK);
}

static void report_clone(struct fake_task *t)
{
	enum utrace_resume how;

	t->phase = t->vfork_child ? FAKE_BLOCKED : FAKE_SYSRET;
	if (!t->ut)
		return;
	fake_report_enter(t, false);
	how = utrace_report_clone(t->ut, t->child->ut, t->clone_flags);
	fake_report_leave(t, false, how);
}

/* --- exec and exit --------------------------------------------------------------- */

static void do_exec(struct fake_task *t)
{
	u64 n = t->regs.gpr[UPR_RDI];
	struct fake_mm *old = t->mm, *mm;
	struct fake_world *w = t->world;
	struct fake_task *u;

	if (n >= ARRAY_SIZE(w->programs) || !w->programs[n]) {
		finish(t, -ENOENT);
		return;
	}
	list_for_each_entry(u, &w->tasks, node)
		if (u != t && u->tgid == t->tgid)
			fake_task_die(u, 0);
	mm = fake_mm_new(w);
	fake_map_raw(mm, w->program_base[n], w->programs[n]->len, FAKE_R | FAKE_X, w->programs[n], 0);
	fake_map_raw(mm, FAKE_STACK - 2 * FAKE_PAGE, 2 * FAKE_PAGE, FAKE_R | FAKE_W, NULL, 0);
	if (t->vfork_parent)
		t->vfork_parent->vfork_child = NULL;
	t->vfork_parent = NULL;
	memset(&t->regs, 0, sizeof(t->regs));
	t->regs.ip = w->program_base[n];
	t->regs.flags = 0x202;
	t->regs.orig_ax = FAKE_SYS_EXEC;
	t->regs.gpr[UPR_RSP] = FAKE_STACK - 64;
	t->blocked = 0;
	t->mm = mm;
	t->phase = FAKE_EXECED;
	t->in_hand = true;
	if (old->upr) {
		if (w->probes->adopt_mm(mm) || w->probes->set_mm(t, mm))
			fake_fatal(w, "the engine refuses a new address space");
		w->probes->mmap(mm, fake_map_at(mm, w->program_base[n]));
	}
	t->in_hand = false;
	fake_mm_check_dead(old);
}

static void report_exec(struct fake_task *t)
{
	enum utrace_resume how;

	t->phase = FAKE_SYSRET;
	if (!t->ut)
		return;
	fake_report_enter(t, false);
	how = utrace_report_exec(t->ut);
	fake_report_leave(t, false, how);
}

static void report_exit(struct fake_task *t)
{
	enum utrace_resume how;

	t->phase = FAKE_EXITED;
	if (!t->ut)
		return;
	fake_report_enter(t, false);
	how = utrace_report_exit(t->ut, t->code);
	fake_report_leave(t, false, how);
}

static void do_fake_exit(struct fake_task *t, bool group)
{
	t->code = (int)t->regs.gpr[UPR_RDI];
	if (group) {
		fake_group_kill(t->world, t->tgid, t->code);
		t->killed = false;
	}
	t->phase = FAKE_EXITING;
}

/* --- the rest ------------------------------------------------------------------------ */

static s64 do_kill(struct fake_task *t)
{
	struct fake_task *u;

	list_for_each_entry(u, &t->world->tasks, node) {
		if (u->tid != (int)t->regs.gpr[UPR_RDI] || u->phase == FAKE_DEAD)
			continue;
		fake_kill(u, t->regs.gpr[UPR_RSI]);
		return 0;
	}
	return -ESRCH;
}

/* The loader's mmap is seen in time: whatever the engine wants stopped is stopped before user code. */
static s64 do_mmap(struct fake_task *t)
{
	u64 n = t->regs.gpr[UPR_RDI], addr = t->regs.gpr[UPR_RSI], offset = t->regs.gpr[UPR_RDX];
	struct fake_world *w = t->world;

	if (n >= ARRAY_SIZE(w->programs) || !w->programs[n])
		return -ENOENT;
	fake_map(t->mm, addr, w->programs[n]->len - offset, FAKE_R | FAKE_X, w->programs[n], offset);
	t->must_quiesce |= t->interrupt;
	return addr;
}

static s64 do_wake(struct fake_task *t)
{
	struct fake_task *u;

	list_for_each_entry(u, &t->world->tasks, node)
		if (u->mm == t->mm && u != t)
			fake_wake(u);
	return 0;
}

/* Kept for the next wait if the task is not waiting. */
void fake_wake(struct fake_task *t)
{
	t->wake = 1;
}

static void do_wait(struct fake_task *t)
{
	if (t->wake != 1) {
		block(t, FAKE_ERESTARTSYS);
		return;
	}
	t->wake = 0;
	finish(t, 0);
}

static void do_simple(struct fake_task *t)
{
	u64 *gpr = t->regs.gpr;

	switch (t->regs.orig_ax) {
	case FAKE_SYS_WAKE:
		finish(t, do_wake(t));
		break;
	case FAKE_SYS_MMAP:
		finish(t, do_mmap(t));
		break;
	case FAKE_SYS_MUNMAP:
		fake_unmap(t->mm, gpr[UPR_RDI], gpr[UPR_RSI]);
		finish(t, 0);
		break;
	case FAKE_SYS_SIGACTION:
		t->mm->handlers[gpr[UPR_RDI] % FAKE_NSIG] = gpr[UPR_RSI];
		finish(t, 0);
		break;
	case FAKE_SYS_SIGRETURN:
		t->phase = FAKE_SYSRET;
		fake_sigreturn(t);
		break;
	case FAKE_SYS_YIELD:
		finish(t, 0);
		break;
	case FAKE_SYS_GETPID:
		finish(t, t->tgid);
		break;
	case FAKE_SYS_GETTID:
		finish(t, t->tid);
		break;
	case FAKE_SYS_KILL:
		finish(t, do_kill(t));
		break;
	default:
		finish(t, -38);
	}
}

static void do_call(struct fake_task *t)
{
	if (t->sys_action == UTRACE_SYSCALL_ABORT) {
		finish(t, t->sys_result);
		return;
	}
	switch (t->regs.orig_ax) {
	case FAKE_SYS_PAUSE:
		block(t, FAKE_ERESTARTNOHAND);
		break;
	case FAKE_SYS_WAIT:
		do_wait(t);
		break;
	case FAKE_SYS_CLONE:
		do_clone(t);
		break;
	case FAKE_SYS_FORK:
		do_fork(t);
		break;
	case FAKE_SYS_VFORK:
		do_vfork(t);
		break;
	case FAKE_SYS_EXEC:
		do_exec(t);
		break;
	case FAKE_SYS_EXIT:
	case FAKE_SYS_EXIT_GROUP:
		do_fake_exit(t, t->regs.orig_ax == FAKE_SYS_EXIT_GROUP);
		break;
	default:
		do_simple(t);
	}
}

static void unblock(struct fake_task *t)
{
	if (t->regs.orig_ax == FAKE_SYS_VFORK) {
		t->phase = FAKE_SYSRET;
		return;
	}
	if (t->wake < 0)
		fake_syscall_restart(t, false);
	else
		finish(t, 0);
	t->wake = 0;
}

static void report_return(struct fake_task *t)
{
	enum utrace_resume how;

	t->phase = FAKE_SYSDONE;
	t->regs.orig_ax = -1;
	if (heard(t, UTRACE_EV_SYSCALL_EXIT)) {
		fake_report_enter(t, false);
		how = utrace_report_syscall_exit(t->ut);
		fake_report_leave(t, false, how);
	}
}

/* Onwards from where it stands, as far as the engines let it. */
void fake_syscall_go(struct fake_task *t)
{
	while (!t->held && !t->killed) {
		switch (t->phase) {
		case FAKE_SYSCALL:
			do_call(t);
			break;
		case FAKE_CLONED:
			report_clone(t);
			break;
		case FAKE_EXECED:
			report_exec(t);
			break;
		case FAKE_EXITING:
			report_exit(t);
			break;
		case FAKE_EXITED:
			fake_task_die(t, t->code);
			return;
		case FAKE_SYSRET:
			report_return(t);
			break;
		case FAKE_SYSDONE:
			t->phase = FAKE_USER;
			fake_take_step(t);
			return;
		case FAKE_BLOCKED:
			if (t->vfork_child || (!t->wake && t->regs.orig_ax != FAKE_SYS_VFORK))
				return;
			unblock(t);
			break;
		default:
			return;
		}
	}
}
