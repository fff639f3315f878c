#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Devices of many kinds in one guest, each used by its ordinary driver: by MSI-X,
# by MSI and by INTx, with four CPUs and with one.
#
# lab-nic: n1
# lab-device: pcie-root-port,id=rp1,slot=2
# lab-device: e1000e,netdev=n1,bus=rp1
# lab-device: pcie-pci-bridge,id=shared
# lab-nic: n2
# lab-device: rtl8139,bus=shared,addr=1,netdev=n2
# lab-device: rtl8139,bus=shared,addr=2
# lab-disk: nvme=512M
# lab-device: pcie-root-port,id=rp2,slot=3
# lab-device: nvme-subsys,id=s0
# lab-device: nvme,serial=lab,subsys=s0,bus=rp2,sriov_max_vfs=2,sriov_vq_flexible=4,sriov_vi_flexible=2,max_ioqpairs=6,msix_qsize=5
# lab-device: nvme-ns,drive=nvme,nsid=1,shared=on
# lab-disk: usb=64M
# lab-device: qemu-xhci,id=xhci,msix=off,msi=on
# lab-device: usb-storage,bus=xhci.0,drive=usb
set -eu
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

e1000e=$(pci_find 8086:10d3)
rtl8139=$(pci_find 10ec:8139)
nvme=$(pci_find 1b36:0010)
xhci=$(pci_find 1b36:000d)

# shellcheck disable=SC2016 # it is for the guest
use_all='. /lib.sh
echo "CPUS $(nproc)"
for module in e1000e igb 8139cp nvme xhci_pci usb_storage sd_mod; do
	modprobe $module
done
for bdf in $(functions 8086:10d3); do
	use_net e1000e $bdf 10.0.2.50/24 '$ECHO_SERVER' 4
done
for bdf in $(functions 8086:10c9); do
	use_net igb $bdf 10.0.2.52/24 '$ECHO_SERVER' 4
done
for bdf in $(functions 10ec:8139); do
	use_net rtl8139 $bdf 10.0.2.51/24 '$ECHO_SERVER' 1
	echo "PORTS $(grep -c " : 8139cp$" /proc/ioports)"
done
for bdf in $(functions 1b36:0010); do use_disk nvme $bdf $NVME_MIB; done
for bdf in $(functions 1b36:000d); do use_disk xhci $bdf 8; done
'

use_devices() { # CMDLINE NVME-MIB CPUS DEVICE...
	local cmdline=$1 mib=$2 cpus=$3 device options=() status=0
	shift 3
	for device in "$@"; do options+=(--device "$device"); done
	guest_run "$cmdline lab.cmd=$(guest_script "NVME_MIB=$mib sh /lab.sh")" \
		--initramfs "$(guest_initramfs_with "$use_all" $GUEST_FULL)" \
		--cpus "boot=$cpus" "${options[@]}" || status=$?
	is "a_guest_with_${cpus}_cpus_and_$#_devices_powers_off" "$status" 0
}

used() { console_value "USED $1"; }

bind_driver "$(pci_find 10ec:8139 2)" none # of the same group

use_devices "" 256 4 "$e1000e" "$nvme" "$xhci"
is "four_cpus_come_up" "$(console_value CPUS)" 4
is "e1000e_moves_data_by_msix" "$(used e1000e)" \
	"e1000e irq=msix interrupts=yes data=same"
is "256_MiB_come_back_from_an_nvme_disk" "$(used nvme)" \
	"nvme irq=msix interrupts=yes data=same"
is "a_usb_disk_works_by_msi_behind_an_xhci_controller" "$(used xhci)" \
	"xhci_hcd irq=msi interrupts=yes data=same"

# The emulated e1000e fails its driver's test of MSI on the host as well; the
# driver then goes back from MSI to INTx.
free_pf
use_devices "e1000e.IntMode=1" 0 1 "$e1000e" "$PF"
is "e1000e_goes_back_from_msi_to_intx" "$(used e1000e)" \
	"e1000e irq=intx interrupts=yes data=same"
is "a_pf_moves_data" "$(used igb)" "igb irq=msix interrupts=yes data=same"
is "the_pf_is_back_on_its_driver" "$(pci_driver "$PF")" igb
regain_pf

use_devices "e1000e.IntMode=0 pci=nomsi" 16 1 "$e1000e" "$rtl8139" "$nvme" "$xhci"
is "e1000e_moves_data_by_intx" "$(used e1000e)" \
	"e1000e irq=intx interrupts=yes data=same"
is "rtl8139_moves_data_by_intx" "$(used rtl8139)" \
	"8139cp irq=intx interrupts=yes data=same"
is "its_port_bar_is_claimed" "$(console_value PORTS)" 1
is "nvme_works_by_intx" "$(used nvme)" "nvme irq=intx interrupts=yes data=same"
is "xhci_works_by_intx" "$(used xhci)" \
	"xhci_hcd irq=intx interrupts=yes data=same"

# The driver reads the address through the memory BAR, which has 256 bytes.
# shellcheck disable=SC2016 # it is for the guest
pack='. /lib.sh
for bdf in $(functions 10ec:8139); do echo 1 > $pci/$bdf/remove; done
echo 1 > /sys/bus/pci/rescan
modprobe 8139cp
cd $pci
each() { # COMMAND FILE, for both
	for bdf in $(functions 10ec:8139); do "$1" $bdf/$2; done
}
page() { sed -n "2s/... .*//p" $1; }
echo "PAGES $(each page resource | xargs)"
echo "MACS $(each cat "net/*/address" | xargs)"
'
status=0
guest_run "lab.cmd=$(guest_script "sh /lab.sh")" \
	--initramfs "$(guest_initramfs_with "$pack" $GUEST_FULL)" \
	--device "$rtl8139" --device "$(pci_find 10ec:8139 2)" || status=$?
is "a_guest_with_two_rtl8139_powers_off" "$status" 0
is "it_packs_two_bars_into_a_page" \
	"$(console_value PAGES | tr ' ' '\n' | uniq -c | awk '{ print $1 }')" 2
is "and_both_answer" "$(console_value MACS | grep -o '52:54:' | wc -l)" 2

done_testing
