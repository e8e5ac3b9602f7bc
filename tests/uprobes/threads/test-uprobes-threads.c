// SPDX-License-Identifier: GPL-2.0
/*
 * test-uprobes-threads.c - the probe engine under real threads.
 *
 * Purpose: threads are tasks of one address space and execute a made-up text, each
 * hit in its own context as in a kernel home; one thread runs deferred
 * work and maps areas; others register, unregister and map as fast as they can.  Counts of
 * probes that stay are exact, text and slots come back, nothing is used
 * after it was freed.
 *
 * Locks: work_lock guards the queue of the sleeping context.  Text is bytes
 * written one at a time while tasks run; slots only while all are held.
 */
#include <sched.h>
#include <time.h>

#include <utrace/uprobes.h>

#include "../tap.h"

#define NR_TASKS       6
#define NR_CONTROLLERS 2
#define NR_SITES       64
#define SITE_SIZE      4 /* mov %rsp, %rbp; nop */
#define TEXT	       0x400000ull
#define TEXT_SIZE      (NR_SITES * SITE_SIZE)
#define AREA	       0x500000ull
#define AREA_SIZE      (16 * 4096)
#define ROUNDS	       2000
#define TIMEOUT_S      240

static const u8 site_code[SITE_SIZE] = {0x48, 0x89, 0xe5, 0x90};
static u8 text[TEXT_SIZE], area[AREA_SIZE];
static atomic64_t executed[2 * NR_SITES]; /* after a trap; odd ones are the nops */
static const struct upr_file_key key = {1, 2};
static struct upr_session *session;
static struct upr_mm *mm;
static u64 area_next; /* worker only */
static atomic_t finished, pause_all, paused, controllers_done, strayed, areas_out;
static time_t deadline;

struct runner {
	struct utrace_task *ut;
	struct upr_regs regs;
	atomic_t interrupted, held, how;
	unsigned int seed;
	pthread_t thread;
};

static struct runner runners[NR_TASKS];

static void give_way(void)
{
	if (time(NULL) > deadline) {
		printf("Bail out! timeout\n");
		exit(1);
	}
	sched_yield();
}

/* --- the sleeping context -------------------------------------------------------- */

static pthread_mutex_t work_lock = PTHREAD_MUTEX_INITIALIZER;
static LIST_HEAD(works);
static struct upr_area *wanted_areas[16];
static unsigned int nr_wanted;

static void defer(struct upr_work *work)
{
	pthread_mutex_lock(&work_lock);
	if (!work->queued) {
		work->queued = 1;
		list_add_tail(&work->list, &works);
	}
	pthread_mutex_unlock(&work_lock);
}

static void area_map(struct upr_mm *unused, struct upr_area *a)
{
	pthread_mutex_lock(&work_lock);
	wanted_areas[nr_wanted++] = a;
	pthread_mutex_unlock(&work_lock);
}

static void area_unmap(struct upr_mm *unused, u64 addr, size_t size)
{
	memset(area + (addr - AREA), 0, size);
	atomic_dec(&areas_out);
}

static bool do_some_work(void)
{
	struct upr_work *work = NULL;
	struct upr_area *a = NULL;

	pthread_mutex_lock(&work_lock);
	if (!list_empty(&works)) {
		work = list_first_entry(&works, struct upr_work, list);
		list_del(&work->list);
		work->queued = 0;
	} else if (nr_wanted) {
		a = wanted_areas[--nr_wanted];
	}
	pthread_mutex_unlock(&work_lock);
	if (work)
		work->fn(work);
	if (a) {
		/* from the beginning again when the last one is gone */
		if (!atomic_read(&areas_out))
			area_next = AREA;
		if (area_next + a->size > AREA + AREA_SIZE) {
			upr_area_mapped(mm, a, -ENOMEM);
		} else {
			atomic_inc(&areas_out);
			area_next += a->size;
			upr_area_mapped(mm, a, (s64)(area_next - a->size));
		}
	}
	return work || a;
}

static void *worker_main(void *unused)
{
	while (!atomic_read(&finished))
		if (!do_some_work())
			give_way();
	while (do_some_work())
		;
	return NULL;
}

/* --- memory and registers ------------------------------------------------------------- */

static u8 *at(u64 addr, size_t len)
{
	if (addr >= TEXT && addr + len <= TEXT + TEXT_SIZE)
		return text + (addr - TEXT);
	if (addr >= AREA && addr + len <= AREA + AREA_SIZE)
		return area + (addr - AREA);
	return NULL;
}

static int text_read(struct upr_mm *unused, u64 addr, void *buf, size_t len)
{
	u8 *p = at(addr, len), *to = buf;

	if (!p)
		return -EFAULT;
	while (len--)
		*to++ = __atomic_load_n(p++, __ATOMIC_ACQUIRE);
	return 0;
}

static int text_write(struct upr_mm *unused, u64 addr, const void *buf, size_t len)
{
	const u8 *from = buf;
	u8 *p = at(addr, len);
	int i;

	if (!p)
		return -EFAULT;
	for (i = 0; len > 1 && i < NR_TASKS; i++)
		if (!atomic_read(&runners[i].held))
			atomic_inc(&strayed);
	while (len--)
		__atomic_store_n(p++, *from++, __ATOMIC_RELEASE);
	return 0;
}

static int mem_read(struct utrace_task *task, u64 addr, void *buf, size_t len)
{
	return text_read(NULL, addr, buf, len);
}

static int mem_write(struct utrace_task *task, u64 addr, const void *buf, size_t len)
{
	return -EFAULT;
}

static int pc_get(struct utrace_task *task, u64 *ret)
{
	*ret = ((struct runner *)task->host)->regs.ip;
	return 0;
}

static int pc_set(struct utrace_task *task, u64 pc)
{
	((struct runner *)task->host)->regs.ip = pc;
	return 0;
}

static int regs_get(struct utrace_task *task, struct upr_regs *ret)
{
	*ret = ((struct runner *)task->host)->regs;
	return 0;
}

static int regs_set(struct utrace_task *task, const struct upr_regs *regs)
{
	((struct runner *)task->host)->regs = *regs;
	return 0;
}

static void task_interrupt(struct utrace_task *task)
{
	atomic_set(&((struct runner *)task->host)->interrupted, 1);
}

static void task_resume(struct utrace_task *task, enum utrace_resume how)
{
	struct runner *r = task->host;

	atomic_set(&r->how, how);
	atomic_xchg(&r->held, 0);
}

static const struct target_ops ops = {
	.task_interrupt = task_interrupt,
	.task_resume = task_resume,
	.pc_get = pc_get,
	.pc_set = pc_set,
	.regs_get = regs_get,
	.regs_set = regs_set,
	.mem_read = mem_read,
	.mem_write = mem_write,
	.text_read = text_read,
	.text_write = text_write,
	.area_map = area_map,
	.area_unmap = area_unmap,
	.defer = defer,
};

/* --- tasks --------------------------------------------------------------------------- */

/* Nothing is executed before every quiesce report owed is made and nobody holds the task. */
static void obey(struct runner *r, enum utrace_resume how)
{
	for (;;) {
		if (atomic_xchg(&r->interrupted, 0) || how == UTRACE_REPORT || how == UTRACE_INTERRUPT) {
			/* set before the report: text is written when the last has answered */
			atomic_set(&r->held, 1);
			how = utrace_report_quiesce(r->ut);
			if (how != UTRACE_STOP)
				atomic_set(&r->held, 0);
		} else if (how == UTRACE_STOP) {
			if (!utrace_task_is_held(r->ut)) {
				atomic_xchg(&r->held, 0);
				how = UTRACE_RESUME;
			} else {
				give_way();
			}
		} else {
			return;
		}
	}
}

static bool in_area(u64 pc)
{
	return pc >= AREA && pc < AREA + AREA_SIZE;
}

/* The copy of the mov, and the jump behind it. */
static void run_slot(struct runner *r, u64 addr)
{
	struct utrace_signal sig = {.signo = 10};
	enum utrace_signal_action action = UTRACE_SIG_DELIVER;
	enum utrace_resume how;
	s32 rel;

	while (in_area(r->regs.ip)) {
		u8 *code = area + (r->regs.ip - AREA);

		if (!(rand_r(&r->seed) & 15)) {
			upr_atomic_enter();
			how = utrace_report_signal(r->ut, &sig, &action);
			upr_atomic_exit();
			obey(r, how);
			continue;
		}
		if (code[0] == 0xe9) {
			memcpy(&rel, code + 1, 4);
			r->regs.ip += 5 + (s64)rel;
		} else if (!memcmp(code, site_code, 3)) {
			r->regs.ip += 3;
		} else {
			atomic_inc(&strayed);
			r->regs.ip = addr + 3;
		}
		obey(r, UTRACE_RESUME);
	}
}

static void run_one(struct runner *r)
{
	u64 addr = r->regs.ip, offset = addr - TEXT;
	unsigned int site = (unsigned int)(offset / SITE_SIZE * 2 + (offset % SITE_SIZE ? 1 : 0));
	u64 next = addr + (site & 1 ? 1 : 3);
	enum utrace_resume how;
	bool mine = false;

	if (__atomic_load_n(&text[offset], __ATOMIC_ACQUIRE) != 0xcc) {
		r->regs.ip = next;
		return;
	}
	upr_atomic_enter();
	how = utrace_report_breakpoint(r->ut, addr, &mine);
	upr_atomic_exit();
	if (!mine && __atomic_load_n(&text[offset], __ATOMIC_ACQUIRE) == 0xcc)
		atomic_inc(&strayed);
	obey(r, how);
	run_slot(r, addr);
	/* still there: to be tried again, or taken out while we were held */
	if (r->regs.ip == next)
		atomic64_inc(&executed[site]);
	else if (r->regs.ip != addr)
		atomic_inc(&strayed);
}

static void *runner_main(void *data)
{
	struct runner *r = data;

	while (!atomic_read(&finished)) {
		run_one(r);
		if (r->regs.ip == TEXT + TEXT_SIZE)
			r->regs.ip = TEXT;
		obey(r, UTRACE_RESUME);
		if (!atomic_read(&pause_all))
			continue;
		atomic_inc(&paused);
		while (atomic_read(&pause_all)) {
			obey(r, UTRACE_RESUME);
			give_way();
		}
	}
	upr_task_set_mm(r->ut, NULL);
	utrace_report_death(r->ut, 0);
	return NULL;
}

/* --- controllers ------------------------------------------------------------------------- */

static int reg(unsigned int site, struct upr_consumer *consumer)
{
	unsigned int within = site & 1 ? 3 : 0;

	return upr_register(session, key, site / 2 * SITE_SIZE + within, site_code + within, SITE_SIZE - within,
			    UPR_INSN_64, consumer, NULL);
}

static bool want(struct upr_consumer *consumer, struct upr_mm *which)
{
	return which == mm;
}

static void *controller_main(void *data)
{
	unsigned int seed = (unsigned int)(size_t)data + 99, round, i;
	struct upr_consumer *mine = kcalloc(8, sizeof(*mine), GFP_KERNEL);
	int failed = 0;

	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < 8; i++) {
			mine[i].want = rand_r(&seed) & 1 ? want : NULL;
			failed += !!reg((unsigned int)rand_r(&seed) % (2 * NR_SITES), &mine[i]);
		}
		if (!(round & 7))
			upr_batch_begin(session);
		for (i = 0; i < 8; i++)
			upr_unregister(session, &mine[i]);
		if (!(round & 7))
			upr_batch_end(session);
		upr_sync(session);
		if (!(round & 15)) {
			kfree(mine);
			mine = kcalloc(8, sizeof(*mine), GFP_KERNEL);
		}
		give_way();
	}
	kfree(mine);
	if (failed)
		atomic_inc(&strayed);
	atomic_inc(&controllers_done);
	return NULL;
}

static void start_tasks(void)
{
	int i;

	for (i = 0; i < NR_TASKS; i++) {
		struct runner *r = &runners[i];

		r->ut = utrace_task_new(&ops, r, i + 1);
		r->regs.ip = TEXT;
		r->regs.flags = 0x202;
		r->seed = (unsigned int)i;
		ok(r->ut && !upr_task_set_mm(r->ut, mm), "task %d enters", i);
	}
	for (i = 0; i < NR_TASKS; i++)
		pthread_create(&runners[i].thread, NULL, runner_main, &runners[i]);
}

static void until(bool (*fn)(void))
{
	while (!fn())
		give_way();
}

static bool settled(void)
{
	return !upr_mm_busy(mm);
}

static bool idle(void)
{
	return upr_mm_idle(mm);
}

static bool all_controlled(void)
{
	return atomic_read(&controllers_done) == NR_CONTROLLERS;
}

static bool all_paused(void)
{
	return atomic_read(&paused) == NR_TASKS;
}

/* Nobody is between a hit and its instruction. */
static void compare(const struct upr_consumer *stay)
{
	s64 hits = 0, ran = 0;
	unsigned int i;

	atomic_set(&pause_all, 1);
	until(all_paused);
	for (i = 0; i < NR_SITES; i++) {
		hits += atomic64_read(&stay[i].hits);
		ran += atomic64_read(&executed[2 * (i & ~1u) + (i & 1)]);
	}
	ok(hits > 1000, "there were hits");
	is_int(hits, ran, "counts are exact");
	atomic_set(&pause_all, 0);
}

int main(void)
{
	static struct upr_consumer stay[NR_SITES];
	pthread_t worker, controllers[NR_CONTROLLERS];
	unsigned int i, wrong = 0;

	deadline = time(NULL) + TIMEOUT_S;
	for (i = 0; i < NR_SITES; i++)
		memcpy(text + i * SITE_SIZE, site_code, SITE_SIZE);
	session = upr_session_new(UPR_MODE_AUTO);
	mm = upr_mm_new(session, &ops, NULL, UPR_INSN_64, 0);
	upr_report_mmap(mm, key, TEXT, TEXT_SIZE, 0);
	pthread_create(&worker, NULL, worker_main, NULL);
	/* every second pair of sites is probed all the time */
	for (i = 0; i < NR_SITES; i++)
		wrong += !!reg(2 * (i & ~1u) + (i & 1), &stay[i]);
	is_int(wrong, 0, "probes that stay are registered");
	start_tasks();
	until(settled);
	for (i = 0; i < NR_CONTROLLERS; i++)
		pthread_create(&controllers[i], NULL, controller_main, (void *)(size_t)i);
	until(all_controlled);
	for (i = 0; i < NR_CONTROLLERS; i++)
		pthread_join(controllers[i], NULL);
	compare(stay);
	upr_session_free(session);
	until(idle);
	atomic_set(&finished, 1);
	for (i = 0; i < NR_TASKS; i++)
		pthread_join(runners[i].thread, NULL);
	pthread_join(worker, NULL);
	for (i = 0; i < NR_SITES; i++)
		wrong += memcmp(text + i * SITE_SIZE, site_code, SITE_SIZE) != 0;
	is_int(wrong, 0, "text is what it was");
	is_int(atomic_read(&strayed), 0, "nothing went astray");
	is_int(atomic_read(&areas_out), 0, "all areas are given back");
	upr_mm_put(mm);
	while (do_some_work())
		;
	rcu_barrier();
	return done_testing();
}
