// SPDX-License-Identifier: GPL-2.0
/* target-version.c - a library with two versions of one function, and one that has only an old one. */
int versioned_old(int x);
int versioned_new(int x);
int retired_old(int x);
int steady(int x);

extern volatile int sink;
volatile int sink;

__attribute__((noinline)) int versioned_old(int x)
{
	return x + sink;
}

__attribute__((noinline)) int versioned_new(int x)
{
	return x - sink;
}

__attribute__((noinline)) int retired_old(int x)
{
	return x ^ sink;
}

__attribute__((noinline)) int steady(int x)
{
	return x * sink;
}

__asm__(".symver versioned_old, versioned@VERS_1");
__asm__(".symver versioned_new, versioned@@VERS_2");
__asm__(".symver retired_old, retired@VERS_1");
