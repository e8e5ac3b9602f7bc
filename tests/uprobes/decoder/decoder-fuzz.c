// SPDX-License-Identifier: GPL-2.0
/*
 * decoder-fuzz - random bytes into the decoder.
 *
 * Purpose: guided random strings, each ending where its allocation ends, under
 * ASan and UBSan.  Every string is decoded in both modes and held against Zydis;
 * of a valid instruction every truncation has to ask for more, the exact length
 * has to give the same answer, and the fields have to fill it without overlap.
 *
 * usage: decoder-fuzz [-x EXCEPTIONS] [-s SEED] SECONDS
 *        decoder-fuzz [-x EXCEPTIONS] [-s SEED] -n COUNT
 *
 * Single-threaded; no locks.
 */
#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../tap.h"
#include "random-bytes.h"
#include "zydis-oracle.h"

#define BLOCK 16

static unsigned long contradictions;

static void contradiction(const char *what, const u8 *p, size_t len, enum upr_insn_mode mode)
{
	size_t i;

	if (contradictions++ >= 20)
		return;
	printf("# %s, %d bits:", what, mode == UPR_INSN_64 ? 64 : 32);
	for (i = 0; i < len; i++)
		printf(" %02x", p[i]);
	putchar('\n');
}

/* Each byte belongs to one field, a void REX among the prefixes; 3DNow! has its opcode at the end. */
static bool fields_fill(const struct upr_insn *insn)
{
	const struct upr_span spans[] = {insn->f_prefix, insn->f_rex,  insn->f_vex, insn->f_opcode, insn->f_modrm,
					 insn->f_sib,	 insn->f_disp, insn->f_imm, insn->f_imm2};
	unsigned int at = 0, i;

	for (i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
		if (spans[i].size && spans[i].off != at)
			return false;
		at += spans[i].size;
	}
	return at + (insn->enc == UPR_ENC_3DNOW) == insn->length;
}

/* The bytes moved to the end of the block, @len of them: what lies beyond is poisoned. */
static int decode_at_end(struct upr_insn *insn, u8 *block, const u8 *bytes, size_t len, enum upr_insn_mode mode)
{
	memcpy(block + BLOCK - len, bytes, len);
	return upr_insn_decode(insn, block + BLOCK - len, len, mode);
}

static void fuzz_one(u8 *block, const u8 *bytes, size_t len, enum upr_insn_mode mode)
{
	struct upr_insn insn, again;
	size_t cut;
	int err;

	memcpy(block + BLOCK - len, bytes, len);
	oracle_compare(block + BLOCK - len, len, mode, &insn);
	err = upr_insn_decode(&insn, block + BLOCK - len, len, mode);
	if (err == -ENODATA && len >= UPR_INSN_MAX)
		contradiction("15 bytes are not enough", bytes, len, mode);
	if (err)
		return;
	if (!insn.length || insn.length > len || !fields_fill(&insn))
		contradiction("fields do not fill the instruction", bytes, len, mode);
	if (decode_at_end(&again, block, bytes, insn.length, mode) || memcmp(&insn, &again, sizeof(insn)))
		contradiction("not the same in its exact length", bytes, len, mode);
	for (cut = 0; cut < insn.length; cut++)
		if (decode_at_end(&again, block, bytes, cut, mode) != -ENODATA)
			contradiction("a truncated instruction does not ask for more", bytes, len, mode);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static unsigned long fuzz(u64 seed, unsigned long count, double seconds)
{
	struct random_bytes r = {.state = seed};
	double end = now() + seconds;
	u8 bytes[BLOCK], *block = malloc(BLOCK);
	unsigned long n;

	for (n = 0; count ? n < count : (n & 0xfff) || now() < end; n++) {
		enum upr_insn_mode mode = n & 3 ? UPR_INSN_64 : UPR_INSN_32;

		random_instruction(&r, bytes, sizeof(bytes), mode);
		/* Mostly all of it, now and then what chance leaves. */
		fuzz_one(block, bytes, n & 0x1c ? BLOCK : random_u64(&r) % (BLOCK + 1), mode);
	}
	free(block);
	return n;
}

int main(int argc, char **argv)
{
	const char *exceptions = NULL;
	unsigned long count = 0, valid, n;
	u64 seed = time(NULL) ^ (u64)getpid() << 32;
	double start = now();
	int opt;

	while ((opt = getopt(argc, argv, "x:s:n:")) != -1) {
		switch (opt) {
		case 'x':
			exceptions = optarg;
			break;
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'n':
			count = strtoul(optarg, NULL, 0);
			break;
		default:
			fprintf(stderr, "usage: decoder-fuzz [-x EXCEPTIONS] [-s SEED] SECONDS | -n COUNT\n");
			return 2;
		}
	}
	if (!count && optind == argc) {
		fprintf(stderr, "usage: decoder-fuzz [-x EXCEPTIONS] [-s SEED] SECONDS | -n COUNT\n");
		return 2;
	}
	if (oracle_init(exceptions))
		return 1;
	n = fuzz(seed, count, count ? 0 : atof(argv[optind]));
	oracle_compared(&valid);
	ok(!contradictions && valid > n / 20, "%lu random strings, %lu instructions: never beyond the end", n, valid);
	ok(!oracle_differences(), "Zydis says the same of all of them");
	oracle_report(stdout, "# ", 40);
	diag("seed %llu, %.1f s", (unsigned long long)seed, now() - start);
	return done_testing();
}
