/* SPDX-License-Identifier: GPL-2.0 */
/*
 * code-exits.h - where a function is left for its caller.
 *
 * Purpose: a function returns at each `ret', and it ends in another one at each jump out of it (a tail
 * call): each call is left at exactly one of them, unless it is left by an exception, by longjmp, or not at all.
 * Pieces that the compiler has split off belong to it.
 *
 * Locks: none.
 */
#ifndef PERF_UTIL_CODE_EXITS_H
#define PERF_UTIL_CODE_EXITS_H

#include "symbol.h"

/** struct code_exit - @tail: a jump to another function, which returns in its stead */
struct code_exit {
	u64 addr;
	bool tail;
};

struct code_exits {
	struct code_exit *v;
	size_t nr;
	size_t cap;
};

/**
 * code_find_exits() - all of them, by address
 * Return: 0 (there may be none); -EOPNOTSUPP with @err: it cannot be proven which they are; -errno with @err.
 * Free ret->v.
 */
int code_find_exits(struct upr_elf *elf, const struct upr_func *func, struct code_exits *ret, struct upr_error *err);

#endif /* PERF_UTIL_CODE_EXITS_H */
