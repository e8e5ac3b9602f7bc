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
#   TESTS_USER     those of them that run once more as an ordinary user when root checks
#   TESTS_APART    those that share nothing with others, keep one CPU busy and measure no time: they run
#                  beside each other, before the rest
#   TARGETS        programs the tests probe
#   BENCHES        programs run by `make bench`
#   FUZZERS        programs run by `make fuzz`, each with a time in seconds
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
TESTS_USER     :=
TESTS_APART    :=
TARGETS        :=
BENCHES        :=
FUZZERS        :=
LDLIBS_TOOL    := -lelf -ldw -llzma -lz -liberty -lurcu-bp -lpthread

help:

# help and clean need no fragments and no installed packages
include $(sort $(wildcard arch/x86/build.mk kernel/build.mk host/*/build.mk tools/*/build.mk tools/*/*/build.mk \
	tests/uprobes/*/build.mk bench/build.mk))

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

# --- goals for people --------------------------------------------------

PREFIX  ?= /usr/local
DESTDIR ?=
TIME    ?= 60

help:
	@echo 'make demo        install what is missing, build, count hits in a real program'
	@echo 'make check       install what is missing, build, run every test (TAP, by prove)'
	@echo 'make all         build $(O)/perf-uprobe'
	@echo 'make bench       measure against mainline uprobes through perf, in one run'
	@echo 'make fuzz        fuzz the decoder for TIME=60 seconds'
	@echo 'make kmod        build the engine as a module for the stock Debian kernel'
	@echo 'make kmod-check  boot that kernel in QEMU and test the engine inside it'
	@echo 'make lint        what CI asks of the sources: freestanding engine, SPDX lines'
	@echo 'make install     to $(PREFIX)/bin, share/man and share/bash-completion (PREFIX=, DESTDIR=)'
	@echo 'make clean       remove $(O)'
	@echo
	@echo 'O=DIR builds elsewhere; V=1 shows the commands; T="test ..." narrows check.'

deps:
	@scripts/deps

demo: deps
	+@$(MAKE) --no-print-directory all
	@scripts/demo $(O)/perf-uprobe

# T narrows the run: make check T=build/tests/unit/test-insn
T ?= $(TESTS)

# what is to be built is built on all CPUs, unless somebody has said on how many
JOBS = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))

check: deps
	+@$(MAKE) --no-print-directory $(JOBS) check-built

check-built: all lint $(TESTS) $(TARGETS)
	@O=$(O) TESTS_USER="$(patsubst $(O)/%,build/%,$(filter $(T),$(TESTS_USER)))" \
		TESTS_APART="$(TESTS_APART) $(TESTS_APART:$(O)/%=build/%)" scripts/run-tests $(T)

fuzz: deps
	+@$(MAKE) --no-print-directory fuzz-built

fuzz-built: $(FUZZERS)
	@printf '%s\n' $(FUZZERS) | xargs -P $(shell nproc) -I F sh -c 'F $(TIME) >F.log 2>&1; r=$$?; echo "fuzz: F, $(TIME) s"; \
		[ $$r = 0 ] && tail -n 3 F.log || cat F.log; exit $$r'

bench: deps
	+@$(MAKE) --no-print-directory bench-built

bench-built: all $(BENCHES) $(TARGETS)
	@set -e; for b in $(BENCHES); do O=$(O) $$b; done

lint:
	@scripts/lint

install: all
	install -D -m 755 $(O)/perf-uprobe $(DESTDIR)$(PREFIX)/bin/perf-uprobe
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man1 Documentation/perf-uprobe*.1
	install -D -m 644 tools/perf/perf-completion.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/perf-uprobe

clean:
	$(Q)rm -rf $(O)

-include $(shell find $(O) -name '*.d' 2>/dev/null)

.PHONY: all help deps demo check check-built fuzz fuzz-built bench bench-built lint install clean
.DELETE_ON_ERROR:
