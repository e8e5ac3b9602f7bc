// SPDX-License-Identifier: GPL-2.0
/*
 * event-store.c - events defined earlier: -e GROUP:EVENT.
 *
 * Purpose: see event-store.h.
 * Locks: see event-store.h.
 */
#include <errno.h>
#include <stdio.h>

#include "event-store.h"
#include "symbol-priv.h"
#include "ui.h"

/* --- up to date ------------------------------------------------------------------------ */

static bool any_stale(const struct stored_events *list, struct event_files *files, event_filter fits, const void *data)
{
	size_t i;

	for (i = 0; i < list->nr; i++)
		if (fits(&list->v[i], data) && event_is_stale(&list->v[i], files))
			return true;
	return false;
}

int event_store_open(struct event_registry *reg, struct event_files *files, event_filter fits, const void *data,
		     struct upr_error *gone, size_t *nr_gone, struct upr_error *err)
{
	struct upr_error why = {0};
	bool locked = false;
	int r = event_registry_read(reg, err);

	*nr_gone = 0;
	if (r)
		return r;
	event_registry_tell_skipped(reg);
	if (!any_stale(&reg->list, files, fits, data))
		return 0;
	event_registry_close(reg);
	/* where it cannot be written, it is brought up to date each time */
	locked = !event_registry_lock(reg, NULL);
	if (!locked) {
		event_registry_close(reg);
		r = event_registry_read(reg, err);
		if (r)
			return r;
	}
	r = events_refresh(&reg->list, files, fits, data, gone, nr_gone);
	if (r < 0)
		return upr_error_nomem(err);
	if (r && locked && event_registry_write(reg, &why))
		ui_note("%s", why.text);
	event_registry_unlock(reg);
	return 0;
}

/* --- probes of it ------------------------------------------------------------------------ */

static bool fits_pattern(const struct stored_event *ev, const void *data)
{
	char name[STORED_NAME_MAX];

	stored_event_name(ev, name);
	return upr_glob_match(data, name);
}

/* Among the first @nr events? */
static bool known(const struct uprobe_set *set, size_t nr, const char *name)
{
	size_t i;

	for (i = 0; i < nr; i++)
		if (!strcmp(set->events[i]->name, name))
			return true;
	return false;
}

static int no_such_offset(const struct stored_event *ev, u64 offset, struct upr_error *err)
{
	return upr_error_set(err, UPR_ERR_OFFSET, EINVAL,
			     "%s:%s: nothing of %s is loaded from file offset 0x%llx; the file has changed since",
			     ev->group, ev->event, ev->path, (unsigned long long)offset);
}

/* A definition that names an address; ret->def: free(). */
static int name_place(struct upr_elf *elf, const struct stored_event *ev, const struct event_place *place,
		      struct uprobe_place *ret, struct upr_error *err)
{
	char *text;
	u64 addr;

	if (!upr_elf_offset_to_addr(elf, place->offset, &addr))
		return no_such_offset(ev, place->offset, err);
	if (place->semaphore && !upr_elf_offset_to_addr(elf, place->semaphore, &ret->semaphore))
		return no_such_offset(ev, place->semaphore, err);
	if (asprintf(&text, "0x%llx%s%s%s", (unsigned long long)addr, place->retprobe ? "%return" : "",
		     *place->args ? " " : "", place->args) < 0)
		return upr_error_nomem(err);
	ret->def = text;
	ret->here = true;
	return 0;
}

/* By where its places are. */
static int define_places(struct uprobe_set *set, const struct stored_event *ev, struct upr_error *err)
{
	struct uprobe_place *places = calloc(ev->nr_places + 1, sizeof(*places));
	struct upr_elf *elf = upr_elf_open(ev->path, err);
	size_t i;
	int r = elf ? 0 : err->code ? -err->code : -EINVAL;

	if (!places)
		r = upr_error_nomem(err);
	for (i = 0; !r && i < ev->nr_places; i++)
		r = name_place(elf, ev, &ev->places[i], &places[i], err);
	upr_elf_close(elf);
	if (!r)
		r = uprobe_set_define_places(set, ev->path, ev->group, ev->event, places, ev->nr_places, err);
	for (i = 0; places && i < ev->nr_places; i++)
		free((char *)places[i].def);
	free(places);
	return r;
}

/*
 * Which of its places are meant the definition does not always say, and a pattern fits what perf does not see; but
 * what the kernel's syntax has no words for only the definition says.
 */
static bool is_by_definition(const struct stored_event *ev)
{
	struct upr_probe_def def;
	bool pattern;
	size_t i;

	if (!ev->def || ev->no_inlines || ev->as)
		return false;
	for (i = 0; i < ev->nr_places; i++)
		if (ev->places[i].quoted)
			return true;
	if (upr_probe_def_parse(&def, ev->def, NULL))
		return false;
	pattern = def.glob;
	upr_probe_def_free(&def);
	return !pattern;
}

static int define(struct uprobe_set *set, const struct stored_event *ev, struct upr_error *err)
{
	const struct uprobe_place place = {.def = ev->def};

	if (is_by_definition(ev))
		return uprobe_set_define_places(set, ev->path, ev->group, ev->event, &place, 1, err);
	return define_places(set, ev, err);
}

/* Return: how many of the events fitted, or -errno. */
static int define_list(struct uprobe_set *set, const struct stored_events *list, const char *pattern,
		       struct upr_error *err)
{
	size_t i, nr_before = set->nr_events;
	char name[STORED_NAME_MAX];
	int fits = 0, r = 0;

	for (i = 0; !r && i < list->nr; i++) {
		if (!fits_pattern(&list->v[i], pattern))
			continue;
		fits++;
		stored_event_name(&list->v[i], name);
		if (!known(set, nr_before, name))
			r = define(set, &list->v[i], err);
	}
	return r ? r : fits;
}

int event_store_define(struct uprobe_set *set, const char *pattern, struct upr_error *err)
{
	struct stored_events kernel = {0};
	struct event_files files = {0};
	struct event_registry reg;
	size_t nr_gone;
	int found = 0, r;

	r = event_store_open(&reg, &files, fits_pattern, pattern, err, &nr_gone, err);
	if (!r && nr_gone)
		r = -ENOENT;
	if (!r)
		r = found = define_list(set, &reg.list, pattern, err);
	if (r >= 0)
		r = kernel_events_read(&kernel) ? upr_error_nomem(err) : define_list(set, &kernel, pattern, err);
	if (r >= 0)
		found += r;
	if (r >= 0 && !found)
		r = upr_error_set(err, UPR_ERR_NO_FUNCTION, ENOENT,
				  "no event %s is defined in %s or in the kernel's list (tracefs uprobe_events); "
				  "define one, or name functions by -x FILE FUNCTION",
				  pattern, *reg.path ? reg.path : "a store of this user");
	stored_events_free(&kernel);
	event_files_free(&files);
	event_registry_close(&reg);
	return r < 0 ? r : 0;
}
