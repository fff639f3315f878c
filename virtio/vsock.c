// SPDX-License-Identifier: GPL-2.0-or-later
/* The socket device: two rings for the kernel, one that nobody serves. */
/*
 * How this works
 *
 * Receive and transmit rings go to vhost-vsock, which connects them to AF_VSOCK
 * sockets of the host; it runs once it has both. The third ring carries events
 * (5.10.6.8), of which there is only "the transport was reset", after a
 * migration; its buffers just wait.
 */
#include <errno.h>
#include <linux/vhost.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_ring.h>
#include <sys/ioctl.h>

#include "virtio/priv.h"
#include "virtio/vsock.h"

enum { NR_KERNEL_RINGS = 2, NR_QUEUES = 3, QUEUE_SIZE = 256, CONFIG_LEN = 8 };

static struct virtio_vsock *vsock_of(struct virtio_queue *q)
{
	return CONTAINER_OF(q->dev, struct virtio_vsock, dev);
}

static int set_running(struct virtio_vsock *s, int running, struct err *e)
{
	if (ioctl(s->vhost.fd, VHOST_VSOCK_SET_RUNNING, &running))
		return err_sys(e, s->dev.type.name, "VHOST_VSOCK_SET_RUNNING");
	return 0;
}

static int on_start(struct virtio_queue *q, struct err *e)
{
	struct virtio_vsock *s = vsock_of(q);
	int ret;

	if (q->index >= NR_KERNEL_RINGS)
		return 0;
	ret = vhost_set_features(&s->vhost, s->dev.accepted, e);
	if (!ret)
		ret = vhost_set_memory(&s->vhost, s->dev.env.mem, e);
	if (!ret)
		ret = vhost_ring_start(&s->vhost, q->index, q, e);
	virtio_queue_leave(q);
	s->nr_up++;
	if (!ret && s->nr_up == NR_KERNEL_RINGS)
		ret = set_running(s, 1, e);
	return ret;
}

static void on_stop(struct virtio_queue *q)
{
	struct virtio_vsock *s = vsock_of(q);
	struct err e = { 0 };

	if (q->index >= NR_KERNEL_RINGS)
		return;
	if (s->nr_up-- == NR_KERNEL_RINGS && set_running(s, 0, &e))
		log_warn(s->dev.type.name, "%s", e.msg);
	vhost_ring_stop(&s->vhost, q->index);
}

static void on_kick(struct virtio_queue *q)
{
	(void)q;
}

static void on_vector(struct virtio_queue *q)
{
	struct virtio_vsock *s = vsock_of(q);
	struct err e = { 0 };

	if (q->index < NR_KERNEL_RINGS &&
	    vhost_ring_call(&s->vhost, q->index, q, &e))
		log_guest(&s->dev.pci.limit, s->dev.type.name, "%s", e.msg);
}

static const struct virtio_ops vsock_ops = {
	.config_written = virtio_default_config_written,
	.features_ok = virtio_default_features_ok,
	.queue_start = on_start,
	.queue_stop = on_stop,
	.queue_kick = on_kick,
	.queue_vector = on_vector,
	.reset = virtio_default_reset,
};

static int set_cid(struct virtio_vsock *s, const char *name, uint32_t cid,
		   struct err *e)
{
	uint64_t value = cid;
	int ret;

	if (!ioctl(s->vhost.fd, VHOST_VSOCK_SET_GUEST_CID, &value))
		return 0;
	ret = err_sys(e, name, "VHOST_VSOCK_SET_GUEST_CID");
	if (ret == -EADDRINUSE)
		err_hint(e, "another guest has CID %u: give each its own", cid);
	return ret;
}

int virtio_vsock_init(struct virtio_vsock *s, const char *name, uint32_t cid,
		      const struct virtio_env *env, struct err *e)
{
	const struct virtio_config type = {
		.ops = &vsock_ops,
		.name = name,
		.device_id = VIRTIO_ID_VSOCK,
		.class_code = 0x078000,
		.nr_queues = NR_QUEUES,
		.queue_size = QUEUE_SIZE,
		.config_len = CONFIG_LEN,
	};
	int ret;

	*s = (struct virtio_vsock){ .vhost = { .fd = -1 } };
	ret = vhost_open(&s->vhost, "/dev/vhost-vsock", "vhost_vsock", name, e);
	if (!ret)
		ret = set_cid(s, name, cid, e);
	if (!ret)
		ret = virtio_dev_init(&s->dev, &type, env, e);
	if (ret)
		return ret;
	s->dev.offered &=
		s->vhost.features | ~(1ULL << VIRTIO_RING_F_INDIRECT_DESC |
				      1ULL << VIRTIO_RING_F_EVENT_IDX);
	put_le(s->dev.config, cid, CONFIG_LEN);
	return 0;
}

void virtio_vsock_fini(struct virtio_vsock *s)
{
	virtio_dev_fini(&s->dev);
	vhost_close(&s->vhost);
	*s = (struct virtio_vsock){ .vhost = { .fd = -1 } };
}
