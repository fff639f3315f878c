/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The driver's side of a virtqueue, split or packed, in a guest's RAM that is
 * an array: what a device is tested with.
 */
#ifndef STRAIT_TESTS_FAKE_RING_H
#define STRAIT_TESTS_FAKE_RING_H

#include "virtio/virtq.h"

enum { FAKE_RAM_LEN = 4 << 20, FAKE_RING_MAX = 256 };

/* One region of RAM at GPA 0. */
struct fake_ram {
	struct mem mem;
	struct mem_region region;
	uint8_t *bytes;
};
void fake_ram_init(struct fake_ram *ram);
void fake_ram_fini(struct fake_ram *ram);

struct fake_buf {
	gpa_t gpa;
	uint32_t len;
	bool is_in; /* the device writes it */
};

struct fake_ring {
	struct fake_ram *ram;
	struct virtq_setup setup;
	uint16_t avail, used; /* as struct virtq counts them */
	uint16_t next_id;
	gpa_t tables; /* indirect tables, one per entry */
	/* Packed: slots that the chain of an ID takes. */
	uint16_t slots[FAKE_RING_MAX];
	uint16_t free[FAKE_RING_MAX]; /* split: stack of descriptors */
	unsigned int nr_free;
	/* Chains that are out, in order, and what each has room for. */
	uint16_t order[FAKE_RING_MAX];
	unsigned int nr_added, nr_got;
	uint32_t room[FAKE_RING_MAX];
	/* With setup.is_in_order: the used entry that stands for a batch. */
	bool in_batch;
	uint16_t batch_id;
	uint32_t batch_len;
	unsigned int nr_used; /* entries that were read */
};

/* Its areas begin at gpa, which is page-aligned; they take 64 KiB. */
void fake_ring_init(struct fake_ring *r, struct fake_ram *ram, gpa_t gpa,
		    unsigned int size, bool is_packed, bool has_event_idx);
/* Makes a chain available, by an indirect table if asked. Returns the ID that
 * it comes back with. */
uint16_t fake_ring_add(struct fake_ring *r, const struct fake_buf *bufs,
		       unsigned int nr, bool indirect);
/* Takes the next chain that came back; false: none has. */
bool fake_ring_get(struct fake_ring *r, uint16_t *id, uint32_t *len);
/* Whether the device wants a kick for what was added since old (r->avail then).
 */
bool fake_ring_wants_kick(const struct fake_ring *r, uint16_t old);
/* Wants an interrupt for the chain after nr more came back (event index), for
 * any (nr < 0), or for none. */
void fake_ring_want_irq(struct fake_ring *r, int nr);
void fake_ring_want_no_irq(struct fake_ring *r);

#endif
