/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For fuzzers of virtio devices: a driver that keeps to the ring's rules and
 * whose requests hold anything.
 *
 * How this works: the input is a row of records. Each makes a chain available
 * whose buffers lie anywhere in a piece of RAM, or lets the device run, or
 * resets it, or does what the target wants. A device that asks for a reset gets
 * it.
 *
 * Beyond what the sanitizers see: a chain comes back once and with no more
 * bytes written than it had room for; memory that no writable buffer covers
 * stays as it was; where the device answers at once, nothing is kept.
 */
#ifndef STRAIT_TESTS_FUZZ_VIRTIO_H
#define STRAIT_TESTS_FUZZ_VIRTIO_H

#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "src/base/bits.h"
#include "tests/fake/virtio.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum {
	FUZZ_RING = 16,
	FUZZ_BUFS = 8,
	FUZZ_SPAN = 64 << 10, /* where buffers begin; they may be as long */
	FUZZ_DATA = 2 * FUZZ_SPAN,
	FUZZ_MAX_IN = 256,
	FUZZ_TURNS = 10000,
	FUZZ_WAIT_MS = 5000,
};

struct fuzz_input {
	const uint8_t *at;
	size_t len;
};

struct fuzz_virtio {
	struct fake_virtio v;
	struct virtio_dev *dev;
	bool has_thread;       /* else the loop turns here */
	uint32_t all_back;     /* queues that keep nothing, a bit each */
	unsigned int nr_rings; /* of all of the device's */
	/* What the target adds to the records; may be NULL. */
	void (*more)(struct fuzz_input *in);
	uint64_t features; /* that the driver accepted */
	/* Memory as it has to be, but for what was writable. */
	uint8_t want[FUZZ_DATA];
	struct fake_buf in[FUZZ_MAX_IN];
	unsigned int nr_in;
	bool is_out[FAKE_QUEUES][FAKE_RING_MAX];
	uint32_t room[FAKE_QUEUES][FAKE_RING_MAX];
	unsigned int slots[FAKE_QUEUES][FAKE_RING_MAX];
	unsigned int nr_out[FAKE_QUEUES], nr_slots[FAKE_QUEUES];
};

static inline void must(bool ok)
{
	if (!ok)
		abort();
}

static inline uint64_t fuzz_take(struct fuzz_input *in, unsigned int len)
{
	uint64_t v = 0;

	if (in->len < len) {
		in->len = 0;
		return 0;
	}
	memcpy(&v, in->at, len);
	in->at += len;
	in->len -= len;
	return v;
}

/* --- the device's turn --- */

static inline void fuzz_turn(struct fuzz_virtio *f)
{
	struct epoll_event ev;
	unsigned int n = 0;

	while (epoll_wait(f->v.io.loop.epoll_fd, &ev, 1, 0) == 1) {
		struct loop_source *s = ev.data.ptr;

		s->ready(s, ev.events);
		must(++n < FUZZ_TURNS); /* it spins */
	}
}

static inline bool fuzz_is_broken(struct fuzz_virtio *f)
{
	return fake_virtio_status(&f->v) & VIRTIO_CONFIG_S_NEEDS_RESET;
}

static inline void fuzz_collect(struct fuzz_virtio *f, unsigned int q)
{
	uint32_t len;
	uint16_t id;

	while (fake_ring_get(&f->v.rings[q], &id, &len)) {
		must(id < FAKE_RING_MAX && f->is_out[q][id]);
		must(len <= f->room[q][id]);
		f->is_out[q][id] = false;
		f->nr_out[q]--;
		f->nr_slots[q] -= f->slots[q][id];
	}
}

static inline bool fuzz_is_settled(struct fuzz_virtio *f)
{
	bool all = true;

	if (!f->has_thread)
		fuzz_turn(f);
	for (unsigned int q = 0; q < f->nr_rings; q++) {
		fuzz_collect(f, q);
		all = all && (!f->nr_out[q] || !(f->all_back >> q & 1));
	}
	return all || fuzz_is_broken(f);
}

/* Until everything has come back that does so at once. The driver may not have
 * said yet that there is something. */
static inline void fuzz_settle(struct fuzz_virtio *f)
{
	unsigned int tries = 0;

	for (unsigned int q = 0; q < f->nr_rings; q++)
		if (f->nr_out[q])
			fake_virtio_kick(&f->v, q);
	while (!fuzz_is_settled(f)) {
		must(f->has_thread && tries++ < FUZZ_WAIT_MS * 50);
		usleep(20);
	}
}

/* --- its driver --- */

static inline void fuzz_start(struct fuzz_virtio *f, uint64_t features)
{
	memset(f->is_out, 0, sizeof(f->is_out));
	memset(f->nr_out, 0, sizeof(f->nr_out));
	memset(f->nr_slots, 0, sizeof(f->nr_slots));
	f->features = features & f->dev->offered;
	fake_virtio_start(&f->v, f->features, f->nr_rings, FUZZ_RING);
}

static inline uint32_t fuzz_len(uint8_t code)
{
	unsigned int shift = code & 31;

	if (code < 128)
		return code;
	return shift < 16 ? 1U << shift : FUZZ_SPAN - (shift & 15);
}

static inline void fuzz_fill(struct fuzz_virtio *f, struct fuzz_input *in,
			     const struct fake_buf *b)
{
	size_t n = fuzz_take(in, 1);

	n = n < in->len ? n : in->len;
	n = n < b->len ? n : b->len;
	memcpy(f->v.ram.bytes + b->gpa, in->at, n);
	memcpy(f->want + (b->gpa - FAKE_DATA_GPA), in->at, n);
	in->at += n;
	in->len -= n;
}

static inline void fuzz_add(struct fuzz_virtio *f, struct fuzz_input *in,
			    uint8_t what)
{
	unsigned int q = (unsigned int)fuzz_take(in, 1) % f->nr_rings;
	uint8_t shape = (uint8_t)fuzz_take(in, 1);
	unsigned int nr = 1 + shape % FUZZ_BUFS, first_in = shape >> 3 & 7;
	bool indirect =
		what & 8 && f->features >> VIRTIO_RING_F_INDIRECT_DESC & 1;
	unsigned int slots = indirect ? 1 : nr;
	struct fake_buf bufs[FUZZ_BUFS];
	uint32_t room = 0;
	uint16_t id;

	if (f->nr_slots[q] + slots > FUZZ_RING || f->nr_in + nr > FUZZ_MAX_IN)
		return;
	for (unsigned int i = 0; i < nr; i++) {
		bufs[i].gpa = FAKE_DATA_GPA + fuzz_take(in, 2);
		bufs[i].len = fuzz_len((uint8_t)fuzz_take(in, 1));
		bufs[i].is_in = i >= first_in;
		room += bufs[i].is_in ? bufs[i].len : 0;
		if (bufs[i].is_in)
			f->in[f->nr_in++] = bufs[i];
		else
			fuzz_fill(f, in, &bufs[i]);
	}
	id = fake_ring_add(&f->v.rings[q], bufs, nr, indirect);
	must(!f->is_out[q][id]);
	f->is_out[q][id] = true;
	f->room[q][id] = room;
	f->slots[q][id] = slots;
	f->nr_slots[q] += slots;
	f->nr_out[q]++;
	if (!(what & 16))
		fake_virtio_kick(&f->v, q);
}

static inline void fuzz_record(struct fuzz_virtio *f, struct fuzz_input *in)
{
	uint8_t what = (uint8_t)fuzz_take(in, 1);

	switch (what & 7) {
	case 4:
		fuzz_settle(f);
		break;
	case 5:
		if (f->more)
			f->more(in);
		break;
	case 6: /* the device's own configuration (4.1.4.6) */
		fake_virtio_write(&f->v, 0x2000 + (what >> 3), 1,
				  fuzz_take(in, 1));
		break;
	case 7:
		fuzz_start(f, fuzz_take(in, 8));
		break;
	default:
		fuzz_add(f, in, what);
	}
	if (what & 32)
		fuzz_settle(f);
	if (fuzz_is_broken(f))
		fuzz_start(f, f->features);
}

static inline void fuzz_check_memory(struct fuzz_virtio *f)
{
	uint8_t *ram = f->v.ram.bytes + FAKE_DATA_GPA;

	for (unsigned int i = 0; i < f->nr_in; i++) {
		gpa_t off = f->in[i].gpa - FAKE_DATA_GPA;

		memcpy(f->want + off, ram + off, f->in[i].len);
	}
	must(!memcmp(f->want, ram, FUZZ_DATA));
	memset(f->want, 0, FUZZ_DATA);
	memset(ram, 0, FUZZ_DATA);
	f->nr_in = 0;
}

/* One input: the device is reset before, and after. */
static inline void fuzz_play(struct fuzz_virtio *f, const uint8_t *data,
			     size_t len)
{
	struct fuzz_input in = { data, len };

	fuzz_start(f, fuzz_take(&in, 8));
	while (in.len)
		fuzz_record(f, &in);
	fuzz_settle(f);
	fake_virtio_write(&f->v, 20, 1, 0);
	fuzz_check_memory(f);
}

/* --- its machine --- */

/* Then the target makes its device, with f->v.env. */
static inline void fuzz_init(struct fuzz_virtio *f)
{
	log_set_level(LOG_ERROR);
	fake_virtio_init(&f->v);
}

/* Puts it on the bus. Without a thread for it its loop turns in fuzz_settle. */
static inline void fuzz_plug(struct fuzz_virtio *f, struct virtio_dev *dev)
{
	struct err e = { 0 };

	f->dev = dev;
	f->nr_rings = dev->type.nr_queues;
	must(f->nr_rings <= FAKE_QUEUES);
	if (f->has_thread) {
		fake_virtio_plug(&f->v, dev);
		return;
	}
	f->v.dev = dev;
	must(!virtio_dev_add(dev, -1, &e));
	must(!pci_host_place_bars(&f->v.pci, &e));
	pci_dev_write(&dev->pci, PCI_COMMAND, 2,
		      PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	f->v.bar = dev->pci.bars[0].addr;
}

#endif
