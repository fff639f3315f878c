// SPDX-License-Identifier: GPL-2.0-or-later
/* Pins driven by level: the pair of eventfds that KVM gets, and when. */
#include <unistd.h>

#include "tests/fake/irq.h"
#include "tests/fake/vfio.h"
#include "tests/tap.h"

enum { GSI = 17 };

static struct fake_irq sink;
static struct irq irq;
static struct irq_level level;
static struct err err;

static void start(void)
{
	memset(&sink, 0, sizeof(sink));
	CHECK_EQ(irq_init(&irq, &fake_irq_sink, &sink, &err), 0);
	CHECK_EQ(irq_level_init(&level, &irq, GSI, &err), 0);
}

static void stop(void)
{
	irq_level_fini(&level);
	irq_fini(&irq);
}

static void raise_pin(int fd)
{
	const uint64_t one = 1;

	CHECK_EQ(write(fd, &one, sizeof(one)), (ssize_t)sizeof(one));
}

/* Whether there was something in fd; it is empty then. */
static bool take(int fd)
{
	uint64_t count;

	return read(fd, &count, sizeof(count)) == sizeof(count);
}

static void attaching_gives_kvm_both_eventfds_and_the_pin(void)
{
	start();
	CHECK_EQ(irq_level_attach(&level, &err), 0);
	CHECK_EQ(sink.nr_irqfds, 1);
	CHECK_EQ(sink.irqfds[0].fd, level.eventfd);
	CHECK_EQ(sink.irqfds[0].resample_fd, level.resample_fd);
	CHECK_EQ(sink.irqfds[0].gsi, GSI);
	stop();
}

static void attach_and_detach_are_idempotent(void)
{
	start();
	CHECK_EQ(irq_level_attach(&level, &err), 0);
	CHECK_EQ(irq_level_attach(&level, &err), 0);
	CHECK_EQ(sink.nr_adds, 1);
	irq_level_detach(&level);
	irq_level_detach(&level);
	CHECK_EQ(sink.nr_dels, 1);
	CHECK_EQ(sink.nr_irqfds, 0);
	stop();
}

static void a_pin_needs_no_write_of_the_table(void)
{
	uint64_t writes;

	start();
	writes = irq.nr_table_writes;
	CHECK_EQ(irq_level_attach(&level, &err), 0);
	CHECK_EQ(irq.nr_table_writes, writes);
	stop();
}

static void what_is_under_way_does_not_outlive_detaching(void)
{
	start();
	CHECK_EQ(irq_level_attach(&level, &err), 0);
	raise_pin(level.eventfd);
	raise_pin(level.resample_fd);
	irq_level_detach(&level);
	CHECK(!take(level.eventfd));
	CHECK(!take(level.resample_fd));
	stop();
}

static void levels_that_share_a_pin_all_hear_of_its_end(void)
{
	struct irq_level other;

	start();
	CHECK_EQ(irq_level_init(&other, &irq, GSI, &err), 0);
	CHECK_EQ(irq_level_attach(&level, &err), 0);
	CHECK_EQ(irq_level_attach(&other, &err), 0);
	CHECK_EQ(fake_irq_eoi(&sink, GSI), 2);
	CHECK(take(level.resample_fd));
	CHECK(take(other.resample_fd));
	irq_level_detach(&other);
	CHECK_EQ(fake_irq_eoi(&sink, GSI), 1);
	CHECK(take(level.resample_fd));
	irq_level_fini(&other);
	stop();
}

static void a_refused_attach_can_be_tried_again(void)
{
	start();
	sink.fail_nth = sink.nr_calls + 1;
	CHECK(irq_level_attach(&level, &err) < 0);
	CHECK(!level.attached);
	CHECK_EQ(irq_level_attach(&level, &err), 0);
	CHECK_EQ(sink.nr_irqfds, 1);
	stop();
}

static void finishing_closes_both_files(void)
{
	unsigned int files = fake_nr_files();

	start();
	CHECK_EQ(irq_level_attach(&level, &err), 0);
	stop();
	CHECK_EQ(sink.nr_irqfds, 0);
	CHECK_EQ(fake_nr_files(), files);
}

static void zeroed_and_finished_ones_can_be_finished(void)
{
	struct irq_level zero = { 0 };

	start();
	irq_level_fini(&zero);
	irq_level_fini(&level);
	stop();
	CHECK_EQ(sink.nr_dels, 0);
}

int main(void)
{
	TAP_RUN(attaching_gives_kvm_both_eventfds_and_the_pin);
	TAP_RUN(attach_and_detach_are_idempotent);
	TAP_RUN(a_pin_needs_no_write_of_the_table);
	TAP_RUN(what_is_under_way_does_not_outlive_detaching);
	TAP_RUN(levels_that_share_a_pin_all_hear_of_its_end);
	TAP_RUN(a_refused_attach_can_be_tried_again);
	TAP_RUN(finishing_closes_both_files);
	TAP_RUN(zeroed_and_finished_ones_can_be_finished);
	return tap_done();
}
