// SPDX-License-Identifier: GPL-2.0
/*
 * fake-tap.c - tests over the fake host, in a process: TAP on stdout.
 *
 * Purpose: see fake-tap.h.  Locks: none, one thread.
 */
#include "fake-tap.h"

#include "../tap.h"

static void tap_ok(struct fake_test *t, bool good, const char *name)
{
	ok(good, "%s", name);
}

static void tap_diag(struct fake_test *t, const char *text)
{
	diag("%s", text);
}

static void tap_fatal(struct fake_test *t, const char *text)
{
	ok(0, "contract: %s", text);
	abort();
}

int fake_tap(const struct fake_case *const *lists, int argc, char **argv)
{
	struct fake_test t = {.ok = tap_ok, .diag = tap_diag, .fatal = tap_fatal};
	const char *effort = getenv("FAKE_EFFORT");

	t.effort = effort ? strtoul(effort, NULL, 0) : 0;
	for (; *lists; lists++) {
		const struct fake_case *c;

		for (c = *lists; c->run; c++)
			if (argc < 2 || strstr(c->name, argv[1]))
				c->run(&t);
	}
	rcu_barrier();
	return done_testing();
}
