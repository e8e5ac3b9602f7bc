// SPDX-License-Identifier: GPL-2.0
/*
 * guard.c - no action for SIGTRAP that the program sets takes our handler away.
 *
 * Purpose: the kernel knows one action, and a program with breakpoints needs ours when the tool is dead.
 * Every libc, and Go's runtime, has the call that sets actions in one place, and in the same words:
 *
 *	mov $13,%eax		rt_sigaction
 *	syscall
 *
 * A jump to a stub in the handler's page takes the place of the first instruction, which is as long.  For
 * other signals than SIGTRAP the stub does what the instruction does and goes back to the second.  For
 * SIGTRAP the program itself notes what it wants (struct survive_claim) and sets an entry of the handler that
 * leads there (survive-code.c).  Nobody has to live for that.
 *
 * The engine does not know: it reads the file's bytes there, and what it writes there it finds there.  A guard makes
 * way for a probe, and comes back after it.  All tasks of the address space are quiet when text is written.
 *
 * Not guarded: 32-bit programs; calls in other words (a program that makes its own system calls); a
 * place that a jump from the page does not reach.
 *
 * No locks.
 */
#include "host.h"

#include <fcntl.h>
#include <unistd.h>

/* Larger files are not searched for the sake of the loader's breakpoint alone. */
#define SMALL (4u << 20)

/* Of a jump, and some room: the page's code leads to its data, and back to what is behind the call. */
#define REACH ((1ull << 31) - 65536)

#define CHUNK 65536u

static const u8 call_code[] = {0xb8, 13, 0, 0, 0, 0x0f, 0x05};

/**
 * struct guard_file - executable part of a file
 * @sites:	where in it, from its beginning
 */
struct guard_file {
	struct guard_file *next;
	struct upr_file_key key;
	u64 offset, size;
	unsigned int nr;
	u64 sites[SURVIVE_GUARDS];
};

/* --- where they are ---------------------------------------------------------------------- */

/* @text is from there on. */
static void search(struct guard_file *f, const char *path, u64 from, const u8 *text, size_t len)
{
	const u8 *at = text, *end = text + len;

	while (f->nr < SURVIVE_GUARDS && (at = memmem(at, (size_t)(end - at), call_code, sizeof(call_code)))) {
		u64 site = from + (u64)(at - text);

		/* constants are nobody's to change */
		if (symbol_is_code(path, f->offset + site))
			f->sites[f->nr++] = site;
		at += sizeof(call_code);
	}
}

/* Read and not mapped: on a virtual machine a page costs more than its bytes.  What cannot be read has none. */
static void search_file(struct host_mm *mm, const struct host_map *map, struct guard_file *f)
{
	char path[4096 + 64];
	ssize_t n;
	u64 at = 0;
	u8 *buf;
	int fd;

	if (proc_open_path(mm_any_tid(mm), map, path, sizeof(path)))
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	buf = malloc(CHUNK);
	while (buf && at < f->size) {
		n = pread(fd, buf, min((u64)CHUNK, f->size - at), (off_t)(f->offset + at));
		if (n < (ssize_t)sizeof(call_code))
			break;
		search(f, path, at, buf, (size_t)n);
		/* what lies over a border is in both */
		at += (u64)n - sizeof(call_code) + 1;
	}
	free(buf);
	close(fd);
}

static struct guard_file *file_of(struct host_mm *mm, const struct host_map *map)
{
	struct upr_home *home = mm->home;
	u64 size = map->end - map->start;
	struct guard_file *f;

	for (f = home->guard_files; f; f = f->next)
		if (f->key.dev == map->key.dev && f->key.ino == map->key.ino && f->offset == map->offset &&
		    f->size == size)
			return f;
	if (mm->survive.nr_traps <= 1 && size > SMALL)
		return NULL;
	f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	f->key = map->key;
	f->offset = map->offset;
	f->size = size;
	search_file(mm, map, f);
	f->next = home->guard_files;
	home->guard_files = f;
	return f;
}

void guards_close(struct upr_home *home)
{
	struct guard_file *f, *next;

	for (f = home->guard_files; f; f = next) {
		next = f->next;
		free(f);
	}
	home->guard_files = NULL;
}

static void add_site(struct survive *s, u64 site)
{
	unsigned int i;

	/* a jump over the end of a page is not written at once */
	if (s->nr_guards == SURVIVE_GUARDS || HOST_PAGE - site % HOST_PAGE < UPR_JUMP_SIZE)
		return;
	for (i = 0; i < s->nr_guards; i++)
		if (s->guards[i].site == site)
			return;
	s->guards[s->nr_guards++] = (struct guard){.site = site};
}

/* In all that is mapped. */
static void find_sites(struct host_mm *mm)
{
	struct survive *s = &mm->survive;
	unsigned int i, k;

	for (i = 0; i < mm->maps.nr && !mm->mode32; i++) {
		const struct host_map *map = &mm->maps.v[i];
		const struct guard_file *f = map->shared ? NULL : file_of(mm, map);

		for (k = 0; f && k < f->nr; k++)
			add_site(s, map->start + f->sites[k]);
	}
}

/**
 * guards_place() - where the handler's page is to be, to be in reach
 * Return: 0 anywhere.
 */
u64 guards_place(struct host_mm *mm)
{
	const struct survive *s = &mm->survive;
	u64 site;
	s64 at;

	find_sites(mm);
	/* a loader has one, too, and what it maps is put beside it */
	if (!s->nr_guards)
		return 0;
	site = s->guards[0].site;
	at = area_place(mm, site > REACH ? site - REACH : 0, site + REACH, SURVIVE_SIZE);
	return at > 0 ? (u64)at : 0;
}

/* --- planting ----------------------------------------------------------------------------- */

static u64 stub_of(const struct host_mm *mm, unsigned int nr)
{
	return mm->survive.page + SURVIVE_STUBS + (u64)nr * SURVIVE_STUB;
}

static void put_rel(u8 *at, u64 end, u64 to)
{
	u32 rel = (u32)(to - end);

	memcpy(at, &rel, sizeof(rel));
}

static void make_jump(u8 jump[UPR_JUMP_SIZE], u64 from, u64 to)
{
	jump[0] = 0xe9;
	put_rel(jump + 1, from + UPR_JUMP_SIZE, to);
}

/* rcx is free before a system call, flags are not touched. */
static void make_stub(const struct host_mm *mm, unsigned int nr, u8 stub[SURVIVE_STUB])
{
	static const u8 code[] = {
		0x8d, 0x4f, 0xfb,	      /* lea -5(%rdi),%ecx: SIGTRAP? */
		0xe3, 0x0a,		      /* jrcxz 1f */
		0xb8, 13,   0,	  0, 0,	      /* mov $13,%eax */
		0xe9, 0,    0,	  0, 0,	      /* jmp: its syscall */
		0x48, 0x8d, 0x0d, 0, 0, 0, 0, /* 1: lea behind it(%rip),%rcx */
		0xe9, 0,    0,	  0, 0,	      /* jmp: the guard */
	};
	u64 at = stub_of(mm, nr), site = mm->survive.guards[nr].site;

	memset(stub, UPR_BREAKPOINT, SURVIVE_STUB);
	memcpy(stub, code, sizeof(code));
	put_rel(stub + 11, at + 15, site + UPR_JUMP_SIZE);
	put_rel(stub + 18, at + 22, site + sizeof(call_code));
	put_rel(stub + 23, at + 27, mm->survive.page + survive_code(mm->mode32).guard);
}

static bool in_reach(u64 a, u64 b)
{
	return (a > b ? a - b : b - a) < REACH;
}

static void plant(struct host_mm *mm, unsigned int nr)
{
	struct guard *g = &mm->survive.guards[nr];
	u8 now[sizeof(call_code)], jump[UPR_JUMP_SIZE], stub[SURVIVE_STUB];

	if (g->planted || !in_reach(g->site, mm->survive.page) || mem_get(mm, g->site, now, sizeof(now)) ||
	    memcmp(now, call_code, sizeof(now)))
		return;
	make_stub(mm, nr, stub);
	make_jump(jump, g->site, stub_of(mm, nr));
	if (!mem_put(mm, stub_of(mm, nr), stub, sizeof(stub)))
		g->planted = !mem_put(mm, g->site, jump, sizeof(jump));
}

static void uproot(struct host_mm *mm, unsigned int nr)
{
	struct guard *g = &mm->survive.guards[nr];
	u8 now[UPR_JUMP_SIZE], jump[UPR_JUMP_SIZE];

	if (!g->planted)
		return;
	make_jump(jump, g->site, stub_of(mm, nr));
	if (!mem_get(mm, g->site, now, sizeof(now)) && !memcmp(now, jump, sizeof(now)))
		mem_put(mm, g->site, call_code, sizeof(now));
	g->planted = false;
}

/* The page is there, and all tasks are quiet. */
void guards_plant(struct host_mm *mm)
{
	unsigned int i;

	if (!mm->survive.page || !mm->survive.claims)
		return;
	find_sites(mm);
	for (i = 0; i < mm->survive.nr_guards; i++)
		plant(mm, i);
}

/* Is any in force? */
bool guards_stand(const struct host_mm *mm)
{
	unsigned int i;

	for (i = 0; i < mm->survive.nr_guards; i++)
		if (mm->survive.guards[i].planted)
			return true;
	return false;
}

void guards_remove(struct host_mm *mm)
{
	unsigned int i;

	for (i = 0; i < mm->survive.nr_guards; i++)
		uproot(mm, i);
	mm->survive.nr_guards = 0;
}

/* --- under the engine's eyes ----------------------------------------------------------------- */

static bool overlaps(const struct guard *g, u64 addr, size_t len)
{
	return addr < g->site + UPR_JUMP_SIZE && g->site < addr + len;
}

/* It has read text: the file's. */
void guards_hide(const struct host_mm *mm, u64 addr, u8 *buf, size_t len)
{
	unsigned int i, k;

	for (i = 0; i < mm->survive.nr_guards; i++) {
		const struct guard *g = &mm->survive.guards[i];

		for (k = 0; g->planted && k < UPR_JUMP_SIZE; k++)
			if (g->site + k - addr < len)
				buf[g->site + k - addr] = call_code[k];
	}
}

/* It is about to write text.  Return: guards_plant() is wanted then. */
bool guards_make_way(struct host_mm *mm, u64 addr, size_t len)
{
	bool any = false;
	unsigned int i;

	for (i = 0; i < mm->survive.nr_guards; i++) {
		if (!overlaps(&mm->survive.guards[i], addr, len))
			continue;
		uproot(mm, i);
		any = true;
	}
	return any;
}

/* A handler is not to see a stub: from its beginning on all can be done again. */
bool guards_leave(const struct host_mm *mm, u64 *pc)
{
	u64 nr = (*pc - stub_of(mm, 0)) / SURVIVE_STUB;

	if (!mm->survive.page || nr >= mm->survive.nr_guards)
		return false;
	*pc = mm->survive.guards[nr].site;
	return true;
}
