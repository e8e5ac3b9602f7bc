// SPDX-License-Identifier: GPL-2.0
/*
 * insn-effect.c - what a decoded instruction does.
 *
 * Purpose: from the form's operand classes and implicit effects to the sets of
 * general registers and flags that are read and written, and to the memory
 * and branch attributes.
 *
 * Locks: none.  Pure functions.
 */
#include <upr-compat.h>
#include <utrace/insn.h>
#include "insn-decode.h"

/* Which flags each of the eight conditions tests; the odd ones negate. */
static const u16 cond_flags[8] = {
	UPR_FL_OF,
	UPR_FL_CF,
	UPR_FL_ZF,
	UPR_FL_CF | UPR_FL_ZF,
	UPR_FL_SF,
	UPR_FL_PF,
	UPR_FL_SF | UPR_FL_OF,
	UPR_FL_ZF | UPR_FL_SF | UPR_FL_OF,
};

static inline u32 rflags(u32 packed)
{
	return (packed & ~UPR_OPC_FL_AC) | (packed & UPR_OPC_FL_AC ? UPR_FL_AC : 0);
}

/* One field that may name a general register. */
static void use_gpr(struct upr_insn *insn, u8 use, unsigned int num)
{
	bool partial = false;

	switch (use & UPR_USE_CLASS) {
	case UPR_CL_GPR8:
		/* Without REX 4..7 are ah, ch, dh, bh. */
		if (num >= 4 && num < 8 && !(insn->prefixes & UPR_PFX_REX))
			num -= 4;
		partial = true;
		break;
	case UPR_CL_GPR16:
		partial = true;
		break;
	case UPR_CL_GPRV:
		partial = insn->opsize == 2;
		break;
	case UPR_CL_GPRF:
	case UPR_CL_GPRA:
		break;
	default:
		return;
	}
	if (use & UPR_USE_W) {
		insn->gpr_write |= UPR_GPR(num);
		if (partial)
			insn->gpr_read |= UPR_GPR(num);
	}
	if (use & UPR_USE_R)
		insn->gpr_read |= UPR_GPR(num);
}

static void memory_effects(const struct upr_insn_cursor *c, struct upr_insn *insn)
{
	u8 use = c->form->rm;

	if (insn->attr & UPR_INSN_VSIB)
		insn->index = (insn->sib >> 3 & 7) | (insn->rex & UPR_REX_X ? 8 : 0) |
			      (insn->enc == UPR_ENC_EVEX && (insn->rex & UPR_REX_V2) ? 16 : 0);
	else if (insn->index != UPR_INSN_NOREG)
		insn->gpr_read |= UPR_GPR(insn->index);
	if (insn->base != UPR_INSN_NOREG)
		insn->gpr_read |= UPR_GPR(insn->base);
	if (use & UPR_USE_NO)
		insn->attr |= UPR_INSN_AGEN;
	if (use & UPR_USE_R)
		insn->attr |= UPR_INSN_MEM_READ;
	if (use & UPR_USE_W)
		insn->attr |= UPR_INSN_MEM_WRITE;
}

/* Flags that stay as they were are read, as seen by who wants to know what lives on. */
static void flag_effects(const struct upr_opc_form *form, struct upr_insn *insn, bool rep)
{
	insn->flags_read = rflags(form->flags_r);
	insn->flags_write = rflags(form->flags_w);
	if (form->traits & UPR_OPC_CC) {
		insn->cond = insn->opcode & 0xf;
		insn->flags_read |= cond_flags[insn->cond >> 1];
	}
	if ((form->traits & UPR_OPC_MAYBE) || rep)
		insn->flags_read |= insn->flags_write;
	if ((form->traits & UPR_OPC_COUNT) && !(insn->imm & (insn->opsize == 8 ? 63 : 31)))
		insn->flags_read |= insn->flags_write;
}

void upr_insn_effects(const struct upr_insn_cursor *c, struct upr_insn *insn)
{
	const struct upr_opc_form *form = c->form;
	bool rep = (form->attr & UPR_INSN_STRING) && (insn->prefixes & (UPR_PFX_REP | UPR_PFX_REPNE));

	insn->attr |= form->attr;
	insn->branch = form->branch;
	insn->gpr_read = form->gpr_r;
	insn->gpr_write = form->gpr_w | form->gpr_wv;
	if (insn->opsize == 2)
		insn->gpr_read |= form->gpr_wv;
	use_gpr(insn, form->reg, c->reg & 0xf);
	if (c->mem)
		memory_effects(c, insn);
	else
		use_gpr(insn, form->rm, c->rm & 0xf);
	use_gpr(insn, form->vvvv, insn->vvvv);
	if (form->op)
		use_gpr(insn, form->op, (insn->opcode & 7) | (insn->rex & UPR_REX_B ? 8 : 0));
	if (rep) {
		/* A count of zero leaves everything alone. */
		insn->gpr_read |= insn->gpr_write | UPR_GPR(UPR_RCX);
		insn->gpr_write |= UPR_GPR(UPR_RCX);
	}
	flag_effects(form, insn, rep);
}
