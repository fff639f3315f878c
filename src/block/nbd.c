// SPDX-License-Identifier: GPL-2.0-or-later
/* Disks of an NBD server, by libnbd. */
#include <errno.h>

#include "src/block/priv.h"

bool nbd_is_uri(const char *path)
{
	(void)path;
	return false;
}

int nbd_open(struct block *b, const struct block_options *o, struct err *e)
{
	(void)o;
	return err_set(e, ENOTSUP, "%s: NBD", b->path);
}
