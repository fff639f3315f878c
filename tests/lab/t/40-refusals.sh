#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Each thing that cannot work is refused before the guest starts: one sentence
# with the thing and the cause, a hint that helps, a status that tells the kind,
# and a host that is as it was.
#
# Two functions that share an IOMMU group, because a bridge to conventional PCI
# cannot tell their DMA apart:
# lab-device: pcie-pci-bridge,id=shared
# lab-device: rtl8139,bus=shared,addr=1
# lab-device: rtl8139,bus=shared,addr=2
set -eu
# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

errors=/tmp/refusal
user=65534

# All that strait may touch, in a text.
host_state() {
	local dir
	for dir in "$pci_dir"/*; do
		echo "${dir##*/} $(pci_binding "${dir##*/}")"
	done
	echo "MemTotal and huge pages: $(cat /proc/sys/vm/nr_hugepages)"
	echo "processes: $(pgrep -x strait || true)"
}

# Run a command and compare: status, the only error line, the only hint line.
# What it finds wrong goes to stdout.
check_refusal() { # STATUS ERROR-ERE HINT-ERE COMMAND...
	local status=0 want=$1 error=$2 hint=$3
	shift 3
	timeout 60 "$@" < /dev/null > /dev/null 2> $errors || status=$?
	cat $errors
	[ "$status" = "$want" ] || echo "status $status instead of $want"
	[ "$(grep -c '^error: ' $errors)" = 1 ] || echo "not one error"
	[ "$(grep -c '^hint: ' $errors)" = "${hint:+1}" ] || echo "not one hint"
	[ "$(wc -l < $errors)" = $((1 + ${#hint} > 0 ? 2 : 1)) ] || true
	grep -qE "^error: $error" $errors || echo "want the error: $error"
	grep -qE "^hint: .*$hint" $errors || echo "want the hint: $hint"
}
