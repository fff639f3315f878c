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

unbind_vf() { echo "$vf" > "$pci_dir/$vf/driver/unbind"; }
unbind_pf() { echo "$PF" > "$pci_dir/$PF/driver/unbind"; }

# Leaves what the guest took to let go in waited.
take_away() { # HOW CMDLINE DEVICE-OPTIONS
	local start job how=$1
	shift
	make_vfs 1
	vf=$(vf_bdf 0)
	guest_start "lab.cmd=$(guest_script "sh /lab.sh") $1" --device "$vf,$2" \
		--initramfs "$(guest_initramfs_with "$watch" $GUEST_FULL)"
	guest_expect '^BEFORE' || true
	start=$SECONDS
	"$how" &
	job=$!
	wait "$job" || true
	waited=$((SECONDS - start))
	status=0
	guest_wait || status=$?
}

less_than() { [ "$1" -lt "$2" ]; }

take_away drop_vfs "" "port=p0,release-timeout=20"
is "a_vf_behind_a_port_moves_data" "$(console_value BEFORE)" same
console_like "the_guest_lets_a_vf_go_when_it_is_asked" '^GONE'
ok "without_waiting_for_the_timeout" less_than "$waited" 18
is "the_guest_goes_on_without_it" "$status $(console_value ALIVE)" "0 "
ok "the_host_has_it_no_more" test ! -e "$pci_dir/$vf"

take_away drop_vfs "pcie_ports=compat" "port=p0,release-timeout=2"
is "a_guest_without_hotplug_has_the_vf" "$(console_value BEFORE)" same
console_like "after_the_timeout_it_is_taken" '^DEAD'
is "and_that_guest_goes_on_too" "$status" 0
ok "the_host_has_that_one_no_more" test ! -e "$pci_dir/$vf"

take_away unbind_vf "" "port=p0"
console_like "the_guest_lets_a_vf_go_that_is_unbound" '^GONE'
is "and_goes_on_without_it" "$status $(console_value ALIVE)" "0 "
is "the_vf_is_without_a_driver" "$(pci_driver "$vf")" none

take_away unbind_vf "pcie_ports=compat" "port=p0,release-timeout=0"
console_like "without_a_timeout_it_is_taken_at_once" '^DEAD'
ok "in_no_time" less_than "$waited" 5
is "and_the_guest_goes_on" "$status" 0

take_away unbind_pf "" "port=p0"
console_like "the_guest_lets_a_vf_go_whose_pf_loses_its_driver" '^GONE'
is "and_goes_on_without_that_one" "$status $(console_value ALIVE)" "0 "
ok "the_vf_went_with_the_pf_s_driver" test ! -e "$pci_dir/$vf"
echo "$PF" > /sys/bus/pci/drivers_probe
regain_pf

make_vfs 1
status=0
guest_run "lab.net=10.0.2.30/24 lab.ping=$GATEWAY" --device "$(vf_bdf 0)" ||
	status=$?
is "a_new_vf_works" "$status $(console_value PING-OK | cut -d" " -f 2)" "0 3/3"

done_testing
