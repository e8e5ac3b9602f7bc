// SPDX-License-Identifier: GPL-2.0
/*
 * debug-index.c - the units that can have what is looked for.
 *
 * Purpose: see debug-index.h.
 *
 * Locks: none.
 */
#include <fnmatch.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "debug-index.h"
#include "symbol-priv.h"

/* More are not worth remembering. */
#define OFFS_MAX (1u << 20)
/* Nor to be looked for one by one. */
#define QUICK_MAX 4

static bool fits(const struct debug_search *s, const char *name)
{
	return s->glob ? !strncmp(name, s->func, s->prefix) && !fnmatch(s->func, name, 0) : !strcmp(name, s->func);
}

/* Where names that fit are in .debug_str, on their own or as the ends of others: strings are not looked at again. */
static void find_offsets(struct debug_search *s)
{
	const struct debug_section *str = &s->units->str;
	/* with the nought at its end, if that is known */
	size_t len = s->prefix + !s->glob, left = str->len, cap = 0;
	const u8 *p = str->p, *hit;

	while (len && left && (hit = memmem(p, left, s->func, len))) {
		left -= hit + 1 - p;
		p = hit + 1;
		if (!fits(s, (const char *)hit))
			continue;
		if (s->nr_offs == OFFS_MAX || !upr_grow(&s->offs, s->nr_offs, &cap, sizeof(*s->offs)))
			return;
		s->offs[s->nr_offs++] = hit - str->p;
	}
	s->has_offs = len;
}

void debug_search_begin(struct debug_search *s, const struct debug_info *di, const char *func, const char *file)
{
	*s = (struct debug_search){.di = di, .func = func, .file = file};
	s->units = func || file ? di->units : NULL;
	if (!s->units || !func)
		return;
	s->prefix = strcspn(func, "*?[\\");
	s->glob = func[s->prefix] != '\0';
	find_offsets(s);
}

static void keep(void *entry)
{
	(void)entry;
}

void debug_search_end(struct debug_search *s)
{
	tdestroy(s->imported, keep);
	free(s->functions.v);
	free(s->offs);
}

static bool is_wanted_name(const char *name, u64 off, void *data)
{
	const struct debug_search *s = data;
	size_t lo = 0, hi = s->nr_offs;

	if (off == (u64)-1 || !s->has_offs)
		return fits(s, name);
	if (!hi || off < s->offs[0] || off > s->offs[hi - 1])
		return false;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (s->offs[mid] < off)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < s->nr_offs && s->offs[lo] == off;
}

/* The quickest question first. */
static bool may_have(struct debug_search *s, struct debug_unit *unit)
{
	if (s->func && !s->glob && s->has_offs && s->nr_offs <= QUICK_MAX &&
	    !debug_unit_mentions(s->units, unit, s->func, s->offs, s->nr_offs))
		return false;
	if (s->file && !debug_unit_has_file(s->units, unit, s->file))
		return false;
	return !s->func || debug_unit_functions(s->units, unit, is_wanted_name, s, &s->functions);
}

bool debug_search_next(struct debug_search *s, Dwarf_Die *cu)
{
	struct debug_unit *unit;
	u64 die;

	s->functions.exact = false;
	while (s->units && (unit = debug_units_get(s->units, s->at))) {
		s->at++;
		s->off = unit->end;
		die = unit->die;
		/* types have no code, and their lines are those of the units that use them */
		if (unit->type == DW_UT_type)
			continue;
		if (may_have(s, unit) && debug_info_unit(s->di, die, cu))
			return true;
	}
	/* the rest is for libdw */
	if (s->units && !s->units->bad)
		return false;
	s->units = NULL;
	s->functions.exact = false;
	return debug_info_next_cu(s->di, &s->off, cu);
}

struct passing_on {
	struct debug_search *s;
	Dwarf_Die *cu;
	int (*fn)(Dwarf_Die *die, void *data);
	void *data;
};

static int by_address(const void *a, const void *b)
{
	return ((uintptr_t)a > (uintptr_t)b) - ((uintptr_t)a < (uintptr_t)b);
}

/* A function that was moved to a partial unit is part of every unit that imports it: once is enough. */
static int pass_on(Dwarf_Die *die, void *data)
{
	struct passing_on *p = data;

	if (die->cu != p->cu->cu) {
		if (tfind(die->addr, &p->s->imported, by_address))
			return DWARF_CB_OK;
		tsearch(die->addr, &p->s->imported, by_address);
	}
	return p->fn(die, p->data);
}

void debug_search_functions(struct debug_search *s, Dwarf_Die *cu, int (*fn)(Dwarf_Die *die, void *data), void *data)
{
	struct passing_on p = {s, cu, fn, data};
	Dwarf_Die die;
	size_t i;

	if (!s->functions.exact || dwarf_tag(cu) != DW_TAG_compile_unit) {
		dwarf_getfuncs(cu, pass_on, &p, 0);
		return;
	}
	for (i = 0; i < s->functions.nr; i++)
		if (dwarf_offdie(s->di->dwarf, s->functions.v[i], &die) && fn(&die, data) == DWARF_CB_ABORT)
			return;
}
