/* SPDX-License-Identifier: GPL-2.0 */
/*
 * event-store.h - events defined earlier: -e GROUP:EVENT.
 *
 * Purpose: the user's list (event-registry.h) and the kernel's, where that can be read, as one; brought up to
 * date with the files as they are now.  Of events of one name the first is the one meant.
 *
 * Locks: that of the user's list, while it is brought up to date.
 */
#ifndef PERF_UTIL_EVENT_STORE_H
#define PERF_UTIL_EVENT_STORE_H

#include "event-refresh.h"
#include "event-registry.h"
#include "probe-uprobe.h"

/**
 * event_store_open() - the user's list, in which events that a filter fits are up to date; not locked
 * Tells the user what has moved, and writes it down where that is possible.
 * @gone:	see events_refresh()
 * Return: 0, -errno with @err; event_registry_close() in either case.
 */
int event_store_open(struct event_registry *reg, struct event_files *files, event_filter fits, const void *data,
		     struct upr_error *gone, size_t *nr_gone, struct upr_error *err);

/**
 * event_store_define() - probes for the stored events that @pattern (GROUP:EVENT, wildcards) fits
 * Return: 0, or -errno with @err; no such event is an error.
 */
int event_store_define(struct uprobe_set *set, const char *pattern, struct upr_error *err);

#endif /* PERF_UTIL_EVENT_STORE_H */
