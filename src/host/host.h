/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host kernel's view of PCI: sysfs, drivers, IOMMU groups' members, who
 * holds a file, limits.
 *
 * Every path is relative to a root directory fd, so that a test can give a
 * tree of its own. Nothing here keeps state but what is needed to undo.
 */
#ifndef STRAIT_HOST_HOST_H
#define STRAIT_HOST_HOST_H

#include <limits.h>
#include <sys/types.h>

#include "src/base/err.h"
#include "src/base/types.h"

struct host {
	int root_fd; /* directory that stands for "/" */
};

/* root is "/" or a test's tree. */
int host_open(struct host *h, const char *root, struct err *e);
void host_close(struct host *h);

/* --- files under the root; path is without a leading slash, printf-style ---
 */

/* Reads a text file whole, drops the trailing newline. Returns the length, or
 * -errno (errno set). */
ssize_t host_read(const struct host *h, char *buf, size_t len, const char *fmt,
		  ...) __attribute__((format(printf, 4, 5)));
/* Reads a number as C would write it (0x...). -errno. */
int host_read_u64(const struct host *h, uint64_t *out, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Writes text in one write(2). -errno (errno set). */
int host_write(const struct host *h, const char *text, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Last component of what a link points to. -errno. */
int host_link_name(const struct host *h, char *buf, size_t len, const char *fmt,
		   ...) __attribute__((format(printf, 4, 5)));
bool host_exists(const struct host *h, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* open(2) under the root with O_CLOEXEC. fd or -errno (errno set). */
int host_open_file(const struct host *h, int flags, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* --- PCI functions --- */

enum { HOST_NAME_LEN = 64 };

struct host_pci {
	struct bdf bdf;
	uint16_t vendor, device;
	uint32_t class_code;
	char driver[HOST_NAME_LEN]; /* "" if it has none */
	int group;		    /* IOMMU group number, -1 if it has none */
	bool is_vf;
	struct bdf pf; /* valid if is_vf */
};

/* -ENODEV with a hint (lspci -D) if there is no such function. */
int host_pci_get(const struct host *h, struct bdf bdf, struct host_pci *out,
		 struct err *e);

/*
 * Calls fn for each function of an IOMMU group, in BDF order, until it returns
 * non-zero, which is then returned. -errno if the group cannot be listed.
 */
int host_group_each(const struct host *h, int group,
		    int (*fn)(const struct host_pci *dev, void *arg), void *arg,
		    struct err *e);

/*
 * Gives a function to vfio-pci by driver_override (never new_id) and remembers
 * how it was. A function that is on vfio-pci already is left alone, and so it
 * stays at host_unbind. Refuses with the reason, and changes nothing, if the
 * vfio-pci module is not there, or if the function is in use on the host (its
 * network interface is up with an address or is a bridge/bond port, its disk
 * is mounted or swapped to).
 */
struct host_bind {
	struct bdf bdf;
	bool changed;		      /* something is to be undone */
	char driver[HOST_NAME_LEN];   /* was bound to, "" for none */
	char override[HOST_NAME_LEN]; /* driver_override before, "" for none */
};
int host_bind_vfio(const struct host *h, struct bdf bdf, struct host_bind *undo,
		   struct err *e);
/* Puts back driver and driver_override. Safe to call twice and on a zeroed
 * record. */
int host_bind_undo(const struct host *h, struct host_bind *undo, struct err *e);

/* --- who and how much --- */

/*
 * Finds a process that has path open (a device node; compared by the link of
 * /proc/PID/fd). Returns its pid and fills name (comm), or 0 if none is seen
 * or none may be seen.
 */
pid_t host_holder(const struct host *h, const char *path, char *name,
		  size_t len);

/* MemAvailable of /proc/meminfo, bytes. 0 if unknown. */
uint64_t host_mem_available(const struct host *h);
/* Free huge pages of that size (bytes), or 0. */
uint64_t host_hugepages_free(const struct host *h, uint64_t page_size);

#endif
