/* SPDX-License-Identifier: GPL-2.0 */
/*
 * uprobes_jump.h - what the files of jump probes share.
 *
 * Purpose: a pad is laid out by one function (upr_pad_lay_out()), which runs with
 * three aims: to emit the bytes, to measure them, and to find out what is true at one
 * place of them (the spot).  So building, sizing and leaving cannot disagree.
 * Private to this directory; upr-jump.h is the contract.
 *
 *   uprobes_jump.c       plans, reach, the patch
 *   uprobes_pad.c        the layout of a pad, and how it counts
 *   uprobes_pad_insn.c   displaced instructions
 *   uprobes_pad_leave.c  where a task stands
 *
 * Locks: none; all of it is computation over the arguments.
 */
#ifndef UPROBES_JUMP_H
#define UPROBES_JUMP_H

#include <upr-compat.h>
#include <upr-jump.h>
#include "uprobes_xol.h"

#define UPR_RED_ZONE	128
#define UPR_PAD_SAVED	2u	/* registers a count saves at most */
#define UPR_PAD_CONSTS	(UPR_JUMP_INSNS + 1)
#define UPR_PAD_NOWHERE	(~0u)

/* What is true at a place in a pad. */
enum upr_spot_kind {
	UPR_SPOT_NONE,		/* nobody executes here */
	UPR_SPOT_AT,		/* before a displaced instruction */
	UPR_SPOT_AFTER,		/* the window is done, or left */
};

/* Where the program's status flags are. */
enum upr_spot_flags {
	UPR_FLAGS_OWN,		/* where they belong */
	UPR_FLAGS_RAX,		/* in ah, as lahf leaves them, and OF in al, as seto does */
	UPR_FLAGS_AH,		/* all but OF in ah, OF where it belongs */
};

/**
 * struct upr_spot - what a task that stands here has to be given back
 * @kind:	enum upr_spot_kind
 * @insn:	of AT
 * @counted:	of AT: its count is behind us, or it has none
 * @flags:	enum upr_spot_flags
 * @extra:	bytes on the stack that the program does not know of: the return address
 *		of UPR_JUMP_CALL, above what is saved
 * @lowered:	the stack pointer has been taken below the red zone
 * @nr_saved:	registers pushed
 * @saved:	them, the first pushed first
 * @ip:		of AFTER
 */
struct upr_spot {
	u8 kind;
	u8 insn;
	bool counted;
	u8 flags;
	u8 extra;
	bool lowered;
	u8 nr_saved;
	u8 saved[UPR_PAD_SAVED];
	u64 ip;
};

/* A place that is filled in when its target is known. */
struct upr_ref {
	u16 at;
	u8 size;
};

/* Of one count: what its parts behind the straight code need to know. */
struct upr_pad_section {
	struct upr_ref slow;	/* the jump to the locked increment */
	struct upr_ref desc;	/* the displacement of the descriptor */
	u16 begin, start, commit, abort;
	u8 reg;			/* holds the address of the counters */
	bool flags_live;
	struct upr_spot spot;	/* at @slow */
};

/**
 * struct upr_pad_asm - a pad on its way
 * @as:		@as.buf is NULL to measure or to look for a spot
 * @pad:	what is being laid out
 * @worst:	no direct branch reaches its target: the size wherever the pad may lie
 * @err:	-ERANGE: something does not reach
 * @now:	what is true at the end of what has been laid out
 * @want:	offset whose spot is looked for
 * @found:	it
 * @copy:	where each displaced instruction begins
 * @insns:	those of them that are special, decoded
 *
 * From @copy on nothing is looked at before it has been filled in; the rest is begun with noughts.
 */
struct upr_pad_asm {
	struct upr_asm as;
	const struct upr_pad *pad;
	bool worst;
	int err;
	unsigned int want;
	struct upr_spot now, found;
	unsigned int nr_consts;
	u16 copy[UPR_JUMP_INSNS];
	struct upr_pad_section sections[UPR_JUMP_INSNS];
	struct upr_ref const_refs[UPR_PAD_CONSTS];
	u64 consts[UPR_PAD_CONSTS];
	struct upr_insn insns[UPR_JUMP_INSNS];
};

/* One instruction, or two with its effect, for a stack pointer that is 8 lower. */
struct upr_lowered {
	u8 code[2][UPR_INSN_MAX];
	u8 len[2];
};

/* uprobes_pad.c */
void upr_pad_lay_out(struct upr_pad_asm *pa, const struct upr_pad *pad, u8 *buf, unsigned int room, unsigned int want,
		     bool worst);
void upr_pad_note(struct upr_pad_asm *pa);
void upr_pad_before(struct upr_pad_asm *pa, unsigned int insn);
void upr_pad_put_jump(struct upr_pad_asm *pa, u64 target);
void upr_pad_put_jcc(struct upr_pad_asm *pa, u8 cond, u64 target);
void upr_pad_put_const(struct upr_pad_asm *pa, u8 modrm, u64 value);
u64 upr_pad_here(const struct upr_pad_asm *pa, unsigned int size);

/* uprobes_pad_insn.c */
void upr_pad_put_insn(struct upr_pad_asm *pa, unsigned int i);
int upr_lower(const struct upr_insn *insn, const u8 *code, struct upr_lowered *ret);
int upr_call_to_jmp(const struct upr_insn *insn, const u8 *code, struct upr_lowered *ret);

/* Is displaced instruction @i anything else than a copy of its bytes? */
static inline bool upr_is_special(const struct upr_jump *jump, unsigned int i)
{
	return jump->special >> i & 1;
}

/* An instruction that nothing need be executed for. */
static inline bool upr_is_idle(const struct upr_insn *insn)
{
	return insn->attr & (UPR_INSN_NOP | UPR_INSN_ENDBR);
}

static inline bool upr_is_call(const struct upr_insn *insn)
{
	return insn->branch == UPR_BR_CALL || insn->branch == UPR_BR_CALL_IND;
}

static inline bool upr_is_direct(const struct upr_insn *insn)
{
	return insn->branch == UPR_BR_JMP || insn->branch == UPR_BR_JCC || insn->branch == UPR_BR_LOOP ||
	       insn->branch == UPR_BR_CALL;
}

/* Does the next instruction follow?  (A call comes back there.) */
static inline bool upr_falls_through(const struct upr_insn *insn)
{
	return insn->branch == UPR_BR_NONE || insn->branch == UPR_BR_JCC || insn->branch == UPR_BR_LOOP;
}

#endif /* UPROBES_JUMP_H */
