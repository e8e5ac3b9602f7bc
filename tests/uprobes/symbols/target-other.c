// SPDX-License-Identifier: GPL-2.0
/* target-other.c - the second file of target-c.c: another static dup_name. */
int other(int x);
extern volatile int sink;

static __attribute__((noinline, noclone)) int dup_name(int x)
{
	return x * 7 + sink;
}

int other(int x)
{
	return dup_name(x) + 1;
}
