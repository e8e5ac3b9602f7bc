// SPDX-License-Identifier: GPL-2.0
/*
 * debug-abbrev.c - abbreviations of entries.
 *
 * Purpose: see debug-abbrev.h.
 *
 * Locks: none.
 */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "debug-abbrev.h"
#include "symbol-priv.h"

/* Compilers number them from 1 on. */
#define CODE_MAX 65535

/* --- bytes ---------------------------------------------------------------------- */

u64 bytes_uleb_long(struct bytes *in)
{
	unsigned int shift = 0;
	u64 ret = 0;

	while (in->p < in->end) {
		u8 byte = *in->p++;

		if (shift < 64)
			ret |= (u64)(byte & 0x7f) << shift;
		shift += 7;
		if (!(byte & 0x80))
			return ret;
	}
	in->bad = true;
	return 0;
}

void bytes_skip_form(struct bytes *in, unsigned int form)
{
	const u8 *nul;

	switch (form) {
	case DW_FORM_string:
		nul = memchr(in->p, 0, in->end - in->p);
		bytes_skip(in, nul ? (u64)(nul + 1 - in->p) : UINT64_MAX);
		return;
	case DW_FORM_block1:
		bytes_skip(in, bytes_uint(in, 1));
		return;
	case DW_FORM_block2:
		bytes_skip(in, bytes_uint(in, 2));
		return;
	case DW_FORM_block4:
		bytes_skip(in, bytes_uint(in, 4));
		return;
	case DW_FORM_block:
	case DW_FORM_exprloc:
		bytes_skip(in, bytes_uleb(in));
		return;
	default:
		/* all others are numbers of variable length */
		bytes_uleb(in);
	}
}

/* Return: -1: it depends on what is there; -2: unknown */
static int form_size(unsigned int form, const struct abbrev_shape *shape)
{
	switch (form) {
	case DW_FORM_flag_present:
	case DW_FORM_implicit_const:
		return 0;
	case DW_FORM_data1:
	case DW_FORM_ref1:
	case DW_FORM_flag:
	case DW_FORM_strx1:
	case DW_FORM_addrx1:
		return 1;
	case DW_FORM_data2:
	case DW_FORM_ref2:
	case DW_FORM_strx2:
	case DW_FORM_addrx2:
		return 2;
	case DW_FORM_strx3:
	case DW_FORM_addrx3:
		return 3;
	case DW_FORM_data4:
	case DW_FORM_ref4:
	case DW_FORM_strx4:
	case DW_FORM_addrx4:
	case DW_FORM_ref_sup4:
		return 4;
	case DW_FORM_data8:
	case DW_FORM_ref8:
	case DW_FORM_ref_sig8:
	case DW_FORM_ref_sup8:
		return 8;
	case DW_FORM_data16:
		return 16;
	case DW_FORM_addr:
		return shape->addr_size;
	case DW_FORM_ref_addr:
		return shape->version == 2 ? shape->addr_size : shape->off_size;
	case DW_FORM_strp:
	case DW_FORM_line_strp:
	case DW_FORM_sec_offset:
	case DW_FORM_strp_sup:
	case DW_FORM_GNU_ref_alt:
	case DW_FORM_GNU_strp_alt:
		return shape->off_size;
	case DW_FORM_string:
	case DW_FORM_block1:
	case DW_FORM_block2:
	case DW_FORM_block4:
	case DW_FORM_block:
	case DW_FORM_exprloc:
	case DW_FORM_sdata:
	case DW_FORM_udata:
	case DW_FORM_ref_udata:
	case DW_FORM_strx:
	case DW_FORM_addrx:
	case DW_FORM_loclistx:
	case DW_FORM_rnglistx:
		return -1;
	}
	return -2;
}

bool bytes_skip_any(struct bytes *in, unsigned int form, const struct abbrev_shape *shape)
{
	int size = form_size(form, shape);

	if (size < -1)
		return false;
	if (size < 0)
		bytes_skip_form(in, form);
	else
		bytes_skip(in, size);
	return !in->bad;
}

/* --- abbreviations ------------------------------------------------------------------ */

static void note_name(struct abbrev_table *table, unsigned int form)
{
	switch (form) {
	case DW_FORM_string:
		table->own_names = true;
		break;
	case DW_FORM_strp:
		table->str_names = true;
		break;
	case DW_FORM_strx:
	case DW_FORM_strx1:
	case DW_FORM_strx2:
	case DW_FORM_strx3:
	case DW_FORM_strx4:
		table->indexed_names = true;
		break;
	default:
		table->other_names = true;
	}
}

static void note_ref(struct abbrev_table *table, unsigned int form)
{
	switch (form) {
	case DW_FORM_ref1:
	case DW_FORM_ref2:
	case DW_FORM_ref4:
	case DW_FORM_ref8:
	case DW_FORM_ref_udata:
		break;
	default:
		table->far_names = true;
	}
}

static enum abbrev_what what_of(struct abbrev_table *table, unsigned int tag, unsigned int name, unsigned int form)
{
	if (tag == DW_TAG_subprogram) {
		if (name == DW_AT_name || name == DW_AT_linkage_name) {
			note_name(table, form);
			return STEP_NAME;
		}
		if (name == DW_AT_abstract_origin || name == DW_AT_specification) {
			note_ref(table, form);
			return name == DW_AT_specification ? STEP_SPEC : STEP_ORIGIN;
		}
	} else if (tag == DW_TAG_inlined_subroutine) {
		if (name == DW_AT_abstract_origin) {
			table->far_origins |= form == DW_FORM_ref_addr;
			return STEP_ORIGIN;
		}
	} else if (tag == DW_TAG_compile_unit || tag == DW_TAG_partial_unit || tag == DW_TAG_type_unit ||
		   tag == DW_TAG_skeleton_unit) {
		if (name == DW_AT_stmt_list)
			return form == DW_FORM_data4 || form == DW_FORM_data8 || form == DW_FORM_sec_offset ?
				       STEP_LINES :
				       STEP_AWAY;
		if (name == DW_AT_str_offsets_base)
			return form == DW_FORM_sec_offset ? STEP_STRINGS : STEP_AWAY;
		if (name == DW_AT_dwo_name || name == DW_AT_GNU_dwo_name) {
			table->away = true;
			return STEP_AWAY;
		}
	}
	return STEP_END;
}

static bool add_step(struct abbrev_table *table, unsigned int *skip, enum abbrev_what what, unsigned int form)
{
	if (!upr_grow(&table->steps, table->nr_steps, &table->cap_steps, sizeof(*table->steps)))
		return false;
	table->steps[table->nr_steps++] = (struct abbrev_step){(u16)*skip, (u16)form, (u8)what};
	*skip = 0;
	return true;
}

static enum abbrev_kind kind_of(unsigned int tag, bool declared)
{
	switch (tag) {
	case DW_TAG_subprogram:
		return declared ? ABBREV_DECLARED : ABBREV_FUNCTION;
	case DW_TAG_inlined_subroutine:
		return ABBREV_INLINED;
	case DW_TAG_compile_unit:
	case DW_TAG_partial_unit:
	case DW_TAG_type_unit:
		return ABBREV_UNIT;
	case DW_TAG_imported_unit:
		return ABBREV_IMPORT;
	}
	return ABBREV_PLAIN;
}

static bool read_attributes(struct bytes *in, const struct abbrev_shape *shape, struct abbrev_table *table,
			    struct abbrev *a)
{
	u64 tag = bytes_uleb(in), name, form;
	unsigned int skip = 0, steps = table->nr_steps;
	bool declared = false, children = bytes_uint(in, 1) == DW_CHILDREN_yes;
	int size;

	for (;;) {
		enum abbrev_what what;

		name = bytes_uleb(in);
		form = bytes_uleb(in);
		if (form == DW_FORM_implicit_const)
			bytes_uleb(in);
		if (in->bad || (!name && !form))
			break;
		size = form > 0xffff ? -2 : form_size(form, shape);
		if (size == -2 || skip > 0x7fff)
			return false;
		declared |= name == DW_AT_declaration;
		what = what_of(table, tag, name, form);
		if (what == STEP_END && size < 0)
			what = STEP_FORM;
		if (what == STEP_END)
			skip += size;
		else if (!add_step(table, &skip, what, form))
			return false;
	}
	*a = (struct abbrev){(u16)skip, kind_of(tag, declared), children, steps};
	table->away |= a->kind == ABBREV_IMPORT;
	if (table->nr_steps != steps || a->kind != ABBREV_PLAIN)
		return !in->bad && add_step(table, &skip, STEP_END, 0);
	a->steps = 0;
	return !in->bad;
}

static bool read_table(struct bytes *in, const struct abbrev_shape *shape, struct abbrev_table *table)
{
	unsigned int none = 0;
	struct abbrev a;
	u64 code;

	/* so that no entry has its steps at 0 */
	if (!add_step(table, &none, STEP_END, 0))
		return false;
	while ((code = bytes_uleb(in))) {
		if (code > CODE_MAX || !read_attributes(in, shape, table, &a))
			return false;
		while (table->nr <= code) {
			if (!upr_grow(&table->v, table->nr, &table->cap, sizeof(*table->v)))
				return false;
			table->v[table->nr++] = (struct abbrev){0};
		}
		/* libdw takes the first of several */
		if (table->v[code].kind == ABBREV_NONE)
			table->v[code] = a;
	}
	return !in->bad;
}

struct abbrev_table *abbrev_table_read(struct bytes *in, const struct abbrev_shape *shape)
{
	struct abbrev_table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->shape = *shape;
	table->bad = !read_table(in, shape, table);
	return table;
}

void abbrev_table_free(struct abbrev_table *table)
{
	if (!table)
		return;
	free(table->v);
	free(table->steps);
	free(table);
}
