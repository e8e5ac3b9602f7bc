// SPDX-License-Identifier: GPL-2.0
/*
 * test-uprobes-fail.c - the home fails, memory does not answer, text is not
 * what the file says, the program steps itself, and a hundred thousand probes.
 *
 * Purpose: the program is never the one to pay, and what is not counted is said.
 *
 * Locks: none, one thread.
 */
#include "upr-script.h"

#define SIGSEGV 11
#define SIGTRAP 5
#define SIGUSR1 10

static void run_once(struct fake_test *t, const char *name, void (*setup)(struct fake_world *w),
		     void (*check)(struct fake_world *w), void (*teardown)(struct fake_world *w))
{
	struct fake_scenario s = {
		.name = name,
		.setup = setup,
		.check = check,
		.teardown = teardown,
	};

	fake_explore(t, &s);
}

static void expect_good_end(struct fake_world *w)
{
	struct stage *st = w->data;

	fake_expect(w, !w->pc_leaks && !w->stray_traps);
	fake_expect(w, fake_is_dead(st->task) && !st->task->code);
}

static void check_plain(struct fake_world *w)
{
	expect_good_end(w);
	stage_check(w);
}

/* --- writes that fail ------------------------------------------------------------ */

static int fail_at;

static void setup_write_fails(struct fake_world *w)
{
	struct stage *st = stage_new(w, UPR_MODE_STEP);
	struct script *s = &st->script;

	OP(s, "\x90");
	OP(s, "\x50"); /* push %rax */
	OP(s, "\x5a"); /* pop %rdx */
	script_sys2(s, FAKE_SYS_EXIT, 0, 0);
	stage_raise(st);
	stage_probe_all(st);
	stage_hold(st);
	w->fail_text = fail_at;
}

/* One write fails: what depends on it is not armed, or another way is found. */
static void check_write_fails(struct fake_world *w)
{
	struct stage *st = w->data;
	unsigned int i;

	expect_good_end(w);
	for (i = 0; i < st->nr_sites; i++)
		fake_expect(w, site_count(&st->sites[i]) <= 1);
}

/* The only breakpoint cannot be taken out at first. */
static bool take_out(struct fake_world *w, struct fake_actor *a)
{
	struct stage *st = w->data;
	struct upr_mm *mm = st->mm->upr;

	switch (a->at) {
	case 0:
		w->fail_text = 1;
		upr_mm_disarm(mm);
		return true;
	case 1:
		fake_expect(w, upr_mm_error(mm) == -EIO);
		fake_expect(w, !upr_mm_idle(mm) && mm->nr_bps == 1);
		upr_mm_disarm(mm);
		return true;
	default:
		fake_expect(w, !upr_mm_error(mm) && upr_mm_idle(mm));
		fake_expect(w, fake_text_is_clean(st->mm, true));
		return false;
	}
}

static bool when_settled(struct fake_world *w, struct fake_actor *a)
{
	struct stage *st = w->data;

	return st->mm->upr && !upr_mm_busy(st->mm->upr) && list_empty(&w->requests) && (a->at || st->mm->upr->nr_bps);
}

static void setup_stuck(struct fake_world *w)
{
	static struct fake_actor actor;
	struct stage *st = stage_new(w, UPR_MODE_STEP);
	unsigned int loop;

	OP32(&st->script, "\xbb", 40);
	loop = OP(&st->script, "\x50"); /* push %rax */
	OP(&st->script, "\x5a");
	OP(&st->script, "\xff\xcb");
	REL(&st->script, "\x0f\x85", loop);
	script_sys2(&st->script, FAKE_SYS_EXIT, 0, 0);
	stage_raise(st);
	fake_expect(w, !site_register(stage_site(st, loop)));
	st->follow = true;
	memset(&actor, 0, sizeof(actor));
	actor.step = take_out;
	actor.ready = when_settled;
	actor.name = 'o';
	fake_actor_add(w, &actor);
}

static void check_stuck(struct fake_world *w)
{
	expect_good_end(w);
	stage_check(w);
}

void upr_test_writes(struct fake_test *t)
{
	struct fake_scenario stuck = {
		.name = "a breakpoint that cannot be taken out at once goes on being executed",
		.setup = setup_stuck,
		.check = check_stuck,
		.step = stage_step,
		.teardown = stage_free,
		.preemptions = -1,
		.random = true,
		.runs = 500,
		.seed = 9,
	};

	for (fail_at = 1; fail_at <= 4; fail_at++)
		run_once(t, "one text write fails: the program does not notice", setup_write_fails, check_write_fails,
			 stage_free);
	fake_explore(t, &stuck);
}

/* --- text that is not the file's ------------------------------------------------ */

static void setup_differs(struct fake_world *w)
{
	static const u8 lea[] = {0x48, 0x8d, 0x52, 0x02}, brk = 0xcc;
	struct stage *st = stage_new(w, UPR_MODE_AUTO);
	struct script *s = &st->script;
	unsigned int i;

	OP(s, "\x48\x8d\x52\x01");	     /* lea 1(%rdx), %rdx: made 2(%rdx) in memory */
	OP(s, "\xeb\x01");		     /* jmp over the next one */
	OP(s, "\x90");			     /* somebody else's int3 stands here */
	RIP(s, "\x48\x89\x15", SCRIPT_DATA); /* mov %rdx, data */
	script_sys2(s, FAKE_SYS_EXIT, 0, 0);
	stage_raise(st);
	fake_poke(st->mm, FAKE_TEXT, lea, sizeof(lea));
	fake_poke(st->mm, FAKE_TEXT + s->at[2], &brk, 1);
	stage_probe_all(st);
	stage_hold(st);
	for (i = 0; i < st->nr_sites; i++)
		st->sites[i].consumer.hit = NULL;
}

static void step_differs(struct fake_world *w)
{
	struct stage *st = w->data;
	const char *why = NULL;

	if (!st->mm->upr || upr_mm_busy(st->mm->upr))
		return;
	fake_expect(w, upr_probe_unarmed(w->session, st->sites[0].probe, &why) == 1 && why);
	fake_expect(w, upr_probe_sites(w->session, st->sites[2].probe, NULL) == 1);
}

static void check_differs(struct fake_world *w)
{
	struct stage *st = w->data;
	u64 value = 0;

	expect_good_end(w);
	fake_expect(w, !fake_peek(st->mm, SCRIPT_DATA, &value, 8) && value == 2);
	fake_expect(w, !site_count(&st->sites[0]) && site_count(&st->sites[1]) == 1);
}

void upr_test_differs(struct fake_test *t)
{
	struct fake_scenario s = {
		.name = "text that differs from the file is not armed; a foreign int3 is no difference",
		.setup = setup_differs,
		.check = check_differs,
		.step = step_differs,
		.teardown = stage_free,
	};

	fake_explore(t, &s);
}

/* --- shared text --------------------------------------------------------------- */

#define SHARED 0x800000u

static void setup_shared(struct fake_world *w)
{
	struct stage *st = stage_new(w, UPR_MODE_AUTO);

	script_sys2(&st->script, FAKE_SYS_EXIT, 0, 0);
	stage_raise(st);
	fake_map(st->mm, SHARED, FAKE_PAGE, FAKE_R | FAKE_X | FAKE_SHARED, st->file, 0);
	/* a home should know better than to report it */
	upr_report_mmap(st->mm->upr, st->file->key, SHARED, FAKE_PAGE, 0);
	stage_probe_all(st);
	stage_hold(st);
}

static void step_shared(struct fake_world *w)
{
	struct stage *st = w->data;
	const char *why = NULL;

	if (!st->mm->upr || upr_mm_busy(st->mm->upr))
		return;
	fake_expect(w, upr_probe_sites(w->session, st->sites[0].probe, NULL) == 1);
	fake_expect(w, upr_probe_unarmed(w->session, st->sites[0].probe, &why) == 1 && strstr(why, "shared"));
}

void upr_test_shared(struct fake_test *t)
{
	struct fake_scenario s = {
		.name = "text that is mapped shared is not armed, and says so",
		.setup = setup_shared,
		.check = stage_check,
		.step = step_shared,
		.teardown = stage_free,
	};

	fake_explore(t, &s);
}

/* --- an instruction within another ----------------------------------------------- */

static enum upr_mode within_mode;

/* Once with its lock prefix, once without: the second round jumps over it. */
static void setup_within(struct fake_world *w)
{
	struct stage *st = stage_new(w, within_mode);
	struct script *s = &st->script;
	unsigned int over, inner, loop;

	OP32(s, "\xbb", 4);
	loop = OP(s, "\x83\xfb\x02");		       /* cmp $2, %ebx */
	over = OP(s, "\x7e\x01");		       /* jle over the prefix */
	OP(s, "\xf0");				       /* lock */
	inner = OP(s, "\x48\x01\x05\xf6\xff\x2f\x00"); /* add %rax, data */
	OP(s, "\xff\xcb");
	REL(s, "\x0f\x85", loop);
	script_sys2(s, FAKE_SYS_EXIT, 0, 0);
	stage_raise(st);
	stage_probe_all(st);
	fake_expect(w, st->nr_sites == s->nr && inner == over + 3);
	stage_hold(st);
}

void upr_test_within(struct fake_test *t)
{
	within_mode = UPR_MODE_AUTO;
	run_once(t, "an instruction that begins behind another's prefix", setup_within, check_plain, stage_free);
	within_mode = UPR_MODE_STEP;
	run_once(t, "the same, stepped", setup_within, check_plain, stage_free);
}

/* --- memory that does not answer, and the program's own TF ----------------------- */

#define ABSENT 0x780000u

static void setup_absent(struct fake_world *w)
{
	struct stage *st = stage_new(w, UPR_MODE_AUTO);
	struct script *s = &st->script;

	OP32(s, "\xbc", ABSENT + 64); /* mov $absent, %esp */
	OP(s, "\x9d");		      /* popf */
	OP(s, "\x52");		      /* push %rdx */
	script_sys2(s, FAKE_SYS_EXIT, 0, 0);
	stage_raise(st);
	fake_map(st->mm, ABSENT, FAKE_PAGE, FAKE_R | FAKE_W | FAKE_ABSENT, NULL, 0);
	stage_probe_all(st);
	stage_hold(st);
}

static bool probe_tf, tf_jumps;
static enum upr_mode tf_mode;

/* Sets TF, pushes and pops, clears TF; the handler counts the traps. */
static void setup_tf(struct fake_world *w)
{
	struct stage *st = stage_new(w, tf_mode);
	struct script *s = &st->script;
	unsigned int over = REL(s, "\xe9", 0), handler = s->len, i;

	st->jumps = tf_jumps;
	RIP(s, "\xff\x05", SCRIPT_DATA); /* incl data */
	OP(s, "\xc3");
	script_aim(s, over);
	script_sys2(s, FAKE_SYS_SIGACTION, SIGTRAP, FAKE_TEXT + handler);
	OP(s, "\x9c");				 /* pushf */
	OP(s, "\x81\x0c\x24\x00\x01\x00\x00");	 /* orl $0x100, (%rsp) */
	OP(s, "\x9d");				 /* popf: on */
	OP(s, "\x50");				 /* push %rax */
	OP(s, "\x5a");				 /* pop %rdx */
	OP(s, "\x48\x8d\x52\x01");		 /* lea 1(%rdx), %rdx */
	RIP(s, "\x48\x89\x15", SCRIPT_DATA + 8); /* mov %rdx, data */
	OP(s, "\x9c");				 /* pushf */
	OP(s, "\x81\x24\x24\xff\xfe\xff\xff");	 /* andl $~0x100, (%rsp) */
	OP(s, "\x9d");				 /* popf: off, and a last trap */
	script_sys2(s, FAKE_SYS_EXIT, 0, 0);
	stage_raise(st);
	for (i = 0; probe_tf && i < s->nr; i++)
		fake_expect(w, !site_register(stage_site(st, s->at[i])));
	stage_hold(st);
}

static u32 tf_traps;

static void keep_tf(struct fake_world *w)
{
	struct stage *st = w->data;

	fake_expect(w, !fake_peek(st->mm, SCRIPT_DATA, &tf_traps, 4) && tf_traps > 5);
}

static void check_tf(struct fake_world *w)
{
	struct stage *st = w->data;
	unsigned int i;
	u32 traps = 0;

	fake_expect(w, !w->pc_leaks);
	fake_expect(w, fake_is_dead(st->task) && !st->task->code);
	for (i = 0; i < st->nr_sites; i++)
		fake_expect(w, site_count(&st->sites[i]) == fake_executed(st->file, st->sites[i].offset));
	fake_expect(w, !fake_peek(st->mm, SCRIPT_DATA, &traps, 4) && traps == tf_traps);
}

void upr_test_flags(struct fake_test *t)
{
	struct fake_scenario with_jumps = {
		.name = "and with jumps",
		.setup = setup_tf,
		.check = check_tf,
		.teardown = stage_free,
		.runs = 300,
	};

	run_once(t, "memory that is not there in the atomic half: the copy is executed", setup_absent, check_plain,
		 stage_free);
	probe_tf = false;
	run_once(t, "a program that steps itself, without probes", setup_tf, keep_tf, stage_free);
	probe_tf = true;
	tf_mode = UPR_MODE_AUTO;
	run_once(t, "the same with every instruction probed gets as many traps", setup_tf, check_tf, stage_free);
	tf_mode = UPR_MODE_STEP;
	run_once(t, "and stepped by us as well", setup_tf, check_tf, stage_free);
	tf_mode = UPR_MODE_AUTO;
	tf_jumps = true;
	fake_explore(t, &with_jumps);
	tf_jumps = false;
}

/* --- a library that unmaps itself ----------------------------------------------------- */

#define LIB	 0x500000u
#define FRAME_IP (8 * 2 + 8 * 16)

static const u8 lib_code[] = {0x0f, 0x05, 0x90, 0xc3};

static void setup_unmapped(struct fake_world *w)
{
	struct stage *st = stage_new(w, UPR_MODE_AUTO);
	struct script *s = &st->script;
	unsigned int over = REL(s, "\xe9", 0), handler = s->len;
	struct site *site;

	OP(s, "\x48\x8b\x8c\x24\x90\x00\x00\x00"); /* mov FRAME_IP(%rsp), %rcx */
	RIP(s, "\x48\x89\x0d", SCRIPT_DATA);
	script_sys2(s, FAKE_SYS_EXIT, 0, 0);
	script_aim(s, over);
	script_sys2(s, FAKE_SYS_SIGACTION, SIGSEGV, FAKE_TEXT + handler);
	OP32(s, "\xba", 0);
	script_sys2(s, FAKE_SYS_MMAP, 1, LIB);
	OP32(s, "\xbf", LIB);
	OP32(s, "\xbe", 4096);
	OP32(s, "\xb8", FAKE_SYS_MUNMAP);
	OP32(s, "\xbb", LIB);
	OP(s, "\xff\xe3"); /* jmp *%rbx: the library's syscall unmaps it */
	stage_raise(st);
	stage_probe_all(st);
	w->programs[1] = fake_file_new(w, lib_code, sizeof(lib_code));
	site = stage_site(st, 0);
	site->consumer.hit = NULL;
	fake_expect(w, !upr_register(w->session, w->programs[1]->key, 0, lib_code, sizeof(lib_code), UPR_INSN_64,
				     &site->consumer, &site->probe));
	stage_hold(st);
}

static void check_unmapped(struct fake_world *w)
{
	struct stage *st = w->data;
	u64 ip = 0;

	expect_good_end(w);
	fake_expect(w, !fake_peek(st->mm, SCRIPT_DATA, &ip, 8) && ip == LIB + 2);
	fake_expect(w, site_count(&st->sites[st->nr_sites - 1]) == 1);
}

void upr_test_unmapped(struct fake_test *t)
{
	run_once(t, "unmapped while it is being executed in its slot: the fault shows the original place",
		 setup_unmapped, check_unmapped, stage_free);
}

/* --- far away ----------------------------------------------------------------------- */

#define FAR	 0x7f0000000000ull
#define FAR_DATA (FAR + FAKE_PAGE)

static int far_fails;

/* A library beyond reach of the program, with data of its own; rax is what it returns. */
static void write_far(struct script *s)
{
	RIP(s, "\x48\x8b\x05", FAR_DATA);      /* mov data, %rax */
	RIP(s, "\x48\x01\x05", FAR_DATA + 8);  /* add %rax, data + 8 */
	OP(s, "\x50");			       /* push %rax */
	RIP(s, "\xff\x35", FAR_DATA + 8);      /* push data + 8 */
	OP(s, "\x58");			       /* pop %rax */
	OP(s, "\x5a");			       /* pop %rdx */
	RIP(s, "\x48\x8d\x0d", FAR_DATA + 16); /* lea data + 16, %rcx */
	OP(s, "\x48\x89\x01");		       /* mov %rax, (%rcx) */
	OP(s, "\xc3");
}

static void setup_far(struct fake_world *w)
{
	struct stage *st = stage_new(w, UPR_MODE_AUTO);
	struct script *lib = kzalloc(sizeof(*lib), GFP_KERNEL), *s = &st->script;
	const u64 five = 5, where = FAR;
	unsigned int i, loop;
	char mov[10] = "\x48\xb8";
	unsigned int over = REL(s, "\xe9", 0), handler = OP(s, "\x31\xc0"); /* xor %eax, %eax */

	OP(s, "\xc3");
	script_aim(s, over);
	script_sys2(s, FAKE_SYS_SIGACTION, SIGUSR1, FAKE_TEXT + handler);
	script_init(lib, FAR);
	write_far(lib);
	OP32(s, "\xbb", 3);
	memcpy(mov + 2, &where, 8);
	loop = script_op(s, mov, sizeof(mov)); /* movabs $FAR, %rax */
	OP(s, "\xff\xd0");		       /* call *%rax */
	OP(s, "\xff\xcb");
	REL(s, "\x0f\x85", loop);
	script_sys2(s, FAKE_SYS_EXIT, 0, 0);
	stage_raise(st);
	w->programs[1] = fake_file_new(w, lib->code, lib->len);
	fake_map(st->mm, FAR, FAKE_PAGE, FAKE_R | FAKE_X, w->programs[1], 0);
	fake_map(st->mm, FAR_DATA, FAKE_PAGE, FAKE_R | FAKE_W, NULL, 0);
	fake_poke(st->mm, FAR_DATA, &five, 8);
	upr_batch_begin(w->session);
	for (i = 0; i < lib->nr; i++) {
		struct site *site = stage_site(st, lib->at[i]);

		site->consumer.hit = NULL;
		fake_expect(w, !upr_register(w->session, w->programs[1]->key, lib->at[i], lib->code + lib->at[i],
					     lib->len - lib->at[i], UPR_INSN_64, &site->consumer, &site->probe));
	}
	/* sites near and far in one batch */
	if (!far_fails)
		stage_probe_all(st);
	upr_batch_end(w->session);
	kfree(lib);
	stage_hold(st);
	w->fail_area = far_fails;
}

static void step_far(struct fake_world *w)
{
	struct stage *st = w->data;
	struct fake_map *map;
	unsigned int areas = 0;

	if (!st->mm->upr || upr_mm_busy(st->mm->upr) || w->steps < 5)
		return;
	list_for_each_entry(map, &st->mm->maps, node)
		areas += map->area;
	fake_expect_at(w, areas == (far_fails ? 1 : 2), "an area for each range");
}

static bool storm_far(struct fake_world *w, struct fake_actor *a)
{
	struct stage *st = w->data;

	if (st->mm->handlers[SIGUSR1])
		fake_kill(st->task, SIGUSR1);
	return a->at < 40;
}

static void setup_far_storm(struct fake_world *w)
{
	static struct fake_actor actor;

	setup_far(w);
	memset(&actor, 0, sizeof(actor));
	actor.step = storm_far;
	actor.name = 's';
	fake_actor_add(w, &actor);
}

static void check_far(struct fake_world *w)
{
	struct stage *st = w->data;
	u64 value = 0;
	unsigned int i;

	expect_good_end(w);
	fake_expect(w, !fake_peek(st->mm, FAR_DATA + 16, &value, 8) && value == 15);
	for (i = 0; i < 9; i++) {
		fake_expect(w, site_count(&st->sites[i]) == 3);
		fake_expect(w, fake_executed(w->programs[1], st->sites[i].offset) == 3);
	}
}

void upr_test_far(struct fake_test *t)
{
	struct fake_scenario s = {
		.name = "sites far from each other have areas of their own",
		.setup = setup_far,
		.check = check_far,
		.step = step_far,
		.teardown = stage_free,
		.runs = 50,
	};

	far_fails = 0;
	fake_explore(t, &s);
	s.name = "an area out of reach: scratch registers and jumps through pointers";
	far_fails = 1;
	fake_explore(t, &s);
	s.name = "the same in a storm of signals";
	s.setup = setup_far_storm;
	s.step = NULL;
	s.preemptions = -1;
	s.random = true;
	s.runs = 1000;
	s.seed = 11;
	fake_explore(t, &s);
}

/* --- many --------------------------------------------------------------------------------- */

#define MANY  100000u
#define FEWER 20000u /* where effort is bounded, and memory may be */

static unsigned int nr_many;

struct many {
	struct fake_actor actor;
	struct upr_consumer *consumers;
	struct upr_probe *first;
	struct upr_file_key key;
};

static bool take_all_out(struct fake_world *w, struct fake_actor *a)
{
	struct many *many = container_of(a, struct many, actor);
	struct stage *st = w->data;
	unsigned int i;

	if (a->at) {
		fake_expect(w, !st->mm->upr->nr_bps && fake_text_is_clean(st->mm, true));
		return false;
	}
	fake_expect(w, st->mm->upr->nr_bps == nr_many);
	fake_expect(w, upr_probe_sites(w->session, many->first, NULL) == 1);
	upr_batch_begin(w->session);
	for (i = 0; i < nr_many; i++)
		upr_unregister(w->session, &many->consumers[i]);
	upr_batch_end(w->session);
	return true;
}

static bool many_ready(struct fake_world *w, struct fake_actor *a)
{
	struct stage *st = w->data;

	return !st->mm->upr || (!upr_mm_busy(st->mm->upr) && list_empty(&w->requests));
}

/* push %rax, pop %rax, mov over and over; the task waits meanwhile */
static void setup_many(struct fake_world *w)
{
	struct stage *st = stage_new(w, UPR_MODE_AUTO);
	struct many *many = kzalloc(sizeof(*many), GFP_KERNEL);
	u8 *text = kvcalloc(nr_many, 3, GFP_KERNEL);
	unsigned int i;
	struct fake_file *file;

	script_sys(&st->script, FAKE_SYS_WAIT);
	script_sys2(&st->script, FAKE_SYS_EXIT, 0, 0);
	stage_raise(st);
	for (i = 0; i < nr_many; i++)
		memcpy(text + 3 * i, i & 1 ? "\x50\x58\x90" : "\x48\x89\xd8", 3);
	file = fake_file_new(w, text, 3 * nr_many);
	kvfree(text);
	fake_map(st->mm, 0x1000000, 3 * nr_many, FAKE_R | FAKE_X, file, 0);
	st->extra = many;
	many->key = file->key;
	many->consumers = kvcalloc(nr_many, sizeof(*many->consumers), GFP_KERNEL);
	upr_batch_begin(w->session);
	for (i = 0; i < nr_many; i++)
		fake_expect(w, !upr_register(w->session, file->key, 3 * i, file->bytes + 3 * i, 3, UPR_INSN_64,
					     &many->consumers[i], i ? NULL : &many->first));
	upr_batch_end(w->session);
	stage_hold(st);
	many->actor.step = take_all_out;
	many->actor.ready = many_ready;
	many->actor.name = 'o';
	fake_actor_add(w, &many->actor);
}

static void check_many(struct fake_world *w)
{
	fake_expect(w, !w->pc_leaks && !w->stray_traps);
}

static void free_many(struct fake_world *w)
{
	struct stage *st = w->data;
	struct many *many = st->extra;

	upr_session_free(w->session);
	kvfree(many->consumers);
	kfree(many);
	kfree(st);
}

void upr_test_many(struct fake_test *t)
{
	struct fake_scenario s = {
		.name = "a hundred thousand probes, armed in one stop and taken out in another",
		.setup = setup_many,
		.check = check_many,
		.teardown = free_many,
		.runs = 1,
	};

	nr_many = t->effort ? FEWER : MANY;
	if (t->effort)
		s.name = "twenty thousand probes, armed in one stop and taken out in another";
	fake_explore(t, &s);
}
