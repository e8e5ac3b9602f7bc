# SPDX-License-Identifier: GPL-2.0
#
# Tests of symbols and definitions.  The targets are compiled in all flavours by make-targets.

SYM_T    := $(O)/tests/symbols
SYM_DIR  := tests/uprobes/symbols
# fragments are read in alphabetical order: the tools room is not known yet
SYM_CODE := $(wildcard tools/perf/util/symbol*.c tools/perf/util/code-*.c tools/perf/util/error.c arch/x86/lib/insn*.c) \
	$(addprefix tools/perf/util/,arena.c probe-event.c probe-names.c probe-resolve.c probe-resolve-info.c probe-resolve-args.c \
	probe-resolve-return.c probe-resolve-sdt.c sdt.c probe-finder.c probe-var.c probe-source.c probe-grammar.c) $(wildcard tools/perf/util/debug-*.c) \
	$(filter-out %/fetch-print.c,$(wildcard tools/perf/util/fetch-*.c)) kernel/fetch.c
SYM_SAN  := $(SYM_CODE:%.c=$(O)/san/%.o)
SYM_LIBS := -lelf -ldw -llzma -lz -liberty -lurcu-bp -lpthread

$(SYM_T)/t/.made: $(filter-out %.mk,$(wildcard $(SYM_DIR)/target-* $(SYM_DIR)/make-targets))
	@mkdir -p $(@D)
	@echo "  TARGETS $(@D)"
	$(Q)$(SYM_DIR)/make-targets $(@D) && touch $@

$(SYM_T)/test-%: $(O)/san/$(SYM_DIR)/test-%.o $(SYM_SAN) | $(SYM_T)/t/.made $(SYM_T)/symdump
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) $(SANITIZE) -o $@ $^ $(SYM_LIBS)

$(SYM_T)/symdump: $(SYM_CODE:%.c=$(O)/%.o) $(O)/$(SYM_DIR)/symdump.o
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) -o $@ $^ $(SYM_LIBS)

SYM_TESTS := $(patsubst $(SYM_DIR)/test-%.c,$(SYM_T)/test-%,$(wildcard $(SYM_DIR)/test-*.c)) $(SYM_T)/test-oracle

# a script: its copy below $(O) is what depends on the rest
$(SYM_T)/test-oracle: $(SYM_DIR)/test-oracle $(SYM_T)/symdump $(SYM_T)/t/.made
	@mkdir -p $(@D)
	$(Q)cp $< $@

.SECONDARY: $(SYM_SAN) $(patsubst %.c,$(O)/san/%.o,$(wildcard $(SYM_DIR)/*.c))

TESTS      += $(SYM_TESTS)
TESTS_APART += $(SYM_TESTS)
TESTS_USER += $(SYM_TESTS)

FUZZERS += $(SYM_T)/test-mutants
