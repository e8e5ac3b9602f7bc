// SPDX-License-Identifier: GPL-2.0
/*
 * unwind.c - stacks that are left, switched and looked at: longjmp, coroutines, backtraces
 * from below, signal frames one upon the other, a stack that overflows.
 *
 * unwind [ROUNDS]
 *
 * Linked with its symbols exported, so that it can put names to return addresses.
 */
#include <dlfcn.h>
#include <execinfo.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "account.h"

/* it ends by running out of stack */
#pragma GCC diagnostic ignored "-Winfinite-recursion"

#define PLAIN __attribute__((noipa))

/* --- longjmp ------------------------------------------------------------------ */

static volatile int always = 1;
static jmp_buf home;
static sigjmp_buf signal_home;

PLAIN long jump_deep(long n)
{
	long r;

	if (!n && always)
		longjmp(home, 7);
	r = jump_deep(n - 1);
	return ~r ^ n;
}

PLAIN void jump_handler(int sig)
{
	siglongjmp(signal_home, sig);
}

static void jumps(long x)
{
	volatile long depth = x % 20;
	int r = setjmp(home);

	if (!r)
		must_be(jump_deep(depth), -1, "longjmp never returns");
	must_be(r, 7, "longjmp");
	account("jump_deep", depth + 1);
	r = sigsetjmp(signal_home, 1);
	if (!r) {
		signal(SIGUSR1, jump_handler);
		raise(SIGUSR1);
	}
	must_be(r, SIGUSR1, "siglongjmp out of a handler");
	account("jump_handler", 1);
}

/* --- coroutines ------------------------------------------------------------------ */

static ucontext_t main_context, co_context[2];
static long passed;

PLAIN long co_step(long v, int me)
{
	passed = v * 3 + me;
	swapcontext(&co_context[me], me ? &main_context : &co_context[1]);
	return passed;
}

PLAIN void co_body(int me, int n)
{
	long v = me;

	while (n--)
		v = co_step(v + passed, me);
}

/* What comes of it: what each was passed, it sees when its turn comes again. */
static long passed_in(long rounds)
{
	long v[2] = {0, 1}, p = 0, i;
	int me;

	for (i = 0; i < rounds; i++) {
		for (me = 0; me < 2; me++) {
			if (i)
				v[me] = p;
			p = (v[me] + p) * 3 + me;
		}
	}
	return p;
}

static void coroutines(long x)
{
	static char stack[2][65536];
	long rounds = x % 10 + 1, i;
	int me;

	passed = 0;
	for (me = 0; me < 2; me++) {
		getcontext(&co_context[me]);
		co_context[me].uc_stack.ss_sp = stack[me];
		co_context[me].uc_stack.ss_size = sizeof(stack[me]);
		co_context[me].uc_link = me ? &main_context : &co_context[1];
		makecontext(&co_context[me], (void (*)(void))co_body, 2, me, (int)rounds);
	}
	for (i = 0; i <= rounds; i++)
		swapcontext(&main_context, &co_context[0]);
	must_be(passed, passed_in(rounds), "coroutines");
	account("co_step", 2 * rounds);
	account("co_body", 2);
}

/* --- backtraces --------------------------------------------------------------------- */

static char seen[512];

/* "f < g < main": the functions of our own below which we are */
PLAIN void look_up(int handler)
{
	void *frames[32];
	int n = backtrace(frames, 32), i;
	Dl_info self, info;

	dladdr(look_up, &self);
	seen[0] = '\0';
	for (i = 0; i < n; i++) {
		if (!must(dladdr((char *)frames[i] - 1, &info), "every return address is somebody's"))
			continue;
		if (info.dli_fbase != self.dli_fbase || !info.dli_sname)
			continue;
		if (seen[0])
			strcat(seen, " < ");
		strncat(seen, info.dli_sname, 40);
		if (!strcmp(info.dli_sname, "main"))
			break;
	}
}

PLAIN long look_leaf(long x)
{
	look_up(0);
	return x + 1;
}

PLAIN long look_middle(long x)
{
	return look_leaf(x) * 2 + 1;
}

PLAIN long look_top(long (*f)(long x), long x)
{
	return f(x) - 1;
}

PLAIN void look_handler(int sig)
{
	look_up(sig);
	/* no tail call */
	always = 1;
}

/* raise() itself is the C library's: the frames above it are its own and the handler's */
PLAIN long look_raise(long x)
{
	raise(SIGUSR2);
	return x;
}

PLAIN void *return_address(void)
{
	return __builtin_return_address(0);
}

PLAIN int caller_of(void **ret)
{
	*ret = return_address();
	return 1;
}

static void backtraces(long x)
{
	struct sigaction sa = {.sa_handler = look_handler};
	Dl_info info;
	void *pc;

	must_be(look_top(look_middle, x), 2 * x + 2, "look_top");
	must(!strcmp(seen, "look_up < look_leaf < look_middle < look_top < main") ||
		     !strcmp(seen, "look_up < look_leaf < look_middle < look_top < backtraces < main"),
	     seen);
	sigaction(SIGUSR2, &sa, NULL);
	must_be(look_top(look_raise, x), x - 1, "look_raise");
	must(strstr(seen, "look_up < look_handler < look_raise < look_top < ") == seen, seen);
	caller_of(&pc);
	must(dladdr(pc, &info) && !strcmp(info.dli_sname, "caller_of"), "a return address");
	account("look_up", 2);
	account("look_leaf", 1);
	account("look_middle", 1);
	account("look_top", 2);
	account("look_raise", 1);
	account("look_handler", 1);
	account("return_address", 1);
	account("caller_of", 1);
}

/* --- signals ----------------------------------------------------------------------------- */

static volatile long frames_below, on_other_stack;
static char *other_stack;

#define OTHER_STACK 65536

PLAIN long in_handler(long n)
{
	char here;

	on_other_stack += &here >= other_stack && &here < other_stack + OTHER_STACK;
	return n + 1;
}

PLAIN void nest_handler(int sig, siginfo_t *info, void *context)
{
	frames_below = in_handler(frames_below);
	if (sig == SIGUSR1)
		raise(SIGUSR2);
	frames_below = in_handler(frames_below);
}

static void signals(long x)
{
	struct sigaction sa = {.sa_sigaction = nest_handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};

	frames_below = on_other_stack = 0;
	sigaction(SIGUSR1, &sa, NULL);
	sigaction(SIGUSR2, &sa, NULL);
	raise(SIGUSR1);
	must_be(frames_below, 4, "a handler within a handler");
	must_be(on_other_stack, 4, "on the alternate stack");
	account("nest_handler", 2);
	account("in_handler", 4);
}

/* --- a stack that ends ---------------------------------------------------------------------- */

static volatile long depth;

PLAIN long overflow(long n)
{
	volatile char room[200];

	depth++;
	room[0] = n;
	return overflow(n + 1) + room[0];
}

PLAIN void overflow_handler(int sig)
{
	siglongjmp(signal_home, 1);
}

static void overflow_body(void)
{
	overflow(0);
}

/* Where exactly it ends, in a call or in a push, is not said: how often it was entered is not in the account. */
static void overflows(char *stack)
{
	struct sigaction sa = {.sa_handler = overflow_handler, .sa_flags = SA_ONSTACK};

	sigaction(SIGSEGV, &sa, NULL);
	depth = 0;
	if (!sigsetjmp(signal_home, 1)) {
		getcontext(&co_context[0]);
		co_context[0].uc_stack.ss_sp = stack + 4096;
		co_context[0].uc_stack.ss_size = 16384;
		co_context[0].uc_link = NULL;
		makecontext(&co_context[0], overflow_body, 0);
		setcontext(&co_context[0]);
	}
	must(depth > 20 && depth < 100, "a stack that overflows");
	signal(SIGSEGV, SIG_DFL);
	account("overflow_handler", 1);
}

int main(int argc, char **argv)
{
	long rounds = argc > 1 ? atol(argv[1]) : 10, x;
	stack_t alternate = {.ss_size = OTHER_STACK};
	char *stack;
	void *warm[2];

	stack = mmap(NULL, 4096 + 16384 + OTHER_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (stack == MAP_FAILED || mprotect(stack, 4096, PROT_NONE))
		return 3;
	alternate.ss_sp = other_stack = stack + 4096 + 16384;
	sigaltstack(&alternate, NULL);
	backtrace(warm, 2);
	for (x = 1; x <= rounds; x++) {
		jumps(x);
		coroutines(x);
		backtraces(x);
		signals(x);
		overflows(stack);
	}
	return account_end();
}
