// SPDX-License-Identifier: GPL-2.0
/*
 * flow-oracle.c - a program is single-stepped, and everything that the code map claims
 * about the places it comes to is put to the test.
 *
 * flow-oracle [--steps N] [--poison SEED] COMMAND...
 *
 * Wherever control arrives other than by falling through, no site before it may have
 * been given a window that reaches over that place.  With --poison, registers and
 * flags that are claimed to be dead are overwritten, at every other instruction: the program must
 * behave as without.
 *
 * Stepping begins at the program's entry point, behind the loader's start-up, and ends
 * after N steps (the program then runs on) or with the program.  Threads and children
 * run free.  Result on stderr: one line "oracle: ..." and a line for each wrong claim.
 * The status is 0, or 1 for wrong claims, 2 for a failure of our own or of the command.
 */
#include <elf.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/auxvec.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "code-map.h"

/* A file that the program has mapped executable; @map is NULL where there is nothing to claim. */
struct module {
	u64 start, end;
	u64 offset;
	char path[PATH_MAX];
	struct upr_elf *elf;
	struct code_map *map;
	struct module *next;
};

/* Boundaries of a function, kept. */
struct proof {
	const struct upr_func *func;
	struct upr_boundaries b;
};

/**
 * struct spot - an instruction that was executed
 * @proven:	a probe would be accepted there
 * @landed:	control has arrived here in another way than by falling through, and it was looked into
 * @cpuid:	some virtual machines execute the next instruction in the same step
 */
struct spot {
	u64 pc;
	struct module *module;
	u64 addr;
	u8 len;
	bool proven;
	bool landed;
	bool syscall;
	bool cpuid;
	bool flags_dead;
	u16 dead_gpr;
};

#define SPOTS	  (1u << 20)
#define WRONG_MAX 20
#define REL8_MAX  128

static struct spot *spots;
static struct module *modules;
static struct {
	struct proof *p;
	size_t nr, cap;
} proofs;
static size_t nr_spots, nr_landings, nr_wrong, nr_poisoned, nr_sites, nr_nops, nr_hidden;
static u64 steps, steps_max = 200000;
static u64 seed;
static bool poison;
static pid_t pid;

static void die(const char *what)
{
	fprintf(stderr, "oracle: %s: %s\n", what, strerror(errno));
	if (pid > 0)
		kill(pid, SIGKILL);
	exit(2);
}

/* --- the program's files -------------------------------------------------------- */

static struct module *module_new(const char *path, u64 start, u64 end, u64 offset)
{
	struct module *m = calloc(1, sizeof(*m)), *other;

	if (!m)
		die("calloc");
	snprintf(m->path, sizeof(m->path), "%s", path);
	m->start = start;
	m->end = end;
	m->offset = offset;
	for (other = modules; other; other = other->next) {
		if (other->elf && !strcmp(other->path, path)) {
			m->elf = other->elf;
			m->map = other->map;
		}
	}
	if (!m->elf && *path == '/')
		m->elf = upr_elf_open(path, NULL);
	if (m->elf && !m->map)
		m->map = code_map_get(m->elf, true, NULL);
	m->next = modules;
	modules = m;
	return m;
}

static struct module *module_known(u64 pc)
{
	struct module *m;

	for (m = modules; m; m = m->next) {
		if (pc >= m->start && pc < m->end)
			return m;
	}
	return NULL;
}

static struct module *module_at(u64 pc)
{
	struct module *m = module_known(pc);
	char path[64], line[PATH_MAX + 128], file[PATH_MAX], perm[8];
	u64 start, end, offset;
	FILE *maps;

	if (m)
		return m;
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	maps = fopen(path, "r");
	if (!maps)
		die(path);
	while (!m && fgets(line, sizeof(line), maps)) {
		*file = '\0';
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %*s %*s %4095[^\n]", &start, &end, perm,
			   &offset, file) < 4)
			continue;
		if (pc >= start && pc < end)
			m = module_new(file, start, end, offset);
	}
	fclose(maps);
	if (!m)
		die("the program is nowhere");
	return m;
}

/* --- claims -------------------------------------------------------------------------- */

static const struct upr_boundaries *boundaries(struct upr_elf *elf, const struct upr_func *func)
{
	struct proof *p;
	size_t i;

	for (i = proofs.nr; i-- > 0;) {
		if (proofs.p[i].func == func)
			return &proofs.p[i].b;
	}
	if (proofs.nr == proofs.cap) {
		proofs.cap = proofs.cap ? 2 * proofs.cap : 64;
		proofs.p = reallocarray(proofs.p, proofs.cap, sizeof(*proofs.p));
		if (!proofs.p)
			die("realloc");
	}
	p = &proofs.p[proofs.nr++];
	p->func = func;
	if (upr_func_boundaries(elf, func, &p->b, NULL))
		p->b = (struct upr_boundaries){0};
	return &p->b;
}

/* Would a probe at @addr be accepted? */
static bool is_site(struct upr_elf *elf, u64 addr)
{
	const struct upr_func *func = upr_elf_func_at(elf, addr);
	const struct upr_boundaries *b;
	u64 off;

	if (!func)
		return false;
	off = addr - func->addr;
	if (!off)
		return true;
	b = boundaries(elf, func);
	return off < b->size && (b->state[off] == UPR_PROOF_LINEAR || b->state[off] == UPR_PROOF_FLOW);
}

static void wrong(struct module *m, u64 site, u64 landing, u64 from, const char *what)
{
	if (nr_wrong++ < WRONG_MAX)
		fprintf(stderr, "oracle: wrong: %s: site 0x%llx, control comes to 0x%llx from 0x%llx: %s\n", m->path,
			(unsigned long long)site, (unsigned long long)landing, (unsigned long long)from, what);
}

/* Control has arrived at @addr: who would have put a jump over it? */
static void check_landing(struct module *m, u64 addr, u64 from)
{
	struct upr_facts facts;
	struct upr_insn insn;
	unsigned int back;

	nr_landings++;
	for (back = 1; back < UPR_SITE_CODE && back <= addr; back++) {
		u64 site = addr - back;

		if (!is_site(m->elf, site))
			continue;
		nr_sites++;
		code_map_facts(m->map, site, &facts);
		if (facts.clear <= back)
			continue;
		if (upr_insn_decode(&insn, facts.code, facts.len, UPR_INSN_64))
			wrong(m, site, addr, from, "the site is no instruction");
		else if (insn.length > back)
			wrong(m, site, addr, from, "the middle of its first instruction is said to be clear");
		else if (!facts.solo)
			wrong(m, site, addr, from, "its window is said to be clear");
	}
}

/* A nop is executed: who would have put a jump into it, as padding that nobody executes? */
static void check_padding(struct module *m, u64 addr, unsigned int len)
{
	u64 site = addr > 2 * REL8_MAX ? addr - 2 * REL8_MAX : 0;
	struct upr_facts facts;
	unsigned int i;

	nr_nops++;
	for (; site < addr + 2 * REL8_MAX; site++) {
		if (!is_site(m->elf, site))
			continue;
		code_map_facts(m->map, site, &facts);
		for (i = 0; i < facts.nr_holes; i++) {
			u64 hole = site + UPR_HOP_SIZE + (u64)(s64)facts.holes[i].rel;

			if (hole < addr + len && addr < hole + UPR_JUMP_SIZE)
				wrong(m, site, addr, addr, "what is executed is said to be padding");
		}
	}
}

static struct spot *spot_at(u64 pc)
{
	u64 i = (pc * 0x9e3779b97f4a7c15ull) >> 40 & (SPOTS - 1);
	struct upr_facts facts;
	struct upr_insn insn;
	struct spot *s;
	u8 code[16];
	u64 avail;
	const u8 *p;

	while (spots[i].pc && spots[i].pc != pc)
		i = (i + 1) & (SPOTS - 1);
	s = &spots[i];
	if (s->pc)
		return s;
	if (++nr_spots > SPOTS / 2)
		die("too many instructions");
	s->pc = pc;
	s->module = module_at(pc);
	if (!s->module->map ||
	    !upr_elf_offset_to_addr(s->module->elf, pc - s->module->start + s->module->offset, &s->addr))
		return s;
	p = upr_elf_bytes(s->module->elf, s->addr, &avail);
	memset(code, 0, sizeof(code));
	if (p)
		memcpy(code, p, min(avail, (u64)sizeof(code)));
	if (upr_insn_decode(&insn, code, sizeof(code), UPR_INSN_64))
		return s;
	s->len = insn.length;
	s->syscall = insn.branch == UPR_BR_SYSCALL;
	s->cpuid = insn.enc == UPR_ENC_LEGACY && insn.map == UPR_MAP_0F && insn.opcode == 0xa2;
	if (insn.attr & UPR_INSN_NOP)
		check_padding(s->module, s->addr, insn.length);
	s->proven = is_site(s->module->elf, s->addr);
	if (s->proven) {
		code_map_facts(s->module->map, s->addr, &facts);
		s->dead_gpr = facts.dead_gpr;
		s->flags_dead = facts.flags_dead;
	}
	return s;
}

/* --- poison ---------------------------------------------------------------------------- */

static u64 garbage(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * 0x2545f4914f6cdd1dull;
}

static unsigned long long *register_of(struct user_regs_struct *r, unsigned int reg)
{
	switch (reg) {
	case UPR_RAX:
		return &r->rax;
	case UPR_RCX:
		return &r->rcx;
	case UPR_RDX:
		return &r->rdx;
	case UPR_RBX:
		return &r->rbx;
	case UPR_RBP:
		return &r->rbp;
	case UPR_RSI:
		return &r->rsi;
	case UPR_RDI:
		return &r->rdi;
	case UPR_R8:
		return &r->r8;
	case UPR_R9:
		return &r->r9;
	case UPR_R10:
		return &r->r10;
	case UPR_R11:
		return &r->r11;
	case UPR_R12:
		return &r->r12;
	case UPR_R13:
		return &r->r13;
	case UPR_R14:
		return &r->r14;
	case UPR_R15:
		return &r->r15;
	default:
		return NULL;
	}
}

static void poison_spot(const struct spot *s, struct user_regs_struct *regs)
{
	unsigned int reg;

	if ((!s->dead_gpr && !s->flags_dead) || (garbage() & 1))
		return;
	for (reg = 0; reg < UPR_NR_GPR; reg++) {
		if (s->dead_gpr & UPR_GPR(reg) && register_of(regs, reg))
			*register_of(regs, reg) = garbage();
	}
	if (s->flags_dead)
		regs->eflags ^= garbage() & UPR_FL_STATUS;
	nr_poisoned++;
	if (ptrace(PTRACE_SETREGS, pid, 0, regs))
		die("PTRACE_SETREGS");
}

/* --- stepping ---------------------------------------------------------------------------- */

static int wait_stop(void)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		die("waitpid");
	return status;
}

static u64 entry_point(void)
{
	char path[64];
	u64 pair[2];
	FILE *auxv;

	snprintf(path, sizeof(path), "/proc/%d/auxv", pid);
	auxv = fopen(path, "r");
	if (!auxv)
		die(path);
	while (fread(pair, sizeof(pair), 1, auxv) == 1 && pair[0] != AT_ENTRY)
		;
	fclose(auxv);
	return pair[0] == AT_ENTRY ? pair[1] : 0;
}

static void run_to(u64 pc)
{
	struct user_regs_struct regs;
	long word;
	int status;

	errno = 0;
	word = ptrace(PTRACE_PEEKTEXT, pid, pc, 0);
	if (errno || ptrace(PTRACE_POKETEXT, pid, pc, (word & ~0xffl) | 0xcc) || ptrace(PTRACE_CONT, pid, 0, 0))
		die("breakpoint at the entry point");
	status = wait_stop();
	if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP || ptrace(PTRACE_GETREGS, pid, 0, &regs))
		die("the entry point was not reached");
	regs.rip = pc;
	if (ptrace(PTRACE_POKETEXT, pid, pc, word) || ptrace(PTRACE_SETREGS, pid, 0, &regs))
		die("breakpoint at the entry point");
}

/* Is @s what follows @prev? */
static bool follows(const struct spot *prev, const struct spot *s)
{
	const struct spot *next;

	if (prev->len && prev->pc + prev->len == s->pc)
		return true;
	if (!prev->cpuid)
		return false;
	next = spot_at(prev->pc + prev->len);
	if (!next->len || next->pc + next->len != s->pc)
		return false;
	nr_hidden++;
	return true;
}

/* The program stands at @regs->rip, before that at @prev (NULL: not known). */
static struct spot *arrive(struct spot *prev, struct user_regs_struct *regs)
{
	struct spot *s = spot_at(regs->rip);
	bool fell = prev && follows(prev, s);

	/* a string instruction that goes on; a system call that leads elsewhere is a signal's end */
	if (prev && !fell && prev != s && !prev->syscall && s->module->map && !s->landed) {
		s->landed = true;
		check_landing(s->module, s->addr, prev->module->map ? prev->addr : prev->pc);
	}
	if (poison && s->proven)
		poison_spot(s, regs);
	return s;
}

/* Return: wait status of the end, or of a stop when there have been enough steps. */
static int step_through(void)
{
	struct user_regs_struct regs;
	struct spot *at = NULL;
	int sig = 0, status;

	for (; steps < steps_max; steps++) {
		if (ptrace(PTRACE_GETREGS, pid, 0, &regs))
			die("PTRACE_GETREGS");
		at = arrive(at, &regs);
		if (ptrace(PTRACE_SINGLESTEP, pid, 0, sig))
			die("PTRACE_SINGLESTEP");
		status = wait_stop();
		if (!WIFSTOPPED(status))
			return status;
		sig = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
		if (sig)
			at = NULL;
	}
	ptrace(PTRACE_CONT, pid, 0, sig);
	for (;;) {
		status = wait_stop();
		if (!WIFSTOPPED(status))
			return status;
		ptrace(PTRACE_CONT, pid, 0, WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status));
	}
}

static void start(char **argv)
{
	cpu_set_t one;
	int cpu = sched_getcpu(), status;

	/* a step costs a fifth of what it does across CPUs */
	CPU_ZERO(&one);
	CPU_SET(cpu < 0 ? 0 : cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid) {
		personality(ADDR_NO_RANDOMIZE);
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		execvp(argv[0], argv);
		die(argv[0]);
	}
	status = wait_stop();
	if (!WIFSTOPPED(status))
		die(argv[0]);
	ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_EXITKILL);
}

int main(int argc, char **argv)
{
	int i, status;

	for (i = 1; i + 1 < argc && argv[i][0] == '-'; i += 2) {
		if (!strcmp(argv[i], "--steps")) {
			steps_max = strtoull(argv[i + 1], NULL, 0);
		} else if (!strcmp(argv[i], "--poison")) {
			poison = true;
			seed = strtoull(argv[i + 1], NULL, 0) * 2 + 1;
		} else {
			break;
		}
	}
	if (i >= argc || argv[i][0] == '-') {
		fprintf(stderr, "usage: flow-oracle [--steps N] [--poison SEED] COMMAND...\n");
		return 2;
	}
	spots = calloc(SPOTS, sizeof(*spots));
	if (!spots)
		die("calloc");
	start(argv + i);
	run_to(entry_point());
	status = step_through();
	fprintf(stderr,
		"oracle: %llu steps, %zu instructions, %zu landings, %zu sites before them, %zu nops, %zu poisonings, %zu hidden by cpuid, %zu wrong\n",
		(unsigned long long)steps, nr_spots, nr_landings, nr_sites, nr_nops, nr_poisoned, nr_hidden, nr_wrong);
	if (!WIFEXITED(status)) {
		fprintf(stderr, "oracle: the command was ended by signal %d\n", WTERMSIG(status));
		return 2;
	}
	if (WEXITSTATUS(status))
		fprintf(stderr, "oracle: the command's status is %d\n", WEXITSTATUS(status));
	return nr_wrong ? 1 : WEXITSTATUS(status) ? 2 : 0;
}
