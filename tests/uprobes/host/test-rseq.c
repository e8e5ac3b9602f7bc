// SPDX-License-Identifier: GPL-2.0
/*
 * test-rseq.c - where threads are registered for restartable sequences, and that nobody else
 * finds a number of a CPU there.
 */
#include "child.h"
#include "still.h"
#include "../tap.h"
#include "../../../host/user/host.h"

#include <linux/rseq.h>
#include <stdlib.h>
#include <sys/rseq.h>
#include <unistd.h>

static struct drive d;
static struct child c;
static struct still s;

static bool begin(const char *program, const char *how, long *offset)
{
	char *argv[] = {strdup(target_path(program)), (char *)how, NULL};

	child_start(&c, argv);
	free(argv[0]);
	*offset = 0;
	sscanf(child_first(&c), "%*x %*x %*x %ld", offset);
	drive_open(&d, UPR_MODE_AUTO, NULL);
	return child_first(&c)[0] && !drive_attach(&d, c.pid) && d.mm && still_hold(&s, &d, d.mm);
}

static void end(const char *what)
{
	int status;

	still_let_go(&s);
	is_int(drive_close(&d), 0, "let go");
	free(child_end(&c, &status));
	ok(!status, "%s: ended well", what);
}

static void test_glibc(const char *how, const char *what)
{
	long offset;
	s32 got = 0;
	int r;

	ok(begin("target-pads", how, &offset), "%s: all threads held", what);
	r = d.mm->target->rseq(d.mm, &got);
	if (offset)
		ok(!r && got == offset, "%s: it is where the C library says (%d, %ld)", what, got, offset);
	else
		skip(what, "the C library does not register its threads");
	end(what);
}

static void test_none(const char *program, const char *what)
{
	long offset;
	s32 got;

	ok(begin(program, "thread", &offset), "%s: all threads held", what);
	is_int(d.mm->target->rseq(d.mm, &got), -ENOENT, what);
	end(what);
}

/* --- from the first instruction on --------------------------------------------------------- */

static void test_start(void)
{
	char *argv[] = {strdup(target_path("target-exec")), (char *)"children", (char *)"3", NULL}, *out;
	struct upr_mm *mm;
	struct host_task *t;
	int fd, saved, started, r;
	bool early;
	s32 got;

	drive_open(&d, UPR_MODE_AUTO, NULL);
	fd = pipe_stdout(&saved);
	started = drive_spawn(&d, argv);
	t = list_first_entry(&list_first_entry(&d.home->procs, struct host_proc, node)->tasks, struct host_task, node);
	mm = t->mm->mm;
	r = mm->target->rseq(mm, &got);
	early = d.mm || !t->mm->fresh || t->mm->ready;
	drive_until_end(&d, 20000);
	out = drain_stdout(fd, saved);
	is_int(started, 0, "started");
	is_int(r, -ENOENT, "before its first instruction nobody is registered");
	ok(!early, "it is not said to be ready");
	ok(d.readies && !d.wstatus, "it was ready some time later, and ended well");
	drive_close(&d);
	free(out);
	free(argv[0]);
}

/* --- children in the same memory ---------------------------------------------------------------- */

/* With a probe on the program's mm, so that the home keeps watch: the engine has asked once. */
static void test_vfork(void)
{
	unsigned int child = 0, after = 0, i, hidden = 0, back = 0, rounds = 200;
	long offset;
	s32 got;

	ok(begin("target-pads", "", &offset), "vfork: held");
	if (!offset) {
		skip("vfork", "the C library does not register its threads");
		end("vfork");
		return;
	}
	d.mm->target->rseq(d.mm, &got);
	still_let_go(&s);
	for (i = 0; i < rounds; i++) {
		if (sscanf(ask_line(&d, &c, "rseq"), "%x %x", &child, &after) != 2)
			break;
		hidden += child == 0xffffffffu;
		back += after < 4096;
	}
	is_int(hidden, rounds, "a vfork child does not see its parent's number of a CPU");
	is_int(back, rounds, "the parent has it again afterwards");
	end("vfork");
}

static unsigned int born, numbered;

static enum utrace_resume on_clone(struct utrace_engine *e, struct utrace_task *parent, struct utrace_task *child,
				   unsigned int flags)
{
	struct host_task *t = child->host;
	u32 cpu_id = 0;

	(void)e;
	(void)parent;
	(void)flags;
	born++;
	if (regs_load(t) ||
	    mem_get(t->mm, t->regs.fs_base + (u64)__rseq_offset + offsetof(struct rseq, cpu_id), &cpu_id, 4) ||
	    (s32)cpu_id >= 0)
		numbered++;
	return UTRACE_RESUME;
}

static const struct utrace_engine_ops clone_ops = {.on_clone = on_clone};

static void test_threads(void)
{
	struct utrace_engine *e;
	long offset;
	s32 got;

	ok(begin("target-pads", "", &offset), "threads: held");
	if (!d.mm->target->rseq(d.mm, &got)) {
		e = utrace_attach(list_first_entry(&d.mm->tasks, struct utrace_task, mm_node), &clone_ops,
				  UTRACE_EV_CLONE, NULL);
		still_let_go(&s);
		is_int(atoi(ask_line(&d, &c, "threads")), 100, "a hundred threads, on the stack of the one before");
		is_int(born, 100, "each was seen before its first instruction");
		is_int(numbered, 0, "and none found a number of a CPU before it was registered");
		utrace_detach(e);
		utrace_engine_put(e);
	} else {
		skip("threads", "the C library does not register its threads");
	}
	end("threads");
}

/* --- memory that goes ------------------------------------------------------------------------------ */

static u64 current_section(struct host_task *t, long offset)
{
	u64 v = 0;

	if (regs_load(t) || mem_get(t->mm, t->regs.fs_base + (u64)offset + offsetof(struct rseq, rseq_cs), &v, 8))
		return ~(u64)0;
	return v;
}

static void plant(struct host_task *t, long offset, u64 v)
{
	if (!regs_load(t))
		mem_put(t->mm, t->regs.fs_base + (u64)offset + offsetof(struct rseq, rseq_cs), &v, 8);
}

static void test_forget(void)
{
	struct host_task *t, *second;
	struct host_mm *mm;
	long offset;
	s32 got;

	ok(begin("target-pads", "thread", &offset), "sections: held");
	mm = d.mm->host;
	t = list_first_entry(&mm->tasks, struct host_task, mm_node);
	second = list_next_entry(t, mm_node);
	if (d.mm->target->rseq(d.mm, &got)) {
		skip("sections", "the C library does not register its threads");
	} else {
		plant(t, offset, 0x10000);
		plant(second, offset, 0x20040);
		rseq_forget(mm, 0x20000, 0x1000);
		ok(current_section(t, offset) == 0x10000 && !current_section(second, offset),
		   "a thread's last section is forgotten if it lies in memory that goes, and no other one's");
		d.mm->target->area_unmap(d.mm, 0x10000, 0x1000);
		ok(!current_section(t, offset), "and so it is before an area is unmapped");
	}
	end("sections");
}

static void test_machine(struct upr_mm *mm)
{
	long most = sysconf(_SC_NPROCESSORS_ONLN);
	bool rdpid = false;
	u32 nr = 0;

	(void)mm;
	host_ops.machine(&nr, &rdpid);
	ok(nr >= (u32)most && nr < 8192, "%u CPUs possible, of which %ld are there", nr, most);
	if (rdpid) {
		unsigned long id;

		__asm__ volatile("rdpid %0" : "=r"(id));
		ok((id & 0xfff) < nr, "rdpid gives one of them (%lu)", id & 0xfff);
	} else {
		skip("rdpid", "the CPU has no such instruction");
	}
}

int main(void)
{
	test_machine(NULL);
	test_glibc("", "one thread");
	test_glibc("thread", "two threads");
	setenv("GLIBC_TUNABLES", "glibc.pthread.rseq=0", 1);
	test_none("target-pads", "glibc told not to register");
	unsetenv("GLIBC_TUNABLES");
	if (access(target_path("target-pads-musl"), X_OK))
		skip("musl", "no musl programs can be made here");
	else
		test_none("target-pads-musl", "musl does not register");
	test_start();
	test_vfork();
	test_threads();
	test_forget();
	return done_testing();
}
