/* SPDX-License-Identifier: GPL-2.0 */
/*
 * fake.h - a scripted target: programs, tasks and a scheduler that are all
 * made up, so that every interleaving of a hit, a step, a signal, a fork, an
 * exit and an engine's own doings can be run, and run again.
 *
 * Purpose: a home for tests.  A world holds files, address spaces, tasks with
 * a small CPU, and actors (what happens from outside: a probe is registered, a
 * signal is sent).  At each step one of the things that could happen next does happen:
 *   - a task goes on: one instruction, or one report;
 *   - a task reports quiesce, as target_ops.task_interrupt asked;
 *   - a deferred work runs;
 *   - an area, or memory for counters, is mapped or unmapped;
 *   - an actor takes its next step.
 * fake_explore() tries all orders, those within a bound of preemptions, or
 * random ones from a seed.
 *
 * The host stops everything (struct fake_test.fatal) when the engine breaks
 * the contract of target.h: a sleeping op in the atomic half, registers of
 * a running task, several bytes of text written under running tasks, an
 * area unmapped or overwritten under a task, an op called with an engine lock held,
 * counters freed twice or never.
 *
 * It stops as well when a jump probe shows: fake-pads.c has each step in a
 * pad compared with what the program's own instruction would have done.
 *
 * Context: one thread.  Compiles in a process and in a module: only the
 * vocabulary of upr-compat.h, and snprintf().  Locks: none of its own.
 */
#ifndef FAKE_H
#define FAKE_H

#include <upr-compat.h>
#include <utrace/insn.h>
#include <utrace/uprobes.h>
#include <utrace/utrace.h>

#define FAKE_PAGE	4096ull
#define FAKE_NSIG	65
#define FAKE_DEPTH	4096		/* choices in one run, at most */

/* --- tests ------------------------------------------------------------- */

/**
 * struct fake_test - where results go: TAP in a process, a log in a module
 * @ok:		one assertion
 * @diag:	a remark
 * @fatal:	the engine has broken a contract; in a process it aborts, in a
 *		module it marks the suite as failed (the world then stops running)
 * @effort:	upper bound of runs per exploration; 0: as many as it takes
 */
struct fake_test {
	void (*ok)(struct fake_test *t, bool good, const char *name);
	void (*diag)(struct fake_test *t, const char *text);
	void (*fatal)(struct fake_test *t, const char *text);
	unsigned long effort;
};

/* A test file exports a list of these, ended by an empty one. */
struct fake_case {
	const char *name;
	void (*run)(struct fake_test *t);
};

__attribute__((format(printf, 2, 3))) void fake_diag(struct fake_test *t, const char *fmt, ...);
__attribute__((format(printf, 3, 4))) void fake_ok(struct fake_test *t, bool good, const char *fmt, ...);

/* --- memory -------------------------------------------------------------- */

#define FAKE_R		0x1u
#define FAKE_W		0x2u
#define FAKE_X		0x4u
#define FAKE_SHARED	0x8u		/* MAP_SHARED: text_write answers -EACCES */
#define FAKE_ABSENT	0x10u		/* pages not present until the CPU touches them: -EAGAIN in the atomic half */
#define FAKE_GROWS	0x20u		/* a stack: pages come by the CPU's touch, downwards */

struct fake_file {
	struct list_head node;
	struct upr_file_key key;
	size_t len;
	u8 *bytes;
	u32 *executed;		/* the oracle, by offset: see fake_executed() */
};

/* Memory that several address spaces have, and the engine: counters. */
struct fake_shared {
	struct fake_world *world;
	u64 *bytes;
	unsigned int refs;	/* mappings, and the engine's view */
};

struct fake_map {
	struct list_head node;
	u64 start, end;
	unsigned int prot;	/* FAKE_* */
	struct fake_file *file;	/* NULL: anonymous */
	u64 offset;
	u8 *bytes;
	u8 *present;		/* by page */
	bool area;		/* the engine's */
	struct fake_shared *shared;	/* whose bytes @bytes are; NULL: its own */
};

struct fake_dry;

struct fake_mm {
	struct fake_world *world;
	struct list_head node;
	struct list_head maps;
	struct upr_mm *upr;	/* NULL: nobody looks */
	bool dead;		/* last task gone */
	u64 next_stack;
	u64 handlers[FAKE_NSIG];	/* 0: default; 1: ignored; else address */
	struct fake_dry *dry;	/* fake-pads.c: the CPU only tries */
	u64 *planted;		/* where traps of the engine's have been announced */
	unsigned int nr_planted;
};

/* --- tasks ----------------------------------------------------------------- */

enum fake_phase {
	FAKE_USER,		/* about to run user code */
	FAKE_TRAPPED,		/* int3 or step trap taken, not reported yet */
	FAKE_SIGNALLED,		/* signal reported, not yet acted upon */
	FAKE_SYSCALL,		/* entry reported, call not made yet */
	FAKE_BLOCKED,		/* in a system call that waits */
	FAKE_SYSRET,		/* call made, exit not reported yet */
	FAKE_SYSDONE,		/* exit reported, step over the call not yet */
	FAKE_CLONED,		/* child born, not reported yet */
	FAKE_EXECED,		/* new program, not reported yet */
	FAKE_EXITING,		/* about to report exit */
	FAKE_EXITED,		/* exit reported, about to die */
	FAKE_DEAD,
};

struct fake_task {
	struct fake_world *world;
	struct list_head node;
	struct fake_mm *mm;
	struct utrace_task *ut;	/* NULL: nobody looks */
	int tid, tgid;
	struct upr_regs regs;
	enum fake_phase phase;
	bool started;		/* false: newborn, counts as stopped */
	bool in_hand;		/* the home is introducing it, counts as stopped */
	bool held;		/* by UTRACE_STOP */
	bool interrupt;		/* task_interrupt, not reported yet */
	bool must_quiesce;	/* a report answered REPORT or INTERRUPT */
	enum utrace_resume how;	/* a step or RESUME */
	bool killed;
	bool jctl_stopped;
	int jctl_report;	/* signal to report as job control; 0: none */
	bool trap_step;		/* FAKE_TRAPPED: by a step, not int3 */
	bool own_step;		/* that trap is (also) due to the program's own TF */
	u64 pending, blocked;	/* signals */
	bool forced;		/* @sig is a fault, to be reported next */
	struct utrace_signal sig;
	enum utrace_signal_action action;
	bool again;		/* @sig was held before */
	bool asked_again;	/* the engines, about @sig */
	u64 kept;		/* of @pending: held for an engine */
	bool fault_kept;	/* @kept_fault is, too */
	struct utrace_signal kept_fault;
	int wake;		/* FAKE_BLOCKED: 1 something has come, -1 start again */
	struct fake_task *child;	/* FAKE_CLONED */
	struct fake_task *vfork_child, *vfork_parent;
	unsigned int clone_flags;
	u64 sys_site;		/* oracle: the program's syscall instruction */
	enum utrace_syscall_action sys_action;
	s64 sys_result;
	int code;
	u64 icount;		/* instructions the CPU completed for it */
	u64 site;		/* oracle: breakpoint taken here, fate of the instruction unknown */
	u64 pad_counted;	/* oracle: a pad has counted the instruction here, which is still to be executed */
};

/**
 * struct fake_seen - what the program would see of a task
 * @regs:	as if no probe were there
 * @in_pad:	the task stands in a pad
 * @lost:	or in an area, where nobody has any business
 * @insn:	of the window: which is next
 * @has_count, @counted: it is probed; and counted already
 * @has_call:	the window ends in one: the words below the stack pointer are about to be written
 * @dead_gpr, @flags_dead: what the pad may change here
 */
struct fake_seen {
	struct upr_regs regs;
	bool in_pad, lost;
	unsigned int insn;
	bool has_count, counted;
	bool has_call;
	u16 dead_gpr;
	bool flags_dead;
};

/* --- the world --------------------------------------------------------------- */

struct fake_world;

/**
 * struct fake_actor - something outside of the tasks
 * @step:	do the next thing; false: that was the last
 * @ready:	may it go on now?  NULL: yes
 * @name:	one letter for traces
 * Steps run in sleeping context.
 */
struct fake_actor {
	bool (*step)(struct fake_world *w, struct fake_actor *a);
	bool (*ready)(struct fake_world *w, struct fake_actor *a);
	void *data;
	int at;			/* steps done */
	char name;
	bool done;
	struct list_head node;
};

/* The probe engine, when a world has one (fake-probes.c); pure utrace tests link without it. */
struct fake_probes {
	int (*adopt_mm)(struct fake_mm *mm);
	void (*drop_mm)(struct fake_mm *mm);
	int (*set_mm)(struct fake_task *t, struct fake_mm *mm);
	int (*fork)(struct fake_mm *parent, struct fake_mm *child);
	void (*mmap)(struct fake_mm *mm, struct fake_map *map);
	void (*munmap)(struct fake_mm *mm, u64 start, u64 len);
	void (*area_mapped)(struct fake_mm *mm, struct upr_area *area, s64 addr);
	void (*counters_mapped)(struct fake_mm *mm, struct upr_counters *counters, s64 addr);
	/* Return: false, and nothing changed, if it stands in no area */
	bool (*see)(struct fake_task *t, struct fake_seen *seen);
	/* the armed jump whose bytes @addr is one of; 0: none */
	u64 (*jump_at)(struct fake_mm *mm, u64 addr);
	/* a breakpoint or jump of this site stands */
	bool (*armed)(struct fake_mm *mm, u64 addr);
};

struct fake_world {
	struct fake_test *test;
	void *data;			/* the scenario's */
	void (*teardown)(struct fake_world *w);
	struct list_head files, mms, tasks, actors, works, requests;
	struct fake_file *programs[8];	/* what exec and mmap of the script refer to */
	u64 program_base[8];
	const struct fake_probes *probes;
	struct upr_session *session;
	int next_tid;
	unsigned int atomic;		/* depth of atomic context */
	struct fake_task *reporting;
	bool broken;
	u64 steps, max_steps;
	int fail_area;			/* this many area_map requests end in fail_area_err */
	s64 fail_area_err;
	int fail_counters;		/* the same of counters_map */
	s64 fail_counters_err;
	int fail_scan;			/* this many stacks_scan end in -EIO */
	u32 nr_cpus;			/* see target_ops.machine */
	bool rdpid;
	unsigned int nr_shared;		/* memory for counters not freed yet */
	int late_data;			/* so many times data_add answers that there is no data yet */
	int fail_text;			/* after this many text writes (1: the next) one ends in -EIO */
	unsigned int pc_leaks;		/* signal frames that showed a pc in an area */
	unsigned int stray_traps;	/* SIGTRAPs sent to the program */
	unsigned int nr_reports;
	struct fake_choice *last;
	char *trace;			/* what was chosen, for people */
	size_t trace_len;
	struct fake_explorer *explorer;
	const char *failed;		/* first expectation that did not hold */
};

/* --- building a world ---------------------------------------------------------- */

struct fake_world *fake_world_new(struct fake_test *t);
/** fake_world_free() - everything dies first, as if killed; then @teardown is called */
void fake_world_free(struct fake_world *w);

struct fake_file *fake_file_new(struct fake_world *w, const u8 *bytes, size_t len);

/** fake_mm_new() - an address space with a sigreturn page at FAKE_VDSO and nothing else */
struct fake_mm *fake_mm_new(struct fake_world *w);

/** fake_map() - map @file (or nothing) at @addr; reported to the engine when executable.  Return: the map, or NULL. */
struct fake_map *fake_map(struct fake_mm *mm, u64 addr, u64 len, unsigned int prot, struct fake_file *file, u64 offset);
void fake_unmap(struct fake_mm *mm, u64 addr, u64 len);

/** fake_task_new() - a thread at @pc with a stack of its own (two pages); in the group of @leader, or a new one */
struct fake_task *fake_task_new(struct fake_mm *mm, u64 pc, struct fake_task *leader);

/** fake_attach() - the home looks at an address space and all its tasks from now on.  Return: 0 or -errno. */
int fake_attach(struct fake_mm *mm);

/** fake_detach() - the home lets go: tasks run on unseen.  The engine must be idle in @mm. */
void fake_detach(struct fake_mm *mm);

void fake_actor_add(struct fake_world *w, struct fake_actor *a);

/* What actors do to tasks. */
void fake_kill(struct fake_task *t, int signo);		/* SIGKILL: the whole group */
void fake_wake(struct fake_task *t);

/* Where things are. */
#define FAKE_VDSO	0x7fff0000ull
#define FAKE_STACK	0x7ffe0000ull	/* first stack's upper end; the next ones below, 16 pages each */
#define FAKE_TEXT	0x400000ull	/* where programs usually go */

/* --- running it ------------------------------------------------------------------ */

/** fake_run() - until nothing can happen any more; random or explored choices.  Return: false if broken. */
bool fake_run(struct fake_world *w);

/**
 * fake_sync() - complete what has been asked for, quiesce reports, works and
 * areas, without letting a task or an actor go on; a home does so before its
 * attach returns.  Return: false if broken.
 */
bool fake_sync(struct fake_world *w);

/** fake_expect() - an invariant or a final condition of a scenario; the first that fails ends the exploration */
#define fake_expect(w, cond) fake_expect_at(w, cond, #cond)
bool fake_expect_at(struct fake_world *w, bool cond, const char *what);

/**
 * struct fake_scenario - a world to be run in many orders
 * @setup:	build it; w->data is @arg
 * @check:	all is over: fake_expect() the outcome; may be NULL
 * @step:	after every step: fake_expect() what must always hold; may be NULL
 * @teardown:	free what @setup made and the world does not know (consumers,
 *		the session); every task is dead and every work done by then; may be NULL
 * @preemptions: most switches away from a task or actor that could go on; -1:
 *		no bound.  Completions of what the engine asked for may come at
 *		any moment at no cost; the first order tried has them at once.
 * @runs:	stop after so many; 0: never
 * @random:	not all orders, but @runs random ones from @seed
 */
struct fake_scenario {
	const char *name;
	void (*setup)(struct fake_world *w);
	void (*check)(struct fake_world *w);
	void (*step)(struct fake_world *w);
	void (*teardown)(struct fake_world *w);
	void *arg;
	int preemptions;
	unsigned long runs;
	bool random;
	u64 seed;
};

/**
 * fake_explore() - run a scenario in all its orders; one fake_ok() named after it
 * A failure prints the order that led to it.  Return: orders run; 0 when one failed.
 */
unsigned long fake_explore(struct fake_test *t, const struct fake_scenario *s);

/* --- looking at it ----------------------------------------------------------------- */

/**
 * fake_executed() - how often the program has executed its instruction at
 * @offset of @file, by its own account, in all address spaces: directly, in
 * a slot or emulated.  An instruction that faulted, or that a signal has kept
 * from being executed, does not count.  A rep string counts once.
 */
u64 fake_executed(const struct fake_file *file, u64 offset);

/** fake_peek(), fake_poke() - memory as it is, no questions asked.  Return: 0, -EFAULT. */
int fake_peek(struct fake_mm *mm, u64 addr, void *buf, size_t len);
int fake_poke(struct fake_mm *mm, u64 addr, const void *buf, size_t len);

/** fake_text_is_clean() - all private file mappings equal their files, and no area is left */
bool fake_text_is_clean(struct fake_mm *mm, bool areas_too);

bool fake_is_dead(const struct fake_task *t);

extern const struct target_ops fake_target_ops;
extern const struct fake_probes fake_uprobes;

/* The script's system calls (numbers are Linux's); arguments in rdi, rsi, rdx. */
enum fake_sys {
	FAKE_SYS_WAKE = 1,	/* wakes whoever waits in this address space */
	FAKE_SYS_MMAP = 9,	/* program number rdi at rsi, from offset rdx */
	FAKE_SYS_MUNMAP = 11,	/* [rdi, rdi + rsi) */
	FAKE_SYS_SIGACTION = 13, /* handler of signal rdi is rsi */
	FAKE_SYS_SIGRETURN = 15,
	FAKE_SYS_YIELD = 24,
	FAKE_SYS_PAUSE = 34,	/* -EINTR once a handler has run; a quiesce does not show */
	FAKE_SYS_GETPID = 39,
	FAKE_SYS_CLONE = 56,	/* rdi: 1 thread, else CLONE_VM process; rsi: its stack pointer */
	FAKE_SYS_FORK = 57,
	FAKE_SYS_VFORK = 58,
	FAKE_SYS_EXEC = 59,	/* program number rdi */
	FAKE_SYS_EXIT = 60,
	FAKE_SYS_KILL = 62,	/* task rdi, signal rsi */
	FAKE_SYS_GETTID = 186,
	FAKE_SYS_WAIT = 202,	/* until woken; restarted after a handler */
	FAKE_SYS_EXIT_GROUP = 231,
};

#endif /* FAKE_H */
