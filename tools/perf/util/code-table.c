// SPDX-License-Identifier: GPL-2.0
/*
 * code-table.c - indirect jumps: tables of offsets, and jumps that nothing explains.
 *
 * Purpose: position-independent code jumps through tables of 32-bit offsets from the
 * table's own address, which a lea takes.  No length is written anywhere; a table
 * ends at the latest where an entry leads out of the text or into the middle of an
 * instruction of another function.  What lies behind it and looks like more of it costs
 * a few windows and no correctness.
 *
 * Tables of addresses need nothing of this: relocations, or words of data, name them.
 *
 * For each indirect jump the instructions that can have set its register are looked
 * for, against the flow of control.  A pointer that was loaded, passed or returned is one
 * that something else names.  If it may have been computed in another way than from
 * a known table, the jump may lead anywhere in the function.
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

/* Position that the first entry of the table at @at leads to. */
static u32 first_entry(const struct code_map *map, u64 at)
{
	u64 avail;
	const u8 *p = upr_elf_bytes(map->elf, at, &avail);

	return p && avail >= 4 ? code_pos(map, at + (s64)code_s32(p)) : CODE_NOWHERE;
}

int code_table_candidate(struct code_map *map, u32 from, u64 at)
{
	if (first_entry(map, at) == CODE_NOWHERE)
		return 0;
	if (!upr_grow(&map->tables, map->nr_tables, &map->cap_tables, sizeof(*map->tables)))
		return -ENOMEM;
	map->tables[map->nr_tables++] = (struct code_table){.from = from, .at = at};
	return 0;
}

/* Index of the first place in map->ind at or behind @pos. */
static size_t first_ind(const struct code_map *map, u32 pos)
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
	size_t i = first_ind(map, e.lo);

	return i < map->nr_ind && map->ind[i] < e.hi;
}

/* Code read as a table, or data of a function that jumps through none? */
static bool is_plausible(struct code_map *map, const struct code_table *t)
{
	struct extent e = extent_around(map, t->from);
	u32 table = code_pos(map, t->at);

	if (within(e, first_entry(map, t->at)))
		return true;
	return has_indirect(map, e) && (table == CODE_NOWHERE || code_func_at(map, table) < 0);
}

/* The tables by where they are. */
struct sorted_table {
	u64 at;
	u32 from;
	bool own; /* its first entry leads into the function that takes its address */
};

static int by_at(const void *a, const void *b)
{
	const struct sorted_table *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

static struct sorted_table *sort_tables(struct code_map *map)
{
	struct sorted_table *sorted = malloc((map->nr_tables + 1) * sizeof(*sorted));
	size_t i;

	for (i = 0; sorted && i < map->nr_tables; i++) {
		const struct code_table *t = &map->tables[i];

		sorted[i].at = t->at;
		sorted[i].from = t->from;
		sorted[i].own = within(extent_around(map, t->from), first_entry(map, t->at));
	}
	if (sorted && map->nr_tables)
		qsort(sorted, map->nr_tables, sizeof(*sorted), by_at);
	return sorted;
}

/* Does a table of a function other than that of @e begin at @at? */
static bool others_table(const struct code_map *map, const struct sorted_table *sorted, struct extent e, u64 at)
{
	size_t lo = 0, hi = map->nr_tables;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (sorted[mid].at < at)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < map->nr_tables && sorted[lo].at == at; lo++) {
		if (sorted[lo].own && !within(e, sorted[lo].from))
			return true;
	}
	return false;
}

/* Entries from the table's start on that can be some.  They are marked. */
static u32 mark_table(struct code_map *map, const struct sorted_table *sorted, const struct code_table *t)
{
	struct extent e = extent_around(map, t->from);
	u64 avail;
	const u8 *p = upr_elf_bytes(map->elf, t->at, &avail);
	u32 nr, to;

	for (nr = 0; p && avail >= 4; nr++, p += 4, avail -= 4) {
		to = code_pos(map, t->at + (s64)code_s32(p));
		if (to == CODE_NOWHERE)
			break;
		if (!within(e, to) && !code_bit(map->bits[CODE_BRANCH], to) && !code_bit(map->bits[CODE_FUNC], to) &&
		    (others_table(map, sorted, e, t->at + 4ull * nr) || !code_maybe_start(map, to)))
			break;
		code_mark(map, CODE_TABLE, to);
	}
	return nr;
}

int code_mark_tables(struct code_map *map)
{
	struct sorted_table *sorted;
	size_t i, kept = 0;

	for (i = 0; i < map->nr_tables; i++) {
		if (is_plausible(map, &map->tables[i]))
			map->tables[kept++] = map->tables[i];
	}
	map->nr_tables = kept;
	sorted = sort_tables(map);
	if (!sorted)
		return -ENOMEM;
	for (i = 0; i < map->nr_tables; i++)
		map->tables[i].nr = mark_table(map, sorted, &map->tables[i]);
	free(sorted);
	return 0;
}

/* A table whose address the instruction with its opcode at @from takes. */
static bool is_table(const struct code_map *map, u32 from)
{
	size_t lo = 0, hi = map->nr_tables;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (map->tables[mid].from < from)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < map->nr_tables && map->tables[lo].from == from && map->tables[lo].nr;
}

/* --- a function as a graph ---------------------------------------------------- */

struct node {
	u32 off;
	u32 seen; /* registers that were looked for from here */
	u8 branch;
	u8 len;
};

/* A branch within the function: indices of nodes. */
struct edge {
	u32 to;
	u32 from;
};

/**
 * struct graph - a function whose indirect jumps are being looked into
 * @at:		index of the node that begins at an offset, + 1
 * @edges:	by @to
 * @jumps:	nodes of indirect jumps
 */
struct graph {
	struct code_map *map;
	const u8 *code;
	u64 addr;
	u32 pos;
	u32 size;
	struct node *nodes;
	size_t nr, cap;
	u32 *at;
	struct edge *edges;
	size_t nr_edges, cap_edges;
	u32 *jumps;
	size_t nr_jumps, cap_jumps;
	bool memory; /* some jump loads its target itself */
	bool inner;  /* it takes addresses of its own insides */
};

static void graph_free(struct graph *g)
{
	free(g->nodes);
	free(g->at);
	free(g->edges);
	free(g->jumps);
}

static bool graph_decode(const struct graph *g, u32 off, struct upr_insn *insn)
{
	return !upr_insn_decode(insn, g->code + off, g->size - off, UPR_INSN_64);
}

static bool has_target(const struct upr_insn *insn)
{
	return insn->branch == UPR_BR_JMP || insn->branch == UPR_BR_JCC || insn->branch == UPR_BR_LOOP;
}

static bool add_node(struct graph *g, u32 off, const struct upr_insn *insn)
{
	if (!upr_grow(&g->nodes, g->nr, &g->cap, sizeof(*g->nodes)))
		return false;
	g->nodes[g->nr] = (struct node){.off = off, .branch = insn->branch, .len = insn->length};
	if (insn->branch == UPR_BR_JMP_IND && upr_modrm_mod(insn) != 3)
		g->memory = true;
	if (insn->branch == UPR_BR_JMP_IND) {
		if (!upr_grow(&g->jumps, g->nr_jumps, &g->cap_jumps, sizeof(*g->jumps)))
			return false;
		g->jumps[g->nr_jumps++] = g->nr;
	}
	g->at[off] = ++g->nr;
	return true;
}

static int by_target(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;

	return x->to < y->to ? -1 : x->to > y->to;
}

static bool add_edges(struct graph *g)
{
	struct upr_insn insn;
	size_t i;
	u64 to;

	for (i = 0; i < g->nr; i++) {
		if (g->nodes[i].branch != UPR_BR_JMP && g->nodes[i].branch != UPR_BR_JCC &&
		    g->nodes[i].branch != UPR_BR_LOOP)
			continue;
		if (!graph_decode(g, g->nodes[i].off, &insn) || !has_target(&insn))
			continue;
		to = upr_insn_target(&insn, g->addr + g->nodes[i].off) - g->addr;
		if (to >= g->size || !g->at[to])
			continue;
		if (!upr_grow(&g->edges, g->nr_edges, &g->cap_edges, sizeof(*g->edges)))
			return false;
		g->edges[g->nr_edges++] = (struct edge){.to = g->at[to] - 1, .from = i};
	}
	if (g->nr_edges)
		qsort(g->edges, g->nr_edges, sizeof(*g->edges), by_target);
	return true;
}

/* @func was proven linearly.  false: no memory. */
static bool graph_make(struct graph *g, struct code_map *map, size_t func)
{
	const struct code_func *f = &map->funcs[func];
	const struct code_seg *seg = code_seg_at(map, f->start);
	struct upr_insn insn;
	u32 off;

	*g = (struct graph){
		.map = map,
		.pos = f->start,
		.size = f->end - f->start,
		.code = seg->bytes + (f->start - seg->pos),
		.addr = map->src[func].addr,
	};
	g->at = calloc(g->size, sizeof(*g->at));
	if (!g->at)
		return false;
	for (off = 0; off < g->size && graph_decode(g, off, &insn); off += insn.length) {
		if (!add_node(g, off, &insn))
			return false;
	}
	return add_edges(g);
}

/* --- where a register's value comes from ----------------------------------------- */

/* A set of possible sources. */
#define FROM_MEMORY  0x01u /* loaded, 64 bits */
#define FROM_OFFSET  0x02u /* loaded, 32 bits, perhaps extended */
#define FROM_TABLE   0x04u /* address of a known table of offsets */
#define FROM_ADDRESS 0x08u /* another constant address: it is marked */
#define FROM_OUTSIDE 0x10u /* passed or returned by another function */
#define FROM_JUMP    0x20u /* a table's address and an offset out of it */
#define FROM_UNKNOWN 0x40u

struct search {
	struct graph *g;
	u32 *todo; /* node * 16 + register, looked for among what comes before the node */
	size_t nr, cap;
	unsigned int depth;
	u32 found;
};

static u32 sources(struct graph *g, u32 node, unsigned int reg, unsigned int depth);

/* Look for @reg before @node. */
static void search_before(struct search *s, u32 node, unsigned int reg)
{
	u32 *seen = &s->g->nodes[node].seen;

	if (*seen & 1u << reg)
		return;
	*seen |= 1u << reg;
	if (!upr_grow(&s->todo, s->nr, &s->cap, sizeof(*s->todo))) {
		s->found |= FROM_UNKNOWN;
		return;
	}
	s->todo[s->nr++] = node * 16 + reg;
}

static unsigned int reg_field(const struct upr_insn *insn)
{
	return upr_modrm_reg(insn) | (insn->rex & UPR_REX_R ? 8 : 0);
}

static unsigned int rm_field(const struct upr_insn *insn)
{
	return upr_modrm_rm(insn) | (insn->rex & UPR_REX_B ? 8 : 0);
}

/* Table base and offset, in this order or the other. */
static u32 sum(struct search *s, u32 node, unsigned int a, unsigned int b)
{
	u32 x, y;

	if (!s->depth)
		return FROM_UNKNOWN;
	x = sources(s->g, node, a, s->depth - 1);
	y = sources(s->g, node, b, s->depth - 1);
	return (x == FROM_TABLE && y == FROM_OFFSET) || (x == FROM_OFFSET && y == FROM_TABLE) ? FROM_JUMP :
												FROM_UNKNOWN;
}

static u32 lea_source(struct search *s, u32 node, const struct upr_insn *insn)
{
	u32 from = s->g->pos + s->g->nodes[node].off + insn->f_opcode.off;

	if (insn->attr & UPR_INSN_RIPREL)
		return is_table(s->g->map, from) ? FROM_TABLE : FROM_ADDRESS;
	if (insn->base < 16 && insn->index < 16 && !insn->disp && insn->f_sib.size && !(insn->sib >> 6))
		return sum(s, node, insn->base, insn->index);
	return FROM_UNKNOWN;
}

/* mov and its relatives: a register goes on being looked for. */
static u32 move_source(struct search *s, u32 node, const struct upr_insn *insn, unsigned int from)
{
	bool wide = insn->opsize == 8;

	if (insn->opcode == 0x63)
		wide = false;
	if (upr_modrm_mod(insn) != 3)
		return wide ? FROM_MEMORY : FROM_OFFSET;
	search_before(s, node, from);
	return 0;
}

static u32 one_byte_source(struct search *s, u32 node, const struct upr_insn *insn, unsigned int reg)
{
	bool registers = insn->f_modrm.size && upr_modrm_mod(insn) == 3;

	switch (insn->opcode) {
	case 0x8b:
	case 0x63:
		return move_source(s, node, insn, rm_field(insn));
	case 0x89:
		return move_source(s, node, insn, reg_field(insn));
	case 0x8d:
		return lea_source(s, node, insn);
	case 0x01:
	case 0x03:
		return registers ? sum(s, node, reg_field(insn), rm_field(insn)) : FROM_UNKNOWN;
	case 0xc7:
		return FROM_ADDRESS;
	case 0x98:
		/* cltq: extends what a load has brought */
		search_before(s, node, reg);
		return insn->opsize == 8 ? 0 : FROM_UNKNOWN;
	default:
		if ((insn->opcode & 0xf8) == 0xb8)
			return FROM_ADDRESS;
		if ((insn->opcode & 0xf8) == 0x58)
			return FROM_MEMORY;
		return FROM_UNKNOWN;
	}
}

/* @insn writes @reg: with what? */
static u32 write_source(struct search *s, u32 node, const struct upr_insn *insn, unsigned int reg)
{
	if (insn->enc != UPR_ENC_LEGACY)
		return FROM_UNKNOWN;
	if (insn->map == UPR_MAP_1B)
		return one_byte_source(s, node, insn, reg);
	/* cmov: the new value, or the old */
	if (insn->map == UPR_MAP_0F && (insn->opcode & 0xf0) == 0x40) {
		search_before(s, node, reg);
		return move_source(s, node, insn, rm_field(insn));
	}
	return FROM_UNKNOWN;
}

#define CALL_CLOBBERS                                                                                   \
	(UPR_GPR(UPR_RAX) | UPR_GPR(UPR_RCX) | UPR_GPR(UPR_RDX) | UPR_GPR(UPR_RSI) | UPR_GPR(UPR_RDI) | \
	 UPR_GPR(UPR_R8) | UPR_GPR(UPR_R9) | UPR_GPR(UPR_R10) | UPR_GPR(UPR_R11))

/* The instruction at @node comes before one at which @reg is looked for. */
static void search_at(struct search *s, u32 node, unsigned int reg)
{
	u8 branch = s->g->nodes[node].branch;
	struct upr_insn insn;

	if (branch == UPR_BR_CALL || branch == UPR_BR_CALL_IND) {
		/* what it returns; the others it may have left as they were */
		if (reg == UPR_RAX || reg == UPR_RDX)
			s->found |= FROM_OUTSIDE;
		else
			search_before(s, node, reg);
		return;
	}
	if (branch == UPR_BR_SYSCALL || !graph_decode(s->g, s->g->nodes[node].off, &insn)) {
		s->found |= FROM_UNKNOWN;
		return;
	}
	if (insn.gpr_write & UPR_GPR(reg))
		s->found |= write_source(s, node, &insn, reg);
	else
		search_before(s, node, reg);
}

static bool passes_on(u8 branch)
{
	return branch != UPR_BR_JMP && branch != UPR_BR_JMP_IND && branch != UPR_BR_RET && branch != UPR_BR_FAR &&
	       branch != UPR_BR_TRAP;
}

static size_t first_edge(const struct graph *g, u32 to)
{
	size_t lo = 0, hi = g->nr_edges;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (g->edges[mid].to < to)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool is_named(const struct code_map *map, u32 pos)
{
	static const enum code_kind kinds[] = {CODE_TABLE, CODE_NAMED, CODE_WORD, CODE_FAR_LEA, CODE_FAR_OPERAND};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (code_bit(map->bits[kinds[i]], pos))
			return true;
	}
	return false;
}

/* All places from which control comes to @node. */
static void search_predecessors(struct search *s, u32 node, unsigned int reg)
{
	struct graph *g = s->g;
	u32 pos = g->pos + g->nodes[node].off;
	bool reached = false;
	size_t i;

	if (!node)
		s->found |= FROM_OUTSIDE;
	else if (passes_on(g->nodes[node - 1].branch))
		search_at(s, node - 1, reg);
	for (i = first_edge(g, node); i < g->nr_edges && g->edges[i].to == node; i++)
		search_at(s, g->edges[i].from, reg);
	if (is_named(g->map, pos)) {
		for (i = 0; i < g->nr_jumps; i++)
			search_at(s, g->jumps[i], reg);
		reached = true;
	}
	/* split-off code comes back here, or the unwinder */
	if (!reached && (code_bit(g->map->bits[CODE_FAR_BRANCH], pos) || code_bit(g->map->bits[CODE_PAD], pos)))
		s->found |= FROM_UNKNOWN;
}

/* Where can @reg, as it is before @node, come from? */
static u32 sources(struct graph *g, u32 node, unsigned int reg, unsigned int depth)
{
	struct search s = {.g = g, .depth = depth};
	u32 *seen = malloc(g->nr * sizeof(*seen));
	size_t i;

	if (!seen)
		return FROM_UNKNOWN;
	/* searches within searches have marks of their own */
	for (i = 0; i < g->nr; i++) {
		seen[i] = g->nodes[i].seen;
		g->nodes[i].seen = 0;
	}
	search_before(&s, node, reg);
	while (s.nr && !(s.found & FROM_UNKNOWN)) {
		u32 next = s.todo[--s.nr];

		search_predecessors(&s, next / 16, next % 16);
	}
	for (i = 0; i < g->nr; i++)
		g->nodes[i].seen = seen[i];
	free(seen);
	free(s.todo);
	return s.found;
}

/* --- jumps that a few instructions explain ------------------------------------------- */

/* Position of the instruction before @pos, as long as nothing but it leads there; CODE_NOWHERE: no such. */
static u32 straight_before(const struct code_map *map, const struct code_func *f, u32 pos)
{
	u32 back;

	if (code_bit(map->bits[CODE_BRANCH], pos) || code_bit(map->bits[CODE_OTHER], pos))
		return CODE_NOWHERE;
	for (back = 1; back <= UPR_INSN_MAX && pos - back >= f->start && back <= pos; back++) {
		if (code_bit(map->starts, pos - back))
			return pos - back;
	}
	return CODE_NOWHERE;
}

/* Does the instruction at @pos have its opcode at @at, and is it an indirect jump? */
static bool is_jump(const struct code_map *map, const struct code_func *f, u32 pos, u32 at)
{
	const struct code_seg *seg = code_seg_at(map, pos);
	struct upr_insn insn;

	return !upr_insn_decode(&insn, seg->bytes + (pos - seg->pos), f->end - pos, UPR_INSN_64) &&
	       insn.branch == UPR_BR_JMP_IND && pos + insn.f_opcode.off == at;
}

/*
 * Most jumps are calls in last place, through a pointer that is loaded
 * just before.  @func was proven linearly.  false: not known in this simple way.
 */
static bool jump_is_plain(const struct code_map *map, const struct code_func *f, u32 pos)
{
	const struct code_seg *seg = code_seg_at(map, pos);
	struct upr_insn insn;
	unsigned int reg;

	if (upr_insn_decode(&insn, seg->bytes + (pos - seg->pos), f->end - pos, UPR_INSN_64) ||
	    insn.branch != UPR_BR_JMP_IND)
		return false;
	for (reg = rm_field(&insn);;) {
		pos = straight_before(map, f, pos);
		if (pos == CODE_NOWHERE ||
		    upr_insn_decode(&insn, seg->bytes + (pos - seg->pos), f->end - pos, UPR_INSN_64) || insn.branch)
			return false;
		if (!(insn.gpr_write & UPR_GPR(reg)))
			continue;
		if (insn.map != UPR_MAP_1B || insn.opcode != 0x8b || insn.opsize != 8)
			return false;
		if (upr_modrm_mod(&insn) != 3)
			return true;
		reg = rm_field(&insn);
	}
}

/* Are all places that look like indirect jumps none, or plain ones?  @func was proven linearly. */
static bool all_plain(const struct code_map *map, const struct code_func *f)
{
	size_t i;

	for (i = first_ind(map, f->start); i < map->nr_ind && map->ind[i] < f->end; i++) {
		u32 pos = map->ind[i];

		/* the opcode may have prefixes before it */
		while (!code_bit(map->starts, pos) && pos > f->start && map->ind[i] - pos < UPR_INSN_MAX)
			pos--;
		if (is_jump(map, f, pos, map->ind[i]) && !jump_is_plain(map, f, pos))
			return false;
	}
	return true;
}

/* --- the verdict ------------------------------------------------------------------ */

/* Does code take an address within its own function, other than the function's? */
static bool takes_inner(const struct code_map *map, const struct code_func *f)
{
	size_t lo = 0, hi = map->inner.nr;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (map->inner.r[mid].from < f->start)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < map->inner.nr && map->inner.r[lo].from < f->end;
}

/* A pointer that was loaded may have been computed and stored before, if there is what to compute it from. */
static bool jump_explained(struct graph *g, u32 node)
{
	struct upr_insn insn;
	u32 from;

	if (!graph_decode(g, g->nodes[node].off, &insn))
		return false;
	if (upr_modrm_mod(&insn) != 3)
		return !g->inner;
	from = sources(g, node, rm_field(&insn), 2);
	if (g->inner)
		return from == FROM_JUMP;
	return !(from & (FROM_UNKNOWN | FROM_OFFSET | FROM_TABLE));
}

static bool may_lead_anywhere(struct code_map *map, size_t func)
{
	const struct code_func *f = &map->funcs[func];
	struct graph g;
	bool ret = false;
	size_t i;

	if (!graph_make(&g, map, func)) {
		graph_free(&g);
		return true;
	}
	g.inner = takes_inner(map, f);
	for (i = 0; i < g.nr_jumps && !ret; i++)
		ret = !jump_explained(&g, g.jumps[i]);
	graph_free(&g);
	return ret;
}

bool code_func_solo(struct code_map *map, size_t func)
{
	struct code_func *f = &map->funcs[func];
	struct extent e = {f->start, f->end};

	if (f->solo == CODE_UNKNOWN) {
		if (!has_indirect(map, e) && !takes_inner(map, f))
			f->solo = CODE_NO;
		else if (code_func_read(map, func) != CODE_LINEAR)
			f->solo = CODE_YES;
		else if (!takes_inner(map, f) && all_plain(map, f))
			f->solo = CODE_NO;
		else
			f->solo = may_lead_anywhere(map, func) ? CODE_YES : CODE_NO;
	}
	return f->solo == CODE_YES;
}
