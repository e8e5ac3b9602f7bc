// SPDX-License-Identifier: GPL-2.0
/*
 * test-fetch.c - fetch programs: what the verifier refuses, what each operation does, programs made at random.
 *
 * A task whose memory is one array stands for the program.
 *
 *	test-fetch [SECONDS [SEED]]	as a fuzzer: for so long
 */
#include "../../../kernel/fetch.c"

#include "../tap.h"
#include "../decoder/random-bytes.h"

#include <time.h>

#define MEM_BASE 0x10000
static u8 memory[2 * PAGE];
static struct upr_regs regs;

static int mem_read(struct utrace_task *task, u64 addr, void *buf, size_t len)
{
	(void)task;
	if (addr < MEM_BASE || addr - MEM_BASE > sizeof(memory) || len > sizeof(memory) - (addr - MEM_BASE))
		return -EFAULT;
	memcpy(buf, memory + (addr - MEM_BASE), len);
	return 0;
}

static int regs_get(struct utrace_task *task, struct upr_regs *ret)
{
	(void)task;
	*ret = regs;
	return 0;
}

static int vector_get(struct utrace_task *task, unsigned int nr, u64 ret[2])
{
	(void)task;
	ret[0] = 0x1000 + nr;
	ret[1] = 0x2000 + nr;
	return 0;
}

static const struct target_ops ops = {.mem_read = mem_read, .regs_get = regs_get, .vector_get = vector_get};
static struct utrace_task task = {.target = &ops};
static const struct upr_fetch_at here = {.task = &task, .bias = 0x400000, .comm = "program"};

static u8 record[RECORD_MAX];
static u8 status[64];

#define A(n, to)                                                \
	{                                                       \
		.op = UPR_FETCH_ARG, .imm = (n), .target = (to) \
	}
#define I(name, ...)                                \
	{                                           \
		.op = UPR_FETCH_##name, __VA_ARGS__ \
	}

static int verify(const struct upr_fetch_insn *code, u32 nr, u32 nr_args, u32 fixed)
{
	struct upr_fetch_prog prog = {code, nr, nr_args, fixed};
	u32 where;

	return upr_fetch_verify(&prog, &where);
}

/* One argument of 8 bytes.  Return: its value; *st: its status */
static u64 run(const struct upr_fetch_insn *code, u32 nr, u8 *st)
{
	struct upr_fetch_prog prog = {code, nr, 1, 8};
	u64 value;

	if (verify(code, nr, 1, 8) || upr_fetch_run(&prog, &here, record, sizeof(record), status) < 8) {
		*st = 255;
		return 0;
	}
	memcpy(&value, record, sizeof(value));
	*st = status[0];
	return value;
}

/* --- operations ---------------------------------------------------------------------- */

static void test_operations(void)
{
	static const struct {
		const char *name;
		u64 want;
		struct upr_fetch_insn code[6];
	} cases[] = {
		{"push", 42, {I(PUSH, .imm = 42)}},
		{"register", 0x1007, {I(REG, .arg = UPR_RDI)}},
		{"ip", 0x777, {I(REG, .arg = UPR_FETCH_IP)}},
		{"fs base", 0x888, {I(REG, .arg = UPR_FETCH_FS_BASE)}},
		{"vector, low", 0x1003, {I(VREG, .arg = 3)}},
		{"vector, high", 0x2003, {I(VREG, .arg = 3, .imm = 8)}},
		{"bias", 0x400000, {I(BIAS)}},
		{"load 1", 0x81, {I(PUSH, .imm = MEM_BASE), I(LOAD, .arg = 1)}},
		{"load 2", 0x8281, {I(PUSH, .imm = MEM_BASE), I(LOAD, .arg = 2)}},
		{"load 4", 0x84838281, {I(PUSH, .imm = MEM_BASE), I(LOAD, .arg = 4)}},
		{"load 8", 0x8887868584838281, {I(PUSH, .imm = MEM_BASE), I(LOAD, .arg = 8)}},
		{"sext", ~0ull << 8 | 0x81, {I(PUSH, .imm = 0x12381), I(SEXT, .arg = 8)}},
		{"sext 64", 0x12381, {I(PUSH, .imm = 0x12381), I(SEXT, .arg = 64)}},
		{"zext", 0x81, {I(PUSH, .imm = 0x12381), I(ZEXT, .arg = 8)}},
		{"addi", 40, {I(PUSH, .imm = 42), I(ADDI, .imm = -2)}},
		{"add", 5, {I(PUSH, .imm = 2), I(PUSH, .imm = 3), I(ADD)}},
		{"sub", -1ull, {I(PUSH, .imm = 2), I(PUSH, .imm = 3), I(SUB)}},
		{"mul", -6ull, {I(PUSH, .imm = -2), I(PUSH, .imm = 3), I(MUL)}},
		{"div", -3ull, {I(PUSH, .imm = -7), I(PUSH, .imm = 2), I(DIV)}},
		{"div of the least", 1ull << 63, {I(PUSH, .imm = (s64)(1ull << 63)), I(PUSH, .imm = -1), I(DIV)}},
		{"mod", 1, {I(PUSH, .imm = 7), I(PUSH, .imm = 2), I(MOD)}},
		{"and", 2, {I(PUSH, .imm = 6), I(PUSH, .imm = 3), I(AND)}},
		{"or", 7, {I(PUSH, .imm = 6), I(PUSH, .imm = 3), I(OR)}},
		{"xor", 5, {I(PUSH, .imm = 6), I(PUSH, .imm = 3), I(XOR)}},
		{"shl", 48, {I(PUSH, .imm = 6), I(PUSH, .imm = 3), I(SHL)}},
		{"shl by 64", 0, {I(PUSH, .imm = 6), I(PUSH, .imm = 64), I(SHL)}},
		{"shr", ~0ull >> 3, {I(PUSH, .imm = -1), I(PUSH, .imm = 3), I(SHR)}},
		{"sar", -1ull, {I(PUSH, .imm = -1), I(PUSH, .imm = 100), I(SAR)}},
		{"eq", 1, {I(PUSH, .imm = 3), I(PUSH, .imm = 3), I(EQ)}},
		{"ne", 0, {I(PUSH, .imm = 3), I(PUSH, .imm = 3), I(NE)}},
		{"lt", 1, {I(PUSH, .imm = -3), I(PUSH, .imm = 3), I(LT)}},
		{"le", 1, {I(PUSH, .imm = 3), I(PUSH, .imm = 3), I(LE)}},
		{"gt", 0, {I(PUSH, .imm = -3), I(PUSH, .imm = 3), I(GT)}},
		{"ge", 0, {I(PUSH, .imm = -3), I(PUSH, .imm = 3), I(GE)}},
		{"neg", -3ull, {I(PUSH, .imm = 3), I(NEG)}},
		{"not", ~3ull, {I(PUSH, .imm = 3), I(NOT)}},
		{"abs", 3, {I(PUSH, .imm = -3), I(ABS)}},
		{"pick", 19, {I(PUSH, .imm = 9), I(PUSH, .imm = 1), I(PICK, .arg = 1), I(ADD), I(ADD)}},
		{"swap", 1, {I(PUSH, .imm = 3), I(PUSH, .imm = 2), I(SWAP), I(SUB), I(NEG)}},
		{"rot", 13, {I(PUSH, .imm = 2), I(PUSH, .imm = 10), I(PUSH, .imm = 5), I(ROT), I(SUB), I(SUB)}},
	};
	size_t i;
	u32 k;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct upr_fetch_insn code[8] = {A(0, 0)};
		u64 got;
		u8 st;

		/* none of them begins with 0, which is the beginning of an argument */
		for (k = 0; k < 6 && cases[i].code[k].op; k++)
			code[1 + k] = cases[i].code[k];
		code[1 + k] = (struct upr_fetch_insn)I(STORE, .arg = 8);
		code[0].target = (u16)(2 + k);
		got = run(code, 2 + k, &st);
		ok(!st && got == cases[i].want, "%s: %llx, status %u", cases[i].name, (unsigned long long)got, st);
	}
}

/* --- jumps, places, strings ------------------------------------------------------------- */

static void test_flow(void)
{
	static const struct upr_fetch_insn taken[] = {A(0, 6),		 I(PUSH, .imm = 1),  I(JNZ, .target = 5),
						      I(PUSH, .imm = 5), I(STORE, .arg = 8), I(COMM)};
	static const struct upr_fetch_insn choice[] = {A(0, 9),
						       I(PUSH, .imm = 2),
						       I(JEQ, .imm = 1, .target = 6),
						       I(JEQ, .imm = 2, .target = 7),
						       I(DROP),
						       I(NONE, .arg = 17),
						       I(NONE, .arg = 18),
						       I(STORE, .arg = 8),
						       I(JMP, .target = 9)};
	static const struct upr_fetch_insn none[] = {A(0, 3), I(PUSH, .imm = 7), I(NONE, .arg = 16)};
	u8 st;

	run(taken, 6, &st);
	is_int(st, 0, "a jump over what would be stored");
	is_int((long long)run(choice, 9, &st), 2, "a choice by a word that stays");
	run(none, 3, &st);
	is_int(st, 16, "no value, with the stack as it is");
}

static void test_faults(void)
{
	static const struct upr_fetch_insn code[] = {A(0, 4),
						     I(PUSH, .imm = 1),
						     I(LOAD, .arg = 8),
						     I(STORE, .arg = 8),
						     A(1, 7),
						     I(PUSH, .imm = 3),
						     I(STORE, .arg = 8, .at = 8),
						     A(2, 12),
						     I(PUSH, .imm = 3),
						     I(PUSH, .imm = 0),
						     I(DIV),
						     I(STORE, .arg = 8, .at = 16)};
	const struct upr_fetch_prog prog = {code, 12, 3, 24};
	u64 values[3];

	is_int(verify(code, 12, 3, 24), 0, "three arguments");
	is_int(upr_fetch_run(&prog, &here, record, sizeof(record), status), 24, "its record");
	memcpy(values, record, sizeof(values));
	ok(status[0] == UPR_FETCH_FAULT && !values[0], "memory that is not there: a fault, and noughts");
	ok(!status[1] && values[1] == 3, "the next argument is fetched all the same");
	is_int(status[2], UPR_FETCH_FAULT, "division by nought");
	is_int(upr_fetch_run(&prog, &here, record, 23, status), -ENOSPC, "no room for the first part");
}

/* Return: length of the string with its NUL, or the status, negative */
static int string(u64 addr, s64 most, size_t room, const char **ret)
{
	const struct upr_fetch_insn code[] = {A(0, 3), I(PUSH, .imm = (s64)addr), I(STRING_AT, .imm = most)};
	const struct upr_fetch_prog prog = {code, 3, 1, 4};
	u32 loc;
	int size;

	if (verify(code, 3, 1, 4))
		return -1000;
	size = upr_fetch_run(&prog, &here, record, room, status);
	if (status[0])
		return -status[0];
	memcpy(&loc, record, sizeof(loc));
	*ret = (const char *)record + (loc & 0xffff);
	return (loc & 0xffff) + (loc >> 16) == (u32)size ? (int)(loc >> 16) : -1001;
}

/* One of them is not there. */
static void test_several_strings(void)
{
	static const struct upr_fetch_insn code[] = {A(0, 7),
						     I(PUSH, .imm = MEM_BASE),
						     I(STRING_AT, .arg = 1, .imm = 100),
						     I(PUSH, .imm = 1),
						     I(STRING_AT, .arg = 1, .imm = 100, .at = 4),
						     I(PUSH, .imm = MEM_BASE),
						     I(STRING_AT, .arg = 1, .imm = 100, .at = 8)};
	const struct upr_fetch_prog prog = {code, 7, 1, 12};
	u32 locs[3];

	memcpy(memory, "ab", 3);
	is_int(verify(code, 7, 1, 12), 0, "three strings of one argument");
	is_int(upr_fetch_run(&prog, &here, record, sizeof(record), status), 12 + 3 + 3, "its record has two");
	memcpy(locs, record, sizeof(locs));
	ok(!status[0] && locs[0] == (3 << 16 | 12) && !locs[1] && locs[2] == (3 << 16 | 15),
	   "the one that is not there has no place, and is no fault of the others");
}

static void test_strings(void)
{
	const struct upr_fetch_insn of[] = {A(0, 4), I(PUSH, .imm = MEM_BASE), I(PUSH, .imm = 3),
					    I(STRING_OF, .imm = 100)};
	const struct upr_fetch_prog prog = {of, 4, 1, 4};
	u64 end = MEM_BASE + sizeof(memory);
	const char *s = "";
	size_t i;

	memset(memory, 'a', sizeof(memory));
	memory[600] = '\0';
	is_int(string(MEM_BASE, 4096, sizeof(record), &s), 601, "a string of more than one piece");
	ok(strlen(s) == 600, "all of it");
	is_int(string(MEM_BASE, 101, sizeof(record), &s), 101, "cut");
	ok(strlen(s) == 100, "and ended");
	is_int(string(MEM_BASE + 600, 4096, sizeof(record), &s), 1, "an empty one");
	is_int(string(MEM_BASE, 4096, 4 + 50, &s), 50, "no more than the record has room for");
	is_int(string(MEM_BASE, 4096, 4, &s), -UPR_FETCH_NO_ROOM, "no room at all");
	memory[sizeof(memory) - 1] = '\0';
	is_int(string(end - 5, 4096, sizeof(record), &s), 5, "one that ends where memory does");
	memory[sizeof(memory) - 1] = 'a';
	is_int(string(end - 5, 4096, sizeof(record), &s), -UPR_FETCH_FAULT, "one that does not");
	is_int(string(end - 5, 6, sizeof(record), &s), 6, "but that far it is there");
	is_int(string(1, 4096, sizeof(record), &s), -UPR_FETCH_FAULT, "nowhere");
	memory[1] = '\0';
	upr_fetch_run(&prog, &here, record, sizeof(record), status);
	ok(!status[0] && !memcmp(record + 4, "a\0a\0", 4), "of a length, NULs within");
	test_several_strings();
	for (i = 0; i < sizeof(memory); i++)
		memory[i] = (u8)(0x81 + i);
}

/* --- what is refused ------------------------------------------------------------------------ */

static void test_refused(void)
{
#define REFUSED(why, args, fixed, ...)                                             \
	do {                                                                       \
		const struct upr_fetch_insn code[] = {__VA_ARGS__};                \
		is_int(verify(code, ARRAY_SIZE(code), args, fixed), -EINVAL, why); \
	} while (0)
	REFUSED("no argument at the beginning", 0, 8, I(PUSH));
	REFUSED("arguments in another order", 2, 8, A(1, 1), A(0, 2));
	REFUSED("fewer arguments than said", 2, 8, A(0, 1));
	REFUSED("a section that ends before it begins", 1, 8, A(0, 0));
	REFUSED("a section beyond the program", 1, 8, A(0, 2));
	REFUSED("an argument in another's section", 2, 8, A(0, 2), A(1, 2));
	REFUSED("an empty stack", 1, 8, A(0, 2), I(DROP));
	REFUSED("words left at the end of a section", 2, 8, A(0, 2), I(PUSH), A(1, 3));
	REFUSED("words left at the end", 1, 8, A(0, 2), I(PUSH));
	REFUSED("a jump backwards", 1, 8, A(0, 3), I(PUSH), I(JNZ, .target = 1));
	REFUSED("a jump to itself", 1, 8, A(0, 2), I(JMP, .target = 1));
	REFUSED("a jump out of the section", 2, 8, A(0, 2), I(JMP, .target = 3), A(1, 3));
	REFUSED("two depths at one place", 1, 8, A(0, 5), I(PUSH), I(JNZ, .target = 4), I(PUSH), I(DROP));
	REFUSED("code that nothing leads to", 1, 8, A(0, 3), I(JMP, .target = 3), I(PUSH));
	REFUSED("an operation that there is not", 1, 8, A(0, 2), {.op = UPR_NR_FETCH_OPS});
	REFUSED("a register that there is not", 1, 8, A(0, 3), I(REG, .arg = UPR_NR_FETCH_REGS), I(DROP));
	REFUSED("a vector register that there is not", 1, 8, A(0, 3), I(VREG, .arg = 16), I(DROP));
	REFUSED("an odd size", 1, 8, A(0, 4), I(PUSH), I(LOAD, .arg = 3), I(DROP));
	REFUSED("no bits", 1, 8, A(0, 4), I(PUSH), I(SEXT, .arg = 0), I(DROP));
	REFUSED("too deep", 1, 8, A(0, 5), I(PUSH), I(PICK, .arg = 1), I(DROP), I(DROP));
	REFUSED("beyond the record", 1, 8, A(0, 3), I(PUSH), I(STORE, .arg = 8, .at = 1));
	REFUSED("far beyond the record", 1, 8, A(0, 3), I(PUSH), I(STORE, .arg = 8, .at = 0xfffffffc));
	REFUSED("bytes beyond the record", 1, 8, A(0, 3), I(PUSH), I(BYTES, .imm = 9));
	REFUSED("no bytes", 1, 8, A(0, 3), I(PUSH), I(BYTES));
	REFUSED("a string's place beyond the record", 1, 8, A(0, 3), I(PUSH), I(STRING_AT, .imm = 9, .at = 5));
	REFUSED("a string that is neither one nor one of several", 1, 8, A(0, 3), I(PUSH),
		I(STRING_AT, .arg = 2, .imm = 9));
	REFUSED("a string of a length, one of several", 1, 8, A(0, 4), I(PUSH), I(PUSH),
		I(STRING_OF, .arg = 1, .imm = 9));
	REFUSED("no value, but a status of another meaning", 1, 8, A(0, 2), I(NONE, .arg = UPR_FETCH_OK));
	is_int(verify(NULL, UPR_FETCH_INSNS + 1, 0, 0), -E2BIG, "a program that is too long");
	is_int(verify(NULL, 0, 0, UPR_FETCH_FIXED + 1), -E2BIG, "a record that is too long");
	is_int(verify(NULL, 0, 0, 0), 0, "nothing at all is a program");
}

/* --- at random --------------------------------------------------------------------------------- */

static u32 below(struct random_bytes *r, u32 limit)
{
	return (u32)(random_u64(r) % limit);
}

static struct upr_fetch_insn random_insn(struct random_bytes *r, u32 at, u32 nr)
{
	static const s64 numbers[] = {0, 1, 3, 8, 64, -1, MEM_BASE, MEM_BASE + 4090, MEM_BASE + 2 * PAGE - 3};
	static const u8 sizes[] = {1, 2, 4, 8, 0, 16, 17, 63, 255};

	return (struct upr_fetch_insn){
		.op = (u8)below(r, UPR_NR_FETCH_OPS + 1),
		.arg = sizes[below(r, ARRAY_SIZE(sizes))],
		.target = (u16)(at + below(r, nr)),
		.at = below(r, 8) ? below(r, 24) : ~0u,
		.imm = numbers[below(r, ARRAY_SIZE(numbers))],
	};
}

/* One that is grown an instruction at a time, as far as the verifier follows: most are programs. */
static bool random_program(struct random_bytes *r)
{
	struct upr_fetch_insn code[40];
	u32 nr = 1 + below(r, ARRAY_SIZE(code)), i, where;
	struct upr_fetch_prog prog = {code, nr, 1, 32};
	int size;

	code[0] = (struct upr_fetch_insn)A(0, (u16)nr);
	for (i = 1; i < nr; i++) {
		unsigned int tries = 40;

		do {
			code[i] = random_insn(r, i, nr);
			prog.nr = i + 1;
			code[0].target = (u16)prog.nr;
			upr_fetch_verify(&prog, &where);
		} while (where <= i && --tries);
	}
	prog.nr = nr;
	code[0].target = (u16)nr;
	if (upr_fetch_verify(&prog, &where))
		return false;
	/* exactly as much as it may use: sanitizers see the rest */
	size = upr_fetch_run(&prog, &here, record, 32 + below(r, 5000), status);
	return size >= 32;
}

static void test_random(double seconds, u64 seed, u64 at_least)
{
	struct random_bytes r = {.state = seed};
	struct timespec t;
	u64 tried = 0, ran = 0;
	double end;

	clock_gettime(CLOCK_MONOTONIC, &t);
	end = (double)t.tv_sec + t.tv_nsec / 1e9 + seconds;
	do {
		tried++;
		ran += random_program(&r);
		clock_gettime(CLOCK_MONOTONIC, &t);
	} while ((double)t.tv_sec + t.tv_nsec / 1e9 < end || tried < at_least);
	ok(ran > tried / 100, "seed %llu: %llu programs at random, %llu of them run", (unsigned long long)seed,
	   (unsigned long long)tried, (unsigned long long)ran);
}

int main(int argc, char **argv)
{
	u64 seed = argc > 2 ? strtoull(argv[2], NULL, 0) : (u64)time(NULL);
	size_t i;

	for (i = 0; i < sizeof(memory); i++)
		memory[i] = (u8)(0x81 + i);
	for (i = 0; i < 16; i++)
		regs.gpr[i] = 0x1000 + i;
	regs.ip = 0x777;
	regs.fs_base = 0x888;
	test_operations();
	test_flow();
	test_faults();
	test_strings();
	test_refused();
	test_random(argc > 1 ? atof(argv[1]) : 0, seed, 20000);
	return done_testing();
}
