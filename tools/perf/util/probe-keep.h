/* SPDX-License-Identifier: GPL-2.0 */
/*
 * probe-keep.h - events that are kept: adding, deleting and listing them, in perf's words.
 *
 * Purpose: probe --add, --del and --list.  perf has one list, the kernel's; here the user's own comes
 * first: events are added to it, and both are listed and deleted from.
 *
 * Locks: that of the user's list (event-registry.h).
 */
#ifndef PERF_UTIL_PROBE_KEEP_H
#define PERF_UTIL_PROBE_KEEP_H

#include "probe-define.h"

/**
 * struct probe_want - a definition that the user asks for
 * @text:	as given
 * @def:	as perf understands it; nothing of it if @foreign
 * @foreign:	perf does not
 * @own:	@events are the engine's (probe-any.h)
 * @file:	where it is to be; NULL: not said
 */
struct probe_want {
	char *text;
	struct perf_def def;
	bool foreign;
	bool own;
	struct probe_file *file;
	struct traced_events events;
};

/**
 * struct probe_keep - how
 * @force:	names that are taken already get a number
 * @dry_run:	only say what would be done
 * @json:	--list for programs
 * @cache:	--list shows definitions by their files, as perf shows its cache
 */
struct probe_keep {
	bool force;
	bool dry_run;
	bool json;
	bool cache;
	const struct finder_options *find;
};

/** probe_add() - keep the events of all @nr definitions, or none.  Return: 0, -errno, of which the user has been told. */
int probe_add(struct probe_want *wants, size_t nr, const struct probe_keep *how);
/** probe_del() - delete events that @filter (probe-filter.h) fits; the same */
int probe_del(const char *filter, const struct probe_keep *how);
/** probe_list() - show events that @filter fits; the same */
int probe_list(const char *filter, const struct probe_keep *how);

struct stored_event;
/** probe_keep_fits() - does a filter of the user's mean an event? */
bool probe_keep_fits(const struct stored_event *ev, const void *filter);

/** probe_event_text() - "  GROUP:EVENT (on POINT in FILE with ARGS)"; free(); NULL without memory */
char *probe_event_text(const char *group, const char *event, const struct perf_point *point, const char *path,
		       const char *args);

#endif /* PERF_UTIL_PROBE_KEEP_H */
