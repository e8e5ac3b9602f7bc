// SPDX-License-Identifier: GPL-2.0
/*
 * fetch-tls.c - addresses in thread-local storage.
 *
 * Purpose: debug information has an offset in the file's own block of it (psABI "ELF Handling For Thread-Local
 * Storage").  The program's block lies at a known distance from the thread pointer; that of a
 * library is where the loader has noted it for the library's own code.
 *
 * Locks: none.
 */
#include <elf.h>
#include <gelf.h>
#include <string.h>

#include "fetch-loc.h"

/* Ends where the thread pointer points to (variant II). */
static const char *push_tls_of_program(const GElf_Phdr *tls, struct fetch_code *code)
{
	u64 align = tls->p_align ? tls->p_align : 1;
	u64 size = (tls->p_memsz + align - 1) / align * align;

	fetch_emit(code, UPR_FETCH_REG, UPR_FETCH_FS_BASE, 0);
	fetch_emit(code, UPR_FETCH_ADD, 0, 0);
	fetch_add(code, -(s64)size);
	return NULL;
}

/* --- libraries ------------------------------------------------------------------------- */

/* The thread control block has the vector of all blocks behind the pointer to itself, in glibc and in musl. */
#define DTV_OFFSET 8

/* The offset in the file's block that a relocation is about.  Return: false if it is another file's. */
static bool own_offset(Elf *elf, const GElf_Shdr *table, const GElf_Rela *rela, u64 *ret)
{
	Elf_Scn *scn = elf_getscn(elf, table->sh_link);
	Elf_Data *data = scn ? elf_getdata(scn, NULL) : NULL;
	GElf_Sym sym;

	*ret = (u64)rela->r_addend;
	if (!GELF_R_SYM(rela->r_info))
		return true;
	if (!data || !gelf_getsym(data, (int)GELF_R_SYM(rela->r_info), &sym) || sym.st_shndx == SHN_UNDEF)
		return false;
	*ret += sym.st_value;
	return true;
}

/* The first relocation of a type that is about the file's own block. */
static bool find_relocation(Elf *elf, unsigned int type, u64 *where, u64 *own)
{
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(elf, scn))) {
		GElf_Shdr shdr;
		Elf_Data *data;
		GElf_Rela rela;
		int i;

		if (!gelf_getshdr(scn, &shdr) || shdr.sh_type != SHT_RELA || !(data = elf_getdata(scn, NULL)))
			continue;
		for (i = 0; gelf_getrela(data, i, &rela); i++) {
			*where = rela.r_offset;
			if (GELF_R_TYPE(rela.r_info) == type && own_offset(elf, &shdr, &rela, own))
				return true;
		}
	}
	return false;
}

/* musl has pointers where glibc has pairs; whoever is linked against it says so. */
static bool needs_musl(Elf *elf)
{
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(elf, scn))) {
		GElf_Shdr shdr;
		Elf_Data *data;
		GElf_Dyn dyn;
		int i;

		if (!gelf_getshdr(scn, &shdr) || shdr.sh_type != SHT_DYNAMIC || !(data = elf_getdata(scn, NULL)))
			continue;
		for (i = 0; gelf_getdyn(data, i, &dyn) && dyn.d_tag != DT_NULL; i++) {
			const char *name = dyn.d_tag == DT_NEEDED ? elf_strptr(elf, shdr.sh_link, dyn.d_un.d_val) :
								    NULL;

			if (name && (!strcmp(name, "libc.so") || strstr(name, "musl")))
				return true;
		}
	}
	return false;
}

static void load_own_word(u64 addr, struct fetch_code *code)
{
	fetch_emit(code, UPR_FETCH_BIAS, 0, 0);
	fetch_add(code, (s64)addr);
	fetch_emit(code, UPR_FETCH_LOAD, 8, 0);
}

static const char *push_tls_of_library(Elf *elf, struct fetch_code *code)
{
	u64 where, own;

	if (find_relocation(elf, R_X86_64_TPOFF64, &where, &own)) {
		/* the distance of something of the block from the thread pointer */
		load_own_word(where, code);
		fetch_add(code, -(s64)own);
		fetch_emit(code, UPR_FETCH_ADD, 0, 0);
		fetch_emit(code, UPR_FETCH_REG, UPR_FETCH_FS_BASE, 0);
	} else if (find_relocation(elf, R_X86_64_DTPMOD64, &where, &own)) {
		/* the number of the block */
		load_own_word(where, code);
		fetch_emit(code, UPR_FETCH_PUSH, 0, needs_musl(elf) ? 3 : 4);
		fetch_emit(code, UPR_FETCH_SHL, 0, 0);
		fetch_emit(code, UPR_FETCH_REG, UPR_FETCH_FS_BASE, 0);
		fetch_add(code, DTV_OFFSET);
		fetch_emit(code, UPR_FETCH_LOAD, 8, 0);
		fetch_emit(code, UPR_FETCH_ADD, 0, 0);
		fetch_emit(code, UPR_FETCH_LOAD, 8, 0);
	} else {
		return "it is in a library's thread-local storage, and nothing says where that is";
	}
	fetch_emit(code, UPR_FETCH_ADD, 0, 0);
	return NULL;
}

/* --- both -------------------------------------------------------------------------------- */

/* Its segment, if it has one.  Return: false if the headers cannot be read */
static bool find_segment(Elf *elf, GElf_Phdr *tls, bool *program)
{
	GElf_Phdr phdr;
	GElf_Ehdr ehdr;
	size_t i, nr;

	*tls = (GElf_Phdr){0};
	if (!elf || !gelf_getehdr(elf, &ehdr) || elf_getphdrnum(elf, &nr))
		return false;
	*program = ehdr.e_type == ET_EXEC;
	for (i = 0; i < nr; i++) {
		if (!gelf_getphdr(elf, (int)i, &phdr))
			continue;
		if (phdr.p_type == PT_TLS)
			*tls = phdr;
		*program |= phdr.p_type == PT_INTERP;
	}
	return true;
}

u64 fetch_tls_offset(const struct debug_info *info, u64 number)
{
	GElf_Addr bias;
	GElf_Phdr tls;
	bool program;

	if (!find_segment(dwfl_module_getelf(info->mod, &bias), &tls, &program) || number < tls.p_memsz ||
	    number < tls.p_vaddr || number - tls.p_vaddr >= tls.p_memsz)
		return number;
	return number - tls.p_vaddr;
}

const char *fetch_push_tls(const struct debug_info *info, struct fetch_code *code)
{
	GElf_Addr bias;
	Elf *elf = dwfl_module_getelf(info->mod, &bias);
	bool program;
	GElf_Phdr tls;

	if (!find_segment(elf, &tls, &program))
		return "the file's program headers cannot be read";
	if (!tls.p_memsz)
		return "the file has no thread-local storage";
	return program ? push_tls_of_program(&tls, code) : push_tls_of_library(elf, code);
}
