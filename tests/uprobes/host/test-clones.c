// SPDX-License-Identifier: GPL-2.0
/*
 * test-clones.c - children in every flavour are followed, and every call in them is counted once.
 */
#include "child.h"
#include "drive.h"
#include "../tap.h"

#include <signal.h>
#include <sys/wait.h>

static const struct {
	const char *how;
	const char *rounds;
	const char *what;
	/* the program is interrupted between a call and its own count of it */
	bool at_least;
} flavours[] = {
	{"fork", "50", "fork"},
	{"vfork", "50", "vfork and exec"},
	{"vfork-exit", "50", "vfork and exit"},
	{"spawn", "50", "posix_spawn"},
	{"thread", "200", "threads"},
	{"vm", "50", "a process that shares the memory"},
	{"vm-nosignal", "50", "the same without a signal at its end"},
	{"vm-vfork", "50", "clone with VM and VFORK"},
	{"copy-nosignal", "50", "a copy without a signal at its end"},
	{"copy-vfork", "50", "a copy whose parent waits"},
	{"clone3", "50", "clone3"},
	{"clone3-clear", "50", "clone3 with cleared handlers"},
	{"parent", "50", "a child of its parent's parent"},
	{"thread-exec", "50", "exec by another than the first thread"},
	{"thread-exec-busy", "20", "the same while others are busy", true},
	{"exit-storm", "50", "threads that end as fast as they are made"},
	{"leader-exits", "50", "a first thread that ends before the others"},
	{"killed", "100", "children killed at any moment"},
};

static void one(unsigned int i, enum upr_mode mode, const char *mode_name)
{
	char *argv[] = {
		strdup(target_path("target-clones")),
		(char *)flavours[i].how,
		(char *)flavours[i].rounds,
		NULL,
	};
	struct drive_probe *p;
	struct drive d;
	long long own = -1;
	char *out;
	int fd, saved, r;

	drive_open(&d, mode, NULL);
	p = drive_count(&d, "target-clones", "counted");
	fd = pipe_stdout(&saved);
	r = drive_spawn(&d, argv);
	if (!r)
		r = drive_until_end(&d, 60000);
	out = drain_stdout(fd, saved);
	sscanf(out, "calls %lld", &own);
	if (!flavours[i].at_least)
		ok(!r && !d.wstatus && drive_hits(p) == own && own > 0, "%s, %s: %lld calls", flavours[i].what,
		   mode_name, own);
	else
		ok(!r && !d.wstatus && drive_hits(p) >= own && own > 0, "%s, %s: at least %lld calls", flavours[i].what,
		   mode_name, own);
	if (r || d.wstatus || drive_hits(p) != own)
		diag("run %d, status %#x, hits %lld, own count %lld", r, d.wstatus, (long long)drive_hits(p), own);
	r = drive_close(&d);
	if (r)
		ok(0, "%s: let go (%d)", flavours[i].what, r);
	free(out);
	free(argv[0]);
}

static bool some_hits(void *data)
{
	return drive_hits(data) >= 20;
}

/* Attached to when a vfork is in flight, and let go when one is. */
static void vfork_in_flight(enum upr_mode mode, const char *name)
{
	char *argv[] = {strdup(target_path("target-clones")), "slow-vfork", "7", NULL}, *out;
	struct drive_probe *p;
	struct child c;
	struct drive d;
	int i, status, r = 0;

	child_start(&c, argv);
	for (i = 0; i < 3 && !r; i++) {
		drive_open(&d, mode, NULL);
		p = drive_count(&d, "target-clones", "counted");
		r = drive_attach(&d, c.pid);
		if (!r && !drive_until(&d, some_hits, p, 5000))
			r = 1;
		r |= drive_close(&d);
	}
	is_int(r, 0, "attached while a vfork was in flight, and let go so");
	out = child_end(&c, &status);
	ok(!status && strstr(out, "calls 2114"), "and nothing happened to it, %s", name);
	if (status)
		diag("status %#x: %s", status, out);
	free(out);
	free(argv[0]);
}

/* Its first thread ends while we look, and is let go dead. */
static void outlived(void)
{
	char *argv[] = {strdup(target_path("target-clones")), "outlived", "1", NULL};
	struct drive_probe *p;
	struct child c;
	struct drive d;
	int status;
	u64 start;

	child_start(&c, argv);
	drive_open(&d, UPR_MODE_TRAP, NULL);
	p = drive_count(&d, "target-clones", "counted");
	is_int(drive_attach(&d, c.pid), 0, "attached to a process whose first thread is about to end");
	drive_for(&d, 200);
	child_say(&c, "0123456789012345678");
	ok(drive_until(&d, some_hits, p, 5000), "the other goes on being counted");
	start = now_ms();
	is_int(drive_close(&d), 0, "let go");
	ok(now_ms() - start < 2000, "at once");
	free(child_end(&c, &status));
	is_int(status, 0, "and it ended by itself");
	free(argv[0]);
}

int main(int argc, char **argv)
{
	unsigned int i;

	signal(SIGPIPE, SIG_IGN);
	vfork_in_flight(UPR_MODE_TRAP, "one trap");
	vfork_in_flight(UPR_MODE_STEP, "stepped");
	outlived();

	for (i = 0; i < ARRAY_SIZE(flavours); i++) {
		if (argc > 1 && strcmp(argv[1], flavours[i].how))
			continue;
		one(i, UPR_MODE_TRAP, "one trap");
		one(i, UPR_MODE_STEP, "stepped");
	}
	return done_testing();
}
