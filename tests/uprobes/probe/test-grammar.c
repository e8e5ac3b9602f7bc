// SPDX-License-Identifier: GPL-2.0
/*
 * test-grammar - definitions, lines and filters, and what is none of them.
 *
 * test-grammar [SECONDS]	random ones for so long; without it as many as take a second or two
 *
 * Random texts are made of the pieces that definitions are made of, so that most of them get
 * far; the sanitizers watch.  Whatever is refused has a reason, whatever is
 * taken can be written down again and read again as the same point.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../tap.h"
#include "probe-filter.h"
#include "fetch-expr.h"
#include "probe-grammar.h"

/* --- known ones ------------------------------------------------------------------ */

static void good(const char *text, const char *point, size_t nr_args)
{
	struct upr_error err = {0};
	struct perf_def def;
	int r = perf_def_parse(&def, text, &err);
	char *again = r ? NULL : perf_point_text(&def.point);

	ok(!r && again && !strcmp(again, point) && def.nr_args == nr_args, "%s", text);
	if (r || !again || strcmp(again, point))
		diag("%d %s, point %s", r, err.text, again ? again : "-");
	free(again);
	perf_def_free(&def);
}

static void bad(const char *text, const char *why)
{
	struct upr_error err = {0};
	struct perf_def def;
	int r = perf_def_parse(&def, text, &err);

	ok(r < 0 && strstr(err.text, why), "%s: %s", text, why);
	if (r >= 0 || !strstr(err.text, why))
		diag("%d %s", r, err.text);
	perf_def_free(&def);
}

static void test_fields(void)
{
	struct perf_def def;
	const struct perf_field *f;

	perf_def_parse(&def, "walk n=o->next[2].in:string@user", NULL);
	ok(def.nr_args == 1 && def.args[0].user && !strcmp(def.args[0].name, "n") && !strcmp(def.args[0].var, "o") &&
		   !strcmp(def.args[0].type, "string"),
	   "an argument: name, variable, type");
	f = def.args[0].fields;
	ok(f && f->ref && !strcmp(f->name, "next") && f->next && f->next->index == 2 && f->next->next &&
		   !f->next->next->ref && !strcmp(f->next->next->name, "in") && !f->next->next->next,
	   "and the way from the variable to what is wanted");
	perf_def_free(&def);
}

static void line_range(const char *text, int from, int to)
{
	struct perf_lines lines;
	struct upr_error err = {0};
	int r = perf_lines_parse(&lines, text, &err);

	ok(from < 0 ? r < 0 && err.text[0] : !r && lines.from == from && lines.to == to, "lines %s", text);
	perf_lines_free(&lines);
}

static void filter(const char *text, const char *fits, const char * not )
{
	ok(!probe_filter_check(text) && probe_filter_fits(text, fits) && !probe_filter_fits(text, not ), "filter %s",
	   text);
}

static void expression(const char *text, const char *name, enum fetch_expr_kind kind)
{
	struct upr_error err = {0};
	struct fetch_written w;
	int r = fetch_expr_parse(text, &w, &err);

	ok(!r && !strcmp(w.name, name) && w.expr->kind == kind, "%s is called '%s'", text, r ? err.text : w.name);
	fetch_written_free(&w);
}

/* Return: where the text is wrong, -1 if it is not */
static int wrong_at(const char *text)
{
	struct upr_error err = {0};
	struct fetch_written w;
	const char *caret = NULL, *line;

	if (fetch_expr_parse(text, &w, &err)) {
		caret = strrchr(err.text, '^');
		line = strrchr(err.text, '\n');
		fetch_written_free(&w);
		return caret && line ? (int)(caret - line - 3) : -2;
	}
	fetch_written_free(&w);
	return -1;
}

static void test_expressions(void)
{
	expression("a", "a", FETCH_NAME);
	expression("ns::x", "x", FETCH_NAME);
	expression("n=*p", "n", FETCH_DEREF);
	expression("**p", "p", FETCH_DEREF);
	expression("o->in.a", "a", FETCH_MEMBER);
	expression("a[i]", "a", FETCH_INDEX);
	expression("a[b[2]]:u8", "a_u8", FETCH_INDEX);
	expression("msg:string", "msg_string", FETCH_NAME);
	expression("msg:string@user", "msg_string", FETCH_NAME);
	expression("a:s32[4]", "a_s32_4_", FETCH_NAME);
	expression("(*p).x", "x", FETCH_MEMBER);
	expression("&x", "x", FETCH_ADDRESS);
	expression("%di", "", FETCH_REGISTER);
	expression("+8(+0(%sp)):x64", "", FETCH_OFFSET);
	expression("-u8($stack)", "", FETCH_OFFSET);
	expression("$stack12", "", FETCH_STACK);
	expression("$arg3", "", FETCH_ARGUMENT);
	expression("@gcount+8", "", FETCH_AT_SYMBOL);
	expression("@0x1000", "", FETCH_AT);
	expression("@+0x20", "", FETCH_AT_OFFSET);
	expression("\\-3", "", FETCH_NUMBER);
	expression("\\\"a b\"", "", FETCH_TEXT);
	ok(wrong_at("") == 0, "nothing at all");
	ok(wrong_at("a->") == 3, "no member");
	ok(wrong_at("a[") == 2, "no index");
	ok(wrong_at("a[3") == 3, "not closed");
	ok(wrong_at("+8(%di") == 6, "a bracket that is not closed");
	ok(wrong_at("$nosuch") == 0, "no such word");
	ok(wrong_at("a:") == 2, "no type");
	ok(wrong_at("a b") == 1, "two words");
	ok(wrong_at("x=1") == 2, "a number");
}

static void test_known(void)
{
	good("walk", "walk", 0);
	good("walk+0x10 %di $stack0", "walk+16", 2);
	good("g:e=walk:5 sum", "walk:5", 1);
	good("walk%return $retval", "walk%return", 1);
	good("file.c:12", "@file.c:12", 0);
	good("walk@file.c", "walk@file.c", 0);
	good("ns\\:\\:f", "ns::f", 0);
	bad("", "");
	bad("a=b=c:x", "non-digit");
	bad("walk:1+3", "can't be used with line number");
	bad("walk+1%return", "return probe");
	bad("@file.c", "requires line number");
	bad("my-ev=f", "C symbol-naming rule");
	bad("f%return x", "local variable");
	bad("f a[i]", "must be a number");
	bad("0xzz", "Invalid absolute address");
	test_fields();
	line_range("walk:2+4", 2, 5);
	line_range("walk:2-4", 2, 4);
	line_range("f.c:7", 7, 2147483647);
	line_range("walk:9-3", -1, 0);
	line_range("walk:x", -1, 0);
	filter("a*", "abc", "bca");
	filter("!a* & *c", "bc", "ac");
	filter("a|(b & !bad)", "b", "bad");
	test_expressions();
	ok(probe_filter_check("(a*") && probe_filter_check("a &") && probe_filter_check(""), "what is no filter");
}

/* --- random ones -------------------------------------------------------------------- */

static unsigned long long state = 88172645463325252ull;

static unsigned int random_below(unsigned int n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned int)(state >> 11) % n;
}

static const char *const pieces[] = {
	"walk",	   "o",	       "->", ".",      "[3]",	  "[",	   "]",	     "=",
	":",	   ";",	       "@",  "+",      "-",	  "%",	   "%di",    "$vars",
	"$retval", "%return",  "\\", " ",      "0x12",	  "7",	   "file.c", "*",
	"?",	   "\t",       ",",  "string", ":u8",	  "@user", "sdt_p:", "99999999999999999999",
	"(",	   ")",	       "&",  "|",      "!",	  "\n",	   "a_b",    "::",
	"<int>",   "\xff\xfe", "-1", "",       "b4@2/32",
};

static size_t make_text(char *text, size_t size)
{
	unsigned int nr = random_below(14);
	size_t len = 0;

	while (nr--) {
		const char *p = pieces[random_below(sizeof(pieces) / sizeof(pieces[0]))];
		size_t n = strlen(p);

		if (len + n >= size)
			break;
		memcpy(text + len, p, n);
		len += n;
	}
	text[len] = '\0';
	return len;
}

/* An argument of ours: each is taken, with a name, or refused at a place in it. */
static bool try_expression(const char *text)
{
	struct upr_error err = {0};
	struct fetch_written w;
	bool fine;

	if (fetch_expr_parse(text, &w, &err)) {
		fine = err.code > 0 && err.text[0] && (err.code != EINVAL || strchr(err.text, '^'));
	} else {
		fine = w.expr && w.name;
		fetch_expr_is_variable(w.expr);
	}
	fetch_written_free(&w);
	return fine;
}

/* Return: it is as it should be. */
static bool try(const char *text)
{
	struct upr_error err = {0};
	struct perf_lines lines;
	struct perf_def def;
	bool fine = true;
	char *point;

	if (perf_def_parse(&def, text, &err)) {
		fine = err.code > 0;
	} else {
		point = perf_point_text(&def.point);
		fine = point && def.nr_args <= PERF_ARGS_MAX &&
		       (def.point.func || def.point.file || def.point.lazy || !*point || point[0] == '%' ||
			point[0] == '@' || point[0] == '+' || point[0] == ':');
		free(point);
		perf_def_wants_dwarf(&def);
	}
	perf_def_free(&def);
	memset(&err, 0, sizeof(err));
	if (perf_lines_parse(&lines, text, &err))
		fine &= err.code > 0;
	perf_lines_free(&lines);
	if (!probe_filter_check(text))
		probe_filter_fits(text, "walk");
	return fine && try_expression(text);
}

int main(int argc, char **argv)
{
	long seconds = argc > 1 ? atol(argv[1]) : 0, tried = 0, wrong = 0;
	time_t end = time(NULL) + seconds;
	char text[256], *exact;

	test_known();
	while (seconds ? time(NULL) < end : tried < 200000) {
		long i;

		for (i = 0; i < 1000; i++, tried++) {
			size_t len = make_text(text, sizeof(text));

			/* ends where its memory ends */
			exact = memcpy(malloc(len + 1), text, len + 1);
			if (!try(exact) && wrong++ < 10)
				diag("wrong: %s", text);
			free(exact);
		}
	}
	ok(!wrong, "%ld random texts: each taken, or refused with a reason", tried);
	return done_testing();
}
