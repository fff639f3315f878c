#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The test that wants a machine with one CPU (lab-cpus in its comments).
LAB_KERNEL=stock LAB_CPUS=1 exec "$(dirname "$0")/lab.t" 61-load "$@"
