/* SPDX-License-Identifier: GPL-2.0 */
/*
 * upr-compat.h, user side - the words the engine shares with its two homes.
 *
 * Purpose: gives the names that kernel/ and arch/ use (types, lists, locks,
 * atomics, RCU, memory) their meaning in a user process.  The names and their
 * contracts are Linux's, so that the same sources compile in a module; the
 * implementations are our own, or liburcu's.  A word is added only
 * when the engine needs it and both sides can mean the same.
 *
 * Locks are real: the user library may be entered from several threads.
 */
#ifndef UPR_COMPAT_H
#define UPR_COMPAT_H

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <urcu-bp.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

/* of the kernel's own, not of any system call */
#ifndef ENOTSUPP
#define ENOTSUPP	524
#endif

#ifndef likely
#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)
#endif
#define prefetch(p)	__builtin_prefetch(p)
#define prefetchw(p)	__builtin_prefetch(p, 1)
#define __maybe_unused	__attribute__((unused))
#define __must_check	__attribute__((warn_unused_result))
#define fallthrough	__attribute__((fallthrough))
#define EXPORT_SYMBOL_GPL(name)

#ifndef container_of
#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))
#endif
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define BIT(n)		(1ul << (n))
#define min(a, b) ({ __typeof__(a) _a = (a); __typeof__(b) _b = (b); _a < _b ? _a : _b; })
#define max(a, b) ({ __typeof__(a) _a = (a); __typeof__(b) _b = (b); _a > _b ? _a : _b; })
#define max3(a, b, c) max(max(a, b), c)
#define min_t(t, a, b)	min((t)(a), (t)(b))
#define max_t(t, a, b)	max((t)(a), (t)(b))
#define ALIGN(x, a)	(((x) + (a) - 1) & ~((__typeof__(x))(a) - 1))
#define swap(a, b) do { __typeof__(a) _t = (a); (a) = (b); (b) = _t; } while (0)

#define READ_ONCE(x)		(*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v)	(*(volatile __typeof__(x) *)&(x) = (v))

/*
 * A broken invariant stops the process: the target must not be touched by an
 * engine that no longer knows what it does.  The home restores it on the way out.
 */
#define BUG_ON(c) do {								\
	if (unlikely(c)) {							\
		fprintf(stderr, "%s:%d: broken invariant: %s\n", __FILE__, __LINE__, #c); \
		abort();							\
	}									\
} while (0)
#define WARN_ON_ONCE(c) ({							\
	static bool _warned;							\
	bool _bad = !!(c);							\
										\
	if (unlikely(_bad && !_warned)) {					\
		_warned = true;							\
		fprintf(stderr, "%s:%d: broken invariant: %s\n", __FILE__, __LINE__, #c); \
	}									\
	_bad;									\
})

/*
 * The atomic half of a hit, made visible: between enter and exit a word that
 * may sleep is a broken invariant.  A home that calls the engine in atomic
 * context brackets the call with them; in a module they mean nothing, the
 * kernel has its own checks.
 */
__attribute__((weak)) __thread int upr_atomic_depth;

static inline void upr_atomic_enter(void)
{
	upr_atomic_depth++;
}

static inline void upr_atomic_exit(void)
{
	upr_atomic_depth--;
}

#define might_sleep()		BUG_ON(upr_atomic_depth)
#define cond_resched()		might_sleep()
#define might_sleep_if(c)	do { if (c) might_sleep(); } while (0)

/* --- errors in pointers ------------------------------------------------ */

#define MAX_ERRNO 4095

static inline void *ERR_PTR(long error)
{
	return (void *)error;
}

static inline long PTR_ERR(const void *ptr)
{
	return (long)ptr;
}

static inline bool IS_ERR(const void *ptr)
{
	return (unsigned long)ptr >= (unsigned long)-MAX_ERRNO;
}

/* --- memory ------------------------------------------------------------ */

typedef unsigned int gfp_t;
#define GFP_KERNEL	0u
#define GFP_ATOMIC	1u

static inline void *kmalloc(size_t size, gfp_t gfp)
{
	might_sleep_if(gfp == GFP_KERNEL);
	return malloc(size);
}

static inline void *kzalloc(size_t size, gfp_t gfp)
{
	might_sleep_if(gfp == GFP_KERNEL);
	return calloc(1, size);
}

static inline void *kcalloc(size_t n, size_t size, gfp_t gfp)
{
	might_sleep_if(gfp == GFP_KERNEL);
	return calloc(n, size);
}

static inline void *kmemdup(const void *src, size_t size, gfp_t gfp)
{
	void *p = kmalloc(size, gfp);

	return p ? memcpy(p, src, size) : NULL;
}

static inline void kfree(const void *ptr)
{
	free((void *)ptr);
}

#define kvmalloc(size, gfp)	kmalloc(size, gfp)
#define kvcalloc(n, size, gfp)	kcalloc(n, size, gfp)
#define kvfree(ptr)		kfree(ptr)

static inline void sort(void *base, size_t num, size_t size, int (*cmp)(const void *, const void *), void *swap_fn)
{
	(void)swap_fn;
	qsort(base, num, size, cmp);
}

/* --- locks and counters ------------------------------------------------ */

typedef struct {
	int locked;
} spinlock_t;

#define DEFINE_SPINLOCK(name)	spinlock_t name = { 0 }

static inline void spin_lock_init(spinlock_t *lock)
{
	lock->locked = 0;
}

static inline void spin_lock(spinlock_t *lock)
{
	while (__atomic_exchange_n(&lock->locked, 1, __ATOMIC_ACQUIRE))
		while (__atomic_load_n(&lock->locked, __ATOMIC_RELAXED))
			__builtin_ia32_pause();
}

static inline void spin_unlock(spinlock_t *lock)
{
	__atomic_store_n(&lock->locked, 0, __ATOMIC_RELEASE);
}

static inline bool spin_is_locked(spinlock_t *lock)
{
	return __atomic_load_n(&lock->locked, __ATOMIC_RELAXED);
}

#define spin_lock_irqsave(lock, flags)		do { (flags) = 0; spin_lock(lock); } while (0)
#define spin_unlock_irqrestore(lock, flags)	do { (void)(flags); spin_unlock(lock); } while (0)

struct mutex {
	pthread_mutex_t m;
};

#define DEFINE_MUTEX(name)	struct mutex name = { PTHREAD_MUTEX_INITIALIZER }
#define mutex_init(l)		pthread_mutex_init(&(l)->m, NULL)
#define mutex_lock(l)		do { might_sleep(); pthread_mutex_lock(&(l)->m); } while (0)
#define mutex_unlock(l)		pthread_mutex_unlock(&(l)->m)

typedef struct {
	int v;
} atomic_t;

typedef struct {
	s64 v;
} atomic64_t;

#define ATOMIC_INIT(i)		{ (i) }
#define ATOMIC64_INIT(i)	{ (i) }
#define atomic_read(a)		__atomic_load_n(&(a)->v, __ATOMIC_RELAXED)
#define atomic_set(a, i)	__atomic_store_n(&(a)->v, (i), __ATOMIC_RELAXED)
#define atomic_inc(a)		((void)__atomic_add_fetch(&(a)->v, 1, __ATOMIC_RELAXED))
#define atomic_dec(a)		((void)__atomic_sub_fetch(&(a)->v, 1, __ATOMIC_RELAXED))
#define atomic_inc_return(a)	__atomic_add_fetch(&(a)->v, 1, __ATOMIC_SEQ_CST)
#define atomic_dec_and_test(a)	(__atomic_sub_fetch(&(a)->v, 1, __ATOMIC_SEQ_CST) == 0)
#define atomic_xchg(a, i)	__atomic_exchange_n(&(a)->v, (i), __ATOMIC_SEQ_CST)
#define atomic64_read(a)	__atomic_load_n(&(a)->v, __ATOMIC_RELAXED)
#define atomic64_set(a, i)	__atomic_store_n(&(a)->v, (i), __ATOMIC_RELAXED)
#define atomic64_inc(a)		((void)__atomic_add_fetch(&(a)->v, 1, __ATOMIC_RELAXED))
#define atomic64_dec(a)		((void)__atomic_sub_fetch(&(a)->v, 1, __ATOMIC_RELAXED))
#define atomic64_add(i, a)	((void)__atomic_add_fetch(&(a)->v, (i), __ATOMIC_RELAXED))

typedef struct {
	int v;
} refcount_t;

#define refcount_set(r, n)		__atomic_store_n(&(r)->v, (n), __ATOMIC_RELAXED)
#define refcount_read(r)		__atomic_load_n(&(r)->v, __ATOMIC_RELAXED)
#define refcount_inc(r)			((void)__atomic_add_fetch(&(r)->v, 1, __ATOMIC_RELAXED))
#define refcount_dec_and_test(r)	(__atomic_sub_fetch(&(r)->v, 1, __ATOMIC_ACQ_REL) == 0)

static inline bool refcount_inc_not_zero(refcount_t *r)
{
	int old = refcount_read(r);

	while (old)
		if (__atomic_compare_exchange_n(&r->v, &old, old + 1, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			return true;
	return false;
}

/* --- many objects of one size ------------------------------------------ */

/*
 * kmem_cache: what is given back is used again first; memory goes with the cache.  Slabs double in size, so
 * that a few objects cost little and many few calls.  Under AddressSanitizer each object is an allocation of
 * its own, so that it sees who uses it when.
 */
#define UPR_SLAB_MIN	((size_t)16 << 10)
#define UPR_SLAB_MAX	((size_t)2 << 20)

struct upr_slab {
	struct upr_slab *next;
	size_t size;
};

struct kmem_cache {
	spinlock_t lock;
	size_t size;
	void *free;		/* linked by their first words */
	struct upr_slab *slabs;
	char *next, *end;	/* never used so far */
};

static inline struct kmem_cache *kmem_cache_create(const char *name, unsigned int size, unsigned int align,
						   unsigned int flags, void (*ctor)(void *))
{
	struct kmem_cache *cache = kzalloc(sizeof(*cache), GFP_KERNEL);

	(void)name;
	(void)flags;
	(void)ctor;
	if (cache)
		cache->size = ALIGN(max((size_t)size, sizeof(void *)), max((size_t)align, sizeof(u64)));
	return cache;
}

#define KMEM_CACHE(type, flags)	kmem_cache_create(#type, sizeof(struct type), __alignof__(struct type), flags, NULL)

#ifdef __SANITIZE_ADDRESS__

static inline void *kmem_cache_zalloc(struct kmem_cache *cache, gfp_t gfp)
{
	return kzalloc(cache->size, gfp);
}

static inline void kmem_cache_free(struct kmem_cache *cache, void *object)
{
	(void)cache;
	kfree(object);
}

#else

/* cache->lock is held. */
static inline bool upr_slab_add(struct kmem_cache *cache)
{
	size_t size = cache->slabs ? min(2 * cache->slabs->size, UPR_SLAB_MAX) : UPR_SLAB_MIN;
	struct upr_slab *slab = malloc(size);

	if (!slab)
		return false;
	slab->size = size;
	slab->next = cache->slabs;
	cache->slabs = slab;
	cache->next = (char *)slab + ALIGN(sizeof(*slab), (size_t)16);
	cache->end = (char *)slab + size;
	return true;
}

/* Cleared when it is used: whole slabs would have left the CPU's caches by then. */
static inline void *kmem_cache_zalloc(struct kmem_cache *cache, gfp_t gfp)
{
	void *object;

	might_sleep_if(gfp == GFP_KERNEL);
	spin_lock(&cache->lock);
	object = cache->free;
	if (object) {
		cache->free = *(void **)object;
	} else if ((size_t)(cache->end - cache->next) >= cache->size || upr_slab_add(cache)) {
		object = cache->next;
		cache->next += cache->size;
	}
	spin_unlock(&cache->lock);
	return object ? memset(object, 0, cache->size) : NULL;
}

static inline void kmem_cache_free(struct kmem_cache *cache, void *object)
{
	spin_lock(&cache->lock);
	*(void **)object = cache->free;
	cache->free = object;
	spin_unlock(&cache->lock);
}

#endif

/* Nobody has any of it. */
static inline void kmem_cache_destroy(struct kmem_cache *cache)
{
	struct upr_slab *slab, *next;

	for (slab = cache ? cache->slabs : NULL; slab; slab = next) {
		next = slab->next;
		free(slab);
	}
	kfree(cache);
}

/* --- RCU: liburcu's "bp" flavour: a thread registers itself ------------- */

/* rcu_read_lock, rcu_read_unlock, rcu_assign_pointer, synchronize_rcu and
 * struct rcu_head come from urcu-bp.h; its rcu_dereference() is a call, for a load */
#undef rcu_dereference
#define rcu_dereference(p) __atomic_load_n(&(p), __ATOMIC_CONSUME)

/*
 * kfree_rcu(), call_rcu() - free, or call, after a grace period.  No thread of
 * ours does it (a ptrace home has a use for every signal and wait of its
 * process): the dead wait in a list, and whoever makes it long waits for the
 * readers, unless it is one itself or is in an atomic context.  May wait for
 * readers: not to be called under a lock that a reader takes.
 */
#define UPR_RCU_BATCH	256
#define UPR_RCU_OFFSET	4096	/* below it func is the head's offset in what is to be freed */

struct upr_rcu_dead {
	spinlock_t lock;
	unsigned int nr;
	struct rcu_head *first;		/* linked by next.next */
};

__attribute__((weak)) struct upr_rcu_dead upr_rcu_dead;

static inline void upr_rcu_reap(void)
{
	struct rcu_head *head, *next;

	spin_lock(&upr_rcu_dead.lock);
	head = upr_rcu_dead.first;
	upr_rcu_dead.first = NULL;
	upr_rcu_dead.nr = 0;
	spin_unlock(&upr_rcu_dead.lock);
	if (head)
		synchronize_rcu();
	for (; head; head = next) {
		next = (struct rcu_head *)head->next.next;
		if ((size_t)head->func < UPR_RCU_OFFSET)
			free((char *)head - (size_t)head->func);
		else
			head->func(head);
	}
}

static inline void upr_call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head))
{
	unsigned int nr;

	head->func = func;
	spin_lock(&upr_rcu_dead.lock);
	head->next.next = (struct cds_wfcq_node *)upr_rcu_dead.first;
	upr_rcu_dead.first = head;
	nr = ++upr_rcu_dead.nr;
	spin_unlock(&upr_rcu_dead.lock);
	if (nr >= UPR_RCU_BATCH && !upr_atomic_depth && !rcu_read_ongoing())
		upr_rcu_reap();
}

#undef call_rcu
#undef rcu_barrier
#define call_rcu(head, func)	upr_call_rcu(head, func)
#define kfree_rcu(ptr, member)	\
	upr_call_rcu(&(ptr)->member, (void (*)(struct rcu_head *))offsetof(__typeof__(*(ptr)), member))
/* all that was given to kfree_rcu() and call_rcu() so far is done */
#define rcu_barrier()		upr_rcu_reap()

/* --- lists ------------------------------------------------------------- */

struct list_head {
	struct list_head *next, *prev;
};

#define LIST_HEAD_INIT(name)	{ &(name), &(name) }
#define LIST_HEAD(name)		struct list_head name = LIST_HEAD_INIT(name)

static inline void INIT_LIST_HEAD(struct list_head *list)
{
	list->next = list;
	list->prev = list;
}

static inline void upr_list_insert(struct list_head *entry, struct list_head *prev, struct list_head *next)
{
	entry->next = next;
	entry->prev = prev;
	next->prev = entry;
	/* readers under RCU walk forward only: publish the entry last */
	__atomic_store_n(&prev->next, entry, __ATOMIC_RELEASE);
}

static inline void list_add(struct list_head *entry, struct list_head *head)
{
	upr_list_insert(entry, head, head->next);
}

static inline void list_add_tail(struct list_head *entry, struct list_head *head)
{
	upr_list_insert(entry, head->prev, head);
}

/* Leaves entry->next alone: a reader standing on it walks on. */
static inline void list_del_rcu(struct list_head *entry)
{
	entry->next->prev = entry->prev;
	__atomic_store_n(&entry->prev->next, entry->next, __ATOMIC_RELEASE);
	entry->prev = NULL;
}

static inline void list_del(struct list_head *entry)
{
	list_del_rcu(entry);
	entry->next = NULL;
}

static inline void list_del_init(struct list_head *entry)
{
	list_del_rcu(entry);
	INIT_LIST_HEAD(entry);
}

static inline bool list_empty(const struct list_head *head)
{
	return READ_ONCE(head->next) == head;
}

static inline void list_move_tail(struct list_head *entry, struct list_head *head)
{
	list_del(entry);
	list_add_tail(entry, head);
}

static inline void list_splice_init(struct list_head *list, struct list_head *head)
{
	if (list_empty(list))
		return;
	list->next->prev = head;
	list->prev->next = head->next;
	head->next->prev = list->prev;
	head->next = list->next;
	INIT_LIST_HEAD(list);
}

#define list_add_rcu		list_add
#define list_add_tail_rcu	list_add_tail
#define list_entry(ptr, type, member)		container_of(ptr, type, member)
#define list_first_entry(head, type, member)	list_entry((head)->next, type, member)
#define list_next_entry(pos, member)		list_entry((pos)->member.next, __typeof__(*(pos)), member)
#define list_for_each_entry(pos, head, member)					\
	for (pos = list_entry((head)->next, __typeof__(*pos), member); &pos->member != (head); \
	     pos = list_next_entry(pos, member))
#define list_for_each_entry_safe(pos, n, head, member)				\
	for (pos = list_entry((head)->next, __typeof__(*pos), member), n = list_next_entry(pos, member); \
	     &pos->member != (head); pos = n, n = list_next_entry(n, member))
#define list_for_each_entry_rcu(pos, head, member)				\
	for (pos = list_entry(rcu_dereference((head)->next), __typeof__(*pos), member); &pos->member != (head); \
	     pos = list_entry(rcu_dereference(pos->member.next), __typeof__(*pos), member))

struct hlist_node {
	struct hlist_node *next, **pprev;
};

struct hlist_head {
	struct hlist_node *first;
};

#define INIT_HLIST_HEAD(h)	((h)->first = NULL)

static inline void INIT_HLIST_NODE(struct hlist_node *n)
{
	n->next = NULL;
	n->pprev = NULL;
}

static inline bool hlist_unhashed(const struct hlist_node *n)
{
	return !n->pprev;
}

static inline bool hlist_empty(const struct hlist_head *h)
{
	return !READ_ONCE(h->first);
}

static inline void hlist_add_head_rcu(struct hlist_node *n, struct hlist_head *h)
{
	n->next = h->first;
	n->pprev = &h->first;
	if (h->first)
		h->first->pprev = &n->next;
	__atomic_store_n(&h->first, n, __ATOMIC_RELEASE);
}

static inline void hlist_del_init_rcu(struct hlist_node *n)
{
	if (hlist_unhashed(n))
		return;
	if (n->next)
		n->next->pprev = n->pprev;
	__atomic_store_n(n->pprev, n->next, __ATOMIC_RELEASE);
	n->pprev = NULL;
}

#define hlist_add_head		hlist_add_head_rcu
#define hlist_del_init		hlist_del_init_rcu
#define hlist_entry_safe(ptr, type, member) ({ __typeof__(ptr) _n = (ptr); _n ? container_of(_n, type, member) : NULL; })
#define hlist_for_each_entry(pos, head, member)					\
	for (pos = hlist_entry_safe((head)->first, __typeof__(*pos), member); pos; \
	     pos = hlist_entry_safe(pos->member.next, __typeof__(*pos), member))
#define hlist_for_each_entry_safe(pos, n, head, member)				\
	for (pos = hlist_entry_safe((head)->first, __typeof__(*pos), member); pos && ({ n = pos->member.next; 1; }); \
	     pos = hlist_entry_safe(n, __typeof__(*pos), member))
#define hlist_for_each_entry_rcu(pos, head, member)				\
	for (pos = hlist_entry_safe(rcu_dereference((head)->first), __typeof__(*pos), member); pos; \
	     pos = hlist_entry_safe(rcu_dereference(pos->member.next), __typeof__(*pos), member))

static inline u32 hash_64(u64 val, unsigned int bits)
{
	return (u32)((val * 0x9e3779b97f4a7c15ull) >> (64 - bits));
}

#endif /* UPR_COMPAT_H */
