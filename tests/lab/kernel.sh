# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154 # shares variables with lab
#
# The two kernels that the emulated host and its guests can run. Sourced by
# `lab`.
#
# stock: Debian's, with modules. VFIO by legacy containers, as it has no iommufd.
# lab:   made of Debian's own source package with kernel.config, all built in:
#        iommufd, mediated devices, no-IOMMU. A build of it that lies beside the
#        repository is used if it was made with this kernel.config; else it is
#        made here, once, in the cache.

kernel_source=linux-source-7.3
kernel_suite=$suite-backports
kernel_prebuilt=$strait_dir/../shared/lab

has_prebuilt() {
	[ -e "$kernel_prebuilt/bzImage" ] &&
		cmp -s "$kernel_prebuilt/kernel.config" "$lab_dir/kernel.config"
}

lab_kernel() { # prints the name of its bzImage
	if has_prebuilt; then
		echo "$kernel_prebuilt/bzImage"
	else
		echo "$cache/kernel-$(lab_kernel_key)/bzImage"
	fi
}

lab_kernel_key() {
	{
		echo "$kernel_source $kernel_suite"
		cat "$lab_dir/kernel.config"
	} | hash_of
}

# What tells images apart.
kernel_key() {
	case $kernel in
	stock) echo stock ;;
	lab) echo "lab $(lab_kernel)" && lab_kernel_key ;;
	esac
}

kernel_is_built() { [ "$kernel" = stock ] || [ -e "$(lab_kernel)" ]; }

# The release stands in the setup header (Documentation/arch/x86/boot.rst:
# kernel_version is at 0x20e, relative to 0x200).
release_of() { # BZIMAGE
	local place
	place=$(od -An -tu2 -j $((0x20e)) -N 2 "$1")
	dd if="$1" bs=1 skip=$((place + 0x200)) count=64 2> /dev/null |
		tr '\0 ' '\n\n' | sed -n 1p
}

# A folder of modules that has none: modprobe then takes those that our scripts
# name for built in, which they are.
fake_modules() { # ROOT DIR BZIMAGE
	local release dir name
	release=$(release_of "$3")
	dir=$2/usr/lib/modules/$release
	rm -rf "$2/usr/lib/modules"
	mkdir -p "$dir"
	for name in "${builtin_modules[@]}"; do
		echo "kernel/$name.ko"
	done > "$dir/modules.builtin"
	: > "$dir/modules.order"
	: > "$dir/modules.builtin.modinfo"
	in_root "$1" sbin/depmod -b "$2" "$release"
}

# ---- making it --------------------------------------------------------------

download_kernel() { # DIR
	local mirror apt=(apt-get -q -y -c "$1/apt.conf")
	for mirror in "$(debian_mirror)" "$default_mirror"; do
		echo "deb [signed-by=$keyring] $mirror $kernel_suite main" \
			> "$1/sources.list"
		"${apt[@]}" -o APT::Update::Error-Mode=any update || continue
		(cd "$1" && "${apt[@]}" download "$kernel_source") && return
	done
	return 1
}

unpack_kernel() { # DIR
	mkdir "$1/deb" "$1/source"
	dpkg-deb --fsys-tarfile "$1"/*.deb | tar -x -C "$1/deb"
	tar -x -J -C "$1/source" --strip-components=1 \
		-f "$1/deb/usr/src/$kernel_source.tar.xz"
	rm -rf "$1/deb" "$1"/*.deb
}

compile_kernel() { # DIR
	local make=(nice make -C "$1/source" "O=$1/build" ARCH=x86_64)
	mkdir "$1/build"
	"${make[@]}" allnoconfig "KCONFIG_ALLCONFIG=$lab_dir/kernel.config"
	"${make[@]}" "-j$(nproc)" bzImage
}

build_kernel() {
	local tmp=$cache/kernel.tmp
	"$strait_dir/tools/deps" kernel ||
		fail "the lab kernel needs these packages, or tests/lab/lab --kernel stock"
	rm -rf "$tmp"
	mkdir -p "$tmp"
	apt_setup "$tmp"
	step "downloading $kernel_source (about 170 MB)" download_kernel "$tmp"
	step "unpacking it (about 30 s)" unpack_kernel "$tmp"
	step "compiling the lab kernel (about 10 min on 2 CPUs)" \
		compile_kernel "$tmp"
	mkdir "$tmp/done"
	cp "$tmp/build/arch/x86/boot/bzImage" "$tmp/done/"
	mv "$tmp/done" "$cache/kernel-$(lab_kernel_key)"
	rm -rf "$tmp"
}
