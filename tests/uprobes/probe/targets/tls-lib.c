// SPDX-License-Identifier: GPL-2.0
// tls-lib.c - a library with variables that each thread has for itself; says what they are
// clang-format off
#include <stdio.h>

_Thread_local long tls_before = 3;
_Thread_local int tls_seen = 100;
static _Thread_local struct { int a; long b; } tls_own = {7, 8};

int tls_work(int n);
__attribute__((noinline)) int tls_work(int n)
{
	tls_seen += n;
	tls_own.b -= n;
	printf("tls_work seen=%d own={a=%d,b=%ld} before=%ld\n", tls_seen, tls_own.a, tls_own.b, tls_before); /*@ */
	fflush(stdout);
	return tls_seen;
}
