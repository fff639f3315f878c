/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtqueues (virtio 1.2, 2.6 to 2.8): the only code that reads and writes
 * rings, split and packed.
 *
 * A queue is served by one thread at a time: the caller locks. Rings are guest
 * memory and may hold anything: what comes out of virtq_pop has been copied and
 * checked, and every buffer of it lies in guest RAM.
 *
 *	while ((ret = virtq_pop(q, &chain)) > 0) {
 *		... serve it, now or later, in any order ...
 *		virtq_push(q, &chain, bytes_written);
 *	}
 *	if (ret < 0) the ring is broken: the device needs a reset
 *	if (virtq_flush(q)) raise the queue's interrupt
 */
#ifndef STRAIT_VIRTIO_VIRTQ_H
#define STRAIT_VIRTIO_VIRTQ_H

#include <sys/uio.h>

#include "src/base/types.h"
#include "src/core/mem.h"

enum {
	/* Ring entries at most; split rings may have 32768 (2.7), but more than
	 * this only costs the guest memory. */
	VIRTQ_MAX_SIZE = 1024,
	/* Descriptors of one chain, also of an indirect table. */
	VIRTQ_MAX_CHAIN = 1024,
};

struct vring_desc;
struct vring_avail;
struct vring_used;
struct vring_packed_desc;
struct vring_packed_desc_event;

/* How the driver set the queue up; see virtq_start. */
struct virtq_setup {
	unsigned int size; /* split: a power of two */
	/* Split: descriptor table, available ring, used ring. Packed:
	 * descriptor ring, driver's and device's event suppression. */
	gpa_t desc, driver, device;
	bool is_packed, has_event_idx, has_indirect;
	/* Chains are pushed in the order in which they were popped (2.7.9). */
	bool is_in_order;
};

/* Chains that go back to the driver as one used entry, mostly a single one. */
struct virtq_batch {
	uint16_t pos;	   /* where the entry belongs, as next_used then */
	uint16_t id;	   /* of the last chain */
	uint16_t nr_slots; /* ring entries of all; 0: there is no batch */
	uint32_t written;  /* to the last chain */
	bool has_in;	   /* it can be written to */
};

struct virtq {
	const struct mem *mem;
	struct virtq_setup setup;
	bool is_broken;
	const char *why_broken; /* for the log */
	union {
		struct {
			const struct vring_desc *desc;
			const struct vring_avail *avail;
			struct vring_used *used;
		} split;
		struct {
			struct vring_packed_desc *desc;
			const struct vring_packed_desc_event *driver;
			struct vring_packed_desc_event *device;
		} packed;
	};
	/*
	 * Split: free-running indices. Packed: position in the ring in the low
	 * 15 bits, wrap counter in bit 15, as in the event suppression area.
	 */
	uint16_t next_avail;
	uint16_t next_used;
	uint16_t flushed_used;	      /* what the driver has been shown */
	unsigned int nr_popped;	      /* chains, and not pushed yet */
	unsigned int nr_slots_popped; /* packed: ring entries of them */
	unsigned int nr_unflushed;    /* ring entries used since the flush */
	uint16_t first_flags;	      /* packed: of the first unflushed entry */
	struct virtq_batch batch;     /* pushed, and not in the ring yet */
};

/* Buffers that the driver made available together. */
struct virtq_chain {
	/* The caller's storage, max_iov of them: what the device reads comes
	 * first, then what it writes. */
	struct iovec *iov;
	unsigned int max_iov;
	unsigned int nr_out, nr_in; /* entries of iov */
	uint64_t out_len, in_len;   /* bytes */
	uint16_t id;		    /* head descriptor, or buffer ID */
	uint16_t nr_slots;	    /* ring entries that it takes */
};

/*
 * Takes the rings where the driver put them. -EINVAL: size, alignment or
 * addresses that are not guest RAM; *why says which. RAM stays mapped until the
 * queue is stopped.
 */
int virtq_start(struct virtq *q, const struct mem *mem,
		const struct virtq_setup *setup, const char **why);
void virtq_stop(struct virtq *q);
static inline bool virtq_is_live(const struct virtq *q)
{
	return q->mem && !q->is_broken;
}

/*
 * The next available chain: 1, or 0 if there is none. -EPROTO: the ring is
 * broken; so is every later call's.
 */
int virtq_pop(struct virtq *q, struct virtq_chain *c);
/* Puts the last chain that was popped back, so that the next pop gives it once
 * more. */
void virtq_unpop(struct virtq *q, const struct virtq_chain *c);

/*
 * The device is done with a chain and has written that many bytes to it from
 * the start of its writable part. The driver sees it after virtq_flush.
 */
void virtq_push(struct virtq *q, const struct virtq_chain *c, uint32_t written);
/* Shows the driver everything pushed so far, at once. True: it wants an
 * interrupt for that. */
bool virtq_flush(struct virtq *q);

/*
 * Asks the driver for a kick when it next makes something available. True:
 * there is something already, pop again. virtq_kick_off asks for none; a kick
 * may come all the same.
 */
bool virtq_kick_on(struct virtq *q);
void virtq_kick_off(struct virtq *q);

#endif
