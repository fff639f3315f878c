#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A guest that writes what no driver would: BARs over its memory, over each other,
# over the interrupt controller; storms of command-register writes; MSI-X entries
# that point nowhere. strait lives, says little, and the VF still works.
set -eu
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

# What the host's kernel complains of since then; before, it was not this test's
# doing (docs/lab.md, "Guests that are lost").
host_trouble_since() { # UPTIME
	dmesg | awk -v since="$1" -F '[][ ]+' '$2 > since + 0' |
		grep -E 'BUG:|Oops|general protection|Call Trace' || true
}
read -r began _ < /proc/uptime

# shellcheck disable=SC2016 # it is for the guest
attack='. /lib.sh
modprobe igbvf
bdf=$(functions 8086:10ca)
set_pci() { setpci -s $bdf "$@"; }
bars=$(set_pci BASE_ADDRESS_0 BASE_ADDRESS_1 BASE_ADDRESS_3 BASE_ADDRESS_4 | tr "\n" " ")
place() { # LOW HIGH, for both BARs
	set_pci BASE_ADDRESS_0=$1 BASE_ADDRESS_1=$2 BASE_ADDRESS_3=$1 BASE_ADDRESS_4=$2
}
unbind $bdf
dd if=/dev/urandom of=/tmp/memory bs=1M count=64 2> /dev/null
sum=$(md5sum < /tmp/memory)
set_pci COMMAND=6
for at in "0 0" "1000000 0" "4000000 0" "fee00000 0" "fec00000 0" "e8000000 0" \
	"fffff000 ffffffff" "0 1" "0 80000000"; do
	place $at
	set_pci COMMAND=0 COMMAND=7
	set_pci COMMAND=2 COMMAND=6
done
echo "PLACES done"
i=0
while [ $i -lt 40 ]; do
	set_pci COMMAND=0 COMMAND=ffff COMMAND=2 COMMAND=407 COMMAND=6 COMMAND=0
	i=$((i + 1))
done
set_pci COMMAND=0
set -- $bars
set_pci BASE_ADDRESS_0=$1 BASE_ADDRESS_1=$2 BASE_ADDRESS_3=$3 BASE_ADDRESS_4=$4
set_pci COMMAND=6
# The table is in the second of the BARs: senseless addresses, all unmasked.
table=$(($(sed -n "4s/ .*//p" $pci/$bdf/resource)))
set_pci CAP_MSIX+2.w=8000
for address in 0x00000000 0xfee00000 0xffffffff 0xe8000000 0x00001000; do
	for entry in 0 1 2; do
		devmem $((table + entry * 16)) 32 $address
		devmem $((table + entry * 16 + 4)) 32 0xffffffff
		devmem $((table + entry * 16 + 8)) 32 0xffffffff
		devmem $((table + entry * 16 + 12)) 32 0
	done
done
set_pci CAP_MSIX+2.w=ffff
set_pci CAP_MSIX+2.w=0
i=0
while [ $i -lt 4096 ]; do
	set_pci $(printf %x $i).l=ffffffff $(printf %x $i).l=0 2> /dev/null
	i=$((i + 64))
done
echo "MEMORY $([ "$(md5sum < /tmp/memory)" = "$sum" ] && echo kept || echo changed)"
echo "ATTACKED"
sleep 1
'

# shellcheck disable=SC2016
use_it='. /lib.sh
modprobe igbvf
use_net vf $(functions 8086:10ca) 10.0.2.30/24 '$ECHO_SERVER' 1
'

make_vfs 1
vf=$(vf_bdf 0)
status=0
guest_run "lab.cmd=$(guest_script "sh /lab.sh")" --cpus boot=2 \
	--initramfs "$(guest_initramfs_with "$attack" $GUEST_FULL)" \
	--device "$vf" || status=$?
is "the_vmm_survives" "$status" 0
console_like "the_guest_did_its_worst" '^ATTACKED'
is "its_memory_is_what_it_was" "$(console_value MEMORY)" kept
is "few_lines_were_logged" "$(($(wc -l < "$GUEST_ERRORS") > 60))" 0
status=0
guest_run "lab.cmd=$(guest_script "sh /lab.sh")" --device "$vf" \
	--initramfs "$(guest_initramfs_with "$use_it" $GUEST_FULL)" || status=$?
is "the_next_guest_starts" "$status" 0
is "and_its_vf_moves_data" "$(console_value 'USED vf')" \
	"igbvf irq=msix interrupts=yes data=same"
is "the_host_had_no_trouble" "$(host_trouble_since "$began")" ""

done_testing
