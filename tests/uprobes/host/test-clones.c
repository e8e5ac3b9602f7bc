// SPDX-License-Identifier: GPL-2.0
/*
 * test-clones.c - children in every flavour are followed, and every call in them is counted once.
 */
#include "drive.h"
#include "../tap.h"

#include <sys/wait.h>

static const struct {
	const char *how;
	const char *rounds;
	const char *what;
	/* the program is interrupted between a call and its own count of it */
	bool at_least;
} flavours[] = {
	{ "fork", "50", "fork" },
	{ "vfork", "50", "vfork and exec" },
	{ "vfork-exit", "50", "vfork and exit" },
	{ "spawn", "50", "posix_spawn" },
	{ "thread", "200", "threads" },
	{ "vm", "50", "a process that shares the memory" },
	{ "vm-nosignal", "50", "the same without a signal at its end" },
	{ "vm-vfork", "50", "clone with VM and VFORK" },
	{ "copy-nosignal", "50", "a copy without a signal at its end" },
	{ "copy-vfork", "50", "a copy whose parent waits" },
	{ "clone3", "50", "clone3" },
	{ "clone3-clear", "50", "clone3 with cleared handlers" },
	{ "parent", "50", "a child of its parent's parent" },
	{ "thread-exec", "50", "exec by another than the first thread" },
	{ "thread-exec-busy", "20", "the same while others are busy", true },
	{ "exit-storm", "50", "threads that end as fast as they are made" },
	{ "leader-exits", "50", "a first thread that ends before the others" },
	{ "killed", "100", "children killed at any moment" },
};

static void one(unsigned int i, enum upr_mode mode, const char *mode_name)
{
	char *argv[] = {
		strdup(target_path("target-clones")), (char *)flavours[i].how, (char *)flavours[i].rounds, NULL,
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
		ok(!r && !d.wstatus && drive_hits(p) == own && own > 0, "%s, %s: %lld calls", flavours[i].what, mode_name,
		   own);
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

int main(int argc, char **argv)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(flavours); i++) {
		if (argc > 1 && strcmp(argv[1], flavours[i].how))
			continue;
		one(i, UPR_MODE_TRAP, "one trap");
		one(i, UPR_MODE_STEP, "stepped");
	}
	return done_testing();
}
