/* SPDX-License-Identifier: GPL-2.0 */
/*
 * child.h - a target program with its standard input and output in our hands.
 */
#ifndef TESTS_HOST_CHILD_H
#define TESTS_HOST_CHILD_H

#include <stdio.h>
#include <sys/types.h>

struct child {
	pid_t pid;
	int in;
	FILE *out;
	char first[64];
};

/* start it, untraced; the first line it prints says that it is ready, and is read here */
void child_start(struct child *c, char *const argv[]);
/* that line: most print a pid */
const char *child_first(const struct child *c);
/* one line of its output without the newline; "" at the end.  Static. */
const char *child_line(struct child *c);
void child_say(struct child *c, const char *line);
/* end its input, read what is left (to be freed), reap it: *status */
char *child_end(struct child *c, int *status);
/* maps as the kernel shows them; to be freed */
char *read_proc(pid_t pid, const char *name);
/* all executable private file text as it is in memory; to be freed */
unsigned char *read_text(pid_t pid, size_t *len);
/* is nobody tracing it? */
int untraced(pid_t pid);

#endif /* TESTS_HOST_CHILD_H */
