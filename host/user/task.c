// SPDX-License-Identifier: GPL-2.0
/*
 * task.c - one thread: its stops, and letting it go.
 *
 * Purpose: a wait status is decoded once, here; the handler of its kind reports
 * it; task_settle() is the only place from which a thread runs on.
 *
 * A wait for a chosen thread (task_wait) may meet a stop that is not the one
 * waited for: it is put on home->stops and handled by the main loop in its turn.
 *
 * No locks.
 */
#include "host.h"

#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif

/* The kernel's codes of calls to be restarted; they never reach a program. */
#define ERESTARTNOHAND 514

const unsigned int host_ptrace_options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
					 PTRACE_O_TRACEVFORK | PTRACE_O_TRACEVFORKDONE | PTRACE_O_TRACEEXEC |
					 PTRACE_O_TRACEEXIT;

/* How long a thread may take to stop before anybody asks why. */
#define AWAIT_MS    20
#define WAIT_TID_MS 10000

/* --- the table -------------------------------------------------------------------- */

static struct hlist_head *bucket(struct upr_home *home, pid_t tid)
{
	return &home->tasks[hash_64((u64)tid, TASK_BITS)];
}

struct host_task *task_find(struct upr_home *home, pid_t tid)
{
	struct host_task *t;

	hlist_for_each_entry(t, bucket(home, tid), hash)
		if (t->tid == tid)
			return t;
	return NULL;
}

struct host_task *task_new(struct upr_home *home, pid_t tid, struct host_proc *proc)
{
	struct host_task *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->ut = utrace_task_new(&host_ops, t, tid);
	if (!t->ut) {
		free(t);
		return NULL;
	}
	t->home = home;
	t->tid = tid;
	t->proc = proc;
	t->state = TASK_RUNNING;
	t->wish = UTRACE_RESUME;
	INIT_LIST_HEAD(&t->ready);
	INIT_LIST_HEAD(&t->mm_node);
	hold_init(t);
	list_add_tail(&t->node, &proc->tasks);
	hlist_add_head(&t->hash, bucket(home, tid));
	home->nr_tasks++;
	return t;
}

void task_rename(struct host_task *t, pid_t tid)
{
	hlist_del_init(&t->hash);
	t->tid = tid;
	t->ut->id = tid;
	hlist_add_head(&t->hash, bucket(t->home, tid));
}

/* Its stop has come, or never will. */
void task_uninterrupted(struct host_task *t)
{
	if (!t->awaited)
		return;
	t->awaited = false;
	t->home->nr_awaited--;
}

/* The memory goes when nobody further up can be looking at it. */
void task_gone(struct host_task *t, int status)
{
	struct upr_home *home = t->home;

	if (t->state == TASK_DEAD)
		return;
	task_uninterrupted(t);
	t->state = TASK_DEAD;
	regs_forget(t);
	hold_free(t);
	hlist_del_init(&t->hash);
	if (!list_empty(&t->ready))
		list_del_init(&t->ready);
	home->nr_tasks--;
	mm_leave(t);
	utrace_report_death(t->ut, status);
	t->ut = NULL;
	proc_put_task(t, status);
	list_add_tail(&t->ready, &home->graves);
}

void task_make_ready(struct host_task *t)
{
	if (list_empty(&t->ready))
		list_add_tail(&t->ready, &t->home->ready);
}

/* --- a stop, decoded ----------------------------------------------------------------- */

static enum stop_kind decode_event(int event, int signo)
{
	switch (event) {
	case PTRACE_EVENT_FORK:
		return STOP_FORK;
	case PTRACE_EVENT_VFORK:
		return STOP_VFORK;
	case PTRACE_EVENT_CLONE:
		return STOP_CLONE;
	case PTRACE_EVENT_VFORK_DONE:
		return STOP_VFORK_DONE;
	case PTRACE_EVENT_EXEC:
		return STOP_EXEC;
	case PTRACE_EVENT_EXIT:
		return STOP_EXIT;
	case PTRACE_EVENT_STOP:
		return signo == SIGTRAP ? STOP_INTERRUPT : STOP_GROUP;
	default:
		return STOP_OTHER;
	}
}

enum stop_kind stop_decode(int status, int *signo)
{
	*signo = 0;
	if (!WIFSTOPPED(status))
		return STOP_EXITED;
	*signo = WSTOPSIG(status);
	if (status >> 16)
		return decode_event(status >> 16, *signo);
	if (*signo == (SIGTRAP | 0x80))
		return STOP_SYSCALL;
	return *signo == SIGTRAP ? STOP_TRAP : STOP_SIGNAL;
}

void task_mark_stopped(struct host_task *t, int status)
{
	int signo;

	t->kind = stop_decode(status, &signo);
	t->untaken = t->kind == STOP_SIGNAL || t->kind == STOP_TRAP;
	t->signo = t->untaken ? signo : 0;
	t->trapped = false;
	t->again = false;
	t->asked_again = false;
	/* what was changed while it waited for its child is still to be written */
	if (t->state != TASK_VFORK || !(t->regs_dirty || t->pc_dirty))
		regs_forget(t);
	t->state = TASK_STOPPED;
	/* the kernel drops a pending interrupt at any stop */
	task_uninterrupted(t);
}

static void jctl_report(struct host_task *t, int signo)
{
	t->wish = utrace_report_jctl(t->ut, signo);
}

static void group_stopped(struct host_task *t, int signo)
{
	bool news = !t->group_stopped;

	t->group_stopped = true;
	task_fix_eintr(t);
	if (news)
		jctl_report(t, signo);
	task_settle(t);
}

static void interrupt_stopped(struct host_task *t)
{
	task_fix_eintr(t);
	sigtrap_mask_seen(t);
	if (t->group_stopped) {
		t->group_stopped = false;
		jctl_report(t, SIGCONT);
	}
	task_settle(t);
}

static void syscall_report(struct host_task *t, const struct __ptrace_syscall_info *info)
{
	enum utrace_syscall_action action = UTRACE_SYSCALL_RUN;
	s64 result = 0;

	if (info->op == PTRACE_SYSCALL_INFO_EXIT) {
		t->wish = utrace_report_syscall_exit(t->ut);
		return;
	}
	t->wish = utrace_report_syscall_entry(t->ut, &action, &result);
	if (action == UTRACE_SYSCALL_ABORT && !regs_load(t)) {
		t->regs.orig_rax = (u64)-1;
		t->regs.rax = (u64)result;
		t->regs_dirty = true;
	}
}

static void syscall_stopped(struct host_task *t)
{
	struct __ptrace_syscall_info info;

	if (host_ptrace(PTRACE_GET_SYSCALL_INFO, t->tid, sizeof(info), (unsigned long)&info) > 0) {
		bool entry = info.op == PTRACE_SYSCALL_INFO_ENTRY;

		if (entry) {
			t->call_nr = info.entry.nr;
			memcpy(t->call_args, info.entry.args, sizeof(t->call_args));
		}
		if (t->ut->events & (UTRACE_EV_SYSCALL_ENTRY | UTRACE_EV_SYSCALL_EXIT))
			syscall_report(t, &info);
		if (t->proc->starting)
			loader_syscall(t, entry);
		survive_syscall(t, entry);
	}
	task_settle(t);
}

void task_stopped(struct host_task *t, int status)
{
	int signo;

	if (stop_decode(status, &signo) == STOP_EXITED) {
		task_gone(t, status);
		return;
	}
	task_mark_stopped(t, status);
	if (t->attaching) {
		attach_stopped(t);
		return;
	}
	switch (t->kind) {
	case STOP_TRAP:
		trap_stopped(t);
		break;
	case STOP_SIGNAL:
		signal_stopped(t);
		break;
	case STOP_SYSCALL:
		syscall_stopped(t);
		break;
	case STOP_INTERRUPT:
		interrupt_stopped(t);
		break;
	case STOP_GROUP:
		group_stopped(t, signo);
		break;
	case STOP_FORK:
	case STOP_VFORK:
	case STOP_CLONE:
		clone_stopped(t);
		break;
	case STOP_VFORK_DONE:
		rseq_vfork_done(t);
		task_settle(t);
		break;
	case STOP_EXEC:
		exec_stopped(t);
		break;
	case STOP_EXIT:
		exit_stopped(t);
		break;
	default:
		task_settle(t);
		break;
	}
}

/*
 * Some calls return EINTR to whoever is looked at, restarting or not.  Made
 * restartable, they return it only if a handler runs, as without us.
 */
void task_fix_eintr(struct host_task *t)
{
	if (regs_load(t) || (s64)t->regs.orig_rax < 0 || (s32)t->regs.orig_rax < 0)
		return;
	if ((s32)t->regs.rax != -EINTR || (t->regs.rax >> 32 && (s64)t->regs.rax != -EINTR))
		return;
	t->regs.rax = (u64)-ERESTARTNOHAND;
	t->regs_dirty = true;
}

/* --- letting go ---------------------------------------------------------------------- */

static int run_request(struct host_task *t)
{
	t->stepping = t->wish == UTRACE_SINGLESTEP || t->wish == UTRACE_BLOCKSTEP;
	if (t->stepping)
		return PTRACE_SINGLESTEP;
	if (t->proc->starting || survive_watches(t) ||
	    (t->ut->events & (UTRACE_EV_SYSCALL_ENTRY | UTRACE_EV_SYSCALL_EXIT)))
		return PTRACE_SYSCALL;
	return PTRACE_CONT;
}

static void run_group_stopped(struct host_task *t)
{
	regs_flush(t);
	regs_forget(t);
	t->state = TASK_LISTENING;
	host_ptrace(PTRACE_LISTEN, t->tid, 0, 0);
}

/* -ESRCH: it has been killed; its death is on the way */
int task_run(struct host_task *t)
{
	enum task_state next = TASK_RUNNING;
	long r;

	if (t->kind == STOP_GROUP) {
		run_group_stopped(t);
		return 0;
	}
	if (t->kind == STOP_VFORK) {
		regs_load(t);
		next = TASK_VFORK;
	} else if (t->kind == STOP_EXIT) {
		next = TASK_ZOMBIE;
	}
	regs_flush(t);
	if (next != TASK_VFORK)
		regs_forget(t);
	if (t->mm) {
		t->mm->maps_checked = false;
		t->mm->data_end = 0;
		t->mm->fresh = false;
	}
	t->state = next;
	r = host_ptrace(run_request(t), t->tid, 0, (unsigned long)t->signo);
	t->kind = STOP_NONE;
	t->signo = 0;
	return (int)r;
}

static bool wants_report(const struct host_task *t)
{
	return t->owed || t->wish == UTRACE_REPORT || t->wish == UTRACE_INTERRUPT;
}

/*
 * All has been said about this stop.  Work that the reports have queued may
 * want the task to stay; only then it is let go.
 */
void task_settle(struct host_task *t)
{
	unsigned int rounds = 0;

	home_work(t->home);
	while (t->state != TASK_DEAD && t->state != TASK_RUNNING && t->state != TASK_LISTENING && wants_report(t)) {
		/* somebody asks again and again: after that many times, with the task running in between */
		if (++rounds > 100) {
			task_interrupt(t);
			t->wish = UTRACE_RESUME;
			break;
		}
		t->owed = false;
		t->wish = utrace_report_quiesce(t->ut);
		home_work(t->home);
	}
	if (t->state != TASK_STOPPED && t->state != TASK_VFORK && t->state != TASK_ZOMBIE)
		return;
	t->held = t->wish == UTRACE_STOP;
	if (t->held || t->parked || t->state != TASK_STOPPED)
		return;
	if (signal_again(t)) {
		task_settle(t);
		return;
	}
	if (!list_empty(&t->kept))
		hold_settle(t);
	task_run(t);
}

/* --- stopping --------------------------------------------------------------------------- */

int task_interrupt(struct host_task *t)
{
	long r = host_ptrace(PTRACE_INTERRUPT, t->tid, 0, 0);

	if (r < 0)
		return (int)r;
	if (!t->awaited) {
		t->awaited = true;
		t->awaited_since = home_now_ms();
		t->home->nr_awaited++;
	}
	return 0;
}

struct vfork_search {
	pid_t parent, tid;
	bool found;
};

static int is_vfork_child(void *data, pid_t pid)
{
	struct vfork_search *search = data;
	struct proc_status st;

	if (proc_status(pid, &st) || st.ppid != search->parent)
		return 0;
	search->found = same_vm(search->tid, pid);
	return search->found;
}

/* Asleep in the kernel until a child that shares its memory is done with it? */
static bool waits_for_vfork(const struct host_task *t)
{
	struct vfork_search search = {.parent = t->proc->pid, .tid = t->tid};

	if (proc_state(t->tid) != 'D')
		return false;
	proc_each_process(is_vfork_child, &search);
	return search.found;
}

static void check_awaited(struct host_task *t)
{
	char state = proc_state(t->tid);

	if (state == 'Z' || state == 'X') {
		t->state = TASK_ZOMBIE;
	} else if (state == 'D' && waits_for_vfork(t)) {
		t->state = TASK_VFORK;
		regs_forget(t);
	} else {
		t->awaited_since = home_now_ms();
		return;
	}
	task_uninterrupted(t);
	task_make_ready(t);
}

/* Those that do not stop: dead already, or in a vfork from before our time. */
void task_check_awaited(struct upr_home *home)
{
	u64 now = home_now_ms();
	struct host_proc *proc;
	struct host_task *t;

	if (!home->nr_awaited)
		return;
	list_for_each_entry(proc, &home->procs, node)
		list_for_each_entry(t, &proc->tasks, node)
			if (t->awaited && t->state == TASK_RUNNING && now - t->awaited_since >= AWAIT_MS)
				check_awaited(t);
}

/* --- waiting for one --------------------------------------------------------------------- */

int task_wait(struct host_task *t, int *status)
{
	return wait_tid(t->tid, status, WAIT_TID_MS);
}

/*
 * From here it returns straight to user mode, and registers are what they will
 * be there.  No instruction of the program is executed: the interrupt is
 * pending when it leaves the stop.  A signal it was to get is delivered on the way.
 */
int task_normalize(struct host_task *t)
{
	int status, r, signo;

	if (t->kind == STOP_INTERRUPT || t->kind == STOP_GROUP)
		return 0;
	if (t->kind == STOP_VFORK || t->kind == STOP_EXIT)
		return -EBUSY;
	r = regs_flush(t);
	if (!r)
		r = (int)host_ptrace(PTRACE_INTERRUPT, t->tid, 0, 0);
	if (!r)
		r = (int)host_ptrace(PTRACE_CONT, t->tid, 0, (unsigned long)t->signo);
	if (r)
		return -ESRCH;
	t->signo = 0;
	t->state = TASK_RUNNING;
	regs_forget(t);
	r = task_wait(t, &status);
	if (r)
		return r;
	switch (stop_decode(status, &signo)) {
	case STOP_INTERRUPT:
	case STOP_GROUP:
		task_mark_stopped(t, status);
		task_fix_eintr(t);
		return 0;
	default:
		home_queue_stop(t->home, t->tid, status);
		return -EAGAIN;
	}
}
