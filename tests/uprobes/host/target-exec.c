// SPDX-License-Identifier: GPL-2.0
/*
 * target-exec.c - what a process is, seen from inside.
 *
 * target-exec ids		prints "ids REAL EFFECTIVE"
 * target-exec run FILE ARG	executes FILE
 * target-exec chain N		executes itself N times, calling a function each time
 * target-exec children N	forks N children that call it, too; prints "calls N" of its own
 * target-exec undumpable	forbids to be looked at, prints its pid, waits
 * target-exec wait		prints its pid, waits for the end of its input
 * target-exec zombie		prints the pid of a dead child that it does not reap
 * target-exec traced		has a child trace it, waits
 * target-exec headless		its first thread ends, another goes on calling a function
 * target-exec syscalls N	calls getppid N times; prints "other N": how often the answer was 4242
 * target-exec steps N		calls the function N times, a handler of SIGALRM as well; prints "calls N"
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

__attribute__((noinline)) long counted(long x)
{
	__asm__ volatile("" : "+r"(x));
	return x + 1;
}

static void await_end(void)
{
	char c;

	while (read(0, &c, 1) > 0)
		;
}

static int chain(char **argv)
{
	long n = atol(argv[2]);
	char next[32];

	counted(n);
	if (n <= 1)
		return 0;
	snprintf(next, sizeof(next), "%ld", n - 1);
	execl(argv[0], argv[0], "chain", next, NULL);
	return 1;
}

static int children(long n)
{
	long i, calls = 0;
	int status;

	for (i = 0; i < n; i++) {
		pid_t pid = fork();

		if (!pid) {
			counted(1);
			_exit((int)counted(6));
		}
		calls = counted(calls);
		if (waitpid(pid, &status, 0) != pid || status != 7 << 8) {
			printf("bad child: %#x\n", status);
			return 1;
		}
	}
	printf("calls %ld\n", calls);
	return 0;
}

static int zombie(void)
{
	pid_t pid = fork();
	siginfo_t info;

	if (!pid)
		_exit(0);
	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	printf("%d\n", pid);
	fflush(stdout);
	await_end();
	return 0;
}

static int traced(void)
{
	int ready[2];
	pid_t tracer;
	char c;

	if (pipe(ready))
		return 1;
	tracer = fork();
	if (!tracer) {
		pid_t of = getppid();

		if (ptrace(PTRACE_SEIZE, of, 0, 0))
			_exit(1);
		close(ready[1]);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &c, 1) < 0)
		return 1;
	printf("%d %d\n", getpid(), tracer);
	fflush(stdout);
	await_end();
	kill(tracer, SIGKILL);
	waitpid(tracer, NULL, 0);
	return 0;
}

static void *headless(void *arg)
{
	char c;

	/* it is dead when its entry says so */
	printf("%d\n", getpid());
	fflush(stdout);
	while (read(0, &c, 1) > 0)
		counted(1);
	_exit(0);
	return arg;
}

static int syscalls(long n)
{
	long i, other = 0;

	for (i = 0; i < n; i++)
		other += syscall(SYS_getppid) == 4242;
	printf("other %ld\n", other);
	return 0;
}

static volatile long alarms;

static void on_alarm(int signo)
{
	alarms = counted(alarms);
	(void)signo;
}

static int steps(long n)
{
	struct itimerval it = {{0, 1000}, {0, 1000}};
	long i, x = 0;

	signal(SIGALRM, on_alarm);
	setitimer(ITIMER_REAL, &it, NULL);
	for (i = 0; i < n; i++)
		x = counted(x);
	memset(&it, 0, sizeof(it));
	setitimer(ITIMER_REAL, &it, NULL);
	printf("calls %ld\n", x + alarms);
	return 0;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";

	if (!strcmp(how, "ids")) {
		counted(1);
		printf("ids %d %d\n", getuid(), geteuid());
		return 0;
	}
	if (!strcmp(how, "run") && argc > 3) {
		execl(argv[2], argv[2], argv[3], NULL);
		return 1;
	}
	if (!strcmp(how, "chain") && argc > 2)
		return chain(argv);
	if (!strcmp(how, "children") && argc > 2)
		return children(atol(argv[2]));
	if (!strcmp(how, "zombie"))
		return zombie();
	if (!strcmp(how, "traced"))
		return traced();
	if (!strcmp(how, "syscalls") && argc > 2)
		return syscalls(atol(argv[2]));
	if (!strcmp(how, "steps") && argc > 2)
		return steps(atol(argv[2]));
	if (!strcmp(how, "headless")) {
		pthread_t th;

		pthread_create(&th, NULL, headless, NULL);
		syscall(SYS_exit, 0);
	}
	if (!strcmp(how, "undumpable"))
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	else if (strcmp(how, "wait"))
		return 2;
	printf("%d\n", getpid());
	fflush(stdout);
	await_end();
	return 0;
}
