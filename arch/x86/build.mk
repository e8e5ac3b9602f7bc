# SPDX-License-Identifier: GPL-2.0
#
# The instruction decoder: sources, and the table made of the opcode map.

ENGINE_SRCS += arch/x86/lib/insn.c arch/x86/lib/insn-valid.c arch/x86/lib/insn-effect.c

X86_OPCODES := $(O)/include/upr-opcodes.h
GENERATED   += $(X86_OPCODES)

$(O)/arch/x86/tools/gen-opcodes: arch/x86/tools/gen-opcodes.c arch/x86/lib/insn-table.h include/utrace/insn.h
	@mkdir -p $(@D)
	@echo "  HOSTCC  $@"
	$(Q)$(HOSTCC) -std=gnu11 $(WARN) -O1 -D_GNU_SOURCE -Iinclude -Iinclude/compat/user -o $@ $<

$(X86_OPCODES): arch/x86/lib/x86-opcode-map.txt $(O)/arch/x86/tools/gen-opcodes
	@mkdir -p $(@D)
	@echo "  GEN     $@"
	$(Q)$(O)/arch/x86/tools/gen-opcodes $< > $@.tmp && mv $@.tmp $@

include $(wildcard arch/x86/kernel/build.mk)
