// SPDX-License-Identifier: GPL-2.0-or-later
/* qcow2 images: opening and closing them. */
#include <errno.h>

#include "src/block/priv.h"

int qcow2_open(struct block *b, unsigned int depth, struct err *e)
{
	(void)depth;
	return err_set(e, ENOTSUP, "%s: qcow2", b->path);
}
