#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The command line of strait-vf: how functions are named.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
vf=$STRAIT_BUILD/strait-vf

run "$vf" set 0000:ff:1f.7 eswitch=legacy
plain=$err
run "$vf" set pci/0000:ff:1f.7 eswitch=legacy
is "a_devlink_handle_of_a_pci_function_is_that_function" "$err" "$plain"
is "and_is_checked_as_such" "$status" 3
run "$vf" set pci/nonsense eswitch=legacy
like "no_other_handle_of_pci_goes_by_devlink" "$err" 'pci/nonsense: there is no such PF'

done_testing
