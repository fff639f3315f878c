#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Two VFs in one guest, two guests with a VF each, and what a packet costs:
# nothing in user space.
set -eu
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

# Two interfaces, each pings by itself.
# shellcheck disable=SC2016 # it is for the guest
two_interfaces=$(guest_script '
n=0
for nic in $(cd /sys/class/net && echo eth*); do
	ip link set $nic up
	ip address add 10.0.2.3$n/24 dev $nic
	until [ "$(cat /sys/class/net/$nic/carrier)" = 1 ]; do sleep 0.1; done
	ping -q -c 3 -W 10 -I $nic 10.0.2.2 > /tmp/out
	echo "PING-$n $(sed -n "s/.*, \([0-9]*\) packets received.*/\1/p" /tmp/out)"
	echo "MAC-$n $(cat /sys/class/net/$nic/address)"
	n=$((n + 1))
done')

# Many pings with little on the console, which has its price for each character.
pings() { # ADDR COUNT
	guest_script "ping -q -A -c $2 -W 10 $1 > /tmp/out
sed -n 's/.*, \\([0-9]*\\) packets received.*/GOT \\1/p' /tmp/out"
}

less_than() { [ "$1" -lt "$2" ]; }

make_vfs 2 probe
status=0
guest_run "lab.mod=igbvf lab.cmd=$two_interfaces" \
	--device "$(vf_bdf 0)" --device "path=$pci_dir/$(vf_bdf 1)" || status=$?
is "a_guest_with_two_vfs_powers_off" "$status" 0
is "it_pings_through_the_first" "$(console_value PING-0)" 3
is "it_pings_through_the_second" "$(console_value PING-1)" 3
is "each_vf_has_its_mac" "$(console_value MAC-0) $(console_value MAC-1)" \
	"$(vf_mac 0) $(vf_mac 1)"
is "both_go_back_to_their_driver" \
	"$(pci_binding "$(vf_bdf 0)"), $(pci_binding "$(vf_bdf 1)")" \
	"igbvf (null), igbvf (null)"

# What a guest costs that sends next to nothing.
guest_run "lab.net=10.0.2.31/24 lab.cmd=$(pings 10.0.2.2 20)" --stats \
	--device "$(vf_bdf 1)" || true
is "twenty_pings_are_answered" "$(console_value GOT)" 20
quiet_returns=$(stats_value "returns to user space")

# The same guest again, and another one that it floods.
guest_start "lab.net=10.0.2.30/24 lab.end=hang" --device "$(vf_bdf 0)"
guest_expect '^GUEST-NET eth' || true
server_pid=$guest_pid
guest_pid=""
GUEST_CONSOLE=/tmp/guest-console-2 GUEST_ERRORS=/tmp/guest-errors-2
status=0
guest_run "lab.net=10.0.2.31/24 lab.cmd=$(pings 10.0.2.30 2000)" --stats \
	--device "$(vf_bdf 1)" || status=$?
is "a_second_guest_runs_beside_the_first" "$status" 0
is "each_of_2000_pings_between_them_is_answered" "$(console_value GOT)" 2000
returns=$(stats_value "returns to user space")
diag "returns to user space: $quiet_returns with 20 pings, $returns with 2000"
ok "packets_cost_no_return_to_user_space" \
	less_than $((returns - quiet_returns)) 100
is "no_register_access_is_trapped" \
	"$(stats_value "$(vf_bdf 1)" "other trapped")" 0
status=0
kill -INT "$server_pid"
guest_pid=$server_pid
guest_wait || status=$?
is "sigint_ends_with_status_130" "$status" 130
is "its_vf_goes_back_to_its_driver" "$(pci_binding "$(vf_bdf 0)")" \
	"igbvf (null)"

done_testing
