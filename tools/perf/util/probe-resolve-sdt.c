// SPDX-License-Identifier: GPL-2.0
/*
 * probe-resolve-sdt.c - statically defined probes as events with sites.
 *
 * Purpose: %PROVIDER:NAME -> all notes of that name; wildcards make an event of each name.  They are called
 * sdt_PROVIDER:NAME, as perf calls them.
 *
 * Locks: none.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "probe-resolve.h"
#include "sdt.h"
#include "symbol-priv.h"

/* "%sdt_PROVIDER:NAME" in its parts; @provider is NULL where none is said.  Both point into @buf. */
static int split(const struct upr_probe_def *def, char *buf, size_t len, const char **provider, const char **name,
		 struct upr_error *err)
{
	const char *text = def->point + (*def->point == '%');
	char *colon, *at;

	if (!strncmp(text, "sdt_", 4))
		text += 4;
	if (snprintf(buf, len, "%s", text) >= (int)len)
		return upr_error_set(err, UPR_ERR_SYNTAX, EINVAL, "'%s': the name is too long", def->text);
	/* "@FILE" says what -x says */
	at = strchr(buf, '@');
	if (at)
		*at = '\0';
	colon = strchr(buf, ':');
	if (colon)
		*colon = '\0';
	*provider = colon ? buf : NULL;
	*name = colon ? colon + 1 : buf;
	if (!**name || (colon && colon == buf))
		return upr_error_set(err, UPR_ERR_SYNTAX, EINVAL,
				     "'%s': a statically defined probe is called %%PROVIDER:NAME", def->text);
	return 0;
}

static struct upr_event *event_of(struct upr_elf *elf, const struct sdt_note *note, const struct upr_probe_def *def,
				  size_t first, struct upr_event_list *list)
{
	char group[UPR_EVENT_NAME_MAX];
	struct upr_probe_def named = {.text = def->text,
				      .group = def->group ? def->group : group,
				      .event = def->event ? def->event : (char *)note->name};
	size_t i;

	snprintf(group, sizeof(group), "sdt_%s", note->provider);
	for (i = first; i < list->nr; i++)
		if (!strcmp(list->events[i].group, named.group) && !strcmp(list->events[i].event, named.event))
			return &list->events[i];
	return upr_event_add(elf, &named, note->name, list);
}

static int add_note(struct upr_elf *elf, const struct sdt_note *note, const struct upr_probe_def *def, size_t first,
		    struct upr_event_list *list, struct upr_error *err)
{
	const struct upr_func *func = upr_elf_func_at(elf, note->addr);
	const struct fetch_place at = {.elf = elf, .sdt = note->args};
	struct upr_event *ev = event_of(elf, note, def, first, list);
	struct upr_site *site;

	/* the compiler has put the instruction there: nobody need prove that it is one */
	if (!ev || upr_event_add_site(list, ev, func, func ? upr_name_pretty(elf, func->names) : NULL, note->addr))
		return upr_error_nomem(err);
	site = &ev->sites[ev->nr_sites - 1];
	site->semaphore = note->semaphore;
	site->ifunc = false;
	return fetch_compile(&at, def->args, def->nr_args, &site->fetch, err);
}

static int nothing_found(struct upr_elf *elf, const struct upr_probe_def *def, size_t nr, struct upr_error *err)
{
	if (!nr)
		return upr_error_set(err, UPR_ERR_NO_FUNCTION, ENOENT,
				     "'%s': %s has no statically defined probes (section .note.stapsdt)", def->text,
				     elf->info.name);
	return upr_error_set(
		err, UPR_ERR_NO_FUNCTION, ENOENT,
		"'%s': none of the %zu statically defined probes of %s is called so; `perf-uprobe list -x' shows "
		"them",
		def->text, nr, elf->info.name);
}

int upr_resolve_sdt(struct upr_elf *elf, const struct upr_probe_def *def, struct upr_event_list *list,
		    struct upr_error *err)
{
	const char *provider = NULL, *name = NULL;
	size_t first = list->nr, i;
	struct sdt_notes notes;
	char buf[256];
	int r = split(def, buf, sizeof(buf), &provider, &name, err);

	if (r)
		return r;
	if (sdt_read(elf, &notes))
		return upr_error_nomem(err);
	for (i = 0; i < notes.nr && !r; i++)
		if ((!provider || upr_glob_match(provider, notes.v[i].provider)) &&
		    upr_glob_match(name, notes.v[i].name))
			r = add_note(elf, &notes.v[i], def, first, list, err);
	if (!r && list->nr == first)
		r = nothing_found(elf, def, notes.nr, err);
	sdt_free(&notes);
	return r;
}
