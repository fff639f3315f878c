#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A device that has no PCI address on the host: a mediated serial card (mtty, of
# the kernel's samples) that returns what is written to it. Its port BAR and its
# INTx work like those of real cards.
#
# lab-kernel: lab
# lab-backends: container
set -eu
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

# The bytes go through its port BAR; the driver, whose port is closed then, is
# there for the interrupts: mtty tells of what it has received too seldom.
# shellcheck disable=SC2016 # it is for the guest
use_it='. /lib.sh
bdf=$(functions 4348:3253)
tty=$(find $pci/$bdf/ -name "ttyS*" | sed -n "1s/.*\///p")
echo "TTY ${tty%%[0-9]*}"
base=$(($(sed -n "1s/ .*//p" $pci/$bdf/resource)))
back=""
for letter in s t r a i t; do
	printf $letter | dd of=/dev/port bs=1 seek=$base conv=notrunc 2> /dev/null
	back=$back$(dd if=/dev/port bs=1 skip=$base count=1 2> /dev/null)
done
echo "BACK $back"
before=$(irq_count $bdf)
stty -F /dev/$tty raw -echo clocal
exec 3> /dev/$tty # its interrupts are counted as long as it is open
echo "there and nowhere" >&3
sleep 1
report mtty $bdf $before none
exec 3>&-
'

uuid=$(cat /proc/sys/kernel/random/uuid)
device=/sys/bus/mdev/devices/$uuid
for kind in /sys/class/mdev_bus/mtty/mdev_supported_types/*; do
	echo "$uuid" > "$kind/create" && break
done

status=0
guest_run "lab.cmd=$(guest_script "sh /lab.sh")" --device "path=$device" \
	--initramfs "$(guest_initramfs_with "$use_it" $GUEST_FULL)" || status=$?
is "a_guest_with_a_mediated_device_powers_off" "$status" 0
is "its_serial_ports_are_found" "$(console_value TTY)" ttyS
is "it_returns_what_is_written" "$(console_value BACK)" strait
is "its_driver_gets_interrupts" "$(console_value 'USED mtty')" \
	"serial irq=intx interrupts=yes data=none"
echo 1 > "$device/remove"
ok "it_can_be_removed_afterwards" test ! -e "$device"

done_testing
