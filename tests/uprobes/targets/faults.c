// SPDX-License-Identifier: GPL-2.0
/*
 * faults.c - functions whose first instructions fault; a handler repairs the cause, skips the
 * instruction, changes a register or jumps away.
 *
 * faults [ROUNDS]
 *
 * The handler checks what it is told: the instruction's own address, wherever it was
 * executed.  An instruction that faults was executed, and is executed again when it is
 * restarted: that is how it is counted (Documentation/uprobes.txt).
 */
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "account.h"

#define NR(a) (sizeof(a) / sizeof((a)[0]))

/* long f(p, x, unused, 16) */
#define FUNCTION(name, code)                                                                            \
	long name(char *p, long x, long unused, long n);                                                \
	__asm__(".text\n.globl " #name "\n.type " #name ",@function\n" #name ":\n.cfi_startproc\n" code \
		" ret\n.cfi_endproc\n.size " #name ", . - " #name "\n")

#define AT(label) "\n.globl " #label "\n" #label ":\n"

/* the first instruction, of 3 and of 7 bytes */
FUNCTION(load_first, "mov (%rdi), %rax\n add %rsi, %rax\n");
FUNCTION(load_far, "mov 0x800(%rdi), %rax\n add %rsi, %rax\n");
FUNCTION(load_by_register, "mov (%rdi), %rax\n add %rsi, %rax\n");
/* the second and the third, both within five bytes */
FUNCTION(load_second, "push %rsi\n" AT(at_second) "add (%rdi), %rsi\n pop %rax\n add %rsi, %rax\n");
FUNCTION(load_third, "push %rsi\n pop %rax\n" AT(at_third) "add (%rdi), %rax\n add $3, %rax\n");
FUNCTION(load_skipped, "push %rsi\n pop %rax\n" AT(at_skipped) "add (%rdi), %rax\n add $3, %rax\n");
/* a store, one that reads and writes, a string that begins a word before the page */
FUNCTION(store_first, "mov %rsi, (%rdi)\n mov %rsi, %rax\n");
FUNCTION(lock_first, "lock xadd %rsi, (%rdi)\n mov (%rdi), %rax\n");
FUNCTION(string_third, "push %rsi\n pop %rax\n" AT(at_string) "rep stosb\n add %rcx, %rax\n");
FUNCTION(string_first, "rep stosb\n lea (%rcx, %rsi), %rax\n");
/* through memory that is not there: a call that fails has not happened */
FUNCTION(call_first, "call *(%rdi)\n add %rsi, %rax\n");
FUNCTION(jump_second, "push %rsi\n" AT(at_jump) "jmp *(%rdi)\n");
FUNCTION(push_first, "push (%rdi)\n pop %rax\n add %rsi, %rax\n");
/* signals of other kinds */
FUNCTION(divide_third,
	 "push %rsi\n pop %rax\n xor %edx, %edx\n" AT(at_divide) "idivq word_zero(%rip)\n add %rsi, %rax\n");
FUNCTION(divide_first, "divl (%rdi)\n");
FUNCTION(ud2_first, "ud2\n lea 2(%rsi), %rax\n");
FUNCTION(ud2_second, "push %rsi\n" AT(at_ud2) "ud2\n pop %rax\n");
FUNCTION(hlt_second, "push %rsi\n" AT(at_hlt) "hlt\n pop %rax\n");
/* left for good */
FUNCTION(away_first, "mov (%rdi), %rax\n");
FUNCTION(away_second, "push %rsi\n" AT(at_away) "mov (%rdi), %rax\n pop %rsi\n");

FUNCTION(forty, "mov $40, %eax\n");
FUNCTION(forty_pop, "pop %rax\n add $40, %rax\n");

extern char at_second[], at_third[], at_skipped[], at_string[], at_jump[], at_divide[], at_ud2[], at_hlt[], at_away[];

long word_zero;

enum deed {
	REPAIR,	  /* give the page back */
	SKIP,	  /* go on behind the instruction */
	REGISTER, /* lead it to other memory */
	DIVISOR,
	AWAY, /* siglongjmp */
};

#define WORD	 40	/* in the page */
#define FAR_WORD 80	/* the same at 0x800 */
#define NO_ADDR	 -1	/* no address of the fault */
#define AT_RIP	 0x1000 /* it is that of the instruction */

/* One fault: what the handler expects, what it does, what comes of it. */
struct fault {
	const char *name;
	long (*function)(char *p, long x, long unused, long n);
	int sig;
	enum deed deed;
	int skip;
	const char *place; /* NULL: the first instruction */
	int from;	   /* its argument, relative to the page */
	int fault;	   /* address of the fault, relative to the page */
	long times, more;  /* the result: times * x + more */
	const char *through;
};

static const struct fault faults[] = {
	{"load_first", load_first, SIGSEGV, REPAIR, 0, NULL, 0, 0, 1, WORD, NULL},
	{"load_far", load_far, SIGSEGV, REPAIR, 0, NULL, 0, 0x800, 1, FAR_WORD, NULL},
	{"load_by_register", load_by_register, SIGSEGV, REGISTER, 0, NULL, 0, 0, 1, 500, NULL},
	{"load_second", load_second, SIGSEGV, REPAIR, 0, at_second, 0, 0, 2, WORD, NULL},
	{"load_third", load_third, SIGSEGV, REPAIR, 0, at_third, 0, 0, 1, WORD + 3, NULL},
	{"load_skipped", load_skipped, SIGSEGV, SKIP, 3, at_skipped, 0, 0, 1, 3, NULL},
	{"store_first", store_first, SIGSEGV, REPAIR, 0, NULL, 0, 0, 1, 0, NULL},
	{"lock_first", lock_first, SIGSEGV, REPAIR, 0, NULL, 0, 0, 1, WORD, NULL},
	{"string_third", string_third, SIGSEGV, REPAIR, 0, at_string, -8, 0, 1, 0, NULL},
	{"string_first", string_first, SIGSEGV, REPAIR, 0, NULL, -8, 0, 1, 0, NULL},
	{"call_first", call_first, SIGSEGV, REPAIR, 0, NULL, 0x100, 0x100, 1, 40, "forty"},
	{"jump_second", jump_second, SIGSEGV, REPAIR, 0, at_jump, 0x108, 0x108, 1, 40, "forty_pop"},
	{"push_first", push_first, SIGSEGV, REPAIR, 0, NULL, 0, 0, 1, WORD, NULL},
	{"divide_third", divide_third, SIGFPE, DIVISOR, 0, at_divide, 0, AT_RIP, 2, 0, NULL},
	{"divide_first", divide_first, SIGSEGV, AWAY, 0, NULL, 0, 0, 0, -1, NULL},
	{"ud2_first", ud2_first, SIGILL, SKIP, 2, NULL, 0, AT_RIP, 1, 2, NULL},
	{"ud2_second", ud2_second, SIGILL, SKIP, 2, at_ud2, 0, AT_RIP, 1, 0, NULL},
	{"hlt_second", hlt_second, SIGSEGV, SKIP, 1, at_hlt, 0, NO_ADDR, 1, 0, NULL},
	{"away_first", away_first, SIGSEGV, AWAY, 0, NULL, 0, 0, 0, -1, NULL},
	{"away_second", away_second, SIGSEGV, AWAY, 0, at_away, 0, 0, 0, -1, NULL},
};

static const struct fault *now;
static int came;
static sigjmp_buf away;
static char *page;
static long other_words[2] = {500, 500};

static const char *place_of(const struct fault *f)
{
	return f->place ? f->place : (const char *)f->function;
}

static void handler(int sig, siginfo_t *info, void *context)
{
	greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;

	came++;
	must_be(sig, now->sig, now->name);
	must_be(regs[REG_RIP], (long)place_of(now), now->name);
	if (now->fault == AT_RIP)
		must_be((long)info->si_addr, (long)place_of(now), now->name);
	else if (now->fault != NO_ADDR)
		must_be((long)info->si_addr, (long)page + now->fault, now->name);
	if (now->deed == REPAIR)
		mprotect(page, 4096, PROT_READ | PROT_WRITE);
	else if (now->deed == SKIP)
		regs[REG_RIP] += now->skip;
	else if (now->deed == REGISTER)
		regs[REG_RDI] = (long)other_words;
	else if (now->deed == DIVISOR)
		word_zero = 1;
	else
		siglongjmp(away, 1);
}

/* The page is filled, and out of reach. */
static void hide(void)
{
	void *called = forty, *jumped_to = forty_pop;

	mprotect(page, 4096, PROT_READ | PROT_WRITE);
	*(long *)page = WORD;
	*(long *)(page + 0x800) = FAR_WORD;
	memcpy(page + 0x100, &called, sizeof(called));
	memcpy(page + 0x108, &jumped_to, sizeof(jumped_to));
	mprotect(page, 4096, PROT_NONE);
	word_zero = 0;
}

static void once(const struct fault *f, long x)
{
	int restarts = f->deed != SKIP && f->deed != AWAY;
	volatile long got = -1;

	now = f;
	came = 0;
	hide();
	if (!sigsetjmp(away, 1))
		got = f->function(page + f->from, x, 0, 16);
	must_be(came, 1, f->name);
	must_be(got, f->times * x + f->more, f->name);
	account(f->name, !f->place && restarts ? 2 : 1);
	if (f->through)
		account(f->through, 1);
}

int main(int argc, char **argv)
{
	long rounds = argc > 1 ? atol(argv[1]) : 10, x;
	struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
	size_t i;

	page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return 3;
	page += 4096;
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGFPE, &sa, NULL);
	sigaction(SIGILL, &sa, NULL);
	for (x = 1; x <= rounds; x++)
		for (i = 0; i < NR(faults); i++)
			once(&faults[i], x);
	return account_end();
}
