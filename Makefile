# SPDX-License-Identifier: GPL-2.0-or-later
# strait: one makefile for program, tests, lint and installation.

VERSION := 0.1.0
B := build
PREFIX ?= /usr/local
UNITDIR ?= $(PREFIX)/lib/systemd/system
UDEVDIR ?= $(PREFIX)/lib/udev/rules.d
CFLAGS ?= -O2 -g
WERROR ?=

define HELP
make            build build/strait
make demo       show the main job on an emulated host: a VF is made and given to a guest
make check      all tests; check-unit, check-kvm, check-lab run one kind
make soak       load for ten minutes, and the same rounds of use again and again, for an hour
make bench-boot start-up time, memory and VM exits beside other VMMs (emulated host)
make bench-vfio what assigning a device costs, beside QEMU, on both VFIO back ends
make bench-devices emulated devices beside QEMU's: speed, VM exits, CPU time
make bench-tools strait-iommu on a machine with 2,048 functions; what strait-vf adds to making VFs
make lint       clang-format, clang-tidy, cppcheck, shellcheck, includes
make fuzz       each fuzzer for FUZZ_S seconds (20), vfio_config for three times as long
make install    to PREFIX ($(PREFIX)), below DESTDIR
make clean      remove build/

SANITIZE=address,undefined builds and checks with sanitizers, in a directory of its own.
WERROR=-Werror makes warnings errors. tools/deps installs what the targets need.
endef

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wvla -Wundef -Wformat=2 -Wcast-qual -Wcast-align \
	-Wpointer-arith -Wwrite-strings -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wnull-dereference -Wimplicit-fallthrough
# Sanitizers insert checks that make -Wnull-dereference see paths that are not there.
SAN := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer \
	-fno-sanitize-recover=all -Wno-null-dereference)
# gcc warns that it does not instrument fences; bus.c needs none for TSan to see its order.
SAN += $(if $(findstring thread,$(SANITIZE)),-Wno-tsan)
STD := -std=gnu17 -D_GNU_SOURCE -DSTRAIT_VERSION=\"$(VERSION)\"
ALL_CFLAGS = $(STD) $(WARN) $(WERROR) $(CFLAGS) $(EXTRA_WARN) $(SAN) -iquote . -iquote $(O) -MMD -MP -pthread
# liburing is small, and not on every host: it becomes a part of strait.
LIBS := -l:liburing.a
ALL_LDFLAGS = $(LDFLAGS) $(SAN) -pthread $(LIBS)

# The tools stand on libraries; strait itself does not.
TOOL_PKGS := libpci libnl-3.0 libnl-route-3.0 libnl-genl-3.0 jansson libkmod libarchive
TOOL_CFLAGS := $(patsubst -I%,-isystem %,$(shell pkg-config --cflags $(TOOL_PKGS) 2> /dev/null))
TOOL_LIBS := $(shell pkg-config --libs $(TOOL_PKGS) 2> /dev/null)

# Objects of one sanitizer never meet those of another.
comma := ,
O := $(B)/obj$(if $(SANITIZE),-$(subst $(comma),-,$(SANITIZE)))
MAKEFLAGS += --no-print-directory
# What was being written when a disk was full is not taken for made.
.DELETE_ON_ERROR:
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-7s %s\n' $(1) $(2))

DIRS := src/base src/host src/core src/block src/net src/display src/x86 src/dev src/vm pci iommu vfio virtio
LIB_OBJ := $(patsubst %.c,$(O)/%.o,$(wildcard $(addsuffix /*.c,$(DIRS))))
FAKE_OBJ := $(patsubst %.c,$(O)/%.o,$(wildcard tests/fake/*.c))
UNIT := $(patsubst %.c,$(O)/%,$(wildcard tests/unit/*.c))
TOOL_DIRS := tools/common tools/vf tools/iommu
TOOLS := $(O)/strait-vf $(O)/strait-iommu
# All of the tools but their main functions, for their tests.
TOOL_OBJ := $(patsubst %.c,$(O)/%.o,$(filter-out %/main.c,$(wildcard $(addsuffix /*.c,$(TOOL_DIRS)))))
SRC := $(wildcard $(addsuffix /*.c,src $(DIRS) $(TOOL_DIRS)))
HDR := $(wildcard $(addsuffix /*.h,$(DIRS) $(TOOL_DIRS)))
TEST_SRC := $(wildcard tests/*.h tests/*/*.[ch])

all: $(O)/strait $(TOOLS)
	@for f in $(notdir $^); do ln -sfn $(notdir $(O))/$$f $(B)/$$f; done

include tests/kvm/rules.mk

$(O)/strait: $(O)/src/main.o $(O)/libstrait.a
	$(call say,LINK,$@)
	$(Q)$(CC) -o $@ $^ $(ALL_LDFLAGS)

# Tests of a tool's parts are named tests/unit/tool_*.c.
$(O)/tools/%.o $(O)/tests/unit/tool_%.o: EXTRA_WARN := $(TOOL_CFLAGS)
$(TOOLS): $(O)/strait-%: $(O)/tools/%/main.o $(O)/libtools.a $(O)/libstrait.a
	$(call say,LINK,$@)
	$(Q)$(CC) -o $@ $^ $(ALL_LDFLAGS) -Wl,--as-needed $(TOOL_LIBS)

$(O)/libtools.a: $(TOOL_OBJ)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(O)/libstrait.a: $(LIB_OBJ)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(O)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

# Guest arithmetic lives here.
$(O)/pci/%.o $(O)/virtio/%.o: EXTRA_WARN := -Wconversion -Wsign-conversion

# iasl names the array after its input: dsdt_aml_code[].
$(O)/src/x86/acpi.o: $(O)/src/x86/dsdt.hex
$(O)/src/x86/dsdt.hex: src/x86/dsdt.asl
	@mkdir -p $(@D)
	$(call say,IASL,$<)
	$(Q)iasl -vs -ve -p $(@:.hex=) -tc $< > $(@:.hex=.log) 2>&1 || { cat $(@:.hex=.log); exit 1; }

$(O)/tests/unit/%: $(O)/tests/unit/%.o $(FAKE_OBJ) $(O)/libstrait.a
	$(call say,LINK,$@)
	$(Q)$(CC) -o $@ $^ $(ALL_LDFLAGS)

$(O)/tests/unit/tool_%: $(O)/tests/unit/tool_%.o $(FAKE_OBJ) $(O)/libtools.a $(O)/libstrait.a
	$(call say,LINK,$@)
	$(Q)$(CC) -o $@ $^ $(ALL_LDFLAGS) -Wl,--as-needed $(TOOL_LIBS)

unit: $(UNIT)
# Objects of tests are kept, or each run would compile them again.
.SECONDARY:

# --- tests: prove reads TAP from programs and scripts alike ---

export STRAIT_BUILD := $(O)
export STRAIT ?= $(O)/strait
CPUS := $(shell nproc)
# Two emulated hosts at a time want two CPUs, and 5 GiB each of RAM that is free.
LAB_JOBS := $(shell awk -v cpus=$(CPUS) '/^MemAvailable:/ { \
	print ($$2 >= 11000000 && cpus > 1 ? 2 : 1) }' /proc/meminfo)
PROVE := @HARNESS_RULESFILE=tests/order.yml prove --timer --exec '' --jobs $(LAB_JOBS)
# Of the tools, on records of machines.
TOOL_TESTS := $(wildcard tests/tools/*.t)
# One per kernel of the emulated host, and one with a single CPU.
LAB_TESTS_T := tests/lab/lab.t tests/lab/lab-iommufd.t tests/lab/lab-load.t
# As many jobs as CPUs, unless make was told.
JOBS = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(CPUS))

# deps-build+lab: what is missing for both is one line, or one installation.
deps-%:
	@tools/deps $(subst +, ,$*)
# Everything that a test or the demo needs, built by as many jobs as there are CPUs.
ready: deps-build
	@$(MAKE) $(JOBS) all unit kvm

check: deps-check
	@$(MAKE) ready
	$(PROVE) $(UNIT) $(TOOL_TESTS) $(KVM_TESTS) $(LAB_TESTS_T)
check-unit: ready
	$(PROVE) $(UNIT) $(TOOL_TESTS)
check-kvm: ready
	$(PROVE) $(KVM_TESTS)
check-lab: deps-check
	@$(MAKE) ready
	$(PROVE) --verbose $(LAB_TESTS_T)

demo: deps-build+lab
	@$(MAKE) $(JOBS) all
	@tests/lab/lab build
	@tests/lab/lab run tests/lab/demo

soak bench-boot bench-vfio bench-devices: deps-build+lab
	@$(MAKE) $(JOBS) all
	@tests/lab/$@

bench-tools: deps-build+lab
	@$(MAKE) $(JOBS) all
	@tests/tools/$@
	@tests/lab/lab run tests/lab/bench/vf-create

# --- lint: every tool's suppressions are in its configuration, with reasons ---

CLANG_FORMAT ?= clang-format
SCRIPTS := $(shell grep -lE '^\#!.*\bsh$$|^\#!.*bash' $$(git ls-files 2>/dev/null || find tests tools -type f)) \
	$(wildcard tools/completion/*)

LINTS := lint-format lint-deps lint-headers lint-shell lint-cppcheck lint-tidy
lint: deps-build+lint
	@$(MAKE) -k $(LINTS)
lint-format:
	$(call say,LINT,clang-format)
	$(Q)$(CLANG_FORMAT) --dry-run --Werror $(SRC) $(HDR) $(TEST_SRC)
lint-deps:
	$(call say,LINT,check-deps)
	$(Q)tools/check-deps
lint-headers:
	$(call say,LINT,headers)
	$(Q)for h in $(HDR); do $(CC) $(STD) $(WARN) $(TOOL_CFLAGS) -Werror -iquote . -fsyntax-only -x c $$h || exit 1; done
lint-shell:
	$(call say,LINT,shellcheck)
	$(Q)shellcheck -x -P SCRIPTDIR $(SCRIPTS)
lint-cppcheck: $(O)/src/x86/dsdt.hex
	$(call say,LINT,cppcheck)
	$(Q)cppcheck -q -j$(CPUS) --std=c11 --enable=warning,performance,portability --inline-suppr \
		--error-exitcode=1 -I. -I$(O) $(SRC)
lint-tidy: $(O)/src/x86/dsdt.hex
	$(call say,LINT,clang-tidy)
	$(Q)printf '%s\n' $(SRC) | xargs -P$(CPUS) -n6 sh -c \
		'clang-tidy --quiet "$$@" -- $(STD) $(TOOL_CFLAGS) -iquote . -iquote $(O) 2> /dev/null' tidy

# --- fuzzing (clang) ---

FUZZ_S ?= 20
FUZZERS := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(wildcard tests/fuzz/*.c))
LIB_SRC := $(filter-out src/main.c tools/%,$(SRC))
FAKE_SRC := $(wildcard tests/fake/*.c)
$(B)/fuzz/%: tests/fuzz/%.c $(LIB_SRC) $(FAKE_SRC) $(HDR) $(wildcard tests/fuzz/*.h tests/fake/*.h) $(O)/src/x86/dsdt.hex
	@mkdir -p $(@D)
	$(call say,FUZZ,$@)
	$(Q)clang $(STD) -g -O1 -iquote . -iquote $(O) -pthread -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=all -o $@ $< $(LIB_SRC) $(FAKE_SRC) $(LIBS)
fuzz: deps-build+fuzz
	@$(MAKE) $(FUZZERS)
	$(Q)for f in $(FUZZERS); do mkdir -p $$f.corpus; seeds=tests/fuzz/corpus/$$(basename $$f); \
		[ -d $$seeds ] || seeds=; \
		case $$f in */vfio_config) s=$$((3 * $(FUZZ_S))) ;; *) s=$(FUZZ_S) ;; esac; \
		$$f -max_total_time=$$s -verbosity=0 $$f.corpus $$seeds || exit 1; done

# --- installation ---

# With the path that they are installed to.
INSTALL_AT = sed 's|@BINDIR@|$(PREFIX)/bin|' $(1) | install -D -m 644 /dev/stdin "$(DESTDIR)$(2)/$(notdir $(1))"

install: all
	install -D -m 755 -t "$(DESTDIR)$(PREFIX)/bin" $(O)/strait $(TOOLS)
	install -D -m 644 docs/strait.1 "$(DESTDIR)$(PREFIX)/share/man/man1/strait.1"
	install -D -m 644 -t "$(DESTDIR)$(PREFIX)/share/man/man8" $(wildcard docs/*.8)
	install -D -m 644 -t "$(DESTDIR)$(PREFIX)/share/bash-completion/completions" $(wildcard tools/completion/*)
	$(call INSTALL_AT,tools/vf/strait-vf.service,$(UNITDIR))
	$(call INSTALL_AT,tools/vf/60-strait-vf.rules,$(UDEVDIR))

clean:
	rm -rf $(B)

help:
	$(info $(HELP))
	@:

-include $(shell find $(B) -name '*.d' 2> /dev/null)
.PHONY: all unit ready check check-unit check-kvm check-lab demo soak bench-boot bench-vfio bench-devices bench-tools lint $(LINTS) fuzz install clean help
