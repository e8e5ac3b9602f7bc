/* SPDX-License-Identifier: GPL-2.0 */
/*
 * mutants.h - damaged copies of files, the same ones for the same seed.
 *
 * Purpose: fuzzers of what reads files.
 *
 * Locks: none.
 */
#ifndef UPROBES_TESTS_MUTANTS_H
#define UPROBES_TESTS_MUTANTS_H

#include <string.h>
#include <upr-compat.h>

/* xorshift64*: any state but 0 */
static u64 mutant_state;

static inline u64 draw(void)
{
	mutant_state ^= mutant_state >> 12;
	mutant_state ^= mutant_state << 25;
	mutant_state ^= mutant_state >> 27;
	return mutant_state * 2685821657736338717ull;
}

/** mutate() - change some numbers at places that @pick chooses, and sometimes cut the end off */
static inline void mutate(u8 *b, size_t *size, size_t (*pick)(const u8 *b, size_t size))
{
	static const u64 odd[] = {0,	   1,	   2, 0x7f, 0xff, 0xffff, 0x7fffffff, 0xffffffff, 0x7fffffffffffffff,
				  (u64)-1, (u64)-8};
	int n = 1 + draw() % 6;

	while (n--) {
		size_t at = pick(b, *size);
		u64 value = draw() % 3 ? odd[draw() % ARRAY_SIZE(odd)] : draw();
		size_t width = (size_t)1 << (draw() % 4);

		if (!(draw() % 3))
			at &= ~(width - 1);
		if (at + width <= *size)
			memcpy(b + at, &value, width);
	}
	if (!(draw() % 8))
		*size = draw() % *size;
}

#endif /* UPROBES_TESTS_MUTANTS_H */
