// SPDX-License-Identifier: GPL-2.0
/*
 * code-exits.c - where a function is left for its caller.
 *
 * Purpose: see code-exits.h.  A wrong answer would be a wrong count, so whatever is not certain is refused: code
 * that is not proven to be all of the function, a jump out of it that depends on a condition, an indirect jump that
 * may be either a switch or a call.
 *
 * Locks: none.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utrace/insn.h>

#include "code-exits.h"
#include "code-priv.h"

/* Functions come in few pieces. */
#define PIECES_MAX 64

/**
 * struct walk - over a function and its pieces
 * @map:	NULL: a file without one
 * @pieces:	found so far; those before @next have been looked at
 * @switches:	may the piece at hand have one?  NOT_ASKED until an instruction wants to know
 */
struct walk {
	struct upr_elf *elf;
	const struct upr_func *func;
	const struct upr_func *pieces[PIECES_MAX];
	unsigned int nr;
	unsigned int next;
	enum { NOT_ASKED, NO, YES } switches;
	struct code_map *map;
	struct code_exits *ret;
	struct upr_error *err;
};

static int refuse(struct walk *w, u64 addr, const char *why)
{
	return upr_error_set(w->err, UPR_ERR_UNPROVABLE, EOPNOTSUPP, "cannot prove where %s returns: %s at 0x%llx",
			     upr_name_pretty(w->elf, w->func->names), why, (unsigned long long)addr);
}

/* --- pieces --------------------------------------------------------------------------- */

static bool is_in(const struct upr_func *f, u64 addr)
{
	return addr - f->addr < f->size;
}

static bool is_own(const struct walk *w, u64 addr)
{
	unsigned int i;

	for (i = 0; i < w->nr; i++)
		if (is_in(w->pieces[i], addr))
			return true;
	return false;
}

/* Split off from a function, never called. */
static bool is_piece(const struct walk *w, const struct upr_func *f)
{
	if (f->kind == UPR_SYM_PART)
		return strstr(f->names->name, ".cold") != NULL;
	return f->kind == UPR_SYM_FDE && w->map && !code_map_is_entry(w->map, f);
}

static int add_piece(struct walk *w, u64 addr, const struct upr_func *f)
{
	if (w->nr == PIECES_MAX)
		return refuse(w, addr, "it has too many pieces");
	w->pieces[w->nr++] = f;
	return 1;
}

/* Is @to in the function?  A piece that was not known is one more to be walked.  Return: 1, 0, -errno refused */
static int stays_in(struct walk *w, u64 addr, u64 to)
{
	const struct upr_func *f;

	if (is_own(w, to))
		return 1;
	f = upr_elf_func_at(w->elf, to);
	return f && is_piece(w, f) ? add_piece(w, addr, f) : 0;
}

/* A part that only a table or an exception leads to: is it this function's? */
static bool is_cold_part_of(const struct upr_func *func, const struct upr_func *part)
{
	const char *name = part->names->name;
	u32 i;

	for (i = 0; i < func->nr_names && part->kind == UPR_SYM_PART; i++) {
		size_t len = strlen(func->names[i].name);

		if (!strncmp(name, func->names[i].name, len) && !strncmp(name + len, ".cold", 5))
			return true;
	}
	return false;
}

/* --- instructions ------------------------------------------------------------------------- */

static int add_exit(struct walk *w, u64 addr, bool tail)
{
	if (!upr_grow(&w->ret->v, w->ret->nr, &w->ret->cap, sizeof(*w->ret->v)))
		return upr_error_nomem(w->err);
	w->ret->v[w->ret->nr++] = (struct code_exit){addr, tail};
	return 0;
}

static int direct_jump(struct walk *w, u64 addr, const struct upr_insn *insn)
{
	int r = stays_in(w, addr, addr + insn->length + (u64)insn->imm);

	if (r)
		return min(r, 0);
	if (insn->branch != UPR_BR_JMP)
		return refuse(w, addr, "a jump to another function that depends on a condition");
	return add_exit(w, addr, true);
}

/* --- switches ----------------------------------------------------------------------------- */

/* Does a table of offsets lead anywhere in it, or does data hold an address in it? */
static bool is_named_within(const struct code_map *map, const struct upr_func *f)
{
	u64 addr;

	for (addr = f->addr + 1; addr < f->addr + f->size; addr++) {
		u32 pos = code_pos(map, addr);

		if (pos != CODE_NOWHERE &&
		    (code_bit(map->bits[CODE_TABLE], pos) || code_bit(map->bits[CODE_NAMED], pos)))
			return true;
	}
	return false;
}

static bool may_have_switch(struct walk *w, const struct upr_func *f)
{
	/* who does not know has to assume it */
	if (w->switches == NOT_ASKED)
		w->switches = !w->map || code_map_complete(w->map) || is_named_within(w->map, f) ? YES : NO;
	return w->switches == YES;
}

/* Entry @i of a table of addresses.  Return: false, it has none */
static bool address_at(const struct walk *w, u64 table, u64 i, u64 *ret)
{
	size_t size = upr_elf_info(w->elf)->mode32 ? 4 : 8;
	u64 avail;
	const u8 *p = upr_elf_bytes(w->elf, table + i * size, &avail);

	*ret = 0;
	if (!p || avail < size)
		return false;
	memcpy(ret, p, size);
	return true;
}

/*
 * Nothing says where a table ends: it is followed as long as it stays in the function, and what comes then must not
 * be a piece that only a symbol table would tell of.
 * Return: 1 it stays, 0 this is none of its entries, -errno refused
 */
static int table_entry(struct walk *w, u64 addr, u64 to)
{
	const struct upr_func *f;
	u32 pos;

	if (is_own(w, to))
		return 1;
	f = upr_elf_func_at(w->elf, to);
	if (f && is_cold_part_of(w->func, f))
		return add_piece(w, addr, f);
	if (!f || f->kind != UPR_SYM_FDE)
		return 0;
	pos = w->map ? code_pos(w->map, f->addr) : CODE_NOWHERE;
	if (pos != CODE_NOWHERE && code_bit(w->map->bits[CODE_CALLED], pos))
		return 0;
	return refuse(w, addr, "a switch may lead out of it, or into a piece of it,");
}

/* A table of addresses at a known place: of the function's own code, or of others?  Return: as is_switch() */
static int chooses_own(struct walk *w, u64 addr, const struct upr_insn *insn)
{
	const struct upr_func *f;
	u64 to, i;
	int r;

	if (insn->base != UPR_INSN_NOREG || !address_at(w, (u64)insn->disp, 0, &to))
		return -EAGAIN;
	f = upr_elf_func_at(w->elf, to);
	/* calls lead to where functions begin; of the own beginning one cannot say */
	if (f && f->addr == to && !is_piece(w, f) && !is_cold_part_of(w->func, f))
		return f == w->func ? -EAGAIN : 0;
	for (i = 0, r = 1; r > 0 && address_at(w, (u64)insn->disp, i, &to); i++)
		r = table_entry(w, addr, to);
	return r ? r : i > 1 ? 1 : -EAGAIN;
}

/* Blocks that are reached through tables of offsets alone, in pieces, have exits as well. */
static int follow_tables(struct walk *w, const struct upr_func *f)
{
	u32 lo = code_pos(w->map, f->addr);
	size_t at;

	if (lo == CODE_NOWHERE)
		return 0;
	for (at = code_first_table(w->map, lo); at < w->map->nr_tables; at++) {
		const struct code_table *t = &w->map->tables[at];
		u64 avail, i;
		const u8 *p = upr_elf_bytes(w->elf, t->at, &avail);
		int r = 1;

		if (t->from - lo >= f->size)
			break;
		for (i = 0; r > 0 && p && i < t->nr && 4 * i + 4 <= avail; i++)
			r = table_entry(w, f->addr, t->base + (u64)(s64)code_s32(p + 4 * i));
		if (r < 0)
			return r;
	}
	return 0;
}

/* --- exceptions --------------------------------------------------------------------------- */

struct pads {
	struct walk *w;
	int r;
};

/* Whose table it is in its function the pad is, even in a piece that nothing else leads to. */
static void one_pad(void *data, u64 lo, u64 hi, u64 pad)
{
	struct pads *pads = data;
	struct walk *w = pads->w;
	const struct upr_func *f = upr_elf_func_at(w->elf, pad);

	if (pads->r || is_own(w, pad))
		return;
	if (!f || (f->kind != UPR_SYM_FDE && f->kind != UPR_SYM_PART))
		pads->r = refuse(w, lo, "an exception leads out of it");
	else
		pads->r = min(add_piece(w, lo, f), 0);
}

static int follow_pads(struct walk *w, const struct upr_func *f)
{
	struct pads pads = {w, 0};

	if (!code_each_pad(w->elf, f->addr, one_pad, &pads) && !pads.r)
		return refuse(w, f->addr, "an exception table that cannot be read");
	return pads.r;
}

/* --- instructions ------------------------------------------------------------------------- */

/*
 * A switch is a jump within the function, whatever is chosen.
 * Return: 1 it is, 0 it is a call, -EAGAIN not certain, another -errno refused
 */
static int is_switch(struct walk *w, const struct upr_func *f, u64 addr, const struct upr_insn *insn,
		     const struct upr_insn *before)
{
	/* compilers say so, where targets of calls are marked */
	if (insn->prefixes & UPR_PFX_DS)
		return 1;
	/* a slot of the offset table of the file, or of an object */
	if (upr_modrm_mod(insn) != 3 && insn->index == UPR_INSN_NOREG)
		return 0;
	if (upr_modrm_mod(insn) != 3)
		return chooses_own(w, addr, insn);
	if (!may_have_switch(w, f))
		return 0;
	/* the table's offset has just been added to its address */
	if (before->map == 0 && (before->opcode == 0x01 || before->opcode == 0x03))
		return 1;
	return before->length && !(before->gpr_write & insn->gpr_read) ? -EAGAIN : 0;
}

static int indirect_jump(struct walk *w, const struct upr_func *f, u64 addr, const struct upr_insn *insn,
			 const struct upr_insn *before)
{
	int r = is_switch(w, f, addr, insn, before);

	if (r == -EAGAIN)
		return refuse(w, addr, "an indirect jump that may stay in it or leave it");
	if (r <= 0)
		return r ? r : add_exit(w, addr, true);
	return w->map ? follow_tables(w, f) : 0;
}

static int one_insn(struct walk *w, const struct upr_func *f, u64 addr, const struct upr_insn *insn,
		    const struct upr_insn *before)
{
	switch (insn->branch) {
	case UPR_BR_RET:
		return add_exit(w, addr, false);
	case UPR_BR_JMP:
	case UPR_BR_JCC:
	case UPR_BR_LOOP:
		return direct_jump(w, addr, insn);
	case UPR_BR_JMP_IND:
		return indirect_jump(w, f, addr, insn, before);
	case UPR_BR_FAR:
		return refuse(w, addr, "a far branch");
	default:
		return 0;
	}
}

static int one_piece(struct walk *w, const struct upr_func *f)
{
	enum upr_insn_mode mode = upr_elf_info(w->elf)->mode32 ? UPR_INSN_32 : UPR_INSN_64;
	struct upr_insn insn, before = {0};
	struct upr_boundaries b;
	size_t i;
	int r = upr_func_boundaries(w->elf, f, &b, w->err);

	if (r)
		return r;
	w->switches = NOT_ASKED;
	if (!b.linear)
		r = refuse(w, f->addr, "there is data between its instructions, or code that overlaps,");
	for (i = 0; i < b.nr && !r; i++) {
		u64 addr = f->addr + b.offs[i], avail;
		const u8 *code = upr_elf_bytes(w->elf, addr, &avail);

		if (!code || upr_insn_decode(&insn, code, min(avail, (u64)UPR_INSN_MAX), mode))
			r = refuse(w, addr, "no instruction");
		else
			r = one_insn(w, f, addr, &insn, &before);
		before = insn;
	}
	upr_boundaries_free(&b);
	return r ? r : follow_pads(w, f);
}

static int by_addr(const void *a, const void *b)
{
	const struct code_exit *x = a, *y = b;

	return (x->addr > y->addr) - (x->addr < y->addr);
}

int code_find_exits(struct upr_elf *elf, const struct upr_func *func, struct code_exits *ret, struct upr_error *err)
{
	struct code_map *map = code_map_get(elf, false, NULL);
	struct walk w = {.elf = elf, .map = map, .func = func, .pieces = {func}, .nr = 1, .ret = ret, .err = err};
	int r = 0;

	*ret = (struct code_exits){0};
	while (!r && w.next < w.nr)
		r = one_piece(&w, w.pieces[w.next++]);
	if (!r && ret->nr)
		qsort(ret->v, ret->nr, sizeof(*ret->v), by_addr);
	if (r) {
		free(ret->v);
		*ret = (struct code_exits){0};
	}
	return r;
}
