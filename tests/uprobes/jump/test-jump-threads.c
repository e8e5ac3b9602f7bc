// SPDX-License-Identifier: GPL-2.0
/*
 * test-jump-threads.c - counts are exact whatever happens to the threads.
 *
 * Purpose: several threads call the same probed functions, while they are moved from CPU to CPU
 * and sent signals whose handler calls them as well; half of the threads are not registered for
 * rseq and count with locked increments beside the sections of the others.  Each counter must
 * hold the number of calls, and each call must return what it should.
 *
 * Locks: none; the tallies are the threads' own, and joined before they are read.
 */
#include <errno.h>
#include <linux/rseq.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <upr-jump.h>

#include "../tap.h"

#define NR_THREADS    4
#define ROUNDS	      1500000u
#define TEXT	      ((u8 *)0x40000000)
#define PADS	      ((u8 *)0x41000000)
#define COUNTERS      ((u8 *)0x42000000)
#define REGION	      0x10000u
#define SPACE	      0x400u /* for one function, and for its pad */
#define NR_COUNTERS   32u

#define DEAD_AT_ENTRY (UPR_GPR(UPR_R10) | UPR_GPR(UPR_R11))
#define CODE(...)     {__VA_ARGS__}, sizeof((u8[]){__VA_ARGS__})

/**
 * struct function - returns its argument plus one
 * @counts:	bit mask of the instructions counted
 */
static const struct function {
	const char *name;
	u8 code[24];
	unsigned int len;
	u16 dead;
	bool flags_dead, rseq;
	unsigned int counts;
} functions[] = {
	{"dead registers, dead flags", CODE(0x48, 0x89, 0xf8, 0x48, 0x83, 0xc0, 0x01, 0xc3), DEAD_AT_ENTRY, true, true,
	 3},
	{"no dead register", CODE(0x48, 0x89, 0xf8, 0x48, 0x83, 0xc0, 0x01, 0xc3), 0, true, true, 3},
	{"flags alive", CODE(0x48, 0x89, 0xf8, 0x48, 0x83, 0xc0, 0x01, 0xc3), 0, false, true, 3},
	{"locked", CODE(0x48, 0x89, 0xf8, 0x48, 0x83, 0xc0, 0x01, 0xc3), DEAD_AT_ENTRY, true, false, 1},
	{"locked, flags alive", CODE(0x48, 0x89, 0xf8, 0x48, 0x83, 0xc0, 0x01, 0xc3), 0, false, false, 1},
	{"a call", CODE(0x50, 0xe8, 0x02, 0x00, 0x00, 0x00, 0x59, 0xc3, 0x48, 0x8d, 0x47, 0x01, 0xc3), DEAD_AT_ENTRY,
	 true, true, 3},
	{"a call after sub",
	 CODE(0x48, 0x83, 0xec, 0x08, 0xe8, 0x05, 0x00, 0x00, 0x00, 0x48, 0x83, 0xc4, 0x08, 0xc3, 0x48, 0x8d, 0x47,
	      0x01, 0xc3),
	 DEAD_AT_ENTRY, true, true, 1},
	{"the end of a function", CODE(0x8d, 0x47, 0x01, 0xc3), DEAD_AT_ENTRY, true, true, 3},
};
#define NR_FUNCTIONS ARRAY_SIZE(functions)

struct worker {
	pthread_t thread;
	u64 calls, wrong;
	bool unregistered;
};

static struct worker workers[NR_THREADS];
static __thread struct worker *self;
static u32 nr_cpus;
static int running;

/* Calls of a handler are counted like those of the thread it runs on: signals are not nested. */
static void call_all(struct worker *w, u32 x)
{
	unsigned int i;

	for (i = 0; i < NR_FUNCTIONS; i++) {
		u64 (*fn)(u64) = (u64(*)(u64))(TEXT + i * SPACE);

		if (fn(x) != x + 1ull)
			w->wrong++;
	}
	__atomic_fetch_add(&w->calls, 1, __ATOMIC_RELAXED);
}

static void on_signal(int sig)
{
	int saved = errno;

	(void)sig;
	if (self)
		call_all(self, 0x1234);
	errno = saved;
}

static void *work(void *data)
{
	struct worker *w = data;
	unsigned int i;

	self = w;
	if (w->unregistered && __rseq_size)
		syscall(SYS_rseq, (char *)__builtin_thread_pointer() + __rseq_offset, 32, RSEQ_FLAG_UNREGISTER,
			0x53053053);
	for (i = 0; i < ROUNDS; i++)
		call_all(w, i);
	__atomic_fetch_sub(&running, 1, __ATOMIC_RELEASE);
	return NULL;
}

/* --- what is called --------------------------------------------------------------- */

static void map(u8 *at, size_t size, int prot)
{
	if (mmap(at, size, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != at) {
		printf("Bail out! no memory at %p\n", (void *)at);
		exit(1);
	}
}

static void map_all(void)
{
	u32 blocks, i;

	nr_cpus = (u32)sysconf(_SC_NPROCESSORS_CONF);
	blocks = 2 * nr_cpus;
	map(TEXT, REGION, PROT_READ | PROT_WRITE | PROT_EXEC);
	map(PADS, REGION, PROT_READ | PROT_WRITE | PROT_EXEC);
	/* a block to a cache line's multiple, behind the table */
	map(COUNTERS, blocks * (8ul + 8 * NR_COUNTERS) + REGION, PROT_READ | PROT_WRITE);
	for (i = 0; i < blocks; i++)
		((u64 *)COUNTERS)[i] = (u64)COUNTERS + ALIGN(8ul * blocks, 256ul) + 8ul * NR_COUNTERS * i;
}

static u64 counted(u32 counter)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < 2 * nr_cpus; i++)
		sum += ((u64 **)COUNTERS)[i][counter];
	return sum;
}

/* Counter 2 * number + instruction. */
static void arm(unsigned int number, bool rdpid)
{
	const struct function *f = &functions[number];
	u8 *text = TEXT + number * SPACE, patch[UPR_JUMP_CODE];
	struct upr_facts facts = {.len = UPR_SITE_CODE, .clear = UPR_SITE_CODE};
	struct upr_pad pad = {.addr = (u64)text, .pad = (u64)PADS + number * SPACE};
	struct upr_jump jump;
	unsigned int i;
	int err;

	memset(text, 0xcc, SPACE);
	memcpy(text, f->code, f->len);
	memcpy(facts.code, text, sizeof(facts.code));
	err = upr_jump_analyze(&jump, &facts, (u64)text & 0xfff, UPR_INSN_64, 0, NULL);
	pad.jump = &jump;
	pad.env = (struct upr_pad_env){
		.table = (u64)COUNTERS,
		.nr_cpus = nr_cpus,
		.rseq = f->rseq && __rseq_size ? (s32)__rseq_offset : UPR_NO_RSEQ,
		.rdpid = rdpid,
	};
	for (i = 0; !err && i < jump.nr; i++)
		if (f->counts >> i & 1)
			pad.counts[pad.nr_counts++] = (struct upr_pad_count){
				.counter = 2 * number + i,
				.insn = (u8)i,
				.flags_dead = f->flags_dead,
				.dead_gpr = f->dead,
			};
	if (!err && upr_pad_size(&pad) <= SPACE)
		err = upr_pad_build(&pad, (u8 *)pad.pad, upr_pad_size(&pad));
	upr_jump_patch(&jump, pad.addr, pad.pad, patch);
	if (ok(!err, "%s: armed as a %s", f->name, upr_jump_form_name((enum upr_jump_form)jump.form)))
		memcpy(text, patch, jump.patch);
}

static bool has_rdpid(void)
{
	unsigned int a = 7, b, c = 0, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return c >> 22 & 1;
}

/* --- what happens to them ------------------------------------------------------------- */

static void harass(unsigned long *signals)
{
	cpu_set_t allowed, one;
	unsigned int i = 0, cpu = 0;

	sched_getaffinity(0, sizeof(allowed), &allowed);
	while (__atomic_load_n(&running, __ATOMIC_ACQUIRE)) {
		struct worker *w = &workers[i++ % NR_THREADS];

		/* threads are joined later: their names stay valid */
		if (!pthread_kill(w->thread, SIGUSR1))
			++*signals;
		do
			cpu = (cpu + 1) % CPU_SETSIZE;
		while (!CPU_ISSET(cpu, &allowed));
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		pthread_setaffinity_np(w->thread, sizeof(one), &one);
	}
}

static void run(unsigned long *signals)
{
	struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	unsigned int i;

	sigaction(SIGUSR1, &sa, NULL);
	running = NR_THREADS;
	for (i = 0; i < NR_THREADS; i++) {
		workers[i].unregistered = i & 1;
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i])) {
			printf("Bail out! no thread\n");
			exit(1);
		}
	}
	harass(signals);
	for (i = 0; i < NR_THREADS; i++)
		pthread_join(workers[i].thread, NULL);
}

int main(void)
{
	unsigned long signals = 0;
	u64 calls = 0, wrong = 0;
	unsigned int i, k;

	map_all();
	for (i = 0; i < NR_FUNCTIONS; i++)
		arm(i, has_rdpid());
	run(&signals);
	for (i = 0; i < NR_THREADS; i++) {
		calls += workers[i].calls;
		wrong += workers[i].wrong;
	}
	is_int((long long)wrong, 0, "every call returned what it should");
	for (i = 0; i < NR_FUNCTIONS; i++)
		for (k = 0; k < 2; k++)
			if (functions[i].counts >> k & 1)
				is_int((long long)counted(2 * i + k), (long long)calls, functions[i].name);
	diag("%llu calls of each on %u threads, %lu signals, rseq %s", (unsigned long long)calls, NR_THREADS, signals,
	     __rseq_size ? "registered by the C library for half of them" : "not registered by the C library");
	return done_testing();
}
