/* SPDX-License-Identifier: GPL-2.0 */
/*
 * probe-finder.h - from a definition to places and locations of its arguments, by debug information.
 *
 * Purpose: struct perf_def -> struct probe_place: what the kernel's uprobe_events would get.  All
 * instances of inlined functions, all functions of a name, lines as compilers noted them.
 *
 * Locks: none.
 */
#ifndef PERF_UTIL_PROBE_FINDER_H
#define PERF_UTIL_PROBE_FINDER_H

#include "debug-info.h"
#include "fetch.h"
#include "probe-grammar.h"

/**
 * struct place_arg - an argument as the kernel takes it
 * @name:	NULL: it has none
 * @value:	"%di", "+8(%sp)", "@gcount+0"
 * @type:	NULL: none
 */
struct place_arg {
	char *name;
	char *value;
	char *type;
};

/**
 * struct probe_place - one place
 * @symbol:	the function whose code it is in
 * @real:	the function it is about: an inlined one, or @symbol
 * @addr:	virtual address
 * @entry:	where @symbol begins
 * @semaphore:	of a statically defined probe, 0: none
 * @fetch:	see struct finder_options
 */
struct probe_place {
	char *symbol;
	char *real;
	Dwarf_Addr addr;
	Dwarf_Addr entry;
	Dwarf_Addr semaphore;
	struct place_arg *args;
	size_t nr_args;
	struct fetch *fetch;
};

struct probe_places {
	struct probe_place *p;
	size_t nr;
	size_t cap;
};

struct finder;

/**
 * struct finder_options - how
 * @max:	places at most, beyond: -ERANGE
 * @no_inlines:	leave inlined instances out
 * @externs, @range: with -V
 * @why:	with -V: all variables, and why some of them have no value
 * @visit:	is called for each place instead of it being kept, @scope: the function as the user sees it
 * @fetch:	is called for each place instead of its arguments being made into text; sets @place->fetch.  Return: 0,
 *		-errno which ends the search
 * @say:	gets what the user should know, a line each, without newline
 */
struct finder_options {
	size_t max;
	bool no_inlines;
	bool externs;
	bool range;
	bool why;
	int (*visit)(struct finder *f, Dwarf_Die *scope, void *data);
	void *visitor;
	int (*fetch)(struct finder *f, Dwarf_Die *scope, struct probe_place *place, void *data);
	void *fetcher;
	void (*say)(const char *text, void *data);
	void *data;
};

/** probe_find() - append places.  Return: 0 (there may be none), -errno of which the user has been told. */
int probe_find(const struct debug_info *di, const struct perf_def *def, const struct finder_options *opts,
	       struct probe_places *places);
void probe_places_free(struct probe_places *places);

/** probe_say() - tell the user a line, or several */
void probe_say(const struct finder_options *opts, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** probe_strdup() - a copy of what may be NULL */
char *probe_strdup(const char *s);

/* --- of probe-finder.c and probe-var.c --- */

/**
 * struct finder - a search
 * @cu:		being searched
 * @file:	source file, as the unit has it; NULL: any
 * @line:	wanted
 * @addr:	of the place
 * @function:	that has the code there
 * @shared:	a line that has all places of the one wanted, as people would write it
 * @nr_found:	places
 * @frame:	its call frame at @addr, or NULL
 * @frame_base:	what DW_OP_fbreg counts from; into @frame, if there is one
 */
struct finder {
	const struct debug_info *di;
	const struct perf_def *def;
	const struct finder_options *opts;
	struct probe_places *places;
	Dwarf_Die cu;
	const char *file;
	int line;
	Dwarf_Addr addr;
	Dwarf_Die function;
	char shared[512];
	size_t nr_found;
	Dwarf_Frame *frame;
	Dwarf_Op *frame_base;
};

/** probe_name_place() - f->addr in words of the function that has the code.  Return: 0; -errno, said. */
int probe_name_place(struct finder *f, struct probe_place *place, Dwarf_Die *scope);
void probe_place_free(struct probe_place *place);
/** probe_add_arg() - find an argument in @scope; its value is NULL if it is nowhere.  Return: 0; -errno, said. */
int probe_add_arg(struct finder *f, Dwarf_Die *scope, const struct perf_arg *arg, struct probe_place *place);
/** probe_copy_arg() - an argument that the kernel understands by itself.  Return: 0, -ENOMEM; *ret may be freed then, too */
int probe_copy_arg(const struct perf_arg *arg, struct place_arg *ret);
/** probe_no_location() - tell the user that a variable is nowhere */
void probe_no_location(const struct finder *f, const char *name);
/** probe_has_location() - can the variable be fetched at f->addr? */
bool probe_has_location(struct finder *f, Dwarf_Die *var);

#endif /* PERF_UTIL_PROBE_FINDER_H */
