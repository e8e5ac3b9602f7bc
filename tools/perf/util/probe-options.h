/* SPDX-License-Identifier: GPL-2.0 */
/*
 * probe-options.h - what perf-uprobe probe is asked for.
 *
 * Purpose: options and words of the command line -> struct probe_options; definitions are parsed, files
 * are found.
 *
 * Locks: none.
 */
#ifndef PERF_UTIL_PROBE_OPTIONS_H
#define PERF_UTIL_PROBE_OPTIONS_H

#include "probe-keep.h"

/** enum command - by its letter */
enum command {
	NO_COMMAND = 0,
	ADD = 'a',
	DEFINE = 'D',
	DELETE = 'd',
	LINE = 'L',
	LIST = 'l',
	VARS = 'V',
	FUNCS = 'F',
};

/**
 * struct probe_options - what was asked for
 * @files:	all that were named
 * @file:	the last of them: where what follows is; NULL: none was named
 * @file_used:	something has followed it
 * @wants:	definitions
 */
struct probe_options {
	enum command command;
	struct probe_file **files;
	size_t nr_files;
	struct probe_file *file;
	bool file_used;
	struct probe_want *wants;
	size_t nr_wants;
	struct perf_lines lines;
	char *filter;
	const char *source;
	const char *symfs;
	int ns_pid;
	bool quiet;
	bool no_demangle;
	bool bootconfig;
	struct probe_keep keep;
	struct finder_options find;
};

/** probe_options_parse() - Return: 0, or the status to end with; probe_options_free() in either case. */
int probe_options_parse(struct probe_options *o, int argc, char **argv);
void probe_options_free(struct probe_options *o);

/** probe_with_usage() - how an option is used.  Return: 129 */
int probe_with_usage(int opt);
/** probe_status() - -errno as perf ends with it */
int probe_status(int r);
/** probe_failed() - say what has; Return: as probe_status() */
int probe_failed(const struct probe_options *o, const char *what, int r);

#endif /* PERF_UTIL_PROBE_OPTIONS_H */
