# SPDX-License-Identifier: GPL-2.0
# End-to-end tests of the command line.
STAT_TESTS := $(addprefix tests/uprobes/stat/,test-cli test-counts test-attach test-programs test-boundaries test-jump test-no-follow test-repair)
TESTS      += $(STAT_TESTS) tests/uprobes/stat/test-whole tests/uprobes/stat/test-million
# half a million hits are no other hits without privilege
TESTS_USER += $(filter-out %/test-boundaries,$(STAT_TESTS))
