// SPDX-License-Identifier: GPL-2.0
/*
 * debug-units.c - the units of .debug_info, read without libdw.
 *
 * Purpose: see debug-units.h.  Sections, headers of units, their first entries.
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

/* Beyond that many tables all are dropped: those of units that have been left. */
#define TABLES_MAX 1024

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
	struct abbrev_table *table;
	size_t i;

	for (i = 0; i < units->nr; i++)
		units->v[i].table = NULL;
	for (i = 0; i < ARRAY_SIZE(units->tables); i++) {
		while ((table = units->tables[i])) {
			units->tables[i] = table->next;
			abbrev_table_free(table);
		}
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

/* Units may share them, as dwz has it. */
static struct abbrev_table *find_table(struct debug_units *units, const struct debug_unit *unit)
{
	const struct abbrev_shape shape = {unit->version, unit->addr_size, unit->off_size};
	struct abbrev_table **bucket = &units->tables[unit->abbrev % ARRAY_SIZE(units->tables)], *table;
	struct bytes in;

	for (table = *bucket; table; table = table->next)
		if (table->off == unit->abbrev && !memcmp(&table->shape, &shape, sizeof(shape)))
			return table;
	if (unit->abbrev > units->abbrev.len)
		return NULL;
	if (units->nr_tables >= TABLES_MAX)
		drop_tables(units);
	in = (struct bytes){units->abbrev.p + unit->abbrev, units->abbrev.p + units->abbrev.len, false};
	table = abbrev_table_read(&in, &shape);
	if (!table)
		return NULL;
	table->off = unit->abbrev;
	table->next = *bucket;
	*bucket = table;
	units->nr_tables++;
	return table;
}

const struct abbrev_table *debug_unit_table(struct debug_units *units, struct debug_unit *unit)
{
	if (!unit->table)
		unit->table = find_table(units, unit);
	return unit->table && !unit->table->bad ? unit->table : NULL;
}

/* --- the first entry ------------------------------------------------------------------ */

bool debug_unit_root(struct debug_units *units, struct debug_unit *unit)
{
	const struct abbrev_table *table = debug_unit_table(units, unit);
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
