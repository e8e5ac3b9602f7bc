// SPDX-License-Identifier: GPL-2.0
/*
 * debug-entries.c - the entries of a unit, read without libdw: functions and what was made of them.
 *
 * Purpose: see debug-units.h.  An entry is passed by what its abbreviation says of its size;
 * only of functions more is read: their names, and the entries that they take them from.
 *
 * Locks: none.
 */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "debug-abbrev.h"
#include "debug-units.h"
#include "symbol-priv.h"

/* So many entries as libdw follows one after the other; here in all, since damaged ones may lead on in two ways each. */
#define CHAIN_MAX 16

/* --- names of functions ------------------------------------------------------------------ */

/**
 * struct name_walk - of the functions of a unit
 * @followed:	entries that the present one has led to
 */
struct name_walk {
	struct debug_units *units;
	debug_name_fn fn;
	void *data;
	unsigned int followed;
	bool unsure;
};

/* Return: it is wanted */
static bool give(struct name_walk *w, const char *name, u64 off)
{
	return w->fn(name, off, w->data);
}

static bool not_sure(struct name_walk *w)
{
	w->unsure = true;
	return false;
}

static bool give_indexed(struct name_walk *w, struct debug_unit *unit, u64 index)
{
	const struct debug_section *offsets = &w->units->str_offsets, *str = &w->units->str;
	struct bytes in;
	u64 off;

	if (!debug_unit_root(w->units, unit) || unit->strings > offsets->len ||
	    index >= (offsets->len - unit->strings) / unit->off_size)
		return not_sure(w);
	in = (struct bytes){offsets->p + unit->strings + index * unit->off_size, offsets->p + offsets->len, false};
	off = bytes_uint(&in, unit->off_size);
	return off < str->len ? give(w, (const char *)str->p + off, off) : not_sure(w);
}

static bool give_name(struct name_walk *w, struct debug_unit *unit, struct bytes *in, unsigned int form)
{
	const struct debug_section *str = form == DW_FORM_line_strp ? &w->units->line_str : &w->units->str;
	const char *own = (const char *)in->p;
	u64 off;

	switch (form) {
	case DW_FORM_string:
		bytes_skip_form(in, form);
		return in->bad ? not_sure(w) : give(w, own, -1);
	case DW_FORM_strp:
	case DW_FORM_line_strp:
		off = bytes_uint(in, unit->off_size);
		if (in->bad || off >= str->len)
			return not_sure(w);
		return give(w, (const char *)str->p + off, form == DW_FORM_strp ? off : (u64)-1);
	case DW_FORM_strx:
		return give_indexed(w, unit, bytes_uleb(in));
	case DW_FORM_strx1:
	case DW_FORM_strx2:
	case DW_FORM_strx3:
	case DW_FORM_strx4:
		return give_indexed(w, unit, bytes_uint(in, form - DW_FORM_strx1 + 1));
	}
	return not_sure(w);
}

/* Return: false if it is in another file, or nowhere */
static bool read_ref(const struct debug_unit *unit, struct bytes *in, unsigned int form, u64 *off)
{
	switch (form) {
	case DW_FORM_ref1:
	case DW_FORM_ref2:
	case DW_FORM_ref4:
	case DW_FORM_ref8:
		*off = unit->off + bytes_uint(in, abbrev_ref_size(form));
		break;
	case DW_FORM_ref_udata:
		*off = unit->off + bytes_uleb(in);
		break;
	case DW_FORM_ref_addr:
		*off = bytes_uint(in, unit->version == 2 ? unit->addr_size : unit->off_size);
		return !in->bad;
	default:
		return false;
	}
	return !in->bad && *off >= unit->die && *off < unit->end;
}

static bool follow(struct name_walk *w, u64 off);

/* A function's names, and those of what it refers to.  Return: one of them is wanted */
static bool give_names(struct name_walk *w, struct debug_unit *unit, struct bytes *in, const struct abbrev *a)
{
	const struct abbrev_step *s = &unit->table->steps[a->steps];
	unsigned int nr_refs = 0, i;
	bool wanted = false;
	u64 refs[2];

	for (;; s++) {
		bytes_skip(in, s->skip);
		if (in->bad)
			return not_sure(w);
		if (s->what == STEP_END)
			break;
		if (s->what == STEP_NAME) {
			wanted |= give_name(w, unit, in, s->form);
		} else if (s->what == STEP_ORIGIN || s->what == STEP_SPEC) {
			if (nr_refs == ARRAY_SIZE(refs) || !read_ref(unit, in, s->form, &refs[nr_refs++]))
				return not_sure(w);
		} else {
			bytes_skip_form(in, s->form);
		}
		if (w->unsure)
			return false;
	}
	for (i = 0; i < nr_refs && !wanted; i++)
		wanted = follow(w, refs[i]);
	return wanted;
}

static bool follow(struct name_walk *w, u64 off)
{
	struct debug_unit *unit = ++w->followed < CHAIN_MAX ? debug_units_at(w->units, off) : NULL;
	const struct abbrev_table *table = unit ? debug_unit_table(w->units, unit) : NULL;
	const struct abbrev *a;
	struct bytes in;

	if (!table)
		return not_sure(w);
	in = (struct bytes){w->units->info.p + off, w->units->info.p + unit->end, false};
	a = abbrev_find(table, bytes_uleb(&in));
	if (!a || (a->kind != ABBREV_FUNCTION && a->kind != ABBREV_DECLARED))
		return not_sure(w);
	return give_names(w, unit, &in, a);
}

/* Past the attributes of an entry.  Return: where that is, or NULL.  This is what takes the time. */
static inline const u8 *pass(const u8 *p, const u8 *end, const struct abbrev_table *table, const struct abbrev *a)
{
	const struct abbrev_step *s;
	struct bytes in;

	if (!a->steps)
		return a->size <= end - p ? p + a->size : NULL;
	for (s = &table->steps[a->steps];; s++) {
		if (s->skip > end - p)
			return NULL;
		p += s->skip;
		if (s->what == STEP_END)
			return p;
		/* a short expression, or a number below 128 */
		if (s->what == STEP_FORM && p < end && *p < 0x80 && s->form == DW_FORM_exprloc && *p < end - p) {
			p += 1 + *p;
			continue;
		}
		if (s->what == STEP_FORM && s->form == DW_FORM_string) {
			while (p < end && *p)
				p++;
			if (p++ == end)
				return NULL;
			continue;
		}
		in = (struct bytes){p, end, false};
		if (s->what == STEP_FORM)
			bytes_skip_form(&in, s->form);
		else
			bytes_skip_any(&in, s->form, &table->shape);
		if (in.bad)
			return NULL;
		p = in.p;
	}
}

/**
 * struct entry_walk - all entries of a unit, one after the other
 * @entry:	of the present one
 * @depth:	of it: 1 is a child of the unit
 * @in:		behind its code
 * @imports:	units that are part of this one do not matter
 */
struct entry_walk {
	const struct abbrev_table *table;
	struct bytes in;
	u64 entry;
	int depth;
	int next;
	bool imports;
};

static bool walk_begin(struct entry_walk *walk, struct debug_units *units, struct debug_unit *unit)
{
	*walk = (struct entry_walk){.in = {units->info.p + unit->die, units->info.p + unit->end, false}};
	walk->table = debug_unit_root(units, unit) ? debug_unit_table(units, unit) : NULL;
	return walk->table;
}

/* Return: NULL at the end; *unsure: there is more, or other units are part of this one */
static const struct abbrev *walk_next(struct entry_walk *walk, const struct debug_units *units, bool *unsure)
{
	const struct abbrev_table *table = walk->table;
	const u8 *p = walk->in.p, *end = walk->in.end, *entry;
	const struct abbrev *a = NULL;
	int next = walk->next;

	while (p && p < end) {
		u64 code = *p;

		entry = p++;
		if (!code) {
			next--;
			continue;
		}
		if (code >= 0x80) {
			struct bytes in = {entry, end, false};

			code = bytes_uleb_long(&in);
			p = in.p;
		}
		a = abbrev_find(table, code);
		if (!a || (a->kind == ABBREV_IMPORT && !walk->imports))
			break;
		walk->depth = next;
		next += a->children;
		if (a->kind == ABBREV_FUNCTION || a->kind == ABBREV_INLINED) {
			walk->entry = entry - units->info.p;
			walk->next = next;
			walk->in.p = p;
			return a;
		}
		p = pass(p, end, table, a);
	}
	*unsure = p != end;
	return NULL;
}

/* Past one that has been returned. */
static bool walk_pass(struct entry_walk *walk, const struct abbrev *a)
{
	const u8 *p = pass(walk->in.p, walk->in.end, walk->table, a);

	if (p)
		walk->in.p = p;
	return p;
}

static bool add_entry(struct debug_entries *entries, u64 entry)
{
	if (!upr_grow(&entries->v, entries->nr, &entries->cap, sizeof(*entries->v)))
		return false;
	entries->v[entries->nr++] = entry;
	return true;
}

bool debug_unit_functions(struct debug_units *units, struct debug_unit *unit, debug_name_fn fn, void *data,
			  struct debug_entries *ret)
{
	struct name_walk w = {.units = units, .fn = fn, .data = data};
	size_t nr = unit - units->v;
	struct entry_walk walk;
	const struct abbrev *a;

	ret->nr = 0;
	ret->exact = true;
	w.unsure = !walk_begin(&walk, units, unit);
	while (!w.unsure && (a = walk_next(&walk, units, &w.unsure))) {
		if (a->kind == ABBREV_INLINED) {
			w.unsure = !walk_pass(&walk, a);
			continue;
		}
		w.followed = 0;
		if (give_names(&w, unit, &walk.in, a)) {
			ret->exact &= walk.depth == 1;
			w.unsure |= !add_entry(ret, walk.entry);
		}
		/* what was followed may have led to other units */
		unit = &units->v[nr];
		walk.table = debug_unit_table(units, unit);
		w.unsure |= !walk.table;
	}
	ret->exact &= !w.unsure;
	return ret->nr || w.unsure;
}

/* --- instances -------------------------------------------------------------------------------- */

/* Return: 1 it is one; 0 it is not; -1 one cannot say */
static int read_instance(const struct debug_unit *unit, struct entry_walk *walk, const struct abbrev *a,
			 struct debug_instance *ret)
{
	const struct abbrev_shape *shape = &walk->table->shape;
	const struct abbrev_step *s = &walk->table->steps[a->steps];
	int found = 0;

	for (;; s++) {
		bytes_skip(&walk->in, s->skip);
		if (walk->in.bad)
			return -1;
		if (s->what == STEP_END)
			return found;
		if (s->what != STEP_ORIGIN) {
			if (!bytes_skip_any(&walk->in, s->form, shape))
				return -1;
			continue;
		}
		if (!read_ref(unit, &walk->in, s->form, &ret->origin))
			return -1;
		found = 1;
	}
}

bool debug_unit_instances(struct debug_units *units, struct debug_unit *unit, struct debug_instance **ret, size_t *nr)
{
	struct debug_instance one, *v = NULL;
	struct entry_walk walk;
	const struct abbrev *a;
	bool unsure = !walk_begin(&walk, units, unit);
	size_t cap = 0;

	*nr = 0;
	/* they are units of their own as well */
	walk.imports = true;
	while (!unsure && (a = walk_next(&walk, units, &unsure))) {
		int r = read_instance(unit, &walk, a, &one);

		unsure = r < 0;
		if (r <= 0)
			continue;
		unsure = !upr_grow(&v, *nr, &cap, sizeof(*v));
		if (unsure)
			break;
		one.entry = walk.entry;
		v[(*nr)++] = one;
	}
	if (unsure) {
		/* who asks walks the unit with libdw then, and counts from none */
		free(v);
		*nr = 0;
		return false;
	}
	*ret = v;
	return true;
}

static int by_origin(const void *a, const void *b)
{
	const struct debug_instance *x = a, *y = b;

	if (x->origin != y->origin)
		return x->origin < y->origin ? -1 : 1;
	return (x->entry > y->entry) - (x->entry < y->entry);
}

void debug_instances_sort(struct debug_instance *v, size_t nr)
{
	if (nr)
		qsort(v, nr, sizeof(*v), by_origin);
}

size_t debug_instances_first(const struct debug_instance *v, size_t nr, u64 origin)
{
	size_t lo = 0;

	while (lo < nr) {
		size_t mid = lo + (nr - lo) / 2;

		if (v[mid].origin < origin)
			lo = mid + 1;
		else
			nr = mid;
	}
	return lo;
}

/* Those of a unit that are made of functions of others.  Return: false if they are not all */
static bool add_far(struct debug_units *units, struct debug_unit *unit)
{
	u64 off = unit->off, end = unit->end;
	struct debug_instance *v;
	size_t nr, i;
	bool all;

	if (!debug_unit_instances(units, unit, &v, &nr))
		return false;
	for (i = 0; i < nr; i++) {
		if (v[i].origin >= off && v[i].origin < end)
			continue;
		if (!upr_grow(&units->far, units->nr_far, &units->cap_far, sizeof(*v)))
			break;
		units->far[units->nr_far++] = v[i];
	}
	all = i == nr;
	free(v);
	return all;
}

bool debug_units_find_far(struct debug_units *units)
{
	const struct abbrev_table *table;
	struct debug_unit *unit;
	size_t i;

	if (units->has_far)
		return !units->far_failed;
	units->has_far = true;
	for (i = 0; (unit = debug_units_get(units, i)); i++) {
		table = debug_unit_table(units, unit);
		if (!table || (table->far_origins && !add_far(units, unit)))
			units->far_failed = true;
	}
	units->far_failed |= units->bad;
	debug_instances_sort(units->far, units->nr_far);
	return !units->far_failed;
}
