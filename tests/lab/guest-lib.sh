# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# Functions for scripts that run in a guest with guest-full.cpio; they begin with
#     . /lib.sh
# Each device is used for what it is there for, and what comes back is compared:
# a NIC sends data to an echo server and gets it again, a disk is written and
# read (disk-check.c).

pci=/sys/bus/pci/devices

functions() { # VENDOR:DEVICE; prints their BDFs
	local dir vendor device
	for dir in "$pci"/*; do
		read -r vendor < "$dir/vendor"
		read -r device < "$dir/device"
		[ "${vendor#0x}:${device#0x}" != "$1" ] || echo "${dir##*/}"
	done
}

# Wait up to twenty seconds for a command to succeed.
wait_for() {
	local tries=0
	until "$@"; do
		[ $tries -lt 200 ] || return 1
		sleep 0.1
		tries=$((tries + 1))
	done
}

# ---- interrupts ---------------------------------------------------------------

irq_kind() { # BDF; prints intx, msi or msix
	local file
	for file in "$pci/$1"/msi_irqs/*; do
		[ ! -e "$file" ] || { cat "$file" && return; }
	done
	echo intx
}

irq_numbers() { # BDF
	if [ "$(irq_kind "$1")" = intx ]; then
		cat "$pci/$1/irq"
	else
		ls "$pci/$1/msi_irqs"
	fi
}

irq_count() { # BDF; prints how many interrupts it has sent
	awk -v numbers="$(irq_numbers "$1" | tr '\n' ' ')" '
		BEGIN { n = split(numbers, list); for (i = 1; i <= n; i++) want[list[i] ":"] = 1 }
		NR == 1 { cpus = NF }
		want[$1] { for (i = 2; i <= cpus + 1; i++) sum += $i }
		END { print sum + 0 }' /proc/interrupts
}

# ---- drivers ------------------------------------------------------------------

driver_of() { basename "$(readlink "$pci/$1/driver")"; } # BDF

unbind() { echo "$1" > "$pci/$1/driver/unbind"; } # BDF

bind() { echo "$1" > "/sys/bus/pci/drivers/$2/bind"; } # BDF DRIVER

# ---- network ------------------------------------------------------------------

has_carrier() { [ "$(cat "/sys/class/net/$1/carrier" 2> /dev/null)" = 1 ]; }

net_exists() {
	for nic in "$pci/$1"/net/* "$pci/$1"/virtio*/net/*; do
		nic=${nic##*/}
		[ "$nic" = '*' ] || return 0
	done
	return 1
}

# Leaves the interface's name in nic.
net_up() { # BDF ADDRESS
	wait_for net_exists "$1" || return
	ip link set "$nic" up
	ip address add "$2" dev "$nic"
	wait_for has_carrier "$nic"
}

net_down() { # BDF
	net_exists "$1" || return
	ip address flush dev "$nic"
	ip link set "$nic" down
}

# Sends random data to an echo server and compares what comes back.
echo_check() { # ADDRESS COUNT [BLOCK, else 1M]; prints "same", or what is wrong
	dd if=/dev/urandom of=/tmp/sent bs="${3:-1M}" count="$2" 2> /dev/null
	if ! timeout 100 nc -w 20 "$1" 7 < /tmp/sent > /tmp/back; then
		echo "no connection"
	elif cmp -s /tmp/sent /tmp/back; then
		echo same
	else
		echo "differs: $(wc -c < /tmp/back) of $(wc -c < /tmp/sent) bytes"
	fi
	rm -f /tmp/sent /tmp/back
}

# A line "USED WORD DRIVER irq=KIND interrupts=yes|no data=RESULT".
report() { # WORD BDF INTERRUPTS-BEFORE RESULT
	local more=no
	[ "$(irq_count "$2")" -le "$3" ] || more=yes
	echo "USED $1 $(driver_of "$2") irq=$(irq_kind "$2") interrupts=$more data=$4"
}

use_net() { # WORD BDF ADDRESS PEER MIB
	local before result
	if ! net_up "$2" "$3"; then
		echo "USED $1 no interface or no carrier"
		return
	fi
	before=$(irq_count "$2")
	result=$(echo_check "$4" "$5")
	report "$1" "$2" "$before" "$result"
	net_down "$2"
}

# ---- disks --------------------------------------------------------------------

# With NVMe multipath the disk belongs to no controller, and a hidden one of the
# controller's has its name with the controller's number in it: nvme0c0n1.
block_device() { # BDF; leaves its name in disk
	for disk in "$pci/$1"/nvme/nvme*/nvme*c*n1; do
		[ -e "$disk" ] || break
		disk=/dev/$(echo "${disk##*/}" | sed 's/c[0-9]*//')
		[ -b "$disk" ] && return
	done
	for disk in /sys/class/block/*; do
		case $(readlink -f "$disk") in
		*/"$1"/*) disk=/dev/${disk##*/} && [ -b "$disk" ] && return ;;
		esac
	done
	return 1
}

use_disk() { # WORD BDF MIB
	local before result
	if ! wait_for block_device "$2"; then
		echo "USED $1 no disk"
		return
	fi
	before=$(irq_count "$2")
	result=$(timeout 150 disk-check "$disk" "$3")
	report "$1" "$2" "$before" "$result"
}
