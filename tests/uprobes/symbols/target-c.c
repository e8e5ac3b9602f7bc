// SPDX-License-Identifier: GPL-2.0
/*
 * target-c.c - a C program for the symbol tests, linked in every way.
 *
 * Purpose: functions of every kind that a symbol table knows: global, weak,
 * static of one name in two files, aliases, a split-off cold part, an IFUNC.
 */
#include <stdio.h>
#include <stdlib.h>

#define NOINLINE __attribute__((noinline, noclone))

int other(int x);
int asm_all(int x);
int plain(int x);
int weak_one(int x);
int aliased(int x);
int aliased_too(int x);
int with_cold(int x);
int picked(int x);
int _first_letter(int x);

volatile int sink;

NOINLINE int plain(int x)
{
	return x + sink;
}

__attribute__((weak)) NOINLINE int weak_one(int x)
{
	return x * 3 + sink;
}

/* the same name is static in target-other.c */
static NOINLINE int dup_name(int x)
{
	return x ^ sink;
}

NOINLINE int aliased(int x)
{
	return x - sink;
}

int aliased_too(int x) __attribute__((alias("aliased")));
static int aliased_local(int x) __attribute__((alias("aliased"), used));

static NOINLINE __attribute__((cold, noreturn)) void complain(int x)
{
	fprintf(stderr, "%d\n", x);
	abort();
}

NOINLINE int with_cold(int x)
{
	int i;

	for (i = 0; i < x; i++) {
		if (sink == i + 100)
			complain(i + x);
		sink += i;
	}
	return x;
}

NOINLINE int _first_letter(int x)
{
	return x + 2 * sink;
}

static int picked_a(int x)
{
	return x + 1;
}

static int picked_b(int x)
{
	return x + 2;
}

static int (*resolve_picked(void))(int)
{
	__builtin_cpu_init();
	return __builtin_cpu_supports("avx2") ? picked_a : picked_b;
}

int picked(int x) __attribute__((ifunc("resolve_picked")));

int main(int argc, char **argv)
{
	int i, sum = 0;

	(void)argv;
	for (i = 0; i < argc; i++)
		sum += plain(i) + weak_one(i) + dup_name(i) + aliased(i) + aliased_local(i) + with_cold(i) + picked(i) +
		       _first_letter(i) + other(i) + asm_all(i);
	return sum == 42;
}
