// SPDX-License-Identifier: GPL-2.0
/*
 * bench-hits.c - what a hit costs: mainline uprobes through perf, and us, in one run.
 *
 * bench-hits [--json]
 *
 * Same program, same functions.  A figure is (time of the whole command with the
 * probe - time of the program alone) / hits, the best of REPEAT runs (environment; default 3), rivals
 * taking turns.  Everything runs twice: command and tool on CPU 0, as under
 * `taskset -c 0`, and wherever the scheduler puts them.  The goals refer to the first, and to
 * mainline's cost of a probe on an instruction that it must single-step.
 *
 * Rows that this machine cannot run are skipped by name.  $O/bench-hits.json gets the
 * same figures, one object a line (--json: on standard output, instead of the table).
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GROUP	 "uprobe_bench"
#define GOAL_ONE 1.3 /* one trap a hit: emulated or boosted */
#define GOAL_TWO 3.2 /* stepped */

enum rival {
	MAINLINE,
	TRAP,
	STEP,
	NR_RIVALS,
};

static const char *const rival_names[] = {"mainline", "trap", "step"};

/* A function to probe; @nr_threads call it @calls times in all. */
struct subject {
	const char *entry;
	const char *what;
	int threads;
};

static const struct subject subjects[] = {
	{"lea", "lea: mainline single-steps", 1},
	{"riprel", "mov off(%rip): mainline steps", 1},
	{"endbr", "endbr64", 1},
	{"nop", "nop", 1},
	{"push", "push %rbp", 1},
	{"push", "push %rbp, two threads", 2},
	{"lea", "lea, two threads", 2},
};

#define NR_SUBJECTS (sizeof(subjects) / sizeof(subjects[0]))

struct figure {
	double ns;	   /* a hit; < 0: none */
	char way[16];	   /* how it was executed */
	char skipped[128]; /* why there is none */
};

static char tool[PATH_MAX], target[PATH_MAX], scratch[PATH_MAX];
static const char *no_mainline;
static struct figure figures[2][NR_SUBJECTS][NR_RIVALS];

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* Seconds that a command takes; its output goes nowhere.  Negative: it failed. */
static double run(const char *const *argv, int pinned)
{
	double start = now();
	int status;
	pid_t pid = fork();

	if (!pid) {
		int null = open("/dev/null", O_RDWR);
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(0, &set);
		if (pinned && sched_setaffinity(0, sizeof(set), &set))
			_exit(126);
		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		return -1;
	return now() - start;
}

/* --- mainline's events ------------------------------------------------------ */

static void remove_events(void)
{
	static const char *const argv[] = {"perf", "probe", "-q", "-d", GROUP ":*", NULL};

	if (!no_mainline)
		run(argv, 0);
}

static void on_signal(int sig)
{
	remove_events();
	_exit(128 + sig);
}

static const char *why_no_mainline(void)
{
	static const char *const version[] = {"perf", "--version", NULL};
	static const char list[] = "/sys/kernel/tracing/uprobe_events";

	if (geteuid())
		return "not root";
	if (run(version, 0) < 0)
		return "perf is not installed";
	if (access(list, W_OK) && (mount("nodev", "/sys/kernel/tracing", "tracefs", 0, NULL) || access(list, W_OK)))
		return "this kernel has no uprobe_events";
	return NULL;
}

static void define_event(const char *entry)
{
	char def[128];
	const char *const argv[] = {"perf", "probe", "-q", "-x", target, def, NULL};

	snprintf(def, sizeof(def), GROUP ":%s=entry_%s", entry, entry);
	run(argv, 0);
}

static void define_events(void)
{
	size_t i, j;

	no_mainline = why_no_mainline();
	if (no_mainline)
		return;
	remove_events();
	atexit(remove_events);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	for (i = 0; i < NR_SUBJECTS; i++) {
		for (j = 0; j < i && strcmp(subjects[j].entry, subjects[i].entry); j++)
			;
		if (j == i)
			define_event(subjects[i].entry);
	}
}

/* --- one measurement --------------------------------------------------------- */

static double alone(const struct subject *s, long calls, int pinned)
{
	char n[24], t[8];
	const char *const argv[] = {target, s->entry, n, t, NULL};

	snprintf(n, sizeof(n), "%ld", calls / s->threads);
	snprintf(t, sizeof(t), "%d", s->threads);
	return run(argv, pinned);
}

static double probed(const struct subject *s, enum rival rival, long calls, int pinned)
{
	char n[24], t[8], event[64], def[64];
	const char *const perf[] = {"perf", "stat", "-x,",    "-o", scratch, "-e", event,
				    "--",   target, s->entry, n,    t,	     NULL};
	const char *const ours[] = {tool, "stat", "--json", "-o", scratch, "--mode", rival_names[rival],
				    "-x", target, def,	    "--", target,  s->entry, n,
				    t,	  NULL};

	snprintf(n, sizeof(n), "%ld", calls / s->threads);
	snprintf(t, sizeof(t), "%d", s->threads);
	snprintf(event, sizeof(event), GROUP ":%s", s->entry);
	snprintf(def, sizeof(def), "entry_%s", s->entry);
	return run(rival == MAINLINE ? perf : ours, pinned);
}

/* What the tool wrote: how many, and how. */
static int check_result(struct figure *f, enum rival rival, long calls)
{
	char line[1024] = "", *at;
	FILE *in = fopen(scratch, "r");
	long got = -1;

	while (in && fgets(line, sizeof(line), in)) {
		if (rival == MAINLINE && line[0] != '#' && sscanf(line, "%ld,", &got) == 1)
			break;
		at = strstr(line, "\"count\":");
		if (rival != MAINLINE && at) {
			sscanf(at, "\"count\":%ld", &got);
			at = strstr(line, "\"modes\":{\"");
			if (at)
				sscanf(at, "\"modes\":{\"%15[^\"]", f->way);
			break;
		}
	}
	if (in)
		fclose(in);
	if (got != calls)
		snprintf(f->skipped, sizeof(f->skipped), "counted %ld of %ld hits", got, calls);
	return got == calls;
}

/* Enough hits for a second or so, by a guess at what one costs. */
static long calls_for(enum rival rival, int pinned)
{
	if (rival == MAINLINE)
		return 100000;
	return rival == TRAP ? (pinned ? 60000 : 40000) : (pinned ? 24000 : 12000);
}

static void measure(const struct subject *s, enum rival rival, int pinned, struct figure *f)
{
	long calls = calls_for(rival, pinned);
	double with, without, ns;

	if (rival == MAINLINE && no_mainline) {
		snprintf(f->skipped, sizeof(f->skipped), "%s", no_mainline);
		return;
	}
	without = alone(s, calls, pinned);
	unlink(scratch);
	with = probed(s, rival, calls, pinned);
	if (with < 0 || without < 0) {
		snprintf(f->skipped, sizeof(f->skipped), "the command failed");
		return;
	}
	if (!check_result(f, rival, calls))
		return;
	ns = (with - without) / calls * 1e9;
	if (f->ns < 0 || ns < f->ns)
		f->ns = ns;
}

/* --- results ------------------------------------------------------------------- */

/* Mainline's single-stepped hit, the yardstick. */
static double yardstick(int unpinned)
{
	return figures[unpinned][0][MAINLINE].ns;
}

static const char *verdict(const struct figure *f, enum rival rival)
{
	double goal = rival == STEP ? GOAL_TWO : GOAL_ONE;

	if (rival == MAINLINE || f->ns < 0 || yardstick(0) <= 0)
		return "-";
	if (rival == TRAP && !strcmp(f->way, "step"))
		goal = GOAL_TWO;
	return f->ns <= goal * yardstick(0) ? "met" : "MISSED";
}

static void print_figure(const struct figure *f, int unpinned)
{
	if (f->ns < 0)
		printf(" %9s %7s", "-", "");
	else if (yardstick(unpinned) > 0)
		printf(" %9.0f %6.2fx", f->ns, f->ns / yardstick(unpinned));
	else
		printf(" %9.0f %7s", f->ns, "");
}

static void print_table(void)
{
	size_t i;
	int r;

	printf("\n%-30s %-9s %-8s %17s %-7s %17s\n", "", "", "", "on CPU 0", "", "unpinned");
	printf("%-30s %-9s %-8s %9s %7s %-7s %9s %7s\n", "first instruction", "rival", "way", "ns/hit", "ratio",
	       " goal", "ns/hit", "ratio");
	for (i = 0; i < NR_SUBJECTS; i++) {
		for (r = 0; r < NR_RIVALS; r++) {
			const struct figure *p = &figures[0][i][r], *u = &figures[1][i][r];

			printf("%-30s %-9s %-8s", r ? "" : subjects[i].what, rival_names[r], p->way);
			print_figure(p, 0);
			printf("  %-6s", verdict(p, r));
			print_figure(u, 1);
			if (*p->skipped)
				printf("  skipped: %s", p->skipped);
			putchar('\n');
		}
	}
	printf("\nratio: to mainline uprobes single-stepping (lea), measured in the same column\n");
	printf("goals on CPU 0: emulated or boosted at most %.1fx, stepped at most %.1fx\n", GOAL_ONE, GOAL_TWO);
}

static void print_json(FILE *out)
{
	size_t i;
	int r, u;

	for (u = 0; u < 2; u++) {
		for (i = 0; i < NR_SUBJECTS; i++) {
			for (r = 0; r < NR_RIVALS; r++) {
				const struct figure *f = &figures[u][i][r];

				fprintf(out, "{\"bench\":\"hits\",\"entry\":\"%s\",\"threads\":%d,\"rival\":\"%s\"",
					subjects[i].entry, subjects[i].threads, rival_names[r]);
				fprintf(out, ",\"way\":\"%s\",\"pinned\":%s", f->way, u ? "false" : "true");
				if (f->ns >= 0)
					fprintf(out, ",\"ns\":%.0f", f->ns);
				if (f->ns >= 0 && yardstick(u) > 0)
					fprintf(out, ",\"ratio\":%.3f", f->ns / yardstick(u));
				if (*f->skipped)
					fprintf(out, ",\"skipped\":\"%s\"", f->skipped);
				fputs("}\n", out);
			}
		}
	}
}

static void find(const char *dir, const char *name, char ret[PATH_MAX])
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (realpath(path, ret))
		return;
	fprintf(stderr, "bench-hits: %s is not built\n", path);
	exit(1);
}

static void prepare(void)
{
	const char *o = getenv("O");
	int i, j, k;

	if (!o)
		o = "build";
	find(o, "perf-uprobe", tool);
	find(o, "tests/targets/loop", target);
	snprintf(scratch, sizeof(scratch), "/tmp/bench-hits-%d", getpid());
	for (i = 0; i < 2; i++) {
		for (j = 0; j < (int)NR_SUBJECTS; j++) {
			for (k = 0; k < NR_RIVALS; k++)
				figures[i][j][k].ns = -1;
			/* what is known of mainline's ways on these instructions */
			strcpy(figures[i][j][MAINLINE].way,
			       strcmp(subjects[j].entry, "push") && strcmp(subjects[j].entry, "nop") ? "step" :
												       "emulate");
		}
	}
}

int main(int argc, char **argv)
{
	int json = argc > 1 && !strcmp(argv[1], "--json");
	int repeat = getenv("REPEAT") ? atoi(getenv("REPEAT")) : 3;
	char path[PATH_MAX + 32];
	size_t i;
	int n, r, u;
	FILE *twin;

	prepare();
	define_events();
	for (u = 0; u < 2; u++) {
		for (i = 0; i < NR_SUBJECTS; i++) {
			for (n = 0; n < repeat; n++)
				for (r = 0; r < NR_RIVALS; r++)
					measure(&subjects[i], r, !u, &figures[u][i][r]);
			if (isatty(2))
				fprintf(stderr, "\rbench-hits: %zu of %zu\033[K", u * NR_SUBJECTS + i + 1,
					2 * NR_SUBJECTS);
		}
	}
	if (isatty(2))
		fputs("\r\033[K", stderr);
	unlink(scratch);
	if (json)
		print_json(stdout);
	else
		print_table();
	snprintf(path, sizeof(path), "%s/bench-hits.json", getenv("O") ? getenv("O") : "build");
	twin = fopen(path, "w");
	if (twin) {
		print_json(twin);
		fclose(twin);
	}
	return 0;
}
