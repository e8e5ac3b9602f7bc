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
#include <sys/mman.h>

#include "code-priv.h"

/* --- functions ------------------------------------------------------------ */

static bool is_last_before(const struct code_map *map, size_t func, u32 pos)
{
	return func < map->nr_funcs && map->funcs[func].start <= pos &&
	       (func + 1 == map->nr_funcs || map->funcs[func + 1].start > pos);
}

ssize_t code_func_before(struct code_map *map, u32 pos)
{
	size_t lo = 0, hi = map->nr_funcs;

	/* mostly the same place is asked for again, or the next */
	if (is_last_before(map, map->last, pos))
		return map->last;
	if (is_last_before(map, map->last + 1, pos))
		return ++map->last;
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

enum code_proof code_func_read(struct code_map *map, size_t func)
{
	struct code_func *f = &map->funcs[func];
	struct upr_boundaries b;
	size_t i;

	if (f->proof >= CODE_LINEAR)
		return f->proof;
	/* without memory nothing more is proven */
	if (upr_func_boundaries(map->elf, &map->src[func], &b, NULL))
		b = (struct upr_boundaries){0};
	for (i = 0; b.linear && i < b.nr; i++)
		code_set(map->starts, f->start + b.offs[i]);
	for (i = 0; b.linear && i < b.nr_targets; i++)
		code_mark(map, CODE_BRANCH, f->start + b.targets[i]);
	/* whoever asks first: what is executed one after the other is known of every function */
	if (!b.linear && f->proof == CODE_UNREAD)
		begin_func(map, f);
	f->proof = b.linear ? CODE_LINEAR : CODE_DOUBTFUL;
	upr_boundaries_free(&b);
	return f->proof;
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

bool code_in_plt(const struct code_map *map, u32 pos)
{
	const struct upr_text_section *sec = upr_text_section_at(map->elf, code_addr(map, pos));

	return sec && sec->plt;
}

bool code_maybe_start(struct code_map *map, u32 pos)
{
	return !read_around(map, pos) || code_bit(map->starts, pos);
}

/* --- references by their looks --------------------------------------------- */

static bool branch_at(const struct upr_insn *insn, u32 off)
{
	return upr_insn_has_target(insn) && off == insn->f_opcode.off;
}

static bool call_at(const struct upr_insn *insn, u32 off)
{
	return off == insn->f_opcode.off && (insn->branch == UPR_BR_CALL || insn->branch == UPR_BR_CALL_IND);
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

bool code_maybe_call(struct code_map *map, u32 from)
{
	return maybe(map, from, call_at);
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

bool code_is_far_branched(struct code_map *map, u32 pos)
{
	return code_bit(map->bits[CODE_FAR_BRANCH], pos) &&
	       really_referred(map, &map->branches, pos, code_maybe_branch);
}

/* By an instruction.  Many an immediate is a number and no address; one in the middle of an instruction is for sure. */
bool code_is_taken(struct code_map *map, u32 pos)
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
bool code_is_pointed_to(struct code_map *map, u32 pos)
{
	if (code_bit(map->bits[CODE_NAMED], pos))
		return true;
	if (code_bit(map->bits[CODE_WORD], pos))
		return code_maybe_start(map, pos);
	return code_bit(map->bits[CODE_HALF], pos) && is_near_indirect(map, pos) && code_maybe_start(map, pos);
}

bool code_is_named(struct code_map *map, u32 pos)
{
	return code_bit(map->bits[CODE_OTHER], pos) && (code_is_pointed_to(map, pos) || code_is_taken(map, pos));
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
	}
	map->nr_funcs = nr;
	return 0;
}

/* A bit per position; a window may be looked for at the very end. */
static size_t bits_size(const struct code_map *map)
{
	return (map->size / 64 + 2) * sizeof(u64);
}

#define LARGE_PAGE ((size_t)2 << 20)

/* Those of a large file are memory of their own: of large pages, where there are such, and only as far as it is used. */
static u64 *bits_new(const struct code_map *map)
{
	size_t size = bits_size(map);
	void *p;

	if (size < LARGE_PAGE)
		return calloc(1, size);
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	madvise(p, size, MADV_HUGEPAGE);
	return p;
}

void code_bits_free(const struct code_map *map, u64 *bits)
{
	if (bits_size(map) < LARGE_PAGE)
		free(bits);
	else if (bits)
		munmap(bits, bits_size(map));
}

int code_map_take_bits(struct code_map *map)
{
	size_t i;

	for (i = 0; i < CODE_NR_KINDS; i++) {
		map->bits[i] = bits_new(map);
		map->filled[i] = calloc(map->size / CODE_FILLED / 64 + 1, sizeof(u64));
		if (!map->bits[i] || !map->filled[i])
			return -ENOMEM;
	}
	map->starts = bits_new(map);
	return map->starts ? 0 : -ENOMEM;
}

static void code_map_free(struct code_map *map)
{
	size_t i;

	for (i = 0; i < CODE_NR_KINDS; i++) {
		code_bits_free(map, map->bits[i]);
		free(map->filled[i]);
	}
	code_bits_free(map, map->starts);
	free(map->segs);
	free(map->funcs);
	free(map->entries);
	free(map->branches.r);
	free(map->leas.r);
	free(map->operands.r);
	free(map->inner.r);
	free(map->aborts.r);
	free(map->ind);
	free(map->tables);
	free(map->forbidden);
	free(map->distrusted);
	free(map->spans);
	upr_boundaries_free(&map->doubtful);
	free(map);
}

static void code_map_close(struct code_map *map)
{
	code_cache_save(map);
	code_map_free(map);
}

/* What is cheap, and where the cache can be asked. */
static int prepare(struct code_map *map, struct upr_error *err)
{
	const char *name = map->elf->info.name;
	int rc;

	if (map->elf->info.mode32)
		return upr_error_set(err, UPR_ERR_UNSUPPORTED, EOPNOTSUPP,
				     "%s is 32-bit code: no jumps are placed there", name);
	rc = take_segments(map);
	if (rc == -EFBIG)
		return upr_error_set(err, UPR_ERR_UNSUPPORTED, EFBIG,
				     "%s has more than 4 GiB of code: no jumps are placed there", name);
	map->absolute = map->elf->info.type == ET_EXEC;
	if (rc || take_functions(map, err))
		return upr_error_nomem(err);
	code_cache_load(map, false);
	return 0;
}

int code_map_complete(struct code_map *map)
{
	size_t i;

	if (map->complete)
		return 0;
	/* a second attempt, after memory was short, would find half of the first */
	if (map->bits[0])
		return -ENOMEM;
	if (!code_cache_load(map, true)) {
		if (code_map_take_bits(map))
			return -ENOMEM;
		for (i = 0; i < map->nr_funcs; i++)
			code_mark(map, CODE_FUNC, map->funcs[i].start);
		if (code_scan_frames(map) || code_scan_text(map) || code_scan_data(map) || code_mark_tables(map))
			return -ENOMEM;
		map->news = true;
		map->complete = true;
		if (code_distrust_jumpers(map))
			return -ENOMEM;
	}
	map->complete = true;
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
	map->no_cache = no_cache;
	map->doubtful_func = SIZE_MAX;
	if (prepare(map, err)) {
		code_map_free(map);
		return NULL;
	}
	elf->code = map;
	elf->code_free = code_map_close;
	return map;
}

void code_map_put(struct upr_elf *elf)
{
	if (elf->code)
		code_map_close(elf->code);
	elf->code = NULL;
}
