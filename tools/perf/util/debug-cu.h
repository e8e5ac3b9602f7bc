/* SPDX-License-Identifier: GPL-2.0 */
/*
 * debug-cu.h - what has been found out about the unit that was asked last.
 *
 * Purpose: a wildcard asks a big unit thousands of questions; each would walk all of it.
 *
 * Locks: none.
 */
#ifndef PERF_UTIL_DEBUG_CU_H
#define PERF_UTIL_DEBUG_CU_H

#include "debug-info.h"
#include "debug-units.h"

/**
 * struct debug_range - of a function's code
 * @max_end:	the greatest @end up to this one, in the order of @begin
 * @order:	of the function in the unit
 */
struct debug_range {
	Dwarf_Addr begin;
	Dwarf_Addr end;
	Dwarf_Addr max_end;
	Dwarf_Off function;
	size_t order;
};

/** struct debug_global - a variable of the unit itself; @entry 0: there is none of that name */
struct debug_global {
	char *name;
	Dwarf_Off entry;
};

/**
 * struct debug_cu - one unit
 * @die:	its first entry, in memory; NULL: none yet
 * @off:	the same in its file
 * @has_ranges, @has_instances: @ranges, @instances have been looked up
 * @by_libdw:	@instances are entries in memory
 * @failed:	some of it: ask libdw
 */
struct debug_cu {
	const void *die;
	Dwarf_Off off;
	struct debug_range *ranges;
	size_t nr_ranges;
	size_t cap_ranges;
	struct debug_instance *instances;
	size_t nr_instances;
	struct debug_global *globals;
	size_t nr_globals;
	size_t cap_globals;
	bool has_ranges;
	bool has_instances;
	bool by_libdw;
	bool failed;
};

/** struct debug_far - code that was inlined into other units than that of its function: entries in memory, if @known */
struct debug_far {
	struct debug_instance *v;
	size_t nr;
	size_t cap;
	bool known;
};

/** debug_cu_forget() - back to none */
void debug_cu_forget(struct debug_cu *known);

#endif /* PERF_UTIL_DEBUG_CU_H */
