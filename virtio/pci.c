// SPDX-License-Identifier: GPL-2.0-or-later
/* The PCI transport: capabilities, BAR 0, interrupts (virtio 1.2, 4.1). */
/*
 * How this works
 *
 * One memory BAR holds everything, a page for each structure, so that pages of
 * registers and of doorbells are apart:
 *
 *	0x0000	common configuration (common.c)
 *	0x1000	ISR status
 *	0x2000	the device's own configuration
 *	0x3000	doorbells, 4 bytes for each queue
 *	0x4000	MSI-X table
 *	0x6000	MSI-X PBA
 *
 * Doorbells are ioeventfds: while the BAR answers KVM signals each queue's
 * eventfd by itself. A window in config space reaches the same structures
 * (4.1.4.9), for firmware that has no BARs yet.
 *
 * Lock order: pci.lock, then lock, then a queue's.
 */
#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <stdlib.h>

#include "virtio/priv.h"

enum {
	VIRTIO_VENDOR = 0x1af4,
	VIRTIO_DEVICE_BASE = 0x1040, /* 4.1.2: plus the device's ID */
	BAR_LEN = 0x8000,
	COMMON_OFF = 0x0000,
	COMMON_LEN = 0x40, /* to the end of queue_reset, rounded up */
	ISR_OFF = 0x1000,
	DEVICE_OFF = 0x2000,
	NOTIFY_OFF = 0x3000,
	NOTIFY_EACH = 4,
	TABLE_OFF = 0x4000,
	PBA_OFF = 0x6000,
};

static struct virtio_dev *dev_of(struct pci_dev *pci)
{
	return CONTAINER_OF(pci, struct virtio_dev, pci);
}

/* --- what is in BAR 0 --- */

uint8_t isr_take(struct virtio_dev *d)
{
	uint8_t isr;

	pthread_mutex_lock(&d->isr_lock);
	isr = d->isr;
	d->isr = 0;
	pci_pin_set(&d->vectors, false);
	pthread_mutex_unlock(&d->isr_lock);
	return isr;
}

static bool config_has(const struct virtio_dev *d, uint64_t off,
		       unsigned int len)
{
	return off + len <= d->type.config_len;
}

static uint64_t config_read(struct virtio_dev *d, uint64_t off,
			    unsigned int len)
{
	uint64_t value;

	if (!config_has(d, off, len))
		return all_ones(len);
	pthread_mutex_lock(&d->lock);
	value = get_le(d->config + off, len);
	pthread_mutex_unlock(&d->lock);
	return value;
}

static void config_write(struct virtio_dev *d, uint64_t off, unsigned int len,
			 uint64_t value)
{
	if (!config_has(d, off, len))
		return;
	pthread_mutex_lock(&d->lock);
	put_le(d->config + off, value, len);
	d->type.ops->config_written(d, (unsigned int)off, len);
	pthread_mutex_unlock(&d->lock);
}

static uint64_t bar_read(void *dev, uint64_t off, unsigned int len)
{
	struct virtio_dev *d = dev;

	if (off < COMMON_OFF + COMMON_LEN)
		return common_read(d, (unsigned int)off, len);
	if (off == ISR_OFF)
		return isr_take(d);
	if (off >= DEVICE_OFF && off < NOTIFY_OFF)
		return config_read(d, off - DEVICE_OFF, len);
	if (pci_vectors_claims(&d->vectors, off))
		return pci_vectors_read(&d->vectors, off, len);
	return 0;
}

static void bar_write(void *dev, uint64_t off, unsigned int len, uint64_t value)
{
	struct virtio_dev *d = dev;
	uint64_t queue = (off - NOTIFY_OFF) / NOTIFY_EACH;

	if (off < COMMON_OFF + COMMON_LEN)
		common_write(d, (unsigned int)off, len, value);
	else if (off >= DEVICE_OFF && off < NOTIFY_OFF)
		config_write(d, off - DEVICE_OFF, len, value);
	else if (off >= NOTIFY_OFF && queue < d->type.nr_queues)
		queue_ring(&d->queues[queue]);
	else if (pci_vectors_claims(&d->vectors, off))
		pci_vectors_write(&d->vectors, off, len, value);
}

static const struct bus_ops bar_ops = { .read = bar_read, .write = bar_write };

/* --- where BAR 0 is --- */

static uint64_t doorbell(uint64_t bar, unsigned int queue)
{
	return bar + NOTIFY_OFF + (uint64_t)queue * NOTIFY_EACH;
}

static void del_doorbells(struct virtio_dev *d, uint64_t bar, unsigned int nr)
{
	while (nr--)
		bus_del_doorbell(d->env.mmio, doorbell(bar, nr),
				 d->queues[nr].kick.fd);
}

/* Without them kicks come by bar_write: slower, and as good. */
static void add_doorbells(struct virtio_dev *d, uint64_t bar)
{
	struct err e = { 0 };

	d->has_doorbells = true;
	for (unsigned int i = 0; i < d->type.nr_queues; i++) {
		if (!bus_add_doorbell(d->env.mmio, doorbell(bar, i),
				      d->queues[i].kick.fd, &e))
			continue;
		log_guest(&d->pci.limit, d->type.name,
			  "kicks go the slow way: %s", e.msg);
		del_doorbells(d, bar, i);
		d->has_doorbells = false;
		return;
	}
}

static int on_bar_mapped(struct pci_dev *pci, unsigned int bar, uint64_t addr)
{
	struct virtio_dev *d = dev_of(pci);
	struct err e = { 0 };
	int ret;

	(void)bar;
	d->range.base = addr;
	ret = bus_add(d->env.mmio, &d->range, &e);
	if (!ret)
		add_doorbells(d, addr);
	return ret;
}

static void on_bar_unmapped(struct pci_dev *pci, unsigned int bar,
			    uint64_t addr)
{
	struct virtio_dev *d = dev_of(pci);

	(void)bar;
	if (d->has_doorbells)
		del_doorbells(d, addr, d->type.nr_queues);
	d->has_doorbells = false;
	bus_del(d->env.mmio, &d->range);
}

static void reset(struct virtio_dev *d)
{
	pthread_mutex_lock(&d->lock);
	common_reset_locked(d);
	pthread_mutex_unlock(&d->lock);
}

static void on_reset(struct pci_dev *pci)
{
	reset(dev_of(pci));
}

/* --- the window in config space (4.1.4.9) --- */

struct window {
	uint32_t off;
	unsigned int len; /* 0: it shows nothing now */
};

static struct window window_of(const struct virtio_dev *d)
{
	uint32_t off =
		pci_cfg_get(&d->pci, d->cfg_cap + VIRTIO_PCI_CAP_OFFSET, 4);
	uint32_t len =
		pci_cfg_get(&d->pci, d->cfg_cap + VIRTIO_PCI_CAP_LENGTH, 4);
	uint32_t bar = pci_cfg_get(&d->pci, d->cfg_cap + VIRTIO_PCI_CAP_BAR, 1);
	bool ok = !bar && (len == 1 || len == 2 || len == 4) && !(off % len) &&
		  off < BAR_LEN;

	/* The table calls back into this function's lock, which is held. */
	ok = ok && !pci_vectors_claims(&d->vectors, off);
	return (struct window){ .off = off, .len = ok ? len : 0 };
}

/* The data register is all that is not virtual. */
static uint32_t on_cfg_read(struct pci_dev *pci, unsigned int off,
			    unsigned int len)
{
	struct virtio_dev *d = dev_of(pci);
	struct window w = window_of(d);

	(void)off;
	(void)len;
	return w.len ? (uint32_t)bar_read(d, w.off, w.len) : 0;
}

static void on_cfg_write(struct pci_dev *pci, unsigned int off,
			 unsigned int len, uint32_t value)
{
	struct virtio_dev *d = dev_of(pci);
	struct window w = window_of(d);

	(void)off;
	if (w.len && len >= w.len)
		bar_write(d, w.off, w.len, value & all_ones(w.len));
}

static const struct pci_dev_ops pci_ops = {
	.cfg_read = on_cfg_read,
	.cfg_write = on_cfg_write,
	.cfg_written = pci_default_cfg_written,
	.bar_mapped = on_bar_mapped,
	.bar_unmapped = on_bar_unmapped,
	.reset = on_reset,
};

/* --- its life --- */

static unsigned int add_cap(struct virtio_dev *d, uint8_t type, uint32_t off,
			    uint32_t len, unsigned int cap_len)
{
	int cap = pci_dev_add_cap(&d->pci, PCI_CAP_ID_VNDR, 0, cap_len);
	unsigned int at = (unsigned int)cap;

	BUG_ON(cap < 0);
	pci_cfg_put(&d->pci, at + VIRTIO_PCI_CAP_LEN, 1, cap_len);
	pci_cfg_put(&d->pci, at + VIRTIO_PCI_CAP_CFG_TYPE, 1, type);
	pci_cfg_put(&d->pci, at + VIRTIO_PCI_CAP_OFFSET, 4, off);
	pci_cfg_put(&d->pci, at + VIRTIO_PCI_CAP_LENGTH, 4, len);
	return at;
}

static void add_caps(struct virtio_dev *d)
{
	const unsigned int len = sizeof(struct virtio_pci_cap);
	unsigned int notify;

	add_cap(d, VIRTIO_PCI_CAP_COMMON_CFG, COMMON_OFF, COMMON_LEN, len);
	add_cap(d, VIRTIO_PCI_CAP_ISR_CFG, ISR_OFF, 1, len);
	if (d->type.config_len)
		add_cap(d, VIRTIO_PCI_CAP_DEVICE_CFG, DEVICE_OFF,
			d->type.config_len, len);
	notify = add_cap(d, VIRTIO_PCI_CAP_NOTIFY_CFG, NOTIFY_OFF,
			 d->type.nr_queues * NOTIFY_EACH, len + 4);
	pci_cfg_put(&d->pci, notify + VIRTIO_PCI_NOTIFY_CAP_MULT, 4,
		    NOTIFY_EACH);
	d->cfg_cap = add_cap(d, VIRTIO_PCI_CAP_PCI_CFG, 0, 0, len + 4);
	d->pci.wmask[d->cfg_cap + VIRTIO_PCI_CAP_BAR] = 0xff;
	memset(d->pci.wmask + d->cfg_cap + VIRTIO_PCI_CAP_OFFSET, 0xff, 8);
	memset(d->pci.vmask + d->cfg_cap + len, 0, 4);
}

static int init_function(struct virtio_dev *d, struct err *e)
{
	const struct pci_ids ids = {
		.vendor = VIRTIO_VENDOR,
		.device = (uint16_t)(VIRTIO_DEVICE_BASE + d->type.device_id),
		.subsys_vendor = VIRTIO_VENDOR,
		.subsys = (uint16_t)(VIRTIO_DEVICE_BASE + d->type.device_id),
		.class_code = d->type.class_code,
		.revision = 1, /* 4.1.2.1: not transitional */
	};
	const struct pci_vectors_config vectors = {
		.host = d->env.pci,
		.irq = d->env.irq,
		.nr = d->type.nr_queues + 1, /* and one for configuration */
		.bar = 0,
		.table_off = TABLE_OFF,
		.pba_off = PBA_OFF,
	};
	int ret;

	pci_dev_init(&d->pci, &pci_ops, d->type.name, &ids);
	ret = pci_dev_set_bar(&d->pci, 0, PCI_BAR_MEM64, false, BAR_LEN);
	BUG_ON(ret);
	add_caps(d);
	d->range = (struct bus_range){
		.len = BAR_LEN, .ops = &bar_ops, .dev = d, .name = d->type.name
	};
	return pci_vectors_init(&d->vectors, &d->pci, &vectors, e);
}

/* What is the transport's to offer. */
static uint64_t own_features(void)
{
	return 1ULL << VIRTIO_F_VERSION_1 | 1ULL << VIRTIO_F_RING_RESET |
	       1ULL << VIRTIO_RING_F_INDIRECT_DESC |
	       1ULL << VIRTIO_RING_F_EVENT_IDX;
}

int virtio_dev_init(struct virtio_dev *d, const struct virtio_config *type,
		    const struct virtio_env *env, struct err *e)
{
	int ret;

	BUG_ON(type->nr_queues > VIRTIO_MAX_QUEUES ||
	       type->config_len > VIRTIO_CONFIG_LEN ||
	       type->queue_size > VIRTQ_MAX_SIZE);
	*d = (struct virtio_dev){ .type = *type, .env = *env };
	pthread_mutex_init(&d->lock, NULL);
	pthread_mutex_init(&d->isr_lock, NULL);
	d->offered = type->features | own_features();
	d->config_vector = VIRTIO_MSI_NO_VECTOR;
	d->queues = calloc(type->nr_queues, sizeof(*d->queues));
	if (!d->queues)
		return err_set(e, ENOMEM, "%s: out of memory", type->name);
	for (unsigned int i = 0; i < type->nr_queues; i++)
		d->queues[i].kick.fd = d->queues[i].call.fd = -1;
	for (unsigned int i = 0; i < type->nr_queues; i++) {
		ret = queue_init(&d->queues[i], d, i, e);
		if (ret)
			return ret;
	}
	return init_function(d, e);
}

int virtio_dev_add(struct virtio_dev *d, int devfn, struct err *e)
{
	int ret = pci_host_add(d->env.pci, &d->pci, devfn, e);

	if (!ret)
		pci_vectors_wire(&d->vectors);
	return ret;
}

void virtio_dev_stop(struct virtio_dev *d)
{
	if (d->type.ops && d->vectors.dev)
		reset(d);
}

void virtio_dev_fini(struct virtio_dev *d)
{
	if (!d->type.ops)
		return;
	pci_dev_fini(&d->pci);
	pci_vectors_fini(&d->vectors);
	for (unsigned int i = 0; d->queues && i < d->type.nr_queues; i++)
		queue_fini(&d->queues[i]);
	free(d->queues);
	pthread_mutex_destroy(&d->isr_lock);
	pthread_mutex_destroy(&d->lock);
	*d = (struct virtio_dev){ 0 };
}

/* --- defaults --- */

void virtio_default_config_written(struct virtio_dev *dev, unsigned int off,
				   unsigned int len)
{
	(void)dev;
	(void)off;
	(void)len;
}

bool virtio_default_features_ok(struct virtio_dev *dev, uint64_t features)
{
	(void)dev;
	(void)features;
	return true;
}

int virtio_default_queue_start(struct virtio_queue *q, struct err *e)
{
	(void)q;
	(void)e;
	return 0;
}

void virtio_default_queue_stop(struct virtio_queue *q)
{
	(void)q;
}

void virtio_default_queue_vector(struct virtio_queue *q)
{
	(void)q;
}

void virtio_default_reset(struct virtio_dev *dev)
{
	(void)dev;
}
