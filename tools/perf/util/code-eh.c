// SPDX-License-Identifier: GPL-2.0
/*
 * code-eh.c - exception tables: where the unwinder may send a thread.
 *
 * Purpose: read the call-site tables that .eh_frame refers to (they have one form
 * for all languages that use the common unwinder).  Each entry says for a
 * range of instructions which landing pad catches what they throw.
 *
 * Locks: none, see code-map.h.
 */
#include <dwarf.h>
#include <errno.h>

#include "code-priv.h"

/* A table being read; after something unreadable @bad stays set and nothing but noughts come. */
struct reader {
	const u8 *p;
	const u8 *end;
	u64 addr; /* of @end */
	bool bad;
};

static u64 read_uleb(struct reader *r)
{
	unsigned int shift = 0;
	u64 value = 0;

	while (r->p < r->end && shift < 64) {
		u8 byte = *r->p++;

		value |= (u64)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return value;
		shift += 7;
	}
	r->bad = true;
	return 0;
}

static u64 read_fixed(struct reader *r, size_t size, bool is_signed)
{
	u64 value = 0;

	if ((size_t)(r->end - r->p) < size) {
		r->bad = true;
		return 0;
	}
	memcpy(&value, r->p, size);
	r->p += size;
	if (is_signed && size < 8)
		value = (u64)((s64)(value << (64 - 8 * size)) >> (64 - 8 * size));
	return value;
}

static u64 read_value(struct reader *r, u8 encoding)
{
	u64 at = r->addr - (r->end - r->p), value;

	switch (encoding & 0x0f) {
	case DW_EH_PE_absptr:
	case DW_EH_PE_udata8:
	case DW_EH_PE_sdata8:
		value = read_fixed(r, 8, false);
		break;
	case DW_EH_PE_udata4:
	case DW_EH_PE_sdata4:
		value = read_fixed(r, 4, encoding & DW_EH_PE_signed);
		break;
	case DW_EH_PE_udata2:
	case DW_EH_PE_sdata2:
		value = read_fixed(r, 2, encoding & DW_EH_PE_signed);
		break;
	case DW_EH_PE_uleb128:
		value = read_uleb(r);
		break;
	default:
		r->bad = true;
		return 0;
	}
	if ((encoding & 0x70) == DW_EH_PE_pcrel)
		value += at;
	else if (encoding & 0xf0)
		r->bad = true;
	return value;
}

/* false: the table could not be read to its end. */
static bool read_call_sites(struct upr_elf *elf, const struct upr_fde *fde, code_pad_fn fn, void *data)
{
	u64 avail, base = fde->addr, len;
	struct reader r = {.p = upr_elf_bytes(elf, fde->lsda, &avail)};
	const u8 *stop;
	u8 encoding;

	if (!r.p)
		return false;
	r.end = r.p + avail;
	r.addr = fde->lsda + avail;
	encoding = read_fixed(&r, 1, false);
	if (encoding != DW_EH_PE_omit)
		base = read_value(&r, encoding);
	if (read_fixed(&r, 1, false) != DW_EH_PE_omit)
		read_uleb(&r);
	encoding = read_fixed(&r, 1, false);
	len = read_uleb(&r);
	if (r.bad || len > (u64)(r.end - r.p))
		return false;
	stop = r.p + len;
	while (r.p < stop && !r.bad) {
		u64 start = read_value(&r, encoding), size = read_value(&r, encoding);
		u64 pad = read_value(&r, encoding);

		read_uleb(&r);
		if (pad && !r.bad)
			fn(data, fde->addr + start, fde->addr + start + size, base + pad);
	}
	return !r.bad;
}

static void mark_pad(void *data, u64 lo, u64 hi, u64 pad)
{
	code_mark_addr(data, CODE_PAD, pad);
}

int code_distrust(struct code_map *map, size_t func)
{
	if (!upr_grow(&map->distrusted, map->nr_distrusted, &map->cap_distrusted, sizeof(*map->distrusted)))
		return -ENOMEM;
	map->distrusted[map->nr_distrusted++] = func;
	map->funcs[func].solo = CODE_YES;
	return 0;
}

/* Nothing is known of its landing pads. */
static int distrust_frame(struct code_map *map, const struct upr_fde *fde)
{
	u32 pos = code_pos(map, fde->addr);
	ssize_t func = pos == CODE_NOWHERE ? -1 : code_func_at(map, pos);

	return func < 0 ? 0 : code_distrust(map, func);
}

int code_scan_frames(struct code_map *map)
{
	const struct upr_elf *elf = map->elf;
	size_t i;

	for (i = 0; i < elf->nr_fdes; i++) {
		code_mark_addr(map, CODE_FUNC, elf->fdes[i].addr);
		if (elf->fdes[i].lsda && !read_call_sites(map->elf, &elf->fdes[i], mark_pad, map) &&
		    distrust_frame(map, &elf->fdes[i]))
			return -ENOMEM;
	}
	return 0;
}

/* --- guarded instructions ------------------------------------------------------ */

static const struct upr_fde *fde_at(const struct upr_elf *elf, u64 addr)
{
	size_t lo = 0, hi = elf->nr_fdes;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (elf->fdes[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo && addr - elf->fdes[lo - 1].addr < elf->fdes[lo - 1].size ? &elf->fdes[lo - 1] : NULL;
}

bool code_each_pad(struct upr_elf *elf, u64 addr, code_pad_fn fn, void *data)
{
	const struct upr_fde *fde = fde_at(elf, addr);

	return !fde || !fde->lsda || read_call_sites(elf, fde, fn, data);
}

bool code_is_framed(const struct code_map *map, u64 addr)
{
	return !map->elf->frames_unsound || fde_at(map->elf, addr);
}

static void keep_span(void *data, u64 lo, u64 hi, u64 pad)
{
	struct code_map *map = data;

	/* without memory: the last one reaches everywhere */
	if (upr_grow(&map->spans, map->nr_spans, &map->cap_spans, sizeof(*map->spans)))
		map->spans[map->nr_spans++] = (struct code_span){.lo = lo, .hi = hi};
	else if (map->nr_spans)
		map->spans[map->nr_spans - 1] = (struct code_span){.lo = 0, .hi = (u64)-1};
}

bool code_is_guarded(struct code_map *map, u64 addr)
{
	const struct upr_fde *fde = map->lsda_fde;
	size_t i;

	if (!fde || addr - fde->addr >= fde->size)
		fde = fde_at(map->elf, addr);
	if (!fde)
		return map->elf->frames_unsound;
	if (map->lsda_fde != fde) {
		map->lsda_fde = fde;
		map->nr_spans = 0;
		if (fde->lsda && !read_call_sites(map->elf, fde, keep_span, map))
			keep_span(map, 0, (u64)-1, 0);
	}
	for (i = 0; i < map->nr_spans; i++) {
		if (addr - map->spans[i].lo < map->spans[i].hi - map->spans[i].lo)
			return true;
	}
	return false;
}
