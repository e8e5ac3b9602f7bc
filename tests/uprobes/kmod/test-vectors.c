// SPDX-License-Identifier: GPL-2.0
/*
 * test-vectors.c - the suites of the kernel's selftest module, in user space.
 */
#include "../tap.h"
#include "selftest.h"

static void report(const char *name, bool passed)
{
	ok(passed, "%s", name);
}

int main(void)
{
	ok(upr_insn_selftest(report) == 0, "decoder vectors");
	ok(upr_xol_selftest(report) == 0, "displaced execution vectors");
	return done_testing();
}
