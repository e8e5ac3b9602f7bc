// SPDX-License-Identifier: GPL-2.0
/*
 * main-uprobes.c - runs the tests of the probe engine over the fake host in a process.
 */
#include "fake-tap.h"
#include "upr-script.h"

int main(int argc, char **argv)
{
	static const struct fake_case *const lists[] = {
		upr_way_cases, upr_life_cases, upr_race_cases, upr_random_cases, NULL,
	};

	return fake_tap(lists, argc, argv);
}
