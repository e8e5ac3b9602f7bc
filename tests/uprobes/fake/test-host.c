// SPDX-License-Identifier: GPL-2.0
/*
 * test-host.c - the fake host by itself: its CPU, memory, signals, system
 * calls and scheduler are right before anything is judged by them.
 *
 * Locks: none, one thread.
 */
/* tables, aligned by hand */
/* clang-format off */
#include "utrace-cases.h"

#define DATA	0x500000ull

static struct fake_task *start(struct fake_world *w, const u8 *code, size_t len)
{
	struct fake_mm *mm = fake_mm_new(w);

	w->programs[0] = fake_file_new(w, code, len);
	w->program_base[0] = FAKE_TEXT;
	fake_map(mm, FAKE_TEXT, len, FAKE_R | FAKE_X, w->programs[0], 0);
	fake_map(mm, DATA, FAKE_PAGE, FAKE_R | FAKE_W, NULL, 0);
	return fake_task_new(mm, FAKE_TEXT, NULL);
}

/* sum of 5..1, a call that doubles it, exit with it */
static void test_cpu(struct fake_test *t)
{
	static const u8 code[] = {
		0xb9, 5, 0, 0, 0,		/*  0: mov $5, %ecx */
		0x31, 0xff,			/*  5: xor %edi, %edi */
		0x01, 0xcf,			/*  7: add %ecx, %edi */
		0xff, 0xc9,			/*  9: dec %ecx */
		0x75, 0xfa,			/* 11: jne 7 */
		0xe8, 7, 0, 0, 0,		/* 13: call 25 */
		0xb8, 60, 0, 0, 0,		/* 18: mov $60, %eax */
		0x0f, 0x05,			/* 23: syscall */
		0x53,				/* 25: push %rbx */
		0x48, 0x8d, 0x1c, 0x3f,		/* 26: lea (%rdi,%rdi), %rbx */
		0x89, 0xdf,			/* 30: mov %ebx, %edi */
		0x5b,				/* 32: pop %rbx */
		0xc3,				/* 33: ret */
	};
	struct fake_world *w = fake_world_new(t);
	struct fake_task *task = start(w, code, sizeof(code));

	fake_ok(t, fake_run(w) && fake_is_dead(task), "a program runs to its end");
	fake_ok(t, task->code == 30, "it computes 30 (%d)", task->code);
	fake_ok(t, fake_executed(w->programs[0], 7) == 5 && fake_executed(w->programs[0], 9) == 5,
		"the oracle counts a loop's instructions");
	fake_ok(t, fake_executed(w->programs[0], 25) == 1 && fake_executed(w->programs[0], 33) == 1,
		"and a function's");
	fake_world_free(w);
}

/* flags, conditions, rep, rip-relative data: the exit status says how many are wrong */
static void test_instructions(struct fake_test *t)
{
	static const u8 code[] = {
		0x31, 0xdb,			/*  0: xor %ebx, %ebx */
		0x0f, 0x0b,			/*  2: ud2 */
	};
	static const u8 good[] = {
		0x31, 0xdb,				/*  0: xor %ebx, %ebx */
		0xb8, 0xff, 0xff, 0xff, 0x7f,		/*  2: mov $0x7fffffff, %eax */
		0x83, 0xc0, 0x01,			/*  7: add $1, %eax */
		0x70, 0x02,				/* 10: jo 14 */
		0xff, 0xc3,				/* 12: inc %ebx */
		0x78, 0x02,				/* 14: js 18 */
		0xff, 0xc3,				/* 16: inc %ebx */
		0x48, 0xc7, 0x05, 0xe3, 0xff, 0x0f, 0x00, 5, 0, 0, 0, /* 18: movq $5, 0xfffe3(%rip) */
		0xf0, 0xff, 0x05, 0xdc, 0xff, 0x0f, 0x00, /* 29: lock incl 0xfffdc(%rip) */
		0x48, 0x83, 0x3d, 0xd4, 0xff, 0x0f, 0x00, 6, /* 36: cmpq $6, 0xfffd4(%rip) */
		0x74, 0x02,				/* 44: je 48 */
		0xff, 0xc3,				/* 46: inc %ebx */
		0xbf, 0x40, 0x00, 0x50, 0x00,		/* 48: mov $0x500040, %edi */
		0xb9, 3, 0, 0, 0,			/* 53: mov $3, %ecx */
		0xf3, 0xaa,				/* 58: rep stosb */
		0x81, 0xff, 0x43, 0x00, 0x50, 0x00,	/* 60: cmp $0x500043, %edi */
		0x74, 0x02,				/* 66: je 70 */
		0xff, 0xc3,				/* 68: inc %ebx */
		0x9c,					/* 70: pushf */
		0x5a,					/* 71: pop %rdx */
		0x85, 0xd2,				/* 72: test %edx, %edx */
		0x75, 0x02,				/* 74: jne 78 */
		0xff, 0xc3,				/* 76: inc %ebx */
		0x89, 0xdf,				/* 78: mov %ebx, %edi */
		0xb8, 60, 0, 0, 0,			/* 80: mov $60, %eax */
		0x0f, 0x05,				/* 85: syscall */
	};
	struct fake_world *w = fake_world_new(t);
	struct fake_task *task = start(w, good, sizeof(good));

	fake_ok(t, fake_run(w) && task->code == 0, "arithmetic, flags, strings and data are right (%d)", task->code);
	fake_ok(t, fake_executed(w->programs[0], 58) == 1, "a rep string counts once");
	fake_world_free(w);

	w = fake_world_new(t);
	task = start(w, code, sizeof(code));
	fake_ok(t, fake_run(w) && task->code == 128 + 4, "what the CPU does not know is SIGILL");
	fake_world_free(w);
}

static int try_write(struct fake_task *task, u64 addr)
{
	static const u8 buf[16] = "0123456789abcde";

	return fake_target_ops.mem_write(task->ut, addr, buf, sizeof(buf));
}

static void test_memory(struct fake_test *t)
{
	struct fake_world *w = fake_world_new(t);
	static const u8 code[] = { 0x90 };
	struct fake_task *task = start(w, code, sizeof(code));
	struct fake_mm *mm = task->mm;

	fake_map(mm, 0x600000, 2 * FAKE_PAGE, FAKE_R, NULL, 0);
	fake_map(mm, 0x610000, 4 * FAKE_PAGE, FAKE_R | FAKE_W | FAKE_GROWS, NULL, 0);
	fake_map(mm, 0x620000, FAKE_PAGE, FAKE_R | FAKE_X | FAKE_SHARED, w->programs[0], 0);
	BUG_ON(fake_attach(mm));
	w->atomic = 1;
	fake_ok(t, try_write(task, 0x600000) == -EFAULT, "a read-only page is not written");
	fake_ok(t, try_write(task, 0x600000 - 8) == -EFAULT, "nor half of what is beside it");
	fake_ok(t, !try_write(task, 0x613ff0), "the present page of a stack is");
	fake_ok(t, try_write(task, 0x612000) == -EAGAIN, "the page below it is not there in the atomic half");
	fake_ok(t, try_write(task, 0x630000) == -EFAULT, "where nothing is mapped nothing comes");
	w->atomic = 0;
	fake_ok(t, !try_write(task, 0x612000) && !try_write(task, 0x612ff8), "where one may sleep the stack grows");
	fake_run(w);
	fake_ok(t, task->code == 128 + 11, "running off the text is SIGSEGV");
	fake_world_free(w);
}

/* int3 of its own without a handler; a handler for SIGUSR1 that counts, and the frame's way back */
static void test_signals(struct fake_test *t)
{
	static const u8 trap[] = { 0xcc };
	static const u8 code[] = {
		0xbf, 10, 0, 0, 0,		/*  0: mov $10, %edi */
		0xbe, 55, 0, 0x40, 0,		/*  5: mov $0x400037, %esi */
		0xb8, 13, 0, 0, 0,		/* 10: mov $13, %eax */
		0x0f, 0x05,			/* 15: syscall: sigaction */
		0xbf, 1, 0, 0, 0,		/* 17: mov $1, %edi */
		0xbe, 10, 0, 0, 0,		/* 22: mov $10, %esi */
		0xb8, 62, 0, 0, 0,		/* 27: mov $62, %eax */
		0xbb, 7, 0, 0, 0,		/* 32: mov $7, %ebx */
		0x0f, 0x05,			/* 37: syscall: kill */
		0xbb, 7, 0, 0, 0,		/* 39: mov $7, %ebx */
		0x89, 0xdf,			/* 44: mov %ebx, %edi */
		0xb8, 60, 0, 0, 0,		/* 46: mov $60, %eax */
		0x0f, 0x05,			/* 51: syscall: exit */
		0x90, 0x90,			/* 53: nop */
		0xbb, 9, 0, 0, 0,		/* 55: mov $9, %ebx */
		0xc3,				/* 60: ret */
	};
	struct fake_world *w = fake_world_new(t);
	struct fake_task *task = start(w, trap, sizeof(trap));

	fake_run(w);
	fake_ok(t, task->code == 128 + 5 && w->stray_traps == 1, "a program's own int3 is its SIGTRAP");
	fake_world_free(w);

	w = fake_world_new(t);
	task = start(w, code, sizeof(code));
	fake_run(w);
	fake_ok(t, fake_executed(w->programs[0], 55) == 1, "a handler is run");
	fake_ok(t, task->code == 7, "and what it interrupted goes on unchanged (%d)", task->code);
	fake_world_free(w);
}

static void test_children(struct fake_test *t)
{
	static const u8 code[] = {
		0xb8, 57, 0, 0, 0,		/*  0: mov $57, %eax; or vfork */
		0x0f, 0x05,			/*  5: syscall */
		0xff, 0x05, 0xf3, 0xff, 0x0f, 0x00, /* 7: incl 0xffff3(%rip) */
		0xbf, 7, 0, 0, 0,		/* 13: mov $7, %edi */
		0xb8, 60, 0, 0, 0,		/* 18: mov $60, %eax */
		0x0f, 0x05,			/* 23: syscall: exit */
	};
	struct fake_world *w = fake_world_new(t);
	struct fake_task *task = start(w, code, sizeof(code)), *child;
	u32 value = 0;

	fake_run(w);
	child = list_entry(task->node.next, struct fake_task, node);
	fake_ok(t, fake_is_dead(child) && child->code == 7 && child->mm != task->mm, "fork makes a process");
	fake_peek(task->mm, DATA, &value, 4);
	fake_ok(t, value == 1, "with memory of its own");
	fake_ok(t, fake_executed(w->programs[0], 5) == 1 && fake_executed(w->programs[0], 7) == 2,
		"the oracle counts the call once and what follows twice");
	fake_world_free(w);
}

/* --- breaches of contract are seen ------------------------------------------ */

struct witness {
	struct fake_test test;
	char text[64];
};

static void hear(struct fake_test *t, const char *text)
{
	struct witness *wit = container_of(t, struct witness, test);

	snprintf(wit->text, sizeof(wit->text), "%s", text);
}

static void deaf(struct fake_test *t, const char *text)
{
}

static enum utrace_resume sleep_in_trap(struct utrace_engine *e, struct utrace_task *task, u64 addr, bool *mine)
{
	struct upr_mm *upr = e->data;
	u8 byte;

	*mine = true;
	task->target->pc_set(task, addr + 1);
	task->target->text_read(upr, addr, &byte, 1);
	return UTRACE_RESUME;
}

static const struct utrace_engine_ops sleeper_ops = { .on_breakpoint = sleep_in_trap };

/* Forgive the last breach so that the world can be taken down. */
static void see(struct fake_test *t, struct fake_world *w, struct witness *wit, const char *text, const char *name)
{
	fake_ok(t, w->broken && strstr(wit->text, text), "%s (%s)", name, wit->text);
	w->broken = false;
	wit->text[0] = 0;
}

static void test_breaches(struct fake_test *t)
{
	static const u8 code[] = { 0xcc, 0x90, 0x90 };
	struct witness wit = { .test = { .fatal = hear, .diag = deaf } };
	struct fake_world *w = fake_world_new(&wit.test);
	struct fake_task *task = start(w, code, sizeof(code));
	struct upr_mm upr = { .host = task->mm };
	struct utrace_engine *e;
	struct upr_regs regs;
	u64 two = 0;

	BUG_ON(fake_attach(task->mm));
	fake_target_ops.regs_get(task->ut, &regs);
	see(t, w, &wit, "is running", "registers of a running task are refused");
	fake_target_ops.text_write(&upr, FAKE_TEXT + 1, &two, 2);
	see(t, w, &wit, "is running", "text is not written in pieces while a task runs");
	fake_target_ops.task_resume(task->ut, UTRACE_RESUME);
	see(t, w, &wit, "not held", "who is not held is not let go");
	spin_lock(&task->ut->lock);
	fake_target_ops.text_read(&upr, FAKE_TEXT, &two, 1);
	spin_unlock(&task->ut->lock);
	see(t, w, &wit, "lock", "no op that sleeps under the task's lock");
	e = utrace_attach(task->ut, &sleeper_ops, UTRACE_EV_BREAKPOINT, &upr);
	fake_run(w);
	see(t, w, &wit, "atomic half", "nor in the atomic half of a hit");
	utrace_engine_put(e);
	fake_world_free(w);
}

/* --- exploration is complete ---------------------------------------------------- */

#define NR_SEEN 64

static struct {
	u32 orders[NR_SEEN];
	int nr;
	u32 now;
} walk;

static bool note(struct fake_world *w, struct fake_actor *a)
{
	walk.now = walk.now * 4 + (a->name - 'a' + 1);
	return a->at < 1;
}

static void walk_setup(struct fake_world *w)
{
	static struct fake_actor actors[3];
	int i;

	memset(actors, 0, sizeof(actors));
	walk.now = 0;
	for (i = 0; i < (int)(long)w->data; i++) {
		actors[i].name = 'a' + i;
		actors[i].step = note;
		fake_actor_add(w, &actors[i]);
	}
}

/* Every order comes exactly once. */
static void walk_check(struct fake_world *w)
{
	int i;

	for (i = 0; i < walk.nr && i < NR_SEEN; i++)
		fake_expect(w, walk.orders[i] != walk.now);
	if (walk.nr < NR_SEEN)
		walk.orders[walk.nr] = walk.now;
	walk.nr++;
}

static void test_walk(struct fake_test *t)
{
	struct fake_scenario s = {
		.name = "no order comes twice",
		.setup = walk_setup,
		.check = walk_check,
		.preemptions = -1,
	};

	if (t->effort)
		return;
	walk.nr = 0;
	s.arg = (void *)2l;
	fake_ok(t, fake_explore(t, &s) == 6, "two actors of two steps meet in 4! / (2! 2!) orders");
	walk.nr = 0;
	s.arg = (void *)3l;
	s.check = NULL;
	fake_ok(t, fake_explore(t, &s) == 90, "three in 6! / (2! 2! 2!)");
	s.preemptions = 0;
	fake_ok(t, fake_explore(t, &s) == 6, "without preemption in 3!");
}

const struct fake_case fake_host_cases[] = {
	{ "host cpu", test_cpu },
	{ "host instructions", test_instructions },
	{ "host memory", test_memory },
	{ "host signals", test_signals },
	{ "host children", test_children },
	{ "host breaches", test_breaches },
	{ "host walk", test_walk },
	{ }
};
