// SPDX-License-Identifier: GPL-2.0
/*
 * target-sandbox.c - a program that locks itself in, and calls functions there.
 *
 * target-sandbox HOW	strict, kill, errno, trap: the filter allows what the
 * program needs and punishes everything else; late: it is installed after some calls;
 * thread: only one of two threads is locked in.  Reads one byte before it calls, and
 * one more before it ends; prints its pid first and "calls N" at last.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

long counted(long x);
long copied(long x);

/* one whose effect can be computed, and one that can only be executed as a copy */
__asm__(".text\n"
	".globl counted\n.type counted,@function\n"
	"counted:\n	lea 1(%rdi),%rax\n	ret\n.size counted,.-counted\n"
	".globl copied\n.type copied,@function\n"
	"copied:\n	cvtsi2sd %rdi,%xmm0\n	cvttsd2si %xmm0,%rax\n	inc %rax\n	ret\n.size copied,.-copied\n");

static long calls;

static void allow_only(unsigned int action)
{
#define ALLOW(nr) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		ALLOW(SYS_read),
		ALLOW(SYS_write),
		ALLOW(SYS_exit),
		ALLOW(SYS_exit_group),
		ALLOW(SYS_futex),
		ALLOW(SYS_rt_sigreturn),
		ALLOW(SYS_madvise),
		ALLOW(SYS_rt_sigprocmask),
		BPF_STMT(BPF_RET | BPF_K, action),
	};
	struct sock_fprog prog = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		exit(3);
}

static void lock_in(const char *how)
{
	if (!strcmp(how, "strict")) {
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT))
			exit(3);
	} else if (!strcmp(how, "errno")) {
		allow_only(SECCOMP_RET_ERRNO | 1);
	} else if (!strcmp(how, "trap")) {
		allow_only(SECCOMP_RET_TRAP);
	} else {
		allow_only(SECCOMP_RET_KILL_PROCESS);
	}
}

static void say(const char *fmt, long n)
{
	char line[64];
	int len = snprintf(line, sizeof(line), fmt, n);

	if (write(1, line, (size_t)len) != len)
		_exit(4);
}

static void call(long n)
{
	long i, x = 0;

	for (i = 0; i < n; i++) {
		x = counted(x);
		if (copied(x) != x + 1)
			_exit(5);
	}
	calls += n;
	if (x != n)
		_exit(5);
}

static void await(void)
{
	char c;

	if (read(0, &c, 1) != 1)
		_exit(6);
}

static volatile int stop;

static void *locked(void *arg)
{
	lock_in("kill");
	while (!stop)
		;
	return arg;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "kill";
	pthread_t th;

	if (!strcmp(how, "thread"))
		pthread_create(&th, NULL, locked, NULL);
	else if (strcmp(how, "late"))
		lock_in(how);
	say("%ld\n", 0);
	await();
	call(100);
	if (!strcmp(how, "late")) {
		lock_in("kill");
		call(100);
	}
	say("calls %ld\n", calls);
	await();
	stop = 1;
	if (!strcmp(how, "thread"))
		pthread_join(th, NULL);
	syscall(SYS_exit, 0);
	return 0;
}
