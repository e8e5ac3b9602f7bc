// SPDX-License-Identifier: GPL-2.0
/*
 * test-symbols.c - the list of functions, out of every kind of file.
 */
#include <elf.h>
#include <link.h>

#include "../../../tools/perf/util/symbol-priv.h"
#include "../decoder/random-bytes.h"
#include "targets.h"

static size_t count_entries(struct upr_elf *elf)
{
	const struct upr_func *f;
	size_t nr, i, n = 0;

	f = upr_elf_funcs(elf, &nr, NULL);
	for (i = 0; i < nr; i++)
		n += f[i].entry;
	return n;
}

static void check_info(const char *name, int type, bool pie, bool is_static, bool is_exec)
{
	struct upr_elf *elf = target_open(name);
	const struct upr_elf_info *info;

	if (!elf)
		return;
	info = upr_elf_info(elf);
	ok(info->type == type && info->is_pie == pie && info->is_static == is_static && info->is_exec == is_exec,
	   "%s: type %d, pie %d, static %d, executable %d", name, info->type, info->is_pie, info->is_static,
	   info->is_exec);
	upr_elf_close(elf);
}

static void test_info(void)
{
	struct upr_elf *elf;

	check_info("pie", ET_DYN, true, false, true);
	check_info("nopie", ET_EXEC, false, false, true);
	check_info("static", ET_EXEC, false, true, true);
	check_info("static-pie", ET_DYN, true, true, true);
	check_info("shared", ET_DYN, false, false, false);
	elf = target_open("shared");
	if (elf) {
		const struct upr_elf_info *info = upr_elf_info(elf);

		is_str(info->soname, "libshared.so.3", "soname");
		ok(info->nr_needed == 1 && !strcmp(info->needed[0], "libc.so.6"), "needed libraries");
		ok(!info->interp, "a library has no interpreter");
	}
	upr_elf_close(elf);
	elf = target_open("pie");
	if (elf) {
		is_str(upr_elf_info(elf)->interp, "/lib64/ld-linux-x86-64.so.2", "interpreter");
		is_int(upr_elf_info(elf)->build_id_len, 20, "build-id");
	}
	upr_elf_close(elf);
	elf = target_open("m32");
	if (elf)
		ok(upr_elf_info(elf)->mode32 && upr_elf_info(elf)->machine == EM_386,
		   "a 32-bit program is known as one");
	upr_elf_close(elf);
}

/* Every flavour has the same functions under the same names. */
static void check_functions(const char *name)
{
	static const char *const plain[] = {"plain", "weak_one", "aliased", "other", "with_cold", "asm_typed"};
	struct upr_elf *elf = target_open(name);
	size_t i, sound = 0;

	if (!elf)
		return;
	for (i = 0; i < ARRAY_SIZE(plain); i++) {
		const struct upr_func *f = one_func(elf, plain[i]);
		u64 avail, back;

		if (!f)
			continue;
		sound += f->kind == UPR_SYM_FUNC && f->entry && f->size && !f->size_guessed &&
			 upr_elf_offset_to_addr(elf, f->offset, &back) && back == f->addr &&
			 upr_elf_bytes(elf, f->addr, &avail) && avail >= f->size &&
			 upr_elf_func_at(elf, f->addr) == f && upr_elf_func_at(elf, f->addr + f->size - 1) == f;
	}
	is_int(sound, ARRAY_SIZE(plain), name);
	upr_elf_close(elf);
}

static void test_names(void)
{
	struct upr_elf *elf = target_open("pie");
	const struct upr_func *f, *g;
	struct upr_matches m;
	struct upr_error err;
	size_t nr;

	if (!elf)
		return;
	upr_elf_funcs(elf, &nr, &err);
	f = one_func(elf, "aliased");
	g = one_func(elf, "aliased_too");
	ok(f && f == g && f->nr_names == 3, "aliases are one function with three names");
	ok(f && f->names[2].bind == UPR_BIND_LOCAL && !strcmp(f->names[2].name, "aliased_local"),
	   "the local name is last");
	f = one_func(elf, "weak_one");
	ok(f && f->names->bind == UPR_BIND_WEAK, "a weak function");
	upr_elf_find(elf, "dup_name", &m, &err);
	ok(m.nr == 2 && m.m[0].func->addr < m.m[1].func->addr, "two statics of one name are two functions, by address");
	upr_matches_free(&m);
	f = one_func(elf, "picked");
	ok(f && f->kind == UPR_SYM_IFUNC && f->entry, "an IFUNC");
	f = one_func(elf, "with_cold.cold");
	ok(f && f->kind == UPR_SYM_PART && !f->entry, "a split-off part is no function of its own");
	upr_elf_match(elf, "with_cold*", &m, &err);
	ok(m.nr == 1 && !strcmp(m.m[0].name->name, "with_cold"), "a wildcard leaves split-off parts out");
	upr_matches_free(&m);
	upr_elf_match(elf, "with_cold.c*", &m, &err);
	is_int(m.nr, 0, "even if it fits the part's name");
	upr_matches_free(&m);
	upr_elf_match(elf, "*.cold", &m, &err);
	is_int(m.nr, 1, "unless the wildcard spells it");
	upr_matches_free(&m);
	upr_elf_close(elf);
}

static void test_assembly(void)
{
	struct upr_elf *elf = target_open("pie");
	const struct upr_func *f, *g;
	struct upr_matches m;
	struct upr_error err;

	if (!elf)
		return;
	f = one_func(elf, "asm_nosize");
	g = one_func(elf, "asm_untyped");
	ok(f && g && f->size_guessed && f->addr + f->size == g->addr,
	   "a function without size ends where the next begins");
	ok(g && g->kind == UPR_SYM_LABEL && g->entry && g->size == 6, "a global label without type is a function");
	g = one_func(elf, "asm_inner_label");
	ok(f && g && !g->entry && upr_elf_func_at(elf, g->addr) == f, "a local label is not, and lies in its function");
	g = one_func(elf, "asm_local_cfi");
	ok(g && g->entry && g->size == 3 && !g->size_guessed, "a local label that has an unwind entry is");
	upr_elf_match(elf, "asm_*", &m, &err);
	is_int(m.nr, 9, "a wildcard finds nine functions of assembly");
	upr_matches_free(&m);
	upr_elf_close(elf);
}

/* The symbols of "pie" come from somewhere else, and are the same. */
static void check_substitute(const char *name, const char *debug_root, int source, const char *label)
{
	struct upr_elf_options opts = {.debug_root = debug_root};
	struct upr_error err = {0};
	struct upr_elf *elf, *whole = target_open("pie");
	const struct upr_func *f, *g;

	if (!whole)
		return;
	elf = upr_elf_open_opts(target(name), &opts, &err);
	if (!ok(elf != NULL, "%s opens", label)) {
		diag("%s", err.text);
	} else {
		f = one_func(elf, "with_cold");
		g = one_func(whole, "with_cold");
		ok(f && g && f->addr == g->addr && f->offset == g->offset && f->size == g->size && f->source == source,
		   "%s: the same function", label);
		is_int(count_entries(elf), count_entries(whole), label);
	}
	upr_elf_close(elf);
	upr_elf_close(whole);
}

/* Nothing there is to be believed: only the unwind table is left. */
static void check_stripped(const char *name, const char *debug_root, const char *label)
{
	struct upr_elf_options opts = {.debug_root = debug_root};
	struct upr_elf *elf = upr_elf_open_opts(target(name), &opts, NULL);
	struct upr_matches m = {0};
	char fn[64] = "";
	size_t nr;

	ok(elf && !upr_elf_find(elf, "with_cold", &m, NULL) && !m.nr && !upr_elf_info(elf)->debug_file, "%s: not used",
	   label);
	upr_matches_free(&m);
	if (elf) {
		const struct upr_func *f = upr_elf_funcs(elf, &nr, NULL);
		struct upr_elf *whole = target_open("pie");
		const struct upr_func *with = whole ? one_func(whole, "with_cold") : NULL;

		ok(nr > 15 && f->kind == UPR_SYM_FDE, "%s: %zu functions from .eh_frame", label, nr);
		if (with) {
			snprintf(fn, sizeof(fn), "fn_0x%llx", (unsigned long long)with->addr);
			f = one_func(elf, fn);
			ok(f && f->size == with->size && f->entry, "%s: %s has its size from there", label, fn);
		}
		upr_elf_close(whole);
	}
	upr_elf_close(elf);
}

static void test_substitutes(void)
{
	char root[PATH_MAX], wrong[PATH_MAX];

	snprintf(root, sizeof(root), "%s", target("root"));
	snprintf(wrong, sizeof(wrong), "%s", target("wrongroot"));
	check_substitute("stripped", root, UPR_SRC_DEBUG_FILE, "debug file by build-id");
	check_substitute("link/linked", "/nonexistent", UPR_SRC_DEBUG_FILE, "debug file by debuglink, beside");
	check_substitute("dot/dotted", "/nonexistent", UPR_SRC_DEBUG_FILE, "debug file by debuglink, in .debug");
	if (access(target("mini"), R_OK))
		skip(".gnu_debugdata", "no xz to make it");
	else
		check_substitute("mini", "/nonexistent", UPR_SRC_DEBUGDATA, ".gnu_debugdata");
	check_stripped("stripped", "/nonexistent", "no debug file");
	check_stripped("stripped", wrong, "debug file of another build");
	check_stripped("badlink/badlink", "/nonexistent", "debug file with another CRC");
}

static void test_no_sections(void)
{
	struct upr_elf *elf = target_open("nosec-shared");
	const struct upr_func *f;

	if (!elf)
		return;
	f = one_func(elf, "plain");
	ok(f && f->source == UPR_SRC_DYNSYM && f->size, "exported names without section headers");
	upr_elf_close(elf);
}

static void test_versions(const char *name)
{
	struct upr_elf *elf = target_open(name);
	const struct upr_func *def, *old, *both;
	struct upr_matches m;
	struct upr_error err;
	char versions[128];

	if (!elf)
		return;
	def = one_func(elf, "versioned");
	old = one_func(elf, "versioned@VERS_1");
	both = one_func(elf, "versioned@@VERS_2");
	ok(def && old && def == both && old != def, "%s: the plain name means the default version", name);
	ok(def == one_func(elf, "versioned@VERS_2"), "%s: one @ will do for the default version", name);
	ok(one_func(elf, "retired") != NULL, "%s: a name that has only an old version is found", name);
	upr_elf_find(elf, "versioned@@VERS_1", &m, &err);
	is_int(m.nr, 0, "@@ insists on the default version");
	upr_matches_free(&m);
	upr_elf_versions(elf, "versioned", versions, sizeof(versions));
	ok(strstr(versions, "VERS_1") && strstr(versions, "VERS_2"), "%s: versions: %s", name, versions);
	upr_elf_match(elf, "vers*", &m, &err);
	ok(m.nr >= 2, "%s: a wildcard finds both", name);
	upr_matches_free(&m);
	upr_elf_close(elf);
}

static void test_segments(void)
{
	struct upr_elf *elf = target_open("odd");
	const struct upr_func *f, *g;
	u64 off, addr;

	if (!elf)
		return;
	f = one_func(elf, "in_first");
	g = one_func(elf, "in_second");
	ok(f && f->addr == 0x10000450 && (f->offset & 0xfff) == 0x450 && f->offset < 0x10000,
	   "first segment by its header");
	ok(g && g->addr == 0x70000130 && g->offset != f->offset && (g->offset & 0xfff) == 0x130,
	   "second segment by its header");
	ok(g && upr_elf_offset_to_addr(elf, g->offset, &addr) && addr == g->addr, "and back");
	ok(upr_elf_addr_to_offset(elf, 0x20000000, &off) && !upr_elf_is_text(elf, 0x20000000), "data is not text");
	ok(!upr_elf_addr_to_offset(elf, 0x30000000, &off) && !upr_elf_is_text(elf, 0),
	   "what is not mapped has no offset");
	upr_elf_close(elf);
}

/* --- boundaries -------------------------------------------------------- */

static void check_bounds(struct upr_elf *elf, const char *name, bool linear, const char *want)
{
	const struct upr_func *f = one_func(elf, name);
	struct upr_boundaries b;
	struct upr_error err;
	char got[256] = "";
	u64 i;

	if (!f || upr_func_boundaries(elf, f, &b, &err))
		return;
	for (i = 0; i < b.size && i < sizeof(got) - 1; i++)
		got[i] = ".LF?"[b.state[i]];
	is_str(got, want, name);
	is_int(b.linear, linear, linear ? "read linearly" : "read by control flow");
	upr_boundaries_free(&b);
}

static void test_bounds(void)
{
	struct upr_elf *elf = target_open("pie");

	if (!elf)
		return;
	check_bounds(elf, "asm_typed", true, "L.L");
	check_bounds(elf, "asm_nosize", true, "L..L..L");
	/* jmp over a table that does not decode */
	check_bounds(elf, "asm_table", false, "F.??????F....F");
	/* jmp over data that swallows the next instruction when read linearly */
	check_bounds(elf, "asm_swallow", false, "F.??F..FF");
	/* a jump behind the lock prefix */
	check_bounds(elf, "asm_overlap", false, "F.F.F???F");
	/* only an indirect jump leads behind the table */
	check_bounds(elf, "asm_switch", false, "F......F.????????");
	upr_elf_close(elf);
}

static void test_ifunc(const char *name)
{
	struct upr_elf *elf = target_open(name);
	const struct upr_func *f, *a, *b;
	u64 addrs[8];
	size_t n;

	if (!elf)
		return;
	f = one_func(elf, "picked");
	a = one_func(elf, "picked_a");
	b = one_func(elf, "picked_b");
	n = f ? upr_ifunc_candidates(elf, f, addrs, ARRAY_SIZE(addrs)) : 0;
	ok(n == 2 && a && b && addrs[0] == min(a->addr, b->addr) && addrs[1] == max(a->addr, b->addr),
	   "%s: the resolver returns one of two functions (%zu found)", name, n);
	upr_elf_close(elf);
}

/* --- demangled names --------------------------------------------------- */

static void check_find(struct upr_elf *elf, const char *name, size_t want)
{
	struct upr_matches m;
	struct upr_error err;

	if (upr_elf_find(elf, name, &m, &err))
		return;
	is_int(m.nr, want, name);
	upr_matches_free(&m);
}

static void test_cpp(void)
{
	struct upr_elf *elf = target_open("cpp");

	if (!elf)
		return;
	check_find(elf, "over", 2);
	check_find(elf, "over(int)", 1);
	check_find(elf, "_Z4overd", 1);
	check_find(elf, "ns::C::meth", 2);
	check_find(elf, "ns::C::meth(int) const", 1);
	check_find(elf, "ns::C::meth(int)", 1);
	check_find(elf, "ns::C::meth(int, char const*)", 1);
	check_find(elf, "ns::C::tm<int>", 1);
	check_find(elf, "int ns::C::tm<int>(int)", 1);
	check_find(elf, "ns::C::tm<long>(long)", 1);
	check_find(elf, "ns::C::tm", 2);
	check_find(elf, "ns::C::C", 1);
	check_find(elf, "ns::C::~C", 1);
	check_find(elf, "ns::C::operator+", 1);
	check_find(elf, "ns::C::operator==", 1);
	check_find(elf, "ns::C::operator<", 1);
	check_find(elf, "ns::C::operator()", 1);
	check_find(elf, "(anonymous namespace)::hidden_in_here", 1);
	check_find(elf, "c_linkage", 1);
	check_find(elf, "ns::C", 0);
	check_find(elf, "C::meth", 0);
	is_str(upr_elf_nearest(elf, "ns::C::mth"), "ns::C::meth", "the nearest method");
	is_str(upr_elf_nearest(elf, "meth"), "ns::C::meth", "a method by its own name");
	upr_elf_close(elf);
}

static void test_mangled(void)
{
	struct upr_elf *elf = target_open("names");

	if (elf) {
		check_find(elf, "shapes::twice", 1);
		check_find(elf, "_ZN6shapes5twice17h0123456789abcdefE", 1);
		check_find(elf, "<shapes::Square as shapes::Area>::area", 1);
		check_find(elf, "operator new", 1);
		check_find(elf, "operator new(unsigned long)", 1);
		check_find(elf, "std::vector<int, std::allocator<int> >::push_back", 1);
		check_find(elf, "std::vector::push_back", 1);
		check_find(elf, "ns::C::operator bool", 1);
		check_find(elf, "main::{lambda(int)#1}::operator()", 1);
		check_find(elf, "ns::abs", 1);
		check_find(elf, "_Zunmangled", 1);
		check_find(elf, "_Random_number", 1);
	}
	upr_elf_close(elf);
	elf = target_open("rust");
	if (elf) {
		check_find(elf, "target_rust::shapes::twice", 1);
		check_find(elf, "target_rust::shapes::generic::<u8>", 1);
		check_find(elf, "<target_rust::shapes::Square as target_rust::shapes::Area>::area", 1);
		is_str(upr_elf_nearest(elf, "twice"), "target_rust::shapes::twice", "a Rust function by its own name");
	}
	upr_elf_close(elf);
}

static void test_nearest(void)
{
	struct upr_elf *elf = target_open("pie");

	if (!elf)
		return;
	is_str(upr_elf_nearest(elf, "plian"), "plain", "two letters swapped");
	is_str(upr_elf_nearest(elf, "PLAIN"), "plain", "another case");
	is_str(upr_elf_nearest(elf, "with_c"), "with_cold", "the beginning of a name");
	ok(!upr_elf_nearest(elf, "qqqqqqqqq"), "nothing is like it");
	upr_elf_close(elf);
}

static void test_globs(void)
{
	ok(upr_has_glob("a*") && upr_has_glob("a?") && upr_has_glob("a[bc]d"), "wildcards are seen");
	ok(!upr_has_glob("a\\*") && !upr_has_glob("operator[]") && !upr_has_glob("a[") && !upr_has_glob(""),
	   "what is none is not");
	ok(upr_glob_match("a[b-d]?*", "acxyz") && !upr_glob_match("a[b-d]?", "aexx") && upr_glob_match("a\\*", "a*"),
	   "they match as the shell's do");
}

/* --- lengths at speed, against the decoder -------------------------------------------- */

struct tally {
	unsigned long asked, insns, wrong;
};

static bool is_direct(const struct upr_insn *insn)
{
	return insn->branch == UPR_BR_JMP || insn->branch == UPR_BR_JCC || insn->branch == UPR_BR_LOOP ||
	       insn->branch == UPR_BR_CALL || insn->branch == UPR_BR_XBEGIN;
}

static void measure_one(struct tally *t, const u8 *p, size_t len, u64 addr, enum upr_insn_mode mode)
{
	struct upr_measure m;
	struct upr_insn insn;
	bool known = !upr_insn_decode(&insn, p, len, mode), odd;

	t->asked++;
	t->insns += known;
	if (upr_measure(&m, p, len, addr, mode) != known) {
		t->wrong++;
	} else if (known) {
		odd = insn.branch == UPR_BR_FAR ||
		      ((insn.attr & UPR_INSN_PRIV) && (insn.map != UPR_MAP_1B || insn.opcode != 0xf4));
		t->wrong += m.length != insn.length || m.direct != is_direct(&insn) || m.odd != odd ||
			    (m.direct && m.target != upr_insn_target(&insn, addr));
	}
}

/* Every byte of every library in this process, as if an instruction began there. */
static int measure_text(struct dl_phdr_info *info, size_t size, void *data)
{
	size_t i;
	u64 at;

	for (i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		const u8 *text = (const u8 *)(info->dlpi_addr + ph->p_vaddr);

		if (ph->p_type != PT_LOAD || !(ph->p_flags & PF_X) || !(ph->p_flags & PF_R) || !info->dlpi_name[0])
			continue;
		for (at = 0; at < ph->p_filesz; at++)
			measure_one(data, text + at, ph->p_filesz - at, ph->p_vaddr + at, UPR_INSN_64);
	}
	return 0;
}

/* Beginnings that come again with other bytes behind them. */
static void measure_random(struct tally *t, enum upr_insn_mode mode)
{
	struct random_bytes r = {.state = 7};
	u8 buf[UPR_INSN_MAX + 5];
	unsigned int i, k, n;

	for (i = 0; i < 200000; i++) {
		random_instruction(&r, buf, sizeof(buf), mode);
		for (k = 0; k < 4; k++) {
			measure_one(t, buf, sizeof(buf) - (k == 3 ? 8 : 0), 0x400000 + i, mode);
			for (n = 1 + random_u64(&r) % 5; n < sizeof(buf); n++)
				buf[n] = (u8)random_u64(&r);
		}
	}
}

static void test_measure(void)
{
	struct tally t = {0};

	dl_iterate_phdr(measure_text, &t);
	ok(t.insns > 1000000 && !t.wrong,
	   "measured in libraries: %lu places, %lu instructions, %lu otherwise than decoded", t.asked, t.insns,
	   t.wrong);
	t = (struct tally){0};
	measure_random(&t, UPR_INSN_64);
	measure_random(&t, UPR_INSN_32);
	ok(t.insns > 300000 && !t.wrong, "and %lu random beginnings, %lu instructions, %lu wrong", t.asked, t.insns,
	   t.wrong);
}

int main(int argc, char **argv)
{
	(void)argc;
	targets_init(argv[0]);
	test_info();
	check_functions("pie");
	check_functions("nopie");
	check_functions("static");
	check_functions("static-pie");
	check_functions("shared");
	test_names();
	test_assembly();
	test_substitutes();
	test_no_sections();
	test_versions("libversion.so.1");
	test_versions("libversion-stripped.so.1");
	test_segments();
	test_bounds();
	test_ifunc("pie");
	test_ifunc("nopie");
	test_ifunc("static");
	test_cpp();
	test_mangled();
	test_nearest();
	test_globs();
	test_measure();
	return done_testing();
}
