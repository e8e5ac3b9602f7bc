# SPDX-License-Identifier: GPL-2.0
# Tests of plans: what the code map claims, compared with programs that run and with other tools.
PLAN_T    := $(O)/tests/plan
PLAN_DIR  := tests/uprobes/plan
# fragments are read in alphabetical order: the tools room is not known yet
PLAN_CODE := $(wildcard tools/perf/util/symbol*.c tools/perf/util/code-*.c tools/perf/util/error.c arch/x86/lib/insn*.c)
PLAN_SAN  := $(PLAN_CODE:%.c=$(O)/san/%.o)
PLAN_LIBS := -lelf -ldw -llzma -lz -liberty -lurcu-bp -lpthread

$(O)/$(PLAN_DIR)/%.o $(O)/san/$(PLAN_DIR)/%.o: INCLUDES += -Itools/perf/util

$(PLAN_T)/flow-oracle: $(PLAN_CODE:%.c=$(O)/%.o) $(O)/$(PLAN_DIR)/flow-oracle.o
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) -o $@ $^ $(PLAN_LIBS)
