/* SPDX-License-Identifier: GPL-2.0 */
/*
 * probe-source.h - source files: where they are, lines that fit a pattern.
 *
 * Purpose: debug information names files as the compiler was given them.
 * Locks: none.
 */
#ifndef PERF_UTIL_PROBE_SOURCE_H
#define PERF_UTIL_PROBE_SOURCE_H

#include "debug-info.h"

/** struct source_lines - line numbers, ascending */
struct source_lines {
	int *v;
	size_t nr;
	size_t cap;
};

/**
 * source_path() - the file @file of @cu as it can be opened
 * @prefix: directory put before it (--source), or NULL
 * Return: free(); NULL: it is not there, or no memory.
 */
char *source_path(Dwarf_Die *cu, const char *file, const char *prefix);

/** source_lines_add() - Return: 0 or -ENOMEM; a line that is there already stays once */
int source_lines_add(struct source_lines *lines, int line);
bool source_lines_has(const struct source_lines *lines, int line);
void source_lines_free(struct source_lines *lines);

/**
 * source_lines_match() - lines of a source file that fit a lazy pattern: a glob for which blanks do not count
 * Return: 0; -ENOENT: no such file; -ENOMEM.
 */
int source_lines_match(struct source_lines *lines, Dwarf_Die *cu, const char *file, const char *pattern);

#endif /* PERF_UTIL_PROBE_SOURCE_H */
