# SPDX-License-Identifier: GPL-2.0
# Displaced execution and jumps: part of the engine, goes into every home.
ENGINE_SRCS += arch/x86/kernel/uprobes_xol.c arch/x86/kernel/uprobes_slot.c arch/x86/kernel/uprobes_leave.c \
	       arch/x86/kernel/uprobes_emulate.c arch/x86/kernel/uprobes_alu.c \
	       arch/x86/kernel/uprobes_jump.c arch/x86/kernel/uprobes_pad.c arch/x86/kernel/uprobes_pad_insn.c \
	       arch/x86/kernel/uprobes_pad_leave.c
