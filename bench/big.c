// SPDX-License-Identifier: GPL-2.0
/*
 * big.c - a program of some hundred megabytes with threads that run through all of it.
 *
 * big THREADS	prints its pid when all threads run; on standard input:
 *   gap	print the longest time, in microseconds, between two calls of a thread since last
 *		asked, and the sum of those above 5 ms of the thread that has waited most
 *   sum	print a checksum that is always the same: one call of every function
 *   (end)	stop; print how many calls there were
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_THREADS 16
#define LONG_US	    5000

typedef unsigned long (*function)(unsigned long x, int depth);

extern const long big_count;
extern const int32_t big_table[];

static struct thread {
	pthread_t thread;
	long calls;
	atomic_long longest, sum;
	char pad[64];
} threads[MAX_THREADS];

static atomic_int stop, running;

static function function_at(long i)
{
	return (function)((const char *)big_table + big_table[i]);
}

static long now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000l + ts.tv_nsec / 1000;
}

static void *run(void *arg)
{
	struct thread *me = arg;
	unsigned long at = me - threads, x = at;
	long last = now_us(), now;

	atomic_fetch_add(&running, 1);
	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		at = at * 6364136223846793005ul + 1442695040888963407ul;
		x += function_at((at >> 33) % big_count)(x, 2);
		me->calls++;
		now = now_us();
		if (now - last > atomic_load(&me->longest))
			atomic_store(&me->longest, now - last);
		if (now - last > LONG_US)
			atomic_fetch_add(&me->sum, now - last);
		last = now;
	}
	return (void *)x;
}

static void print_gap(int nr)
{
	long longest = 0, sum = 0, v;
	int i;

	for (i = 0; i < nr; i++) {
		v = atomic_exchange(&threads[i].longest, 0);
		longest = v > longest ? v : longest;
		v = atomic_exchange(&threads[i].sum, 0);
		sum = v > sum ? v : sum;
	}
	printf("gap %ld %ld\n", longest, sum);
}

static void print_sum(void)
{
	unsigned long x = 1;
	long i;

	for (i = 0; i < big_count; i++)
		x = x * 31 + function_at(i)(x, 2);
	printf("sum %lx\n", x);
}

int main(int argc, char **argv)
{
	int nr = argc > 1 ? atoi(argv[1]) : 2, i;
	long calls = 0;
	char line[64];

	if (nr < 1 || nr > MAX_THREADS)
		return 2;
	for (i = 0; i < nr; i++)
		pthread_create(&threads[i].thread, NULL, run, &threads[i]);
	while (atomic_load(&running) < nr)
		sched_yield();
	printf("%d\n", getpid());
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		if (!strncmp(line, "gap", 3))
			print_gap(nr);
		else if (!strncmp(line, "sum", 3))
			print_sum();
		fflush(stdout);
	}
	atomic_store(&stop, 1);
	for (i = 0; i < nr; i++) {
		pthread_join(threads[i].thread, NULL);
		calls += threads[i].calls;
	}
	printf("calls %ld\n", calls);
	return 0;
}
