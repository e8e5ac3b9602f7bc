/* SPDX-License-Identifier: GPL-2.0 */
/*
 * account.h - a program's own account of what was called how often.
 *
 * Purpose: the tests compare it with what was counted.  Lines "count SYMBOL N" are the
 * same in every run; "varies SYMBOL N" differ from run to run (signals, time), but
 * are exact for this one.  All other output is the same in every run, probed or not.
 * For one thread, or for when the others have ended.
 */
#ifndef UPROBES_TARGETS_ACCOUNT_H
#define UPROBES_TARGETS_ACCOUNT_H

#include <stdio.h>
#include <string.h>

#define ACCOUNT_MAX 160

/* not inlined, not cloned; what registers it spares may be exploited */
#define CALLED __attribute__((noinline, noclone))

static struct account {
	const char *symbol;
	long n;
	int varies;
} accounts[ACCOUNT_MAX];

static int account_wrong;

__attribute__((unused)) static struct account *account_of(const char *symbol)
{
	struct account *a = accounts;

	while (a->symbol && strcmp(a->symbol, symbol))
		if (++a == accounts + ACCOUNT_MAX - 1)
			break;
	a->symbol = symbol;
	return a;
}

/** account() - @symbol was called @n times more; so it is in every run */
__attribute__((unused)) static void account(const char *symbol, long n)
{
	account_of(symbol)->n += n;
}

/** account_varies() - the same, of this run alone */
__attribute__((unused)) static void account_varies(const char *symbol, long n)
{
	account_of(symbol)->n += n;
	account_of(symbol)->varies = 1;
}

/** must() - the program's own check */
__attribute__((unused)) static int must(int condition, const char *what)
{
	if (!condition) {
		printf("WRONG %s\n", what);
		account_wrong++;
	}
	return condition;
}

/** must_be() - the same of two numbers */
__attribute__((unused)) static void must_be(long got, long want, const char *what)
{
	if (got != want) {
		printf("WRONG %s: %ld (%#lx), should be %ld (%#lx)\n", what, got, got, want, want);
		account_wrong++;
	}
}

/** account_end() - print all of it; exit status of main() */
__attribute__((unused)) static int account_end(void)
{
	const struct account *a;

	for (a = accounts; a->symbol; a++)
		printf("%s %s %ld\n", a->varies ? "varies" : "count", a->symbol, a->n);
	if (!account_wrong)
		printf("all as it should be\n");
	return account_wrong != 0;
}

#endif /* UPROBES_TARGETS_ACCOUNT_H */
