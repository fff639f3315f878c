/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes a record: a tar file without what identifies a machine or its owner.
 */
#ifndef STRAIT_TOOLS_IOMMU_PACK_H
#define STRAIT_TOOLS_IOMMU_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/err.h"

struct pack;

/*
 * path is made, and must not exist; "-" is standard output. It ends in .tar, or
 * in .gz, .xz or .zst for it to be compressed; -EINVAL: in something else. The
 * first error stays and is returned by pack_end; what comes after it is not
 * written.
 */
int pack_begin(struct pack **out, const char *path, struct err *e);
/* Writes the end, or removes the file if anything failed. Frees. */
int pack_end(struct pack *p, uint64_t *bytes, struct err *e);

/* MAC addresses in names, targets and text are replaced on the way. */
void pack_text(struct pack *p, const char *name, const char *text, size_t len);
void pack_bytes(struct pack *p, const char *name, const void *data, size_t len);
void pack_link(struct pack *p, const char *name, const char *target);
void pack_dir(struct pack *p, const char *name);

#endif
