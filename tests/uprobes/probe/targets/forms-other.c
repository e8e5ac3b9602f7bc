// SPDX-License-Identifier: GPL-2.0
// forms-other.c - the other unit of forms-main.c
// clang-format off
#include "forms.h"

__attribute__((noinline)) int other(struct rec *r, int k)
{
	int z = inl_both(r, k + 5);

	return z * 3;
}
