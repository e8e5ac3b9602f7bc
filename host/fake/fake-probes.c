// SPDX-License-Identifier: GPL-2.0
/*
 * fake-probes.c - the fake host as a home of the probe engine.
 *
 * Purpose: hands mappings, forks and areas to uprobes.h.  Apart from the rest of the
 * host so that tests of utrace alone link without kernel/uprobes.c.
 *
 * It also looks into the engine, to tell the host where in a pad a task stands: what
 * the host makes of that is its own.
 *
 * Locks: none, one thread.
 */
#include "fake-int.h"
#include "../../kernel/uprobes-internal.h"

static int adopt_mm(struct fake_mm *mm)
{
	mm->upr = upr_mm_new(mm->world->session, &fake_target_ops, mm, UPR_INSN_64, 0);
	return mm->upr ? 0 : -ENOMEM;
}

static void drop_mm(struct fake_mm *mm)
{
	upr_mm_put(mm->upr);
}

static int set_mm(struct fake_task *t, struct fake_mm *mm)
{
	return upr_task_set_mm(t->ut, mm ? mm->upr : NULL);
}

static int report_fork(struct fake_mm *parent, struct fake_mm *child)
{
	return upr_report_fork(parent->upr, child->upr);
}

static void report_mmap(struct fake_mm *mm, struct fake_map *map)
{
	if (!(map->prot & FAKE_SHARED))
		upr_report_mmap(mm->upr, map->file->key, map->start, map->end - map->start, map->offset);
}

static void report_munmap(struct fake_mm *mm, u64 start, u64 len)
{
	upr_report_munmap(mm->upr, start, len);
}

static void area_mapped(struct fake_mm *mm, struct upr_area *area, s64 addr)
{
	upr_area_mapped(mm->upr, area, addr);
}

static void counters_mapped(struct fake_mm *mm, struct upr_counters *counters, s64 addr)
{
	upr_counters_mapped(mm->upr, counters, addr);
}

static void see_count(const struct upr_pad *pad, struct fake_seen *seen)
{
	struct upr_insn insn;
	unsigned int i, last = pad->jump->off[pad->jump->nr - 1];

	for (i = 0; i < pad->nr_counts; i++) {
		if (pad->counts[i].insn != seen->insn)
			continue;
		seen->has_count = true;
		seen->dead_gpr = pad->counts[i].dead_gpr;
		seen->flags_dead = pad->counts[i].flags_dead;
	}
	seen->has_call = !upr_insn_decode(&insn, pad->jump->code + last, pad->jump->len - last, UPR_INSN_64) &&
			 (insn.branch == UPR_BR_CALL || insn.branch == UPR_BR_CALL_IND);
}

static bool see(struct fake_task *t, struct fake_seen *seen)
{
	struct fake_map *map = fake_map_at(t->mm, t->regs.ip);
	struct upr_mm *mm = t->ut ? t->ut->mm : NULL;
	enum upr_pad_where where;
	struct upr_bp *bp;

	if (!mm || !map)
		return false;
	rcu_read_lock();
	bp = upr_slot_owner(mm, t->regs.ip);
	if (!bp && !map->area) {
		rcu_read_unlock();
		return false;
	}
	if (bp && bp->window && bp->slot_way == UPR_WAY_JUMP) {
		seen->in_pad = true;
		seen->regs = t->regs;
		seen->lost = upr_pad_leave(&bp->window->pad, t->ut, &seen->regs, &where, &seen->insn, &seen->counted);
		if (where == UPR_PAD_AFTER)
			seen->insn = bp->window->jump.nr;
		see_count(&bp->window->pad, seen);
	} else {
		seen->lost = !bp;
	}
	rcu_read_unlock();
	return true;
}

static u64 jump_at(struct fake_mm *mm, u64 addr)
{
	unsigned int off;
	u64 ret = 0;

	rcu_read_lock();
	for (off = 0; mm->upr && off < UPR_JUMP_CODE; off++) {
		struct upr_bp *bp = upr_bp_find(rcu_dereference(mm->upr->bps), addr - off);

		if (bp && bp->state == UPR_BP_ARMED && bp->window && off < bp->window->jump.patch)
			ret = bp->addr;
	}
	rcu_read_unlock();
	return ret;
}

static bool armed(struct fake_mm *mm, u64 addr)
{
	struct upr_bp *bp;
	bool ret;

	if (!mm->upr)
		return false;
	rcu_read_lock();
	bp = upr_bp_find(rcu_dereference(mm->upr->bps), addr);
	ret = bp && bp->state == UPR_BP_ARMED;
	rcu_read_unlock();
	return ret;
}

const struct fake_probes fake_uprobes = {
	.adopt_mm = adopt_mm,
	.drop_mm = drop_mm,
	.set_mm = set_mm,
	.fork = report_fork,
	.mmap = report_mmap,
	.munmap = report_munmap,
	.area_mapped = area_mapped,
	.counters_mapped = counters_mapped,
	.see = see,
	.jump_at = jump_at,
	.armed = armed,
};
