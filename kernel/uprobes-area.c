// SPDX-License-Identifier: GPL-2.0
/*
 * uprobes-area.c - areas and slots.
 *
 * Purpose: each breakpoint whose instruction may have to be executed as a copy
 * has one slot, filled once, used by all tasks.  Slots lie in areas: anonymous
 * memory of the program, mapped by the home within reach of the sites.
 *
 * Planning puts sites that can share a range into one area, large enough for
 * all of them.  A range with no room is tried again without a range (jumps back
 * then go through a pointer and rip-relative operands through a scratch
 * register); without any area, sites that can be computed are armed
 * still, and the others are not.
 *
 * Locks: mm->lock; all tasks quiet when slots are taken or given back.
 * upr_slot_owner() runs under RCU in the atomic half.
 */
#include "uprobes-internal.h"

/* A range of less than this is not narrowed further to share an area. */
#define RANGE_MIN ((u64)16 << 20)
/* An area never takes more than this beyond what is needed now. */
#define SPARE_MAX      4096u

#define SLOTS_PER_PAGE (UPR_PAGE_SIZE / UPR_SLOT_SIZE)

/* Addresses of user memory, the lowest and the highest left alone. */
#define USER_LO	   ((u64)1 << 16)
#define USER_HI_64 (((u64)1 << 47) - UPR_PAGE_SIZE)
#define USER_HI_32 (((u64)1 << 32) - UPR_PAGE_SIZE)

static bool has_way(const struct upr_bp *bp, enum upr_way way)
{
	return bp->xol->ways & UPR_WAYS(way);
}

static bool needs_slot(const struct upr_bp *bp, enum upr_mode mode)
{
	u64 pc;

	if (!has_way(bp, UPR_WAY_BOOST) && !has_way(bp, UPR_WAY_STEP))
		return false;
	if (mode == UPR_MODE_STEP && has_way(bp, UPR_WAY_STEP))
		return true;
	/* memory may not answer, flags may forbid it: then the copy is needed after all */
	return !upr_xol_emulate_pc(bp->xol, bp->addr, &pc);
}

/*
 * The first choice of a site about to be armed.  False: it cannot be; it is marked so.
 * What changes the pc alone is computed.  For the rest a boosted copy is the cheapest in
 * every home: it costs setting a pc, where computing costs reading and
 * writing all registers, and perhaps memory.
 */
bool upr_bp_choose(struct upr_bp *bp, enum upr_mode mode)
{
	bool emulate = has_way(bp, UPR_WAY_EMULATE);
	u64 pc;

	if (bp->slot && mode == UPR_MODE_STEP && bp->slot_way == UPR_WAY_STEP)
		bp->way = UPR_WAY_STEP;
	else if (bp->slot && bp->slot_way == UPR_WAY_BOOST && !upr_xol_emulate_pc(bp->xol, bp->addr, &pc))
		bp->way = UPR_WAY_BOOST;
	else if (emulate)
		bp->way = UPR_WAY_EMULATE;
	else if (bp->slot)
		bp->way = bp->slot_way;
	else
		bp->state = UPR_BP_UNARMED;
	if (bp->state == UPR_BP_UNARMED && !bp->why)
		bp->why = "no executable memory can be had in the process";
	return bp->state != UPR_BP_UNARMED;
}

/* --- slots -------------------------------------------------------------- */

static void slot_take(struct upr_area *area, struct upr_bp *bp)
{
	while (area->owners[area->hint])
		area->hint++;
	bp->area = area;
	bp->index = area->hint;
	area->owners[area->hint++] = bp;
	area->used++;
}

void upr_slot_put(struct upr_bp *bp)
{
	struct upr_area *area = bp->area;

	if (!area)
		return;
	if (area->owners) {
		rcu_assign_pointer(area->owners[bp->index], NULL);
		area->used--;
		area->hint = min(area->hint, bp->index);
	}
	bp->area = NULL;
	bp->slot = 0;
}

/* Whose slot @pc is in; NULL: none.  Atomic. */
struct upr_bp *upr_slot_owner(struct upr_mm *mm, u64 pc)
{
	struct upr_area *area;
	struct upr_bp *bp;

	list_for_each_entry_rcu(area, &mm->areas, node) {
		if (area->state != UPR_AREA_MAPPED || pc - area->addr >= area->size)
			continue;
		bp = rcu_dereference(area->owners[(pc - area->addr) / UPR_SLOT_SIZE]);
		return bp && bp->slot && pc - bp->slot < UPR_SLOT_SIZE ? bp : NULL;
	}
	return NULL;
}

/* --- planning ----------------------------------------------------------- */

static void range_of(const struct upr_space *sp, const struct upr_bp *bp, u64 *lo, u64 *hi)
{
	u64 top = sp->mm.insn_mode == UPR_INSN_32 ? USER_HI_32 : USER_HI_64;

	*lo = USER_LO;
	*hi = top;
	if (bp->reach == UPR_REACH_NEAR)
		upr_xol_reach(bp->xol, bp->addr, lo, hi);
	*lo = ALIGN(max(*lo, USER_LO), (u64)UPR_PAGE_SIZE);
	*hi = min(*hi, top) & UPR_PAGE_MASK;
}

static struct upr_area *find_room(struct upr_space *sp, u64 lo, u64 hi)
{
	struct upr_area *area;

	list_for_each_entry(area, &sp->mm.areas, node)
		if (area->state == UPR_AREA_MAPPED && area->used < area->nr_slots && area->addr >= lo &&
		    area->addr + area->size <= hi)
			return area;
	return NULL;
}

/* Join an area that is not asked for yet: its range becomes the intersection. */
static bool join(struct upr_area *area, u64 lo, u64 hi)
{
	u64 size = ALIGN((u64)(area->nr_slots + 1) * UPR_SLOT_SIZE, (u64)UPR_PAGE_SIZE);
	u64 new_lo = max(area->lo, lo), new_hi = min(area->hi, hi);

	if (area->state != UPR_AREA_PLANNED || new_hi <= new_lo || new_hi - new_lo < RANGE_MIN + 2 * size)
		return false;
	area->lo = new_lo;
	area->hi = new_hi;
	area->nr_slots++;
	return true;
}

static struct upr_area *plan_area(struct upr_space *sp, u64 lo, u64 hi)
{
	struct upr_area *area;

	list_for_each_entry(area, &sp->mm.areas, node)
		if (join(area, lo, hi))
			return area;
	area = hi > lo ? kzalloc(sizeof(*area), GFP_KERNEL) : NULL;
	if (!area)
		return NULL;
	area->lo = lo;
	area->hi = hi;
	area->nr_slots = 1;
	area->state = UPR_AREA_PLANNED;
	list_add_tail_rcu(&area->node, &sp->mm.areas);
	return area;
}

static void plan_slot(struct upr_space *sp, struct upr_bp *bp)
{
	struct upr_area *area;
	u64 lo, hi;

	while (bp->reach != UPR_REACH_NONE) {
		if (sp->no_area)
			break;
		range_of(sp, bp, &lo, &hi);
		area = find_room(sp, lo, hi);
		if (area) {
			slot_take(area, bp);
			return;
		}
		bp->area = plan_area(sp, lo, hi);
		if (bp->area)
			return;
		bp->reach++;
	}
	bp->reach = UPR_REACH_NONE;
	if (sp->no_area)
		bp->why = "the process must not be asked for memory: a seccomp filter is in force";
}

/* Not to be rounded to a page each time: later probes find room. */
static unsigned int spare_slots(const struct upr_space *sp)
{
	const struct upr_area *area;
	unsigned int nr = 0;

	list_for_each_entry(area, &sp->mm.areas, node)
		if (area->state == UPR_AREA_MAPPED)
			nr += area->nr_slots;
	return min(nr, SPARE_MAX);
}

static void size_area(struct upr_area *area, unsigned int spare)
{
	area->nr_slots = ALIGN(area->nr_slots + spare, SLOTS_PER_PAGE);
	while (area->nr_slots > SLOTS_PER_PAGE && area->hi - area->lo < (u64)area->nr_slots * UPR_SLOT_SIZE)
		area->nr_slots -= SLOTS_PER_PAGE;
	area->size = (size_t)area->nr_slots * UPR_SLOT_SIZE;
	area->owners = kvcalloc(area->nr_slots, sizeof(*area->owners), GFP_KERNEL);
}

static void ask_for_area(struct upr_space *sp, struct upr_area *area)
{
	area->state = UPR_AREA_REQUESTED;
	sp->requested++;
	sp->mm.target->area_map(&sp->mm, area);
}

static void area_free(struct upr_area *area)
{
	kvfree(area->owners);
	kfree(area);
}

/*
 * A slot, at least a place in an area asked for, for every pending breakpoint
 * that needs one.  Return: how many areas have not been answered yet.
 */
unsigned int upr_areas_plan(struct upr_space *sp)
{
	enum upr_mode mode = sp->mm.session->mode;
	unsigned int spare = spare_slots(sp);
	struct upr_area *area, *next;
	struct upr_bp *bp;

	list_for_each_entry(bp, &sp->pending, node)
		if (bp->state == UPR_BP_NEW && bp->want && !bp->area && needs_slot(bp, mode))
			plan_slot(sp, bp);
	list_for_each_entry(area, &sp->mm.areas, node)
		if (area->state == UPR_AREA_PLANNED)
			size_area(area, spare);
	list_for_each_entry(bp, &sp->pending, node) {
		area = bp->area;
		if (!area || area->state != UPR_AREA_PLANNED)
			continue;
		bp->area = NULL;
		if (area->owners && area->used < area->nr_slots)
			slot_take(area, bp);
	}
	list_for_each_entry_safe(area, next, &sp->mm.areas, node) {
		if (area->state != UPR_AREA_PLANNED)
			continue;
		if (area->used) {
			ask_for_area(sp, area);
		} else {
			list_del_rcu(&area->node);
			area_free(area);
		}
	}
	return sp->requested;
}

/* Its sites look elsewhere.  It goes with the next trim. */
static void area_failed(struct upr_space *sp, struct upr_area *area, s64 error)
{
	unsigned int i;

	if (error == -EPERM)
		sp->no_area = true;
	for (i = 0; i < area->nr_slots; i++) {
		struct upr_bp *bp = area->owners[i];

		if (!bp)
			continue;
		upr_slot_put(bp);
		if (bp->reach != UPR_REACH_NONE)
			bp->reach++;
	}
	area->state = UPR_AREA_FAILED;
}

void upr_area_mapped(struct upr_mm *mm, struct upr_area *area, s64 addr)
{
	struct upr_space *sp = upr_space(mm);
	bool fits = addr > 0 && (u64)addr >= area->lo && (u64)addr + area->size <= area->hi;

	mutex_lock(&mm->lock);
	sp->requested--;
	if (fits) {
		area->addr = (u64)addr;
		area->state = UPR_AREA_MAPPED;
	} else {
		if (addr > 0)
			mm->target->area_unmap(mm, (u64)addr, area->size);
		area_failed(sp, area, addr > 0 ? -ENOMEM : addr);
	}
	if (!sp->requested)
		upr_arm_queue(sp);
	mutex_unlock(&mm->lock);
}

/* --- filling ------------------------------------------------------------ */

static bool build(struct upr_bp *bp, enum upr_mode mode, u64 slot, u8 *buf)
{
	bool step = has_way(bp, UPR_WAY_STEP);

	bp->slot_way = UPR_WAY_BOOST;
	if (has_way(bp, UPR_WAY_BOOST) && !(mode == UPR_MODE_STEP && step) &&
	    !upr_xol_build(bp->xol, UPR_WAY_BOOST, bp->addr, slot, buf))
		return true;
	bp->slot_way = UPR_WAY_STEP;
	return step && !upr_xol_build(bp->xol, UPR_WAY_STEP, bp->addr, slot, buf);
}

static bool to_be_filled(const struct upr_bp *bp)
{
	return bp->state == UPR_BP_NEW && bp->want && bp->area && !bp->slot;
}

static u64 slot_addr(const struct upr_bp *bp)
{
	return bp->area->addr + (u64)bp->index * UPR_SLOT_SIZE;
}

static int by_slot(const void *a, const void *b)
{
	u64 x = slot_addr(*(struct upr_bp *const *)a), y = slot_addr(*(struct upr_bp *const *)b);

	return x < y ? -1 : x > y;
}

/* The slots of bps[0..nr) follow each other. */
static void fill_run(struct upr_space *sp, struct upr_bp **bps, unsigned int nr, u8 *buf)
{
	u64 first = slot_addr(bps[0]);
	unsigned int i;
	int r;

	memset(buf, UPR_BREAKPOINT, (size_t)nr * UPR_SLOT_SIZE);
	for (i = 0; i < nr; i++) {
		u64 slot = first + (u64)i * UPR_SLOT_SIZE;

		if (build(bps[i], sp->mm.session->mode, slot, buf + (size_t)i * UPR_SLOT_SIZE))
			bps[i]->slot = slot;
	}
	r = sp->mm.target->text_write(&sp->mm, first, buf, (size_t)nr * UPR_SLOT_SIZE);
	for (i = 0; i < nr; i++) {
		if (!r && bps[i]->slot)
			continue;
		upr_slot_put(bps[i]);
		bps[i]->reach = UPR_REACH_NONE;
	}
}

#define FILL_RUN 1024u

static void fill(struct upr_space *sp, struct upr_bp **bps, unsigned int nr, u8 *buf, unsigned int most)
{
	unsigned int i = 0, n;

	sort(bps, nr, sizeof(*bps), by_slot, NULL);
	while (i < nr) {
		for (n = 1; i + n < nr && n < most; n++)
			if (slot_addr(bps[i + n]) != slot_addr(bps[i]) + (u64)n * UPR_SLOT_SIZE)
				break;
		fill_run(sp, bps + i, n, buf);
		i += n;
	}
}

void upr_areas_fill(struct upr_space *sp)
{
	struct upr_bp *bp, *next, **bps;
	unsigned int nr = upr_bp_collect(sp, to_be_filled, &bps);
	unsigned int most = min(nr, FILL_RUN);
	u8 *buf = nr ? kvcalloc(most, UPR_SLOT_SIZE, GFP_KERNEL) : NULL;
	u8 one[UPR_SLOT_SIZE];

	if (buf) {
		fill(sp, bps, nr, buf, most);
		kvfree(buf);
	}
	if (nr)
		kvfree(bps);
	/* what is left is there for want of memory */
	list_for_each_entry_safe(bp, next, &sp->pending, node)
		if (to_be_filled(bp))
			fill_run(sp, &bp, 1, one);
}

/* --- the end ------------------------------------------------------------ */

/* All tasks are quiet: areas that hold nothing go. */
void upr_areas_trim(struct upr_space *sp)
{
	struct upr_area *area, *next;

	list_for_each_entry_safe(area, next, &sp->mm.areas, node) {
		bool blind = sp->blind && sp->detaching && !sp->mm.nr_bps;
		bool mapped = area->state == UPR_AREA_MAPPED;

		if (mapped && area->used && !blind)
			continue;
		list_del_rcu(&area->node);
		/* a task that could not be looked at may stand in it: let it lie */
		if (mapped && !blind)
			sp->mm.target->area_unmap(&sp->mm, area->addr, area->size);
		area_free(area);
	}
}

void upr_areas_free(struct upr_space *sp)
{
	struct upr_area *area, *next;

	list_for_each_entry_safe(area, next, &sp->mm.areas, node) {
		list_del(&area->node);
		area_free(area);
	}
}

/* --- fork --------------------------------------------------------------- */

/* The child's copies are where the parent's are. */
int upr_areas_clone(struct upr_space *parent, struct upr_space *child)
{
	struct upr_area *from, *area;

	list_for_each_entry(from, &parent->mm.areas, node) {
		if (from->state != UPR_AREA_MAPPED)
			continue;
		area = kzalloc(sizeof(*area), GFP_KERNEL);
		if (!area)
			return -ENOMEM;
		*area = *from;
		area->used = 0;
		area->hint = 0;
		area->owners = kvcalloc(area->nr_slots, sizeof(*area->owners), GFP_KERNEL);
		if (!area->owners) {
			kfree(area);
			return -ENOMEM;
		}
		list_add_tail(&area->node, &child->mm.areas);
	}
	return 0;
}

/* @bp gets the slot in @child that @from has in the parent. */
void upr_areas_adopt(struct upr_space *child, struct upr_bp *bp, const struct upr_bp *from)
{
	struct upr_area *area;

	if (!from->slot)
		return;
	list_for_each_entry(area, &child->mm.areas, node) {
		if (area->addr != from->area->addr)
			continue;
		bp->area = area;
		bp->index = from->index;
		bp->slot = from->slot;
		area->owners[bp->index] = bp;
		area->used++;
		return;
	}
}
