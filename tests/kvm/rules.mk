# SPDX-License-Identifier: GPL-2.0-or-later
# The KVM tests: guests in assembly, C programs, shell tests.
#
# A guest is an ELF file with a PVH note; one whose name begins with bz_ is a
# bzImage, one with flat_ bare 64-bit code that a C test loads. They need no
# 32-bit libraries, only an assembler and a linker.
# Each *_test.c is one program; the other C files are linked to all of them.

KVM_DIR := tests/kvm
KVM_OUT := $(O)/$(KVM_DIR)
KVM_GUESTS := $(patsubst $(KVM_DIR)/%.S,$(KVM_OUT)/%,$(wildcard $(KVM_DIR)/guests/*.S))
KVM_PROGS := $(patsubst $(KVM_DIR)/%.c,$(KVM_OUT)/%,$(wildcard $(KVM_DIR)/*_test.c))
KVM_COMMON := $(patsubst $(KVM_DIR)/%.c,$(KVM_OUT)/%.o,\
	$(filter-out %_test.c,$(wildcard $(KVM_DIR)/*.c)))
KVM_TESTS := $(wildcard $(KVM_DIR)/*.t) $(KVM_PROGS)

kvm: $(KVM_GUESTS) $(KVM_PROGS)
.PHONY: kvm

$(KVM_OUT)/guests/%.o: $(KVM_DIR)/guests/%.S
	@mkdir -p $(@D)
	$(call say,AS,$<)
	$(Q)$(CC) -m32 -MMD -MP -c -o $@ $<

$(KVM_OUT)/guests/%: $(KVM_OUT)/guests/%.o $(KVM_DIR)/guests/guest.ld
	$(Q)$(LD) -m elf_i386 --build-id=none -z noexecstack --no-warn-rwx-segments \
		-T $(KVM_DIR)/guests/guest.ld -o $@ $<

define KVM_FLAT
$(KVM_OUT)/guests/$(1)_%.o: $(KVM_DIR)/guests/$(1)_%.S
	@mkdir -p $$(@D)
	$$(call say,AS,$$<)
	$$(Q)$$(CC) -I. -MMD -MP -c -o $$@ $$<

$(KVM_OUT)/guests/$(1)_%: $(KVM_OUT)/guests/$(1)_%.o
	$$(Q)$$(LD) -m elf_x86_64 --oformat binary -Ttext 0 -e 0 -o $$@ $$<
endef
$(eval $(call KVM_FLAT,bz))
$(eval $(call KVM_FLAT,flat))

$(KVM_OUT)/%_test: $(KVM_OUT)/%_test.o $(KVM_COMMON) $(O)/libstrait.a
	$(call say,LINK,$@)
	$(Q)$(CC) -o $@ $^ $(ALL_LDFLAGS)
