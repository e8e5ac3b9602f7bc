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
 * A program that sets another action for SIGTRAP does so by a call that is guarded (guard.c), and sets an
 * entry of ours.  Before it has any, no code of it has run: until then its loader's breakpoint takes all
 * others away if it is met without us (survive_head.young).
 * A call that is not guarded takes ours away: that is noticed at a hit, with a delay of an eighth of its
 * age, LOOK_MS at most.  Most programs that do so do it when they have just been started: where nothing is
 * guarded, their system calls are traced for so long, and the one that sets the action sets ours.
 *
 * No locks of its own; host_survive() is called with the engine's mm->lock held.
 */
#include "host.h"

#include <sys/mman.h>
#include <sys/ptrace.h>

#define LOOK_MS	   100 /* between two looks at the action, at most */
#define LOOK_SHARE 8   /* of its age */
#define WATCH_MS   50  /* after the start */

/* --- calls in the program's name ------------------------------------------------------ */

static bool can_call(const struct host_task *t)
{
	return t->state == TASK_STOPPED && t->kind != STOP_EXIT && t->kind != STOP_VFORK;
}

/* By one task after the other, until one can. */
static s64 call_any(struct host_mm *mm, enum call_nr call, const u64 args[6])
{
	struct host_task *t, *next;
	s64 r = -EAGAIN;

	list_for_each_entry_safe(t, next, &mm->tasks, mm_node) {
		if (!can_call(t))
			continue;
		r = inject(t, call, args);
		if (!inject_failed(r))
			break;
	}
	return r;
}

static s64 map_any(struct host_mm *mm, size_t size)
{
	u64 args[6] = {0, size, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, (u64)-1, 0};

	return call_any(mm, CALL_MMAP, args);
}

/* A kernel that does not know NOREPLACE takes @at for a wish. */
static s64 map_near(struct host_mm *mm, u64 at, size_t size)
{
	u64 args[6] = {at, size, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, (u64)-1, 0};
	s64 r = at ? call_any(mm, CALL_MMAP, args) : 0;

	return r > 0 ? r : map_any(mm, size);
}

/* The part of it from @at on. */
static s64 make_writable(struct host_mm *mm, u64 at, size_t size)
{
	u64 args[6] = {at, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, (u64)-1, 0};

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
	else if (error != -ESRCH && error != -EAGAIN)
		not_survived(t->proc, "there is no memory to be had for a handler of the breakpoints in it");
}

/* An int3 resets the action and is not survived while it is blocked. */
void survive_blocked(struct host_task *t)
{
	not_survived(t->proc, "a thread of it blocks SIGTRAP while it executes probed instructions");
}

/* --- the page ------------------------------------------------------------------------------ */

static u64 entry_addr(const struct host_mm *mm, unsigned int nr)
{
	return mm->survive.page + survive_code(mm->mode32).entry + (u64)nr * SURVIVE_STEP;
}

/* Which of ours is it?  -1: none */
static int entry_nr(const struct host_mm *mm, u64 addr)
{
	u64 off = addr - entry_addr(mm, 0), nr = off / SURVIVE_STEP;
	bool known = nr < mm->survive.nr_actions || (mm->survive.claims && nr >= SURVIVE_OWN && nr < SURVIVE_ENTRIES);

	return off % SURVIVE_STEP == 0 && known ? (int)nr : -1;
}

/* What it leads to. */
static int entry_action(struct host_mm *mm, unsigned int nr, u64 action[4])
{
	struct survive_claim claim;
	u64 at = mm->survive.claims + (u64)(nr - SURVIVE_OWN) * sizeof(claim);
	int r;

	if (nr < SURVIVE_OWN) {
		memcpy(action, mm->survive.actions[nr], sizeof(mm->survive.actions[nr]));
		return 0;
	}
	r = mem_get(mm, at, &claim, sizeof(claim));
	if (!r)
		memcpy(action, claim.action, sizeof(claim.action));
	return r;
}

/* Has the program set any itself? */
static bool any_claimed(struct host_mm *mm)
{
	u64 state;

	return mm->survive.claims && (mem_get(mm, mm->survive.claims, &state, sizeof(state)) || state);
}

/* An entry that leads to this action of the program's. */
static int entry_for(struct host_mm *mm, const u64 action[4])
{
	struct survive *s = &mm->survive;
	unsigned int i;
	int r;

	for (i = 0; i < s->nr_actions; i++)
		if (!memcmp(s->actions[i], action, sizeof(s->actions[i])))
			return (int)i;
	if (i == SURVIVE_OWN)
		return -EOPNOTSUPP;
	r = mem_put(mm, s->page + offsetof(struct survive_head, own[i]), &action[0], sizeof(action[0]));
	if (r)
		return r;
	memcpy(s->actions[i], action, sizeof(s->actions[i]));
	return (int)s->nr_actions++;
}

/* With an empty table: code, then what it looks at. */
static int fill_page(struct host_mm *mm, u64 page)
{
	struct survive_code code = survive_code(mm->mode32);
	struct survive_head head = {.magic = SURVIVE_MAGIC, .table = page + SURVIVE_TABLES};
	int r = mem_put(mm, page, code.image, code.size);

	if (!r && code.base)
		r = mem_put(mm, page + code.base, &page, 4);
	return r ? r : mem_put(mm, page, &head, sizeof(head));
}

static int make_page(struct host_mm *mm)
{
	struct survive *s = &mm->survive;
	s64 at = map_near(mm, guards_place(mm), SURVIVE_SIZE);
	int r = at > 0 ? fill_page(mm, (u64)at) : (int)at;

	if (!r) {
		s->page = (u64)at;
		return 0;
	}
	if (at > 0)
		unmap_any(mm, (u64)at, SURVIVE_SIZE);
	mm_not_survived(mm, r);
	s->refused = r != -EAGAIN && r != -ESRCH;
	return r;
}

/* What the program is to write itself.  Without it nothing is guarded. */
static void make_claims(struct host_mm *mm)
{
	u64 at = mm->survive.page + HOST_PAGE;

	if (!mm->survive.claims && !mm->mode32 && make_writable(mm, at, SURVIVE_SIZE - HOST_PAGE) > 0)
		mm->survive.claims = at;
}

/* Signed like an area: whoever cleans up after us takes it for one.  Without it calls are not survived. */
static void make_frames(struct host_mm *mm)
{
	u8 sign[UPR_AREA_SIGN_SIZE];
	u64 size = UNDO_ROOM;
	s64 at;

	if (mm->survive.frames)
		return;
	at = map_any(mm, UNDO_ROOM);
	if (at <= 0)
		return;
	memcpy(sign, UPR_AREA_MAGIC, UPR_AREA_MAGIC_SIZE);
	memcpy(sign + UPR_AREA_MAGIC_SIZE, &size, sizeof(size));
	if (mem_put(mm, (u64)at, sign, sizeof(sign)))
		unmap_any(mm, (u64)at, UNDO_ROOM);
	else
		mm->survive.frames = (u64)at;
}

static void drop_frames(struct host_mm *mm)
{
	u64 at = mm->survive.frames;

	/* the call itself must do without */
	mm->survive.frames = 0;
	if (at)
		unmap_any(mm, at, UNDO_ROOM);
}

/* --- the table ------------------------------------------------------------------------------- */

struct rows {
	struct survive_table *table;
	u64 nr, room;
	unsigned int traps; /* sites that need more than to be executed where they stand */
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
	struct rows *rows = data;

	if (row)
		*row = (struct survive_pair){addr, to};
	if (addr != to)
		rows->traps++;
}

static int by_addr(const void *a, const void *b)
{
	const struct survive_pair *x = a, *y = b;

	return x->a < y->a ? -1 : x->a > y->a;
}

/* From a site that is to be armed. */
static bool leads_on(const struct rows *rows, u64 addr)
{
	const struct survive_table *table = rows->table;
	u64 i, end = table ? table->nr_areas + table->nr_sites : 0;

	for (i = table ? table->nr_areas : 0; i < end; i++)
		if (table->rows[i].a == addr)
			return table->rows[i].b != addr;
	return false;
}

static int collect(struct host_mm *mm, struct rows *rows)
{
	struct host_area *area;
	u64 nr_areas;

	list_for_each_entry(area, &mm->areas, node) {
		struct survive_pair *row;

		if (area->counters)
			continue;
		row = add_row(rows);
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

/* For whoever cleans up after us. */
static int note_tables(struct host_mm *mm, u64 at, size_t size)
{
	u64 both[2] = {at, size};

	return mem_put(mm, mm->survive.page + offsetof(struct survive_head, tables), both, sizeof(both));
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
	r = note_tables(mm, (u64)at, room);
	if (!r)
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
 * What the kernel is told: as little as possible of the program's own action differs.
 * Without one no other signal is to find the thread in the handler.
 */
void survive_action(const struct host_task *t, u64 action[4])
{
	struct host_mm *mm = t->mm;
	unsigned int nr = t->proc->trap.entry;
	u64 restorer = mm->survive.page + survive_code(mm->mode32).restorer;

	if (entry_action(mm, nr, action))
		memset(action, 0, 4 * sizeof(*action));
	if (action[0] <= (u64)SIG_IGN) {
		action[1] = SA_SIGINFO | SA_RESTART | SA_ONSTACK | SA_RESTORER_FLAG;
		action[2] = restorer;
		action[3] = ~(u64)0;
	} else if (mm->mode32 && !(action[1] & SA_SIGINFO)) {
		/* it leaves by another call, for another frame */
		action[1] |= SA_SIGINFO | SA_RESTORER_FLAG;
		action[2] = restorer;
		mm->survive.kept = true;
	} else {
		action[1] |= SA_SIGINFO;
	}
	action[0] = entry_addr(mm, nr);
}

static void own_action(const struct trap_disposition *trap, u64 action[4])
{
	memset(action, 0, sizeof(trap->action));
	if (trap->caught)
		memcpy(action, trap->action, sizeof(trap->action));
	else if (trap->ignored)
		action[0] = (u64)SIG_IGN;
}

/*
 * The program has set another since we looked, perhaps one of ours: by a guarded call, or because it has been
 * shown it.
 * Return: one of ours, and it may stay.
 */
static bool take_over(struct host_task *t, const u64 found[4])
{
	struct trap_disposition *trap = &t->proc->trap;
	int nr = entry_nr(t->mm, found[0]);
	u64 action[4];

	if (nr < 0 || entry_action(t->mm, (unsigned int)nr, action)) {
		nr = -1;
		memcpy(action, found, sizeof(action));
	}
	if (nr >= 0)
		trap->entry = (unsigned int)nr;
	trap->ignored = action[0] == (u64)SIG_IGN;
	trap->caught = action[0] > (u64)SIG_IGN;
	memcpy(trap->action, action, sizeof(trap->action));
	trap->action_known = true;
	trap->spoiled = false;
	trap->since = 0;
	return nr >= 0;
}

/* By the kernel, as far as one can know: an int3 makes the default of an ignored SIGTRAP as well. */
static bool is_reset(const struct trap_disposition *trap)
{
	return trap->spoiled || trap->ignored;
}

static bool as_expected(const struct trap_disposition *trap, const u64 found[4])
{
	u64 own[4];

	own_action(trap, own);
	if (found[0] == (u64)SIG_DFL && is_reset(trap))
		return true;
	return found[0] == own[0] && (!trap->caught || !memcmp(found, own, sizeof(own)));
}

static int choose_entry(struct host_task *t)
{
	struct trap_disposition *trap = &t->proc->trap;
	u64 own[4];
	int r;

	/* to be reset when it is called: ours must not be */
	if (trap->caught && (!trap->action_known || (trap->action[1] & SA_RESETHAND)))
		return -EOPNOTSUPP;
	own_action(trap, own);
	r = entry_for(t->mm, own);
	if (r >= 0)
		trap->entry = (unsigned int)r;
	return r < 0 ? r : 0;
}

/* If it is for good. */
static void refuse(struct host_task *t, int error)
{
	if (error != -EPERM && error != -EOPNOTSUPP)
		return;
	t->proc->trap.refused = true;
	not_survived(t->proc, error == -EPERM ? "a seccomp filter is in force" : "of its own action for SIGTRAP");
}

/* It is looked at first: what is not known of is not to be lost if we die here. */
static int install(struct host_task *t)
{
	struct trap_disposition *trap = &t->proc->trap;
	u64 action[4], found[4];
	int tries, r;

	r = sigtrap_exchange(t, NULL, found);
	trap->installed = !r && !as_expected(trap, found) && take_over(t, found);
	for (tries = 0; !r && tries < 3 && !trap->installed; tries++) {
		r = choose_entry(t);
		if (r)
			break;
		survive_action(t, action);
		r = sigtrap_exchange(t, action, found);
		if (r)
			break;
		trap->installed = as_expected(trap, found);
		if (!trap->installed)
			take_over(t, found);
		trap->spoiled = false;
	}
	refuse(t, r);
	return r;
}

/* A process that we come back to may still have it. */
void survive_recognise(struct host_task *t)
{
	struct trap_disposition *trap = &t->proc->trap;
	int nr = t->mm && t->mm->survive.page && trap->caught ? entry_nr(t->mm, trap->action[0]) : -1;

	if (nr < 0)
		return;
	take_over(t, trap->action);
	trap->entry = (unsigned int)nr;
	trap->installed = true;
}

static bool is_ours(const struct host_task *t, const u64 found[4])
{
	return found[0] == entry_addr(t->mm, t->proc->trap.entry);
}

/* Still there?  The kernel resets it, and the program may set another. */
static void look_after(struct host_task *t)
{
	struct trap_disposition *trap = &t->proc->trap;
	u64 found[4];

	if (sigtrap_exchange(t, NULL, found) || is_ours(t, found))
		return;
	if ((found[0] != (u64)SIG_DFL || !is_reset(trap)) && take_over(t, found))
		return;
	install(t);
}

/* --- while a program is young -------------------------------------------------------------------- */

static bool is_young(const struct host_mm *mm)
{
	const struct host_task *t;

	list_for_each_entry(t, &mm->tasks, mm_node)
		if (!t->proc->starting)
			return false;
	return !list_empty(&mm->tasks);
}

static bool has_textrel(struct host_mm *mm, const struct host_map *map)
{
	char path[4096 + 64];

	return proc_open_path(mm_any_tid(mm), map, path, sizeof(path)) || symbol_textrel(path);
}

/* All text that may have been changed. */
static bool list_text(struct host_mm *mm, struct survive_head *head)
{
	unsigned int i, nr = 0;

	for (i = 0; i < mm->maps.nr; i++) {
		const struct host_map *map = &mm->maps.v[i];

		if (map->shared)
			continue;
		if (nr == SURVIVE_TEXTS || has_textrel(mm, map))
			return false;
		head->text[nr].start = map->start;
		head->text[nr++].size = map->end - map->start;
	}
	return true;
}

/*
 * The loader has not run the program yet, and its breakpoint stands before all others: whoever executes it without
 * us takes them away.
 */
static void mark_young(struct host_mm *mm, const struct rows *rows)
{
	static const u8 int3 = UPR_BREAKPOINT;
	u64 page = mm->survive.page, site;
	struct survive_head head = {0};

	/* the same text as last time */
	if (mm->survive.young == mm->maps_version || mm->mode32 || !is_young(mm))
		return;
	site = loader_site(mm);
	if (!site || !leads_on(rows, site) || !list_text(mm, &head))
		return;
	if (mem_put(mm, page + offsetof(struct survive_head, text), head.text, sizeof(head.text)) ||
	    mem_put(mm, page + offsetof(struct survive_head, young), &site, sizeof(site)))
		return;
	if (!mem_put(mm, site, &int3, sizeof(int3)))
		mm->survive.young = mm->maps_version;
}

/* It runs code of its own now. */
void survive_grown_up(struct host_mm *mm)
{
	u64 none = 0;

	if (mm->survive.young)
		mem_put(mm, mm->survive.page + offsetof(struct survive_head, young), &none, sizeof(none));
	mm->survive.young = 0;
}

/* It stands before its own code: its calls are to be traced for a while. */
void survive_watch(struct host_proc *proc)
{
	proc->watch_until = home_now_ms() + WATCH_MS;
}

/* Is @t to stop at system calls?  Where nothing traps but the loader, there is little to be lost. */
bool survive_watches(struct host_task *t)
{
	struct host_proc *proc = t->proc;

	if (t->action_at || t->action_set)
		return true;
	if (!proc->watch_until)
		return false;
	if (home_now_ms() >= proc->watch_until)
		proc->watch_until = 0;
	return proc->watch_until && proc->trap.installed && t->mm && t->mm->survive.nr_traps > 1 &&
	       !guards_stand(t->mm);
}

/* Libraries make the kernel's structure on their stack; any other memory may be nobody's to write. */
static bool is_scratch(struct host_task *t, u64 action, u64 old_action)
{
	return !regs_load(t) && action - (t->regs.rsp - 128) < HOST_PAGE && old_action - action + 64 >= 128;
}

/* @t is about to set an action for SIGTRAP: it sets ours. */
static int set_ours(struct host_task *t, u64 at)
{
	u64 action[4], found[4];
	int r = sigtrap_read(t->mm, at, found);

	if (!r)
		r = mem_get(t->mm, at, t->action_saved, sizeof(t->action_saved));
	if (r)
		return r;
	if (take_over(t, found))
		return 0;
	r = choose_entry(t);
	if (r) {
		t->proc->trap.installed = false;
		refuse(t, r);
		return 0;
	}
	survive_action(t, action);
	r = sigtrap_write(t->mm, at, action);
	if (!r)
		t->action_at = at;
	return r;
}

static void action_was_set(struct host_task *t)
{
	bool look = t->action_set;

	if (t->action_at)
		mem_put(t->mm, t->action_at, t->action_saved, sizeof(t->action_saved));
	t->action_at = 0;
	t->action_set = false;
	/* or was not */
	if (look || (!regs_load(t) && t->regs.rax))
		look_after(t);
}

/* At each border of a system call that is traced. */
void survive_syscall(struct host_task *t, bool entry)
{
	const u64 *args = t->call_args;

	if (!t->mm || !t->proc->trap.installed)
		return;
	if (!entry) {
		if (t->action_at || t->action_set)
			action_was_set(t);
		return;
	}
	if (t->call_nr != (u64)inject_nr(t, CALL_SIGACTION) || args[0] != SIGTRAP || !args[1])
		return;
	t->action_set = !is_scratch(t, args[1], args[2]) || set_ours(t, args[1]);
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
	mm->survive.nr_traps = rows.traps;
	if (!r && rows.traps && !mm->survive.page)
		r = make_page(mm);
	if (!r && mm->survive.page) {
		make_claims(mm);
		make_frames(mm);
	}
	if (!r && mm->survive.page && rows.nr)
		r = update_table(mm, &rows);
	if (r || !mm->survive.page)
		goto out;
	list_for_each_entry_safe(t, next, &mm->tasks, mm_node)
		if (!t->proc->trap.installed && !t->proc->trap.refused && can_call(t))
			install(t);
	guards_plant(mm);
	mark_young(mm, &rows);
out:
	free(rows.table);
}

/* The program's own code is about to run: now it sets its actions. */
void survive_look_soon(struct host_proc *proc)
{
	proc->trap.since = 0;
	proc->trap.looked_at = 0;
}

/*
 * At a hit, now and then: a process that could not be asked before, or whose action has changed
 * since.
 */
void survive_at_hit(struct host_task *t)
{
	struct trap_disposition *trap = &t->proc->trap;
	u64 now;

	if (!t->mm || !t->mm->survive.page || trap->refused)
		return;
	now = home_now_ms();
	if (!trap->since)
		trap->since = now;
	/* actions are set soon after the start, or with others */
	if (now - trap->looked_at < min((now - trap->since) / LOOK_SHARE + 1, (u64)LOOK_MS))
		return;
	trap->looked_at = now;
	if (trap->installed)
		look_after(t);
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
	u32 now32[2] = {(u32)now[0], (u32)now[1]};

	if (!t->proc->trap.installed || !t->mm || t->signo || area_has(t->mm, t->regs.rip, 1))
		return;
	if (t->mm->mode32)
		memcpy((u8 *)&info + 16, now32, sizeof(now32));
	else
		memcpy((u8 *)&info + 16, now, sizeof(now));
	host_ptrace(PTRACE_SETSIGINFO, t->tid, 0, (unsigned long)&info);
}

bool survive_has(const struct host_mm *mm, u64 pc)
{
	return mm && mm->survive.page && pc - mm->survive.page < HOST_PAGE;
}

/* Whom the handler is about to call, if it is that far: the entries say which of them. */
static u64 caller_of(struct host_mm *mm, const struct user_regs_struct *r)
{
	int nr = entry_nr(mm, r->rip);
	u64 own = mm->mode32 ? r->rdi : r->r10, action[4];

	if (nr < 0 && mm->mode32 && own < sizeof(u64) * SURVIVE_OWN)
		nr = (int)(own / sizeof(u64));
	if (nr < 0)
		return own;
	return entry_action(mm, (unsigned int)nr, action) ? 0 : action[0];
}

/*
 * A thread that is on its way through the page: to the program's own handler, where it arrives, or to its system
 * call, before which it is.
 */
void survive_leave(struct host_task *t)
{
	struct host_mm *mm = t->mm;
	struct survive_code code;
	u64 pc, own;

	if (!mm || !mm->survive.page || regs_pc(t, &pc) || !survive_has(mm, pc))
		return;
	if (guards_leave(mm, &pc)) {
		regs_set_pc(t, pc);
		return;
	}
	code = survive_code(mm->mode32);
	if (!t->proc->trap.caught || pc - mm->survive.page >= code.entry + code.handler_size || regs_load(t))
		return;
	own = caller_of(mm, &t->regs);
	if (own <= (u64)SIG_IGN)
		return;
	regs_set_pc(t, own);
	t->regs.rax = mm->mode32 ? SIGTRAP : 0;
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
	survive_look_soon(proc);
}

int survive_copy(struct host_mm *to, const struct host_mm *from)
{
	to->survive = from->survive;
	return 0;
}

/* --- the end ---------------------------------------------------------------------------------------------- */

/* What the program has set itself stands, whether we know of it or not. */
static void uninstall(struct host_task *t)
{
	struct trap_disposition *trap = &t->proc->trap;
	u64 own[4], found[4], ours[4];
	bool reset;
	int nr;

	if (sigtrap_exchange(t, NULL, found))
		return;
	nr = entry_nr(t->mm, found[0]);
	reset = nr < 0 && is_reset(trap) && found[0] == (u64)SIG_DFL;
	if (nr != (int)trap->entry && !reset)
		/* it may have been shown ours, and remember it */
		t->mm->survive.kept = true;
	if (reset)
		nr = (int)trap->entry;
	if (nr >= 0) {
		if (entry_action(t->mm, (unsigned int)nr, own) || sigtrap_exchange(t, own, ours))
			return;
		trap->spoiled = false;
	}
	trap->installed = false;
}

static bool somebody_has_it(const struct host_mm *mm)
{
	struct host_task *t;

	list_for_each_entry(t, &mm->tasks, mm_node)
		if (t->proc->trap.installed)
			return true;
	return false;
}

/* By a thread on its way through, or by a program that may remember it. */
static bool in_use(struct host_mm *mm)
{
	struct host_task *t;
	u64 pc;

	if (mm->survive.kept || mm->survive.nr_actions > 1 || any_claimed(mm) || somebody_has_it(mm))
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
	guards_remove(mm);
	list_for_each_entry_safe(t, next, &mm->tasks, mm_node)
		if (t->proc->trap.installed && can_call(t))
			uninstall(t);
	drop_frames(mm);
	if (in_use(mm))
		return;
	if (s->tables)
		unmap_any(mm, s->tables, s->tables_size);
	unmap_any(mm, s->page, SURVIVE_SIZE);
	memset(s, 0, sizeof(*s));
}
