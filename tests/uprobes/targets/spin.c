// SPDX-License-Identifier: GPL-2.0
/*
 * spin.c - busy threads that call functions and look at the results, until SIGTERM.
 *
 * spin THREADS	prints a line when all of them are at it; status 0: all results were right
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define ENTRIES_HERE
#define HOP_HERE
#include "entries.h"

static atomic_int wrong, busy;
static volatile sig_atomic_t over;

static void on_term(int signo)
{
	(void)signo;
	over = 1;
}

static void *work(void *arg)
{
	long x = 0, n = 0;

	atomic_fetch_add(&busy, 1);
	while (!over) {
		x = entry_push(x);
		x = entry_lea(x);
		x = entry_hop(x);
		n += 3;
	}
	if (x != n)
		atomic_fetch_add(&wrong, 1);
	return arg;
}

int main(int argc, char **argv)
{
	int i, nr = argc > 1 ? atoi(argv[1]) : 2;
	pthread_t th[64];

	signal(SIGTERM, on_term);
	for (i = 0; i < nr && i < 64; i++)
		if (pthread_create(&th[i], NULL, work, NULL))
			return 2;
	while (atomic_load(&busy) < i)
		;
	printf("%d\n", i);
	fflush(stdout);
	while (i--)
		pthread_join(th[i], NULL);
	return wrong != 0;
}
