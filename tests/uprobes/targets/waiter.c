// SPDX-License-Identifier: GPL-2.0
/*
 * waiter.c - does what its standard input says, for tests that attach.
 *
 * Lines: "push N", "lea N", "hop N": call so often; "load PATH": dlopen, "plug N": call its function;
 * "fork N": a child calls push so often and stays, its pid is the answer; "catch": a handler
 * for SIGSEGV; "lock": memory that comes is locked; "spin": call push until SIGUSR1 comes, whose handler says "napping" and reads a line before it
 * lets go on; "exec": the same program again, which prints its pid; "quit STATUS".  Each is answered by a line on standard output, so that a test knows
 * without sleeping what has been done.  The first line printed is the pid.
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ENTRIES_HERE
#define HOP_HERE
#include "entries.h"

static long (*plug)(long x);

static long repeat(long (*f)(long x), long n)
{
	long i, x = 0;

	for (i = 0; i < n; i++)
		x = f(x);
	return x;
}

static volatile sig_atomic_t stop;

static void on_nap(int signo)
{
	static const char napping[] = "napping\n";
	char c = 0;

	if (write(1, napping, sizeof(napping) - 1) < 0)
		_exit(3);
	while (read(0, &c, 1) == 1 && c != '\n')
		;
	stop = 1;
}

static void spin(void)
{
	long x = 0;

	stop = 0;
	signal(SIGUSR1, on_nap);
	printf("spinning\n");
	fflush(stdout);
	while (!stop)
		x = entry_push(x);
}

static void on_fault(int signo)
{
	_exit(signo);
}

static pid_t stay(long n)
{
	int done[2];
	char c = 0;
	pid_t pid;

	if (pipe(done))
		return -1;
	pid = fork();
	if (!pid) {
		repeat(entry_push, n);
		if (write(done[1], &c, 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	/* it has called when this returns */
	if (read(done[0], &c, 1) != 1)
		pid = -1;
	close(done[0]);
	close(done[1]);
	return pid;
}

int main(void)
{
	char line[4096], word[16], arg[4000];

	printf("%d\n", getpid());
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		arg[0] = '\0';
		if (sscanf(line, "%15s %3999s", word, arg) < 1)
			continue;
		if (!strcmp(word, "push")) {
			printf("push %ld\n", repeat(entry_push, atol(arg)));
		} else if (!strcmp(word, "lea")) {
			printf("lea %ld\n", repeat(entry_lea, atol(arg)));
		} else if (!strcmp(word, "hop")) {
			printf("hop %ld\n", repeat(entry_hop, atol(arg)));
		} else if (!strcmp(word, "load")) {
			void *lib = dlopen(arg, RTLD_NOW);

			plug = lib ? (long (*)(long x))dlsym(lib, "plug_call") : NULL;
			printf("load %s\n", plug ? "done" : dlerror());
		} else if (!strcmp(word, "plug") && plug) {
			printf("plug %ld\n", repeat(plug, atol(arg)));
		} else if (!strcmp(word, "fork")) {
			printf("%d\n", stay(atol(arg)));
		} else if (!strcmp(word, "catch")) {
			printf("catch %d\n", signal(SIGSEGV, on_fault) != SIG_ERR);
		} else if (!strcmp(word, "lock")) {
			printf("lock %d\n", mlockall(MCL_FUTURE));
		} else if (!strcmp(word, "spin")) {
			spin();
			printf("spun\n");
		} else if (!strcmp(word, "exec")) {
			execl("/proc/self/exe", "waiter", NULL);
			printf("exec failed\n");
		} else if (!strcmp(word, "quit")) {
			return atoi(arg);
		} else {
			printf("what?\n");
		}
		fflush(stdout);
	}
	return 0;
}
