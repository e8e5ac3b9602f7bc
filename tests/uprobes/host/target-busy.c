// SPDX-License-Identifier: GPL-2.0
/*
 * target-busy.c - threads that do nothing but call functions, forever.
 *
 * target-busy THREADS [spawn]	prints its pid; ends when its standard input does, and
 * then prints "bad N": how many results were wrong.  With "spawn" one thread runs
 * posix_spawn in a loop as well; a child that fails counts as bad.
 */
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static volatile int stop;
static volatile long bad, spawned;

__attribute__((noinline)) long busy_leaf(long x)
{
	__asm__ volatile("" : "+r"(x));
	return x * 3 + 1;
}

__attribute__((noinline)) long busy_tree(long x)
{
	return busy_leaf(x) + busy_leaf(x + 1);
}

static void *run(void *arg)
{
	long x = (long)arg;

	while (!stop) {
		if (busy_tree(x) != x * 6 + 5)
			bad++;
		x++;
	}
	return NULL;
}

static void *spawner(void *arg)
{
	char *argv[] = {"/bin/true", NULL};
	int status;
	pid_t pid;

	while (!stop) {
		if (posix_spawn(&pid, argv[0], NULL, NULL, argv, environ) || waitpid(pid, &status, 0) != pid || status)
			bad++;
		spawned++;
	}
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t th[64];
	long i, n = argc > 1 ? atol(argv[1]) : 8;
	char c;

	for (i = 0; i < n && i < 63; i++)
		pthread_create(&th[i], NULL, run, (void *)i);
	if (argc > 2)
		pthread_create(&th[i++], NULL, spawner, NULL);
	n = i;
	printf("%d\n", getpid());
	fflush(stdout);
	while (read(0, &c, 1) > 0)
		;
	stop = 1;
	for (i = 0; i < n; i++)
		pthread_join(th[i], NULL);
	printf("bad %ld spawned %ld\n", bad, spawned);
	return 0;
}
