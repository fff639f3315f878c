#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What strait-iommu says is what lspci and sysfs say, and its verdict is what `strait run`
# does, in the same words.
#
# lab-device: pcie-pci-bridge,id=shared
# lab-nic: n2
# lab-device: rtl8139,bus=shared,addr=1,netdev=n2
# lab-device: rtl8139,bus=shared,addr=2
set -eu
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

iommu=$(dirname "$STRAIT")/strait-iommu
script=/tmp/script
echo "#!/bin/sh" > $script
ulimit -l unlimited

# JSON is printed one member a line; L1 has nothing that reads it otherwise.
members() { # NAME; from stdin, its values without quotes
	sed -nE "s/^ *\"$1\": (.*[^,]),?$/\1/p" | sed 's/^"//; s/"$//'
}

# ---- list: lspci and sysfs ----

"$iommu" list > /tmp/list
"$iommu" list --json > /tmp/list.json
"$iommu" tree > /tmp/tree

listed() { # NAME...; of each function, a line
	local name
	for name; do members "$name" < /tmp/list.json > "/tmp/list.$name"; done
	paste -d ' ' "${@/#//tmp/list.}" | sort
}

is "it_lists_the_functions_of_lspci" "$(listed bdf vendor device)" \
	"$(lspci -Dn | sed -E 's/^([^ ]+) [^ ]+ ([0-9a-f]+):([0-9a-f]+).*/\1 \2 \3/')"

sysfs_drivers() {
	local path driver
	for path in "$pci_dir"/*; do
		driver=$(pci_driver "${path##*/}")
		echo "${path##*/} ${driver/#none/null}"
	done
}
is "with_the_drivers_of_sysfs" "$(listed bdf driver)" "$(sysfs_drivers)"

sysfs_groups() {
	local path
	for path in /sys/kernel/iommu_groups/*/devices/*; do
		echo "${path##*/} $(cut -d / -f 5 <<< "$path")"
	done | sort
}
table_groups() {
	awk 'NR > 1 { print $2, $1 }' /tmp/list | sort
}
is "in_the_groups_of_sysfs" "$(table_groups)" "$(sysfs_groups)"
# One that has no name is written in another way.
is "with_the_names_of_lspci" "$(listed name | grep -v Device | sort -u)" \
	"$(lspci -Dmm | sed -E 's/^[^"]*"[^"]*" "([^"]*)" "([^"]*)".*/\1 \2/' | grep -v Device | sort -u)"
like "and_the_iommu_that_translates" "$(cat /tmp/list)" '0000:01:00.0 .* VT-d dmar0 +DMA'

# ---- tree: ACS and links ----

port=$(basename "$(dirname "$(readlink -f "$pci_dir/$PF")")")
acs_of() { # BDF; the bits that lspci shows as on, as tree writes them
	lspci -vv -s "$1" | sed -n 's/^\s*ACSCtl://p' | grep -oE '[A-Za-z]+\+' |
		sed 's/SrcValid+/SV/; s/TransBlk+/TB/; s/ReqRedir+/RR/; s/CmpltRedir+/CR/; s/UpstreamFwd+/UF/; s/EgressCtrl+/EC/; s/DirectTrans+/DT/' |
		tr '\n' ' ' | sed 's/ $//'
}
row() { # BDF
	grep -F "$1" /tmp/tree
}
like "a_ports_acs_bits_are_those_of_lspci" "$(row "$port")" "  $(acs_of "$port")  "
like "links_are_those_of_sysfs" "$(row "$port")" \
	" $(sed -E 's/(\.0)? GT.*//' "$pci_dir/$port/current_link_speed") GT/s x$(cat "$pci_dir/$port/current_link_width") "

# ---- check: what strait run does ----

# The sentence of the first blocker, with the function before it as in an error.
blocker_of() { # BDF
	"$iommu" check --json "$1" | grep -B 1 -A 2 '"level": "blocker"' |
		members text | sed -n "1s/^/$1: /p"
}

refusal_of() { # BDF [OPTION...]
	"$STRAIT" run --cmdline panic=-1 --kernel $script --device "$@" 2>&1 < /dev/null |
		sed -n 's/^error: //p'
}

same_refusal() { # NAME BDF
	local status=0
	"$iommu" check "$2" > /tmp/check.out || status=$?
	is "$1" "$status: $(blocker_of "$2")" "1: $(refusal_of "$2")"
}

make_vfs 2 probe
vf=$(vf_bdf 0)
ok "a_vf_on_its_driver_can_be_assigned" "$iommu" check "$vf"
like "and_strait_run_gets_as_far_as_the_kernel" "$(refusal_of "$vf")" "^$script: "
same_refusal "a_pf_with_vfs_is_refused_alike" "$PF"
nic=$(pci_netdev "$vf")
ip link set "$nic" up
ip address add 10.0.2.40/24 dev "$nic"
same_refusal "so_is_a_vf_with_an_address" "$vf"
ip link set "$nic" down
same_refusal "and_a_bridge" "$port"

modprobe 8139cp
first=$(pci_find 10ec:8139 1) second=$(pci_find 10ec:8139 2)
# A driver that is built in does not come again to what was unbound before.
for bdf in "$first" "$second"; do echo "$bdf" > /sys/bus/pci/drivers_probe; done
same_refusal "and_one_of_a_group_that_is_not_viable" "$first"
like "why_tells_whose_fault_that_is" "$("$iommu" why "$first" 2>&1)" \
	'The IOMMU sees its DMA as that of 0000:'
ok "with_all_of_the_group_it_can_be_assigned" "$iommu" check "$first" "$second"
like "and_strait_run_takes_them" "$(refusal_of "$first" --device "$second")" "^$script: "
unload_driver 8139cp

if [ "$LAB_KERNEL" = stock ]; then
	modprobe -r vfio-pci
	same_refusal "and_all_without_vfio_pci" "$vf"
	modprobe vfio-pci
fi

bind_driver "$vf" vfio-pci
"$STRAIT" run --kernel "$GUEST_KERNEL" --initramfs "$GUEST_INITRAMFS" --serial null \
	--device "$vf" < /dev/null > /dev/null 2>&1 &
holder=$!
wait_for_vcpu "$holder"
like "a_group_that_is_held_names_its_holder" "$("$iommu" check "$vf" || true)" \
	"blocker .*process $holder \(strait\)"
kill "$holder"
wait "$holder" || true

# ---- without root ----

as_user=(setpriv --reuid 65534 --regid 65534 --clear-groups)
ok "it_lists_without_root" "${as_user[@]}" "$iommu" list
for command in graph "why $vf" "record -"; do
	# shellcheck disable=SC2086 # words
	ok "${command%% *}_works_too" "${as_user[@]}" "$iommu" $command
done
like "and_says_what_takes_root" "$("${as_user[@]}" "$iommu" tree 2>&1)" '^note: .*run it as root'
like "also_about_permission" "$("${as_user[@]}" "$iommu" check "$vf" || true)" ' permission '

# ---- records ----

"$iommu" record /tmp/machine.tar > /dev/null
for command in list tree "why $vf"; do
	# shellcheck disable=SC2086 # words
	is "a_record_has_the_same_${command%% *}" \
		"$("$iommu" $command --json --from /tmp/machine.tar | md5sum)" \
		"$("$iommu" $command --json | md5sum)"
done
# What is not about this process, its permissions and limits.
facts() { # WORD...
	("$iommu" check --memory 512M "$vf" "$PF" "$first" "$@" || true) |
		grep -E '^  [a-z]+ +(iommu|group|acs|interrupt-remapping|reserved-regions|driver|vfio-module|reset|bus-reset) '
}
is "and_the_same_reasons" "$(facts --from /tmp/machine.tar)" "$(facts)"
ok "nothing_is_left_behind" test -z "$(compgen -G '/tmp/strait-iommu.*')"

# ---- while functions come and go ----

come_and_go() {
	while :; do make_vfs 7; drop_vfs; done > /dev/null 2>&1
}

# Prints what went wrong: another status than those of its man page, or no reason.
read_meanwhile() {
	local i status
	for ((i = 0; i < 3; i++)); do
		for command in list tree "why $vf" "check $vf" "list --json" "record -"; do
			status=0
			# shellcheck disable=SC2086 # words
			timeout 20 "$iommu" $command > /tmp/out 2> /tmp/err || status=$?
			case $status in
			0) ;;
			1) [ "$command" = "check $vf" ] || echo "$command: $status" ;;
			3) grep -q "^error: $vf: " /tmp/err || cat /tmp/err ;;
			*) echo "$command: $status: $(cat /tmp/err)" ;;
			esac
		done
	done
}
drop_vfs
come_and_go &
changer=$!
is "functions_may_come_and_go_meanwhile" "$(read_meanwhile)" ""
kill "$changer"
wait "$changer" || true

done_testing
