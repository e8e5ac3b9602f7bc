/* SPDX-License-Identifier: GPL-2.0 */
/*
 * probe-filter.h - which names to show: globs, "!" not, "&" and, "|" or, brackets.
 * Locks: none.
 */
#ifndef PERF_UTIL_PROBE_FILTER_H
#define PERF_UTIL_PROBE_FILTER_H

#include <stdbool.h>

/** probe_filter_check() - NULL: it is a filter; else what is wrong with it */
const char *probe_filter_check(const char *filter);
/** probe_filter_fits() - of a filter that is one */
bool probe_filter_fits(const char *filter, const char *name);
/** probe_filter_text() - as perf writes it, all of it in brackets but single names; free(); NULL without memory */
char *probe_filter_text(const char *filter);

#endif /* PERF_UTIL_PROBE_FILTER_H */
