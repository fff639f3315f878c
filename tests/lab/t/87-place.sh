#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Where a guest finds its devices, and what their config space shows: functions
# of one slot stay together, on bus 0 and behind a port; the expansion ROM is the
# device's, a file's or none; D3hot is the device's own.
set -eu
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

[ "$VMM" = strait ] || skip_all "the options are strait's"

# shellcheck disable=SC2016 # it is for the guest
list=$(guest_script 'echo PLACES $(ls /sys/bus/pci/devices)')

# shellcheck disable=SC2016
show='. /lib.sh
bdf=$(functions 8086:10d3)
rom=$pci/$bdf/rom
echo 1 > $pci/$bdf/enable
if [ -e $rom ]; then
	echo 1 > $rom
	echo "ROM $(md5sum < $rom)"
else
	echo "ROM none"
fi
echo "DSN $(lspci -vv -s $bdf | sed -n "s/.*Device Serial Number //p")"
power() { # STATE; tells the state, and Device Status in BAR 0
	setpci -s $bdf CAP_PM+4.b=$1
	echo "$(setpci -s $bdf CAP_PM+4.b | cut -c 2) $(devmem $bar0 32)"
}
[ ! -e $pci/$bdf/driver ] || unbind $bdf
setpci -s $bdf COMMAND=2
bar0=$(($(sed -n "1s/ .*//p" $pci/$bdf/resource) + 8))
echo "D0 $(power 0)"
echo "D3HOT $(power 3)"
echo "AGAIN $(power 0)"
'

show_with() { # OPTIONS
	local status=0
	guest_run "lab.cmd=$(guest_script "sh /lab.sh")" --device "$e1000e$1" \
		--initramfs "$(guest_initramfs_with "$show" $GUEST_FULL)" ||
		status=$?
	is "a_guest_with_e1000e$1_powers_off" "$status" 0
}

make_vfs 7
vf=$(vf_bdf 0) # 10.0; 10.2, 10.4 and 10.6 are in its slot
status=0
guest_run "lab.cmd=$list" --device "$vf,multifunction=keep,addr=05.0" ||
	status=$?
is "a_guest_with_a_slot_powers_off" "$status" 0
is "functions_keep_their_numbers_on_bus_0" "$(console_value PLACES)" \
	"0000:00:00.0 0000:00:05.0 0000:00:05.2 0000:00:05.4 0000:00:05.6"
status=0
guest_run "lab.cmd=$list" --device "$vf,multifunction=keep,port=p0" ||
	status=$?
is "a_guest_with_a_slot_behind_a_port_powers_off" "$status" 0
is "functions_keep_their_numbers_behind_a_port" "$(console_value PLACES)" \
	"0000:00:00.0 0000:00:01.0 0000:01:00.0 0000:01:00.2 0000:01:00.4 0000:01:00.6"
status=0
guest_run "lab.cmd=$list" --device "$(vf_bdf 1),addr=05.1" \
	--device "$vf,addr=05.0" || status=$?
is "a_function_may_be_named_before_its_function_0" \
	"$status $(console_value PLACES)" \
	"0 0000:00:00.0 0000:00:05.0 0000:00:05.1"
drop_vfs

e1000e=$(pci_find 8086:10d3)
driver=$(pci_driver "$e1000e")
bind_driver "$e1000e" none
echo 1 > "$pci_dir/$e1000e/enable"
echo 1 > "$pci_dir/$e1000e/rom"
cp "$pci_dir/$e1000e/rom" /tmp/device.rom
echo 0 > "$pci_dir/$e1000e/enable"
dsn=$(lspci -vv -s "$e1000e" | sed -n "s/.*Device Serial Number //p")

show_with ""
is "the_guest_reads_the_devices_rom" "$(console_value ROM)" \
	"$(md5sum < /tmp/device.rom)"
is "the_serial_number_is_the_devices" "$(console_value DSN)" "$dsn"
like "its_registers_answer" "$(console_value D0)" '^0 0x[0-7]'
is "in_d3hot_they_do_not" "$(console_value D3HOT)" "3 0xFFFFFFFF"
is "and_after_it_they_are_back" "$(console_value AGAIN)" "$(console_value D0)"
show_with ",rom=off"
is "no_rom_is_there_if_it_is_off" "$(console_value ROM)" none

# Another ROM: like the device's but for its last bytes.
cp /tmp/device.rom /tmp/other.rom
dd if=/dev/urandom of=/tmp/other.rom bs=1 count=64 conv=notrunc \
	seek=$(($(stat -c %s /tmp/device.rom) - 64)) 2> /dev/null
show_with ",rom=/tmp/other.rom"
is "the_guest_reads_the_files_rom" "$(console_value ROM)" \
	"$(md5sum < /tmp/other.rom)"
bind_driver "$e1000e" none
[ "$driver" = none ] || bind_driver "$e1000e" "$driver"

done_testing
