// SPDX-License-Identifier: GPL-2.0
/*
 * test-uprobes.c - the probe engine on the fake host, in a process.
 *
 * Usage: test-uprobes [CASE...]; FAKE_EFFORT=N bounds the runs of each exploration.
 *
 * Locks: none, one thread.
 */
#include "../tap.h"
#include "upr-script.h"

static void tap_result(struct fake_test *t, bool good, const char *name)
{
	ok(good, "%s", name);
}

static void tap_remark(struct fake_test *t, const char *text)
{
	diag("%s", text);
}

static void tap_fatal(struct fake_test *t, const char *text)
{
	ok(0, "contract: %s", text);
	abort();
}

static bool chosen(const char *name, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		if (!strcmp(argv[i], name))
			return true;
	return argc < 2;
}

int main(int argc, char **argv)
{
	static const struct fake_case *const lists[] = {
		upr_way_cases,	upr_life_cases,	     upr_race_cases, upr_random_cases,
		upr_jump_cases, upr_jump_race_cases, upr_hop_cases,
	};
	const char *effort = getenv("FAKE_EFFORT");
	struct fake_test t = {
		.ok = tap_result,
		.diag = tap_remark,
		.fatal = tap_fatal,
		.effort = effort ? strtoul(effort, NULL, 0) : 0,
	};
	const struct fake_case *c;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lists); i++)
		for (c = lists[i]; c->name; c++)
			if (chosen(c->name, argc, argv))
				c->run(&t);
	rcu_barrier();
	return done_testing();
}
