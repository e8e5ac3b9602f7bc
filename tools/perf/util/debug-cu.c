// SPDX-License-Identifier: GPL-2.0
/*
 * debug-cu.c - what has been found out about the unit that was asked last.
 *
 * Purpose: see debug-cu.h.
 *
 * Locks: none.
 */
#include <stdlib.h>
#include <string.h>

#include "debug-cu.h"
#include "symbol-priv.h"

void debug_cu_forget(struct debug_cu *known)
{
	while (known->nr_globals)
		free(known->globals[--known->nr_globals].name);
	free(known->globals);
	free(known->ranges);
	free(known->instances);
	*known = (struct debug_cu){0};
}

/* What is known of @cu, if only that nothing is. */
static struct debug_cu *known_of(const struct debug_info *di, Dwarf_Die *cu)
{
	Dwarf_Off off = dwarf_dieoffset(cu);

	if (di->known->off != off) {
		debug_cu_forget(di->known);
		di->known->off = off;
	}
	return di->known;
}

/* --- functions by address ------------------------------------------------------- */

struct range_walk {
	struct debug_cu *known;
	size_t order;
};

static int add_ranges(Dwarf_Die *die, void *data)
{
	struct range_walk *w = data;
	struct debug_cu *known = w->known;
	Dwarf_Addr base, begin, end;
	ptrdiff_t off = 0;

	while ((off = dwarf_ranges(die, off, &base, &begin, &end)) > 0) {
		if (!upr_grow(&known->ranges, known->nr_ranges, &known->cap_ranges, sizeof(*known->ranges))) {
			known->failed = true;
			return DWARF_CB_ABORT;
		}
		known->ranges[known->nr_ranges++] = (struct debug_range){
			.begin = begin, .end = end, .function = dwarf_dieoffset(die), .order = w->order};
	}
	w->order++;
	return DWARF_CB_OK;
}

static int by_begin(const void *a, const void *b)
{
	const struct debug_range *x = a, *y = b;

	if (x->begin != y->begin)
		return x->begin < y->begin ? -1 : 1;
	return (x->order > y->order) - (x->order < y->order);
}

static void find_ranges(struct debug_cu *known, Dwarf_Die *cu)
{
	struct range_walk w = {.known = known};
	Dwarf_Addr max_end = 0;
	size_t i;

	known->has_ranges = true;
	dwarf_getfuncs(cu, add_ranges, &w, 0);
	if (known->nr_ranges)
		qsort(known->ranges, known->nr_ranges, sizeof(*known->ranges), by_begin);
	for (i = 0; i < known->nr_ranges; i++) {
		max_end = max(max_end, known->ranges[i].end);
		known->ranges[i].max_end = max_end;
	}
}

/* The first function of the unit that has @addr, as die_function_at() would find. */
static const struct debug_range *range_at(const struct debug_cu *known, Dwarf_Addr addr)
{
	const struct debug_range *best = NULL;
	size_t lo = 0, hi = known->nr_ranges;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (known->ranges[mid].begin <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	while (lo-- && known->ranges[lo].max_end > addr)
		if (known->ranges[lo].end > addr && (!best || known->ranges[lo].order < best->order))
			best = &known->ranges[lo];
	return best;
}

Dwarf_Die *cu_function_at(const struct debug_info *di, Dwarf_Die *cu, Dwarf_Addr addr, Dwarf_Die *mem)
{
	struct debug_cu *known = known_of(di, cu);
	const struct debug_range *range;

	if (!known->has_ranges)
		find_ranges(known, cu);
	if (known->failed)
		return die_function_at(cu, addr, mem);
	range = range_at(known, addr);
	return range ? dwarf_offdie(di->dwarf, range->function, mem) : NULL;
}

/* --- variables of the unit ---------------------------------------------------------- */

Dwarf_Die *cu_variable(const struct debug_info *di, Dwarf_Die *cu, const char *name, Dwarf_Die *mem)
{
	struct debug_cu *known = known_of(di, cu);
	Dwarf_Die *found;
	size_t i;

	for (i = 0; i < known->nr_globals; i++)
		if (!strcmp(known->globals[i].name, name))
			return known->globals[i].entry ? dwarf_offdie(di->dwarf, known->globals[i].entry, mem) : NULL;
	found = die_variable_at(cu, name, 0, mem);
	if (upr_grow(&known->globals, known->nr_globals, &known->cap_globals, sizeof(*known->globals))) {
		char *copy = strdup(name);

		if (copy)
			known->globals[known->nr_globals++] = (struct debug_global){copy,
										    found ? dwarf_dieoffset(found) : 0};
	}
	return found;
}

/* --- instances ------------------------------------------------------------------------- */

static void find_instances(struct debug_units *units, struct debug_cu *known)
{
	struct debug_unit *unit = debug_units_at(units, known->off);

	known->has_instances = true;
	if (!unit || !debug_unit_instances(units, unit, &known->instances, &known->nr_instances)) {
		known->failed = true;
		return;
	}
	debug_instances_sort(known->instances, known->nr_instances);
}

static Dwarf_Off *add_entries(Dwarf_Off *entries, size_t *nr, const struct debug_instance *v, size_t nr_v,
			      Dwarf_Off origin)
{
	size_t first = debug_instances_first(v, nr_v, origin), last = first;
	Dwarf_Off *more;

	while (last < nr_v && v[last].origin == origin)
		last++;
	more = entries ? reallocarray(entries, *nr + last - first + 1, sizeof(*more)) : NULL;
	if (!more) {
		free(entries);
		return NULL;
	}
	for (; first < last; first++)
		more[(*nr)++] = v[first].entry;
	return more;
}

/* A copy: the callback may ask about another unit.  The first *own of them are in the function's unit.  NULL: ask libdw */
static Dwarf_Off *entries_of(const struct debug_info *di, Dwarf_Die *function, size_t *own, size_t *nr)
{
	Dwarf_Off origin = dwarf_dieoffset(function), *entries;
	struct debug_cu *known;
	Dwarf_Die cu;

	*nr = 0;
	if (!di->units || !dwarf_diecu(function, &cu, NULL, NULL))
		return NULL;
	known = known_of(di, &cu);
	if (!known->has_instances)
		find_instances(di->units, known);
	if (known->failed)
		return NULL;
	debug_units_find_far(di->units);
	entries = add_entries(malloc(sizeof(*entries)), nr, known->instances, known->nr_instances, origin);
	*own = *nr;
	return add_entries(entries, nr, di->units->far, di->units->nr_far, origin);
}

int cu_each_instance(const struct debug_info *di, Dwarf_Die *function, int (*fn)(Dwarf_Die *instance, void *data),
		     void *data)
{
	size_t own, nr, i;
	Dwarf_Off *entries = entries_of(di, function, &own, &nr);
	Dwarf_Die die;
	int r = 0;

	if (!entries)
		return die_each_instance(function, fn, data);
	for (i = 0; !r && i < nr; i++) {
		if (!dwarf_offdie(di->dwarf, entries[i], &die))
			continue;
		/* a copy of its own in another unit is found there, by its name */
		if (dwarf_tag(&die) == DW_TAG_inlined_subroutine || (i < own && die_is_instance(&die)))
			r = fn(&die, data);
	}
	free(entries);
	return r;
}
