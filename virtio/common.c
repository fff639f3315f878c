// SPDX-License-Identifier: GPL-2.0-or-later
/* The common configuration: status, features, queues (virtio 1.2, 4.1.4.3). */
/*
 * How this works
 *
 * The driver goes through the status bits in the order of 3.1: ACKNOWLEDGE,
 * DRIVER, features, FEATURES_OK, queues, DRIVER_OK. Queues that it enabled come
 * up with DRIVER_OK; later ones, after a reset of that queue alone, at once.
 * Bits are only ever added; 0 resets the device.
 *
 * Registers that do not exist, or are written at the wrong time, are ignored.
 */
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>

#include "virtio/priv.h"

static bool is_running(const struct virtio_dev *d)
{
	return d->status & VIRTIO_CONFIG_S_DRIVER_OK;
}

static struct virtio_queue *selected(struct virtio_dev *d)
{
	return d->queue_select < d->type.nr_queues ? &d->queues[d->queue_select]
						   : NULL;
}

/* --- reading --- */

static uint64_t queue_read(const struct virtio_queue *q, unsigned int off)
{
	switch (off) {
	case VIRTIO_PCI_COMMON_Q_SIZE:
		return q->size;
	case VIRTIO_PCI_COMMON_Q_MSIX:
		return q->vector;
	case VIRTIO_PCI_COMMON_Q_ENABLE:
		return q->is_enabled;
	case VIRTIO_PCI_COMMON_Q_NOFF:
	case VIRTIO_PCI_COMMON_Q_NDATA:
		return q->index;
	case VIRTIO_PCI_COMMON_Q_DESCLO:
		return q->desc;
	case VIRTIO_PCI_COMMON_Q_DESCHI:
		return q->desc >> 32;
	case VIRTIO_PCI_COMMON_Q_AVAILLO:
		return q->driver;
	case VIRTIO_PCI_COMMON_Q_AVAILHI:
		return q->driver >> 32;
	case VIRTIO_PCI_COMMON_Q_USEDLO:
		return q->device;
	case VIRTIO_PCI_COMMON_Q_USEDHI:
		return q->device >> 32;
	default: /* Q_RESET among them: a reset is over when it is read */
		return 0;
	}
}

static uint64_t read_features(uint64_t features, uint32_t select)
{
	return select < 2 ? features >> (32 * select) : 0;
}

static uint8_t read_status(const struct virtio_dev *d)
{
	bool needs_reset = __atomic_load_n(&d->needs_reset, __ATOMIC_ACQUIRE);

	return (uint8_t)(d->status |
			 (needs_reset ? VIRTIO_CONFIG_S_NEEDS_RESET : 0));
}

static uint64_t read_locked(struct virtio_dev *d, unsigned int off)
{
	const struct virtio_queue *q = selected(d);

	switch (off) {
	case VIRTIO_PCI_COMMON_DFSELECT:
		return d->device_select;
	case VIRTIO_PCI_COMMON_DF:
		return read_features(d->offered, d->device_select);
	case VIRTIO_PCI_COMMON_GFSELECT:
		return d->driver_select;
	case VIRTIO_PCI_COMMON_GF:
		return read_features(d->accepted, d->driver_select);
	case VIRTIO_PCI_COMMON_MSIX:
		return d->config_vector;
	case VIRTIO_PCI_COMMON_NUMQ:
		return d->type.nr_queues;
	case VIRTIO_PCI_COMMON_STATUS:
		return read_status(d);
	case VIRTIO_PCI_COMMON_CFGGENERATION:
		return d->generation;
	case VIRTIO_PCI_COMMON_Q_SELECT:
		return d->queue_select;
	default: /* a queue that is not there has size 0 */
		return q ? queue_read(q, off) : 0;
	}
}

uint64_t common_read(struct virtio_dev *d, unsigned int off, unsigned int len)
{
	uint64_t value;

	pthread_mutex_lock(&d->lock);
	value = read_locked(d, off);
	pthread_mutex_unlock(&d->lock);
	return value & all_ones(len);
}

/* --- writing --- */

void common_reset_locked(struct virtio_dev *d)
{
	for (unsigned int i = 0; i < d->type.nr_queues; i++) {
		queue_stop(&d->queues[i]);
		queue_forget(&d->queues[i]);
		__atomic_store_n(&d->queues[i].vector, VIRTIO_MSI_NO_VECTOR,
				 __ATOMIC_RELAXED);
	}
	d->status = 0;
	d->accepted = 0;
	d->device_select = d->driver_select = d->queue_select = 0;
	__atomic_store_n(&d->config_vector, VIRTIO_MSI_NO_VECTOR,
			 __ATOMIC_RELAXED);
	__atomic_store_n(&d->needs_reset, false, __ATOMIC_RELEASE);
	isr_take(d);
	d->type.ops->reset(d);
}

/* 2.2.2: not what was not offered, and nothing without VERSION_1. */
static bool accepts(struct virtio_dev *d)
{
	return !(d->accepted & ~d->offered) &&
	       virtio_has(d, VIRTIO_F_VERSION_1) &&
	       d->type.ops->features_ok(d, d->accepted);
}

static void write_status(struct virtio_dev *d, uint8_t value)
{
	uint8_t added = (uint8_t)(value & ~d->status);

	if (!value) {
		common_reset_locked(d);
		return;
	}
	if (added & VIRTIO_CONFIG_S_FEATURES_OK && !accepts(d))
		added &= (uint8_t)~VIRTIO_CONFIG_S_FEATURES_OK;
	/* 3.1.1: never without features that both sides know. */
	if (!((d->status | added) & VIRTIO_CONFIG_S_FEATURES_OK))
		added &= (uint8_t)~VIRTIO_CONFIG_S_DRIVER_OK;
	added &= (uint8_t)~VIRTIO_CONFIG_S_NEEDS_RESET; /* ours */
	d->status |= added;
	for (unsigned int i = 0; i < d->type.nr_queues; i++)
		if (added & VIRTIO_CONFIG_S_DRIVER_OK &&
		    d->queues[i].is_enabled)
			queue_start(&d->queues[i]);
}

static void write_features(struct virtio_dev *d, uint32_t value)
{
	unsigned int shift = 32 * d->driver_select;

	if (d->driver_select > 1 || d->status & VIRTIO_CONFIG_S_FEATURES_OK)
		return;
	d->accepted &= ~((uint64_t)UINT32_MAX << shift);
	d->accepted |= (uint64_t)value << shift;
}

static void write_half(gpa_t *addr, bool is_high, uint64_t value)
{
	put_le((uint8_t *)addr + (is_high ? 4 : 0), value, 4);
}

// NOLINTNEXTLINE(readability-non-const-parameter): the builtin writes it
static void write_vector(struct virtio_dev *d, uint16_t *to, uint64_t value)
{
	/* 4.1.5.1.2.1: one that is not there is refused by NO_VECTOR. */
	uint16_t vector = value < d->vectors.config.nr ? (uint16_t)value
						       : VIRTIO_MSI_NO_VECTOR;

	__atomic_store_n(to, vector, __ATOMIC_RELAXED);
}

static void enable_queue(struct virtio_queue *q)
{
	q->is_enabled = true;
	if (is_running(q->dev))
		queue_start(q);
}

static void reset_queue(struct virtio_queue *q)
{
	queue_stop(q);
	queue_forget(q);
}

/* 4.1.4.3.2: what describes a queue is fixed while it is enabled. */
static void write_queue_setup(struct virtio_queue *q, unsigned int off,
			      uint64_t value)
{
	switch (off) {
	case VIRTIO_PCI_COMMON_Q_SIZE:
		if (value && value <= q->max_size)
			q->size = (uint16_t)value;
		return;
	case VIRTIO_PCI_COMMON_Q_DESCLO:
	case VIRTIO_PCI_COMMON_Q_DESCHI:
		write_half(&q->desc, off == VIRTIO_PCI_COMMON_Q_DESCHI, value);
		return;
	case VIRTIO_PCI_COMMON_Q_AVAILLO:
	case VIRTIO_PCI_COMMON_Q_AVAILHI:
		write_half(&q->driver, off == VIRTIO_PCI_COMMON_Q_AVAILHI,
			   value);
		return;
	case VIRTIO_PCI_COMMON_Q_USEDLO:
	case VIRTIO_PCI_COMMON_Q_USEDHI:
		write_half(&q->device, off == VIRTIO_PCI_COMMON_Q_USEDHI,
			   value);
		return;
	case VIRTIO_PCI_COMMON_Q_ENABLE:
		if (value == 1)
			enable_queue(q);
		return;
	}
}

static void move_vector(struct virtio_queue *q, uint64_t value)
{
	write_vector(q->dev, &q->vector, value);
	pthread_mutex_lock(&q->lock);
	if (virtq_is_live(&q->vq))
		q->dev->type.ops->queue_vector(q);
	pthread_mutex_unlock(&q->lock);
}

static void write_queue(struct virtio_queue *q, unsigned int off,
			uint64_t value)
{
	if (off == VIRTIO_PCI_COMMON_Q_MSIX)
		move_vector(q, value);
	else if (off == VIRTIO_PCI_COMMON_Q_RESET && value == 1 &&
		 virtio_has(q->dev, VIRTIO_F_RING_RESET))
		reset_queue(q);
	else if (!q->is_enabled)
		write_queue_setup(q, off, value);
}

static void write_locked(struct virtio_dev *d, unsigned int off, uint64_t value)
{
	struct virtio_queue *q = selected(d);

	switch (off) {
	case VIRTIO_PCI_COMMON_DFSELECT:
		d->device_select = (uint32_t)value;
		return;
	case VIRTIO_PCI_COMMON_GFSELECT:
		d->driver_select = (uint32_t)value;
		return;
	case VIRTIO_PCI_COMMON_GF:
		write_features(d, (uint32_t)value);
		return;
	case VIRTIO_PCI_COMMON_MSIX:
		write_vector(d, &d->config_vector, value);
		return;
	case VIRTIO_PCI_COMMON_STATUS:
		write_status(d, (uint8_t)value);
		return;
	case VIRTIO_PCI_COMMON_Q_SELECT:
		d->queue_select = (uint16_t)value;
		return;
	default:
		if (q)
			write_queue(q, off, value);
	}
}

void common_write(struct virtio_dev *d, unsigned int off, unsigned int len,
		  uint64_t value)
{
	pthread_mutex_lock(&d->lock);
	/* 4.1.3.1: 64-bit fields may be written whole. */
	if (len == 8) {
		write_locked(d, off, value & UINT32_MAX);
		write_locked(d, off + 4, value >> 32);
	} else {
		write_locked(d, off, value & all_ones(len));
	}
	pthread_mutex_unlock(&d->lock);
}
