/* SPDX-License-Identifier: GPL-2.0 */
/*
 * fetch-code.h - fetch programs in the making.
 *
 * Purpose: pieces of programs are made by themselves and put together; targets of jumps are counted from
 * the start of the piece.  Running out of memory is remembered, and asked for once at the end.
 *
 * Locks: none.
 */
#ifndef PERF_UTIL_FETCH_CODE_H
#define PERF_UTIL_FETCH_CODE_H

#include <utrace/fetch.h>

/* Why an argument has no value at a hit, beside what fetch programs find out themselves. */
enum fetch_none {
	FETCH_OPTIMIZED_OUT = UPR_FETCH_NO_VALUE,
	FETCH_TAIL_CALL,      /* another function returns it */
	FETCH_UNKNOWN_CALLER, /* it was passed by a caller that the debug information knows nothing of */
};

/** struct fetch_code - starts with all zeros; @failed: -errno, what has been added since may be missing */
struct fetch_code {
	struct upr_fetch_insn *v;
	u32 nr;
	u32 cap;
	int failed;
};

void fetch_code_free(struct fetch_code *code);
/** fetch_emit() - append an instruction.  Return: its index */
u32 fetch_emit(struct fetch_code *code, enum upr_fetch_op op, u8 arg, s64 imm);
/** fetch_emit_at() - the same of one that has a place in the record */
void fetch_emit_at(struct fetch_code *code, enum upr_fetch_op op, u8 arg, s64 imm, u32 at);
/** fetch_add() - the address or number on top of the stack plus @n */
void fetch_add(struct fetch_code *code, s64 n);
/** fetch_append() - append a piece, which stays what it is */
void fetch_append(struct fetch_code *code, const struct fetch_code *piece);
/** fetch_here() - the jump at index @jump leads to what will be appended next */
void fetch_here(struct fetch_code *code, u32 jump);

#endif /* PERF_UTIL_FETCH_CODE_H */
