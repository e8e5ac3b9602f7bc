// SPDX-License-Identifier: GPL-2.0
/*
 * still.c - an engine that holds all threads of an address space.
 */
#include "still.h"

#include <poll.h>

static enum utrace_resume on_quiesce(struct utrace_engine *engine, struct utrace_task *task)
{
	(void)engine;
	(void)task;
	return UTRACE_STOP;
}

static const struct utrace_engine_ops ops = {.on_quiesce = on_quiesce};

static bool all_held(void *data)
{
	struct still *s = data;
	unsigned int i;

	for (i = 0; i < s->nr; i++)
		if (!utrace_is_stopped(s->engines[i]))
			return false;
	return true;
}

bool still_hold(struct still *s, struct drive *d, struct upr_mm *mm)
{
	struct utrace_task *task;

	memset(s, 0, sizeof(*s));
	s->d = d;
	list_for_each_entry(task, &mm->tasks, mm_node) {
		if (s->nr == STILL_MAX)
			return false;
		s->engines[s->nr] = utrace_attach(task, &ops, UTRACE_EV_QUIESCE, NULL);
		if (IS_ERR(s->engines[s->nr]))
			continue;
		utrace_control(s->engines[s->nr++], UTRACE_STOP);
	}
	return s->nr && drive_until(d, all_held, s, 10000);
}

void still_let_go(struct still *s)
{
	unsigned int i;

	for (i = 0; i < s->nr; i++) {
		utrace_detach(s->engines[i]);
		utrace_engine_put(s->engines[i]);
	}
	s->nr = 0;
}

static bool has_line(void *data)
{
	struct child *c = data;
	struct pollfd fd = {.fd = fileno(c->out), .events = POLLIN};

	return poll(&fd, 1, 0) > 0;
}

const char *ask_line(struct drive *d, struct child *c, const char *line)
{
	child_say(c, line);
	return drive_until(d, has_line, c, 10000) ? child_line(c) : "";
}
