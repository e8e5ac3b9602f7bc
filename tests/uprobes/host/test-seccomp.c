// SPDX-License-Identifier: GPL-2.0
/*
 * test-seccomp.c - a program that has locked itself in is never asked for a
 * system call: it lives, what can be computed is counted, and a note says what cannot.
 */
#include "child.h"
#include "drive.h"
#include "../tap.h"

#include <signal.h>
#include <sys/wait.h>

struct expected {
	struct drive_probe *probe;
	long hits;
};

static bool all_hit(void *data)
{
	struct expected *e = data;

	return drive_hits(e[0].probe) >= e[0].hits && drive_hits(e[1].probe) >= e[1].hits;
}

static void one(const char *how, enum upr_mode mode, s64 counted, s64 copied, bool noted)
{
	char *argv[] = {strdup(target_path("target-sandbox")), (char *)how, NULL}, *out;
	struct drive_probe *p, *q;
	struct child c;
	struct drive d;
	int status, r;

	child_start(&c, argv);
	drive_open(&d, mode, NULL);
	d.quiet = true;
	p = drive_count(&d, "target-sandbox", "counted");
	q = drive_count(&d, "target-sandbox", "copied");
	r = drive_attach(&d, c.pid);
	child_say(&c, "");
	drive_until(&d, all_hit, (struct expected[]){{p, counted}, {q, copied}}, 10000);
	/* and none too many */
	drive_for(&d, 20);
	is_int(drive_hits(p), counted, how);
	is_int(drive_hits(q), copied, "and what needs a copy");
	r |= drive_close(&d);
	is_int(!!d.notes[UPR_NOTE_SECCOMP], noted, "the filter was mentioned, or there was no need");
	child_say(&c, "");
	out = child_end(&c, &status);
	ok(!r && !status && strstr(out, "calls "), "%s: let go and ended by itself", how);
	if (r || status)
		diag("run %d status %#x", r, status);
	free(out);
	free(argv[0]);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	one("strict", UPR_MODE_TRAP, 100, 0, true);
	one("kill", UPR_MODE_TRAP, 100, 0, true);
	one("errno", UPR_MODE_TRAP, 100, 0, true);
	one("trap", UPR_MODE_TRAP, 100, 0, true);
	/* stepping needs a copy, too: it falls back to computing */
	one("kill", UPR_MODE_STEP, 100, 0, true);
	/* the area was there before the filter; it cannot be given back afterwards */
	one("late", UPR_MODE_TRAP, 200, 200, true);
	one("late", UPR_MODE_STEP, 200, 200, true);
	/* another thread is asked */
	one("thread", UPR_MODE_TRAP, 100, 100, false);
	return done_testing();
}
