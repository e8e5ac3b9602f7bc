// SPDX-License-Identifier: GPL-2.0
/*
 * app.c - a program that is built again, and then has its functions elsewhere.
 *
 * BUILD 1: the first; 2: func() has moved, and so has what it looks at; 3: there is no func() any more.
 */
#include <stdio.h>
#include <stdlib.h>

struct text {
#if BUILD == 2
	long spare;
#endif
	int len;
	const char *s;
};

static volatile int sink;

#if BUILD == 2
__attribute__((noinline)) int newcomer(int a)
{
	sink += a * 3;
	return sink;
}
#endif

#if BUILD != 3
__attribute__((noinline)) int func(int a, const struct text *b)
{
	sink += a;
	return sink + b->len;
}
#endif

__attribute__((noinline)) int other(int a)
{
	sink -= a;
	return sink;
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 7, i;
	struct text t = {.len = 5, .s = "hello"};

	for (i = 0; i < n; i++) {
#if BUILD != 3
		func(i, &t);
#endif
		other(i);
	}
	printf("func %d\n", BUILD == 3 ? 0 : n);
	return t.s[0] == 'h' ? 0 : 1;
}
