// SPDX-License-Identifier: GPL-2.0
/*
 * main-jumps.c - runs those of jump probes.
 */
#include "fake-tap.h"
#include "upr-script.h"

int main(int argc, char **argv)
{
	static const struct fake_case *const lists[] = {
		upr_jump_cases,
		upr_jump_race_cases,
		upr_hop_cases,
		NULL,
	};

	return fake_tap(lists, argc, argv);
}
