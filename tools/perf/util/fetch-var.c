// SPDX-License-Identifier: GPL-2.0
/*
 * fetch-var.c - where a variable is, by its entry in the debug information.
 *
 * Purpose: see fetch_locate() in fetch-loc.h.  Locks: none.
 */
#include <errno.h>
#include <string.h>

#include "fetch-loc.h"

/* What instrumentation puts at a function's beginning is not longer. */
#define NEAR_ENTRY 16

/* A constant that stands for the variable. */
static bool constant(Dwarf_Die *var, struct fetch_loc *ret)
{
	Dwarf_Attribute attr;
	Dwarf_Block block;
	Dwarf_Sword value;
	const char *text;

	if (!dwarf_attr_integrate(var, DW_AT_const_value, &attr))
		return false;
	ret->kind = FETCH_BYTES;
	if (!dwarf_formblock(&attr, &block)) {
		ret->bytes = block.data;
		ret->size = block.length;
	} else if (!dwarf_formsdata(&attr, &value)) {
		ret->constant = (u64)value;
		ret->size = sizeof(ret->constant);
	} else if ((text = dwarf_formstring(&attr))) {
		ret->bytes = (const u8 *)text;
		ret->size = strlen(text) + 1;
	} else {
		ret->kind = FETCH_NOWHERE;
		ret->why = "its value is written in a way that cannot be read";
	}
	return true;
}

/*
 * Some parameters are known a few bytes behind the entry only, where instrumentation stands: registers that
 * arguments come in are those of the entry, too.
 */
static bool known_near_entry(const struct fetch_frame *frame, Dwarf_Die *var, Dwarf_Attribute *attr, Dwarf_Op **ops,
			     size_t *nr)
{
	/* psABI: di, si, dx, cx, r8, r9 by their DWARF numbers */
	static const u8 passed_in[] = {DW_OP_reg5, DW_OP_reg4, DW_OP_reg1, DW_OP_reg2, DW_OP_reg8, DW_OP_reg9};
	Dwarf_Addr entry, addr;

	if (!frame->has_function || frame->callee || dwarf_tag(var) != DW_TAG_formal_parameter ||
	    dwarf_entrypc((Dwarf_Die *)&frame->function, &entry) || frame->pc != entry)
		return false;
	for (addr = entry + 1; addr <= entry + NEAR_ENTRY; addr++)
		if (dwarf_getlocation_addr(attr, addr, ops, nr, 1) > 0 && *nr == 1 &&
		    memchr(passed_in, (*ops)->atom, sizeof(passed_in)))
			return true;
	return false;
}

/* Static variables have nothing to do with a declaration; hidden ones have become local when the file was linked. */
static bool is_static(const GElf_Sym *sym)
{
	return GELF_ST_BIND(sym->st_info) == STB_LOCAL && GELF_ST_VISIBILITY(sym->st_other) == STV_DEFAULT;
}

/* What is only declared in its unit is found by its symbol. */
static void by_symbol(const struct fetch_frame *frame, Dwarf_Die *var, struct fetch_loc *ret)
{
	int nr = dwfl_module_getsymtab(frame->info->mod), i;
	Dwarf_Attribute attr;
	const char *name = dwarf_formstring(dwarf_attr_integrate(var, DW_AT_linkage_name, &attr));

	name = name ? name : dwarf_diename(var);
	for (i = 1; name && i < nr; i++) {
		GElf_Sym sym;
		GElf_Addr addr;
		GElf_Word section;
		const char *own = dwfl_module_getsym_info(frame->info->mod, i, &sym, &addr, &section, NULL, NULL);

		if (!own || section == SHN_UNDEF || GELF_ST_TYPE(sym.st_info) != STT_OBJECT || is_static(&sym) ||
		    strcmp(own, name))
			continue;
		ret->kind = FETCH_MEMORY;
		fetch_emit(&ret->code, UPR_FETCH_BIAS, 0, 0);
		fetch_add(&ret->code, (s64)addr);
		return;
	}
	ret->why = "defined elsewhere";
}

int fetch_locate(const struct fetch_frame *frame, Dwarf_Die *var, struct fetch_loc *ret)
{
	Dwarf_Attribute attr;
	Dwarf_Op *ops;
	size_t nr;

	*ret = (struct fetch_loc){.why = "optimized out"};
	if (constant(var, ret))
		return 0;
	if (!dwarf_attr_integrate(var, DW_AT_location, &attr)) {
		if (dwarf_hasattr(var, DW_AT_declaration))
			by_symbol(frame, var, ret);
		return 0;
	}
	if (dwarf_getlocation_addr(&attr, frame->pc, &ops, &nr, 1) <= 0 &&
	    !known_near_entry(frame, var, &attr, &ops, &nr)) {
		ret->why = "optimized out at this place";
		return 0;
	}
	return fetch_locate_ops(frame, ops, nr, &attr, ret);
}
