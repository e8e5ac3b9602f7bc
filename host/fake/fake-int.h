/* SPDX-License-Identifier: GPL-2.0 */
/*
 * fake-int.h - what the fake host's files tell each other.
 *
 * Purpose: not for tests; see fake.h for the whole.  Locks: none, one thread.
 */
#ifndef FAKE_INT_H
#define FAKE_INT_H

#include "fake.h"

/* --- fake-mem.c ----------------------------------------------------------- */

enum fake_access {
	FAKE_ACC_R = FAKE_R,
	FAKE_ACC_W = FAKE_W,
	FAKE_ACC_X = FAKE_X,
};

struct fake_map *fake_map_at(struct fake_mm *mm, u64 addr);
void fake_plant(struct fake_mm *mm, u64 addr);
bool fake_is_planted(const struct fake_mm *mm, u64 addr);
/* As the CPU does it: absent pages come, stacks grow.  Return: 0, -EFAULT; all or nothing. */
int fake_cpu_access(struct fake_mm *mm, u64 addr, void *buf, size_t len, enum fake_access access);
/* As the engine may: -EAGAIN for what is absent, unless @may_sleep. */
int fake_soft_access(struct fake_mm *mm, u64 addr, void *buf, size_t len, enum fake_access access, bool may_sleep);
/* Text as its file has it: no probe is there. */
int fake_original(struct fake_mm *mm, u64 addr, u8 *buf, size_t len);
int fake_text_access(struct fake_mm *mm, u64 addr, void *buf, size_t len, bool write);
struct fake_map *fake_map_raw(struct fake_mm *mm, u64 addr, u64 len, unsigned int prot, struct fake_file *file,
			      u64 offset);
void fake_unmap_raw(struct fake_mm *mm, u64 addr, u64 len);
/* Lowest free place for an area.  Return: address, or 0. */
u64 fake_find_room(struct fake_mm *mm, u64 lo, u64 hi, size_t size);
struct fake_shared *fake_shared_new(struct fake_world *w, size_t size);
void fake_shared_put(struct fake_shared *shared);
struct fake_map *fake_map_shared(struct fake_mm *mm, u64 addr, u64 len, struct fake_shared *shared);
int fake_mm_copy(struct fake_mm *to, const struct fake_mm *from);
void fake_mm_free(struct fake_mm *mm);
struct fake_mm *fake_mm_raw(struct fake_world *w);

/* --- fake-cpu.c ------------------------------------------------------------- */

enum fake_cpu_stop {
	FAKE_CPU_DONE,		/* one instruction, or one iteration of a rep */
	FAKE_CPU_INT3,		/* ip is behind it */
	FAKE_CPU_SYSCALL,	/* ip, rcx and r11 are as the CPU leaves them */
	FAKE_CPU_FAULT,		/* nothing has changed */
};

struct fake_cpu_event {
	enum fake_cpu_stop stop;
	int signo, code;	/* FAULT */
	u64 addr;
	bool branched;		/* a taken branch */
	bool unfinished;	/* a rep string with iterations left */
};

void fake_cpu_step(struct fake_mm *mm, struct upr_regs *r, bool tf, unsigned int cpu, struct fake_cpu_event *ev);

/* --- fake-pads.c ------------------------------------------------------------ */

/**
 * struct fake_dry - an instruction of the program, tried
 * @wrote, @addr, @value, @len: the one write it has made, or would make
 * @trying:	memory stays as it is, and the program's own text is fetched
 */
struct fake_dry {
	bool trying, wrote;
	u64 addr, value;
	size_t len;
};

/**
 * struct fake_pad_step - one step of a task that stands in a pad, or at a jump into one
 * @active:	it does
 * @executed:	instructions of the program that it has completed
 */
struct fake_pad_step {
	bool active;
	unsigned int executed;
	u64 from;
	struct fake_seen before;
	struct upr_regs after;
	struct fake_cpu_event ev;
	struct fake_dry tried, done;
};

void fake_pad_before(struct fake_task *t, struct fake_pad_step *step);
void fake_pad_after(struct fake_task *t, struct fake_pad_step *step, const struct fake_cpu_event *ev);
/* Brackets what sets a task's registers: the program is not to notice. */
bool fake_in_pad(struct fake_task *t);
void fake_pad_moving(struct fake_task *t, struct fake_seen *before);
void fake_pad_moved(struct fake_task *t, const struct fake_seen *before);

/* --- fake-task.c, fake-signal.c, fake-syscall.c -------------------------------- */

enum fake_linux_signo {
	FAKE_SIGILL = 4, FAKE_SIGTRAP = 5, FAKE_SIGBUS = 7, FAKE_SIGFPE = 8, FAKE_SIGKILL = 9, FAKE_SIGUSR1 = 10,
	FAKE_SIGSEGV = 11, FAKE_SIGALRM = 14, FAKE_SIGTERM = 15, FAKE_SIGCHLD = 17, FAKE_SIGCONT = 18,
	FAKE_SIGSTOP = 19,
};

/* System calls that will be gone on with carry one of these in rax, as in Linux. */
#define FAKE_ERESTARTSYS	512	/* again after a handler */
#define FAKE_ERESTARTNOHAND	514	/* -EINTR after a handler, again without one */

struct fake_task *fake_task_raw(struct fake_mm *mm, int tgid);
int fake_task_adopt(struct fake_task *t);
void fake_task_run(struct fake_task *t);		/* one scheduling step */
void fake_task_quiesce(struct fake_task *t);
bool fake_task_can_run(const struct fake_task *t);
bool fake_task_can_quiesce(const struct fake_task *t);
void fake_task_die(struct fake_task *t, int code);
void fake_group_kill(struct fake_world *w, int tgid, int code);
void fake_mm_check_dead(struct fake_mm *mm);

/* brackets of every call into the engine about a task */
void fake_report_enter(struct fake_task *t, bool atomic);
void fake_report_leave(struct fake_task *t, bool atomic, enum utrace_resume how);
void fake_apply(struct fake_task *t, enum utrace_resume how);

bool fake_signal_ready(const struct fake_task *t);
void fake_signal_next(struct fake_task *t);		/* report the next pending one */
void fake_signal_fault(struct fake_task *t, int signo, int code, u64 addr);
void fake_signal_resume(struct fake_task *t);		/* it was held after the report */
void fake_signal_act(struct fake_task *t);		/* carry out what was reported */
void fake_sigreturn(struct fake_task *t);
void fake_take_step(struct fake_task *t);
void fake_jctl(struct fake_task *t);

void fake_syscall_enter(struct fake_task *t);
void fake_syscall_go(struct fake_task *t);		/* onwards from t->phase */
void fake_syscall_restart(struct fake_task *t, bool handler);

/* the oracle */
void fake_oracle_hit(struct fake_task *t, u64 addr);
void fake_oracle_resolve(struct fake_task *t);
void fake_oracle_count(struct fake_mm *mm, u64 addr, int by);

/* --- fake-ops.c, fake-sched.c ---------------------------------------------------- */

struct fake_request {
	struct list_head node;
	struct fake_mm *mm;
	struct upr_area *area;	/* neither: unmap */
	struct upr_counters *counters;
	u64 addr;
	size_t size;
};


void fake_request_run(struct fake_world *w, struct fake_request *req);
bool fake_task_is_stopped(const struct fake_task *t);
void fake_defer(struct upr_work *work);
struct fake_world *fake_world_current(void);
void fake_check_unlocked(struct fake_world *w, const char *what);
__attribute__((format(printf, 2, 3))) void fake_fatal(struct fake_world *w, const char *fmt, ...);
__attribute__((format(printf, 2, 3))) void fake_trace(struct fake_world *w, const char *fmt, ...);

#endif /* FAKE_INT_H */
