// SPDX-License-Identifier: GPL-2.0
/*
 * uprobes_emulate.c - branches and the stack, computed on the saved registers.
 *
 * Purpose: the instructions that make up most function entries and exits cost
 * one trap and need no slot.  User memory is reached through target_ops; when it
 * does not answer, nothing has changed and the CPU does it in a slot: it
 * faults, or grows the stack, as it always would.
 *
 * An indirect branch to a non-canonical address is the CPU's, too: makers differ
 * in whether the branch faults or its target.
 *
 * Locks: none.
 */
#include "uprobes_xol.h"

/* --- operands ------------------------------------------------------------ */

static u64 size_mask(unsigned int size)
{
	return size == 8 ? ~0ull : (1ull << (8 * size)) - 1;
}

u64 upr_reg_get(const struct upr_regs *regs, unsigned int nr, unsigned int size)
{
	if (nr & UPR_REG_HIGH)
		return (regs->gpr[nr & 3] >> 8) & 0xff;
	return regs->gpr[nr] & size_mask(size);
}

/* 32-bit results clear the upper half; 8 and 16-bit ones leave the rest alone. */
void upr_reg_set(struct upr_regs *regs, unsigned int nr, unsigned int size, u64 value)
{
	u64 mask = size_mask(size);

	if (nr & UPR_REG_HIGH)
		regs->gpr[nr & 3] = (regs->gpr[nr & 3] & ~0xff00ull) | (value & 0xff) << 8;
	else if (size >= 4)
		regs->gpr[nr] = value & mask;
	else
		regs->gpr[nr] = (regs->gpr[nr] & ~mask) | (value & mask);
}

int upr_load(struct utrace_task *task, u64 addr, unsigned int size, u64 *ret)
{
	u8 buf[8];
	int err = task->target->mem_read(task, addr, buf, size);

	if (err)
		return err;
	*ret = 0;
	while (size--)
		*ret = *ret << 8 | buf[size];
	return 0;
}

int upr_store(struct utrace_task *task, u64 addr, unsigned int size, u64 value)
{
	u8 buf[8];
	unsigned int i;

	for (i = 0; i < size; i++)
		buf[i] = (u8)(value >> (8 * i));
	return task->target->mem_write(task, addr, buf, size);
}

/*
 * Can upr_effective_addr() do it?  Not 16-bit addressing, and of segments only
 * those whose base is known: a 32-bit program may have changed any of them, and
 * of several prefixes CPUs pick differently.
 */
bool upr_addr_simple(const struct upr_insn *insn)
{
	u32 seg = insn->prefixes & (UPR_PFX_ES | UPR_PFX_CS | UPR_PFX_SS | UPR_PFX_DS | UPR_PFX_FS | UPR_PFX_GS);

	if (!(insn->attr & UPR_INSN_MEM) || (insn->attr & (UPR_INSN_VSIB | UPR_INSN_MOFFS)) || insn->addrsize == 2)
		return false;
	if (!seg || (insn->branch != UPR_BR_NONE && seg == UPR_PFX_DS)) /* 3e on an indirect branch: notrack */
		return true;
	return insn->mode == UPR_INSN_64 && (seg == UPR_PFX_FS || seg == UPR_PFX_GS);
}

/* Of a simple address; segment base included. */
u64 upr_effective_addr(const struct upr_xol *xol, u64 addr, const struct upr_regs *regs)
{
	const struct upr_insn *insn = &xol->insn;
	u64 ea;

	if (insn->attr & UPR_INSN_RIPREL) {
		ea = upr_insn_riprel_addr(insn, addr);
	} else {
		ea = (u64)insn->disp;
		if (insn->base < UPR_NR_GPR)
			ea += regs->gpr[insn->base];
		if (insn->index < UPR_NR_GPR)
			ea += regs->gpr[insn->index] << (insn->sib >> 6);
	}
	if (insn->addrsize == 4)
		ea = (u32)ea;
	if (insn->prefixes & UPR_PFX_FS)
		ea += regs->fs_base;
	else if (insn->prefixes & UPR_PFX_GS)
		ea += regs->gs_base;
	return ea;
}

bool upr_cond_holds(u64 flags, u8 cond)
{
	bool sf_of = !(flags & UPR_FL_SF) != !(flags & UPR_FL_OF);
	bool holds;

	switch (cond >> 1) {
	case 0:
		holds = flags & UPR_FL_OF;
		break;
	case 1:
		holds = flags & UPR_FL_CF;
		break;
	case 2:
		holds = flags & UPR_FL_ZF;
		break;
	case 3:
		holds = flags & (UPR_FL_CF | UPR_FL_ZF);
		break;
	case 4:
		holds = flags & UPR_FL_SF;
		break;
	case 5:
		holds = flags & UPR_FL_PF;
		break;
	case 6:
		holds = sf_of;
		break;
	default:
		holds = sf_of || (flags & UPR_FL_ZF);
	}
	return holds != (cond & 1);
}

/* --- pc alone ------------------------------------------------------------ */

bool upr_emulate_nop_pc(const struct upr_xol *xol, u64 addr, u64 *pc)
{
	*pc = upr_next(xol, addr);
	return true;
}

bool upr_emulate_jmp_pc(const struct upr_xol *xol, u64 addr, u64 *pc)
{
	*pc = upr_insn_target(&xol->insn, addr);
	return true;
}

UPR_EMULATE_FN(upr_emulate_nop)
{
	regs->ip = upr_next(xol, addr);
	return 0;
}

UPR_EMULATE_FN(upr_emulate_jmp)
{
	regs->ip = upr_insn_target(&xol->insn, addr);
	return 0;
}

static void branch_if(const struct upr_xol *xol, u64 addr, struct upr_regs *regs, bool taken)
{
	regs->ip = taken ? upr_insn_target(&xol->insn, addr) : upr_next(xol, addr);
}

UPR_EMULATE_FN(upr_emulate_jcc)
{
	branch_if(xol, addr, regs, upr_cond_holds(regs->flags, xol->insn.cond));
	return 0;
}

/* e0 loopne, e1 loope, e2 loop, e3 jrcxz; the counter is as wide as an address. */
UPR_EMULATE_FN(upr_emulate_loop)
{
	unsigned int size = xol->insn.addrsize;
	u64 count = upr_reg_get(regs, UPR_RCX, size);
	bool zf = regs->flags & UPR_FL_ZF;

	if (xol->insn.opcode == 0xe3) {
		branch_if(xol, addr, regs, !count);
		return 0;
	}
	count = (count - 1) & size_mask(size);
	upr_reg_set(regs, UPR_RCX, size, count);
	branch_if(xol, addr, regs, count && (xol->insn.opcode == 0xe2 || zf == (xol->insn.opcode == 0xe1)));
	return 0;
}

/* --- the stack ------------------------------------------------------------ */

static int push(const struct upr_xol *xol, struct utrace_task *task, struct upr_regs *regs, u64 value)
{
	unsigned int width = upr_stack_width(&xol->insn);
	u64 sp = upr_addr_mask(xol, regs->gpr[UPR_RSP] - width);
	int err = upr_store(task, sp, width, value);

	if (!err)
		regs->gpr[UPR_RSP] = sp;
	return err;
}

static int pop(const struct upr_xol *xol, struct utrace_task *task, struct upr_regs *regs, u64 *ret)
{
	unsigned int width = upr_stack_width(&xol->insn);
	int err = upr_load(task, regs->gpr[UPR_RSP], width, ret);

	if (!err)
		regs->gpr[UPR_RSP] = upr_addr_mask(xol, regs->gpr[UPR_RSP] + width);
	return err;
}

/* Through a register or memory, as wide as the stack is. */
static int read_rm(const struct upr_xol *xol, struct utrace_task *task, u64 addr, const struct upr_regs *regs, u64 *ret)
{
	const struct upr_insn *insn = &xol->insn;
	unsigned int width = upr_stack_width(insn);

	if (upr_modrm_mod(insn) != 3)
		return upr_load(task, upr_effective_addr(xol, addr, regs), width, ret);
	*ret = upr_reg_get(regs, upr_modrm_rm_full(insn), width);
	return 0;
}

static int jump_to(const struct upr_xol *xol, struct upr_regs *regs, u64 target)
{
	if (!upr_is_canonical(target))
		return -EFAULT;
	regs->ip = upr_addr_mask(xol, target);
	return 0;
}

UPR_EMULATE_FN(upr_emulate_call)
{
	regs->ip = upr_insn_target(&xol->insn, addr);
	return push(xol, task, regs, upr_next(xol, addr));
}

UPR_EMULATE_FN(upr_emulate_call_ind)
{
	u64 target;
	int err = read_rm(xol, task, addr, regs, &target);

	if (!err)
		err = jump_to(xol, regs, target);
	return err ? err : push(xol, task, regs, upr_next(xol, addr));
}

UPR_EMULATE_FN(upr_emulate_jmp_ind)
{
	u64 target;
	int err = read_rm(xol, task, addr, regs, &target);

	return err ? err : jump_to(xol, regs, target);
}

UPR_EMULATE_FN(upr_emulate_ret)
{
	u64 target;
	int err = pop(xol, task, regs, &target);

	if (err)
		return err;
	if (xol->insn.opcode == 0xc2)
		regs->gpr[UPR_RSP] = upr_addr_mask(xol, regs->gpr[UPR_RSP] + (u16)xol->insn.imm);
	return jump_to(xol, regs, target);
}

UPR_EMULATE_FN(upr_emulate_push)
{
	const struct upr_insn *insn = &xol->insn;
	u64 value;
	int err = 0;

	if (insn->opcode == 0xff)
		err = read_rm(xol, task, addr, regs, &value);
	else if (insn->opcode == 0x68 || insn->opcode == 0x6a)
		value = (u64)insn->imm;
	else
		value = regs->gpr[upr_opcode_reg(insn)];
	if (err)
		return err;
	regs->ip = upr_next(xol, addr);
	return push(xol, task, regs, value);
}

/* pop %rsp: the value read wins over the increment. */
UPR_EMULATE_FN(upr_emulate_pop)
{
	u64 value;
	int err = pop(xol, task, regs, &value);

	if (err)
		return err;
	upr_reg_set(regs, upr_opcode_reg(&xol->insn), upr_stack_width(&xol->insn), value);
	regs->ip = upr_next(xol, addr);
	return 0;
}

UPR_EMULATE_FN(upr_emulate_leave)
{
	u64 value;
	int err;

	regs->gpr[UPR_RSP] = regs->gpr[UPR_RBP];
	err = pop(xol, task, regs, &value);
	if (err)
		return err;
	regs->gpr[UPR_RBP] = value;
	regs->ip = upr_next(xol, addr);
	return 0;
}

UPR_EMULATE_FN(upr_emulate_pushf)
{
	regs->ip = upr_next(xol, addr);
	return push(xol, task, regs, upr_flags_image(regs->flags));
}

/*
 * User mode may change the status flags, DF, TF, NT, AC and ID.  Not every
 * home can set the last three: then the CPU does it.
 */
UPR_EMULATE_FN(upr_emulate_popf)
{
	u64 settable = (UPR_FL_STATUS | UPR_FL_DF | UPR_FL_TF) & size_mask(upr_stack_width(&xol->insn));
	u64 rare = (0x4000u | UPR_FL_AC | 0x200000u) & size_mask(upr_stack_width(&xol->insn));
	u64 value;
	int err = pop(xol, task, regs, &value);

	if (err)
		return err;
	if ((value ^ regs->flags) & rare)
		return -EAGAIN;
	regs->flags = (regs->flags & ~settable) | (value & settable);
	regs->ip = upr_next(xol, addr);
	return 0;
}
