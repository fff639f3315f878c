/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by the files of src/host alone. */
#ifndef STRAIT_HOST_PRIV_H
#define STRAIT_HOST_PRIV_H

#include "src/host/host.h"
#include "src/host/sriov.h"

/* Name of the driver of a function, "" without one. */
void host_driver(const struct host *h, struct bdf bdf, char *buf, size_t len);

/* --- record.c: lookups that cannot leave a record --- */

/* openat2(2) with flags. fd or -errno. */
int host_record_resolve(const struct host *h, const char *path, int flags);
/* readlink(2) of the link that path names, as it does: no final 0. */
ssize_t host_record_readlink(const struct host *h, const char *path, char *buf,
			     size_t len);

/* An address of an interface of this machine, see struct host_ops. */
bool host_kernel_if_addr(const struct host *h, const char *ifname, char *buf,
			 size_t len);

/*
 * lock.c: the file that who binds a function locks, which nobody else can open.
 * -errno where none can be made (not root, no /run, read-only).
 */
int host_bind_lock_open(const struct host *h, struct bdf bdf);

/* Likely causes, for e->code of a write of count to a PF's sriov_numvfs. */
void host_vfs_hint(const struct host *h, const struct host_pf *pf,
		   unsigned int count, struct err *e);

#endif
