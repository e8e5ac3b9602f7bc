// SPDX-License-Identifier: GPL-2.0
/*
 * repair.c - takes away what a killed tool has left in a process.
 *
 * Purpose: nothing is known of the probes but what is there to see.  Memory of ours has a
 * name (the counters) or begins with a magic number (areas, the handler's page).  A jump of ours
 * leads into such an area; its bytes, and int3s, are compared with the file, and so is nothing
 * else: what somebody has made of text for reasons of his own stays.
 *
 * Text first, then threads out of the areas, then the program's own action for SIGTRAP, then the areas:
 * unless some stack still leads there.  Then all of it stays mapped, and does no harm.
 *
 * A short jump of ours leads to a jump in padding of the same page.  Who stands at that one takes it
 * before it goes; and it stays where a stack leads to it.
 *
 * All threads of the process, and of those that share its memory, are stopped meanwhile.  No
 * locks.
 */
#include "host.h"
#include "survive.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#define ROUNDS	    50u /* so often threads are let run to get out of an area */
#define ROUND_MS    2u
#define STOP_MS	    5000u
#define REQUESTS_MS 5000u

#define CALL_PREFIX 0x2e /* what calls of pads are lengthened with */

/* A piece of memory of ours. */
enum piece_kind {
	PIECE_AREA,
	PIECE_HANDLER,
	PIECE_COUNTERS,
};

struct piece {
	enum piece_kind kind;
	u64 addr;
	size_t size;
};

struct repair {
	struct upr_home *home;
	struct host_mm *mm;
	struct piece *pieces;
	unsigned int nr, room;
	struct upr_text_range *holes;
	unsigned int nr_holes;
	bool looking; /* for holes: nothing is changed yet */
	struct upr_repaired *done;
	int error;
	int pagemap;
};

/* --- what is ours ------------------------------------------------------------------------ */

static void add_piece(struct repair *r, enum piece_kind kind, u64 addr, u64 size)
{
	struct piece *pieces = r->pieces;

	if (r->nr == r->room) {
		r->room = r->room ? 2 * r->room : 16;
		pieces = realloc(r->pieces, r->room * sizeof(*pieces));
		BUG_ON(!pieces);
		r->pieces = pieces;
	}
	r->pieces[r->nr++] = (struct piece){kind, addr, (size_t)size};
}

/* What begins at this page, of a mapping that ends at @end?  Neighbors look like one mapping. */
static void look_at_page(struct repair *r, u64 addr, u64 end)
{
	u8 sign[UPR_AREA_SIGN_SIZE];
	struct survive_head head;
	u64 size;

	if (mem_get(r->mm, addr, &head, sizeof(head)))
		return;
	memcpy(sign, &head, sizeof(sign));
	memcpy(&size, sign + UPR_AREA_MAGIC_SIZE, sizeof(size));
	if (!memcmp(sign, UPR_AREA_MAGIC, UPR_AREA_MAGIC_SIZE) && size && size <= end - addr) {
		add_piece(r, PIECE_AREA, addr, size);
	} else if (head.magic == SURVIVE_MAGIC) {
		add_piece(r, PIECE_HANDLER, addr, SURVIVE_SIZE);
		if (head.tables)
			add_piece(r, PIECE_AREA, head.tables, head.tables_size);
	}
}

static int look_for_ours(void *data, const struct map_line *line)
{
	struct repair *r = data;
	u64 at;

	if (!strcmp(line->path, "/memfd:uprobes (deleted)"))
		add_piece(r, PIECE_COUNTERS, line->start, line->end - line->start);
	if (!line->key.ino && !line->path[0] && !memcmp(line->perms, "r-xp", 4))
		for (at = line->start; at < line->end; at += HOST_PAGE)
			look_at_page(r, at, line->end);
	return 0;
}

static const struct piece *piece_at(const struct repair *r, u64 addr)
{
	unsigned int i;

	for (i = 0; i < r->nr; i++)
		if (addr - r->pieces[i].addr < r->pieces[i].size)
			return &r->pieces[i];
	return NULL;
}

static bool has_kind(const struct repair *r, enum piece_kind kind)
{
	unsigned int i;

	for (i = 0; i < r->nr; i++)
		if (r->pieces[i].kind == kind)
			return true;
	return false;
}

static int by_addr(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static int find_pieces(struct repair *r)
{
	int err = maps_each(mm_any_tid(r->mm), look_for_ours, r);

	if (r->nr)
		qsort(r->pieces, r->nr, sizeof(*r->pieces), by_addr);
	return err;
}

/* --- text ----------------------------------------------------------------------------------- */

/* One page of a mapped file as it is, and as it was. */
struct page {
	u64 addr;
	u8 now[HOST_PAGE];
	u8 file[HOST_PAGE];
};

/* A guard leads there (guard.c). */
static bool is_stub(const struct piece *piece, u64 addr)
{
	return piece->kind == PIECE_HANDLER && addr - piece->addr - SURVIVE_STUBS < SURVIVE_GUARDS * SURVIVE_STUB;
}

static u64 target_of(const u8 *jump, u64 addr)
{
	s32 rel;

	memcpy(&rel, jump + 1, sizeof(rel));
	return addr + UPR_JUMP_SIZE + (u64)(s64)rel;
}

static bool leads_to_us(const struct repair *r, const struct page *p, unsigned int at)
{
	const struct piece *piece;
	u64 to;

	if (at + UPR_JUMP_SIZE > HOST_PAGE || (p->now[at] != 0xe9 && p->now[at] != 0xe8))
		return false;
	to = target_of(p->now + at, p->addr + at);
	piece = piece_at(r, to);
	return piece && (piece->kind == PIECE_AREA || is_stub(piece, to));
}

/* Is the site of a hop at @at?  Its hole is in the same page.  Return: where; 0: it is not. */
static unsigned int hole_of(const struct repair *r, const struct page *p, unsigned int at)
{
	int hole = (int)(at + UPR_HOP_SIZE) + (s8)p->now[at + 1];

	if (p->now[at] != 0xeb || hole <= 0 || p->now[hole] != 0xe9 || !leads_to_us(r, p, (unsigned int)hole) ||
	    !memcmp(p->now + hole, p->file + hole, UPR_JUMP_SIZE))
		return 0;
	return (unsigned int)hole;
}

/* Byte @at differs.  Return: where the site of a hop that it belongs to begins; -1: there is none */
static int hop_at(const struct repair *r, const struct page *p, unsigned int at)
{
	if (at + 1 < HOST_PAGE && hole_of(r, p, at))
		return (int)at;
	return at && hole_of(r, p, at - 1) ? (int)at - 1 : -1;
}

/*
 * Byte @at differs: what of ours is it part of?  A jump may begin before it, where bytes
 * happen to be equal, and a call behind it, after prefixes.
 * Return: number of bytes from *first on; 0 not ours
 */
static unsigned int ours_at(const struct repair *r, const struct page *p, unsigned int at, unsigned int *first)
{
	unsigned int start = at < UPR_JUMP_SIZE ? 0 : at - UPR_JUMP_SIZE + 1, i;

	*first = at;
	for (i = start; i <= at; i++) {
		if (!leads_to_us(r, p, i))
			continue;
		*first = i;
		while (p->now[i] == 0xe8 && *first && p->now[*first - 1] == CALL_PREFIX &&
		       p->file[*first - 1] != CALL_PREFIX)
			--*first;
		return i + UPR_JUMP_SIZE - *first;
	}
	for (i = at; i < HOST_PAGE && p->now[i] == CALL_PREFIX && i - at < UPR_INSN_MAX; i++)
		if (i + 1 < HOST_PAGE && p->now[i + 1] == 0xe8 && leads_to_us(r, p, i + 1))
			return i + 1 + UPR_JUMP_SIZE - at;
	return p->now[at] == UPR_BREAKPOINT;
}

static bool put_back(struct repair *r, struct page *p, unsigned int first, unsigned int len)
{
	int err = mem_put(r->mm, p->addr + first, p->file + first, len);

	if (err) {
		r->error = err;
		return false;
	}
	memcpy(p->now + first, p->file + first, len);
	return true;
}

static void add_hole(struct repair *r, u64 addr)
{
	struct upr_text_range *holes = realloc(r->holes, (r->nr_holes + 1) * sizeof(*holes));

	BUG_ON(!holes);
	r->holes = holes;
	r->holes[r->nr_holes++] = (struct upr_text_range){.lo = addr, .hi = addr + 1};
}

/* Sites of hops, before the holes that they lead to. */
static bool restore_hops(struct repair *r, struct page *p)
{
	unsigned int i;
	int first;

	for (i = 0; i < HOST_PAGE; i++) {
		first = p->now[i] == p->file[i] ? -1 : hop_at(r, p, i);
		if (first < 0)
			continue;
		if (r->looking) {
			add_hole(r, p->addr + hole_of(r, p, (unsigned int)first));
			i = (unsigned int)first + 1;
			continue;
		}
		if (!put_back(r, p, (unsigned int)first, UPR_HOP_SIZE))
			return false;
		r->done->places++;
	}
	return true;
}

/* A hole that some stack leads to. */
static bool must_stay(const struct repair *r, u64 addr)
{
	unsigned int i;

	for (i = 0; i < r->nr_holes; i++)
		if (r->holes[i].lo == addr)
			return r->holes[i].hit;
	return false;
}

static bool any_stays(const struct repair *r)
{
	unsigned int i;

	for (i = 0; i < r->nr_holes; i++)
		if (r->holes[i].hit)
			return true;
	return false;
}

static bool is_hole(const struct repair *r, u64 addr)
{
	unsigned int i;

	for (i = 0; i < r->nr_holes; i++)
		if (r->holes[i].lo == addr)
			return true;
	return false;
}

static void restore_page(struct repair *r, struct page *p)
{
	unsigned int i, first, len;

	if (!restore_hops(r, p) || r->looking)
		return;
	for (i = 0; i < HOST_PAGE; i++) {
		if (p->now[i] == p->file[i])
			continue;
		len = ours_at(r, p, i, &first);
		if (!len || must_stay(r, p->addr + first))
			continue;
		if (!put_back(r, p, first, len))
			return;
		/* one that was met may still be on its way */
		if (len == 1)
			addr_set_add(&r->mm->planted, p->addr + first);
		r->done->places += !is_hole(r, p->addr + first);
	}
}

/* A page that is still the file's has not been written to.  Bit 61 of its entry says so. */
static bool is_own_page(const struct repair *r, u64 addr)
{
	u64 entry;

	if (r->pagemap < 0 ||
	    pread(r->pagemap, &entry, sizeof(entry), (off_t)(addr / HOST_PAGE * sizeof(entry))) != sizeof(entry))
		return true;
	return entry >> 62 && !(entry >> 61 & 1);
}

static int restore_map(void *data, const struct map_line *line)
{
	struct host_map map = {line->start, line->end, line->offset, line->key, false, (char *)line->path};
	struct repair *r = data;
	char path[4096 + 64];
	struct page *p;
	int fd = -1;
	u64 at;

	if (line->perms[2] != 'x' || line->perms[3] != 'p' || !line->key.ino)
		return 0;
	p = malloc(sizeof(*p));
	for (at = line->start; p && at < line->end; at += HOST_PAGE) {
		if (!is_own_page(r, at))
			continue;
		if (fd < 0) {
			if (proc_open_path(mm_any_tid(r->mm), &map, path, sizeof(path)) ||
			    (fd = open(path, O_RDONLY | O_CLOEXEC)) < 0) {
				r->error = -ENOENT;
				break;
			}
		}
		p->addr = at;
		memset(p->file, 0, sizeof(p->file));
		if (!mem_get(r->mm, at, p->now, HOST_PAGE) &&
		    pread(fd, p->file, HOST_PAGE, (off_t)(line->offset + (at - line->start))) > 0)
			restore_page(r, p);
	}
	if (fd >= 0)
		close(fd);
	free(p);
	return r->error;
}

static int wipe_undo(void *data, const struct map_line *line)
{
	struct repair *r = data;

	if (line->perms[2] == 'x' && line->perms[3] == 'p' && (line->key.ino || !strcmp(line->path, "[vdso]")) &&
	    undo_wipe(r->mm, line->end))
		r->done->places++;
	return 0;
}

static int by_lo(const void *a, const void *b)
{
	const struct upr_text_range *x = a, *y = b;

	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

/* Where they are, and whether a stack leads there: a handler may have interrupted its thread at one. */
static int look_for_holes(struct repair *r)
{
	unsigned int i;
	int err;

	r->looking = true;
	err = maps_each(mm_any_tid(r->mm), restore_map, r);
	r->looking = false;
	if (err || !r->nr_holes)
		return err;
	qsort(r->holes, r->nr_holes, sizeof(*r->holes), by_lo);
	if (host_stacks_scan(r->mm->mm, r->holes, r->nr_holes))
		for (i = 0; i < r->nr_holes; i++)
			r->holes[i].hit = true;
	return 0;
}

/* Threads at a jump of ours take it: what leads to one in a hole goes first. */
static void take_jumps(struct repair *r)
{
	struct host_task *t;
	u8 jump[UPR_JUMP_SIZE];
	const struct piece *piece;
	u64 pc, to;

	list_for_each_entry(t, &r->mm->tasks, mm_node) {
		if (t->state != TASK_STOPPED || regs_pc(t, &pc) || mem_get(r->mm, pc, jump, sizeof(jump)) ||
		    jump[0] != 0xe9)
			continue;
		to = target_of(jump, pc);
		piece = piece_at(r, to);
		if (piece && piece->kind == PIECE_AREA)
			regs_set_pc(t, to);
	}
}

static int restore_text(struct repair *r)
{
	pid_t tid = mm_any_tid(r->mm);
	char path[40];
	int err;

	take_jumps(r);
	snprintf(path, sizeof(path), "/proc/%d/pagemap", tid);
	r->pagemap = open(path, O_RDONLY | O_CLOEXEC);
	err = look_for_holes(r);
	if (!err)
		err = maps_each(tid, restore_map, r);
	if (!err)
		maps_each(tid, wipe_undo, r);
	if (r->pagemap >= 0)
		close(r->pagemap);
	return err;
}

/* --- threads --------------------------------------------------------------------------------- */

static bool is_inside(struct repair *r, struct host_task *t)
{
	u64 pc;

	return t->state == TASK_STOPPED && !regs_pc(t, &pc) && piece_at(r, pc);
}

static bool all_parked(void *data)
{
	struct host_mm *mm = data;
	struct host_task *t;

	list_for_each_entry(t, &mm->tasks, mm_node)
		if (t->state == TASK_RUNNING)
			return false;
	return true;
}

static bool never(void *data)
{
	(void)data;
	return false;
}

/* Let those run that stand in memory of ours: text does not lead back there.  Return: nobody does any more. */
static bool clear_out(struct repair *r)
{
	struct host_task *t, *next;
	unsigned int i;
	bool any = true;

	for (i = 0; i < ROUNDS && any; i++) {
		any = false;
		list_for_each_entry_safe(t, next, &r->mm->tasks, mm_node) {
			if (!is_inside(r, t))
				continue;
			any = true;
			t->parked = false;
			task_make_ready(t);
		}
		if (!any)
			break;
		home_wait_for(r->home, never, NULL, ROUND_MS);
		home_park_all(r->home);
		if (home_wait_for(r->home, all_parked, r->mm, STOP_MS))
			return false;
	}
	return !any;
}

/* Does some stack lead there?  If that cannot be known: it does. */
static bool is_referred_to(struct repair *r)
{
	struct upr_text_range *ranges = calloc(r->nr, sizeof(*ranges));
	unsigned int i, n = 0;
	bool hit;

	BUG_ON(!ranges);
	for (i = 0; i < r->nr; i++)
		if (r->pieces[i].kind != PIECE_COUNTERS)
			ranges[n++] = (struct upr_text_range){.lo = r->pieces[i].addr,
							      .hi = r->pieces[i].addr + r->pieces[i].size};
	hit = host_stacks_scan(r->mm->mm, ranges, n);
	for (i = 0; i < n; i++)
		hit |= ranges[i].hit;
	free(ranges);
	return hit;
}

/* --- the action for SIGTRAP ----------------------------------------------------------------------- */

/* Which action of the program's own does an entry of the handler stand for?  -1: it is no entry */
static int own_handler(struct repair *r, u64 entry, u64 *handler)
{
	const struct piece *piece = piece_at(r, entry);
	u64 off, at, nr;

	if (!piece || piece->kind != PIECE_HANDLER)
		return -1;
	off = entry - piece->addr - survive_code(r->mm->mode32).entry;
	nr = off / SURVIVE_STEP;
	if (off % SURVIVE_STEP || nr >= SURVIVE_ENTRIES)
		return -1;
	at = nr < SURVIVE_OWN ? piece->addr + offsetof(struct survive_head, own) + nr * sizeof(u64) :
				piece->addr + HOST_PAGE + (nr - SURVIVE_OWN) * sizeof(struct survive_claim) +
					offsetof(struct survive_claim, action);
	return mem_get(r->mm, at, handler, sizeof(*handler));
}

/* Without what was added for our handler alone. */
static void own_action(const struct repair *r, u64 handler, const u64 found[4], u64 action[4])
{
	memset(action, 0, 4 * sizeof(action[0]));
	action[0] = handler;
	if (handler <= (u64)SIG_IGN)
		return;
	memcpy(action + 1, found + 1, 3 * sizeof(action[0]));
	if (!piece_at(r, action[2]))
		return;
	/* of a 32-bit program, and one that gets no siginfo: the kernel has a restorer for it */
	action[1] &= ~(u64)(SA_SIGINFO | SA_RESTORER_FLAG);
	action[2] = 0;
}

static int restore_action(struct repair *r, struct host_proc *proc)
{
	u64 action[4], found[4], handler;
	struct host_task *t;
	int err = -EAGAIN;

	list_for_each_entry(t, &proc->tasks, node) {
		if (t->state != TASK_STOPPED)
			continue;
		err = sigtrap_exchange(t, NULL, found);
		if (!err && !own_handler(r, found[0], &handler)) {
			own_action(r, handler, found, action);
			err = sigtrap_exchange(t, action, found);
		}
		break;
	}
	return err;
}

static int restore_actions(struct repair *r)
{
	struct host_proc *proc;
	int err = 0;

	if (!has_kind(r, PIECE_HANDLER))
		return 0;
	list_for_each_entry(proc, &r->home->procs, node)
		if (!err)
			err = restore_action(r, proc);
	return err;
}

/* --- memory ------------------------------------------------------------------------------------------ */

static bool no_requests(void *data)
{
	struct upr_home *home = data;

	return list_empty(&home->requests);
}

/* The program has set actions meanwhile, and seen our handler's address in place of them. */
static bool is_remembered(struct repair *r, const struct piece *piece)
{
	struct survive_head head;
	struct survive_claim claim;

	if (piece->kind != PIECE_HANDLER || mem_get(r->mm, piece->addr, &head, sizeof(head)))
		return false;
	return head.own[1] || (!mem_get(r->mm, piece->addr + HOST_PAGE, &claim, sizeof(claim)) && claim.state);
}

/* It knows of no site any more, and of no memory that goes. */
static bool keep_handler(struct repair *r, const struct piece *piece)
{
	struct survive_head head = {.table = piece->addr + SURVIVE_TABLES};
	struct survive_table none = {0};

	return !mem_put(r->mm, head.table, &none, sizeof(none)) &&
	       !mem_put(r->mm, piece->addr + offsetof(struct survive_head, table), &head.table, sizeof(head.table)) &&
	       !mem_put(r->mm, piece->addr + offsetof(struct survive_head, tables), &head.tables, 2 * sizeof(u64));
}

static void unmap_pieces(struct repair *r)
{
	unsigned int i, nr = 0;
	s32 offset;

	/* so that threads' last critical sections are forgotten, if they lie in there */
	r->mm->ready = true;
	host_rseq(r->mm->mm, &offset);
	for (i = 0; i < r->nr; i++) {
		if (is_remembered(r, &r->pieces[i])) {
			r->done->handler_kept = keep_handler(r, &r->pieces[i]);
			continue;
		}
		host_area_unmap(r->mm->mm, r->pieces[i].addr, r->pieces[i].size);
		nr++;
	}
	if (home_wait_for(r->home, no_requests, r->home, REQUESTS_MS))
		r->error = -ETIMEDOUT;
	else
		r->done->pieces = nr;
}

/* --- the call ----------------------------------------------------------------------------------------- */

static int repair(struct repair *r)
{
	int err = find_pieces(r);

	if (err || !r->nr)
		return err;
	err = restore_text(r);
	if (!err)
		err = restore_actions(r);
	if (err)
		return err;
	r->done->kept = !clear_out(r) || is_referred_to(r) || any_stays(r);
	if (!r->done->kept)
		unmap_pieces(r);
	return r->error;
}

static int begin(struct repair *r, int pid, struct upr_why *why)
{
	struct host_proc *proc;
	int err = permission_why(why, pid, 0);

	if (err)
		return err;
	r->home->detaching = true;
	err = attach_seize(r->home, pid);
	if (!err)
		err = attach_enter(r->home);
	if (err)
		return permission_why(why, pid, err);
	proc = proc_find(r->home, pid);
	if (!proc || list_empty(&proc->tasks))
		return permission_why(why, pid, -ESRCH);
	r->mm = list_first_entry(&proc->tasks, struct host_task, node)->mm;
	return 0;
}

int upr_home_repair(struct upr_home *home, int pid, struct upr_repaired *ret, struct upr_why *why)
{
	struct repair r = {.home = home, .done = ret, .pagemap = -1};
	struct proc_status st;
	int err;

	memset(ret, 0, sizeof(*ret));
	if (!proc_status(pid, &st))
		pid = st.tgid;
	err = begin(&r, pid, why);
	if (err) {
		attach_give_up(home);
		return err;
	}
	err = repair(&r);
	if (err)
		why_set(why, err, 1,
			"process %d: not everything could be taken away (%s); what is left does no harm, try again later",
			pid, strerror(-err));
	free(r.pieces);
	free(r.holes);
	upr_home_detach(home);
	return err;
}
