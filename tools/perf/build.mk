# SPDX-License-Identifier: GPL-2.0
# The command line.  tools/perf/util/build.mk brings symbols and definitions.
TOOL_SRCS += tools/perf/perf-uprobe.c tools/perf/builtin-stat.c tools/perf/builtin-trace.c tools/perf/builtin-list.c tools/perf/builtin-probe.c tools/perf/builtin-plan.c tools/perf/builtin-repair.c \
	$(addprefix tools/perf/util/,event-line.c event-registry.c event-check.c event-refresh.c event-store.c file-defs.c ifunc.c plan.c \
	probe-point.c probe-any.c probe-add.c probe-del.c probe-list.c probe-options.c probe-uprobe.c run.c run-options.c stat-print.c ui.c workload.c)
