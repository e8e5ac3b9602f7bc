// SPDX-License-Identifier: GPL-2.0
/*
 * test-jump.c - jump probes: plans, patches, pads.
 *
 * Purpose: hand-written answers (bytes in, bytes out) for every form, every refusal and
 * the intervals of puns; then what must hold for any window, under the sanitizers: a pad fits
 * its size, is built wherever upr_jump_reach() says, the patch leads to it, and a task
 * is taken off any byte of it.  That pads do what they should is shown by the execution tests.
 */
/* tables, aligned by hand */
/* clang-format off */
#include "../tap.h"

#include <utrace/utrace.h>
#include <upr-arch.h>
#include <upr-jump.h>

#define ADDR	0x401000ull
#define PAD	0x500000ull
#define BYTES(...)	{ __VA_ARGS__ }, .len = sizeof((u8[]){ __VA_ARGS__ })

static unsigned long long seed = 20100117;

static u64 rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* --- plans ------------------------------------------------------------------- */

/**
 * struct plan_vector
 * @code:	bytes known, the rest of the 32 is cc if @whole
 * @clear:	0: 32
 * @offset:	in the page
 */
struct plan_vector {
	const char *text;
	u8 code[32];
	u8 len;
	u8 clear;
	bool solo, cut, shadow, nobody;
	u16 offset;
	const char *why;
	enum upr_jump_form form;
	u8 nr, window, patch;
	const char *reason;
};

#define IN_PAGE	0x800

#define REFUSED(text)	.form = UPR_JUMP_NONE, .reason = (text)
#define PLAN(f, n, l, p, text)	.form = UPR_JUMP_##f, .nr = (n), .window = (l), .patch = (p), .reason = (text)
#define TWO	"2 instructions that nothing branches into"
#define TO_CALL	"instructions that nothing branches into, up to a call"
#define ALL_CALL "a call, made by the jump itself"
#define PADDING	"the end of a function and padding behind it"
#define OTHER	"other code follows within the five bytes"
#define RETURNS	"a call returns into the five bytes"
#define FIVE	"one instruction of 5 bytes or more"

static const struct plan_vector plans[] = {
	{ "mov $1,%eax", BYTES(0xb8, 1, 0, 0, 0), PLAN(ONE, 1, 5, 5, FIVE) },
	{ "the same where nothing else is clear", BYTES(0xb8, 1, 0, 0, 0), .clear = 1, PLAN(ONE, 1, 5, 5, FIVE) },
	{ "the same, a branch may lead anywhere", BYTES(0xb8, 1, 0, 0, 0), .clear = 1, .solo = true,
	  PLAN(ONE, 1, 5, 5, FIVE) },
	{ "the same, cut off behind it", BYTES(0xb8, 1, 0, 0, 0), .cut = true, PLAN(ONE, 1, 5, 5, FIVE) },
	{ "movabs $0,%rax", BYTES(0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0), PLAN(ONE, 1, 10, 5, FIVE) },
	{ "jmp rel32", BYTES(0xe9, 0, 1, 0, 0), PLAN(ONE, 1, 5, 5, FIVE) },
	{ "endbr64; push %rbp", BYTES(0xf3, 0x0f, 0x1e, 0xfa, 0x55), PLAN(WINDOW, 2, 5, 5, TWO) },
	{ "push; mov; sub", BYTES(0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, 0x10),
	  PLAN(WINDOW, 3, 8, 5, "3 instructions that nothing branches into") },
	{ "five pushes", BYTES(0x50, 0x51, 0x52, 0x53, 0x55),
	  PLAN(WINDOW, 5, 5, 5, "5 instructions that nothing branches into") },
	{ "test; jne; nop", BYTES(0x85, 0xc0, 0x75, 0x40, 0x90),
	  PLAN(WINDOW, 3, 5, 5, "3 instructions that nothing branches into") },
	{ "test; jne back to the site", BYTES(0x85, 0xc0, 0x75, 0xfc, 0x90),
	  PLAN(WINDOW, 3, 5, 5, "3 instructions that nothing branches into") },
	{ "test; jne into the window", BYTES(0x85, 0xc0, 0x75, 0xfe, 0x90),
	  PLAN(PUN, 1, 2, 2, "it branches into the bytes that the jump replaces") },
	{ "jrcxz; mov", BYTES(0xe3, 0x10, 0x48, 0x89, 0xe5), PLAN(WINDOW, 2, 5, 5, TWO) },

	{ "ret; nopl", BYTES(0xc3, 0x0f, 0x1f, 0x40, 0x00), PLAN(TAIL, 1, 1, 5, PADDING) },
	{ "ret; a nop beyond the five bytes", BYTES(0xc3, 0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00),
	  PLAN(TAIL, 1, 1, 5, PADDING) },
	{ "ret; int3s", BYTES(0xc3), PLAN(TAIL, 1, 1, 5, PADDING) },
	{ "xor; ret; nop, int3", BYTES(0x31, 0xc0, 0xc3, 0x90, 0xcc), PLAN(TAIL, 2, 3, 5, PADDING) },
	{ "jmp rel8; nops", BYTES(0xeb, 0x40, 0x66, 0x90, 0x90), PLAN(TAIL, 1, 2, 5, PADDING) },
	{ "ud2; int3s", BYTES(0x0f, 0x0b), PLAN(TAIL, 1, 2, 5, PADDING) },
	{ "jmp *%rax; int3s", BYTES(0xff, 0xe0), PLAN(TAIL, 1, 2, 5, PADDING) },
	{ "ret; padding, a branch may lead anywhere", BYTES(0xc3), .solo = true, PLAN(TAIL, 1, 1, 5, PADDING) },
	{ "ret; another function", BYTES(0xc3, 0x31, 0xc0, 0xc3, 0x90), PLAN(PUN, 1, 1, 1, OTHER) },
	{ "ret; the end of the segment", BYTES(0xc3, 0x90, 0x90), .cut = true, REFUSED(OTHER) },
	{ "xor; ret; not padding", BYTES(0x31, 0xc0, 0xc3, 0x90, 0xf4), PLAN(PUN, 1, 2, 2, OTHER) },

	{ "call rel32", BYTES(0xe8, 0, 1, 0, 0), PLAN(CALL, 1, 5, 5, ALL_CALL) },
	{ "call rel32 with little clear", BYTES(0xe8, 0, 1, 0, 0), .clear = 1, PLAN(CALL, 1, 5, 5, ALL_CALL) },
	{ "call *0x100(%rip)", BYTES(0xff, 0x15, 0, 1, 0, 0), PLAN(CALL, 1, 6, 6, ALL_CALL) },
	{ "mov %rbx,%rdi; call", BYTES(0x48, 0x89, 0xdf, 0xe8, 0, 1, 0, 0), PLAN(CALL, 2, 8, 8, TO_CALL) },
	{ "the same, the call's end entered", BYTES(0x48, 0x89, 0xdf, 0xe8, 0, 1, 0, 0), .clear = 6,
	  PLAN(WINDOW, 2, 8, 5, TWO) },
	{ "mov %rsp,%rdi; call", BYTES(0x48, 0x89, 0xe7, 0xe8, 0, 1, 0, 0), PLAN(CALL, 2, 8, 8, TO_CALL) },
	{ "mov 8(%rsp),%rdi; call", BYTES(0x48, 0x8b, 0x7c, 0x24, 8, 0xe8, 0, 1, 0, 0), PLAN(ONE, 1, 5, 5, FIVE) },
	{ "mov (%rsp),%rdi; call", BYTES(0x48, 0x8b, 0x3c, 0x24, 0xe8, 0, 1, 0, 0), PLAN(CALL, 2, 9, 9, TO_CALL) },
	{ "mov %al,(%rsp); call *%rax", BYTES(0x88, 0x04, 0x24, 0xff, 0xd0), PLAN(CALL, 2, 5, 5, TO_CALL) },
	{ "push %rax; call", BYTES(0x50, 0xe8, 0, 1, 0, 0), PLAN(CALL, 2, 6, 6, TO_CALL) },
	{ "push $1; nop; call", BYTES(0x6a, 0x01, 0x90, 0xe8, 0, 1, 0, 0), PLAN(CALL, 3, 8, 8, TO_CALL) },
	{ "push %rsp; call", BYTES(0x54, 0xe8, 0, 1, 0, 0), PLAN(WINDOW, 2, 6, 5, TWO) },
	{ "pop %rax; call", BYTES(0x58, 0xe8, 0, 1, 0, 0), PLAN(WINDOW, 2, 6, 5, TWO) },
	{ "sub $8,%rsp; call", BYTES(0x48, 0x83, 0xec, 8, 0xe8, 0, 1, 0, 0), PLAN(WINDOW, 2, 9, 5, TWO) },
	{ "the same under a shadow stack", BYTES(0x48, 0x83, 0xec, 8, 0xe8, 0, 1, 0, 0), .shadow = true,
	  PLAN(PUN, 1, 4, 4, "a call under a shadow stack") },
	{ "mov; call under a shadow stack", BYTES(0x48, 0x89, 0xdf, 0xe8, 0, 1, 0, 0), .shadow = true,
	  PLAN(PUN, 1, 3, 3, "a call under a shadow stack") },
	{ "call under a shadow stack", BYTES(0xe8, 0, 1, 0, 0), .shadow = true,
	  REFUSED("a call under a shadow stack") },
	{ "ret under a shadow stack", BYTES(0xc3), .shadow = true, PLAN(TAIL, 1, 1, 5, PADDING) },
	{ "jne; call", BYTES(0x75, 0x40, 0xe8, 0, 1, 0, 0), PLAN(WINDOW, 2, 7, 5, TWO) },
	{ "call *%rsp", BYTES(0xff, 0xd4), REFUSED("a call through the stack pointer") },
	{ "call *-8(%rsp)", BYTES(0xff, 0x54, 0x24, 0xf8), REFUSED("a call through the stack pointer") },
	{ "call *%rax; other code", BYTES(0xff, 0xd0, 0x90, 0x90, 0x90), PLAN(PUN, 1, 2, 2, RETURNS) },
	{ "the same under a shadow stack", BYTES(0xff, 0xd0, 0x90, 0x90, 0x90), .shadow = true,
	  REFUSED("a call under a shadow stack") },
	{ "call rel32 across a page", BYTES(0xe8, 0, 1, 0, 0), .offset = 0xffc,
	  REFUSED("the jump would cross a page boundary") },
	{ "mov; call across a page, the jump not", BYTES(0x48, 0x89, 0xdf, 0xe8, 0, 1, 0, 0), .offset = 0xffb,
	  PLAN(WINDOW, 2, 8, 5, TWO) },
	{ "call into itself", BYTES(0xe8, 0xfe, 0xff, 0xff, 0xff),
	  REFUSED("it branches into the bytes that the jump replaces") },
	{ "call of what follows", BYTES(0xe8, 0, 0, 0, 0), PLAN(CALL, 1, 5, 5, ALL_CALL) },

	{ "the last five bytes of a page", BYTES(0xb8, 1, 0, 0, 0), .offset = 0xffb, PLAN(ONE, 1, 5, 5, FIVE) },
	{ "one byte further", BYTES(0xb8, 1, 0, 0, 0), .offset = 0xffc,
	  REFUSED("the jump would cross a page boundary") },
	{ "push; mov across a page", BYTES(0x55, 0x48, 0x89, 0xe5, 0x90), .offset = 0xffe,
	  PLAN(PUN, 1, 1, 1, "the jump would cross a page boundary") },

	{ "window entered, nobody says by what", BYTES(0x55, 0x48, 0x89, 0xe5, 0x90), .clear = 4,
	  PLAN(PUN, 1, 1, 1, "the five bytes may be entered in the middle") },
	{ "window entered", BYTES(0x55, 0x48, 0x89, 0xe5, 0x90), .clear = 1, .why = "a loop begins there",
	  PLAN(PUN, 1, 1, 1, "a loop begins there") },
	{ "solo", BYTES(0x55, 0x48, 0x89, 0xe5, 0x90), .solo = true,
	  PLAN(PUN, 1, 1, 1, "a branch may lead anywhere in the function") },
	{ "nobody has looked", BYTES(0xb8, 1, 0, 0, 0), .nobody = true,
	  REFUSED("nothing is proven about the code around it") },
	{ "forbidden", BYTES(0xb8, 1, 0, 0, 0), .nobody = true, .why = "a critical section of the program's",
	  REFUSED("a critical section of the program's") },
	{ "push; the end of the segment", BYTES(0x55, 0x48), .cut = true, REFUSED("the instruction is cut off") },

	{ "syscall", BYTES(0x0f, 0x05), REFUSED("a system call") },
	{ "mov; syscall", BYTES(0x89, 0xc8, 0x90, 0x0f, 0x05), PLAN(PUN, 1, 2, 2, "a system call") },
	{ "sysenter", BYTES(0x0f, 0x34), REFUSED("a system call") },
	{ "int $0x80", BYTES(0xcd, 0x80), REFUSED("a software interrupt") },
	{ "int3", BYTES(0xcc), REFUSED("a software interrupt of the program's own") },
	{ "xbegin", BYTES(0xc7, 0xf8, 0, 1, 0, 0), REFUSED("the begin of a transaction") },
	{ "popf", BYTES(0x9d), REFUSED("it sets all flags") },
	{ "iretq", BYTES(0x48, 0xcf), REFUSED("a far transfer") },
	{ "hlt", BYTES(0xf4), REFUSED("a privileged instruction") },
	{ "wrfsbase %rax", BYTES(0xf3, 0x48, 0x0f, 0xae, 0xd0), REFUSED("it changes the thread pointer") },
	{ "mov %eax,%fs", BYTES(0x8e, 0xe0), REFUSED("it changes the thread pointer") },
	{ "pop %fs", BYTES(0x0f, 0xa1), REFUSED("it changes the thread pointer") },
	{ "mov %eax,%gs", BYTES(0x8e, 0xe8, 0x90, 0x90, 0x90),
	  PLAN(WINDOW, 4, 5, 5, "4 instructions that nothing branches into") },
	{ "mov -2(%rip),%eax", BYTES(0x8b, 0x05, 0xfe, 0xff, 0xff, 0xff),
	  REFUSED("it accesses the bytes that the jump replaces") },
	{ "lea -2(%rip),%rax", BYTES(0x48, 0x8d, 0x05, 0xfe, 0xff, 0xff, 0xff), PLAN(ONE, 1, 7, 5, FIVE) },
	{ "no instruction", BYTES(0x06), REFUSED("not an instruction") },
};

static bool same_text(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

static void fill_facts(const struct plan_vector *v, struct upr_facts *facts)
{
	memset(facts, 0, sizeof(*facts));
	memset(facts->code, 0xcc, sizeof(facts->code));
	memcpy(facts->code, v->code, v->len);
	facts->len = v->cut ? v->len : UPR_SITE_CODE;
	facts->clear = v->nobody ? 0 : v->clear ? v->clear : UPR_SITE_CODE;
	facts->solo = v->solo;
	facts->why = v->why;
}

static void test_plans(void)
{
	struct upr_facts facts;
	struct upr_jump jump;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(plans); i++) {
		const struct plan_vector *v = &plans[i];
		int ret;

		fill_facts(v, &facts);
		ret = upr_jump_analyze(&jump, &facts, v->offset ? v->offset : IN_PAGE, UPR_INSN_64,
				       v->shadow ? UPR_ENV_SHSTK : 0, NULL);
		if (!ok(ret == (v->form == UPR_JUMP_NONE ? -EOPNOTSUPP : 0) && jump.form == v->form &&
			jump.nr == v->nr && jump.len == v->window && jump.patch == v->patch &&
			same_text(jump.reason, v->reason) && jump.off[jump.nr] == jump.len,
			"plan: %s: %s", v->text, upr_jump_form_name(v->form)))
			diag("%d, %s, %u instructions, %u bytes, patch %u: %s", ret,
			     upr_jump_form_name((enum upr_jump_form)jump.form), jump.nr, jump.len, jump.patch,
			     jump.reason);
	}
	fill_facts(&plans[0], &facts);
	ok(upr_jump_analyze(&jump, &facts, 0, UPR_INSN_32, 0, NULL) == -EOPNOTSUPP && same_text(jump.reason, "32-bit code"),
	   "plan: 32-bit code is refused");
}

/* --- bytes ------------------------------------------------------------------------ */

struct pad_vector {
	const char *text;
	u8 code[32];
	u8 len;
	u8 clear;
	u16 dead;		/* with flags dead, one count before the first instruction */
	bool counts, rseq, no_rdpid, live_flags;
	u8 patch[16];
	u8 patch_len;
	u8 pad[128];
	u8 pad_len;
};

#define PATCH(...)	.patch = { __VA_ARGS__ }, .patch_len = sizeof((u8[]){ __VA_ARGS__ })
#define CODE(...)	.pad = { __VA_ARGS__ }, .pad_len = sizeof((u8[]){ __VA_ARGS__ })
#define TO_PAD		PATCH(0xe9, 0xfb, 0xef, 0x0f, 0x00)

/* The site is 0x401000, the pad 0x500000, table 0x10000000 of 2 CPUs, counter 5, rseq at 0x920. */
static const struct pad_vector pads[] = {
	{ "push; mov; sub", BYTES(0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, 0x10), TO_PAD,
	  CODE(0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, 0x10,	/* as they are */
	       0xe9, 0xfb, 0x0f, 0xf0, 0xff,			/* jmp 401008 */
	       0xcc) },
	{ "endbr64; nop", BYTES(0xf3, 0x0f, 0x1e, 0xfa, 0x90), TO_PAD, CODE(0xe9, 0x00, 0x10, 0xf0, 0xff, 0xcc) },
	{ "mov 0x100(%rip),%rax", BYTES(0x48, 0x8b, 0x05, 0x00, 0x01, 0x00, 0x00), TO_PAD,
	  CODE(0x48, 0x8b, 0x05, 0x00, 0x11, 0xf0, 0xff,	/* mov 401107,%rax */
	       0xe9, 0xfb, 0x0f, 0xf0, 0xff) },
	{ "test; jne; nop", BYTES(0x85, 0xc0, 0x75, 0x40, 0x90), TO_PAD,
	  CODE(0x85, 0xc0, 0x0f, 0x85, 0x3c, 0x10, 0xf0, 0xff,	/* jne 401044 */
	       0xe9, 0xf8, 0x0f, 0xf0, 0xff) },
	{ "jrcxz; mov", BYTES(0xe3, 0x10, 0x48, 0x89, 0xe5), TO_PAD,
	  CODE(0xe3, 0x02, 0xeb, 0x05, 0xe9, 0x09, 0x10, 0xf0, 0xff,	/* jmp 401012 */
	       0x48, 0x89, 0xe5, 0xe9, 0xf4, 0x0f, 0xf0, 0xff) },
	{ "xor; ret; padding", BYTES(0x31, 0xc0, 0xc3), TO_PAD, CODE(0x31, 0xc0, 0xc3, 0xcc) },
	{ "jmp", BYTES(0xe9, 0x00, 0x01, 0x00, 0x00), TO_PAD, CODE(0xe9, 0x00, 0x11, 0xf0, 0xff, 0xcc) },
	{ "call", BYTES(0xe8, 0x00, 0x01, 0x00, 0x00), PATCH(0xe8, 0xfb, 0xef, 0x0f, 0x00),
	  CODE(0xe9, 0x00, 0x11, 0xf0, 0xff, 0xcc) },
	{ "mov %rsp,%rdi; call", BYTES(0x48, 0x89, 0xe7, 0xe8, 0x00, 0x01, 0x00, 0x00),
	  PATCH(0x2e, 0x2e, 0x2e, 0xe8, 0xf8, 0xef, 0x0f, 0x00),
	  CODE(0x48, 0x8d, 0x7c, 0x24, 0x08,			/* lea 8(%rsp),%rdi */
	       0xe9, 0xfe, 0x10, 0xf0, 0xff) },
	{ "mov (%rsp),%rdi; call", BYTES(0x48, 0x8b, 0x3c, 0x24, 0xe8, 0x00, 0x01, 0x00, 0x00),
	  PATCH(0x2e, 0x2e, 0x2e, 0x2e, 0xe8, 0xf7, 0xef, 0x0f, 0x00),
	  CODE(0x48, 0x8b, 0x7c, 0x24, 0x08, 0xe9, 0xff, 0x10, 0xf0, 0xff) },
	{ "mov %al,(%rsp); call *0x78(%rsp)", BYTES(0x88, 0x04, 0x24, 0xff, 0x54, 0x24, 0x78),
	  PATCH(0x2e, 0x2e, 0xe8, 0xf9, 0xef, 0x0f, 0x00),
	  CODE(0x88, 0x44, 0x24, 0x08,				/* mov %al,8(%rsp) */
	       0xff, 0xa4, 0x24, 0x80, 0x00, 0x00, 0x00,	/* jmp *0x80(%rsp) */
	       0xcc) },
	{ "push %r12; call *0x100(%rip)", BYTES(0x41, 0x54, 0xff, 0x15, 0x00, 0x01, 0x00, 0x00),
	  PATCH(0x2e, 0x2e, 0x2e, 0xe8, 0xf8, 0xef, 0x0f, 0x00),
	  CODE(0xff, 0x34, 0x24,				/* push (%rsp) */
	       0x4c, 0x89, 0x64, 0x24, 0x08,			/* mov %r12,8(%rsp) */
	       0xff, 0x25, 0xfa, 0x10, 0xf0, 0xff,		/* jmp *401108 */
	       0xcc) },
	{ "push $-2; call *%rax", BYTES(0x68, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xd0), TO_PAD,
	  CODE(0x68, 0xfe, 0xff, 0xff, 0xff, 0xe9, 0xfb, 0x0f, 0xf0, 0xff) },
	{ "push $-2; xchg; call *%rax", BYTES(0x6a, 0xfe, 0x93, 0xff, 0xd0), PATCH(0xe8, 0xfb, 0xef, 0x0f, 0x00),
	  CODE(0xff, 0x34, 0x24,
	       0x48, 0xc7, 0x44, 0x24, 0x08, 0xfe, 0xff, 0xff, 0xff,	/* movq $-2,8(%rsp) */
	       0x93, 0xff, 0xe0, 0xcc) },
	{ "sub $8,%rsp; call", BYTES(0x48, 0x83, 0xec, 0x08, 0xe8, 0x00, 0x01, 0x00, 0x00), TO_PAD,
	  CODE(0x48, 0x83, 0xec, 0x08,
	       0xe8, 0x01, 0x00, 0x00, 0x00, 0xcc,		/* call over the int3 */
	       0x48, 0x8d, 0x64, 0x24, 0x08,			/* lea 8(%rsp),%rsp */
	       0xff, 0x35, 0x0b, 0x00, 0x00, 0x00,		/* push 500020 */
	       0xe9, 0xef, 0x10, 0xf0, 0xff,			/* jmp 401109 */
	       0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc,
	       0x09, 0x10, 0x40, 0x00, 0x00, 0x00, 0x00, 0x00,	/* 401009 */
	       0xcc) },
	{ "a count, locked", BYTES(0xb8, 1, 0, 0, 0), .counts = true, .dead = UPR_GPR(UPR_R11), TO_PAD,
	  CODE(0xf3, 0x41, 0x0f, 0xc7, 0xfb,			/* rdpid %r11 */
	       0x41, 0x81, 0xe3, 0xff, 0x0f, 0x00, 0x00,	/* and $0xfff,%r11d */
	       0x41, 0x83, 0xfb, 0x02,				/* cmp $2,%r11d */
	       0x72, 0x03, 0x45, 0x31, 0xdb,			/* jb over xor %r11d,%r11d */
	       0x4e, 0x8b, 0x1c, 0xdd, 0x10, 0x00, 0x00, 0x10,	/* mov 10000010(,%r11,8),%r11 */
	       0xf0, 0x49, 0xff, 0x83, 0x28, 0x00, 0x00, 0x00,	/* lock incq 0x28(%r11) */
	       0xb8, 1, 0, 0, 0, 0xe9, 0xd6, 0x0f, 0xf0, 0xff) },
	{ "a count, locked, a register with short encodings", BYTES(0xb8, 1, 0, 0, 0), .counts = true,
	  .dead = UPR_GPR(UPR_RSI), TO_PAD,
	  CODE(0xf3, 0x0f, 0xc7, 0xfe, 0x81, 0xe6, 0xff, 0x0f, 0x00, 0x00, 0x83, 0xfe, 0x02,
	       0x72, 0x02, 0x31, 0xf6,				/* jb over xor %esi,%esi */
	       0x48, 0x8b, 0x34, 0xf5, 0x10, 0x00, 0x00, 0x10, 0xf0, 0x48, 0xff, 0x86, 0x28, 0x00, 0x00, 0x00,
	       0xb8, 1, 0, 0, 0) },
	{ "a count, locked, without rdpid, flags alive", BYTES(0xb8, 1, 0, 0, 0), .counts = true, .no_rdpid = true,
	  .live_flags = true, .dead = UPR_GPR(UPR_RCX), TO_PAD,
	  CODE(0x48, 0x8d, 0x64, 0x24, 0x80, 0x50,		/* lea -0x80(%rsp),%rsp; push %rax */
	       0x9f, 0x0f, 0x90, 0xc0,				/* lahf; seto %al */
	       0x48, 0x8b, 0x0c, 0x25, 0x10, 0x00, 0x00, 0x10,	/* mov 10000010,%rcx */
	       0xf0, 0x48, 0xff, 0x81, 0x28, 0x00, 0x00, 0x00,
	       0x04, 0x7f, 0x9e,				/* add $0x7f,%al; sahf */
	       0x58, 0x48, 0x8d, 0xa4, 0x24, 0x80, 0x00, 0x00, 0x00,
	       0xb8, 1, 0, 0, 0, 0xe9, 0xd5, 0x0f, 0xf0, 0xff) },
	{ "a count in an rseq section", BYTES(0xb8, 1, 0, 0, 0), .counts = true, .rseq = true, .dead = UPR_GPR(UPR_RDX),
	  TO_PAD,
	  CODE(0x48, 0x8d, 0x15, 0x79, 0x00, 0x00, 0x00,	/* lea 500080,%rdx */
	       0x64, 0x48, 0x89, 0x14, 0x25, 0x28, 0x09, 0x00, 0x00,	/* mov %rdx,%fs:0x928 */
	       0x64, 0x8b, 0x14, 0x25, 0x24, 0x09, 0x00, 0x00,	/* mov %fs:0x924,%edx */
	       0x83, 0xfa, 0x02, 0x73, 0x19,			/* cmp $2,%edx; jae 500036 */
	       0x48, 0x8b, 0x14, 0xd5, 0x00, 0x00, 0x00, 0x10,	/* mov 10000000(,%rdx,8),%rdx */
	       0x48, 0xff, 0x82, 0x28, 0x00, 0x00, 0x00,	/* incq 0x28(%rdx) */
	       0xb8, 1, 0, 0, 0, 0xe9, 0xcf, 0x0f, 0xf0, 0xff,
	       0xf3, 0x0f, 0xc7, 0xfa) },
	{ "a count in an rseq section, all alive", BYTES(0xb8, 1, 0, 0, 0), .counts = true, .rseq = true,
	  .live_flags = true, TO_PAD,
	  CODE(0x48, 0x8d, 0x64, 0x24, 0x80, 0x51, 0x50,	/* lea -0x80(%rsp),%rsp; push %rcx; push %rax */
	       0x48, 0x8d, 0x0d, 0x92, 0x00, 0x00, 0x00,
	       0x64, 0x48, 0x89, 0x0c, 0x25, 0x28, 0x09, 0x00, 0x00,
	       0x64, 0x0f, 0xb7, 0x0c, 0x25, 0x26, 0x09, 0x00, 0x00,	/* movzwl %fs:0x926,%ecx */
	       0xe3, 0x05, 0xe9, 0x36, 0x00, 0x00, 0x00,	/* jrcxz over jmp 50005d */
	       0x64, 0x8b, 0x0c, 0x25, 0x24, 0x09, 0x00, 0x00,
	       0x48, 0x8b, 0x0c, 0xcd, 0x00, 0x00, 0x00, 0x10,
	       0x48, 0x8b, 0x81, 0x28, 0x00, 0x00, 0x00,	/* mov 0x28(%rcx),%rax */
	       0x48, 0x8d, 0x40, 0x01,				/* lea 1(%rax),%rax */
	       0x48, 0x89, 0x81, 0x28, 0x00, 0x00, 0x00,	/* mov %rax,0x28(%rcx) */
	       0x58, 0x59, 0x48, 0x8d, 0xa4, 0x24, 0x80, 0x00, 0x00, 0x00,
	       0xb8, 1, 0, 0, 0, 0xe9, 0xa8, 0x0f, 0xf0, 0xff,
	       0x9f) },
};

static void describe(struct upr_pad *pad, const struct upr_jump *jump)
{
	memset(pad, 0, sizeof(*pad));
	pad->jump = jump;
	pad->addr = ADDR;
	pad->pad = PAD;
	pad->env = (struct upr_pad_env){.table = 0x10000000, .nr_cpus = 2, .rseq = UPR_NO_RSEQ, .rdpid = true};
}

static void hex(const char *what, const u8 *bytes, unsigned int len)
{
	char text[400];
	unsigned int i, n = 0;

	for (i = 0; i < len && n + 4 < sizeof(text); i++)
		n += (unsigned int)snprintf(text + n, sizeof(text) - n, "%02x ", bytes[i]);
	diag("%s: %s", what, text);
}

static void test_pad(const struct pad_vector *v)
{
	const struct plan_vector site = {.len = v->len, .clear = v->clear};
	struct upr_facts facts;
	struct upr_jump jump;
	struct upr_pad pad;
	u8 *buf, patch[32];
	unsigned int size;
	int ret;

	fill_facts(&site, &facts);
	memcpy(facts.code, v->code, v->len);
	ret = upr_jump_analyze(&jump, &facts, IN_PAGE, UPR_INSN_64, 0, NULL);
	describe(&pad, &jump);
	pad.env.rseq = v->rseq ? 0x920 : UPR_NO_RSEQ;
	pad.env.rdpid = !v->no_rdpid;
	pad.nr_counts = v->counts;
	pad.counts[0] = (struct upr_pad_count){.counter = 5, .dead_gpr = v->dead, .flags_dead = !v->live_flags};
	if (!ok(!ret, "pad: %s: planned", v->text))
		return;
	size = upr_pad_size(&pad);
	buf = malloc(size);
	upr_jump_patch(&jump, ADDR, PAD, patch);
	ret = upr_pad_build(&pad, buf, size);
	if (!ok(!ret && jump.patch == v->patch_len && !memcmp(patch, v->patch, v->patch_len) &&
		size >= v->pad_len && !memcmp(buf, v->pad, v->pad_len), "pad: %s", v->text)) {
		hex("patch", patch, jump.patch);
		hex("pad", buf, v->pad_len);
		diag("returned %d, %u bytes", ret, size);
	}
	free(buf);
}

static u64 word(const u8 *at)
{
	u64 value;

	memcpy(&value, at, sizeof(value));
	return value;
}

/* The one of "a count in an rseq section": what the kernel will look at. */
static void test_descriptor(void)
{
	static const struct plan_vector site = {.code = {0xb8, 1, 0, 0, 0}, .len = 5};
	static const u8 signature[] = {0x53, 0x30, 0x05, 0x53};
	struct upr_facts facts;
	struct upr_jump jump;
	struct upr_pad pad;
	u8 buf[192];
	u64 handler;

	fill_facts(&site, &facts);
	upr_jump_analyze(&jump, &facts, IN_PAGE, UPR_INSN_64, 0, NULL);
	describe(&pad, &jump);
	pad.env.rseq = 0x920;
	pad.nr_counts = 1;
	pad.counts[0] = (struct upr_pad_count){.counter = 5, .dead_gpr = UPR_GPR(UPR_RDX), .flags_dead = true};
	if (!ok(upr_pad_size(&pad) == sizeof(buf) && !upr_pad_build(&pad, buf, sizeof(buf)), "descriptor: pad built"))
		return;
	handler = word(buf + 0x98) - PAD;
	is_int((long long)word(buf + 0x80), 0, "descriptor: version and flags");
	is_int((long long)word(buf + 0x88), PAD + 16, "descriptor: the section starts behind the store of its address");
	is_int((long long)word(buf + 0x90), 44 - 16, "descriptor: and ends with the increment");
	ok(handler < sizeof(buf) - 5 && !memcmp(buf + handler - 4, signature, 4),
	   "descriptor: the signature precedes the abort handler");
	ok(handler < sizeof(buf) - 5 && buf[handler] == 0xe9 && (u32)word(buf + handler + 1) == (u32)-(handler + 5),
	   "descriptor: which begins again");
}

static void test_pads(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pads); i++)
		test_pad(&pads[i]);
}

/* clang-format on */

/* --- places ---------------------------------------------------------------------- */

static void plan_code(struct upr_jump *jump, const u8 *code, size_t len, u8 clear)
{
	struct upr_facts facts = {.len = UPR_SITE_CODE, .clear = clear};

	memset(facts.code, 0xcc, sizeof(facts.code));
	memcpy(facts.code, code, len);
	upr_jump_analyze(jump, &facts, IN_PAGE, UPR_INSN_64, 0, NULL);
}

static void test_pun_reach(void)
{
	/* what follows the one instruction ends in 01 02 03 04, or in a high byte */
	static const struct {
		u8 code[8];
		unsigned int length;
		u64 addr, lo, hi;
	} puns[] = {
		{{0x90, 0x01, 0x02, 0x03, 0x04}, 1, ADDR, ADDR + 5 + 0x04030201, ADDR + 5 + 0x04030201 + 192},
		{{0x66, 0x90, 0x02, 0x03, 0x04}, 2, ADDR, ADDR + 5 + 0x04030200, ADDR + 5 + 0x040302ff + 192},
		{{0x48, 0x89, 0xe5, 0x03, 0x04}, 3, ADDR, ADDR + 5 + 0x04030000, ADDR + 5 + 0x0403ffff + 192},
		{{0x48, 0x83, 0xec, 0x08, 0x04}, 4, ADDR, ADDR + 5 + 0x04000000, ADDR + 5 + 0x04ffffff + 192},
		{{0x48, 0x83, 0xec, 0x08, 0xe8},
		 4,
		 0x7f0000401000,
		 0x7f0000401005 - 0x18000000,
		 0x7f0000401005 - 0x17000001 + 192},
		{{0x48, 0x83, 0xec, 0x08, 0xe8}, 4, ADDR, 0, 0}, /* below nought */
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(puns); i++) {
		struct upr_jump jump;
		u64 lo, hi;

		plan_code(&jump, puns[i].code, 5, 1);
		upr_jump_reach(&jump, puns[i].addr, 192, &lo, &hi);
		if (!ok(jump.form == UPR_JUMP_PUN && jump.patch == puns[i].length && lo == puns[i].lo &&
				hi == puns[i].hi,
			"pun of %u bytes, %02x above: where its pad must lie", puns[i].length, puns[i].code[4]))
			diag("%#llx to %#llx", (unsigned long long)lo, (unsigned long long)hi);
	}
}

/* The bytes that stay and those that are written make a jump to the pad. */
static void test_pun_patch(void)
{
	static const u8 code[] = {0x48, 0x89, 0xe5, 0x03, 0x04};
	u64 lo, hi, at;
	struct upr_jump jump;
	struct upr_pad pad;
	unsigned int wrong = 0, tried = 0, size;

	plan_code(&jump, code, sizeof(code), 1);
	describe(&pad, &jump);
	size = upr_pad_size(&pad);
	upr_jump_reach(&jump, ADDR, size, &lo, &hi);
	for (at = lo; at + size <= hi; at += 977, tried++) {
		u8 text[16] = {0}, buf[256];
		struct upr_insn insn;

		memcpy(text, code, sizeof(code));
		upr_jump_patch(&jump, ADDR, at, text);
		pad.pad = at;
		if (upr_pad_build(&pad, buf, size) || upr_insn_decode(&insn, text, sizeof(text), UPR_INSN_64) ||
		    insn.branch != UPR_BR_JMP || upr_insn_target(&insn, ADDR) != at || memcmp(text + 3, code + 3, 2))
			wrong++;
	}
	ok(tried > 60 && !wrong, "pun: %u places, jumped to by 3 bytes changed and 2 that stay", tried);
	pad.pad = hi + 64;
	ok(size <= 256 && upr_pad_build(&pad, (u8[256]){0}, size) == -ERANGE, "pun: another place is out of reach");
}

static void test_reach(void)
{
	static const u8 plain[] = {0xb8, 1, 0, 0, 0};
	/* mov -0x70000000(%rip),%rax; mov 0x70000000(%rip),%rax */
	static const u8 below[] = {0x48, 0x8b, 0x05, 0, 0, 0, 0x90}, above[] = {0x48, 0x8b, 0x05, 0, 0, 0, 0x70};
	static const u64 addr = 0x7f0000000000;
	u64 lo, hi, lo2, hi2;
	struct upr_jump jump;
	struct upr_pad pad;

	plan_code(&jump, plain, sizeof(plain), 32);
	describe(&pad, &jump);
	upr_jump_reach(&jump, addr, 64, &lo, &hi);
	ok(lo < addr - 0x7fffff00 && hi > addr + 0x7fffff00, "reach: 2 GiB on both sides");
	pad.addr = addr;
	pad.pad = addr + 0x80001000;
	ok(upr_pad_build(&pad, (u8[64]){0}, 64) == -ERANGE, "reach: beyond, no pad is built");
	plan_code(&jump, below, sizeof(below), 32);
	upr_jump_reach(&jump, addr, 64, &lo2, &hi2);
	ok(lo2 == lo && hi2 < addr + 0x10000100 && hi2 > addr + 0x0ffff000, "reach: an operand below moves the end");
	plan_code(&jump, above, sizeof(above), 32);
	upr_jump_reach(&jump, addr, 64, &lo2, &hi2);
	ok(hi2 == hi && lo2 > addr - 0x10000100 && lo2 < addr - 0x0ffff000, "reach: one above moves the begin");
	upr_jump_reach(&jump, 0x1000, 64, &lo, &hi);
	ok(lo == 0 && hi > 0x70000000, "reach: nothing below address nought");
}

static void test_faults(void)
{
	static const struct {
		const char *text;
		u8 code[8];
		bool can;
	} v[] = {
		{"push %rbp; mov; sub", {0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, 0x10}, false},
		{"mov 8(%rsp),%rax", {0x48, 0x8b, 0x44, 0x24, 8}, false},
		{"lea (%rdi,%rsi),%rax; nop", {0x48, 0x8d, 0x04, 0x37, 0x90}, false},
		{"nopw (%rax)", {0x66, 0x0f, 0x1f, 0x44, 0, 0}, false},
		{"neg %eax; not %eax; nop", {0xf7, 0xd8, 0xf7, 0xd0, 0x90}, false},
		{"xor %eax,%eax; mov (%rdi),%rax", {0x31, 0xc0, 0x48, 0x8b, 0x07}, true},
		{"mov %rax,8(%rbp); nop", {0x48, 0x89, 0x45, 8, 0x90}, true},
		{"mov (%rsp,%rcx),%rax; nop", {0x48, 0x8b, 0x04, 0x0c, 0x90}, true},
		{"mov 0(%rip),%eax", {0x8b, 0x05, 0, 1, 0, 0}, true},
		{"mov %fs:0x28,%eax", {0x64, 0x8b, 0x04, 0x25, 0x28, 0, 0, 0}, true},
		{"cltd; idiv %ecx; nop; nop", {0x99, 0xf7, 0xf9, 0x90, 0x90}, true},
		{"div %cl; nop", {0xf6, 0xf1, 0x90, 0x90, 0x90}, true},
		{"rep movsb; nop", {0xf3, 0xa4, 0x90, 0x90, 0x90}, true},
		{"addsd %xmm1,%xmm0; nop", {0xf2, 0x0f, 0x58, 0xc1, 0x90}, true},
		{"xor; ud2; nop", {0x31, 0xc0, 0x0f, 0x0b, 0x90}, true},
	};
	struct upr_jump jump;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(v); i++) {
		plan_code(&jump, v[i].code, sizeof(v[i].code), 32);
		ok(jump.form != UPR_JUMP_NONE && upr_jump_can_fault(&jump) == v[i].can, "%s %s fault", v[i].text,
		   v[i].can ? "can" : "cannot");
	}
}

static void test_env(void)
{
	static const u8 code[] = {0xb8, 1, 0, 0, 0};
	struct upr_jump jump;
	struct upr_pad pad;
	u8 buf[256];

	plan_code(&jump, code, sizeof(code), 32);
	describe(&pad, &jump);
	pad.nr_counts = 1;
	pad.env.table = 0x7fffffe0;
	ok(upr_pad_build(&pad, buf, sizeof(buf)) == -ERANGE, "a table that ends above 2 GiB is out of reach");
	pad.env.table = 0x10000000;
	pad.counts[0].counter = 0x10000000;
	ok(upr_pad_build(&pad, buf, sizeof(buf)) == -ERANGE, "so is a counter 2 GiB from its block");
	pad.counts[0].counter = 0x0fffffff;
	ok(upr_pad_size(&pad) <= sizeof(buf) && !upr_pad_build(&pad, buf, sizeof(buf)), "one below it is not");
}

/* --- leaving ------------------------------------------------------------------------- */

#define STACK 0x10000ull

static u64 stack_words[64];
static int stack_error;

static int seam_read(struct utrace_task *task, u64 addr, void *buf, size_t len)
{
	if (stack_error)
		return stack_error;
	if (addr < STACK || addr + len > STACK + sizeof(stack_words))
		return -EFAULT;
	memcpy(buf, (char *)stack_words + (addr - STACK), len);
	return 0;
}

static int seam_write(struct utrace_task *task, u64 addr, const void *buf, size_t len)
{
	if (stack_error)
		return stack_error;
	if (addr < STACK || addr + len > STACK + sizeof(stack_words))
		return -EFAULT;
	memcpy((char *)stack_words + (addr - STACK), buf, len);
	return 0;
}

static const struct target_ops seam = {.mem_read = seam_read, .mem_write = seam_write};
static struct utrace_task task = {.target = &seam};

/**
 * struct leave_vector - places of one pad: sub $8,%rsp; call 0x401109, all alive, locked, rdpid
 * @rsp:	what is to be added to it
 */
struct leave_vector {
	const char *text;
	unsigned int at;
	enum upr_pad_where where;
	unsigned int insn;
	bool counted;
	u64 ip;
	int rsp;
	bool rcx_saved, rax_saved;
};

static const struct leave_vector leaves[] = {
	{"at its begin", 0, UPR_PAD_AT, 0, false, ADDR, 0, false, false},
	{"behind lea", 5, UPR_PAD_AT, 0, false, ADDR, 128, false, false},
	{"behind push %rcx", 6, UPR_PAD_AT, 0, false, ADDR, 136, true, false},
	{"behind push %rax", 7, UPR_PAD_AT, 0, false, ADDR, 144, true, true},
	{"before lock inc", 36, UPR_PAD_AT, 0, false, ADDR, 144, true, true},
	{"behind lock inc", 44, UPR_PAD_AT, 0, true, ADDR, 144, true, true},
	{"behind pop %rax", 48, UPR_PAD_AT, 0, true, ADDR, 136, true, false},
	{"behind pop %rcx", 49, UPR_PAD_AT, 0, true, ADDR, 128, false, false},
	{"before sub", 57, UPR_PAD_AT, 0, true, ADDR, 0, false, false},
	{"before call", 61, UPR_PAD_AT, 1, true, ADDR + 4, 0, false, false},
	{"behind the call over", 67, UPR_PAD_AT, 1, true, ADDR + 4, 8, false, false},
	{"before push", 72, UPR_PAD_AT, 1, true, ADDR + 4, 0, false, false},
	{"behind push", 78, UPR_PAD_AFTER, 0, false, ADDR + 0x109, 0, false, false},
};

static void leave_pad(struct upr_jump *jump, struct upr_pad *pad)
{
	static const u8 code[] = {0x48, 0x83, 0xec, 0x08, 0xe8, 0x00, 0x01, 0x00, 0x00};

	plan_code(jump, code, sizeof(code), 32);
	describe(pad, jump);
	pad->nr_counts = 1;
}

static void leave_regs(struct upr_regs *regs, const struct upr_pad *pad, unsigned int at)
{
	unsigned int i;

	memset(regs, 0, sizeof(*regs));
	for (i = 0; i < 16; i++)
		regs->gpr[i] = 100 + i;
	regs->gpr[UPR_RSP] = STACK + 64;
	regs->flags = 0x246;
	/* what lahf and seto would make of other flags: SF and CF, OF */
	regs->gpr[UPR_RAX] = 0x8301;
	regs->ip = pad->pad + at;
}

static bool left_right(const struct leave_vector *v, const struct upr_regs *regs)
{
	/* those pushed last lie lowest */
	u64 rcx = v->rcx_saved ? stack_words[v->rax_saved ? 9 : 8] : 101;
	u64 rax = v->rax_saved ? stack_words[8] : 0x8301;

	return regs->ip == v->ip && regs->gpr[UPR_RSP] == STACK + 64 + (u64)v->rsp && regs->gpr[UPR_RCX] == rcx &&
	       regs->gpr[UPR_RAX] == rax && regs->gpr[UPR_RBX] == 103;
}

static void test_leaves(void)
{
	struct upr_jump jump;
	struct upr_pad pad;
	unsigned int i;

	leave_pad(&jump, &pad);
	for (i = 0; i < ARRAY_SIZE(stack_words); i++)
		stack_words[i] = 0x1000 + i;
	for (i = 0; i < ARRAY_SIZE(leaves); i++) {
		const struct leave_vector *v = &leaves[i];
		struct upr_regs regs;
		enum upr_pad_where where;
		unsigned int insn;
		bool counted;
		int ret;

		leave_regs(&regs, &pad, v->at);
		ret = upr_pad_leave(&pad, &task, &regs, &where, &insn, &counted);
		if (!ok(!ret && where == v->where && (where == UPR_PAD_AFTER || insn == v->insn) &&
				(where == UPR_PAD_AFTER || counted == v->counted) && left_right(v, &regs),
			"leave: %s", v->text))
			diag("%d, %d, before %u, counted %d, rip %#llx, rsp %#llx, rcx %#llx, rax %#llx", ret, where,
			     insn, counted, (unsigned long long)regs.ip, (unsigned long long)regs.gpr[UPR_RSP],
			     (unsigned long long)regs.gpr[UPR_RCX], (unsigned long long)regs.gpr[UPR_RAX]);
	}
}

static void test_leave_flags(void)
{
	struct upr_jump jump;
	struct upr_regs regs;
	struct upr_pad pad;
	enum upr_pad_where where;
	unsigned int insn;
	bool counted;

	leave_pad(&jump, &pad);
	leave_regs(&regs, &pad, 44);
	upr_pad_leave(&pad, &task, &regs, &where, &insn, &counted);
	is_int((long long)regs.flags, 0x200 | 0x83 | 0x800, "leave: flags that lahf and seto have kept");
	leave_regs(&regs, &pad, 46);
	upr_pad_leave(&pad, &task, &regs, &where, &insn, &counted);
	is_int((long long)regs.flags, 0x200 | 0x83, "leave: overflow made right already, the others in ah");
	leave_regs(&regs, &pad, 47);
	upr_pad_leave(&pad, &task, &regs, &where, &insn, &counted);
	is_int((long long)regs.flags, 0x246, "leave: flags made right");
}

static void test_no_memory(void)
{
	struct upr_regs regs, before;
	struct upr_jump jump;
	struct upr_pad pad;
	enum upr_pad_where where;
	unsigned int insn;
	bool counted;

	leave_pad(&jump, &pad);
	leave_regs(&regs, &pad, 35);
	before = regs;
	stack_error = -EAGAIN;
	ok(upr_pad_leave(&pad, &task, &regs, &where, &insn, &counted) == -EAGAIN &&
		   !memcmp(&regs, &before, sizeof(regs)),
	   "leave: a stack that cannot be read changes nothing");
	plan_code(&jump, (const u8[]){0xe8, 0, 1, 0, 0}, 5, 32);
	regs.ip = ADDR;
	before = regs;
	ok(upr_pad_enter(&pad, &task, &regs, 0) == -EAGAIN && !memcmp(&regs, &before, sizeof(regs)),
	   "enter: nor does one that cannot be written");
	stack_error = 0;
	ok(!upr_pad_enter(&pad, &task, &regs, 0) && regs.gpr[UPR_RSP] == STACK + 56 && stack_words[7] == ADDR + 5,
	   "enter: a call has its return address pushed");
}

/* --- any window ------------------------------------------------------------------------ */

struct any {
	struct upr_facts facts;
	struct upr_hole hole;
	struct upr_jump jump;
	struct upr_pad pad;
};

/* Bytes that make instructions more often than not. */
static void any_code(struct upr_facts *facts, struct upr_hole *hole)
{
	static const u8 likely[] = {0x48, 0x89, 0x8b, 0xe8, 0xff, 0x24, 0x55, 0x50, 0x53, 0x75, 0xeb, 0xe9, 0xc3, 0x90,
				    0x0f, 0x1f, 0x05, 0x15, 0x83, 0xec, 0xd0, 0xe2, 0xf3, 0x66, 0x6a, 0x68, 0x62, 0xc4};
	unsigned int i;

	for (i = 0; i < sizeof(facts->code); i++)
		facts->code[i] = rnd() & 1 ? likely[rnd() % sizeof(likely)] : (u8)rnd();
	if (!(rnd() % 8))
		memset(facts->code + 1 + rnd() % 4, rnd() & 1 ? 0xcc : 0x90, 16);
	facts->len = rnd() % 8 ? UPR_SITE_CODE : (u8)(rnd() % UPR_SITE_CODE);
	facts->clear = rnd() % 8 ? UPR_SITE_CODE : (u8)(rnd() % 8);
	facts->solo = !(rnd() % 8);
	facts->nr_holes = !(rnd() % 4);
	hole->rel = (s8)rnd();
	facts->holes = hole;
}

static void any_counts(struct upr_pad *pad)
{
	unsigned int i;

	for (i = 0; i < pad->jump->nr; i++)
		if (rnd() & 1)
			pad->counts[pad->nr_counts++] = (struct upr_pad_count){
				.counter = (u32)(rnd() % 100000),
				.insn = (u8)i,
				.flags_dead = rnd() & 1,
				.dead_gpr = (u16)(rnd() & rnd()),
			};
	pad->env.nr_cpus = rnd() & 1 ? 2 : 4096;
	pad->env.rdpid = rnd() & 1;
	if (rnd() % 4)
		pad->env.rseq = rnd() & 1 ? 0x920 : -0x1000;
}

static bool any_place(struct any *a, unsigned int size)
{
	u64 lo, hi;

	a->pad.addr = (rnd() & 0x7fffffffffff) | 0x100000000000;
	upr_jump_reach(&a->jump, a->pad.addr, size, &lo, &hi);
	if (lo >= hi)
		return false;
	switch (rnd() % 3) {
	case 0:
		a->pad.pad = lo;
		break;
	case 1:
		a->pad.pad = hi - size;
		break;
	default:
		a->pad.pad = lo + rnd() % (hi - lo - size + 1);
	}
	if (a->jump.form != UPR_JUMP_PUN)
		a->pad.pad = ALIGN(a->pad.pad, 64);
	return a->pad.pad + size <= hi;
}

/* Both jumps of a hop. */
static bool hop_leads(const struct any *a)
{
	u64 hole = upr_jump_hole(&a->jump, a->pad.addr);
	u8 text[UPR_INSN_MAX] = {0};
	struct upr_insn insn;

	upr_jump_patch(&a->jump, a->pad.addr, a->pad.pad, text);
	if (upr_insn_decode(&insn, text, UPR_INSN_MAX, UPR_INSN_64) || insn.length != UPR_HOP_SIZE ||
	    upr_insn_target(&insn, a->pad.addr) != hole)
		return false;
	upr_jump_fill(&a->jump, a->pad.addr, a->pad.pad, text);
	return !upr_insn_decode(&insn, text, UPR_INSN_MAX, UPR_INSN_64) && insn.length == UPR_JUMP_SIZE &&
	       upr_insn_target(&insn, hole) == a->pad.pad;
}

/* The text, patched, must lead to the pad in one instruction of exactly the patch's length, or a pun's five. */
static bool patch_leads(const struct any *a)
{
	u8 text[UPR_JUMP_CODE + UPR_INSN_MAX] = {0};
	struct upr_insn insn;

	if (a->jump.form == UPR_JUMP_HOP)
		return hop_leads(a);
	memcpy(text, a->facts.code, UPR_JUMP_CODE);
	upr_jump_patch(&a->jump, a->pad.addr, a->pad.pad, text);
	if (upr_insn_decode(&insn, text, UPR_INSN_MAX, UPR_INSN_64) ||
	    upr_insn_target(&insn, a->pad.addr) != a->pad.pad)
		return false;
	if (a->jump.form == UPR_JUMP_CALL)
		return insn.branch == UPR_BR_CALL && insn.length == a->jump.len && insn.length == a->jump.patch;
	return insn.branch == UPR_BR_JMP && insn.length == UPR_JUMP_SIZE;
}

/* From any byte: no harm is done, and what is said makes sense. */
static bool leaves_anywhere(const struct any *a, unsigned int size)
{
	unsigned int at, insn;
	enum upr_pad_where where;
	struct upr_regs regs;
	bool counted;

	for (at = 0; at < size; at++) {
		leave_regs(&regs, &a->pad, at);
		where = UPR_PAD_AFTER;
		if (upr_pad_leave(&a->pad, &task, &regs, &where, &insn, &counted))
			return false;
		if (where == UPR_PAD_AT && (insn >= a->jump.nr || regs.ip != a->pad.addr + a->jump.off[insn]))
			return false;
	}
	return true;
}

static bool enters_everywhere(const struct any *a)
{
	unsigned int i, insn;
	enum upr_pad_where where;
	struct upr_regs regs;
	bool counted;

	for (i = 0; i < a->jump.nr; i++) {
		leave_regs(&regs, &a->pad, 0);
		regs.ip = a->pad.addr + a->jump.off[i];
		if (upr_pad_enter(&a->pad, &task, &regs, i) ||
		    upr_pad_leave(&a->pad, &task, &regs, &where, &insn, &counted))
			return false;
		/* a nop is not there: its place is that of the next */
		if (where == UPR_PAD_AT && (insn < i || (insn == i && !counted)))
			return false;
	}
	return true;
}

/* Return: 1 good, 0 not planned or no place, -1 wrong. */
static int try_any(struct any *a)
{
	unsigned int size;
	bool good;
	u8 *buf;

	memset(a, 0, sizeof(*a));
	any_code(&a->facts, &a->hole);
	if (upr_jump_analyze(&a->jump, &a->facts, rnd() & 0xfff, UPR_INSN_64, 0, NULL))
		return a->jump.form == UPR_JUMP_NONE && a->jump.reason ? 0 : -1;
	describe(&a->pad, &a->jump);
	any_counts(&a->pad);
	size = upr_pad_size(&a->pad);
	if (!any_place(a, size))
		return 0;
	buf = malloc(size);
	good = size % 64 == 0 && !upr_pad_build(&a->pad, buf, size) && patch_leads(a) && leaves_anywhere(a, size) &&
	       enters_everywhere(a);
	free(buf);
	return good ? 1 : -1;
}

static void test_any(void)
{
	unsigned long good[UPR_NR_JUMP_FORMS] = {0};
	unsigned int i, wrong = 0;
	struct any a;

	/* bytes between instructions are asked for, too: the engine would complain of each */
	for (i = 0; i < 30000; i++) {
		int result = try_any(&a);

		if (result > 0)
			good[a.jump.form]++;
		if (result < 0 && wrong++ < 10) {
			hex("wrong", a.facts.code, 24);
			diag("%s, pad %#llx, site %#llx", upr_jump_form_name((enum upr_jump_form)a.jump.form),
			     (unsigned long long)a.pad.pad, (unsigned long long)a.pad.addr);
		}
	}
	for (i = UPR_JUMP_ONE; i < UPR_NR_JUMP_FORMS; i++)
		ok(good[i] > 10, "any code, any place in reach: %s", upr_jump_form_name((enum upr_jump_form)i));
	is_int(wrong, 0, "nothing wrong with any of them");
}

int main(void)
{
	test_plans();
	test_pads();
	test_descriptor();
	test_pun_reach();
	test_pun_patch();
	test_reach();
	test_faults();
	test_env();
	test_leaves();
	test_leave_flags();
	test_no_memory();
	test_any();
	return done_testing();
}
