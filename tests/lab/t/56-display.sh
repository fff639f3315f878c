#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The framebuffer: a guest's console on it, seen and typed into by VNC. No VFIO, so
# one kernel is enough.
#
# lab-kernel: stock
set -eu
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

# A shell on the display's console, as a user would find it; the serial port says
# what came of it.
# shellcheck disable=SC2016 # it is for the guest
shell='. /lib.sh
for module in bochs atkbd psmouse; do modprobe $module; done
mount -t devtmpfs dev /dev 2> /dev/null
bdf=$(functions 1234:1111)
echo "DISPLAY $(driver_of $bdf)"
echo "KEYBOARD $(grep -c "AT Translated" /proc/bus/input/devices)"
wait_for grep -q PS/2 /proc/bus/input/devices && wait_for [ -c /dev/input/mice ]
(echo "MOVED $(dd if=/dev/input/mice bs=3 count=1 2> /dev/null | od -An -tu1)") &
dmesg | head -n 10 > /dev/tty1
sh < /dev/tty1 > /dev/tty1 2>&1 &
echo READY
wait
'
guest_start "console=tty0 console=ttyS0 lab.cmd=$(guest_script "sh /lab.sh")" \
	--initramfs "$(guest_initramfs_with "$shell" $GUEST_FULL)" \
	--display "vnc=0,screenshot=/tmp/shots"
ok "a_guest_with_a_display_comes_up" guest_expect "^READY"
is "the_display_has_its_driver" "$(console_value DISPLAY)" bochs-drm
is "the_keyboard_is_found" "$(console_value KEYBOARD)" 1

port=$(sed -n 's/^display: VNC on port //p' "$GUEST_ERRORS")
seen=$(vnc-type "$port" "echo typed by vnc > /dev/ttyS0" 30 20)
ok "what_is_typed_arrives" guest_expect "^typed by vnc"
# A packet of the kernel's for every mouse: buttons and signs, right, up.
ok "a_movement_of_the_mouse_arrives" guest_expect "^MOVED +[0-9]+ +30 +236"
read -r _ before after _ changed _ <<< "$seen"
echo "# $seen"
ok "text_is_seen" [ "$before" -gt 100 ]
ok "the_picture_follows" [ "$changed" -gt 50 ]
ok "only_a_line_of_it_has_changed" [ "$changed" -lt 20000 ]
ok "more_is_lit_than_before" [ "$after" -gt "$before" ]

"$STRAIT" screenshot /tmp/shots /tmp/shot.png
is "a_screenshot_is_a_png" "$(od -An -c -N 4 /tmp/shot.png | tr -d ' ')" '211PNG'

vnc-type "$port" "reboot -f" > /tmp/seen || true
ok "the_guest_reboots" guest_expect "^READY" 2
seen=$(vnc-type "$port" "poweroff -f")
ok "viewers_see_the_next_machine" [ -n "$seen" ]
status=0
guest_wait || status=$?
is "it_powers_off" "$status" 0
ok "the_socket_is_gone" [ ! -e /tmp/shots ]

done_testing
