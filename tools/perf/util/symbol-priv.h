/* SPDX-License-Identifier: GPL-2.0 */
/*
 * symbol-priv.h - what the symbol*.c files share.
 *
 * Purpose: the insides of struct upr_elf.  Nobody else includes this.
 *
 * Locks: none, see symbol.h.
 */
#ifndef PERF_UTIL_SYMBOL_PRIV_H
#define PERF_UTIL_SYMBOL_PRIV_H

#include <gelf.h>
#include <libelf.h>
#include <utrace/insn.h>

#include "arena.h"
#include "symbol.h"

/* A PT_LOAD segment. */
struct upr_segment {
	u64 vaddr;
	u64 offset;
	u64 filesz;
	bool exec;
};

/* An executable section: only used to bound symbols that have no size and to know PLTs. */
struct upr_text_section {
	u64 addr;
	u64 size;
	bool plt;
};

/* A symbol as collected, before symbols of one address become one function. */
struct upr_raw_sym {
	u64 addr;
	u64 size;
	const char *name;
	const char *version;
	u32 order;
	bool hidden;
	u8 bind;
	u8 kind;
	u8 source;
};

/* A function's extent from .eh_frame; where its exception table is, or 0. */
struct upr_fde {
	u64 addr;
	u64 size;
	u64 lsda;
};

/* Another ELF file that gave symbols; stays open because names point into it. */
struct upr_sym_file {
	Elf *elf;
	void *image;
	int fd;
};

/* Both demangled forms of a name; NULL: not asked for yet. */
struct upr_pretty {
	char *full;
	char *base;
};

struct code_map;

struct upr_elf {
	struct upr_elf_info info;
	Elf *elf;
	int fd;
	const u8 *raw;
	u64 raw_size;
	GElf_Ehdr ehdr;
	char *debug_root;
	struct upr_segment *segs;
	size_t nr_segs;
	struct upr_text_section *secs;
	size_t nr_secs;
	GElf_Phdr dynamic; /* p_type PT_NULL: none */
	GElf_Phdr eh_hdr;  /* likewise */
	Elf_Data *dyn_data;

	struct upr_sym_file debug;
	struct upr_sym_file mini;
	struct arena strings;

	/* filled by the collectors */
	struct upr_raw_sym *syms;
	size_t nr_syms;
	size_t cap_syms;
	struct upr_fde *fdes;
	size_t nr_fdes;
	size_t cap_fdes;
	bool frames_unsound; /* some entry could not be read */

	/* filled by upr_elf_load() */
	bool loaded;
	struct upr_func *funcs;
	size_t nr_funcs;
	u64 *max_end; /* [i]: the greatest end among funcs[0..i] */
	struct upr_name *names;
	u32 *name_func; /* [i]: index of the function of names[i] */
	size_t nr_names;

	/* caches of look-ups */
	struct upr_pretty *pretty;
	u32 *hash; /* names by hash of name, 0: empty, else index + 1 */
	size_t hash_mask;
	char *nearest;

	/* code-map.c's */
	struct code_map *code;
	void (*code_free)(struct code_map *code);

	/* probe-resolve-info.c's */
	struct debug_info *debug_info;
	void (*debug_info_free)(struct debug_info *info);
};

#define UPR_DEBUG_ROOT "/usr/lib/debug"

/* Eight bytes at a time; the upper half is the better one, and tables use its low bits. */
static inline u32 upr_hash_name(const char *s, size_t len)
{
	const u64 odd = 0x9e3779b97f4a7c15ull;
	u64 h = len, word;

	for (; len >= sizeof(word); s += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, s, sizeof(word));
		h = (h ^ word) * odd;
		h ^= h >> 32;
	}
	for (word = 0; len; len--)
		word = word << 8 | (u8)*s++;
	h = (h ^ word) * odd;
	return h >> 32;
}

/* symbol.c */
const struct upr_text_section *upr_text_section_at(const struct upr_elf *elf, u64 addr);
/* a NUL-terminated string in the file at @addr, or NULL */
const char *upr_elf_string_at(const struct upr_elf *elf, u64 addr);
bool upr_elf_dyn(const struct upr_elf *elf, s64 tag, u64 *val);
/* qsort(), of what mostly is in order already */
void upr_sort(void *base, size_t nr, size_t size, int (*cmp)(const void *, const void *));
/* room for one more element; false without memory */
bool upr_grow(void *array, size_t nr, size_t *cap, size_t size);

/**
 * struct upr_measure - what is asked of an instruction to find the next
 * @length:	in bytes
 * @direct:	a direct branch, to address @target
 * @odd:	programs hardly contain it, and data decodes into it
 */
struct upr_measure {
	unsigned int length;
	bool direct;
	bool odd;
	u64 target;
};

/* symbol-measure.c: @p has @len bytes, the first at @addr.  false: upr_insn_decode() takes it for no instruction. */
bool upr_measure(struct upr_measure *ret, const u8 *p, size_t len, u64 addr, enum upr_insn_mode mode);

/* symbol-table.c: appends to elf->syms.  Return 0 or -ENOMEM; damaged tables give what is sound. */
int upr_collect_symbols(struct upr_elf *elf);
void upr_sym_file_close(struct upr_sym_file *file);

/* symbol-eh.c: appends to elf->fdes, sorted.  Return 0 or -ENOMEM. */
int upr_collect_fdes(struct upr_elf *elf);

/* symbol-debug.c: opens what holds the symbols of a stripped file */
bool upr_open_debug_file(struct upr_elf *elf);
bool upr_open_debugdata(struct upr_elf *elf);

/* symbol-func.c: makes functions of symbols and FDEs, once.  Return 0 or -ENOMEM. */
int upr_elf_load(struct upr_elf *elf);

#endif /* PERF_UTIL_SYMBOL_PRIV_H */
