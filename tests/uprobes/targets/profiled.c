// SPDX-License-Identifier: GPL-2.0
/*
 * profiled.c - profiles itself: SIGPROF each millisecond, to whichever thread is running.
 *
 * profiled TICKS [THREADS]
 *
 * The handler looks where it has interrupted the program, and up the stack from there: every
 * address must lie in the program's own files or the vdso.  "strange N": how many did not;
 * the first of them is shown.  Runs until there were TICKS ticks.
 */
#include <execinfo.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/time.h>
#include <ucontext.h>

#include "account.h"

#define PLAIN	   __attribute__((noipa))
#define MAX_RANGES 64

static struct {
	uintptr_t start, end;
} ranges[MAX_RANGES];
static int nr_ranges;

static atomic_long ticks, strange, strange_above, called;
static atomic_uintptr_t first_strange;
static long wanted;

static int own(uintptr_t pc)
{
	int i;

	for (i = 0; i < nr_ranges; i++)
		if (pc >= ranges[i].start && pc < ranges[i].end)
			return 1;
	return 0;
}

static int add_segments(struct dl_phdr_info *info, size_t size, void *data)
{
	int i;

	for (i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];

		if (ph->p_type != PT_LOAD || !(ph->p_flags & PF_X) || nr_ranges == MAX_RANGES)
			continue;
		ranges[nr_ranges].start = info->dlpi_addr + ph->p_vaddr;
		ranges[nr_ranges++].end = info->dlpi_addr + ph->p_vaddr + ph->p_memsz;
	}
	return 0;
}

static void note(uintptr_t pc, atomic_long *where)
{
	uintptr_t none = 0;

	atomic_fetch_add(where, 1);
	atomic_compare_exchange_strong(&first_strange, &none, pc);
}

static void handler(int sig, siginfo_t *info, void *context)
{
	const ucontext_t *uc = context;
	uintptr_t pc = uc->uc_mcontext.gregs[REG_RIP];
	void *frames[40];
	int n, i;

	atomic_fetch_add(&ticks, 1);
	if (!own(pc))
		note(pc, &strange);
	/* the unwinder gives up where the vdso or assembly has no tables; what it finds must be ours */
	n = backtrace(frames, 40);
	for (i = 0; i < n; i++)
		if (!own((uintptr_t)frames[i] - 1))
			note((uintptr_t)frames[i], &strange_above);
}

PLAIN long prof_short(long x)
{
	return x + 1;
}

PLAIN long prof_stack(long x)
{
	volatile char room[64];

	room[x & 63] = x;
	return prof_short(x) + room[x & 63] - (char)x;
}

PLAIN double prof_float(double x)
{
	return x * 0.5 + 1;
}

PLAIN long prof_work(long x)
{
	long i, sum = 0;
	double f = x;

	for (i = 0; i < 20; i++) {
		sum = prof_stack(sum);
		f = prof_float(f);
	}
	return sum + (f > 0);
}

static void *run(void *arg)
{
	long n = 0;

	while (atomic_load(&ticks) < wanted) {
		must_be(prof_work(n), 21, "prof_work");
		n++;
	}
	atomic_fetch_add(&called, n);
	return NULL;
}

int main(int argc, char **argv)
{
	struct itimerval it = {{0, 1000}, {0, 1000}};
	struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
	int nr = argc > 2 ? atoi(argv[2]) : 1, i;
	pthread_t threads[16];
	void *warm[2];

	wanted = argc > 1 ? atol(argv[1]) : 50;
	backtrace(warm, 2);
	dl_iterate_phdr(add_segments, NULL);
	sigaction(SIGPROF, &sa, NULL);
	setitimer(ITIMER_PROF, &it, NULL);
	for (i = 1; i < nr && i < 16; i++)
		pthread_create(&threads[i], NULL, run, NULL);
	run(NULL);
	for (i = 1; i < nr && i < 16; i++)
		pthread_join(threads[i], NULL);
	it = (struct itimerval){0};
	setitimer(ITIMER_PROF, &it, NULL);
	printf("strange pcs %ld, above them %ld\n", atomic_load(&strange), atomic_load(&strange_above));
	if (atomic_load(&first_strange))
		printf("the first of them: %#lx\n", atomic_load(&first_strange));
	account_varies("prof_work", called);
	account_varies("prof_stack", 20 * called);
	account_varies("prof_short", 20 * called);
	account_varies("prof_float", 20 * called);
	account_varies("handler", ticks);
	return account_end();
}
