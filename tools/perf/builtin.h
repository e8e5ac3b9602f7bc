/* SPDX-License-Identifier: GPL-2.0 */
/*
 * builtin.h - the verbs of perf-uprobe.
 *
 * Purpose: each verb is called with argv[0] being its own name and returns the
 * exit status of the tool.
 */
#ifndef PERF_BUILTIN_H
#define PERF_BUILTIN_H

/* Wrong usage, as perf and git have it. */
#define STATUS_USAGE 129
/* Failure of the tool itself. */
#define STATUS_FAILED 1

int cmd_stat(int argc, char **argv);
int cmd_trace(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_probe(int argc, char **argv);
int cmd_plan(int argc, char **argv);
int cmd_repair(int argc, char **argv);

#endif /* PERF_BUILTIN_H */
