/* SPDX-License-Identifier: GPL-2.0 */
/*
 * utrace/insn.h - the x86 instruction decoder's public contract.
 *
 * Purpose: turn bytes into one fully described instruction: its length, the
 * place of every encoded field, where it may branch, and what it does to the
 * flags and to the general registers.  The displaced execution code
 * (arch/x86/kernel), the boundary proof (tools) and the tests stand on it.
 *
 * Context: pure functions over caller memory.  No lock, no allocation, no
 * libc; callable from any context, the atomic half of a hit included.
 *
 * Source of facts: Intel SDM volume 2 (map, chapter 2 "Instruction Format"),
 * AMD APM volume 3 (XOP, 3DNow!) and, where the two differ, what the CPU's
 * 64-bit mode of the vendor that still implements the form does.
 */
#ifndef UTRACE_INSN_H
#define UTRACE_INSN_H

#include <upr-compat.h>

/* The architectural limit: a longer instruction raises #GP. */
#define UPR_INSN_MAX		15

enum upr_insn_mode {
	UPR_INSN_64,		/* 64-bit code segment */
	UPR_INSN_32,		/* 32-bit code segment (compat or i386) */
};

/* How the opcode is introduced. */
enum upr_insn_enc {
	UPR_ENC_LEGACY,		/* no prefix byte of its own, REX allowed */
	UPR_ENC_VEX2,
	UPR_ENC_VEX3,
	UPR_ENC_EVEX,
	UPR_ENC_XOP,
	UPR_ENC_3DNOW,		/* 0F 0F /r imm8: the opcode is the last byte */
};

/*
 * Opcode maps.  VEX and EVEX number theirs 1..7 like the legacy escapes, XOP
 * 8..10; the numbers are the architectural "mmmmm" values.
 */
enum upr_insn_map {
	UPR_MAP_1B	= 0,
	UPR_MAP_0F	= 1,
	UPR_MAP_0F38	= 2,
	UPR_MAP_0F3A	= 3,
	UPR_MAP_M5	= 5,
	UPR_MAP_M6	= 6,
	UPR_MAP_XOP8	= 8,
	UPR_MAP_XOP9	= 9,
	UPR_MAP_XOPA	= 10,
};

/* Legacy prefixes met, a set (struct upr_insn.prefixes). */
#define UPR_PFX_LOCK		0x0001u
#define UPR_PFX_REPNE		0x0002u	/* F2; the last of F2/F3 wins */
#define UPR_PFX_REP		0x0004u	/* F3 */
#define UPR_PFX_OSIZE		0x0008u	/* 66 */
#define UPR_PFX_ASIZE		0x0010u	/* 67 */
#define UPR_PFX_ES		0x0020u
#define UPR_PFX_CS		0x0040u
#define UPR_PFX_SS		0x0080u
#define UPR_PFX_DS		0x0100u
#define UPR_PFX_FS		0x0200u
#define UPR_PFX_GS		0x0400u
#define UPR_PFX_REX		0x0800u	/* an effective REX (directly before the opcode) */

/* REX/VEX/EVEX/XOP bits, already un-inverted (struct upr_insn.rex). */
#define UPR_REX_B		0x01u
#define UPR_REX_X		0x02u
#define UPR_REX_R		0x04u
#define UPR_REX_W		0x08u
#define UPR_REX_R2		0x10u	/* EVEX R' */
#define UPR_REX_V2		0x20u	/* EVEX V' */

/* General registers are numbered as the architecture encodes them. */
enum upr_gpr {
	UPR_RAX, UPR_RCX, UPR_RDX, UPR_RBX, UPR_RSP, UPR_RBP, UPR_RSI, UPR_RDI,
	UPR_R8, UPR_R9, UPR_R10, UPR_R11, UPR_R12, UPR_R13, UPR_R14, UPR_R15,
	UPR_NR_GPR,
};
#define UPR_GPR(n)		(1u << (n))

/* RFLAGS bits as the architecture numbers them. */
#define UPR_FL_CF		0x00000001u
#define UPR_FL_PF		0x00000004u
#define UPR_FL_AF		0x00000010u
#define UPR_FL_ZF		0x00000040u
#define UPR_FL_SF		0x00000080u
#define UPR_FL_TF		0x00000100u
#define UPR_FL_IF		0x00000200u
#define UPR_FL_DF		0x00000400u
#define UPR_FL_OF		0x00000800u
#define UPR_FL_AC		0x00040000u
#define UPR_FL_STATUS	(UPR_FL_CF | UPR_FL_PF | UPR_FL_AF | UPR_FL_ZF | UPR_FL_SF | UPR_FL_OF)

/* Where control may go after the instruction other than to the next one. */
enum upr_branch {
	UPR_BR_NONE,
	UPR_BR_JMP,		/* direct, relative */
	UPR_BR_JCC,		/* direct, relative, conditional: insn.cond */
	UPR_BR_LOOP,		/* loopne, loope, loop, jrcxz: relative, on rcx */
	UPR_BR_CALL,		/* direct, relative */
	UPR_BR_JMP_IND,		/* near, through register or memory */
	UPR_BR_CALL_IND,	/* near, through register or memory */
	UPR_BR_RET,		/* near, with or without imm16 */
	UPR_BR_FAR,		/* far jmp, call, ret, iret */
	UPR_BR_SYSCALL,		/* syscall */
	UPR_BR_SYSENTER,	/* sysenter */
	UPR_BR_INT,		/* int3, int n, into, int1 */
	UPR_BR_XBEGIN,		/* xbegin: the relative target is the abort path */
	UPR_BR_TRAP,		/* ud0, ud1, ud2: never passes on */
};

/* Properties (struct upr_insn.attr). */
#define UPR_INSN_RIPREL		0x0001u	/* memory operand is disp32(%rip) */
#define UPR_INSN_MEM		0x0002u	/* ModRM (or moffs) memory operand */
#define UPR_INSN_MEM_READ	0x0004u	/* reads memory through it */
#define UPR_INSN_MEM_WRITE	0x0008u	/* writes memory through it */
#define UPR_INSN_STACK		0x0010u	/* implicit push, pop or both at rsp */
#define UPR_INSN_STRING		0x0020u	/* movs, cmps, scas, lods, stos, ins, outs */
#define UPR_INSN_PRIV		0x0040u	/* faults outside ring 0 (or needs IOPL) */
#define UPR_INSN_AGEN		0x0080u	/* memory form used for address only: lea, nop, prefetch, bnd... */
#define UPR_INSN_VSIB		0x0100u	/* index is a vector register */
#define UPR_INSN_MOFFS		0x0200u	/* absolute address in the immediate (A0..A3) */
#define UPR_INSN_FLAGS_POP	0x0400u	/* popf, iret: all flags, TF included */
#define UPR_INSN_FLAGS_PUSH	0x0800u	/* pushf */
#define UPR_INSN_VECTOR		0x1000u	/* touches x87, MMX, SSE, AVX, mask or AMX state */
#define UPR_INSN_ENDBR		0x2000u
#define UPR_INSN_NOP		0x4000u	/* architecturally no effect: nop, 0f 1f, pause is not one */

/* Place of one encoded field; size 0: not there.  Offsets count from byte 0. */
struct upr_span {
	u8 off;
	u8 size;
};

/**
 * struct upr_insn - one decoded instruction
 * @length:	bytes, 1..15
 * @mode:	enum upr_insn_mode it was decoded for
 * @enc:	enum upr_insn_enc
 * @map:	enum upr_insn_map
 * @opcode:	the opcode byte proper (for 3DNow! the suffix byte)
 * @pp:		mandatory prefix in force: 0 none, 1 66, 2 F3, 3 F2
 * @vl:		vector length of VEX/EVEX/XOP: 0 128, 1 256, 2 512 bits
 * @vvvv:	second source register of VEX/EVEX/XOP (un-inverted, V' not included)
 * @modrm:	ModRM byte when @f_modrm.size
 * @sib:	SIB byte when @f_sib.size
 * @rex:	UPR_REX_* bits in force
 * @opsize:	effective general operand size in bytes: 1, 2, 4 or 8
 * @addrsize:	effective address size in bytes: 2, 4 or 8
 * @cond:	condition code 0..15 of jcc, setcc, cmovcc
 * @branch:	enum upr_branch
 * @prefixes:	UPR_PFX_* set
 * @attr:	UPR_INSN_* set
 * @f_prefix:	legacy prefixes (all of them, contiguous, REX not included)
 * @f_rex:	REX byte
 * @f_vex:	VEX, EVEX or XOP prefix, escape byte included
 * @f_opcode:	escape and opcode bytes
 * @f_modrm:	ModRM
 * @f_sib:	SIB
 * @f_disp:	displacement (also disp8*N, unscaled)
 * @f_imm:	first immediate; branch offsets and moffs count as immediates
 * @f_imm2:	second immediate (enter, far pointers' selector, extrq/insertq)
 * @disp:	displacement, sign-extended, as encoded (not scaled by N)
 * @imm:	first immediate, sign-extended; the 16-bit counts of ret and enter and
 *		absolute addresses (moffs) are zero-extended
 * @imm2:	second immediate
 * @base:	base register of the memory operand, or 0xff
 * @index:	index register (vector register for VSIB), or 0xff
 * @gpr_read:	general registers read, implicit and address ones included
 * @gpr_write:	general registers written, wholly or in part; a register only
 *		partly written (8 or 16 bits, or conditionally) is in @gpr_read
 *		as well, since its old value shows through
 * @flags_read:	RFLAGS bits read
 * @flags_write: RFLAGS bits written, left undefined ones included; a bit that
 *		may be left alone (shift by cl) is in @flags_read as well
 *
 * All in one plain value: copy it, compare it, throw it away.
 */
struct upr_insn {
	u8 length;
	u8 mode;
	u8 enc;
	u8 map;
	u8 opcode;
	u8 pp;
	u8 vl;
	u8 vvvv;
	u8 modrm;
	u8 sib;
	u8 rex;
	u8 opsize;
	u8 addrsize;
	u8 cond;
	u8 branch;
	u8 base;
	u8 index;
	u16 prefixes;
	u16 attr;
	struct upr_span f_prefix;
	struct upr_span f_rex;
	struct upr_span f_vex;
	struct upr_span f_opcode;
	struct upr_span f_modrm;
	struct upr_span f_sib;
	struct upr_span f_disp;
	struct upr_span f_imm;
	struct upr_span f_imm2;
	s64 disp;
	s64 imm;
	s64 imm2;
	u32 gpr_read;
	u32 gpr_write;
	u32 flags_read;
	u32 flags_write;
};

#define UPR_INSN_NOREG		0xff

static inline u8 upr_modrm_mod(const struct upr_insn *insn)
{
	return insn->modrm >> 6;
}

static inline u8 upr_modrm_reg(const struct upr_insn *insn)
{
	return (insn->modrm >> 3) & 7;
}

static inline u8 upr_modrm_rm(const struct upr_insn *insn)
{
	return insn->modrm & 7;
}

/**
 * upr_insn_decode() - decode the instruction at the start of a buffer
 * @insn:	filled in on success, undefined otherwise
 * @buf:	bytes
 * @len:	how many of them may be read; 15 is always enough
 * @mode:	code segment
 *
 * Context: any.
 * Return: 0; -EINVAL when no CPU's user or kernel mode accepts the bytes (#UD
 * by encoding); -ENODATA when the instruction needs more than @len bytes
 * (never for @len >= 15: then it is -EINVAL).
 */
int upr_insn_decode(struct upr_insn *insn, const u8 *buf, size_t len, enum upr_insn_mode mode);

/** upr_insn_has_target() - may upr_insn_target() be asked?  Context: any. */
static inline bool upr_insn_has_target(const struct upr_insn *insn)
{
	switch (insn->branch) {
	case UPR_BR_JMP:
	case UPR_BR_JCC:
	case UPR_BR_LOOP:
	case UPR_BR_CALL:
	case UPR_BR_XBEGIN:
		return true;
	default:
		return false;
	}
}

/**
 * upr_insn_target() - address a direct branch leads to
 * @insn:	decoded; UPR_BR_JMP, JCC, LOOP, CALL or XBEGIN
 * @addr:	address of its first byte
 *
 * Honours the operand size (a 66 prefix in 32-bit mode cuts the target to 16
 * bits; 64-bit mode ignores it as Intel does).
 */
u64 upr_insn_target(const struct upr_insn *insn, u64 addr);

/**
 * upr_insn_riprel_addr() - address a rip-relative operand refers to
 * @insn:	decoded, with UPR_INSN_RIPREL in attr
 * @addr:	address of its first byte
 */
u64 upr_insn_riprel_addr(const struct upr_insn *insn, u64 addr);

#endif /* UTRACE_INSN_H */
