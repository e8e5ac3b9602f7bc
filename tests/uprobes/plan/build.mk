# SPDX-License-Identifier: GPL-2.0
# Tests of plans: what the code map claims, compared with programs that run and with other tools.
PLAN_T    := $(O)/tests/plan
PLAN_DIR  := tests/uprobes/plan
# fragments are read in alphabetical order: the tools room is not known yet
PLAN_CODE := $(wildcard tools/perf/util/symbol*.c tools/perf/util/code-*.c tools/perf/util/error.c tools/perf/util/arena.c arch/x86/lib/insn*.c)
PLAN_SAN  := $(PLAN_CODE:%.c=$(O)/san/%.o)
PLAN_LIBS := -lelf -ldw -llzma -lz -liberty -lurcu-bp -lpthread

$(O)/$(PLAN_DIR)/%.o $(O)/san/$(PLAN_DIR)/%.o: INCLUDES += -Itools/perf/util

# scripts: copies below $(O) are what depends on the rest
$(PLAN_T)/test-flow: $(PLAN_T)/flow-oracle
$(PLAN_T)/test-static: $(PLAN_T)/mapdump
$(PLAN_T)/test-flow $(PLAN_T)/test-static: $(PLAN_T)/%: $(PLAN_DIR)/%
	@mkdir -p $(@D)
	$(Q)cp $< $@

.SECONDARY: $(PLAN_SAN) $(O)/san/$(PLAN_DIR)/test-map.o

PLAN_TESTS := $(addprefix $(PLAN_T)/,test-map test-static test-flow) $(addprefix $(PLAN_DIR)/,test-plan test-survey)
TESTS      += $(PLAN_TESTS)
TESTS_APART += $(filter-out %/test-plan,$(PLAN_TESTS))
TESTS_USER += $(PLAN_T)/test-map $(PLAN_DIR)/test-plan

$(PLAN_T)/flow-oracle: $(PLAN_CODE:%.c=$(O)/%.o) $(O)/$(PLAN_DIR)/flow-oracle.o
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) -o $@ $^ $(PLAN_LIBS)

$(PLAN_T)/test-map.bin: $(PLAN_SAN) $(O)/san/$(PLAN_DIR)/test-map.o
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) $(SANITIZE) -o $@ $^ $(PLAN_LIBS)

# a script that names the test's targets
$(PLAN_T)/test-map: $(PLAN_T)/test-map.bin $(PLAN_T)/map-pie $(PLAN_T)/map-nopie $(PLAN_T)/throw
	@printf '#!/bin/sh\nd=$$(dirname "$$0")\nexec "$$d/test-map.bin" "$$d/map-pie" "$$d/map-nopie" "$$d/throw"\n' >$@
	@chmod +x $@

$(PLAN_T)/map-pie: PLAN_HOW := -fPIE -pie
$(PLAN_T)/map-nopie: PLAN_HOW := -fno-pie -no-pie
$(PLAN_T)/map-pie $(PLAN_T)/map-nopie: $(PLAN_DIR)/target-map.S
	@mkdir -p $(@D)
	@echo "  TARGET  $@"
	$(Q)$(CC) $(PLAN_HOW) -o $@ $<

$(PLAN_T)/throw: $(PLAN_DIR)/target-throw.cc
	@mkdir -p $(@D)
	@echo "  TARGET  $@"
	$(Q)$(CXX) -O2 -fnon-call-exceptions -o $@ $<

$(PLAN_T)/mapdump: $(PLAN_CODE:%.c=$(O)/%.o) $(O)/$(PLAN_DIR)/mapdump.o
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) -o $@ $^ $(PLAN_LIBS)
