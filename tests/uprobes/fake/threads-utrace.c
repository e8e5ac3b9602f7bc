// SPDX-License-Identifier: GPL-2.0
/*
 * threads-utrace.c - utrace under real threads: the locks are as real as the
 * vocabulary says.
 *
 * Purpose: one thread is the task, and reports as a kernel home would, in its
 * own context; others attach, stop, look, let go and detach as fast as they
 * can, until the task dies under them.  Also what the vocabulary adds to
 * Linux's words: kfree_rcu() frees without a thread of its own, and what may sleep is
 * refused in an atomic context.
 *
 * Locks: none; what threads share is atomic.
 */
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <utrace/utrace.h>

#include "../tap.h"

#define NR_CONTROLLERS 3
#define NR_STOPS       10000
#define TIMEOUT_S      240

static atomic_t interrupted, finished;
static atomic_t moves;		       /* the task's progress in user mode */
static enum utrace_resume resumed_how; /* under the task's lock */
static time_t deadline;

static struct {
	atomic_t moved, blind, stops, already, released, deaths, attached;
} seen;

static void give_way(void)
{
	if (time(NULL) > deadline) {
		printf("Bail out! timeout\n");
		exit(1);
	}
	sched_yield();
}

/* --- the home ---------------------------------------------------------------- */

static void task_interrupt(struct utrace_task *task)
{
	atomic_set(&interrupted, 1);
}

static void task_resume(struct utrace_task *task, enum utrace_resume how)
{
	resumed_how = how;
}

static void defer(struct upr_work *work)
{
	work->fn(work);
}

static const struct target_ops ops = {
	.task_interrupt = task_interrupt,
	.task_resume = task_resume,
	.defer = defer,
};

/* Carries out an answer.  Return: how user mode goes on; a killed task does not care. */
static enum utrace_resume obey(struct utrace_task *task, enum utrace_resume how)
{
	for (;;) {
		if (how == UTRACE_STOP && !utrace_task_is_held(task)) {
			how = resumed_how;
		} else if (atomic_xchg(&interrupted, 0) || how == UTRACE_REPORT || how == UTRACE_INTERRUPT) {
			how = utrace_report_quiesce(task);
		} else if (how == UTRACE_STOP && !atomic_read(&finished)) {
			give_way();
		} else {
			return how;
		}
	}
}

static void *task_main(void *data)
{
	struct utrace_task *task = data;
	enum utrace_resume how = UTRACE_RESUME;
	unsigned int n = 0;
	bool mine;

	while (!atomic_read(&finished)) {
		atomic_inc(&moves);
		if (how == UTRACE_SINGLESTEP)
			how = utrace_report_step(task, &mine);
		else if (++n & 1)
			how = utrace_report_breakpoint(task, 0, &mine);
		else
			how = utrace_report_exec(task);
		how = obey(task, how);
	}
	utrace_report_death(task, 0);
	return NULL;
}

/* --- controllers ---------------------------------------------------------------- */

struct hand {
	atomic_t quiet, dead;
};

static enum utrace_resume on_quiesce(struct utrace_engine *e, struct utrace_task *task)
{
	struct hand *h = e->data;

	atomic_set(&h->quiet, 1);
	return UTRACE_STOP;
}

static enum utrace_resume on_breakpoint(struct utrace_engine *e, struct utrace_task *task, u64 addr, bool *mine)
{
	return UTRACE_SINGLESTEP;
}

static enum utrace_resume on_step(struct utrace_engine *e, struct utrace_task *task, bool *mine)
{
	return UTRACE_RESUME;
}

static void on_death(struct utrace_engine *e, struct utrace_task *task, int code)
{
	struct hand *h = e->data;

	atomic_inc(&seen.deaths);
	atomic_set(&h->dead, 1);
}

static void release(struct utrace_engine *e)
{
	atomic_inc(&seen.released);
	kfree(e->data);
}

static const struct utrace_engine_ops hand_ops = {
	.on_quiesce = on_quiesce,
	.on_breakpoint = on_breakpoint,
	.on_step = on_step,
	.on_death = on_death,
	.release = release,
};

/* The task does not move while it is held. */
static void look(struct utrace_engine *e, struct hand *h)
{
	int i, before;

	bool blind = !utrace_is_stopped(e);

	before = atomic_read(&moves);
	for (i = 0; i < 3; i++)
		give_way();
	if (atomic_read(&h->dead))
		return;
	if (blind)
		atomic_inc(&seen.blind);
	if (atomic_read(&moves) != before)
		atomic_inc(&seen.moved);
}

static void stop_and_go(struct utrace_engine *e, struct hand *h, int round)
{
	int ret = utrace_control(e, UTRACE_STOP);

	while (!ret && !atomic_read(&h->quiet) && !atomic_read(&h->dead))
		give_way();
	if (ret == -ESRCH || atomic_read(&h->dead))
		return;
	/* the callback may still be running: the stop is in force once the report is over */
	while (!utrace_task_is_held(e->task) && !atomic_read(&h->dead))
		give_way();
	atomic_inc(ret ? &seen.already : &seen.stops);
	look(e, h);
	if (round % 3 == 1)
		utrace_control(e, UTRACE_SINGLESTEP);
	else if (round % 3 == 2)
		utrace_control(e, UTRACE_RESUME);
}

/* Until the task dies under them. */
static void *controller_main(void *data)
{
	struct utrace_task *task = data;
	int round, before;

	for (round = 0;; round++) {
		struct hand *h = kzalloc(sizeof(*h), GFP_KERNEL);
		unsigned int events = round & 1 ? UTRACE_EV_ALL : UTRACE_EV_ALL & ~UTRACE_EV_BREAKPOINT;
		struct utrace_engine *e = utrace_attach(task, &hand_ops, events, h);

		if (IS_ERR(e)) {
			kfree(h);
			return NULL;
		}
		atomic_inc(&seen.attached);
		stop_and_go(e, h, round);
		before = atomic_read(&moves);
		utrace_detach(e);
		utrace_engine_put(e);
		while (round % 4 && atomic_read(&moves) == before && !atomic_read(&finished))
			give_way();
	}
}

static void test_threads(void)
{
	struct utrace_task *task = utrace_task_new(&ops, NULL, 1);
	pthread_t runner, controllers[NR_CONTROLLERS];
	int i;

	utrace_task_get(task);
	deadline = time(NULL) + TIMEOUT_S;
	pthread_create(&runner, NULL, task_main, task);
	for (i = 0; i < NR_CONTROLLERS; i++)
		pthread_create(&controllers[i], NULL, controller_main, task);
	while (atomic_read(&seen.stops) < NR_STOPS)
		give_way();
	atomic_set(&finished, 1);
	pthread_join(runner, NULL);
	for (i = 0; i < NR_CONTROLLERS; i++)
		pthread_join(controllers[i], NULL);
	utrace_task_put(task);

	diag("%d stops reported, %d found stopped, %d engines, %d of them saw the death, %d moves of the task",
	     atomic_read(&seen.stops), atomic_read(&seen.already), atomic_read(&seen.attached),
	     atomic_read(&seen.deaths), atomic_read(&moves));
	ok(atomic_read(&seen.stops) >= NR_STOPS, "threads stop a task again and again");
	is_int(atomic_read(&seen.blind), 0, "who has been told may look");
	is_int(atomic_read(&seen.moved), 0, "no task moves while it is held");
	is_int(atomic_read(&seen.released), atomic_read(&seen.attached), "each engine is released once");
}

/* --- the vocabulary ------------------------------------------------------------------ */

struct thing {
	u64 before;
	struct rcu_head rcu;
};

static atomic_t called;

static void call(struct rcu_head *head)
{
	atomic_inc(&called);
	kfree(container_of(head, struct thing, rcu));
}

static void test_rcu(void)
{
	int i;

	for (i = 0; i < 3 * UPR_RCU_BATCH; i++) {
		struct thing *thing = kzalloc(sizeof(*thing), GFP_KERNEL);

		if (i & 1)
			kfree_rcu(thing, rcu);
		else
			call_rcu(&thing->rcu, call);
	}
	ok(atomic_read(&called) >= UPR_RCU_BATCH, "many dead are buried on the way");
	rcu_read_lock();
	for (i = 0; i < 2 * UPR_RCU_BATCH; i++)
		call_rcu(&((struct thing *)kzalloc(sizeof(struct thing), GFP_KERNEL))->rcu, call);
	ok(atomic_read(&called) < 3 * UPR_RCU_BATCH, "but not by a reader");
	rcu_read_unlock();
	rcu_barrier();
	is_int(atomic_read(&called), 3 * UPR_RCU_BATCH / 2 + 2 * UPR_RCU_BATCH, "all of them by rcu_barrier()");
	ok(!upr_rcu_dead.nr, "nothing is left");
}

static void lock_a_mutex(void)
{
	static DEFINE_MUTEX(lock);

	mutex_lock(&lock);
	mutex_unlock(&lock);
}

static void allocate(void)
{
	kfree(kmalloc(1, GFP_KERNEL));
}

static void allocate_atomic(void)
{
	kfree(kmalloc(1, GFP_ATOMIC));
}

static bool aborts(void (*fn)(void))
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		if (!freopen("/dev/null", "w", stderr))
			_exit(1);
		upr_atomic_enter();
		fn();
		upr_atomic_exit();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

int main(void)
{
	ok(aborts(lock_a_mutex), "a mutex in the atomic half is a broken invariant");
	ok(aborts(allocate), "so is an allocation that may wait");
	ok(!aborts(allocate_atomic), "one that does not wait is none");
	test_rcu();
	test_threads();
	rcu_barrier();
	return done_testing();
}
