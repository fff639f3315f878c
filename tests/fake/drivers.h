/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Plays the kernel's driver core on a tree: writes to driver/unbind and
 * drivers_probe move the driver links as the kernel would, and sriov_numvfs
 * takes another number from 0 alone. Puts itself into host->ops.
 */
#ifndef STRAIT_TESTS_FAKE_DRIVERS_H
#define STRAIT_TESTS_FAKE_DRIVERS_H

#include "src/host/host.h"

struct drivers {
	/* Driver that a probe finds where driver_override names none. */
	const char *by_id;
	/* Driver whose probe fails, NULL for none. */
	const char *failing;
	/* The nth write from now on (1 is the next) fails so; 0 for none. */
	unsigned int fail_nth;
	int fail_code;
	bool keep_failing; /* and all after it */
	unsigned int nr_writes;
	char log[1024]; /* "file=text;" of each write that came through */
	/* The PF's driver makes no more VFs than this; 0 for as many as asked.
	 */
	unsigned int most_vfs;
	/* sriov_vf_msix_count sets the VF's config space, 0 to this; with 0
	 * here it is a file like others. */
	unsigned int msix_default;
	unsigned int most_msix; /* as most_vfs */
	/* Opening this path fails with open_code; an address for if_addr. */
	const char *open_path;
	int open_code;
	const char *addr;
};

void drivers_attach(struct drivers *d, struct host *h);

#endif
