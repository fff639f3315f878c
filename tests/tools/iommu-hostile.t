#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Records that want to do harm: a clear error, and nothing of them is left, inside or outside
# of where they are unpacked.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

canary=$tmp/canary
echo alive > "$canary"

# The canary as it was, and nothing unpacked.
is_clean() { [ "$(cat "$canary")" = alive ] && [ -z "$(ls -A "$TMPDIR")" ]; }

refused() { # NAME FILE ERE
	run timeout 60 "$iommu" list --from "$2"
	[ "$status" = 3 ] && [ -z "$out" ] && is_clean &&
		[ "$(grep -c '^error: ' <<< "$err")" = 1 ] &&
		grep -Eq "^error: $2: .*$3" <<< "$err"
	result $? "$1" || diag "status $status, want: $3"$'\n'"$err"$'\n'"$out"
}

mkdir -p "$tmp/good/sys/bus/pci/devices" "$tmp/work"
echo x > "$tmp/good/sys/x"

tar -cf "$tmp/absolute.tar" -P "$canary"
refused "an_absolute_name_is_refused" "$tmp/absolute.tar" 'has an absolute name'

tar -cf "$tmp/dotdot.tar" -C "$tmp/good" --transform 's,^sys/x,../../canary,' sys
refused "a_name_that_climbs_is_refused" "$tmp/dotdot.tar" 'leads out of the record'

ln -s "$tmp" "$tmp/work/sys"
tar -cf "$tmp/link.tar" -C "$tmp/work" sys
rm "$tmp/work/sys"
mkdir "$tmp/work/sys"
echo dead > "$tmp/work/sys/canary"
tar -rf "$tmp/link.tar" -C "$tmp/work" sys/canary
refused "writing_through_a_link_is_refused" "$tmp/link.tar" 'is a link to an absolute name'

rm -rf "$tmp/work" && mkdir -p "$tmp/work/sys"
ln -s ../../../canary "$tmp/work/sys/x"
tar -cf "$tmp/up.tar" -C "$tmp/work" sys
refused "a_link_that_climbs_is_refused" "$tmp/up.tar" 'is a link that leads out'

rm -rf "$tmp/work" && mkdir -p "$tmp/work/sys"
mkfifo "$tmp/work/sys/fifo"
tar -cf "$tmp/fifo.tar" -C "$tmp/work" sys
refused "a_fifo_is_refused" "$tmp/fifo.tar" 'is no file, directory or link'

rm "$tmp/work/sys/fifo"
echo 1 > "$tmp/work/sys/a"
ln "$tmp/work/sys/a" "$tmp/work/sys/b"
tar -cf "$tmp/hard.tar" -C "$tmp/work" sys
refused "a_hard_link_is_refused" "$tmp/hard.tar" 'is a hard link'

rm "$tmp/work/sys/"*
truncate -s 10G "$tmp/work/sys/huge"
tar -cSf "$tmp/sparse.tar" -C "$tmp/work" sys
refused "10_GB_of_nothing_are_refused" "$tmp/sparse.tar" '"sys/huge" is larger than any file'
rm "$tmp/work/sys/huge"

# 300 files of 256 KiB, each as large as it may be, in 20 KB.
for ((i = 0; i < 300; i++)); do truncate -s 256K "$tmp/work/sys/$i"; done
tar -cf - -C "$tmp/work" sys | gzip -9 > "$tmp/bomb.tar.gz"
rm -rf "$tmp/work"
refused "a_compressed_bomb_is_refused" "$tmp/bomb.tar.gz" 'larger than a record can be'

# The same directory again and again.
perl -e '
	my $h = pack("a100a8a8a8a12a12A8a1a100a6a2", "sys/", "0000755", "0000000", "0000000",
		"00000000000", "00000000000", "", 5, "", "ustar", "00");
	$h .= "\0" x (512 - length $h);
	substr($h, 148, 8) = sprintf("%06o\0 ", unpack("%32C*", $h));
	my $many = $h x 1000;
	print $many for 1 .. 401;
	print "\0" x 1024;
' | gzip -1 > "$tmp/many.tar.gz"
refused "more_members_than_any_machine_needs_are_refused" "$tmp/many.tar.gz" \
	'is one more than a record can have'

mkdir -p "$tmp/work/sys"
echo 1 > "$tmp/work/sys/a"
tar -cf "$tmp/twice.tar" -C "$tmp/work" sys/a
tar -rf "$tmp/twice.tar" -C "$tmp/work" sys/a
refused "a_member_that_is_there_twice_is_refused" "$tmp/twice.tar" '"sys/a" is there twice'

"$iommu" record --from "$records/flat.tar.xz" "$tmp/flat.tar" > /dev/null
head -c 50000 "$tmp/flat.tar" > "$tmp/cut.tar"
refused "one_that_is_cut_off_is_refused" "$tmp/cut.tar" '([Tt]runcated|its end is missing)'
# The headers of two members follow each other at a multiple of 512.
for ((i = 51200; i < 56320; i += 512)); do
	head -c $i "$tmp/flat.tar" > "$tmp/cut.tar"
	run "$iommu" list --from "$tmp/cut.tar"
	echo "$status $(grep -cE '^error: .*([Tt]runcated|its end is missing)' <<< "$err")"
done > "$tmp/cuts"
is "wherever_it_is_cut_off" "$(sort -u "$tmp/cuts")" "3 1"
head -c 2000 "$records/flat.tar.xz" > "$tmp/cut.tar.xz"
refused "a_compressed_one_that_is_cut_off_is_refused" "$tmp/cut.tar.xz" 'cannot be read as a tar file'

echo "not a tar file" > "$tmp/text.tar"
refused "text_is_refused" "$tmp/text.tar" 'cannot be read as a tar file'
: > "$tmp/empty.tar"
refused "an_empty_file_is_refused" "$tmp/empty.tar" '(cannot be read|this is no record)'
refused "a_file_that_is_not_there_is_refused" "$tmp/none.tar" 'No such file or directory \(ENOENT\)'
mkdir "$tmp/other"
refused "a_directory_that_is_no_record_is_refused" "$tmp/other" 'this is no record'

# What there is of it leads nowhere.
mkdir -p "$tmp/hollow/sys/bus/pci/devices"
ln -s nowhere "$tmp/hollow/sys/bus/pci/devices/0000:00:01.0"
for command in list tree; do
	run "$iommu" $command --from "$tmp/hollow"
	is "nothing_to_${command}_is_told" "$status $out $err" \
		"0  note: there is no PCI function that can be read"
done

# Directories are not unpacked, so what they hold is looked at with care.
big=$tmp/dir/sys/devices/pci0000:00/0000:00:01.0
mkdir -p "$big" "$tmp/dir/sys/bus/pci/devices"
printf '0x8086\n' > "$big/vendor"
printf '0x1234\n' > "$big/device"
printf '0x020000\n' > "$big/class"
ln -s ../../../devices/pci0000:00/0000:00:01.0 "$tmp/dir/sys/bus/pci/devices/0000:00:01.0"
ln -s "../../../bus/pci/drivers/$(printf 'e\033[31mvil')" "$big/driver"
run "$iommu" list --from "$tmp/dir"
unlike "escape_sequences_do_not_reach_the_terminal" "$out" $'\033'
like "and_the_rest_is_shown" "$out" '0000:00:01.0 .*e\?\[31mvil'
run "$iommu" graph --from "$tmp/dir"
unlike "nor_drawings" "$out" $'\033'
run "$iommu" tree --json --from "$tmp/dir"
# shellcheck disable=SC2016 # it is for perl
is "nor_programs" "$(json '$_->{functions}[0]{driver}')" 'e?[31mvil'

mkfifo "$big/config"
run timeout 20 "$iommu" tree --from "$tmp/dir"
is "a_fifo_in_a_directory_does_not_stop_it" "$status" 0
rm "$big/config" && truncate -s 10G "$big/config"
run timeout 20 "$iommu" tree --from "$tmp/dir"
is "nor_does_a_huge_file" "$status" 0
rm "$big/config" && ln -s "$canary" "$big/config"
run timeout 20 "$iommu" record "$tmp/again.tar" --from "$tmp/dir"
unlike "links_out_of_a_directory_are_not_followed" "$(tar -tf "$tmp/again.tar")" 'config$'

done_testing
