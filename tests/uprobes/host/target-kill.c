// SPDX-License-Identifier: GPL-2.0
/*
 * target-kill.c - is probed while the tool is killed, and looks whether anything goes wrong.
 *
 * target-kill HOW [THREADS]	ends when its standard input does
 *   plain	SIGTRAP as it was
 *   caught	a handler for SIGTRAP, which each thread raises and executes int3 for
 *   ignored	SIGTRAP is ignored, and sent by each thread
 *   blocked	each thread blocks SIGTRAP
 *   children	as plain, and forks children that call the same functions
 *   int3, raise	as plain, and ends by a SIGTRAP of its own
 *   later	as plain, until a line is read: then as caught
 *   after	the same, when nobody is there to notice
 *   reset	a handler for SIGTRAP, which is not called, until a line is read: then none
 *
 * Each thread calls functions whose results it knows, keeps values in vector and x87
 * registers, and sends itself a signal that must have arrived when the call returns.  A timer
 * interrupts all of that.  The first thread waits in read(), which must not be interrupted.
 * Printed are: its pid and the time (ms); "set" and the time, when actions are set; "ready", when threads are started; when the input has
 * ended, and each thread has gone round some more times, "ok" or what was wrong.  With later and reset also
 * "noticed", when sigaction() shows another action than the one that was set.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define ROUNDS_AFTER 50
#define MAX_THREADS  16

/*
 * One entry for each way in which an instruction may be executed.  k_ret's only instruction stands right
 * before k_aimed, which is where an indirect call that is computed leads.
 */
__asm__(".text\n"
	".macro FUNCTION name\n"
	"	.globl \\name\n"
	"	.type \\name,@function\n"
	"\\name:\n"
	".endm\n"
	"FUNCTION k_push\n	push %rbp\n	mov %rsp,%rbp\n	lea 1(%rdi),%rax\n	pop %rbp\n	ret\n"
	"FUNCTION k_lea\n	lea 2(%rdi),%rax\n	ret\n"
	"FUNCTION k_endbr\n	endbr64\n	lea 3(%rdi),%rax\n	ret\n"
	"FUNCTION k_nop\n	nop\n	lea 4(%rdi),%rax\n	ret\n"
	"FUNCTION k_riprel\n	mov k_five(%rip),%rax\n	add %rdi,%rax\n	ret\n"
	"FUNCTION k_jmp\n	jmp 1f\n	int3\n1:	lea 6(%rdi),%rax\n	ret\n"
	"FUNCTION k_jcc\n	jrcxz 1f\n	lea 7(%rdi),%rax\n	ret\n1:	lea 7(%rdi),%rax\n	ret\n"
	"FUNCTION k_call\n	call k_aimed\n	add $8,%rax\n	ret\n"
	"FUNCTION k_call_mem\n	call *k_pointer(%rip)\n	add $9,%rax\n	ret\n"
	"FUNCTION k_popf\n	lea 10(%rdi),%rax\n	pushf\n	popf\n	ret\n"
	"FUNCTION k_syscall\n	push %rdi\n	mov $39,%eax\n	syscall\n	pop %rax\n	add $11,%rax\n	ret\n"
	"FUNCTION k_call_ret\n	lea 12(%rdi),%rax\n	push %rax\n	call k_ret\n	pop %rax\n	ret\n"
	"FUNCTION k_hop\n	.cfi_startproc\n	xor %ecx,%ecx\n1:	inc %ecx\n	cmp $2,%ecx\n	jne 1b\n"
	"	lea 13(%rdi),%rax\n	ret\n	.cfi_endproc\n	.size k_hop,.-k_hop\n	.skip 9,0x90\n"
	"FUNCTION k_ret\n	ret\n"
	"FUNCTION k_aimed\n	mov %rdi,%rax\n	ret\n"
	".section .rodata\n"
	"	.balign 8\n"
	"k_five:	.quad 5\n"
	".data\n"
	"	.balign 8\n"
	"k_pointer:	.quad k_aimed\n"
	".text\n");

typedef long (*function)(long x);
long k_push(long), k_lea(long), k_endbr(long), k_nop(long), k_riprel(long), k_jmp(long), k_jcc(long), k_call(long),
	k_call_mem(long), k_popf(long), k_syscall(long), k_call_ret(long), k_hop(long);

static const function functions[] = {k_push, k_lea,	 k_endbr, k_nop,     k_riprel,	 k_jmp, k_jcc,
				     k_call, k_call_mem, k_popf,  k_syscall, k_call_ret, k_hop};

#define NR_FUNCTIONS (sizeof(functions) / sizeof(functions[0]))

static const char *how;
static volatile int finish, failed, own_traps;
static __thread volatile sig_atomic_t usr_seen, trap_seen, trap_code;
static volatile sig_atomic_t alarms;

__attribute__((format(printf, 1, 2))) static void bad(const char *fmt, ...)
{
	va_list ap;

	if (__sync_fetch_and_add(&failed, 1))
		return;
	va_start(ap, fmt);
	printf("bad: ");
	vprintf(fmt, ap);
	printf("\n");
	fflush(stdout);
	va_end(ap);
}

static void call_all(long x)
{
	unsigned int i;

	for (i = 0; i < NR_FUNCTIONS; i++) {
		long r = functions[i](x);

		if (r != x + 1 + (long)i)
			bad("function %u of %ld gave %ld", i, x, r);
	}
}

static void on_usr(int signo)
{
	(void)signo;
	usr_seen++;
}

/* Once more, when all of this one is done: hits may take long. */
static void next_alarm(void)
{
	struct itimerval it = {{0, 0}, {0, 700}};

	setitimer(ITIMER_REAL, &it, NULL);
}

static void on_alarm(int signo)
{
	int e = errno;

	(void)signo;
	alarms++;
	call_all(alarms);
	next_alarm();
	errno = e;
}

static void on_trap(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)context;
	trap_seen++;
	trap_code = info->si_code;
}

static void set_handler(int signo, void (*simple)(int), void (*full)(int, siginfo_t *, void *))
{
	struct sigaction sa = {.sa_flags = SA_RESTART | (full ? SA_SIGINFO : 0)};

	if (full)
		sa.sa_sigaction = full;
	else
		sa.sa_handler = simple;
	/* nothing that is probed may be called while SIGTRAP is blocked */
	if (full)
		sigfillset(&sa.sa_mask);
	sigaction(signo, &sa, NULL);
}

static void block_trap(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTRAP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

/* --- what a thread does ------------------------------------------------------------- */

static void use_registers(long x)
{
	double d[4] = {x + .25, x + .5, x + .75, x + 1.}, back[4];
	long double l = x + .125L;

	/* called here: the compiler keeps none of these across calls */
	__asm__ volatile("sub $128,%%rsp\n"
			 "	movupd (%1),%%xmm6\n	movupd 16(%1),%%xmm7\n"
			 "	mov %3,%%rdi\n"
			 "	call k_push\n	call k_lea\n	call k_endbr\n"
			 "	movupd %%xmm6,(%2)\n	movupd %%xmm7,16(%2)\n"
			 "	add $128,%%rsp\n"
			 : "+t"(l)
			 : "r"(d), "r"(back), "r"(x)
			 : "rdi", "rax", "xmm6", "xmm7", "memory", "cc");
	if (memcmp(d, back, sizeof(d)))
		bad("vector registers");
	if (l != x + .125L)
		bad("x87 registers");
}

static void own_trap(long x)
{
	int want = trap_seen + 1;

	if (x & 1)
		raise(SIGTRAP);
	else
		__asm__ volatile("int3" : : : "memory");
	if (trap_seen != want || trap_code != (x & 1 ? SI_TKILL : SI_KERNEL))
		bad("own SIGTRAP: seen %d, want %d, code %d", (int)trap_seen, want, (int)trap_code);
}

static void fork_child(void)
{
	pid_t pid = fork();
	int status, r;

	if (!pid) {
		call_all(1);
		_exit(failed ? 1 : 0);
	}
	while ((r = waitpid(pid, &status, 0)) < 0 && errno == EINTR)
		;
	if (r != pid || status)
		bad("child: status %#x", status);
}

static void one_round(long x)
{
	int want = usr_seen + 1;

	call_all(x);
	use_registers(x);
	raise(SIGUSR1);
	if (usr_seen != want)
		bad("a signal was lost");
	if (own_traps)
		own_trap(x);
	else if (!strcmp(how, "ignored"))
		raise(SIGTRAP);
	else if (!strcmp(how, "children") && x % 16 == 0)
		fork_child();
}

static void *run(void *arg)
{
	long x, left = ROUNDS_AFTER;

	if (!strcmp(how, "blocked"))
		block_trap();
	for (x = 0; left && !failed; x++) {
		one_round(x);
		if (finish)
			left--;
	}
	return arg;
}

/* --- the first thread ---------------------------------------------------------------- */

/* Nobody is told that it sets another action than the one it was probed with. */
static void change_action(void)
{
	time_t end = time(NULL) + 15;
	struct sigaction now;

	if (!strcmp(how, "reset"))
		signal(SIGTRAP, SIG_DFL);
	else
		set_handler(SIGTRAP, NULL, on_trap);
	own_traps = strcmp(how, "reset") != 0;
	if (!strcmp(how, "after"))
		return;
	do {
		sched_yield();
		sigaction(SIGTRAP, NULL, &now);
	} while ((now.sa_sigaction == on_trap || now.sa_handler == SIG_DFL) && !failed && time(NULL) < end);
	if (now.sa_sigaction == on_trap || now.sa_handler == SIG_DFL)
		bad("not noticed");
	else if (!failed)
		printf("noticed\n");
	fflush(stdout);
}

static void await_end(void)
{
	char buf[64];
	ssize_t n;

	while ((n = read(0, buf, sizeof(buf))) > 0)
		if (memchr(buf, '\n', (size_t)n) &&
		    (!strcmp(how, "later") || !strcmp(how, "after") || !strcmp(how, "reset")))
			change_action();
	if (n)
		bad("read: %s", strerror(errno));
}

static long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

int main(int argc, char **argv)
{
	int i, nr = argc > 2 ? atoi(argv[2]) : 2;
	pthread_t threads[MAX_THREADS];

	how = argc > 1 ? argv[1] : "";
	if (nr < 1 || nr > MAX_THREADS)
		return 2;
	printf("%d %lld\n", getpid(), now_ms());
	fflush(stdout);
	set_handler(SIGUSR1, on_usr, NULL);
	set_handler(SIGALRM, on_alarm, NULL);
	own_traps = !strcmp(how, "caught");
	if (own_traps || !strcmp(how, "reset"))
		set_handler(SIGTRAP, NULL, on_trap);
	else if (!strcmp(how, "ignored"))
		signal(SIGTRAP, SIG_IGN);
	printf("set %lld\n", now_ms());
	fflush(stdout);
	for (i = 0; i < nr; i++)
		pthread_create(&threads[i], NULL, run, NULL);
	next_alarm();
	printf("ready\n");
	fflush(stdout);
	await_end();
	finish = 1;
	for (i = 0; i < nr; i++)
		pthread_join(threads[i], NULL);
	if (!failed)
		printf("ok\n");
	fflush(stdout);
	if (!strcmp(how, "int3"))
		__asm__ volatile("int3" : : : "memory");
	else if (!strcmp(how, "raise"))
		raise(SIGTRAP);
	return failed ? 1 : 0;
}
