// SPDX-License-Identifier: GPL-2.0
/*
 * test-counters.c - memory that target and tool share: mapped, seen both ways, inherited by a
 * child, and gone without a trace; and areas below two gigabytes.
 *
 * The engine's completions are wrapped (ld --wrap): what the test asks for is answered to
 * the test, all else to the engine.
 */
#include "child.h"
#include "still.h"
#include "../tap.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE 16384u

void __wrap_upr_counters_mapped(struct upr_mm *mm, struct upr_counters *counters, s64 addr);
void __wrap_upr_area_mapped(struct upr_mm *mm, struct upr_area *area, s64 addr);
void __real_upr_area_mapped(struct upr_mm *mm, struct upr_area *area, s64 addr);

static struct upr_counters counters;
static struct upr_area area;
static s64 answer;
static bool answered;

void __wrap_upr_counters_mapped(struct upr_mm *mm, struct upr_counters *c, s64 addr)
{
	(void)mm;
	if (c != &counters)
		return;
	answer = addr;
	answered = true;
}

void __wrap_upr_area_mapped(struct upr_mm *mm, struct upr_area *a, s64 addr)
{
	if (a != &area) {
		__real_upr_area_mapped(mm, a, addr);
		return;
	}
	answer = addr;
	answered = true;
}

static bool is_answered(void *data)
{
	(void)data;
	return answered;
}

static s64 ask_counters(struct drive *d, struct upr_mm *mm)
{
	memset(&counters, 0, sizeof(counters));
	counters.size = SIZE;
	answered = false;
	mm->target->counters_map(mm, &counters);
	return drive_until(d, is_answered, NULL, 10000) ? answer : -ETIMEDOUT;
}

static s64 ask_area(struct drive *d, struct upr_mm *mm, u64 lo, u64 hi)
{
	memset(&area, 0, sizeof(area));
	area.size = 8192;
	area.lo = lo;
	area.hi = hi;
	answered = false;
	mm->target->area_map(mm, &area);
	return drive_until(d, is_answered, NULL, 10000) ? answer : -ETIMEDOUT;
}

static char *list_fds(pid_t pid)
{
	char cmd[64], *buf = calloc(1, 4096);
	FILE *f;

	snprintf(cmd, sizeof(cmd), "ls -l /proc/%d/fd | sed 's/.* //' | sort", pid);
	f = popen(cmd, "r");
	if (!f || !fread(buf, 1, 4095, f))
		abort();
	pclose(f);
	return buf;
}

static u64 peek(pid_t pid, u64 addr)
{
	char path[64];
	u64 v = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	f = fopen(path, "r+");
	if (!f || fseeko(f, (off_t)addr, SEEK_SET) || fread(&v, 8, 1, f) != 1)
		v = ~(u64)0;
	if (f)
		fclose(f);
	return v;
}

static int poke(pid_t pid, u64 addr, u64 v)
{
	char path[64];
	FILE *f;
	int r;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	f = fopen(path, "r+");
	r = !f || fseeko(f, (off_t)addr, SEEK_SET) || fwrite(&v, 8, 1, f) != 1;
	if (f)
		r |= fclose(f);
	return r;
}

static void test_child(struct child *c, struct drive *d, u64 addr)
{
	pid_t pid;

	pid = atoi(ask_line(d, c, "fork"));
	ok(pid > 0 && !poke(pid, addr + 16, 77) && counters.view[2] == 77, "a forked child counts in the same memory");
	is_int((s64)peek(c->pid, addr + 16), 77, "and its parent sees it, too");
	is_int(atoi(ask_line(d, c, "reap")), 0, "the child is gone");
}

static void test_shared(void)
{
	char *argv[] = {strdup(target_path("target-pads")), NULL}, *maps, *fds, *now;
	const struct target_ops *ops;
	struct child c;
	struct drive d;
	struct still s;
	int status;
	s64 addr;

	child_start(&c, argv);
	maps = read_proc(c.pid, "maps");
	fds = list_fds(c.pid);
	drive_open(&d, UPR_MODE_AUTO, NULL);
	if (!ok(!drive_attach(&d, c.pid) && d.mm, "attached"))
		return;
	ops = d.mm->target;
	ok(still_hold(&s, &d, d.mm), "all threads held");
	addr = ask_counters(&d, d.mm);
	ok(addr > 0, "counters are mapped (%#llx)", (long long)addr);
	now = read_proc(c.pid, "maps");
	ok(strstr(now, "rw-s") && strstr(now, "/memfd:uprobes (deleted)"), "readable, writable, shared, with a name");
	free(now);
	now = list_fds(c.pid);
	ok(!strcmp(now, fds), "no descriptor is left in the target");
	free(now);
	still_let_go(&s);
	ok(counters.view && !counters.view[0] && !counters.view[SIZE / 8 - 1], "they are zero at first");
	counters.view[0] = 11;
	is_int((s64)peek(c.pid, (u64)addr), 11, "what we write the target sees");
	ok(!poke(c.pid, (u64)addr + 8, 22) && counters.view[1] == 22, "what it writes we see");
	test_child(&c, &d, (u64)addr);
	still_hold(&s, &d, d.mm);
	ops->counters_unmap(d.mm, (u64)addr, SIZE);
	still_let_go(&s);
	is_int(drive_close(&d), 0, "let go");
	ok(counters.view[2] == 77, "the memory outlives its mapping in the target");
	ops->counters_free(&counters);
	ok(!counters.view, "until it is given back here");
	now = read_proc(c.pid, "maps");
	ok(!strcmp(now, maps), "the target's maps are as before");
	free(now);
	free(child_end(&c, &status));
	is_int(status, 0, "the target ended well");
	free(maps);
	free(fds);
	free(argv[0]);
}

/* Another view of files and users than ours. */
static void test_namespaces(void)
{
	char *argv[] = {(char *)"/usr/bin/unshare", (char *)"-Um", strdup(target_path("target-pads")), NULL};
	struct child c;
	struct drive d;
	struct still s;
	int status;

	child_start(&c, argv);
	if (!child_first(&c)[0]) {
		skip("counters across namespaces", "no user namespace can be had here");
	} else {
		drive_open(&d, UPR_MODE_AUTO, NULL);
		if (ok(!drive_attach(&d, c.pid) && d.mm && still_hold(&s, &d, d.mm), "attached across namespaces")) {
			ok(ask_counters(&d, d.mm) > 0 && counters.view, "counters are mapped across namespaces");
			d.mm->target->counters_unmap(d.mm, (u64)answer, SIZE);
			d.mm->target->counters_free(&counters);
			still_let_go(&s);
		}
		is_int(drive_close(&d), 0, "let go");
	}
	free(child_end(&c, &status));
	free(argv[2]);
}

static void test_filter(void)
{
	char *argv[] = {strdup(target_path("target-sandbox")), (char *)"kill", NULL};
	struct child c;
	struct drive d;
	struct still s;
	int status;

	child_start(&c, argv);
	drive_open(&d, UPR_MODE_AUTO, NULL);
	d.quiet = true;
	ok(!drive_attach(&d, c.pid) && d.mm && still_hold(&s, &d, d.mm), "attached to a program with a seccomp filter");
	is_int(ask_counters(&d, d.mm), -EPERM, "nothing is asked in its name");
	ok(!counters.view, "and nothing is left here");
	is_int(d.notes[UPR_NOTE_SECCOMP], 1, "it is said");
	still_let_go(&s);
	is_int(drive_close(&d), 0, "let go");
	child_say(&c, "xx");
	free(child_end(&c, &status));
	is_int(status, 0, "the target ended well");
	free(argv[0]);
}

/* As many descriptors as it may have: an error, and no harm. */
static void test_no_room(void)
{
	char *argv[] = {strdup(target_path("target-pads")), (char *)"poor", NULL};
	struct child c;
	struct drive d;
	struct still s;
	int status;

	child_start(&c, argv);
	drive_open(&d, UPR_MODE_AUTO, NULL);
	ok(!drive_attach(&d, c.pid) && d.mm && still_hold(&s, &d, d.mm),
	   "attached to a program without a free descriptor");
	is_int(ask_counters(&d, d.mm), -EMFILE, "the kernel's answer is passed on");
	ok(!counters.view, "and nothing is left here");
	still_let_go(&s);
	is_int(drive_close(&d), 0, "let go");
	free(child_end(&c, &status));
	is_int(status, 0, "the target ended well");
	free(argv[0]);
}

static void test_low(const char *name, const char *what)
{
	char *argv[] = {strdup(target_path(name)), NULL};
	struct child c;
	struct drive d;
	struct still s;
	int status;
	s64 low, lowest;

	child_start(&c, argv);
	drive_open(&d, UPR_MODE_AUTO, NULL);
	ok(!drive_attach(&d, c.pid) && d.mm && still_hold(&s, &d, d.mm), "%s: attached", what);
	low = ask_area(&d, d.mm, 0, 0x7fffffff);
	ok(low > 0 && low + 8192 <= 0x7fffffff, "%s: an area below 2 GiB (%#llx)", what, (long long)low);
	lowest = ask_area(&d, d.mm, 0, 0x20000);
	ok(lowest > 0 && lowest + 8192 <= 0x20000, "%s: one in the lowest 128 KiB (%#llx)", what, (long long)lowest);
	is_int(ask_area(&d, d.mm, 0, 0x2000), -ENOMEM,
	       "where nothing can be mapped there is no memory, whatever the kernel says");
	d.mm->target->area_unmap(d.mm, (u64)low, 8192);
	d.mm->target->area_unmap(d.mm, (u64)lowest, 8192);
	still_let_go(&s);
	is_int(drive_close(&d), 0, "let go");
	free(child_end(&c, &status));
	is_int(status, 0, "the target ended well");
	free(argv[0]);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	test_shared();
	test_namespaces();
	test_filter();
	test_no_room();
	test_low("target-pads", "position-independent");
	test_low("target-pads-fixed", "at a fixed address");
	return done_testing();
}
