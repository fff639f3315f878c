#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What strait-iommu says of machines that tests/lab/record-all recorded.
# shellcheck disable=SC2016 # expressions are for perl

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# Each is unpacked once.
for file in "$records"/*.tar.xz; do
	dir=$tmp/$(basename "$file" .tar.xz)
	mkdir "$dir"
	"$iommu" record - --from "$file" 2> /dev/null | tar -xf - -C "$dir"
done

from() { # RECORD COMMAND...; runs it on a record
	local dir=$tmp/$1
	shift
	run "$iommu" "$@" --from "$dir"
}

# "STATUS: blockers and warnings, by id" of one function.
verdict() { # RECORD BDF
	from "$1" check --json "$2"
	echo "$status:" "$(json 'join " ", map { "$_->{level}=$_->{id}" }
		grep { $_->{level} =~ /blocker|warning/ } @{$_->{functions}[0]{findings}}')"
}

finding() { # ID; of the function of the last verdict, "level: text"
	json 'join "\n", map { "$_->{level}: $_->{text}" }
		grep { $_->{id} eq "'"$1"'" } @{$_->{functions}[0]{findings}}'
}

gaps() { # RECORD BDF; of each hop, "BDF gap" and a star if it is in the group
	from "$1" why --json "$2"
	json 'join "\n", map { "$_->{bdf} $_->{gap}" . ($_->{in_group} ? " *" : "") } @{$_->{hops}}'
}

members() { # RECORD BDF
	from "$1" why --json "$2"
	json 'join " ", @{$_->{members}}'
}

# ---- all of them: every command works, tables and JSON agree, rules agree with the kernel ----

addresses='[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]'

all_agree() { # RECORD; prints what is wrong
	local bdf bdfs dir=$tmp/$1
	bdfs=$(ls "$dir/sys/bus/pci/devices")
	run "$iommu" list --from "$dir"
	[ "$(grep -oE "^ *[0-9]* *-? *$addresses" <<< "$out" | grep -oE "$addresses" | sort)" = "$bdfs" ] ||
		echo "list has other functions: $out"
	run "$iommu" list --json --from "$dir"
	[ "$(json 'join "\n", sort map { map { $_->{bdf} } @{$_->{functions}} } @{$_->{groups}}')" = "$bdfs" ] ||
		echo "list --json has other functions"
	run "$iommu" tree --from "$dir"
	[ "$(grep -oE "$addresses" <<< "$out" | sort)" = "$bdfs" ] ||
		echo "tree has other functions: $out"
	run "$iommu" graph --from "$dir"
	[ "$(grep -oE "^.\"$addresses\" .label" <<< "$out" | grep -oE "$addresses" | sort)" = "$bdfs" ] ||
		echo "graph has other functions"
	# shellcheck disable=SC2086 # words
	run "$iommu" check --json --from "$dir" $bdfs
	[ "$status" -le 1 ] && [ "$(json 'scalar @{$_->{functions}}')" = "$(wc -w <<< "$bdfs")" ] ||
		echo "check does not tell of all: $err"
	# Those on bus 0 are much the same everywhere.
	# shellcheck disable=SC2013 # addresses have no blanks
	for bdf in $(grep -v 0000:00: <<< "$bdfs"); do
		run "$iommu" why --json --from "$dir" "$bdf"
		[ "$status" = 0 ] || echo "why $bdf: $err"
		! grep -E '"(quirk|wider|unknown)": true|"acs_override": "' <<< "$out" ||
			echo "why $bdf: the group is not as the rules say"
	done
}

for file in "$records"/*.tar.xz; do
	name=$(basename "$file" .tar.xz)
	is "all_of_${name//-/_}_can_be_looked_at" "$(all_agree "$name")" ""
done
is "nothing_is_left_unpacked" "$(ls -A "$TMPDIR")" ""

# ---- flat ----

is "a_nic_of_its_own_can_be_assigned" "$(verdict flat 01:00.0)" "0: "
like "its_iommu_is_named" "$(finding iommu)" 'ok: dmar0'
like "interrupts_are_remapped" "$(finding interrupt-remapping)" 'ok: the host remaps'
like "a_record_knows_no_permissions" "$(finding permission)" '^unknown: '
is "a_root_port_with_acs_isolates" "$(gaps flat 01:00.0)" "0000:01:00.0 none *
0000:00:03.0 none"
is "functions_of_the_chipset_share_a_group" "$(members flat 00:1f.2)" \
	"0000:00:1f.0 0000:00:1f.2 0000:00:1f.3"
is "because_no_acs_keeps_them_apart" "$(gaps flat 00:1f.2)" "0000:00:1f.2 multifunction *"
like "a_disk_that_is_mounted_is_not_assigned" "$(verdict flat 00:01.0)" '^1: .*blocker=in-use'
like "and_the_disk_is_named" "$(finding in-use)" 'blocker: its disk vda is mounted on /'
is "a_bridge_is_not_assigned" "$(verdict flat 00:03.0)" "1: blocker=driver warning=reset"

# ---- switch ----

is "a_port_without_acs_takes_what_is_below_into_its_group" \
	"$(gaps switch-no-acs 04:00.0)" "0000:04:00.0 none *
0000:03:00.0 no-acs *
0000:02:00.0 none
0000:00:07.0 none"
is "which_does_not_block_while_no_driver_is_in_it_but_pcieport" \
	"$(verdict switch-no-acs 04:00.0)" "0: "
from switch-no-acs tree
like "the_tree_shows_which_port_it_is" "$out" '0000:03:00.0 .* downstream port +none'

# ---- functions of one slot ----

is "functions_of_a_slot_are_together" "$(members multifunction 02:00.1)" \
	"0000:02:00.0 0000:02:00.1"
is "for_want_of_acs" "$(gaps multifunction 02:00.1)" "0000:02:00.1 multifunction *
0000:00:07.0 none"
is "below_a_port_without_acs_the_port_is_with_them" "$(members port-no-acs 02:00.0)" \
	"0000:00:07.0 0000:02:00.0 0000:02:00.1"

# ---- conventional PCI ----

from conventional-pci why --json 02:01.0
is "the_iommu_sees_the_bridge" "$(json '$_->{alias}')" "$(json '$_->{hops}[1]{bdf}')"
is "all_behind_it_are_one_group" "$(json 'join " ", @{$_->{members}}')" \
	"$(json '$_->{hops}[1]{bdf}') 0000:02:01.0 0000:02:02.0"
from conventional-pci why 02:01.0
like "which_is_told_in_a_sentence" "$out" "The IOMMU sees its DMA as that of 0000:.*, a bridge"

# ---- VFs ----

from igb-vfs list --json
is "vfs_have_groups_of_their_own" "$(json 'join " ", map { scalar @{$_->{functions}} }
	grep { $_->{functions}[0]{pf} } @{$_->{groups}}')" "1 1 1"
is "and_their_pf" "$(json 'join " ", map { $_->{pf} // () } map { @{$_->{functions}} } @{$_->{groups}}')" \
	"0000:01:00.0 0000:01:00.0 0000:01:00.0"
is "a_vf_can_be_assigned" "$(verdict igb-vfs 01:10.0)" "0: "
is "one_on_vfio_pci_as_well" "$(verdict igb-vfs 01:10.2)" "0: "
like "and_that_is_said" "$(finding driver)" 'vfio-pci'
like "their_pf_cannot" "$(verdict igb-vfs 01:00.0)" '^1: blocker=in-use blocker=in-use'
like "because_it_has_vfs" "$(finding in-use)" 'blocker: it has 3 VFs'
like "and_an_address" "$(finding in-use)" 'blocker: its interface eth0 is up with address'
unlike "of_which_the_record_does_not_say_more" "$(grep -r 10.0.2.15 "$tmp/igb-vfs")" .
from igb-vfs check 01:10.6
is "a_vf_that_is_not_made_is_an_error" "$status" 3
like "with_the_way_to_make_it" "$err" '^hint: it would be VF 3 of 0000:01:00.0.*echo 4 >'
is "an_nvme_vf_can_be_assigned" "$(verdict nvme-vfs 02:00.1)" "0: "
is "its_pf_cannot" "$(verdict nvme-vfs 02:00.0)" "1: blocker=in-use"

# ---- without an IOMMU ----

like "an_iommu_that_is_off_is_the_reason" "$(verdict iommu-off 01:00.0)" '^1: blocker=iommu'
like "and_the_word_is_named" "$(finding iommu)" 'switched off by intel_iommu=off'
like "one_that_is_not_there_is_told_apart" "$(verdict no-iommu 01:00.0; finding iommu)" \
	'blocker: this machine shows no IOMMU'
from iommu-off list
like "the_list_says_where_to_ask" "$err" '^note: there are no IOMMU groups'
like "functions_are_listed_all_the_same" "$out" '0000:01:00.0 '
from iommu-off why 01:00.0
like "why_says_it_too" "$out" 'It is in no IOMMU group'
unlike "where_nothing_is_a_member" "$out" 'MEMBER'
like "and_no_boundary_is" "$out" 'the boundary of its group would be above 0000:00:03.0'
from iommu-off why --json 01:00.0
is "also_in_json" "$(json 'scalar grep { $_->{in_group} } @{$_->{hops}}')" 0

# ---- AMD ----

from amd list
like "amd_iommus_are_named" "$out" '0000:01:00.0 .* AMD-Vi ivhd0 '
is "and_translate" "$(verdict amd 01:00.0)" "0: "

# ---- what no emulated host can be: records with changes ----

changed() { # RECORD NAME; a copy, leaves its directory in copy
	copy=$tmp/$2
	cp -a "$tmp/$1" "$copy"
}

# The function is alone in group 99, though the hardware does not warrant that.
split_off() { # BDF
	local path members=$copy/sys/kernel/iommu_groups
	path=$(readlink -f "$copy/sys/bus/pci/devices/$1")
	rm "$members/$(basename "$(readlink "$path/iommu_group")")/devices/$1"
	ln -sfn ../../../../kernel/iommu_groups/99 "$path/iommu_group"
	mkdir -p "$members/99/devices"
	ln -sfn "../../../../${path#"$copy/sys/"}" "$members/99/devices/$1"
}

changed multifunction override
split_off 0000:02:00.1
echo "intel_iommu=on pcie_acs_override=downstream,multifunction" > "$copy/proc/cmdline"
from override why --json 02:00.1
is "an_acs_override_is_seen_through" "$(json '$_->{acs_override}')" \
	pcie_acs_override=downstream,multifunction
from override why 02:00.1
like "and_told_to_isolate_nothing" "$out" 'because of pcie_acs_override=.*isolates nothing'
like "it_is_a_warning_of_check" "$(verdict override 02:00.1)" '^0: .*warning=acs'

changed multifunction quirk
split_off 0000:02:00.1
from quirk why --json 02:00.1
is "a_quirk_of_the_kernels_is_told_apart" "$(json '$_->{quirk} . " " . ($_->{acs_override} // "none")')" \
	"1 none"

changed flat user
find "$copy/sys/devices" -name config -exec truncate -s 64 {} +
from user tree
like "without_root_acs_is_unknown" "$out" '0000:00:03.0 .* bridge +\?'
like "and_a_note_says_so" "$err" '^note: config space of 11 functions cannot be read'
from user why --json 01:00.0
is "why_says_it_of_each_hop" "$(json 'join " ", $_->{unknown} ? 1 : 0, map { $_->{gap} } @{$_->{hops}}')" \
	"1 none unknown"
is "and_check_does_not_pretend" "$(verdict user 01:00.0; finding acs | cut -d : -f 1)" "0: 
unknown"

changed flat unplugged
gone=$(readlink -f "$copy/sys/bus/pci/devices/0000:01:00.0")
rm "$gone/vendor" "$gone/config"
from unplugged list
is "one_that_goes_away_is_left_out" "$status $(grep -c 01:00.0 <<< "$out")" "0 0"
from unplugged check 01:00.0
is "asking_for_it_is_an_error" "$status" 3
like "that_names_it" "$err" '^error: 0000:01:00.0: '

changed flat noremap
for file in "$copy"/sys/kernel/irq/*/chip_name; do
	sed -i 's/^IR-//' "$file"
done
sed -i 's/IR-//' "$copy/proc/interrupts"
like "no_interrupt_remapping_is_a_blocker" "$(verdict noremap 01:00.0)" \
	'^1: blocker=interrupt-remapping'

changed flat novfio
rm -r "$copy/sys/bus/pci/drivers/vfio-pci"
like "no_vfio_pci_is_a_blocker" "$(verdict novfio 01:00.0)" '^1: blocker=vfio-module'

changed flat screen
echo 1 > "$(readlink -f "$copy/sys/bus/pci/devices/0000:01:00.0")/boot_vga"
sed -i s/0x020000/0x030000/ "$(readlink -f "$copy/sys/bus/pci/devices/0000:01:00.0")/class"
like "the_screen_of_the_host_is_told" "$(verdict screen 01:00.0; finding boot-vga)" '^0: warning=boot-vga'

# Both NICs behind the bridge on a driver of the host.
changed conventional-pci taken
mkdir -p "$copy/sys/bus/pci/drivers/8139cp"
for nic in 0000:02:01.0 0000:02:02.0; do
	ln -sfn ../../../../bus/pci/drivers/8139cp "$(readlink -f "$copy/sys/bus/pci/devices/$nic")/driver"
done
like "one_of_a_group_on_host_drivers_cannot_be_assigned" "$(verdict taken 02:01.0)" "^1: blocker=group"
from taken check 02:01.0 02:02.0
is "all_of_it_can" "$status" 0
like "which_the_group_says" "$out" ' group .* but those to be assigned with it \(1\)'
like "and_what_a_reset_of_the_bus_hits" "$out" ' bus-reset .* hits only what is to be assigned'

changed igb-vfs no-fact
find "$copy/sys" -name strait-has-address -delete
like "a_tree_that_says_nothing_of_addresses_leaves_it_open" \
	"$(verdict no-fact 01:00.0; finding in-use)" '^unknown: whether its interface eth0'

changed flat nonsense
echo nonsense > "$(readlink -f "$copy/sys/bus/pci/devices/0000:01:00.0")/device"
from nonsense check 01:00.0
is "nonsense_in_a_record_is_no_bad_usage" "$status" 3

# Taken for 0, as atoi does, it would be alone in a group that it is not in.
changed igb-vfs nogroup
ln -sfn ../../../../kernel/iommu_groups/4294967296 \
	"$(readlink -f "$copy/sys/bus/pci/devices/0000:01:10.0")/iommu_group"
is "a_group_that_is_no_number_is_none" "$(verdict nogroup 01:10.0)" "1: blocker=group"

# Intel's VMD has functions behind it in domains of its own, from 10000 on.
changed flat vmd
disk=$copy/sys/devices/pci0000:00/0000:00:0e.0/pci10000:e0/10000:e1:00.0
mkdir -p "$disk"
for file in vendor:0x8086 device:0x0a54 class:0x010802; do
	echo "${file#*:}" > "$disk/${file%:*}"
done
ln -s "../../../${disk#"$copy/sys/"}" "$copy/sys/bus/pci/devices/10000:e1:00.0"
from vmd list
like "a_function_behind_vmd_is_listed" "$out" '^ +- +10000:e1:00.0 .* 10000:e1:00.0$'
from vmd why 10000:e1:00.0
is "and_can_be_asked_for" "$status $(grep -c ^10000:e1:00.0 <<< "$out")" "0 1"

changed flat numa
echo 1 > "$copy/sys/devices/pci0000:00/0000:00:03.0/numa_node"
from numa list
like "a_node_is_shown_for_all_below_its_root_port" "$out" '0000:01:00.0 .* 1 +VT-d dmar0 +DMA'
like "in_a_column_that_is_there_only_then" "$out" ' NUMA '

# Colours alternate by group: what follows the address has that of its row.
run "$iommu" tree --color always --from "$tmp/conventional-pci"
colour() { sed -n "s/.*\(\x1b\[3[0-9]m\)[^\x1b]*0000:$1.*/\1/p" <<< "$out"; }
is "what_is_in_one_group_has_one_colour" "$(colour 02:01.0)$(colour 02:02.0)" \
	"$(colour 00:07.0)$(colour 00:07.0)"
unlike "and_its_neighbour_another" "$(colour 00:1f.0)" "$(colour 00:07.0 | sed 's/\[/\\[/')"

# ---- very large groups ----

tests/tools/big-tree --one-group "$tmp/crowd" 40
from crowd why 01:10.3
listed=$(grep "^With it in group" <<< "$out" | grep -oE "$addresses" | wc -l)
more=$(sed -nE 's/^With it in group .* and ([0-9]+) more\.$/\1/p' <<< "$out")
from crowd why --json 01:10.3
is "members_that_are_not_listed_are_counted" "$((listed + more + 1))" \
	"$(json 'scalar @{$_->{members}}')"

# ---- memory ----

from flat check --memory 4G --json 01:00.0
is "the_guests_memory_is_in_the_document" "$(json '$_->{memory}')" 4294967296
like "reserved_regions_are_compared_with_it" "$(finding reserved-regions)" '^ok: a guest of'
from flat check --memory 300T --json 01:00.0
is "a_guest_that_does_not_fit_is_refused" "$status" 1
like "with_the_region_or_width" "$(finding reserved-regions)" '^blocker: '

# ---- what the documentation shows of records ----

# Prints commands of the documentation, whose output it shows up to "...", that print
# something else, and how many it looked at.
undocumented() {
	# shellcheck disable=SC2016 # it is for perl
	perl -e '
		my ($iommu, $tmp) = splice @ARGV, 0, 2;
		local $/;
		open(my $f, "<", "docs/strait-iommu.md") or die;
		my ($text, $nr) = (<$f>, 0);
		while ($text =~ /^    # strait-iommu ((?:why|check) --from (\S+) .*)\n((?:    (?!# ).*\n|\n)*)/mg) {
			my ($command, $record, $want) = ($1, $2, $3);
			$command =~ s{--from (override|quirk)}{--from $tmp/$1} or $record =~ m{^tests/} or next;
			$want =~ s/^    //mg;
			$want =~ s/\n+\z/\n/;
			my $is_part = $want =~ s/\.\.\.\n\z//;
			my $got = `COLUMNS=96 $iommu $command 2>&1`;
			$got = substr($got, 0, length $want) if $is_part;
			print "$command\n" if $got ne $want;
			$nr++;
		}
		print "$nr\n"' "$iommu" "$tmp"
}
is "the_documentation_shows_what_is_printed" "$(undocumented)" 7

done_testing
