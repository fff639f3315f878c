#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What a guest sees of its machine and its VF, and what it can do to the VF: use
# it, load its driver again, move its BARs, leave it in a bad state, reboot.
set -eu
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

# Functions for the scripts below. RXDCTL is a register of the VF's first receive
# queue (82576 datasheet 8.27): bit 25 enables the queue, and a reset clears it.
# shellcheck disable=SC2016 # it is for the guest
guest_functions='
dev=/sys/bus/pci/devices/0000:00:01.0
# A driver that is built in is bound already, and cannot be loaded or unloaded.
release() {
	rmmod igbvf 2> /dev/null && return
	[ ! -e $dev/driver ] || echo 0000:00:01.0 > $dev/driver/unbind
}
net_up() {
	modprobe igbvf
	[ -e $dev/driver ] || echo 0000:00:01.0 > /sys/bus/pci/drivers/igbvf/bind
	while [ ! -e $dev/net ]; do sleep 0.1; done
	nic=$(ls $dev/net)
	ip link set $nic up
	ip address add 10.0.2.30/24 dev $nic
	until [ "$(cat $dev/net/$nic/carrier 2> /dev/null)" = 1 ]; do sleep 0.1; done
}
ping_gateway() { # WORD
	ping -q -c 3 -W 10 10.0.2.2 > /tmp/out
	echo "$1 $(sed -n "s/.*, \([0-9]* packets received\).*/\1/p" /tmp/out)"
}
bar() { sed -n "$(($1 + 1))s/ .*//p" $dev/resource; }
rxdctl() { echo $(($(bar 0) + 0x2828)); }
queue_enabled() { # WORD; without driver
	echo 1 > $dev/enable
	echo "$1 $(($(devmem $(rxdctl) 32) >> 25 & 1))"
	echo 0 > $dev/enable
}
enable_queue() {
	echo 1 > $dev/enable
	devmem $(rxdctl) 32 $(($(devmem $(rxdctl) 32) | 1 << 25))
	echo 0 > $dev/enable
}
unload() { ip link set $nic down; release; }
'

# shellcheck disable=SC2016
look_around='
lspci -vv > /tmp/lspci 2> /tmp/lspci.err
count() { grep -cE "$1" /tmp/lspci; }
echo "LSPCI-SAYS $(cat /tmp/lspci.err)"
echo "LSPCI-ODD $(count "!!!|[Uu]nknown|\(rev ff\)|denied|ff ff ff")"
echo "BRIDGE $(lspci -n -s 00:00.0)"
echo "BARS $(count "Memory at [1-9a-f][0-9a-f]* \(64-bit.*\[size=16K\]")"
echo "IOMEM $(grep -cE "^  10000[04]000-.* : 0000:00:01.0" /proc/iomem)"
# amd_pstate says what it lacks of every virtual machine.
subjects="pci|acpi|firmware|bar |resource|e820|mtrr|apic|irq|bios"
dmesg -r | grep -E "^<[0-4]>" | grep -v amd_pstate | grep -iE "$subjects" |
	sed "s/^/LOG-ODD /"
echo "ECAM $(dmesg | grep -c "PCI: ECAM \[mem 0xe8000000-.* for domain 0000")"
echo "CPUS $(nproc)"
'

# Move the BARs behind the kernel and look there, at a register and at a masked
# entry of the MSI-X table; when the kernel then finds the device again, it moves
# them once more.
# shellcheck disable=SC2016
move_bars='
write_bar() { # OFFSET LOW HIGH, in octal, as the shell writes bytes
	printf "$2" | dd of=$dev/config bs=4 seek=$(($1 / 4)) conv=notrunc 2> /dev/null
	printf "$3" | dd of=$dev/config bs=4 seek=$(($1 / 4 + 1)) conv=notrunc 2> /dev/null
}
echo 1 > $dev/enable
old=$(bar 0)
old_table=$(bar 3)
write_bar 0x10 "\0\0\0\200" "\2\0\0\0"
write_bar 0x1c "\0\0\1\200" "\2\0\0\0"
echo "OLD-PLACE $(devmem $((old + 8)) 32) $(devmem $((old_table + 12)) 32)"
echo "NEW-PLACE $(devmem 0x280000008 32) $(devmem 0x28001000c 32)"
echo 0 > $dev/enable
echo 1 > $dev/remove
echo 1 > /sys/bus/pci/rescan
echo "MOVED $(bar 0) $(bar 3)"
'

# shellcheck disable=SC2016
inspect="$guest_functions $look_around"'
release
queue_enabled CLEAN
net_up
echo "MAC $(cat $dev/net/$nic/address)"
interrupts() { # of both CPUs and all vectors
	awk "/PCI-MSIX.*$nic/ { n += \$2 + \$3 } END { print n }" /proc/interrupts
}
before=$(interrupts)
ping_gateway PING
echo "INTERRUPTS $(($(interrupts) - before))"
echo "MSIX $(lspci -vv -s 00:01.0 | grep -c "MSI-X: Enable+ Count=3 Masked-")"
unload
net_up
ping_gateway RELOADED
unload
'"$move_bars"'
net_up
ping_gateway MOVED-PING
'

# The same in each life of a guest: look, use, leave a mess.
# shellcheck disable=SC2016
mess="$guest_functions"'
release
queue_enabled CLEAN
net_up
ping_gateway PING
unload
enable_queue
queue_enabled MESS
'

run_inspection() {
	local status=0
	guest_run "lab.cmd=$(guest_script "sh /lab.sh")" --cpus boot=2 --stats \
		--initramfs "$(guest_initramfs_with "$inspect" $GUEST_FULL)" \
		--device "$vf" || status=$?
	is "a_guest_with_a_vf_powers_off" "$status" 0
}

unload_driver igbvf
make_vfs 2
vf=$(vf_bdf 0)

run_inspection
is "both_cpus_come_up" "$(console_value CPUS)" 2
is "lspci_has_no_complaint" "$(console_value LSPCI-SAYS)" ""
is "lspci_finds_nothing_odd" "$(console_value LSPCI-ODD)" 0
like "the_host_bridge_is_8086:0d57" "$(console_value BRIDGE)" '0600: 8086:0d57'
is "the_vf_has_its_two_bars" "$(console_value BARS)" 2
is "the_kernel_claims_both" "$(console_value IOMEM)" 2
is "the_kernel_log_has_no_complaint" "$(console_value LOG-ODD)" ""
is "the_kernel_uses_ecam" "$(console_value ECAM)" 1
is "the_vf_has_the_mac_that_the_host_set" "$(console_value MAC)" "$(vf_mac 0)"
is "the_guest_pings_through_its_vf" "$(console_value PING)" "3 packets received"
is "msix_is_enabled" "$(console_value MSIX)" 1
like "interrupts_arrive" "$(console_value INTERRUPTS)" '^([3-9]|[1-9][0-9]+)$'
is "a_driver_loaded_again_pings" "$(console_value RELOADED)" "3 packets received"
is "moved_bars_are_gone_from_their_old_place" "$(console_value OLD-PLACE)" \
	"0xFFFFFFFF 0xFFFFFFFF"
like "moved_bars_answer_at_their_new_place" "$(console_value NEW-PLACE)" \
	'^0x[0-9A-E][0-9A-F]{7} 0x00000001$'
is "the_kernel_moves_them_again" "$(console_value MOVED)" \
	"0x0000000100000000 0x0000000100004000"
is "the_guest_pings_after_two_moves" "$(console_value MOVED-PING)" \
	"3 packets received"
is "no_register_access_is_trapped" "$(stats_value "$vf" "other trapped")" 0
is "a_vf_without_driver_gets_none" "$(pci_binding "$vf")" "none (null)"

# new_id would have made vfio-pci take each VF that is probed from now on.
other=$(vf_bdf 1)
echo "$other" > /sys/bus/pci/drivers_probe
is "no_other_vf_of_its_kind_is_bound" "$(pci_driver "$other")" none

make_vfs 1 probe
status=0
guest_start "lab.cmd=$(guest_script "sh /lab.sh") lab.end=reboot" \
	--initramfs "$(guest_initramfs_with "$mess")" --device "$vf"
guest_expect '^MESS' || true
is "a_vf_is_clean_for_a_guest" "$(console_value CLEAN)" 0
is "a_guest_may_leave_a_mess" "$(console_value MESS)" 1
is "vfio_pci_has_the_vf_meanwhile" "$(pci_driver "$vf")" vfio-pci
guest_expect '^MESS' 2 || true
is "a_reboot_starts_the_guest_again" \
	"$(grep -c '^GUEST-USERSPACE' "$GUEST_CONSOLE")" 2
is "a_reboot_resets_the_vf" "$(console_value CLEAN)" 0
is "the_guest_pings_after_a_reboot" \
	"$(grep -c '^PING 3 packets received' "$GUEST_CONSOLE")" 2
kill -TERM "$guest_pid"
guest_wait || status=$?
is "sigterm_ends_with_status_143" "$status" 143
is "the_vf_goes_back_to_its_driver" "$(pci_binding "$vf")" "igbvf (null)"
ok "its_interface_is_back" pci_netdev "$vf"

done_testing
