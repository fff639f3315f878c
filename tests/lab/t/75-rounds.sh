#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The same again and again: a driver bound and unbound in the guest, a guest that
# reboots, guests started and stopped. Nothing grows, and the VF stays good.
# `make soak` has more rounds.
set -eu
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

bind_rounds=${TEST_BIND_ROUNDS:-3}
reboot_rounds=${TEST_REBOOT_ROUNDS:-3}
start_rounds=${TEST_START_ROUNDS:-3}

# A round is good if data come back. Before the last line of the first and of the
# last one it waits, for the VMM to be looked at.
# shellcheck disable=SC2016 # it is for the guest
bind_again='. /lib.sh
modprobe igbvf
bdf=$(functions 8086:10ca)
good=0
for round in $(seq $ROUNDS); do
	net_up $bdf 10.0.2.30/24
	[ "$(echo_check '$ECHO_SERVER' 1)" = same ] && good=$((good + 1))
	case $round in
	1 | $ROUNDS) echo "ROUND $round" && sleep 1 ;;
	esac
	net_down $bdf
	unbind $bdf
	bind $bdf igbvf
done
echo "GOOD $good"
'

# shellcheck disable=SC2016
live='. /lib.sh
modprobe igbvf
net_up $(functions 8086:10ca) 10.0.2.30/24
echo "LIFE $(echo_check '$ECHO_SERVER' 1)"
sleep 1
'

start_with() { # SCRIPT ROUNDS [CMDLINE]
	guest_start "lab.cmd=$(guest_script "ROUNDS=$2 sh /lab.sh") ${3:-}" \
		--initramfs "$(guest_initramfs_with "$1" $GUEST_FULL)" \
		--device "$vf"
}

# What the VMM holds: everything that could grow.
held() {
	local dir=/proc/$guest_pid
	echo "fds=$(find "$dir/fd" -mindepth 1 | wc -l)" \
		"maps=$(wc -l < "$dir/maps")" \
		"$(sed -nE 's/^(VmLck|VmPin): *([0-9]+) kB/\1=\2/p' "$dir/status" | tr '\n' ' ')"
}

resident() { sed -nE 's/^VmRSS: *([0-9]+) kB/\1/p' "/proc/$guest_pid/status"; }

memory_in_use() {
	sync
	echo 3 > /proc/sys/vm/drop_caches
	echo 1 > /proc/sys/vm/compact_memory
	awk '/^MemTotal/ { n = $2 } /^MemFree/ { n -= $2 } END { print n }' \
		/proc/meminfo
}

less_than() { [ "$1" -lt "$2" ]; }

# Adds to the array wrong what is not as it should be.
start_and_stop() {
	local status=0
	guest_start "lab.net=10.0.2.30/24 lab.end=hang" --device "$vf"
	guest_expect '^GUEST-NET eth' || wrong+=("no interface")
	kill -TERM "$guest_pid"
	guest_wait || status=$?
	[ "$status" = 143 ] || wrong+=("status $status")
	[ "$(pci_binding "$vf")" = "igbvf (null)" ] ||
		wrong+=("$(pci_binding "$vf")")
	[ "$(cat "$pci_dir/$vf/net/$(pci_netdev "$vf")/address")" = "$(vf_mac 0)" ] ||
		wrong+=("another MAC")
}

make_vfs 1 probe
vf=$(vf_bdf 0)

status=0
start_with "$bind_again" "$bind_rounds"
guest_expect '^ROUND 1' || true
before=$(held) memory=$(resident)
guest_expect "^ROUND $bind_rounds" || true
after=$(held) growth=$(($(resident) - memory))
guest_wait || status=$?
is "a_guest_that_binds_its_driver_again_powers_off" "$status" 0
is "data_come_back_in_each_of_$bind_rounds" "$(console_value GOOD)" "$bind_rounds"
is "the_vmm_holds_as_much_as_after_the_first" "$after" "$before"
diag "memory grew by $growth KiB, of the guest's own for the most part"

status=0
start_with "$live" 0 lab.end=reboot
guest_expect '^LIFE' || true
before=$(held)
guest_expect '^LIFE' $((reboot_rounds + 1)) || true
after=$(held)
is "data_come_back_in_each_life_of_$((reboot_rounds + 1))" \
	"$(grep -c '^LIFE same' "$GUEST_CONSOLE")" $((reboot_rounds + 1))
is "the_vmm_holds_as_much_as_in_the_first_life" "$after" "$before"
kill -TERM "$guest_pid"
guest_wait || status=$?
is "a_guest_that_rebooted_ends_by_sigterm" "$status" 143

wrong=()
start_and_stop
before=$(memory_in_use)
for ((round = 0; round < start_rounds; round++)); do start_and_stop; done
growth=$(($(memory_in_use) - before))
is "each_of_${start_rounds}_starts_and_stops_is_clean" "${wrong[*]}" ""
diag "memory in use grew by $growth KiB"
ok "no_memory_is_left_behind" less_than "$growth" 100000
is "no_process_is_left_behind" "$(pgrep -x strait || true)" ""
is "nothing_of_vfio_is_open" \
	"$(find /proc/[0-9]*/fd -lname '/dev/vfio*' -o -lname '/dev/iommu' 2> /dev/null || true)" ""

done_testing
