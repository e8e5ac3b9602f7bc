/* SPDX-License-Identifier: GPL-2.0 */
/*
 * symbol.h - functions of an ELF file, and where their bytes are in it.
 *
 * Purpose: open a file, list its functions from every source there is
 * (.symtab, .dynsym, separate debug file, .gnu_debugdata, .eh_frame), find
 * them by name, turn addresses into file offsets by the program headers, and
 * prove where instructions begin.
 *
 * Addresses are virtual addresses as the file has them (not relocated).
 * Everything handed out lives until upr_elf_close().
 *
 * Locks: none.  A struct upr_elf is used by one thread at a time (look-ups fill caches).
 */
#ifndef PERF_UTIL_SYMBOL_H
#define PERF_UTIL_SYMBOL_H

#include <sys/types.h>
#include <upr-compat.h>

#include "error.h"

struct upr_elf;

/**
 * enum upr_sym_kind - what a function in the list is
 * @UPR_SYM_FUNC:	a symbol of type FUNC
 * @UPR_SYM_IFUNC:	GNU indirect function: the address is the resolver's
 * @UPR_SYM_LABEL:	a symbol without type in executable bytes (assembly)
 * @UPR_SYM_PART:	a piece the compiler split off (NAME.cold), not called as a function
 * @UPR_SYM_FDE:	no symbol: known from .eh_frame, named fn_0xADDR
 */
enum upr_sym_kind {
	UPR_SYM_FUNC,
	UPR_SYM_IFUNC,
	UPR_SYM_LABEL,
	UPR_SYM_PART,
	UPR_SYM_FDE,
};

/** enum upr_sym_source - where a name was found */
enum upr_sym_source {
	UPR_SRC_SYMTAB,
	UPR_SRC_DYNSYM,
	UPR_SRC_DEBUG_FILE,
	UPR_SRC_DEBUGDATA,
	UPR_SRC_EH_FRAME,
};

/** enum upr_sym_bind - preferred first */
enum upr_sym_bind {
	UPR_BIND_GLOBAL,
	UPR_BIND_WEAK,
	UPR_BIND_LOCAL,
};

/**
 * struct upr_name - one of a function's names
 * @name:	as in the symbol table (mangled), version cut off
 * @version:	symbol version or NULL
 * @hidden:	not the default version (foo@VER, not foo@@VER)
 * @bind:	enum upr_sym_bind
 * @kind:	enum upr_sym_kind of this symbol
 * @source:	enum upr_sym_source
 */
struct upr_name {
	const char *name;
	const char *version;
	bool hidden;
	u8 bind;
	u8 kind;
	u8 source;
};

/**
 * struct upr_func - a function
 * @addr:	virtual address in the file
 * @size:	bytes; for a symbol of size 0 up to what follows it
 * @offset:	file offset of the first byte
 * @kind:	enum upr_sym_kind (the strongest of its symbols': IFUNC, FUNC, PART, LABEL)
 * @source:	enum upr_sym_source of its first name
 * @size_guessed: no symbol or FDE gave the size
 * @entry:	a function in its own right: wildcards include it.  Not set for
 *		split-off parts and for local labels
 * @nr_names:	at least 1
 * @names:	global ones first, then weak, then local, table order within
 */
struct upr_func {
	u64 addr;
	u64 size;
	u64 offset;
	u8 kind;
	u8 source;
	bool size_guessed;
	bool entry;
	u32 nr_names;
	const struct upr_name *names;
};

/**
 * struct upr_elf_info - about the file as a whole
 * @path:	as opened
 * @name:	as shown to people (differs for /proc/PID/map_files/...)
 * @real:	absolute, without symbolic links; @name when that cannot be had or was given
 * @type:	ET_EXEC or ET_DYN
 * @machine:	EM_X86_64 or EM_386
 * @mode32:	32-bit code
 * @is_exec:	can be run: has an interpreter, or an entry point and no soname (static, static-pie)
 * @is_pie:	ET_DYN and @is_exec
 * @is_static:	runs without a dynamic loader
 * @entry:	e_entry
 * @interp:	PT_INTERP or NULL
 * @soname:	DT_SONAME or NULL
 * @needed:	DT_NEEDED, @nr_needed of them
 * @build_id:	@build_id_len bytes, or NULL
 * @debug_file:	path of the separate debug file in use, or NULL
 * @dev:	st_dev of the file (overlayfs and btrfs: not what /proc/PID/maps shows)
 * @ino:	st_ino
 */
struct upr_elf_info {
	const char *path;
	const char *name;
	const char *real;
	int type;
	int machine;
	bool mode32;
	bool is_exec;
	bool is_pie;
	bool is_static;
	u64 entry;
	const char *interp;
	const char *soname;
	const char **needed;
	u32 nr_needed;
	const u8 *build_id;
	u32 build_id_len;
	const char *debug_file;
	dev_t dev;
	ino_t ino;
};

/**
 * struct upr_elf_options - for upr_elf_open_opts(), which also takes NULL; zero means default
 * @name:	how to call the file in messages; default: its path
 * @debug_root:	directory of separate debug files; default /usr/lib/debug
 */
struct upr_elf_options {
	const char *name;
	const char *debug_root;
};

/**
 * upr_elf_open() - open an executable or a shared library
 * @path:	a path, not searched for (see upr_elf_file_find())
 * Cheap: symbols are read by the first call that needs them.
 * Return: NULL with @err filled in.
 */
struct upr_elf *upr_elf_open(const char *path, struct upr_error *err);
struct upr_elf *upr_elf_open_opts(const char *path, const struct upr_elf_options *opts, struct upr_error *err);
void upr_elf_close(struct upr_elf *elf);

const struct upr_elf_info *upr_elf_info(const struct upr_elf *elf);

/**
 * upr_elf_funcs() - all functions, sorted by address, one entry per address
 * @nr: how many.  Return: NULL with @err without memory.  A file may have none.
 */
const struct upr_func *upr_elf_funcs(struct upr_elf *elf, size_t *nr, struct upr_error *err);

/** upr_elf_func_at() - the innermost function that contains @addr, or NULL */
const struct upr_func *upr_elf_func_at(struct upr_elf *elf, u64 addr);

/** upr_elf_find_object() - a symbol of any kind by its name: *addr.  Return: is there one? */
bool upr_elf_find_object(struct upr_elf *elf, const char *name, u64 *addr);

/* --- addresses (program headers only, never sections) ------------------ */

/** upr_elf_addr_to_offset() - false: no PT_LOAD has file bytes there */
bool upr_elf_addr_to_offset(const struct upr_elf *elf, u64 addr, u64 *offset);
/** upr_elf_offset_to_addr() - executable segments first.  false: not loaded */
bool upr_elf_offset_to_addr(const struct upr_elf *elf, u64 offset, u64 *addr);
/** upr_elf_is_text() - are there file bytes that are mapped executable at @addr */
bool upr_elf_is_text(const struct upr_elf *elf, u64 addr);
/**
 * upr_elf_bytes() - the file's bytes at an address
 * @avail: how many follow in the same segment (0 when NULL is returned)
 */
const u8 *upr_elf_bytes(const struct upr_elf *elf, u64 addr, u64 *avail);

/* --- names ------------------------------------------------------------- */

/**
 * struct upr_match - a function found by name
 * @func:	the function
 * @name:	the name of it that matched
 */
struct upr_match {
	const struct upr_func *func;
	const struct upr_name *name;
};

struct upr_matches {
	struct upr_match *m;
	size_t nr;
	size_t cap;
};

void upr_matches_free(struct upr_matches *matches);

/**
 * upr_elf_find() - functions of exactly this name
 * @name: symbol, symbol@VERSION, symbol@@VERSION, or a demangled name: whole,
 *	without return type, without parameters, without the last or any template arguments;
 *	the first of these forms that fits anything is the one meant
 * Return: 0 (also when nothing fits: matches->nr is 0), -ENOMEM.
 */
int upr_elf_find(struct upr_elf *elf, const char *name, struct upr_matches *matches, struct upr_error *err);

/**
 * upr_elf_match() - functions of which some name fits a wildcard pattern
 * One match per function (address), by its preferred fitting name; only functions in
 * their own right, unless the pattern spells ".cold" or the like.
 */
int upr_elf_match(struct upr_elf *elf, const char *pattern, struct upr_matches *matches, struct upr_error *err);

/** upr_elf_nearest() - the known name most like @name, as shown to people; NULL: nothing is like it */
const char *upr_elf_nearest(struct upr_elf *elf, const char *name);

/** upr_elf_versions() - versions under which @name is exported, as "A, B"; empty when none */
void upr_elf_versions(struct upr_elf *elf, const char *name, char *buf, size_t len);

/** upr_name_pretty() - demangled with parameters; the name itself when it is not mangled */
const char *upr_name_pretty(struct upr_elf *elf, const struct upr_name *name);
/** upr_name_base() - demangled without parameters and return type */
const char *upr_name_base(struct upr_elf *elf, const struct upr_name *name);

/** upr_glob_match() - * ? [...] and backslash against a whole string */
bool upr_glob_match(const char *pattern, const char *string);
/** upr_has_glob() - any unescaped wildcard in it */
bool upr_has_glob(const char *pattern);

/* --- code -------------------------------------------------------------- */

/**
 * enum upr_proof - how sure an instruction boundary is
 * @UPR_PROOF_NO:	not a boundary: inside an instruction known to be one
 * @UPR_PROOF_LINEAR:	the whole function decodes from its start without a gap and all its branches agree
 * @UPR_PROOF_FLOW:	reached by following the control flow from the entry
 * @UPR_PROOF_UNKNOWN:	not reached, or two readings contradict each other (data in the code)
 */
enum upr_proof {
	UPR_PROOF_NO,
	UPR_PROOF_LINEAR,
	UPR_PROOF_FLOW,
	UPR_PROOF_UNKNOWN,
};

/**
 * struct upr_boundaries - where a function's instructions begin
 * @state:	one enum upr_proof per byte of the function, @size of them
 * @size:	bytes looked at
 * @offs:	the proven boundaries, ascending, @nr of them; offs[0] is 0 in a function
 * @linear:	the whole function was proven by linear decoding
 * @targets:	where its direct branches lead within it, @nr_targets of them; only if @linear
 */
struct upr_boundaries {
	u8 *state;
	u64 size;
	u32 *offs;
	size_t nr;
	bool linear;
	u32 *targets;
	size_t nr_targets;
};

/**
 * upr_func_boundaries() - all instruction boundaries of a function
 * Of a gap (upr_code_gap()) control flow is followed from where the loader enters the file.
 * Return: 0; -errno with @err.  Free with upr_boundaries_free().
 */
int upr_func_boundaries(struct upr_elf *elf, const struct upr_func *func, struct upr_boundaries *ret,
			struct upr_error *err);
void upr_boundaries_free(struct upr_boundaries *b);

/**
 * upr_ifunc_candidates() - functions whose address an IFUNC's resolver can return
 * @addrs:	filled with at most @max addresses, ascending
 * Static reading of the resolver (lea, mov, loads of relocated words); the home
 * gets the one really used from the target.  Return: how many there are.
 */
size_t upr_ifunc_candidates(struct upr_elf *elf, const struct upr_func *ifunc, u64 *addrs, size_t max);

/**
 * upr_code_gap() - executable bytes around @addr that belong to no known function
 * @ret: filled in as a function without a name, for upr_func_boundaries()
 * false: @addr is in a function, or not executable
 */
bool upr_code_gap(struct upr_elf *elf, u64 addr, struct upr_func *ret);

/* --- files ------------------------------------------------------------- */

/**
 * upr_elf_file_find() - what -x FILE means
 * @name: a path; a command found on PATH; a library's name (libc.so.6, libc, c) found as the
 *	loader does: LD_LIBRARY_PATH, ld.so.cache, the standard directories
 * @ret:  path, to be freed.
 */
int upr_elf_file_find(const char *name, char **ret, struct upr_error *err);

/**
 * struct upr_mapped_file - a file mapped executable by a process
 * @path:	as the process names it, without " (deleted)"
 * @open_path:	opens this very file from here
 * @start:	lowest executable mapping, @end its end, @offset its file offset
 * @deleted:	no longer in the file system
 */
struct upr_mapped_file {
	char *path;
	char *open_path;
	u64 start;
	u64 end;
	u64 offset;
	u32 dev_major;
	u32 dev_minor;
	u64 ino;
	bool deleted;
};

/**
 * upr_lib_find_in_maps() - a file that process @pid has mapped executable
 * @name: its path as the process sees it, its file name, or a library's short name
 * Works across mount namespaces, chroots, and for deleted files.  Free with upr_mapped_file_free().
 */
int upr_lib_find_in_maps(int pid, const char *name, struct upr_mapped_file *ret, struct upr_error *err);
void upr_mapped_file_free(struct upr_mapped_file *file);

/**
 * upr_mapped_files() - all files that process @pid has mapped executable, each once
 * open_path is NULL where there is no way to open it: see upr_mapped_file_check().
 * Return: 0, -errno with @err; free with upr_mapped_files_free().
 */
int upr_mapped_files(int pid, struct upr_mapped_file **ret, size_t *nr, struct upr_error *err);
void upr_mapped_files_free(struct upr_mapped_file **files, size_t *nr);
/** upr_mapped_file_check() - can it be opened?  Return: 0, -EACCES and @err says why not */
int upr_mapped_file_check(const struct upr_mapped_file *file, int pid, struct upr_error *err);

/** upr_lib_name_fits() - is a file called @base (no directory) what @name (libc.so.6, libc, c) asks for */
bool upr_lib_name_fits(const char *name, const char *base);

#endif /* PERF_UTIL_SYMBOL_H */
