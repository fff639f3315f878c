#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A VF of an NVMe controller as a guest's disk, and a VMM that is killed while
# the controller moves data.
set -eu
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

# shellcheck disable=SC2016 # it is for the guest
use_it='. /lib.sh
modprobe nvme
bdf=$(functions 1b36:0010)
use_disk nvme $bdf $MIB
echo "FIRST $(dd if=$disk bs=1M count=1 2> /dev/null | md5sum)"
'

# shellcheck disable=SC2016
never_stop='. /lib.sh
modprobe nvme
wait_for block_device $(functions 1b36:0010)
echo BUSY
while :; do disk-check $disk 64; done
'

use_disk_of() { # MIB DEVICE
	local status=0
	guest_run "lab.cmd=$(guest_script "MIB=$1 sh /lab.sh")" --device "$2" \
		--initramfs "$(guest_initramfs_with "$use_it" $GUEST_FULL)" ||
		status=$?
	is "a_guest_with_$2_powers_off" "$status" 0
}

used() { console_value "USED nvme"; }

pf=$(pci_find 1b36:0010)
make_nvme_vf "$pf" > /dev/null
use_disk_of 256 "$nvme_vf"
is "256_MiB_come_back_from_an_nvme_vf" "$(used)" \
	"nvme irq=msix interrupts=yes data=same"
is "the_host_reads_what_the_guest_wrote" "$(console_value FIRST)" \
	"$(dd if="/dev/$(ls "$pci_dir/$pf/nvme")n1" bs=1M count=1 iflag=direct 2> /dev/null | md5sum)"
is "the_vf_is_without_driver_again" "$(pci_binding "$nvme_vf")" "none (null)"
drop_nvme_vf "$pf"

guest_start "lab.cmd=$(guest_script "sh /lab.sh")" --device "$pf" \
	--initramfs "$(guest_initramfs_with "$never_stop" $GUEST_FULL)"
guest_expect '^BUSY' || true
sleep 2
kill -KILL "$guest_pid"
guest_wait || true
use_disk_of 16 "$pf"
is "after_sigkill_in_the_middle_of_dma_the_next_guest_works" "$(used)" \
	"nvme irq=msix interrupts=yes data=same"
bind_to_nvme "$pf"
is "and_the_host_can_use_the_disk" \
	"$(dd if="/dev/$(ls "$pci_dir/$pf/nvme")n1" bs=1M count=16 iflag=direct 2>&1 | grep -c '16777216 bytes')" 1

done_testing
