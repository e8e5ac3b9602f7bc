# SPDX-License-Identifier: GPL-2.0
# Measurements against mainline uprobes, in one run.
BENCHES += $(O)/bench/bench-hits $(O)/bench/bench-jump bench/bench-program bench/bench-arm

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

# what bench-arm probes: 75,008 functions, 100 MB
$(O)/bench/big-bodies.o: bench/big-bodies.c
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(CC) -std=gnu11 -O2 -fno-jump-tables -fno-stack-protector -mno-sse -ffunction-sections -c -o $@ $<

$(O)/bench/big: $(O)/bench/gen-big $(O)/bench/big-bodies.o bench/big.c
	@echo "  GEN     $@"
	$(Q)$(O)/bench/gen-big $(O)/bench/big-bodies.o 1172 $@.bin $@.s
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE $(WARN) -O2 -o $@ bench/big.c $@.s -pthread -Wl,--build-id
	@rm -f $@.bin $@.s
