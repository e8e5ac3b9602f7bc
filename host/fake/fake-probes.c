// SPDX-License-Identifier: GPL-2.0
/*
 * fake-probes.c - the fake host as a home of the probe engine.
 *
 * Purpose: hands mappings, forks and areas to uprobes.h.  Apart from the rest of the
 * host so that tests of utrace alone link without kernel/uprobes.c.
 *
 * Locks: none, one thread.
 */
#include "fake-int.h"

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

const struct fake_probes fake_uprobes = {
	.adopt_mm = adopt_mm,
	.drop_mm = drop_mm,
	.set_mm = set_mm,
	.fork = report_fork,
	.mmap = report_mmap,
	.munmap = report_munmap,
	.area_mapped = area_mapped,
};
