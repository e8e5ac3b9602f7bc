/* SPDX-License-Identifier: GPL-2.0 */
/*
 * utrace/uprobes.h - probes: registry, address spaces, hits.
 *
 * Purpose: a probe is a (file, offset); consumers hang on it; every address
 * space that maps the file gets a breakpoint there if some consumer wants that
 * address space.  The home reports mappings, forks and execs; hits arrive
 * through the utrace engine that the probe engine keeps on each task.
 *
 * Objects and who owns them
 *   struct upr_session   all probes and address spaces of one user of the engine
 *   struct upr_file      identity of a mapped file (the home's key)
 *   struct upr_probe     (file, offset) with its analysed instruction
 *   struct upr_consumer  the caller's: what shall happen on a hit
 *   struct upr_mm        an address space: its mappings, breakpoints and areas
 *
 * Locks, outermost first: session->lock (mutex: registry, consumers, mm list)
 * -> mm->lock (mutex: breakpoints, mappings, areas, arming state) -> task->lock
 * (utrace).  The atomic half takes none of the mutexes: breakpoints are
 * found under RCU.
 *
 * Arming an address space goes through states that wait for nothing:
 * dirty -> (stop all its tasks through utrace) -> all quiet: map areas, fill slots,
 * then write text -> let the tasks go.  It is driven by reports only.
 */
#ifndef UTRACE_UPROBES_H
#define UTRACE_UPROBES_H

#include <upr-compat.h>
#include <utrace/insn.h>
#include <utrace/target.h>
#include <utrace/utrace.h>
#include <upr-arch.h>
#include <upr-jump.h>

struct upr_session;
struct upr_probe;

/* --- files -------------------------------------------------------------- */

/**
 * struct upr_file_key - identity of a file's contents, chosen by the home
 * @dev, @ino:	device and inode as the home's maps report them; for files
 *		without (memfd, overlay oddities) any pair that is unique
 */
struct upr_file_key {
	u64 dev;
	u64 ino;
};

/* --- consumers ---------------------------------------------------------- */

enum upr_mode {
	UPR_MODE_AUTO,		/* the fastest safe way */
	UPR_MODE_JUMP,		/* jumps, or not at all */
	UPR_MODE_TRAP,		/* no jumps: emulate, boost, else step */
	UPR_MODE_STEP,		/* single-step whatever can be stepped */
};

/**
 * struct upr_consumer - what somebody wants at a probe
 * @want:	shall this address space be probed?  NULL: all of them.
 *		Sleeping context, engine locks held: must not call the engine.
 *		Asked once for each site when it appears, and again for a fork's child.
 * @hit:	the instruction is about to be executed.  Atomic; task stopped
 *		at the probed address (registers by task->target); NULL: only counted.
 *		May unregister consumers, its own included.
 * @unhit:	the hit just reported did not happen: a signal came first and the
 *		instruction will be hit again.  Atomic.  @hits is put back already.
 * @hits:	counted by the engine before @hit is called.  Hits that jumps have counted are
 *		not in it, and it may be below nought for a time: upr_consumer_hits() has all
 * @missed:	hits that could not be executed or counted in full
 * @semaphore:	distance from the probed address to a 16-bit counter of the program's that is to be one higher while
 *		the place is probed; 0: there is none.  Set before registration
 * @data:	the owner's
 *
 * The structure is the owner's memory, zeroed before its first registration; it
 * may go, or be registered again, after upr_unregister() and then upr_sync().
 */
struct upr_consumer {
	bool (*want)(struct upr_consumer *consumer, struct upr_mm *mm);
	void (*hit)(struct upr_consumer *consumer, struct utrace_task *task, u64 addr);
	void (*unhit)(struct upr_consumer *consumer, struct utrace_task *task, u64 addr);
	atomic64_t hits;
	atomic64_t missed;
	s64 semaphore;
	void *data;
	struct list_head node;		/* uprobes.c: on probe->consumers, RCU readers */
	struct upr_probe *probe;	/* uprobes.c: NULL when not registered */
	u64 id;				/* uprobes.c: grows with each registration */
	u64 jump_base;			/* uprobes-count.c: jump hits of the probe before its time */
};

/* --- areas -------------------------------------------------------------- */

/* What an executable area of ours, or a table, begins with: whoever finds one later knows whose it was. */
#define UPR_AREA_MAGIC		"\xcc\xcc\xcc\xcc\xcc\xcc\xcc\xccuprobes1"
#define UPR_AREA_MAGIC_SIZE	16
#define UPR_AREA_SIGN_SIZE	(UPR_AREA_MAGIC_SIZE + sizeof(u64))	/* with the size behind it: neighbors merge */

/**
 * struct upr_area - a piece of executable memory of ours in an address space
 * @lo, @hi:	range it must lie in
 * @size:	bytes, a multiple of the page size
 * @addr:	where it is, once mapped; 0 before
 * @owners:	who has which slot; the first holds UPR_AREA_MAGIC
 * @twin:	its copy in the child that is being made
 * The home reads the first three and touches nothing.
 */
struct upr_area {
	u64 lo, hi;
	size_t size;
	u64 addr;
	struct list_head node;		/* on mm->areas, mm->lock, RCU readers */
	struct upr_bp **owners;
	unsigned int nr_slots;
	unsigned int used;
	unsigned int hint;		/* where to look for free slots first */
	bool is_signed;
	bool is_exact;			/* for a pun: neither larger nor elsewhere */
	bool spare;			/* larger than is needed now */
	int state;
	struct upr_area *twin;
};

/* --- counters of jump probes ---------------------------------------------- */

/**
 * struct upr_counters - shared memory that pads count in
 * @size:	bytes, a multiple of the page size
 * @view:	the same memory here: set by the home before upr_counters_mapped()
 * @host:	the home's
 * The home reads the first and sets the others; the rest belongs to uprobes-count.c.
 * It outlives the address space it was mapped in first: children count in it, too.
 */
struct upr_counters {
	size_t size;
	u64 *view;
	void *host;
	const struct target_ops *target;
	refcount_t refs;
	u32 nr_cpus;
	u32 room;
	u32 used;
	u32 next;
	u32 high;
	u8 *taken;
};

/* --- address spaces ------------------------------------------------------ */

struct upr_bp;
struct upr_bp_table;

/**
 * struct upr_mm - an address space
 * @host:	the home's own structure
 * @target:	the home's operations
 * @session:	its user
 * @stop_sites:	how many sites one stop of all tasks takes at most.  A home may change it in
 *		target_ops.breathe, so that stops last as long as it likes
 * @loose:	to be set by a home that has let its tasks run without being told of their signals: a
 *		handler may have interrupted one in a pad, and will go back there
 * The rest belongs to kernel/uprobes.c.
 */
struct upr_mm {
	void *host;
	const struct target_ops *target;
	struct upr_session *session;
	unsigned int stop_sites;
	bool loose;
	enum upr_insn_mode insn_mode;
	unsigned int env;		/* UPR_ENV_* */
	struct list_head node;		/* on session->mms, session->lock */
	struct list_head tasks;		/* utrace_task.mm_node, mm->lock */
	struct mutex lock;
	struct list_head maps;		/* struct upr_map, mm->lock */
	struct list_head areas;
	struct upr_bp_table *bps;	/* by address, RCU readers */
	unsigned int nr_bps;		/* breakpoints in the text now */
	int state;			/* enum in uprobes-internal.h */
	struct upr_work work;
	refcount_t refs;
};

/* --- for users of the engine ---------------------------------------------- */

/**
 * upr_session_new() - an empty registry
 * @mode:	how its probes are executed
 * Context: sleeping.  NULL without memory.
 */
struct upr_session *upr_session_new(enum upr_mode mode);

/**
 * upr_session_free() - take everything back
 * Consumers are unregistered, address spaces start disarming.  The home goes on
 * reporting until each upr_mm is idle (upr_mm_idle()), then puts it.
 */
void upr_session_free(struct upr_session *session);

/**
 * upr_register() - hang a consumer on (file, offset)
 * @code, @len:	original bytes of the file at @offset, up to UPR_INSN_MAX
 * @ret:	out, may be NULL: the probe, for upr_probe_way() and its kin
 *
 * Address spaces known already are armed as soon as their tasks are quiet;
 * later ones at the report of the mapping.  Context: sleeping.
 * Return: 0; -EOPNOTSUPP or -EINVAL: refused, see upr_probe_reason() of a
 * dry run with upr_xol_analyze(); -ENOMEM; -EBUSY consumer registered already.
 */
int upr_register(struct upr_session *session, struct upr_file_key file, u64 offset, const u8 *code, size_t len,
		 enum upr_insn_mode mode, struct upr_consumer *consumer, struct upr_probe **ret);

/**
 * upr_register_facts() - the same with what is proven about the site
 * Jumps are possible only where something is proven, and only for consumers with neither @want nor @hit.
 * @facts:	its @code is that of upr_register()
 */
int upr_register_facts(struct upr_session *session, struct upr_file_key file, u64 offset,
		       const struct upr_facts *facts, enum upr_insn_mode mode, struct upr_consumer *consumer,
		       struct upr_probe **ret);

/**
 * upr_consumer_hits() - all hits of a consumer until now, jumps included
 * Reads counters while they are being counted.  Context: sleeping.
 */
u64 upr_consumer_hits(struct upr_session *session, struct upr_consumer *consumer);

/** upr_probe_jump() - the plan of its jump (form NONE: with the reason why not) */
const struct upr_jump *upr_probe_jump(const struct upr_probe *probe);

/**
 * upr_unregister() - take a consumer off; no @hit starts after it returns.
 * The last one starts disarming.  Context: any in which the session's lock is not held;
 * from within a hit the rest is deferred.
 */
void upr_unregister(struct upr_session *session, struct upr_consumer *consumer);

/**
 * upr_sync() - nobody looks at consumers unregistered before this call any more
 * Context: sleeping, not within a callback of the engine.
 */
void upr_sync(struct upr_session *session);

/** upr_batch_begin(), upr_batch_end() - many (un)registrations, one stop of the tasks */
void upr_batch_begin(struct upr_session *session);
void upr_batch_end(struct upr_session *session);

/*
 * A struct upr_probe is valid as long as a consumer is registered on it.
 */
/** upr_probe_way() - how this probe's sites are executed (enum upr_way: first choice) */
enum upr_way upr_probe_way(const struct upr_probe *probe);
const char *upr_probe_reason(const struct upr_probe *probe);
/** upr_probe_sites() - how many breakpoints of it stand now, and by which way (counts[UPR_NR_WAYS]) */
unsigned int upr_probe_sites(struct upr_session *session, const struct upr_probe *probe, unsigned int *counts);
/**
 * upr_probe_unarmed() - how many sites of it are wanted and could not be armed
 * @reason: out, may be NULL: why, for one of them; a constant string, NULL if there is none
 */
unsigned int upr_probe_unarmed(struct upr_session *session, const struct upr_probe *probe, const char **reason);

/* --- for homes ------------------------------------------------------------ */

/**
 * upr_mm_new() - an address space comes under our eyes
 * Context: sleeping.  Return: with one reference, the home's.
 */
struct upr_mm *upr_mm_new(struct upr_session *session, const struct target_ops *target, void *host,
			  enum upr_insn_mode insn_mode, unsigned int env);

/**
 * upr_mm_put() - the home lets go; nothing is done to the target any more (it is dead or disarmed)
 * Answers to area_map that are still out are not to be given any more.
 */
void upr_mm_put(struct upr_mm *mm);

/**
 * upr_task_set_mm() - a task enters an address space (new task, exec) or leaves it (NULL: exit)
 * Puts the probe engine's utrace engine on the task.  Context: sleeping, task stopped or not yet running, or dead.
 * Return: 0; -ENOMEM.
 */
int upr_task_set_mm(struct utrace_task *task, struct upr_mm *mm);

/**
 * upr_report_mmap() - [start, start + len) now maps @file from @offset, executable and private
 * upr_report_munmap() - the range is gone, or no longer executable, or something else is there now
 *
 * Context: sleeping.  The tasks may be running.  Breakpoints of the new range are
 * armed, those of the old one forgotten (the text is gone already).
 */
void upr_report_mmap(struct upr_mm *mm, struct upr_file_key file, u64 start, u64 len, u64 offset);
void upr_report_munmap(struct upr_mm *mm, u64 start, u64 len);

/**
 * upr_report_fork() - @child is a copy of @parent: its text holds our breakpoints, its areas our slots
 * Called before any task of @child runs, after upr_mm_new(@child) and before its tasks are set.
 * A child nobody wants is given its own bytes back at once (it becomes idle when done).
 */
int upr_report_fork(struct upr_mm *parent, struct upr_mm *child);

/** upr_area_mapped() - completion of target_ops.area_map: @addr, or -errno */
void upr_area_mapped(struct upr_mm *mm, struct upr_area *area, s64 addr);

/**
 * upr_mm_each_slot() - for target_ops.survive, to be called from within it
 * @fn:	a task that has executed the int3 at @addr goes on at @to: its slot, or @addr
 *	itself where the text has been put right.  Each address once, in no order.  Sites
 *	that no slot can execute without help are left out.
 */
void upr_mm_each_slot(struct upr_mm *mm, void (*fn)(void *data, u64 addr, u64 to), void *data);

/** upr_counters_mapped() - completion of target_ops.counters_map: address in @mm, or -errno */
void upr_counters_mapped(struct upr_mm *mm, struct upr_counters *counters, s64 addr);

/**
 * upr_report_ready() - the program has been started up: its threads are registered for rseq from now on
 * To be called once per address space (after exec, or at attach), before or after tasks enter,
 * and again when target_ops.rseq has come to answer otherwise.
 * Pads that were built before are built anew.  Context: sleeping.
 */
void upr_report_ready(struct upr_mm *mm);

/**
 * upr_report_data() - mappings of data may have come, or access to them may have changed
 * Counters that could not be reached are tried again.  Cheap where there are none.  Context: sleeping.
 */
void upr_report_data(struct upr_mm *mm);

/** upr_mm_go_on() - what target_ops.breathe has put off.  Context: sleeping. */
void upr_mm_go_on(struct upr_mm *mm);

/**
 * upr_mm_jumps_only() - every breakpoint that stands in @mm is a jump, nothing is under way: it needs nobody to
 * execute hits and can be left alone
 */
bool upr_mm_jumps_only(struct upr_mm *mm);

/**
 * upr_mm_jumps_can_fault() - may an instruction in some pad of @mm fault (upr_jump_can_fault())
 * A handler that runs while nobody looks after the task sees a pad's address.
 */
bool upr_mm_jumps_can_fault(struct upr_mm *mm);

/**
 * upr_mm_in_hole() - is @addr part of a jump that stands in padding, and is led to by that of a site
 * It must not go before the site's.  Context: sleeping.
 */
bool upr_mm_in_hole(struct upr_mm *mm, u64 addr);

/** upr_mm_idle() - nothing of ours is in the text, no work is pending and no task stands in a slot */
bool upr_mm_idle(struct upr_mm *mm);

/**
 * upr_mm_busy() - registrations or mappings are still being put into effect
 * False: every breakpoint that is wanted and can be armed is armed, every other one is out.
 */
bool upr_mm_busy(struct upr_mm *mm);

/**
 * upr_mm_error() - why upr_mm_idle() will never be true
 * Return: 0, or -errno of text_write for a breakpoint that could not be taken
 * out.  It goes on being executed for the program as long as the home reports.
 */
int upr_mm_error(struct upr_mm *mm);

/** upr_mm_disarm() - take everything out of this address space (detach); upr_mm_idle() tells when it is done */
void upr_mm_disarm(struct upr_mm *mm);

/**
 * upr_task_pc_fixup() - a stopped task is about to be looked at, or let go, or given a signal
 * Takes it off its slot, if it is on one, as upr_xol_leave() does.  Context: sleeping.
 * Return: 1 it was on a slot and has been moved, 0 it was not, -errno.
 */
int upr_task_pc_fixup(struct utrace_task *task);

/**
 * upr_orig_bytes() - what memory at [addr, addr + len) would hold without us
 * @buf:	in: bytes as read from the target; out: as the program wrote them
 */
void upr_orig_bytes(struct upr_mm *mm, u64 addr, void *buf, size_t len);

#endif /* UTRACE_UPROBES_H */
