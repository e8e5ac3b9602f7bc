// SPDX-License-Identifier: GPL-2.0
/*
 * test-mutants.c - damaged ELF files give sentences or fewer functions, never
 * a crash, a read outside of the file or an endless loop.
 *
 *	test-mutants		a fixed number of mutants, always the same
 *	test-mutants SECONDS	as many as fit, from a new seed
 *	test-mutants 0 SEED	the mutant of that seed again (a crash prints it)
 */
#include <elf.h>
#include <fcntl.h>
#include <sanitizer/common_interface_defs.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "../mutants.h"
#include "targets.h"

#define MUTANTS 4000

/* The mutant at work, for the obituary. */
static u64 current_seed;

static void last_words(void)
{
	diag("died of seed %llu", (unsigned long long)current_seed);
}

static void too_long(int sig)
{
	(void)sig;
	diag("an endless loop, seed %llu", (unsigned long long)current_seed);
	_exit(1);
}

struct image {
	const char *name;
	u8 *bytes;
	size_t size;
};

static bool load(struct image *img)
{
	struct stat st;
	int fd = open(target(img->name), O_RDONLY);
	bool good;

	if (fd < 0)
		return false;
	good = !fstat(fd, &st) && (img->bytes = malloc(st.st_size)) && read(fd, img->bytes, st.st_size) == st.st_size;
	img->size = good ? st.st_size : 0;
	close(fd);
	return good;
}

/* A place where a change matters: the header, the program headers, a table that some header points to. */
static size_t pick_place(const u8 *b, size_t size)
{
	Elf64_Ehdr eh;
	u64 at = draw() % size, from = 0, len = size;

	if (size < sizeof(eh))
		return at;
	memcpy(&eh, b, sizeof(eh));
	switch (draw() % 5) {
	case 0:
		len = sizeof(eh);
		break;
	case 1:
		from = eh.e_phoff;
		len = (u64)eh.e_phnum * sizeof(Elf64_Phdr);
		break;
	case 2:
		from = eh.e_shoff;
		len = (u64)eh.e_shnum * sizeof(Elf64_Shdr);
		break;
	case 3: {
		Elf64_Shdr sh;
		u64 i = eh.e_shoff + draw() % max((u64)eh.e_shnum, (u64)1) * sizeof(sh);

		if (i > size - sizeof(sh) || i > size)
			break;
		memcpy(&sh, b + i, sizeof(sh));
		from = sh.sh_offset;
		len = sh.sh_size;
		break;
	}
	}
	if (!len || from >= size)
		return at;
	return from + draw() % min(len, (u64)(size - from));
}

/* Everything a command might do with a file. */
static bool exercise(int fd)
{
	static const char *const defs[] = {"plain", "main+4",	   "no_such", "ver*",
					   "*",	    "ns::C::meth", "0x1234",  "steady@VERS_1"};
	struct upr_event_list list = {0};
	struct upr_error err = {0};
	const struct upr_func *f;
	struct upr_elf *elf;
	char path[64];
	size_t nr, i;
	u64 addrs[4];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	elf = upr_elf_open(path, &err);
	if (!elf)
		return err.text[0] && err.kind;
	f = upr_elf_funcs(elf, &nr, &err);
	for (i = 0; i < nr && i < 40; i++) {
		const struct upr_func *g = &f[draw() % nr];
		struct upr_boundaries b;

		if (!upr_func_boundaries(elf, g, &b, &err))
			upr_boundaries_free(&b);
		if (g->kind == UPR_SYM_IFUNC)
			upr_ifunc_candidates(elf, g, addrs, ARRAY_SIZE(addrs));
		upr_elf_func_at(elf, g->addr + draw() % 64);
	}
	for (i = 0; i < ARRAY_SIZE(defs); i++) {
		err.text[0] = '\0';
		if (upr_resolve(elf, defs[i], &list, &err) && !err.text[0])
			return false;
	}
	upr_event_list_free(&list);
	upr_elf_close(elf);
	return true;
}

static bool one_mutant(struct image *imgs, size_t nr, u64 seed, int fd)
{
	const struct image *img;
	size_t size;
	u8 *copy;
	bool good;

	mutant_state = current_seed = seed;
	img = &imgs[draw() % nr];
	size = img->size;
	copy = malloc(size);
	if (!copy)
		return false;
	memcpy(copy, img->bytes, size);
	mutate(copy, &size, pick_place);
	good = !ftruncate(fd, 0) && pwrite(fd, copy, size, 0) == (ssize_t)size;
	free(copy);
	alarm(20);
	good = good && exercise(fd);
	alarm(0);
	return good;
}

int main(int argc, char **argv)
{
	struct image all[] = {{.name = "pie"},
			      {.name = "nopie"},
			      {.name = "shared"},
			      {.name = "stripped"},
			      {.name = "cpp"},
			      {.name = "mini"},
			      {.name = "libversion.so.1"},
			      {.name = "odd"},
			      {.name = "names"},
			      {.name = "m32"},
			      {.name = "libversion-stripped.so.1"},
			      {.name = "nosec-shared"},
			      {.name = "bare"}};
	time_t end = argc > 1 ? time(NULL) + atol(argv[1]) : 0;
	u64 seed = argc > 2 ? strtoull(argv[2], NULL, 0) : argc > 1 ? (u64)time(NULL) * 1000003 + getpid() : 1;
	size_t nr = 0, i, done = 0, bad = 0;
	int fd = memfd_create("mutant", MFD_CLOEXEC);

	targets_init(argv[0]);
	for (i = 0; i < ARRAY_SIZE(all); i++) {
		if (load(&all[i]))
			all[nr++] = all[i];
	}
	if (fd < 0 || !nr)
		skip_all("no targets, or no memfd_create");
	__sanitizer_set_death_callback(last_words);
	signal(SIGALRM, too_long);
	if (argc > 1)
		diag("first seed %llu", (unsigned long long)seed);
	do {
		if (!one_mutant(all, nr, seed, fd)) {
			bad++;
			diag("no sentence for seed %llu", (unsigned long long)seed);
		}
		seed++;
		done++;
	} while (argc > 1 ? time(NULL) < end : done < MUTANTS);
	ok(!bad, "%zu mutants of %zu files: no crash, and a sentence for each refusal", done, nr);
	for (i = 0; i < nr; i++)
		free(all[i].bytes);
	return done_testing();
}
