// SPDX-License-Identifier: GPL-2.0-or-later
/* The GSI table: pins, routes, and giving them back. */
#include <sys/resource.h>

#include "tests/unit/irq_fixture.h"

enum { NR_MSI = IRQ_MAX_GSI - IRQ_NR_PINS };

/* --- pins --- */

static void table_starts_with_the_pins(void)
{
	reset();
	CHECK_EQ(sink.nr, IRQ_NR_PINS);
	for (unsigned int i = 0; i < IRQ_NR_PINS; i++) {
		CHECK_EQ(sink.table[i].gsi, i);
		CHECK(!sink.table[i].is_msi);
	}
}

static void failing_first_write_is_reported(void)
{
	struct irq other;

	sink.table_fails = true;
	CHECK_EQ(irq_init(&other, &sink_ops, &sink, &err), -ENOMEM);
	CHECK_HAS(err.msg, "KVM_SET_GSI_ROUTING");
	irq_fini(&other);
}

static void line_and_pulse_reach_their_gsi(void)
{
	struct irq_line line = { &irq, 4 };

	reset();
	irq_line_set(&line, true);
	irq_line_set(&line, false);
	line.gsi = 17;
	irq_line_pulse(&line);
	CHECK(!strcmp(sink.lines, "+4-4+17-17"));
}

/* --- routes --- */

static void routes_get_gsis_above_the_pins(void)
{
	struct msi_route r[2];

	reset();
	make(r, 2);
	CHECK_EQ(r[0].gsi, IRQ_NR_PINS);
	CHECK_EQ(r[1].gsi, IRQ_NR_PINS + 1);
	CHECK_EQ(sink.nr_writes, 0);
	free_all(r, 2);
}

static void set_writes_the_table_at_once(void)
{
	struct msi_route r;

	reset();
	make(&r, 1);
	CHECK_EQ(msi_route_set(&r, msi(0x4041), &err), 0);
	CHECK_EQ(sink.nr_writes, 1);
	CHECK_EQ(routed(r.gsi), 0x4041);
	free_all(&r, 1);
}

static void setting_the_same_again_writes_nothing(void)
{
	struct msi_route r;

	reset();
	make(&r, 1);
	msi_route_set(&r, msi(0x4041), &err);
	CHECK_EQ(msi_route_set(&r, msi(0x4041), &err), 0);
	CHECK_EQ(sink.nr_writes, 1);
	CHECK_EQ(msi_route_set(&r, msi(0x4042), &err), 0);
	CHECK_EQ(sink.nr_writes, 2);
	CHECK_EQ(routed(r.gsi), 0x4042);
	CHECK_EQ(sink.nr, IRQ_NR_PINS + 1);
	free_all(&r, 1);
}

static void address_alone_counts_as_a_change(void)
{
	struct msi_route r;

	reset();
	make(&r, 1);
	msi_route_set(&r, (struct irq_msi){ 0xfee00000, 1 }, &err);
	msi_route_set(&r, (struct irq_msi){ 0xfee01000, 1 }, &err);
	CHECK_EQ(sink.nr_writes, 2);
	CHECK_EQ(sink.table[IRQ_NR_PINS].msi.address, 0xfee01000);
	free_all(&r, 1);
}

static void batch_of_many_is_one_write(void)
{
	struct msi_route r[64];

	reset();
	make(r, ARRAY_SIZE(r));
	irq_begin(&irq);
	for (uint32_t i = 0; i < ARRAY_SIZE(r); i++)
		CHECK_EQ(msi_route_set(&r[i], msi(i + 1), &err), 0);
	CHECK_EQ(sink.nr_writes, 0);
	CHECK_EQ(irq_commit(&irq, &err), 0);
	CHECK_EQ(sink.nr_writes, 1);
	CHECK_EQ(irq.nr_table_writes, 2);
	CHECK_EQ(routed(r[0].gsi), 1);
	CHECK_EQ(routed(r[63].gsi), 64);
	free_all(r, ARRAY_SIZE(r));
}

static void nested_batches_write_with_the_outermost(void)
{
	struct msi_route r[2];

	reset();
	make(r, 2);
	irq_begin(&irq);
	msi_route_set(&r[0], msi(1), &err);
	irq_begin(&irq);
	msi_route_set(&r[1], msi(2), &err);
	CHECK_EQ(irq_commit(&irq, &err), 0);
	CHECK_EQ(sink.nr_writes, 0);
	CHECK_EQ(irq_commit(&irq, &err), 0);
	CHECK_EQ(sink.nr_writes, 1);
	free_all(r, 2);
}

static void batch_without_changes_writes_nothing(void)
{
	reset();
	irq_begin(&irq);
	CHECK_EQ(irq_commit(&irq, &err), 0);
	CHECK_EQ(sink.nr_writes, 0);
}

static void a_failed_table_write_is_tried_again(void)
{
	struct msi_route r;

	reset();
	make(&r, 1);
	sink.table_fails = true;
	CHECK_EQ(msi_route_set(&r, msi(0x4041), &err), -ENOMEM);
	sink.table_fails = false;
	CHECK_EQ(msi_route_set(&r, msi(0x4041), &err), 0);
	CHECK_EQ(routed(r.gsi), 0x4041);
	free_all(&r, 1);
}

static void a_failed_batch_is_tried_again_by_the_next(void)
{
	struct msi_route r[2];

	reset();
	make(r, 2);
	sink.table_fails = true;
	irq_begin(&irq);
	msi_route_set(&r[0], msi(1), &err);
	CHECK_EQ(irq_commit(&irq, &err), -ENOMEM);
	sink.table_fails = false;
	irq_begin(&irq);
	CHECK_EQ(irq_commit(&irq, &err), 0);
	CHECK_EQ(routed(r[0].gsi), 1);
	free_all(r, 2);
}

/* --- giving back --- */

static void last_of_several_routes_can_be_given_back(void)
{
	struct msi_route r[3];

	reset();
	make(r, 3);
	for (uint32_t i = 0; i < 3; i++)
		msi_route_set(&r[i], msi(i + 1), &err);
	msi_route_fini(&r[2]);
	CHECK_EQ(irq.nr_routes, IRQ_NR_PINS + 2);
	CHECK_EQ(r[2].eventfd, -1);
	free_all(r, 2);
}

static void first_of_several_leaves_the_others_routed(void)
{
	struct msi_route r[3];

	reset();
	make(r, 3);
	for (uint32_t i = 0; i < 3; i++)
		msi_route_set(&r[i], msi(i + 1), &err);
	msi_route_fini(&r[0]);
	CHECK_EQ(msi_route_set(&r[1], msi(7), &err), 0);
	CHECK_EQ(sink.nr, IRQ_NR_PINS + 2);
	CHECK_EQ(routed(r[1].gsi), 7);
	CHECK_EQ(routed(r[2].gsi), 3);
	CHECK_EQ(routed(IRQ_NR_PINS), 0);
	free_all(r, 3);
}

static void gsi_given_back_is_used_again(void)
{
	struct msi_route r[3], again;

	reset();
	make(r, 3);
	msi_route_fini(&r[1]);
	make(&again, 1);
	CHECK_EQ(again.gsi, IRQ_NR_PINS + 1);
	CHECK_EQ(msi_route_set(&again, msi(9), &err), 0);
	CHECK_EQ(routed(again.gsi), 9);
	free_all(r, 3);
	free_all(&again, 1);
}

static void zeroed_and_finished_routes_can_be_finished(void)
{
	struct msi_route r = { .irq = NULL };

	reset();
	msi_route_fini(&r);
	make(&r, 1);
	msi_route_fini(&r);
	msi_route_fini(&r);
	CHECK_EQ(sink.nr_dels, 0);
}

/* Eventfds are closed as they come: only the GSIs are wanted. */
static int take_all(struct msi_route *r, unsigned int *nr)
{
	int ret = 0;

	for (*nr = 0; *nr < NR_MSI && !ret; ++*nr) {
		ret = msi_route_init(&r[*nr], &irq, &err);
		if (ret)
			break;
		close(r[*nr].eventfd);
		r[*nr].eventfd = -1;
	}
	return ret;
}

static void every_gsi_can_be_taken_once_and_then_no_more(void)
{
	static struct msi_route r[NR_MSI], one_more;
	unsigned int nr;
	bool seen[IRQ_MAX_GSI] = { false };

	reset();
	take_all(r, &nr);
	printf("# %u routes\n", nr);
	CHECK(nr > 4000);
	for (unsigned int i = 0; i < nr; i++) {
		CHECK(r[i].gsi >= IRQ_NR_PINS && r[i].gsi < IRQ_MAX_GSI);
		CHECK(!seen[r[i].gsi]);
		seen[r[i].gsi] = true;
	}
	CHECK_EQ(msi_route_init(&one_more, &irq, &err), -ENOSPC);
	CHECK_HAS(err.msg, "interrupts: all");
	msi_route_fini(&one_more);
	msi_route_fini(&r[100]);
	CHECK_EQ(msi_route_init(&one_more, &irq, &err), 0);
	msi_route_fini(&one_more);
	free_all(r, nr);
	CHECK_EQ(irq.used[1], 0);
}

/* 4096 entries: KVM_MAX_IRQ_ROUTES; pins 0-15 but 2 take two (kvm.c). */
static void all_routes_together_fit_into_kvms_table(void)
{
	static struct msi_route r[NR_MSI];
	unsigned int nr;

	reset();
	take_all(r, &nr);
	CHECK(nr + IRQ_NR_PINS + 15 <= 4096);
	free_all(r, nr);
}

static void no_more_files_is_an_error_that_gives_the_gsi_back(void)
{
	struct msi_route r = { .irq = NULL }, after;
	struct rlimit was, none;
	int ret;

	reset();
	getrlimit(RLIMIT_NOFILE, &was);
	none = (struct rlimit){ 0, was.rlim_max };
	setrlimit(RLIMIT_NOFILE, &none);
	ret = msi_route_init(&r, &irq, &err);
	setrlimit(RLIMIT_NOFILE, &was);
	CHECK_EQ(ret, -EMFILE);
	CHECK_HAS(err.msg, "interrupts: eventfd");
	make(&after, 1);
	CHECK_EQ(after.gsi, IRQ_NR_PINS);
	free_all(&after, 1);
}

int main(void)
{
	TAP_RUN(table_starts_with_the_pins);
	TAP_RUN(failing_first_write_is_reported);
	TAP_RUN(line_and_pulse_reach_their_gsi);
	TAP_RUN(routes_get_gsis_above_the_pins);
	TAP_RUN(set_writes_the_table_at_once);
	TAP_RUN(setting_the_same_again_writes_nothing);
	TAP_RUN(address_alone_counts_as_a_change);
	TAP_RUN(batch_of_many_is_one_write);
	TAP_RUN(nested_batches_write_with_the_outermost);
	TAP_RUN(batch_without_changes_writes_nothing);
	TAP_RUN(a_failed_table_write_is_tried_again);
	TAP_RUN(a_failed_batch_is_tried_again_by_the_next);
	TAP_RUN(last_of_several_routes_can_be_given_back);
	TAP_RUN(first_of_several_leaves_the_others_routed);
	TAP_RUN(gsi_given_back_is_used_again);
	TAP_RUN(zeroed_and_finished_routes_can_be_finished);
	TAP_RUN(every_gsi_can_be_taken_once_and_then_no_more);
	TAP_RUN(all_routes_together_fit_into_kvms_table);
	TAP_RUN(no_more_files_is_an_error_that_gives_the_gsi_back);
	irq_fini(&irq);
	return tap_done();
}
