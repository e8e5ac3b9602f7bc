// SPDX-License-Identifier: GPL-2.0
/*
 * zydis-compare - the decoder against Zydis over whole ELF files.
 *
 * Purpose: sweeps every executable section of the files it is given, either
 * from instruction to instruction or from every byte, in the 64-bit or the
 * 32-bit segment's meaning of the bytes, and reports as TAP.
 *
 * usage: zydis-compare [-b] [-3] [-x EXCEPTIONS] [-n GROUPS] [-r COUNT [-s SEED]] [-e] FILE...
 *   -b  every byte starts an instruction      -3  32-bit mode
 *   -x  list of known differences             -n  differences to print
 *   -r  COUNT strings of guided random bytes     -e  every opcode in every form
 *
 * Single-threaded; no locks.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <libelf.h>
#include <gelf.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../tap.h"
#include "zydis-oracle.h"
#include "every-form.h"
#include "random-bytes.h"

static bool every_byte;
static enum upr_insn_mode mode = UPR_INSN_64;

static void sweep(const u8 *p, size_t len)
{
	struct upr_insn insn;
	size_t at = 0;

	while (at < len) {
		unsigned int step = oracle_compare(p + at, len - at, mode, &insn);

		at += every_byte ? 1 : step;
	}
}

/* Returns the number of bytes swept, or -1 when the file is no ELF file. */
static long sweep_file(const char *path)
{
	int fd = open(path, O_RDONLY);
	Elf_Scn *scn = NULL;
	long bytes = 0;
	Elf *elf;

	if (fd < 0)
		return -1;
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!elf || elf_kind(elf) != ELF_K_ELF) {
		elf_end(elf);
		close(fd);
		return -1;
	}
	while ((scn = elf_nextscn(elf, scn)) != NULL) {
		GElf_Shdr shdr;
		Elf_Data *data;

		if (!gelf_getshdr(scn, &shdr) || !(shdr.sh_flags & SHF_EXECINSTR) || shdr.sh_type != SHT_PROGBITS)
			continue;
		data = elf_rawdata(scn, NULL);
		if (!data)
			continue;
		sweep(data->d_buf, data->d_size);
		bytes += data->d_size;
	}
	elf_end(elf);
	close(fd);
	return bytes;
}

static void compare_file(const char *path, unsigned int groups)
{
	unsigned long before = oracle_differences(), valid_before, valid, n = oracle_compared(&valid_before);
	struct timespec t0, t1;
	long bytes;

	clock_gettime(CLOCK_MONOTONIC, &t0);
	bytes = sweep_file(path);
	clock_gettime(CLOCK_MONOTONIC, &t1);
	if (bytes < 0) {
		skip(path, "not installed here");
		return;
	}
	n = oracle_compared(&valid) - n;
	ok(oracle_differences() == before && valid > valid_before, "%s: %ld bytes, %lu instructions as Zydis says",
	   path, bytes, valid - valid_before);
	diag("%lu strings compared in %.1f s, %lu differences", n,
	     t1.tv_sec - t0.tv_sec + (t1.tv_nsec - t0.tv_nsec) / 1e9, oracle_differences() - before);
	if (oracle_differences() != before)
		oracle_report(stdout, "# ", groups);
}

static void compare_random(unsigned long count, u64 seed, unsigned int groups)
{
	struct random_bytes r = {.state = seed};
	unsigned long valid, i;
	struct upr_insn insn;
	u8 buf[32];

	for (i = 0; i < count; i++) {
		random_instruction(&r, buf, sizeof(buf), mode);
		oracle_compare(buf, sizeof(buf), mode, &insn);
	}
	oracle_compared(&valid);
	ok(!oracle_differences() && valid > count / 20, "%lu random strings (seed %llu): %lu valid, as Zydis says",
	   count, (unsigned long long)seed, valid);
	if (oracle_differences())
		oracle_report(stdout, "# ", groups);
}

static void compare_form(const u8 *buf, size_t len, void *arg)
{
	struct upr_insn insn;

	oracle_compare(buf, len, mode, &insn);
}

static void compare_every_form(unsigned int groups)
{
	unsigned long valid_before, valid, before = oracle_differences(), n = oracle_compared(&valid_before);

	every_form(mode, compare_form, NULL);
	n = oracle_compared(&valid) - n;
	valid -= valid_before;
	ok(oracle_differences() == before && valid > n / 40, "every form: %lu strings, %lu valid, as Zydis says", n,
	   valid);
	if (oracle_differences() != before)
		oracle_report(stdout, "# ", groups);
}

int main(int argc, char **argv)
{
	const char *exceptions = NULL;
	unsigned int groups = 40;
	unsigned long random = 0;
	bool forms = false;
	u64 seed = 1;
	int opt;

	while ((opt = getopt(argc, argv, "b3ex:n:r:s:")) != -1) {
		switch (opt) {
		case 'b':
			every_byte = true;
			break;
		case '3':
			mode = UPR_INSN_32;
			break;
		case 'e':
			forms = true;
			break;
		case 'x':
			exceptions = optarg;
			break;
		case 'n':
			groups = atoi(optarg);
			break;
		case 'r':
			random = strtoul(optarg, NULL, 0);
			break;
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		default:
			fprintf(stderr,
				"usage: zydis-compare [-b] [-3] [-x EXCEPTIONS] [-n GROUPS] [-r COUNT [-s SEED]] "
				"[-e] FILE...\n");
			return 2;
		}
	}
	if (oracle_init(exceptions))
		return 1;
	elf_version(EV_CURRENT);
	if (random)
		compare_random(random, seed, groups);
	if (forms)
		compare_every_form(groups);
	for (; optind < argc; optind++)
		compare_file(argv[optind], groups);
	return done_testing();
}
