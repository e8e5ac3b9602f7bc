// SPDX-License-Identifier: GPL-2.0
/*
 * probe-del.c - events to be kept no longer (--del).
 *
 * Purpose: see probe-keep.h.  Also those of the kernel's list, where they may be; nothing is called removed
 * that is still there.
 *
 * Locks: that of the user's list.
 */
#include <errno.h>
#include <stdio.h>

#include "event-registry.h"
#include "probe-filter.h"
#include "probe-keep.h"
#include "symbol-priv.h"

/**
 * struct names - "GROUP:EVENT" of what has been removed
 */
struct names {
	char (*v)[STORED_NAME_MAX];
	size_t nr;
	size_t cap;
};

static int add_name(struct names *names, const struct stored_event *ev)
{
	if (!upr_grow(&names->v, names->nr, &names->cap, sizeof(*names->v)))
		return -ENOMEM;
	stored_event_name(ev, names->v[names->nr++]);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void tell_removed(struct names *names, const struct finder_options *find)
{
	size_t i;

	if (names->nr)
		qsort(names->v, names->nr, sizeof(*names->v), by_name);
	for (i = 0; i < names->nr; i++) {
		if (!i || strcmp(names->v[i], names->v[i - 1]))
			probe_say(find, "Removed event: %s", names->v[i]);
	}
}

/* --- the user's ------------------------------------------------------------------------- */

/* What stood above it stays. */
static int hand_on(struct stored_events *list, size_t at)
{
	struct stored_event *ev = &list->v[at];
	char **next = at + 1 < list->nr ? &list->v[at + 1].above : &list->below, *both;

	if (!ev->above)
		return 0;
	if (asprintf(&both, "%s%s", ev->above, *next ? *next : "") < 0)
		return -ENOMEM;
	free(*next);
	*next = both;
	return 0;
}

static int drop(struct stored_events *list, const char *filter, struct names *removed)
{
	size_t i, kept = 0;

	for (i = 0; i < list->nr; i++)
		if (probe_keep_fits(&list->v[i], filter) && (hand_on(list, i) || add_name(removed, &list->v[i])))
			return -ENOMEM;
	for (i = 0; i < list->nr; i++) {
		if (probe_keep_fits(&list->v[i], filter))
			stored_event_free(&list->v[i]);
		else
			list->v[kept++] = list->v[i];
	}
	list->nr = kept;
	return 0;
}

static bool any_fits(const struct stored_events *list, const char *filter)
{
	size_t i;

	for (i = 0; i < list->nr; i++)
		if (probe_keep_fits(&list->v[i], filter))
			return true;
	return false;
}

/* Whoever has no list needs none to find out that nothing is in it. */
static int remove_users(const char *filter, const struct probe_keep *how, struct names *removed)
{
	struct event_registry reg;
	struct upr_error err = {0};
	int r = event_registry_read(&reg, &err);

	if (!r)
		event_registry_tell_skipped(&reg);
	if (r || !any_fits(&reg.list, filter))
		goto out;
	if (!how->dry_run) {
		event_registry_close(&reg);
		r = event_registry_lock(&reg, &err);
	}
	if (!r)
		r = drop(&reg.list, filter, removed);
	if (!r && !how->dry_run)
		r = event_registry_write(&reg, &err);
	if (r)
		removed->nr = 0;
out:
	if (r)
		probe_say(how->find, "%s.", err.text[0] ? err.text : strerror(-r));
	event_registry_close(&reg);
	return r;
}

/* --- the kernel's -------------------------------------------------------------------------- */

static bool was_before(const struct stored_events *list, size_t at)
{
	size_t i;

	for (i = 0; i < at; i++)
		if (!strcmp(list->v[i].group, list->v[at].group) && !strcmp(list->v[i].event, list->v[at].event))
			return true;
	return false;
}

/* All of them are tried; the first failure is what comes of it. */
static int remove_kernels(const char *filter, const struct probe_keep *how, struct names *removed)
{
	struct stored_events list = {0};
	int r = kernel_events_read(&list), ret = r;
	size_t i;

	for (i = 0; !r && i < list.nr; i++) {
		const struct stored_event *ev = &list.v[i];

		if (!probe_keep_fits(ev, filter) || was_before(&list, i))
			continue;
		r = how->dry_run ? 0 : kernel_event_remove(ev);
		if (r) {
			probe_say(how->find, "Failed to delete event: %s (%s:%s, in the kernel's list)", strerror(-r),
				  ev->group, ev->event);
			ret = ret ? ret : r;
			r = 0;
		} else {
			r = add_name(removed, ev);
		}
	}
	stored_events_free(&list);
	return r ? r : ret;
}

int probe_del(const char *filter, const struct probe_keep *how)
{
	struct names removed = {0};
	int r = remove_users(filter, how, &removed), r2;
	char *text;

	r2 = r ? 0 : remove_kernels(filter, how, &removed);
	tell_removed(&removed, how->find);
	if (!r && !r2 && !removed.nr) {
		text = probe_filter_text(filter);
		probe_say(how->find, "\"%s\" does not hit any event.", text ? text : filter);
		free(text);
		r = -ENOENT;
	}
	free(removed.v);
	return r ? r : r2;
}
