#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# VFs of one guest that talk to each other through the NIC's switch, with the
# VLAN and the MAC that the host gave each of them.
set -eu
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

# The second interface has a network namespace of its own, or the kernel would
# answer itself.
# shellcheck disable=SC2016 # it is for the guest
talk='. /lib.sh
modprobe igbvf
set -- $(functions 8086:10ca)
unshare -n sleep 1000 &
there=$!
sleep 0.5
in_there() { nsenter -t $there -n "$@"; }
wait_for net_exists $2
second=$nic
echo "MACS" $(cat $pci/$1/net/*/address $pci/$2/net/*/address)
ip link set $second netns $there
in_there ip link set $second up
in_there ip address add 10.0.3.2/24 dev $second
in_there nc -ll -p 7 -e cat &
net_up $1 10.0.3.1/24
before=$(irq_count $2)
result=$(echo_check 10.0.3.2 8)
report vf $2 $before "$result"
net_down $1
net_up $3 10.0.3.3/24
ping -c 3 -W 2 10.0.3.2 | sed -n "s/.*, \([0-9]*\) packets received.*/OTHER-VLAN \1/p"
kill $there
'

make_vfs 3
for vf in 0:100 1:100 2:200; do
	ip link set "$(pci_netdev "$PF")" vf "${vf%:*}" vlan "${vf#*:}"
done
status=0
guest_run "lab.cmd=$(guest_script "sh /lab.sh")" --cpus boot=2 \
	--initramfs "$(guest_initramfs_with "$talk" $GUEST_FULL)" \
	--device "$(vf_bdf 0)" --device "$(vf_bdf 1)" --device "$(vf_bdf 2)" ||
	status=$?
is "a_guest_with_three_vfs_powers_off" "$status" 0
is "each_vf_has_its_mac" "$(console_value MACS)" "$(vf_mac 0) $(vf_mac 1)"
is "two_vfs_of_a_vlan_exchange_data" "$(console_value 'USED vf')" \
	"igbvf irq=msix interrupts=yes data=same"
is "a_vf_of_another_vlan_hears_nothing" "$(console_value OTHER-VLAN)" 0

done_testing
