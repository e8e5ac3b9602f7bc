// SPDX-License-Identifier: GPL-2.0
/*
 * area.c - memory of ours in a target.
 *
 * Purpose: areas (and counters, counters.c) are mapped and given back by system calls that a stopped task
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
		if (!area->counters && addr >= area->addr && addr + len <= area->addr + area->size)
			return true;
	return false;
}

struct host_area *area_remember(struct host_mm *mm, u64 addr, size_t size)
{
	struct host_area *area = calloc(1, sizeof(*area));

	if (!area)
		return NULL;
	area->addr = addr;
	area->size = size;
	list_add_tail(&area->node, &mm->areas);
	return area;
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
	struct host_area *area, *copy;

	list_for_each_entry(area, &from->areas, node) {
		copy = area_remember(to, area->addr, area->size);
		if (!copy)
			return -ENOMEM;
		copy->counters = area->counters;
		copy->key = area->key;
	}
	return 0;
}

static void drop(struct host_request *req)
{
	list_del(&req->node);
	free(req);
}

/* Nobody is told: there is nobody left to use it. */
static void give_up(struct host_request *req)
{
	if (req->counters)
		counters_drop(req);
	drop(req);
}

/* The address space is gone. */
void area_forget(struct host_mm *mm)
{
	struct host_request *req, *next;
	struct host_area *area, *next_area;

	list_for_each_entry_safe(req, next, &mm->home->requests, node)
		if (req->mm == mm)
			give_up(req);
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

struct host_request *area_ask(struct host_mm *mm, u64 addr, size_t size)
{
	struct host_request *req = calloc(1, sizeof(*req));

	BUG_ON(!req);
	req->mm = mm;
	req->addr = addr;
	req->size = size;
	req->fd = -1;
	list_add_tail(&req->node, &mm->home->requests);
	return req;
}

void host_area_map(struct upr_mm *umm, struct upr_area *area)
{
	area_ask(umm->host, 0, area->size)->area = area;
}

/* The engine has everybody quiet now; when the request is served they may be running again. */
void host_area_unmap(struct upr_mm *umm, u64 addr, size_t size)
{
	rseq_forget(umm->host, addr, size);
	area_ask(umm->host, addr, size);
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

/* The lowest address that a process without privilege may map. */
static u64 lowest_address(void)
{
	static u64 known;
	char buf[32];

	if (!known)
		known = proc_read(buf, sizeof(buf), "/proc/sys/vm/mmap_min_addr") > 0 ? strtoull(buf, NULL, 10) : 65536;
	return ALIGN(max(known, (u64)HOST_PAGE), (u64)HOST_PAGE);
}

/* Return: an address; -ENOMEM: there is no room in [lo, hi); -errno */
s64 area_place(struct host_mm *mm, u64 lo, u64 hi, size_t size)
{
	struct gap_search s = {.lo = max(lo, lowest_address()), .hi = hi, .size = size};
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
	s64 ret = inject(t, CALL_MMAP, args);

	if (ret > 0 && (u64)ret != place) {
		/* a kernel that does not know NOREPLACE has put it elsewhere */
		u64 back[6] = {(u64)ret, req->size};

		inject(t, CALL_MUNMAP, back);
		return -ENOMEM;
	}
	/* in whatever words: not there */
	return ret == -EEXIST || ret == -EINVAL || ret == -EACCES ? -ENOMEM : ret;
}

static s64 unmap_in(struct host_task *t, const struct host_request *req)
{
	u64 args[6] = {req->addr, req->size};

	return inject(t, CALL_MUNMAP, args);
}

static s64 serve_by(struct host_task *t, struct host_request *req, u64 place)
{
	if (req->counters)
		return counters_map_in(t, req);
	return req->area ? map_in(t, req, place) : unmap_in(t, req);
}

/* By one task after the other, until one can.  -EAGAIN: nobody can now; -ENOMEM: nor ever, all are ending. */
static s64 serve(struct host_request *req, u64 place)
{
	struct host_mm *mm = req->mm;
	struct host_task *t, *next;
	bool ending = !list_empty(&mm->tasks);
	s64 r = -EAGAIN, now;

	list_for_each_entry_safe(t, next, &mm->tasks, mm_node) {
		if (t->state == TASK_STOPPED && t->kind == STOP_EXIT)
			continue;
		ending = false;
		if (t->state != TASK_STOPPED || t->kind == STOP_VFORK)
			continue;
		now = serve_by(t, req, place);
		if (now == -EPERM)
			r = -EPERM;
		else if (now != -ESRCH && now != -EAGAIN && now != -EBUSY && now != -ETIMEDOUT)
			return now;
	}
	return ending ? -ENOMEM : r;
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
	s64 r = area_place(mm, area->lo, area->hi, area->size);

	if (r > 0)
		r = serve(req, (u64)r);
	if (r == -EAGAIN || r == -ESRCH)
		return false;
	if (r == -EPERM)
		filtered(mm, "instructions that need a copy cannot be probed in it");
	if (r > 0)
		area_remember(mm, (u64)r, req->size);
	drop(req);
	upr_area_mapped(mm->mm, area, r);
	return true;
}

static bool serve_counters(struct host_request *req)
{
	struct upr_counters *counters = req->counters;
	struct host_mm *mm = req->mm;
	s64 r = serve(req, 0);

	if (r == -EAGAIN || r == -ESRCH)
		return false;
	if (r == -EPERM)
		filtered(mm, "nothing can be counted in it without a trap");
	if (r < 0)
		counters_drop(req);
	drop(req);
	upr_counters_mapped(mm->mm, counters, r);
	return true;
}

static bool serve_unmap(struct host_request *req)
{
	s64 r;

	regs_flush_all(req->mm);
	r = serve(req, 0);
	if (r == -EAGAIN || r == -ESRCH)
		return false;
	if (r == -EPERM)
		filtered(req->mm,
			 "the memory that held copies of instructions, or counters, stays mapped; nothing in it is "
			 "used any more");
	forget(req->mm, req->addr);
	drop(req);
	return true;
}

/* Return: the engine has had an answer. */
bool area_requests(struct upr_home *home)
{
	struct host_request *req, *next;
	bool any = false;

	list_for_each_entry_safe(req, next, &home->requests, node) {
		if (req->counters)
			any |= serve_counters(req);
		else
			any |= req->area ? serve_map(req) : serve_unmap(req);
	}
	return any;
}
