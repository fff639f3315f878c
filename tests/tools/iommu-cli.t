#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The command line of strait-iommu: what is wrong is told, what goes where.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
flat=$records/flat.tar.xz

refused() { # NAME STATUS ERROR-ERE HINT-ERE WORD...
	local name=$1 want=$2 error=$3 hint=$4
	shift 4
	run "$iommu" "$@"
	[ "$status" = "$want" ] && [ -z "$out" ] && [ "$(grep -c '^error: ' <<< "$err")" = 1 ] &&
		grep -Eq "^error: $error" <<< "$err" && grep -Eq "^hint: .*$hint" <<< "$err"
	result $? "$name" || diag "status $status, want: $want $error"$'\n'"$err"
}

refused "an_unknown_command_gets_the_nearest" 2 'lst: there is no such command' 'did you mean list' lst
refused "an_unknown_option_gets_the_nearest" 2 'unknown option --jsn' 'did you mean --json' list --jsn
refused "check_needs_a_function" 2 'check: too few arguments' 'check BDF' check
refused "list_takes_none" 2 'unexpected argument "x"' 'usage: strait-iommu list$' list x
refused "what_is_no_address_is_refused" 2 'eth0: not a PCI address' '0000:3b:10.0' why eth0
refused "an_unknown_function_gets_the_nearest" 3 '0000:01:00.1: there is no such PCI function' \
	'did you mean 0000:01:00.0' check --from "$flat" 01:00.1
refused "also_with_the_wrong_bus" 3 '0000:07:1f.2: there is no' 'did you mean 0000:00:1f.2' \
	why --from "$flat" 07:1f.2
refused "nothing_is_checked_if_one_is_unknown" 3 '0000:33:00.0: there is no' . \
	check --from "$flat" 01:00.0 33:00.0
refused "sizes_have_units" 2 '--memory 12Q: not a size' '--memory 4G' check --memory 12Q 01:00.0
refused "sizes_do_not_wrap" 2 '--memory 99999999T: not a size' . check --memory 99999999T 01:00.0
refused "formats_are_two" 2 '--format: "png" is not one of: dot, svg' . graph --format png
refused "a_record_needs_a_name" 2 'record: too few' 'record FILE' record
refused "a_record_with_an_empty_name_is_refused" 2 'record: the name of the file is empty' \
	'.tar, .tar.gz, .tar.xz or .tar.zst' record --from "$flat" ""
for name in x.tar.bz2 x.zip record .; do
	refused "a_record_called_${name}_is_refused" 2 "$tmp/$name: the name ends in no format" \
		'.tar, .tar.gz, .tar.xz or .tar.zst' record --from "$flat" "$tmp/$name"
	[ ! -f "$tmp/$name" ]
	result $? "and_nothing_is_written_to_$name"
done
echo mine > "$tmp/taken.tar"
refused "a_file_that_is_there_is_not_overwritten" 3 "$tmp/taken.tar: there is such a file" \
	'another name' record --from "$flat" "$tmp/taken.tar"
is "and_stays_as_it_is" "$(cat "$tmp/taken.tar")" mine

run "$iommu" check --from "$flat" 01:00.0
is "what_can_be_assigned_is_status_0" "$status" 0
run "$iommu" check --from "$flat" 01:00.0 00:03.0
is "one_that_cannot_is_status_1" "$status" 1
like "and_each_has_its_line" "$out" '^0000:01:00.0: can be assigned$'
like "also_the_other" "$out" '^0000:00:03.0: cannot be assigned$'

# ---- tables ----

run "$iommu" list --from "$flat"
unlike "no_colours_without_a_terminal" "$out" $'\033'
is "nothing_is_cut_without_a_terminal" "$(grep -c '~' <<< "$out")" 0
run "$iommu" list --color always --from "$flat"
like "colours_when_asked_for" "$out" $'\033\\[3[0-9]m'
run env COLUMNS=90 "$iommu" list --from "$flat"
is "no_line_is_wider_than_the_terminal" "$(awk 'length > 90' <<< "$out")" ""
like "names_give_way_first" "$out" '0000:01:00.0 .*~'
# Every record has other widths: bridges below bridges, VFs, ports with ACS.
for width in 40 60 80; do
	for command in list tree "why 0000:00:1f.2"; do
		wide="" lost=""
		for record in "$records"/*.tar.xz; do
			# shellcheck disable=SC2086 # words
			run env COLUMNS=$width LC_ALL=C.UTF-8 "$iommu" $command --from "$record"
			# Sentences of why are broken at spaces, and not words.
			wide+=$(perl -CSD -lne 'BEGIN { $w = shift } print if length > $w' "$width" "$tmp/out")
			grep -Eq '(FUNCTION|HOP) ' <<< "$out" || lost+="$record "
			[ "${command%% *}" = why ] || grep -q ' DRIVER' <<< "$out" || lost+="$record "
		done
		is "no_row_of_${command%% *}_is_wider_than_$width" "$wide" ""
		is "and_the_important_columns_of_${command%% *}_stay_at_$width" "$lost" ""
	done
done
run env COLUMNS=40 "$iommu" list --from "$flat"
like "at_40_the_group_the_function_and_the_driver_stay" "$out" '^GROUP  FUNCTION      DRIVER$'
run env COLUMNS=80 "$iommu" check --from "$flat" 01:00.0
is "sentences_are_broken" "$(awk 'length > 80' <<< "$out")" ""
run env COLUMNS=40 "$iommu" check --from "$records/multifunction.tar.xz" 02:00.0
is "sentences_are_broken_at_40_as_well" "$(awk 'length > 40' <<< "$out")" ""
like "and_stand_below_what_they_are_about" "$out" $'\n  note     acs\n    it shares its slot'
run env LC_ALL=C.UTF-8 "$iommu" tree --from "$flat"
like "trees_are_drawn_where_utf8_is" "$out" '└─0000:01:00.0'
run "$iommu" tree --from "$flat"
like "and_with_ascii_elsewhere" "$out" '`-0000:01:00.0'

# ---- graph ----

run "$iommu" graph --from "$flat"
like "the_drawing_has_its_edges" "$out" '"0000:00:03.0" -> "0000:01:00.0"'
run env PATH=/nonexistent "$iommu" graph --format svg --from "$flat"
is "svg_without_graphviz_is_an_error" "$status" 3
like "that_names_the_package" "$err" '^hint: install the package graphviz'
if command -v dot > /dev/null; then
	run "$iommu" graph --format svg --from "$flat"
	like "svg_is_drawn_by_graphviz" "$out" '^<svg '
	like "with_the_functions" "$out" '0000:01:00.0'
else
	skip "svg_is_drawn_by_graphviz" "no Graphviz"
	skip "with_the_functions" "no Graphviz"
fi

# ---- records of records ----

run "$iommu" record --json --from "$flat" "$tmp/copy.tar.gz"
# shellcheck disable=SC2016 # it is for perl
is "a_record_can_be_recorded" "$status $(json '$_->{functions}')" "0 11"
for suffix in gz:1f8b xz:fd377a58 zst:28b52ffd tar:73747261; do
	"$iommu" record --from "$flat" "$tmp/format.${suffix%:*}" > /dev/null
	is "a_record_is_in_the_format_of_its_name_${suffix%:*}" \
		"$(od -An -tx1 -N 8 "$tmp/format.${suffix%:*}" | tr -d " " | grep -c "^${suffix#*:}")" 1
done
for command in list tree "why 01:00.0" "check 01:00.0"; do
	# shellcheck disable=SC2086 # words
	is "a_copy_says_the_same_of_${command%% *}" \
		"$("$iommu" $command --json --from "$tmp/copy.tar.gz")" \
		"$("$iommu" $command --json --from "$flat")"
done
mkdir "$tmp/dir"
tar -xzf "$tmp/copy.tar.gz" -C "$tmp/dir"
is "a_directory_serves_as_well" "$("$iommu" list --from "$tmp/dir")" "$("$iommu" list --from "$flat")"
"$iommu" record - --from "$flat" > "$tmp/piped.tar" 2> /dev/null
is "a_record_can_be_piped" "$("$iommu" list --from "$tmp/piped.tar")" "$("$iommu" list --from "$flat")"
run "$iommu" record "$tmp/none/x.tar" --from "$flat"
like "a_directory_that_is_not_there_is_told" "$err" "$tmp/none/x.tar: create: No such file"

# ---- output that cannot be written, and being interrupted ----

if [ -w /dev/full ]; then
	status=0
	"$iommu" list --from "$flat" > /dev/full 2> "$tmp/err" || status=$?
	is "a_full_disk_is_status_3" "$status" 3
	like "and_told" "$(cat "$tmp/err")" 'standard output: write: .*ENOSPC'
else
	skip "a_full_disk_is_status_3" "no /dev/full"
	skip "and_told" "no /dev/full"
fi
# libarchive loses its buffer where a write fails.
# shellcheck disable=SC2016 # it is for that bash
run env ASAN_OPTIONS=detect_leaks=0 bash -c 'trap "" XFSZ; ulimit -f 64; "$1" record --from "$2" "$3"' - "$iommu" "$flat" "$tmp/large.tar"
like "a_record_that_cannot_be_written_says_why" "$err" '^error: .*/large.tar: write: .*\(EFBIG\)$'
is "and_no_part_of_it_is_left" "$status $(ls "$tmp/large.tar" 2> /dev/null)" "3 "
for command in "list" "list --json" "why 01:00.0" "record -"; do
	status=0
	# shellcheck disable=SC2086 # words
	"$iommu" $command --from "$flat" >&- 2> "$tmp/err" || status=$?
	is "no_standard_output_is_status_3_of_$command" "$status" 3
	like "and_told_by_$command" "$(cat "$tmp/err")" '^error: standard output: write: '
done
status=0
"$iommu" --version >&- 2> /dev/null || status=$?
is "also_of_version" "$status" 3
run bash -c '"$1" list --from "$2" 2>&- <&-' - "$iommu" "$flat"
is "other_standard_files_may_be_closed" "$status $(grep -c 01:00.0 <<< "$out")" "0 1"
run bash -c '"$1" record --from "$2" "$3" <&-' - "$iommu" "$flat" "$tmp/closed.tar"
is "also_for_a_record" "$("$iommu" list --from "$tmp/closed.tar")" "$("$iommu" list --from "$flat")"
"$iommu" list --from "$flat" | head -n 1 > /dev/null
for signal in INT TERM KILL; do
	mkfifo "$tmp/fifo"
	env --default-signal=INT "$iommu" graph --from "$flat" > "$tmp/fifo" &
	pid=$!
	exec 5< "$tmp/fifo"
	kill -$signal $pid 2> /dev/null
	wait $pid 2> /dev/null
	exec 5<&-
	rm "$tmp/fifo"
done
# At whatever moment: unpacking takes some milliseconds.
for ((i = 0; i < 40; i++)); do
	"$iommu" list --from "$flat" > /dev/null &
	pid=$!
	sleep "0.00$((i / 4))$((i % 4 * 25))"
	kill -KILL $pid 2> /dev/null
	wait $pid 2> /dev/null
done
for ((i = 0; i < 100; i++)); do
	[ -n "$(ls -A "$TMPDIR")" ] || break
	sleep 0.1
done
is "nothing_is_left_behind_after_signals" "$(ls -A "$TMPDIR")" ""

done_testing
