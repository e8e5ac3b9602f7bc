# SPDX-License-Identifier: GPL-2.0
#
# The fake host: a scripted target for tests, in a process and in the kernel.
# FAKE_SRCS goes with kernel/utrace.c alone; FAKE_PROBES_SRCS needs the whole engine.

FAKE_PROBES_SRCS := host/fake/fake-probes.c
FAKE_SRCS        := $(filter-out $(FAKE_PROBES_SRCS),$(sort $(wildcard host/fake/*.c)))
FAKE_SAN         := $(FAKE_SRCS:%.c=$(O)/san/%.o)
FAKE_PROBES_SAN  := $(FAKE_PROBES_SRCS:%.c=$(O)/san/%.o)
