# SPDX-License-Identifier: GPL-2.0
# Measurements against mainline uprobes, in one run.
BENCHES += $(O)/bench/bench-hits

$(O)/bench/%: bench/%.c
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE $(WARN) -O2 -g -o $@ $<
