// SPDX-License-Identifier: GPL-2.0-or-later
/* A device's queue: kicks come in, interrupts go out. */
/*
 * How this works
 *
 * A kick is an eventfd that KVM signals (bus_add_doorbell) and the I/O thread's
 * loop watches: no vCPU serves a queue, and none returns to user space for one.
 * A queue that comes up is kicked once by ourselves, because the driver may
 * have filled it before. The loop is told of each signal (EPOLLET), so the
 * count that the eventfd has is never read, which spares a system call per
 * kick.
 *
 * The loop may have fetched an event of a queue that goes down meanwhile; its
 * callback then finds, under the queue's lock, that the ring is not live.
 */
#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "virtio/priv.h"

enum { ISR_QUEUE = 1 }; /* 4.1.4.5; the other bit has a name in uapi */

static void on_kick(struct loop_source *s, uint32_t events)
{
	struct virtio_queue *q = CONTAINER_OF(s, struct virtio_queue, kick);

	(void)events;
	pthread_mutex_lock(&q->lock);
	if (virtq_is_live(&q->vq))
		q->dev->type.ops->queue_kick(q);
	pthread_mutex_unlock(&q->lock);
}

static void on_call(struct loop_source *s, uint32_t events)
{
	uint64_t count;

	(void)events;
	if (read(s->fd, &count, sizeof(count)) > 0)
		virtio_queue_notify(CONTAINER_OF(s, struct virtio_queue, call));
}

int virtio_queue_call_fd(const struct virtio_queue *q)
{
	uint16_t vector = __atomic_load_n(&q->vector, __ATOMIC_RELAXED);

	if (!pci_vectors_msix_on(&q->dev->vectors))
		return q->call.fd;
	return vector == VIRTIO_MSI_NO_VECTOR
		       ? -1
		       : pci_vector_fd(&q->dev->vectors, vector);
}

void virtio_queue_leave(struct virtio_queue *q)
{
	q->is_elsewhere = true;
}

void queue_ring(struct virtio_queue *q)
{
	const uint64_t one = 1;

	/* It fails only when 2^64 - 2 kicks wait already. */
	if (write(q->kick.fd, &one, sizeof(one)) < 0)
		log_trace(q->dev->type.name, "queue %u is rung enough",
			  q->index);
}

void queue_forget(struct virtio_queue *q)
{
	q->size = q->max_size;
	q->is_enabled = false;
	q->desc = q->driver = q->device = 0;
}

int queue_init(struct virtio_queue *q, struct virtio_dev *d, unsigned int index,
	       struct err *e)
{
	pthread_mutex_init(&q->lock, NULL);
	q->dev = d;
	q->index = index;
	q->max_size = (uint16_t)d->type.queue_size;
	q->vector = VIRTIO_MSI_NO_VECTOR;
	q->loop =
		d->env.nr_loops ? d->env.loops[index % d->env.nr_loops] : NULL;
	queue_forget(q);
	q->kick.ready = on_kick;
	q->kick.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	q->call.ready = on_call;
	q->call.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (q->kick.fd < 0 || q->call.fd < 0)
		return err_sys(e, d->type.name, "eventfd");
	return 0;
}

void queue_fini(struct virtio_queue *q)
{
	if (!q->dev)
		return;
	if (q->kick.fd >= 0)
		close(q->kick.fd);
	if (q->call.fd >= 0)
		close(q->call.fd);
	pthread_mutex_destroy(&q->lock);
}

static int start_ring(struct virtio_queue *q, struct err *e)
{
	const struct virtio_dev *d = q->dev;
	const struct virtq_setup setup = {
		.size = q->size,
		.desc = q->desc,
		.driver = q->driver,
		.device = q->device,
		.is_packed = virtio_has(d, VIRTIO_F_RING_PACKED),
		.has_event_idx = virtio_has(d, VIRTIO_RING_F_EVENT_IDX),
		.has_indirect = virtio_has(d, VIRTIO_RING_F_INDIRECT_DESC),
		.is_in_order = virtio_has(d, VIRTIO_F_IN_ORDER),
	};
	const char *why;

	if (virtq_start(&q->vq, d->env.mem, &setup, &why))
		return err_set(e, EINVAL, "the driver set it up wrongly: %s",
			       why);
	return d->type.ops->queue_start(q, e);
}

void queue_start(struct virtio_queue *q)
{
	struct err e = { 0 };
	int ret;

	pthread_mutex_lock(&q->lock);
	q->is_elsewhere = false;
	ret = start_ring(q, &e);
	if (!ret && q->loop)
		ret = q->is_elsewhere ? loop_add(q->loop, &q->call, EPOLLIN, &e)
				      : loop_add(q->loop, &q->kick,
						 EPOLLIN | EPOLLET, &e);
	q->is_watched = !ret && q->loop;
	if (ret)
		virtio_queue_fail(q, e.msg);
	pthread_mutex_unlock(&q->lock);
	if (!ret)
		queue_ring(q);
}

void queue_stop(struct virtio_queue *q)
{
	if (q->is_watched)
		loop_del(q->loop, q->is_elsewhere ? &q->call : &q->kick);
	q->is_watched = false;
	if (q->vq.mem)
		q->dev->type.ops->queue_stop(q);
	pthread_mutex_lock(&q->lock);
	virtq_stop(&q->vq);
	pthread_mutex_unlock(&q->lock);
}

/* --- interrupts --- */

static void raise_pin(struct virtio_dev *d, uint8_t isr)
{
	pthread_mutex_lock(&d->isr_lock);
	d->isr |= isr;
	pci_pin_set(&d->vectors, true);
	pthread_mutex_unlock(&d->isr_lock);
}

void virtio_queue_notify(struct virtio_queue *q)
{
	struct virtio_dev *d = q->dev;
	uint16_t vector = __atomic_load_n(&q->vector, __ATOMIC_RELAXED);

	if (!pci_vectors_msix_on(&d->vectors))
		raise_pin(d, ISR_QUEUE);
	else if (vector != VIRTIO_MSI_NO_VECTOR)
		pci_vector_raise(&d->vectors, vector);
}

void virtio_queue_flush(struct virtio_queue *q)
{
	if (virtq_flush(&q->vq))
		virtio_queue_notify(q);
}

void virtio_config_notify(struct virtio_dev *d)
{
	uint16_t vector = __atomic_load_n(&d->config_vector, __ATOMIC_RELAXED);

	if (!pci_vectors_msix_on(&d->vectors))
		raise_pin(d, VIRTIO_PCI_ISR_CONFIG);
	else if (vector != VIRTIO_MSI_NO_VECTOR)
		pci_vector_raise(&d->vectors, vector);
}

void virtio_queue_fail(struct virtio_queue *q, const char *why)
{
	struct virtio_dev *d = q->dev;

	if (q->vq.is_broken && q->vq.why_broken)
		why = q->vq.why_broken;
	q->vq.is_broken = true;
	log_guest(&d->pci.limit, d->type.name,
		  "queue %u: %s; the driver has to reset the device", q->index,
		  why);
	__atomic_store_n(&d->needs_reset, true, __ATOMIC_RELEASE);
	virtio_config_notify(d);
}

void virtio_config_changed(struct virtio_dev *d)
{
	d->generation++;
	virtio_config_notify(d);
}
