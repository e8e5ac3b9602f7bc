// SPDX-License-Identifier: GPL-2.0
/*
 * big-bodies.c - 64 functions for gen-big to multiply: made by a compiler, of many sizes, with
 * loops, branches and calls of each other.
 *
 * body_N(x, depth) calls two others with a smaller depth.
 */
typedef unsigned long word;

#define K(n, i)	   ((((n)*0x9e3779b9ul + (i)*0x85ebca6bul) >> 3) & ((i) % 4 ? 0xffff : 0x7fffffff))
#define JOIN(a, b) a##b
#define BODY_(n)   JOIN(body_, n)
#define MIX(v, n)  ((v) = ((v) ^ ((v) >> 7)) * (2 * K(n, 9) + 1) + K(n, 10))
#define MIXES(v, w, n) \
	MIX(v, n);     \
	MIX(w, n + 2); \
	MIX(v, n + 5); \
	MIX(w, n + 7)
#define BRANCH(n, i)                                  \
	if ((a ^ K(n, i)) & (1 << ((i) % 13)))        \
		b += t[(a >> 3) & 7] ^ K(n, (i) + 1); \
	else if (b > K(n, (i) + 2))                   \
		t[(b >> 5) & 7] = a - K(n, (i) + 3);  \
	else                                          \
		a = (a << ((i) % 11)) | (b >> 17)
#define BRANCHES(n, i)      \
	BRANCH(n, i);       \
	BRANCH(n, (i) + 5); \
	BRANCH(n, (i) + 9); \
	MIX(a, n)

#define BODY(n, first, second)                                                                      \
	word BODY_(first)(word x, int depth);                                                       \
	word BODY_(second)(word x, int depth);                                                      \
	word BODY_(n)(word x, int depth)                                                            \
	{                                                                                           \
		word a = x ^ K(n, 1), b = x + K(n, 2), t[8] = {x, a, b, K(n, 3), x, a, b, K(n, 4)}; \
		int i;                                                                              \
                                                                                                    \
		/* a few of them are short */                                                       \
		if (n % 8 == 5)                                                                     \
			return n % 16 == 5 ? a : a * 3 + b;                                         \
		/* as most do, they begin and end with code that does not branch */                 \
		MIXES(a, b, n);                                                                     \
		for (i = 0; i < 2 + n % 3; i++) {                                                   \
			BRANCHES(n, 20);                                                            \
			if (n & 1)                                                                  \
				BRANCHES(n, 40);                                                    \
			if (depth > 0 && (n & 4))                                                   \
				b ^= BODY_(first)(a, depth - 1 - i);                                \
		}                                                                                   \
		if (n & 16)                                                                         \
			BRANCHES(n, 100);                                                           \
		if (depth > 0)                                                                      \
			a += BODY_(second)(b, depth - 1);                                           \
		if (n & 32) {                                                                       \
			BRANCHES(n, 140);                                                           \
			BRANCHES(n, 160);                                                           \
		}                                                                                   \
		MIXES(a, t[x & 7], n);                                                              \
		return a ^ b ^ t[a & 7];                                                            \
	}

/* clang-format off */
BODY(0, 7, 13) BODY(1, 18, 5) BODY(2, 29, 60) BODY(3, 40, 51) BODY(4, 51, 42) BODY(5, 62, 33) BODY(6, 9, 24)
BODY(7, 20, 15) BODY(8, 31, 6) BODY(9, 42, 61) BODY(10, 53, 52) BODY(11, 0, 43) BODY(12, 11, 34)
BODY(13, 22, 25) BODY(14, 33, 16) BODY(15, 44, 7) BODY(16, 55, 62) BODY(17, 2, 53) BODY(18, 13, 44)
BODY(19, 24, 35) BODY(20, 35, 26) BODY(21, 46, 17) BODY(22, 57, 8) BODY(23, 4, 63) BODY(24, 15, 54)
BODY(25, 26, 45) BODY(26, 37, 36) BODY(27, 48, 27) BODY(28, 59, 18) BODY(29, 6, 9) BODY(30, 17, 0)
BODY(31, 28, 55) BODY(32, 39, 46) BODY(33, 50, 37) BODY(34, 61, 28) BODY(35, 8, 19) BODY(36, 19, 10)
BODY(37, 30, 1) BODY(38, 41, 56) BODY(39, 52, 47) BODY(40, 63, 38) BODY(41, 10, 29) BODY(42, 21, 20)
BODY(43, 32, 11) BODY(44, 43, 2) BODY(45, 54, 57) BODY(46, 1, 48) BODY(47, 12, 39) BODY(48, 23, 30)
BODY(49, 34, 21) BODY(50, 45, 12) BODY(51, 56, 3) BODY(52, 3, 58) BODY(53, 14, 49) BODY(54, 25, 40)
BODY(55, 36, 31) BODY(56, 47, 22) BODY(57, 58, 13) BODY(58, 5, 4) BODY(59, 16, 59) BODY(60, 27, 50)
BODY(61, 38, 41) BODY(62, 49, 32) BODY(63, 60, 23)
