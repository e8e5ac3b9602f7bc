// SPDX-License-Identifier: GPL-2.0
/*
 * probe-show-funcs.c - names of the symbol table (-F).
 *
 * Purpose: what perf takes for probe-able: functions, labels and even data of the symbol
 * table, entries of the linkage table.
 *
 * Locks: none.
 */
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "probe-filter.h"
#include "probe-show.h"
#include "symbol-priv.h"

/* libiberty brings its own idea of these two */
#undef ARRAY_SIZE
#undef container_of
#include <libiberty/demangle.h>

#define FUNCS_FILTER "!_* & !*@plt"

struct names {
	char **v;
	size_t nr;
	size_t cap;
};

/* @name is theirs from now on. */
static int add_name(struct names *names, char *name)
{
	if (!name)
		return -ENOMEM;
	if (!upr_grow(&names->v, names->nr, &names->cap, sizeof(*names->v))) {
		free(name);
		return -ENOMEM;
	}
	names->v[names->nr++] = name;
	return 0;
}

static void free_names(struct names *names)
{
	while (names->nr)
		free(names->v[--names->nr]);
	free(names->v);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_shown(const GElf_Sym *sym, const char *name)
{
	int type = GELF_ST_TYPE(sym->st_info);

	if (!name || !*name || sym->st_shndx == SHN_UNDEF || sym->st_shndx == SHN_ABS)
		return false;
	return type == STT_FUNC || type == STT_OBJECT || type == STT_GNU_IFUNC || type == STT_NOTYPE;
}

/* Of @type; NULL: there is none. */
static Elf_Scn *section_of(Elf *elf, unsigned int type, const char *name, GElf_Shdr *sh)
{
	Elf_Scn *scn = NULL;
	size_t names;

	if (elf_getshdrstrndx(elf, &names))
		return NULL;
	while ((scn = elf_nextscn(elf, scn))) {
		const char *own;

		if (!gelf_getshdr(scn, sh) || sh->sh_type != type)
			continue;
		own = elf_strptr(elf, names, sh->sh_name);
		if (!name || (own && !strcmp(own, name)))
			return scn;
	}
	return NULL;
}

/* Of the file, or of the separate one that has its debug information. */
static int read_symbols(Dwfl_Module *mod, bool no_demangle, struct names *names)
{
	int i, nr = dwfl_module_getsymtab(mod), r = 0;

	for (i = 0; !r && i < nr; i++) {
		GElf_Addr addr;
		GElf_Word section;
		GElf_Sym sym;
		const char *name = dwfl_module_getsym_info(mod, i, &sym, &addr, &section, NULL, NULL);
		char *pretty;

		if (section < SHN_LORESERVE)
			sym.st_shndx = (GElf_Section)(section ? 1 : SHN_UNDEF);
		if (!is_shown(&sym, name))
			continue;
		pretty = no_demangle ? NULL : cplus_demangle(name, DMGL_NO_OPTS);
		r = add_name(names, pretty ? pretty : strdup(name));
	}
	return r;
}

/* "strlen@plt" for each that the linkage table has. */
static int read_linkage(Elf *elf, struct names *names)
{
	GElf_Shdr sh, symbols_sh;
	Elf_Scn *scn = section_of(elf, SHT_RELA, ".rela.plt", &sh),
		*symbols = section_of(elf, SHT_DYNSYM, NULL, &symbols_sh);
	Elf_Data *data = scn ? elf_getdata(scn, NULL) : NULL, *table = symbols ? elf_getdata(symbols, NULL) : NULL;
	size_t i, nr = data && table && sh.sh_entsize ? data->d_size / sh.sh_entsize : 0;
	int r = 0;

	for (i = 0; !r && i < nr; i++) {
		const char *name;
		GElf_Rela rela;
		GElf_Sym sym;
		char *plt;

		if (!gelf_getrela(data, (int)i, &rela) || !gelf_getsym(table, (int)GELF_R_SYM(rela.r_info), &sym))
			continue;
		name = elf_strptr(elf, symbols_sh.sh_link, sym.st_name);
		if (!name || !*name)
			continue;
		if (asprintf(&plt, "%s@plt", name) < 0)
			return -ENOMEM;
		r = add_name(names, plt);
	}
	return r;
}

static void print_names(struct names *names, const char *filter)
{
	size_t i;

	if (!names->nr)
		return;
	qsort(names->v, names->nr, sizeof(*names->v), by_name);
	for (i = 0; i < names->nr; i++)
		if (probe_filter_fits(filter, names->v[i]))
			puts(names->v[i]);
}

int probe_show_funcs(struct probe_file *file, const char *filter, bool no_demangle, const struct finder_options *opts)
{
	struct names names = {0};
	int fd, r = -ENOENT;
	Elf *elf;

	if (!file->path)
		return -ENOENT;
	probe_file_load(file);
	fd = open(probe_file_reach(file), O_RDONLY | O_CLOEXEC);
	elf = file->elf && file->info.mod && fd >= 0 ? elf_begin(fd, ELF_C_READ_MMAP, NULL) : NULL;
	if (elf)
		r = read_symbols(file->info.mod, no_demangle, &names);
	if (!elf || (!r && !names.nr)) {
		probe_say(opts, "Failed to load symbols in %s", file->path);
		r = -EPERM;
	}
	if (!r)
		r = read_linkage(elf, &names);
	if (!r)
		print_names(&names, filter ? filter : FUNCS_FILTER);
	free_names(&names);
	elf_end(elf);
	if (fd >= 0)
		close(fd);
	return r;
}
