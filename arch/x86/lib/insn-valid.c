// SPDX-License-Identifier: GPL-2.0
/*
 * insn-valid.c - what no CPU accepts although the opcode exists.
 *
 * Purpose: LOCK where it may not be, reserved bits of VEX and EVEX, registers
 * that do not exist.  Each rule answers #UD on the hardware.
 *
 * Locks: none.  Pure functions.
 */
#include <upr-compat.h>
#include <utrace/insn.h>
#include "insn-decode.h"

/* A register number in a field of this class that names nothing. */
static bool no_such_register(u8 use, unsigned int num)
{
	switch (use & UPR_USE_CLASS) {
	case UPR_CL_MASK:
	case UPR_CL_TILE:
		return num > 7;
	case UPR_CL_SEG:
		/* mov to cs does not exist either; R is ignored. */
		return (num & 7) > 5 || ((use & UPR_USE_W) && (num & 7) == 1);
	case UPR_CL_CR:
		return num != 0 && num != 2 && num != 3 && num != 4 && num != 8;
	case UPR_CL_DR:
		return num > 7;
	case UPR_CL_BND:
		return num > 3;
	case UPR_CL_GPR8:
	case UPR_CL_GPR16:
	case UPR_CL_GPRV:
	case UPR_CL_GPRF:
	case UPR_CL_GPRA:
		return num > 15;
	}
	return false;
}

/* The destination, the index and the mask of a gather are three registers. */
static bool gather_overlaps(const struct upr_insn_cursor *c, const struct upr_insn *insn)
{
	u8 index = (insn->sib >> 3 & 7) | (insn->rex & UPR_REX_X ? 8 : 0);

	if (insn->enc == UPR_ENC_EVEX)
		return c->reg == (index | (insn->rex & UPR_REX_V2 ? 16 : 0));
	return c->reg == index || c->reg == insn->vvvv || index == insn->vvvv;
}

/* Does the destination appear among the sources? */
static bool destination_is_source(const struct upr_insn_cursor *c, const struct upr_insn *insn)
{
	u8 rm = c->rm | (insn->rex & UPR_REX_X ? 16 : 0);

	if (c->reg == (insn->vvvv | (insn->rex & UPR_REX_V2 ? 16 : 0)))
		return true;
	return !c->mem && c->reg == rm;
}

static bool registers_clash(const struct upr_insn_cursor *c, const struct upr_insn *insn)
{
	if (c->form->traits & UPR_OPC_GATHER)
		return gather_overlaps(c, insn);
	if (c->form->traits & UPR_OPC_DISTINCT)
		return destination_is_source(c, insn);
	return c->reg == (c->rm & 7) || c->reg == insn->vvvv || (c->rm & 7) == insn->vvvv;
}

static int check_vector(const struct upr_insn_cursor *c, const struct upr_insn *insn)
{
	u32 traits = c->form->traits;
	bool v2 = insn->rex & UPR_REX_V2;

	if (!c->form->vvvv && insn->vvvv)
		return -EINVAL;
	if (no_such_register(c->form->vvvv, insn->vvvv))
		return -EINVAL;
	if ((traits & (UPR_OPC_GATHER | UPR_OPC_DISTINCT | UPR_OPC_TILE3)) && registers_clash(c, insn))
		return -EINVAL;
	if (insn->enc != UPR_ENC_EVEX)
		return 0;
	/* The fourth vector length does not exist, unless it is a rounding mode. */
	if (c->ll == 3 && (!c->evex_b || c->mem))
		return -EINVAL;
	if (v2 && !c->form->vvvv && !(c->form->attr & UPR_INSN_VSIB))
		return -EINVAL;
	if (c->evex_aaa ? !(traits & UPR_OPC_EVEX_MASK) : !!(traits & UPR_OPC_EVEX_NEEDK))
		return -EINVAL;
	if (c->evex_z && (!(traits & UPR_OPC_EVEX_ZERO) || !c->evex_aaa))
		return -EINVAL;
	if (c->evex_z && c->mem && (c->form->rm & UPR_USE_W))
		return -EINVAL;
	if (c->evex_b && !(traits & (c->mem ? UPR_OPC_EVEX_BCST : UPR_OPC_EVEX_ER | UPR_OPC_EVEX_SAE)))
		return -EINVAL;
	return 0;
}

int upr_insn_check(const struct upr_insn_cursor *c, const struct upr_insn *insn)
{
	u32 traits = c->form->traits;

	if ((insn->prefixes & UPR_PFX_LOCK) && !((traits & UPR_OPC_LOCK) && c->mem && (c->form->rm & UPR_USE_W)))
		return -EINVAL;
	if (insn->f_modrm.size && no_such_register(c->form->reg, c->reg))
		return -EINVAL;
	/* Of ModRM.rm a mask register sees three bits only. */
	if (insn->f_modrm.size && !c->mem && (c->form->rm & UPR_USE_CLASS) != UPR_CL_MASK &&
	    no_such_register(c->form->rm, c->rm))
		return -EINVAL;
	if (c->mem && (traits & UPR_OPC_SIBMEM) && !insn->f_sib.size)
		return -EINVAL;
	if ((insn->attr & UPR_INSN_RIPREL) && (traits & (UPR_OPC_NORIP | UPR_OPC_MIB)))
		return -EINVAL;
	if (c->mem && (traits & UPR_OPC_NO16) && insn->addrsize == 2)
		return -EINVAL;
	if (c->space >= UPR_SP_VEX_0F)
		return check_vector(c, insn);
	return 0;
}
