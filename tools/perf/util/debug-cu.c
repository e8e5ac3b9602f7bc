// SPDX-License-Identifier: GPL-2.0
/*
 * debug-cu.c - what has been found out about the units that were asked last.
 *
 * Purpose: see debug-cu.h.
 *
 * Locks: none.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "debug-cu.h"
#include "symbol-priv.h"

static void forget(struct debug_cu *known)
{
	while (known->nr_globals)
		free(known->globals[--known->nr_globals].name);
	free(known->globals);
	free(known->ranges);
	free(known->instances);
	*known = (struct debug_cu){0};
}

void debug_cus_forget(struct debug_cus *cus)
{
	size_t i;

	for (i = 0; i < DEBUG_CUS_MAX; i++)
		forget(&cus->v[i]);
}

/* What is known of @cu, if only that nothing is.  Valid until another unit is asked about. */
static struct debug_cu *known_of(const struct debug_info *di, Dwarf_Die *cu)
{
	struct debug_cus *cus = di->known;
	struct debug_cu *known, *oldest = cus->v;

	for (known = cus->v; known < cus->v + DEBUG_CUS_MAX && known->die != cu->addr; known++)
		if (known->asked < oldest->asked)
			oldest = known;
	if (known == cus->v + DEBUG_CUS_MAX) {
		known = oldest;
		forget(known);
		known->die = cu->addr;
		known->off = dwarf_dieoffset(cu);
	}
	known->asked = ++cus->asked;
	return known;
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
	return range ? die_beside(cu, range->function, mem) : NULL;
}

/* --- variables of the unit ---------------------------------------------------------- */

Dwarf_Die *cu_variable(const struct debug_info *di, Dwarf_Die *cu, const char *name, Dwarf_Die *mem)
{
	struct debug_cu *known = known_of(di, cu);
	Dwarf_Die *found;
	size_t i;

	for (i = 0; i < known->nr_globals; i++)
		if (!strcmp(known->globals[i].name, name))
			return known->globals[i].entry ? die_beside(cu, known->globals[i].entry, mem) : NULL;
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

struct instance_walk {
	struct debug_instance **v;
	size_t *nr;
	size_t *cap;
	bool far;
	bool failed;
};

static enum die_walk visit_instance(Dwarf_Die *die, void *data)
{
	struct instance_walk *w = data;
	Dwarf_Attribute attr;
	Dwarf_Die origin;

	if ((dwarf_tag(die) != DW_TAG_inlined_subroutine && dwarf_tag(die) != DW_TAG_subprogram) ||
	    !dwarf_formref_die(dwarf_attr(die, DW_AT_abstract_origin, &attr), &origin) ||
	    (origin.cu != die->cu) != w->far)
		return DIE_CONTINUE;
	if (!upr_grow(w->v, *w->nr, w->cap, sizeof(**w->v))) {
		w->failed = true;
		return DIE_END;
	}
	(*w->v)[(*w->nr)++] = (struct debug_instance){(uintptr_t)origin.addr, (uintptr_t)die->addr};
	return DIE_CONTINUE;
}

/* libdw can say it of any unit. */
static void walk_instances(struct debug_cu *known, Dwarf_Die *cu)
{
	size_t cap = 0;
	struct instance_walk w = {.v = &known->instances, .nr = &known->nr_instances, .cap = &cap};
	Dwarf_Die mem;

	known->by_libdw = true;
	die_find(cu, visit_instance, &w, &mem);
	known->failed |= w.failed;
}

static bool find_instances(const struct debug_info *di, struct debug_cu *known, Dwarf_Die *cu)
{
	struct debug_unit *unit = NULL;

	if (!known->has_instances) {
		known->has_instances = true;
		if (di->units && dwarf_cu_getdwarf(cu->cu) == di->dwarf && debug_units_find_far(di->units))
			unit = debug_units_at(di->units, known->off);
		if (!unit || !debug_unit_instances(di->units, unit, &known->instances, &known->nr_instances))
			walk_instances(known, cu);
		debug_instances_sort(known->instances, known->nr_instances);
	}
	return !known->failed;
}

/* Once, through all of the file. */
static bool find_far(const struct debug_info *di)
{
	struct debug_far *far = di->far;
	struct instance_walk w = {.v = &far->v, .nr = &far->nr, .cap = &far->cap, .far = true};
	Dwarf_Off off = 0;
	Dwarf_Die cu, mem;

	if (far->known)
		return true;
	far->nr = 0;
	while (debug_info_next_cu(di, &off, &cu))
		die_find(&cu, visit_instance, &w, &mem);
	debug_instances_sort(far->v, far->nr);
	far->known = !w.failed;
	return far->known;
}

/* Those in other units. */
static bool far_of(const struct debug_info *di, const struct debug_cu *known, Dwarf_Die *cu,
		   const struct debug_instance **v, size_t *nr)
{
	Dwarf *dwarf = dwarf_cu_getdwarf(cu->cu);

	*nr = 0;
	if (!known->by_libdw) {
		*v = di->units->far;
		*nr = di->units->nr_far;
	} else if (dwarf == di->dwarf || dwarf == dwarf_getalt(di->dwarf)) {
		if (!find_far(di))
			return false;
		*v = di->far->v;
		*nr = di->far->nr;
	}
	return true;
}

static u64 *add_entries(u64 *entries, size_t *nr, const struct debug_instance *v, size_t nr_v, u64 origin)
{
	size_t first = debug_instances_first(v, nr_v, origin), last = first;
	u64 *more;

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

/**
 * struct entries - instances of a function
 * @own:	so many of them are in the function's unit
 * @by_libdw:	they are in memory
 */
struct entries {
	u64 *v;
	size_t nr;
	size_t own;
	bool by_libdw;
};

/* A copy: the callback may ask about another unit. */
static bool entries_of(const struct debug_info *di, Dwarf_Die *function, struct entries *ret)
{
	const struct debug_instance *far = NULL;
	struct debug_cu *known;
	size_t nr_far;
	Dwarf_Die cu;
	u64 origin;

	*ret = (struct entries){0};
	if (!dwarf_diecu(function, &cu, NULL, NULL))
		return false;
	known = known_of(di, &cu);
	if (!find_instances(di, known, &cu) || !far_of(di, known, &cu, &far, &nr_far))
		return false;
	ret->by_libdw = known->by_libdw;
	origin = known->by_libdw ? (uintptr_t)function->addr : dwarf_dieoffset(function);
	ret->v = add_entries(malloc(sizeof(*ret->v)), &ret->nr, known->instances, known->nr_instances, origin);
	ret->own = ret->nr;
	ret->v = add_entries(ret->v, &ret->nr, far, nr_far, origin);
	return ret->v;
}

int cu_each_instance(const struct debug_info *di, Dwarf_Die *function, int (*fn)(Dwarf_Die *instance, void *data),
		     void *data)
{
	struct entries entries;
	Dwarf_Die die;
	size_t i;
	int r = 0;

	if (!entries_of(di, function, &entries))
		return -ENOMEM;
	for (i = 0; !r && i < entries.nr; i++) {
		if (entries.by_libdw ? !dwarf_die_addr_die(di->dwarf, (void *)(uintptr_t)entries.v[i], &die) :
				       !dwarf_offdie(di->dwarf, entries.v[i], &die))
			continue;
		/* a copy of its own in another unit is found there, by its name */
		if (dwarf_tag(&die) == DW_TAG_inlined_subroutine || (i < entries.own && die_is_instance(&die)))
			r = fn(&die, data);
	}
	free(entries.v);
	return r;
}
