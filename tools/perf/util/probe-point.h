/* SPDX-License-Identifier: GPL-2.0 */
/*
 * probe-point.h - from a place in a file to how people would write it.
 * Locks: none.
 */
#ifndef PERF_UTIL_PROBE_POINT_H
#define PERF_UTIL_PROBE_POINT_H

#include "probe-define.h"

/**
 * probe_point_at() - the function, line and source file of a file offset
 * By debug information, else by symbols, else the address itself.
 * @ret:	free with probe_point_free()
 * Return: 0 or -ENOMEM.
 */
int probe_point_at(struct probe_file *file, u64 offset, const struct finder_options *opts, struct perf_point *ret);
void probe_point_free(struct perf_point *point);

#endif /* PERF_UTIL_PROBE_POINT_H */
