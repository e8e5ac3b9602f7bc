// SPDX-License-Identifier: GPL-2.0
/*
 * test-maps.c - text that comes, goes, moves and is replaced under probes.
 */
#include "child.h"
#include "drive.h"
#include "../tap.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char library[4200];

static void spawned(const char *how, enum upr_mode mode, const char *what)
{
	char *argv[] = {strdup(target_path("target-maps")), (char *)how, library, NULL};
	struct drive_probe *p;
	long long own = -1;
	struct drive d;
	char *out, *at;
	int fd, saved, r;

	drive_open(&d, mode, NULL);
	p = drive_count(&d, "libplug.so", "plug_call");
	fd = pipe_stdout(&saved);
	r = drive_spawn(&d, argv);
	if (!r)
		r = drive_until_end(&d, 30000);
	out = drain_stdout(fd, saved);
	at = strstr(out, "calls ");
	if (at)
		own = atoll(at + 6);
	ok(!r && !d.wstatus && own >= 0 && drive_hits(p) == own, "%s, %s: %lld calls", what,
	   mode == UPR_MODE_STEP ? "stepped" : "one trap", own);
	if (r || d.wstatus || drive_hits(p) != own)
		diag("run %d status %#x hits %lld: %s", r, d.wstatus, (long long)drive_hits(p), out);
	drive_close(&d);
	free(out);
	free(argv[0]);
}

static bool hundred(void *data)
{
	return drive_hits(data) >= 100;
}

/* Its bytes are the program's now; whoever takes the probe out must not touch them. */
static void replaced(enum upr_mode mode)
{
	char *argv[] = {strdup(target_path("target-maps")), "replace", library, NULL}, *out;
	struct drive_probe *p;
	struct drive d;
	int fd, saved, r, ends[2], old_in = dup(0);

	if (pipe2(ends, O_CLOEXEC))
		abort();
	dup2(ends[0], 0);
	drive_open(&d, mode, NULL);
	p = drive_count(&d, "libplug.so", "plug_call");
	fd = pipe_stdout(&saved);
	r = drive_spawn(&d, argv);
	if (!r)
		drive_until(&d, hundred, p, 10000);
	drive_for(&d, 50);
	r = upr_home_detach(d.home);
	close(ends[0]);
	dup2(old_in, 0);
	close(old_in);
	close(ends[1]);
	waitpid(d.pid, &d.wstatus, 0);
	out = drain_stdout(fd, saved);
	ok(!r && !d.wstatus && strstr(out, "calls 103"), "text replaced by data: not a byte is touched, %s",
	   mode == UPR_MODE_STEP ? "stepped" : "one trap");
	if (r || d.wstatus)
		diag("detach %d status %#x: %s", r, d.wstatus, out);
	drive_close(&d);
	free(out);
	free(argv[0]);
}

static unsigned long checksum(const char *path)
{
	unsigned long sum = 0;
	unsigned char buf[4096];
	int fd = open(path, O_RDONLY);
	ssize_t n, i;

	while (fd >= 0 && (n = read(fd, buf, sizeof(buf))) > 0)
		for (i = 0; i < n; i++)
			sum = sum * 31 + buf[i];
	close(fd);
	return sum;
}

/* A private copy of the library that we may write to. */
static void with_own_copy(void)
{
	char dir[] = "/tmp/test-maps-XXXXXX", copy[4200], cmd[9000];
	unsigned long before;

	if (!mkdtemp(dir))
		abort();
	snprintf(copy, sizeof(copy), "%s/libplug.so", dir);
	snprintf(cmd, sizeof(cmd), "cp %s %s", library, copy);
	if (system(cmd))
		abort();
	snprintf(library, sizeof(library), "%s", copy);
	before = checksum(library);
	spawned("share", UPR_MODE_TRAP, "text mapped shared is let alone, the private mapping is counted");
	ok(checksum(library) == before, "the file is what it was");
	unlink(copy);
	rmdir(dir);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	snprintf(library, sizeof(library), "%s", target_path("../targets/libplug.so"));
	spawned("move", UPR_MODE_TRAP, "text moved by mremap and back");
	spawned("move", UPR_MODE_STEP, "text moved by mremap and back");
	spawned("reload", UPR_MODE_TRAP, "a library loaded and unloaded, constructors included");
	spawned("reload", UPR_MODE_STEP, "a library loaded and unloaded, constructors included");
	spawned("threads", UPR_MODE_TRAP, "the same from three threads while a fourth calls");
	spawned("threads", UPR_MODE_STEP, "the same from three threads while a fourth calls");
	replaced(UPR_MODE_TRAP);
	replaced(UPR_MODE_STEP);
	with_own_copy();
	return done_testing();
}
