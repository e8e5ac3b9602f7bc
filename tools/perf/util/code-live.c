// SPDX-License-Identifier: GPL-2.0
/*
 * code-live.c - registers and flags that nobody will read.
 *
 * Purpose: from a site on, all paths are followed until a register (or the flags) is
 * wholly written before it was read: then its value at the site is of no
 * use to anybody, and a pad need not save it.  A path on which this is not seen soon,
 * or which leads where we cannot follow, proves nothing.
 *
 * Direct jumps and calls are followed.  A return is not: hand-written code and
 * -fipa-ra rely on more than calling conventions promise.  Flags alone are dead there if
 * no caller in the file reads them (code-return.c), and at the entry of a function of
 * another file.
 *
 * Locks: none, see code-map.h.
 */
#include "code-priv.h"

/* How far to look: instructions in all, and forks on one path. */
#define INSNS_MAX 48
#define FORKS_MAX 5

/* A set of registers and flags: the registers' bits, and the status flags shifted out of their way. */
#define FLAG_SHIFT 16
#define ALL_FLAGS  (UPR_FL_STATUS << FLAG_SHIFT)
#define ALL_GPRS   (0xffffu & ~UPR_GPR(UPR_RSP))

/* Jumps on one path, at most. */
#define JUMPS_MAX 16

/*
 * @convention: it is asked for by code-return.c: what is dead if all functions keep to the calling convention
 * @jumps: where the path that is being followed has jumped to, with its beginning
 */
struct walk {
	struct code_map *map;
	bool convention;
	unsigned int insns;
	u32 jumps[JUMPS_MAX];
	unsigned int nr_jumps;
};

/* xor %r,%r and sub %r,%r do not care what was in it. */
static bool clears_register(const struct upr_insn *insn)
{
	bool opcode = insn->map == UPR_MAP_1B && insn->enc == UPR_ENC_LEGACY &&
		      (insn->opcode == 0x31 || insn->opcode == 0x33 || insn->opcode == 0x29 || insn->opcode == 0x2b);

	return opcode && insn->opsize >= 4 && upr_modrm_mod(insn) == 3 && upr_modrm_reg(insn) == upr_modrm_rm(insn) &&
	       !(insn->rex & UPR_REX_R) == !(insn->rex & UPR_REX_B);
}

/*
 * Shifts by %cl leave the flags alone if it is 0: they are written perhaps, but not read (rcl and rcr do
 * read).  A system call leaves them as they are.
 */
static bool may_spare_flags(const struct upr_insn *insn)
{
	if (insn->branch == UPR_BR_SYSCALL)
		return true;
	if (insn->enc != UPR_ENC_LEGACY)
		return false;
	if (insn->map == UPR_MAP_1B)
		return (insn->opcode & 0xfe) == 0xd2 && (upr_modrm_reg(insn) & 6) != 2;
	return insn->map == UPR_MAP_0F && (insn->opcode == 0xa5 || insn->opcode == 0xad);
}

static u32 reads(const struct upr_insn *insn)
{
	u32 gpr = clears_register(insn) ? 0 : insn->gpr_read & 0xffff;
	u32 flags = may_spare_flags(insn) ? 0 : insn->flags_read & UPR_FL_STATUS;

	return gpr | flags << FLAG_SHIFT;
}

/* What is written only in part, or not always, is among what is read as well. */
static u32 writes(const struct upr_insn *insn)
{
	u32 flags = may_spare_flags(insn) ? 0 : insn->flags_write & UPR_FL_STATUS;

	return (insn->gpr_write & 0xffff) | flags << FLAG_SHIFT;
}

/* A fault of it could be caught by the function itself, where other registers are read, but no flags. */
static bool may_throw(struct walk *w, const struct upr_insn *insn, u64 addr)
{
	bool divides = insn->map == UPR_MAP_1B && (insn->opcode & 0xfe) == 0xf6 && upr_modrm_reg(insn) >= 6;
	bool touches = insn->attr & (UPR_INSN_MEM_READ | UPR_INSN_MEM_WRITE | UPR_INSN_STRING) ||
		       ((insn->attr & UPR_INSN_STACK) && !insn->branch);

	return (divides || touches) && code_is_guarded(w->map, addr);
}

/* Nothing more worth knowing, as long as the path has not forked: a pad needs one register, or these two. */
static bool is_enough(u32 dead, u32 wanted)
{
	if ((dead & ALL_FLAGS) == ALL_FLAGS)
		return dead & ALL_GPRS;
	return !(wanted & (ALL_FLAGS | UPR_GPR(UPR_RAX) | UPR_GPR(UPR_RCX)));
}

/*
 * The path jumps to @pos.  Return: true if it has been there: a path that goes round for ever reads nothing
 * that it has not read the first time, and the ways out of the circle are looked into where it began.
 */
static bool comes_round(struct walk *w, u32 pos)
{
	unsigned int i;

	for (i = 0; i < w->nr_jumps; i++) {
		if (w->jumps[i] == pos)
			return true;
	}
	/* a circle that is not noticed costs what is left of the limit */
	if (w->nr_jumps < JUMPS_MAX)
		w->jumps[w->nr_jumps++] = pos;
	return false;
}

static u32 walk(struct walk *w, u32 pos, u32 wanted, unsigned int forks);

/* The same from where the path jumps to. */
static u32 walk_from_jump(struct walk *w, u32 pos, u32 wanted, unsigned int forks)
{
	unsigned int nr = w->nr_jumps;
	u32 dead = comes_round(w, pos) ? wanted : walk(w, pos, wanted, forks);

	w->nr_jumps = nr;
	return dead;
}

/* Does it put an address where a return finds it?  So retpolines jump. */
static bool stages_return(const struct upr_insn *insn)
{
	bool memory = insn->attr & UPR_INSN_MEM_WRITE && insn->f_modrm.size && upr_modrm_mod(insn) != 3 &&
		      upr_modrm_rm(insn) == UPR_RSP;
	bool pops = insn->map == UPR_MAP_1B && ((insn->opcode & 0xf8) == 0x58 || insn->opcode == 0x8f ||
						insn->opcode == 0xc9 || insn->opcode == 0x9d);

	return memory || ((insn->attr & UPR_INSN_STACK) && !pops);
}

/* What compilers put behind calls that do not return. */
static bool ends_program(const struct upr_insn *insn)
{
	return insn->branch == UPR_BR_TRAP || insn->branch == UPR_BR_INT ||
	       (insn->map == UPR_MAP_1B && insn->opcode == 0xf4);
}

/* Flags, where a function ends: by @insn at @pos, which follows @before. */
static u32 dead_at_end(struct walk *w, const struct upr_insn *insn, u32 pos, const struct upr_insn *before, u32 wanted)
{
	wanted &= ALL_FLAGS;
	if (!wanted)
		return 0;
	if (insn->branch == UPR_BR_RET) {
		if (before->length && stages_return(before))
			return 0;
		return w->convention || !code_returns_flags(w->map, pos) ? wanted : 0;
	}
	/* the dynamic linker, or a function that does not know whether it has been there */
	if (insn->branch == UPR_BR_JMP_IND && insn->attr & UPR_INSN_RIPREL && code_in_plt(w->map, pos))
		return wanted;
	if (insn->branch == UPR_BR_CALL_IND || insn->branch == UPR_BR_JMP_IND || ends_program(insn))
		return w->convention ? wanted : 0;
	return 0;
}

/* Which of @wanted are proven dead from @pos on. */
static u32 walk(struct walk *w, u32 pos, u32 wanted, unsigned int forks)
{
	struct upr_insn before = {0};
	bool called = false;
	u32 dead = 0;

	while (wanted && w->insns) {
		const struct code_seg *seg = code_seg_at(w->map, pos);
		u32 off = pos - seg->pos, next, taken;
		struct upr_insn insn;
		u64 addr = seg->addr + off;

		w->insns--;
		if (upr_insn_decode(&insn, seg->bytes + off, seg->size - off, UPR_INSN_64))
			break;
		if (insn.attr & UPR_INSN_PRIV)
			return dead | dead_at_end(w, &insn, pos, &before, wanted);
		wanted &= ~reads(&insn);
		if (may_throw(w, &insn, addr))
			wanted &= ALL_FLAGS;
		dead |= wanted & writes(&insn);
		wanted &= ~dead;
		if (forks == FORKS_MAX && is_enough(dead, wanted))
			break;
		next = off + insn.length < seg->size ? pos + insn.length : CODE_NOWHERE;
		taken = CODE_NOWHERE;
		switch (insn.branch) {
		case UPR_BR_NONE:
			break;
		case UPR_BR_SYSCALL:
			/* the kernel may read any register */
			wanted &= ALL_FLAGS;
			break;
		case UPR_BR_JMP:
		case UPR_BR_CALL:
			next = code_pos(w->map, upr_insn_target(&insn, addr));
			if (next != CODE_NOWHERE && comes_round(w, next))
				return dead | wanted;
			called |= insn.branch == UPR_BR_CALL;
			break;
		case UPR_BR_JCC:
		case UPR_BR_LOOP:
			taken = code_pos(w->map, upr_insn_target(&insn, addr));
			if (taken == CODE_NOWHERE || !forks--)
				return dead;
			wanted = walk_from_jump(w, taken, wanted, forks);
			break;
		default:
			return dead | dead_at_end(w, &insn, pos, &before, wanted);
		}
		before = insn;
		if (next == CODE_NOWHERE)
			break;
		pos = next;
	}
	/* no function takes an argument in flags, if it has not been seen to do so by now */
	if (called && w->convention && !w->insns)
		dead |= wanted;
	return dead;
}

bool code_live_flags_dead(struct code_map *map, u32 pos)
{
	struct walk w = {.map = map, .convention = true, .insns = INSNS_MAX};

	return walk_from_jump(&w, pos, ALL_FLAGS, FORKS_MAX) == ALL_FLAGS;
}

void code_live(struct code_map *map, u32 pos, u16 *dead_gpr, bool *flags_dead)
{
	struct walk w = {.map = map, .insns = INSNS_MAX};
	u32 dead = walk_from_jump(&w, pos, ALL_GPRS | ALL_FLAGS, FORKS_MAX);

	*dead_gpr = dead & ALL_GPRS;
	*flags_dead = (dead & ALL_FLAGS) == ALL_FLAGS;
}
