// SPDX-License-Identifier: GPL-2.0-or-later
/* MSI and INTx: when the owner hears of what, and what a guest can read back.
 */
#include <errno.h>

#include "tests/unit/pci_fixture.h"

enum {
	CAP = 0x50,
	MSIX_CAP = 0x70,
	CONTROL = CAP + PCI_MSI_FLAGS,
	ADDR = CAP + PCI_MSI_ADDRESS_LO,
	ADDR_HIGH = CAP + PCI_MSI_ADDRESS_HI,
	DATA = CAP + PCI_MSI_DATA_64,
	MASK = CAP + PCI_MSI_MASK_64,
	PENDING = MASK + 4,
	ON = PCI_MSI_FLAGS_ENABLE,
	FOUR = 2 << 4, /* vectors enabled, as QSIZE has it */
	FULL = PCI_MSI_FLAGS_64BIT | PCI_MSI_FLAGS_MASKBIT | 3 << 1,
};

static struct fixture f;
static struct pci_msi msi;
static uint32_t pending;
static bool pin_pending;

static void on_enabled(struct pci_msi *m, bool on)
{
	fixture_log(FIXTURE(m->dev), on ? "msi %u;" : "msi off;",
		    m->nr_vectors);
}

static void on_update(struct pci_msi *m)
{
	fixture_log(FIXTURE(m->dev), "message;");
}

static bool on_pending(struct pci_msi *m, unsigned int vector)
{
	(void)m;
	return pending >> vector & 1;
}

static const struct pci_msi_ops msi_ops = { on_enabled, on_update, on_pending };

static void on_pin(struct pci_dev *dev, bool on)
{
	fixture_log(FIXTURE(dev), on ? "pin;" : "pin off;");
}

static bool on_pin_pending(struct pci_dev *dev)
{
	(void)dev;
	return pin_pending;
}

static const struct pci_intx_ops pin_ops = { on_pin, on_pin_pending };

static int make(uint32_t control)
{
	pending = 0;
	pin_pending = false;
	fixture_init(&f);
	pci_dev_add_cap(&f.dev, PCI_CAP_ID_MSI, CAP, pci_msi_len(control));
	pci_cfg_put(&f.dev, CONTROL, 2, control);
	return pci_msi_init(&msi, &f.dev, CAP, &msi_ops);
}

/* 64 bits, masks, 8 vectors; with pin A and MSI-X as well. */
static void start(void)
{
	CHECK_EQ(make(FULL), 0);
	pci_dev_set_intx(&f.dev, 1, &pin_ops);
	fixture_msix(&f, 4);
}

static void stop(void)
{
	pci_msi_fini(&msi);
	fixture_fini(&f);
}

/* --- registers --- */

static void only_what_software_owns_can_be_written(void)
{
	start();
	for (unsigned int reg = CAP; reg < PENDING + 4; reg += 4)
		wr(&f, reg, 4, 0xffffffff);
	CHECK_EQ(rd(&f, CONTROL, 2), FULL | ON | PCI_MSI_FLAGS_QSIZE);
	CHECK_EQ(rd(&f, ADDR, 4), 0xfffffffc);
	CHECK_EQ(rd(&f, ADDR_HIGH, 4), 0xffffffff);
	CHECK_EQ(rd(&f, DATA, 4), 0xffff);
	CHECK_EQ(rd(&f, MASK, 4), 0xff);
	CHECK_EQ(rd(&f, PENDING, 4), 0);
	stop();
}

static void each_layout_has_its_length_and_registers(void)
{
	CHECK_EQ(pci_msi_len(0), 10);
	CHECK_EQ(pci_msi_len(PCI_MSI_FLAGS_64BIT), 14);
	CHECK_EQ(pci_msi_len(PCI_MSI_FLAGS_MASKBIT), 20);
	CHECK_EQ(pci_msi_len(FULL), 24);
}

static void a_message_of_32_bits_has_its_data_where_the_upper_address_was(void)
{
	CHECK_EQ(make(0), 0);
	wr(&f, ADDR, 4, 0xfee01000);
	wr(&f, CAP + PCI_MSI_DATA_32, 2, 0x41);
	wr(&f, CONTROL, 2, ON);
	CHECK_EQ(pci_msi_vector(&msi, 0).address, 0xfee01000);
	CHECK_EQ(pci_msi_vector(&msi, 0).data, 0x41);
	CHECK(pci_msi_vector(&msi, 0).unmasked);
	stop();
}

static void a_capability_that_is_on_is_taken_over_off(void)
{
	CHECK_EQ(make(FULL | ON | FOUR | 0x600), 0);
	CHECK_EQ(rd(&f, CONTROL, 2), FULL);
	CHECK_EQ(msi.nr_vectors, 0);
	CHECK_EQ(msi.max_vectors, 8);
	stop();
}

static void more_than_32_vectors_are_refused(void)
{
	CHECK_EQ(make(6 << 1), -EINVAL);
	fixture_fini(&f);
}

static void a_capability_that_is_not_msi_is_refused(void)
{
	CHECK_EQ(make(FULL), 0);
	CHECK_EQ(pci_msi_init(&msi, &f.dev, CAP + 4, &msi_ops), -EINVAL);
	CHECK_EQ(pci_msi_init(&msi, &f.dev, 0xfc, &msi_ops), -EINVAL);
	fixture_fini(&f);
}

/* --- vectors --- */

static void vectors_have_their_number_in_the_low_bits_of_the_data(void)
{
	start();
	wr(&f, ADDR, 4, 0xfee01000);
	wr(&f, DATA, 2, 0x43);
	wr(&f, CONTROL, 2, ON | FOUR);
	CHECK_LOG(&f, "msi 4;");
	CHECK_EQ(pci_msi_vector(&msi, 0).data, 0x40);
	CHECK_EQ(pci_msi_vector(&msi, 3).data, 0x43);
	CHECK_EQ(pci_msi_vector(&msi, 3).address, 0xfee01000);
	CHECK(!pci_msi_vector(&msi, 4).unmasked);
	stop();
}

static void asking_for_more_vectors_than_there_are_enables_all(void)
{
	start();
	wr(&f, CONTROL, 2, ON | PCI_MSI_FLAGS_QSIZE);
	CHECK_LOG(&f, "msi 8;");
	stop();
}

static void registers_written_while_off_are_told_with_the_enabling(void)
{
	start();
	wr(&f, ADDR, 4, 0xfee01000);
	wr(&f, MASK, 4, 2);
	CHECK_LOG(&f, "");
	wr(&f, CONTROL, 2, ON | FOUR);
	CHECK_LOG(&f, "msi 4;");
	CHECK(pci_msi_vector(&msi, 0).unmasked);
	CHECK(!pci_msi_vector(&msi, 1).unmasked);
	stop();
}

static void changes_while_on_are_told_once_and_rewrites_never(void)
{
	start();
	wr(&f, CONTROL, 2, ON);
	f.log[0] = '\0';
	wr(&f, DATA, 2, 0x41);
	CHECK_LOG(&f, "message;");
	wr(&f, DATA, 2, 0x41);
	wr(&f, CONTROL, 2, ON);
	CHECK_LOG(&f, "");
	wr(&f, MASK, 4, 1);
	CHECK_LOG(&f, "message;");
	stop();
}

static void another_number_of_vectors_is_off_and_on(void)
{
	start();
	wr(&f, CONTROL, 2, ON | FOUR);
	f.log[0] = '\0';
	wr(&f, CONTROL, 2, ON);
	CHECK_LOG(&f, "msi off;msi 1;");
	wr(&f, CONTROL, 2, 0);
	CHECK_LOG(&f, "msi off;");
	stop();
}

static void pending_bits_are_those_of_masked_vectors(void)
{
	start();
	wr(&f, CONTROL, 2, ON | FOUR);
	wr(&f, MASK, 4, 6);
	pending = 0xf;
	CHECK_EQ(rd(&f, PENDING, 4), 6);
	CHECK_EQ(rd(&f, PENDING, 1), 6);
	wr(&f, CONTROL, 2, 0);
	CHECK_EQ(rd(&f, PENDING, 4), 0);
	stop();
}

/* --- the pin, and one way at a time --- */

static void a_pin_is_off_until_the_function_is_used(void)
{
	start();
	CHECK_EQ(rd(&f, PCI_INTERRUPT_PIN, 1), 1);
	CHECK_LOG(&f, "");
	wr(&f, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	CHECK_LOG(&f, "pin;");
	stop();
}

static void decode_off_and_on_again_leaves_the_pin_alone(void)
{
	start();
	wr(&f, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	f.log[0] = '\0';
	wr(&f, PCI_COMMAND, 2, 0);
	wr(&f, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	CHECK_LOG(&f, "");
	stop();
}

static void intx_disable_turns_the_pin_off_and_on(void)
{
	start();
	wr(&f, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	wr(&f, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_INTX_DISABLE);
	wr(&f, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	CHECK_LOG(&f, "pin;pin off;pin;");
	stop();
}

static void status_tells_what_the_pin_would_do(void)
{
	start();
	CHECK(!(rd(&f, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT));
	pin_pending = true;
	CHECK(rd(&f, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT);
	CHECK(rd(&f, PCI_COMMAND, 4) & PCI_STATUS_INTERRUPT << 16);
	wr(&f, PCI_STATUS, 2, 0xffff);
	pin_pending = false;
	CHECK(!(rd(&f, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT));
	stop();
}

static void a_function_without_a_pin_has_no_status_of_it(void)
{
	start();
	pci_dev_set_intx(&f.dev, 0, NULL);
	pin_pending = true;
	wr(&f, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	CHECK_LOG(&f, "");
	CHECK_EQ(rd(&f, PCI_INTERRUPT_PIN, 1), 0);
	CHECK(!(rd(&f, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT));
	stop();
}

static void from_pin_to_msi_to_msix_and_back_two_are_never_on(void)
{
	start();
	wr(&f, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	CHECK_LOG(&f, "pin;");
	wr(&f, CONTROL, 2, ON);
	CHECK_LOG(&f, "pin off;msi 1;");
	wr(&f, MSIX_CAP + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
	CHECK_LOG(&f, "msi off;on;update 0+4;");
	wr(&f, MSIX_CAP + PCI_MSIX_FLAGS, 2, 0);
	CHECK_LOG(&f, "update 0+4;off;msi 1;");
	wr(&f, CONTROL, 2, 0);
	CHECK_LOG(&f, "msi off;pin;");
	stop();
}

static void a_reset_turns_off_whatever_is_on(void)
{
	start();
	wr(&f, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	f.log[0] = '\0';
	pci_dev_reset(&f.dev);
	CHECK_LOG(&f, "pin off;reset;");
	wr(&f, CONTROL, 2, ON | FOUR);
	wr(&f, ADDR, 4, 0xfee01000);
	f.log[0] = '\0';
	pci_dev_reset(&f.dev);
	CHECK_LOG(&f, "msi off;reset;");
	CHECK_EQ(rd(&f, CONTROL, 2), FULL);
	CHECK_EQ(rd(&f, ADDR, 4), 0);
	stop();
}

static void after_a_reset_the_pin_waits_for_use_again(void)
{
	start();
	wr(&f, PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	pci_dev_reset(&f.dev);
	f.log[0] = '\0';
	wr(&f, PCI_COMMAND, 2, 0);
	CHECK_LOG(&f, "");
	wr(&f, PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	CHECK_LOG(&f, "pin;");
	stop();
}

int main(void)
{
	TAP_RUN(only_what_software_owns_can_be_written);
	TAP_RUN(each_layout_has_its_length_and_registers);
	TAP_RUN(a_message_of_32_bits_has_its_data_where_the_upper_address_was);
	TAP_RUN(a_capability_that_is_on_is_taken_over_off);
	TAP_RUN(more_than_32_vectors_are_refused);
	TAP_RUN(a_capability_that_is_not_msi_is_refused);
	TAP_RUN(vectors_have_their_number_in_the_low_bits_of_the_data);
	TAP_RUN(asking_for_more_vectors_than_there_are_enables_all);
	TAP_RUN(registers_written_while_off_are_told_with_the_enabling);
	TAP_RUN(changes_while_on_are_told_once_and_rewrites_never);
	TAP_RUN(another_number_of_vectors_is_off_and_on);
	TAP_RUN(pending_bits_are_those_of_masked_vectors);
	TAP_RUN(a_pin_is_off_until_the_function_is_used);
	TAP_RUN(decode_off_and_on_again_leaves_the_pin_alone);
	TAP_RUN(intx_disable_turns_the_pin_off_and_on);
	TAP_RUN(status_tells_what_the_pin_would_do);
	TAP_RUN(a_function_without_a_pin_has_no_status_of_it);
	TAP_RUN(from_pin_to_msi_to_msix_and_back_two_are_never_on);
	TAP_RUN(a_reset_turns_off_whatever_is_on);
	TAP_RUN(after_a_reset_the_pin_waits_for_use_again);
	return tap_done();
}
