# SPDX-License-Identifier: GPL-2.0
#
# kmod-check: the modules of host/kmod inside a stock kernel, in QEMU.  The
# suites they run are run on the user side as well (test-vectors).

KMOD_T       := $(O)/tests/kmod
KMOD_GUEST   := $(patsubst tests/uprobes/kmod/%.c,$(KMOD_T)/%,$(wildcard tests/uprobes/kmod/guest-*.c))

# Everything a guest runs is static: it has no libraries.
$(KMOD_T)/guest-%: tests/uprobes/kmod/guest-%.c
	@mkdir -p $(@D)
	@echo "  CC      $@"
	$(Q)$(CC) -std=gnu11 $(WARN) -O2 -g -D_GNU_SOURCE -Itests/uprobes -static -pthread -MMD -MP -o $@ $<

# Always made anew: Kbuild knows best what is out of date.  A machine without
# headers still gets the test, which then says so and is skipped.
$(KMOD_T)/kmod-check: $(GENERATED) $(KMOD_GUEST) FORCE
	@mkdir -p $(@D)
	+@if [ -n "$(KDIR)" ] && [ -e "$(KDIR)/Makefile" ]; then \
		$(MAKE) --no-print-directory kmod && \
		tests/uprobes/kmod/mkinitramfs $(KMOD_T)/initramfs.cpio tests/uprobes/kmod/init \
			$(KMOD_DIR)/upr.ko $(KMOD_DIR)/upr_selftest.ko $(KMOD_GUEST); \
	else \
		rm -f $(KMOD_T)/initramfs.cpio; \
	fi
	@printf '#!/bin/sh\nexec "%s" "%s" "%s"\n' "$(abspath tests/uprobes/kmod/run-guest)" \
		"$(KIMAGE)" "$(abspath $(KMOD_T))/initramfs.cpio" >$@
	@chmod +x $@

kmod-check: deps
	+@$(MAKE) --no-print-directory $(KMOD_T)/kmod-check
	@prove --merge --exec '' --verbose $(KMOD_T)/kmod-check

# The same suites on the user side, under the sanitizers.
KMOD_USER_OBJS := $(patsubst %.c,$(O)/san/%.o,$(filter arch/%,$(ENGINE_SRCS)) $(KMOD_SUITES) tests/uprobes/kmod/test-vectors.c)

$(KMOD_T)/test-vectors: $(KMOD_USER_OBJS)
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) $(SANITIZE) -o $@ $^ -lurcu-bp -lpthread

TESTS += $(KMOD_T)/test-vectors $(KMOD_T)/kmod-check

FORCE:

.PHONY: kmod-check FORCE
