// SPDX-License-Identifier: GPL-2.0
/*
 * test-finder - damaged debug information gives places, sentences or nothing: never a crash, a read
 * outside, a leak or more than two seconds of work for a question.
 *
 *	test-finder		a fixed number of mutants, always the same
 *	test-finder SECONDS	as many as fit, from a new seed
 *	test-finder 0 SEED	the mutant of that seed again, and what it says
 *
 * First our own reader of units on parts of .debug_info and what goes with it, in this process: it
 * has to be right about any bytes.  Then all of the finder on damaged files, each in a process of its own, since
 * libdw reads them, too: what it does not survive is counted apart.  Last, damage that chance does not make.
 */
#include <fcntl.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../mutants.h"
#include "../tap.h"
#include "debug-units.h"
#include "probe-show.h"
#include "symbol-priv.h"

#define READER_MUTANTS 20000
#define FINDER_MUTANTS 400
#define BATCH	       25
#define LEAK	       77

/*
 * libdw makes room for as many registers as the highest one that an unwind table names, damaged ones thousands of
 * millions of bytes: a second without sanitizers, which take their time to paint them.
 */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1:max_allocation_size_mb=256:exitcode=99:detect_leaks=1:leak_check_at_exit=0";
}

/* --- files ----------------------------------------------------------------------- */

enum { INFO, ABBREV, STR, OFFSETS, LINE, LINE_STR, NR_PARTS };

/**
 * struct image - a file to be damaged
 * @parts:	of it: what our reader reads
 */
struct image {
	const char *name;
	u8 *bytes;
	size_t size;
	struct debug_section parts[NR_PARTS];
};

static const char *const part_names[NR_PARTS] = {".debug_info",	       ".debug_abbrev", ".debug_str",
						 ".debug_str_offsets", ".debug_line",	".debug_line_str"};

static struct image images[16];
static size_t nr_images;

static const Elf64_Shdr *section(const struct image *img, unsigned int i, const char **name)
{
	const Elf64_Ehdr *eh = (const void *)img->bytes;
	const Elf64_Shdr *sh = (const void *)(img->bytes + eh->e_shoff);

	if (i >= eh->e_shnum)
		return NULL;
	*name = (const char *)img->bytes + sh[eh->e_shstrndx].sh_offset + sh[i].sh_name;
	return &sh[i];
}

static bool load(struct image *img, const char *dir, const char *name)
{
	const Elf64_Shdr *sh;
	const char *own;
	struct stat st;
	char path[4200];
	unsigned int i, k;
	int fd;
	bool good;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return false;
	*img = (struct image){.name = name};
	good = !fstat(fd, &st) && (img->bytes = malloc(st.st_size)) && read(fd, img->bytes, st.st_size) == st.st_size;
	img->size = good ? st.st_size : 0;
	close(fd);
	for (i = 0; good && (sh = section(img, i, &own)); i++)
		for (k = 0; k < NR_PARTS; k++)
			if (!strcmp(own, part_names[k]))
				img->parts[k] = (struct debug_section){img->bytes + sh->sh_offset, sh->sh_size};
	return good;
}

/* --- our reader ------------------------------------------------------------------- */

static size_t anywhere(const u8 *b, size_t size)
{
	return draw() % (size ? size : 1);
}

static bool any_name(const char *name, u64 off, void *data)
{
	/* all of it can be read */
	*(size_t *)data += strlen(name);
	return !(draw() % 4);
}

static void read_units(struct debug_units *units)
{
	static const u64 offs[] = {1, 0x40};
	struct debug_entries entries = {0};
	struct debug_instance *instances;
	struct debug_unit *unit;
	size_t i, nr, sum = 0;

	for (i = 0; (unit = debug_units_get(units, i)) && i < 64; i++) {
		debug_unit_mentions(units, unit, "walk", offs, 2);
		debug_unit_has_file(units, unit, "featdemo.c");
		debug_unit_functions(units, unit, any_name, &sum, &entries);
		unit = debug_units_get(units, i);
		if (debug_unit_instances(units, unit, &instances, &nr))
			free(instances);
	}
	free(entries.v);
}

/* Each part ends where its memory ends. */
static void reader_mutant(u64 seed)
{
	struct debug_units units = {0};
	struct debug_section *to[NR_PARTS] = {&units.info,	  &units.abbrev, &units.str,
					      &units.str_offsets, &units.line,	 &units.line_str};
	const struct image *img;
	unsigned int i;

	mutant_state = seed;
	img = &images[draw() % nr_images];
	for (i = 0; i < NR_PARTS; i++) {
		size_t size = img->parts[i].len;
		u8 *part = size ? memcpy(malloc(size), img->parts[i].p, size) : NULL;

		if (size && !(draw() % 3))
			mutate(part, &size, anywhere);
		if (size && (i == STR || i == LINE_STR))
			part[size - 1] = '\0';
		part = size ? realloc(part, size) : part;
		*to[i] = (struct debug_section){part, size};
	}
	if (units.info.len && units.abbrev.len)
		read_units(&units);
	for (i = 0; i < NR_PARTS; i++)
		free((u8 *)to[i]->p);
	/* the sections are not its own */
	debug_units_close(&units);
}

/* --- the finder --------------------------------------------------------------------- */

static const struct image *damaged;

/* Mostly in the sections that the finder reads, else in the headers. */
static size_t pick_place(const u8 *b, size_t size)
{
	const Elf64_Ehdr *eh = (const void *)damaged->bytes;
	const char *name = "";
	const Elf64_Shdr *sh;
	unsigned int tries;
	u64 from = 0, len = size;

	switch (draw() % 16) {
	case 0:
		len = sizeof(*eh);
		break;
	case 1:
		from = eh->e_shoff;
		len = (u64)eh->e_shnum * sizeof(Elf64_Shdr);
		break;
	case 2:
		break;
	default:
		for (tries = 0; tries < 64; tries++) {
			sh = section(damaged, draw() % eh->e_shnum, &name);
			if (strncmp(name, ".debug_", 7) && strcmp(name, ".eh_frame"))
				continue;
			from = sh->sh_offset;
			len = sh->sh_size;
			/* what matters most comes first in many of them */
			if (!(draw() % 3))
				len = min(len, (u64)128);
			break;
		}
	}
	if (!len || from >= size)
		return draw() % size;
	return from + draw() % min(len, (u64)(size - from));
}

/* Two seconds of work for a question, however busy the machine is. */
static void start_clock(void)
{
	struct itimerval limit = {.it_value = {.tv_sec = 2}};

	setitimer(ITIMER_PROF, &limit, NULL);
	alarm(60);
}

static void ask_define(struct probe_file *file, const struct finder_options *opts, const char *text)
{
	struct traced_events events;
	struct upr_error err = {0};
	struct perf_def def;
	size_t i;

	start_clock();
	if (!perf_def_parse(&def, text, &err) && !probe_define(file, &def, opts, &events)) {
		for (i = 0; i < events.nr; i++)
			free(traced_event_text(file, &events.v[i]));
		traced_events_free(&events);
	}
	perf_def_free(&def);
}

static void ask_vars(struct probe_file *file, const struct finder_options *opts, const char *text)
{
	struct upr_error err = {0};
	struct perf_def def;

	start_clock();
	if (!perf_def_parse(&def, text, &err))
		probe_show_vars(file, &def, NULL, opts);
	perf_def_free(&def);
}

static void ask_lines(struct probe_file *file, const struct finder_options *opts, const char *text)
{
	struct perf_lines lines;
	struct upr_error err = {0};

	start_clock();
	if (!perf_lines_parse(&lines, text, &err))
		probe_show_lines(file, &lines, "tests/uprobes/probe/targets", opts);
	perf_lines_free(&lines);
}

static void say(const char *text, void *data)
{
	puts(text);
}

/* What `trace' asks of it: places with programs that fetch their arguments. */
static void ask_fetch(const char *path, const char *const *defs, size_t nr)
{
	struct upr_event_list list = {0};
	struct upr_error err;
	struct upr_elf *elf = upr_elf_open(path, &err);
	size_t i;

	for (i = 0; elf && i < nr; i++)
		if (upr_resolve(elf, defs[i], &list, &err))
			puts(err.text);
	upr_event_list_free(&list);
	upr_elf_close(elf);
}

/* All that `probe' asks of a file. */
static void exercise(const char *path)
{
	static const char *const defs[] = {"walk o->in.a msg:string $vars",
					   "inl_add x y",
					   "* $params",
					   "walk:3",
					   "featdemo.c:29",
					   "*:1",
					   "main $vars",
					   "walk;sum*=*",
					   "over",
					   "meth a",
					   "nosuch gcount",
					   "_Z*"};
	static const char *const traced[] = {"walk o->in.a o->arr[idx] *o msg:string $vars",
					     "inl_add x y",
					     "main $vars",
					     "walk:3 $vars",
					     "featdemo.c:29 $vars",
					     "fp a b c uu->f",
					     "meth this->x a $vars",
					     "*_one gcount &x",
					     "%loop_iter"};
	struct finder_options opts = {.max = 1000, .say = say};
	struct probe_file file;
	size_t i;

	if (probe_file_open(&file, path, 0, NULL))
		return;
	for (i = 0; i < ARRAY_SIZE(defs); i++)
		ask_define(&file, &opts, defs[i]);
	opts.externs = opts.range = true;
	ask_vars(&file, &opts, "walk");
	ask_vars(&file, &opts, "*");
	ask_lines(&file, &opts, "walk");
	ask_lines(&file, &opts, "inl_add");
	ask_lines(&file, &opts, "featdemo.c");
	start_clock();
	probe_show_funcs(&file, NULL, false, &opts);
	probe_file_close(&file);
	ask_fetch(path, traced, ARRAY_SIZE(traced));
}

static bool write_mutant(u64 seed, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0700);
	size_t size;
	u8 *copy;
	bool good;

	mutant_state = seed;
	damaged = &images[draw() % nr_images];
	size = damaged->size;
	copy = memcpy(malloc(size), damaged->bytes, size);
	mutate(copy, &size, pick_place);
	good = fd >= 0 && write(fd, copy, size) == (ssize_t)size;
	free(copy);
	close(fd);
	return good;
}

/**
 * struct batch - mutants that share a process: to make one takes longer than to ask it all
 * @at:		the seed at work, for when the process has died of it
 */
struct batch {
	u64 first;
	unsigned int nr;
	char path[64];
	char log[64];
	volatile u64 *at;
};

static void child(const struct batch *b)
{
	int fd = open(b->log, O_WRONLY | O_CREAT | O_TRUNC, 0600), null = open("/dev/null", O_WRONLY);
	unsigned int i;

	dup2(null, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	for (i = 0; i < b->nr; i++) {
		*b->at = b->first + i;
		if (!write_mutant(*b->at, b->path))
			_exit(1);
		exercise(b->path);
	}
	_exit(__lsan_do_recoverable_leak_check() ? LEAK : 0);
}

/* Who is to blame for what the sanitizer has written: is it a library that reads debug information? */
static bool is_elfutils(const char *log)
{
	FILE *in = fopen(log, "re");
	char line[4096];
	bool ret = false;

	while (in && fgets(line, sizeof(line), in)) {
		if (!strstr(line, "    #") || strstr(line, "_interceptor_") || strstr(line, "libc.so") ||
		    strstr(line, "libasan"))
			continue;
		ret = strstr(line, "libdw") || strstr(line, "libelf");
		break;
	}
	if (in)
		fclose(in);
	return ret;
}

static void show_log(const char *log)
{
	FILE *in = fopen(log, "re");
	char line[4096];
	int nr = 0;

	while (in && fgets(line, sizeof(line), in) && nr++ < 40)
		printf("# %s", line);
	if (in)
		fclose(in);
}

static size_t by_elfutils, hangs;

/* Return: how many of them have been done; *bad counts those that were not survived */
static unsigned int run_batch(const struct batch *b, bool loud, size_t *bad)
{
	struct batch one = *b;
	int status = 0;
	unsigned int i;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid)
		child(b);
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		++*bad;
		return b->nr;
	}
	if (loud || (status && !is_elfutils(b->log)))
		show_log(b->log);
	if (!status)
		return b->nr;
	if (WIFEXITED(status) && WEXITSTATUS(status) == LEAK && b->nr > 1) {
		/* of which? */
		for (i = 0; i < b->nr; i++) {
			one.first = b->first + i;
			one.nr = 1;
			run_batch(&one, false, bad);
		}
		return b->nr;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) != LEAK && is_elfutils(b->log)) {
		by_elfutils++;
	} else {
		++*bad;
		hangs += WIFSIGNALED(status) && (WTERMSIG(status) == SIGPROF || WTERMSIG(status) == SIGALRM);
	}
	diag("seed %llu: %s %d", (unsigned long long)*b->at, WIFSIGNALED(status) ? "ended by signal" : "status",
	     WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	return *b->at - b->first + 1;
}

static u64 current_seed;

static void last_words(void)
{
	diag("died of seed %llu", (unsigned long long)current_seed);
}

static void load_all(const char *dir)
{
	static const char *const names[] = {"featdemo",	 "featdemo0",	   "featdemo3",
					    "featdemo4", "featdemo-lto",   "cppdemo",
					    "dotsbin",	 "featdemo-clang", "featdemo-clang-lto"};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (load(&images[nr_images], dir, names[i]))
			nr_images++;
}

static void test_reader(u64 seed, time_t end)
{
	size_t done;

	__sanitizer_set_death_callback(last_words);
	for (done = 0; end ? time(NULL) < end || !done : done < READER_MUTANTS; done++) {
		current_seed = seed + done;
		reader_mutant(current_seed);
	}
	__sanitizer_set_death_callback(NULL);
	ok(1, "%zu mutants of what our reader of units reads: no crash", done);
}

/* Mutants that something was found with: instances of which only some could be read. */
static const u64 remembered[] = {1795773821335962, 1795773821336982};

static void test_finder(u64 seed, time_t end, const char *dir, bool loud)
{
	struct batch b = {.nr = 1};
	size_t done = 0, bad = 0, i;

	b.at = mmap(NULL, sizeof(*b.at), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	snprintf(b.path, sizeof(b.path), "%s/mutant", dir);
	snprintf(b.log, sizeof(b.log), "%s/log", dir);
	for (i = 0; !loud && i < ARRAY_SIZE(remembered); i++) {
		b.first = remembered[i];
		done += run_batch(&b, loud, &bad);
	}
	b.nr = loud ? 1 : BATCH;
	seed -= done; /* the first seed is the one that was told */
	do {
		b.first = seed + done;
		done += run_batch(&b, loud, &bad);
	} while (!loud && (end ? time(NULL) < end : done < FINDER_MUTANTS));
	if (by_elfutils)
		diag("libdw itself did not survive %zu", by_elfutils);
	ok(!bad, "%zu mutants of %zu files: no crash, no leak, no question longer than two seconds (%zu were)", done,
	   nr_images, hangs);
	unlink(b.path);
	unlink(b.log);
}

/* What targets/damaged.S and others have, each with the question that leads there. */
static void test_made(const char *dir)
{
	static const struct {
		const char *program;
		const char *def;
		const char *what;
	} made[] = {
		{"damaged", "within o.x", "a structure in itself"},
		{"damaged", "doubled o.x", "structures that have the next one twice"},
		{"damaged", "nosuch*", "functions that have the names of the next one in two ways"},
		{"damaged", "nosuch.c:3", "files without end that take no room"},
		{"shared", "nosuch*", "many units that share their abbreviations"},
		{"inlined", "in_*", "thousands of functions inlined into another unit"},
		{"oddvalues", "work $vars", "values that there cannot be"},
	};
	struct finder_options opts = {.max = 10000, .say = say};
	struct probe_file file;
	char path[4200];
	int status;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(made); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, made[i].program);
		fflush(stdout);
		if (!fork()) {
			dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
			if (probe_file_open(&file, path, 0, NULL))
				_exit(1);
			ask_define(&file, &opts, made[i].def);
			ask_lines(&file, &opts, made[i].def);
			probe_file_close(&file);
			start_clock();
			ask_fetch(path, &made[i].def, 1);
			_exit(__lsan_do_recoverable_leak_check() ? LEAK : 0);
		}
		wait(&status);
		ok(!status, "%s: no crash, no question longer than two seconds", made[i].what);
	}
}

int main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');
	time_t seconds = argc > 1 ? atol(argv[1]) : 0, start = time(NULL);
	u64 seed = argc > 2 ? strtoull(argv[2], NULL, 0) : argc > 1 ? (u64)start * 1000003 + getpid() : 1;
	char dir[] = "/tmp/test-finder.XXXXXX", targets[4096];
	bool loud = argc > 2;
	size_t i;

	snprintf(targets, sizeof(targets), "%.*s", slash ? (int)(slash - argv[0]) : 1, slash ? argv[0] : ".");
	load_all(targets);
	if (!nr_images || !mkdtemp(dir)) {
		printf("1..0 # SKIP no targets, or no directory for mutants\n");
		return 0;
	}
	if (argc > 1)
		diag("first seed %llu", (unsigned long long)seed);
	if (!loud)
		test_reader(seed, seconds ? start + seconds / 4 : 0);
	test_finder(seed, seconds ? start + seconds : 0, dir, loud);
	if (!loud)
		test_made(targets);
	rmdir(dir);
	for (i = 0; i < nr_images; i++)
		free(images[i].bytes);
	return done_testing();
}
