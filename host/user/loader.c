// SPDX-License-Identifier: GPL-2.0
/*
 * loader.c - the dynamic loader's rendezvous.
 *
 * Purpose: new libraries are known, and armed, before any code of theirs runs.
 *
 * A debugger's way: the loader calls an empty function, _dl_debug_state, whenever
 * its list of libraries is about to change or has changed.  A probe of the home's
 * own stands there, put in through the engine like any other, so it lives
 * with probes of the user's at the same address and is inherited by forks.  At each
 * hit the maps are compared.
 *
 * While a program is started up that is not enough: the loader runs resolvers of
 * indirect functions before it first says that all is consistent.  So until
 * then system calls are traced, and the maps compared after each that may have made
 * text.  A program whose loader has no such function is traced so until its
 * entry point is reached.
 *
 * One probe per loader file and session, kept until the home is closed.  No locks.
 */
#include "host.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

/**
 * struct loader_file - a file with a probe of ours: a loader, or a program at its entry
 * @offset:	of the probe
 * @state:	r_debug, relative to where the file is loaded; 0: there is none
 * @code, @len:	of the probed instruction, and behind it
 * @refused:	the probe could not be had
 * @paused:	it has been taken out for the time being
 */
struct loader_file {
	struct loader_file *next;
	struct upr_file_key key;
	u64 offset;
	u64 state;
	u8 code[UPR_INSN_MAX];
	size_t len;
	enum upr_insn_mode mode;
	bool is_entry;
	bool refused;
	bool paused;
	struct upr_consumer consumer;
};

static void on_hit(struct upr_consumer *consumer, struct utrace_task *task, u64 addr)
{
	struct host_task *t = task->host;

	(void)consumer;
	(void)addr;
	t->loader = true;
}

/* --- finding it ------------------------------------------------------------------------- */

struct base_search {
	u64 addr;
	struct host_map map;
};

static int find_base(void *data, const struct map_line *line)
{
	struct base_search *s = data;

	if (s->addr < line->start || s->addr >= line->end)
		return 0;
	s->map.start = line->start;
	s->map.end = line->end;
	s->map.offset = line->offset;
	s->map.key = line->key;
	s->map.path = strdup(line->path);
	return 1;
}

static int read_code(const char *path, u64 offset, u8 *code)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = pread(fd, code, UPR_INSN_MAX, (off_t)offset);
	close(fd);
	return n > 0 ? (int)n : -EIO;
}

static void put_probe(struct upr_home *home, struct loader_file *f)
{
	memset(&f->consumer, 0, sizeof(f->consumer));
	f->consumer.hit = on_hit;
	f->refused = upr_register(home->session, f->key, f->offset, f->code, f->len, f->mode, &f->consumer, NULL) != 0;
}

static void new_probe(struct upr_home *home, struct loader_file *f, const char *path, bool mode32)
{
	int len = read_code(path, f->offset, f->code);

	f->mode = mode32 ? UPR_INSN_32 : UPR_INSN_64;
	f->len = len > 0 ? (size_t)len : 0;
	f->refused = true;
	if (f->len)
		put_probe(home, f);
}

static struct loader_file *known_file(struct upr_home *home, struct upr_file_key key, bool is_entry)
{
	struct loader_file *f;

	for (f = home->loader_files; f; f = f->next)
		if (f->key.dev == key.dev && f->key.ino == key.ino && f->is_entry == is_entry)
			return f;
	return NULL;
}

static struct loader_file *new_file(struct upr_home *home, struct upr_file_key key, bool is_entry)
{
	struct loader_file *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->key = key;
	f->is_entry = is_entry;
	f->next = home->loader_files;
	home->loader_files = f;
	return f;
}

static struct loader_file *learn_loader(struct host_task *t, const struct host_map *map)
{
	static const char *const names[] = {"_dl_debug_state", "_r_debug"};
	struct elf_symbol found[2];
	struct loader_file *f = new_file(t->home, map->key, false);
	char path[4096 + 64];

	if (!f)
		return NULL;
	f->refused = true;
	if (proc_open_path(t->tid, map, path, sizeof(path)) || symbol_find(path, names, found, 2))
		return f;
	if (!found[0].found || found[0].offset == ~(u64)0)
		return f;
	/* a static program may have one as well, but for nothing */
	if (!found[0].exported)
		return f;
	f->offset = found[0].offset;
	f->state = found[1].found ? found[1].value : 0;
	new_probe(t->home, f, path, t->mm->mode32);
	return f;
}

/* The mapping that holds @addr, in *map; map->path is the caller's to free. */
static int map_at(struct host_task *t, u64 addr, struct host_map *map)
{
	struct base_search s = {.addr = addr};

	if (!addr || maps_each(t->tid, find_base, &s) != 1 || !s.map.path)
		return -ENOENT;
	*map = s.map;
	return 0;
}

static int wait_at_entry(struct host_task *t)
{
	u64 entry = proc_auxv(t->tid, AT_ENTRY, t->mm->mode32);
	char path[4096 + 64];
	struct loader_file *f;
	struct host_map map;

	if (map_at(t, entry, &map))
		return -ENOENT;
	f = known_file(t->home, map.key, true);
	if (!f && map.key.ino && !proc_open_path(t->tid, &map, path, sizeof(path))) {
		f = new_file(t->home, map.key, true);
		if (f) {
			f->offset = map.offset + (entry - map.start);
			new_probe(t->home, f, path, t->mm->mode32);
		}
	}
	free(map.path);
	return f && !f->refused ? 0 : -ENOENT;
}

static void ready(struct host_task *t)
{
	struct host_proc *proc = t->proc;

	if (proc->starting || t->mm->fresh)
		survive_watch(proc);
	if (proc->starting)
		proc->ready_at = home_now_ms();
	proc->starting = false;
	survive_grown_up(t->mm);
	if (!t->mm->ready) {
		t->mm->ready = true;
		upr_report_ready(t->mm->mm);
	}
	if (proc->told_ready)
		return;
	proc->told_ready = true;
	survive_look_soon(proc);
	if (t->home->client.ready)
		t->home->client.ready(t->home->data, t->mm->mm, proc->pid);
	t->home->spent = true;
}

/**
 * loader_init() - a program stands before its first instruction (@starting), or was attached to
 * Called before its maps are scanned: then the probes are armed with all others.
 */
void loader_init(struct host_task *t, bool starting)
{
	u64 base = proc_auxv(t->tid, AT_BASE, t->mm->mode32);
	struct loader_file *f = NULL;
	struct host_map map;
	bool direct = !base;

	/* the loader may be run as a command: then it is the program itself */
	if (direct)
		base = proc_auxv(t->tid, AT_PHDR, t->mm->mode32) & ~(u64)(HOST_PAGE - 1);
	if (!map_at(t, base, &map)) {
		f = known_file(t->home, map.key, false);
		if (!f)
			f = learn_loader(t, &map);
		free(map.path);
	}
	t->mm->rendezvous = f && f->state ? base + f->state : 0;
	t->proc->starting = starting && ((f && !f->refused) || (!direct && !wait_at_entry(t)));
}

/* Static programs, and those attached to, are as ready as they will be. */
void loader_started(struct host_task *t)
{
	if (!t->proc->starting)
		ready(t);
}

/* Where its breakpoint is in @mm; 0: there is none, or none that comes before the program's own code. */
u64 loader_site(struct host_mm *mm)
{
	const struct loader_file *f;
	unsigned int i;

	for (i = 0; i < mm->maps.nr; i++) {
		const struct host_map *map = &mm->maps.v[i];

		for (f = mm->home->loader_files; f; f = f->next)
			if (!f->refused && !f->paused && f->state && f->key.dev == map->key.dev &&
			    f->key.ino == map->key.ino && f->offset - map->offset < map->end - map->start)
				return map->start + (f->offset - map->offset);
	}
	return 0;
}

/* --- when it is hit ----------------------------------------------------------------------- */

/* r_debug.r_state; without r_debug there is one hit only, when all is done */
static int rendezvous_state(struct host_mm *mm)
{
	u64 at = mm->rendezvous + (mm->mode32 ? 12 : offsetof(struct r_debug, r_state));
	int state;

	if (!mm->rendezvous || mem_get(mm, at, &state, sizeof(state)))
		return RT_CONSISTENT;
	return state;
}

void loader_hit(struct host_task *t)
{
	int state;

	t->loader = false;
	if (!t->mm)
		return;
	state = rendezvous_state(t->mm);
	/* what is about to be added is not there yet, and all calls are traced */
	if (state == RT_ADD && t->proc->starting)
		return;
	maps_scan(t->mm);
	if (state == RT_CONSISTENT && t->proc->starting)
		ready(t);
}

#define PROT_EXEC_BIT 4

static bool may_make_text(const struct host_task *t)
{
	if (t->mm->mode32)
		return t->call_nr == 90 ||
		       ((t->call_nr == 192 || t->call_nr == 125) && (t->call_args[2] & PROT_EXEC_BIT));
	return (t->call_nr == 9 || t->call_nr == 10) && (t->call_args[2] & PROT_EXEC_BIT);
}

/* While the program is started up: at each border of a system call. */
void loader_syscall(struct host_task *t, bool entry)
{
	if (entry || !may_make_text(t))
		return;
	maps_scan(t->mm);
	guards_plant(t->mm);
}

/* --- without it --------------------------------------------------------------------------- */

/* Nothing is to stand in the programs that needs us: what they load from now on is not seen. */
void loader_pause(struct upr_home *home)
{
	struct loader_file *f;

	for (f = home->loader_files; f; f = f->next) {
		if (f->refused || f->paused)
			continue;
		upr_unregister(home->session, &f->consumer);
		f->paused = true;
	}
	home_work(home);
	upr_sync(home->session);
}

void loader_resume(struct upr_home *home)
{
	struct loader_file *f;

	for (f = home->loader_files; f; f = f->next) {
		if (!f->paused)
			continue;
		f->paused = false;
		put_probe(home, f);
	}
}

void loader_close(struct upr_home *home)
{
	struct loader_file *f, *next;

	loader_pause(home);
	for (f = home->loader_files; f; f = next) {
		next = f->next;
		free(f);
	}
	home->loader_files = NULL;
}
