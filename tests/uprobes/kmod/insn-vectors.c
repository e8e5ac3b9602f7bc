// SPDX-License-Identifier: GPL-2.0
/*
 * insn-vectors.c - the decoder's vectors: bytes in, fields out.
 *
 * Purpose: a short walk over every way an instruction can be encoded, with the
 * answers written down by hand from the architecture manuals.  Compiled into
 * the user side's test and into the kernel's selftest module: what is shown is
 * that both compilations decode alike.  Completeness is tests/uprobes/decoder's.
 * No locks; pure computation.
 */
/* tables, aligned by hand */
/* clang-format off */
#include <upr-compat.h>
#include <utrace/insn.h>

#include "selftest.h"

/* In struct vector.skip: what a vector leaves unsaid. */
#define NO_GPR		0x1
#define NO_FLAGS	0x2

#define R(x)		UPR_GPR(UPR_##x)
#define ARITH		UPR_FL_STATUS

struct vector {
	const char *text;
	u8 bytes[16];
	u8 len;
	u8 mode32;
	s8 ret;
	u8 skip;
	/* expected */
	u8 enc, map, opcode, pp, branch, cond;
	u8 opsize;
	u8 base, index;
	u16 has, lacks;
	s64 disp, imm;
	u32 gpr_read, gpr_write, flags_read, flags_write;
};

#define BYTES(...) .bytes = { __VA_ARGS__ }, .len = sizeof((u8[]){ __VA_ARGS__ })
#define NOMEM .base = UPR_INSN_NOREG, .index = UPR_INSN_NOREG
#define NOIDX .index = UPR_INSN_NOREG

static const struct vector vectors[] = {
	/* one-byte map */
	{ "push %rbp", BYTES(0x55), .opcode = 0x55, NOMEM, .opsize = 8, .has = UPR_INSN_STACK,
	  .lacks = UPR_INSN_MEM | UPR_INSN_RIPREL, .gpr_read = R(RBP) | R(RSP), .gpr_write = R(RSP) },
	{ "push %r12", BYTES(0x41, 0x54), .opcode = 0x54, NOMEM, .opsize = 8, .has = UPR_INSN_STACK,
	  .gpr_read = R(R12) | R(RSP), .gpr_write = R(RSP) },
	{ "pop %rbx", BYTES(0x5b), .opcode = 0x5b, NOMEM, .opsize = 8, .has = UPR_INSN_STACK,
	  .gpr_read = R(RSP), .gpr_write = R(RBX) | R(RSP) },
	{ "mov %rsp,%rbp", BYTES(0x48, 0x89, 0xe5), .opcode = 0x89, NOMEM, .opsize = 8,
	  .lacks = UPR_INSN_MEM | UPR_INSN_STACK, .gpr_read = R(RSP), .gpr_write = R(RBP) },
	{ "mov 0x8(%rax,%rcx,4),%edx", BYTES(0x8b, 0x54, 0x88, 0x08), .opcode = 0x8b, .base = UPR_RAX,
	  .index = UPR_RCX, .opsize = 4, .has = UPR_INSN_MEM | UPR_INSN_MEM_READ, .lacks = UPR_INSN_MEM_WRITE,
	  .disp = 8, .gpr_read = R(RAX) | R(RCX), .gpr_write = R(RDX) },
	{ "mov %al,-0x1(%rbp)", BYTES(0x88, 0x45, 0xff), .opcode = 0x88, .base = UPR_RBP, NOIDX, .opsize = 1,
	  .has = UPR_INSN_MEM | UPR_INSN_MEM_WRITE, .lacks = UPR_INSN_MEM_READ, .disp = -1,
	  .gpr_read = R(RAX) | R(RBP) },
	{ "mov 0x1234(%rip),%rax", BYTES(0x48, 0x8b, 0x05, 0x34, 0x12, 0x00, 0x00), .opcode = 0x8b, NOMEM,
	  .opsize = 8, .has = UPR_INSN_MEM | UPR_INSN_MEM_READ | UPR_INSN_RIPREL, .disp = 0x1234,
	  .gpr_write = R(RAX) },
	{ "lea -0x10(%rip),%r15", BYTES(0x4c, 0x8d, 0x3d, 0xf0, 0xff, 0xff, 0xff), .opcode = 0x8d, NOMEM,
	  .opsize = 8, .has = UPR_INSN_RIPREL | UPR_INSN_AGEN, .lacks = UPR_INSN_MEM_READ | UPR_INSN_MEM_WRITE,
	  .disp = -16, .gpr_write = R(R15) },
	{ "movabs $0x1122334455667788,%rax", BYTES(0x48, 0xb8, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11),
	  .opcode = 0xb8, NOMEM, .opsize = 8, .imm = 0x1122334455667788, .gpr_write = R(RAX) },
	{ "mov $-1,%rcx", BYTES(0x48, 0xc7, 0xc1, 0xff, 0xff, 0xff, 0xff), .opcode = 0xc7, NOMEM, .opsize = 8,
	  .imm = -1, .gpr_write = R(RCX) },
	{ "sub $0x28,%rsp", BYTES(0x48, 0x83, 0xec, 0x28), .opcode = 0x83, NOMEM, .opsize = 8, .imm = 0x28,
	  .gpr_read = R(RSP), .gpr_write = R(RSP), .flags_write = ARITH },
	{ "cmp $0x12345678,%eax", BYTES(0x3d, 0x78, 0x56, 0x34, 0x12), .opcode = 0x3d, NOMEM, .opsize = 4,
	  .imm = 0x12345678, .gpr_read = R(RAX), .flags_write = ARITH },
	{ "adc %r8,(%rdi)", BYTES(0x4c, 0x11, 0x07), .opcode = 0x11, .base = UPR_RDI, NOIDX, .opsize = 8,
	  .has = UPR_INSN_MEM | UPR_INSN_MEM_READ | UPR_INSN_MEM_WRITE, .gpr_read = R(R8) | R(RDI),
	  .flags_read = UPR_FL_CF, .flags_write = ARITH },
	{ "inc %eax", BYTES(0xff, 0xc0), .opcode = 0xff, NOMEM, .opsize = 4, .gpr_read = R(RAX),
	  .gpr_write = R(RAX), .flags_write = ARITH & ~UPR_FL_CF },
	{ "lock xadd %eax,(%rdx)", BYTES(0xf0, 0x0f, 0xc1, 0x02), .map = UPR_MAP_0F, .opcode = 0xc1,
	  .base = UPR_RDX, NOIDX, .opsize = 4, .has = UPR_INSN_MEM | UPR_INSN_MEM_READ | UPR_INSN_MEM_WRITE,
	  .gpr_read = R(RAX) | R(RDX), .gpr_write = R(RAX), .flags_write = ARITH },
	{ "rep stos %rax,(%rdi)", BYTES(0xf3, 0x48, 0xab), .opcode = 0xab, .opsize = 8, .skip = NO_GPR, NOMEM,
	  .has = UPR_INSN_STRING, .flags_read = UPR_FL_DF },
	{ "enter $0x20,$1", BYTES(0xc8, 0x20, 0x00, 0x01), .opcode = 0xc8, NOMEM, .opsize = 8, .imm = 0x20,
	  .has = UPR_INSN_STACK, .gpr_read = R(RSP) | R(RBP), .gpr_write = R(RSP) | R(RBP) },
	{ "leave", BYTES(0xc9), .opcode = 0xc9, NOMEM, .opsize = 8, .has = UPR_INSN_STACK,
	  .skip = NO_GPR },
	{ "pushf", BYTES(0x9c), .opcode = 0x9c, NOMEM, .opsize = 8, .skip = NO_FLAGS,
	  .has = UPR_INSN_STACK | UPR_INSN_FLAGS_PUSH, .gpr_read = R(RSP), .gpr_write = R(RSP) },
	{ "popf", BYTES(0x9d), .opcode = 0x9d, NOMEM, .opsize = 8, .skip = NO_FLAGS,
	  .has = UPR_INSN_STACK | UPR_INSN_FLAGS_POP, .gpr_read = R(RSP), .gpr_write = R(RSP) },
	{ "nop", BYTES(0x90), .opcode = 0x90, NOMEM, .skip = NO_GPR, .has = UPR_INSN_NOP },
	{ "hlt", BYTES(0xf4), .opcode = 0xf4, NOMEM, .has = UPR_INSN_PRIV },
	{ "in (%dx),%al", BYTES(0xec), .opcode = 0xec, NOMEM, .skip = NO_GPR | NO_FLAGS, .has = UPR_INSN_PRIV },

	/* branches */
	{ "jmp .+0x12", BYTES(0xeb, 0x10), .opcode = 0xeb, NOMEM, .branch = UPR_BR_JMP, .imm = 0x10 },
	{ "jmp rel32", BYTES(0xe9, 0xfc, 0xff, 0xff, 0xff), .opcode = 0xe9, NOMEM, .branch = UPR_BR_JMP, .imm = -4 },
	{ "jne .-2", BYTES(0x75, 0xfc), .opcode = 0x75, NOMEM, .branch = UPR_BR_JCC, .cond = 5, .imm = -4,
	  .flags_read = UPR_FL_ZF },
	{ "jg rel32", BYTES(0x0f, 0x8f, 0x00, 0x01, 0x00, 0x00), .map = UPR_MAP_0F, .opcode = 0x8f, NOMEM,
	  .branch = UPR_BR_JCC, .cond = 15, .imm = 0x100, .flags_read = UPR_FL_ZF | UPR_FL_SF | UPR_FL_OF },
	{ "call rel32", BYTES(0xe8, 0x78, 0x56, 0x34, 0x12), .opcode = 0xe8, NOMEM, .branch = UPR_BR_CALL,
	  .has = UPR_INSN_STACK, .imm = 0x12345678, .gpr_read = R(RSP), .gpr_write = R(RSP) },
	{ "call *0x8(%rip)", BYTES(0xff, 0x15, 0x08, 0x00, 0x00, 0x00), .opcode = 0xff, NOMEM,
	  .branch = UPR_BR_CALL_IND, .has = UPR_INSN_STACK | UPR_INSN_RIPREL | UPR_INSN_MEM_READ, .disp = 8,
	  .gpr_read = R(RSP), .gpr_write = R(RSP) },
	{ "notrack jmp *%rax", BYTES(0x3e, 0xff, 0xe0), .opcode = 0xff, NOMEM, .branch = UPR_BR_JMP_IND,
	  .gpr_read = R(RAX) },
	{ "ret", BYTES(0xc3), .opcode = 0xc3, NOMEM, .branch = UPR_BR_RET, .has = UPR_INSN_STACK,
	  .gpr_read = R(RSP), .gpr_write = R(RSP) },
	{ "ret $8", BYTES(0xc2, 0x08, 0x00), .opcode = 0xc2, NOMEM, .branch = UPR_BR_RET, .imm = 8,
	  .has = UPR_INSN_STACK, .gpr_read = R(RSP), .gpr_write = R(RSP) },
	{ "jrcxz", BYTES(0xe3, 0x05), .opcode = 0xe3, NOMEM, .branch = UPR_BR_LOOP, .imm = 5, .gpr_read = R(RCX) },
	{ "loop", BYTES(0xe2, 0xfe), .opcode = 0xe2, NOMEM, .branch = UPR_BR_LOOP, .imm = -2,
	  .gpr_read = R(RCX), .gpr_write = R(RCX) },
	{ "syscall", BYTES(0x0f, 0x05), .map = UPR_MAP_0F, .opcode = 0x05, NOMEM, .branch = UPR_BR_SYSCALL,
	  .skip = NO_GPR | NO_FLAGS },
	{ "int3", BYTES(0xcc), .opcode = 0xcc, NOMEM, .branch = UPR_BR_INT, .skip = NO_GPR | NO_FLAGS },
	{ "ud2", BYTES(0x0f, 0x0b), .map = UPR_MAP_0F, .opcode = 0x0b, NOMEM, .branch = UPR_BR_TRAP },
	{ "xbegin", BYTES(0xc7, 0xf8, 0x10, 0x00, 0x00, 0x00), .opcode = 0xc7, NOMEM, .branch = UPR_BR_XBEGIN,
	  .imm = 16, .skip = NO_GPR | NO_FLAGS },

	/* 0f, 0f38, 0f3a */
	{ "endbr64", BYTES(0xf3, 0x0f, 0x1e, 0xfa), .map = UPR_MAP_0F, .opcode = 0x1e, .pp = 2, NOMEM,
	  .skip = NO_GPR, .has = UPR_INSN_ENDBR },
	{ "nopw 0x0(%rax,%rax,1)", BYTES(0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00), .map = UPR_MAP_0F, .opcode = 0x1f,
	  .skip = NO_GPR, .base = UPR_RAX, .index = UPR_RAX, .has = UPR_INSN_NOP,
	  .lacks = UPR_INSN_MEM_READ | UPR_INSN_MEM_WRITE },
	{ "movzbl (%rsi),%eax", BYTES(0x0f, 0xb6, 0x06), .map = UPR_MAP_0F, .opcode = 0xb6, .base = UPR_RSI, NOIDX,
	  .opsize = 4, .has = UPR_INSN_MEM_READ, .gpr_read = R(RSI), .gpr_write = R(RAX) },
	{ "cmovb %rdx,%rax", BYTES(0x48, 0x0f, 0x42, 0xc2), .map = UPR_MAP_0F, .opcode = 0x42, NOMEM, .cond = 2,
	  .opsize = 8, .gpr_read = R(RDX) | R(RAX), .gpr_write = R(RAX), .flags_read = UPR_FL_CF },
	{ "movdqa 0x10(%rsp),%xmm3", BYTES(0x66, 0x0f, 0x6f, 0x5c, 0x24, 0x10), .map = UPR_MAP_0F, .opcode = 0x6f,
	  .pp = 1, .base = UPR_RSP, NOIDX, .has = UPR_INSN_VECTOR | UPR_INSN_MEM_READ, .disp = 16,
	  .gpr_read = R(RSP) },
	{ "pshufb %xmm1,%xmm0", BYTES(0x66, 0x0f, 0x38, 0x00, 0xc1), .map = UPR_MAP_0F38, .opcode = 0x00, .pp = 1,
	  NOMEM, .has = UPR_INSN_VECTOR },
	{ "pcmpistri $0x3a,(%rdi),%xmm0", BYTES(0x66, 0x0f, 0x3a, 0x63, 0x07, 0x3a), .map = UPR_MAP_0F3A,
	  .opcode = 0x63, .pp = 1, .base = UPR_RDI, NOIDX, .imm = 0x3a, .has = UPR_INSN_VECTOR | UPR_INSN_MEM_READ,
	  .gpr_read = R(RDI), .gpr_write = R(RCX), .flags_write = ARITH },

	/* VEX, EVEX, XOP, 3DNow! */
	{ "vmovups (%rdi),%ymm8", BYTES(0xc5, 0x7c, 0x10, 0x07), .enc = UPR_ENC_VEX2, .map = UPR_MAP_0F, .opcode = 0x10,
	  .base = UPR_RDI, NOIDX, .has = UPR_INSN_VECTOR | UPR_INSN_MEM_READ, .gpr_read = R(RDI) },
	{ "andn %rax,%rbx,%rcx", BYTES(0xc4, 0xe2, 0xe0, 0xf2, 0xc8), .enc = UPR_ENC_VEX3, .map = UPR_MAP_0F38,
	  .opcode = 0xf2, NOMEM, .opsize = 8, .gpr_read = R(RAX) | R(RBX), .gpr_write = R(RCX),
	  .flags_write = ARITH },
	{ "vpgatherdd %ymm1,(%rax,%ymm2,4),%ymm0", BYTES(0xc4, 0xe2, 0x75, 0x90, 0x04, 0x90), .enc = UPR_ENC_VEX3,
	  .map = UPR_MAP_0F38, .opcode = 0x90, .pp = 1, .base = UPR_RAX, .index = 2,
	  .has = UPR_INSN_VECTOR | UPR_INSN_VSIB | UPR_INSN_MEM_READ, .gpr_read = R(RAX) },
	{ "vaddps 0x40(%rip),%zmm1,%zmm0", BYTES(0x62, 0xf1, 0x74, 0x48, 0x58, 0x05, 0x40, 0x00, 0x00, 0x00),
	  .enc = UPR_ENC_EVEX, .map = UPR_MAP_0F, .opcode = 0x58, NOMEM,
	  .has = UPR_INSN_VECTOR | UPR_INSN_RIPREL | UPR_INSN_MEM_READ, .disp = 0x40 },
	{ "vmovdqu8 %zmm17,0x40(%rsi)", BYTES(0x62, 0xe1, 0x7f, 0x48, 0x7f, 0x4e, 0x01), .enc = UPR_ENC_EVEX,
	  .map = UPR_MAP_0F, .opcode = 0x7f, .pp = 3, .base = UPR_RSI, NOIDX, .disp = 1,
	  .has = UPR_INSN_VECTOR | UPR_INSN_MEM_WRITE, .gpr_read = R(RSI) },
	{ "blcfill %eax,%ecx", BYTES(0x8f, 0xe9, 0x70, 0x01, 0xc8), .enc = UPR_ENC_XOP, .map = UPR_MAP_XOP9,
	  .opcode = 0x01, NOMEM, .opsize = 4, .gpr_read = R(RAX), .gpr_write = R(RCX), .flags_write = ARITH },
	{ "pfadd (%rax),%mm1", BYTES(0x0f, 0x0f, 0x08, 0x9e), .enc = UPR_ENC_3DNOW, .map = UPR_MAP_0F, .opcode = 0x9e,
	  .base = UPR_RAX, NOIDX, .has = UPR_INSN_VECTOR | UPR_INSN_MEM_READ, .gpr_read = R(RAX) },

	/* 32-bit mode */
	{ "inc %eax (i386)", BYTES(0x40), .mode32 = 1, .opcode = 0x40, NOMEM, .opsize = 4, .gpr_read = R(RAX),
	  .gpr_write = R(RAX), .flags_write = ARITH & ~UPR_FL_CF },
	{ "mov 0x12345678,%eax (i386)", BYTES(0x8b, 0x05, 0x78, 0x56, 0x34, 0x12), .mode32 = 1, .opcode = 0x8b, NOMEM,
	  .opsize = 4, .has = UPR_INSN_MEM_READ, .lacks = UPR_INSN_RIPREL, .disp = 0x12345678, .gpr_write = R(RAX) },
	{ "les (%eax),%ecx (i386)", BYTES(0xc4, 0x08), .mode32 = 1, .opcode = 0xc4, .base = UPR_RAX, NOIDX, .opsize = 4,
	  .skip = NO_GPR, .has = UPR_INSN_MEM_READ },

	/* not instructions, and not all of one */
	{ "push %es (no such in 64-bit mode)", BYTES(0x06), .ret = -EINVAL },
	{ "into (no such in 64-bit mode)", BYTES(0xce), .ret = -EINVAL },
	{ "lock mov", BYTES(0xf0, 0x89, 0x03), .ret = -EINVAL },
	{ "15 prefixes and a nop", BYTES(0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
	  0x66, 0x66, 0x90), .ret = -EINVAL },
	{ "no bytes", .len = 0, .ret = -ENODATA },
	{ "call, four bytes of five", BYTES(0xe8, 0x00, 0x00, 0x00), .ret = -ENODATA },
	{ "REX alone", BYTES(0x48), .ret = -ENODATA },
};

static unsigned int failures;
static void (*say)(const char *name, bool ok);

static bool same(const char *text, const char *field, long long got, long long want)
{
	char line[160];

	if (got == want)
		return true;
	snprintf(line, sizeof(line), "%s: %s is %#llx, want %#llx", text, field, got, want);
	say(line, false);
	failures++;
	return false;
}

static bool vector_matches(const struct vector *v, const struct upr_insn *insn)
{
	const char *t = v->text;
	bool ok = true;

	ok &= same(t, "length", insn->length, v->len);
	ok &= same(t, "enc", insn->enc, v->enc);
	ok &= same(t, "map", insn->map, v->map);
	ok &= same(t, "opcode", insn->opcode, v->opcode);
	ok &= same(t, "branch", insn->branch, v->branch);
	if (v->pp)
		ok &= same(t, "pp", insn->pp, v->pp);
	if (v->cond)
		ok &= same(t, "cond", insn->cond, v->cond);
	if (v->opsize)
		ok &= same(t, "opsize", insn->opsize, v->opsize);
	ok &= same(t, "base", insn->base, v->base);
	ok &= same(t, "index", insn->index, v->index);
	ok &= same(t, "attr has", insn->attr & v->has, v->has);
	ok &= same(t, "attr lacks", insn->attr & v->lacks, 0);
	ok &= same(t, "disp", insn->disp, v->disp);
	if (insn->f_imm.size)
		ok &= same(t, "imm", insn->imm, v->imm);
	if (!(v->skip & NO_GPR)) {
		ok &= same(t, "gpr_read", insn->gpr_read, v->gpr_read);
		ok &= same(t, "gpr_write", insn->gpr_write, v->gpr_write);
	}
	if (!(v->skip & NO_FLAGS)) {
		ok &= same(t, "flags_read", insn->flags_read, v->flags_read);
		ok &= same(t, "flags_write", insn->flags_write, v->flags_write);
	}
	return ok;
}

/* Every byte less than the whole must ask for more, and must not read on. */
static bool prefixes_ask_for_more(const struct vector *v, enum upr_insn_mode mode)
{
	struct upr_insn insn;
	bool ok = true;
	size_t len;

	for (len = 0; len < v->len; len++)
		ok &= same(v->text, "answer to a part", upr_insn_decode(&insn, v->bytes, len, mode), -ENODATA);
	return ok;
}

static void targets(void)
{
	static const u8 call[] = { 0xe8, 0xfb, 0xff, 0xff, 0xff };
	static const u8 lea[] = { 0x48, 0x8d, 0x05, 0x00, 0x10, 0x00, 0x00 };
	struct upr_insn insn;
	bool ok = true;

	ok &= same("call .", "ret", upr_insn_decode(&insn, call, sizeof(call), UPR_INSN_64), 0);
	ok &= same("call .", "target", upr_insn_target(&insn, 0x401000), 0x401000);
	ok &= same("lea", "ret", upr_insn_decode(&insn, lea, sizeof(lea), UPR_INSN_64), 0);
	ok &= same("lea", "address", upr_insn_riprel_addr(&insn, 0x401000), 0x402007);
	say("branch target and rip-relative address", ok);
}

int upr_insn_selftest(void (*report)(const char *name, bool ok))
{
	size_t i;

	say = report;
	failures = 0;
	for (i = 0; i < ARRAY_SIZE(vectors); i++) {
		const struct vector *v = &vectors[i];
		enum upr_insn_mode mode = v->mode32 ? UPR_INSN_32 : UPR_INSN_64;
		struct upr_insn insn;
		bool ok = same(v->text, "ret", upr_insn_decode(&insn, v->bytes, v->len, mode), v->ret);

		if (ok && !v->ret)
			ok = vector_matches(v, &insn) && prefixes_ask_for_more(v, mode);
		if (ok)
			report(v->text, true);
	}
	targets();
	return failures;
}
