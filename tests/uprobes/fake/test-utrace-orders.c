// SPDX-License-Identifier: GPL-2.0
/*
 * test-utrace-orders.c - stop, let go, step, detach, signal, clone, exec and
 * death of one to three tasks under one to three engines, in every order.
 *
 * Purpose: a play is a program, a cast of engines ("riders") on its tasks
 * and what happens from outside.  Whatever the order:
 *   - a task does not move while a rider holds it, and the rider may look at it;
 *   - every stop asked for is reported, or the task dies, or the rider leaves;
 *   - a rider hears nothing after it has left, and is released exactly once;
 *   - a stepping rider sees every instruction;
 *   - once everybody has let go the program ends as it would have alone.
 *
 * Locks: none, one thread.
 */
/* tables, aligned by hand */
/* clang-format off */
#include "utrace-cases.h"

#define MAX_RIDERS	24
#define MAX_ACTORS	24
#define DATA		0x500000ull
#define SIGUSR1_NO	10
#define SIGKILL_NO	9
#define SIGCONT_NO	18
#define SIGSTOP_NO	19

struct play;

/* What is asked of riders: letters in struct cast. */
enum rider_kind {
	STOPPER = 's',		/* an actor stops the task and lets go, again and again */
	STEPPER = 't',		/* steps all the way */
	SIGNALLER = 'g',	/* holds the task at each signal; an actor lets go */
	FOLLOWER = 'f',		/* puts a rider on each child, which holds it at once; an actor lets go */
	ENDER = 'e',		/* holds the task when it is about to exit or to exec */
	GATE = 'y',		/* holds the task at each system call's entry and exit */
	REPORTER = 'r',		/* an actor asks for reports */
};

struct rider {
	struct play *play;
	enum rider_kind kind;
	struct fake_task *t;
	struct utrace_engine *e;
	bool asked;		/* a quiesce report is owed to it */
	bool holds;
	bool left, dead, put;
	u64 held_at;		/* icount */
	unsigned int quiesced, steps, signals, deaths, released;
	int rounds;		/* of its actor */
};

struct cast {
	const char *name;
	const u8 *code;
	size_t len;
	int tasks;
	const char *riders;	/* on each task */
	const char *actors;	/* k kill, d detach the first rider, u SIGUSR1, j SIGSTOP and SIGCONT, w wake */
	int rounds;
	int preemptions;
	int code_want;		/* exit status; -1: do not care */
	unsigned long runs;	/* random orders instead of all */
};

struct play {
	const struct cast *cast;
	struct fake_world *w;
	struct fake_task *tasks[4];
	struct rider riders[MAX_RIDERS];
	int nr_riders;
	struct fake_actor actors[MAX_ACTORS];
	int nr_actors;
	bool killed;
};

static const struct utrace_engine_ops rider_ops;

/* --- riders ------------------------------------------------------------------ */

static struct rider *add_rider(struct play *p, enum rider_kind kind, struct fake_task *t)
{
	struct rider *r = &p->riders[p->nr_riders++];

	BUG_ON(p->nr_riders > MAX_RIDERS);
	r->play = p;
	r->kind = kind;
	r->t = t;
	r->rounds = p->cast->rounds;
	r->e = utrace_attach(t->ut, &rider_ops, UTRACE_EV_ALL, r);
	BUG_ON(IS_ERR(r->e));
	return r;
}

static enum utrace_resume hold(struct rider *r)
{
	r->holds = true;
	r->held_at = r->t->icount;
	return UTRACE_STOP;
}

static enum utrace_resume rest(struct rider *r)
{
	return r->kind == STEPPER ? UTRACE_SINGLESTEP : UTRACE_RESUME;
}

static struct rider *called(struct utrace_engine *e)
{
	struct rider *r = e->data;
	struct fake_world *w = r->play->w;

	fake_expect(w, !r->left);
	fake_expect(w, !r->dead);
	fake_expect(w, utrace_is_stopped(e));
	return r;
}

static enum utrace_resume on_quiesce(struct utrace_engine *e, struct utrace_task *task)
{
	struct rider *r = called(e);

	fake_expect(r->play->w, r->asked);
	r->asked = false;
	r->quiesced++;
	return r->kind == REPORTER ? UTRACE_RESUME : hold(r);
}

static enum utrace_resume on_signal(struct utrace_engine *e, struct utrace_task *task, struct utrace_signal *sig,
				    enum utrace_signal_action *action)
{
	struct rider *r = called(e);

	r->signals++;
	return r->kind == SIGNALLER ? hold(r) : rest(r);
}

static enum utrace_resume on_syscall_entry(struct utrace_engine *e, struct utrace_task *task,
					   enum utrace_syscall_action *action, s64 *result)
{
	struct rider *r = called(e);

	return r->kind == GATE ? hold(r) : rest(r);
}

static enum utrace_resume on_syscall_exit(struct utrace_engine *e, struct utrace_task *task)
{
	struct rider *r = called(e);

	return r->kind == GATE ? hold(r) : rest(r);
}

static enum utrace_resume on_clone(struct utrace_engine *e, struct utrace_task *parent, struct utrace_task *child,
				   unsigned int flags)
{
	struct rider *r = called(e), *c;
	struct fake_task *t = child->host;

	if (r->kind == FOLLOWER) {
		c = add_rider(r->play, FOLLOWER, t);
		fake_expect(r->play->w, !utrace_control(c->e, UTRACE_STOP));
		c->asked = true;
	}
	return rest(r);
}

static enum utrace_resume on_exec(struct utrace_engine *e, struct utrace_task *task)
{
	struct rider *r = called(e);

	return r->kind == ENDER ? hold(r) : rest(r);
}

static enum utrace_resume on_task_exit(struct utrace_engine *e, struct utrace_task *task, int code)
{
	struct rider *r = called(e);

	return r->kind == ENDER ? hold(r) : rest(r);
}

static enum utrace_resume on_jctl(struct utrace_engine *e, struct utrace_task *task, int signo)
{
	return rest(called(e));
}

static enum utrace_resume on_step(struct utrace_engine *e, struct utrace_task *task, bool *mine)
{
	struct rider *r = called(e);

	/* one that does not step is never told that it did */
	fake_expect(r->play->w, *mine == (r->kind == STEPPER));
	r->steps++;
	return rest(r);
}

static void on_death(struct utrace_engine *e, struct utrace_task *task, int code)
{
	struct rider *r = e->data;

	fake_expect(r->play->w, !r->left && !r->dead);
	r->dead = true;
	r->asked = false;
	r->holds = false;
	r->deaths++;
}

static void release(struct utrace_engine *e)
{
	struct rider *r = e->data;

	r->released++;
}

static const struct utrace_engine_ops rider_ops = {
	.on_quiesce = on_quiesce,
	.on_signal = on_signal,
	.on_syscall_entry = on_syscall_entry,
	.on_syscall_exit = on_syscall_exit,
	.on_clone = on_clone,
	.on_exec = on_exec,
	.on_exit = on_task_exit,
	.on_death = on_death,
	.on_jctl = on_jctl,
	.on_step = on_step,
	.release = release,
};

/* Riders of the other kinds do not slow the program down with events they do not need. */
static unsigned int events_of(enum rider_kind kind)
{
	unsigned int calls = UTRACE_EV_SYSCALL_ENTRY | UTRACE_EV_SYSCALL_EXIT;

	return kind == GATE ? UTRACE_EV_ALL : UTRACE_EV_ALL & ~calls;
}

/* --- actors -------------------------------------------------------------------- */

static void let_go(struct rider *r)
{
	int ret = utrace_control(r->e, rest(r));

	fake_expect(r->play->w, !ret || r->left || r->dead);
	r->holds = false;
}

static bool stop_ready(struct fake_world *w, struct fake_actor *a)
{
	struct rider *r = a->data;

	return !r->asked || r->dead || r->left;
}

static bool stop_step(struct fake_world *w, struct fake_actor *a)
{
	struct rider *r = a->data;
	int ret;

	if (r->dead || r->left)
		return false;
	if (r->holds) {
		let_go(r);
		return --r->rounds > 0;
	}
	ret = utrace_control(r->e, UTRACE_STOP);
	fake_expect(w, !ret || ret == -EALREADY);
	if (ret)
		hold(r);
	else
		r->asked = true;
	return true;
}

static bool report_step(struct fake_world *w, struct fake_actor *a)
{
	struct rider *r = a->data;

	if (r->dead || r->left)
		return false;
	fake_expect(w, !utrace_control(r->e, r->rounds & 1 ? UTRACE_REPORT : UTRACE_INTERRUPT));
	r->asked = true;
	return --r->rounds > 0;
}

/* Lets go of whatever riders hold without an actor of their own. */
static struct rider *held_rider(struct play *p)
{
	int i;

	for (i = 0; i < p->nr_riders; i++)
		if (p->riders[i].holds && p->riders[i].kind != STOPPER)
			return &p->riders[i];
	return NULL;
}

static bool janitor_ready(struct fake_world *w, struct fake_actor *a)
{
	return held_rider(a->data);
}

static bool janitor_step(struct fake_world *w, struct fake_actor *a)
{
	let_go(held_rider(a->data));
	return true;
}

static bool kill_step(struct fake_world *w, struct fake_actor *a)
{
	struct play *p = a->data;

	p->killed = true;
	fake_kill(p->tasks[0], SIGKILL_NO);
	return false;
}

static bool detach_step(struct fake_world *w, struct fake_actor *a)
{
	struct rider *r = &((struct play *)a->data)->riders[0];

	utrace_detach(r->e);
	r->left = true;
	r->asked = false;
	r->holds = false;
	return false;
}

static bool signal_step(struct fake_world *w, struct fake_actor *a)
{
	fake_kill(((struct play *)a->data)->tasks[0], SIGUSR1_NO);
	return false;
}

static bool jctl_step(struct fake_world *w, struct fake_actor *a)
{
	struct play *p = a->data;

	fake_kill(p->tasks[0], a->at ? SIGCONT_NO : SIGSTOP_NO);
	return !a->at;
}

/* after the stop has had its effect: SIGCONT would cancel it otherwise and nothing be seen */
static bool jctl_ready(struct fake_world *w, struct fake_actor *a)
{
	struct fake_task *t = ((struct play *)a->data)->tasks[0];

	return !a->at || t->jctl_stopped || fake_is_dead(t);
}

static bool wake_step(struct fake_world *w, struct fake_actor *a)
{
	struct play *p = a->data;
	int i;

	for (i = 0; i < p->cast->tasks; i++)
		fake_wake(p->tasks[i]);
	return false;
}

static struct fake_actor *add_actor(struct play *p, char name, bool (*step)(struct fake_world *, struct fake_actor *),
				    void *data)
{
	struct fake_actor *a = &p->actors[p->nr_actors++];

	BUG_ON(p->nr_actors > MAX_ACTORS);
	a->name = name;
	a->step = step;
	a->data = data;
	fake_actor_add(p->w, a);
	return a;
}

static void add_outside(struct play *p, char what)
{
	switch (what) {
	case 'k':
		add_actor(p, 'K', kill_step, p);
		break;
	case 'd':
		add_actor(p, 'D', detach_step, p);
		break;
	case 'u':
		add_actor(p, 'U', signal_step, p);
		break;
	case 'j':
		add_actor(p, 'J', jctl_step, p)->ready = jctl_ready;
		break;
	case 'w':
		add_actor(p, 'W', wake_step, p);
		break;
	}
}

/* --- programs ------------------------------------------------------------------------ */

static const u8 plain[] = {
	0xbf, 7, 0, 0, 0,		/* mov $7, %edi */
	0xb8, 60, 0, 0, 0,		/* mov $60, %eax */
	0x0f, 0x05,			/* syscall: exit */
};

/* a handler for SIGUSR1 that does nothing, a few instructions to be hit in, exit */
static const u8 handled[] = {
	0xbf, 10, 0, 0, 0,		/*  0: mov $10, %edi */
	0xbe, 33, 0, 0x40, 0,		/*  5: mov $0x400021, %esi */
	0xb8, 13, 0, 0, 0,		/* 10: mov $13, %eax */
	0x0f, 0x05,			/* 15: syscall: sigaction */
	0x90, 0x90, 0x90, 0x90,		/* 17: nop */
	0xbf, 7, 0, 0, 0,		/* 21: mov $7, %edi */
	0xb8, 60, 0, 0, 0,		/* 26: mov $60, %eax */
	0x0f, 0x05,			/* 31: syscall: exit */
	0xc3,				/* 33: ret */
};

/* clone (1), fork (2) or vfork (3) by the byte at 11; both exit with 7 */
#define SPAWN(call)										\
{												\
	0xbf, 1, 0, 0, 0,		/*  0: mov $1, %edi */					\
	0xbe, 0x00, 0x0f, 0x50, 0,	/*  5: mov $0x500f00, %esi */				\
	0xb8, call, 0, 0, 0,		/* 10: mov $call, %eax */				\
	0x0f, 0x05,			/* 15: syscall */					\
	0x90,				/* 17: nop */						\
	0xbf, 7, 0, 0, 0,		/* 18: mov $7, %edi */					\
	0xb8, 60, 0, 0, 0,		/* 23: mov $60, %eax */					\
	0x0f, 0x05,			/* 28: syscall: exit */					\
}
static const u8 threads[] = SPAWN(56);
static const u8 forks[] = SPAWN(57);
static const u8 vforks[] = SPAWN(58);

/* exec of program 1, which is plain */
static const u8 execs[] = {
	0xbf, 1, 0, 0, 0,		/*  0: mov $1, %edi */
	0xb8, 59, 0, 0, 0,		/*  5: mov $59, %eax */
	0x0f, 0x05,			/* 10: syscall: exec */
};

/* waits to be woken, exit */
static const u8 waits[] = {
	0xb8, 202, 0, 0, 0,		/*  0: mov $202, %eax */
	0x0f, 0x05,			/*  5: syscall: wait */
	0xbf, 7, 0, 0, 0,		/*  7: mov $7, %edi */
	0xb8, 60, 0, 0, 0,		/* 12: mov $60, %eax */
	0x0f, 0x05,			/* 17: syscall: exit */
};

/* --- a play ---------------------------------------------------------------------- */

static void mount(struct play *p, enum rider_kind kind, struct fake_task *t)
{
	struct rider *r = add_rider(p, kind, t);

	utrace_set_events(r->e, events_of(kind));
	if (kind == STOPPER)
		add_actor(p, 's', stop_step, r)->ready = stop_ready;
	if (kind == REPORTER)
		add_actor(p, 'r', report_step, r)->ready = stop_ready;
	if (kind == STEPPER)
		utrace_control(r->e, UTRACE_SINGLESTEP);
}

static void setup(struct fake_world *w)
{
	struct play *p = kzalloc(sizeof(*p), GFP_KERNEL);
	const struct cast *cast = w->data;
	struct fake_mm *mm = fake_mm_new(w);
	const char *c;
	int i;

	BUG_ON(!p);
	p->cast = cast;
	p->w = w;
	w->data = p;
	w->programs[0] = fake_file_new(w, cast->code, cast->len);
	w->program_base[0] = FAKE_TEXT;
	w->programs[1] = fake_file_new(w, plain, sizeof(plain));
	w->program_base[1] = FAKE_TEXT;
	fake_map(mm, FAKE_TEXT, cast->len, FAKE_R | FAKE_X, w->programs[0], 0);
	fake_map(mm, DATA, FAKE_PAGE, FAKE_R | FAKE_W, NULL, 0);
	for (i = 0; i < cast->tasks; i++)
		p->tasks[i] = fake_task_new(mm, FAKE_TEXT, p->tasks[0]);
	BUG_ON(fake_attach(mm));
	for (c = cast->riders; *c; c++)
		for (i = 0; i < cast->tasks; i++)
			mount(p, *c, p->tasks[i]);
	/* the steps have begun before anything else happens */
	fake_sync(w);
	add_actor(p, 'L', janitor_step, p)->ready = janitor_ready;
	for (c = cast->actors; *c; c++)
		add_outside(p, *c);
}

static void always(struct fake_world *w)
{
	struct play *p = w->data;
	int i;

	for (i = 0; i < p->nr_riders; i++) {
		struct rider *r = &p->riders[i];

		if (r->holds) {
			fake_expect(w, r->t->icount == r->held_at);
			fake_expect(w, utrace_is_stopped(r->e));
		} else {
			fake_expect(w, !utrace_is_stopped(r->e));
		}
		/* a child is held before its first instruction */
		if (r->kind == FOLLOWER && r->asked)
			fake_expect(w, !r->t->icount);
	}
}

static void check_rider(struct fake_world *w, struct rider *r)
{
	fake_expect(w, !r->asked);
	fake_expect(w, !r->holds);
	fake_expect(w, r->dead || r->left);
	fake_expect(w, r->deaths == r->dead);
	fake_expect(w, !r->released);
	/* all but the last instruction, whose step ends in exit, and those a wait starts again */
	if (r->kind == STEPPER && !r->left && !r->play->killed)
		fake_expect(w, r->steps + 1 >= r->t->icount);
	utrace_engine_put(r->e);
	r->put = true;
}

static void check(struct fake_world *w)
{
	struct play *p = w->data;
	struct fake_task *t;
	int i;

	list_for_each_entry(t, &w->tasks, node) {
		fake_expect(w, fake_is_dead(t));
		if (!p->killed && p->cast->code_want >= 0)
			fake_expect(w, t->code == p->cast->code_want);
	}
	fake_expect(w, !w->stray_traps);
	for (i = 0; i < p->nr_riders; i++)
		check_rider(w, &p->riders[i]);
	fake_sync(w);
	for (i = 0; i < p->nr_riders; i++)
		fake_expect(w, p->riders[i].released == 1);
}

static void teardown(struct fake_world *w)
{
	struct play *p = w->data;
	int i;

	for (i = 0; i < p->nr_riders; i++)
		if (!p->riders[i].put)
			utrace_engine_put(p->riders[i].e);
	fake_sync(w);
	kfree(p);
}

#define FULL	60000ul		/* orders tried systematically; of more than that, a sample follows */
#define SAMPLE	5000ul

static unsigned long perform_one(struct fake_test *t, const struct cast *cast, u64 seed)
{
	struct fake_scenario s = {
		.name = cast->name,
		.setup = setup,
		.check = check,
		.step = always,
		.teardown = teardown,
		.arg = (void *)cast,
		.preemptions = cast->preemptions,
		.random = cast->runs,
		.runs = cast->runs ? cast->runs : FULL,
		.seed = seed,
	};
	unsigned long runs = fake_explore(t, &s);

	if (s.random || runs < FULL)
		return runs;
	s.random = true;
	s.preemptions = -1;
	s.runs = SAMPLE;
	return runs + fake_explore(t, &s);
}

static void perform(struct fake_test *t, const struct cast *casts, size_t n)
{
	unsigned long runs = 0;
	size_t i;

	for (i = 0; i < n; i++)
		runs += perform_one(t, &casts[i], i + 1);
	fake_diag(t, "%lu orders in all", runs);
}

#define CODE(c)	c, sizeof(c)

#define ALL	-1
#define WANT	.code_want = 7
#define ANY	.code_want = -1

static void test_stops(struct fake_test *t)
{
	static const struct cast casts[] = {
		{ "1 task, 1 stopper, 3 rounds", CODE(plain), 1, "s", "", 3, ALL, WANT },
		{ "1 task, 2 stoppers", CODE(plain), 1, "ss", "", 1, ALL, WANT },
		{ "1 task, 2 stoppers, 2 rounds", CODE(plain), 1, "ss", "", 2, 2, WANT },
		{ "1 task, 3 stoppers", CODE(plain), 1, "sss", "", 1, 3, WANT },
		{ "2 tasks, 1 stopper each", CODE(plain), 2, "s", "", 1, 2, WANT },
		{ "2 tasks, 2 stoppers each", CODE(plain), 2, "ss", "", 1, 0, WANT },
		{ "3 tasks, 1 stopper each", CODE(plain), 3, "s", "", 1, 1, WANT },
		{ "stopper and reporter", CODE(plain), 1, "sr", "", 2, 3, WANT },
		{ "stopper, reporter and gate", CODE(plain), 1, "sry", "", 1, 3, WANT },
		{ "stopper of a task that waits", CODE(waits), 1, "s", "w", 2, ALL, WANT },
		{ "2 stoppers and a reporter of a task that waits", CODE(waits), 1, "ssr", "w", 1, 1, WANT },
	};

	perform(t, casts, ARRAY_SIZE(casts));
}

static void test_steps(struct fake_test *t)
{
	static const struct cast casts[] = {
		{ "stepper alone", CODE(handled), 1, "t", "", 1, ALL, WANT },
		{ "stepper and stopper", CODE(plain), 1, "ts", "", 2, ALL, WANT },
		{ "stopper and stepper", CODE(plain), 1, "st", "", 2, ALL, WANT },
		{ "2 steppers and a stopper", CODE(plain), 1, "tts", "", 1, ALL, WANT },
		{ "stepper and reporter", CODE(plain), 1, "tr", "", 3, ALL, WANT },
		{ "stepper, stopper, reporter", CODE(plain), 1, "tsr", "", 1, 3, WANT },
		{ "stepper, gate and stopper", CODE(plain), 1, "tys", "", 1, 3, WANT },
		{ "2 stepped tasks with a stopper each", CODE(plain), 1, "ts", "", 1, 1, WANT },
		{ "stepper that leaves", CODE(plain), 1, "t", "d", 1, ALL, WANT },
		{ "stepper that leaves, stopper stays", CODE(plain), 1, "ts", "d", 1, ALL, WANT },
		{ "stepper and signals", CODE(handled), 1, "t", "u", 1, ALL, ANY },
		{ "stepper, stopper and signals", CODE(handled), 1, "ts", "u", 1, 3, ANY },
	};

	perform(t, casts, ARRAY_SIZE(casts));
}

static void test_leaving(struct fake_test *t)
{
	static const struct cast casts[] = {
		{ "stopper that leaves", CODE(plain), 1, "s", "d", 2, ALL, WANT },
		{ "one of 2 stoppers leaves", CODE(plain), 1, "ss", "d", 1, 3, WANT },
		{ "stopper killed", CODE(plain), 1, "s", "k", 2, ALL, ANY },
		{ "2 stoppers killed", CODE(plain), 1, "ss", "k", 1, 3, ANY },
		{ "stopper leaves, all killed", CODE(plain), 1, "s", "dk", 2, ALL, ANY },
		{ "stepper and stopper killed", CODE(plain), 1, "ts", "k", 1, ALL, ANY },
		{ "2 tasks with stoppers killed", CODE(plain), 1, "s", "k", 1, 1, ANY },
		{ "3 tasks with stoppers killed", CODE(plain), 3, "s", "k", 1, 0, ANY },
		{ "held on the way out", CODE(plain), 1, "es", "", 1, ALL, WANT },
		{ "held on the way out, killed", CODE(plain), 1, "es", "k", 1, ALL, ANY },
		{ "held at system calls, left, killed", CODE(plain), 1, "ys", "dk", 1, 2, ANY },
		{ "a waiting task is killed", CODE(waits), 1, "s", "wk", 1, ALL, ANY },
	};

	perform(t, casts, ARRAY_SIZE(casts));
}

static void test_signals(struct fake_test *t)
{
	static const struct cast casts[] = {
		{ "signal, stopper", CODE(handled), 1, "s", "u", 1, ALL, ANY },
		{ "signal, held there", CODE(handled), 1, "g", "u", 1, ALL, ANY },
		{ "signal, held there, stopper", CODE(handled), 1, "gs", "u", 1, 3, ANY },
		{ "signal, held there by two, reporter", CODE(handled), 1, "ggr", "u", 1, 3, ANY },
		{ "signal, held there, killed", CODE(handled), 1, "g", "uk", 1, 3, ANY },
		{ "signal to a task that waits, stopper", CODE(waits), 1, "s", "u", 1, ALL, ANY },
		{ "job control, stopper", CODE(plain), 1, "s", "j", 1, ALL, ANY },
		{ "job control of 2 tasks, stoppers", CODE(plain), 1, "s", "j", 1, 1, ANY },
		{ "job control, held there, stopper", CODE(plain), 1, "gs", "j", 1, 3, ANY },
		{ "job control, killed", CODE(plain), 1, "s", "jk", 1, 3, ANY },
	};

	perform(t, casts, ARRAY_SIZE(casts));
}

static void test_children(struct fake_test *t)
{
	static const struct cast casts[] = {
		{ "threads followed", CODE(threads), 1, "f", "", 1, ALL, WANT },
		{ "threads followed, parent stopped", CODE(threads), 1, "fs", "", 1, 2, WANT },
		{ "threads followed, killed", CODE(threads), 1, "f", "k", 1, 3, ANY },
		{ "threads followed, parent stepped", CODE(threads), 1, "ft", "", 1, 3, WANT },
		{ "threads followed by one who leaves", CODE(threads), 1, "f", "d", 1, 3, WANT },
		{ "forks followed", CODE(forks), 1, "f", "", 1, ALL, WANT },
		{ "forks followed, parent stopped", CODE(forks), 1, "fs", "", 1, 2, WANT },
		{ "vforks followed", CODE(vforks), 1, "f", "", 1, ALL, WANT },
		{ "vforks followed, parent stopped", CODE(vforks), 1, "fs", "", 1, 3, WANT },
		{ "vforks followed, parent killed", CODE(vforks), 1, "fs", "k", 1, 2, ANY },
		{ "exec, stopper", CODE(execs), 1, "s", "", 1, ALL, WANT },
		{ "exec, stepper and stopper", CODE(execs), 1, "ts", "", 1, 3, WANT },
		{ "exec, held there, stopper", CODE(execs), 1, "es", "", 1, 3, WANT },
		{ "exec by one of 2 threads, stoppers", CODE(execs), 1, "s", "", 1, 1, ANY },
		{ "exec by one of 2 threads, held there, killed", CODE(execs), 2, "e", "k", 1, 2, ANY },
	};

	perform(t, casts, ARRAY_SIZE(casts));
}

static void test_random(struct fake_test *t)
{
	static const struct cast casts[] = {
		{ "3 tasks, everybody", CODE(threads), 3, "stf", "uk", 2, ALL, ANY, .runs = 3000 },
		{ "3 tasks, everybody else", CODE(forks), 3, "sry", "dj", 2, ALL, ANY, .runs = 3000 },
		{ "2 tasks that wait, 3 riders", CODE(waits), 2, "srg", "wku", 3, ALL, ANY, .runs = 3000 },
		{ "3 tasks, exec, 3 riders", CODE(execs), 3, "set", "du", 2, ALL, ANY, .runs = 3000 },
		{ "3 tasks with handlers, 3 riders", CODE(handled), 3, "gst", "udj", 2, ALL, ANY, .runs = 3000 },
	};

	perform(t, casts, ARRAY_SIZE(casts));
}

const struct fake_case utrace_order_cases[] = {
	{ "orders of stops", test_stops },
	{ "orders of steps", test_steps },
	{ "orders of leaving", test_leaving },
	{ "orders of signals", test_signals },
	{ "orders of children", test_children },
	{ "orders at random", test_random },
	{ }
};
