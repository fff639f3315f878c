#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What is behind emulated devices, beyond what 55-emulated has: block devices, NBD, a
# host disk that fills up, an open tap, a tap that goes away, consoles on a terminal
# and a socket, free page reporting; then an ordinary user's guest, with passt, VNC on
# a unix socket and its console on strait's own input and output. No VFIO, so one
# kernel is enough.
#
# lab-kernel: stock
set -eu
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

modprobe -a tun loop
work=/tmp/backends
mkdir -p $work/small
chmod 755 $work

# ---- what is behind the devices ----------------------------------------------

servers=()

# Sends back what it is sent, on TCP port 7 of every address.
perl -MIO::Socket -e '
	$SIG{CHLD} = "IGNORE";
	$s = IO::Socket::INET->new(LocalPort => 7, Listen => 5, ReuseAddr => 1) or die $!;
	while ($c = $s->accept) {
		close $c, next if fork;
		syswrite $c, $b while sysread $c, $b, 65536;
		exit;
	}' &
servers+=($!)

for tap in handed:10.9.5.1 away:10.9.6.1; do
	ip tuntap add dev ${tap%:*} mode tap vnet_hdr
	ip address add ${tap#*:}/24 dev ${tap%:*}
	ip link set ${tap%:*} up
done

truncate -s 64M $work/loop.img $work/unix.img $work/tcp.img
qemu-img create -q -f qcow2 $work/cow.qcow2 64M
loop=$(losetup --find --show $work/loop.img)
qemu-nbd --persistent --format raw --socket $work/nbd $work/unix.img &
servers+=($!)
qemu-nbd --persistent --format raw --bind 127.0.0.1 --port 10809 $work/tcp.img &
servers+=($!)
# Room for a part of what the guest writes.
mount -t tmpfs -o size=16M tmpfs $work/small
truncate -s 64M $work/small/disk.img
dd if=/dev/zero of=$work/small/filler bs=1M count=8 2> /dev/null

# Opens a tap as fd 9 for the command behind it: IFF_TAP, IFF_NO_PI, IFF_VNET_HDR.
# shellcheck disable=SC2016 # it is for perl
with_tap=(perl -e '
	use POSIX;
	$name = shift;
	open my $tun, "+<", "/dev/net/tun" or die $!;
	ioctl $tun, 0x400454ca, pack "a16 S x22", $name, 0x5002 or die $!;
	POSIX::dup2(fileno $tun, 9);
	exec @ARGV;')

# Says a line to a terminal or a socket, and waits for an answer.
# shellcheck disable=SC2016
talk() { # PATH LINE ANSWER
	perl -MIO::Socket::UNIX -MFcntl -e '
		($path, $line, $want) = @ARGV;
		if (-S $path) { $f = IO::Socket::UNIX->new($path) or die $! }
		else { sysopen $f, $path, O_RDWR | O_NOCTTY or die $! }
		syswrite $f, "$line\n";
		alarm 60;
		while (sysread $f, $bytes, 4096) {
			$all .= $bytes;
			exit 0 if index($all, $want) >= 0;
		}
		exit 1' "$@"
}

# ---- a guest with all of it --------------------------------------------------

# A guest's shell functions: what is read is repeated on the serial port.
# shellcheck disable=SC2016 # it is for the guest
console_functions='. /lib.sh
modprobe virtio_pci
modprobe virtio_console
use_console() {
	exec 3<> /dev/hvc0
	echo CONSOLE
	read line <&3
	echo "HVC $line"
	echo "said by hvc0" >&3
}
'
# shellcheck disable=SC2016
use_all=$console_functions'
for module in virtio_net virtio_blk virtio_balloon ata_piix sd_mod; do modprobe $module; done
set -- $(functions 1af4:1041)
use_net handed $1 10.9.5.2/24 10.9.5.1 2
net_up $2 10.9.6.2/24 && echo AWAY-UP
gone() { ! has_carrier $nic; }
wait_for gone && echo AWAY-DOWN
for bdf in $(functions 1af4:1042); do
	block_device $bdf
	read serial < /sys/block/${disk##*/}/serial
	[ $serial != FULL ] || continue
	use_disk disk$serial $bdf 8
	echo "SUM$serial $(dd if=$disk bs=1M count=8 2> /dev/null | md5sum)"
done
for bdf in $(functions 8086:7010); do use_disk ide $bdf 4; done
use_console
mount -t tmpfs -o size=200M tmpfs /mnt
dd if=/dev/zero of=/mnt/much bs=1M count=100 2> /dev/null
echo MEMORY-USED
rm /mnt/much
echo MEMORY-FREE
for bdf in $(functions 1af4:1042); do
	block_device $bdf
	read serial < /sys/block/${disk##*/}/serial
	[ $serial = FULL ] || continue
	use_disk diskFULL $bdf 16
	echo "SUM$serial $(dd if=$disk bs=1M count=8 2> /dev/null | md5sum)"
done
'
disk=serial=FULL,on-enospc=pause
guest_command "lab.cmd=$(guest_script "sh /lab.sh")" \
	--initramfs "$(guest_initramfs_with "$use_all" $GUEST_FULL)" --stats \
	--net fd=9 --net tap=away \
	--disk path="$loop",serial=LOOP \
	--disk "path=nbd+unix:///?socket=$work/nbd,serial=NBD" \
	--disk path=nbd://127.0.0.1:10809,serial=TCP \
	--disk path=$work/small/disk.img,$disk \
	--disk path=$work/cow.qcow2,bus=ide \
	--console pty \
	--balloon free_page_reporting=on
"${with_tap[@]}" handed "${vmm_argv[@]}" < /dev/null > "$GUEST_CONSOLE" 2> "$GUEST_ERRORS" &
guest_pid=$!

# The kernel's view of what was taken: with the guest's features, the tap sends it
# frames without checksums, and of many segments.
ok "the_link_of_another_tap_comes_up" guest_expect '^AWAY-UP'
offloads=$(ethtool -k handed)
for name in tx-checksum-ip-generic tx-tcp-segmentation tx-tcp6-segmentation; do
	like "the_guest_takes_$name" "$offloads" "^\s*$name: on"
done
average() { # rx|tx; bytes per frame
	local counts=/sys/class/net/handed/statistics/$1
	echo $(($(< "${counts}_bytes") / $(< "${counts}_packets")))
}
echo "# bytes per frame: $(average tx) to the guest, $(average rx) from it"
ok "frames_to_the_guest_are_of_many_segments" [ "$(average tx)" -gt 1514 ]
ok "frames_from_the_guest_are_of_many_segments" [ "$(average rx)" -gt 1514 ]
ip link del away
ok "a_tap_that_goes_away_takes_the_link_down" guest_expect '^AWAY-DOWN'
is "and_is_said_once" "$(grep -c 'net1: away is gone' "$GUEST_ERRORS")" 1

guest_expect '^CONSOLE' || true
pty=$(sed -n 's/^console: //p' "$GUEST_ERRORS")
ok "a_console_on_a_terminal_of_its_own_answers" \
	talk "$pty" "typed at the terminal" "said by hvc0"

held() { sed -nE 's/^RssShmem:\s+([0-9]+) kB/\1/p' "/proc/$guest_pid/status"; }
guest_expect '^MEMORY-USED' || true
before=$(held)
given_back() { [ "$(held)" -lt $((before - 60000)) ]; }
wait_until() { # COMMAND...
	local limit=$((SECONDS + 60))
	until "$@"; do
		[ "$SECONDS" -lt "$limit" ] || return 1
		sleep 0.2
	done
}
ok "free_pages_go_to_the_host" wait_until given_back
echo "# RAM that strait holds: $before kB, then $(held) kB"

waits() { grep -q 'no space left: the guest waits' "$GUEST_ERRORS"; }
ok "a_full_disk_makes_the_guest_wait" wait_until waits
sleep 2
ok "which_it_does" bash -c "! grep -aq '^USED diskFULL' $GUEST_CONSOLE"
rm $work/small/filler
mount -o remount,size=64M $work/small
status=0
guest_wait || status=$?
is "a_guest_on_these_powers_off" "$status" 0
used='virtio-pci irq=msix interrupts=yes data=same'
console_like "an_open_tap_that_was_handed_over" "^USED handed $used"
for kind in LOOP:a_block_device NBD:nbd_on_a_unix_socket TCP:nbd_by_tcp \
	FULL:and_goes_on_when_there_is_room; do
	console_like "${kind#*:}" "^USED disk${kind%:*} $used"
done
console_like "qcow2_behind_ide" "^USED ide ata_piix irq=intx interrupts=yes data=same"
ok "and_the_image_is_sound" qemu-img check -q $work/cow.qcow2
console_like "what_was_typed_at_the_terminal_arrives" '^HVC typed at the terminal'
sum() { dd if="$1" bs=1M count=8 2> /dev/null | md5sum; } # FILE
is "what_the_guest_wrote_is_on_the_block_device" "$(console_value SUMLOOP)" "$(sum "$loop")"
is "and_at_the_server_on_a_socket" "$(console_value SUMNBD)" "$(sum $work/unix.img)"
is "and_at_the_server_on_tcp" "$(console_value SUMTCP)" "$(sum $work/tcp.img)"
is "and_on_the_disk_that_was_full" "$(console_value SUMFULL)" "$(sum $work/small/disk.img)"
is "nothing_else_is_complained_about" \
	"$(grep -vE '^(stats|console):|away is gone|no space left: the guest waits' "$GUEST_ERRORS")" ""

# ---- a console on a socket ----------------------------------------------------

guest_start "lab.cmd=$(guest_script "sh /lab.sh")" --console socket=$work/console \
	--initramfs "$(guest_initramfs_with "${console_functions}use_console" $GUEST_FULL)"
guest_expect '^CONSOLE' || true
ok "a_console_on_a_socket_answers" talk $work/console "typed at the socket" "said by hvc0"
guest_wait || true
console_like "what_was_typed_at_the_socket_arrives" '^HVC typed at the socket'

# ---- an ordinary user's guest ------------------------------------------------

# A program of the host's that users have.
chmod 666 /dev/kvm
nic=$(pci_netdev $PF)
ip route add default via $GATEWAY dev "$nic"
user=$work/user
mkdir -p $user
chown 1000:1000 $user

# The gateway's address is the host as well, for passt. Debian 13's may reset a
# connection whose receiver closed its window for a moment: its own capture (--pcap)
# ends with that, and all that was captured before has reached the guest. So there are
# many connections, none of which fills a window.
# shellcheck disable=SC2016 # it is for the guest
as_user=$console_functions'
for module in virtio_net e1000 bochs; do modprobe $module; done
dmesg | head -n 10 > /dev/tty1
printf "%s\n" "#!/bin/sh" "[ \$1 != bound ] || ip address add \$ip/\$mask dev \$interface" \
	"[ \$1 != bound ] || ip route add default via \$router" > /dhcp
chmod 755 /dhcp
for bdf in $(functions 1af4:1041) $(functions 8086:100e); do
	wait_for net_exists $bdf
	ip link set $nic up
	wait_for has_carrier $nic
	udhcpc -q -n -i $nic -s /dhcp > /dev/null 2>&1 &&
		echo "ADDRESS $(ip -4 -o address show $nic)"
	before=$(irq_count $bdf)
	result=same
	for i in $(seq 32); do
		[ "$result" != same ] || result=$(echo_check '$GATEWAY' 1 48k)
	done
	report passt $bdf $before "$result"
	net_down $bdf
done
use_console
read line <&3
'
GUEST_CONSOLE=$user/serial
GUEST_ERRORS=$user/errors
mkfifo -m 666 $user/typed
guest_command "lab.cmd=$(guest_script "sh /lab.sh")" --serial file=$GUEST_CONSOLE \
	--initramfs "$(guest_initramfs_with "$as_user" $GUEST_FULL)" \
	--net passt --net passt,model=e1000 --console tty --display socket=$user/vnc
setpriv --reuid 1000 --regid 1000 --clear-groups "${vmm_argv[@]}" \
	< $user/typed > $user/said 2> "$GUEST_ERRORS" &
guest_pid=$!
exec 8> $user/typed
ok "an_ordinary_user_has_a_guest" guest_expect '^CONSOLE'
console_like "its_address_comes_by_dhcp" "^ADDRESS .* inet 10\.0\.2\.15/"
is "as_often_as_it_asks" "$(grep -ac '^ADDRESS .* inet 10\.0\.2\.15/' "$GUEST_CONSOLE")" 2
console_like "passt_is_its_network" "^USED passt $used"
console_like "also_of_a_register_level_card" \
	"^USED passt e1000 irq=intx interrupts=yes data=same"
echo "typed at the terminal" >&8
ok "input_goes_to_the_console" guest_expect '^HVC typed at the terminal'
says() { grep -q "said by hvc0" $user/said; }
ok "what_the_console_says_is_output" wait_until says
is "vnc_on_a_socket_is_the_users_alone" "$(stat -c '%U %a' $user/vnc)" "UNKNOWN 600"
seen=$(vnc-type $user/vnc "x")
echo "# $seen"
read -r _ lit _ <<< "$seen"
ok "and_shows_the_picture" [ "${lit:-0}" -gt 100 ]
echo "the end" >&8
exec 8>&-
status=0
guest_wait || status=$?
is "it_powers_off" "$status" 0
is "passt_has_ended" "$(pgrep -c passt)" 0

# ---- the end -----------------------------------------------------------------

ip route del default via $GATEWAY dev "$nic"
kill "${servers[@]}" 2> /dev/null || true
losetup --detach "$loop"
umount $work/small
ip link del handed
rm -rf $work
done_testing
