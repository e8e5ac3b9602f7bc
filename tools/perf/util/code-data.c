// SPDX-License-Identifier: GPL-2.0
/*
 * code-data.c - code that data names.
 *
 * Purpose: mark the addresses that relocations put into data, the words of data
 * of a file that is loaded where it is linked, and what lies in restartable
 * critical sections.
 *
 * Locks: none, see code-map.h.
 */
#include <errno.h>

#include "code-priv.h"

/* A table of the dynamic section; what does not lie in the file is empty. */
static const u8 *dyn_table(const struct code_map *map, s64 addr_tag, s64 size_tag, u64 *size)
{
	u64 addr, avail;
	const u8 *p;

	*size = 0;
	if (!upr_elf_dyn(map->elf, addr_tag, &addr) || !upr_elf_dyn(map->elf, size_tag, size))
		return NULL;
	p = upr_elf_bytes(map->elf, addr, &avail);
	*size = p ? min(*size, avail) : 0;
	return p;
}

/* A word of the file as it is before relocation. */
static bool word_at(const struct code_map *map, u64 addr, u64 *ret)
{
	u64 avail;
	const u8 *p = upr_elf_bytes(map->elf, addr, &avail);

	if (!p || avail < sizeof(*ret))
		return false;
	memcpy(ret, p, sizeof(*ret));
	return true;
}

/* Value of a symbol that this file defines. */
static bool symbol_value(const struct code_map *map, u32 index, u64 *ret)
{
	u64 symtab, avail;
	Elf64_Sym sym;
	const u8 *p;

	if (!upr_elf_dyn(map->elf, DT_SYMTAB, &symtab))
		return false;
	p = upr_elf_bytes(map->elf, symtab + (u64)index * sizeof(sym), &avail);
	if (!p || avail < sizeof(sym))
		return false;
	memcpy(&sym, p, sizeof(sym));
	*ret = sym.st_value;
	return sym.st_shndx != SHN_UNDEF;
}

/* @addend: the word in place, where the table has none */
static void relocation(struct code_map *map, u64 info, u64 addend)
{
	u64 value = 0;

	switch (ELF64_R_TYPE(info)) {
	case R_X86_64_RELATIVE:
	case R_X86_64_RELATIVE64:
	case R_X86_64_IRELATIVE:
		code_mark_addr(map, CODE_NAMED, addend);
		break;
	case R_X86_64_64:
	case R_X86_64_32:
	case R_X86_64_32S:
	case R_X86_64_GLOB_DAT:
	case R_X86_64_JUMP_SLOT:
		if (symbol_value(map, ELF64_R_SYM(info), &value))
			code_mark_addr(map, CODE_NAMED, value + addend);
		break;
	default:
		break;
	}
}

static void scan_rela(struct code_map *map, s64 addr_tag, s64 size_tag)
{
	Elf64_Rela r;
	u64 size, i;
	const u8 *p = dyn_table(map, addr_tag, size_tag, &size);

	for (i = 0; i + sizeof(r) <= size; i += sizeof(r)) {
		memcpy(&r, p + i, sizeof(r));
		relocation(map, r.r_info, r.r_addend);
	}
}

static void scan_rel(struct code_map *map, s64 addr_tag, s64 size_tag)
{
	u64 size, i, addend;
	Elf64_Rel r;
	const u8 *p = dyn_table(map, addr_tag, size_tag, &size);

	for (i = 0; i + sizeof(r) <= size; i += sizeof(r)) {
		memcpy(&r, p + i, sizeof(r));
		if (word_at(map, r.r_offset, &addend))
			relocation(map, r.r_info, addend);
	}
}

#ifndef DT_RELR
#define DT_RELRSZ 35
#define DT_RELR	  36
#endif

/* The word at @where is relative to where the file is loaded. */
static void relative_at(struct code_map *map, u64 where)
{
	u64 value;

	if (word_at(map, where, &value))
		code_mark_addr(map, CODE_NAMED, value);
}

/* An even entry is an address, an odd one a bitmap of the 63 words behind those seen so far. */
static void scan_relr(struct code_map *map)
{
	u64 size, i, entry, where = 0;
	const u8 *p = dyn_table(map, DT_RELR, DT_RELRSZ, &size);
	unsigned int bit;

	for (i = 0; i + sizeof(entry) <= size; i += sizeof(entry)) {
		memcpy(&entry, p + i, sizeof(entry));
		if (!(entry & 1)) {
			relative_at(map, entry);
			where = entry + 8;
			continue;
		}
		for (bit = 0; bit < 63; bit++) {
			if (entry >> (bit + 1) & 1)
				relative_at(map, where + 8 * bit);
		}
		where += 8 * 63;
	}
}

/* The PLT's table is of the kind that DT_PLTREL names. */
static void scan_relocations(struct code_map *map)
{
	u64 kind = DT_RELA;

	scan_rela(map, DT_RELA, DT_RELASZ);
	scan_rel(map, DT_REL, DT_RELSZ);
	upr_elf_dyn(map->elf, DT_PLTREL, &kind);
	if (kind == DT_REL)
		scan_rel(map, DT_JMPREL, DT_PLTRELSZ);
	else
		scan_rela(map, DT_JMPREL, DT_PLTRELSZ);
	scan_relr(map);
}

/* Loaded where it is linked: any aligned word may be a pointer, or half the bytes of one. */
static void scan_words(struct code_map *map)
{
	const struct upr_elf *elf = map->elf;
	u32 lo = map->lo, span = map->hi - map->lo;
	size_t i;
	u64 off;

	for (i = 0; i < elf->nr_segs; i++) {
		const struct upr_segment *seg = &elf->segs[i];
		const u8 *p = elf->raw + seg->offset;

		if (seg->exec)
			continue;
		for (off = -seg->vaddr & 3; off + 4 <= seg->filesz; off += 4) {
			u32 value = (u32)code_s32(p + off) - lo;
			bool whole;

			if (value >= span)
				continue;
			whole = !((seg->vaddr + off) & 7) && off + 8 <= seg->filesz &&
				(u32)code_s32(p + off + 4) == (map->lo + value) >> 32;
			code_mark_addr(map, whole ? CODE_WORD : CODE_HALF, map->lo + value);
		}
	}
}

/* --- restartable critical sections -------------------------------------- */

/* struct rseq_cs of the kernel's interface */
struct rseq_descriptor {
	u32 version;
	u32 flags;
	u64 start;
	u64 length;
	u64 abort;
};

static int forbid(struct code_map *map, u64 lo, u64 hi)
{
	u64 addr;

	for (addr = lo; addr < hi; addr++)
		code_mark_addr(map, CODE_RSEQ, addr);
	if (!upr_grow(&map->forbidden, map->nr_forbidden, &map->cap_forbidden, sizeof(*map->forbidden)))
		return -ENOMEM;
	map->forbidden[map->nr_forbidden++] = (struct code_span){.lo = lo, .hi = hi};
	return 0;
}

/* The abort handler's first byte is where the kernel sets the program to; the signature lies before it. */
static int critical_section(struct code_map *map, const struct rseq_descriptor *d)
{
	/* longer than any is a sign that this is no descriptor */
	if (code_pos(map, d->start) == CODE_NOWHERE || code_pos(map, d->abort) == CODE_NOWHERE || d->length > 1 << 20)
		return 0;
	return forbid(map, d->start, d->start + d->length) || forbid(map, d->abort - 4, d->abort + 1) ? -ENOMEM : 0;
}

/* A section as the loader will leave it. */
static u8 *relocated_section(const struct code_map *map, const GElf_Shdr *sh)
{
	u64 avail, size, i;
	const u8 *p = upr_elf_bytes(map->elf, sh->sh_addr, &avail);
	u8 *buf = p && avail >= sh->sh_size ? malloc(sh->sh_size) : NULL;
	Elf64_Rela r;

	if (!buf)
		return NULL;
	memcpy(buf, p, sh->sh_size);
	p = dyn_table(map, DT_RELA, DT_RELASZ, &size);
	for (i = 0; i + sizeof(r) <= size; i += sizeof(r)) {
		memcpy(&r, p + i, sizeof(r));
		if (ELF64_R_TYPE(r.r_info) == R_X86_64_RELATIVE && r.r_offset >= sh->sh_addr && sh->sh_size >= 8 &&
		    r.r_offset - sh->sh_addr <= sh->sh_size - 8)
			memcpy(buf + (r.r_offset - sh->sh_addr), &r.r_addend, 8);
	}
	return buf;
}

static int scan_descriptors(struct code_map *map, const GElf_Shdr *sh)
{
	u8 *bytes = relocated_section(map, sh);
	struct rseq_descriptor d;
	u64 off;
	int rc = 0;

	if (!bytes)
		return 0;
	/* linkers align it to 32 bytes, the size of a descriptor */
	for (off = 0; off + sizeof(d) <= sh->sh_size && !rc; off += 32) {
		memcpy(&d, bytes + off, sizeof(d));
		rc = critical_section(map, &d);
	}
	free(bytes);
	return rc;
}

static int scan_sections(struct code_map *map)
{
	struct upr_elf *elf = map->elf;
	Elf_Scn *scn = NULL;
	size_t strndx;

	if (elf_getshdrstrndx(elf->elf, &strndx))
		return 0;
	while ((scn = elf_nextscn(elf->elf, scn))) {
		const char *name;
		GElf_Shdr sh;

		if (!gelf_getshdr(scn, &sh) || !(sh.sh_flags & SHF_ALLOC) || sh.sh_type == SHT_NOBITS)
			continue;
		name = elf_strptr(elf->elf, strndx, sh.sh_name);
		if (name && !strcmp(name, "__rseq_cs") && scan_descriptors(map, &sh))
			return -ENOMEM;
	}
	return 0;
}

/* An abort handler of which no descriptor is known: some part of its function is a critical section. */
static int forbid_unlisted(struct code_map *map)
{
	size_t i, nr = map->nr_forbidden;

	for (i = 0; i < map->aborts.nr; i++) {
		u32 pos = map->aborts.r[i].to;
		ssize_t f = code_func_at(map, pos);
		u64 addr = code_addr(map, pos);
		size_t j;

		for (j = 0; j < nr && map->forbidden[j].lo != addr - 4; j++)
			;
		if (j == nr && f >= 0 &&
		    forbid(map, map->src[f].addr, map->src[f].addr + map->funcs[f].end - map->funcs[f].start))
			return -ENOMEM;
	}
	return 0;
}

int code_scan_data(struct code_map *map)
{
	u64 addr;

	code_mark_addr(map, CODE_NAMED, map->elf->info.entry);
	if (upr_elf_dyn(map->elf, DT_INIT, &addr))
		code_mark_addr(map, CODE_NAMED, addr);
	if (upr_elf_dyn(map->elf, DT_FINI, &addr))
		code_mark_addr(map, CODE_NAMED, addr);
	scan_relocations(map);
	if (map->absolute)
		scan_words(map);
	return scan_sections(map) || forbid_unlisted(map) ? -ENOMEM : 0;
}
