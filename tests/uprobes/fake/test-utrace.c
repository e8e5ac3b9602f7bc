// SPDX-License-Identifier: GPL-2.0
/*
 * test-utrace.c - arbitration: what several engines' answers and wishes come to.
 *
 * Purpose: the reports are made by hand on a task without a target, so that
 * every rule of utrace.h is seen by itself.  The orders in which they can meet
 * are tried in test-utrace-orders.c.
 *
 * Locks: none, one thread.
 */
#include "utrace-cases.h"

/* --- a home that only takes notes ------------------------------------------ */

static struct {
	unsigned int interrupts, resumes;
	enum utrace_resume how; /* of the last resume */
	struct list_head works;
} home;

static void note_interrupt(struct utrace_task *task)
{
	home.interrupts++;
}

static void note_resume(struct utrace_task *task, enum utrace_resume how)
{
	home.resumes++;
	home.how = how;
}

static void note_defer(struct upr_work *work)
{
	if (!work->queued)
		list_add_tail(&work->list, &home.works);
	work->queued = 1;
}

static const struct target_ops ops_of_home = {
	.task_interrupt = note_interrupt,
	.task_resume = note_resume,
	.defer = note_defer,
};

static struct utrace_task *new_task(void)
{
	struct utrace_task *task;

	memset(&home, 0, sizeof(home));
	INIT_LIST_HEAD(&home.works);
	task = utrace_task_new(&ops_of_home, NULL, 1);
	BUG_ON(!task);
	return task;
}

static void run_works(void)
{
	while (!list_empty(&home.works)) {
		struct upr_work *work = list_first_entry(&home.works, struct upr_work, list);

		list_del(&work->list);
		work->queued = 0;
		work->fn(work);
	}
}

/* --- an engine that answers as told ------------------------------------------ */

struct voice {
	struct utrace_engine *e;
	enum utrace_resume answer; /* to everything but quiesce */
	enum utrace_resume quiesce;
	enum utrace_signal_action sig;
	bool has_opinion; /* on signals */
	int new_signo;
	enum utrace_syscall_action sys;
	s64 result;
	bool claims, was_mine;
	void (*meanwhile)(struct voice *v); /* done inside the callback */
	struct voice *other;
	unsigned int heard, quiesced, deaths, released;
	int order; /* when it was called last */
};

static int turns;

static enum utrace_resume answer(struct voice *v)
{
	v->heard++;
	v->order = ++turns;
	if (v->meanwhile)
		v->meanwhile(v);
	return v->answer;
}

static enum utrace_resume on_quiesce(struct utrace_engine *e, struct utrace_task *task)
{
	struct voice *v = e->data;

	v->quiesced++;
	if (v->meanwhile)
		v->meanwhile(v);
	return v->quiesce;
}

static enum utrace_resume on_signal(struct utrace_engine *e, struct utrace_task *task, struct utrace_signal *sig,
				    enum utrace_signal_action *action)
{
	struct voice *v = e->data;

	if (v->has_opinion)
		*action = v->sig;
	if (v->new_signo)
		sig->signo = v->new_signo;
	return answer(v);
}

static enum utrace_resume on_syscall_entry(struct utrace_engine *e, struct utrace_task *task,
					   enum utrace_syscall_action *action, s64 *result)
{
	struct voice *v = e->data;

	*action = v->sys;
	*result = v->result;
	return answer(v);
}

static enum utrace_resume on_event(struct utrace_engine *e, struct utrace_task *task)
{
	return answer(e->data);
}

static enum utrace_resume on_clone(struct utrace_engine *e, struct utrace_task *parent, struct utrace_task *child,
				   unsigned int flags)
{
	return answer(e->data);
}

static enum utrace_resume on_number(struct utrace_engine *e, struct utrace_task *task, int number)
{
	return answer(e->data);
}

static enum utrace_resume on_breakpoint(struct utrace_engine *e, struct utrace_task *task, u64 addr, bool *mine)
{
	struct voice *v = e->data;

	*mine = v->claims;
	return answer(v);
}

static enum utrace_resume on_step(struct utrace_engine *e, struct utrace_task *task, bool *mine)
{
	struct voice *v = e->data;

	v->was_mine = *mine;
	return answer(v);
}

static void on_death(struct utrace_engine *e, struct utrace_task *task, int code)
{
	struct voice *v = e->data;

	v->deaths++;
}

static void release(struct utrace_engine *e)
{
	struct voice *v = e->data;

	v->released++;
}

static const struct utrace_engine_ops voice_ops = {
	.on_quiesce = on_quiesce,
	.on_signal = on_signal,
	.on_syscall_entry = on_syscall_entry,
	.on_syscall_exit = on_event,
	.on_clone = on_clone,
	.on_exec = on_event,
	.on_exit = on_number,
	.on_death = on_death,
	.on_jctl = on_number,
	.on_breakpoint = on_breakpoint,
	.on_step = on_step,
	.release = release,
};

static void voice_init(struct voice *v, struct utrace_task *task)
{
	memset(v, 0, sizeof(*v));
	v->answer = UTRACE_RESUME;
	v->quiesce = UTRACE_STOP;
	v->e = utrace_attach(task, &voice_ops, UTRACE_EV_ALL, v);
	BUG_ON(IS_ERR(v->e));
}

static void voice_done(struct voice *v)
{
	utrace_engine_put(v->e);
	run_works();
}

/* Everything is over: each engine is released once, and only once it is put. */
static void finish(struct fake_test *t, struct utrace_task *task, struct voice *voices, int n, const char *name)
{
	bool good = true;
	int i;

	utrace_report_death(task, 0);
	for (i = 0; i < n; i++) {
		good &= !voices[i].released;
		voice_done(&voices[i]);
		good &= voices[i].released == 1;
	}
	fake_ok(t, good, "%s: every engine is released once, when its last reference goes", name);
}

/* --- answers -------------------------------------------------------------------- */

/* What two answers to an atomic event come to: the arbitration table. */
static void test_merge(struct fake_test *t)
{
	enum utrace_resume a, b;
	unsigned int bad = 0;
	struct voice v[2];
	bool mine;

	for (a = UTRACE_STOP; a <= UTRACE_DETACH; a++) {
		for (b = UTRACE_STOP; b <= UTRACE_DETACH; b++) {
			struct utrace_task *task = new_task();
			enum utrace_resume want = min(a, b), got;
			int i;

			if (want == UTRACE_DETACH)
				want = UTRACE_RESUME;
			voice_init(&v[0], task);
			voice_init(&v[1], task);
			v[0].answer = a;
			v[1].answer = b;
			got = utrace_report_breakpoint(task, 0, &mine);
			if (got != want) {
				fake_diag(t, "%d and %d: %d, not %d", (int)a, (int)b, (int)got, (int)want);
				bad++;
			}
			utrace_report_death(task, 0);
			for (i = 0; i < 2; i++)
				voice_done(&v[i]);
			bad += v[0].released != 1 || v[1].released != 1;
		}
	}
	fake_ok(t, !bad, "of two answers the strongest wins, in all %d pairs",
		(UTRACE_DETACH + 1) * (UTRACE_DETACH + 1));
}

static void test_order(struct fake_test *t)
{
	struct utrace_task *task = new_task();
	struct voice v[3];
	int i;

	for (i = 0; i < 3; i++)
		voice_init(&v[i], task);
	utrace_report_exec(task);
	fake_ok(t, v[0].order < v[1].order && v[1].order < v[2].order, "engines are asked in the order of attachment");
	utrace_set_events(v[1].e, UTRACE_EV_EXIT);
	fake_ok(t, task->events == UTRACE_EV_ALL, "a task's events are all its engines' events");
	utrace_report_exec(task);
	fake_ok(t, v[0].heard == 2 && v[1].heard == 1 && v[2].heard == 2, "an event goes to those who want it");
	utrace_report_exit(task, 0);
	fake_ok(t, v[1].heard == 2, "and the next one to those who want that");
	utrace_set_events(v[0].e, 0);
	utrace_set_events(v[2].e, 0);
	fake_ok(t, task->events == UTRACE_EV_EXIT, "what nobody wants is not reported by the home");
	finish(t, task, v, 3, "order");
}

static void test_signal(struct fake_test *t)
{
	struct utrace_signal sig = {.signo = 10};
	struct utrace_task *task = new_task();
	enum utrace_signal_action action;
	struct voice v[3];
	int i;

	for (i = 0; i < 3; i++)
		voice_init(&v[i], task);
	utrace_report_signal(task, &sig, &action);
	fake_ok(t, action == UTRACE_SIG_DELIVER, "a signal that nobody minds is delivered");

	v[1].has_opinion = true;
	v[1].sig = UTRACE_SIG_IGNORE;
	utrace_report_signal(task, &sig, &action);
	fake_ok(t, action == UTRACE_SIG_IGNORE, "one engine ignores it and the others do not care: ignored");

	v[2].has_opinion = true;
	v[2].sig = UTRACE_SIG_REPLACE;
	v[2].new_signo = 12;
	utrace_report_signal(task, &sig, &action);
	fake_ok(t, action == UTRACE_SIG_REPLACE && sig.signo == 12, "one ignores, one replaces: replaced");

	sig.signo = 10;
	v[0].has_opinion = true;
	v[0].sig = UTRACE_SIG_REPLACE;
	v[0].new_signo = 14;
	v[2].sig = UTRACE_SIG_DELIVER;
	v[2].new_signo = 0;
	utrace_report_signal(task, &sig, &action);
	fake_ok(t, action == UTRACE_SIG_DELIVER && sig.signo == 10,
		"one replaces, one insists on delivery: delivered as it was");
	finish(t, task, v, 3, "signal");
}

static enum utrace_signal_action say(struct utrace_task *task, int signo)
{
	struct utrace_signal sig = {.signo = signo};
	enum utrace_signal_action action;

	utrace_report_signal(task, &sig, &action);
	return sig.signo == signo ? action : UTRACE_SIG_REPLACE;
}

static void test_signal_hold(struct fake_test *t)
{
	struct utrace_task *task = new_task();
	enum utrace_signal_action other;
	struct voice v[3];
	unsigned int bad = 0;
	int i, at;

	for (i = 0; i < 3; i++)
		voice_init(&v[i], task);
	for (i = 0; i < 3; i++)
		v[i].has_opinion = true;
	for (at = 0; at < 3; at++) {
		for (other = UTRACE_SIG_DELIVER; other <= UTRACE_SIG_IGNORE; other++) {
			for (i = 0; i < 3; i++) {
				v[i].sig = i == at ? UTRACE_SIG_HOLD : other;
				v[i].answer = i == at ? UTRACE_SINGLESTEP : UTRACE_RESUME;
				v[i].new_signo = i != at && other == UTRACE_SIG_REPLACE ? 12 : 0;
			}
			bad += say(task, 10) != UTRACE_SIG_HOLD || !utrace_signal_is_held(task);
		}
	}
	fake_ok(t, !bad, "one HOLD is enough, whoever says it and whatever the others say; the signal is as it came");
	finish(t, task, v, 3, "signal hold");
}

static void test_signal_held(struct fake_test *t)
{
	struct utrace_task *task = new_task();
	struct voice v[2];
	bool mine;

	voice_init(&v[0], task);
	voice_init(&v[1], task);
	v[0].has_opinion = true;
	v[0].sig = UTRACE_SIG_HOLD;
	fake_ok(t, say(task, 10) == UTRACE_SIG_HOLD && !utrace_signal_is_held(task),
		"HOLD together with RESUME waits for nothing");
	v[0].answer = UTRACE_SINGLESTEP;
	v[1].answer = UTRACE_SINGLESTEP;
	say(task, 10);
	utrace_report_step(task, &mine);
	fake_ok(t, utrace_signal_is_held(task), "held while the engine that said so goes on stepping");
	v[0].answer = UTRACE_RESUME;
	fake_ok(t, utrace_report_step(task, &mine) == UTRACE_SINGLESTEP && !utrace_signal_is_held(task),
		"and no longer, though another engine goes on stepping");
	v[0].answer = UTRACE_STOP;
	say(task, 10);
	fake_ok(t, utrace_signal_is_held(task), "held with the task");
	v[0].has_opinion = false;
	say(task, 11);
	fake_ok(t, !utrace_signal_is_held(task), "an engine's last word on a signal counts");
	v[0].has_opinion = true;
	v[0].answer = UTRACE_REPORT;
	say(task, 10);
	fake_ok(t, utrace_signal_is_held(task), "held until the report that the engine has asked for");
	v[0].quiesce = UTRACE_RESUME;
	utrace_report_quiesce(task);
	fake_ok(t, !utrace_signal_is_held(task), "and not after it");
	v[0].answer = UTRACE_SINGLESTEP;
	say(task, 10);
	utrace_detach(v[0].e);
	fake_ok(t, !utrace_signal_is_held(task), "who leaves holds nothing back");
	finish(t, task, v, 2, "signal held");
}

static void test_syscall(struct fake_test *t)
{
	struct utrace_task *task = new_task();
	enum utrace_syscall_action action;
	struct voice v[3];
	s64 result = 0;
	int i;

	for (i = 0; i < 3; i++)
		voice_init(&v[i], task);
	utrace_report_syscall_entry(task, &action, &result);
	fake_ok(t, action == UTRACE_SYSCALL_RUN, "a system call that nobody minds is run");
	v[1].sys = UTRACE_SYSCALL_ABORT;
	v[1].result = -1;
	v[2].sys = UTRACE_SYSCALL_ABORT;
	v[2].result = -2;
	utrace_report_syscall_entry(task, &action, &result);
	fake_ok(t, action == UTRACE_SYSCALL_ABORT && result == -1, "the first to abort it sets the result");
	finish(t, task, v, 3, "syscall");
}

static void test_breakpoint(struct fake_test *t)
{
	struct utrace_task *task = new_task();
	struct voice v[3];
	bool mine;
	int i;

	for (i = 0; i < 3; i++)
		voice_init(&v[i], task);
	utrace_report_breakpoint(task, 0x1000, &mine);
	fake_ok(t, !mine, "an int3 that nobody claims is the program's");
	v[0].claims = true;
	v[2].claims = true;
	utrace_report_breakpoint(task, 0x1000, &mine);
	fake_ok(t, mine && v[0].heard == 2 && v[1].heard == 2 && v[2].heard == 2,
		"one that two engines claim is seen by all");
	finish(t, task, v, 3, "breakpoint");
}

/* --- stops ------------------------------------------------------------------------- */

static void test_hold(struct fake_test *t)
{
	struct utrace_task *task = new_task();
	struct voice v[2];

	voice_init(&v[0], task);
	voice_init(&v[1], task);
	fake_ok(t, !utrace_control(v[0].e, UTRACE_STOP) && home.interrupts == 1, "a stop interrupts the task");
	fake_ok(t, !utrace_control(v[1].e, UTRACE_STOP) && home.interrupts == 1, "a second one need not");
	fake_ok(t, !utrace_is_stopped(v[0].e), "it is not stopped before it says so");
	fake_ok(t, utrace_report_quiesce(task) == UTRACE_STOP && v[0].quiesced == 1 && v[1].quiesced == 1,
		"both are told");
	fake_ok(t, utrace_is_stopped(v[0].e) && utrace_is_stopped(v[1].e), "and may look at it");
	fake_ok(t, utrace_control(v[0].e, UTRACE_STOP) == -EALREADY, "who stops it again learns that it is");
	utrace_control(v[0].e, UTRACE_RESUME);
	fake_ok(t, !home.resumes && !utrace_is_stopped(v[0].e) && utrace_is_stopped(v[1].e),
		"it stays while one of them holds it");
	fake_ok(t, utrace_control(v[0].e, UTRACE_STOP) == -EALREADY, "a stopped task can be held at once");
	utrace_control(v[1].e, UTRACE_RESUME);
	fake_ok(t, !home.resumes, "then the other one's leave does not let it go");
	utrace_control(v[0].e, UTRACE_RESUME);
	fake_ok(t, home.resumes == 1 && home.how == UTRACE_RESUME, "the last one's does");
	finish(t, task, v, 2, "hold");
}

static void test_owed(struct fake_test *t)
{
	struct utrace_signal sig = {.signo = 10};
	struct utrace_task *task = new_task();
	enum utrace_signal_action action;
	struct voice v[2];
	bool mine;

	voice_init(&v[0], task);
	voice_init(&v[1], task);
	utrace_control(v[0].e, UTRACE_STOP);
	fake_ok(t, utrace_report_signal(task, &sig, &action) == UTRACE_INTERRUPT && v[0].heard == 1,
		"an answer to another event does not cancel a stop that is on its way");
	fake_ok(t, utrace_report_quiesce(task) == UTRACE_STOP && v[0].quiesced == 1, "it comes before user code");
	utrace_control(v[0].e, UTRACE_RESUME);

	utrace_control(v[0].e, UTRACE_STOP);
	home.interrupts = 0;
	v[1].answer = UTRACE_STOP;
	fake_ok(t, utrace_report_breakpoint(task, 0, &mine) == UTRACE_STOP && home.interrupts == 1,
		"held by one engine, a task owed to another is to report again");
	fake_ok(t, utrace_report_quiesce(task) == UTRACE_STOP && v[0].quiesced == 2 && !v[1].quiesced,
		"and does, to that one, while it is held");
	utrace_control(v[1].e, UTRACE_RESUME);
	fake_ok(t, home.resumes == 1, "from then on both hold it");
	utrace_control(v[0].e, UTRACE_RESUME);
	fake_ok(t, home.resumes == 2, "until both let go");

	v[1].answer = UTRACE_RESUME;
	utrace_control(v[0].e, UTRACE_STOP);
	fake_ok(t, utrace_report_exit(task, 0) == UTRACE_STOP && v[0].quiesced == 3,
		"where callbacks may sleep a stop is had on the spot");
	finish(t, task, v, 2, "owed");
}

static void test_take_back(struct fake_test *t)
{
	struct utrace_task *task = new_task();
	struct voice v[1];

	voice_init(&v[0], task);
	utrace_control(v[0].e, UTRACE_STOP);
	utrace_control(v[0].e, UTRACE_RESUME);
	fake_ok(t, utrace_report_quiesce(task) == UTRACE_RESUME && !v[0].quiesced, "a stop can be taken back");
	fake_ok(t, !utrace_control(v[0].e, UTRACE_STOP) && home.interrupts == 2, "and asked for anew");
	utrace_report_quiesce(task);
	fake_ok(t, v[0].quiesced == 1 && utrace_is_stopped(v[0].e), "which is granted");
	finish(t, task, v, 1, "take back");
}

static void test_report(struct fake_test *t)
{
	struct utrace_task *task = new_task();
	struct voice v[2];

	voice_init(&v[0], task);
	voice_init(&v[1], task);
	v[0].quiesce = UTRACE_RESUME;
	utrace_control(v[0].e, UTRACE_REPORT);
	fake_ok(t, home.interrupts == 1 && utrace_report_quiesce(task) == UTRACE_RESUME && v[0].quiesced == 1,
		"REPORT is one quiesce report");
	fake_ok(t, utrace_report_quiesce(task) == UTRACE_RESUME && v[0].quiesced == 1, "and no second one");

	v[0].answer = UTRACE_REPORT;
	fake_ok(t, utrace_report_syscall_exit(task) == UTRACE_REPORT && v[0].quiesced == 1,
		"REPORT as an answer comes back from the report");
	utrace_report_quiesce(task);
	fake_ok(t, v[0].quiesced == 2, "and is had from the next");

	utrace_control(v[1].e, UTRACE_STOP);
	utrace_report_quiesce(task);
	home.interrupts = 0;
	utrace_control(v[0].e, UTRACE_INTERRUPT);
	fake_ok(t, home.interrupts == 1 && !home.resumes, "a report is asked of a held task without letting it go");
	fake_ok(t, utrace_report_quiesce(task) == UTRACE_STOP && v[0].quiesced == 3 && v[1].quiesced == 1, "and had");
	home.interrupts = 0;
	utrace_control(v[1].e, UTRACE_REPORT);
	fake_ok(t, home.resumes == 1 && home.how == UTRACE_REPORT, "REPORT lets go of the engine's own stop");
	finish(t, task, v, 2, "report");
}

/* --- steps ---------------------------------------------------------------------------- */

static void test_step(struct fake_test *t)
{
	struct utrace_task *task = new_task();
	struct voice v[2];
	bool mine;

	voice_init(&v[0], task);
	voice_init(&v[1], task);
	utrace_control(v[0].e, UTRACE_SINGLESTEP);
	fake_ok(t, home.interrupts == 1, "a step asked of a running task interrupts it");
	fake_ok(t, utrace_report_quiesce(task) == UTRACE_SINGLESTEP && !v[0].quiesced, "and is had without a stop");
	fake_ok(t, utrace_report_step(task, &mine) == UTRACE_RESUME && mine, "its trap is ours");
	fake_ok(t, v[0].was_mine && !v[1].was_mine, "and the asker's own, not the other engine's");
	utrace_report_step(task, &mine);
	fake_ok(t, !mine && !v[0].was_mine, "a trap nobody asked for is the program's");

	utrace_control(v[1].e, UTRACE_STOP);
	utrace_report_quiesce(task);
	utrace_control(v[0].e, UTRACE_SINGLESTEP);
	fake_ok(t, !home.resumes, "a step wish does not break another engine's stop");
	utrace_control(v[1].e, UTRACE_BLOCKSTEP);
	fake_ok(t, home.resumes == 1 && home.how == UTRACE_SINGLESTEP,
		"once let go the task steps, by the stronger step");
	utrace_report_step(task, &mine);
	fake_ok(t, v[0].was_mine && v[1].was_mine, "which both have asked for");
	finish(t, task, v, 2, "step");
}

static void test_step_kept(struct fake_test *t)
{
	struct utrace_signal sig = {.signo = 10};
	struct utrace_task *task = new_task();
	enum utrace_signal_action action;
	struct voice v[2];
	bool mine;

	voice_init(&v[0], task);
	voice_init(&v[1], task);
	v[0].answer = UTRACE_SINGLESTEP;
	utrace_report_breakpoint(task, 0, &mine);
	utrace_set_events(v[0].e, 0);
	fake_ok(t, utrace_report_signal(task, &sig, &action) == UTRACE_SINGLESTEP,
		"a wish outlasts events its engine does not hear of");
	utrace_control(v[1].e, UTRACE_STOP);
	fake_ok(t, utrace_report_quiesce(task) == UTRACE_STOP, "and another engine's stop");
	utrace_control(v[1].e, UTRACE_RESUME);
	fake_ok(t, home.how == UTRACE_SINGLESTEP, "after which it is granted");
	utrace_detach(v[0].e);
	fake_ok(t, utrace_report_step(task, &mine) == UTRACE_RESUME && mine,
		"the trap of an engine that has left is ours all the same");
	finish(t, task, v, 2, "step kept");
}

static void test_step_deaf(struct fake_test *t)
{
	struct utrace_task *task = new_task();
	struct voice v[1];
	bool mine;

	voice_init(&v[0], task);
	utrace_set_events(v[0].e, 0);
	utrace_control(v[0].e, UTRACE_BLOCKSTEP);
	fake_ok(t, utrace_report_quiesce(task) == UTRACE_BLOCKSTEP, "who does not hear of steps can ask for one");
	fake_ok(t, utrace_report_step(task, &mine) == UTRACE_RESUME && mine, "and gets just that one");
	finish(t, task, v, 1, "deaf");
}

/* --- engines that come, go and talk inside callbacks --------------------------------------- */

static void detach_other(struct voice *v)
{
	utrace_detach(v->other->e);
}

static void release_self(struct voice *v)
{
	utrace_control(v->e, UTRACE_RESUME);
}

static void stop_self(struct voice *v)
{
	utrace_control(v->e, UTRACE_STOP);
	v->meanwhile = NULL;
}

static void release_other(struct voice *v)
{
	utrace_control(v->other->e, UTRACE_RESUME);
}

static void attach_other(struct voice *v)
{
	voice_init(v->other, v->e->task);
	v->meanwhile = NULL;
}

static void die_meanwhile(struct voice *v)
{
	utrace_report_death(v->e->task, 9);
	v->meanwhile = NULL;
}

static void test_detach(struct fake_test *t)
{
	struct utrace_task *task = new_task();
	struct voice v[3];
	int i;

	for (i = 0; i < 3; i++)
		voice_init(&v[i], task);
	v[1].meanwhile = detach_other;
	v[1].other = &v[2];
	v[2].answer = UTRACE_STOP;
	fake_ok(t, utrace_report_exec(task) == UTRACE_RESUME && !v[2].heard, "detached before its turn: not called");
	v[1].other = &v[0];
	v[0].answer = UTRACE_STOP;
	fake_ok(t, utrace_report_exec(task) == UTRACE_RESUME && v[0].heard == 2,
		"detached after its turn: its stop goes");
	v[1].other = &v[1];
	v[1].answer = UTRACE_STOP;
	fake_ok(t, utrace_report_exec(task) == UTRACE_RESUME, "detached in its own callback: so does its answer");
	fake_ok(t, list_empty(&task->engines), "none is left on the task");
	fake_ok(t,
		utrace_control(v[1].e, UTRACE_STOP) == -ESRCH && utrace_set_events(v[1].e, 1) == -ESRCH &&
			!utrace_is_stopped(v[1].e),
		"a detached engine has no say");
	utrace_detach(v[1].e);
	finish(t, task, v, 3, "detach");
}

static void test_detach_lets_go(struct fake_test *t)
{
	struct utrace_task *task = new_task();
	struct voice v[2];

	voice_init(&v[0], task);
	voice_init(&v[1], task);
	utrace_control(v[0].e, UTRACE_STOP);
	utrace_report_quiesce(task);
	fake_ok(t, !utrace_control(v[0].e, UTRACE_DETACH) && home.resumes == 1, "detaching lets go of a stop");
	fake_ok(t, utrace_control(v[0].e, UTRACE_DETACH) == -ESRCH, "once");
	v[1].answer = UTRACE_DETACH;
	fake_ok(t, utrace_report_exec(task) == UTRACE_RESUME && list_empty(&task->engines), "DETACH is an answer, too");
	finish(t, task, v, 2, "lets go");
}

static void test_attach_inside(struct fake_test *t)
{
	struct utrace_task *task = new_task();
	struct voice v[2];

	voice_init(&v[0], task);
	v[0].meanwhile = attach_other;
	v[0].other = &v[1];
	utrace_report_exec(task);
	fake_ok(t, !v[1].heard, "an engine attached inside a report does not hear of that event");
	utrace_report_exec(task);
	fake_ok(t, v[1].heard == 1, "but of the next");
	finish(t, task, v, 2, "attach inside");
}

static void test_control_inside(struct fake_test *t)
{
	struct utrace_task *task = new_task();
	struct voice v[2];

	voice_init(&v[0], task);
	v[0].answer = UTRACE_STOP;
	v[0].meanwhile = release_self;
	fake_ok(t, utrace_report_exec(task) == UTRACE_RESUME,
		"let go while the callback runs: its stop is out of date");
	v[0].meanwhile = NULL;
	fake_ok(t, utrace_report_exec(task) == UTRACE_STOP, "but not the next one");
	utrace_control(v[0].e, UTRACE_RESUME);
	v[0].answer = UTRACE_RESUME;
	v[0].meanwhile = stop_self;
	fake_ok(t, utrace_report_exec(task) == UTRACE_STOP && v[0].quiesced == 1,
		"stopped while the callback runs: reported and held");
	utrace_control(v[0].e, UTRACE_RESUME);
	voice_init(&v[1], task);
	v[1].quiesce = UTRACE_RESUME;
	utrace_control(v[0].e, UTRACE_STOP);
	utrace_report_quiesce(task);
	home.resumes = 0;
	home.interrupts = 0;
	utrace_control(v[1].e, UTRACE_REPORT);
	v[1].meanwhile = release_other;
	v[1].other = &v[0];
	fake_ok(t, utrace_report_quiesce(task) == UTRACE_RESUME && !home.resumes,
		"a task let go inside a report goes by the report's answer, not twice");
	v[1].meanwhile = stop_self;
	home.interrupts = 0;
	fake_ok(t, utrace_report_jctl(task, 19) == UTRACE_RESUME && !home.interrupts,
		"and one stopped inside a report is not interrupted");
	finish(t, task, v, 2, "control inside");
}

/* --- death ------------------------------------------------------------------------------------ */

static void test_death(struct fake_test *t)
{
	struct utrace_task *task = new_task();
	struct voice v[2];
	struct utrace_engine *late;

	voice_init(&v[0], task);
	voice_init(&v[1], task);
	utrace_set_events(v[1].e, 0);
	utrace_control(v[0].e, UTRACE_STOP);
	utrace_report_quiesce(task);
	utrace_task_get(task);
	utrace_report_death(task, 7);
	fake_ok(t, v[0].deaths == 1 && !v[1].deaths, "a held task's death is reported to those who asked");
	fake_ok(t, utrace_control(v[0].e, UTRACE_STOP) == -ESRCH && !utrace_is_stopped(v[0].e) && !home.resumes,
		"nothing can be asked of the dead");
	late = utrace_attach(task, &voice_ops, 0, NULL);
	fake_ok(t, IS_ERR(late) && PTR_ERR(late) == -ESRCH, "and nobody attaches to them");
	fake_ok(t, !v[0].released && !v[1].released, "an engine outlives its task while it is referenced");
	voice_done(&v[0]);
	voice_done(&v[1]);
	fake_ok(t, v[0].released == 1 && v[1].released == 1, "and then goes");
	utrace_task_put(task);
}

static void test_death_inside(struct fake_test *t)
{
	struct utrace_task *task = new_task();
	struct voice v[2];
	int i;

	voice_init(&v[0], task);
	voice_init(&v[1], task);
	v[0].meanwhile = die_meanwhile;
	v[0].answer = UTRACE_STOP;
	fake_ok(t, utrace_report_exec(task) == UTRACE_RESUME, "death inside a callback: nothing to hold any more");
	fake_ok(t, v[0].deaths == 1 && v[1].deaths == 1, "reported when the callbacks are through");
	for (i = 0; i < 2; i++)
		voice_done(&v[i]);
	fake_ok(t, v[0].released == 1 && v[1].released == 1, "and its engines go");
}

const struct fake_case utrace_cases[] = {{"utrace merge", test_merge},
					 {"utrace order", test_order},
					 {"utrace signal", test_signal},
					 {"utrace signal hold", test_signal_hold},
					 {"utrace signal held", test_signal_held},
					 {"utrace syscall", test_syscall},
					 {"utrace breakpoint", test_breakpoint},
					 {"utrace hold", test_hold},
					 {"utrace owed", test_owed},
					 {"utrace take back", test_take_back},
					 {"utrace report", test_report},
					 {"utrace step", test_step},
					 {"utrace step kept", test_step_kept},
					 {"utrace step deaf", test_step_deaf},
					 {"utrace detach", test_detach},
					 {"utrace detach lets go", test_detach_lets_go},
					 {"utrace attach inside", test_attach_inside},
					 {"utrace control inside", test_control_inside},
					 {"utrace death", test_death},
					 {"utrace death inside", test_death_inside},
					 {}};
