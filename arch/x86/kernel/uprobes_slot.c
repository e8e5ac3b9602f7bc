// SPDX-License-Identifier: GPL-2.0
/*
 * uprobes_slot.c - the bytes of a slot.
 *
 * Purpose: a slot holds the displaced instruction and what makes it behave as
 * if it stood at the probed address.  Layouts, offsets from the slot's start
 * (leave() in uprobes_leave.c knows them):
 *
 *   copy      0 instruction; its length: jump to the next instruction
 *   jmp       0 jump to the target
 *   branch    0 jcc or loop, 2 or 3 bytes, to L; then jump to the next
 *             instruction; L: jump to the target
 *   xbegin    0 xbegin L; then as branch
 *   call      0 push the original return address (from the slot's constants in
 *             64-bit code); then jump to the target
 *   call_ind  boosted: 0 push as above; then jmp through the register
 *             stepped: 0 the call itself; the return address that it pushed is
 *             put right by upr_xol_leave()
 *   syscall   0 syscall; 2 mov $next, %rcx; then jump to the next instruction
 *
 * A jump is `jmp rel32` where it reaches, else `jmp *off(%rip)`.  The constants
 * stand at the end of the slot, aligned: the program may have asked for alignment
 * faults (AC), and a slot must not raise one of its own.
 *
 * Locks: none.
 */
#include "uprobes_xol.h"

/* The address of the byte after the next @size ones. */
static u64 here(const struct upr_asm *as, unsigned int size)
{
	return as->slot + as->len + size;
}

/* jmp or push through a constant: ff /4 or ff /6, disp32(%rip) */
static void put_through_constant(struct upr_asm *as, u8 modrm, u64 value)
{
	unsigned int i;

	as->constants += 8;
	for (i = 0; i < 8; i++)
		as->buf[UPR_SLOT_SIZE - as->constants + i] = (u8)(value >> (8 * i));
	upr_put8(as, 0xff);
	upr_put8(as, modrm);
	upr_put_le(as, UPR_SLOT_SIZE - as->constants - (as->len + 4), 4);
}

static void put_jump(struct upr_asm *as, u64 target)
{
	if (as->mode32 || upr_fits_rel32(here(as, 5), target)) {
		u64 rel = target - here(as, 5);

		upr_put8(as, 0xe9);
		upr_put_le(as, rel, 4);
		return;
	}
	put_through_constant(as, 0x25, target);
}

/* Size of the jump put_jump() would emit for address @at. */
unsigned int upr_jump_size(bool mode32, u64 at, u64 target)
{
	return mode32 || upr_fits_rel32(at + 5, target) ? 5 : 6;
}

static unsigned int jump_size(const struct upr_asm *as, unsigned int skip, u64 target)
{
	return upr_jump_size(as->mode32, here(as, skip), target);
}

/* Size of what put_push_next() emits. */
unsigned int upr_push_size(bool mode32)
{
	return mode32 ? 5 : 6;
}

/*
 * Scratch register for a rip-relative address.
 *
 * Facts: rm 101 with mod 00 is rip-relative whatever REX.B says, so the copy
 * becomes mod 10 (disp32 stays where it is) with rm naming the register, and the B
 * bit must be made 0 explicitly.  That leaves rax to rdi.  rsp needs a SIB byte,
 * and rbp would make it a reference through %ss, whose faults are
 * reported differently.  An instruction names at most two registers besides
 * its memory operand and uses at most rax, rdx, rbx and rcx implicitly
 * (cmpxchg16b), so one of six is always free.
 */
u8 upr_xol_pick_scratch(const struct upr_insn *insn)
{
	static const u8 order[] = {UPR_RDI, UPR_RSI, UPR_RCX, UPR_RDX, UPR_RBX, UPR_RAX};
	u32 used = insn->gpr_read | insn->gpr_write;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(order); i++)
		if (!(used & UPR_GPR(order[i])))
			return order[i];
	return UPR_INSN_NOREG;
}

/* An eip-relative address (67) wraps at 4 GiB: everything is in reach. */
bool upr_riprel_in_reach(const struct upr_xol *xol, u64 addr, u64 slot)
{
	if (xol->insn.addrsize == 4)
		return true;
	return upr_fits_rel32(slot + xol->insn.length, upr_insn_riprel_addr(&xol->insn, addr));
}

/* B is inverted in VEX, EVEX and XOP, and two-byte VEX has none. */
static void clear_b_bit(const struct upr_insn *insn, u8 *code)
{
	switch (insn->enc) {
	case UPR_ENC_VEX3:
	case UPR_ENC_XOP:
	case UPR_ENC_EVEX:
		code[insn->f_vex.off + 1] |= 0x20;
		break;
	case UPR_ENC_VEX2:
		break;
	default:
		if (insn->f_rex.size)
			code[insn->f_rex.off] &= (u8)~UPR_REX_B;
	}
}

/*
 * The instruction itself, a rip-relative operand re-aimed.  @way BOOST has no
 * scratch register: nobody would put it back.
 */
static int put_insn(const struct upr_xol *xol, enum upr_way way, u64 addr, struct upr_asm *as)
{
	const struct upr_insn *insn = &xol->insn;
	u8 code[UPR_INSN_MAX];

	memcpy(code, xol->code, sizeof(code));
	if ((insn->attr & UPR_INSN_RIPREL) && xol->ops->riprel_data) {
		if (upr_riprel_in_reach(xol, addr, here(as, 0))) {
			upr_set_disp32(insn, code,
				       (u32)(upr_insn_riprel_addr(&xol->insn, addr) - here(as, insn->length)));
		} else if (way == UPR_WAY_STEP && xol->scratch != UPR_INSN_NOREG) {
			code[insn->f_modrm.off] = (u8)(0x80 | (insn->modrm & 0x38) | xol->scratch);
			clear_b_bit(insn, code);
		} else {
			return -ERANGE;
		}
	}
	upr_put_bytes(as, code, insn->length);
	return 0;
}

int upr_build_copy(const struct upr_xol *xol, enum upr_way way, u64 addr, struct upr_asm *as)
{
	int err = put_insn(xol, way, addr, as);

	if (!err)
		put_jump(as, upr_next(xol, addr));
	return err;
}

int upr_build_jmp(const struct upr_xol *xol, enum upr_way way, u64 addr, struct upr_asm *as)
{
	put_jump(as, upr_insn_target(&xol->insn, addr));
	return 0;
}

/*
 * jcc or loop in the slot: without the prefixes that mean nothing.  Those of
 * loop do: the address size chooses the register it counts on, and there are CPUs on
 * which F3 makes loope of loopne, and F2 the reverse.
 */
unsigned int upr_branch_size(const struct upr_insn *insn)
{
	unsigned int size = 2;

	if (insn->branch == UPR_BR_LOOP) {
		size += !!(insn->prefixes & UPR_PFX_ASIZE);
		size += !!(insn->prefixes & (UPR_PFX_REP | UPR_PFX_REPNE));
	}
	return size;
}

void upr_put_branch(struct upr_asm *as, const struct upr_insn *insn)
{
	if (insn->branch == UPR_BR_LOOP) {
		if (insn->prefixes & UPR_PFX_ASIZE)
			upr_put8(as, 0x67);
		if (insn->prefixes & UPR_PFX_REP)
			upr_put8(as, 0xf3);
		else if (insn->prefixes & UPR_PFX_REPNE)
			upr_put8(as, 0xf2);
		upr_put8(as, insn->opcode);
	} else {
		upr_put8(as, (u8)(0x70 | insn->cond));
	}
}

int upr_build_branch(const struct upr_xol *xol, enum upr_way way, u64 addr, struct upr_asm *as)
{
	const struct upr_insn *insn = &xol->insn;

	upr_put_branch(as, insn);
	upr_put8(as, (u8)jump_size(as, 1, upr_next(xol, addr)));
	put_jump(as, upr_next(xol, addr));
	put_jump(as, upr_insn_target(insn, addr));
	return 0;
}

int upr_build_xbegin(const struct upr_xol *xol, enum upr_way way, u64 addr, struct upr_asm *as)
{
	upr_put8(as, 0xc7);
	upr_put8(as, 0xf8);
	upr_put_le(as, jump_size(as, 4, upr_next(xol, addr)), 4);
	put_jump(as, upr_next(xol, addr));
	put_jump(as, upr_insn_target(&xol->insn, addr));
	return 0;
}

/* Push the return address.  64-bit code has no push of a 64-bit immediate. */
static void put_push_next(const struct upr_xol *xol, u64 addr, struct upr_asm *as)
{
	if (as->mode32) {
		upr_put8(as, 0x68);
		upr_put_le(as, upr_next(xol, addr), 4);
	} else {
		put_through_constant(as, 0x35, upr_next(xol, addr));
	}
}

int upr_build_call(const struct upr_xol *xol, enum upr_way way, u64 addr, struct upr_asm *as)
{
	put_push_next(xol, addr, as);
	put_jump(as, upr_insn_target(&xol->insn, addr));
	return 0;
}

/*
 * Boosted only through a register: memory read after the push may not be what
 * the call would have read, nor fault as it would.
 */
int upr_build_call_ind(const struct upr_xol *xol, enum upr_way way, u64 addr, struct upr_asm *as)
{
	unsigned int start;

	if (way == UPR_WAY_STEP)
		return upr_build_copy(xol, way, addr, as);
	put_push_next(xol, addr, as);
	start = as->len;
	upr_put_bytes(as, xol->code, xol->insn.length);
	/* /2 is call, /4 is jmp */
	as->buf[start + xol->insn.f_modrm.off] += 2 << 3;
	return 0;
}

/* Whoever looks at rcx afterwards shall find the program's address there. */
int upr_build_syscall(const struct upr_xol *xol, enum upr_way way, u64 addr, struct upr_asm *as)
{
	u64 next = upr_next(xol, addr);

	upr_put_bytes(as, xol->code, xol->insn.length);
	if (!as->mode32) {
		upr_put8(as, 0x48);
		upr_put8(as, 0xb9);
		upr_put_le(as, next, 8);
	}
	put_jump(as, next);
	return 0;
}
