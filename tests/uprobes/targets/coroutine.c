// SPDX-License-Identifier: GPL-2.0
/*
 * coroutine.c - calls a function on a stack that is as small as those of coroutines.
 *
 * The words below the stack belong to another thread, which writes all of them round
 * after round and looks whether each still holds what it has put there.  Goes on until standard input
 * ends; prints its pid, then "entry_push calls" and "overwritten words".
 */
#include <pthread.h>
#include <stdio.h>
#include <ucontext.h>
#include <unistd.h>

#define ENTRIES_HERE
#include "entries.h"

#define BELOW (16384 / sizeof(long))
#define STACK (768 / sizeof(long))

/* what lies below the stack, and the stack */
static volatile long memory[BELOW + STACK] __attribute__((aligned(64)));
static volatile int stop;
static long calls, overwritten;
static ucontext_t back, small;

static void run(void)
{
	long x = 0;

	while (!stop) {
		x = entry_push(x);
		calls++;
	}
}

static void *write_below(void *arg)
{
	unsigned int i;
	long round;

	for (round = 1; !stop; round++) {
		for (i = 0; i < BELOW; i++) {
			overwritten += memory[i] != round - 1;
			memory[i] = round;
		}
	}
	return arg;
}

static void *wait_for_end(void *arg)
{
	char c;

	while (read(0, &c, 1) == 1)
		;
	stop = 1;
	return arg;
}

int main(void)
{
	pthread_t writer, waiter;

	printf("%d\n", getpid());
	fflush(stdout);
	if (pthread_create(&writer, NULL, write_below, NULL) || pthread_create(&waiter, NULL, wait_for_end, NULL))
		return 1;
	getcontext(&small);
	small.uc_stack.ss_sp = (void *)&memory[BELOW];
	small.uc_stack.ss_size = STACK * sizeof(long);
	small.uc_link = &back;
	makecontext(&small, run, 0);
	swapcontext(&back, &small);
	pthread_join(writer, NULL);
	pthread_join(waiter, NULL);
	printf("entry_push %ld\noverwritten %ld\n", calls, overwritten);
	return 0;
}
