#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A VMM without privileges is handed its device as an open fd: root opens it and
# does nothing else for it.
#
# lab-kernel: lab
set -eu
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

[ "$VMM" = strait ] || skip_all "QEMU takes fds another way"

# Runs what guest_command prepared, as nobody, with the device as fd 3 and no more
# memory to lock than one guest needs.
run_as_nobody() { # CDEV
	vmm_argv=(prlimit "--memlock=$((600 << 20))" setpriv --reuid 65534
		--regid 65534 --clear-groups "${vmm_argv[@]}")
	guest_exec 3<> "$1"
}

make_vfs 1
vf=$(vf_bdf 0)
bind_driver "$vf" vfio-pci
cdev=/dev/vfio/devices/$(ls "$pci_dir/$vf/vfio-dev")
chmod 600 "$cdev"
chmod 666 /dev/kvm /dev/iommu

for run in first second; do
	status=0
	guest_command "lab.net=10.0.2.30/24 lab.ping=$GATEWAY" --device fd=3
	run_as_nobody "$cdev" || status=$?
	is "an_unprivileged_vmm_runs_its_${run}_guest" "$status" 0
	like "which_pings_through_the_vf_it_was_handed_($run)" \
		"$(console_value PING-OK)" "^$GATEWAY 3/3"
done
is "the_vf_stays_where_it_was" "$(pci_binding "$vf")" "vfio-pci vfio-pci"

# The host takes it back: the kernel waits until the file is closed, too.
# shellcheck disable=SC2016 # it is for the guest
watch='. /lib.sh
bdf=$(functions 8086:10ca)
[ -n "$bdf" ] || { echo "LIFE without"; exit; }
echo "LIFE with"
gone() { busybox od -An -tx2 -N2 $pci/$bdf/config | busybox grep -q ffff; }
wait_for gone && echo GONE
sleep 4
busybox reboot -f
'
exec 3<> "$cdev"
guest_start "lab.cmd=$(guest_script "sh /lab.sh")" --device fd=3 \
	--initramfs "$(guest_initramfs_with "$watch" $GUEST_FULL)"
exec 3<&-
guest_expect '^LIFE with' || true
echo "$vf" > /sys/bus/pci/drivers/vfio-pci/unbind &
unbinding=$!
guest_expect '^GONE' || true
sleep 1
is "the_host_gets_a_handed_vf_back_from_a_running_guest" \
	"$(pci_driver "$vf") $(kill -0 "$guest_pid" && echo running)" "none running"
status=0
guest_wait || status=$?
wait "$unbinding" || true
console_like "and_the_guest_reboots_without_it" '^LIFE without'
is "to_its_end" "$status" 0
bind_driver "$vf" vfio-pci

status=0
guest_command "" --device fd=3
run_as_nobody /dev/null || status=$?
is "an_fd_that_is_no_device_is_refused" "$status" 3
like "and_named" "$(cat "$GUEST_ERRORS")" '^error: .*fd.?3'

done_testing
