// SPDX-License-Identifier: GPL-2.0
/*
 * test-attach.c - attaching to running programs and letting them go, again and again.
 *
 * Nothing of it may show: no EINTR in any blocking call, no wrong result, text and
 * maps byte for byte what they were.  ROUNDS in the environment: how often (1000).
 */
#include "child.h"
#include "drive.h"
#include "../tap.h"

#include <dirent.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* for a message; the tests want all of it */
static const char *first_line(const char *text)
{
	static char line[256];

	snprintf(line, sizeof(line), "%.*s", (int)strcspn(text, "\n"), text);
	return line;
}

static int rounds(int dflt)
{
	const char *s = getenv("ROUNDS");

	return s ? atoi(s) : dflt;
}

struct view {
	char *maps;
	unsigned char *text;
	size_t len;
};

static void look(struct view *v, pid_t pid)
{
	v->maps = read_proc(pid, "maps");
	v->text = read_text(pid, &v->len);
}

static bool same(const struct view *a, const struct view *b)
{
	return a->len == b->len && a->text && !memcmp(a->text, b->text, a->len) && !strcmp(a->maps, b->maps);
}

static void unlook(struct view *v)
{
	free(v->maps);
	free(v->text);
}

/* Attach, run a little, detach.  Return: 0 fine. */
static int once(pid_t pid, enum upr_mode mode, const char *const *sites, unsigned int ms, s64 *hits)
{
	struct drive d;
	unsigned int i;
	int r;

	drive_open(&d, mode, NULL);
	for (i = 0; sites[i]; i += 2)
		drive_count(&d, sites[i], sites[i + 1]);
	r = drive_attach(&d, pid);
	if (!r)
		drive_for(&d, ms);
	for (i = 0; i < d.nr_probes; i++)
		*hits += drive_hits(&d.probes[i]);
	return drive_close(&d) | r;
}

static void cycle(const char *what, pid_t pid, int nr, const char *const *sites, unsigned int ms, bool compare_maps)
{
	struct view before, after;
	int i, bad = 0, changed = 0;
	s64 hits = 0;

	look(&before, pid);
	for (i = 0; i < nr; i++) {
		int r = once(pid, i % 3 == 2 ? UPR_MODE_STEP : UPR_MODE_TRAP, sites, ms, &hits);

		if (r) {
			diag("round %d: %d", i, r);
			bad++;
			break;
		}
		if (i % 50 && i != nr - 1)
			continue;
		look(&after, pid);
		if (!compare_maps) {
			free(after.maps);
			after.maps = strdup(before.maps);
		}
		changed += !same(&before, &after);
		unlook(&after);
	}
	unlook(&before);
	is_int(bad, 0, what);
	is_int(changed, 0, "text and maps are what they were, byte for byte");
	ok(hits > 0, "probes were hit meanwhile (%lld times)", (long long)hits);
	ok(untraced(pid), "nobody traces it any more");
}

static void test_busy(void)
{
	static const char *const sites[] = {
		"target-busy", "busy_leaf", "target-busy", "busy_tree", NULL,
	};
	char *argv[] = {strdup(target_path("target-busy")), "8", NULL};
	struct child c;
	char *out;
	int status;

	child_start(&c, argv);
	cycle("a busy process of 9 threads: attached and let go", c.pid, rounds(1000), sites, 1, true);
	out = child_end(&c, &status);
	ok(!strcmp(out, "bad 0 spawned 0\n") && !status, "no result was wrong, it ended by itself: %s",
	   first_line(out));
	free(out);
	free(argv[0]);
}

static void test_spawner(void)
{
	static const char *const sites[] = {
		"target-busy", "busy_leaf", "target-busy", "busy_tree", "libc.so.6",
		"posix_spawn", "libc.so.6", "waitpid",	   NULL,
	};
	char *argv[] = {strdup(target_path("target-busy")), "1", "spawn", NULL};
	struct child c;
	char *out;
	int status;

	child_start(&c, argv);
	cycle("a loop of posix_spawn: attached and let go", c.pid, rounds(1000), sites, 1, false);
	out = child_end(&c, &status);
	ok(!strncmp(out, "bad 0 ", 6) && !status, "no child failed, it ended by itself: %s", first_line(out));
	free(out);
	free(argv[0]);
}

static void test_shell(void)
{
	static const char *const sites[] = {
		"libc.so.6", "malloc", "libc.so.6", "fork", "libc.so.6", "waitpid",
		"libc.so.6", "_exit",  "libc.so.6", "read", NULL,
	};
	static const char script[] = "echo $$; i=0; while [ -e $0 ]; do x=$(echo $i | cat); "
				     "[ \"$x\" = $i ] || echo bad; i=$((i+1)); done; echo end";
	char flag[] = "/tmp/shell-loop-XXXXXX", *argv[] = {"/bin/sh", "-c", (char *)script, flag, NULL}, *out;
	struct child c;
	int status;

	close(mkstemp(flag));
	child_start(&c, argv);
	cycle("a shell in a loop of forks: attached and let go", c.pid, rounds(1000), sites, 1, false);
	unlink(flag);
	out = child_end(&c, &status);
	ok(!strcmp(out, "end\n") && !status, "the shell noticed nothing: %s", first_line(out));
	free(out);
}

static void test_blocked(void)
{
	static const char *const sites[] = {"target-blocked", "went_round", NULL};
	char *argv[] = {strdup(target_path("target-blocked")), NULL};
	int n = rounds(1000) / 5;
	struct child c;
	char *out;
	int status;

	child_start(&c, argv);
	cycle("a thread in each kind of blocking call: attached and let go", c.pid, n, sites, 5, true);
	out = child_end(&c, &status);
	ok(!strncmp(out, "calls ", 6) && !status, "no call has returned EINTR: %s", first_line(out));
	free(out);
	free(argv[0]);
}

/* --- while its files are looked at ------------------------------------------- */

/* Does some thread stand in a stop of ours? */
static bool any_stands(pid_t pid)
{
	char path[64], *stat;
	struct dirent *e;
	bool stands = false;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "task/%.20s/stat", e->d_name);
		stat = read_proc(pid, path);
		/* PID (NAME) STATE */
		stands |= stat && strrchr(stat, ')') && strrchr(stat, ')')[2] == 't';
		free(stat);
	}
	if (dir)
		closedir(dir);
	return stands;
}

static unsigned int looked, stood;

/* A file that is met for the first time may take seconds to analyse. */
static void all_run(struct drive *d, int pid)
{
	unsigned int ms;

	(void)d;
	for (ms = 0; any_stands(pid) && ms < 2000; ms++)
		usleep(1000);
	looked++;
	stood += ms == 2000;
}

static void test_runs_on(void)
{
	char *argv[] = {strdup(target_path("target-busy")), "8", NULL};
	struct drive_probe *p;
	struct child c;
	struct drive d;
	int status;

	child_start(&c, argv);
	drive_open(&d, UPR_MODE_TRAP, NULL);
	d.mapped = all_run;
	p = drive_count(&d, "target-busy", "busy_leaf");
	is_int(drive_attach(&d, c.pid), 0, "attached to a process of 9 threads");
	ok(looked > 1, "%u of its files were looked at", looked);
	is_int(stood, 0, "its threads ran meanwhile");
	drive_for(&d, 20);
	ok(drive_hits(p) > 0, "a probe was hit (%lld times)", (long long)drive_hits(p));
	is_int(drive_close(&d), 0, "let go");
	free(child_end(&c, &status));
	free(argv[0]);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	test_runs_on();
	test_busy();
	test_spawner();
	test_shell();
	test_blocked();
	return done_testing();
}
