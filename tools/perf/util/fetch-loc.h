/* SPDX-License-Identifier: GPL-2.0 */
/*
 * fetch-loc.h - where an object of the program is, as code that fetches it.
 *
 * Purpose: DWARF says where a variable is by an expression; what it comes to (memory, a
 * register, a computed value, known bytes, several pieces of these) is one struct fetch_loc,
 * of which any part can be put on the stack of a fetch program or stored in the record.
 *
 * Registers are those of a frame: that of the hit, or, for what a caller has passed, the frames
 * around it as the unwind tables have them.
 *
 * Locks: none.
 */
#ifndef PERF_UTIL_FETCH_LOC_H
#define PERF_UTIL_FETCH_LOC_H

#include "debug-info.h"
#include "fetch-code.h"

enum fetch_loc_kind {
	FETCH_NOWHERE,	/* no value: @why */
	FETCH_MEMORY,	/* @code leaves its address */
	FETCH_VALUE,	/* @code leaves it: a register, or computed; 8 bytes */
	FETCH_VECTOR,	/* vector register @reg, 16 bytes */
	FETCH_BYTES,	/* @size known @bytes of the debug information; NULL: of @constant */
	FETCH_POINTER,	/* a pointer that is not there, to @offset bytes into the object @target */
	FETCH_PIECES,	/* @nr_pieces, one behind the other */
};

/**
 * struct fetch_loc - see above
 * @size:	of @bytes, or of @constant
 * @span:	of a piece: bytes of the object that it stands for, which need not be as many as it has
 * @why:	constant text: "optimized out", ...
 * @none:	how a hit says so: enum fetch_none; 0: optimized out
 */
struct fetch_loc {
	enum fetch_loc_kind kind;
	struct fetch_code code;
	unsigned int reg;
	const u8 *bytes;
	size_t size;
	size_t span;
	u64 constant;
	Dwarf_Die target;
	s64 offset;
	struct fetch_loc *pieces;
	size_t nr_pieces;
	const char *why;
	u8 none;
};

void fetch_loc_free(struct fetch_loc *loc);

/**
 * struct fetch_frame - a function's frame at a place
 * @pc:		in it; of a caller: behind its call
 * @function:	the one that has the code at @pc, if @has_function
 * @callee:	NULL: the frame of the hit itself
 * @calls:	lists of calls that have been looked for: fetch_calls_free()
 * @nested:	descriptions of frames by themselves, so far
 * @depth:	callers between; @width: of how many callers this is one
 */
struct fetch_frame {
	const struct debug_info *info;
	Dwarf_Addr pc;
	Dwarf_Die cu;
	Dwarf_Die function;
	bool has_function;
	const struct fetch_frame *callee;
	struct fetch_calls **calls;
	unsigned int nested;
	unsigned int depth;
	size_t width;
};

/* Nobody means more: then it is described by itself. */
#define FETCH_NESTED_MAX 8

/** fetch_frame_within() - the same frame, for an expression that is part of its own description */
static inline struct fetch_frame fetch_frame_within(const struct fetch_frame *frame)
{
	struct fetch_frame within = *frame;

	within.nested++;
	return within;
}

struct fetch_calls;

void fetch_calls_free(struct fetch_calls *list);

/** fetch_locate_ops() - by a DWARF expression.  Return: 0; -ENOMEM.  What it cannot say is FETCH_NOWHERE with its reason. */
int fetch_locate_ops(const struct fetch_frame *frame, const Dwarf_Op *ops, size_t nr, Dwarf_Attribute *attr,
		     struct fetch_loc *ret);
/** fetch_locate() - a variable or parameter by its entry.  Return: as above */
int fetch_locate(const struct fetch_frame *frame, Dwarf_Die *var, struct fetch_loc *ret);

/** fetch_push_cfa() - the frame's canonical address.  Return: NULL, or why there is none */
const char *fetch_push_cfa(const struct fetch_frame *frame, struct fetch_code *code);
/** fetch_push_register() - a register by its DWARF number as it is in a frame.  Return: NULL, or why not */
const char *fetch_push_register(const struct fetch_frame *frame, unsigned int nr, struct fetch_code *code);
/** fetch_push_entry_value() - what a register held when the frame's function was entered.  Return: NULL, or why not */
const char *fetch_push_entry_value(const struct fetch_frame *frame, unsigned int nr, struct fetch_code *code);
/** fetch_push_passed() - what a caller has passed for the parameter @param, which the function has no register for */
const char *fetch_push_passed(const struct fetch_frame *frame, const Dwarf_Die *param, struct fetch_code *code);
/** fetch_push_tls() - from an offset in the file's thread-local storage to the address.  Return: NULL, or why not */
const char *fetch_push_tls(const struct debug_info *info, struct fetch_code *code);
/** fetch_tls_offset() - of an offset by index: gcc 12 has the address in the initial image instead (split DWARF) */
u64 fetch_tls_offset(const struct debug_info *info, u64 number);

/** fetch_has() - are bytes [off, off + size) of it somewhere? */
bool fetch_has(const struct fetch_loc *loc, size_t off, size_t size);
/** fetch_push() - @size bytes (1 to 8) from @off on, zero-extended.  Return: NULL, or why not */
const char *fetch_push(const struct fetch_loc *loc, s64 off, unsigned int size, struct fetch_code *code);
/** fetch_store() - @size bytes from @off on to place @at of the record.  Return: NULL, or why not */
const char *fetch_store(const struct fetch_loc *loc, s64 off, size_t size, u32 at, struct fetch_code *code);

#endif /* PERF_UTIL_FETCH_LOC_H */
