// SPDX-License-Identifier: GPL-2.0
/*
 * test-utrace-example.c - the worked example of Documentation/utrace.txt, run.
 *
 * Purpose: what stands between the two marks is printed there word for word
 * (test-utrace-doc compares them); below it a program is counted by it.
 *
 * Locks: none, one thread.
 */
/* printed in Documentation/utrace.txt, line for line */
/* clang-format off */
#include "utrace-cases.h"

/* example begin */
struct counter {
	struct utrace_engine *engine;
	u64 instructions;
	u64 left;		/* to go until the task is held; 0: for ever */
	bool holding, gone;
};

/* One instruction is done.  Atomic: count, decide, nothing that sleeps. */
static enum utrace_resume counter_step(struct utrace_engine *engine, struct utrace_task *task, bool *mine)
{
	struct counter *c = engine->data;

	if (!*mine)			/* another engine's step: not ours to count */
		return UTRACE_SINGLESTEP;
	c->instructions++;
	if (!c->left || --c->left)
		return UTRACE_SINGLESTEP;
	c->holding = true;
	return UTRACE_STOP;		/* held until counter_go_on() */
}

/* The stop asked for by utrace_control() below: from here on the task steps. */
static enum utrace_resume counter_quiesce(struct utrace_engine *engine, struct utrace_task *task)
{
	return UTRACE_SINGLESTEP;
}

static void counter_death(struct utrace_engine *engine, struct utrace_task *task, int code)
{
	struct counter *c = engine->data;

	c->holding = false;
	c->gone = true;
}

static void counter_release(struct utrace_engine *engine)
{
	kfree(engine->data);
}

static const struct utrace_engine_ops counter_ops = {
	.on_quiesce = counter_quiesce,
	.on_step = counter_step,
	.on_death = counter_death,
	.release = counter_release,
};

static struct counter *counter_new(struct utrace_task *task, u64 hold_after)
{
	struct counter *c = kzalloc(sizeof(*c), GFP_KERNEL);

	if (!c)
		return NULL;
	c->left = hold_after;
	c->engine = utrace_attach(task, &counter_ops, UTRACE_EV_STEP | UTRACE_EV_DEATH, c);
	if (IS_ERR(c->engine)) {	/* the task is dead: nobody will call us */
		kfree(c);
		return NULL;
	}
	utrace_control(c->engine, UTRACE_STOP);
	return c;
}

/* While the task is held, its registers may be read. */
static u64 counter_pc(struct counter *c)
{
	struct utrace_task *task = c->engine->task;
	u64 pc = 0;

	if (utrace_is_stopped(c->engine))
		task->target->pc_get(task, &pc);
	return pc;
}

static void counter_go_on(struct counter *c)
{
	c->holding = false;
	utrace_control(c->engine, UTRACE_SINGLESTEP);	/* lets go of the stop with a step */
}

static void counter_done(struct counter *c)
{
	utrace_detach(c->engine);	/* the task runs on, unstepped */
	utrace_engine_put(c->engine);	/* frees c, later */
}
/* example end */

static const u8 program[] = {
	0xb9, 3, 0, 0, 0,		/*  0: mov $3, %ecx */
	0xff, 0xc9,			/*  5: dec %ecx */
	0x75, 0xfc,			/*  7: jne 5 */
	0xbf, 7, 0, 0, 0,		/*  9: mov $7, %edi */
	0xb8, 60, 0, 0, 0,		/* 14: mov $60, %eax */
	0x0f, 0x05,			/* 19: syscall: exit */
};

static struct fake_world *start(struct fake_test *t, struct fake_task **ret)
{
	struct fake_world *w = fake_world_new(t);
	struct fake_file *file = fake_file_new(w, program, sizeof(program));
	struct fake_mm *mm = fake_mm_new(w);

	fake_map(mm, FAKE_TEXT, sizeof(program), FAKE_R | FAKE_X, file, 0);
	*ret = fake_task_new(mm, FAKE_TEXT, NULL);
	BUG_ON(fake_attach(mm));
	return w;
}

static void test_example(struct fake_test *t)
{
	struct fake_task *task;
	struct fake_world *w = start(t, &task);
	struct counter *c = counter_new(task->ut, 4);

	fake_run(w);
	fake_ok(t, c->holding && c->instructions == 4, "the example holds its task after 4 instructions");
	fake_ok(t, counter_pc(c) == FAKE_TEXT + 7, "and sees where it stands");
	counter_go_on(c);
	fake_run(w);
	/* all but the last, which does not return */
	fake_ok(t, c->gone && c->instructions == task->icount - 1 && task->code == 7,
		"it counts every instruction to the end");
	counter_done(c);
	fake_world_free(w);
}

static void test_two_examples(struct fake_test *t)
{
	struct fake_task *task;
	struct fake_world *w = start(t, &task);
	struct counter *a = counter_new(task->ut, 0), *b = counter_new(task->ut, 2);

	fake_run(w);
	fake_ok(t, b->holding && a->instructions == 2, "two of them share a task, one holds it");
	counter_done(b);
	fake_run(w);
	fake_ok(t, a->gone && a->instructions == task->icount - 1, "which goes on when that one leaves");
	counter_done(a);
	fake_world_free(w);
}

const struct fake_case utrace_example_cases[] = {
	{ "example", test_example },
	{ "two examples", test_two_examples },
	{ }
};
