/* SPDX-License-Identifier: GPL-2.0 */
/*
 * debug-abbrev.h - abbreviations of entries, as what is to be done to get past an entry.
 *
 * Purpose: see debug-units.h.
 * Locks: none.
 */
#ifndef PERF_UTIL_DEBUG_ABBREV_H
#define PERF_UTIL_DEBUG_ABBREV_H

#include <dwarf.h>
#include <stdbool.h>
#include <stddef.h>
#include <upr-compat.h>

/* --- bytes ---------------------------------------------------------------------- */

/** struct bytes - being read; beyond the end there are noughts, and @bad is set */
struct bytes {
	const u8 *p;
	const u8 *end;
	bool bad;
};

static inline void bytes_skip(struct bytes *in, u64 n)
{
	if (n <= (u64)(in->end - in->p)) {
		in->p += n;
		return;
	}
	in->p = in->end;
	in->bad = true;
}

/** bytes_uint() - of @size bytes, 1 to 8 */
static inline u64 bytes_uint(struct bytes *in, unsigned int size)
{
	const u8 *p = in->p;
	u64 ret = 0;
	unsigned int i;

	bytes_skip(in, size);
	for (i = 0; !in->bad && i < size; i++)
		ret |= (u64)p[i] << 8 * i;
	return ret;
}

u64 bytes_uleb_long(struct bytes *in);

static inline u64 bytes_uleb(struct bytes *in)
{
	if (in->p < in->end && *in->p < 0x80)
		return *in->p++;
	return bytes_uleb_long(in);
}

/** struct abbrev_shape - of a unit: what sizes depend on */
struct abbrev_shape {
	u8 version;
	u8 addr_size;
	u8 off_size;
};

/** bytes_skip_form() - of those whose size is not known beforehand */
void bytes_skip_form(struct bytes *in, unsigned int form);
/** bytes_skip_any() - of any form.  Return: false: it is not known, or not there */
bool bytes_skip_any(struct bytes *in, unsigned int form, const struct abbrev_shape *shape);

/* --- abbreviations ------------------------------------------------------------------ */

/**
 * enum abbrev_kind - what an entry is to us
 */
enum abbrev_kind {
	ABBREV_NONE, /* there is no such code */
	ABBREV_PLAIN,
	ABBREV_UNIT,
	ABBREV_FUNCTION, /* defined */
	ABBREV_DECLARED,
	ABBREV_INLINED,
	ABBREV_IMPORT, /* of another unit */
};

enum abbrev_what {
	STEP_END,
	STEP_FORM,    /* of a size that is only known there */
	STEP_NAME,    /* of a function */
	STEP_ORIGIN,  /* of a function, or an inlined one: the entry that has its names */
	STEP_SPEC,    /* and the other way to say so */
	STEP_LINES,   /* of a unit: DW_AT_stmt_list */
	STEP_STRINGS, /* DW_AT_str_offsets_base */
	STEP_AWAY,    /* it is in another file */
};

/** struct abbrev_step - pass @skip bytes, then @what */
struct abbrev_step {
	u16 skip;
	u16 form;
	u8 what;
};

/**
 * struct abbrev - of one code
 * @size:	of all attributes, if there are no steps
 * @kind:	enum abbrev_kind
 * @children:	entries in it may follow
 * @steps:	the first of them; 0: there are none
 */
struct abbrev {
	u16 size;
	u8 kind;
	bool children;
	u32 steps;
};

/**
 * struct abbrev_table - of a unit, or of several that share it
 * @next, @off:	see struct debug_units: another one; in .debug_abbrev
 * @shape:	of these units
 * @v:		by code
 * @bad:	it is not understood
 * @own_names, @str_names, @indexed_names: functions have names in .debug_info, in .debug_str, by .debug_str_offsets
 * @other_names: elsewhere
 * @far_names:	functions have names in other units
 * @far_origins: code was made of functions of other units
 * @away:	units have their entries in another file, or in units that they import
 */
struct abbrev_table {
	struct abbrev_table *next;
	u64 off;
	struct abbrev_shape shape;
	bool bad;
	struct abbrev *v;
	size_t nr;
	size_t cap;
	struct abbrev_step *steps;
	size_t nr_steps;
	size_t cap_steps;
	bool own_names;
	bool str_names;
	bool indexed_names;
	bool other_names;
	bool far_names;
	bool far_origins;
	bool away;
};

/** abbrev_table_read() - Return: NULL without memory */
struct abbrev_table *abbrev_table_read(struct bytes *in, const struct abbrev_shape *shape);
void abbrev_table_free(struct abbrev_table *table);

/** abbrev_find() - NULL: there is no such code */
static inline const struct abbrev *abbrev_find(const struct abbrev_table *table, u64 code)
{
	return code < table->nr && table->v[code].kind != ABBREV_NONE ? &table->v[code] : NULL;
}

static inline unsigned int abbrev_ref_size(unsigned int form)
{
	/* DW_FORM_ref1 to DW_FORM_ref8 follow each other */
	return 1u << (form - DW_FORM_ref1);
}

#endif /* PERF_UTIL_DEBUG_ABBREV_H */
