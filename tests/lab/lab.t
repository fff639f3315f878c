#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Boot the emulated host once, with LAB_KERNEL (default stock), and run all tests
# in t/ there. Arguments, or words in LAB_TESTS, name the tests to run:
#     LAB_TESTS="00-host" prove lab.t
#
# Comments in a test say what it needs. The machine gets what all tests ask for,
# in the order of their files:
#     # lab-device: e1000e,netdev=n1    another QEMU device
#     # lab-nic: n1                     a netdev for one
#     # lab-disk: d1=1G                 a drive for one
#     # lab-kernel: lab                 runs with this kernel only (default: both)
#     # lab-cpus: 1                     runs only where the machine has that many
#     # lab-backends: container         with the lab kernel it runs once more with
#                                       this VFIO back end, not only with iommufd
set -eu -o pipefail

lab_dir=$(cd "$(dirname "$0")" && pwd)
export LAB_KERNEL=${LAB_KERNEL:-stock}
read -ra tests <<< "$* ${LAB_TESTS:-}"

# The build shows its progress on stderr; stdout belongs to TAP.
if ! "$lab_dir/lab" build; then
	echo "1..0 # SKIP the emulated host cannot be built (see above)"
	exit 0
fi

options=()
while read -r kind value; do
	options+=("--$kind" "$value")
done < <(sed -nE 's/^# lab-(device|nic|disk): /\1 /p' "$lab_dir"/t/*.sh |
	awk '!seen[$0]++')

# Without --verbose prove shows nothing but numbers of what failed.
if [ -n "${HARNESS_ACTIVE:-}" ] && [ "${HARNESS_IS_VERBOSE:-0}" = 0 ]; then
	export TEST_SHOW_FAILURES=1
fi

[ ${#tests[@]} -gt 0 ] || tests=("$lab_dir"/t/*.sh)
output=$(mktemp)
trap 'rm -f "$output"' EXIT

# prove may keep what a test says until it ends.
progress() {
	sed -un "s/^# \(.* took [0-9]* s\)$/[lab] $LAB_KERNEL kernel: \1/p" >&2
}

# Run tests; results go on after those that are in $output already.
run() { # TEST...
	"$lab_dir/lab" run "${options[@]}" -- tests/lab/run-tests \
		--after "$(grep -cE '^(not )?ok ' "$output")" "$@" |
		tee -a "$output" >(progress)
}

echo "TAP version 13"
status=0
run "${tests[@]}" || status=$?
# The machine itself may stop or hang as well (docs/lab.md). One more gets what is left,
# and a test that stops that too has failed.
ended=$(grep -c '^# done: ' "$output") || true
if [[ $status = 12[45] && $ended -lt ${#tests[@]} ]]; then
	echo "[lab] ${tests[ended]##*/}: the emulated host failed; going on in another" >&2
	status=0
	run "${tests[@]:ended}" || status=$?
	! grep -q '^not ok' "$output" || status=1
fi
case $status in
124 | 125) echo "Bail out! The emulated host failed (status $status)" ;;
esac
exit "$status"
