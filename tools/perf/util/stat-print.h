/* SPDX-License-Identifier: GPL-2.0 */
/*
 * stat-print.h - results of `perf-uprobe stat`, in perf stat's look.
 *
 * Purpose: the table for people, -x, style lines, JSON lines; at the end, or
 * one block an interval.
 */
#ifndef PERF_UTIL_STAT_PRINT_H
#define PERF_UTIL_STAT_PRINT_H

#include <stdio.h>

#include "probe-uprobe.h"
#include "run-options.h"

/**
 * struct stat_times - clocks, in seconds
 * @elapsed:	since counting began
 * @span:	what the counts are of: @elapsed, or the interval's length
 * @user, @sys:	CPU time of the command; negative: there is none to report
 */
struct stat_times {
	double elapsed;
	double span;
	double user;
	double sys;
};

/** stat_print() - the results.  Return: 0, or -errno of the output */
int stat_print(FILE *out, const struct run_options *opts, const struct uprobe_set *set,
	       const struct stat_times *times);

/** stat_print_interval() - what was counted since the last call; event->reported goes along */
int stat_print_interval(FILE *out, const struct run_options *opts, struct uprobe_set *set,
			const struct stat_times *times);

#endif /* PERF_UTIL_STAT_PRINT_H */
