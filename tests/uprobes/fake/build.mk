# SPDX-License-Identifier: GPL-2.0
#
# Tests over the fake host, under the sanitizers.

FAKE_T   := $(O)/tests/fake
FAKE_DIR := tests/uprobes/fake

FAKE_UTRACE_SAN  := $(patsubst %.c,$(O)/san/%.o,kernel/utrace.c $(FAKE_DIR)/fake-tap.c $(FAKE_DIR)/main-utrace.c \
	$(sort $(wildcard $(FAKE_DIR)/test-host*.c $(FAKE_DIR)/test-utrace*.c))) $(FAKE_SAN)
FAKE_UPROBES_SAN := $(patsubst %.c,$(O)/san/%.o,$(FAKE_DIR)/fake-tap.c \
	$(sort $(wildcard $(FAKE_DIR)/upr-*.c $(FAKE_DIR)/test-uprobes*.c))) \
	$(FAKE_SAN) $(FAKE_PROBES_SAN)

$(O)/san/$(FAKE_DIR)/%.o: INCLUDES += -Ihost/fake

$(FAKE_T)/test-utrace: $(FAKE_UTRACE_SAN)
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) $(SANITIZE) -o $@ $^ -lurcu-bp -lpthread

$(FAKE_T)/test-uprobes $(FAKE_T)/test-jumps: $(FAKE_T)/test-%: $(O)/san/$(FAKE_DIR)/main-%.o $(FAKE_UPROBES_SAN) \
		$(ENGINE_SRCS:%.c=$(O)/san/%.o)
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) $(SANITIZE) -o $@ $^ -lurcu-bp -lpthread

# Real threads; by hand also with SANITIZE=-fsanitize=thread
$(FAKE_T)/test-utrace-threads: $(patsubst %.c,$(O)/san/%.o,kernel/utrace.c $(FAKE_DIR)/threads-utrace.c)
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) $(SANITIZE) -o $@ $^ -lurcu-bp -lpthread

TESTS += $(FAKE_T)/test-utrace $(FAKE_T)/test-utrace-threads $(FAKE_DIR)/test-utrace-doc
TESTS += $(FAKE_T)/test-uprobes $(FAKE_T)/test-jumps
TESTS_APART += $(FAKE_T)/test-utrace $(FAKE_T)/test-uprobes $(FAKE_T)/test-jumps
