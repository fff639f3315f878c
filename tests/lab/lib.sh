# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034 # some of this is for those who source it
#
# For scripts that run in the emulated host: the demo, the tests in t/, and
# benchmarks. Source it by
#     # shellcheck source=../lib.sh
#     . "$(dirname "$0")/../lib.sh"       (in t/)
# It makes VFs, runs guests and has the few TAP functions a test needs. When
# the script ends, what it changed on the host is put back.
#
# VFIO_BACKEND=iommufd or container has the VMM use that one; without it strait
# chooses. VMM=strait (default) or qemu says what runs the guests. The tests are written
# for strait; qemu is there to see whether the emulated host is to blame.

VMM=${VMM:-strait}
VFIO_BACKEND=${VFIO_BACKEND:-}
LAB_KERNEL=${LAB_KERNEL:-stock}
STRAIT=${STRAIT:-build/strait}
PF=0000:01:00.0
GUEST_KERNEL=${GUEST_KERNEL:-$(readlink -f /boot/vmlinuz)}
GUEST_INITRAMFS=${GUEST_INITRAMFS:-/boot/guest.cpio}
GUEST_FULL=/boot/guest-full.cpio # with lspci and drivers besides igbvf
GUEST_CONSOLE=/tmp/guest-console # what the last guest printed
GUEST_ERRORS=/tmp/guest-errors   # what its VMM printed on stderr
GUEST_TIMEOUT=${GUEST_TIMEOUT:-180} # a busy machine takes several times as long

GATEWAY=10.0.2.2
ECHO_SERVER=10.0.2.100 # its TCP port 7 sends everything back

pci_dir=/sys/bus/pci/devices

# ---- PCI functions and VFs --------------------------------------------------

pci_driver() { # BDF; prints the driver, or "none"
	local link
	link=$(readlink "$pci_dir/$1/driver") || link=none
	echo "${link##*/}"
}

pci_group() { # BDF; prints the number of its IOMMU group
	local link
	link=$(readlink "$pci_dir/$1/iommu_group") || return
	echo "${link##*/}"
}

pci_netdev() { # BDF; prints its network interface
	local dir
	for dir in "$pci_dir/$1"/net/*; do
		[ -d "$dir" ] && basename "$dir" && return
	done
	return 1
}

# What strait changes of a function and has to put back: its driver and its
# driver_override, "(null)" if that is empty.
pci_binding() { # BDF
	echo "$(pci_driver "$1") $(cat "$pci_dir/$1/driver_override")"
}

pci_find() { # VENDOR:DEVICE [N]; prints the BDF of the first, or Nth, of its kind
	lspci -D -d "$1" | sed -n "${2:-1}s/ .*//p"
}

# The lab kernel has drivers built in. They cannot go, but with automatic probing
# off take no VF either.
unload_driver() { # MODULE
	! grep -q "^${1//-/_} " /proc/modules 2> /dev/null || modprobe -r "$1"
}

vf_bdf() { basename "$(readlink "$pci_dir/$PF/virtfn$1")"; } # NUMBER from 0

vf_mac() { printf '52:54:00:aa:00:%02x\n' "$1"; } # NUMBER from 0

# Make COUNT VFs, each with its vf_mac. No driver takes them, unless the second
# argument is "probe".
make_vfs() { # COUNT [probe]
	local vf
	echo 0 > "$pci_dir/$PF/sriov_numvfs"
	if [ "${2:-}" = probe ]; then
		modprobe igbvf
		echo 1 > "$pci_dir/$PF/sriov_drivers_autoprobe"
	else
		echo 0 > "$pci_dir/$PF/sriov_drivers_autoprobe"
	fi
	echo "$1" > "$pci_dir/$PF/sriov_numvfs"
	for ((vf = 0; vf < $1; vf++)); do
		ip link set "$(pci_netdev "$PF")" vf "$vf" mac "$(vf_mac "$vf")"
	done
}

drop_vfs() {
	echo 0 > "$pci_dir/$PF/sriov_numvfs"
	echo 0 > "$pci_dir/$PF/sriov_drivers_autoprobe"
}

# The host stops using the PF, so that it can be assigned, and uses it again.
free_pf() {
	drop_vfs
	ip link set "$(pci_netdev "$PF")" down
}

regain_pf() {
	local nic
	nic=$(pci_netdev "$PF")
	ip link set "$nic" up
	ip address replace 10.0.2.15/24 dev "$nic"
}

# Move a function to a driver, or to none; what strait does by itself.
bind_driver() { # BDF DRIVER|none
	local dir=$pci_dir/$1
	[ ! -e "$dir/driver" ] || echo "$1" > "$dir/driver/unbind"
	if [ "$2" = none ]; then
		echo > "$dir/driver_override"
	else
		echo "$2" > "$dir/driver_override"
		echo "$1" > /sys/bus/pci/drivers_probe
	fi
}

# ---- NVMe -------------------------------------------------------------------

# A VF of the NVMe controller needs queues and interrupts of its own, which the
# PF's driver hands out (NVMe 2.0 8.26). Leaves its BDF in nvme_vf.
make_nvme_vf() { # PF
	local dir=$pci_dir/$1 name node vf
	bind_to_nvme "$1"
	name=$(ls "$dir/nvme")
	node=/dev/$name
	echo 0 > "$dir/sriov_numvfs"
	echo 0 > "$dir/sriov_drivers_autoprobe"
	nvme virt-mgmt "$node" -c 0 -r 0 -a 1 -n 0
	nvme virt-mgmt "$node" -c 0 -r 1 -a 1 -n 0
	nvme reset "$node"
	sleep 0.5
	echo 1 > "$dir/sriov_numvfs"
	nvme virt-mgmt "$node" -c 1 -r 1 -a 8 -n 1
	nvme virt-mgmt "$node" -c 1 -r 0 -a 8 -n 2
	nvme virt-mgmt "$node" -c 1 -r 0 -a 9 -n 0
	vf=$(readlink "$dir/virtfn0")
	nvme_vf=${vf##*/}
}

bind_to_nvme() { # BDF
	modprobe nvme
	[ "$(pci_driver "$1")" = nvme ] || bind_driver "$1" nvme
	echo > "$pci_dir/$1/driver_override"
}

drop_nvme_vf() { echo 0 > "$pci_dir/$1/sriov_numvfs"; } # PF

# ---- guests -----------------------------------------------------------------

# A script for the guest's lab.cmd= word.
guest_script() { printf '%s' "$1" | base64 -w 0; } # SHELL-TEXT

# A longer script than the kernel's command line holds (2 KiB): prints the name of
# an initramfs that has it as /lab.sh, for lab.cmd=$(guest_script "sh /lab.sh").
guest_initramfs_with() { # SHELL-TEXT [INITRAMFS]
	mkdir -p /tmp/guest-files
	printf '%s\n' "$1" > /tmp/guest-files/lab.sh
	cp "${2:-$GUEST_INITRAMFS}" /tmp/guest-with.cpio
	(cd /tmp/guest-files && echo lab.sh | cpio -o -H newc --quiet) \
		>> /tmp/guest-with.cpio
	echo /tmp/guest-with.cpio
}

# The bigger initramfs with iperf3 and fio besides, which make load; prints its name.
# Made on demand, because what fio is linked to is 40 MB.
guest_initramfs_load() {
	local out=/tmp/guest-load.cpio programs=(/usr/bin/iperf3 /usr/bin/fio)
	cp "$GUEST_FULL" $out
	{
		printf '%s\n' "${programs[@]}"
		ldd "${programs[@]}" | sed -nE 's|.* (/[^ ]+) \(0x.*|\1|p' |
			sed 's|^/lib/|/usr/lib/|' | grep -v ld-linux | sort -u
	} | sed 's|^/||' | list_with_parents |
		(cd / && cpio -o -H newc -L --quiet) >> $out
	echo $out
}

# Names of files, those of their directories before them.
list_with_parents() {
	awk -F / '{
		dir = ""
		for (i = 1; i < NF; i++) {
			dir = dir (i > 1 ? "/" : "") $i
			if (!seen[dir]++) print dir
		}
		print
	}'
}

# Run a guest to its end. Its console goes to $GUEST_CONSOLE (and, if GUEST_SHOW
# is set, to stdout as well with that text before each line), the VMM's messages
# to $GUEST_ERRORS; the status is the VMM's, 124 if the guest had to be ended
# after GUEST_TIMEOUT seconds. Options that are not given have defaults:
# --kernel, --initramfs, --cpus boot=1, --memory size=512M, --serial tty.
guest_run() { # CMDLINE [STRAIT-OPTION]...
	guest_command "$@"
	guest_exec
}

# Run what guest_command prepared.
guest_exec() {
	local status
	{
		timeout "$GUEST_TIMEOUT" "${vmm_argv[@]}" < /dev/null \
			2> "$GUEST_ERRORS" && echo 0 > /tmp/guest-status ||
			echo $? > /tmp/guest-status
	} | guest_output
	vmm_done
	read -r status < /tmp/guest-status
	note_loss "$status"
	return "$status"
}

guest_output() {
	if [ -n "${GUEST_SHOW:-}" ]; then
		tee "$GUEST_CONSOLE" | sed -u "s/^/$GUEST_SHOW/"
	else
		cat > "$GUEST_CONSOLE"
	fi
}

# Guests that ended by themselves in a triple fault, or never: run-tests asks, for
# whom LOST_GUESTS names a file with a line for each.
note_loss() { # STATUS
	if [ "$1" = 124 ]; then
		lose_guest "no end in $GUEST_TIMEOUT s"
	elif grep -q '^guest crashed: triple fault' "$GUEST_ERRORS"; then
		lose_guest "triple fault"
	fi
}

lose_guest() { [ -z "${LOST_GUESTS:-}" ] || echo "$1" >> "$LOST_GUESTS"; } # HOW

# The same in the background, for tests that do something to a running guest:
# leaves the VMM's process in guest_pid. End with guest_wait. A shell's background
# jobs ignore SIGINT and SIGQUIT unless told otherwise.
guest_start() { # CMDLINE [STRAIT-OPTION]...
	guest_command "$@"
	env --default-signal=INT,QUIT "${vmm_argv[@]}" < /dev/null > "$GUEST_CONSOLE" 2> "$GUEST_ERRORS" &
	guest_pid=$!
}

# Wait until that many lines (one, if not given) of the console of a guest that
# guest_start started match.
guest_expect() { # ERE [TIMES]
	local limit=$((SECONDS + GUEST_TIMEOUT))
	until [ "$(grep -acE -- "$1" "$GUEST_CONSOLE")" -ge "${2:-1}" ]; do
		kill -0 "$guest_pid" 2> /dev/null || return
		if [ "$SECONDS" -ge "$limit" ]; then
			lose_guest "not at '$1' after $GUEST_TIMEOUT s"
			return 1
		fi
		sleep 0.1
	done
}

# Wait until a strait that started in the background has its guest running; where
# the guest has got to is not asked.
wait_for_vcpu() { # PID
	local limit=$((SECONDS + GUEST_TIMEOUT))
	until grep -qs vcpu "/proc/$1"/task/*/comm; do
		[ "$SECONDS" -lt "$limit" ] && kill -0 "$1" || return 1
		sleep 0.1
	done
}

# Wait for that guest's end; the status is the VMM's, 124 after a timeout.
guest_wait() {
	local timer ended status=0
	sleep "$GUEST_TIMEOUT" &
	timer=$!
	wait -n -p ended "$guest_pid" "$timer" 2> /dev/null || status=$?
	if [ "$ended" = "$timer" ]; then
		kill -KILL "$guest_pid"
		wait "$guest_pid" || true
		status=124
	fi
	kill "$timer" 2> /dev/null || true
	guest_pid=""
	vmm_done
	note_loss "$status"
	return "$status"
}

# Puts the command that runs a guest into vmm_argv. Other VMMs understand only
# what both have: --kernel --initramfs --cpus --memory --device.
guest_command() { # CMDLINE [STRAIT-OPTION]...
	local cmdline="console=ttyS0 quiet panic=-1 $1" kernel=$GUEST_KERNEL initramfs=$GUEST_INITRAMFS
	local cpus=boot=1 memory=size=512M serial=tty vfio="" devices=() others=()
	shift
	while [ $# -gt 0 ]; do
		case $1 in
		--kernel) kernel=$2 ;;
		--initramfs) initramfs=$2 ;;
		--cpus) cpus=$2 ;;
		--memory) memory=$2 ;;
		--serial) serial=$2 ;;
		--vfio) vfio=$2 ;;
		--device) devices+=("$2") ;;
		*) others+=("$1") && shift && continue ;;
		esac
		shift 2
	done
	"${VMM}_command"
}

strait_command() {
	local device
	vmm_argv=("$STRAIT" run --kernel "$kernel" --initramfs "$initramfs"
		--cmdline "$cmdline" --cpus "$cpus" --memory "$memory"
		--serial "$serial")
	[ -z "$VFIO_BACKEND" ] || vfio+=${vfio:+,}backend=$VFIO_BACKEND
	[ -z "$vfio" ] || vmm_argv+=(--vfio "$vfio")
	for device in "${devices[@]}"; do vmm_argv+=(--device "$device"); done
	vmm_argv+=("${others[@]}")
}

qemu_command() {
	local device count=${cpus#boot=} size=${memory#size=} backend=""
	vmm_argv=(qemu-system-x86_64 -M "${QEMU_MACHINE:-q35}" -accel kvm -cpu host
		-nodefaults -no-user-config -display none -serial stdio
		-smp "${count%%,*}" -m "${size%%,*}" -kernel "$kernel"
		-initrd "$initramfs" -append "$cmdline")
	case ${others[*]} in *"--on-reboot exit"*) vmm_argv+=(-no-reboot) ;; esac
	if [ -c /dev/iommu ] && [ "$VFIO_BACKEND" != container ]; then
		vmm_argv+=(-object "iommufd,id=iofd")
		backend=,iommufd=iofd
	fi
	for device in "${devices[@]}"; do
		case $device in
		path=*/mdev/*)
			vmm_argv+=(-device "vfio-pci,sysfsdev=${device#path=}$backend")
			continue
			;;
		esac
		device=$(full_bdf "${device%%,*}")
		taken+=("$device $(pci_driver "$device")")
		bind_driver "$device" vfio-pci
		vmm_argv+=(-device "vfio-pci,host=$device$backend")
	done
}

full_bdf() { # BDF, or path=/sys/...
	case $1 in
	path=*) basename "${1#path=}" ;;
	*:*:*) echo "$1" ;;
	*) echo "0000:$1" ;;
	esac
}

# strait gives devices back by itself; QEMU does not.
taken=()
vmm_done() {
	local entry
	for entry in "${taken[@]}"; do
		bind_driver "${entry% *}" none
		[ "${entry#* }" = none ] || bind_driver "${entry% *}" "${entry#* }"
	done
	taken=()
}

# The rest of the last line of the guest's console that begins with WORD.
console_value() { # WORD
	tr -d '\r' < "$GUEST_CONSOLE" | sed -n "s/^$1 //p" | tail -n 1
}

# A number from --stats: the line that begins with "stats: LINE:", in it NAME=N;
# without a name, the sum that comes first.
stats_value() { # LINE [NAME]
	sed -nE "s/^stats: $1: (.* )?${2:+$2=}([0-9]+)( .*)?$/\2/p" \
		"$GUEST_ERRORS" | tail -n 1
}

# ---- TAP --------------------------------------------------------------------

tests_run=0
tests_failed=0

diag() { printf '%s\n' "$@" | sed '/^$/d; s/^/# /'; }

# What a failed test shows: the end of the guest's console. The next failure with
# the same guest need not show it again.
shown_guest=""
diag_guest() {
	local file state
	state=$(stat -c %y%s "$GUEST_ERRORS" "$GUEST_CONSOLE" 2> /dev/null) || true
	[ "$state" != "$shown_guest" ] || return 0
	shown_guest=$state
	for file in "$GUEST_ERRORS" "$GUEST_CONSOLE"; do
		[ -s "$file" ] || continue
		echo "# last lines of $file:"
		tail -n 15 "$file" | tr -d '\r' | tr -c '\n[:print:]' '?' |
			sed 's/^/#   /'
	done
}

pass() { tests_run=$((tests_run + 1)) && echo "ok $tests_run - $1"; }

not_ok() { # NAME DIAGNOSTIC...
	tests_run=$((tests_run + 1))
	tests_failed=$((tests_failed + 1))
	echo "not ok $tests_run - $1"
	shift
	[ $# -eq 0 ] || diag "$@"
	diag_guest
}

ok() { # NAME COMMAND...
	local name=$1 status=0
	shift
	"$@" > /tmp/ok.out 2>&1 || status=$?
	if [ "$status" -eq 0 ]; then
		pass "$name"
	else
		not_ok "$name" "status $status from: $*" "$(tail -n 15 /tmp/ok.out)"
	fi
}

is() { # NAME GOT WANT
	if [ "$2" = "$3" ]; then
		pass "$1"
	else
		not_ok "$1" "got:  $2" "want: $3"
	fi
}

like() { # NAME TEXT ERE
	if printf '%s\n' "$2" | grep -qE -- "$3"; then
		pass "$1"
	else
		not_ok "$1" "got:  $2" "want: $3"
	fi
}

# For ok.
between() { [ "$2" -ge "$1" ] && [ "$2" -le "$3" ]; } # LOW VALUE HIGH

# The same, about the last guest's console.
console_like() { # NAME ERE
	if grep -aqE -- "$2" "$GUEST_CONSOLE"; then
		pass "$1"
	else
		not_ok "$1" "want on the console: $2"
	fi
}

skip() { # NAME REASON
	tests_run=$((tests_run + 1))
	echo "ok $tests_run - $1 # SKIP $2"
}

skip_all() { # REASON
	echo "1..0 # SKIP $1"
	exit 0
}

done_testing() {
	echo "1..$tests_run"
	[ "$tests_failed" -eq 0 ]
}

# ---- leaving ----------------------------------------------------------------

guest_pid=""

lib_cleanup() {
	local status=$?
	if [ -n "$guest_pid" ]; then
		kill "$guest_pid" 2> /dev/null || true
		wait "$guest_pid" 2> /dev/null || true
		note_loss 0
	fi
	vmm_done
	drop_vfs
	return "$status"
}
trap lib_cleanup EXIT
