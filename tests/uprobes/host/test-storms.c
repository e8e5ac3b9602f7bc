// SPDX-License-Identifier: GPL-2.0
/*
 * test-storms.c - probes that come and go while threads, children and signals run through them.
 *
 * Each round arms some sites, chosen at random, of functions that 8 threads call all the time, waits
 * until they have been called, and disarms them.  Counts must lie between what the
 * program's own account allows: at least the calls begun after arming and ended
 * before disarming, at most those begun before all was out and not ended before it began.
 * In the end, and now and then, the text must be what the file says.
 *
 * ROUNDS in the environment: in all (300); SEED: of the choice.
 */
#include "child.h"
#include "drive.h"
#include "storms.h"
#include "../tap.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_SITES   32
#define PROGRESS    20	  /* calls of each function a round waits for */
#define PROGRESS_MS 20000 /* and no longer */

/* A site: what is proven about it is known, since the functions are assembly (target-storms.c). */
struct site {
	const char *function;
	int index;     /* in the account */
	u8 at;	       /* from the entry */
	u8 clear;      /* bytes that nothing branches into, padding included */
	u8 times;      /* a call */
	u8 flags_dead; /* written before they are read */
};

static const struct site sites[] = {
	{"storm_push", 0, 0, 10, 1, 1},	 {"storm_push", 0, 1, 9, 1, 1},	  {"storm_push", 0, 4, 6, 1, 0},
	{"storm_push", 0, 9, 7, 1, 0},	 {"storm_tail", 1, 0, 16, 1, 0},  {"storm_tail", 1, 4, 12, 1, 0},
	{"storm_one", 2, 0, 14, 1, 1},	 {"storm_one", 2, 7, 9, 1, 1},	  {"storm_divide", 3, 0, 11, 1, 1},
	{"storm_divide", 3, 2, 9, 1, 1}, {"storm_divide", 3, 4, 7, 1, 1}, {"storm_divide", 3, 6, 5, 1, 0},
	{"storm_string", 4, 0, 9, 1, 1}, {"storm_string", 4, 2, 7, 1, 1}, {"storm_loop", 5, 0, 3, 1, 1},
	{"storm_loop", 5, 3, 5, 5, 0},	 {"storm_loop", 5, 6, 5, 5, 0},	  {"storm_loop", 5, 8, 8, 1, 0},
	{"storm_call", 6, 0, 7, 1, 1},	 {"storm_call", 6, 2, 5, 1, 1},	  {"storm_call", 6, 7, 9, 1, 1},
	{"storm_short", 7, 0, 6, 1, 1},	 {"storm_short", 7, 1, 5, 1, 1},  {"storm_short", 7, 2, 14, 1, 0},
};

struct storm {
	struct drive d;
	struct child c;
	struct storms *account;
	struct upr_file_key key;
	enum upr_insn_mode mode;
	u64 offset[MAX_SITES];
	struct upr_facts facts[MAX_SITES];
	struct upr_consumer consumers[MAX_SITES];
	struct upr_probe *probes[MAX_SITES];
	bool armed[MAX_SITES];
	char *file, *path;
	/* what has been seen */
	unsigned int ways[UPR_NR_WAYS];
	long hits;
	int rounds, outside, unarmed, dirty, stuck, failed;
	size_t own_text;
	u64 start;
};

static u64 random_state;

static u64 draw(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static int setting(const char *name, int dflt)
{
	const char *s = getenv(name);

	return s ? atoi(s) : dflt;
}

/* --- the account ------------------------------------------------------------------ */

enum which {
	BEGUN,
	ENDED,
};

static void look(const struct storm *s, enum which which, long ret[STORM_FUNCTIONS])
{
	int i, k;

	memset(ret, 0, STORM_FUNCTIONS * sizeof(*ret));
	for (i = 0; i < STORM_THREADS; i++) {
		const struct storm_thread *t = &s->account->threads[i];

		for (k = 0; k < STORM_FUNCTIONS; k++)
			ret[k] += which == BEGUN ? t->begun[k] : t->ended[k];
	}
}

static bool progressed(const struct storm *s, const long *from)
{
	long now[STORM_FUNCTIONS];
	int i;

	look(s, ENDED, now);
	for (i = 0; i < STORM_FUNCTIONS; i++)
		if (now[i] - from[i] < PROGRESS)
			return false;
	return true;
}

/* Jumps cause no events that would wake us. */
static bool run_until_progress(struct storm *s, const long *from)
{
	u64 end = now_ms() + PROGRESS_MS;

	while (!progressed(s, from))
		if (now_ms() >= end || upr_home_run(s->d.home, 2) < 0)
			return false;
	return true;
}

/* --- sites -------------------------------------------------------------------------- */

/* Registers that no function here reads: as an analysis would find, and not. */
static void facts_of(struct storm *s, unsigned int i, bool all_proven)
{
	struct upr_facts *f = &s->facts[i];
	int fd = open(s->path, O_RDONLY | O_CLOEXEC);

	memset(f, 0, sizeof(*f));
	if (fd < 0 || pread(fd, f->code, sizeof(f->code), (off_t)s->offset[i]) != sizeof(f->code))
		abort();
	close(fd);
	f->len = sizeof(f->code);
	f->clear = sites[i].clear;
	if (all_proven) {
		f->flags_dead = sites[i].flags_dead;
		f->dead_gpr = UPR_GPR(UPR_R9) | UPR_GPR(UPR_R10) | UPR_GPR(UPR_R11);
	}
}

static int arm(struct storm *s, u64 chosen)
{
	unsigned int i;
	int r = 0;

	upr_batch_begin(s->d.session);
	for (i = 0; i < ARRAY_SIZE(sites); i++) {
		if (!(chosen >> i & 1))
			continue;
		memset(&s->consumers[i], 0, sizeof(s->consumers[i]));
		facts_of(s, i, chosen >> 40 & 1);
		r |= upr_register_facts(s->d.session, s->key, s->offset[i], &s->facts[i], s->mode, &s->consumers[i],
					&s->probes[i]);
	}
	upr_batch_end(s->d.session);
	return r | upr_home_sync(s->d.home);
}

static int disarm(struct storm *s, u64 chosen)
{
	unsigned int i;

	upr_batch_begin(s->d.session);
	for (i = 0; i < ARRAY_SIZE(sites); i++)
		if (chosen >> i & 1)
			upr_unregister(s->d.session, &s->consumers[i]);
	upr_batch_end(s->d.session);
	return upr_home_sync(s->d.home);
}

static void note_ways(struct storm *s, u64 chosen)
{
	unsigned int i, k, counts[UPR_NR_WAYS];

	for (i = 0; i < ARRAY_SIZE(sites); i++) {
		if (!(chosen >> i & 1))
			continue;
		memset(counts, 0, sizeof(counts));
		s->armed[i] = upr_probe_sites(s->d.session, s->probes[i], counts) > 0;
		s->unarmed += !s->armed[i];
		for (k = 0; k < UPR_NR_WAYS; k++)
			s->ways[k] += counts[k];
	}
}

/* --- a round ---------------------------------------------------------------------------- */

static void check_counts(struct storm *s, u64 chosen, const long *at_least, const long *at_most)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sites); i++) {
		int f = sites[i].index, times = s->armed[i] ? sites[i].times : 0;
		long hits;

		if (!(chosen >> i & 1))
			continue;
		hits = (long)upr_consumer_hits(s->d.session, &s->consumers[i]);
		s->hits += hits;
		if (hits >= at_least[f] * times && hits <= at_most[f] * times)
			continue;
		if (!s->outside++)
			diag("round %d, %s+%u: %ld hits, not within %ld and %ld", s->rounds, sites[i].function,
			     sites[i].at, hits, at_least[f] * times, at_most[f] * times);
	}
}

static void one_round(struct storm *s)
{
	long ended_before[STORM_FUNCTIONS], begun_armed[STORM_FUNCTIONS], at_least[STORM_FUNCTIONS],
		at_most[STORM_FUNCTIONS];
	u64 chosen = draw();
	int i;

	/* all, a few, one after the other */
	if (s->rounds % 3 == 1)
		chosen &= draw() & draw();
	else if (s->rounds % 3 == 2)
		chosen |= (1ull << ARRAY_SIZE(sites)) - 1;
	look(s, ENDED, ended_before);
	s->failed |= arm(s, chosen);
	look(s, BEGUN, begun_armed);
	note_ways(s, chosen);
	s->stuck += !run_until_progress(s, begun_armed);
	look(s, ENDED, at_least);
	s->failed |= disarm(s, chosen);
	look(s, BEGUN, at_most);
	for (i = 0; i < STORM_FUNCTIONS; i++) {
		at_least[i] -= begun_armed[i];
		at_most[i] -= ended_before[i];
	}
	check_counts(s, chosen, at_least, at_most);
	s->rounds++;
}

/* --- a storm ------------------------------------------------------------------------------ */

static void start(struct storm *s, const char *prof, const char *forks)
{
	char *argv[] = {s->path, s->file, "8", (char *)prof, (char *)forks, NULL};
	int fd = open(s->file, O_RDWR | O_CLOEXEC);

	if (fd < 0 || ftruncate(fd, sizeof(*s->account)))
		abort();
	s->account = mmap(NULL, sizeof(*s->account), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (s->account == MAP_FAILED)
		abort();
	child_start(&s->c, argv);
}

static void resolve(struct storm *s)
{
	u8 code[UPR_INSN_MAX];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sites); i++) {
		s->offset[i] = drive_find(s->path, sites[i].function, code, &s->mode);
		if (!s->offset[i])
			abort();
		s->offset[i] += sites[i].at;
	}
	if (upr_home_file_key(s->path, &s->key))
		abort();
}

struct text {
	unsigned char *bytes;
	size_t len;
};

/* The program's own comes first in its maps. */
static void measure_text(struct storm *s)
{
	char *maps = read_proc(s->c.pid, "maps"), *line, *save = NULL;
	unsigned long start, end;

	for (line = strtok_r(maps, "\n", &save); line && !s->own_text; line = strtok_r(NULL, "\n", &save))
		if (strstr(line, " r-xp ") && strstr(line, "/target-storms") &&
		    sscanf(line, "%lx-%lx", &start, &end) == 2)
			s->own_text = end - start;
	free(maps);
}

/* While we are attached the home has a breakpoint in the dynamic loader. */
static int differs(const struct storm *s, const struct text *before, bool attached)
{
	struct text now;
	int r;

	now.bytes = read_text(s->c.pid, &now.len);
	r = now.len != before->len || memcmp(now.bytes, before->bytes, attached ? s->own_text : now.len);
	free(now.bytes);
	return r;
}

static void say_ways(const struct storm *s, const char *what)
{
	diag("%s: %llu ms, %d rounds, %ld hits; jump %u, emulate %u, boost %u, step %u; %ld children, %ld signals",
	     what, (unsigned long long)(now_ms() - s->start), s->rounds, s->hits, s->ways[UPR_WAY_JUMP],
	     s->ways[UPR_WAY_EMULATE], s->ways[UPR_WAY_BOOST], s->ways[UPR_WAY_STEP], s->account->children,
	     s->account->signals);
}

static void storm(const char *what, enum upr_mode mode, int rounds, const char *prof, const char *forks)
{
	char file[] = "/tmp/storms-XXXXXX", *out;
	struct storm *s = calloc(1, sizeof(*s));
	struct text before;
	int status, r;

	close(mkstemp(file));
	s->file = file;
	s->start = now_ms();
	s->path = strdup(target_path("target-storms"));
	resolve(s);
	start(s, prof, forks);
	before.bytes = read_text(s->c.pid, &before.len);
	measure_text(s);
	drive_open(&s->d, mode, NULL);
	s->failed = drive_attach(&s->d, s->c.pid);
	while (!s->failed && !s->stuck && s->rounds < rounds) {
		one_round(s);
		if (s->rounds % 25 == 0)
			s->dirty += differs(s, &before, true);
	}
	s->failed |= drive_close(&s->d);
	s->dirty += differs(s, &before, false);
	out = child_end(&s->c, &status);
	is_int(s->failed, 0, what);
	ok(!s->stuck && s->own_text, "%s: the program goes on all the time", what);
	is_int(s->outside, 0, "counts are between what the program's account allows");
	is_int(s->dirty, 0, "the text is that of the file, in between and in the end");
	ok(!strcmp(out, "bad 0\n") && !status, "no result was wrong, no pc strange: status %#x, %.5s", status, out);
	if (s->account->strange)
		diag("a strange pc: %#lx", s->account->strange);
	if (mode == UPR_MODE_JUMP && !s->ways[UPR_WAY_JUMP])
		skip("jumps were among them", "this home makes no jump probes");
	else if (mode == UPR_MODE_JUMP)
		ok(s->ways[UPR_WAY_JUMP] > 0, "jumps were among them");
	else
		ok(!s->unarmed && s->hits > 0, "every site was armed each time, and hit");
	say_ways(s, what);
	r = unlink(file);
	(void)r;
	munmap(s->account, sizeof(*s->account));
	free(before.bytes);
	free(out);
	free(s->path);
	free(s);
}

int main(void)
{
	int rounds = setting("ROUNDS", 300);

	random_state = 0x9e3779b97f4a7c15ull ^ (u64)setting("SEED", getpid());
	diag("SEED=%d", setting("SEED", getpid()));
	storm("8 threads, trap", UPR_MODE_TRAP, rounds / 6, NULL, NULL);
	storm("8 threads, step", UPR_MODE_STEP, rounds / 12, NULL, NULL);
	storm("8 threads, the fastest way", UPR_MODE_AUTO, rounds / 4, NULL, NULL);
	storm("8 threads, jumps alone", UPR_MODE_JUMP, rounds / 6, NULL, NULL);
	storm("8 threads and SIGPROF", UPR_MODE_AUTO, rounds / 6, "prof", NULL);
	storm("8 threads, forks and SIGPROF", UPR_MODE_AUTO, rounds / 6, "prof", "fork");
	return done_testing();
}
