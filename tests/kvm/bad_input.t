#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What cannot be run: one sentence that names the thing and the cause, a hint
# where there is something to do, and a status that is not 0.
set -u
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_kvm

# The last run was refused: with this status, a first line that matches, at
# most a hint besides, and nothing on stdout.
refused() { # NAME STATUS REGEX
	local lines
	lines=$(grep -vc '^hint: ' "$tmp/err")
	like "$1" "$status $lines ${out:+(output)}$err" "^$2 1 error: $3"
}

kernel() { # FILE [OPTION]...
	run "$STRAIT" run --kernel "$1" "${@:2}" < /dev/null
}

# --- kernels ---

kernel "$tmp/none"
refused "missing_kernel" 3 "$tmp/none: open: No such file or directory \(ENOENT\)"

kernel "$tmp"
refused "directory_as_kernel" 3 "$tmp: is not a regular file"

: > "$tmp/empty"
kernel "$tmp/empty"
refused "empty_kernel" 3 "$tmp/empty: is empty"

head -c 100000 /dev/zero > "$tmp/zeros"
kernel "$tmp/zeros"
refused "file_that_is_no_kernel" 3 "$tmp/zeros: is not a kernel"
like "file_that_is_no_kernel_gets_a_hint" "$err" "^hint: .*vmlinuz"

echo x > "$tmp/short"
kernel "$tmp/short"
refused "one_line_of_text_as_kernel" 3 "$tmp/short: is not a kernel"

head -c 1100 "$guests/bz_zeropage" > "$tmp/bz"
kernel "$tmp/bz"
refused "truncated_bzimage" 3 "$tmp/bz: is truncated"

head -c 700 "$guests/bz_zeropage" > "$tmp/bz"
kernel "$tmp/bz"
refused "bzimage_with_its_setup_alone" 3 "$tmp/bz: is truncated"

# Version 2.10 of the boot protocol knows no 64-bit entry.
cp "$guests/bz_zeropage" "$tmp/bz"
printf '\012' | dd of="$tmp/bz" bs=1 seek=518 conv=notrunc status=none
kernel "$tmp/bz"
refused "bzimage_without_64_bit_entry" 3 "$tmp/bz: has no 64-bit entry \(boot protocol 2\.10"

# init_size of 2 GiB.
cp "$guests/bz_zeropage" "$tmp/bz"
printf '\0\0\0\200' | dd of="$tmp/bz" bs=1 seek=608 conv=notrunc status=none
kernel "$tmp/bz"
refused "bzimage_that_needs_more_memory" 3 "$tmp/bz: needs 2049 MiB from 0x1000000"
like "bzimage_that_needs_more_memory_gets_a_hint" "$err" "^hint: .*--memory"

head -c 40 "$guests/hello" > "$tmp/elf"
kernel "$tmp/elf"
refused "elf_cut_in_its_header" 3 "$tmp/elf: is truncated"

head -c 60 "$guests/hello" > "$tmp/elf"
kernel "$tmp/elf"
refused "elf_cut_in_its_program_headers" 3 "$tmp/elf: is truncated"

head -c 4100 "$guests/hello" > "$tmp/elf"
kernel "$tmp/elf"
refused "elf_cut_in_a_segment" 3 "$tmp/elf: is truncated"

kernel "$guests/no_note"
refused "elf_without_pvh_note" 3 "$guests/no_note: is an ELF file without a PVH entry"
like "elf_without_pvh_note_gets_a_hint" "$err" "^hint: .*CONFIG_PVH"

kernel "$STRAIT"
refused "program_as_kernel" 3 "$STRAIT: is an ELF file without a PVH entry"

kernel "$guests/high" --memory size=64M
refused "elf_beyond_the_memory" 3 "$guests/high: has an ELF segment at 0x10000000, where the guest has no RAM"

kernel /dev/null
refused "device_as_kernel" 3 "/dev/null: is not a regular file"

# --- initramfs and command line ---

guest hello --initramfs "$tmp/none"
refused "missing_initramfs" 3 "$tmp/none: open: No such file"

guest hello --initramfs "$tmp/empty"
refused "empty_initramfs" 3 "$tmp/empty: is empty"

truncate -s 100M "$tmp/big"
guest hello --initramfs "$tmp/big" --memory size=64M
refused "initramfs_larger_than_memory" 3 "$tmp/big: 104857600 bytes do not fit"
like "initramfs_larger_than_memory_gets_a_hint" "$err" "^hint: .*--memory"

words=$(printf '%03000d' 0)
guest hello --cmdline "$words"
refused "long_command_line_by_pvh" 3 "--cmdline: is 3000 characters long, and this kernel takes 2047"

guest bz_zeropage --cmdline "${words:0:1024}"
refused "long_command_line_by_bzimage" 3 "--cmdline: is 1024 characters long, and this kernel takes 1023"

guest bz_zeropage --cmdline "${words:0:1023}"
is "longest_command_line_fits" "$(grep -c "^cmdline=<0\{1023\}>" "$tmp/out")" 1

# --- the host ---

mem_kib=$(sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo)
guest hello --memory "size=$(((mem_kib >> 11 << 1) + 1024))M"
refused "more_memory_than_the_host_has" 3 "--memory: [0-9]+ MiB are wanted, and the host has [0-9]+ MiB available"

pool=/sys/kernel/mm/hugepages/hugepages-2048kB
if [ "$(cat $pool/free_hugepages 2> /dev/null)" = 0 ] &&
	[ "$(< $pool/nr_overcommit_hugepages)" = 0 ]; then
	guest hello --memory size=64M,hugepages=on
	refused "more_huge_pages_than_are_free" 3 \
		"--memory: 32 huge pages of 2 MiB are wanted, and 0 are free of the host's"
	like "more_huge_pages_than_are_free_gets_a_hint" "$err" \
		"^hint: reserve more: echo $(($(< $pool/nr_hugepages) + 32)) > $pool/nr_hugepages"
else
	skip "more_huge_pages_than_are_free" "there are free ones"
fi

run bash -c "ulimit -f 1000; exec '$STRAIT' run --kernel '$guests/hello' < /dev/null"
refused "limit_on_file_size_below_the_memory" 3 "guest memory: ftruncate: File too large \(EFBIG\)"
like "limit_on_file_size_gets_a_hint" "$err" "^hint: .*ulimit -f"

little_space="limit_on_address_space_below_the_memory"
if bash -c "ulimit -v 300000; exec '$STRAIT' --version" > /dev/null 2>&1; then
	run bash -c "ulimit -v 300000; exec '$STRAIT' run --kernel '$guests/hello' < /dev/null"
	refused "$little_space" 3 "guest memory: mmap: Cannot allocate memory \(ENOMEM\)"
	like "${little_space}_gets_a_hint" "$err" "^hint: .*ulimit -v"
else
	skip "$little_space" "sanitizers take more than that"
fi

# Fewer than any run needs, whatever descriptors the shell was given besides.
run bash -c "ulimit -n 8; exec '$STRAIT' run --kernel '$guests/hello' < /dev/null"
refused "limit_on_open_files_that_is_too_low" 3 ".*: Too many open files \(EMFILE\)"
like "limit_on_open_files_gets_a_hint" "$err" "^hint: .*ulimit -n"

no_kvm="no_kvm_on_the_host"
mkdir "$tmp/dev"
if unshare -m mount --bind "$tmp/dev" /dev 2> /dev/null; then
	run unshare -m sh -c "mount --bind '$tmp/dev' /dev && exec '$STRAIT' run --kernel '$guests/hello'" < /dev/null
	refused "$no_kvm" 3 "/dev/kvm: open: No such file or directory \(ENOENT\)"
	like "${no_kvm}_gets_a_hint" "$err" "^hint: .*modprobe"
else
	skip "$no_kvm" "unshare -m is not permitted"
fi

# A user to whom all but /dev/kvm is readable.
no_permission="no_permission_on_kvm"
cp "$STRAIT" "$guests/hello" "$tmp"
chmod 755 "$tmp" "$tmp/strait" "$tmp/hello"
as_nobody="setpriv --reuid 65534 --regid 65534 --clear-groups"
if $as_nobody test -x "$tmp/strait" -a ! -w /dev/kvm 2> /dev/null; then
	# shellcheck disable=SC2086 # words
	run $as_nobody "$tmp/strait" run --kernel "$tmp/hello" < /dev/null
	refused "$no_permission" 3 "/dev/kvm: open: Permission denied \(EACCES\)"
	like "${no_permission}_gets_a_hint" "$err" "^hint: .*adduser"
else
	skip "$no_permission" "not root, or /dev/kvm is open to everyone"
fi

# One that root's privileges do not lift from a user who may open /dev/kvm.
few_threads="limit_on_threads_below_the_cpus"
as_user="$as_nobody --inh-caps +dac_override --ambient-caps +dac_override"
if $as_user test -x "$tmp/strait" -a -w /dev/kvm 2> /dev/null; then
	run bash -c "ulimit -u 3; exec $as_user '$tmp/strait' run --kernel '$tmp/hello' --cpus boot=8" < /dev/null
	refused "$few_threads" 3 "vCPU thread: pthread_create: .*\(EAGAIN\)"
	like "${few_threads}_gets_a_hint" "$err" "^hint: .*ulimit -u .*--cpus"
else
	skip "$few_threads" "not root"
fi

# --- options, where they meet the guest ---

run "$STRAIT" run < /dev/null
refused "no_kernel_named" 2 "--kernel is missing"
guest hello --cpus boot=256
refused "too_many_cpus" 2 "--cpus boot=256: not a number of CPUs from 1 to 255"
guest hello --memory size=31M
refused "too_little_memory" 2 "--memory size=31M: a guest needs at least 32M"
guest hello --memroy size=64M
refused "misspelt_option" 2 "unknown option --memroy"
like "misspelt_option_gets_the_right_one" "$err" "^hint: did you mean --memory"
run "$STRAIT" rum
refused "misspelt_command" 2 "rum: there is no such command"
like "misspelt_command_gets_the_right_one" "$err" "^hint: did you mean strait run\?"
run "$STRAIT" --kernel "$guests/hello"
refused "options_without_a_command" 2 "--kernel: there is no such command"
like "options_without_a_command_get_it" "$err" "^hint: .*strait run --kernel"
guest hello --device 0000:ff:1f.7
refused "device_that_is_not_there" 3 "0000:ff:1f.7: there is no such PCI function"

done_testing
