#!/usr/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# Init of the emulated host. Loads drivers, brings the NIC up, runs one command
# or a shell, leaves its status in the shared directory, and stops the machine.
#
# /lab (shared with the script `lab`) holds
#   command    what to run; without it, a shell on the terminal
#   terminal   what that shell reads first: size and type of the terminal
#   ready      written here when the command is about to start
#   status     written here when it has ended
#   alive      changed here all the time, by which `lab` sees that the machine runs
# Both exist from the beginning, because QEMU can make files in a share only if
# its own machine has /proc, and a build chroot may not.

PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
HOME=/root
export PATH HOME LANG=C.UTF-8

pf=0000:01:00.0

mount_all() {
	mkdir -p /dev/pts /dev/shm /dev/hugepages
	mount -t devpts -o mode=620,ptmxmode=666 devpts /dev/pts
	mount -t tmpfs tmpfs /dev/shm
	mount -t tmpfs tmpfs /tmp
	mount -t tmpfs tmpfs /run
	mount -t hugetlbfs hugetlbfs /dev/hugepages
	ln -s /proc/self/fd /dev/fd
	ln -s /proc/self/fd/0 /dev/stdin
	ln -s /proc/self/fd/1 /dev/stdout
	ln -s /proc/self/fd/2 /dev/stderr
}

mount_share() { # TAG
	mount -t 9p -o "trans=virtio,version=9p2000.L,msize=512000$2" "$1" "/$1"
}

# The shares and the NIC do not need each other; the second CPU loads the one
# while the first loads the other.
load_drivers() {
	modprobe -a kvm_amd vfio-pci vfio_iommu_type1 &
	modprobe igb
	ip link set lo up
	pf_up
	wait
}

# A kernel that has igbvf built in would bind each new VF to it.
pf_up() {
	local dev
	echo 0 > "/sys/bus/pci/devices/$pf/sriov_drivers_autoprobe"
	dev=$(ls "/sys/bus/pci/devices/$pf/net") || return 0
	ip link set "$dev" up
	ip address add 10.0.2.15/24 dev "$dev"
}

# Output goes through cat because a virtio port opens only once, while programs
# may well open /dev/stdout again.
run_command() {
	mkfifo /run/out /run/err
	cat < /run/out > "$(echo /dev/vport*p1)" &
	out_pid=$!
	cat < /run/err > "$(echo /dev/vport*p2)" &
	err_pid=$!
	echo yes > /lab/ready
	bash /lab/command > /run/out 2> /run/err < /dev/null
	echo $? > /run/status
	flush_output
}

# A process that COMMAND left behind may hold its output open: do not wait for
# that one longer than a second.
flush_output() {
	local tries=0
	while [ -e /proc/$out_pid/exe ] || [ -e /proc/$err_pid/exe ]; do
		[ $tries -lt 20 ] || break
		sleep 0.05
		tries=$((tries + 1))
	done
}

run_shell() {
	echo yes > /lab/ready
	setsid -c bash --rcfile /lab/terminal -i < /dev/hvc0 > /dev/hvc0 2>&1
	echo $? > /run/status
}

mount_all
hostname lab
modprobe 9pnet_virtio
modprobe 9p
mount_share lab ""
mount_share strait ""
load_drivers
cd /strait || cd /
beat=0
while sleep 5; do beat=$((beat + 1)) && echo $beat > /lab/alive; done &
if [ -e /lab/command ]; then run_command; else run_shell; fi
cat /run/status > /lab/status
# A reset ends QEMU (-no-reboot) sooner than ACPI would; the disk is a snapshot.
echo b > /proc/sysrq-trigger
while :; do sleep 1; done
