// SPDX-License-Identifier: GPL-2.0
/*
 * uprobes_alu.c - moves and arithmetic, computed on the saved registers.
 *
 * Purpose: what stands at function entries beside pushes (mov %rsp, %rbp;
 * sub $N, %rsp; xor %eax, %eax; lea; test) needs no slot either: such a probe
 * works even where no area can be mapped.  Operands are registers and immediates;
 * mov also goes to and from the stack by way of rsp.  Other memory is left to the
 * CPU, whose loads and stores are not torn.
 *
 * Flags: all that the architecture defines.  AF after and, or, xor and test is
 * undefined; it is cleared here as CPUs do.
 *
 * Locks: none.
 */
#include "uprobes_xol.h"

enum alu_op {
	ALU_ADD,
	ALU_OR,
	ALU_ADC,
	ALU_SBB,
	ALU_AND,
	ALU_SUB,
	ALU_XOR,
	ALU_CMP, /* as encoded */
	ALU_TEST,
	ALU_INC,
	ALU_DEC,
	ALU_NEG,
	ALU_NOT,
	ALU_NONE,
};

/**
 * struct alu - an instruction of this file, taken apart
 * @dst, @src:	registers, @src only when @has_imm is false
 */
struct alu {
	enum alu_op op;
	unsigned int size;
	unsigned int dst;
	unsigned int src;
	bool has_imm;
};

/* Without REX, byte registers 4 to 7 are ah, ch, dh and bh. */
static unsigned int byte_reg(const struct upr_insn *insn, unsigned int nr, unsigned int size)
{
	if (size == 1 && nr >= 4 && nr < 8 && !(insn->prefixes & UPR_PFX_REX))
		return UPR_REG_HIGH | (nr & 3);
	return nr;
}

static unsigned int reg_operand(const struct upr_insn *insn, unsigned int size)
{
	return byte_reg(insn, upr_modrm_reg_full(insn), size);
}

static unsigned int rm_operand(const struct upr_insn *insn, unsigned int size)
{
	return byte_reg(insn, upr_modrm_rm_full(insn), size);
}

static bool is_reg_form(const struct upr_insn *insn)
{
	return insn->f_modrm.size && upr_modrm_mod(insn) == 3;
}

/* An access by way of rsp alone: nobody else's memory in any sane program. */
static bool is_stack_form(const struct upr_insn *insn)
{
	return upr_addr_simple(insn) && insn->base == UPR_RSP && insn->index == UPR_INSN_NOREG &&
	       !(insn->prefixes & (UPR_PFX_FS | UPR_PFX_GS));
}

/* The opcode's low bit: byte or word operands. */
static unsigned int low_bit_size(const struct upr_insn *insn)
{
	return insn->opcode & 1 ? insn->opsize : 1;
}

/* --- moves --------------------------------------------------------------- */

bool upr_mov_can(const struct upr_insn *insn)
{
	if (insn->enc != UPR_ENC_LEGACY || insn->map != UPR_MAP_1B)
		return false;
	switch (insn->opcode) {
	case 0x88 ... 0x8b:
		return is_reg_form(insn) || is_stack_form(insn);
	case 0xc6:
	case 0xc7:
		return upr_modrm_reg(insn) == 0 && (is_reg_form(insn) || is_stack_form(insn));
	case 0x8d:
		return upr_addr_simple(insn) && !(insn->prefixes & (UPR_PFX_FS | UPR_PFX_GS));
	case 0xb0 ... 0xbf:
		return true;
	default:
		return false;
	}
}

UPR_EMULATE_FN(upr_emulate_lea)
{
	const struct upr_insn *insn = &xol->insn;

	upr_reg_set(regs, upr_modrm_reg_full(insn), insn->opsize, upr_effective_addr(xol, addr, regs));
	regs->ip = upr_next(xol, addr);
	return 0;
}

UPR_EMULATE_FN(upr_emulate_mov)
{
	const struct upr_insn *insn = &xol->insn;
	unsigned int size = low_bit_size(insn);
	u64 value;
	int err = 0;

	regs->ip = upr_next(xol, addr);
	if (insn->opcode >= 0xb0 && insn->opcode <= 0xbf) {
		size = insn->opcode < 0xb8 ? 1 : insn->opsize;
		upr_reg_set(regs, byte_reg(insn, upr_opcode_reg(insn), size), size, (u64)insn->imm);
		return 0;
	}
	if (insn->opcode == 0x8a || insn->opcode == 0x8b) {
		if (is_reg_form(insn))
			value = upr_reg_get(regs, rm_operand(insn, size), size);
		else
			err = upr_load(task, upr_effective_addr(xol, addr, regs), size, &value);
		if (!err)
			upr_reg_set(regs, reg_operand(insn, size), size, value);
		return err;
	}
	value = insn->opcode >= 0xc6 ? (u64)insn->imm : upr_reg_get(regs, reg_operand(insn, size), size);
	if (!is_reg_form(insn))
		return upr_store(task, upr_effective_addr(xol, addr, regs), size, value);
	upr_reg_set(regs, rm_operand(insn, size), size, value);
	return 0;
}

/* --- arithmetic ---------------------------------------------------------- */

static void alu_rm_reg(const struct upr_insn *insn, struct alu *alu)
{
	bool to_reg = insn->opcode & 2;

	alu->size = low_bit_size(insn);
	alu->dst = to_reg ? reg_operand(insn, alu->size) : rm_operand(insn, alu->size);
	alu->src = to_reg ? rm_operand(insn, alu->size) : reg_operand(insn, alu->size);
}

static void alu_rm_imm(const struct upr_insn *insn, struct alu *alu)
{
	alu->size = low_bit_size(insn);
	alu->dst = rm_operand(insn, alu->size);
	alu->has_imm = true;
}

static void alu_acc_imm(const struct upr_insn *insn, struct alu *alu)
{
	alu->size = low_bit_size(insn);
	alu->dst = UPR_RAX;
	alu->has_imm = true;
}

static enum alu_op alu_group3(const struct upr_insn *insn, struct alu *alu)
{
	alu_rm_imm(insn, alu);
	switch (upr_modrm_reg(insn)) {
	case 0:
	case 1:
		return ALU_TEST;
	case 2:
		return ALU_NOT;
	case 3:
		return ALU_NEG;
	default:
		return ALU_NONE;
	}
}

/* Opcodes 00 to 3f: eight operations in six forms each. */
static enum alu_op alu_classic(const struct upr_insn *insn, struct alu *alu)
{
	if ((insn->opcode & 7) < 4) {
		if (!is_reg_form(insn))
			return ALU_NONE;
		alu_rm_reg(insn, alu);
	} else if ((insn->opcode & 7) < 6) {
		alu_acc_imm(insn, alu);
	} else {
		return ALU_NONE;
	}
	return (enum alu_op)(insn->opcode >> 3);
}

static bool alu_take_apart(const struct upr_insn *insn, struct alu *alu)
{
	memset(alu, 0, sizeof(*alu));
	alu->op = ALU_NONE;
	if (insn->enc != UPR_ENC_LEGACY || insn->map != UPR_MAP_1B)
		return false;
	if (insn->f_modrm.size && !is_reg_form(insn))
		return false;
	switch (insn->opcode) {
	case 0x00 ... 0x3f:
		alu->op = alu_classic(insn, alu);
		break;
	case 0x40 ... 0x4f: /* 32-bit code only: else REX */
		alu->op = insn->opcode < 0x48 ? ALU_INC : ALU_DEC;
		alu->size = insn->opsize;
		alu->dst = insn->opcode & 7;
		break;
	case 0x80 ... 0x83:
		alu_rm_imm(insn, alu);
		alu->op = (enum alu_op)upr_modrm_reg(insn);
		break;
	case 0x84:
	case 0x85:
		alu_rm_reg(insn, alu);
		alu->op = ALU_TEST;
		break;
	case 0xa8:
	case 0xa9:
		alu_acc_imm(insn, alu);
		alu->op = ALU_TEST;
		break;
	case 0xf6:
	case 0xf7:
		alu->op = alu_group3(insn, alu);
		break;
	case 0xfe:
	case 0xff:
		alu_rm_imm(insn, alu);
		alu->op = upr_modrm_reg(insn) == 0 ? ALU_INC : upr_modrm_reg(insn) == 1 ? ALU_DEC : ALU_NONE;
		break;
	}
	return alu->op != ALU_NONE;
}

bool upr_alu_can(const struct upr_insn *insn)
{
	struct alu alu;

	return alu_take_apart(insn, &alu);
}

static u64 result_flags(u64 res, unsigned int size)
{
	u64 flags = 0;

	if (!__builtin_parity((unsigned int)(res & 0xff)))
		flags |= UPR_FL_PF;
	if (!res)
		flags |= UPR_FL_ZF;
	if (res >> (8 * size - 1))
		flags |= UPR_FL_SF;
	return flags;
}

/* a + b + carry, all within @mask */
static u64 add(u64 a, u64 b, u64 carry, u64 mask, unsigned int size, u64 *flags)
{
	u64 res = (a + b + carry) & mask;

	*flags = result_flags(res, size) | ((a ^ b ^ res) & UPR_FL_AF);
	if (res < a || (carry && res == a))
		*flags |= UPR_FL_CF;
	if (((a ^ res) & (b ^ res)) >> (8 * size - 1) & 1)
		*flags |= UPR_FL_OF;
	return res;
}

/* a - b - borrow */
static u64 sub(u64 a, u64 b, u64 borrow, u64 mask, unsigned int size, u64 *flags)
{
	u64 res = (a - b - borrow) & mask;

	*flags = result_flags(res, size) | ((a ^ b ^ res) & UPR_FL_AF);
	if (a < b || (borrow && a == b))
		*flags |= UPR_FL_CF;
	if (((a ^ b) & (a ^ res)) >> (8 * size - 1) & 1)
		*flags |= UPR_FL_OF;
	return res;
}

UPR_EMULATE_FN(upr_emulate_alu)
{
	u64 carry = regs->flags & UPR_FL_CF ? 1 : 0;
	u64 a, b, mask, res, flags = 0, changed = UPR_FL_STATUS;
	struct alu alu;

	if (!alu_take_apart(&xol->insn, &alu))
		return -EOPNOTSUPP;
	mask = alu.size == 8 ? ~0ull : (1ull << (8 * alu.size)) - 1;
	a = upr_reg_get(regs, alu.dst, alu.size);
	b = alu.has_imm ? (u64)xol->insn.imm & mask : upr_reg_get(regs, alu.src, alu.size);

	switch (alu.op) {
	case ALU_ADD:
		res = add(a, b, 0, mask, alu.size, &flags);
		break;
	case ALU_ADC:
		res = add(a, b, carry, mask, alu.size, &flags);
		break;
	case ALU_SBB:
		res = sub(a, b, carry, mask, alu.size, &flags);
		break;
	case ALU_SUB:
	case ALU_CMP:
		res = sub(a, b, 0, mask, alu.size, &flags);
		break;
	case ALU_NEG:
		res = sub(0, a, 0, mask, alu.size, &flags);
		break;
	case ALU_INC:
		res = add(a, 1, 0, mask, alu.size, &flags);
		changed &= ~(u64)UPR_FL_CF;
		break;
	case ALU_DEC:
		res = sub(a, 1, 0, mask, alu.size, &flags);
		changed &= ~(u64)UPR_FL_CF;
		break;
	case ALU_NOT:
		res = ~a & mask;
		changed = 0;
		break;
	default:
		res = alu.op == ALU_OR ? a | b : alu.op == ALU_XOR ? a ^ b : a & b;
		flags = result_flags(res, alu.size);
	}
	regs->flags = (regs->flags & ~changed) | (flags & changed);
	if (alu.op != ALU_CMP && alu.op != ALU_TEST)
		upr_reg_set(regs, alu.dst, alu.size, res);
	regs->ip = upr_next(xol, addr);
	return 0;
}

/* --- the rest ------------------------------------------------------------ */

static bool misc_can_1b(const struct upr_insn *insn)
{
	switch (insn->opcode) {
	case 0x63: /* movslq; arpl in 32-bit code */
		return insn->mode == UPR_INSN_64 && is_reg_form(insn);
	case 0x86:
	case 0x87:
		return is_reg_form(insn);
	case 0x90 ... 0x97: /* f3 90 is pause */
		return !(insn->opcode == 0x90 && (insn->prefixes & UPR_PFX_REP));
	case 0x98: /* cbtw, cwtl, cltq */
	case 0x99: /* cwtd, cltd, cqto */
	case 0xf5: /* cmc, clc, stc, cld, std */
	case 0xf8:
	case 0xf9:
	case 0xfc:
	case 0xfd:
		return true;
	default:
		return false;
	}
}

static bool misc_can_0f(const struct upr_insn *insn)
{
	switch (insn->opcode) {
	case 0x40 ... 0x4f: /* cmovcc */
	case 0x90 ... 0x9f: /* setcc */
	case 0xb6:	    /* movzx, movsx */
	case 0xb7:
	case 0xbe:
	case 0xbf:
		return is_reg_form(insn);
	case 0xc8 ... 0xcf: /* bswap of 16 bits is undefined */
		return insn->opsize >= 4;
	default:
		return false;
	}
}

bool upr_misc_can(const struct upr_insn *insn)
{
	if (insn->enc != UPR_ENC_LEGACY)
		return false;
	return insn->map == UPR_MAP_1B ? misc_can_1b(insn) : insn->map == UPR_MAP_0F && misc_can_0f(insn);
}

static u64 sign_extend(u64 value, unsigned int size)
{
	unsigned int shift = 64 - 8 * size;

	return (u64)((s64)(value << shift) >> shift);
}

static void exchange(struct upr_regs *regs, unsigned int a, unsigned int b, unsigned int size)
{
	u64 va = upr_reg_get(regs, a, size), vb = upr_reg_get(regs, b, size);

	upr_reg_set(regs, a, size, vb);
	upr_reg_set(regs, b, size, va);
}

static void misc_1b(const struct upr_insn *insn, struct upr_regs *regs)
{
	unsigned int size = insn->opsize;

	switch (insn->opcode) {
	case 0x63:
		upr_reg_set(regs, upr_modrm_reg_full(insn), size,
			    sign_extend(upr_reg_get(regs, upr_modrm_rm_full(insn), 4), 4));
		break;
	case 0x86:
	case 0x87:
		size = low_bit_size(insn);
		exchange(regs, reg_operand(insn, size), rm_operand(insn, size), size);
		break;
	case 0x90 ... 0x97:
		exchange(regs, UPR_RAX, upr_opcode_reg(insn), size);
		break;
	case 0x98:
		upr_reg_set(regs, UPR_RAX, size, sign_extend(regs->gpr[UPR_RAX], size / 2));
		break;
	case 0x99:
		upr_reg_set(regs, UPR_RDX, size, sign_extend(upr_reg_get(regs, UPR_RAX, size), size) >> 63 ? ~0ull : 0);
		break;
	case 0xf5:
		regs->flags ^= UPR_FL_CF;
		break;
	case 0xf8:
		regs->flags &= ~(u64)UPR_FL_CF;
		break;
	case 0xf9:
		regs->flags |= UPR_FL_CF;
		break;
	case 0xfc:
		regs->flags &= ~(u64)UPR_FL_DF;
		break;
	case 0xfd:
		regs->flags |= UPR_FL_DF;
		break;
	}
}

static u64 swap_bytes(u64 value, unsigned int size)
{
	u64 res = 0;

	while (size--) {
		res = res << 8 | (value & 0xff);
		value >>= 8;
	}
	return res;
}

static void misc_0f(const struct upr_insn *insn, struct upr_regs *regs)
{
	unsigned int size = insn->opsize, from, dst = upr_modrm_reg_full(insn);
	u64 value;

	switch (insn->opcode) {
	case 0x40 ... 0x4f: /* not taken, a 32-bit one still clears the upper half */
		value = upr_reg_get(regs, upr_cond_holds(regs->flags, insn->cond) ? upr_modrm_rm_full(insn) : dst,
				    size);
		upr_reg_set(regs, dst, size, value);
		break;
	case 0x90 ... 0x9f:
		upr_reg_set(regs, rm_operand(insn, 1), 1, upr_cond_holds(regs->flags, insn->cond));
		break;
	case 0xb6:
	case 0xb7:
	case 0xbe:
	case 0xbf:
		from = insn->opcode & 1 ? 2 : 1;
		value = upr_reg_get(regs, rm_operand(insn, from), from);
		upr_reg_set(regs, dst, size, insn->opcode & 8 ? sign_extend(value, from) : value);
		break;
	case 0xc8 ... 0xcf:
		dst = upr_opcode_reg(insn);
		upr_reg_set(regs, dst, size, swap_bytes(upr_reg_get(regs, dst, size), size));
		break;
	}
}

UPR_EMULATE_FN(upr_emulate_misc)
{
	if (xol->insn.map == UPR_MAP_1B)
		misc_1b(&xol->insn, regs);
	else
		misc_0f(&xol->insn, regs);
	regs->ip = upr_next(xol, addr);
	return 0;
}
