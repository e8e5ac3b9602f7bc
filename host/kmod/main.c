// SPDX-License-Identifier: GPL-2.0
/*
 * main.c - the kernel home's module, and the context that may sleep.
 *
 * Purpose: brings the parts of the home up and down in order.  Deferred work
 * runs on one ordered workqueue, one piece at a time.
 *
 * Locks: defer_lock (spin, irqs off) guards the queue; innermost.
 */
#include <linux/module.h>

#include "home.h"

struct kmod_home kmod_home;
struct workqueue_struct *kmod_wq;

static DEFINE_SPINLOCK(defer_lock);
static LIST_HEAD(defer_queue); /* defer_lock */

/* Somebody may be waiting for what has just happened. */
void kmod_changed(void)
{
	wake_up_all(&kmod_home.changed);
}

/*
 * Wait until something is so; @so may sleep.  What the engine does by itself is
 * not announced: look again now and then.  Return: whether it is so.
 */
bool kmod_wait(bool (*so)(void), long timeout)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	unsigned long start = jiffies;
	bool ret;

	add_wait_queue(&kmod_home.changed, &wait);
	while (!(ret = so()) && (timeout == MAX_SCHEDULE_TIMEOUT ||
				 (!atomic_read(&kmod_home.lost) && time_before(jiffies, start + timeout))))
		wait_woken(&wait, TASK_UNINTERRUPTIBLE, HZ / 20);
	remove_wait_queue(&kmod_home.changed, &wait);
	return ret;
}

static void defer_run(struct work_struct *unused)
{
	struct upr_work *work;
	unsigned long flags;

	for (;;) {
		spin_lock_irqsave(&defer_lock, flags);
		work = list_first_entry_or_null(&defer_queue, struct upr_work, list);
		if (work) {
			list_del_init(&work->list);
			work->queued = 0;
		}
		spin_unlock_irqrestore(&defer_lock, flags);
		if (!work)
			break;
		work->fn(work);
	}
	kmod_changed();
}

static DECLARE_WORK(defer_work, defer_run);

void kmod_defer(struct upr_work *work)
{
	unsigned long flags;

	spin_lock_irqsave(&defer_lock, flags);
	if (!work->queued) {
		work->queued = 1;
		list_add_tail(&work->list, &defer_queue);
	}
	spin_unlock_irqrestore(&defer_lock, flags);
	queue_work(kmod_wq, &defer_work);
}

static int __init upr_kmod_init(void)
{
	int ret;

	mutex_init(&kmod_home.lock);
	INIT_LIST_HEAD(&kmod_home.mms);
	INIT_LIST_HEAD(&kmod_home.probes);
	init_waitqueue_head(&kmod_home.changed);
	kmod_wq = alloc_ordered_workqueue("upr", 0);
	if (!kmod_wq)
		return -ENOMEM;
	ret = kmod_task_init();
	if (ret)
		goto no_task;
	ret = kmod_trap_init();
	if (ret)
		goto no_trap;
	ret = kmod_session_init();
	if (ret)
		goto no_session;
	return 0;

no_session:
	kmod_trap_exit();
no_trap:
	kmod_task_exit();
no_task:
	destroy_workqueue(kmod_wq);
	return ret;
}

/* The device pins the module, so that no connection is open here. */
static void __exit upr_kmod_exit(void)
{
	kmod_session_exit();
	kmod_trap_exit();
	kmod_task_exit();
	destroy_workqueue(kmod_wq);
	/* the engine frees by call_rcu(): its callbacks are in this module */
	rcu_barrier();
}

module_init(upr_kmod_init);
module_exit(upr_kmod_exit);
MODULE_DESCRIPTION("uprobes: probes on any instruction of any running program");
MODULE_LICENSE("GPL");
