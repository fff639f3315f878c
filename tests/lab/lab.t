#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Boot the emulated host once and run all tests in t/ there. Arguments, or words
# in LAB_TESTS, name the tests to run: LAB_TESTS="00-host" prove lab.t
#
# A test that needs more devices than the NIC says so in a comment; the machine
# gets what all tests ask for:   # lab-device: e1000e
set -eu

lab_dir=$(cd "$(dirname "$0")" && pwd)
read -ra tests <<< "$* ${LAB_TESTS:-}"

# The build shows its progress on stderr; stdout belongs to TAP.
if ! "$lab_dir/lab" build; then
	echo "1..0 # SKIP the emulated host cannot be built (see above)"
	exit 0
fi

devices=()
# shellcheck disable=SC2013 # a device has no spaces
for device in $(sed -n 's/^# lab-device: //p' "$lab_dir"/t/*.sh | sort -u); do
	devices+=(--device "$device")
done

echo "TAP version 13"
status=0
"$lab_dir/lab" run "${devices[@]}" -- tests/lab/run-tests "${tests[@]}" ||
	status=$?
case $status in
124 | 125) echo "Bail out! The emulated host failed (status $status)" ;;
esac
exit "$status"
