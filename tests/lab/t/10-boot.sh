#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Guests without a device: CPUs, memory, both boot protocols, and each way in
# which a guest ends. No VFIO, so one kernel is enough.
#
# lab-kernel: stock
set -eu
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

hugepages=/sys/kernel/mm/hugepages/hugepages-2048kB

# What the guest sees of its machine.
# shellcheck disable=SC2016 # it is for the guest
look='
echo CPUS $(nproc)
echo MEMORY $(sed -n "s/^MemTotal: *\([0-9]*\) kB/\1/p" /proc/meminfo)
echo LOADER $(cat /proc/sys/kernel/bootloader_type)'
look_around=$(guest_script "$look")

# And its clock, beside the time that the guest itself keeps, and an alarm.
# shellcheck disable=SC2016 # it is for the guest
use_clock=$(guest_script "$look"'
cd /sys/class/rtc/rtc0
echo CLOCK $(cat name) $(cat date) $(cat time) $(cat since_epoch)
echo DRIFT $(($(cat since_epoch) - $(date +%s)))
interrupts() { grep "rtc0$" /proc/interrupts; }
before=$(interrupts) i=0
echo +3 > wakealarm
while [ "$(interrupts)" = "$before" ] && [ $i -lt 100 ]; do
	sleep 0.1
	i=$((i + 1))
done
[ "$(interrupts)" = "$before" ] || echo ALARM')

# The kernel that a bzImage holds, an ELF file: payload_offset and
# payload_length of the setup header (Documentation/arch/x86/boot.rst) lead to
# it; behind it stand four bytes with its size.
extract_vmlinux() { # BZIMAGE VMLINUX
	local sectors place
	sectors=$(od -An -tu1 -j $((0x1f1)) -N 1 "$1")
	read -ra place <<< "$(od -An -tu4 -j $((0x248)) -N 8 "$1")"
	tail -c +$(((sectors + 1) * 512 + place[0] + 1)) "$1" |
		head -c $((place[1] - 4)) > /tmp/payload
	case $(od -An -tx1 -N 4 /tmp/payload) in
	" 28 b5 2f fd") zstd -q -d -c /tmp/payload > "$2" ;;
	" fd 37 7a 58") xz -d -c /tmp/payload > "$2" ;;
	*) return 1 ;;
	esac
}

status=0
guest_run "" --memory size=512M,hugepages=on || status=$?
is "huge_pages_that_are_not_there_are_refused" "$status" 3
like "the_refusal_says_how_to_reserve_them" "$(cat "$GUEST_ERRORS")" \
	'^hint: .*echo 256 > .*hugepages-2048kB/nr_hugepages'

echo 256 > $hugepages/nr_hugepages
status=0
started=$(date +%s)
guest_start "lab.cmd=$use_clock" --cpus boot=2 \
	--memory size=512M,hugepages=on
guest_expect '^GUEST-USERSPACE' || true
used=$((256 - $(cat $hugepages/free_hugepages)))
guest_wait || status=$?
is "a_power_off_ends_with_status_0" "$status" 0
is "a_guest_has_its_cpus" "$(console_value CPUS)" 2
ok "a_guest_has_its_memory" between 430000 "$(console_value MEMORY)" 524288
ok "its_memory_is_in_huge_pages" between 20 "$used" 256
read -r driver _ date time clock <<< "$(console_value CLOCK)"
is "its_clock_has_a_driver" "$driver" rtc_cmos
ok "its_clock_has_the_time_of_the_host" between "$started" "$clock" "$(date +%s)"
ok "the_date_of_its_clock_is_of_that_time" \
	between $((clock - 2)) "$(date -u -d "$date $time" +%s)" "$clock"
ok "its_clock_goes_on_with_its_own_time" between -2 "$(console_value DRIFT)" 2
console_like "its_alarm_rings" '^ALARM'
is "all_huge_pages_come_back" "$(cat $hugepages/free_hugepages)" 256
is "nothing_is_said_about_a_guest_that_is_well" "$(cat "$GUEST_ERRORS")" ""
echo 0 > $hugepages/nr_hugepages

status=0
guest_run "lab.cmd=$look_around lab.end=panic" --cpus boot=4 \
	--memory size=128M --on-reboot exit || status=$?
is "a_guest_has_four_cpus_on_two" "$(console_value CPUS)" 4
ok "128_MiB_are_enough" between 60000 "$(console_value MEMORY)" 131072
console_like "the_guest_panicked" 'Kernel panic'
is "a_panic_reboots" "$status" 5

if command -v zstd > /dev/null; then
	extract_vmlinux "$GUEST_KERNEL" /tmp/vmlinux
	status=0
	guest_run "lab.cmd=$look_around lab.end=reboot" --kernel /tmp/vmlinux \
		--memory size=192M --on-reboot exit || status=$?
	# 0xb0 is what Linux' PVH entry says of KVM (arch/x86/platform/pvh).
	is "an_elf_kernel_boots_by_pvh" "$(console_value LOADER)" 176
	is "a_reboot_ends_with_status_5" "$status" 5
	head -c 10000000 /tmp/vmlinux > /tmp/half
	status=0
	guest_run "" --kernel /tmp/half || status=$?
	is "half_an_elf_kernel_is_refused" "$status" 3
	like "and_called_truncated" "$(cat "$GUEST_ERRORS")" \
		'^error: /tmp/half: .*truncated'
	rm /tmp/vmlinux /tmp/half
else
	skip "an_elf_kernel_boots_by_pvh" "the emulated host has no zstd"
fi

done_testing
