// SPDX-License-Identifier: GPL-2.0
/*
 * uprobes-mm.c - address spaces: mappings, tasks, fork.
 *
 * Purpose: keeps what the home reports of an address space and turns it into
 * breakpoints that are wanted or not.  Putting them into effect is
 * uprobes-arm.c's business.
 *
 * Locks: session->lock, then mm->lock.  Whatever may ask consumers takes both.
 * A fork takes the parent's mm->lock alone: the child is reached by the home, which
 * is here, and through the session, whose lock is held.
 */
#include "uprobes-internal.h"

/* --- life --------------------------------------------------------------- */

struct upr_mm *upr_mm_new(struct upr_session *session, const struct target_ops *target, void *host,
			  enum upr_insn_mode insn_mode, unsigned int env)
{
	struct upr_space *sp = kzalloc(sizeof(*sp), GFP_KERNEL);
	struct upr_mm *mm;

	if (!sp)
		return NULL;
	mm = &sp->mm;
	mm->host = host;
	mm->target = target;
	mm->session = session;
	mm->insn_mode = insn_mode;
	mm->env = env;
	mm->stop_sites = UPR_STOP_SITES;
	mm->state = UPR_MM_RUNNING;
	mutex_init(&mm->lock);
	INIT_LIST_HEAD(&mm->tasks);
	INIT_LIST_HEAD(&mm->maps);
	INIT_LIST_HEAD(&mm->areas);
	INIT_LIST_HEAD(&mm->work.list);
	mm->work.fn = upr_arm_work;
	refcount_set(&mm->refs, 1);
	INIT_LIST_HEAD(&sp->bps);
	INIT_LIST_HEAD(&sp->pending);
	INIT_LIST_HEAD(&sp->later);
	INIT_LIST_HEAD(&sp->blocks);
	sp->rseq = UPR_NO_RSEQ;
	INIT_LIST_HEAD(&sp->zombies);
	INIT_LIST_HEAD(&sp->garbage);
	INIT_LIST_HEAD(&sp->semas);

	upr_session_get(session);
	mutex_lock(&session->lock);
	sp->detaching = session->closing;
	if (!session->target)
		WRITE_ONCE(session->target, target);
	list_add_tail(&mm->node, &session->mms);
	mutex_unlock(&session->lock);
	return mm;
}

static void free_maps(struct upr_mm *mm)
{
	struct upr_map *map, *next;

	list_for_each_entry_safe(map, next, &mm->maps, node) {
		list_del(&map->node);
		kfree(map);
	}
}

void upr_mm_get(struct upr_mm *mm)
{
	refcount_inc(&mm->refs);
}

/* Sleeping, without locks.  The last: no task is in it, the home has let go. */
void upr_mm_release(struct upr_mm *mm)
{
	struct upr_session *session = mm->session;
	struct upr_space *sp = upr_space(mm);

	if (!refcount_dec_and_test(&mm->refs))
		return;
	upr_bp_free_all(sp);
	upr_blocks_free(sp);
	upr_areas_free(sp);
	upr_semas_free(sp);
	free_maps(mm);
	kfree(sp);
	mutex_lock(&session->lock);
	upr_session_reap(session);
	mutex_unlock(&session->lock);
	upr_session_put(session);
}

void upr_mm_put(struct upr_mm *mm)
{
	struct upr_session *session = mm->session;
	struct upr_space *sp = upr_space(mm);

	mutex_lock(&session->lock);
	mutex_lock(&mm->lock);
	sp->dead = true;
	sp->detaching = true;
	sp->dirty = false;
	/* tasks that are held for what will not be done any more */
	if (mm->state != UPR_MM_RUNNING && sp->nr_tasks)
		upr_arm_queue(sp);
	mutex_unlock(&mm->lock);
	list_del_init(&mm->node);
	mutex_unlock(&session->lock);
	upr_mm_release(mm);
}

/* --- sites -------------------------------------------------------------- */

static bool same_file(struct upr_file_key a, struct upr_file_key b)
{
	return a.dev == b.dev && a.ino == b.ino;
}

static bool map_holds(const struct upr_map *map, const struct upr_probe *probe)
{
	return same_file(map->key, probe->file->key) && probe->offset >= map->offset &&
	       probe->offset - map->offset < map->len;
}

static u64 site_addr(const struct upr_map *map, const struct upr_probe *probe)
{
	return map->start + (probe->offset - map->offset);
}

/* Breakpoints of a probe; @fn may forget the one it is given. */
void upr_each_site(struct upr_space *sp, const struct upr_probe *probe, upr_site_fn fn, void *data)
{
	struct upr_map *map;
	struct upr_bp *bp;

	list_for_each_entry(map, &sp->mm.maps, node) {
		if (!map_holds(map, probe))
			continue;
		bp = upr_bp_find(sp->mm.bps, site_addr(map, probe));
		if (bp && bp->probe == probe)
			fn(sp, bp, data);
	}
}

static void review_site(struct upr_space *sp, struct upr_bp *bp, void *data)
{
	upr_bp_review(sp, bp);
	sp->dirty |= upr_sema_is_due(sp, bp);
}

void upr_mm_review(struct upr_mm *mm, struct upr_probe *probe)
{
	mutex_lock(&mm->lock);
	upr_each_site(upr_space(mm), probe, review_site, NULL);
	mutex_unlock(&mm->lock);
}

int upr_mm_add_consumer(struct upr_mm *mm, struct upr_probe *probe, struct upr_consumer *consumer)
{
	struct upr_space *sp = upr_space(mm);
	struct upr_map *map;
	int r = 0;

	mutex_lock(&mm->lock);
	list_for_each_entry(map, &mm->maps, node) {
		struct upr_bp *bp;

		if (sp->detaching)
			break;
		if (!map_holds(map, probe))
			continue;
		bp = upr_bp_get(sp, site_addr(map, probe), probe);
		r = bp ? upr_bp_ask(sp, bp, consumer) : -ENOMEM;
		if (r)
			break;
		if (!bp->want)
			upr_bp_review(sp, bp);
		sp->dirty |= upr_sema_is_due(sp, bp);
	}
	mutex_unlock(&mm->lock);
	return r;
}

/* All probes of a new mapping.  A site that finds no memory stays unprobed. */
static void add_sites(struct upr_space *sp, const struct upr_map *map)
{
	struct upr_file *file = upr_file_find(sp->mm.session, map->key);
	struct upr_probe *probe;

	if (!file || sp->detaching)
		return;
	/* without room for all at once it is asked for site by site */
	upr_bp_reserve(sp, file->nr_probes);
	list_for_each_entry(probe, &file->probes, file_node) {
		struct upr_probe *next = list_next_entry(probe, file_node);
		struct upr_bp *bp;

		if (&next->file_node != &file->probes)
			upr_bp_expect(sp->mm.bps, site_addr(map, next));
		if (!map_holds(map, probe) || list_empty(&probe->consumers))
			continue;
		bp = upr_bp_find(sp->mm.bps, site_addr(map, probe));
		if (bp && bp->probe == probe)
			continue;
		bp = upr_bp_get(sp, site_addr(map, probe), probe);
		if (!bp)
			return;
		upr_bp_ask_all(sp, bp);
		if (!bp->want)
			upr_bp_review(sp, bp);
	}
}

/* --- mappings ----------------------------------------------------------- */

static struct upr_map *map_new(struct upr_mm *mm, struct upr_file_key key, u64 start, u64 len, u64 offset)
{
	struct upr_map *map = kzalloc(sizeof(*map), GFP_KERNEL);

	if (!map)
		return NULL;
	map->key = key;
	map->start = start;
	map->len = len;
	map->offset = offset;
	list_add_tail(&map->node, &mm->maps);
	return map;
}

static void forget_range(struct upr_space *sp, u64 start, u64 end)
{
	struct upr_bp *bp, *next;

	list_for_each_entry_safe(bp, next, &sp->bps, all)
		if (bp->addr >= start && bp->addr < end)
			upr_bp_forget(sp, bp);
}

/* Return: some mapping lay there. */
static bool cut_maps(struct upr_mm *mm, u64 start, u64 end)
{
	struct upr_map *map, *next;
	bool cut = false;

	list_for_each_entry_safe(map, next, &mm->maps, node) {
		u64 map_end = map->start + map->len;

		if (map->start >= end || map_end <= start)
			continue;
		cut = true;
		/* without memory for it the tail is lost: its probes end here */
		if (map_end > end && !map_new(mm, map->key, end, map_end - end, map->offset + (end - map->start)))
			forget_range(upr_space(mm), end, map_end);
		if (map->start < start) {
			map->len = start - map->start;
		} else {
			list_del(&map->node);
			kfree(map);
		}
	}
	return cut;
}

static void unmap_locked(struct upr_space *sp, u64 start, u64 len)
{
	if (!cut_maps(&sp->mm, start, start + len))
		return;
	forget_range(sp, start, start + len);
	upr_semas_unmap(sp, start, len);
}

static bool map_known(struct upr_mm *mm, struct upr_file_key key, u64 start, u64 len, u64 offset)
{
	struct upr_map *map;

	list_for_each_entry(map, &mm->maps, node)
		if (map->start == start && map->len == len && map->offset == offset && same_file(map->key, key))
			return true;
	return false;
}

void upr_report_mmap(struct upr_mm *mm, struct upr_file_key file, u64 start, u64 len, u64 offset)
{
	struct upr_space *sp = upr_space(mm);
	struct upr_map *map;

	mutex_lock(&mm->session->lock);
	mutex_lock(&mm->lock);
	/* homes compare whole lists of mappings: the same one again is no news */
	if (!map_known(mm, file, start, len, offset)) {
		unmap_locked(sp, start, len);
		map = map_new(mm, file, start, len, offset);
		if (map)
			add_sites(sp, map);
		upr_arm_kick(sp);
	}
	mutex_unlock(&mm->lock);
	mutex_unlock(&mm->session->lock);
}

void upr_report_munmap(struct upr_mm *mm, u64 start, u64 len)
{
	mutex_lock(&mm->lock);
	unmap_locked(upr_space(mm), start, len);
	mutex_unlock(&mm->lock);
}

/* --- fork --------------------------------------------------------------- */

static int clone_maps(struct upr_mm *parent, struct upr_mm *child)
{
	struct upr_map *map;

	list_for_each_entry(map, &parent->maps, node)
		if (!map_new(child, map->key, map->start, map->len, map->offset))
			return -ENOMEM;
	return 0;
}

static struct upr_bp *clone_bp(struct upr_space *child, const struct upr_bp *from)
{
	struct upr_bp *bp = kmem_cache_zalloc(child->mm.session->caches.bps, GFP_KERNEL);

	if (!bp)
		return NULL;
	bp->addr = from->addr;
	bp->probe = from->probe;
	bp->xol = from->xol;
	bp->state = from->state;
	bp->way = from->way;
	bp->slot_way = from->slot_way;
	bp->slots = from->slots;
	bp->no_jump = from->no_jump;
	bp->reach = from->reach;
	bp->trapped = from->trapped;
	INIT_LIST_HEAD(&bp->all);
	INIT_LIST_HEAD(&bp->node);
	atomic_inc(&bp->probe->nr_bps);
	return bp;
}

static int clone_armed(struct upr_space *parent, struct upr_space *child)
{
	struct upr_bp *from;
	int r = upr_bp_reserve(child, parent->mm.nr_bps);

	if (r)
		return r;
	child->highest = parent->highest;
	list_for_each_entry(from, &parent->bps, all) {
		struct upr_bp *bp;

		from->twin = NULL;
		if (from->state != UPR_BP_ARMED)
			continue;
		bp = clone_bp(child, from);
		if (!bp)
			return -ENOMEM;
		r = upr_bp_insert(child, bp);
		if (r) {
			upr_probe_drop_bp(bp->probe);
			kmem_cache_free(child->mm.session->caches.bps, bp);
			return r;
		}
		child->mm.nr_bps++;
		from->twin = bp;
		upr_areas_adopt(bp, from);
		if (!child->detaching) {
			r = upr_bp_ask_all(child, bp);
			if (r)
				return r;
		}
		if (!bp->want)
			upr_bp_queue(child, bp);
	}
	return 0;
}

/* The child's jumps count where the parent's do. */
static int clone_windows(struct upr_space *parent, struct upr_space *child)
{
	struct upr_bp *from;
	int r = 0;

	list_for_each_entry(from, &parent->bps, all) {
		if (r)
			break;
		if (from->twin && from->window)
			r = upr_window_clone(child, from->twin, from);
	}
	return r;
}

/*
 * Those which the parent was about to get, or could not get.  It knows of all of them, unless consumers
 * have not wanted them there, or it has been told to forget them.
 */
static void add_missing(struct upr_space *parent, struct upr_space *child)
{
	struct upr_map *map;
	struct upr_bp *from;

	if (parent->mm.session->choosy || parent->detaching) {
		list_for_each_entry(map, &child->mm.maps, node)
			add_sites(child, map);
		return;
	}
	list_for_each_entry(from, &parent->bps, all) {
		struct upr_bp *bp;

		if (from->twin || !from->probe || list_empty(&from->probe->consumers))
			continue;
		bp = upr_bp_get(child, from->addr, from->probe);
		if (!bp)
			return;
		upr_bp_ask_all(child, bp);
		if (!bp->want)
			upr_bp_review(child, bp);
	}
}

/* A child may be born in a slot whose probe is gone already. */
static int clone_zombies(struct upr_space *parent, struct upr_space *child)
{
	struct upr_bp *from;

	list_for_each_entry(from, &parent->zombies, node) {
		struct upr_bp *bp;

		/* not in a pad: no system call is made in one */
		if (from->leader)
			continue;
		bp = clone_bp(child, from);
		if (!bp)
			return -ENOMEM;
		list_add_tail(&bp->node, &child->zombies);
		upr_areas_adopt(bp, from);
	}
	return 0;
}

/* No task of the child has run: its text can be put right without stopping anybody. */
static void restore_unwanted(struct upr_space *sp)
{
	unsigned int nr = 0;
	struct upr_bp **bps, *bp;

	list_for_each_entry(bp, &sp->pending, node)
		nr += bp->state == UPR_BP_ARMED && !bp->want;
	bps = nr ? kvcalloc(nr, sizeof(*bps), GFP_KERNEL) : NULL;
	if (!bps)
		return;
	nr = 0;
	list_for_each_entry(bp, &sp->pending, node)
		if (bp->state == UPR_BP_ARMED && !bp->want)
			bps[nr++] = bp;
	upr_text_disarm(sp, bps, nr);
	kvfree(bps);
}

int upr_report_fork(struct upr_mm *parent, struct upr_mm *child)
{
	struct upr_space *from = upr_space(parent), *sp = upr_space(child);
	int r;

	mutex_lock(&parent->session->lock);
	mutex_lock(&parent->lock);
	r = clone_maps(parent, child);
	if (!r)
		r = upr_areas_clone(from, sp);
	if (!r)
		r = upr_blocks_clone(from, sp);
	if (!r)
		r = clone_armed(from, sp);
	if (!r)
		r = clone_windows(from, sp);
	if (!r)
		r = clone_zombies(from, sp);
	sp->ready = from->ready;
	sp->rseq = from->rseq;
	sp->nr_cpus = from->nr_cpus;
	sp->rdpid = from->rdpid;
	upr_semas_clone(from, sp);
	restore_unwanted(sp);
	if (!r && !sp->detaching)
		add_missing(from, sp);
	/* areas that hold nothing are given back when there is a task to do it */
	if ((!list_empty(&child->areas) || !list_empty(&sp->blocks)) && !child->nr_bps)
		sp->dirty = true;
	mutex_unlock(&parent->lock);
	mutex_unlock(&parent->session->lock);
	return r;
}

/* --- tasks -------------------------------------------------------------- */

static struct upr_task *task_attach(struct utrace_task *task)
{
	struct upr_task *u = kzalloc(sizeof(*u), GFP_KERNEL);
	struct utrace_engine *engine;

	if (!u)
		return ERR_PTR(-ENOMEM);
	u->task = task;
	engine = utrace_attach(task, &upr_engine_ops, UPR_ENGINE_EVENTS, u);
	if (IS_ERR(engine)) {
		kfree(u);
		return ERR_PTR(PTR_ERR(engine));
	}
	u->engine = engine;
	task->upr = u;
	return u;
}

static void mm_leave(struct utrace_task *task, struct upr_task *u)
{
	struct upr_mm *mm = task->mm;

	mutex_lock(&mm->lock);
	list_del_init(&task->mm_node);
	upr_arm_part(upr_space(mm), u);
	WRITE_ONCE(task->mm, NULL);
	mutex_unlock(&mm->lock);
	upr_mm_release(mm);
}

static void enter_mm(struct utrace_task *task, struct upr_task *u, struct upr_mm *mm)
{
	upr_mm_get(mm);
	mutex_lock(&mm->lock);
	WRITE_ONCE(task->mm, mm);
	list_add_tail(&task->mm_node, &mm->tasks);
	upr_arm_join(upr_space(mm), u);
	mutex_unlock(&mm->lock);
}

int upr_task_set_mm(struct utrace_task *task, struct upr_mm *mm)
{
	struct upr_task *u = task->upr;

	if (!u && mm) {
		u = task_attach(task);
		if (IS_ERR(u))
			return (int)PTR_ERR(u);
	}
	if (!u)
		return 0;
	u->stepping = NULL;
	u->padding = NULL;
	u->waiting = NULL;
	u->counted_at = 0;
	u->gave_way = 0;
	u->faulted = false;
	u->fault_from = 0;
	u->exiting = false;
	if (task->mm)
		mm_leave(task, u);
	if (mm) {
		enter_mm(task, u, mm);
		return 0;
	}
	task->upr = NULL;
	utrace_detach(u->engine);
	utrace_engine_put(u->engine);
	return 0;
}

/* --- for homes ---------------------------------------------------------- */

static bool is_idle(struct upr_space *sp)
{
	return sp->mm.state == UPR_MM_RUNNING && !sp->dirty && !sp->mm.nr_bps && list_empty(&sp->mm.areas) &&
	       list_empty(&sp->blocks);
}

bool upr_mm_idle(struct upr_mm *mm)
{
	bool idle;

	mutex_lock(&mm->lock);
	idle = is_idle(upr_space(mm));
	mutex_unlock(&mm->lock);
	return idle;
}

bool upr_mm_busy(struct upr_mm *mm)
{
	struct upr_session *session = mm->session;
	unsigned long flags;
	bool busy;

	spin_lock_irqsave(&session->consumer_lock, flags);
	busy = !list_empty(&session->changed);
	spin_unlock_irqrestore(&session->consumer_lock, flags);
	mutex_lock(&mm->lock);
	/* without a task nothing can be done, and nothing waits for it */
	busy |= mm->state != UPR_MM_RUNNING || (upr_space(mm)->dirty && upr_space(mm)->nr_tasks);
	mutex_unlock(&mm->lock);
	return busy;
}

int upr_mm_error(struct upr_mm *mm)
{
	int r;

	mutex_lock(&mm->lock);
	r = upr_space(mm)->error;
	mutex_unlock(&mm->lock);
	return r;
}

void upr_mm_disarm_locked(struct upr_space *sp)
{
	struct upr_bp *bp, *next;

	sp->detaching = true;
	sp->error = 0;
	list_for_each_entry_safe(bp, next, &sp->bps, all)
		if (bp->probe)
			upr_bp_review(sp, bp);
	if (!list_empty(&sp->mm.areas) || !list_empty(&sp->blocks))
		sp->dirty = true;
	upr_arm_kick(sp);
}

void upr_mm_disarm(struct upr_mm *mm)
{
	mutex_lock(&mm->lock);
	upr_mm_disarm_locked(upr_space(mm));
	mutex_unlock(&mm->lock);
}

int upr_task_pc_fixup(struct utrace_task *task)
{
	struct upr_mm *mm = task->mm;
	int r = 0;

	if (!mm || !task->upr)
		return 0;
	mutex_lock(&mm->lock);
	r = upr_task_evict(task->upr, false);
	mutex_unlock(&mm->lock);
	return r;
}

/* What the program has where @bp has put something, as far as it lies in [addr, addr + len). */
static void orig_at(const struct upr_bp *bp, u64 addr, u8 *buf, size_t len)
{
	const u8 *code = bp->window ? bp->window->jump.code : bp->xol->code;
	unsigned int size = bp->window ? bp->window->jump.patch : !bp->leader, i;

	for (i = 0; i < size; i++)
		if (bp->addr + i - addr < len)
			buf[bp->addr + i - addr] = code[i];
}

void upr_orig_bytes(struct upr_mm *mm, u64 addr, void *buf, size_t len)
{
	struct upr_bp_table *table;
	struct upr_bp *bp;
	u64 at;

	mutex_lock(&mm->lock);
	table = mm->bps;
	if (table && len + UPR_JUMP_CODE < 1u << table->bits) {
		for (at = addr - UPR_JUMP_CODE; at != addr + len; at++) {
			bp = upr_bp_find(table, at);
			if (bp && bp->state == UPR_BP_ARMED)
				orig_at(bp, addr, buf, len);
		}
	} else {
		list_for_each_entry(bp, &upr_space(mm)->bps, all)
			if (bp->state == UPR_BP_ARMED)
				orig_at(bp, addr, buf, len);
	}
	upr_hop_orig(upr_space(mm), addr, buf, len);
	mutex_unlock(&mm->lock);
}

void upr_report_ready(struct upr_mm *mm)
{
	struct upr_space *sp = upr_space(mm);

	mutex_lock(&mm->lock);
	if (!list_empty(&sp->blocks)) {
		sp->renew = true;
		sp->dirty = true;
	}
	sp->ready = true;
	sp->rseq = UPR_NO_RSEQ;
	upr_arm_kick(sp);
	mutex_unlock(&mm->lock);
}

void upr_mm_go_on(struct upr_mm *mm)
{
	mutex_lock(&mm->lock);
	upr_arm_kick(upr_space(mm));
	mutex_unlock(&mm->lock);
}

bool upr_mm_jumps_only(struct upr_mm *mm)
{
	struct upr_space *sp = upr_space(mm);
	struct utrace_task *task;
	struct upr_bp *bp;
	bool only;

	mutex_lock(&mm->lock);
	only = mm->state == UPR_MM_RUNNING && !sp->dirty && mm->nr_bps;
	list_for_each_entry(bp, &sp->bps, all)
		only &= bp->state != UPR_BP_ARMED || bp->leader;
	list_for_each_entry(task, &mm->tasks, mm_node)
		only &= !((struct upr_task *)task->upr)->padding;
	mutex_unlock(&mm->lock);
	return only;
}

bool upr_mm_jumps_can_fault(struct upr_mm *mm)
{
	struct upr_bp *bp;
	bool can = false;

	mutex_lock(&mm->lock);
	list_for_each_entry(bp, &upr_space(mm)->bps, all)
		can |= bp->state == UPR_BP_ARMED && bp->window && upr_jump_can_fault(&bp->window->jump);
	mutex_unlock(&mm->lock);
	return can;
}
