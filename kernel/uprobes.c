// SPDX-License-Identifier: GPL-2.0
/*
 * uprobes.c - sessions, the registry of probes, consumers.
 *
 * Purpose: a probe is a (file, offset) with its analysed instruction; consumers
 * hang on it.  Registering hands it to every address space that maps the
 * file; what follows from there is in uprobes-mm.c and uprobes-arm.c.
 *
 * The method
 *   An int3 goes over the first byte of the instruction.  The hit is counted, and
 *   the instruction is executed for the program: by computing its effect on
 *   the saved registers, or as a copy in a slot of an area of ours in the same
 *   address space.  A slot is filled once and belongs to one breakpoint, for
 *   all tasks at a time.
 *
 * Locks: session->lock guards everything here but the consumer lists and the
 * list of changed probes: those have session->consumer_lock, because
 * consumers are taken off in the atomic half.  The order is in uprobes-internal.h.
 */
#include "uprobes-internal.h"

#define REGISTRY_MIN_BITS 6

/* --- registry ----------------------------------------------------------- */

/* Offsets that lie together are looked for together: each stretch of the file has its stretch of the table. */
#define STRETCH_BITS 16
#define SITE_BITS    4

static unsigned int registry_slot(struct upr_file_key key, u64 offset, unsigned int bits)
{
	u64 mixed = key.dev * 31 + key.ino * 0x9e3779b97f4a7c15ull;
	u64 in_stretch = (offset & ((1u << STRETCH_BITS) - 1)) >> SITE_BITS;

	return (unsigned int)(hash_64(mixed ^ offset >> STRETCH_BITS, bits) + in_stretch) & ((1u << bits) - 1);
}

static struct upr_probe *probe_find(struct upr_session *session, struct upr_file_key key, u64 offset)
{
	const struct upr_file *file = upr_file_find(session, key);
	struct upr_probe *probe;

	/* mostly they come in order, and are new */
	if (!file || offset >= file->end)
		return NULL;
	hlist_for_each_entry(probe, &session->buckets[registry_slot(key, offset, session->bits)], hash)
		if (probe->offset == offset && probe->file == file)
			return probe;
	return NULL;
}

/* Without memory the chains grow longer, that is all. */
static void registry_grow(struct upr_session *session)
{
	unsigned int bits = session->bits + 2;
	struct hlist_head *buckets;
	struct upr_file *file;
	struct upr_probe *probe;

	if (!(session->nr_probes >> session->bits))
		return;
	buckets = kvcalloc((size_t)1 << bits, sizeof(*buckets), GFP_KERNEL);
	if (!buckets)
		return;
	list_for_each_entry(file, &session->files, node) {
		list_for_each_entry(probe, &file->probes, file_node) {
			hlist_del_init(&probe->hash);
			hlist_add_head(&probe->hash, &buckets[registry_slot(file->key, probe->offset, bits)]);
		}
	}
	kvfree(session->buckets);
	session->buckets = buckets;
	session->bits = bits;
}

struct upr_file *upr_file_find(struct upr_session *session, struct upr_file_key key)
{
	struct upr_file *file;

	list_for_each_entry(file, &session->files, node)
		if (file->key.dev == key.dev && file->key.ino == key.ino)
			return file;
	return NULL;
}

static struct upr_file *file_get(struct upr_session *session, struct upr_file_key key)
{
	struct upr_file *file = upr_file_find(session, key);

	if (file)
		return file;
	file = kzalloc(sizeof(*file), GFP_KERNEL);
	if (!file)
		return NULL;
	file->key = key;
	INIT_LIST_HEAD(&file->probes);
	list_add_tail(&file->node, &session->files);
	return file;
}

static void file_put(struct upr_file *file)
{
	if (!list_empty(&file->probes))
		return;
	list_del(&file->node);
	kfree(file);
}

static void probe_drop(struct upr_probe *probe)
{
	kfree(probe->facts.holes);
	kmem_cache_free(probe->session->caches.probes, probe);
}

static int copy_facts(struct upr_probe *probe, const struct upr_facts *facts)
{
	probe->facts = *facts;
	probe->facts.holes = NULL;
	if (!facts->nr_holes)
		return 0;
	probe->facts.holes = kmemdup(facts->holes, facts->nr_holes * sizeof(*facts->holes), GFP_KERNEL);
	return probe->facts.holes ? 0 : -ENOMEM;
}

static int probe_new(struct upr_session *session, struct upr_file_key key, u64 offset, const struct upr_facts *facts,
		     enum upr_insn_mode mode, struct upr_probe **ret)
{
	struct upr_probe *probe;
	struct upr_xol xol;
	int r = upr_xol_analyze(&xol, facts->code, min(facts->len, UPR_INSN_MAX), mode, 0);

	if (r)
		return r;
	probe = kmem_cache_zalloc(session->caches.probes, GFP_KERNEL);
	if (!probe)
		return -ENOMEM;
	probe->session = session;
	r = -ENOMEM;
	probe->xol = upr_insn_keep(session, &xol, 0);
	if (!probe->xol || copy_facts(probe, facts))
		goto fail;
	probe->file = file_get(session, key);
	if (!probe->file)
		goto fail;
	probe->offset = offset;
	probe->mode = (u8)session->mode;
	INIT_LIST_HEAD(&probe->consumers);
	INIT_LIST_HEAD(&probe->changed);
	INIT_LIST_HEAD(&probe->counters);
	upr_jump_analyze(&probe->jump, facts, offset, mode, 0, &xol.insn);
	INIT_HLIST_NODE(&probe->hash);
	registry_grow(session);
	hlist_add_head(&probe->hash, &session->buckets[registry_slot(key, offset, session->bits)]);
	list_add_tail(&probe->file_node, &probe->file->probes);
	probe->file->nr_probes++;
	probe->file->end = max(probe->file->end, offset + 1);
	session->nr_probes++;
	*ret = probe;
	return 0;
fail:
	probe_drop(probe);
	return r;
}

static void probe_free(struct upr_probe *probe)
{
	struct upr_session *session = probe->session;
	unsigned long flags;

	spin_lock_irqsave(&session->consumer_lock, flags);
	if (!list_empty(&probe->changed))
		list_del_init(&probe->changed);
	spin_unlock_irqrestore(&session->consumer_lock, flags);
	hlist_del_init(&probe->hash);
	list_del(&probe->file_node);
	probe->file->nr_probes--;
	file_put(probe->file);
	session->nr_probes--;
	probe_drop(probe);
}

/* A row that is refused is kept as well: it says why.  NULL without memory. */
const struct upr_xol *upr_probe_xol(struct upr_probe *probe, unsigned int env)
{
	const struct upr_xol *plain = probe->xol;
	struct upr_xol xol;

	if (!(env & UPR_ENV_SHSTK))
		return plain;
	if (!probe->shstk_xol) {
		if (upr_xol_analyze(&xol, plain->code, plain->insn.length, plain->insn.mode, env))
			xol.ways = 0;
		probe->shstk_xol = upr_insn_keep(probe->session, &xol, env);
	}
	return probe->shstk_xol;
}

/* --- sessions ----------------------------------------------------------- */

static void session_work(struct upr_work *work)
{
	struct upr_session *session = container_of(work, struct upr_session, work);

	atomic_xchg(&session->queued, 0);
	mutex_lock(&session->lock);
	upr_session_reap(session);
	mutex_unlock(&session->lock);
	upr_session_put(session);
}

/* Any context.  Before the first address space there is nothing to take out. */
static void session_queue(struct upr_session *session)
{
	const struct target_ops *target = READ_ONCE(session->target);

	if (!target || atomic_xchg(&session->queued, 1))
		return;
	upr_session_get(session);
	target->defer(&session->work);
}

static void caches_destroy(struct upr_session *session)
{
	kmem_cache_destroy(session->caches.probes);
	kmem_cache_destroy(session->caches.bps);
	kmem_cache_destroy(session->caches.windows);
	kmem_cache_destroy(session->caches.counters);
}

static bool caches_create(struct upr_session *session)
{
	session->caches.probes = KMEM_CACHE(upr_probe, 0);
	session->caches.bps = KMEM_CACHE(upr_bp, 0);
	session->caches.windows = KMEM_CACHE(upr_window, 0);
	session->caches.counters = KMEM_CACHE(upr_counter, 0);
	return session->caches.probes && session->caches.bps && session->caches.windows && session->caches.counters;
}

struct upr_session *upr_session_new(enum upr_mode mode)
{
	struct upr_session *session = kzalloc(sizeof(*session), GFP_KERNEL);

	if (!session)
		return NULL;
	session->bits = REGISTRY_MIN_BITS;
	session->buckets = kvcalloc((size_t)1 << session->bits, sizeof(*session->buckets), GFP_KERNEL);
	if (!session->buckets || !caches_create(session)) {
		caches_destroy(session);
		kvfree(session->buckets);
		kfree(session);
		return NULL;
	}
	mutex_init(&session->lock);
	spin_lock_init(&session->consumer_lock);
	session->mode = mode;
	INIT_LIST_HEAD(&session->files);
	INIT_LIST_HEAD(&session->mms);
	INIT_LIST_HEAD(&session->changed);
	INIT_LIST_HEAD(&session->unused);
	INIT_LIST_HEAD(&session->work.list);
	session->work.fn = session_work;
	refcount_set(&session->refs, 1);
	return session;
}

void upr_session_get(struct upr_session *session)
{
	refcount_inc(&session->refs);
}

static void file_free(struct upr_file *file)
{
	struct upr_probe *probe, *next;

	list_for_each_entry_safe(probe, next, &file->probes, file_node)
		probe_drop(probe);
	kfree(file);
}

/* The last one: no address space is left, hence no breakpoint, and nobody looks for a probe. */
void upr_session_put(struct upr_session *session)
{
	struct upr_file *file, *next;

	if (!refcount_dec_and_test(&session->refs))
		return;
	list_for_each_entry_safe(file, next, &session->files, node)
		file_free(file);
	upr_insns_free(&session->insns);
	caches_destroy(session);
	kvfree(session->buckets);
	kfree(session);
}

static void probe_changed(struct upr_probe *probe)
{
	list_move_tail(&probe->changed, &probe->session->changed);
}

/* What any of those that are left has said.  session->consumer_lock is held. */
static s64 semaphore_of(const struct upr_probe *probe)
{
	struct upr_consumer *consumer;

	list_for_each_entry(consumer, &probe->consumers, node)
		if (consumer->semaphore)
			return consumer->semaphore;
	return 0;
}

/* What jumps have counted in its time stays with it.  session->consumer_lock is held. */
static void consumer_del(struct upr_consumer *consumer)
{
	if (upr_consumer_is_plain(consumer))
		atomic64_add((s64)(upr_probe_jump_hits(consumer->probe) - consumer->jump_base), &consumer->hits);
	list_del_rcu(&consumer->node);
	WRITE_ONCE(consumer->probe->semaphore, semaphore_of(consumer->probe));
	WRITE_ONCE(consumer->probe, NULL);
}

static void drop_consumers(struct upr_probe *probe)
{
	struct upr_consumer *consumer, *next;
	unsigned long flags;

	spin_lock_irqsave(&probe->session->consumer_lock, flags);
	list_for_each_entry_safe(consumer, next, &probe->consumers, node)
		consumer_del(consumer);
	spin_unlock_irqrestore(&probe->session->consumer_lock, flags);
}

void upr_session_free(struct upr_session *session)
{
	struct upr_file *file;
	struct upr_probe *probe;
	struct upr_mm *mm;

	mutex_lock(&session->lock);
	session->closing = true;
	list_for_each_entry(file, &session->files, node)
		list_for_each_entry(probe, &file->probes, file_node)
			drop_consumers(probe);
	list_for_each_entry(mm, &session->mms, node) {
		mutex_lock(&mm->lock);
		upr_mm_disarm_locked(upr_space(mm));
		mutex_unlock(&mm->lock);
	}
	mutex_unlock(&session->lock);
	upr_session_put(session);
}

static struct upr_probe *pop(struct upr_session *session, struct list_head *list)
{
	struct upr_probe *probe = NULL;
	unsigned long flags;

	spin_lock_irqsave(&session->consumer_lock, flags);
	if (!list_empty(list)) {
		probe = list_first_entry(list, struct upr_probe, changed);
		list_del_init(&probe->changed);
	}
	spin_unlock_irqrestore(&session->consumer_lock, flags);
	return probe;
}

static void kick_all(struct upr_session *session)
{
	struct upr_mm *mm;

	list_for_each_entry(mm, &session->mms, node) {
		mutex_lock(&mm->lock);
		upr_arm_kick(upr_space(mm));
		mutex_unlock(&mm->lock);
	}
}

static void free_if_unused(struct upr_probe *probe)
{
	if (list_empty(&probe->consumers) && !atomic_read(&probe->nr_bps))
		probe_free(probe);
}

/*
 * Probes that nobody wants any more leave the address spaces, and those that
 * stand nowhere go.  session->lock is held.
 */
void upr_session_reap(struct upr_session *session)
{
	struct upr_probe *probe;
	struct upr_mm *mm;

	if (session->batch)
		return;
	while ((probe = pop(session, &session->changed))) {
		list_for_each_entry(mm, &session->mms, node)
			upr_mm_review(mm, probe);
		free_if_unused(probe);
	}
	while ((probe = pop(session, &session->unused)))
		free_if_unused(probe);
	kick_all(session);
}

/* A breakpoint of it is gone; mm->lock may be held, hence not the registry's. */
void upr_probe_drop_bp(struct upr_probe *probe)
{
	struct upr_session *session = probe->session;
	unsigned long flags;
	bool last;

	spin_lock_irqsave(&session->consumer_lock, flags);
	/* under the lock: whoever sees nought may free it */
	last = atomic_dec_and_test(&probe->nr_bps) && list_empty(&probe->consumers);
	if (last)
		probe_changed(probe);
	spin_unlock_irqrestore(&session->consumer_lock, flags);
	if (last)
		session_queue(session);
}

void upr_batch_begin(struct upr_session *session)
{
	mutex_lock(&session->lock);
	session->batch++;
	mutex_unlock(&session->lock);
}

void upr_batch_end(struct upr_session *session)
{
	mutex_lock(&session->lock);
	if (!WARN_ON_ONCE(!session->batch) && !--session->batch)
		upr_session_reap(session);
	mutex_unlock(&session->lock);
}

/* --- consumers ---------------------------------------------------------- */

static bool same_code(const struct upr_probe *probe, const u8 *code, size_t len)
{
	size_t known = probe->xol->insn.length;

	return len >= known && !memcmp(probe->xol->code, code, known);
}

/* The consumer is put on the list last: a hit counts it only where it has been asked. */
static int add_consumer(struct upr_session *session, struct upr_probe *probe, struct upr_consumer *consumer)
{
	unsigned long flags;
	struct upr_mm *mm;
	int r = 0;

	consumer->id = ++session->last_id;
	/* sites that are there may be looked at as soon as they have been asked */
	if (consumer->semaphore) {
		session->has_semaphores = true;
		WRITE_ONCE(probe->semaphore, consumer->semaphore);
	}
	session->choosy |= consumer->want != NULL;
	list_for_each_entry(mm, &session->mms, node) {
		r = upr_mm_add_consumer(mm, probe, consumer);
		if (r)
			break;
	}
	spin_lock_irqsave(&session->consumer_lock, flags);
	if (!r) {
		consumer->jump_base = upr_probe_jump_hits(probe);
		WRITE_ONCE(consumer->probe, probe);
		list_add_tail_rcu(&consumer->node, &probe->consumers);
	} else {
		WRITE_ONCE(probe->semaphore, semaphore_of(probe));
		probe_changed(probe);
	}
	spin_unlock_irqrestore(&session->consumer_lock, flags);
	return r;
}

int upr_register(struct upr_session *session, struct upr_file_key file, u64 offset, const u8 *code, size_t len,
		 enum upr_insn_mode mode, struct upr_consumer *consumer, struct upr_probe **ret)
{
	struct upr_facts facts = {.len = (u8)min(len, (size_t)UPR_INSN_MAX)};

	memcpy(facts.code, code, facts.len);
	return upr_register_facts(session, file, offset, &facts, mode, consumer, ret);
}

int upr_register_facts(struct upr_session *session, struct upr_file_key file, u64 offset, const struct upr_facts *facts,
		       enum upr_insn_mode mode, struct upr_consumer *consumer, struct upr_probe **ret)
{
	struct upr_probe *probe;
	int r = -EBUSY;

	mutex_lock(&session->lock);
	/* where it will be put, if it is new: after the analysis */
	prefetchw(&session->buckets[registry_slot(file, offset, session->bits)]);
	if (consumer->probe)
		goto out;
	r = -EINVAL;
	if (session->closing)
		goto out;
	probe = probe_find(session, file, offset);
	/* a file that was rewritten in place: its old breakpoints must go first */
	if (probe && !same_code(probe, facts->code, facts->len)) {
		r = -EBUSY;
		if (!list_empty(&probe->consumers) || atomic_read(&probe->nr_bps))
			goto out;
		probe_free(probe);
		probe = NULL;
	}
	r = 0;
	if (!probe)
		r = probe_new(session, file, offset, facts, mode, &probe);
	if (!r)
		r = add_consumer(session, probe, consumer);
	if (!r && ret)
		*ret = probe;
	if (!session->batch)
		upr_session_reap(session);
out:
	mutex_unlock(&session->lock);
	return r;
}

void upr_unregister(struct upr_session *session, struct upr_consumer *consumer)
{
	struct upr_probe *probe;
	unsigned long flags;

	spin_lock_irqsave(&session->consumer_lock, flags);
	probe = consumer->probe;
	if (probe) {
		consumer_del(consumer);
		probe_changed(probe);
	}
	spin_unlock_irqrestore(&session->consumer_lock, flags);
	if (probe)
		session_queue(session);
}

void upr_sync(struct upr_session *session)
{
	/* @want is called with the lock held, @hit in a read side */
	mutex_lock(&session->lock);
	mutex_unlock(&session->lock);
	synchronize_rcu();
}

/* --- questions ---------------------------------------------------------- */

static bool home_jumps(const struct upr_probe *probe)
{
	return (probe->mode == UPR_MODE_AUTO || probe->mode == UPR_MODE_JUMP) && probe->session->target &&
	       probe->session->target->counters_map;
}

/* As far as the plan goes: an address space may have reasons against it. */
static bool jumps(const struct upr_probe *probe)
{
	return home_jumps(probe) && probe->jump.form != UPR_JUMP_NONE && probe->jump.form != UPR_JUMP_PUN &&
	       !probe->no_jump;
}

const struct upr_jump *upr_probe_jump(const struct upr_probe *probe)
{
	return &probe->jump;
}

enum upr_way upr_probe_way(const struct upr_probe *probe)
{
	const struct upr_xol *xol = probe->xol;
	bool emulate = xol->ways & UPR_WAYS(UPR_WAY_EMULATE);
	bool boost = xol->ways & UPR_WAYS(UPR_WAY_BOOST);
	int way;
	u64 pc;

	/* it has had to give way to a trap, which is not wanted: what it counts is not all */
	if (probe->mode == UPR_MODE_JUMP && probe->no_jump)
		return UPR_WAY_REFUSE;
	/* the slowest it has been, if it has been anything */
	for (way = UPR_WAY_STEP; way >= UPR_WAY_JUMP && probe->stood; way--)
		if (probe->stood & UPR_WAYS(way))
			return way;
	if (jumps(probe))
		return UPR_WAY_JUMP;
	if (probe->mode == UPR_MODE_JUMP)
		return UPR_WAY_REFUSE;
	if (probe->mode == UPR_MODE_STEP && (xol->ways & UPR_WAYS(UPR_WAY_STEP)))
		return UPR_WAY_STEP;
	if (emulate && (!boost || upr_xol_emulate_pc(xol, 0, &pc)))
		return UPR_WAY_EMULATE;
	if (boost)
		return UPR_WAY_BOOST;
	return xol->ways & UPR_WAYS(UPR_WAY_STEP) ? UPR_WAY_STEP : UPR_WAY_REFUSE;
}

/* The instruction has its own reason; where it leaves a choice, the choice has one. */
const char *upr_probe_reason(const struct upr_probe *probe)
{
	bool emulate = probe->xol->ways & UPR_WAYS(UPR_WAY_EMULATE);
	bool boost = probe->xol->ways & UPR_WAYS(UPR_WAY_BOOST);

	/* who wanted a jump is told why there is none */
	if (home_jumps(probe) && probe->xol->ways != UPR_WAYS(UPR_WAY_REFUSE))
		return probe->no_jump ? probe->no_jump : probe->jump.reason;
	switch (upr_probe_way(probe)) {
	case UPR_WAY_STEP:
		return emulate || boost ? "single-stepping was asked for" : probe->xol->reason;
	case UPR_WAY_BOOST:
		return emulate ? "a copy that jumps back costs less than computing its effect" : probe->xol->reason;
	default:
		return probe->xol->reason;
	}
}

struct site_count {
	unsigned int nr;
	unsigned int *counts;
	const char *reason;
};

static void count_armed(struct upr_space *sp, struct upr_bp *bp, void *data)
{
	struct site_count *count = data;

	if (bp->state != UPR_BP_ARMED)
		return;
	count->nr++;
	if (count->counts)
		count->counts[bp->way]++;
}

static void count_unarmed(struct upr_space *sp, struct upr_bp *bp, void *data)
{
	struct site_count *count = data;

	if (bp->state != UPR_BP_UNARMED || !bp->want)
		return;
	count->nr++;
	count->reason = bp->why;
}

static void each_site_of_session(struct upr_session *session, const struct upr_probe *probe, upr_site_fn fn,
				 struct site_count *count)
{
	struct upr_mm *mm;

	mutex_lock(&session->lock);
	list_for_each_entry(mm, &session->mms, node) {
		mutex_lock(&mm->lock);
		upr_each_site(upr_space(mm), probe, fn, count);
		mutex_unlock(&mm->lock);
	}
	mutex_unlock(&session->lock);
}

unsigned int upr_probe_sites(struct upr_session *session, const struct upr_probe *probe, unsigned int *counts)
{
	struct site_count count = {.counts = counts};

	if (counts)
		memset(counts, 0, UPR_NR_WAYS * sizeof(*counts));
	each_site_of_session(session, probe, count_armed, &count);
	return count.nr;
}

unsigned int upr_probe_unarmed(struct upr_session *session, const struct upr_probe *probe, const char **reason)
{
	struct site_count count = {0};

	each_site_of_session(session, probe, count_unarmed, &count);
	if (reason)
		*reason = count.reason;
	return count.nr;
}
