/* SPDX-License-Identifier: GPL-2.0 */
/*
 * debug-info.h - the DWARF of a file, and what is asked of its entries again and again.
 *
 * Purpose: libdw, with the questions in the words of probes: functions and where they were
 * inlined, lines that are statements, types without their qualifiers.  Debug information may be in
 * the file, in a separate one (build-id, debuglink) or come from debuginfod where
 * that is configured: elfutils sees to it.
 *
 * Addresses are virtual addresses as the file has them.
 *
 * Locks: none.
 */
#ifndef PERF_UTIL_DEBUG_INFO_H
#define PERF_UTIL_DEBUG_INFO_H

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <stdbool.h>

struct debug_units;
struct debug_cus;
struct debug_far;

/**
 * struct debug_info - see above
 * @dwarf:	owned by @dwfl, as all that is reached through it; NULL: there is none
 * @cfi_eh, @cfi_dbg: unwind tables, NULL: none
 * @units:	the units of @dwarf, NULL: libdw alone can read them
 * @known:	what has been found out about some of them
 * @far:	code that was inlined into other units, if libdw had to look for it
 * @lacks:	a file that has part of the debug information and cannot be read, if one is known; *@lacks is NULL at first
 */
struct debug_info {
	Dwfl *dwfl;
	Dwfl_Module *mod;
	Dwarf *dwarf;
	Dwarf_CFI *cfi_eh;
	Dwarf_CFI *cfi_dbg;
	struct debug_units *units;
	struct debug_cus *known;
	struct debug_far *far;
	char **lacks;
};

/** debug_info_open() - Return: 0; -ENOEXEC: no such ELF file; -ENOMEM.  debug_info_close() in the first case. */
int debug_info_open(struct debug_info *di, const char *path);
void debug_info_close(struct debug_info *di);

/**
 * debug_info_next_cu() - the next unit; *off is 0 at first; of a skeleton (split DWARF) what it stands for
 * Return: false when there is none.
 */
bool debug_info_next_cu(const struct debug_info *di, Dwarf_Off *off, Dwarf_Die *cu);

/** debug_info_unit() - the same, by the offset of its first entry */
bool debug_info_unit(const struct debug_info *di, Dwarf_Off off, Dwarf_Die *cu);
/**
 * debug_info_lacks() - a part of the debug information that was not found, and what to do about it, in words
 * Return: NULL: none that is known; a unit's is known when the unit has been asked for.
 */
const char *debug_info_lacks(const struct debug_info *di);

/** debug_info_cu_at() - the unit whose code @addr is in.  Return: false: nobody says that there is one. */
bool debug_info_cu_at(const struct debug_info *di, Dwarf_Addr addr, Dwarf_Die *cu);

/** debug_info_frame() - what unwind tables say of registers at @pc; free() it.  Return: NULL: nothing */
Dwarf_Frame *debug_info_frame(const struct debug_info *di, Dwarf_Addr pc);

/* --- entries: all of them take abstract and specified entries into account --- */

/** die_is() - are both the same entry?  Their offsets count in their own file only. */
static inline bool die_is(const Dwarf_Die *a, const Dwarf_Die *b)
{
	return a->addr == b->addr;
}

/** die_beside() - the entry at @off of the file that @die is in.  Return: @mem, or NULL. */
Dwarf_Die *die_beside(const Dwarf_Die *die, Dwarf_Off off, Dwarf_Die *mem);

/** die_entry() - where a function, or an inlined instance, begins.  Return: 0 or -ENOENT. */
int die_entry(Dwarf_Die *die, Dwarf_Addr *ret);
/** die_decl_file(), die_call_file() - NULL: not said */
const char *die_decl_file(Dwarf_Die *die);
const char *die_call_file(Dwarf_Die *die);
/** die_decl_line(), die_call_line() - 0: not said */
int die_decl_line(Dwarf_Die *die);
int die_call_line(Dwarf_Die *die);
/** die_is_function() - does it define a function; die_is_instance(): with code of its own */
bool die_is_function(Dwarf_Die *die);
bool die_is_instance(Dwarf_Die *die);
/** die_has_name() - is it called so?  @name may be a glob; mangled names count as well. */
bool die_has_name(Dwarf_Die *die, const char *name);
/** die_is_signed() - of a base type */
bool die_is_signed(Dwarf_Die *type);

/* Types that lead to types, entries in entries: more than anybody writes; damaged ones lead back to themselves. */
#define DIE_CHAIN_MAX 256
/* Members that are looked at for one of them: damaged structures have each other, in more ways than can be counted. */
#define DIE_MEMBERS_MAX 65536

/** die_type() - the type of @die, from its type unit if it has one, NULL: void; die_real_type(): without qualifiers and typedefs */
Dwarf_Die *die_type(Dwarf_Die *die, Dwarf_Die *mem);
Dwarf_Die *die_real_type(Dwarf_Die *die, Dwarf_Die *mem);

/**
 * enum die_walk - what a visitor wants next
 */
enum die_walk {
	DIE_END,      /* this is it */
	DIE_CHILDREN, /* not this one, but perhaps one in it */
	DIE_SIBLING,  /* neither */
	DIE_CONTINUE, /* children, then siblings */
};

/** die_find() - below @parent, depth first.  Return: @mem, or NULL. */
Dwarf_Die *die_find(Dwarf_Die *parent, enum die_walk (*visit)(Dwarf_Die *die, void *data), void *data, Dwarf_Die *mem);

/** cu_function_at() - as die_function_at(), quickly when asked again; cu_variable(): a variable of the unit itself */
Dwarf_Die *cu_function_at(const struct debug_info *di, Dwarf_Die *cu, Dwarf_Addr addr, Dwarf_Die *mem);
Dwarf_Die *cu_variable(const struct debug_info *di, Dwarf_Die *cu, const char *name, Dwarf_Die *mem);
/** die_function_at() - the function of @cu whose code @addr is in; die_inlined_at(): the innermost inlined into @die */
Dwarf_Die *die_function_at(Dwarf_Die *cu, Dwarf_Addr addr, Dwarf_Die *mem);
Dwarf_Die *die_inlined_at(Dwarf_Die *die, Dwarf_Addr addr, Dwarf_Die *mem);
/** die_outer_inlined_at() - the outermost */
Dwarf_Die *die_outer_inlined_at(Dwarf_Die *die, Dwarf_Addr addr, Dwarf_Die *mem);
/** die_variable_at() - variable or parameter of a name seen at @addr (0: anywhere) in @die */
Dwarf_Die *die_variable_at(Dwarf_Die *die, const char *name, Dwarf_Addr addr, Dwarf_Die *mem);
/** die_member() - of a structure or union; unnamed ones are returned if it is in them */
Dwarf_Die *die_member(Dwarf_Die *type, const char *name, Dwarf_Die *mem);

/**
 * cu_each_instance() - inlined instances of an abstract function in its unit, and behind them those in other units
 * Return: the first result of @fn that is not 0, or 0.
 */
int cu_each_instance(const struct debug_info *di, Dwarf_Die *function, int (*fn)(Dwarf_Die *instance, void *data),
		     void *data);

typedef int (*die_line_fn)(const char *file, int line, Dwarf_Addr addr, void *data);

/**
 * die_each_line() - statements in a unit, or in a function without what is inlined into it, and the lines
 *	where functions are declared and inlined
 * Return: the first result of @fn that is not 0, or 0.
 */
int die_each_line(Dwarf_Die *die, die_line_fn fn, void *data);

/** cu_line_at() - file and line that @addr stands for.  Return: false if it is in the middle of something. */
bool cu_line_at(const struct debug_info *di, Dwarf_Die *cu, Dwarf_Addr addr, const char **file, int *line);

/** cu_is_optimized() - compiled with optimisation, as far as it says */
bool cu_is_optimized(Dwarf_Die *cu);
/** cu_skip_prologue() - *@addr, a function's entry, becomes the address where its parameters are in place */
void cu_skip_prologue(const struct debug_info *di, Dwarf_Die *cu, Dwarf_Addr *addr);
/** cu_file() - the source file of @cu whose path ends like @tail, NULL: none */
const char *cu_file(Dwarf_Die *cu, const char *tail);

/** path_ends_like() - is the shorter one of two paths the end of the other? */
bool path_ends_like(const char *a, const char *b);
/** is_glob() - does it hold wildcards? */
bool is_glob(const char *s);

#endif /* PERF_UTIL_DEBUG_INFO_H */
