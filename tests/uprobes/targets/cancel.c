// SPDX-License-Identifier: GPL-2.0
/*
 * cancel.c - threads that are cancelled or end themselves below probed functions; their
 * cleanup handlers run while the stack is unwound.
 *
 * cancel [ROUNDS]
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "account.h"

/* what never returns ends otherwise */
#pragma GCC diagnostic ignored "-Winfinite-recursion"

#define PLAIN __attribute__((noipa))

static sem_t ready;
static atomic_long cleaned, worked;
static int silent_pipe[2];

PLAIN void clean_up(void *arg)
{
	cleaned += (long)arg;
}

PLAIN long cancel_wait(long n)
{
	char c;

	sem_post(&ready);
	return read(silent_pipe[0], &c, 1) + n;
}

PLAIN long cancel_deep(long n)
{
	long r;

	pthread_cleanup_push(clean_up, (void *)n);
	r = n ? cancel_deep(n - 1) : cancel_wait(n);
	pthread_cleanup_pop(0);
	return r + 1;
}

PLAIN void *cancel_blocked(void *arg)
{
	return (void *)cancel_deep((long)arg);
}

PLAIN long cancel_work(long x)
{
	worked++;
	return x + 1;
}

PLAIN void *cancel_busy(void *arg)
{
	volatile long x = 0;

	pthread_cleanup_push(clean_up, arg);
	sem_post(&ready);
	for (;;) {
		x = cancel_work(x);
		pthread_testcancel();
	}
	pthread_cleanup_pop(0);
	return NULL;
}

PLAIN void *exit_deep(void *arg)
{
	pthread_cleanup_push(clean_up, arg);
	if (arg)
		exit_deep((char *)arg - 1);
	pthread_exit((void *)77);
	pthread_cleanup_pop(0);
	return NULL;
}

static void run(void *(*f)(void *arg), long arg, void *result, int cancel)
{
	pthread_t t;
	void *ret;

	if (pthread_create(&t, NULL, f, (void *)arg))
		exit(3);
	if (cancel) {
		sem_wait(&ready);
		pthread_cancel(t);
	}
	pthread_join(t, &ret);
	must(ret == result, "what a thread that was cancelled, or has ended itself, leaves");
}

static void round_of(long x)
{
	long n = x % 5, sum = n * (n + 1) / 2;

	cleaned = 0;
	run(cancel_blocked, n, PTHREAD_CANCELED, 1);
	must_be(cleaned, sum, "cleanup of a thread that waited");
	cleaned = 0;
	run(cancel_busy, 3, PTHREAD_CANCELED, 1);
	must_be(cleaned, 3, "cleanup of a thread that worked");
	cleaned = 0;
	run(exit_deep, n, (void *)77, 0);
	must_be(cleaned, sum, "cleanup of a thread that has ended itself");
	account("cancel_blocked", 1);
	account("cancel_deep", n + 1);
	account("cancel_wait", 1);
	account("cancel_busy", 1);
	account("exit_deep", n + 1);
	account("clean_up", 2 * (n + 1) + 1);
}

int main(int argc, char **argv)
{
	long rounds = argc > 1 ? atol(argv[1]) : 10, x;

	if (sem_init(&ready, 0, 0) || pipe(silent_pipe))
		return 3;
	for (x = 1; x <= rounds; x++)
		round_of(x);
	account_varies("cancel_work", worked);
	return account_end();
}
