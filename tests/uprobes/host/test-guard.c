// SPDX-License-Identifier: GPL-2.0
/*
 * test-guard.c - programs that set actions for SIGTRAP while they are probed, and when the tool is dead.
 *
 * The programs are told to: target-guard, linked dynamically, statically, and with another libc.  Their text must
 * be what it was when all is over, and their action what they have set last.  A tool that is to be killed is
 * a child of the test.
 */
#include "child.h"
#include "drive.h"
#include "../tap.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_MS 20000

static const u8 call_code[] = {0xb8, 13, 0, 0, 0, 0x0f, 0x05};

static const char *name;

/* --- the program ------------------------------------------------------------------- */

static pid_t start(struct child *c)
{
	char *argv[] = {strdup(target_path(name)), NULL};

	child_start(c, argv);
	free(argv[0]);
	return atoi(child_first(c));
}

struct answer {
	struct child *child;
	int fd;
};

static bool has_answered(void *data)
{
	const struct answer *a = data;
	fd_set set;
	struct timeval none = {0};

	FD_ZERO(&set);
	FD_SET(a->fd, &set);
	return select(a->fd + 1, &set, NULL, NULL, &none) > 0;
}

/* @d: who is to look after it meanwhile; NULL: nobody */
static const char *tell(struct drive *d, struct child *c, const char *word)
{
	struct answer a = {c, fileno(c->out)};

	child_say(c, word);
	if (d && !drive_until(d, has_answered, &a, WAIT_MS))
		return "no answer";
	return child_line(c);
}

static void says(struct drive *d, struct child *c, const char *word, const char *want, const char *what)
{
	const char *got = tell(d, c, word);

	ok(!strcmp(got, want), "%s: %s (%s: %s)", name, what, word, got);
}

static void has_seen(struct drive *d, struct child *c, const char *word, int nr, int code, unsigned long long blocked)
{
	char want[64];

	snprintf(want, sizeof(want), "%d %d %llx", nr, code, blocked);
	says(d, c, word, want, "its handler is called as it has asked for");
}

/* --- its text -------------------------------------------------------------------------- */

struct text {
	unsigned char *p;
	size_t len;
};

static struct text text_of(pid_t pid)
{
	struct text t;

	t.p = read_text(pid, &t.len);
	return t;
}

/* Places where it sets actions that are as in the file. */
static unsigned int unguarded(pid_t pid)
{
	struct text t = text_of(pid);
	const unsigned char *at = t.p;
	unsigned int n = 0;

	while ((at = memmem(at, t.len - (size_t)(at - t.p), call_code, sizeof(call_code)))) {
		at += sizeof(call_code);
		n++;
	}
	free(t.p);
	return n;
}

static void is_as_before(pid_t pid, struct text *before)
{
	struct text now = text_of(pid);

	ok(now.len == before->len && !memcmp(now.p, before->p, now.len), "%s: its text is what it was", name);
	free(now.p);
	free(before->p);
}

static void has_ended(struct child *c)
{
	int status;
	char *out;

	child_say(c, "end");
	out = child_end(c, &status);
	ok(!status, "%s: it ends well: %#x", name, status);
	free(out);
}

/* --- under our eyes ------------------------------------------------------------------------ */

static unsigned long long mask_of(int nr)
{
	return 1ull << (40 + nr - 1);
}

static void test_watched(enum upr_mode mode)
{
	unsigned long long trap = 1ull << (SIGTRAP - 1);
	struct child c;
	struct drive d;
	pid_t pid = start(&c);
	struct text before = text_of(pid);
	unsigned int sites = unguarded(pid);

	ok(sites > 0, "%s: it sets actions at %u places", name, sites);
	drive_open(&d, mode, NULL);
	drive_count(&d, name, "g_probed");
	is_int(drive_attach(&d, pid), 0, "attached to");
	says(&d, &c, "call", "55", "it is probed");
	is_int(unguarded(pid), 0, "all of them are guarded");
	says(&d, &c, "usr", "0 1", "another signal is none of ours");
	says(&d, &c, "set 1", "0", "it sets an action");
	says(&d, &c, "show", "other", "but not in place of ours");
	has_seen(&d, &c, "raise", 1, SI_TKILL, mask_of(1) | trap);
	has_seen(&d, &c, "int3", 2, SI_KERNEL, mask_of(1) | trap);
	says(&d, &c, "call", "55", "it is still probed");
	says(&d, &c, "set 2", "0", "another");
	has_seen(&d, &c, "int3", 3, SI_KERNEL, mask_of(2) | trap);
	says(&d, &c, "back", "0", "and the one before");
	has_seen(&d, &c, "int3", 4, SI_KERNEL, mask_of(1) | trap);
	says(&d, &c, "ignore", "0", "none");
	has_seen(&d, &c, "raise", 4, SI_KERNEL, mask_of(1) | trap);
	says(&d, &c, "call", "55", "it is still probed");
	says(&d, &c, "spawn", "0", "it starts a program");
	says(&d, &c, "set 3", "0", "one more");
	is_int(drive_hits(&d.probes[0]), 30, "all calls are counted");
	is_int(drive_close(&d), 0, "let go");
	is_as_before(pid, &before);
	says(NULL, &c, "show", "own", "it has the action that it has set last");
	has_seen(NULL, &c, "raise", 5, SI_TKILL, mask_of(3) | trap);
	has_ended(&c);
}

/* What is to be reset when it is called cannot be kept, and more than eight of them are not. */
static void test_not_kept(void)
{
	struct child c;
	struct drive d;
	pid_t pid = start(&c);
	struct text before = text_of(pid);
	char word[16];
	int i;

	drive_open(&d, UPR_MODE_TRAP, NULL);
	drive_count(&d, name, "g_probed");
	is_int(drive_attach(&d, pid), 0, "attached to");
	for (i = 1; i <= 12; i++) {
		snprintf(word, sizeof(word), "set %d", i);
		tell(&d, &c, word);
	}
	has_seen(&d, &c, "raise", 1, SI_TKILL, mask_of(12) | 1ull << (SIGTRAP - 1));
	says(&d, &c, "call", "55", "it is probed after twelve of them");
	says(&d, &c, "reset", "0", "one for once");
	has_seen(&d, &c, "raise", 2, SI_TKILL, 1ull << (SIGTRAP - 1));
	says(&d, &c, "show", "default", "is reset");
	says(&d, &c, "call", "55", "it is still probed");
	is_int(drive_close(&d), 0, "let go");
	is_as_before(pid, &before);
	has_ended(&c);
}

/* What only looks like that call is left alone: 875 is the sum that it should be. */
static void test_constants(void)
{
	struct child c;
	struct drive d;
	pid_t pid = start(&c);
	unsigned int before = unguarded(pid);

	drive_open(&d, UPR_MODE_TRAP, NULL);
	drive_count(&d, name, "g_probed");
	is_int(drive_attach(&d, pid), 0, "attached to");
	says(&d, &c, "call", "55", "it is probed");
	ok(before > 1 && unguarded(pid) == 1, "%s: of %u places one is no call", name, before);
	says(&d, &c, "constants", "875", "its constants are its own");
	says(&d, &c, "set 1", "0", "it sets an action");
	says(&d, &c, "show", "other", "but not in place of ours");
	is_int(drive_close(&d), 0, "let go");
	has_ended(&c);
}

/* --- nobody is there ------------------------------------------------------------------------- */

static void be_tool(pid_t pid, enum upr_mode mode, int out)
{
	struct drive d;
	u64 end = now_ms() + WAIT_MS;

	drive_open(&d, mode, NULL);
	drive_count(&d, name, "g_probed");
	if (drive_attach(&d, pid) || write(out, "x", 1) != 1)
		_exit(1);
	while (now_ms() < end)
		upr_home_run(d.home, 100);
	_exit(2);
}

static void lose_tool(struct child *c, pid_t pid, enum upr_mode mode)
{
	int out[2], status;
	char byte;
	pid_t tool;

	if (pipe(out))
		abort();
	fflush(stdout);
	tool = fork();
	if (!tool)
		be_tool(pid, mode, out[1]);
	close(out[1]);
	ok(read(out[0], &byte, 1) == 1, "%s: a tool has attached to it", name);
	says(NULL, c, "call", "55", "it is probed");
	close(out[0]);
	kill(tool, SIGKILL);
	ok(waitpid(tool, &status, 0) == tool && WIFSIGNALED(status), "the tool is killed");
}

static void mend(pid_t pid)
{
	struct upr_home_client client = {0};
	struct upr_home_options options = {0};
	struct upr_repaired done;
	struct upr_session *session = upr_session_new(UPR_MODE_AUTO);
	struct upr_home *home = upr_home_open(session, &client, NULL, &options);
	struct upr_why why;

	is_int(upr_home_repair(home, pid, &done, &why), 0, "repaired");
	upr_home_close(home);
	upr_session_free(session);
}

static void test_alone(enum upr_mode mode)
{
	unsigned long long trap = 1ull << (SIGTRAP - 1);
	struct child c;
	pid_t pid = start(&c);
	struct text before = text_of(pid);

	lose_tool(&c, pid, mode);
	says(NULL, &c, "usr", "0 1", "another signal is none of ours");
	says(NULL, &c, "set 1", "0", "it sets an action");
	says(NULL, &c, "call", "55", "and lives");
	has_seen(NULL, &c, "raise", 1, SI_TKILL, mask_of(1) | trap);
	has_seen(NULL, &c, "int3", 2, SI_KERNEL, mask_of(1) | trap);
	says(NULL, &c, "ignore", "0", "none");
	has_seen(NULL, &c, "raise", 2, SI_KERNEL, mask_of(1) | trap);
	says(NULL, &c, "call", "55", "and lives");
	says(NULL, &c, "back", "0", "the one before");
	has_seen(NULL, &c, "int3", 3, SI_KERNEL, mask_of(1) | trap);
	says(NULL, &c, "spawn", "0", "it starts a program");
	says(NULL, &c, "call", "55", "and lives");
	mend(pid);
	is_as_before(pid, &before);
	says(NULL, &c, "show", "own", "it has the action that it has set last");
	has_seen(NULL, &c, "int3", 4, SI_KERNEL, mask_of(1) | trap);
	says(NULL, &c, "back", "0", "what it was shown");
	has_seen(NULL, &c, "raise", 5, SI_TKILL, mask_of(1) | trap);
	has_ended(&c);
}

/* Without an action of its own it dies of its own SIGTRAP, as it should. */
static void test_dies(void)
{
	struct child c;
	pid_t pid = start(&c);
	int status;
	char *out;

	lose_tool(&c, pid, UPR_MODE_TRAP);
	says(NULL, &c, "set 1", "0", "it sets an action");
	says(NULL, &c, "default", "0", "and takes it back");
	says(NULL, &c, "call", "55", "and lives");
	child_say(&c, "int3");
	out = child_end(&c, &status);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGTRAP, "%s: until it wants to die: %#x", name, status);
	free(out);
}

/* --- probes on it ------------------------------------------------------------------------------- */

/* The place itself, and what follows it. */
static void test_probed(const char *file, enum upr_mode mode)
{
	static const unsigned int at[] = {0, 5};
	struct upr_consumer consumers[2] = {{0}};
	struct upr_file_key key;
	struct child c;
	struct drive d;
	struct text before;
	struct stat st;
	const u8 *p, *site;
	pid_t pid = start(&c);
	int fd = open(file, O_RDONLY);
	unsigned int i;

	before = text_of(pid);
	drive_open(&d, mode, NULL);
	drive_count(&d, name, "g_probed");
	if (fstat(fd, &st) || upr_home_file_key(file, &key))
		abort();
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	site = memmem(p, (size_t)st.st_size, call_code, sizeof(call_code));
	is_int(drive_attach(&d, pid), 0, "attached to");
	says(&d, &c, "call", "55", "it is probed");
	is_int(unguarded(pid), 0, "and guarded");
	for (i = 0; i < 2; i++)
		is_int(upr_register(d.session, key, (u64)(site + at[i] - p), site + at[i], UPR_INSN_MAX, UPR_INSN_64,
				    &consumers[i], NULL),
		       0, at[i] ? "a probe at the second instruction of the call" : "a probe at the first");
	says(&d, &c, "usr", "0 1", "it sets other actions");
	says(&d, &c, "set 1", "0", "and its own");
	for (i = 0; i < 2; i++)
		is_int((long)upr_consumer_hits(d.session, &consumers[i]), 4, "all of it is counted");
	for (i = 0; i < 2; i++)
		upr_unregister(d.session, &consumers[i]);
	says(&d, &c, "call", "55", "it is still probed");
	is_int(unguarded(pid), 0, "and guarded again");
	is_int(drive_close(&d), 0, "let go");
	is_as_before(pid, &before);
	has_ended(&c);
	munmap((void *)p, (size_t)st.st_size);
	close(fd);
}

/* The C library of the test itself, which is the program's. */
static const char *libc_path(void)
{
	static char path[4096];
	char *maps = read_proc(getpid(), "maps"), *at = strstr(maps, "/libc"), *line;

	for (line = at; line && line > maps && *line != ' '; line--)
		;
	if (!line || sscanf(line, " %4095s", path) != 1)
		abort();
	free(maps);
	return path;
}

static void test_program(const char *program)
{
	name = program;
	test_watched(UPR_MODE_TRAP);
	test_watched(UPR_MODE_STEP);
	test_not_kept();
	test_alone(UPR_MODE_TRAP);
	test_alone(UPR_MODE_STEP);
	test_dies();
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	test_program("target-guard");
	test_probed(libc_path(), UPR_MODE_TRAP);
	test_probed(libc_path(), UPR_MODE_STEP);
	test_probed(libc_path(), UPR_MODE_AUTO);
	test_program("target-guard-static");
	name = "target-guard-fused";
	test_constants();
	if (access(target_path("target-guard-musl"), X_OK))
		skip("a program with another libc", "no musl programs can be made here");
	else
		test_program("target-guard-musl");
	return done_testing();
}
