/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio block device (virtio 1.2, 5.2). */
#ifndef STRAIT_VIRTIO_BLK_H
#define STRAIT_VIRTIO_BLK_H

#include "src/block/block.h"
#include "virtio/virtio.h"

enum {
	BLK_QUEUE_SIZE = 256,
	BLK_SEG_MAX = BLK_QUEUE_SIZE - 2, /* header and status */
	BLK_SERIAL_LEN = 20,		  /* VIRTIO_BLK_ID_BYTES */
};

/* A full disk: the guest gets an error, or waits until there is room. */
enum blk_on_enospc { BLK_ENOSPC_REPORT, BLK_ENOSPC_PAUSE };

struct virtio_blk_setup {
	const char *name;
	const char *serial; /* up to BLK_SERIAL_LEN bytes */
	unsigned int nr_queues;
	enum blk_on_enospc on_enospc;
};

struct blk_queue;
struct virtio_blk {
	struct virtio_dev dev;
	struct virtio_blk_setup setup;
	struct block *block;	  /* not owned */
	struct blk_queue *queues; /* setup.nr_queues, owned */
};

struct virtio_blk_stats {
	uint64_t reads, writes, others, errors; /* requests */
};

/* block has to allow as many queues. I/O threads do not run yet. On failure
 * fini is still allowed. */
int virtio_blk_init(struct virtio_blk *b, const struct virtio_blk_setup *setup,
		    struct block *block, const struct virtio_env *env,
		    struct err *e);
void virtio_blk_fini(struct virtio_blk *b);
/* I/O threads have stopped. */
struct virtio_blk_stats virtio_blk_stats(const struct virtio_blk *b);

#endif
