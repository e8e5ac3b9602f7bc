// SPDX-License-Identifier: GPL-2.0
/*
 * test-uprobes-random.c - random programs, random probes, random orders.
 *
 * Purpose: counts equal the fake CPU's own account whatever happens, and where a
 * program's outcome does not depend on the order, its memory is what it is
 * without probes.  A failure names its seed; runs are a function of it.
 *
 * Locks: none, one thread.
 */
#include "upr-random.h"

#ifndef PROGRAMS
#define PROGRAMS 400
#endif

static const enum upr_mode modes[] = {UPR_MODE_AUTO, UPR_MODE_AUTO, UPR_MODE_AUTO,
				      UPR_MODE_AUTO, UPR_MODE_TRAP, UPR_MODE_STEP};

/* Some of the instructions, now and then with two consumers. */
static void probe_some(struct stage *st, struct random *r)
{
	unsigned int density = 1 + random_below(r, 4), i;

	upr_batch_begin(st->w->session);
	for (i = 0; i < st->script.nr; i++) {
		if (random_below(r, density))
			continue;
		fake_expect(st->w, !site_register(stage_site(st, st->script.at[i])));
		if (!random_below(r, 8))
			fake_expect(st->w, !site_register(stage_site(st, st->script.at[i])));
	}
	upr_batch_end(st->w->session);
}

static struct stage *random_stage(struct fake_world *w, u64 seed, unsigned int what, struct random *r)
{
	struct stage *st;

	random_begin(r, seed);
	st = stage_new(w, modes[random_below(r, ARRAY_SIZE(modes))]);
	st->seed = seed;
	st->jumps = st->mode == UPR_MODE_AUTO && random_below(r, 4);
	st->dead = random_below(r, 2);
	st->lookers = random_below(r, 9);
	w->max_steps = 60000;
	random_program(&st->script, r, what);
	stage_raise(st);
	w->programs[1] = fake_file_new(w, random_lib, sizeof(random_lib));
	return st;
}

/* --- alone: the outcome is the same with and without probes ------------------------- */

static bool run_alone(struct fake_test *t, u64 seed, bool probed, u8 *memory)
{
	struct fake_world *w = fake_world_new(t);
	struct random r;
	struct stage *st;
	bool good;

	w->teardown = stage_free;
	st = random_stage(w, seed, RANDOM_SIGNALS | RANDOM_LIBS, &r);
	if (probed) {
		probe_some(st, &r);
		stage_hold(st);
	}
	good = fake_run(w);
	if (good) {
		stage_check(w);
		fake_expect(w, fake_is_dead(st->task) && !st->task->code);
		/* above that lie the stack frames of handlers */
		fake_expect(w, !fake_peek(st->mm, SCRIPT_DATA, memory, 4096));
	}
	if (w->failed)
		fake_diag(t, "seed %llu: %s", (unsigned long long)seed, w->failed);
	good = !w->failed && !w->broken;
	fake_world_free(w);
	return good;
}

static void alone(struct fake_test *t)
{
	u8 *bare = kmalloc(4096, GFP_KERNEL), *probed = kmalloc(4096, GFP_KERNEL);
	unsigned long runs = t->effort && t->effort < PROGRAMS ? t->effort : PROGRAMS, seed;
	bool good = true;

	for (seed = 0; good && seed < runs; seed++) {
		good = run_alone(t, seed, false, bare) && run_alone(t, seed, true, probed);
		if (good && memcmp(bare, probed, 4096)) {
			fake_diag(t, "seed %lu: memory differs from the run without probes", seed);
			good = false;
		}
	}
	fake_ok(t, good, "%lu random programs compute the same with probes, counts exact", runs);
	kfree(bare);
	kfree(probed);
}

/* --- together: threads, children and signals in random orders ----------------------- */

static u64 next_seed;

static bool storm(struct fake_world *w, struct fake_actor *a)
{
	struct fake_task *t;

	list_for_each_entry(t, &w->tasks, node)
		if (t->phase != FAKE_DEAD && t->mm->handlers[RANDOM_SIGUSR1])
			fake_kill(t, RANDOM_SIGUSR1);
	return a->at < 20;
}

static void add_storm(struct fake_world *w)
{
	static struct fake_actor actor;

	memset(&actor, 0, sizeof(actor));
	actor.step = storm;
	actor.name = 's';
	fake_actor_add(w, &actor);
}

static void setup_together(struct fake_world *w)
{
	struct random r;
	struct stage *st = random_stage(w, next_seed++, RANDOM_SIGNALS | RANDOM_THREADS | RANDOM_FORKS, &r);

	probe_some(st, &r);
	stage_hold(st);
	add_storm(w);
}

/* --- toggled: probes come and go --------------------------------------------------------- */

struct toggler {
	struct fake_actor actor;
	struct random r;
};

static bool toggle(struct fake_world *w, struct fake_actor *a)
{
	struct toggler *tg = container_of(a, struct toggler, actor);
	struct stage *st = w->data;
	unsigned int n = 1 + random_below(&tg->r, 4);

	upr_batch_begin(w->session);
	while (n--) {
		struct site *site = &st->sites[random_below(&tg->r, st->nr_sites)];

		if (site->registered) {
			site_unregister(site);
		} else if (!hits_under_way(st, site)) {
			upr_sync(w->session);
			fake_expect(w, !site_register(site));
		}
	}
	upr_batch_end(w->session);
	return a->at < 40;
}

static void setup_toggled(struct fake_world *w)
{
	struct toggler *tg = kzalloc(sizeof(*tg), GFP_KERNEL);
	struct random r;
	struct stage *st = random_stage(w, next_seed++, RANDOM_SIGNALS | RANDOM_THREADS, &r);
	unsigned int i;

	st->follow = true;
	st->extra = tg;
	for (i = 0; i < st->script.nr; i++)
		if (!random_below(&r, 3))
			stage_site(st, st->script.at[i]);
	if (!st->nr_sites)
		stage_site(st, 0);
	tg->r = r;
	tg->actor.step = toggle;
	tg->actor.name = 't';
	fake_actor_add(w, &tg->actor);
	add_storm(w);
}

static void free_extra(struct fake_world *w)
{
	struct stage *st = w->data;

	kfree(st->extra);
	st->extra = NULL;
	stage_free(w);
}

static void together(struct fake_test *t)
{
	struct fake_scenario s = {
		.name = "random programs with threads, children and signals",
		.setup = setup_together,
		.check = stage_check,
		.teardown = stage_free,
		.preemptions = -1,
		.random = true,
		.runs = PROGRAMS,
		.seed = 1,
	};

	next_seed = 1000;
	fake_explore(t, &s);
	next_seed = 3000;
	s.name = "the same with few switches";
	s.preemptions = 5;
	fake_explore(t, &s);
}

static void toggled(struct fake_test *t)
{
	struct fake_scenario s = {
		.name = "random programs with threads and signals, probes come and go",
		.setup = setup_toggled,
		.check = stage_check,
		.step = stage_step,
		.teardown = free_extra,
		.preemptions = -1,
		.random = true,
		.runs = PROGRAMS,
		.seed = 2,
	};

	next_seed = 2000;
	fake_explore(t, &s);
	next_seed = 4000;
	s.name = "the same with few switches";
	s.preemptions = 12;
	fake_explore(t, &s);
}

const struct fake_case upr_random_cases[] = {
	{"alone", alone},
	{"together", together},
	{"toggled", toggled},
	{NULL, NULL},
};
