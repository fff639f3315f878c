/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by the files of src/host alone. */
#ifndef STRAIT_HOST_PRIV_H
#define STRAIT_HOST_PRIV_H

#include "src/host/host.h"
#include "src/host/sriov.h"

/* Name of the driver of a function, "" without one. */
void host_driver(const struct host *h, struct bdf bdf, char *buf, size_t len);

/* Formats and normalizes a path; false (errno ENAMETOOLONG) if too long. */
bool host_path(char *buf, size_t len, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* An address of an interface of this machine, see struct host_ops. */
bool host_kernel_if_addr(const struct host *h, const char *ifname, char *buf,
			 size_t len);

/*
 * Notes about a PF that outlive a process but no boot (lock.c); whoever writes
 * holds the PF's lock. Reading returns the length or -errno.
 */
int host_note_write(const struct host *h, struct bdf pf, const char *what,
		    const char *text, struct err *e);
ssize_t host_note_read(const struct host *h, struct bdf pf, const char *what,
		       char *buf, size_t len);
void host_note_drop(const struct host *h, struct bdf pf, const char *what);

/* Likely causes, for e->code of a write of count to a PF's sriov_numvfs. */
void host_vfs_hint(const struct host *h, const struct host_pf *pf,
		   unsigned int count, struct err *e);

#endif
