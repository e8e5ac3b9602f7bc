/* SPDX-License-Identifier: GPL-2.0 */
/*
 * still.h - an engine that holds all threads of an address space, so that a test can ask
 * the home for what needs them held.
 */
#ifndef TESTS_HOST_STILL_H
#define TESTS_HOST_STILL_H

#include "drive.h"

#define STILL_MAX 64

struct still {
	struct drive *d;
	struct utrace_engine *engines[STILL_MAX];
	unsigned int nr;
};

/* Return: all of them are held, within ten seconds */
bool still_hold(struct still *s, struct drive *d, struct upr_mm *mm);
void still_let_go(struct still *s);

#endif /* TESTS_HOST_STILL_H */
