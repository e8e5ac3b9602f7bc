// SPDX-License-Identifier: GPL-2.0
/*
 * symbol-measure.c - how long instructions are, at speed.
 *
 * Purpose: to prove where instructions begin, a function is read from its first byte to its
 * last, and of each instruction no more is asked than its length, where a direct branch
 * leads, and whether programs contain such a thing.  Reading a big program so is
 * most of what planning costs.
 *
 * What the decoder answers to these questions depends on the bytes before displacement
 * and immediates alone.  So its answers are kept by those bytes, as far as they are four
 * at most; direct branches, whose answer lies behind them, have few forms.  Everything else, and
 * whatever stands at the end of the known bytes, is decoded.
 *
 * Locks: none, see symbol.h.
 */
#include "symbol-priv.h"

#define KNOWN_BITS 14

/* An answer; @length 0: none yet. */
struct known {
	u32 bytes;
	u32 mask;
	u8 length;
	bool odd;
};

static struct known knowns[1 << KNOWN_BITS];

/* Data decodes into such, and programs hardly contain them.  hlt is in every _start. */
static bool is_odd(const struct upr_insn *insn)
{
	return insn->branch == UPR_BR_FAR ||
	       ((insn->attr & UPR_INSN_PRIV) && !(insn->map == UPR_MAP_1B && insn->opcode == 0xf4));
}

static bool measure_branch(struct upr_measure *ret, u64 addr, unsigned int length, s64 rel)
{
	ret->length = length;
	ret->direct = true;
	ret->odd = false;
	ret->target = addr + length + rel;
	return true;
}

/* The forms without a prefix. */
static bool is_plain_branch(struct upr_measure *ret, const u8 *p, u64 addr)
{
	s32 rel;

	if (p[0] == 0xe8 || p[0] == 0xe9) {
		memcpy(&rel, p + 1, sizeof(rel));
		return measure_branch(ret, addr, 5, rel);
	}
	if (p[0] == 0x0f && (p[1] & 0xf0) == 0x80) {
		memcpy(&rel, p + 2, sizeof(rel));
		return measure_branch(ret, addr, 6, rel);
	}
	if ((p[0] & 0xf0) == 0x70 || p[0] == 0xeb)
		return measure_branch(ret, addr, 2, (s8)p[1]);
	return false;
}

/* Bytes before displacement and immediates. */
static unsigned int fixed_bytes(const struct upr_insn *insn)
{
	if (insn->f_disp.size)
		return insn->f_disp.off;
	return insn->f_imm.size ? insn->f_imm.off : insn->length;
}

static bool measure_decoded(struct upr_measure *ret, const u8 *p, size_t len, u64 addr, enum upr_insn_mode mode,
			    struct known *known)
{
	struct upr_insn insn;
	unsigned int fixed;
	u32 bytes;

	if (upr_insn_decode(&insn, p, len, mode))
		return false;
	ret->length = insn.length;
	ret->direct = upr_insn_has_target(&insn);
	ret->odd = is_odd(&insn);
	ret->target = ret->direct ? upr_insn_target(&insn, addr) : 0;
	fixed = fixed_bytes(&insn);
	/* of 3DNow! the opcode comes last */
	if (known && !ret->direct && fixed <= sizeof(bytes) && insn.enc != UPR_ENC_3DNOW) {
		known->mask = fixed < sizeof(bytes) ? (1u << (8 * fixed)) - 1 : ~0u;
		memcpy(&bytes, p, sizeof(bytes));
		known->bytes = bytes & known->mask;
		known->length = insn.length;
		known->odd = ret->odd;
	}
	return true;
}

bool upr_measure(struct upr_measure *ret, const u8 *p, size_t len, u64 addr, enum upr_insn_mode mode)
{
	struct known *known;
	u32 bytes;

	if (mode != UPR_INSN_64 || len < UPR_INSN_MAX)
		return measure_decoded(ret, p, len, addr, mode, NULL);
	if (is_plain_branch(ret, p, addr))
		return true;
	memcpy(&bytes, p, sizeof(bytes));
	known = &knowns[(bytes & 0xffffff) * 0x9e3779b1u >> (32 - KNOWN_BITS)];
	if (!known->length || (bytes & known->mask) != known->bytes)
		return measure_decoded(ret, p, len, addr, mode, known);
	ret->length = known->length;
	ret->direct = false;
	ret->odd = known->odd;
	ret->target = 0;
	return true;
}
