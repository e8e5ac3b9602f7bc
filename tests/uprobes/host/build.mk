# SPDX-License-Identifier: GPL-2.0
#
# Tests of the ptrace home itself: test-*.c are tests, target-*.c what they trace.

HOST_T    := $(O)/tests/host
HOST_DIR  := tests/uprobes/host
# fragments are read in alphabetical order: kernel/, arch/ and host/ are known by now
HOST_CODE := $(ENGINE_SRCS:%.c=$(O)/%.o) $(HOST_USER_SRCS:%.c=$(O)/%.o) $(O)/$(HOST_DIR)/drive.o $(O)/$(HOST_DIR)/child.o \
	$(O)/$(HOST_DIR)/still.o

HOST_TESTS   := $(patsubst $(HOST_DIR)/test-%.c,$(HOST_T)/test-%,$(wildcard $(HOST_DIR)/test-*.c))
HOST_TARGETS := $(patsubst $(HOST_DIR)/target-%.c,$(HOST_T)/target-%,$(wildcard $(HOST_DIR)/target-*.c))

$(HOST_T)/test-% $(HOST_T)/count $(HOST_T)/no-32: LDLIBS := -lurcu-bp -lpthread
$(HOST_T)/test-%: $(O)/$(HOST_DIR)/test-%.o $(HOST_CODE) | $(HOST_TARGETS)
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) $(CFLAGS) -o $@ $^ $(LDLIBS)

# what a test asks of the home itself is answered to the test
$(HOST_T)/test-counters: LDLIBS += -Wl,--wrap=upr_counters_mapped,--wrap=upr_area_mapped

$(HOST_T)/count $(HOST_T)/no-32: $(HOST_T)/%: $(O)/$(HOST_DIR)/%.o $(HOST_CODE)
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) $(CFLAGS) -o $@ $^ $(LDLIBS)

$(HOST_T)/target-%: $(HOST_DIR)/target-%.c
	@mkdir -p $(@D)
	@echo "  TARGET  $@"
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE $(WARN) -Wno-missing-prototypes -O1 -g -o $@ $< -pthread -ldl -lrt

$(HOST_T)/target-%-fixed: $(HOST_DIR)/target-%.c
	@mkdir -p $(@D)
	@echo "  TARGET  $@"
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE $(WARN) -Wno-missing-prototypes -O1 -g -no-pie -fno-pie -o $@ $< -pthread

$(HOST_T)/target-%-musl: $(HOST_DIR)/target-%.c
	@mkdir -p $(@D)
	@echo "  TARGET  $@"
	$(Q)musl-gcc -std=gnu11 -D_GNU_SOURCE -O1 -g -o $@ $< -pthread || echo "no musl programs can be made here"

$(HOST_T)/target-%-static: $(HOST_DIR)/target-%.c
	@mkdir -p $(@D)
	@echo "  TARGET  $@"
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE $(WARN) -Wno-missing-prototypes -O1 -g -static -o $@ $< -pthread

# constants and instructions in one segment
$(HOST_T)/target-%-fused: $(HOST_DIR)/target-%.c
	@mkdir -p $(@D)
	@echo "  TARGET  $@"
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE $(WARN) -Wno-missing-prototypes -O1 -g -static -Wl,-z,noseparate-code -o $@ $< -pthread

$(HOST_T)/target-endings: $(HOST_DIR)/target-endings.c
	@mkdir -p $(@D)
	@echo "  TARGET  $@"
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE $(WARN) -O1 -g -static -o $@ $< -pthread

$(HOST_T)/test-counters: | $(HOST_T)/target-pads-fixed
$(HOST_T)/test-rseq: | $(HOST_T)/target-pads-musl
$(HOST_T)/test-guard: | $(HOST_T)/target-guard-static $(HOST_T)/target-guard-musl $(HOST_T)/target-guard-fused

# 32-bit: no library needed; where even that cannot be had its test says so
$(HOST_T)/start32: $(HOST_DIR)/start32.S
	@mkdir -p $(@D)
	@echo "  TARGET  $@"
	$(Q)$(CC) -m32 -nostdlib -static -o $@ $< || echo "no 32-bit programs can be made here"

$(HOST_T)/kill32: $(HOST_DIR)/kill32.c
	@mkdir -p $(@D)
	@echo "  TARGET  $@"
	$(Q)$(CC) -std=gnu11 $(WARN) -Wno-missing-prototypes -m32 -O1 -msse2 -ffreestanding -nostdlib -static -fno-pic \
		-fno-stack-protector -o $@ $< || echo "no 32-bit programs can be made here"

$(HOST_T)/test-32 $(HOST_T)/no-32: | $(HOST_T)/start32
$(HOST_T)/test-kill: | $(HOST_T)/start32 $(HOST_T)/kill32 $(O)/perf-uprobe

.SECONDARY: $(patsubst %.c,$(O)/%.o,$(wildcard $(HOST_DIR)/*.c))

TESTS      += $(HOST_TESTS)
TESTS_USER += $(HOST_TESTS)
TARGETS    += $(HOST_TARGETS) $(HOST_T)/no-32
