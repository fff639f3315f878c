#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What bash offers after a beginning of a command line.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../../tools/completion/strait-iommu
. tools/completion/strait-iommu

mkdir -p "$tmp/r/sys/bus/pci/devices/0000:3b:00.0" "$tmp/r/sys/bus/pci/devices/0000:3b:00.1" \
	"$tmp/r/sys/bus/pci/devices/0000:40:00.0"

offered() { # LINE
	COMP_LINE=$1
	COMP_POINT=${#1}
	COMPREPLY=()
	_strait_iommu
	echo "${COMPREPLY[*]}"
}

is "commands_are_offered" "$(offered 'strait-iommu ')" \
	"list check tree graph why record --help --version"
is "a_command_is_completed" "$(offered 'strait-iommu wh')" why
is "options_are_those_of_the_command" "$(offered 'strait-iommu check --m')" --memory
is "and_of_no_other" "$(offered 'strait-iommu list --m')" ""
is "formats_are_offered" "$(offered 'strait-iommu graph --format ')" "dot svg"
is "functions_are_offered" "$(offered "strait-iommu check --from $tmp/r ")" \
	"0000:3b:00.0 0000:3b:00.1 0000:40:00.0"
# bash replaces what follows the last colon.
is "a_function_is_completed_from_the_colon_on" \
	"$(offered "strait-iommu why --from=$tmp/r 0000:3b:0")" "00.0 00.1"

# ---- strait hands on to the tools ----

# In a shell that has no other completion: it has to find the tools' by itself.
after_strait() { # LINE
	bash -c '. tools/completion/strait
		COMP_LINE=$1 COMP_POINT=${#1} COMPREPLY=()
		_strait
		echo "${COMPREPLY[*]}"' - "$1"
}

is "commands_of_strait_are_offered" "$(after_strait 'strait ')" \
	"run devices screenshot vf iommu --help --version"
is "one_is_completed" "$(after_strait 'strait i')" iommu
is "options_of_run_are_completed" "$(after_strait 'strait run --kernel x --mem')" --memory
is "values_of_run_are_completed_from_the_equals_sign_on" \
	"$(after_strait 'strait run --vfio backend=i')" iommufd
# "OPTION KEY" lines: what `strait devices` lists, and what it lists and the input has not.
keys_of_devices() {
	"$STRAIT_BUILD/strait" devices |
		awk '/^    --/ { option = $1 } /^      / { sub(/=.*/, "", $1); print option, $1 }'
}
missing_keys() { comm -23 <(keys_of_devices | sort -u) <(sort -u); }

is "keys_of_run_are_completed_after_a_comma" "$(after_strait 'strait run --console socket=a,fi')" \
	"a,file="
is "values_of_later_keys_are_completed" "$(after_strait 'strait run --disk path=a,format=q')" qcow2
is "files_of_keys_are_completed" "$(after_strait "strait run --disk readonly=on,path=$tmp/r/s")" \
	"$tmp/r/sys"
is "all_keys_of_devices_are_offered" "$(for option in $(keys_of_devices | sed 's/ .*//' | sort -u); do
	after_strait "strait run $option " | tr ' ' '\n' | sed "s/=.*//; s/^/$option /"
done | missing_keys)" ""
is "all_keys_of_devices_are_in_the_man_page" "$(sed 's/\\//g' docs/strait.1 |
	awk '/^\.It Fl -/ { option = "-" $3 } /^\.It Cm .* = / { print option, $3 }' |
	missing_keys)" ""
is "commands_of_iommu_are_offered" "$(after_strait 'strait iommu ')" "$(offered 'strait-iommu ')"
is "options_of_iommu_are_those_of_the_command" "$(after_strait 'strait iommu graph --f')" \
	"--from --format"
is "functions_of_iommu_are_completed" \
	"$(after_strait "strait iommu why --from=$tmp/r 0000:3b:0")" "00.0 00.1"
is "commands_of_vf_are_offered" "$(after_strait 'build/obj/strait  vf ')" \
	"list create resize destroy set bind release plan apply save owner-of --help --version"
is "options_of_vf_are_those_of_the_command" "$(after_strait 'strait vf apply --dev')" --device-wait
# What the help of run has and the completion has not, or the other way round.
help_of_run() {
	"$STRAIT_BUILD/strait" run --help | grep -oE '^ +(-., )?--[a-z-]+' | grep -oE -- '--.*' | sort
}
is "all_options_of_run_are_offered" "$(after_strait 'strait run --' | tr ' ' '\n' | sort)" \
	"$(help_of_run)"
is "all_options_of_run_are_in_the_man_page" \
	"$(sed -nE 's/\\//g; s/^\.It Fl ([a-z] , )?-([a-z-]+).*/--\2/p' docs/strait.1 | sort -u)" \
	"$(help_of_run)"

# ---- strait-vf ----

# shellcheck source=../../tools/completion/strait-vf
. tools/completion/strait-vf

_strait_vf_sys=$tmp/sys
_strait_vf_dev=$tmp/dev
mkdir -p "$tmp/sys/bus/pci/devices/0000:01:00.0/net/eth0" \
	"$tmp/sys/bus/pci/devices/0000:01:10.0/physfn" "$tmp/dev/vfio/devices"
touch "$tmp/sys/bus/pci/devices/0000:01:00.0/sriov_totalvfs" "$tmp/dev/vfio/vfio" \
	"$tmp/dev/vfio/11" "$tmp/dev/vfio/devices/vfio0"

offered_vf() { # LINE
	COMP_LINE=$1
	COMP_POINT=${#1}
	COMPREPLY=()
	_strait_vf
	echo "${COMPREPLY[*]}"
}

is "set_offers_vfs_and_pfs" "$(offered_vf 'strait-vf set ')" "0000:01:10.0 0000:01:00.0 eth0"
is "bind_offers_vfs_alone" "$(offered_vf 'strait-vf bind ')" "0000:01:10.0"
is "create_offers_pfs_alone" "$(offered_vf 'strait-vf create ')" "0000:01:00.0 eth0"
is "owner_of_is_a_command" "$(offered_vf 'strait-vf ow')" owner-of
is "owner_of_offers_files_of_vfio" "$(offered_vf 'strait-vf owner-of ')" "11 vfio0"

done_testing
