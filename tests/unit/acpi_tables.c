// SPDX-License-Identifier: GPL-2.0-or-later
/* The ACPI tables, found and read as a guest would from the RSDP on. */
#include <errno.h>

#include "src/base/bits.h"
#include "src/x86/acpi.h"
#include "src/x86/layout.h"
#include "tests/tap.h"

enum { HDR = 36, MADT_ENTRIES = 44 };

static uint8_t blob[KIB(128)];
static size_t used;
static struct err err;

static const struct pci_host_layout pci = {
	.ecam = 0xe8000000,
	.io = { 0x1000, 0xf000 },
	.mem32 = { 0xc0000000, 0x28000000 },
	.mem64 = { GIB(4), GIB(256) },
};

static int build(unsigned int nr_cpus, size_t len)
{
	struct acpi_params p = { .nr_cpus = nr_cpus,
				 .has_serial = true,
				 .pci = &pci };

	err = (struct err){ 0 };
	memset(blob, 0xee, sizeof(blob));
	return acpi_build(&p, blob, len, &used, &err);
}

static unsigned int sum(const uint8_t *at, size_t len)
{
	unsigned int n = 0;

	while (len--)
		n += *at++;
	return n & 0xff;
}

static uint8_t *at_gpa(uint64_t gpa)
{
	CHECK(gpa >= X86_ACPI_GPA);
	CHECK(gpa < X86_ACPI_GPA + used);
	return blob + (gpa - X86_ACPI_GPA);
}

static uint8_t *xsdt(void)
{
	return at_gpa(get_le(blob + 24, 8));
}

static unsigned int nr_tables(void)
{
	return (unsigned int)(get_le(xsdt() + 4, 4) - HDR) / 8;
}

/* The table with that signature, or NULL. */
static uint8_t *table(const char *signature)
{
	for (unsigned int i = 0; i < nr_tables(); i++) {
		uint8_t *at = at_gpa(get_le(xsdt() + HDR + 8 * i, 8));

		if (!memcmp(at, signature, 4))
			return at;
	}
	CHECK(!"the XSDT lists no such table");
	return NULL;
}

static void check_table(const uint8_t *at, const char *signature)
{
	CHECK(!memcmp(at, signature, 4));
	CHECK_EQ(sum(at, get_le(at + 4, 4)), 0);
	CHECK_EQ((at - blob) % 16, 0);
}

/* The nth MADT entry of a type, or NULL. */
static const uint8_t *madt_entry(unsigned int type, unsigned int nth)
{
	const uint8_t *madt = table("APIC");
	const uint8_t *end = madt + get_le(madt + 4, 4);

	for (const uint8_t *at = madt + MADT_ENTRIES; at < end; at += at[1]) {
		CHECK(at[1] >= 2);
		if (at[0] == type && nth-- == 0)
			return at;
	}
	return NULL;
}

static void the_rsdp_is_first_and_valid(void)
{
	CHECK_EQ(build(1, sizeof(blob)), 0);
	CHECK(!memcmp(blob, "RSD PTR ", 8));
	CHECK_EQ(blob[15], 2);
	CHECK_EQ(get_le(blob + 20, 4), 36);
	CHECK_EQ(sum(blob, 20), 0);
	CHECK_EQ(sum(blob, 36), 0);
}

static void every_table_adds_up_to_zero(void)
{
	CHECK_EQ(build(4, sizeof(blob)), 0);
	check_table(xsdt(), "XSDT");
	CHECK_EQ(nr_tables(), 4);
	check_table(table("FACP"), "FACP");
	check_table(table("APIC"), "APIC");
	check_table(table("MCFG"), "MCFG");
	check_table(table("SSDT"), "SSDT");
	check_table(at_gpa(get_le(table("FACP") + 140, 8)), "DSDT");
}

static void the_machine_is_hardware_reduced(void)
{
	uint8_t *fadt;

	CHECK_EQ(build(1, sizeof(blob)), 0);
	fadt = table("FACP");
	CHECK_EQ(get_le(fadt + 4, 4), 276);
	CHECK_EQ(fadt[8], 6);
	CHECK(get_le(fadt + 112, 4) & 1 << 20);
	CHECK_EQ(get_le(fadt + 40, 4), get_le(fadt + 140, 8));
}

static void linux_is_told_not_to_probe_for_legacy_devices(void)
{
	CHECK_EQ(build(1, sizeof(blob)), 0);
	/* No VGA; no 8042, MSI not forbidden. */
	CHECK_EQ(get_le(table("FACP") + 109, 2), 1 << 2);
	/* PC/AT compatible: two 8259 that need to be looked at. */
	CHECK_EQ(get_le(table("APIC") + 40, 4), 0);
}

static void the_clock_is_not_denied_and_has_a_century(void)
{
	CHECK_EQ(build(1, sizeof(blob)), 0);
	CHECK_EQ(get_le(table("FACP") + 109, 2) & 1 << 5, 0);
	CHECK_EQ(table("FACP")[108], X86_RTC_CENTURY);
}

static void no_pm_timer_is_offered(void)
{
	CHECK_EQ(build(1, sizeof(blob)), 0);
	CHECK_EQ(get_le(table("FACP") + 76, 4), 0);
	CHECK_EQ(get_le(table("FACP") + 212, 8), 0);
}

static void reset_is_a_write_of_1_to_the_sleep_port(void)
{
	uint8_t *fadt;

	CHECK_EQ(build(1, sizeof(blob)), 0);
	fadt = table("FACP");
	CHECK(get_le(fadt + 112, 4) & 1 << 10);
	CHECK_EQ(fadt[116], 1); /* system I/O */
	CHECK_EQ(fadt[117], 8);
	CHECK_EQ(get_le(fadt + 120, 8), X86_SLEEP_PORT);
	CHECK_EQ(fadt[128], 1);
}

static void sleep_control_and_status_are_one_port(void)
{
	uint8_t *fadt;

	CHECK_EQ(build(1, sizeof(blob)), 0);
	fadt = table("FACP");
	CHECK_EQ(fadt[244], 1);
	CHECK_EQ(get_le(fadt + 248, 8), X86_SLEEP_PORT);
	CHECK_EQ(fadt[256], 1);
	CHECK_EQ(get_le(fadt + 260, 8), X86_SLEEP_PORT);
}

static void each_cpu_has_an_enabled_local_apic(void)
{
	CHECK_EQ(build(3, sizeof(blob)), 0);
	for (unsigned int i = 0; i < 3; i++) {
		CHECK(madt_entry(0, i));
		CHECK_EQ(madt_entry(0, i)[2], i);
		CHECK_EQ(madt_entry(0, i)[3], i);
		CHECK_EQ(get_le(madt_entry(0, i) + 4, 4), 1);
	}
	CHECK(!madt_entry(0, 3));
}

static void the_ioapic_takes_gsi_0_on(void)
{
	CHECK_EQ(build(1, sizeof(blob)), 0);
	CHECK(madt_entry(1, 0));
	CHECK_EQ(get_le(madt_entry(1, 0) + 4, 4), X86_IOAPIC_GPA);
	CHECK_EQ(get_le(madt_entry(1, 0) + 8, 4), 0);
	CHECK(!madt_entry(1, 1));
}

static void the_pit_is_on_pin_2(void)
{
	CHECK_EQ(build(1, sizeof(blob)), 0);
	CHECK(madt_entry(2, 0));
	CHECK_EQ(madt_entry(2, 0)[3], 0);
	CHECK_EQ(get_le(madt_entry(2, 0) + 4, 4), 2);
	CHECK(!madt_entry(2, 1));
}

static void ecam_covers_bus_0_alone(void)
{
	uint8_t *mcfg;

	CHECK_EQ(build(1, sizeof(blob)), 0);
	mcfg = table("MCFG");
	CHECK_EQ(get_le(mcfg + 4, 4), 60);
	CHECK_EQ(get_le(mcfg + 44, 8), pci.ecam);
	CHECK_EQ(get_le(mcfg + 52, 8), 0); /* segment, start, end */
}

static void ecam_and_mcfg_have_as_many_buses_as_the_board(void)
{
	struct pci_host_layout many = pci;
	struct acpi_params p = { .nr_cpus = 1, .pci = &many };

	many.nr_buses = 4;
	CHECK_EQ(acpi_build(&p, blob, sizeof(blob), &used, &err), 0);
	CHECK_EQ(get_le(table("MCFG") + 52, 8), 3ULL << 24);
	many.nr_buses = 256;
	CHECK_EQ(acpi_build(&p, blob, sizeof(blob), &used, &err), 0);
	CHECK_EQ(get_le(table("MCFG") + 52, 8), 255ULL << 24);
}

static void tables_of_255_cpus_fit(void)
{
	CHECK_EQ(build(255, sizeof(blob)), 0);
	CHECK(madt_entry(0, 254));
	CHECK_EQ(madt_entry(0, 254)[3], 254);
	check_table(table("APIC"), "APIC");
	check_table(table("SSDT"), "SSDT");
	CHECK(used < X86_ACPI_END - X86_ACPI_GPA);
}

static void the_same_machine_gives_the_same_bytes(void)
{
	static uint8_t first[sizeof(blob)];

	CHECK_EQ(build(2, sizeof(blob)), 0);
	memcpy(first, blob, sizeof(first));
	CHECK_EQ(build(2, sizeof(blob)), 0);
	CHECK(!memcmp(first, blob, sizeof(first)));
}

/* Every length that is too short, by one byte as well as by all. */
static void a_buffer_too_small_is_refused_and_not_overrun(void)
{
	size_t need;

	CHECK_EQ(build(2, sizeof(blob)), 0);
	need = used;
	CHECK_EQ(build(2, need), 0);
	for (size_t len = 0; len < need; len++) {
		CHECK_EQ(build(2, len), -ENOSPC);
		CHECK_EQ(blob[len], 0xee);
	}
	CHECK_HAS(err.msg, "ACPI tables: 2 CPUs do not fit");
}

int main(void)
{
	TAP_RUN(the_rsdp_is_first_and_valid);
	TAP_RUN(every_table_adds_up_to_zero);
	TAP_RUN(the_machine_is_hardware_reduced);
	TAP_RUN(linux_is_told_not_to_probe_for_legacy_devices);
	TAP_RUN(the_clock_is_not_denied_and_has_a_century);
	TAP_RUN(no_pm_timer_is_offered);
	TAP_RUN(reset_is_a_write_of_1_to_the_sleep_port);
	TAP_RUN(sleep_control_and_status_are_one_port);
	TAP_RUN(each_cpu_has_an_enabled_local_apic);
	TAP_RUN(the_ioapic_takes_gsi_0_on);
	TAP_RUN(the_pit_is_on_pin_2);
	TAP_RUN(ecam_covers_bus_0_alone);
	TAP_RUN(ecam_and_mcfg_have_as_many_buses_as_the_board);
	TAP_RUN(tables_of_255_cpus_fit);
	TAP_RUN(the_same_machine_gives_the_same_bytes);
	TAP_RUN(a_buffer_too_small_is_refused_and_not_overrun);
	return tap_done();
}
