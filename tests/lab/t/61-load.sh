#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The register-level card and disk under load at the same time, for TEST_LOAD_S
# seconds (20; make soak: 600): TCP both ways through the e1000, and writes that are
# read back and compared on the IDE disk. Their stock drivers must have nothing to
# complain about: no watchdog, no lost interrupt, no reset, no error. In a machine of its
# own with one CPU: two emulated CPUs lose every third guest under this load (docs/lab.md).
#
# lab-kernel: stock
# lab-cpus: 1
set -eu
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

seconds=${TEST_LOAD_S:-20}
work=/tmp/load
mkdir -p $work
modprobe tun
ip tuntap add dev old mode tap vnet_hdr
ip address add 10.9.4.1/24 dev old
ip link set old up
truncate -s 64M $work/ide.img
iperf3 -s -D -I $work/iperf3.pid > /dev/null

load_script() {
	cat <<-GUEST
		. /lib.sh
		modprobe -a e1000 ata_piix sd_mod
		seconds=$seconds
	GUEST
	cat <<-'GUEST'
		net_up $(functions 8086:100e) 10.9.4.2/24
		block_device $(functions 8086:7010)
		streams() {
			iperf3 -c 10.9.4.1 -t $((seconds / 2)) -i 0 > /tmp/sent 2>&1 &&
				iperf3 -c 10.9.4.1 -t $((seconds / 2)) -i 0 -R > /tmp/received 2>&1
			echo "LOAD-NET $?"
		}
		streams &
		fio --name=load --filename=$disk --direct=1 --ioengine=libaio --iodepth=4 \
			--rw=randwrite --bsrange=4k-256k --verify=crc32c --verify_backlog=64 \
			--verify_fatal=1 --time_based --runtime=$seconds --minimal > /tmp/disk 2> /tmp/err
		echo "LOAD-DISK $?"
		cat /tmp/err
		wait
		awk -F ';' '{ print "LOAD-WRITTEN", int($47 / 1024); print "LOAD-READ", int($6 / 1024) }' /tmp/disk
		awk '/receiver/ { print "LOAD-MBYTES", $5, $6 }' /tmp/sent /tmp/received
		echo "LOAD-ERRORS $(cat /sys/class/net/$nic/statistics/*_errors | awk '{ n += $1 } END { print n }')"
		dmesg | grep -E -e 'NETDEV WATCHDOG|Unit Hang|Reset adapter|Link is Down|nobody cared' \
			-e 'I/O error|ata[0-9].*(exception|frozen|failed|error|lost|reset)' > /tmp/log
		sed 's/^/LOAD-LOG /' /tmp/log
		echo "LOAD-COMPLAINTS $(wc -l < /tmp/log)"
	GUEST
}

status=0
guest_run "lab.cmd=$(guest_script "sh /lab.sh")" \
	--initramfs "$(guest_initramfs_with "$(load_script)" "$(guest_initramfs_load)")" \
	--cpus boot=2 --memory size=768M --net tap=old,model=e1000 \
	--disk path=$work/ide.img,bus=ide --stats || status=$?

is "a_guest_under_load_ends_well" "$status" 0
is "the_card_carries_both_ways" "$(console_value LOAD-NET)" 0
is "what_the_disk_wrote_is_read_again" "$(console_value LOAD-DISK)" 0
is "the_card_has_no_errors" "$(console_value LOAD-ERRORS)" 0
is "drivers_have_no_complaints" "$(console_value LOAD-COMPLAINTS)" 0
diag "$(grep -a '^LOAD-' "$GUEST_CONSOLE" | tr -d '\r')"
is "strait_has_no_complaints" "$(grep -v '^stats:' "$GUEST_ERRORS")" ""

kill "$(tr -d '\0' < $work/iperf3.pid)" 2> /dev/null || true
ip link del old
rm -rf $work
done_testing
