// SPDX-License-Identifier: GPL-2.0
/*
 * timer.c - an end to a blocking wait.
 *
 * Purpose: waiting for a tracee is one blocking waitpid() per stop, the cheapest
 * way there is; a time limit comes from a timer whose signal, sent to this
 * very thread and caught by a handler that does nothing, makes it return
 * EINTR.  The timer goes on ticking: a tick that falls between the look at the
 * clock and the wait is not the last.
 *
 * One timer per process, armed once per upr_home_run(), not per stop.  No locks.
 */
#include "host.h"

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static timer_t timer;
static bool timer_opened, armed;
static volatile sig_atomic_t ticked;
static struct sigaction old_action;

static int tick_signal(void)
{
	return SIGRTMAX - 2;
}

static void tick(int signo)
{
	(void)signo;
	ticked = 1;
}

/* Was it the timer that ended the wait, and nobody else? */
bool timer_ticked(void)
{
	bool r = ticked;

	ticked = 0;
	return r;
}

int timer_open(void)
{
	struct sigaction sa = {.sa_handler = tick};
	struct sigevent ev = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = tick_signal()};
	sigset_t set;

	if (timer_opened)
		return 0;
	ev._sigev_un._tid = (pid_t)syscall(SYS_gettid);
	if (sigaction(tick_signal(), &sa, &old_action))
		return -errno;
	sigemptyset(&set);
	sigaddset(&set, tick_signal());
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	if (timer_create(CLOCK_MONOTONIC, &ev, &timer))
		return -errno;
	timer_opened = true;
	return 0;
}

void timer_close(void)
{
	if (!timer_opened)
		return;
	timer_delete(timer);
	sigaction(tick_signal(), &old_action, NULL);
	timer_opened = false;
}

static struct timespec from_ms(unsigned int ms)
{
	return (struct timespec){.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
}

void timer_arm(unsigned int first_ms, unsigned int every_ms)
{
	struct itimerspec spec = {.it_value = from_ms(first_ms), .it_interval = from_ms(every_ms)};

	if (!first_ms)
		spec.it_value.tv_nsec = 1;
	timer_settime(timer, 0, &spec, NULL);
	armed = true;
}

/* Somebody else may have used it meanwhile, and disarmed it. */
bool timer_armed(void)
{
	return armed;
}

void timer_disarm(void)
{
	struct itimerspec spec = {0};

	timer_settime(timer, 0, &spec, NULL);
	armed = false;
}
