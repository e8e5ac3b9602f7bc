/* SPDX-License-Identifier: GPL-2.0 */
/*
 * random-bytes.h - byte strings that look like instructions.
 *
 * Purpose: plain random bytes hardly ever reach the deeper opcode maps.  Half
 * of these strings are built instead: some prefixes, then a legacy escape or a
 * well-formed VEX, EVEX or XOP prefix with a random opcode, the rest random.
 * The state is the caller's; no locks.
 */
#ifndef RANDOM_BYTES_H
#define RANDOM_BYTES_H

#include <stdbool.h>
#include <upr-compat.h>
#include <utrace/insn.h>

struct random_bytes {
	u64 state;
};

/* A 64-bit mixer over a counter: any seed does. */
static inline u64 random_u64(struct random_bytes *r)
{
	u64 z = (r->state += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static inline void random_vector_prefix(u8 *p, size_t *n, u64 bits, unsigned int how, enum upr_insn_mode mode)
{
	/* 32-bit mode needs the two top bits set; vvvv is mostly unused, 1111. */
	u8 top = mode == UPR_INSN_32 ? 0xc0 : bits & 0xe0;
	u8 vvvv = bits & 0x100 ? 0x78 : bits >> 8 & 0x78;

	switch (how) {
	case 0:
		p[(*n)++] = 0xc5;
		p[(*n)++] = (top & 0xc0 ? 0x80 : 0) | (mode == UPR_INSN_32 ? 0x40 : 0) | vvvv | (bits >> 16 & 7);
		break;
	case 1:
		p[(*n)++] = 0xc4;
		p[(*n)++] = top | ((bits >> 24) % 3 + 1);
		p[(*n)++] = (bits >> 32 & 0x87) | vvvv;
		break;
	case 2:
		p[(*n)++] = 0x8f;
		p[(*n)++] = top | ((bits >> 24) % 3 + 8);
		p[(*n)++] = (bits >> 32 & (bits & 0x10000 ? 0x87 : 0x84)) | vvvv;
		break;
	default:
		p[(*n)++] = 0x62;
		p[(*n)++] = top | (bits & 0x20000 ? 0x10 : bits >> 4 & 0x10) | "\1\2\3\5\6\1\2\3"[bits >> 24 & 7];
		p[(*n)++] = (bits >> 32 & 0x83) | vvvv | 4;
		/* Plain, masked, or anything. */
		p[(*n)++] = bits & 0x400000 ? 0x08 | (bits >> 40 & 0x60) :
			    bits & 0x800000 ? 0x08 | (bits >> 40 & 0x67) : bits >> 40 & 0xff;
		break;
	}
}

static inline void random_instruction(struct random_bytes *r, u8 *buf, size_t len, enum upr_insn_mode mode)
{
	static const u8 prefixes[16] = { 0x66, 0xf2, 0xf3, 0x66, 0xf2, 0xf3, 0x67, 0xf0,
					 0x2e, 0x36, 0x3e, 0x26, 0x64, 0x65, 0x67, 0xf0 };
	u64 bits = random_u64(r), more = random_u64(r);
	size_t n = 0, i;
	u8 p[16];

	for (i = 0; i < len; i += 8) {
		u64 v = random_u64(r);

		memcpy(buf + i, &v, len - i < 8 ? len - i : 8);
	}
	if (bits & 1)
		return;
	bits >>= 1;
	for (i = bits & 3 ? bits & 1 : bits >> 2 & 3; i; i--)
		p[n++] = prefixes[(bits >>= 4) & 15];
	bits >>= 4;
	if ((bits & 7) < 4) {
		if ((bits & 0x18) && mode == UPR_INSN_64)
			p[n++] = 0x40 | (bits >> 8 & 15);
		if (bits & 3)
			p[n++] = 0x0f;
		if ((bits & 3) == 2)
			p[n++] = bits & 0x10000 ? 0x38 : 0x3a;
		else if ((bits & 0xf03) == 3)
			p[n++] = 0x0f;
	} else {
		random_vector_prefix(p, &n, more, bits >> 3 & 3, mode);
	}
	memcpy(buf, p, n < len ? n : len);
}

#endif /* RANDOM_BYTES_H */
