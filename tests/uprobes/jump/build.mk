# SPDX-License-Identifier: GPL-2.0
# Jump probes: plans and pads under the sanitizers, and random windows on the CPU at hand.

JUMP_T      := $(O)/tests/jump
JUMP_S      := tests/uprobes/jump
JUMP_ENGINE := $(filter arch/%,$(ENGINE_SRCS))
# the rat, its forms and its states, shared with the execution test of single instructions
JUMP_SHARED := $(JUMP_S)/windows.c $(JUMP_S)/pads.c $(addprefix tests/uprobes/exec/,aim.c compare.c forms.c machine.c rat.c)
JUMP_OBJS   := $(patsubst %.c,$(O)/%.o,$(JUMP_ENGINE) $(JUMP_SHARED))

$(JUMP_T)/test-jump-exec $(JUMP_T)/test-jump-step: $(JUMP_T)/%: $(O)/$(JUMP_S)/%.o $(JUMP_OBJS)
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) $(CFLAGS) -o $@ $^ -lurcu-bp -lpthread

$(JUMP_T)/test-jump-threads: $(O)/$(JUMP_S)/test-jump-threads.o $(JUMP_ENGINE:%.c=$(O)/%.o)
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) $(CFLAGS) -o $@ $^ -lurcu-bp -lpthread

JUMP_UNIT := $(addprefix $(O)/tests/unit/,test-jump test-hop)

$(JUMP_UNIT): $(O)/tests/unit/%: $(O)/san/tests/uprobes/unit/%.o $(JUMP_ENGINE:%.c=$(O)/san/%.o)
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) $(SANITIZE) -o $@ $^ -lurcu-bp -lpthread

TESTS_APART += $(JUMP_UNIT)
TESTS   += $(JUMP_UNIT) $(addprefix $(JUMP_T)/,test-jump-exec test-jump-step test-jump-threads)
FUZZERS += $(JUMP_T)/test-jump-exec
