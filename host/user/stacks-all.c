// SPDX-License-Identifier: GPL-2.0
/*
 * stacks-all.c - who is to return where, of stacks that nobody knows of.
 *
 * Purpose: coroutines and goroutines that do not run now have their stacks somewhere in the program's memory. No
 * two runtimes keep them in the same way, but all of them in memory that the program can write to: every aligned
 * word of it that is there is looked at.  Whatever looks like an address in a window counts, data too; then that
 * site alone goes without its jump.
 *
 * Pages that nobody has touched are not read: that would make page tables for them, and hold the program for
 * as long.  The kernel says which are there (/proc/PID/pagemap).
 *
 * All threads are stopped meanwhile, hence the limit, by what 50 ms are enough for; pages are counted before
 * any is read.  The time is not taken for that of the sites of a stop, which would be made smaller and hence more.
 *
 * No locks.
 */
#include "stacks.h"

#include <fcntl.h>
#include <unistd.h>

#define CHUNK	      (256u << 10)
#define ENTRIES	      4096u
#define MAX_PAGES     ((64u << 20) / HOST_PAGE)
#define MAX_ENTRIES   ((4ull << 30) / HOST_PAGE)

#define PAGE_IS_THERE (3ull << 62) /* present, or in swap */

/**
 * struct scan_all - a search on its way
 * @t:		stopped, one of the process
 * @pagemap:	descriptor
 * @pages, @entries: how many there are
 * @counting:	nothing is read yet
 * @start, @end: a run of pages that are there and have not been read yet
 */
struct scan_all {
	struct stack_search *s;
	struct host_task *t;
	int pagemap;
	u64 pages, entries;
	bool counting;
	u64 start, end;
};

static int read_run(struct scan_all *all)
{
	static u64 buf[CHUNK / sizeof(u64)];
	u64 at;
	size_t len, i;

	for (at = all->start; at < all->end; at += len) {
		len = (size_t)min(all->end - at, (u64)CHUNK);
		if (stack_read(all->t, at, buf, len))
			return -ENOTSUPP;
		for (i = 0; i < len / sizeof(u64); i++)
			stack_word(all->s, buf[i]);
	}
	all->start = all->end = 0;
	return 0;
}

static int add_page(struct scan_all *all, u64 addr)
{
	int r = 0;

	if (all->counting)
		return ++all->pages > MAX_PAGES ? -ENOTSUPP : 0;
	if (addr != all->end) {
		r = read_run(all);
		all->start = addr;
	}
	all->end = addr + HOST_PAGE;
	return r;
}

static int scan_map(struct scan_all *all, const struct stack_map *map)
{
	static u64 entries[ENTRIES];
	u64 page = map->start / HOST_PAGE, end = map->end / HOST_PAGE;
	size_t nr, i;
	int r = 0;

	all->entries += all->counting ? end - page : 0;
	if (all->entries > MAX_ENTRIES)
		return -ENOTSUPP;
	for (; page < end && !r; page += nr) {
		nr = (size_t)min(end - page, (u64)ENTRIES);
		if (pread(all->pagemap, entries, nr * sizeof(u64), (off_t)(page * sizeof(u64))) !=
		    (ssize_t)(nr * sizeof(u64)))
			return -ENOTSUPP;
		for (i = 0; i < nr && !r; i++)
			if (entries[i] & PAGE_IS_THERE)
				r = add_page(all, (page + i) * HOST_PAGE);
	}
	return r;
}

static int scan_maps(struct scan_all *all, bool counting)
{
	unsigned int i;
	int r = 0;

	all->counting = counting;
	for (i = 0; i < all->s->nr_maps && !r; i++)
		if (all->s->maps[i].is_writable)
			r = scan_map(all, &all->s->maps[i]);
	return r;
}

int stacks_scan_all(struct stack_search *s)
{
	struct scan_all all = {.s = s, .pagemap = -1};
	u64 began = home_now_us();
	struct host_task *t;
	char path[48];
	int r;

	list_for_each_entry(t, &s->mm->tasks, mm_node)
		if (t->state == TASK_STOPPED && t->kind != STOP_EXIT)
			all.t = t;
	if (!all.t)
		return -ENOTSUPP;
	snprintf(path, sizeof(path), "/proc/%d/pagemap", all.t->tid);
	all.pagemap = open(path, O_RDONLY | O_CLOEXEC);
	if (all.pagemap < 0)
		return -ENOTSUPP;
	r = scan_maps(&all, true);
	if (!r)
		r = scan_maps(&all, false);
	if (!r)
		r = read_run(&all);
	close(all.pagemap);
	if (s->mm->stop_began)
		s->mm->stop_began += home_now_us() - began;
	return r;
}
