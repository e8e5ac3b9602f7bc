// SPDX-License-Identifier: GPL-2.0
/*
 * test-uprobes-random.c - to come.
 */
#include "upr-script.h"

const struct fake_case upr_random_cases[] = {
	{ NULL, NULL },
};
