#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The lab tests once more, with the kernel that has iommufd.
LAB_KERNEL=lab exec "$(dirname "$0")/lab.t" "$@"
