// SPDX-License-Identifier: GPL-2.0
/*
 * uprobes_pad_insn.c - displaced instructions in a pad.
 *
 * Purpose: each instruction of the window as a copy, or as other instructions with
 * its effect where a copy would mean something else:
 *
 *   nop, endbr64   nothing.  Whoever arrives at the site by an indirect branch does not find
 *                  endbr64 there: Linux does not enable branch tracking in user mode
 *   rip-relative   the displacement re-aimed
 *   jcc            jcc rel32 to the target, or over a jump through a constant
 *   loop, jrcxz    over a short jump to a jump
 *   jmp            a jump to the target
 *   call           UPR_JUMP_CALL: a jump, the return address has been pushed by
 *                  the site itself.  Else: call L; int3; L: lea 8(%rsp),%rsp; push constant;
 *                  jump.  The first call is for the CPU's return stack alone: without it
 *                  every return of the callers would be mispredicted, with it only the
 *                  callee's is.  It skips a byte because a call of the next
 *                  instruction is known to CPUs as an idiom that returns never.
 *
 * In UPR_JUMP_CALL the instructions before the call find the stack pointer 8 lower.  Those
 * that address by it get another displacement; mov from it becomes lea; a push
 * moves the return address down and stores above it.  The word that holds the return address
 * early is one that the call, or a push before it, was about to overwrite.
 *
 * Known to be visible: a pointer other than rsp that leads to that very word.
 * No compiler keeps anything alive below the stack pointer at a call.
 *
 * Locks: none.
 */
#include "uprobes_jump.h"

/* --- for a stack pointer that is 8 lower ------------------------------------ */

/* Is rsp used in any other way than as the base of the memory operand? */
static bool uses_rsp_otherwise(const struct upr_insn *insn, const u8 *code)
{
	u8 other[UPR_INSN_MAX];
	struct upr_insn with_rbx;

	if (insn->base != UPR_RSP || !insn->f_sib.size)
		return true;
	memcpy(other, code, insn->length);
	other[insn->f_sib.off] = (u8)((insn->sib & ~7u) | UPR_RBX);
	return upr_insn_decode(&with_rbx, other, insn->length, UPR_INSN_64) || (with_rbx.gpr_read & UPR_GPR(UPR_RSP));
}

static bool fits_disp8(s64 disp)
{
	return disp == (s8)disp;
}

/*
 * The same operand, with 8 more of displacement.  What lies below the program's stack
 * pointer holds a return address by now: an access to it is none of ours.  EVEX
 * scales short displacements: it gets a long one, and if it has a short one it is left alone.
 */
static int raise_disp(const struct upr_insn *insn, const u8 *code, struct upr_lowered *ret)
{
	unsigned int rest = insn->f_sib.off + 1u + insn->f_disp.size, len = insn->f_modrm.off, i;
	s64 disp = insn->disp + 8;
	bool is_short = insn->enc != UPR_ENC_EVEX && fits_disp8(disp);
	u8 *out = ret->code[0];

	if (insn->enc == UPR_ENC_EVEX && insn->f_disp.size == 1)
		return -EOPNOTSUPP;
	if ((insn->disp < 0 && !(insn->attr & UPR_INSN_AGEN)) || disp != (s32)disp)
		return -EOPNOTSUPP;
	if (len + 2 + (is_short ? 1 : 4) + (insn->length - rest) > UPR_INSN_MAX)
		return -EOPNOTSUPP;
	memcpy(out, code, len);
	out[len++] = (u8)((insn->modrm & 0x3f) | (is_short ? 0x40 : 0x80));
	out[len++] = insn->sib;
	for (i = 0; i < (is_short ? 1 : 4); i++)
		out[len++] = (u8)((u64)disp >> (8 * i));
	memcpy(out + len, code + rest, insn->length - rest);
	ret->len[0] = (u8)(len + insn->length - rest);
	return 0;
}

/* mov %rsp,%reg: the register, or UPR_INSN_NOREG */
static unsigned int mov_from_rsp(const struct upr_insn *insn)
{
	if (insn->enc != UPR_ENC_LEGACY || insn->map != UPR_MAP_1B || insn->opsize != 8 || !insn->f_modrm.size ||
	    upr_modrm_mod(insn) != 3)
		return UPR_INSN_NOREG;
	if (insn->opcode == 0x89 && upr_modrm_reg_full(insn) == UPR_RSP)
		return upr_modrm_rm_full(insn);
	if (insn->opcode == 0x8b && upr_modrm_rm_full(insn) == UPR_RSP)
		return upr_modrm_reg_full(insn);
	return UPR_INSN_NOREG;
}

static void set_code(struct upr_lowered *ret, unsigned int part, const u8 *code, unsigned int len)
{
	memcpy(ret->code[part], code, len);
	ret->len[part] = (u8)len;
}

/* push (%rsp), then the store to where the return address was */
static int lower_push(const struct upr_insn *insn, struct upr_lowered *ret)
{
	static const u8 push_again[] = {0xff, 0x34, 0x24};
	unsigned int reg = upr_opcode_reg(insn), i;
	u8 store_imm[9] = {0x48, 0xc7, 0x44, 0x24, 0x08};
	u8 store_reg[] = {(u8)(0x48 | (reg & 8) >> 1), 0x89, (u8)(0x44 | (reg & 7) << 3), 0x24, 0x08};

	if (upr_stack_width(insn) != 8)
		return -EOPNOTSUPP;
	if (insn->opcode >= 0x50 && insn->opcode <= 0x57 && reg != UPR_RSP) {
		set_code(ret, 1, store_reg, sizeof(store_reg));
	} else if (insn->opcode == 0x68 || insn->opcode == 0x6a) {
		for (i = 0; i < 4; i++)
			store_imm[5 + i] = (u8)((u64)insn->imm >> (8 * i));
		set_code(ret, 1, store_imm, sizeof(store_imm));
	} else {
		return -EOPNOTSUPP;
	}
	set_code(ret, 0, push_again, sizeof(push_again));
	return 0;
}

/**
 * upr_lower() - an instruction before a call, as it is executed once the return address has been pushed
 * @ret:	rip-relative operands not re-aimed
 * Return: 0; -EOPNOTSUPP: it depends on the stack pointer in some other way
 */
int upr_lower(const struct upr_insn *insn, const u8 *code, struct upr_lowered *ret)
{
	u32 rsp = UPR_GPR(UPR_RSP);
	unsigned int reg;

	memset(ret, 0, sizeof(*ret));
	if (insn->branch != UPR_BR_NONE)
		return -EOPNOTSUPP;
	if ((insn->attr & UPR_INSN_STACK) && insn->enc == UPR_ENC_LEGACY && insn->map == UPR_MAP_1B)
		return lower_push(insn, ret);
	if ((insn->attr & UPR_INSN_STACK) || (insn->gpr_write & rsp))
		return -EOPNOTSUPP;
	if (!(insn->gpr_read & rsp) || upr_is_idle(insn)) {
		set_code(ret, 0, code, insn->length);
		return 0;
	}
	reg = mov_from_rsp(insn);
	if (reg != UPR_INSN_NOREG) {
		u8 lea[] = {(u8)(0x48 | (reg & 8) >> 1), 0x8d, (u8)(0x44 | (reg & 7) << 3), 0x24, 0x08};

		set_code(ret, 0, lea, sizeof(lea));
		return 0;
	}
	if (uses_rsp_otherwise(insn, code))
		return -EOPNOTSUPP;
	return raise_disp(insn, code, ret);
}

/**
 * upr_call_to_jmp() - an indirect call as the jump that follows when the return address has been pushed
 * Return: 0; -EOPNOTSUPP: it calls through the stack pointer, or through memory below it
 */
int upr_call_to_jmp(const struct upr_insn *insn, const u8 *code, struct upr_lowered *ret)
{
	u8 *modrm = &ret->code[0][insn->f_modrm.off];
	int err = 0;

	memset(ret, 0, sizeof(*ret));
	set_code(ret, 0, code, insn->length);
	if (upr_modrm_mod(insn) == 3)
		err = upr_modrm_rm_full(insn) == UPR_RSP ? -EOPNOTSUPP : 0;
	else if (insn->base == UPR_RSP)
		err = raise_disp(insn, code, ret);
	/* /2 is call, /4 is jmp */
	*modrm = (u8)((*modrm & ~0x38u) | 4u << 3);
	return err;
}

/* --- emitting ----------------------------------------------------------------- */

static u64 insn_addr(const struct upr_pad_asm *pa, unsigned int i)
{
	return pa->pad->addr + pa->pad->jump->off[i];
}

static const u8 *insn_code(const struct upr_pad_asm *pa, unsigned int i)
{
	return pa->pad->jump->code + pa->pad->jump->off[i];
}

/* @code: @len bytes that @insn was turned into; a rip-relative operand is where it was */
static void put_aimed(struct upr_pad_asm *pa, unsigned int i, const u8 *code, unsigned int len)
{
	const struct upr_insn *insn = &pa->insns[i];
	u8 aimed[UPR_INSN_MAX];

	memcpy(aimed, code, len);
	if (insn->attr & UPR_INSN_RIPREL) {
		u64 target = upr_insn_riprel_addr(insn, insn_addr(pa, i));

		/* an eip-relative address (67) wraps at 4 GiB: everything is in reach */
		if (insn->addrsize != 4 && !upr_fits_rel32(upr_pad_here(pa, len), target))
			pa->err = -ERANGE;
		upr_set_disp32(insn, aimed, (u32)(target - upr_pad_here(pa, len)));
	}
	upr_put_bytes(&pa->as, aimed, len);
}

static void put_after(struct upr_pad_asm *pa, u64 ip)
{
	pa->now = (struct upr_spot){.kind = UPR_SPOT_AFTER, .ip = ip};
	upr_pad_note(pa);
}

/*
 * loop L; jmp over; L: jump to the target; over:.  Its targets are never far
 * from the window, but the pad is, and it knows only short ones.
 */
static void put_loop(struct upr_pad_asm *pa, unsigned int i, u64 target)
{
	struct upr_spot here = pa->now;
	unsigned int over;

	upr_put_branch(&pa->as, &pa->insns[i]);
	upr_put8(&pa->as, 2);
	upr_pad_before(pa, i + 1);
	upr_put8(&pa->as, 0xeb);
	over = pa->as.len;
	upr_put8(&pa->as, 0);
	put_after(pa, target);
	upr_pad_put_jump(pa, target);
	if (pa->as.buf)
		pa->as.buf[over] = (u8)(pa->as.len - over - 1);
	pa->now = here;
}

/* The return address, with the CPU's return stack in balance. */
static void put_push_return(struct upr_pad_asm *pa, unsigned int i)
{
	static const u8 call_over[] = {0xe8, 0x01, 0x00, 0x00, 0x00, 0xcc};
	static const u8 drop[] = {0x48, 0x8d, 0x64, 0x24, 0x08};

	upr_put_bytes(&pa->as, call_over, sizeof(call_over));
	pa->now.extra = 8;
	upr_pad_note(pa);
	upr_put_bytes(&pa->as, drop, sizeof(drop));
	pa->now.extra = 0;
	upr_pad_note(pa);
	upr_pad_put_const(pa, 0x35, insn_addr(pa, i) + pa->insns[i].length);
	pa->now.extra = 8;
	upr_pad_note(pa);
}

/*
 * With the return address in place a direct call is as good as done.  An indirect
 * one may still find that there is no address where it looks, and is taken back.
 */
static void put_call(struct upr_pad_asm *pa, unsigned int i)
{
	const struct upr_insn *insn = &pa->insns[i];
	struct upr_lowered jmp;

	if (pa->pad->jump->form != UPR_JUMP_CALL)
		put_push_return(pa, i);
	if (insn->branch == UPR_BR_CALL) {
		u64 target = upr_insn_target(insn, insn_addr(pa, i));

		put_after(pa, target);
		upr_pad_put_jump(pa, target);
		return;
	}
	if (upr_call_to_jmp(insn, insn_code(pa, i), &jmp))
		pa->err = -EOPNOTSUPP;
	put_aimed(pa, i, jmp.code[0], jmp.len[0]);
}

static void put_lowered(struct upr_pad_asm *pa, unsigned int i)
{
	struct upr_lowered low;

	if (upr_lower(&pa->insns[i], insn_code(pa, i), &low))
		pa->err = -EOPNOTSUPP;
	put_aimed(pa, i, low.code[0], low.len[0]);
	if (!low.len[1])
		return;
	pa->now.extra = 16;
	upr_pad_note(pa);
	upr_put_bytes(&pa->as, low.code[1], low.len[1]);
	pa->now.extra = 8;
}

/** upr_pad_put_insn() - displaced instruction @i, its count already made */
void upr_pad_put_insn(struct upr_pad_asm *pa, unsigned int i)
{
	const struct upr_insn *insn = &pa->insns[i];
	u64 target = upr_is_direct(insn) ? upr_insn_target(insn, insn_addr(pa, i)) : 0;

	pa->copy[i] = (u16)pa->as.len;
	if (upr_is_idle(insn))
		return;
	switch (insn->branch) {
	case UPR_BR_JMP:
		upr_pad_put_jump(pa, target);
		break;
	case UPR_BR_JCC:
		upr_pad_put_jcc(pa, insn->cond, target);
		break;
	case UPR_BR_LOOP:
		put_loop(pa, i, target);
		break;
	case UPR_BR_CALL:
	case UPR_BR_CALL_IND:
		put_call(pa, i);
		break;
	default:
		if (pa->pad->jump->form == UPR_JUMP_CALL)
			put_lowered(pa, i);
		else
			put_aimed(pa, i, insn_code(pa, i), insn->length);
	}
}
