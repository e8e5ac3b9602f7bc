// SPDX-License-Identifier: GPL-2.0
/*
 * upr-random.c - random programs for the fake CPU.
 *
 * Purpose: see upr-random.h.  rbx counts rounds and rsp is the stack; all other
 * registers are anybody's.
 *
 * Locks: none, one thread.
 */
#include "upr-random.h"

#define FUNCS	     3
#define THREAD_STACK 1024u

/* nop; push %rbp; pop %rbp; ret */
const u8 random_lib[4] = {0x90, 0x55, 0x5d, 0xc3};

struct author {
	struct script *s;
	struct random *r;
	unsigned int what;
	unsigned int funcs[FUNCS];
	unsigned int nr_funcs;
	unsigned int children; /* still to be made */
	bool in_child;
};

void random_begin(struct random *r, u64 seed)
{
	r->state = (seed + 1) * 0x9e3779b97f4a7c15ull | 1;
	random_below(r, 2);
}

unsigned int random_below(struct random *r, unsigned int limit)
{
	r->state ^= r->state << 13;
	r->state ^= r->state >> 7;
	r->state ^= r->state << 17;
	return (unsigned int)(r->state >> 33) % limit;
}

static u64 some_data(struct author *a)
{
	return SCRIPT_DATA + 8 + 8 * random_below(a->r, 64);
}

static void write_nop(struct author *a)
{
	switch (random_below(a->r, 4)) {
	case 0:
		OP(a->s, "\x90");
		break;
	case 1:
		OP(a->s, "\x66\x90");
		break;
	case 2:
		OP(a->s, "\xf3\x0f\x1e\xfa");
		break;
	case 3:
		OP(a->s, "\x0f\x1f\x00");
		break;
	}
}

static void write_compute(struct author *a)
{
	struct script *s = a->s;

	switch (random_below(a->r, 8)) {
	case 0:
		OP32(s, "\xb8", random_below(a->r, 1000)); /* mov $n, %eax */
		break;
	case 1:
		OP32(s, "\x41\xb8", random_below(a->r, 1000)); /* mov $n, %r8d */
		break;
	case 2:
		OP(s, "\x48\x01\xc8"); /* add %rcx, %rax */
		break;
	case 3:
		OP(s, "\x4c\x29\xc2"); /* sub %r8, %rdx */
		break;
	case 4:
		OP(s, "\x31\xf1"); /* xor %esi, %ecx */
		break;
	case 5:
		OP(s, "\x48\x83\xc6\x07"); /* add $7, %rsi */
		break;
	case 6:
		OP(s, "\x48\x8d\x54\x08\x05"); /* lea 5(%rax,%rcx), %rdx */
		break;
	case 7:
		OP(s, "\x48\xff\xc2"); /* inc %rdx */
		break;
	}
}

static void write_memory(struct author *a)
{
	struct script *s = a->s;

	switch (random_below(a->r, 6)) {
	case 0:
		RIP(s, "\x48\x8b\x0d", some_data(a)); /* mov data, %rcx */
		break;
	case 1:
		RIP(s, "\x48\x89\x05", some_data(a)); /* mov %rax, data */
		break;
	case 2:
		RIP(s, "\x4c\x01\x05", some_data(a)); /* add %r8, data */
		break;
	case 3:
		RIP(s, "\xff\x35", some_data(a)); /* push data */
		OP(s, "\x5a");			  /* pop %rdx */
		break;
	case 4:
		OP(s, "\x50");	   /* push %rax */
		OP(s, "\x41\x58"); /* pop %r8 */
		break;
	case 5:
		OP(s, "\x9c");						  /* pushf */
		script_op(s, random_below(a->r, 2) ? "\x9d" : "\x5a", 1); /* popf, pop %rdx */
		break;
	}
}

static void write_branch(struct author *a)
{
	struct script *s = a->s;
	unsigned int from;

	switch (random_below(a->r, 4)) {
	case 0:
		OP(s, "\x48\x39\xc8");							     /* cmp %rcx, %rax */
		from = script_rel(s, random_below(a->r, 2) ? "\x0f\x85" : "\x0f\x8c", 2, 0); /* jne, jl */
		write_compute(a);
		script_aim(s, from);
		break;
	case 1:
		from = REL(s, "\xe9", 0);
		write_compute(a);
		script_aim(s, from);
		break;
	case 2:
		OP(s, "\xeb\x03"); /* jmp over a three-byte nop */
		OP(s, "\x0f\x1f\x00");
		break;
	case 3:
		OP32(s, "\xb9", 1 + random_below(a->r, 3)); /* mov $n, %ecx */
		OP(s, "\x48\xff\xc0");			    /* 1: inc %rax */
		OP(s, "\xe2\xfb");			    /* loop 1b */
		break;
	}
}

static void write_call(struct author *a)
{
	struct script *s = a->s;
	unsigned int func;

	if (!a->nr_funcs)
		return;
	func = a->funcs[random_below(a->r, a->nr_funcs)];
	if (random_below(a->r, 2)) {
		REL(s, "\xe8", func);
		return;
	}
	OP32(s, "\xb8", (u32)FAKE_TEXT + func);
	OP(s, "\xff\xd0"); /* call *%rax */
}

static void write_string(struct author *a)
{
	OP32(a->s, "\xb9", random_below(a->r, 4));
	RIP(a->s, "\x48\x8d\x3d", SCRIPT_DATA + 1024 + random_below(a->r, 64));
	OP(a->s, "\xf3\xaa"); /* rep stosb */
}

static void write_kill(struct author *a)
{
	script_sys(a->s, FAKE_SYS_GETTID);
	OP(a->s, "\x89\xc7"); /* mov %eax, %edi */
	OP32(a->s, "\xbe", RANDOM_SIGUSR1);
	script_sys(a->s, FAKE_SYS_KILL);
}

static void write_lib(struct author *a)
{
	OP32(a->s, "\xba", 0);
	script_sys2(a->s, FAKE_SYS_MMAP, 1, RANDOM_LIB);
	OP32(a->s, "\xb8", RANDOM_LIB);
	OP(a->s, "\xff\xd0");
	script_sys2(a->s, FAKE_SYS_MUNMAP, RANDOM_LIB, 4096);
}

static void write_items(struct author *a, unsigned int nr);

static void write_child(struct author *a)
{
	unsigned int parent, call;
	bool thread = (a->what & RANDOM_THREADS) && (!(a->what & RANDOM_FORKS) || random_below(a->r, 2));

	if (!a->children || a->in_child)
		return;
	a->children--;
	call = thread ? FAKE_SYS_CLONE : random_below(a->r, 2) ? FAKE_SYS_FORK : FAKE_SYS_VFORK;
	/* a stack of its own each time round: the first word of the data says where the next one is */
	RIP(a->s, "\x48\x8b\x35", SCRIPT_DATA);		/* mov data, %rsi */
	OP32(a->s, "\x48\x8d\x96", (u32)-THREAD_STACK); /* lea -THREAD_STACK(%rsi), %rdx */
	RIP(a->s, "\x48\x89\x15", SCRIPT_DATA);		/* mov %rdx, data */
	OP32(a->s, "\xbf", 1);				/* mov $1, %edi */
	script_sys(a->s, call);
	OP(a->s, "\x85\xc0");
	parent = REL(a->s, "\x0f\x85", 0);
	a->in_child = true;
	write_items(a, 1 + random_below(a->r, 5));
	a->in_child = false;
	script_sys2(a->s, FAKE_SYS_EXIT, 0, 0);
	script_aim(a->s, parent);
}

static void write_special(struct author *a)
{
	switch (random_below(a->r, 4)) {
	case 0:
		if (a->what & RANDOM_SIGNALS)
			write_kill(a);
		break;
	case 1:
		/* two threads at it would map over each other */
		if ((a->what & RANDOM_LIBS) && !(a->what & RANDOM_THREADS))
			write_lib(a);
		break;
	default:
		if (a->what & (RANDOM_THREADS | RANDOM_FORKS))
			write_child(a);
	}
}

static void write_items(struct author *a, unsigned int nr)
{
	while (nr--) {
		switch (random_below(a->r, 9)) {
		case 0:
			write_nop(a);
			break;
		case 1:
		case 2:
			write_compute(a);
			break;
		case 3:
			write_memory(a);
			break;
		case 4:
			write_branch(a);
			break;
		case 5:
			write_call(a);
			break;
		case 6:
			write_string(a);
			break;
		case 7:
			script_sys(a->s, random_below(a->r, 2) ? FAKE_SYS_GETPID : FAKE_SYS_YIELD);
			break;
		case 8:
			write_special(a);
			break;
		}
	}
}

static void write_func(struct author *a)
{
	unsigned int at = a->s->len;
	bool frame = random_below(a->r, 2), twice = !random_below(a->r, 3) && a->nr_funcs + 1 < FUNCS;

	/* two entries: of the first only two bytes can change, which lead to padding if there is some */
	if (twice) {
		OP(a->s, "\x89\xff"); /* mov %edi, %edi */
		a->funcs[a->nr_funcs++] = at;
		at = a->s->len;
	}
	if (frame) {
		OP(a->s, "\x55");	      /* push %rbp */
		OP(a->s, "\x48\x89\xe5");     /* mov %rsp, %rbp */
		OP(a->s, "\x48\x83\xec\x20"); /* sub $32, %rsp */
	}
	switch (random_below(a->r, 3)) {
	case 0:
		write_nop(a);
		break;
	case 1:
		write_compute(a);
		break;
	case 2:
		write_memory(a);
		break;
	}
	if (frame)
		OP(a->s, "\xc9"); /* leave */
	OP(a->s, "\xc3");
	if (random_below(a->r, 2))
		OP(a->s, "\x66\x0f\x1f\x84\x00\x00\x00\x00\x00");
	a->funcs[a->nr_funcs++] = at;
}

void random_program(struct script *s, struct random *r, unsigned int what)
{
	struct author a = {.s = s, .r = r, .what = what, .children = 3};
	unsigned int over = REL(s, "\xe9", 0), handler, loop;

	while (a.nr_funcs < FUNCS)
		write_func(&a);
	handler = s->len;
	write_compute(&a);
	write_call(&a);
	OP(s, "\xc3");
	script_aim(s, over);
	if (what & RANDOM_SIGNALS)
		script_sys2(s, FAKE_SYS_SIGACTION, RANDOM_SIGUSR1, (u32)FAKE_TEXT + handler);
	OP32(s, "\xb8", (u32)(SCRIPT_DATA + SCRIPT_DATA_SIZE - 64)); /* mov $stack, %eax */
	RIP(s, "\x48\x89\x05", SCRIPT_DATA);
	OP32(s, "\xbb", 1 + random_below(r, 3));
	loop = s->len;
	write_items(&a, 4 + random_below(r, 12));
	OP(s, "\xff\xcb"); /* dec %ebx */
	REL(s, "\x0f\x85", loop);
	script_sys2(s, FAKE_SYS_EXIT, 0, 0);
}
