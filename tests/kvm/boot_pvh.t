#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# An ELF guest that is entered by PVH: what it is given, and what it finds.
set -u
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_kvm

zeros=0000000000000000

guest hello
is "output_reaches_stdout" "$out" hello
is "power_off_gives_status_0" "$status" 0
is "nothing_is_printed_on_stderr" "$err" ""

guest cmdline --cmdline "console=ttyS0 a=b,c \"d e\""
is "command_line_arrives" "$out" "cmdline=<console=ttyS0 a=b,c \"d e\">"

guest cmdline
is "command_line_is_empty_by_default" "$out" "cmdline=<>"

guest initramfs
is "without_initramfs_there_is_no_module" "$out" modules=00000000

# An odd length, so that the last page is not full.
head -c 12345 /dev/urandom > "$tmp/initramfs"
guest initramfs --initramfs "$tmp/initramfs"
{ echo modules=00000001 && cat "$tmp/initramfs"; } > "$tmp/want"
same "initramfs_arrives_byte_by_byte" "$tmp/out" "$tmp/want"

guest memmap --memory size=64M
is "memory_map_has_low_and_high_ram_and_ecam" "$out" "\
$zeros 000000000009fc00 00000001
000000000009fc00 0000000000060400 00000002
0000000000100000 0000000003f00000 00000001
00000000e8000000 0000000010000000 00000002"

guest acpi --cpus boot=2
is "acpi_tables_are_found_and_their_checksums_hold" "$out" "\
RSD 
RSD 
XSDT
FACP
APIC
MCFG
SSDT"

guest pci
like "ports_find_the_host_bridge" "$out" "^ports bridge 0d578086$"
like "ports_give_its_class" "$out" "^ports class 06000000$"
like "ports_give_ones_for_an_absent_function" "$out" "^ports absent ffffffff$"
like "ports_take_16_bit_accesses" "$out" "^ports word 00000d57$"
like "ports_need_the_enable_bit" "$out" "^ports off ffffffff$"
like "ecam_finds_the_host_bridge" "$out" "^ecam bridge 0d578086$"
like "ecam_gives_its_class" "$out" "^ecam class 06000000$"
like "ecam_gives_ones_for_an_absent_function" "$out" "^ecam absent ffffffff$"
like "ecam_takes_8_bit_accesses" "$out" "^ecam byte 00000080$"
like "ids_cannot_be_written" "$out" "^ecam written 0d578086$"

guest timer
is "pm_timer_runs_forwards" "$out" "forwards
runs"

guest memmap --memory size=4G
like "ram_beyond_3_gib_goes_on_at_4_gib" "$out$err" \
	"^0000000100000000 0000000040000000 00000001$|the host has"

done_testing
