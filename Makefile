# SPDX-License-Identifier: BSD-2-Clause
# iocpu-trace. `sudo make demo` shows it at work, `sudo make check` runs every test; `make help` lists the rest.
# Everything made lies under build/. V=1 shows the commands.

PREFIX ?= /usr/local
DESTDIR ?=
V ?= 0

CLANG ?= clang
# Debian keeps it in a folder that a user's PATH lacks.
BPFTOOL ?= $(or $(shell command -v bpftool),/usr/sbin/bpftool)
CLANG_FORMAT ?= clang-format
CLANG_TIDY ?= clang-tidy
SETUP ?= scripts/setup
VERSION := 0.1.0
ARCH := $(shell uname -m | sed 's/x86_64/x86/; s/aarch64/arm64/')
# On a machine that has no compiler yet, `make check` comes here again after it has installed one.
TRIPLET := $(shell $(CC) -dumpmachine 2>/dev/null)
JOBS := $(shell nproc)

Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),@:,@printf '  %-8s %s\n' $(1) $(2))

B := build
CPPFLAGS += -Iinclude -Iuser -I$(B) -D_GNU_SOURCE -DIOCPU_VERSION='"$(VERSION)"'
CFLAGS ?= -O2 -g
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes -Wmissing-prototypes $(if $(CI),-Werror)
ALL_CFLAGS = -std=gnu11 $(WARNINGS) $(CFLAGS) -MMD -MP
# BTF names the sources: without their folder, so that the same tree makes the same program wherever it lies.
BPF_CFLAGS := -g -O2 -mcpu=v3 -Wall -Werror -target bpf -D__TARGET_ARCH_$(ARCH) -Iinclude -Ivmlinux -Ibpf -fdebug-compilation-dir=. \
	-idirafter /usr/include/$(TRIPLET) -idirafter /usr/$(TRIPLET)/include

# ---- what is made of what

PURE_ROOMS := engine route stats view export advise record util
PURE_SRCS := $(foreach room,$(PURE_ROOMS),$(wildcard user/$(room)/*.c))
CLI_SRCS := $(wildcard user/cli/*.c)
LIVE_SRCS := $(wildcard user/probe/*.c user/runtime/*.c) $(wildcard user/main.c)
PURE_OBJS := $(PURE_SRCS:%.c=$(B)/%.o)
CLI_OBJS := $(CLI_SRCS:%.c=$(B)/%.o)
LIVE_OBJS := $(LIVE_SRCS:%.c=$(B)/%.o)
# The exporter's HTTP server and name look-ups are for the dynamic program: what they need has no static library.
SERVE_SRCS := $(wildcard user/serve/*.c)
HTTP_OBJS := $(B)/user/serve/http.o $(B)/user/serve/resolver.o
NO_HTTP_OBJ := $(B)/user/serve/without_http.o
SERVE_OBJS := $(filter-out $(HTTP_OBJS) $(NO_HTTP_OBJ),$(SERVE_SRCS:%.c=$(B)/%.o))
SERVE_LIB := $(B)/libserve.a
PROBE_OBJS := $(filter $(B)/user/probe/% $(B)/user/runtime/%,$(LIVE_OBJS))
PURE_LIB := $(B)/libpure.a
# Archives, so that a unit test of options or windows gets along without the probe.
CLI_LIB := $(B)/libcli.a
BPF_SRCS := $(wildcard bpf/*.bpf.c)
BPF_OBJS := $(BPF_SRCS:%.c=$(B)/%.o)
SKELETON := $(B)/iocpu.skel.h
PROGRAM := $(B)/iocpu-trace
UNIT_TESTS := $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(wildcard tests/unit/test_*.c))
SERVERS := $(patsubst tests/servers/%.c,$(B)/servers/%,$(filter-out tests/servers/common_%.c,$(wildcard tests/servers/*.c)))

GOLDEN_RUN := $(patsubst tests/golden/%.c,$(B)/tests/golden/%,$(wildcard tests/golden/run.c))

LIBS := -lbpf -lelf -lz -lhttp_parser
HTTP_LIBS := -lmicrohttpd -lpthread
# Later releases' static libelf needs zstd; what needs none takes nothing from it.
STATIC_LIBS := -lbpf -lelf $(if $(wildcard /usr/lib/$(TRIPLET)/libzstd.a),-lzstd) -lz -lhttp_parser
PURE_LIBS := -lhttp_parser

#: all             the program, build/iocpu-trace, and the sample servers (the default)
all: $(PROGRAM) $(SERVERS)

#: help            these lines
help:
	@sed -n 's/^#: //p' $(firstword $(MAKEFILE_LIST))

# ---- the kernel half: one object, one skeleton

$(B)/bpf/%.bpf.o: bpf/%.bpf.c
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -c $< -o $@

$(B)/iocpu.bpf.o: $(BPF_OBJS)
	$(call say,LINK,$@)
	$(Q)$(BPFTOOL) gen object $@ $^

$(SKELETON): $(B)/iocpu.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name iocpu > $@

# ---- the user half

$(B)/user/%.o: user/%.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -c $< -o $@

$(LIVE_OBJS): | $(SKELETON)

$(PURE_LIB): $(PURE_OBJS)
$(CLI_LIB): $(CLI_OBJS)
$(SERVE_LIB): $(SERVE_OBJS)
$(PURE_LIB) $(CLI_LIB) $(SERVE_LIB) $(B)/libprobe.a:
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(PROGRAM): $(LIVE_OBJS) $(CLI_LIB) $(HTTP_OBJS) $(SERVE_LIB) $(PURE_LIB)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS) $(HTTP_LIBS)

#: static          build/iocpu-trace-static, one file without libraries, and without `serve`
static: $(PROGRAM)-static

$(PROGRAM)-static: $(LIVE_OBJS) $(CLI_LIB) $(NO_HTTP_OBJ) $(SERVE_LIB) $(PURE_LIB)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -static -o $@ $^ $(STATIC_LIBS)

# ---- what the table of options is printed as, beside --help

COMPLETIONS := $(B)/completion/iocpu-trace.bash $(B)/completion/_iocpu-trace
all: $(COMPLETIONS)

$(B)/completion/iocpu-trace.bash: shell := bash
$(B)/completion/_iocpu-trace: shell := zsh
$(COMPLETIONS): $(PROGRAM)
	$(call say,GEN,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(PROGRAM) --print $(shell) > $@

completions: $(COMPLETIONS)

#: manual          writes the options into docs/iocpu-trace.8, from the program's own table
manual: $(PROGRAM)
	$(Q)scripts/write-manual $(PROGRAM)

# ---- tests: the programs

# The parts of the probe that know no kernel half.
PROBE_PURE_OBJS := $(foreach part,elf limits listeners proc ring sock_diag syscalls,$(B)/user/probe/$(part).o)
PROBE_PURE_LIB := $(B)/libprobe.a
$(PROBE_PURE_LIB): $(PROBE_PURE_OBJS)
TEST_LIBS := $(CLI_LIB) $(PROBE_PURE_LIB) $(PURE_LIB)
$(B)/tests/unit/%: tests/unit/%.c $(TEST_LIBS)
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -Itests $(ALL_CFLAGS) -o $@ $< $(TEST_LIBS) $(PURE_LIBS) -lcmocka

$(B)/tests/unit/test_probe_%: tests/unit/test_probe_%.c $(PROBE_PURE_OBJS)
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -Itests $(ALL_CFLAGS) -o $@ $< $(PROBE_PURE_OBJS) -lelf -lcmocka

SERVE_TEST_OBJS := $(B)/user/serve/resolver.o
$(B)/tests/unit/test_serve_%: tests/unit/test_serve_%.c $(SERVE_TEST_OBJS) $(SERVE_LIB) $(PURE_LIB)
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -Itests $(ALL_CFLAGS) -o $@ $< $(SERVE_TEST_OBJS) $(SERVE_LIB) $(PURE_LIB) $(PURE_LIBS) -lz -lpthread -lcmocka

RUNTIME_OBJS := $(filter $(B)/user/runtime/%,$(LIVE_OBJS))
$(B)/tests/unit/test_runtime_%: tests/unit/test_runtime_%.c $(RUNTIME_OBJS)
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -Itests $(ALL_CFLAGS) -o $@ $< $(RUNTIME_OBJS) -lelf -lcmocka

HOOK_TEST_OBJS := $(B)/user/probe/hook_python.o $(PROBE_PURE_OBJS) $(RUNTIME_OBJS)
$(B)/tests/unit/test_hook_%: tests/unit/test_hook_%.c $(HOOK_TEST_OBJS)
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -Itests $(ALL_CFLAGS) -o $@ $< $(HOOK_TEST_OBJS) -lelf -lcmocka

$(B)/servers/%: tests/servers/%.c $(wildcard tests/servers/common_*.c tests/servers/*.h)
	$(call say,SERVER,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -o $@ $< $(wildcard tests/servers/common_*.c) -lhttp_parser -lpthread

$(B)/tests/golden/%: tests/golden/%.c $(wildcard tests/golden/text*.c tests/golden/*.h) $(PURE_LIB)
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -Itests $(ALL_CFLAGS) -o $@ $(filter %.c,$^) $(PURE_LIB) $(PURE_LIBS) -lcmocka

# A developer's tool: prints the records of a process, and checks their sums against the kernel's.
$(B)/record_dump: tests/tools/record_dump.c $(PROBE_OBJS) $(PURE_LIB)
	$(call say,TOOL,$@)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -o $@ $< $(PROBE_OBJS) $(PURE_LIB) $(LIBS) -lm

$(B)/record_dump: | $(SKELETON)

# A recording as the text that golden tests are made of, and back.
$(B)/rec_to_text $(B)/text_to_rec: $(B)/%: tests/tools/%.c $(wildcard tests/golden/text*.c tests/golden/*.h) $(PURE_LIB)
	$(call say,TOOL,$@)
	$(Q)$(CC) $(CPPFLAGS) -Itests $(ALL_CFLAGS) -o $@ $(filter %.c,$^) $(PURE_LIB) $(PURE_LIBS)

# The same recording as the requests that the engine makes of it.
$(B)/rec_to_requests: tests/tools/rec_to_requests.c $(PURE_LIB)
	$(call say,TOOL,$@)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -o $@ $< $(PURE_LIB) $(PURE_LIBS)

# Fuzzing needs clang's runtime, and the pure rooms built with its counters.
FUZZ_TARGETS := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_CFLAGS := -std=gnu11 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all
$(B)/fuzz/%: tests/fuzz/%.c $(PURE_SRCS)
	$(call say,FUZZ,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(CPPFLAGS) $(FUZZ_CFLAGS) -o $@ $^ $(PURE_LIBS)

# The bench's floor: a program that does nothing on each hook of the kernel half, whatever hooks that has. Some are attached only where a
# target turns out to need them, which the bench's does not.
LATE_HOOKS := sk_data_ready|sys_exit_(ppoll|pselect6|select|epoll_pwait2)
EMPTY := $(B)/tests/bench/empty

# Calls that have another one's program are in the table that says so.
CALLS_ALIKE := user/probe/syscalls.c
$(B)/tests/bench/hooks.h: $(B)/iocpu.bpf.o $(CALLS_ALIKE)
	$(call say,GEN,$@)
	$(Q)mkdir -p $(@D)
	$(Q)(readelf -SW $< | sed -nE 's,.* \??((tracepoint|tp_btf)/[^ ]+) +PROGBITS.*,HOOK("\1"),p'; \
		grep -oE '\{"sys_exit_\w+", "sys_exit_\w+"\}' $(CALLS_ALIKE) | sed -E 's,.* "(.*)"\},HOOK("tracepoint/syscalls/\1"),') | \
		sed -E '/($(LATE_HOOKS))"/d' > $@

$(EMPTY).bpf.o: tests/bench/empty.bpf.c $(B)/tests/bench/hooks.h
	$(call say,BPF,$<)
	$(Q)$(CLANG) $(BPF_CFLAGS) -I$(@D) -c $< -o $@

$(EMPTY): tests/bench/empty.c $(B)/user/probe/tracefs.o
	$(call say,TOOL,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -o $@ $^ $(LIBS)

# ---- tests: running them

# Commands for scripts/run-tests, which counts what they print.
# What the options are printed as must be up to date, and work.
OPTION_TESTS := 'scripts/write-manual --check $(PROGRAM)' 'tests/completion/run $(B)/completion'
STYLE_TESTS := scripts/check-layers '$(MAKE) -s format-check' '$(MAKE) -s shellcheck'
FAST_TESTS := $(UNIT_TESTS) $(GOLDEN_RUN) $(OPTION_TESTS) $(STYLE_TESTS)
SLOW_TESTS := '$(MAKE) -s tidy' '$(MAKE) -s cross-arm64'
ASAN_B := $(B)/asan
# No warnings: the sanitizers' code leads gcc's flow analysis astray, and the plain build has warned already.
ASAN_CFLAGS := -O1 -g -w -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
ASAN_TESTS := $(patsubst $(B)/%,$(ASAN_B)/%,$(UNIT_TESTS) $(GOLDEN_RUN))
LIVE_TESTS := 'tests/live/run -b $(B)' 'tests/truth/run -b $(B) --check' 'tests/cli/run $(PROGRAM)' 'tests/serve/run -b $(B)' \
	'tests/bench/scale -b $(B) --short' 'tests/grafana/run -b $(B)' '$(MAKE) -s verifier-budget' 'tests/package/run -b $(B)'
LIVE_PROGRAMS := all $(B)/rec_to_requests $(B)/rec_to_text
RUN_TESTS := scripts/run-tests -l $(B)/test-logs

#: demo            sets up, builds, and traces a sample server under load (as root)
demo:
	$(SETUP)
	+$(Q)$(MAKE) --no-print-directory -j$(JOBS) all
	scripts/demo $(B)

#: check           sets up, builds, and runs every test that CI runs (as root); ends with the totals
check:
	$(SETUP) build test truth package cross
	+$(Q)$(MAKE) --no-print-directory -j$(JOBS) $(LIVE_PROGRAMS) test-programs asan-programs
	$(Q)$(RUN_TESTS) $(FAST_TESTS) $(ASAN_TESTS) $(SLOW_TESTS) --live $(LIVE_TESTS)

#: check-fast      the tests that need no root, in under a minute
check-fast: test-programs $(COMPLETIONS)
	$(Q)$(RUN_TESTS) $(FAST_TESTS)

#: unit            the unit tests alone
unit: $(UNIT_TESTS)
	$(Q)$(RUN_TESTS) $(UNIT_TESTS)

#: golden          the golden tests alone: recorded events in, requests out
golden: $(GOLDEN_RUN)
	$(Q)$(RUN_TESTS) $(GOLDEN_RUN)

#: asan            unit and golden tests under the address and undefined-behaviour sanitizers
asan: asan-programs
	$(Q)$(RUN_TESTS) $(ASAN_TESTS)

#: fuzz            random bytes into whatever reads foreign ones, FUZZ_SECONDS (120) each
FUZZ_SECONDS ?= 120
fuzz: $(FUZZ_TARGETS) $(B)/text_to_rec
	$(Q)mkdir -p $(FUZZ_TARGETS:%=%.corpus)
	$(Q)for events in tests/golden/*.events; do \
		$(B)/text_to_rec $$events $(B)/fuzz/fuzz_recording.corpus/$$(basename $$events) || exit 1; done
	$(Q)for target in $(FUZZ_TARGETS); do $$target -max_total_time=$(FUZZ_SECONDS) -max_len=8192 -dict=tests/fuzz/wire.dict \
		-print_final_stats=1 -artifact_prefix=$$target. $$target.corpus || exit 1; done

#: live            the tests on the live tracer (as root)
live: $(LIVE_PROGRAMS)
	$(Q)$(RUN_TESTS) --live $(LIVE_TESTS)

#: truth           how right the tracer is, on every server and load, against their logs (as root; two hours; CASES='Go Node' picks some)
#:                 in pieces: MINUTES=20 ends with status 75 while there is more to do, RESUME=1 goes on
ROUNDS ?= 3
PIECES := $(if $(MINUTES),--minutes $(MINUTES)) $(if $(RESUME),--resume)
truth:
	$(SETUP) build test truth
	+$(Q)$(MAKE) --no-print-directory -j$(JOBS) $(LIVE_PROGRAMS)
	$(Q)tests/truth/run -b $(B) --rounds $(ROUNDS) $(PIECES) $(or $(CASES),--page docs/accuracy.md)

#: compare         the same work on every concurrency model, COMPARE_ROUNDS (2) times each (as root; MODELS='Go Node' picks some)
COMPARE_ROUNDS ?= 2
compare:
	$(SETUP) build test truth
	+$(Q)$(MAKE) --no-print-directory -j$(JOBS) $(LIVE_PROGRAMS)
	$(Q)tests/compare/run -b $(B) --rounds $(COMPARE_ROUNDS) $(or $(MODELS),--page docs/compare.md)

test-programs: $(UNIT_TESTS) $(GOLDEN_RUN)

asan-programs:
	+$(Q)$(MAKE) --no-print-directory B=$(ASAN_B) CFLAGS='$(ASAN_CFLAGS)' test-programs

#: verifier-budget fails when the kernel half's programs have grown by more than a tenth (as root; UPDATE=1 rewrites the table)
verifier-budget: $(PROGRAM)
	$(Q)scripts/verifier-budget $(if $(UPDATE),--update) $(PROGRAM)

#: vm-test         boots other kernels in QEMU and traces there; downloads them once (UPDATE=1 writes their verifier budgets)
vm-test:
	$(SETUP) build test vm
	+$(Q)$(MAKE) --no-print-directory -j$(JOBS) all static
	$(Q)$(RUN_TESTS) -t 1800 'tests/vm/run $(if $(UPDATE),-u) $(B)'

#: cross-arm64     compiles both halves for arm64, without linking
cross-arm64:
	$(Q)$(SETUP) build cross
	+$(Q)$(MAKE) --no-print-directory -j$(JOBS) B=$(B)/arm64 ARCH=arm64 CC='aarch64-linux-gnu-gcc -idirafter /usr/include' objects

objects: $(PURE_OBJS) $(CLI_OBJS) $(SERVE_SRCS:%.c=$(B)/%.o) $(LIVE_OBJS)

#: bench           what tracing costs nginx, beside a bpftrace script and empty hooks (as root)
bench:
	$(SETUP) build bench
	+$(Q)$(MAKE) --no-print-directory -j$(JOBS) $(PROGRAM) $(EMPTY) $(EMPTY).bpf.o
	tests/bench/run --page docs/cost.md $(B)

#: bench-hooks     what the hooks into Go, Java and the like cost their servers: docs/cost-hooks.md (as root; about a minute a case,
#:                 in pieces as the truth)
bench-hooks:
	$(SETUP) build test truth
	+$(Q)$(MAKE) --no-print-directory -j$(JOBS) $(LIVE_PROGRAMS)
	$(Q)tests/bench/hooks -b $(B) $(PIECES) $(or $(CASES),--page docs/cost-hooks.md)

#: scale           10,000 connections, 2,000 requests in flight, 4,000 threads: right, without loss, and in how much memory (as root)
scale:
	$(SETUP) build test
	+$(Q)$(MAKE) --no-print-directory -j$(JOBS) $(LIVE_PROGRAMS)
	$(Q)tests/bench/scale -b $(B) --page docs/cost-scale.md

# ---- the code's form

# vmlinux.h is set by hand, a member a line.
C_FILES := $(shell find bpf include user tests -name '*.[ch]' 2>/dev/null)
SHELL_SCRIPTS := $(shell grep -IlrE '^\#!/bin/(ba)?sh' scripts tests .ci 2>/dev/null)

#: layers          who includes whom, and the other rules that a script can prove
layers:
	$(Q)scripts/check-layers

#: format          lays out the C code
format:
	$(Q)$(CLANG_FORMAT) -i $(C_FILES)

format-check:
	$(Q)$(CLANG_FORMAT) --dry-run -Werror $(C_FILES)

# The skeleton is bpftool's work, as a system's header is somebody's.
#: tidy            clang-tidy on the user half
tidy: $(SKELETON)
	+$(Q)$(MAKE) --no-print-directory -k -j$(JOBS) $(TIDY_RUNS)

TIDY_RUNS := $(addprefix tidy/,$(PURE_SRCS) $(CLI_SRCS) $(SERVE_SRCS) $(LIVE_SRCS))
$(TIDY_RUNS): tidy/%:
	$(Q)$(CLANG_TIDY) --quiet $* -- -std=gnu11 $(CPPFLAGS:-I$(B)=-isystem$(B))

#: shellcheck      the shell scripts
shellcheck:
	$(Q)shellcheck -x $(SHELL_SCRIPTS)

# ---- installing

BINDIR = $(DESTDIR)$(PREFIX)/bin
MANDIR = $(DESTDIR)$(PREFIX)/share/man/man8
DOCDIR = $(DESTDIR)$(PREFIX)/share/doc/iocpu-trace
BASHDIR = $(DESTDIR)$(PREFIX)/share/bash-completion/completions
ZSHDIR = $(DESTDIR)$(PREFIX)/share/zsh/$(ZSH_FOLDER)
# What zsh searches: of what is installed by hand this one; Debian's packages have vendor-completions.
ZSH_FOLDER ?= site-functions
GRAFANADIR = $(DESTDIR)$(PREFIX)/share/iocpu-trace/grafana
GRAFANA_FILES := $(wildcard scripts/grafana/*)

#: install         into PREFIX (/usr/local), below DESTDIR
install: $(PROGRAM) $(COMPLETIONS)
	install -D -m 755 $(PROGRAM) $(BINDIR)/iocpu-trace
	install -D -m 644 -t $(MANDIR) docs/iocpu-trace.8
	install -D -m 644 $(B)/completion/iocpu-trace.bash $(BASHDIR)/iocpu-trace
	install -D -m 644 $(B)/completion/_iocpu-trace $(ZSHDIR)/_iocpu-trace
	install -D -m 644 -t $(DOCDIR) README.md LICENSE
	install -D -m 644 -t $(GRAFANADIR) $(GRAFANA_FILES)
	sed -i 's,/usr/local,$(PREFIX),' $(GRAFANADIR)/dashboards.yml

#: deb             the Debian package, below build/deb
deb:
	$(SETUP) build package
	scripts/packaging/build-deb $(VERSION) $(B)/deb

#: uninstall       takes the same files away
uninstall:
	rm -f $(BASHDIR)/iocpu-trace $(ZSHDIR)/_iocpu-trace
	rm -f $(BINDIR)/iocpu-trace $(MANDIR)/iocpu-trace.8 $(DOCDIR)/README.md $(DOCDIR)/LICENSE
	rm -f $(GRAFANA_FILES:scripts/grafana/%=$(GRAFANADIR)/%)
	-rmdir $(DOCDIR) $(GRAFANADIR) $(dir $(GRAFANADIR)) 2>/dev/null

#: clean           removes build/
clean:
	rm -rf $(B)

-include $(shell find $(B) -type f -name '*.d' 2>/dev/null)

.PHONY: all help static manual demo check check-fast unit golden asan fuzz live truth compare test-programs asan-programs \
	verifier-budget vm-test cross-arm64 objects bench bench-hooks scale layers format format-check tidy $(TIDY_RUNS) \
	shellcheck install uninstall completions deb clean
.DELETE_ON_ERROR:
.SECONDARY:
