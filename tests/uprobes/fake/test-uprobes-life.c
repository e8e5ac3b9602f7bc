// SPDX-License-Identifier: GPL-2.0
/*
 * test-uprobes-life.c - what happens to probed programs: threads, fork, vfork,
 * exec, exit, mappings, signals, faults, detaching, errors of the home.
 *
 * Purpose: each event has the outcome that Documentation/uprobes.txt defines.
 *
 * Locks: none, one thread.
 */
#include "upr-script.h"

#define SIGSEGV 11
#define SIGTRAP 5

#define RUNS	3000 /* orders of each exploration, at most */

/* Each event once more, with jumps where there may be some. */
static bool with_jumps;

static struct stage *life_stage(struct fake_world *w, enum upr_mode mode)
{
	struct stage *st = stage_new(w, mode);

	st->jumps = with_jumps && mode == UPR_MODE_AUTO;
	return st;
}

/* Calls of func between @before and @after the event; func is at offset 5. */
static unsigned int write_func(struct script *s)
{
	unsigned int over = REL(s, "\xe9", 0), func;

	func = OP(s, "\x55");		   /* push %rbp */
	RIP(s, "\x48\x8b\x0d", FAKE_VDSO); /* mov data, %rcx */
	OP(s, "\x5d");			   /* pop %rbp */
	OP(s, "\xc3");			   /* ret */
	script_aim(s, over);
	return func;
}

static void write_exit(struct script *s)
{
	script_sys2(s, FAKE_SYS_EXIT, 0, 0);
}

/* --- children ------------------------------------------------------------------ */

static void write_children(struct script *s, unsigned int call)
{
	unsigned int func = write_func(s), child;

	REL(s, "\xe8", func);
	OP32(s, "\xbf", 1);				 /* rdi: a thread, for clone */
	OP32(s, "\xbe", (u32)(SCRIPT_DATA + 4096 - 64)); /* its stack */
	script_sys(s, call);
	OP(s, "\x85\xc0"); /* test %eax, %eax */
	child = REL(s, "\x0f\x84", 0);
	REL(s, "\xe8", func);
	write_exit(s);
	script_aim(s, child);
	REL(s, "\xe8", func);
	REL(s, "\xe8", func);
	write_exit(s);
}

static void setup_children(struct fake_world *w, unsigned int call, enum upr_mode mode)
{
	struct stage *st = life_stage(w, mode);

	write_children(&st->script, call);
	stage_raise(st);
	stage_probe_all(st);
	stage_hold(st);
}

static void setup_thread(struct fake_world *w)
{
	setup_children(w, FAKE_SYS_CLONE, UPR_MODE_AUTO);
}

static void setup_thread_step(struct fake_world *w)
{
	setup_children(w, FAKE_SYS_CLONE, UPR_MODE_STEP);
}

static void setup_fork(struct fake_world *w)
{
	setup_children(w, FAKE_SYS_FORK, UPR_MODE_AUTO);
}

static void setup_fork_step(struct fake_world *w)
{
	setup_children(w, FAKE_SYS_FORK, UPR_MODE_STEP);
}

static void setup_vfork(struct fake_world *w)
{
	setup_children(w, FAKE_SYS_VFORK, UPR_MODE_AUTO);
}

static void setup_vfork_step(struct fake_world *w)
{
	setup_children(w, FAKE_SYS_VFORK, UPR_MODE_STEP);
}

/* func was called once before and three times after */
static void check_children(struct fake_world *w)
{
	struct stage *st = w->data;

	stage_check(w);
	fake_expect(w, site_count(&st->sites[1]) == 4);
}

static void children(struct fake_test *t)
{
	static const struct {
		const char *name;
		void (*setup)(struct fake_world *w);
	} kinds[] = {
		{"clone: a thread", setup_thread},
		{"clone: a thread, stepped", setup_thread_step},
		{"fork: the child inherits the probes", setup_fork},
		{"fork, stepped", setup_fork_step},
		{"vfork: the parent waits", setup_vfork},
		{"vfork, stepped", setup_vfork_step},
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct fake_scenario s = {
			.name = kinds[i].name,
			.setup = kinds[i].setup,
			.check = check_children,
			.teardown = stage_free,
			.preemptions = 2,
			.runs = RUNS,
		};

		fake_explore(t, &s);
	}
}

/* --- fork, and the child is not wanted ------------------------------------------ */

struct unwanted {
	struct upr_mm *mm; /* the one that is wanted */
	unsigned int asked;
};

static bool want_first(struct upr_consumer *consumer, struct upr_mm *mm)
{
	struct unwanted *u = consumer->data;

	u->asked++;
	return mm == u->mm;
}

static void setup_unwanted(struct fake_world *w)
{
	struct stage *st = stage_new(w, UPR_MODE_AUTO);
	struct unwanted *u = kzalloc(sizeof(*u), GFP_KERNEL);
	unsigned int i;

	write_children(&st->script, FAKE_SYS_FORK);
	stage_raise(st);
	u->mm = st->mm->upr;
	st->extra = u;
	upr_batch_begin(w->session);
	for (i = 0; i < st->script.nr; i++) {
		struct site *site = stage_site(st, st->script.at[i]);

		site->consumer.want = want_first;
		site->consumer.data = u;
		fake_expect(w, !site_register(site));
	}
	upr_batch_end(w->session);
	stage_hold(st);
}

/* The child has its own bytes back before it runs, and its areas soon. */
static void step_unwanted(struct fake_world *w)
{
	struct fake_task *t;
	struct stage *st = w->data;

	list_for_each_entry(t, &w->tasks, node)
		if (t->mm != st->mm && t->phase != FAKE_DEAD)
			fake_expect(w, fake_text_is_clean(t->mm, t->mm->upr && upr_mm_idle(t->mm->upr) &&
									 list_empty(&w->requests)));
}

static void check_unwanted(struct fake_world *w)
{
	struct stage *st = w->data;
	struct unwanted *u = st->extra;

	fake_expect(w, !w->pc_leaks && !w->stray_traps);
	fake_expect(w, site_count(&st->sites[1]) == 2);
	fake_expect(w, fake_executed(st->file, st->sites[1].offset) == 4);
	fake_expect(w, u->asked == 2 * st->nr_sites);
	fake_expect(w, list_first_entry(&w->tasks, struct fake_task, node)->node.next != &w->tasks);
}

static void free_unwanted(struct fake_world *w)
{
	struct stage *st = w->data;

	kfree(st->extra);
	stage_free(w);
}

static void unwanted(struct fake_test *t)
{
	struct fake_scenario s = {
		.name = "fork: a child that nobody wants",
		.setup = setup_unwanted,
		.check = check_unwanted,
		.step = step_unwanted,
		.teardown = free_unwanted,
		.preemptions = 2,
		.runs = RUNS,
	};

	fake_explore(t, &s);
}

/* --- semaphores -------------------------------------------------------------------- */

#define SEMAPHORE (SCRIPT_DATA + 128)

/* The function of which site 1 is the beginning looks at it; the child is wanted or not. */
static void setup_semaphores(struct fake_world *w, bool child, int late)
{
	struct stage *st = stage_new(w, UPR_MODE_AUTO);
	struct unwanted *u = kzalloc(sizeof(*u), GFP_KERNEL);
	unsigned int i;

	write_children(&st->script, FAKE_SYS_FORK);
	stage_raise(st);
	w->late_data = late;
	u->mm = st->mm->upr;
	st->extra = u;
	upr_batch_begin(w->session);
	for (i = 0; i < st->script.nr; i++) {
		struct site *site = stage_site(st, st->script.at[i]);

		if (i == 1)
			site->consumer.semaphore = (s64)(SEMAPHORE - FAKE_TEXT - site->offset);
		if (!child) {
			site->consumer.want = want_first;
			site->consumer.data = u;
		}
		fake_expect(w, !site_register(site));
	}
	upr_batch_end(w->session);
	stage_hold(st);
}

static void setup_semaphores_both(struct fake_world *w)
{
	setup_semaphores(w, true, 0);
}

static void setup_semaphores_parent(struct fake_world *w)
{
	setup_semaphores(w, false, 0);
}

static void setup_semaphores_late(struct fake_world *w)
{
	setup_semaphores(w, true, 3);
}

/* Somebody else has the places already; one comes who says of the counter, and goes again. */
static bool come_and_go(struct fake_world *w, struct fake_actor *a)
{
	struct stage *st = w->data;
	struct site *second = &st->sites[st->nr_sites - 1];

	if (a->at) {
		site_unregister(second);
		return false;
	}
	fake_expect(w, !site_register(second));
	return true;
}

static bool when_quiet(struct fake_world *w, struct fake_actor *a)
{
	struct stage *st = w->data;

	return st->mm->upr && st->mm->upr->nr_bps && !upr_mm_busy(st->mm->upr) && list_empty(&w->requests);
}

static void setup_semaphores_second(struct fake_world *w)
{
	struct fake_actor *actor = kzalloc(sizeof(*actor), GFP_KERNEL);
	struct stage *st = stage_new(w, UPR_MODE_AUTO);
	struct site *second;
	unsigned int i;

	write_children(&st->script, FAKE_SYS_FORK);
	stage_raise(st);
	st->extra = actor;
	upr_batch_begin(w->session);
	for (i = 0; i < st->script.nr; i++)
		fake_expect(w, !site_register(stage_site(st, st->script.at[i])));
	upr_batch_end(w->session);
	second = stage_site(st, st->sites[1].offset);
	second->consumer.semaphore = (s64)(SEMAPHORE - FAKE_TEXT - second->offset);
	actor->step = come_and_go;
	actor->ready = when_quiet;
	actor->name = 's';
	fake_actor_add(w, actor);
	stage_hold(st);
}

static bool somebody_says(const struct stage *st)
{
	unsigned int i;

	for (i = 0; i < st->nr_sites; i++)
		if (st->sites[i].consumer.semaphore && st->sites[i].consumer.probe)
			return true;
	return false;
}

/* It is raised where the place is armed, and only there, whenever nothing is under way. */
static void step_semaphores(struct fake_world *w)
{
	struct stage *st = w->data;
	struct fake_task *t;
	u16 value;

	list_for_each_entry(t, &w->tasks, node) {
		int late = w->late_data;

		if (t->phase == FAKE_DEAD || !t->mm->upr)
			continue;
		upr_report_data(t->mm->upr);
		if (upr_mm_busy(t->mm->upr) || late || fake_peek(t->mm, SEMAPHORE, &value, sizeof(value)))
			continue;
		fake_expect(w,
			    value == (somebody_says(st) && w->probes->armed(t->mm, FAKE_TEXT + st->sites[1].offset)));
	}
}

static void check_semaphores(struct fake_world *w)
{
	struct stage *st = w->data;

	fake_expect(w, !w->pc_leaks && !w->stray_traps && !w->late_data);
	fake_expect(w, site_count(&st->sites[1]) >= 2);
}

static void semaphores(struct fake_test *t)
{
	static const struct {
		const char *name;
		void (*setup)(struct fake_world *w);
	} kinds[] = {
		{"semaphores: raised where a place is armed, in children, too", setup_semaphores_both},
		{"semaphores: put down in a child that nobody wants", setup_semaphores_parent},
		{"semaphores: of data that is mapped later", setup_semaphores_late},
		{"semaphores: a second consumer brings it, and takes it away again", setup_semaphores_second},
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct fake_scenario s = {
			.name = kinds[i].name,
			.setup = kinds[i].setup,
			.check = check_semaphores,
			.step = step_semaphores,
			.teardown = free_unwanted,
			.preemptions = 2,
			.runs = RUNS,
		};

		fake_explore(t, &s);
	}
}

/* --- exec and mappings ------------------------------------------------------------ */

static void setup_exec(struct fake_world *w)
{
	struct stage *st = life_stage(w, UPR_MODE_AUTO);
	struct script *s = &st->script;
	unsigned int func = write_func(s), done, parent;

	/* the second task execs this program again, and exits then */
	REL(s, "\xe8", func);
	script_sys(s, FAKE_SYS_GETPID);
	OP(s, "\x83\xf8\x02"); /* cmp $2, %eax */
	done = REL(s, "\x0f\x84", 0);
	script_sys(s, FAKE_SYS_VFORK);
	OP(s, "\x85\xc0"); /* test %eax, %eax */
	parent = REL(s, "\x0f\x85", 0);
	script_sys2(s, FAKE_SYS_EXEC, 0, 0);
	script_aim(s, parent);
	REL(s, "\xe8", func);
	script_aim(s, done);
	write_exit(s);
	stage_raise(st);
	stage_probe_all(st);
	stage_hold(st);
}

static void check_exec(struct fake_world *w)
{
	struct stage *st = w->data;

	stage_check(w);
	fake_expect(w, site_count(&st->sites[1]) == 3);
}

/* A library: mapped, called, unmapped, mapped elsewhere, called. */
#define LIB_A 0x500000u
#define LIB_B 0x600000u

static const u8 lib_code[] = {0x90, 0x55, 0x5d, 0xc3};

static void call_at(struct script *s, u32 addr)
{
	OP32(s, "\xb8", addr);
	OP(s, "\xff\xd0");
}

static void setup_dlopen(struct fake_world *w)
{
	struct stage *st = stage_new(w, UPR_MODE_AUTO);
	struct script *s = &st->script;
	struct upr_file_key key;
	unsigned int i;

	OP32(s, "\xba", 0); /* rdx: offset */
	script_sys2(s, FAKE_SYS_MMAP, 1, LIB_A);
	call_at(s, LIB_A);
	script_sys2(s, FAKE_SYS_MUNMAP, LIB_A, 4096);
	script_sys2(s, FAKE_SYS_MMAP, 1, LIB_B);
	call_at(s, LIB_B);
	call_at(s, LIB_B + 1);
	write_exit(s);
	stage_raise(st);
	w->programs[1] = fake_file_new(w, lib_code, sizeof(lib_code));
	key = w->programs[1]->key;
	for (i = 0; i < sizeof(lib_code); i++) {
		struct site *site = stage_site(st, i);

		site->consumer.hit = NULL;
		fake_expect(w, !upr_register(w->session, key, i, lib_code + i, sizeof(lib_code) - i, UPR_INSN_64,
					     &site->consumer, &site->probe));
	}
}

static void check_dlopen(struct fake_world *w)
{
	struct stage *st = w->data;
	unsigned int i;

	fake_expect(w, !w->pc_leaks && !w->stray_traps && fake_is_dead(st->task) && !st->task->code);
	for (i = 0; i < sizeof(lib_code); i++) {
		fake_expect(w, fake_executed(w->programs[1], i) == (i ? 3 : 2));
		fake_expect(w, site_count(&st->sites[i]) == (i ? 3 : 2));
	}
}

static void mappings(struct fake_test *t)
{
	struct fake_scenario s = {
		.name = "vfork and exec: probes in the new program from its first instruction",
		.setup = setup_exec,
		.check = check_exec,
		.teardown = stage_free,
		.preemptions = 2,
		.runs = RUNS,
	};

	fake_explore(t, &s);
	s.name = "dlopen, dlclose and dlopen elsewhere";
	s.setup = setup_dlopen;
	s.check = check_dlopen;
	fake_explore(t, &s);
}

/* --- signals ------------------------------------------------------------------------ */

static bool send_usr1(struct fake_world *w, struct fake_actor *a)
{
	struct stage *st = w->data;

	fake_kill(st->task, SIGUSR1);
	return a->at < 1;
}

static bool after_arming(struct fake_world *w, struct fake_actor *a)
{
	struct stage *st = w->data;

	return st->task->mm->upr && !upr_mm_busy(st->task->mm->upr) && st->task->mm->handlers[SIGUSR1];
}

static void write_signals(struct script *s)
{
	unsigned int func = write_func(s), handler, over, loop;

	over = REL(s, "\xe9", 0);
	handler = s->len;
	REL(s, "\xe8", func);
	OP(s, "\xc3");
	script_aim(s, over);
	script_sys2(s, FAKE_SYS_SIGACTION, SIGUSR1, FAKE_TEXT + handler);
	OP32(s, "\xbb", 2);
	loop = REL(s, "\xe8", func);
	OP32(s, "\xb9", 3); /* mov $3, %ecx */
	OP32(s, "\xbf", (u32)SCRIPT_DATA + 64);
	OP(s, "\xf3\xaa"); /* rep stosb */
	script_sys(s, FAKE_SYS_GETPID);
	OP(s, "\xff\xcb"); /* dec %ebx */
	REL(s, "\x0f\x85", loop);
	write_exit(s);
}

static void setup_signals_mode(struct fake_world *w, enum upr_mode mode)
{
	static struct fake_actor actor;
	struct stage *st = life_stage(w, mode);

	write_signals(&st->script);
	stage_raise(st);
	stage_probe_all(st);
	stage_hold(st);
	memset(&actor, 0, sizeof(actor));
	actor.step = send_usr1;
	actor.ready = after_arming;
	actor.name = 's';
	fake_actor_add(w, &actor);
}

static void setup_signals(struct fake_world *w)
{
	setup_signals_mode(w, UPR_MODE_AUTO);
}

static void setup_signals_step(struct fake_world *w)
{
	setup_signals_mode(w, UPR_MODE_STEP);
}

static void signals(struct fake_test *t)
{
	/* steps in pads are many, and each is checked */
	struct fake_scenario s = {
		.name = "signals whose handler calls probed code, at every moment",
		.setup = setup_signals,
		.check = stage_check,
		.teardown = stage_free,
		.preemptions = 3,
		.runs = with_jumps ? RUNS / 2 : 3 * RUNS,
	};

	fake_explore(t, &s);
	s.name = "the same, stepped";
	s.setup = setup_signals_step;
	fake_explore(t, &s);
}

/* --- faults --------------------------------------------------------------------------- */

/*
 * A load faults; the handler sees pc and address in its frame, makes rax good
 * and returns: the load is executed a second time.
 */
#define FRAME_GPR (8 * 2) /* restorer, magic, registers */
#define FRAME_IP  (FRAME_GPR + 8 * 16)

static unsigned int fault_site;

static void setup_fault_mode(struct fake_world *w, enum upr_mode mode)
{
	struct stage *st = life_stage(w, mode);
	struct script *s = &st->script;
	unsigned int over = REL(s, "\xe9", 0), handler;

	handler = OP32(s, "\xb8", SCRIPT_DATA);	   /* mov $data, %eax */
	OP(s, "\x48\x89\x44\x24\x10");		   /* mov %rax, FRAME_GPR(%rsp): rax of the frame */
	OP(s, "\x48\x8b\x8c\x24\x90\x00\x00\x00"); /* mov FRAME_IP(%rsp), %rcx */
	RIP(s, "\x48\x89\x0d", SCRIPT_DATA + 32);
	OP(s, "\xc3");
	script_aim(s, over);
	script_sys2(s, FAKE_SYS_SIGACTION, SIGSEGV, FAKE_TEXT + handler);
	OP32(s, "\xb8", 64);
	fault_site = OP(s, "\x48\x8b\x18"); /* mov (%rax), %rbx */
	write_exit(s);
	stage_raise(st);
	stage_probe_all(st);
	stage_hold(st);
}

static void setup_fault(struct fake_world *w)
{
	setup_fault_mode(w, UPR_MODE_AUTO);
}

static void setup_fault_step(struct fake_world *w)
{
	setup_fault_mode(w, UPR_MODE_STEP);
}

static void check_fault(struct fake_world *w)
{
	struct stage *st = w->data;
	unsigned int i;
	u64 ip = 0;

	fake_expect(w, !w->pc_leaks && !w->stray_traps && fake_is_dead(st->task) && !st->task->code);
	fake_expect(w, !fake_peek(st->mm, SCRIPT_DATA + 32, &ip, 8) && ip == FAKE_TEXT + fault_site);
	for (i = 0; i < st->nr_sites; i++) {
		u64 extra = st->sites[i].offset == fault_site;

		fake_expect(w, site_count(&st->sites[i]) == fake_executed(st->file, st->sites[i].offset) + extra);
	}
}

static void faults(struct fake_test *t)
{
	struct fake_scenario s = {
		.name = "an instruction that faults is hit, shows its own pc, and is hit again when repeated",
		.setup = setup_fault,
		.check = check_fault,
		.teardown = stage_free,
		.preemptions = 2,
		.runs = RUNS,
	};

	fake_explore(t, &s);
	s.name = "the same, stepped";
	s.setup = setup_fault_step;
	fake_explore(t, &s);
}

/* --- from within a hit -------------------------------------------------------------------- */

static void one_shot(struct upr_consumer *consumer, struct utrace_task *task, u64 addr)
{
	struct site *site = container_of(consumer, struct site, consumer);

	site_unregister(site);
}

static void setup_one_shot(struct fake_world *w)
{
	struct stage *st = stage_new(w, UPR_MODE_AUTO);
	unsigned int i;

	write_children(&st->script, FAKE_SYS_CLONE);
	stage_raise(st);
	stage_probe_all(st);
	stage_hold(st);
	for (i = 0; i < st->nr_sites; i++)
		st->sites[i].consumer.hit = one_shot;
}

static void check_one_shot(struct fake_world *w)
{
	struct stage *st = w->data;
	unsigned int i;

	fake_expect(w, !w->pc_leaks && !w->stray_traps && fake_is_dead(st->task) && !st->task->code);
	for (i = 0; i < st->nr_sites; i++)
		fake_expect(w, site_count(&st->sites[i]) == !!fake_executed(st->file, st->sites[i].offset));
}

static void within_hit(struct fake_test *t)
{
	struct fake_scenario s = {
		.name = "a consumer takes itself off in its hit: counted once",
		.setup = setup_one_shot,
		.check = check_one_shot,
		.teardown = stage_free,
		.preemptions = 2,
		.runs = RUNS,
	};

	fake_explore(t, &s);
}

/* --- the same with jumps ------------------------------------------------------------------ */

static void jumps(struct fake_test *t)
{
	with_jumps = true;
	fake_diag(t, "now with jumps");
	children(t);
	mappings(t);
	signals(t);
	faults(t);
	with_jumps = false;
}

const struct fake_case upr_life_cases[] = {
	{"children", children},	    {"unwanted", unwanted}, {"semaphores", semaphores},
	{"mappings", mappings},	    {"signals", signals},   {"faults", faults},
	{"within-hit", within_hit}, {"life-jumps", jumps},  {NULL, NULL},
};
