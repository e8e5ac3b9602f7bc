// SPDX-License-Identifier: GPL-2.0
/*
 * target-endings.c - children whose ends take their time, or come in parts.
 *
 * target-endings memory	a child with much memory, which takes the kernel a while to free
 * target-endings leader	a child whose first thread ends before the other
 *
 * Prints the pid of the child.  Each line of standard input is a step on its way to the end; says
 * "over STATUS" when the child is waited for.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define MEMORY (512ul << 20)

static void next_step(void)
{
	char c;

	while (read(0, &c, 1) == 1 && c != '\n')
		;
}

/* its first instruction is as long as a jump */
long endings_leaf(long x);
__asm__(".text\n.globl endings_leaf\n.type endings_leaf,@function\nendings_leaf:\n"
	"lea 0x100(%rdi), %rax\n ret\n.size endings_leaf, . - endings_leaf\n");

static void with_memory(void)
{
	char *p = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		_exit(1);
	madvise(p, MEMORY, MADV_NOHUGEPAGE);
	memset(p, 1, MEMORY);
	printf("%d\n", getpid());
	fflush(stdout);
	next_step();
	_exit(7);
}

static void *outlive(void *arg)
{
	next_step();
	endings_leaf(1);
	_exit(7);
	return arg;
}

static void with_leader(void)
{
	pthread_t thread;

	printf("%d\n", getpid());
	fflush(stdout);
	next_step();
	pthread_create(&thread, NULL, outlive, NULL);
	pthread_exit(NULL);
}

int main(int argc, char **argv)
{
	pid_t pid = fork();
	int status;

	if (!pid && argc > 1 && !strcmp(argv[1], "memory"))
		with_memory();
	if (!pid)
		with_leader();
	while (waitpid(pid, &status, 0) < 0)
		;
	printf("over %d\n", WEXITSTATUS(status));
	return 0;
}
