// SPDX-License-Identifier: GPL-2.0
/*
 * target-storms.c - threads and children that run through a handful of functions all the time
 * and keep an account that others can read meanwhile.
 *
 * target-storms FILE THREADS [prof] [fork]
 *
 * FILE holds struct storms (storms.h) and is mapped shared.  A call is added to
 * `begun' before and to `ended' after it.  Prints its pid; ends when its standard input
 * does, and says "bad N": how many results were wrong, signals that came at a strange pc included.
 */
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "storms.h"

static struct storms *storms;
static volatile int stop;

/* long f(x, divisor, p, n): the first bytes of each are of another kind */
#define FUNCTION(name, code)                                                                  \
	long name(long x, long divisor, char *p, long n);                                     \
	__asm__(".text\n.p2align 4,0xcc\n.globl " #name "\n.type " #name ",@function\n" #name \
		":\n.cfi_startproc\n" code "\n ret\n.cfi_endproc\n.size " #name ", . - " #name "\n .p2align 4,0xcc\n")

FUNCTION(storm_push, "push %rbp\n mov %rsp, %rbp\n lea 1(%rdi), %rax\n pop %rbp");
FUNCTION(storm_tail, "lea 1(%rdi), %rax");
FUNCTION(storm_one, "lea 0x100(%rdi), %rax\n sub $0xff, %rax");
/* slow ones: threads are found within the first five bytes */
FUNCTION(storm_divide, "xor %edx, %edx\n mov %edi, %eax\n div %esi\n lea 1(%rdi), %rax");
FUNCTION(storm_string, "rep stosb\n mov %rdi, %rax\n sub %rdx, %rax");
FUNCTION(storm_loop, "mov %rdi, %rax\n 1: dec %rcx\n jnz 1b\n inc %rax");
FUNCTION(storm_call, "xor %esi, %esi\n call storm_tail\n add %rsi, %rax");
FUNCTION(storm_short, "push %rdi\n pop %rax\n inc %rax");

static struct {
	long (*function)(long x, long divisor, char *p, long n);
	int string;
} functions[STORM_FUNCTIONS] = {
	{storm_push},	   {storm_tail}, {storm_one},  {storm_divide},
	{storm_string, 1}, {storm_loop}, {storm_call}, {storm_short},
};

static void add(volatile long *p)
{
	__atomic_fetch_add(p, 1, __ATOMIC_SEQ_CST);
}

static void bad(void)
{
	add(&storms->bad);
}

/* Once through all of them; storm_call comes through storm_tail. */
static void through(struct storm_thread *me, long x)
{
	char room[40];
	long got;
	int i;

	for (i = 0; i < STORM_FUNCTIONS; i++) {
		int string = functions[i].string;

		add(&me->begun[i]);
		if (i == STORM_CALL)
			add(&me->begun[STORM_TAIL]);
		if (string)
			got = functions[i].function((long)room, 0, room, sizeof(room));
		else
			got = functions[i].function(x, 7, room, 5);
		if (i == STORM_CALL)
			add(&me->ended[STORM_TAIL]);
		add(&me->ended[i]);
		if (got != (string ? (long)sizeof(room) : x + 1))
			bad();
	}
}

static void *run(void *arg)
{
	struct storm_thread *me = arg;
	long x = 0;

	while (!stop)
		through(me, x++ & 0xffff);
	return NULL;
}

/* --- a storm of children ------------------------------------------------------------- */

static void *forker(void *arg)
{
	struct storm_thread *me = arg;
	int status;
	long i;

	while (!stop) {
		pid_t pid = fork();

		if (!pid) {
			for (i = 0; i < 20; i++)
				through(me, i);
			_exit(7);
		}
		while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		if (pid < 0 || status != 7 << 8)
			bad();
		add(&storms->children);
	}
	return NULL;
}

/* --- a storm of signals ----------------------------------------------------------------- */

static uintptr_t text[64][2];
static int nr_text;

static int add_segments(struct dl_phdr_info *info, size_t size, void *data)
{
	int i;

	for (i = 0; i < info->dlpi_phnum && nr_text < 64; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];

		if (ph->p_type != PT_LOAD || !(ph->p_flags & PF_X))
			continue;
		text[nr_text][0] = info->dlpi_addr + ph->p_vaddr;
		text[nr_text++][1] = info->dlpi_addr + ph->p_vaddr + ph->p_memsz;
	}
	return 0;
}

/* It stays a while, so that threads are found in it with a pc saved on their stack. */
static void on_prof(int sig, siginfo_t *info, void *context)
{
	uintptr_t pc = ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
	volatile int spin;
	int i;

	for (i = 0; i < nr_text && (pc < text[i][0] || pc >= text[i][1]); i++)
		;
	if (i == nr_text) {
		bad();
		storms->strange = pc;
	}
	for (spin = 0; spin < 20000; spin++)
		;
	add(&storms->signals);
}

static void start_profile(void)
{
	struct sigaction sa = {.sa_sigaction = on_prof, .sa_flags = SA_SIGINFO | SA_RESTART};
	struct itimerval it = {{0, 1000}, {0, 1000}};

	dl_iterate_phdr(add_segments, NULL);
	sigaction(SIGPROF, &sa, NULL);
	setitimer(ITIMER_PROF, &it, NULL);
}

int main(int argc, char **argv)
{
	int nr = argc > 2 ? atoi(argv[2]) : 1, i, fd = argc > 1 ? open(argv[1], O_RDWR | O_CLOEXEC) : -1;
	pthread_t threads[STORM_THREADS];
	char c;

	if (fd < 0 || nr < 1 || nr >= STORM_THREADS)
		return 2;
	storms = mmap(NULL, sizeof(*storms), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (storms == MAP_FAILED)
		return 3;
	for (i = 3; i < argc; i++)
		if (!strcmp(argv[i], "prof"))
			start_profile();
	for (i = 0; i < nr; i++)
		pthread_create(&threads[i], NULL, run, &storms->threads[i]);
	for (i = 3; i < argc; i++)
		if (!strcmp(argv[i], "fork"))
			pthread_create(&threads[nr++], NULL, forker, &storms->threads[STORM_THREADS - 1]);
	printf("%d\n", getpid());
	fflush(stdout);
	while (read(0, &c, 1) > 0 || errno == EINTR)
		errno = 0;
	stop = 1;
	for (i = 0; i < nr; i++)
		pthread_join(threads[i], NULL);
	printf("bad %ld\n", storms->bad);
	return 0;
}
