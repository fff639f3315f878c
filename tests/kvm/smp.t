#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Several vCPUs: the guest starts the others by INIT and SIPI; each says its
# APIC ID.
set -u
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_kvm

ids() { # LAST; the IDs of all but the boot CPU, as the guest prints them
	local i
	for ((i = 1; i <= $1; i++)); do printf '%08x\n' "$i"; done
}

guest smp --cpus boot=1 --cmdline 001
is "one_cpu_has_no_others" "$status:$out" "0:"

guest smp --cpus boot=4 --cmdline 004
is "four_cpus_start" "$status:$out" "0:$(ids 3)"

guest smp --irqchip split --cpus boot=4 --cmdline 004
like "four_cpus_start_with_a_split_irqchip_or_the_host_says_that_it_has_none" \
	"$status:$out:$err" "^0:$(ids 3 | head -n 1)|^3:.*KVM_CAP_SPLIT_IRQCHIP"

guest smp --cpus boot=255 --cmdline 255
like "255_cpus_start_or_the_host_says_how_many_it_allows" \
	"$status:$out:$err" "^000000fe|--cpus: this host's KVM runs at most"

guest triple --cpus boot=4
is "a_crash_of_one_cpu_ends_them_all" "$status" 4

done_testing
