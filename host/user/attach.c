// SPDX-License-Identifier: GPL-2.0
/*
 * attach.c - running processes.
 *
 * Purpose: seize every thread, and every process that shares the memory (a vfork
 * or posix_spawn child in flight, or a clone without CLONE_THREAD), and stop
 * them all before the engine hears of any.  New threads appear while the list is
 * read: it is read until a pass brings nothing new.
 *
 * While @attaching is set a thread's stops are only passed on, with a new interrupt,
 * so it stops by and by.  Its children are attached by the kernel and
 * join.  Nothing has been changed in the target before all are stopped: giving
 * up then is letting go.
 *
 * No locks.
 */
#include "host.h"

#include <sched.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STOP_MS 10000

/* --- stops of threads that are being attached ---------------------------------------- */

static void go_on(struct host_task *t, enum task_state next)
{
	int signo = t->signo;

	if (next == TASK_VFORK)
		regs_load(t);
	else
		regs_forget(t);
	t->state = next;
	t->signo = 0;
	/* any stop has taken back the interrupt that was pending */
	if (next == TASK_RUNNING)
		task_interrupt(t);
	host_ptrace(PTRACE_CONT, t->tid, 0, (unsigned long)signo);
}

static void join(struct upr_home *home, pid_t tid)
{
	struct host_proc *proc;
	struct proc_status st;
	struct host_task *t;
	int status;

	if (task_find(home, tid) || proc_status(tid, &st))
		return;
	if (!home_take_early(home, tid, &status) && wait_tid(tid, &status, STOP_MS))
		return;
	proc = proc_find(home, st.tgid);
	if (!proc)
		proc = proc_new(home, st.tgid);
	t = proc && WIFSTOPPED(status) ? task_new(home, tid, proc) : NULL;
	if (!t)
		return;
	t->attaching = true;
	t->parked = true;
	task_mark_stopped(t, status);
}

static void child_joins(struct host_task *t)
{
	unsigned long msg = 0;

	if (host_ptrace(PTRACE_GETEVENTMSG, t->tid, 0, (unsigned long)&msg) >= 0)
		join(t->home, (pid_t)msg);
}

static struct host_task *exec_joins(struct host_task *t)
{
	unsigned long former = (unsigned long)t->tid;
	struct host_proc *proc = t->proc;
	struct host_task *self, *other, *next;
	pid_t tid = t->tid;

	host_ptrace(PTRACE_GETEVENTMSG, t->tid, 0, (unsigned long)&former);
	self = former == (unsigned long)t->tid ? NULL : task_find(t->home, (pid_t)former);
	if (self) {
		self->state = TASK_STOPPED;
		task_gone(t, 0);
		task_rename(self, tid);
		t = self;
	}
	list_for_each_entry_safe(other, next, &proc->tasks, node)
		if (other != t)
			task_gone(other, 0);
	return t;
}

void attach_stopped(struct host_task *t)
{
	switch (t->kind) {
	case STOP_INTERRUPT:
		t->group_stopped = false;
		task_fix_eintr(t);
		break;
	case STOP_GROUP:
		t->group_stopped = true;
		task_fix_eintr(t);
		break;
	case STOP_VFORK:
		child_joins(t);
		go_on(t, TASK_VFORK);
		break;
	case STOP_FORK:
	case STOP_CLONE:
		child_joins(t);
		go_on(t, TASK_RUNNING);
		break;
	case STOP_EXIT:
		go_on(t, TASK_ZOMBIE);
		break;
	case STOP_EXEC:
		go_on(exec_joins(t), TASK_RUNNING);
		break;
	default:
		go_on(t, TASK_RUNNING);
	}
}

/* --- seizing ---------------------------------------------------------------------------- */

struct seizure {
	struct upr_home *home;
	struct host_proc *proc;
	unsigned int news;
	int error;
};

static int refused(struct seizure *s, pid_t tid, int error)
{
	struct proc_status st;

	if (error == -ESRCH || proc_status(tid, &st))
		return 0;
	/* dead, or a child of one we have: its first stop is on the way */
	if (st.state == 'Z' || st.state == 'X')
		return 0;
	if (st.tracer == (pid_t)syscall(SYS_gettid)) {
		join(s->home, tid);
		s->news++;
		return 0;
	}
	s->error = error;
	return 1;
}

static int seize_task(void *data, pid_t tid)
{
	struct seizure *s = data;
	struct host_task *t;
	long r;

	if (task_find(s->home, tid))
		return 0;
	r = host_ptrace(PTRACE_SEIZE, tid, 0, host_ptrace_options);
	if (r < 0)
		return refused(s, tid, (int)r);
	t = task_new(s->home, tid, s->proc);
	if (!t) {
		host_ptrace(PTRACE_DETACH, tid, 0, 0);
		s->error = -ENOMEM;
		return 1;
	}
	t->attaching = true;
	t->parked = true;
	task_interrupt(t);
	s->news++;
	return 0;
}

static int seize_process(struct upr_home *home, pid_t pid)
{
	struct host_proc *proc = proc_find(home, pid);
	struct seizure s = {.home = home};
	int r;

	s.proc = proc ? proc : proc_new(home, pid);
	if (!s.proc)
		return -ENOMEM;
	do {
		s.news = 0;
		r = proc_each_task(pid, seize_task, &s);
	} while (s.news && !s.error);
	if (list_empty(&s.proc->tasks)) {
		list_del(&s.proc->node);
		free(s.proc);
		return s.error ? s.error : r < 0 ? r : -ESRCH;
	}
	return s.error;
}

/* --- waiting ------------------------------------------------------------------------------ */

typedef int (*task_fn)(struct host_task *t, void *data);

static int each_attaching(struct upr_home *home, task_fn fn, void *data)
{
	struct host_proc *proc, *next_proc;
	struct host_task *t, *next;
	int r;

	list_for_each_entry_safe(proc, next_proc, &home->procs, node) {
		list_for_each_entry_safe(t, next, &proc->tasks, node) {
			r = t->attaching ? fn(t, data) : 0;
			if (r)
				return r;
		}
	}
	return 0;
}

static int still_running(struct host_task *t, void *data)
{
	struct host_task **ret = data;

	if (t->state != TASK_RUNNING)
		return 0;
	if (ret)
		*ret = t;
	return 1;
}

static bool all_stopped(void *data)
{
	return !each_attaching(data, still_running, NULL);
}

/* --- who shares the memory -------------------------------------------------------------------- */

struct sharer_search {
	struct upr_home *home;
	pid_t of;
	unsigned int news;
	int error;
};

static int seize_sharer(void *data, pid_t pid)
{
	struct sharer_search *s = data;
	int r;

	if (proc_find(s->home, pid) || !same_vm(s->of, pid))
		return 0;
	r = seize_process(s->home, pid);
	if (r == -ESRCH)
		return 0;
	s->news++;
	s->error = r;
	return r;
}

/* The dead have no memory: all of them would be found to share it. */
static pid_t live_thread(struct host_proc *proc)
{
	struct host_task *t;

	list_for_each_entry(t, &proc->tasks, node)
		if (t->state == TASK_STOPPED || t->state == TASK_VFORK)
			return t->tid;
	return 0;
}

/* All threads of a process, and whoever shares its memory, seized and stopped. */
int attach_seize(struct upr_home *home, pid_t pid)
{
	struct sharer_search s = {.home = home};
	struct host_proc *proc;
	int r = seize_process(home, pid);

	while (!r) {
		r = home_wait_for(home, all_stopped, home, STOP_MS);
		if (r)
			break;
		/* whoever stands still makes no more children */
		s.news = 0;
		proc = proc_find(home, pid);
		s.of = proc ? live_thread(proc) : 0;
		if (s.of)
			proc_each_process(seize_sharer, &s);
		r = s.error;
		if (!s.news)
			break;
	}
	return r;
}

/* --- the engine hears of them ------------------------------------------------------------------- */

/* Threads of one process share by definition, other processes if the kernel says so. */
static struct host_mm *find_mm(struct host_task *t)
{
	struct host_proc *proc;
	struct host_task *other;
	pid_t tid;

	list_for_each_entry(other, &t->proc->tasks, node)
		if (other->mm)
			return other->mm;
	if (t->proc->had)
		return t->proc->had;
	tid = live_thread(t->proc);
	list_for_each_entry(proc, &t->home->procs, node) {
		if (proc == t->proc || list_empty(&proc->tasks))
			continue;
		other = list_first_entry(&proc->tasks, struct host_task, node);
		if (tid && other->mm && same_vm(tid, mm_any_tid(other->mm)))
			return other->mm;
	}
	return NULL;
}

/* Of a thread that can be looked at, if there is one. */
static struct host_mm *make_mm(struct host_task *t)
{
	struct host_task *other;

	list_for_each_entry(other, &t->proc->tasks, node)
		if (other->state == TASK_STOPPED)
			return mm_new_of(other);
	return mm_new_of(t);
}

static int enter(struct host_task *t, void *data)
{
	struct host_mm *mm = find_mm(t);

	(void)data;
	if (!mm && t->proc->forked_from)
		return mm_enter_forked(t, t->proc->forked_from, true);
	if (!mm)
		mm = make_mm(t);
	if (!mm || mm_enter(t, mm))
		return -ENOMEM;
	if (t->state == TASK_STOPPED)
		sigtrap_mask_seen(t);
	return 0;
}

/* Of a thread that stands still: what is to be known before the program goes on. */
static void introduce(struct host_proc *proc)
{
	struct host_task *t;

	list_for_each_entry(t, &proc->tasks, node) {
		if (!t->attaching || t->state != TASK_STOPPED)
			continue;
		sigtrap_snapshot(t);
		if (t->state != TASK_STOPPED)
			continue;
		loader_init(t, false);
		proc->introduced = true;
		return;
	}
}

/*
 * What it has mapped, and which sites lie in it.  It runs meanwhile, for a hundred thousand sites take their time,
 * and files that are met here first are analysed: what it maps after that is found in the stops that
 * follow, since each of them looks whether the list is still the same.
 */
static void survey(struct host_proc *proc)
{
	struct host_task *t;

	if (!proc->introduced)
		return;
	proc->introduced = false;
	list_for_each_entry(t, &proc->tasks, node) {
		/* it may have come to its end as soon as it was let go */
		if (!t->mm)
			continue;
		maps_scan(t->mm);
		loader_started(t);
		return;
	}
}

static int attached(struct host_task *t, void *data)
{
	(void)data;
	t->attaching = false;
	return 0;
}

static int set_free(struct host_task *t, void *data)
{
	(void)data;
	if (t->parked) {
		t->parked = false;
		task_make_ready(t);
	}
	return 0;
}

static int give_up(struct host_task *t, void *data)
{
	(void)data;
	task_release(t);
	return 0;
}

/* Those that have been let go before come back with all that is in them: nothing is armed. */
int attach_enter(struct upr_home *home)
{
	struct host_proc *proc;
	int r = each_attaching(home, enter, NULL);

	each_attaching(home, attached, NULL);
	list_for_each_entry(proc, &home->procs, node)
		proc->told_ready = true;
	return r;
}

/* Whoever is on the way to a stop must get there to be let go. */
void attach_give_up(struct upr_home *home)
{
	home_wait_for(home, all_stopped, home, 1000);
	each_attaching(home, give_up, NULL);
	home_step(home, false);
}

static void unpark_all(struct upr_home *home)
{
	struct host_proc *proc;
	struct host_task *t;

	list_for_each_entry(proc, &home->procs, node)
		list_for_each_entry(t, &proc->tasks, node)
			set_free(t, NULL);
}

static int arm(struct upr_home *home)
{
	struct host_proc *proc;
	int r = each_attaching(home, enter, NULL);

	if (r)
		return r;
	upr_batch_begin(home->session);
	list_for_each_entry(proc, &home->procs, node)
		introduce(proc);
	each_attaching(home, attached, NULL);
	/* the engine holds them when it needs them to be quiet, and for as long */
	unpark_all(home);
	home_settle_ready(home);
	list_for_each_entry(proc, &home->procs, node)
		survey(proc);
	upr_batch_end(home->session);
	return upr_home_sync(home);
}

/* They are followed again, and have loaded meanwhile what they have. */
int attach_follow(struct upr_home *home)
{
	struct host_proc *proc;
	struct host_task *t;
	int r;

	upr_batch_begin(home->session);
	list_for_each_entry(proc, &home->procs, node) {
		t = list_first_entry(&proc->tasks, struct host_task, node);
		if (t->state != TASK_STOPPED)
			continue;
		sigtrap_snapshot(t);
		if (t->state != TASK_STOPPED)
			continue;
		loader_init(t, false);
		maps_scan(t->mm);
	}
	upr_batch_end(home->session);
	r = upr_home_sync(home);
	unpark_all(home);
	return r;
}

/* --- one CPU for all -------------------------------------------------------------------------------- */

/* Remember what a thread was allowed, and put it where the tool is. */
void task_pin(struct host_task *t)
{
	struct upr_home *home = t->home;
	cpu_set_t one;

	if (!home->options.pin || t->affinity)
		return;
	if (!home->pinned) {
		sched_getaffinity(0, sizeof(home->affinity), &home->affinity);
		home->cpu = sched_getcpu();
		CPU_ZERO(&one);
		CPU_SET(home->cpu, &one);
		home->pinned = !sched_setaffinity(0, sizeof(one), &one);
	}
	t->affinity = malloc(sizeof(cpu_set_t));
	if (!t->affinity)
		return;
	if (sched_getaffinity(t->tid, sizeof(cpu_set_t), t->affinity)) {
		free(t->affinity);
		t->affinity = NULL;
		return;
	}
	CPU_ZERO(&one);
	CPU_SET(home->cpu, &one);
	sched_setaffinity(t->tid, sizeof(one), &one);
}

/* A new thread has inherited the place; what it may go back to is what its parent had. */
void task_pin_inherit(struct host_task *t, const struct host_task *from)
{
	if (!from->affinity)
		return;
	t->affinity = malloc(sizeof(cpu_set_t));
	if (t->affinity)
		memcpy(t->affinity, from->affinity, sizeof(cpu_set_t));
}

void task_unpin(struct host_task *t)
{
	if (t->affinity)
		sched_setaffinity(t->tid, sizeof(cpu_set_t), t->affinity);
}

static int pin(struct host_task *t, void *data)
{
	(void)data;
	task_pin(t);
	return 0;
}

/* --- the call ------------------------------------------------------------------------------------- */

int upr_home_attach(struct upr_home *home, int pid, struct upr_why *why)
{
	struct proc_status st;
	int r = permission_why(why, pid, 0);

	if (r)
		return r;
	/* a thread's number stands for its process */
	if (!proc_status(pid, &st))
		pid = st.tgid;
	if (proc_find(home, pid))
		return 0;
	r = attach_seize(home, pid);
	if (r) {
		if (r == -ETIMEDOUT)
			why_set(why, r, 1,
				"process %d does not stop: a thread of it is asleep in the kernel and cannot be "
				"woken; try again when its disk or network answers",
				pid);
		else
			permission_why(why, pid, r);
		attach_give_up(home);
		return r;
	}
	each_attaching(home, pin, NULL);
	r = arm(home);
	if (r)
		why_set(why, r, 1, "process %d: the probes could not be put in (%s)", pid, strerror(-r));
	unpark_all(home);
	home_step(home, false);
	return r;
}
