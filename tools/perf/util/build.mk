# SPDX-License-Identifier: GPL-2.0
# Symbols and definitions: text to (file, file offset).
SYMBOL_SRCS := $(addprefix tools/perf/util/,error.c symbol.c symbol-table.c symbol-debug.c symbol-eh.c \
	symbol-func.c symbol-name.c symbol-code.c symbol-measure.c symbol-file.c arena.c probe-event.c probe-names.c \
	probe-resolve.c probe-resolve-info.c probe-resolve-args.c debug-info.c debug-abbrev.c debug-cu.c debug-units.c \
	debug-entries.c debug-quick.c debug-index.c probe-grammar.c probe-finder.c probe-var.c probe-source.c probe-define.c \
	probe-usage.c probe-filter.c probe-show.c probe-show-lines.c probe-show-funcs.c \
	code-map.c code-scan.c code-data.c code-eh.c code-table.c code-jump.c code-live.c code-return.c code-facts.c \
	code-holes.c code-cache.c code-exits.c \
	sdt.c probe-sdt.c probe-resolve-return.c probe-resolve-sdt.c debug-type.c fetch-arg.c fetch-call.c fetch-code.c fetch-dwarf.c fetch-expr.c fetch-frame.c fetch-loc.c fetch-print.c fetch-return.c fetch-sdt.c fetch-text.c \
	fetch-tls.c fetch-type.c fetch-value.c fetch-var.c fetch-word.c)
TOOL_SRCS   += $(SYMBOL_SRCS)
