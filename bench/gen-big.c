// SPDX-License-Identifier: GPL-2.0
/*
 * gen-big.c - multiplies compiled functions: the text of a very big program in seconds.
 *
 * gen-big BODIES.o COPIES BIG.bin BIG.s
 *
 * BODIES.o holds one function a section (big-bodies.c, -ffunction-sections). Each is
 * copied COPIES times into BIG.bin; a call leads to some copy of the function that it names.
 * BIG.s gives every copy a symbol f_N, an FDE and an entry in big_table.
 */
#include <elf.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_BODIES 256
#define MAX_CALLS  16

struct call {
	uint32_t at;
	int callee;
};

struct body {
	const uint8_t *code;
	uint32_t size;
	struct call calls[MAX_CALLS];
	int nr_calls;
};

static struct body bodies[MAX_BODIES];
static int nr_bodies;

static void die(const char *what)
{
	fprintf(stderr, "gen-big: %s\n", what);
	exit(1);
}

static const uint8_t *map_file(const char *path)
{
	int fd = open(path, O_RDONLY);
	struct stat st;
	void *p;

	if (fd < 0 || fstat(fd, &st))
		die(path);
	p = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (p == MAP_FAILED)
		die(path);
	return p;
}

/* N of "body_N", or of ".text.body_N"; -1: something else */
static int number_of(const char *name)
{
	const char *at = strstr(name, "body_");

	return at ? atoi(at + 5) : -1;
}

static void take_calls(struct body *b, const Elf64_Rela *rela, size_t nr, const Elf64_Sym *symbols, const char *names)
{
	size_t i;

	for (i = 0; i < nr; i++) {
		uint32_t type = ELF64_R_TYPE(rela[i].r_info);
		const char *name = names + symbols[ELF64_R_SYM(rela[i].r_info)].st_name;

		if ((type != R_X86_64_PLT32 && type != R_X86_64_PC32) || rela[i].r_addend != -4 ||
		    number_of(name) < 0 || b->nr_calls == MAX_CALLS)
			die("a relocation that is not a call");
		b->calls[b->nr_calls].at = rela[i].r_offset;
		b->calls[b->nr_calls++].callee = number_of(name);
	}
}

static void read_bodies(const char *path)
{
	const uint8_t *p = map_file(path);
	const Elf64_Ehdr *eh = (const void *)p;
	const Elf64_Shdr *sh = (const void *)(p + eh->e_shoff);
	const char *section_names = (const char *)p + sh[eh->e_shstrndx].sh_offset;
	int i, n;

	for (i = 0; i < eh->e_shnum; i++) {
		n = number_of(section_names + sh[i].sh_name);
		if (n < 0 || n >= MAX_BODIES)
			continue;
		if (sh[i].sh_type == SHT_PROGBITS) {
			bodies[n].code = p + sh[i].sh_offset;
			bodies[n].size = sh[i].sh_size;
			nr_bodies = n >= nr_bodies ? n + 1 : nr_bodies;
		} else if (sh[i].sh_type == SHT_RELA) {
			const Elf64_Shdr *symtab = &sh[sh[i].sh_link];

			take_calls(&bodies[n], (const void *)(p + sh[i].sh_offset), sh[i].sh_size / sizeof(Elf64_Rela),
				   (const void *)(p + symtab->sh_offset),
				   (const char *)p + sh[symtab->sh_link].sh_offset);
		}
	}
	for (i = 0; i < nr_bodies; i++)
		if (!bodies[i].code)
			die("a body is missing");
}

/* --- the copies ------------------------------------------------------------------- */

static uint64_t random_state = 0x9e3779b97f4a7c15ull;

static uint64_t draw(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* Copy k of body n is function k * nr_bodies + n; all lie 16 bytes aligned, one after the other. */
static uint64_t round_size(void)
{
	uint64_t size = 0;
	int i;

	for (i = 0; i < nr_bodies; i++)
		size += (bodies[i].size + 15) & ~15u;
	return size;
}

static uint64_t place_of(int copy, int n)
{
	uint64_t at = copy * round_size();
	int i;

	for (i = 0; i < n; i++)
		at += (bodies[i].size + 15) & ~15u;
	return at;
}

static void write_copy(FILE *bin, int copies, int copy, int n)
{
	static uint8_t room[1 << 16];
	const struct body *b = &bodies[n];
	uint64_t at = place_of(copy, n);
	uint32_t size = (b->size + 15) & ~15u;
	int i;

	if (size > sizeof(room))
		die("a body is too big");
	memset(room, 0xcc, size);
	memcpy(room, b->code, b->size);
	for (i = 0; i < b->nr_calls; i++) {
		uint64_t to = place_of(draw() % copies, b->calls[i].callee);
		int32_t rel = (int32_t)(to - (at + b->calls[i].at + 4));

		memcpy(room + b->calls[i].at, &rel, sizeof(rel));
	}
	if (fwrite(room, 1, size, bin) != size)
		die("cannot write the text");
}

static void write_all(const char *bin_path, const char *s_path, int copies)
{
	FILE *bin = fopen(bin_path, "w"), *s = fopen(s_path, "w");
	int copy, n, f = 0;

	if (!bin || !s)
		die("cannot write");
	fprintf(s, "\t.text\n\t.p2align 12\n");
	for (copy = 0; copy < copies; copy++) {
		for (n = 0; n < nr_bodies; n++, f++) {
			write_copy(bin, copies, copy, n);
			fprintf(s, ".type f_%d,@function\nf_%d:.cfi_startproc\n.incbin \"%s\",%llu,%u\n", f, f,
				bin_path, (unsigned long long)place_of(copy, n), bodies[n].size);
			fprintf(s, ".cfi_endproc\n.size f_%d,%u\n.p2align 4,0xcc\n", f, bodies[n].size);
		}
	}
	fprintf(s,
		"\t.section .rodata\n\t.globl big_table, big_count\n\t.p2align 3\nbig_count:\t.quad %d\nbig_table:\n",
		f);
	for (n = 0; n < f; n++)
		fprintf(s, ".long f_%d-big_table\n", n);
	fprintf(s, "\t.section .note.GNU-stack,\"\",@progbits\n");
	if (fclose(bin) || fclose(s))
		die("cannot write");
}

int main(int argc, char **argv)
{
	if (argc != 5)
		die("usage: gen-big BODIES.o COPIES BIG.bin BIG.s");
	read_bodies(argv[1]);
	write_all(argv[3], argv[4], atoi(argv[2]));
	return 0;
}
