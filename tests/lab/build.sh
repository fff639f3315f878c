# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154,SC2034 # shares variables with lab
#
# Build the emulated host: a Debian root directory, made into a disk image.
# Sourced by `lab`, which sets lab_dir (this folder) and cache.
#
# How this works. apt itself, pointed at state of its own, downloads a stock
# Debian release and checks its signatures; dpkg-deb unpacks the packages into
# a directory. No maintainer script ever runs, so nothing here needs root, a
# chroot, /proc or a mount. Tools that a small host lacks (mke2fs, cpio, kmod,
# xz) come out of that same directory and run through its own dynamic loader,
# and so does QEMU: every host uses the same versions.
#
# The cache holds  debs/          downloaded packages, so a rebuild is quick
#                  root-<key>/    the packages unpacked; key: what is installed
#                  kernel-<key>/  the lab kernel; key: its source and config
#                  image-<key>/   disk and initramfs; key: root, kernel and
#                                 our scripts
# All are built under another name and renamed when whole.

suite=trixie
default_mirror=http://deb.debian.org/debian
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

packages=(
	base-files base-passwd bash coreutils dash diffutils findutils grep
	hostname iproute2 iputils-ping kmod libc-bin mawk perl-base procps sed
	util-linux busybox-static            # user space of the host
	linux-image-amd64                    # kernel of the host and of guests
	qemu-system-x86                      # the machine; in it, a peer
	pciutils ethtool strace              # to look at things
	qemu-utils                           # to make and check disk images
	libvncserver1 libpng16-16t64         # for strait run --display
	passt                                # a network without privileges
	libnbd0                              # for strait run --disk path=nbd://
	nvme-cli                             # to make VFs of an NVMe controller
	iperf3 fio                           # load for bench-devices and soak
	udev                                 # a test of our rule for it
	libpci3 libnl-route-3-200 libnl-genl-3-200 libjansson4
	libkmod2 libarchive13t64             # for strait-vf and strait-iommu
	e2fsprogs cpio xz-utils              # used by this script
	zstd                                 # a test takes a kernel apart
)
# What a developer wants besides: LAB_PACKAGES="gdb iperf3" tests/lab/lab build
read -ra extra_packages <<< "${LAB_PACKAGES:-}"
packages+=("${extra_packages[@]}")

# Parts of packages that nothing here can use: a third of the space and most
# of the time to unpack.
excludes=(
	usr/share/{doc,man,info,locale,lintian,icons,applications,zsh}
	usr/share/{bash-completion,fish}
	usr/bin/qemu-system-i386
	usr/lib/x86_64-linux-gnu/gconv
	'usr/lib/modules/*/kernel/sound'
	'usr/lib/modules/*/kernel/fs/'{bcachefs,btrfs,ceph,f2fs,gfs2,jfs,nfs,nfsd,nilfs2,ocfs2,smb,ubifs,xfs}
	'usr/lib/modules/*/kernel/net/'{batman-adv,bluetooth,can,ceph,mac80211,rds,rxrpc,sctp,sunrpc,tipc,wireless}
	'usr/lib/modules/*/kernel/drivers/'{accel,comedi,edac,firewire,hwmon,iio,infiniband,isdn,md,media,memstick,message,mmc,mtd,nfc,platform,power,soundwire,staging,target,thunderbolt,ufs}
	'usr/lib/modules/*/kernel/drivers/gpu/drm/'{amd,ast,gma500,i915,nouveau,radeon,vmwgfx,xe}
	'usr/lib/modules/*/kernel/drivers/net/'{can,dsa,ieee802154,usb,wireless,wwan}
	'usr/lib/modules/*/kernel/drivers/net/ethernet/'{amazon,atheros,broadcom,brocade,cavium,chelsio,cisco,emulex,huawei,marvell,mellanox,myricom,netronome,pensando,qlogic,sfc,sun}
	'usr/lib/modules/*/kernel/drivers/net/ethernet/intel/'{i40e,ice}
	'usr/lib/modules/*/kernel/drivers/scsi/'{aic7xxx,aic94xx,be2iscsi,bfa,bnx2fc,bnx2i,csiostor,cxgbi,elx,fnic,lpfc,megaraid,mpi3mr,mpt3sas,pm8001,qedf,qedi,qla2xxx,qla4xxx,smartpqi}
)

# Modules that the small initramfs of the host needs to mount its disk.
boot_modules=(virtio_blk crc32c_generic ext4)
# Modules in the guests' initramfs.
guest_modules=(igbvf)
guest_full_modules=(igbvf igb e1000e nvme virtio_net virtio_blk 8139cp 8139too
	usb_storage sd_mod xhci_pci virtio-rng vmw_vsock_virtio_transport tun
	virtio_console virtio_balloon e1000 ata_piix bochs atkbd psmouse)
# What the lab kernel has built in, of what our scripts and tests load.
builtin_modules=("${boot_modules[@]}" "${guest_full_modules[@]}" kvm_amd
	vfio-pci vfio_iommu_type1 9p 9pnet_virtio mtty vhost_net vhost_vsock)
# Programs in the guests' bigger initramfs.
guest_full_programs=(usr/bin/lspci usr/bin/setpci)

# ---- keys -------------------------------------------------------------------

hash_of() { sha256sum | cut -c1-16; }

root_key() { printf '%s\n' "$suite" "${packages[@]}" "${excludes[@]}" | hash_of; }

image_key() {
	{
		root_key
		kernel_key
		cat "$lab_dir"/{build,kernel}.sh "$lab_dir"/*.c "$lab_dir"/../rfb.h \
			"$lab_dir"/host-*.sh \
			"$lab_dir"/guest-*.sh
	} | hash_of
}

# ---- the Debian root --------------------------------------------------------

# The mirror that apt on this host uses for Debian itself, if there is one.
# Security updates and third parties come from elsewhere and have other suites.
debian_mirror() {
	local uri=""
	# shellcheck disable=SC2016 # apt expands it
	uri=$(apt-get indextargets --format '$(COMPONENT) $(RELEASE) $(REPO_URI)' \
		'Created-By: Packages' 2>/dev/null |
		sed -nE 's|^main (bookworm\|trixie\|forky\|duke\|sid\|stable\|testing\|unstable) ||p' |
		grep -E '^(https?|file):' | grep -v security | sed -n 1p) || true
	echo "${uri:-$default_mirror}"
}

# State and configuration that make apt blind to the host's own packages, pins
# and sources, but not to its proxy settings.
apt_setup() { # DIR
	mkdir -p "$1/lists/partial" "$cache/debs/partial"
	# The kernel asks for an initramfs generator. Ours is below.
	cat > "$1/status" <<-END
		Package: strait-lab
		Status: install ok installed
		Version: 1
		Architecture: all
		Maintainer: strait <strait@localhost>
		Provides: linux-initramfs-tool
		Description: stands in for packages that the emulated host can do without

	END
	cat > "$1/apt.conf" <<-END
		Dir::State "$1";
		Dir::State::lists "$1/lists";
		Dir::State::status "$1/status";
		Dir::Cache "$1";
		Dir::Cache::archives "$cache/debs";
		Dir::Etc::sourcelist "$1/sources.list";
		Dir::Etc::sourceparts "/dev/null";
		Dir::Etc::preferences "/dev/null";
		Dir::Etc::preferencesparts "/dev/null";
		APT::Architecture "amd64";
		#clear APT::Architectures;
		APT::Architectures { "amd64"; };
		#clear APT::Default-Release;
		APT::Install-Recommends "false";
		APT::Sandbox::User "root";
		APT::Keep-Downloaded-Packages "true";
		#clear APT::Update::Pre-Invoke;
		#clear APT::Update::Post-Invoke;
		#clear APT::Update::Post-Invoke-Success;
		#clear DPkg::Pre-Install-Pkgs;
		Acquire::Languages "none";
		Acquire::Retries "3";
		Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
		Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
	END
}

read_lists() { # DIR MIRROR
	echo "deb [signed-by=$keyring] $2 $suite main" > "$1/sources.list"
	apt-get -q -c "$1/apt.conf" -o APT::Update::Error-Mode=any update
}

# A mirror of this host's may hold this host's release alone. The file names come
# first, because apt does not list what it already has.
download_packages() { # DIR
	local apt=(apt-get -q -y -c "$1/apt.conf")
	read_lists "$1" "$(debian_mirror)" || read_lists "$1" "$default_mirror"
	mkdir -p "$1/none/partial"
	"${apt[@]}" install -o "Dir::Cache::archives=$1/none" --print-uris \
		"${packages[@]}" |
		sed -nE "s/^'[^']*' ([^ ]+\.deb) .*/\1/p" > "$1/files"
	[ -s "$1/files" ]
	"${apt[@]}" install --download-only "${packages[@]}"
	remove_old_packages "$1/files"
}

remove_old_packages() { # FILE-WITH-NAMES-TO-KEEP
	local path
	for path in "$cache"/debs/*.deb; do
		grep -qxF "${path##*/}" "$1" || rm "$path"
	done
}

unpack_packages() { # DIR
	local dir args=() file
	for dir in bin sbin lib lib64; do
		mkdir -p "$1/root/usr/$dir"
		ln -s "usr/$dir" "$1/root/$dir"
	done
	for file in "${excludes[@]}"; do args+=("--exclude=./$file"); done
	while read -r file; do
		dpkg-deb --fsys-tarfile "$cache/debs/$file" |
			tar -x -C "$1/root" --keep-directory-symlink \
				--no-same-owner "${args[@]}"
	done < "$1/files"
}

# What maintainer scripts would have done, as far as it matters here.
finish_root() { # ROOT
	local name
	for name in passwd group; do
		cp "$1/usr/share/base-passwd/$name.master" "$1/etc/$name"
	done
	echo lab > "$1/etc/hostname"
	echo '127.0.0.1 localhost lab' > "$1/etc/hosts"
	ln -s mawk "$1/usr/bin/awk"
	rm -f "$1/etc/mtab" && ln -s /proc/self/mounts "$1/etc/mtab"
	"$1/sbin/ldconfig" -r "$1"
	# Unpacking a module takes the emulated CPU long: do it once, here.
	find "$1/usr/lib/modules" -name '*.ko.xz' -print0 |
		xargs -0 -n 64 -P "$(nproc)" "$(loader "$1")" --library-path \
			"$(libraries "$1")" "$1/usr/bin/xz" -d
	in_root "$1" sbin/depmod -b "$1" "$(kernel_release "$1")"
}

loader() { echo "$1/usr/lib64/ld-linux-x86-64.so.2"; }
libraries() { echo "$1/usr/lib/x86_64-linux-gnu"; }
kernel_release() { basename "$1"/usr/lib/modules/*; }

# Run a program of the root on this machine.
in_root() { # ROOT PROGRAM ARGS...
	local root=$1 program=$2
	shift 2
	"$(loader "$root")" --library-path "$(libraries "$root")" \
		--argv0 "${program##*/}" "$root/$program" "$@"
}

build_root() {
	local tmp=$cache/root.tmp
	rm -rf "$tmp"
	mkdir -p "$tmp"
	apt_setup "$tmp"
	step "downloading Debian $suite packages (about 170 MB)" \
		download_packages "$tmp"
	step "unpacking the root directory (about 10 s)" unpack_packages "$tmp"
	step "preparing kernel modules (about 5 s)" finish_root "$tmp/root"
	mv "$tmp/root" "$cache/root-$(root_key)"
	rm -rf "$tmp"
}

# ---- initramfs archives -----------------------------------------------------

# Copy modules with all they depend on, and make the files that modprobe and
# lspci read. Names of modules that the kernel has built in are fine.
copy_modules() { # ROOT DIR MODULE...
	local root=$1 dir=$2 release from to path
	release=$(kernel_release "$root")
	from=$root/usr/lib/modules/$release
	to=$dir/lib/modules/$release
	shift 2
	mkdir -p "$to"
	cp "$from"/modules.{order,builtin,builtin.modinfo} "$to"
	in_root "$root" sbin/modprobe -d "$root" -S "$release" -a \
		--show-depends "$@" |
		sed -n "s|^insmod .*/lib/modules/$release/\([^ ]*\).*|\1|p" |
		sort -u |
		while read -r path; do
			mkdir -p "$to/${path%/*}"
			cp "$from/$path" "$to/$path"
		done
	in_root "$root" sbin/depmod -b "$dir" "$release"
}

copy_programs() { # ROOT DIR PROGRAM...
	local root=$1 dir=$2 program lib
	shift 2
	for program in "$@"; do
		mkdir -p "$dir/${program%/*}" "$dir/usr/lib/x86_64-linux-gnu"
		cp "$root/$program" "$dir/$program"
		"$(loader "$root")" --library-path "$(libraries "$root")" \
			--list "$root/$program" |
			sed -nE 's|.* => .*/([^/ ]+) \(0x.*|\1|p' > "$dir/libs"
		while read -r lib; do
			cp -L "$root/usr/lib/x86_64-linux-gnu/$lib" \
				"$dir/usr/lib/x86_64-linux-gnu/$lib"
		done < "$dir/libs"
		rm "$dir/libs"
	done
	mkdir -p "$dir/usr/lib64"
	cp -L "$(loader "$root")" "$dir/usr/lib64/"
	ln -sfn usr/lib64 "$dir/lib64"
}

# A program of ours, from the source of its name here.
build_static() { # FILE
	mkdir -p "$(dirname "$1")"
	cc -std=gnu17 -D_GNU_SOURCE -O2 -static -iquote "$lab_dir/../.." \
		-o "$1" "$lab_dir/$(basename "$1").c"
}

# Begin an initramfs: busybox and an init that it interprets.
tree_begin() { # ROOT DIR INIT
	mkdir -p "$2"/{bin,dev,proc,sys,tmp,mnt}
	cp "$1/usr/bin/busybox" "$2/bin/busybox"
	ln -s busybox "$2/bin/sh"
	cp "$3" "$2/init"
	chmod 755 "$2/init"
}

# Stored as it is: the emulated CPU unpacks slower than it reads.
tree_pack() { # ROOT DIR FILE
	(cd "$2" && find . | sort | in_root "$1" usr/bin/cpio -o -H newc \
		--owner=0:0 --quiet) > "$3"
}

make_archives() { # ROOT TMP
	tree_begin "$1" "$2/host" "$lab_dir/host-boot.sh"
	copy_modules "$1" "$2/host" "${boot_modules[@]}"
	tree_pack "$1" "$2/host" "$2/host.cpio"

	tree_begin "$1" "$2/guest" "$lab_dir/guest-init.sh"
	copy_modules "$1" "$2/guest" "${guest_modules[@]}"
	tree_pack "$1" "$2/guest" "$2/guest.cpio"

	copy_modules "$1" "$2/guest" "${guest_full_modules[@]}"
	copy_programs "$1" "$2/guest" "${guest_full_programs[@]}"
	cp "$lab_dir/guest-lib.sh" "$2/guest/lib.sh"
	build_static "$2/guest/bin/disk-check"
	build_static "$2/guest/bin/vsock-cat"
	mkdir -p "$2/guest/usr/share/misc"
	cp -L "$1/usr/share/misc/pci.ids" "$2/guest/usr/share/misc/"
	tree_pack "$1" "$2/guest" "$2/guest-full.cpio"
}

# ---- the disk image ---------------------------------------------------------

# The root with the kernel that was asked for.
make_tree() { # ROOT TMP
	cp -al "$1" "$2/tree"
	[ "$kernel" != stock ] || return 0
	fake_modules "$1" "$2/tree" "$(lab_kernel)"
	cp "$(lab_kernel)" "$2/tree/boot/vmlinuz-$(kernel_release "$2/tree")"
}

# The image is the root plus what guests boot from; the root directory itself
# stays as the packages left it.
make_image() { # ROOT TMP
	local release
	make_tree "$1" "$2"
	release=$(kernel_release "$2/tree")
	make_archives "$2/tree" "$2"
	build_static "$2/tree/usr/bin/vsock-cat"
	build_static "$2/tree/usr/bin/vnc-type"
	cp "$2/guest.cpio" "$2/guest-full.cpio" "$2/tree/boot/"
	ln -s "vmlinuz-$release" "$2/tree/boot/vmlinuz"
	cp "$lab_dir/host-init.sh" "$2/tree/sbin/lab-init"
	chmod 755 "$2/tree/sbin/lab-init"
	mkdir -p "$2/tree/strait" "$2/tree/lab"
	MKE2FS_CONFIG=$1/etc/mke2fs.conf in_root "$1" sbin/mke2fs -q -t ext4 \
		-O ^has_journal -m 0 -d "$2/tree" "$2/host.img" 2G
	cp "$2/tree/boot/vmlinuz-$release" "$2/vmlinuz"
	make_tsc_probe "$2" || true
	rm -rf "$2/tree" "$2/host" "$2/guest"
}

# Without a compiler the emulated host calibrates its clock itself, which is
# nearly always good enough.
make_tsc_probe() { # DIR
	command -v cc > /dev/null || return 1
	cc -O2 -o "$1/tsc" "$lab_dir/tsc.c"
}

build_image() {
	local tmp=$cache/image.tmp
	rm -rf "$tmp"
	mkdir -p "$tmp"
	step "making the disk image (about 5 s)" \
		make_image "$cache/root-$(root_key)" "$tmp"
	mv "$tmp" "$cache/image-$(image_key)"
}

# ---- entry points -----------------------------------------------------------

is_built() {
	[ -d "$cache/image-$(image_key)" ] && [ -d "$cache/root-$(root_key)" ] &&
		kernel_is_built
}

check_build_host() {
	local tool
	[ "$(uname -m)" = x86_64 ] || fail "the emulated host needs an x86-64 machine"
	for tool in apt-get dpkg-deb tar sha256sum flock cc; do
		command -v "$tool" > /dev/null ||
			fail "$tool is missing: the emulated host is built on Debian 12 or 13"
	done
	[ -e "$keyring" ] ||
		fail "$keyring is missing: install the package debian-archive-keyring"
}

# Images go when nothing has used them for an hour, because one takes seconds to
# make; roots and kernels after two weeks; what a killed run left behind, after a day.
remove_stale() {
	mark_used
	find "$cache" -maxdepth 1 -type d \( -name 'image-*' -mmin +60 \
		-o \( -name 'root-*' -o -name 'kernel-*' \) -mtime +14 -o -name 'run.*' -mtime +1 \) \
		-exec rm -rf {} +
}

mark_used() {
	touch "$cache/root-$(root_key)" "$cache/image-$(image_key)"
	[ "$kernel" = stock ] || has_prebuilt ||
		touch "$cache/kernel-$(lab_kernel_key)"
}

lab_build() {
	if is_built; then
		mark_used
		return
	fi
	check_build_host
	mkdir -p "$cache" 2> /dev/null ||
		fail "cannot make $cache; STRAIT_CACHE=DIR names another place"
	exec 9> "$cache/lock"
	if ! flock -n 9; then
		say "waiting for another build of the emulated host"
		flock 9
	fi
	building=yes
	[ -d "$cache/root-$(root_key)" ] || build_root
	kernel_is_built || build_kernel
	[ -d "$cache/image-$(image_key)" ] || build_image
	remove_stale
	building=""
	exec 9>&-
}
