// SPDX-License-Identifier: GPL-2.0
/*
 * fetch.c - fetch programs: verified, then run at hits.
 *
 * Purpose: see utrace/fetch.h.  What can be known beforehand is checked by the verifier, so that running needs to
 * check memory alone.
 *
 * Locks: none.
 */
#include <utrace/fetch.h>
#include <utrace/insn.h>
#include <utrace/utrace.h>

/* A page is the least that is there or not there: strings are read up to its end. */
#define PAGE	     4096u
#define STRING_PIECE 256u
#define RECORD_MAX   65535u

/* --- before it is run ---------------------------------------------------------- */

/* What an operation takes from the stack and leaves there. */
static const struct {
	u8 takes;
	u8 leaves;
} effects[UPR_NR_FETCH_OPS] = {
	[UPR_FETCH_PUSH] = {0, 1},	[UPR_FETCH_REG] = {0, 1},	[UPR_FETCH_VREG] = {0, 1},
	[UPR_FETCH_BIAS] = {0, 1},	[UPR_FETCH_LOAD] = {1, 1},	[UPR_FETCH_SEXT] = {1, 1},
	[UPR_FETCH_ZEXT] = {1, 1},	[UPR_FETCH_ADDI] = {1, 1},	[UPR_FETCH_ADD] = {2, 1},
	[UPR_FETCH_SUB] = {2, 1},	[UPR_FETCH_MUL] = {2, 1},	[UPR_FETCH_DIV] = {2, 1},
	[UPR_FETCH_MOD] = {2, 1},	[UPR_FETCH_AND] = {2, 1},	[UPR_FETCH_OR] = {2, 1},
	[UPR_FETCH_XOR] = {2, 1},	[UPR_FETCH_SHL] = {2, 1},	[UPR_FETCH_SHR] = {2, 1},
	[UPR_FETCH_SAR] = {2, 1},	[UPR_FETCH_EQ] = {2, 1},	[UPR_FETCH_NE] = {2, 1},
	[UPR_FETCH_LT] = {2, 1},	[UPR_FETCH_LE] = {2, 1},	[UPR_FETCH_GT] = {2, 1},
	[UPR_FETCH_GE] = {2, 1},	[UPR_FETCH_NEG] = {1, 1},	[UPR_FETCH_NOT] = {1, 1},
	[UPR_FETCH_ABS] = {1, 1},	[UPR_FETCH_PICK] = {0, 1},	[UPR_FETCH_DROP] = {1, 0},
	[UPR_FETCH_SWAP] = {2, 2},	[UPR_FETCH_ROT] = {3, 3},	[UPR_FETCH_JNZ] = {1, 0},
	[UPR_FETCH_JEQ] = {1, 1},	[UPR_FETCH_STORE] = {1, 0},	[UPR_FETCH_BYTES] = {1, 0},
	[UPR_FETCH_STRING_AT] = {1, 0}, [UPR_FETCH_STRING_OF] = {2, 0},
};

/* Depths of the stack that nobody has come to yet. */
#define UNREACHED 0xff

/**
 * struct verifier - one pass over a program
 * @depth:	of the stack before each instruction
 * @section:	end of the argument's
 */
struct verifier {
	const struct upr_fetch_prog *prog;
	u8 *depth;
	u32 section;
	u32 next_arg;
};

static bool is_size(u8 size)
{
	return size == 1 || size == 2 || size == 4 || size == 8;
}

static bool has_place(const struct upr_fetch_prog *prog, u32 at, u64 size)
{
	return at <= prog->fixed && size <= prog->fixed - at;
}

static bool operands_right(const struct upr_fetch_prog *prog, const struct upr_fetch_insn *insn, unsigned int depth)
{
	switch (insn->op) {
	case UPR_FETCH_REG:
		return insn->arg < UPR_NR_FETCH_REGS;
	case UPR_FETCH_VREG:
		return insn->arg < 16 && (insn->imm == 0 || insn->imm == 8);
	case UPR_FETCH_LOAD:
		return is_size(insn->arg);
	case UPR_FETCH_SEXT:
	case UPR_FETCH_ZEXT:
		return insn->arg >= 1 && insn->arg <= 64;
	case UPR_FETCH_PICK:
		return insn->arg < depth;
	case UPR_FETCH_STORE:
		return is_size(insn->arg) && has_place(prog, insn->at, insn->arg);
	case UPR_FETCH_BYTES:
		return insn->imm > 0 && insn->imm <= UPR_FETCH_FIXED && has_place(prog, insn->at, (u64)insn->imm);
	case UPR_FETCH_STRING_AT:
	case UPR_FETCH_STRING_OF:
		return insn->arg <= (insn->op == UPR_FETCH_STRING_AT) && insn->imm > 0 &&
		       insn->imm <= UPR_FETCH_STRING && has_place(prog, insn->at, sizeof(u32));
	case UPR_FETCH_COMM:
		return has_place(prog, insn->at, sizeof(u32));
	case UPR_FETCH_NONE:
		return insn->arg >= UPR_FETCH_NO_VALUE;
	default:
		return true;
	}
}

/* Control comes to @to with @depth words.  Return: whether that may be. */
static bool comes_to(struct verifier *v, u32 to, unsigned int depth)
{
	if (v->depth[to] == UNREACHED)
		v->depth[to] = depth;
	return v->depth[to] == depth;
}

static bool section_right(struct verifier *v, u32 at)
{
	const struct upr_fetch_insn *insn = &v->prog->code[at];

	if ((u64)insn->imm != v->next_arg || insn->target <= at || insn->target > v->prog->nr)
		return false;
	v->next_arg++;
	v->section = insn->target;
	return comes_to(v, at + 1, 0);
}

static bool insn_right(struct verifier *v, u32 at)
{
	const struct upr_fetch_insn *insn = &v->prog->code[at];
	unsigned int depth = v->depth[at];

	if (insn->op >= UPR_NR_FETCH_OPS)
		return false;
	if (at == v->section)
		return insn->op == UPR_FETCH_ARG && (depth == 0 || depth == UNREACHED) && section_right(v, at);
	/* what nobody comes to does no harm, but nobody means it either */
	if (insn->op == UPR_FETCH_ARG || depth == UNREACHED || effects[insn->op].takes > depth ||
	    !operands_right(v->prog, insn, depth))
		return false;
	depth += effects[insn->op].leaves - effects[insn->op].takes;
	if (depth > UPR_FETCH_STACK)
		return false;
	if (insn->op == UPR_FETCH_JMP || insn->op == UPR_FETCH_JNZ || insn->op == UPR_FETCH_JEQ) {
		if (insn->target <= at || insn->target > v->section || !comes_to(v, insn->target, depth))
			return false;
	}
	if (insn->op == UPR_FETCH_JMP || insn->op == UPR_FETCH_NONE)
		return true;
	return comes_to(v, at + 1, depth);
}

int upr_fetch_verify(const struct upr_fetch_prog *prog, u32 *where)
{
	struct verifier v = {.prog = prog};
	u32 i = 0;
	int r = 0;

	*where = 0;
	if (prog->nr > UPR_FETCH_INSNS || prog->fixed > UPR_FETCH_FIXED)
		return -E2BIG;
	v.depth = kmalloc(prog->nr + 1, GFP_KERNEL);
	if (!v.depth)
		return -ENOMEM;
	memset(v.depth, UNREACHED, prog->nr + 1);
	v.depth[0] = 0;
	while (i < prog->nr && insn_right(&v, i))
		i++;
	if (i < prog->nr || v.section != prog->nr || (v.depth[i] != 0 && v.depth[i] != UNREACHED) ||
	    v.next_arg != prog->nr_args)
		r = -EINVAL;
	*where = i;
	kfree(v.depth);
	return r;
}

/* --- running ---------------------------------------------------------------------- */

/**
 * struct run - one hit's
 * @sp:		words on @stack
 * @used:	bytes of @out
 */
struct run {
	const struct upr_fetch_at *at;
	struct upr_regs regs;
	u64 stack[UPR_FETCH_STACK];
	unsigned int sp;
	u8 *out;
	u32 used;
	u32 room;
};

static u64 reg(const struct upr_regs *regs, unsigned int nr)
{
	switch (nr) {
	case UPR_FETCH_IP:
		return regs->ip;
	case UPR_FETCH_FLAGS:
		return regs->flags;
	case UPR_FETCH_FS_BASE:
		return regs->fs_base;
	case UPR_FETCH_GS_BASE:
		return regs->gs_base;
	default:
		return regs->gpr[nr];
	}
}

static s64 sign_extend(u64 a, unsigned int bits)
{
	return (s64)(a << (64 - bits)) >> (64 - bits);
}

static int read_user(const struct run *x, u64 addr, void *buf, size_t len)
{
	struct utrace_task *task = x->at->task;

	return task->target->mem_read(task, addr, buf, len) ? UPR_FETCH_FAULT : UPR_FETCH_OK;
}

static int load(struct run *x, unsigned int size)
{
	u64 value = 0;
	int r = read_user(x, x->stack[x->sp - 1], &value, size);

	x->stack[x->sp - 1] = value;
	return r;
}

static int load_vector(struct run *x, const struct upr_fetch_insn *insn)
{
	struct utrace_task *task = x->at->task;
	u64 both[2];

	if (!task->target->vector_get || task->target->vector_get(task, insn->arg, both))
		return UPR_FETCH_FAULT;
	x->stack[x->sp++] = both[insn->imm / 8];
	return UPR_FETCH_OK;
}

static int store(struct run *x, const struct upr_fetch_insn *insn)
{
	/* the target's bytes are in the order of this machine's: the low ones come first */
	memcpy(x->out + insn->at, &x->stack[--x->sp], insn->arg);
	return UPR_FETCH_OK;
}

static void string_place(struct run *x, u32 at, u32 start, u32 len)
{
	u32 loc = len << 16 | start;

	memcpy(x->out + at, &loc, sizeof(loc));
	x->used = start + len;
}

/* In pieces: whether a string goes on in the next page only its end tells. */
static int string_at(struct run *x, const struct upr_fetch_insn *insn)
{
	u64 addr = x->stack[--x->sp];
	u32 start = x->used, most = min(x->room - start, (u32)insn->imm), len = 0;
	const u8 *end = NULL;

	if (!most)
		return UPR_FETCH_NO_ROOM;
	while (len < most - 1 && !end) {
		u32 piece = min(most - 1 - len, STRING_PIECE);

		piece = min(piece, PAGE - (u32)((addr + len) & (PAGE - 1)));
		if (read_user(x, addr + len, x->out + start + len, piece))
			return insn->arg ? UPR_FETCH_OK : UPR_FETCH_FAULT;
		end = memchr(x->out + start + len, 0, piece);
		len += piece;
	}
	if (end)
		len = end - (x->out + start);
	x->out[start + len] = '\0';
	string_place(x, insn->at, start, len + 1);
	return UPR_FETCH_OK;
}

/* It knows its length: NULs may stand in it. */
static int string_of(struct run *x, const struct upr_fetch_insn *insn)
{
	u64 len = x->stack[--x->sp], addr = x->stack[--x->sp];
	u32 start = x->used, most = min(x->room - start, (u32)insn->imm);

	if (!most)
		return UPR_FETCH_NO_ROOM;
	len = min(len, (u64)most - 1);
	if (len && read_user(x, addr, x->out + start, (size_t)len))
		return UPR_FETCH_FAULT;
	x->out[start + len] = '\0';
	string_place(x, insn->at, start, (u32)len + 1);
	return UPR_FETCH_OK;
}

static int store_comm(struct run *x, const struct upr_fetch_insn *insn)
{
	u32 len = strlen(x->at->comm) + 1;

	if (len > x->room - x->used)
		return UPR_FETCH_NO_ROOM;
	memcpy(x->out + x->used, x->at->comm, len);
	string_place(x, insn->at, x->used, len);
	return UPR_FETCH_OK;
}

/* Computations of two words.  Return: status. */
static int binary(struct run *x, unsigned int op)
{
	u64 b = x->stack[--x->sp], *a = &x->stack[x->sp - 1];

	switch (op) {
	case UPR_FETCH_ADD:
		*a += b;
		break;
	case UPR_FETCH_SUB:
		*a -= b;
		break;
	case UPR_FETCH_MUL:
		*a *= b;
		break;
	case UPR_FETCH_DIV:
		if (!b)
			return UPR_FETCH_FAULT;
		/* the least of all integers has no counterpart */
		*a = b == ~0ull ? -*a : (u64)((s64)*a / (s64)b);
		break;
	case UPR_FETCH_MOD:
		if (!b)
			return UPR_FETCH_FAULT;
		*a %= b;
		break;
	case UPR_FETCH_AND:
		*a &= b;
		break;
	case UPR_FETCH_OR:
		*a |= b;
		break;
	case UPR_FETCH_XOR:
		*a ^= b;
		break;
	case UPR_FETCH_SHL:
		*a = b < 64 ? *a << b : 0;
		break;
	case UPR_FETCH_SHR:
		*a = b < 64 ? *a >> b : 0;
		break;
	case UPR_FETCH_SAR:
		*a = (u64)((s64)*a >> min(b, (u64)63));
		break;
	case UPR_FETCH_EQ:
		*a = *a == b;
		break;
	case UPR_FETCH_NE:
		*a = *a != b;
		break;
	case UPR_FETCH_LT:
		*a = (s64)*a < (s64)b;
		break;
	case UPR_FETCH_LE:
		*a = (s64)*a <= (s64)b;
		break;
	case UPR_FETCH_GT:
		*a = (s64)*a > (s64)b;
		break;
	default:
		*a = (s64)*a >= (s64)b;
		break;
	}
	return UPR_FETCH_OK;
}

/* Words moved, or changed one by one. */
static void arrange(struct run *x, const struct upr_fetch_insn *insn)
{
	u64 *top = &x->stack[x->sp - 1], word;

	switch (insn->op) {
	case UPR_FETCH_SEXT:
		*top = (u64)sign_extend(*top, insn->arg);
		break;
	case UPR_FETCH_ZEXT:
		*top = *top << (64 - insn->arg) >> (64 - insn->arg);
		break;
	case UPR_FETCH_ADDI:
		*top += (u64)insn->imm;
		break;
	case UPR_FETCH_NEG:
		*top = -*top;
		break;
	case UPR_FETCH_NOT:
		*top = ~*top;
		break;
	case UPR_FETCH_ABS:
		*top = (s64)*top < 0 ? -*top : *top;
		break;
	case UPR_FETCH_PICK:
		top[1] = *(top - insn->arg);
		x->sp++;
		break;
	case UPR_FETCH_DROP:
		x->sp--;
		break;
	case UPR_FETCH_SWAP:
		word = *top;
		*top = top[-1];
		top[-1] = word;
		break;
	case UPR_FETCH_ROT:
		word = *top;
		*top = top[-1];
		top[-1] = top[-2];
		top[-2] = word;
		break;
	}
}

/* Return: status of the argument, so far. */
static int step(struct run *x, const struct upr_fetch_insn *insn, bool *jump)
{
	switch (insn->op) {
	case UPR_FETCH_PUSH:
		x->stack[x->sp++] = (u64)insn->imm;
		return UPR_FETCH_OK;
	case UPR_FETCH_REG:
		x->stack[x->sp++] = reg(&x->regs, insn->arg);
		return UPR_FETCH_OK;
	case UPR_FETCH_VREG:
		return load_vector(x, insn);
	case UPR_FETCH_BIAS:
		x->stack[x->sp++] = x->at->bias;
		return UPR_FETCH_OK;
	case UPR_FETCH_LOAD:
		return load(x, insn->arg);
	case UPR_FETCH_JMP:
		*jump = true;
		return UPR_FETCH_OK;
	case UPR_FETCH_JNZ:
		*jump = x->stack[--x->sp] != 0;
		return UPR_FETCH_OK;
	case UPR_FETCH_JEQ:
		*jump = x->stack[x->sp - 1] == (u64)insn->imm;
		return UPR_FETCH_OK;
	case UPR_FETCH_STORE:
		return store(x, insn);
	case UPR_FETCH_BYTES:
		return read_user(x, x->stack[--x->sp], x->out + insn->at, (size_t)insn->imm);
	case UPR_FETCH_STRING_AT:
		return string_at(x, insn);
	case UPR_FETCH_STRING_OF:
		return string_of(x, insn);
	case UPR_FETCH_COMM:
		return store_comm(x, insn);
	case UPR_FETCH_NONE:
		return insn->arg;
	default:
		if (insn->op >= UPR_FETCH_ADD && insn->op <= UPR_FETCH_GE)
			return binary(x, insn->op);
		arrange(x, insn);
		return UPR_FETCH_OK;
	}
}

int upr_fetch_run(const struct upr_fetch_prog *prog, const struct upr_fetch_at *at, u8 *out, size_t room, u8 *status)
{
	struct run x = {.at = at, .out = out, .used = prog->fixed, .room = (u32)min(room, (size_t)RECORD_MAX)};
	u32 i = 0, section = 0, arg = 0;

	if (room < prog->fixed)
		return -ENOSPC;
	if (at->task->target->regs_get(at->task, &x.regs))
		return -ESRCH;
	memset(out, 0, prog->fixed);
	while (i < prog->nr) {
		const struct upr_fetch_insn *insn = &prog->code[i];
		bool jump = false;

		if (insn->op == UPR_FETCH_ARG) {
			arg = (u32)insn->imm;
			section = insn->target;
			status[arg] = UPR_FETCH_OK;
			x.sp = 0;
			i++;
			continue;
		}
		status[arg] = (u8)step(&x, insn, &jump);
		if (status[arg])
			i = section;
		else
			i = jump ? insn->target : i + 1;
	}
	return (int)x.used;
}
