// SPDX-License-Identifier: GPL-2.0
/*
 * undo.c - a call in a thread's name that the thread comes back from by itself.
 *
 * Purpose: if the tool is killed while a thread executes a call that is not its own, nobody gives
 * it its registers back.  So it is led through a `syscall' that is followed by rt_sigreturn,
 * with a signal frame of its own state: left alone at any moment it
 * finishes the call and goes on where it stood.  A call that was to be restarted is restarted, from
 * its beginning.
 *
 * The instructions are put where nobody executes anything: into the zeros behind the
 * end of the vdso, or of another executable mapping, and are taken out afterwards.  The frame
 * lies in memory of ours, where traps make the tool act while other threads run (survive.frames).
 * Elsewhere all are stopped: it lies below the red zone, and what was there is put back.  Not while others
 * run: the stack of a coroutine or a goroutine may end above the frame, and what is below it
 * is somebody's.
 *
 * The order of the caller's steps matters: registers go before the mask is closed, and the mask is
 * opened before registers come back.  In between a signal finds a thread with a good stack.
 *
 * Where there is no such place, or the frame cannot be written, the call is made
 * without: it is not survived if the tool is killed in the middle of it.
 *
 * No locks.
 */
#include "host.h"

#include <cpuid.h>
#include <elf.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#define SLACK		     32u   /* bytes of zeros to be found */
#define SLACK_TRIES	     16u   /* so many times as much is looked at */
#define FRAME_ROOM	     16384 /* the largest extended state */
#define BELOW		     512u  /* red zone, and what is read and written by the call itself */

#define FX_SIZE		     512u
#define FX_SW		     464u /* struct _fpx_sw_bytes, in the kernel's words */
#define FX_MAGIC1	     0x46505853u
#define FX_MAGIC2	     0x46505845u
#define XSTATE_MIN	     (FX_SIZE + 64u)

#define UC_FP_XSTATE	     1u
#define UC_SIGCONTEXT_SS     2u
#define UC_STRICT_RESTORE_SS 4u
#define NO_ALTSTACK	     0x7fffffffu /* refused, and so the one in force stays */

/* The kernel's struct ucontext, as far as rt_sigreturn reads it. */
struct uc_frame {
	u64 flags, link;
	u64 stack_sp, stack_flags, stack_size;
	u64 r8, r9, r10, r11, r12, r13, r14, r15;
	u64 di, si, bp, bx, dx, ax, cx, sp, ip, eflags;
	u16 cs, gs, fs, ss;
	u64 err, trapno, oldmask, cr2;
	u64 fpstate;
	u64 reserved[8];
	u64 sigmask;
};

/* That of a 32-bit program, from the stack pointer on: signo, pointers and siginfo come first. */
struct uc_frame32 {
	u8 before[140];
	u32 flags, link;
	u32 stack_sp, stack_flags, stack_size;
	u32 gs, fs, es, ds;
	u32 di, si, bp, sp, bx, dx, cx, ax;
	u32 trapno, err, ip, cs, eflags, sp_at_signal, ss;
	u32 fpstate;
	u32 oldmask, cr2;
	u32 sigmask[2];
};

_Static_assert(sizeof(struct uc_frame) == 304 && sizeof(struct uc_frame32) == 256, "the kernel's layout");

#define FSAVE_SIZE  112u /* before the extended state of a 32-bit frame: that of the x87, as fsave has it */
#define FSAVE_KNOWN 108u

/* syscall; mov $frame, %rsp; mov $15, %eax; syscall */
static const u8 code64[] = {0x0f, 0x05, 0x48, 0xbc, 0, 0, 0, 0, 0, 0, 0, 0, 0xb8, 15, 0, 0, 0, 0x0f, 0x05};
#define FRAME_AT_64 4u
/* int $0x80; mov $frame, %esp; mov $173, %eax; int $0x80 */
static const u8 code32[] = {0xcd, 0x80, 0xbc, 0, 0, 0, 0, 0xb8, 173, 0, 0, 0, 0xcd, 0x80};
#define FRAME_AT_32 3u

struct undo {
	u64 code;
	u64 at; /* of the frame */
	size_t size;
	bool on_stack;
	u8 saved[FRAME_ROOM + 512];
	u8 frame[FRAME_ROOM + 512];
};

_Static_assert(sizeof(code64) <= SLACK && sizeof(code32) <= sizeof(code64), "the code fits");
_Static_assert(UNDO_ROOM >= 64 + sizeof(((struct undo *)NULL)->frame), "a frame of any size");

/* --- a place for the instructions -------------------------------------------------------- */

static bool is_slack(struct host_mm *mm, u64 addr)
{
	static const u8 none[SLACK];
	u8 now[SLACK];

	return !mem_get(mm, addr, now, sizeof(now)) && !memcmp(now, none, sizeof(now));
}

static u64 slack_before(struct host_mm *mm, u64 end)
{
	unsigned int i;

	for (i = 1; i <= SLACK_TRIES; i++)
		if (is_slack(mm, end - (u64)i * SLACK))
			return end - (u64)i * SLACK;
	return 0;
}

static int find_vdso_end(void *data, const struct map_line *line)
{
	u64 *end = data;

	if (strcmp(line->path, "[vdso]"))
		return 0;
	*end = line->end;
	return 1;
}

static u64 find_slack(struct host_mm *mm)
{
	u64 end = 0, at = 0;
	unsigned int i;

	if (maps_each(mm_any_tid(mm), find_vdso_end, &end) > 0)
		at = slack_before(mm, end);
	for (i = 0; !at && i < mm->maps.nr; i++)
		if (!mm->maps.v[i].shared)
			at = slack_before(mm, mm->maps.v[i].end);
	return at;
}

/* --- the frame ------------------------------------------------------------------------------- */

/* A call that has been interrupted: it is executed again. */
static void restart(struct user_regs_struct *r)
{
	static const int codes[] = {512, 513, 514, 516}; /* ERESTARTSYS and its kin */
	unsigned int i;

	if ((s32)r->orig_rax < 0)
		return;
	for (i = 0; i < ARRAY_SIZE(codes); i++) {
		if ((s32)r->rax != -codes[i])
			continue;
		r->rax = r->orig_rax;
		r->rip -= 2;
		return;
	}
}

static void fill64(u8 *frame, const struct user_regs_struct *r, u64 mask, u64 fpstate)
{
	struct uc_frame uc = {
		.flags = UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS,
		.stack_flags = NO_ALTSTACK,
		.r8 = r->r8,
		.r9 = r->r9,
		.r10 = r->r10,
		.r11 = r->r11,
		.r12 = r->r12,
		.r13 = r->r13,
		.r14 = r->r14,
		.r15 = r->r15,
		.di = r->rdi,
		.si = r->rsi,
		.bp = r->rbp,
		.bx = r->rbx,
		.dx = r->rdx,
		.ax = r->rax,
		.cx = r->rcx,
		.sp = r->rsp,
		.ip = r->rip,
		.eflags = r->eflags,
		.cs = (u16)r->cs,
		.ss = (u16)r->ss,
		.fpstate = fpstate,
		.sigmask = mask,
	};

	memcpy(frame, &uc, sizeof(uc));
}

static void fill32(u8 *frame, const struct user_regs_struct *r, u64 mask, u64 fpstate)
{
	struct uc_frame32 uc = {
		.flags = UC_FP_XSTATE,
		.stack_flags = NO_ALTSTACK,
		.gs = (u16)r->gs,
		.fs = (u16)r->fs,
		.es = (u16)r->es,
		.ds = (u16)r->ds,
		.di = (u32)r->rdi,
		.si = (u32)r->rsi,
		.bp = (u32)r->rbp,
		.sp = (u32)r->rsp,
		.bx = (u32)r->rbx,
		.dx = (u32)r->rdx,
		.cx = (u32)r->rcx,
		.ax = (u32)r->rax,
		.ip = (u32)r->rip,
		.cs = (u16)r->cs,
		.eflags = (u32)r->eflags,
		.ss = (u16)r->ss,
		.fpstate = (u32)fpstate,
		.sigmask = {(u32)mask, (u32)(mask >> 32)},
	};

	memcpy(frame, &uc, sizeof(uc));
}

/* Up to the end of the last component that is not in its initial state. */
static u32 xstate_size(u64 components)
{
	u32 size = XSTATE_MIN, a, b, c, d;
	/* a virtual machine takes microseconds to answer each question */
	static u32 ends[63];
	unsigned int i;

	for (i = 2; i < 63; i++) {
		if (!(components & (1ull << i)))
			continue;
		if (!ends[i]) {
			__cpuid_count(0xd, i, a, b, c, d);
			ends[i] = a + b;
		}
		size = max(size, ends[i]);
	}
	return size;
}

/* Floating point and vector registers, in the form that signal frames have.  Return: bytes; 0: not to be had */
static size_t fill_xstate(struct host_task *t, u8 *buf)
{
	struct iovec iov = {buf, FRAME_ROOM};
	u32 magic1 = FX_MAGIC1, magic2 = FX_MAGIC2, size, extended;
	u64 components;

	if (host_ptrace(PTRACE_GETREGSET, t->tid, NT_X86_XSTATE, (unsigned long)&iov) < 0 || iov.iov_len < XSTATE_MIN)
		return 0;
	memcpy(&components, buf + FX_SIZE, sizeof(components));
	/* the control register is part of SSE, whatever state that is in */
	components |= 3;
	size = xstate_size(components);
	if (size > iov.iov_len)
		return 0;
	extended = size + (u32)sizeof(magic2);
	memset(buf + FX_SW, 0, FX_SIZE - FX_SW);
	memcpy(buf + FX_SW, &magic1, 4);
	memcpy(buf + FX_SW + 4, &extended, 4);
	memcpy(buf + FX_SW + 8, &components, 8);
	memcpy(buf + FX_SW + 16, &size, 4);
	memcpy(buf + size, &magic2, 4);
	return extended;
}

static bool fill_fsave(struct host_task *t, u8 *buf)
{
	struct iovec iov = {buf, FSAVE_SIZE};

	return host_ptrace(PTRACE_GETREGSET, t->tid, NT_PRFPREG, (unsigned long)&iov) >= 0 &&
	       iov.iov_len == FSAVE_KNOWN;
}

static int put_frame(struct host_task *t, struct undo *u, const struct user_regs_struct *saved, u64 mask)
{
	bool mode32 = t->mm->mode32;
	size_t head = mode32 ? sizeof(struct uc_frame32) : ALIGN(sizeof(struct uc_frame), (size_t)64);
	size_t before = mode32 ? FSAVE_SIZE : 0, xstate = fill_xstate(t, u->frame + head + before);
	struct user_regs_struct regs = *saved;
	int r;

	if (!xstate || (mode32 && !fill_fsave(t, u->frame + head)))
		return -ENODATA;
	memset(u->frame, 0, head);
	u->size = head + before + xstate;
	u->on_stack = !t->mm->survive.frames;
	u->at = u->on_stack ? (saved->rsp - BELOW - u->size) & ~(u64)63 :
			      ALIGN(t->mm->survive.frames + UPR_AREA_SIGN_SIZE, (u64)64);
	restart(&regs);
	if (mode32)
		fill32(u->frame, &regs, mask, u->at + head);
	else
		fill64(u->frame, &regs, mask, u->at + head);
	r = u->on_stack ? mem_get(t->mm, u->at, u->saved, u->size) : 0;
	if (!r)
		r = mem_put(t->mm, u->at, u->frame, u->size);
	return r;
}

/* --- for inject() ------------------------------------------------------------------------------- */

static size_t make_code(const struct host_mm *mm, u64 frame, u8 code[sizeof(code64)])
{
	if (mm->mode32) {
		memcpy(code, code32, sizeof(code32));
		memcpy(code + FRAME_AT_32, &frame, 4);
		return sizeof(code32);
	}
	memcpy(code, code64, sizeof(code64));
	memcpy(code + FRAME_AT_64, &frame, 8);
	return sizeof(code64);
}

static int put_code(struct host_mm *mm, const struct undo *u)
{
	u8 code[sizeof(code64)];
	size_t size = make_code(mm, u->at, code);

	return mem_put(mm, u->code, code, size);
}

static bool others_run(const struct host_task *t)
{
	const struct host_task *other;

	list_for_each_entry(other, &t->mm->tasks, mm_node)
		if (other != t && (other->state == TASK_RUNNING || other->state == TASK_LISTENING))
			return true;
	return false;
}

/**
 * undo_begin() - a way back that needs nobody
 * @saved, @mask: what the thread is to have
 * Return: to be given to undo_end(); NULL: there is none
 */
struct undo *undo_begin(struct host_task *t, const struct user_regs_struct *saved, u64 mask)
{
	struct host_mm *mm = t->mm;
	struct undo *u;

	if (!mm->survive.frames && others_run(t))
		return NULL;
	if (!mm->slack || !is_slack(mm, mm->slack))
		mm->slack = find_slack(mm);
	u = mm->slack ? malloc(sizeof(*u)) : NULL;
	if (!u)
		return NULL;
	u->code = mm->slack;
	if (put_frame(t, u, saved, mask) || put_code(mm, u)) {
		free(u);
		return NULL;
	}
	return u;
}

/*
 * Where the call is to be executed.  Until its signals are blocked one may come: its frame is not to be
 * written over ours, and there is no room for it in memory that is ours.
 */
void undo_regs(const struct undo *u, struct user_regs_struct *call)
{
	call->rip = u->code;
	if (u->on_stack)
		call->rsp = u->at;
}

/* It has its registers back, or is dying. */
void undo_end(struct host_task *t, struct undo *u)
{
	static const u8 none[sizeof(code64)];

	if (!u)
		return;
	if (t->mm) {
		mem_put(t->mm, u->code, none, sizeof(none));
		if (u->on_stack)
			mem_put(t->mm, u->at, u->saved, u->size);
	}
	free(u);
}

/* What a tool that was killed has left at the end of an executable mapping.  Return: it was there */
bool undo_wipe(struct host_mm *mm, u64 end)
{
	static const u8 none[sizeof(code64)];
	size_t size = mm->mode32 ? sizeof(code32) : sizeof(code64);
	u8 now[sizeof(code64)], code[sizeof(code64)];
	unsigned int i;

	for (i = 1; i <= SLACK_TRIES; i++) {
		u64 at = end - (u64)i * SLACK, frame = 0;

		if (mem_get(mm, at, now, size))
			continue;
		/* whatever frame it leads to */
		memcpy(&frame, now + (mm->mode32 ? FRAME_AT_32 : FRAME_AT_64), mm->mode32 ? 4 : 8);
		make_code(mm, frame, code);
		if (!memcmp(now, code, size))
			return !mem_put(mm, at, none, size);
	}
	return false;
}
