/* SPDX-License-Identifier: GPL-2.0 */
/*
 * insn-table.h - the shape of the generated opcode table.
 *
 * Purpose: the words that the generator (arch/x86/tools/gen-opcodes.c) writes
 * and the decoder (insn.c) reads.  Both include this file, so that a value
 * exists once.  Constant data: no locks.
 *
 * A lookup goes slot -> picks -> form: the slot of (space, opcode) names a run
 * of picks; the first pick whose conditions hold names the form, which says
 * everything else.  Equal forms are stored once.
 */
#ifndef UPR_INSN_TABLE_H
#define UPR_INSN_TABLE_H

/* Opcode spaces: one slot row of 256 each. */
enum upr_opc_space {
	UPR_SP_1B,
	UPR_SP_0F,
	UPR_SP_0F38,
	UPR_SP_0F3A,
	UPR_SP_3DNOW,
	UPR_SP_VEX_0F,
	UPR_SP_VEX_0F38,
	UPR_SP_VEX_0F3A,
	UPR_SP_EVEX_0F,
	UPR_SP_EVEX_0F38,
	UPR_SP_EVEX_0F3A,
	UPR_SP_EVEX_M5,
	UPR_SP_EVEX_M6,
	UPR_SP_XOP_8,
	UPR_SP_XOP_9,
	UPR_SP_XOP_A,
	UPR_NR_SP,
};

/*
 * Conditions of a pick, one bit for each value a dimension may have.  The
 * decoder builds the same word with one bit set for each dimension that it
 * knows; the pick holds when no bit of that word is outside it.
 */
#define UPR_ON_PP(n)	(1u << (n))		/* 0 none, 1 66, 2 F3, 3 F2 */
#define UPR_ON_MEM	(1u << 4)
#define UPR_ON_REG	(1u << 5)
#define UPR_ON_W(n)	(1u << (6 + (n)))
#define UPR_ON_L(n)	(1u << (8 + (n)))	/* 0..3 */
#define UPR_ON_64	(1u << 12)
#define UPR_ON_32	(1u << 13)
#define UPR_ON_B(n)	(1u << (14 + (n)))	/* REX.B */
#define UPR_ON_EXT(n)	(1u << (16 + (n)))	/* ModRM.reg */
#define UPR_ON_RM(n)	(1u << (24 + (n)))	/* ModRM.rm of a register form */

/* What an encoded field names: class in the low nibble, access above it. */
enum upr_opc_class {
	UPR_CL_NONE,
	UPR_CL_GPR8,
	UPR_CL_GPR16,
	UPR_CL_GPRV,		/* of the operand size */
	UPR_CL_GPRF,		/* 32 or 64 bits: a write replaces the whole register */
	UPR_CL_GPRA,		/* of the address size */
	UPR_CL_VEC,
	UPR_CL_MMX,
	UPR_CL_MASK,
	UPR_CL_SEG,
	UPR_CL_CR,
	UPR_CL_DR,
	UPR_CL_BND,
	UPR_CL_TILE,
	UPR_CL_X87,
};
#define UPR_USE_CLASS	0x0fu
#define UPR_USE_R	0x10u
#define UPR_USE_W	0x20u
#define UPR_USE_NO	0x40u	/* names something, touches nothing */

/* Immediates: the first in the low nibble, the second in the high one. */
enum upr_opc_imm {
	UPR_IMM_NONE,
	UPR_IMM_B,		/* 8 bits, sign-extended */
	UPR_IMM_W,		/* 16 bits, a count: zero-extended */
	UPR_IMM_Z,		/* 16 or 32 bits by operand size */
	UPR_IMM_V,		/* 16, 32 or 64 bits by operand size */
	UPR_IMM_D,		/* 32 bits */
	UPR_IMM_JB,
	UPR_IMM_JZ,
	UPR_IMM_P,		/* far pointer: offset by operand size, then 16 bits */
	UPR_IMM_O,		/* address of the address size */
	UPR_IMM_I4,		/* register in bits 7..4 */
};

/* Traits of a form. */
#define UPR_OPC_LOCK		0x00000001u	/* LOCK allowed with a memory destination */
#define UPR_OPC_D64		0x00000002u	/* 64-bit mode: operand size 8, or 2 with 66 */
#define UPR_OPC_F64		0x00000004u	/* 64-bit mode: operand size 8, 66 ignored */
#define UPR_OPC_OP8		0x00000008u	/* operand size 1 */
#define UPR_OPC_P66		0x00000010u	/* 66 selects the form and is no size prefix */
#define UPR_OPC_CC		0x00000020u	/* the opcode's low nibble is a condition */
#define UPR_OPC_COUNT		0x00000040u	/* flags stay when the immediate count is 0 */
#define UPR_OPC_MAYBE		0x00000080u	/* flags may stay */
#define UPR_OPC_EVEX_MASK	0x00000100u	/* aaa may be other than 0 */
#define UPR_OPC_EVEX_ZERO	0x00000200u	/* z allowed */
#define UPR_OPC_EVEX_NEEDK	0x00000400u	/* aaa must not be 0 */
#define UPR_OPC_EVEX_BCST	0x00000800u	/* b with memory: broadcast */
#define UPR_OPC_EVEX_ER		0x00001000u	/* b with registers: rounding in L'L */
#define UPR_OPC_EVEX_SAE	0x00002000u	/* b with registers: no exceptions */
#define UPR_OPC_GATHER		0x00004000u	/* destination, index and mask must differ */
#define UPR_OPC_DISTINCT	0x00008000u	/* the destination may be no source */
#define UPR_OPC_SIBMEM		0x00010000u	/* memory form needs a SIB byte */
#define UPR_OPC_MIB		0x00020000u	/* bndldx, bndstx: no rip-relative form */
#define UPR_OPC_NO16		0x00040000u	/* #UD with 16-bit addresses */
#define UPR_OPC_NORIP		0x00080000u	/* #UD with rip-relative memory */
#define UPR_OPC_NOWSWAP		0x00200000u	/* W does not make the operand size 8 */
#define UPR_OPC_TILE3		0x00400000u	/* three tiles, all different */
#define UPR_OPC_A64		0x00800000u	/* 64-bit mode: 67 ignored */

/* Where the flags live in a form: RFLAGS positions, AC moved from 18 to 12. */
#define UPR_OPC_FL_AC		0x1000u

/* How an opcode continues. */
#define UPR_SLOT_MODRM		1u
#define UPR_SLOT_REGONLY	2u	/* mod ignored, always a register (mov cr, dr) */

struct upr_opc_slot {
	u16 first;
	u8 count;
	u8 flags;
};

struct upr_opc_pick {
	u32 on;
	u32 form;
};

struct upr_opc_form {
	u32 traits;
	u16 attr;		/* UPR_INSN_*, straight */
	u16 gpr_r;		/* implicit registers */
	u16 gpr_w;
	u16 gpr_wv;		/* written in the operand size */
	u16 flags_r;
	u16 flags_w;
	u8 reg;			/* class and access of ModRM.reg */
	u8 rm;			/* of ModRM.rm, register and memory alike */
	u8 vvvv;
	u8 op;			/* of the opcode's low three bits */
	u8 imm;
	u8 branch;
};

#endif /* UPR_INSN_TABLE_H */
