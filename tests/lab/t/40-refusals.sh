#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Each thing that cannot work is refused before the guest starts: one sentence
# with the thing and the cause, one hint that helps, a status that tells the
# kind, and a host that is as it was.
#
# Two functions that share an IOMMU group, because a bridge to conventional PCI
# does not tell their DMA apart:
# lab-device: pcie-pci-bridge,id=shared
# lab-nic: n2
# lab-device: rtl8139,bus=shared,addr=1,netdev=n2
# lab-device: rtl8139,bus=shared,addr=2
set -eu
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

nobody=65534
script=/tmp/script # two files that are no kernels
half=/tmp/half
big=/tmp/big
# The lab kernel is content with half of what Debian's needs.
too_small=64M
[ "$LAB_KERNEL" = stock ] || too_small=32M

# What strait may have touched: bindings, overrides, processes.
host_state() {
	printf '%s\n' /sys/bus/pci/drivers/*/*:*
	grep . "$pci_dir"/*/driver_override
	pgrep -x strait || true
}

# Prints what is wrong, if anything, with the way in which `strait run` refuses.
check_refusal() { # STATUS ERROR-ERE HINT-ERE COMMAND...
	local status=0 want=$1 error=$2 hint=$3 before
	shift 3
	before=$(host_state)
	timeout 100 "$@" < /dev/null > /dev/null 2> "$GUEST_ERRORS" || status=$?
	[ "$status" = "$want" ] || echo "status $status instead of $want"
	[ "$(grep -c '^error: ' "$GUEST_ERRORS")" = 1 ] || echo "not one error"
	[ "$(grep -c '^hint: ' "$GUEST_ERRORS")" = 1 ] || echo "not one hint"
	grep -qE "^error: $error" "$GUEST_ERRORS" || echo "want the error: $error"
	grep -qE "^hint: .*$hint" "$GUEST_ERRORS" || echo "want the hint: $hint"
	diff <(echo "$before") <(host_state) || echo "the host has changed"
}

refused() { # NAME STATUS ERROR-ERE HINT-ERE OPTION...
	local name=$1 status=$2 error=$3 hint=$4
	shift 4
	refused_by "$name" "$status" "$error" "$hint" "$STRAIT" run \
		--cmdline panic=-1 "$@"
}

refused_by() { # NAME STATUS ERROR-ERE HINT-ERE COMMAND...
	local name=$1
	: > "$GUEST_CONSOLE"
	shift
	is "$name" "$(check_refusal "$@")" ""
}

ulimit -l unlimited
as_user=(setpriv --reuid "$nobody" --regid "$nobody" --clear-groups)
kernel=(--kernel "$GUEST_KERNEL")
kernel_ere=${GUEST_KERNEL//+/.}
run=("${kernel[@]}" --initramfs "$GUEST_INITRAMFS")

# ---- usage: status 2 ----

refused "an_unknown_option_gets_the_nearest" 2 'unknown option --memry' \
	'did you mean --memory\?' "${run[@]}" --memry size=64M
refused "an_unknown_key_gets_the_nearest" 2 '--memory: unknown key "siz"' \
	'did you mean size=\?' "${run[@]}" --memory siz=64M
refused "a_malformed_size_is_refused" 2 '--memory size=12Q: not a size' \
	'size=512M' "${run[@]}" --memory size=12Q
refused "a_malformed_address_is_refused" 2 '--device 01:10: not a PCI address' \
	'0000:3b:10.0' "${run[@]}" --device 01:10
refused "a_missing_kernel_option_is_refused" 2 '--kernel is missing' \
	'--kernel /boot/vmlinuz' --memory size=64M

# ---- files and memory ----

make_vfs 1 probe
vf=$(vf_bdf 0)

refused "a_kernel_that_is_not_there_is_refused" 3 \
	'/none: .*No such file or directory \(ENOENT\)' . \
	--kernel /none --device "$vf"
echo "#!/bin/sh" > $script
refused "a_script_is_no_kernel" 3 "$script: " . --kernel $script --device "$vf"
head -c 5000000 "$GUEST_KERNEL" > $half
refused "half_a_kernel_is_refused" 3 "$half: .*truncated" . \
	--kernel $half --device "$vf"
refused "an_initramfs_that_is_not_there_is_refused" 3 \
	'/none: .*No such file or directory \(ENOENT\)' . \
	"${kernel[@]}" --initramfs /none --device "$vf"
truncate -s 200M $big
refused "an_initramfs_larger_than_memory_is_refused" 3 "$big: " \
	'--memory' "${kernel[@]}" --initramfs $big --memory size=160M \
	--device "$vf"
refused "a_guest_too_small_for_its_kernel_is_refused" 3 "$kernel_ere: needs [0-9]+ MiB" \
	'--memory' "${run[@]}" --memory size=$too_small --device "$vf"
refused_by "a_command_line_too_long_is_refused" 3 '--cmdline: .*2047' . \
	"$STRAIT" run "${run[@]}" --device "$vf" \
	--cmdline "$(head -c 3000 /dev/zero | tr '\0' x)"
refused "more_memory_than_the_host_has_is_refused" 3 \
	'--memory: 65536 MiB are wanted, and the host has [0-9]+ MiB' \
	'--memory size=' "${run[@]}" --memory size=64G --device "$vf"
refused "huge_pages_that_are_not_there_are_refused" 3 \
	'--memory: .*huge pages' 'nr_hugepages' \
	"${run[@]}" --memory size=512M,hugepages=on --device "$vf"

# ---- functions ----

refused "a_vf_that_is_not_made_is_explained" 3 \
	'0000:01:10.2: there is no such PCI function' \
	"it would be VF 1 of $PF.*echo 2 > .*sriov_numvfs" \
	"${run[@]}" --device 0000:01:10.2
refused "a_function_that_is_not_there_is_refused" 3 \
	'0000:77:00.0: there is no such PCI function' 'lspci -D' \
	"${run[@]}" --device 77:00.0
refused "a_pf_with_vfs_is_refused" 3 "$PF: it has 1 VFs" \
	"assign a VF \($vf\).*echo 0 > .*sriov_numvfs" "${run[@]}" --device "$PF"
refused "a_bridge_is_refused" 3 '0000:00:03.0: it is a bridge' 'lspci -Dt' \
	"${run[@]}" --device 0000:00:03.0
refused "a_vf_on_its_driver_with_managed=off_is_refused" 3 \
	"$vf: it is bound to igbvf, not vfio-pci" 'leave out managed=off' \
	"${run[@]}" --device "$vf,managed=off"
nic=$(pci_netdev "$vf")
ip link set "$nic" up
ip address add 10.0.2.40/24 dev "$nic"
refused "a_vf_that_the_host_uses_is_refused" 3 \
	"$vf: its interface $nic is up with address 10.0.2.40" \
	"ip link set $nic down" "${run[@]}" --device "$vf"
ip link set "$nic" down
drop_vfs
refused "a_pf_that_the_host_uses_is_refused" 3 \
	"$PF: its interface .* is up with address 10.0.2.15" \
	'ip link set .* down' "${run[@]}" --device "$PF"

# ---- groups ----

modprobe 8139cp
first=$(lspci -D -d 10ec:8139 | sed -n '1s/ .*//p')
second=$(lspci -D -d 10ec:8139 | sed -n '2s/ .*//p')
refused "a_group_that_is_not_viable_names_the_others" 3 \
	"$first: its IOMMU group [0-9]+ is not viable.*: $second \(8139cp\)$" \
	"free it: echo $second > /sys/bus/pci/devices/$second/driver/unbind" \
	"${run[@]}" --device "$first"
bash -c "$(sed -n 's/^hint: free it: //p' "$GUEST_ERRORS")"
is "the_hint_frees_the_group" "$(pci_driver "$second")" none
refused "then_the_group_is_no_obstacle" 3 "$script: " . \
	--kernel $script --device "$first"
refused "all_of_a_group_together_are_no_obstacle" 3 "$script: " . \
	--kernel $script --device "$first" --device "$second"
unload_driver 8139cp

# ---- VFIO and KVM themselves ----

make_vfs 1
if [ "$LAB_KERNEL" = stock ]; then
	modprobe -r vfio-pci
	refused "a_module_that_is_not_loaded_is_named" 3 \
		"$vf: the vfio-pci driver is not loaded" 'modprobe vfio-pci' \
		"${run[@]}" --device "$vf"
	modprobe vfio-pci
else
	skip "a_module_that_is_not_loaded_is_named" "vfio-pci is built in"
	# What follows is about groups.
	run+=(--vfio backend=container)
fi
mv /dev/kvm /dev/no-kvm
refused "a_host_without_kvm_is_refused" 3 '/dev/kvm: .*\(ENOENT\)' \
	'load kvm_intel or kvm_amd' "${run[@]}"
mv /dev/no-kvm /dev/kvm

bind_driver "$vf" vfio-pci
group=/dev/vfio/$(pci_group "$vf")
chmod 600 /dev/kvm
refused_by "a_user_without_kvm_is_refused" 3 \
	'/dev/kvm: .*Permission denied \(EACCES\)' 'kvm' \
	"${as_user[@]}" "$STRAIT" run "${run[@]}"
chmod 666 /dev/kvm
refused_by "a_user_without_the_group_is_refused" 3 \
	"$vf: $group: open: Permission denied \(EACCES\)" "chown .* $group" \
	"${as_user[@]}" "$STRAIT" run "${run[@]}" --device "$vf"
chown $nobody "$group"
refused_by "too_little_lockable_memory_is_refused" 3 \
	'.*512 MiB has to be locked.*RLIMIT_MEMLOCK allows 8 MiB' 'ulimit -l' \
	prlimit --memlock=8388608 "${as_user[@]}" "$STRAIT" run "${run[@]}" \
	--device "$vf"

"${as_user[@]}" "$STRAIT" run "${run[@]}" --serial null --device "$vf" \
	< /dev/null &
holder=$!
ok "a_user_with_both_runs_a_guest" wait_for_vcpu "$holder"
refused "a_group_that_is_busy_names_its_holder" 3 \
	"$vf: its IOMMU group is in use by process $holder \(strait\), .*$group" \
	'end that process' "${run[@]}" --device "$vf"
kill "$holder"
wait "$holder" || true

done_testing
