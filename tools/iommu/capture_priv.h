/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by the files that capture a machine. */
#ifndef STRAIT_TOOLS_IOMMU_CAPTURE_PRIV_H
#define STRAIT_TOOLS_IOMMU_CAPTURE_PRIV_H

#include "src/host/host.h"
#include "tools/iommu/capture.h"

enum { TEXT_LEN = 64 << 10, DIR_LEN = 1024 };

struct capture {
	const struct host *h;
	struct pack *p;
	struct capture_sum *sum;
	const char *dir;    /* that is being looked at */
	char buf[TEXT_LEN]; /* of the file that is being read */
};

/* dir/name, if it can be read. */
void capture_file(struct capture *c, const char *dir, const char *name);
/* Calls fn for each entry of dir, which it finds in c->dir. In order, so that
 * two records of the same machine are the same. */
void capture_each(struct capture *c, const char *dir,
		  int (*fn)(const char *name, void *arg));

/* What is no file of a function or group: processor, command line, mounts,
 * interrupts, modules, names of ACPI tables. */
void capture_system(struct capture *c);

#endif
