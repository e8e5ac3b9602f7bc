// SPDX-License-Identifier: GPL-2.0
/*
 * symbol-table.c - collects function symbols from symbol tables.
 *
 * Purpose: .symtab of the file itself, of its separate debug file and of
 * .gnu_debugdata; the dynamic symbols with their versions.  The dynamic table
 * is read as the loader reads it, through PT_DYNAMIC, so that a file without
 * section headers has names as well.
 *
 * Locks: none, see symbol.h.
 */
#include <errno.h>
#include <unistd.h>

#include "symbol-priv.h"

static bool is_part(const char *name)
{
	const char *p = strstr(name, ".cold");

	return p && (!p[5] || p[5] == '.');
}

/*
 * A symbol without type is code only if its section says so; one that stands
 * at the very end of it (etext) names nothing.  Names that assemblers make up
 * are not for people.
 */
static bool label_is_code(const struct upr_elf *elf, const GElf_Sym *sym, u64 addr, const char *name)
{
	if (sym->st_shndx == SHN_ABS || sym->st_shndx == SHN_COMMON || name[0] == '$' || !strncmp(name, ".L", 2))
		return false;
	return !elf->nr_secs || upr_text_section_at(elf, addr);
}

static int symbol_kind(const struct upr_elf *elf, const GElf_Sym *sym, u64 addr, const char *name)
{
	if (sym->st_shndx == SHN_UNDEF || !name || !*name || !upr_elf_is_text(elf, addr))
		return -1;
	switch (GELF_ST_TYPE(sym->st_info)) {
	case STT_FUNC:
		return is_part(name) ? UPR_SYM_PART : UPR_SYM_FUNC;
	case STT_GNU_IFUNC:
		return UPR_SYM_IFUNC;
	case STT_NOTYPE:
		return label_is_code(elf, sym, addr, name) ? UPR_SYM_LABEL : -1;
	default:
		return -1;
	}
}

static u8 symbol_bind(const GElf_Sym *sym)
{
	switch (GELF_ST_BIND(sym->st_info)) {
	case STB_LOCAL:
		return UPR_BIND_LOCAL;
	case STB_WEAK:
		return UPR_BIND_WEAK;
	default:
		return UPR_BIND_GLOBAL;
	}
}

/* The linker writes versions of exported symbols into .symtab as foo@VER or foo@@VER. */
static int split_version(struct upr_elf *elf, struct upr_raw_sym *s)
{
	const char *at = strchr(s->name, '@');

	if (!at || at == s->name || !at[1])
		return 0;
	s->hidden = at[1] != '@';
	s->version = at + (s->hidden ? 1 : 2);
	s->name = arena_strndup(&elf->strings, s->name, at - s->name);
	return s->name ? 0 : -ENOMEM;
}

static int add_symbol(struct upr_elf *elf, const GElf_Sym *sym, u64 bias, const char *name, u8 source)
{
	u64 addr = sym->st_value + bias;
	int kind = symbol_kind(elf, sym, addr, name);
	struct upr_raw_sym *s;

	if (kind < 0)
		return 0;
	if (!upr_grow(&elf->syms, elf->nr_syms, &elf->cap_syms, sizeof(*elf->syms)))
		return -ENOMEM;
	s = &elf->syms[elf->nr_syms];
	*s = (struct upr_raw_sym){
		.addr = addr,
		.size = sym->st_size,
		.name = name,
		.order = elf->nr_syms,
		.bind = symbol_bind(sym),
		.kind = kind,
		.source = source,
	};
	elf->nr_syms++;
	return source == UPR_SRC_DYNSYM ? 0 : split_version(elf, s);
}

/* How far @from's addresses must be moved to be @elf's (prelinked after stripping). */
static u64 table_bias(const struct upr_elf *elf, Elf *from)
{
	GElf_Phdr ph;
	size_t nr, i;

	if (from == elf->elf || elf_getphdrnum(from, &nr))
		return 0;
	for (i = 0; i < nr; i++) {
		if (gelf_getphdr(from, i, &ph) && ph.p_type == PT_LOAD)
			break;
	}
	if (i == nr)
		return 0;
	for (i = 0; !elf_getphdrnum(elf->elf, &nr) && i < nr; i++) {
		GElf_Phdr own;

		if (gelf_getphdr(elf->elf, i, &own) && own.p_type == PT_LOAD)
			return own.p_vaddr - ph.p_vaddr;
	}
	return 0;
}

/* Symbols of every SHT_SYMTAB of @from.  Return: how many tables, or -ENOMEM. */
static int add_symtab(struct upr_elf *elf, Elf *from, u8 source)
{
	u64 bias = table_bias(elf, from);
	Elf_Scn *scn = NULL;
	int tables = 0;

	while ((scn = elf_nextscn(from, scn))) {
		Elf_Data *data;
		GElf_Shdr sh;
		GElf_Sym sym;
		int i;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_SYMTAB)
			continue;
		data = elf_getdata(scn, NULL);
		if (!data || !data->d_size)
			continue;
		tables++;
		for (i = 0; gelf_getsym(data, i, &sym); i++) {
			/* most symbols are data, files and sections: do not even look at their names */
			if (sym.st_shndx == SHN_UNDEF || !upr_elf_is_text(elf, sym.st_value + bias))
				continue;
			if (add_symbol(elf, &sym, bias, elf_strptr(from, sh.sh_link, sym.st_name), source))
				return -ENOMEM;
		}
	}
	return tables;
}

/* --- the dynamic table ------------------------------------------------- */

static bool read_at(const struct upr_elf *elf, u64 addr, void *buf, size_t len)
{
	u64 avail;
	const u8 *p = upr_elf_bytes(elf, addr, &avail);

	if (!p || avail < len)
		return false;
	memcpy(buf, p, len);
	return true;
}

/* The table's length is written nowhere; the hash table reaches its last symbol. */
static u64 count_gnu_hash(const struct upr_elf *elf, u64 hash)
{
	u32 head[4], i, bucket, last = 0, value;
	u64 buckets, chains;

	if (!read_at(elf, hash, head, sizeof(head)))
		return 0;
	buckets = hash + sizeof(head) + (u64)head[2] * (elf->info.mode32 ? 4 : 8);
	chains = buckets + (u64)head[0] * 4;
	for (i = 0; i < head[0]; i++) {
		if (!read_at(elf, buckets + (u64)i * 4, &bucket, sizeof(bucket)))
			return 0;
		last = max(last, bucket);
	}
	if (last < head[1])
		return 0;
	do {
		if (!read_at(elf, chains + (u64)(last - head[1]) * 4, &value, sizeof(value)))
			return 0;
		last++;
	} while (!(value & 1));
	return last;
}

static u64 count_dynsyms(const struct upr_elf *elf)
{
	u32 head[2];
	u64 hash;

	if (upr_elf_dyn(elf, DT_HASH, &hash) && read_at(elf, hash, head, sizeof(head)))
		return head[1];
	if (upr_elf_dyn(elf, DT_GNU_HASH, &hash))
		return count_gnu_hash(elf, hash);
	return 0;
}

/* Name of version @index as defined by this file. */
static const char *version_name(const struct upr_elf *elf, u16 index, u64 strtab)
{
	u64 at, count = 0;
	Elf64_Verdef def; /* the 32-bit one is the same */
	Elf64_Verdaux aux;

	if (!upr_elf_dyn(elf, DT_VERDEF, &at) || !upr_elf_dyn(elf, DT_VERDEFNUM, &count))
		return NULL;
	for (; count && read_at(elf, at, &def, sizeof(def)); count--) {
		if (def.vd_ndx == index && !(def.vd_flags & VER_FLG_BASE))
			return read_at(elf, at + def.vd_aux, &aux, sizeof(aux)) ?
				       upr_elf_string_at(elf, strtab + aux.vda_name) :
				       NULL;
		if (!def.vd_next)
			break;
		at += def.vd_next;
	}
	return NULL;
}

struct version_cache {
	u16 index;
	const char *name;
};

static void set_version(const struct upr_elf *elf, struct upr_raw_sym *s, u16 versym, u64 strtab,
			struct version_cache *cache)
{
	u16 index = versym & 0x7fff;

	/* 0 local, 1 global without version */
	if (index < 2)
		return;
	if (cache->index != index) {
		cache->index = index;
		cache->name = version_name(elf, index, strtab);
	}
	s->version = cache->name;
	s->hidden = s->version && (versym & 0x8000);
}

static int add_dynsym(struct upr_elf *elf)
{
	u64 symtab, strtab, versym = 0, count, offset, i;
	size_t entry = elf->info.mode32 ? sizeof(Elf32_Sym) : sizeof(Elf64_Sym);
	struct version_cache cache = {0};
	Elf_Data *data;
	GElf_Sym sym;

	if (!upr_elf_dyn(elf, DT_SYMTAB, &symtab) || !upr_elf_dyn(elf, DT_STRTAB, &strtab) ||
	    !upr_elf_addr_to_offset(elf, symtab, &offset))
		return 0;
	upr_elf_dyn(elf, DT_VERSYM, &versym);
	count = count_dynsyms(elf);
	if (!count || count > elf->raw_size / entry)
		return 0;
	data = elf_getdata_rawchunk(elf->elf, offset, count * entry, ELF_T_SYM);
	for (i = 0; data && i < count && gelf_getsym(data, i, &sym); i++) {
		size_t before = elf->nr_syms;
		u16 version;

		if (sym.st_shndx == SHN_UNDEF)
			continue;
		if (add_symbol(elf, &sym, 0, upr_elf_string_at(elf, strtab + sym.st_name), UPR_SRC_DYNSYM))
			return -ENOMEM;
		if (elf->nr_syms > before && versym && read_at(elf, versym + i * 2, &version, sizeof(version)))
			set_version(elf, &elf->syms[before], version, strtab, &cache);
	}
	return 0;
}

void upr_sym_file_close(struct upr_sym_file *file)
{
	if (file->elf)
		elf_end(file->elf);
	if (file->fd >= 0)
		close(file->fd);
	free(file->image);
	*file = (struct upr_sym_file){.fd = -1};
}

int upr_collect_symbols(struct upr_elf *elf)
{
	int own = add_symtab(elf, elf->elf, UPR_SRC_SYMTAB);

	if (own < 0)
		return own;
	/* a full table makes the substitutes superfluous */
	if (!own && upr_open_debug_file(elf))
		own = add_symtab(elf, elf->debug.elf, UPR_SRC_DEBUG_FILE);
	if (!own && upr_open_debugdata(elf))
		own = add_symtab(elf, elf->mini.elf, UPR_SRC_DEBUGDATA);
	if (own < 0)
		return own;
	return add_dynsym(elf);
}

/* --- one symbol by its name ----------------------------------------------- */

static bool find_object(struct upr_elf *elf, Elf *from, const char *name, u64 *addr)
{
	u64 bias = table_bias(elf, from);
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(from, scn))) {
		Elf_Data *data;
		GElf_Shdr sh;
		GElf_Sym sym;
		int i;

		if (!gelf_getshdr(scn, &sh) || (sh.sh_type != SHT_SYMTAB && sh.sh_type != SHT_DYNSYM))
			continue;
		data = elf_getdata(scn, NULL);
		for (i = 0; data && gelf_getsym(data, i, &sym); i++) {
			const char *own = elf_strptr(from, sh.sh_link, sym.st_name);

			if (sym.st_shndx == SHN_UNDEF || GELF_ST_TYPE(sym.st_info) == STT_TLS || !own ||
			    strcmp(own, name))
				continue;
			*addr = sym.st_value + bias;
			return true;
		}
	}
	return false;
}

bool upr_elf_find_object(struct upr_elf *elf, const char *name, u64 *addr)
{
	size_t nr;

	/* which finds the debug file as well */
	upr_elf_funcs(elf, &nr, NULL);
	return (elf->debug.elf && find_object(elf, elf->debug.elf, name, addr)) ||
	       find_object(elf, elf->elf, name, addr);
}
