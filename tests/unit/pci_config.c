// SPDX-License-Identifier: GPL-2.0-or-later
/* Config space: what a guest can read and write, and what hooks hear of it. */
#include "tests/unit/pci_fixture.h"

static struct fixture f;

static void ids_are_where_the_header_has_them(void)
{
	fixture_init(&f);
	CHECK_EQ(rd(&f, PCI_VENDOR_ID, 4), 0x10ca8086);
	CHECK_EQ(rd(&f, PCI_CLASS_REVISION, 4), 0x02000001);
	CHECK_EQ(rd(&f, PCI_SUBSYSTEM_VENDOR_ID, 4), 0x11001af4);
	CHECK_EQ(rd(&f, PCI_HEADER_TYPE, 1), 0);
	fixture_fini(&f);
}

static void only_the_named_header_bits_can_be_written(void)
{
	fixture_init(&f);
	for (unsigned int off = 0; off < PCI_CFG_LEN; off += 4)
		wr(&f, off, 4, 0xffffffff);
	CHECK_EQ(rd(&f, 0x00, 4), 0x10ca8086);
	CHECK_EQ(rd(&f, PCI_COMMAND, 4), 0x0407);
	CHECK_EQ(rd(&f, 0x08, 4), 0x02000001);
	CHECK_EQ(rd(&f, 0x0c, 4), 0xff);
	for (unsigned int off = 0x10; off < 0x2c; off += 4)
		CHECK_EQ(rd(&f, off, 4), 0);
	CHECK_EQ(rd(&f, 0x2c, 4), 0x11001af4);
	for (unsigned int off = 0x30; off < 0x3c; off += 4)
		CHECK_EQ(rd(&f, off, 4), 0);
	CHECK_EQ(rd(&f, 0x3c, 4), 0xff);
	for (unsigned int off = 0x40; off < PCI_CFG_LEN; off += 4)
		CHECK_EQ(rd(&f, off, 4), 0);
	fixture_fini(&f);
}

static void latency_timer_and_bist_read_zero(void)
{
	fixture_init(&f);
	wr(&f, PCI_LATENCY_TIMER, 1, 0x40);
	wr(&f, PCI_BIST, 1, 0xff);
	CHECK_EQ(rd(&f, PCI_LATENCY_TIMER, 1), 0);
	CHECK_EQ(rd(&f, PCI_BIST, 1), 0);
	fixture_fini(&f);
}

static void interrupt_line_keeps_what_is_written(void)
{
	fixture_init(&f);
	pci_cfg_put(&f.dev, PCI_INTERRUPT_PIN, 1, 1);
	wr(&f, PCI_INTERRUPT_LINE, 2, 0xff0b);
	CHECK_EQ(rd(&f, PCI_INTERRUPT_LINE, 1), 0x0b);
	CHECK_EQ(rd(&f, PCI_INTERRUPT_PIN, 1), 1);
	fixture_fini(&f);
}

static void capability_pointer_cannot_be_written(void)
{
	fixture_init(&f);
	pci_dev_add_cap(&f.dev, PCI_CAP_ID_PM, 0x50, 8);
	wr(&f, PCI_CAPABILITY_LIST, 4, 0xffffffff);
	CHECK_EQ(rd(&f, PCI_CAPABILITY_LIST, 4), 0x50);
	fixture_fini(&f);
}

static void status_clears_only_the_bits_a_device_named(void)
{
	fixture_init(&f);
	put_le(f.dev.w1cmask + PCI_STATUS, PCI_STATUS_DETECTED_PARITY, 2);
	pci_cfg_put(&f.dev, PCI_STATUS, 2,
		    PCI_STATUS_DETECTED_PARITY | PCI_STATUS_REC_MASTER_ABORT);
	wr(&f, PCI_STATUS, 2, 0x0000);
	CHECK_EQ(rd(&f, PCI_STATUS, 2), 0xa000);
	wr(&f, PCI_STATUS, 2, 0xffff);
	CHECK_EQ(rd(&f, PCI_STATUS, 2), PCI_STATUS_REC_MASTER_ABORT);
	fixture_fini(&f);
}

static void one_write_can_span_command_and_status(void)
{
	fixture_init(&f);
	put_le(f.dev.w1cmask + PCI_STATUS, PCI_STATUS_DETECTED_PARITY, 2);
	pci_cfg_put(&f.dev, PCI_STATUS, 2, PCI_STATUS_DETECTED_PARITY);
	wr(&f, PCI_COMMAND, 4, 0x80000004);
	CHECK_EQ(rd(&f, PCI_COMMAND, 4), 0x00000004);
	fixture_fini(&f);
}

static void byte_write_leaves_its_neighbours(void)
{
	fixture_init(&f);
	wr(&f, PCI_COMMAND, 2, 0x0407);
	wr(&f, PCI_COMMAND + 1, 1, 0);
	CHECK_EQ(rd(&f, PCI_COMMAND, 2), 0x0007);
	fixture_fini(&f);
}

static void unaligned_word_inside_a_dword_works(void)
{
	fixture_init(&f);
	memset(f.dev.wmask + 0x81, 0xff, 2);
	wr(&f, 0x81, 2, 0xbeef);
	CHECK_EQ(rd(&f, 0x80, 4), 0x00beef00);
	CHECK_EQ(rd(&f, 0x81, 2), 0xbeef);
	fixture_fini(&f);
}

static void access_across_a_dword_reads_ones_and_writes_nothing(void)
{
	fixture_init(&f);
	f.quiet = false;
	memset(f.dev.wmask + 0x80, 0xff, 8);
	wr(&f, 0x83, 2, 0x1234);
	wr(&f, 0x82, 4, 0x12345678);
	CHECK_LOG(&f, "");
	CHECK_EQ(rd(&f, 0x83, 2), 0xffff);
	CHECK_EQ(rd(&f, 0x82, 4), 0xffffffff);
	CHECK_EQ(rd(&f, 0x80, 4), 0);
	fixture_fini(&f);
}

static void access_beyond_the_end_reads_ones_and_writes_nothing(void)
{
	fixture_init(&f);
	wr(&f, 4096, 4, 0);
	wr(&f, 4095, 2, 0);
	wr(&f, 0xfffffffc, 4, 0);
	CHECK_EQ(rd(&f, 4096, 1), 0xff);
	CHECK_EQ(rd(&f, 4095, 2), 0xffff);
	CHECK_EQ(rd(&f, 0xfffffffc, 4), 0xffffffff);
	CHECK_EQ(rd(&f, 4095, 1), 0);
	fixture_fini(&f);
}

static void odd_lengths_read_ones_and_write_nothing(void)
{
	fixture_init(&f);
	memset(f.dev.wmask + 0x80, 0xff, 8);
	wr(&f, 0x80, 3, 0x123456);
	wr(&f, 0x80, 0, 0x123456);
	wr(&f, 0x80, 8, 0x123456);
	CHECK_EQ(rd(&f, 0x80, 3), 0xffffff);
	CHECK_EQ(rd(&f, 0x80, 4), 0);
	fixture_fini(&f);
}

static void virtual_bits_never_reach_the_device(void)
{
	fixture_init(&f);
	f.quiet = false;
	wr(&f, 0x80, 4, 0xffffffff);
	CHECK_EQ(rd(&f, 0x80, 4), 0);
	CHECK_LOG(&f, "written 80/4;");
	fixture_fini(&f);
}

static void physical_register_passes_through_whole(void)
{
	fixture_init(&f);
	f.quiet = false;
	memset(f.dev.vmask + 0x80, 0, 4);
	wr(&f, 0x80, 4, 0x12345678);
	CHECK_LOG(&f, "write 80/4=12345678;written 80/4;");
	CHECK_EQ(rd(&f, 0x80, 4), 0x12345678);
	CHECK_LOG(&f, "read 80/4;");
	CHECK_EQ(pci_cfg_get(&f.dev, 0x80, 4), 0);
	fixture_fini(&f);
}

static void write_reaches_only_bytes_with_physical_bits(void)
{
	fixture_init(&f);
	f.quiet = false;
	memset(f.dev.vmask + 0x81, 0, 3);
	wr(&f, 0x80, 4, 0x12345678);
	CHECK_LOG(&f, "write 81/1=56;write 82/2=1234;written 80/4;");
	fixture_fini(&f);
}

static void unaligned_physical_word_comes_as_two_bytes(void)
{
	fixture_init(&f);
	f.quiet = false;
	memset(f.dev.vmask + 0x80, 0, 4);
	wr(&f, 0x81, 2, 0xbeef);
	CHECK_LOG(&f, "write 81/1=ef;write 82/1=be;written 81/2;");
	CHECK_EQ(rd(&f, 0x81, 2), 0xbeef);
	CHECK_LOG(&f, "read 81/1;read 82/1;");
	fixture_fini(&f);
}

static void mixed_byte_takes_each_bit_from_its_own_side(void)
{
	fixture_init(&f);
	f.dev.vmask[0x80] = 0x0f;
	f.dev.wmask[0x80] = 0xff;
	f.physical[0x80] = 0x35;
	wr(&f, 0x80, 1, 0xca);
	CHECK_EQ(f.physical[0x80], 0xc5);
	CHECK_EQ(f.dev.cfg[0x80] & 0x0f, 0x0a);
	CHECK_EQ(rd(&f, 0x80, 1), 0xca);
	fixture_fini(&f);
}

static void hooks_run_with_the_lock_held(void)
{
	fixture_init(&f);
	f.quiet = false;
	memset(f.dev.vmask + 0x80, 0, 4);
	wr(&f, 0x80, 4, 1);
	rd(&f, 0x80, 4);
	pci_dev_reset(&f.dev);
	CHECK_LOG(&f, "write 80/4=1;written 80/4;read 80/4;reset;");
	CHECK(!f.lock_was_free);
	fixture_fini(&f);
}

static void call_back_into_the_model(struct fixture *fix)
{
	uint32_t value;

	fix->in_written = NULL;
	value = pci_dev_read_locked(&fix->dev, 0x80, 4);
	pci_dev_write_locked(&fix->dev, 0x84, 4, value + 1);
}

static void a_hook_can_use_the_locked_accessors(void)
{
	fixture_init(&f);
	memset(f.dev.wmask + 0x80, 0xff, 8);
	f.in_written = call_back_into_the_model;
	wr(&f, 0x80, 4, 41);
	CHECK_EQ(rd(&f, 0x84, 4), 42);
	fixture_fini(&f);
}

static void reset_brings_back_power_on(void)
{
	fixture_init(&f);
	pci_cfg_put(&f.dev, PCI_INTERRUPT_PIN, 1, 1);
	pci_dev_set_power_on(&f.dev);
	wr(&f, PCI_COMMAND, 2, 0x0407);
	wr(&f, PCI_INTERRUPT_LINE, 1, 11);
	pci_dev_reset(&f.dev);
	CHECK_LOG(&f, "reset;");
	CHECK_EQ(rd(&f, PCI_COMMAND, 2), 0);
	CHECK_EQ(rd(&f, PCI_INTERRUPT_LINE, 2), 0x0100);
	fixture_fini(&f);
}

static void reset_from_a_hook(struct fixture *fix)
{
	fix->in_written = NULL;
	pci_dev_reset_locked(&fix->dev);
}

static void function_level_reset_from_a_hook_unmaps_bars(void)
{
	fixture_init(&f);
	pci_dev_set_bar(&f.dev, 0, PCI_BAR_MEM32, false, KIB(16));
	pci_dev_set_power_on(&f.dev);
	wr(&f, PCI_BASE_ADDRESS_0, 4, 0xc0000000);
	wr(&f, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	CHECK_LOG(&f, "map 0@c0000000;");
	f.in_written = reset_from_a_hook;
	wr(&f, 0x80, 4, 0);
	CHECK_LOG(&f, "unmap 0@c0000000;reset;");
	CHECK_EQ(rd(&f, PCI_COMMAND, 2), 0);
	fixture_fini(&f);
}

static void fini_accepts_a_zeroed_function(void)
{
	memset(&f, 0, sizeof(f));
	pci_dev_fini(&f.dev);
	CHECK(!f.dev.ops);
}

enum { ROUNDS = 5000 };

static void *hammer(void *arg)
{
	struct fixture *fix = arg;

	for (uint32_t i = 0; i < ROUNDS; i++) {
		wr(fix, 0x80, 4, i * 0x10001u);
		wr(fix, PCI_COMMAND, 2, i & 3);
		rd(fix, 0x80, 4);
	}
	return NULL;
}

static void note_torn_value(struct fixture *fix)
{
	uint32_t v = pci_cfg_get(&fix->dev, 0x80, 4);

	if (v >> 16 != (v & 0xffff))
		fix->lock_was_free = true;
}

static void two_vcpus_never_see_each_other_halfway(void)
{
	pthread_t threads[2];

	fixture_init(&f);
	memset(f.dev.wmask + 0x80, 0xff, 4);
	pci_dev_set_bar(&f.dev, 0, PCI_BAR_MEM32, false, KIB(16));
	wr(&f, PCI_BASE_ADDRESS_0, 4, 0xc0000000);
	f.in_written = note_torn_value;
	CHECK_EQ(pthread_create(&threads[0], NULL, hammer, &f), 0);
	CHECK_EQ(pthread_create(&threads[1], NULL, hammer, &f), 0);
	CHECK_EQ(pthread_join(threads[0], NULL), 0);
	CHECK_EQ(pthread_join(threads[1], NULL), 0);
	CHECK(!f.lock_was_free);
	fixture_fini(&f);
}

int main(void)
{
	TAP_RUN(ids_are_where_the_header_has_them);
	TAP_RUN(only_the_named_header_bits_can_be_written);
	TAP_RUN(latency_timer_and_bist_read_zero);
	TAP_RUN(interrupt_line_keeps_what_is_written);
	TAP_RUN(capability_pointer_cannot_be_written);
	TAP_RUN(status_clears_only_the_bits_a_device_named);
	TAP_RUN(one_write_can_span_command_and_status);
	TAP_RUN(byte_write_leaves_its_neighbours);
	TAP_RUN(unaligned_word_inside_a_dword_works);
	TAP_RUN(access_across_a_dword_reads_ones_and_writes_nothing);
	TAP_RUN(access_beyond_the_end_reads_ones_and_writes_nothing);
	TAP_RUN(odd_lengths_read_ones_and_write_nothing);
	TAP_RUN(virtual_bits_never_reach_the_device);
	TAP_RUN(physical_register_passes_through_whole);
	TAP_RUN(write_reaches_only_bytes_with_physical_bits);
	TAP_RUN(unaligned_physical_word_comes_as_two_bytes);
	TAP_RUN(mixed_byte_takes_each_bit_from_its_own_side);
	TAP_RUN(hooks_run_with_the_lock_held);
	TAP_RUN(a_hook_can_use_the_locked_accessors);
	TAP_RUN(reset_brings_back_power_on);
	TAP_RUN(function_level_reset_from_a_hook_unmaps_bars);
	TAP_RUN(fini_accepts_a_zeroed_function);
	TAP_RUN(two_vcpus_never_see_each_other_halfway);
	return tap_done();
}
