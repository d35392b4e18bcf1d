# SPDX-License-Identifier: BSD-2-Clause
# iocpu-trace. `sudo make demo` shows it at work, `sudo make check` runs every test; `make help` lists the rest.
# Everything made lies under build/. V=1 shows the commands.

PREFIX ?= /usr/local
DESTDIR ?=
V ?= 0

CLANG ?= clang
BPFTOOL ?= bpftool
PKG_CONFIG ?= pkg-config
VERSION := 0.1.0
ARCH := $(shell uname -m | sed 's/x86_64/x86/; s/aarch64/arm64/')
TRIPLET := $(shell $(CC) -dumpmachine)

Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),@:,@printf '  %-8s %s\n' $(1) $(2))

B := build
CPPFLAGS += -Iinclude -Iuser -I$(B) -D_GNU_SOURCE -DIOCPU_VERSION='"$(VERSION)"'
CFLAGS ?= -O2 -g
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes -Wmissing-prototypes $(if $(CI),-Werror)
ALL_CFLAGS = -std=gnu11 $(WARNINGS) $(CFLAGS) -MMD -MP
BPF_CFLAGS := -g -O2 -mcpu=v3 -Wall -Werror -target bpf -D__TARGET_ARCH_$(ARCH) -Iinclude -Ivmlinux -Ibpf -idirafter /usr/include/$(TRIPLET)

# ---- what is made of what

PURE_ROOMS := engine route stats view export advise record util
PURE_SRCS := $(foreach room,$(PURE_ROOMS),$(wildcard user/$(room)/*.c))
LIVE_SRCS := $(wildcard user/probe/*.c user/cli/*.c) $(wildcard user/main.c)
PURE_OBJS := $(PURE_SRCS:%.c=$(B)/%.o)
LIVE_OBJS := $(LIVE_SRCS:%.c=$(B)/%.o)
PURE_LIB := $(B)/libpure.a
BPF_SRCS := $(wildcard bpf/*.bpf.c)
BPF_OBJS := $(BPF_SRCS:%.c=$(B)/%.o)
SKELETON := $(B)/iocpu.skel.h
PROGRAM := $(B)/iocpu-trace
UNIT_TESTS := $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(wildcard tests/unit/test_*.c))
SERVERS := $(patsubst tests/servers/%.c,$(B)/servers/%,$(filter-out tests/servers/common_%.c,$(wildcard tests/servers/*.c)))

LIBS := -lbpf -lelf -lz -lhttp_parser
PURE_LIBS := -lhttp_parser

all: $(PROGRAM) $(SERVERS)

help:
	@sed -n 's/^#: //p' $(MAKEFILE_LIST)

# ---- the kernel half: several files, linked into one object and one skeleton

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
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(PROGRAM): $(LIVE_OBJS) $(PURE_LIB)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(LIVE_OBJS) $(PURE_LIB) $(LIBS)

# ---- tests

$(B)/tests/unit/%: tests/unit/%.c $(PURE_LIB)
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -Itests $(ALL_CFLAGS) -o $@ $< $(PURE_LIB) $(PURE_LIBS) -lcmocka

$(B)/servers/%: tests/servers/%.c $(wildcard tests/servers/common_*.c tests/servers/*.h)
	$(call say,SERVER,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -o $@ $< $(wildcard tests/servers/common_*.c) -lhttp_parser -lpthread

unit: $(UNIT_TESTS)
	$(Q)for t in $(UNIT_TESTS); do ./$$t || exit 1; done

clean:
	rm -rf $(B)

-include $(shell find $(B) -name '*.d' 2>/dev/null)

.PHONY: all help unit clean
.DELETE_ON_ERROR:
.SECONDARY:
