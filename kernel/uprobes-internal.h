/* SPDX-License-Identifier: GPL-2.0 */
/*
 * uprobes-internal.h - what the files of the probe engine share.
 *
 * Files
 *   uprobes.c		sessions, the registry of probes, consumers
 *   uprobes-insn.c	the instructions under probes, each known once
 *   uprobes-mm.c	address spaces: mappings, tasks, fork
 *   uprobes-bp.c	breakpoints of an address space and their table
 *   uprobes-arm.c	the arming state machine
 *   uprobes-area.c	areas and slots
 *   uprobes-jump.c	windows: which sites jump, and with whom they share a pad
 *   uprobes-hop.c	holes: padding that the jumps of hops stand in
 *   uprobes-count.c	counters of jump probes
 *   uprobes-text.c	reading and writing text, many sites at a time
 *   uprobes-hit.c	callbacks of a task: hit, step, signal, clone
 *   uprobes-pad.c	a task that has stopped in a pad
 *   uprobes-survive.c	what the program needs to do without us
 *
 * Locks, outermost first
 *   session->lock (mutex)	registry, known instructions, list of address spaces, batch
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

/** struct upr_insns - 1 << @bits @buckets of struct upr_known, @nr in all; see uprobes-insn.c */
struct upr_insns {
	struct hlist_head *buckets;
	unsigned int bits;
	unsigned int nr;
};

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
 * @choosy:	a consumer with a `want` has been registered
 * @caches:	what there is one of for each site
 */
struct upr_session {
	struct mutex lock;
	spinlock_t consumer_lock;
	enum upr_mode mode;
	struct hlist_head *buckets;
	unsigned int bits;
	unsigned int nr_probes;
	struct upr_insns insns;
	struct list_head files;
	struct list_head mms;
	struct list_head changed;
	struct list_head unused;
	u64 last_id;
	unsigned int batch;
	bool closing;
	bool has_semaphores;
	refcount_t refs;
	atomic_t queued;
	struct upr_work work;
	const struct target_ops *target;
	bool choosy;
	struct {
		struct kmem_cache *probes;
		struct kmem_cache *bps;
		struct kmem_cache *windows;
		struct kmem_cache *counters;
	} caches;
};

/**
 * struct upr_file - a file that has probes
 * @nr_probes:	on @probes
 * @end:	no probe has been at this offset or behind it
 */
struct upr_file {
	struct list_head node;
	struct upr_file_key key;
	struct list_head probes;
	unsigned int nr_probes;
	u64 end;
};

/**
 * struct upr_probe - (file, offset)
 * @consumers:	struct upr_consumer, in order of their ids
 * @changed:	on session->changed or session->unused
 * @nr_bps:	breakpoints that point here
 * @counters:	struct upr_counter, under session->consumer_lock
 * @semaphore:	see struct upr_consumer
 * @jump_hits:	of counters that are gone; the same lock
 * @stood:	UPR_WAYS() that its sites have been armed by
 * @no_jump:	why one of them did not jump in some address space, or NULL
 * @mode:	of the session; enum upr_mode
 * @xol:	its instruction in an ordinary address space
 * @shstk_xol:	in one with a shadow stack; NULL before the first of them
 * @facts:	about the site; clear 0: nothing is known.  The holes are the probe's own
 * @jump:	its plan for an ordinary address space
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
	u8 mode;
	u8 stood;
	s64 semaphore;
	struct list_head counters;
	u64 jump_hits;
	const char *no_jump;
	const struct upr_xol *xol;
	const struct upr_xol *shstk_xol;
	struct upr_facts facts;
	struct upr_jump jump;
};

/**
 * struct upr_counter - a probe's place in shared memory
 * @node:	on probe->counters
 * @refs:	breakpoints that count in it: a site's, and those of its forked copies
 */
struct upr_counter {
	struct list_head node;
	struct upr_probe *probe;
	struct upr_counters *counters;
	u32 index;
	refcount_t refs;
};

/**
 * struct upr_block - shared counters, as one address space has them
 * @node:	on upr_space.blocks
 * @table:	what pads find each CPU's counters by; below 2 GiB
 * @addr:	of the counters there
 * @windows:	pads that count in it here
 * @waiting:	answers of the home still out: counters, table
 * @spare:	it has room for those of later stops
 * @failed:	one of them was no
 * @written:	@table is filled in
 */
struct upr_block {
	struct list_head node;
	struct upr_counters *counters;
	struct upr_area *table;
	u64 addr;
	unsigned int windows;
	unsigned int waiting;
	bool spare;
	bool failed;
	bool written;
};

/**
 * struct upr_window - the instructions that one jump displaces (upr_bp.window of its first)
 * @pad:	its description; pad.jump is @jump
 * @jump:	the plan for this address space
 * @leader:	whose it is
 * @block:	where it counts
 * @hole:	of a hop: in upr_space.holes
 * @filled:	and its jump stands there
 * @members:	the breakpoint that pad.counts[i] is of; NULL: forgotten
 */
struct upr_window {
	struct upr_pad pad;
	struct upr_jump jump;
	struct upr_bp *leader;
	struct upr_block *block;
	struct hlist_node hole;
	bool filled;
	struct upr_bp *members[UPR_JUMP_INSNS];
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
 * @slots:	how many slots in a row that is
 * @window:	it begins with this site; @slot is the pad
 * @leader:	the breakpoint whose window this site lies in, itself perhaps; NULL: no jump
 * @counter:	where its jump counts
 * @no_jump:	why it does not jump here, whatever its plan says; NULL
 * @state:	enum upr_bp_state
 * @way:	first choice: JUMP, EMULATE, BOOST, STEP
 * @slot_way:	how the slot is built: JUMP, BOOST or STEP
 * @want:	some consumer wants it
 * @broken:	a hit could not be executed: disarm (set in the atomic half)
 * @redo:	to be taken out and put in again in another way
 * @again:	was taken out for that, in this stop
 * @cleared:	the stop in which a window that began here was taken out, sp->stops as it was
 * @put_off:	to wait for the next stop
 * @trapped:	there has been an int3: who executed it may not have reported it yet
 * @has_sema:	the program's counter for it is, or is to be, one higher
 * @twin:	its copy in the child that is being made, or NULL
 * @all:	on upr_space.bps, in the order they came: mostly that of addresses
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
	struct upr_window *window;
	struct upr_bp *leader;
	struct upr_counter *counter;
	const char *no_jump;
	u64 slot;
	unsigned int index;
	unsigned int cleared;
	u16 slots;
	u8 state;
	u8 way;
	u8 slot_way;
	u8 reach;
	bool want;
	bool broken;
	bool redo;
	bool again;
	bool put_off;
	bool trapped;
	bool queued;
	bool has_sema;
	struct upr_bp *twin;
	struct list_head all;
	struct list_head node;
};

/* The address stays when the breakpoint is gone: whoever searches goes on past it. */
struct upr_bp_entry {
	u64 addr;
	struct upr_bp *bp;
};

/* Open addressing; readers under RCU.  @highest: no entry has a higher address. */
struct upr_bp_table {
	struct upr_bp_table *garbage;
	u64 highest;
	unsigned int bits;
	unsigned int used;		/* deleted entries included */
	struct upr_bp_entry slots[];
};

#define UPR_BP_DELETED	((struct upr_bp *)1)

#define UPR_HOLE_BUCKETS 64u

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
 * @bps:	breakpoints that are in the table
 * @pending:	those to be armed or disarmed
 * @later:	those that have to wait for the next stop
 * @blocks:	struct upr_block
 * @holes:	struct upr_window of hops, by the addresses of their holes
 * @zombies:	GONE breakpoints that have a slot
 * @garbage:	breakpoints to be freed when all is quiet
 * @semas:	struct upr_sema; @semas_pending: some of them could not be raised yet
 * @nr_quiet:	of @nr_tasks
 * @requested:	areas asked for and not answered
 * @stops:	how often all tasks have been stopped
 * @dirty:	there is something to do that needs all tasks quiet
 * @detaching:	upr_mm_disarm(): nothing is armed any more
 * @dead:	the home has let go
 * @blind:	a task's pc could not be read: areas are not to be unmapped
 * @no_area:	injecting a system call is forbidden
 * @no_counters: no shared memory can be had: nothing jumps
 * @tight:	memory for more than one stop could not be had: it is asked for as it is needed
 * @ready:	the program has been started up
 * @renew:	and pads built before that are to be built anew
 * @at_once:	and this stop does so for all of them
 * @replan:	a plan has failed: what it was for must be planned in another way
 * @rseq:	where threads have registered for restartable sequences, or UPR_NO_RSEQ
 * @nr_cpus, @rdpid: see target_ops.machine
 * @nr_puns:	areas that were asked for at a chosen place
 * @has_hops:	or has had some
 * @highest:	address of a site that was ever planned or armed
 * @broken:	some upr_bp.broken is new
 * @queued:	mm.work is under way and holds a reference
 * @error:	of taking a breakpoint out
 */
struct upr_space {
	struct upr_mm mm;
	struct list_head bps;
	struct list_head pending;
	struct list_head later;
	struct list_head blocks;
	struct hlist_head holes[UPR_HOLE_BUCKETS];
	struct list_head zombies;
	struct list_head garbage;
	struct list_head semas;
	struct upr_bp_table *old_tables;
	struct upr_filter *old_filters;
	unsigned int nr_tasks;
	unsigned int nr_quiet;
	unsigned int requested;
	unsigned int stops;
	bool dirty;
	bool detaching;
	bool dead;
	bool blind;
	bool no_area;
	bool no_counters;
	bool tight;
	bool ready;
	bool renew;
	bool at_once;
	bool replan;
	bool rdpid;
	bool semas_pending;
	u32 nr_cpus;
	s32 rseq;
	unsigned int nr_puns;
	bool has_hops;
	u64 highest;
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
 * @padding:	the pad of this one is being stepped to its end, before a signal is delivered
 * @waiting:	held at this one, counted, until it is disarmed
 * @counted_at:	0, or moved back to this place in a stop, its hit counted: not to be counted twice
 * @hit_id:	id of the last consumer asked at the last hit
 * @by_pad:	it was counted by a pad, which has no other consumers than plain ones
 * @gave_way:	a signal is held until the text of the jump here has been restored; 0
 * @faulted:	it is a fault: the instruction has had its hit
 * @fault_from, @fault_to: where the fault says it happened, and where it is to say so
 * @quiet:	stopped for us, or will run no more user code (mm->lock)
 * @exiting:	will run no more user code
 * @held:	the engine's wish is to stop (mm->lock)
 * The rest changes in the task's own reports and while it is quiet.
 */
struct upr_task {
	struct utrace_task *task;
	struct utrace_engine *engine;
	struct upr_bp *stepping;
	struct upr_bp *padding;
	struct upr_bp *waiting;
	struct upr_xol_step step;
	u64 counted_at;
	u64 hit_id;
	u64 fault_from;
	u64 fault_to;
	u64 gave_way;
	bool by_pad;
	bool faulted;
	bool quiet;
	bool exiting;
	bool held;
};

/* Sites that one stop has time for, until the home knows better: it is to last a few ten milliseconds at most. */
#define UPR_STOP_SITES 2048u

/* uprobes.c */
void upr_session_get(struct upr_session *session);
void upr_session_put(struct upr_session *session);
struct upr_file *upr_file_find(struct upr_session *session, struct upr_file_key key);
const struct upr_xol *upr_probe_xol(struct upr_probe *probe, unsigned int env);

/* uprobes-insn.c; session->lock is held */
const struct upr_xol *upr_insn_keep(struct upr_session *session, const struct upr_xol *xol, unsigned int env);
void upr_insns_free(struct upr_insns *insns);
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
void upr_bp_expect(const struct upr_bp_table *table, u64 addr);
u32 upr_bp_around(const struct upr_bp_table *table, u64 from, unsigned int len);
struct upr_bp *upr_bp_get(struct upr_space *sp, u64 addr, struct upr_probe *probe);
int upr_bp_insert(struct upr_space *sp, struct upr_bp *bp);
int upr_bp_reserve(struct upr_space *sp, unsigned int nr);
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
extern struct upr_bp upr_slot_reserved;
bool upr_bp_choose(struct upr_bp *bp, enum upr_mode mode);
unsigned int upr_areas_plan(struct upr_space *sp);
void upr_areas_fill(struct upr_space *sp);
void upr_areas_trim(struct upr_space *sp);
bool upr_area_is_awaited(struct upr_space *sp);
int upr_areas_clone(struct upr_space *parent, struct upr_space *child);
void upr_areas_adopt(struct upr_bp *bp, const struct upr_bp *from);
void upr_areas_free(struct upr_space *sp);
void upr_slot_put(struct upr_bp *bp);
void upr_slot_abandon(struct upr_bp *bp);
struct upr_bp *upr_slot_owner(struct upr_mm *mm, u64 pc);

/* What pads can count for: nobody is to be called, and nobody has chosen among address spaces. */
static inline bool upr_consumer_is_plain(const struct upr_consumer *consumer)
{
	return !consumer->want && !READ_ONCE(consumer->hit);
}

/* uprobes-jump.c */
bool upr_probe_is_plain(const struct upr_probe *probe);
bool upr_bp_may_jump(const struct upr_space *sp, const struct upr_bp *bp);
void upr_windows_review(struct upr_space *sp);
void upr_windows_plan(struct upr_space *sp);
void upr_windows_aim(struct upr_space *sp);
void upr_window_refuse(struct upr_space *sp, struct upr_bp *leader, const char *why);
int upr_window_build(struct upr_bp *leader, u8 *buf);
void upr_windows_enter(struct upr_space *sp);
void upr_windows_failed(struct upr_space *sp);
void upr_windows_settle(struct upr_space *sp);
void upr_window_leave(struct upr_bp *bp, bool blind);
void upr_windows_learn(struct upr_space *sp);
void upr_window_ban(struct upr_bp *leader, const char *why);
void upr_window_forget(struct upr_bp *bp);
int upr_window_clone(struct upr_space *child, struct upr_bp *bp, const struct upr_bp *from);
bool upr_windows_renew(struct upr_space *sp, unsigned int most);

/* uprobes-hop.c */
struct upr_bp *upr_hop_at(struct upr_mm *mm, u64 pc);
struct upr_bp *upr_hop_of(struct upr_space *sp, u64 addr);
struct upr_bp *upr_hop_over(struct upr_space *sp, u64 lo, u64 hi);
unsigned int upr_bp_extent(const struct upr_bp *bp);
bool upr_hop_choose(struct upr_space *sp, const struct upr_bp *bp, struct upr_jump *jump);
void upr_hop_take(struct upr_space *sp, struct upr_window *window);
void upr_hop_release(struct upr_window *window);
int upr_hop_fill(struct upr_space *sp, struct upr_bp *leader);
void upr_hop_empty(struct upr_space *sp, struct upr_bp *leader);
void upr_hop_orig(struct upr_space *sp, u64 addr, u8 *buf, size_t len);

/* uprobes-count.c */
u64 upr_probe_jump_hits(const struct upr_probe *probe);
u64 upr_block_table(const struct upr_block *block);
struct upr_counter *upr_counter_new(struct upr_probe *probe, struct upr_block *block);
void upr_counter_get(struct upr_counter *counter);
void upr_counter_put(struct upr_counter *counter);
void upr_blocks_reserve(struct upr_space *sp, unsigned int nr);
struct upr_block *upr_block_with_room(struct upr_space *sp, unsigned int nr);
void upr_blocks_write(struct upr_space *sp);
void upr_blocks_trim(struct upr_space *sp);
int upr_blocks_clone(struct upr_space *parent, struct upr_space *child);
struct upr_block *upr_block_find(struct upr_space *sp, u64 addr);
void upr_blocks_free(struct upr_space *sp);
bool upr_block_area_mapped(struct upr_space *sp, struct upr_area *area, s64 addr);

/* uprobes-text.c */
void upr_text_arm(struct upr_space *sp, struct upr_bp **bps, unsigned int nr);
void upr_text_disarm(struct upr_space *sp, struct upr_bp **bps, unsigned int nr);
void upr_bp_sort(struct upr_bp **bps, unsigned int nr);
unsigned int upr_arm_later(const struct upr_space *sp);
unsigned int upr_bp_collect(struct upr_space *sp, bool (*pick)(const struct upr_bp *bp), struct upr_bp ***ret);

/* uprobes-survive.c */
void upr_survive(struct upr_space *sp);

/* uprobes-hit.c */
extern const struct utrace_engine_ops upr_engine_ops;
#define UPR_ENGINE_EVENTS                                                                          \
	(UTRACE_EV_QUIESCE | UTRACE_EV_SIGNAL | UTRACE_EV_CLONE | UTRACE_EV_EXEC | UTRACE_EV_EXIT | \
	 UTRACE_EV_DEATH | UTRACE_EV_BREAKPOINT | UTRACE_EV_STEP)
int upr_task_evict(struct upr_task *u, bool removed);
void upr_count_hit(struct upr_task *u, struct upr_bp *bp);
void upr_take_back_hit(struct upr_task *u, struct upr_bp *bp);

/* uprobes-pad.c */
int upr_pad_evict(struct upr_task *u, struct upr_bp *leader);
int upr_pad_join(struct upr_task *u, struct upr_bp *leader, u64 pc);
struct upr_bp *upr_pad_over(struct upr_mm *mm, u64 addr);
enum utrace_resume upr_pad_met(struct upr_task *u, struct upr_bp *leader, u64 addr);
enum utrace_resume upr_pad_stepped(struct upr_task *u);
bool upr_pad_own_step(struct upr_task *u);
enum utrace_resume upr_pad_signal(struct upr_task *u, struct upr_bp *leader, struct utrace_signal *sig,
				  enum utrace_signal_action *action);

/* --- uprobes-sema.c; mm->lock --------------------------------------------- */

/* after text has changed, tasks quiet: raise what is probed now, lower what is not any more */
void upr_semas_settle(struct upr_space *sp);
/* of a site that stays as it is: has what is wanted of its counter changed? */
bool upr_sema_is_due(const struct upr_space *sp, const struct upr_bp *bp);
/* [start, start + len) of text is gone */
void upr_semas_unmap(struct upr_space *sp, u64 start, u64 len);
void upr_semas_clone(const struct upr_space *from, struct upr_space *to);
void upr_semas_free(struct upr_space *sp);

#endif /* UPROBES_INTERNAL_H */
