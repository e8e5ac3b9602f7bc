// SPDX-License-Identifier: GPL-2.0
/*
 * code-table.c - tables of offsets that indirect jumps go through.
 *
 * Purpose: position-independent code jumps through tables of 32-bit offsets from the
 * table's own address, which a lea takes; or, in hand-made tables (differences of labels), from the
 * address of a label of the function.  No length is written anywhere: a table
 * ends at the latest where an entry leads out of the text or into the middle of an
 * instruction of another function, or where another function's table begins.  What lies
 * behind it and looks like more of it costs a few windows and no correctness.
 *
 * Tables of addresses need nothing of this: relocations, or words of data, name them.
 *
 * Locks: none, see code-map.h.
 */
#include <errno.h>

#include "code-priv.h"

/* --- tables ---------------------------------------------------------------- */

/* The functions around a place: from the first byte of any to the last. */
struct extent {
	u32 lo, hi;
};

static struct extent extent_around(struct code_map *map, u32 pos)
{
	struct extent e = {pos, pos};
	ssize_t i;

	for (i = code_func_before(map, pos); i >= 0 && map->funcs[i].reach > pos; i--) {
		if (map->funcs[i].end <= pos)
			continue;
		e.lo = min(e.lo, map->funcs[i].start);
		e.hi = max(e.hi, map->funcs[i].end);
	}
	return e;
}

static bool within(struct extent e, u32 pos)
{
	return pos >= e.lo && pos < e.hi;
}

/* Position that the first entry of the table at @at leads to, counted from @base. */
static u32 first_entry(const struct code_map *map, u64 at, u64 base)
{
	u64 avail;
	const u8 *p = upr_elf_bytes(map->elf, at, &avail);

	return p && avail >= 4 ? code_pos(map, base + (s64)code_s32(p)) : CODE_NOWHERE;
}

int code_table_candidate(struct code_map *map, u32 from, u64 at)
{
	if (first_entry(map, at, at) == CODE_NOWHERE)
		return 0;
	if (!upr_grow(&map->tables, map->nr_tables, &map->cap_tables, sizeof(*map->tables)))
		return -ENOMEM;
	map->tables[map->nr_tables++] = (struct code_table){.from = from, .at = at, .base = at};
	return 0;
}

size_t code_first_ind(const struct code_map *map, u32 pos)
{
	size_t lo = 0, hi = map->nr_ind;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (map->ind[mid] < pos)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool has_indirect(const struct code_map *map, struct extent e)
{
	size_t i = code_first_ind(map, e.lo);

	return i < map->nr_ind && map->ind[i] < e.hi;
}

/* Code read as a table, or data of a function that jumps through none? */
static bool is_plausible(struct code_map *map, const struct code_table *t)
{
	struct extent e = extent_around(map, t->from);
	u32 table = code_pos(map, t->at);

	if (within(e, first_entry(map, t->at, t->at)))
		return true;
	return has_indirect(map, e) && (table == CODE_NOWHERE || code_func_at(map, table) < 0);
}

/* The tables by where they are. */
struct sorted_table {
	u64 at;
	u32 from;
	bool own; /* its first entry leads into the function that takes its address */
};

struct sorted_tables {
	struct sorted_table *t;
	size_t nr;
};

static int by_at(const void *a, const void *b)
{
	const struct sorted_table *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

static int sort_tables(struct code_map *map, struct sorted_tables *ret)
{
	size_t i;

	ret->nr = map->nr_tables;
	ret->t = malloc((ret->nr + 1) * sizeof(*ret->t));
	if (!ret->t)
		return -ENOMEM;
	for (i = 0; i < ret->nr; i++) {
		const struct code_table *t = &map->tables[i];

		ret->t[i].at = t->at;
		ret->t[i].from = t->from;
		ret->t[i].own = within(extent_around(map, t->from), first_entry(map, t->at, t->at));
	}
	if (ret->nr)
		qsort(ret->t, ret->nr, sizeof(*ret->t), by_at);
	return 0;
}

/* Index of the first table behind @at. */
static size_t next_table(const struct sorted_tables *sorted, u64 at)
{
	size_t lo = 0, hi = sorted->nr;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (sorted->t[mid].at <= at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Tables that begin at an entry of one that is being read. */
struct beginnings {
	bool same;    /* of the same function */
	bool foreign; /* of another one */
};

static struct beginnings tables_at(const struct sorted_tables *sorted, size_t *next, struct extent e, u64 at)
{
	struct beginnings b = {false, false};

	for (; *next < sorted->nr && sorted->t[*next].at <= at; ++*next) {
		const struct sorted_table *t = &sorted->t[*next];

		if (t->at == at && t->own && within(e, t->from))
			b.same = true;
		else if (t->at == at && t->own)
			b.foreign = true;
	}
	return b;
}

/* Entries from the table's start on that can be some.  They are marked. */
static u32 mark_table(struct code_map *map, const struct sorted_tables *sorted, const struct code_table *t)
{
	struct extent e = extent_around(map, t->from);
	size_t next = next_table(sorted, t->at);
	u64 avail;
	const u8 *p = upr_elf_bytes(map->elf, t->at, &avail);
	bool doubt = false;
	u32 nr, to;

	for (nr = 0; p && avail >= 4; nr++, p += 4, avail -= 4) {
		struct beginnings other = tables_at(sorted, &next, e, t->at + 4ull * nr);

		to = code_pos(map, t->base + (s64)code_s32(p));
		if (to == CODE_NOWHERE)
			break;
		/* the next table's entries mean nothing here, but some could be shared by hand-made code */
		doubt |= other.same;
		if (within(e, to)) {
			if (doubt && !code_maybe_start(map, to))
				break;
		} else if (!code_bit(map->bits[CODE_BRANCH], to) && !code_bit(map->bits[CODE_FUNC], to) &&
			   (other.foreign || !code_maybe_start(map, to))) {
			break;
		}
		code_mark(map, CODE_TABLE, to);
	}
	return nr;
}

/* --- differences of labels ---------------------------------------------------- */

/* All addresses taken by lea in @e that are no function's, by their opcodes' looks. */
static int take_leas(struct code_map *map, struct extent e, struct code_refs *froms)
{
	const struct code_seg *seg = code_seg_at(map, e.lo);
	u32 off = e.lo - seg->pos, end = min(e.hi - seg->pos, seg->size);

	for (froms->nr = 0; off + 6 <= end; off++) {
		const u8 *p = seg->bytes + off;

		if (p[0] == 0x8d && (p[1] & 0xc7) == 5 && !code_ref_add(froms, 0, seg->pos + off))
			return -ENOMEM;
	}
	return 0;
}

static u64 lea_address(const struct code_map *map, u32 from)
{
	const struct code_seg *seg = code_seg_at(map, from);

	return seg->addr + (from - seg->pos) + 6 + (s64)code_s32(seg->bytes + (from - seg->pos) + 2);
}

/* The label that the code at @from takes, with each table of the function. */
static int label_tables(struct code_map *map, const struct sorted_tables *sorted, struct extent e, u32 from,
			const struct code_refs *leas)
{
	size_t i;

	for (i = 0; i < leas->nr; i++) {
		struct code_table t = {.from = from, .at = lea_address(map, leas->r[i].from)};

		t.base = lea_address(map, from);
		if (code_pos(map, t.at) != CODE_NOWHERE || !within(e, first_entry(map, t.at, t.base)))
			continue;
		t.nr = mark_table(map, sorted, &t);
		if (!upr_grow(&map->tables, map->nr_tables, &map->cap_tables, sizeof(*map->tables)))
			return -ENOMEM;
		map->tables[map->nr_tables++] = t;
	}
	return 0;
}

/* A function that takes addresses of its labels, and jumps. */
static int mark_labels(struct code_map *map, const struct sorted_tables *sorted)
{
	struct extent e = {0, 0};
	struct code_refs leas = {0};
	int rc = 0;
	size_t i;

	for (i = 0; i < map->inner.nr && !rc; i++) {
		u32 from = map->inner.r[i].from;

		if (!within(e, from)) {
			e = extent_around(map, from);
			if (has_indirect(map, e))
				rc = take_leas(map, e, &leas);
			else
				leas.nr = 0;
		}
		if (!rc && code_looks_like_lea(map, from))
			rc = label_tables(map, sorted, e, from, &leas);
	}
	free(leas.r);
	return rc;
}

static int by_place(const void *a, const void *b)
{
	const struct code_table *x = a, *y = b;

	return x->from < y->from ? -1 : x->from > y->from;
}

int code_mark_tables(struct code_map *map)
{
	struct sorted_tables sorted;
	size_t i, kept = 0;
	int rc;

	for (i = 0; i < map->nr_tables; i++) {
		if (is_plausible(map, &map->tables[i]))
			map->tables[kept++] = map->tables[i];
	}
	map->nr_tables = kept;
	if (sort_tables(map, &sorted))
		return -ENOMEM;
	for (i = 0; i < map->nr_tables; i++)
		map->tables[i].nr = mark_table(map, &sorted, &map->tables[i]);
	rc = mark_labels(map, &sorted);
	free(sorted.t);
	if (map->nr_tables)
		qsort(map->tables, map->nr_tables, sizeof(*map->tables), by_place);
	return rc;
}

size_t code_first_table(const struct code_map *map, u32 from)
{
	size_t lo = 0, hi = map->nr_tables;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (map->tables[mid].from < from)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct code_table *code_table_of(const struct code_map *map, u32 from)
{
	size_t i = code_first_table(map, from);

	return i < map->nr_tables && map->tables[i].from == from ? &map->tables[i] : NULL;
}
