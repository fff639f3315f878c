// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libFuzzer target: rings that hold anything.
 *
 * How this works: the first bytes of the input say what kind of ring it is and
 * where its areas lie; the rest is guest memory. Chains are popped and used in
 * an order that the input gives, while it changes the memory in between, as
 * another CPU would.
 *
 * Beyond what the sanitizers see: every buffer lies in RAM, their sum is what
 * the chain says, and a broken queue stays broken.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/bits.h"
#include "tests/fake/ring.h"
#include "virtio/virtq.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { RAM_LEN = 64 << 10, MAX_IOV = 128, MAX_HELD = 16 };

struct input {
	const uint8_t *at;
	size_t len;
};

static uint32_t take(struct input *in, unsigned int len)
{
	uint32_t v = 0;

	if (in->len < len)
		return 0;
	memcpy(&v, in->at, len);
	in->at += len;
	in->len -= len;
	return v;
}

static void check_chain(const uint8_t *ram, const struct virtq_chain *c)
{
	uint64_t out = 0, in = 0;

	if (c->nr_out + c->nr_in > c->max_iov)
		abort();
	for (unsigned int i = 0; i < c->nr_out + c->nr_in; i++) {
		const uint8_t *base = c->iov[i].iov_base;
		size_t n = c->iov[i].iov_len;

		if (base < ram || n > RAM_LEN || base + n > ram + RAM_LEN)
			abort();
		if (i < c->nr_out)
			out += n;
		else
			in += n;
	}
	if (out != c->out_len || in != c->in_len)
		abort();
}

/* Lets the input write to guest memory. */
static void scribble(struct input *in, uint8_t *ram)
{
	uint32_t off = take(in, 2);

	ram[off % RAM_LEN] = (uint8_t)take(in, 1);
}

struct held {
	struct virtq_chain chain;
	struct iovec iov[MAX_IOV];
};

static void serve(struct virtq *q, uint8_t *ram, struct input *in)
{
	static struct held held[MAX_HELD];
	unsigned int nr = 0;

	while (in->len) {
		uint32_t what = take(in, 1);
		int ret;

		scribble(in, ram);
		if (what & 1 && nr < MAX_HELD) {
			struct virtq_chain *c = &held[nr].chain;

			*c = (struct virtq_chain){ .iov = held[nr].iov,
						   .max_iov = MAX_IOV };
			ret = virtq_pop(q, c);
			if (ret < 0 && virtq_pop(q, c) != -EPROTO)
				abort();
			if (ret <= 0)
				continue;
			check_chain(ram, c);
			if (what & 2)
				virtq_unpop(q, c);
			else
				nr++;
		} else if (nr) {
			unsigned int i = (what >> 2) % nr;

			virtq_push(q, &held[i].chain, what);
			held[i] = held[--nr];
			held[i].chain.iov = held[i].iov;
		}
		if (what & 0x40)
			virtq_flush(q);
		if (what & 0x80)
			virtq_kick_on(q);
		else
			virtq_kick_off(q);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = { data, len };
	struct mem_region region = {
		.size = RAM_LEN, .kind = MEM_RAM, .fd = -1, .name = "RAM"
	};
	uint32_t kind = take(&in, 2);
	struct virtq_setup setup = {
		.size = 1u << (kind & 7),
		.desc = take(&in, 2),
		.driver = take(&in, 2),
		.device = take(&in, 2),
		.is_packed = kind & 8,
		.has_event_idx = kind & 16,
		.has_indirect = kind & 32,
		.is_in_order = kind & 128,
	};
	struct err e = { 0 };
	uint8_t *ram;
	const char *why;
	struct virtq q;
	struct mem mem;

	if (kind & 64) /* packed rings may have any size */
		setup.size += kind >> 8;
	ram = aligned_alloc(4096, RAM_LEN);
	if (!ram)
		return 0;
	memset(ram, 0, RAM_LEN);
	memcpy(ram, in.at, in.len < RAM_LEN ? in.len : RAM_LEN);
	region.hva = ram;
	mem_init(&mem);
	if (mem_add(&mem, &region, &e))
		abort();
	if (!virtq_start(&q, &mem, &setup, &why)) {
		serve(&q, ram, &in);
		virtq_stop(&q);
	}
	mem_del(&mem, &region);
	mem_fini(&mem);
	free(ram);
	return 0;
}
