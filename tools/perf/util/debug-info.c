// SPDX-License-Identifier: GPL-2.0
/*
 * debug-info.c - the DWARF of a file.
 *
 * Purpose: see debug-info.h.
 *
 * Locks: none.
 */
#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fnmatch.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "debug-cu.h"
#include "debug-info.h"

/* --- the file ----------------------------------------------------------------- */

int debug_info_open(struct debug_info *di, const char *path)
{
	static char *search_path; /* elfutils' own: what the system has it configured to */
	static const Dwfl_Callbacks callbacks = {
		.find_debuginfo = dwfl_standard_find_debuginfo,
		.section_address = dwfl_offline_section_address,
		.debuginfo_path = &search_path,
	};
	Dwarf_Addr bias;
	GElf_Addr elf_bias;
	Elf *elf;

	*di = (struct debug_info){.dwfl = dwfl_begin(&callbacks)};
	if (!di->dwfl)
		return -ENOMEM;
	dwfl_report_begin(di->dwfl);
	/* addresses stay those of the file */
	di->mod = dwfl_report_elf(di->dwfl, "", path, -1, 0, false);
	dwfl_report_end(di->dwfl, NULL, NULL);
	if (di->mod)
		di->dwarf = dwfl_module_getdwarf(di->mod, &bias);
	if (!di->mod) {
		debug_info_close(di);
		return -ENOEXEC;
	}
	if (!di->dwarf || bias) {
		di->dwarf = NULL;
		return 0;
	}
	di->known = calloc(1, sizeof(*di->known));
	di->units = calloc(1, sizeof(*di->units));
	di->far = calloc(1, sizeof(*di->far));
	di->lacks = calloc(1, sizeof(*di->lacks));
	if (!di->known || !di->units || !di->far || !di->lacks) {
		debug_info_close(di);
		return -ENOMEM;
	}
	if (!debug_units_open(di->units, di->dwarf)) {
		free(di->units);
		di->units = NULL;
	}
	elf = dwfl_module_getelf(di->mod, &elf_bias);
	di->cfi_eh = elf ? dwarf_getcfi_elf(elf) : NULL;
	di->cfi_dbg = dwarf_getcfi(di->dwarf);
	return 0;
}

void debug_info_close(struct debug_info *di)
{
	if (di->cfi_eh)
		dwarf_cfi_end(di->cfi_eh);
	if (di->units)
		debug_units_close(di->units);
	if (di->known)
		debug_cus_forget(di->known);
	if (di->far)
		free(di->far->v);
	if (di->lacks)
		free(*di->lacks);
	free(di->lacks);
	free(di->far);
	free(di->units);
	free(di->known);
	dwfl_end(di->dwfl);
	*di = (struct debug_info){0};
}

/* The file that it names has the rest. */
static void note_lack(const struct debug_info *di, Dwarf_Die *skeleton)
{
	Dwarf_Attribute attr;
	const char *name, *dir;

	if (*di->lacks ||
	    (!dwarf_attr(skeleton, DW_AT_dwo_name, &attr) && !dwarf_attr(skeleton, DW_AT_GNU_dwo_name, &attr)))
		return;
	name = dwarf_formstring(&attr);
	dir = dwarf_formstring(dwarf_attr(skeleton, DW_AT_comp_dir, &attr));
	if (!name)
		return;
	if (!dir || *name == '/')
		dir = "";
	if (asprintf(di->lacks,
		     "%s%s%s has its debug information (split DWARF) and cannot be found or read: put it there or beside "
		     "the program; a .dwp file cannot be read, nor can gcc's type units in a .dwo file",
		     dir, *dir ? "/" : "", name) < 0)
		*di->lacks = NULL;
}

/* What dwz has moved to a file that several programs share. */
static void note_shared(const struct debug_info *di)
{
	const void *id;
	const char *name;

	if (dwelf_dwarf_gnu_debugaltlink(di->dwarf, &name, &id) <= 0 || dwarf_getalt(di->dwarf))
		return;
	if (asprintf(di->lacks,
		     "%s has part of its debug information (dwz) and cannot be found or read: put it beside the "
		     "program or where it was",
		     name) < 0)
		*di->lacks = NULL;
}

const char *debug_info_lacks(const struct debug_info *di)
{
	if (!di->lacks)
		return NULL;
	if (!*di->lacks)
		note_shared(di);
	return *di->lacks;
}

/* A skeleton has little more than its addresses: libdw opens the file with the rest. */
static void take_split(const struct debug_info *di, Dwarf_Die *cu)
{
	Dwarf_Die split;
	uint8_t type;

	if (dwarf_cu_info(cu->cu, NULL, &type, NULL, &split, NULL, NULL, NULL) || type != DW_UT_skeleton)
		return;
	if (split.addr)
		*cu = split;
	else
		note_lack(di, cu);
}

bool debug_info_unit(const struct debug_info *di, Dwarf_Off off, Dwarf_Die *cu)
{
	if (!dwarf_offdie(di->dwarf, off, cu))
		return false;
	take_split(di, cu);
	return true;
}

bool debug_info_next_cu(const struct debug_info *di, Dwarf_Off *off, Dwarf_Die *cu)
{
	Dwarf_Off at = *off;
	size_t header;

	while (!dwarf_nextcu(di->dwarf, at, off, &header, NULL, NULL, NULL)) {
		if (debug_info_unit(di, at + header, cu))
			return true;
		at = *off;
	}
	return false;
}

/* By its ranges, or, since compilers need not give any, by its functions. */
static bool cu_has(Dwarf_Die *cu, Dwarf_Addr addr)
{
	Dwarf_Die mem;

	if (dwarf_hasattr(cu, DW_AT_ranges) || dwarf_hasattr(cu, DW_AT_high_pc))
		return dwarf_haspc(cu, addr) > 0;
	return die_function_at(cu, addr, &mem) != NULL;
}

bool debug_info_cu_at(const struct debug_info *di, Dwarf_Addr addr, Dwarf_Die *cu)
{
	Dwarf_Off off = 0;

	if (dwarf_addrdie(di->dwarf, addr, cu)) {
		take_split(di, cu);
		return true;
	}
	while (debug_info_next_cu(di, &off, cu))
		if (cu_has(cu, addr))
			return true;
	return false;
}

/* --- unwind tables ------------------------------------------------------------- */

/* libdw makes room for as many registers as the highest one that is named: hundreds of MB in damaged tables. */
#define FRAME_MAX (64u << 10)

Dwarf_Frame *debug_info_frame(const struct debug_info *di, Dwarf_Addr pc)
{
	Dwarf_CFI *const tables[] = {di->cfi_eh, di->cfi_dbg};
	Dwarf_Frame *frame;
	size_t i;

	for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		if (!tables[i] || dwarf_cfi_addrframe(tables[i], pc, &frame))
			continue;
		if (malloc_usable_size(frame) <= FRAME_MAX)
			return frame;
		free(frame);
	}
	return NULL;
}

/* --- one entry ----------------------------------------------------------------- */

Dwarf_Die *die_beside(const Dwarf_Die *die, Dwarf_Off off, Dwarf_Die *mem)
{
	return dwarf_offdie(dwarf_cu_getdwarf(die->cu), off, mem);
}

int die_entry(Dwarf_Die *die, Dwarf_Addr *ret)
{
	Dwarf_Addr base, end;

	if (!dwarf_entrypc(die, ret) && *ret)
		return 0;
	/* of several pieces, the first */
	return dwarf_ranges(die, 0, &base, ret, &end) > 0 ? 0 : -ENOENT;
}

static Dwarf_Attribute *attr_of(Dwarf_Die *die, unsigned int name, Dwarf_Attribute *mem)
{
	return dwarf_attr_integrate(die, name, mem);
}

/* Files are numbered in the unit that says so; the first of all is number 1, and since DWARF 5 also number 0. */
static const char *file_of(Dwarf_Die *die, unsigned int name)
{
	Dwarf_Attribute mem, *attr = attr_of(die, name, &mem);
	Dwarf_Files *files;
	Dwarf_Half version;
	Dwarf_Word index;
	Dwarf_Die cu;

	if (dwarf_formudata(attr, &index) || !dwarf_cu_die(attr->cu, &cu, &version, NULL, NULL, NULL, NULL, NULL) ||
	    (!index && version < 5) || dwarf_getsrcfiles(&cu, &files, NULL))
		return NULL;
	return dwarf_filesrc(files, index, NULL, NULL);
}

const char *die_decl_file(Dwarf_Die *die)
{
	return file_of(die, DW_AT_decl_file);
}

const char *die_call_file(Dwarf_Die *die)
{
	return file_of(die, DW_AT_call_file);
}

int die_decl_line(Dwarf_Die *die)
{
	int line;

	return dwarf_decl_line(die, &line) ? 0 : line;
}

int die_call_line(Dwarf_Die *die)
{
	Dwarf_Attribute mem;
	Dwarf_Word line;

	return dwarf_formudata(attr_of(die, DW_AT_call_line, &mem), &line) ? 0 : (int)line;
}

bool die_is_function(Dwarf_Die *die)
{
	return dwarf_tag(die) == DW_TAG_subprogram && !dwarf_hasattr(die, DW_AT_declaration);
}

bool die_is_instance(Dwarf_Die *die)
{
	Dwarf_Addr entry;

	if (dwarf_tag(die) != DW_TAG_inlined_subroutine && dwarf_tag(die) != DW_TAG_subprogram)
		return false;
	return !die_entry(die, &entry);
}

bool is_glob(const char *s)
{
	return strpbrk(s, "*?[") != NULL;
}

bool die_has_name(Dwarf_Die *die, const char *name)
{
	const char *own = dwarf_diename(die), *linkage;
	Dwarf_Attribute mem;

	if (own && !fnmatch(name, own, 0))
		return true;
	linkage = dwarf_formstring(attr_of(die, DW_AT_linkage_name, &mem));
	return linkage && !fnmatch(name, linkage, 0);
}

bool die_is_signed(Dwarf_Die *type)
{
	Dwarf_Attribute mem;
	Dwarf_Word encoding;

	if (dwarf_formudata(attr_of(type, DW_AT_encoding, &mem), &encoding))
		return false;
	return encoding == DW_ATE_signed_char || encoding == DW_ATE_signed || encoding == DW_ATE_signed_fixed;
}

/* --- types ----------------------------------------------------------------------- */

Dwarf_Die *die_type(Dwarf_Die *die, Dwarf_Die *mem)
{
	Dwarf_Attribute attr;
	Dwarf_Die whole;

	if (!attr_of(die, DW_AT_type, &attr) || !dwarf_formref_die(&attr, mem))
		return NULL;
	/* the unit has a declaration of it, without a name; a type unit has the type */
	if (dwarf_attr(mem, DW_AT_signature, &attr) && dwarf_formref_die(&attr, &whole))
		*mem = whole;
	return mem;
}

Dwarf_Die *die_real_type(Dwarf_Die *die, Dwarf_Die *mem)
{
	unsigned int i = 0;
	int tag;

	do {
		die = i++ < DIE_CHAIN_MAX ? die_type(die, mem) : NULL;
		tag = die ? dwarf_tag(die) : 0;
	} while (tag == DW_TAG_const_type || tag == DW_TAG_volatile_type || tag == DW_TAG_restrict_type ||
		 tag == DW_TAG_atomic_type || tag == DW_TAG_shared_type || tag == DW_TAG_typedef);
	return die;
}

/* --- looking for one ---------------------------------------------------------------- */

static Dwarf_Die *find_below(Dwarf_Die *parent, enum die_walk (*visit)(Dwarf_Die *die, void *data), void *data,
			     Dwarf_Die *mem, unsigned int depth)
{
	Dwarf_Die child, below;

	if (depth == DIE_CHAIN_MAX || dwarf_child(parent, &child))
		return NULL;
	do {
		enum die_walk next = visit(&child, data);

		if (next == DIE_END) {
			*mem = child;
			return mem;
		}
		if ((next == DIE_CHILDREN || next == DIE_CONTINUE) &&
		    find_below(&child, visit, data, &below, depth + 1)) {
			*mem = below;
			return mem;
		}
	} while (!dwarf_siblingof(&child, &child));
	return NULL;
}

Dwarf_Die *die_find(Dwarf_Die *parent, enum die_walk (*visit)(Dwarf_Die *die, void *data), void *data, Dwarf_Die *mem)
{
	return find_below(parent, visit, data, mem, 0);
}

struct by_name {
	const char *name;
	Dwarf_Addr addr;
};

static enum die_walk visit_variable(Dwarf_Die *die, void *data)
{
	const struct by_name *by = data;
	int tag = dwarf_tag(die);
	const char *name;

	if (tag == DW_TAG_formal_parameter || tag == DW_TAG_variable) {
		name = dwarf_diename(die);
		if (name && !strcmp(name, by->name) && !dwarf_hasattr(die, DW_AT_declaration))
			return DIE_END;
	}
	if (tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine)
		return DIE_SIBLING;
	return by->addr && dwarf_haspc(die, by->addr) > 0 ? DIE_CONTINUE : DIE_SIBLING;
}

Dwarf_Die *die_variable_at(Dwarf_Die *die, const char *name, Dwarf_Addr addr, Dwarf_Die *mem)
{
	struct by_name by = {name, addr};

	return die_find(die, visit_variable, &by, mem);
}

/**
 * struct member_search - for one of a name
 * @depth:	structures without a name around those that are looked at
 * @left:	so many more are looked at
 */
struct member_search {
	const char *name;
	unsigned int depth;
	unsigned int left;
};

static enum die_walk visit_member(Dwarf_Die *die, void *data);

static bool is_within(Dwarf_Die *unnamed, struct member_search *s)
{
	Dwarf_Die type, found;
	bool ret;

	if (s->depth == DIE_CHAIN_MAX || !die_real_type(unnamed, &type))
		return false;
	s->depth++;
	ret = die_find(&type, visit_member, s, &found);
	s->depth--;
	return ret;
}

static enum die_walk visit_member(Dwarf_Die *die, void *data)
{
	struct member_search *s = data;
	const char *name;

	if (dwarf_tag(die) != DW_TAG_member || !s->left)
		return DIE_SIBLING;
	s->left--;
	name = dwarf_diename(die);
	return (name ? !strcmp(name, s->name) : is_within(die, s)) ? DIE_END : DIE_SIBLING;
}

Dwarf_Die *die_member(Dwarf_Die *type, const char *name, Dwarf_Die *mem)
{
	struct member_search s = {.name = name, .left = DIE_MEMBERS_MAX};

	return die_find(type, visit_member, &s, mem);
}

static enum die_walk visit_inlined(Dwarf_Die *die, void *data)
{
	const Dwarf_Addr *addr = data;

	if (dwarf_tag(die) == DW_TAG_inlined_subroutine && dwarf_haspc(die, *addr) > 0)
		return DIE_END;
	return DIE_CONTINUE;
}

Dwarf_Die *die_outer_inlined_at(Dwarf_Die *die, Dwarf_Addr addr, Dwarf_Die *mem)
{
	return die_find(die, visit_inlined, &addr, mem);
}

Dwarf_Die *die_inlined_at(Dwarf_Die *die, Dwarf_Addr addr, Dwarf_Die *mem)
{
	Dwarf_Die inner, *found = NULL;

	while (die_find(die, visit_inlined, &addr, &inner)) {
		*mem = inner;
		found = die = mem;
	}
	return found;
}

struct at_addr {
	Dwarf_Addr addr;
	Dwarf_Die *mem;
	bool found;
};

static int visit_function(Dwarf_Die *die, void *data)
{
	struct at_addr *at = data;

	if (dwarf_tag(die) != DW_TAG_subprogram || dwarf_haspc(die, at->addr) <= 0)
		return DWARF_CB_OK;
	*at->mem = *die;
	at->found = true;
	return DWARF_CB_ABORT;
}

Dwarf_Die *die_function_at(Dwarf_Die *cu, Dwarf_Addr addr, Dwarf_Die *mem)
{
	struct at_addr at = {.addr = addr, .mem = mem};

	dwarf_getfuncs(cu, visit_function, &at, 0);
	return at.found ? mem : NULL;
}

/* --- lines -------------------------------------------------------------------------------- */

struct line_walk {
	die_line_fn fn;
	void *data;
	int ret;
};

static enum die_walk visit_call_line(Dwarf_Die *die, void *data)
{
	struct line_walk *w = data;
	Dwarf_Addr addr;

	if (dwarf_tag(die) == DW_TAG_inlined_subroutine) {
		const char *file = die_call_file(die);
		int line = die_call_line(die);

		if (file && line > 0 && !die_entry(die, &addr)) {
			w->ret = w->fn(file, line, addr, w->data);
			if (w->ret)
				return DIE_END;
		}
	}
	return DIE_CONTINUE;
}

/* The line of its declaration stands for its entry, that of a call for where the inlined code begins. */
static int function_lines(Dwarf_Die *function, die_line_fn fn, void *data)
{
	struct line_walk w = {.fn = fn, .data = data};
	const char *file = die_decl_file(function);
	int line = die_decl_line(function);
	Dwarf_Addr addr;
	Dwarf_Die mem;

	if (file && line && !die_entry(function, &addr)) {
		w.ret = fn(file, line, addr, data);
		if (w.ret)
			return w.ret;
	}
	die_find(function, visit_call_line, &w, &mem);
	return w.ret;
}

static int visit_lines_of_function(Dwarf_Die *die, void *data)
{
	struct line_walk *w = data;

	if (!die_is_instance(die))
		return DWARF_CB_OK;
	w->ret = function_lines(die, w->fn, w->data);
	return w->ret ? DWARF_CB_ABORT : DWARF_CB_OK;
}

/* Does the statement at @addr belong to @function itself? */
static bool is_own_line(Dwarf_Die *function, Dwarf_Addr addr, int line)
{
	const char *file = die_decl_file(function), *from;
	Dwarf_Die inlined;

	if (dwarf_haspc(function, addr) <= 0)
		return false;
	if (!die_outer_inlined_at(function, addr, &inlined) || !die_inlined_at(function, addr, &inlined))
		return true;
	from = die_call_file(&inlined);
	if (from && file && !strcmp(from, file) && die_call_line(&inlined) == line)
		return true;
	from = die_decl_file(&inlined);
	return die_decl_line(&inlined) == die_decl_line(function) &&
	       (from == file || (from && file && !strcmp(from, file)));
}

static bool is_statement(Dwarf_Line *line, int *number, Dwarf_Addr *addr)
{
	bool end, statement;

	return line && !dwarf_lineno(line, number) && !dwarf_lineaddr(line, addr) &&
	       !dwarf_lineendsequence(line, &end) && !end && !dwarf_linebeginstatement(line, &statement) && statement;
}

/* The index of the first one that is not below @addr: they are sorted. */
static size_t first_line(Dwarf_Lines *lines, size_t nr, Dwarf_Addr addr)
{
	size_t lo = 0, hi = nr;
	Dwarf_Addr at;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (!dwarf_lineaddr(dwarf_onesrcline(lines, mid), &at) && at < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* The lines from *from to *to have all that are in the code of @die. */
static void lines_around(Dwarf_Die *die, Dwarf_Lines *lines, size_t *from, size_t *to)
{
	Dwarf_Addr base, begin, end, first = -1, last = 0;
	ptrdiff_t off = 0;

	while ((off = dwarf_ranges(die, off, &base, &begin, &end)) > 0) {
		first = begin < first ? begin : first;
		last = end > last ? end : last;
	}
	*to = first_line(lines, *to, last);
	*from = first_line(lines, *to, first);
}

int die_each_line(Dwarf_Die *die, die_line_fn fn, void *data)
{
	bool whole = dwarf_tag(die) == DW_TAG_compile_unit;
	struct line_walk w = {.fn = fn, .data = data};
	Dwarf_Die mem, *cu = whole ? die : dwarf_diecu(die, &mem, NULL, NULL);
	Dwarf_Lines *lines;
	const char *file;
	Dwarf_Addr addr;
	size_t nr, i = 0;
	int number, r;

	if (!cu || dwarf_getsrclines(cu, &lines, &nr))
		return -ENOENT;
	if (!whole)
		lines_around(die, lines, &i, &nr);
	for (; i < nr; i++) {
		Dwarf_Line *line = dwarf_onesrcline(lines, i);

		if (!is_statement(line, &number, &addr) || (!whole && !is_own_line(die, addr, number)))
			continue;
		file = dwarf_linesrc(line, NULL, NULL);
		r = file ? fn(file, number, addr, data) : 0;
		if (r)
			return r;
	}
	if (!whole)
		return function_lines(die, fn, data);
	dwarf_getfuncs(cu, visit_lines_of_function, &w, 0);
	return w.ret;
}

/* The first statement at @addr among lines sorted by address. */
static Dwarf_Line *line_at(Dwarf_Die *cu, Dwarf_Addr addr)
{
	Dwarf_Lines *lines;
	Dwarf_Addr at;
	size_t nr, lo;
	int number;

	if (dwarf_getsrclines(cu, &lines, &nr) || !nr)
		return NULL;
	lo = first_line(lines, nr, addr);
	/* between two of them it is the one before */
	if (lo == nr || dwarf_lineaddr(dwarf_onesrcline(lines, lo), &at) || at > addr) {
		if (!lo || dwarf_lineaddr(dwarf_onesrcline(lines, lo - 1), &addr))
			return NULL;
		while (lo && !dwarf_lineaddr(dwarf_onesrcline(lines, lo - 1), &at) && at == addr)
			lo--;
	}
	for (; lo < nr; lo++) {
		Dwarf_Line *line = dwarf_onesrcline(lines, lo);

		if (dwarf_lineaddr(line, &at) || at > addr)
			return NULL;
		if (is_statement(line, &number, &at))
			return line;
	}
	return NULL;
}

bool cu_line_at(const struct debug_info *di, Dwarf_Die *cu, Dwarf_Addr addr, const char **file, int *number)
{
	Dwarf_Addr entry;
	Dwarf_Die mem;
	Dwarf_Line *line;

	if (cu_function_at(di, cu, addr, &mem) && !die_entry(&mem, &entry) && entry == addr) {
		*file = die_decl_file(&mem);
		*number = die_decl_line(&mem);
	} else {
		line = line_at(cu, addr);
		if (!line || dwarf_lineno(line, number))
			return false;
		*file = dwarf_linesrc(line, NULL, NULL);
	}
	return *file && *number;
}

/* --- units ------------------------------------------------------------------------------------ */

bool cu_is_optimized(Dwarf_Die *cu)
{
	Dwarf_Attribute mem;
	const char *producer = dwarf_formstring(attr_of(cu, DW_AT_producer, &mem));

	return producer && strstr(producer, " -O") && !strstr(producer, " -O0");
}

void cu_skip_prologue(const struct debug_info *di, Dwarf_Die *cu, Dwarf_Addr *addr)
{
	Dwarf_Addr end, at, entry = *addr, next = 0;
	Dwarf_Lines *lines;
	Dwarf_Die function;
	size_t nr, i;
	bool flag;

	if (!cu_function_at(di, cu, entry, &function) || dwarf_highpc(&function, &end) ||
	    dwarf_getsrclines(cu, &lines, &nr))
		return;
	for (i = first_line(lines, nr, entry); i < nr; i++) {
		Dwarf_Line *line = dwarf_onesrcline(lines, i);

		if (dwarf_lineaddr(line, &at) || at < entry)
			continue;
		if (at >= end)
			break;
		if (!dwarf_lineprologueend(line, &flag) && flag) {
			*addr = at;
			return;
		}
		if (!next && at > entry)
			next = at;
	}
	if (next)
		*addr = next;
}

bool path_ends_like(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b);

	return la > lb ? !strcmp(a + la - lb, b) : !strcmp(b + lb - la, a);
}

const char *cu_file(Dwarf_Die *cu, const char *tail)
{
	Dwarf_Files *files;
	size_t nr, i;

	if (dwarf_getsrcfiles(cu, &files, &nr))
		return NULL;
	for (i = 0; i < nr; i++) {
		const char *file = dwarf_filesrc(files, i, NULL, NULL);

		if (file && path_ends_like(file, tail))
			return file;
	}
	return NULL;
}
