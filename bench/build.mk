# SPDX-License-Identifier: GPL-2.0
# Measurements against mainline uprobes, in one run.
BENCHES += $(O)/bench/bench-hits $(O)/bench/bench-jump bench/bench-program bench/bench-arm bench/bench-info

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

# what bench-info asks about: 640 units made of one by changing its names, and one of the size of SQLite's
INFO_UNITS := 640
INFO_MANY  := 2400

$(O)/bench/info-unit.s: bench/info-unit.c bench/info-unit.h
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -O2 -g -S -o $@ $<

$(O)/bench/info-units.o: $(O)/bench/info-unit.s
	@echo "  GEN     $@"
	$(Q)rm -rf $(O)/bench/info-units && mkdir $(O)/bench/info-units
	$(Q)seq 1000 $$((1000 + $(INFO_UNITS) - 1)) | xargs -P $$(nproc) -n 20 sh -e -c 'for i; do \
		sed "s/UNIT/u$$i/g; s/info-unit\.c/u$$i.c/g" $< | $(AS) -o $(O)/bench/info-units/u$$i.o -; done' sh
	$(Q)$(LD) -r -o $@ $(O)/bench/info-units/*.o
	@rm -rf $(O)/bench/info-units

$(O)/bench/info-one.c: bench/info-unit.h
	@mkdir -p $(@D)
	$(Q)sed 's/UNIT/one/g' $< >$@
	$(Q)for i in $$(seq 1000 $$((1000 + $(INFO_MANY) - 1))); do echo "WORK($$i)"; done >>$@

$(O)/bench/info-one.o: $(O)/bench/info-one.c
	@echo "  CC      $<"
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -O2 -g -c -o $@ $<

$(O)/bench/info: bench/info-main.c $(O)/bench/info-units.o $(O)/bench/info-one.o
	@echo "  LD      $@"
	$(Q)$(CC) -O2 -g -o $@ $^ -lm -Wl,--build-id
	@rm -f $(O)/bench/info-units.o $(O)/bench/info-one.o $(O)/bench/info-unit.s

# what the scripts among the benches run
bench-built: $(O)/bench/big $(O)/bench/bulk $(O)/bench/info $(O)/bench/measure
