// SPDX-License-Identifier: GPL-2.0
/*
 * uprobes_jump.c - jump probes: can a site be jumped at, how, and what is written there.
 *
 * Purpose: the plan of one site (struct upr_jump) from its bytes and from what is proven about
 * them.  Instructions are taken from the site on until they cover the five bytes
 * of a jump.  The forms, in order of preference:
 *
 *   call    the window ends in a call: the patch is as long as the window, idle prefixes and
 *           call rel32, so the CPU itself pushes the original return address.  The
 *           prefixes are 2e (%cs), as compilers put them before direct calls (-mindirect-branch-cs-prefix)
 *   one     a single instruction of five bytes or more: nothing of the surroundings matters
 *   window  several
 *   tail    a jump or return within the five bytes, and behind it nothing but padding
 *   hop     two bytes are replaced, by a jmp rel8 to padding that nobody executes: there is room for
 *           the five
 *   pun     the first instruction alone, where the bytes behind it must stay: they are the
 *           upper bytes of the displacement, and choose where the pad has to be
 *
 * A call that cannot have the first form (it is preceded by something that
 * depends on the stack pointer) is pushed for in the pad.  A shadow stack would not know of that
 * address; and of the one that the patch pushes it would still know after a task has been
 * taken off the pad before its call.  With a shadow stack no call is displaced.  A ret is displaced as it is;
 * it takes the original return address from both stacks.
 *
 * Locks: none.
 */
#include "uprobes_jump.h"

#define PAGE_BYTES  4096u
#define CALL_PREFIX 0x2e
/* Farther than this from everything, a pad may lie out of reach: 2 GiB, and room for the longest window. */
#define REACH (0x7fffffffull - 64)
/* Nothing that one instruction accesses is longer, but for the states that are saved as a whole. */
#define OPERAND_MAX 64
#define USER_END    0x7ffffffff000ull

/**
 * struct planning - a plan on its way
 * @first:	the first instruction, if the caller has taken it apart
 * @insns:	of jump->nr
 * @why:	why the forms tried so far are impossible
 */
struct planning {
	struct upr_jump *jump;
	const struct upr_facts *facts;
	u64 offset;
	unsigned int env;
	const struct upr_insn *first;
	struct upr_insn insns[UPR_JUMP_INSNS];
	const char *why;
};

/* --- one instruction ------------------------------------------------------------ */

/* The base of %fs leads to the thread's struct rseq. */
static bool changes_thread_pointer(const struct upr_insn *insn)
{
	if (insn->enc != UPR_ENC_LEGACY)
		return false;
	if (insn->map == UPR_MAP_1B)
		return insn->opcode == 0x8e && upr_modrm_reg(insn) == 4;
	if (insn->map != UPR_MAP_0F)
		return false;
	return insn->opcode == 0xa1 || insn->opcode == 0xb4 ||
	       (insn->opcode == 0xae && insn->pp == 2 && upr_modrm_mod(insn) == 3 && upr_modrm_reg(insn) == 2);
}

/* Where @rel bytes behind the end of the instruction at @off are, counted from the site. */
static s64 from_site(const struct upr_insn *insn, unsigned int off, s64 rel)
{
	return (s64)off + insn->length + rel;
}

static bool branches_into(const struct upr_insn *insn, unsigned int off, unsigned int patch)
{
	s64 to = from_site(insn, off, insn->imm);

	/* to the site itself: through the jump, and counted */
	return upr_is_direct(insn) && to > 0 && to < (s64)patch;
}

static bool touches_patch(const struct upr_insn *insn, unsigned int off, unsigned int patch)
{
	s64 at = from_site(insn, off, insn->disp), size = insn->attr & UPR_INSN_VECTOR ? OPERAND_MAX : 16;

	if (!(insn->attr & UPR_INSN_RIPREL) || (insn->attr & UPR_INSN_AGEN))
		return false;
	return at < (s64)patch && at + size > 0;
}

/* Kinds of branches that are never displaced: they enter the kernel with their address, or leave in odd ways. */
static const char *branch_refusal(const struct upr_insn *insn)
{
	switch (insn->branch) {
	case UPR_BR_SYSCALL:
	case UPR_BR_SYSENTER:
		return "a system call";
	case UPR_BR_INT:
		return "a software interrupt";
	case UPR_BR_XBEGIN:
		return "the begin of a transaction";
	default:
		return NULL;
	}
}

/* Return: why the instruction at @off cannot be executed in a pad, or NULL. */
static const char *refusal(struct planning *p, unsigned int off, struct upr_insn *insn)
{
	const struct upr_facts *facts = p->facts;
	struct upr_lowered jmp;
	const char *why;

	if (!off && p->first)
		*insn = *p->first;
	else if (upr_xol_decode(insn, facts->code + off, facts->len - off, UPR_INSN_64, 0, &why))
		return why;
	why = branch_refusal(insn);
	if (why)
		return why;
	if (insn->attr & UPR_INSN_FLAGS_POP)
		return "it sets all flags";
	if (changes_thread_pointer(insn))
		return "it changes the thread pointer";
	if (insn->branch == UPR_BR_CALL_IND && upr_call_to_jmp(insn, facts->code + off, &jmp))
		return "a call through the stack pointer";
	return NULL;
}

/* --- windows ------------------------------------------------------------------------ */

static bool crosses_page(const struct planning *p, unsigned int patch)
{
	return (p->offset & (PAGE_BYTES - 1)) + patch > PAGE_BYTES;
}

static const char *take(struct planning *p)
{
	struct upr_jump *jump = p->jump;
	struct upr_insn *insn = &p->insns[jump->nr];
	const char *why = refusal(p, jump->len, insn);

	if (why)
		return why;
	jump->off[jump->nr++] = jump->len;
	jump->len = (u8)(jump->len + insn->length);
	jump->off[jump->nr] = jump->len;
	return NULL;
}

static struct upr_insn *last(struct planning *p)
{
	return &p->insns[p->jump->nr - 1];
}

/* Is what lies behind the end of a function padding, as far as a jump would cover it? */
static bool padding_follows(const struct planning *p)
{
	unsigned int at = p->jump->len;
	struct upr_insn insn;

	while (at < UPR_JUMP_SIZE) {
		if (at < p->facts->len && p->facts->code[at] == UPR_BREAKPOINT) {
			at++;
			continue;
		}
		if (upr_insn_decode(&insn, p->facts->code + at, p->facts->len - at, UPR_INSN_64) ||
		    !(insn.attr & UPR_INSN_NOP))
			return false;
		at += insn.length;
	}
	return true;
}

/* Take instructions until they cover a jump.  Return: why they do not, or NULL. */
static const char *take_window(struct planning *p)
{
	const char *why;

	while (p->jump->len < UPR_JUMP_SIZE) {
		if (upr_is_call(last(p)))
			return "a call returns into the five bytes";
		if (!upr_falls_through(last(p)))
			return padding_follows(p) ? NULL : "other code follows within the five bytes";
		why = take(p);
		if (why)
			return why;
	}
	return NULL;
}

/* May the bytes behind the first instruction change? */
static const char *surroundings(const struct planning *p)
{
	const struct upr_facts *facts = p->facts;

	if (p->jump->nr == 1 && p->jump->len >= UPR_JUMP_SIZE)
		return NULL;
	if (facts->len < UPR_JUMP_SIZE)
		return "the segment ends within the five bytes";
	if (facts->clear < UPR_JUMP_SIZE)
		return facts->why ? facts->why : "the five bytes may be entered in the middle";
	if (facts->solo && p->jump->nr > 1)
		return "a branch may lead anywhere in the function";
	return NULL;
}

static const char *internal_conflict(const struct planning *p, unsigned int patch)
{
	unsigned int i;

	for (i = 0; i < p->jump->nr; i++) {
		if (branches_into(&p->insns[i], p->jump->off[i], patch))
			return "it branches into the bytes that the jump replaces";
		if (touches_patch(&p->insns[i], p->jump->off[i], patch))
			return "it accesses the bytes that the jump replaces";
	}
	return NULL;
}

/* Does it name a place that its copy is better near to, or has to be? */
static bool aims(const struct upr_insn *insn)
{
	return upr_is_direct(insn) || ((insn->attr & UPR_INSN_RIPREL) && insn->addrsize != 4 && !upr_is_idle(insn));
}

/* Is its copy another instruction, or none? */
static bool is_special(const struct upr_insn *insn, enum upr_jump_form form)
{
	return form == UPR_JUMP_CALL || insn->branch != UPR_BR_NONE || (insn->attr & UPR_INSN_RIPREL) ||
	       upr_is_idle(insn);
}

static void settle(struct planning *p, enum upr_jump_form form, unsigned int patch, const char *reason)
{
	struct upr_jump *jump = p->jump;
	unsigned int size = max_t(unsigned int, max_t(unsigned int, jump->len, patch), UPR_JUMP_SIZE), i;

	for (i = 0; i < jump->nr; i++)
		jump->special |= (u8)(is_special(&p->insns[i], form) << i);
	jump->form = (u8)form;
	jump->patch = (u8)patch;
	jump->reason = reason;
	memcpy(jump->code, p->facts->code, min_t(unsigned int, size, p->facts->len));
}

/* The instructions before the call must be able to live with its return address on the stack. */
static bool can_be_call(struct planning *p)
{
	const struct upr_jump *jump = p->jump;
	struct upr_lowered low;
	unsigned int i;

	if (!upr_is_call(last(p)) || jump->len > UPR_INSN_MAX || crosses_page(p, jump->len) ||
	    internal_conflict(p, jump->len))
		return false;
	if (jump->nr > 1 && jump->len > p->facts->clear)
		return false;
	for (i = 0; i + 1 < jump->nr; i++)
		if (upr_lower(&p->insns[i], p->facts->code + jump->off[i], &low))
			return false;
	return true;
}

static const char *window_reason(const struct upr_jump *jump)
{
	static const char *const reasons[UPR_JUMP_INSNS + 1] = {
		[1] = "one instruction of 5 bytes or more",	   [2] = "2 instructions that nothing branches into",
		[3] = "3 instructions that nothing branches into", [4] = "4 instructions that nothing branches into",
		[5] = "5 instructions that nothing branches into",
	};

	return reasons[jump->nr];
}

/* Return: why no form with five bytes or more is possible, or NULL: settled. */
static const char *plan_window(struct planning *p)
{
	struct upr_jump *jump = p->jump;
	const char *why = take_window(p);

	if (!why)
		why = surroundings(p);
	if (why)
		return why;
	if (upr_is_call(last(p)) && (p->env & UPR_ENV_SHSTK))
		return "a call under a shadow stack";
	if (can_be_call(p)) {
		settle(p, UPR_JUMP_CALL, jump->len,
		       jump->nr == 1 ? "a call, made by the jump itself" :
				       "instructions that nothing branches into, up to a call");
		return NULL;
	}
	if (crosses_page(p, UPR_JUMP_SIZE))
		return "the jump would cross a page boundary";
	why = internal_conflict(p, UPR_JUMP_SIZE);
	if (why)
		return why;
	if (jump->len < UPR_JUMP_SIZE)
		settle(p, UPR_JUMP_TAIL, UPR_JUMP_SIZE, "the end of a function and padding behind it");
	else
		settle(p, jump->nr == 1 ? UPR_JUMP_ONE : UPR_JUMP_WINDOW, UPR_JUMP_SIZE, window_reason(jump));
	return NULL;
}

/* --- hops and puns ----------------------------------------------------------------------------- */

static void start_over(struct planning *p)
{
	struct upr_jump *jump = p->jump;

	jump->nr = 1;
	jump->len = p->insns[0].length;
	memset(jump->off, 0, sizeof(jump->off));
	jump->off[1] = jump->len;
}

/* Return: why it cannot be, or NULL: settled. */
static const char *plan_hop(struct planning *p)
{
	const struct upr_facts *facts = p->facts;
	struct upr_jump *jump = p->jump;
	const char *why;

	start_over(p);
	if (!facts->nr_holes || crosses_page(p, UPR_HOP_SIZE))
		return p->why;
	if (jump->len < UPR_HOP_SIZE) {
		if (!upr_falls_through(last(p)) || facts->clear < UPR_HOP_SIZE || facts->solo)
			return p->why;
		why = take(p);
		if (why)
			return why;
	}
	why = internal_conflict(p, UPR_HOP_SIZE);
	if (why)
		return why;
	if (upr_is_call(last(p)) && (p->env & UPR_ENV_SHSTK))
		return "a call under a shadow stack";
	settle(p, UPR_JUMP_HOP, UPR_HOP_SIZE, "a short jump to padding that nothing leads to");
	jump->hole = facts->holes[0];
	return NULL;
}

/* @p->why: what speaks against everything else; it is the reason of the pun, too */
static const char *plan_pun(struct planning *p)
{
	unsigned int length = p->insns[0].length;

	start_over(p);
	if (length >= UPR_JUMP_SIZE || p->facts->len < UPR_JUMP_SIZE || crosses_page(p, length))
		return p->why;
	if (internal_conflict(p, length))
		return internal_conflict(p, length);
	if (upr_is_call(last(p)) && (p->env & UPR_ENV_SHSTK))
		return "a call under a shadow stack";
	settle(p, UPR_JUMP_PUN, length, p->why);
	return NULL;
}

static const char *plan(struct planning *p, enum upr_insn_mode mode)
{
	const char *why;

	if (mode != UPR_INSN_64)
		return "32-bit code";
	if (!p->facts->clear)
		return p->facts->why ? p->facts->why : "nothing is proven about the code around it";
	why = take(p);
	if (why)
		return why;
	p->why = plan_window(p);
	if (!p->why || !plan_hop(p))
		return NULL;
	return plan_pun(p);
}

int upr_jump_analyze(struct upr_jump *jump, const struct upr_facts *facts, u64 offset, enum upr_insn_mode mode,
		     unsigned int env, const struct upr_insn *first)
{
	struct planning p;
	const char *why;

	p.jump = jump;
	p.facts = facts;
	p.offset = offset;
	p.env = env;
	p.first = first;
	p.why = NULL;
	memset(jump, 0, sizeof(*jump));
	jump->dead_gpr = facts->dead_gpr;
	jump->flags_dead = facts->flags_dead;
	why = plan(&p, mode);
	if (!why)
		return 0;
	memset(jump, 0, sizeof(*jump));
	jump->reason = why;
	return -EOPNOTSUPP;
}

const char *upr_jump_form_name(enum upr_jump_form form)
{
	static const char *const names[UPR_NR_JUMP_FORMS] = {
		[UPR_JUMP_NONE] = "none", [UPR_JUMP_ONE] = "one",   [UPR_JUMP_WINDOW] = "window",
		[UPR_JUMP_TAIL] = "tail", [UPR_JUMP_CALL] = "call", [UPR_JUMP_HOP] = "hop",
		[UPR_JUMP_PUN] = "pun",
	};

	return form < UPR_NR_JUMP_FORMS ? names[form] : "none";
}

/* --- faults ----------------------------------------------------------------------------- */

/* Only the stack pointer is above suspicion; vector instructions may raise what is unmasked. */
static bool can_fault(const struct upr_insn *insn)
{
	if (insn->attr & (UPR_INSN_STRING | UPR_INSN_VSIB | UPR_INSN_MOFFS | UPR_INSN_VECTOR))
		return true;
	if (insn->branch == UPR_BR_TRAP)
		return true;
	if ((insn->attr & UPR_INSN_MEM) && !(insn->attr & UPR_INSN_AGEN))
		return insn->base != UPR_RSP || insn->index != UPR_INSN_NOREG ||
		       insn->prefixes & (UPR_PFX_FS | UPR_PFX_GS);
	/* div, idiv */
	return insn->enc == UPR_ENC_LEGACY && insn->map == UPR_MAP_1B && (insn->opcode & 0xfe) == 0xf6 &&
	       upr_modrm_reg(insn) >= 6;
}

bool upr_jump_can_fault(const struct upr_jump *jump)
{
	struct upr_insn insn;
	unsigned int i;

	for (i = 0; i < jump->nr; i++)
		if (upr_insn_decode(&insn, jump->code + jump->off[i], jump->len - jump->off[i], UPR_INSN_64) ||
		    can_fault(&insn))
			return true;
	return false;
}

/* --- places ----------------------------------------------------------------------------- */

static void keep_near(u64 target, u64 *lo, u64 *hi)
{
	if (target > REACH)
		*lo = max(*lo, target - REACH);
	if (target < ~0ull - REACH)
		*hi = min(*hi, target + REACH);
}

/* Direct branches are better in reach, but need not be. */
static void prefer_near(u64 target, unsigned int size, u64 *lo, u64 *hi)
{
	u64 low = *lo, high = *hi;

	keep_near(target, &low, &high);
	if (low < high && high - low >= size) {
		*lo = low;
		*hi = high;
	}
}

/* The places that the bytes of the patch leave, the bytes behind it being what they are. */
static void pun_reach(const struct upr_jump *jump, u64 addr, unsigned int size, u64 *lo, u64 *hi)
{
	u64 room = 1ull << (8 * (jump->patch - 1));
	u32 rel = 0;
	s64 first;
	unsigned int i;

	for (i = jump->patch - 1u; i < 4; i++)
		rel |= (u32)jump->code[1 + i] << (8 * i);
	first = (s64)(addr + UPR_JUMP_SIZE) + (s32)rel;
	if (first < 0)
		first = *hi = 0;
	*lo = max(*lo, (u64)first);
	*hi = min(*hi, (u64)first + room - 1 + size);
}

void upr_jump_reach(const struct upr_jump *jump, u64 addr, unsigned int size, u64 *lo, u64 *hi)
{
	struct upr_insn insn;
	unsigned int i;

	*lo = 0;
	*hi = USER_END;
	keep_near(addr, lo, hi);
	if (jump->form == UPR_JUMP_HOP)
		keep_near(upr_jump_hole(jump, addr), lo, hi);
	if (jump->form == UPR_JUMP_PUN)
		pun_reach(jump, addr, size, lo, hi);
	for (i = 0; i < jump->nr; i++) {
		u64 at = addr + jump->off[i];

		if (!upr_is_special(jump, i))
			continue;
		if (upr_insn_decode(&insn, jump->code + jump->off[i], jump->len - jump->off[i], UPR_INSN_64) ||
		    !aims(&insn))
			continue;
		if (insn.attr & UPR_INSN_RIPREL)
			keep_near(upr_insn_riprel_addr(&insn, at), lo, hi);
		if (upr_is_direct(&insn))
			prefer_near(upr_insn_target(&insn, at), size, lo, hi);
	}
	if (*hi < *lo || *hi - *lo < size)
		*lo = *hi = 0;
}

/* jmp or call rel32 that ends at @end */
static void put_rel32(u8 *p, u8 opcode, u64 end, u64 to)
{
	u64 rel = to - end;
	unsigned int i;

	*p = opcode;
	for (i = 0; i < 4; i++)
		p[1 + i] = (u8)(rel >> (8 * i));
}

void upr_jump_patch(const struct upr_jump *jump, u64 addr, u64 pad, u8 *buf)
{
	unsigned int end = jump->form == UPR_JUMP_CALL ? jump->patch : UPR_JUMP_SIZE;
	u8 patch[UPR_JUMP_CODE];

	if (jump->form == UPR_JUMP_HOP) {
		buf[0] = 0xeb;
		buf[1] = (u8)jump->hole.rel;
		return;
	}
	memset(patch, CALL_PREFIX, sizeof(patch));
	put_rel32(patch + end - 5, jump->form == UPR_JUMP_CALL ? 0xe8 : 0xe9, addr + end, pad);
	memcpy(buf, patch, jump->patch);
}

void upr_jump_fill(const struct upr_jump *jump, u64 addr, u64 pad, u8 *buf)
{
	put_rel32(buf, 0xe9, upr_jump_hole(jump, addr) + UPR_JUMP_SIZE, pad);
}
