/* SPDX-License-Identifier: GPL-2.0 */
/*
 * event-registry.h - the user's own list of events, and the kernel's.
 *
 * Purpose: ${XDG_STATE_HOME:-~/.local/state}/perf-uprobe/events, in the syntax of event-line.h.  Readers
 * take no lock: the file is only ever replaced by a whole one.  Writers hold the lock from reading to
 * replacing.
 *
 * Locks: flock() of "events.lock" beside the file, event_registry_lock() to event_registry_close().
 */
#ifndef PERF_UTIL_EVENT_REGISTRY_H
#define PERF_UTIL_EVENT_REGISTRY_H

#include <limits.h>

#include "event-line.h"

/**
 * struct event_registry - the user's list
 * @path:	of the file; "": there is no place for it
 * @list:	what it holds
 * @skipped:	lines that make no sense, left out of @list
 * @lock:	descriptor, -1: only read
 */
struct event_registry {
	char path[PATH_MAX];
	struct stored_events list;
	size_t skipped;
	int lock;
};

/** event_registry_read() - as it is now; no file is an empty list.  Return: 0, -errno with @err. */
int event_registry_read(struct event_registry *reg, struct upr_error *err);
/** event_registry_lock() - the same, to be changed: there is a directory, and nobody else writes */
int event_registry_lock(struct event_registry *reg, struct upr_error *err);
/** event_registry_tell_skipped() - the user, of lines that are left out, if there are any */
void event_registry_tell_skipped(const struct event_registry *reg);
/** event_registry_write() - put @list in its place; locked */
int event_registry_write(struct event_registry *reg, struct upr_error *err);
/** event_registry_unlock() - others may change it */
void event_registry_unlock(struct event_registry *reg);
/** event_registry_close() - also after a failure */
void event_registry_close(struct event_registry *reg);

/** kernel_events_read() - append the kernel's list, if it may be read.  Return: 0 or -ENOMEM. */
int kernel_events_read(struct stored_events *list);
/** kernel_event_remove() - Return: 0 or -errno */
int kernel_event_remove(const struct stored_event *ev);

#endif /* PERF_UTIL_EVENT_REGISTRY_H */
