// SPDX-License-Identifier: GPL-2.0
/*
 * compare.c - do two runs of an instruction end alike?
 *
 * Purpose: all registers, flags, vector state, memory, and why it stopped.  Left
 * out: RF (the CPU's own), the x87 instruction and data pointers (they name the
 * slot; known and documented), and what the header of the xsave image says about
 * components being in their initial state (the contents are compared).
 *
 * Locks: none.
 */
#include "exec.h"

#define EFLAGS_RF 0x10000ull

const char *const gpr_names[16] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
				   "r8",  "r9",	 "r10", "r11", "r12", "r13", "r14", "r15"};

static bool other_stop(const struct rat_state *a, const struct rat_state *b, char *why, size_t size)
{
	snprintf(why, size, "signal %d code %d addr %#llx at %#llx, natively %d code %d addr %#llx", b->signo, b->code,
		 (unsigned long long)b->addr, b->regs.rip, a->signo, a->code, (unsigned long long)a->addr);
	return false;
}

bool same_stop(const struct rat_state *a, const struct rat_state *b, char *why, size_t size)
{
	bool trap = a->signo == SIGTRAP && (a->regs.eflags & UPR_FL_TF);

	/* which kind of trap a self-stepping program gets is the home's to say */
	if (a->signo == b->signo && a->addr == b->addr && (a->code == b->code || trap))
		return true;
	return other_stop(a, b, why, size);
}

static bool same_gprs(const struct upr_insn *insn, const struct upr_regs *a, const struct upr_regs *b, char *why,
		      size_t size)
{
	u64 mask = insn->mode == UPR_INSN_32 ? 0xffffffff : ~0ull;
	int i;

	for (i = 0; i < 16; i++) {
		if (is_volatile(insn) && (insn->gpr_write & UPR_GPR(i)))
			continue;
		if ((a->gpr[i] ^ b->gpr[i]) & mask) {
			snprintf(why, size, "%s %#llx, natively %#llx", gpr_names[i], (unsigned long long)b->gpr[i],
				 (unsigned long long)a->gpr[i]);
			return false;
		}
	}
	return true;
}

/* A null selector has four spellings, and a return from the kernel makes them one. */
static bool same_selector(unsigned long long a, unsigned long long b)
{
	return a == b || (a < 4 && b < 4);
}

bool same_segments(const struct user_regs_struct *a, const struct user_regs_struct *b)
{
	return a->cs == b->cs && a->ss == b->ss && same_selector(a->ds, b->ds) && same_selector(a->es, b->es) &&
	       same_selector(a->fs, b->fs) && same_selector(a->gs, b->gs);
}

static bool same_regs(const struct upr_insn *insn, const struct rat_state *native, const struct rat_state *other,
		      char *why, size_t size)
{
	const struct user_regs_struct *a = &native->regs, *b = &other->regs;
	u64 flags = a->eflags ^ b->eflags;
	struct upr_regs ua, ub;

	rat_to_upr(a, &ua);
	rat_to_upr(b, &ub);
	if (!same_gprs(insn, &ua, &ub, why, size))
		return false;
	if (is_volatile(insn))
		flags &= ~(u64)UPR_FL_STATUS;
	if (a->rip != b->rip)
		snprintf(why, size, "rip %#llx, natively %#llx", b->rip, a->rip);
	else if (flags & ~EFLAGS_RF)
		snprintf(why, size, "flags %#llx, natively %#llx", b->eflags, a->eflags);
	else if (!same_segments(a, b))
		snprintf(why, size, "ss %llx ds %llx es %llx fs %llx gs %llx, natively %llx %llx %llx %llx %llx", b->ss,
			 b->ds, b->es, b->fs, b->gs, a->ss, a->ds, a->es, a->fs, a->gs);
	else if (a->fs_base != b->fs_base || a->gs_base != b->gs_base)
		snprintf(why, size, "a segment base");
	else
		return true;
	return false;
}

/* Offsets in the xsave image: FCW FSW FTW, then FOP FIP FDP, then MXCSR, registers, reserved, header. */
bool same_vectors(const u8 *a, const u8 *b, char *why, size_t size)
{
	size_t i;

	for (i = 0; i < rat_xstate_size; i++) {
		if ((i >= 6 && i < 24) || (i >= 416 && i < 576))
			continue;
		if (a[i] != b[i]) {
			snprintf(why, size, "vector state at %zu: %02x, natively %02x", i, b[i], a[i]);
			return false;
		}
	}
	return true;
}

static bool same_bytes(const char *what, u64 base, const u8 *a, const u8 *b, size_t len, char *why, size_t size)
{
	size_t i;

	if (!memcmp(a, b, len))
		return true;
	for (i = 0; a[i] == b[i]; i++)
		;
	snprintf(why, size, "%s at %#llx: %02x, natively %02x", what, (unsigned long long)base + i, b[i], a[i]);
	return false;
}

static bool same_memory(const struct rat_state *native, const struct rat_state *other, char *why, size_t size)
{
	return same_vectors(native->xstate, other->xstate, why, size) &&
	       same_bytes("data", RAT_DATA, native->data, other->data, sizeof(native->data), why, size) &&
	       same_bytes("stack", RAT_STACK, native->stack, other->stack, sizeof(native->stack), why, size);
}

/*
 * A boosted call through a register pushes before it finds that there is no
 * address in it.  Then the push has been taken back, but the word below the stack
 * pointer is not what it was; and if the push faults as well, it does so first.  Some CPUs do the same with
 * a call through memory: there it is the slot that the word names.
 *
 * A program that steps itself has its trap behind that push, is told that the call is still to be made, and never
 * gets as far as the fault.
 */
static bool same_failed_call(const struct upr_insn *insn, const struct rat_state *native, const struct rat_state *other,
			     char *why, size_t size)
{
	static struct rat_state a, b;

	a = *native;
	b = *other;
	put_target(&a, a.regs.rsp - 8, 0);
	put_target(&b, a.regs.rsp - 8, 0);
	if (a.signo != b.signo && !(b.signo == SIGTRAP && b.regs.rip == RAT_ORIG && (b.regs.eflags & UPR_FL_TF)))
		return other_stop(&a, &b, why, size);
	return same_regs(insn, &a, &b, why, size) && same_memory(&a, &b, why, size);
}

/*
 * A program that steps itself hears of a transaction that is aborted at once from some CPUs only; on the others it
 * executes what is at the target first.  Of the jump behind a copy it hears in any case.
 */
static bool same_abort(const struct upr_insn *insn, const struct rat_state *native, const struct rat_state *other,
		       char *why, size_t size)
{
	static struct rat_state a;

	a = *native;
	a.regs.rip = other->regs.rip;
	return same_regs(insn, &a, other, why, size) && same_memory(&a, other, why, size);
}

unsigned long nt_lost;

/* What a stepped popf has set must outlast a stop. */
static bool loses_nt(enum upr_way way, const struct upr_insn *insn, const struct rat_state *native)
{
	return !machine.keeps_nt && way == UPR_WAY_STEP && (insn->attr & UPR_INSN_FLAGS_POP) &&
	       (native->regs.eflags & EFLAGS_NT);
}

static bool same_without_nt(const struct upr_insn *insn, const struct rat_state *native, const struct rat_state *other,
			    char *why, size_t size)
{
	static struct rat_state a;

	nt_lost++;
	a = *native;
	a.regs.eflags = (a.regs.eflags & ~EFLAGS_NT) | (other->regs.eflags & EFLAGS_NT);
	return same_stop(&a, other, why, size) && same_regs(insn, &a, other, why, size) &&
	       same_memory(&a, other, why, size);
}

bool same_end(enum upr_way way, const struct upr_insn *insn, const struct rat_state *native,
	      const struct rat_state *other, char *why, size_t size)
{
	if (way != UPR_WAY_EMULATE && insn->branch == UPR_BR_CALL_IND && native->regs.rip == RAT_ORIG)
		return same_failed_call(insn, native, other, why, size);
	if (insn->branch == UPR_BR_XBEGIN && (native->regs.eflags & UPR_FL_TF) && other->signo == SIGTRAP &&
	    other->regs.rip == upr_insn_target(insn, RAT_ORIG))
		return same_abort(insn, native, other, why, size);
	if (loses_nt(way, insn, native))
		return same_without_nt(insn, native, other, why, size);
	return same_stop(native, other, why, size) && same_regs(insn, native, other, why, size) &&
	       same_memory(native, other, why, size);
}
