// SPDX-License-Identifier: GPL-2.0
/*
 * target-pads.c - a program in the situations that pads have to reckon with: threads deep in
 * calls, handlers on other stacks, coroutines, children in the same memory.
 *
 * target-pads CASE	prints one line that begins with what the test wants to know when it
 * is there, then does what each line of its input says:
 *	fork	makes a child that waits, prints its pid
 *	rseq	makes a vfork child; prints what number of a CPU the child saw in its
 *		thread's rseq area, and what the parent sees afterwards
 *	reap	kills the children
 *	threads	a hundred of them, one after the other
 */
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __GLIBC__
#include <sys/rseq.h>
#include <ucontext.h>
#endif

/* deep() is called by caller(), whose next instruction is caller_after: it will return there */
long caller(void (*fn)(void));
extern char caller_after[], spin[], spin_end[];
long spin_until(volatile long *stop);

__asm__(".text\n"
	".globl caller\n.type caller,@function\n"
	"caller:\n	sub $8,%rsp\n	call *%rdi\n"
	".globl caller_after\ncaller_after:\n	add $8,%rsp\n	ret\n.size caller,.-caller\n"
	".globl spin_until\n.type spin_until,@function\n"
	"spin_until:\n"
	".globl spin\nspin:\n	mov (%rdi),%rax\n	test %rax,%rax\n	je spin\n"
	".globl spin_end\nspin_end:\n	ret\n.size spin_until,.-spin_until\n");

static volatile long stop;
static int ready[2];
static pid_t child;

/* Where it stands still: a read of nothing */
static void wait_here(void)
{
	char c = 'r';
	static int never[2];

	if (pipe(never) || write(ready[1], &c, 1) != 1)
		_exit(2);
	while (read(never[0], &c, 1) != 1)
		;
}

static void *in_thread(void *arg)
{
	caller(wait_here);
	return arg;
}

static void on_signal(int signo)
{
	(void)signo;
	wait_here();
}

static void *spins(void *arg)
{
	static char other[1 << 16];
	stack_t ss = {.ss_sp = other, .ss_size = sizeof(other)};

	if (arg)
		sigaltstack(&ss, NULL);
	spin_until(&stop);
	return NULL;
}

static void *signalled(void *arg)
{
	caller((void (*)(void))spins);
	return arg;
}

static void thread(void *(*fn)(void *), void *arg, pthread_t *th)
{
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	if (pthread_create(th, &attr, fn, arg))
		exit(2);
}

static void await_ready(void)
{
	char c;

	if (read(ready[0], &c, 1) != 1)
		exit(2);
}

/* a handler that stands still, over a thread that was in spin_until() */
static void with_handler(int on_other_stack)
{
	struct sigaction sa = {.sa_handler = on_signal, .sa_flags = on_other_stack ? SA_ONSTACK : 0};
	struct timespec ts = {0, 50000000};
	pthread_t th;

	sigaction(SIGUSR1, &sa, NULL);
	if (on_other_stack)
		thread(spins, &ts, &th);
	else
		thread(signalled, NULL, &th);
	/* it is in the loop as soon as it has used CPU time; its own clock says so */
	for (;;) {
		clockid_t id;

		if (pthread_getcpuclockid(th, &id))
			exit(2);
		clock_gettime(id, &ts);
		if (ts.tv_nsec > 20000000 || ts.tv_sec)
			break;
	}
	pthread_kill(th, SIGUSR1);
	await_ready();
}

#ifdef __GLIBC__
static ucontext_t back, first, co;
static char first_stack[1 << 16], co_stack[1 << 16];

/* Nobody stands on the first one's stack: it will return to caller_after when it is resumed. */
static void hand_over(void)
{
	swapcontext(&first, &co);
}

static void first_coroutine(void)
{
	caller(hand_over);
}

static void coroutine(void)
{
	char c = 'r';

	if (write(ready[1], &c, 1) != 1)
		_exit(2);
	for (;;)
		pause();
}

static void *resumes(void *arg)
{
	getcontext(&co);
	co.uc_stack.ss_sp = co_stack;
	co.uc_stack.ss_size = sizeof(co_stack);
	co.uc_link = &back;
	makecontext(&co, coroutine, 0);
	getcontext(&first);
	first.uc_stack.ss_sp = first_stack;
	first.uc_stack.ss_size = sizeof(first_stack);
	first.uc_link = &back;
	makecontext(&first, first_coroutine, 0);
	swapcontext(&back, &first);
	return arg;
}

static uint32_t cpu_id(void)
{
	uint32_t v;

	__asm__ volatile("mov %%fs:4(%1),%0" : "=r"(v) : "r"(__rseq_offset));
	return v;
}

static void try_vfork(void)
{
	volatile uint32_t seen = 0;
	int status;
	pid_t pid = vfork();

	if (!pid) {
		seen = cpu_id();
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		exit(2);
	printf("%x %x\n", seen, cpu_id());
}

static long offset(void)
{
	return __rseq_size ? __rseq_offset : 0;
}
#else
static void try_vfork(void)
{
	printf("none\n");
}

static long offset(void)
{
	return 0;
}
#endif

static void *nothing(void *arg)
{
	return arg;
}

static void try_threads(void)
{
	pthread_t th;
	int i;

	for (i = 0; i < 100; i++) {
		thread(nothing, NULL, &th);
		pthread_join(th, NULL);
	}
	printf("%d\n", i);
}

static void fork_child(void)
{
	child = fork();
	if (!child)
		for (;;)
			pause();
	printf("%d\n", child);
}

static volatile pid_t vfork_child;

static void vfork_waits(void)
{
	pid_t pid = vfork();

	if (!pid) {
		vfork_child = getpid();
		if (write(ready[1], "r", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
}

/* as many descriptors as it has */
static void without_descriptors(void)
{
	struct rlimit limit = {0};
	int fd = dup(0);

	close(fd);
	limit.rlim_cur = limit.rlim_max = (rlim_t)fd;
	if (fd < 0 || setrlimit(RLIMIT_NOFILE, &limit))
		exit(2);
}

static void *vforks(void *arg)
{
	caller(vfork_waits);
	return arg;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	char line[64];
	pthread_t th;

	if (pipe(ready))
		return 2;
	if (!strcmp(how, "thread")) {
		thread(in_thread, NULL, &th);
		await_ready();
	} else if (!strcmp(how, "handler")) {
		with_handler(0);
	} else if (!strcmp(how, "other-stack")) {
		with_handler(1);
	} else if (!strcmp(how, "poor")) {
		without_descriptors();
	} else if (!strcmp(how, "vfork")) {
		thread(vforks, NULL, &th);
		await_ready();
#ifdef __GLIBC__
	} else if (!strcmp(how, "coroutine")) {
		thread(resumes, NULL, &th);
		await_ready();
#endif
	}
	/* inverted: no word of ours is to look like an address in text */
	printf("%lx %lx %lx %ld %d\n", ~(unsigned long)caller_after, ~(unsigned long)spin, ~(unsigned long)spin_end,
	       offset(), vfork_child);
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		if (!strcmp(line, "fork\n"))
			fork_child();
		else if (!strcmp(line, "rseq\n"))
			try_vfork();
		else if (!strcmp(line, "threads\n"))
			try_threads();
		else if (!strcmp(line, "reap\n") && child > 0)
			printf("%d\n", kill(child, SIGKILL) || waitpid(child, NULL, 0) != child);
		fflush(stdout);
	}
	if (child > 0)
		kill(child, SIGKILL);
	_exit(0);
}
