/* SPDX-License-Identifier: GPL-2.0 */
/*
 * home.h - the kernel home's own structures and what its files offer each other.
 *
 * Purpose: the home in its minimal honest form.  It proves the atomic half of
 * the seam: a real int3 of a user program goes from the die notifier through
 * kernel/uprobes.c and back to user mode.  What it leaves out is listed in
 * Documentation/uprobes.txt.
 *
 * Files
 *   main.c	module, the ordered workqueue that is the sleeping context
 *   session.c	/dev/upr-proof: one connection at a time
 *   task.c	tasks: attach, quiesce and hold, birth and death
 *   mm.c	address spaces: mappings, text, areas
 *   target.c	struct target_ops
 *   trap.c	int3 and single step, from the die notifier
 *
 * Locks, outermost first
 *   home->lock (mutex)		the connection
 *   list_lock (mutex)		home->mms
 *   the engine's own		see <utrace/uprobes.h>
 *   task_table.lock (spin)	writers of the task table; readers use RCU
 *   defer_lock (spin, irqs off)	the queue of deferred work
 * Nothing sleeps in the notifier or in a tracepoint: both only look up under RCU,
 * report, and queue task_work.
 */
#ifndef UPR_KMOD_HOME_H
#define UPR_KMOD_HOME_H

#include <linux/mm_types.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/task_work.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <upr-compat.h>
#include <utrace/target.h>
#include <utrace/uprobes.h>
#include <utrace/utrace.h>

/* How long a command waits for the tasks to come to rest. */
#define KMOD_TIMEOUT	(10 * HZ)

/**
 * struct kmod_home - the one open connection
 * @session:	the engine's registry
 * @mms:	struct kmod_mm, until the connection is closed
 * @probes:	struct kmod_probe (session.c)
 * @changed:	woken whenever something that a command may wait for has happened
 * @nr_tasks:	tasks in the table; closing waits for nought
 * @lost:	something could not be followed for want of memory
 */
struct kmod_home {
	struct mutex lock;
	struct upr_session *session;
	enum upr_mode mode;
	struct list_head mms;
	struct list_head probes;
	unsigned int nr_probes;
	wait_queue_head_t changed;
	atomic_t nr_tasks;
	atomic_t lost;
};

/**
 * struct kmod_mm - an address space
 * @upr:	the engine's side
 * @mm:		grabbed (mmgrab), not pinned: it may die under us
 * @nr_tasks:	tasks of ours in it
 */
struct kmod_mm {
	struct upr_mm *upr;
	struct mm_struct *mm;
	struct list_head node;
	atomic_t nr_tasks;
};

/* struct kmod_task.want: what its task_work shall do */
enum {
	KMOD_WANT_BIRTH,	/* first time in its own context: meet the engine */
	KMOD_WANT_QUIESCE,	/* report quiesce */
	KMOD_WANT_HOLD,		/* an atomic report answered STOP */
	KMOD_WANT_REPORT,	/* an atomic report answered REPORT or INTERRUPT */
	KMOD_WANT_LEAVE,	/* exec: let it go */
	KMOD_QUEUED,		/* the work is on the task's list */
	KMOD_RESUMED,		/* task_resume() since the last report began */
};

/**
 * struct kmod_task - a thread
 * @utask:	the engine's side; NULL before birth and after death
 * @task:	referenced
 * @kmm:	its address space; NULL when it has left it
 * @parent:	address space of the task that forked it, until birth
 * @how:	what task_resume() said
 * @stepping:	TF is ours
 * @own_tf:	TF is the program's (too)
 * @gone:	left; only its memory remains
 */
struct kmod_task {
	struct hlist_node hash;
	struct utrace_task *utask;
	struct task_struct *task;
	struct kmod_mm *kmm;
	struct kmod_mm *parent;
	unsigned long want;
	struct callback_head work;
	wait_queue_head_t wait;
	enum utrace_resume how;
	bool stepping;
	bool own_tf;
	bool gone;
	struct rcu_head rcu;
};

extern struct kmod_home kmod_home;
extern struct workqueue_struct *kmod_wq;
extern const struct target_ops kmod_target_ops;

/* main.c */
void kmod_defer(struct upr_work *work);
void kmod_changed(void);
bool kmod_wait(bool (*so)(void), long timeout);

/* task.c */
int kmod_task_init(void);
void kmod_task_exit(void);
int kmod_attach(pid_t pid);
void kmod_detach_all(void);
struct kmod_task *kmod_task_find(struct task_struct *task);
void kmod_task_want(struct kmod_task *kt, int bit, enum task_work_notify_mode mode);
void kmod_task_step(struct kmod_task *kt, bool on);
void kmod_task_after(struct kmod_task *kt, enum utrace_resume how);

/* mm.c */
struct kmod_mm *kmod_mm_find(struct mm_struct *mm);
struct kmod_mm *kmod_mm_new(struct mm_struct *mm);
void kmod_mm_free_all(void);
bool kmod_mms_settled(void);
bool kmod_mms_idle(void);
void kmod_mms_disarm(void);
int kmod_mm_walk(struct kmod_mm *kmm);
int kmod_text_access(struct kmod_mm *kmm, u64 addr, void *buf, size_t len, bool write);
void kmod_area_map(struct upr_mm *mm, struct upr_area *area);
void kmod_area_unmap(struct upr_mm *mm, u64 addr, size_t size);

/* session.c */
int kmod_session_init(void);
void kmod_session_exit(void);

/* trap.c */
int kmod_trap_init(void);
void kmod_trap_exit(void);

#endif /* UPR_KMOD_HOME_H */
