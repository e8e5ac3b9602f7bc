/* SPDX-License-Identifier: GPL-2.0 */
/*
 * tap.h - the Test Anything Protocol for C tests, read by prove.
 *
 * Purpose: ok() and friends print one line each; done_testing() prints the plan and
 * gives the exit status.  Not thread safe: report from the main thread.
 */
#ifndef UPROBES_TESTS_TAP_H
#define UPROBES_TESTS_TAP_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned int tap_run, tap_failed;

/** ok() - one assertion; the format names it.  Returns the condition. */
__attribute__((format(printf, 2, 3), unused)) static int ok(int condition, const char *fmt, ...)
{
	va_list ap;

	tap_run++;
	if (!condition)
		tap_failed++;
	printf("%sok %u - ", condition ? "" : "not ", tap_run);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
	return condition;
}

/** diag() - a comment line */
__attribute__((format(printf, 1, 2), unused)) static void diag(const char *fmt, ...)
{
	va_list ap;

	fputs("# ", stdout);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

/** is_int() - two integers are equal; prints both when not */
__attribute__((unused)) static int is_int(long long got, long long want, const char *name)
{
	int same = ok(got == want, "%s", name);

	if (!same)
		diag("got %lld (%#llx), want %lld (%#llx)", got, got, want, want);
	return same;
}

/** skip() - an assertion that this machine cannot make; the reason is mandatory */
__attribute__((unused)) static void skip(const char *name, const char *reason)
{
	tap_run++;
	printf("ok %u - %s # SKIP %s\n", tap_run, name, reason);
	fflush(stdout);
}

/** skip_all() - the whole test cannot run here; does not return */
__attribute__((unused, noreturn)) static void skip_all(const char *reason)
{
	printf("1..0 # SKIP %s\n", reason);
	exit(0);
}

/** done_testing() - the plan and the exit status */
__attribute__((unused)) static int done_testing(void)
{
	printf("1..%u\n", tap_run);
	return tap_failed ? 1 : 0;
}

#endif /* UPROBES_TESTS_TAP_H */
