/* SPDX-License-Identifier: GPL-2.0 */
/*
 * debug-units.h - the units of .debug_info, read without libdw.
 *
 * Purpose: to say of a unit, in a fraction of the time that libdw takes to walk it, whether it can have a
 * function of a name, or a source file.  The answer is "no" only where it is certain: what is
 * not understood, or lies in other files, is left to libdw.
 *
 * Nothing here is believed: every position is checked, any bytes may come.
 *
 * Locks: none.
 */
#ifndef PERF_UTIL_DEBUG_UNITS_H
#define PERF_UTIL_DEBUG_UNITS_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <upr-compat.h>

/** struct debug_section - its bytes, as libdw sees them (unpacked, relocated); @p is NULL if there is none */
struct debug_section {
	const u8 *p;
	size_t len;
};

/**
 * struct debug_unit - one unit
 * @off, @die, @end:	in .debug_info: its header, its first entry, what follows it
 * @abbrev:		in .debug_abbrev
 * @lines, @strings:	in .debug_line and .debug_str_offsets, if @rooted; -1: not said
 * @table:		of its abbreviations, one of struct debug_units; NULL: not read yet
 */
struct debug_unit {
	u64 off;
	u64 die;
	u64 end;
	u64 abbrev;
	u8 version;
	u8 type;
	u8 addr_size;
	u8 off_size;
	bool rooted;
	u64 lines;
	u64 strings;
	struct abbrev_table *table;
};

/** struct debug_instance - code made of a function: the entries of both in .debug_info, or in memory where libdw has read them */
struct debug_instance {
	u64 origin;
	u64 entry;
};

/**
 * struct debug_units - those of a file
 * @v:		as many as have been needed so far, in their order
 * @next:	where the next one begins
 * @whole:	there are no more
 * @bad:	the rest is not understood
 * @tables:	of abbreviations, @nr_tables of them in memory, by where they are in .debug_abbrev
 * @far:	code inlined into other units than that of its function, as link-time optimisation does it, in the
 *		order of functions, if @has_far; all of them, unless @far_failed
 */
struct debug_units {
	struct debug_section info, abbrev, str, str_offsets, line, line_str;
	struct debug_unit *v;
	size_t nr;
	size_t cap;
	u64 next;
	bool whole;
	bool bad;
	struct abbrev_table *tables[256];
	size_t nr_tables;
	struct debug_instance *far;
	size_t nr_far;
	size_t cap_far;
	bool has_far;
	bool far_failed;
};

/** debug_units_open() - Return: false if libdw alone can read the file */
bool debug_units_open(struct debug_units *units, Dwarf *dwarf);
void debug_units_close(struct debug_units *units);
/** debug_units_at() - the unit that has the entry at @off, or NULL */
struct debug_unit *debug_units_at(struct debug_units *units, u64 off);
/** debug_units_get() - unit @i, or NULL: there is none, or @units->bad.  Valid until the next is asked for. */
struct debug_unit *debug_units_get(struct debug_units *units, size_t i);

/**
 * struct debug_entries - of a unit
 * @v:		in .debug_info, in their order
 * @exact:	these are all; they are children of the unit itself
 */
struct debug_entries {
	u64 *v;
	size_t nr;
	size_t cap;
	bool exact;
};

/**
 * typedef debug_name_fn - is it the name of one that is wanted?
 * @off:	of the name in .debug_str; -1: it is elsewhere
 */
typedef bool (*debug_name_fn)(const char *name, u64 off, void *data);

/**
 * debug_unit_functions() - functions that a unit defines by names of which @fn, called for mangled names as well, wants one
 * Return: there may be some; those found are in @ret, by which @ret->exact is said
 */
bool debug_unit_functions(struct debug_units *units, struct debug_unit *unit, debug_name_fn fn, void *data,
			  struct debug_entries *ret);

/**
 * debug_unit_instances() - all in a unit, in their order
 * Return: false if they are not all; otherwise free() *ret
 */
bool debug_unit_instances(struct debug_units *units, struct debug_unit *unit, struct debug_instance **ret, size_t *nr);

/** debug_units_find_far() - fill in @units->far.  Return: false if some units cannot be read */
bool debug_units_find_far(struct debug_units *units);
/** debug_instances_sort(), debug_instances_first() - the first of those in order that is made of @origin or one behind it */
void debug_instances_sort(struct debug_instance *v, size_t nr);
size_t debug_instances_first(const struct debug_instance *v, size_t nr, u64 origin);

/**
 * debug_unit_mentions() - may any of its entries have one of these strings?
 * @offs:	where in .debug_str the text is
 */
bool debug_unit_mentions(struct debug_units *units, struct debug_unit *unit, const char *text, const u64 *offs,
			 size_t nr);

/** debug_unit_has_file() - may it have a source file whose path ends like @tail, or is its end? */
bool debug_unit_has_file(struct debug_units *units, struct debug_unit *unit, const char *tail);

/* --- of debug-units.c, debug-entries.c and debug-quick.c --- */

/** debug_unit_table() - its abbreviations; NULL: not understood, or no memory */
const struct abbrev_table *debug_unit_table(struct debug_units *units, struct debug_unit *unit);
/** debug_unit_root() - what the unit says of itself.  Return: false if it is not understood, or is about another file */
bool debug_unit_root(struct debug_units *units, struct debug_unit *unit);

#endif /* PERF_UTIL_DEBUG_UNITS_H */
