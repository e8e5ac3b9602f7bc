/* SPDX-License-Identifier: GPL-2.0 */
/*
 * arena.h - many small things that go together.
 *
 * Purpose: tens of thousands of events with their names and places are made one by one and freed all
 * at once; each by itself would cost more to allocate and to free than to use.
 *
 * Locks: none; one thread at a time.
 */
#ifndef PERF_UTIL_ARENA_H
#define PERF_UTIL_ARENA_H

#include <stddef.h>

struct arena_chunk;

/** struct arena - start with all zeros */
struct arena {
	struct arena_chunk *chunks;
};

/** arena_alloc() - @size bytes, zeroed, aligned for anything; NULL without memory */
void *arena_alloc(struct arena *arena, size_t size);

/** arena_strndup(), arena_strdup() - a copy; NULL without memory */
char *arena_strndup(struct arena *arena, const char *s, size_t len);
char *arena_strdup(struct arena *arena, const char *s);

/** arena_free() - all that was allocated; it can be used again */
void arena_free(struct arena *arena);

#endif /* PERF_UTIL_ARENA_H */
