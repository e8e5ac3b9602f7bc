// SPDX-License-Identifier: GPL-2.0
/*
 * measure.c - what a command takes.
 *
 * measure RUNS SECONDS COMMAND...
 *
 * Prints the shortest time of RUNS in us, the greatest peak of memory in kB, the status (128 + N for a
 * signal), of which every run has the same, and what the shortest run has had of the CPUs in us; a command that
 * takes longer than SECONDS is ended, and is not run again.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static long in_us(struct timeval t)
{
	return t.tv_sec * 1000000 + t.tv_usec;
}

static void run_command(char **argv, unsigned int seconds)
{
	/* what is pending ends the command, too: it is inherited */
	alarm(seconds);
	execvp(argv[0], argv);
	perror(argv[0]);
	_exit(127);
}

int main(int argc, char **argv)
{
	long runs = argc > 3 ? atol(argv[1]) : 0, best = -1, peak = 0, cpu = 0, took;
	unsigned int seconds = argc > 3 ? (unsigned int)atol(argv[2]) : 0;
	struct rusage usage;
	int status = 0;

	for (; runs > 0 && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM); runs--) {
		long start = now_us();
		pid_t pid = fork();

		if (!pid)
			run_command(argv + 3, seconds);
		if (pid < 0 || wait4(pid, &status, 0, &usage) != pid)
			return 1;
		took = now_us() - start;
		if (best < 0 || took < best) {
			best = took;
			cpu = in_us(usage.ru_utime) + in_us(usage.ru_stime);
		}
		if (usage.ru_maxrss > peak)
			peak = usage.ru_maxrss;
	}
	if (best < 0)
		return 1;
	fprintf(stderr, "%ld %ld %d %ld\n", best, peak,
		WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status), cpu);
	return 0;
}
