# SPDX-License-Identifier: GPL-2.0
#
# The probe engine under real threads; by hand also with SANITIZE=-fsanitize=thread,
# which does not know RCU's way of publishing and reports its readers.

UPR_THREADS := $(O)/tests/threads/test-uprobes-threads

$(UPR_THREADS): $(patsubst %.c,$(O)/san/%.o,tests/uprobes/threads/test-uprobes-threads.c $(ENGINE_SRCS))
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) $(SANITIZE) -o $@ $^ -lurcu-bp -lpthread

TESTS += $(UPR_THREADS)
