/* SPDX-License-Identifier: GPL-2.0 */
/*
 * stacks.h - what the two ways to look for addresses share: threads' stacks, and all memory.
 *
 * Purpose: private to stacks.c and stacks-all.c.  Locks: none.
 */
#ifndef HOST_USER_STACKS_H
#define HOST_USER_STACKS_H

#include "host.h"

/**
 * struct stack_map - a mapping of the program
 * @is_stack:	that of the first thread
 * @is_writable: contexts may lie in it
 */
struct stack_map {
	u64 start, end;
	bool is_stack;
	bool is_writable;
};

/**
 * struct stack_search - what is looked for, and where
 * @ranges, @nr: by address; @lo, @hi: around them all
 * @maps, @nr_maps: in their order
 */
struct stack_search {
	struct host_mm *mm;
	struct upr_text_range *ranges;
	unsigned int nr;
	u64 lo, hi;
	struct stack_map *maps;
	unsigned int nr_maps, room;
};

/* a word between @lo and @hi */
void stack_word_found(struct stack_search *s, u64 w);

static inline void stack_word(struct stack_search *s, u64 w)
{
	if (w - s->lo < s->hi - s->lo)
		stack_word_found(s, w);
}

int stack_read(const struct host_task *t, u64 at, void *buf, size_t len);

/* all that the program can write to.  0; -ENOTSUPP: too much, or it cannot be read */
int stacks_scan_all(struct stack_search *s);

#endif /* HOST_USER_STACKS_H */
