// SPDX-License-Identifier: GPL-2.0
/*
 * target-sigs.c - looks closely at the signals it gets while its functions are probed.
 *
 * target-sigs CASE	prints "ok", or what was wrong.  Cases that begin with "in-" read
 * one line from standard input before they call anything, and another after it, so that
 * a test can attach and let go in between; the first line printed is the pid then.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

long counted(long x);
long loads(const long *p);
extern char loads_next[];

/* the first instruction of each is what is probed */
__asm__(".text\n"
	".globl counted\n.type counted,@function\n"
	"counted:\n	lea 1(%rdi),%rax\n	ret\n.size counted,.-counted\n"
	".globl loads\n.type loads,@function\n"
	"loads:\n	mov (%rdi),%rax\n"
	".globl loads_next\nloads_next:\n	ret\n.size loads,.-loads\n");

static volatile sig_atomic_t seen, last_code, wrong;
static volatile unsigned long last_ip, last_addr, last_value;
static volatile pid_t last_pid;

static void note(int signo, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	seen++;
	last_code = info->si_code;
	last_ip = (unsigned long)uc->uc_mcontext.gregs[REG_RIP];
	last_addr = (unsigned long)info->si_addr;
	last_value = (unsigned long)info->si_value.sival_ptr;
	last_pid = info->si_pid;
	/* a faulting load is skipped */
	if (signo == SIGSEGV)
		uc->uc_mcontext.gregs[REG_RIP] = (long)loads_next;
}

static void handle(int signo)
{
	struct sigaction sa = {.sa_sigaction = note, .sa_flags = SA_SIGINFO};

	sigaction(signo, &sa, NULL);
}

static void bad(const char *what)
{
	printf("bad %s: seen %d code %d ip %#lx addr %#lx\n", what, (int)seen, (int)last_code, last_ip, last_addr);
	exit(1);
}

static void call(long n)
{
	long i, x = 0;

	for (i = 0; i < n; i++)
		x = counted(x);
	if (x != n)
		bad("result");
}

static void queue(void)
{
	union sigval v;
	int i;

	handle(SIGRTMIN + 3);
	handle(SIGUSR1);
	for (i = 0; i < 200; i++) {
		v.sival_ptr = (void *)(0x123456789abcul + (unsigned long)i);
		call(3);
		sigqueue(getpid(), i % 2 ? SIGUSR1 : SIGRTMIN + 3, v);
		call(3);
		if (seen != i + 1 || last_code != SI_QUEUE || last_value != (unsigned long)v.sival_ptr ||
		    last_pid != getpid())
			bad("queued signal");
	}
}

static void fault(void)
{
	int i;

	handle(SIGSEGV);
	for (i = 0; i < 100; i++) {
		long *p = (long *)(0x1000ul + (unsigned long)i * 8);

		loads(p);
		if (seen != i + 1 || last_code != SEGV_MAPERR || last_addr != (unsigned long)p ||
		    last_ip != (unsigned long)loads)
			bad("fault");
		call(1);
	}
}

/* an int3 of the program's own: the handler sees the pc behind it */
static void own_int3(void)
{
	unsigned long after;
	int i;

	handle(SIGTRAP);
	for (i = 0; i < 100; i++) {
		call(2);
		if (i % 2)
			__asm__ volatile("lea 1f(%%rip),%0\n	int3\n1:" : "=r"(after) : : "memory");
		else
			__asm__ volatile("lea 1f(%%rip),%0\n	.byte 0xcd,3\n1:" : "=r"(after) : : "memory");
		if (seen != i + 1 || last_code != SI_KERNEL || last_ip != after)
			bad("own int3");
	}
}

static void *killer(void *arg)
{
	int i;

	for (i = 0; i < 500; i++)
		kill(getpid(), SIGTRAP);
	return arg;
}

/* sent from outside while probes are hit: each comes as what it is */
static void sent_trap(void)
{
	pthread_t th;
	int i;

	handle(SIGTRAP);
	for (i = 0; i < 100; i++) {
		raise(SIGTRAP);
		if (seen != i + 1 || last_code != SI_TKILL || last_pid != getpid())
			bad("raised trap");
		call(2);
	}
	seen = 0;
	pthread_create(&th, NULL, killer, NULL);
	call(2000);
	pthread_join(th, NULL);
	if (!seen || last_code != SI_USER)
		bad("sent trap");
}

static int trap_in_mask(void)
{
	sigset_t set;

	pthread_sigmask(SIG_SETMASK, NULL, &set);
	return sigismember(&set, SIGTRAP);
}

/* blocked by whoever executed us */
static void inherited_mask(void)
{
	if (!trap_in_mask())
		bad("mask at start");
	call(100);
	if (!trap_in_mask())
		bad("mask");
	raise(SIGTRAP);
	call(100);
	if (!trap_in_mask())
		bad("mask with a signal pending");
}

static void all_blocked(void)
{
	sigset_t set;

	handle(SIGTRAP);
	sigfillset(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	call(100);
	if (!trap_in_mask())
		bad("mask");
	sigemptyset(&set);
	pthread_sigmask(SIG_SETMASK, &set, NULL);
	call(100);
	if (trap_in_mask())
		bad("mask after it was emptied");
}

static void ignored(char **argv)
{
	struct sigaction sa;
	int i;

	/* what is read is SIG_IGN, or the handler that probed programs are given */
	sigaction(SIGTRAP, NULL, &sa);
	if (sa.sa_handler == SIG_DFL)
		bad("disposition at start");
	for (i = 0; i < 50; i++) {
		call(10);
		kill(getpid(), SIGTRAP);
		call(10);
	}
	if (getenv("SECOND_TIME"))
		return;
	setenv("SECOND_TIME", "1", 1);
	execv(argv[0], argv);
	bad("exec");
}

static void await(void)
{
	char line[64];

	printf("%d\n", getpid());
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		bad("first line");
}

static void await_end(void)
{
	char line[64];

	printf("called\n");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		bad("second line");
}

/* blocked, with a handler, before anybody attaches */
static void in_blocked(void)
{
	struct sigaction sa;
	sigset_t set;

	handle(SIGTRAP);
	sigemptyset(&set);
	sigaddset(&set, SIGTRAP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	await();
	call(100);
	if (!trap_in_mask())
		bad("mask");
	/* its own, or that which goes before it in probed programs */
	sigaction(SIGTRAP, NULL, &sa);
	if (sa.sa_handler == SIG_DFL || !(sa.sa_flags & SA_SIGINFO))
		bad("action while probed");
	await_end();
	sigaction(SIGTRAP, NULL, &sa);
	if (sa.sa_sigaction != note)
		bad("action");
	raise(SIGTRAP);
	if (seen)
		bad("blocked signal was delivered");
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	if (seen != 1)
		bad("signal after unblocking");
}

static void in_ignored(void)
{
	struct sigaction sa;

	signal(SIGTRAP, SIG_IGN);
	await();
	call(100);
	kill(getpid(), SIGTRAP);
	call(100);
	await_end();
	sigaction(SIGTRAP, NULL, &sa);
	if (sa.sa_handler != SIG_IGN)
		bad("action");
	kill(getpid(), SIGTRAP);
}

/* the program has a handler, and none of its signals blocked */
static void in_caught(void)
{
	handle(SIGTRAP);
	await();
	call(100);
	raise(SIGTRAP);
	if (seen != 1)
		bad("raised while probed");
	await_end();
	raise(SIGTRAP);
	if (seen != 2)
		bad("raised afterwards");
}

static void call_for(long ms)
{
	struct timespec start, now;

	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		call(10);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 < ms);
}

/* in a child, which is probed as well */
static void must_die(void (*how)(void), const char *what)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		call(10);
		how();
		call(10);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status) || WTERMSIG(status) != SIGTRAP)
		bad(what);
}

static void execute_int3(void)
{
	__asm__ volatile("int3" : : : "memory");
}

static void execute_int_3(void)
{
	__asm__ volatile(".byte 0xcd,3" : : : "memory");
}

static void raise_trap(void)
{
	raise(SIGTRAP);
}

static void step_once(void)
{
	__asm__ volatile("pushf\n	orl $0x100,(%%rsp)\n	popf\n	nop\n	nop\n" : : : "memory", "cc");
}

/* without a handler, with it ignored, and with a handler which has been taken back */
static void dies(void)
{
	struct sigaction sa, old;

	call(10);
	must_die(execute_int3, "int3 by default");
	must_die(execute_int_3, "int $3 by default");
	must_die(raise_trap, "raise by default");
	must_die(step_once, "a step by default");
	sigaction(SIGTRAP, NULL, &old);
	handle(SIGTRAP);
	call_for(150);
	raise(SIGTRAP);
	execute_int3();
	if (seen != 2)
		bad("handler set while probed");
	sigaction(SIGTRAP, &old, &sa);
	if (sa.sa_handler == SIG_DFL || !(sa.sa_flags & SA_SIGINFO))
		bad("old action");
	call_for(150);
	must_die(execute_int3, "int3 by default again");
	must_die(raise_trap, "raise by default again");
	if (seen != 2)
		bad("handler taken back");
}

static void in_ignored_dies(void)
{
	signal(SIGTRAP, SIG_IGN);
	await();
	call(100);
	must_die(execute_int3, "int3 while ignored");
	must_die(step_once, "a step while ignored");
	raise(SIGTRAP);
	call(100);
	await_end();
	raise(SIGTRAP);
}

/* each signal makes the handler call what is probed */
static void reenter(int signo)
{
	(void)signo;
	seen++;
	counted(1);
}

static void storm(void)
{
	struct itimerval it = {{0, 500}, {0, 500}};
	long n = 0;

	signal(SIGALRM, reenter);
	setitimer(ITIMER_REAL, &it, NULL);
	while (seen < 200) {
		call(100);
		n += 100;
	}
	memset(&it, 0, sizeof(it));
	setitimer(ITIMER_REAL, &it, NULL);
	printf("calls %ld\n", n + seen);
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";

	if (!strcmp(how, "queue"))
		queue();
	else if (!strcmp(how, "fault"))
		fault();
	else if (!strcmp(how, "own-int3"))
		own_int3();
	else if (!strcmp(how, "sent-trap"))
		sent_trap();
	else if (!strcmp(how, "inherited-mask"))
		inherited_mask();
	else if (!strcmp(how, "all-blocked"))
		all_blocked();
	else if (!strcmp(how, "ignored"))
		ignored(argv);
	else if (!strcmp(how, "in-blocked"))
		in_blocked();
	else if (!strcmp(how, "in-ignored"))
		in_ignored();
	else if (!strcmp(how, "in-caught"))
		in_caught();
	else if (!strcmp(how, "dies"))
		dies();
	else if (!strcmp(how, "in-ignored-dies"))
		in_ignored_dies();
	else if (!strcmp(how, "storm"))
		storm();
	else
		return 2;
	printf("ok\n");
	return 0;
}
