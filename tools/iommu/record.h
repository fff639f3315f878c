/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records: what the tool reads of a machine, in a tar file, to be looked at
 * elsewhere. What is in one, and what is left out, is in docs/strait-iommu.md.
 */
#ifndef STRAIT_TOOLS_IOMMU_RECORD_H
#define STRAIT_TOOLS_IOMMU_RECORD_H

#include <limits.h>
#include <sys/types.h>

#include "src/host/host.h"

/*
 * Limits on what is unpacked. A machine with 2,048 functions makes a record of
 * 33,000 members and 10 MiB; these leave room for several times that, and a
 * hostile record costs a few seconds and 64 MiB of a disk at most.
 */
enum {
	RECORD_MAX_MEMBERS = 400000,
	RECORD_MAX_BYTES = 64 << 20, /* in all files together */
	/* The largest are config space (4 KiB) and lists of functions. */
	RECORD_MAX_FILE = 256 << 10,
	/* Uncompressed, with headers of 512 bytes and padding. */
	RECORD_MAX_STREAM = 512 << 20,
	/* Functions behind eight bridges are at 200; sysfs nests twenty deep.
	 */
	RECORD_MAX_NAME = 512,
	RECORD_MAX_DEPTH = 40,
};

/* First and last member: what it is, and that it is whole. */
#define RECORD_HEAD    "strait-record"
#define RECORD_TAIL    "strait-record.end"
#define RECORD_VERSION 1

/* A record that is being read. */
struct record {
	char dir[PATH_MAX]; /* to be given to host_open_record */
	int alive_fd;	    /* closed when we end, however we end */
	pid_t janitor;	    /* removes dir then; 0: dir is the user's */
};

/*
 * path is a directory, or a tar file (gzip, xz and zstd as well), which is
 * unpacked to a private directory. That goes at record_close, and also if this
 * process is killed. record_close accepts a zeroed one and what failed.
 */
int record_open(struct record *r, const char *path, struct err *e);
void record_close(struct record *r);

/*
 * Unpacks a tar file below dir_fd. Refuses whatever a record does not hold:
 * members that lead out of the directory, links that do, hard links, devices,
 * and more than the limits above. What is written until then is below dir_fd.
 */
int unpack(const char *path, int dir_fd, struct err *e);

#endif
