// SPDX-License-Identifier: GPL-2.0-or-later
/* Guest memory: regions, listeners, copies. */
#include <errno.h>
#include <sys/mman.h>

#include "src/base/bits.h"
#include "src/core/mem.h"
#include "tests/tap.h"

enum { PAGE = 4096 };

static struct mem mem;
static struct err err;
static uint8_t backing[8 * PAGE] __attribute__((aligned(PAGE)));
static char events[512];

/* Writes "+listener:region " and "-listener:region " into events. */
struct listener {
	struct mem_listener base;
	char name;
	const char *fails_on; /* name of the region that add refuses */
};

static void note(char what, const struct listener *l,
		 const struct mem_region *r)
{
	size_t used = strlen(events);

	snprintf(events + used, sizeof(events) - used, "%c%c:%s ", what,
		 l->name, r->name);
}

static int on_add(struct mem_listener *base, const struct mem_region *r,
		  struct err *e)
{
	struct listener *l = CONTAINER_OF(base, struct listener, base);

	if (l->fails_on && !strcmp(l->fails_on, r->name))
		return err_set(e, ENOSPC, "%s: %c has no room", r->name,
			       l->name);
	note('+', l, r);
	return 0;
}

static void on_del(struct mem_listener *base, const struct mem_region *r)
{
	note('-', CONTAINER_OF(base, struct listener, base), r);
}

static const struct mem_listener_ops ops = { on_add, on_del };

static struct listener listener(char name)
{
	return (struct listener){ .base.ops = &ops, .name = name };
}

/* nr pages of RAM at gpa, backed from page number first on. */
static struct mem_region ram(const char *name, gpa_t gpa, unsigned int first,
			     unsigned int nr)
{
	return (struct mem_region){ .gpa = gpa,
				    .size = nr * (uint64_t)PAGE,
				    .hva = backing + (size_t)first * PAGE,
				    .kind = MEM_RAM,
				    .fd = -1,
				    .name = name };
}

static void reset(void)
{
	mem_init(&mem);
	memset(&err, 0, sizeof(err));
	memset(backing, 0, sizeof(backing));
	events[0] = '\0';
}

#define CHECK_EVENTS(want)                                                     \
	do {                                                                   \
		printf("# %s\n", events);                                      \
		CHECK(!strcmp(events, want));                                  \
		events[0] = '\0';                                              \
	} while (0)

/* --- what is refused --- */

static void overlap_is_refused_and_both_are_named(void)
{
	struct mem_region a = ram("low", 0x10000, 0, 2);
	struct mem_region b = ram("BAR 2", 0x11000, 2, 2);

	reset();
	CHECK_EQ(mem_add(&mem, &a, &err), 0);
	CHECK_EQ(mem_add(&mem, &b, &err), -EEXIST);
	CHECK_HAS(err.msg, "BAR 2: guest memory at 0x11000 overlaps low at "
			   "0x10000");
}

static void region_inside_another_is_refused(void)
{
	struct mem_region a = ram("outer", 0x10000, 0, 4);
	struct mem_region b = ram("inner", 0x11000, 4, 1);

	reset();
	CHECK_EQ(mem_add(&mem, &a, &err), 0);
	CHECK_EQ(mem_add(&mem, &b, &err), -EEXIST);
}

static void region_around_another_is_refused(void)
{
	struct mem_region a = ram("inner", 0x11000, 0, 1);
	struct mem_region b = ram("outer", 0x10000, 1, 4);

	reset();
	CHECK_EQ(mem_add(&mem, &a, &err), 0);
	CHECK_EQ(mem_add(&mem, &b, &err), -EEXIST);
}

static void neighbours_do_not_overlap(void)
{
	struct mem_region b = ram("b", 0x11000, 0, 1);
	struct mem_region a = ram("a", 0x10000, 1, 1);
	struct mem_region c = ram("c", 0x12000, 2, 1);

	reset();
	CHECK_EQ(mem_add(&mem, &b, &err), 0);
	CHECK_EQ(mem_add(&mem, &a, &err), 0);
	CHECK_EQ(mem_add(&mem, &c, &err), 0);
}

static void malformed_regions_are_refused(void)
{
	struct mem_region empty = ram("empty", 0x1000, 0, 0);
	struct mem_region odd_gpa = ram("gpa", 0x1800, 0, 1);
	struct mem_region odd_size = ram("size", 0x1000, 0, 1);
	struct mem_region odd_hva = ram("hva", 0x1000, 0, 1);
	struct mem_region wraps = ram("wraps", -(uint64_t)PAGE, 0, 2);
	struct mem_region to_the_end = ram("end", -(uint64_t)PAGE, 0, 1);

	reset();
	odd_size.size = PAGE - 1;
	odd_hva.hva = backing + 512;
	CHECK_EQ(mem_add(&mem, &empty, &err), -EINVAL);
	CHECK_EQ(mem_add(&mem, &odd_gpa, &err), -EINVAL);
	CHECK_EQ(mem_add(&mem, &odd_size, &err), -EINVAL);
	CHECK_EQ(mem_add(&mem, &odd_hva, &err), -EINVAL);
	CHECK_EQ(mem_add(&mem, &wraps, &err), -EINVAL);
	CHECK_EQ(mem_add(&mem, &to_the_end, &err), -EINVAL);
	CHECK_HAS(err.msg, "end: guest memory 0xfffffffffffff000 + 0x1000");
}

static void refused_region_leaves_no_trace(void)
{
	struct listener l = listener('1');
	struct mem_region bad = ram("bad", 0x1800, 0, 1);
	struct mem_region good = ram("good", 0x1000, 0, 1);

	reset();
	mem_listener_add(&mem, &l.base, &err);
	mem_add(&mem, &bad, &err);
	CHECK_EVENTS("");
	CHECK_EQ(mem_add(&mem, &good, &err), 0);
}

static void more_pieces_of_ram_than_there_is_room_for_are_refused(void)
{
	struct mem_region r[MEM_MAX_RAM + 1];

	reset();
	for (unsigned int i = 0; i < MEM_MAX_RAM; i++) {
		r[i] = ram("piece", i * 2ULL * PAGE, 0, 1);
		CHECK_EQ(mem_add(&mem, &r[i], &err), 0);
	}
	r[MEM_MAX_RAM] = ram("last", TIB(1), 0, 1);
	CHECK_EQ(mem_add(&mem, &r[MEM_MAX_RAM], &err), -ENOSPC);
	CHECK_HAS(err.msg, "last");
	r[MEM_MAX_RAM].kind = MEM_DEVICE;
	CHECK_EQ(mem_add(&mem, &r[MEM_MAX_RAM], &err), 0);
}

/* --- listeners --- */

static void listeners_are_told_in_order_and_of_the_end_in_reverse(void)
{
	struct listener l[] = { listener('1'), listener('2'), listener('3') };
	struct mem_region r = ram("r", 0x1000, 0, 1);

	reset();
	for (size_t i = 0; i < ARRAY_SIZE(l); i++)
		CHECK_EQ(mem_listener_add(&mem, &l[i].base, &err), 0);
	CHECK_EQ(mem_add(&mem, &r, &err), 0);
	CHECK_EVENTS("+1:r +2:r +3:r ");
	mem_del(&mem, &r);
	CHECK_EVENTS("-3:r -2:r -1:r ");
}

static void listeners_before_the_one_that_refuses_hear_it_go(void)
{
	struct listener l[] = { listener('1'), listener('2'), listener('3'),
				listener('4') };
	struct mem_region r = ram("r", 0x1000, 0, 1);

	reset();
	l[2].fails_on = "r";
	for (size_t i = 0; i < ARRAY_SIZE(l); i++)
		mem_listener_add(&mem, &l[i].base, &err);
	CHECK_EQ(mem_add(&mem, &r, &err), -ENOSPC);
	CHECK_EVENTS("+1:r +2:r -2:r -1:r ");
	CHECK_HAS(err.msg, "r: 3 has no room");
	CHECK(!mem_ptr(&mem, 0x1000, 1));
}

static void region_that_was_refused_can_come_again(void)
{
	struct listener l = listener('1');
	struct mem_region r = ram("r", 0x1000, 0, 1);

	reset();
	l.fails_on = "r";
	mem_listener_add(&mem, &l.base, &err);
	mem_add(&mem, &r, &err);
	l.fails_on = NULL;
	CHECK_EQ(mem_add(&mem, &r, &err), 0);
	CHECK_EVENTS("+1:r ");
}

static void late_listener_hears_of_all_that_is_there(void)
{
	struct listener l = listener('1');
	struct mem_region a = ram("a", 0x3000, 0, 1);
	struct mem_region b = ram("b", 0x1000, 1, 1);

	reset();
	b.kind = MEM_DEVICE;
	mem_add(&mem, &a, &err);
	mem_add(&mem, &b, &err);
	CHECK_EQ(mem_listener_add(&mem, &l.base, &err), 0);
	CHECK_EVENTS("+1:a +1:b ");
}

static void late_listener_that_refuses_one_has_seen_all_go(void)
{
	struct listener l = listener('1');
	struct mem_region r[] = { ram("a", 0x1000, 0, 1),
				  ram("b", 0x2000, 1, 1),
				  ram("c", 0x3000, 2, 1) };
	struct mem_region later = ram("later", 0x4000, 3, 1);

	reset();
	for (size_t i = 0; i < ARRAY_SIZE(r); i++)
		mem_add(&mem, &r[i], &err);
	l.fails_on = "c";
	CHECK_EQ(mem_listener_add(&mem, &l.base, &err), -ENOSPC);
	CHECK_EVENTS("+1:a +1:b -1:b -1:a ");
	mem_add(&mem, &later, &err);
	CHECK_EVENTS("");
}

static void late_listener_that_refuses_the_first_hears_of_no_end(void)
{
	struct listener l = listener('1');
	struct mem_region r = ram("a", 0x1000, 0, 1);

	reset();
	mem_add(&mem, &r, &err);
	l.fails_on = "a";
	CHECK_EQ(mem_listener_add(&mem, &l.base, &err), -ENOSPC);
	CHECK_EVENTS("");
}

static void listener_that_leaves_hears_all_go_and_nothing_more(void)
{
	struct listener l[] = { listener('1'), listener('2') };
	struct mem_region a = ram("a", 0x1000, 0, 1);
	struct mem_region b = ram("b", 0x2000, 1, 1);

	reset();
	mem_listener_add(&mem, &l[0].base, &err);
	mem_listener_add(&mem, &l[1].base, &err);
	mem_add(&mem, &a, &err);
	mem_add(&mem, &b, &err);
	events[0] = '\0';
	mem_listener_del(&mem, &l[0].base);
	CHECK_EVENTS("-1:b -1:a ");
	mem_del(&mem, &a);
	CHECK_EVENTS("-2:a ");
}

static void only_what_can_leave_is_evicted(void)
{
	struct listener l = listener('1');
	struct mem_region a = ram("a", 0x1000, 0, 1);
	struct mem_region b = ram("b", 0x2000, 1, 1);

	reset();
	b.kind = MEM_DEVICE;
	b.can_leave = true;
	mem_listener_add(&mem, &l.base, &err);
	mem_add(&mem, &a, &err);
	mem_add(&mem, &b, &err);
	events[0] = '\0';
	mem_evict(&mem, 0x3000, PAGE);
	CHECK_EVENTS("");
	mem_evict(&mem, 0x1ff0, 0x20);
	CHECK_EVENTS("-1:b ");
	/* Its owner need not know. */
	mem_del(&mem, &b);
	CHECK_EVENTS("");
	CHECK_EQ(mem_add(&mem, &b, &err), 0);
}

/* --- look-up --- */

static void pointer_is_given_for_all_of_a_region_and_no_more(void)
{
	struct mem_region r = ram("r", 0x10000, 0, 2);

	reset();
	mem_add(&mem, &r, &err);
	CHECK(mem_ptr(&mem, 0x10000, 2L * PAGE) == backing);
	CHECK(mem_ptr(&mem, 0x11fff, 1) == backing + 2L * PAGE - 1);
	CHECK(!mem_ptr(&mem, 0x10000, 2L * PAGE + 1));
	CHECK(!mem_ptr(&mem, 0x11fff, 2));
	CHECK(!mem_ptr(&mem, 0x12000, 1));
	CHECK(!mem_ptr(&mem, 0xffff, 1));
}

static void pointer_of_a_length_that_wraps_is_null(void)
{
	struct mem_region r = ram("r", 0x10000, 0, 2);

	reset();
	mem_add(&mem, &r, &err);
	CHECK(!mem_ptr(&mem, 0x10000, UINT64_MAX));
	CHECK(!mem_ptr(&mem, 0x11000, -(uint64_t)0x11000));
	CHECK(!mem_ptr(&mem, 0x11000, -(uint64_t)0x1000));
	CHECK(!mem_ptr(&mem, UINT64_MAX, UINT64_MAX));
}

static void pointer_does_not_cross_into_the_next_region(void)
{
	struct mem_region a = ram("a", 0x10000, 0, 1);
	struct mem_region b = ram("b", 0x11000, 1, 1);

	reset();
	mem_add(&mem, &a, &err);
	mem_add(&mem, &b, &err);
	CHECK(!mem_ptr(&mem, 0x10ffc, 8));
}

static void device_memory_gives_no_pointer(void)
{
	struct mem_region r = ram("BAR 0", 0x10000, 0, 1);
	uint8_t byte;

	reset();
	r.kind = MEM_DEVICE;
	mem_add(&mem, &r, &err);
	CHECK(!mem_ptr(&mem, 0x10000, 1));
	CHECK_EQ(mem_read(&mem, 0x10000, &byte, 1), -EFAULT);
}

static void region_that_went_gives_no_pointer(void)
{
	struct mem_region r[] = { ram("a", 0x1000, 0, 1),
				  ram("b", 0x2000, 1, 1),
				  ram("c", 0x3000, 2, 1) };

	reset();
	for (size_t i = 0; i < ARRAY_SIZE(r); i++)
		mem_add(&mem, &r[i], &err);
	mem_del(&mem, &r[0]);
	CHECK(!mem_ptr(&mem, 0x1000, 1));
	CHECK(mem_ptr(&mem, 0x2000, 1) == backing + PAGE);
	CHECK(mem_ptr(&mem, 0x3000, 1) == backing + 2L * PAGE);
}

/* --- copies --- */

static void copies_cross_adjacent_regions_in_any_host_order(void)
{
	/* b lies below a on the host, and above it in the guest. */
	struct mem_region a = ram("a", 0x10000, 4, 1);
	struct mem_region b = ram("b", 0x11000, 0, 1);
	char text[] = "0123456789", back[sizeof(text)] = "";

	reset();
	mem_add(&mem, &a, &err);
	mem_add(&mem, &b, &err);
	CHECK_EQ(mem_write(&mem, 0x10ffb, text, sizeof(text)), 0);
	CHECK(!memcmp(backing + 5L * PAGE - 5, "01234", 5));
	CHECK(!memcmp(backing, "56789", 6));
	CHECK_EQ(mem_read(&mem, 0x10ffb, back, sizeof(back)), 0);
	CHECK(!strcmp(back, text));
}

static void copy_over_a_hole_changes_nothing(void)
{
	struct mem_region a = ram("a", 0x10000, 0, 1);
	struct mem_region b = ram("b", 0x12000, 1, 1);
	uint8_t data[3 * PAGE], zeroes[PAGE] = { 0 };

	reset();
	memset(data, 0xaa, sizeof(data));
	mem_add(&mem, &a, &err);
	mem_add(&mem, &b, &err);
	CHECK_EQ(mem_write(&mem, 0x10000, data, sizeof(data)), -EFAULT);
	CHECK(!memcmp(backing, zeroes, PAGE));
	CHECK(!memcmp(backing + PAGE, zeroes, PAGE));
	CHECK_EQ(mem_read(&mem, 0x10000, data, sizeof(data)), -EFAULT);
	CHECK_EQ(data[0], 0xaa);
}

static void copy_past_the_end_fails(void)
{
	struct mem_region r = ram("r", 0x10000, 0, 1);
	uint8_t data[2];

	reset();
	mem_add(&mem, &r, &err);
	CHECK_EQ(mem_read(&mem, 0x10fff, data, 2), -EFAULT);
	CHECK_EQ(mem_read(&mem, UINT64_MAX, data, 2), -EFAULT);
}

static void copy_at_the_top_of_the_address_space_works(void)
{
	struct mem_region r = ram("r", -(uint64_t)(2 * PAGE), 0, 1);
	uint8_t data[8] = { 0 };

	reset();
	CHECK_EQ(mem_add(&mem, &r, &err), 0);
	CHECK_EQ(mem_write(&mem, -(uint64_t)PAGE - 8, data, 8), 0);
	CHECK_EQ(mem_write(&mem, -(uint64_t)PAGE - 4, data, 8), -EFAULT);
}

static void copy_of_nothing_succeeds_anywhere(void)
{
	uint8_t data = 0;

	reset();
	CHECK_EQ(mem_read(&mem, 0x1234, &data, 0), 0);
	CHECK_EQ(mem_write(&mem, UINT64_MAX, &data, 0), 0);
}

int main(void)
{
	TAP_RUN(overlap_is_refused_and_both_are_named);
	TAP_RUN(region_inside_another_is_refused);
	TAP_RUN(region_around_another_is_refused);
	TAP_RUN(neighbours_do_not_overlap);
	TAP_RUN(malformed_regions_are_refused);
	TAP_RUN(refused_region_leaves_no_trace);
	TAP_RUN(more_pieces_of_ram_than_there_is_room_for_are_refused);
	TAP_RUN(listeners_are_told_in_order_and_of_the_end_in_reverse);
	TAP_RUN(listeners_before_the_one_that_refuses_hear_it_go);
	TAP_RUN(region_that_was_refused_can_come_again);
	TAP_RUN(late_listener_hears_of_all_that_is_there);
	TAP_RUN(late_listener_that_refuses_one_has_seen_all_go);
	TAP_RUN(late_listener_that_refuses_the_first_hears_of_no_end);
	TAP_RUN(listener_that_leaves_hears_all_go_and_nothing_more);
	TAP_RUN(only_what_can_leave_is_evicted);
	TAP_RUN(pointer_is_given_for_all_of_a_region_and_no_more);
	TAP_RUN(pointer_of_a_length_that_wraps_is_null);
	TAP_RUN(pointer_does_not_cross_into_the_next_region);
	TAP_RUN(device_memory_gives_no_pointer);
	TAP_RUN(region_that_went_gives_no_pointer);
	TAP_RUN(copies_cross_adjacent_regions_in_any_host_order);
	TAP_RUN(copy_over_a_hole_changes_nothing);
	TAP_RUN(copy_past_the_end_fails);
	TAP_RUN(copy_at_the_top_of_the_address_space_works);
	TAP_RUN(copy_of_nothing_succeeds_anywhere);
	return tap_done();
}
