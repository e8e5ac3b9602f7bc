// SPDX-License-Identifier: GPL-2.0
/*
 * family.c - forks, vforks, execs and starts threads while it calls a function.
 *
 * family ROUNDS
 *
 * Every process counts its own calls in memory that all share; the eldest
 * prints "entry_push calls" when all others have ended.
 */
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define ENTRIES_HERE
#include "entries.h"

extern char **environ;
static atomic_long *total;

static void work(long n)
{
	long i, x = 0;

	for (i = 0; i < n; i++)
		x = entry_push(x);
	atomic_fetch_add(total, x);
}

static void *thread(void *arg)
{
	work((long)arg);
	return NULL;
}

static void threads(int nr, long n)
{
	pthread_t t[8];
	int i;

	for (i = 0; i < nr; i++)
		pthread_create(&t[i], NULL, thread, (void *)n);
	for (i = 0; i < nr; i++)
		pthread_join(t[i], NULL);
}

/* The counter's file descriptor is passed on over exec. */
static char *const *exec_args(char *fd_arg[4], int fd)
{
	static char text[16];

	snprintf(text, sizeof(text), "%d", fd);
	fd_arg[0] = "family";
	fd_arg[1] = "--leaf";
	fd_arg[2] = text;
	fd_arg[3] = NULL;
	return fd_arg;
}

static int reap(pid_t pid)
{
	int status;

	return pid <= 0 || waitpid(pid, &status, 0) != pid || status;
}

static pid_t spawn_by_vfork(char *const *args)
{
	pid_t pid = vfork();

	if (!pid) {
		execv("/proc/self/exe", args);
		_exit(1);
	}
	return pid;
}

static int round_of(int fd, int n)
{
	char *args[4];
	pid_t pid;
	int bad = 0;

	exec_args(args, fd);
	pid = fork();
	if (!pid) {
		work(30 + n);
		threads(2, 20);
		_exit(0);
	}
	work(10);
	bad |= reap(pid);
	pid = fork();
	if (!pid) {
		work(5);
		execv("/proc/self/exe", args);
		_exit(1);
	}
	bad |= reap(pid);
	bad |= reap(spawn_by_vfork(args));
	if (posix_spawn(&pid, "/proc/self/exe", NULL, NULL, args, environ))
		return 1;
	threads(3, 15);
	bad |= reap(pid);
	/* a grandchild that survives its parent's thread */
	pid = fork();
	if (!pid) {
		pid_t grandchild = fork();

		work(7);
		_exit(grandchild ? reap(grandchild) : 0);
	}
	return bad | reap(pid);
}

static void map_counter(int fd)
{
	total = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (total == MAP_FAILED)
		exit(3);
}

int main(int argc, char **argv)
{
	int fd, i, bad = 0;

	if (argc == 3 && !strcmp(argv[1], "--leaf")) {
		map_counter(atoi(argv[2]));
		threads(2, 25);
		work(11);
		return 0;
	}
	fd = memfd_create("family", 0);
	if (fd < 0 || ftruncate(fd, 4096))
		return 3;
	map_counter(fd);
	for (i = 0; i < (argc > 1 ? atoi(argv[1]) : 3); i++)
		bad |= round_of(fd, i);
	printf("entry_push %ld\n", atomic_load(total));
	return bad;
}
