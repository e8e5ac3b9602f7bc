// SPDX-License-Identifier: GPL-2.0
/*
 * uprobes_pad.c - the layout of a pad, and how it counts.
 *
 * Purpose: for each displaced instruction, its count if it has one, then itself;
 * then the jump back.  Behind the straight code, for each count: the locked
 * increment, the abort handler; then constants and descriptors, aligned.
 *
 * A count is an rseq critical section: the kernel takes whoever is preempted, moved to
 * another CPU or given a signal in it to the abort handler, which begins again.  So
 * the CPU's number is right and the increment, its last instruction, needs no
 * lock.  With r a scratch register:
 *
 *   begin:  lea   descriptor(%rip),%r
 *           mov   %r,%fs:rseq_cs
 *   start:  mov   %fs:cpu_id,%r32
 *           cmp   $nr_cpus,%r32		a thread that is not registered has -1 or -2 there
 *           jae   slow
 *           mov   table(,%r,8),%r
 *           incq  8*counter(%r)
 *   commit:
 *
 * Where the flags are alive, rcx and rax are the scratch registers: the upper half of cpu_id
 * is tested by jrcxz (nought if and only if it is a CPU's number), and one is added by lea.
 * The locked increment changes flags whatever one does; there they are kept in rax by
 * lahf and seto, not by pushf: popf would make a tracer's TF the program's own.
 *
 * Registers that are not proven dead are pushed below the red zone.
 *
 *   slow:   rdpid %r; and $0xfff,%r32; [number of a CPU, or nought]
 *           mov   table+8*nr_cpus(,%r,8),%r
 *           lock incq 8*counter(%r)
 *           jmp   commit
 *
 * Any CPU's block is right for a locked increment; its own is the fast one.
 *
 * Locks: none.
 */
#include "uprobes_jump.h"

#define RSEQ_CPU_ID    4
#define RSEQ_CS	       8
#define RSEQ_DESC_SIZE 32
#define CPU_MASK       0xfff /* of what rdpid reads, as Linux sets it up: the node is above */

/* Opcodes with a ModRM byte. */
enum { OP_CMP_LOAD = 0x8b, OP_STORE = 0x89, OP_LEA = 0x8d };

/* --- spots -------------------------------------------------------------------- */

/* Call it whenever @now has changed, before what it is true for is emitted. */
void upr_pad_note(struct upr_pad_asm *pa)
{
	if (pa->want != UPR_PAD_NOWHERE && pa->as.len <= pa->want)
		pa->found = pa->now;
}

static const struct upr_pad_count *count_of(const struct upr_pad *pad, unsigned int insn)
{
	unsigned int i;

	for (i = 0; i < pad->nr_counts; i++)
		if (pad->counts[i].insn == insn)
			return &pad->counts[i];
	return NULL;
}

/* From here on: displaced instruction @insn is next, or all of them are done. */
void upr_pad_before(struct upr_pad_asm *pa, unsigned int insn)
{
	const struct upr_jump *jump = pa->pad->jump;

	memset(&pa->now, 0, sizeof(pa->now));
	if (insn < jump->nr) {
		pa->now.kind = UPR_SPOT_AT;
		pa->now.insn = (u8)insn;
		pa->now.counted = !count_of(pa->pad, insn);
		pa->now.extra = jump->form == UPR_JUMP_CALL ? 8 : 0;
	} else {
		pa->now.kind = UPR_SPOT_AFTER;
		pa->now.ip = pa->pad->addr + jump->len;
	}
	upr_pad_note(pa);
}

static void nowhere(struct upr_pad_asm *pa)
{
	memset(&pa->now, 0, sizeof(pa->now));
	upr_pad_note(pa);
}

/* --- instructions ------------------------------------------------------------- */

/* The address of the byte after the next @size ones. */
u64 upr_pad_here(const struct upr_pad_asm *pa, unsigned int size)
{
	return pa->as.slot + pa->as.len + size;
}

static void put8(struct upr_pad_asm *pa, u8 byte)
{
	upr_put8(&pa->as, byte);
}

static struct upr_ref put_ref(struct upr_pad_asm *pa, u8 size)
{
	struct upr_ref ref = {(u16)pa->as.len, size};

	upr_put_le(&pa->as, 0, size);
	return ref;
}

/* Make a relative field lead to offset @target. */
static void resolve(struct upr_pad_asm *pa, struct upr_ref ref, unsigned int target)
{
	u32 rel = target - (ref.at + ref.size);

	if (ref.size == 1 && (s32)rel != (s8)rel)
		pa->err = -ERANGE;
	if (!pa->as.buf)
		return;
	if (ref.size == 4)
		memcpy(pa->as.buf + ref.at, &rel, 4);
	else
		pa->as.buf[ref.at] = (u8)rel;
}

/*
 * Instructions are put together in a word, the first byte lowest, and stored at once.  @wide: REX.W; @reg, @index,
 * @base: where each stands in ModRM and SIB, 0 if it does not.
 */
struct code {
	u64 bytes;
	unsigned int len;
};

static inline void add8(struct code *c, u8 byte)
{
	c->bytes |= (u64)byte << 8 * c->len++;
}

static inline void add32(struct code *c, u32 value)
{
	c->bytes |= (u64)value << 8 * c->len;
	c->len += 4;
}

static inline void add_rex(struct code *c, bool wide, unsigned int reg, unsigned int index, unsigned int base)
{
	u8 rex = (u8)(wide << 3 | (reg >> 3) << 2 | (index >> 3) << 1 | base >> 3);

	if (rex)
		add8(c, 0x40 | rex);
}

static inline void put(struct upr_pad_asm *pa, const struct code *c)
{
	upr_put_code(&pa->as, c->bytes, c->len);
}

/* disp32(%base) */
static inline void add_based(struct code *c, unsigned int reg, unsigned int base, u32 disp)
{
	add8(c, (u8)(0x80 | (reg & 7) << 3 | (base & 7)));
	if ((base & 7) == UPR_RSP)
		add8(c, 0x24);
	add32(c, disp);
}

/* disp32 alone: with a SIB byte, or it would be rip-relative */
static inline void add_absolute(struct code *c, unsigned int reg, u32 disp)
{
	add8(c, (u8)(0x04 | (reg & 7) << 3));
	add8(c, 0x25);
	add32(c, disp);
}

/* mov disp,%reg64 */
static void put_load(struct upr_pad_asm *pa, unsigned int reg, u32 disp)
{
	struct code c = {0};

	add_rex(&c, true, reg, 0, 0);
	add8(&c, OP_CMP_LOAD);
	add_absolute(&c, reg, disp);
	put(pa, &c);
}

/* mov %fs:disp,%reg32 or mov %reg64,%fs:disp */
static void put_fs(struct upr_pad_asm *pa, bool wide, u8 op, unsigned int reg, u32 disp)
{
	struct code c = {0};

	put8(pa, 0x64);
	add_rex(&c, wide, reg, 0, 0);
	add8(&c, op);
	add_absolute(&c, reg, disp);
	put(pa, &c);
}

/* mov table(,%reg,8),%reg */
static void put_look_up(struct upr_pad_asm *pa, unsigned int reg, u64 table)
{
	struct code c = {0};

	add_rex(&c, true, reg, reg, 0);
	add8(&c, OP_CMP_LOAD);
	add8(&c, (u8)(0x04 | (reg & 7) << 3));
	add8(&c, (u8)(0xc5 | (reg & 7) << 3));
	add32(&c, (u32)table);
	put(pa, &c);
}

/* @op with disp32(%base), 64 bits of it */
static void put_based(struct upr_pad_asm *pa, u8 op, unsigned int reg, unsigned int base, u32 disp)
{
	struct code c = {0};

	add_rex(&c, true, reg, 0, base);
	add8(&c, op);
	add_based(&c, reg, base, disp);
	put(pa, &c);
}

/* incq counter(%reg) */
static void put_inc(struct upr_pad_asm *pa, unsigned int reg, u32 counter)
{
	put_based(pa, 0xff, 0, reg, 8 * counter);
}

static void put_short(struct upr_pad_asm *pa, u8 op, unsigned int reg)
{
	struct code c = {0};

	add_rex(&c, false, 0, 0, reg);
	add8(&c, (u8)(op | (reg & 7)));
	put(pa, &c);
}

static void put_push(struct upr_pad_asm *pa, unsigned int reg)
{
	put_short(pa, 0x50, reg);
	pa->now.saved[pa->now.nr_saved++] = (u8)reg;
	upr_pad_note(pa);
}

static void put_pop(struct upr_pad_asm *pa)
{
	put_short(pa, 0x58, pa->now.saved[--pa->now.nr_saved]);
	upr_pad_note(pa);
}

/* cmp $value,%reg32 */
static void put_cmp(struct upr_pad_asm *pa, unsigned int reg, u32 value)
{
	bool is_short = value < 0x80;
	struct code c = {0};

	add_rex(&c, false, 0, 0, reg);
	add8(&c, is_short ? 0x83 : 0x81);
	add8(&c, (u8)(0xf8 | (reg & 7)));
	if (is_short)
		add8(&c, (u8)value);
	else
		add32(&c, value);
	put(pa, &c);
}

/* @op and a rel32 */
static void put_rel32(struct upr_pad_asm *pa, u8 op, u32 rel)
{
	upr_put_code(&pa->as, op | (u64)rel << 8, 5);
}

/** upr_pad_put_const() - ff with @modrm (jmp *, push) through a constant behind the code */
void upr_pad_put_const(struct upr_pad_asm *pa, u8 modrm, u64 value)
{
	put8(pa, 0xff);
	put8(pa, modrm);
	pa->consts[pa->nr_consts] = value;
	pa->const_refs[pa->nr_consts++] = put_ref(pa, 4);
}

static bool in_reach(const struct upr_pad_asm *pa, unsigned int size, u64 target)
{
	return !pa->worst && upr_fits_rel32(upr_pad_here(pa, size), target);
}

/** upr_pad_put_jump() - to an address of the program */
void upr_pad_put_jump(struct upr_pad_asm *pa, u64 target)
{
	if (in_reach(pa, 5, target))
		put_rel32(pa, 0xe9, (u32)(target - upr_pad_here(pa, 5)));
	else
		upr_pad_put_const(pa, 0x25, target);
}

/* Back to the program: in reach, since the pad is in reach of the site. */
static void put_jump_back(struct upr_pad_asm *pa)
{
	u64 target = pa->pad->addr + pa->pad->jump->len;
	u64 from = upr_pad_here(pa, 5);

	if (!upr_fits_rel32(from, target))
		pa->err = -ERANGE;
	put_rel32(pa, 0xe9, (u32)(target - from));
}

/** upr_pad_put_jcc() - to @target if @cond holds, else on */
void upr_pad_put_jcc(struct upr_pad_asm *pa, u8 cond, u64 target)
{
	struct upr_spot here = pa->now;

	if (in_reach(pa, 6, target)) {
		u32 rel = (u32)(target - upr_pad_here(pa, 6));

		upr_put_code(&pa->as, 0x0f | (u64)(0x80 | cond) << 8 | (u64)rel << 16, 6);
		return;
	}
	put8(pa, 0x70 | (cond ^ 1));
	put8(pa, 6);
	pa->now = (struct upr_spot){.kind = UPR_SPOT_AFTER, .ip = target};
	upr_pad_note(pa);
	upr_pad_put_const(pa, 0x25, target);
	pa->now = here;
}

/* --- counting ------------------------------------------------------------------ */

/* Lower the stack pointer past the red zone; no flag may change. */
static void put_save(struct upr_pad_asm *pa, const u8 *regs, unsigned int nr)
{
	static const u8 lower[] = {0x48, 0x8d, 0x64, 0x24, 0x80};
	unsigned int i;

	if (!nr)
		return;
	upr_put_bytes(&pa->as, lower, sizeof(lower));
	pa->now.lowered = true;
	upr_pad_note(pa);
	for (i = 0; i < nr; i++)
		put_push(pa, regs[i]);
}

static void put_restore(struct upr_pad_asm *pa)
{
	static const u8 raise[] = {0x48, 0x8d, 0xa4, 0x24, 0x80, 0x00, 0x00, 0x00};

	while (pa->now.nr_saved)
		put_pop(pa);
	if (!pa->now.lowered)
		return;
	upr_put_bytes(&pa->as, raise, sizeof(raise));
	pa->now.lowered = false;
	upr_pad_note(pa);
}

/* The number of this CPU, below nr_cpus whatever the machine answers. */
static void put_cpu_number(struct upr_pad_asm *pa, unsigned int reg)
{
	struct code rdpid = {0}, mask = {0}, clear = {0};

	add8(&rdpid, 0xf3);
	add_rex(&rdpid, false, 0, 0, reg);
	add8(&rdpid, 0x0f);
	add8(&rdpid, 0xc7);
	add8(&rdpid, (u8)(0xf8 | (reg & 7)));
	put(pa, &rdpid);
	add_rex(&mask, false, 0, 0, reg);
	add8(&mask, 0x81);
	add8(&mask, (u8)(0xe0 | (reg & 7)));
	add32(&mask, CPU_MASK);
	put(pa, &mask);
	put_cmp(pa, reg, pa->pad->env.nr_cpus);
	/* jb over xor %reg32,%reg32 */
	add8(&clear, 0x72);
	add8(&clear, reg >> 3 ? 3 : 2);
	add_rex(&clear, false, reg, 0, reg);
	add8(&clear, 0x31);
	add8(&clear, (u8)(0xc0 | (reg & 7) << 3 | (reg & 7)));
	put(pa, &clear);
}

/* The locked increment; scratch registers are free already. */
static void put_locked(struct upr_pad_asm *pa, const struct upr_pad_section *s, u32 counter)
{
	static const u8 keep_flags[] = {0x9f, 0x0f, 0x90, 0xc0}; /* lahf; seto %al */
	const struct upr_pad_env *env = &pa->pad->env;
	u64 table = env->table + 8ull * env->nr_cpus;

	if (s->flags_live) {
		upr_put_bytes(&pa->as, keep_flags, sizeof(keep_flags));
		pa->now.flags = UPR_FLAGS_RAX;
		upr_pad_note(pa);
	}
	if (env->rdpid) {
		put_cpu_number(pa, s->reg);
		put_look_up(pa, s->reg, table);
	} else {
		put_load(pa, s->reg, (u32)table);
	}
	put8(pa, 0xf0);
	put_inc(pa, s->reg, counter);
	pa->now.counted = true;
	upr_pad_note(pa);
	if (s->flags_live) {
		/* add $0x7f,%al makes OF what al says; then sahf */
		put8(pa, 0x04);
		put8(pa, 0x7f);
		pa->now.flags = UPR_FLAGS_AH;
		upr_pad_note(pa);
		put8(pa, 0x9e);
		pa->now.flags = UPR_FLAGS_OWN;
		upr_pad_note(pa);
	}
}

/* With one count the code in between is known to be short. */
static u8 slow_ref_size(const struct upr_pad_asm *pa)
{
	return pa->pad->nr_counts == 1 ? 1 : 4;
}

static void put_section_begin(struct upr_pad_asm *pa, struct upr_pad_section *s)
{
	struct code lea = {0};

	s->begin = (u16)pa->as.len;
	add_rex(&lea, true, s->reg, 0, 0);
	add8(&lea, OP_LEA);
	add8(&lea, (u8)(0x05 | (s->reg & 7) << 3));
	put(pa, &lea);
	s->desc = put_ref(pa, 4);
	put_fs(pa, true, OP_STORE, s->reg, (u32)(pa->pad->env.rseq + RSEQ_CS));
	s->start = (u16)pa->as.len;
}

static void put_section(struct upr_pad_asm *pa, struct upr_pad_section *s, u32 counter)
{
	const struct upr_pad_env *env = &pa->pad->env;

	put_section_begin(pa, s);
	put_fs(pa, false, OP_CMP_LOAD, s->reg, (u32)(env->rseq + RSEQ_CPU_ID));
	put_cmp(pa, s->reg, env->nr_cpus);
	if (slow_ref_size(pa) == 1) {
		put8(pa, 0x73);
	} else {
		put8(pa, 0x0f);
		put8(pa, 0x83);
	}
	s->slow = put_ref(pa, slow_ref_size(pa));
	put_look_up(pa, s->reg, env->table);
	put_inc(pa, s->reg, counter);
}

/* The same without a flag: rcx and rax. */
static void put_section_flagless(struct upr_pad_asm *pa, struct upr_pad_section *s, u32 counter)
{
	static const u8 next[] = {0x48, 0x8d, 0x40, 0x01}; /* lea 1(%rax),%rax */
	const struct upr_pad_env *env = &pa->pad->env;
	struct code load = {0};

	put_section_begin(pa, s);
	/* movzwl %fs:cpu_id+2,%ecx; jrcxz over the jump */
	put8(pa, 0x64);
	add8(&load, 0x0f);
	add8(&load, 0xb7);
	add_absolute(&load, UPR_RCX, (u32)(env->rseq + RSEQ_CPU_ID + 2));
	put(pa, &load);
	put8(pa, 0xe3);
	put8(pa, 5);
	put8(pa, 0xe9);
	s->slow = put_ref(pa, 4);
	put_fs(pa, false, OP_CMP_LOAD, UPR_RCX, (u32)(env->rseq + RSEQ_CPU_ID));
	put_look_up(pa, UPR_RCX, env->table);
	put_based(pa, OP_CMP_LOAD, UPR_RAX, UPR_RCX, 8 * counter);
	upr_put_bytes(&pa->as, next, sizeof(next));
	put_based(pa, OP_STORE, UPR_RAX, UPR_RCX, 8 * counter);
}

/* A dead register, the first of those with short encodings; rax if there is none. */
static unsigned int pick_scratch(u32 dead)
{
	static const u8 order[] = {UPR_RAX, UPR_RCX, UPR_RDX, UPR_RSI, UPR_RDI, UPR_R8,	 UPR_R9, UPR_R10,
				   UPR_R11, UPR_RBX, UPR_RBP, UPR_R12, UPR_R13, UPR_R14, UPR_R15};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(order); i++)
		if (dead & UPR_GPR(order[i]))
			return order[i];
	return UPR_RAX;
}

/* Which registers have to be saved; the address of the counters is in s->reg. */
static unsigned int choose_scratch(const struct upr_pad_count *count, struct upr_pad_section *s, u8 *save)
{
	u32 dead = count->dead_gpr & ~UPR_GPR(UPR_RSP);
	unsigned int nr = 0;

	s->flags_live = !count->flags_dead;
	s->reg = s->flags_live ? UPR_RCX : (u8)pick_scratch(dead);
	if (!(dead & UPR_GPR(s->reg)))
		save[nr++] = s->reg;
	if (s->flags_live && !(dead & UPR_GPR(UPR_RAX)))
		save[nr++] = UPR_RAX;
	return nr;
}

static void put_count(struct upr_pad_asm *pa, const struct upr_pad_count *count)
{
	struct upr_pad_section *s = &pa->sections[count->insn];
	u8 save[UPR_PAD_SAVED];

	put_save(pa, save, choose_scratch(count, s, save));
	if (pa->pad->env.rseq == UPR_NO_RSEQ) {
		put_locked(pa, s, count->counter);
	} else {
		s->spot = pa->now;
		if (s->flags_live)
			put_section_flagless(pa, s, count->counter);
		else
			put_section(pa, s, count->counter);
		pa->now.counted = true;
		upr_pad_note(pa);
		s->commit = (u16)pa->as.len;
	}
	put_restore(pa);
}

/* --- behind the straight code ------------------------------------------------------ */

static void put_slow(struct upr_pad_asm *pa, const struct upr_pad_count *count)
{
	struct upr_pad_section *s = &pa->sections[count->insn];

	resolve(pa, s->slow, pa->as.len);
	pa->now = s->spot;
	upr_pad_note(pa);
	put_locked(pa, s, count->counter);
	put8(pa, 0xe9);
	resolve(pa, put_ref(pa, 4), s->commit);
}

/* The signature that the kernel asks for, as the operand of an instruction that is none. */
static void put_abort(struct upr_pad_asm *pa, const struct upr_pad_count *count)
{
	static const u8 signature[] = {0x0f, 0xb9, 0x3d, 0x53, 0x30, 0x05, 0x53};
	struct upr_pad_section *s = &pa->sections[count->insn];

	nowhere(pa);
	upr_put_bytes(&pa->as, signature, sizeof(signature));
	s->abort = (u16)pa->as.len;
	pa->now = s->spot;
	upr_pad_note(pa);
	put8(pa, 0xe9);
	resolve(pa, put_ref(pa, 4), s->begin);
}

static void align(struct upr_pad_asm *pa, unsigned int to)
{
	unsigned int size = (unsigned int)(-upr_pad_here(pa, 0) & (to - 1));

	if (pa->as.buf)
		memset(pa->as.buf + pa->as.len, UPR_BREAKPOINT, size);
	pa->as.len += size;
}

static void put_consts(struct upr_pad_asm *pa)
{
	unsigned int i;

	if (!pa->nr_consts)
		return;
	align(pa, 8);
	for (i = 0; i < pa->nr_consts; i++) {
		resolve(pa, pa->const_refs[i], pa->as.len);
		upr_put_le(&pa->as, pa->consts[i], 8);
	}
}

/* struct rseq_cs: version and flags, start, length up to the commit, abort handler */
static void put_descriptor(struct upr_pad_asm *pa, const struct upr_pad_section *s)
{
	u64 pad = pa->as.slot;

	align(pa, RSEQ_DESC_SIZE);
	resolve(pa, s->desc, pa->as.len);
	upr_put_le(&pa->as, 0, 8);
	upr_put_le(&pa->as, pad + s->start, 8);
	upr_put_le(&pa->as, s->commit - s->start, 8);
	upr_put_le(&pa->as, pad + s->abort, 8);
}

static void put_behind(struct upr_pad_asm *pa)
{
	const struct upr_pad *pad = pa->pad;
	bool rseq = pad->env.rseq != UPR_NO_RSEQ;
	unsigned int i;

	for (i = 0; rseq && i < pad->nr_counts; i++) {
		put_slow(pa, &pad->counts[i]);
		put_abort(pa, &pad->counts[i]);
	}
	nowhere(pa);
	put_consts(pa);
	for (i = 0; rseq && i < pad->nr_counts; i++)
		put_descriptor(pa, &pa->sections[pad->counts[i].insn]);
}

/* --- the whole ------------------------------------------------------------------------ */

static bool decode_special(struct upr_pad_asm *pa)
{
	const struct upr_jump *jump = pa->pad->jump;
	unsigned int i;

	for (i = 0; i < jump->nr; i++)
		if (upr_is_special(jump, i) &&
		    upr_insn_decode(&pa->insns[i], jump->code + jump->off[i], jump->len - jump->off[i], UPR_INSN_64))
			return false;
	return jump->nr;
}

static void put_insn(struct upr_pad_asm *pa, unsigned int i)
{
	const struct upr_jump *jump = pa->pad->jump;

	if (upr_is_special(jump, i)) {
		upr_pad_put_insn(pa, i);
		return;
	}
	pa->copy[i] = (u16)pa->as.len;
	upr_put_bytes(&pa->as, jump->code + jump->off[i], jump->off[i + 1] - jump->off[i]);
}

/* Everything that code reaches by a sign-extended displacement. */
static bool env_in_reach(const struct upr_pad *pad)
{
	const struct upr_pad_env *env = &pad->env;
	unsigned int i;

	if (!env->nr_cpus || env->table + 16ull * env->nr_cpus > 0x7fffffff)
		return false;
	for (i = 0; i < pad->nr_counts; i++)
		if (pad->counts[i].counter > 0x7fffffff / 8)
			return false;
	return env->rseq == UPR_NO_RSEQ || env->rseq < 0x7fffffff - RSEQ_CS;
}

/**
 * upr_pad_lay_out() - go through a pad from its first byte to its last
 * @buf:	for the bytes, @room of them; or NULL
 * @want:	offset whose spot is looked for, or UPR_PAD_NOWHERE
 */
void upr_pad_lay_out(struct upr_pad_asm *pa, const struct upr_pad *pad, u8 *buf, unsigned int room, unsigned int want,
		     bool worst)
{
	const struct upr_pad_count *count;
	unsigned int i;

	memset(pa, 0, offsetof(struct upr_pad_asm, copy));
	pa->as.buf = buf;
	pa->as.room = room;
	pa->as.slot = pad->pad;
	pa->pad = pad;
	pa->want = want;
	pa->worst = worst;
	if (!decode_special(pa) || !env_in_reach(pad)) {
		pa->err = -ERANGE;
		return;
	}
	for (i = 0; i < pad->jump->nr; i++) {
		upr_pad_before(pa, i);
		count = count_of(pad, i);
		if (count)
			put_count(pa, count);
		put_insn(pa, i);
	}
	if (!upr_is_special(pad->jump, i - 1) || upr_falls_through(&pa->insns[i - 1])) {
		upr_pad_before(pa, i);
		put_jump_back(pa);
	}
	nowhere(pa);
	put_behind(pa);
}

/*
 * A pad at a multiple of 64 is measured as it lies; constants and descriptors of one that does
 * not lie so (a pun) may need another descriptor's size less one to be aligned.
 */
unsigned int upr_pad_size(const struct upr_pad *pad)
{
	struct upr_pad aligned = *pad;
	struct upr_pad_asm pa;

	aligned.pad = 0;
	upr_pad_lay_out(&pa, &aligned, NULL, 0, UPR_PAD_NOWHERE, true);
	if (pad->jump->form == UPR_JUMP_PUN)
		pa.as.len += RSEQ_DESC_SIZE - 1;
	return ALIGN(pa.as.len, 64u);
}

static bool site_in_reach(const struct upr_pad *pad)
{
	const struct upr_jump *jump = pad->jump;
	unsigned int end = jump->form == UPR_JUMP_CALL ? jump->patch : UPR_JUMP_SIZE;
	u8 patch[UPR_JUMP_CODE];
	unsigned int i;

	if (!upr_fits_rel32(pad->addr + end, pad->pad))
		return false;
	if (jump->form != UPR_JUMP_PUN)
		return true;
	/* the bytes that stay must be those that lead there */
	for (i = 0; i < 4; i++)
		patch[1 + i] = (u8)((pad->pad - (pad->addr + end)) >> (8 * i));
	return !memcmp(patch + jump->patch, jump->code + jump->patch, UPR_JUMP_SIZE - jump->patch);
}

int upr_pad_build(const struct upr_pad *pad, u8 *buf, unsigned int size)
{
	struct upr_pad_asm pa;

	pa.err = -ERANGE;
	pa.as.len = 0;
	if (site_in_reach(pad))
		upr_pad_lay_out(&pa, pad, buf, size, UPR_PAD_NOWHERE, false);
	memset(buf + pa.as.len, UPR_BREAKPOINT, size - pa.as.len);
	return pa.err;
}
