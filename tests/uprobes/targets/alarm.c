// SPDX-License-Identifier: GPL-2.0
/*
 * alarm.c - a storm of SIGALRM whose handler calls a function that the main
 * program calls, too.
 *
 * alarm CALLS	prints "entry_push calls" and "entry_lea handler's calls"
 *
 * setitimer ticks each millisecond; it runs on until the handler has been there 200 times.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>

#define ENTRIES_HERE
#include "entries.h"

static volatile long in_handler, pushed_in_handler;

static void handler(int sig)
{
	in_handler = entry_lea(in_handler);
	pushed_in_handler = entry_push(pushed_in_handler);
}

int main(int argc, char **argv)
{
	struct itimerval it = {{0, 1000}, {0, 1000}};
	struct sigaction sa = {.sa_handler = handler, .sa_flags = SA_RESTART};
	long calls = argc > 1 ? atol(argv[1]) : 1000, x = 0;

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &it, NULL);
	while (x < calls || in_handler < 200)
		x = entry_push(x);
	it = (struct itimerval){0};
	setitimer(ITIMER_REAL, &it, NULL);
	printf("entry_push %ld\nentry_lea %ld\n", x + pushed_in_handler, in_handler);
	return 0;
}
