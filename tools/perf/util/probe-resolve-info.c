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

#include "probe-finder.h"
#include "probe-resolve.h"
#include "symbol-priv.h"

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
		if (!ev || upr_event_add_site(ev, func, func ? upr_name_pretty(elf, func->names) : NULL, place->addr)) {
			r = upr_error_nomem(err);
			break;
		}
		ev->sites[ev->nr_sites - 1].fetch = place->fetch;
		place->fetch = NULL;
	}
	free(names);
	return r;
}

/* --- arguments --------------------------------------------------------------------------- */

struct wanted {
	struct upr_elf *elf;
	const struct upr_probe_def *def;
	struct upr_error *err;
};

static int fetch_at(struct finder *f, Dwarf_Die *scope, struct probe_place *place, void *data)
{
	const struct wanted *w = data;
	const struct fetch_place at = {
		.elf = w->elf,
		.frame = {.info = f->di, .pc = f->addr, .cu = f->cu, .function = f->function, .has_function = true},
		.scope = *scope,
		.has_scope = true,
		.at_entry = place->addr == place->entry};

	return fetch_compile(&at, w->def->args, w->def->nr_args, &place->fetch, w->err);
}

int upr_fetch_words(struct upr_elf *elf, const struct upr_probe_def *def, bool at_entry, struct fetch **ret,
		    struct upr_error *err)
{
	const struct fetch_place at = {.elf = elf, .at_entry = at_entry};

	return fetch_compile(&at, def->args, def->nr_args, ret, err);
}

int upr_fetch_again(struct upr_elf *elf, const char *text, struct fetch **ret)
{
	struct upr_probe_def def;
	int r = upr_probe_def_parse(&def, text, NULL);

	*ret = NULL;
	if (r)
		return r;
	if (def.nr_args)
		r = upr_fetch_words(elf, &def, true, ret, NULL);
	upr_probe_def_free(&def);
	return r;
}

/* Nobody can mean a variable that is at none of the places. */
static int check_values(struct upr_elf *elf, const struct upr_probe_def *def, const struct probe_places *places,
			struct upr_error *err)
{
	const struct fetch *fetch = places->p[0].fetch;
	size_t i;
	u32 k;

	for (k = 0; fetch && k < fetch->nr_args && k < def->nr_args; k++) {
		for (i = 0; i < places->nr; i++)
			if (k >= places->p[i].fetch->nr_args || !places->p[i].fetch->args[k].why)
				break;
		if (i == places->nr)
			return upr_error_set(
				err, UPR_ERR_NO_FUNCTION, ENOENT,
				"'%s' has no value at %s in %s: %s; `perf-uprobe probe -V' shows where it has",
				def->args[k], def->point, elf->info.name, fetch->args[k].why);
	}
	return 0;
}

/* The finder asks whether variables are wanted: places behind the prologue are others. */
static int want_variable(struct perf_def *perf, struct upr_error *err)
{
	perf->args = calloc(1, sizeof(*perf->args));
	if (!perf->args)
		return upr_error_nomem(err);
	perf->nr_args = 1;
	perf->args[0].var = strdup("variable");
	return perf->args[0].var ? 0 : upr_error_nomem(err);
}

static int nothing_found(struct upr_elf *elf, const struct upr_probe_def *def, const struct upr_error *said,
			 struct upr_error *err)
{
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
	struct wanted wanted = {elf, def, &why};
	const struct finder_options opts = {.max = PLACES_MAX,
					    .say = collect,
					    .data = &said,
					    .fetch = def->nr_args ? fetch_at : NULL,
					    .fetcher = &wanted};
	struct debug_info info;
	int r = debug_info_open(&info, elf->info.real);

	if (r || !info.dwarf) {
		if (!r)
			debug_info_close(&info);
		return upr_error_set(
			err, UPR_ERR_NO_FUNCTION, ENOENT,
			"'%s' needs debug information, and %s has none: rebuild it with -g, or install its "
			"debug package",
			def->text, elf->info.name);
	}
	r = probe_find(&info, perf, &opts, places);
	debug_info_close(&info);
	if (r == -ENOMEM)
		return upr_error_nomem(err);
	if (r && why.code) {
		if (err)
			*err = why;
		return r;
	}
	if (r || !places->nr)
		return nothing_found(elf, def, &said, err);
	return def->nr_args ? check_values(elf, def, places, err) : 0;
}

int upr_resolve_by_info(struct upr_elf *elf, const struct upr_probe_def *def, struct upr_event_list *list,
			struct upr_error *err)
{
	struct probe_places places = {0};
	bool variables = false;
	struct perf_def perf;
	int r = perf_def_parse(&perf, def->point, err);

	if (!r)
		r = fetch_check(def->args, def->nr_args, &variables, err);
	if (!r && variables)
		r = want_variable(&perf, err);
	if (!r)
		r = find(elf, def, &perf, &places, err);
	if (!r)
		r = add_places(elf, def, &places, list, err);
	probe_places_free(&places);
	perf_def_free(&perf);
	return r;
}
