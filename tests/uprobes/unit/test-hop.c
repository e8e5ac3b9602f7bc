// SPDX-License-Identifier: GPL-2.0
/*
 * test-hop.c - short jumps to jumps in padding: plans, bytes, places.
 *
 * Purpose: hand-written answers for what test-jump.c asks of the other forms, and for each
 * distance that a short jump has: the CPU's own reading of both jumps leads to the pad.
 */
#include "../tap.h"

#include <utrace/utrace.h>
#include <upr-arch.h>
#include <upr-jump.h>

#define ADDR	0x401800ull
#define IN_PAGE 0x800

/**
 * struct plan_vector
 * @code:	the rest of the 32 bytes is cc
 * @nr, @len:	of the displaced instructions
 */
struct plan_vector {
	const char *text;
	u8 code[16];
	u8 clear;
	bool solo, shadow, no_hole;
	u16 offset;
	enum upr_jump_form form;
	u8 nr, len;
};

#define HOP(n, l) .form = UPR_JUMP_HOP, .nr = (n), .len = (l)
#define PUN(l)	  .form = UPR_JUMP_PUN, .nr = 1, .len = (l)
#define REFUSED	  .form = UPR_JUMP_NONE

static const struct plan_vector plans[] = {
	{"push %r12, entered behind", {0x41, 0x54, 0xff, 0xc9, 0x75}, .clear = 2, HOP(1, 2)},
	{"the same without a hole", {0x41, 0x54, 0xff, 0xc9, 0x75}, .clear = 2, .no_hole = true, PUN(2)},
	{"the same, a branch may lead anywhere", {0x41, 0x54, 0xff, 0xc9, 0x75}, .clear = 1, .solo = true, HOP(1, 2)},
	{"push; mov, entered behind", {0x53, 0x48, 0x89, 0xfb, 0x90}, .clear = 4, HOP(2, 4)},
	{"push; mov, entered between", {0x53, 0x48, 0x89, 0xfb, 0x90}, .clear = 1, PUN(1)},
	{"push; mov, a branch may lead anywhere", {0x53, 0x48, 0x89, 0xfb, 0x90}, .clear = 4, .solo = true, PUN(1)},
	{"push; mov with five bytes", {0x53, 0x48, 0x89, 0xfb, 0x90}, .form = UPR_JUMP_WINDOW, .nr = 3, .len = 5},
	{"push; syscall", {0x53, 0x0f, 0x05, 0x90, 0x90}, PUN(1)},
	{"mov; syscall", {0x89, 0xd0, 0x0f, 0x05, 0x90}, HOP(1, 2)},
	{"ret; other code", {0xc3, 0x48, 0x89, 0xfb, 0x90}, .clear = 1, PUN(1)},
	{"jmp; other code", {0xeb, 0x20, 0x48, 0x89, 0xfb}, .clear = 2, HOP(1, 2)},
	{"jmp to itself", {0xeb, 0xfe, 0x48, 0x89, 0xfb}, .clear = 2, HOP(1, 2)},
	{"jmp into itself", {0xeb, 0xff, 0xc0, 0x89, 0xfb}, .clear = 2, REFUSED},
	{"mov of its own second byte", {0x8a, 0x05, 0xfb, 0xff, 0xff, 0xff}, .offset = 0xffb, REFUSED},
	{"call *%rax; other code", {0xff, 0xd0, 0x48, 0x89, 0xfb}, .clear = 2, HOP(1, 2)},
	{"the same under a shadow stack", {0xff, 0xd0, 0x48, 0x89, 0xfb}, .clear = 2, .shadow = true, REFUSED},
	{"mov $1,%eax across a page", {0xb8, 1, 0, 0, 0}, .offset = 0xffe, HOP(1, 5)},
	{"one byte further", {0xb8, 1, 0, 0, 0}, .offset = 0xfff, REFUSED},
	{"push; mov, one byte before a page", {0x53, 0x48, 0x89, 0xfb, 0x90}, .offset = 0xfff, PUN(1)},
};

static const struct upr_hole holes[] = {
	{-60, {0x0f, 0x1f, 0x44, 0, 0}},
	{100, {0xcc, 0xcc, 0xcc, 0xcc, 0xcc}},
};

static void fill_facts(const struct plan_vector *v, struct upr_facts *facts)
{
	memset(facts, 0, sizeof(*facts));
	memset(facts->code, 0xcc, sizeof(facts->code));
	memcpy(facts->code, v->code, sizeof(v->code));
	facts->len = UPR_SITE_CODE;
	facts->clear = v->clear ? v->clear : UPR_SITE_CODE;
	facts->solo = v->solo;
	if (v->no_hole)
		return;
	facts->nr_holes = ARRAY_SIZE(holes);
	facts->holes = holes;
}

static void test_plans(void)
{
	struct upr_facts facts;
	struct upr_jump jump;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(plans); i++) {
		const struct plan_vector *v = &plans[i];
		int ret;

		fill_facts(v, &facts);
		ret = upr_jump_analyze(&jump, &facts, v->offset ? v->offset : IN_PAGE, UPR_INSN_64,
				       v->shadow ? UPR_ENV_SHSTK : 0, NULL);
		if (!ok(ret == (v->form == UPR_JUMP_NONE ? -EOPNOTSUPP : 0) && jump.form == v->form &&
				jump.nr == v->nr && jump.len == v->len && jump.off[jump.nr] == jump.len,
			"plan: %s: %s", v->text, upr_jump_form_name(v->form)))
			diag("%d, %s, %u instructions, %u bytes: %s", ret,
			     upr_jump_form_name((enum upr_jump_form)jump.form), jump.nr, jump.len, jump.reason);
		if (jump.form == UPR_JUMP_HOP && (jump.patch != 2 || jump.hole.rel != -60))
			ok(0, "plan: %s: two bytes, the first hole", v->text);
	}
}

/* Where the instruction at @at leads, if it is a jmp. */
static u64 leads(const u8 *code, u64 at)
{
	struct upr_insn insn;

	if (upr_insn_decode(&insn, code, 15, UPR_INSN_64) || insn.branch != UPR_BR_JMP)
		return 0;
	return upr_insn_target(&insn, at);
}

static void test_bytes(void)
{
	unsigned int wrong = 0, bad_place = 0;
	struct upr_hole any = holes[0];
	struct upr_facts facts;
	struct upr_jump jump;
	int rel;

	fill_facts(&plans[0], &facts);
	facts.holes = &any;
	for (rel = -128; rel < 128; rel++) {
		u8 text[16] = {0x41, 0x54}, hole[16] = {0};
		u64 addr = 0x7f0000001800, lo, hi, pad, at;

		any.rel = (s8)rel;
		upr_jump_analyze(&jump, &facts, IN_PAGE, UPR_INSN_64, 0, NULL);
		at = addr + 2 + (u64)(s64)rel;
		upr_jump_reach(&jump, addr, 256, &lo, &hi);
		bad_place += lo >= hi || at + 5 - lo > 0x80000000 || hi - (at + 5) > 0x80000000;
		for (pad = lo; pad < hi; pad += (hi - lo) / 2 - 256) {
			upr_jump_patch(&jump, addr, pad, text);
			upr_jump_fill(&jump, addr, pad, hole);
			wrong += leads(text, addr) != at || leads(hole, at) != pad || upr_jump_hole(&jump, addr) != at;
		}
	}
	ok(!bad_place, "places: in reach of each hole");
	ok(!wrong, "bytes: 256 distances, three pads each");
}

/* A stack cannot be read where nothing has been put on it. */
static int no_memory(struct utrace_task *task, u64 addr, void *buf, size_t len)
{
	return -EFAULT;
}

static void test_leave(void)
{
	static const struct target_ops seam = {.mem_read = no_memory};
	struct utrace_task task = {.target = &seam};
	struct upr_regs regs, before;
	enum upr_pad_where where;
	struct upr_facts facts;
	unsigned int insn = 7;
	struct upr_jump jump;
	struct upr_pad pad = {.jump = &jump, .addr = ADDR, .pad = 0x500000, .nr_counts = 1};
	bool counted = true;
	int ret;

	fill_facts(&plans[3], &facts);
	upr_jump_analyze(&jump, &facts, IN_PAGE, UPR_INSN_64, 0, NULL);
	pad.env = (struct upr_pad_env){.table = 0x10000000, .nr_cpus = 4, .rseq = UPR_NO_RSEQ, .rdpid = true};
	memset(&regs, 0x5a, sizeof(regs));
	before = regs;
	before.ip = ADDR;
	regs.ip = ADDR + 2 - 60;
	ret = upr_pad_leave(&pad, &task, &regs, &where, &insn, &counted);
	ok(!ret && where == UPR_PAD_AT && !insn && !counted && !memcmp(&regs, &before, sizeof(regs)),
	   "leave: at the hole nothing has been done");
}

int main(void)
{
	test_plans();
	test_bytes();
	test_leave();
	return done_testing();
}
