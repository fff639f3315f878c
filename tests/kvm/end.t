#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# How a guest can end, and the exit status that each way gives. Signals are in
# signals_test.c.
set -u
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_kvm

guest reset --on-reboot exit --cmdline port
is "reset_register_ends_with_status_5" "$status" 5
guest reset --on-reboot exit --cmdline keyboard
is "keyboard_controller_reset_ends_with_status_5" "$status" 5

guest triple
is "triple_fault_ends_with_status_4" "$status" 4
is "output_before_a_triple_fault_is_there" "$out" up
like "triple_fault_is_named" "$err" "triple fault"
# Their values are lost on AMD, where KVM has reset the vCPU by then.
like "triple_fault_prints_registers" "$err" "rip [0-9a-f]{16} rsp [0-9a-f]{16}"

guest lost
is "jump_to_nowhere_ends_with_status_4" "$status" 4
like "error_of_kvm_is_named" "$err" "KVM_INTERNAL_ERROR 1 "
like "instruction_pointer_is_printed" "$err" "rip 00000000d0000000"
like "registers_are_printed" "$err" "rdi 0000000057a17bad"

guest triple --on-reboot restart
is "triple_fault_is_no_reboot" "$status" 4

guest hello --stats
is "stats_do_not_change_the_status" "$status" 0
like "stats_count_returns_by_reason" "$err" "returns to user space: [0-9]+ io=[0-9]+"
like "stats_count_vm_exits" "$err" "VM exits: exits=[1-9]"

# What is asked for and cannot be printed is no success.
run sh -c "'$STRAIT' run --help > /dev/full"
is "help_that_cannot_be_printed_is_a_host_error" "$status" 3
like "help_that_cannot_be_printed_says_why" "$err" "^error: standard output: write: No space left"

run sh -c "exec '$STRAIT' run --help >&-"
is "help_without_a_standard_output_is_a_host_error" "$status" 3

done_testing
