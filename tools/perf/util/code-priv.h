/* SPDX-License-Identifier: GPL-2.0 */
/*
 * code-priv.h - what the code-*.c files share.
 *
 * Purpose: the insides of struct code_map.  Nobody else includes this, tests excepted.
 *
 * The bytes of all executable segments are numbered through: a position.  Most
 * tables hold positions, which are half the size of addresses.
 *
 * Locks: none, see code-map.h.
 */
#ifndef PERF_UTIL_CODE_PRIV_H
#define PERF_UTIL_CODE_PRIV_H

#include "code-map.h"
#include "symbol-priv.h"

/**
 * enum code_kind - why control flow may arrive at a byte; each has a bit per position
 * @CODE_BRANCH:	a direct branch
 * @CODE_OTHER:		anything below from CODE_FUNC to CODE_FAR_OPERAND
 * @CODE_FUNC:		a function or label begins
 * @CODE_NAMED:		an address that data or relocations hold
 * @CODE_PAD:		landing pad
 * @CODE_TABLE:		named by a table of offsets
 * @CODE_RSEQ:		in a critical section, or its abort handler
 * @CODE_FAR_BRANCH:	looks like a branch from another function: see code_map.branches
 * @CODE_FAR_LEA:	looks like a lea of the address: see code_map.leas
 * @CODE_FAR_OPERAND:	looks like an operand that is the address: see code_map.operands
 * @CODE_WORD:		8 bytes of data are its address, perhaps by accident
 * @CODE_HALF:		4 bytes are: see is_pointed_to()
 * @CODE_CALLED:	of a CODE_FUNC: some direct call leads there
 * @CODE_JUMPED:	of a CODE_FUNC: some direct jump leads there
 */
enum code_kind {
	CODE_BRANCH,
	CODE_OTHER,
	CODE_FUNC,
	CODE_NAMED,
	CODE_PAD,
	CODE_TABLE,
	CODE_RSEQ,
	CODE_FAR_BRANCH,
	CODE_WORD,
	CODE_HALF,
	CODE_FAR_LEA,
	CODE_FAR_OPERAND,
	CODE_CALLED,
	CODE_JUMPED,
	CODE_NR_KINDS,
};

#define CODE_NOWHERE ((u32)-1)

/* Positions whose bits are a page. */
#define CODE_FILLED (8u * 4096)

/* An executable segment; @pos: of its first byte. */
struct code_seg {
	u64 addr;
	const u8 *bytes;
	u32 size;
	u32 pos;
};

/* A reference found by its looks: it is real if an instruction has its opcode, or the operand, at @from. */
struct code_ref {
	u32 to;
	u32 from;
};

struct code_refs {
	struct code_ref *r;
	size_t nr;
	size_t cap;
	bool sorted;
};

/* What has been found out about the instructions of a function. */
enum code_proof {
	CODE_UNREAD,
	CODE_BEGUN,	/* code_func.known is */
	CODE_LINEAR,	/* see enum upr_proof; its boundaries are in code_map.starts */
	CODE_DOUBTFUL,
};

enum code_answer {
	CODE_UNKNOWN,
	CODE_NO,
	CODE_YES,
};

/**
 * struct code_func - a function of the file, by position
 * @reach:	the greatest end among this one and all before
 * @known:	bytes from the start on that are executed one after the other, if it was looked at
 * @proof:	enum code_proof
 * @solo:	enum code_answer
 * @flags_used:	a caller reads the flags that it leaves; @flags_passed: whom it jumps to is marked as well
 * Numbered as upr_elf_funcs() has them.
 */
struct code_func {
	u32 start;
	u32 end;
	u32 reach;
	u16 known;
	u8 proof;
	u8 solo;
	bool flags_used;
	bool flags_passed;
};

/*
 * What is known about a function's first instruction: see struct upr_facts; @why by number.  Its bytes are kept
 * with it: those of a hundred thousand functions lie in as many pages of the file.
 */
struct code_entry {
	u8 code[UPR_SITE_CODE];
	u8 len;
	u8 clear;
	u8 why;
	u16 dead_gpr;
	bool flags_dead;
	bool solo;
	u8 jumped_only; /* enum code_answer: see code_map_is_entry() */
	bool known;
	u8 nr_holes;
	s8 holes[UPR_HOLES];
};

/* A table of offsets from @base, which a lea with its opcode at @from takes. */
struct code_table {
	u32 from;
	u32 nr;
	u64 at;
	u64 base;
};

/* Instructions from which an exception may lead to a landing pad. */
struct code_span {
	u64 lo, hi;
};

/**
 * struct code_map - see code-map.h
 * @complete:	all of it has been made, or read from the cache; else only @funcs and @entries are there
 * @no_cache:	see code_map_get()
 * @news:	something is known that is not in the cache
 * @entries:	per function, or NULL
 * @absolute:	the file is loaded where it is linked: code holds addresses as they are
 * @bits:	enum code_kind, a bit per position each
 * @filled:	where there are any: a bit per CODE_FILLED positions each.  Most of @bits is never touched, and has no memory
 * @starts:	a bit per position: where instructions begin, as far as functions were read
 * @branches:	references by rel32 between functions
 * @leas:	addresses taken by lea
 * @operands:	addresses that immediates and displacements are
 * @inner:	those of both that lead into the middle of the function they are in, by @from
 * @aborts:	what looks like the abort handler of a critical section
 * @ind:	positions where an indirect jump through a register may be, ascending
 * @tables:	by @from
 * @forbidden:	critical sections and abort handlers: no jump there
 * @flags_known: code-return.c has been through; @all_flags_used: any return may lead to one who reads flags
 * @distrusted:	functions that are solo for other reasons than their own indirect jumps
 * @last:	the function last looked up
 * @doubtful:	of the last function asked about that was not proven linearly
 * @lsda_fde:	whose call sites @spans are
 * @holes:	of the last site asked about
 */
struct code_map {
	struct upr_elf *elf;
	bool absolute;
	bool complete;
	bool no_cache;
	bool news;
	struct code_entry *entries;
	struct code_seg *segs;
	size_t nr_segs;
	u64 lo, hi;
	u32 size;
	u64 *bits[CODE_NR_KINDS];
	u64 *filled[CODE_NR_KINDS];
	u64 *starts;
	const struct upr_func *src;
	struct code_func *funcs;
	size_t nr_funcs;
	size_t last;
	struct code_refs branches;
	struct code_refs leas;
	struct code_refs operands;
	struct code_refs inner;
	struct code_refs aborts;
	u32 *ind;
	size_t nr_ind;
	size_t cap_ind;
	struct code_table *tables;
	size_t nr_tables;
	size_t cap_tables;
	struct code_span *forbidden;
	size_t nr_forbidden;
	size_t cap_forbidden;
	bool flags_known;
	bool all_flags_used;
	u32 *distrusted;
	size_t nr_distrusted;
	size_t cap_distrusted;
	struct upr_boundaries doubtful;
	size_t doubtful_func;
	struct code_span *spans;
	size_t nr_spans;
	size_t cap_spans;
	const struct upr_fde *lsda_fde;
	struct upr_hole holes[UPR_HOLES];
};

static inline bool code_bit(const u64 *bits, u32 pos)
{
	return bits[pos / 64] >> (pos % 64) & 1;
}

static inline void code_set(u64 *bits, u32 pos)
{
	bits[pos / 64] |= 1ull << (pos % 64);
}

static inline void code_put(struct code_map *map, enum code_kind kind, u32 pos)
{
	code_set(map->bits[kind], pos);
	code_set(map->filled[kind], pos / CODE_FILLED);
}

static inline void code_mark(struct code_map *map, enum code_kind kind, u32 pos)
{
	code_put(map, kind, pos);
	if (kind != CODE_BRANCH)
		code_put(map, CODE_OTHER, pos);
}

/* Position of an address, CODE_NOWHERE if it is not text. */
static inline u32 code_pos(const struct code_map *map, u64 addr)
{
	size_t i;

	for (i = 0; i < map->nr_segs; i++) {
		if (addr - map->segs[i].addr < map->segs[i].size)
			return addr - map->segs[i].addr + map->segs[i].pos;
	}
	return CODE_NOWHERE;
}

static inline const struct code_seg *code_seg_at(const struct code_map *map, u32 pos)
{
	size_t i = 0;

	while (pos - map->segs[i].pos >= map->segs[i].size)
		i++;
	return &map->segs[i];
}

static inline u64 code_addr(const struct code_map *map, u32 pos)
{
	const struct code_seg *seg = code_seg_at(map, pos);

	return pos - seg->pos + seg->addr;
}

/* code-map.c */

/* Does control come to @pos, where a function begins, by direct jumps alone? */
enum code_answer code_is_jumped_only(const struct code_map *map, u32 pos);
/* Make what has not been made.  Return: 0 or -ENOMEM. */
int code_map_complete(struct code_map *map);
/* Room for all that code_map_complete() makes.  Return: 0 or -ENOMEM. */
int code_map_take_bits(struct code_map *map);
/* One of @bits, or @starts. */
void code_bits_free(const struct code_map *map, u64 *bits);

/* Index of the last function that begins at or before @pos, -1: none. */
ssize_t code_func_before(struct code_map *map, u32 pos);
/* The innermost function around @pos, -1: none.  Labels within functions do not count. */
ssize_t code_func_at(struct code_map *map, u32 pos);
/* Read a function's instructions, if need be.  Return: enum code_proof. */
enum code_proof code_func_read(struct code_map *map, size_t func);
/* May an instruction begin at @pos?  false: it is proven to be inside of one. */
bool code_maybe_start(struct code_map *map, u32 pos);
/* Can what lies at @from be a branch, a lea or an absolute operand, or is it proven to be something else? */
bool code_maybe_branch(struct code_map *map, u32 from);
bool code_maybe_call(struct code_map *map, u32 from);
bool code_maybe_lea(struct code_map *map, u32 from);
bool code_maybe_operand(struct code_map *map, u32 from);
bool code_in_plt(const struct code_map *map, u32 pos);
/* Is @pos referred to by a branch from another function, an instruction, data? */
bool code_is_far_branched(struct code_map *map, u32 pos);
bool code_is_taken(struct code_map *map, u32 pos);
bool code_is_pointed_to(struct code_map *map, u32 pos);
/* Where branches from other functions to @pos are, at most @max of them.  Return: how many there are. */
size_t code_far_sources(struct code_map *map, u32 pos, u32 *from, size_t max);
/* Does anything but a table of offsets name the address? */
bool code_is_named(struct code_map *map, u32 pos);
/* Mark an address that need not be text. */
void code_mark_addr(struct code_map *map, enum code_kind kind, u64 addr);

/* code-scan.c: what the bytes of the text look like.  Return 0 or -ENOMEM. */
int code_scan_text(struct code_map *map);
bool code_ref_add(struct code_refs *refs, u32 to, u32 from);
/* An unaligned number. */
static inline s32 code_s32(const u8 *p)
{
	s32 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline bool code_looks_like_lea(const struct code_map *map, u32 pos)
{
	const struct code_seg *seg = code_seg_at(map, pos);
	const u8 *p = seg->bytes + (pos - seg->pos);

	return seg->size - (pos - seg->pos) >= 6 && p[0] == 0x8d && (p[1] & 0xc7) == 5;
}

/* code-data.c: relocations, words of data, critical sections.  Return 0 or -ENOMEM. */
int code_scan_data(struct code_map *map);
/* Does @pos lie in a critical section, or is it an abort handler? */
static inline bool code_is_forbidden(const struct code_map *map, u32 pos)
{
	return code_bit(map->bits[CODE_RSEQ], pos);
}


/* No window in @func, whatever its own jumps are.  Return 0 or -ENOMEM. */
int code_distrust(struct code_map *map, size_t func);

/* code-eh.c: landing pads.  Return 0 or -ENOMEM. */
int code_scan_frames(struct code_map *map);
/* Something that an entry of an exception table says: from instructions in [@lo, @hi) an exception leads to @pad. */
typedef void (*code_pad_fn)(void *data, u64 lo, u64 hi, u64 pad);
/* All of them that the code around @addr has.  Return: false, the table could not be read to its end */
bool code_each_pad(struct upr_elf *elf, u64 addr, code_pad_fn fn, void *data);
/* Is it known which landing pads the function at @addr has? */
bool code_is_framed(const struct code_map *map, u64 addr);
/* May an exception raised at @addr, other than by a call, be caught in its function? */
bool code_is_guarded(struct code_map *map, u64 addr);

/* code-table.c */
/* A candidate met by the scan: @at is taken at @from. */
int code_table_candidate(struct code_map *map, u32 from, u64 at);
/* Mark what the tables name, once everything has been scanned.  Return 0 or -ENOMEM. */
int code_mark_tables(struct code_map *map);
/* Index of the first table whose base is taken at @from or behind. */
size_t code_first_table(const struct code_map *map, u32 from);
/* The first table of those whose base is taken at @from: the others follow it.  NULL: none. */
const struct code_table *code_table_of(const struct code_map *map, u32 from);
/* Index of the first place in map->ind at or behind @pos. */
size_t code_first_ind(const struct code_map *map, u32 pos);

/* code-jump.c */

/* May an indirect jump of this function lead to any place in it? */
bool code_func_solo(struct code_map *map, size_t func);
/* Distrust functions that split-off code may jump into anywhere.  Return 0 or -ENOMEM. */
int code_distrust_jumpers(struct code_map *map);

/* code-cache.c */

/* What the cache has: entries, and if @complete is asked for everything else.  Return: it has it. */
bool code_cache_load(struct code_map *map, bool complete);
/* Leave what is known to the next run; of no consequence if that is impossible. */
void code_cache_save(struct code_map *map);

/* code-facts.c: boundaries in a function that was not read as CODE_LINEAR; until it is asked for another. */
const struct upr_boundaries *code_doubtful_bounds(struct code_map *map, size_t func);

/* code-return.c: does somebody to whom the return at @pos may lead read flags before they are written? */
bool code_returns_flags(struct code_map *map, u32 pos);

/* code-facts.c: may control arrive at @pos, one of whose CODE_OTHER kinds is set?  */
bool code_is_entered(struct code_map *map, u32 pos);

/* code-holes.c: padding near @pos, by upr_hole.rel.  Return: how many, at most @max. */
unsigned int code_holes(struct code_map *map, u32 pos, s8 *rel, unsigned int max);

/* code-live.c */

/* Are all status flags written before they are read from @pos on, if functions keep to the calling convention? */
bool code_live_flags_dead(struct code_map *map, u32 pos);
void code_live(struct code_map *map, u32 pos, u16 *dead_gpr, bool *flags_dead);

#endif /* PERF_UTIL_CODE_PRIV_H */
