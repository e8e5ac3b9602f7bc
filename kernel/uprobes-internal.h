/* SPDX-License-Identifier: GPL-2.0 */
/*
 * uprobes-internal.h - what the files of the probe engine share.
 *
 * Files
 *   uprobes.c		sessions, the registry of probes, consumers
 *   uprobes-mm.c	address spaces: mappings, tasks, fork
 *   uprobes-bp.c	breakpoints of an address space and their table
 *   uprobes-arm.c	the arming state machine
 *   uprobes-area.c	areas and slots
 *   uprobes-text.c	reading and writing text, many sites at a time
 *   uprobes-hit.c	callbacks of a task: hit, step, signal, clone
 *
 * Locks, outermost first
 *   session->lock (mutex)	registry, list of address spaces, batch
 *   mm->lock (mutex)		mappings, breakpoints, areas, tasks, arming state
 *   session->consumer_lock (spin, irqs off)  consumer lists, list of changed
 *				probes; taken in the atomic half as well
 *   task->lock			utrace's
 *
 * Lifetimes
 *   session	reference counted: its owner, each address space, queued work
 *   address space reference counted: the home, each task in it, queued work
 *   probe	by session->lock: while it has consumers or breakpoints
 *   breakpoint	by its address space.  What the atomic half may still look at
 *		(removed breakpoints, old tables, old filters) becomes garbage, which is
 *		freed when all tasks of the address space are quiet or gone: then
 *		nobody is in the atomic half.
 */
#ifndef UPROBES_INTERNAL_H
#define UPROBES_INTERNAL_H

#include <upr-compat.h>
#include <utrace/uprobes.h>

#define UPR_PAGE_SIZE	4096u
#define UPR_PAGE_MASK	(~(u64)(UPR_PAGE_SIZE - 1))

/**
 * struct upr_session - see <utrace/uprobes.h>
 * @buckets:	1 << @bits of upr_probe.hash, by file and offset
 * @files:	struct upr_file
 * @changed:	probes that have lost a consumer
 * @unused:	probes that have lost all breakpoints and have no consumer: freed in time
 * @last_id:	of a consumer
 * @batch:	upr_batch_begin()s open
 * @queued:	@work is under way and holds a reference
 * @target:	of the first address space: whose defer op is used
 */
struct upr_session {
	struct mutex lock;
	spinlock_t consumer_lock;
	enum upr_mode mode;
	struct hlist_head *buckets;
	unsigned int bits;
	unsigned int nr_probes;
	struct list_head files;
	struct list_head mms;
	struct list_head changed;
	struct list_head unused;
	u64 last_id;
	unsigned int batch;
	bool closing;
	refcount_t refs;
	atomic_t queued;
	struct upr_work work;
	const struct target_ops *target;
};

struct upr_file {
	struct list_head node;
	struct upr_file_key key;
	struct list_head probes;
};

/**
 * struct upr_probe - (file, offset)
 * @consumers:	struct upr_consumer, in order of their ids
 * @changed:	on session->changed or session->unused
 * @nr_bps:	breakpoints that point here
 * @xol:	analysed for an ordinary address space
 * @shstk_xol:	for one with a shadow stack; NULL before the first of them
 */
struct upr_probe {
	struct hlist_node hash;
	struct list_head file_node;
	struct list_head consumers;
	struct list_head changed;
	struct upr_file *file;
	struct upr_session *session;
	u64 offset;
	atomic_t nr_bps;
	enum upr_mode mode;
	struct upr_xol xol;
	struct upr_xol *shstk_xol;
};

enum upr_bp_state {
	UPR_BP_NEW,		/* not in the text */
	UPR_BP_ARMED,		/* int3 in the text */
	UPR_BP_UNARMED,		/* wanted, cannot be armed: bp->why */
	UPR_BP_LEAVING,		/* out of the text; tasks may stand in its slot */
	UPR_BP_OFF,		/* remembered for int3s taken and not yet reported */
	UPR_BP_GONE,		/* not in the table: its text is unmapped */
};

/* How far from home a slot may be looked for (upr_bp.reach). */
enum {
	UPR_REACH_NEAR,		/* where upr_xol_reach() says */
	UPR_REACH_ANY,
	UPR_REACH_NONE,		/* no slot can be had */
};

/* Consumers with a `want` that said yes for one breakpoint: sorted ids. */
struct upr_filter {
	struct upr_filter *garbage;
	unsigned int nr;
	u64 ids[];
};

/**
 * struct upr_bp - a site in one address space
 * @probe:	NULL when OFF
 * @xol:	of @probe, the variant for this address space
 * @filter:	NULL: no consumer with a `want` wants it
 * @why:	reason of UNARMED
 * @area, @index, @slot: its slot; @area NULL: none; @slot 0: not mapped yet
 * @state:	enum upr_bp_state
 * @way:	first choice: EMULATE, BOOST, STEP
 * @slot_way:	how the slot is built: BOOST or STEP
 * @want:	some consumer wants it
 * @broken:	a hit could not be executed: disarm (set in the atomic half)
 * @node:	on pending, zombies or garbage of its address space
 * @queued:	on pending
 *
 * The atomic half reads; all but @want, @broken, @filter and the state GONE
 * changes only while every task is quiet.
 */
struct upr_bp {
	u64 addr;
	struct upr_probe *probe;
	const struct upr_xol *xol;
	struct upr_filter *filter;
	const char *why;
	struct upr_area *area;
	u64 slot;
	unsigned int index;
	u8 state;
	u8 way;
	u8 slot_way;
	u8 reach;
	bool want;
	bool broken;
	bool queued;
	struct list_head node;
};

/* Open addressing; readers under RCU. */
struct upr_bp_table {
	struct upr_bp_table *garbage;
	unsigned int bits;
	unsigned int used;		/* deleted entries included */
	struct upr_bp *slots[];
};

#define UPR_BP_DELETED	((struct upr_bp *)1)

struct upr_map {
	struct list_head node;
	struct upr_file_key key;
	u64 start;
	u64 len;
	u64 offset;
};

enum upr_mm_state {
	UPR_MM_RUNNING,
	UPR_MM_STOPPING,	/* waiting for all tasks to be quiet */
	UPR_MM_MAPPING,		/* all quiet, waiting for areas */
};

enum upr_area_state {
	UPR_AREA_PLANNED,
	UPR_AREA_REQUESTED,
	UPR_AREA_MAPPED,
	UPR_AREA_FAILED,
};

/**
 * struct upr_space - the private side of an address space
 * @pending:	breakpoints to be armed or disarmed
 * @zombies:	GONE breakpoints that have a slot
 * @garbage:	breakpoints to be freed when all is quiet
 * @nr_quiet:	of @nr_tasks
 * @requested:	areas asked for and not answered
 * @dirty:	there is something to do that needs all tasks quiet
 * @detaching:	upr_mm_disarm(): nothing is armed any more
 * @dead:	the home has let go
 * @blind:	a task's pc could not be read: areas are not to be unmapped
 * @no_area:	injecting a system call is forbidden
 * @broken:	some upr_bp.broken is new
 * @queued:	mm.work is under way and holds a reference
 * @error:	of taking a breakpoint out
 */
struct upr_space {
	struct upr_mm mm;
	struct list_head pending;
	struct list_head zombies;
	struct list_head garbage;
	struct upr_bp_table *old_tables;
	struct upr_filter *old_filters;
	unsigned int nr_tasks;
	unsigned int nr_quiet;
	unsigned int requested;
	bool dirty;
	bool detaching;
	bool dead;
	bool blind;
	bool no_area;
	atomic_t broken;
	atomic_t queued;
	int error;
};

static inline struct upr_space *upr_space(struct upr_mm *mm)
{
	return container_of(mm, struct upr_space, mm);
}

/**
 * struct upr_task - the probe engine on one task (utrace_task.upr, engine->data)
 * @stepping:	a slot is being stepped, state in @step
 * @waiting:	held at this one, counted, until it is disarmed
 * @hit_id:	id of the last consumer asked at the last hit
 * @quiet:	stopped for us, or will run no more user code (mm->lock)
 * @exiting:	will run no more user code
 * @held:	the engine's wish is to stop (mm->lock)
 * The rest changes in the task's own reports and while it is quiet.
 */
struct upr_task {
	struct utrace_task *task;
	struct utrace_engine *engine;
	struct upr_bp *stepping;
	struct upr_bp *waiting;
	struct upr_xol_step step;
	u64 hit_id;
	bool quiet;
	bool exiting;
	bool held;
};

/* uprobes.c */
void upr_session_get(struct upr_session *session);
void upr_session_put(struct upr_session *session);
struct upr_file *upr_file_find(struct upr_session *session, struct upr_file_key key);
const struct upr_xol *upr_probe_xol(struct upr_probe *probe, unsigned int env);
void upr_probe_drop_bp(struct upr_probe *probe);
void upr_session_reap(struct upr_session *session);

/* uprobes-mm.c */
void upr_mm_get(struct upr_mm *mm);
void upr_mm_release(struct upr_mm *mm);
int upr_mm_add_consumer(struct upr_mm *mm, struct upr_probe *probe, struct upr_consumer *consumer);
void upr_mm_review(struct upr_mm *mm, struct upr_probe *probe);
typedef void (*upr_site_fn)(struct upr_space *sp, struct upr_bp *bp, void *data);
void upr_each_site(struct upr_space *sp, const struct upr_probe *probe, upr_site_fn fn, void *data);
void upr_mm_disarm_locked(struct upr_space *sp);

/* uprobes-bp.c */
struct upr_bp *upr_bp_find(const struct upr_bp_table *table, u64 addr);
struct upr_bp *upr_bp_get(struct upr_space *sp, u64 addr, struct upr_probe *probe);
int upr_bp_insert(struct upr_space *sp, struct upr_bp *bp);
void upr_bp_forget(struct upr_space *sp, struct upr_bp *bp);
void upr_bp_off(struct upr_space *sp, struct upr_bp *bp);
void upr_bp_queue(struct upr_space *sp, struct upr_bp *bp);
void upr_bp_dequeue(struct upr_bp *bp);
int upr_bp_ask(struct upr_space *sp, struct upr_bp *bp, struct upr_consumer *consumer);
int upr_bp_ask_all(struct upr_space *sp, struct upr_bp *bp);
void upr_bp_review(struct upr_space *sp, struct upr_bp *bp);
bool upr_bp_wanted_by(const struct upr_bp *bp, const struct upr_consumer *consumer);
void upr_bp_free_garbage(struct upr_space *sp);
void upr_bp_free_all(struct upr_space *sp);

/* uprobes-arm.c */
void upr_arm_kick(struct upr_space *sp);
void upr_arm_queue(struct upr_space *sp);
void upr_arm_work(struct upr_work *work);
void upr_arm_join(struct upr_space *sp, struct upr_task *u);
void upr_arm_part(struct upr_space *sp, struct upr_task *u);
bool upr_arm_quiet(struct upr_space *sp, struct upr_task *u);
void upr_arm_exiting(struct upr_space *sp, struct upr_task *u);

/* uprobes-area.c */
bool upr_bp_choose(struct upr_bp *bp, enum upr_mode mode);
unsigned int upr_areas_plan(struct upr_space *sp);
void upr_areas_fill(struct upr_space *sp);
void upr_areas_trim(struct upr_space *sp);
int upr_areas_clone(struct upr_space *parent, struct upr_space *child);
void upr_areas_adopt(struct upr_space *child, struct upr_bp *bp, const struct upr_bp *from);
void upr_areas_free(struct upr_space *sp);
void upr_slot_put(struct upr_bp *bp);
struct upr_bp *upr_slot_owner(struct upr_mm *mm, u64 pc);

/* uprobes-text.c */
void upr_text_arm(struct upr_space *sp, struct upr_bp **bps, unsigned int nr);
void upr_text_disarm(struct upr_space *sp, struct upr_bp **bps, unsigned int nr);
unsigned int upr_bp_collect(struct upr_space *sp, bool (*pick)(const struct upr_bp *bp), struct upr_bp ***ret);

/* uprobes-hit.c */
extern const struct utrace_engine_ops upr_engine_ops;
#define UPR_ENGINE_EVENTS                                                                          \
	(UTRACE_EV_QUIESCE | UTRACE_EV_SIGNAL | UTRACE_EV_CLONE | UTRACE_EV_EXEC | UTRACE_EV_EXIT | \
	 UTRACE_EV_DEATH | UTRACE_EV_BREAKPOINT | UTRACE_EV_STEP)
int upr_task_evict(struct upr_task *u, bool removed);

#endif /* UPROBES_INTERNAL_H */
