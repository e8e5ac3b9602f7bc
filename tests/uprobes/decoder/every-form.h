/* SPDX-License-Identifier: GPL-2.0 */
/*
 * every-form.h - every opcode in every form, in order.
 *
 * Purpose: chance takes long to meet a rare combination of map, opcode, W, L,
 * mask and register field; this walk meets all of them.  The caller's function
 * gets one byte string after another.  No state, no locks.
 */
#ifndef EVERY_FORM_H
#define EVERY_FORM_H

#include <upr-compat.h>
#include <utrace/insn.h>

#define FORM_LEN	16

typedef void form_fn(const u8 *buf, size_t len, void *arg);

/* What follows an opcode: ModRM as given, then bytes that mean something as SIB, displacement and immediate. */
static inline void form_tail(u8 *buf, size_t n, u8 modrm, form_fn *fn, void *arg)
{
	static const u8 tail[] = { 0x25, 0x90, 0x9c, 0x96, 0x84, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77 };

	buf[n++] = modrm;
	memcpy(buf + n, tail, FORM_LEN - n);
	fn(buf, FORM_LEN, arg);
}

static inline void every_legacy_form(enum upr_insn_mode mode, form_fn *fn, void *arg)
{
	static const u8 sets[][3] = { { 0 }, { 0x66 }, { 0xf3 }, { 0xf2 }, { 0x66, 0xf3 }, { 0xf2, 0x66 }, { 0xf0 },
				      { 0x67 }, { 0xf0, 0xf2 }, { 0x67, 0x66, 0xf2 } };
	static const u8 rexes[] = { 0, 0x40, 0x41, 0x44, 0x48, 0x4f };
	static const u8 escapes[][2] = { { 0 }, { 0x0f }, { 0x0f, 0x38 }, { 0x0f, 0x3a } };
	unsigned int set, rex, map, opcode, modrm, i;
	u8 buf[FORM_LEN];

	for (set = 0; set < sizeof(sets) / sizeof(sets[0]); set++)
	for (rex = 0; rex < (mode == UPR_INSN_64 ? sizeof(rexes) : 1); rex++)
	for (map = 0; map < 4; map++)
	for (opcode = 0; opcode < 256; opcode++)
	for (modrm = 0; modrm < 256; modrm++) {
		size_t n = 0;

		for (i = 0; i < 3 && sets[set][i]; i++)
			buf[n++] = sets[set][i];
		if (rexes[rex])
			buf[n++] = rexes[rex];
		for (i = 0; i < 2 && escapes[map][i]; i++)
			buf[n++] = escapes[map][i];
		buf[n++] = opcode;
		form_tail(buf, n, modrm, fn, arg);
	}
}

/* The suffix of a 3DNow! instruction stands where form_tail() has its constants. */
static inline void every_3dnow_form(form_fn *fn, void *arg)
{
	u8 buf[FORM_LEN] = { 0x0f, 0x0f, 0xc1 };
	unsigned int opcode;

	for (opcode = 0; opcode < 256; opcode++) {
		buf[3] = opcode;
		fn(buf, FORM_LEN, arg);
	}
}

/* VEX and XOP: rxb is the inverted R, X and B; vvvv likewise. */
static inline void every_vex_form(enum upr_insn_mode mode, u8 escape, unsigned int first_map, form_fn *fn, void *arg)
{
	static const u8 rxb[] = { 0xe0, 0xc0, 0x00 };
	static const u8 vvvv[] = { 0x78, 0x70, 0x40 };
	unsigned int map, r, v, wlpp, opcode, modrm;
	u8 buf[FORM_LEN] = { escape };

	for (map = first_map; map < first_map + 3; map++)
	for (r = 0; r < (mode == UPR_INSN_64 ? 3 : 2); r++)
	for (v = 0; v < 3; v++)
	for (wlpp = 0; wlpp < 16; wlpp++)
	for (opcode = 0; opcode < 256; opcode++)
	for (modrm = 0; modrm < 256; modrm += modrm < 192 ? 5 : 1) {
		buf[1] = rxb[r] | map;
		buf[2] = vvvv[v] | (wlpp & 8 ? 0x80 : 0) | (wlpp & 7);
		buf[3] = opcode;
		form_tail(buf, 4, modrm, fn, arg);
	}
}

static inline void every_evex_form(enum upr_insn_mode mode, form_fn *fn, void *arg)
{
	static const u8 maps[] = { 1, 2, 3, 5, 6 };
	static const u8 p0[] = { 0xf0, 0xd0, 0xe0, 0x00 };
	static const u8 vvvv[] = { 0x78, 0x70 };
	/* z, b, V' and aaa; then L'L */
	static const u8 p2[] = { 0x08, 0x09, 0x0c, 0x88, 0x89, 0x18, 0x19, 0x99, 0x00, 0x8f };
	/* Each mod with each reg; the register forms with some rm as well. */
	static const u8 modrms[] = { 0x04, 0x4c, 0x94, 0x1c, 0x64, 0xac, 0x34, 0x7c, 0x05, 0xc0, 0xc8,
				     0xd1, 0xda, 0xe3, 0xec, 0xf5, 0xfe, 0xc7, 0xff };
	unsigned int map, r, v, wpp, ll, k, opcode, m;
	u8 buf[FORM_LEN] = { 0x62 };

	for (map = 0; map < sizeof(maps); map++)
	for (r = 0; r < (mode == UPR_INSN_64 ? sizeof(p0) : 3); r++)
	for (v = 0; v < sizeof(vvvv); v++)
	for (wpp = 0; wpp < 8; wpp++)
	for (ll = 0; ll < 4; ll++)
	for (k = 0; k < sizeof(p2); k++)
	for (opcode = 0; opcode < 256; opcode++)
	for (m = 0; m < sizeof(modrms); m++) {
		buf[1] = p0[r] | maps[map];
		buf[2] = vvvv[v] | 0x04 | (wpp & 4 ? 0x80 : 0) | (wpp & 3);
		buf[3] = p2[k] | ll << 5;
		buf[4] = opcode;
		form_tail(buf, 5, modrms[m], fn, arg);
	}
}

static inline void every_form(enum upr_insn_mode mode, form_fn *fn, void *arg)
{
	every_legacy_form(mode, fn, arg);
	every_3dnow_form(fn, arg);
	every_vex_form(mode, 0xc4, 1, fn, arg);
	every_vex_form(mode, 0x8f, 8, fn, arg);
	every_evex_form(mode, fn, arg);
}

#endif /* EVERY_FORM_H */
