#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Peer-to-peer: one assigned device reads a register of another by DMA. The
# reader is QEMU's edu device, a DMA engine and nothing else (docs/specs/edu.rst
# of QEMU: source at 0x80, destination 0x88, length 0x90, command 0x98; its own
# buffer is at address 0x40000).
#
# lab-device: edu,dma_mask=0xffffffffffffffff
# lab-backends: container
set -eu
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

[ "$VMM" = strait ] || skip_all "the options are strait's"

# RAM from 384 MiB on is not the guest kernel's, so the result can go there. The
# register is the VF's device status (82576 datasheet 8.2.2).
# shellcheck disable=SC2016 # it is for the guest
copy='
bar() { sed -n "1s/ .*//p" /sys/bus/pci/devices/$1/resource; }
enable() { # decode and bus mastering
	printf "\6\0" | dd of=/sys/bus/pci/devices/$1/config bs=2 seek=2 conv=notrunc 2> /dev/null
}
dma() { # FROM TO COMMAND
	devmem $((edu + 0x80)) 64 $1
	devmem $((edu + 0x88)) 64 $2
	devmem $((edu + 0x90)) 64 4
	devmem $((edu + 0x98)) 64 $3
	while [ $(($(devmem $((edu + 0x98)) 64) & 1)) = 1 ]; do :; done
}
enable 0000:00:01.0
enable 0000:00:02.0
vf=$(bar 0000:00:01.0) edu=$(bar 0000:00:02.0) ram=0x1c000000
devmem $ram 32 0xdeadbeef
dma $((vf + 8)) 0x40000 1
dma 0x40000 $ram 3
echo "DIRECT $(devmem $((vf + 8)) 32)"
echo "BY-DMA $(devmem $ram 32)"
'

# Runs the guest; its registers end in what console_value says.
read_by_dma() { # P2P
	# One --vfio has both.
	local backend=${VFIO_BACKEND:-auto} VFIO_BACKEND=
	guest_run "mem=384M lab.cmd=$(guest_script 'sh /lab.sh')" -v \
		--initramfs "$(guest_initramfs_with "$copy")" \
		--vfio "p2p=$1,backend=$backend" \
		--device "$(vf_bdf 0)" --device "$(pci_find 1234:11e8)"
}

make_vfs 1
status=0
read_by_dma on || status=$?
is "a_guest_with_two_devices_powers_off" "$status" 0
is "a_device_reads_a_register_of_another" \
	"$(console_value BY-DMA)" "$(console_value DIRECT)"

status=0
read_by_dma off || status=$?
is "without_p2p_a_guest_runs_as_well" "$status" 0
is "and_the_register_is_out_of_reach" "$(console_value BY-DMA)" 0x00000000
done_testing
