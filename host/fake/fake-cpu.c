// SPDX-License-Identifier: GPL-2.0
/*
 * fake-cpu.c - a small 64-bit x86.
 *
 * Purpose: fetches, decodes and executes one instruction of a task from the
 * bytes in its memory, breakpoints and displaced copies included.  Enough
 * of the instruction set for scripts and for what slots and pads are made of: moves,
 * lea, add sub cmp and or xor test, inc dec, push pop, branches direct and
 * indirect, call ret, pushf popf lahf sahf setcc, rep stos/movs, rdpid, %fs, int3, syscall.  It
 * shares nothing with the engine's decoder: an independent opinion.
 *
 * An instruction that faults has changed nothing.  It does at most one
 * memory write, after everything else that may fault.
 *
 * Locks: none, one thread.
 */
#include "fake-int.h"

struct cpu {
	struct fake_mm *mm;
	struct upr_regs r; /* becomes the task's when the instruction completes */
	struct fake_cpu_event *ev;
	u64 next; /* address of the next instruction byte */
	u8 rex;
	bool osize, rep;
	u64 segment; /* base of the segment that a prefix names */
	u8 modrm;
	bool is_mem;
	u64 ea;
	unsigned int size; /* operand */
	bool bad;	   /* a fault has been recorded */
};

#define REX_W(c) ((c)->rex & 8)
#define REX_R(c) ((c)->rex & 4 ? 8 : 0)
#define REX_X(c) ((c)->rex & 2 ? 8 : 0)
#define REX_B(c) ((c)->rex & 1 ? 8 : 0)

static void fault(struct cpu *c, int signo, int code, u64 addr)
{
	if (c->bad)
		return;
	c->bad = true;
	c->ev->stop = FAKE_CPU_FAULT;
	c->ev->signo = signo;
	c->ev->code = code;
	c->ev->addr = addr;
}

/* --- memory and fields --------------------------------------------------- */

static u64 fetch(struct cpu *c, unsigned int size)
{
	u64 value = 0;

	if (!c->bad && fake_cpu_access(c->mm, c->next, &value, size, FAKE_ACC_X))
		fault(c, FAKE_SIGSEGV, 1, c->next);
	c->next += size;
	return value;
}

static s64 extend(u64 value, unsigned int size)
{
	switch (size) {
	case 1:
		return (s8)value;
	case 2:
		return (s16)value;
	case 4:
		return (s32)value;
	}
	return value;
}

static s64 fetch_signed(struct cpu *c, unsigned int size)
{
	return extend(fetch(c, size), size);
}

static u64 load(struct cpu *c, u64 addr, unsigned int size)
{
	u64 value = 0;

	if (!c->bad && fake_cpu_access(c->mm, addr, &value, size, FAKE_ACC_R))
		fault(c, FAKE_SIGSEGV, 1, addr);
	return value;
}

static void store(struct cpu *c, u64 addr, u64 value, unsigned int size)
{
	if (!c->bad && fake_cpu_access(c->mm, addr, &value, size, FAKE_ACC_W))
		fault(c, FAKE_SIGSEGV, 2, addr);
}

static void set_gpr(struct cpu *c, unsigned int n, u64 value, unsigned int size)
{
	switch (size) {
	case 1:
		c->r.gpr[n] = (c->r.gpr[n] & ~0xffull) | (value & 0xff);
		break;
	case 2:
		c->r.gpr[n] = (c->r.gpr[n] & ~0xffffull) | (value & 0xffff);
		break;
	case 4:
		c->r.gpr[n] = (u32)value;
		break;
	default:
		c->r.gpr[n] = value;
	}
}

static unsigned int reg_field(const struct cpu *c)
{
	return ((c->modrm >> 3) & 7) | REX_R(c);
}

static unsigned int rm_field(const struct cpu *c)
{
	return (c->modrm & 7) | REX_B(c);
}

static u64 sib_base(struct cpu *c, unsigned int mod)
{
	u8 sib = fetch(c, 1);
	unsigned int index = ((sib >> 3) & 7) | REX_X(c);
	u64 ea = index == UPR_RSP ? 0 : c->r.gpr[index] << (sib >> 6);

	if ((sib & 7) == 5 && !mod)
		return ea + fetch_signed(c, 4);
	return ea + c->r.gpr[(sib & 7) | REX_B(c)];
}

/* @imm: bytes of immediate that follow, which a rip-relative operand counts from the end of */
static void fetch_modrm(struct cpu *c, unsigned int imm)
{
	unsigned int mod;

	c->modrm = fetch(c, 1);
	mod = c->modrm >> 6;
	c->is_mem = mod != 3;
	if (!c->is_mem)
		return;
	if ((c->modrm & 7) == 4) {
		c->ea = sib_base(c, mod);
	} else if ((c->modrm & 7) == 5 && !mod) {
		s64 disp = fetch_signed(c, 4);

		c->ea = c->next + imm + disp;
	} else {
		c->ea = c->r.gpr[rm_field(c)];
	}
	if (mod == 1)
		c->ea += fetch_signed(c, 1);
	else if (mod == 2)
		c->ea += fetch_signed(c, 4);
}

/* lea computes without a segment. */
static u64 linear(const struct cpu *c)
{
	return c->ea + c->segment;
}

static u64 get_rm(struct cpu *c)
{
	u64 value = c->is_mem ? load(c, linear(c), c->size) : c->r.gpr[rm_field(c)];

	return c->size == 8 ? value : value & ((1ull << (8 * c->size)) - 1);
}

static void set_rm(struct cpu *c, u64 value)
{
	if (c->is_mem)
		store(c, linear(c), value, c->size);
	else
		set_gpr(c, rm_field(c), value, c->size);
}

static void push(struct cpu *c, u64 value)
{
	store(c, c->r.gpr[UPR_RSP] - 8, value, 8);
	c->r.gpr[UPR_RSP] -= 8;
}

static u64 pop(struct cpu *c)
{
	u64 value = load(c, c->r.gpr[UPR_RSP], 8);

	c->r.gpr[UPR_RSP] += 8;
	return value;
}

static void jump(struct cpu *c, u64 target)
{
	c->next = target;
	c->ev->branched = true;
}

/* --- arithmetic ------------------------------------------------------------ */

static void set_flags(struct cpu *c, u64 result, bool cf, bool of, bool af)
{
	u64 flags = c->r.flags & ~(u64)UPR_FL_STATUS;
	s64 value = extend(result, c->size);

	if (cf)
		flags |= UPR_FL_CF;
	if (of)
		flags |= UPR_FL_OF;
	if (af)
		flags |= UPR_FL_AF;
	if (!value)
		flags |= UPR_FL_ZF;
	if (value < 0)
		flags |= UPR_FL_SF;
	if (!__builtin_parity((u8)result))
		flags |= UPR_FL_PF;
	c->r.flags = flags;
}

enum alu { ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR, ALU_CMP };

static u64 alu(struct cpu *c, enum alu op, u64 a, u64 b)
{
	u64 mask = c->size == 8 ? ~0ull : (1ull << (8 * c->size)) - 1;
	u64 top = 1ull << (8 * c->size - 1);
	u64 res;

	a &= mask;
	b &= mask;
	switch (op) {
	case ALU_ADD:
		res = (a + b) & mask;
		set_flags(c, res, res < a, (a ^ res) & (b ^ res) & top, (a ^ b ^ res) & 0x10);
		return res;
	case ALU_SUB:
	case ALU_CMP:
		res = (a - b) & mask;
		set_flags(c, res, a < b, (a ^ b) & (a ^ res) & top, (a ^ b ^ res) & 0x10);
		return res;
	case ALU_OR:
		res = a | b;
		break;
	case ALU_AND:
		res = a & b;
		break;
	case ALU_XOR:
		res = a ^ b;
		break;
	default:
		fault(c, FAKE_SIGILL, 2, c->r.ip);
		return 0;
	}
	set_flags(c, res, false, false, false);
	return res;
}

static void inc_dec(struct cpu *c, bool inc)
{
	bool cf = c->r.flags & UPR_FL_CF;
	u64 res = alu(c, inc ? ALU_ADD : ALU_SUB, get_rm(c), 1);

	c->r.flags = (c->r.flags & ~(u64)UPR_FL_CF) | (cf ? UPR_FL_CF : 0);
	set_rm(c, res);
}

static bool condition(const struct cpu *c, unsigned int cc)
{
	u64 fl = c->r.flags;
	bool sf = fl & UPR_FL_SF, of = fl & UPR_FL_OF, zf = fl & UPR_FL_ZF, cf = fl & UPR_FL_CF;
	bool ret;

	switch (cc >> 1) {
	case 0:
		ret = of;
		break;
	case 1:
		ret = cf;
		break;
	case 2:
		ret = zf;
		break;
	case 3:
		ret = cf || zf;
		break;
	case 4:
		ret = sf;
		break;
	case 5:
		ret = fl & UPR_FL_PF;
		break;
	case 6:
		ret = sf != of;
		break;
	default:
		ret = zf || sf != of;
	}
	return ret != (cc & 1);
}

/* --- groups of opcodes: true when the opcode is theirs ---------------------- */

static bool op_alu(struct cpu *c, u8 op)
{
	enum alu what = (op >> 3) & 7;
	u64 res;

	if (op >= 0x40 || (op & 7) > 5)
		return false;
	if ((op & 7) > 3) {
		c->size = op & 1 ? c->size : 1;
		res = alu(c, what, c->r.gpr[UPR_RAX], fetch_signed(c, min(c->size, 4u)));
		if (what != ALU_CMP)
			set_gpr(c, UPR_RAX, res, c->size);
		return true;
	}
	c->size = op & 1 ? c->size : 1;
	fetch_modrm(c, 0);
	if (op & 2) {
		res = alu(c, what, c->r.gpr[reg_field(c)], get_rm(c));
		if (what != ALU_CMP)
			set_gpr(c, reg_field(c), res, c->size);
	} else {
		res = alu(c, what, get_rm(c), c->r.gpr[reg_field(c)]);
		if (what != ALU_CMP)
			set_rm(c, res);
	}
	return true;
}

static void group1(struct cpu *c, u8 op)
{
	unsigned int imm_size = op == 0x81 ? 4 : 1;
	enum alu what;
	u64 imm, res;

	if (op == 0x80)
		c->size = 1;
	if (op == 0x81 && c->size == 2)
		imm_size = 2;
	fetch_modrm(c, imm_size);
	imm = fetch_signed(c, imm_size);
	what = (c->modrm >> 3) & 7;
	res = alu(c, what, get_rm(c), imm);
	if (what != ALU_CMP)
		set_rm(c, res);
}

static bool op_move(struct cpu *c, u8 op)
{
	unsigned int imm;

	switch (op) {
	case 0x88:
	case 0x89:
		c->size = op & 1 ? c->size : 1;
		fetch_modrm(c, 0);
		set_rm(c, c->r.gpr[reg_field(c)]);
		return true;
	case 0x8a:
	case 0x8b:
		c->size = op & 1 ? c->size : 1;
		fetch_modrm(c, 0);
		set_gpr(c, reg_field(c), get_rm(c), c->size);
		return true;
	case 0x8d:
		fetch_modrm(c, 0);
		set_gpr(c, reg_field(c), c->ea, c->size);
		return true;
	case 0xc6:
	case 0xc7:
		c->size = op & 1 ? c->size : 1;
		imm = c->size == 8 ? 4 : c->size;
		fetch_modrm(c, imm);
		set_rm(c, fetch_signed(c, imm));
		return true;
	}
	if ((op & 0xf8) == 0xb8) {
		set_gpr(c, (op & 7) | REX_B(c), fetch(c, c->size), c->size);
		return true;
	}
	return false;
}

#define FLAGS_AH (UPR_FL_CF | UPR_FL_PF | UPR_FL_AF | UPR_FL_ZF | UPR_FL_SF)

static bool op_stack(struct cpu *c, u8 op, bool tf)
{
	u64 value;

	if ((op & 0xf8) == 0x50) {
		push(c, c->r.gpr[(op & 7) | REX_B(c)]);
		return true;
	}
	if ((op & 0xf8) == 0x58) {
		value = pop(c);
		c->r.gpr[(op & 7) | REX_B(c)] = value;
		return true;
	}
	switch (op) {
	case 0x9e:
		/* sahf: bit 1 is always set */
		c->r.flags = (c->r.flags & ~(u64)FLAGS_AH) | (c->r.gpr[UPR_RAX] >> 8 & FLAGS_AH);
		return true;
	case 0x9f:
		value = (c->r.flags & FLAGS_AH) | 2;
		c->r.gpr[UPR_RAX] = (c->r.gpr[UPR_RAX] & ~0xff00ull) | value << 8;
		return true;
	case 0x68:
		push(c, fetch_signed(c, 4));
		return true;
	case 0x6a:
		push(c, fetch_signed(c, 1));
		return true;
	case 0x8f:
		c->size = 8;
		fetch_modrm(c, 0);
		set_rm(c, pop(c));
		return true;
	case 0x9c:
		/* the CPU knows one TF, whoever set it */
		push(c, c->r.flags | (tf ? UPR_FL_TF : 0));
		return true;
	case 0x9d:
		value = pop(c);
		c->r.flags = (value & (UPR_FL_STATUS | UPR_FL_TF | UPR_FL_DF)) | 0x202;
		return true;
	case 0xc9:
		value = c->r.gpr[UPR_RBP];
		c->r.gpr[UPR_RSP] = value;
		value = pop(c);
		c->r.gpr[UPR_RBP] = value;
		return true;
	}
	return false;
}

static bool op_branch(struct cpu *c, u8 op)
{
	s64 rel;
	u64 pops;

	switch (op) {
	case 0xe8:
		rel = fetch_signed(c, 4);
		push(c, c->next);
		jump(c, c->next + rel);
		return true;
	case 0xe9:
		rel = fetch_signed(c, 4);
		jump(c, c->next + rel);
		return true;
	case 0xeb:
		rel = fetch_signed(c, 1);
		jump(c, c->next + rel);
		return true;
	case 0xe2:
	case 0xe3:
		rel = fetch_signed(c, 1);
		if (op == 0xe2)
			c->r.gpr[UPR_RCX]--;
		if ((op == 0xe2) == !!c->r.gpr[UPR_RCX])
			jump(c, c->next + rel);
		return true;
	case 0xc2:
	case 0xc3:
		pops = op == 0xc2 ? fetch(c, 2) : 0;
		jump(c, pop(c));
		c->r.gpr[UPR_RSP] += pops;
		return true;
	}
	if ((op & 0xf0) == 0x70) {
		rel = fetch_signed(c, 1);
		if (condition(c, op & 15))
			jump(c, c->next + rel);
		return true;
	}
	return false;
}

static void group5(struct cpu *c)
{
	u64 target;

	fetch_modrm(c, 0);
	switch ((c->modrm >> 3) & 7) {
	case 0:
	case 1:
		inc_dec(c, !(c->modrm & 0x08));
		break;
	case 2:
		c->size = 8;
		target = get_rm(c);
		push(c, c->next);
		jump(c, target);
		break;
	case 4:
		c->size = 8;
		jump(c, get_rm(c));
		break;
	case 6:
		c->size = 8;
		push(c, get_rm(c));
		break;
	default:
		fault(c, FAKE_SIGILL, 2, c->r.ip);
	}
}

/* One iteration at a time, as a trap flag would see it. */
static void string_op(struct cpu *c, u8 op)
{
	s64 by = c->r.flags & UPR_FL_DF ? -1 : 1;
	u64 value;

	if (c->rep && !c->r.gpr[UPR_RCX])
		return;
	c->size = op & 1 ? c->size : 1;
	by *= c->size;
	if (op == 0xa4 || op == 0xa5) {
		value = load(c, c->r.gpr[UPR_RSI], c->size);
		c->r.gpr[UPR_RSI] += by;
	} else {
		value = c->r.gpr[UPR_RAX];
	}
	store(c, c->r.gpr[UPR_RDI], value, c->size);
	c->r.gpr[UPR_RDI] += by;
	if (c->rep && --c->r.gpr[UPR_RCX]) {
		c->next = c->r.ip;
		c->ev->unfinished = true;
	}
}

static bool op_other(struct cpu *c, u8 op)
{
	switch (op) {
	case 0x90:
		return true;
	case 0x80:
	case 0x81:
	case 0x83:
		group1(c, op);
		return true;
	case 0x84:
	case 0x85:
		c->size = op & 1 ? c->size : 1;
		fetch_modrm(c, 0);
		alu(c, ALU_AND, get_rm(c), c->r.gpr[reg_field(c)]);
		return true;
	case 0xa4:
	case 0xa5:
	case 0xaa:
	case 0xab:
		string_op(c, op);
		return true;
	case 0xcc:
		c->ev->stop = FAKE_CPU_INT3;
		return true;
	case 0xf8:
	case 0xf9:
		c->r.flags = (c->r.flags & ~(u64)UPR_FL_CF) | (op & 1 ? UPR_FL_CF : 0);
		return true;
	case 0xfe:
		c->size = 1;
		fetch_modrm(c, 0);
		inc_dec(c, !(c->modrm & 0x38));
		return true;
	case 0xff:
		group5(c);
		return true;
	}
	return false;
}

/* movzx, setcc, rdpid: what pads count with */
static bool op_two_byte_move(struct cpu *c, u8 op, unsigned int cpu)
{
	u64 value;

	if (op == 0xb6 || op == 0xb7) {
		unsigned int to = c->size;

		fetch_modrm(c, 0);
		c->size = op & 1 ? 2 : 1;
		value = get_rm(c);
		set_gpr(c, reg_field(c), value, to);
		return true;
	}
	if ((op & 0xf0) == 0x90) {
		fetch_modrm(c, 0);
		c->size = 1;
		set_rm(c, condition(c, op & 15));
		return true;
	}
	if (op == 0xc7 && c->rep) {
		fetch_modrm(c, 0);
		if (c->is_mem || (c->modrm & 0x38) != 0x38)
			return false;
		/* the node is above the CPU's number, as Linux has it */
		set_gpr(c, rm_field(c), 1u << 12 | cpu, 8);
		return true;
	}
	return false;
}

static bool op_two_byte(struct cpu *c, unsigned int cpu)
{
	u8 op = fetch(c, 1);
	s64 rel;

	switch (op) {
	case 0x05:
		c->ev->stop = FAKE_CPU_SYSCALL;
		c->r.gpr[UPR_RCX] = c->next;
		c->r.gpr[UPR_R11] = c->r.flags;
		return true;
	case 0x1e:
	case 0x1f:
		fetch_modrm(c, 0);
		return true;
	}
	if ((op & 0xf0) == 0x80) {
		rel = fetch_signed(c, 4);
		if (condition(c, op & 15))
			jump(c, c->next + rel);
		return true;
	}
	return op_two_byte_move(c, op, cpu);
}

static u8 fetch_prefixes(struct cpu *c)
{
	u8 op = fetch(c, 1);
	int n;

	for (n = 0; n < 14; n++) {
		if (op == 0x66)
			c->osize = true;
		else if (op == 0xf3)
			c->rep = true;
		else if (op == 0x64)
			c->segment = c->r.fs_base;
		else if (op != 0xf0 && op != 0x2e && op != 0x3e)
			break;
		op = fetch(c, 1);
	}
	if ((op & 0xf0) == 0x40) {
		c->rex = op;
		op = fetch(c, 1);
	}
	return op;
}

/**
 * fake_cpu_step() - execute one instruction
 * @r:	changed only when the instruction completes
 * @tf:	somebody steps the task: pushf shows it
 * @cpu:	the number of this one
 */
void fake_cpu_step(struct fake_mm *mm, struct upr_regs *r, bool tf, unsigned int cpu, struct fake_cpu_event *ev)
{
	struct cpu c = {.mm = mm, .r = *r, .ev = ev, .next = r->ip};
	bool known;
	u8 op;

	memset(ev, 0, sizeof(*ev));
	ev->stop = FAKE_CPU_DONE;
	op = fetch_prefixes(&c);
	c.size = REX_W(&c) ? 8 : c.osize ? 2 : 4;
	known = op == 0x0f ? op_two_byte(&c, cpu) :
			     op_alu(&c, op) || op_move(&c, op) || op_stack(&c, op, tf) || op_branch(&c, op) ||
				     op_other(&c, op);
	if (!known)
		fault(&c, FAKE_SIGILL, 2, r->ip);
	if (c.bad)
		return;
	c.r.ip = c.next;
	*r = c.r;
}
