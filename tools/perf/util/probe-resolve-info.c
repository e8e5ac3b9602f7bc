// SPDX-License-Identifier: GPL-2.0
/*
 * probe-resolve-info.c - definitions that need debug information, as events with sites.
 *
 * Purpose: lines, source files, patterns, functions that were inlined everywhere: what
 * perf's finder knows of them becomes sites, each proven to be an instruction as all others are.
 *
 * Locks: none.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "probe-finder.h"
#include "probe-resolve.h"
#include "symbol-priv.h"

/* Without links, for what is found beside the file; but what is a name in another namespace may be another file here. */
static const char *readable_path(const struct upr_elf_info *info)
{
	struct stat real, path;

	return !stat(info->real, &real) && !stat(info->path, &path) && real.st_dev == path.st_dev &&
			       real.st_ino == path.st_ino ?
		       info->real :
		       info->path;
}

static void info_free(struct debug_info *info)
{
	debug_info_close(info);
	free(info);
}

const struct debug_info *upr_elf_debug_info(struct upr_elf *elf)
{
	struct debug_info *info = elf->debug_info;

	if (info)
		return info->dwarf ? info : NULL;
	info = calloc(1, sizeof(*info));
	if (!info || debug_info_open(info, readable_path(&elf->info))) {
		free(info);
		return NULL;
	}
	elf->debug_info = info;
	elf->debug_info_free = info_free;
	return info->dwarf ? info : NULL;
}

const char *upr_elf_lacks(const struct upr_elf *elf)
{
	return elf->debug_info ? debug_info_lacks(elf->debug_info) : NULL;
}

/* Nobody has so many by intention. */
#define PLACES_MAX 1000000

/* What the finder says, in one sentence. */
static void collect(const char *text, void *data)
{
	struct upr_error *said = data;
	size_t len = strlen(said->text);

	if (*text)
		snprintf(said->text + len, sizeof(said->text) - len, "%s%s", len ? " " : "", text);
}

/* A line of a function is not the function. */
static struct upr_event *new_event(struct upr_elf *elf, const struct upr_probe_def *def, const char *name,
				   struct upr_event_list *list)
{
	char with_line[UPR_EVENT_NAME_MAX];

	if (!def->func || !def->line)
		return upr_event_add(elf, def, name, list);
	snprintf(with_line, sizeof(with_line), "%s_L%s", name, def->line);
	return upr_event_add(elf, def, with_line, list);
}

/* The event for the function @name among those from @first on, a new one if there is none. */
static struct upr_event *event_for(struct upr_elf *elf, const struct upr_probe_def *def, const char *name, char **names,
				   size_t first, struct upr_event_list *list)
{
	size_t i;

	for (i = first; i < list->nr; i++)
		if (!strcmp(names[i - first], name))
			return &list->events[i];
	names[list->nr - first] = (char *)name;
	return new_event(elf, def, name, list);
}

static int add_places(struct upr_elf *elf, const struct upr_probe_def *def, struct probe_places *places,
		      struct upr_event_list *list, struct upr_error *err)
{
	char **names = calloc(places->nr + 1, sizeof(*names));
	size_t i, first = list->nr;
	int r = names ? 0 : upr_error_nomem(err);

	for (i = 0; !r && i < places->nr; i++) {
		struct probe_place *place = &places->p[i];
		const struct upr_func *func;
		struct upr_event *ev;

		r = upr_check_boundary(elf, place->addr, &func, err);
		if (r)
			break;
		ev = event_for(elf, def, place->real, names, first, list);
		if (!ev ||
		    upr_event_add_site(list, ev, func, func ? upr_name_pretty(elf, func->names) : NULL, place->addr)) {
			r = upr_error_nomem(err);
			break;
		}
		ev->sites[ev->nr_sites - 1].fetch = place->fetch;
		place->fetch = NULL;
	}
	free(names);
	return r;
}

static int nothing_found(struct upr_elf *elf, const struct upr_probe_def *def, const struct upr_error *said,
			 struct upr_error *err)
{
	const char *lacks = upr_elf_lacks(elf);

	if (lacks)
		return upr_error_set(err, UPR_ERR_NO_FUNCTION, ENOENT, "'%s' is not found in %s, but %s", def->text,
				     elf->info.name, lacks);
	if (said->text[0])
		return upr_error_set(err, UPR_ERR_NO_FUNCTION, ENOENT, "'%s' in %s: %s", def->text, elf->info.name,
				     said->text);
	return upr_error_set(
		err, UPR_ERR_NO_FUNCTION, ENOENT,
		"'%s' is nowhere in %s: no code was made of that line, or there is no such function or file; "
		"`perf-uprobe probe -x %s -L FUNCTION' shows what there is",
		def->text, elf->info.name, elf->info.name);
}

static int find(struct upr_elf *elf, const struct upr_probe_def *def, const struct perf_def *perf,
		struct probe_places *places, struct upr_error *err)
{
	struct upr_error said = {0}, why = {0};
	struct upr_wanted wanted = {elf, def, &why};
	const struct finder_options opts = {.max = PLACES_MAX,
					    .say = collect,
					    .data = &said,
					    .fetch = def->nr_args ? upr_fetch_place : NULL,
					    .fetcher = &wanted};
	const struct debug_info *info = upr_elf_debug_info(elf);
	int r;

	if (!info)
		return upr_error_set(
			err, UPR_ERR_NO_FUNCTION, ENOENT,
			"'%s' needs debug information, and %s has none: rebuild it with -g, or install its "
			"debug package",
			def->text, elf->info.name);
	r = probe_find(info, perf, &opts, places);
	if (r == -ENOMEM)
		return upr_error_nomem(err);
	if (r && why.code) {
		if (err)
			*err = why;
		return r;
	}
	if (r || !places->nr)
		return nothing_found(elf, def, &said, err);
	return 0;
}

int upr_resolve_by_info(struct upr_elf *elf, const struct upr_probe_def *def, struct upr_event_list *list,
			struct upr_error *err)
{
	struct probe_places places = {0};
	bool variables = false;
	size_t first = list->nr;
	struct perf_def perf;
	int r = perf_def_parse(&perf, def->point, err);

	if (!r)
		r = fetch_check(def->args, def->nr_args, &variables, err);
	if (!r && variables)
		r = upr_want_variable(&perf, err);
	if (!r)
		r = find(elf, def, &perf, &places, err);
	if (!r)
		r = add_places(elf, def, &places, list, err);
	if (!r && def->nr_args)
		r = upr_check_values(elf, def, list, first, err);
	probe_places_free(&places);
	perf_def_free(&perf);
	return r;
}
