// SPDX-License-Identifier: GPL-2.0
/*
 * test-uprobes-race.c - to come.
 */
#include "upr-script.h"

const struct fake_case upr_race_cases[] = {
	{ NULL, NULL },
};
