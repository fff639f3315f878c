#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The host takes a VF away while a guest has it: the guest is asked to let it go,
# one that does not hear loses it, and both go on without it.
set -eu
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

[ "$VMM" = strait ] || skip_all "the options are strait's"

# shellcheck disable=SC2016 # it is for the guest
watch='. /lib.sh
modprobe igbvf
bdf=$(functions 8086:10ca)
net_up $bdf 10.0.2.30/24
echo "BEFORE $(echo_check '$ECHO_SERVER' 1)"
dead() { [ ! -e $pci/$bdf ] || [ "$(setpci -s $bdf VENDOR_ID)" = ffff ]; }
wait_for dead || echo "STILL WORKS"
sleep 1
[ -e $pci/$bdf ] && echo DEAD || echo GONE
echo "ALIVE $(functions 8086:10ca)"
'

# Leaves what the guest took to let go in waited.
take_away() { # CMDLINE DEVICE-OPTIONS
	local start job
	make_vfs 1
	vf=$(vf_bdf 0)
	guest_start "lab.cmd=$(guest_script "sh /lab.sh") $1" --device "$vf,$2" \
		--initramfs "$(guest_initramfs_with "$watch" $GUEST_FULL)"
	guest_expect '^BEFORE' || true
	start=$SECONDS
	drop_vfs &
	job=$!
	wait "$job" || true
	waited=$((SECONDS - start))
	status=0
	guest_wait || status=$?
}

less_than() { [ "$1" -lt "$2" ]; }

take_away "" "port=p0,release-timeout=20"
is "a_vf_behind_a_port_moves_data" "$(console_value BEFORE)" same
console_like "the_guest_lets_a_vf_go_when_it_is_asked" '^GONE'
ok "without_waiting_for_the_timeout" less_than "$waited" 18
is "the_guest_goes_on_without_it" "$status $(console_value ALIVE)" "0 "
ok "the_host_has_it_no_more" test ! -e "$pci_dir/$vf"

take_away "pcie_ports=compat" "port=p0,release-timeout=2"
is "a_guest_without_hotplug_has_the_vf" "$(console_value BEFORE)" same
console_like "after_the_timeout_it_is_taken" '^DEAD'
is "and_that_guest_goes_on_too" "$status" 0
ok "the_host_has_that_one_no_more" test ! -e "$pci_dir/$vf"

make_vfs 1
status=0
guest_run "lab.net=10.0.2.30/24 lab.ping=$GATEWAY" --device "$(vf_bdf 0)" ||
	status=$?
is "a_new_vf_works" "$status $(console_value PING-OK | cut -d" " -f 2)" "0 3/3"

done_testing
