/* SPDX-License-Identifier: GPL-2.0 */
/*
 * insn-decode.h - what the parts of the decoder tell each other.
 *
 * Purpose: insn.c takes the bytes apart and finds the form, insn-valid.c says
 * whether the form accepts the rest of the encoding, insn-effect.c says what
 * the instruction does.  All on the caller's stack: no locks.
 */
#ifndef UPR_INSN_DECODE_H
#define UPR_INSN_DECODE_H

#include <utrace/insn.h>
#include "insn-table.h"

/**
 * struct upr_insn_cursor - one decode in progress
 * @buf:	the caller's bytes
 * @len:	how many of them count, at most 15
 * @pos:	next byte
 * @short_err:	what running out of bytes means
 * @space:	enum upr_opc_space
 * @mem:	ModRM names memory
 * @reg:	ModRM.reg with R and R', as a vector register number
 * @rm:		ModRM.rm with B, and X where EVEX uses it so
 * @evex_b:	EVEX.b
 * @evex_z:	EVEX.z
 * @evex_aaa:	EVEX.aaa
 * @ll:		L or L'L
 * @form:	the form found
 */
struct upr_insn_cursor {
	const u8 *buf;
	u8 len;
	u8 pos;
	s8 short_err;
	u8 space;
	bool mem;
	u8 reg;
	u8 rm;
	u8 evex_b;
	u8 evex_z;
	u8 evex_aaa;
	u8 ll;
	const struct upr_opc_form *form;
};

int upr_insn_check(const struct upr_insn_cursor *c, const struct upr_insn *insn);
void upr_insn_effects(const struct upr_insn_cursor *c, struct upr_insn *insn);

#endif /* UPR_INSN_DECODE_H */
