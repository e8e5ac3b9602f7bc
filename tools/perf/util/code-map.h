/* SPDX-License-Identifier: GPL-2.0 */
/*
 * code-map.h - what branches where in a whole file, and what that proves about a site.
 *
 * Purpose: a probe that replaces several bytes must know that nobody jumps into
 * them.  The map holds every byte of the text that control flow may reach other than by
 * falling into it from the instruction before: a superset, from everything in
 * the file that can name code.
 *
 *	function starts		symbols, unwind entries, entry point, init and fini
 *	direct branches		rel32 found by looking at every byte, rel8 near a site
 *	landing pads		of the exception tables
 *	addresses		that relocations, lea, immediates or words of data name
 *	jump tables		offsets in read-only data
 *	critical sections	that the program lists in __rseq_cs
 *
 * An indirect jump whose target is computed in a way that none of these
 * covers makes its function "solo": only single instructions are replaced in it.
 *
 * Addresses are virtual addresses as the file has them.  64-bit files only.
 *
 * Locks: none.  A map is used by the one thread that uses its struct upr_elf.
 */
#ifndef PERF_UTIL_CODE_MAP_H
#define PERF_UTIL_CODE_MAP_H

#include <upr-jump.h>

#include "symbol.h"

struct code_map;

/**
 * code_map_get() - the map of a file, made by the first call
 * @no_cache:	neither use nor leave a copy in the user's cache directory
 * The file owns it: upr_elf_close() frees it.
 * Return: NULL with @err: without memory, or the file is not 64-bit code.
 */
struct code_map *code_map_get(struct upr_elf *elf, bool no_cache, struct upr_error *err);

/**
 * code_map_put() - nobody will ask for a while: what is known goes to the cache, and the memory is given back
 * Facts that were had stay good.  code_map_get() makes it anew.
 */
void code_map_put(struct upr_elf *elf);

/**
 * code_map_facts() - all that is proven about the instruction at @addr
 * @addr:	a proven boundary (upr_resolve() sees to that)
 * ret->clear reaches to the end of the last instruction that a jump would cover, at most.
 * Where nothing is known it is 0 and ret->why says why.  ret->holes are good until the next question.
 */
void code_map_facts(struct code_map *map, u64 addr, struct upr_facts *ret);

/**
 * code_map_is_entry() - does a function begin at @func that is called as one
 * Every function symbol is; one that only an unwind entry tells of is, unless it is
 * reached by jumps alone, as the pieces are that compilers split off.
 */
bool code_map_is_entry(struct code_map *map, const struct upr_func *func);

#endif /* PERF_UTIL_CODE_MAP_H */
