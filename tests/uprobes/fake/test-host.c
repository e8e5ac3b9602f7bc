// SPDX-License-Identifier: GPL-2.0
/*
 * test-host.c - the fake host by itself: its CPU, memory, signals, system
 * calls and scheduler are right before anything is judged by them.
 *
 * Locks: none, one thread.
 */
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

const struct fake_case fake_host_cases[] = {
	{ "host cpu", test_cpu },
	{ }
};
