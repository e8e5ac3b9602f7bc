/* SPDX-License-Identifier: GPL-2.0 */
/*
 * debug-cu.h - what has been found out about the units that were asked last.
 *
 * Purpose: a wildcard asks a big unit thousands of questions; each would walk all of it.  With link-time
 * optimisation the questions about one function go to several: its own, and those that it was inlined into.
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

/* As many as link-time optimisation usually makes, and some more. */
#define DEBUG_CUS_MAX 32

/**
 * struct debug_cu - one unit
 * @die:	its first entry, in memory; NULL: none yet
 * @off:	the same in its file
 * @asked:	when it was asked last, see struct debug_cus
 * @has_ranges, @has_instances: @ranges, @instances have been looked up
 * @by_libdw:	@instances are entries in memory
 * @failed:	some of it: ask libdw
 */
struct debug_cu {
	const void *die;
	Dwarf_Off off;
	u64 asked;
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

/**
 * struct debug_cus - the units that were asked last
 * @asked:	so often
 */
struct debug_cus {
	struct debug_cu v[DEBUG_CUS_MAX];
	u64 asked;
};

/** debug_cus_forget() - back to none */
void debug_cus_forget(struct debug_cus *cus);

#endif /* PERF_UTIL_DEBUG_CU_H */
