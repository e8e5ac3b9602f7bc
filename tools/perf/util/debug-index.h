/* SPDX-License-Identifier: GPL-2.0 */
/*
 * debug-index.h - the units that can have what is looked for.
 *
 * Purpose: programs have thousands of units, a function or a file is in few of them.  A search visits
 * those that may have it, in the order of the file; libdw says then what they have.
 *
 * Locks: none.
 */
#ifndef PERF_UTIL_DEBUG_INDEX_H
#define PERF_UTIL_DEBUG_INDEX_H

#include "debug-info.h"
#include "debug-units.h"

/**
 * struct debug_search - for a function, a file, or a function in units that have a file
 * @func:	name, mangled name or glob, as die_has_name() takes it; NULL: any
 * @file:	its path ends like that, see path_ends_like(); NULL: any
 * @glob:	@func holds more than letters; @prefix of its letters are just that
 * @offs:	where in .debug_str names are that fit, ascending, if @has_offs; not known otherwise
 * @units:	NULL: libdw alone can read the file
 * @at:		the next unit
 * @off:	and where it is, for libdw
 * @functions:	of the present unit, if they are exact
 * @imported:	functions of partial units that have been given
 */
struct debug_search {
	const struct debug_info *di;
	const char *func;
	const char *file;
	bool glob;
	size_t prefix;
	u64 *offs;
	size_t nr_offs;
	bool has_offs;
	struct debug_units *units;
	size_t at;
	Dwarf_Off off;
	struct debug_entries functions;
	void *imported;
};

void debug_search_begin(struct debug_search *s, const struct debug_info *di, const char *func, const char *file);
/** debug_search_next() - the next unit that may have it.  Return: false when there is none. */
bool debug_search_next(struct debug_search *s, Dwarf_Die *cu);
/** debug_search_functions() - as dwarf_getfuncs(); functions that @s->func does not mean may be left out */
void debug_search_functions(struct debug_search *s, Dwarf_Die *cu, int (*fn)(Dwarf_Die *die, void *data), void *data);
void debug_search_end(struct debug_search *s);

#endif /* PERF_UTIL_DEBUG_INDEX_H */
