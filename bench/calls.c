// SPDX-License-Identifier: GPL-2.0
/*
 * calls.c - measures by itself what a call of a function costs more than one of its twin.
 *
 * calls NAME MS [THREADS]
 *
 * NAME is one of the functions below; with "sigtrap" the probe is the program's own: an int3
 * and a handler that counts.  As many calls as take MS milliseconds are a
 * sample; samples of function and twin take turns, all threads together.  Prints the median of
 * SAMPLES differences ("ns"), the twin's time ("base") and how often the function was
 * called ("calls"), calibration included.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "calls.h"

#define SAMPLES	    7
#define MAX_THREADS 8

CALL_TWINS(call_push, "push %rbp\n mov %rsp, %rbp\n lea 1(%rdi), %rax\n pop %rbp\n");
CALL_TWINS(call_lea, "lea 1(%rdi), %rax\n lea (%rax), %rax\n");
CALL_TWINS(call_short, "lea 1(%rdi), %eax\n");
CALL_TWINS(call_endbr, "endbr64\n push %rbp\n lea 1(%rdi), %rax\n pop %rbp\n");
CALL_TWINS(call_nop5, ".byte 0x0f, 0x1f, 0x44, 0, 0\n lea 1(%rdi), %rax\n");

long call_trap(long x);
long call_trap_twin(long x);
CALL_ONE("call_trap", "int3\n lea 1(%rdi), %rax\n");
CALL_ONE("call_trap_twin", "nop\n lea 1(%rdi), %rax\n");

long call_lib(long x);
long call_lib_twin(long x);

static const struct subject {
	const char *name;
	long (*function)(long x);
	long (*twin)(long x);
} subjects[] = {
	{"push", call_push, call_push_twin},	{"lea", call_lea, call_lea_twin},
	{"short", call_short, call_short_twin}, {"endbr", call_endbr, call_endbr_twin},
	{"nop5", call_nop5, call_nop5_twin},	{"lib", call_lib, call_lib_twin},
	{"sigtrap", call_trap, call_trap_twin},
};

static const struct subject *subject;
static long calls_a_sample = 16;
static int nr_threads = 1;
static atomic_int arrived, phase;
static double with[MAX_THREADS][SAMPLES], without[MAX_THREADS][SAMPLES];
static atomic_long trapped;

static void on_trap(int sig)
{
	atomic_fetch_add_explicit(&trapped, 1, memory_order_relaxed);
}

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

/* ns a call */
__attribute__((noipa)) static double sample(long (*f)(long x), long n)
{
	double start = now_ns();
	long i, x = 0;

	for (i = 0; i < n; i++)
		x = f(x);
	if ((int)x != (int)n)
		exit(4);
	return (now_ns() - start) / n;
}

/* All threads come to the same point; they are few and have a CPU each. */
static void together(void)
{
	int now = atomic_load(&phase);

	if (atomic_fetch_add(&arrived, 1) == nr_threads - 1) {
		atomic_store(&arrived, 0);
		atomic_fetch_add(&phase, 1);
	}
	while (atomic_load(&phase) == now)
		;
}

static void *run(void *arg)
{
	long me = (long)arg;
	int i;

	for (i = 0; i < SAMPLES; i++) {
		together();
		without[me][i] = sample(subject->twin, calls_a_sample);
		together();
		with[me][i] = sample(subject->function, calls_a_sample);
	}
	return NULL;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *v)
{
	qsort(v, SAMPLES, sizeof(*v), compare);
	return v[SAMPLES / 2];
}

static void report(long calls)
{
	double differences[SAMPLES], base[SAMPLES];
	int i, t;

	for (i = 0; i < SAMPLES; i++) {
		differences[i] = base[i] = 0;
		for (t = 0; t < nr_threads; t++) {
			base[i] += without[t][i] / nr_threads;
			differences[i] += (with[t][i] - without[t][i]) / nr_threads;
		}
	}
	printf("ns %.3f\nbase %.3f\ncalls %ld\n", median(differences), median(base), calls);
}

int main(int argc, char **argv)
{
	pthread_t threads[MAX_THREADS];
	double ms = argc > 2 ? atof(argv[2]) : 20;
	long calls = 0, i;

	if (argc > 3)
		nr_threads = atoi(argv[3]);
	for (i = 0; argc > 1 && i < (long)(sizeof(subjects) / sizeof(subjects[0])); i++)
		if (!strcmp(subjects[i].name, argv[1]))
			subject = &subjects[i];
	if (!subject || nr_threads < 1 || nr_threads > MAX_THREADS)
		return 2;
	signal(SIGTRAP, on_trap);
	while (sample(subject->function, calls_a_sample) * calls_a_sample < ms * 1e6) {
		calls += calls_a_sample;
		calls_a_sample *= 2;
	}
	calls += calls_a_sample + nr_threads * SAMPLES * calls_a_sample;
	for (i = 1; i < nr_threads; i++)
		pthread_create(&threads[i], NULL, run, (void *)i);
	run(NULL);
	for (i = 1; i < nr_threads; i++)
		pthread_join(threads[i], NULL);
	report(calls);
	return subject->function == call_trap && trapped != calls;
}
