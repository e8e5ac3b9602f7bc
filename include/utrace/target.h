/* SPDX-License-Identifier: GPL-2.0 */
/*
 * utrace/target.h - the seam between the engine and the home it runs in.
 *
 * Purpose: everything kernel/ and arch/ need of the outside world is one
 * struct of operations here; whoever ports the engine to a new home (ptrace,
 * kernel module, fake) implements it and calls the reports that utrace.h and
 * uprobes.h declare.  The engine never sees `current`, a vma or a ptrace request.
 *
 * Two kinds of context:
 *   atomic   the home may hold a spinlock or be in an exception handler.
 *            No allocation that may wait, no op marked "sleeps".  User memory
 *            may answer -EAGAIN (not present now).
 *   sleeping the home's deferred context: the ptrace loop between two waits,
 *            task_work in the kernel, the fake host's scheduler.
 * No op waits for a task: what takes time is started here and its completion
 * is reported as an event.
 *
 * Locks: the home calls the engine with none of the engine's locks held.  Each
 * op says which engine locks its caller may hold; an op must not call back
 * into the engine before it returns (queue it: see @defer).
 */
#ifndef UTRACE_TARGET_H
#define UTRACE_TARGET_H

#include <upr-compat.h>

struct utrace_task;
struct upr_mm;
struct upr_area;
struct upr_counters;

/**
 * struct upr_regs - user registers of a stopped task
 * @gpr:	as enum upr_gpr numbers them; all 64 bits, upper halves zero for
 *		a 32-bit task
 * @ip:		program counter
 * @flags:	RFLAGS as the program would see them: a TF that the home set to
 *		step the task is not in here, one the program set itself is
 * @orig_ax:	system call number while in one, else -1
 * @fs_base:	base of %fs
 * @gs_base:	base of %gs
 * @mode32:	the code segment is a 32-bit one
 */
struct upr_regs {
	u64 gpr[16];
	u64 ip;
	u64 flags;
	u64 orig_ax;
	u64 fs_base;
	u64 gs_base;
	bool mode32;
};

/**
 * struct upr_work - something to be run later in sleeping context
 * @list:	the home's
 * @fn:		called once per queueing, in sleeping context, no locks held
 * @queued:	the home's: a work already queued is not queued twice
 */
struct upr_work {
	struct list_head list;
	void (*fn)(struct upr_work *work);
	int queued;
};

/**
 * enum utrace_resume - what a task does when it runs on; the strongest of all engines' wishes wins
 * @UTRACE_STOP:	stay stopped until the engine that asked lets go
 * @UTRACE_REPORT:	run, but report quiesce before user mode is entered again
 * @UTRACE_INTERRUPT:	as REPORT, and leave a blocked system call now
 * @UTRACE_SINGLESTEP:	run one instruction, then report a step
 * @UTRACE_BLOCKSTEP:	run to the next taken branch, then report a step; a home
 *			without block stepping single-steps
 * @UTRACE_RESUME:	run
 * @UTRACE_DETACH:	run, and forget the engine that answered
 *
 * Declared strongest first, so that min() of two wishes is the winner.
 */
enum utrace_resume {
	UTRACE_STOP,
	UTRACE_REPORT,
	UTRACE_INTERRUPT,
	UTRACE_SINGLESTEP,
	UTRACE_BLOCKSTEP,
	UTRACE_RESUME,
	UTRACE_DETACH,
};

/**
 * struct upr_text_range - for target_ops.stacks_scan
 * @lo, @hi:	[lo, hi)
 * @hit:	set by the home
 */
struct upr_text_range {
	u64 lo, hi;
	bool hit;
};

/**
 * struct target_ops - what a home does for the engine
 *
 * "stopped" below: the task is inside one of its own reports, or quiesced
 * (UTRACE_STOP in force and reported).  Errors are -errno; -ESRCH says that
 * the task or address space is gone, which is never a fault of the caller:
 * the death report is on its way.
 */
struct target_ops {
	/**
	 * @task_interrupt: make a running task report quiesce soon.
	 * Atomic.  Engine locks: the task's.  Idempotent.  Completion:
	 * utrace_report_quiesce().  A task that cannot run user code before it
	 * reports (vfork parent, job-control stop) may be reported at once; one
	 * that has not run yet is reported before its first instruction.
	 * A task held by UTRACE_STOP is reported without being let go: its
	 * other engines have a right to hear that it is quiet.
	 */
	void (*task_interrupt)(struct utrace_task *task);

	/**
	 * @task_resume: let a task that was held by UTRACE_STOP run on.
	 * Atomic.  Engine locks: the task's.  @how is never STOP or DETACH.
	 */
	void (*task_resume)(struct utrace_task *task, enum utrace_resume how);

	/**
	 * @pc_get, @pc_set: the program counter alone: on some homes much
	 * cheaper than all registers.  Atomic; task stopped.
	 */
	int (*pc_get)(struct utrace_task *task, u64 *ret);
	int (*pc_set)(struct utrace_task *task, u64 pc);

	/** @regs_get, @regs_set: all of struct upr_regs.  Atomic; task stopped. */
	int (*regs_get)(struct utrace_task *task, struct upr_regs *ret);
	int (*regs_set)(struct utrace_task *task, const struct upr_regs *regs);

	/**
	 * @vector_get: optional.  The low 16 bytes of vector register @nr (0..15), as the program
	 * would store them.  Atomic; task stopped.  Return: 0; -errno.
	 */
	int (*vector_get)(struct utrace_task *task, unsigned int nr, u64 ret[2]);

	/**
	 * @mem_read: read user memory as the task itself could.
	 * Atomic: -EAGAIN when the page is not present and cannot be brought
	 * in here; -EFAULT when there is none.  All or nothing.
	 */
	int (*mem_read)(struct utrace_task *task, u64 addr, void *buf, size_t len);

	/**
	 * @mem_write: write user memory as an instruction of the task would:
	 * page protection and stack growth are obeyed, text is never forced.
	 * Atomic: -EAGAIN or -EFAULT as above; then nothing was written and the
	 * caller lets the CPU execute the displaced instruction instead.
	 */
	int (*mem_write)(struct utrace_task *task, u64 addr, const void *buf, size_t len);

	/**
	 * @text_read, @text_write: bytes of a private file mapping or of an
	 * area of ours, whatever the protection; a write breaks COW and never
	 * reaches the file.  Sleeps.  Every task of @mm is quiesced, or the write
	 * is of one byte.  -EACCES: the mapping is MAP_SHARED.  The write is
	 * all or nothing for len <= 16 within a page.
	 */
	int (*text_read)(struct upr_mm *mm, u64 addr, void *buf, size_t len);
	int (*text_write)(struct upr_mm *mm, u64 addr, const void *buf, size_t len);

	/**
	 * @data_add: optional.  Add @n to the 16-bit counter at @addr in the program's own writable data.
	 * Sleeps.  Engine locks: mm->lock.
	 * Return: 0; -EAGAIN: there is no private writable mapping yet; -errno.
	 */
	int (*data_add)(struct upr_mm *mm, u64 addr, int n);

	/**
	 * @trap_planted: optional.  An int3 of ours is about to be written to @addr.  A task
	 * may report it much later, when the text has become something else again.
	 * Sleeps.  Engine locks: mm->lock.
	 */
	void (*trap_planted)(struct upr_mm *mm, u64 addr);

	/**
	 * @area_map: start mapping area->size bytes of anonymous r-x memory in
	 * @mm, wholly within [area->lo, area->hi).  Atomic.  Completion:
	 * upr_area_mapped(), from sleeping context, with the address or -errno
	 * (-ENOMEM no room in the range, -EPERM the task must not be asked for
	 * a system call).  The memory is never writable and executable at once;
	 * it is filled by @text_write.
	 */
	void (*area_map)(struct upr_mm *mm, struct upr_area *area);

	/**
	 * @area_unmap: the same backwards.  Atomic.  Nobody executes in it any
	 * more.  No completion: the home does it when it can, or never
	 * if the address space dies first.
	 */
	void (*area_unmap)(struct upr_mm *mm, u64 addr, size_t size);

	/*
	 * Jump probes.  All of these or none: a home without them has no jumps.
	 */

	/**
	 * @counters_map: start mapping counters->size bytes of shared memory,
	 * zeroed, in @mm: readable and writable there, and readable here through
	 * counters->view.  Atomic.  Completion: upr_counters_mapped(), from
	 * sleeping context, with the address in @mm or -errno as for @area_map.
	 * A forked child inherits the mapping and goes on counting in it.
	 */
	void (*counters_map)(struct upr_mm *mm, struct upr_counters *counters);

	/**
	 * @counters_unmap: take it out of @mm; no pad uses it any more.  Atomic.
	 * No completion.  The memory and @view live on.
	 */
	void (*counters_unmap)(struct upr_mm *mm, u64 addr, size_t size);

	/** @counters_free: nobody needs counters->view any more.  Atomic. */
	void (*counters_free)(struct upr_counters *counters);

	/**
	 * @machine: what pads can rely on.  Atomic.
	 * @nr_cpus: one more than the highest number of a CPU in use (on one that comes later
	 * counts are made by locked increments); @rdpid: see upr-jump.h
	 */
	void (*machine)(u32 *nr_cpus, bool *rdpid);

	/**
	 * @rseq: where the threads of @mm have registered their struct rseq, counted
	 * from their thread pointers.  Sleeps; every task quiesced.
	 * Return: 0 and *ret; -ENOENT: not at one and the same place for all
	 * threads that have one, or the signature is not 0x53053053, or the program has not been started
	 * up yet (upr_report_ready()).
	 */
	int (*rseq)(struct upr_mm *mm, s32 *ret);

	/**
	 * @stacks_scan: which of the @nr ranges [lo, hi) of @ranges (ascending, disjoint) does a
	 * word on the stack of some task of @mm point into?  Their ->hit is set.
	 * Sleeps; every task quiesced.
	 * Return: 0; -ENOTSUPP or another -errno: some stack could not be looked at in full (a
	 * stack pointer that lies outside of the thread's stack): all of them may be hit.
	 */
	int (*stacks_scan)(struct upr_mm *mm, struct upr_text_range *ranges, unsigned int nr);

	/**
	 * @survive: optional.  Make the program able to execute its breakpoints by itself, in
	 * case the home dies: upr_mm_each_slot() says how each is executed.  Called
	 * before text is armed, and when text has been taken out, before the first slot
	 * is given back.  With this op every breakpoint gets a slot if one can be had.
	 * Sleeps; every task quiesced.  Engine locks: mm->lock.
	 */
	void (*survive)(struct upr_mm *mm);

	/**
	 * @breathe: optional.  There is more to be done than one stop has time for: let the
	 * tasks of @mm run for a moment, then call upr_mm_go_on().  Without it
	 * the next stop follows at once.  mm->stop_sites may be set for the
	 * stops to come.  Atomic.  Engine locks: mm->lock.
	 */
	void (*breathe)(struct upr_mm *mm);

	/** @defer: run @work->fn in sleeping context, as soon as possible.  Atomic. */
	void (*defer)(struct upr_work *work);
};

#endif /* UTRACE_TARGET_H */
