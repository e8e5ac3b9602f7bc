// SPDX-License-Identifier: GPL-2.0
/*
 * survive.c - programs that live on when the tool is killed among their breakpoints.
 *
 * Purpose: a program with breakpoints gets a page with a SIGTRAP handler (survive-code.c)
 * and a table of what each int3 leads to.  While the tool lives it sees every
 * SIGTRAP first, and the handler runs only for those that are none of the tool's and that the program
 * would have died of, or handled itself.
 *
 * Order: the table is complete before text is armed, and knows that a site is no more
 * before its slot is given back.  It is written where nobody reads it, and put into
 * force by one store.  On the way out the action is given back when no trap can be on its way any more,
 * and the page goes last.
 *
 * What cannot be helped is noted (UPR_NOTE_KILL): a thread that blocks SIGTRAP when it
 * executes an int3 is killed by the kernel; a seccomp filter forbids installing anything;
 * a handler that is to be reset when it is called (SA_RESETHAND) cannot be kept that way.
 * A program that sets another action for SIGTRAP while it is probed takes ours away,
 * and is not told.
 *
 * No locks of its own; host_survive() is called with the engine's mm->lock held.
 */
#include "host.h"
#include "survive.h"

#include <sys/mman.h>
#include <sys/ptrace.h>

#define SA_RESTORER_FLAG 0x04000000ull
#define RESTORE_EVERY_MS 100

/* --- calls in the program's name ------------------------------------------------------ */

static bool can_call(const struct host_task *t)
{
	return t->state == TASK_STOPPED && t->kind != STOP_EXIT && t->kind != STOP_VFORK;
}

/* By one task after the other, until one can. */
static s64 call_any(struct host_mm *mm, enum call_nr call, const u64 args[6])
{
	struct host_task *t, *next;
	s64 r = -EAGAIN, ret = 0;
	int now;

	list_for_each_entry_safe(t, next, &mm->tasks, mm_node) {
		if (!can_call(t))
			continue;
		now = inject(t, inject_nr(t, call), args, &ret);
		if (!now)
			return ret;
		r = now;
	}
	return r;
}

static s64 map_any(struct host_mm *mm, size_t size)
{
	u64 args[6] = {0, size, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, (u64)-1, 0};

	return call_any(mm, CALL_MMAP, args);
}

static s64 unmap_any(struct host_mm *mm, u64 addr, size_t size)
{
	u64 args[6] = {addr, size};

	return call_any(mm, CALL_MUNMAP, args);
}

/* --- words for people -------------------------------------------------------------------- */

static void not_survived(struct host_proc *proc, const char *why)
{
	home_note(proc->home, UPR_NOTE_KILL, proc, "process %d would not survive a kill -9 of this tool: %s", proc->pid,
		  why);
}

static void mm_not_survived(struct host_mm *mm, int error)
{
	struct host_task *t;

	if (list_empty(&mm->tasks))
		return;
	t = list_first_entry(&mm->tasks, struct host_task, mm_node);
	if (error == -EPERM)
		not_survived(t->proc,
			     "a seccomp filter is in force, so it is not given a handler for the breakpoints in it");
	else if (error == -EOPNOTSUPP)
		not_survived(t->proc, "it is a 32-bit program, and there is no handler for those");
	else if (error != -ESRCH && error != -EAGAIN)
		not_survived(t->proc, "there is no memory to be had for a handler of the breakpoints in it");
}

/* An int3 resets the action and is not survived while it is blocked. */
void survive_blocked(struct host_task *t)
{
	not_survived(t->proc, "a thread of it blocks SIGTRAP while it executes probed instructions");
}

/* --- the page ------------------------------------------------------------------------------ */

static u64 entry_addr(const struct host_mm *mm)
{
	return mm->survive.page + (u64)(survive_entry - survive_image);
}

static int put_own(struct host_mm *mm, u64 own)
{
	int r = mem_put(mm, mm->survive.page + offsetof(struct survive_head, own), &own, sizeof(own));

	if (!r)
		mm->survive.own = own;
	return r;
}

static int make_page(struct host_mm *mm)
{
	struct survive_head head = {.magic = SURVIVE_MAGIC};
	struct survive *s = &mm->survive;
	s64 r = mm->mode32 ? -EOPNOTSUPP : map_any(mm, HOST_PAGE);

	if (r > 0) {
		u64 page = (u64)r;

		/* with an empty table: code, then what it looks at */
		head.table = page + SURVIVE_TABLES;
		r = mem_put(mm, page, survive_image, (size_t)(survive_end - survive_image));
		if (!r)
			r = mem_put(mm, page, &head, sizeof(head));
		if (r)
			unmap_any(mm, page, HOST_PAGE);
		else
			s->page = page;
	}
	if (r) {
		mm_not_survived(mm, (int)r);
		s->refused = r != -EAGAIN && r != -ESRCH;
	}
	return (int)r;
}

/* --- the table ------------------------------------------------------------------------------- */

struct rows {
	struct survive_table *table;
	u64 nr, room;
};

static struct survive_pair *add_row(struct rows *rows)
{
	struct survive_table *table;
	u64 room = rows->room ? 2 * rows->room : 64;

	if (rows->nr == rows->room) {
		table = realloc(rows->table, sizeof(*table) + room * sizeof(table->rows[0]));
		if (!table)
			return NULL;
		rows->table = table;
		rows->room = room;
	}
	return &rows->table->rows[rows->nr++];
}

/* Without memory the table is short: who is missing is not survived. */
static void add_site(void *data, u64 addr, u64 to)
{
	struct survive_pair *row = add_row(data);

	if (row)
		*row = (struct survive_pair){addr, to};
}

static int by_addr(const void *a, const void *b)
{
	const struct survive_pair *x = a, *y = b;

	return x->a < y->a ? -1 : x->a > y->a;
}

static int collect(struct host_mm *mm, struct rows *rows)
{
	struct host_area *area;
	u64 nr_areas;

	list_for_each_entry(area, &mm->areas, node) {
		struct survive_pair *row = add_row(rows);

		if (!row)
			return -ENOMEM;
		*row = (struct survive_pair){area->addr, area->size};
	}
	nr_areas = rows->nr;
	upr_mm_each_slot(mm->mm, add_site, rows);
	if (!rows->table)
		return 0;
	qsort(rows->table->rows + nr_areas, rows->nr - nr_areas, sizeof(rows->table->rows[0]), by_addr);
	rows->table->nr_areas = nr_areas;
	rows->table->nr_sites = rows->nr - nr_areas;
	return 0;
}

/* Two halves: one in force, one to be written. */
static u64 other_half(struct survive *s, size_t *room)
{
	u64 base = s->tables ? s->tables : s->page + SURVIVE_TABLES;
	size_t size = s->tables ? s->tables_size : HOST_PAGE - SURVIVE_TABLES;

	*room = size / 2;
	return base + (s->second ? 0 : size / 2);
}

static int put_in_force(struct host_mm *mm, u64 at, const struct survive_table *table, size_t size)
{
	int r = mem_put(mm, at, table, size);

	if (!r)
		r = mem_put(mm, mm->survive.page + offsetof(struct survive_head, table), &at, sizeof(at));
	return r;
}

static int move_tables(struct host_mm *mm, const struct survive_table *table, size_t size)
{
	struct survive *s = &mm->survive;
	size_t room = ALIGN(size * 4, (size_t)HOST_PAGE);
	u64 old = s->tables;
	s64 at = map_any(mm, room);
	int r;

	if (at < 0)
		return (int)at;
	r = put_in_force(mm, (u64)at, table, size);
	if (r) {
		unmap_any(mm, (u64)at, room);
		return r;
	}
	if (old)
		unmap_any(mm, old, s->tables_size);
	s->tables = (u64)at;
	s->tables_size = room;
	s->second = false;
	return 0;
}

static int update_table(struct host_mm *mm, const struct rows *rows)
{
	size_t size = sizeof(*rows->table) + rows->nr * sizeof(rows->table->rows[0]), room;
	struct survive *s = &mm->survive;
	u64 at = other_half(s, &room);
	int r;

	if (size > room)
		return move_tables(mm, rows->table, size);
	r = put_in_force(mm, at, rows->table, size);
	if (!r)
		s->second = !s->second;
	return r;
}

/* --- the action ---------------------------------------------------------------------------------- */

/*
 * What the kernel is to be told: as little of the program's own action as possible differs.
 * Without one no other signal is to find the thread in the handler.
 */
void survive_action(const struct host_task *t, u64 action[4])
{
	const struct trap_disposition *trap = &t->proc->trap;
	const struct host_mm *mm = t->mm;

	if (trap->caught) {
		memcpy(action, trap->action, sizeof(trap->action));
		action[1] |= SA_SIGINFO;
	} else {
		action[1] = SA_SIGINFO | SA_RESTART | SA_ONSTACK | SA_RESTORER_FLAG;
		action[2] = mm->survive.page + (u64)(survive_restorer - survive_image);
		action[3] = ~(u64)0;
	}
	action[0] = entry_addr(mm);
}

static u64 own_handler(const struct trap_disposition *trap)
{
	return trap->caught ? trap->action[0] : trap->ignored ? (u64)SIG_IGN : (u64)SIG_DFL;
}

/* Found at the last moment. */
static void take_over(struct trap_disposition *trap, const u64 action[4])
{
	trap->ignored = action[0] == (u64)SIG_IGN;
	trap->caught = action[0] > (u64)SIG_IGN;
	memcpy(trap->action, action, sizeof(trap->action));
	trap->action_known = true;
}

static bool as_expected(const struct trap_disposition *trap, const u64 found[4])
{
	if (found[0] == (u64)SIG_DFL && (trap->spoiled || !(trap->caught || trap->ignored)))
		return true;
	if (!trap->caught)
		return found[0] == own_handler(trap);
	return !memcmp(found, trap->action, sizeof(trap->action));
}

/* Another process in the same memory may want something else: the page knows one. */
static bool somebody_has_it(const struct host_mm *mm)
{
	struct host_task *t;

	list_for_each_entry(t, &mm->tasks, mm_node)
		if (t->proc->trap.installed)
			return true;
	return false;
}

static int settle_own(struct host_task *t)
{
	struct trap_disposition *trap = &t->proc->trap;
	struct host_mm *mm = t->mm;
	u64 own = own_handler(trap);

	if (trap->caught && (!trap->action_known || (trap->action[1] & SA_RESETHAND)))
		return -EOPNOTSUPP;
	if (own == mm->survive.own)
		return 0;
	return somebody_has_it(mm) ? -EOPNOTSUPP : put_own(mm, own);
}

static int install(struct host_task *t)
{
	struct trap_disposition *trap = &t->proc->trap;
	u64 action[4], found[4];
	int tries, r = 0;

	for (tries = 0; tries < 3 && !trap->installed; tries++) {
		r = settle_own(t);
		if (r)
			break;
		survive_action(t, action);
		r = sigtrap_exchange(t, action, found);
		if (r)
			break;
		trap->installed = as_expected(trap, found);
		if (!trap->installed)
			take_over(trap, found);
		trap->spoiled = false;
	}
	if (r == -EPERM || r == -EOPNOTSUPP) {
		trap->refused = true;
		not_survived(t->proc, r == -EPERM ? "a seccomp filter is in force" : "of its own action for SIGTRAP");
	}
	return r;
}

/* --- for the home ------------------------------------------------------------------------------------- */

/* target_ops.survive */
void host_survive(struct upr_mm *umm)
{
	struct host_mm *mm = umm->host;
	struct rows rows = {NULL};
	struct host_task *t, *next;
	int r;

	regs_flush_all(mm);
	if (mm->survive.refused)
		return;
	r = collect(mm, &rows);
	if (!r && rows.nr && !mm->survive.page)
		r = make_page(mm);
	if (!r && mm->survive.page && rows.nr)
		r = update_table(mm, &rows);
	free(rows.table);
	if (r || !mm->survive.page)
		return;
	list_for_each_entry_safe(t, next, &mm->tasks, mm_node)
		if (!t->proc->trap.installed && !t->proc->trap.refused && can_call(t))
			install(t);
}

/*
 * At a hit: a process that could not be asked before, or whose action an int3 in a thread
 * that blocks SIGTRAP has reset.  The latter may happen at every second hit, so not each time.
 */
void survive_at_hit(struct host_task *t)
{
	struct trap_disposition *trap = &t->proc->trap;
	u64 now;

	if (!t->mm || !t->mm->survive.page || trap->refused || (trap->installed && !trap->spoiled))
		return;
	now = home_now_ms();
	if (now - trap->restored_at < RESTORE_EVERY_MS)
		return;
	trap->restored_at = now;
	if (trap->installed)
		sigtrap_restore(t);
	else
		install(t);
}

/*
 * Registers of @t are about to be changed in the stop of a trap.  If the tool is killed before it
 * can let the thread go, the handler must see that it has been moved: a slot speaks
 * for itself, any other pc does not.
 */
void survive_mark(struct host_task *t)
{
	siginfo_t info = {.si_signo = SIGTRAP, .si_code = SI_KERNEL};
	u64 now[2] = {t->regs.rip, t->regs_valid ? t->regs.rsp : 0};

	if (!t->proc->trap.installed || !t->mm || area_has(t->mm, t->regs.rip, 1))
		return;
	memcpy((u8 *)&info + 16, now, sizeof(now));
	host_ptrace(PTRACE_SETSIGINFO, t->tid, 0, (unsigned long)&info);
}

bool survive_has(const struct host_mm *mm, u64 pc)
{
	return mm && mm->survive.page && pc - mm->survive.page < HOST_PAGE;
}

/* A thread that is on its way through the page to the program's own handler: it arrives. */
void survive_leave(struct host_task *t)
{
	u64 pc;

	if (!t->proc->trap.caught || !t->mm || !t->mm->survive.page || regs_pc(t, &pc) || !survive_has(t->mm, pc) ||
	    pc >= t->mm->survive.page + (u64)(survive_restorer - survive_image) || regs_load(t))
		return;
	regs_set_pc(t, t->mm->survive.own);
	t->regs.rax = 0;
	t->regs_dirty = true;
}

/* A new program: the kernel has reset what was caught, not what is to be ignored. */
void survive_after_exec(struct host_proc *proc)
{
	struct trap_disposition *trap = &proc->trap;

	if (trap->installed && trap->ignored)
		trap->spoiled = true;
	trap->installed = false;
	trap->refused = false;
}

int survive_copy(struct host_mm *to, const struct host_mm *from)
{
	to->survive = from->survive;
	return 0;
}

/* --- the end ---------------------------------------------------------------------------------------------- */

/* What the program has set itself stands, and may know of ours. */
static void uninstall(struct host_task *t)
{
	struct trap_disposition *trap = &t->proc->trap;
	u64 own[4] = {own_handler(trap)}, found[4];

	if (trap->action_known)
		memcpy(own, trap->action, sizeof(own));
	if (sigtrap_exchange(t, own, found))
		return;
	trap->installed = false;
	if (found[0] == entry_addr(t->mm) || (trap->spoiled && found[0] == (u64)SIG_DFL)) {
		trap->spoiled = false;
		return;
	}
	t->mm->survive.kept = true;
	sigtrap_exchange(t, found, own);
}

static bool in_use(struct host_mm *mm)
{
	struct host_task *t;
	u64 pc;

	if (mm->survive.kept || somebody_has_it(mm))
		return true;
	list_for_each_entry(t, &mm->tasks, mm_node) {
		if (t->state == TASK_ZOMBIE)
			continue;
		if (t->state == TASK_STOPPED)
			survive_leave(t);
		if (regs_pc(t, &pc) || survive_has(mm, pc))
			return true;
	}
	return false;
}

/* No int3 of ours is left, and no trap of one is on its way: all tasks are stopped.  What is in use stays. */
void survive_remove(struct host_mm *mm)
{
	struct host_task *t, *next;
	struct survive *s = &mm->survive;

	if (!s->page)
		return;
	list_for_each_entry_safe(t, next, &mm->tasks, mm_node)
		if (t->proc->trap.installed && can_call(t))
			uninstall(t);
	if (in_use(mm))
		return;
	if (s->tables)
		unmap_any(mm, s->tables, s->tables_size);
	unmap_any(mm, s->page, HOST_PAGE);
	memset(s, 0, sizeof(*s));
}
