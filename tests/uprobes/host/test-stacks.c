// SPDX-License-Identifier: GPL-2.0
/*
 * test-stacks.c - return addresses are found on whatever stack they lie, and where one
 * might not be found that is said.
 */
#include "child.h"
#include "still.h"
#include "../tap.h"
#include "../../../host/user/host.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static struct drive d;
static struct child c;
static struct still s;
static pid_t vfork_child;

enum { BEFORE, RETURN, BETWEEN, LOOP, NR };
static struct upr_text_range ranges[NR];

static int scan(void)
{
	unsigned int i;

	for (i = 0; i < NR; i++)
		ranges[i].hit = false;
	return d.mm->target->stacks_scan(d.mm, ranges, NR);
}

/* Ranges: one byte at the return address, the loop, and two that nobody is in. */
static void begin(const char *how)
{
	char *argv[] = {strdup(target_path("target-pads")), (char *)how, NULL};
	unsigned long after = 0, spin = 0, spin_end = 0;

	vfork_child = 0;

	child_start(&c, argv);
	free(argv[0]);
	sscanf(child_first(&c), "%lx %lx %lx %*d %d", &after, &spin, &spin_end, &vfork_child);
	after = ~after;
	spin = ~spin;
	spin_end = ~spin_end;
	ranges[BEFORE] = (struct upr_text_range){.lo = after - 2, .hi = after};
	ranges[RETURN] = (struct upr_text_range){.lo = after, .hi = after + 1};
	ranges[BETWEEN] = (struct upr_text_range){.lo = after + 1, .hi = after + 5};
	ranges[LOOP] = (struct upr_text_range){.lo = spin, .hi = spin_end};
	drive_open(&d, UPR_MODE_AUTO, NULL);
	ok(!drive_attach(&d, c.pid) && d.mm && still_hold(&s, &d, d.mm), "%s: all threads held", how);
}

static bool nobody_waits(void *data)
{
	struct host_task *t;

	(void)data;
	list_for_each_entry(t, &((struct host_mm *)d.mm->host)->tasks, mm_node)
		if (t->state == TASK_VFORK)
			return false;
	return true;
}

static void end(const char *how)
{
	int status;

	still_let_go(&s);
	/* a parent that waits cannot be let go before that is over */
	if (vfork_child > 0) {
		kill(vfork_child, SIGKILL);
		drive_until(&d, nobody_waits, NULL, 10000);
	}
	is_int(drive_close(&d), 0, "let go");
	free(child_end(&c, &status));
	ok(!status, "%s: ended well", how);
}

static void test_case(const char *how, int want, bool at_return, bool in_loop, const char *what)
{
	int r;

	begin(how);
	r = scan();
	is_int(r, want, what);
	if (!want) {
		ok(ranges[RETURN].hit == at_return, "%s: %s", how,
		   at_return ? "the return address is found" : "nobody returns there");
		ok(ranges[LOOP].hit == in_loop, "%s: %s", how,
		   in_loop ? "so is what was interrupted" : "nobody was in the loop");
		ok(!ranges[BEFORE].hit && !ranges[BETWEEN].hit, "%s: and nothing else", how);
	}
	end(how);
}

/* An address that is only in a register counts, too. */
static void test_registers(void)
{
	struct host_task *t;
	u64 saved;

	begin("");
	t = list_first_entry(&((struct host_mm *)d.mm->host)->tasks, struct host_task, mm_node);
	is_int(regs_load(t), 0, "registers");
	saved = t->regs.r12;
	t->regs.r12 = ranges[BETWEEN].lo + 1;
	ok(!scan() && ranges[BETWEEN].hit && !ranges[RETURN].hit, "a word in a register is found");
	t->regs.r12 = saved;
	end("registers");
}

/* A word planted below the stack pointer, in the red zone, and one beyond. */
static void test_red_zone(void)
{
	u64 word, saved[2];
	struct host_task *t;

	begin("");
	word = ranges[BETWEEN].lo;
	t = list_first_entry(&((struct host_mm *)d.mm->host)->tasks, struct host_task, mm_node);
	is_int(regs_load(t), 0, "registers");
	mem_get(t->mm, t->regs.rsp - 64, saved, 8);
	mem_get(t->mm, t->regs.rsp - 4096, saved + 1, 8);
	mem_put(t->mm, t->regs.rsp - 4096, &word, 8);
	ok(!scan() && !ranges[BETWEEN].hit, "what lies below the red zone is of no account");
	mem_put(t->mm, t->regs.rsp - 64, &word, 8);
	ok(!scan() && ranges[BETWEEN].hit, "the red zone is looked at");
	mem_put(t->mm, t->regs.rsp - 64, saved, 8);
	mem_put(t->mm, t->regs.rsp - 4096, saved + 1, 8);
	end("red zone");
}

static void test_cost(void)
{
	struct timespec a, b;
	int i, r = 0;

	begin("thread");
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (i = 0; i < 100; i++)
		r |= scan();
	clock_gettime(CLOCK_MONOTONIC, &b);
	is_int(r, 0, "looked at a hundred times");
	diag("a scan of two shallow stacks takes %ld us",
	     ((b.tv_sec - a.tv_sec) * 1000000 + (b.tv_nsec - a.tv_nsec) / 1000) / 100);
	end("cost");
}

static void test_fresh(void)
{
	char *argv[] = {strdup(target_path("target-exec")), (char *)"steps", (char *)"3", NULL}, *out;
	struct host_task *t;
	int fd, saved, started, r;
	u64 entry;

	drive_open(&d, UPR_MODE_AUTO, NULL);
	fd = pipe_stdout(&saved);
	started = drive_spawn(&d, argv);
	t = list_first_entry(&list_first_entry(&d.home->procs, struct host_proc, node)->tasks, struct host_task, node);
	/* the kernel has put the address of its entry point on the stack */
	entry = proc_auxv(t->tid, 9, false);
	ranges[0] = (struct upr_text_range){.lo = entry, .hi = entry + 1};
	r = t->mm->mm->target->stacks_scan(t->mm->mm, ranges, 1);
	drive_until_end(&d, 20000);
	out = drain_stdout(fd, saved);
	is_int(started, 0, "started");
	is_int(r, 0, "a program before its first instruction");
	ok(entry && !ranges[0].hit, "returns nowhere");
	drive_close(&d);
	free(out);
	free(argv[0]);
}

int main(void)
{
	test_case("", 0, false, false, "one thread, in read()");
	test_case("thread", 0, true, false, "a second thread, deep in a call");
	test_case("handler", 0, true, true, "a handler on the thread's own stack");
	test_case("other-stack", 0, false, true, "a handler on another stack");
	test_case("coroutine", 0, true, false, "coroutines, one of which nobody stands on");
	test_case("vfork", 0, true, false, "a thread that waits for its vfork child");
	test_registers();
	test_red_zone();
	test_cost();
	test_fresh();
	return done_testing();
}
