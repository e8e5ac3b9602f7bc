// SPDX-License-Identifier: GPL-2.0
/*
 * code-jump.c - indirect jumps that nothing explains.
 *
 * Purpose: for each indirect jump of a function the instructions that can have set its
 * register are looked for, against the flow of control.  A pointer that was loaded, passed or
 * returned is one that something else in the file names.  If it may have been computed in
 * another way than from a known table, the jump may lead anywhere in the function.
 *
 * Most jumps are explained by the few instructions before them.  For the others the
 * function is made a graph; a jump that is explained by a table adds to it the edges that
 * the table stands for, which may explain more.
 *
 * Locks: none, see code-map.h.
 */
#include <errno.h>

#include "code-priv.h"

/* An instruction; @target: of a direct jump; @first: of a piece. */
struct node {
	u32 pos;
	u32 target;
	u8 branch;
	bool first;
};

/* Registers that the search of that number has looked for before a node. */
struct mark {
	u32 search;
	u16 regs;
};

/* Searches within searches: a sum's parts, which may be sums. */
#define DEPTHS 3

/* Control may go from one node to another: not by falling through. */
struct edge {
	u32 to;
	u32 from;
};

#define TABLES_MAX 4

/**
 * struct jump - an indirect jump
 * @memory:	it loads its target itself
 * @done:	explained
 * @tables:	by these, if by tables: places where their bases are taken
 * @wide:	there were more than fit
 */
struct jump {
	u32 node;
	u32 tables[TABLES_MAX];
	u8 nr_tables;
	bool memory;
	bool done;
	bool wide;
};

/**
 * struct piece - the function, or code that was split off of it
 * @at:		index of the node that begins at an offset, + 1
 */
struct piece {
	size_t func;
	u32 start, end;
	u32 *at;
};

#define PIECES_MAX 8

/* Steps of all searches in a function: those that need more are not worth it. */
#define STEPS_MAX (4u << 20)

/**
 * struct graph - a function whose indirect jumps are being looked into
 * @edges:	by @to
 * @marks:	of each depth, per node
 * @nr_searches: so far, and the steps they took
 * @inner:	it takes addresses of its own insides: a loaded pointer may have been computed from them
 */
struct graph {
	struct code_map *map;
	struct piece pieces[PIECES_MAX];
	unsigned int nr_pieces;
	struct node *nodes;
	size_t nr, cap;
	struct edge *edges;
	size_t nr_edges, cap_edges;
	bool unsorted;
	struct jump *jumps;
	size_t nr_jumps, cap_jumps;
	struct mark *marks[DEPTHS];
	u32 nr_searches;
	u32 nr_steps;
	bool inner;
};

static void graph_free(struct graph *g)
{
	unsigned int i;

	for (i = 0; i < DEPTHS; i++)
		free(g->marks[i]);
	for (i = 0; i < g->nr_pieces; i++)
		free(g->pieces[i].at);
	free(g->nodes);
	free(g->edges);
	free(g->jumps);
}

static bool decode_pos(const struct code_map *map, u32 pos, struct upr_insn *insn)
{
	const struct code_seg *seg = code_seg_at(map, pos);

	return !upr_insn_decode(insn, seg->bytes + (pos - seg->pos), seg->size - (pos - seg->pos), UPR_INSN_64);
}

static bool decode_node(const struct graph *g, u32 node, struct upr_insn *insn)
{
	return decode_pos(g->map, g->nodes[node].pos, insn);
}

static const struct piece *piece_at(const struct graph *g, u32 pos)
{
	unsigned int i;

	for (i = 0; i < g->nr_pieces; i++) {
		if (pos >= g->pieces[i].start && pos < g->pieces[i].end)
			return &g->pieces[i];
	}
	return NULL;
}

/* An edge to whatever node begins at @pos, if any does. */
static bool add_edge(struct graph *g, u32 from, u32 pos)
{
	const struct piece *p = pos == CODE_NOWHERE ? NULL : piece_at(g, pos);

	if (!p || !p->at[pos - p->start])
		return true;
	if (!upr_grow(&g->edges, g->nr_edges, &g->cap_edges, sizeof(*g->edges)))
		return false;
	g->edges[g->nr_edges++] = (struct edge){.to = p->at[pos - p->start] - 1, .from = from};
	g->unsorted = true;
	return true;
}

static int by_target(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;

	return x->to < y->to ? -1 : x->to > y->to;
}

static void sort_edges(struct graph *g)
{
	if (g->unsorted)
		qsort(g->edges, g->nr_edges, sizeof(*g->edges), by_target);
	g->unsorted = false;
}

static bool is_direct(u8 branch)
{
	return branch == UPR_BR_JMP || branch == UPR_BR_JCC || branch == UPR_BR_LOOP;
}

static bool add_node(struct graph *g, u32 pos, const struct upr_insn *insn)
{
	if (!upr_grow(&g->nodes, g->nr, &g->cap, sizeof(*g->nodes)))
		return false;
	g->nodes[g->nr] = (struct node){.pos = pos, .branch = insn->branch, .target = CODE_NOWHERE};
	if (is_direct(insn->branch))
		g->nodes[g->nr].target = code_pos(g->map, upr_insn_target(insn, code_addr(g->map, pos)));
	if (insn->branch == UPR_BR_JMP_IND) {
		if (!upr_grow(&g->jumps, g->nr_jumps, &g->cap_jumps, sizeof(*g->jumps)))
			return false;
		g->jumps[g->nr_jumps++] = (struct jump){.node = g->nr, .memory = upr_modrm_mod(insn) != 3};
	}
	g->nr++;
	return true;
}

/* Return: false without memory.  What does not fit, or cannot be read, is left out. */
static bool add_piece(struct graph *g, size_t func)
{
	const struct code_func *f = &g->map->funcs[func];
	struct piece *p = &g->pieces[g->nr_pieces];
	struct upr_insn insn;
	size_t first = g->nr;
	u32 pos;

	if (g->nr_pieces == PIECES_MAX || piece_at(g, f->start) || code_func_read(g->map, func) != CODE_LINEAR)
		return true;
	p->func = func;
	p->start = f->start;
	p->end = f->end;
	p->at = calloc(f->end - f->start, sizeof(*p->at));
	if (!p->at)
		return false;
	g->nr_pieces++;
	for (pos = f->start; pos < f->end && decode_pos(g->map, pos, &insn); pos += insn.length) {
		p->at[pos - f->start] = g->nr + 1;
		if (!add_node(g, pos, &insn))
			return false;
	}
	if (g->nr > first)
		g->nodes[first].first = true;
	return true;
}

/* Code elsewhere that jumps belong together with: into its middle, or to what nobody calls. */
static ssize_t split_off(struct graph *g, u32 pos)
{
	ssize_t func = pos == CODE_NOWHERE || piece_at(g, pos) ? -1 : code_func_at(g->map, pos);

	if (func < 0 || (pos == g->map->funcs[func].start && code_map_is_entry(g->map, &g->map->src[func])))
		return -1;
	return func;
}

/* The function, and what is connected to it by jumps. */
static bool add_pieces(struct graph *g, size_t func)
{
	size_t node;
	u32 from[4];

	if (!add_piece(g, func))
		return false;
	for (node = 0; node < g->nr; node++) {
		ssize_t other = split_off(g, g->nodes[node].target);
		size_t i, nr;

		if (other >= 0 && !add_piece(g, other))
			return false;
		nr = code_far_sources(g->map, g->nodes[node].pos, from, ARRAY_SIZE(from));
		for (i = 0; i < nr; i++) {
			other = piece_at(g, from[i]) ? -1 : code_func_at(g->map, from[i]);
			if (other >= 0 && !add_piece(g, other))
				return false;
		}
	}
	return true;
}

/* @func was proven linearly.  false: no memory. */
static bool graph_make(struct graph *g, struct code_map *map, size_t func)
{
	size_t i;

	*g = (struct graph){.map = map};
	if (!add_pieces(g, func))
		return false;
	for (i = 0; i < g->nr; i++) {
		if (!add_edge(g, i, g->nodes[i].target))
			return false;
	}
	sort_edges(g);
	for (i = 0; i < DEPTHS; i++) {
		g->marks[i] = calloc(g->nr + 1, sizeof(*g->marks[i]));
		if (!g->marks[i])
			return false;
	}
	return true;
}

static bool passes_on(u8 branch)
{
	return branch != UPR_BR_JMP && branch != UPR_BR_JMP_IND && branch != UPR_BR_RET && branch != UPR_BR_FAR &&
	       branch != UPR_BR_TRAP;
}

/* --- where a register's value comes from ----------------------------------------- */

/* A set of possible sources. */
#define FROM_MEMORY  0x01u /* loaded, 64 bits */
#define FROM_OFFSET  0x02u /* loaded, 32 bits, perhaps extended */
#define FROM_TABLE   0x04u /* base of a known table of offsets */
#define FROM_ADDRESS 0x08u /* another constant address: it is marked */
#define FROM_OUTSIDE 0x10u /* passed or returned by another function */
#define FROM_JUMP    0x20u /* the base of a table and an offset out of it */
#define FROM_UNKNOWN 0x40u

/**
 * struct search - one question
 * @straight:	only within instructions that nothing but the one before leads to
 * @jump:	whose register it is about
 * @number:	to know its marks
 * @todo:	node * 16 + register: what does it hold before that node?
 */
struct search {
	struct graph *g;
	struct jump *jump;
	bool straight;
	unsigned int depth;
	u32 number;
	u32 *todo;
	size_t nr, cap;
	u32 found;
};

static u32 sources(struct graph *g, struct jump *jump, bool straight, unsigned int depth, u32 node, unsigned int reg);

/* Look for @reg before @node. */
static void search_before(struct search *s, u32 node, unsigned int reg)
{
	struct mark *m = &s->g->marks[s->depth][node];

	if (m->search != s->number)
		*m = (struct mark){.search = s->number};
	if (m->regs & 1u << reg)
		return;
	m->regs |= 1u << reg;
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

/*
 * Both may have been kept on the stack for a while, unless there are other things that could have been computed
 * and kept.
 */
static bool is_base_and_offset(const struct graph *g, u32 base, u32 offset)
{
	u32 kept = g->inner ? 0 : FROM_MEMORY;

	if (base == FROM_TABLE)
		return offset && !(offset & ~(FROM_OFFSET | kept));
	return base == FROM_MEMORY && kept && offset == FROM_OFFSET && g->map->nr_tables;
}

/*
 * Has @offset been loaded from where @base points into, a few instructions before?  Then
 * @base is a table's on every path on which the jump is reached; of the others there
 * are more in the graph than in the program.
 */
static bool is_loaded_by(const struct graph *g, u32 node, unsigned int base, unsigned int offset)
{
	struct upr_insn insn;
	unsigned int i;

	for (i = 0; i < 8 && !g->nodes[node].first; i++) {
		node--;
		if (!passes_on(g->nodes[node].branch) || !decode_node(g, node, &insn))
			return false;
		if (insn.gpr_write & UPR_GPR(offset))
			return insn.map == UPR_MAP_1B && insn.opcode == 0x63 && upr_modrm_mod(&insn) != 3 &&
			       insn.base == base && insn.index < 16 && insn.sib >> 6 == 2;
		if (insn.gpr_write & UPR_GPR(base))
			return false;
	}
	return false;
}

/* @a + @b */
static u32 sum(struct search *s, u32 node, unsigned int a, unsigned int b)
{
	struct graph *g = s->g;
	u32 x, y;

	if (!s->depth)
		return FROM_UNKNOWN;
	x = sources(g, s->jump, s->straight, s->depth - 1, node, a);
	y = sources(g, s->jump, s->straight, s->depth - 1, node, b);
	if (is_base_and_offset(g, x, y) || is_base_and_offset(g, y, x))
		return FROM_JUMP;
	if (!g->inner && !s->straight &&
	    (((x & FROM_TABLE) && is_loaded_by(g, node, a, b)) || ((y & FROM_TABLE) && is_loaded_by(g, node, b, a))))
		return FROM_JUMP;
	return FROM_UNKNOWN;
}

static void add_table(struct jump *jump, u32 from)
{
	unsigned int i;

	for (i = 0; i < jump->nr_tables && jump->tables[i] != from; i++)
		;
	if (i == TABLES_MAX)
		jump->wide = true;
	else if (i == jump->nr_tables)
		jump->tables[jump->nr_tables++] = from;
}

static bool is_table(const struct code_map *map, u32 from)
{
	const struct code_table *t = code_table_of(map, from), *end = map->tables + map->nr_tables;

	for (; t && t < end && t->from == from; t++) {
		if (t->nr)
			return true;
	}
	return false;
}

static u32 lea_source(struct search *s, u32 node, const struct upr_insn *insn)
{
	u32 from = s->g->nodes[node].pos + insn->f_opcode.off;

	if (insn->attr & UPR_INSN_RIPREL) {
		if (!is_table(s->g->map, from))
			return FROM_ADDRESS;
		add_table(s->jump, from);
		return FROM_TABLE;
	}
	if (insn->base < 16 && insn->index < 16 && !insn->disp && insn->f_sib.size && !(insn->sib >> 6))
		return sum(s, node, insn->base, insn->index);
	return FROM_UNKNOWN;
}

/* mov and its relatives: a register goes on being looked for. */
static u32 move_source(struct search *s, u32 node, const struct upr_insn *insn, unsigned int from)
{
	if (upr_modrm_mod(insn) == 3) {
		search_before(s, node, from);
		return 0;
	}
	if (insn->opsize == 8 && insn->opcode != 0x63)
		return FROM_MEMORY;
	/* where addresses fit in 32 bits it may be one as well */
	return insn->opsize < 4 ? FROM_UNKNOWN : FROM_OFFSET;
}

/* Pointers kept by setjmp() and the like are disguised: xor with a word of the thread, rol or ror. */
static bool is_disguise(const struct upr_insn *insn)
{
	if (insn->opcode == 0x33)
		return upr_modrm_mod(insn) != 3 && (insn->prefixes & UPR_PFX_FS);
	return (insn->opcode == 0xc1 || insn->opcode == 0xd1) && upr_modrm_reg(insn) <= 1;
}

static u32 one_byte_source(struct search *s, u32 node, const struct upr_insn *insn, unsigned int reg)
{
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
		return upr_modrm_mod(insn) == 3 ? sum(s, node, reg_field(insn), rm_field(insn)) : FROM_UNKNOWN;
	case 0xc7:
		return FROM_ADDRESS;
	case 0x98:
		/* cltq: extends what a load has brought */
		search_before(s, node, reg);
		return insn->opsize == 8 ? 0 : FROM_UNKNOWN;
	case 0x31:
	case 0x33:
		if (upr_modrm_mod(insn) == 3 && reg_field(insn) == rm_field(insn))
			return FROM_ADDRESS;
		search_before(s, node, reg);
		return is_disguise(insn) ? 0 : FROM_UNKNOWN;
	case 0xc1:
	case 0xd1:
		search_before(s, node, reg);
		return is_disguise(insn) ? 0 : FROM_UNKNOWN;
	default:
		if ((insn->opcode & 0xf8) == 0xb8)
			return FROM_ADDRESS;
		return (insn->opcode & 0xf8) == 0x58 ? FROM_MEMORY : FROM_UNKNOWN;
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
	if (!decode_node(s->g, node, &insn)) {
		s->found |= FROM_UNKNOWN;
		return;
	}
	if (insn.gpr_write & UPR_GPR(reg))
		s->found |= write_source(s, node, &insn, reg);
	else
		search_before(s, node, reg);
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

/* Does the unwinder come here, or code that is not in the graph? */
static bool is_entered(struct graph *g, u32 pos)
{
	u32 from[4];
	size_t i, nr;

	if (code_bit(g->map->bits[CODE_PAD], pos))
		return true;
	nr = code_far_sources(g->map, pos, from, ARRAY_SIZE(from));
	for (i = 0; i < min(nr, ARRAY_SIZE(from)); i++) {
		if (!piece_at(g, from[i]))
			return true;
	}
	return nr > ARRAY_SIZE(from);
}

/* Indirect jumps that may lead to @node; those explained by tables have edges. */
static void search_jumps(struct search *s, u32 node, unsigned int reg)
{
	struct graph *g = s->g;
	u32 pos = g->nodes[node].pos;
	bool table, named;
	size_t i;

	if (!code_bit(g->map->bits[CODE_OTHER], pos))
		return;
	named = code_is_named(g->map, pos);
	table = code_bit(g->map->bits[CODE_TABLE], pos);
	for (i = 0; i < g->nr_jumps; i++) {
		const struct jump *j = &g->jumps[i];
		bool known = j->done && !j->wide;

		if (known ? named && !j->nr_tables : named || table)
			search_at(s, j->node, reg);
	}
	if (is_entered(g, pos))
		s->found |= FROM_UNKNOWN;
}

/* A function or label: does anybody come here who is not in the graph? */
static bool is_called(struct graph *g, u32 node)
{
	const struct piece *p = piece_at(g, g->nodes[node].pos);

	return p == g->pieces || !g->nodes[node].first || code_map_is_entry(g->map, &g->map->src[p->func]);
}

/* All places from which control comes to @node. */
static void search_predecessors(struct search *s, u32 node, unsigned int reg)
{
	struct graph *g = s->g;
	size_t i = first_edge(g, node);
	u32 pos = g->nodes[node].pos;

	if (s->straight && (g->nodes[node].first || (i < g->nr_edges && g->edges[i].to == node) ||
			    code_bit(g->map->bits[CODE_OTHER], pos))) {
		s->found |= FROM_UNKNOWN;
		return;
	}
	if (!g->nodes[node].first && passes_on(g->nodes[node - 1].branch))
		search_at(s, node - 1, reg);
	for (; i < g->nr_edges && g->edges[i].to == node; i++)
		search_at(s, g->edges[i].from, reg);
	/* a jump to where anybody may call is nothing special */
	if (code_bit(g->map->bits[CODE_FUNC], pos) && is_called(g, node))
		s->found |= FROM_OUTSIDE;
	else
		search_jumps(s, node, reg);
}

/* Where can @reg, as it is before @node, come from? */
static u32 sources(struct graph *g, struct jump *jump, bool straight, unsigned int depth, u32 node, unsigned int reg)
{
	struct search s = {.g = g, .jump = jump, .straight = straight, .depth = depth, .number = ++g->nr_searches};

	search_before(&s, node, reg);
	while (s.nr) {
		u32 next = s.todo[--s.nr];

		if (++g->nr_steps > STEPS_MAX) {
			s.found = FROM_UNKNOWN;
			break;
		}
		search_predecessors(&s, next / 16, next % 16);
	}
	free(s.todo);
	return s.found;
}

/* --- explaining the jumps ----------------------------------------------------------- */

/* The entries of the tables whose base is taken at @from become edges. */
static bool add_table_edges(struct graph *g, const struct jump *jump, u32 from)
{
	const struct code_table *t = code_table_of(g->map, from), *end = g->map->tables + g->map->nr_tables;

	for (; t && t < end && t->from == from; t++) {
		u64 avail;
		const u8 *p = upr_elf_bytes(g->map->elf, t->at, &avail);
		u32 i;

		for (i = 0; p && i < t->nr && 4ull * i + 4 <= avail; i++) {
			if (!add_edge(g, jump->node, code_pos(g->map, t->base + (s64)code_s32(p + 4 * i))))
				return false;
		}
	}
	return true;
}

/* A pointer that was loaded may have been computed and stored before, if there is what to compute it from. */
static bool is_explanation(const struct graph *g, u32 from)
{
	u32 good = FROM_JUMP | FROM_ADDRESS;

	/* the base of a table may be a label */
	if (g->inner)
		good |= FROM_TABLE;
	else
		good |= FROM_MEMORY | FROM_OUTSIDE | (g->map->absolute ? FROM_OFFSET : 0);
	return from && !(from & ~good);
}

static bool explain(struct graph *g, struct jump *jump, bool straight)
{
	struct upr_insn insn;
	unsigned int i;
	bool edges = true;

	jump->nr_tables = 0;
	jump->wide = false;
	if (jump->memory) {
		jump->done = !g->inner;
		return jump->done;
	}
	if (!decode_node(g, jump->node, &insn) ||
	    !is_explanation(g, sources(g, jump, straight, DEPTHS - 1, jump->node, rm_field(&insn))))
		return false;
	jump->done = true;
	for (i = 0; i < jump->nr_tables && edges; i++)
		edges = add_table_edges(g, jump, jump->tables[i]);
	/* without memory: as if it were not known where it leads */
	jump->wide |= !edges;
	return true;
}

/* Explain what can be.  Return: some jump was. */
static bool explain_some(struct graph *g, bool straight)
{
	bool ret = false;
	size_t i;

	for (i = 0; i < g->nr_jumps; i++) {
		if (!g->jumps[i].done)
			ret |= explain(g, &g->jumps[i], straight);
	}
	sort_edges(g);
	return ret;
}

static bool all_explained(const struct graph *g)
{
	size_t i;

	for (i = 0; i < g->nr_jumps; i++) {
		if (!g->jumps[i].done)
			return false;
	}
	return true;
}

/* --- jumps that a few instructions explain ------------------------------------------- */

/* Position of the instruction before @pos, as long as nothing but it leads there; CODE_NOWHERE: no such. */
static u32 straight_before(const struct code_map *map, const struct code_func *f, u32 pos)
{
	u32 back;

	if (code_bit(map->bits[CODE_BRANCH], pos) || code_bit(map->bits[CODE_OTHER], pos))
		return CODE_NOWHERE;
	for (back = 1; back <= UPR_INSN_MAX && back <= pos - f->start; back++) {
		if (code_bit(map->starts, pos - back))
			return pos - back;
	}
	return CODE_NOWHERE;
}

/* The last instruction before *pos that writes @reg; *pos: where it is.  false: not in the straight code before. */
static bool last_write(const struct code_map *map, const struct code_func *f, u32 *pos, unsigned int reg,
		       struct upr_insn *insn)
{
	do {
		*pos = straight_before(map, f, *pos);
		if (*pos == CODE_NOWHERE || !decode_pos(map, *pos, insn) || insn->branch)
			return false;
	} while (!(insn->gpr_write & UPR_GPR(reg)));
	return insn->map == UPR_MAP_1B && insn->enc == UPR_ENC_LEGACY;
}

/* lea table,%base; movslq (%base,index,4),%offset, before an addition of both at @pos */
static bool is_plain_sum(const struct code_map *map, const struct code_func *f, u32 pos, unsigned int base,
			 unsigned int offset)
{
	struct upr_insn insn;
	u32 load = pos;

	if (base == offset || !last_write(map, f, &load, offset, &insn) || insn.opcode != 0x63 || insn.base != base ||
	    upr_modrm_mod(&insn) == 3)
		return false;
	if (!last_write(map, f, &pos, base, &insn) || pos > load)
		return false;
	return insn.opcode == 0x8d && (insn.attr & UPR_INSN_RIPREL) && is_table(map, pos + insn.f_opcode.off);
}

/*
 * Most jumps are calls in last place, through a pointer that is loaded just before, or
 * take the address of their table just before.  false: not that simple.
 */
static bool is_plain(const struct code_map *map, const struct code_func *f, u32 pos, unsigned int reg)
{
	struct upr_insn insn;

	for (;;) {
		if (!last_write(map, f, &pos, reg, &insn))
			return false;
		if ((insn.opcode == 0x01 || insn.opcode == 0x03) && upr_modrm_mod(&insn) == 3)
			return is_plain_sum(map, f, pos, reg_field(&insn), rm_field(&insn)) ||
			       is_plain_sum(map, f, pos, rm_field(&insn), reg_field(&insn));
		if (insn.opcode != 0x8b || insn.opsize != 8)
			return false;
		if (upr_modrm_mod(&insn) != 3)
			return true;
		reg = rm_field(&insn);
	}
}

/* Are the places that look like indirect jumps none, or plain ones?  @f was proven linearly. */
static bool all_plain(const struct code_map *map, const struct code_func *f)
{
	size_t i;

	for (i = code_first_ind(map, f->start); i < map->nr_ind && map->ind[i] < f->end; i++) {
		u32 pos = map->ind[i];
		struct upr_insn insn;

		/* the opcode may have prefixes before it */
		while (!code_bit(map->starts, pos) && pos > f->start)
			pos--;
		if (!decode_pos(map, pos, &insn))
			return false;
		if (insn.branch == UPR_BR_JMP_IND && pos + insn.f_opcode.off == map->ind[i] &&
		    !is_plain(map, f, pos, rm_field(&insn)))
			return false;
	}
	return true;
}

/* --- the verdict ------------------------------------------------------------------ */

/* Does code take an address within its own function, other than the function's? */
static bool takes_inner(struct code_map *map, const struct code_func *f)
{
	size_t lo = 0, hi = map->inner.nr;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (map->inner.r[mid].from < f->start)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < map->inner.nr && map->inner.r[lo].from < f->end; lo++) {
		u32 from = map->inner.r[lo].from;

		if (code_looks_like_lea(map, from) ? code_maybe_lea(map, from) : code_maybe_operand(map, from))
			return true;
	}
	return false;
}

static bool may_lead_anywhere(struct code_map *map, size_t func)
{
	struct graph g;
	bool ret = true;

	if (graph_make(&g, map, func)) {
		g.inner = takes_inner(map, &map->funcs[func]);
		explain_some(&g, true);
		while (!all_explained(&g) && explain_some(&g, false))
			;
		ret = !all_explained(&g);
	}
	graph_free(&g);
	return ret;
}

static bool has_indirect(const struct code_map *map, const struct code_func *f)
{
	size_t i = code_first_ind(map, f->start);

	return i < map->nr_ind && map->ind[i] < f->end;
}

bool code_func_solo(struct code_map *map, size_t func)
{
	struct code_func *f = &map->funcs[func];

	if (f->solo == CODE_UNKNOWN) {
		if (!code_is_framed(map, map->src[func].addr))
			f->solo = CODE_YES;
		else if (!has_indirect(map, f) && !takes_inner(map, f))
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

/* Whatever the code at @func jumps into the middle of may be led to by its indirect jumps as well. */
static int distrust_targets(struct code_map *map, size_t func)
{
	const struct code_func *f = &map->funcs[func];
	struct upr_insn insn;
	u32 pos;

	for (pos = f->start; pos < f->end && decode_pos(map, pos, &insn); pos += insn.length) {
		u32 to = CODE_NOWHERE;
		ssize_t other;

		if (is_direct(insn.branch))
			to = code_pos(map, upr_insn_target(&insn, code_addr(map, pos)));
		other = to == CODE_NOWHERE ? -1 : code_func_at(map, to);
		if (other >= 0 && (size_t)other != func && to != map->funcs[other].start &&
		    map->funcs[other].solo != CODE_YES && code_distrust(map, other))
			return -ENOMEM;
	}
	return 0;
}

int code_distrust_jumpers(struct code_map *map)
{
	ssize_t last = -1;
	size_t i;

	for (i = 0; i < map->nr_ind; i++) {
		ssize_t func = code_func_at(map, map->ind[i]);

		if (func < 0 || func == last || code_map_is_entry(map, &map->src[func]))
			continue;
		last = func;
		if (code_func_solo(map, func) && distrust_targets(map, func))
			return -ENOMEM;
	}
	return 0;
}
