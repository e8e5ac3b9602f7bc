// SPDX-License-Identifier: GPL-2.0
/*
 * test-uprobes-race.c - somebody interferes: probes are taken out, the session
 * ends, tasks are killed or looked at, the home fails.
 *
 * Purpose: whenever it happens, text and areas are given back, no task is left
 * in a slot, and what was counted was executed.
 *
 * Locks: none, one thread.
 */
#include "upr-random.h"

#define RUNS 1500

static u64 next_seed;

static struct stage *some_stage(struct fake_world *w, unsigned int what, enum upr_mode mode)
{
	struct stage *st = stage_new(w, mode);
	struct random r;

	st->seed = next_seed++;
	random_begin(&r, st->seed);
	st->jumps = mode == UPR_MODE_AUTO && (st->seed & 2);
	st->lookers = random_below(&r, 9);
	st->dead = random_below(&r, 2);
	w->max_steps = 60000;
	random_program(&st->script, &r, what);
	stage_raise(st);
	stage_probe_all(st);
	stage_hold(st);
	return st;
}

static enum upr_mode some_mode(void)
{
	static const enum upr_mode modes[] = {UPR_MODE_AUTO, UPR_MODE_STEP};

	return modes[next_seed & 1];
}

static bool pc_in_area(struct fake_task *t)
{
	struct fake_map *map;

	list_for_each_entry(map, &t->mm->maps, node)
		if (map->area && t->regs.ip >= map->start && t->regs.ip < map->end)
			return true;
	return false;
}

static void explore(struct fake_test *t, struct fake_scenario *s, u64 seed)
{
	s->random = true;
	s->runs = RUNS;
	s->seed = seed;
	next_seed = seed * 10000;
	fake_explore(t, s);
}

/* --- born in a slot ------------------------------------------------------------ */

/* Whoever could look at a child, or at a parent that waits for it, sees no slot. */
static void step_births(struct fake_world *w)
{
	struct fake_task *t;

	list_for_each_entry(t, &w->tasks, node) {
		if (t->phase == FAKE_CLONED || t->phase == FAKE_DEAD)
			continue;
		if (t->vfork_child && t->phase == FAKE_BLOCKED)
			fake_expect_at(w, !pc_in_area(t), "a waiting vfork parent is not in a slot");
		if (t->child && !t->child->started && t->child->phase != FAKE_DEAD)
			fake_expect_at(w, !pc_in_area(t->child), "a child is not born into a slot");
	}
}

static void setup_births(struct fake_world *w)
{
	some_stage(w, RANDOM_THREADS | RANDOM_FORKS, some_mode());
}

static void births(struct fake_test *t)
{
	struct fake_scenario s = {
		.name = "children are moved out of the slot of the call that made them",
		.setup = setup_births,
		.check = stage_check,
		.step = step_births,
		.teardown = stage_free,
		.preemptions = 6,
	};

	explore(t, &s, 1);
}

/* --- detach ---------------------------------------------------------------------- */

struct leaver {
	struct fake_actor actor;
	struct random r;
	unsigned int patience; /* steps of the world before it starts */
	bool left;
};

static bool leaver_ready(struct fake_world *w, struct fake_actor *a)
{
	struct leaver *l = container_of(a, struct leaver, actor);
	struct fake_task *t;
	struct fake_mm *mm;

	if (w->steps < l->patience)
		return false;
	if (!a->at)
		return true;
	/* a home does not let a task go that has a trap of ours on its way */
	list_for_each_entry(t, &w->tasks, node)
		if (t->phase == FAKE_TRAPPED)
			return false;
	/* children of fork may come until the last is idle */
	list_for_each_entry(mm, &w->mms, node)
		if (mm->upr && !upr_mm_idle(mm->upr))
			return false;
	return list_empty(&w->requests);
}

static void expect_untouched(struct fake_world *w)
{
	struct fake_task *t;
	struct fake_mm *mm;

	list_for_each_entry(mm, &w->mms, node)
		if (!mm->dead)
			fake_expect_at(w, fake_text_is_clean(mm, true), "after detaching, text and maps are as before");
	list_for_each_entry(t, &w->tasks, node)
		if (t->phase != FAKE_DEAD && !t->killed)
			fake_expect_at(w, !pc_in_area(t), "after detaching, nobody stands in a slot");
}

static bool leave(struct fake_world *w, struct fake_actor *a)
{
	struct leaver *l = container_of(a, struct leaver, actor);
	struct fake_mm *mm;

	if (!a->at) {
		list_for_each_entry(mm, &w->mms, node)
			if (mm->upr)
				upr_mm_disarm(mm->upr);
		return true;
	}
	expect_untouched(w);
	l->left = true;
	list_for_each_entry(mm, &w->mms, node)
		if (mm->upr && !mm->dead)
			fake_detach(mm);
	return false;
}

static bool end_session(struct fake_world *w, struct fake_actor *a)
{
	struct stage *st = w->data;

	if (!a->at) {
		upr_session_free(w->session);
		st->over = true;
		return true;
	}
	return leave(w, a);
}

static void add_leaver(struct fake_world *w, bool (*step)(struct fake_world *w, struct fake_actor *a))
{
	struct leaver *l = kzalloc(sizeof(*l), GFP_KERNEL);
	struct stage *st = w->data;

	st->extra = l;
	random_begin(&l->r, st->seed + 77);
	l->patience = random_below(&l->r, 250);
	l->actor.step = step;
	l->actor.ready = leaver_ready;
	l->actor.name = 'd';
	fake_actor_add(w, &l->actor);
}

static void setup_detach(struct fake_world *w)
{
	some_stage(w, RANDOM_SIGNALS | RANDOM_THREADS, some_mode());
	add_leaver(w, leave);
}

static void setup_end(struct fake_world *w)
{
	some_stage(w, RANDOM_SIGNALS | RANDOM_THREADS | RANDOM_LIBS, some_mode());
	add_leaver(w, end_session);
}

static void setup_detach_forks(struct fake_world *w)
{
	some_stage(w, RANDOM_SIGNALS | RANDOM_FORKS, some_mode());
	add_leaver(w, leave);
}

/* The program has run to its end as if nothing had been. */
static void check_detached(struct fake_world *w)
{
	struct stage *st = w->data;
	unsigned int i;

	fake_expect(w, !w->pc_leaks && !w->stray_traps);
	fake_expect(w, fake_is_dead(st->task) && !st->task->code);
	for (i = 0; i < st->nr_sites; i++)
		fake_expect(w, site_count(&st->sites[i]) <= fake_executed(st->file, st->sites[i].offset));
}

static void free_detached(struct fake_world *w)
{
	struct stage *st = w->data;

	kfree(st->extra);
	if (st->over)
		kfree(st);
	else
		stage_free(w);
}

static void detach(struct fake_test *t)
{
	struct fake_scenario s = {
		.name = "detaching at any moment",
		.setup = setup_detach,
		.check = check_detached,
		.teardown = free_detached,
		.preemptions = -1,
	};

	explore(t, &s, 2);
	s.name = "detaching at any moment, with forks";
	s.setup = setup_detach_forks;
	explore(t, &s, 3);
	s.name = "the session ends at any moment";
	s.setup = setup_end;
	explore(t, &s, 4);
}

/* --- killed ------------------------------------------------------------------------ */

static bool kill_one(struct fake_world *w, struct fake_actor *a)
{
	struct stage *st = w->data;

	fake_kill(st->task, 9);
	return false;
}

static void setup_killed(struct fake_world *w)
{
	some_stage(w, RANDOM_SIGNALS | RANDOM_THREADS | RANDOM_FORKS, some_mode());
	add_leaver(w, kill_one);
}

/* A task killed between the hit and the instruction has not executed it. */
static void check_killed(struct fake_world *w)
{
	struct stage *st = w->data;
	u64 hits = 0, executed = 0;
	struct fake_task *t;
	unsigned int i, tasks = 0;

	list_for_each_entry(t, &w->tasks, node)
		tasks++;
	fake_expect(w, !w->pc_leaks && !w->stray_traps);
	for (i = 0; i < st->nr_sites; i++) {
		hits += site_count(&st->sites[i]);
		executed += fake_executed(st->file, st->sites[i].offset);
		fake_expect(w, site_count(&st->sites[i]) >= fake_executed(st->file, st->sites[i].offset));
	}
	fake_expect(w, hits <= executed + tasks);
}

static void killed(struct fake_test *t)
{
	struct fake_scenario s = {
		.name = "killed at any moment",
		.setup = setup_killed,
		.check = check_killed,
		.teardown = free_detached,
		.preemptions = -1,
	};

	explore(t, &s, 5);
}

/* --- looked at by another engine ---------------------------------------------------- */

struct looker {
	struct fake_actor actor;
	struct utrace_engine *engine;
	struct stage *stage;
	struct random r;
	u64 patience;
};

static enum utrace_resume looker_quiesce(struct utrace_engine *engine, struct utrace_task *task)
{
	return UTRACE_STOP;
}

static const struct utrace_engine_ops looker_ops = {.on_quiesce = looker_quiesce};

static bool looker_ready(struct fake_world *w, struct fake_actor *a)
{
	struct looker *l = container_of(a, struct looker, actor);

	if (!(a->at & 1))
		return w->steps >= l->patience;
	return fake_is_dead(l->stage->task) || utrace_is_stopped(l->engine);
}

/* In the middle of a window there is no place in the text to go to. */
static bool in_mid_window(struct fake_task *t)
{
	struct fake_seen seen = {.in_pad = false};

	t->world->probes->see(t, &seen);
	return seen.in_pad && seen.insn;
}

/* Stop it, see no slot's address, let it go. */
static bool look(struct fake_world *w, struct fake_actor *a)
{
	struct looker *l = container_of(a, struct looker, actor);
	struct fake_task *t = l->stage->task;

	if (fake_is_dead(t))
		return false;
	if (!(a->at & 1)) {
		utrace_control(l->engine, UTRACE_STOP);
		return true;
	}
	fake_expect(w, upr_task_pc_fixup(t->ut) >= 0);
	fake_expect_at(w, !pc_in_area(t) || in_mid_window(t), "a task that is looked at is not in a slot");
	fake_expect(w, !upr_task_pc_fixup(t->ut));
	utrace_control(l->engine, UTRACE_RESUME);
	l->patience = w->steps + random_below(&l->r, 40);
	return a->at < 60;
}

static void setup_looked(struct fake_world *w)
{
	struct stage *st = some_stage(w, RANDOM_SIGNALS | RANDOM_THREADS, some_mode());
	struct looker *l = kzalloc(sizeof(*l), GFP_KERNEL);

	st->extra = l;
	l->stage = st;
	random_begin(&l->r, st->seed + 33);
	l->engine = utrace_attach(st->task->ut, &looker_ops, UTRACE_EV_QUIESCE, l);
	fake_expect(w, !IS_ERR(l->engine));
	l->actor.step = look;
	l->actor.ready = looker_ready;
	l->actor.name = 'l';
	fake_actor_add(w, &l->actor);
}

static void free_looked(struct fake_world *w)
{
	struct stage *st = w->data;
	struct looker *l = st->extra;

	utrace_detach(l->engine);
	utrace_engine_put(l->engine);
	free_detached(w);
}

static void looked_at(struct fake_test *t)
{
	struct fake_scenario s = {
		.name = "another engine stops and examines a task, counts stay exact",
		.setup = setup_looked,
		.check = stage_check,
		.teardown = free_looked,
		.preemptions = -1,
	};

	explore(t, &s, 6);
}

/* --- late consumers ------------------------------------------------------------------ */

/* The instruction that a task has been counted at, and that is still to be executed. */
static u64 where_counted(const struct fake_task *t)
{
	return t->pad_counted ? t->pad_counted : t->site;
}

/* The second half, at sites which the first half holds already. */
static bool register_late(struct fake_world *w, struct fake_actor *a)
{
	struct stage *st = w->data;
	unsigned int half = st->nr_sites / 2;
	struct site *first = &st->sites[a->at], *late = &st->sites[half + a->at];
	struct fake_task *t;

	fake_expect(w, !site_register(late));
	first->late = late;
	late->expected = -(s64)fake_executed(st->file, late->offset) - hits_under_way(st, late);
	list_for_each_entry(t, &w->tasks, node)
		if (t->phase != FAKE_DEAD && where_counted(t) == FAKE_TEXT + late->offset)
			late->under_way_tids |= 1ull << t->tid;
	return a->at + 1 < (int)half;
}

/* Hits that were under way and have come to something are not taken back later. */
static void step_late(struct fake_world *w)
{
	struct stage *st = w->data;
	unsigned int i, half = st->nr_sites / 2;
	struct fake_task *t;

	list_for_each_entry(t, &w->tasks, node)
		for (i = half; i < st->nr_sites; i++)
			if (where_counted(t) != FAKE_TEXT + st->sites[i].offset)
				st->sites[i].under_way_tids &= ~(1ull << t->tid);
}

static bool storm(struct fake_world *w, struct fake_actor *a)
{
	struct stage *st = w->data;

	if (st->task->mm->handlers[RANDOM_SIGUSR1])
		fake_kill(st->task, RANDOM_SIGUSR1);
	return a->at < 30;
}

struct late {
	struct fake_actor actor, storm;
};

static void setup_late(struct fake_world *w)
{
	struct stage *st = some_stage(w, RANDOM_SIGNALS | RANDOM_THREADS, some_mode());
	struct late *late = kzalloc(sizeof(*late), GFP_KERNEL);
	unsigned int i, half = st->nr_sites;

	for (i = 0; i < half && st->nr_sites < STAGE_SITES; i++)
		stage_site(st, st->sites[i].offset);
	st->extra = late;
	late->actor.step = register_late;
	late->actor.name = 'r';
	fake_actor_add(w, &late->actor);
	late->storm.step = storm;
	late->storm.name = 's';
	fake_actor_add(w, &late->storm);
}

static void check_late(struct fake_world *w)
{
	struct stage *st = w->data;
	unsigned int i, half = st->nr_sites / 2;

	fake_expect(w, !w->pc_leaks && !w->stray_traps);
	for (i = 0; i < half; i++) {
		s64 executed = fake_executed(st->file, st->sites[i].offset);
		struct site *late = &st->sites[half + i];

		fake_expect_at(w, (s64)site_count(&st->sites[i]) == executed, "the first consumer's count");
		/* a pad does not know for whom it has counted: a hit from before its time is nobody's when taken back */
		if (late->plain && (s64)site_count(late) + late->late_unhits == executed + late->expected)
			continue;
		if (!fake_expect_at(w, (s64)site_count(late) == executed + late->expected, "the late consumer's count"))
			fake_diag(w->test,
				  "seed %llu, site %u at %#x: counted %lld, executed %lld, expected %lld, %u unhits",
				  (unsigned long long)st->seed, i, late->offset, (long long)site_count(late),
				  (long long)executed, (long long)(executed + late->expected), late->late_unhits);
	}
}

static void late_consumers(struct fake_test *t)
{
	struct fake_scenario s = {
		.name = "a second consumer comes between a hit and its being taken back",
		.setup = setup_late,
		.check = check_late,
		.step = step_late,
		.teardown = free_detached,
		.preemptions = -1,
	};

	explore(t, &s, 7);
}

const struct fake_case upr_race_cases[] = {
	{"births", births},
	{"detach", detach},
	{"killed", killed},
	{"looked-at", looked_at},
	{"late-consumers", late_consumers},
	{NULL, NULL},
};
