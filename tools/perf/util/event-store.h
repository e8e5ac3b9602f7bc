/* SPDX-License-Identifier: GPL-2.0 */
/*
 * event-store.h - events defined earlier: -e GROUP:EVENT.
 *
 * Purpose: definitions in uprobe_events syntax ("p:GROUP/EVENT PATH:0xOFFSET") are read from
 * ${XDG_STATE_HOME:-~/.local/state}/perf-uprobe/events, then from the kernel's list
 * in tracefs where that can be read; the first of a name is the one meant.
 */
#ifndef PERF_UTIL_EVENT_STORE_H
#define PERF_UTIL_EVENT_STORE_H

#include "probe-uprobe.h"

/**
 * event_store_define() - probes for the stored events that @pattern (GROUP:EVENT, wildcards) fits
 * Return: 0, or -errno with @err; no such event is an error.
 */
int event_store_define(struct uprobe_set *set, const char *pattern, struct upr_error *err);

#endif /* PERF_UTIL_EVENT_STORE_H */
