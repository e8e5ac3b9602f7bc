// SPDX-License-Identifier: GPL-2.0
/*
 * fake-sched.c - worlds, and the order in which things happen in them.
 *
 * Purpose: at each step all that could happen next is listed, one of it is
 * chosen and done.  An exploration runs the same world from its beginning again
 * and again, each time with the next sequence of choices in depth-first
 * order; there is no state to save, since a run is a function of its choices.
 * With a bound of preemptions only orders with few switches away from a task or
 * actor that could go on are tried: most bugs need no more than two.  When a quiesce
 * report, a work or an area completes is always free; at once is tried first.
 *
 * Locks: none, one thread.
 */
#include "fake-int.h"

#define MAX_CHOICES 64
#define MAX_STEPS   3000
#define TRACE_SIZE  8192

enum fake_kind {
	FAKE_NOTHING,
	FAKE_RUN,
	FAKE_QUIESCE,
	FAKE_WORK,
	FAKE_REQUEST,
	FAKE_ACT,
};

struct fake_choice {
	enum fake_kind kind;
	void *who;
};

struct fake_explorer {
	u16 choice[FAKE_DEPTH], width[FAKE_DEPTH];
	u32 depth;	 /* choices made in this run */
	u32 prefix;	 /* of them given beforehand */
	int bound, used; /* preemptions; bound -1: none */
	bool random;
	u64 rng;
};

/* The world whose engine is running: deferred works do not say whose they are. */
static struct fake_world *fake_current;

struct fake_world *fake_world_current(void)
{
	return fake_current;
}

/* --- telling people -------------------------------------------------------- */

static char *fmt_text(const char *fmt, va_list ap)
{
	char *text = kmalloc(512, GFP_ATOMIC);

	if (text)
		vsnprintf(text, 512, fmt, ap);
	return text;
}

void fake_diag(struct fake_test *t, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = fmt_text(fmt, ap);
	va_end(ap);
	t->diag(t, text ? text : fmt);
	kfree(text);
}

void fake_ok(struct fake_test *t, bool good, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = fmt_text(fmt, ap);
	va_end(ap);
	t->ok(t, good, text ? text : fmt);
	kfree(text);
}

static void print_trace(struct fake_world *w)
{
	size_t at;

	fake_diag(w->test, "order (T task runs, q quiesce report, w deferred work, m area, letters: actors):");
	for (at = 0; at < w->trace_len; at += 400)
		fake_diag(w->test, "%.400s", w->trace + at);
}

void fake_fatal(struct fake_world *w, const char *fmt, ...)
{
	va_list ap;
	char *text;

	if (w->broken)
		return;
	w->broken = true;
	va_start(ap, fmt);
	text = fmt_text(fmt, ap);
	va_end(ap);
	print_trace(w);
	w->test->fatal(w->test, text ? text : fmt);
	kfree(text);
}

void fake_trace(struct fake_world *w, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (w->trace_len + 32 > TRACE_SIZE)
		return;
	va_start(ap, fmt);
	n = vsnprintf(w->trace + w->trace_len, TRACE_SIZE - w->trace_len, fmt, ap);
	va_end(ap);
	w->trace_len += min_t(size_t, n, TRACE_SIZE - w->trace_len - 1);
}

bool fake_expect_at(struct fake_world *w, bool cond, const char *what)
{
	if (!cond && !w->failed)
		w->failed = what;
	return cond;
}

/* --- worlds ------------------------------------------------------------------ */

struct fake_world *fake_world_new(struct fake_test *t)
{
	struct fake_world *w = kzalloc(sizeof(*w), GFP_KERNEL);

	BUG_ON(!w);
	w->test = t;
	w->trace = kzalloc(TRACE_SIZE, GFP_KERNEL);
	w->last = kzalloc(sizeof(*w->last), GFP_KERNEL);
	BUG_ON(!w->trace || !w->last);
	w->next_tid = 1;
	w->max_steps = MAX_STEPS;
	w->nr_cpus = 2;
	INIT_LIST_HEAD(&w->files);
	INIT_LIST_HEAD(&w->mms);
	INIT_LIST_HEAD(&w->tasks);
	INIT_LIST_HEAD(&w->actors);
	INIT_LIST_HEAD(&w->works);
	INIT_LIST_HEAD(&w->requests);
	fake_current = w;
	return w;
}

struct fake_mm *fake_mm_new(struct fake_world *w)
{
	static const u8 sigreturn[] = {0xb8, FAKE_SYS_SIGRETURN, 0, 0, 0, 0x0f, 0x05};
	struct fake_mm *mm = fake_mm_raw(w);

	fake_map_raw(mm, FAKE_VDSO, FAKE_PAGE, FAKE_R | FAKE_X, NULL, 0);
	fake_poke(mm, FAKE_VDSO, sigreturn, sizeof(sigreturn));
	return mm;
}

struct fake_map *fake_map(struct fake_mm *mm, u64 addr, u64 len, unsigned int prot, struct fake_file *file, u64 offset)
{
	struct fake_map *map = fake_map_raw(mm, addr, len, prot, file, offset);

	if (mm->upr && file && (prot & FAKE_X))
		mm->world->probes->mmap(mm, map);
	return map;
}

void fake_unmap(struct fake_mm *mm, u64 addr, u64 len)
{
	fake_unmap_raw(mm, addr, len);
	if (mm->upr)
		mm->world->probes->munmap(mm, addr, len);
}

void fake_actor_add(struct fake_world *w, struct fake_actor *a)
{
	list_add_tail(&a->node, &w->actors);
}

void fake_defer(struct upr_work *work)
{
	if (work->queued)
		return;
	work->queued = 1;
	list_add_tail(&work->list, &fake_current->works);
}

static void run_work(struct fake_world *w)
{
	struct upr_work *work = list_first_entry(&w->works, struct upr_work, list);

	list_del(&work->list);
	INIT_LIST_HEAD(&work->list);
	work->queued = 0;
	work->fn(work);
	fake_check_unlocked(w, "after a deferred work");
}

/* The engine's works first: they may still refer to what dies. */
static void drain(struct fake_world *w)
{
	struct fake_request *req, *next;

	while (!list_empty(&w->works))
		run_work(w);
	list_for_each_entry_safe(req, next, &w->requests, node) {
		list_del(&req->node);
		kfree(req);
	}
}

static void free_file(struct fake_file *file)
{
	list_del(&file->node);
	kvfree(file->bytes);
	kvfree(file->executed);
	kfree(file);
}

void fake_world_free(struct fake_world *w)
{
	struct fake_file *file, *next_file;
	struct fake_task *t, *next_task;
	struct fake_mm *mm, *next_mm;

	/* a world whose contract is broken is left as it lies */
	if (w->broken)
		return;
	list_for_each_entry(t, &w->tasks, node)
		fake_task_die(t, 128 + FAKE_SIGKILL);
	drain(w);
	if (w->teardown)
		w->teardown(w);
	drain(w);
	list_for_each_entry_safe(t, next_task, &w->tasks, node) {
		list_del(&t->node);
		kfree(t);
	}
	list_for_each_entry_safe(mm, next_mm, &w->mms, node)
		fake_mm_free(mm);
	if (w->nr_shared)
		fake_fatal(w, "memory of counters has not been freed");
	list_for_each_entry_safe(file, next_file, &w->files, node)
		free_file(file);
	kfree(w->last);
	kfree(w->trace);
	kfree(w);
}

/* --- choices -------------------------------------------------------------------- */

static bool same(const struct fake_choice *a, const struct fake_choice *b)
{
	return a->kind == b->kind && a->who == b->who;
}

static int add(struct fake_choice *list, int n, enum fake_kind kind, void *who)
{
	BUG_ON(n >= MAX_CHOICES);
	list[n].kind = kind;
	list[n].who = who;
	return n + 1;
}

static int list_completions(struct fake_world *w, struct fake_choice *list)
{
	struct fake_task *t;
	int n = 0;

	list_for_each_entry(t, &w->tasks, node)
		if (fake_task_can_quiesce(t))
			n = add(list, n, FAKE_QUIESCE, t);
	if (!list_empty(&w->works))
		n = add(list, n, FAKE_WORK, NULL);
	if (!list_empty(&w->requests))
		n = add(list, n, FAKE_REQUEST, NULL);
	return n;
}

/*
 * What could happen now.  First what has been asked for and only waits for its
 * completion, then whoever ran last, then the others.
 * Return: how many; *free: how many of them are no preemption.
 */
static int list_choices(struct fake_world *w, struct fake_choice *list, int *free)
{
	int n = list_completions(w, list), first = n, i;
	struct fake_actor *a;
	struct fake_task *t;

	list_for_each_entry(t, &w->tasks, node)
		if (fake_task_can_run(t))
			n = add(list, n, FAKE_RUN, t);
	list_for_each_entry(a, &w->actors, node)
		if (!a->done && (!a->ready || a->ready(w, a)))
			n = add(list, n, FAKE_ACT, a);
	*free = n;
	for (i = first; i < n; i++) {
		if (!same(&list[i], w->last))
			continue;
		swap(list[i], list[first]);
		*free = first + 1;
	}
	return n;
}

static void act(struct fake_world *w, struct fake_actor *a)
{
	fake_trace(w, "%c%d ", a->name ? a->name : 'a', a->at);
	a->done = !a->step(w, a);
	a->at++;
	fake_check_unlocked(w, "after an actor's step");
}

static void carry_out(struct fake_world *w, const struct fake_choice *choice)
{
	struct fake_task *t = choice->who;

	if (choice->kind == FAKE_RUN || choice->kind == FAKE_ACT)
		*w->last = *choice;
	switch (choice->kind) {
	case FAKE_NOTHING:
		break;
	case FAKE_RUN:
		fake_trace(w, "T%d:%llx ", t->tid, (unsigned long long)t->regs.ip);
		fake_task_run(t);
		break;
	case FAKE_QUIESCE:
		fake_trace(w, "q%d ", t->tid);
		fake_task_quiesce(t);
		break;
	case FAKE_WORK:
		fake_trace(w, "w ");
		run_work(w);
		break;
	case FAKE_REQUEST:
		fake_trace(w, "m ");
		fake_request_run(w, list_first_entry(&w->requests, struct fake_request, node));
		break;
	case FAKE_ACT:
		act(w, choice->who);
		break;
	}
}

static u64 next_random(struct fake_explorer *x)
{
	x->rng ^= x->rng << 13;
	x->rng ^= x->rng >> 7;
	x->rng ^= x->rng << 17;
	return x->rng;
}

/* @free: choices that do not take the turn from somebody who could go on */
static int pick(struct fake_world *w, int n, int free)
{
	struct fake_explorer *x = w->explorer;
	int which = 0;

	if (!x)
		return 0;
	if (x->bound >= 0 && x->used >= x->bound)
		n = free;
	if (n == 1)
		return 0;
	if (x->random) {
		which = next_random(x) % n;
	} else if (x->depth < FAKE_DEPTH) {
		if (x->depth >= x->prefix)
			x->choice[x->depth] = 0;
		which = x->choice[x->depth];
		BUG_ON(which >= n);
		x->width[x->depth++] = n;
	}
	if (which >= free)
		x->used++;
	return which;
}

static void run_steps(struct fake_world *w, void (*step)(struct fake_world *w))
{
	struct fake_choice list[MAX_CHOICES];
	int n, free;

	fake_current = w;
	while (!w->broken && !w->failed && (n = list_choices(w, list, &free)) > 0) {
		struct fake_choice choice = list[pick(w, n, free)];

		carry_out(w, &choice);
		if (step && !w->broken)
			step(w);
		if (++w->steps > w->max_steps)
			fake_expect_at(w, false, "the world comes to rest");
	}
}

bool fake_run(struct fake_world *w)
{
	run_steps(w, NULL);
	return !w->broken && !w->failed;
}

bool fake_sync(struct fake_world *w)
{
	struct fake_choice list[MAX_CHOICES];

	fake_current = w;
	while (!w->broken && list_completions(w, list) > 0) {
		carry_out(w, &list[0]);
		if (++w->steps > w->max_steps)
			fake_expect_at(w, false, "the world comes to rest");
	}
	return !w->broken && !w->failed;
}

/* --- exploration --------------------------------------------------------------------- */

/* The next sequence of choices in depth-first order; false: that was the last. */
static bool next_order(struct fake_explorer *x)
{
	u32 i = x->depth;

	while (i > 0 && x->choice[i - 1] + 1 >= x->width[i - 1])
		i--;
	if (!i)
		return false;
	x->choice[i - 1]++;
	x->prefix = i;
	return true;
}

static bool run_one(struct fake_test *t, const struct fake_scenario *s, struct fake_explorer *x)
{
	struct fake_world *w = fake_world_new(t);
	bool good;

	x->depth = 0;
	x->used = 0;
	w->explorer = x;
	w->data = s->arg;
	w->teardown = s->teardown;
	s->setup(w);
	run_steps(w, s->step);
	if (!w->broken && !w->failed && s->check)
		s->check(w);
	good = !w->broken && !w->failed;
	if (!good && !w->broken) {
		fake_diag(t, "%s: does not hold: %s", s->name, w->failed);
		print_trace(w);
	}
	fake_world_free(w);
	return good;
}

unsigned long fake_explore(struct fake_test *t, const struct fake_scenario *s)
{
	struct fake_explorer *x = kzalloc(sizeof(*x), GFP_KERNEL);
	unsigned long limit = s->runs, runs = 0;
	bool good = true, more = true;

	BUG_ON(!x);
	x->bound = s->preemptions;
	x->random = s->random;
	x->rng = s->seed * 0x9e3779b97f4a7c15ull | 1;
	if (t->effort && (!limit || limit > t->effort))
		limit = t->effort;
	if (x->random && !limit)
		limit = 1000;
	while (good && more && (!limit || runs < limit)) {
		good = run_one(t, s, x);
		runs++;
		more = x->random || next_order(x);
		cond_resched();
	}
	fake_diag(t, "%s: %lu %s", s->name, runs,
		  x->random ? "random orders" :
		  more	    ? "orders (cut off there)" :
			      "orders, all there are");
	if (s->preemptions >= 0 && !x->random)
		fake_diag(t, "%s: within %d preemptions", s->name, s->preemptions);
	fake_ok(t, good, "%s", s->name);
	kfree(x);
	return good ? runs : 0;
}
