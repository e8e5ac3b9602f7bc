# SPDX-License-Identifier: GPL-2.0
#
# The decoder's tests: vectors, Zydis, objdump, random bytes.

DEC_T    := $(O)/tests/decoder
DEC_S    := tests/uprobes/decoder
DEC_LIB  := arch/x86/lib/insn.c arch/x86/lib/insn-valid.c arch/x86/lib/insn-effect.c
DEC_OBJS := $(DEC_LIB:%.c=$(O)/%.o)
DEC_SAN  := $(DEC_LIB:%.c=$(O)/san/%.o)

DEC_TESTS   := $(O)/tests/unit/test-insn $(addprefix $(DEC_S)/,test-libraries test-forms test-objdump test-fuzz)
TESTS       += $(DEC_TESTS)
TESTS_APART += $(DEC_TESTS)

$(O)/tests/unit/test-insn: $(O)/san/tests/uprobes/unit/test-insn.o $(DEC_SAN)
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) $(SANITIZE) -o $@ $^

$(DEC_T)/objdump-compare: $(O)/$(DEC_S)/objdump-compare.o $(DEC_OBJS)
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) -o $@ $^

$(DEC_T)/zydis-compare: $(O)/$(DEC_S)/zydis-compare.o $(O)/$(DEC_S)/zydis-oracle.o $(DEC_OBJS)
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) -o $@ $^ -lZydis -lelf

$(DEC_T)/test-effects: $(O)/$(DEC_S)/test-effects.o $(DEC_OBJS)
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) -o $@ $^ -lZydis

$(DEC_T)/decoder-fuzz: $(O)/san/$(DEC_S)/decoder-fuzz.o $(O)/san/$(DEC_S)/zydis-oracle.o $(DEC_SAN)
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) $(SANITIZE) -o $@ $^ -lZydis

# `make fuzz` gives one argument, the time.
$(DEC_T)/fuzz: $(DEC_T)/decoder-fuzz
	@printf '#!/bin/sh\nexec "%s" -x "%s" "$$@"\n' "$(abspath $<)" "$(abspath $(DEC_S))/exceptions.txt" >$@
	@chmod +x $@

$(DEC_S)/test-objdump: $(DEC_T)/objdump-compare

# Without libzydis-dev its tests say so and are skipped.
ifneq ($(wildcard /usr/include/Zydis/Zydis.h),)
TESTS       += $(DEC_T)/test-effects
TESTS_APART += $(DEC_T)/test-effects
FUZZERS += $(DEC_T)/fuzz
$(DEC_S)/test-libraries $(DEC_S)/test-forms: $(DEC_T)/zydis-compare
$(DEC_S)/test-fuzz: $(DEC_T)/decoder-fuzz
endif
