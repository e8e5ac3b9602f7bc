// SPDX-License-Identifier: GPL-2.0
/*
 * uprobes-count.c - counters of jump probes.
 *
 * Purpose: pads count in memory that the program and we share.  For each CPU there are
 * two arrays of counters, one for rseq sections and one for locked increments,
 * so that no two CPUs write to one cache line; a counter is one word of each.  A pad
 * finds its CPU's array by a table of their addresses that lies below 2 GiB, where
 * an instruction can name it without a register.
 *
 *   struct upr_counters   the memory; forked children count in the same
 *   struct upr_block      as one address space has it mapped, and its table
 *   struct upr_counter    one probe's words in it
 *
 * A counter is shared by a site and its copies in forked children: it is read
 * once, not once for each of them.  When the last of them is gone, what it held is
 * added to probe->jump_hits and its words are given to somebody else.
 *
 * Locks: mm->lock for blocks; session->consumer_lock for probe->counters,
 * jump_hits, and who has which words.
 */
#include "uprobes-internal.h"

#define ROOM_STEP   (UPR_PAGE_SIZE / sizeof(u64))
#define TABLE_AT    64u /* behind the magic */
#define TABLE_LO    ((u64)1 << 16)
#define TABLE_HI    (((u64)1 << 31) - UPR_PAGE_SIZE)
#define COUNTER_MAX ((u32)1 << 24)

/* --- reading -------------------------------------------------------------- */

static u64 *words(const struct upr_counters *c, u32 array, u32 index)
{
	return c->view + (size_t)array * c->room + index;
}

static u64 counter_value(const struct upr_counter *counter)
{
	const struct upr_counters *c = counter->counters;
	u64 sum = 0;
	u32 i;

	for (i = 0; i < 2 * c->nr_cpus; i++)
		sum += READ_ONCE(*words(c, i, counter->index));
	return sum;
}

/* session->consumer_lock is held. */
u64 upr_probe_jump_hits(const struct upr_probe *probe)
{
	const struct upr_counter *counter;
	u64 sum = probe->jump_hits;

	list_for_each_entry(counter, &probe->counters, node)
		sum += counter_value(counter);
	return sum;
}

u64 upr_consumer_hits(struct upr_session *session, struct upr_consumer *consumer)
{
	unsigned long flags;
	u64 hits;

	spin_lock_irqsave(&session->consumer_lock, flags);
	hits = (u64)atomic64_read(&consumer->hits);
	if (consumer->probe && upr_consumer_is_plain(consumer))
		hits += upr_probe_jump_hits(consumer->probe) - consumer->jump_base;
	spin_unlock_irqrestore(&session->consumer_lock, flags);
	/* taken back, and the program did not come to be counted again */
	return (s64)hits < 0 ? 0 : hits;
}

/* --- memory ---------------------------------------------------------------- */

static void counters_put(struct upr_counters *c)
{
	if (!refcount_dec_and_test(&c->refs))
		return;
	if (c->view)
		c->target->counters_free(c);
	kvfree(c->taken);
	kfree(c);
}

static struct upr_counters *counters_new(const struct upr_space *sp, u32 room)
{
	struct upr_counters *c = kzalloc(sizeof(*c), GFP_KERNEL);

	if (!c)
		return NULL;
	c->taken = kvcalloc(room, 1, GFP_KERNEL);
	if (!c->taken) {
		kfree(c);
		return NULL;
	}
	c->target = sp->mm.target;
	c->nr_cpus = sp->nr_cpus;
	c->room = room;
	c->size = (size_t)room * sizeof(u64) * 2 * sp->nr_cpus;
	refcount_set(&c->refs, 1);
	return c;
}

/* --- one counter ------------------------------------------------------------- */

/* session->consumer_lock is held.  Words that were somebody's start at nought again. */
static u32 take_words(struct upr_counters *c)
{
	u32 i, index = c->next;

	while (c->taken[index])
		index = index + 1 == c->room ? 0 : index + 1;
	c->taken[index] = 1;
	c->used++;
	c->next = index + 1 == c->room ? 0 : index + 1;
	/* what nobody has had is nought, and is not to take memory before it is counted in */
	for (i = 0; i < 2 * c->nr_cpus && index < c->high; i++)
		WRITE_ONCE(*words(c, i, index), 0);
	c->high = max(c->high, index + 1);
	return index;
}

/* @block has room.  NULL without memory. */
struct upr_counter *upr_counter_new(struct upr_probe *probe, struct upr_block *block)
{
	struct upr_counter *counter = kmem_cache_zalloc(probe->session->caches.counters, GFP_KERNEL);
	unsigned long flags;

	if (!counter)
		return NULL;
	counter->probe = probe;
	counter->counters = block->counters;
	refcount_inc(&block->counters->refs);
	refcount_set(&counter->refs, 1);
	spin_lock_irqsave(&probe->session->consumer_lock, flags);
	counter->index = take_words(block->counters);
	list_add_tail(&counter->node, &probe->counters);
	spin_unlock_irqrestore(&probe->session->consumer_lock, flags);
	return counter;
}

void upr_counter_get(struct upr_counter *counter)
{
	refcount_inc(&counter->refs);
}

/* Before the breakpoint lets go of the probe. */
void upr_counter_put(struct upr_counter *counter)
{
	struct upr_session *session;
	unsigned long flags;

	if (!counter || !refcount_dec_and_test(&counter->refs))
		return;
	session = counter->probe->session;
	spin_lock_irqsave(&session->consumer_lock, flags);
	counter->probe->jump_hits += counter_value(counter);
	list_del(&counter->node);
	counter->counters->taken[counter->index] = 0;
	counter->counters->used--;
	spin_unlock_irqrestore(&session->consumer_lock, flags);
	counters_put(counter->counters);
	kmem_cache_free(session->caches.counters, counter);
}

/* --- blocks --------------------------------------------------------------------- */

static void block_free(struct upr_block *block)
{
	counters_put(block->counters);
	kfree(block->table);
	kfree(block);
}

static bool usable(const struct upr_block *block)
{
	return block->written && !block->failed;
}

static u32 room_left(const struct upr_block *block)
{
	return block->counters->room - block->counters->used;
}

/* For the counters of one pad: they must be in one block. */
struct upr_block *upr_block_with_room(struct upr_space *sp, unsigned int nr)
{
	struct upr_block *block;

	list_for_each_entry(block, &sp->blocks, node)
		if (usable(block) && room_left(block) >= nr)
			return block;
	return NULL;
}

/* Where pads find it. */
u64 upr_block_table(const struct upr_block *block)
{
	return block->table->addr + TABLE_AT;
}

struct upr_block *upr_block_find(struct upr_space *sp, u64 addr)
{
	struct upr_block *block;

	list_for_each_entry(block, &sp->blocks, node)
		if (block->addr == addr)
			return block;
	return NULL;
}

static struct upr_area *table_area(const struct upr_space *sp)
{
	struct upr_area *area = kzalloc(sizeof(*area), GFP_KERNEL);

	if (!area)
		return NULL;
	area->lo = TABLE_LO;
	area->hi = TABLE_HI;
	area->size = ALIGN(TABLE_AT + (size_t)2 * sp->nr_cpus * sizeof(u64), (size_t)UPR_PAGE_SIZE);
	area->state = UPR_AREA_REQUESTED;
	return area;
}

static void block_ask(struct upr_space *sp, u32 room, bool spare)
{
	const struct target_ops *target = sp->mm.target;
	struct upr_block *block = kzalloc(sizeof(*block), GFP_KERNEL);

	if (!block)
		goto fail;
	block->counters = counters_new(sp, room);
	block->table = block->counters ? table_area(sp) : NULL;
	if (!block->table)
		goto fail;
	list_add_tail(&block->node, &sp->blocks);
	block->spare = spare;
	block->waiting = 2;
	sp->requested += 2;
	target->area_map(&sp->mm, block->table);
	target->counters_map(&sp->mm, block->counters);
	return;
fail:
	if (block && block->counters)
		counters_put(block->counters);
	kfree(block);
	sp->no_counters = true;
}

/* Room for @nr more, there or asked for; each call in the program's name costs, so that more is asked for, for those who come later. */
void upr_blocks_reserve(struct upr_space *sp, unsigned int nr)
{
	struct upr_block *block;
	u64 left = 0, later;

	list_for_each_entry(block, &sp->blocks, node)
		if (!block->failed && room_left(block) >= UPR_JUMP_INSNS)
			left += room_left(block) - UPR_JUMP_INSNS;
	if (left >= nr || sp->no_counters)
		return;
	later = sp->tight ? 0 : upr_arm_later(sp);
	block_ask(sp, (u32)min(ALIGN(nr + later + (nr + later) / 8 + UPR_JUMP_INSNS, (u64)ROOM_STEP), (u64)COUNTER_MAX),
		  later);
}

/* The addresses of all arrays: of the one kind, then of the other. */
static int write_table(struct upr_space *sp, struct upr_block *block)
{
	const struct upr_counters *c = block->counters;
	u8 *buf = kvcalloc(1, block->table->size, GFP_KERNEL);
	u64 *table, size = block->table->size;
	u32 i;
	int r;

	if (!buf)
		return -ENOMEM;
	memcpy(buf, UPR_AREA_MAGIC, UPR_AREA_MAGIC_SIZE);
	memcpy(buf + UPR_AREA_MAGIC_SIZE, &size, sizeof(size));
	table = (u64 *)(buf + TABLE_AT);
	for (i = 0; i < 2 * c->nr_cpus; i++)
		table[i] = block->addr + (u64)i * c->room * sizeof(u64);
	r = sp->mm.target->text_write(&sp->mm, block->table->addr, buf, block->table->size);
	kvfree(buf);
	return r;
}

static void answered(struct upr_space *sp, struct upr_block *block, bool good, s64 error)
{
	if (!good)
		block->failed = true;
	if (error == -EPERM)
		sp->no_area = true;
	block->waiting--;
	if (!block->failed)
		return;
	/* less may be had */
	if (block->spare && error != -EPERM)
		sp->tight = true;
	else
		sp->no_counters = true;
}

/* All tasks are quiet: tables of memory that has come are filled in. */
void upr_blocks_write(struct upr_space *sp)
{
	struct upr_block *block;

	list_for_each_entry(block, &sp->blocks, node) {
		if (block->written || block->failed || block->waiting)
			continue;
		block->written = !write_table(sp, block);
		block->failed = !block->written;
		if (block->failed)
			sp->no_counters = true;
	}
}

/* Return: it was a table. */
bool upr_block_area_mapped(struct upr_space *sp, struct upr_area *area, s64 addr)
{
	struct upr_block *block;

	list_for_each_entry(block, &sp->blocks, node) {
		if (block->table != area)
			continue;
		area->addr = addr > 0 ? (u64)addr : 0;
		area->state = addr > 0 ? UPR_AREA_MAPPED : UPR_AREA_FAILED;
		answered(sp, block, addr > 0 && (u64)addr + area->size <= area->hi, addr);
		return true;
	}
	return false;
}

void upr_counters_mapped(struct upr_mm *mm, struct upr_counters *counters, s64 addr)
{
	struct upr_space *sp = upr_space(mm);
	struct upr_block *block;

	mutex_lock(&mm->lock);
	sp->requested--;
	list_for_each_entry(block, &sp->blocks, node) {
		if (block->counters != counters)
			continue;
		block->addr = addr > 0 ? (u64)addr : 0;
		answered(sp, block, addr > 0, addr);
		break;
	}
	if (!sp->requested)
		upr_arm_queue(sp);
	mutex_unlock(&mm->lock);
}

/* All tasks are quiet: blocks that no pad counts in are taken out of the address space. */
void upr_blocks_trim(struct upr_space *sp)
{
	const struct target_ops *target = sp->mm.target;
	struct upr_block *block, *next;

	list_for_each_entry_safe(block, next, &sp->blocks, node) {
		bool blind = sp->blind && sp->detaching;

		if (block->waiting || (blind ? sp->mm.nr_bps : block->windows))
			continue;
		list_del(&block->node);
		/* who may still be in a pad counts there: let it lie */
		if (block->addr && !blind)
			target->counters_unmap(&sp->mm, block->addr, block->counters->size);
		if (block->table->addr && !blind)
			target->area_unmap(&sp->mm, block->table->addr, block->table->size);
		block_free(block);
	}
}

void upr_blocks_free(struct upr_space *sp)
{
	struct upr_block *block, *next;

	list_for_each_entry_safe(block, next, &sp->blocks, node) {
		list_del(&block->node);
		block_free(block);
	}
}

/* The child has the parent's memory where the parent has it. */
int upr_blocks_clone(struct upr_space *parent, struct upr_space *child)
{
	struct upr_block *from, *block;

	list_for_each_entry(from, &parent->blocks, node) {
		if (!usable(from))
			continue;
		block = kzalloc(sizeof(*block), GFP_KERNEL);
		if (!block)
			return -ENOMEM;
		block->table = kmemdup(from->table, sizeof(*from->table), GFP_KERNEL);
		if (!block->table) {
			kfree(block);
			return -ENOMEM;
		}
		block->counters = from->counters;
		refcount_inc(&from->counters->refs);
		block->addr = from->addr;
		block->written = true;
		list_add_tail(&block->node, &child->blocks);
	}
	return 0;
}
