/* SPDX-License-Identifier: GPL-2.0 */
/*
 * event-refresh.h - events kept for later, in files as they are now.
 *
 * Purpose: a definition is resolved again when its file is another one than it was made of.  Files are
 * opened once for however many events.
 *
 * Locks: none.
 */
#ifndef PERF_UTIL_EVENT_REFRESH_H
#define PERF_UTIL_EVENT_REFRESH_H

#include "event-line.h"
#include "probe-define.h"

/**
 * struct event_file - a file of events
 * @path:	as events have it
 * @id:		which file it is now, as in struct stored_event; NULL: it cannot be read
 * @error:	-errno why not
 */
struct event_file {
	char *path;
	struct probe_file file;
	char *id;
	int error;
};

/** struct event_files - those opened so far; start with all zeros */
struct event_files {
	struct event_file **v;
	size_t nr;
	size_t cap;
};

/** event_files_get() - NULL without memory */
struct event_file *event_files_get(struct event_files *files, const char *path);
void event_files_free(struct event_files *files);
/** event_file_id() - what tells a file from what will be there after the next build; free().  Return: 0, -errno. */
int event_file_id(const char *path, char **ret);

/**
 * event_add_place() - one that a definition gives
 * @quoted:	it has arguments that the kernel's syntax has no words for
 * Return: 0, -ENOMEM.
 */
int event_add_place(struct stored_event *ev, const struct traced_event *from, bool quoted);

/**
 * enum event_state - of an event kept for later
 * @EVENT_SAME:		it is where it was
 * @EVENT_STAMPED:	it is, and in another file
 * @EVENT_MOVED:	it is somewhere else, or its arguments are
 * @EVENT_GONE:		there is no such thing in the file, or no file
 */
enum event_state {
	EVENT_SAME,
	EVENT_STAMPED,
	EVENT_MOVED,
	EVENT_GONE,
};

/**
 * event_refresh() - bring an event up to date
 * @before:	EVENT_MOVED: what it was; stored_event_free()
 * @why:	EVENT_GONE: a sentence
 * Return: enum event_state, -ENOMEM.
 */
int event_refresh(struct stored_event *ev, struct event_files *files, struct stored_event *before,
		  struct upr_error *why);

/** event_is_stale() - would event_refresh() have something to do? */
bool event_is_stale(const struct stored_event *ev, struct event_files *files);

/* Is an event meant? */
typedef bool (*event_filter)(const struct stored_event *ev, const void *data);

/**
 * events_refresh() - those of a list that a filter fits, telling of what has changed
 * @gone:	one that is gone ends it, and here is why; NULL: the user is told, and it goes on
 * @nr_gone:	how many are gone
 * Return: 1 if the list was changed, 0, -ENOMEM.
 */
int events_refresh(struct stored_events *list, struct event_files *files, event_filter fits, const void *data,
		   struct upr_error *gone, size_t *nr_gone);

#endif /* PERF_UTIL_EVENT_REFRESH_H */
