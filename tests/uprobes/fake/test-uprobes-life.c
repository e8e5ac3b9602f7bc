// SPDX-License-Identifier: GPL-2.0
/*
 * test-uprobes-life.c - to come.
 */
#include "upr-script.h"

const struct fake_case upr_life_cases[] = {
	{ NULL, NULL },
};
