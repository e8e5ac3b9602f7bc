// SPDX-License-Identifier: GPL-2.0
/*
 * test-jobctl.c - SIGSTOP and SIGCONT stay what they are, and visible to the parent.
 */
#include "child.h"
#include "drive.h"
#include "../tap.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void spawned(enum upr_mode mode, const char *name)
{
	char *argv[] = {strdup(target_path("target-jobctl")), "100", NULL};
	struct drive_probe *p;
	struct drive d;
	char *out;
	int fd, saved, r;

	drive_open(&d, mode, NULL);
	p = drive_count(&d, "target-jobctl", "counted");
	fd = pipe_stdout(&saved);
	r = drive_spawn(&d, argv);
	if (!r)
		r = drive_until_end(&d, 30000);
	out = drain_stdout(fd, saved);
	ok(!r && !d.wstatus && strstr(out, "rounds 100"), "100 stops and continuations under probes, %s", name);
	if (r || d.wstatus)
		diag("run %d status %#x: %s", r, d.wstatus, out);
	ok(drive_hits(p) > 100, "the function was hit meanwhile (%lld times)", (long long)drive_hits(p));
	drive_close(&d);
	free(out);
	free(argv[0]);
}

static char state_of(pid_t pid)
{
	char *stat = read_proc(pid, "stat"), *at = strrchr(stat, ')'), c = at ? at[2] : 0;

	free(stat);
	return c;
}

/* It wakes up to find that it is stopped still: that takes it a moment. */
static bool becomes_stopped(pid_t pid)
{
	u64 end = now_ms() + 5000;

	while (state_of(pid) != 'T' && now_ms() < end)
		sched_yield();
	return state_of(pid) == 'T';
}

static bool hit(void *data)
{
	return drive_hits(data) > 0;
}

static bool has_answered(void *data)
{
	struct pollfd fd = {.fd = fileno(((struct child *)data)->out), .events = POLLIN};

	return poll(&fd, 1, 0) > 0;
}

/* While it is traced it cannot stop, nor its parent see it continue, unless its tracer does its work. */
static bool obeys(struct drive *d, struct child *c, const char *order)
{
	child_say(c, order);
	if (!drive_until(d, has_answered, c, 10000))
		return false;
	child_line(c);
	return true;
}

/* Return: what went wrong, NULL nothing. */
static const char *stop_and_go(struct child *c, pid_t worker, enum upr_mode mode, bool go_stopped)
{
	const char *r = NULL;
	struct drive_probe *p;
	struct drive d;

	child_say(c, "stop");
	child_line(c);
	drive_open(&d, mode, NULL);
	p = drive_count(&d, "target-jobctl", "counted");
	drive_count(&d, "target-jobctl", "run");
	if (drive_attach(&d, worker))
		r = "attach";
	drive_for(&d, 5);
	if (drive_hits(p))
		r = "hit while stopped";
	if (!obeys(&d, c, "cont"))
		r = "not continued";
	if (!drive_until(&d, hit, p, 10000))
		r = "no hit afterwards";
	if (go_stopped && !obeys(&d, c, "stop"))
		r = "does not stop";
	if (drive_close(&d))
		r = "detach";
	if (!go_stopped)
		return r;
	if (!becomes_stopped(worker))
		r = "not stopped after it was let go";
	child_say(c, "cont");
	child_line(c);
	return r;
}

/* Attached while it is stopped: armed there (a system call is injected), and still stopped. */
static void while_stopped(enum upr_mode mode, const char *name)
{
	char *argv[] = {strdup(target_path("target-jobctl")), "0", NULL}, *out;
	const char *r = NULL;
	struct child c;
	pid_t worker;
	int status, i;

	/* the first line is the worker's pid */
	child_start(&c, argv);
	worker = atoi(child_first(&c));
	for (i = 0; i < 20 && !r; i++)
		r = stop_and_go(&c, worker, mode, i % 2);
	if (r)
		diag("round %d: %s", i, r);
	ok(!r, "attached while stopped, continued, let go, every other time while stopped");
	child_say(&c, "term");
	out = child_end(&c, &status);
	ok(!status && strstr(out, "rounds "), "and its parent saw each stop and continuation, %s", name);
	free(out);
	free(argv[0]);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	spawned(UPR_MODE_TRAP, "one trap");
	spawned(UPR_MODE_STEP, "stepped");
	while_stopped(UPR_MODE_TRAP, "one trap");
	while_stopped(UPR_MODE_STEP, "stepped");
	return done_testing();
}
