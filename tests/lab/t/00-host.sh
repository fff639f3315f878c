#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The emulated host itself: what every other test takes for granted.
set -eu
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

open_kvm() { : <> /dev/kvm; }

group_members() { ls "/sys/kernel/iommu_groups/$(pci_group "$1")/devices"; }

like "iommu_groups_exist" "$(ls /sys/kernel/iommu_groups)" '^[0-9]+$'
ok "kvm_opens" open_kvm
is "pf_has_its_driver" "$(pci_driver "$PF")" igb
is "pf_can_make_7_vfs" "$(cat "$pci_dir/$PF/sriov_totalvfs")" 7
is "pf_link_is_up" "$(cat "$pci_dir/$PF/net/$(pci_netdev "$PF")/operstate")" up
ok "gateway_answers_ping" ping -q -c 1 -W 5 10.0.2.2

make_vfs 2
is "first_vf_is_at_10.0" "$(vf_bdf 0)" 0000:01:10.0
is "vf_starts_without_driver" "$(pci_driver "$(vf_bdf 0)")" none
is "vf_is_alone_in_its_group" "$(group_members "$(vf_bdf 1)")" "$(vf_bdf 1)"
bind_driver "$(vf_bdf 0)" vfio-pci
is "vf_binds_to_vfio_pci" "$(pci_driver "$(vf_bdf 0)")" vfio-pci
ok "vfio_group_appears" test -c "/dev/vfio/$(pci_group "$(vf_bdf 0)")"
drop_vfs
ok "vfs_go_away" test ! -e "$pci_dir/0000:01:10.0"

make_vfs 1 probe
is "vf_works_on_the_host" "$(pci_driver "$(vf_bdf 0)")" igbvf

done_testing
