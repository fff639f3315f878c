// SPDX-License-Identifier: GPL-2.0-or-later
/* The entropy device: buffers are filled with random bytes. */
/*
 * How this works
 *
 * One queue of buffers that the device writes. A request is answered at once on
 * the I/O thread: /dev/urandom never blocks once the host has booted. A guest
 * that asks without end gets ROUND bytes before other sources of its thread
 * have their turn.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <unistd.h>

#include "virtio/priv.h"
#include "virtio/rng.h"

enum { QUEUE_SIZE = 64, MAX_IOV = 64, ROUND = 256 << 10 };

static struct virtio_rng *rng_of(struct virtio_queue *q)
{
	return CONTAINER_OF(q->dev, struct virtio_rng, dev);
}

/* Bytes given, at most 2^31: as many as one readv(2) does. */
static uint32_t fill(struct virtio_rng *r, const struct virtq_chain *c)
{
	ssize_t n = readv(r->fd, c->iov + c->nr_out, (int)c->nr_in);

	if (n < 0)
		log_guest(&r->dev.pci.limit, r->dev.type.name,
			  "no random bytes: %s", strerror(errno));
	return n > 0 ? (uint32_t)n : 0;
}

static void on_kick(struct virtio_queue *q)
{
	struct virtio_rng *r = rng_of(q);
	struct iovec iov[MAX_IOV];
	struct virtq_chain c = { .iov = iov, .max_iov = MAX_IOV };
	uint64_t given = 0;
	int ret = 0;

	do {
		virtq_kick_off(&q->vq);
		while (given < ROUND && (ret = virtq_pop(&q->vq, &c)) > 0) {
			uint32_t n = c.nr_in ? fill(r, &c) : 0;

			virtq_push(&q->vq, &c, n);
			given += n + 1;
		}
	} while (!ret && virtq_kick_on(&q->vq));
	virtio_queue_flush(q);
	__atomic_fetch_add(&r->bytes, given, __ATOMIC_RELAXED);
	if (ret < 0)
		virtio_queue_fail(q, NULL);
	else if (given >= ROUND)
		queue_ring(q); /* there may be more, after others' turn */
}

static const struct virtio_ops rng_ops = {
	.config_written = virtio_default_config_written,
	.features_ok = virtio_default_features_ok,
	.queue_start = virtio_default_queue_start,
	.queue_stop = virtio_default_queue_stop,
	.queue_kick = on_kick,
	.queue_vector = virtio_default_queue_vector,
	.reset = virtio_default_reset,
};

int virtio_rng_init(struct virtio_rng *r, const char *name, const char *source,
		    const struct virtio_env *env, struct err *e)
{
	const struct virtio_config type = {
		.ops = &rng_ops,
		.name = name,
		.device_id = VIRTIO_ID_RNG,
		.class_code = 0x00ff00, /* 1.2: none of the classes */
		.features = 1ULL << VIRTIO_F_RING_PACKED |
			    1ULL << VIRTIO_F_IN_ORDER,
		.nr_queues = 1,
		.queue_size = QUEUE_SIZE,
	};

	*r = (struct virtio_rng){ .fd = open(source, O_RDONLY | O_CLOEXEC) };
	if (r->fd < 0)
		return err_sys(e, source, "open");
	return virtio_dev_init(&r->dev, &type, env, e);
}

void virtio_rng_fini(struct virtio_rng *r)
{
	if (!r->dev.type.ops)
		return;
	virtio_dev_fini(&r->dev);
	close(r->fd);
	*r = (struct virtio_rng){ 0 };
}
