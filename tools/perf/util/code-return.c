// SPDX-License-Identifier: GPL-2.0
/*
 * code-return.c - who reads flags that a function left, or found?
 *
 * Purpose: many small functions write no flags before they return, and whether the
 * flags are dead in them is decided where they return to.  The calling convention says that they
 * are, and compilers rely on it, but assembly code may hand results over in flags.  So
 * every call of the file is looked at: if the flags are written behind it before they
 * are read, the function called need not keep them, nor one that it jumps to at its end.
 * Callers in other files are believed to keep to the convention.
 *
 * As everywhere in the map each byte is looked at as if a call began there; what
 * does not look well is believed to be one unless it is proven to be none.  Calls that never return
 * look bad, too, if what stands behind them is reached from elsewhere: that costs those
 * who are called so a few ns.
 *
 * Locks: none, see code-map.h.
 */
#include <emmintrin.h>

#include "code-priv.h"

/* A call with its opcode at @off of a segment: length from there, 0: it is none.  *to: CODE_NOWHERE if indirect */
static u32 call_at(const struct code_map *map, const struct code_seg *seg, u32 off, u32 *to)
{
	const u8 *p = seg->bytes + off;
	u32 left = seg->size - off;
	struct upr_insn insn;

	if (p[0] == 0xe8) {
		*to = left < 5 ? CODE_NOWHERE : code_pos(map, seg->addr + off + 5 + (s64)code_s32(p + 1));
		return *to == CODE_NOWHERE ? 0 : 5;
	}
	/* prefixes may stand before it, but change nothing about its length */
	*to = CODE_NOWHERE;
	if (upr_insn_decode(&insn, p, left, UPR_INSN_64) || insn.branch != UPR_BR_CALL_IND)
		return 0;
	return insn.length;
}

/* Where a function ends control does not return to. */
static bool is_last(struct code_map *map, u32 pos, u32 next)
{
	ssize_t func = code_func_at(map, pos);

	return func >= 0 && next >= map->funcs[func].end;
}

/* All functions around @to return to somebody who reads flags. */
static void mark(struct code_map *map, u32 to)
{
	bool any = false;
	ssize_t i;

	for (i = to == CODE_NOWHERE ? -1 : code_func_before(map, to); i >= 0 && map->funcs[i].reach > to; i--) {
		if (map->funcs[i].end <= to)
			continue;
		any = true;
		map->funcs[i].flags_used = true;
	}
	if (!any && (to == CODE_NOWHERE || !code_in_plt(map, to)))
		map->all_flags_used = true;
}

/*
 * Is @pos proven to be inside of an instruction, in a function that has others that are not proven?
 * Or data, where a segment has that as well?
 */
static bool is_no_code(struct code_map *map, u32 pos)
{
	ssize_t func = code_func_at(map, pos);
	const struct upr_boundaries *b;
	u32 at;

	if (map->elf->nr_secs && !upr_text_section_at(map->elf, code_addr(map, pos)))
		return true;
	if (func < 0 || code_func_read(map, func) == CODE_LINEAR)
		return false;
	b = code_doubtful_bounds(map, func);
	at = pos - map->funcs[func].start;
	return at < b->size && b->state[at] == UPR_PROOF_NO;
}

/* What stands behind the call with its opcode at @off, if it is one? */
static void look_behind(struct code_map *map, const struct code_seg *seg, u32 off)
{
	u32 to, len = call_at(map, seg, off, &to), pos = seg->pos + off;

	if (!len || off + len >= seg->size || code_live_flags_dead(map, pos + len))
		return;
	if (!is_last(map, pos, pos + len) && code_maybe_call(map, pos) && !is_no_code(map, pos))
		mark(map, to);
}

/* Which of 16 bytes can be the opcode of a call. */
static inline unsigned int opcodes(const u8 *p)
{
	__m128i a = _mm_loadu_si128((const __m128i *)p), b = _mm_loadu_si128((const __m128i *)(p + 1));
	__m128i rel = _mm_cmpeq_epi8(a, _mm_set1_epi8((char)0xe8));
	__m128i ind = _mm_and_si128(_mm_cmpeq_epi8(a, _mm_set1_epi8((char)0xff)),
				    _mm_cmpeq_epi8(_mm_and_si128(b, _mm_set1_epi8(0x38)), _mm_set1_epi8(0x10)));

	return _mm_movemask_epi8(_mm_or_si128(rel, ind));
}

static void look_through(struct code_map *map, const struct code_seg *seg)
{
	u32 off = 0;

	for (; seg->size - off > 16 && !map->all_flags_used; off += 16) {
		unsigned int mask = opcodes(seg->bytes + off);

		for (; mask; mask &= mask - 1)
			look_behind(map, seg, off + __builtin_ctz(mask));
	}
	for (; off < seg->size && !map->all_flags_used; off++) {
		if (seg->bytes[off] == 0xe8 || seg->bytes[off] == 0xff)
			look_behind(map, seg, off);
	}
}

/* Functions that one of those jumps to return to the same place. */
static void pass_on(struct code_map *map, size_t func)
{
	const struct code_func *f = &map->funcs[func];
	const struct code_seg *seg = code_seg_at(map, f->start);
	u32 off = f->start - seg->pos, end = f->end - seg->pos, to;
	struct upr_insn insn = {.branch = UPR_BR_RET};

	if (code_func_read(map, func) != CODE_LINEAR) {
		map->all_flags_used = true;
		return;
	}
	for (; off < end; off += insn.length) {
		if (upr_insn_decode(&insn, seg->bytes + off, seg->size - off, UPR_INSN_64))
			break;
		to = CODE_NOWHERE;
		if (insn.branch == UPR_BR_JMP || insn.branch == UPR_BR_JCC)
			to = code_pos(map, upr_insn_target(&insn, seg->addr + off));
		if (to != CODE_NOWHERE && to - f->start >= f->end - f->start)
			mark(map, to);
		/* one through memory at a fixed address leads into another file */
		if (insn.branch == UPR_BR_JMP_IND && !(insn.attr & UPR_INSN_RIPREL) && code_func_solo(map, func))
			map->all_flags_used = true;
	}
}

static void find_out(struct code_map *map)
{
	bool again = true;
	size_t i;

	for (i = 0; i < map->nr_segs; i++)
		look_through(map, &map->segs[i]);
	while (again && !map->all_flags_used) {
		again = false;
		for (i = 0; i < map->nr_funcs && !map->all_flags_used; i++) {
			if (!map->funcs[i].flags_used || map->funcs[i].flags_passed)
				continue;
			map->funcs[i].flags_passed = true;
			pass_on(map, i);
			again = true;
		}
	}
}

bool code_returns_flags(struct code_map *map, u32 pos)
{
	bool any = false;
	ssize_t i;

	if (!map->flags_known) {
		map->flags_known = true;
		find_out(map);
	}
	for (i = code_func_before(map, pos); i >= 0 && map->funcs[i].reach > pos; i--) {
		if (map->funcs[i].end <= pos)
			continue;
		any = true;
		if (map->funcs[i].flags_used)
			return true;
	}
	return !any || map->all_flags_used;
}
