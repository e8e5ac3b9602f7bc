// SPDX-License-Identifier: GPL-2.0
/*
 * kill32.c - target-kill's plain case as a 32-bit program without a library and threads.
 *
 * kill32 [32caught]	Prints the same lines, and ends when its standard input does.  With 32caught
 * it has a handler for SIGTRAP, of the kind that gets no siginfo, and executes int3 and sends it for that.
 */
#define ROUNDS_AFTER  50

#define NR_exit	      1
#define NR_write      4
#define NR_getpid     20
#define NR_kill	      37
#define NR_setitimer  104
#define NR_poll	      168
#define NR_sigaction  174
#define NR_clock      265

#define SIGTRAP	      5
#define SIGUSR1	      10
#define SIGALRM	      14
#define RESTART	      0x10000000
#define POLLIN_OR_HUP 0x11

__asm__(".text\n"
	".macro FUNCTION name\n"
	"	.globl \\name\n"
	"	.type \\name,@function\n"
	"\\name:\n"
	".endm\n"
	"FUNCTION k_push\n	push %ebp\n	mov %esp,%ebp\n	mov 8(%ebp),%eax\n	inc %eax\n	pop %ebp\n	ret\n"
	"FUNCTION k_mov\n	mov 4(%esp),%eax\n	add $2,%eax\n	ret\n"
	"FUNCTION k_nop\n	nop\n	mov 4(%esp),%eax\n	add $3,%eax\n	ret\n"
	"FUNCTION k_jmp\n	jmp 1f\n	int3\n1:	mov 4(%esp),%eax\n	add $4,%eax\n	ret\n"
	"FUNCTION k_call\n	call k_ret\n	mov 4(%esp),%eax\n	add $5,%eax\n	ret\n"
	"FUNCTION k_call_mem\n	call *k_pointer\n	mov 4(%esp),%eax\n	add $6,%eax\n	ret\n"
	"FUNCTION k_popf\n	pushf\n	popf\n	mov 4(%esp),%eax\n	add $7,%eax\n	ret\n"
	"FUNCTION k_ret\n	ret\n"
	"FUNCTION k_aimed\n	xor %eax,%eax\n	ret\n"
	".globl _start\n"
	"_start:\n	mov %esp,%eax\n	and $-16,%esp\n	sub $12,%esp\n	push %eax\n	call run\n	int3\n"
	".data\n"
	"	.balign 4\n"
	"k_pointer:	.long k_aimed\n"
	".text\n");

typedef int (*function)(int x);
int k_push(int), k_mov(int), k_nop(int), k_jmp(int), k_call(int), k_call_mem(int), k_popf(int);
void run(const int *start);

static const function functions[] = {k_push, k_mov, k_nop, k_jmp, k_call, k_call_mem, k_popf};

#define NR_FUNCTIONS ((int)(sizeof(functions) / sizeof(functions[0])))

static volatile int seen, trap_seen, failed;

static int call(int nr, int a, int b, int c, int d)
{
	int r;

	__asm__ volatile("int $0x80" : "=a"(r) : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d) : "memory");
	return r;
}

static void say(const char *text)
{
	int n = 0;

	while (text[n])
		n++;
	call(NR_write, 1, (int)text, n, 0);
}

static void say_number(unsigned long long x, const char *end)
{
	/* no 64-bit division without a library: the numbers are below 10^12 */
	unsigned int hi = 0, lo, i;
	char buf[16];

	while (x >= 1000000ull) {
		x -= 1000000ull;
		hi++;
	}
	lo = (unsigned int)x;
	for (i = 12; i-- > 6; lo /= 10)
		buf[i] = (char)('0' + lo % 10);
	for (i = 6; i-- > 0; hi /= 10)
		buf[i] = (char)('0' + hi % 10);
	buf[12] = 0;
	say(buf);
	say(end);
}

/* In ms. */
static void say_time(void)
{
	int now[2];

	call(NR_clock, 1, (int)now, 0, 0);
	say_number((unsigned int)now[0] * 1000ull + (unsigned int)now[1] / 1000000u, "\n");
}

static void bad(const char *what)
{
	if (!failed)
		say(what);
	failed = 1;
}

static void call_all(int x)
{
	int i;

	for (i = 0; i < NR_FUNCTIONS; i++)
		if (functions[i](x) != x + 1 + i)
			bad("bad: result\n");
}

static void next_alarm(void)
{
	int it[4] = {0, 0, 0, 700};

	call(NR_setitimer, 0, (int)it, 0, 0);
}

static void on_alarm(int signo)
{
	(void)signo;
	call_all(7);
	next_alarm();
}

static void on_usr(int signo)
{
	(void)signo;
	seen++;
}

static void on_trap(int signo)
{
	trap_seen += signo == SIGTRAP;
}

static void handle(int signo, void (*handler)(int), int mask)
{
	int action[5] = {(int)handler, RESTART, 0, mask, mask};

	call(NR_sigaction, signo, (int)action, 0, 8);
}

static void use_registers(int x)
{
	int back = 0;
	double d = x + .25;

	__asm__ volatile("movd %2,%%xmm5\n"
			 "	push %2\n	call k_push\n	call k_nop\n	call k_mov\n	add $4,%%esp\n"
			 "	movd %%xmm5,%0\n"
			 : "=m"(back), "+t"(d)
			 : "S"(x)
			 : "eax", "ecx", "edx", "xmm5", "memory", "cc");
	if (back != x || d != x + .25)
		bad("bad: registers\n");
}

static int input_has_ended(void)
{
	struct {
		int fd;
		short events, revents;
	} p = {0, 1, 0};

	return call(NR_poll, (int)&p, 1, 0, 0) > 0 && p.revents & POLLIN_OR_HUP;
}

static void own_trap(int x, int pid)
{
	int want = trap_seen + 1;

	if (x & 1)
		call(NR_kill, pid, SIGTRAP, 0, 0);
	else
		__asm__ volatile("int3" : : : "memory");
	if (trap_seen != want)
		bad("bad: own SIGTRAP\n");
}

/* @start: argc, then argv */
void run(const int *start)
{
	int caught = start[0] > 1 && ((const char *)start[2])[2];

	int left = ROUNDS_AFTER, x, pid = call(NR_getpid, 0, 0, 0, 0);

	say_number((unsigned long long)pid, " ");
	say_time();
	handle(SIGUSR1, on_usr, 0);
	handle(SIGALRM, on_alarm, 0);
	if (caught)
		/* nothing that is probed may be called while SIGTRAP is blocked */
		handle(SIGTRAP, on_trap, -1);
	say("set ");
	say_time();
	next_alarm();
	say("ready\n");
	for (x = 0; left && !failed; x++) {
		int want = seen + 1;

		call_all(x);
		use_registers(x);
		call(NR_kill, pid, SIGUSR1, 0, 0);
		if (seen != want)
			bad("bad: a signal was lost\n");
		if (caught)
			own_trap(x, pid);
		if (input_has_ended())
			left--;
	}
	if (!failed)
		say("ok\n");
	call(NR_exit, failed, 0, 0, 0);
}
