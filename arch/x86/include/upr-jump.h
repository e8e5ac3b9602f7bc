/* SPDX-License-Identifier: GPL-2.0 */
/*
 * upr-jump.h - jump probes: what the engine asks of the architecture.
 *
 * Purpose: the probed instruction, with as many after it as five bytes cover
 * (the window), is replaced by a jump to a pad.  The pad counts, executes the
 * displaced instructions and jumps back: no kernel entry.
 *
 *   facts     what the tools have proven about a site (struct upr_facts)
 *   plan      can it be jumped at, and how (struct upr_jump, kept per probe)
 *   pad       the code in one address space (struct upr_pad describes it)
 *   leave     a task stands in a pad: what would the program see, and what is left to do
 *
 * Sites that lie in the window of another share its pad: a pad counts before
 * any of its displaced instructions.
 *
 * Context: pure computation over the arguments, except upr_pad_leave() and
 * upr_pad_enter(), which reach the task's stack through target_ops.  Nothing sleeps or
 * allocates.  No locks.
 */
#ifndef UPR_JUMP_H
#define UPR_JUMP_H

#include <upr-compat.h>
#include <utrace/insn.h>
#include <utrace/target.h>

#define UPR_JUMP_SIZE  5u  /* jmp rel32 */
#define UPR_JUMP_INSNS 5u  /* displaced instructions at most */
#define UPR_JUMP_CODE  24u /* their bytes at most: four bytes of short ones, one of 15, rounded up */
#define UPR_SITE_CODE  32u /* bytes looked at */
#define UPR_HOP_SIZE   2u  /* jmp rel8 */
#define UPR_HOLES      8u  /* known of a site at most */
#define UPR_NO_RSEQ    ((s32)0x80000000)

/**
 * struct upr_hole - room for a jmp rel32 near a site: padding that is proven never to be executed
 * @rel:	where it is, counted from behind a jmp rel8 at the site
 * @code:	what is there
 * It lies in the page of the site: where the one is mapped, the other is.
 */
struct upr_hole {
	s8 rel;
	u8 code[UPR_JUMP_SIZE];
};

/**
 * struct upr_facts - what is proven about a site, whatever address space it is in
 * @code:	original bytes from the site on
 * @len:	how many of them are known (up to the end of the segment's file bytes)
 * @clear:	how many bytes from the site on control flow can enter only by
 *		falling into them from the site: no branch target, function start,
 *		landing pad, return address or address that data names in bytes
 *		1..@clear-1.  0: nobody has looked, or the site lies where
 *		jumps are forbidden (@why), or the first instruction is entered in its middle.
 *		1: nothing is known but that the first instruction is entered at its begin only
 * @dead_gpr:	UPR_GPR() set: registers whose value at the site no execution reads
 * @flags_dead:	the same of all status flags
 * @solo:	no window of more than one instruction: a branch may lead anywhere
 *		in the function
 * @why:	what ends the clear bytes, in words; a constant string, may be NULL
 * @nr_holes:	of @holes, at most UPR_HOLES
 * @holes:	may overlap those of other sites; need be known only where nothing but a pun is possible without
 *		one.  The caller's: whoever keeps the facts keeps a copy of them
 */
struct upr_facts {
	u8 code[UPR_SITE_CODE];
	u8 len;
	u8 clear;
	u16 dead_gpr;
	bool flags_dead;
	bool solo;
	u8 nr_holes;
	const char *why;
	const struct upr_hole *holes;
};

/**
 * enum upr_jump_form - how the window is patched
 * @UPR_JUMP_NONE:	not at all: @reason
 * @UPR_JUMP_ONE:	jmp rel32 over one instruction of 5 bytes or more
 * @UPR_JUMP_WINDOW:	jmp rel32 over several instructions
 * @UPR_JUMP_TAIL:	jmp rel32 over the end of a function and padding behind it
 * @UPR_JUMP_CALL:	the window ends in a call: it becomes a call of the pad, with as many
 *		idle prefixes as it takes to push the original return address; the return
 *		stack of the CPU stays balanced.  Not under a shadow stack, see upr_jump_analyze()
 * @UPR_JUMP_HOP:	jmp rel8 over as many instructions as it takes, mostly one, to a hole, and jmp rel32
 *		there
 * @UPR_JUMP_PUN:	jmp rel32 whose last bytes are those of what follows the one displaced
 *		instruction: works if the address it leads to is free
 */
enum upr_jump_form {
	UPR_JUMP_NONE,
	UPR_JUMP_ONE,
	UPR_JUMP_WINDOW,
	UPR_JUMP_TAIL,
	UPR_JUMP_CALL,
	UPR_JUMP_HOP,
	UPR_JUMP_PUN,
	UPR_NR_JUMP_FORMS,
};

/**
 * struct upr_jump - the plan of one site
 * @form:	enum upr_jump_form
 * @nr:		displaced instructions
 * @len:	their bytes
 * @patch:	bytes of text that change, from the site on: 5 or more, below 5 for a pun, 2 for a hop
 * @off:	where each displaced instruction begins; off[nr] is @len
 * @code:	@len original bytes, and behind them those the patch also covers or puns
 * @dead_gpr:	as in struct upr_facts
 * @flags_dead:	as in struct upr_facts
 * @special:	a bit for each displaced instruction that is not simply copied; the others need not be decoded again
 * @reason:	of NONE: why; else the class of the proof.  A constant string, never NULL
 * @hole:	of HOP: one of the facts' holes, the first unless somebody has chosen another; in each
 *		address space only one site can have it
 *
 * A patch never crosses a page: it is written all or nothing.
 */
struct upr_jump {
	u8 form;
	u8 nr;
	u8 len;
	u8 patch;
	u8 off[UPR_JUMP_INSNS + 1];
	u8 code[UPR_JUMP_CODE];
	u16 dead_gpr;
	bool flags_dead;
	u8 special;
	const char *reason;
	struct upr_hole hole;
};

/**
 * upr_jump_analyze() - plan a site
 * @jump:	filled in, also when refused
 * @facts:	what is proven
 * @offset:	of the site in the file: its place in its page
 * @mode:	UPR_INSN_32 is refused
 * @env:	UPR_ENV_* set (upr-arch.h): with a shadow stack no call is displaced (a ret is: it takes
 *		the same address from both stacks wherever it stands)
 * @first:	the instruction at the site, if upr_xol_analyze() has taken it apart for an ordinary address space and
 *		refused nothing; or NULL
 *
 * Refused: anything that may enter the kernel or must be seen by it at its own place
 * (syscall, sysenter, int), xbegin, popf and whatever upr_xol_analyze()
 * refuses; a call anywhere but last; a patch across a page boundary.  A site that only a
 * pun is left for is planned as one: whether its place is free shows in each address space.
 * Return: 0, or -EOPNOTSUPP with jump->reason.
 */
int upr_jump_analyze(struct upr_jump *jump, const struct upr_facts *facts, u64 offset, enum upr_insn_mode mode,
		     unsigned int env, const struct upr_insn *first);

/**
 * upr_jump_can_fault() - can a displaced instruction raise SIGSEGV, SIGBUS, SIGFPE or SIGILL
 * Accesses by way of the stack pointer do not count: they fault where the stack ends.
 */
bool upr_jump_can_fault(const struct upr_jump *jump);

/** upr_jump_form_name() - for people and --json: one, window, tail, call, hop, pun, none */
const char *upr_jump_form_name(enum upr_jump_form form);

/**
 * upr_jump_reach() - where the pad must lie
 * @lo, @hi:	out: [lo, hi); a pad wholly inside is in reach of the site and of
 *		all rip-relative operands of the window, and reaches back.  lo >= hi: there is no such place.
 *		For a pun: the places that the bytes it may change choose from; 2^8 addresses for
 *		each of them but the first, so one place for an instruction of one byte
 * @size:	of the pad
 */
void upr_jump_reach(const struct upr_jump *jump, u64 addr, unsigned int size, u64 *lo, u64 *hi);

/**
 * struct upr_pad_env - what pads of one address space count with
 * @table:	address below 2 GiB of 2 * @nr_cpus words: first the address of each
 *		CPU's block of counters for rseq sections, then of those for locked increments.
 *		Counter N is the word at block + 8 * N.
 * @nr_cpus:	numbers a CPU can have
 * @rseq:	of struct rseq from the thread pointer (%fs), or UPR_NO_RSEQ
 * @rdpid:	the CPU has that instruction (else locked increments all go to the block of CPU 0)
 */
struct upr_pad_env {
	u64 table;
	u32 nr_cpus;
	s32 rseq;
	bool rdpid;
};

/**
 * struct upr_pad_count - one probe counted by a pad
 * @counter:	its number
 * @insn:	index of the displaced instruction before which it counts
 * @dead_gpr, @flags_dead: as proven there
 */
struct upr_pad_count {
	u32 counter;
	u8 insn;
	bool flags_dead;
	u16 dead_gpr;
};

/**
 * struct upr_pad - a pad, described: the same description must be given to each function below
 * @jump:	of the window
 * @addr:	of the site
 * @pad:	of the pad: a multiple of 64, for a pun any address in reach
 * @env:	see there
 * @nr_counts:	ascending by instruction, at most one for each
 */
struct upr_pad {
	const struct upr_jump *jump;
	u64 addr;
	u64 pad;
	struct upr_pad_env env;
	unsigned int nr_counts;
	struct upr_pad_count counts[UPR_JUMP_INSNS];
};

/* Bytes of the largest pad: five counts, none of whose registers and flags are dead. */
#define UPR_PAD_MAX    2048u

/**
 * upr_pad_size() - bytes of a pad wherever it lies, whatever @pad->pad and @pad->addr are
 * An upper bound, a multiple of 64; it depends on the rest of @pad.
 */
unsigned int upr_pad_size(const struct upr_pad *pad);

/**
 * upr_pad_build() - the bytes of a pad
 * @buf:	@size bytes, unused ones become int3; critical sections' descriptors
 *		(struct rseq_cs) are among them
 * @size:	upr_pad_size(), or more
 * @env.rseq given: each count is an rseq critical section; a thread that is not registered
 * (cpu_id not below nr_cpus) takes the locked path.
 * Changes no register, no flag and no byte of the stack that is not proven dead
 * or put back; the 128 bytes below the stack pointer are the program's.
 * Return: 0; -ERANGE: out of reach.
 */
int upr_pad_build(const struct upr_pad *pad, u8 *buf, unsigned int size);

/**
 * upr_jump_patch() - what the text holds while the jump stands
 * @buf:	jump->patch bytes (ONE, WINDOW: 5; the rest of the last instruction stays)
 */
void upr_jump_patch(const struct upr_jump *jump, u64 addr, u64 pad, u8 *buf);

/** upr_jump_hole() - the address of a HOP's hole */
static inline u64 upr_jump_hole(const struct upr_jump *jump, u64 addr)
{
	return addr + UPR_HOP_SIZE + (u64)(s64)jump->hole.rel;
}

/**
 * upr_jump_fill() - what the hole of a HOP holds, from before the jump stands until nobody is between the two
 * @buf:	UPR_JUMP_SIZE bytes
 */
void upr_jump_fill(const struct upr_jump *jump, u64 addr, u64 pad, u8 *buf);

/**
 * enum upr_pad_where - where a task stands in a pad
 * @UPR_PAD_AT:		before displaced instruction *insn, which has not been
 *			executed; *counted says whether its count (if it has one) has been made
 * @UPR_PAD_AFTER:	all done; the pc is where the program goes on
 */
enum upr_pad_where {
	UPR_PAD_AT,
	UPR_PAD_AFTER,
};

/**
 * upr_pad_leave() - what the program must see of a task that stands in a pad
 * @task:	for its stack, through task->target->mem_read: saved registers come from there
 * @regs:	in: pc in the pad, or at the hole, which is part of its way in; out: as if the instructions were executed in
 *		place: AT: pc is @addr + off[*insn], AFTER: wherever it leads
 * @insn, @counted: out, for AT
 *
 * An instruction that has faulted is AT, and counted.
 * Return: 0; -errno of mem_read: @regs are unchanged.
 */
int upr_pad_leave(const struct upr_pad *pad, struct utrace_task *task, struct upr_regs *regs, enum upr_pad_where *where,
		  unsigned int *insn, bool *counted);

/**
 * upr_pad_enter() - put a task that stands at a displaced instruction's place into the pad
 * @insn:	its index: it is executed next, and not counted
 * @regs:	in: pc is @addr + off[insn]; out: in the pad
 * Return: 0; -errno of mem_write (UPR_JUMP_CALL pushes the return address), then nothing has changed.
 */
int upr_pad_enter(const struct upr_pad *pad, struct utrace_task *task, struct upr_regs *regs, unsigned int insn);

#endif /* UPR_JUMP_H */
