/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of virtio/ tell each other; nobody else includes this. */
#ifndef STRAIT_VIRTIO_PRIV_H
#define STRAIT_VIRTIO_PRIV_H

#include <linux/virtio_ring.h>

#include "virtio/virtio.h"

/* --- virtq.c --- */

/* The driver broke the ring's rules. Returns -EPROTO. */
int virtq_break(struct virtq *q, const char *why);

/* A descriptor, copied out of guest memory; both kinds of ring look alike. */
struct virtq_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags; /* VRING_DESC_F_* */
	uint16_t id;	/* split: the next one; packed: buffer ID */
};
/* Adds one buffer to the chain. 0, or -EPROTO and the queue is broken. */
int virtq_chain_add(struct virtq *q, struct virtq_chain *c,
		    const struct virtq_desc *d);
/* The same for all of an indirect table (2.7.5.3, 2.8.7). */
int virtq_chain_add_table(struct virtq *q, struct virtq_chain *c,
			  const struct virtq_desc *table);
/* Has event moved past by going from old to new? All free-running. (2.7.7.2) */
static inline bool virtq_event_passed(uint16_t event, uint16_t new,
				      uint16_t old)
{
	return (uint16_t)(new - event - 1) < (uint16_t)(new - old);
}

/* --- virtq_split.c --- */

int split_start(struct virtq *q, const char **why);
int split_pop(struct virtq *q, struct virtq_chain *c);
/* Writes a used entry. */
void split_put(struct virtq *q, const struct virtq_batch *b);
bool split_flush(struct virtq *q);
bool split_kick_on(struct virtq *q);
void split_kick_off(struct virtq *q);
/* One descriptor of a split table, copied. */
struct virtq_desc split_desc(const struct vring_desc *from);

/* --- virtq_packed.c --- */

int packed_start(struct virtq *q, const char **why);
int packed_pop(struct virtq *q, struct virtq_chain *c);
void packed_unpop(struct virtq *q, const struct virtq_chain *c);
/* Writes a used descriptor. */
void packed_put(struct virtq *q, const struct virtq_batch *b);
/* next_used, by that many entries. */
void packed_skip(struct virtq *q, uint16_t nr_slots);
bool packed_flush(struct virtq *q);
bool packed_kick_on(struct virtq *q);
void packed_kick_off(struct virtq *q);
struct virtq_desc packed_desc(const struct vring_packed_desc *from);

/* --- common.c: the registers of 4.1.4.3 --- */

uint64_t common_read(struct virtio_dev *d, unsigned int off, unsigned int len);
void common_write(struct virtio_dev *d, unsigned int off, unsigned int len,
		  uint64_t value);
/* Everything as after power-on. dev->lock held. */
void common_reset_locked(struct virtio_dev *d);

/* --- pci.c --- */

/* What the ISR says; it is clear and the pin low afterwards (4.1.4.5.1). */
uint8_t isr_take(struct virtio_dev *d);

/* --- queue.c: from registers to a ring that is served --- */

int queue_init(struct virtio_queue *q, struct virtio_dev *d, unsigned int index,
	       struct err *e);
void queue_fini(struct virtio_queue *q);
/* dev->lock held. A queue that cannot start makes the device need a reset. */
void queue_start(struct virtio_queue *q);
/* Registers stay. dev->lock held. */
void queue_stop(struct virtio_queue *q);
/* Registers as after power-on. */
void queue_forget(struct virtio_queue *q);
void queue_ring(struct virtio_queue *q); /* its doorbell, by hand */

#endif
