/* SPDX-License-Identifier: GPL-2.0 */
/*
 * upr-arch.h - what kernel/uprobes.c asks of the architecture.
 *
 * Purpose: displaced execution.  One instruction is analysed once (struct
 * upr_xol, kept per probe, shared by all address spaces); for each address
 * space a slot of the XOL area is filled once and used by all its tasks; a task
 * that must be stepped carries its own struct upr_xol_step.
 *
 * Context: everything here is pure computation over the arguments, except
 * upr_xol_emulate(), which reaches user memory through target_ops.  Nothing sleeps or allocates: all of it may
 * run in the atomic half of a hit.  No locks.
 */
#ifndef UPR_ARCH_H
#define UPR_ARCH_H

#include <upr-compat.h>
#include <utrace/insn.h>
#include <utrace/target.h>

/* Bytes put over the first byte of the probed instruction. */
#define UPR_BREAKPOINT		0xcc

/* A slot, aligned to its size: displaced code, a jump back, constants.  Never rewritten while in use. */
#define UPR_SLOT_SIZE		64

/**
 * enum upr_way - how a site is executed, fastest first
 * @UPR_WAY_JUMP:	by a jump to a pad (not in this file)
 * @UPR_WAY_EMULATE:	one trap; the effect is computed on the saved registers
 * @UPR_WAY_BOOST:	one trap; the slot ends in a jump back
 * @UPR_WAY_STEP:	two traps; the slot is single-stepped, then fixed up
 * @UPR_WAY_REFUSE:	not at all
 */
enum upr_way {
	UPR_WAY_JUMP,
	UPR_WAY_EMULATE,
	UPR_WAY_BOOST,
	UPR_WAY_STEP,
	UPR_WAY_REFUSE,
	UPR_NR_WAYS,
};

#define UPR_WAYS(way)	(1u << (way))

/* Circumstances of the target that forbid some ways (upr_xol_analyze()). */
#define UPR_ENV_SHSTK	0x1u	/* a shadow stack is on: no displaced or emulated call or ret */

struct upr_xol;

/* The strategy table's row; private to arch/x86/kernel/uprobes_xol.c. */
struct upr_xol_ops;

/**
 * struct upr_xol - one instruction, analysed
 * @insn:	decoded
 * @code:	its bytes (insn.length of them)
 * @ops:	how it is executed
 * @ways:	set of UPR_WAYS() that work; STEP is in it unless it is refused
 * @reason:	why a faster way is not in @ways, or why it is refused; a constant
 *		string for people, never NULL once analysed
 * @scratch:	register that carries a rip-relative address when the area is
 *		out of reach of it; UPR_INSN_NOREG: none needed
 * The scratch form needs STEP: its register is put back after the step.
 */
struct upr_xol {
	struct upr_insn insn;
	u8 code[UPR_INSN_MAX];
	const struct upr_xol_ops *ops;
	u8 ways;
	u8 scratch;
	const char *reason;
};

/**
 * struct upr_xol_step - a task between the two traps of a step
 * @scratch_value: program's own value of the scratch register
 * @flags:	program's own TF at the hit, if @flags_known: upr_xol_enter() has seen
 *		the registers.  Otherwise no instruction that changes TF is being
 *		stepped, and it is the TF of the registers now.
 * @in_slot:	a step is under way
 * @scratch_used: the scratch register is loaded
 * @store_size:	set by upr_xol_leave(): when not 0 the caller writes that many
 *		bytes of @store_value at @store_addr with target_ops.mem_write
 *		before the task runs on: a stepped call has pushed the slot's
 *		address, a stepped pushf our TF.  The page has just been
 *		written by the task itself.
 */
struct upr_xol_step {
	u64 scratch_value;
	u64 flags;
	u64 store_addr;
	u64 store_value;
	u8 store_size;
	bool in_slot;
	bool scratch_used;
	bool flags_known;
};

/**
 * enum upr_slot_where - where in a slot a task stands, as the program must see it
 * @UPR_SLOT_BEFORE:	the displaced instruction has not completed: pc is the
 *			probed address (an instruction that may be resumed, such as a rep
 *			string, stays here between iterations)
 * @UPR_SLOT_AFTER:	it has completed: pc is its successor
 */
enum upr_slot_where {
	UPR_SLOT_BEFORE,
	UPR_SLOT_AFTER,
};

/**
 * upr_xol_analyze() - decode and classify the instruction under a probe
 * @xol:	filled in, also on refusal (@xol->reason)
 * @code:	original bytes, from the file
 * @len:	how many of them are known, up to UPR_INSN_MAX
 * @mode:	code segment of the file
 * @env:	UPR_ENV_* set
 *
 * Return: 0; -EINVAL not an instruction, or cut off by @len; -EOPNOTSUPP refused.
 */
int upr_xol_analyze(struct upr_xol *xol, const u8 *code, size_t len, enum upr_insn_mode mode, unsigned int env);

/**
 * upr_xol_reach() - where the area must lie for the fastest slot
 * @xol:	analysed
 * @addr:	probed address in the address space
 * @lo, @hi:	out: [lo, hi) for slot addresses; already rounded so that any
 *		slot wholly inside is in reach of @addr (jump back) and of the
 *		rip-relative operand
 *
 * An area outside works, too, as long as upr_xol_build() says so (jumps back
 * are then through a pointer in the slot, rip-relative operands through the scratch register).
 */
void upr_xol_reach(const struct upr_xol *xol, u64 addr, u64 *lo, u64 *hi);

/**
 * upr_xol_build() - the bytes of a slot
 * @xol:	analysed
 * @way:	BOOST or STEP, from @xol->ways
 * @addr:	probed address
 * @slot:	slot's address in the target
 * @buf:	out, UPR_SLOT_SIZE bytes, unused tail int3
 *
 * Return: 0; -ERANGE when @way cannot be had with this slot address (a
 * rip-relative operand out of reach cannot be boosted: ask for STEP).
 */
int upr_xol_build(const struct upr_xol *xol, enum upr_way way, u64 addr, u64 slot, u8 *buf);

/**
 * upr_xol_emulate() - execute on the saved registers
 * @task:	for user memory, through task->target
 * @regs:	in: at the probed address; out: after the instruction, ip included
 *
 * Return: 0; -EAGAIN or -EFAULT: memory did not answer, nothing has changed:
 * take BOOST or STEP, and let the CPU fault; -EOPNOTSUPP: EMULATE is not in ways.
 */
int upr_xol_emulate(const struct upr_xol *xol, struct utrace_task *task, u64 addr, struct upr_regs *regs);

/**
 * upr_xol_emulate_pc() - the same for instructions that touch nothing but pc
 * (nop, endbr64, direct jmp): saves the home reading all registers.
 * Return: true and *pc, or false when registers are needed.
 */
bool upr_xol_emulate_pc(const struct upr_xol *xol, u64 addr, u64 *pc);

/**
 * upr_xol_enter() - put a task on its slot
 * @way:	BOOST or STEP, as the slot was built
 * @regs:	in: at the probed address; out: at the slot (scratch loaded)
 * @step:	filled in
 *
 * When upr_xol_needs_regs() is false the caller need only set pc to @slot, and
 * upr_xol_step_init() the step.
 */
void upr_xol_enter(const struct upr_xol *xol, enum upr_way way, u64 addr, u64 slot, struct upr_regs *regs,
		   struct upr_xol_step *step);
bool upr_xol_needs_regs(const struct upr_xol *xol, enum upr_way way, u64 addr, u64 slot);
void upr_xol_step_init(struct upr_xol_step *step);

/**
 * upr_xol_leave() - take a task off its slot, wherever it stands in it
 * @way:	as the slot was built
 * @regs:	in: pc within the slot, or where the instruction has led; out: as if
 *		the instruction had been executed, or not begun, at @addr
 * @step:	of the task for STEP, NULL for BOOST
 *
 * Used after a step's trap, when a signal or fault arrives, when a child is
 * born in a slot, when a task is looked at, and when probes are removed.
 * Return: UPR_SLOT_BEFORE or UPR_SLOT_AFTER.  A rep string that has iterations
 * left answers BEFORE.
 */
enum upr_slot_where upr_xol_leave(const struct upr_xol *xol, enum upr_way way, u64 addr, u64 slot,
				  struct upr_regs *regs, struct upr_xol_step *step);

#endif /* UPR_ARCH_H */
