#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# strait-vf for real: what it says is what ip, devlink, lspci and sysfs say, what
# it did can be seen there, and what it undoes is as it was.
set -eu
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

vf_tool=$(dirname "$STRAIT")/strait-vf
nic=$(pci_netdev "$PF")
vf0=0000:01:10.0
vf1=0000:01:10.2
plan=/tmp/plan.json
records=/run/strait/vf

vf() { timeout 60 "$vf_tool" "$@"; }

# Prints the status of a command, and keeps what it said in /tmp/vf-says.
status_of() { # COMMAND...
	local status=0
	"$@" > /tmp/vf-says 2>&1 || status=$?
	echo "$status"
}

says() { tr '\n' ' ' < /tmp/vf-says; }

# A command that has to fail, and say why.
refused() { # NAME STATUS ERE COMMAND...
	local name=$1 want=$2 ere=$3 status
	shift 3
	status=$(status_of "$@")
	like "$name" "$status $(says)" "^$want error: .*$ere"
}

# What `list --json` says of a function.
listed() { # BDF KEY
	vf list --json | awk -v bdf="\"$1\"" -v key="\"$2\":" '
		$1 == "\"bdf\":" { found = index($2, bdf) == 1 }
		found && $1 == key {
			sub(/^[^:]*: /, "")
			sub(/,$/, "")
			gsub(/"/, "")
			print
			exit
		}'
}

# What iproute2 says of a VF of the PF.
ip_says() { ip -d link show "$nic" | sed -n "s/^ *vf $1 *//p"; } # NUMBER

# Everything about the PF and two VFs that a command may have changed.
state() {
	cat "$pci_dir/$PF/sriov_numvfs"
	ip -d link show "$nic" | grep ' vf '
	pci_binding "$vf0"
	pci_binding "$vf1"
	ls "$records" || true
} 2> /dev/null

write_plan() { # KEYS-OF-THE-PF
	printf '{"version": 1, "pfs": [{"pf": "%s", %s}]}\n' "$PF" "$1" > $plan
}

drop_vfs
unload_driver vfio-pci

# ---- making VFs -------------------------------------------------------------

is "create_makes_vfs" "$(status_of vf create "$nic" 2)" 0
is "lspci_sees_them" "$(lspci -D -d 8086:10ca | wc -l)" 2
is "sysfs_has_the_number_that_is_listed" "$(listed $PF num_vfs)" \
	"$(cat $pci_dir/$PF/sriov_numvfs)"
is "the_maximum_is_listed" "$(listed $PF total_vfs)" \
	"$(cat $pci_dir/$PF/sriov_totalvfs)"
is "the_host_takes_none" "$(pci_driver $vf0)" none
is "the_group_is_that_of_sysfs" "$(listed $vf0 iommu_group)" "$(pci_group $vf0)"
is "creating_as_many_again_is_no_change" "$(status_of vf create igb/0 2) $(says)" \
	"0 nothing to change "
refused "another_number_is_for_resize" 1 'has 2 VFs already' vf create $PF 3
is "resize_finds_the_pf_by_address" "$(status_of vf resize 01:00.0 3)" 0
is "and_makes_the_number" "$(cat $pci_dir/$PF/sriov_numvfs)" 3
is "destroy_removes_them" "$(status_of vf destroy "$nic") $(lspci -D -d 8086:10ca)" \
	"0 "

# ---- settings, beside what ip says ------------------------------------------

vf create $PF 2 > /dev/null
is "set_sets_everything_that_igb_has" "$(status_of vf set $vf0 \
	mac=52:54:00:aa:00:00 vlan=100:3 rate=100 spoofchk=off trust=on)" 0
like "ip_shows_it" "$(ip_says 0)" \
	'52:54:00:aa:00:00 .*vlan 100, qos 3,.*max_tx_rate 100Mbps, spoof checking off,.*trust on'
is "list_shows_the_mac" "$(listed $vf0 mac)" 52:54:00:aa:00:00
is "list_shows_the_vlan" "$(listed $vf0 vlan)" 100:3
is "list_shows_the_rate" "$(listed $vf0 rate)" 100
is "list_shows_spoofchk_and_trust" "$(listed $vf0 spoofchk) $(listed $vf0 trust)" \
	"false true"
like "the_table_shows_the_mac" "$(vf list)" "^$vf0 .* 52:54:00:aa:00:00 "
is "the_other_vf_is_as_it_was" "$(ip_says 1 | grep -c '00:00:00:00:00:00.*spoof checking on')" 1
before=$(state)
refused "what_igb_has_not_is_named" 3 'does not support rss' vf set $vf1 \
	mac=52:54:00:aa:00:01 rss=on
is "and_what_was_set_before_it_is_undone" "$(state)" "$before"

ip link set "$nic" vf 0 mac 52:54:00:aa:00:77 vlan 9
is "list_follows_what_ip_sets" "$(listed $vf0 mac) $(listed $vf0 vlan)" \
	"52:54:00:aa:00:77 9"

# ---- bad input --------------------------------------------------------------

refused "an_unknown_vf_gets_the_nearest" 3 'no such.*0000:01:10\.[02]' vf set 0000:01:12.0 trust=on
refused "a_vf_is_no_pf" 3 "VF 0 of $PF" vf create $vf0 1
refused "a_pf_is_no_vf" 2 'it is no VF' vf bind $PF
refused "a_bridge_has_no_sriov" 3 'SR-IOV' vf create 0000:00:00.0 1
refused "the_maximum_is_named" 3 'maximum is 7' vf resize $PF 8
refused "a_multicast_mac_is_refused" 2 'multicast' vf set $vf0 mac=01:00:5e:00:00:01
refused "a_mac_of_zeros_is_refused" 2 'mac' vf set $vf0 mac=00:00:00:00:00:00
refused "a_vlan_over_4094_is_refused" 2 '4094' vf set $vf0 vlan=4095
refused "a_rate_over_the_link_is_refused" 3 '1000 Mbit/s' vf set $vf0 rate=5000
refused "a_setting_of_vfs_is_none_of_pfs" 2 'mac is a setting of VFs' \
	vf set $PF mac=52:54:00:aa:00:00
refused "igb_has_no_eswitch" 3 'no devlink' vf set $PF eswitch=switchdev
refused "a_fixed_number_of_vectors_is_told" 3 'no pool of MSI-X' vf set $vf0 msix=2
refused "a_plan_with_a_wrong_key_is_refused" 2 'pfs\[0\].*"cuont".*did you mean count' \
	vf apply <(echo '{"version": 1, "pfs": [{"pf": "eth0", "cuont": 1}]}')

# ---- bind and release -------------------------------------------------------

before=$(state)
is "bind_takes_several_and_loads_the_module" "$(status_of vf bind $vf0 $vf1 --owner nobody)" 0
is "both_are_on_vfio_pci" "$(pci_driver $vf0) $(pci_driver $vf1)" "vfio-pci vfio-pci"
is "the_owner_has_the_file" \
	"$(stat -c %U "/dev/vfio/$(pci_group $vf0)")" nobody
ok "an_unprivileged_user_can_open_it" setpriv --reuid nobody --clear-groups \
	bash -c ": <> /dev/vfio/$(pci_group $vf0)"
is "udev_is_told_the_owner" "$(vf owner-of "$(pci_group $vf0)")" nobody
is "binding_again_is_no_change" "$(status_of vf bind $vf0 $vf1) $(says)" \
	"0 nothing to change "
ip link set "$nic" vf 0 mac 52:54:00:aa:00:88 vlan 44
ip link set "$nic" vf 1 mac 52:54:00:aa:00:99 spoofchk off trust on
is "release_works" "$(status_of vf release $vf0 $vf1)" 0
is "everything_is_as_it_was_before_bind" "$(state)" "$before"

# Some process that has a VF open.
vf bind $vf0 > /dev/null
sleep 1000 <> "/dev/vfio/$(pci_group $vf0)" &
holder=$!
used="sleep \(pid $holder\)"
like "list_names_who_uses_it" "$(vf list)" "^$vf0 .*$used"
for width in 40 60 80 120; do
	is "in_${width}_columns_list_has_no_longer_line" \
		"$(COLUMNS=$width vf list | awk -v w=$width 'length > w')" ""
done
like "what_matters_most_is_left_in_60" "$(COLUMNS=60 vf list)" "^$vf0 .*vfio-pci .*sleep"
refused "release_names_the_holder" 1 "$used" vf release $vf0
refused "destroy_names_the_holder" 1 "$used" vf destroy $PF
refused "resize_names_the_holder" 1 "$used" vf resize $PF 5
is "the_vfs_are_still_there" "$(cat $pci_dir/$PF/sriov_numvfs) $(pci_driver $vf0)" \
	"2 vfio-pci"
kill "$holder"
wait "$holder" 2> /dev/null || true
vf release $vf0 > /dev/null

# Start a command and kill it some time after a file that matches is there; leaves in
# killed how often it had not ended by then.
kill_after() { # PATTERN SECONDS COMMAND...
	local pattern=$1 delay=$2 tool
	shift 2
	"$@" > /dev/null 2>&1 &
	tool=$!
	until compgen -G "$pattern" > /dev/null; do kill -0 $tool 2> /dev/null || break; done
	sleep "$delay"
	kill -KILL $tool 2> /dev/null && killed=$((killed + 1))
	wait $tool 2> /dev/null || true
}

# A tool that is killed at any time leaves what release needs.
killed=0
for delay in 0 0.02 0.04 0.05 0.06 0.08 0.1; do
	kill_after / $delay "$vf_tool" bind $vf0 $vf1
	vf release $vf0 $vf1 > /tmp/vf-says 2>&1 || break
	[ "$(state)" = "$before" ] || break
done
is "release_restores_after_sigkill_at_any_time" "$delay $(state)" "0.1 $before"
ok "some_were_killed_in_time" test $killed -ge 1

# So does one that makes another number of VFs: the next gives them what they had.
vf set $vf0 vlan=44 rate=70 trust=on > /dev/null
vf bind $vf0 > /dev/null
before=$(state)
killed=0
refused=0
for delay in 0 0.1 0.2 0.3 0.4 0.5; do
	kill_after "$records/*.kept.json" $delay "$vf_tool" resize $PF 3
	if grep -q '"vlan": 44' $records/*.kept.json 2> /dev/null; then
		[ "$(status_of vf create $PF 2)" = 1 ] || break
		grep -q '^hint: strait-vf resize' /tmp/vf-says || break
		refused=$((refused + 1))
	fi
	vf resize $PF 2 > /tmp/vf-says 2>&1 || break
	[ "$(state)" = "$before" ] || break
done
is "resize_restores_after_sigkill_at_any_time" "$delay $(state)" "0.5 $before"
ok "some_were_killed_half_way_and_no_others_made_instead" test $refused -ge 1
vf release $vf0 > /dev/null
vf set $vf0 vlan=0 rate=0 trust=off > /dev/null

# ---- a VF that the host uses ------------------------------------------------

vf destroy $PF > /dev/null
modprobe igbvf
is "with_probe_the_host_takes_vfs" \
	"$(status_of vf create $PF 1 --probe) $(pci_driver $vf0)" "0 igbvf"
vf_nic=$(pci_netdev $vf0)
vf set $vf0 mac=52:54:00:aa:00:10 > /dev/null
ip link set "$vf_nic" up
ip address add 10.9.9.9/24 dev "$vf_nic"
refused "an_interface_with_an_address_is_refused" 1 "$vf_nic" vf bind $vf0
refused "destroying_it_as_well" 1 "$vf_nic" vf destroy $PF
is "force_takes_it" "$(status_of vf bind $vf0 --force) $(pci_driver $vf0)" "0 vfio-pci"
like "and_says_what_that_breaks" "$(says)" "warning: $vf0: .*although.*$vf_nic"
vf release $vf0 > /dev/null
is "its_driver_has_it_again" "$(pci_binding $vf0)" "igbvf (null)"
is "with_the_mac_of_before" "$(cat "/sys/class/net/$(pci_netdev $vf0)/address") $(listed $vf0 mac)" \
	"52:54:00:aa:00:10 52:54:00:aa:00:10"
vf destroy $PF > /dev/null

# ---- plans ------------------------------------------------------------------

write_plan '"count": 2, "all": {"driver": "vfio-pci", "trust": true}, "vfs": [
	{"vf": 0, "mac": "52:54:00:aa:00:00"}, {"vf": 1, "vlan": 7}]'
is "plan_says_that_something_would_change" "$(status_of vf plan $plan)" 1
like "and_what" "$(says)" "$PF: count 0 -> 2 .*VF 0: mac 52:54:00:aa:00:00 .*VF 1: vlan 7"
is "and_changes_nothing" "$(cat $pci_dir/$PF/sriov_numvfs)" 0
is "apply_does_it" "$(status_of vf apply $plan)" 0
like "ip_shows_the_first" "$(ip_says 0)" '52:54:00:aa:00:00.*trust on'
like "ip_shows_the_second" "$(ip_says 1)" 'vlan 7,.*trust on'
is "both_are_bound" "$(pci_driver $vf0) $(pci_driver $vf1)" "vfio-pci vfio-pci"
is "applied_once_more_it_changes_nothing" "$(status_of vf apply $plan) $(says)" \
	"0 nothing to change "
is "plan_agrees" "$(status_of vf plan $plan)" 0
vf save > /tmp/saved.json
is "resize_keeps_what_stays" "$(status_of vf resize $PF 3) $(pci_driver $vf0) $(listed $vf0 mac)" \
	"0 vfio-pci 52:54:00:aa:00:00"
is "a_new_one_has_no_driver" "$(pci_driver 0000:01:10.4)" none
is "what_was_saved_is_restored" "$(status_of vf apply /tmp/saved.json)" 0
vf save > /tmp/saved-again.json
is "and_saves_the_same" "$(cat /tmp/saved-again.json)" "$(cat /tmp/saved.json)"

# All or nothing: igb has no RSS query, which shows when it is tried.
before=$(state)
write_plan '"count": 4, "vfs": [{"vf": 0, "mac": "52:54:00:aa:00:66"},
	{"vf": 2, "driver": "vfio-pci"}, {"vf": 3, "rss": true}]'
refused "a_failure_half_way_is_told" 3 'does not support rss' vf apply $plan
is "and_everything_is_as_it_was" "$(state)" "$before"
vf destroy $PF > /dev/null
refused "also_from_no_vfs_at_all" 3 'does not support rss' vf apply $plan
is "there_are_none_again" "$(cat $pci_dir/$PF/sriov_numvfs)" 0
ok "nor_any_record" test -z "$(ls $records)"

# ---- ended in the middle ----------------------------------------------------

write_plan '"count": 4, "all": {"trust": true, "driver": "vfio-pci"}'
"$vf_tool" apply $plan > /tmp/vf-says 2>&1 &
first=$!
until [ -e $pci_dir/$PF/virtfn0 ]; do kill -0 $first 2> /dev/null || break; done
kill -TERM $first
wait $first || true
like "sigterm_in_the_middle_is_a_failure" "$(says)" "error: interrupted"
is "which_leaves_all_as_it_was" \
	"$(cat $pci_dir/$PF/sriov_numvfs) $(ls $records)" "0 "

# ---- two at once ------------------------------------------------------------

"$vf_tool" create $PF 2 > /dev/null &
first=$!
until [ "$(cat "/run/strait/lock/$PF.lock" 2> /dev/null)" = $first ]; do
	kill -0 $first 2> /dev/null || break
done
kill -STOP $first
refused "the_second_says_who_is_at_work" 1 "strait-vf \(pid $first\)" \
	vf resize $PF 3 --wait 0
"$vf_tool" resize $PF 3 > /dev/null &
second=$!
kill -CONT $first
ok "the_first_ends_well" wait $first
ok "the_second_waits_for_it" wait $second
is "and_has_the_last_word" "$(cat $pci_dir/$PF/sriov_numvfs)" 3
vf destroy $PF > /dev/null

# ---- a PF without its driver -------------------------------------------------

echo $PF > $pci_dir/$PF/driver/unbind
refused "without_its_driver_no_pf_makes_vfs" 3 "$PF: it has no driver" vf create $PF 2
refused "and_its_interface_is_no_name_of_it" 3 "$nic: there is no such PF" \
	vf create "$nic" 2
echo $PF > /sys/bus/pci/drivers_probe
regain_pf

# ---- NVMe -------------------------------------------------------------------

disk=$(pci_find 1b36:0010)
make_nvme_vf "$disk" > /dev/null
is "a_pf_without_interface_is_listed" "$(listed "$disk" driver) $(listed "$disk" num_vfs)" "nvme 1"
refused "its_vf_has_no_mac" 3 'mac: it is set through a network interface' \
	vf set "$nvme_vf" mac=52:54:00:aa:00:00
is "its_vf_goes_to_any_driver" "$(status_of vf bind "$nvme_vf" nvme) $(pci_driver "$nvme_vf")" \
	"0 nvme"
is "where_its_name_is_listed" "$(listed "$nvme_vf" name)" "$(ls "$pci_dir/$nvme_vf/nvme")"
if [ "$LAB_KERNEL" = lab ]; then # Debian's has multipath: the PF has that disk as well
	node=/dev/$(ls "$pci_dir/$nvme_vf/nvme")n1
	for ((i = 0; i < 50; i++)); do [ ! -b "$node" ] || break; sleep 0.1; done
	mkdir -p /tmp/mounted
	mkfs.ext4 -q "$node"
	mount "$node" /tmp/mounted
	refused "a_mounted_disk_is_not_taken" 1 "$nvme_vf: .*mounted" vf bind "$nvme_vf"
	refused "nor_are_vfs_destroyed_with_one" 1 "$nvme_vf: .*mounted" vf destroy "$disk"
	is "which_leaves_it_mounted" \
		"$(pci_driver "$nvme_vf") $(grep -c " /tmp/mounted " /proc/mounts)" "nvme 1"
	umount /tmp/mounted
fi
is "and_back_to_none" "$(status_of vf release "$nvme_vf") $(pci_binding "$nvme_vf")" \
	"0 none (null)"
is "its_vfs_are_destroyed" "$(status_of vf destroy "$disk") $(cat "$pci_dir/$disk/sriov_numvfs")" \
	"0 0"

# ---- devlink ----------------------------------------------------------------

if [ "$LAB_KERNEL" = lab ]; then
	echo "1 1" > /sys/bus/netdevsim/new_device
	sim=netdevsim/netdevsim1
	is "set_changes_the_eswitch" "$(status_of vf set $sim eswitch=switchdev) $(says)" \
		"0 $sim: eswitch legacy -> switchdev "
	like "devlink_agrees" "$(devlink dev eswitch show $sim)" 'mode switchdev'
	devlink dev eswitch set $sim mode legacy
	is "what_it_is_already_is_no_change" "$(status_of vf set $sim eswitch=legacy) $(says)" \
		"0 nothing to change "
	refused "a_mode_that_is_none_gets_the_nearest" 2 'did you mean switchdev' \
		vf set $sim eswitch=swichdev
	echo 1 > /sys/bus/netdevsim/del_device
fi

done_testing
