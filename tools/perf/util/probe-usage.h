/* SPDX-License-Identifier: GPL-2.0 */
/*
 * probe-usage.h - the options of perf probe 6.1: reading them, and telling of them.
 *
 * Purpose: perf's option reader in what scripts may rely on: long options may be cut short, short ones
 * joined, the first word ends them; what it says of a wrong one.
 * Locks: none.
 */
#ifndef PERF_UTIL_PROBE_USAGE_H
#define PERF_UTIL_PROBE_USAGE_H

#include <stdbool.h>
#include <stddef.h>

/* Options without a letter. */
enum probe_opt {
	PROBE_BOOTCONFIG = 256,
	PROBE_CACHE,
	PROBE_DEMANGLE,
	PROBE_DEMANGLE_KERNEL,
	PROBE_EXTERNS,
	PROBE_FILTER,
	PROBE_MAX_PROBES,
	PROBE_NO_INLINES,
	PROBE_RANGE,
	PROBE_SYMFS,
	PROBE_TARGET_NS,
	PROBE_JSON,
	PROBE_WHY,
};

/**
 * probe_options_read() - call @fn for each option before the first word
 * @words:	where in @argv the words begin
 * @fn:	0: go on; else what to return
 * @not:	"--no-" stood before the option; @value NULL: none was given
 * Return: 0; what @fn returned; 129: a wrong one, of which the user has been told.
 */
int probe_options_read(int argc, char **argv, int *words,
		       int (*fn)(void *data, int opt, bool not, const char *value), void *data);

/** probe_usage() - how to use it, on stderr; @opts: only these, ending with 0; NULL: all.  Return: 129. */
int probe_usage(const int *opts);
/** probe_usage_own() - options that perf has not */
void probe_usage_own(void);

#endif /* PERF_UTIL_PROBE_USAGE_H */
