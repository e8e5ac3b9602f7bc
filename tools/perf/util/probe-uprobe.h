/* SPDX-License-Identifier: GPL-2.0 */
/*
 * probe-uprobe.h - from definitions to counting probes of the engine.
 *
 * Purpose: what a user names (-x FILE DEF, -e EVENT) becomes events; an event
 * has sites, each a consumer that the engine counts on.  A file is known by its key
 * and not by its name: one name may mean several files (images), in processes
 * that have other roots or still map a deleted version; each gets
 * probes of its own when a process maps it.
 *
 * Locks: none; everything but the hit callbacks runs on the home's thread, and
 * the user home's hits do so, too.
 */
#ifndef PERF_UTIL_PROBE_UPROBE_H
#define PERF_UTIL_PROBE_UPROBE_H

#include <utrace/home.h>

#include "probe-event.h"

struct ifunc_watch;
struct uprobe_event;

/**
 * struct uprobe_image - a file that probes were registered in
 * @key:	the home's identity of it
 * @elf:	open for as long as the set
 * @path:	for people
 * @mapped:	some process has it mapped executable
 */
struct uprobe_image {
	struct upr_file_key key;
	struct upr_elf *elf;
	char *path;
	bool mapped;
};

/**
 * struct uprobe_site - one place: (image, offset)
 * @consumer:	the engine's; its counters are the result
 * @probe:	NULL when the engine refused
 * @event:	whose hits these are
 * @addr:	virtual address in the file
 * @symbol:	for people, may be NULL
 * @func_off:	offset in @symbol
 * @fetch:	its arguments, NULL: there are none
 * @refused:	why it is not armed, or NULL
 * @kind:	enum upr_site_kind
 * @ifunc:	it is one of several that an IFUNC may stand for: its hits count
 *		once it is known to be the one in use (@chosen)
 * @chosen:	see above; always true without @ifunc
 */
struct uprobe_site {
	struct upr_consumer consumer;
	struct upr_probe *probe;
	struct uprobe_event *event;
	struct uprobe_image *image;
	u64 addr;
	u64 offset;
	const char *symbol;
	u64 func_off;
	struct fetch *fetch;
	const char *refused;
	u8 kind;
	struct ifunc_watch *ifunc;
	bool chosen;
};

/**
 * struct uprobe_event - what is counted under one name
 * @name:	group:event
 * @symbol:	the function as shown to people; NULL for an address outside of all
 * @def:	the definition it comes from
 * @sites:	@nr_sites of them
 * @spec:	private
 * @reported:	count at the last interval's end
 */
struct uprobe_event {
	const char *name;
	const char *symbol;
	const char *def;
	struct uprobe_site **sites;
	size_t nr_sites;
	struct uprobe_spec *spec;
	struct uprobe_set *set;
	u64 reported;
};

/**
 * struct uprobe_totals - an event, added up
 * @count:	hits
 * @missed:	hits that could not be counted or executed in full
 * @sites:	places armed
 * @refused:	places not armed
 * @uncounted:	there may have been calls of which nothing is known; @count is no answer then
 * @modes:	@sites by enum upr_way
 * @why:	why there is nothing armed, or not all of it; NULL: it is
 */
struct uprobe_totals {
	u64 count;
	u64 missed;
	unsigned int sites;
	unsigned int refused;
	bool uncounted;
	unsigned int modes[UPR_NR_WAYS];
	const char *why;
};

/**
 * struct uprobe_set - all events of one command; the arrays are for reading
 * @jumps:	sites may be probed by jumps: find out what that takes.  The caller's to set
 * @hit, @unhit: NULL, or called at hits, and when one has not happened after all (struct upr_consumer); places
 *		are probed by traps then.  The caller's to set, before anything is defined
 * @no_cache:	neither use nor leave what that takes in the user's cache
 */
struct uprobe_set {
	struct upr_session *session;
	bool jumps;
	bool no_cache;
	void (*hit)(struct uprobe_site *site, struct utrace_task *task, u64 addr, void *data);
	void (*unhit)(struct uprobe_site *site, struct utrace_task *task, u64 addr, void *data);
	void *data;
	struct uprobe_event **events;
	size_t nr_events;
	struct uprobe_image **images;
	size_t nr_images;
	struct uprobe_spec **specs;
	size_t nr_specs;
	struct ifunc_watch **ifuncs;
	size_t nr_ifuncs;
	struct upr_event_list names;
	struct arena arena; /* events and sites */
};

struct uprobe_set *uprobe_set_new(struct upr_session *session);

/**
 * uprobe_set_close() - the last thing that a command does with it: closes its files
 * What has been found out about them is kept in the user's cache.  A hundred thousand events and sites are
 * not freed one by one: they go with the process.
 */
void uprobe_set_close(struct uprobe_set *set);

/**
 * uprobe_set_define() - probes for @nr definitions in the file that @name means
 * @pids:	processes to be attached to: a library's name is looked up among their
 *		mappings first
 * Return: 0, or -errno with @err.
 */
int uprobe_set_define(struct uprobe_set *set, const char *name, char *const *defs, size_t nr, const int *pids,
		      size_t nr_pids, struct upr_error *err);

/**
 * struct uprobe_place - one of an event's places, or several
 * @def:	a definition without a name
 * @here:	it is an address in this file: of no use in another one of the name, unless that is a copy
 * @semaphore:	struct upr_site's, where @def cannot say it; 0: none, or @def says it
 */
struct uprobe_place {
	const char *def;
	bool here;
	u64 semaphore;
};

/**
 * uprobe_set_define_places() - one event, GROUP:EVENT, which is hit wherever one of its @nr places is
 * Return: 0, or -errno with @err.
 */
int uprobe_set_define_places(struct uprobe_set *set, const char *name, const char *group, const char *event,
			     const struct uprobe_place *places, size_t nr, struct upr_error *err);

/**
 * uprobe_set_defined() - all has been defined that is known before any process is looked at
 * What was needed for it alone is given back, so that arming has the memory.
 */
void uprobe_set_defined(struct uprobe_set *set);

/** uprobe_set_mapped() - to be called from the home's client; probes of files not seen before */
void uprobe_set_mapped(struct uprobe_set *set, int pid, const char *path, const char *open_path,
		       struct upr_file_key key);

/** uprobe_event_totals() - an event, added up */
void uprobe_event_totals(const struct uprobe_event *event, struct uprobe_totals *ret);

/** uprobe_set_nr_sites() - all places registered */
size_t uprobe_set_nr_sites(const struct uprobe_set *set);

/** uprobe_way_name() - as in --json: jump, emulate, boost, step */
const char *uprobe_way_name(enum upr_way way);

/** uprobe_set_explain() - -v: how each place is executed, and why, on stderr */
void uprobe_set_explain(const struct uprobe_set *set);

/* --- for ifunc.c ------------------------------------------------------- */

/**
 * uprobe_site_new() - register a place for @event; takes @fetch
 * Return: NULL without memory (a refusal is a site that says so).
 */
struct uprobe_site *uprobe_site_new(struct uprobe_set *set, struct uprobe_event *event, struct uprobe_image *image,
				    const struct upr_site *at, struct fetch *fetch);
/** uprobe_array_add() - append a pointer.  Return: false without memory */
bool uprobe_array_add(void *array, size_t *nr, void *item);

#endif /* PERF_UTIL_PROBE_UPROBE_H */
