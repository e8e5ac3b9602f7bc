// SPDX-License-Identifier: GPL-2.0
/*
 * code-facts.c - what the code map proves about a site.
 *
 * Purpose: look at a site from all sides: what the map holds of the bytes that a jump
 * would cover, what is decoded from the site on, and which rel8 branches near it may lead
 * into them (they reach no further than 129 bytes; a byte that looks like one is none
 * when it is proven to be inside of an instruction).
 *
 * Locks: none, see code-map.h.
 */
#include <emmintrin.h>

#include "code-priv.h"

#define PAGE_BYTES 4096u

/* What ends the bytes that are clear; kept in caches by number. */
enum {
	WHY_NOT,
	WHY_NO_CODE,
	WHY_RSEQ,
	WHY_MIDDLE,
	WHY_FUNCTION,
	WHY_PAD,
	WHY_TABLE,
	WHY_RSEQ_AHEAD,
	WHY_DATA,
	WHY_BRANCH,
	WHY_TAKEN,
	WHY_NO_INSN,
	WHY_UNPROVEN,
	WHY_RETURN,
	WHY_MEMORY,
	NR_WHYS,
};

static const char *const whys[NR_WHYS] = {
	[WHY_NO_CODE] = "the file has no code there",
	[WHY_RSEQ] = "inside a restartable critical section",
	[WHY_MIDDLE] = "a branch may lead into the middle of the instruction",
	[WHY_FUNCTION] = "a function begins in the next bytes",
	[WHY_PAD] = "an exception handler begins in the next bytes",
	[WHY_TABLE] = "a jump table leads into the next bytes",
	[WHY_RSEQ_AHEAD] = "a restartable critical section begins in the next bytes",
	[WHY_DATA] = "data holds an address in the next bytes",
	[WHY_BRANCH] = "a branch leads into the next bytes",
	[WHY_TAKEN] = "the program takes an address in the next bytes",
	[WHY_NO_INSN] = "the next bytes are no instruction",
	[WHY_UNPROVEN] = "the next bytes are not proven to be instructions",
	[WHY_RETURN] = "a call returns into the next bytes",
	[WHY_MEMORY] = "out of memory",
};

/**
 * struct look - a site being looked at
 * @func:	the innermost function around it, or -1
 * @first:	length of its instruction
 * @wanted:	bytes that a jump covers, and those of the last instruction that it covers in part
 * @limit:	bytes from the site on that nothing is known to enter, of those
 */
struct look {
	struct code_map *map;
	const struct code_seg *seg;
	u32 pos;
	ssize_t func;
	u32 first;
	u32 wanted;
	u32 limit;
	u8 why;
};

static void cut(struct look *l, u32 limit, u8 why)
{
	if (limit < l->limit) {
		l->limit = limit;
		l->why = why;
	}
}

/* The 64 bits from @pos on. */
static u64 bits_from(const u64 *bits, u32 pos)
{
	const u64 *w = bits + pos / 64;

	return pos % 64 ? w[0] >> (pos % 64) | w[1] << (64 - pos % 64) : w[0];
}

/* Why control flow may arrive at @pos, one of whose CODE_OTHER kinds is set; WHY_NOT: it only looked so. */
static u8 other_reason(struct code_map *map, u32 pos)
{
	if (code_bit(map->bits[CODE_FUNC], pos))
		return WHY_FUNCTION;
	if (code_bit(map->bits[CODE_PAD], pos))
		return WHY_PAD;
	if (code_bit(map->bits[CODE_TABLE], pos))
		return WHY_TABLE;
	if (code_bit(map->bits[CODE_RSEQ], pos))
		return WHY_RSEQ_AHEAD;
	if (code_is_pointed_to(map, pos))
		return WHY_DATA;
	if (code_is_far_branched(map, pos))
		return WHY_BRANCH;
	if (code_is_taken(map, pos))
		return WHY_TAKEN;
	return WHY_NOT;
}

bool code_is_entered(struct code_map *map, u32 pos)
{
	return other_reason(map, pos) != WHY_NOT;
}

/* What the map holds. */
static void look_at_map(struct look *l)
{
	struct code_map *map = l->map;
	u64 branch = bits_from(map->bits[CODE_BRANCH], l->pos) >> 1;
	u64 other = bits_from(map->bits[CODE_OTHER], l->pos) >> 1;

	if (branch) {
		u32 off = __builtin_ctzll(branch) + 1;

		cut(l, off, code_is_forbidden(map, l->pos + off) ? WHY_RSEQ_AHEAD : WHY_BRANCH);
	}
	for (; other; other &= other - 1) {
		u32 off = __builtin_ctzll(other) + 1;
		u8 why;

		if (off >= l->limit)
			break;
		why = other_reason(map, l->pos + off);
		if (why)
			cut(l, off, why);
	}
}

const struct upr_boundaries *code_doubtful_bounds(struct code_map *map, size_t func)
{
	if (map->doubtful_func != func) {
		upr_boundaries_free(&map->doubtful);
		map->doubtful_func = func;
		/* without memory nothing is proven */
		if (upr_func_boundaries(map->elf, &map->src[func], &map->doubtful, NULL))
			map->doubtful = (struct upr_boundaries){0};
	}
	return &map->doubtful;
}

/* Behind a jump there may be data, and in a function that has some among its code nothing else is proven. */
static bool is_proven(struct look *l, u32 off, u32 end)
{
	const struct code_func *f;
	const struct upr_boundaries *b;
	u32 at;

	if (l->func < 0)
		return false;
	f = &l->map->funcs[l->func];
	if (l->pos + off >= f->end || code_func_read(l->map, l->func) == CODE_LINEAR)
		return true;
	b = code_doubtful_bounds(l->map, l->func);
	at = l->pos + off - f->start;
	if (at >= b->size || b->state[at] != UPR_PROOF_FLOW)
		return false;
	for (end = min(l->pos + end - f->start, (u32)b->size), at++; at < end; at++) {
		if (b->state[at] == UPR_PROOF_UNKNOWN)
			return false;
	}
	return true;
}

/* Falling through from the site: where calls return to, and where it ends. */
static void look_ahead(struct look *l)
{
	const u8 *code = l->seg->bytes + (l->pos - l->seg->pos);
	u32 left = l->seg->size - (l->pos - l->seg->pos), off = 0;
	struct upr_insn insn;
	bool jumped = false;

	while (off < l->limit && off < UPR_JUMP_SIZE) {
		if (upr_insn_decode(&insn, code + off, left - off, UPR_INSN_64)) {
			cut(l, off, WHY_NO_INSN);
			return;
		}
		if (jumped && !is_proven(l, off, off + insn.length)) {
			cut(l, off, WHY_UNPROVEN);
			return;
		}
		if (!off)
			l->first = insn.length;
		off += insn.length;
		l->wanted = off;
		if (off < UPR_JUMP_SIZE && (insn.branch == UPR_BR_CALL || insn.branch == UPR_BR_CALL_IND))
			cut(l, off, WHY_RETURN);
		/* also calls: the callee may take their place for the address of a constant */
		if (insn.branch != UPR_BR_NONE && insn.branch != UPR_BR_JCC && insn.branch != UPR_BR_LOOP)
			jumped = true;
	}
	l->limit = min(l->limit, l->wanted);
}

static bool is_short_branch(u8 op)
{
	return (op & 0xf0) == 0x70 || op == 0xeb || (op & 0xfc) == 0xe0;
}

/* Which of 16 bytes it is true of. */
static inline unsigned int short_branches(const u8 *p)
{
	__m128i v = _mm_loadu_si128((const __m128i *)p);
	__m128i jcc = _mm_cmpeq_epi8(_mm_and_si128(v, _mm_set1_epi8((char)0xf0)), _mm_set1_epi8(0x70));
	__m128i jmp = _mm_cmpeq_epi8(v, _mm_set1_epi8((char)0xeb));
	__m128i loop = _mm_cmpeq_epi8(_mm_and_si128(v, _mm_set1_epi8((char)0xfc)), _mm_set1_epi8((char)0xe0));

	return _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(jcc, jmp), loop));
}

/* The byte at @off looks like a rel8 branch. */
static void look_at_branch(struct look *l, u32 off)
{
	u32 to = l->seg->pos + off + 2 + (s8)l->seg->bytes[off + 1] - l->pos;

	if (to - 1 < l->limit - 1 && code_maybe_branch(l->map, l->seg->pos + off))
		cut(l, to, WHY_BRANCH);
}

/* Bytes before the site, or behind it, from which a rel8 branch may lead into the window. */
static void look_around(struct look *l)
{
	const u8 *bytes = l->seg->bytes;
	u32 site = l->pos - l->seg->pos;
	u32 off = site > 128 ? site - 128 : 0, end = min(site + l->limit + 126, l->seg->size - 1);

	for (; off + 16 <= end; off += 16) {
		unsigned int mask = short_branches(bytes + off);

		for (; mask; mask &= mask - 1)
			look_at_branch(l, off + __builtin_ctz(mask));
	}
	for (; off < end; off++) {
		if (is_short_branch(bytes[off]))
			look_at_branch(l, off);
	}
}

/* In no known function, or in one with an indirect jump that may lead anywhere; functions may overlap. */
static bool is_solo(const struct look *l)
{
	struct code_map *map = l->map;
	ssize_t i;

	if (l->func < 0)
		return true;
	for (i = code_func_before(map, l->pos); i >= 0 && map->funcs[i].reach > l->pos; i--) {
		if (map->funcs[i].end > l->pos && code_func_solo(map, i))
			return true;
	}
	return false;
}

enum code_answer code_is_jumped_only(const struct code_map *map, u32 pos)
{
	bool only = code_bit(map->bits[CODE_JUMPED], pos) && !code_bit(map->bits[CODE_CALLED], pos) &&
		    !code_bit(map->bits[CODE_NAMED], pos);

	return only ? CODE_YES : CODE_NO;
}

/* Everything but the bytes. */
static struct code_entry find_out(struct code_map *map, u32 pos)
{
	struct look l = {.map = map, .pos = pos, .seg = code_seg_at(map, pos), .func = code_func_at(map, pos)};
	struct code_entry ret = {.known = true, .why = WHY_RSEQ, .jumped_only = code_is_jumped_only(map, pos)};

	if (code_is_forbidden(map, pos))
		return ret;
	l.limit = min(l.seg->size - (pos - l.seg->pos), UPR_SITE_CODE);
	look_ahead(&l);
	look_at_map(&l);
	if (l.limit > 1)
		look_around(&l);
	ret.clear = l.limit;
	ret.why = l.limit < max(l.wanted, UPR_JUMP_SIZE) ? l.why : WHY_NOT;
	if (l.limit < l.first) {
		ret.clear = 0;
		ret.why = WHY_MIDDLE;
	}
	ret.solo = is_solo(&l);
	code_live(map, pos, &ret.dead_gpr, &ret.flags_dead);
	return ret;
}

/* Functions' entries are remembered: they are asked for again, and kept in the cache. */
static struct code_entry *entry_at(struct code_map *map, u32 pos)
{
	ssize_t func = code_func_before(map, pos);

	if (func < 0 || map->funcs[func].start != pos)
		return NULL;
	if (!map->entries)
		map->entries = calloc(map->nr_funcs, sizeof(*map->entries));
	return map->entries ? &map->entries[func] : NULL;
}

static void take_bytes(const struct code_map *map, u32 pos, struct code_entry *e)
{
	const struct code_seg *seg = code_seg_at(map, pos);

	e->len = min(seg->size - (pos - seg->pos), UPR_SITE_CODE);
	memcpy(e->code, seg->bytes + (pos - seg->pos), e->len);
}

static void put_holes(struct code_map *map, u32 pos, const struct code_entry *e, struct upr_facts *ret)
{
	const struct code_seg *seg = code_seg_at(map, pos);
	unsigned int i;

	ret->nr_holes = min(e->nr_holes, UPR_HOLES);
	ret->holes = map->holes;
	for (i = 0; i < ret->nr_holes; i++) {
		map->holes[i].rel = e->holes[i];
		memcpy(map->holes[i].code, seg->bytes + (pos - seg->pos) + UPR_HOP_SIZE + e->holes[i], UPR_JUMP_SIZE);
	}
}

static void put_facts(struct code_map *map, u32 pos, const struct code_entry *e, struct upr_facts *ret)
{
	ret->len = min(e->len, UPR_SITE_CODE);
	memcpy(ret->code, e->code, sizeof(ret->code));
	ret->clear = min(e->clear, ret->len);
	ret->dead_gpr = e->dead_gpr & ~UPR_GPR(UPR_RSP);
	ret->flags_dead = e->flags_dead;
	ret->solo = e->solo;
	ret->why = e->why < NR_WHYS ? whys[e->why] : NULL;
	if (e->nr_holes)
		put_holes(map, pos, e, ret);
}

/*
 * May it be that five bytes cannot be replaced?  The plan says whether; this only spares most
 * sites the search.
 */
static bool may_need_hole(const struct code_map *map, u32 pos, u64 addr, const struct code_entry *e)
{
	const struct code_seg *seg = code_seg_at(map, pos);
	const u8 *code = seg->bytes + (pos - seg->pos);
	u32 left = seg->size - (pos - seg->pos), off;
	struct upr_insn insn;

	if ((addr & (PAGE_BYTES - 1)) + UPR_JUMP_SIZE > PAGE_BYTES)
		return true;
	for (off = 0; off < UPR_JUMP_SIZE; off += insn.length) {
		if (upr_insn_decode(&insn, code + off, left - off, UPR_INSN_64))
			return true;
		if (!off && insn.length >= UPR_JUMP_SIZE)
			return false;
		if (insn.branch != UPR_BR_NONE || (insn.attr & UPR_INSN_FLAGS_POP))
			return true;
	}
	return e->clear < UPR_JUMP_SIZE || e->solo;
}

void code_map_facts(struct code_map *map, u64 addr, struct upr_facts *ret)
{
	u32 pos = code_pos(map, addr);
	struct code_entry e = {.why = WHY_NO_CODE}, *entry;

	*ret = (struct upr_facts){.why = whys[WHY_NO_CODE]};
	if (pos == CODE_NOWHERE)
		return;
	entry = entry_at(map, pos);
	if (entry && entry->known) {
		put_facts(map, pos, entry, ret);
		return;
	}
	if (code_map_complete(map)) {
		e.why = WHY_MEMORY;
	} else {
		e = find_out(map, pos);
		if (e.clear && may_need_hole(map, pos, addr, &e))
			e.nr_holes = code_holes(map, pos, e.holes, UPR_HOLES);
	}
	take_bytes(map, pos, &e);
	if (entry && e.known) {
		*entry = e;
		map->news = true;
	}
	put_facts(map, pos, &e, ret);
}

bool code_map_is_entry(struct code_map *map, const struct upr_func *func)
{
	u32 pos = code_pos(map, func->addr);
	const struct code_entry *entry;

	if (func->kind != UPR_SYM_FDE || pos == CODE_NOWHERE)
		return func->kind == UPR_SYM_FUNC || func->kind == UPR_SYM_IFUNC;
	entry = entry_at(map, pos);
	if (entry && entry->jumped_only != CODE_UNKNOWN)
		return entry->jumped_only == CODE_NO;
	return code_map_complete(map) || code_is_jumped_only(map, pos) == CODE_NO;
}
