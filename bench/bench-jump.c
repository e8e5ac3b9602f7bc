// SPDX-License-Identifier: GPL-2.0
/*
 * bench-jump.c - what a hit adds to a call: our jumps, mainline uprobes through perf, our
 * traps, and a bare SIGTRAP handler, in one run on the same functions.
 *
 * bench-jump [--json]
 *
 * The program called (calls.c) measures itself: function and unprobed twin in turn, the median
 * of 7 differences.  Nothing of the tools' start and end is in it.  Every count must
 * be what the program says, else there is no figure.  REPEAT in the environment: the best of
 * so many runs (default 1); MS: length of a sample (30).
 *
 * Prints ratios and goals and never fails for a goal.  Rows that this machine cannot run are
 * skipped by name.  $O/bench-jump.json gets the same figures, one object a line.
 */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#define GROUP	    "uprobe_bench_jump"
#define GOAL_NS	    1.5
#define GOAL_PUSH   300 /* times cheaper than mainline's */
#define GOAL_NOP5   200
#define NR(a)	    (sizeof(a) / sizeof((a)[0]))
#define RUN_SECONDS 120
#define NO_FIGURE   -1e9

enum rival {
	JUMP,
	MAINLINE,
	TRAP,
	SIGTRAP_HANDLER,
	NR_RIVALS,
};

static const char *const rivals[] = {"jump", "mainline", "trap", "SIGTRAP"};

static const struct subject {
	const char *name; /* for calls.c */
	const char *function;
	const char *file;
	const char *what;
	int threads;
} subjects[] = {
	{"push", "call_push", "calls", "push %rbp", 1},
	{"lea", "call_lea", "calls", "lea", 1},
	{"short", "call_short", "calls", "function of 4 bytes", 1},
	{"endbr", "call_endbr", "calls", "endbr64", 1},
	{"nop5", "call_nop5", "calls", "nop of 5 bytes", 1},
	{"lib", "call_lib", "libcalls.so", "library function", 1},
	{"push", "call_push", "calls", "push %rbp, two threads", 2},
};

enum {
	PUSH = 0,
	NOP5 = 4,
	TWO_THREADS = 6,
};

struct figure {
	double ns;
	char way[16];
	char skipped[160];
};

static struct figure figures[NR(subjects)][NR_RIVALS];
static char dir[PATH_MAX], tool[PATH_MAX], program[PATH_MAX], scratch[64], output[64];
static char no_mainline[64], no_jump[160];

/* --- running things ------------------------------------------------------------- */

/* Its output goes to @output.  Return: its status, or -1. */
static int run(const char *const *argv)
{
	int status, out, null;
	pid_t pid = fork();

	if (!pid) {
		out = open(output, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		null = open("/dev/null", O_RDWR);
		dup2(null, 0);
		dup2(out, 1);
		dup2(out, 2);
		alarm(RUN_SECONDS);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

/* The first line of a file that begins with @key and what follows it; NULL: none. */
static char *line_of(const char *path, const char *key, char *line, size_t size)
{
	FILE *in = fopen(path, "r");
	char *found = NULL;

	while (in && !found && fgets(line, size, in)) {
		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, key, strlen(key)))
			found = line + strlen(key);
	}
	if (in)
		fclose(in);
	return found;
}

/* --- mainline's events ------------------------------------------------------------- */

static void remove_events(void)
{
	static const char *const argv[] = {"perf", "probe", "-q", "-d", GROUP ":*", NULL};

	if (!*no_mainline)
		run(argv);
}

static void on_signal(int sig)
{
	remove_events();
	_exit(128 + sig);
}

static void why_no_mainline(void)
{
	static const char *const version[] = {"perf", "--version", NULL};
	static const char list[] = "/sys/kernel/tracing/uprobe_events";
	const char *why = "";

	if (geteuid())
		why = "not root";
	else if (run(version))
		why = "perf is not installed";
	else if (access(list, W_OK) &&
		 (mount("nodev", "/sys/kernel/tracing", "tracefs", 0, NULL) || access(list, W_OK)))
		why = "this kernel has no uprobe_events";
	snprintf(no_mainline, sizeof(no_mainline), "%s", why);
}

static void define_events(void)
{
	char def[128], file[PATH_MAX + 32];
	const char *const argv[] = {"perf", "probe", "-q", "-x", file, def, NULL};
	size_t i;

	remove_events();
	atexit(remove_events);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	for (i = 0; i < TWO_THREADS; i++) {
		snprintf(file, sizeof(file), "%s/%s", dir, subjects[i].file);
		snprintf(def, sizeof(def), GROUP ":%s=%s", subjects[i].function, subjects[i].function);
		run(argv);
	}
}

/* --- one measurement ------------------------------------------------------------------ */

static long counted(enum rival rival, struct figure *f)
{
	char line[1024], *at;
	FILE *in = fopen(scratch, "r");
	long got = -1;

	while (in && got < 0 && fgets(line, sizeof(line), in)) {
		if (rival == MAINLINE) {
			if (line[0] != '#')
				sscanf(line, "%ld,", &got);
			continue;
		}
		at = strstr(line, "\"count\":");
		if (at)
			sscanf(at, "\"count\":%ld", &got);
		at = strstr(line, "\"modes\":{\"");
		if (at)
			sscanf(at, "\"modes\":{\"%15[^\"]", f->way);
	}
	if (in)
		fclose(in);
	return got;
}

static void measure(const struct subject *s, enum rival rival, struct figure *f)
{
	const char *ms = getenv("MS") ? getenv("MS") : "30";
	char threads[8], event[96], file[PATH_MAX + 32], line[256], *at;
	const char *const perf[] = {"perf", "stat",  "-x,",   "-o", scratch, "-e", event,
				    "--",   program, s->name, ms,   threads, NULL};
	const char *const ours[] = {tool, "stat",      "--json", "-o",	  scratch, "--mode", rivals[rival], "-x",
				    file, s->function, "--",	 program, s->name, ms,	     threads,	    NULL};
	const char *const bare[] = {program, "sigtrap", ms, threads, NULL};
	double ns;
	long calls, got;
	int status;

	snprintf(threads, sizeof(threads), "%d", s->threads);
	snprintf(event, sizeof(event), GROUP ":%s", s->function);
	snprintf(file, sizeof(file), "%s/%s", dir, s->file);
	unlink(scratch);
	status = run(rival == MAINLINE ? perf : rival == SIGTRAP_HANDLER ? bare : ours);
	at = line_of(output, "ns ", line, sizeof(line));
	ns = at ? atof(at) : NO_FIGURE;
	at = line_of(output, "calls ", line, sizeof(line));
	calls = at ? atol(at) : -2;
	if (status || calls < 0) {
		snprintf(f->skipped, sizeof(f->skipped), "the command failed (status %d)", status);
		return;
	}
	got = rival == SIGTRAP_HANDLER ? calls : counted(rival, f);
	if (got != calls)
		snprintf(f->skipped, sizeof(f->skipped), "counted %ld of %ld calls", got, calls);
	else if (f->ns == NO_FIGURE || ns < f->ns)
		f->ns = ns;
}

static const char *why_not(enum rival rival)
{
	return rival == MAINLINE ? no_mainline : rival == JUMP ? no_jump : "";
}

/* Does the tool make jumps? */
static void why_no_jump(void)
{
	char line[512], *at;
	const char *const argv[] = {tool,    "stat",	  "-o", scratch, "--mode", "jump", "-x",
				    program, "call_push", "--", program, "push",   "1",	   NULL};

	if (!run(argv))
		return;
	at = line_of(output, "perf-uprobe: ", line, sizeof(line));
	snprintf(no_jump, sizeof(no_jump), "%.150s", at ? at : "perf-uprobe stat --mode jump fails");
}

/* --- results ---------------------------------------------------------------------------- */

static int has(int subject, enum rival rival)
{
	return figures[subject][rival].ns != NO_FIGURE;
}

/* what a ratio is taken to: a figure below a tenth of a nanosecond, or below none, is noise */
static double measurable(double ns)
{
	return ns > 0.1 ? ns : 0.1;
}

static void print_table(void)
{
	size_t i;
	int r;

	printf("\nns that a hit adds to a call\n%-24s", "first instruction");
	for (r = 0; r < NR_RIVALS; r++)
		printf(" %10s", rivals[r]);
	printf("   %s\n", "mainline/jump  trap/jump");
	for (i = 0; i < NR(subjects); i++) {
		printf("%-24s", subjects[i].what);
		for (r = 0; r < NR_RIVALS; r++) {
			if (has(i, r))
				printf(" %10.*f", r == JUMP ? 2 : 0, figures[i][r].ns);
			else
				printf(" %10s", "-");
		}
		for (r = MAINLINE; r <= TRAP; r++)
			if (has(i, JUMP) && has(i, r))
				printf(" %11.0fx", figures[i][r].ns / measurable(figures[i][JUMP].ns));
		putchar('\n');
	}
	for (r = 0; r < NR_RIVALS; r++) {
		if (*why_not(r))
			printf("skipped: %s: %s\n", rivals[r], why_not(r));
		for (i = 0; i < NR(subjects) && !*why_not(r); i++)
			if (!has(i, r))
				printf("skipped: %s, %s: %s\n", subjects[i].what, rivals[r], figures[i][r].skipped);
	}
}

static void print_goal(const char *what, int known, int met, double value, const char *unit)
{
	printf("goal: %-62s %s", what, !known ? "not measured\n" : met ? "met" : "MISSED");
	if (known)
		printf(" (%.2f%s)\n", value, unit);
}

static void print_goals(void)
{
	double jump = measurable(figures[PUSH][JUMP].ns), worst = NO_FIGURE, two = figures[TWO_THREADS][JUMP].ns;
	int i;

	for (i = 0; i < TWO_THREADS; i++)
		if (figures[i][JUMP].ns > worst)
			worst = figures[i][JUMP].ns;
	putchar('\n');
	print_goal("a jump adds at most 1.5 ns, on whatever function", has(PUSH, JUMP), worst <= GOAL_NS, worst, " ns");
	print_goal("the same with two threads on one function", has(TWO_THREADS, JUMP), two <= GOAL_NS, two, " ns");
	print_goal("300 times cheaper than mainline on push", has(PUSH, JUMP) && has(PUSH, MAINLINE),
		   figures[PUSH][MAINLINE].ns >= GOAL_PUSH * jump, figures[PUSH][MAINLINE].ns / jump, "x");
	jump = measurable(figures[NOP5][JUMP].ns);
	print_goal("200 times cheaper than mainline on a nop of 5 bytes", has(NOP5, JUMP) && has(NOP5, MAINLINE),
		   figures[NOP5][MAINLINE].ns >= GOAL_NOP5 * jump, figures[NOP5][MAINLINE].ns / jump, "x");
}

static void print_json(FILE *out)
{
	size_t i;
	int r;

	for (i = 0; i < NR(subjects); i++) {
		for (r = 0; r < NR_RIVALS; r++) {
			const struct figure *f = &figures[i][r];

			fprintf(out,
				"{\"bench\":\"jump\",\"entry\":\"%s\",\"threads\":%d,\"rival\":\"%s\",\"way\":\"%s\"",
				subjects[i].name, subjects[i].threads, rivals[r], f->way);
			if (has(i, r))
				fprintf(out, ",\"ns\":%.3f", f->ns);
			else
				fprintf(out, ",\"skipped\":\"%s\"", f->skipped);
			fputs("}\n", out);
		}
	}
}

/* --- all of it ------------------------------------------------------------------------------ */

static void find(const char *name, char *ret)
{
	if (realpath(name, ret))
		return;
	fprintf(stderr, "bench-jump: %s is not built\n", name);
	exit(1);
}

static void prepare(void)
{
	const char *o = getenv("O") ? getenv("O") : "build";
	char path[PATH_MAX];
	size_t i;
	int r;

	snprintf(path, sizeof(path), "%s/perf-uprobe", o);
	find(path, tool);
	snprintf(path, sizeof(path), "%s/bench", o);
	find(path, dir);
	snprintf(path, sizeof(path), "%s/bench/calls", o);
	find(path, program);
	snprintf(scratch, sizeof(scratch), "/tmp/bench-jump-%d", getpid());
	snprintf(output, sizeof(output), "/tmp/bench-jump-%d.out", getpid());
	for (i = 0; i < NR(subjects); i++)
		for (r = 0; r < NR_RIVALS; r++)
			figures[i][r].ns = NO_FIGURE;
}

int main(int argc, char **argv)
{
	int json = argc > 1 && !strcmp(argv[1], "--json"), repeat = getenv("REPEAT") ? atoi(getenv("REPEAT")) : 1, n, r;
	char path[PATH_MAX + 32];
	size_t i;
	FILE *twin;

	prepare();
	why_no_mainline();
	why_no_jump();
	if (!*no_mainline)
		define_events();
	for (i = 0; i < NR(subjects); i++) {
		for (n = 0; n < repeat; n++) {
			for (r = 0; r < NR_RIVALS; r++) {
				if (!*why_not(r))
					measure(&subjects[i], r, &figures[i][r]);
				else
					snprintf(figures[i][r].skipped, sizeof(figures[i][r].skipped), "%s",
						 why_not(r));
			}
		}
	}
	unlink(scratch);
	if (json) {
		print_json(stdout);
	} else {
		print_table();
		print_goals();
	}
	snprintf(path, sizeof(path), "%s/bench-jump.json", getenv("O") ? getenv("O") : "build");
	twin = fopen(path, "w");
	if (twin) {
		print_json(twin);
		fclose(twin);
	}
	unlink(output);
	return 0;
}
