// SPDX-License-Identifier: GPL-2.0
/*
 * test-effects.c - the decoder's register and flag sets against the processor.
 *
 * Purpose: runs random instructions natively, twice.  Whatever register or flag
 * changes must be in the write sets.  The second run differs in every register
 * and flag that is not in the read sets; what the instruction writes, memory
 * included, must come out the same.  Nobody's opinion is asked but the silicon's,
 * except that Zydis names the flags that are architecturally undefined: some
 * processors leave those alone.
 *
 * Not run: what leaves the spot (branches, system calls, stack), needs
 * privilege, waits, gives a different answer each time, or would change what
 * this process stands on (segments, protection keys).
 *
 * Single-threaded; no locks.  A fault comes back by siglongjmp().
 */
#include <Zydis/Zydis.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <upr-compat.h>
#include <utrace/insn.h>
#include "../tap.h"
#include "random-bytes.h"

/* Below 4 GiB for 67, and far from everything for bit offsets of 32 bits. */
#define BUFFER_ADDR 0x50000000ul
#define BUFFER_SIZE 0x20000
#define BUFFER_MID  (BUFFER_ADDR + BUFFER_SIZE / 2)
#define TOUCHED	    4096 /* around the middle: what is compared */
#define XSAVE_SIZE  32768

struct upr_run {
	u64 in[16];
	u64 flags_in;
	u64 out[16];
	u64 flags_out;
	u64 code;
	u64 rsp;
};

struct upr_run upr_run;
void upr_run_insn(void);
void upr_run_back(void);

/* Loads everything but rsp, jumps to the instruction; its successor jumps to upr_run_back. */
__asm__(".text\n"
	".globl upr_run_insn\n"
	"upr_run_insn:\n"
	"	push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
	"	mov %rsp, 280+upr_run(%rip)\n"
	"	push 128+upr_run(%rip); popf\n"
	"	mov 0+upr_run(%rip), %rax;	mov 8+upr_run(%rip), %rcx\n"
	"	mov 16+upr_run(%rip), %rdx;	mov 24+upr_run(%rip), %rbx\n"
	"	mov 40+upr_run(%rip), %rbp;	mov 48+upr_run(%rip), %rsi\n"
	"	mov 56+upr_run(%rip), %rdi;	mov 64+upr_run(%rip), %r8\n"
	"	mov 72+upr_run(%rip), %r9;	mov 80+upr_run(%rip), %r10\n"
	"	mov 88+upr_run(%rip), %r11;	mov 96+upr_run(%rip), %r12\n"
	"	mov 104+upr_run(%rip), %r13;	mov 112+upr_run(%rip), %r14\n"
	"	mov 120+upr_run(%rip), %r15\n"
	"	jmp *272+upr_run(%rip)\n"
	".globl upr_run_back\n"
	"upr_run_back:\n"
	"	mov %rax, 136+upr_run(%rip);	mov %rcx, 144+upr_run(%rip)\n"
	"	mov %rdx, 152+upr_run(%rip);	mov %rbx, 160+upr_run(%rip)\n"
	"	mov %rsp, 168+upr_run(%rip)\n"
	"	mov %rbp, 176+upr_run(%rip);	mov %rsi, 184+upr_run(%rip)\n"
	"	mov %rdi, 192+upr_run(%rip);	mov %r8, 200+upr_run(%rip)\n"
	"	mov %r9, 208+upr_run(%rip);	mov %r10, 216+upr_run(%rip)\n"
	"	mov %r11, 224+upr_run(%rip);	mov %r12, 232+upr_run(%rip)\n"
	"	mov %r13, 240+upr_run(%rip);	mov %r14, 248+upr_run(%rip)\n"
	"	mov %r15, 256+upr_run(%rip)\n"
	"	mov 280+upr_run(%rip), %rsp\n"
	"	pushf; pop 264+upr_run(%rip)\n"
	"	push $0x202; popf\n"
	"	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
	"	ret\n");

static sigjmp_buf fault;
static u8 *code, *buffer;
static u8 background[2 * TOUCHED], after[2][2 * TOUCHED];
static u8 xsave_area[XSAVE_SIZE] __attribute__((aligned(64)));
static unsigned long wrong;

static void on_fault(int sig)
{
	siglongjmp(fault, sig);
}

static void vector_state(bool save)
{
	if (save)
		__asm__ volatile("xsave64 %0" : "+m"(xsave_area) : "a"(-1), "d"(-1) : "memory");
	else
		__asm__ volatile("xrstor64 %0" : : "m"(xsave_area), "a"(-1), "d"(-1) : "memory");
}

/* Opcodes of 0F that are left out, by reason. */
static bool unsuitable_0f(const struct upr_insn *insn)
{
	switch (insn->opcode) {
	case 0x01: /* wrpkru, clzero at rax, monitors, xgetbv ... */
	case 0xae: /* fs and gs bases, MXCSR, waits; xsave and xrstor */
	case 0xc7: /* random numbers; xsave, but cmpxchg8b is worth having */
		return insn->opcode != 0xc7 || upr_modrm_reg(insn) != 1;
	case 0x00: /* sldt, str and smsw may be made up by the kernel */
	case 0x31:
	case 0x33:
	case 0xa2: /* the time, counters, cpuid's APIC id */
	case 0xb2:
	case 0xb4:
	case 0xb5: /* load segments */
	case 0xf7: /* stores at rdi */
		return true;
	}
	return false;
}

/* The register of bt, bts, btr and btc that goes into the address as well. */
static u8 bit_offset(const struct upr_insn *insn)
{
	if (insn->enc != UPR_ENC_LEGACY || insn->map != UPR_MAP_0F || (insn->opcode & 0xe7) != 0xa3 ||
	    !(insn->attr & UPR_INSN_MEM))
		return UPR_INSN_NOREG;
	return upr_modrm_reg(insn) | (insn->rex & UPR_REX_R ? 8 : 0);
}

static bool suitable(const struct upr_insn *insn)
{
	u32 rsp = UPR_GPR(UPR_RSP);

	if (insn->branch != UPR_BR_NONE || ((insn->gpr_read | insn->gpr_write) & rsp) ||
	    (insn->attr & (UPR_INSN_PRIV | UPR_INSN_STACK | UPR_INSN_RIPREL | UPR_INSN_VSIB | UPR_INSN_MOFFS)) ||
	    (insn->prefixes & (UPR_PFX_FS | UPR_PFX_GS)))
		return false;
	if ((insn->attr & UPR_INSN_MEM) && (insn->base == UPR_INSN_NOREG || insn->disp < -1000 || insn->disp > 1000))
		return false;
	if (bit_offset(insn) != UPR_INSN_NOREG && (bit_offset(insn) == insn->base || bit_offset(insn) == insn->index))
		return false;
	if (insn->enc == UPR_ENC_LEGACY && insn->map == UPR_MAP_1B)
		return insn->opcode != 0x8e && insn->opcode != 0xd7 && insn->opcode != 0xc6 &&
		       !((insn->attr & UPR_INSN_STRING) && (insn->prefixes & (UPR_PFX_REP | UPR_PFX_REPNE)));
	if (insn->enc == UPR_ENC_LEGACY && insn->map == UPR_MAP_0F)
		return !unsuitable_0f(insn);
	if (insn->enc == UPR_ENC_LEGACY && insn->map == UPR_MAP_0F38)
		return insn->opcode < 0xf8; /* movdir64b, enqcmd and the like go where a register says */
	if (insn->enc == UPR_ENC_VEX2 || insn->enc == UPR_ENC_VEX3)
		return !(insn->map == UPR_MAP_0F && (insn->opcode == 0xae || insn->opcode == 0xf7));
	return true;
}

/* A register that the operand's address needs, or the string's. */
static u64 pinned(const struct upr_insn *insn, unsigned int reg, u64 otherwise)
{
	if (insn->attr & UPR_INSN_STRING)
		return reg == UPR_RSI || reg == UPR_RDI ? BUFFER_MID + (reg == UPR_RSI ? 256 : 0) : otherwise;
	if (!(insn->attr & UPR_INSN_MEM))
		return otherwise;
	if (reg == insn->base)
		return BUFFER_MID;
	if (reg == bit_offset(insn))
		return otherwise & 0x1fff;
	return reg == insn->index ? 0 : otherwise;
}

/* Returns the signal, 0 when the instruction went through. */
static int run_once(const struct upr_insn *insn, const u8 *bytes, u8 *memory)
{
	static const u8 jump[] = {0xff, 0x25, 0, 0, 0, 0};
	u64 back = (u64)upr_run_back;
	int sig;

	memcpy(code, bytes, insn->length);
	memcpy(code + insn->length, jump, sizeof(jump));
	memcpy(code + insn->length + sizeof(jump), &back, sizeof(back));
	memcpy((void *)(BUFFER_MID - TOUCHED), background, sizeof(background));
	upr_run.code = (u64)code;
	sig = sigsetjmp(fault, 1);
	if (!sig) {
		vector_state(false);
		upr_run_insn();
	}
	vector_state(false);
	memcpy(memory, (void *)(BUFFER_MID - TOUCHED), sizeof(background));
	return sig;
}

static void complain(const char *what, const struct upr_insn *insn, const u8 *bytes, u64 detail)
{
	int i;

	if (wrong++ >= 40)
		return;
	printf("# %s %#llx:", what, (unsigned long long)detail);
	for (i = 0; i < insn->length; i++)
		printf(" %02x", bytes[i]);
	putchar('\n');
}

static u32 undefined_flags(const u8 *bytes, size_t len)
{
	static ZydisDecoder decoder;
	ZydisDecodedInstruction z;

	if (decoder.machine_mode != ZYDIS_MACHINE_MODE_LONG_64 || !decoder.stack_width)
		ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	if (!ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&decoder, NULL, bytes, len, &z)) || !z.cpu_flags)
		return 0;
	return z.cpu_flags->undefined;
}

/* Runs the instruction in both worlds; returns whether it could be run. */
static bool try_insn(struct random_bytes *r, const struct upr_insn *insn, const u8 *bytes)
{
	struct upr_run first;
	unsigned int i;
	u32 changed = 0, differ = 0;
	int sig;

	for (i = 0; i < 16; i++)
		upr_run.in[i] = pinned(insn, i, random_u64(r) >> (random_u64(r) & 63));
	upr_run.flags_in = 0x202 | (random_u64(r) & UPR_FL_STATUS);
	sig = run_once(insn, bytes, after[0]);
	if (sig)
		return false;
	first = upr_run;
	for (i = 0; i < 16; i++)
		if (i != UPR_RSP && first.out[i] != first.in[i])
			changed |= UPR_GPR(i);
	if (changed & ~insn->gpr_write)
		complain("writes registers", insn, bytes, changed & ~insn->gpr_write);
	changed = (first.flags_out ^ first.flags_in) & (UPR_FL_STATUS | UPR_FL_DF);
	if (changed & ~insn->flags_write)
		complain("writes flags", insn, bytes, changed & ~insn->flags_write);

	for (i = 0; i < 16; i++)
		if (!(insn->gpr_read & UPR_GPR(i)))
			upr_run.in[i] = random_u64(r);
	upr_run.flags_in ^= random_u64(r) & UPR_FL_STATUS & ~insn->flags_read;
	if (run_once(insn, bytes, after[1])) {
		complain("faults by what it does not read", insn, bytes, 0);
		return true;
	}
	for (i = 0; i < 16; i++)
		if ((insn->gpr_write & UPR_GPR(i)) && first.out[i] != upr_run.out[i])
			differ |= UPR_GPR(i);
	if (differ)
		complain("writes by what it does not read, registers", insn, bytes, differ);
	differ = (first.flags_out ^ upr_run.flags_out) & insn->flags_write & UPR_FL_STATUS;
	if (differ & ~undefined_flags(bytes, insn->length))
		complain("writes by what it does not read, flags", insn, bytes, differ);
	if (memcmp(after[0], after[1], sizeof(after[0])))
		complain("stores what it does not read", insn, bytes, 0);
	return true;
}

static void prepare(struct random_bytes *r)
{
	static const int signals[] = {SIGSEGV, SIGILL, SIGFPE, SIGBUS, SIGTRAP};
	struct sigaction sa = {.sa_handler = on_fault, .sa_flags = SA_ONSTACK | SA_NODEFER};
	static u8 stack[65536];
	stack_t alt = {.ss_sp = stack, .ss_size = sizeof(stack)};
	size_t i;

	buffer = mmap((void *)BUFFER_ADDR, BUFFER_SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (buffer != (u8 *)BUFFER_ADDR || code == MAP_FAILED)
		skip_all("no memory where it is wanted, or none that is writable and executable");
	sigaltstack(&alt, NULL);
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &sa, NULL);
	for (i = 0; i < sizeof(background); i++)
		background[i] = random_u64(r);
	vector_state(true);
}

int main(int argc, char **argv)
{
	struct random_bytes r = {.state = argc > 2 ? strtoull(argv[2], NULL, 0) : 20};
	unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 0) : 1000000, ran = 0, n;

	if (!__builtin_cpu_supports("avx"))
		skip_all("needs a processor with XSAVE");
	prepare(&r);
	for (n = 0; n < count; n++) {
		struct upr_insn insn;
		u8 bytes[16];

		random_instruction(&r, bytes, sizeof(bytes), UPR_INSN_64);
		if (!upr_insn_decode(&insn, bytes, sizeof(bytes), UPR_INSN_64) && suitable(&insn))
			ran += try_insn(&r, &insn, bytes);
	}
	ok(!wrong && ran > count / 20, "%lu instructions do what their register and flag sets say", ran);
	return done_testing();
}
