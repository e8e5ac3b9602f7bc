// SPDX-License-Identifier: GPL-2.0
/*
 * target-clones.c - children in every flavour that the kernel makes, each of
 * which calls a function.
 *
 * target-clones FLAVOUR ROUNDS	prints "calls N", counted by the program itself
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static atomic_long *total;
static char *self;

__attribute__((noinline)) long counted(long x)
{
	__asm__ volatile("" : "+r"(x));
	return x + 1;
}

static void call(void)
{
	atomic_fetch_add(total, counted(0));
}

static int child(void *arg)
{
	call();
	call();
	(void)arg;
	return 0;
}

static char stack[1 << 16] __attribute__((aligned(64)));

/* Reaped whatever signal it sends at its end. */
static void by_clone(int flags)
{
	int status;
	pid_t pid = clone(child, stack + sizeof(stack), flags, NULL);

	if (pid < 0 || waitpid(pid, &status, __WALL) != pid || status)
		exit(3);
	call();
}

static void by_clone3(unsigned long flags, int signo)
{
	struct clone_args args = {.flags = flags, .exit_signal = (unsigned long)signo};
	long pid = syscall(SYS_clone3, &args, sizeof(args));
	int status;

	if (!pid) {
		child(NULL);
		_exit(0);
	}
	if (pid < 0 || waitpid((pid_t)pid, &status, __WALL) != pid || status)
		exit(3);
	call();
}

static void by_fork(void)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		child(NULL);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		exit(3);
	call();
}

static void by_vfork(void)
{
	int status;
	pid_t pid = vfork();

	if (!pid) {
		call();
		execl(self, self, "again", "1", NULL);
		_exit(4);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		exit(3);
	call();
}

/* The child takes its time: its parent sleeps in the kernel meanwhile, and cannot be stopped. */
static void by_slow_vfork(void)
{
	int status;
	pid_t pid = vfork();

	if (!pid) {
		long i;

		for (i = 0; i < 300; i++) {
			call();
			usleep(1000);
		}
		execl(self, self, "again", "1", NULL);
		_exit(4);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		exit(3);
	call();
}

static void by_vfork_exit(void)
{
	int status;
	pid_t pid = vfork();

	if (!pid) {
		call();
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		exit(3);
	call();
}

static void by_spawn(void)
{
	char *argv[] = {self, "again", "1", NULL};
	int status;
	pid_t pid;

	if (posix_spawn(&pid, self, NULL, NULL, argv, environ) || waitpid(pid, &status, 0) != pid || status)
		exit(3);
	call();
}

static void *thread(void *arg)
{
	call();
	return arg;
}

static void by_thread(void)
{
	pthread_t th;

	pthread_create(&th, NULL, thread, NULL);
	pthread_join(th, NULL);
	call();
}

/* Its elder brother forks: the child's parent is ours. */
static void by_clone_parent(void)
{
	int pipefd[2], status, seen = 0;
	pid_t pid, grandchild = 0;

	if (pipe(pipefd))
		exit(3);
	pid = fork();
	if (!pid) {
		long r = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, NULL);

		if (!r) {
			child(NULL);
			_exit(0);
		}
		if (write(pipefd[1], &r, sizeof(r)) != sizeof(r))
			_exit(5);
		_exit(0);
	}
	long r;

	if (read(pipefd[0], &r, sizeof(r)) != sizeof(r))
		exit(3);
	grandchild = (pid_t)r;
	while (seen < 2) {
		pid_t got = waitpid(-1, &status, 0);

		if ((got != pid && got != grandchild) || status)
			exit(3);
		seen++;
	}
	close(pipefd[0]);
	close(pipefd[1]);
}

/* Executed by a thread that is not the first, while others run. */
static void *exec_thread(void *arg)
{
	call();
	execl(self, self, "again", "1", NULL);
	_exit(6);
	return arg;
}

static void *spin(void *arg)
{
	for (;;)
		call();
	return arg;
}

static void by_thread_exec(int spinners)
{
	pid_t pid = fork();
	int status, i;

	if (!pid) {
		pthread_t th;

		for (i = 0; i < spinners; i++)
			pthread_create(&th, NULL, spin, NULL);
		pthread_create(&th, NULL, exec_thread, NULL);
		for (;;)
			pause();
	}
	if (waitpid(pid, &status, 0) != pid || status)
		exit(3);
}

/* Threads that end as fast as they are made. */
static void exit_storm(void)
{
	pthread_t th[16];
	int i;

	for (i = 0; i < 16; i++)
		if (pthread_create(&th[i], NULL, thread, NULL))
			exit(3);
	for (i = 0; i < 16; i++)
		pthread_join(th[i], NULL);
}

/* The first thread ends before the others. */
static void *outlives(void *arg)
{
	call();
	usleep(2000);
	call();
	_exit(0);
	return arg;
}

static void leader_exits(void)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		pthread_t th;

		pthread_create(&th, NULL, outlives, NULL);
		call();
		syscall(SYS_exit, 0);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		exit(3);
}

/* The same, in this very process, when its standard input has ended once. */
static void *survivor(void *arg)
{
	char c;

	while (read(0, &c, 1) > 0)
		call();
	_exit(0);
	return arg;
}

static void outlived(void)
{
	pthread_t th;

	pthread_create(&th, NULL, survivor, NULL);
	call();
	usleep(50000);
	syscall(SYS_exit, 0);
}

/* A process killed while its threads are in the middle of calling. */
static void killed(void)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		volatile long x = 0;

		for (;;)
			x = x + 1;
	}
	kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid || status != SIGKILL)
		exit(3);
	call();
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "fork";
	long rounds = argc > 2 ? atol(argv[2]) : 1;
	const char *name = getenv("CLONES_SHM");
	char path[] = "/tmp/clones-XXXXXX";
	int fd;

	self = argv[0];
	fd = name ? open(name, O_RDWR) : mkstemp(path);
	if (!name)
		setenv("CLONES_SHM", path, 1);
	if (fd < 0 || ftruncate(fd, 4096))
		return 2;
	total = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (!strcmp(how, "slow-vfork") || !strcmp(how, "outlived")) {
		printf("%d\n", getpid());
		fflush(stdout);
	}
	for (; rounds > 0; rounds--) {
		if (!strcmp(how, "again"))
			call();
		else if (!strcmp(how, "fork"))
			by_fork();
		else if (!strcmp(how, "vfork"))
			by_vfork();
		else if (!strcmp(how, "slow-vfork"))
			by_slow_vfork();
		else if (!strcmp(how, "outlived")) {
			/* it does not come back, and executes nothing that needs the file */
			unlink(path);
			outlived();
		} else if (!strcmp(how, "vfork-exit"))
			by_vfork_exit();
		else if (!strcmp(how, "spawn"))
			by_spawn();
		else if (!strcmp(how, "thread"))
			by_thread();
		else if (!strcmp(how, "vm"))
			by_clone(CLONE_VM | SIGCHLD);
		else if (!strcmp(how, "vm-nosignal"))
			by_clone(CLONE_VM);
		else if (!strcmp(how, "vm-vfork"))
			by_clone(CLONE_VM | CLONE_VFORK | SIGCHLD);
		else if (!strcmp(how, "copy-nosignal"))
			by_clone(0);
		else if (!strcmp(how, "copy-usr1"))
			by_clone(SIGUSR1 | CLONE_FILES | CLONE_FS);
		else if (!strcmp(how, "copy-vfork"))
			by_clone(CLONE_VFORK | SIGCHLD);
		else if (!strcmp(how, "clone3"))
			by_clone3(0, SIGCHLD);
		else if (!strcmp(how, "clone3-clear"))
			by_clone3(CLONE_CLEAR_SIGHAND, 0);
		else if (!strcmp(how, "parent"))
			by_clone_parent();
		else if (!strcmp(how, "thread-exec"))
			by_thread_exec(0);
		else if (!strcmp(how, "thread-exec-busy"))
			by_thread_exec(3);
		else if (!strcmp(how, "exit-storm"))
			exit_storm();
		else if (!strcmp(how, "leader-exits"))
			leader_exits();
		else if (!strcmp(how, "killed"))
			killed();
		else
			return 2;
	}
	if (!name) {
		signal(SIGUSR1, SIG_IGN);
		printf("calls %ld\n", atomic_load(total));
		unlink(path);
	}
	return 0;
}
