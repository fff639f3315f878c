# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034 # some of this is for those who source it
#
# For the shell tests of the KVM tier. Source it by
#     # shellcheck source=lib.sh
#     . "$(dirname "$0")/lib.sh"
# STRAIT names the program, STRAIT_BUILD the folder of its objects. Run from
# the top of the tree.

STRAIT=${STRAIT:-build/strait}
STRAIT_BUILD=${STRAIT_BUILD:-build/obj}
guests=$STRAIT_BUILD/tests/kvm/guests
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

tap_nr=0
tap_failed=0

skip_all() { # REASON
	echo "1..0 # SKIP $1"
	exit 0
}

need_kvm() {
	[ -x "$STRAIT" ] || { echo "Bail out! no $STRAIT: run make"; exit 1; }
	[ -e /dev/kvm ] || skip_all "no /dev/kvm"
	{ : <> /dev/kvm; } 2> /dev/null || skip_all "no permission on /dev/kvm"
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

like() { # NAME TEXT REGEX; some line of TEXT matches
	grep -Eq -- "$3" <<< "$2"
	result $? "$1" || diag "no \"$3\" in: $2"
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

# Runs the program and leaves its output in $tmp/out and $out, its messages in
# $err and its exit status in $status.
run() { # WORD...
	timeout -k 5 40 "$@" > "$tmp/out" 2> "$tmp/err"
	status=$?
	out=$(tr -d '\0' < "$tmp/out")
	err=$(< "$tmp/err")
}

# Runs one of the guests; standard input is empty unless it is redirected to
# run_guest.
guest() { # NAME [OPTION]...
	run_guest "$@" < /dev/null
}
run_guest() {
	run "$STRAIT" run --kernel "$guests/$1" "${@:2}"
}
