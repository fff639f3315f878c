#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Devices that are done with buffers in order say so (VIRTIO_F_IN_ORDER), and a Linux
# that makes use of it (since 7.0) gets the same data as ever. The lab kernel is one.
#
# lab-kernel: lab
set -eu
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

work=/tmp/in-order
mkdir -p $work
perl -MIO::Socket -e '
	$s = IO::Socket::INET->new(LocalPort => 7, Listen => 5, ReuseAddr => 1) or die $!;
	while ($c = $s->accept) {
		syswrite $c, $b while sysread $c, $b, 65536;
		close $c;
	}' &
server=$!
for tap in plain:10.9.1.1 vhost:10.9.2.1; do
	ip tuntap add dev ${tap%:*} mode tap vnet_hdr
	ip address add ${tap#*:}/24 dev ${tap%:*}
	ip link set ${tap%:*} up
done

# shellcheck disable=SC2016 # it is for the guest
use_all='. /lib.sh
set -- $(functions 1af4:1041)
use_net net $1 10.9.1.2/24 10.9.1.1 4
use_net vhost $2 10.9.2.2/24 10.9.2.1 4
echo "RNG $(dd if=/dev/hwrng bs=512 count=64 2> /dev/null | wc -c)"
seq 1000 > /dev/hvc0
for kind in 1041 1043 1044 1045; do
	for bdf in $(functions 1af4:$kind); do
		echo "ORDER$kind $(cut -c 36 $pci/$bdf/virtio*/features)"
	done
done
'
status=0
guest_run "lab.cmd=$(guest_script "sh /lab.sh")" \
	--initramfs "$(guest_initramfs_with "$use_all" $GUEST_FULL)" \
	--net tap=plain --net tap=vhost,vhost=on --console file=$work/console --rng src=/dev/urandom \
	--balloon size=16M || status=$?
is "a_guest_powers_off" "$status" 0
is "both_network_cards_are_in_order" "$(tr -d '\r' < "$GUEST_CONSOLE" | grep -c '^ORDER1041 1')" 2
for device in 1043:console 1044:random_bytes 1045:balloon; do
	is "the_${device#*:}_is_in_order" "$(console_value "ORDER${device%:*}")" 1
done
used='virtio-pci irq=msix interrupts=yes data=same'
console_like "frames_carry_the_same_data" "^USED net $used"
console_like "and_by_vhost_as_well" "^USED vhost $used"
is "random_bytes_come" "$(console_value RNG)" 32768
is "console_output_is_whole" "$(tr -d '\r' < $work/console)" "$(seq 1000)"

kill $server
ip link del plain
ip link del vhost
rm -rf $work
done_testing
