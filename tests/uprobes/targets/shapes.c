// SPDX-License-Identifier: GPL-2.0
/*
 * shapes.c - control flow in the shapes that compilers make: recursion, tail calls, jump
 * tables, computed goto, nested functions, variadics, cold parts, callees that spare
 * registers.  Every result is checked, every call is in the account.
 *
 * shapes [ROUNDS]
 *
 * It is built in many ways (build.mk) and prints the same in all of them.  What the
 * optimiser may call less often than the source does is not in the account.
 */
#include <alloca.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include "account.h"

/* as written: no clone, no assumption about registers */
#define PLAIN __attribute__((noipa))

static volatile long never;

/* --- recursion -------------------------------------------------------------- */

/* the result is used in a way that leaves no tail call and nothing to accumulate */
PLAIN long rec_tree(long n)
{
	long left, right;

	if (n < 2)
		return n + 1;
	left = rec_tree(n - 1);
	right = rec_tree(n - 2);
	return (left ^ (right << 1)) + (left & right);
}

PLAIN long rec_odd(long n);

PLAIN long rec_even(long n)
{
	return n ? ~rec_odd(n - 1) : 0;
}

PLAIN long rec_odd(long n)
{
	return n ? ~rec_even(n - 1) : 0;
}

/* as many calls as rec_tree() makes */
static long tree_calls(long n)
{
	return n < 2 ? 1 : 1 + tree_calls(n - 1) + tree_calls(n - 2);
}

static long tree_of(long n)
{
	long left, right;

	if (n < 2)
		return n + 1;
	left = tree_of(n - 1);
	right = tree_of(n - 2);
	return (left ^ (right << 1)) + (left & right);
}

static void recursion(long x)
{
	long n = x % 8 + 2;

	must_be(rec_tree(n), tree_of(n), "rec_tree");
	account("rec_tree", tree_calls(n));
	must_be(rec_even(2 * n), 0, "rec_even");
	account("rec_even", n + 1);
	account("rec_odd", n);
}

/* --- tail calls: jumps where the optimiser likes them ------------------------- */

PLAIN long tail_last(long a, long b, long c)
{
	return a + 3 * b - c;
}

PLAIN long tail_middle(long a, long b)
{
	return tail_last(b, a, 7);
}

PLAIN long tail_first(long a)
{
	return tail_middle(a, a + 1);
}

PLAIN long tail_pointer(long (*f)(long a), long a)
{
	return f(a);
}

static void tail_calls(long x)
{
	must_be(tail_first(x), x + 1 + 3 * x - 7, "tail_first");
	must_be(tail_pointer(tail_first, x), 4 * x - 6, "tail_pointer");
	account("tail_first", 2);
	account("tail_middle", 2);
	account("tail_last", 2);
	account("tail_pointer", 1);
}

/* --- jump tables --------------------------------------------------------------- */

PLAIN long switch_first(long x)
{
	switch (x) {
	case 0:
		return 17;
	case 1:
		return never + 4;
	case 2:
		return never - 9;
	case 3:
		return x * x;
	case 4:
		never = 0;
		return 1;
	case 5:
		return never ^ 77;
	case 6:
		return never & 1;
	case 7:
		return never | 1234;
	default:
		return -1;
	}
}

/* its cases are as short as they can be, its default lies first */
PLAIN int switch_dense(unsigned int x, int *p)
{
	switch (x) {
	case 9:
		++*p;
		/* fall through */
	case 8:
		++*p;
		/* fall through */
	case 7:
		++*p;
		/* fall through */
	case 6:
		++*p;
		/* fall through */
	case 5:
		++*p;
		/* fall through */
	case 4:
		++*p;
		/* fall through */
	case 3:
		++*p;
		break;
	default:
		return 100;
	}
	return *p;
}

PLAIN long switch_sparse(long x)
{
	switch (x) {
	case 1:
		return 10;
	case 100:
		return 20;
	case 10000:
		return 30;
	case 1000000:
		return never + 40;
	}
	return 0;
}

/* one of bytecode: addresses of labels, and their distances */
PLAIN long goto_addresses(const unsigned char *code, long x)
{
	static const void *const labels[] = {&&end, &&add, &&twice, &&minus, &&again};
	int left = 3;

	goto *labels[*code];
add:
	x++;
	goto *labels[*++code];
twice:
	x *= 2;
	goto *labels[*++code];
minus:
	x = -x;
	goto *labels[*++code];
again:
	if (left-- > 0) {
		code -= 2;
		goto *labels[*code];
	}
	goto *labels[*++code];
end:
	return x;
}

PLAIN long goto_distances(const unsigned char *code, long x)
{
	static const int labels[] = {&&end - &&end, &&add - &&end, &&twice - &&end, &&minus - &&end};

#define NEXT goto *(&&end + labels[*code++])
	NEXT;
add:
	x++;
	NEXT;
twice:
	x *= 2;
	NEXT;
minus:
	x = -x;
	NEXT;
end:
	return x;
}

static void jump_tables(long x)
{
	static const unsigned char code[] = {1, 2, 1, 4, 3, 1, 0}, short_code[] = {1, 2, 3, 1, 0};
	static const long firsts[] = {17, 4, -9, 9, 1, 77, 0, 1234};
	int n = 0;
	long i;

	must_be(switch_first(x & 7), firsts[x & 7], "switch_first");
	must_be(switch_first(x + 8), -1, "switch_first's default");
	account("switch_first", 2);
	for (i = 0; i < 12; i++) {
		n = 0;
		must_be(switch_dense(i, &n), i < 3 || i > 9 ? 100 : i - 2, "switch_dense");
	}
	account("switch_dense", 12);
	must_be(switch_sparse(100) + switch_sparse(1000000) + switch_sparse(x + 2000000), 60, "switch_sparse");
	account("switch_sparse", 3);
	/* 2(x + 1) and then three times 2.. + 1 */
	must_be(goto_addresses(code, x), 1 - (((((x + 1) * 2 + 1) * 2 + 1) * 2 + 1) * 2 + 1), "goto_addresses");
	account("goto_addresses", 1);
	must_be(goto_distances(short_code, x), 1 - (x + 1) * 2, "goto_distances");
	account("goto_distances", 1);
}

/* --- nested functions, variadics, stack of unknown size --------------------------- */

PLAIN long apply(long (*f)(long a), long n)
{
	long i, sum = 0;

	for (i = 0; i < n; i++)
		sum += f(i);
	return sum;
}

/* r10 leads them to our variables; apply() comes to them by a trampoline on the stack */
PLAIN long with_nested(long x)
{
	long calls = 0;

	__attribute__((noinline)) long inner(long a)
	{
		calls++;
		return a * x;
	}
	must_be(inner(5), 5 * x, "a nested function");
	must_be(apply(inner, 4), 6 * x, "a nested function through a pointer");
	return calls;
}

/* al says how many vector registers hold arguments */
PLAIN double variadic(int n, ...)
{
	double sum = 0;
	va_list ap;
	int i;

	va_start(ap, n);
	for (i = 0; i < n; i++)
		sum += i % 2 ? va_arg(ap, double) : (double)va_arg(ap, long);
	va_end(ap);
	return sum;
}

PLAIN double floats(float a, double b, long double c, float d)
{
	return a - b + (double)c / d;
}

PLAIN long on_stack(long n)
{
	char *p = alloca(n);
	long sum = 0, i;

	for (i = 0; i < n; i++)
		p[i] = i ^ n;
	for (i = 0; i < n; i++)
		sum += ((volatile char *)p)[i] == (char)(i ^ n);
	return sum;
}

struct big {
	long word[9];
};

PLAIN struct big by_value(struct big a, long x)
{
	int i;

	for (i = 0; i < 9; i++)
		a.word[i] += x;
	return a;
}

PLAIN unsigned __int128 in_pairs(unsigned __int128 a, unsigned __int128 b)
{
	return a * 3 + b;
}

static void arguments(long x)
{
	struct big a = {{1, 2, 3, 4, 5, 6, 7, 8, 9}};

	must_be(with_nested(x), 5, "with_nested");
	account("with_nested", 1);
	account("apply", 1);
	must(variadic(6, x, 0.5, 2l, 1.5, 3l, 2.25) == x + 9.25, "variadic");
	must(variadic(0) == 0, "variadic without any");
	account("variadic", 2);
	must(floats(x, 2, 9, 4) == x + 0.25, "floats");
	account("floats", 1);
	must_be(on_stack(x % 100 + 1), x % 100 + 1, "on_stack");
	account("on_stack", 1);
	must_be(by_value(a, x).word[8], 9 + x, "by_value");
	account("by_value", 1);
	must(in_pairs((unsigned __int128)x << 70, x) == ((unsigned __int128)(3 * x) << 70) + x, "in_pairs");
	account("in_pairs", 1);
}

/* --- what only an optimiser relies on ------------------------------------------------ */

static long spare_calls;

/* not PLAIN: their caller sees that they need two registers and keeps its own in the others */
static CALLED long spare_leaf(long a)
{
	spare_calls++;
	return a * 5 + 1;
}

static CALLED long spare_other(long a, long b)
{
	spare_calls++;
	return a - b;
}

PLAIN long spared(const long *v)
{
	long a = v[0], b = v[1] + 1, c = v[2] * 3, d = v[3] - 4, e = v[4] ^ 5, f = v[5] | 6, g = v[6] & 7, h = v[7] + 8;
	long r;

	r = spare_leaf(a);
	r += spare_other(r + b, c);
	r ^= spare_leaf(d + e);
	r += spare_other(f, g + r);
	r += spare_leaf(h);
	return r + a + b + c + d + e + f + g + h;
}

static long spared_of(const long *v)
{
	long a = v[0], b = v[1] + 1, c = v[2] * 3, d = v[3] - 4, e = v[4] ^ 5, f = v[5] | 6, g = v[6] & 7, h = v[7] + 8;
	long r;

	r = a * 5 + 1;
	r += r + b - c;
	r ^= (d + e) * 5 + 1;
	r += f - (g + r);
	r += h * 5 + 1;
	return r + a + b + c + d + e + f + g + h;
}

static long cold_calls;

__attribute__((cold, noinline)) static void complain(long x)
{
	cold_calls += x != 0;
}

/* part of it is laid elsewhere */
PLAIN long with_cold_part(long *v, long x)
{
	v[0] += x;
	if (__builtin_expect(x % 4 == 3, 0)) {
		complain(x);
		v[1] += v[0] * 3;
		complain(v[1]);
		v[2] = v[1] ^ 5;
		return v[2];
	}
	return v[0];
}

PLAIN int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static long compared;

PLAIN int compare_counted(const void *a, const void *b)
{
	compared++;
	return compare(a, b);
}

static void optimised(long x)
{
	long v[8] = {x, 2, 3, 4, 5, 6, 7, x}, w[3] = {1, 2, 3}, want = 1 + x;
	int sorted[20], i;

	must_be(spared(v), spared_of(v), "spared");
	account("spared", 1);
	if (x % 4 == 3)
		want = (2 + 3 * want) ^ 5;
	must_be(with_cold_part(w, x), want, "with_cold_part");
	account("with_cold_part", 1);
	for (i = 0; i < 20; i++)
		sorted[i] = (i * 7 + x) % 20;
	qsort(sorted, 20, sizeof(int), compare_counted);
	for (i = 0; i < 20; i++)
		must_be(sorted[i], i, "qsort");
}

/* --- one of each ------------------------------------------------------------------ */

PLAIN void nothing(void)
{
}

PLAIN long constant(void)
{
	return 5;
}

PLAIN long identity(long x)
{
	return x;
}

PLAIN void store(long *p)
{
	*p = 1;
}

PLAIN long load(const long *p)
{
	return *p;
}

static void small(long x)
{
	long word = x;

	nothing();
	must_be(load(&word), x, "load");
	store(&word);
	must_be(word + identity(x) + constant(), x + 6, "small functions");
	account("nothing", 1);
	account("load", 1);
	account("store", 1);
	account("identity", 1);
	account("constant", 1);
}

int main(int argc, char **argv)
{
	long rounds = argc > 1 ? atol(argv[1]) : 10, x;

	for (x = 1; x <= rounds; x++) {
		recursion(x);
		tail_calls(x);
		jump_tables(x);
		arguments(x);
		optimised(x);
		small(x);
	}
	/* counted by themselves */
	account("compare", compared);
	account("compare_counted", compared);
	must_be(spare_calls, 5 * rounds, "calls of callees that spare registers");
	must_be(cold_calls, 2 * ((rounds + 1) / 4), "calls from a cold part");
	return account_end();
}
