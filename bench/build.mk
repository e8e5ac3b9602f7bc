# SPDX-License-Identifier: GPL-2.0
# Measurements against mainline uprobes, in one run.
BENCHES += $(O)/bench/bench-hits $(O)/bench/bench-jump bench/bench-program

$(O)/bench/%: bench/%.c
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE $(WARN) -O2 -g -o $@ $<

# what bench-jump probes
$(O)/bench/bench-jump: | $(O)/bench/calls
$(O)/bench/libcalls.so: bench/calls-lib.c bench/calls.h
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(CC) -std=gnu11 $(WARN) -O2 -shared -fPIC -o $@ $<

$(O)/bench/calls: bench/calls.c bench/calls.h $(O)/bench/libcalls.so
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE $(WARN) -O2 -o $@ $< -L$(@D) -lcalls -Wl,-rpath,'$$ORIGIN' -pthread
