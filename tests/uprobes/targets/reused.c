// SPDX-License-Identifier: GPL-2.0
/*
 * reused.c - threads that die at a signal in the middle of a function, and others that get their ids.
 *
 * reused ROUNDS	prints "entry_lea calls" of those that were not killed, and "reused" for how many had an id
 *			that one before them had had
 *
 * In each round a thread calls entry_lea(-1) until a signal's handler ends it, and another then calls it once, with
 * the number of the round.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define ENTRIES_HERE
#include "entries.h"

static volatile pid_t killed, second;
static volatile long results;

static void end_thread(int sig)
{
	syscall(SYS_exit, 0);
}

/* After a time that is never the same. */
static void *be_killed(void *arg)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1};
	struct itimerspec when = {.it_value.tv_nsec = 200000 + (long)arg * 7919 % 300000};
	timer_t timer;

	killed = gettid();
	event._sigev_un._tid = killed;
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) || timer_settime(timer, 0, &when, NULL))
		exit(1);
	for (;;)
		entry_lea(-1);
}

static void *call_once(void *arg)
{
	second = gettid();
	results += entry_lea((long)arg);
	return NULL;
}

static void run(void *(*function)(void *), long arg)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, function, (void *)arg) || pthread_join(thread, NULL))
		exit(1);
}

/* Where that may be said, the next thread gets the id. */
static void ask_for(pid_t id)
{
	int fd = open("/proc/sys/kernel/ns_last_pid", O_WRONLY);
	char text[16];

	snprintf(text, sizeof(text), "%d", id - 1);
	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		id = 0;
	close(fd);
}

int main(int argc, char **argv)
{
	struct sigaction sa = {.sa_handler = end_thread};
	long rounds = argc > 1 ? atol(argv[1]) : 100, reused = 0, i;

	sigaction(SIGUSR1, &sa, NULL);
	for (i = 0; i < rounds; i++) {
		run(be_killed, i);
		ask_for(killed);
		run(call_once, i);
		reused += second == killed;
	}
	printf("entry_lea %ld\nreused %ld\n", rounds, reused);
	return 0;
}
