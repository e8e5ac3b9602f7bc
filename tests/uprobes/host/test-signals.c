// SPDX-License-Identifier: GPL-2.0
/*
 * test-signals.c - signals reach a probed program as they were sent, and SIGTRAP
 * stands as the program has set it.
 */
#include "child.h"
#include "drive.h"
#include "../tap.h"

#include <signal.h>
#include <sys/wait.h>

static void add_probes(struct drive *d)
{
	drive_count(d, "target-sigs", "counted");
	drive_count(d, "target-sigs", "loads");
}

/* The command says "ok" itself; *calls its own count, or the number to expect. */
static void spawned(const char *how, enum upr_mode mode, s64 calls, s64 loads)
{
	char *argv[] = {strdup(target_path("target-sigs")), (char *)how, NULL};
	const char *mode_name = mode == UPR_MODE_STEP ? "stepped" : "one trap";
	struct drive d;
	char *out, *own;
	int fd, saved, r;

	drive_open(&d, mode, NULL);
	add_probes(&d);
	fd = pipe_stdout(&saved);
	r = drive_spawn(&d, argv);
	if (!r)
		r = drive_until_end(&d, 30000);
	out = drain_stdout(fd, saved);
	own = strstr(out, "calls ");
	if (own)
		calls = atoll(own + 6);
	ok(!r && !d.wstatus && strstr(out, "ok\n"), "%s, %s: the program saw nothing wrong", how, mode_name);
	if (r || d.wstatus)
		diag("run %d status %#x: %s", r, d.wstatus, out);
	if (calls >= 0)
		is_int(drive_hits(&d.probes[0]), calls, "and its calls were counted");
	if (loads >= 0)
		is_int(drive_hits(&d.probes[1]), loads, "and its faulting loads");
	r = drive_close(&d);
	if (r)
		ok(0, "%s: let go (%d)", how, r);
	free(out);
	free(argv[0]);
}

static bool called(void *data)
{
	struct drive *d = data;

	return drive_hits(&d->probes[0]) >= 100;
}

static void attached(const char *how, enum upr_mode mode)
{
	char *argv[] = {strdup(target_path("target-sigs")), (char *)how, NULL};
	const char *mode_name = mode == UPR_MODE_STEP ? "stepped" : "one trap";
	struct child c;
	struct drive d;
	char *out;
	int status, r;

	child_start(&c, argv);
	drive_open(&d, mode, NULL);
	add_probes(&d);
	r = drive_attach(&d, c.pid);
	child_say(&c, "go");
	if (!r)
		drive_until(&d, called, &d, 10000);
	drive_for(&d, 50);
	r |= drive_close(&d);
	child_say(&c, "end");
	out = child_end(&c, &status);
	ok(!r && !status && strstr(out, "ok\n"), "%s, %s: the program saw nothing wrong", how, mode_name);
	if (r || status)
		diag("run %d status %#x: %s", r, status, out);
	free(out);
	free(argv[0]);
}

static void both(const char *how, s64 calls, s64 loads)
{
	spawned(how, UPR_MODE_TRAP, calls, loads);
	spawned(how, UPR_MODE_STEP, calls, loads);
}

static void with_trap_blocked(void)
{
	sigset_t set, old;

	sigemptyset(&set);
	sigaddset(&set, SIGTRAP);
	sigprocmask(SIG_BLOCK, &set, &old);
	both("inherited-mask", 200, 0);
	sigprocmask(SIG_SETMASK, &old, NULL);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	both("queue", 1200, 0);
	both("fault", 100, 100);
	both("own-int3", 200, 0);
	both("sent-trap", 2200, 0);
	both("storm", -1, 0);
	both("dies", -1, 0);
	both("all-blocked", 200, 0);
	with_trap_blocked();
	signal(SIGTRAP, SIG_IGN);
	both("ignored", 2000, 0);
	signal(SIGTRAP, SIG_DFL);
	attached("in-blocked", UPR_MODE_TRAP);
	attached("in-blocked", UPR_MODE_STEP);
	attached("in-ignored", UPR_MODE_TRAP);
	attached("in-ignored", UPR_MODE_STEP);
	attached("in-ignored-dies", UPR_MODE_TRAP);
	attached("in-ignored-dies", UPR_MODE_STEP);
	attached("in-caught", UPR_MODE_TRAP);
	attached("in-caught", UPR_MODE_STEP);
	return done_testing();
}
