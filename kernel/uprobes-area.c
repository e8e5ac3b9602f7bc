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
#define SPARE_MAX 4096u
/* But for sites that are known already: as many as have their slots here. */
#define LATER_MAX      (1u << 20)

#define SLOTS_PER_PAGE (UPR_PAGE_SIZE / UPR_SLOT_SIZE)

/* Addresses of user memory, the lowest and the highest left alone. */
#define USER_LO	   ((u64)1 << 16)
#define USER_HI_64 (((u64)1 << 47) - UPR_PAGE_SIZE)
#define USER_HI_32 (((u64)1 << 32) - UPR_PAGE_SIZE)

static bool has_way(const struct upr_bp *bp, enum upr_way way)
{
	return bp->xol->ways & UPR_WAYS(way);
}

/* Without traps there are those who only count; who is to be called has to trap. */
static bool jumps_or_not(const struct upr_bp *bp, enum upr_mode mode)
{
	return mode == UPR_MODE_JUMP && upr_probe_is_plain(bp->probe);
}

static bool needs_slot(const struct upr_space *sp, const struct upr_bp *bp, enum upr_mode mode)
{
	u64 pc;

	if (bp->leader)
		return bp->leader == bp;
	if (jumps_or_not(bp, mode))
		return false;
	if (!has_way(bp, UPR_WAY_BOOST) && !has_way(bp, UPR_WAY_STEP))
		return false;
	/* without a home nothing is computed */
	if (sp->mm.target->survive)
		return true;
	if (mode == UPR_MODE_STEP && has_way(bp, UPR_WAY_STEP))
		return true;
	/* memory may not answer, flags may forbid it: then the copy is needed after all */
	return !upr_xol_emulate_pc(bp->xol, bp->addr, &pc);
}

/*
 * The first choice of a site about to be armed.  False: it cannot be; it is marked so.
 * A site with a pad jumps.
 * A boosted copy is the cheapest in every home: it costs setting a pc, where computing
 * costs reading and writing all registers, and perhaps memory.  What changes the pc alone
 * is computed as cheaply, and has a slot only if it has to do without us.
 */
bool upr_bp_choose(struct upr_bp *bp, enum upr_mode mode)
{
	bool emulate = has_way(bp, UPR_WAY_EMULATE);

	if (bp->leader) {
		bp->way = UPR_WAY_JUMP;
		return true;
	}
	if (jumps_or_not(bp, mode)) {
		bp->state = UPR_BP_UNARMED;
		bp->why = bp->no_jump ? bp->no_jump : bp->probe->jump.reason;
		bp->probe->no_jump = bp->why;
		return false;
	}
	if (bp->slot && mode == UPR_MODE_STEP && bp->slot_way == UPR_WAY_STEP)
		bp->way = UPR_WAY_STEP;
	else if (bp->slot && bp->slot_way == UPR_WAY_BOOST)
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

/* Owns what is nobody's to have. */
struct upr_bp upr_slot_reserved;

/* The first of @nr free slots in a row in [from, to), or @to. */
static unsigned int find_run(const struct upr_area *area, unsigned int nr, unsigned int from, unsigned int to)
{
	unsigned int i, run = 0;

	for (i = from; i < to; i++) {
		run = area->owners[i] ? 0 : run + 1;
		if (run == nr)
			return i + 1 - nr;
	}
	return to;
}

/*
 * Slots [from, to) are good enough: from where the last ones were taken on, then from the
 * beginning.  False: no room.
 */
static bool slot_take(struct upr_area *area, struct upr_bp *bp, unsigned int from, unsigned int to)
{
	unsigned int nr = bp->slots, at = to, i;

	if (area->used + nr >= area->nr_slots)
		return false;
	if (area->hint > from)
		at = find_run(area, nr, min(area->hint, to), to);
	if (at == to)
		at = find_run(area, nr, from, to);
	if (at == to)
		return false;
	for (i = 0; i < nr; i++)
		area->owners[at + i] = bp;
	bp->area = area;
	bp->index = at;
	area->hint = at + nr;
	area->used += nr;
	return true;
}

void upr_slot_put(struct upr_bp *bp)
{
	struct upr_area *area = bp->area;
	unsigned int i;

	if (!area)
		return;
	if (area->owners) {
		for (i = 0; i < bp->slots; i++)
			rcu_assign_pointer(area->owners[bp->index + i], NULL);
		area->used -= bp->slots;
	}
	bp->area = NULL;
	bp->slot = 0;
}

/* It is no more, but somebody may stand in it: nobody else is to have it. */
void upr_slot_abandon(struct upr_bp *bp)
{
	struct upr_area *area = bp->area;
	unsigned int i;

	for (i = 0; area && area->owners && i < bp->slots; i++)
		rcu_assign_pointer(area->owners[bp->index + i], &upr_slot_reserved);
	bp->area = NULL;
	bp->slot = 0;
}

/* Whose slot @pc is in, or on the way into; NULL: none.  Atomic. */
struct upr_bp *upr_slot_owner(struct upr_mm *mm, u64 pc)
{
	struct upr_area *area;
	struct upr_bp *bp;

	list_for_each_entry_rcu(area, &mm->areas, node) {
		if (area->state != UPR_AREA_MAPPED || pc - area->addr >= area->size)
			continue;
		bp = rcu_dereference(area->owners[(pc - area->addr) / UPR_SLOT_SIZE]);
		return bp && bp->slot && pc - bp->slot < (u64)bp->slots * UPR_SLOT_SIZE ? bp : NULL;
	}
	return upr_hop_at(mm, pc);
}

/* --- planning ----------------------------------------------------------- */

static void range_of(const struct upr_space *sp, const struct upr_bp *bp, u64 *lo, u64 *hi)
{
	u64 top = sp->mm.insn_mode == UPR_INSN_32 ? USER_HI_32 : USER_HI_64;

	*lo = USER_LO;
	*hi = top;
	if (bp->window)
		upr_jump_reach(&bp->window->jump, bp->addr, bp->slots * UPR_SLOT_SIZE, lo, hi);
	else if (bp->reach == UPR_REACH_NEAR)
		upr_xol_reach(bp->xol, bp->addr, lo, hi);
	*lo = ALIGN(max(*lo, USER_LO), (u64)UPR_PAGE_SIZE);
	*hi = min(*hi, top) & UPR_PAGE_MASK;
}

static bool find_room(struct upr_space *sp, struct upr_bp *bp, u64 lo, u64 hi)
{
	struct upr_area *area;

	list_for_each_entry(area, &sp->mm.areas, node)
		if (area->state == UPR_AREA_MAPPED && area->addr >= lo && area->addr + area->size <= hi &&
		    slot_take(area, bp, 1, area->nr_slots))
			return true;
	return false;
}

/* --- puns: one of a few places, or none ---------------------------------- */

/* Each may need an area of its own, and a process cannot have any number of mappings. */
#define PUN_AREAS 2048u

static bool find_pun_room(struct upr_space *sp, struct upr_bp *bp, u64 lo, u64 hi)
{
	struct upr_area *area;

	list_for_each_entry(area, &sp->mm.areas, node) {
		u64 from = max(lo, area->addr + UPR_SLOT_SIZE), to = min(hi, area->addr + area->size);

		if (area->state != UPR_AREA_MAPPED || from >= to)
			continue;
		from = ALIGN(from - area->addr, (u64)UPR_SLOT_SIZE) / UPR_SLOT_SIZE;
		to = (to - area->addr) / UPR_SLOT_SIZE;
		if (from < to && slot_take(area, bp, (unsigned int)from, (unsigned int)to))
			return true;
	}
	return false;
}

/* An area whose first slots behind the reserved one are at the first good place, or anywhere in a wide range. */
static struct upr_area *plan_pun_area(struct upr_space *sp, struct upr_bp *bp, u64 lo, u64 hi)
{
	u64 size = (u64)bp->slots * UPR_SLOT_SIZE, place = ALIGN(lo, (u64)UPR_SLOT_SIZE);
	u64 base = (place - UPR_SLOT_SIZE) & UPR_PAGE_MASK;
	struct upr_area *area;

	if (place + size > hi || sp->nr_puns >= PUN_AREAS)
		return NULL;
	area = kzalloc(sizeof(*area), GFP_KERNEL);
	if (!area)
		return NULL;
	area->size = ALIGN(place + size - base, (u64)UPR_PAGE_SIZE);
	area->lo = base;
	area->hi = base + area->size;
	area->hint = (unsigned int)((place - base) / UPR_SLOT_SIZE);
	if (hi - lo > 8 * area->size) {
		area->lo = ALIGN(lo, (u64)UPR_PAGE_SIZE);
		area->hi = hi & UPR_PAGE_MASK;
		area->hint = 1;
	}
	area->nr_slots = (unsigned int)(area->size / UPR_SLOT_SIZE);
	area->is_exact = true;
	area->state = UPR_AREA_PLANNED;
	list_add_tail_rcu(&area->node, &sp->mm.areas);
	sp->nr_puns++;
	return area;
}

static bool plan_pun(struct upr_space *sp, struct upr_bp *bp)
{
	u64 lo, hi;

	upr_jump_reach(&bp->window->jump, bp->addr, bp->slots * UPR_SLOT_SIZE, &lo, &hi);
	lo = max(lo, USER_LO);
	hi = min(hi, USER_HI_64);
	if (lo >= hi)
		return false;
	if (!find_pun_room(sp, bp, lo, hi))
		bp->area = plan_pun_area(sp, bp, lo, hi);
	return bp->area;
}

/* Join an area that is not asked for yet: its range becomes the intersection. */
static bool join(struct upr_area *area, unsigned int slots, u64 lo, u64 hi)
{
	u64 size = ALIGN((u64)(area->nr_slots + slots) * UPR_SLOT_SIZE, (u64)UPR_PAGE_SIZE);
	u64 new_lo = max(area->lo, lo), new_hi = min(area->hi, hi);

	if (area->state != UPR_AREA_PLANNED || area->is_exact || new_hi <= new_lo ||
	    new_hi - new_lo < RANGE_MIN + 2 * size)
		return false;
	area->lo = new_lo;
	area->hi = new_hi;
	area->nr_slots += slots;
	return true;
}

static struct upr_area *plan_area(struct upr_space *sp, unsigned int slots, u64 lo, u64 hi)
{
	struct upr_area *area;

	list_for_each_entry(area, &sp->mm.areas, node)
		if (join(area, slots, lo, hi))
			return area;
	area = hi > lo ? kzalloc(sizeof(*area), GFP_KERNEL) : NULL;
	if (!area)
		return NULL;
	area->lo = lo;
	area->hi = hi;
	/* the first is reserved */
	area->nr_slots = 1 + slots;
	area->state = UPR_AREA_PLANNED;
	list_add_tail_rcu(&area->node, &sp->mm.areas);
	return area;
}

static void plan_slot(struct upr_space *sp, struct upr_bp *bp)
{
	u64 lo, hi;

	while (bp->reach != UPR_REACH_NONE) {
		if (sp->no_area)
			break;
		if (bp->window && bp->window->jump.form == UPR_JUMP_PUN) {
			if (plan_pun(sp, bp))
				return;
			break;
		}
		range_of(sp, bp, &lo, &hi);
		if (find_room(sp, bp, lo, hi))
			return;
		bp->area = plan_area(sp, bp->slots, lo, hi);
		if (bp->area)
			return;
		if (bp->window)
			break;
		bp->reach++;
	}
	if (bp->window) {
		upr_window_refuse(sp, bp, "no executable memory can be had within reach of a jump");
		return;
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

/* The sites of the stops that follow will need as much each as those planned now, and mostly near to them. */
static void spare_for_later(struct upr_space *sp)
{
	struct upr_area *area, *largest = NULL;
	unsigned int sites = 0, slots;
	struct upr_bp *bp;

	list_for_each_entry(area, &sp->mm.areas, node)
		if (area->state == UPR_AREA_PLANNED && !area->is_exact &&
		    (!largest || area->nr_slots > largest->nr_slots))
			largest = area;
	if (!largest || sp->tight)
		return;
	list_for_each_entry(bp, &sp->pending, node)
		sites += bp->area == largest;
	slots = (unsigned int)min((u64)largest->nr_slots * upr_arm_later(sp) / max(sites, 1u), (u64)LATER_MAX);
	largest->nr_slots += slots;
	largest->spare = slots;
}

static void size_area(struct upr_area *area, unsigned int spare)
{
	if (!area->is_exact) {
		area->nr_slots = ALIGN(area->nr_slots + spare, SLOTS_PER_PAGE);
		while (area->nr_slots > SLOTS_PER_PAGE && area->hi - area->lo < (u64)area->nr_slots * UPR_SLOT_SIZE)
			area->nr_slots -= SLOTS_PER_PAGE;
		area->size = (size_t)area->nr_slots * UPR_SLOT_SIZE;
		area->hint = 1;
	}
	area->owners = kvcalloc(area->nr_slots, sizeof(*area->owners), GFP_KERNEL);
	if (area->owners)
		area->owners[0] = &upr_slot_reserved;
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
		if (bp->state == UPR_BP_NEW && bp->want && !bp->area && needs_slot(sp, bp, mode))
			plan_slot(sp, bp);
	spare_for_later(sp);
	list_for_each_entry(area, &sp->mm.areas, node)
		if (area->state == UPR_AREA_PLANNED)
			size_area(area, spare);
	list_for_each_entry(bp, &sp->pending, node) {
		area = bp->area;
		if (!area || area->state != UPR_AREA_PLANNED)
			continue;
		bp->area = NULL;
		if (area->owners)
			slot_take(area, bp, 1, area->nr_slots);
	}
	list_for_each_entry_safe(area, next, &sp->mm.areas, node) {
		if (area->state != UPR_AREA_PLANNED)
			continue;
		if (area->used) {
			ask_for_area(sp, area);
		} else {
			list_del_rcu(&area->node);
			sp->nr_puns -= area->is_exact;
			area_free(area);
		}
	}
	return sp->requested;
}

/* Its sites look elsewhere.  It goes with the next trim. */
static void area_failed(struct upr_space *sp, struct upr_area *area, s64 error)
{
	bool again = area->spare && error != -EPERM;
	unsigned int i;

	/* less may be had */
	sp->tight |= again;
	if (error == -EPERM)
		sp->no_area = true;
	for (i = 1; i < area->nr_slots; i++) {
		struct upr_bp *bp = area->owners[i];

		if (!bp)
			continue;
		upr_slot_put(bp);
		if (again)
			continue;
		if (bp->window)
			upr_window_refuse(sp, bp, "no executable memory can be had within reach of a jump");
		else if (bp->reach != UPR_REACH_NONE)
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
	if (upr_block_area_mapped(sp, area, addr)) {
		/* nothing of it is for slots */
	} else if (fits) {
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

	if (bp->window)
		return !upr_window_build(bp, buf);
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

static u64 slots_end(const struct upr_bp *bp)
{
	return slot_addr(bp) + (u64)bp->slots * UPR_SLOT_SIZE;
}

static void fill_failed(struct upr_space *sp, struct upr_bp *bp)
{
	if (bp->window) {
		upr_window_refuse(sp, bp, "its pad cannot be built where there is room for it");
		return;
	}
	upr_slot_put(bp);
	bp->reach = UPR_REACH_NONE;
}

/* The slots of bps[0..nr) follow each other. */
static void fill_run(struct upr_space *sp, struct upr_bp **bps, unsigned int nr, u8 *buf)
{
	u64 first = slot_addr(bps[0]);
	size_t len = slots_end(bps[nr - 1]) - first;
	unsigned int i;
	int r;

	memset(buf, UPR_BREAKPOINT, len);
	for (i = 0; i < nr; i++) {
		u64 slot = slot_addr(bps[i]);

		if (build(bps[i], sp->mm.session->mode, slot, buf + (slot - first)))
			bps[i]->slot = slot;
	}
	r = sp->mm.target->text_write(&sp->mm, first, buf, len);
	for (i = 0; i < nr; i++)
		if (r || !bps[i]->slot)
			fill_failed(sp, bps[i]);
}

#define FILL_RUN 4096u
#define FILL_ONE (UPR_PAD_MAX / UPR_SLOT_SIZE)

static void fill(struct upr_space *sp, struct upr_bp **bps, unsigned int nr, u8 *buf, unsigned int most)
{
	unsigned int i, n;

	/* mostly they are in order already */
	for (i = 1; i < nr && slot_addr(bps[i - 1]) < slot_addr(bps[i]); i++)
		;
	if (i < nr)
		sort(bps, nr, sizeof(*bps), by_slot, NULL);
	i = 0;
	while (i < nr) {
		for (n = 1; i + n < nr; n++)
			if (slot_addr(bps[i + n]) != slots_end(bps[i + n - 1]) ||
			    slots_end(bps[i + n]) - slot_addr(bps[i]) > (u64)most * UPR_SLOT_SIZE)
				break;
		fill_run(sp, bps + i, n, buf);
		i += n;
	}
}

/* Whose they are must be plain to see if we do not come to take them back. */
static void sign_areas(struct upr_space *sp)
{
	u8 sign[UPR_AREA_SIGN_SIZE];
	struct upr_area *area;
	u64 size;

	list_for_each_entry(area, &sp->mm.areas, node) {
		if (area->state != UPR_AREA_MAPPED || area->is_signed)
			continue;
		size = area->size;
		memcpy(sign, UPR_AREA_MAGIC, UPR_AREA_MAGIC_SIZE);
		memcpy(sign + UPR_AREA_MAGIC_SIZE, &size, sizeof(size));
		area->is_signed = !sp->mm.target->text_write(&sp->mm, area->addr, sign, sizeof(sign));
	}
}

void upr_areas_fill(struct upr_space *sp)
{
	struct upr_bp *bp, *next, **bps;
	unsigned int nr = upr_bp_collect(sp, to_be_filled, &bps);
	unsigned int most = nr > 1 ? FILL_RUN : FILL_ONE;
	u8 *buf = nr ? kvmalloc((size_t)most * UPR_SLOT_SIZE, GFP_KERNEL) : NULL;
	u8 one[UPR_SLOT_SIZE];

	sign_areas(sp);
	if (buf) {
		fill(sp, bps, nr, buf, most);
		kvfree(buf);
	}
	if (nr)
		kvfree(bps);
	/* what is left is there for want of memory */
	list_for_each_entry_safe(bp, next, &sp->pending, node) {
		if (bp->state == UPR_BP_NEW && bp->want && bp->window && !bp->slot)
			fill_failed(sp, bp);
		else if (to_be_filled(bp))
			fill_run(sp, &bp, 1, one);
	}
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
		sp->nr_puns -= area->is_exact;
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
		area->hint = 1;
		area->owners = kvcalloc(area->nr_slots, sizeof(*area->owners), GFP_KERNEL);
		if (!area->owners) {
			kfree(area);
			return -ENOMEM;
		}
		area->owners[0] = &upr_slot_reserved;
		list_add_tail(&area->node, &child->mm.areas);
		from->twin = area;
	}
	return 0;
}

/* @bp gets the slot in the child that @from has in the parent; upr_areas_clone() has been. */
void upr_areas_adopt(struct upr_bp *bp, const struct upr_bp *from)
{
	struct upr_area *area;
	unsigned int i;

	if (!from->slot)
		return;
	area = from->area->twin;
	bp->area = area;
	bp->index = from->index;
	bp->slot = from->slot;
	for (i = 0; i < bp->slots; i++)
		area->owners[bp->index + i] = bp;
	area->used += bp->slots;
}

/* --- who may come back ------------------------------------------------- */

static int by_lo(const void *a, const void *b)
{
	const struct upr_text_range *x = a, *y = b;

	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

static struct upr_text_range hole_range(const struct upr_window *window)
{
	u64 hole = upr_jump_hole(&window->jump, window->pad.addr);

	return (struct upr_text_range){.lo = hole, .hi = hole + UPR_JUMP_SIZE};
}

/*
 * Does a stack of the process lead into its areas, or into a hole?  So does the frame of a handler that has
 * interrupted a pad.  If that cannot be known: it does.  All tasks are quiet.
 */
bool upr_area_is_awaited(struct upr_space *sp)
{
	struct upr_text_range *ranges;
	unsigned int nr = 0, i;
	struct upr_area *area;
	struct upr_bp *bp;
	bool awaited;

	list_for_each_entry(area, &sp->mm.areas, node)
		nr++;
	list_for_each_entry(bp, &sp->bps, all)
		nr += bp->window && bp->window->filled;
	if (!nr)
		return false;
	ranges = kvcalloc(nr, sizeof(*ranges), GFP_KERNEL);
	if (!ranges)
		return true;
	nr = 0;
	/*
	 * Nobody is ever in the first slot.  Its address ends in zeros, as what is left of a pointer does when
	 * something short has been stored over its beginning.
	 */
	list_for_each_entry(area, &sp->mm.areas, node)
		if (area->addr)
			ranges[nr++] = (struct upr_text_range){.lo = area->addr + UPR_SLOT_SIZE,
							       .hi = area->addr + area->size};
	list_for_each_entry(bp, &sp->bps, all)
		if (bp->window && bp->window->filled)
			ranges[nr++] = hole_range(bp->window);
	sort(ranges, nr, sizeof(*ranges), by_lo, NULL);
	awaited = nr && sp->mm.target->stacks_scan(&sp->mm, ranges, nr);
	for (i = 0; i < nr; i++)
		awaited |= ranges[i].hit;
	kvfree(ranges);
	return awaited;
}
