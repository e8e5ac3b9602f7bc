// SPDX-License-Identifier: GPL-2.0
/*
 * code-holes.c - padding near a site that nothing reaches.
 *
 * Purpose: where only two bytes may change, they can lead to a jump that stands in bytes which
 * nobody executes: what fills the space behind a return or a jump, up to the next function
 * or the next target of a loop.
 *
 * What is there must be nops and int3s, from the instruction before them, which is proven to be
 * one and not to fall through, to the first byte that anything leads to.  That is asked
 * of every byte as it is of those of a window (code-facts.c), of the first one, too.  A
 * call is trusted to return, whatever the compiler thought of it.
 *
 * Locks: none, see code-map.h.
 */
#include <upr-arch.h>

#include "code-priv.h"

#define PAGE_BYTES 4096u
/* No padding is longer: from so far before the places in reach it may begin. */
#define PADDING_MAX 64u

/* May control leave the function in a way that leads anywhere in it?  Functions may overlap. */
static bool is_open(struct code_map *map, u32 pos)
{
	ssize_t i;

	for (i = code_func_before(map, pos); i >= 0 && map->funcs[i].reach > pos; i--) {
		if (map->funcs[i].end > pos && (code_func_read(map, i) != CODE_LINEAR || code_func_solo(map, i)))
			return true;
	}
	return false;
}

static bool decode_at(const struct code_map *map, u32 pos, struct upr_insn *insn)
{
	const struct code_seg *seg = code_seg_at(map, pos);
	u32 off = pos - seg->pos;

	return !upr_insn_decode(insn, seg->bytes + off, seg->size - off, UPR_INSN_64);
}

/* Does an instruction of padding begin at @pos?  Return: its length or 0. */
static u32 padding_at(struct code_map *map, u32 pos)
{
	const struct code_seg *seg = code_seg_at(map, pos);
	struct upr_insn insn;

	if (seg->bytes[pos - seg->pos] == UPR_BREAKPOINT)
		return 1;
	if (!decode_at(map, pos, &insn) || !(insn.attr & UPR_INSN_NOP))
		return 0;
	return insn.length;
}

/* Bytes that a branch by rel8 leads to. */
static bool is_branched_near(struct code_map *map, u32 pos)
{
	const struct code_seg *seg = code_seg_at(map, pos);
	u32 at = pos - seg->pos, off = at > 129 ? at - 129 : 0, end = min(at + 127, seg->size - 1);

	for (; off < end; off++) {
		u8 op = seg->bytes[off];

		if (off + 2 + (s8)seg->bytes[off + 1] != at ||
		    ((op & 0xf0) != 0x70 && op != 0xeb && (op & 0xfc) != 0xe0))
			continue;
		if (code_maybe_branch(map, seg->pos + off))
			return true;
	}
	return false;
}

static bool is_entered(struct code_map *map, u32 pos)
{
	return code_bit(map->bits[CODE_BRANCH], pos) || code_is_forbidden(map, pos) ||
	       (code_bit(map->bits[CODE_OTHER], pos) && code_is_entered(map, pos)) || is_branched_near(map, pos);
}

/* Where padding that begins at @pos ends. */
static u32 padding_end(struct code_map *map, u32 pos)
{
	const struct code_seg *seg = code_seg_at(map, pos);
	u32 end = pos, limit = min(seg->pos + seg->size, pos + PADDING_MAX), len, at;

	while (end < limit && !is_open(map, end)) {
		len = padding_at(map, end);
		if (!len || end + len > limit)
			break;
		for (at = end; at < end + len; at++)
			if (is_entered(map, at))
				return at;
		end += len;
	}
	return end;
}

/* The instruction at @pos, if it is known to be one.  Return: where padding may begin behind it, 0: nowhere. */
static u32 stops_at(struct code_map *map, u32 pos)
{
	struct upr_insn insn;

	if (!code_bit(map->starts, pos) || !decode_at(map, pos, &insn))
		return 0;
	if (insn.branch != UPR_BR_JMP && insn.branch != UPR_BR_JMP_IND && insn.branch != UPR_BR_RET)
		return 0;
	return pos + insn.length;
}

static void read_functions(struct code_map *map, u32 lo, u32 hi)
{
	ssize_t i;

	for (i = code_func_before(map, hi); i >= 0 && map->funcs[i].reach > lo; i--)
		code_func_read(map, i);
}

/* In the page of the site: where the one is mapped, the other is. */
static bool is_beside(u64 addr, u64 hole)
{
	return hole / PAGE_BYTES == addr / PAGE_BYTES && (hole + UPR_JUMP_SIZE - 1) / PAGE_BYTES == addr / PAGE_BYTES;
}

unsigned int code_holes(struct code_map *map, u32 pos, s8 *rel, unsigned int max)
{
	const struct code_seg *seg = code_seg_at(map, pos);
	u32 site = pos - seg->pos, next = pos + UPR_HOP_SIZE;
	u32 from = site > 128 - UPR_HOP_SIZE ? next - 128 : seg->pos;
	u32 to = min(next + 127, seg->pos + seg->size - UPR_JUMP_SIZE), at, begin, end;
	u64 addr = code_addr(map, pos);
	unsigned int nr = 0;

	at = from - seg->pos > PADDING_MAX ? from - PADDING_MAX : seg->pos;
	read_functions(map, at, to);
	for (; at < to && nr < max; at++) {
		begin = stops_at(map, at);
		if (!begin || begin > to || !padding_at(map, begin))
			continue;
		end = padding_end(map, begin);
		/* a jump over what stops there has the first bytes */
		for (begin += (end - begin) % UPR_JUMP_SIZE; begin + UPR_JUMP_SIZE <= end && begin <= to && nr < max;
		     begin += UPR_JUMP_SIZE) {
			s32 rel8 = (s32)(begin - next);

			if (begin >= from && is_beside(addr, addr + UPR_HOP_SIZE + (s64)rel8))
				rel[nr++] = (s8)rel8;
		}
	}
	return nr;
}
