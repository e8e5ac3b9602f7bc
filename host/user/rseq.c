// SPDX-License-Identifier: GPL-2.0
/*
 * rseq.c - restartable sequences of the target's threads, and what the CPU can do.
 *
 * Purpose: a pad that counts in a restartable sequence reads the number of
 * its CPU from the thread's struct rseq, and trusts it if it is not negative.  The kernel
 * keeps it right only for threads that are registered, so no other thread may
 * find a number there that looks right: a child that shares its parent's memory
 * and thread pointer (vfork), or a thread on the stack of one that is gone.  Those are
 * made to look unregistered before their first instruction.
 *
 * A vfork parent gets its own number back when the child is done.  The kernel may
 * think that it is there already.
 *
 * A child that shares memory and thread pointer and runs beside its parent (clone with
 * CLONE_VM alone) cannot be told from it by anything in its registers or memory: in an address
 * space that has once had one, counts are made by locked increments.  Such a child of a process
 * that nobody holds is not seen.
 *
 * No locks.
 */
#include "host.h"

#include <cpuid.h>
#include <linux/rseq.h>
#include <sys/ptrace.h>
#include <unistd.h>

#define SIGNATURE    0x53053053u
#define UNREGISTERED 0xffffffffu

#define CPU_ID	     offsetof(struct rseq, cpu_id)
#define CPU_ID_START offsetof(struct rseq, cpu_id_start)
#define CURRENT	     offsetof(struct rseq, rseq_cs)

/* --- the machine --------------------------------------------------------------------- */

/*
 * One more than the highest number in a list like 0-3,8.  Those online: there may be hundreds
 * more that are possible, and each would take memory.
 */
static u32 count_cpus(void)
{
	char buf[4096], *at = buf;
	unsigned long highest = 0;
	long n;

	if (proc_read(buf, sizeof(buf), "/sys/devices/system/cpu/online") <= 0) {
		n = sysconf(_SC_NPROCESSORS_CONF);
		return n > 0 ? (u32)n : 1;
	}
	while (*at >= '0' && *at <= '9') {
		highest = max(highest, strtoul(at, &at, 10));
		if (*at)
			at++;
	}
	return (u32)highest + 1;
}

void host_machine(u32 *nr_cpus, bool *rdpid)
{
	unsigned int a, b, c = 0, d;

	*nr_cpus = count_cpus();
	*rdpid = __get_cpuid_count(7, 0, &a, &b, &c, &d) && c & (1u << 22);
}

/* --- who is registered, and where --------------------------------------------------------- */

/* 1 registered at *off from the thread pointer, 0 not registered, -ESRCH it is dying, -errno */
static int registration(struct host_task *t, s32 *off)
{
	struct __ptrace_rseq_configuration conf;
	s64 from_tp;
	long r;

	r = regs_load(t);
	if (!r)
		r = host_ptrace(PTRACE_GET_RSEQ_CONFIGURATION, t->tid, sizeof(conf), (unsigned long)&conf);
	if (r < 0)
		return (int)r;
	if (!conf.rseq_abi_pointer)
		return 0;
	from_tp = (s64)(conf.rseq_abi_pointer - t->regs.fs_base);
	if (conf.signature != SIGNATURE || from_tp != (s32)from_tp)
		return -ENOENT;
	*off = (s32)from_tp;
	return 1;
}

static u64 area_of(const struct host_task *t, s32 off)
{
	return t->regs.fs_base + (u64)(s64)off;
}

/*
 * Memory of a thread that is not registered: may it be written to?  The thread
 * pointer of the C libraries that have the area at a fixed place points to itself, twice.
 */
static bool is_rseq_area(struct host_task *t, u64 area)
{
	struct rseq rs;
	u64 tcb[3];

	return !mem_get(t->mm, t->regs.fs_base, tcb, sizeof(tcb)) && tcb[0] == t->regs.fs_base &&
	       tcb[2] == t->regs.fs_base &&
	       !mem_get(t->mm, area, &rs, offsetof(struct rseq, flags) + sizeof(rs.flags)) &&
	       rs.cpu_id_start == rs.cpu_id && !rs.flags;
}

static bool is_number(u32 cpu_id)
{
	return !(cpu_id & 0x80000000u);
}

static struct host_task *waiting_parent(struct host_task *child)
{
	struct host_task *t;

	list_for_each_entry(t, &child->mm->tasks, mm_node)
		if (t != child && t->state == TASK_VFORK && t->regs_valid && t->regs.fs_base == child->regs.fs_base)
			return t;
	return NULL;
}

/* Not registered, but a number is there: as if it were not.  @of: who gets it back, or NULL. */
static int hide_cpu_id(struct host_task *t, s32 off, struct host_task *of)
{
	u64 area = area_of(t, off);
	u32 cpu_id, unregistered = UNREGISTERED;
	int r;

	if (mem_get(t->mm, area + CPU_ID, &cpu_id, sizeof(cpu_id)))
		return -ENOENT;
	if (!is_number(cpu_id))
		return 0;
	if (!is_rseq_area(t, area))
		return -ENOENT;
	r = mem_put(t->mm, area + CPU_ID, &unregistered, sizeof(unregistered));
	if (!r && of && !of->cpu_id_hidden) {
		of->cpu_id = cpu_id;
		of->cpu_id_hidden = true;
	}
	return r;
}

/* The stopped ones, and those that wait for a child: they have been looked at before they went to wait. */
static bool counts(const struct host_task *t)
{
	return t->state == TASK_STOPPED && t->kind != STOP_EXIT;
}

/* Does another one run with the thread pointer of @t, which is not registered? */
static bool has_double(struct host_task *t)
{
	struct host_task *other;

	list_for_each_entry(other, &t->mm->tasks, mm_node)
		if (other != t && counts(other) && !regs_load(other) && other->regs.fs_base == t->regs.fs_base)
			return true;
	return false;
}

int host_rseq(struct upr_mm *umm, s32 *ret)
{
	struct host_mm *mm = umm->host;
	struct host_task *t;
	bool any = false;
	s32 off = 0, other;
	int r;

	if (!mm->ready || mm->mode32 || mm->rseq_shared)
		return -ENOENT;
	list_for_each_entry(t, &mm->tasks, mm_node) {
		r = counts(t) ? registration(t, &other) : -ESRCH;
		if (r == -ESRCH)
			continue;
		if (r < 0 || (r && any && other != off))
			return -ENOENT;
		if (r)
			off = other;
		any |= r;
	}
	if (!any)
		return -ENOENT;
	list_for_each_entry(t, &mm->tasks, mm_node)
		if (counts(t) && !registration(t, &other) && (has_double(t) || hide_cpu_id(t, off, waiting_parent(t))))
			return -ENOENT;
	mm->rseq = off;
	mm->rseq_used = true;
	*ret = off;
	return 0;
}

/* --- children in the same memory -------------------------------------------------------------- */

/*
 * Both are stopped, the child before its first instruction.  Return: it is a double of its parent: the engine
 * is to be told that host_rseq() answers otherwise from now on.
 */
bool rseq_child_born(struct host_task *parent, struct host_task *child)
{
	struct host_mm *mm = child->mm;
	bool same;

	if (!mm->rseq_used || regs_load(parent) || regs_load(child))
		return false;
	same = parent->regs.fs_base == child->regs.fs_base;
	if (same && parent->kind != STOP_VFORK) {
		mm->rseq_shared = true;
		return true;
	}
	hide_cpu_id(child, mm->rseq, same ? parent : NULL);
	return false;
}

void rseq_vfork_done(struct host_task *t)
{
	u32 now;
	u64 at;

	if (!t->cpu_id_hidden || !t->mm || regs_load(t))
		return;
	t->cpu_id_hidden = false;
	at = area_of(t, t->mm->rseq) + CPU_ID;
	if (!mem_get(t->mm, at, &now, sizeof(now)) && now == UNREGISTERED)
		mem_put(t->mm, at, &t->cpu_id, sizeof(t->cpu_id));
}

/* --- memory that goes ------------------------------------------------------------------------------ */

static bool has_area(const struct host_task *t)
{
	return t->state == TASK_STOPPED || (t->state == TASK_VFORK && t->regs_valid);
}

/*
 * Does [addr, addr + len) hold any of a section: its code, the signature before its abort handler,
 * its descriptor?  In a pad they lie in this order, and the memory may have been a larger pad before.
 */
static bool touches(struct host_mm *mm, u64 descriptor, u64 addr, size_t len)
{
	struct rseq_cs cs;
	u64 from = descriptor;

	if (area_has(mm, descriptor, sizeof(cs)) && !mem_get(mm, descriptor, &cs, sizeof(cs)))
		from = min(from, (u64)cs.start_ip);
	return from < addr + len && addr < descriptor + sizeof(cs);
}

/*
 * The kernel looks at the descriptor of a thread's last critical section when it
 * next interrupts the thread, and kills it if there is none, or aborts whatever is executed
 * where the section was: nobody's last one is to be in memory of ours that is about to go or to be written.
 */
void rseq_forget(struct host_mm *mm, u64 addr, size_t len)
{
	u64 current, none = 0;
	struct host_task *t;

	if (!mm->rseq_used)
		return;
	list_for_each_entry(t, &mm->tasks, mm_node) {
		u64 at;

		if (!has_area(t) || regs_load(t))
			continue;
		at = area_of(t, mm->rseq) + CURRENT;
		if (!mem_get(mm, at, &current, sizeof(current)) && current && touches(mm, current, addr, len))
			mem_put(mm, at, &none, sizeof(none));
	}
}
