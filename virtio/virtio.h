/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A virtio device behind the PCI transport (virtio 1.2, chapter 2 and 4.1;
 * modern, that is VIRTIO_F_VERSION_1, alone).
 *
 * A device embeds a struct virtio_dev, says what it is in a struct
 * virtio_config and serves queues in its ops. The transport has the registers,
 * feature negotiation, queue set-up, kicks and interrupts.
 *
 * Threads: registers are touched on vCPU threads under dev->lock. A queue is
 * served on its I/O thread (loop) under its own lock; starting and stopping it
 * takes that lock as well, so when queue_stop has returned nobody touches the
 * ring. Order: dev->lock, then one queue's lock.
 */
#ifndef STRAIT_VIRTIO_VIRTIO_H
#define STRAIT_VIRTIO_VIRTIO_H

#include "pci/pci.h"
#include "pci/vectors.h"
#include "src/core/loop.h"
#include "src/core/mem.h"
#include "virtio/virtq.h"

enum {
	VIRTIO_MAX_QUEUES = 64,
	VIRTIO_CONFIG_LEN = 256, /* of the device's own configuration */
};

struct virtio_dev;

struct virtio_queue {
	struct virtio_dev *dev;
	unsigned int index;
	pthread_mutex_t lock;
	struct virtq vq;   /* live between queue_start and queue_stop */
	struct loop *loop; /* of the I/O thread that serves it */
	/* kick.fd: the eventfd that the driver's notifications signal. */
	struct loop_source kick;
	bool is_watched;   /* kick is in loop */
	bool is_elsewhere; /* the kernel reads kick: see virtio_queue_leave */
	/* call.fd: raises the interrupt, for who has only a file for that. */
	struct loop_source call;
	/* The registers of 4.1.4.3, dev->lock. */
	uint16_t max_size, size;
	uint16_t vector; /* atomic; VIRTIO_MSI_NO_VECTOR: none */
	bool is_enabled;
	gpa_t desc, driver, device;
};

struct virtio_ops {
	/* The driver wrote [off, off + len) of config[], which has it already.
	 * dev->lock held. */
	void (*config_written)(struct virtio_dev *dev, unsigned int off,
			       unsigned int len);
	/* features is what the driver accepted of those offered. False refuses.
	 */
	bool (*features_ok)(struct virtio_dev *dev, uint64_t features);
	/* The driver is ready and this queue is up; its lock and dev->lock are
	 * held. -errno: the device needs a reset. */
	int (*queue_start)(struct virtio_queue *q, struct err *e);
	/* The queue goes down. No request of it may touch guest memory when
	 * this returns: what is under way is waited for. dev->lock is held, the
	 * queue's is not. */
	void (*queue_stop)(struct virtio_queue *q);
	/* On the I/O thread, with the queue's lock held: the driver kicked, or
	 * there may be something in a queue just started. */
	void (*queue_kick)(struct virtio_queue *q);
	/* The interrupt of a queue that is up moved to another vector. Both
	 * locks are held. */
	void (*queue_vector)(struct virtio_queue *q);
	/* All queues are down, features are 0 again. */
	void (*reset)(struct virtio_dev *dev);
};

/* Those that do nothing, and accept everything. */
void virtio_default_config_written(struct virtio_dev *dev, unsigned int off,
				   unsigned int len);
bool virtio_default_features_ok(struct virtio_dev *dev, uint64_t features);
int virtio_default_queue_start(struct virtio_queue *q, struct err *e);
void virtio_default_queue_stop(struct virtio_queue *q);
void virtio_default_queue_vector(struct virtio_queue *q);
void virtio_default_reset(struct virtio_dev *dev);

struct virtio_config {
	const struct virtio_ops *ops;
	const char *name;    /* for messages, not owned */
	uint16_t device_id;  /* virtio 1.2 chapter 5 */
	uint32_t class_code; /* PCI, 24 bits */
	/* Offered by the device, with RING_PACKED if it can that and IN_ORDER
	 * if it pushes chains as it pops them; the transport adds VERSION_1,
	 * RING_RESET, indirect tables and the event index. */
	uint64_t features;
	unsigned int nr_queues;
	unsigned int queue_size; /* at most; a power of two */
	unsigned int config_len; /* bytes of dev->config that there are */
};

/* Where it lives. */
struct virtio_env {
	const struct mem *mem;
	struct bus *mmio;
	struct irq *irq;
	struct pci_host *pci;
	/* Queue i is served by loops[i % nr_loops]. */
	struct loop *const *loops;
	unsigned int nr_loops;
};

struct virtio_dev {
	struct virtio_config type;
	struct virtio_env env;
	struct pci_dev pci;
	struct pci_vectors vectors;
	struct bus_range range; /* BAR 0 */
	bool has_doorbells;
	pthread_mutex_t lock;
	struct virtio_queue *queues;	   /* type.nr_queues, owned */
	uint8_t config[VIRTIO_CONFIG_LEN]; /* the device's own */
	/* Registers of 4.1.4.3. */
	uint32_t device_select, driver_select, queue_select;
	uint64_t offered, accepted; /* features */
	uint8_t status;
	bool needs_reset;	  /* atomic: ORed into status */
	pthread_mutex_t isr_lock; /* of isr and the pin that follows it */
	uint8_t isr;
	uint16_t config_vector;
	uint8_t generation;
	unsigned int cfg_cap; /* of the window in config space (4.1.4.9) */
};

/*
 * Makes the function; the caller then fills in d->config and puts &d->pci on
 * the bus with virtio_dev_add. I/O threads run already or not yet. On failure
 * virtio_dev_fini is still allowed.
 */
int virtio_dev_init(struct virtio_dev *d, const struct virtio_config *type,
		    const struct virtio_env *env, struct err *e);
int virtio_dev_add(struct virtio_dev *d, int devfn, struct err *e);
/* vCPUs have stopped, I/O threads still run: resets the device, so that nothing
 * is under way. Accepts a zeroed struct, like fini. */
void virtio_dev_stop(struct virtio_dev *d);
/* After that, and when I/O threads have stopped. */
void virtio_dev_fini(struct virtio_dev *d);

static inline bool virtio_has(const struct virtio_dev *d, unsigned int feature)
{
	return d->accepted >> feature & 1;
}

/* Raises the queue's interrupt; any thread. */
void virtio_queue_notify(struct virtio_queue *q);
/* virtq_flush, and the interrupt if the driver wants one. */
void virtio_queue_flush(struct virtio_queue *q);
/*
 * The eventfd that raises the queue's interrupt, for the kernel to write: the
 * vector's own if MSI-X is on, else one that the queue's loop watches. -1: the
 * driver wants no interrupt. Queue's lock held.
 */
int virtio_queue_call_fd(const struct virtio_queue *q);
/* In queue_start: kicks of this queue are read by the kernel alone. */
void virtio_queue_leave(struct virtio_queue *q);
/* The ring, or something in it, broke the rules: logs why, and the device asks
 * for a reset. Queue's lock held. */
void virtio_queue_fail(struct virtio_queue *q, const char *why);
/* The device changed its configuration; dev->lock held. */
void virtio_config_changed(struct virtio_dev *d);
/* The same from any thread, for a field that is written atomically. */
void virtio_config_notify(struct virtio_dev *d);

#endif
