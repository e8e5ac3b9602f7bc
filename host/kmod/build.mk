# SPDX-License-Identifier: GPL-2.0
#
# The engine as modules for a stock kernel: `make kmod`.  The guest that tests
# them is in tests/uprobes/kmod/build.mk.
#
#   KDIR    kernel headers (default: the newest installed linux-headers-*-cloud-amd64)
#   KIMAGE  kernel to boot (default: the installed image of the same version)

KDIR   ?= $(shell ls -d /usr/src/linux-headers-*-cloud-amd64 2>/dev/null | sort -V | tail -n 1)
KIMAGE ?= $(wildcard /boot/vmlinuz-$(KREL))
KREL    = $(shell sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' $(KDIR)/include/generated/utsrelease.h 2>/dev/null)

# Not a sub-make of ours: our O=, V= and CFLAGS mean something else to Kbuild.
KMAKE = env -u MAKEFLAGS -u MAKEOVERRIDES -u MAKELEVEL -u MFLAGS make --no-print-directory -C $(KDIR)

KMOD_DIR = $(abspath $(O))/kmod

# the kernel home, as far as the proof needs it
KMOD_SRCS := $(filter-out host/kmod/selftest.c,$(sort $(wildcard host/kmod/*.c)))

# suites that run inside the kernel, from the sources the user side runs as well
KMOD_SUITES := tests/uprobes/kmod/insn-vectors.c tests/uprobes/exec/xol-vectors.c

# the fake host and the tests over it, but for the mains that a process needs
KMOD_FAKE = $(FAKE_SRCS) $(FAKE_PROBES_SRCS) $(sort $(wildcard tests/uprobes/fake/upr-*.c \
	tests/uprobes/fake/test-host*.c tests/uprobes/fake/test-utrace*.c tests/uprobes/fake/test-uprobes-*.c))

KMOD_CCFLAGS = -Werror $(foreach d,include include/compat/linux arch/x86/include host/fake,-I$(abspath $(d))) \
	-I$(abspath $(O))/include

# Sources are linked into $(O)/kmod, unchanged; nothing is built beside them.
kmod: $(GENERATED)
	@[ -n "$(KDIR)" ] && [ -e "$(KDIR)/Makefile" ] || { \
		echo "kmod: no kernel headers found; install linux-headers-cloud-amd64 or give KDIR=" >&2; exit 1; }
	@host/kmod/stage $(KMOD_DIR) "$(KMOD_CCFLAGS)" "upr: $(ENGINE_SRCS) $(KMOD_SRCS)" \
		"upr_selftest: $(ENGINE_SRCS) host/kmod/selftest.c $(KMOD_SUITES) $(KMOD_FAKE)"
	@echo "  KBUILD  $(KMOD_DIR)"
	$(Q)$(KMAKE) M=$(KMOD_DIR) KBUILD_VERBOSE=$(V) -j2 CONFIG_DEBUG_INFO_BTF_MODULES= modules

.PHONY: kmod
