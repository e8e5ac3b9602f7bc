// SPDX-License-Identifier: GPL-2.0
/*
 * target-hold.c - counts its signals, and looks at what each carries.
 *
 * target-hold CASE	prints "calls N" and "ok", or what was wrong:
 *	queue	a thread sends real-time signals that carry numbers, as fast as they are taken
 *	ack	a thread sends a standard signal as soon as the one before was handled
 *	two	both, and a timer every half millisecond
 *	once	prints its pid, calls until a signal comes, prints what it carried
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

long counted(long x);

__asm__(".text\n"
	".globl counted\n.type counted,@function\n"
	"counted:\n	lea 1(%rdi),%rax\n	ret\n.size counted,.-counted\n");

#define QUEUED 2000
#define ACKED  500
#define RT     (SIGRTMIN + 5)

static atomic_long queued, acked, ticks, wrong, own_calls;
static atomic_int done;
static sigset_t usual;
static pid_t main_tid;
static volatile sig_atomic_t got, got_code;
static void *volatile got_value;

static void bad(const char *what, long n)
{
	if (!atomic_fetch_add(&wrong, 1))
		printf("bad %s: %ld\n", what, n);
}

/* the program's own mask, this signal, and those whose handlers it may have interrupted */
static void check_mask(int signo)
{
	sigset_t now;
	int i;

	pthread_sigmask(SIG_SETMASK, NULL, &now);
	for (i = 1; i < 64; i++)
		if (sigismember(&now, i) > 0 && sigismember(&usual, i) <= 0 && i != RT && i != SIGUSR1 && i != SIGALRM)
			bad("mask in a handler, signal", i);
	if (sigismember(&now, signo) <= 0)
		bad("mask without the signal", signo);
}

static void on_queued(int signo, siginfo_t *info, void *context)
{
	long n = atomic_fetch_add(&queued, 1);

	(void)context;
	check_mask(signo);
	if (info->si_code != SI_QUEUE || info->si_pid != getpid() || info->si_value.sival_int != (int)n)
		bad("queued signal", n);
}

static void on_acked(int signo, siginfo_t *info, void *context)
{
	(void)context;
	check_mask(signo);
	if (info->si_code != SI_TKILL || info->si_pid != getpid())
		bad("signal", info->si_code);
	counted(0);
	atomic_fetch_add(&own_calls, 1);
	atomic_fetch_add(&acked, 1);
}

static void on_tick(int signo, siginfo_t *info, void *context)
{
	(void)context;
	check_mask(signo);
	if (info->si_code != SI_KERNEL)
		bad("tick", info->si_code);
	atomic_fetch_add(&ticks, 1);
}

static void on_any(int signo, siginfo_t *info, void *context)
{
	(void)context;
	got = signo;
	got_code = info->si_code;
	got_value = info->si_value.sival_ptr;
}

static void handle(int signo, void (*fn)(int, siginfo_t *, void *))
{
	struct sigaction sa = {.sa_sigaction = fn, .sa_flags = SA_SIGINFO | SA_RESTART};

	sigaction(signo, &sa, NULL);
}

static int send_queued(int i)
{
	siginfo_t info = {0};

	info.si_signo = RT;
	info.si_code = SI_QUEUE;
	info.si_pid = getpid();
	info.si_value.sival_int = i;
	return (int)syscall(SYS_rt_tgsigqueueinfo, getpid(), main_tid, RT, &info);
}

static void *sender(void *arg)
{
	int i;

	for (i = 0; i < QUEUED; i++)
		while (send_queued(i) && errno == EAGAIN)
			sched_yield();
	atomic_fetch_add(&done, 1);
	return arg;
}

static void *acker(void *arg)
{
	int i;

	for (i = 0; i < ACKED; i++) {
		syscall(SYS_tgkill, getpid(), main_tid, SIGUSR1);
		while (atomic_load(&acked) <= i)
			sched_yield();
	}
	atomic_fetch_add(&done, 1);
	return arg;
}

static void storm(int queue, int ack, int tick)
{
	struct itimerval it = {{0, 500}, {0, 500}};
	pthread_t th[2];
	sigset_t set, now;
	long x = 0, n = 0;
	int i;

	/* one that is blocked all the time, in case somebody changes the mask */
	sigemptyset(&usual);
	sigaddset(&usual, SIGUSR2);
	pthread_sigmask(SIG_SETMASK, &usual, NULL);
	handle(RT, on_queued);
	handle(SIGUSR1, on_acked);
	handle(SIGALRM, on_tick);
	/* somebody may want to come in here */
	x = counted(x);
	n++;
	/* the senders get no signals */
	sigfillset(&set);
	pthread_sigmask(SIG_SETMASK, &set, NULL);
	if ((queue && pthread_create(&th[0], NULL, sender, NULL)) || (ack && pthread_create(&th[1], NULL, acker, NULL)))
		exit(2);
	pthread_sigmask(SIG_SETMASK, &usual, NULL);
	if (tick)
		setitimer(ITIMER_REAL, &it, NULL);
	while (atomic_load(&done) < queue + ack || atomic_load(&queued) < queue * QUEUED) {
		x = counted(x);
		n++;
	}
	memset(&it, 0, sizeof(it));
	setitimer(ITIMER_REAL, &it, NULL);
	if (x != n)
		bad("result", x);
	pthread_sigmask(SIG_SETMASK, NULL, &now);
	for (i = 1; i < 64; i++)
		if (sigismember(&now, i) != sigismember(&usual, i))
			bad("mask at the end, signal", i);
	if (queued != queue * QUEUED || acked != ack * ACKED || (tick && !ticks))
		bad("number of signals", queued + acked);
	printf("calls %ld\n", n + own_calls);
}

static void once(void)
{
	long x = 0, n;

	handle(RT, on_any);
	handle(SIGUSR1, on_any);
	printf("%d\n", getpid());
	fflush(stdout);
	for (n = 0; !got; n++)
		x = counted(x);
	if (x != n)
		bad("result", x);
	printf("signal %d code %d value %p\n", got == RT ? 1 : (int)got, (int)got_code, got_value);
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";

	main_tid = getpid();
	if (!strcmp(how, "queue"))
		storm(1, 0, 0);
	else if (!strcmp(how, "ack"))
		storm(0, 1, 0);
	else if (!strcmp(how, "two"))
		storm(1, 1, 1);
	else if (!strcmp(how, "once"))
		once();
	else
		return 2;
	if (wrong)
		return 1;
	printf("ok\n");
	return 0;
}
