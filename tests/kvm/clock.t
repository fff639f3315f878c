#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The clock in a whole machine: it has the host's time, and its battery lasts while
# the guest reboots.
set -u
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_kvm

before=$(date -u +%Y%m%d)
guest clock
after=$(date -u +%Y%m%d)
is "guest_that_uses_the_clock_powers_off" "$status" 0
like "clock_has_the_date_of_the_host" "$out" "^date ($before|$after)"
# BCD, 24 hours, no interrupt.
like "clock_keeps_the_year_and_ram_that_the_guest_set" "$out" " kept 000031"
like "clock_is_reset_with_no_interrupt_enabled" "$out" " kept 0000..02$"

done_testing
