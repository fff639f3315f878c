#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Emulated devices, all in one guest, each used by its ordinary driver and what
# comes back compared: virtio network cards (served by strait, with many queues,
# and by vhost-net), disks (raw and qcow2), console, entropy, sockets, balloon, and
# a register-level card (e1000) and disk (IDE). No VFIO, so one kernel is enough.
#
# lab-kernel: stock
set -eu
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

modprobe -a tun vhost_net vhost_vsock
work=/tmp/emulated
mkdir -p $work

# ---- what is behind the devices ----------------------------------------------

# Sends back what it is sent, on TCP port 7 of every address.
echo_server() {
	exec perl -MIO::Socket -e '
		$SIG{CHLD} = "IGNORE";
		$s = IO::Socket::INET->new(LocalPort => 7, Listen => 5, ReuseAddr => 1) or die $!;
		while ($c = $s->accept) {
			close $c, next if fork;
			syswrite $c, $b while sysread $c, $b, 65536;
			exit;
		}'
}
echo_server &
servers=($!)

# A tap of the host with an address.
make_tap() { # NAME ADDRESS [multi_queue]
	ip tuntap add dev "$1" mode tap vnet_hdr "${@:3}"
	ip address add "$2/24" dev "$1"
	ip link set "$1" up
}
make_tap plain 10.9.1.1
make_tap many 10.9.2.1 multi_queue
make_tap vhost 10.9.3.1
make_tap old 10.9.4.1

truncate -s 96M $work/raw.img $work/ide.img
qemu-img create -q -f qcow2 $work/cow.qcow2 96M

vsock-cat listen 1234 &
servers+=($!)

# ---- the guest ---------------------------------------------------------------

# shellcheck disable=SC2016 # it is for the guest
use_all='. /lib.sh
for module in virtio_pci virtio_net virtio_blk virtio-rng virtio_console virtio_balloon \
	vmw_vsock_virtio_transport e1000 ata_piix sd_mod; do
	modprobe $module
done
peer=1
for bdf in $(functions 1af4:1041); do
	use_net net$peer $bdf 10.9.$peer.2/24 10.9.$peer.1 2
	echo "QUEUES$peer $(ls -d /sys/class/net/$nic/queues/rx-* | wc -l)"
	peer=$((peer + 1))
done
for bdf in $(functions 1af4:1042); do
	block_device $bdf
	read serial < /sys/block/${disk##*/}/serial
	use_disk disk$serial $bdf 32
done
for bdf in $(functions 8086:100e); do use_net e1000 $bdf 10.9.4.2/24 10.9.4.1 2; done
for bdf in $(functions 8086:7010); do use_disk ide $bdf 8; done
echo "RNG $(dd if=/dev/hwrng bs=512 count=4 2> /dev/null | wc -c)"
echo "VSOCK $(echo over the socket | vsock-cat 2 1234)"
echo "said on the console" > /dev/hvc0
for i in 1 2 3 4 5 6 7 8 9 10; do
	free=$(sed -n "s/^MemTotal: *\([0-9]*\).*/\1/p" /proc/meminfo)
	[ "$free" -lt 400000 ] && break
	sleep 0.5
done
echo "MEMTOTAL $free"
echo "RNG-NAME $(cat /sys/class/misc/hw_random/rng_current)"
'
initramfs=$(guest_initramfs_with "$use_all" $GUEST_FULL)

status=0
guest_run "lab.cmd=$(guest_script "sh /lab.sh")" --initramfs "$initramfs" --cpus boot=2 \
	--memory size=512M --iothreads 2 --stats \
	--net tap=plain,mac=52:54:00:09:00:01 \
	--net tap=many,queues=2,mac=52:54:00:09:00:02 \
	--net tap=vhost,vhost=on,mac=52:54:00:09:00:03 \
	--net tap=old,model=e1000 --disk path=$work/ide.img,bus=ide \
	--disk path=$work/raw.img,serial=RAW,queues=2 --disk path=$work/cow.qcow2,serial=COW \
	--rng src=/dev/urandom --console file=$work/console --vsock cid=42 \
	--balloon size=128M || status=$?

is "a_guest_with_emulated_devices_powers_off" "$status" 0
used='virtio-pci irq=msix interrupts=yes data=same'
console_like "a_card_that_strait_serves" "^USED net1 $used"
console_like "a_card_with_two_queues" "^USED net2 $used"
is "both_queues_are_used" "$(console_value QUEUES2)" 2
console_like "a_card_that_vhost_serves" "^USED net3 $used"
console_like "a_raw_disk" "^USED diskRAW $used"
console_like "a_qcow2_disk" "^USED diskCOW $used"
console_like "a_register_level_card" "^USED e1000 e1000 irq=intx interrupts=yes data=same"
console_like "a_register_level_disk" "^USED ide ata_piix irq=intx interrupts=yes data=same"
is "random_bytes_come" "$(console_value RNG)" 2048
is "a_socket_reaches_the_host" "$(sed -n 's/^VSOCK //p' "$GUEST_CONSOLE" | tr -d '\r')" \
	"over the socket"
ok "the_console_goes_to_its_file" grep -q "said on the console" $work/console
ok "the_balloon_takes_its_memory" between 250000 "$(console_value MEMTOTAL)" 400000
# Frames through vhost-net never come to strait.
is "vhost_is_off_the_path" "$(grep -c 'stats: net2: served by vhost-net' "$GUEST_ERRORS")" 1
ok "the_qcow2_image_is_sound" qemu-img check -q $work/cow.qcow2
is "nothing_is_complained_about" "$(grep -v '^stats:' "$GUEST_ERRORS")" ""

# ---- the end -----------------------------------------------------------------

kill "${servers[@]}" 2> /dev/null || true
for tap in plain many vhost old; do ip link del $tap; done
rm -rf $work
done_testing
