// SPDX-License-Identifier: GPL-2.0
/*
 * utrace.c - several engines on one task.
 *
 * Purpose: keeps the engines of each task, asks them about every event the
 * home reports, merges their answers and wishes into the one thing the task
 * does next, and runs the quiesce protocol.
 *
 * What an engine wants is kept in two words.  `wish' is what the task shall do
 * once nobody keeps it from it: STOP (this engine holds it), a step, or RESUME;
 * the engine's answers and utrace_control() set it.  `ask' is a quiesce report
 * owed to the engine: only that report pays it.  Were they one word, an engine that
 * answers "resume" to some event, not knowing that another CPU has
 * just asked for a stop in its name, would cancel the stop.
 *
 * A report walks the engine list with the lock dropped around each callback.
 * While task->reporting is set nothing is unlinked, so the walk needs neither
 * references nor RCU: a detached engine is marked, skipped, and unlinked by
 * report_end().
 *
 * Locks: task->lock guards everything in struct utrace_task and
 * utrace_engine that utrace.h gives to this file.  It is a leaf but for
 * target_ops.task_interrupt and task_resume, which are called under it so that
 * letting a task go and stopping it again reach the home in that order.
 */
#include <upr-compat.h>
#include <utrace/utrace.h>

/* One event on its way through the engines of a task. */
struct report {
	struct utrace_task *task;
	struct utrace_engine *engine; /* being asked, NULL before the first and after the last */
	struct list_head *pos, *last; /* last: attached when the event happened */
	unsigned int event;
	enum utrace_resume answer; /* engine's */
	bool mine;		   /* UTRACE_EV_STEP: engine had asked for it */
	bool stops_only;	   /* UTRACE_EV_QUIESCE: pays no REPORT or INTERRUPT */
};

/* What all engines of a task want together. */
struct wishes {
	bool hold;		/* somebody's STOP is in force */
	enum utrace_resume ask; /* strongest quiesce report owed; RESUME: none */
	enum utrace_resume run; /* how the task runs if nothing else is to be done */
	bool step_unmet;	/* somebody's step is not what the task was let go with */
};

static bool is_step(enum utrace_resume how)
{
	return how == UTRACE_SINGLESTEP || how == UTRACE_BLOCKSTEP;
}

/* --- engines and tasks come and go ------------------------------------- */

/* An event without a callback is one the engine does not hear of. */
static unsigned int heard_events(const struct utrace_engine_ops *ops, unsigned int events)
{
	unsigned int heard = 0;

	if (ops->on_quiesce)
		heard |= UTRACE_EV_QUIESCE;
	if (ops->on_signal)
		heard |= UTRACE_EV_SIGNAL;
	if (ops->on_syscall_entry)
		heard |= UTRACE_EV_SYSCALL_ENTRY;
	if (ops->on_syscall_exit)
		heard |= UTRACE_EV_SYSCALL_EXIT;
	if (ops->on_clone)
		heard |= UTRACE_EV_CLONE;
	if (ops->on_exec)
		heard |= UTRACE_EV_EXEC;
	if (ops->on_exit)
		heard |= UTRACE_EV_EXIT;
	if (ops->on_death)
		heard |= UTRACE_EV_DEATH;
	if (ops->on_jctl)
		heard |= UTRACE_EV_JCTL;
	if (ops->on_breakpoint)
		heard |= UTRACE_EV_BREAKPOINT;
	if (ops->on_step)
		heard |= UTRACE_EV_STEP;
	return events & heard;
}

static void collect_events(struct utrace_task *task)
{
	struct utrace_engine *engine;
	unsigned int events = 0;

	list_for_each_entry(engine, &task->engines, node)
		events |= engine->events;
	task->events = events;
}

struct utrace_task *utrace_task_new(const struct target_ops *target, void *host, s64 id)
{
	struct utrace_task *task = kzalloc(sizeof(*task), GFP_KERNEL);

	if (!task)
		return NULL;
	task->target = target;
	task->host = host;
	task->id = id;
	INIT_LIST_HEAD(&task->mm_node);
	INIT_LIST_HEAD(&task->engines);
	spin_lock_init(&task->lock);
	refcount_set(&task->refs, 1);
	return task;
}

void utrace_task_get(struct utrace_task *task)
{
	refcount_inc(&task->refs);
}

void utrace_task_put(struct utrace_task *task)
{
	if (refcount_dec_and_test(&task->refs))
		kfree_rcu(task, rcu);
}

void utrace_engine_get(struct utrace_engine *engine)
{
	refcount_inc(&engine->refs);
}

static void engine_free(struct utrace_engine *engine)
{
	struct utrace_task *task = engine->task;

	kfree_rcu(engine, rcu);
	utrace_task_put(task);
}

static void engine_release(struct upr_work *work)
{
	struct utrace_engine *engine = container_of(work, struct utrace_engine, work);

	engine->ops->release(engine);
	engine_free(engine);
}

/* The last reference may go in the atomic half, and release sleeps. */
void utrace_engine_put(struct utrace_engine *engine)
{
	if (!refcount_dec_and_test(&engine->refs))
		return;
	if (engine->ops->release)
		engine->task->target->defer(&engine->work);
	else
		engine_free(engine);
}

/* --- what the engines want, together ------------------------------------ */

static void gather(const struct utrace_task *task, struct wishes *w)
{
	struct utrace_engine *engine;

	w->hold = false;
	w->step_unmet = false;
	w->ask = UTRACE_RESUME;
	w->run = UTRACE_RESUME;
	list_for_each_entry(engine, &task->engines, node) {
		if (engine->detached)
			continue;
		w->ask = min(w->ask, engine->ask);
		if (engine->wish == UTRACE_STOP) {
			w->hold = true;
			continue;
		}
		w->run = min(w->run, engine->wish);
		if (is_step(engine->wish) && !engine->stepping)
			w->step_unmet = true;
	}
}

/*
 * The task leaves our hands.  A quiesce report comes before user code, so
 * whatever step is wished for is decided again after it.  A stop on its
 * way must also end a system call that is about to block: hence INTERRUPT.
 */
static enum utrace_resume let_go(struct utrace_task *task, const struct wishes *w)
{
	struct utrace_engine *engine;
	bool step = w->ask == UTRACE_RESUME && is_step(w->run);

	task->stopped = false;
	/* a trap that is on its way from before stays its engine's, if that still wants it */
	list_for_each_entry(engine, &task->engines, node)
		engine->stepping = is_step(engine->wish) && (step || engine->stepping);
	if (w->ask != UTRACE_RESUME) {
		task->interrupting = true;
		return w->ask == UTRACE_STOP ? UTRACE_INTERRUPT : w->ask;
	}
	/* stays set until a trap is reported: it may be late, and must not kill the program */
	if (step)
		task->stepping = true;
	return w->run;
}

static void kick(struct utrace_task *task)
{
	if (task->interrupting)
		return;
	task->interrupting = true;
	task->target->task_interrupt(task);
}

/* A wish has changed; outside of a report somebody must act on it. */
static void reconsider(struct utrace_task *task)
{
	struct wishes w;

	if (task->reporting || task->dying)
		return;
	gather(task, &w);
	if (task->stopped && !w.hold)
		task->target->task_resume(task, let_go(task, &w));
	else if (w.ask != UTRACE_RESUME || (!task->stopped && w.step_unmet))
		kick(task);
}

/* --- for engines --------------------------------------------------------- */

struct utrace_engine *utrace_attach(struct utrace_task *task, const struct utrace_engine_ops *ops, unsigned int events,
				    void *data)
{
	struct utrace_engine *engine = kzalloc(sizeof(*engine), GFP_KERNEL);
	unsigned long flags;

	if (!engine)
		return ERR_PTR(-ENOMEM);
	engine->data = data;
	engine->task = task;
	engine->ops = ops;
	engine->events = heard_events(ops, events);
	engine->wish = UTRACE_RESUME;
	engine->ask = UTRACE_RESUME;
	engine->work.fn = engine_release;
	INIT_LIST_HEAD(&engine->work.list);
	refcount_set(&engine->refs, 2); /* the list's and the caller's */

	spin_lock_irqsave(&task->lock, flags);
	if (task->dead || task->dying) {
		spin_unlock_irqrestore(&task->lock, flags);
		kfree(engine);
		return ERR_PTR(-ESRCH);
	}
	utrace_task_get(task);
	list_add_tail(&engine->node, &task->engines);
	task->events |= engine->events;
	spin_unlock_irqrestore(&task->lock, flags);
	return engine;
}

int utrace_set_events(struct utrace_engine *engine, unsigned int events)
{
	struct utrace_task *task = engine->task;
	unsigned long flags;
	int ret = -ESRCH;

	spin_lock_irqsave(&task->lock, flags);
	if (!engine->detached && !task->dead) {
		engine->events = heard_events(engine->ops, events);
		collect_events(task);
		ret = 0;
	}
	spin_unlock_irqrestore(&task->lock, flags);
	return ret;
}

static int control_stop(struct utrace_engine *engine)
{
	struct utrace_task *task = engine->task;

	if (!task->stopped) {
		engine->ask = UTRACE_STOP;
		return 0;
	}
	/* held already: from now on for this engine, too */
	engine->ask = UTRACE_RESUME;
	engine->wish = UTRACE_STOP;
	engine->told = task->caller == engine;
	return -EALREADY;
}

static int control_locked(struct utrace_engine *engine, enum utrace_resume how)
{
	struct utrace_task *task = engine->task;
	int ret = 0;

	switch (how) {
	case UTRACE_STOP:
		ret = control_stop(engine);
		break;
	case UTRACE_REPORT:
	case UTRACE_INTERRUPT:
		engine->ask = how;
		if (engine->wish == UTRACE_STOP)
			engine->wish = UTRACE_RESUME;
		break;
	default:
		engine->ask = UTRACE_RESUME;
		engine->wish = how;
		engine->told = task->caller == engine;
		break;
	}
	reconsider(task);
	return ret;
}

int utrace_control(struct utrace_engine *engine, enum utrace_resume how)
{
	struct utrace_task *task = engine->task;
	unsigned long flags;
	int ret = -ESRCH;

	spin_lock_irqsave(&task->lock, flags);
	if (!engine->detached && !task->dead && how != UTRACE_DETACH)
		ret = control_locked(engine, how);
	else if (!engine->detached && !task->dead)
		ret = 0;
	spin_unlock_irqrestore(&task->lock, flags);
	if (how == UTRACE_DETACH)
		utrace_detach(engine);
	return ret;
}

/* Return: the list's reference is the caller's to put, once the lock is dropped. */
static bool detach_locked(struct utrace_engine *engine)
{
	struct utrace_task *task = engine->task;

	if (engine->detached)
		return false;
	engine->detached = true;
	engine->events = 0;
	engine->ask = UTRACE_RESUME;
	engine->wish = UTRACE_RESUME;
	collect_events(task);
	if (task->reporting) {
		task->purge = true;
		return false;
	}
	list_del(&engine->node);
	reconsider(task);
	return true;
}

void utrace_detach(struct utrace_engine *engine)
{
	struct utrace_task *task = engine->task;
	unsigned long flags;
	bool unlinked;

	spin_lock_irqsave(&task->lock, flags);
	unlinked = detach_locked(engine);
	spin_unlock_irqrestore(&task->lock, flags);
	if (unlinked)
		utrace_engine_put(engine);
}

bool utrace_is_stopped(const struct utrace_engine *engine)
{
	struct utrace_task *task = engine->task;
	unsigned long flags;
	bool ret;

	spin_lock_irqsave(&task->lock, flags);
	ret = !engine->detached && !task->dead &&
	      (task->caller == engine || (task->stopped && engine->wish == UTRACE_STOP));
	spin_unlock_irqrestore(&task->lock, flags);
	return ret;
}

bool utrace_task_is_held(struct utrace_task *task)
{
	unsigned long flags;
	bool held;

	spin_lock_irqsave(&task->lock, flags);
	held = task->stopped;
	spin_unlock_irqrestore(&task->lock, flags);
	return held;
}

/* --- a report -------------------------------------------------------------- */

static void report_begin(struct report *rep, struct utrace_task *task, unsigned int event)
{
	unsigned long flags;

	rep->task = task;
	rep->engine = NULL;
	rep->event = event;
	rep->mine = false;
	rep->stops_only = false;
	rep->pos = NULL;
	rep->last = NULL;

	spin_lock_irqsave(&task->lock, flags);
	/* homes report one thing at a time and nothing after death; one that errs gets an empty report */
	if (!task->dead && !WARN_ON_ONCE(task->reporting)) {
		task->reporting = true;
		rep->pos = &task->engines;
		rep->last = task->engines.prev;
	}
	spin_unlock_irqrestore(&task->lock, flags);
}

static bool report_is_empty(const struct report *rep)
{
	return !rep->last;
}

static void take_answer(struct utrace_engine *engine, enum utrace_resume answer)
{
	if (engine->detached || engine->told)
		return;
	switch (answer) {
	case UTRACE_DETACH:
		detach_locked(engine);
		break;
	case UTRACE_REPORT:
	case UTRACE_INTERRUPT:
		engine->ask = min(engine->ask, answer);
		engine->wish = UTRACE_RESUME;
		break;
	default:
		engine->wish = answer;
		break;
	}
}

/* Does the event concern this engine?  A step or quiesce it waits for is hereby paid. */
static bool concerns(struct report *rep, struct utrace_engine *engine)
{
	enum utrace_resume ask = engine->ask;

	switch (rep->event) {
	case UTRACE_EV_QUIESCE:
		if (ask == UTRACE_RESUME || (rep->stops_only && ask != UTRACE_STOP))
			return false;
		engine->ask = UTRACE_RESUME;
		if (ask == UTRACE_STOP)
			engine->wish = UTRACE_STOP;
		return engine->ops->on_quiesce;
	case UTRACE_EV_STEP:
		rep->mine = engine->stepping;
		if (rep->mine && is_step(engine->wish))
			engine->wish = UTRACE_RESUME;
		engine->stepping = false;
		break;
	}
	return engine->events & rep->event;
}

/* Take the answer of the engine asked last, and find the next to ask; NULL: that was all. */
static struct utrace_engine *report_next(struct report *rep)
{
	struct utrace_task *task = rep->task;
	struct utrace_engine *next = NULL;
	unsigned long flags;

	spin_lock_irqsave(&task->lock, flags);
	if (rep->engine)
		take_answer(rep->engine, rep->answer);
	while (!next && rep->pos != rep->last) {
		rep->pos = rep->pos->next;
		next = list_entry(rep->pos, struct utrace_engine, node);
		if (next->detached || !concerns(rep, next))
			next = NULL;
	}
	if (next)
		next->told = false;
	rep->engine = next;
	task->caller = next;
	spin_unlock_irqrestore(&task->lock, flags);
	return next;
}

static void unlink_detached(struct utrace_task *task, struct list_head *dead)
{
	struct utrace_engine *engine, *next;

	if (!task->purge)
		return;
	task->purge = false;
	list_for_each_entry_safe(engine, next, &task->engines, node)
		if (engine->detached)
			list_move_tail(&engine->node, dead);
}

static void put_engines(struct list_head *dead)
{
	struct utrace_engine *engine, *next;

	list_for_each_entry_safe(engine, next, dead, node) {
		list_del(&engine->node);
		utrace_engine_put(engine);
	}
}

static void die(struct utrace_task *task);

/*
 * What the task does next.  Held for one engine while a quiesce report is owed
 * to another: the home is asked to report again without letting it go,
 * even if it has been asked before, for then it did not know that it would hold the task.
 */
static enum utrace_resume settle(struct utrace_task *task)
{
	struct wishes w;

	gather(task, &w);
	if (!w.hold)
		return let_go(task, &w);
	task->stopped = true;
	if (w.ask != UTRACE_RESUME) {
		task->interrupting = true;
		task->target->task_interrupt(task);
	}
	return UTRACE_STOP;
}

static enum utrace_resume report_end(struct report *rep)
{
	enum utrace_resume how = UTRACE_RESUME;
	struct utrace_task *task = rep->task;
	unsigned long flags;
	LIST_HEAD(dead);
	bool dying;

	if (report_is_empty(rep))
		return UTRACE_RESUME;

	spin_lock_irqsave(&task->lock, flags);
	unlink_detached(task, &dead);
	task->reporting = false;
	dying = task->dying;
	if (!dying)
		how = settle(task);
	spin_unlock_irqrestore(&task->lock, flags);

	put_engines(&dead);
	if (dying)
		die(task);
	return how;
}

static void quiesce_pass(struct report *rep)
{
	struct utrace_engine *engine;

	if (report_is_empty(rep))
		return;
	rep->event = UTRACE_EV_QUIESCE;
	rep->pos = &rep->task->engines;
	while ((engine = report_next(rep)))
		rep->answer = engine->ops->on_quiesce(engine, rep->task);
}

/*
 * Where callbacks may sleep, a stop that is owed is had on the spot: a system
 * call about to be entered, or an exit, is stopped before it happens.  Who
 * wants a report only has it later, behind the call, say.
 */
static enum utrace_resume report_end_sleeping(struct report *rep)
{
	rep->stops_only = true;
	quiesce_pass(rep);
	return report_end(rep);
}

enum utrace_resume utrace_report_quiesce(struct utrace_task *task)
{
	struct report rep;
	unsigned long flags;

	report_begin(&rep, task, UTRACE_EV_QUIESCE);
	spin_lock_irqsave(&task->lock, flags);
	task->interrupting = false;
	spin_unlock_irqrestore(&task->lock, flags);
	quiesce_pass(&rep);
	return report_end(&rep);
}

static enum utrace_signal_action merge_signal(enum utrace_signal_action before, enum utrace_signal_action now)
{
	/* everybody is asked again when it is over: nothing is lost by waiting, much by not */
	if (before == UTRACE_SIG_HOLD || now == UTRACE_SIG_HOLD)
		return UTRACE_SIG_HOLD;
	return before == UTRACE_SIG_DELIVER ? now : min(before, now);
}

static void note_holding(struct utrace_engine *engine, bool holding)
{
	unsigned long flags;

	spin_lock_irqsave(&engine->task->lock, flags);
	engine->holding = holding;
	spin_unlock_irqrestore(&engine->task->lock, flags);
}

enum utrace_resume utrace_report_signal(struct utrace_task *task, struct utrace_signal *sig,
					enum utrace_signal_action *action)
{
	struct utrace_signal orig = *sig;
	struct utrace_engine *engine;
	struct report rep;

	*action = UTRACE_SIG_DELIVER;
	report_begin(&rep, task, UTRACE_EV_SIGNAL);
	while ((engine = report_next(&rep))) {
		/* HOLD is not shown: whoever says it means it */
		enum utrace_signal_action now = *action == UTRACE_SIG_HOLD ? UTRACE_SIG_DELIVER : *action;

		rep.answer = engine->ops->on_signal(engine, task, sig, &now);
		note_holding(engine, now == UTRACE_SIG_HOLD);
		*action = merge_signal(*action, now);
	}
	if (*action == UTRACE_SIG_DELIVER || *action == UTRACE_SIG_HOLD)
		*sig = orig;
	return report_end(&rep);
}

bool utrace_signal_is_held(struct utrace_task *task)
{
	struct utrace_engine *engine;
	unsigned long flags;
	bool held = false;

	spin_lock_irqsave(&task->lock, flags);
	list_for_each_entry(engine, &task->engines, node)
		if (engine->holding && !engine->detached &&
		    (engine->wish != UTRACE_RESUME || engine->ask != UTRACE_RESUME))
			held = true;
	spin_unlock_irqrestore(&task->lock, flags);
	return held;
}

enum utrace_resume utrace_report_syscall_entry(struct utrace_task *task, enum utrace_syscall_action *action,
					       s64 *result)
{
	struct utrace_engine *engine;
	struct report rep;

	*action = UTRACE_SYSCALL_RUN;
	report_begin(&rep, task, UTRACE_EV_SYSCALL_ENTRY);
	while ((engine = report_next(&rep))) {
		enum utrace_syscall_action now = *action;
		s64 value = *result;

		rep.answer = engine->ops->on_syscall_entry(engine, task, &now, &value);
		if (*action == UTRACE_SYSCALL_RUN && now == UTRACE_SYSCALL_ABORT) {
			*action = UTRACE_SYSCALL_ABORT;
			*result = value;
		}
	}
	return report_end_sleeping(&rep);
}

enum utrace_resume utrace_report_syscall_exit(struct utrace_task *task)
{
	struct utrace_engine *engine;
	struct report rep;

	report_begin(&rep, task, UTRACE_EV_SYSCALL_EXIT);
	while ((engine = report_next(&rep)))
		rep.answer = engine->ops->on_syscall_exit(engine, task);
	return report_end_sleeping(&rep);
}

enum utrace_resume utrace_report_clone(struct utrace_task *parent, struct utrace_task *child, unsigned int clone_flags)
{
	struct utrace_engine *engine;
	struct report rep;

	report_begin(&rep, parent, UTRACE_EV_CLONE);
	while ((engine = report_next(&rep)))
		rep.answer = engine->ops->on_clone(engine, parent, child, clone_flags);
	return report_end_sleeping(&rep);
}

enum utrace_resume utrace_report_exec(struct utrace_task *task)
{
	struct utrace_engine *engine;
	struct report rep;

	report_begin(&rep, task, UTRACE_EV_EXEC);
	while ((engine = report_next(&rep)))
		rep.answer = engine->ops->on_exec(engine, task);
	return report_end_sleeping(&rep);
}

enum utrace_resume utrace_report_exit(struct utrace_task *task, int code)
{
	struct utrace_engine *engine;
	struct report rep;

	report_begin(&rep, task, UTRACE_EV_EXIT);
	while ((engine = report_next(&rep)))
		rep.answer = engine->ops->on_exit(engine, task, code);
	return report_end_sleeping(&rep);
}

enum utrace_resume utrace_report_jctl(struct utrace_task *task, int signo)
{
	struct utrace_engine *engine;
	struct report rep;

	report_begin(&rep, task, UTRACE_EV_JCTL);
	while ((engine = report_next(&rep)))
		rep.answer = engine->ops->on_jctl(engine, task, signo);
	return report_end_sleeping(&rep);
}

enum utrace_resume utrace_report_breakpoint(struct utrace_task *task, u64 addr, bool *mine)
{
	struct utrace_engine *engine;
	struct report rep;

	*mine = false;
	report_begin(&rep, task, UTRACE_EV_BREAKPOINT);
	while ((engine = report_next(&rep))) {
		bool claimed = false;

		rep.answer = engine->ops->on_breakpoint(engine, task, addr, &claimed);
		*mine |= claimed;
	}
	return report_end(&rep);
}

/* Whether the task was let go with a step.  The trap pays it, whoever wanted it. */
static bool step_paid(struct utrace_task *task)
{
	unsigned long flags;
	bool stepping;

	spin_lock_irqsave(&task->lock, flags);
	stepping = task->stepping;
	task->stepping = false;
	spin_unlock_irqrestore(&task->lock, flags);
	return stepping;
}

enum utrace_resume utrace_report_step(struct utrace_task *task, bool *mine)
{
	struct utrace_engine *engine;
	struct report rep;

	*mine = step_paid(task);
	report_begin(&rep, task, UTRACE_EV_STEP);
	while ((engine = report_next(&rep))) {
		bool claimed = rep.mine;

		rep.answer = engine->ops->on_step(engine, task, &claimed);
		*mine |= claimed;
	}
	return report_end(&rep);
}

/* The last report, begun with task->dead set: engines cannot steer the task any more. */
static void die(struct utrace_task *task)
{
	struct utrace_engine *engine;
	struct report rep;
	unsigned long flags;
	LIST_HEAD(dead);

	report_begin(&rep, task, UTRACE_EV_DEATH);
	spin_lock_irqsave(&task->lock, flags);
	task->dead = true;
	task->stopped = false;
	spin_unlock_irqrestore(&task->lock, flags);

	while ((engine = report_next(&rep))) {
		engine->ops->on_death(engine, task, task->code);
		rep.answer = UTRACE_RESUME;
	}

	spin_lock_irqsave(&task->lock, flags);
	list_for_each_entry(engine, &task->engines, node)
		if (!engine->detached)
			detach_locked(engine);
	task->purge = true;
	unlink_detached(task, &dead);
	task->reporting = false;
	spin_unlock_irqrestore(&task->lock, flags);
	put_engines(&dead);
	utrace_task_put(task);
}

void utrace_report_death(struct utrace_task *task, int code)
{
	unsigned long flags;
	bool reporting;

	spin_lock_irqsave(&task->lock, flags);
	if (WARN_ON_ONCE(task->dead || task->dying)) {
		spin_unlock_irqrestore(&task->lock, flags);
		return;
	}
	task->code = code;
	task->dying = true;
	reporting = task->reporting;
	spin_unlock_irqrestore(&task->lock, flags);

	/* a task that dies under a callback: the report's end finds task->dying */
	if (!reporting)
		die(task);
}
