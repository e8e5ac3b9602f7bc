// SPDX-License-Identifier: GPL-2.0
/*
 * test-32.c - a 32-bit program under a 64-bit tool.
 */
#include "child.h"
#include "drive.h"
#include "../tap.h"

#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

static void add_probes(struct drive *d)
{
	drive_count(d, "start32", "computed");
	drive_count(d, "start32", "copied");
	drive_count(d, "start32", "caller");
}

static void spawned(enum upr_mode mode, const char *name)
{
	char *argv[] = {strdup(target_path("start32")), NULL};
	struct drive d;
	int r;

	drive_open(&d, mode, NULL);
	add_probes(&d);
	r = drive_spawn(&d, argv);
	if (!r)
		r = drive_until_end(&d, 30000);
	ok(!r && d.wstatus == 7 << 8, "a 32-bit program and its child, %s: ended as by itself", name);
	is_int(drive_hits(&d.probes[0]), 4000, "what can be computed");
	is_int(drive_hits(&d.probes[1]), 2000, "what needs a copy");
	is_int(drive_hits(&d.probes[2]), 2000, "a call");
	is_int(drive_close(&d), 0, "let go");
	free(argv[0]);
}

/* posix_spawn returns when the old memory is gone, the new program is not there yet */
static void await_mapped(pid_t pid)
{
	u64 end = now_ms() + 5000;
	bool mapped = false;

	while (!mapped && now_ms() < end) {
		char *maps = read_proc(pid, "maps");

		mapped = strstr(maps, "[vdso]");
		free(maps);
		sched_yield();
	}
}

static void attached(void)
{
	char *argv[] = {strdup(target_path("start32")), "forever", NULL};
	int i, bad = 0, status = 0;
	unsigned char *before, *after;
	size_t len, len_after;
	s64 hits = 0;
	pid_t pid;

	if (posix_spawn(&pid, argv[0], NULL, NULL, argv, environ))
		abort();
	await_mapped(pid);
	before = read_text(pid, &len);
	for (i = 0; i < 100 && !bad; i++) {
		struct drive d;

		drive_open(&d, i % 2 ? UPR_MODE_STEP : UPR_MODE_TRAP, NULL);
		add_probes(&d);
		bad |= drive_attach(&d, pid);
		drive_for(&d, 3);
		hits += drive_hits(&d.probes[0]);
		bad |= drive_close(&d);
	}
	after = read_text(pid, &len_after);
	ok(!bad && hits > 0, "attached to and let go 100 times (%lld hits)", (long long)hits);
	ok(len && len == len_after && !memcmp(before, after, len), "its text is what it was");
	is_int(waitpid(pid, &status, WNOHANG), 0, "it runs on");
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	free(before);
	free(after);
	free(argv[0]);
}

int main(void)
{
	const char *why = no_32();

	if (why)
		skip_all(why);
	spawned(UPR_MODE_TRAP, "one trap");
	spawned(UPR_MODE_STEP, "stepped");
	attached();
	return done_testing();
}
