// SPDX-License-Identifier: GPL-2.0
/*
 * zydis-oracle.c - compares one instruction's decoding with Zydis'.
 *
 * Purpose: the comparison behind zydis-compare and decoder-fuzz.  Differences
 * are grouped by kind, mnemonic and opcode, with the first bytes seen; the ones
 * that exceptions.txt names (kind and mnemonic, and for sets the bits that may
 * differ) are not counted.
 *
 * Single-threaded; no locks.
 */
#include <Zydis/Zydis.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <upr-compat.h>
#include "zydis-oracle.h"

#define NR_GROUPS      4096
#define MAX_EXCEPTIONS 512

static const char *const kind_names[NR_DIFF] = {
	"invalid", "valid", "length",	"opcode",    "fields",	   "imm",	  "address",
	"branch",  "mem",   "gpr-read", "gpr-write", "flags-read", "flags-write", "opsize",
};

struct exception {
	enum oracle_kind kind;
	char mnemonic[24]; /* or an ISA extension */
	u32 more;	   /* bits that only we may have */
	u32 fewer;	   /* bits that only Zydis may have */
};

struct group {
	bool used;
	enum oracle_kind kind;
	char mnemonic[24];
	u16 opcode; /* enc, map, opcode */
	u32 ours, theirs;
	enum upr_insn_mode mode;
	u8 bytes[UPR_INSN_MAX];
	u8 nbytes;
	unsigned long count;
};

static ZydisDecoder decoders[2];
static struct exception exceptions[MAX_EXCEPTIONS];
static unsigned int nr_exceptions;
static struct group groups[NR_GROUPS];
static unsigned long compared, both_valid, differences;

/* ---- exceptions ------------------------------------------------------------ */

static u32 parse_bits(const char *s)
{
	static const char *const regs[16] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
					     "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
	static const struct {
		const char *name;
		u32 bit;
	} flags[] = {
		{"cf", UPR_FL_CF}, {"pf", UPR_FL_PF}, {"af", UPR_FL_AF},     {"zf", UPR_FL_ZF},
		{"sf", UPR_FL_SF}, {"tf", UPR_FL_TF}, {"if", UPR_FL_IF},     {"df", UPR_FL_DF},
		{"of", UPR_FL_OF}, {"ac", UPR_FL_AC}, {"st", UPR_FL_STATUS}, {"any", ~0u},
	};
	u32 bits = 0;

	while (*s) {
		size_t len = strcspn(s, ","), i;
		u32 bit = 0;

		for (i = 0; i < 16; i++)
			if (strlen(regs[i]) == len && !strncmp(regs[i], s, len))
				bit = 1u << i;
		for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
			if (strlen(flags[i].name) == len && !strncmp(flags[i].name, s, len))
				bit = flags[i].bit;
		if (!bit)
			fprintf(stderr, "exceptions: unknown name in '%s'\n", s);
		bits |= bit;
		s += len + (s[len] == ',');
	}
	return bits;
}

/* "KIND MNEMONIC[,MNEMONIC...] [+bits] [-bits] : reason" */
static int parse_exception(char *line, unsigned int number)
{
	struct exception e = {.kind = NR_DIFF};
	char *reason = strstr(line, " : "), *word, *names, *save;
	int i;

	if (!reason || !reason[strspn(reason, " :\n")]) {
		fprintf(stderr, "exceptions:%u: no reason given\n", number);
		return -1;
	}
	*reason = '\0';
	word = strtok_r(line, " \t", &save);
	for (i = 0; i < NR_DIFF; i++)
		if (word && !strcmp(word, kind_names[i]))
			e.kind = i;
	names = strtok_r(NULL, " \t", &save);
	if (e.kind == NR_DIFF || !names) {
		fprintf(stderr, "exceptions:%u: wants KIND MNEMONIC\n", number);
		return -1;
	}
	while ((word = strtok_r(NULL, " \t", &save)) != NULL) {
		if (word[0] == '+')
			e.more = parse_bits(word + 1);
		else
			e.fewer = parse_bits(word + 1);
	}
	for (word = strtok_r(names, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		if (nr_exceptions == MAX_EXCEPTIONS) {
			fprintf(stderr, "exceptions:%u: too many\n", number);
			return -1;
		}
		snprintf(e.mnemonic, sizeof(e.mnemonic), "%s", word);
		exceptions[nr_exceptions++] = e;
	}
	return 0;
}

int oracle_init(const char *path)
{
	char line[400];
	unsigned int number = 0;
	FILE *in;

	ZydisDecoderInit(&decoders[UPR_INSN_64], ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	ZydisDecoderInit(&decoders[UPR_INSN_32], ZYDIS_MACHINE_MODE_LONG_COMPAT_32, ZYDIS_STACK_WIDTH_32);
	for (int i = 0; i < 2; i++)
		ZydisDecoderEnableMode(&decoders[i], ZYDIS_DECODER_MODE_WBNOINVD, ZYAN_TRUE);
	if (!path)
		return 0;
	in = fopen(path, "r");
	if (!in) {
		fprintf(stderr, "zydis-oracle: cannot read %s\n", path);
		return -1;
	}
	while (fgets(line, sizeof(line), in)) {
		number++;
		line[strcspn(line, "#\n")] = '\0';
		if (line[strspn(line, " \t")] && parse_exception(line, number)) {
			fclose(in);
			return -1;
		}
	}
	fclose(in);
	return 0;
}

/* ---- booking ----------------------------------------------------------------- */

struct subject {
	const u8 *buf;
	size_t len;
	enum upr_insn_mode mode;
	const char *mnemonic;
	const char *isa; /* Zydis' name of the extension, or MVEX */
	u16 opcode;
	const struct upr_insn *insn;
};

/*
 * "vex.0f38.e0-ef", "0f38.fc", "0f.01/0": an opcode or a range of them, of one ModRM.reg
 * or all, whose forms are excused; a mnemonic has no dot.
 */
static bool opcode_matches(const char *name, const struct upr_insn *insn)
{
	static const char *const maps[] = {"1b", "0f", "0f38", "0f3a", "", "m5", "m6"};
	const char *dot = strrchr(name, '.');
	const char *slash = strchr(name, '/');
	unsigned int first, last;
	char map[16];

	if (!dot || insn->map >= sizeof(maps) / sizeof(maps[0]))
		return false;
	switch (sscanf(dot + 1, "%x-%x", &first, &last)) {
	case 1:
		last = first;
		break;
	case 2:
		break;
	default:
		return false;
	}
	if (slash && atoi(slash + 1) != upr_modrm_reg(insn))
		return false;
	snprintf(map, sizeof(map), "%s%s",
		 insn->enc == UPR_ENC_LEGACY ? "" :
		 insn->enc == UPR_ENC_EVEX   ? "evex." :
					       "vex.",
		 maps[insn->map]);
	return strlen(map) == (size_t)(dot - name) && !strncmp(map, name, dot - name) && insn->opcode >= first &&
	       insn->opcode <= last;
}

/*
 * Differences that hang on the encoding and not on the instruction have a name
 * with an @ in the list and a rule here.
 */
static bool rule_holds(const char *rule, const struct subject *s)
{
	const struct upr_insn *insn = s->insn;

	if (!strcmp(rule, "@32-vvvv3"))
		return insn->mode == UPR_INSN_32 && insn->f_vex.size &&
		       !(s->buf[insn->f_vex.off + (insn->f_vex.size == 2 ? 1 : 2)] & 0x40);
	if (!strcmp(rule, "@32-evex-cvt-w1"))
		return insn->mode == UPR_INSN_32 && insn->enc == UPR_ENC_EVEX && (insn->rex & UPR_REX_W) &&
		       (insn->map == UPR_MAP_M5 ||
			(insn->map == UPR_MAP_0F && (insn->opcode == 0x2a || insn->opcode == 0x7b)));
	if (!strcmp(rule, "@asize-sib-b5"))
		return insn->addrsize == 4 && insn->mode == UPR_INSN_64 && insn->f_sib.size && (insn->sib & 7) == 5 &&
		       upr_modrm_mod(insn) == 0 && (insn->rex & UPR_REX_B);
	if (!strcmp(rule, "@66-and-f2f3"))
		return (insn->prefixes & UPR_PFX_OSIZE) && (insn->prefixes & (UPR_PFX_REP | UPR_PFX_REPNE));
	return false;
}

static bool excused(const struct subject *s, enum oracle_kind kind, u32 ours, u32 theirs)
{
	bool set = kind >= DIFF_MEM && kind <= DIFF_FLAGS_WRITE;
	u32 more = ours & ~theirs, fewer = theirs & ~ours;
	unsigned int i;

	for (i = 0; i < nr_exceptions; i++) {
		const struct exception *e = &exceptions[i];

		if (e->kind != kind || (strcmp(e->mnemonic, s->mnemonic) && strcmp(e->mnemonic, s->isa) &&
					!rule_holds(e->mnemonic, s) && !opcode_matches(e->mnemonic, s->insn)))
			continue;
		if (!set)
			return true;
		more &= ~e->more;
		fewer &= ~e->fewer;
	}
	return set && !more && !fewer;
}

static void book(const struct subject *s, enum oracle_kind kind, u32 ours, u32 theirs)
{
	unsigned int slot = kind * 31 + s->opcode * 7, i;
	struct group *g;

	if (excused(s, kind, ours, theirs))
		return;
	differences++;
	for (const char *c = s->mnemonic; *c; c++)
		slot = slot * 33 + *c;
	for (i = 0; i < NR_GROUPS; i++) {
		g = &groups[(slot + i) % NR_GROUPS];
		if (!g->used || (g->kind == kind && g->opcode == s->opcode && !strcmp(g->mnemonic, s->mnemonic)))
			break;
	}
	if (i == NR_GROUPS)
		return;
	g->count++;
	if (g->used)
		return;
	*g = (struct group){.used = true,
			    .kind = kind,
			    .opcode = s->opcode,
			    .ours = ours,
			    .theirs = theirs,
			    .mode = s->mode,
			    .count = 1};
	snprintf(g->mnemonic, sizeof(g->mnemonic), "%s", s->mnemonic);
	g->nbytes = s->len < UPR_INSN_MAX ? s->len : UPR_INSN_MAX;
	memcpy(g->bytes, s->buf, g->nbytes);
}

static void expect(const struct subject *s, enum oracle_kind kind, u64 ours, u64 theirs)
{
	if (ours != theirs)
		book(s, kind, (u32)ours, (u32)theirs);
}

static int by_kind(const void *a, const void *b)
{
	const struct group *ga = *(const struct group *const *)a, *gb = *(const struct group *const *)b;

	if (ga->kind != gb->kind)
		return ga->kind < gb->kind ? -1 : 1;
	return ga->count > gb->count ? -1 : ga->count < gb->count;
}

void oracle_report(FILE *out, const char *prefix, unsigned int limit)
{
	static struct group *sorted[NR_GROUPS];
	unsigned int n = 0, i, k;

	for (i = 0; i < NR_GROUPS; i++)
		if (groups[i].used)
			sorted[n++] = &groups[i];
	qsort(sorted, n, sizeof(sorted[0]), by_kind);
	for (i = 0; i < n && i < limit; i++) {
		const struct group *g = sorted[i];

		fprintf(out, "%s%-11s %8lu x %-16s %s ours %#x zydis %#x: ", prefix, kind_names[g->kind], g->count,
			g->mnemonic, g->mode == UPR_INSN_64 ? "64" : "32", g->ours, g->theirs);
		for (k = 0; k < g->nbytes; k++)
			fprintf(out, "%02x%s", g->bytes[k], k + 1 < g->nbytes ? " " : "\n");
	}
	if (n > limit)
		fprintf(out, "%sand %u more groups\n", prefix, n - limit);
}

unsigned long oracle_compared(unsigned long *valid)
{
	*valid = both_valid;
	return compared;
}

unsigned long oracle_differences(void)
{
	return differences;
}

/* ---- comparison ----------------------------------------------------------------- */

static int gpr_number(ZydisMachineMode mode, ZydisRegister reg)
{
	ZydisRegisterClass class = ZydisRegisterGetClass(reg);

	if (class != ZYDIS_REGCLASS_GPR8 && class != ZYDIS_REGCLASS_GPR16 && class != ZYDIS_REGCLASS_GPR32 &&
	    class != ZYDIS_REGCLASS_GPR64)
		return -1;
	return ZydisRegisterGetId(ZydisRegisterGetLargestEnclosing(mode, reg));
}

struct effects {
	u32 gpr_read, gpr_write;
	u32 mem; /* UPR_INSN_MEM_READ and so on, of the ModRM operand */
};

static void register_effect(const ZydisDecodedInstruction *z, const ZydisDecodedOperand *op, struct effects *e)
{
	ZydisRegisterClass class = ZydisRegisterGetClass(op->reg.value);
	int n = gpr_number(z->machine_mode, op->reg.value);

	if (n < 0)
		return;
	if (op->actions & ZYDIS_OPERAND_ACTION_MASK_READ)
		e->gpr_read |= 1u << n;
	if (!(op->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
		return;
	e->gpr_write |= 1u << n;
	if (class == ZYDIS_REGCLASS_GPR8 || class == ZYDIS_REGCLASS_GPR16 ||
	    (op->actions & ZYDIS_OPERAND_ACTION_CONDWRITE))
		e->gpr_read |= 1u << n;
}

static void zydis_effects(const ZydisDecodedInstruction *z, const ZydisDecodedOperand *ops, struct effects *e)
{
	int i, n;

	memset(e, 0, sizeof(*e));
	for (i = 0; i < z->operand_count; i++) {
		const ZydisDecodedOperand *op = &ops[i];

		if (op->type == ZYDIS_OPERAND_TYPE_REGISTER) {
			register_effect(z, op, e);
		} else if (op->type == ZYDIS_OPERAND_TYPE_MEMORY) {
			n = gpr_number(z->machine_mode, op->mem.base);
			if (n >= 0)
				e->gpr_read |= 1u << n;
			n = gpr_number(z->machine_mode, op->mem.index);
			if (n >= 0)
				e->gpr_read |= 1u << n;
			if (op->encoding != ZYDIS_OPERAND_ENCODING_MODRM_RM &&
			    op->encoding != ZYDIS_OPERAND_ENCODING_DISP16_32_64)
				continue;
			if (op->mem.type == ZYDIS_MEMOP_TYPE_AGEN || op->mem.type == ZYDIS_MEMOP_TYPE_MIB) {
				e->mem |= UPR_INSN_AGEN;
				continue;
			}
			if (op->actions & ZYDIS_OPERAND_ACTION_MASK_READ)
				e->mem |= UPR_INSN_MEM_READ;
			if (op->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE)
				e->mem |= UPR_INSN_MEM_WRITE;
		}
	}
}

static const ZydisDecodedOperand *modrm_memory(const ZydisDecodedInstruction *z, const ZydisDecodedOperand *ops)
{
	int i;

	for (i = 0; i < z->operand_count; i++)
		if (ops[i].type == ZYDIS_OPERAND_TYPE_MEMORY && ops[i].encoding == ZYDIS_OPERAND_ENCODING_MODRM_RM)
			return &ops[i];
	return NULL;
}

static u8 register_number(ZydisMachineMode mode, ZydisRegister reg)
{
	int n;

	if (reg == ZYDIS_REGISTER_NONE || reg == ZYDIS_REGISTER_RIP || reg == ZYDIS_REGISTER_EIP)
		return UPR_INSN_NOREG;
	n = gpr_number(mode, reg);
	return n >= 0 ? n : ZydisRegisterGetId(reg);
}

static void compare_address(const struct subject *s, const struct upr_insn *insn, const ZydisDecodedInstruction *z,
			    const ZydisDecodedOperand *ops)
{
	const ZydisDecodedOperand *m = modrm_memory(z, ops);
	bool rip;

	expect(s, DIFF_ADDRESS, insn->addrsize * 8, z->address_width);
	expect(s, DIFF_ADDRESS, (insn->attr & (UPR_INSN_MEM | UPR_INSN_MOFFS)) == UPR_INSN_MEM, m != NULL);
	if (!m)
		return;
	rip = m->mem.base == ZYDIS_REGISTER_RIP || m->mem.base == ZYDIS_REGISTER_EIP;
	expect(s, DIFF_ADDRESS, !!(insn->attr & UPR_INSN_RIPREL), rip);
	expect(s, DIFF_ADDRESS, insn->base, register_number(z->machine_mode, m->mem.base));
	expect(s, DIFF_ADDRESS, insn->index, register_number(z->machine_mode, m->mem.index));
	expect(s, DIFF_ADDRESS, !!(insn->attr & UPR_INSN_VSIB), m->mem.type == ZYDIS_MEMOP_TYPE_VSIB);
	if (rip && insn->length == z->length) {
		ZyanU64 where = 0;

		ZydisCalcAbsoluteAddress(z, m, 0x7f0012345678, &where);
		expect(s, DIFF_ADDRESS, upr_insn_riprel_addr(insn, 0x7f0012345678), where);
	}
}

static void compare_fields(const struct subject *s, const struct upr_insn *insn, const ZydisDecodedInstruction *z)
{
	static const u8 encodings[] = {
		[UPR_ENC_LEGACY] = ZYDIS_INSTRUCTION_ENCODING_LEGACY,
		[UPR_ENC_VEX2] = ZYDIS_INSTRUCTION_ENCODING_VEX,
		[UPR_ENC_VEX3] = ZYDIS_INSTRUCTION_ENCODING_VEX,
		[UPR_ENC_EVEX] = ZYDIS_INSTRUCTION_ENCODING_EVEX,
		[UPR_ENC_XOP] = ZYDIS_INSTRUCTION_ENCODING_XOP,
		[UPR_ENC_3DNOW] = ZYDIS_INSTRUCTION_ENCODING_3DNOW,
	};
	u64 mask;
	bool has_modrm = z->attributes & ZYDIS_ATTRIB_HAS_MODRM, has_sib = z->attributes & ZYDIS_ATTRIB_HAS_SIB;

	expect(s, DIFF_OPCODE, encodings[insn->enc], z->encoding);
	expect(s, DIFF_OPCODE, insn->opcode, z->opcode);
	expect(s, DIFF_FIELDS, insn->f_modrm.size, has_modrm);
	expect(s, DIFF_FIELDS, insn->f_sib.size, has_sib);
	if (has_modrm && insn->f_modrm.size)
		expect(s, DIFF_FIELDS, insn->f_modrm.off, z->raw.modrm.offset);
	if (has_sib && insn->f_sib.size)
		expect(s, DIFF_FIELDS, insn->f_sib.off, z->raw.sib.offset);
	if (!(insn->attr & UPR_INSN_MOFFS)) {
		expect(s, DIFF_FIELDS, insn->f_disp.size * 8, z->raw.disp.size);
		expect(s, DIFF_FIELDS, insn->f_disp.size ? insn->f_disp.off : 0, z->raw.disp.offset);
		expect(s, DIFF_IMM, insn->disp, z->raw.disp.value);
		expect(s, DIFF_FIELDS, insn->f_imm.size * 8, z->raw.imm[0].size);
		expect(s, DIFF_FIELDS, insn->f_imm.size ? insn->f_imm.off : 0, z->raw.imm[0].offset);
		mask = insn->f_imm.size == 8 ? ~0ull : (1ull << (8 * insn->f_imm.size)) - 1;
		expect(s, DIFF_IMM, insn->imm & mask, z->raw.imm[0].value.u & mask);
		expect(s, DIFF_FIELDS, insn->f_imm2.size * 8, z->raw.imm[1].size);
		mask = (1ull << (8 * insn->f_imm2.size)) - 1;
		expect(s, DIFF_IMM, insn->imm2 & mask, z->raw.imm[1].value.u & mask);
	} else {
		expect(s, DIFF_FIELDS, insn->f_imm.size * 8, z->raw.disp.size);
	}
	if (z->attributes & ZYDIS_ATTRIB_HAS_REX)
		expect(s, DIFF_FIELDS, insn->f_rex.off, z->raw.rex.offset);
	expect(s, DIFF_FIELDS, insn->f_rex.size, !!(z->attributes & ZYDIS_ATTRIB_HAS_REX));
}

static enum upr_branch zydis_branch(const ZydisDecodedInstruction *z, const ZydisDecodedOperand *ops)
{
	bool rel = ops[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE && ops[0].imm.is_relative;
	bool far = z->meta.branch_type == ZYDIS_BRANCH_TYPE_FAR;

	switch (z->mnemonic) {
	case ZYDIS_MNEMONIC_SYSCALL:
		return UPR_BR_SYSCALL;
	case ZYDIS_MNEMONIC_SYSENTER:
		return UPR_BR_SYSENTER;
	case ZYDIS_MNEMONIC_SYSRET:
	case ZYDIS_MNEMONIC_SYSEXIT:
	case ZYDIS_MNEMONIC_IRET:
	case ZYDIS_MNEMONIC_IRETD:
	case ZYDIS_MNEMONIC_IRETQ:
	case ZYDIS_MNEMONIC_UIRET:
	case ZYDIS_MNEMONIC_RSM:
		return UPR_BR_FAR;
	case ZYDIS_MNEMONIC_INT:
	case ZYDIS_MNEMONIC_INT1:
	case ZYDIS_MNEMONIC_INT3:
	case ZYDIS_MNEMONIC_INTO:
		return UPR_BR_INT;
	case ZYDIS_MNEMONIC_XBEGIN:
		return UPR_BR_XBEGIN;
	case ZYDIS_MNEMONIC_UD0:
	case ZYDIS_MNEMONIC_UD1:
	case ZYDIS_MNEMONIC_UD2:
		return UPR_BR_TRAP;
	case ZYDIS_MNEMONIC_LOOP:
	case ZYDIS_MNEMONIC_LOOPE:
	case ZYDIS_MNEMONIC_LOOPNE:
	case ZYDIS_MNEMONIC_JRCXZ:
	case ZYDIS_MNEMONIC_JECXZ:
	case ZYDIS_MNEMONIC_JCXZ:
		return UPR_BR_LOOP;
	case ZYDIS_MNEMONIC_RET:
		return far ? UPR_BR_FAR : UPR_BR_RET;
	case ZYDIS_MNEMONIC_CALL:
		return far ? UPR_BR_FAR : rel ? UPR_BR_CALL : UPR_BR_CALL_IND;
	case ZYDIS_MNEMONIC_JMP:
		return far ? UPR_BR_FAR : rel ? UPR_BR_JMP : UPR_BR_JMP_IND;
	case ZYDIS_MNEMONIC_XEND:
		return UPR_BR_NONE;
	default:
		return z->meta.category == ZYDIS_CATEGORY_COND_BR ? UPR_BR_JCC : UPR_BR_NONE;
	}
}

static void compare_branch(const struct subject *s, const struct upr_insn *insn, const ZydisDecodedInstruction *z,
			   const ZydisDecodedOperand *ops)
{
	/* High enough for a truncation to show, in reach of the segment. */
	u64 addr = s->mode == UPR_INSN_64 ? 0x7f0012345678 : 0x12345678;
	ZyanU64 target = 0;

	expect(s, DIFF_BRANCH, insn->branch, zydis_branch(z, ops));
	if (!z->operand_count || ops[0].type != ZYDIS_OPERAND_TYPE_IMMEDIATE || !ops[0].imm.is_relative ||
	    insn->length != z->length)
		return;
	ZydisCalcAbsoluteAddress(z, &ops[0], addr, &target);
	if (s->mode == UPR_INSN_32)
		target &= 0xffffffff;
	expect(s, DIFF_BRANCH, upr_insn_target(insn, addr), target);
}

static void compare_effects(const struct subject *s, const struct upr_insn *insn, const ZydisDecodedInstruction *z,
			    const ZydisDecodedOperand *ops)
{
	const u32 known = UPR_FL_STATUS | UPR_FL_TF | UPR_FL_IF | UPR_FL_DF | UPR_FL_AC;
	u32 read = 0, write = 0;
	struct effects e;

	zydis_effects(z, ops, &e);
	expect(s, DIFF_MEM, insn->attr & (UPR_INSN_MEM_READ | UPR_INSN_MEM_WRITE | UPR_INSN_AGEN), e.mem);
	expect(s, DIFF_GPR_READ, insn->gpr_read, e.gpr_read);
	expect(s, DIFF_GPR_WRITE, insn->gpr_write, e.gpr_write);
	if (z->cpu_flags) {
		read = z->cpu_flags->tested & known;
		write = (z->cpu_flags->modified | z->cpu_flags->set_0 | z->cpu_flags->set_1 | z->cpu_flags->undefined) &
			known;
	}
	expect(s, DIFF_FLAGS_READ, insn->flags_read, read);
	expect(s, DIFF_FLAGS_WRITE, insn->flags_write, write);
}

unsigned int oracle_compare(const u8 *buf, size_t len, enum upr_insn_mode mode, struct upr_insn *insn)
{
	struct subject s = {.buf = buf, .len = len, .mode = mode, .mnemonic = "?", .isa = "?", .insn = insn};
	ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT];
	ZydisDecodedInstruction z;
	int err = upr_insn_decode(insn, buf, len, mode);
	ZyanStatus status = ZydisDecoderDecodeFull(&decoders[mode], buf, len, &z, ops);

	compared++;
	if (!ZYAN_SUCCESS(status)) {
		if (!err) {
			s.opcode = insn->enc << 12 | insn->map << 8 | insn->opcode;
			book(&s, DIFF_VALID, 0, status & 0xffff);
		} else if (err != -ENODATA && status == ZYDIS_STATUS_NO_MORE_DATA) {
			/* Zydis reads to the end before it judges: no news. */
		} else if (err == -ENODATA && status != ZYDIS_STATUS_NO_MORE_DATA) {
			/* And we judge after reading immediates, it sometimes before. */
		}
		return 1;
	}
	s.mnemonic = ZydisMnemonicGetString(z.mnemonic);
	s.isa = z.encoding == ZYDIS_INSTRUCTION_ENCODING_MVEX ? "MVEX" : ZydisISAExtGetString(z.meta.isa_ext);
	s.opcode = (u16)(z.encoding << 12 | z.opcode_map << 8 | z.opcode);
	if (err) {
		book(&s, DIFF_INVALID, (u32)-err, z.length);
		return z.length;
	}
	both_valid++;
	expect(&s, DIFF_LENGTH, insn->length, z.length);
	expect(&s, DIFF_OPSIZE, insn->opsize * 8, z.operand_width);
	compare_fields(&s, insn, &z);
	compare_address(&s, insn, &z, ops);
	compare_branch(&s, insn, &z, ops);
	compare_effects(&s, insn, &z, ops);
	return z.length;
}
