# SPDX-License-Identifier: GPL-2.0
#
# uprobes - plain GNU make.  `make help` lists the goals.
#
# Each room brings a build.mk fragment that appends to these variables:
#   ENGINE_SRCS    kernel/ and arch/ sources: freestanding, go into every home
#   HOST_USER_SRCS the ptrace home
#   TOOL_SRCS      perf-uprobe itself (tools/perf)
#   GENERATED      files made before anything is compiled (under $(O))
#   TESTS          executables or scripts that print TAP, run by `make check` in this order
#   TARGETS        programs the tests probe
#   BENCHES, FUZZERS, CLEAN likewise
# A fragment may add its own rules; it names objects under $(O) only.

O      ?= build
CC     ?= gcc
HOSTCC ?= gcc
CFLAGS ?= -O2 -g
V      ?= 0
Q      := $(if $(filter 1,$(V)),,@)

comma    := ,
WARN     := -Wall -Wextra -Wno-unused-parameter -Wstrict-prototypes -Wmissing-prototypes -Wno-missing-field-initializers -Werror
INCLUDES := -Iinclude -Iinclude/compat/user -Iarch/x86/include -I$(O)/include
ALL_CFLAGS = -std=gnu11 $(WARN) $(CFLAGS) -D_GNU_SOURCE $(INCLUDES) -MMD -MP
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
# Sanitized objects are made of the same sources below $(O)/san.

ENGINE_SRCS    :=
HOST_USER_SRCS :=
TOOL_SRCS      :=
GENERATED      :=
TESTS          :=
TARGETS        :=
BENCHES        :=
FUZZERS        :=
LDLIBS_TOOL    := -lelf -ldw -llzma -lz -liberty -lurcu-bp -lpthread

all:

include $(sort $(wildcard arch/x86/build.mk kernel/build.mk host/*/build.mk tools/*/build.mk tests/uprobes/build.mk tests/uprobes/*/build.mk bench/build.mk))

ENGINE_OBJS    := $(ENGINE_SRCS:%.c=$(O)/%.o)
HOST_USER_OBJS := $(HOST_USER_SRCS:%.c=$(O)/%.o)
TOOL_OBJS      := $(TOOL_SRCS:%.c=$(O)/%.o)
ENGINE_SAN     := $(ENGINE_SRCS:%.c=$(O)/san/%.o)

$(O)/%.o: %.c $(GENERATED)
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(O)/san/%.o: %.c $(GENERATED)
	@mkdir -p $(@D)
	@echo "  CC SAN  $<"
	$(Q)$(CC) $(ALL_CFLAGS) $(SANITIZE) -c -o $@ $<

$(O)/perf-uprobe: $(ENGINE_OBJS) $(HOST_USER_OBJS) $(TOOL_OBJS)
	@echo "  LD      $@"
	$(Q)$(CC) $(CFLAGS) -o $@ $^ $(LDLIBS_TOOL)

all: $(O)/perf-uprobe

clean:
	$(Q)rm -rf $(O)

-include $(shell find $(O) -name '*.d' 2>/dev/null)

.PHONY: all clean
.DELETE_ON_ERROR:
