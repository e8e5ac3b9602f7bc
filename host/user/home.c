// SPDX-License-Identifier: GPL-2.0
/*
 * home.c - the calls of home.h, the wait loop, work queued by the engine.
 *
 * Purpose: one loop.  Each round runs the work that the engine has put off, lets
 * stopped threads go on, and then waits for one stop.  A hit costs one blocking
 * wait (wait.c) and what its handler does; nothing else is called per stop.
 *
 * Locks: work_lock guards the queue of deferred work, which the engine may
 * append to from any context; a leaf.
 */
#include "host.h"

#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS	 100 /* a lost wakeup is found out after this long */
#define BATCH_MS 50  /* the tool gets its turn at least this often */
#define SYNC_MS	 30000

struct early_stop {
	struct list_head node;
	pid_t tid;
	int status;
	unsigned int age;
};

static DEFINE_SPINLOCK(work_lock);
static LIST_HEAD(works);

u64 home_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000 + (u64)ts.tv_nsec / 1000000;
}

/* --- words for people ---------------------------------------------------------------- */

int why_set(struct upr_why *why, int error, int status, const char *fmt, ...)
{
	va_list ap;

	if (why) {
		va_start(ap, fmt);
		vsnprintf(why->text, sizeof(why->text), fmt, ap);
		va_end(ap);
		why->status = status;
	}
	return error;
}

void home_note(struct upr_home *home, enum upr_home_note note, struct host_proc *proc, const char *fmt, ...)
{
	char text[4096 + 256];
	va_list ap;

	if (!home->client.note || (proc && note != UPR_NOTE_OTHER && (proc->notes & (1u << note))))
		return;
	if (proc)
		proc->notes |= 1u << note;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	home->client.note(home->data, note, proc ? proc->pid : 0, text);
}

/* --- deferred work ---------------------------------------------------------------------- */

void home_defer(struct upr_work *work)
{
	spin_lock(&work_lock);
	if (!work->queued) {
		work->queued = 1;
		list_add_tail(&work->list, &works);
	}
	spin_unlock(&work_lock);
}

static struct upr_work *take_work(void)
{
	struct upr_work *work = NULL;

	if (list_empty(&works))
		return NULL;
	spin_lock(&work_lock);
	if (!list_empty(&works)) {
		work = list_first_entry(&works, struct upr_work, list);
		list_del_init(&work->list);
		work->queued = 0;
	}
	spin_unlock(&work_lock);
	return work;
}

static void rescan_maps(struct upr_home *home)
{
	struct host_mm *mm;

	list_for_each_entry(mm, &home->mms, node)
		if (mm->rescan_queued)
			maps_scan(mm);
	home->rescan = false;
}

/* Work brings requests, and requests answered bring work. */
void home_work(struct upr_home *home)
{
	struct upr_work *work;
	bool more = true;

	if (home->working || (list_empty(&works) && list_empty(&home->requests) && !home->rescan))
		return;
	home->working = true;
	while (more) {
		more = false;
		while ((work = take_work())) {
			work->fn(work);
			more = true;
		}
		if (home->rescan)
			rescan_maps(home);
		more |= area_requests(home);
	}
	home->working = false;
}

/* --- between two stops ------------------------------------------------------------ */

/*
 * A stop is to last so long, whatever the machine.  A thread notices twice that and more as a pause: it waits for a CPU,
 * as we have, and the next stop may come when it has had one for a moment.
 */
#define STOP_US	  14000u
#define SITES_MIN 512u
#define SITES_MAX 16384u

u64 home_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000000 + (u64)ts.tv_nsec / 1000;
}

/* By what this one took, but no more than by half or twice as much. */
static void size_stops(struct host_mm *mm)
{
	unsigned int sites = mm->mm->stop_sites;
	u64 took = mm->stop_began ? home_now_us() - mm->stop_began : 0, fit;

	if (!took)
		return;
	fit = min(max((u64)sites * STOP_US / took, (u64)sites / 2), (u64)sites * 2);
	mm->mm->stop_sites = (unsigned int)min(max(fit, (u64)SITES_MIN), (u64)SITES_MAX);
}

/* More threads than that are not asked one by one. */
#define BREATHERS 64
#define BREATHS	  16

void host_breathe(struct upr_mm *umm)
{
	struct host_mm *mm = umm->host;
	unsigned int nr = 0;
	struct host_task *t;

	size_stops(mm);
	mm->stop_began = 0;
	mm->breathing = true;
	mm->home->breathing = true;
	/* nobody has been let go yet */
	list_for_each_entry(t, &mm->tasks, mm_node)
		t->slices = nr++ < BREATHERS ? proc_slices(t->tid) : 0;
}

/* Has every thread that wants a CPU had one since? */
static bool has_breathed(const struct host_mm *mm)
{
	unsigned int nr = 0;
	struct host_task *t;

	list_for_each_entry(t, &mm->tasks, mm_node)
		if (nr++ < BREATHERS && t->slices && t->state == TASK_RUNNING && proc_state(t->tid) == 'R' &&
		    proc_slices(t->tid) == t->slices)
			return false;
	return true;
}

static bool all_breathed(const struct upr_home *home)
{
	struct host_mm *mm;

	list_for_each_entry(mm, &home->mms, node)
		if (mm->breathing && !has_breathed(mm))
			return false;
	return true;
}

/*
 * Everybody who may run does.  Long enough to be seen as two pauses and not one, also where
 * others want the CPUs; hits by trap wait as long.
 */
static void breathe(struct upr_home *home)
{
	struct timespec moment = {.tv_nsec = 500000};
	struct host_mm *mm;
	unsigned int i;

	home->breathing = false;
	for (i = 0; !home->any_parked && i < BREATHS; i++) {
		nanosleep(&moment, NULL);
		if (all_breathed(home))
			break;
	}
	list_for_each_entry(mm, &home->mms, node) {
		if (mm->breathing) {
			mm->stop_began = home_now_us();
			upr_mm_go_on(mm->mm);
		}
		mm->breathing = false;
	}
}

bool home_mm_settled(struct host_mm *mm)
{
	return !upr_mm_busy(mm->mm) && !area_pending(mm);
}

bool home_settled(struct upr_home *home)
{
	struct host_mm *mm;

	if (!list_empty(&works) || !list_empty(&home->ready))
		return false;
	list_for_each_entry(mm, &home->mms, node)
		if (!home_mm_settled(mm))
			return false;
	return true;
}

/* --- stops that wait --------------------------------------------------------------------- */

static void keep_stop(struct list_head *list, pid_t tid, int status)
{
	struct early_stop *e = calloc(1, sizeof(*e));

	BUG_ON(!e);
	e->tid = tid;
	e->status = status;
	list_add_tail(&e->node, list);
}

void home_queue_stop(struct upr_home *home, pid_t tid, int status)
{
	keep_stop(&home->stops, tid, status);
}

static bool take_stop(struct list_head *list, pid_t tid, int *status)
{
	struct early_stop *e;

	list_for_each_entry(e, list, node) {
		if (e->tid != tid)
			continue;
		*status = e->status;
		list_del(&e->node);
		free(e);
		return true;
	}
	return false;
}

/* A child that has stopped before its parent told of it: looked at already, or collected and not yet. */
bool home_take_early(struct upr_home *home, pid_t tid, int *status)
{
	return take_stop(&home->early, tid, status) || take_stop(&home->stops, tid, status);
}

/* An unknown tid: a child that is early, or a thread that took its dead leader's name in exec. */
static void stranger_stopped(struct upr_home *home, pid_t tid, int status)
{
	unsigned long former = 0;
	struct host_task *t;
	int signo;

	switch (stop_decode(status, &signo)) {
	case STOP_EXITED:
		take_stop(&home->early, tid, &status);
		released_ended(home, tid, status);
		return;
	case STOP_EXEC:
		host_ptrace(PTRACE_GETEVENTMSG, tid, 0, (unsigned long)&former);
		t = task_find(home, (pid_t)former);
		if (t) {
			task_rename(t, tid);
			task_stopped(t, status);
			return;
		}
		/* fallthrough */
	default:
		wait_take(tid, &status);
		keep_stop(&home->early, tid, status);
		return;
	}
}

static void stays(struct upr_home *home)
{
	struct host_task *t = home->reporting;

	home->reporting = NULL;
	if (t)
		task_keep(t);
}

void home_dispatch(struct upr_home *home, pid_t tid, int status)
{
	struct host_task *t = task_find(home, tid);

	if (!t) {
		stranger_stopped(home, tid, status);
		return;
	}
	home->reporting = t;
	task_stopped(t, status);
	stays(home);
}

/* Children whose parents died before they could tell of them. */
static void adopt_orphans(struct upr_home *home)
{
	struct early_stop *e, *next;

	list_for_each_entry_safe(e, next, &home->early, node) {
		struct early_stop one = *e;

		/* its parent may be about to tell: not at the first look */
		if (!e->age++)
			continue;
		list_del(&e->node);
		free(e);
		if (process_adopt_orphan(home, one.tid, one.status))
			host_ptrace(PTRACE_DETACH, one.tid, 0, 0);
	}
}

/* --- the loop -------------------------------------------------------------------------------- */

static void bury(struct upr_home *home)
{
	struct host_task *t, *next;

	list_for_each_entry_safe(t, next, &home->graves, ready) {
		list_del(&t->ready);
		free(t->affinity);
		free(t);
	}
}

/* Those whose reports are done go on, unless somebody holds them. */
void home_settle_ready(struct upr_home *home)
{
	while (!list_empty(&home->ready)) {
		struct host_task *t = list_first_entry(&home->ready, struct host_task, ready);

		list_del_init(&t->ready);
		task_settle(t);
	}
}

static bool handle_queued(struct upr_home *home)
{
	struct early_stop *e, one;

	if (list_empty(&home->stops))
		return false;
	e = list_first_entry(&home->stops, struct early_stop, node);
	one = *e;
	list_del(&e->node);
	free(e);
	home_dispatch(home, one.tid, one.status);
	return true;
}

/* 1 handled one stop; 0 none (interrupted, or none there and not to block); -ECHILD */
int home_step(struct upr_home *home, bool block)
{
	int status, r;
	pid_t tid;

	/* called from within a report: what was being reported waits */
	stays(home);
	if (!list_empty(&home->graves))
		bury(home);
	home_work(home);
	if (!list_empty(&home->ready))
		home_settle_ready(home);
	if (home->breathing)
		breathe(home);
	if (home->releasing)
		home_release_idle(home);
	if (handle_queued(home))
		return 1;
	wait_fairly(home);
	if (handle_queued(home))
		return 1;
	r = wait_any(block, &tid, &status);
	if (r > 0)
		home_dispatch(home, tid, status);
	return r == -EINTR ? 0 : r;
}

static void tick(struct upr_home *home)
{
	task_check_awaited(home);
	if (!list_empty(&home->early))
		adopt_orphans(home);
}

/* Run until @done, however long single waits take.  Return: 0, -ETIMEDOUT, -ECHILD. */
int home_wait_for(struct upr_home *home, bool (*done)(void *data), void *data, unsigned int timeout_ms)
{
	u64 end = home_now_ms() + timeout_ms;
	int r = 0;

	for (;;) {
		home_work(home);
		home_settle_ready(home);
		if (done(data))
			break;
		if (home_now_ms() >= end) {
			r = -ETIMEDOUT;
			break;
		}
		if (!timer_armed())
			timer_arm(20, 20);
		r = home_step(home, true);
		if (!r)
			tick(home);
		if (r < 0) {
			r = done(data) ? 0 : r;
			break;
		}
		r = 0;
	}
	timer_disarm();
	return r;
}

static bool unpark_spawned(struct upr_home *home)
{
	struct host_proc *proc;
	struct host_task *t;

	list_for_each_entry(proc, &home->procs, node) {
		list_for_each_entry(t, &proc->tasks, node) {
			if (!t->parked || proc->unfollowed)
				continue;
			t->parked = false;
			task_make_ready(t);
		}
	}
	home->any_parked = false;
	return true;
}

int upr_home_run(struct upr_home *home, int timeout_ms)
{
	u64 start = home_now_ms(), deadline = timeout_ms < 0 ? ~(u64)0 : start + (u64)timeout_ms;
	unsigned int handled = 0;
	bool foreign = false;
	int r;

	if (home->letting_go)
		return released_run(home, timeout_ms);
	if (home->any_parked)
		unpark_spawned(home);
	home->spent = false;
	for (;;) {
		u64 now;

		if (!home->nr_tasks && list_empty(&home->early)) {
			r = -ECHILD;
			break;
		}
		if (!timer_armed()) {
			now = home_now_ms();
			timer_arm(now >= deadline ? 0 : (unsigned int)min(deadline - now, (u64)TICK_MS), TICK_MS);
		}
		r = home_step(home, true);
		if (r < 0)
			break;
		if (r) {
			handled++;
			if (!home->spent && handled % 32)
				continue;
		}
		now = home_now_ms();
		if (!r) {
			foreign = !timer_ticked();
			tick(home);
			timer_disarm();
		}
		if (home->spent || foreign || now >= deadline || (handled && now - start >= BATCH_MS) ||
		    (!r && timeout_ms < 0))
			break;
	}
	timer_disarm();
	return r < 0 && !handled ? r : handled > 0;
}

static bool all_settled(void *data)
{
	return home_settled(data);
}

int upr_home_sync(struct upr_home *home)
{
	int r = home_wait_for(home, all_settled, home, SYNC_MS);

	return r == -ECHILD ? 0 : r;
}

/* --- open and close ------------------------------------------------------------------------------ */

/* Stops of tracees need not send a signal each: the wait is woken anyway. */
static void quiet_sigchld(struct upr_home *home)
{
	struct sigaction sa = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDSTOP};

	sigaction(SIGCHLD, NULL, &home->old_chld);
	if (!(home->old_chld.sa_flags & SA_SIGINFO) &&
	    (home->old_chld.sa_handler == SIG_DFL || home->old_chld.sa_handler == SIG_IGN))
		sigaction(SIGCHLD, &sa, NULL);
}

/* One descriptor for each address space. */
static void raise_file_limit(struct upr_home *home)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &home->file_limit))
		return;
	limit = home->file_limit;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

struct upr_home *upr_home_open(struct upr_session *session, const struct upr_home_client *client, void *data,
			       const struct upr_home_options *options)
{
	struct upr_home *home = calloc(1, sizeof(*home));

	if (!home)
		return NULL;
	if (timer_open()) {
		free(home);
		return NULL;
	}
	home->session = session;
	if (client)
		home->client = *client;
	home->data = data;
	if (options)
		home->options = *options;
	INIT_LIST_HEAD(&home->procs);
	INIT_LIST_HEAD(&home->mms);
	INIT_LIST_HEAD(&home->ready);
	INIT_LIST_HEAD(&home->requests);
	INIT_LIST_HEAD(&home->early);
	INIT_LIST_HEAD(&home->stops);
	INIT_LIST_HEAD(&home->graves);
	INIT_LIST_HEAD(&home->let_go);
	quiet_sigchld(home);
	raise_file_limit(home);
	sched_short_slice(true);
	return home;
}

void upr_home_close(struct upr_home *home)
{
	if (!home)
		return;
	upr_home_detach(home);
	home_work(home);
	bury(home);
	loader_close(home);
	guards_close(home);
	timer_close();
	sched_short_slice(false);
	sigaction(SIGCHLD, &home->old_chld, NULL);
	setrlimit(RLIMIT_NOFILE, &home->file_limit);
	free(home);
}
