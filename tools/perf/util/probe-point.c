// SPDX-License-Identifier: GPL-2.0
/*
 * probe-point.c - from a place in a file to how people would write it.
 *
 * Purpose: see probe-point.h.  A line is told from where its function begins; that of inlined code from
 * where the inlined function does, but where it begins it is the line of the call.
 *
 * Locks: none.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "probe-point.h"
#include "symbol-priv.h"

/**
 * struct spot - what the debug information says of an address
 * @func:	whose lines are counted from @base; @outer: whose code it is
 * @file:	of @line (0: not known)
 */
struct spot {
	const char *func;
	const char *outer;
	const char *file;
	int line;
	int base;
	Dwarf_Addr entry;
};

/* Down through what is inlined into @function at @addr. */
static void enter_inlined(Dwarf_Die *function, Dwarf_Addr addr, struct spot *spot)
{
	Dwarf_Die inlined, at = *function;
	const char *file, *name;
	Dwarf_Addr entry;

	while (die_outer_inlined_at(&at, addr, &inlined)) {
		if (!die_entry(&inlined, &entry) && entry == addr) {
			spot->line = die_call_line(&inlined);
			spot->file = die_call_file(&inlined);
			break;
		}
		name = dwarf_diename(&inlined);
		if (!name || !die_decl_line(&inlined))
			break;
		spot->base = die_decl_line(&inlined);
		spot->func = name;
		at = inlined;
	}
	/* lines of two files cannot be subtracted */
	file = die_decl_file(&at);
	if (!file || (spot->file && strcmp(file, spot->file)))
		spot->line = 0;
}

/* Of functions that share a name, the one that tells them apart. */
static const char *name_of(Dwarf_Die *function)
{
	Dwarf_Attribute mem;
	const char *name = dwarf_formstring(dwarf_attr_integrate(function, DW_AT_linkage_name, &mem));

	return name ? name : dwarf_diename(function);
}

static void enter_function(Dwarf_Die *function, Dwarf_Addr addr, struct spot *spot)
{
	spot->func = spot->outer = name_of(function);
	spot->base = die_decl_line(function);
	if (!spot->func || die_entry(function, &spot->entry) || !spot->base) {
		spot->line = 0;
		return;
	}
	spot->file = die_decl_file(function);
	if (spot->entry == addr)
		spot->line = spot->base;
	else
		enter_inlined(function, addr, spot);
}

/* Return: 1 found, 0 not, -ENOMEM */
static int by_info(struct probe_file *file, u64 addr, const struct finder_options *opts, struct perf_point *ret)
{
	struct spot spot = {0};
	Dwarf_Die cu, function;

	if (!file->has_info)
		return 0;
	if (!debug_info_cu_at(&file->info, addr, &cu)) {
		probe_say(opts, "Failed to find debug information for address %" PRIx64, (uint64_t)addr);
		return 0;
	}
	if (!cu_line_at(&file->info, &cu, addr, &spot.file, &spot.line))
		spot.line = 0;
	if (die_function_at(&cu, addr, &function))
		enter_function(&function, addr, &spot);
	if (!spot.func && !spot.file)
		return 0;
	if (spot.line && spot.line >= spot.base) {
		ret->line = spot.line - spot.base;
	} else if (spot.outer) {
		ret->offset = addr - spot.entry;
		spot.func = spot.outer;
	}
	ret->func = probe_strdup(spot.func);
	ret->file = probe_strdup(spot.file);
	return (spot.func && !ret->func) || (spot.file && !ret->file) ? -ENOMEM : 1;
}

static int by_symbol(struct probe_file *file, u64 addr, struct perf_point *ret)
{
	const struct upr_func *func = file->elf ? upr_elf_func_at(file->elf, addr) : NULL;

	if (!func || func->kind == UPR_SYM_FDE)
		return 0;
	ret->func = strdup(upr_name_pretty(file->elf, func->names));
	ret->offset = addr - func->addr;
	return ret->func ? 1 : -ENOMEM;
}

int probe_point_at(struct probe_file *file, u64 offset, const struct finder_options *opts, struct perf_point *ret)
{
	u64 addr = offset;
	int r;

	*ret = (struct perf_point){0};
	probe_file_load(file);
	if (file->elf)
		upr_elf_offset_to_addr(file->elf, offset, &addr);
	r = by_info(file, addr, opts, ret);
	if (!r)
		r = by_symbol(file, addr, ret);
	if (!r)
		r = asprintf(&ret->func, "0x%" PRIx64, (uint64_t)offset) < 0 ? -ENOMEM : 1;
	return r < 0 ? r : 0;
}

void probe_point_free(struct perf_point *point)
{
	free(point->func);
	free(point->file);
	*point = (struct perf_point){0};
}
