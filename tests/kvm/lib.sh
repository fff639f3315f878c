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

# shellcheck source=../tap.sh
. "$(dirname "${BASH_SOURCE[0]}")/../tap.sh"

need_kvm() {
	[ -x "$STRAIT" ] || { echo "Bail out! no $STRAIT: run make"; exit 1; }
	[ -e /dev/kvm ] || skip_all "no /dev/kvm"
	{ : <> /dev/kvm; } 2> /dev/null || skip_all "no permission on /dev/kvm"
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
