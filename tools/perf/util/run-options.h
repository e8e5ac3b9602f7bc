/* SPDX-License-Identifier: GPL-2.0 */
/*
 * run-options.h - command lines of verbs that probe processes.
 *
 * Purpose: options named as in perf wherever perf has one.  An -x FILE governs the
 * definitions that follow, up to the next -x or to "--"; without an -x in force the
 * first word that is no option begins the command.
 */
#ifndef PERF_UTIL_RUN_OPTIONS_H
#define PERF_UTIL_RUN_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <utrace/uprobes.h>

#include "file-defs.h"

enum run_format {
	RUN_TEXT,
	RUN_CSV,
	RUN_JSON,
};

/**
 * struct run_syntax - what a verb understands
 * @usage:	its help
 * @purpose:	"count": what it does to events
 * @without:	options, of all there are, that it has not
 * @no_jumps:	it knows no --mode jump
 */
struct run_syntax {
	const char *usage;
	const char *purpose;
	int without[8];
	bool no_jumps;
};

extern const struct run_syntax stat_syntax, trace_syntax;

/**
 * struct run_options - zero is the default of everything
 * @events:	-e, commas already split
 * @pids:	-p
 * @command:	NULL-terminated, or NULL
 * @top:	0: all
 * @interval_ms: 0: none
 * @timeout_ms:	0: none
 * @max_events:	0: all
 */
struct run_options {
	const struct run_syntax *syntax;
	struct file_list files;
	char **events;
	size_t nr_events;
	int *pids;
	size_t nr_pids;
	char **command;
	enum upr_mode mode;
	enum run_format format;
	const char *output;
	bool append;
	unsigned int top;
	unsigned int interval_ms;
	unsigned int timeout_ms;
	unsigned int max_events;
	bool no_inherit;
	bool no_follow;
	bool no_cache;
	bool pin;
};

/**
 * run_options_parse() - sets ui_quiet and ui_verbose as well
 * Return: -1 to go on; otherwise what was wrong (or the help asked for) has been printed,
 * and this is the exit status.
 */
int run_options_parse(struct run_options *opts, const struct run_syntax *syntax, int argc, char **argv);
void run_options_free(struct run_options *opts);

#endif /* PERF_UTIL_RUN_OPTIONS_H */
