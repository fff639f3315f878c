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
	while ($c = $s->accept) { syswrite $c, $b while sysread $c, $b, 65536 }' &
server=$!
ip tuntap add dev plain mode tap vnet_hdr
ip address add 10.9.1.1/24 dev plain
ip link set plain up

# shellcheck disable=SC2016 # it is for the guest
use_all='. /lib.sh
use_net net $(functions 1af4:1041) 10.9.1.2/24 10.9.1.1 8
echo "RNG $(dd if=/dev/hwrng bs=512 count=64 2> /dev/null | wc -c)"
seq 1000 > /dev/hvc0
for kind in 1041 1043 1044 1045; do
	set -- $pci/$(functions 1af4:$kind)/virtio*/features
	echo "ORDER$kind $(cut -c 36 $1)"
done
'
status=0
guest_run "lab.cmd=$(guest_script "sh /lab.sh")" \
	--initramfs "$(guest_initramfs_with "$use_all" $GUEST_FULL)" \
	--net tap=plain --console file=$work/console --rng src=/dev/urandom \
	--balloon size=16M || status=$?
is "a_guest_powers_off" "$status" 0
for device in 1041:network_card 1043:console 1044:random_bytes 1045:balloon; do
	is "the_${device#*:}_is_in_order" "$(console_value "ORDER${device%:*}")" 1
done
console_like "frames_carry_the_same_data" "^USED net virtio-pci irq=msix interrupts=yes data=same"
is "random_bytes_come" "$(console_value RNG)" 32768
is "console_output_is_whole" "$(tr -d '\r' < $work/console)" "$(seq 1000)"

kill $server
ip link del plain
rm -rf $work
done_testing
