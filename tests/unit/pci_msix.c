// SPDX-License-Identifier: GPL-2.0-or-later
/* MSI-X: when the owner hears of a vector, and what a guest can read back. */
#include <errno.h>

#include "tests/unit/pci_fixture.h"

enum {
	CAP = 0x70,
	CONTROL = CAP + PCI_MSIX_FLAGS,
	ON = PCI_MSIX_FLAGS_ENABLE,
	ALL_MASKED = PCI_MSIX_FLAGS_MASKALL,
	ADDR = PCI_MSIX_ENTRY_LOWER_ADDR,
	ADDR_HIGH = PCI_MSIX_ENTRY_UPPER_ADDR,
	DATA = PCI_MSIX_ENTRY_DATA,
	MASK = PCI_MSIX_ENTRY_VECTOR_CTRL,
};

static struct fixture f;

static void start(unsigned int nr)
{
	fixture_init(&f);
	fixture_msix(&f, nr);
}

static void put(unsigned int vector, unsigned int reg, uint32_t value)
{
	pci_msix_table_write(&f.msix, vector * 16u + reg, 4, value);
}

static uint32_t get(unsigned int vector, unsigned int reg)
{
	return (uint32_t)pci_msix_table_read(&f.msix, vector * 16u + reg, 4);
}

/* Enabled, with vector 1 of four unmasked and set. */
static void start_with_vector_1(void)
{
	start(4);
	put(1, ADDR, 0xfee01000);
	put(1, DATA, 0x41);
	put(1, MASK, 0);
	wr(&f, CONTROL, 2, ON);
	f.log[0] = '\0';
}

static void all_entries_are_masked_at_power_on(void)
{
	start(3);
	for (unsigned int v = 0; v < 3; v++) {
		CHECK_EQ(get(v, ADDR), 0);
		CHECK_EQ(get(v, ADDR_HIGH), 0);
		CHECK_EQ(get(v, DATA), 0);
		CHECK_EQ(get(v, MASK), 1);
	}
	fixture_fini(&f);
}

static void only_enable_and_function_mask_can_be_written(void)
{
	start(3);
	wr(&f, CAP, 4, 0xffffffff);
	wr(&f, CAP + PCI_MSIX_TABLE, 4, 0xffffffff);
	wr(&f, CAP + PCI_MSIX_PBA, 4, 0xffffffff);
	CHECK_EQ(rd(&f, CAP, 4), 0xc0020011);
	CHECK_EQ(rd(&f, CAP + PCI_MSIX_TABLE, 4), 0x2003);
	CHECK_EQ(rd(&f, CAP + PCI_MSIX_PBA, 4), 0x3003);
	fixture_fini(&f);
}

static void layout_tells_where_table_and_pba_lie(void)
{
	struct pci_msix_layout l;

	start(65);
	l = pci_msix_layout(&f.msix);
	CHECK_EQ(l.table_bar, 3);
	CHECK_EQ(l.table_off, 0x2000);
	CHECK_EQ(l.table_len, 65 * 16);
	CHECK_EQ(l.pba_bar, 3);
	CHECK_EQ(l.pba_off, 0x3000);
	CHECK_EQ(l.pba_len, 16);
	fixture_fini(&f);
}

static void capability_that_is_on_is_taken_over_off(void)
{
	struct pci_msix msix;

	fixture_init(&f);
	pci_dev_add_cap(&f.dev, PCI_CAP_ID_MSIX, CAP, 12);
	pci_cfg_put(&f.dev, CONTROL, 2, ON | ALL_MASKED | 7);
	CHECK_EQ(pci_msix_init(&msix, &f.dev, CAP, f.msix.ops), 0);
	CHECK_EQ(rd(&f, CONTROL, 2), 7);
	CHECK_EQ(msix.nr_vectors, 8);
	pci_msix_fini(&msix);
	CHECK(!f.dev.msix);
	fixture_fini(&f);
}

static void what_is_no_msix_capability_is_refused(void)
{
	struct pci_msix msix;

	fixture_init(&f);
	memset(&msix, 0xff, sizeof(msix));
	pci_dev_add_cap(&f.dev, PCI_CAP_ID_MSI, 0x50, 12);
	f.dev.cfg[0xf8] = PCI_CAP_ID_MSIX;
	f.dev.cfg[0x10] = PCI_CAP_ID_MSIX;
	CHECK_EQ(pci_msix_init(&msix, &f.dev, 0x50, NULL), -EINVAL);
	CHECK_EQ(pci_msix_init(&msix, &f.dev, 0, NULL), -EINVAL);
	CHECK_EQ(pci_msix_init(&msix, &f.dev, 0x10, NULL), -EINVAL);
	CHECK_EQ(pci_msix_init(&msix, &f.dev, 0xf8, NULL), -EINVAL);
	CHECK_EQ(pci_msix_init(&msix, &f.dev, 0x10000, NULL), -EINVAL);
	pci_msix_fini(&msix);
	fixture_fini(&f);
}

static void table_in_a_bar_that_cannot_be_is_refused(void)
{
	struct pci_msix msix;

	fixture_init(&f);
	pci_dev_add_cap(&f.dev, PCI_CAP_ID_MSIX, CAP, 12);
	pci_cfg_put(&f.dev, CAP + PCI_MSIX_TABLE, 4, 0x2006);
	CHECK_EQ(pci_msix_init(&msix, &f.dev, CAP, NULL), -EINVAL);
	pci_cfg_put(&f.dev, CAP + PCI_MSIX_TABLE, 4, 0x2003);
	pci_cfg_put(&f.dev, CAP + PCI_MSIX_PBA, 4, 0x2007);
	CHECK_EQ(pci_msix_init(&msix, &f.dev, CAP, NULL), -EINVAL);
	fixture_fini(&f);
}

static void filling_entries_while_off_tells_nobody(void)
{
	start(4);
	put(0, ADDR, 0xfee00000);
	put(0, DATA, 0x31);
	put(0, MASK, 0);
	CHECK_LOG(&f, "");
	CHECK(!pci_msix_vector(&f.msix, 0).unmasked);
	fixture_fini(&f);
}

static void enable_comes_before_the_vectors(void)
{
	start(4);
	wr(&f, CONTROL, 2, ON);
	CHECK_LOG(&f, "on;update 0+4;");
	fixture_fini(&f);
}

static void disable_comes_after_the_vectors(void)
{
	start_with_vector_1();
	wr(&f, CONTROL, 2, 0);
	CHECK_LOG(&f, "update 0+4;off;");
	CHECK(!pci_msix_vector(&f.msix, 1).unmasked);
	fixture_fini(&f);
}

static void enable_with_half_written_table_shows_what_is_there(void)
{
	struct pci_msix_vector v;

	start(4);
	put(1, ADDR, 0xfee01000);
	put(1, MASK, 0);
	wr(&f, CONTROL, 2, ON);
	CHECK_LOG(&f, "on;update 0+4;");
	v = pci_msix_vector(&f.msix, 1);
	CHECK(v.unmasked);
	CHECK_EQ(v.address, 0xfee01000);
	CHECK_EQ(v.data, 0);
	put(1, DATA, 0x41);
	CHECK_LOG(&f, "update 1+1;");
	fixture_fini(&f);
}

static void function_mask_masks_every_vector_in_one_update(void)
{
	start_with_vector_1();
	wr(&f, CONTROL, 2, ON | ALL_MASKED);
	CHECK_LOG(&f, "update 0+4;");
	CHECK(!pci_msix_vector(&f.msix, 1).unmasked);
	wr(&f, CONTROL, 2, ON);
	CHECK_LOG(&f, "update 0+4;");
	CHECK(pci_msix_vector(&f.msix, 1).unmasked);
	fixture_fini(&f);
}

static void linux_sequence_enables_masked_then_unmasks(void)
{
	start(2);
	wr(&f, CONTROL, 2, ON | ALL_MASKED);
	CHECK_LOG(&f, "on;update 0+2;");
	put(0, ADDR, 0xfee00000);
	put(0, DATA, 0x22);
	put(0, MASK, 0);
	CHECK_LOG(&f, "");
	wr(&f, CONTROL, 2, ON);
	CHECK_LOG(&f, "update 0+2;");
	CHECK(pci_msix_vector(&f.msix, 0).unmasked);
	CHECK(!pci_msix_vector(&f.msix, 1).unmasked);
	fixture_fini(&f);
}

static void function_mask_while_off_tells_nobody(void)
{
	start(2);
	wr(&f, CONTROL, 2, ALL_MASKED);
	wr(&f, CONTROL, 2, 0);
	CHECK_LOG(&f, "");
	fixture_fini(&f);
}

static void same_control_again_tells_nobody(void)
{
	start_with_vector_1();
	wr(&f, CONTROL, 2, ON);
	wr(&f, CAP, 4, (uint32_t)ON << 16);
	CHECK_LOG(&f, "");
	fixture_fini(&f);
}

static void control_can_be_written_by_its_upper_byte(void)
{
	start(2);
	wr(&f, CONTROL + 1, 1, ON >> 8);
	CHECK_LOG(&f, "on;update 0+2;");
	wr(&f, CONTROL, 1, 0);
	CHECK_LOG(&f, "");
	fixture_fini(&f);
}

static void entry_mask_tells_of_its_vector(void)
{
	start_with_vector_1();
	put(1, MASK, 1);
	CHECK_LOG(&f, "update 1+1;");
	CHECK(!pci_msix_vector(&f.msix, 1).unmasked);
	put(1, MASK, 0);
	CHECK_LOG(&f, "update 1+1;");
	CHECK(pci_msix_vector(&f.msix, 1).unmasked);
	fixture_fini(&f);
}

static void address_and_data_of_an_unmasked_vector_tell(void)
{
	start_with_vector_1();
	put(1, ADDR, 0xfee02000);
	CHECK_LOG(&f, "update 1+1;");
	put(1, ADDR_HIGH, 1);
	CHECK_LOG(&f, "update 1+1;");
	put(1, DATA, 0x42);
	CHECK_LOG(&f, "update 1+1;");
	CHECK_EQ(pci_msix_vector(&f.msix, 1).address, 0x1fee02000);
	CHECK_EQ(pci_msix_vector(&f.msix, 1).data, 0x42);
	fixture_fini(&f);
}

static void same_values_again_tell_nobody(void)
{
	start_with_vector_1();
	put(1, ADDR, 0xfee01000);
	put(1, ADDR_HIGH, 0);
	put(1, DATA, 0x41);
	put(1, MASK, 0);
	put(2, MASK, 1);
	CHECK_LOG(&f, "");
	fixture_fini(&f);
}

static void address_and_data_of_a_masked_vector_tell_nobody(void)
{
	start_with_vector_1();
	put(2, ADDR, 0xfee02000);
	put(2, DATA, 0x42);
	CHECK_LOG(&f, "");
	fixture_fini(&f);
}

static void eight_byte_write_is_one_change(void)
{
	start_with_vector_1();
	pci_msix_table_write(&f.msix, 16, 8, 0x2fee03000);
	CHECK_LOG(&f, "update 1+1;");
	pci_msix_table_write(&f.msix, 24, 8, 0x100000043);
	CHECK_LOG(&f, "update 1+1;");
	CHECK_EQ(pci_msix_table_read(&f.msix, 16, 8), 0x2fee03000);
	CHECK_EQ(pci_msix_table_read(&f.msix, 24, 8), 0x100000043);
	fixture_fini(&f);
}

static void reserved_bits_of_an_entry_stay_zero(void)
{
	start(2);
	put(0, ADDR, 0xffffffff);
	put(0, MASK, 0xffffffff);
	CHECK_EQ(get(0, ADDR), 0xfffffffc);
	CHECK_EQ(get(0, MASK), 1);
	fixture_fini(&f);
}

static void narrow_and_unaligned_accesses_do_nothing(void)
{
	start_with_vector_1();
	pci_msix_table_write(&f.msix, 16, 1, 0xaa);
	pci_msix_table_write(&f.msix, 16, 2, 0xaaaa);
	pci_msix_table_write(&f.msix, 18, 4, 0xaaaaaaaa);
	pci_msix_table_write(&f.msix, 20, 8, 0xaaaaaaaaaaaaaaaa);
	CHECK_LOG(&f, "");
	CHECK_EQ(get(1, ADDR), 0xfee01000);
	CHECK_EQ(get(1, ADDR_HIGH), 0);
	CHECK_EQ(pci_msix_table_read(&f.msix, 16, 1), 0xff);
	CHECK_EQ(pci_msix_table_read(&f.msix, 16, 2), 0xffff);
	CHECK_EQ(pci_msix_table_read(&f.msix, 18, 4), 0xffffffff);
	CHECK_EQ(pci_msix_table_read(&f.msix, 20, 8), UINT64_MAX);
	fixture_fini(&f);
}

static void accesses_beyond_the_table_do_nothing(void)
{
	start(3);
	pci_msix_table_write(&f.msix, 48, 4, 0);
	pci_msix_table_write(&f.msix, UINT64_MAX - 3, 4, 0);
	pci_msix_table_write(&f.msix, UINT64_MAX - 7, 8, 0);
	CHECK_EQ(pci_msix_table_read(&f.msix, 48, 4), 0xffffffff);
	CHECK_EQ(pci_msix_table_read(&f.msix, UINT64_MAX - 7, 8), UINT64_MAX);
	CHECK_EQ(pci_msix_table_read(&f.msix, 44, 4), 1);
	fixture_fini(&f);
}

static void vector_that_is_not_there_is_masked(void)
{
	start_with_vector_1();
	CHECK(!pci_msix_vector(&f.msix, 4).unmasked);
	CHECK(!pci_msix_vector(&f.msix, ~0u).unmasked);
	fixture_fini(&f);
}

static void pba_shows_pending_bits_of_masked_vectors(void)
{
	start_with_vector_1();
	f.pending[0] = 0xf;
	CHECK_EQ(pci_msix_pba_read(&f.msix, 0, 8), 0xd);
	CHECK_EQ(pci_msix_pba_read(&f.msix, 0, 4), 0xd);
	put(1, MASK, 1);
	CHECK_EQ(pci_msix_pba_read(&f.msix, 0, 8), 0xf);
	fixture_fini(&f);
}

static void pba_dwords_show_their_own_vectors(void)
{
	start(100);
	f.pending[0] = 0x8000000100000001;
	f.pending[1] = UINT64_MAX;
	CHECK_EQ(pci_msix_pba_read(&f.msix, 0, 4), 1);
	CHECK_EQ(pci_msix_pba_read(&f.msix, 4, 4), 0x80000001);
	CHECK_EQ(pci_msix_pba_read(&f.msix, 8, 8), 0xfffffffff);
	CHECK_EQ(pci_msix_pba_read(&f.msix, 12, 4), 0xf);
	CHECK_EQ(pci_msix_pba_read(&f.msix, 16, 8), UINT64_MAX);
	CHECK_EQ(pci_msix_pba_read(&f.msix, 2, 4), 0xffffffff);
	CHECK_EQ(pci_msix_pba_read(&f.msix, 0, 1), 0xff);
	fixture_fini(&f);
}

static void reset_masks_vectors_then_turns_off_then_resets(void)
{
	start_with_vector_1();
	pci_dev_reset(&f.dev);
	CHECK_LOG(&f, "update 0+4;off;reset;");
	CHECK_EQ(rd(&f, CONTROL, 2), 3);
	CHECK_EQ(get(1, ADDR), 0);
	CHECK_EQ(get(1, MASK), 1);
	fixture_fini(&f);
}

static void reset_while_off_only_clears_the_table(void)
{
	start(2);
	put(0, MASK, 0);
	pci_dev_reset(&f.dev);
	CHECK_LOG(&f, "reset;");
	CHECK_EQ(get(0, MASK), 1);
	fixture_fini(&f);
}

static void hooks_run_with_the_lock_held(void)
{
	start_with_vector_1();
	put(1, MASK, 1);
	wr(&f, CONTROL, 2, 0);
	CHECK_LOG(&f, "update 1+1;update 0+4;off;");
	CHECK(!f.lock_was_free);
	fixture_fini(&f);
}

static void largest_table_works_to_its_last_vector(void)
{
	start(PCI_MSIX_MAX);
	put(2047, MASK, 0);
	wr(&f, CONTROL, 2, ON);
	CHECK_LOG(&f, "on;update 0+2048;");
	CHECK(pci_msix_vector(&f.msix, 2047).unmasked);
	CHECK(!pci_msix_vector(&f.msix, 2046).unmasked);
	fixture_fini(&f);
}

int main(void)
{
	log_set_level(LOG_ERROR);
	TAP_RUN(all_entries_are_masked_at_power_on);
	TAP_RUN(only_enable_and_function_mask_can_be_written);
	TAP_RUN(layout_tells_where_table_and_pba_lie);
	TAP_RUN(capability_that_is_on_is_taken_over_off);
	TAP_RUN(what_is_no_msix_capability_is_refused);
	TAP_RUN(table_in_a_bar_that_cannot_be_is_refused);
	TAP_RUN(filling_entries_while_off_tells_nobody);
	TAP_RUN(enable_comes_before_the_vectors);
	TAP_RUN(disable_comes_after_the_vectors);
	TAP_RUN(enable_with_half_written_table_shows_what_is_there);
	TAP_RUN(function_mask_masks_every_vector_in_one_update);
	TAP_RUN(linux_sequence_enables_masked_then_unmasks);
	TAP_RUN(function_mask_while_off_tells_nobody);
	TAP_RUN(same_control_again_tells_nobody);
	TAP_RUN(control_can_be_written_by_its_upper_byte);
	TAP_RUN(entry_mask_tells_of_its_vector);
	TAP_RUN(address_and_data_of_an_unmasked_vector_tell);
	TAP_RUN(same_values_again_tell_nobody);
	TAP_RUN(address_and_data_of_a_masked_vector_tell_nobody);
	TAP_RUN(eight_byte_write_is_one_change);
	TAP_RUN(reserved_bits_of_an_entry_stay_zero);
	TAP_RUN(narrow_and_unaligned_accesses_do_nothing);
	TAP_RUN(accesses_beyond_the_table_do_nothing);
	TAP_RUN(vector_that_is_not_there_is_masked);
	TAP_RUN(pba_shows_pending_bits_of_masked_vectors);
	TAP_RUN(pba_dwords_show_their_own_vectors);
	TAP_RUN(reset_masks_vectors_then_turns_off_then_resets);
	TAP_RUN(reset_while_off_only_clears_the_table);
	TAP_RUN(hooks_run_with_the_lock_held);
	TAP_RUN(largest_table_works_to_its_last_vector);
	return tap_done();
}
