// SPDX-License-Identifier: GPL-2.0
/*
 * test-endings.c - letting go of programs that are about to end: their parents hear of it.
 *
 * A parent is told of the end of a traced child only when the tracer has been.  The tool goes on living here,
 * as it does after --no-follow has let a program go.
 */
#include "child.h"
#include "drive.h"
#include "../tap.h"

#include <signal.h>
#include <unistd.h>

#define ATTEMPTS 20
#define WAIT_MS	 20000

/* Its memory is not its own any more, and all of it still to be freed. */
static bool has_no_memory(void *data)
{
	const pid_t *pid = data;
	char *maps = read_proc(*pid, "maps");
	bool r = !maps[0];

	free(maps);
	return r;
}

static bool is_zombie(void *data)
{
	const pid_t *pid = data;
	char *stat = read_proc(*pid, "stat"), *at = strrchr(stat, ')');
	bool r = !at || at[2] == 'Z';

	free(stat);
	return r;
}

static int release(struct drive *d)
{
	u64 end = now_ms() + WAIT_MS;
	int r;

	/* a program that has just started gets a moment */
	while ((r = upr_home_release(d->home, &d->why)) == -EAGAIN && now_ms() < end)
		upr_home_run(d->home, 5);
	return r;
}

static pid_t start(struct child *c, struct drive *d, const char *how, bool count)
{
	char *argv[] = {strdup(target_path("target-endings")), (char *)how, NULL};
	pid_t pid;

	child_start(c, argv);
	pid = atoi(child_first(c));
	drive_open(d, UPR_MODE_AUTO, NULL);
	if (count)
		drive_count(d, "target-endings", "endings_leaf")->clear = 8;
	is_int(drive_attach(d, pid), 0, "attached to a child");
	free(argv[0]);
	return pid;
}

/* It has no loader and no probes: nothing is to be done in it before it is let go. */
static bool while_freeing(void)
{
	struct child c;
	struct drive d;
	pid_t pid = start(&c, &d, "memory", false);
	bool caught;
	char *out;
	int status;

	child_say(&c, "end");
	ok(drive_until(&d, has_no_memory, &pid, WAIT_MS), "it is on its way to its end");
	caught = !d.exits;
	is_int(upr_home_detach(d.home), 0, "let go");
	out = child_end(&c, &status);
	ok(!strcmp(out, "over 7\n") && !status, "its parent hears of its end: %.6s", out);
	drive_close(&d);
	free(out);
	return caught;
}

static void test_freeing(void)
{
	int i;

	for (i = 0; i < ATTEMPTS; i++)
		if (while_freeing())
			break;
	ok(i < ATTEMPTS, "it was past its end and not yet told of, at attempt %d", i + 1);
}

static void test_leader(void)
{
	struct child c;
	struct drive d;
	pid_t pid = start(&c, &d, "leader", true);
	u64 end;
	char *out;
	int status;

	child_say(&c, "leader");
	ok(drive_until(&d, is_zombie, &pid, WAIT_MS), "the first thread has ended before the other");
	is_int(release(&d), 0, "let go, while it counts");
	child_say(&c, "end");
	end = now_ms() + WAIT_MS;
	while (!d.exits && now_ms() < end && upr_home_run(d.home, 5) >= 0)
		;
	out = child_end(&c, &status);
	ok(!strcmp(out, "over 7\n") && !status, "its parent hears of its end: %.6s", out);
	is_int(d.exits, 1, "so do we");
	is_int((long)upr_consumer_hits(d.session, &d.probes[0].consumer), 1, "what it called after that is counted");
	is_int(drive_close(&d), 0, "all is over");
	free(out);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	test_freeing();
	test_leader();
	return done_testing();
}
