// SPDX-License-Identifier: GPL-2.0
// forms-main.c - a program of two units: says what its functions are called with, and how often a line is run
// clang-format off
#include "forms.h"

struct rec shared = {.in = {1, 2, 19, "first"}, .u.i = 77};
volatile int total;

__attribute__((noinline)) void step(int by)
{
	total += by;
}

__attribute__((noinline)) int one(struct rec *r, int k)
{
	int i, sum = 0;

	for (i = 0; i < k; i++)
		step(i); /* counted */
	sum += inl_both(r, k + 1);
	return sum * 2;
}

int main(void)
{
	struct rec second = {.in = {40, 7, 31, "second"}, .next = &shared, .u.i = -5};

	printf("one k=%d a=%d name=\"%s\" high=%u a2=%d\n", 3, 40, "second", 31, shared.in.a);
	one(&second, 3);
	printf("other k=%d low=%u i=%d a2=%d\n", 4, 2, 77, shared.in.a);
	other(&shared, 4);
	printf("counted 3\n");
	return 0;
}
