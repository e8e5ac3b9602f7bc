/* SPDX-License-Identifier: GPL-2.0 */
/*
 * event-line.h - events kept for later, and the lines that they are kept as.
 *
 * Purpose: the syntax of uprobe_events, which the kernel's list and the user's file share:
 *
 *	p:GROUP/EVENT PATH:0xOFFSET[(0xSEMAPHORE)] [ARGUMENT...]
 *
 * and what the user's file has besides, in comments for whoever reads that syntax alone:
 *
 *	#: build-id=HEX [as=NAME] [no-inlines] [places=N] [def=DEFINITION]
 *	p:GROUP/EVENT PATH:0xOFFSET [ARGUMENT...]
 *	#p:GROUP/EVENT PATH:0xOFFSET [ARGUMENT...]
 *
 * The definition is what the lines below it were made of, and what to make them of again when the file
 * is another one; a line behind '#' is a place of the event that the kernel could not take.  In comments,
 * \ooo is a character that would not stay in its word (or line).
 *
 * Locks: none.
 */
#ifndef PERF_UTIL_EVENT_LINE_H
#define PERF_UTIL_EVENT_LINE_H

#include "probe-event.h"

/**
 * struct event_place - one place of an event
 * @retprobe:	the function's return
 * @quoted:	not for the kernel: behind '#'
 * @offset:	in the file
 * @semaphore:	in the file, 0: none
 * @args:	as they stand in the line, "" without any
 */
struct event_place {
	bool retprobe;
	bool quoted;
	u64 offset;
	u64 semaphore;
	char *args;
};

/**
 * struct stored_event - an event kept for later
 * @path:	of its file
 * @file_id:	which file that was ("build-id=HEX", "size-mtime=..."), NULL: not known
 * @def:	what it was defined by, without a name before it; NULL: not known
 * @as:		which of the events that @def gives, by the name that it gives; NULL: all are one
 * @no_inlines:	@def means no inlined instances
 * @stated:	how many places there are to be, 0: not said
 * @kernel:	it is in the kernel's list
 * @gone:	@def means nothing in the file as it is now
 * @above:	lines above it that are neither its nor of another event, NULL: none
 */
struct stored_event {
	char group[UPR_EVENT_NAME_MAX];
	char event[UPR_EVENT_NAME_MAX];
	char *path;
	char *file_id;
	char *def;
	char *as;
	bool no_inlines;
	size_t stated;
	bool kernel;
	bool gone;
	struct event_place *places;
	size_t nr_places;
	size_t cap;
	char *above;
};

/** struct stored_events - a list; @below: lines after the last one */
struct stored_events {
	struct stored_event *v;
	size_t nr;
	size_t cap;
	char *below;
};

void stored_event_free(struct stored_event *ev);
void stored_events_free(struct stored_events *list);
/** stored_events_add() - append an event without anything.  NULL without memory */
struct stored_event *stored_events_add(struct stored_events *list);
/** stored_event_add_place() - NULL without memory; its arguments are "" */
struct event_place *stored_event_add_place(struct stored_event *ev);

/**
 * stored_events_parse() - append what a text of such lines has
 * @kernel:	it is the kernel's
 * @skipped:	how many lines are none, and are left out; may be NULL
 * Return: 0 or -ENOMEM.
 */
int stored_events_parse(struct stored_events *list, const char *text, bool kernel, size_t *skipped);

/** stored_events_print() - the lines of all events */
void stored_events_print(const struct stored_events *list, FILE *out);
/** stored_event_line() - a place as uprobe_events has it, without '#'; free(); NULL without memory */
char *stored_event_line(const struct stored_event *ev, const struct event_place *place);

/** event_path_is_plain() - can a line hold the path as it is? */
bool event_path_is_plain(const char *path);
/** stored_event_name() - "GROUP:EVENT" */
#define STORED_NAME_MAX (2 * UPR_EVENT_NAME_MAX)
void stored_event_name(const struct stored_event *ev, char buf[STORED_NAME_MAX]);

#endif /* PERF_UTIL_EVENT_LINE_H */
