// SPDX-License-Identifier: GPL-2.0
/*
 * uprobes_xol.c - displaced execution: classify, enter, leave.
 *
 * Purpose: the contract of upr-arch.h.  An instruction is matched against the
 * list of refusals, then against the table of strategies (struct upr_xol_ops);
 * everything after that goes through the chosen row.  What a slot looks like is
 * in uprobes_slot.c, how a task leaves it in uprobes_leave.c, emulation in
 * uprobes_emulate.c and uprobes_alu.c.
 *
 * Which way for what: an instruction that neither reads rip nor branches is
 * copied and jumps back (boost).  One that branches or pushes rip is replaced
 * in the slot by instructions with the same effect, so that it can be boosted as
 * well.  Emulation is offered where the effect is small and, if it reaches memory,
 * where the access is to the stack or reads a branch target: a general store
 * must not be torn, and only the CPU can promise that.
 *
 * Known to be visible: the x87 instruction pointer (fnstenv, fnsave) and
 * si_call_addr of a seccomp SIGSYS name the slot.
 *
 * Locks: none.
 */
/* tables, aligned by hand */
/* clang-format off */
#include "uprobes_xol.h"

/* --- refusals ----------------------------------------------------------- */

static bool is_privileged(const struct upr_insn *insn)
{
	return insn->attr & UPR_INSN_PRIV;
}

static bool is_far(const struct upr_insn *insn)
{
	return insn->branch == UPR_BR_FAR;
}

static bool is_int80(const struct upr_insn *insn)
{
	return insn->branch == UPR_BR_INT && insn->opcode == 0xcd && (u8)insn->imm == 0x80;
}

static bool is_int(const struct upr_insn *insn)
{
	return insn->branch == UPR_BR_INT && !is_int80(insn);
}

/* 66 on a near branch: one maker ignores it in 64-bit code, another takes 16 bits, even of the instruction */
static bool is_short_branch(const struct upr_insn *insn)
{
	if (upr_stack_width(insn) != 2)
		return false;
	switch (insn->branch) {
	case UPR_BR_JMP:
	case UPR_BR_JCC:
	case UPR_BR_LOOP:
	case UPR_BR_XBEGIN:
		return insn->mode == UPR_INSN_64;
	case UPR_BR_CALL:
	case UPR_BR_CALL_IND:
		return true;
	default:
		return false;
	}
}

/* enclu (0f 01 d7) keeps the address it was executed at for the enclave's exit */
static bool is_enclave(const struct upr_insn *insn)
{
	return insn->enc == UPR_ENC_LEGACY && insn->map == UPR_MAP_0F && insn->opcode == 0x01 && insn->modrm == 0xd7;
}

static const struct {
	bool (*match)(const struct upr_insn *insn);
	const char *reason;
} refusals[] = {
	{ is_privileged,	"a privileged instruction" },
	{ is_far,		"a far transfer" },
	{ is_int,		"a software interrupt of the program's own" },
	{ is_short_branch,	"a 16-bit branch, which CPUs disagree about" },
	{ is_enclave,		"it enters an enclave, which keeps its address" },
};

/* --- strategies --------------------------------------------------------- */

#define REASON_EMULATE	"its effect is computed"
#define REASON_COPY	"executed as a copy that jumps back"

static const struct upr_xol_ops copy_ops = {
	.reason = REASON_COPY, .ways = UPR_WAYS_SLOT, .riprel_data = true,
	.build = upr_build_copy, .leave = upr_leave_copy,
};

/* A nop's operand is not accessed: a rip-relative one may point anywhere. */
static const struct upr_xol_ops nop_ops = {
	.reason = REASON_EMULATE, .ways = UPR_WAYS_ALL, .emulate = upr_emulate_nop, .emulate_pc = upr_emulate_nop_pc,
	.build = upr_build_copy, .leave = upr_leave_copy,
};

static const struct upr_xol_ops jmp_ops = {
	.reason = REASON_EMULATE, .ways = UPR_WAYS_ALL, .emulate = upr_emulate_jmp, .emulate_pc = upr_emulate_jmp_pc,
	.build = upr_build_jmp, .leave = upr_leave_copy,
};

static const struct upr_xol_ops jcc_ops = {
	.reason = REASON_EMULATE, .ways = UPR_WAYS_ALL, .emulate = upr_emulate_jcc,
	.build = upr_build_branch, .leave = upr_leave_branch,
};

static const struct upr_xol_ops loop_ops = {
	.reason = REASON_EMULATE, .ways = UPR_WAYS_ALL, .emulate = upr_emulate_loop,
	.build = upr_build_branch, .leave = upr_leave_branch,
};

static const struct upr_xol_ops loop_slot_ops = {
	.reason = "CPUs disagree about its prefix", .ways = UPR_WAYS_SLOT,
	.build = upr_build_branch, .leave = upr_leave_branch,
};

static const struct upr_xol_ops call_ops = {
	.reason = REASON_EMULATE, .ways = UPR_WAYS_ALL, .emulate = upr_emulate_call,
	.build = upr_build_call, .leave = upr_leave_call,
};

static const struct upr_xol_ops call_reg_ops = {
	.reason = REASON_EMULATE, .ways = UPR_WAYS_ALL,
	.emulate = upr_emulate_call_ind, .build = upr_build_call_ind, .leave = upr_leave_call_ind,
};

/* Through memory; through rsp, which the push in a boosted slot would change. */
static const struct upr_xol_ops call_mem_ops = {
	.reason = REASON_EMULATE, .ways = UPR_WAYS(UPR_WAY_EMULATE) | UPR_WAYS(UPR_WAY_STEP),
	.riprel_data = true, .emulate = upr_emulate_call_ind, .build = upr_build_call_ind, .leave = upr_leave_call_ind,
};

static const struct upr_xol_ops call_odd_ops = {
	.reason = "a call through an unusual address, stepped", .ways = UPR_WAYS(UPR_WAY_STEP), .riprel_data = true,
	.build = upr_build_call_ind, .leave = upr_leave_call_ind,
};

static const struct upr_xol_ops jmp_reg_ops = {
	.reason = REASON_EMULATE, .ways = UPR_WAYS_ALL, .emulate = upr_emulate_jmp_ind,
	.build = upr_build_copy, .leave = upr_leave_copy,
};

static const struct upr_xol_ops jmp_mem_ops = {
	.reason = REASON_EMULATE, .ways = UPR_WAYS_ALL, .riprel_data = true,
	.emulate = upr_emulate_jmp_ind, .build = upr_build_copy, .leave = upr_leave_copy,
};

static const struct upr_xol_ops ret_ops = {
	.reason = REASON_EMULATE, .ways = UPR_WAYS_ALL, .emulate = upr_emulate_ret,
	.build = upr_build_copy, .leave = upr_leave_copy,
};

static const struct upr_xol_ops push_ops = {
	.reason = REASON_EMULATE, .ways = UPR_WAYS_ALL, .riprel_data = true,
	.emulate = upr_emulate_push, .build = upr_build_copy, .leave = upr_leave_copy,
};

static const struct upr_xol_ops pop_ops = {
	.reason = REASON_EMULATE, .ways = UPR_WAYS_ALL, .emulate = upr_emulate_pop,
	.build = upr_build_copy, .leave = upr_leave_copy,
};

static const struct upr_xol_ops leave_ops = {
	.reason = REASON_EMULATE, .ways = UPR_WAYS_ALL, .emulate = upr_emulate_leave,
	.build = upr_build_copy, .leave = upr_leave_copy,
};

static const struct upr_xol_ops pushf_ops = {
	.reason = REASON_EMULATE, .ways = UPR_WAYS_ALL, .emulate = upr_emulate_pushf,
	.build = upr_build_copy, .leave = upr_leave_pushf,
};

/* A popf that sets TF is followed by one more instruction, which must not be a jump back. */
static const struct upr_xol_ops popf_ops = {
	.reason = REASON_EMULATE,
	.ways = UPR_WAYS(UPR_WAY_EMULATE) | UPR_WAYS(UPR_WAY_STEP),
	.own_tf = true,
	.emulate = upr_emulate_popf,
	.build = upr_build_copy,
	.leave = upr_leave_popf,
};

static const struct upr_xol_ops lea_ops = {
	.reason = REASON_EMULATE, .ways = UPR_WAYS_ALL, .riprel_data = true, .emulate = upr_emulate_lea,
	.build = upr_build_copy, .leave = upr_leave_copy,
};

static const struct upr_xol_ops mov_ops = {
	.reason = REASON_EMULATE, .ways = UPR_WAYS_ALL, .emulate = upr_emulate_mov,
	.build = upr_build_copy, .leave = upr_leave_copy,
};

static const struct upr_xol_ops mov_stack_ops = {
	.reason = REASON_EMULATE, .ways = UPR_WAYS_ALL, .emulate = upr_emulate_mov,
	.build = upr_build_copy, .leave = upr_leave_copy,
};

static const struct upr_xol_ops alu_ops = {
	.reason = REASON_EMULATE, .ways = UPR_WAYS_ALL, .emulate = upr_emulate_alu,
	.build = upr_build_copy, .leave = upr_leave_copy,
};

static const struct upr_xol_ops misc_ops = {
	.reason = REASON_EMULATE, .ways = UPR_WAYS_ALL, .emulate = upr_emulate_misc,
	.build = upr_build_copy, .leave = upr_leave_copy,
};

static const struct upr_xol_ops syscall_ops = {
	.reason = "a system call, executed as a copy that puts rcx right", .ways = UPR_WAYS_SLOT, .own_tf = true,
	.build = upr_build_syscall, .leave = upr_leave_syscall,
};

static const struct upr_xol_ops xbegin_ops = {
	.reason = "executed as a copy with its abort path re-aimed", .ways = UPR_WAYS_SLOT,
	.build = upr_build_xbegin, .leave = upr_leave_xbegin,
};

static const struct upr_xol_ops *choose_call_ind(const struct upr_insn *insn)
{
	if (upr_modrm_mod(insn) == 3)
		return upr_modrm_rm_full(insn) == UPR_RSP ? &call_mem_ops : &call_reg_ops;
	return upr_addr_simple(insn) ? &call_mem_ops : &call_odd_ops;
}

/* 16-bit indirect jumps and returns, and odd addressing, are left to the CPU. */
static const struct upr_xol_ops *choose_jmp_ind(const struct upr_insn *insn)
{
	if (upr_stack_width(insn) == 2)
		return &copy_ops;
	if (upr_modrm_mod(insn) == 3)
		return &jmp_reg_ops;
	return upr_addr_simple(insn) ? &jmp_mem_ops : &copy_ops;
}

static const struct upr_xol_ops *choose_branch(const struct upr_insn *insn)
{
	switch (insn->branch) {
	case UPR_BR_JMP:
		return &jmp_ops;
	case UPR_BR_JCC:
		return &jcc_ops;
	case UPR_BR_LOOP:
		return insn->prefixes & (UPR_PFX_REP | UPR_PFX_REPNE) ? &loop_slot_ops : &loop_ops;
	case UPR_BR_CALL:
		return &call_ops;
	case UPR_BR_CALL_IND:
		return choose_call_ind(insn);
	case UPR_BR_JMP_IND:
		return choose_jmp_ind(insn);
	case UPR_BR_RET:
		return upr_stack_width(insn) == 2 ? &copy_ops : &ret_ops;
	case UPR_BR_SYSCALL:
		return &syscall_ops;
	case UPR_BR_XBEGIN:
		return &xbegin_ops;
	default:	/* sysenter, int $0x80, ud2: copies do */
		return &copy_ops;
	}
}

/* Instructions of the one-byte map that use the stack. */
static const struct upr_xol_ops *choose_stack(const struct upr_insn *insn)
{
	switch (insn->opcode) {
	case 0x50 ... 0x57:
	case 0x68:
	case 0x6a:
		return &push_ops;
	case 0x58 ... 0x5f:
		return &pop_ops;
	case 0x9c:
		return &pushf_ops;
	case 0x9d:
		return &popf_ops;
	case 0xc9:
		return upr_stack_width(insn) == 2 ? NULL : &leave_ops;
	case 0xff:
		return upr_modrm_reg(insn) == 6 && (upr_modrm_mod(insn) == 3 || upr_addr_simple(insn)) ?
		       &push_ops : NULL;
	default:
		return NULL;
	}
}

static const struct upr_xol_ops *choose(const struct upr_insn *insn)
{
	const struct upr_xol_ops *ops = NULL;

	if (insn->branch != UPR_BR_NONE)
		return choose_branch(insn);
	if (insn->attr & (UPR_INSN_NOP | UPR_INSN_ENDBR))
		return &nop_ops;
	if (insn->enc != UPR_ENC_LEGACY || (insn->prefixes & UPR_PFX_LOCK))
		return &copy_ops;
	if (insn->map == UPR_MAP_1B)
		ops = choose_stack(insn);
	if (!ops && upr_mov_can(insn))
		ops = insn->opcode == 0x8d ? &lea_ops : insn->attr & UPR_INSN_MEM ? &mov_stack_ops : &mov_ops;
	if (!ops && upr_alu_can(insn))
		ops = &alu_ops;
	if (!ops && upr_misc_can(insn))
		ops = &misc_ops;
	return ops ? ops : &copy_ops;
}

static bool is_call_or_ret(const struct upr_insn *insn)
{
	return insn->branch == UPR_BR_CALL || insn->branch == UPR_BR_CALL_IND || insn->branch == UPR_BR_RET;
}

static int refuse(struct upr_xol *xol, int err, const char *reason)
{
	xol->ops = NULL;
	xol->ways = UPR_WAYS(UPR_WAY_REFUSE);
	xol->reason = reason;
	return err;
}

/**
 * upr_xol_decode() - an instruction that can be executed elsewhere in some way
 * @why:	if not: the reason
 * Return: 0; -EINVAL: not an instruction; -EOPNOTSUPP: one that cannot
 */
int upr_xol_decode(struct upr_insn *insn, const u8 *code, size_t len, enum upr_insn_mode mode, unsigned int env,
		   const char **why)
{
	unsigned int i;
	int err = upr_insn_decode(insn, code, min_t(size_t, len, UPR_INSN_MAX), mode);

	if (err) {
		*why = err == -ENODATA ? "the instruction is cut off" : "not an instruction";
		return -EINVAL;
	}
	for (i = 0; i < ARRAY_SIZE(refusals); i++) {
		if (refusals[i].match(insn)) {
			*why = refusals[i].reason;
			return -EOPNOTSUPP;
		}
	}
	if ((env & UPR_ENV_SHSTK) && is_call_or_ret(insn)) {
		*why = "a call or return under a shadow stack";
		return -EOPNOTSUPP;
	}
	return 0;
}

int upr_xol_analyze(struct upr_xol *xol, const u8 *code, size_t len, enum upr_insn_mode mode, unsigned int env)
{
	struct upr_insn *insn = &xol->insn;
	const char *why;
	int err;

	memset(xol, 0, sizeof(*xol));
	xol->scratch = UPR_INSN_NOREG;
	err = upr_xol_decode(insn, code, len, mode, env, &why);
	memcpy(xol->code, code, insn->length);
	if (err)
		return refuse(xol, err, why);
	xol->ops = choose(insn);
	xol->ways = xol->ops->ways;
	xol->reason = xol->ops->reason;
	if ((insn->attr & UPR_INSN_RIPREL) && xol->ops->riprel_data)
		xol->scratch = upr_xol_pick_scratch(insn);
	return 0;
}

/* --- slots -------------------------------------------------------------- */

/* Keep [*lo, *hi) where any byte of a slot is within 2 GiB of @target. */
static void reach_target(u64 target, u64 *lo, u64 *hi)
{
	u64 span = 0x7fffffffull;

	if (target > span)
		*lo = max(*lo, target - span);
	if (target < ~0ull - span)
		*hi = min(*hi, target + span);
}

void upr_xol_reach(const struct upr_xol *xol, u64 addr, u64 *lo, u64 *hi)
{
	const struct upr_insn *insn = &xol->insn;

	*lo = 0;
	*hi = ~0ull;
	if (insn->mode == UPR_INSN_32) {
		*hi = 1ull << 32;
		return;
	}
	if (!xol->ops)
		return;
	reach_target(upr_next(xol, addr), lo, hi);
	if ((insn->attr & UPR_INSN_RIPREL) && xol->ops->riprel_data && insn->addrsize != 4)
		reach_target(upr_insn_riprel_addr(insn, addr), lo, hi);
}

int upr_xol_build(const struct upr_xol *xol, enum upr_way way, u64 addr, u64 slot, u8 *buf)
{
	struct upr_asm as = { .buf = buf, .slot = slot, .mode32 = xol->insn.mode == UPR_INSN_32 };

	memset(buf, UPR_BREAKPOINT, UPR_SLOT_SIZE);
	if (!(xol->ways & UPR_WAYS(way)) || (way != UPR_WAY_BOOST && way != UPR_WAY_STEP))
		return -EOPNOTSUPP;
	return xol->ops->build(xol, way, addr, &as);
}

static bool needs_scratch(const struct upr_xol *xol, enum upr_way way, u64 addr, u64 slot)
{
	return way == UPR_WAY_STEP && xol->scratch != UPR_INSN_NOREG && !upr_riprel_in_reach(xol, addr, slot);
}

bool upr_xol_needs_regs(const struct upr_xol *xol, enum upr_way way, u64 addr, u64 slot)
{
	return (way == UPR_WAY_STEP && xol->ops->own_tf) || needs_scratch(xol, way, addr, slot);
}

void upr_xol_step_init(struct upr_xol_step *step)
{
	memset(step, 0, sizeof(*step));
	step->in_slot = true;
}

void upr_xol_enter(const struct upr_xol *xol, enum upr_way way, u64 addr, u64 slot, struct upr_regs *regs,
		   struct upr_xol_step *step)
{
	regs->ip = slot;
	if (way != UPR_WAY_STEP || !step)
		return;
	upr_xol_step_init(step);
	step->flags = regs->flags & UPR_FL_TF;
	step->flags_known = true;
	if (!needs_scratch(xol, way, addr, slot))
		return;
	step->scratch_value = regs->gpr[xol->scratch];
	step->scratch_used = true;
	/* the copy keeps its disp32, which counts from the next instruction */
	regs->gpr[xol->scratch] = upr_next(xol, addr);
}

enum upr_slot_where upr_xol_leave(const struct upr_xol *xol, enum upr_way way, u64 addr, u64 slot,
				  struct upr_regs *regs, struct upr_xol_step *step)
{
	struct upr_leaving l = {
		.xol = xol, .way = way, .addr = addr, .slot = slot, .regs = regs, .step = step,
		.pos = regs->ip - slot < UPR_SLOT_SIZE ? (unsigned int)(regs->ip - slot) : UPR_POS_ELSEWHERE,
	};
	enum upr_slot_where where;

	if (step)
		step->store_size = 0;
	where = xol->ops->leave(&l);
	if (step) {
		if (step->scratch_used)
			regs->gpr[xol->scratch] = step->scratch_value;
		step->scratch_used = false;
		step->in_slot = false;
	}
	return where;
}

/* --- emulation ---------------------------------------------------------- */

int upr_xol_emulate(const struct upr_xol *xol, struct utrace_task *task, u64 addr, struct upr_regs *regs)
{
	struct upr_regs copy = *regs;
	int err;

	if (!(xol->ways & UPR_WAYS(UPR_WAY_EMULATE)))
		return -EOPNOTSUPP;
	/* a program that steps itself, or wants to hear of misalignment, is served by the CPU alone */
	if ((regs->flags & (UPR_FL_TF | UPR_FL_AC)) && (xol->ways & UPR_WAYS_SLOT))
		return -EAGAIN;
	err = xol->ops->emulate(xol, task, addr, &copy);
	if (!err)
		*regs = copy;
	return err;
}

bool upr_xol_emulate_pc(const struct upr_xol *xol, u64 addr, u64 *pc)
{
	return xol->ops && xol->ops->emulate_pc && xol->ops->emulate_pc(xol, addr, pc);
}
