// SPDX-License-Identifier: GPL-2.0
/*
 * symbol-code.c - where instructions begin.
 *
 * Purpose: prove instruction boundaries.  Two ways:
 *
 * linear  The function is decoded from its first byte to its last.  That is a
 *	proof when nothing is left over: every byte decodes, the last instruction
 *	ends where the function ends, and every direct branch within the function
 *	leads to a boundary.  Compiled functions are like that.
 *
 * flow	Where the linear reading breaks (a table among the code, hand-written
 *	assembly that jumps into an instruction), only what control flow reaches
 *	from the entry is known to be an instruction.  Code reached in no direct
 *	way stays unknown, and so does whatever two readings disagree about.
 *
 * Locks: none, see symbol.h.
 */
#include <errno.h>
#include <utrace/insn.h>

#include "symbol-priv.h"

/* A function being read. */
struct code {
	const u8 *bytes;
	u64 addr;
	u64 size;
	enum upr_insn_mode mode;
	bool gap;	/* bytes of no known function, perhaps of many unknown ones */
	u64 start_code; /* of a gap: offset of the program's entry point, else beyond its end */
	u8 *state;	/* enum upr_proof per byte */
	u32 *targets;	/* of the direct branches within it, as far as read */
	size_t nr_targets;
	size_t cap_targets;
	u32 *offs; /* of the instructions, as far as read linearly */
	size_t nr_offs;
	size_t cap_offs;
};

/* Does the next instruction in memory follow in some execution? */
static bool falls_through(const struct code *c, u64 off, const struct upr_insn *insn)
{
	u64 target;

	switch (insn->branch) {
	case UPR_BR_CALL:
		if (c->gap)
			return true;
		/* call over a constant: the callee takes its address as "return address" */
		target = upr_insn_target(insn, c->addr + off) - c->addr;
		return target <= off || target >= c->size || target == off + insn->length;
	case UPR_BR_JMP:
	case UPR_BR_JMP_IND:
	case UPR_BR_RET:
	case UPR_BR_FAR:
	case UPR_BR_TRAP:
		return false;
	default:
		return true;
	}
}

static bool decode_at(const struct code *c, u64 off, struct upr_insn *insn)
{
	return off < c->size && !upr_insn_decode(insn, c->bytes + off, c->size - off, c->mode);
}

static bool looks_like_data(const struct code *c, u64 off, const struct upr_measure *m)
{
	return m->odd || (c->size - off >= 4 && !memcmp(c->bytes + off, "\0\0\0", 4));
}

/* A branch must lead to a boundary: to be looked at when all of them are known. */
static bool note_target(struct code *c, u64 target)
{
	target -= c->addr;
	if (target >= c->size)
		return true;
	if (!upr_grow(&c->targets, c->nr_targets, &c->cap_targets, sizeof(*c->targets)))
		return false;
	c->targets[c->nr_targets++] = target;
	return true;
}

/* Mark the boundaries of the whole.  false: it does not come out even. */
static bool linear_mark(struct code *c)
{
	struct upr_measure m;
	u64 off;

	for (off = 0; off < c->size; off += m.length) {
		if (!upr_measure(&m, c->bytes + off, c->size - off, c->addr + off, c->mode) ||
		    looks_like_data(c, off, &m))
			return false;
		c->state[off] = UPR_PROOF_LINEAR;
		if (!upr_grow(&c->offs, c->nr_offs, &c->cap_offs, sizeof(*c->offs)))
			return false;
		c->offs[c->nr_offs++] = off;
		if (m.direct && !note_target(c, m.target))
			return false;
	}
	return off == c->size;
}

/* Every direct branch that stays inside must lead to a boundary. */
static bool linear_agrees(const struct code *c)
{
	size_t i;

	for (i = 0; i < c->nr_targets; i++) {
		if (c->state[c->targets[i]] != UPR_PROOF_LINEAR)
			return false;
	}
	return true;
}

/* Control flow being followed. */
struct flow {
	u32 *todo;   /* offsets to read, room for one per byte: each is put there at most once */
	u8 *seen;    /* per byte: was put there */
	u8 *covered; /* per byte: 1 part of an instruction read, 2 of several */
	size_t nr;
};

static void flow_to(const struct code *c, struct flow *fl, u64 off)
{
	if (off < c->size && !fl->seen[off]) {
		fl->seen[off] = 1;
		fl->todo[fl->nr++] = off;
	}
}

/*
 * The start code hands main() on by its address: the only place where an
 * address in a register is believed to be code's.
 */
#define START_CODE_SIZE 64

static void flow_from_start_code(const struct code *c, struct flow *fl, u64 off, const struct upr_insn *insn)
{
	if (off - c->start_code >= START_CODE_SIZE || insn->map != UPR_MAP_1B)
		return;
	if ((insn->attr & UPR_INSN_RIPREL) && insn->opcode == 0x8d)
		flow_to(c, fl, upr_insn_riprel_addr(insn, c->addr + off) - c->addr);
	else if (insn->opcode == 0xc7 || (insn->opcode & 0xf8) == 0xb8)
		flow_to(c, fl, (u64)insn->imm - c->addr);
}

static void flow_mark(const struct code *c, struct flow *fl)
{
	while (fl->nr) {
		u64 off = fl->todo[--fl->nr], i;
		struct upr_insn insn;

		if (!decode_at(c, off, &insn))
			continue;
		c->state[off] = UPR_PROOF_FLOW;
		/*
		 * Hand-written code jumps behind a lock prefix: a breakpoint on the
		 * inner instruction would change the outer one, but not the other
		 * way round; so only the bytes that both have are contested.
		 */
		for (i = 0; i < insn.length; i++)
			fl->covered[off + i] = fl->covered[off + i] ? 2 : 1;
		if (upr_insn_has_target(&insn))
			flow_to(c, fl, upr_insn_target(&insn, c->addr + off) - c->addr);
		if (falls_through(c, off, &insn))
			flow_to(c, fl, off + insn.length);
		if (c->gap)
			flow_from_start_code(c, fl, off, &insn);
	}
}

/* Where the code of a gap is entered from outside: by the loader, and by pointers that it relocates. */
static void flow_seeds(const struct upr_elf *elf, const struct code *c, struct flow *fl)
{
	static const s64 tags[] = {DT_INIT, DT_FINI};
	u64 rela, size, offset, addr, i;
	Elf_Data *data;
	GElf_Rela r;

	flow_to(c, fl, c->start_code);
	for (i = 0; i < ARRAY_SIZE(tags); i++) {
		if (upr_elf_dyn(elf, tags[i], &addr))
			flow_to(c, fl, addr - c->addr);
	}
	if (elf->info.mode32 || !upr_elf_dyn(elf, DT_RELA, &rela) || !upr_elf_dyn(elf, DT_RELASZ, &size) ||
	    !upr_elf_addr_to_offset(elf, rela, &offset))
		return;
	data = elf_getdata_rawchunk(elf->elf, offset, size, ELF_T_RELA);
	for (i = 0; data && gelf_getrela(data, i, &r); i++) {
		if (GELF_R_TYPE(r.r_info) == R_X86_64_RELATIVE)
			flow_to(c, fl, (u64)r.r_addend - c->addr);
	}
}

static int flow_prove(const struct upr_elf *elf, const struct code *c)
{
	struct flow fl = {
		.todo = calloc(c->size, sizeof(*fl.todo)),
		.seen = calloc(c->size, 1),
		.covered = calloc(c->size + UPR_INSN_MAX, 1),
	};
	bool memory = fl.todo && fl.seen && fl.covered;
	u64 i;

	if (memory) {
		memset(c->state, UPR_PROOF_NO, c->size);
		if (c->gap)
			flow_seeds(elf, c, &fl);
		else
			flow_to(c, &fl, 0);
		flow_mark(c, &fl);
		for (i = 0; i < c->size; i++) {
			if (fl.covered[i] != 1)
				c->state[i] = UPR_PROOF_UNKNOWN;
		}
	}
	free(fl.todo);
	free(fl.seen);
	free(fl.covered);
	return memory ? 0 : -ENOMEM;
}

static int collect(struct upr_boundaries *b)
{
	u64 i;

	for (i = 0; i < b->size; i++)
		b->nr += b->state[i] == UPR_PROOF_LINEAR || b->state[i] == UPR_PROOF_FLOW;
	b->offs = calloc(b->nr + 1, sizeof(*b->offs));
	if (!b->offs)
		return -ENOMEM;
	b->nr = 0;
	for (i = 0; i < b->size; i++) {
		if (b->state[i] == UPR_PROOF_LINEAR || b->state[i] == UPR_PROOF_FLOW)
			b->offs[b->nr++] = i;
	}
	return 0;
}

/* Functions are at most this long; what claims more is a damaged file. */
#define FUNC_MAX (1u << 30)

int upr_func_boundaries(struct upr_elf *elf, const struct upr_func *func, struct upr_boundaries *ret,
			struct upr_error *err)
{
	struct code c = {.addr = func->addr, .mode = elf->info.mode32 ? UPR_INSN_32 : UPR_INSN_64};
	u64 avail;

	*ret = (struct upr_boundaries){0};
	c.bytes = upr_elf_bytes(elf, func->addr, &avail);
	c.size = min(min(func->size, avail), (u64)FUNC_MAX);
	if (!c.bytes || !c.size)
		return upr_error_set(err, UPR_ERR_NO_CODE, ENOEXEC, "%s has no bytes at 0x%llx", elf->info.name,
				     (unsigned long long)func->addr);
	c.gap = !func->nr_names;
	c.start_code = elf->info.entry - c.addr;
	c.state = calloc(c.size, 1);
	if (!c.state)
		return upr_error_nomem(err);
	ret->state = c.state;
	ret->size = c.size;
	ret->linear = linear_mark(&c) && linear_agrees(&c);
	ret->targets = c.targets;
	ret->nr_targets = c.nr_targets;
	if (ret->linear) {
		ret->offs = c.offs;
		ret->nr = c.nr_offs;
		return 0;
	}
	free(c.offs);
	if (!flow_prove(elf, &c) && !collect(ret))
		return 0;
	upr_boundaries_free(ret);
	return upr_error_nomem(err);
}

void upr_boundaries_free(struct upr_boundaries *b)
{
	free(b->state);
	free(b->offs);
	free(b->targets);
	*b = (struct upr_boundaries){0};
}

/* --- bytes of no function ---------------------------------------------- */

bool upr_code_gap(struct upr_elf *elf, u64 addr, struct upr_func *ret)
{
	const struct upr_text_section *sec;
	u64 start, end, offset, back, avail;
	size_t lo = 0, hi;

	if (!upr_elf_is_text(elf, addr) || upr_elf_func_at(elf, addr))
		return false;
	sec = upr_text_section_at(elf, addr);
	if (sec) {
		start = sec->addr;
		end = sec->addr + sec->size;
	} else {
		/* the start of the segment */
		upr_elf_addr_to_offset(elf, addr, &offset);
		start = 0;
		for (lo = 0; lo < elf->nr_segs; lo++) {
			if (elf->segs[lo].exec && addr - elf->segs[lo].vaddr < elf->segs[lo].filesz)
				start = elf->segs[lo].vaddr;
		}
		upr_elf_bytes(elf, addr, &avail);
		end = addr + avail;
	}
	for (lo = 0, hi = elf->nr_funcs; lo < hi;) {
		size_t mid = lo + (hi - lo) / 2;

		if (elf->funcs[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < elf->nr_funcs)
		end = min(end, elf->funcs[lo].addr);
	if (lo) {
		back = elf->max_end[lo - 1];
		start = max(start, min(back, addr));
	}
	*ret = (struct upr_func){.addr = start, .size = end - start, .kind = UPR_SYM_FDE, .source = UPR_SRC_EH_FRAME};
	return upr_elf_addr_to_offset(elf, start, &ret->offset);
}

/* --- what an IFUNC resolver can answer --------------------------------- */

struct candidates {
	u64 *addrs;
	size_t max;
	size_t nr;
};

static void add_candidate(struct upr_elf *elf, struct candidates *c, u64 addr)
{
	const struct upr_func *f = upr_elf_func_at(elf, addr);
	size_t i;

	if (!f || f->addr != addr || f->kind == UPR_SYM_IFUNC)
		return;
	for (i = 0; i < c->nr && i < c->max; i++) {
		if (c->addrs[i] == addr)
			return;
	}
	if (c->nr < c->max)
		c->addrs[c->nr] = addr;
	c->nr++;
}

/* The value that the loader puts at @addr: RELATIVE or a symbol of this file. */
static bool relocated_word(const struct upr_elf *elf, u64 addr, u64 *ret)
{
	u64 rela, size, offset, i;
	Elf_Data *data;
	GElf_Rela r;

	if (elf->info.mode32 || !upr_elf_dyn(elf, DT_RELA, &rela) || !upr_elf_dyn(elf, DT_RELASZ, &size) ||
	    !upr_elf_addr_to_offset(elf, rela, &offset))
		return false;
	data = elf_getdata_rawchunk(elf->elf, offset, size, ELF_T_RELA);
	for (i = 0; data && gelf_getrela(data, i, &r); i++) {
		if (r.r_offset == addr && GELF_R_TYPE(r.r_info) == R_X86_64_RELATIVE) {
			*ret = r.r_addend;
			return true;
		}
	}
	return false;
}

static void read_insn(struct upr_elf *elf, const struct upr_insn *insn, u64 addr, struct candidates *c)
{
	u64 value;

	if (insn->attr & UPR_INSN_RIPREL) {
		value = upr_insn_riprel_addr(insn, addr);
		/* lea, else a load from a relocated word */
		if (insn->opcode == 0x8d && insn->map == UPR_MAP_1B)
			add_candidate(elf, c, value);
		else if (relocated_word(elf, value, &value))
			add_candidate(elf, c, value);
	} else if (insn->map == UPR_MAP_1B && ((insn->opcode & 0xf8) == 0xb8 || insn->opcode == 0xc7)) {
		add_candidate(elf, c, insn->opsize == 4 ? (u32)insn->imm : (u64)insn->imm);
	}
}

static int by_value(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

size_t upr_ifunc_candidates(struct upr_elf *elf, const struct upr_func *ifunc, u64 *addrs, size_t max)
{
	struct candidates c = {.addrs = addrs, .max = max};
	struct upr_boundaries b;
	u64 avail;
	size_t i;

	if (upr_func_boundaries(elf, ifunc, &b, NULL))
		return 0;
	for (i = 0; i < b.nr; i++) {
		u64 addr = ifunc->addr + b.offs[i];
		const u8 *p = upr_elf_bytes(elf, addr, &avail);
		struct upr_insn insn;

		if (p && !upr_insn_decode(&insn, p, avail, elf->info.mode32 ? UPR_INSN_32 : UPR_INSN_64))
			read_insn(elf, &insn, addr, &c);
	}
	upr_boundaries_free(&b);
	qsort(addrs, min(c.nr, max), sizeof(*addrs), by_value);
	return c.nr;
}
