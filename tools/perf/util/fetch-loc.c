// SPDX-License-Identifier: GPL-2.0
/*
 * fetch-loc.c - parts of objects to the stack, or to the record.
 *
 * Purpose: see fetch-loc.h.  Locks: none.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fetch-loc.h"

#define WORD 8u

void fetch_loc_free(struct fetch_loc *loc)
{
	size_t i;

	fetch_code_free(&loc->code);
	for (i = 0; i < loc->nr_pieces; i++)
		fetch_loc_free(&loc->pieces[i]);
	free(loc->pieces);
	*loc = (struct fetch_loc){.why = "optimized out"};
}

/* The piece that byte @off is in; *off becomes the offset in it. */
static const struct fetch_loc *piece_at(const struct fetch_loc *loc, size_t *off)
{
	size_t i;

	for (i = 0; i < loc->nr_pieces; i++) {
		if (*off < loc->pieces[i].span)
			return &loc->pieces[i];
		*off -= loc->pieces[i].span;
	}
	return NULL;
}

/* Damaged debug information has offsets and sizes whose sum is small again. */
static bool within(size_t off, size_t size, size_t all)
{
	return off <= all && size <= all - off;
}

bool fetch_has(const struct fetch_loc *loc, size_t off, size_t size)
{
	switch (loc->kind) {
	case FETCH_MEMORY:
		return true;
	case FETCH_VALUE:
		return within(off, size, WORD);
	case FETCH_VECTOR:
		return within(off, size, 2 * WORD);
	case FETCH_BYTES:
		return within(off, size, loc->size);
	case FETCH_PIECES:
		break;
	default:
		return false;
	}
	while (size) {
		size_t in = off, part;
		const struct fetch_loc *piece = piece_at(loc, &in);

		if (!piece)
			return false;
		part = piece->span - in < size ? piece->span - in : size;
		if (!fetch_has(piece, in, part))
			return false;
		off += part;
		size -= part;
	}
	return true;
}

static const char *why_not(const struct fetch_loc *loc)
{
	if (loc->kind == FETCH_NOWHERE)
		return loc->why;
	if (loc->kind == FETCH_POINTER)
		return "optimized out: the pointer itself is not there, only what it points to";
	return "optimized out in part";
}

/* One word of a vector register, known bytes or a value, from byte @off on: what is above is not cleared. */
static void push_word(const struct fetch_loc *loc, size_t off, size_t size, struct fetch_code *code)
{
	u64 word = 0;

	switch (loc->kind) {
	case FETCH_VALUE:
		fetch_append(code, &loc->code);
		break;
	case FETCH_VECTOR:
		fetch_emit(code, UPR_FETCH_VREG, (u8)loc->reg, off < WORD ? 0 : WORD);
		break;
	default:
		memcpy(&word, (loc->bytes ? loc->bytes : (const u8 *)&loc->constant) + off, size);
		fetch_emit(code, UPR_FETCH_PUSH, 0, (s64)word);
		return;
	}
	off %= WORD;
	if (off) {
		fetch_emit(code, UPR_FETCH_PUSH, 0, (s64)(8 * off));
		fetch_emit(code, UPR_FETCH_SHR, 0, 0);
	}
}

/* The largest size of an access that is not above @size. */
static unsigned int access_size(size_t size)
{
	unsigned int n = WORD;

	while (n > size)
		n /= 2;
	return n;
}

/* How many of @size bytes from @off on can be had in one access. */
static unsigned int in_one_word(const struct fetch_loc *loc, size_t off, size_t size)
{
	size_t most = loc->kind == FETCH_BYTES || loc->kind == FETCH_MEMORY ? WORD : WORD - off % WORD;

	return access_size(size < most ? size : most);
}

/* Bytes of several pieces, or of a word and the next, put together. */
static const char *push_parts(const struct fetch_loc *loc, s64 off, unsigned int size, struct fetch_code *code)
{
	unsigned int done = 0;
	const char *why = NULL;

	while (done < size && !why) {
		size_t in = (size_t)off + done, part = size - done;
		const struct fetch_loc *from = loc;

		if (loc->kind == FETCH_PIECES) {
			from = piece_at(loc, &in);
			if (!from)
				return "optimized out in part";
			if (from->span - in < part)
				part = from->span - in;
		}
		part = in_one_word(from, in, part);
		why = fetch_push(from, (s64)in, (unsigned int)part, code);
		if (done) {
			fetch_emit(code, UPR_FETCH_PUSH, 0, 8 * done);
			fetch_emit(code, UPR_FETCH_SHL, 0, 0);
			fetch_emit(code, UPR_FETCH_OR, 0, 0);
		}
		done += part;
	}
	return why;
}

const char *fetch_push(const struct fetch_loc *loc, s64 off, unsigned int size, struct fetch_code *code)
{
	/* no access has so many bytes */
	if (loc->kind == FETCH_MEMORY && access_size(size) != size)
		return push_parts(loc, off, size, code);
	if (loc->kind == FETCH_MEMORY) {
		fetch_append(code, &loc->code);
		fetch_add(code, off);
		fetch_emit(code, UPR_FETCH_LOAD, (u8)size, 0);
		return NULL;
	}
	if (off < 0 || !fetch_has(loc, (size_t)off, size))
		return why_not(loc);
	if (loc->kind == FETCH_PIECES || in_one_word(loc, (size_t)off, size) < size)
		return push_parts(loc, off, size, code);
	push_word(loc, (size_t)off, size, code);
	if (size < WORD)
		fetch_emit(code, UPR_FETCH_ZEXT, (u8)(8 * size), 0);
	return NULL;
}

static void store_words(const struct fetch_loc *loc, size_t off, size_t size, u32 at, struct fetch_code *code)
{
	while (size) {
		unsigned int part = in_one_word(loc, off, size);

		push_word(loc, off, part, code);
		fetch_emit_at(code, UPR_FETCH_STORE, (u8)part, 0, at);
		off += part;
		at += part;
		size -= part;
	}
}

static const char *store_pieces(const struct fetch_loc *loc, size_t off, size_t size, u32 at, struct fetch_code *code)
{
	const char *why = NULL;

	while (size && !why) {
		size_t in = off, part;
		const struct fetch_loc *piece = piece_at(loc, &in);

		if (!piece)
			return "optimized out in part";
		part = piece->span - in < size ? piece->span - in : size;
		why = fetch_store(piece, (s64)in, part, at, code);
		off += part;
		at += (u32)part;
		size -= part;
	}
	return why;
}

const char *fetch_store(const struct fetch_loc *loc, s64 off, size_t size, u32 at, struct fetch_code *code)
{
	if (loc->kind == FETCH_MEMORY) {
		fetch_append(code, &loc->code);
		fetch_add(code, off);
		fetch_emit_at(code, UPR_FETCH_BYTES, 0, (s64)size, at);
		return NULL;
	}
	if (off < 0 || !fetch_has(loc, (size_t)off, size))
		return why_not(loc);
	if (loc->kind == FETCH_PIECES)
		return store_pieces(loc, (size_t)off, size, at, code);
	store_words(loc, (size_t)off, size, at, code);
	return NULL;
}
