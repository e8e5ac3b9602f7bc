// SPDX-License-Identifier: GPL-2.0
/*
 * arena.c - see arena.h.
 *
 * Purpose: as there.  Chunks double in size: a few things cost little, many few calls.
 * Locks: none.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"

#define CHUNK_MIN ((size_t)4 << 10)
#define CHUNK_MAX ((size_t)2 << 20)
#define ALIGNMENT _Alignof(max_align_t)

struct arena_chunk {
	struct arena_chunk *next;
	size_t used;
	size_t size;
	_Alignas(max_align_t) char data[];
};

/* Room for @len bytes from a multiple of @align on. */
static void *take(struct arena *arena, size_t len, size_t align)
{
	struct arena_chunk *c = arena->chunks;
	size_t at = c ? (c->used + align - 1) & ~(align - 1) : 0, size;

	if (!c || at > c->size || c->size - at < len) {
		if (len > SIZE_MAX / 2)
			return NULL;
		size = c ? 2 * (sizeof(*c) + c->size) : CHUNK_MIN;
		size = size > CHUNK_MAX ? CHUNK_MAX : size;
		size = size < sizeof(*c) + len ? sizeof(*c) + len : size;
		c = malloc(size);
		if (!c)
			return NULL;
		c->size = size - sizeof(*c);
		c->used = 0;
		c->next = arena->chunks;
		arena->chunks = c;
		at = 0;
	}
	c->used = at + len;
	return c->data + at;
}

/* Cleared when it is used: whole chunks would have left the CPU's caches by then. */
void *arena_alloc(struct arena *arena, size_t size)
{
	void *ret = take(arena, size, ALIGNMENT);

	return ret ? memset(ret, 0, size) : NULL;
}

char *arena_strndup(struct arena *arena, const char *s, size_t len)
{
	char *ret = take(arena, len + 1, 1);

	if (!ret)
		return NULL;
	ret[len] = '\0';
	return memcpy(ret, s, len);
}

char *arena_strdup(struct arena *arena, const char *s)
{
	return arena_strndup(arena, s, strlen(s));
}

void arena_free(struct arena *arena)
{
	struct arena_chunk *next, *c;

	for (c = arena->chunks; c; c = next) {
		next = c->next;
		free(c);
	}
	arena->chunks = NULL;
}
