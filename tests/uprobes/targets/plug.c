// SPDX-License-Identifier: GPL-2.0
/*
 * plug.c - a library that arrives by dlopen; its constructor calls its function, too.
 */
long plug_call(long x);

__attribute__((noinline)) long plug_call(long x)
{
	__asm__ volatile("");
	return x + 1;
}

__attribute__((constructor)) static void plug_init(void)
{
	long i, x = 0;

	for (i = 0; i < 3; i++)
		x = plug_call(x);
}
