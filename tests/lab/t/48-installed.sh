#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What make install installs for strait-vf besides the program: the unit that applies
# plans at boot, and the rule by which udev leaves VFs to their users.
set -eu
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

bindir=$(realpath "$(dirname "$STRAIT")")
vf_tool=$bindir/strait-vf
vf0=0000:01:10.0
udevd=""

cleanup() {
	[ -z "$udevd" ] || kill "$udevd"
	"$vf_tool" destroy $PF > /dev/null || true
	rm -f /etc/udev/rules.d/60-strait-vf.rules /etc/strait/vf.d/*.json
	lib_cleanup
}
trap cleanup EXIT

installed() { sed "s|@BINDIR@|$bindir|g" "tools/vf/$1"; } # FILE

# ---- the unit ---------------------------------------------------------------

unit_does() { bash -c "$(installed strait-vf.service | sed -n "s/^$1=//p")"; } # KEY

mkdir -p /etc/strait/vf.d
cat > /etc/strait/vf.d/10-nic.json <<-END
	{ "version": 1, "pfs": [ { "pf": "igb/0", "count": 2, "vfs": [
	  { "vf": 0, "mac": "$(vf_mac 0)", "driver": "vfio-pci" } ] } ] }
END
ok "starting_the_unit_applies_what_is_in_its_directory" unit_does ExecStart
is "that_many_vfs_are_there" "$(cat $pci_dir/$PF/sriov_numvfs)" 2
is "one_is_on_vfio_pci" "$(pci_driver $vf0)" vfio-pci
sed -i 's/"count": 2/"count": 3/' /etc/strait/vf.d/10-nic.json
ok "reloading_it_applies_what_changed" unit_does ExecReload
is "there_is_one_more" "$(cat $pci_dir/$PF/sriov_numvfs) $(pci_driver $vf0)" "3 vfio-pci"

# ---- the rule ---------------------------------------------------------------

udevadm_ready() {
	local tries
	for ((tries = 0; tries < 100; tries++)); do
		udevadm control --ping 2> /dev/null && return
		sleep 0.1
	done
	return 1
}

# Something gives the file to root; udev looks at the device once more. Prints the owner.
owner_after_event() { # FILE DEVICE
	chown root "$1"
	udevadm trigger --action=change "$(readlink -f "$2")"
	udevadm settle
	stat -c %U "$1"
}

mkdir -p /run/udev /etc/udev/rules.d
/usr/lib/systemd/systemd-udevd > /dev/null 2>&1 &
udevd=$!
ok "udev_runs" udevadm_ready
ok "a_user_gets_a_vf" "$vf_tool" bind $vf0 --owner nobody
group=$(pci_group $vf0)
is "without_the_rule_a_lost_owner_stays_lost" \
	"$(owner_after_event "/dev/vfio/$group" "/sys/class/vfio/$group")" root
installed 60-strait-vf.rules > /etc/udev/rules.d/60-strait-vf.rules
udevadm control --reload
is "with_the_rule_udev_gives_the_group_back" \
	"$(owner_after_event "/dev/vfio/$group" "/sys/class/vfio/$group")" nobody
if [ "$LAB_KERNEL" = lab ]; then
	cdev=$(ls $pci_dir/$vf0/vfio-dev)
	is "and_the_device" "$(owner_after_event "/dev/vfio/devices/$cdev" \
		"$pci_dir/$vf0/vfio-dev/$cdev")" nobody
fi
"$vf_tool" release $vf0 > /dev/null
"$vf_tool" bind $vf0 > /dev/null
is "of_a_vf_that_is_no_users_it_is_roots" \
	"$(owner_after_event "/dev/vfio/$group" "/sys/class/vfio/$group")" root

done_testing
