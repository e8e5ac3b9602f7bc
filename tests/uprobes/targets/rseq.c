// SPDX-License-Identifier: GPL-2.0
/*
 * rseq.c - a program with restartable sequences of its own, as librseq and tcmalloc have
 * them: per-CPU counters and per-CPU lists, listed in __rseq_cs.
 *
 * rseq N [THREADS]
 *
 * Each thread counts N times and pushes N items while it moves from CPU to CPU; at
 * the end nothing may be missing.  It uses the area that the C library has registered; without
 * one it says so and ends with status 77.
 *
 * A probe within a critical section would interrupt it each time: the labels no_probe_* tell
 * the tests what to leave out.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/rseq.h>
#include <unistd.h>

#include "account.h"

#define MAX_CPUS 1024
#define NO_AREA	 77

struct item {
	struct item *next;
};

struct per_cpu {
	long count;
	struct item *list;
	long pad[6];
};

/* Both return how often they were interrupted. */
long rseq_count(struct per_cpu *cpus, struct rseq *area);
long rseq_push(struct per_cpu *cpus, struct rseq *area, struct item *item);

#define SECTION(n)                                                                                                   \
	".pushsection __rseq_cs, \"aw\"\n.balign 32\n"                                                               \
	"cs_" #n ": .long 0, 0\n.quad no_probe_begin_" #n ", no_probe_end_" #n " - no_probe_begin_" #n ", abort_" #n \
	"\n.popsection\n.pushsection __rseq_cs_ptr_array, \"aw\"\n.quad cs_" #n "\n.popsection\n"
#define BEGIN(n) \
	"lea cs_" #n "(%rip), %rcx\nmov %rcx, 8(%rsi)\nno_probe_begin_" #n ":\nmov 4(%rsi), %ecx\nshl $6, %rcx\n"
/* the signature is the tail of an instruction, so that disassemblers keep step: ud1 off(%rip), %edi */
#define ABORT(n) ".byte 0x0f, 0xb9, 0x3d\n.long 0x53053053\nabort_" #n ":\ninc %rax\n"

__asm__(".text\n"
	".globl rseq_count\n.type rseq_count,@function\nrseq_count:\n.cfi_startproc\n"
	"xor %eax, %eax\n"
	"1: " SECTION(1)
		BEGIN(1) "incq (%rdi, %rcx)\nno_probe_end_1:\n"
			 "ret\n" ABORT(1) "jmp 1b\n"
					  ".cfi_endproc\n.size rseq_count, . - rseq_count\n"
					  ".globl rseq_push\n.type rseq_push,@function\nrseq_push:\n.cfi_startproc\n"
					  "push %rbx\n.cfi_adjust_cfa_offset 8\n"
					  "xor %eax, %eax\n"
					  "1: " SECTION(2)
						  BEGIN(2) "mov 8(%rdi, %rcx), %rbx\nmov %rbx, (%rdx)\n"
							   /* long enough to be interrupted now and then */
							   "mov $200, %ebx\n2: dec %ebx\njnz 2b\n"
							   "mov %rdx, 8(%rdi, %rcx)\nno_probe_end_2:\n"
							   "pop %rbx\n.cfi_adjust_cfa_offset -8\nret\n"
							   ".cfi_adjust_cfa_offset 8\n" ABORT(
								   2) "jmp 1b\n"
								      ".cfi_endproc\n.size rseq_push, . - rseq_push\n");

static struct per_cpu cpus[MAX_CPUS] __attribute__((aligned(64)));
static atomic_long interrupted;
static long rounds;
static int nr_cpus;

static struct rseq *own_area(void)
{
	return (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
}

__attribute__((noipa)) long rseq_work(struct item *item)
{
	struct rseq *area = own_area();

	return rseq_count(cpus, area) + rseq_push(cpus, area, item);
}

static void move_on(long i)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((i / 64) % nr_cpus, &set);
	sched_setaffinity(0, sizeof(set), &set);
	sched_yield();
}

static void *run(void *arg)
{
	struct item *items = calloc(rounds, sizeof(*items));
	long i, n = 0;

	for (i = 0; items && i < rounds; i++) {
		n += rseq_work(&items[i]);
		if (i % 64 == 63)
			move_on(i + (long)arg);
	}
	atomic_fetch_add(&interrupted, n);
	return NULL;
}

int main(int argc, char **argv)
{
	int nr = argc > 2 ? atoi(argv[2]) : 4, i;
	long counted = 0, pushed = 0;
	pthread_t threads[32];
	struct item *item;

	rounds = argc > 1 ? atol(argv[1]) : 10000;
	nr_cpus = sysconf(_SC_NPROCESSORS_ONLN);
	if (!__rseq_size || (int)own_area()->cpu_id < 0) {
		printf("the C library has registered no area\n");
		return NO_AREA;
	}
	for (i = 0; i < nr && i < 32; i++)
		pthread_create(&threads[i], NULL, run, (void *)(long)i);
	for (i = 0; i < nr && i < 32; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < MAX_CPUS; i++) {
		counted += cpus[i].count;
		for (item = cpus[i].list; item; item = item->next)
			pushed++;
	}
	must_be(counted, rounds * nr, "per-CPU counters");
	must_be(pushed, rounds * nr, "per-CPU lists");
	account("rseq_count", rounds * nr);
	account("rseq_push", rounds * nr);
	account("rseq_work", rounds * nr);
	account("run", nr);
	/* different each time, and no call */
	if (getenv("VERBOSE"))
		fprintf(stderr, "interrupted %ld times\n", atomic_load(&interrupted));
	return account_end();
}
