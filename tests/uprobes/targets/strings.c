// SPDX-License-Identifier: GPL-2.0
/*
 * strings.c - the string functions of the C library over many lengths and
 * alignments; prints one checksum that any mishap would change.
 *
 * strings [STEP]	step of the lengths
 * strings none		call none of them
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPAN 160

static uint64_t sum = 1;

static void mix(uint64_t v)
{
	sum = (sum ^ v) * 0x100000001b3ull;
	sum ^= sum >> 29;
}

static void mix_bytes(const char *p, size_t n)
{
	while (n--)
		mix((unsigned char)*p++);
}

int main(int argc, char **argv)
{
	static char a[4 * SPAN], b[4 * SPAN];
	size_t step, len, at;

	/* what the program does without them */
	if (argc > 1 && argv[1][0] == 'n')
		return 0;
	step = argc > 1 ? strtoul(argv[1], NULL, 10) : 13;
	for (at = 0; at < 3; at++) {
		for (len = 0; len < SPAN; len += step) {
			char *p = a + at * 7, *q = b + at * 3;
			const char *found;

			memset(p, 'a' + at, len);
			p[len] = '\0';
			mix(strlen(p));
			memcpy(q, p, len + 1);
			mix(memcmp(p, q, len + 1));
			if (len > 2)
				q[len - 2] = 'z';
			mix(strcmp(p, q) < 0);
			mix(strncmp(p, q, len / 2) == 0);
			found = memchr(q, 'z', len + 1);
			mix(found ? (uint64_t)(found - q) : 0);
			found = strchr(q, 'z');
			mix(found ? (uint64_t)(found - q) : 0);
			found = strrchr(q, 'a');
			mix(found ? (uint64_t)(found - q) : 0);
			memmove(q + 1, q, len);
			strcpy(p, q);
			strcat(p, "x");
			found = strstr(p, "zax");
			mix(found ? (uint64_t)(found - p) : 0);
			mix_bytes(p, len + 2);
		}
	}
	printf("%016llx\n", (unsigned long long)sum);
	return 0;
}
