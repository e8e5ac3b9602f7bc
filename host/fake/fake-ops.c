// SPDX-License-Identifier: GPL-2.0
/*
 * fake-ops.c - struct target_ops of the fake host, each with the checks that
 * its description in target.h promises.
 *
 * Purpose: what takes time is queued, and the scheduler completes it at a
 * moment of its choice.  Nothing here calls the engine back but the completions,
 * which run from the scheduler.
 *
 * Locks: none, one thread.
 */
#include "fake-int.h"

static struct fake_task *live(struct utrace_task *ut)
{
	struct fake_task *t = ut->host;

	return t->ut == ut && t->phase != FAKE_DEAD ? t : NULL;
}

bool fake_task_is_stopped(const struct fake_task *t)
{
	/* who has told of its end executes nothing any more */
	if (t->killed || t->phase == FAKE_EXITED || t->phase == FAKE_DEAD)
		return true;
	return t->held || t->in_hand || !t->started || t->world->reporting == t;
}

void fake_check_unlocked(struct fake_world *w, const char *what)
{
	struct fake_task *t;

	list_for_each_entry(t, &w->tasks, node)
		if (t->ut && spin_is_locked(&t->ut->lock))
			fake_fatal(w, "%s: the lock of task %d is held", what, t->tid);
}

static void check_stopped(struct fake_task *t, const char *op)
{
	if (!fake_task_is_stopped(t))
		fake_fatal(t->world, "%s: task %d is running", op, t->tid);
}

static void check_sleeping(struct fake_world *w, const char *op)
{
	if (w->atomic)
		fake_fatal(w, "%s: sleeps, called in the atomic half", op);
	fake_check_unlocked(w, op);
}

static void op_task_interrupt(struct utrace_task *ut)
{
	struct fake_task *t = live(ut);

	if (!t)
		return;
	t->interrupt = true;
	if (!t->started)
		t->must_quiesce = true;
}

static void op_task_resume(struct utrace_task *ut, enum utrace_resume how)
{
	struct fake_task *t = live(ut);

	if (!t)
		return;
	if (!t->held)
		fake_fatal(t->world, "task_resume: task %d is not held", t->tid);
	if (how == UTRACE_STOP || how >= UTRACE_DETACH)
		fake_fatal(t->world, "task_resume: task %d is let go with %d", t->tid, (int)how);
	fake_apply(t, how);
}

static int op_pc_get(struct utrace_task *ut, u64 *ret)
{
	struct fake_task *t = live(ut);

	if (!t)
		return -ESRCH;
	check_stopped(t, "pc_get");
	*ret = t->regs.ip;
	return 0;
}

static int op_pc_set(struct utrace_task *ut, u64 pc)
{
	struct fake_task *t = live(ut);
	struct fake_seen before;

	if (!t)
		return -ESRCH;
	check_stopped(t, "pc_set");
	fake_pad_moving(t, &before);
	t->regs.ip = pc;
	fake_pad_moved(t, &before);
	return 0;
}

static int op_regs_get(struct utrace_task *ut, struct upr_regs *ret)
{
	struct fake_task *t = live(ut);

	if (!t)
		return -ESRCH;
	check_stopped(t, "regs_get");
	*ret = t->regs;
	return 0;
}

static int op_regs_set(struct utrace_task *ut, const struct upr_regs *regs)
{
	struct fake_task *t = live(ut);
	struct fake_seen before;

	if (!t)
		return -ESRCH;
	check_stopped(t, "regs_set");
	fake_pad_moving(t, &before);
	t->regs = *regs;
	fake_pad_moved(t, &before);
	return 0;
}

static int op_mem_read(struct utrace_task *ut, u64 addr, void *buf, size_t len)
{
	struct fake_task *t = live(ut);

	if (!t)
		return -ESRCH;
	return fake_soft_access(t->mm, addr, buf, len, FAKE_ACC_R, !t->world->atomic);
}

static int op_mem_write(struct utrace_task *ut, u64 addr, const void *buf, size_t len)
{
	struct fake_task *t = live(ut);

	if (!t)
		return -ESRCH;
	return fake_soft_access(t->mm, addr, (void *)buf, len, FAKE_ACC_W, !t->world->atomic);
}

static int op_text_read(struct upr_mm *upr, u64 addr, void *buf, size_t len)
{
	struct fake_mm *mm = upr->host;

	check_sleeping(mm->world, "text_read");
	return mm->dead ? -ESRCH : fake_text_access(mm, addr, buf, len, false);
}

static void check_all_stopped(struct fake_mm *mm, const char *op)
{
	struct fake_task *t;

	list_for_each_entry(t, &mm->world->tasks, node)
		if (t->mm == mm && !fake_task_is_stopped(t))
			fake_fatal(mm->world, "%s while task %d is running", op, t->tid);
}

/* What a task stands in is never rewritten. */
static void check_nobody_in(struct fake_mm *mm, u64 addr, size_t len)
{
	struct fake_map *map = fake_map_at(mm, addr);
	struct fake_task *t;

	list_for_each_entry(t, &mm->world->tasks, node)
		if (map && map->area && t->mm == mm && t->phase != FAKE_DEAD && !t->killed && t->regs.ip - addr < len)
			fake_fatal(mm->world, "text_write: task %d stands in it, at %#llx", t->tid,
				   (unsigned long long)t->regs.ip);
}

static int op_text_write(struct upr_mm *upr, u64 addr, const void *buf, size_t len)
{
	struct fake_mm *mm = upr->host;
	struct fake_world *w = mm->world;

	check_sleeping(w, "text_write");
	if (mm->dead)
		return -ESRCH;
	if (len > 1)
		check_all_stopped(mm, "text_write of several bytes");
	check_nobody_in(mm, addr, len);
	if (w->fail_text && !--w->fail_text)
		return -EIO;
	return fake_text_access(mm, addr, (void *)buf, len, true);
}

static int op_data_add(struct upr_mm *upr, u64 addr, int n)
{
	struct fake_mm *mm = upr->host;
	u16 value;

	check_sleeping(mm->world, "data_add");
	if (mm->dead)
		return -ESRCH;
	if (mm->world->late_data) {
		mm->world->late_data--;
		return -EAGAIN;
	}
	if (fake_peek(mm, addr, &value, sizeof(value)))
		return -EAGAIN;
	value += (u16)n;
	return fake_poke(mm, addr, &value, sizeof(value));
}

static void op_trap_planted(struct upr_mm *upr, u64 addr)
{
	struct fake_mm *mm = upr->host;

	check_sleeping(mm->world, "trap_planted");
	fake_plant(mm, addr);
}

/* --- completed by the scheduler ---------------------------------------------- */

static void queue_request(struct fake_mm *mm, struct upr_area *area, struct upr_counters *counters, u64 addr,
			  size_t size)
{
	struct fake_request *req = kzalloc(sizeof(*req), GFP_ATOMIC);

	BUG_ON(!req);
	req->mm = mm;
	req->area = area;
	req->counters = counters;
	req->addr = addr;
	req->size = size;
	list_add_tail(&req->node, &mm->world->requests);
}

static void op_area_map(struct upr_mm *upr, struct upr_area *area)
{
	struct fake_mm *mm = upr->host;

	fake_check_unlocked(mm->world, "area_map");
	if (!area->size || area->size % FAKE_PAGE)
		fake_fatal(mm->world, "area_map: size %zu", area->size);
	if (!mm->dead)
		queue_request(mm, area, NULL, 0, area->size);
}

static void op_area_unmap(struct upr_mm *upr, u64 addr, size_t size)
{
	struct fake_mm *mm = upr->host;

	fake_check_unlocked(mm->world, "area_unmap");
	if (!mm->dead)
		queue_request(mm, NULL, NULL, addr, size);
}

/* --- jumps --------------------------------------------------------------------- */

static void op_counters_map(struct upr_mm *upr, struct upr_counters *counters)
{
	struct fake_mm *mm = upr->host;

	fake_check_unlocked(mm->world, "counters_map");
	if (!counters->size || counters->size % FAKE_PAGE || counters->view)
		fake_fatal(mm->world, "counters_map: size %zu", counters->size);
	if (!mm->dead)
		queue_request(mm, NULL, counters, 0, counters->size);
}

static void op_counters_unmap(struct upr_mm *upr, u64 addr, size_t size)
{
	op_area_unmap(upr, addr, size);
}

static void op_counters_free(struct upr_counters *counters)
{
	struct fake_shared *shared = counters->host;

	if (!shared || counters->view != shared->bytes) {
		fake_fatal(fake_world_current(), "counters_free: they are not there");
		return;
	}
	counters->host = NULL;
	counters->view = NULL;
	fake_shared_put(shared);
}

static void op_machine(u32 *nr_cpus, bool *rdpid)
{
	*nr_cpus = fake_world_current()->nr_cpus;
	*rdpid = fake_world_current()->rdpid;
}

static int op_rseq(struct upr_mm *upr, s32 *ret)
{
	struct fake_mm *mm = upr->host;

	check_sleeping(mm->world, "rseq");
	check_all_stopped(mm, "rseq");
	return -ENOENT;
}

static bool is_stack(const struct fake_map *map)
{
	return map && !map->file && !map->shared && !map->area && (map->prot & FAKE_W);
}

static void scan_word(u64 word, struct upr_text_range *ranges, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		ranges[i].hit |= word >= ranges[i].lo && word < ranges[i].hi;
}

static int op_stacks_scan(struct upr_mm *upr, struct upr_text_range *ranges, unsigned int nr)
{
	struct fake_mm *mm = upr->host;
	struct fake_world *w = mm->world;
	struct fake_task *t;
	u64 at, word;

	check_sleeping(w, "stacks_scan");
	check_all_stopped(mm, "stacks_scan");
	if (w->fail_scan) {
		w->fail_scan--;
		return -EIO;
	}
	list_for_each_entry(t, &w->tasks, node) {
		struct fake_map *map = fake_map_at(mm, t->regs.gpr[UPR_RSP]);

		if (t->mm != mm || t->phase == FAKE_DEAD || t->killed)
			continue;
		if (!is_stack(map))
			return -EOPNOTSUPP;
		for (at = t->regs.gpr[UPR_RSP] & ~7ull; at < map->end; at += 8)
			if (!fake_peek(mm, at, &word, 8))
				scan_word(word, ranges, nr);
	}
	return 0;
}

static void op_defer(struct upr_work *work)
{
	/* utrace's own works have no address space to tell the world by */
	fake_defer(work);
}

static void area_map_run(struct fake_world *w, struct fake_request *req)
{
	u64 addr = fake_find_room(req->mm, req->area->lo, req->area->hi, req->size);
	s64 ret = addr ? (s64)addr : -ENOMEM;

	if (w->fail_area) {
		w->fail_area--;
		ret = w->fail_area_err ? w->fail_area_err : -ENOMEM;
	} else if (addr) {
		fake_map_raw(req->mm, addr, req->size, FAKE_R | FAKE_X, NULL, 0)->area = true;
	}
	w->probes->area_mapped(req->mm, req->area, ret);
	fake_check_unlocked(w, "after the completion of area_map");
}

static void area_unmap_run(struct fake_world *w, struct fake_request *req)
{
	struct fake_task *t;

	list_for_each_entry(t, &w->tasks, node)
		if (t->mm == req->mm && t->phase != FAKE_DEAD && !t->killed && t->regs.ip >= req->addr &&
		    t->regs.ip < req->addr + req->size)
			fake_fatal(w, "area_unmap: task %d stands in it, at %#llx", t->tid,
				   (unsigned long long)t->regs.ip);
	fake_unmap_raw(req->mm, req->addr, req->size);
}

/* Far from everything: pads find it by its address alone. */
static void counters_map_run(struct fake_world *w, struct fake_request *req)
{
	u64 addr = fake_find_room(req->mm, 0x600000000000ull, 0x7f0000000000ull, req->size);
	struct fake_shared *shared;
	s64 ret = (s64)addr;

	if (w->fail_counters) {
		w->fail_counters--;
		ret = w->fail_counters_err ? w->fail_counters_err : -ENOMEM;
	} else {
		shared = fake_shared_new(w, req->size);
		fake_map_shared(req->mm, addr, req->size, shared);
		req->counters->host = shared;
		req->counters->view = shared->bytes;
	}
	w->probes->counters_mapped(req->mm, req->counters, ret);
	fake_check_unlocked(w, "after the completion of counters_map");
}

void fake_request_run(struct fake_world *w, struct fake_request *req)
{
	list_del(&req->node);
	if (req->counters)
		counters_map_run(w, req);
	else if (req->area)
		area_map_run(w, req);
	else
		area_unmap_run(w, req);
	kfree(req);
}

const struct target_ops fake_target_ops = {
	.task_interrupt = op_task_interrupt,
	.task_resume = op_task_resume,
	.pc_get = op_pc_get,
	.pc_set = op_pc_set,
	.regs_get = op_regs_get,
	.regs_set = op_regs_set,
	.mem_read = op_mem_read,
	.mem_write = op_mem_write,
	.text_read = op_text_read,
	.text_write = op_text_write,
	.data_add = op_data_add,
	.trap_planted = op_trap_planted,
	.area_map = op_area_map,
	.area_unmap = op_area_unmap,
	.counters_map = op_counters_map,
	.counters_unmap = op_counters_unmap,
	.counters_free = op_counters_free,
	.machine = op_machine,
	.rseq = op_rseq,
	.stacks_scan = op_stacks_scan,
	.defer = op_defer,
};
