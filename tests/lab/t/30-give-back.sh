#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# However a run ends, the VF is where it was before.
set -eu
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

host_pings_through() { # BDF
	local nic
	nic=$(pci_netdev "$1")
	ip link set "$nic" up
	ip address add 10.0.2.40/24 dev "$nic"
	ping -q -c 2 -w 20 -I "$nic" 10.0.2.2
	ip link set "$nic" down
}

make_vfs 1 probe
vf=$(vf_bdf 0)

status=0
guest_run "lab.net=10.0.2.30/24 reboot=t lab.end=reboot" --device "$vf" ||
	status=$?
is "a_triple_fault_ends_with_status_4" "$status" 4
like "the_reason_is_printed" "$(cat "$GUEST_ERRORS")" 'triple fault'
like "the_registers_are_printed" "$(cat "$GUEST_ERRORS")" 'rip [0-9a-f]{16}'
is "a_vf_comes_back_from_a_crash" "$(pci_binding "$vf")" "igbvf (null)"

# The kernel is read when the devices are open already.
status=0
guest_run "" --kernel /boot/guest.cpio --device "$vf" || status=$?
is "a_late_error_ends_with_status_3" "$status" 3
is "a_vf_comes_back_from_a_late_error" "$(pci_binding "$vf")" "igbvf (null)"

guest_start "" --device "$vf"
status=0
ok "the_guest_runs" wait_for_vcpu "$guest_pid"
kill -HUP "$guest_pid"
guest_wait || status=$?
is "sighup_ends_with_status_129" "$status" 129
is "a_vf_comes_back_from_sighup" "$(pci_binding "$vf")" "igbvf (null)"
ok "the_host_can_use_the_vf_again" host_pings_through "$vf"

# A process that is killed cannot clean up; the VF stays usable for the next.
guest_start "" --device "$vf"
wait_for_vcpu "$guest_pid" || true
kill -KILL "$guest_pid"
guest_wait || true
is "after_sigkill_the_vf_is_on_vfio_pci" "$(pci_binding "$vf")" \
	"vfio-pci vfio-pci"
status=0
guest_run "lab.net=10.0.2.30/24 lab.ping=10.0.2.2" --device "$vf" || status=$?
is "the_next_run_works" "$status" 0
console_like "and_pings" '^PING-OK 10.0.2.2 3/3'
is "it_stays_where_it_was_found" "$(pci_binding "$vf")" "vfio-pci vfio-pci"

guest_start "" --device "$vf,managed=off"
ok "a_bound_vf_runs_with_managed=off" wait_for_vcpu "$guest_pid"
kill -TERM "$guest_pid"
guest_wait || true
is "managed=off_leaves_the_binding" "$(pci_binding "$vf")" "vfio-pci vfio-pci"

done_testing
