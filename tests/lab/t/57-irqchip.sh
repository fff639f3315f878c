#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# --irqchip split: the IOAPIC is strait's. A guest with four CPUs uses devices that
# interrupt in every way, reboots, and uses them again. Then one with one CPU uses a
# device of the host's by INTx, with the kernel's IOAPIC and with strait's, and what
# that costs is counted.
#
# lab-nic: n1
# lab-device: pcie-root-port,id=rp1,slot=2
# lab-device: e1000e,netdev=n1,bus=rp1
set -eu
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

modprobe tun
work=/tmp/irqchip
mkdir -p $work
truncate -s 32M $work/ide.img
ip tuntap add dev old mode tap vnet_hdr
ip address add 10.9.4.1/24 dev old
ip link set old up
# Sends back what it is sent.
perl -MIO::Socket -e '
	$s = IO::Socket::INET->new(LocalPort => 7, Listen => 5, ReuseAddr => 1) or die $!;
	while ($c = $s->accept) { syswrite $c, $b while sysread $c, $b, 65536; close $c }' &
server=$!

# ---- every kind of interrupt, twice ------------------------------------------

# shellcheck disable=SC2016 # it is for the guest
use_all='. /lib.sh
echo "IOAPIC $(dmesg | sed -n "s/.*IOAPIC.0.: .*version \([0-9]*\),.*/\1/p")"
for module in igbvf e1000 ata_piix sd_mod; do modprobe $module; done
for bdf in $(functions 8086:10ca); do use_net vf $bdf 10.0.2.50/24 '$ECHO_SERVER' 1; done
for bdf in $(functions 8086:100e); do use_net e1000 $bdf 10.9.4.2/24 10.9.4.1 2; done
for bdf in $(functions 8086:7010); do use_disk ide $bdf 8; done
echo "SERIAL $(awk "/ttyS0/ { for (i = 2; i <= 5; i++) n += \$i; print (n > 0) }" /proc/interrupts)"
echo "LIFE on $(nproc) CPUs"
'
make_vfs 1
guest_start "lab.cmd=$(guest_script "sh /lab.sh") lab.end=reboot" \
	--initramfs "$(guest_initramfs_with "$use_all" $GUEST_FULL)" \
	--irqchip split --cpus boot=4 --stats --device "$(vf_bdf 0)" \
	--net tap=old,model=e1000 --disk path=$work/ide.img,bus=ide
ok "a_guest_uses_its_devices_reboots_and_uses_them_again" \
	guest_expect '^LIFE on 4 CPUs' 2
kill "$guest_pid"
status=0
guest_wait || status=$?
is "it_ends_by_sigterm" "$status" 143

twice() { grep -ac "^$1" "$GUEST_CONSOLE" || true; } # ERE
is "its_ioapic_is_straits" "$(twice 'IOAPIC 32')" 2
is "a_vf_by_msix" "$(twice 'USED vf igbvf irq=msix interrupts=yes data=same')" 2
is "an_emulated_card_by_intx" \
	"$(twice 'USED e1000 e1000 irq=intx interrupts=yes data=same')" 2
is "an_emulated_disk_by_intx" \
	"$(twice 'USED ide ata_piix irq=intx interrupts=yes data=same')" 2
is "the_serial_port_by_an_edge" "$(twice 'SERIAL 1')" 2
is "nothing_is_complained_about" "$(grep -v '^stats:' "$GUEST_ERRORS" || true)" ""

kill $server
ip link del old
rm -rf $work
drop_vfs

# ---- INTx of the host's device -----------------------------------------------

# shellcheck disable=SC2016 # it is for the guest
use_intx='. /lib.sh
modprobe e1000e
for bdf in $(functions 8086:10d3); do
	net_up $bdf 10.0.2.51/24
	result=$(echo_check '$ECHO_SERVER' 2)
	report e1000e $bdf 0 "$result"
	echo "COUNT $(irq_count $bdf)"
done
'
initramfs=$(guest_initramfs_with "$use_intx" $GUEST_FULL)

# Leaves what an interrupt's end cost on average, in hundredths of a return, in cost.
use_by_intx() { # IRQCHIP
	local count ends status=0
	guest_run "e1000e.IntMode=0 pci=nomsi lab.cmd=$(guest_script "sh /lab.sh")" \
		--initramfs "$initramfs" --irqchip "$1" --stats \
		--device "$(pci_find 8086:10d3)" || status=$?
	is "a_guest_with_irqchip_$1_powers_off" "$status" 0
	is "a_device_of_the_hosts_by_intx_with_irqchip_$1" "$(console_value "USED e1000e")" \
		"e1000e irq=intx interrupts=yes data=same"
	count=$(console_value COUNT)
	ends=$(stats_value "returns to user space" ioapic-eoi)
	cost=$((100 * ${ends:-0} / (${count:-0} + 1)))
	diag "$1: $count interrupts, ${ends:-0} ends told" \
		"$(grep -E '^stats: (returns|GSI)' "$GUEST_ERRORS")"
}
use_by_intx kernel
is "the_kernels_ioapic_costs_no_return_for_its_end" "$cost" 0
use_by_intx split
ok "straits_costs_one_return_for_each_interrupt" between 90 "$cost" 130

done_testing
