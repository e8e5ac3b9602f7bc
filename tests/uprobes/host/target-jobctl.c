// SPDX-License-Identifier: GPL-2.0
/*
 * target-jobctl.c - a parent that stops and continues its child, and wants to see it.
 *
 * target-jobctl ROUNDS	the child calls a function without end; prints "rounds N" when
 * every stop and every continuation was reported to the parent and was one: the
 * child made no call between the two.  With a line on standard input before each
 * round if ROUNDS is 0.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile long *calls;

__attribute__((noinline)) long counted(long x)
{
	__asm__ volatile("" : "+r"(x));
	return x + 1;
}

static void *run(void *arg)
{
	volatile long *mine = arg;

	for (;;)
		*mine = counted(*mine);
	return NULL;
}

static void bad(const char *what, pid_t child)
{
	printf("bad %s\n", what);
	kill(child, SIGKILL);
	exit(1);
}

static void await(pid_t child, int options, int want)
{
	int status;

	if (waitpid(child, &status, options) != child || status != want)
		bad("status", child);
}

static long sum(void)
{
	return calls[0] + calls[8] + calls[16];
}

static void one(pid_t child, int signo)
{
	long before;

	kill(child, signo);
	await(child, WUNTRACED, signo << 8 | 0x7f);
	before = sum();
	usleep(500);
	if (sum() != before)
		bad("call while stopped", child);
	kill(child, SIGCONT);
	await(child, WCONTINUED, 0xffff);
	while (sum() == before)
		;
}

int main(int argc, char **argv)
{
	long rounds = argc > 1 ? atol(argv[1]) : 10, i;
	char line[64];
	pthread_t th;
	pid_t child;

	calls = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	child = fork();
	if (!child) {
		setpgid(0, 0);
		pthread_create(&th, NULL, run, (void *)&calls[8]);
		pthread_create(&th, NULL, run, (void *)&calls[16]);
		run((void *)&calls[0]);
	}
	while (!sum())
		;
	printf("%d\n", child);
	fflush(stdout);
	for (i = 0; i < rounds; i++)
		one(child, i % 2 ? SIGTSTP : SIGSTOP);
	while (!rounds && fgets(line, sizeof(line), stdin)) {
		if (!strcmp(line, "stop\n")) {
			kill(child, SIGSTOP);
			await(child, WUNTRACED, SIGSTOP << 8 | 0x7f);
		} else if (!strcmp(line, "cont\n")) {
			kill(child, SIGCONT);
			await(child, WCONTINUED, 0xffff);
		} else if (!strcmp(line, "term\n")) {
			break;
		}
		i++;
		printf("%ld\n", sum());
		fflush(stdout);
	}
	kill(child, SIGTERM);
	await(child, 0, SIGTERM);
	printf("rounds %ld\n", i);
	return 0;
}
