// SPDX-License-Identifier: GPL-2.0
/*
 * inject.c - one system call in a stopped task's name.
 *
 * Purpose: all signals are blocked, registers saved, the task is led through one
 * `syscall' of its own vdso and brought back into the stop it came from, with
 * registers, mask and a call to be restarted as they were.
 *
 * Facts: it is never single-stepped (a forced SIGTRAP would reset the program's
 * action for it).  orig_rax is -1 on the way in, or the kernel would take
 * registers for those of a call to be restarted.  Only get_signal(), that is,
 * a stop by PTRACE_INTERRUPT, restarts an interrupted call: hence the way back.
 * The tool may be killed at any moment in between: undo.c has what leads the task back then, and says
 * why registers and mask are set in this order.
 * SIGSTOP cannot be blocked.  If it comes in before the call has begun, the task gets
 * its registers and mask back right there, and the signal is handled like any other:
 * only from the stop that it has come in with does the kernel know whether a SIGCONT has overtaken it.
 * A seccomp filter may punish any call: with one in force nothing is injected,
 * and since it may have come at any time it is looked for every time.
 *
 * No locks.
 */
#include "host.h"

#include <elf.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

static const long numbers[2][CALL_NR] = {
	[0] = {[CALL_MMAP] = 9, [CALL_MUNMAP] = 11, [CALL_SIGACTION] = 13, [CALL_MEMFD] = 319, [CALL_CLOSE] = 3},
	[1] = {[CALL_MMAP] = 192, [CALL_MUNMAP] = 91, [CALL_SIGACTION] = 174, [CALL_MEMFD] = 356, [CALL_CLOSE] = 6},
};

long inject_nr(const struct host_task *t, enum call_nr call)
{
	return numbers[t->mm && t->mm->mode32][call];
}

/* --- an instruction to do it with ---------------------------------------------------- */

#define CHUNK 16384u

static u64 search_range(struct host_mm *mm, u64 start, u64 end, const u8 *insn)
{
	u8 buf[CHUNK];
	u64 at;
	size_t i;

	for (at = start; at < end; at += CHUNK - 1) {
		size_t len = min(end - at, (u64)CHUNK);

		if (mem_get(mm, at, buf, len))
			return 0;
		for (i = 0; i + 1 < len; i++)
			if (buf[i] == insn[0] && buf[i + 1] == insn[1])
				return at + i;
	}
	return 0;
}

static u64 find_insn(struct host_task *t)
{
	static const u8 syscall_64[2] = {0x0f, 0x05}, int80[2] = {0xcd, 0x80};
	struct host_mm *mm = t->mm;
	const u8 *insn = mm->mode32 ? int80 : syscall_64;
	u64 vdso = proc_auxv(t->tid, AT_SYSINFO_EHDR, mm->mode32), at = 0;
	unsigned int i;

	if (vdso)
		at = search_range(mm, vdso, vdso + HOST_PAGE, insn);
	/* no vdso, or thrown away: any other place where it stands */
	for (i = 0; !at && i < mm->maps.nr; i++)
		if (!mm->maps.v[i].shared)
			at = search_range(mm, mm->maps.v[i].start, mm->maps.v[i].end, insn);
	return at;
}

static bool insn_still_there(struct host_mm *mm)
{
	u8 now[2] = {0};

	if (!mm->syscall_insn || mem_get(mm, mm->syscall_insn, now, 2))
		return false;
	return mm->mode32 ? now[0] == 0xcd && now[1] == 0x80 : now[0] == 0x0f && now[1] == 0x05;
}

/* --- the call -------------------------------------------------------------------------- */

static void set_call(struct user_regs_struct *r, bool mode32, u64 insn, long nr, const u64 args[6])
{
	r->rip = insn;
	r->rax = (u64)nr;
	r->orig_rax = (u64)-1;
	r->eflags &= ~(u64)UPR_FL_TF;
	if (mode32) {
		r->rbx = args[0];
		r->rcx = args[1];
		r->rdx = args[2];
		r->rsi = args[3];
		r->rdi = args[4];
		r->rbp = args[5];
	} else {
		r->rdi = args[0];
		r->rsi = args[1];
		r->rdx = args[2];
		r->r10 = args[3];
		r->r8 = args[4];
		r->r9 = args[5];
	}
}

/* On to the next stop at a system call's border.  -EINTR: a signal has come first, and is queued. */
static int to_border(struct host_task *t)
{
	int status, signo, r, tries;

	for (tries = 0; tries < 16; tries++) {
		enum stop_kind kind;

		if (host_ptrace(PTRACE_SYSCALL, t->tid, 0, 0) < 0)
			return -ESRCH;
		t->state = TASK_RUNNING;
		r = task_wait(t, &status);
		if (r)
			return r;
		kind = stop_decode(status, &signo);
		if (kind == STOP_SYSCALL)
			return 0;
		/* job control at work while we are: it has not left the stop */
		if (kind == STOP_INTERRUPT || kind == STOP_GROUP)
			continue;
		home_queue_stop(t->home, t->tid, status);
		return kind == STOP_SIGNAL ? -EINTR : -ESRCH;
	}
	return -EAGAIN;
}

static int do_call(struct host_task *t, struct user_regs_struct *call, s64 *ret)
{
	int r = to_border(t);

	if (!r)
		r = to_border(t);
	if (r)
		return r;
	if (host_ptrace(PTRACE_GETREGS, t->tid, 0, (unsigned long)call) < 0)
		return -ESRCH;
	*ret = t->mm->mode32 && (u32)call->rax >= 0xfffff001u ? (s64)(s32)call->rax : (s64)call->rax;
	return 0;
}

static int put_back(struct host_task *t, struct user_regs_struct *saved, u64 mask)
{
	if (host_ptrace(PTRACE_SETSIGMASK, t->tid, sizeof(mask), (unsigned long)&mask) < 0 ||
	    host_ptrace(PTRACE_SETREGS, t->tid, 0, (unsigned long)saved) < 0)
		return -ESRCH;
	return 0;
}

/* Back into a stop like the one it came from. */
static int way_back(struct host_task *t, struct user_regs_struct *saved, u64 mask)
{
	int status, signo, r;

	if (put_back(t, saved, mask) || host_ptrace(PTRACE_INTERRUPT, t->tid, 0, 0) < 0 ||
	    host_ptrace(PTRACE_CONT, t->tid, 0, 0) < 0)
		return -ESRCH;
	t->state = TASK_RUNNING;
	r = task_wait(t, &status);
	if (r)
		return r;
	switch (stop_decode(status, &signo)) {
	case STOP_INTERRUPT:
	case STOP_GROUP:
		task_mark_stopped(t, status);
		return 0;
	default:
		home_queue_stop(t->home, t->tid, status);
		return -ESRCH;
	}
}

static bool may_inject(struct host_task *t)
{
	struct proc_status st;

	return !proc_status(t->tid, &st) && !st.seccomp;
}

/* There and back; a task that is dying stays where it is. */
static int call_and_return(struct host_task *t, struct user_regs_struct *call, u64 mask, s64 *ret)
{
	struct user_regs_struct saved = t->regs;
	u64 all = ~(u64)0;
	int r, back;

	if (host_ptrace(PTRACE_SETREGS, t->tid, 0, (unsigned long)call) < 0 ||
	    host_ptrace(PTRACE_SETSIGMASK, t->tid, sizeof(all), (unsigned long)&all) < 0)
		return -ESRCH;
	regs_forget(t);
	r = do_call(t, call, ret);
	if (r == -ESRCH)
		return r;
	/* the stop of that signal is the one it is in now */
	if (r == -EINTR)
		return put_back(t, &saved, mask) ? -ESRCH : -EAGAIN;
	back = way_back(t, &saved, mask);
	return r ? r : back;
}

bool inject_failed(s64 ret)
{
	switch (ret) {
	case -EPERM:
	case -EAGAIN:
	case -EBUSY:
	case -ENOSYS:
	case -ESRCH:
	case -ETIMEDOUT:
		return true;
	default:
		return false;
	}
}

/**
 * inject() - have @t do a system call
 * @t: stopped; on return stopped again, or dying
 * Return: what the call returns; -EPERM a filter is in force; -EAGAIN, -EBUSY not from this
 * stop, or a signal came first: its stop is queued; -ENOSYS no instruction; -ESRCH dying; -ETIMEDOUT.
 * A call that says one of these itself is -EACCES.
 */
s64 inject(struct host_task *t, enum call_nr nr, const u64 args[6])
{
	struct user_regs_struct call;
	struct undo *undo;
	s64 ret = 0;
	u64 mask;
	int r;

	if (!may_inject(t))
		return -EPERM;
	if (!insn_still_there(t->mm))
		t->mm->syscall_insn = find_insn(t);
	if (!t->mm->syscall_insn)
		return -ENOSYS;
	r = task_normalize(t);
	if (!r)
		r = regs_load(t);
	if (!r && task_is_kernels_own(t))
		r = -EAGAIN;
	if (r)
		return r;
	if (host_ptrace(PTRACE_GETSIGMASK, t->tid, sizeof(mask), (unsigned long)&mask) < 0)
		return -ESRCH;
	call = t->regs;
	set_call(&call, t->mm->mode32, t->mm->syscall_insn, inject_nr(t, nr), args);
	undo = undo_begin(t, &t->regs, mask);
	if (undo)
		undo_regs(undo, &call);
	r = call_and_return(t, &call, mask, &ret);
	undo_end(t, undo);
	if (r)
		return r;
	/* said by the call it is final: where memory is locked, mmap() says EAGAIN for ever */
	return inject_failed(ret) ? -EACCES : ret;
}
