// SPDX-License-Identifier: GPL-2.0
/*
 * uprobes_leave.c - taking a task off its slot.
 *
 * Purpose: a task may stop anywhere in a slot: before the displaced instruction
 * (nothing done, or it faulted, or it has iterations left), behind it, or
 * between the instructions of a longer slot.  Each strategy says here what the
 * program must see.  The layouts are those of uprobes_slot.c.
 *
 * A position between two instructions is completed, not undone: a program
 * that steps itself stops there, and must get on.  Memory that a step has
 * left wrong is not written here but asked for in struct upr_xol_step: leaving is
 * allowed where memory cannot be reached.
 *
 * Locks: none.
 */
#include "uprobes_xol.h"

static enum upr_slot_where before(const struct upr_leaving *l)
{
	l->regs->ip = l->addr;
	return UPR_SLOT_BEFORE;
}

static enum upr_slot_where after(const struct upr_leaving *l, u64 ip)
{
	l->regs->ip = ip;
	return UPR_SLOT_AFTER;
}

static bool is_mode32(const struct upr_leaving *l)
{
	return l->xol->insn.mode == UPR_INSN_32;
}

static u64 next(const struct upr_leaving *l)
{
	return upr_next(l->xol, l->addr);
}

enum upr_slot_where upr_leave_copy(const struct upr_leaving *l)
{
	if (l->pos == UPR_POS_ELSEWHERE)
		return UPR_SLOT_AFTER;
	if (l->pos < l->xol->insn.length)
		return before(l);
	return after(l, next(l));
}

/* @size bytes of branch, then two jumps: not taken, taken. */
static enum upr_slot_where leave_two_exits(const struct upr_leaving *l, unsigned int size)
{
	if (l->pos == UPR_POS_ELSEWHERE)
		return UPR_SLOT_AFTER;
	if (l->pos < size)
		return before(l);
	if (l->pos < size + upr_jump_size(is_mode32(l), l->slot + size, next(l)))
		return after(l, next(l));
	return after(l, upr_insn_target(&l->xol->insn, l->addr));
}

enum upr_slot_where upr_leave_branch(const struct upr_leaving *l)
{
	return leave_two_exits(l, upr_branch_size(&l->xol->insn));
}

enum upr_slot_where upr_leave_xbegin(const struct upr_leaving *l)
{
	return leave_two_exits(l, 6);
}

enum upr_slot_where upr_leave_call(const struct upr_leaving *l)
{
	if (l->pos == UPR_POS_ELSEWHERE)
		return UPR_SLOT_AFTER;
	if (l->pos < upr_push_size(is_mode32(l)))
		return before(l);
	return after(l, upr_insn_target(&l->xol->insn, l->addr));
}

/* Between push and jmp.  The jmp faults at an address that is none: then the push is taken back. */
static enum upr_slot_where leave_pushed(const struct upr_leaving *l)
{
	u64 target = l->regs->gpr[upr_modrm_rm_full(&l->xol->insn)];
	u64 *rsp = &l->regs->gpr[UPR_RSP];

	if (is_mode32(l) || upr_is_canonical(target))
		return after(l, target);
	*rsp += upr_stack_width(&l->xol->insn);
	return before(l);
}

/*
 * Stepped: the call has pushed the address behind itself in the slot.  Whoever
 * returns there before the word is put right finds the jump back.
 */
enum upr_slot_where upr_leave_call_ind(const struct upr_leaving *l)
{
	if (l->way == UPR_WAY_BOOST && l->pos != UPR_POS_ELSEWHERE && l->pos >= upr_push_size(is_mode32(l)))
		return leave_pushed(l);
	if (l->way == UPR_WAY_STEP && l->pos == UPR_POS_ELSEWHERE && l->step && l->step->in_slot) {
		l->step->store_addr = l->regs->gpr[UPR_RSP];
		l->step->store_value = next(l);
		l->step->store_size = (u8)upr_stack_width(&l->xol->insn);
	}
	return upr_leave_copy(l);
}

/*
 * syscall leaves the address behind itself in rcx and the flags in r11; that
 * rcx also tells a system call which is to be restarted (pc on the
 * instruction again) from one that was never made.  A child born here has the
 * same registers.  rt_sigreturn and execve lead elsewhere with registers that
 * are the program's own already.
 */
enum upr_slot_where upr_leave_syscall(const struct upr_leaving *l)
{
	struct upr_regs *regs = l->regs;

	if (l->pos != UPR_POS_ELSEWHERE && !is_mode32(l) && regs->gpr[UPR_RCX] == l->slot + l->xol->insn.length) {
		regs->gpr[UPR_RCX] = next(l);
		if (l->way == UPR_WAY_STEP && !(l->step && (l->step->flags & UPR_FL_TF)))
			regs->gpr[UPR_R11] &= ~(u64)UPR_FL_TF;
	}
	return upr_leave_copy(l);
}

/* pushf under a step has pushed the stepper's TF; it does not change the flags themselves. */
enum upr_slot_where upr_leave_pushf(const struct upr_leaving *l)
{
	if (l->step && l->step->in_slot && l->pos == l->xol->insn.length) {
		l->step->store_addr = l->regs->gpr[UPR_RSP];
		l->step->store_value = upr_flags_image(l->regs->flags);
		l->step->store_size = (u8)upr_stack_width(&l->xol->insn);
	}
	return upr_leave_copy(l);
}

/*
 * popf sets TF from memory.  Linux therefore takes the TF that it set for the
 * step for the program's own: harmless once popf has overwritten it, wrong
 * when popf has faulted.
 */
enum upr_slot_where upr_leave_popf(const struct upr_leaving *l)
{
	enum upr_slot_where where = upr_leave_copy(l);

	if (where == UPR_SLOT_BEFORE && l->step && l->step->flags_known)
		l->regs->flags = (l->regs->flags & ~(u64)UPR_FL_TF) | l->step->flags;
	return where;
}
