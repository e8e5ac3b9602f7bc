/* SPDX-License-Identifier: GPL-2.0 */
/*
 * workload.h - a command that only says how long to count (`stat -p PID -- sleep 10`).
 *
 * Purpose: it is not probed and must not be our child: the home waits for
 * all of our children.  A helper that is an orphan runs it and tells by a pipe how it ended.
 *
 * Locks: none.
 */
#ifndef PERF_UTIL_WORKLOAD_H
#define PERF_UTIL_WORKLOAD_H

#include <utrace/home.h>

/**
 * workload_start() - run @argv
 * To be called before any process is traced.
 * Its end sends SIGIO, which the caller must handle.
 * Return: a file descriptor for workload_done(), or -errno with @why.
 */
int workload_start(char *const argv[], struct upr_why *why);

/** workload_done() - has it ended?  *status: exit status as a shell has it */
bool workload_done(int fd, int *status);

#endif /* PERF_UTIL_WORKLOAD_H */
