/* SPDX-License-Identifier: GPL-2.0 */
/*
 * stat-options.h - the command line of `perf-uprobe stat`.
 *
 * Purpose: options named as in perf stat wherever perf has one.  An -x FILE governs the
 * definitions that follow, up to the next -x or to "--"; without an -x in force the
 * first word that is no option begins the command.
 */
#ifndef PERF_UTIL_STAT_OPTIONS_H
#define PERF_UTIL_STAT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <utrace/uprobes.h>

enum stat_format {
	STAT_TEXT,
	STAT_CSV,
	STAT_JSON,
};

/**
 * struct stat_file - -x FILE DEF...
 * The strings are argv's.
 */
struct stat_file {
	const char *name;
	char **defs;
	size_t nr_defs;
};

/**
 * struct stat_options - zero is the default of everything
 * @events:	-e, commas already split
 * @pids:	-p
 * @command:	NULL-terminated, or NULL
 * @mode_name:	as given
 * @top:	0: all
 * @interval_ms: 0: none
 * @timeout_ms:	0: none
 */
struct stat_options {
	struct stat_file *files;
	size_t nr_files;
	char **events;
	size_t nr_events;
	int *pids;
	size_t nr_pids;
	char **command;
	enum upr_mode mode;
	enum stat_format format;
	const char *output;
	bool append;
	unsigned int top;
	unsigned int interval_ms;
	unsigned int timeout_ms;
	bool no_inherit;
	bool no_follow;
	bool no_cache;
	bool pin;
};

/**
 * stat_options_parse() - sets ui_quiet and ui_verbose as well
 * Return: -1 to go on; otherwise what was wrong (or the help asked for) has been printed,
 * and this is the exit status.
 */
int stat_options_parse(struct stat_options *opts, int argc, char **argv);
void stat_options_free(struct stat_options *opts);

#endif /* PERF_UTIL_STAT_OPTIONS_H */
