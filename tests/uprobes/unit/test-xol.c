// SPDX-License-Identifier: GPL-2.0
/*
 * test-xol.c - displaced execution: the vectors, and properties over many slots.
 *
 * Purpose: the shared vectors (xol-vectors.c) run here under the sanitizers; then
 * what must hold for every instruction and address: a slot built inside
 * upr_xol_reach() has no far parts, one outside says so, the scratch register is
 * one the instruction does not use, and leaving an entered slot at its start
 * changes nothing.
 */
#include "../tap.h"
#include "../exec/xol-vectors.h"

#include <utrace/utrace.h>
#include <upr-arch.h>

static unsigned long long seed = 20100117;

static u64 rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static void report(const char *name, bool pass)
{
	ok(pass, "%s", name);
}

/* Every mov with a rip-relative operand: each register in use in turn. */
static void test_scratch_of_mov(void)
{
	unsigned int reg, wrong = 0;

	for (reg = 0; reg < 16; reg++) {
		u8 code[] = {(u8)(0x48 | (reg & 8) >> 1), 0x8b, (u8)(0x05 | (reg & 7) << 3), 0x10, 0, 0, 0};
		u64 addr = 0x400000, slot = 0x7f0000000000;
		u8 buf[UPR_SLOT_SIZE];
		struct upr_insn copy;
		struct upr_xol xol;

		if (upr_xol_analyze(&xol, code, sizeof(code), UPR_INSN_64, 0) || xol.scratch == reg ||
		    upr_xol_build(&xol, UPR_WAY_STEP, addr, slot, buf) ||
		    upr_insn_decode(&copy, buf, sizeof(buf), UPR_INSN_64) || copy.base != xol.scratch ||
		    copy.disp != 0x10 || (copy.attr & UPR_INSN_RIPREL))
			wrong++;
	}
	ok(!wrong, "mov off(%%rip), each of 16 registers: the copy is based on another one");
}

/*
 * Whatever decodes as rip-relative, out of reach: the copy differs from the
 * original in its base register alone, which the original does not use.
 */
static void test_scratch_of_all(void)
{
	unsigned int seen = 0, wrong = 0, i;

	for (i = 0; i < 3000000 && seen < 60000; i++) {
		u64 addr = 0x400000, slot = 0x7f0000000000;
		u8 code[UPR_INSN_MAX], buf[UPR_SLOT_SIZE];
		struct upr_insn copy;
		struct upr_xol xol;
		unsigned int j;

		for (j = 0; j < sizeof(code); j++)
			code[j] = (u8)rnd();
		if (i & 1)
			code[0] = (u8[]){0x62, 0xc4, 0xc5, 0x0f, 0x8f, 0x66, 0xf3, 0x48}[i / 2 % 8];
		if (upr_xol_analyze(&xol, code, sizeof(code), UPR_INSN_64, 0) || xol.scratch == UPR_INSN_NOREG ||
		    xol.insn.addrsize != 8)
			continue;
		seen++;
		if (upr_xol_build(&xol, UPR_WAY_STEP, addr, slot, buf) ||
		    upr_insn_decode(&copy, buf, sizeof(buf), UPR_INSN_64) || copy.length != xol.insn.length ||
		    copy.base != xol.scratch || copy.opcode != xol.insn.opcode || copy.imm != xol.insn.imm ||
		    ((xol.insn.gpr_read | xol.insn.gpr_write) & UPR_GPR(xol.scratch)) ||
		    copy.gpr_write != xol.insn.gpr_write ||
		    copy.gpr_read != (xol.insn.gpr_read | UPR_GPR(xol.scratch)) ||
		    copy.flags_read != xol.insn.flags_read || copy.flags_write != xol.insn.flags_write)
			if (++wrong <= 5)
				diag("%02x %02x %02x %02x %02x %02x scratch %u", code[0], code[1], code[2], code[3],
				     code[4], code[5], xol.scratch);
	}
	ok(seen >= 10000 && !wrong, "rip-relative instructions at random: %u seen, %u wrong", seen, wrong);
}

/* The last jump in a slot, followed: where does it lead? */
static u64 jump_target(const u8 *at, u64 pc)
{
	s32 rel;
	u64 target;

	if (at[0] == 0xe9) {
		memcpy(&rel, at + 1, 4);
		return pc + 5 + (u64)(s64)rel;
	}
	if (at[0] != 0xff || at[1] != 0x25)
		return 0;
	memcpy(&rel, at + 2, 4);
	memcpy(&target, at + 6 + rel, 8);
	return target;
}

static void test_reach(void)
{
	/* mov rel(%rip),%eax with operands at and beyond both ends */
	static const s32 disp[] = {0, 0x10, 0x7fffffff, -0x7fffffff - 1, 0x40000000, -0x40000000};
	unsigned int i, j, wrong = 0, boosted = 0;

	for (i = 0; i < ARRAY_SIZE(disp); i++) {
		u64 addr = 0x555555554000, lo, hi;
		u8 code[] = {0x8b, 0x05, 0, 0, 0, 0}, buf[UPR_SLOT_SIZE];
		struct upr_xol xol;

		memcpy(code + 2, &disp[i], 4);
		if (upr_xol_analyze(&xol, code, sizeof(code), UPR_INSN_64, 0)) {
			wrong++;
			continue;
		}
		upr_xol_reach(&xol, addr, &lo, &hi);
		for (j = 0; j < 1000; j++) {
			/* both ends of the range, and inside */
			u64 slot = j == 0 ? lo : j == 1 ? hi - UPR_SLOT_SIZE : lo + rnd() % (hi - UPR_SLOT_SIZE - lo);
			struct upr_insn copy;

			if (upr_xol_build(&xol, UPR_WAY_BOOST, addr, slot, buf) ||
			    upr_insn_decode(&copy, buf, sizeof(buf), UPR_INSN_64) ||
			    upr_insn_riprel_addr(&copy, slot) != upr_insn_riprel_addr(&xol.insn, addr) ||
			    buf[6] != 0xe9 || jump_target(buf + 6, slot + 6) != addr + 6)
				wrong++;
			boosted++;
		}
		/* beyond the ends: the builder may refuse, but never be wrong */
		for (j = 0; j < 1000; j++) {
			u64 slot = (j & 1 ? hi : lo) + rnd() % 0x200 - 0x100;
			struct upr_insn copy;

			if (upr_xol_build(&xol, UPR_WAY_BOOST, addr, slot, buf))
				continue;
			if (upr_insn_decode(&copy, buf, sizeof(buf), UPR_INSN_64) ||
			    upr_insn_riprel_addr(&copy, slot) != upr_insn_riprel_addr(&xol.insn, addr) ||
			    jump_target(buf + 6, slot + 6) != addr + 6)
				wrong++;
		}
	}
	ok(boosted && !wrong, "reach: %u slots up to both ends of the range re-aim and jump back exactly", boosted);
}

/* Near and far, at random: both exits of a conditional branch lead where the branch does. */
static void test_branch_exits(void)
{
	unsigned int i, wrong = 0;

	for (i = 0; i < 20000; i++) {
		u64 addr = rnd() >> 17, slot = i & 1 ? addr + rnd() % 0x10000000 : rnd() >> 17;
		u8 code[] = {0x0f, (u8)(0x80 | (i & 15)), (u8)rnd(), (u8)rnd(), (u8)rnd(), (u8)rnd()};
		u8 buf[UPR_SLOT_SIZE];
		struct upr_xol xol;
		struct upr_regs regs = {.ip = 0};

		if (upr_xol_analyze(&xol, code, sizeof(code), UPR_INSN_64, 0) ||
		    upr_xol_build(&xol, UPR_WAY_BOOST, addr, slot, buf) || jump_target(buf + 2, slot + 2) != addr + 6 ||
		    jump_target(buf + 2 + buf[1], slot + 2 + buf[1]) != upr_insn_target(&xol.insn, addr)) {
			wrong++;
			continue;
		}
		regs.ip = slot + 2 + buf[1];
		if (upr_xol_leave(&xol, UPR_WAY_BOOST, addr, slot, &regs, NULL) != UPR_SLOT_AFTER ||
		    regs.ip != upr_insn_target(&xol.insn, addr))
			wrong++;
	}
	ok(!wrong, "jcc: both exits, near and far, %u slots", i);
}

/* Any instruction, any slot: entering and leaving at once is as if nothing had been. */
static void test_enter_leave(void)
{
	unsigned int seen = 0, wrong = 0, i, j;

	for (i = 0; i < 300000; i++) {
		enum upr_insn_mode mode = i & 1 ? UPR_INSN_64 : UPR_INSN_32;
		enum upr_way way = i & 2 ? UPR_WAY_BOOST : UPR_WAY_STEP;
		struct upr_regs regs, before;
		u64 addr = 0x400000, slot = i & 4 ? 0x600040 : 0x7f0000000040;
		u8 code[UPR_INSN_MAX], buf[UPR_SLOT_SIZE];
		struct upr_xol_step step;
		struct upr_xol xol;

		if (mode == UPR_INSN_32)
			slot = 0xf7000040;
		for (j = 0; j < sizeof(code); j++)
			code[j] = (u8)rnd();
		if (upr_xol_analyze(&xol, code, sizeof(code), mode, 0) || upr_xol_build(&xol, way, addr, slot, buf))
			continue;
		seen++;
		memset(&regs, 0, sizeof(regs));
		for (j = 0; j < UPR_NR_GPR; j++)
			regs.gpr[j] = rnd();
		regs.flags = rnd() & 0xfd5;
		regs.ip = addr;
		before = regs;
		upr_xol_step_init(&step);
		upr_xol_enter(&xol, way, addr, slot, &regs, &step);
		if ((!upr_xol_needs_regs(&xol, way, addr, slot) && memcmp(regs.gpr, before.gpr, sizeof(regs.gpr))) ||
		    regs.ip != slot ||
		    upr_xol_leave(&xol, way, addr, slot, &regs, way == UPR_WAY_STEP ? &step : NULL) !=
			    UPR_SLOT_BEFORE ||
		    memcmp(&regs, &before, sizeof(regs)))
			wrong++;
	}
	ok(seen > 10000 && !wrong, "enter and leave at once: %u slots, %u changed something", seen, wrong);
}

int main(void)
{
	ok(upr_xol_selftest(report) == 0, "all vectors");
	test_scratch_of_mov();
	test_scratch_of_all();
	test_reach();
	test_branch_exits();
	test_enter_leave();
	return done_testing();
}
