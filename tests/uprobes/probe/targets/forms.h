/* SPDX-License-Identifier: GPL-2.0 */
/*
 * forms.h - what both units of a program have: a structure, and a function that is inlined into both.
 * clang-format off
 */
#include <stdio.h>

struct inner { int a; unsigned int low : 3, high : 5; char name[8]; };
struct rec { struct inner in; struct rec *next; union { int i; float f; } u; };

extern struct rec shared;
extern volatile int total;

static inline __attribute__((always_inline)) int inl_both(struct rec *r, int x)
{
	int z = r->in.a + x;

	printf("inl_both x=%d a=%d high=%u name=\"%s\" i=%d\n", x, r->in.a, r->in.high, r->in.name, r->u.i);
	total += z;
	return z;
}

int other(struct rec *r, int k);
