// SPDX-License-Identifier: GPL-2.0
/*
 * test-insn.c - the decoder's tricky forms, in hex.
 *
 * Purpose: what every field of struct upr_insn means, on instructions where it
 * is easy to get wrong; bytes that are no instruction; and that a truncated
 * instruction asks for more without a byte being read that is not there (each
 * string stands at the end of its own allocation, under ASan).  Breadth is the
 * business of zydis-compare.  Single-threaded; no locks.
 */
/* tables, aligned by hand */
/* clang-format off */
#include <errno.h>
#include <string.h>

#include <upr-compat.h>
#include <utrace/insn.h>
#include "../tap.h"

static const char *const gpr_names[16] = { "ax", "cx", "dx", "bx", "sp",  "bp",	 "si",	"di",
					   "8",	 "9",  "10", "11", "12",  "13",	 "14",	"15" };

static size_t parse_hex(const char *hex, u8 *bytes)
{
	size_t n = 0;
	char *end;

	while (*hex) {
		bytes[n++] = strtoul(hex, &end, 16);
		hex = end + strspn(end, " ");
	}
	return n;
}

static void draw_span(char *picture, struct upr_span span, char c)
{
	unsigned int i;

	for (i = 0; i < span.size; i++)
		picture[span.off + i] = c;
}

static void add_registers(char *to, const char *name, u32 set)
{
	int i;

	if (!set)
		return;
	strcat(to, name);
	for (i = 0; i < 16; i++)
		if (set & UPR_GPR(i))
			sprintf(to + strlen(to), "%s%s", to[strlen(to) - 1] == '=' ? "" : ",", gpr_names[i]);
}

static void add_flags(char *to, const char *name, u32 set)
{
	static const struct {
		u32 bit;
		char c;
	} flags[] = { { UPR_FL_OF, 'o' }, { UPR_FL_SF, 's' }, { UPR_FL_ZF, 'z' }, { UPR_FL_AF, 'a' }, { UPR_FL_PF, 'p' },
		      { UPR_FL_CF, 'c' }, { UPR_FL_TF, 't' }, { UPR_FL_IF, 'i' }, { UPR_FL_DF, 'd' }, { UPR_FL_AC, 'x' } };
	size_t i;

	if (!set)
		return;
	strcat(to, name);
	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (set & flags[i].bit)
			sprintf(to + strlen(to), "%c", flags[i].c);
}

static void add_memory(char *to, const struct upr_insn *insn)
{
	char *p;

	if (!(insn->attr & (UPR_INSN_MEM | UPR_INSN_MOFFS)))
		return;
	strcat(to, " [");
	p = to + strlen(to);
	if (insn->attr & UPR_INSN_RIPREL)
		p += sprintf(p, "rip");
	if (insn->base != UPR_INSN_NOREG)
		p += sprintf(p, "%s", gpr_names[insn->base]);
	if (insn->attr & UPR_INSN_VSIB)
		p += sprintf(p, "+v%d", insn->index);
	else if (insn->index != UPR_INSN_NOREG)
		p += sprintf(p, "+%s", gpr_names[insn->index]);
	if (insn->attr & UPR_INSN_MOFFS)
		p += sprintf(p, "%#llx", (unsigned long long)insn->imm);
	else if (insn->f_disp.size)
		p += sprintf(p, "%s%#llx", insn->disp < 0 ? "-" : "+",
			     (unsigned long long)(insn->disp < 0 ? -insn->disp : insn->disp));
	sprintf(p, "]%s%s%s", insn->attr & UPR_INSN_MEM_READ ? "r" : "", insn->attr & UPR_INSN_MEM_WRITE ? "w" : "",
		insn->attr & UPR_INSN_AGEN ? "-" : "");
}

/*
 * One letter for each byte (Prefix, Rex, Vex, Opcode, Modrm, Sib, Disp, Imm, second imm J), operand
 * size, then what there is to say: memory, imm, branch, attributes, registers, flags.
 */
static void describe(const struct upr_insn *insn, char *to)
{
	static const char *const branches[] = { "", " jmp", " jcc", " loop", " call", " jmp*", " call*", " ret",
						" far", " syscall", " sysenter", " int", " xbegin", " trap" };
	static const struct {
		u16 bit;
		const char *name;
	} attrs[] = { { UPR_INSN_STACK, " stack" }, { UPR_INSN_STRING, " string" }, { UPR_INSN_PRIV, " priv" },
		      { UPR_INSN_FLAGS_POP, " popf" }, { UPR_INSN_FLAGS_PUSH, " pushf" }, { UPR_INSN_ENDBR, " endbr" },
		      { UPR_INSN_NOP, " nop" }, { UPR_INSN_VECTOR, " vec" } };
	char picture[UPR_INSN_MAX + 1];
	size_t i;

	memset(picture, '.', sizeof(picture));
	draw_span(picture, insn->f_prefix, 'P');
	draw_span(picture, insn->f_rex, 'R');
	draw_span(picture, insn->f_vex, 'V');
	draw_span(picture, insn->f_opcode, 'O');
	draw_span(picture, insn->f_modrm, 'M');
	draw_span(picture, insn->f_sib, 'S');
	draw_span(picture, insn->f_disp, 'D');
	draw_span(picture, insn->f_imm, 'I');
	draw_span(picture, insn->f_imm2, 'J');
	picture[insn->length] = '\0';
	to += sprintf(to, "%s %d", picture, insn->opsize);
	add_memory(to, insn);
	to += strlen(to);
	if (insn->f_imm.size && !(insn->attr & UPR_INSN_MOFFS))
		to += sprintf(to, " $%lld", (long long)insn->imm);
	if (insn->f_imm2.size)
		to += sprintf(to, ",%lld", (long long)insn->imm2);
	to += sprintf(to, "%s", branches[insn->branch]);
	if (insn->branch == UPR_BR_JCC)
		to += sprintf(to, "%d", insn->cond);
	for (i = 0; i < sizeof(attrs) / sizeof(attrs[0]); i++)
		if (insn->attr & attrs[i].bit)
			strcat(to, attrs[i].name);
	add_registers(to, " r=", insn->gpr_read);
	add_registers(to, " w=", insn->gpr_write);
	add_flags(to, " fr=", insn->flags_read);
	add_flags(to, " fw=", insn->flags_write);
}

static const struct {
	const char *name;
	enum upr_insn_mode mode;
	const char *hex;
	const char *want;
} vectors[] = {
	/* addressing */
	{ "mov 0x1234(%rip),%rax", 0, "48 8b 05 34 12 00 00", "ROMDDDD 8 [rip+0x1234]r w=ax" },
	{ "mov 0x1234(%eip),%eax", 0, "67 8b 05 34 12 00 00", "POMDDDD 4 [rip+0x1234]r w=ax" },
	{ "mov 0x10(%rsp),%ecx", 0, "8b 4c 24 10", "OMSD 4 [sp+0x10]r r=sp w=cx" },
	{ "mov (%r12),%eax", 0, "41 8b 04 24", "ROMS 4 [12]r r=12 w=ax" },
	{ "mov 0(%r13),%eax", 0, "41 8b 45 00", "ROMD 4 [13+0]r r=13 w=ax" },
	{ "mov 0x12(,%r12,1),%eax: X makes index 4 a register", 0, "42 8b 04 25 12 00 00 00",
	  "ROMSDDDD 4 [+12+0x12]r r=12 w=ax" },
	{ "mov 0x12: SIB without base and index", 0, "8b 04 25 12 00 00 00", "OMSDDDD 4 [+0x12]r w=ax" },
	{ "SIB base 5, mod 0, REX.B: still no base", 0, "41 8b 04 25 12 00 00 00", "ROMSDDDD 4 [+0x12]r w=ax" },
	{ "mov -1(%rbp),%al: one byte of rax", 0, "8a 45 ff", "OMD 1 [bp-0x1]r r=ax,bp w=ax" },
	{ "lea 8(%rdi,%rsi,2),%rax", 0, "48 8d 44 77 08", "ROMSD 8 [di+si+0x8]- r=si,di w=ax" },
	{ "16-bit address: mov (%bx,%si),%ax", 1, "67 66 8b 00", "PPOM 2 [bx+si]r r=ax,bx,si w=ax" },
	{ "16-bit address: mov 0x1234,%eax", 1, "67 a1 34 12", "POII 4 [0x1234]r w=ax" },
	{ "16-bit address: disp16 alone", 1, "67 8b 06 34 12", "POMDD 4 [+0x1234]r w=ax" },
	{ "movabs 0x8877665544332211,%al", 0, "a0 11 22 33 44 55 66 77 88", "OIIIIIIII 1 [0x8877665544332211]r r=ax w=ax" },
	{ "movabs %eax,0xf0000000", 0, "67 a3 00 00 00 f0", "POIIII 4 [0xf0000000]w r=ax" },
	/* prefixes */
	{ "REX that a prefix follows is void", 0, "48 66 90", "PPO 2 nop" },
	{ "the last REX counts", 0, "40 48 89 c8", "PROM 8 r=cx w=ax" },
	{ "REX.W beats 66", 0, "66 48 05 01 00 00 00", "PROIIII 8 $1 r=ax w=ax fw=oszapc" },
	{ "imm16", 0, "66 81 c1 34 12", "POMII 2 $4660 r=cx w=cx fw=oszapc" },
	{ "movabs $-1,%r9", 0, "49 b9 ff ff ff ff ff ff ff ff", "ROIIIIIIII 8 $-1 w=9" },
	{ "lock cmpxchg %r9,(%rdi)", 0, "f0 4c 0f b1 0f", "PROOM 8 [di]rw r=ax,di,9 w=ax fw=oszapc" },
	{ "xacquire lock", 0, "f2 f0 0f b1 0f", "PPOOM 4 [di]rw r=ax,cx,di w=ax fw=oszapc" },
	{ "15 bytes", 0, "66 66 66 66 66 66 66 66 66 66 66 66 66 66 90", "PPPPPPPPPPPPPPO 2 nop" },
	{ "popcnt %cx,%ax: F3 selects, 66 sizes", 0, "66 f3 0f b8 c1", "PPOOM 2 r=ax,cx w=ax fw=oszapc" },
	{ "crc32w (%rdi),%eax", 0, "66 f2 0f 38 f1 07", "PPOOOM 2 [di]r r=ax,di w=ax" },
	/* bytes in the middle of registers */
	{ "mov %ah,%bl", 0, "88 e3", "OM 1 r=ax,bx w=bx" },
	{ "mov %spl,%bl", 0, "40 88 e3", "ROM 1 r=bx,sp w=bx" },
	{ "mov $5,%dh", 0, "b6 05", "OI 1 $5 r=dx w=dx" },
	{ "movzbl %ah,%esi", 0, "0f b6 f4", "OOM 4 r=ax w=si" },
	{ "setg %r9b", 0, "41 0f 9f c1", "ROOM 1 r=9 w=9 fr=osz" },
	{ "cmovb keeps its destination", 0, "48 0f 42 c1", "ROOM 8 r=ax,cx w=ax fr=c" },
	{ "xchg %ax,%r8w", 0, "66 41 90", "PRO 2 r=ax,8 w=ax,8" },
	{ "xor %eax,%eax", 0, "31 c0", "OM 4 r=ax w=ax fw=oszapc" },
	/* implicit registers and flags */
	{ "imul 0x8(%rsi): rdx:rax", 0, "48 f7 6e 08", "ROMD 8 [si+0x8]r r=ax,si w=ax,dx fw=oszapc" },
	{ "div %cl", 0, "f6 f1", "OM 1 r=ax,cx w=ax fw=oszapc" },
	{ "cwd", 0, "66 99", "PO 2 r=ax,dx w=dx" },
	{ "cqto", 0, "48 99", "RO 8 r=ax w=dx" },
	{ "shl %cl,%eax may leave the flags", 0, "d3 e0", "OM 4 r=ax,cx w=ax fr=oszapc fw=oszapc" },
	{ "shl $3,%eax", 0, "c1 e0 03", "OMI 4 $3 r=ax w=ax fw=oszapc" },
	{ "shl $32,%eax: a count of zero", 0, "c1 e0 20", "OMI 4 $32 r=ax w=ax fr=oszapc fw=oszapc" },
	{ "shl $32,%rax is none", 0, "48 c1 e0 20", "ROMI 8 $32 r=ax w=ax fw=oszapc" },
	{ "rol $1 keeps the result flags", 0, "d1 c0", "OM 4 r=ax w=ax fw=oc" },
	{ "inc keeps CF", 0, "ff c0", "OM 4 r=ax w=ax fw=oszap" },
	{ "adc reads CF", 0, "11 c8", "OM 4 r=ax,cx w=ax fr=c fw=oszapc" },
	{ "adox reads and writes OF only", 0, "f3 0f 38 f6 c1", "POOOM 4 r=ax,cx w=ax fr=o fw=o" },
	{ "bt keeps ZF", 0, "0f a3 c8", "OOM 4 r=ax,cx fw=osapc" },
	{ "bsf keeps its destination when zero", 0, "0f bc c1", "OOM 4 r=ax,cx w=ax fw=oszapc" },
	{ "cpuid", 0, "0f a2", "OO 4 r=ax,cx w=ax,cx,dx,bx" },
	{ "cmpxchg16b (%rsi)", 0, "48 0f c7 0e", "ROOM 8 [si]rw r=ax,cx,dx,bx,si w=ax,dx fw=z" },
	{ "mulx %rcx,%rbx,%rax", 0, "c4 e2 e3 f6 c1", "VVVOM 8 r=cx,dx w=ax,bx" },
	{ "andn (%rsi),%rdi,%rax", 0, "c4 e2 c0 f2 06", "VVVOM 8 [si]r r=si,di w=ax fw=oszapc" },
	{ "blsr writes vvvv", 0, "c4 e2 78 f3 c9", "VVVOM 4 r=cx w=ax fw=oszapc" },
	{ "sahf", 0, "9e", "O 4 r=ax fw=szapc" },
	{ "xlat", 0, "d7", "O 4 r=ax,bx w=ax" },
	{ "jrcxz", 0, "e3 10", "OI 8 $16 loop r=cx" },
	{ "loop", 0, "e2 fe", "OI 8 $-2 loop r=cx w=cx" },
	{ "loope", 0, "e1 fe", "OI 8 $-2 loop r=cx w=cx fr=z" },
	/* stack */
	{ "push %rsp", 0, "54", "O 8 stack r=sp w=sp" },
	{ "pop %r12", 0, "41 5c", "RO 8 stack r=sp w=sp,12" },
	{ "pushw $0x1234", 0, "66 68 34 12", "POII 2 $4660 stack r=sp w=sp" },
	{ "push 0x10(%rip)", 0, "ff 35 10 00 00 00", "OMDDDD 8 [rip+0x10]r stack r=sp w=sp" },
	{ "leave", 0, "c9", "O 8 stack r=bp w=sp,bp" },
	{ "enter $0xfff0,$1", 0, "c8 f0 ff 01", "OIIJ 8 $65520,1 stack r=sp,bp w=sp,bp" },
	{ "pushf", 0, "9c", "O 8 stack pushf r=sp w=sp fr=oszapctidx" },
	{ "popf", 0, "9d", "O 8 stack popf r=sp w=sp fw=oszapctidx" },
	/* branches */
	{ "jg rel32", 0, "0f 8f 00 01 00 00", "OOIIII 8 $256 jcc15 fr=osz" },
	{ "call", 0, "e8 fb ff ff ff", "OIIII 8 $-5 call stack r=sp w=sp" },
	{ "call with 66: still rel32", 0, "66 e8 00 00 00 00", "POIIII 8 $0 call stack r=sp w=sp" },
	{ "bnd jmp", 0, "f2 e9 00 00 00 00", "POIIII 8 $0 jmp" },
	{ "call *0x10(%rip)", 0, "ff 15 10 00 00 00", "OMDDDD 8 [rip+0x10]r call* stack r=sp w=sp" },
	{ "notrack jmp *%rax", 0, "3e ff e0", "POM 8 jmp* r=ax" },
	{ "ret $0xfff8: a count, not negative", 0, "c2 f8 ff", "OII 8 $65528 ret stack r=sp w=sp" },
	{ "lret", 0, "cb", "O 4 far stack r=sp w=sp" },
	{ "ljmp *(%rax)", 0, "ff 28", "OM 4 [ax]r far r=ax" },
	{ "ljmp $0x10:0x11223344", 1, "ea 44 33 22 11 10 00", "OIIIIJJ 4 $287454020,16 far" },
	{ "xbegin", 0, "c7 f8 10 00 00 00", "OMIIII 4 $16 xbegin r=ax w=ax" },
	{ "syscall", 0, "0f 05", "OO 8 syscall w=cx,11 fr=oszapctidx fw=oszapctidx" },
	{ "ud2", 0, "0f 0b", "OO 4 trap" },
	{ "int3", 0, "cc", "O 4 int" },
	/* strings */
	{ "movsb", 0, "a4", "O 1 string r=si,di w=si,di fr=d" },
	{ "rep stosq", 0, "f3 48 ab", "PRO 8 string r=ax,cx,di w=cx,di fr=d" },
	{ "repne scasb: a count of zero keeps the flags", 0, "f2 ae", "PO 1 string r=ax,cx,di w=cx,di fr=oszapcd fw=oszapc" },
	{ "rep lodsd: a count of zero keeps eax", 0, "f3 ad", "PO 4 string r=ax,cx,si w=ax,cx,si fr=d" },
	{ "outsb", 0, "6e", "O 1 string priv r=dx,si w=si fr=d" },
	/* no operation, or hardly */
	{ "nop", 0, "90", "O 4 nop" },
	{ "pause is not one", 0, "f3 90", "PO 4" },
	{ "nopw 0(%rax,%rax,1)", 0, "66 0f 1f 44 00 00", "POOMSD 2 [ax+ax+0]- nop r=ax" },
	{ "endbr64", 0, "f3 0f 1e fa", "POOM 4 endbr" },
	{ "rdsspq leaves its register without CET", 0, "f3 48 0f 1e c8", "PROOM 8 r=ax w=ax" },
	{ "prefetcht0 (%rdi)", 0, "0f 18 0f", "OOM 4 [di]- r=di" },
	{ "hlt", 0, "f4", "O 4 priv" },
	/* vector state: fields, memory, general registers */
	{ "movss %xmm0,8(%rsp)", 0, "f3 0f 11 44 24 08", "POOMSD 4 [sp+0x8]w vec r=sp" },
	{ "movd %xmm1,%ecx", 0, "66 0f 7e c9", "POOM 4 vec w=cx" },
	{ "pextrb $3,%xmm0,%eax writes all of eax", 0, "66 0f 3a 14 c0 03", "POOOMI 4 $3 vec w=ax" },
	{ "pcmpistri writes ecx", 0, "66 0f 3a 63 c1 0c", "POOOMI 4 $12 vec w=cx fw=oszapc" },
	{ "ucomiss", 0, "0f 2e c1", "OOM 4 vec fw=oszapc" },
	{ "maskmovdqu reads rdi", 0, "66 0f f7 c1", "POOM 4 vec r=di" },
	{ "fstsw %ax", 0, "df e0", "OM 4 vec r=ax w=ax" },
	{ "fcmovbe", 0, "da d1", "OM 4 vec fr=zc" },
	{ "3DNow! pfadd 8(%rax),%mm0: the opcode is last", 0, "0f 0f 40 08 9e", "OOMD. 4 [ax+0x8]r vec r=ax" },
	{ "vzeroupper has no ModRM", 0, "c5 f8 77", "VVO 4 vec" },
	{ "vaddps 0x100(%rip),%ymm1,%ymm0", 0, "c5 f4 58 05 00 01 00 00", "VVOMDDDD 4 [rip+0x100]r vec" },
	{ "vblendvps: register in the immediate", 0, "c4 e3 71 4a c2 30", "VVVOMI 4 $48 vec" },
	{ "vpgatherdd %xmm1,(%rax,%xmm12,4),%xmm2", 0, "c4 a2 71 90 14 a0", "VVVOMS 4 [ax+v12]r vec r=ax" },
	{ "vpgatherdd with index 4: a vector index has no 'none'", 0, "c4 e2 71 90 14 20", "VVVOMS 4 [ax+v4]r vec r=ax" },
	{ "EVEX scatter, index 16+8+1", 0, "62 b2 7d 41 a0 04 08", "VVVVOMS 4 [ax+v25]w vec r=ax" },
	{ "EVEX disp8 is not scaled here", 0, "62 f1 7c 48 10 40 01", "VVVVOMD 4 [ax+0x1]r vec r=ax" },
	{ "EVEX rounding in the place of the length", 0, "62 f1 74 78 58 c2", "VVVVOM 4 vec" },
	{ "vcvttsd2usi %xmm0,%r8", 0, "62 71 ff 08 78 c0", "VVVVOM 8 vec w=8" },
	{ "kmovq %rax,%k1", 0, "c4 e1 fb 92 c8", "VVVOM 8 vec r=ax" },
	{ "XOP bextr $imm32,(%rcx),%eax", 0, "8f ea 78 10 01 04 03 00 00", "VVVOMIIII 4 [cx]r $772 r=cx w=ax fw=oszapc" },
	{ "8f is pop when its map is 0", 0, "8f 00", "OM 8 [ax]w stack r=ax,sp w=sp" },
	{ "tileloadd needs SIB and has it", 0, "c4 e2 7b 4b 04 10", "VVVOMS 4 [ax+dx]r vec r=ax,dx" },
	{ "cmpbexadd %eax,%ecx,(%rdx)", 0, "c4 e2 79 e6 0a", "VVVOM 4 [dx]rw r=ax,cx,dx w=cx fw=oszapc" },
	{ "aor %eax,(%rcx)", 0, "f2 0f 38 fc 01", "POOOM 4 [cx]rw r=ax,cx" },
	{ "prefetchit0 is a nop to others", 0, "0f 18 3d 00 00 00 00", "OOMDDDD 4 [rip+0]- nop" },
	{ "VEX in 32-bit mode", 1, "c5 f8 58 c1", "VVOM 4 vec" },
	{ "les when it is memory", 1, "c4 00", "OM 4 [ax]r r=ax w=ax" },
	{ "bound when it is memory", 1, "62 08", "OM 4 [ax]r r=ax,cx" },
	/* what 64-bit mode took away */
	{ "inc %eax", 1, "40", "O 4 r=ax w=ax fw=oszap" },
	{ "pusha", 1, "60", "O 4 stack r=ax,cx,dx,bx,sp,bp,si,di w=sp" },
	{ "arpl", 1, "63 c8", "OM 4 r=ax,cx w=ax fw=z" },
	{ "jmp rel16", 1, "66 e9 34 12", "POII 2 $4660 jmp" },
};

static void test_vectors(void)
{
	size_t i;

	for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		u8 bytes[32], *end;
		size_t len = parse_hex(vectors[i].hex, bytes), cut;
		struct upr_insn insn;
		char got[400] = "";
		int err, wrong = 0;

		for (cut = 0; cut <= len; cut++) {
			end = malloc(cut ? cut : 1);
			memcpy(end, bytes, cut);
			err = upr_insn_decode(&insn, end, cut, vectors[i].mode);
			free(end);
			if (cut < len && err != -ENODATA)
				wrong++;
		}
		if (err)
			sprintf(got, "error %d", err);
		else
			describe(&insn, got);
		if (!ok(!strcmp(got, vectors[i].want) && !wrong, "%s", vectors[i].name))
			diag("%s: got '%s', want '%s', %d prefixes do not ask for more", vectors[i].hex, got,
			     vectors[i].want, wrong);
	}
}

static const struct {
	const char *name;
	enum upr_insn_mode mode;
	const char *hex;
} invalid[] = {
	{ "push %es in 64-bit mode", 0, "06" },
	{ "APX: REX2", 0, "d5 00 89 c8" },
	{ "APX: EVEX map 4", 0, "62 f4 7c 08 01 c0" },
	{ "EVEX with a reserved bit set", 0, "62 f9 7c 48 58 c0" },
	{ "EVEX with the fixed bit clear", 0, "62 f1 78 48 58 c0" },
	{ "lock on a register", 0, "f0 01 c8" },
	{ "lock mov", 0, "f0 89 08" },
	{ "lock cmp", 0, "f0 39 08" },
	{ "lock bt", 0, "f0 0f a3 08" },
	{ "lea of a register", 0, "48 8d c0" },
	{ "mov to cs", 0, "8e c8" },
	{ "mov from segment register 6", 0, "8c f0" },
	{ "mov from cr1", 0, "0f 20 c8" },
	{ "ff /7", 0, "ff f8" },
	{ "far call through a register", 0, "ff d8" },
	{ "66 before VEX", 0, "66 c5 f8 58 c1" },
	{ "F3 before VEX", 0, "f3 c5 f8 58 c1" },
	{ "REX before VEX", 0, "48 c5 f8 58 c1" },
	{ "lock before VEX", 0, "f0 c5 f8 58 c1" },
	{ "66 before EVEX", 0, "66 62 f1 7c 48 58 c0" },
	{ "VEX map 0", 0, "c4 e0 78 58 c1" },
	{ "XOP map 11", 0, "8f eb 78 10 01" },
	{ "vvvv where it names nothing", 0, "c5 e8 51 c1" },
	{ "VEX.L where only 128 bits exist", 0, "c4 e2 7d 41 c1" },
	{ "VEX.W where only W0 exists", 0, "c4 e2 f9 18 c1" },
	{ "gather: mask and index alike", 0, "c4 e2 71 90 14 08" },
	{ "gather from a register", 0, "c4 e2 71 90 c0" },
	{ "EVEX gather without a mask", 0, "62 f2 7d 48 90 04 08" },
	{ "EVEX zeroing into memory", 0, "62 f1 7c c9 11 00" },
	{ "EVEX zeroing without a mask", 0, "62 f1 7c c8 10 00" },
	{ "EVEX broadcast where there is none", 0, "62 f1 7c 58 10 00" },
	{ "EVEX mask where there is none", 0, "62 f1 7d 09 6e c0" },
	{ "EVEX fourth vector length", 0, "62 f1 7c 68 58 c0" },
	{ "mask register 8", 0, "c5 05 4a c0" },
	{ "AMX: two tiles alike", 0, "c4 e2 73 5e c1" },
	{ "AMX: tileload without SIB", 0, "c4 e2 7b 4b 00" },
	{ "16 bytes", 0, "66 66 66 66 66 66 66 66 66 66 66 66 66 66 66 90" },
	{ "15 prefixes and nothing else", 0, "66 66 66 66 66 66 66 66 66 66 66 66 66 66 66" },
	{ "15 bytes and still an immediate to come", 0, "66 66 66 66 66 66 66 66 66 66 66 66 66 66 b0" },
	{ "3DNow! with no such suffix", 0, "0f 0f c0 00" },
	{ "EVEX.V' in 32-bit mode", 1, "62 f1 7c 40 58 c0" },
};

static void test_invalid(void)
{
	size_t i;

	for (i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++) {
		u8 bytes[32] = { 0 };
		struct upr_insn insn;

		parse_hex(invalid[i].hex, bytes);
		is_int(upr_insn_decode(&insn, bytes, sizeof(bytes), invalid[i].mode), -EINVAL, invalid[i].name);
	}
}

static u64 target_of(const char *hex, enum upr_insn_mode mode, u64 addr)
{
	struct upr_insn insn;
	u8 bytes[32];
	size_t len = parse_hex(hex, bytes);

	if (upr_insn_decode(&insn, bytes, len, mode))
		return 0;
	return insn.attr & UPR_INSN_RIPREL ? upr_insn_riprel_addr(&insn, addr) : upr_insn_target(&insn, addr);
}

static void test_targets(void)
{
	is_int(target_of("eb fe", 0, 0x1000), 0x1000, "jmp to itself");
	is_int(target_of("e8 00 00 00 80", 0, 0x7f0000000000), 0x7eff80000005, "call 2 GiB back");
	is_int(target_of("eb 10", 0, 0xfffffffffffffff0), 2, "jmp around the end of the address space");
	is_int(target_of("eb 10", 1, 0xfffffff0), 2, "the same with 32 bits");
	is_int(target_of("66 e9 00 00", 1, 0x12345678), 0x567c, "a 16-bit target in 32-bit mode");
	is_int(target_of("c7 f8 00 01 00 00", 0, 0x1000), 0x1106, "xbegin's abort path");
	is_int(target_of("48 8b 05 f9 ff ff ff", 0, 0x1000), 0x1000, "rip-relative: from the end of the instruction");
	is_int(target_of("c7 05 10 00 00 00 01 00 00 00", 0, 0x1000), 0x101a, "rip-relative with an immediate behind");
	is_int(target_of("67 8b 05 00 00 00 00", 0, 0x7f0012345678), 0x1234567f, "eip-relative is cut to 32 bits");
}

static void test_fields(void)
{
	struct upr_insn insn;
	u8 bytes[32];

	is_int(upr_insn_decode(&insn, bytes, parse_hex("36 64 65 66 f3 f2 4d 0f 7c c1", bytes), UPR_INSN_64), 0,
	       "haddps behind a crowd of prefixes");
	is_int(insn.prefixes, UPR_PFX_SS | UPR_PFX_GS | UPR_PFX_OSIZE | UPR_PFX_REPNE | UPR_PFX_REX,
	       "of F2 and F3, and of fs and gs, the last stays");
	is_int(insn.pp, 3, "F2 goes before 66");
	is_int(insn.rex, UPR_REX_W | UPR_REX_R | UPR_REX_B, "REX bits");
	upr_insn_decode(&insn, bytes, parse_hex("36 2e 8b 00", bytes), UPR_INSN_32);
	is_int(insn.prefixes, UPR_PFX_CS, "32-bit mode: the last of all segments stays");

	upr_insn_decode(&insn, bytes, parse_hex("62 a1 55 23 58 c7", bytes), UPR_INSN_64);
	is_int(insn.enc, UPR_ENC_EVEX, "EVEX: encoding");
	is_int(insn.map, UPR_MAP_0F, "EVEX: map");
	is_int(insn.rex, UPR_REX_R2 | UPR_REX_X | UPR_REX_V2, "EVEX: R', X and V' un-inverted");
	is_int(insn.vvvv, 5, "EVEX: vvvv un-inverted");
	is_int(insn.vl, 1, "EVEX: length");
	is_int(insn.pp, 1, "EVEX: pp");
	upr_insn_decode(&insn, bytes, parse_hex("c4 41 2b 58 c1", bytes), UPR_INSN_64);
	is_int(insn.pp, 3, "VEX: pp as in the encoding, 3 is F2");
	is_int(insn.rex, UPR_REX_R | UPR_REX_B, "VEX: R and B un-inverted");
	upr_insn_decode(&insn, bytes, parse_hex("0f 0f c1 bf", bytes), UPR_INSN_64);
	is_int(insn.opcode, 0xbf, "3DNow!: the opcode is the suffix");
	is_int(insn.enc, UPR_ENC_3DNOW, "3DNow!: encoding");
	is_int(upr_insn_decode(&insn, bytes, 0, UPR_INSN_64), -ENODATA, "no bytes at all");
}

int main(void)
{
	test_vectors();
	test_invalid();
	test_targets();
	test_fields();
	return done_testing();
}
