/* SPDX-License-Identifier: GPL-2.0 */
/*
 * event-check.h - would the kernel take the arguments of an event?
 *
 * Purpose: the kernel's rules for arguments of uprobe_events, without the kernel.
 * Locks: none.
 */
#ifndef PERF_UTIL_EVENT_CHECK_H
#define PERF_UTIL_EVENT_CHECK_H

#include <stdbool.h>
#include <stddef.h>

/**
 * struct event_fault - what the kernel has against an argument
 * @what:	in the words of its error_log; NULL: nothing
 * @at:		where in the text
 * @limit:	it understands the argument, and has not got what it takes
 */
struct event_fault {
	const char *what;
	size_t at;
	bool limit;
};

/** event_args_check() - all arguments of a line; Return: they are good */
bool event_args_check(const char *args, bool retprobe, struct event_fault *ret);

#endif /* PERF_UTIL_EVENT_CHECK_H */
