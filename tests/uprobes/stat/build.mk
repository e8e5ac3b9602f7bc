# SPDX-License-Identifier: GPL-2.0
# End-to-end tests of the command line.
STAT_TESTS := $(addprefix tests/uprobes/stat/,test-cli test-counts test-attach test-programs test-boundaries test-jump \
	test-jump-threads test-no-follow test-repair)
TESTS      += $(STAT_TESTS) $(addprefix tests/uprobes/stat/,test-whole test-million test-million-threads)
# half a million hits are no other hits without privilege
TESTS_USER += $(filter-out %/test-boundaries,$(STAT_TESTS))
# these have a CPU to themselves wherever there are two: the first one's is the first, the others' the last
TESTS_APART += $(addprefix tests/uprobes/stat/,test-boundaries test-jump test-million)
