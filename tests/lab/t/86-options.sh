#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# How devices get to the guest: which back end is chosen, two with peer-to-peer
# DMA (88-p2p.sh has the DMA itself), the token of a PF that VFIO itself owns,
# and what the start takes.
#
# lab-backends: container
set -eu
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

[ "$VMM" = strait ] || skip_all "the options are strait's"

# What the VMM has open of VFIO.
back_end_of() { # PID
	find "/proc/$1/fd" -lname '/dev/iommu' -printf 'iommufd\n' \
		-o -lname '/dev/vfio/vfio' -printf 'container\n' | sort -u
}

expected_back_end() {
	case $LAB_KERNEL,$VFIO_BACKEND in
	lab, | lab,iommufd) echo iommufd ;;
	*) echo container ;;
	esac
}

# shellcheck disable=SC2016 # it is for the guest
two=$(guest_script '. /lib.sh
for bdf in $(functions 8086:10ca); do
	use_net $bdf $bdf 10.0.2.30/24 '$ECHO_SERVER' 1
done')

make_vfs 2
first=$(vf_bdf 0) second=$(vf_bdf 1)
guest_start "lab.net=10.0.2.30/24 lab.end=hang" --device "$first"
guest_expect '^GUEST-NET eth' || true
is "the_back_end_is_the_expected_one" "$(back_end_of "$guest_pid")" \
	"$(expected_back_end)"
kill "$guest_pid"
guest_wait || true

status=0
guest_run "lab.mod=igbvf lab.cmd=$two" --initramfs $GUEST_FULL --timing \
	--vfio p2p=on --device "$first" --device "$second" -vv || status=$?
is "two_vfs_with_p2p_run" "$status" 0
is "both_move_data" "$(grep -c '^USED .* data=same' "$GUEST_CONSOLE")" 2
for phase in open prefault map reset boot; do
	like "timing_tells_the_time_of_$phase" "$(cat "$GUEST_ERRORS")" \
		"^timing: .*${phase}[ =:]+[0-9.]+ ?ms"
done

like "the_choice_of_back_end_is_said" "$(cat "$GUEST_ERRORS")" \
	"using (the )?$(expected_back_end): "
if [ "$(expected_back_end)" = iommufd ]; then
	like "guest_ram_is_mapped_by_its_file" "$(cat "$GUEST_ERRORS")" \
		'guest RAM is mapped by its file'
else
	skip "guest_ram_is_mapped_by_its_file" "a container maps addresses"
fi

# The PF goes to one guest and its VF to another, which has to know the secret.
free_pf
token=$(cat /proc/sys/kernel/random/uuid)
echo 1 > /sys/module/vfio_pci/parameters/enable_sriov
guest_start "lab.mod=igb lab.end=hang lab.cmd=$(guest_script 'echo UP')" \
	--initramfs $GUEST_FULL --device "$PF,vf-token=$token"
guest_expect '^UP' || true
pf_guest=$guest_pid
guest_pid=""
echo 1 > "$pci_dir/$PF/sriov_numvfs"
vf=$(vf_bdf 0)
GUEST_CONSOLE=/tmp/guest-console-2 GUEST_ERRORS=/tmp/guest-errors-2
status=0
guest_run "" --device "$vf" || status=$?
is "without_the_token_a_vf_is_refused" "$status" 3
like "and_the_hint_names_the_key" "$(cat "$GUEST_ERRORS")" '^hint: .*vf-token='
status=0
# shellcheck disable=SC2016 # it is for the guest
guest_run "lab.cmd=$(guest_script '. /lib.sh; echo FOUND $(functions 8086:10ca)')" \
	--initramfs $GUEST_FULL --device "$vf,vf-token=$token" || status=$?
is "with_the_token_a_guest_gets_it" \
	"$status $(console_value FOUND | wc -w)" "0 1"
echo 0 > "$pci_dir/$PF/sriov_numvfs"
guest_pid=$pf_guest
kill "$guest_pid"
guest_wait || true
is "the_pf_goes_back_to_its_driver" "$(pci_driver "$PF")" igb
regain_pf

done_testing
