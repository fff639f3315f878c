// SPDX-License-Identifier: GPL-2.0-or-later
/* Virtqueues, both kinds, with and without the event index, against a driver.
 */
#include <errno.h>
#include <linux/virtio_ring.h>

#include "src/base/bits.h"
#include "tests/fake/ring.h"
#include "tests/tap.h"

enum { SIZE = 8, RING_GPA = 0x10000, DATA = 0x100000 };

static struct fake_ram ram;
static struct fake_ring ring;
static struct virtq vq;
static struct iovec iov[64];

static struct virtq_chain chain(void)
{
	return (struct virtq_chain){ .iov = iov, .max_iov = ARRAY_SIZE(iov) };
}

static void start(bool is_packed, bool has_event_idx)
{
	const char *why;

	fake_ring_init(&ring, &ram, RING_GPA, SIZE, is_packed, has_event_idx);
	CHECK_EQ(virtq_start(&vq, &ram.mem, &ring.setup, &why), 0);
}

/* Runs fn over each kind of ring. */
static void each_kind(void (*fn)(void))
{
	for (unsigned int kind = 0; kind < 4; kind++) {
		start(kind & 1, kind & 2);
		fn();
		virtq_stop(&vq);
	}
}

static const struct fake_buf out_in[] = {
	{ DATA, 16, false },
	{ DATA + 0x1000, 512, false },
	{ DATA + 0x2000, 1, true },
};

/* --- chains --- */

static void check_chain(const struct virtq_chain *c)
{
	CHECK_EQ(c->nr_out, 2);
	CHECK_EQ(c->nr_in, 1);
	CHECK_EQ(c->out_len, 528);
	CHECK_EQ(c->in_len, 1);
	CHECK(c->iov[1].iov_base == ram.bytes + DATA + 0x1000);
	CHECK_EQ(c->iov[1].iov_len, 512);
	CHECK(c->iov[2].iov_base == ram.bytes + DATA + 0x2000);
}

static void one_round(bool indirect)
{
	struct virtq_chain c = chain();
	uint16_t added = fake_ring_add(&ring, out_in, 3, indirect), id;
	uint32_t len;

	CHECK_EQ(virtq_pop(&vq, &c), 1);
	check_chain(&c);
	CHECK_EQ(c.id, added);
	CHECK_EQ(virtq_pop(&vq, &c), 0);
	c.id = added;
	virtq_push(&vq, &c, 1);
	CHECK(!fake_ring_get(&ring, &id, &len));
	virtq_flush(&vq);
	CHECK(fake_ring_get(&ring, &id, &len));
	CHECK_EQ(id, added);
	CHECK_EQ(len, 1);
	CHECK(!fake_ring_get(&ring, &id, &len));
}

/* Three descriptors a time in a ring of eight: every position wraps. */
static void rounds(void)
{
	for (unsigned int i = 0; i < 1000; i++)
		one_round(i % 3 == 2);
}

static void chains_come_and_go_round_the_ring(void)
{
	each_kind(rounds);
}

static void indices_wrap_at_16_bits(void)
{
	start(false, true);
	for (unsigned int i = 0; i < 70000; i++)
		one_round(true);
	virtq_stop(&vq);
}

static void out_of_order(void)
{
	struct virtq_chain c[3] = { chain(), chain(), chain() };
	uint16_t ids[3], id;
	uint32_t len;

	for (unsigned int round = 0; round < 20; round++) {
		for (unsigned int i = 0; i < 3; i++)
			ids[i] = fake_ring_add(&ring, out_in, 2, false);
		for (unsigned int i = 0; i < 3; i++)
			CHECK_EQ(virtq_pop(&vq, &c[i]), 1);
		for (unsigned int i = 3; i-- > 0;)
			virtq_push(&vq, &c[i], i);
		virtq_flush(&vq);
		for (unsigned int i = 3; i-- > 0;) {
			CHECK(fake_ring_get(&ring, &id, &len));
			CHECK_EQ(id, ids[i]);
			CHECK_EQ(len, i);
		}
	}
}

static void chains_may_be_used_out_of_order(void)
{
	each_kind(out_of_order);
}

/* --- in order --- */

/* Each chain of out_in has room for a byte. How many used entries stand for
 * nr of them, written as the bits of mask say. */
static unsigned int entries_for(unsigned int nr, unsigned int mask)
{
	struct virtq_chain c = chain();
	unsigned int before = ring.nr_used;
	uint16_t ids[4], id;
	uint32_t len;

	for (unsigned int i = 0; i < nr; i++)
		ids[i] = fake_ring_add(&ring, out_in, 3, true);
	for (unsigned int i = 0; i < nr; i++) {
		CHECK_EQ(virtq_pop(&vq, &c), 1);
		virtq_push(&vq, &c, mask >> i & 1);
	}
	CHECK(!fake_ring_get(&ring, &id, &len));
	virtq_flush(&vq);
	for (unsigned int i = 0; i < nr; i++) {
		CHECK(fake_ring_get(&ring, &id, &len));
		CHECK_EQ(id, ids[i]);
		CHECK_EQ(len, mask >> i & 1);
	}
	CHECK(!fake_ring_get(&ring, &id, &len));
	return ring.nr_used - before;
}

/* Three and four chains in a ring of eight: every position wraps. */
static void one_entry_for_many(void)
{
	vq.setup.is_in_order = ring.setup.is_in_order = true;
	for (unsigned int i = 0; i < 1000; i++) {
		CHECK_EQ(entries_for(3, 7), 1);
		CHECK_EQ(entries_for(4, 0xf), 1);
		CHECK_EQ(entries_for(1, 0), 1);
	}
}

static void in_order_one_entry_stands_for_many(void)
{
	each_kind(one_entry_for_many);
}

/* What was written to its end in part needs an entry, which says how much. */
static void entries_where_needed(void)
{
	vq.setup.is_in_order = ring.setup.is_in_order = true;
	for (unsigned int i = 0; i < 100; i++) {
		CHECK_EQ(entries_for(4, 0), 4);
		CHECK_EQ(entries_for(4, 5), 2);
		CHECK_EQ(entries_for(4, 8), 4);
		CHECK_EQ(entries_for(4, 1), 3);
		CHECK_EQ(entries_for(3, 6), 2);
	}
}

static void short_ones_have_entries_of_their_own(void)
{
	each_kind(entries_where_needed);
}

static void each_has_an_entry(void)
{
	for (unsigned int i = 0; i < 100; i++)
		CHECK_EQ(entries_for(4, 0xf), 4);
}

static void without_the_feature_each_has_an_entry(void)
{
	each_kind(each_has_an_entry);
}

/* Chains that take several entries of a packed ring. */
static void in_order_rounds(void)
{
	vq.setup.is_in_order = ring.setup.is_in_order = true;
	rounds();
}

static void in_order_chains_go_round_the_ring(void)
{
	each_kind(in_order_rounds);
}

/* --- back again --- */

static void unpopped(void)
{
	struct virtq_chain c = chain();

	for (unsigned int i = 0; i < 5; i++) {
		uint16_t first = fake_ring_add(&ring, out_in, 3, false), id;
		uint16_t second = fake_ring_add(&ring, out_in, 2, false);
		uint32_t len;

		CHECK_EQ(virtq_pop(&vq, &c), 1);
		virtq_unpop(&vq, &c);
		CHECK_EQ(virtq_pop(&vq, &c), 1);
		CHECK_EQ(c.id, first);
		virtq_push(&vq, &c, 0);
		CHECK_EQ(virtq_pop(&vq, &c), 1);
		CHECK_EQ(c.id, second);
		virtq_push(&vq, &c, 0);
		virtq_flush(&vq);
		CHECK(fake_ring_get(&ring, &id, &len));
		CHECK(fake_ring_get(&ring, &id, &len));
		CHECK_EQ(id, second);
	}
}

static void chain_put_back_comes_again(void)
{
	each_kind(unpopped);
}

/* --- interrupts and kicks --- */

static bool use_one(void)
{
	const struct fake_buf b = { DATA, 8, true };
	struct virtq_chain c = chain();

	fake_ring_add(&ring, &b, 1, false);
	CHECK_EQ(virtq_pop(&vq, &c), 1);
	virtq_push(&vq, &c, 8);
	return virtq_flush(&vq);
}

static void take_one(void)
{
	uint16_t id;
	uint32_t len;

	CHECK(fake_ring_get(&ring, &id, &len));
}

static void each_wanted(void)
{
	for (unsigned int i = 0; i < 40; i++) {
		fake_ring_want_irq(&ring, ring.setup.has_event_idx ? 0 : -1);
		CHECK(use_one());
		take_one();
		fake_ring_want_no_irq(&ring);
		CHECK(!use_one());
		take_one();
	}
}

static void interrupt_comes_when_it_is_wanted(void)
{
	each_kind(each_wanted);
}

static void third_wanted(void)
{
	for (unsigned int i = 0; ring.setup.has_event_idx && i < 40; i++) {
		fake_ring_want_irq(&ring, 2);
		CHECK(!use_one());
		CHECK(!use_one());
		CHECK(use_one());
		CHECK(!use_one());
		for (unsigned int n = 0; n < 4; n++)
			take_one();
	}
}

static void event_index_holds_interrupts_back(void)
{
	each_kind(third_wanted);
}

static void kicks(void)
{
	const struct fake_buf b = { DATA, 8, false };
	uint16_t old;

	for (unsigned int i = 0; i < 40; i++) {
		struct virtq_chain c = chain();

		virtq_kick_off(&vq);
		CHECK(!virtq_kick_on(&vq));
		old = ring.avail;
		fake_ring_add(&ring, &b, 1, false);
		CHECK(fake_ring_wants_kick(&ring, old));
		CHECK(virtq_kick_on(&vq));
		CHECK_EQ(virtq_pop(&vq, &c), 1);
		virtq_kick_off(&vq);
		old = ring.avail;
		fake_ring_add(&ring, &b, 1, false);
		/* With the event index a kick may be wanted for the first. */
		CHECK(!fake_ring_wants_kick(&ring, old));
		virtq_push(&vq, &c, 0);
		CHECK_EQ(virtq_pop(&vq, &c), 1);
		virtq_push(&vq, &c, 0);
		virtq_flush(&vq);
		take_one();
		take_one();
	}
}

static void kick_is_asked_for_only_when_idle(void)
{
	each_kind(kicks);
}

/* --- what a hostile driver does --- */

static void breaks(const char *why)
{
	struct virtq_chain c = chain();

	CHECK_EQ(virtq_pop(&vq, &c), -EPROTO);
	CHECK_HAS(vq.why_broken, why);
	CHECK_EQ(virtq_pop(&vq, &c), -EPROTO);
	CHECK(!virtq_is_live(&vq));
	CHECK(!virtq_flush(&vq));
}

static struct vring_desc *desc(void)
{
	return (struct vring_desc *)(void *)(ram.bytes + RING_GPA);
}

static void broken_buffer(void)
{
	const struct fake_buf outside = { FAKE_RAM_LEN - 4, 8, false };

	fake_ring_add(&ring, &outside, 1, false);
	breaks("not RAM");
}

static void wrapping_buffer(void)
{
	const struct fake_buf wraps = { UINT64_MAX - 3, 8, false };

	fake_ring_add(&ring, &wraps, 1, true);
	breaks("not RAM");
}

static void wrong_order(void)
{
	const struct fake_buf bufs[] = { { DATA, 8, true },
					 { DATA, 8, false } };

	fake_ring_add(&ring, bufs, 2, false);
	breaks("behind a writable");
}

static void odd_table(void)
{
	fake_ring_add(&ring, out_in, 3, true);
	for (unsigned int i = 0; i < SIZE; i++)
		if (desc()[i].len == 48)
			desc()[i].len = 47;
	breaks("senseless length");
}

static void table_not_ram(void)
{
	fake_ring_add(&ring, out_in, 3, true);
	for (unsigned int i = 0; i < SIZE; i++)
		if (desc()[i].len == 48)
			desc()[i].addr = FAKE_RAM_LEN - 8;
	breaks("not in RAM");
}

static void rules_are_enforced_in_both_rings(void)
{
	each_kind(broken_buffer);
	each_kind(wrapping_buffer);
	each_kind(wrong_order);
	each_kind(odd_table);
	each_kind(table_not_ram);
}

static void split_loop_ends(void)
{
	uint16_t head;

	start(false, false);
	head = fake_ring_add(&ring, out_in, 2, false);
	desc()[head].next = head;
	breaks("loop");
	start(false, false);
	head = fake_ring_add(&ring, out_in, 2, false);
	desc()[head].next = SIZE;
	breaks("out of the table");
}

static void split_index_that_runs_ahead_is_seen(void)
{
	struct vring_avail *avail;

	start(false, false);
	avail = (struct vring_avail *)(void *)(ram.bytes + ring.setup.driver);
	avail->idx = SIZE + 1;
	breaks("ran ahead");
	start(false, false);
	avail->ring[0] = SIZE;
	avail->idx = 1;
	breaks("outside the table");
}

static void indirect_loop_ends(void)
{
	uint16_t head;
	struct vring_desc *table;

	start(false, false);
	head = fake_ring_add(&ring, out_in, 3, true);
	table = (struct vring_desc *)(void *)(ram.bytes + desc()[head].addr);
	table[1].next = 0;
	table[1].len = 0; /* takes no iov, so that the count has to end it */
	table[0].len = 0;
	breaks("too many descriptors");
	start(false, false);
	head = fake_ring_add(&ring, out_in, 3, true);
	table[2].flags = VRING_DESC_F_INDIRECT;
	breaks("table in another");
	start(false, false);
	vq.setup.has_indirect = false;
	fake_ring_add(&ring, out_in, 3, true);
	breaks("not negotiated");
}

static void chain_with_more_buffers_than_fit_breaks(void)
{
	struct virtq_chain c = chain();

	start(false, false);
	c.max_iov = 2;
	fake_ring_add(&ring, out_in, 3, false);
	CHECK_EQ(virtq_pop(&vq, &c), -EPROTO);
	CHECK_HAS(vq.why_broken, "too many buffers");
}

static void packed_chain_that_never_ends_breaks(void)
{
	struct vring_packed_desc *d;

	start(true, false);
	d = (struct vring_packed_desc *)(void *)(ram.bytes + RING_GPA);
	for (unsigned int i = 0; i < SIZE; i++)
		d[i].flags = 1 << VRING_PACKED_DESC_F_AVAIL | VRING_DESC_F_NEXT;
	breaks("longer than the ring");
}

/* A driver that makes entries available again which it has not got back. */
static void more_than_the_ring_holds_breaks(void)
{
	const struct fake_buf b = { DATA, 8, false };
	struct vring_packed_desc *d;
	struct virtq_chain c = chain();

	start(true, false);
	d = (struct vring_packed_desc *)(void *)(ram.bytes + RING_GPA);
	for (unsigned int i = 0; i < SIZE; i++) {
		fake_ring_add(&ring, &b, 1, false);
		CHECK_EQ(virtq_pop(&vq, &c), 1);
	}
	d[0].flags = 1 << VRING_PACKED_DESC_F_USED;
	breaks("longer than the ring");

	start(false, false);
	for (unsigned int i = 0; i < SIZE; i++) {
		fake_ring_add(&ring, &b, 1, false);
		CHECK_EQ(virtq_pop(&vq, &c), 1);
	}
	put_le(ram.bytes + ring.setup.driver + 2, SIZE + 1, 2);
	breaks("more chains");
}

static void rings_must_lie_in_ram_and_be_aligned(void)
{
	static const struct {
		struct virtq_setup setup;
		const char *why;
	} bad[] = {
		{ { .size = 0 }, "size" },
		{ { .size = 7, .driver = 4096, .device = 8192 }, "size" },
		{ { .size = 2048 }, "size" },
		{ { .size = 8, .desc = 8 }, "descriptor table" },
		{ { .size = 8, .desc = FAKE_RAM_LEN - 64 },
		  "descriptor table" },
		{ { .size = 8, .driver = 1 }, "available" },
		{ { .size = 8, .driver = UINT64_MAX - 1 }, "available" },
		{ { .size = 8, .device = 2 }, "used" },
		{ { .size = 8, .device = FAKE_RAM_LEN - 68 }, "used" },
		{ { .size = 8, .desc = 8, .is_packed = true }, "ring" },
		{ { .size = 8, .driver = FAKE_RAM_LEN, .is_packed = true },
		  "driver event" },
		{ { .size = 8, .device = 2, .is_packed = true },
		  "device event" },
	};
	const char *why;

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		CHECK_EQ(virtq_start(&vq, &ram.mem, &bad[i].setup, &why),
			 -EINVAL);
		CHECK_HAS(why, bad[i].why);
		CHECK(!virtq_is_live(&vq));
	}
}

int main(void)
{
	fake_ram_init(&ram);
	TAP_RUN(chains_come_and_go_round_the_ring);
	TAP_RUN(indices_wrap_at_16_bits);
	TAP_RUN(chains_may_be_used_out_of_order);
	TAP_RUN(in_order_one_entry_stands_for_many);
	TAP_RUN(short_ones_have_entries_of_their_own);
	TAP_RUN(without_the_feature_each_has_an_entry);
	TAP_RUN(in_order_chains_go_round_the_ring);
	TAP_RUN(chain_put_back_comes_again);
	TAP_RUN(interrupt_comes_when_it_is_wanted);
	TAP_RUN(event_index_holds_interrupts_back);
	TAP_RUN(kick_is_asked_for_only_when_idle);
	TAP_RUN(rules_are_enforced_in_both_rings);
	TAP_RUN(split_loop_ends);
	TAP_RUN(split_index_that_runs_ahead_is_seen);
	TAP_RUN(indirect_loop_ends);
	TAP_RUN(chain_with_more_buffers_than_fit_breaks);
	TAP_RUN(packed_chain_that_never_ends_breaks);
	TAP_RUN(more_than_the_ring_holds_breaks);
	TAP_RUN(rings_must_lie_in_ram_and_be_aligned);
	fake_ram_fini(&ram);
	return tap_done();
}
