// SPDX-License-Identifier: GPL-2.0
/*
 * test-args.c - arguments that the kernel takes, and what it says of those that it does not.
 *
 * The file `args' has what a kernel has said: an argument list, and "ok" or the words of its error_log and where
 * they point.  event_args_check() has to say the same; and so has the kernel that we are on, where it may be asked: words
 * change with kernels, but what it takes is to be what the file says.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../tap.h"
#include "event-check.h"

#define LIST "/sys/kernel/tracing/uprobe_events"

/* Return: it took it, which is undone. */
static bool kernel_takes(int list, const char *args)
{
	char line[1024], self[512];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	bool ret;

	self[len > 0 ? len : 0] = '\0';
	snprintf(line, sizeof(line), "p:upr_args_%d/e %s:0x1000 %s\n", (int)getpid(), self, args);
	ret = write(list, line, strlen(line)) == (ssize_t)strlen(line);
	snprintf(line, sizeof(line), "-:upr_args_%d/e\n", (int)getpid());
	if (ret && write(list, line, strlen(line)) < 0)
		diag("cannot take back %s", args);
	return ret;
}

static void check_line(char *line, int list)
{
	char *args = strsep(&line, "\t"), *what = strsep(&line, "\t");
	struct event_fault fault;
	bool good = event_args_check(args, false, &fault);

	if (!what)
		return;
	if (!strcmp(what, "ok")) {
		ok(good, "%s", args);
	} else {
		ok(!good && !strcmp(fault.what, what) && line && fault.at == strtoul(line, NULL, 10), "%s: %s", args,
		   what);
		if (!good)
			diag("%s at %zu", fault.what, fault.at);
	}
	if (list >= 0)
		ok(kernel_takes(list, args) == good, "the kernel thinks so, too");
}

int main(void)
{
	FILE *in = fopen("tests/uprobes/probe/args", "re");
	int list = open(LIST, O_WRONLY | O_APPEND | O_CLOEXEC);
	struct event_fault fault;
	char line[1024];

	if (!in) {
		puts("Bail out! tests/uprobes/probe/args cannot be read");
		return 1;
	}
	while (fgets(line, sizeof(line), in)) {
		line[strcspn(line, "\n")] = '\0';
		check_line(line, list);
	}
	fclose(in);
	if (list >= 0)
		close(list);
	else
		skip("what the kernel thinks", "its list cannot be written");
	ok(event_args_check("a=$retval", true, &fault), "a return has a value");
	ok(event_args_check("", false, &fault), "no arguments are none to object to");
	return done_testing();
}
