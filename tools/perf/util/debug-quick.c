// SPDX-License-Identifier: GPL-2.0
/*
 * debug-quick.c - a quick look at a unit: may it mention a name, or have a source file?
 *
 * Purpose: see debug-units.h.  Names are looked for by where they are in .debug_str, as four bytes
 * anywhere in the unit, faster than by going through its entries.
 *
 * Locks: none.
 */
#include <dwarf.h>
#include <string.h>

#include "debug-abbrev.h"
#include "debug-units.h"
#include "symbol-priv.h"

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
	if (!debug_unit_root(units, unit) || unit->off_size != 4 || unit->version < 5 || unit->strings < 8 ||
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
	const struct abbrev_table *table = debug_unit_table(units, unit);
	const u8 *p = units->info.p + unit->die;
	size_t len = unit->end - unit->die, i;

	/* what it refers to mentions it, perhaps */
	if (!table || table->other_names || table->far_names || table->away)
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

/* A text in the tables of a line program, left where it is.  NULL: one cannot say */
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
	nr = nr_formats ? bytes_uleb(in) : 0;
	/* some forms take no bytes: numbers of them have no end that anybody would see; libdw refuses them */
	if (in->bad || (nr && nr > (u64)(in->end - in->p) / nr_formats))
		return true;
	for (; nr && !in->bad; nr--) {
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

	if (!debug_unit_root(units, unit))
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
