#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# First program of the emulated host, in its initramfs: mount the disk and go
# on there with host-init.sh.

stop() {
	echo "lab: $*"
	echo b > /proc/sysrq-trigger
	while :; do sleep 1; done
}

# With /proc the shell finds all of busybox's programs in itself; without it,
# at both ends of this script, it has to be told.
busybox mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev

for module in virtio_blk crc32c_generic ext4; do
	modprobe "$module" || stop "cannot load $module"
done
mount -t ext4 -o rw,noatime /dev/vda /mnt || stop "cannot mount the disk"
for dir in dev sys proc; do
	busybox mount --move "/$dir" "/mnt/$dir"
done
exec busybox switch_root /mnt /sbin/lab-init
