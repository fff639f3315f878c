# SPDX-License-Identifier: GPL-2.0-or-later
# strait: one makefile for program, tests, lint and packages. `make help` lists what it does.

VERSION := 0.1.0
B := build
CC ?= gcc
CLANG_FORMAT ?= clang-format
PREFIX ?= /usr/local

CFLAGS ?= -O2 -g
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wvla -Wundef -Wformat=2 -Wcast-qual -Wcast-align \
	-Wpointer-arith -Wwrite-strings -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wnull-dereference -Wimplicit-fallthrough
WERROR ?=
STD := -std=gnu17 -D_GNU_SOURCE -DSTRAIT_VERSION='"$(VERSION)"'
SAN := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=all)
ALL_CFLAGS = $(STD) $(WARN) $(WERROR) $(CFLAGS) $(SAN) -I. -I$(O) -MMD -MP -pthread
ALL_LDFLAGS = $(LDFLAGS) $(SAN) -pthread

# Objects of another sanitizer or compiler never meet those of a plain build.
O := $(B)/obj$(if $(SANITIZE),-$(subst $(comma),-,$(SANITIZE)))
comma := ,

DIRS := src/base src/host src/core src/x86 src/dev src/vm pci iommu vfio
LIB_SRC := $(wildcard $(addsuffix /*.c,$(DIRS)))
LIB_OBJ := $(LIB_SRC:%.c=$(O)/%.o)
FAKE_OBJ := $(patsubst %.c,$(O)/%.o,$(wildcard tests/fake/*.c))
UNIT := $(patsubst tests/unit/%.c,$(O)/tests/unit/%,$(wildcard tests/unit/*.c))
HDRS := $(wildcard $(addsuffix /*.h,$(DIRS)) tests/*.h tests/fake/*.h)

.DEFAULT_GOAL := all
include $(wildcard Makefile.parts)

all: $(O)/strait
	@ln -sfn $(notdir $(O))/strait $(B)/strait

$(O)/strait: $(O)/src/main.o $(O)/libstrait.a
	$(CC) -o $@ $^ $(ALL_LDFLAGS)

$(O)/libstrait.a: $(LIB_OBJ)
	@rm -f $@
	$(AR) rcs $@ $^

$(O)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(EXTRA_WARN) -c -o $@ $<

# iasl names the array after the input: dsdt_aml_code[].
$(O)/src/x86/dsdt.hex: src/x86/dsdt.asl
	@mkdir -p $(@D)
	@iasl -vs -ve -p $(@:.hex=) -tc $< > $(@:.hex=.log) 2>&1 || { cat $(@:.hex=.log); exit 1; }

$(O)/src/x86/acpi.o: $(O)/src/x86/dsdt.hex

# Guest arithmetic lives here.
$(O)/pci/%.o $(O)/virtio/%.o: EXTRA_WARN := -Wconversion -Wsign-conversion

$(O)/tests/unit/%: $(O)/tests/unit/%.o $(FAKE_OBJ) $(O)/libstrait.a
	$(CC) -o $@ $^ $(ALL_LDFLAGS)

unit: $(UNIT)

-include $(shell find $(B) -name '*.d' 2>/dev/null)
.PHONY: all unit
