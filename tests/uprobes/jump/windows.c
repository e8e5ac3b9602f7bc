// SPDX-License-Identifier: GPL-2.0
/*
 * windows.c - random windows, and states in which they have something to work on.
 *
 * Purpose: instructions as compilers write them (short, much of the stack, branches,
 * rip-relative operands) mixed with every form the decoder knows, until they cover a jump.
 *
 * Locks: none; one thread.
 */
#include "jump.h"

static struct form *forms;
static size_t nr_forms;
static size_t group_first[FORM_NR_GROUPS], group_size[FORM_NR_GROUPS];

void windows_init(void)
{
	size_t i;

	forms = forms_make(UPR_INSN_64, &nr_forms);
	/* forms of a group are neighbours, but for those of the VEX maps: good enough to pick from */
	for (i = 0; i < nr_forms; i++) {
		unsigned int g = form_group(&forms[i]);

		if (!group_size[g]++)
			group_first[g] = i;
	}
}

/* --- instructions ------------------------------------------------------------- */

/* A register of the first eight that may be changed freely, mostly. */
static unsigned int any_reg(void)
{
	unsigned int reg = rnd() & 7;

	return reg == UPR_RSP && !one_in(4) ? UPR_RAX : reg;
}

struct put {
	u8 *buf;
	unsigned int len;
};

static void b(struct put *p, unsigned int byte)
{
	p->buf[p->len++] = (u8)byte;
}

static void imm(struct put *p, unsigned int size)
{
	while (size--)
		b(p, rnd() & 0xff);
}

static void rex_w(struct put *p)
{
	b(p, 0x48 | (one_in(4) ? 4 : 0) | (one_in(4) ? 1 : 0));
}

/* disp8(%rsp), (%rsp) or disp32(%rsp) */
static void rsp_operand(struct put *p, unsigned int reg)
{
	switch (rnd() % 4) {
	case 0:
		b(p, reg << 3 | 4);
		b(p, 0x24);
		break;
	case 1:
		b(p, 0x84 | reg << 3);
		b(p, 0x24);
		b(p, rnd() & 0xf8);
		b(p, one_in(8));
		b(p, 0);
		b(p, 0);
		break;
	default:
		b(p, 0x44 | reg << 3);
		b(p, 0x24);
		b(p, one_in(8) ? rnd() & 0xff : rnd() & 0x78);
	}
}

static void rip_operand(struct put *p, unsigned int reg)
{
	b(p, 5 | reg << 3);
	imm(p, 4);
}

static void base_operand(struct put *p, unsigned int reg)
{
	unsigned int base = rnd() & 7;

	b(p, 0x40 | reg << 3 | (base == UPR_RSP ? UPR_RBX : base));
	b(p, rnd() & 0x7f);
}

static void memory_operand(struct put *p, unsigned int reg)
{
	switch (rnd() % 3) {
	case 0:
		rsp_operand(p, reg);
		break;
	case 1:
		rip_operand(p, reg);
		break;
	default:
		base_operand(p, reg);
	}
}

static void nop(struct put *p)
{
	static const u8 nops[][9] = {
		{0x90},
		{0x66, 0x90},
		{0x0f, 0x1f, 0x00},
		{0x0f, 0x1f, 0x40, 0x00},
		{0x0f, 0x1f, 0x44, 0x00, 0x00},
		{0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00},
		{0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00},
		{0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00},
		{0x66, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00},
	};
	unsigned int size = 1 + rnd() % 9, i;

	for (i = 0; i < size; i++)
		b(p, nops[size - 1][i]);
}

static void arithmetic(struct put *p)
{
	static const u8 ops[] = {0x01, 0x29, 0x31, 0x39, 0x85, 0x89, 0x8b, 0x03, 0x2b, 0x33, 0x3b, 0x11, 0x19, 0x8d};
	u8 op = ops[rnd() % ARRAY_SIZE(ops)];

	if (one_in(2))
		rex_w(p);
	b(p, op);
	if (op != 0x8d && one_in(2))
		b(p, 0xc0 | any_reg() << 3 | any_reg());
	else
		memory_operand(p, any_reg());
}

static void immediate(struct put *p)
{
	bool is_byte = one_in(2);

	if (one_in(2))
		rex_w(p);
	b(p, is_byte ? 0x83 : 0x81);
	if (one_in(3))
		memory_operand(p, rnd() & 7);
	else
		b(p, 0xc0 | (rnd() & 7) << 3 | any_reg());
	imm(p, is_byte ? 1 : 4);
}

static void stack_op(struct put *p)
{
	switch (rnd() % 8) {
	case 0:
	case 1:
		if (one_in(4))
			b(p, 0x41);
		b(p, 0x50 | (rnd() & 7));
		break;
	case 2:
		b(p, 0x58 | (rnd() & 7));
		break;
	case 3:
		b(p, one_in(2) ? 0x68 : 0x6a);
		imm(p, p->buf[0] == 0x68 ? 4 : 1);
		break;
	case 4: /* mov %rsp,%reg */
		b(p, 0x48 | one_in(2));
		b(p, 0x89);
		b(p, 0xe0 | (rnd() & 7));
		break;
	case 5: /* add, sub, and with rsp */
		b(p, 0x48);
		b(p, 0x83);
		b(p, (const u8[]){0xc4, 0xec, 0xe4}[rnd() % 3]);
		b(p, rnd() & 0xf8);
		break;
	case 6:
		b(p, one_in(2) ? 0xc9 : 0x9c); /* leave, pushf */
		break;
	default:
		b(p, 0xff); /* push mem */
		memory_operand(p, 6);
	}
}

static void branch(struct put *p)
{
	switch (rnd() % 12) {
	case 0:
	case 1:
		b(p, 0x70 | (rnd() & 15));
		imm(p, 1);
		break;
	case 2:
		b(p, 0x0f);
		b(p, 0x80 | (rnd() & 15));
		imm(p, 4);
		break;
	case 3:
		b(p, one_in(2) ? 0xeb : 0xe9);
		imm(p, p->buf[p->len - 1] == 0xeb ? 1 : 4);
		break;
	case 4:
	case 5:
		b(p, 0xe8);
		imm(p, 4);
		break;
	case 6:
		if (one_in(2))
			b(p, 0x41);
		b(p, 0xff);
		b(p, (one_in(2) ? 0xd0 : 0xe0) | (rnd() & 7));
		break;
	case 7:
	case 8:
		b(p, 0xff);
		memory_operand(p, one_in(3) ? 4 : 2);
		break;
	case 9:
		b(p, one_in(2) ? 0xc3 : 0xc2);
		imm(p, p->buf[p->len - 1] == 0xc2 ? 2 : 0);
		break;
	case 10:
		if (one_in(4))
			b(p, 0x67);
		b(p, 0xe0 | (rnd() & 3));
		imm(p, 1);
		break;
	default:
		b(p, 0x0f);
		b(p, 0x0b);
	}
}

static void small(struct put *p)
{
	static const u8 ops[][4] = {{1, 0x99},
				    {2, 0x48, 0x98},
				    {1, 0x9f},
				    {1, 0x9e},
				    {1, 0xf5},
				    {1, 0xf8},
				    {1, 0xf9},
				    {1, 0xfc},
				    {1, 0xfd},
				    {1, 0xa4},
				    {2, 0xf3, 0xa4},
				    {2, 0xf3, 0xaa},
				    {1, 0xac},
				    {2, 0xf3, 0xa6},
				    {2, 0xf2, 0xae},
				    {3, 0xf3, 0x48, 0xab},
				    {1, 0x91},
				    {2, 0xd1, 0xe0},
				    {2, 0xd3, 0xe2},
				    {2, 0xf7, 0xd8},
				    {2, 0xff, 0xc1},
				    {2, 0xf6, 0xd1},
				    {2, 0xd9, 0xc0},
				    {2, 0xde, 0xc1},
				    {3, 0x0f, 0x28, 0xc1},
				    {3, 0x0f, 0x57, 0xc0},
				    {2, 0xf7, 0xf1}};
	const u8 *op = ops[rnd() % ARRAY_SIZE(ops)];
	unsigned int i;

	for (i = 1; i <= op[0]; i++)
		b(p, op[i]);
}

static void compiled(struct put *p)
{
	switch (rnd() % 10) {
	case 0:
	case 1:
		arithmetic(p);
		break;
	case 2:
		immediate(p);
		break;
	case 3:
	case 4:
	case 5:
		stack_op(p);
		break;
	case 6:
	case 7:
		branch(p);
		break;
	case 8:
		small(p);
		break;
	default:
		if (one_in(4)) {
			b(p, 0xf3);
			b(p, 0x0f);
			b(p, 0x1e);
			b(p, 0xfa);
		} else {
			nop(p);
		}
	}
}

/* Of all forms.  What this CPU does not know is worth few samples: it all ends in SIGILL. */
static bool of_all_forms(u8 *buf)
{
	unsigned int group = rnd() % FORM_NR_GROUPS;
	struct upr_insn insn;

	if ((group == 4 || group >= 7) && !one_in(8))
		group = rnd() & 3;
	return group_size[group] && form_bytes(&forms[group_first[group] + rnd() % group_size[group]], buf, &insn);
}

static bool is_0f(const struct upr_insn *insn, u8 opcode)
{
	return insn->enc == UPR_ENC_LEGACY && insn->map == UPR_MAP_0F && insn->opcode == opcode;
}

/* Stores of processor state, which name addresses of x87 instructions before them. */
static bool stores_state(const struct upr_insn *insn)
{
	if (insn->enc != UPR_ENC_LEGACY)
		return false;
	if (insn->map == UPR_MAP_1B)
		return (insn->opcode == 0xd9 || insn->opcode == 0xdd) && upr_modrm_mod(insn) != 3 &&
		       upr_modrm_reg(insn) == 6;
	return (is_0f(insn, 0xae) && (upr_modrm_reg(insn) == 0 || upr_modrm_reg(insn) >= 4)) ||
	       (is_0f(insn, 0xc7) && upr_modrm_reg(insn) >= 3);
}

/*
 * What makes a native run differ from itself: time, chance, a step that a mov
 * to ss or an instruction that the kernel emulates hides, and memory keys.
 */
static bool is_fit(const struct upr_insn *insn, bool first)
{
	if (skip_reason(insn) || is_volatile(insn) || (!first && stores_state(insn)))
		return false;
	if (insn->map == UPR_MAP_1B && insn->enc == UPR_ENC_LEGACY && insn->opcode == 0x8e)
		return false;
	return !is_0f(insn, 0x00) && !is_0f(insn, 0x01) && !is_0f(insn, 0xb2) && !is_0f(insn, 0xb4) &&
	       !is_0f(insn, 0xb5);
}

/* One or two bytes, so that windows of four and five instructions come about. */
static void tiny(struct put *p)
{
	switch (rnd() % 6) {
	case 0:
		b(p, 0x50 | (rnd() & 7));
		break;
	case 1:
		b(p, 0x58 | (rnd() & 7));
		break;
	case 2:
		b(p, (const u8[]){0x90, 0x99, 0x9f, 0xf5, 0xf9, 0xfc, 0x98, 0xac, 0xaa}[rnd() % 9]);
		break;
	case 3:
		b(p, 0x90 | (rnd() & 3)); /* xchg */
		break;
	case 4:
		b(p, (const u8[]){0x01, 0x29, 0x31, 0x39, 0x85, 0x89}[rnd() % 6]);
		b(p, 0xc0 | any_reg() << 3 | any_reg());
		break;
	default:
		branch(p);
	}
}

static void call(struct put *p)
{
	if (one_in(2)) {
		b(p, 0xe8);
		imm(p, 4);
	} else {
		b(p, 0xff);
		if (one_in(3))
			b(p, 0xd0 | (rnd() & 7));
		else
			memory_operand(p, 2);
	}
}

static bool one_insn(struct window *w, void (*kind)(struct put *))
{
	u8 buf[2 * UPR_INSN_MAX] = {0};
	struct put p = {buf, 0};
	struct upr_insn *insn = &w->insns[w->nr];

	if (kind) {
		kind(&p);
	} else if (one_in(3)) {
		if (!of_all_forms(buf))
			return false;
	} else {
		compiled(&p);
	}
	if (upr_insn_decode(insn, buf, UPR_INSN_MAX, UPR_INSN_64) || !is_fit(insn, !w->nr))
		return false;
	memcpy(w->code + w->len, buf, insn->length);
	w->off[w->nr++] = w->len;
	w->len = (u8)(w->len + insn->length);
	w->off[w->nr] = w->len;
	return true;
}

static bool goes_on(const struct upr_insn *insn)
{
	return insn->branch == UPR_BR_NONE || insn->branch == UPR_BR_JCC || insn->branch == UPR_BR_LOOP;
}

static void pad_out(struct window *w)
{
	struct put p = {w->code, w->len};

	while (p.len < UPR_JUMP_SIZE)
		if (one_in(3))
			b(&p, UPR_BREAKPOINT);
		else
			nop(&p);
}

/* Until a jump is covered, or more is not wanted.  Return: false when nothing came of it. */
static bool random_insns(struct window *w, bool one)
{
	void (*kind)(struct put *) = one_in(3) ? tiny : NULL;
	bool ends_in_call = one_in(6);

	do {
		bool last = ends_in_call && w->nr && one_in(2);

		if (!one_insn(w, last ? call : kind))
			return false;
	} while (!one && w->len < UPR_JUMP_SIZE && w->nr < UPR_JUMP_INSNS && goes_on(&w->insns[w->nr - 1]));
	return true;
}

static bool random_code(struct window *w)
{
	bool pun = one_in(8);

	if (!random_insns(w, pun))
		return false;
	memset(w->code + w->len, UPR_BREAKPOINT, sizeof(w->code) - w->len);
	w->facts.clear = UPR_SITE_CODE;
	if (pun && w->len < UPR_JUMP_SIZE) {
		/* what leads from RAT_ORIG to RAT_PUN */
		w->code[4] = 0;
		w->facts.clear = 1;
	} else if (w->len < UPR_JUMP_SIZE) {
		pad_out(w);
	}
	return true;
}

/* --- state ---------------------------------------------------------------------- */

/* Words that lead to the site might also be read as pointers to data: the program would see the jump. */
static u64 near_target(bool direct)
{
	u64 target;

	if (direct && one_in(24))
		return RAT_ORIG;
	if (one_in(12))
		return RAT_LOW + rnd() % 0x1000;
	do
		target = random_target();
	while (target - (RAT_ORIG - 64) < 128);
	return target;
}

static void aim_direct(struct window *w, unsigned int i)
{
	struct upr_insn *insn = &w->insns[i];
	u64 next = RAT_ORIG + w->off[i] + insn->length, target = near_target(true);

	if (insn->f_imm.size == 1 && target != RAT_ORIG)
		target = one_in(2) ? RAT_ORIG - 20 - rnd() % 80 : RAT_ORIG + 40 + rnd() % 60;
	if (insn->f_imm.size == 2)
		return;
	patch_field(w->code + w->off[i], insn->f_imm, target - next);
}

/* Makes the operand lie in the rat's data if a register can still be chosen for it. */
static void aim_memory(struct window *w, unsigned int i, struct upr_regs *regs, u32 *chosen)
{
	struct upr_insn *insn = &w->insns[i];
	u64 want = random_address() - operand_base(insn, &jump_start);
	bool branch = insn->branch != UPR_BR_NONE;
	u8 *code = w->code + w->off[i];

	if (branch)
		want = RAT_DATA + 8 * (rnd() % 512);
	if (insn->attr & UPR_INSN_MOFFS) {
		patch_field(code, insn->f_imm, want);
	} else if (insn->attr & UPR_INSN_RIPREL) {
		patch_field(code, insn->f_disp, want - (RAT_ORIG + w->off[i] + insn->length));
	} else if (insn->base >= UPR_NR_GPR) {
		if (insn->f_disp.size == 4)
			patch_field(code, insn->f_disp, want);
	} else {
		if (insn->index < UPR_NR_GPR && !(*chosen & UPR_GPR(insn->index)))
			regs->gpr[insn->index] = rnd() & 15;
		if (insn->f_disp.size == 4)
			patch_field(code, insn->f_disp, rnd() & 0x78);
		if (!(*chosen & UPR_GPR(insn->base)))
			regs->gpr[insn->base] = want - (insn->f_disp.size == 1 ? (u64)insn->disp : 0);
		*chosen |= UPR_GPR(insn->base);
		if (insn->base == UPR_RSP)
			want = regs->gpr[UPR_RSP] + (u64)insn->disp;
	}
	if (branch)
		put_target(&jump_start, want, near_target(false));
}

static void aim_insn(struct window *w, unsigned int i, struct upr_regs *regs, u32 *chosen)
{
	struct upr_insn *insn = &w->insns[i];
	u32 rsi_rdi = UPR_GPR(UPR_RSI) | UPR_GPR(UPR_RDI);

	if (insn->branch == UPR_BR_JMP || insn->branch == UPR_BR_JCC || insn->branch == UPR_BR_LOOP ||
	    insn->branch == UPR_BR_CALL)
		aim_direct(w, i);
	if ((insn->branch == UPR_BR_JMP_IND || insn->branch == UPR_BR_CALL_IND) && upr_modrm_mod(insn) == 3 &&
	    !one_in(16)) {
		unsigned int reg = upr_modrm_rm(insn) | (insn->rex & UPR_REX_B ? 8 : 0);

		if (!(*chosen & UPR_GPR(reg)))
			regs->gpr[reg] = near_target(false);
		*chosen |= UPR_GPR(reg);
	}
	if (insn->branch == UPR_BR_RET)
		put_target(&jump_start, regs->gpr[UPR_RSP], near_target(false));
	if ((insn->attr & UPR_INSN_STRING) && !(*chosen & rsi_rdi)) {
		regs->gpr[UPR_RSI] = random_address();
		regs->gpr[UPR_RDI] = random_address();
		*chosen |= rsi_rdi;
	}
	if (((insn->attr & UPR_INSN_STRING) || insn->branch == UPR_BR_LOOP) && !(*chosen & UPR_GPR(UPR_RCX))) {
		regs->gpr[UPR_RCX] = rnd() % 12;
		*chosen |= UPR_GPR(UPR_RCX);
	}
	if (insn->attr & UPR_INSN_MEM || insn->attr & UPR_INSN_MOFFS)
		aim_memory(w, i, regs, chosen);
	if (insn->attr & UPR_INSN_VSIB)
		tame_vectors(jump_start.xstate, insn);
}

static void aim_state(struct window *w, const struct rat_state *blank)
{
	struct upr_regs regs = {.ip = RAT_ORIG};
	u32 chosen = UPR_GPR(UPR_RSP);
	unsigned int i;

	jump_start.regs = blank->regs;
	jump_start.regs.fs_base = one_in(2) ? RAT_DATA + 0x10 * (rnd() & 0xf) : RAT_STACK + 0x100;
	jump_start.regs.gs_base = RAT_DATA + 0x1000;
	memcpy(jump_start.xstate, blank->xstate, rat_xstate_size);
	random_vectors(jump_start.xstate);
	random_memory(&jump_start);
	for (i = 0; i < UPR_NR_GPR; i++)
		regs.gpr[i] = random_value();
	regs.gpr[UPR_RSP] = RAT_STACK + 0x1000 + (one_in(8) ? rnd() % 64 : (rnd() % 64) * 8);
	for (i = 0; i < w->nr; i++)
		aim_insn(w, i, &regs, &chosen);
	regs.flags = (rnd() & (UPR_FL_STATUS | UPR_FL_DF)) | 0x202;
	/* a pad pushes: that faults where the program could not push either */
	if (one_in(48) && !(regs.gpr[UPR_RSP] & 7))
		regs.flags |= UPR_FL_AC;
	rat_from_upr(&regs, &jump_start.regs);
	jump_start.regs.cs = 0x33;
	jump_start.regs.ss = 0x2b;
	jump_start.regs.ds = 0x2b;
	jump_start.regs.es = 0x2b;
	jump_start.regs.orig_rax = ~0ull;
}

bool window_make(struct window *w, const struct rat_state *blank)
{
	unsigned int i;

	do
		memset(w, 0, sizeof(*w));
	while (!random_code(w));
	aim_state(w, blank);
	for (i = 0; i < w->nr; i++)
		upr_insn_decode(&w->insns[i], w->code + w->off[i], UPR_INSN_MAX, UPR_INSN_64);
	memcpy(w->facts.code, w->code, sizeof(w->code));
	w->facts.len = UPR_SITE_CODE;
	return !upr_jump_analyze(&w->jump, &w->facts, RAT_ORIG & 0xfff, UPR_INSN_64, 0, NULL);
}

const char *window_text(const struct window *w)
{
	static char text[256];
	unsigned int i, n = 0, at = 0;

	for (i = 0; i < w->jump.len; i++) {
		if (n < w->jump.nr && i == w->jump.off[n]) {
			at += (unsigned int)snprintf(text + at, sizeof(text) - at, "%s", n ? "| " : "");
			n++;
		}
		at += (unsigned int)snprintf(text + at, sizeof(text) - at, "%02x ", w->code[i]);
	}
	snprintf(text + at, sizeof(text) - at, "(%s)", upr_jump_form_name(w->jump.form));
	return text;
}
