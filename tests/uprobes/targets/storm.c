// SPDX-License-Identifier: GPL-2.0
/*
 * storm.c - threads and processes that are made and end all the time while each calls
 * functions; memory that all share keeps the account.
 *
 * storm KIND ROUNDS [CALLS]	KIND: threads fork vfork spawn share mixed quiet
 *
 *   fork	children, grandchildren, and children of threads
 *   vfork	children that borrow the parent's memory: one calls and ends, one executes us
 *   share	children that share the memory and even the parent's thread pointer while it runs on
 *   mixed	threads, fork and spawn at the same time, SIGALRM each millisecond
 *   quiet	one process, one thread
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "account.h"
#define ENTRIES_HERE
#include "entries.h"

extern char **environ;

/* What all share: calls of each entry, and what went wrong. */
static struct totals {
	atomic_long push, lea, nop, endbr, work, bad;
} * total;

static long calls = 50;
static char fd_text[16], calls_text[24];
static char *const leaf_argv[] = {"storm", "--leaf", fd_text, calls_text, NULL};

__attribute__((noipa)) long storm_work(long n)
{
	long i, a = 0, b = 0, c = 0, d = 0;

	for (i = 0; i < n; i++) {
		a = entry_push(a);
		b = entry_lea(b);
		c = entry_nop(c);
		d = entry_endbr(d);
	}
	atomic_fetch_add(&total->push, n);
	atomic_fetch_add(&total->lea, n);
	atomic_fetch_add(&total->nop, n);
	atomic_fetch_add(&total->endbr, n);
	atomic_fetch_add(&total->work, 1);
	if (a != n || b != n || c != n || d != n)
		atomic_fetch_add(&total->bad, 1);
	return a;
}

static void reap(pid_t pid)
{
	int status;

	while (pid > 0 && waitpid(pid, &status, 0) < 0)
		;
	if (pid <= 0 || status)
		atomic_fetch_add(&total->bad, 1);
}

static void *thread(void *arg)
{
	storm_work((long)arg);
	return NULL;
}

static void some_threads(int nr, long n)
{
	pthread_t t[8];
	int i, made = 0;

	for (i = 0; i < nr; i++)
		made += !pthread_create(&t[made], NULL, thread, (void *)n);
	for (i = 0; i < made; i++)
		pthread_join(t[i], NULL);
	if (made != nr)
		atomic_fetch_add(&total->bad, 1);
}

static void by_threads(long i)
{
	some_threads(i % 6 + 1, calls);
}

static void by_fork(long i)
{
	pid_t pid = fork(), grandchild;

	if (!pid) {
		storm_work(calls);
		if (i % 4 == 1)
			some_threads(2, calls);
		if (i % 4 == 2) {
			grandchild = fork();
			storm_work(calls);
			if (!grandchild)
				_exit(0);
			reap(grandchild);
		}
		_exit(0);
	}
	storm_work(calls);
	reap(pid);
}

static void by_vfork(long i)
{
	pid_t pid = vfork();

	if (!pid) {
		if (i % 2)
			execv("/proc/self/exe", leaf_argv);
		storm_work(calls);
		_exit(0);
	}
	storm_work(calls);
	reap(pid);
}

static void by_spawn(long i)
{
	pid_t pid;

	if (posix_spawn(&pid, "/proc/self/exe", NULL, NULL, leaf_argv, environ))
		pid = -1;
	storm_work(calls);
	reap(pid);
}

static int shared_child(void *arg)
{
	storm_work((long)arg);
	return 0;
}

/* Not a thread and not registered for anything: it has our thread pointer. */
static void by_sharing(long i)
{
	static char stack[2][65536];
	pid_t pid[2];
	int k;

	for (k = 0; k < 2; k++)
		pid[k] = clone(shared_child, stack[k] + sizeof(stack[k]), CLONE_VM | SIGCHLD, (void *)calls);
	storm_work(calls);
	for (k = 0; k < 2; k++)
		reap(pid[k]);
}

static void by_nothing(long i)
{
	storm_work(calls);
}

static const struct kind {
	const char *name;
	void (*round)(long i);
} kinds[] = {
	{"threads", by_threads}, {"fork", by_fork},	{"vfork", by_vfork},
	{"spawn", by_spawn},	 {"share", by_sharing}, {"quiet", by_nothing},
};

static long rounds;

static void *rounds_of(void *arg)
{
	void (*round)(long i) = (void (*)(long i))arg;
	long i;

	for (i = 0; i < rounds; i++)
		round(i);
	return NULL;
}

static atomic_long ticks;

static void on_alarm(int sig)
{
	ticks++;
}

static void mixed(void)
{
	struct itimerval it = {{0, 1000}, {0, 1000}};
	struct sigaction sa = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
	void (*const all[])(long i) = {by_threads, by_fork, by_spawn, by_nothing};
	pthread_t t[4];
	int i;

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &it, NULL);
	for (i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, rounds_of, (void *)all[i]);
	for (i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	it = (struct itimerval){0};
	setitimer(ITIMER_REAL, &it, NULL);
}

static int leaf(char **argv)
{
	calls = atol(argv[3]);
	total = mmap(NULL, sizeof(*total), PROT_READ | PROT_WRITE, MAP_SHARED, atoi(argv[2]), 0);
	if (total == MAP_FAILED)
		return 3;
	storm_work(calls);
	return 0;
}

static void report(void)
{
	account("entry_push", total->push);
	account("entry_lea", total->lea);
	account("entry_nop", total->nop);
	account("entry_endbr", total->endbr);
	account("storm_work", total->work);
	must_be(total->bad, 0, "results and children");
}

int main(int argc, char **argv)
{
	size_t i;
	int fd;

	if (argc == 4 && !strcmp(argv[1], "--leaf"))
		return leaf(argv);
	if (argc < 3)
		return 2;
	rounds = atol(argv[2]);
	if (argc > 3)
		calls = atol(argv[3]);
	fd = memfd_create("storm", 0);
	if (fd < 0 || ftruncate(fd, sizeof(*total)))
		return 3;
	total = mmap(NULL, sizeof(*total), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (total == MAP_FAILED)
		return 3;
	snprintf(fd_text, sizeof(fd_text), "%d", fd);
	snprintf(calls_text, sizeof(calls_text), "%ld", calls);
	if (!strcmp(argv[1], "mixed"))
		mixed();
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(argv[1], kinds[i].name))
			rounds_of((void *)kinds[i].round);
	report();
	return account_end();
}
