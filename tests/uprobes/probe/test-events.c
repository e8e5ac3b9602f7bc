// SPDX-License-Identifier: GPL-2.0
/*
 * test-events - the syntax of kept events: written, read, written again; and whatever else may be in such a file.
 *
 * test-events [SECONDS]	random files for so long; without it as many as take a second or two
 *
 * Random files are made of the pieces that lists are made of; the sanitizers watch.  What is read of any of
 * them is the same when it has been written and read again.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../tap.h"
#include "event-line.h"

static char *print(const struct stored_events *list)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		abort();
	stored_events_print(list, out);
	fclose(out);
	return text;
}

/* --- known ones ------------------------------------------------------------------ */

static void same(const char *text, const char *name)
{
	struct stored_events list = {0};
	size_t skipped;
	char *again;

	stored_events_parse(&list, text, false, &skipped);
	again = print(&list);
	ok(!skipped && !strcmp(text, again), "%s: read and written it is the same", name);
	if (strcmp(text, again))
		diag("%s", again);
	free(again);
	stored_events_free(&list);
}

static void odd_strings(void)
{
	static const char path[] = "/a dir/\\101\t\n\x7f:0x5 %s", def[] = "f a:\\\\0x10 \\101\\ b\n";
	struct stored_events list = {0};
	struct stored_event *ev = stored_events_add(&list);
	struct event_place *place = stored_event_add_place(ev);
	char *text;

	strcpy(ev->group, "g");
	strcpy(ev->event, "e");
	ev->path = strdup(path);
	ev->def = strdup(def);
	ev->file_id = strdup("build-id=00ff");
	place->offset = 0x10;
	place->quoted = true;
	text = print(&list);
	stored_events_free(&list);
	stored_events_parse(&list, text, false, NULL);
	ok(list.nr == 1 && !strcmp(list.v[0].path, path) && !strcmp(list.v[0].def, def) && list.v[0].nr_places == 1 &&
		   list.v[0].places[0].offset == 0x10 && list.v[0].places[0].quoted,
	   "a path and a definition of odd characters come back as they were");
	free(text);
	stored_events_free(&list);
}

static void kernels(void)
{
	static const char text[] = "p:g/e /a:0x0000000000001290 x=%di:s32\n"
				   "p:g/e /a:0x00000000000012a0 x=%si:s32\n"
				   "r8:g/r /a:0x1(0x2000)\n"
				   "p:g/old /a:0x10%return\n"
				   "p:g/e /b:0x10\n"
				   "# no comment\n"
				   "nonsense\n"
				   "p:g /a:0x1\np:g/e\np:g/e /a\np:g/e /a:12\np:g/e :0x1\np:/e /a:0x1\nx:g/e /a:0x1\n";
	struct stored_events list = {0};
	size_t skipped;

	stored_events_parse(&list, text, true, &skipped);
	ok(list.nr == 4 && list.v[0].nr_places == 2 && list.v[1].places[0].retprobe && list.v[2].places[0].retprobe &&
		   !strcmp(list.v[3].path, "/b") && !list.v[3].places[0].retprobe && list.v[0].kernel,
	   "events of the kernel's list");
	is_int((int)skipped, 8, "and what is none");
	stored_events_free(&list);
}

/* What is left of a text that has bad lines, and how many these are. */
static void damaged(const char *text, const char *left, int nr_skipped, const char *name)
{
	struct stored_events list = {0};
	size_t skipped, none = 0;
	char *again, *twice;

	stored_events_parse(&list, text, false, &skipped);
	again = print(&list);
	stored_events_free(&list);
	stored_events_parse(&list, again, false, &none);
	twice = print(&list);
	ok(!strcmp(again, left) && !strcmp(twice, left) && (int)skipped == nr_skipped, "%s", name);
	if (strcmp(again, left) || (int)skipped != nr_skipped)
		diag("%zu skipped, %s", skipped, again);
	free(again);
	free(twice);
	stored_events_free(&list);
}

static void damages(void)
{
	damaged("#: build-id=12 def=f\nnonsense\np:g/e /a:0x1\n",
		"# cut off: #: build-id=12 def=f\nnonsense\np:g/e /a:0x1\n", 2,
		"a definition is none of the event below a bad line");
	damaged("#: build-id=12 def=f\n#p:g/e\np:g/e /a:0x1\n",
		"# cut off: #: build-id=12 def=f\n#p:g/e\np:g/e /a:0x1\n", 1, "nor below a bad one behind '#'");
	damaged("#: build-id=12 def=f\n#: build-id=34 def=g\np:g/e /a:0x1\n",
		"# cut off: #: build-id=12 def=f\n#: build-id=34 def=g\np:g/e /a:0x1\n", 1,
		"nor below another definition");
	damaged("#: build-id=12 def=f\n# mine\np:g/e /a:0x1\n", "# mine\n#: build-id=12 def=f\np:g/e /a:0x1\n", 0,
		"but below a comment");
	damaged("p:g/e /a:0x1\np:g/f /a:0x2", "p:g/e /a:0x1\n# cut off: p:g/f /a:0x2\n", 1,
		"a line without its end stays for people");
	damaged("p:g/e /a:0x1\n#: build-id=12 def=f\n", "p:g/e /a:0x1\n# cut off: #: build-id=12 def=f\n", 1,
		"so does a definition without a place");
	damaged("#: build-id=12 places=3 def=f\np:g/e /a:0x1\n", "#: build-id=12 places=3 def=f\np:g/e /a:0x1\n", 0,
		"that places are missing is not forgotten");
}

/* --- random ones ------------------------------------------------------------------ */

static const char *const pieces[] = {
	"p:",
	"r:",
	"#p:",
	"#r:",
	"#: ",
	"#",
	"g/e",
	"g/e",
	"group/event",
	" ",
	" ",
	"\n",
	"\n",
	"\n",
	"/a",
	"/b",
	":0x1",
	":0x",
	":0x10",
	"(0x5)",
	"%return",
	"def=",
	"f x",
	"as=",
	"build-id=",
	"ab12",
	"\\",
	"\\040",
	"\\1",
	"#: build-id=ab12 ",
	"#p:g/e /a:0x10 ",
	"\np:g/e /a:0x1 ",
	"places=2",
	"no-inlines",
	"size-mtime=",
	"x=%di:s32",
	"\t",
	"\r",
	"\x01",
};

static char *random_list(void)
{
	size_t nr = rand() % 60, size;
	char *text = NULL;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		abort();
	while (nr--)
		fputs(pieces[rand() % (sizeof(pieces) / sizeof(*pieces))], out);
	fclose(out);
	return text;
}

static bool comes_back(const char *text)
{
	struct stored_events list = {0}, other = {0};
	char *once, *twice;
	bool ret;

	stored_events_parse(&list, text, false, NULL);
	once = print(&list);
	stored_events_parse(&other, once, false, NULL);
	twice = print(&other);
	ret = list.nr == other.nr && !strcmp(once, twice);
	if (!ret)
		diag("of %s\nonce %s\ntwice %s", text, once, twice);
	free(once);
	free(twice);
	stored_events_free(&list);
	stored_events_free(&other);
	return ret;
}

int main(int argc, char **argv)
{
	time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 2);
	unsigned int seed = argc > 1 ? (unsigned int)time(NULL) : 1;
	unsigned long nr = 0, bad = 0;

	same("", "an empty list");
	same("#: build-id=12ab def=func a b->len\np:probe_app/func /home/u/app:0x1139 a=%di:s32 len=+8(%si):s64\n",
	     "an event");
	same("#: build-id= as=walk no-inlines places=2 def=a.c:44\np:g/walk_1 /a:0x1\nr:g/walk_1 /a:0x2\n",
	     "all of it");
	same("#: size-mtime=12.13.000000014 def=f\n#p:g/f /a\\040dir/b:0x10 v=@g+0 w=%di\n",
	     "what the kernel cannot have");
	same("# mine\n\np:a/b /c:0x10\n# not mine\np:a/c /c:0x20\n# the end\n", "other lines");
	odd_strings();
	kernels();
	damages();
	srand(seed);
	diag("seed %u", seed);
	while (time(NULL) < end) {
		char *text = random_list();

		bad += !comes_back(text);
		nr++;
		free(text);
	}
	ok(!bad, "%lu random lists come back", nr);
	return done_testing();
}
