// SPDX-License-Identifier: GPL-2.0
/*
 * forms.c - every form of instruction the decoder knows (see forms.h).
 *
 * Locks: none; one thread.
 */
#include "forms.h"

static u64 rnd_state = 1;

void rnd_seed(u64 seed)
{
	rnd_state = seed * 0x9e3779b97f4a7c15ull + 0x1234567;
	if (!rnd_state)
		rnd_state = 1;
}

u64 rnd(void)
{
	rnd_state ^= rnd_state >> 12;
	rnd_state ^= rnd_state << 25;
	rnd_state ^= rnd_state >> 27;
	return rnd_state * 0x2545f4914f6cdd1dull;
}

/* --- bytes ----------------------------------------------------------------- */

/**
 * struct out - bytes on their way
 * @plain:	leave away what is optional: some instructions refuse it
 */
struct out {
	u8 *buf;
	unsigned int len;
	bool plain;
};

static void put(struct out *o, unsigned int byte)
{
	o->buf[o->len++] = (u8)byte;
}

static void put_modrm(struct out *o, const struct form *form)
{
	unsigned int reg = form->reg >= 0 ? (unsigned int)form->reg : rnd() & 7;
	unsigned int rm = form->rm >= 0 ? (unsigned int)form->rm : rnd() & 7;
	unsigned int mod = rnd() % 3, i, disp = 0;

	switch (form->kind) {
	case FORM_PLAIN:
		return;
	case FORM_REG:
		put(o, 0xc0 | reg << 3 | rm);
		return;
	case FORM_BASE:
		if (rm == 4 || (rm == 5 && !mod))
			rm = 3;
		put(o, mod << 6 | reg << 3 | rm);
		break;
	case FORM_SIB:
		put(o, mod << 6 | reg << 3 | 4);
		put(o, rnd() & 0xff);
		if ((o->buf[o->len - 1] & 7) == 5 && !mod)
			disp = 4;
		break;
	default:
		mod = 0;
		disp = 4;
		put(o, reg << 3 | 5);
	}
	disp = mod == 1 ? 1 : mod == 2 ? 4 : disp;
	for (i = 0; i < disp; i++)
		put(o, rnd() & 0xff);
}

static void put_pp(struct out *o, unsigned int pp)
{
	static const u8 prefix[] = {0, 0x66, 0xf3, 0xf2};

	if (pp)
		put(o, prefix[pp]);
}

static void put_legacy(struct out *o, const struct form *form)
{
	static const u8 segments[] = {0x64, 0x65, 0x3e, 0x2e};

	if (!o->plain && one_in(16))
		put(o, segments[rnd() & 3]);
	if (!o->plain && one_in(16))
		put(o, 0x67);
	if (form->lock)
		put(o, 0xf0);
	if (!o->plain && form->pp > 1 && one_in(8))
		put(o, 0x66);
	put_pp(o, form->pp);
	if (form->mode == UPR_INSN_64 && (form->w || one_in(2)))
		put(o, 0x40 | form->w << 3 | (o->plain ? 0 : rnd() & 7));
	if (form->map != UPR_MAP_1B)
		put(o, 0x0f);
	if (form->map == UPR_MAP_0F38)
		put(o, 0x38);
	if (form->map == UPR_MAP_0F3A)
		put(o, 0x3a);
	if (form->enc == UPR_ENC_3DNOW)
		put(o, 0x0f);
	else
		put(o, form->opcode);
	put_modrm(o, form);
	if (form->enc == UPR_ENC_3DNOW)
		put(o, form->opcode);
}

/* In 32-bit code R and X must read as 0, or it is lds, les or bound. */
static unsigned int rxb(const struct form *form, const struct out *o)
{
	unsigned int bits = o->plain ? 7 : rnd() & 7;

	return (form->mode == UPR_INSN_32 ? bits | 6 : bits) << 5;
}

static unsigned int vvvv(const struct out *o)
{
	return o->plain ? 0x78 : (rnd() & 0xf) << 3;
}

static void put_vex(struct out *o, const struct form *form)
{
	unsigned int last = vvvv(o) | form->l << 2 | form->pp;

	if (form->enc == UPR_ENC_VEX2) {
		put(o, 0xc5);
		put(o, (form->mode == UPR_INSN_32 ? 0x80 : rxb(form, o) & 0x80) | last);
	} else {
		put(o, form->enc == UPR_ENC_XOP ? 0x8f : 0xc4);
		put(o, rxb(form, o) | form->map);
		put(o, form->w << 7 | last);
	}
	put(o, form->opcode);
	put_modrm(o, form);
}

static void put_evex(struct out *o, const struct form *form)
{
	bool masked = !o->plain || one_in(2);

	put(o, 0x62);
	put(o, rxb(form, o) | (form->mode == UPR_INSN_32 || o->plain || one_in(2) ? 0x10 : 0) | form->map);
	put(o, form->w << 7 | vvvv(o) | 4 | form->pp);
	put(o, (masked && one_in(4) ? 0x80 : 0) | form->l << 5 | (masked && one_in(4) ? 0x10 : 0) |
		       (form->mode == UPR_INSN_32 || o->plain || one_in(2) ? 8 : 0) | (masked ? rnd() & 7 : 0));
	put(o, form->opcode);
	put_modrm(o, form);
}

static bool is_of_form(const struct form *form, const struct upr_insn *insn)
{
	if (insn->enc != form->enc || insn->map != form->map || insn->opcode != form->opcode)
		return false;
	return !!insn->f_modrm.size == (form->kind != FORM_PLAIN);
}

static bool find_bytes(const struct form *form, unsigned int max_tries, u8 *buf, struct upr_insn *insn)
{
	unsigned int tries;

	for (tries = 0; tries < max_tries; tries++) {
		u8 work[32];
		struct out o = {work, 0, tries & 1};

		switch (form->enc) {
		case UPR_ENC_VEX2:
		case UPR_ENC_VEX3:
		case UPR_ENC_XOP:
			put_vex(&o, form);
			break;
		case UPR_ENC_EVEX:
			put_evex(&o, form);
			break;
		default:
			put_legacy(&o, form);
		}
		while (o.len < UPR_INSN_MAX)
			put(&o, rnd() & 0xff);
		memcpy(buf, work, UPR_INSN_MAX);
		if (!upr_insn_decode(insn, buf, UPR_INSN_MAX, form->mode) && is_of_form(form, insn))
			return true;
	}
	return false;
}

bool form_bytes(const struct form *form, u8 *buf, struct upr_insn *insn)
{
	return find_bytes(form, 1000, buf, insn);
}

/* --- the list ---------------------------------------------------------------- */

/* Is the reg field part of the opcode? */
static bool is_group(const struct form *form)
{
	u8 op = form->opcode;

	switch (form->enc) {
	case UPR_ENC_LEGACY:
		if (form->map == UPR_MAP_1B)
			return (op >= 0x80 && op <= 0x83) || op == 0x8c || op == 0x8e || op == 0x8f || op == 0xc0 ||
			       op == 0xc1 || op == 0xc6 || op == 0xc7 || (op >= 0xd0 && op <= 0xd3) ||
			       (op >= 0xd8 && op <= 0xdf) || op == 0xf6 || op == 0xf7 || op >= 0xfe;
		return form->map == UPR_MAP_0F &&
		       (op <= 1 || op == 0x0d || (op >= 0x18 && op <= 0x1f) || (op >= 0x71 && op <= 0x73) ||
			op == 0xa6 || op == 0xa7 || op == 0xae || op == 0xb9 || op == 0xba || op == 0xc7);
	case UPR_ENC_3DNOW:
		return false;
	case UPR_ENC_XOP:
		return form->map == UPR_MAP_XOP9 ? op <= 2 || op == 0x12 : form->map == UPR_MAP_XOPA;
	default:
		return (form->map == UPR_MAP_0F && ((op >= 0x71 && op <= 0x73) || op == 0xae)) ||
		       (form->map == UPR_MAP_0F38 && (op == 0xf3 || op == 0xc6 || op == 0xc7));
	}
}

/* Is the rm field, too? */
static bool is_rm_group(const struct form *form)
{
	if (form->enc != UPR_ENC_LEGACY || form->kind != FORM_REG)
		return false;
	if (form->map == UPR_MAP_1B)
		return (form->opcode >= 0xd8 && form->opcode <= 0xdf) || form->opcode == 0xc6 || form->opcode == 0xc7;
	return form->map == UPR_MAP_0F && (form->opcode == 0x01 || form->opcode == 0x1e || form->opcode == 0xae);
}

struct list {
	struct form *forms;
	size_t nr, room;
};

static void add(struct list *list, const struct form *form)
{
	struct upr_insn insn;
	u8 buf[UPR_INSN_MAX];

	if (!find_bytes(form, 32, buf, &insn))
		return;
	/* the same instruction, named by another form */
	if (form->enc == UPR_ENC_LEGACY && form->lock && !(insn.prefixes & UPR_PFX_LOCK))
		return;
	if (list->nr == list->room) {
		list->room = list->room ? 2 * list->room : 4096;
		list->forms = realloc(list->forms, list->room * sizeof(*list->forms));
		if (!list->forms)
			abort();
	}
	list->forms[list->nr++] = *form;
}

static void add_fields(struct list *list, struct form *form)
{
	int regs = is_group(form) ? 8 : 1, rms = is_rm_group(form) ? 8 : 1, reg, rm;

	for (reg = 0; reg < regs; reg++)
		for (rm = 0; rm < rms; rm++) {
			form->reg = regs > 1 ? (s8)reg : -1;
			form->rm = rms > 1 ? (s8)rm : -1;
			form->lock = false;
			add(list, form);
			if (form->enc != UPR_ENC_LEGACY || form->kind == FORM_REG || form->kind == FORM_PLAIN)
				continue;
			form->lock = true;
			add(list, form);
		}
}

static void add_map(struct list *list, enum upr_insn_mode mode, u8 enc, u8 map, unsigned int lengths)
{
	struct form form = {.mode = (u8)mode, .enc = enc, .map = map};
	unsigned int ws = enc == UPR_ENC_VEX2 || (enc == UPR_ENC_LEGACY && mode == UPR_INSN_32) ? 1 : 2;
	unsigned int i;

	/* the point of the encoding space, all dimensions in one number */
	for (i = 0; i < 256 * 4 * ws * lengths * FORM_NR_KINDS; i++) {
		form.kind = (u8)(i % FORM_NR_KINDS);
		form.l = (u8)(i / FORM_NR_KINDS % lengths);
		form.w = (u8)(i / FORM_NR_KINDS / lengths % ws);
		form.pp = (u8)(i / FORM_NR_KINDS / lengths / ws % 4);
		form.opcode = (u8)(i / FORM_NR_KINDS / lengths / ws / 4);
		add_fields(list, &form);
	}
}

struct form *forms_make(enum upr_insn_mode mode, size_t *nr)
{
	static const u8 evex_maps[] = {1, 2, 3, 5, 6};
	struct list list = {0};
	unsigned int i;

	for (i = 0; i < 4; i++)
		add_map(&list, mode, UPR_ENC_LEGACY, (u8)i, 1);
	add_map(&list, mode, UPR_ENC_3DNOW, UPR_MAP_0F, 1);
	add_map(&list, mode, UPR_ENC_VEX2, UPR_MAP_0F, 2);
	for (i = 1; i < 4; i++)
		add_map(&list, mode, UPR_ENC_VEX3, (u8)i, 2);
	for (i = 0; i < sizeof(evex_maps); i++)
		add_map(&list, mode, UPR_ENC_EVEX, evex_maps[i], 4);
	for (i = 8; i < 11; i++)
		add_map(&list, mode, UPR_ENC_XOP, (u8)i, 2);
	*nr = list.nr;
	return list.forms;
}

/* --- names --------------------------------------------------------------------- */

unsigned int form_group(const struct form *form)
{
	switch (form->enc) {
	case UPR_ENC_LEGACY:
		return form->map;
	case UPR_ENC_3DNOW:
		return 4;
	case UPR_ENC_VEX2:
		return 5;
	case UPR_ENC_VEX3:
		return 6;
	case UPR_ENC_XOP:
		return 11;
	default:
		return form->map == 1 ? 7 : form->map == 2 ? 8 : form->map == 3 ? 9 : 10;
	}
}

const char *form_group_name(unsigned int group)
{
	static const char *const names[FORM_NR_GROUPS] = {
		"one-byte map", "0f map",	"0f 38 map",	     "0f 3a map",
		"3DNow!",	"two-byte VEX", "three-byte VEX",    "EVEX map 1",
		"EVEX map 2",	"EVEX map 3",	"EVEX maps 5 and 6", "XOP",
	};

	return names[group];
}

const char *form_text(const struct form *form)
{
	static const char *const pp[] = {"", ".66", ".f3", ".f2"};
	static const char *const kind[] = {"", " reg", " mem", " mem+sib", " mem(rip)"};
	static char buf[96];
	int n = snprintf(buf, sizeof(buf), "%s%s%s %s%s", form->mode == UPR_INSN_32 ? "32-bit " : "",
			 form_group_name(form_group(form)), pp[form->pp], form->w ? "W1 " : "",
			 form->lock ? "lock " : "");

	if (form->enc == UPR_ENC_VEX2 || form->enc == UPR_ENC_VEX3 || form->enc == UPR_ENC_EVEX ||
	    form->enc == UPR_ENC_XOP)
		n += snprintf(buf + n, sizeof(buf) - (size_t)n, "L%u ", form->l);
	n += snprintf(buf + n, sizeof(buf) - (size_t)n, "%02x", form->opcode);
	if (form->reg >= 0)
		n += snprintf(buf + n, sizeof(buf) - (size_t)n, " /%d", form->reg);
	if (form->rm >= 0)
		n += snprintf(buf + n, sizeof(buf) - (size_t)n, "/%d", form->rm);
	snprintf(buf + n, sizeof(buf) - (size_t)n, "%s", kind[form->kind]);
	return buf;
}
