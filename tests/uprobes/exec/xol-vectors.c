// SPDX-License-Identifier: GPL-2.0
/*
 * xol-vectors.c - displaced execution's vectors: instruction bytes in; ways,
 * slot bytes and registers out.
 *
 * Purpose: hand-written answers for every strategy, near and far slots, 64-bit
 * and 32-bit code.  Compiled into the user side's unit test and into the kernel's
 * selftest module; user memory is a buffer behind a fake target_ops.  That
 * the answers agree with the CPU is shown by the execution test.
 *
 * Locks: none; one caller at a time (the fake memory is static).
 */
/* tables, aligned by hand */
/* clang-format off */
#include <upr-compat.h>
#include <utrace/utrace.h>
#include <upr-arch.h>

#include "xol-vectors.h"

#define BYTES(...)	{ __VA_ARGS__ }, .len = sizeof((u8[]){ __VA_ARGS__ })

#define EMU		UPR_WAYS(UPR_WAY_EMULATE)
#define BOOST		UPR_WAYS(UPR_WAY_BOOST)
#define STEP		UPR_WAYS(UPR_WAY_STEP)
#define ALL		(EMU | BOOST | STEP)
#define SLOT		(BOOST | STEP)
#define NONE		UPR_WAYS(UPR_WAY_REFUSE)

/* Probed address, a slot in reach of it and one out of reach. */
#define ADDR		0x400000ull
#define NEAR		0x500000ull
#define FAR		0x7f0000000000ull

/* --- analysis ------------------------------------------------------------ */

struct way_vector {
	const char *text;
	u8 code[16];
	u8 len;
	u8 mode32;
	u8 env;
	s8 ret;
	u8 ways;
	const char *reason;
};

#define REFUSED(why)	.ret = -EOPNOTSUPP, .ways = NONE, .reason = (why)

static const struct way_vector way_vectors[] = {
	{ "nop", BYTES(0x90), .ways = ALL },
	{ "nopw 0x0(%rax,%rax,1)", BYTES(0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00), .ways = ALL },
	{ "endbr64", BYTES(0xf3, 0x0f, 0x1e, 0xfa), .ways = ALL },
	{ "push %rbp", BYTES(0x55), .ways = ALL },
	{ "pop %rsp", BYTES(0x5c), .ways = ALL },
	{ "push $0x1234", BYTES(0x68, 0x34, 0x12, 0x00, 0x00), .ways = ALL },
	{ "push 0x8(%rip)", BYTES(0xff, 0x35, 0x08, 0x00, 0x00, 0x00), .ways = ALL },
	{ "pop (%rax)", BYTES(0x8f, 0x00), .ways = SLOT },
	{ "push %fs", BYTES(0x0f, 0xa0), .ways = SLOT },
	{ "mov %rsp,%rbp", BYTES(0x48, 0x89, 0xe5), .ways = ALL },
	{ "mov %rax,0x8(%rsp)", BYTES(0x48, 0x89, 0x44, 0x24, 0x08), .ways = ALL },
	{ "mov %rax,0x8(%rdi)", BYTES(0x48, 0x89, 0x47, 0x08), .ways = SLOT },
	{ "sub $0x18,%rsp", BYTES(0x48, 0x83, 0xec, 0x18), .ways = ALL },
	{ "lock incl (%rax)", BYTES(0xf0, 0xff, 0x00), .ways = SLOT },
	{ "rep movsb", BYTES(0xf3, 0xa4), .ways = SLOT },
	{ "call", BYTES(0xe8, 0x00, 0x01, 0x00, 0x00), .ways = ALL },
	{ "data16 rex.W call", BYTES(0x66, 0x48, 0xe8, 0x00, 0x01, 0x00, 0x00), .ways = ALL },
	{ "call *%rax", BYTES(0xff, 0xd0), .ways = ALL },
	{ "call *0x8(%rip)", BYTES(0xff, 0x15, 0x08, 0x00, 0x00, 0x00), .ways = EMU | STEP },
	{ "call *0x18(%rax)", BYTES(0xff, 0x50, 0x18), .ways = EMU | STEP },
	{ "call *%cs:0x18(%eax), 32-bit", BYTES(0x2e, 0xff, 0x50, 0x18), .mode32 = 1, .ways = STEP },
	{ "call *%rsp", BYTES(0xff, 0xd4), .ways = EMU | STEP },
	{ "call *-0x8(%rsp)", BYTES(0xff, 0x54, 0x24, 0xf8), .ways = EMU | STEP },
	{ "jmp", BYTES(0xeb, 0x10), .ways = ALL },
	{ "jmp *%rax", BYTES(0xff, 0xe0), .ways = ALL },
	{ "notrack jmp *%rax", BYTES(0x3e, 0xff, 0xe0), .ways = ALL },
	{ "jne", BYTES(0x75, 0x10), .ways = ALL },
	{ "loop", BYTES(0xe2, 0x10), .ways = ALL },
	{ "rep loopne", BYTES(0xf3, 0xe0, 0x10), .ways = SLOT },
	{ "jrcxz", BYTES(0xe3, 0x10), .ways = ALL },
	{ "ret", BYTES(0xc3), .ways = ALL },
	{ "rep ret", BYTES(0xf3, 0xc3), .ways = ALL },
	{ "ret $0x8", BYTES(0xc2, 0x08, 0x00), .ways = ALL },
	{ "leave", BYTES(0xc9), .ways = ALL },
	{ "enter $0x10,$0", BYTES(0xc8, 0x10, 0x00, 0x00), .ways = SLOT },
	{ "pushf", BYTES(0x9c), .ways = ALL },
	{ "popf", BYTES(0x9d), .ways = EMU | STEP },
	{ "syscall", BYTES(0x0f, 0x05), .ways = SLOT },
	{ "sysenter, 32-bit", BYTES(0x0f, 0x34), .mode32 = 1, .ways = SLOT },
	{ "int $0x80", BYTES(0xcd, 0x80), .ways = SLOT },
	{ "xbegin", BYTES(0xc7, 0xf8, 0x10, 0x00, 0x00, 0x00), .ways = SLOT },
	{ "cpuid", BYTES(0x0f, 0xa2), .ways = SLOT },
	{ "rdtsc", BYTES(0x0f, 0x31), .ways = SLOT },
	{ "rdfsbase %rax", BYTES(0xf3, 0x48, 0x0f, 0xae, 0xc0), .ways = SLOT },
	{ "mov %eax,%ss", BYTES(0x8e, 0xd0), .ways = SLOT },
	{ "ud2", BYTES(0x0f, 0x0b), .ways = SLOT },
	{ "movaps 0x10(%rip),%xmm0", BYTES(0x0f, 0x28, 0x05, 0x10, 0x00, 0x00, 0x00), .ways = SLOT },
	{ "push %ebp, 32-bit", BYTES(0x55), .mode32 = 1, .ways = ALL },
	{ "inc %eax, 32-bit", BYTES(0x40), .mode32 = 1, .ways = ALL },
	{ "pop %ss, 32-bit", BYTES(0x17), .mode32 = 1, .ways = SLOT },
	{ "call, 32-bit", BYTES(0xe8, 0x00, 0x01, 0x00, 0x00), .mode32 = 1, .ways = ALL },
	{ "int3", BYTES(0xcc), REFUSED("a software interrupt of the program's own") },
	{ "int $0x3", BYTES(0xcd, 0x03), REFUSED("a software interrupt of the program's own") },
	{ "into, 32-bit", BYTES(0xce), .mode32 = 1, REFUSED("a software interrupt of the program's own") },
	{ "hlt", BYTES(0xf4), REFUSED("a privileged instruction") },
	{ "in (%dx),%al", BYTES(0xec), REFUSED("a privileged instruction") },
	{ "cli", BYTES(0xfa), REFUSED("a privileged instruction") },
	{ "wrmsr", BYTES(0x0f, 0x30), REFUSED("a privileged instruction") },
	{ "iretq", BYTES(0x48, 0xcf), REFUSED("a far transfer") },
	{ "lret", BYTES(0xcb), REFUSED("a far transfer") },
	{ "ljmp *(%rax)", BYTES(0xff, 0x28), REFUSED("a far transfer") },
	{ "data16 call", BYTES(0x66, 0xe8, 0x00, 0x01, 0x00, 0x00),
	  REFUSED("a 16-bit branch, which CPUs disagree about") },
	{ "data16 jmp", BYTES(0x66, 0xeb, 0x00), REFUSED("a 16-bit branch, which CPUs disagree about") },
	{ "enclu", BYTES(0x0f, 0x01, 0xd7), REFUSED("it enters an enclave, which keeps its address") },
	{ "call, shadow stack", BYTES(0xe8, 0x00, 0x01, 0x00, 0x00), .env = UPR_ENV_SHSTK,
	  REFUSED("a call or return under a shadow stack") },
	{ "ret, shadow stack", BYTES(0xc3), .env = UPR_ENV_SHSTK,
	  REFUSED("a call or return under a shadow stack") },
	{ "push, shadow stack", BYTES(0x55), .env = UPR_ENV_SHSTK, .ways = ALL },
	{ "push %es, 64-bit", BYTES(0x06), .ret = -EINVAL, .ways = NONE, .reason = "not an instruction" },
	{ "cut off", BYTES(0xe8, 0x00), .ret = -EINVAL, .ways = NONE, .reason = "the instruction is cut off" },
};

static bool check_ways(const struct way_vector *v)
{
	struct upr_xol xol;
	int ret = upr_xol_analyze(&xol, v->code, v->len, v->mode32 ? UPR_INSN_32 : UPR_INSN_64, v->env);

	return ret == v->ret && xol.ways == v->ways && xol.reason && (!v->reason || !strcmp(xol.reason, v->reason));
}

/* --- slots ----------------------------------------------------------------- */

struct slot_vector {
	const char *text;
	u8 code[16];
	u8 len;
	u8 mode32;
	u8 way;
	s8 ret;
	u64 slot;
	u8 want[UPR_SLOT_SIZE];
	u8 want_len;
	u64 tail[2];		/* constants, the last 8 bytes of the slot first */
};

#define WANT(...)	.want = { __VA_ARGS__ }, .want_len = sizeof((u8[]){ __VA_ARGS__ })
/* jmp *off(%rip) at offset @at of a slot, through its last constant, or the last but one */
#define FAR_JUMP(at)	0xff, 0x25, UPR_SLOT_SIZE - 8 - (at) - 6, 0, 0, 0
#define FAR_JUMP2(at)	0xff, 0x25, UPR_SLOT_SIZE - 16 - (at) - 6, 0, 0, 0
#define TAIL(...)	.tail = { __VA_ARGS__ }

static const struct slot_vector slot_vectors[] = {
	{ "nop, near", BYTES(0x90), .way = UPR_WAY_BOOST, .slot = NEAR, WANT(0x90, 0xe9, 0xfb, 0xff, 0xef, 0xff) },
	{ "nop, far", BYTES(0x90), .way = UPR_WAY_BOOST, .slot = FAR, WANT(0x90, FAR_JUMP(1)), TAIL(ADDR + 1) },
	{ "nop, 32-bit, above 2 GiB", BYTES(0x90), .mode32 = 1, .way = UPR_WAY_BOOST, .slot = 0xf7000000,
	  WANT(0x90, 0xe9, 0xfb, 0xff, 0x3f, 0x09) },
	{ "mov 0x10(%rip),%rax, near", BYTES(0x48, 0x8b, 0x05, 0x10, 0x00, 0x00, 0x00), .way = UPR_WAY_BOOST,
	  .slot = NEAR, WANT(0x48, 0x8b, 0x05, 0x10, 0x00, 0xf0, 0xff, 0xe9, 0xfb, 0xff, 0xef, 0xff) },
	{ "mov 0x10(%rip),%rax, far, boosted", BYTES(0x48, 0x8b, 0x05, 0x10, 0x00, 0x00, 0x00),
	  .way = UPR_WAY_BOOST, .slot = FAR, .ret = -ERANGE },
	{ "mov 0x10(%rip),%rax, far", BYTES(0x48, 0x8b, 0x05, 0x10, 0x00, 0x00, 0x00), .way = UPR_WAY_STEP,
	  .slot = FAR, WANT(0x48, 0x8b, 0x87, 0x10, 0x00, 0x00, 0x00, FAR_JUMP(7)), TAIL(ADDR + 7) },
	{ "mov 0x10(%rip),%rdi, REX.B set, far", BYTES(0x49, 0x8b, 0x3d, 0x10, 0x00, 0x00, 0x00),
	  .way = UPR_WAY_STEP, .slot = FAR, WANT(0x48, 0x8b, 0xbe, 0x10, 0x00, 0x00, 0x00, FAR_JUMP(7)),
	  TAIL(ADDR + 7) },
	{ "cmpxchg16b 0x10(%rip), far", BYTES(0x48, 0x0f, 0xc7, 0x0d, 0x10, 0x00, 0x00, 0x00), .way = UPR_WAY_STEP,
	  .slot = FAR, WANT(0x48, 0x0f, 0xc7, 0x8f, 0x10, 0x00, 0x00, 0x00, FAR_JUMP(8)), TAIL(ADDR + 8) },
	{ "cmpl $1,0x10(%rip), far", BYTES(0x83, 0x3d, 0x10, 0x00, 0x00, 0x00, 0x01), .way = UPR_WAY_STEP,
	  .slot = FAR, WANT(0x83, 0xbf, 0x10, 0x00, 0x00, 0x00, 0x01, FAR_JUMP(7)), TAIL(ADDR + 7) },
	{ "vaddps 0x10(%rip),%ymm1,%ymm2, far", BYTES(0xc5, 0xf4, 0x58, 0x15, 0x10, 0x00, 0x00, 0x00),
	  .way = UPR_WAY_STEP, .slot = FAR, WANT(0xc5, 0xf4, 0x58, 0x97, 0x10, 0x00, 0x00, 0x00, FAR_JUMP(8)),
	  TAIL(ADDR + 8) },
	{ "vpermd 0x10(%rip),%ymm1,%ymm2, B set, far", BYTES(0xc4, 0xc2, 0x75, 0x36, 0x15, 0x10, 0x00, 0x00, 0x00),
	  .way = UPR_WAY_STEP, .slot = FAR,
	  WANT(0xc4, 0xe2, 0x75, 0x36, 0x97, 0x10, 0x00, 0x00, 0x00, FAR_JUMP(9)), TAIL(ADDR + 9) },
	{ "vaddps 0x10(%rip),%zmm1,%zmm2, far",
	  BYTES(0x62, 0xf1, 0x74, 0x48, 0x58, 0x15, 0x10, 0x00, 0x00, 0x00), .way = UPR_WAY_STEP, .slot = FAR,
	  WANT(0x62, 0xf1, 0x74, 0x48, 0x58, 0x97, 0x10, 0x00, 0x00, 0x00, FAR_JUMP(10)), TAIL(ADDR + 10) },
	{ "mov 0x10(%eip),%eax, far", BYTES(0x67, 0x8b, 0x05, 0x10, 0x00, 0x00, 0x00), .way = UPR_WAY_BOOST,
	  .slot = FAR, WANT(0x67, 0x8b, 0x05, 0x10, 0x00, 0x40, 0x00, FAR_JUMP(7)), TAIL(ADDR + 7) },
	{ "jmp +0x10, near", BYTES(0xeb, 0x10), .way = UPR_WAY_BOOST, .slot = NEAR,
	  WANT(0xe9, 0x0d, 0x00, 0xf0, 0xff) },
	{ "jmp +0x10, far", BYTES(0xeb, 0x10), .way = UPR_WAY_BOOST, .slot = FAR, WANT(FAR_JUMP(0)),
	  TAIL(ADDR + 0x12) },
	{ "jne +0x10, near", BYTES(0x75, 0x10), .way = UPR_WAY_BOOST, .slot = NEAR,
	  WANT(0x75, 0x05, 0xe9, 0xfb, 0xff, 0xef, 0xff, 0xe9, 0x06, 0x00, 0xf0, 0xff) },
	{ "jne +0x10 (rel32), far", BYTES(0x0f, 0x85, 0x10, 0x00, 0x00, 0x00), .way = UPR_WAY_BOOST, .slot = FAR,
	  WANT(0x75, 0x06, FAR_JUMP(2), FAR_JUMP2(8)), TAIL(ADDR + 6, ADDR + 0x16) },
	{ "jecxz +0x10, near", BYTES(0x67, 0xe3, 0x10), .way = UPR_WAY_STEP, .slot = NEAR,
	  WANT(0x67, 0xe3, 0x05, 0xe9, 0xfb, 0xff, 0xef, 0xff, 0xe9, 0x06, 0x00, 0xf0, 0xff) },
	{ "rep loopne +0x10, near", BYTES(0xf3, 0xe0, 0x10), .way = UPR_WAY_BOOST, .slot = NEAR,
	  WANT(0xf3, 0xe0, 0x05, 0xe9, 0xfb, 0xff, 0xef, 0xff, 0xe9, 0x06, 0x00, 0xf0, 0xff) },
	{ "call +0x10, near", BYTES(0xe8, 0x10, 0x00, 0x00, 0x00), .way = UPR_WAY_BOOST, .slot = NEAR,
	  WANT(0xff, 0x35, 0x32, 0x00, 0x00, 0x00, 0xe9, 0x0a, 0x00, 0xf0, 0xff), TAIL(ADDR + 5) },
	{ "call +0x10, 32-bit", BYTES(0xe8, 0x10, 0x00, 0x00, 0x00), .mode32 = 1, .way = UPR_WAY_BOOST,
	  .slot = NEAR, WANT(0x68, 0x05, 0x00, 0x40, 0x00, 0xe9, 0x0b, 0x00, 0xf0, 0xff) },
	{ "call *0x10(%rip), near, boosted", BYTES(0xff, 0x15, 0x10, 0x00, 0x00, 0x00), .way = UPR_WAY_BOOST,
	  .slot = NEAR, .ret = -EOPNOTSUPP },
	{ "call *0x10(%rip), near, stepped", BYTES(0xff, 0x15, 0x10, 0x00, 0x00, 0x00), .way = UPR_WAY_STEP,
	  .slot = NEAR, WANT(0xff, 0x15, 0x10, 0x00, 0xf0, 0xff, 0xe9, 0xfb, 0xff, 0xef, 0xff) },
	{ "call *0x10(%rip), far, stepped", BYTES(0xff, 0x15, 0x10, 0x00, 0x00, 0x00), .way = UPR_WAY_STEP,
	  .slot = FAR, WANT(0xff, 0x97, 0x10, 0x00, 0x00, 0x00, FAR_JUMP(6)), TAIL(ADDR + 6) },
	{ "call *%r11, boosted", BYTES(0x41, 0xff, 0xd3), .way = UPR_WAY_BOOST, .slot = NEAR,
	  WANT(0xff, 0x35, 0x32, 0x00, 0x00, 0x00, 0x41, 0xff, 0xe3), TAIL(ADDR + 3) },
	{ "call *%rsp, boosted", BYTES(0xff, 0xd4), .way = UPR_WAY_BOOST, .slot = NEAR, .ret = -EOPNOTSUPP },
	{ "syscall, near", BYTES(0x0f, 0x05), .way = UPR_WAY_BOOST, .slot = NEAR,
	  WANT(0x0f, 0x05, 0x48, 0xb9, 0x02, 0x00, 0x40, 0, 0, 0, 0, 0, 0xe9, 0xf1, 0xff, 0xef, 0xff) },
	{ "xbegin +0x10, near", BYTES(0xc7, 0xf8, 0x10, 0x00, 0x00, 0x00), .way = UPR_WAY_BOOST, .slot = NEAR,
	  WANT(0xc7, 0xf8, 0x05, 0x00, 0x00, 0x00, 0xe9, 0xfb, 0xff, 0xef, 0xff, 0xe9, 0x06, 0x00, 0xf0, 0xff) },
};

static bool check_slot(const struct slot_vector *v)
{
	u8 buf[UPR_SLOT_SIZE];
	struct upr_xol xol;
	unsigned int i, end = UPR_SLOT_SIZE;
	int ret;

	if (upr_xol_analyze(&xol, v->code, v->len, v->mode32 ? UPR_INSN_32 : UPR_INSN_64, 0))
		return false;
	ret = upr_xol_build(&xol, (enum upr_way)v->way, ADDR, v->slot, buf);
	if (ret || v->ret)
		return ret == v->ret;
	if (memcmp(buf, v->want, v->want_len))
		return false;
	for (i = 0; i < ARRAY_SIZE(v->tail) && v->tail[i]; i++) {
		end -= 8;
		if (memcmp(buf + end, &v->tail[i], 8))
			return false;
	}
	for (i = v->want_len; i < end; i++)
		if (buf[i] != UPR_BREAKPOINT)
			return false;
	return true;
}

/* --- emulation -------------------------------------------------------------- */

#define STACK		0x7ffd0000ull
#define STACK_SIZE	64

static u8 stack[STACK_SIZE];

static bool in_stack(u64 addr, size_t len)
{
	return addr >= STACK && addr + len <= STACK + STACK_SIZE;
}

static int fake_read(struct utrace_task *task, u64 addr, void *buf, size_t len)
{
	if (!in_stack(addr, len))
		return -EFAULT;
	memcpy(buf, stack + (addr - STACK), len);
	return 0;
}

static int fake_write(struct utrace_task *task, u64 addr, const void *buf, size_t len)
{
	if (!in_stack(addr, len))
		return -EFAULT;
	memcpy(stack + (addr - STACK), buf, len);
	return 0;
}

static const struct target_ops fake_ops = { .mem_read = fake_read, .mem_write = fake_write };

/* A register or the flags, and what is in it. */
struct reg_value {
	u8 nr;
	u64 value;
};

#define FLAGS		16
#define END		0xff

struct emu_vector {
	const char *text;
	u8 code[16];
	u8 len;
	u8 mode32;
	s8 ret;
	struct reg_value in[4];
	struct reg_value out[4];
	u64 ip;
	u64 mem_at, mem_in;	/* 8 bytes put there before, if mem_at is set */
	u64 store_at, store;	/* 8 (32-bit: 4) bytes expected there */
};

#define IN(...)		.in = { __VA_ARGS__, { END } }
#define OUT(...)	.out = { __VA_ARGS__, { END } }
#define SAME		.out = { { END } }
#define SP		(STACK + 32)

static const struct emu_vector emu_vectors[] = {
	{ "nop", BYTES(0x90), IN({ UPR_RAX, 1 }), SAME, .ip = ADDR + 1 },
	{ "push %rbp", BYTES(0x55), IN({ UPR_RBP, 0x1122334455667788 }, { UPR_RSP, SP }), OUT({ UPR_RSP, SP - 8 }),
	  .ip = ADDR + 1, .store_at = SP - 8, .store = 0x1122334455667788 },
	{ "push %rsp", BYTES(0x54), IN({ UPR_RSP, SP }), OUT({ UPR_RSP, SP - 8 }), .ip = ADDR + 1,
	  .store_at = SP - 8, .store = SP },
	{ "push $-1", BYTES(0x6a, 0xff), IN({ UPR_RSP, SP }), OUT({ UPR_RSP, SP - 8 }), .ip = ADDR + 2,
	  .store_at = SP - 8, .store = ~0ull },
	{ "push onto a guard page", BYTES(0x55), IN({ UPR_RSP, STACK }), SAME, .ret = -EFAULT, .ip = ADDR },
	{ "push %ebp, 32-bit", BYTES(0x55), .mode32 = 1, IN({ UPR_RBP, 0x11223344 }, { UPR_RSP, SP }),
	  OUT({ UPR_RSP, SP - 4 }), .ip = ADDR + 1, .store_at = SP - 4, .store = 0x11223344 },
	{ "pop %rbx", BYTES(0x5b), IN({ UPR_RSP, SP }), OUT({ UPR_RSP, SP + 8 }, { UPR_RBX, 0xabcd }),
	  .ip = ADDR + 1, .mem_at = SP, .mem_in = 0xabcd },
	{ "pop %rsp", BYTES(0x5c), IN({ UPR_RSP, SP }), OUT({ UPR_RSP, 0xabcd }), .ip = ADDR + 1,
	  .mem_at = SP, .mem_in = 0xabcd },
	{ "mov %rsp,%rbp", BYTES(0x48, 0x89, 0xe5), IN({ UPR_RSP, SP }), OUT({ UPR_RBP, SP }), .ip = ADDR + 3 },
	{ "mov %eax,%eax", BYTES(0x89, 0xc0), IN({ UPR_RAX, 0xffffffff00000001 }), OUT({ UPR_RAX, 1 }),
	  .ip = ADDR + 2 },
	{ "mov %ah,%bl", BYTES(0x88, 0xe3), IN({ UPR_RAX, 0x5500 }, { UPR_RBX, 0x11ff }), OUT({ UPR_RBX, 0x1155 }),
	  .ip = ADDR + 2 },
	{ "mov 0x8(%rsp),%rax", BYTES(0x48, 0x8b, 0x44, 0x24, 0x08), IN({ UPR_RSP, SP }), OUT({ UPR_RAX, 0x77 }),
	  .ip = ADDR + 5, .mem_at = SP + 8, .mem_in = 0x77 },
	{ "lea 0x10(%rip),%rax", BYTES(0x48, 0x8d, 0x05, 0x10, 0x00, 0x00, 0x00), IN({ UPR_RAX, 1 }),
	  OUT({ UPR_RAX, ADDR + 0x17 }), .ip = ADDR + 7 },
	{ "lea 0x8(%rax,%rcx,4),%edx", BYTES(0x8d, 0x54, 0x88, 0x08), IN({ UPR_RAX, 0xfffffffff }, { UPR_RCX, 2 }),
	  OUT({ UPR_RDX, 0xf }), .ip = ADDR + 4 },
	{ "sub $0x18,%rsp", BYTES(0x48, 0x83, 0xec, 0x18), IN({ UPR_RSP, SP }, { FLAGS, 0x8d7 }),
	  OUT({ UPR_RSP, SP - 0x18 }, { FLAGS, 0x12 }), .ip = ADDR + 4 },
	{ "xor %eax,%eax", BYTES(0x31, 0xc0), IN({ UPR_RAX, 0x1234567812345678 }, { FLAGS, 0x8d7 }),
	  OUT({ UPR_RAX, 0 }, { FLAGS, 0x46 }), .ip = ADDR + 2 },
	{ "cmp $1,%al", BYTES(0x3c, 0x01), IN({ UPR_RAX, 0x80 }, { FLAGS, 2 }), OUT({ FLAGS, 0x812 }),
	  .ip = ADDR + 2 },
	{ "call", BYTES(0xe8, 0x00, 0x01, 0x00, 0x00), IN({ UPR_RSP, SP }), OUT({ UPR_RSP, SP - 8 }),
	  .ip = ADDR + 0x105, .store_at = SP - 8, .store = ADDR + 5 },
	{ "call, 32-bit", BYTES(0xe8, 0x00, 0x01, 0x00, 0x00), .mode32 = 1, IN({ UPR_RSP, SP }),
	  OUT({ UPR_RSP, SP - 4 }), .ip = ADDR + 0x105, .store_at = SP - 4, .store = ADDR + 5 },
	{ "call *%rax, to the vsyscall page", BYTES(0xff, 0xd0), IN({ UPR_RSP, SP }, { UPR_RAX, 0xffffffffff600000 }),
	  OUT({ UPR_RSP, SP - 8 }), .ip = 0xffffffffff600000, .store_at = SP - 8, .store = ADDR + 2 },
	{ "call *(%rsp)", BYTES(0xff, 0x14, 0x24), IN({ UPR_RSP, SP }), OUT({ UPR_RSP, SP - 8 }), .ip = 0x5678,
	  .mem_at = SP, .mem_in = 0x5678, .store_at = SP - 8, .store = ADDR + 3 },
	{ "jmp *%rax, not canonical", BYTES(0xff, 0xe0), IN({ UPR_RAX, 0x8000000000000000 }), SAME, .ret = -EFAULT,
	  .ip = ADDR },
	{ "ret", BYTES(0xc3), IN({ UPR_RSP, SP }), OUT({ UPR_RSP, SP + 8 }), .ip = 0x401234, .mem_at = SP,
	  .mem_in = 0x401234 },
	{ "ret $0x10", BYTES(0xc2, 0x10, 0x00), IN({ UPR_RSP, SP }), OUT({ UPR_RSP, SP + 0x18 }), .ip = 0x401234,
	  .mem_at = SP, .mem_in = 0x401234 },
	{ "leave", BYTES(0xc9), IN({ UPR_RSP, 1 }, { UPR_RBP, SP }), OUT({ UPR_RSP, SP + 8 }, { UPR_RBP, 0x99 }),
	  .ip = ADDR + 1, .mem_at = SP, .mem_in = 0x99 },
	{ "je, taken", BYTES(0x74, 0xfe), IN({ FLAGS, 0x42 }), SAME, .ip = ADDR },
	{ "jg, not taken", BYTES(0x7f, 0x10), IN({ FLAGS, 0x82 }), SAME, .ip = ADDR + 2 },
	{ "loop, taken", BYTES(0xe2, 0x10), IN({ UPR_RCX, 2 }), OUT({ UPR_RCX, 1 }), .ip = ADDR + 0x12 },
	{ "addr32 loop, to the end", BYTES(0x67, 0xe2, 0x10), IN({ UPR_RCX, 0xff00000001 }), OUT({ UPR_RCX, 0 }),
	  .ip = ADDR + 3 },
	{ "jrcxz, taken", BYTES(0xe3, 0x10), IN({ UPR_RCX, 0 }), SAME, .ip = ADDR + 0x12 },
	{ "pushf", BYTES(0x9c), IN({ UPR_RSP, SP }, { FLAGS, 0x10246 }), OUT({ UPR_RSP, SP - 8 }), .ip = ADDR + 1,
	  .store_at = SP - 8, .store = 0x246 },
	{ "popf", BYTES(0x9d), IN({ UPR_RSP, SP }, { FLAGS, 0x246 }), OUT({ UPR_RSP, SP + 8 }, { FLAGS, 0xfd7 }),
	  .ip = ADDR + 1, .mem_at = SP, .mem_in = 0xdd7 },
	{ "popf of ID", BYTES(0x9d), IN({ UPR_RSP, SP }, { FLAGS, 0x246 }), SAME, .ret = -EAGAIN, .ip = ADDR,
	  .mem_at = SP, .mem_in = 0x200246 },
	{ "push, the program stepping itself", BYTES(0x55), IN({ UPR_RSP, SP }, { FLAGS, 0x346 }), SAME,
	  .ret = -EAGAIN, .ip = ADDR },
};

static void put_reg(struct upr_regs *regs, const struct reg_value *v)
{
	if (v->nr == FLAGS)
		regs->flags = v->value;
	else
		regs->gpr[v->nr] = v->value;
}

static void put_regs(struct upr_regs *regs, const struct reg_value *v)
{
	for (; v->nr != END; v++)
		put_reg(regs, v);
}

static bool same_regs(const struct upr_regs *a, const struct upr_regs *b)
{
	return !memcmp(a->gpr, b->gpr, sizeof(a->gpr)) && a->ip == b->ip && a->flags == b->flags;
}

static void start_regs(struct upr_regs *regs, bool mode32)
{
	unsigned int i;

	memset(regs, 0, sizeof(*regs));
	for (i = 0; i < UPR_NR_GPR; i++)
		regs->gpr[i] = 0x1000 + i;
	regs->ip = ADDR;
	regs->flags = 2;
	regs->mode32 = mode32;
}

static bool check_emulation(const struct emu_vector *v)
{
	struct utrace_task task = { .target = &fake_ops };
	struct upr_regs regs, want;
	struct upr_xol xol;
	u64 stored = 0, pc;
	u8 before[STACK_SIZE];
	int ret;

	if (upr_xol_analyze(&xol, v->code, v->len, v->mode32 ? UPR_INSN_32 : UPR_INSN_64, 0))
		return false;
	memset(stack, 0xee, sizeof(stack));
	if (v->mem_at)
		memcpy(stack + (v->mem_at - STACK), &v->mem_in, 8);
	memcpy(before, stack, sizeof(stack));
	start_regs(&regs, v->mode32);
	put_regs(&regs, v->in);
	want = regs;
	put_regs(&want, v->out);
	want.ip = v->ip;
	ret = upr_xol_emulate(&xol, &task, ADDR, &regs);
	if (ret != v->ret || !same_regs(&regs, &want))
		return false;
	if (!ret && upr_xol_emulate_pc(&xol, ADDR, &pc) && pc != v->ip)
		return false;
	if (!v->store_at)
		return !memcmp(stack, before, sizeof(stack));
	memcpy(&stored, stack + (v->store_at - STACK), v->mode32 ? 4 : 8);
	return stored == v->store;
}

/* --- leaving ----------------------------------------------------------------- */

struct leave_vector {
	const char *text;
	u8 code[16];
	u8 len;
	u8 way;
	u8 mode32;
	u64 slot;
	u64 ip;			/* where the task stands */
	struct reg_value in[4];	/* set after upr_xol_enter() */
	u8 where;
	u64 want_ip;
	struct reg_value out[4];
	u64 store_at, store;
	u8 store_size;
};

#define LEAVE(text, way_, slot_, ip_, where_, want)	\
	text, .way = UPR_WAY_##way_, .slot = slot_, .ip = ip_, .where = UPR_SLOT_##where_, .want_ip = want
#define NOTHING		.in = { { END } }, .out = { { END } }

static const struct leave_vector leave_vectors[] = {
	{ LEAVE("nop, not begun", BOOST, NEAR, NEAR, BEFORE, ADDR), .code = BYTES(0x90), NOTHING },
	{ LEAVE("nop, at the jump back", BOOST, NEAR, NEAR + 1, AFTER, ADDR + 1), .code = BYTES(0x90), NOTHING },
	{ LEAVE("nop, gone", BOOST, NEAR, ADDR + 1, AFTER, ADDR + 1), .code = BYTES(0x90), NOTHING },
	{ LEAVE("nop, stepped", STEP, FAR, FAR + 1, AFTER, ADDR + 1), .code = BYTES(0x90), NOTHING },
	{ LEAVE("rep movsb, iterations left", BOOST, NEAR, NEAR, BEFORE, ADDR), .code = BYTES(0xf3, 0xa4), NOTHING },
	{ LEAVE("mov 0x10(%rip),%rax, scratch back, done", STEP, FAR, FAR + 7, AFTER, ADDR + 7),
	  .code = BYTES(0x48, 0x8b, 0x05, 0x10, 0x00, 0x00, 0x00), IN({ UPR_RAX, 0x55 }),
	  OUT({ UPR_RAX, 0x55 }, { UPR_RDI, 0x1007 }) },
	{ LEAVE("mov 0x10(%rip),%rax, scratch back, faulted", STEP, FAR, FAR, BEFORE, ADDR),
	  .code = BYTES(0x48, 0x8b, 0x05, 0x10, 0x00, 0x00, 0x00), NOTHING },
	{ LEAVE("jmp *0x10(%rip), scratch back", STEP, FAR, 0x1234, AFTER, 0x1234),
	  .code = BYTES(0xff, 0x25, 0x10, 0x00, 0x00, 0x00), NOTHING },
	{ LEAVE("jne, at the first exit", STEP, NEAR, NEAR + 2, AFTER, ADDR + 2), .code = BYTES(0x75, 0x10), NOTHING },
	{ LEAVE("jne, at the second exit", STEP, NEAR, NEAR + 7, AFTER, ADDR + 0x12),
	  .code = BYTES(0x75, 0x10), NOTHING },
	{ LEAVE("jne, at the second exit, far", BOOST, FAR, FAR + 8, AFTER, ADDR + 0x12), .code = BYTES(0x75, 0x10),
	  NOTHING },
	{ LEAVE("jecxz, at the first exit", STEP, NEAR, NEAR + 3, AFTER, ADDR + 3), .code = BYTES(0x67, 0xe3, 0x10),
	  NOTHING },
	{ LEAVE("xbegin, aborted", BOOST, NEAR, NEAR + 11, AFTER, ADDR + 0x16),
	  .code = BYTES(0xc7, 0xf8, 0x10, 0x00, 0x00, 0x00), NOTHING },
	{ LEAVE("call, not pushed", BOOST, NEAR, NEAR, BEFORE, ADDR),
	  .code = BYTES(0xe8, 0x10, 0x00, 0x00, 0x00), NOTHING },
	{ LEAVE("call, pushed", BOOST, NEAR, NEAR + 6, AFTER, ADDR + 0x15), .code = BYTES(0xe8, 0x10, 0x00, 0x00, 0x00),
	  NOTHING },
	{ LEAVE("call, pushed, 32-bit", STEP, NEAR, NEAR + 5, AFTER, ADDR + 0x15), .mode32 = 1,
	  .code = BYTES(0xe8, 0x10, 0x00, 0x00, 0x00), NOTHING },
	{ LEAVE("call *%rax, boosted, pushed", BOOST, NEAR, NEAR + 6, AFTER, 0x1234), .code = BYTES(0xff, 0xd0),
	  IN({ UPR_RSP, 0x2000 }, { UPR_RAX, 0x1234 }), OUT({ UPR_RSP, 0x2000 }, { UPR_RAX, 0x1234 }) },
	{ LEAVE("call *%rax, boosted, no address: push undone", BOOST, NEAR, NEAR + 6, BEFORE, ADDR),
	  .code = BYTES(0xff, 0xd0), IN({ UPR_RSP, 0x2000 }, { UPR_RAX, 1ull << 63 }),
	  OUT({ UPR_RSP, 0x2008 }, { UPR_RAX, 1ull << 63 }) },
	{ LEAVE("popf, stepped, faulted: no stray TF", STEP, NEAR, NEAR, BEFORE, ADDR), .code = BYTES(0x9d),
	  IN({ FLAGS, 0x302 }), OUT({ FLAGS, 0x202 }) },
	{ LEAVE("popf, stepped, TF popped", STEP, NEAR, NEAR + 1, AFTER, ADDR + 1), .code = BYTES(0x9d),
	  IN({ FLAGS, 0x302 }), OUT({ FLAGS, 0x302 }) },
	{ LEAVE("call *(%rax), stepped: return address to be put right", STEP, NEAR, 0x1234, AFTER, 0x1234),
	  .code = BYTES(0xff, 0x10), IN({ UPR_RSP, 0x2000 }), OUT({ UPR_RSP, 0x2000 }), .store_at = 0x2000,
	  .store = ADDR + 2, .store_size = 8 },
	{ LEAVE("call *(%rax), stepped, faulted", STEP, NEAR, NEAR, BEFORE, ADDR), .code = BYTES(0xff, 0x10), NOTHING },
	{ LEAVE("syscall, to be restarted", BOOST, NEAR, NEAR, BEFORE, ADDR), .code = BYTES(0x0f, 0x05),
	  IN({ UPR_RCX, NEAR + 2 }), OUT({ UPR_RCX, ADDR + 2 }) },
	{ LEAVE("syscall, in it", BOOST, NEAR, NEAR + 2, AFTER, ADDR + 2), .code = BYTES(0x0f, 0x05),
	  IN({ UPR_RCX, NEAR + 2 }), OUT({ UPR_RCX, ADDR + 2 }) },
	{ LEAVE("syscall, rcx put right already", BOOST, NEAR, NEAR + 12, AFTER, ADDR + 2), .code = BYTES(0x0f, 0x05),
	  IN({ UPR_RCX, ADDR + 2 }), OUT({ UPR_RCX, ADDR + 2 }) },
	{ LEAVE("syscall, stepped: no stray TF in r11", STEP, NEAR, NEAR + 2, AFTER, ADDR + 2),
	  .code = BYTES(0x0f, 0x05),
	  IN({ UPR_RCX, NEAR + 2 }, { UPR_R11, 0x346 }), OUT({ UPR_RCX, ADDR + 2 }, { UPR_R11, 0x246 }) },
	{ LEAVE("syscall, stepped: rt_sigreturn", STEP, NEAR, 0x1234, AFTER, 0x1234), .code = BYTES(0x0f, 0x05),
	  IN({ UPR_RCX, 0x1234 }, { UPR_R11, 0x346 }), OUT({ UPR_RCX, 0x1234 }, { UPR_R11, 0x346 }) },
	{ LEAVE("pushf, stepped: image to be put right", STEP, NEAR, NEAR + 1, AFTER, ADDR + 1), .code = BYTES(0x9c),
	  IN({ UPR_RSP, 0x2000 }, { FLAGS, 0x10246 }), OUT({ UPR_RSP, 0x2000 }, { FLAGS, 0x10246 }),
	  .store_at = 0x2000, .store = 0x246, .store_size = 8 },
	{ LEAVE("pushfw, stepped", STEP, NEAR, NEAR + 2, AFTER, ADDR + 2), .code = BYTES(0x66, 0x9c),
	  IN({ UPR_RSP, 0x2000 }, { FLAGS, 0x246 }), OUT({ UPR_RSP, 0x2000 }, { FLAGS, 0x246 }),
	  .store_at = 0x2000, .store = 0x246, .store_size = 2 },
};

static bool check_leave(const struct leave_vector *v)
{
	enum upr_way way = (enum upr_way)v->way;
	struct upr_xol_step step;
	struct upr_regs regs, want;
	enum upr_slot_where where;
	struct upr_xol xol;

	if (upr_xol_analyze(&xol, v->code, v->len, v->mode32 ? UPR_INSN_32 : UPR_INSN_64, 0))
		return false;
	start_regs(&regs, v->mode32);
	want = regs;
	put_regs(&want, v->out);
	want.ip = v->want_ip;
	upr_xol_step_init(&step);
	upr_xol_enter(&xol, way, ADDR, v->slot, &regs, &step);
	if (regs.ip != v->slot)
		return false;
	put_regs(&regs, v->in);
	regs.ip = v->ip;
	where = upr_xol_leave(&xol, way, ADDR, v->slot, &regs, way == UPR_WAY_STEP ? &step : NULL);
	if (where != v->where || !same_regs(&regs, &want))
		return false;
	if (way != UPR_WAY_STEP)
		return true;
	if (step.store_size != v->store_size || step.in_slot || step.scratch_used)
		return false;
	return !step.store_size || (step.store_addr == v->store_at && step.store_value == v->store);
}

#define RUN(table, check)						\
	do {								\
		for (i = 0; i < ARRAY_SIZE(table); i++) {		\
			bool pass = check(&(table)[i]);			\
									\
			failures += !pass;				\
			report((table)[i].text, pass);			\
		}							\
	} while (0)

int upr_xol_selftest(void (*report)(const char *name, bool pass))
{
	unsigned int i;
	int failures = 0;

	RUN(way_vectors, check_ways);
	RUN(slot_vectors, check_slot);
	RUN(emu_vectors, check_emulation);
	RUN(leave_vectors, check_leave);
	return failures;
}
