// SPDX-License-Identifier: GPL-2.0
/*
 * sdt.c - statically defined probes, with and without semaphores.
 *
 * sdt N [LIBRARY N]	executes its probes N times; then those of a LIBRARY that it loads
 * sdt -		executes one for each line of its input, and answers
 *
 * Prints what the arguments are, and how often somebody wanted them: "guarded N", "wanted N".
 */
#define _SDT_HAS_SEMAPHORES 1
#include <sys/sdt.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

__extension__ unsigned short sdt_guarded_semaphore __attribute__((unused, section(".probes")));
__extension__ unsigned short sdt_plain_semaphore __attribute__((unused, section(".probes")));
__extension__ unsigned short sdt_kinds_semaphore __attribute__((unused, section(".probes")));

struct pair {
	int a;
	long b;
};

static __attribute__((noinline)) void kinds(int n, const struct pair *p, const char *text)
{
	static short table[8] = {10, -11, 12, -13, 14, -15, 16, -17};
	signed char small = (signed char)-n;
	unsigned long big = 1ul << (40 + n % 8);

	STAP_PROBE7(sdt, kinds, n, small, big, p->b, text, table[n % 8], 42);
	printf("kinds %d %d %lu %ld %s %d %d\n", n, small, big, p->b, text, table[n % 8], 42);
}

static long wanted;

static __attribute__((noinline)) void guarded(int n)
{
	if (sdt_guarded_semaphore) {
		wanted++;
		STAP_PROBE1(sdt, guarded, n);
	}
}

static int answer(void)
{
	char line[16];
	int n = 0;

	while (fgets(line, sizeof(line), stdin)) {
		guarded(n++);
		printf("wanted %ld semaphore %d\n", wanted, sdt_guarded_semaphore);
		fflush(stdout);
	}
	return 0;
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 3, i, status;
	struct pair p = {1, -2};
	pid_t child;

	if (argc > 1 && !strcmp(argv[1], "-"))
		return answer();
	for (i = 0; i < n; i++) {
		STAP_PROBE(sdt, plain);
		p.b -= i;
		kinds(i, &p, i % 2 ? "odd" : "even");
		guarded(i);
	}
	fflush(stdout);
	child = fork();
	if (!child) {
		for (i = 0; i < n; i++)
			guarded(i);
		printf("child %ld\n", wanted);
		fflush(stdout);
		_exit(0);
	}
	waitpid(child, &status, 0);
	if (argc > 3) {
		void *lib = dlopen(argv[2], RTLD_NOW);
		long (*run)(int) = lib ? (long (*)(int))dlsym(lib, "sdt_library_run") : NULL;

		printf("library %ld\n", run ? run(atoi(argv[3])) : -1);
	}
	printf("wanted %ld semaphore %d\n", wanted, sdt_guarded_semaphore);
	return 0;
}
