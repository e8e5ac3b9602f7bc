// SPDX-License-Identifier: GPL-2.0
/*
 * probe-resolve-return.c - FUNCTION%return as events with sites.
 *
 * Purpose: a return is counted where it happens, at each place where the function is left: nothing is changed on the
 * stack of the program, so that whoever unwinds it (exceptions, profilers, debuggers) sees what there is.
 *
 * Locks: none.
 */
#include <errno.h>
#include <stdlib.h>

#include "code-exits.h"
#include "probe-resolve.h"
#include "symbol-priv.h"

static int refuse(struct upr_event_list *list, struct upr_event *ev, const struct upr_site *from, const char *why,
		  struct upr_error *err)
{
	if (upr_event_add_site(list, ev, from->func, from->symbol, from->addr))
		return upr_error_nomem(err);
	ev->sites[ev->nr_sites - 1].ifunc = false;
	ev->sites[ev->nr_sites - 1].refused = arena_strdup(&list->strings, why);
	return ev->sites[ev->nr_sites - 1].refused ? 0 : upr_error_nomem(err);
}

static int add_exits(struct upr_elf *elf, struct upr_event_list *list, struct upr_event *ev,
		     const struct upr_site *from, struct upr_error *err)
{
	struct code_exits exits;
	struct upr_error why;
	size_t i;
	int r;

	if (!from->func || from->func_off)
		return refuse(list, ev, from, "a function returns, and none begins there", err);
	if (from->ifunc)
		return refuse(list, ev, from, "it stands for another function, which has a name of its own: probe that",
			      err);
	r = code_find_exits(elf, from->func, &exits, &why);
	if (r == -ENOMEM)
		return upr_error_nomem(err);
	if (r || !exits.nr)
		return refuse(list, ev, from, r ? why.text : "it never returns", err);
	for (i = 0; i < exits.nr && !r; i++) {
		const struct code_exit *exit = &exits.v[i];
		struct upr_site *site;

		if (upr_event_add_site(list, ev, upr_elf_func_at(elf, exit->addr), from->symbol, exit->addr)) {
			r = upr_error_nomem(err);
			break;
		}
		site = &ev->sites[ev->nr_sites - 1];
		site->kind = exit->tail ? UPR_SITE_TAIL : UPR_SITE_RETURN;
		site->ifunc = false;
	}
	free(exits.v);
	return r;
}

int upr_resolve_returns(struct upr_elf *elf, struct upr_event_list *list, size_t first, struct upr_error *err)
{
	size_t i;
	u32 k;
	int r = 0;

	for (i = first; i < list->nr && !r; i++) {
		struct upr_event *ev = &list->events[i];
		struct upr_site *from = ev->sites;
		u32 nr = ev->nr_sites;

		ev->sites = NULL;
		ev->nr_sites = 0;
		for (k = 0; k < nr && !r; k++)
			r = add_exits(elf, list, ev, &from[k], err);
	}
	return r;
}
