// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Address-space dispatch, alone and with readers on other threads.
 *
 * A register bank answers each read with its own number and the offset, so a
 * look-up that mixes an entry's old base with its new range is seen at once.
 */
#include <errno.h>
#include <stdatomic.h>

#include "src/base/bits.h"
#include "src/core/bus.h"
#include "tests/tap.h"

enum { NR_BANKS = 8, NR_READERS = 3, NR_MOVES = 4000 };

struct bank {
	struct bus_range range;
	uint64_t id;
	uint64_t last_offset, last_value; /* of a write */
	unsigned int last_len, nr_writes;
};

static struct bus bus;
static struct err err;
static struct bank banks[NR_BANKS];

static uint64_t bank_read(void *dev, uint64_t offset, unsigned int len)
{
	const struct bank *b = dev;

	return (b->id << 32 | offset) & all_ones(len);
}

static void bank_write(void *dev, uint64_t offset, unsigned int len,
		       uint64_t value)
{
	struct bank *b = dev;

	b->last_offset = offset;
	b->last_len = len;
	b->last_value = value;
	b->nr_writes++;
}

static const struct bus_ops bank_ops = { bank_read, bank_write };

/* An empty bus; banks have names "bank0" and on, and are 1, 2, ... inside. */
static void reset(void)
{
	static const char *const names[NR_BANKS] = { "bank0", "bank1", "bank2",
						     "bank3", "bank4", "bank5",
						     "bank6", "bank7" };

	bus_fini(&bus);
	if (bus_init(&bus, "mmio"))
		abort();
	memset(&err, 0, sizeof(err));
	for (unsigned int i = 0; i < NR_BANKS; i++)
		banks[i] = (struct bank){ .range = { .ops = &bank_ops,
						     .dev = &banks[i],
						     .name = names[i] },
					  .id = i + 1 };
}

static int add(unsigned int i, uint64_t base, uint64_t len)
{
	banks[i].range.base = base;
	banks[i].range.len = len;
	return bus_add(&bus, &banks[i].range, &err);
}

/* What a read gives: id << 32 | offset, or all-ones. */
static uint64_t at(uint64_t addr)
{
	uint64_t value = 0;

	bus_read(&bus, addr, 8, &value);
	return value;
}

static uint64_t answer(unsigned int i, uint64_t offset)
{
	return (i + 1ULL) << 32 | offset;
}

/* --- dispatch --- */

static void device_is_told_the_offset_and_length(void)
{
	reset();
	CHECK_EQ(add(0, 0x1000, 0x100), 0);
	CHECK(bus_write(&bus, 0x10f0, 2, 0xbeef));
	CHECK_EQ(banks[0].last_offset, 0xf0);
	CHECK_EQ(banks[0].last_len, 2);
	CHECK_EQ(banks[0].last_value, 0xbeef);
}

static void first_and_last_byte_belong_to_the_range(void)
{
	uint64_t value;

	reset();
	add(0, 0x1000, 0x100);
	CHECK(bus_read(&bus, 0x1000, 1, &value));
	CHECK_EQ(value, 0);
	CHECK(bus_read(&bus, 0x10ff, 1, &value));
	CHECK_EQ(value, 0xff);
	CHECK(!bus_read(&bus, 0xfff, 1, &value));
	CHECK(!bus_read(&bus, 0x1100, 1, &value));
}

static void unclaimed_reads_give_all_ones_of_their_length(void)
{
	uint64_t value;

	reset();
	CHECK(!bus_read(&bus, 0x5000, 1, &value));
	CHECK_EQ(value, 0xff);
	bus_read(&bus, 0x5000, 2, &value);
	CHECK_EQ(value, 0xffff);
	bus_read(&bus, 0x5000, 4, &value);
	CHECK_EQ(value, 0xffffffff);
	bus_read(&bus, 0x5000, 8, &value);
	CHECK_EQ(value, UINT64_MAX);
}

static void unclaimed_write_reaches_nobody(void)
{
	reset();
	add(0, 0x1000, 0x100);
	CHECK(!bus_write(&bus, 0x1100, 4, 1));
	CHECK_EQ(banks[0].nr_writes, 0);
}

static void access_across_the_end_is_unclaimed(void)
{
	uint64_t value;

	reset();
	add(0, 0x1000, 0x100);
	CHECK(!bus_read(&bus, 0x10fe, 4, &value));
	CHECK_EQ(value, 0xffffffff);
	CHECK(!bus_write(&bus, 0x10fe, 4, 1));
	CHECK(!bus_read(&bus, 0xffe, 4, &value));
	CHECK_EQ(banks[0].nr_writes, 0);
}

static void access_across_two_neighbours_is_unclaimed(void)
{
	reset();
	add(0, 0x1000, 0x100);
	add(1, 0x1100, 0x100);
	CHECK(!bus_write(&bus, 0x10fe, 4, 1));
	CHECK_EQ(banks[0].nr_writes + banks[1].nr_writes, 0);
}

static void ranges_are_found_whatever_the_order_they_came_in(void)
{
	reset();
	add(2, 0x3000, 0x100);
	add(0, 0x1000, 0x100);
	add(3, 0x4000, 0x100);
	add(1, 0x2000, 0x100);
	CHECK_EQ(at(0x1008), answer(0, 8));
	CHECK_EQ(at(0x2008), answer(1, 8));
	CHECK_EQ(at(0x3008), answer(2, 8));
	CHECK_EQ(at(0x4008), answer(3, 8));
	CHECK_EQ(at(0x2808), -1);
}

static void range_may_end_with_the_address_space(void)
{
	reset();
	CHECK_EQ(add(0, -0x100ULL, 0x100), 0);
	CHECK_EQ(at(UINT64_MAX - 7), answer(0, 0xf8));
	CHECK_EQ(at(UINT64_MAX - 6), -1);
}

static void range_may_be_the_whole_address_space_but_a_byte(void)
{
	reset();
	CHECK_EQ(add(0, 0, UINT64_MAX), 0);
	CHECK_EQ(at(0x12345678), answer(0, 0x12345678));
}

/* --- what is refused --- */

static void empty_and_wrapping_ranges_are_refused(void)
{
	reset();
	CHECK_EQ(add(0, 0x1000, 0), -EINVAL);
	CHECK_EQ(add(0, -0x100ULL, 0x101), -EINVAL);
	CHECK_EQ(add(0, UINT64_MAX, UINT64_MAX), -EINVAL);
	CHECK_HAS(err.msg, "bank0: mmio range");
	CHECK_EQ(at(0x1000), -1);
}

static void overlap_is_refused_and_both_owners_are_named(void)
{
	reset();
	add(0, 0x1000, 0x100);
	CHECK_EQ(add(1, 0x10ff, 1), -EEXIST);
	CHECK(!strcmp(err.msg,
		      "bank1: mmio at 0x10ff overlaps bank0 at 0x1000"));
	CHECK_EQ(add(1, 0xfff, 2), -EEXIST);
	CHECK_EQ(add(1, 0xf00, 0x1000), -EEXIST);
	CHECK_EQ(add(1, 0x1000, 0x100), -EEXIST);
	CHECK_EQ(add(1, 0xf00, 0x100), 0);
	CHECK_EQ(add(2, 0x1100, 0x100), 0);
}

static void full_table_refuses_and_still_works(void)
{
	static struct bus_range many[BUS_MAX_RANGES];
	static struct bus_range more;

	reset();
	for (unsigned int i = 0; i < BUS_MAX_RANGES; i++) {
		many[i] = (struct bus_range){ i * 0x10ULL, 8, &bank_ops,
					      &banks[i % NR_BANKS], "many" };
		CHECK_EQ(bus_add(&bus, &many[i], &err), 0);
	}
	more = (struct bus_range){ TIB(1), 8, &bank_ops, &banks[0], "more" };
	CHECK_EQ(bus_add(&bus, &more, &err), -ENOSPC);
	CHECK_HAS(err.msg, "more: more than 1024 ranges on mmio");
	CHECK_EQ(at(TIB(1)), -1);
	CHECK_EQ(at(0x10 * (BUS_MAX_RANGES - 1ULL)),
		 answer((BUS_MAX_RANGES - 1) % NR_BANKS, 0));
	CHECK_EQ(bus_move(&bus, &many[0], TIB(1), &err), 0);
	CHECK_EQ(at(TIB(1)), answer(0, 0));
	bus_del(&bus, &many[1]);
	CHECK_EQ(bus_add(&bus, &more, &err), -EEXIST);
	more.base = TIB(2);
	CHECK_EQ(bus_add(&bus, &more, &err), 0);
}

/* --- leaving and moving --- */

static void range_that_left_is_unclaimed(void)
{
	reset();
	add(0, 0x1000, 0x100);
	add(1, 0x2000, 0x100);
	bus_del(&bus, &banks[0].range);
	CHECK_EQ(at(0x1000), -1);
	CHECK_EQ(at(0x2000), answer(1, 0));
}

static void range_that_is_not_there_can_be_deleted(void)
{
	reset();
	add(0, 0x1000, 0x100);
	bus_del(&bus, &banks[1].range);
	CHECK_EQ(at(0x1000), answer(0, 0));
}

static void moved_range_answers_at_its_new_place_only(void)
{
	reset();
	add(0, 0x1000, 0x100);
	add(1, 0x2000, 0x100);
	add(2, 0x3000, 0x100);
	CHECK_EQ(bus_move(&bus, &banks[0].range, 0x9000, &err), 0);
	CHECK_EQ(banks[0].range.base, 0x9000);
	CHECK_EQ(at(0x9010), answer(0, 0x10));
	CHECK_EQ(at(0x1010), -1);
	CHECK_EQ(at(0x2010), answer(1, 0x10));
	CHECK_EQ(bus_move(&bus, &banks[0].range, 0, &err), 0);
	CHECK_EQ(at(0x10), answer(0, 0x10));
	CHECK_EQ(at(0x3010), answer(2, 0x10));
}

static void range_may_move_onto_its_own_old_place(void)
{
	reset();
	add(0, 0x1000, 0x100);
	CHECK_EQ(bus_move(&bus, &banks[0].range, 0x1080, &err), 0);
	CHECK_EQ(at(0x1080), answer(0, 0));
	CHECK_EQ(at(0x1078), -1);
	CHECK_EQ(bus_move(&bus, &banks[0].range, 0x1080, &err), 0);
	CHECK_EQ(at(0x1080), answer(0, 0));
}

static void refused_move_leaves_everything_in_place(void)
{
	reset();
	add(0, 0x1000, 0x100);
	add(1, 0x2000, 0x100);
	CHECK_EQ(bus_move(&bus, &banks[0].range, 0x20f8, &err), -EEXIST);
	CHECK_HAS(err.msg, "bank0: mmio at 0x20f8 overlaps bank1 at 0x2000");
	CHECK_EQ(bus_move(&bus, &banks[0].range, UINT64_MAX, &err), -EINVAL);
	CHECK_EQ(banks[0].range.base, 0x1000);
	CHECK_EQ(at(0x1000), answer(0, 0));
	CHECK_EQ(at(0x2000), answer(1, 0));
}

static void bus_that_was_never_made_can_be_finished(void)
{
	struct bus zeroed = { .entries = NULL };

	bus_fini(&zeroed);
	CHECK(!zeroed.entries);
}

/* --- with threads --- */

static atomic_bool stop;
static atomic_uint nr_wrong, nr_found_old, nr_found_new, nr_ready;

/*
 * bank0 moves between 0x1000 and 0x9000 and nothing else is there, while bank1
 * comes and goes between the two, so that indices shift as well.
 */
static void *read_both_places(void *arg)
{
	(void)arg;
	atomic_fetch_add(&nr_ready, 1);
	while (!atomic_load(&stop)) {
		uint64_t old_place = at(0x1040), new_place = at(0x9040);
		uint64_t between = at(0x5040), fixed = at(0xf040);

		if (old_place == answer(0, 0x40))
			atomic_fetch_add(&nr_found_old, 1);
		else if (old_place != UINT64_MAX)
			atomic_fetch_add(&nr_wrong, 1);
		if (new_place == answer(0, 0x40))
			atomic_fetch_add(&nr_found_new, 1);
		else if (new_place != UINT64_MAX)
			atomic_fetch_add(&nr_wrong, 1);
		if (between != answer(1, 0x40) && between != UINT64_MAX)
			atomic_fetch_add(&nr_wrong, 1);
		if (fixed != answer(2, 0x40))
			atomic_fetch_add(&nr_wrong, 1);
	}
	return NULL;
}

static void readers_start(pthread_t *threads, void *(*fn)(void *))
{
	atomic_store(&stop, false);
	atomic_store(&nr_ready, 0);
	atomic_store(&nr_wrong, 0);
	for (unsigned int i = 0; i < NR_READERS; i++)
		if (pthread_create(&threads[i], NULL, fn, NULL))
			abort();
	while (atomic_load(&nr_ready) < NR_READERS)
		sched_yield();
}

static void readers_stop(pthread_t *threads)
{
	atomic_store(&stop, true);
	for (unsigned int i = 0; i < NR_READERS; i++)
		pthread_join(threads[i], NULL);
}

static bool seen_at_both(void)
{
	return atomic_load(&nr_found_old) && atomic_load(&nr_found_new);
}

/* Goes on until readers had the time to find it at both, on a busy host too. */
static void readers_find_a_moving_range_whole_or_not_at_all(void)
{
	static pthread_t threads[NR_READERS];

	reset();
	add(0, 0x1000, 0x100);
	add(2, 0xf000, 0x100);
	readers_start(threads, read_both_places);
	for (unsigned int i = 0; i < NR_MOVES || !seen_at_both(); i++) {
		bus_move(&bus, &banks[0].range, 0x9000, &err);
		add(1, 0x5000, 0x100);
		bus_move(&bus, &banks[0].range, 0x1000, &err);
		bus_del(&bus, &banks[1].range);
		if (i % 64 == 0)
			sched_yield();
		if (i % 64 == 32) {
			bus_move(&bus, &banks[0].range, 0x9000, &err);
			sched_yield();
		}
	}
	readers_stop(threads);
	printf("# found at the old place %u times, at the new %u\n",
	       atomic_load(&nr_found_old), atomic_load(&nr_found_new));
	CHECK_EQ(atomic_load(&nr_wrong), 0);
}

/*
 * Two places that overlap by half: 0x1040 is in both, at offset 0x40 of the
 * old and at 0 of the new. A range that moves there is never at none.
 */
static void *read_shared_half(void *arg)
{
	(void)arg;
	atomic_fetch_add(&nr_ready, 1);
	while (!atomic_load(&stop)) {
		uint64_t value = at(0x1040);

		if (value == answer(0, 0x40))
			atomic_fetch_add(&nr_found_old, 1);
		else if (value == answer(0, 0))
			atomic_fetch_add(&nr_found_new, 1);
		else
			atomic_fetch_add(&nr_wrong, 1);
	}
	return NULL;
}

static void moving_range_is_never_at_neither_place(void)
{
	static pthread_t threads[NR_READERS];

	reset();
	add(0, 0x1000, 0x80);
	add(1, 0x800, 0x80);
	readers_start(threads, read_shared_half);
	for (unsigned int i = 0; i < NR_MOVES; i++) {
		bus_move(&bus, &banks[0].range, 0x1040, &err);
		bus_move(&bus, &banks[0].range, 0x1000, &err);
	}
	readers_stop(threads);
	CHECK_EQ(atomic_load(&nr_wrong), 0);
}

int main(void)
{
	TAP_RUN(device_is_told_the_offset_and_length);
	TAP_RUN(first_and_last_byte_belong_to_the_range);
	TAP_RUN(unclaimed_reads_give_all_ones_of_their_length);
	TAP_RUN(unclaimed_write_reaches_nobody);
	TAP_RUN(access_across_the_end_is_unclaimed);
	TAP_RUN(access_across_two_neighbours_is_unclaimed);
	TAP_RUN(ranges_are_found_whatever_the_order_they_came_in);
	TAP_RUN(range_may_end_with_the_address_space);
	TAP_RUN(range_may_be_the_whole_address_space_but_a_byte);
	TAP_RUN(empty_and_wrapping_ranges_are_refused);
	TAP_RUN(overlap_is_refused_and_both_owners_are_named);
	TAP_RUN(full_table_refuses_and_still_works);
	TAP_RUN(range_that_left_is_unclaimed);
	TAP_RUN(range_that_is_not_there_can_be_deleted);
	TAP_RUN(moved_range_answers_at_its_new_place_only);
	TAP_RUN(range_may_move_onto_its_own_old_place);
	TAP_RUN(refused_move_leaves_everything_in_place);
	TAP_RUN(bus_that_was_never_made_can_be_finished);
	TAP_RUN(readers_find_a_moving_range_whole_or_not_at_all);
	TAP_RUN(moving_range_is_never_at_neither_place);
	bus_fini(&bus);
	return tap_done();
}
