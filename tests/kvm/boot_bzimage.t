#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A bzImage that is entered by Linux's 64-bit boot protocol.
set -u
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_kvm

guest bz_zeropage --cmdline "root=/dev/vda quiet"
is "power_off_gives_status_0" "$status" 0
like "command_line_arrives" "$out" "^cmdline=<root=/dev/vda quiet>$"
like "zero_page_names_the_rsdp" "$out" "^rsdp$"
like "e820_has_low_ram" "$out" "^0000000000000000 000000000009fc00 0000000000000001$"
like "e820_has_high_ram" "$out" "^0000000000100000 000000001ff00000 0000000000000001$"
like "e820_reserves_ecam" "$out" "^00000000e8000000 0000000010000000 0000000000000002$"
like "without_initramfs_its_size_is_0" "$out" "^initramfs=$"

head -c 12345 /dev/urandom > "$tmp/initramfs"
guest bz_zeropage --initramfs "$tmp/initramfs"
tail -c 12345 "$tmp/out" > "$tmp/got"
same "initramfs_arrives_byte_by_byte" "$tmp/got" "$tmp/initramfs"

done_testing
