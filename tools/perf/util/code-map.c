// SPDX-License-Identifier: GPL-2.0
/*
 * code-map.c - see code-map.h: making the map, and asking it about a site.
 *
 * Purpose: what costs time for the whole file is done by looking at bytes
 * (code-scan.c) or at tables (code-data.c, code-eh.c).  Decoding is for the few
 * functions near a site, and only where looks are in doubt: rel8 branches reach
 * no further than 129 bytes, and a byte that looks like one is none when it is proven to be
 * inside of an instruction.
 *
 * Locks: none, see code-map.h.
 */
#include <errno.h>

#include "code-priv.h"

/* --- functions ------------------------------------------------------------ */

ssize_t code_func_before(struct code_map *map, u32 pos)
{
	size_t lo = 0, hi = map->nr_funcs;

	/* mostly the same place is asked for again */
	if (map->last < hi && map->funcs[map->last].start <= pos &&
	    (map->last + 1 == hi || map->funcs[map->last + 1].start > pos))
		return map->last;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (map->funcs[mid].start <= pos)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo)
		map->last = lo - 1;
	return (ssize_t)lo - 1;
}

ssize_t code_func_at(struct code_map *map, u32 pos)
{
	ssize_t i;

	for (i = code_func_before(map, pos); i >= 0 && map->funcs[i].reach > pos; i--) {
		if (map->funcs[i].end > pos && (map->src[i].entry || map->src[i].kind == UPR_SYM_PART))
			return i;
	}
	return -1;
}

enum code_proof code_func_read(struct code_map *map, size_t func)
{
	struct code_func *f = &map->funcs[func];
	struct upr_boundaries b;
	size_t i;

	if (f->proof >= CODE_LINEAR)
		return f->proof;
	f->proof = CODE_DOUBTFUL;
	if (upr_func_boundaries(map->elf, &map->src[func], &b, NULL))
		return f->proof;
	if (b.linear) {
		f->proof = CODE_LINEAR;
		for (i = 0; i < b.nr; i++)
			code_set(map->starts, f->start + b.offs[i]);
		for (i = 0; i < b.nr_targets; i++)
			code_mark(map, CODE_BRANCH, f->start + b.targets[i]);
	}
	upr_boundaries_free(&b);
	return f->proof;
}

/*
 * What is executed from a function's start on, one after the other: as sure as the whole function's proof,
 * and much cheaper.  Calls count as long as they lead to functions: others may be a way to take an address.
 */
#define BEGIN_MAX 512u

static void begin_func(struct code_map *map, struct code_func *f)
{
	const struct code_seg *seg = code_seg_at(map, f->start);
	const u8 *code = seg->bytes + (f->start - seg->pos);
	u32 size = min(f->end - f->start, BEGIN_MAX), off = 0;
	struct upr_insn insn;

	f->proof = CODE_BEGUN;
	while (off < size && !upr_insn_decode(&insn, code + off, f->end - f->start - off, UPR_INSN_64)) {
		code_set(map->starts, f->start + off);
		off += insn.length;
		f->known = off;
		if (insn.branch == UPR_BR_CALL) {
			u32 to = code_pos(map, upr_insn_target(&insn,
							       seg->addr + (f->start - seg->pos) + off - insn.length));

			if (to == CODE_NOWHERE || !code_bit(map->bits[CODE_FUNC], to))
				break;
		} else if (insn.branch != UPR_BR_NONE && insn.branch != UPR_BR_JCC && insn.branch != UPR_BR_CALL_IND) {
			break;
		}
	}
}

/* Is it known which bytes of a function begin instructions, at @pos at least? */
static bool is_read(struct code_map *map, size_t func, u32 pos)
{
	struct code_func *f = &map->funcs[func];

	if (f->proof == CODE_UNREAD && pos - f->start < BEGIN_MAX)
		begin_func(map, f);
	return pos - f->start < f->known || code_func_read(map, func) == CODE_LINEAR;
}

/* Is this known of all functions around @pos, one at least? */
static bool read_around(struct code_map *map, u32 pos)
{
	bool read = false;
	ssize_t i;

	for (i = code_func_before(map, pos); i >= 0 && map->funcs[i].reach > pos; i--) {
		if (map->funcs[i].end <= pos)
			continue;
		if (!is_read(map, i, pos))
			return false;
		read = true;
	}
	return read;
}

bool code_maybe_start(struct code_map *map, u32 pos)
{
	return !read_around(map, pos) || code_bit(map->starts, pos);
}

/* --- references by their looks --------------------------------------------- */

static bool branch_at(const struct upr_insn *insn, u32 off)
{
	bool direct = insn->branch == UPR_BR_JMP || insn->branch == UPR_BR_JCC || insn->branch == UPR_BR_LOOP ||
		      insn->branch == UPR_BR_CALL || insn->branch == UPR_BR_XBEGIN;

	return direct && off == insn->f_opcode.off;
}

static bool lea_at(const struct upr_insn *insn, u32 off)
{
	return off == insn->f_opcode.off && insn->map == UPR_MAP_1B && insn->opcode == 0x8d;
}

/* The displacements and immediates of branches are relative. */
static bool operand_at(const struct upr_insn *insn, u32 off)
{
	bool imm = insn->f_imm.size >= 4 && off == insn->f_imm.off;
	bool disp = insn->f_disp.size >= 4 && off == insn->f_disp.off && !(insn->attr & UPR_INSN_RIPREL);

	return disp || (imm && !branch_at(insn, insn->f_opcode.off));
}

/* Does @test hold for some instruction around @pos?  Functions, and their instructions, may overlap. */
static bool maybe(struct code_map *map, u32 pos, bool (*test)(const struct upr_insn *insn, u32 off))
{
	const struct code_seg *seg = code_seg_at(map, pos);
	u32 off = pos - seg->pos, back;
	struct upr_insn insn;

	if (!read_around(map, pos))
		return true;
	for (back = 0; back < UPR_INSN_MAX && back <= off; back++) {
		if (code_bit(map->starts, pos - back) &&
		    !upr_insn_decode(&insn, seg->bytes + off - back, seg->size - off + back, UPR_INSN_64) &&
		    test(&insn, back))
			return true;
	}
	return false;
}

bool code_maybe_branch(struct code_map *map, u32 from)
{
	return maybe(map, from, branch_at);
}

bool code_maybe_lea(struct code_map *map, u32 from)
{
	return maybe(map, from, lea_at);
}

bool code_maybe_operand(struct code_map *map, u32 from)
{
	return maybe(map, from, operand_at);
}

static int by_to(const void *a, const void *b)
{
	const struct code_ref *x = a, *y = b;

	if (x->to != y->to)
		return x->to < y->to ? -1 : 1;
	return x->from < y->from ? -1 : x->from > y->from;
}

/* Index of the first reference to @pos. */
static size_t first_ref(struct code_refs *refs, u32 pos)
{
	size_t lo = 0, hi = refs->nr;

	if (!refs->sorted && refs->nr)
		qsort(refs->r, refs->nr, sizeof(*refs->r), by_to);
	refs->sorted = true;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (refs->r[mid].to < pos)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Is any of the references to @pos real? */
static bool really_referred(struct code_map *map, struct code_refs *refs, u32 pos,
			    bool (*is_real)(struct code_map *map, u32 from))
{
	size_t i;

	for (i = first_ref(refs, pos); i < refs->nr && refs->r[i].to == pos; i++) {
		if (is_real(map, refs->r[i].from))
			return true;
	}
	return false;
}

size_t code_far_sources(struct code_map *map, u32 pos, u32 *from, size_t max)
{
	size_t i, nr = 0;

	if (!code_bit(map->bits[CODE_FAR_BRANCH], pos))
		return 0;
	for (i = first_ref(&map->branches, pos); i < map->branches.nr && map->branches.r[i].to == pos; i++) {
		if (!code_maybe_branch(map, map->branches.r[i].from))
			continue;
		if (nr < max)
			from[nr] = map->branches.r[i].from;
		nr++;
	}
	return nr;
}

static bool is_far_branched(struct code_map *map, u32 pos)
{
	return code_bit(map->bits[CODE_FAR_BRANCH], pos) &&
	       really_referred(map, &map->branches, pos, code_maybe_branch);
}

/* By an instruction.  Many an immediate is a number and no address; one in the middle of an instruction is for sure. */
static bool is_taken(struct code_map *map, u32 pos)
{
	return (code_bit(map->bits[CODE_FAR_LEA], pos) && really_referred(map, &map->leas, pos, code_maybe_lea)) ||
	       (code_bit(map->bits[CODE_FAR_OPERAND], pos) && code_maybe_start(map, pos) &&
		really_referred(map, &map->operands, pos, code_maybe_operand));
}

/* Is there an indirect jump in the function around? */
static bool is_near_indirect(struct code_map *map, u32 pos)
{
	ssize_t func = code_func_at(map, pos);
	size_t i;

	if (func < 0)
		return true;
	i = code_first_ind(map, map->funcs[func].start);
	return i < map->nr_ind && map->ind[i] < map->funcs[func].end;
}

/*
 * A pointer to the middle of an instruction is none.  Compilers make none of 32 bits
 * either; one to a label would be for a jump through a register near it.
 */
static bool is_pointed_to(struct code_map *map, u32 pos)
{
	if (code_bit(map->bits[CODE_NAMED], pos))
		return true;
	if (code_bit(map->bits[CODE_WORD], pos))
		return code_maybe_start(map, pos);
	return code_bit(map->bits[CODE_HALF], pos) && is_near_indirect(map, pos) && code_maybe_start(map, pos);
}

bool code_is_named(struct code_map *map, u32 pos)
{
	return code_bit(map->bits[CODE_OTHER], pos) && (is_pointed_to(map, pos) || is_taken(map, pos));
}

/* --- marks ---------------------------------------------------------------------- */

void code_mark_addr(struct code_map *map, enum code_kind kind, u64 addr)
{
	u32 pos = code_pos(map, addr);

	if (pos != CODE_NOWHERE)
		code_mark(map, kind, pos);
}

/* --- making it -------------------------------------------------------------- */

static int take_segments(struct code_map *map)
{
	const struct upr_elf *elf = map->elf;
	u64 size = 0;
	size_t i;

	map->segs = calloc(elf->nr_segs + 1, sizeof(*map->segs));
	if (!map->segs)
		return -ENOMEM;
	map->lo = (u64)-1;
	for (i = 0; i < elf->nr_segs; i++) {
		const struct upr_segment *s = &elf->segs[i];

		if (!s->exec)
			continue;
		if (s->filesz > UINT32_MAX - UPR_SITE_CODE - size)
			return -EFBIG;
		map->segs[map->nr_segs++] = (struct code_seg){
			.addr = s->vaddr,
			.bytes = elf->raw + s->offset,
			.size = s->filesz,
			.pos = size,
		};
		size += s->filesz;
		map->lo = min(map->lo, s->vaddr);
		map->hi = max(map->hi, s->vaddr + s->filesz);
	}
	map->size = size;
	return 0;
}

static int take_functions(struct code_map *map, struct upr_error *err)
{
	u32 reach = 0;
	size_t i, nr;

	map->src = upr_elf_funcs(map->elf, &nr, err);
	if (!map->src)
		return -ENOMEM;
	map->funcs = calloc(nr + 1, sizeof(*map->funcs));
	if (!map->funcs)
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		struct code_func *f = &map->funcs[i];

		f->start = code_pos(map, map->src[i].addr);
		f->end = f->start + map->src[i].size;
		reach = f->reach = max(reach, f->end);
		code_mark(map, CODE_FUNC, f->start);
	}
	map->nr_funcs = nr;
	return 0;
}

static int take_bits(struct code_map *map)
{
	/* a window may be looked for at the very end */
	size_t words = map->size / 64 + 2, i;

	for (i = 0; i < CODE_NR_KINDS; i++) {
		map->bits[i] = calloc(words, sizeof(u64));
		if (!map->bits[i])
			return -ENOMEM;
	}
	map->starts = calloc(words, sizeof(u64));
	return map->starts ? 0 : -ENOMEM;
}

static void code_map_free(struct code_map *map)
{
	size_t i;

	for (i = 0; i < CODE_NR_KINDS; i++)
		free(map->bits[i]);
	free(map->starts);
	free(map->segs);
	free(map->funcs);
	free(map->branches.r);
	free(map->leas.r);
	free(map->operands.r);
	free(map->inner.r);
	free(map->aborts.r);
	free(map->ind);
	free(map->tables);
	free(map->forbidden);
	free(map->spans);
	upr_boundaries_free(&map->doubtful);
	free(map);
}

static int make(struct code_map *map, struct upr_error *err)
{
	int rc;

	if (map->elf->info.mode32)
		return upr_error_set(err, UPR_ERR_UNSUPPORTED, EOPNOTSUPP,
				     "%s is 32-bit code: no jumps are placed there", map->elf->info.name);
	rc = take_segments(map);
	if (rc == -EFBIG)
		return upr_error_set(err, UPR_ERR_UNSUPPORTED, EFBIG,
				     "%s has more than 4 GiB of code: no jumps are placed there", map->elf->info.name);
	map->absolute = map->elf->info.type == ET_EXEC;
	if (rc || take_bits(map) || take_functions(map, err))
		return upr_error_nomem(err);
	code_scan_frames(map);
	if (code_scan_text(map) || code_scan_data(map) || code_mark_tables(map))
		return upr_error_nomem(err);
	return 0;
}

struct code_map *code_map_get(struct upr_elf *elf, bool no_cache, struct upr_error *err)
{
	struct code_map *map = elf->code;

	if (map)
		return map;
	map = calloc(1, sizeof(*map));
	if (!map) {
		upr_error_nomem(err);
		return NULL;
	}
	map->elf = elf;
	map->doubtful_func = SIZE_MAX;
	if (make(map, err)) {
		code_map_free(map);
		return NULL;
	}
	elf->code = map;
	elf->code_free = code_map_free;
	return map;
}

/* --- asking it ----------------------------------------------------------------- */

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
	const char *why;
};

static void cut(struct look *l, u32 limit, const char *why)
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

/* Why control flow may arrive at @pos, one of whose CODE_OTHER kinds is set; NULL: it only looked so. */
static const char *other_reason(struct code_map *map, u32 pos)
{
	if (code_bit(map->bits[CODE_FUNC], pos))
		return "a function begins in the next bytes";
	if (code_bit(map->bits[CODE_PAD], pos))
		return "an exception handler begins in the next bytes";
	if (code_bit(map->bits[CODE_TABLE], pos))
		return "a jump table leads into the next bytes";
	if (code_bit(map->bits[CODE_RSEQ], pos))
		return "a restartable critical section begins in the next bytes";
	if (is_pointed_to(map, pos))
		return "data holds an address in the next bytes";
	if (is_far_branched(map, pos))
		return "a branch leads into the next bytes";
	if (is_taken(map, pos))
		return "the program takes an address in the next bytes";
	return NULL;
}

/* What the map holds. */
static void look_at_map(struct look *l)
{
	struct code_map *map = l->map;
	u64 branch = bits_from(map->bits[CODE_BRANCH], l->pos) >> 1;
	u64 other = bits_from(map->bits[CODE_OTHER], l->pos) >> 1;

	if (branch)
		cut(l, __builtin_ctzll(branch) + 1, "a branch leads into the next bytes");
	for (; other; other &= other - 1) {
		u32 off = __builtin_ctzll(other) + 1;
		const char *why;

		if (off >= l->limit)
			break;
		why = other_reason(map, l->pos + off);
		if (why)
			cut(l, off, why);
	}
}

static const struct upr_boundaries *doubtful_bounds(struct code_map *map, size_t func)
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
	b = doubtful_bounds(l->map, l->func);
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
			cut(l, off, "the next bytes are no instruction");
			return;
		}
		if (jumped && !is_proven(l, off, off + insn.length)) {
			cut(l, off, "the next bytes are not proven to be instructions");
			return;
		}
		if (!off)
			l->first = insn.length;
		off += insn.length;
		l->wanted = off;
		if (off < UPR_JUMP_SIZE && (insn.branch == UPR_BR_CALL || insn.branch == UPR_BR_CALL_IND))
			cut(l, off, "a call returns into the next bytes");
		/* also calls: the callee may take their place for the address of a constant */
		if (insn.branch != UPR_BR_NONE && insn.branch != UPR_BR_JCC && insn.branch != UPR_BR_LOOP)
			jumped = true;
	}
	l->limit = min(l->limit, l->wanted);
}

/* Bytes before the site, or behind it, from which a rel8 branch may lead into the window. */
static void look_around(struct look *l)
{
	const u8 *bytes = l->seg->bytes;
	u32 site = l->pos - l->seg->pos;
	u32 off = site > 128 ? site - 128 : 0, end = min(site + l->limit + 126, l->seg->size - 1);

	for (; off < end; off++) {
		u32 to = off + 2 + (s8)bytes[off + 1] - site;
		u8 op = bytes[off];

		if (to - 1 >= l->limit - 1 || ((op & 0xf0) != 0x70 && op != 0xeb && (op & 0xfc) != 0xe0))
			continue;
		if (code_maybe_branch(l->map, l->seg->pos + off))
			cut(l, to, "a branch leads into the next bytes");
	}
}

/* One not in a known function, or with an indirect jump that may lead anywhere. */
static bool is_solo(const struct look *l)
{
	if (l->func < 0)
		return true;
	return code_func_solo(l->map, l->func);
}

void code_map_facts(struct code_map *map, u64 addr, struct upr_facts *ret)
{
	struct look l = {.map = map, .pos = code_pos(map, addr)};
	u32 left;

	*ret = (struct upr_facts){.why = "the file has no code there"};
	if (l.pos == CODE_NOWHERE)
		return;
	l.seg = code_seg_at(map, l.pos);
	l.func = code_func_at(map, l.pos);
	left = l.seg->size - (l.pos - l.seg->pos);
	ret->len = min(left, UPR_SITE_CODE);
	memcpy(ret->code, l.seg->bytes + (l.pos - l.seg->pos), ret->len);
	ret->why = "inside a restartable critical section";
	if (map->nr_forbidden && code_is_forbidden(map, addr))
		return;
	l.limit = ret->len;
	look_ahead(&l);
	look_at_map(&l);
	if (l.limit > 1)
		look_around(&l);
	ret->clear = l.limit;
	ret->why = l.limit < l.wanted ? l.why : NULL;
	if (l.limit < l.first) {
		ret->clear = 0;
		ret->why = "a branch may lead into the middle of the instruction";
	}
	ret->solo = is_solo(&l);
	code_live(map, l.pos, &ret->dead_gpr, &ret->flags_dead);
}

bool code_map_is_entry(struct code_map *map, const struct upr_func *func)
{
	u32 pos = code_pos(map, func->addr);

	if (func->kind != UPR_SYM_FDE)
		return func->kind == UPR_SYM_FUNC || func->kind == UPR_SYM_IFUNC;
	return pos != CODE_NOWHERE && (!code_bit(map->bits[CODE_JUMPED], pos) ||
				       code_bit(map->bits[CODE_CALLED], pos) || code_bit(map->bits[CODE_NAMED], pos));
}
