#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# Init of the guests that run in the emulated host. What it does is told by
# words on the kernel's command line, in this order whatever theirs:
#
#   lab.mod=NAME[,NAME...]   load these modules (default with lab.net: igbvf)
#   lab.net=IP/LEN[@DRIVER]  wait for the network interface of DRIVER (default:
#                            the first of any), give it this address, wait for
#                            its carrier
#   lab.show                 list PCI functions and network interfaces
#   lab.ping=ADDR[:COUNT]    ping (COUNT 3)
#   lab.flood=ADDR:COUNT     ping as fast as answers come
#   lab.cmd=BASE64           run this shell script
#   lab.shell                a shell on the console
#   lab.end=WHAT             poweroff (default), reboot, panic, hang
#
# It prints lines that tests look for:
#
#   GUEST-USERSPACE UPTIME             first of all
#   GUEST-NET NAME MAC IP/LEN          the interface has its carrier
#   GUEST-NET-FAIL REASON
#   PING-OK ADDR RECEIVED/SENT         all answered; else PING-FAIL
#   FLOOD-OK ADDR RECEIVED/SENT MS     all answered; else FLOOD-FAIL
#   CMD-EXIT STATUS                    after lab.cmd
#   GUEST-END WHAT UPTIME              last of all
#
# guest.cpio has busybox and igbvf; guest-full.cpio has lspci and more drivers.

busybox mount -t proc proc /proc
read -r uptime _ < /proc/uptime
echo "GUEST-USERSPACE $uptime"

# One variable for each word; without forks, because those are dear in a guest
# of an emulated host.
read_words() {
	local item words
	mod="" net="" show="" ping="" flood="" cmd="" shell="" end=poweroff
	read -r words < /proc/cmdline
	for item in $words; do
		case $item in
		lab.mod=*) mod=${item#*=} ;;
		lab.net=*) net=${item#*=} ;;
		lab.show) show=yes ;;
		lab.ping=*) ping=${item#*=} ;;
		lab.flood=*) flood=${item#*=} ;;
		lab.cmd=*) cmd=${item#*=} ;;
		lab.shell) shell=yes ;;
		lab.end=*) end=${item#*=} ;;
		esac
	done
}

# Wait up to ten seconds for a command to succeed.
wait_for() {
	local tries=0
	until "$@"; do
		[ $tries -lt 200 ] || return 1
		sleep 0.05
		tries=$((tries + 1))
	done
}

find_interface() { # DRIVER or nothing
	local dir
	for dir in /sys/class/net/*/device/driver; do
		[ -e "$dir" ] || continue
		case $(readlink "$dir") in
		*"/${1:-}") ;;
		*) [ -z "${1:-}" ] || continue ;;
		esac
		interface=${dir#/sys/class/net/}
		interface=${interface%%/*}
		return 0
	done
	return 1
}

has_carrier() {
	[ "$(cat "/sys/class/net/$interface/carrier" 2> /dev/null)" = 1 ]
}

set_up_net() { # IP/LEN[@MODULE]
	local address=${1%@*} driver=""
	case $1 in *@*) driver=${1#*@} ;; esac
	if ! wait_for find_interface "$driver"; then
		echo "GUEST-NET-FAIL no interface ${driver:+of }$driver"
		return
	fi
	ip link set "$interface" up
	ip address add "$address" dev "$interface"
	if wait_for has_carrier; then
		echo "GUEST-NET $interface" \
			"$(cat "/sys/class/net/$interface/address") $address"
	else
		echo "GUEST-NET-FAIL $interface has no carrier"
	fi
}

show_hardware() {
	lspci -nnk || lspci -k
	ip address show
}

# Run a ping command, show it, and print KIND-OK or KIND-FAIL.
report_ping() { # KIND ADDR COMMAND...
	local kind=$1 addr=$2 start end sent="" received=0 line
	shift 2
	read -r start _ < /proc/uptime
	"$@" > /tmp/ping 2>&1
	read -r end _ < /proc/uptime
	cat /tmp/ping
	line=$(grep 'packets transmitted' /tmp/ping)
	if [ -n "$line" ]; then
		sent=${line%% *}
		received=${line#*, }
		received=${received%% *}
	fi
	if [ "$received" = "$sent" ]; then kind=$kind-OK; else kind=$kind-FAIL; fi
	echo "$kind $addr $received/${sent:-?}" \
		"$(((${end%.*}${end#*.} - ${start%.*}${start#*.}) * 10))"
}

ping_slowly() { # ADDR[:COUNT]
	local count=${1#*:}
	[ "$count" != "$1" ] || count=3
	report_ping PING "${1%:*}" ping -c "$count" -W 5 "${1%:*}"
}

ping_fast() { # ADDR:COUNT
	report_ping FLOOD "${1%:*}" ping -q -A -c "${1#*:}" -W 5 "${1%:*}"
}

run_script() { # BASE64
	echo "$1" | base64 -d > /tmp/script
	sh /tmp/script
	echo "CMD-EXIT $?"
}

the_end() { # WHAT
	read -r uptime _ < /proc/uptime
	echo "GUEST-END $1 $uptime"
	case $1 in
	reboot) reboot -f ;;
	panic) echo c > /proc/sysrq-trigger ;;
	hang) while :; do sleep 3600; done ;;
	*) poweroff -f ;;
	esac
}

load_modules() { # NAME[,NAME...]
	local name
	for name in $(echo "$1" | tr , ' '); do
		modprobe "$name" || echo "GUEST-MODULE-FAIL $name"
	done
}

mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
read_words
[ -z "$net" ] || mod=${mod:-igbvf}
load_modules "$mod"
[ -z "$net" ] || set_up_net "$net"
[ -z "$show" ] || show_hardware
[ -z "$ping" ] || ping_slowly "$ping"
[ -z "$flood" ] || ping_fast "$flood"
[ -z "$cmd" ] || run_script "$cmd"
[ -z "$shell" ] || setsid cttyhack sh
the_end "$end"
