// SPDX-License-Identifier: GPL-2.0
/*
 * fake-mem.c - files and address spaces of the fake host.
 *
 * Purpose: mappings with protections, pages that are not there yet, stacks
 * that grow, memory that several have.  Three ways in: as the CPU does it, as the engine may in the
 * atomic half, and as a debugger writes text.
 *
 * Locks: none, one thread.
 */
#include "fake-int.h"

struct fake_file *fake_file_new(struct fake_world *w, const u8 *bytes, size_t len)
{
	struct fake_file *file = kzalloc(sizeof(*file), GFP_KERNEL);
	static u64 next_ino = 1;

	BUG_ON(!file);
	file->len = ALIGN(len, FAKE_PAGE);
	file->bytes = kvcalloc(1, file->len, GFP_KERNEL);
	file->executed = kvcalloc(len, sizeof(*file->executed), GFP_KERNEL);
	BUG_ON(!file->bytes || !file->executed);
	memcpy(file->bytes, bytes, len);
	file->len = len;
	file->key.dev = 0xfa4e;
	file->key.ino = next_ino++;
	list_add_tail(&file->node, &w->files);
	return file;
}

u64 fake_executed(const struct fake_file *file, u64 offset)
{
	return offset < file->len ? file->executed[offset] : 0;
}

struct fake_map *fake_map_at(struct fake_mm *mm, u64 addr)
{
	struct fake_map *map;

	list_for_each_entry(map, &mm->maps, node)
		if (addr >= map->start && addr < map->end)
			return map;
	return NULL;
}

/* --- shared memory --------------------------------------------------------- */

struct fake_shared *fake_shared_new(struct fake_world *w, size_t size)
{
	struct fake_shared *shared = kzalloc(sizeof(*shared), GFP_KERNEL);

	BUG_ON(!shared);
	shared->world = w;
	shared->bytes = kvcalloc(1, size, GFP_KERNEL);
	BUG_ON(!shared->bytes);
	shared->refs = 1;
	w->nr_shared++;
	return shared;
}

void fake_shared_put(struct fake_shared *shared)
{
	if (--shared->refs)
		return;
	shared->world->nr_shared--;
	kvfree(shared->bytes);
	kfree(shared);
}

static void map_share(struct fake_map *map, struct fake_shared *shared)
{
	kvfree(map->bytes);
	map->bytes = (u8 *)shared->bytes;
	map->shared = shared;
	shared->refs++;
}

struct fake_map *fake_map_shared(struct fake_mm *mm, u64 addr, u64 len, struct fake_shared *shared)
{
	struct fake_map *map = fake_map_raw(mm, addr, len, FAKE_R | FAKE_W, NULL, 0);

	map_share(map, shared);
	return map;
}

/* --- mappings -------------------------------------------------------------- */

static void map_free(struct fake_map *map)
{
	list_del(&map->node);
	if (map->shared)
		fake_shared_put(map->shared);
	else
		kvfree(map->bytes);
	kfree(map->present);
	kfree(map);
}

struct fake_map *fake_map_raw(struct fake_mm *mm, u64 addr, u64 len, unsigned int prot, struct fake_file *file,
			      u64 offset)
{
	struct fake_map *map = kzalloc(sizeof(*map), GFP_KERNEL);
	size_t pages;

	len = ALIGN(len, FAKE_PAGE);
	pages = len / FAKE_PAGE;
	BUG_ON(!map || addr % FAKE_PAGE || offset % FAKE_PAGE);
	map->start = addr;
	map->end = addr + len;
	map->prot = prot;
	map->file = file;
	map->offset = offset;
	map->bytes = kvcalloc(1, len, GFP_KERNEL);
	map->present = kzalloc(pages, GFP_KERNEL);
	BUG_ON(!map->bytes || !map->present);
	if (file && offset < ALIGN(file->len, FAKE_PAGE))
		memcpy(map->bytes, file->bytes + offset, min(len, ALIGN(file->len, FAKE_PAGE) - offset));
	if (!(prot & (FAKE_ABSENT | FAKE_GROWS)))
		memset(map->present, 1, pages);
	if (prot & FAKE_GROWS)
		map->present[pages - 1] = 1;
	list_add_tail(&map->node, &mm->maps);
	return map;
}

/* Whole mappings only: what the scripts need. */
void fake_unmap_raw(struct fake_mm *mm, u64 addr, u64 len)
{
	struct fake_map *map, *next;

	list_for_each_entry_safe(map, next, &mm->maps, node)
		if (map->start >= addr && map->end <= addr + len)
			map_free(map);
}

u64 fake_find_room(struct fake_mm *mm, u64 lo, u64 hi, size_t size)
{
	struct fake_map *map;
	u64 addr = ALIGN(max_t(u64, lo, 0x10000), FAKE_PAGE);
	bool hit = true;

	while (hit && addr + size <= hi && addr + size > addr) {
		hit = false;
		list_for_each_entry(map, &mm->maps, node) {
			if (addr + size <= map->start || addr >= map->end)
				continue;
			addr = map->end;
			hit = true;
		}
	}
	return !hit && addr + size <= hi && addr + size > addr ? addr : 0;
}

struct fake_mm *fake_mm_raw(struct fake_world *w)
{
	struct fake_mm *mm = kzalloc(sizeof(*mm), GFP_KERNEL);

	BUG_ON(!mm);
	mm->world = w;
	mm->next_stack = FAKE_STACK;
	INIT_LIST_HEAD(&mm->maps);
	list_add_tail(&mm->node, &w->mms);
	return mm;
}

bool fake_is_planted(const struct fake_mm *mm, u64 addr)
{
	unsigned int i;

	for (i = mm->nr_planted; i--;)
		if (mm->planted[i] == addr)
			return true;
	return false;
}

static u64 *planted_room(const struct fake_mm *mm, unsigned int nr)
{
	u64 *bigger = kvcalloc(nr, sizeof(*bigger), GFP_KERNEL);

	BUG_ON(!bigger);
	if (mm->nr_planted)
		memcpy(bigger, mm->planted, mm->nr_planted * sizeof(*bigger));
	return bigger;
}

void fake_plant(struct fake_mm *mm, u64 addr)
{
	u64 *old = mm->planted;

	if (fake_is_planted(mm, addr))
		return;
	/* 64, and then twice as many each time */
	if (mm->nr_planted < 64 ? !mm->nr_planted : !(mm->nr_planted & (mm->nr_planted - 1))) {
		mm->planted = planted_room(mm, max(2 * mm->nr_planted, 64u));
		kvfree(old);
	}
	mm->planted[mm->nr_planted++] = addr;
}

int fake_mm_copy(struct fake_mm *to, const struct fake_mm *from)
{
	struct fake_map *map, *copy;

	memcpy(to->handlers, from->handlers, sizeof(to->handlers));
	to->next_stack = from->next_stack;
	if (from->nr_planted) {
		unsigned int room = 64;

		while (room < 2 * from->nr_planted)
			room *= 2;
		to->planted = planted_room(from, room);
		to->nr_planted = from->nr_planted;
	}
	list_for_each_entry(map, &from->maps, node) {
		copy = fake_map_raw(to, map->start, map->end - map->start, map->prot, map->file, map->offset);
		if (map->shared)
			map_share(copy, map->shared);
		else
			memcpy(copy->bytes, map->bytes, map->end - map->start);
		memcpy(copy->present, map->present, (map->end - map->start) / FAKE_PAGE);
		copy->area = map->area;
	}
	return 0;
}

void fake_mm_free(struct fake_mm *mm)
{
	struct fake_map *map, *next;

	list_for_each_entry_safe(map, next, &mm->maps, node)
		map_free(map);
	list_del(&mm->node);
	kvfree(mm->planted);
	kfree(mm);
}

/* --- access ---------------------------------------------------------------- */

static bool page_present(const struct fake_map *map, u64 addr)
{
	return map->present[(addr - map->start) / FAKE_PAGE];
}

/* Protection of every page first, so that nothing is half done. */
static int probe(struct fake_mm *mm, u64 addr, size_t len, enum fake_access access, bool bring_in)
{
	u64 page, last = addr + len - 1;

	if (!len)
		return 0;
	for (page = addr & ~(FAKE_PAGE - 1); page <= last; page += FAKE_PAGE) {
		struct fake_map *map = fake_map_at(mm, page);

		if (!map || !(map->prot & access))
			return -EFAULT;
		if (page_present(map, page))
			continue;
		if (!bring_in)
			return -EAGAIN;
	}
	for (page = addr & ~(FAKE_PAGE - 1); bring_in && page <= last; page += FAKE_PAGE) {
		struct fake_map *map = fake_map_at(mm, page);

		map->present[(page - map->start) / FAKE_PAGE] = 1;
	}
	return 0;
}

static int copy(struct fake_mm *mm, u64 addr, void *buf, size_t len, bool write)
{
	u8 *p = buf;

	while (len) {
		struct fake_map *map = fake_map_at(mm, addr);
		size_t n;

		if (!map)
			return -EFAULT;
		n = min_t(u64, len, map->end - addr);
		if (write)
			memcpy(map->bytes + (addr - map->start), p, n);
		else
			memcpy(p, map->bytes + (addr - map->start), n);
		addr += n;
		p += n;
		len -= n;
	}
	return 0;
}

int fake_original(struct fake_mm *mm, u64 addr, u8 *buf, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		struct fake_map *map = fake_map_at(mm, addr + i);
		u64 offset;

		if (!map)
			return -EFAULT;
		offset = addr + i - map->start + map->offset;
		buf[i] = map->file && offset < ALIGN((u64)map->file->len, FAKE_PAGE) ?
				 map->file->bytes[offset] :
				 map->bytes[addr + i - map->start];
	}
	return 0;
}

int fake_cpu_access(struct fake_mm *mm, u64 addr, void *buf, size_t len, enum fake_access access)
{
	struct fake_dry *dry = mm->dry;
	int ret = probe(mm, addr, len, access, true);

	if (ret)
		return ret;
	if (dry && access == FAKE_ACC_W) {
		dry->wrote = true;
		dry->addr = addr;
		dry->len = len;
		memcpy(&dry->value, buf, min_t(size_t, len, sizeof(dry->value)));
	}
	if (!dry || !dry->trying)
		return copy(mm, addr, buf, len, access == FAKE_ACC_W);
	if (access == FAKE_ACC_X)
		return fake_original(mm, addr, buf, len);
	return access == FAKE_ACC_W ? 0 : copy(mm, addr, buf, len, false);
}

int fake_soft_access(struct fake_mm *mm, u64 addr, void *buf, size_t len, enum fake_access access, bool may_sleep)
{
	int ret = probe(mm, addr, len, access, may_sleep);

	return ret ? ret : copy(mm, addr, buf, len, access == FAKE_ACC_W);
}

int fake_text_access(struct fake_mm *mm, u64 addr, void *buf, size_t len, bool write)
{
	struct fake_map *map = fake_map_at(mm, addr);

	if (!map || addr + len > map->end)
		return -EFAULT;
	if (write && (map->prot & FAKE_SHARED))
		return -EACCES;
	return copy(mm, addr, buf, len, write);
}

int fake_peek(struct fake_mm *mm, u64 addr, void *buf, size_t len)
{
	return copy(mm, addr, buf, len, false);
}

int fake_poke(struct fake_mm *mm, u64 addr, const void *buf, size_t len)
{
	return copy(mm, addr, (void *)buf, len, true);
}

bool fake_text_is_clean(struct fake_mm *mm, bool areas_too)
{
	struct fake_map *map;

	list_for_each_entry(map, &mm->maps, node) {
		u64 len = map->end - map->start;

		if (map->area && areas_too)
			return false;
		if (!map->file || !(map->prot & FAKE_X))
			continue;
		len = min(len, ALIGN((u64)map->file->len, FAKE_PAGE) - map->offset);
		if (memcmp(map->bytes, map->file->bytes + map->offset, len))
			return false;
	}
	return true;
}

/* --- the oracle -------------------------------------------------------------- */

void fake_oracle_count(struct fake_mm *mm, u64 addr, int by)
{
	struct fake_map *map = fake_map_at(mm, addr);
	u64 offset;

	if (!map || !map->file)
		return;
	offset = addr - map->start + map->offset;
	if (offset < map->file->len)
		map->file->executed[offset] += by;
}

/* A breakpoint that somebody claims: what becomes of the instruction shows when the task goes on. */
void fake_oracle_hit(struct fake_task *t, u64 addr)
{
	t->site = addr;
}

/*
 * Called before the CPU runs the task or its pc becomes visible.  In an area:
 * not decided yet.  Back at the site: it was not executed.  Elsewhere: it was.
 */
void fake_oracle_resolve(struct fake_task *t)
{
	struct fake_map *map;

	if (!t->site)
		return;
	map = fake_map_at(t->mm, t->regs.ip);
	if (map && map->area)
		return;
	if (t->regs.ip != t->site)
		fake_oracle_count(t->mm, t->site, 1);
	t->site = 0;
}
