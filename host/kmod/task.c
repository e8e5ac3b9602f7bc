// SPDX-License-Identifier: GPL-2.0
/*
 * task.c - threads: met, quiesced, held, let go.
 *
 * Purpose: everything the engine hears of a task is reported from that task's
 * own context: hits from the notifier, the rest from task_work, which runs
 * before user mode is entered again and once more when the task exits.  So
 * reports of one task never overlap.
 *
 * A held task waits inside its task_work, killably.  (gdb's attach waits as long
 * as we hold; the kernel home proper will hold interruptibly.)
 *
 * Locks: table_lock (spin) for writers of the table; readers use RCU.
 */
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/sched/task_stack.h>
#include <linux/slab.h>
#include <linux/tracepoint.h>

#include "home.h"

#define TABLE_BITS 8

static DEFINE_SPINLOCK(table_lock);
static struct hlist_head table[1 << TABLE_BITS]; /* table_lock, RCU */

/* Works queued and not yet run to their end: their code is in this module. */
static atomic_t works = ATOMIC_INIT(0);

static struct hlist_head *bucket(struct task_struct *task)
{
	return &table[hash_64((u64)(unsigned long)task, TABLE_BITS)];
}

/* Under RCU, or in the task's own context. */
struct kmod_task *kmod_task_find(struct task_struct *task)
{
	struct kmod_task *kt;

	hlist_for_each_entry_rcu(kt, bucket(task), hash, true)
		if (kt->task == task)
			return kt;
	return NULL;
}

/* --- what a task shall do before user mode ------------------------------ */

/*
 * Any context.  On failure the task is past its last work: it has died or is
 * about to, which is what its death report says.
 */
void kmod_task_want(struct kmod_task *kt, int bit, enum task_work_notify_mode mode)
{
	set_bit(bit, &kt->want);
	if (test_and_set_bit(KMOD_QUEUED, &kt->want))
		return;
	atomic_inc(&works);
	if (task_work_add(kt->task, &kt->work, mode)) {
		clear_bit(KMOD_QUEUED, &kt->want);
		atomic_dec(&works);
	}
}

/*
 * What user_enable_single_step(), which modules cannot call, does for us.
 * The task is current, or held.
 */
void kmod_task_step(struct kmod_task *kt, bool on)
{
	struct pt_regs *regs = task_pt_regs(kt->task);

	if (on == kt->stepping)
		return;
	kt->stepping = on;
	if (on) {
		kt->own_tf = regs->flags & X86_EFLAGS_TF;
		regs->flags |= X86_EFLAGS_TF;
		set_tsk_thread_flag(kt->task, TIF_SINGLESTEP);
		if (!kt->own_tf)
			set_tsk_thread_flag(kt->task, TIF_FORCED_TF);
		return;
	}
	if (!kt->own_tf)
		regs->flags &= ~X86_EFLAGS_TF;
	kt->own_tf = false;
	clear_tsk_thread_flag(kt->task, TIF_SINGLESTEP);
	clear_tsk_thread_flag(kt->task, TIF_FORCED_TF);
}

/* An atomic report of current has answered @how. */
void kmod_task_after(struct kmod_task *kt, enum utrace_resume how)
{
	switch (how) {
	case UTRACE_STOP:
		kmod_task_want(kt, KMOD_WANT_HOLD, TWA_RESUME);
		break;
	case UTRACE_REPORT:
	case UTRACE_INTERRUPT:
		kmod_task_want(kt, KMOD_WANT_REPORT, TWA_RESUME);
		break;
	default:
		kmod_task_step(kt, how == UTRACE_SINGLESTEP || how == UTRACE_BLOCKSTEP);
		break;
	}
}

static enum utrace_resume quiesce(struct kmod_task *kt)
{
	enum utrace_resume how;

	clear_bit(KMOD_WANT_QUIESCE, &kt->want);
	clear_bit(KMOD_WANT_REPORT, &kt->want);
	/* who resumes us from here on answers the stop that this report may become */
	clear_bit(KMOD_RESUMED, &kt->want);
	smp_mb__after_atomic();
	how = utrace_report_quiesce(kt->utask);
	kmod_changed();
	return how;
}

/* Stay here until the engines let go; they may ask for reports meanwhile. */
static enum utrace_resume hold(struct kmod_task *kt)
{
	int killed = wait_event_killable(kt->wait,
					 test_bit(KMOD_RESUMED, &kt->want) || test_bit(KMOD_WANT_QUIESCE, &kt->want));

	/* it dies before it runs any user code; its death is reported then */
	if (killed)
		return UTRACE_RESUME;
	if (test_and_clear_bit(KMOD_RESUMED, &kt->want))
		return READ_ONCE(kt->how);
	return quiesce(kt);
}

static void obey(struct kmod_task *kt, enum utrace_resume how)
{
	for (;;) {
		if (fatal_signal_pending(current))
			return;
		switch (how) {
		case UTRACE_STOP:
			how = hold(kt);
			break;
		case UTRACE_REPORT:
		case UTRACE_INTERRUPT:
			how = quiesce(kt);
			cond_resched();
			break;
		default:
			kmod_task_step(kt, how == UTRACE_SINGLESTEP || how == UTRACE_BLOCKSTEP);
			return;
		}
	}
}

/* --- birth and death ------------------------------------------------------ */

static void task_work_fn(struct callback_head *work);

static struct kmod_task *task_alloc(struct task_struct *task, gfp_t gfp)
{
	struct kmod_task *kt = kzalloc(sizeof(*kt), gfp);

	if (!kt)
		return NULL;
	kt->task = task;
	get_task_struct(task);
	init_waitqueue_head(&kt->wait);
	init_task_work(&kt->work, task_work_fn);
	return kt;
}

/* False: somebody else was first. */
static bool table_add(struct kmod_task *kt)
{
	unsigned long flags;
	bool first;

	spin_lock_irqsave(&table_lock, flags);
	first = !kmod_task_find(kt->task);
	if (first) {
		hlist_add_head_rcu(&kt->hash, bucket(kt->task));
		atomic_inc(&kmod_home.nr_tasks);
	}
	spin_unlock_irqrestore(&table_lock, flags);
	return first;
}

static void table_del(struct kmod_task *kt)
{
	unsigned long flags;
	bool there;

	spin_lock_irqsave(&table_lock, flags);
	there = !hlist_unhashed(&kt->hash);
	if (there)
		hlist_del_init_rcu(&kt->hash);
	spin_unlock_irqrestore(&table_lock, flags);
	if (there && atomic_dec_and_test(&kmod_home.nr_tasks))
		kmod_changed();
}

static void task_free(struct kmod_task *kt)
{
	put_task_struct(kt->task);
	kfree_rcu(kt, rcu);
}

/* A forked child: its memory is a copy of the parent's, breakpoints and all. */
static struct kmod_mm *child_mm(struct kmod_task *kt)
{
	struct kmod_mm *kmm = kmod_mm_find(current->mm);

	if (kmm)
		return kmm;
	kmm = kmod_mm_new(current->mm);
	if (!kmm)
		return NULL;
	if (kt->parent && upr_report_fork(kt->parent->upr, kmm->upr))
		atomic_inc(&kmod_home.lost);
	return kmm;
}

/* The first work of a task: it meets the engine before it runs any user code. */
static void birth(struct kmod_task *kt)
{
	struct kmod_mm *kmm = child_mm(kt);

	kt->parent = NULL;
	if (kmm)
		kt->utask = utrace_task_new(&kmod_target_ops, kt, task_pid_nr(current));
	if (!kt->utask) {
		atomic_inc(&kmod_home.lost);
		return;
	}
	kt->kmm = kmm;
	atomic_inc(&kmm->nr_tasks);
	if (upr_task_set_mm(kt->utask, kmm->upr))
		atomic_inc(&kmod_home.lost);
	kmod_changed();
}

/*
 * The task is gone, or has another program, or the connection is closed: it is
 * in none of our text.  In its own context, or with nothing armed.
 */
static void leave(struct kmod_task *kt, int code)
{
	struct utrace_task *utask = kt->utask;

	if (utask) {
		upr_task_set_mm(utask, NULL);
		utrace_report_death(utask, code);
		kt->utask = NULL;
		atomic_dec(&kt->kmm->nr_tasks);
	}
	table_del(kt);
	/*
	 * The bit stays set, so that nobody can queue it any more; a work
	 * queued meanwhile comes after this one and finds that kt is gone.
	 */
	kt->gone = true;
	if (!test_and_set_bit(KMOD_QUEUED, &kt->want))
		task_free(kt);
	kmod_changed();
}

static void task_work_fn(struct callback_head *work)
{
	struct kmod_task *kt = container_of(work, struct kmod_task, work);

	clear_bit(KMOD_QUEUED, &kt->want);
	smp_mb__after_atomic();
	if (kt->gone) {
		task_free(kt);
		goto out;
	}
	if (current->flags & PF_EXITING || test_and_clear_bit(KMOD_WANT_LEAVE, &kt->want)) {
		kmod_task_step(kt, false);
		leave(kt, current->exit_code);
		goto out;
	}
	if (test_and_clear_bit(KMOD_WANT_BIRTH, &kt->want))
		birth(kt);
	if (!kt->utask)
		goto out;
	if (test_and_clear_bit(KMOD_WANT_HOLD, &kt->want))
		obey(kt, UTRACE_STOP);
	if (test_bit(KMOD_WANT_QUIESCE, &kt->want) || test_bit(KMOD_WANT_REPORT, &kt->want))
		obey(kt, quiesce(kt));
out:
	atomic_dec(&works);
}

/* --- tracepoints: atomic, only queue ------------------------------------------ */

static void on_fork(void *unused, struct task_struct *parent, struct task_struct *child)
{
	struct kmod_task *pt, *kt;

	rcu_read_lock();
	pt = kmod_task_find(parent);
	if (pt && pt->kmm && child->mm) {
		kt = task_alloc(child, GFP_NOWAIT);
		if (!kt) {
			atomic_inc(&kmod_home.lost);
		} else {
			kt->parent = pt->kmm;
			if (table_add(kt))
				kmod_task_want(kt, KMOD_WANT_BIRTH, TWA_RESUME);
			else
				task_free(kt);
		}
	}
	rcu_read_unlock();
}

static void on_exec(void *unused, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	struct kmod_task *kt = kmod_task_find(task);

	if (kt)
		kmod_task_want(kt, KMOD_WANT_LEAVE, TWA_RESUME);
}

static void on_exit(void *unused, struct task_struct *task)
{
	struct kmod_task *kt = kmod_task_find(task);

	/* its last works run at the end of the exit path */
	if (kt)
		kmod_task_want(kt, KMOD_WANT_LEAVE, TWA_NONE);
}

static struct {
	const char *name;
	void *probe;
	struct tracepoint *tp;
} points[] = {
	{"sched_process_fork", on_fork},
	{"sched_process_exec", on_exec},
	{"sched_process_exit", on_exit},
};

static void find_point(struct tracepoint *tp, void *unused)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(points); i++)
		if (!strcmp(tp->name, points[i].name))
			points[i].tp = tp;
}

int kmod_task_init(void)
{
	size_t i;
	int ret = 0;

	for_each_kernel_tracepoint(find_point, NULL);
	for (i = 0; i < ARRAY_SIZE(points) && !ret; i++)
		ret = points[i].tp ? tracepoint_probe_register(points[i].tp, points[i].probe, NULL) : -ENOENT;
	if (ret)
		while (i-- > 1)
			tracepoint_probe_unregister(points[i - 1].tp, points[i - 1].probe, NULL);
	return ret;
}

void kmod_task_exit(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(points); i++)
		tracepoint_probe_unregister(points[i].tp, points[i].probe, NULL);
	tracepoint_synchronize_unregister();
	/* works cannot be cancelled from a module: wait for the last to return */
	while (atomic_read(&works))
		schedule_timeout_uninterruptible(1);
	/* and for its return instruction, should it have been preempted there */
	synchronize_rcu_tasks();
}

/* --- attach and detach ------------------------------------------------------- */

/* One pass over the threads of a process.  Return: how many were new, or -errno. */
static int attach_threads(struct task_struct *leader)
{
	struct task_struct *t;
	struct kmod_task *kt;
	int n = 0;

	rcu_read_lock();
	for_each_thread(leader, t)
	{
		if (t->flags & PF_EXITING || kmod_task_find(t))
			continue;
		kt = task_alloc(t, GFP_NOWAIT);
		if (!kt) {
			n = -ENOMEM;
			break;
		}
		if (!table_add(kt)) {
			task_free(kt);
			continue;
		}
		kmod_task_want(kt, KMOD_WANT_BIRTH, TWA_SIGNAL);
		n++;
	}
	rcu_read_unlock();
	return n;
}

/* Every thread in the table has met the engine. */
static bool all_born(void)
{
	struct kmod_task *kt;
	bool all = true;
	int i;

	rcu_read_lock();
	for (i = 0; i < 1 << TABLE_BITS; i++)
		hlist_for_each_entry_rcu(kt, &table[i], hash)
			all &= !!READ_ONCE(kt->utask);
	rcu_read_unlock();
	return all;
}

/*
 * A process comes under our eyes.  A thread that a thread we do not know yet
 * is making may be missed by a pass: look again until there is nothing new.
 */
int kmod_attach(pid_t pid)
{
	struct task_struct *leader;
	struct kmod_mm *kmm;
	struct mm_struct *mm;
	struct pid *p = find_get_pid(pid);
	int ret;

	leader = get_pid_task(p, PIDTYPE_TGID);
	put_pid(p);
	if (!leader)
		return -ESRCH;
	mm = get_task_mm(leader);
	ret = -ESRCH;
	if (!mm)
		goto put_leader;
	kmm = kmod_mm_find(mm);
	if (!kmm)
		kmm = kmod_mm_new(mm);
	ret = -ENOMEM;
	if (!kmm)
		goto put_mm;
	do {
		ret = attach_threads(leader);
		if (ret < 0)
			goto put_mm;
		if (!kmod_wait(all_born, KMOD_TIMEOUT)) {
			ret = -ETIMEDOUT;
			goto put_mm;
		}
	} while (ret);
	ret = kmod_mm_walk(kmm);
put_mm:
	mmput(mm);
put_leader:
	put_task_struct(leader);
	return ret;
}

/* Nothing of ours is in any text any more. */
void kmod_detach_all(void)
{
	struct kmod_task *kt;
	int i;

	/* new children would come from tasks in the table only */
	for (i = 0; i < 1 << TABLE_BITS; i++) {
		for (;;) {
			rcu_read_lock();
			kt = hlist_entry_safe(rcu_dereference(hlist_first_rcu(&table[i])), struct kmod_task, hash);
			if (kt)
				kmod_task_want(kt, KMOD_WANT_LEAVE, TWA_SIGNAL);
			rcu_read_unlock();
			if (!kt)
				break;
			wait_event_timeout(kmod_home.changed, hlist_empty(&table[i]), HZ / 10);
		}
	}
}
