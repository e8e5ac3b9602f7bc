/* SPDX-License-Identifier: GPL-2.0 */
/*
 * host.h - what the files of the ptrace home share.
 *
 * Files
 *   home.c		the calls of home.h, the wait loop, work queued by the engine
 *   wait.c		stops looked at, and taken
 *   task.c		one thread: its stops decoded, reported, and let go of
 *   trap.c		SIGTRAP: int3, step, or the program's own
 *   signal.c		other signals, and what the kernel does to a blocked SIGTRAP
 *   survive.c		if the tool is killed: a handler for breakpoints left behind
 *   survive-code.c	that handler
 *   guard.c		calls of the program's that would take it away
 *   process.c		processes and address spaces come and go: fork, exec, exit
 *   attach.c		running processes
 *   spawn.c		commands from their first instruction
 *   detach.c		letting go
 *   release.c		letting go of programs that need nobody, and coming back to them
 *   repair.c		what a killed tool has left
 *   ops.c		target_ops: registers and control of a stopped task
 *   memory.c		target_ops: user memory and text
 *   area.c		target_ops: areas, by injected calls
 *   counters.c		target_ops: memory that the target and we share
 *   rseq.c		target_ops: restartable sequences of threads, and what the CPU can do
 *   stacks.c		target_ops: who is to return where
 *   stacks-all.c	the same of coroutines: in all of the memory
 *   hold.c		signals that wait until their thread has left a pad
 *   inject.c		one system call in somebody else's name
 *   undo.c		so that he comes back from it even without us
 *   maps.c		/proc/PID/maps, and what has changed in it
 *   loader.c		the dynamic loader's rendezvous
 *   symbol.c		one symbol of one ELF file
 *   proc.c		the other files of /proc/PID
 *   permission.c	why a process cannot be traced
 *   timer.c		an end to a blocking wait
 *   sched.c		the tool's time slice
 *
 * Locks: none.  ptrace belongs to one thread, so does everything here.  The
 * queue of deferred work alone may be appended to from elsewhere: it has a
 * spin lock of its own (home.c).
 *
 * Life of a stop: dispatch() finds the thread, task_stopped() decodes the wait
 * status once, the handler of its kind reports to the engine, and task_settle()
 * decides, after all work that the report has queued: hold it, or let it run on.
 */
#ifndef HOST_USER_HOST_H
#define HOST_USER_HOST_H

#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/user.h>

#include <upr-compat.h>
#include <utrace/home.h>
#include <utrace/target.h>
#include <utrace/uprobes.h>
#include <utrace/utrace.h>

#include "survive.h"

#define HOST_PAGE 4096u

struct host_task;
struct host_proc;
struct host_mm;
struct loader_file;
struct guard_file;

/* --- the home -------------------------------------------------------------- */

#define TASK_BITS 10

/**
 * struct upr_home - one per tool
 * @tasks:	by tid
 * @procs, @mms: all of them
 * @ready:	stopped tasks that task_settle() is to look at
 * @requests:	areas asked for, or to be given back
 * @early:	stops of children whose parent has not told of them
 * @stops:	stops met while something else was waited for
 * @graves:	dead tasks, freed when nobody is looking at them
 * @nr_awaited:	tasks told to stop that have not done so yet
 * @affinity:	of the tool before it was pinned
 * @detaching:	nothing new is probed, and whoever stops stays where it is
 * @letting_go:	processes are being let go, or have been, with all that is in them
 * @let_go:	those (release.c)
 * @releasing:	some process is to be let go as soon as it is clean
 * @working:	home_work() is under way
 * @rescan:	some host_mm.rescan_queued is set
 * @breathing:	some host_mm.breathing is set
 * @any_parked:	some task waits for the first upr_home_run()
 * @since_fair:	stops since everybody was looked at
 * @reporting:	whose stop is being handled
 * @file_limit:	the tool's own, given to commands
 */
struct upr_home {
	struct upr_session *session;
	struct upr_home_client client;
	void *data;
	struct upr_home_options options;
	struct hlist_head tasks[1 << TASK_BITS];
	struct list_head procs;
	struct list_head mms;
	struct list_head ready;
	struct list_head requests;
	struct list_head early;
	struct list_head stops;
	struct list_head graves;
	struct list_head let_go;
	unsigned int nr_tasks;
	unsigned int nr_awaited;
	bool detaching;
	bool letting_go;
	bool releasing;
	bool working;
	bool rescan;
	bool breathing;
	bool any_parked;
	unsigned int since_fair;
	struct host_task *reporting;
	struct rlimit file_limit;
	bool spent; /* a client's callback deserves the tool's attention */
	struct sigaction old_chld;
	struct loader_file *loader_files;
	struct guard_file *guard_files;
	bool pinned;
	int cpu;
	cpu_set_t affinity;
};

/* --- a thread -------------------------------------------------------------- */

enum task_state {
	TASK_RUNNING,	/* or in a system call, or about to stop */
	TASK_STOPPED,	/* in a ptrace stop: may be looked at and changed */
	TASK_LISTENING, /* job-control stop, waiting for SIGCONT */
	TASK_VFORK,	/* waits in the kernel for its vfork child; will stop before user mode */
	TASK_ZOMBIE,	/* past its end, waits for the other threads to be gone */
	TASK_DEAD,
};

/* A wait status, decoded once. */
enum stop_kind {
	STOP_NONE,
	STOP_EXITED,
	STOP_TRAP, /* SIGTRAP: int3, step or sent */
	STOP_SIGNAL,
	STOP_SYSCALL,
	STOP_INTERRUPT, /* because we said so, or first stop of a child, or SIGCONT */
	STOP_GROUP,	/* job control */
	STOP_FORK,
	STOP_VFORK,
	STOP_CLONE,
	STOP_VFORK_DONE,
	STOP_EXEC,
	STOP_EXIT,
	STOP_OTHER,
};

/**
 * struct host_task - a thread
 * @hash:	in home->tasks
 * @node:	in proc->tasks
 * @mm_node:	in mm->tasks
 * @ready:	in home->ready
 * @signo:	the signal to go on with
 * @kind:	of the stop it is in
 * @wish:	how it goes on, by the engine's last word
 * @regs_valid, @regs_dirty: @regs is what the thread has, or is to get
 * @pc_valid, @pc_dirty: the same of regs.rip alone
 * @held:	UTRACE_STOP is in force
 * @parked:	the home itself holds it (attach, spawn, detach)
 * @owed:	the engine waits for a quiesce report
 * @awaited:	counted in home->nr_awaited: PTRACE_INTERRUPT sent, no such stop yet
 * @untaken:	its stop has been looked at, and would be met again (wait.c)
 * @stepping:	was let go with a step
 * @attaching:	its stops are not reported yet
 * @group_stopped: job control has it
 * @in_syscall:	at its last system call stop it was about to enter
 * @loader:	the rendezvous of the dynamic loader was hit just now
 * @trapped:	it is in the stop of a trap of ours
 * @retry:	an int3 of nobody's here has been executed a second time
 * @last_hit:	address of its last breakpoint
 * @kept:	signals an engine holds, in the order they came
 * @sent:	signals sent again, with what they really were; @again: this one was
 * @asked_again: about the signal of this stop
 * @mask:	signal mask at its last stop that was not a trap; @mask_known
 * @trap_mask:	signal mask after its last trap; @trap_blocked: and SIGTRAP was in it before
 * @call_args:	of the system call it is in, while those are traced
 * @action_at:	it is setting an action for SIGTRAP, with ours in place of its own there; @action_saved:
 *		what it has there; @action_set: or with its own, which is to be looked at afterwards
 * @slices:	how often it had been given a CPU when it was last held for long
 * @cpu_id:	what its rseq area held before its vfork child got to see it; @cpu_id_hidden
 */
struct host_task {
	struct hlist_node hash;
	struct list_head node;
	struct list_head mm_node;
	struct list_head ready;
	struct upr_home *home;
	struct host_proc *proc;
	struct host_mm *mm;
	struct utrace_task *ut;
	pid_t tid;
	enum task_state state;
	enum stop_kind kind;
	int signo;
	enum utrace_resume wish;
	struct user_regs_struct regs;
	bool regs_valid, regs_dirty;
	bool pc_valid, pc_dirty;
	bool held;
	bool parked;
	bool owed;
	bool awaited;
	bool untaken;
	bool stepping;
	bool attaching;
	bool group_stopped;
	bool in_syscall;
	bool loader;
	bool trapped;
	u64 retry;
	u64 last_hit;
	struct list_head kept, sent;
	bool again;
	bool asked_again;
	u64 mask, trap_mask;
	bool mask_known, trap_mask_known, trap_blocked;
	u64 call_nr, call_args[6];
	u64 action_at;
	u8 action_saved[32];
	bool action_set;
	u64 awaited_since;
	u64 slices;
	u32 cpu_id;
	bool cpu_id_hidden;
	void *affinity; /* cpu_set_t, before it was pinned; NULL: it was not */
};

/* --- a process (thread group) ---------------------------------------------- */

/* How SIGTRAP stands: what the program wants, whatever the kernel has made of it. */
struct trap_disposition {
	bool ignored;
	bool caught;
	bool spoiled;	/* the kernel has reset it */
	bool installed; /* ours is in its place */
	bool refused;	/* ours cannot be */
	bool action_known;
	unsigned int entry; /* which of ours */
	u64 since, looked_at;
	u64 action[4]; /* handler, flags, restorer, mask */
};

/**
 * struct host_proc - a process
 * @had:	the memory it had when it was let go, and still has
 * @forked_from: or what its memory is a copy of
 * @ready_at:	since when it has been started up under our eyes; 0: before
 * @watch_until: its system calls are looked at for so long; 0: no more
 */
struct host_proc {
	struct list_head node;
	struct list_head tasks;
	struct upr_home *home;
	pid_t pid;
	bool starting; /* by its dynamic loader */
	bool told_ready;
	bool introduced; /* being attached to: its mappings have not been looked at yet */
	bool unfollowed;    /* to be let go as soon as it has memory of its own */
	bool released;	    /* let go: its end is not for us to tell */
	unsigned int notes; /* 1 << enum upr_home_note */
	int wstatus;
	struct host_mm *had, *forked_from;
	u64 ready_at;
	u64 watch_until;
	struct trap_disposition trap;
};

/* --- an address space ------------------------------------------------------- */

struct host_map {
	u64 start, end, offset;
	struct upr_file_key key;
	bool shared;
	char *path;
};

struct host_maps {
	struct host_map *v;
	unsigned int nr, room;
};

/* A set of addresses. */
struct addr_set {
	u64 *v;
	unsigned int bits, used;
};

/* Memory of ours in it: executable, or counters (then @key is the shared memory's). */
struct host_area {
	struct list_head node;
	u64 addr;
	size_t size;
	bool counters;
	struct upr_file_key key;
};

/* A place where the program sets actions for signals; a jump of ours stands there. */
struct guard {
	u64 site;
	bool planted;
};

/**
 * struct survive - what the program has for the case that we die (survive.c)
 * @page:	handler and small tables; 0 none
 * @claims:	the page behind it, struct survive_claim; 0 none
 * @tables, @tables_size: large ones, apart
 * @frames:	UNDO_ROOM bytes that nobody else uses, for undo.c; 0 none
 * @actions, @nr_actions: of the program's own, as the page knows them
 * @nr_traps:	sites from which a thread has to be led elsewhere
 * @second:	the table in force is in the second half
 * @refused:	it cannot be had
 * @kept:	the program may know of the handler: it stays mapped
 * @guards, @nr_guards: places where it sets actions (guard.c)
 * @young:	host_mm.maps_version that survive_head.text is of; 0: it is not in force
 */
struct survive {
	u64 page;
	u64 claims;
	u64 tables;
	size_t tables_size;
	u64 frames;
	u64 actions[SURVIVE_OWN][4];
	unsigned int nr_actions;
	unsigned int nr_traps;
	bool second;
	bool refused;
	bool kept;
	struct guard guards[SURVIVE_GUARDS];
	unsigned int nr_guards;
	unsigned int young;
};

/**
 * struct host_mm - an address space
 * @tasks:	in it
 * @fd:		/proc/PID/mem, or -1 not opened, -2 cannot be
 * @mode32:	of its program
 * @env:		UPR_ENV_* as the engine was told
 * @maps:	executable file mappings as last reported
 * @maps_version: counts their changes
 * @seen:	files that the client has heard of
 * @planted:	where an int3 of ours has ever been: one met late is no stranger
 * @areas:	ours
 * @stop_began:	when, in microseconds; 0 not known
 * @forced:	cleaned without the engine's help
 * @data_start, @data_end: writable data of the program, since no task of it has run
 * @maps_checked: no task of it has run since maps were last compared
 * @syscall_insn: address of a system call instruction; 0 not looked for
 * @slack:	zeros in executable memory that nobody uses; 0 not looked for
 * @rendezvous:	r_debug of the loader, 0 unknown
 * @kept:	outlives its last task
 * @left:	not all of its tasks could be had again: nothing in it is changed
 * @fresh:	a new program that has not executed an instruction
 * @ready:	it has been started up
 * @rseq:	where its threads' struct rseq are, from the thread pointer; @rseq_used: the engine was told;
 *		@rseq_shared: they are of no use, for some task runs with the thread pointer of another
 */
struct host_mm {
	struct list_head node;
	struct upr_home *home;
	struct upr_mm *mm;
	struct list_head tasks;
	int fd;
	bool mode32;
	unsigned int env;
	u64 data_start, data_end;
	bool maps_checked;
	bool rescan_queued;
	bool breathing; /* its tasks run for a moment before more is done to it */
	u64 stop_began;
	bool forced;
	bool no_inherit;
	struct upr_work rescan;
	struct host_maps maps;
	unsigned int maps_version;
	struct upr_file_key *seen;
	unsigned int nr_seen;
	struct addr_set planted;
	struct list_head areas;
	struct survive survive;
	u64 syscall_insn;
	u64 slack;
	u64 rendezvous;
	bool kept;
	bool left;
	bool fresh;
	bool ready;
	bool rseq_used;
	bool rseq_shared;
	s32 rseq;
};

/* --- home.c ----------------------------------------------------------------- */

void home_defer(struct upr_work *work);
void host_breathe(struct upr_mm *umm);
void home_work(struct upr_home *home);
void home_note(struct upr_home *home, enum upr_home_note note, struct host_proc *proc, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* One round: work, tasks that are ready, then one wait.  1 something happened, 0 time out, -ECHILD */
int home_step(struct upr_home *home, bool block);
void home_settle_ready(struct upr_home *home);
int home_wait_for(struct upr_home *home, bool (*done)(void *data), void *data, unsigned int timeout_ms);
void home_dispatch(struct upr_home *home, pid_t tid, int status);
void home_queue_stop(struct upr_home *home, pid_t tid, int status);
bool home_take_early(struct upr_home *home, pid_t tid, int *status);
u64 home_now_ms(void);
u64 home_now_us(void);
/* the engine has nothing under way for this address space */
bool home_mm_settled(struct host_mm *mm);
bool home_settled(struct upr_home *home);
int why_set(struct upr_why *why, int error, int status, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* nothing new is to be probed */
static inline bool home_closing(const struct upr_home *home)
{
	return home->detaching || home->letting_go;
}

/* --- wait.c ----------------------------------------------------------------- */

int wait_any(bool block, pid_t *tid, int *status);
int wait_tid(pid_t tid, int *status, unsigned int timeout_ms);
void wait_take(pid_t tid, int *status);
void wait_fairly(struct upr_home *home);
void task_keep(struct host_task *t);

/* --- task.c ----------------------------------------------------------------- */

struct host_task *task_find(struct upr_home *home, pid_t tid);
struct host_task *task_new(struct upr_home *home, pid_t tid, struct host_proc *proc);
void task_rename(struct host_task *t, pid_t tid);
enum stop_kind stop_decode(int status, int *signo);
void task_stopped(struct host_task *t, int status);
void task_mark_stopped(struct host_task *t, int status);
void task_settle(struct host_task *t);
void task_make_ready(struct host_task *t);
int task_run(struct host_task *t);
void task_gone(struct host_task *t, int status);
int task_interrupt(struct host_task *t);
void task_uninterrupted(struct host_task *t);
/* wait for this one alone; 0 its status, -ESRCH, -ETIMEDOUT */
int task_wait(struct host_task *t, int *status);
/* bring a stopped task into a stop from which it returns straight to user mode */
int task_normalize(struct host_task *t);
long host_ptrace(int request, pid_t tid, unsigned long addr, unsigned long data);
void task_fix_eintr(struct host_task *t);
void task_check_awaited(struct upr_home *home);
extern const unsigned int host_ptrace_options;

/* --- ops.c ------------------------------------------------------------------ */

extern const struct target_ops host_ops;
int regs_load(struct host_task *t);

/*
 * A thread that the kernel has made for itself in the process (io_uring) never runs the program's code; registers
 * that it never had are noughts.  Once regs_load() has been.
 */
static inline bool task_is_kernels_own(const struct host_task *t)
{
	return !t->regs.rip && !t->regs.rsp;
}

int regs_flush(struct host_task *t);
void regs_flush_all(struct host_mm *mm);
void regs_forget(struct host_task *t);
int regs_pc(struct host_task *t, u64 *pc);
void regs_set_pc(struct host_task *t, u64 pc);

/* --- trap.c, signal.c --------------------------------------------------------- */

void trap_stopped(struct host_task *t);
void signal_stopped(struct host_task *t);
bool signal_again(struct host_task *t);
void signal_report(struct host_task *t, siginfo_t *info);
bool signal_is_fault(const siginfo_t *info);
void sigtrap_snapshot(struct host_task *t);
void sigtrap_inherit(struct host_proc *proc, const struct host_proc *from);
void sigtrap_mask_seen(struct host_task *t);
void sigtrap_after_trap(struct host_task *t);
void sigtrap_after_step(struct host_task *t);
int sigtrap_restore(struct host_task *t);
void sigtrap_after_exec(struct host_task *t);
bool sigtrap_blocked(struct host_task *t);

/* 64 bytes of a stopped thread's stack beyond the red zone, put back afterwards */
struct scratch {
	u64 addr;
	u8 saved[64];
};

int scratch_take(struct host_task *t, struct scratch *s);
void scratch_put(struct host_task *t, const struct scratch *s);

/* --- hold.c --------------------------------------------------------------------- */

void hold_init(struct host_task *t);
void hold_free(struct host_task *t);
int hold_keep(struct host_task *t, const siginfo_t *info);
void hold_settle(struct host_task *t);
bool hold_flush(struct host_task *t);
int signal_send_again(struct host_task *t, const siginfo_t *info);
void signal_own_info(struct host_task *t, siginfo_t *info);
int sigtrap_read(struct host_mm *mm, u64 addr, u64 action[4]);
int sigtrap_write(struct host_mm *mm, u64 addr, const u64 action[4]);
int sigtrap_exchange(struct host_task *t, const u64 new_action[4], u64 old_action[4]);

/* --- survive.c ------------------------------------------------------------------ */

void host_survive(struct upr_mm *mm);
void survive_at_hit(struct host_task *t);
void survive_blocked(struct host_task *t);
void survive_mark(struct host_task *t);
void survive_leave(struct host_task *t);
bool survive_has(const struct host_mm *mm, u64 pc);
void survive_action(const struct host_task *t, u64 action[4]);
void survive_recognise(struct host_task *t);
void survive_look_soon(struct host_proc *proc);
void survive_watch(struct host_proc *proc);
bool survive_watches(struct host_task *t);
void survive_syscall(struct host_task *t, bool entry);
void survive_after_exec(struct host_proc *proc);
int survive_copy(struct host_mm *to, const struct host_mm *from);
void survive_remove(struct host_mm *mm);
void survive_grown_up(struct host_mm *mm);

/* --- guard.c -------------------------------------------------------------------- */

u64 guards_place(struct host_mm *mm);
void guards_plant(struct host_mm *mm);
bool guards_stand(const struct host_mm *mm);
void guards_remove(struct host_mm *mm);
void guards_hide(const struct host_mm *mm, u64 addr, u8 *buf, size_t len);
bool guards_make_way(struct host_mm *mm, u64 addr, size_t len);
bool guards_leave(const struct host_mm *mm, u64 *pc);
void guards_close(struct upr_home *home);

/* --- process.c ---------------------------------------------------------------- */

struct host_proc *proc_find(struct upr_home *home, pid_t pid);
struct host_proc *proc_new(struct upr_home *home, pid_t pid);
void proc_put_task(struct host_task *t, int status);
struct host_mm *mm_new(struct upr_home *home, bool mode32, unsigned int env);
/* for the program that @t runs now */
struct host_mm *mm_new_of(struct host_task *t);
int mm_enter(struct host_task *t, struct host_mm *mm);
void mm_leave(struct host_task *t);
void mm_free(struct host_mm *mm);
int mm_enter_forked(struct host_task *child, struct host_mm *from, bool inherit);
pid_t mm_any_tid(const struct host_mm *mm);
pid_t mm_any_pid(const struct host_mm *mm);
struct host_task *mm_stopped_task(const struct host_mm *mm);
void clone_stopped(struct host_task *t);
void exec_stopped(struct host_task *t);
void exit_stopped(struct host_task *t);
void process_started(struct host_task *t);
int process_adopt_orphan(struct upr_home *home, pid_t tid, int status);
bool task_mode32(struct host_task *t);
bool same_vm(pid_t a, pid_t b);

/* --- memory.c ------------------------------------------------------------------ */

int mem_get(struct host_mm *mm, u64 addr, void *buf, size_t len);
int mem_put(struct host_mm *mm, u64 addr, const void *buf, size_t len);
void mem_close(struct host_mm *mm);
int host_mem_read(struct utrace_task *task, u64 addr, void *buf, size_t len);
int host_mem_write(struct utrace_task *task, u64 addr, const void *buf, size_t len);
int host_text_read(struct upr_mm *mm, u64 addr, void *buf, size_t len);
int host_text_write(struct upr_mm *mm, u64 addr, const void *buf, size_t len);
int host_data_add(struct upr_mm *mm, u64 addr, int n);
void host_trap_planted(struct upr_mm *mm, u64 addr);
bool addr_set_has(const struct addr_set *set, u64 addr);
void addr_set_add(struct addr_set *set, u64 addr);
int addr_set_copy(struct addr_set *to, const struct addr_set *from);
void addr_set_free(struct addr_set *set);

/* --- undo.c ------------------------------------------------------------------------ */

#define UNDO_ROOM (5 * HOST_PAGE) /* the sign of an area, and a signal frame */

struct undo;
struct undo *undo_begin(struct host_task *t, const struct user_regs_struct *saved, u64 mask);
void undo_regs(const struct undo *u, struct user_regs_struct *call);
void undo_end(struct host_task *t, struct undo *u);
bool undo_wipe(struct host_mm *mm, u64 end);

/* --- area.c, inject.c ------------------------------------------------------------ */

/**
 * struct host_request - memory asked for, or to be given back
 * @area, @counters: to be mapped; neither: [@addr, @addr + @size) is to be unmapped
 * @fd, @fd_pid: counters' descriptor in process fd_pid, while it has one; -1
 */
struct host_request {
	struct list_head node;
	struct host_mm *mm;
	struct upr_area *area;
	struct upr_counters *counters;
	u64 addr;
	size_t size;
	int fd;
	pid_t fd_pid;
};

void host_area_map(struct upr_mm *mm, struct upr_area *area);
void host_area_unmap(struct upr_mm *mm, u64 addr, size_t size);
bool area_requests(struct upr_home *home);
void area_forget(struct host_mm *mm);
bool area_pending(const struct host_mm *mm);
int areas_copy(struct host_mm *to, const struct host_mm *from);
bool area_has(const struct host_mm *mm, u64 addr, size_t len);
s64 area_place(struct host_mm *mm, u64 lo, u64 hi, size_t size);
struct host_request *area_ask(struct host_mm *mm, u64 addr, size_t size);
struct host_area *area_remember(struct host_mm *mm, u64 addr, size_t size);

enum call_nr { CALL_MMAP, CALL_MUNMAP, CALL_SIGACTION, CALL_MEMFD, CALL_CLOSE, CALL_NR };
s64 inject(struct host_task *t, enum call_nr nr, const u64 args[6]);
/* it has not been made: by another task, or at another time, it may be */
bool inject_failed(s64 ret);
/* the number of a call in the task's own width */
long inject_nr(const struct host_task *t, enum call_nr call);

/* --- counters.c ------------------------------------------------------------------- */

void host_counters_map(struct upr_mm *mm, struct upr_counters *counters);
void host_counters_unmap(struct upr_mm *mm, u64 addr, size_t size);
void host_counters_free(struct upr_counters *counters);
/* one attempt by @t: the address in the target, or -errno as inject() has it */
s64 counters_map_in(struct host_task *t, struct host_request *req);
/* given up: nothing is left of them */
void counters_drop(struct host_request *req);

/* --- rseq.c, stacks.c ---------------------------------------------------------------- */

void host_machine(u32 *nr_cpus, bool *rdpid);
int host_rseq(struct upr_mm *mm, s32 *ret);
bool rseq_child_born(struct host_task *parent, struct host_task *child);
void rseq_vfork_done(struct host_task *t);
void rseq_forget(struct host_mm *mm, u64 addr, size_t len);
int host_stacks_scan(struct upr_mm *mm, struct upr_text_range *ranges, unsigned int nr);

/* --- maps.c ---------------------------------------------------------------------- */

/**
 * maps_each() - every line of /proc/TID/maps
 * @fn: nonzero stops the walk and is returned
 */
struct map_line {
	u64 start, end, offset;
	struct upr_file_key key;
	char perms[5];
	const char *path;
};

int maps_each(pid_t tid, int (*fn)(void *data, const struct map_line *line), void *data);
int maps_scan(struct host_mm *mm);
void maps_free(struct host_maps *maps);
int maps_copy(struct host_maps *to, const struct host_maps *from);
const struct host_map *maps_find(const struct host_maps *maps, u64 addr);
/* compare with the kernel's list now; the engine hears of it later. 0: addr is ours to write */
int maps_check_text(struct host_mm *mm, u64 addr, size_t len);

/* --- loader.c, symbol.c -------------------------------------------------------------- */

void loader_init(struct host_task *t, bool starting);
void loader_started(struct host_task *t);
void loader_hit(struct host_task *t);
void loader_syscall(struct host_task *t, bool entry);
void loader_pause(struct upr_home *home);
void loader_resume(struct upr_home *home);
void loader_close(struct upr_home *home);
u64 loader_site(struct host_mm *mm);

struct elf_symbol {
	u64 value;  /* relative to where the file is loaded */
	u64 offset; /* in the file, for a function; ~0 none */
	bool found, exported;
};

int symbol_find(const char *path, const char *const *names, struct elf_symbol *ret, unsigned int nr);
bool symbol_textrel(const char *path);
bool symbol_is_code(const char *path, u64 offset);

/* --- proc.c -------------------------------------------------------------------------- */

struct proc_status {
	char name[32];
	char state;
	pid_t tgid, ppid, tracer;
	unsigned int uid, euid, gid, egid;
	u64 sig_pending, sig_blocked, sig_ignored, sig_caught;
	int seccomp;
	bool no_new_privs;
	bool kthread;
	bool shadow_stack;
};

int proc_read(char *buf, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int proc_status(pid_t tid, struct proc_status *ret);
char proc_state(pid_t tid);
/* how often it has been given a CPU; 0 the kernel does not tell */
u64 proc_slices(pid_t tid);
bool proc_shadow_stack(pid_t tid);
u64 proc_auxv(pid_t tid, u64 type, bool mode32);
int proc_each_task(pid_t pid, int (*fn)(void *data, pid_t tid), void *data);
int proc_each_process(int (*fn)(void *data, pid_t pid), void *data);
int proc_open_path(pid_t tid, const struct host_map *map, char *buf, size_t size);

/* --- permission.c ---------------------------------------------------------------------- */

int permission_why(struct upr_why *why, pid_t pid, int error);

/* --- timer.c ----------------------------------------------------------------------------- */

int timer_open(void);
void timer_close(void);
void timer_arm(unsigned int first_ms, unsigned int every_ms);
void timer_disarm(void);
bool timer_armed(void);
bool timer_ticked(void);

/* --- sched.c ----------------------------------------------------------------------------- */

void sched_short_slice(bool on);

/* --- attach.c, detach.c ------------------------------------------------------------------ */

void attach_stopped(struct host_task *t);
int attach_seize(struct upr_home *home, pid_t pid);
int attach_enter(struct upr_home *home);
int attach_follow(struct upr_home *home);
void attach_give_up(struct upr_home *home);
void task_pin(struct host_task *t);
void task_pin_inherit(struct host_task *t, const struct host_task *from);
void task_unpin(struct host_task *t);
void task_release(struct host_task *t);
void home_release_idle(struct upr_home *home);
/* stop every thread, and let each go as soon as nothing of its is pending: 0, -ETIMEDOUT, -ECHILD */
int home_let_go(struct upr_home *home, unsigned int timeout_ms);
void home_park_all(struct upr_home *home);
void home_remove_handlers(struct upr_home *home);
void home_unpin(struct upr_home *home);
void home_remove_handlers(struct upr_home *home);

/* --- release.c ---------------------------------------------------------------------------- */

int released_run(struct upr_home *home, int timeout_ms);
void released_ended(struct upr_home *home, pid_t pid, int wstatus);
void released_forget(struct upr_home *home);

#endif /* HOST_USER_HOST_H */
