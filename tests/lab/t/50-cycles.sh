#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Thirty guests with a VF, each stopped at another moment of its start: nothing
# is left behind, and the VF is as good as new.
set -eu
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

cycles=30

# Memory that is neither free nor given back on demand. Free pages that CPUs keep
# for themselves count as in use, some tens of MiB after this much freeing; a guest
# of 128 MiB that is still pinned is more than that.
memory_in_use() {
	sync
	echo 3 > /proc/sys/vm/drop_caches
	echo 1 > /proc/sys/vm/compact_memory
	awk '/^MemTotal/ { n = $2 } /^MemFree/ { n -= $2 } END { print n }' \
		/proc/meminfo
}

# Start a guest and stop it after some time; adds what is not as it should be to
# the array wrong.
cycle() { # TENTHS
	local status=0
	guest_start "" --memory size=128M --device "$vf"
	sleep "$(($1 / 10)).$(($1 % 10))"
	kill -TERM "$guest_pid"
	guest_wait || status=$?
	[ "$status" = 143 ] || wrong+=("after $1/10 s: status $status")
	[ "$(pci_binding "$vf")" = "none (null)" ] ||
		wrong+=("after $1/10 s: $(pci_binding "$vf")")
	! grep . "$GUEST_ERRORS" || wrong+=("after $1/10 s: it said that")
}

less_than() { [ "$1" -lt "$2" ]; }

make_vfs 1
vf=$(vf_bdf 0)
wrong=()
cycle 5
before=$(memory_in_use)
for ((i = 0; i < cycles; i++)); do cycle $((i % 15)); done
growth=$(($(memory_in_use) - before))

is "each_stop_is_clean" "${wrong[*]}" ""
diag "memory in use grew by $growth KiB"
ok "no_memory_is_left_behind" less_than "$growth" 100000
is "no_process_is_left_behind" "$(pgrep -x strait || true)" ""
status=0
guest_run "lab.net=10.0.2.30/24 lab.ping=10.0.2.2" --device "$vf" || status=$?
is "the_vf_still_works" "$status $(console_value PING-OK | cut -d" " -f 1,2)" \
	"0 10.0.2.2 3/3"

done_testing
