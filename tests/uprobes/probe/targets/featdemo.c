// SPDX-License-Identifier: GPL-2.0
// featdemo.c - functions, lines, variables and types of all kinds that definitions of probes ask for
// clang-format off
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef WITH_SDT
#include <sys/sdt.h>
#define HAVE_SDT 1
#endif

struct inner { int a; unsigned short b:3, c:5; char name[16]; };
struct outer { struct inner in; struct inner *p; struct outer *next; long arr[8]; double d; };
enum color { RED, GREEN = 5 };
union u { int i; float f; };

int gcount;
static struct outer gouter;

static inline __attribute__((always_inline)) int inl_add(int x, int y)
{
	int z = x + y;
	gcount += z;
	return z;
}

__attribute__((noinline)) int add_one(int x)
{
	int y = x + 1;
	gcount++;
	return y;
}

__attribute__((noinline)) long walk(struct outer *o, char *msg, int idx)
{
	long sum = 0;
	int i;
	for (i = 0; i < 8; i++) {
		sum += o->arr[i];
		if (o->arr[i] == idx)
			gcount += idx;
	}
	sum += inl_add(idx, (int)sum);
	if (msg[0] == 'h')
		sum += strlen(msg);
	return sum;
}

__attribute__((noinline)) double fp(double a, float b, enum color c, union u *uu)
{
	return a * b + c + uu->i;
}

static __attribute__((noinline)) int dup_name(int v) { return v * 3; }

__attribute__((noinline)) unsigned char small(unsigned char ch, _Bool flag, void *vp)
{
	if (flag)
		return ch + 1;
	return ch + (vp != NULL);
}

int variadic(const char *fmt, ...);
__attribute__((noinline)) int variadic(const char *fmt, ...) { return fmt[0]; }

int main(int argc, char **argv)
{
	int i, n = argc > 1 ? atoi(argv[1]) : 3;
	char msg[32] = "hello";
	union u uu = { .i = 2 };
	gouter.p = &gouter.in;
	gouter.next = &gouter;
	strcpy(gouter.in.name, "inname");
	gouter.arr[3] = 7;
	for (i = 0; i < n; i++) {
		add_one(i);
		walk(&gouter, msg, i);
		fp(1.5, 2.5f, GREEN, &uu);
		dup_name(i);
		small('a' + i, i & 1, &uu);
		inl_add(i, 1);
		variadic("x%d", i);
#ifdef HAVE_SDT
		DTRACE_PROBE2(featdemo, loop_iter, i, msg);
#endif
	}
	printf("%d\n", gcount);
	return 0;
}
