// SPDX-License-Identifier: GPL-2.0
/*
 * probe-show.c - variables that can be probed (-V).
 *
 * Purpose: see probe-show.h.
 * Locks: none.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe-filter.h"
#include "probe-show.h"
#include "symbol-priv.h"

#define VARS_FILTER "!__k???tab_* & !__crc_*"

/* --- lists ---------------------------------------------------------------------- */

struct texts {
	char **v;
	size_t nr;
	size_t cap;
};

/* @text is theirs from now on. */
static int add_text(struct texts *t, char *text)
{
	if (!text)
		return -ENOMEM;
	if (!upr_grow(&t->v, t->nr, &t->cap, sizeof(*t->v))) {
		free(text);
		return -ENOMEM;
	}
	t->v[t->nr++] = text;
	return 0;
}

static void free_texts(struct texts *t)
{
	while (t->nr)
		free(t->v[--t->nr]);
	free(t->v);
	*t = (struct texts){0};
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* --- names of types ------------------------------------------------------------------- */

/* @die's type without qualifiers; typedefs keep their names. */
static Dwarf_Die *named_type(Dwarf_Die *die, Dwarf_Die *mem)
{
	unsigned int i = 0;
	int tag;

	do {
		die = i++ < DIE_CHAIN_MAX ? die_type(die, mem) : NULL;
		tag = die ? dwarf_tag(die) : 0;
	} while (tag == DW_TAG_const_type || tag == DW_TAG_volatile_type || tag == DW_TAG_restrict_type ||
		 tag == DW_TAG_shared_type);
	return die;
}

static void put_type(Dwarf_Die *die, FILE *out, unsigned int depth)
{
	Dwarf_Die mem, *type = depth < DIE_CHAIN_MAX ? named_type(die, &mem) : NULL;
	int tag = type ? dwarf_tag(type) : 0;
	const char *name;

	switch (tag) {
	case 0:
		fputs("void", out);
		return;
	case DW_TAG_pointer_type:
	case DW_TAG_array_type:
		put_type(type, out, depth + 1);
		fputc('*', out);
		return;
	case DW_TAG_subroutine_type:
		fputs("(function_type)", out);
		return;
	case DW_TAG_union_type:
		fputs("union ", out);
		break;
	case DW_TAG_structure_type:
		fputs("struct ", out);
		break;
	case DW_TAG_enumeration_type:
		fputs("enum ", out);
		break;
	}
	name = dwarf_diename(type);
	fputs(name ? name : "", out);
}

/* --- variables --------------------------------------------------------------------------- */

/**
 * struct show_vars - variables at one place
 * @externs:	those of the whole unit are being collected
 * @out:	what is to be shown if all goes well
 */
struct show_vars {
	const char *filter;
	const struct finder_options *opts;
	struct finder *f;
	struct texts texts;
	bool externs;
	bool any;
	int ret;
	size_t nr_places;
	FILE *out;
};

/* "\t@<walk+[0-26,26-100]>": offsets from the function's entry where the variable is somewhere */
static void put_range(struct finder *f, Dwarf_Die *var, FILE *out)
{
	const char *name = dwarf_diename(&f->function), *comma = "";
	Dwarf_Addr base, begin, end, entry, high;
	Dwarf_Attribute attr;
	ptrdiff_t off = 0;
	Dwarf_Op *op;
	size_t nr;

	if (!dwarf_attr_integrate(var, DW_AT_location, &attr) || dwarf_entrypc(&f->function, &entry) ||
	    dwarf_highpc(&f->function, &high))
		return;
	fprintf(out, "\t@<%s+[", name);
	while ((off = dwarf_getlocations(&attr, off, &base, &begin, &end, &op, &nr)) > 0) {
		/* everywhere */
		if (!begin && end == (Dwarf_Addr)-1) {
			begin = entry;
			end = high;
		}
		fprintf(out, "%s%" PRIu64 "-%" PRIu64, comma, (uint64_t)(begin - entry), (uint64_t)(end - entry));
		comma = ",";
	}
	fputs("]>", out);
}

/* "\t<optimized out>": as `trace' would find it */
static void put_why(struct finder *f, Dwarf_Die *var, FILE *out)
{
	struct fetch_calls *calls = NULL;
	const struct fetch_frame frame = {.info = f->di,
					  .pc = f->addr,
					  .cu = f->cu,
					  .function = f->function,
					  .has_function = true,
					  .calls = &calls};
	struct fetch_loc loc;

	if (!fetch_locate(&frame, var, &loc)) {
		if (loc.kind == FETCH_NOWHERE)
			fprintf(out, "\t<%s>", loc.why);
		else if (loc.kind == FETCH_POINTER)
			fputs("\t<only what it points to>", out);
		fetch_loc_free(&loc);
	}
	fetch_calls_free(calls);
}

static char *describe(struct show_vars *s, Dwarf_Die *var, bool valid)
{
	char *ret = NULL;
	size_t size;
	FILE *out = open_memstream(&ret, &size);

	if (!out)
		return NULL;
	if (s->opts->range)
		fputs(s->externs ? "[EXT]\t" : valid ? "[VAL]\t" : "[INV]\t", out);
	put_type(var, out, 0);
	fprintf(out, "\t%s", dwarf_diename(var));
	if (s->opts->range && !s->externs)
		put_range(s->f, var, out);
	if (s->opts->why)
		put_why(s->f, var, out);
	return fclose(out) ? NULL : ret;
}

/* With --range also what is somewhere else in the function, but not what is just not set at its entry. */
static bool is_elsewhere(const struct show_vars *s, Dwarf_Die *var)
{
	Dwarf_Addr entry;

	return s->opts->range && !s->externs && dwarf_hasattr_integrate(var, DW_AT_location) &&
	       !dwarf_entrypc(&s->f->function, &entry) && entry != s->f->addr;
}

static enum die_walk visit_var(Dwarf_Die *die, void *data)
{
	struct show_vars *s = data;
	int tag = dwarf_tag(die);
	const char *name;
	bool valid;

	if (tag == DW_TAG_formal_parameter || tag == DW_TAG_variable) {
		name = dwarf_diename(die);
		valid = name && probe_has_location(s->f, die);
		s->any |= valid;
		if ((valid || (name && (s->opts->why || (tag == DW_TAG_variable && is_elsewhere(s, die))))) &&
		    probe_filter_fits(s->filter, name))
			s->ret = add_text(&s->texts, describe(s, die, valid));
		if (s->ret)
			return DIE_END;
	}
	return !s->externs && dwarf_haspc(die, s->f->addr) > 0 ? DIE_CONTINUE : DIE_SIBLING;
}

static void print_vars(struct show_vars *s, const struct probe_place *place)
{
	size_t i;

	fprintf(s->out, "\t@<%s+%" PRIu64 ">\n", place->symbol, (uint64_t)(place->addr - place->entry));
	if (s->texts.nr)
		qsort(s->texts.v, s->texts.nr, sizeof(*s->texts.v), by_text);
	else
		fputs(s->any ? "\t\t(No matched variables)\n" : "\t\t(No variables)\n", s->out);
	for (i = 0; i < s->texts.nr; i++)
		if (!i || strcmp(s->texts.v[i], s->texts.v[i - 1]))
			fprintf(s->out, "\t\t%s\n", s->texts.v[i]);
}

static int visit_place(struct finder *f, Dwarf_Die *scope, void *data)
{
	struct probe_place place = {0};
	struct show_vars *s = data;
	Dwarf_Die mem;
	int r = probe_name_place(f, &place, scope);

	s->f = f;
	s->any = s->externs = false;
	if (!r) {
		die_find(scope, visit_var, s, &mem);
		s->externs = true;
		if (s->opts->externs && !s->ret)
			die_find(&f->cu, visit_var, s, &mem);
		r = s->ret;
	}
	if (!r) {
		if (!s->nr_places++) {
			char *text = perf_point_text(&f->def->point);

			fprintf(s->out, "Available variables at %s\n", text ? text : "");
			free(text);
		}
		print_vars(s, &place);
	}
	probe_place_free(&place);
	free_texts(&s->texts);
	return r;
}

int probe_show_vars(struct probe_file *file, struct perf_def *def, const char *filter,
		    const struct finder_options *opts)
{
	struct show_vars s = {.filter = filter ? filter : VARS_FILTER, .opts = opts};
	struct finder_options with = *opts;
	char *point, *shown = NULL;
	size_t size;
	int r;

	if (!file->path)
		return -ENOENT;
	probe_file_load(file);
	if (!file->has_info) {
		probe_file_no_info(file, opts);
		return -ENOENT;
	}
	s.out = open_memstream(&shown, &size);
	if (!s.out)
		return -ENOMEM;
	with.visit = visit_place;
	with.visitor = &s;
	r = probe_find(&file->info, def, &with, NULL);
	if (fclose(s.out) && !r)
		r = -ENOMEM;
	if (!r && s.nr_places)
		fputs(shown, stdout);
	free(shown);
	if (r ? r != -ENOENT : s.nr_places > 0)
		return r;
	point = perf_point_text(&def->point);
	probe_say(opts, "Failed to find the address of %s", point ? point : "");
	free(point);
	probe_file_lacks(file, opts);
	return -ENOENT;
}
