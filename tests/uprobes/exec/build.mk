# SPDX-License-Identifier: GPL-2.0
# Displaced execution: its vectors under the sanitizers, and the execution test
# on the CPU at hand.

EXEC_T := $(O)/tests/exec

# What the engine's displaced execution needs, and no more: no kernel/, no host.
XOL_ENGINE := $(filter arch/%,$(ENGINE_SRCS))
XOL_SAN    := $(patsubst %.c,$(O)/san/%.o,$(XOL_ENGINE) tests/uprobes/exec/xol-vectors.c tests/uprobes/unit/test-xol.c)
EXEC_OBJS  := $(patsubst %.c,$(O)/%.o,$(XOL_ENGINE) $(sort $(filter-out tests/uprobes/exec/xol-vectors.c,\
		$(wildcard tests/uprobes/exec/*.c))))

$(O)/tests/unit/test-xol: $(XOL_SAN)
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) $(SANITIZE) -o $@ $^ -lurcu-bp -lpthread

$(EXEC_T)/test-exec: $(EXEC_OBJS)
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) $(CFLAGS) -o $@ $^ -lurcu-bp -lpthread

TESTS       += $(O)/tests/unit/test-xol $(EXEC_T)/test-exec
TESTS_APART += $(O)/tests/unit/test-xol
FUZZERS += $(EXEC_T)/test-exec
