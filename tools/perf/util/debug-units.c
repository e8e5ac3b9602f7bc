// SPDX-License-Identifier: GPL-2.0
/*
 * debug-units.c - the units of .debug_info, read without libdw.
 *
 * Purpose: see debug-units.h.  An entry is passed by what its abbreviation says of its size;
 * only of functions more is read: their names, and the entries that they take them from.
 *
 * Locks: none.
 */
#include <dwarf.h>
#include <libelf.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "debug-abbrev.h"
#include "debug-units.h"
#include "symbol-priv.h"

/* Beyond that many tables those of units that have been left are dropped. */
#define TABLES_MAX 1024
/* As far as libdw follows entries to others. */
#define CHAIN_MAX 16

/* --- sections ------------------------------------------------------------------- */

static bool take_section(Elf *elf, Elf_Scn *scn, struct debug_units *units)
{
	const struct {
		const char *name;
		struct debug_section *to;
	} wanted[] = {
		{".debug_info", &units->info}, {".debug_abbrev", &units->abbrev},
		{".debug_str", &units->str},   {".debug_str_offsets", &units->str_offsets},
		{".debug_line", &units->line}, {".debug_line_str", &units->line_str},
	};
	const char *name;
	Elf_Data *data;
	GElf_Shdr sh;
	size_t i, names;

	if (!gelf_getshdr(scn, &sh) || elf_getshdrstrndx(elf, &names))
		return true;
	name = elf_strptr(elf, names, sh.sh_name);
	if (!name || sh.sh_type == SHT_NOBITS)
		return true;
	/* names and entries in another file; compressed in a way that libdw alone knows */
	if (!strcmp(name, ".gnu_debugaltlink") || !strcmp(name, ".debug_sup") || !strncmp(name, ".zdebug_", 8))
		return false;
	for (i = 0; i < ARRAY_SIZE(wanted); i++) {
		if (strcmp(name, wanted[i].name))
			continue;
		data = elf_getdata(scn, NULL);
		/* libdw takes the last of several */
		if (wanted[i].to->p || (sh.sh_flags & SHF_COMPRESSED) || !data)
			return false;
		*wanted[i].to = (struct debug_section){data->d_buf, data->d_buf ? data->d_size : 0};
	}
	return true;
}

static bool is_terminated(const struct debug_section *s)
{
	return !s->len || !s->p[s->len - 1];
}

bool debug_units_open(struct debug_units *units, Dwarf *dwarf)
{
	Elf *elf = dwarf_getelf(dwarf);
	Elf_Scn *scn = NULL;
	char *ident = elf ? elf_getident(elf, NULL) : NULL;

	*units = (struct debug_units){0};
	if (!ident || ident[EI_DATA] != ELFDATA2LSB)
		return false;
	while ((scn = elf_nextscn(elf, scn)))
		if (!take_section(elf, scn, units))
			return false;
	return units->info.p && units->abbrev.p && is_terminated(&units->str) && is_terminated(&units->line_str);
}

static void drop_tables(struct debug_units *units)
{
	size_t i;

	for (i = 0; i < units->nr; i++) {
		abbrev_table_free(units->v[i].table);
		units->v[i].table = NULL;
	}
	units->nr_tables = 0;
}

void debug_units_close(struct debug_units *units)
{
	drop_tables(units);
	free(units->v);
	free(units->far);
	*units = (struct debug_units){0};
}

/* --- units ------------------------------------------------------------------------ */

static bool read_header(struct debug_units *units, struct debug_unit *unit)
{
	struct bytes in = {units->info.p + units->next, units->info.p + units->info.len, false};
	u64 len = bytes_uint(&in, 4);

	*unit = (struct debug_unit){.off = units->next, .off_size = 4};
	if (len == 0xffffffff) {
		unit->off_size = 8;
		len = bytes_uint(&in, 8);
	} else if (len >= 0xfffffff0) {
		return false;
	}
	if (in.bad || len > (u64)(in.end - in.p))
		return false;
	in.end = in.p + len;
	unit->end = in.end - units->info.p;
	unit->version = bytes_uint(&in, 2);
	if (unit->version < 2 || unit->version > 5)
		return false;
	unit->type = DW_UT_compile;
	if (unit->version >= 5) {
		unit->type = bytes_uint(&in, 1);
		unit->addr_size = bytes_uint(&in, 1);
	}
	unit->abbrev = bytes_uint(&in, unit->off_size);
	if (unit->version < 5)
		unit->addr_size = bytes_uint(&in, 1);
	if (unit->type == DW_UT_skeleton || unit->type == DW_UT_split_compile)
		bytes_skip(&in, 8);
	else if (unit->type == DW_UT_type || unit->type == DW_UT_split_type)
		bytes_skip(&in, 8 + unit->off_size);
	else if (unit->type != DW_UT_compile && unit->type != DW_UT_partial)
		return false;
	unit->die = in.p - units->info.p;
	return !in.bad && in.p < in.end && (unit->addr_size == 4 || unit->addr_size == 8);
}

struct debug_unit *debug_units_get(struct debug_units *units, size_t i)
{
	while (i >= units->nr && !units->bad && !units->whole) {
		if (units->next >= units->info.len) {
			units->whole = true;
		} else if (!upr_grow(&units->v, units->nr, &units->cap, sizeof(*units->v)) ||
			   !read_header(units, &units->v[units->nr])) {
			units->bad = true;
		} else {
			units->next = units->v[units->nr].end;
			units->nr++;
		}
	}
	return i < units->nr ? &units->v[i] : NULL;
}

struct debug_unit *debug_units_at(struct debug_units *units, u64 off)
{
	size_t lo = 0, hi;

	while (units->next <= off && debug_units_get(units, units->nr))
		;
	for (hi = units->nr; lo < hi;) {
		size_t mid = lo + (hi - lo) / 2;

		if (units->v[mid].end <= off)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < units->nr && units->v[lo].die <= off ? &units->v[lo] : NULL;
}

static const struct abbrev_table *table_of(struct debug_units *units, struct debug_unit *unit)
{
	const struct abbrev_shape shape = {unit->version, unit->addr_size, unit->off_size};
	struct bytes in = {units->abbrev.p + unit->abbrev, units->abbrev.p + units->abbrev.len, false};

	if (unit->table)
		return unit->table;
	if (unit->abbrev > units->abbrev.len)
		return NULL;
	if (units->nr_tables >= TABLES_MAX)
		drop_tables(units);
	unit->table = abbrev_table_read(&in, &shape);
	units->nr_tables += unit->table != NULL;
	return unit->table;
}

/* --- the first entry ------------------------------------------------------------------ */

/* What the unit says of itself.  Return: false if it is not understood, or is about another file */
static bool read_root(struct debug_units *units, struct debug_unit *unit)
{
	const struct abbrev_table *table = table_of(units, unit);
	struct bytes in = {units->info.p + unit->die, units->info.p + unit->end, false};
	const struct abbrev *a = table ? abbrev_find(table, bytes_uleb(&in)) : NULL;
	const struct abbrev_step *s;

	if (unit->rooted)
		return true;
	if (!a || a->kind != ABBREV_UNIT)
		return false;
	unit->lines = unit->strings = -1;
	for (s = &table->steps[a->steps];; s++) {
		bytes_skip(&in, s->skip);
		if (in.bad || s->what == STEP_AWAY)
			return false;
		if (s->what == STEP_END)
			break;
		if (s->what == STEP_LINES)
			unit->lines = bytes_uint(&in, s->form == DW_FORM_data4 ? 4 :
						      s->form == DW_FORM_data8 ? 8 :
										 unit->off_size);
		else if (s->what == STEP_STRINGS)
			unit->strings = bytes_uint(&in, unit->off_size);
		else
			bytes_skip_form(&in, s->form);
	}
	unit->rooted = true;
	return true;
}

/* --- names of functions ------------------------------------------------------------------ */

struct name_walk {
	struct debug_units *units;
	debug_name_fn fn;
	void *data;
	struct debug_entries *ret;
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

	if (!read_root(w->units, unit) || unit->strings > offsets->len ||
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

static bool follow(struct name_walk *w, u64 off, unsigned int depth);

/* A function's names, and those of what it refers to.  Return: one of them is wanted */
static bool give_names(struct name_walk *w, struct debug_unit *unit, struct bytes *in, const struct abbrev *a,
		       unsigned int depth)
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
		wanted = follow(w, refs[i], depth + 1);
	return wanted;
}

static bool follow(struct name_walk *w, u64 off, unsigned int depth)
{
	struct debug_unit *unit = depth < CHAIN_MAX ? debug_units_at(w->units, off) : NULL;
	const struct abbrev_table *table = unit ? table_of(w->units, unit) : NULL;
	const struct abbrev *a;
	struct bytes in;

	if (!table)
		return not_sure(w);
	in = (struct bytes){w->units->info.p + off, w->units->info.p + unit->end, false};
	a = abbrev_find(table, bytes_uleb(&in));
	if (!a || (a->kind != ABBREV_FUNCTION && a->kind != ABBREV_DECLARED))
		return not_sure(w);
	return give_names(w, unit, &in, a, depth);
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
 */
struct entry_walk {
	const struct abbrev_table *table;
	struct bytes in;
	u64 entry;
	int depth;
	int next;
};

static bool walk_begin(struct entry_walk *walk, struct debug_units *units, struct debug_unit *unit)
{
	*walk = (struct entry_walk){.in = {units->info.p + unit->die, units->info.p + unit->end, false}};
	walk->table = read_root(units, unit) ? table_of(units, unit) : NULL;
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
		if (!a || a->kind == ABBREV_IMPORT)
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
		if (give_names(&w, unit, &walk.in, a, 0)) {
			ret->exact &= walk.depth == 1;
			w.unsure |= !add_entry(ret, walk.entry);
		}
		/* what was followed may have led to other units */
		unit = &units->v[nr];
		walk.table = table_of(units, unit);
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
	if (unsure)
		free(v);
	else
		*ret = v;
	return !unsure;
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

/* Those of a unit that are made of functions of others. */
static void add_far(struct debug_units *units, struct debug_unit *unit)
{
	struct debug_instance *v;
	size_t nr, i;

	if (!debug_unit_instances(units, unit, &v, &nr))
		return;
	for (i = 0; i < nr; i++) {
		if (v[i].origin >= unit->off && v[i].origin < unit->end)
			continue;
		if (!upr_grow(&units->far, units->nr_far, &units->cap_far, sizeof(*v)))
			break;
		units->far[units->nr_far++] = v[i];
	}
	free(v);
}

void debug_units_find_far(struct debug_units *units)
{
	const struct abbrev_table *table;
	struct debug_unit *unit;
	size_t i;

	if (units->has_far)
		return;
	units->has_far = true;
	for (i = 0; (unit = debug_units_get(units, i)); i++) {
		table = table_of(units, unit);
		if (table && table->far_origins)
			add_far(units, unit);
	}
	debug_instances_sort(units->far, units->nr_far);
}

/* --- a quick look ------------------------------------------------------------------------- */

typedef u32 words __attribute__((vector_size(16)));
typedef u64 halves __attribute__((vector_size(16)));

/* At each of the four distances from where such vectors begin, the words that are @word. */
static inline words equal_words(const u8 *p, words word)
{
	words at[4];

	memcpy(&at[0], p, 16);
	memcpy(&at[1], p + 1, 16);
	memcpy(&at[2], p + 2, 16);
	memcpy(&at[3], p + 3, 16);
	return (words)(at[0] == word) | (words)(at[1] == word) | (words)(at[2] == word) | (words)(at[3] == word);
}

/* Are these four bytes anywhere? */
static bool has_word(const u8 *p, size_t len, u32 word)
{
	const words all = word - (words){0};

	for (; len >= 64 + 3; p += 64, len -= 64) {
		halves hit = (halves)(equal_words(p, all) | equal_words(p + 16, all) | equal_words(p + 32, all) |
				      equal_words(p + 48, all));

		if (hit[0] | hit[1])
			return true;
	}
	for (; len >= 4; p++, len--)
		if (!memcmp(p, &word, 4))
			return true;
	return false;
}

/* Does the unit's part of .debug_str_offsets lead to one of them?  true also if one cannot say */
static bool has_string(struct debug_units *units, struct debug_unit *unit, const u64 *offs, size_t nr)
{
	const struct debug_section *s = &units->str_offsets;
	struct bytes in;
	size_t i;
	u64 len;

	/* before its strings there is a header: length, version, padding */
	if (!read_root(units, unit) || unit->off_size != 4 || unit->version < 5 || unit->strings < 8 ||
	    unit->strings > s->len)
		return true;
	in = (struct bytes){s->p + unit->strings - 8, s->p + s->len, false};
	len = bytes_uint(&in, 4);
	if (len < 4 || len > (u64)(in.end - in.p))
		return true;
	for (i = 0; i < nr; i++)
		if (has_word(in.p + 4, len - 4, (u32)offs[i]))
			return true;
	return false;
}

bool debug_unit_mentions(struct debug_units *units, struct debug_unit *unit, const char *text, const u64 *offs,
			 size_t nr)
{
	const struct abbrev_table *table = table_of(units, unit);
	const u8 *p = units->info.p + unit->die;
	size_t len = unit->end - unit->die, i;

	if (!table || table->other_names || table->far_names)
		return true;
	if (table->own_names && memmem(p, len, text, strlen(text) + 1))
		return true;
	if (table->indexed_names && has_string(units, unit, offs, nr))
		return true;
	for (i = 0; table->str_names && i < nr; i++)
		if (has_word(p, len, (u32)offs[i]))
			return true;
	return false;
}

/* --- source files -------------------------------------------------------------------------- */

static bool may_end_like(const char *file, const char *tail)
{
	size_t nf = strlen(file), nt = strlen(tail), n = nf < nt ? nf : nt;

	return !memcmp(file + nf - n, tail + nt - n, n);
}

/* A text in the tables of a line program, or NULL.  Other than NULL ones can be left where they are. */
static const char *line_text(struct debug_units *units, struct bytes *in, unsigned int form, unsigned int off_size)
{
	const struct debug_section *str = form == DW_FORM_line_strp ? &units->line_str : &units->str;
	const char *text = (const char *)in->p;
	u64 off;

	if (form == DW_FORM_string) {
		bytes_skip_form(in, form);
		return in->bad ? NULL : text;
	}
	if (form != DW_FORM_strp && form != DW_FORM_line_strp)
		return NULL;
	off = bytes_uint(in, off_size);
	return in->bad || off >= str->len ? NULL : (const char *)str->p + off;
}

/* Up to version 4.  true also if one cannot say */
static bool old_table_has(struct bytes *in, const char *tail)
{
	const char *name;

	while (!in->bad && in->p < in->end && *in->p)
		bytes_skip_form(in, DW_FORM_string);
	bytes_skip(in, 1);
	while (!in->bad && in->p < in->end && *in->p) {
		name = (const char *)in->p;
		bytes_skip_form(in, DW_FORM_string);
		if (in->bad || may_end_like(name, tail))
			return true;
		bytes_uleb(in);
		bytes_uleb(in);
		bytes_uleb(in);
	}
	return in->bad || in->p >= in->end;
}

/* A table of directories (@tail NULL) or files of version 5. */
static bool new_table_has(struct debug_units *units, struct bytes *in, unsigned int off_size, const char *tail)
{
	/* none of them has addresses */
	const struct abbrev_shape shape = {5, 8, (u8)off_size};
	unsigned int nr_formats = bytes_uint(in, 1), i;
	u64 content[256], form[256], nr;

	for (i = 0; i < nr_formats; i++) {
		content[i] = bytes_uleb(in);
		form[i] = bytes_uleb(in);
	}
	for (nr = nr_formats ? bytes_uleb(in) : 0; nr && !in->bad; nr--) {
		for (i = 0; i < nr_formats; i++) {
			const char *text;

			if (content[i] != DW_LNCT_path) {
				if (form[i] > 0xffff || !bytes_skip_any(in, (unsigned int)form[i], &shape))
					return true;
				continue;
			}
			text = line_text(units, in, (unsigned int)form[i], off_size);
			if (!text || (tail && may_end_like(text, tail)))
				return true;
		}
	}
	return in->bad;
}

bool debug_unit_has_file(struct debug_units *units, struct debug_unit *unit, const char *tail)
{
	const struct debug_section *line = &units->line;
	unsigned int off_size = 4, version;
	struct bytes in;
	u64 len;

	if (!read_root(units, unit))
		return true;
	if (unit->lines == (u64)-1)
		return false;
	/* libdw calls a file without a name so */
	if (unit->lines > line->len || !*tail || tail[strlen(tail) - 1] == '?')
		return true;
	in = (struct bytes){line->p + unit->lines, line->p + line->len, false};
	len = bytes_uint(&in, 4);
	if (len == 0xffffffff) {
		off_size = 8;
		len = bytes_uint(&in, 8);
	}
	if (in.bad || len > (u64)(in.end - in.p))
		return true;
	in.end = in.p + len;
	version = bytes_uint(&in, 2);
	if (version < 2 || version > 5)
		return true;
	bytes_skip(&in, version >= 5 ? 2 : 0);
	len = bytes_uint(&in, off_size);
	if (in.bad || len > (u64)(in.end - in.p))
		return true;
	in.end = in.p + len;
	/* sizes of instructions, line_base and line_range */
	bytes_skip(&in, version >= 4 ? 5 : 4);
	len = bytes_uint(&in, 1);
	bytes_skip(&in, len ? len - 1 : 0);
	if (version < 5)
		return old_table_has(&in, tail);
	return new_table_has(units, &in, off_size, NULL) || new_table_has(units, &in, off_size, tail);
}
