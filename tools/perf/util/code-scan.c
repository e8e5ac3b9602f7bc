// SPDX-License-Identifier: GPL-2.0
/*
 * code-scan.c - branches and addresses that the bytes of the text look like.
 *
 * Purpose: find every rel32 branch, every lea of an address and, where code holds
 * absolute addresses, every operand that is one, without decoding: each byte
 * position is looked at as if the opcode were there, so nothing is missed, whatever
 * the code overlaps with.  What is not really an instruction leads mostly nowhere; a
 * reference into the middle of another function is kept with its place and
 * looked into when somebody asks for a site there (really_referred()).
 *
 * Locks: none, see code-map.h.
 */
#include <emmintrin.h>
#include <errno.h>

#include "code-priv.h"

/* References to one address by instructions are remembered up to this many: then it is believed. */
#define MANY_REFS 16
#define RECENT	  4096

/**
 * struct scan - a segment being read
 * @func:	functions up to this one begin at or before the position
 * @near_lo, @near_hi: from the last function's or label's start to the next
 * @recent:	what was named lately, and how often
 */
struct scan {
	struct code_map *map;
	const struct code_seg *seg;
	size_t func;
	u32 near_lo, near_hi;
	struct {
		u32 to;
		u32 count;
	} recent[RECENT];
};

bool code_ref_add(struct code_refs *refs, u32 to, u32 from)
{
	if (!upr_grow(&refs->r, refs->nr, &refs->cap, sizeof(*refs->r)))
		return false;
	refs->r[refs->nr++] = (struct code_ref){.to = to, .from = from};
	return true;
}

/* The scan has come to @pos. */
static void set_near(struct scan *s, u32 pos)
{
	const struct code_map *map = s->map;

	if (pos < s->near_hi)
		return;
	while (s->func < map->nr_funcs && map->funcs[s->func].start <= pos)
		s->func++;
	s->near_lo = s->func ? map->funcs[s->func - 1].start : 0;
	s->near_hi = s->func < map->nr_funcs ? map->funcs[s->func].start : map->size;
}

static inline u32 target_pos(const struct scan *s, u64 addr)
{
	if (addr - s->seg->addr < s->seg->size)
		return addr - s->seg->addr + s->seg->pos;
	return s->map->nr_segs == 1 ? CODE_NOWHERE : code_pos(s->map, addr);
}

/* A branch with its opcode at @from. */
static bool branch_to(struct scan *s, u32 from, u64 addr, bool call)
{
	struct code_map *map = s->map;
	u32 to = target_pos(s, addr);

	if (to == CODE_NOWHERE || code_bit(map->bits[CODE_BRANCH], to))
		return true;
	if (code_bit(map->bits[CODE_FUNC], to)) {
		code_put(map, call ? CODE_CALLED : CODE_JUMPED, to);
		return true;
	}
	set_near(s, from);
	/* that two accidents lead to one place is no accident */
	if (to - s->near_lo < s->near_hi - s->near_lo || code_bit(map->bits[CODE_FAR_BRANCH], to) ||
	    code_in_plt(map, to)) {
		code_mark(map, CODE_BRANCH, to);
		return true;
	}
	code_mark(map, CODE_FAR_BRANCH, to);
	return code_ref_add(&map->branches, to, from);
}

/* An instruction takes an address; its opcode (@kind is CODE_FAR_LEA) or the operand is at @from. */
static bool name(struct scan *s, enum code_kind kind, u32 from, u32 to)
{
	struct code_map *map = s->map;
	struct code_refs *refs = kind == CODE_FAR_LEA ? &map->leas : &map->operands;
	u32 slot = (to ^ to >> 12) % RECENT;

	if (code_bit(map->bits[CODE_FUNC], to)) {
		code_mark(map, CODE_NAMED, to);
		return true;
	}
	/* however often it is named: each of these may be what a jump's target is computed from */
	set_near(s, from);
	if (to - s->near_lo < s->near_hi - s->near_lo && !code_ref_add(&map->inner, to, from))
		return false;
	if (code_bit(map->bits[CODE_NAMED], to))
		return true;
	if (s->recent[slot].to != to) {
		s->recent[slot].to = to;
		s->recent[slot].count = 0;
	}
	if (s->recent[slot].count++ == MANY_REFS) {
		code_mark(map, CODE_NAMED, to);
		return true;
	}
	code_mark(map, kind, to);
	return code_ref_add(refs, to, from);
}

static bool lea(struct scan *s, u32 from, u64 addr)
{
	u32 to = target_pos(s, addr);

	if (code_table_candidate(s->map, from, addr))
		return false;
	return to == CODE_NOWHERE || name(s, CODE_FAR_LEA, from, to);
}

/* The signature before an abort handler, as the operand of ud1: nothing near it is for jumps. */
static bool rseq_signature(const u8 *p)
{
	return p[1] == 0xb9 && p[2] == 0x3d && code_s32(p + 3) == 0x53053053;
}

static bool indirect_jump(struct code_map *map, u32 pos)
{
	if (!upr_grow(&map->ind, map->nr_ind, &map->cap_ind, sizeof(*map->ind)))
		return false;
	map->ind[map->nr_ind++] = pos;
	return true;
}

/* @off is the place of a byte that can begin a branch or a lea. */
static bool look_at(struct scan *s, u32 off)
{
	const struct code_seg *seg = s->seg;
	const u8 *p = seg->bytes + off;
	u32 left = seg->size - off, pos = seg->pos + off;
	u64 addr = seg->addr + off;

	switch (p[0]) {
	case 0xe8:
	case 0xe9:
		return left < 5 || branch_to(s, pos, addr + 5 + (s64)code_s32(p + 1), p[0] == 0xe8);
	case 0x0f:
		if (left > 7 && rseq_signature(p))
			return code_ref_add(&s->map->aborts, pos + 7, pos);
		return left < 6 || (p[1] & 0xf0) != 0x80 || branch_to(s, pos, addr + 6 + (s64)code_s32(p + 2), false);
	case 0xc7:
		/* xbegin */
		return left < 6 || p[1] != 0xf8 || branch_to(s, pos, addr + 6 + (s64)code_s32(p + 2), false);
	case 0x8d:
		return left < 6 || (p[1] & 0xc7) != 5 || lea(s, pos, addr + 6 + (s64)code_s32(p + 2));
	case 0xff:
		return left < 2 || (p[1] & 0xf8) != 0xe0 || indirect_jump(s->map, pos);
	default:
		return true;
	}
}

/* Which of 16 bytes look_at() would do something with. */
static inline unsigned int interesting(const u8 *p)
{
	__m128i a = _mm_loadu_si128((const __m128i *)p), b = _mm_loadu_si128((const __m128i *)(p + 1));
	__m128i hi = _mm_and_si128(b, _mm_set1_epi8((char)0xf0));
	__m128i jcc = _mm_and_si128(_mm_cmpeq_epi8(a, _mm_set1_epi8(0x0f)),
				    _mm_or_si128(_mm_cmpeq_epi8(hi, _mm_set1_epi8((char)0x80)),
						 _mm_cmpeq_epi8(b, _mm_set1_epi8((char)0xb9))));
	__m128i rel = _mm_or_si128(_mm_cmpeq_epi8(a, _mm_set1_epi8((char)0xe8)),
				   _mm_cmpeq_epi8(a, _mm_set1_epi8((char)0xe9)));
	__m128i lea = _mm_and_si128(_mm_cmpeq_epi8(a, _mm_set1_epi8((char)0x8d)),
				    _mm_cmpeq_epi8(_mm_and_si128(b, _mm_set1_epi8((char)0xc7)), _mm_set1_epi8(0x05)));
	__m128i ind = _mm_and_si128(_mm_cmpeq_epi8(a, _mm_set1_epi8((char)0xff)),
				    _mm_cmpeq_epi8(_mm_and_si128(b, _mm_set1_epi8((char)0xf8)),
						   _mm_set1_epi8((char)0xe0)));
	__m128i xbegin = _mm_and_si128(_mm_cmpeq_epi8(a, _mm_set1_epi8((char)0xc7)),
				       _mm_cmpeq_epi8(b, _mm_set1_epi8((char)0xf8)));

	return _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(_mm_or_si128(jcc, rel), _mm_or_si128(lea, ind)), xbegin));
}

static bool scan_branches(struct scan *s)
{
	const struct code_seg *seg = s->seg;
	u32 off = 0;

	for (; seg->size - off > 16; off += 16) {
		unsigned int mask = interesting(seg->bytes + off);

		for (; mask; mask &= mask - 1) {
			if (!look_at(s, off + __builtin_ctz(mask)))
				return false;
		}
	}
	for (; off < seg->size; off++) {
		if (!look_at(s, off))
			return false;
	}
	return true;
}

/* Which of the four numbers at @p lie in [lo, lo + span)?  A bit for each of their bytes. */
static inline unsigned int within(const u8 *p, u32 lo, u32 span)
{
	__m128i v = _mm_sub_epi32(_mm_loadu_si128((const __m128i *)p), _mm_set1_epi32(lo));

	/* there is no unsigned comparison */
	v = _mm_xor_si128(v, _mm_set1_epi32((int)0x80000000));
	return _mm_movemask_epi8(_mm_cmplt_epi32(v, _mm_set1_epi32((int)(span ^ 0x80000000))));
}

static bool operand(struct scan *s, u32 off)
{
	u32 value = code_s32(s->seg->bytes + off), to;

	to = code_pos(s->map, s->map->lo + (u32)(value - (u32)s->map->lo));
	return to == CODE_NOWHERE || name(s, CODE_FAR_OPERAND, s->seg->pos + off, to);
}

/* Any four bytes in a row that are an address in the text. */
static bool scan_operands(struct scan *s)
{
	const struct code_seg *seg = s->seg;
	u32 lo = s->map->lo, span = s->map->hi - s->map->lo, off = 0, i;

	for (; seg->size - off >= 32; off += 16) {
		unsigned int mask = 0;

		for (i = 0; i < 4; i++)
			mask |= (within(seg->bytes + off + i, lo, span) & 0x1111) << i;
		for (; mask; mask &= mask - 1) {
			if (!operand(s, off + __builtin_ctz(mask)))
				return false;
		}
	}
	for (; seg->size - off >= 4; off++) {
		if ((u32)code_s32(seg->bytes + off) - lo < span && !operand(s, off))
			return false;
	}
	return true;
}

static int by_from(const void *a, const void *b)
{
	const struct code_ref *x = a, *y = b;

	return x->from < y->from ? -1 : x->from > y->from;
}

int code_scan_text(struct code_map *map)
{
	struct scan *s = calloc(1, sizeof(*s));
	bool memory = s != NULL;
	size_t i, pass;

	for (pass = 0; memory && pass < (map->absolute ? 2 : 1); pass++) {
		for (i = 0; memory && i < map->nr_segs; i++) {
			s->map = map;
			s->seg = &map->segs[i];
			s->func = s->near_lo = s->near_hi = 0;
			memory = pass ? scan_operands(s) : scan_branches(s);
		}
	}
	free(s);
	if (map->inner.nr)
		qsort(map->inner.r, map->inner.nr, sizeof(*map->inner.r), by_from);
	return memory ? 0 : -ENOMEM;
}
