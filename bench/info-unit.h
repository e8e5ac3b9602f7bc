/* SPDX-License-Identifier: GPL-2.0 */
/*
 * info-unit.h - what a unit of bench-info's program is made of; every UNIT_ becomes the unit's own name.
 *
 * WORK(n) is a structure, an enumeration and three functions, one of them inlined into the others.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/user.h>
#include <time.h>
#include <unistd.h>

#define NAME2(a, b) a##b
#define NAME(a, b)  NAME2(a, b)

#define RECORD(n)                                                                                                  \
	struct NAME(UNIT_record_, n) {                                                                             \
		struct NAME(UNIT_record_, n) * next;                                                               \
		const char *NAME(title_, n);                                                                       \
		unsigned int NAME(flags_, n) : 7, NAME(level_, n) : 9;                                             \
		union {                                                                                            \
			long NAME(whole_, n);                                                                      \
			double NAME(real_, n);                                                                     \
			struct timespec NAME(when_, n);                                                            \
		};                                                                                                 \
		int (*NAME(compare_, n))(const struct NAME(UNIT_record_, n) *, const void *);                     \
		short NAME(table_, n)[16];                                                                         \
	};                                                                                                         \
	enum NAME(UNIT_state_, n) { NAME(UNIT_IDLE_, n), NAME(UNIT_BUSY_, n), NAME(UNIT_GONE_, n) };

#define WORK(n)                                                                                                    \
	RECORD(n)                                                                                                  \
	static inline long NAME(UNIT_weigh_, n)(const struct NAME(UNIT_record_, n) * r, long by)                   \
	{                                                                                                          \
		long sum = by;                                                                                     \
		for (int i = 0; i < 16; i++)                                                                       \
			sum += r->NAME(table_, n)[i] * by;                                                         \
		return sum ^ r->NAME(whole_, n);                                                                   \
	}                                                                                                          \
	static __attribute__((noinline)) long NAME(UNIT_walk_, n)(struct NAME(UNIT_record_, n) * head, int depth)  \
	{                                                                                                          \
		struct NAME(UNIT_record_, n) * at;                                                                 \
		long total = 0;                                                                                    \
		for (at = head; at && depth--; at = at->next) {                                                    \
			long weight = NAME(UNIT_weigh_, n)(at, depth);                                             \
			if (at->NAME(compare_, n) && at->NAME(compare_, n)(at, &weight) > 0)                       \
				total += NAME(UNIT_weigh_, n)(at, weight);                                         \
			else                                                                                       \
				total -= weight;                                                                   \
		}                                                                                                  \
		return total;                                                                                      \
	}                                                                                                          \
	long NAME(UNIT_work_, n)(const char *text, size_t len, enum NAME(UNIT_state_, n) state)                    \
	{                                                                                                          \
		struct NAME(UNIT_record_, n) local = {.NAME(title_, n) = text, .NAME(whole_, n) = (long)len};      \
		size_t i;                                                                                          \
		for (i = 0; i < len; i++) {                                                                        \
			char c = text[i];                                                                          \
			if (c == '\n')                                                                             \
				local.NAME(flags_, n)++;                                                           \
			else if (state == NAME(UNIT_BUSY_, n))                                                     \
				local.NAME(table_, n)[c & 15] += c;                                                \
		}                                                                                                  \
		local.next = len > 3 ? &local : NULL;                                                              \
		return NAME(UNIT_walk_, n)(&local, (int)len) + NAME(UNIT_weigh_, n)(&local, state);                \
	}

