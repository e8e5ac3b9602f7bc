# SPDX-License-Identifier: GPL-2.0
# Programs that the tests and the benchmarks probe: each knows its own counts.
TARGET_DIR := $(O)/tests/targets

TARGETS += $(addprefix $(TARGET_DIR)/,loop loop-static loop-static-pie loop-nopie loop-stripped family alarm waiter \
	libplug.so dlopener ifuncs ifuncs-static strings fault oracle libstepper.so spin coroutine reused uring)

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

# --- programs that keep an account of themselves (account.h) ------------------
# One source in many builds: SHAPE_<suffix> are its options.
SHAPE_O0         := -O0
SHAPE_O2         := -O2
SHAPE_O3         := -O3
SHAPE_Os         := -Os
SHAPE_cet        := -O2 -fcf-protection=full
SHAPE_pg         := -O2 -pg
SHAPE_fentry     := -O2 -pg -mfentry
SHAPE_patchable  := -O2 -fpatchable-function-entry=16,8
SHAPE_nopie      := -O2 -no-pie -fno-pie
SHAPE_large      := -O2 -mcmodel=large -fno-plt
SHAPE_sections   := -O2 -ffunction-sections -Wl,--gc-sections -Wl,-z,noseparate-code
SHAPE_static     := -O2 -static
SHAPE_static-pie := -O2 -static-pie -fPIE
SHAPE_musl       := -O2
SHAPE_musl-static := -O2 -static

SHAPES      := $(addprefix $(TARGET_DIR)/shapes-,O0 O2 O3 Os cet pg fentry patchable nopie large sections static static-pie)
HAND_SHAPES := $(addprefix $(TARGET_DIR)/hand-,O2 nopie static-pie)
STORMS      := $(addprefix $(TARGET_DIR)/storm-,O2 static static-pie)
MUSL        := $(addprefix $(TARGET_DIR)/,shapes-musl shapes-musl-static hand-musl storm-musl storm-musl-static)
ACCOUNTS    := $(SHAPES) $(HAND_SHAPES) $(STORMS) $(MUSL) $(addprefix $(TARGET_DIR)/,faults unwind throw cancel profiled rseq)
TARGETS     += $(ACCOUNTS)

ACCOUNT_FLAGS = -std=gnu11 -D_GNU_SOURCE $(WARN) -Wno-missing-prototypes
ACCOUNT_CC    = $(CC)
$(MUSL): ACCOUNT_CC = musl-gcc
$(ACCOUNTS): tests/uprobes/targets/account.h tests/uprobes/targets/entries.h

# nested functions are called through pointers by trampolines on the stack: it is executable
$(TARGET_DIR)/shapes-%: tests/uprobes/targets/shapes.c
	@mkdir -p $(@D)
	@echo "  TARGET  $@"
	$(Q)$(ACCOUNT_CC) $(ACCOUNT_FLAGS) $(SHAPE_$*) -z execstack -o $@ $< || $(if $(filter $@,$(MUSL)),echo "no musl here",false)

$(TARGET_DIR)/hand-%: tests/uprobes/targets/shapes-hand.c tests/uprobes/targets/shapes-asm.S
	@mkdir -p $(@D)
	@echo "  TARGET  $@"
	$(Q)$(ACCOUNT_CC) $(ACCOUNT_FLAGS) $(SHAPE_$*) -o $@ $(filter %.c %.S,$^) || $(if $(filter $@,$(MUSL)),echo "no musl here",false)

$(TARGET_DIR)/storm-%: tests/uprobes/targets/storm.c
	@mkdir -p $(@D)
	@echo "  TARGET  $@"
	$(Q)$(ACCOUNT_CC) $(ACCOUNT_FLAGS) $(SHAPE_$*) -o $@ $< -pthread || $(if $(filter $@,$(MUSL)),echo "no musl here",false)

$(addprefix $(TARGET_DIR)/,faults unwind cancel profiled rseq): $(TARGET_DIR)/%: tests/uprobes/targets/%.c
	@mkdir -p $(@D)
	@echo "  TARGET  $@"
	$(Q)$(CC) $(ACCOUNT_FLAGS) -O2 -rdynamic -o $@ $< -pthread -ldl

$(TARGET_DIR)/throw: tests/uprobes/targets/throw.cc
	@mkdir -p $(@D)
	@echo "  TARGET  $@"
	$(Q)$(CXX) -D_GNU_SOURCE -Wall -Wextra -Wno-unused-parameter -Werror -O2 -o $@ $<
