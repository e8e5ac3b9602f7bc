// SPDX-License-Identifier: GPL-2.0
/*
 * symbol.c - a few symbols of one ELF file, by name, and what of it is text.
 *
 * Purpose: the home needs two names of the dynamic loader and no more; the tools
 * have a symbol reader worth the name.  32- and 64-bit files; whatever the
 * file claims is checked against its size.
 *
 * No locks.
 */
#include "host.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct image {
	const u8 *p;
	u64 size;
	bool is32;
};

/* Fields that the two widths have in common, as wide as the wider. */
struct section {
	u32 type, link;
	u64 flags, offset, size, entsize;
};

static bool in_file(const struct image *im, u64 off, u64 len)
{
	return off <= im->size && len <= im->size - off;
}

#define FIELD(im, hdr, name) ((im)->is32 ? ((const Elf32_##hdr *)p)->name : ((const Elf64_##hdr *)p)->name)

static bool get_section(const struct image *im, unsigned int n, struct section *s)
{
	const u8 *p = im->p;
	u64 table = FIELD(im, Ehdr, e_shoff), each = im->is32 ? sizeof(Elf32_Shdr) : sizeof(Elf64_Shdr);

	if (n >= FIELD(im, Ehdr, e_shnum) || !in_file(im, table, (n + 1) * each))
		return false;
	p = im->p + table + n * each;
	s->type = FIELD(im, Shdr, sh_type);
	s->link = FIELD(im, Shdr, sh_link);
	s->flags = FIELD(im, Shdr, sh_flags);
	s->offset = FIELD(im, Shdr, sh_offset);
	s->size = FIELD(im, Shdr, sh_size);
	s->entsize = FIELD(im, Shdr, sh_entsize);
	return s->type == SHT_NOBITS || in_file(im, s->offset, s->size);
}

/* Where in the file the byte at @vaddr is; ~0 nowhere.  Also the lowest address of all. */
static u64 file_offset(const struct image *im, u64 vaddr, u64 *lowest)
{
	const u8 *p = im->p;
	unsigned int i, nr = FIELD(im, Ehdr, e_phnum);
	u64 table = FIELD(im, Ehdr, e_phoff), each = im->is32 ? sizeof(Elf32_Phdr) : sizeof(Elf64_Phdr);
	u64 ret = ~(u64)0;

	*lowest = ~(u64)0;
	for (i = 0; i < nr && in_file(im, table, (i + 1) * each); i++) {
		u64 start;

		p = im->p + table + i * each;
		if (FIELD(im, Phdr, p_type) != PT_LOAD)
			continue;
		start = FIELD(im, Phdr, p_vaddr);
		*lowest = min(*lowest, start & ~(u64)(HOST_PAGE - 1));
		if (vaddr >= start && vaddr - start < FIELD(im, Phdr, p_filesz))
			ret = FIELD(im, Phdr, p_offset) + (vaddr - start);
	}
	return ret;
}

static const char *symbol_name(const struct image *im, const struct section *strings, u64 at)
{
	const char *name;

	if (at >= strings->size)
		return "";
	name = (const char *)im->p + strings->offset + at;
	return memchr(name, 0, strings->size - at) ? name : "";
}

static void search_table(const struct image *im, const struct section *s, const char *const *names,
			 struct elf_symbol *ret, unsigned int nr)
{
	u64 each = im->is32 ? sizeof(Elf32_Sym) : sizeof(Elf64_Sym), i, lowest;
	struct section strings;
	unsigned int k;

	if (!get_section(im, s->link, &strings) || strings.type != SHT_STRTAB)
		return;
	for (i = 0; (i + 1) * each <= s->size; i++) {
		const u8 *p = im->p + s->offset + i * each;
		const char *name;

		if (FIELD(im, Sym, st_shndx) == SHN_UNDEF)
			continue;
		name = symbol_name(im, &strings, FIELD(im, Sym, st_name));
		for (k = 0; k < nr; k++) {
			if (ret[k].found || strcmp(name, names[k]))
				continue;
			ret[k].value = FIELD(im, Sym, st_value);
			ret[k].offset = file_offset(im, ret[k].value, &lowest);
			ret[k].value -= lowest;
			ret[k].found = true;
			ret[k].exported = s->type == SHT_DYNSYM;
		}
	}
}

static int search_image(const struct image *im, const char *const *names, struct elf_symbol *ret, unsigned int nr)
{
	struct section s;
	unsigned int i;

	for (i = 0; get_section(im, i, &s); i++)
		if (s.type == SHT_DYNSYM || s.type == SHT_SYMTAB)
			search_table(im, &s, names, ret, nr);
	return 0;
}

static bool is_elf(struct image *im)
{
	if (im->size < sizeof(Elf64_Ehdr) || memcmp(im->p, ELFMAG, SELFMAG))
		return false;
	im->is32 = im->p[EI_CLASS] == ELFCLASS32;
	return true;
}

static int open_image(const char *path, struct image *im)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r = -ENOEXEC;
	struct stat st;
	void *p;

	if (fd < 0)
		return -errno;
	if (!fstat(fd, &st) && st.st_size) {
		p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		r = p == MAP_FAILED ? -errno : 0;
		*im = (struct image){.p = p, .size = (u64)st.st_size};
	}
	close(fd);
	if (r || is_elf(im))
		return r;
	munmap((void *)im->p, im->size);
	return -ENOEXEC;
}

/**
 * symbol_find() - look up @nr names
 * @ret: value relative to where the file is loaded, and file offset; @found, and @exported to others
 * Return: 0, -errno.  A name that is not there is not an error.
 */
int symbol_find(const char *path, const char *const *names, struct elf_symbol *ret, unsigned int nr)
{
	struct image im;
	int r = open_image(path, &im);

	memset(ret, 0, nr * sizeof(*ret));
	if (r)
		return r;
	r = search_image(&im, names, ret, nr);
	munmap((void *)im.p, im.size);
	return r;
}

/* In the dynamic section at @off. */
static bool names_textrel(const struct image *im, u64 off, u64 size)
{
	u64 each = im->is32 ? sizeof(Elf32_Dyn) : sizeof(Elf64_Dyn), i;

	for (i = 0; (i + 1) * each <= size; i++) {
		const u8 *p = im->p + off + i * each;
		u64 tag = (u64)FIELD(im, Dyn, d_tag), value = FIELD(im, Dyn, d_un.d_val);

		if (tag == DT_NULL)
			break;
		if (tag == DT_TEXTREL || (tag == DT_FLAGS && value & DF_TEXTREL))
			return true;
	}
	return false;
}

static bool has_textrel(const struct image *im)
{
	const u8 *p = im->p;
	unsigned int i, nr = FIELD(im, Ehdr, e_phnum);
	u64 table = FIELD(im, Ehdr, e_phoff), each = im->is32 ? sizeof(Elf32_Phdr) : sizeof(Elf64_Phdr);

	for (i = 0; i < nr; i++) {
		u64 off, size;

		if (!in_file(im, table, (i + 1) * each))
			return true;
		p = im->p + table + i * each;
		if (FIELD(im, Phdr, p_type) != PT_DYNAMIC)
			continue;
		off = FIELD(im, Phdr, p_offset);
		size = FIELD(im, Phdr, p_filesz);
		if (!in_file(im, off, size) || names_textrel(im, off, size))
			return true;
	}
	return false;
}

/**
 * symbol_textrel() - does the loader change text of the file?
 * Return: it does, or one cannot know.
 */
bool symbol_textrel(const char *path)
{
	struct image im;
	bool r;

	if (open_image(path, &im))
		return true;
	r = has_textrel(&im);
	munmap((void *)im.p, im.size);
	return r;
}

/**
 * symbol_is_code() - is the byte at @offset of the file in a section of instructions?
 * Linkers have put constants into segments that are mapped executable.
 * Return: it is, or no section says anything of it.
 */
bool symbol_is_code(const char *path, u64 offset)
{
	struct section s;
	struct image im;
	bool r = true;
	unsigned int i;

	if (open_image(path, &im))
		return false;
	for (i = 0; get_section(&im, i, &s); i++)
		if (s.type == SHT_PROGBITS && offset - s.offset < s.size)
			r = s.flags & SHF_EXECINSTR;
	munmap((void *)im.p, im.size);
	return r;
}
