// SPDX-License-Identifier: GPL-2.0
/*
 * detach.c - letting go.
 *
 * Purpose: the engine takes everything out, then every thread is stopped once
 * more and released with whatever it had to get: the signal it was stopped
 * for, its job-control stop, its SIGTRAP action, its CPUs.
 *
 * A thread can be stopped while the trap of an int3 that has just been taken out is
 * still pending.  Released like that, it would die of it.  So whoever
 * has a SIGTRAP of the kernel's pending goes through one more stop, where the engine
 * recognises it.
 *
 * No locks.
 */
#include "host.h"

#include <sys/ptrace.h>
#include <sys/wait.h>

#define DISARM_MS  20000
#define RELEASE_MS 5000

/* --- one thread ------------------------------------------------------------------------ */

static void unregister(struct host_task *t)
{
	t->proc->released = true;
	task_gone(t, 0);
}

/* Let go as it stands; the program's text is its own again, or was never changed. */
void task_release(struct host_task *t)
{
	int signo = t->signo;

	if (t->state == TASK_DEAD)
		return;
	task_unpin(t);
	if (t->state == TASK_STOPPED) {
		regs_flush(t);
		host_ptrace(PTRACE_DETACH, t->tid, 0, (unsigned long)signo);
	}
	unregister(t);
}

static bool trap_pending(const struct host_task *t)
{
	struct __ptrace_peeksiginfo_args args = {.nr = 16};
	siginfo_t info[16];
	long n, i;

	while ((n = host_ptrace(PTRACE_PEEKSIGINFO, t->tid, (unsigned long)&args, (unsigned long)info)) > 0) {
		for (i = 0; i < n; i++)
			if (info[i].si_signo == SIGTRAP && info[i].si_code > 0)
				return true;
		args.off += (u64)n;
	}
	return false;
}

/* Stopped and clean?  If not, it is sent on its way and will be back. */
static bool releasable(struct host_task *t)
{
	if (t->state != TASK_STOPPED)
		return false;
	if (hold_flush(t)) {
		task_run(t);
		return false;
	}
	if ((t->kind == STOP_INTERRUPT || t->kind == STOP_GROUP) && trap_pending(t)) {
		t->kind = STOP_INTERRUPT;
		task_run(t);
		return false;
	}
	return true;
}

/* --- all of them ------------------------------------------------------------------------- */

typedef void (*task_fn)(struct host_task *t);

static void each_task(struct upr_home *home, task_fn fn)
{
	struct host_proc *proc, *next_proc;
	struct host_task *t, *next;

	list_for_each_entry_safe(proc, next_proc, &home->procs, node) {
		bool last = false;

		/* the process goes with its last thread */
		for (t = list_first_entry(&proc->tasks, struct host_task, node); !last; t = next) {
			next = list_next_entry(t, node);
			last = &next->node == &proc->tasks;
			fn(t);
		}
	}
}

static bool mm_clean(const struct host_mm *mm)
{
	/* nobody has come back to it */
	return list_empty(&mm->tasks) || mm->left || upr_mm_idle(mm->mm) || upr_mm_error(mm->mm);
}

static bool all_clean(void *data)
{
	struct upr_home *home = data;
	struct host_mm *mm;

	list_for_each_entry(mm, &home->mms, node)
		if (!mm_clean(mm))
			return false;
	return true;
}

static void park(struct host_task *t)
{
	t->parked = true;
	if (t->state == TASK_RUNNING || t->state == TASK_LISTENING)
		task_interrupt(t);
}

/*
 * Past its end: nothing to be let go, and it cannot stop any more.  But its parent hears of the end only when we have,
 * and an exec of another thread waits as long.  Of a first thread that others have outlived the kernel
 * says nothing before they have ended too: what follows is for the next wait, or the end of the tool.
 */
static void release_zombie(struct host_task *t)
{
	int status = 0;
	pid_t r = waitpid(t->tid, &status, __WALL | WNOHANG);

	/* the second time it is not just on its way there */
	if (!r && proc_state(t->tid) == 'Z') {
		r = waitpid(t->tid, &status, __WALL | WNOHANG);
		if (!r) {
			unregister(t);
			return;
		}
	}
	if (r == t->tid || (r < 0 && home_take_early(t->home, t->tid, &status)))
		task_gone(t, status);
	else if (r < 0)
		unregister(t);
}

static void release_if_possible(struct host_task *t)
{
	if (t->state == TASK_ZOMBIE) {
		release_zombie(t);
		return;
	}
	/* int3s of ours stay: it must not run without us */
	if (t->mm && upr_mm_error(t->mm->mm) && !t->mm->forced)
		return;
	if (!releasable(t))
		return;
	sigtrap_restore(t);
	if (t->state == TASK_STOPPED)
		task_release(t);
}

static bool is_at_rest(struct host_task *t)
{
	if (t->state == TASK_ZOMBIE || t->state == TASK_VFORK)
		return true;
	return (t->mm && upr_mm_error(t->mm->mm) && !t->mm->forced) || releasable(t);
}

/* Whoever has a trap pending is sent to fetch it at each look. */
static bool all_at_rest(void *data)
{
	struct upr_home *home = data;
	struct host_proc *proc;
	struct host_task *t;
	bool rest = !home->nr_awaited;

	if (!rest)
		return false;
	list_for_each_entry(proc, &home->procs, node)
		list_for_each_entry(t, &proc->tasks, node)
			rest &= is_at_rest(t);
	return rest;
}

/* Only when no trap of ours can come any more. */
void home_remove_handlers(struct upr_home *home)
{
	struct host_mm *mm;

	if (home_wait_for(home, all_at_rest, home, RELEASE_MS))
		return;
	list_for_each_entry(mm, &home->mms, node)
		if (upr_mm_idle(mm->mm) || upr_mm_jumps_only(mm->mm))
			survive_remove(mm);
}

static bool release_round(void *data)
{
	struct upr_home *home = data;

	each_task(home, release_if_possible);
	return !home->nr_tasks;
}

/*
 * What is ours at @addr, all of it: an int3, or a jump that has such a byte in it.  Not one in a hole: a
 * site leads there.
 */
static void restore_around(struct host_mm *mm, u64 addr)
{
	u8 now[2 * UPR_INSN_MAX + 1], own[sizeof(now)];
	u64 start = addr - UPR_INSN_MAX;
	unsigned int first = UPR_INSN_MAX, last = UPR_INSN_MAX, i;

	if (mem_get(mm, start, now, sizeof(now))) {
		start = addr;
		first = last = 0;
		if (mem_get(mm, start, now, 1))
			return;
	}
	memcpy(own, now, sizeof(own));
	upr_orig_bytes(mm->mm, start, own, first ? sizeof(own) : 1);
	for (i = 0; i < (first ? sizeof(own) : 1); i++)
		if (now[i] != own[i] && upr_mm_in_hole(mm->mm, start + i))
			own[i] = now[i];
	if (now[first] == own[first])
		return;
	while (first && now[first - 1] != own[first - 1])
		first--;
	while (last && last + 1 < sizeof(own) && now[last + 1] != own[last + 1])
		last++;
	if (!maps_check_text(mm, start + first, last - first + 1))
		mem_put(mm, start + first, own + first, last - first + 1);
}

/*
 * The engine could not quiet everybody: a thread sleeps in the kernel and nothing
 * wakes it.  It runs no user code meanwhile, so the int3s can go as they are, one
 * by one; jumps may stay, since areas do, it may come back to one.
 */
static void force_clean(struct host_mm *mm)
{
	struct host_task *t;
	unsigned int i;

	for (i = 0; mm->planted.v && i < 1u << mm->planted.bits; i++)
		if (mm->planted.v[i])
			restore_around(mm, mm->planted.v[i]);
	list_for_each_entry(t, &mm->tasks, mm_node)
		if (t->state == TASK_STOPPED)
			upr_task_pc_fixup(t->ut);
	mm->forced = true;
}

static int first_error(struct upr_home *home)
{
	struct host_mm *mm;

	list_for_each_entry(mm, &home->mms, node)
		if (upr_mm_error(mm->mm))
			return upr_mm_error(mm->mm);
	return 0;
}

static bool requests_done(void *data)
{
	struct upr_home *home = data;

	return list_empty(&home->requests);
}

/* Parents of a vfork wait for their children, the dead for their memory to be freed. */
static bool nobody_runs(struct upr_home *home)
{
	struct host_proc *proc;
	struct host_task *t;

	list_for_each_entry(proc, &home->procs, node)
		list_for_each_entry(t, &proc->tasks, node)
			if (t->state != TASK_VFORK && t->state != TASK_ZOMBIE)
				return false;
	return true;
}

static void give_back(struct host_task *t)
{
	t->parked = false;
	task_make_ready(t);
}

void home_park_all(struct upr_home *home)
{
	each_task(home, park);
}

int home_let_go(struct upr_home *home, unsigned int timeout_ms)
{
	int r = home_wait_for(home, release_round, home, timeout_ms);

	/* all are clean: the kernel lets them go when the tool ends */
	return r == -ETIMEDOUT && nobody_runs(home) ? 0 : r;
}

void home_unpin(struct upr_home *home)
{
	if (home->pinned)
		sched_setaffinity(0, sizeof(home->affinity), &home->affinity);
	home->pinned = false;
}

static int detach(struct upr_home *home)
{
	struct host_mm *mm;
	int r, error;

	home->detaching = true;
	each_task(home, give_back);
	list_for_each_entry(mm, &home->mms, node)
		if (!mm->left)
			upr_mm_disarm(mm->mm);
	r = home_wait_for(home, all_clean, home, DISARM_MS);
	error = first_error(home);
	if (r == -ETIMEDOUT)
		list_for_each_entry(mm, &home->mms, node)
			if (!mm_clean(mm))
				force_clean(mm);
	home_park_all(home);
	home_wait_for(home, requests_done, home, r ? 0 : RELEASE_MS);
	home_remove_handlers(home);
	if (r != -ECHILD)
		r = home_let_go(home, RELEASE_MS);
	home_unpin(home);
	return error ? error : r == -ECHILD ? 0 : r;
}

int upr_home_detach(struct upr_home *home)
{
	struct upr_why why;
	int r, back = upr_home_reattach(home, &why);

	r = home->nr_tasks ? detach(home) : 0;
	home->detaching = home->nr_tasks;
	released_forget(home);
	return r ? r : back;
}

/* --- processes that are not to be followed --------------------------------------------------- */

static bool may_go(const struct host_proc *proc)
{
	struct host_task *t;

	list_for_each_entry(t, &proc->tasks, node)
		if (t->state != TASK_STOPPED || !t->parked || !t->mm || !upr_mm_idle(t->mm->mm) || area_pending(t->mm))
			return false;
	return !list_empty(&proc->tasks);
}

/* Children nobody wants, once they have their own text back. */
void home_release_idle(struct upr_home *home)
{
	struct host_proc *proc, *next;
	struct host_task *t;
	bool left = false;

	list_for_each_entry_safe(proc, next, &home->procs, node) {
		if (!proc->unfollowed)
			continue;
		t = list_first_entry(&proc->tasks, struct host_task, node);
		/* a child has one thread when it is born, and does not run before it goes */
		if (may_go(proc)) {
			survive_remove(t->mm);
			if (t->state == TASK_STOPPED)
				task_release(t);
		} else if (t->parked)
			left = true;
	}
	home->releasing = left;
}
