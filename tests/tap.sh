# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# TAP 13 for shell tests that run on this machine: tests/kvm/lib.sh and
# tests/tools/lib.sh source it, after they have made the directory $tmp.

tap_nr=0
tap_failed=0

skip_all() { # REASON
	echo "1..0 # SKIP $1"
	exit 0
}

# A line about a failure. prove shows only numbers unless it is verbose, so there
# it goes to stderr as well.
complain() { # LINE
	echo "$1"
	[ -z "${HARNESS_ACTIVE:-}" ] || [ "${HARNESS_IS_VERBOSE:-0}" != 0 ] || echo "$1" >&2
}

result() { # STATUS NAME; passes if STATUS is 0, and returns it
	tap_nr=$((tap_nr + 1))
	if [ "$1" = 0 ]; then
		echo "ok $tap_nr - $2"
	else
		tap_failed=1
		complain "not ok $tap_nr - $2"
	fi
	return "$1"
}

diag() { complain "$(printf "%s\n" "$1" | head -n 40 | sed "s/^/# /")"; }

is() { # NAME GOT WANT
	[ "$2" = "$3" ]
	result $? "$1" || diag "got: $2"$'\n'"not: $3"
}

like() { # NAME TEXT ERE; some line of TEXT matches
	grep -Eq -- "$3" <<< "$2"
	result $? "$1" || diag "no \"$3\" in: $2"
}

unlike() { # NAME TEXT ERE; no line of TEXT matches
	! grep -Eq -- "$3" <<< "$2"
	result $? "$1" || diag "there is \"$3\" in: $2"
}

same() { # NAME FILE FILE
	cmp "$2" "$3" > "$tmp/cmp" 2>&1
	result $? "$1" || diag "$(< "$tmp/cmp")"
}

skip() { # NAME REASON
	tap_nr=$((tap_nr + 1))
	echo "ok $tap_nr - $1 # SKIP $2"
}

done_testing() {
	echo "1..$tap_nr"
	exit "$tap_failed"
}
