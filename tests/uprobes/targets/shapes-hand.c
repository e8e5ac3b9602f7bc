// SPDX-License-Identifier: GPL-2.0
/*
 * shapes-hand.c - calls every function of shapes-asm.S, knows what each must return and
 * which others it comes through.
 *
 * shapes-hand [ROUNDS]
 */
#include <stdlib.h>
#include <unistd.h>

#include "account.h"

#define NR(a) (sizeof(a) / sizeof((a)[0]))

enum result {
	PLUS,	  /* x + @more */
	TIMES,	  /* @more * x */
	CONSTANT, /* @more */
	PID,
	ANY, /* nothing can be said */
};

struct shape {
	const char *name;
	long (*function)(long x);
	enum result result;
	long more;
};

#define SHAPES(_)                        \
	_(tiny_ret, ANY, 0)              \
	_(tiny_nop, ANY, 0)              \
	_(tiny_ret_too, ANY, 0)          \
	_(tiny_rep, ANY, 0)              \
	_(tiny_push, PLUS, 0)            \
	_(tiny_mov, PLUS, 0)             \
	_(tiny_jmp, PLUS, 0)             \
	_(tiny_mov64, PLUS, 0)           \
	_(tiny_lea, PLUS, 1)             \
	_(tiny_add, ANY, 0)              \
	_(tiny_nops, PLUS, 0)            \
	_(tiny_int3, PLUS, 0)            \
	_(tiny_last, CONSTANT, 0)        \
	_(loop_to_second, TIMES, 3)      \
	_(loop_to_entry, CONSTANT, 77)   \
	_(hop_two, PLUS, 3)              \
	_(hop_one, PLUS, 4)              \
	_(hop_syscall, PLUS, 5)          \
	_(hop_jmp, PLUS, 8)              \
	_(hop_next, PLUS, 6)             \
	_(call_hop_call, PLUS, 7)        \
	_(loop_tight, CONSTANT, 78)      \
	_(jumped_into, PLUS, 3)          \
	_(jumps_into, PLUS, 4)           \
	_(over_inner, TIMES, 3)          \
	_(over_lock, PLUS, 0)            \
	_(page_end, PLUS, 1)             \
	_(page_cross, PLUS, 0x100)       \
	_(call_needs_r11, PLUS, 1001)    \
	_(call_needs_rax, PLUS, 2000)    \
	_(call_needs_flags, PLUS, 2)     \
	_(call_needs_all_flags, PLUS, 0) \
	_(call_needs_all, PLUS, 0x6fff)  \
	_(red_zone, PLUS, 0)             \
	_(call_get_pc, PLUS, 0)          \
	_(call_next, PLUS, 0)            \
	_(call_ret_pops, PLUS, 0)        \
	_(call_by_stack, PLUS, 0)        \
	_(window_call, PLUS, 0)          \
	_(window_push_call, TIMES, 2)    \
	_(call_window_stack, PLUS, 0)    \
	_(window_red_call, PLUS, 0)      \
	_(window_call_reg, PLUS, 1)      \
	_(call_first, PLUS, 1)           \
	_(first_jmp, PLUS, 1)            \
	_(first_jmp_far, PLUS, 1)        \
	_(call_first_jcc, PLUS, 1)       \
	_(call_first_loop, PLUS, 1)      \
	_(call_first_jrcxz, PLUS, 1)     \
	_(first_enter, PLUS, 1)          \
	_(first_push_rsp, PLUS, 1)       \
	_(first_push_stack, PLUS, 1)     \
	_(first_push_mem, PLUS, 1)       \
	_(first_push_imm, PLUS, 1)       \
	_(call_first_pushf, PLUS, 1)     \
	_(jump_first_popf, PLUS, 1)      \
	_(call_first_movs, PLUS, 1)      \
	_(first_lock, PLUS, 1)           \
	_(first_riprel, PLUS, 1)         \
	_(first_cmp_mem, PLUS, 1)        \
	_(first_lea_pc, PLUS, 1)         \
	_(first_endbr, PLUS, 1)          \
	_(first_nop5, PLUS, 1)           \
	_(first_hotpatch, PLUS, 1)       \
	_(first_vector, PLUS, 1)         \
	_(first_x87, PLUS, 1)            \
	_(first_imm64, PLUS, 1)          \
	_(first_cmpxchg, PLUS, 1)        \
	_(first_xchg, PLUS, 1)           \
	_(jump_first_leave, PLUS, 1)     \
	_(first_syscall, PID, 0)         \
	_(call_syscall_alone, PID, 0)

#define DECLARE(name, result, more) long name(long x);
SHAPES(DECLARE)
long over_outer(long x);
extern long (*over_alias_pointer)(long x);
long first_table(long x);
long dense_table(long x);
long call_gives_flags(long x);

#define ROW(name, result, more) {#name, name, result, more},
static const struct shape shapes[] = {SHAPES(ROW)};

/* Who comes through whom, once a call. */
static const char *const through[][2] = {
	{"tiny_jmp", "tiny_mov64"},	     {"hop_jmp", "hop_last"},
	{"call_hop_call", "hop_call"},	     {"call_hop_call", "tiny_mov64"},
	{"call_needs_r11", "needs_r11"},     {"call_needs_rax", "needs_rax"},
	{"call_needs_flags", "needs_flags"}, {"call_needs_all_flags", "needs_all_flags"},
	{"call_needs_all", "needs_all"},     {"call_get_pc", "get_pc"},
	{"call_ret_pops", "ret_pops"},	     {"call_by_stack", "tiny_mov64"},
	{"call_by_stack", "tiny_mov64"},     {"window_call", "tiny_mov64"},
	{"window_push_call", "tiny_mov64"},  {"call_window_stack", "window_stack_call"},
	{"call_window_stack", "tiny_mov64"}, {"window_red_call", "tiny_mov64"},
	{"window_call_reg", "window_reg"},   {"window_call_reg", "tiny_mov64"},
	{"call_first", "tiny_mov64"},	     {"first_jmp_far", "first_target"},
	{"call_first_jcc", "first_jcc"},     {"call_first_loop", "first_loop"},
	{"call_first_jrcxz", "first_jrcxz"}, {"call_first_pushf", "first_pushf"},
	{"jump_first_popf", "first_popf"},   {"call_first_movs", "first_movs"},
	{"jump_first_leave", "first_leave"}, {"call_syscall_alone", "syscall_alone"},
};

static void call_shape(const struct shape *s, long x)
{
	long got = s->function(x);
	size_t i;

	if (s->result == PLUS)
		must_be(got, x + s->more, s->name);
	else if (s->result == TIMES)
		must_be(got, x * s->more, s->name);
	else if (s->result == CONSTANT)
		must_be(got, s->more, s->name);
	else if (s->result == PID)
		must_be(got, getpid(), s->name);
	account(s->name, 1);
	for (i = 0; i < NR(through); i++)
		if (!strcmp(through[i][0], s->name))
			account(through[i][1], 1);
	/* these come to their own beginning again */
	if (s->function == loop_to_entry || s->function == loop_tight)
		account(s->name, x - 1);
}

static void others(long x)
{
	must_be(over_outer(x), 3 * (x + 5), "over_outer");
	must_be(over_alias_pointer(x), 3 * (x + 5), "over_alias");
	account("over_outer", 2);
	account("over_inner", 2);
	must_be(first_table(x), (x & 3) + 1, "first_table");
	account("first_table", 1);
	must_be(dense_table(x), 4 - (x & 3), "dense_table");
	account("dense_table", 1);
	must_be(call_gives_flags(x), x < 5, "call_gives_flags");
	account("call_gives_flags", 1);
	account("gives_flags", 1);
}

int main(int argc, char **argv)
{
	long rounds = argc > 1 ? atol(argv[1]) : 10, x;
	size_t i;

	for (x = 1; x <= rounds; x++) {
		for (i = 0; i < NR(shapes); i++)
			call_shape(&shapes[i], x % 63 + 1);
		others(x % 63 + 1);
	}
	return account_end();
}
