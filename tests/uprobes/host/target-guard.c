// SPDX-License-Identifier: GPL-2.0
/*
 * target-guard.c - sets actions for signals when it is told to, and calls g_probed().
 *
 * Prints its pid, then one line for each that it reads:
 *   call		g_probed() ten times: their sum
 *   set N		a handler for SIGTRAP, with another mask for each N
 *   reset		one that is to be called once
 *   ignore, default	no handler
 *   back		what the last of these has replaced
 *   show		what the action is: own, ignore, default or other
 *   raise, int3	a SIGTRAP: how many the handler has seen, the code of the last, and what it had blocked
 *   usr		a handler for SIGUSR1, set three times and called
 *   constants	are bytes like those of its call what they should be?
 *   spawn		a child that executes another program: its status
 *   end		nothing, and ends
 */
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

long g_probed(long x);
__asm__(".text\n"
	".globl g_probed\n"
	".type g_probed,@function\n"
	"g_probed:\n"
	"	push %rbp\n"
	"	mov %rsp,%rbp\n"
	"	lea 1(%rdi),%rax\n"
	"	pop %rbp\n"
	"	ret\n"
	".size g_probed,.-g_probed\n");

extern char **environ;

/* linked so that it is executable (target-guard-fused) */
__attribute__((used)) static const unsigned char like_code[] = {0x11, 0xb8, 13, 0, 0, 0, 0x0f, 0x05, 0x22};

static volatile sig_atomic_t seen, code, usr_seen;
static unsigned long long blocked;
static struct sigaction replaced;

static void on_trap(int signo, siginfo_t *info, void *context)
{
	sigset_t now;

	(void)signo;
	(void)context;
	seen++;
	code = info->si_code;
	sigprocmask(SIG_BLOCK, NULL, &now);
	memcpy(&blocked, &now, sizeof(blocked));
}

static void on_usr(int signo)
{
	usr_seen += signo == SIGUSR1;
}

static int set(void (*handler)(int, siginfo_t *, void *), int flags, int nr)
{
	struct sigaction sa = {.sa_flags = flags};

	sa.sa_sigaction = handler;
	if (nr)
		sigaddset(&sa.sa_mask, 40 + nr);
	return sigaction(SIGTRAP, &sa, &replaced);
}

static int set_simple(void (*handler)(int))
{
	struct sigaction sa = {.sa_handler = handler};

	return sigaction(SIGTRAP, &sa, &replaced);
}

static const char *show(void)
{
	struct sigaction now;

	if (sigaction(SIGTRAP, NULL, &now))
		return "error";
	if (now.sa_handler == SIG_DFL)
		return "default";
	if (now.sa_handler == SIG_IGN)
		return "ignore";
	return now.sa_sigaction == on_trap ? "own" : "other";
}

static int int3(void)
{
	__asm__ volatile("int3" : : : "memory");
	return 0;
}

static void told(int r)
{
	(void)r;
	printf("%d %d %llx\n", (int)seen, (int)code, blocked);
}

static void usr(void)
{
	struct sigaction sa = {.sa_handler = on_usr};
	int i, r = 0;

	for (i = 0; i < 3; i++)
		r |= sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
	printf("%d %d\n", r, (int)usr_seen);
}

static int spawn(void)
{
	char *argv[] = {"true", NULL};
	int status = -1;
	pid_t pid;

	if (!posix_spawnp(&pid, "true", NULL, NULL, argv, environ))
		waitpid(pid, &status, 0);
	return status;
}

/* Not compared with itself. */
static int sum_of_constants(void)
{
	const volatile unsigned char *p = like_code;
	int sum = 0;
	size_t i;

	for (i = 0; i < sizeof(like_code); i++)
		sum += (int)(i + 1) * p[i];
	return sum;
}

static long call(void)
{
	long sum = 0, i;

	for (i = 0; i < 10; i++)
		sum += g_probed(i);
	return sum;
}

static void obey(const char *word)
{
	if (!strncmp(word, "set ", 4))
		printf("%d\n", set(on_trap, SA_SIGINFO | SA_RESTART, atoi(word + 4)));
	else if (!strcmp(word, "reset"))
		printf("%d\n", set(on_trap, SA_SIGINFO | SA_RESETHAND, 0));
	else if (!strcmp(word, "ignore"))
		printf("%d\n", set_simple(SIG_IGN));
	else if (!strcmp(word, "default"))
		printf("%d\n", set_simple(SIG_DFL));
	else if (!strcmp(word, "back"))
		printf("%d\n", sigaction(SIGTRAP, &replaced, NULL));
	else if (!strcmp(word, "show"))
		printf("%s\n", show());
	else if (!strcmp(word, "call"))
		printf("%ld\n", call());
	else if (!strcmp(word, "usr"))
		usr();
	else if (!strcmp(word, "constants"))
		printf("%d\n", sum_of_constants());
	else if (!strcmp(word, "spawn"))
		printf("%d\n", spawn());
	else if (!strcmp(word, "raise"))
		told(raise(SIGTRAP));
	else if (!strcmp(word, "int3"))
		told(int3());
}

int main(void)
{
	char line[64];

	printf("%d\n", getpid());
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin) && strcmp(line, "end\n")) {
		line[strcspn(line, "\n")] = 0;
		obey(line);
		fflush(stdout);
	}
	return 0;
}
