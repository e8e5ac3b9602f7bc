/* SPDX-License-Identifier: GPL-2.0 */
/*
 * still.h - an engine that holds all threads of an address space, so that a test can ask
 * the home for what needs them held; and questions to a target that is traced.
 */
#ifndef TESTS_HOST_STILL_H
#define TESTS_HOST_STILL_H

#include "child.h"
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
/* what the target answers to a line, while events of its are handled; "" within ten seconds nothing.  Static. */
const char *ask_line(struct drive *d, struct child *c, const char *line);

#endif /* TESTS_HOST_STILL_H */
