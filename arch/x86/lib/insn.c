// SPDX-License-Identifier: GPL-2.0
/*
 * insn.c - the x86 instruction decoder: bytes to fields.
 *
 * Purpose: reads prefixes, opcode, ModRM, SIB, displacement and immediates in
 * the order in which they stand, and finds the opcode's form in the generated
 * table.  Every byte is asked for with need() before it is read, which is why
 * nothing beyond the given length is ever touched.
 *
 * Locks: none.  Pure functions over the caller's memory.
 */
#include <upr-compat.h>
#include <utrace/insn.h>
#include "insn-decode.h"
#include <upr-opcodes.h>

#define PFX_SEGMENTS (UPR_PFX_ES | UPR_PFX_CS | UPR_PFX_SS | UPR_PFX_DS | UPR_PFX_FS | UPR_PFX_GS)
/* What a VEX, EVEX or XOP prefix tolerates in front of it. */
#define PFX_NOT_VEX (UPR_PFX_LOCK | UPR_PFX_REPNE | UPR_PFX_REP | UPR_PFX_OSIZE | UPR_PFX_REX)

static const u16 legacy_prefix[256] = {
	[0x26] = UPR_PFX_ES,   [0x2e] = UPR_PFX_CS,    [0x36] = UPR_PFX_SS,    [0x3e] = UPR_PFX_DS,
	[0x64] = UPR_PFX_FS,   [0x65] = UPR_PFX_GS,    [0x66] = UPR_PFX_OSIZE, [0x67] = UPR_PFX_ASIZE,
	[0xf0] = UPR_PFX_LOCK, [0xf2] = UPR_PFX_REPNE, [0xf3] = UPR_PFX_REP,
};

static inline bool need(const struct upr_insn_cursor *c, unsigned int n)
{
	return c->pos + n <= c->len;
}

static inline struct upr_span take(struct upr_insn_cursor *c, unsigned int n)
{
	struct upr_span span = {c->pos, n};

	c->pos += n;
	return span;
}

static s64 get_signed(const u8 *p, unsigned int size)
{
	u64 v = 0;
	unsigned int i;

	for (i = 0; i < size; i++)
		v |= (u64)p[i] << (8 * i);
	if (size == 8)
		return (s64)v;
	v <<= 64 - 8 * size;
	return (s64)v >> (64 - 8 * size);
}

static inline u64 get_unsigned(const u8 *p, unsigned int size)
{
	u64 v = (u64)get_signed(p, size);

	return size == 8 ? v : v & ((1ull << (8 * size)) - 1);
}

/*
 * Of several prefixes of one group the last is in force.  In 64-bit mode the
 * four flat segments have no effect, so they do not replace fs and gs.
 */
static u16 add_prefix(u16 set, u16 bit, enum upr_insn_mode mode)
{
	if (bit & (UPR_PFX_REP | UPR_PFX_REPNE))
		set &= ~(UPR_PFX_REP | UPR_PFX_REPNE);
	else if (bit & (UPR_PFX_FS | UPR_PFX_GS))
		set &= mode == UPR_INSN_64 ? ~(UPR_PFX_FS | UPR_PFX_GS) : ~PFX_SEGMENTS;
	else if ((bit & PFX_SEGMENTS) && mode == UPR_INSN_32)
		set &= ~PFX_SEGMENTS;
	return set | bit;
}

/* Leaves the cursor on the opcode or on the escape of a vector prefix. */
static int read_prefixes(struct upr_insn_cursor *c, struct upr_insn *insn)
{
	u8 rex = 0;

	for (;; c->pos++) {
		u8 byte;
		u16 bit;

		if (!need(c, 1))
			return c->short_err;
		byte = c->buf[c->pos];
		bit = legacy_prefix[byte];
		if (bit) {
			insn->prefixes = add_prefix(insn->prefixes, bit, insn->mode);
			rex = 0;
		} else if ((byte & 0xf0) == 0x40 && insn->mode == UPR_INSN_64) {
			rex = byte;
		} else {
			break;
		}
	}
	insn->f_prefix.size = c->pos;
	if (rex) {
		insn->prefixes |= UPR_PFX_REX;
		insn->rex = rex & 0xf;
		insn->f_prefix.size = c->pos - 1;
		insn->f_rex.off = c->pos - 1;
		insn->f_rex.size = 1;
	}
	insn->pp = insn->prefixes & UPR_PFX_REP	  ? 2 :
		   insn->prefixes & UPR_PFX_REPNE ? 3 :
		   insn->prefixes & UPR_PFX_OSIZE ? 1 :
						    0;
	if (insn->mode == UPR_INSN_64)
		insn->addrsize = insn->prefixes & UPR_PFX_ASIZE ? 4 : 8;
	else
		insn->addrsize = insn->prefixes & UPR_PFX_ASIZE ? 2 : 4;
	return 0;
}

/* The bits that VEX (three bytes), EVEX and XOP have in the same places. */
static void read_rxb_w_vvvv(struct upr_insn *insn, u8 rxb, u8 wv)
{
	insn->rex = (rxb & 0x80 ? 0 : UPR_REX_R) | (rxb & 0x40 ? 0 : UPR_REX_X) | (rxb & 0x20 ? 0 : UPR_REX_B) |
		    (wv & 0x80 ? UPR_REX_W : 0);
	insn->vvvv = ~(wv >> 3) & 0xf;
	insn->pp = wv & 3;
}

static int read_vex(struct upr_insn_cursor *c, struct upr_insn *insn)
{
	const u8 *p = c->buf + c->pos;
	unsigned int map = 1;

	if (p[0] == 0xc5) {
		if (!need(c, 3))
			return c->short_err;
		read_rxb_w_vvvv(insn, (p[1] & 0x80) | 0x60, p[1] & 0x7f);
		insn->enc = UPR_ENC_VEX2;
		c->ll = p[1] >> 2 & 1;
		insn->f_vex = take(c, 2);
	} else {
		if (!need(c, 4))
			return c->short_err;
		map = p[1] & 0x1f;
		if (map < 1 || map > 3)
			return -EINVAL;
		read_rxb_w_vvvv(insn, p[1], p[2]);
		insn->enc = UPR_ENC_VEX3;
		c->ll = p[2] >> 2 & 1;
		insn->f_vex = take(c, 3);
	}
	insn->map = map;
	c->space = UPR_SP_VEX_0F + map - 1;
	return 0;
}

static int read_xop(struct upr_insn_cursor *c, struct upr_insn *insn)
{
	const u8 *p = c->buf + c->pos;
	unsigned int map;

	if (!need(c, 4))
		return c->short_err;
	map = p[1] & 0x1f;
	if (map > UPR_MAP_XOPA)
		return -EINVAL;
	read_rxb_w_vvvv(insn, p[1], p[2]);
	insn->enc = UPR_ENC_XOP;
	insn->map = map;
	c->ll = p[2] >> 2 & 1;
	c->space = UPR_SP_XOP_8 + map - UPR_MAP_XOP8;
	insn->f_vex = take(c, 3);
	return 0;
}

static int read_evex(struct upr_insn_cursor *c, struct upr_insn *insn)
{
	static const u8 spaces[8] = {
		0, UPR_SP_EVEX_0F, UPR_SP_EVEX_0F38, UPR_SP_EVEX_0F3A, 0, UPR_SP_EVEX_M5, UPR_SP_EVEX_M6, 0,
	};
	const u8 *p = c->buf + c->pos;

	if (!need(c, 5))
		return c->short_err;
	/* Fixed bits, and the maps that exist: map 4 would be APX. */
	if ((p[1] & 0x08) || !(p[2] & 0x04) || !spaces[p[1] & 7])
		return -EINVAL;
	read_rxb_w_vvvv(insn, p[1], p[2]);
	insn->rex |= (p[1] & 0x10 ? 0 : UPR_REX_R2) | (p[3] & 0x08 ? 0 : UPR_REX_V2);
	insn->enc = UPR_ENC_EVEX;
	insn->map = p[1] & 7;
	c->space = spaces[insn->map];
	c->evex_z = p[3] >> 7;
	c->ll = p[3] >> 5 & 3;
	c->evex_b = p[3] >> 4 & 1;
	c->evex_aaa = p[3] & 7;
	insn->f_vex = take(c, 4);
	return 0;
}

/*
 * Is this byte the escape of a vector prefix?  In a 32-bit segment c4, c5 and
 * 62 are les, lds and bound unless the next byte looks like a register form,
 * which those do not have; 8f is pop unless its "map" is 8 or more.
 */
static int vector_escape(const struct upr_insn_cursor *c, const struct upr_insn *insn)
{
	u8 byte = c->buf[c->pos];

	if (byte != 0xc4 && byte != 0xc5 && byte != 0x62 && byte != 0x8f)
		return 0;
	if (byte != 0x8f && insn->mode == UPR_INSN_64)
		return 1;
	if (!need(c, 2))
		return c->short_err;
	if (byte == 0x8f)
		return (c->buf[c->pos + 1] & 0x1f) >= 8;
	return (c->buf[c->pos + 1] & 0xc0) == 0xc0;
}

static int read_vector_opcode(struct upr_insn_cursor *c, struct upr_insn *insn)
{
	u8 byte = c->buf[c->pos];
	int err;

	if (insn->prefixes & PFX_NOT_VEX)
		return -EINVAL;
	err = byte == 0x62 ? read_evex(c, insn) : byte == 0x8f ? read_xop(c, insn) : read_vex(c, insn);
	if (err)
		return err;
	if (insn->mode == UPR_INSN_32) {
		/* Eight registers only: B, R' and the top of vvvv are ignored; V' is not. */
		if (insn->rex & UPR_REX_V2)
			return -EINVAL;
		insn->rex &= UPR_REX_W;
		insn->vvvv &= 7;
	}
	insn->vl = c->ll;
	insn->opcode = c->buf[c->pos];
	insn->f_opcode = take(c, 1);
	return 0;
}

static int read_opcode(struct upr_insn_cursor *c, struct upr_insn *insn)
{
	unsigned int start = c->pos;
	int vector = vector_escape(c, insn);

	if (vector < 0)
		return vector;
	if (vector)
		return read_vector_opcode(c, insn);
	insn->opcode = c->buf[c->pos++];
	if (insn->opcode == 0x0f) {
		if (!need(c, 1))
			return c->short_err;
		insn->map = UPR_MAP_0F;
		insn->opcode = c->buf[c->pos++];
		if (insn->opcode == 0x0f) {
			insn->enc = UPR_ENC_3DNOW;
			c->space = UPR_SP_3DNOW;
		} else if (insn->opcode == 0x38 || insn->opcode == 0x3a) {
			if (!need(c, 1))
				return c->short_err;
			insn->map = insn->opcode == 0x38 ? UPR_MAP_0F38 : UPR_MAP_0F3A;
			insn->opcode = c->buf[c->pos++];
		}
	}
	if (insn->enc != UPR_ENC_3DNOW)
		c->space = insn->map;
	insn->f_opcode.off = start;
	insn->f_opcode.size = c->pos - start;
	return 0;
}

/* 16-bit addressing: fixed pairs of registers.  Returns the displacement's size. */
static unsigned int address16(struct upr_insn *insn, unsigned int mod, unsigned int rm)
{
	static const u8 base[8] = {UPR_RBX, UPR_RBX, UPR_RBP, UPR_RBP, UPR_RSI, UPR_RDI, UPR_RBP, UPR_RBX};
	static const u8 index[4] = {UPR_RSI, UPR_RDI, UPR_RSI, UPR_RDI};

	if (mod == 0 && rm == 6)
		return 2;
	insn->base = base[rm];
	if (rm < 4)
		insn->index = index[rm];
	return mod == 2 ? 2 : mod;
}

/* 32 and 64-bit addressing; the SIB byte is there when @rm is 4. */
static unsigned int address32(struct upr_insn *insn, unsigned int mod, unsigned int rm)
{
	u8 b = insn->rex & UPR_REX_B ? 8 : 0, x = insn->rex & UPR_REX_X ? 8 : 0;

	if (rm == 4) {
		/* Index 4 without X means none; a vector index is put right later. */
		u8 index = (insn->sib >> 3 & 7) | x;

		if (index != 4)
			insn->index = index;
		if ((insn->sib & 7) == 5 && mod == 0)
			return 4;
		insn->base = (insn->sib & 7) | b;
	} else if (rm == 5 && mod == 0) {
		if (insn->mode == UPR_INSN_64)
			insn->attr |= UPR_INSN_RIPREL;
		return 4;
	} else {
		insn->base = rm | b;
	}
	return mod == 2 ? 4 : mod;
}

static int read_modrm(struct upr_insn_cursor *c, struct upr_insn *insn, u8 slot_flags)
{
	unsigned int mod, rm, size;

	if (!need(c, 1))
		return c->short_err;
	insn->modrm = c->buf[c->pos];
	insn->f_modrm = take(c, 1);
	mod = insn->modrm >> 6;
	rm = insn->modrm & 7;
	c->reg = (insn->modrm >> 3 & 7) | (insn->rex & UPR_REX_R ? 8 : 0) | (insn->rex & UPR_REX_R2 ? 16 : 0);
	c->rm = rm | (insn->rex & UPR_REX_B ? 8 : 0);
	if (mod == 3 || (slot_flags & UPR_SLOT_REGONLY))
		return 0;
	c->mem = true;
	insn->attr |= UPR_INSN_MEM;
	if (insn->addrsize == 2) {
		size = address16(insn, mod, rm);
	} else {
		if (rm == 4) {
			if (!need(c, 1))
				return c->short_err;
			insn->sib = c->buf[c->pos];
			insn->f_sib = take(c, 1);
		}
		size = address32(insn, mod, rm);
	}
	if (!size)
		return 0;
	if (!need(c, size))
		return c->short_err;
	insn->disp = get_signed(c->buf + c->pos, size);
	insn->f_disp = take(c, size);
	return 0;
}

/* Everything known about the encoding so far, in the words of the picks. */
static u32 pick_key(const struct upr_insn_cursor *c, const struct upr_insn *insn)
{
	u32 key = UPR_ON_PP(insn->pp) | (insn->mode == UPR_INSN_64 ? UPR_ON_64 : UPR_ON_32);

	key |= insn->rex & UPR_REX_W ? UPR_ON_W(1) : UPR_ON_W(0);
	key |= insn->rex & UPR_REX_B ? UPR_ON_B(1) : UPR_ON_B(0);
	if (insn->f_modrm.size) {
		key |= UPR_ON_EXT(insn->modrm >> 3 & 7);
		key |= c->mem ? UPR_ON_MEM : UPR_ON_REG | UPR_ON_RM(insn->modrm & 7);
	}
	/* Rounding takes the place of the vector length. */
	if (c->space >= UPR_SP_VEX_0F && !(c->evex_b && !c->mem))
		key |= UPR_ON_L(c->ll);
	return key;
}

static const struct upr_opc_form *pick_form(const struct upr_opc_slot *slot, u32 key)
{
	const struct upr_opc_pick *pick = &upr_opc_picks[slot->first];
	unsigned int i;

	for (i = 0; i < slot->count; i++, pick++)
		if (!(key & ~pick->on))
			return &upr_opc_forms[pick->form];
	return NULL;
}

static u8 operand_size(const struct upr_insn *insn, u32 traits, bool vector)
{
	bool w = insn->rex & UPR_REX_W, p66 = (insn->prefixes & UPR_PFX_OSIZE) && !(traits & UPR_OPC_P66);

	if (traits & UPR_OPC_OP8)
		return 1;
	if (insn->mode == UPR_INSN_32)
		return !vector && p66 ? 2 : 4;
	if (traits & UPR_OPC_F64)
		return 8;
	if (traits & UPR_OPC_NOWSWAP)
		return p66 && !w ? 2 : 4;
	if (w)
		return 8;
	if (vector)
		return 4;
	if (traits & UPR_OPC_D64)
		return p66 ? 2 : 8;
	return p66 ? 2 : 4;
}

static unsigned int imm_size(const struct upr_insn *insn, unsigned int kind)
{
	unsigned int z = insn->opsize == 2 ? 2 : 4;

	switch (kind) {
	case UPR_IMM_W:
		return 2;
	case UPR_IMM_Z:
	case UPR_IMM_JZ:
	case UPR_IMM_P:
		return z;
	case UPR_IMM_V:
		return insn->opsize;
	case UPR_IMM_D:
		return 4;
	case UPR_IMM_O:
		return insn->addrsize;
	default:
		return 1;
	}
}

static int read_imm(struct upr_insn_cursor *c, struct upr_insn *insn)
{
	unsigned int kind = c->form->imm & 0xf, kind2 = c->form->imm >> 4, size;

	if (!kind)
		return 0;
	size = imm_size(insn, kind);
	if (!need(c, size))
		return c->short_err;
	if (kind == UPR_IMM_W || kind == UPR_IMM_O)
		insn->imm = (s64)get_unsigned(c->buf + c->pos, size);
	else
		insn->imm = get_signed(c->buf + c->pos, size);
	insn->f_imm = take(c, size);
	size = kind == UPR_IMM_P ? 2 : kind2 ? imm_size(insn, kind2) : 0;
	if (!size)
		return 0;
	if (!need(c, size))
		return c->short_err;
	insn->imm2 = (s64)get_unsigned(c->buf + c->pos, size);
	insn->f_imm2 = take(c, size);
	return 0;
}

int upr_insn_decode(struct upr_insn *insn, const u8 *buf, size_t len, enum upr_insn_mode mode)
{
	struct upr_insn_cursor c = {.buf = buf};
	const struct upr_opc_slot *slot;
	int err;

	c.len = len < UPR_INSN_MAX ? len : UPR_INSN_MAX;
	c.short_err = len < UPR_INSN_MAX ? -ENODATA : -EINVAL;
	memset(insn, 0, sizeof(*insn));
	insn->mode = mode;
	insn->base = UPR_INSN_NOREG;
	insn->index = UPR_INSN_NOREG;

	err = read_prefixes(&c, insn);
	if (err)
		return err;
	err = read_opcode(&c, insn);
	if (err)
		return err;
	slot = &upr_opc_slots[c.space][insn->opcode];
	if (c.space == UPR_SP_3DNOW) {
		err = read_modrm(&c, insn, 0);
		if (err)
			return err;
		if (!need(&c, 1))
			return c.short_err;
		insn->opcode = c.buf[c.pos++];
		slot = &upr_opc_slots[c.space][insn->opcode];
	} else if (slot->flags & UPR_SLOT_MODRM) {
		err = read_modrm(&c, insn, slot->flags);
		if (err)
			return err;
	}
	c.form = pick_form(slot, pick_key(&c, insn));
	if (!c.form)
		return -EINVAL;
	insn->opsize = operand_size(insn, c.form->traits, c.space >= UPR_SP_VEX_0F);
	if ((c.form->traits & UPR_OPC_A64) && c.mem && mode == UPR_INSN_64)
		insn->addrsize = 8;
	err = read_imm(&c, insn);
	if (err)
		return err;
	insn->length = c.pos;
	err = upr_insn_check(&c, insn);
	if (err)
		return err;
	upr_insn_effects(&c, insn);
	return 0;
}

u64 upr_insn_target(const struct upr_insn *insn, u64 addr)
{
	u64 target = addr + insn->length + (u64)insn->imm;

	if (insn->mode == UPR_INSN_64)
		return target;
	/* xbegin alone does not cut its target to the operand size. */
	return insn->opsize == 2 && insn->branch != UPR_BR_XBEGIN ? target & 0xffff : target & 0xffffffff;
}

u64 upr_insn_riprel_addr(const struct upr_insn *insn, u64 addr)
{
	u64 where = addr + insn->length + (u64)insn->disp;

	return insn->addrsize == 4 ? where & 0xffffffff : where;
}
