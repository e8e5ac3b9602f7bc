// SPDX-License-Identifier: GPL-2.0
/*
 * test-uprobes-jump-race.c - jump probes come and go in every order, and meet
 * signals, faults, unmapping and other tasks at every place of a pad.
 *
 * Purpose: each hit is counted once, handlers see program addresses only, and the
 * program computes what it computes without probes.  The random programs of
 * test-uprobes-race.c and test-uprobes-random.c do the rest.
 *
 * Locks: none, one thread.
 */
#include "upr-random.h"

#define SIGSEGV	  11

#define FRAME_GPR (8 * 2) /* restorer, magic, registers */
#define FRAME_IP  (FRAME_GPR + 8 * 16)

static u64 next_order;

static void write_exit(struct script *s)
{
	script_sys2(s, FAKE_SYS_EXIT, 0, 0);
}

/* push %rbp; mov %rsp, %rbp; xor %ecx, %ecx; pop %rbp; ret, and padding.  Return: where it is. */
static unsigned int write_func(struct script *s)
{
	unsigned int func = OP(s, "\x55");

	OP(s, "\x48\x89\xe5");
	OP(s, "\x31\xc9");
	OP(s, "\x5d");
	OP(s, "\xc3");
	OP(s, "\x0f\x1f\x44\x00\x00");
	return func;
}

/* A window of each kind, all the instructions probed in it. */
static void write_windows(struct script *s, unsigned int func)
{
	OP(s, "\x31\xc0");		   /* xor %eax, %eax */
	OP(s, "\x48\xff\xc0");		   /* inc %rax */
	OP(s, "\x57");			   /* push %rdi */
	OP(s, "\x48\x89\xe6");		   /* mov %rsp, %rsi */
	REL(s, "\xe8", func);		   /* call func */
	OP(s, "\x5f");			   /* pop %rdi */
	OP32(s, "\xba", FAKE_TEXT + func); /* mov $func, %edx */
	OP(s, "\x48\x89\xf8");		   /* mov %rdi, %rax */
	OP(s, "\xff\xd2");		   /* call *%rdx */
	OP(s, "\x54");			   /* push %rsp */
	OP(s, "\x58");			   /* pop %rax */
	OP(s, "\x90");			   /* nop */
	REL(s, "\xe8", func);		   /* call func: not by the jump itself */
	OP(s, "\x85\xc0");		   /* test %eax, %eax */
	OP(s, "\x75\x03");		   /* jne over one */
	OP(s, "\x48\xff\xc2");		   /* inc %rdx */
	OP(s, "\x89\xc1");		   /* mov %eax, %ecx */
	OP(s, "\x9c");			   /* pushf */
	OP(s, "\x5a");			   /* pop %rdx */
	OP(s, "\x90");			   /* nop */
	OP32(s, "\xb9", 3);		   /* mov $3, %ecx */
	RIP(s, "\x48\x8d\x3d", SCRIPT_DATA + 64);
	OP(s, "\x31\xc0"); /* xor %eax, %eax */
	OP(s, "\xf3\xaa"); /* rep stosb */
	OP(s, "\x90");
	OP(s, "\xff\xcb"); /* dec %ebx */
}

/* func, a handler that calls it, and a loop over all windows. */
static void write_program(struct script *s, unsigned int rounds, bool thread)
{
	unsigned int over = REL(s, "\xe9", 0), func = write_func(s), handler = s->len, loop;

	REL(s, "\xe8", func);
	OP(s, "\xc3");
	script_aim(s, over);
	script_sys2(s, FAKE_SYS_SIGACTION, SIGUSR1, FAKE_TEXT + handler);
	if (thread) {
		OP32(s, "\xbf", 1);
		OP32(s, "\xbe", (u32)(SCRIPT_DATA + 4096 - 64));
		script_sys(s, FAKE_SYS_CLONE);
	}
	OP32(s, "\xbb", rounds);
	loop = s->len;
	write_windows(s, func);
	REL(s, "\x0f\x85", loop);
	write_exit(s);
}

static struct stage *new_stage(struct fake_world *w, unsigned int rounds, bool thread)
{
	struct stage *st = stage_new(w, UPR_MODE_AUTO);

	st->jumps = true;
	w->max_steps = 20000;
	write_program(&st->script, rounds, thread);
	stage_raise(st);
	return st;
}

/* --- signals ------------------------------------------------------------------------ */

static void setup_signals(struct fake_world *w)
{
	struct stage *st = new_stage(w, 1, false);

	stage_probe_all(st);
	stage_hold(st);
	stage_add_signals(w);
}

static void signals(struct fake_test *t)
{
	struct fake_scenario s = {
		.name = "a signal at every place of every pad",
		.setup = setup_signals,
		.check = stage_check,
		.teardown = stage_free,
		.preemptions = 1,
		.runs = 1500,
	};

	stage_nr_signals = 1;
	fake_explore(t, &s);
	s.name = "many signals, in pads, while others are held";
	s.preemptions = -1;
	s.random = true;
	s.runs = 600;
	s.seed = 21;
	stage_nr_signals = 30;
	fake_explore(t, &s);
}

/* --- every order of coming and going ------------------------------------------------- */

#define NR_IN 4u

/* Instructions of the program by number: a window, what follows, and a call's window. */
struct orders {
	struct fake_actor actor;
	unsigned int in[NR_IN], out[NR_IN];
};

static const unsigned int groups[][NR_IN] = {
	{1, 2, 3, 4}, /* func, its tail */
	{20, 21, 22, 23}, {22, 23, 24, 25}, {26, 27, 28, 29}, {29, 30, 31, 32}, {33, 34, 35, 36}, {37, 38, 39, 40},
};

static unsigned int group;

/* The @n-th of 24. */
static void permute(unsigned int *list, unsigned int n)
{
	unsigned int i;

	for (i = NR_IN; i > 1; i--) {
		swap(list[i - 1], list[n % i]);
		n /= i;
	}
}

static bool come_and_go(struct fake_world *w, struct fake_actor *a)
{
	struct orders *o = container_of(a, struct orders, actor);
	struct stage *st = w->data;
	unsigned int n = (unsigned int)a->at;

	if (n < NR_IN)
		fake_expect(w, !site_register(&st->sites[o->in[n]]));
	else if (n < 2 * NR_IN)
		site_unregister(&st->sites[o->out[n - NR_IN]]);
	else
		fake_expect_at(w,
			       st->mm->dead || upr_mm_busy(st->mm->upr) || st->mm->upr->nr_bps ||
				       fake_text_is_clean(st->mm, false),
			       "the text is as before when the last site has gone");
	return n < 2 * NR_IN;
}

static bool still_there(struct fake_world *w, struct fake_actor *a)
{
	struct stage *st = w->data;

	return !st->mm->dead;
}

static void setup_orders(struct fake_world *w)
{
	struct stage *st = new_stage(w, 2, true);
	struct orders *o = kzalloc(sizeof(*o), GFP_KERNEL);
	u64 n = next_order++;
	unsigned int i;

	st->seed = n;
	st->follow = true;
	st->extra = o;
	for (i = 0; i < NR_IN; i++) {
		stage_site(st, st->script.at[groups[group][i]]);
		o->in[i] = o->out[i] = i;
	}
	permute(o->in, (unsigned int)(n % 24));
	permute(o->out, (unsigned int)(n / 24 % 24));
	o->actor.step = come_and_go;
	o->actor.ready = still_there;
	o->actor.name = 'o';
	fake_actor_add(w, &o->actor);
	stage_add_signals(w);
}

static void free_extra(struct fake_world *w)
{
	struct stage *st = w->data;

	kfree(st->extra);
	st->extra = NULL;
	stage_free(w);
}

static void orders(struct fake_test *t)
{
	struct fake_scenario s = {
		.name = "four neighbours come and go, two tasks, signals: every order",
		.setup = setup_orders,
		.check = stage_check,
		.step = stage_step,
		.teardown = free_extra,
		.preemptions = 14,
		.random = true,
		.runs = 24 * 24,
	};

	stage_nr_signals = 6;
	for (group = 0; group < ARRAY_SIZE(groups); group++) {
		next_order = 0;
		s.seed = 31 + group;
		fake_explore(t, &s);
	}
}

/* One order, every moment. */
static void setup_moments(struct fake_world *w)
{
	next_order = 24 * 7 + 5;
	setup_orders(w);
}

static void moments(struct fake_test *t)
{
	struct fake_scenario s = {
		.name = "four neighbours come and go, at every moment",
		.setup = setup_moments,
		.check = stage_check,
		.step = stage_step,
		.teardown = free_extra,
		.preemptions = 2,
		.runs = 700,
	};

	stage_nr_signals = 1;
	for (group = 1; group < ARRAY_SIZE(groups); group += 2)
		fake_explore(t, &s);
}

/* --- faults --------------------------------------------------------------------------- */

static unsigned int fault_site, fault_leader;
static bool fault_skips;

/*
 * The second instruction of a window faults in the second round of three; the
 * handler makes rax good and has it executed again, or leaves it out.
 */
static void write_faults(struct script *s)
{
	unsigned int over = REL(s, "\xe9", 0), handler, loop;

	handler = OP32(s, "\xb8", SCRIPT_DATA);	   /* mov $data, %eax */
	OP(s, "\x48\x89\x44\x24\x10");		   /* mov %rax, FRAME_GPR(%rsp): rax of the frame */
	OP(s, "\x48\x8b\x8c\x24\x90\x00\x00\x00"); /* mov FRAME_IP(%rsp), %rcx */
	RIP(s, "\x48\x89\x0d", SCRIPT_DATA + 32);
	if (fault_skips)
		OP(s, "\x48\x83\x84\x24\x90\x00\x00\x00\x03"); /* addq $3, FRAME_IP(%rsp) */
	OP(s, "\xc3");
	script_aim(s, over);
	script_sys2(s, FAKE_SYS_SIGACTION, SIGSEGV, FAKE_TEXT + handler);
	OP32(s, "\xbb", 3);
	loop = OP32(s, "\xb8", SCRIPT_DATA);
	OP(s, "\x83\xfb\x02"); /* cmp $2, %ebx */
	OP(s, "\x75\x05");     /* jne over the next */
	OP32(s, "\xb8", 64);
	fault_leader = OP(s, "\x48\x89\xc6"); /* mov %rax, %rsi */
	fault_site = OP(s, "\x48\x8b\x10");   /* mov (%rax), %rdx */
	OP(s, "\x48\xff\xc1");		      /* inc %rcx */
	OP(s, "\xff\xcb");		      /* dec %ebx */
	REL(s, "\x0f\x85", loop);
	write_exit(s);
}

static void setup_faults(struct fake_world *w)
{
	struct stage *st = stage_new(w, UPR_MODE_AUTO);

	st->jumps = true;
	write_faults(&st->script);
	stage_raise(st);
	stage_probe_all(st);
	stage_hold(st);
}

static bool site_jumps(struct stage *st, unsigned int offset)
{
	unsigned int counts[UPR_NR_WAYS], i;

	for (i = 0; i < st->nr_sites; i++) {
		if (st->sites[i].offset != offset)
			continue;
		upr_probe_sites(st->w->session, st->sites[i].probe, counts);
		return counts[UPR_WAY_JUMP];
	}
	return false;
}

/* A jump before the fault, a trap from then on. */
static void step_faults(struct fake_world *w)
{
	struct stage *st = w->data;
	u64 ip = 0;

	if (!st->mm->upr || upr_mm_busy(st->mm->upr) || st->mm->dead || !st->mm->upr->nr_bps)
		return;
	fake_peek(st->mm, SCRIPT_DATA + 32, &ip, 8);
	fake_expect(w, site_jumps(st, fault_leader) == !ip || st->mm->handlers[0] == 1);
	/* known from the first time on */
	if (!ip && st->task->fault_kept)
		st->mm->handlers[0] = 1;
}

static void check_faults(struct fake_world *w)
{
	struct stage *st = w->data;
	unsigned int i;
	u64 ip = 0;

	fake_expect(w, !w->pc_leaks && !w->stray_traps && fake_is_dead(st->task) && !st->task->code);
	fake_expect(w, !fake_peek(st->mm, SCRIPT_DATA + 32, &ip, 8) && ip == FAKE_TEXT + fault_site);
	for (i = 0; i < st->nr_sites; i++) {
		u64 extra = st->sites[i].offset == fault_site;

		fake_expect_at(w, site_count(&st->sites[i]) == fake_executed(st->file, st->sites[i].offset) + extra,
			       "the instruction that has faulted is hit once more");
	}
}

static void faults(struct fake_test *t)
{
	struct fake_scenario s = {
		.name = "a fault in the middle of a window, repaired",
		.setup = setup_faults,
		.check = check_faults,
		.step = step_faults,
		.teardown = stage_free,
		.preemptions = 2,
		.runs = 400,
	};

	fault_skips = false;
	fake_explore(t, &s);
	s.name = "a fault in the middle of a window, left out";
	fault_skips = true;
	fake_explore(t, &s);
}

/* --- a library that goes ------------------------------------------------------------------ */

#define LIB 0x500000u

/* One thread calls into it a few times; the other unmaps it and ends both. */
static void write_caller(struct script *s)
{
	unsigned int thread, loop;

	OP32(s, "\xba", 0);
	script_sys2(s, FAKE_SYS_MMAP, 1, LIB);
	OP32(s, "\xbf", 1);
	OP32(s, "\xbe", (u32)(SCRIPT_DATA + 4096 - 64));
	script_sys(s, FAKE_SYS_CLONE);
	OP(s, "\x85\xc0");
	thread = REL(s, "\x0f\x84", 0);
	OP32(s, "\xb8", LIB);
	OP(s, "\xff\xd0");
	script_sys2(s, FAKE_SYS_MUNMAP, LIB, 4096);
	script_sys(s, FAKE_SYS_YIELD);
	script_sys(s, FAKE_SYS_YIELD);
	OP32(s, "\xba", 0);
	script_sys2(s, FAKE_SYS_MMAP, 1, LIB);
	OP32(s, "\xb8", LIB);
	OP(s, "\xff\xd0");
	script_sys2(s, FAKE_SYS_EXIT_GROUP, 0, 0);
	script_aim(s, thread);
	OP32(s, "\xbb", 5);
	loop = OP32(s, "\xb8", LIB);
	OP(s, "\xff\xd0");
	OP(s, "\xff\xcb"); /* dec %ebx */
	REL(s, "\x0f\x85", loop);
	write_exit(s);
}

static void setup_unmapped(struct fake_world *w)
{
	struct stage *st = stage_new(w, UPR_MODE_AUTO);
	struct script *lib = kzalloc(sizeof(*lib), GFP_KERNEL);
	unsigned int i;

	st->jumps = true;
	w->max_steps = 20000;
	write_caller(&st->script);
	stage_raise(st);
	script_init(lib, LIB);
	write_func(lib);
	w->programs[1] = fake_file_new(w, lib->code, lib->len);
	upr_batch_begin(w->session);
	for (i = 0; i < lib->nr; i++) {
		struct site *site = stage_site(st, lib->at[i]);
		struct upr_facts facts;

		script_facts(lib, lib->at[i], false, &facts);
		fake_expect(w, !upr_register_facts(w->session, w->programs[1]->key, lib->at[i], &facts, UPR_INSN_64,
						   &site->consumer, &site->probe));
	}
	upr_batch_end(w->session);
	kfree(lib);
}

/*
 * The other one may be killed by it: what it has been counted for may not have been executed.  And it
 * may be in the library before that is armed.
 */
static void check_unmapped(struct fake_world *w)
{
	struct stage *st = w->data;
	unsigned int i;

	fake_expect(w, !w->pc_leaks && !w->stray_traps && fake_is_dead(st->task));
	for (i = 0; i < st->nr_sites; i++) {
		u64 executed = fake_executed(w->programs[1], st->sites[i].offset), count = site_count(&st->sites[i]);

		if (!fake_expect_at(w, (count || !executed) && count <= executed + 2,
				    "hits in a library that has gone"))
			fake_diag(w->test, "site %u: counted %llu, executed %llu", i, (unsigned long long)count,
				  (unsigned long long)executed);
	}
}

static void unmapped(struct fake_test *t)
{
	struct fake_scenario s = {
		.name = "a library with jumps is unmapped and mapped again under a thread that calls it",
		.setup = setup_unmapped,
		.check = check_unmapped,
		.teardown = stage_free,
		.preemptions = 10,
		.random = true,
		.runs = 800,
		.seed = 41,
	};

	fake_explore(t, &s);
	s.preemptions = 2;
	s.random = false;
	s.name = "the same, at every moment";
	fake_explore(t, &s);
}

const struct fake_case upr_jump_race_cases[] = {
	{"jump-signals", signals}, {"jump-orders", orders},	{"jump-moments", moments},
	{"jump-faults", faults},   {"jump-unmapped", unmapped}, {NULL, NULL},
};
