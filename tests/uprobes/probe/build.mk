# SPDX-License-Identifier: GPL-2.0
# Definitions by debug information: perf's own answers, and programs that count themselves.
PROBE_T    := $(O)/tests/probe
PROBE_SRC  := tests/uprobes/probe/targets
PROBE_BINS := $(addprefix $(PROBE_T)/,featdemo featdemo0 featdemo3 featdemo4 featdemo-lto featdemo_nodbg featdemo_strip cppdemo dotsbin \
	app1 app2 app3 sdtdemo sdtdemo0 sdtodd damaged shared inlined oddvalues)
# the same by another compiler, where there is one; its LTO needs its linker
CLANG      := $(shell command -v clang)
LLD        := $(and $(CLANG),$(shell command -v ld.lld))
PROBE_CLANG := $(if $(CLANG),$(addprefix $(PROBE_T)/,featdemo-clang featdemo-clang0 featdemo-clang3)) \
	$(if $(LLD),$(PROBE_T)/featdemo-clang-lto)
PROBE_BINS += $(PROBE_CLANG)
TARGETS    += $(PROBE_BINS)

PROBE_TESTS := $(addprefix tests/uprobes/probe/,test-perf test-kept test-lines test-values test-forms test-trace test-languages test-sdt test-return test-oddities test-registry test-manual)
TESTS       += $(PROBE_TESTS)
# their lines and values are the same for everybody, and nobody else has their programs
TESTS_APART += $(addprefix tests/uprobes/probe/,test-lines test-values test-forms)
TESTS_USER  += $(addprefix tests/uprobes/probe/,test-values test-forms test-trace test-languages test-sdt test-return test-oddities test-registry)

$(PROBE_T)/featdemo: PROBE_HOW := -O2 -g
$(PROBE_T)/featdemo0: PROBE_HOW := -O0 -g
$(PROBE_T)/featdemo3: PROBE_HOW := -O3 -g
$(PROBE_T)/featdemo4: PROBE_HOW := -O2 -gdwarf-4
$(PROBE_T)/featdemo-lto: PROBE_HOW := -O2 -g -flto
$(PROBE_T)/featdemo_nodbg: PROBE_HOW := -O2
$(addprefix $(PROBE_T)/,featdemo featdemo0 featdemo3 featdemo4 featdemo-lto featdemo_nodbg): $(PROBE_SRC)/featdemo.c $(PROBE_SRC)/other.c
	@mkdir -p $(@D)
	@echo "  TARGET  $@"
	$(Q)$(CC) $(PROBE_HOW) -o $@ $^

$(PROBE_T)/featdemo-clang: PROBE_HOW := -O2 -g
$(PROBE_T)/featdemo-clang0: PROBE_HOW := -O0 -g
$(PROBE_T)/featdemo-clang3: PROBE_HOW := -O3 -g
$(PROBE_T)/featdemo-clang-lto: PROBE_HOW := -O2 -g -flto -fuse-ld=lld
$(PROBE_CLANG): $(PROBE_SRC)/featdemo.c $(PROBE_SRC)/other.c
	@mkdir -p $(@D)
	@echo "  TARGET  $@"
	$(Q)$(CLANG) $(PROBE_HOW) -o $@ $^

# of its own, so that nobody finds its symbols elsewhere by its build-id
$(PROBE_T)/featdemo_strip: $(PROBE_SRC)/featdemo.c $(PROBE_SRC)/other.c
	@mkdir -p $(@D)
	@echo "  TARGET  $@"
	$(Q)$(CC) -O2 -s -o $@ $^

$(PROBE_T)/cppdemo: $(PROBE_SRC)/cpp.cc
	@mkdir -p $(@D)
	@echo "  TARGET  $@"
	$(Q)$(CXX) -g -O0 -o $@ $<

$(PROBE_T)/dotsbin: $(PROBE_SRC)/dots.c
	@mkdir -p $(@D)
	@echo "  TARGET  $@"
	$(Q)$(CC) -g -O2 -o $@ $<

$(PROBE_T)/oddvalues: PROBE_HOW := -no-pie
$(PROBE_T)/sdtdemo: PROBE_HOW := -O2 -g
$(PROBE_T)/sdtdemo0: PROBE_HOW := -O0 -g -no-pie
$(PROBE_T)/sdtodd: PROBE_HOW := -O2 -g -DODD
$(addprefix $(PROBE_T)/,sdtdemo sdtdemo0 sdtodd): $(PROBE_SRC)/sdtdemo.c
	@mkdir -p $(@D)
	@echo "  TARGET  $@"
	$(Q)$(CC) $(PROBE_HOW) -o $@ $<

$(PROBE_T)/damaged $(PROBE_T)/shared $(PROBE_T)/inlined $(PROBE_T)/oddvalues: $(PROBE_T)/%: $(PROBE_SRC)/%.S
	@mkdir -p $(@D)
	@echo "  TARGET  $@"
	$(Q)$(CC) $(PROBE_HOW) -o $@ $<

# one program, built three times
$(PROBE_T)/app%: $(PROBE_SRC)/app.c
	@mkdir -p $(@D)
	@echo "  TARGET  $@"
	$(Q)$(CC) -O2 -g -DBUILD=$* -o $@ $<

GRAMMAR_CODE := $(addprefix tools/perf/util/,probe-grammar.c probe-filter.c fetch-expr.c error.c)
$(O)/san/tests/uprobes/probe/%.o: INCLUDES += -Itools/perf/util
$(PROBE_T)/test-grammar: $(GRAMMAR_CODE:%.c=$(O)/san/%.o) $(O)/san/tests/uprobes/probe/test-grammar.o
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) $(SANITIZE) -o $@ $^

TESTS      += $(PROBE_T)/test-grammar
TESTS_APART += $(PROBE_T)/test-grammar
TESTS_USER += $(PROBE_T)/test-grammar
FUZZERS    += $(PROBE_T)/test-grammar

ARGS_CODE := tools/perf/util/event-check.c
$(PROBE_T)/test-args: $(ARGS_CODE:%.c=$(O)/san/%.o) $(O)/san/tests/uprobes/probe/test-args.o
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) $(SANITIZE) -o $@ $^

TESTS      += $(PROBE_T)/test-args
TESTS_USER += $(PROBE_T)/test-args

EVENTS_CODE := $(wildcard tools/perf/util/symbol*.c arch/x86/lib/insn*.c) $(addprefix tools/perf/util/,error.c arena.c event-line.c)
$(PROBE_T)/test-events: $(EVENTS_CODE:%.c=$(O)/san/%.o) $(O)/san/tests/uprobes/probe/test-events.o
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) $(SANITIZE) -o $@ $^ -lelf -ldw -llzma -lz -liberty

TESTS      += $(PROBE_T)/test-events
TESTS_USER += $(PROBE_T)/test-events
FUZZERS    += $(PROBE_T)/test-events

FINDER_CODE := $(filter-out %/fetch-print.c,$(wildcard $(addprefix tools/perf/util/,symbol*.c code-*.c debug-*.c probe-show*.c probe-resolve*.c fetch-*.c)) $(wildcard arch/x86/lib/insn*.c)) \
	$(addprefix tools/perf/util/,error.c arena.c sdt.c probe-event.c probe-names.c probe-sdt.c probe-finder.c probe-var.c probe-source.c probe-grammar.c \
	probe-define.c probe-filter.c) kernel/fetch.c
$(PROBE_T)/test-finder: $(FINDER_CODE:%.c=$(O)/san/%.o) $(O)/san/tests/uprobes/probe/test-finder.o | $(PROBE_BINS)
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) $(SANITIZE) -o $@ $^ -lelf -ldw -llzma -lz -liberty -lurcu-bp -lpthread

TESTS      += $(PROBE_T)/test-finder
TESTS_USER += $(PROBE_T)/test-finder
FUZZERS    += $(PROBE_T)/test-finder

# fetch programs: the engine's part alone
$(O)/tests/unit/test-fetch: $(O)/san/tests/uprobes/unit/test-fetch.o
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) $(SANITIZE) -o $@ $^ -lurcu-bp

TESTS       += $(O)/tests/unit/test-fetch
TESTS_APART += $(O)/tests/unit/test-fetch
FUZZERS     += $(O)/tests/unit/test-fetch
