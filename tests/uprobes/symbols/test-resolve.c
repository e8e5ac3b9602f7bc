// SPDX-License-Identifier: GPL-2.0
/*
 * test-resolve.c - definitions: what they mean, how their events are called,
 * and the sentence for each that means nothing.
 */
#include <sys/stat.h>

#include "targets.h"

/* Events as "group:event=symbol+off,symbol+off; ..." */
static void show(const struct upr_event_list *list, size_t from, char *buf, size_t len)
{
	size_t i, n = 0;
	u32 j;

	*buf = '\0';
	for (i = from; i < list->nr && n < len; i++) {
		const struct upr_event *ev = &list->events[i];

		n += snprintf(buf + n, len - n, "%s%s:%s=", i > from ? "; " : "", ev->group, ev->event);
		for (j = 0; j < ev->nr_sites && n < len; j++) {
			const struct upr_site *s = &ev->sites[j];

			n += snprintf(buf + n, len - n, "%s%s+%llu%s", j ? "," : "", s->symbol ? s->symbol : "?",
				      (unsigned long long)s->func_off, s->ifunc ? "(ifunc)" : "");
		}
	}
}

/* One case; each starts with an empty list, so that names do not clash. */
struct resolve_case {
	const char *file;
	const char *def;
	const char *want; /* events as show() writes them, or part of the error's text */
	int error;	  /* enum upr_error_kind */
};

static const struct resolve_case cases[] = {
	/* plain functions, and what perf calls their events */
	{"pie", "plain", "probe_pie:plain=plain+0", 0},
	{"pie", " plain ", "probe_pie:plain=plain+0", 0},
	{"pie", "plain+0", "probe_pie:plain=plain+0", 0},
	{"static-pie", "plain", "probe_static:plain=plain+0", 0},
	{"libversion.so.1", "steady", "probe_libversion:steady=steady+0", 0},
	{"pie", "ev=plain", "probe_pie:ev=plain+0", 0},
	{"pie", "grp:ev=plain", "grp:ev=plain+0", 0},
	{"pie", "dup_name", "probe_pie:dup_name=dup_name+0,dup_name+0", 0},
	{"pie", "picked", "probe_pie:picked=picked+0(ifunc)", 0},
	{"pie", "with_cold.cold", "probe_pie:with_cold=with_cold.cold+0", 0},
	{"pie", "asm_inner_label", "probe_pie:asm_inner_label=asm_inner_label+0", 0},
	{"names", ".dotted.name", "probe_names:dotted=.dotted.name+0", 0},
	{"names", "9digit", "probe_names:_9digit=9digit+0", 0},
	{"names", "with space", "probe_names:with_space=with space+0", 0},
	{"libversion.so.1", "versioned@VERS_1", "probe_libversion:versioned=versioned+0", 0},
	{"libversion.so.1", "versioned\\@VERS_1", "probe_libversion:versioned=versioned+0", 0},
	{"libversion.so.1", "versioned@@VERS_2", "probe_libversion:versioned=versioned+0", 0},
	{"libversion.so.1", "versioned@*", "probe_libversion:versioned=versioned+0,versioned+0", 0},
	{"pie", "plain@*", "probe_pie:plain=plain+0", 0},
	/* in quotes nothing has a meaning of its own */
	{"pie", "\"plain\"", "probe_pie:plain=plain+0", 0},
	{"pie", "ev='plain'+0", "probe_pie:ev=plain+0", 0},
	{"names", "\".dotted.name\"", "probe_names:dotted=.dotted.name+0", 0},
	{"names", "'with space'", "probe_names:with_space=with space+0", 0},
	/* the alias that was asked for, else the first global name */
	{"pie", "aliased_local", "probe_pie:aliased_local=aliased_local+0", 0},
	{"pie", "aliased*", "probe_pie:aliased=aliased+0", 0},
	{"pie", "*ed_local", "probe_pie:aliased_local=aliased_local+0", 0},
	/* wildcards: an event per name, functions of one name together */
	{"pie", "du?_name", "probe_pie:dup_name=dup_name+0,dup_name+0", 0},
	{"pie", "asm_t[ay]*", "probe_pie:asm_typed=asm_typed+0; probe_pie:asm_table=asm_table+0", 0},
	{"pie", "g:all=asm_t*", "g:all=asm_typed+0; g:all_1=asm_table+0", 0},
	{"libversion.so.1", "versioned*",
	 "probe_libversion:versioned_old=versioned_old+0; probe_libversion:versioned=versioned+0", 0},
	{"cpp", "over*", "probe_cpp:over=over(int)+0; probe_cpp:over_1=over(double)+0", 0},
	{"cpp", "ns::C::tm*",
	 "probe_cpp:ns__C__tm_int_=int ns::C::tm<int>(int)+0; probe_cpp:ns__C__tm_long_=long ns::C::tm<long>(long)+0",
	 0},
	/* C++ */
	{"cpp", "_Z4overi", "probe_cpp:_Z4overi=over(int)+0", 0},
	{"cpp", "over(int)", "probe_cpp:over=over(int)+0", 0},
	{"cpp", "over", "probe_cpp:over=over(int)+0,over(double)+0", 0},
	{"cpp", "ns::C::meth(int) const", "probe_cpp:ns__C__meth=ns::C::meth(int) const+0", 0},
	{"cpp", "ns\\:\\:C\\:\\:meth(int)", "probe_cpp:ns__C__meth=ns::C::meth(int) const+0", 0},
	{"cpp", "m1=ns::C::meth(int, char const*)", "probe_cpp:m1=ns::C::meth(int, char const*)+0", 0},
	{"cpp", "ns::C::operator==", "probe_cpp:ns__C__operator__=ns::C::operator==(ns::C const&) const+0", 0},
	{"cpp", "ns::C::operator+", "probe_cpp:ns__C__operator_=ns::C::operator+(int) const+0", 0},
	{"cpp", "ns::C::operator=", "probe_cpp:ns__C__operator_=ns::C::operator=(int)+0", 0},
	{"cpp", "a:b=ns::C::operator=(int)", "a:b=ns::C::operator=(int)+0", 0},
	{"cpp", "(anonymous namespace)::hidden_in_here",
	 "probe_cpp:_anonymous_namespace___hidden_in_here=(anonymous namespace)::hidden_in_here(int)+0", 0},
	{"names", "operator new(unsigned long)", "probe_names:operator_new=operator new(unsigned long)+0", 0},
	/* offsets */
	{"pie", "asm_nosize+3", "probe_pie:asm_nosize=asm_nosize+3", 0},
	{"pie", "asm_nosize+0x6", "probe_pie:asm_nosize=asm_nosize+6", 0},
	{"pie", "asm_nosize+1",
	 "asm_nosize+1 is inside an instruction; the nearest instructions begin at asm_nosize+0 and "
	 "asm_nosize+3",
	 UPR_ERR_OFFSET},
	{"pie", "asm_typed+3",
	 "offset 3 is beyond the end of asm_typed, which has 3 bytes; its last instruction is asm_typed+2",
	 UPR_ERR_OFFSET},
	{"pie", "asm_typed+99999999999999999", "beyond the end", UPR_ERR_OFFSET},
	{"pie", "asm_table+8", "probe_pie:asm_table=asm_table+8", 0},
	{"pie", "asm_table+3", "cannot prove that an instruction begins at asm_table+3", UPR_ERR_UNPROVABLE},
	{"pie", "asm_table+9", "the nearest instructions begin at asm_table+8 and asm_table+13", UPR_ERR_OFFSET},
	{"pie", "asm_swallow+4", "probe_pie:asm_swallow=asm_swallow+4", 0},
	{"pie", "asm_swallow+3", "cannot prove", UPR_ERR_UNPROVABLE},
	{"pie", "asm_overlap+5", "cannot prove", UPR_ERR_UNPROVABLE},
	{"pie", "asm_*+1", "inside an instruction", UPR_ERR_OFFSET},
	{"pie", "plain+", "must be one number", UPR_ERR_SYNTAX},
	{"pie", "plain+-1", "must be one number", UPR_ERR_SYNTAX},
	{"pie", "plain+0x", "must be one number", UPR_ERR_SYNTAX},
	{"pie", "plain+1+1", "must be one number", UPR_ERR_SYNTAX},
	{"pie", "plain+99999999999999999999999", "must be one number", UPR_ERR_SYNTAX},
	{"pie", "\"pla*\"", "no function pla* in ", UPR_ERR_NO_FUNCTION},
	/* names that do not exist */
	{"pie", "plian", "no function plian in ", UPR_ERR_NO_FUNCTION},
	{"pie", "plian", "the nearest name is plain", UPR_ERR_NO_FUNCTION},
	{"pie", "nothing_like_this_at_all", "none of its ", UPR_ERR_NO_FUNCTION},
	{"pie", "nothing*", "matches 'nothing*'", UPR_ERR_NO_FUNCTION},
	{"libversion.so.1", "versioned@VERS_9", "its versions are ", UPR_ERR_NO_FUNCTION},
	{"pie", "plain@target-c.c", "needs debug information", UPR_ERR_NO_FUNCTION},
	{"pie", "plian@target-c.c", "the nearest name is plain", UPR_ERR_NO_FUNCTION},
	{"nosec-stripped", "plain", "no function plain in ", UPR_ERR_NO_FUNCTION},
	/* not yet */
	{"pie", "plain+1%return", "a function returns", UPR_ERR_SYNTAX},
	{"pie", "0x1%return", "neither an address", UPR_ERR_OFFSET},
	/* arguments, statically defined probes */
	{"pie", "plain a b->c", "needs debug information", UPR_ERR_NO_FUNCTION},
	{"pie", "plain $retval", "when a function returns", UPR_ERR_SYNTAX},
	{"pie", "plain %nosuch", "is no register", UPR_ERR_SYNTAX},
	{"pie", "plain b-", "nothing that could stand here", UPR_ERR_SYNTAX},
	{"pie", "%sdt_x:y", "no statically defined probes", UPR_ERR_NO_FUNCTION},
	{"pie", "sdt_x:y", "no statically defined probes", UPR_ERR_NO_FUNCTION},
	{"pie", "%:y", "PROVIDER:NAME", UPR_ERR_SYNTAX},
	{"pie", "plain:5", "debug information", UPR_ERR_NO_FUNCTION},
	{"pie", "target-c.c:20", "debug information", UPR_ERR_NO_FUNCTION},
	{"pie", "plain;sink++", "debug information", UPR_ERR_NO_FUNCTION},
	{"pie", "target-c.c;a b", "debug information", UPR_ERR_NO_FUNCTION},
	{"pie", "sdt_x:e=plain", "sdt_x:e=plain+0", 0},
	/* never */
	{"pie", "", "empty", UPR_ERR_SYNTAX},
	{"pie", "   ", "empty", UPR_ERR_SYNTAX},
	{"pie", "e=", "no function in it", UPR_ERR_SYNTAX},
	{"pie", "1e=plain", "'1e' is not a valid event name", UPR_ERR_SYNTAX},
	{"pie", "g-1:e=plain", "'g-1' is not a valid group name", UPR_ERR_SYNTAX},
	{"pie", "g:=plain", "not a valid event name", UPR_ERR_SYNTAX},
	{"pie", ":e=plain", "not a valid group name", UPR_ERR_SYNTAX},
	{"pie", "grp:plain", "GROUP:EVENT=FUNC", UPR_ERR_SYNTAX},
	{"pie", "plain%foo", "only %return", UPR_ERR_SYNTAX},
	{"pie", "plain@", "nothing follows @", UPR_ERR_SYNTAX},
	{"pie", "+5", "no function in it", UPR_ERR_SYNTAX},
	{"pie", "0xzz", "hexadecimal", UPR_ERR_SYNTAX},
	{"pie", "0x", "hexadecimal", UPR_ERR_SYNTAX},
	{"pie", "0x123456789abcdef01", "hexadecimal", UPR_ERR_SYNTAX},
	{"pie", "e23456789012345678901234567890123456789012345678901234567890123=plain",
	 "probe_pie:e23456789012345678901234567890123456789012345678901234567890123=plain+0", 0},
	{"pie", "e234567890123456789012345678901234567890123456789012345678901234=plain", "is too long",
	 UPR_ERR_SYNTAX},
};

static void test_cases(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct resolve_case *c = &cases[i];
		struct upr_event_list list = {0};
		struct upr_error err = {0};
		struct upr_elf *elf = target_open(c->file);
		char got[4096];

		if (!elf)
			continue;
		if (!upr_resolve(elf, c->def, &list, &err)) {
			show(&list, 0, got, sizeof(got));
			if (!ok(!c->error && !strcmp(got, c->want), "%s: '%s'", c->file, c->def))
				diag("got  %s", got);
		} else if (!ok(err.kind == (enum upr_error_kind)c->error && strstr(err.text, c->want) && !list.nr,
			       "%s: '%s' is refused: %s", c->file, c->def, c->want)) {
			diag("got  %d %s", err.kind, err.text);
		}
		upr_event_list_free(&list);
		upr_elf_close(elf);
	}
}

static int resolve_into(struct upr_elf *elf, struct upr_event_list *list, const char *def)
{
	struct upr_error err = {0};
	int rc = upr_resolve(elf, def, list, &err);

	if (rc)
		diag("%s", err.text);
	return rc;
}

static void test_clashes(void)
{
	struct upr_elf *elf = target_open("pie"), *other = target_open("nopie");
	struct upr_event_list list = {0};
	char got[512];
	size_t i;

	if (!elf || !other)
		return;
	resolve_into(elf, &list, "plain");
	resolve_into(elf, &list, "plain");
	resolve_into(elf, &list, "plain+0");
	resolve_into(other, &list, "plain");
	resolve_into(elf, &list, "g:plain_1=plain");
	resolve_into(elf, &list, "plain_1=plain");
	show(&list, 0, got, sizeof(got));
	is_str(got,
	       "probe_pie:plain=plain+0; probe_pie:plain_1=plain+0; probe_pie:plain_2=plain+0; "
	       "probe_nopie:plain=plain+0; g:plain_1=plain+0; probe_pie:plain_1_1=plain+0",
	       "names are made unique within their group");
	i = list.nr;
	ok(upr_resolve(elf, "fresh=asm_*+1", &list, NULL) && list.nr == i,
	   "a definition that fails leaves nothing behind");
	resolve_into(elf, &list, "fresh=plain");
	is_str(list.events[list.nr - 1].event, "fresh", "its name is free again");
	resolve_into(elf, &list, "e23456789012345678901234567890123456789012345678901234567890123=plain");
	resolve_into(elf, &list, "e23456789012345678901234567890123456789012345678901234567890123=plain");
	is_str(list.events[list.nr - 1].event, "e234567890123456789012345678901234567890123456789012345678901_1",
	       "a long name is cut for its suffix");
	upr_event_list_free(&list);
	upr_elf_close(elf);
	upr_elf_close(other);
}

static void check_address(const char *file, const char *func, u64 off, bool as_offset, const char *note)
{
	struct upr_elf *elf = target_open(file);
	struct upr_event_list list = {0};
	struct upr_error err = {0};
	const struct upr_func *f = elf ? one_func(elf, func) : NULL;
	char def[64], name[64];

	if (f) {
		u64 number = as_offset ? f->offset + off : f->addr + off;

		snprintf(def, sizeof(def), "0x%llx", (unsigned long long)number);
		snprintf(name, sizeof(name), "abs_%llx", (unsigned long long)number);
		if (!ok(!upr_resolve(elf, def, &list, &err) && list.nr == 1 && !strcmp(list.events[0].event, name) &&
				list.events[0].sites[0].func == f && list.events[0].sites[0].func_off == off &&
				list.events[0].sites[0].offset == f->offset + off,
			"%s: %s is %s+%llu", file, def, func, (unsigned long long)off))
			diag("%s", err.text);
		else
			ok(note ? list.events[0].note && strstr(list.events[0].note, note) : !list.events[0].note,
			   "%s: note: %s", file, list.events[0].note ? list.events[0].note : "none");
	}
	upr_event_list_free(&list);
	upr_elf_close(elf);
}

static void refuse_address(const char *file, const char *def, int kind, const char *text)
{
	struct upr_elf *elf = target_open(file);
	struct upr_event_list list = {0};
	struct upr_error err = {0};

	if (elf &&
	    !ok(upr_resolve(elf, def, &list, &err) && err.kind == (enum upr_error_kind)kind && strstr(err.text, text),
		"%s: %s is refused: %s", file, def, text))
		diag("%d %s", err.kind, err.text);
	upr_event_list_free(&list);
	upr_elf_close(elf);
}

static void test_addresses(void)
{
	struct upr_elf *elf;
	char def[64];

	check_address("pie", "asm_nosize", 0, false, NULL);
	check_address("pie", "asm_nosize", 3, false, NULL);
	check_address("nopie", "plain", 0, false, "was taken as an address");
	check_address("nopie", "plain", 0, true, "was taken as a file offset");
	check_address("odd", "in_second", 0, false, "was taken as an address");
	check_address("odd", "in_first", 0, true, "was taken as a file offset");
	refuse_address("pie", "0xffffff", UPR_ERR_OFFSET, "neither an address nor a file offset of code");
	refuse_address("pie", "0x40", UPR_ERR_OFFSET, "neither");
	refuse_address("pie", "0xffffffffffffffff", UPR_ERR_OFFSET, "neither");
	elf = target_open("pie");
	if (elf) {
		snprintf(def, sizeof(def), "0x%llx", (unsigned long long)one_func(elf, "asm_nosize")->addr + 1);
		refuse_address("pie", def, UPR_ERR_OFFSET, "asm_nosize+1 is inside an instruction");
	}
	upr_elf_close(elf);
}

/* No symbol and no unwind entry: control flow from the entry point is the proof. */
static void test_bare(void)
{
	struct upr_elf *elf = target_open("pie");
	const struct upr_func *plain = elf ? one_func(elf, "plain") : NULL;
	const struct upr_func *table = elf ? one_func(elf, "asm_table") : NULL;
	struct upr_event_list list = {0};
	struct upr_error err = {0};
	struct upr_elf *bare = target_open("bare");
	char def[64];

	if (plain && table && bare) {
		snprintf(def, sizeof(def), "0x%llx", (unsigned long long)plain->addr);
		ok(!upr_resolve(bare, def, &list, &err) && !list.events[0].sites[0].func &&
			   list.events[0].sites[0].offset == plain->offset,
		   "bare: a function that main() calls is proven by control flow %s", err.text);
		snprintf(def, sizeof(def), "0x%llx", (unsigned long long)plain->addr + 1);
		refuse_address("bare", def, UPR_ERR_OFFSET, "inside an instruction");
		snprintf(def, sizeof(def), "0x%llx", (unsigned long long)table->addr + 3);
		refuse_address("bare", def, UPR_ERR_UNPROVABLE, "cannot prove that an instruction begins there");
		ok(upr_resolve(bare, "plain", &list, &err) && strstr(err.text, "no symbols and no unwind table"),
		   "bare: %s", err.text);
	}
	upr_event_list_free(&list);
	upr_elf_close(bare);
	upr_elf_close(elf);
}

/* --- files ------------------------------------------------------------- */

static void refuse_file(const char *name, int kind, const char *text)
{
	struct upr_error err = {0};
	struct upr_elf *elf;

	if (access(target(name), F_OK) && kind != UPR_ERR_NO_FILE)
		return skip(name, "not built");
	elf = upr_elf_open(target(name), &err);
	if (!ok(!elf && err.kind == (enum upr_error_kind)kind && strstr(err.text, text), "%s: %s", name, text))
		diag("%d %s", err.kind, err.text);
	upr_elf_close(elf);
}

static void test_bad_files(void)
{
	struct upr_error err = {0};
	char path[] = "/tmp/symbols-XXXXXX";
	int fd;

	refuse_file("nosuch", UPR_ERR_NO_FILE, "no such file: ");
	refuse_file("pie/x", UPR_ERR_NO_FILE, "no such file: ");
	refuse_file("empty", UPR_ERR_NOT_ELF, "is empty");
	refuse_file("text", UPR_ERR_NOT_ELF, "is not an ELF file");
	refuse_file("script", UPR_ERR_NOT_ELF, "a script (#!/bin/sh -e)");
	refuse_file("archive.a", UPR_ERR_NOT_ELF, "static library");
	refuse_file("object.o", UPR_ERR_NO_CODE, "not linked");
	refuse_file("pie.debug", UPR_ERR_NO_CODE, "debug information only");
	refuse_file("arm", UPR_ERR_ARCH, "built for AArch64");
	refuse_file("unknown-machine", UPR_ERR_ARCH, "machine number");
	refuse_file("x32", UPR_ERR_ARCH, "x32");
	refuse_file("cut", UPR_ERR_NOT_ELF, "is cut short");
	refuse_file("cut-header", UPR_ERR_NOT_ELF, "damaged");
	refuse_file("root", UPR_ERR_NOT_ELF, "is a directory");
	ok(!upr_elf_open("/dev/zero", &err) && err.kind == UPR_ERR_NOT_ELF, "a device: %s", err.text);
	if (!geteuid()) {
		skip("an unreadable file", "root reads everything");
		return;
	}
	fd = mkstemp(path);
	if (fd < 0 || fchmod(fd, 0)) {
		skip("an unreadable file", "no temporary file");
		return;
	}
	close(fd);
	ok(!upr_elf_open(path, &err) && err.kind == UPR_ERR_PERMISSION && strstr(err.text, "its mode is 0000"),
	   "unreadable: %s", err.text);
	unlink(path);
}

int main(int argc, char **argv)
{
	(void)argc;
	targets_init(argv[0]);
	test_cases();
	test_clashes();
	test_addresses();
	test_bare();
	test_bad_files();
	return done_testing();
}
