/* SPDX-License-Identifier: GPL-2.0 */
/*
 * utrace/utrace.h - several engines on one task.
 *
 * Purpose: an engine attaches to a task with a set of events and callbacks;
 * engines share the task and never see each other's stops.  The home reports
 * what happens to a task; utrace asks every interested engine in the order of
 * attachment, merges the answers (strongest wins) and tells the home what to do.
 *
 * Locks (kernel/utrace.c): task->lock (spin) guards one task's engine list,
 * wishes and state; it is innermost: no callback runs under it.  Engines and
 * tasks are reference counted and freed after an RCU grace period.
 */
#ifndef UTRACE_UTRACE_H
#define UTRACE_UTRACE_H

#include <upr-compat.h>
#include <utrace/target.h>

struct utrace_engine;

/* Events an engine may ask for, a set. */
#define UTRACE_EV_QUIESCE	0x0001u	/* the task is stopped: goes to whoever asked, set or not */
#define UTRACE_EV_SIGNAL	0x0002u	/* a signal is about to be delivered */
#define UTRACE_EV_SYSCALL_ENTRY	0x0004u
#define UTRACE_EV_SYSCALL_EXIT	0x0008u
#define UTRACE_EV_CLONE		0x0010u	/* the task made a child (thread or process) */
#define UTRACE_EV_EXEC		0x0020u	/* new program, before its first instruction */
#define UTRACE_EV_EXIT		0x0040u	/* about to exit, memory still there */
#define UTRACE_EV_DEATH		0x0080u	/* gone; the last report of a task */
#define UTRACE_EV_JCTL		0x0100u	/* job control stop or continue */
#define UTRACE_EV_BREAKPOINT	0x0200u	/* int3 */
#define UTRACE_EV_STEP		0x0400u	/* single or block step done */
#define UTRACE_EV_ALL		0x07ffu

/*
 * What becomes of a signal.  *action comes in as the engines asked before have
 * left it; one that leaves it alone has no opinion.  One HOLD is enough (and is not shown to the
 * next); else, among those who have an opinion, the strongest wins: DELIVER, REPLACE, IGNORE.
 */
enum utrace_signal_action {
	UTRACE_SIG_DELIVER,	/* as is */
	UTRACE_SIG_HOLD,	/* not now: utrace_signal_is_held(); it is reported again to all, as it came */
	UTRACE_SIG_REPLACE,	/* the engine has changed *sig: deliver that */
	UTRACE_SIG_IGNORE,	/* swallow it */
};

/* What becomes of a system call about to be entered: the first to abort it sets the result. */
enum utrace_syscall_action {
	UTRACE_SYSCALL_RUN,	/* with the arguments now in the registers */
	UTRACE_SYSCALL_ABORT,	/* not run: *result is what the program sees */
};

/**
 * struct utrace_signal - a signal on its way
 * @signo:	1..64
 * @code:	si_code
 * @addr:	si_addr of a fault, else 0
 * @fault:	raised by the instruction at pc itself (SIGSEGV, SIGBUS, SIGFPE,
 *		SIGILL, SIGTRAP with a kernel's si_code), not sent by anybody
 * @home:	the home's own copy of the whole siginfo
 */
struct utrace_signal {
	int signo;
	int code;
	u64 addr;
	bool fault;
	void *home;
};

#define UTRACE_CLONE_THREAD	0x1u	/* same thread group */
#define UTRACE_CLONE_VM		0x2u	/* same address space */
#define UTRACE_CLONE_VFORK	0x4u	/* parent waits for exec or exit of the child */

/**
 * struct utrace_engine_ops - an engine's callbacks
 *
 * All run with the task stopped, in the context of the report (@on_breakpoint,
 * @on_step and @on_signal: atomic; the others: sleeping), with no lock held;
 * an engine may attach, detach and control engines from within any of them.
 * The answer is the engine's wish until it answers again or
 * calls utrace_control().  A missing callback leaves the wish as it is.
 *
 * Two things keep an answer from undoing what it could not know of: a quiesce
 * report owed to the engine stays owed whatever it answers to other events; and
 * a utrace_control() that lets go, made while the engine's callback runs,
 * is the later word: the callback's answer is dropped.
 *
 * An engine attached in the middle of a report does not hear of that event.
 */
struct utrace_engine_ops {
	enum utrace_resume (*on_quiesce)(struct utrace_engine *engine, struct utrace_task *task);
	enum utrace_resume (*on_signal)(struct utrace_engine *engine, struct utrace_task *task,
					struct utrace_signal *sig, enum utrace_signal_action *action);
	enum utrace_resume (*on_syscall_entry)(struct utrace_engine *engine, struct utrace_task *task,
					       enum utrace_syscall_action *action, s64 *result);
	enum utrace_resume (*on_syscall_exit)(struct utrace_engine *engine, struct utrace_task *task);
	enum utrace_resume (*on_clone)(struct utrace_engine *engine, struct utrace_task *parent,
				       struct utrace_task *child, unsigned int clone_flags);
	enum utrace_resume (*on_exec)(struct utrace_engine *engine, struct utrace_task *task);
	enum utrace_resume (*on_exit)(struct utrace_engine *engine, struct utrace_task *task, int code);
	void (*on_death)(struct utrace_engine *engine, struct utrace_task *task, int code);
	enum utrace_resume (*on_jctl)(struct utrace_engine *engine, struct utrace_task *task, int signo);
	/* *mine set: the int3 was this engine's; several engines may say so */
	enum utrace_resume (*on_breakpoint)(struct utrace_engine *engine, struct utrace_task *task,
					    u64 addr, bool *mine);
	/* *mine comes in set if this engine had asked for the step; it may claim another */
	enum utrace_resume (*on_step)(struct utrace_engine *engine, struct utrace_task *task, bool *mine);
	/* the last reference is gone: free what belongs to it.  Sleeping. */
	void (*release)(struct utrace_engine *engine);
};

/**
 * struct utrace_engine - one engine on one task
 * @data:	the owner's
 * @task:	the task; valid until release
 * @ops:	callbacks
 * The rest belongs to kernel/utrace.c under task->lock.
 */
struct utrace_engine {
	void *data;
	struct utrace_task *task;
	const struct utrace_engine_ops *ops;
	struct list_head node;
	refcount_t refs;
	unsigned int events;		/* those it has a callback for */
	enum utrace_resume wish;	/* STOP, a step or RESUME: answered or told last */
	enum utrace_resume ask;		/* quiesce report owed: STOP, REPORT, INTERRUPT; RESUME: none */
	bool detached;
	bool told;			/* utrace_control() spoke during the callback */
	bool stepping;			/* the step under way is for this engine, too */
	bool holding;			/* its last word on a signal was HOLD */
	struct upr_work work;		/* release, in sleeping context */
	struct rcu_head rcu;
};

/**
 * struct utrace_task - a thread, as the engine knows it
 * @host:	the home's own structure
 * @target:	the home's operations
 * @mm:		its address space; NULL once it has exited.  Changed by the
 *		home through upr_task_set_mm() only
 * @mm_node:	on mm->tasks
 * @id:		for people: the kernel's tid
 * @upr:	the probe engine's per-task state (uprobes.c)
 * The rest belongs to kernel/utrace.c under @lock.
 */
struct utrace_task {
	void *host;
	const struct target_ops *target;
	struct upr_mm *mm;
	struct list_head mm_node;
	s64 id;
	void *upr;
	spinlock_t lock;
	struct list_head engines;
	refcount_t refs;
	unsigned int events;		/* union of the engines' */
	struct utrace_engine *caller;	/* whose callback is running */
	bool stopped;			/* the home holds it for us */
	bool reporting;			/* inside a report: engines stay on the list */
	bool purge;			/* some of them are detached */
	bool interrupting;		/* a quiesce report is on its way */
	bool stepping;			/* let go with a step; its trap has not been reported */
	bool dying;			/* death came inside a report */
	bool dead;
	int code;			/* for on_death */
	struct rcu_head rcu;
};

/* --- for engines ------------------------------------------------------- */

/**
 * utrace_attach() - put an engine on a task
 * Context: sleeping.  Return: a referenced engine, or ERR_PTR(-ESRCH) when the
 * task is dead, ERR_PTR(-ENOMEM).  Put it with utrace_engine_put().
 */
struct utrace_engine *utrace_attach(struct utrace_task *task, const struct utrace_engine_ops *ops,
				    unsigned int events, void *data);

/** utrace_set_events() - change what an engine hears of.  Any context. Return: 0, -ESRCH. */
int utrace_set_events(struct utrace_engine *engine, unsigned int events);

/**
 * utrace_control() - change an engine's wish from outside a callback
 * STOP: the task will report quiesce to this engine (at once if it is stopped
 * already: then -EALREADY is returned and no report follows).  RESUME and the
 * stepping wishes let go of this engine's stop and take back a stop that has
 * not been reported.  REPORT and INTERRUPT: one quiesce report, also while
 * others hold the task; the engine's own stop is let go.  DETACH: as utrace_detach().
 * An engine has one wish: who stops a task that was stepping for it lets go with the step.
 * Context: any.  Return: 0, -EALREADY, -ESRCH (task dead or engine detached).
 */
int utrace_control(struct utrace_engine *engine, enum utrace_resume how);

/**
 * utrace_detach() - take an engine off; no callback starts after it returns
 * (one may still be running on another CPU, or be the caller).  Lets go of
 * the engine's stop.  Context: any.
 */
void utrace_detach(struct utrace_engine *engine);

void utrace_engine_get(struct utrace_engine *engine);
void utrace_engine_put(struct utrace_engine *engine);

/** utrace_is_stopped() - is the task quiesced on behalf of this engine (examining it is safe) */
bool utrace_is_stopped(const struct utrace_engine *engine);

/* --- for homes --------------------------------------------------------- */

/**
 * utrace_task_new() - a thread comes under our eyes
 * Context: sleeping.  Return: a task with one reference, the home's, dropped
 * by utrace_report_death(); NULL without memory.
 */
struct utrace_task *utrace_task_new(const struct target_ops *target, void *host, s64 id);
void utrace_task_get(struct utrace_task *task);
void utrace_task_put(struct utrace_task *task);

/**
 * utrace_task_is_held() - is UTRACE_STOP in force
 * For homes whose reports and target_ops.task_resume run on different threads:
 * there a task_resume can be overtaken by the task's own quiesce report, and is
 * void if that answered STOP again.  Wait for this to become false; by then
 * the last task_resume has returned.  Context: any, not inside task_resume.
 */
bool utrace_task_is_held(struct utrace_task *task);

/*
 * Reports.  The task is stopped for the time of the call.  Each returns what
 * the task shall do next; on UTRACE_STOP the home holds it until
 * target_ops.task_resume().  REPORT and INTERRUPT come back as a wish for another
 * quiesce report as soon as possible, before user code runs; reporting it right away is
 * always right.  DETACH is never returned.  A quiesce report may also come while the
 * task is held (task_interrupt): its answer says whether to go on holding it.
 * A signal is reported once more if its task was held after the report and its pc has been moved
 * into memory of the engines' by the time it is let go: no handler is to see that.
 */
enum utrace_resume utrace_report_quiesce(struct utrace_task *task);
enum utrace_resume utrace_report_signal(struct utrace_task *task, struct utrace_signal *sig,
					enum utrace_signal_action *action);
/**
 * utrace_signal_is_held() - is it too early to report held signals again
 * True while an engine that has answered HOLD wants the task stopped, stepped or reported.
 * The home asks when it is about to let the task run; other engines' steps do not count, or
 * a signal would wait for as long as somebody steps.  A HOLD that is answered together with
 * RESUME waits for nothing: the home delivers the signal.  Context: any.
 */
bool utrace_signal_is_held(struct utrace_task *task);
enum utrace_resume utrace_report_syscall_entry(struct utrace_task *task,
					       enum utrace_syscall_action *action, s64 *result);
enum utrace_resume utrace_report_syscall_exit(struct utrace_task *task);
/* @child has its mm already (upr_task_set_mm) and is stopped or not yet running */
enum utrace_resume utrace_report_clone(struct utrace_task *parent, struct utrace_task *child,
				       unsigned int clone_flags);
enum utrace_resume utrace_report_exec(struct utrace_task *task);
enum utrace_resume utrace_report_exit(struct utrace_task *task, int code);
/* no answer: the task is gone, held or not; drops the home's reference */
void utrace_report_death(struct utrace_task *task, int code);
enum utrace_resume utrace_report_jctl(struct utrace_task *task, int signo);
/*
 * @addr: of the int3; the pc may read as that or as what follows, whoever
 * claims it sets the pc.  *mine false on return: nobody's int3.  If the byte is
 * still 0xcc it is the program's own: deliver SIGTRAP; if not, it was taken away
 * while the trap was on its way: go on at @addr.
 */
enum utrace_resume utrace_report_breakpoint(struct utrace_task *task, u64 addr, bool *mine);
/* *mine false on return: nobody's step, the program's own TF: deliver SIGTRAP */
enum utrace_resume utrace_report_step(struct utrace_task *task, bool *mine);

#endif /* UTRACE_UTRACE_H */
