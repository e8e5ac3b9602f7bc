// SPDX-License-Identifier: GPL-2.0
/*
 * test-process.c - starting, executing, permissions, and the tool's own signals.
 */
#include "child.h"
#include "drive.h"
#include "../tap.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534

/* --- commands that cannot be started ---------------------------------------------- */

static void no_start(const char *name, int status, const char *what)
{
	char *argv[] = {(char *)name, NULL};
	struct drive d;
	int pid = 0, r;

	drive_open(&d, UPR_MODE_TRAP, NULL);
	r = upr_home_spawn(d.home, argv, &pid, &d.why);
	ok(r < 0 && d.why.status == status, "%s: status %d", what, status);
	ok(d.why.text[0] && !strchr(d.why.text, '\n'), "and a sentence: %s", d.why.text);
	drive_close(&d);
}

static void test_no_start(void)
{
	char script[] = "/tmp/no-start-XXXXXX";
	int fd;

	no_start("/nonexistent/command", 127, "a path that does not exist");
	no_start("no-such-command-anywhere", 127, "a name that is not found");
	no_start("/tmp", 126, "a directory");
	fd = mkstemp(script);
	if (write(fd, "junk\n", 5) != 5)
		abort();
	close(fd);
	if (getuid())
		no_start(script, 126, "a file that is not executable");
	else
		skip("a file that is not executable", "root needs no permission to be refused otherwise");
	unlink(script);
}

/* --- processes that cannot be attached to -------------------------------------------- */

static void no_attach(int pid, const char *want, const char *what)
{
	struct drive d;
	int r;

	drive_open(&d, UPR_MODE_TRAP, NULL);
	d.quiet = true;
	drive_count(&d, "target-exec", "counted");
	r = drive_attach(&d, pid);
	ok(r < 0 && d.why.status == 1 && strstr(d.why.text, want), "%s: %s", what, d.why.text);
	is_int(upr_home_run(d.home, 0), -ECHILD, "and nothing is traced");
	drive_close(&d);
}

static int kernel_thread(void)
{
	char *comm = read_proc(2, "comm");
	int r = !strcmp(comm, "kthreadd\n");

	free(comm);
	return r;
}

static void test_no_attach(void)
{
	char *argv[] = {strdup(target_path("target-exec")), "zombie", NULL};
	struct child c;
	int status, pid;

	no_attach(0x3fffffff, "there is no process", "no such process");
	no_attach(getpid(), "this very tool", "itself");
	if (kernel_thread())
		no_attach(2, "thread of the kernel", "a kernel thread");
	else
		skip("a kernel thread", "process 2 is none here");
	child_start(&c, argv);
	no_attach(atoi(child_first(&c)), "has ended", "a zombie");
	free(child_end(&c, &status));

	argv[1] = "traced";
	child_start(&c, argv);
	sscanf(child_first(&c), "%*d %d", &pid);
	no_attach(c.pid, "traced already, by process", "a traced process");
	free(child_end(&c, &status));

	if (!getuid()) {
		skip("a process that is not dumpable", "root may trace it");
		skip("another user's process", "root may trace it");
	} else {
		argv[1] = "undumpable";
		child_start(&c, argv);
		no_attach(c.pid, "not dumpable", "a process that is not dumpable");
		free(child_end(&c, &status));
		no_attach(1, "belongs to root", "another user's process");
	}
	free(argv[0]);
}

/* --- exec -------------------------------------------------------------------------------- */

static char *run(struct drive *d, char *const argv[], s64 *hits)
{
	struct drive_probe *p = drive_count(d, "target-exec", "counted");
	int fd, saved, r;
	char *out;

	fd = pipe_stdout(&saved);
	r = drive_spawn(d, argv);
	if (!r)
		r = drive_until_end(d, 30000);
	out = drain_stdout(fd, saved);
	if (r)
		diag("run %d status %#x: %s", r, d->wstatus, out);
	*hits = drive_hits(p);
	return out;
}

static void test_chain(void)
{
	char *argv[] = {strdup(target_path("target-exec")), "chain", "100", NULL};
	struct drive d;
	s64 hits;

	drive_open(&d, UPR_MODE_TRAP, NULL);
	free(run(&d, argv, &hits));
	is_int(hits, 100, "a program that executes itself 100 times");
	is_int(d.readies, 100, "each time it was ready once");
	drive_close(&d);
	free(argv[0]);
}

static void test_no_inherit(void)
{
	struct upr_home_options options = {.no_inherit = true};
	char *argv[] = {strdup(target_path("target-exec")), "children", "50", NULL}, *out;
	struct drive d;
	s64 hits;

	drive_open(&d, UPR_MODE_TRAP, &options);
	out = run(&d, argv, &hits);
	ok(!d.wstatus && strstr(out, "calls 50"), "children that are not to be followed run on by themselves");
	is_int(hits, 50, "and only the parent is counted");
	drive_close(&d);
	free(out);
	free(argv[0]);
}

/* A program that is given privilege runs without it, and that is said. */
static void setuid_as_nobody(char *plain, char *setuid)
{
	char *argv[] = {plain, "run", setuid, "ids", NULL}, *out, want[64];
	struct drive d;
	s64 hits;

	drive_open(&d, UPR_MODE_TRAP, NULL);
	d.quiet = true;
	out = run(&d, argv, &hits);
	snprintf(want, sizeof(want), "ids %d %d\n", NOBODY, NOBODY);
	ok(!strcmp(out, want), "a set-user-ID program is executed without its privilege");
	is_int(d.notes[UPR_NOTE_SETUID], 1, "one line says so");
	ok(strstr(d.note, setuid) != NULL, "and names it: %s", d.note);
	drive_close(&d);
	free(out);
	exit(tap_failed ? 1 : 0);
}

static void test_setuid(void)
{
	char dir[] = "/tmp/test-setuid-XXXXXX", plain[64], setuid[64], cmd[4400];
	int status = 0;

	if (getuid()) {
		skip("a set-user-ID program", "only root can make one");
		return;
	}
	if (!mkdtemp(dir))
		abort();
	snprintf(plain, sizeof(plain), "%s/target-exec", dir);
	snprintf(setuid, sizeof(setuid), "%s/privileged", dir);
	snprintf(cmd, sizeof(cmd), "cp %s %s && cp %s %s", target_path("target-exec"), plain, plain, setuid);
	if (system(cmd) || chmod(dir, 0755) || chmod(plain, 0755) || chmod(setuid, 04755))
		abort();
	fflush(stdout);
	if (!fork()) {
		if (setgid(NOBODY) || setresuid(NOBODY, NOBODY, NOBODY))
			_exit(2);
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
		setuid_as_nobody(plain, setuid);
	}
	wait(&status);
	/* three lines of the child's, with the numbers they would have had here */
	tap_run += 3;
	ok(!status, "a set-user-ID program under an ordinary user's tool");
	unlink(plain);
	unlink(setuid);
	rmdir(dir);
}

/* --- the tool's own signals and limits ------------------------------------------------------ */

static volatile sig_atomic_t alarms;

static void on_alarm(int signo)
{
	(void)signo;
	alarms++;
}

static void test_own_signals(void)
{
	char *argv[] = {strdup(target_path("target-exec")), "wait", NULL};
	struct itimerval it = {{0, 0}, {0, 20000}};
	struct sigaction sa = {.sa_handler = on_alarm};
	struct child c;
	struct drive d;
	int status, r;
	u64 start;

	child_start(&c, argv);
	drive_open(&d, UPR_MODE_TRAP, NULL);
	drive_count(&d, "target-exec", "counted");
	r = drive_attach(&d, c.pid);
	is_int(r, 0, "attached to a process that sleeps");
	start = now_ms();
	is_int(upr_home_run(d.home, 50), 0, "a wait without events ends by its time limit");
	ok(now_ms() - start >= 50 && now_ms() - start < 1000, "and in time");
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &it, NULL);
	start = now_ms();
	while (!alarms && now_ms() - start < 5000)
		is_int(upr_home_run(d.home, 5000), 0, "a signal of the tool ends the wait");
	ok(alarms == 1 && now_ms() - start < 2000, "at once");
	is_int(upr_home_sync(d.home), 0, "nothing is left to be armed");
	is_int(drive_close(&d), 0, "let go");
	free(child_end(&c, &status));
	is_int(status, 0, "it ended by itself");
	free(argv[0]);
}

static bool three(void *data)
{
	return drive_hits(data) >= 3;
}

/* Its first thread is dead, which all of /proc/PID is about. */
static void test_headless(void)
{
	char *argv[] = {strdup(target_path("target-exec")), "headless", NULL};
	struct drive_probe *p;
	struct child c;
	struct drive d;
	int status, r;
	char *stat;
	u64 end = now_ms() + 5000;

	child_start(&c, argv);
	do {
		stat = read_proc(c.pid, "stat");
		r = !!strstr(stat, ") Z ");
		free(stat);
	} while (!r && now_ms() < end);
	drive_open(&d, UPR_MODE_TRAP, NULL);
	p = drive_count(&d, "target-exec", "counted");
	is_int(drive_attach(&d, c.pid), 0, "attached to a process whose first thread is dead");
	child_say(&c, "xx");
	ok(drive_until(&d, three, p, 5000), "its calls are counted");
	is_int(drive_close(&d), 0, "let go");
	free(child_end(&c, &status));
	is_int(status, 0, "it ended by itself");
	free(argv[0]);
}

struct seen_map {
	u64 start, offset;
};

static int first_map(void *data, u64 start, u64 end, u64 offset, const char *path, struct upr_file_key key)
{
	struct seen_map *seen = data;

	(void)end;
	(void)key;
	if (!strstr(path, "/target-busy"))
		return 0;
	seen->start = start;
	seen->offset = offset;
	return 1;
}

static void find_mm(struct drive_probe *p, struct utrace_task *task, u64 addr)
{
	(void)addr;
	p->seen = task->mm;
}

/* Memory is shown as the program wrote it, with a breakpoint in it. */
static void test_memory(void)
{
	char *argv[] = {strdup(target_path("target-busy")), "1", NULL};
	u8 code[UPR_INSN_MAX], raw;
	struct seen_map map = {0};
	struct drive_probe *p;
	struct child c;
	struct drive d;
	int status, fd;
	char path[40];

	child_start(&c, argv);
	drive_open(&d, UPR_MODE_TRAP, NULL);
	p = drive_count(&d, "target-busy", "busy_leaf");
	p->hit = find_mm;
	drive_attach(&d, c.pid);
	drive_until(&d, three, p, 5000);
	ok(p->seen && upr_home_each_map(d.home, p->seen, first_map, &map) == 1, "its program is found among its maps");
	snprintf(path, sizeof(path), "/proc/%d/mem", c.pid);
	fd = open(path, O_RDONLY);
	if (p->seen && map.start && fd >= 0 &&
	    !upr_home_mem_read(d.home, p->seen, map.start + p->offset - map.offset, code, sizeof(code)) &&
	    pread(fd, &raw, 1, (off_t)(map.start + p->offset - map.offset)) == 1) {
		is_int(raw, UPR_BREAKPOINT, "a breakpoint is in its text");
		ok(!memcmp(code, p->code, sizeof(code)), "and is not shown");
	} else {
		ok(0, "its text can be read");
	}
	close(fd);
	drive_close(&d);
	free(child_end(&c, &status));
	free(argv[0]);
}

static void test_pin(void)
{
	struct upr_home_options options = {.pin = true};
	char *argv[] = {strdup(target_path("target-busy")), "3", NULL};
	cpu_set_t before, during, after, own_before, own_after;
	struct child c;
	struct drive d;
	int status;

	child_start(&c, argv);
	sched_getaffinity(c.pid, sizeof(before), &before);
	sched_getaffinity(0, sizeof(own_before), &own_before);
	drive_open(&d, UPR_MODE_TRAP, &options);
	drive_count(&d, "target-busy", "busy_leaf");
	drive_attach(&d, c.pid);
	sched_getaffinity(c.pid, sizeof(during), &during);
	drive_for(&d, 20);
	drive_close(&d);
	sched_getaffinity(c.pid, sizeof(after), &after);
	sched_getaffinity(0, sizeof(own_after), &own_after);
	is_int(CPU_COUNT(&during), 1, "pinned: the program runs on one CPU");
	ok(CPU_EQUAL(&before, &after) && CPU_EQUAL(&own_before, &own_after), "and both have their own back afterwards");
	free(child_end(&c, &status));
	free(argv[0]);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	test_no_start();
	test_no_attach();
	test_chain();
	test_no_inherit();
	test_setuid();
	test_own_signals();
	test_headless();
	test_memory();
	test_pin();
	return done_testing();
}
