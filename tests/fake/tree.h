/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A directory tree made from text, to stand for a host's /sys, /proc and /dev.
 *
 * One entry per line; parents are made as needed; a later entry replaces an
 * earlier one; # starts a comment line:
 *
 *	sys/class/iommu/			a directory
 *	sys/bus/pci/slot/vendor = 0x8086	a file with that line
 *	proc/swaps = one\ntwo			\n, \t and \\ as in C
 *	sys/bus/pci/slot/config : 86 80 00*60	a binary file, bytes in hex; *N
 *						repeats one N times (decimal)
 *	sys/bus/pci/slot/config @ 102 : 05	writes these over it at 0x102
 *	sys/kernel/link -> ../target		a symbolic link
 *	- sys/kernel/link			removes it and what is below
 *
 * tools/mktree writes this form from a real machine.
 */
#ifndef STRAIT_TESTS_FAKE_TREE_H
#define STRAIT_TESTS_FAKE_TREE_H

#include "src/host/host.h"

struct tree {
	char root[64];
};

/* An empty tree under TMPDIR, /dev/shm or /tmp. Aborts on failure, as all of
 * these do. */
void tree_make(struct tree *t);
/* Adds the entries of text, or of the file tests/data/NAME.tree (looked for
 * from the repository root, where tests run). */
void tree_add(struct tree *t, const char *text);
void tree_load(struct tree *t, const char *name);
void tree_remove(struct tree *t);

#endif
