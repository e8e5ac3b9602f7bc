# SPDX-License-Identifier: GPL-2.0
# Programs that the tests and the benchmarks probe: each knows its own counts.
TARGET_DIR := $(O)/tests/targets

TARGETS += $(addprefix $(TARGET_DIR)/,loop loop-static loop-static-pie loop-nopie loop-stripped family alarm waiter \
	libplug.so dlopener ifuncs ifuncs-static strings fault oracle libstepper.so)

# no debug information: perf probe would look for functions there only, and they are assembly
TARGET_CC = $(CC) -std=gnu11 -D_GNU_SOURCE $(WARN) -O1

$(TARGET_DIR)/oracle: tests/uprobes/targets/stepper.h

$(TARGET_DIR)/%: tests/uprobes/targets/%.c tests/uprobes/targets/entries.h
	@mkdir -p $(@D)
	@echo "  TARGET  $@"
	$(Q)$(TARGET_CC) -o $@ $< -pthread -ldl

$(TARGET_DIR)/loop-static: TARGET_HOW := -static
$(TARGET_DIR)/loop-static-pie: TARGET_HOW := -static-pie -fPIE
$(TARGET_DIR)/loop-nopie: TARGET_HOW := -no-pie -fno-pie
$(TARGET_DIR)/loop-stripped: TARGET_HOW := -s
$(TARGET_DIR)/loop-static $(TARGET_DIR)/loop-static-pie $(TARGET_DIR)/loop-nopie $(TARGET_DIR)/loop-stripped: \
		tests/uprobes/targets/loop.c tests/uprobes/targets/entries.h
	@mkdir -p $(@D)
	@echo "  TARGET  $@"
	$(Q)$(TARGET_CC) $(TARGET_HOW) -o $@ $< -pthread

# gcc keeps a call through the PLT only where the symbol may be replaced
$(TARGET_DIR)/ifuncs-static: tests/uprobes/targets/ifuncs.c
	@mkdir -p $(@D)
	@echo "  TARGET  $@"
	$(Q)$(TARGET_CC) -static -DTAKE_LONG -o $@ $<

$(TARGET_DIR)/strings: tests/uprobes/targets/strings.c
	@mkdir -p $(@D)
	@echo "  TARGET  $@"
	$(Q)$(TARGET_CC) -fno-builtin -o $@ $<

$(TARGET_DIR)/libplug.so: tests/uprobes/targets/plug.c
	@mkdir -p $(@D)
	@echo "  TARGET  $@"
	$(Q)$(TARGET_CC) -shared -fPIC -o $@ $<

# it runs between any two instructions of others: no vector registers, no stack protector
$(TARGET_DIR)/libstepper.so: tests/uprobes/targets/stepper.c tests/uprobes/targets/stepper.h
	@mkdir -p $(@D)
	@echo "  TARGET  $@"
	$(Q)$(TARGET_CC) -mgeneral-regs-only -fno-stack-protector -shared -fPIC -nostdlib -o $@ $<
