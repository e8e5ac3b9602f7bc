// SPDX-License-Identifier: GPL-2.0
/*
 * area.c - executable memory of ours in a target.
 *
 * Purpose: areas are mapped and given back by system calls that a stopped task
 * of the address space is made to do.  The engine asks with its locks held, so
 * requests wait on home->requests until home_work() can serve them; one for
 * which nobody is stopped waits for the next stop.
 *
 * An area goes below the mapping that follows a gap, the way the kernel places
 * mappings itself, and never where a stack or the heap may want to grow.
 *
 * No locks of its own; upr_area_mapped() is called with none of the engine's.
 */
#include "host.h"

#include <sys/mman.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

#define STACK_ROOM (64ull << 20)
#define HEAP_ROOM  (64ull << 20)
#define USER_TOP   (1ull << 47)

/* --- what we have ----------------------------------------------------------------- */

bool area_has(const struct host_mm *mm, u64 addr, size_t len)
{
	struct host_area *area;

	list_for_each_entry(area, &mm->areas, node)
		if (addr >= area->addr && addr + len <= area->addr + area->size)
			return true;
	return false;
}

static void remember(struct host_mm *mm, u64 addr, size_t size)
{
	struct host_area *area = malloc(sizeof(*area));

	if (!area)
		return;
	area->addr = addr;
	area->size = size;
	list_add_tail(&area->node, &mm->areas);
}

static void forget(struct host_mm *mm, u64 addr)
{
	struct host_area *area, *next;

	list_for_each_entry_safe(area, next, &mm->areas, node) {
		if (area->addr != addr)
			continue;
		list_del(&area->node);
		free(area);
	}
}

int areas_copy(struct host_mm *to, const struct host_mm *from)
{
	struct host_area *area;

	list_for_each_entry(area, &from->areas, node)
		remember(to, area->addr, area->size);
	return 0;
}

static void drop(struct host_request *req)
{
	list_del(&req->node);
	free(req);
}

/* The address space is gone. */
void area_forget(struct host_mm *mm)
{
	struct host_request *req, *next;
	struct host_area *area, *next_area;

	list_for_each_entry_safe(req, next, &mm->home->requests, node)
		if (req->mm == mm)
			drop(req);
	list_for_each_entry_safe(area, next_area, &mm->areas, node) {
		list_del(&area->node);
		free(area);
	}
}

bool area_pending(const struct host_mm *mm)
{
	struct host_request *req;

	list_for_each_entry(req, &mm->home->requests, node)
		if (req->mm == mm)
			return true;
	return false;
}

/* --- asking ------------------------------------------------------------------------- */

static void ask(struct host_mm *mm, struct upr_area *area, u64 addr, size_t size)
{
	struct host_request *req = calloc(1, sizeof(*req));

	BUG_ON(!req);
	req->mm = mm;
	req->area = area;
	req->addr = addr;
	req->size = size;
	list_add_tail(&req->node, &mm->home->requests);
}

void host_area_map(struct upr_mm *umm, struct upr_area *area)
{
	ask(umm->host, area, 0, area->size);
}

void host_area_unmap(struct upr_mm *umm, u64 addr, size_t size)
{
	ask(umm->host, NULL, addr, size);
}

/* --- a place -------------------------------------------------------------------------- */

struct gap_search {
	u64 lo, hi, size;
	u64 prev_end;
	u64 found;
};

static void try_gap(struct gap_search *s, u64 start, u64 end)
{
	start = max(start, s->lo);
	end = min(end, s->hi);
	if (!s->found && end > start && end - start >= s->size)
		s->found = (end - s->size) & ~(u64)(HOST_PAGE - 1);
}

static int look_at_gap(void *data, const struct map_line *line)
{
	struct gap_search *s = data;
	u64 end = line->start;

	if (!strcmp(line->path, "[stack]"))
		end = end > STACK_ROOM ? end - STACK_ROOM : 0;
	/* a page between: no two mappings of different owners look like one */
	if (end > HOST_PAGE)
		try_gap(s, s->prev_end, end - HOST_PAGE);
	s->prev_end = line->end + HOST_PAGE;
	if (!strcmp(line->path, "[heap]"))
		s->prev_end += HEAP_ROOM;
	return !!s->found;
}

static s64 find_place(struct host_mm *mm, const struct upr_area *area)
{
	struct gap_search s = {.lo = area->lo, .hi = area->hi, .size = area->size};
	int r = maps_each(mm_any_tid(mm), look_at_gap, &s);

	if (r < 0)
		return r;
	try_gap(&s, s.prev_end, mm->mode32 ? 0xffffe000u : USER_TOP - HOST_PAGE);
	return s.found ? (s64)s.found : -ENOMEM;
}

/* --- serving ---------------------------------------------------------------------------- */

static s64 map_in(struct host_task *t, const struct host_request *req, u64 place)
{
	u64 args[6] = {
		place, req->size, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, (u64)-1, 0,
	};
	s64 ret = 0;
	int r = inject(t, inject_nr(t, CALL_MMAP), args, &ret);

	if (r)
		return r;
	if (ret > 0 && (u64)ret != place) {
		/* a kernel that does not know NOREPLACE has put it elsewhere */
		u64 back[6] = {(u64)ret, req->size};

		inject(t, inject_nr(t, CALL_MUNMAP), back, &ret);
		return -ENOMEM;
	}
	return ret == -EEXIST || ret == -EINVAL ? -ENOMEM : ret;
}

static s64 unmap_in(struct host_task *t, const struct host_request *req)
{
	u64 args[6] = {req->addr, req->size};
	s64 ret = 0;
	int r = inject(t, inject_nr(t, CALL_MUNMAP), args, &ret);

	return r ? r : ret;
}

/* By one task after the other, until one can.  -EAGAIN: nobody can now. */
static s64 serve(const struct host_request *req, u64 place)
{
	struct host_mm *mm = req->mm;
	struct host_task *t, *next;
	s64 r = -EAGAIN, now;

	list_for_each_entry_safe(t, next, &mm->tasks, mm_node) {
		if (t->state != TASK_STOPPED || t->kind == STOP_EXIT || t->kind == STOP_VFORK)
			continue;
		now = req->area ? map_in(t, req, place) : unmap_in(t, req);
		if (now == -EPERM)
			r = -EPERM;
		else if (now != -ESRCH && now != -EAGAIN && now != -EBUSY && now != -ETIMEDOUT)
			return now;
	}
	return r;
}

static void filtered(struct host_mm *mm, const char *so)
{
	struct host_task *t = list_empty(&mm->tasks) ? NULL : list_first_entry(&mm->tasks, struct host_task, mm_node);

	if (t)
		home_note(mm->home, UPR_NOTE_SECCOMP, t->proc,
			  "process %d has a seccomp filter: nothing is asked of the kernel in its name, so %s",
			  t->proc->pid, so);
}

/* Return: it has been answered. */
static bool serve_map(struct host_request *req)
{
	struct host_mm *mm = req->mm;
	struct upr_area *area = req->area;
	s64 r = find_place(mm, area);

	if (r > 0)
		r = serve(req, (u64)r);
	if (r == -EAGAIN || r == -ESRCH)
		return false;
	if (r == -EPERM)
		filtered(mm, "instructions that need a copy cannot be probed in it");
	if (r > 0)
		remember(mm, (u64)r, req->size);
	drop(req);
	upr_area_mapped(mm->mm, area, r);
	return true;
}

static bool serve_unmap(struct host_request *req)
{
	s64 r = serve(req, 0);

	if (r == -EAGAIN || r == -ESRCH)
		return false;
	if (r == -EPERM)
		filtered(req->mm,
			 "the memory that held copies of instructions stays mapped; nothing in it is used any more");
	forget(req->mm, req->addr);
	drop(req);
	return true;
}

/* Return: the engine has had an answer. */
bool area_requests(struct upr_home *home)
{
	struct host_request *req, *next;
	bool any = false;

	list_for_each_entry_safe(req, next, &home->requests, node)
		any |= req->area ? serve_map(req) : serve_unmap(req);
	return any;
}
