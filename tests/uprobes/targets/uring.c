// SPDX-License-Identifier: GPL-2.0
/*
 * uring.c - has a thread that the kernel has made: a read that waits in a worker of io_uring.
 *
 * Calls a function until standard input ends.  Prints its pid, then "entry_push calls".  Ends with status 77 where
 * there is no io_uring.
 */
#include <linux/io_uring.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ENTRIES_HERE
#include "entries.h"

static volatile int stop;

static void *wait_for_end(void *arg)
{
	char c;

	while (read(0, &c, 1) == 1)
		;
	stop = 1;
	return arg;
}

static int make_worker(void)
{
	struct io_uring_params params = {0};
	int ring = (int)syscall(__NR_io_uring_setup, 4, &params), pipes[2];
	struct io_uring_sqe *sqe;
	static char byte;
	char *queue;

	if (ring < 0 || pipe(pipes))
		return -1;
	queue = mmap(NULL, params.sq_off.array + params.sq_entries * sizeof(unsigned int), PROT_READ | PROT_WRITE,
		     MAP_SHARED, ring, IORING_OFF_SQ_RING);
	sqe = mmap(NULL, params.sq_entries * sizeof(*sqe), PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
	if (queue == MAP_FAILED || sqe == MAP_FAILED)
		return -1;
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = IORING_OP_READ;
	sqe->flags = IOSQE_ASYNC;
	sqe->fd = pipes[0];
	sqe->addr = (uintptr_t)&byte;
	sqe->len = 1;
	*(unsigned int *)(queue + params.sq_off.array) = 0;
	__atomic_store_n((unsigned int *)(queue + params.sq_off.tail), 1, __ATOMIC_RELEASE);
	return syscall(__NR_io_uring_enter, ring, 1, 0, 0, NULL, 0) == 1 ? 0 : -1;
}

int main(void)
{
	long calls = 0, x = 0;
	pthread_t waiter;

	if (make_worker())
		return 77;
	printf("%d\n", getpid());
	fflush(stdout);
	if (pthread_create(&waiter, NULL, wait_for_end, NULL))
		return 1;
	for (; !stop; calls++)
		x = entry_push(x);
	pthread_join(waiter, NULL);
	printf("entry_push %ld\n", calls);
	return 0;
}
