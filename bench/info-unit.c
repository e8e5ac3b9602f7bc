// SPDX-License-Identifier: GPL-2.0
/*
 * info-unit.c - one unit of bench-info's program, see build.mk.
 */
#include "info-unit.h"

#define WORK8(n) WORK(n##0) WORK(n##1) WORK(n##2) WORK(n##3) WORK(n##4) WORK(n##5) WORK(n##6) WORK(n##7)
WORK8(0)
WORK8(1)
WORK8(2)
WORK8(3)
WORK8(4)
WORK8(5)
WORK8(6)
WORK8(7)
WORK8(8)
WORK8(9)

long UNIT_pick(const char *text, long len)
{
	long sum = len;

	sum += UNIT_work_00(text, (size_t)len, UNIT_IDLE_00);
	sum ^= UNIT_work_97(text, (size_t)len, UNIT_BUSY_97);
	return sum;
}
