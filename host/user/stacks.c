// SPDX-License-Identifier: GPL-2.0
/*
 * stacks.c - who is to return where.
 *
 * Purpose: before text is replaced by a jump, and before a pad goes, no thread may
 * be about to return into it.  Return addresses lie on stacks, with much that is none: whatever
 * looks like one counts.  Registers are looked at, too: an address may be on its way.
 *
 * A thread's stack: that of the first thread is called [stack]; that of any other
 * ends in what its thread pointer points to (both C libraries place it there).  A
 * stack pointer somewhere else is fine in a signal handler that runs on an alternate
 * stack, since its frame says so and tells where the thread was before, and in
 * a vfork or posix_spawn child.  Any other may be one of many (coroutines, Go), of which nobody can tell
 * where they are: then all memory that the program can write to is looked at (stacks-all.c), if it is
 * not too much.
 *
 * No locks.
 */
#include "stacks.h"

#include <sys/uio.h>
#include <ucontext.h>

#define RED_ZONE    128u
#define FRAME_CHUNK 4096u
#define CHUNK	    65536u
#define MAX_DEPTH   4	       /* handlers upon handlers, each on a stack of its own */
#define FRAME_ROOM  (1u << 20) /* how far up the frame of a handler is looked for */

/* --- what is searched for ----------------------------------------------------------------- */

void stack_word_found(struct stack_search *s, u64 w)
{
	unsigned int lo = 0, hi = s->nr;

	while (lo < hi) {
		unsigned int mid = (lo + hi) / 2;

		if (w >= s->ranges[mid].hi) {
			lo = mid + 1;
		} else if (w < s->ranges[mid].lo) {
			hi = mid;
		} else {
			s->ranges[mid].hit = true;
			return;
		}
	}
}

int stack_read(const struct host_task *t, u64 at, void *buf, size_t len)
{
	struct iovec local = {buf, len}, remote = {(void *)at, len};

	if (process_vm_readv(t->tid, &local, 1, &remote, 1, 0) == (ssize_t)len)
		return 0;
	return mem_get(t->mm, at, buf, len);
}

static int scan(struct stack_search *s, struct host_task *t, u64 start, u64 end)
{
	static u64 buf[CHUNK / sizeof(u64)];
	u64 at;
	size_t len, i;
	int r = 0;

	start &= ~(u64)7;
	end &= ~(u64)7;
	for (at = start; at < end && !r; at += len) {
		len = (size_t)min(end - at, (u64)CHUNK);
		r = stack_read(t, at, buf, len);
		for (i = 0; !r && i < len / sizeof(u64); i++)
			stack_word(s, buf[i]);
	}
	return r;
}

/* --- where stacks are ------------------------------------------------------------------------- */

/* A mapping that contexts may lie in: not a file that is shared, not a device. */
static bool may_have_stacks(const struct map_line *line)
{
	static const char *const shared[] = {"/dev/zero", "/dev/shm/", "/memfd:", "/SYSV"};
	unsigned int i;

	if (line->perms[1] != 'w')
		return false;
	if (line->perms[3] == 'p' || !line->path[0])
		return true;
	/* what pads count in */
	if (!strcmp(line->path, "/memfd:uprobes (deleted)"))
		return false;
	for (i = 0; i < ARRAY_SIZE(shared); i++)
		if (!strncmp(line->path, shared[i], strlen(shared[i])))
			return true;
	return false;
}

static int take_map(void *data, const struct map_line *line)
{
	struct stack_search *s = data;

	if (s->nr_maps == s->room) {
		unsigned int room = s->room ? s->room * 2 : 64;
		struct stack_map *maps = realloc(s->maps, room * sizeof(*maps));

		if (!maps)
			return -ENOMEM;
		s->maps = maps;
		s->room = room;
	}
	s->maps[s->nr_maps++] = (struct stack_map){
		.start = line->start,
		.end = line->end,
		.is_stack = !strcmp(line->path, "[stack]"),
		.is_writable = may_have_stacks(line),
	};
	return 0;
}

static const struct stack_map *map_of(const struct stack_search *s, u64 addr)
{
	unsigned int lo = 0, hi = s->nr_maps;

	while (lo < hi) {
		unsigned int mid = (lo + hi) / 2;

		if (addr >= s->maps[mid].end)
			lo = mid + 1;
		else if (addr < s->maps[mid].start)
			hi = mid;
		else
			return &s->maps[mid];
	}
	return NULL;
}

/* It runs while a parent of the same thread pointer waits: on a stack made for it alone. */
static bool is_vfork_child(const struct host_task *t)
{
	const struct host_task *other;

	list_for_each_entry(other, &t->mm->tasks, mm_node)
		if (other != t && other->proc != t->proc && other->state == TASK_VFORK && other->regs_valid &&
		    other->regs.fs_base == t->regs.fs_base)
			return true;
	return false;
}

/*
 * A frame begins with the address of the code that ends it: mov $15,%rax; syscall.
 * The first instruction may be probed, the second is never displaced.
 */
static bool is_frame(struct host_task *t, u64 uc)
{
	static const u8 syscall_insn[2] = {0x0f, 0x05};
	u64 restorer;
	u8 code[2];

	return !stack_read(t, uc - 8, &restorer, sizeof(restorer)) &&
	       !mem_get(t->mm, restorer + 7, code, sizeof(code)) && !memcmp(code, syscall_insn, sizeof(code));
}

/* words[] are ss_sp, ss_flags and ss_size of a stack that holds @sp and the words themselves? */
static bool is_stack_of(const u64 *words, u64 sp, u64 at, u64 limit)
{
	return words[0] <= sp && words[2] <= limit - words[0] && at < words[0] + words[2];
}

/**
 * handler_frame() - the frame of a signal handler that runs on an alternate stack
 * @sp: in that stack
 * The kernel notes in the frame which stack it is.  Return: found; *end of that
 * stack, *before: the stack pointer of what was interrupted.
 */
static bool handler_frame(struct host_task *t, u64 sp, u64 limit, u64 *end, u64 *before)
{
	static u64 buf[FRAME_CHUNK / 8 + 2];
	u64 at = sp & ~(u64)7, top = min(limit, sp + FRAME_ROOM) & ~(u64)7, uc;
	size_t n, i;

	for (; at + 24 <= top; at += FRAME_CHUNK) {
		n = (size_t)min(top - at, (u64)sizeof(buf)) / 8;
		if (stack_read(t, at, buf, n * 8))
			return false;
		for (i = 0; i + 2 < n; i++) {
			uc = at + i * 8 - offsetof(ucontext_t, uc_stack);
			if (!is_stack_of(buf + i, sp, uc, limit) || !is_frame(t, uc))
				continue;
			*end = buf[i] + buf[i + 2];
			return !stack_read(t, uc + offsetof(ucontext_t, uc_mcontext.gregs[REG_RSP]), before, 8);
		}
	}
	return false;
}

/* --- a thread ------------------------------------------------------------------------------------ */

static u64 below(u64 sp)
{
	return sp > RED_ZONE ? sp - RED_ZONE : 0;
}

/* -ENXIO: it is one of many */
static int scan_from(struct stack_search *s, struct host_task *t, u64 sp, u64 fs, unsigned int depth)
{
	const struct stack_map *map = map_of(s, sp);
	u64 end, before, start;
	int r;

	if (!map)
		return -ENXIO;
	start = max(below(sp), map->start);
	if (map->is_stack && t->tid == t->proc->pid)
		return scan(s, t, start, map->end);
	if (fs >= sp && fs < map->end)
		return scan(s, t, start, fs);
	if (is_vfork_child(t))
		return scan(s, t, start, map->end);
	if (depth >= MAX_DEPTH || !handler_frame(t, sp, map->end, &end, &before))
		return -ENXIO;
	r = scan(s, t, start, end);
	return r ? r : scan_from(s, t, before, fs, depth + 1);
}

static void check_words(struct stack_search *s, const u64 *words, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		stack_word(s, words[i]);
}

/* The child that it waits for has its thread pointer; @sp lies below it, or is not on a thread's stack. */
static u64 childs_thread_pointer(const struct stack_search *s, struct host_task *t, u64 sp)
{
	const struct stack_map *map = map_of(s, sp);
	struct host_task *other;

	list_for_each_entry(other, &t->mm->tasks, mm_node)
		if (map && other->proc != t->proc && other->state == TASK_STOPPED && !regs_load(other) &&
		    other->regs.fs_base >= sp && other->regs.fs_base < map->end)
			return other->regs.fs_base;
	return 0;
}

/*
 * It went into vfork before we came, and cannot be asked.  Its file says where it is in
 * the kernel: number of the call, six arguments, stack pointer, pc.
 */
static int scan_unasked(struct stack_search *s, struct host_task *t)
{
	char buf[256], *at = buf;
	u64 words[7];
	unsigned int i;

	if (proc_read(buf, sizeof(buf), "/proc/%d/syscall", t->tid) <= 0 || !strchr(buf, 'x'))
		return -ENOTSUPP;
	strtoul(at, &at, 10);
	for (i = 0; i < ARRAY_SIZE(words); i++)
		words[i] = strtoull(at, &at, 16);
	check_words(s, words, 6);
	return scan_from(s, t, words[6], childs_thread_pointer(s, t, words[6]), 0);
}

static int scan_task(struct stack_search *s, struct host_task *t)
{
	const struct user_regs_struct *r = &t->regs;

	if (t->state == TASK_ZOMBIE || t->kind == STOP_EXIT)
		return 0;
	if (t->state == TASK_VFORK && !t->regs_valid)
		return scan_unasked(s, t);
	if (t->state != TASK_STOPPED && t->state != TASK_VFORK)
		return -ENOTSUPP;
	if (regs_load(t))
		return -ESRCH;
	if (task_is_kernels_own(t))
		return 0;
	check_words(s,
		    (const u64[]){r->rax, r->rcx, r->rdx, r->rbx, r->rbp, r->rsi, r->rdi, r->r8, r->r9, r->r10, r->r11,
				  r->r12, r->r13, r->r14, r->r15},
		    15);
	return scan_from(s, t, r->rsp, r->fs_base, 0);
}

int host_stacks_scan(struct upr_mm *umm, struct upr_text_range *ranges, unsigned int nr)
{
	struct stack_search s = {.mm = umm->host, .ranges = ranges, .nr = nr};
	struct host_task *t;
	bool many = false;
	int r, error = 0;

	if (!nr || s.mm->fresh)
		return 0;
	if (s.mm->mode32)
		return -ENOTSUPP;
	s.lo = ranges[0].lo;
	s.hi = ranges[nr - 1].hi;
	error = maps_each(mm_any_tid(s.mm), take_map, &s);
	list_for_each_entry(t, &s.mm->tasks, mm_node) {
		r = error ? error : scan_task(&s, t);
		many |= r == -ENXIO;
		/* dead: its stack is of no use to anybody */
		if (r == -ESRCH || r == -ENXIO)
			r = 0;
		error = error ? error : r;
	}
	if (many && !error)
		error = stacks_scan_all(&s);
	free(s.maps);
	return error;
}
