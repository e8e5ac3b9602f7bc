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
 * @pieces:	found so far; those before @next have been looked at
 */
struct walk {
	struct upr_elf *elf;
	const struct upr_func *func;
	const struct upr_func *pieces[PIECES_MAX];
	unsigned int nr;
	unsigned int next;
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
static bool is_piece(struct walk *w, const struct upr_func *f)
{
	struct code_map *map;

	if (f->kind == UPR_SYM_PART)
		return strstr(f->names->name, ".cold") != NULL;
	if (f->kind != UPR_SYM_FDE)
		return false;
	map = code_map_get(w->elf, false, NULL);
	return map && !code_map_is_entry(map, f);
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
	u64 to = addr + insn->length + (u64)insn->imm;
	const struct upr_func *f;

	if (is_own(w, to))
		return 0;
	f = upr_elf_func_at(w->elf, to);
	if (f && is_piece(w, f)) {
		if (w->nr == PIECES_MAX)
			return refuse(w, addr, "it has too many pieces");
		w->pieces[w->nr++] = f;
		return 0;
	}
	if (insn->branch != UPR_BR_JMP)
		return refuse(w, addr, "a jump to another function that depends on a condition");
	return add_exit(w, addr, true);
}

/* Does a table of offsets lead anywhere in it, or does data hold an address in it? */
static bool may_have_switch(struct walk *w, const struct upr_func *f)
{
	struct code_map *map = code_map_get(w->elf, false, NULL);
	u64 addr;

	/* who does not know has to assume it */
	if (!map || code_map_complete(map))
		return true;
	for (addr = f->addr + 1; addr < f->addr + f->size; addr++) {
		u32 pos = code_pos(map, addr);

		if (pos != CODE_NOWHERE &&
		    (code_bit(map->bits[CODE_TABLE], pos) || code_bit(map->bits[CODE_NAMED], pos)))
			return true;
	}
	return false;
}

/* A table of addresses at a known place: of the function's own code, or of others?  Return: 1, 0, -EAGAIN not certain */
static int chooses_own(struct walk *w, const struct upr_insn *insn)
{
	u64 avail, first;
	const u8 *table = insn->base == UPR_INSN_NOREG ? upr_elf_bytes(w->elf, (u64)insn->disp, &avail) : NULL;

	if (!table || avail < sizeof(first))
		return -EAGAIN;
	memcpy(&first, table, sizeof(first));
	if (is_own(w, first))
		return 1;
	return upr_elf_is_text(w->elf, first) ? 0 : -EAGAIN;
}

/* A switch is a jump within the function, whatever is chosen.  Return: 1 it is, 0 it is a call, -EAGAIN not certain */
static int is_switch(struct walk *w, const struct upr_func *f, const struct upr_insn *insn,
		     const struct upr_insn *before)
{
	/* compilers say so, where targets of calls are marked */
	if (insn->prefixes & UPR_PFX_DS)
		return 1;
	/* a slot of the offset table of the file, or of an object */
	if (upr_modrm_mod(insn) != 3 && insn->index == UPR_INSN_NOREG)
		return 0;
	if (upr_modrm_mod(insn) != 3)
		return chooses_own(w, insn);
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
	int r = is_switch(w, f, insn, before);

	if (r < 0)
		return refuse(w, addr, "an indirect jump that may stay in it or leave it");
	return r ? 0 : add_exit(w, addr, true);
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
	return r;
}

static int by_addr(const void *a, const void *b)
{
	const struct code_exit *x = a, *y = b;

	return (x->addr > y->addr) - (x->addr < y->addr);
}

int code_find_exits(struct upr_elf *elf, const struct upr_func *func, struct code_exits *ret, struct upr_error *err)
{
	struct walk w = {.elf = elf, .func = func, .pieces = {func}, .nr = 1, .ret = ret, .err = err};
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
