// SPDX-License-Identifier: GPL-2.0-or-later
/* The balloon: pages that the guest does without go back to the host. */
/*
 * How this works
 *
 * The guest reads how many pages it should give up (num_pages), takes them from
 * its own use and lists their numbers in queue 0; here a hole is punched into
 * the memory behind each. It may touch such a page again after having listed it
 * in queue 1: it is then empty and new, so there is nothing to do. What a guest
 * lists that is not its RAM, or twice, harms itself alone.
 *
 * Free page reporting (5.5.6.7) is the last queue: buffers that are free just
 * now, which the guest takes back when we have used them.
 *
 * Linux counts queues without those whose feature was not offered.
 */
#include <errno.h>
#include <linux/virtio_balloon.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <sys/mman.h>

#include "src/base/iov.h"
#include "virtio/balloon.h"
#include "virtio/priv.h"

enum {
	INFLATE,
	DEFLATE,
	REPORTING,
	QUEUE_SIZE = 128,
	MAX_IOV = 128,
	PAGE = 1 << VIRTIO_BALLOON_PFN_SHIFT,
	PFNS = 1024,	/* read at once */
	CONFIG_LEN = 8, /* num_pages, actual */
};

static struct virtio_balloon *balloon_of(struct virtio_queue *q)
{
	return CONTAINER_OF(q->dev, struct virtio_balloon, dev);
}

/* Bytes that went to the host. */
static uint64_t give(struct virtio_balloon *b, void *hva, uint64_t len)
{
	/* A whole page is the least that can go. */
	uint64_t skip = align_up((uintptr_t)hva, PAGE) - (uintptr_t)hva;

	if (len < skip + PAGE)
		return 0;
	len = align_down(len - skip, PAGE);
	if (!madvise((char *)hva + skip, len, MADV_REMOVE))
		return len;
	log_guest(&b->dev.pci.limit, b->dev.type.name,
		  "memory was not given back: MADV_REMOVE: %s",
		  strerror(errno));
	return 0;
}

/* Neighbours go together. */
static void give_pages(struct virtio_balloon *b, const uint32_t *pfns,
		       size_t nr)
{
	for (size_t i = 0, run; i < nr; i += run) {
		uint64_t gpa = (uint64_t)pfns[i] << VIRTIO_BALLOON_PFN_SHIFT;
		void *hva;

		for (run = 1; i + run < nr; run++)
			if (pfns[i + run] != pfns[i] + run)
				break;
		hva = mem_ptr(b->dev.env.mem, gpa, run * PAGE);
		if (hva) {
			b->given_bytes += give(b, hva, run * PAGE);
			continue;
		}
		hva = mem_ptr(b->dev.env.mem, gpa, PAGE);
		run = 1;
		if (hva)
			b->given_bytes += give(b, hva, PAGE);
	}
}

static void inflate(struct virtio_balloon *b, const struct virtq_chain *c)
{
	uint32_t pfns[PFNS];
	size_t off = 0, n;

	do {
		n = iov_read(c->iov, c->nr_out, off, pfns, sizeof(pfns));
		give_pages(b, pfns, n / sizeof(pfns[0]));
		off += n;
	} while (n == sizeof(pfns));
}

static void reported(struct virtio_balloon *b, const struct virtq_chain *c)
{
	for (unsigned int i = c->nr_out; i < c->nr_out + c->nr_in; i++)
		b->reported_bytes +=
			give(b, c->iov[i].iov_base, c->iov[i].iov_len);
}

static void on_kick(struct virtio_queue *q)
{
	struct virtio_balloon *b = balloon_of(q);
	struct iovec iov[MAX_IOV];
	struct virtq_chain c = { .iov = iov, .max_iov = MAX_IOV };
	int ret;

	while ((ret = virtq_pop(&q->vq, &c)) > 0) {
		if (q->index == INFLATE)
			inflate(b, &c);
		else if (q->index == REPORTING)
			reported(b, &c);
		virtq_push(&q->vq, &c, 0);
	}
	virtio_queue_flush(q);
	if (ret < 0)
		virtio_queue_fail(q, NULL);
}

static const struct virtio_ops balloon_ops = {
	.config_written = virtio_default_config_written,
	.features_ok = virtio_default_features_ok,
	.queue_start = virtio_default_queue_start,
	.queue_stop = virtio_default_queue_stop,
	.queue_kick = on_kick,
	.queue_vector = virtio_default_queue_vector,
	.reset = virtio_default_reset,
};

int virtio_balloon_init(struct virtio_balloon *b,
			const struct virtio_balloon_setup *setup,
			const struct virtio_env *env, struct err *e)
{
	const struct virtio_config type = {
		.ops = &balloon_ops,
		.name = setup->name,
		.device_id = VIRTIO_ID_BALLOON,
		.class_code = 0x00ff00,
		.features = 1ULL << VIRTIO_F_RING_PACKED |
			    1ULL << VIRTIO_F_IN_ORDER |
			    (uint64_t)setup->deflate_on_oom
				    << VIRTIO_BALLOON_F_DEFLATE_ON_OOM |
			    (uint64_t)setup->reporting
				    << VIRTIO_BALLOON_F_REPORTING,
		.nr_queues = setup->reporting ? REPORTING + 1 : DEFLATE + 1,
		.queue_size = QUEUE_SIZE,
		.config_len = CONFIG_LEN,
	};
	int ret;

	*b = (struct virtio_balloon){ .reporting = setup->reporting };
	ret = virtio_dev_init(&b->dev, &type, env, e);
	if (!ret)
		put_le(b->dev.config, setup->bytes / PAGE, 4);
	return ret;
}

void virtio_balloon_fini(struct virtio_balloon *b)
{
	virtio_dev_fini(&b->dev);
	*b = (struct virtio_balloon){ 0 };
}
