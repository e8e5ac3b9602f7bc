// SPDX-License-Identifier: GPL-2.0
/*
 * wait.c - stops are looked at, and taken only if the thread is to stay.
 *
 * Purpose: if the tool dies while a thread is stopped, the kernel lets the thread run on
 * with the signal that it was stopped for, unless waitpid() has taken the stop: that
 * clears the signal.  A thread that has executed an int3 of ours would go on in the middle of
 * an instruction, instead of getting the SIGTRAP which survive.c has a handler for;
 * any other signal would be lost.  So stops are looked at with WNOWAIT, and a thread with
 * a signal is let go straight from there: PTRACE_CONT does not ask whether somebody
 * has waited.
 *
 * A stop that has only been looked at is met again by the next wait for anybody.  So
 * if the thread stays after all, the stop is taken, when what it has done is in its
 * registers, and the signal that it was to get has been delivered.  Stops without a
 * signal lose nothing and are taken at once.
 *
 * No locks.
 */
#include "host.h"

#include <sys/ptrace.h>
#include <sys/wait.h>

#define FAIR_EVERY 64u /* stops after which everybody is looked at first */

static int wait_status(const siginfo_t *info)
{
	switch (info->si_code) {
	case CLD_EXITED:
		return (info->si_status & 0xff) << 8;
	case CLD_KILLED:
		return info->si_status & 0x7f;
	case CLD_DUMPED:
		return (info->si_status & 0x7f) | WCOREFLAG;
	default:
		return info->si_status << 8 | 0x7f;
	}
}

/* 1: *tid and *status; 0 nobody; -ECHILD, -EINTR */
static int look(idtype_t type, pid_t id, int flags, pid_t *tid, int *status)
{
	siginfo_t info;

	info.si_pid = 0;
	if (waitid(type, (id_t)id, &info, WEXITED | WNOWAIT | __WALL | flags))
		return -errno;
	if (!info.si_pid)
		return 0;
	*tid = info.si_pid;
	*status = wait_status(&info);
	return 1;
}

static bool has_signal(int status)
{
	int signo;
	enum stop_kind kind = stop_decode(status, &signo);

	return kind == STOP_TRAP || kind == STOP_SIGNAL;
}

/* It may have been killed since it was looked at: then *status is its end. */
void wait_take(pid_t tid, int *status)
{
	int now;

	if (waitpid(tid, &now, __WALL | WNOHANG) == tid)
		*status = now;
}

static void take_if_nothing_is_lost(pid_t tid, int *status)
{
	if (!has_signal(*status))
		wait_take(tid, status);
}

/* The next stop or end of anybody.  1, 0, -ECHILD, -EINTR */
int wait_any(bool block, pid_t *tid, int *status)
{
	int r = look(P_ALL, 0, block ? 0 : WNOHANG, tid, status);

	if (r > 0)
		take_if_nothing_is_lost(*tid, status);
	return r;
}

/* Of this one alone.  0 its status, -ESRCH, -ETIMEDOUT */
int wait_tid(pid_t tid, int *status, unsigned int timeout_ms)
{
	u64 end = home_now_ms() + timeout_ms;
	int r = look(P_PID, tid, WNOHANG, &tid, status);
	bool outer = timer_armed();

	if (!r) {
		timer_arm(20, 20);
		while ((r = look(P_PID, tid, 0, &tid, status)) == -EINTR && home_now_ms() < end)
			;
		/* who waits further up still needs an end to it */
		if (!outer)
			timer_disarm();
	}
	if (r > 0)
		take_if_nothing_is_lost(tid, status);
	return r > 0 ? 0 : r == -EINTR ? -ETIMEDOUT : -ESRCH;
}

/*
 * The thread stays in its stop.  A signal that it is to get is delivered first, as far as
 * the first instruction of its handler, which is not executed.
 */
void task_keep(struct host_task *t)
{
	int status;

	if (t->state != TASK_STOPPED || !t->untaken)
		return;
	if (t->signo) {
		task_normalize(t);
		return;
	}
	regs_flush(t);
	wait_take(t->tid, &status);
	t->untaken = false;
}

static void look_at(struct host_task *t)
{
	pid_t tid;
	int status;

	if (t->state == TASK_STOPPED || look(P_PID, t->tid, WNOHANG, &tid, &status) <= 0)
		return;
	take_if_nothing_is_lost(tid, &status);
	home_queue_stop(t->home, tid, status);
}

/*
 * The kernel hands out stops in an order of its own: a few busy threads at the head of
 * its list could keep all others waiting.  So now and then everybody is looked
 * at, and then handled.  Nothing is queued yet.
 */
void wait_fairly(struct upr_home *home)
{
	struct host_proc *proc;
	struct host_task *t;

	if (home->nr_tasks <= 2 || ++home->since_fair < max(FAIR_EVERY, home->nr_tasks))
		return;
	home->since_fair = 0;
	list_for_each_entry(proc, &home->procs, node)
		list_for_each_entry(t, &proc->tasks, node)
			look_at(t);
}
