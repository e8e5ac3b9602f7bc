/* SPDX-License-Identifier: GPL-2.0 */
/*
 * uprobes_xol.h - what the files of displaced execution share.
 *
 * Purpose: the strategy row that upr_xol_analyze() chooses for an instruction,
 * and the names of the functions that fill the rows.  Private to this
 * directory; upr-arch.h is the contract.
 *
 * Locks: none; all of it is computation over the arguments.
 */
#ifndef UPROBES_XOL_H
#define UPROBES_XOL_H

#include <upr-compat.h>
#include <upr-arch.h>
#include <utrace/utrace.h>

/**
 * struct upr_asm - code on its way into a slot or a pad
 * @buf:	UPR_SLOT_SIZE bytes; those of a pad are counted only, if it is NULL
 * @room:	bytes of @buf, for upr_put_code(); 0 if that is not used
 * @len:	bytes emitted so far
 * @constants:	bytes of constants at the end of a slot
 * @slot:	address @buf will have
 * @mode32:	32-bit code: every address is in reach of a jump
 */
struct upr_asm {
	u8 *buf;
	unsigned int room;
	unsigned int len;
	unsigned int constants;
	u64 slot;
	bool mode32;
};

static inline void upr_put8(struct upr_asm *as, u8 byte)
{
	if (as->buf)
		as->buf[as->len] = byte;
	as->len++;
}

static inline void upr_put_bytes(struct upr_asm *as, const void *bytes, unsigned int size)
{
	if (as->buf)
		memcpy(as->buf + as->len, bytes, size);
	as->len += size;
}

/* Up to 8 bytes, the first lowest: by one store, where what is behind them is still to come. */
static inline void upr_put_code(struct upr_asm *as, u64 code, unsigned int size)
{
	if (as->buf && as->len + sizeof(code) <= as->room)
		memcpy(as->buf + as->len, &code, sizeof(code));
	else if (as->buf)
		memcpy(as->buf + as->len, &code, size);
	as->len += size;
}

/* We are little-endian ourselves. */
static inline void upr_put_le(struct upr_asm *as, u64 value, unsigned int size)
{
	upr_put_bytes(as, &value, size);
}

/* Does a rel32 or disp32 reach, counted from @from, the end of its instruction? */
static inline bool upr_fits_rel32(u64 from, u64 to)
{
	s64 rel = (s64)(to - from);

	return rel == (s32)rel;
}

/* The displacement of a copy of @insn that lies at @code. */
static inline void upr_set_disp32(const struct upr_insn *insn, u8 *code, u32 disp)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		code[insn->f_disp.off + i] = (u8)(disp >> (8 * i));
}

/* pc is not in the slot (struct upr_leaving.pos) */
#define UPR_POS_ELSEWHERE	(~0u)

/**
 * struct upr_leaving - a task about to be taken off its slot
 * @pos:	pc's offset in the slot, or UPR_POS_ELSEWHERE
 * The rest are the arguments of upr_xol_leave().
 */
struct upr_leaving {
	const struct upr_xol *xol;
	enum upr_way way;
	unsigned int pos;
	u64 addr;
	u64 slot;
	struct upr_regs *regs;
	struct upr_xol_step *step;
};

/**
 * struct upr_xol_ops - one strategy
 * @reason:	for people, why it is not done in a faster way
 * @ways:	what it offers; upr_xol_analyze() may take some away
 * @own_tf:	leaving a step needs to know the program's own TF
 * @riprel_data: a rip-relative operand must be re-aimed in the slot
 * @emulate:	registers are a copy: only looked at when it returns 0
 * @emulate_pc: the effect is on pc alone
 * @build:	slot code; 0 or -ERANGE
 * @leave:	where the task stands, and pc made right; the scratch register is
 *		the caller's business
 */
struct upr_xol_ops {
	const char *reason;
	u8 ways;
	bool own_tf;
	bool riprel_data;
	int (*emulate)(const struct upr_xol *xol, struct utrace_task *task, u64 addr, struct upr_regs *regs);
	bool (*emulate_pc)(const struct upr_xol *xol, u64 addr, u64 *pc);
	int (*build)(const struct upr_xol *xol, enum upr_way way, u64 addr, struct upr_asm *as);
	enum upr_slot_where (*leave)(const struct upr_leaving *l);
};

#define UPR_WAYS_SLOT	(UPR_WAYS(UPR_WAY_BOOST) | UPR_WAYS(UPR_WAY_STEP))
#define UPR_WAYS_ALL	(UPR_WAYS_SLOT | UPR_WAYS(UPR_WAY_EMULATE))

/* Flags as pushf stores them: RF and VM read as 0. */
static inline u64 upr_flags_image(u64 flags)
{
	return flags & 0xfcffff;
}

/* An address as code of this mode computes with it. */
static inline u64 upr_addr_mask(const struct upr_xol *xol, u64 addr)
{
	return xol->insn.mode == UPR_INSN_32 ? (u32)addr : addr;
}

/* An address that any CPU takes for one. */
static inline bool upr_is_canonical(u64 addr)
{
	return addr == (u64)((s64)(addr << 16) >> 16);
}

/* The next instruction. */
static inline u64 upr_next(const struct upr_xol *xol, u64 addr)
{
	return upr_addr_mask(xol, addr + xol->insn.length);
}

/* Bytes that call, push and their kin move: never 4 in 64-bit code. */
static inline unsigned int upr_stack_width(const struct upr_insn *insn)
{
	/* REX.W beats 66: data16 rex.W call is how thread-local addresses are asked for */
	if ((insn->prefixes & UPR_PFX_OSIZE) && !(insn->rex & UPR_REX_W))
		return 2;
	return insn->mode == UPR_INSN_32 ? 4 : 8;
}

/* uprobes_xol.c */
int upr_xol_decode(struct upr_insn *insn, const u8 *code, size_t len, enum upr_insn_mode mode, unsigned int env,
		   const char **why);

/* uprobes_slot.c */
int upr_build_copy(const struct upr_xol *xol, enum upr_way way, u64 addr, struct upr_asm *as);
int upr_build_jmp(const struct upr_xol *xol, enum upr_way way, u64 addr, struct upr_asm *as);
int upr_build_branch(const struct upr_xol *xol, enum upr_way way, u64 addr, struct upr_asm *as);
int upr_build_call(const struct upr_xol *xol, enum upr_way way, u64 addr, struct upr_asm *as);
int upr_build_call_ind(const struct upr_xol *xol, enum upr_way way, u64 addr, struct upr_asm *as);
int upr_build_xbegin(const struct upr_xol *xol, enum upr_way way, u64 addr, struct upr_asm *as);
int upr_build_syscall(const struct upr_xol *xol, enum upr_way way, u64 addr, struct upr_asm *as);
unsigned int upr_jump_size(bool mode32, u64 at, u64 target);
unsigned int upr_push_size(bool mode32);
unsigned int upr_branch_size(const struct upr_insn *insn);
void upr_put_branch(struct upr_asm *as, const struct upr_insn *insn);
u8 upr_xol_pick_scratch(const struct upr_insn *insn);
bool upr_riprel_in_reach(const struct upr_xol *xol, u64 addr, u64 slot);

/* uprobes_leave.c */
enum upr_slot_where upr_leave_copy(const struct upr_leaving *l);
enum upr_slot_where upr_leave_branch(const struct upr_leaving *l);
enum upr_slot_where upr_leave_xbegin(const struct upr_leaving *l);
enum upr_slot_where upr_leave_call(const struct upr_leaving *l);
enum upr_slot_where upr_leave_call_ind(const struct upr_leaving *l);
enum upr_slot_where upr_leave_syscall(const struct upr_leaving *l);
enum upr_slot_where upr_leave_pushf(const struct upr_leaving *l);
enum upr_slot_where upr_leave_popf(const struct upr_leaving *l);

/*
 * Emulation.  @regs are a copy that is thrown away on failure; a function that
 * stores to memory does so as the last thing that can fail.
 * uprobes_emulate.c: control flow and the stack
 */
bool upr_emulate_nop_pc(const struct upr_xol *xol, u64 addr, u64 *pc);
bool upr_emulate_jmp_pc(const struct upr_xol *xol, u64 addr, u64 *pc);

#define UPR_EMULATE_FN(name) \
	int name(const struct upr_xol *xol, struct utrace_task *task, u64 addr, struct upr_regs *regs)
UPR_EMULATE_FN(upr_emulate_nop);
UPR_EMULATE_FN(upr_emulate_jmp);
UPR_EMULATE_FN(upr_emulate_jcc);
UPR_EMULATE_FN(upr_emulate_loop);
UPR_EMULATE_FN(upr_emulate_call);
UPR_EMULATE_FN(upr_emulate_call_ind);
UPR_EMULATE_FN(upr_emulate_jmp_ind);
UPR_EMULATE_FN(upr_emulate_ret);
UPR_EMULATE_FN(upr_emulate_push);
UPR_EMULATE_FN(upr_emulate_pop);
UPR_EMULATE_FN(upr_emulate_leave);
UPR_EMULATE_FN(upr_emulate_pushf);
UPR_EMULATE_FN(upr_emulate_popf);

/* uprobes_alu.c: moves and arithmetic on registers */
UPR_EMULATE_FN(upr_emulate_lea);
UPR_EMULATE_FN(upr_emulate_mov);
UPR_EMULATE_FN(upr_emulate_alu);
UPR_EMULATE_FN(upr_emulate_misc);

/*
 * Registers as operands.  A number with UPR_REG_HIGH names bits 8 to 15 (ah, ch,
 * dh, bh) and goes with size 1.
 */
#define UPR_REG_HIGH	0x10u
u64 upr_reg_get(const struct upr_regs *regs, unsigned int nr, unsigned int size);
void upr_reg_set(struct upr_regs *regs, unsigned int nr, unsigned int size, u64 value);
bool upr_cond_holds(u64 flags, u8 cond);
u64 upr_effective_addr(const struct upr_xol *xol, u64 addr, const struct upr_regs *regs);
bool upr_addr_simple(const struct upr_insn *insn);
int upr_load(struct utrace_task *task, u64 addr, unsigned int size, u64 *ret);
int upr_store(struct utrace_task *task, u64 addr, unsigned int size, u64 value);

static inline unsigned int upr_modrm_reg_full(const struct upr_insn *insn)
{
	return upr_modrm_reg(insn) | (insn->rex & UPR_REX_R ? 8 : 0);
}

static inline unsigned int upr_modrm_rm_full(const struct upr_insn *insn)
{
	return upr_modrm_rm(insn) | (insn->rex & UPR_REX_B ? 8 : 0);
}

/* The register in the low bits of the opcode. */
static inline unsigned int upr_opcode_reg(const struct upr_insn *insn)
{
	return (insn->opcode & 7) | (insn->rex & UPR_REX_B ? 8 : 0);
}

/* Which rows uprobes_alu.c can do: for the table in uprobes_xol.c. */
bool upr_alu_can(const struct upr_insn *insn);
bool upr_mov_can(const struct upr_insn *insn);
bool upr_misc_can(const struct upr_insn *insn);

#endif /* UPROBES_XOL_H */
