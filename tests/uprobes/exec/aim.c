// SPDX-License-Identifier: GPL-2.0
/*
 * aim.c - a state in which an instruction has something to work on.
 *
 * Purpose: everything is random, but the registers that make up the address of a
 * memory operand are chosen so that it mostly lies in the rat's data, sometimes
 * across a page, on a read-only, guarded or unmapped one, or nowhere at all; branch
 * targets mostly lie in the rat's code.
 *
 * Locks: none; one thread.
 */
#include "exec.h"

u64 random_address(void)
{
	u64 any = RAT_DATA + 0x400 + rnd() % (RAT_DATA_SIZE - 0x1400);

	switch (rnd() % 32) {
	case 0:
		return RAT_RO + rnd() % RAT_RO_SIZE;
	case 1:
		return RAT_GUARD + rnd() % 0x1000;
	case 2:
		return RAT_RO - rnd() % 64; /* into the read-only page */
	case 3:
		return RAT_GUARD - rnd() % 64;
	case 4:
		return RAT_DATA - rnd() % 64;
	case 5:
		return one_in(2) ? rnd() : rnd() >> 17;
	case 6:
	case 7:
		return ((any + 0xfff) & ~0xfffull) - rnd() % 64; /* across pages */
	default:
		return one_in(3) ? any : any & ~63ull;
	}
}

u64 random_target(void)
{
	u64 target;

	if (one_in(16))
		return one_in(2) ? rnd() : rnd() >> 17;
	if (one_in(32))
		return RAT_DATA + rnd() % 0x1000; /* not executable */
	do
		target = RAT_CODE + rnd() % RAT_CODE_SIZE;
	while (target >= RAT_ORIG - 16 && target < RAT_ORIG + 16);
	return target;
}

u64 random_value(void)
{
	static const u64 edges[] = {0,
				    1,
				    2,
				    ~0ull,
				    0x7f,
				    0x80,
				    0xff,
				    0x7fff,
				    0x8000,
				    0x7fffffff,
				    0x80000000,
				    0xffffffff,
				    0x7fffffffffffffff,
				    0x8000000000000000};

	switch (rnd() % 8) {
	case 0:
	case 1:
		return rnd();
	case 2:
		return edges[rnd() % ARRAY_SIZE(edges)];
	case 3:
		return rnd() & 0xff;
	default:
		return random_address();
	}
}

static u64 random_flags(const struct upr_insn *insn)
{
	u64 flags = (rnd() & (UPR_FL_STATUS | UPR_FL_DF)) | 0x202;

	if (one_in(48))
		flags |= UPR_FL_AC;
	/*
	 * mov to ss holds the trap back until the int3 has trapped, too; sgdt and
	 * its kin are emulated by the kernel, which forgets it.
	 */
	if (one_in(48) && !(insn->map == UPR_MAP_1B && (insn->opcode == 0x8e || insn->opcode == 0x17)) &&
	    !(insn->map == UPR_MAP_0F && insn->opcode <= 1))
		flags |= UPR_FL_TF;
	return flags;
}

/* --- vector state ---------------------------------------------------------- */

static void fill(u8 *p, size_t len)
{
	for (; len >= 8; p += 8, len -= 8) {
		u64 r = rnd();

		memcpy(p, &r, 8);
	}
}

static void put16(u8 *p, unsigned int value)
{
	p[0] = (u8)value;
	p[1] = (u8)(value >> 8);
}

/*
 * Components beyond SSE stand where CPUID says; in the standard format their
 * offsets never change, so it is enough to fill everything but PKRU (component 9)
 * which belongs to the rat's memory, not to the test.
 */
void random_vectors(u8 *x)
{
	u64 features, i;
	unsigned int comp, mxcsr = 0x1f80;

	memcpy(&features, x + 512, 8);
	put16(x, 0x37f);
	if (one_in(4))
		put16(x, 0x7f | (unsigned int)(rnd() & 15) << 8);
	put16(x + 2, (unsigned int)(rnd() & 0x4700) | (unsigned int)(rnd() & 7) << 11);
	x[4] = one_in(2) ? 0 : (u8)rnd(); /* tags: empty or in use */
	x[5] = 0;
	memset(x + 6, 0, 18);
	mxcsr |= (unsigned int)(rnd() & 3) << 13;
	if (one_in(8))
		mxcsr |= 0x8040;
	if (one_in(16))
		mxcsr &= ~0x1f80u | ((unsigned int)rnd() & 0x1f80);
	memcpy(x + 24, &mxcsr, 4);
	for (i = 0; i < 8; i++) {
		fill(x + 32 + 16 * i, 8);
		put16(x + 40 + 16 * i, one_in(2) ? 0x3fff + (unsigned int)(rnd() & 15) : (unsigned int)rnd());
	}
	fill(x + 160, 256);
	for (comp = 2; comp < 9; comp++) {
		unsigned int size, offset, c, d;

		if (comp == 3 || comp == 4) /* MPX is no more */
			continue;
		__asm__ volatile("cpuid" : "=a"(size), "=b"(offset), "=c"(c), "=d"(d) : "a"(0xd), "c"(comp));
		if (!size || offset + size > rat_xstate_size)
			continue;
		fill(x + offset, size);
		features |= 1ull << comp;
	}
	features |= 3;
	memcpy(x + 512, &features, 8);
}

/* Floating-point instructions see numbers now and then, not only noise; gathers see small indices. */
void tame_vectors(u8 *x, const struct upr_insn *insn)
{
	unsigned int i;

	if (insn->attr & UPR_INSN_VSIB) {
		for (i = 160; i < rat_xstate_size; i++)
			if (i < 416 || i >= 576)
				x[i] = i % 4 == 0 ? x[i] & 0x7f : i % 4 == 3 && i < 416 ? x[i] & 0x80 : 0;
		return;
	}
	if (!one_in(2))
		return;
	for (i = 160; i < 416; i += 4) {
		float f = (float)(s64)(rnd() % 2000) / 16 - 50;

		if (one_in(2))
			memcpy(x + i, &f, 4);
	}
}

/* --- memory operands ----------------------------------------------------------- */

void patch_field(u8 *code, struct upr_span at, u64 value)
{
	unsigned int i;

	for (i = 0; i < at.size; i++)
		code[at.off + i] = (u8)(value >> (8 * i));
}

u64 operand_base(const struct upr_insn *insn, const struct rat_state *s)
{
	if (insn->mode == UPR_INSN_32)
		return 0;
	return insn->prefixes & UPR_PFX_FS ? s->regs.fs_base : insn->prefixes & UPR_PFX_GS ? s->regs.gs_base : 0;
}

/* Make the memory operand lie at @want; best effort. */
static void aim_operand(struct upr_regs *regs, u8 *code, const struct upr_insn *insn, u64 want)
{
	u64 disp = (u64)insn->disp;

	if (insn->attr & UPR_INSN_MOFFS) {
		patch_field(code, insn->f_imm, want);
	} else if (insn->attr & UPR_INSN_RIPREL) {
		patch_field(code, insn->f_disp, want - (RAT_ORIG + insn->length));
	} else if (insn->base >= UPR_NR_GPR) {
		if (insn->index < UPR_NR_GPR && !(insn->attr & UPR_INSN_VSIB))
			regs->gpr[insn->index] = one_in(2) ? rnd() & 15 : 0;
		if (insn->f_disp.size == 4)
			patch_field(code, insn->f_disp,
				    want - (insn->index < UPR_NR_GPR && !(insn->attr & UPR_INSN_VSIB) ?
						    regs->gpr[insn->index] << (insn->sib >> 6) :
						    0));
	} else {
		if (insn->index < UPR_NR_GPR && !(insn->attr & UPR_INSN_VSIB) && insn->index != insn->base) {
			regs->gpr[insn->index] = rnd() & 31;
			disp += regs->gpr[insn->index] << (insn->sib >> 6);
		}
		regs->gpr[insn->base] = want - disp;
	}
}

static bool is_indirect(const struct upr_insn *insn)
{
	return insn->branch == UPR_BR_JMP_IND || insn->branch == UPR_BR_CALL_IND;
}

void put_target(struct rat_state *s, u64 addr, u64 target)
{
	if (addr >= RAT_DATA && addr + 8 <= RAT_DATA + sizeof(s->data))
		memcpy(s->data + (addr - RAT_DATA), &target, 8);
	if (addr >= RAT_STACK && addr + 8 <= RAT_STACK + RAT_STACK_SIZE)
		memcpy(s->stack + (addr - RAT_STACK), &target, 8);
}

static void aim_branch(struct rat_state *s, struct upr_regs *regs, u8 *code, const struct upr_insn *insn, u64 operand)
{
	u64 next = RAT_ORIG + insn->length, target = random_target();

	switch (insn->branch) {
	case UPR_BR_JMP:
	case UPR_BR_JCC:
	case UPR_BR_LOOP:
	case UPR_BR_CALL:
	case UPR_BR_XBEGIN:
		/* not to itself, nor into its own middle */
		if (insn->f_imm.size == 1)
			target = one_in(2) ? RAT_ORIG - 20 - rnd() % 90 : next + rnd() % 100;
		if (insn->f_imm.size == 2 && target - RAT_CODE >= RAT_CODE_SIZE)
			target = RAT_CODE;
		patch_field(code, insn->f_imm, target - next);
		break;
	case UPR_BR_RET:
		put_target(s, regs->gpr[UPR_RSP], target);
		break;
	case UPR_BR_JMP_IND:
	case UPR_BR_CALL_IND:
		if (upr_modrm_mod(insn) != 3)
			put_target(s, operand, target);
		else if (!one_in(8))
			regs->gpr[upr_modrm_rm(insn) | (insn->rex & UPR_REX_B ? 8 : 0)] = target;
		break;
	}
}

u64 random_stack(void)
{
	switch (rnd() % 24) {
	case 0:
		return RAT_STACK + rnd() % 16; /* pushes go below it */
	case 1:
		return RAT_STACK + RAT_STACK_SIZE - rnd() % 16; /* pops go above it */
	case 2:
		return RAT_RO + 0x800 + rnd() % 64;
	case 3:
		return RAT_GUARD + 0x800;
	case 4:
		return one_in(2) ? rnd() : 0x1000;
	case 5:
		return RAT_STACK + 0x1000 + rnd() % 64;
	default:
		return RAT_STACK + 0x1000 + (rnd() % 64) * 8;
	}
}

void random_memory(struct rat_state *s)
{
	unsigned int i;

	fill(s->data, sizeof(s->data));
	fill(s->stack, sizeof(s->stack));
	/* words that make sense as addresses */
	for (i = 0; i < sizeof(s->stack); i += 64) {
		u64 value = one_in(2) ? random_address() : RAT_STACK + rnd() % RAT_STACK_SIZE;

		memcpy(s->stack + i, &value, 8);
	}
}

static void aim_registers(struct upr_regs *regs, const struct upr_insn *insn)
{
	int i;

	for (i = 0; i < UPR_NR_GPR; i++)
		regs->gpr[i] = random_value();
	regs->gpr[UPR_RSP] = insn->attr & UPR_INSN_STACK ? random_stack() : RAT_STACK + 0x1000;
	if (insn->attr & UPR_INSN_STACK)
		regs->gpr[UPR_RBP] = random_stack();
	if (insn->attr & UPR_INSN_STRING) {
		regs->gpr[UPR_RSI] = random_address();
		regs->gpr[UPR_RDI] = random_address();
	}
	if (insn->attr & UPR_INSN_STRING || insn->branch == UPR_BR_LOOP)
		regs->gpr[UPR_RCX] = one_in(4) ? rnd() & 1 : rnd() % 48;
	if (insn->branch == UPR_BR_LOOP && one_in(4))
		regs->gpr[UPR_RCX] |= rnd() << 32;
}

void aim(struct rat_state *s, const struct rat_state *blank, u8 *code, struct upr_insn *insn)
{
	bool memory = (insn->attr & (UPR_INSN_MEM | UPR_INSN_MOFFS)) && !(insn->attr & UPR_INSN_AGEN);
	u64 operand = is_indirect(insn) ? RAT_DATA + 8 * (rnd() % 512) : random_address();
	struct upr_regs regs = {.ip = RAT_ORIG};
	int i;

	if (is_indirect(insn) && one_in(8))
		operand = random_address();
	s->regs = blank->regs;
	s->regs.fs_base = RAT_DATA + 0x10 * (rnd() & 0xf);
	s->regs.gs_base = RAT_DATA + 0x1000;
	memcpy(s->xstate, blank->xstate, rat_xstate_size);
	random_vectors(s->xstate);
	tame_vectors(s->xstate, insn);
	random_memory(s);
	aim_registers(&regs, insn);
	regs.flags = random_flags(insn);
	if (memory || one_in(2))
		aim_operand(&regs, code, insn, operand - operand_base(insn, s));
	aim_branch(s, &regs, code, insn, operand);
	if (insn->mode == UPR_INSN_32)
		for (i = 0; i < UPR_NR_GPR; i++)
			regs.gpr[i] = (u32)regs.gpr[i];
	rat_from_upr(&regs, &s->regs);
	s->regs.cs = insn->mode == UPR_INSN_32 ? 0x23 : 0x33;
	s->regs.ss = 0x2b;
	s->regs.ds = 0x2b;
	s->regs.es = 0x2b;
	s->regs.orig_rax = ~0ull;
	upr_insn_decode(insn, code, UPR_INSN_MAX, (enum upr_insn_mode)insn->mode);
}

/* --- what is not run at random ---------------------------------------------------- */

static bool is_0f(const struct upr_insn *insn, u8 opcode)
{
	return insn->enc == UPR_ENC_LEGACY && insn->map == UPR_MAP_0F && insn->opcode == opcode;
}

const char *skip_reason(const struct upr_insn *insn)
{
	if (insn->branch == UPR_BR_SYSCALL || insn->branch == UPR_BR_SYSENTER || insn->branch == UPR_BR_INT)
		return "a system call: tested by itself";
	if (is_0f(insn, 0x01) && (insn->modrm == 0xc1 || insn->modrm == 0xd9))
		return "a hypercall: the host may answer anything";
	if (is_0f(insn, 0x01) && (insn->modrm == 0xfa || insn->modrm == 0xfb))
		return "it waits for memory to change";
	return NULL;
}

bool is_volatile(const struct upr_insn *insn)
{
	/* why a transaction was aborted: a step always does */
	if (insn->branch == UPR_BR_XBEGIN)
		return true;
	if (is_0f(insn, 0x31) || is_0f(insn, 0xa2)) /* rdtsc, cpuid */
		return true;
	if (is_0f(insn, 0x01) && (insn->modrm == 0xf9 || insn->modrm == 0xfd)) /* rdtscp, rdpru */
		return true;
	return is_0f(insn, 0xc7) && upr_modrm_mod(insn) == 3 && upr_modrm_reg(insn) >= 6; /* rdrand, rdseed */
}
