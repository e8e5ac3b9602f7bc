/* SPDX-License-Identifier: GPL-2.0 */
/*
 * probe-show.h - what can be probed: lines, variables, functions (-L, -V, -F).
 *
 * Purpose: on stdout, as perf probe shows it.
 * Locks: none.
 */
#ifndef PERF_UTIL_PROBE_SHOW_H
#define PERF_UTIL_PROBE_SHOW_H

#include "probe-define.h"

/** probe_show_*() - Return: 0; -errno, of which the user has been told as far as perf does */
int probe_show_vars(struct probe_file *file, struct perf_def *def, const char *filter,
		    const struct finder_options *opts);
int probe_show_lines(struct probe_file *file, const struct perf_lines *lines, const char *source,
		     const struct finder_options *opts);
int probe_show_funcs(struct probe_file *file, const char *filter, bool no_demangle, const struct finder_options *opts);

#endif /* PERF_UTIL_PROBE_SHOW_H */
