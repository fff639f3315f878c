// SPDX-License-Identifier: GPL-2.0-or-later
/* A virtio driver's rings (virtio 1.2, 2.7 and 2.8), written for tests. */
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "src/base/bits.h"
#include "tests/fake/ring.h"

enum {
	WRAP = 0x8000,
	DRIVER_OFF = 0x5000,
	DEVICE_OFF = 0x6000,
	TABLES_OFF = 0x8000,
	TABLE_LEN = 0x80
};

void fake_ram_init(struct fake_ram *ram)
{
	struct err e = { 0 };

	mem_init(&ram->mem);
	ram->bytes = mmap(NULL, FAKE_RAM_LEN, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (ram->bytes == MAP_FAILED)
		abort();
	ram->region = (struct mem_region){ .size = FAKE_RAM_LEN,
					   .hva = ram->bytes,
					   .kind = MEM_RAM,
					   .fd = -1,
					   .name = "RAM" };
	if (mem_add(&ram->mem, &ram->region, &e))
		abort();
}

void fake_ram_fini(struct fake_ram *ram)
{
	mem_del(&ram->mem, &ram->region);
	mem_fini(&ram->mem);
	munmap(ram->bytes, FAKE_RAM_LEN);
}

static void *at(const struct fake_ring *r, gpa_t gpa)
{
	return r->ram->bytes + gpa;
}

void fake_ring_init(struct fake_ring *r, struct fake_ram *ram, gpa_t gpa,
		    unsigned int size, bool is_packed, bool has_event_idx)
{
	memset(r, 0, sizeof(*r));
	r->ram = ram;
	r->setup = (struct virtq_setup){ .size = size,
					 .desc = gpa,
					 .driver = gpa + DRIVER_OFF,
					 .device = gpa + DEVICE_OFF,
					 .is_packed = is_packed,
					 .has_event_idx = has_event_idx,
					 .has_indirect = true };
	r->tables = gpa + TABLES_OFF;
	r->avail = r->used = is_packed ? WRAP : 0;
	memset(at(r, gpa), 0, TABLES_OFF);
	while (r->nr_free < size) {
		r->free[r->nr_free] = (uint16_t)(size - 1 - r->nr_free);
		r->nr_free++;
	}
}

static uint16_t flags_of(const struct fake_buf *b)
{
	return b->is_in ? VRING_DESC_F_WRITE : 0;
}

/* --- split --- */

static void put_split(void *to, const struct fake_buf *b, uint16_t flags,
		      uint16_t next)
{
	struct vring_desc d = { .addr = b->gpa,
				.len = b->len,
				.flags = (uint16_t)(flags | flags_of(b)),
				.next = next };

	memcpy(to, &d, sizeof(d));
}

static void fill_split_table(struct fake_ring *r, gpa_t table,
			     const struct fake_buf *bufs, unsigned int nr)
{
	struct vring_desc *d = at(r, table);

	for (unsigned int i = 0; i < nr; i++)
		put_split(&d[i], &bufs[i], i + 1 < nr ? VRING_DESC_F_NEXT : 0,
			  (uint16_t)(i + 1));
}

static uint16_t split_add(struct fake_ring *r, const struct fake_buf *bufs,
			  unsigned int nr, bool indirect)
{
	struct vring_desc *desc = at(r, r->setup.desc);
	struct vring_avail *avail = at(r, r->setup.driver);
	uint16_t head = r->free[r->nr_free - 1];

	if (indirect) {
		gpa_t table = r->tables + (gpa_t)head * TABLE_LEN;
		struct fake_buf b = { table, nr * 16, false };

		fill_split_table(r, table, bufs, nr);
		put_split(&desc[head], &b, VRING_DESC_F_INDIRECT, 0);
		r->nr_free--;
	} else {
		for (unsigned int i = 0; i < nr; i++) {
			uint16_t here = r->free[--r->nr_free];
			bool last = i + 1 == nr;

			put_split(&desc[here], &bufs[i],
				  last ? 0 : VRING_DESC_F_NEXT,
				  last ? 0 : r->free[r->nr_free - 1]);
		}
	}
	avail->ring[r->avail % r->setup.size] = head;
	__atomic_store_n(&avail->idx, ++r->avail, __ATOMIC_RELEASE);
	return head;
}

static void split_release(struct fake_ring *r, uint16_t head)
{
	const struct vring_desc *desc = at(r, r->setup.desc);
	uint16_t i = head;

	/* In reverse, so that the stack gives them in the same order. */
	r->free[r->nr_free++] = i;
	while (desc[i].flags & VRING_DESC_F_NEXT) {
		i = desc[i].next;
		r->free[r->nr_free++] = i;
	}
}

static bool split_peek(const struct fake_ring *r, uint16_t *id, uint32_t *len)
{
	const struct vring_used *used = at(r, r->setup.device);

	if (__atomic_load_n(&used->idx, __ATOMIC_ACQUIRE) == r->used)
		return false;
	*id = (uint16_t)used->ring[r->used % r->setup.size].id;
	*len = used->ring[r->used % r->setup.size].len;
	return true;
}

/* --- packed --- */

static uint16_t step(const struct fake_ring *r, uint16_t pos, unsigned int by)
{
	unsigned int i = (pos & 0x7fffu) + by;

	if (i < r->setup.size)
		return (uint16_t)(i | (pos & WRAP));
	return (uint16_t)((i - r->setup.size) | ((pos & WRAP) ^ WRAP));
}

static uint16_t packed_turn(uint16_t pos)
{
	return pos & WRAP ? 1 << VRING_PACKED_DESC_F_AVAIL
			  : 1 << VRING_PACKED_DESC_F_USED;
}

static void put_packed(struct vring_packed_desc *d, const struct fake_buf *b,
		       uint16_t flags, uint16_t id)
{
	d->addr = b->gpa;
	d->len = b->len;
	d->id = id;
	__atomic_store_n(&d->flags, (uint16_t)(flags | flags_of(b)),
			 __ATOMIC_RELEASE);
}

static uint16_t packed_add(struct fake_ring *r, const struct fake_buf *bufs,
			   unsigned int nr, bool indirect)
{
	struct vring_packed_desc *desc = at(r, r->setup.desc);
	uint16_t id = r->next_id++ % FAKE_RING_MAX, first = r->avail;
	struct fake_buf table = { r->tables + (gpa_t)id * TABLE_LEN, nr * 16,
				  false };
	struct vring_packed_desc *to = at(r, table.gpa);
	unsigned int slots = indirect ? 1 : nr;

	for (unsigned int i = 0; indirect && i < nr; i++)
		put_packed(&to[i], &bufs[i], 0, 0);
	/* The first one's flags last. */
	for (unsigned int i = slots; i-- > 0;) {
		uint16_t pos = step(r, first, i);
		uint16_t flags = packed_turn(pos);

		if (indirect)
			flags |= VRING_DESC_F_INDIRECT;
		else if (i + 1 < slots)
			flags |= VRING_DESC_F_NEXT;
		put_packed(&desc[pos & 0x7fff], indirect ? &table : &bufs[i],
			   flags, id);
	}
	r->avail = step(r, first, slots);
	r->slots[id] = (uint16_t)slots;
	return id;
}

static bool packed_peek(const struct fake_ring *r, uint16_t *id, uint32_t *len)
{
	const struct vring_packed_desc *desc = at(r, r->setup.desc);
	const struct vring_packed_desc *d = &desc[r->used & 0x7fff];
	uint16_t flags = __atomic_load_n(&d->flags, __ATOMIC_ACQUIRE);
	bool wrap = r->used & WRAP;

	if (!!(flags & 1 << VRING_PACKED_DESC_F_AVAIL) != wrap ||
	    !!(flags & 1 << VRING_PACKED_DESC_F_USED) != wrap)
		return false;
	*id = d->id;
	*len = d->len;
	return true;
}

/* --- both --- */

uint16_t fake_ring_add(struct fake_ring *r, const struct fake_buf *bufs,
		       unsigned int nr, bool indirect)
{
	uint16_t id = r->setup.is_packed ? packed_add(r, bufs, nr, indirect)
					 : split_add(r, bufs, nr, indirect);

	r->room[id] = 0;
	for (unsigned int i = 0; i < nr; i++)
		r->room[id] += bufs[i].is_in ? bufs[i].len : 0;
	r->order[r->nr_added++ % FAKE_RING_MAX] = id;
	return id;
}

/* The entry that stands at r->used. */
static bool peek(struct fake_ring *r, uint16_t *id, uint32_t *len)
{
	bool found = r->setup.is_packed ? packed_peek(r, id, len)
					: split_peek(r, id, len);

	r->nr_used += found;
	return found;
}

/* 2.7.9, 2.8.9: an entry may have the ID of the last chain of several. */
static bool peek_in_order(struct fake_ring *r, uint16_t *id, uint32_t *len)
{
	if (!r->in_batch && !peek(r, &r->batch_id, &r->batch_len))
		return false;
	*id = r->order[r->nr_got % FAKE_RING_MAX];
	r->in_batch = *id != r->batch_id;
	*len = r->in_batch ? r->room[*id] : r->batch_len;
	if (r->nr_got == r->nr_added)
		abort(); /* a batch without an end */
	return true;
}

bool fake_ring_get(struct fake_ring *r, uint16_t *id, uint32_t *len)
{
	if (r->setup.is_in_order ? !peek_in_order(r, id, len)
				 : !peek(r, id, len))
		return false;
	r->nr_got++;
	if (r->setup.is_packed) {
		r->used = step(r, r->used, r->slots[*id]);
	} else {
		r->used++;
		split_release(r, *id);
	}
	return true;
}

static bool passed(uint16_t event, uint16_t new, uint16_t old)
{
	return (uint16_t)(new - event - 1) < (uint16_t)(new - old);
}

/* Packed positions on one line, around which they go twice. */
static uint16_t line(const struct fake_ring *r, uint16_t pos)
{
	return (uint16_t)((pos & 0x7fff) + (pos & WRAP ? 0 : r->setup.size));
}

static bool packed_wants_kick(const struct fake_ring *r, uint16_t old)
{
	const struct vring_packed_desc_event *ev = at(r, r->setup.device);
	unsigned int n = 2 * r->setup.size;
	unsigned int from = line(r, old), to = line(r, r->avail);
	unsigned int event = line(r, ev->off_wrap);

	if (ev->flags != VRING_PACKED_EVENT_FLAG_DESC)
		return ev->flags == VRING_PACKED_EVENT_FLAG_ENABLE;
	return (event + n - from) % n < (to + n - from) % n;
}

bool fake_ring_wants_kick(const struct fake_ring *r, uint16_t old)
{
	const struct vring_used *used = at(r, r->setup.device);

	if (r->setup.is_packed)
		return packed_wants_kick(r, old);
	if (r->setup.has_event_idx)
		return passed((uint16_t)get_le(&used->ring[r->setup.size], 2),
			      r->avail, old);
	return !(used->flags & VRING_USED_F_NO_NOTIFY);
}

void fake_ring_want_irq(struct fake_ring *r, int nr)
{
	struct vring_packed_desc_event *ev = at(r, r->setup.driver);
	struct vring_avail *avail = at(r, r->setup.driver);

	if (r->setup.is_packed) {
		ev->off_wrap = step(r, r->used, nr < 0 ? 0 : (unsigned int)nr);
		ev->flags = nr < 0 ? VRING_PACKED_EVENT_FLAG_ENABLE
				   : VRING_PACKED_EVENT_FLAG_DESC;
	} else {
		avail->flags = 0;
		avail->ring[r->setup.size] =
			(uint16_t)(r->used + (nr < 0 ? 0 : nr));
	}
}

void fake_ring_want_no_irq(struct fake_ring *r)
{
	struct vring_packed_desc_event *ev = at(r, r->setup.driver);
	struct vring_avail *avail = at(r, r->setup.driver);

	if (r->setup.is_packed) {
		ev->flags = VRING_PACKED_EVENT_FLAG_DISABLE;
	} else {
		avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
		avail->ring[r->setup.size] = (uint16_t)(r->used - 1);
	}
}
