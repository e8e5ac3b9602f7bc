// SPDX-License-Identifier: GPL-2.0
/*
 * gen-opcodes - turns x86-opcode-map.txt into the decoder's C table.
 *
 * Purpose: a host program of the build.  Reads the map (its head explains the
 * notation), checks that no two lines can claim the same bytes, and prints the
 * slots, picks and forms that insn-table.h describes.
 * Single-threaded; no locks.
 */
/* tables, aligned by hand */
/* clang-format off */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#include <upr-compat.h>
#include <utrace/insn.h>
#include "../lib/insn-table.h"

#define MAX_PICKS	8192
#define MAX_FORMS	4096
#define MAX_WORDS	32

/* Conditions that a line may restrict, by dimension. */
#define DIM_PP		0x0000000fu
#define DIM_MOD		(UPR_ON_MEM | UPR_ON_REG)
#define DIM_W		(UPR_ON_W(0) | UPR_ON_W(1))
#define DIM_L		0x00000f00u
#define DIM_MODE	(UPR_ON_64 | UPR_ON_32)
#define DIM_B		(UPR_ON_B(0) | UPR_ON_B(1))
#define DIM_EXT		0x00ff0000u
#define DIM_RM		0xff000000u

struct line {
	u32 on;
	int form;
	int number;
	bool otherwise;
};

struct slot {
	struct line *lines;
	int count;
	int modrm;		/* -1 not known yet, else UPR_SLOT_* */
};

static struct slot slots[UPR_NR_SP][256];
static struct upr_opc_form forms[MAX_FORMS];
static int nr_forms;
static const char *map_name;
static int line_number;

static const char *const space_names[UPR_NR_SP] = {
	"1b",	   "0f",	"0f38",	     "0f3a",	"3dnow",   "vex.0f", "vex.0f38", "vex.0f3a",
	"evex.0f", "evex.0f38", "evex.0f3a", "evex.m5", "evex.m6", "xop.8",  "xop.9",	 "xop.a",
};

static const char *const reg_names[16] = {
	"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
	"r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15",
};

static void __attribute__((noreturn, format(printf, 1, 2))) fail(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s:%d: ", map_name, line_number);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

/* ---- conditions ---------------------------------------------------------- */

static void restrict_on(u32 *on, u32 dim, u32 bits)
{
	if (!(*on & dim & bits))
		fail("condition leaves nothing");
	*on &= ~dim | bits;
}

/* "np,66" and the like: one dimension, several values. */
static bool when_list(u32 *on, const char *word)
{
	static const struct {
		const char *name;
		u32 dim;
		u32 bit;
	} values[] = {
		{ "np", DIM_PP, UPR_ON_PP(0) },	  { "66", DIM_PP, UPR_ON_PP(1) },    { "f3", DIM_PP, UPR_ON_PP(2) },
		{ "f2", DIM_PP, UPR_ON_PP(3) },	  { "mem", DIM_MOD, UPR_ON_MEM },    { "reg", DIM_MOD, UPR_ON_REG },
		{ "W0", DIM_W, UPR_ON_W(0) },	  { "W1", DIM_W, UPR_ON_W(1) },	     { "L0", DIM_L, UPR_ON_L(0) },
		{ "L1", DIM_L, UPR_ON_L(1) },	  { "L2", DIM_L, UPR_ON_L(2) },	     { "L3", DIM_L, UPR_ON_L(3) },
		{ "o64", DIM_MODE, UPR_ON_64 },	  { "o32", DIM_MODE, UPR_ON_32 },    { "B0", DIM_B, UPR_ON_B(0) },
		{ "B1", DIM_B, UPR_ON_B(1) },
	};
	u32 dim = 0, bits = 0;

	while (*word) {
		size_t len = strcspn(word, ","), i;

		for (i = 0; i < sizeof(values) / sizeof(values[0]); i++)
			if (strlen(values[i].name) == len && !strncmp(word, values[i].name, len))
				break;
		if (i == sizeof(values) / sizeof(values[0]) || (dim && dim != values[i].dim))
			return false;
		dim = values[i].dim;
		bits |= values[i].bit;
		word += len + (word[len] == ',');
	}
	restrict_on(on, dim, bits);
	return true;
}

static void parse_when(struct line *l, const char *word)
{
	if (!strcmp(word, "else")) {
		l->otherwise = true;
	} else if (word[0] == '/' && word[1] >= '0' && word[1] <= '7' && !word[2]) {
		restrict_on(&l->on, DIM_EXT, UPR_ON_EXT(word[1] - '0'));
	} else if (!strncmp(word, "rm", 2) && word[2] >= '0' && word[2] <= '7' && !word[3]) {
		restrict_on(&l->on, DIM_MOD, UPR_ON_REG);
		restrict_on(&l->on, DIM_RM, UPR_ON_RM(word[2] - '0'));
	} else if (!when_list(&l->on, word)) {
		fail("unknown condition '%s'", word);
	}
}

/* ---- operands ------------------------------------------------------------ */

static u8 parse_access(const char *acc)
{
	if (!*acc || !strcmp(acc, "r"))
		return UPR_USE_R;
	if (!strcmp(acc, "w"))
		return UPR_USE_W;
	if (!strcmp(acc, "rw") || !strcmp(acc, "cw"))
		return UPR_USE_R | UPR_USE_W;
	if (!strcmp(acc, "n"))
		return UPR_USE_NO;
	fail("unknown access ':%s'", acc);
}

static u8 gpr_class(char size)
{
	switch (size) {
	case 'b':
		return UPR_CL_GPR8;
	case 'w':
		return UPR_CL_GPR16;
	case 'v':
		return UPR_CL_GPRV;
	case 'a':
		return UPR_CL_GPRA;
	case 'd':
	case 'q':
	case 'y':
	case 'f':
		return UPR_CL_GPRF;
	}
	fail("unknown register size '%c'", size);
}

enum place { AT_REG, AT_RM, AT_VVVV, AT_OP };

/* The letters that need no size.  mod: 0 either, else the one that they demand. */
static const struct operand {
	const char *name;
	u8 place;
	u8 class;
	u32 mod;
	bool vector;
} operands[] = {
	{ "V", AT_REG, UPR_CL_VEC, 0, true },
	{ "W", AT_RM, UPR_CL_VEC, 0, true },
	{ "U", AT_RM, UPR_CL_VEC, UPR_ON_REG, true },
	{ "H", AT_VVVV, UPR_CL_VEC, 0, true },
	{ "P", AT_REG, UPR_CL_MMX, 0, true },
	{ "Q", AT_RM, UPR_CL_MMX, 0, true },
	{ "N", AT_RM, UPR_CL_MMX, UPR_ON_REG, true },
	{ "Kr", AT_REG, UPR_CL_MASK, 0, true },
	{ "Km", AT_RM, UPR_CL_MASK, 0, true },
	{ "Kn", AT_RM, UPR_CL_MASK, UPR_ON_REG, true },
	{ "Kv", AT_VVVV, UPR_CL_MASK, 0, true },
	{ "Tr", AT_REG, UPR_CL_TILE, 0, true },
	{ "Tm", AT_RM, UPR_CL_TILE, UPR_ON_REG, true },
	{ "Tv", AT_VVVV, UPR_CL_TILE, 0, true },
	{ "Br", AT_REG, UPR_CL_BND, 0, false },
	{ "Bm", AT_RM, UPR_CL_BND, 0, false },
	{ "Sw", AT_REG, UPR_CL_SEG, 0, false },
	{ "C", AT_REG, UPR_CL_CR, 0, false },
	{ "D", AT_REG, UPR_CL_DR, 0, false },
	{ "F", AT_RM, UPR_CL_X87, UPR_ON_REG, true },
};

struct parse {
	struct line line;
	struct upr_opc_form form;
	bool modrm;
	bool regonly;
	bool nomodrm;
	bool byte_operand;
	bool sized;		/* by the operand size */
	bool wide_operand;
};

static void set_use(struct parse *p, enum place place, u8 use)
{
	u8 *at[] = { &p->form.reg, &p->form.rm, &p->form.vvvv, &p->form.op };

	if (*at[place])
		fail("two operands in one field");
	*at[place] = use;
	if (place == AT_REG || place == AT_RM)
		p->modrm = true;
}

static bool parse_imm(struct parse *p, const char *name, const char *acc)
{
	static const struct {
		const char *name;
		u8 imm;
	} imms[] = {
		{ "Ib", UPR_IMM_B },   { "Iw", UPR_IMM_W }, { "Iz", UPR_IMM_Z }, { "Iv", UPR_IMM_V }, { "Id", UPR_IMM_D },
		{ "Jb", UPR_IMM_JB },  { "Jz", UPR_IMM_JZ }, { "Ap", UPR_IMM_P }, { "Ob", UPR_IMM_O }, { "Ov", UPR_IMM_O },
		{ "I4", UPR_IMM_I4 },
	};
	size_t i;

	for (i = 0; i < sizeof(imms) / sizeof(imms[0]) && strcmp(imms[i].name, name); i++)
		;
	if (i == sizeof(imms) / sizeof(imms[0]))
		return false;
	if (p->form.imm > 0xf)
		fail("three immediates");
	p->form.imm |= imms[i].imm << (p->form.imm ? 4 : 0);
	if (imms[i].imm == UPR_IMM_O) {
		u8 use = parse_access(acc);

		p->form.attr |= UPR_INSN_MEM | UPR_INSN_MOFFS;
		p->form.attr |= (use & UPR_USE_R ? UPR_INSN_MEM_READ : 0) | (use & UPR_USE_W ? UPR_INSN_MEM_WRITE : 0);
		p->byte_operand |= name[1] == 'b';
	}
	if (imms[i].imm == UPR_IMM_I4)
		p->form.attr |= UPR_INSN_VECTOR;
	return true;
}

static void parse_gpr(struct parse *p, const char *name, u8 use)
{
	static const char letters[] = "GERBZ";
	static const enum place places[] = { AT_REG, AT_RM, AT_RM, AT_VVVV, AT_OP };
	const char *at = strchr(letters, name[0]);

	if (!at || !name[1] || name[2])
		fail("unknown operand '%s'", name);
	if (name[0] == 'R' && !p->regonly)
		restrict_on(&p->line.on, DIM_MOD, UPR_ON_REG);
	if (name[1] == 'b')
		p->byte_operand = true;
	else
		p->wide_operand = true;
	p->sized |= name[1] == 'v';
	set_use(p, places[at - letters], use | gpr_class(name[1]));
}

static void parse_operand(struct parse *p, char *word)
{
	char *acc = strchr(word, ':');
	size_t i;
	u8 use;

	if (acc)
		*acc++ = '\0';
	else
		acc = "";
	if (parse_imm(p, word, acc))
		return;
	use = parse_access(acc);
	if (word[0] == 'M') {
		restrict_on(&p->line.on, DIM_MOD, UPR_ON_MEM);
		set_use(p, AT_RM, use);
		p->byte_operand |= word[1] == 'b';
		p->wide_operand |= word[1] && word[1] != 'b';
		return;
	}
	for (i = 0; i < sizeof(operands) / sizeof(operands[0]); i++) {
		const struct operand *o = &operands[i];

		if (strcmp(o->name, word) && !(o->name[1] == '\0' && word[0] == o->name[0] && o->class == UPR_CL_VEC))
			continue;
		if (o->mod)
			restrict_on(&p->line.on, DIM_MOD, o->mod);
		if (o->vector)
			p->form.attr |= UPR_INSN_VECTOR;
		set_use(p, o->place, use | o->class);
		return;
	}
	parse_gpr(p, word, use);
}

/* ---- effects ------------------------------------------------------------- */

static u16 parse_flags(const char *word)
{
	static const char letters[] = "cpazstidox";
	static const u16 bits[] = { UPR_FL_CF, UPR_FL_PF, UPR_FL_AF, UPR_FL_ZF, UPR_FL_SF,
				    UPR_FL_TF, UPR_FL_IF, UPR_FL_DF, UPR_FL_OF, UPR_OPC_FL_AC };
	u16 set = 0;

	for (; *word; word++) {
		const char *at = strchr(letters, *word);

		if (!at)
			fail("unknown flag '%c'", *word);
		set |= bits[at - letters];
	}
	return set;
}

/* "rax:rw", "rdx.v:w": an implicit register. */
static bool parse_implicit(struct upr_opc_form *f, const char *word)
{
	size_t len = strcspn(word, ".:");
	const char *acc = strchr(word, ':');
	char size = 'f';
	u8 use;
	int n;

	if (!acc)
		return false;
	for (n = 0; n < 16; n++)
		if (strlen(reg_names[n]) == len && !strncmp(word, reg_names[n], len))
			break;
	if (n == 16)
		return false;
	if (word[len] == '.')
		size = word[len + 1];
	use = parse_access(acc + 1);
	if (use & UPR_USE_R)
		f->gpr_r |= 1u << n;
	if (use & UPR_USE_W) {
		if (size == 'v')
			f->gpr_wv |= 1u << n;
		else
			f->gpr_w |= 1u << n;
		if (size == 'b' || size == 'w')
			f->gpr_r |= 1u << n;
	}
	return true;
}

static bool parse_branch(struct upr_opc_form *f, const char *name)
{
	static const char *const names[] = {
		[UPR_BR_JMP] = "jmp",	      [UPR_BR_JCC] = "jcc",	      [UPR_BR_LOOP] = "loop",
		[UPR_BR_CALL] = "call",	      [UPR_BR_JMP_IND] = "jmp_ind",   [UPR_BR_CALL_IND] = "call_ind",
		[UPR_BR_RET] = "ret",	      [UPR_BR_FAR] = "far",	      [UPR_BR_SYSCALL] = "syscall",
		[UPR_BR_SYSENTER] = "sysenter", [UPR_BR_INT] = "int",	      [UPR_BR_XBEGIN] = "xbegin",
		[UPR_BR_TRAP] = "trap",
	};
	size_t i;

	for (i = 1; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(names[i], name)) {
			f->branch = i;
			return true;
		}
	}
	return false;
}

static const struct effect {
	const char *name;
	u32 traits;
	u16 attr;
	u16 rsp;		/* reads and writes rsp */
} effects[] = {
	{ "lock", UPR_OPC_LOCK, 0, 0 },
	{ "d64", UPR_OPC_D64, 0, 0 },
	{ "f64", UPR_OPC_F64, 0, 0 },
	{ "b8", UPR_OPC_OP8, 0, 0 },
	{ "cc", UPR_OPC_CC, 0, 0 },
	{ "count", UPR_OPC_COUNT, 0, 0 },
	{ "maybe", UPR_OPC_MAYBE, 0, 0 },
	{ "nosize", UPR_OPC_P66, 0, 0 },
	{ "port", UPR_OPC_NOWSWAP, 0, 0 },
	{ "push", 0, UPR_INSN_STACK, 1 },
	{ "pop", 0, UPR_INSN_STACK, 1 },
	{ "stack", 0, UPR_INSN_STACK, 0 },
	{ "string", 0, UPR_INSN_STRING, 0 },
	{ "priv", 0, UPR_INSN_PRIV, 0 },
	{ "iopl", 0, UPR_INSN_PRIV, 0 },
	{ "popf", 0, UPR_INSN_FLAGS_POP, 0 },
	{ "pushf", 0, UPR_INSN_FLAGS_PUSH, 0 },
	{ "nop", 0, UPR_INSN_NOP, 0 },
	{ "endbr", 0, UPR_INSN_ENDBR, 0 },
	{ "vector", 0, UPR_INSN_VECTOR, 0 },
	{ "x87", 0, UPR_INSN_VECTOR, 0 },
	{ "mmx", 0, UPR_INSN_VECTOR, 0 },
	{ "vsib", UPR_OPC_SIBMEM | UPR_OPC_NO16, UPR_INSN_VSIB, 0 },
	{ "gather", UPR_OPC_GATHER, 0, 0 },
	{ "distinct", UPR_OPC_DISTINCT, 0, 0 },
	{ "tile3", UPR_OPC_TILE3, 0, 0 },
	{ "sibmem", UPR_OPC_SIBMEM | UPR_OPC_NO16, 0, 0 },
	{ "mib", UPR_OPC_MIB, 0, 0 },
	{ "no16", UPR_OPC_NO16, 0, 0 },
	{ "norip", UPR_OPC_NORIP, 0, 0 },
	{ "a64", UPR_OPC_A64, 0, 0 },
	{ "k", UPR_OPC_EVEX_MASK, 0, 0 },
	{ "kz", UPR_OPC_EVEX_MASK | UPR_OPC_EVEX_ZERO, 0, 0 },
	{ "k!", UPR_OPC_EVEX_MASK | UPR_OPC_EVEX_NEEDK, 0, 0 },
	{ "b", UPR_OPC_EVEX_BCST, 0, 0 },
	{ "er", UPR_OPC_EVEX_ER, 0, 0 },
	{ "sae", UPR_OPC_EVEX_SAE, 0, 0 },
};

static void parse_effect(struct parse *p, const char *word)
{
	struct upr_opc_form *f = &p->form;
	size_t i;

	if (!strncmp(word, "fr=", 3)) {
		f->flags_r |= parse_flags(word + 3);
		return;
	}
	if (!strncmp(word, "fw=", 3)) {
		f->flags_w |= parse_flags(word + 3);
		return;
	}
	if (!strncmp(word, "br=", 3) && parse_branch(f, word + 3))
		return;
	if (!strcmp(word, "regonly") || !strcmp(word, "nomodrm") || parse_implicit(f, word))
		return;
	for (i = 0; i < sizeof(effects) / sizeof(effects[0]); i++) {
		if (strcmp(effects[i].name, word))
			continue;
		f->traits |= effects[i].traits;
		f->attr |= effects[i].attr;
		if (effects[i].rsp) {
			f->gpr_r |= UPR_GPR(UPR_RSP);
			f->gpr_w |= UPR_GPR(UPR_RSP);
		}
		return;
	}
	fail("unknown effect '%s'", word);
}

/* ---- lines --------------------------------------------------------------- */

static int intern_form(const struct upr_opc_form *f)
{
	int i;

	for (i = 0; i < nr_forms; i++)
		if (!memcmp(&forms[i], f, sizeof(*f)))
			return i;
	if (nr_forms == MAX_FORMS)
		fail("too many forms");
	forms[nr_forms] = *f;
	return nr_forms++;
}

static void add_line(int space, int opcode, const struct line *l, int modrm)
{
	struct slot *s = &slots[space][opcode];
	int i;

	for (i = 0; i < s->count; i++) {
		u32 both = s->lines[i].on & l->on;

		if (s->lines[i].otherwise || l->otherwise)
			continue;
		if ((both & DIM_PP) && (both & DIM_MOD) && (both & DIM_W) && (both & DIM_L) && (both & DIM_MODE) &&
		    (both & DIM_B) && (both & DIM_EXT) && (both & DIM_RM))
			fail("claims bytes that line %d claims too", s->lines[i].number);
	}
	if (!s->count)
		s->modrm = modrm;
	else if (s->modrm != modrm)
		fail("opcode %02x: with and without ModRM", opcode);
	s->lines = realloc(s->lines, (s->count + 1) * sizeof(*l));
	if (!s->lines)
		fail("out of memory");
	for (i = s->count; i > 0 && s->lines[i - 1].otherwise; i--)
		s->lines[i] = s->lines[i - 1];
	s->lines[i] = *l;
	s->count++;
}

static int parse_space(const char *name)
{
	int i;

	for (i = 0; i < UPR_NR_SP; i++)
		if (!strcmp(space_names[i], name))
			return i;
	fail("unknown map '%s'", name);
}

/* Splits at blanks; returns the number of words. */
static int split(char *s, char **words)
{
	int n = 0;

	for (s = strtok(s, " \t\n"); s; s = strtok(NULL, " \t\n")) {
		if (n == MAX_WORDS)
			fail("too many words");
		words[n++] = s;
	}
	return n;
}

static void finish_form(struct parse *p, int space)
{
	struct upr_opc_form *f = &p->form;
	u32 pp = p->line.on & DIM_PP;

	if (p->byte_operand && !p->wide_operand)
		f->traits |= UPR_OPC_OP8;
	/* 66 sets no size where it, or f2 or f3 with no size to set, selects the form. */
	if (space <= UPR_SP_0F3A && (pp == UPR_ON_PP(1) || (!(pp & UPR_ON_PP(0)) && !p->sized)))
		f->traits |= UPR_OPC_P66;
	if ((p->line.on & DIM_EXT) != DIM_EXT || (p->line.on & DIM_MOD) != DIM_MOD)
		p->modrm = true;
	/* Everything newer has one, vzeroupper excepted. */
	if (space >= UPR_SP_3DNOW && !p->nomodrm)
		p->modrm = true;
}

static void parse_line(char *text)
{
	char *part[3] = { text, NULL, NULL }, *words[MAX_WORDS];
	struct parse p = { .line = { .on = 0xffffffffu, .number = line_number } };
	int space, first, last, i, n, nparts = 1;

	for (char *bar = text; (bar = strchr(bar, '|')) && nparts < 3; nparts++) {
		*bar++ = '\0';
		part[nparts] = bar;
	}
	if (nparts < 2)
		fail("no '|'");
	n = split(part[0], words);
	if (n < 2)
		fail("a line begins with map and opcode");
	space = parse_space(words[0]);
	first = strtol(words[1], NULL, 16);
	last = strchr(words[1], '-') ? strtol(strchr(words[1], '-') + 1, NULL, 16) : first;
	if (first < 0 || last > 255 || last < first)
		fail("bad opcode '%s'", words[1]);
	for (i = 2; i < n; i++)
		parse_when(&p.line, words[i]);
	p.regonly = part[2] && strstr(part[2], "regonly");
	p.nomodrm = part[2] && strstr(part[2], "nomodrm");
	n = split(part[1], words);
	for (i = 1; i < n; i++) {
		/* A mnemonic may be of two words, lower case; operands begin upper case. */
		if (words[i][0] >= 'A' && words[i][0] <= 'Z')
			parse_operand(&p, words[i]);
	}
	n = part[2] ? split(part[2], words) : 0;
	for (i = 0; i < n; i++)
		parse_effect(&p, words[i]);
	finish_form(&p, space);
	p.line.form = intern_form(&p.form);
	for (i = first; i <= last; i++)
		add_line(space, i, &p.line, p.regonly ? UPR_SLOT_MODRM | UPR_SLOT_REGONLY : p.modrm ? UPR_SLOT_MODRM : 0);
}

/* ---- output -------------------------------------------------------------- */

static void print_forms(void)
{
	int i;

	printf("static const struct upr_opc_form upr_opc_forms[%d] = {\n", nr_forms);
	for (i = 0; i < nr_forms; i++) {
		const struct upr_opc_form *f = &forms[i];

		printf("\t{ %#x, %#x, %#x, %#x, %#x, %#x, %#x, %#x, %#x, %#x, %#x, %#x, %u },\n", f->traits, f->attr,
		       f->gpr_r, f->gpr_w, f->gpr_wv, f->flags_r, f->flags_w, f->reg, f->rm, f->vvvv, f->op, f->imm,
		       f->branch);
	}
	printf("};\n\n");
}

static void print_tables(void)
{
	int space, opcode, i, total = 0;

	printf("static const struct upr_opc_pick upr_opc_picks[] = {\n");
	for (space = 0; space < UPR_NR_SP; space++)
		for (opcode = 0; opcode < 256; opcode++)
			for (i = 0; i < slots[space][opcode].count; i++)
				printf("\t{ %#x, %d },\n", slots[space][opcode].lines[i].on,
				       slots[space][opcode].lines[i].form);
	printf("};\n\nstatic const struct upr_opc_slot upr_opc_slots[UPR_NR_SP][256] = {\n");
	for (space = 0; space < UPR_NR_SP; space++) {
		printf("\t[%d] = {\n", space);
		for (opcode = 0; opcode < 256; opcode++) {
			const struct slot *s = &slots[space][opcode];

			if (s->count)
				printf("\t\t[%#x] = { %d, %d, %d },\n", opcode, total, s->count, s->modrm);
			total += s->count;
		}
		printf("\t},\n");
	}
	printf("};\n");
	if (total >= MAX_PICKS)
		fail("too many lines: %d", total);
}

int main(int argc, char **argv)
{
	char text[512];
	FILE *in;

	if (argc != 2) {
		fprintf(stderr, "usage: gen-opcodes x86-opcode-map.txt > table.h\n");
		return 2;
	}
	map_name = argv[1];
	in = fopen(map_name, "r");
	if (!in)
		fail("%s", strerror(errno));
	while (fgets(text, sizeof(text), in)) {
		line_number++;
		text[strcspn(text, "#")] = '\0';
		if (text[strspn(text, " \t\n")])
			parse_line(text);
	}
	fclose(in);
	printf("/* Generated from the opcode map by gen-opcodes: do not edit. */\n\n");
	print_forms();
	print_tables();
	return 0;
}
