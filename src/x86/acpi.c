// SPDX-License-Identifier: GPL-2.0-or-later
/* ACPI tables: how the guest finds CPUs, PCI, serial port, power-off, reset. */
/*
 * How this works
 *
 *	RSDP -> XSDT -> FADT -> DSDT   compiled from dsdt.asl by iasl
 *	             -> MADT           CPUs and the IOAPIC
 *	             -> MCFG           ECAM
 *	             -> SSDT           acpi_ssdt.c
 *
 * The machine is "hardware-reduced" (ACPI 6.5 4.1): no SCI, no PM1 registers,
 * no FACS, of a PC's legacy devices none but the clock. Besides being the truth
 * it is quick: Linux then programs neither PIC nor PIT and calibrates nothing
 * against them, and probes no VGA or keyboard controller, each access to which
 * would be a VM exit. Sleep control, sleep status and reset are one port
 * (4.8.3.7).
 *
 * The PM timer is not named in the FADT although there is one: Linux would
 * read it some thirty times, each read a return to user space, only to find
 * that the KVM clock is better.
 *
 * Tables lie one after the other, aligned to 16 bytes, the RSDP first. The
 * RSDP and the XSDT are written last, when the addresses are known.
 */
#include <errno.h>
#include <string.h>

#include "src/base/bits.h"
#include "src/x86/acpi_priv.h"
#include "src/x86/layout.h"

#include "src/x86/dsdt.hex" /* dsdt_aml_code[], made by iasl */

/* The header of every table but the RSDP: ACPI 6.5 5.2.6. */
enum {
	HDR_LENGTH = 4,
	HDR_REVISION = 8,
	HDR_CHECKSUM = 9,
	HDR_OEM_ID = 10,
	HDR_OEM_TABLE_ID = 16,
	HDR_OEM_REVISION = 24,
	HDR_CREATOR = 28,
	HDR_CREATOR_REVISION = 32,
	HDR_LEN = 36,
};

/* ACPI 6.5 5.2.5.3. */
enum {
	RSDP_CHECKSUM = 8, /* of the first 20 bytes */
	RSDP_OEM_ID = 9,
	RSDP_REVISION = 15,
	RSDP_LENGTH = 20,
	RSDP_XSDT = 24,
	RSDP_EXT_CHECKSUM = 32,
	RSDP_V1_LEN = 20,
	RSDP_LEN = 36,
};

/* ACPI 6.5 5.2.9: offsets, and what is not 0 on this machine. */
enum {
	FADT_DSDT = 40,
	FADT_CENTURY = 108,
	FADT_BOOT_ARCH = 109,
	FADT_FLAGS = 112,
	FADT_RESET_REG = 116,
	FADT_RESET_VALUE = 128,
	FADT_MINOR = 131,
	FADT_X_DSDT = 140,
	FADT_SLEEP_CONTROL = 244,
	FADT_SLEEP_STATUS = 256,
	FADT_HYPERVISOR = 268,
	FADT_LEN = 276,

	FADT_REVISION = 6,
	FADT_MINOR_REVISION = 3,
	FADT_RESET_TO = 1,

	/* No 8042 (bit 1 is 0), no VGA; a CMOS clock (bit 5), MSI works. */
	BOOT_ARCH_8042 = 1 << 1,
	BOOT_ARCH_NO_VGA = 1 << 2,

	FLAG_WBINVD = 1 << 0,
	FLAG_C1 = 1 << 2,
	FLAG_NO_POWER_BUTTON = 1 << 4, /* none of the fixed kind */
	FLAG_NO_SLEEP_BUTTON = 1 << 5,
	FLAG_RESET_REG = 1 << 10,
	FLAG_HW_REDUCED = 1 << 20,
};

/* ACPI 6.5 5.2.12. */
enum {
	MADT_REVISION = 5,
	MADT_LAPIC_GPA = 36,
	MADT_ENTRIES = 44,
	MADT_LAPIC = 0,
	MADT_IOAPIC = 1,
	MADT_OVERRIDE = 2,
	MADT_LAPIC_NMI = 4,
	LAPIC_ENABLED = 1,
	ALL_CPUS = 0xff,
};

#define LAPIC_GPA 0xfee00000u

enum { TABLE_ALIGN = 16, MAX_TABLES = 4 };

/* Tables on their way into the buffer. */
struct writer {
	uint8_t *buf;
	size_t len, used;
	size_t start;		   /* of the table being written */
	size_t tables[MAX_TABLES]; /* those that the XSDT lists */
	unsigned int nr_tables;
	bool overflow;
};

/* len zeroed bytes, or NULL once the buffer is full. */
static uint8_t *room(struct writer *w, size_t len)
{
	uint8_t *at = w->buf + w->used;

	if (w->overflow || len > w->len - w->used) {
		w->overflow = true;
		return NULL;
	}
	memset(at, 0, len);
	w->used += len;
	return at;
}

/* Letters into a zeroed field: no final NUL of its own. */
static void put_text(uint8_t *at, const char *text)
{
	while (*text)
		*at++ = (uint8_t)*text++;
}

/* Makes the bytes of a structure add up to 0. */
static void checksum(uint8_t *at, size_t len, size_t field)
{
	uint8_t sum = 0;

	at[field] = 0;
	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + at[i]);
	at[field] = (uint8_t)-sum;
}

static uint8_t *table_begin(struct writer *w, const char *signature,
			    unsigned int revision)
{
	uint8_t *at;

	room(w, align_up(w->used, TABLE_ALIGN) - w->used);
	w->start = w->used;
	at = room(w, HDR_LEN);
	if (!at)
		return NULL;
	put_text(at, signature);
	at[HDR_REVISION] = (uint8_t)revision;
	put_text(at + HDR_OEM_ID, "STRAIT");
	put_text(at + HDR_OEM_TABLE_ID, "STRAIT");
	put_le(at + HDR_OEM_REVISION, 1, 4);
	put_text(at + HDR_CREATOR, "STRT");
	put_le(at + HDR_CREATOR_REVISION, 1, 4);
	return at;
}

/* Returns the table's guest address. */
static gpa_t table_end(struct writer *w)
{
	uint8_t *at = w->buf + w->start;
	size_t len = w->used - w->start;

	if (!w->overflow) {
		put_le(at + HDR_LENGTH, len, 4);
		checksum(at, len, HDR_CHECKSUM);
	}
	return X86_ACPI_GPA + w->start;
}

/* The same for a table that the XSDT lists. */
static void table_end_listed(struct writer *w)
{
	BUG_ON(w->nr_tables == MAX_TABLES);
	w->tables[w->nr_tables++] = w->start;
	table_end(w);
}

/* iasl wrote the header already. */
static gpa_t write_dsdt(struct writer *w)
{
	uint8_t *at;

	room(w, align_up(w->used, TABLE_ALIGN) - w->used);
	w->start = w->used;
	at = room(w, sizeof(dsdt_aml_code));
	if (at)
		memcpy(at, dsdt_aml_code, sizeof(dsdt_aml_code));
	return X86_ACPI_GPA + w->start;
}

/* A byte-wide register at an I/O port: ACPI 6.5 5.2.3.2. */
static void put_port(uint8_t *at, uint64_t port)
{
	at[0] = 1; /* system I/O */
	at[1] = 8; /* bits */
	at[3] = 1; /* byte access */
	put_le(at + 4, port, 8);
}

static void write_fadt(struct writer *w, const struct acpi_params *p,
		       gpa_t dsdt)
{
	uint8_t *at = table_begin(w, "FACP", FADT_REVISION);

	if (!at || !room(w, FADT_LEN - HDR_LEN))
		return;
	put_le(at + FADT_DSDT, dsdt, 4);
	put_le(at + FADT_X_DSDT, dsdt, 8);
	at[FADT_CENTURY] = X86_RTC_CENTURY;
	put_le(at + FADT_BOOT_ARCH,
	       BOOT_ARCH_NO_VGA | (p->has_i8042 ? BOOT_ARCH_8042 : 0), 2);
	put_le(at + FADT_FLAGS,
	       FLAG_WBINVD | FLAG_C1 | FLAG_NO_POWER_BUTTON |
		       FLAG_NO_SLEEP_BUTTON | FLAG_RESET_REG | FLAG_HW_REDUCED,
	       4);
	put_port(at + FADT_RESET_REG, X86_SLEEP_PORT);
	at[FADT_RESET_VALUE] = FADT_RESET_TO;
	at[FADT_MINOR] = FADT_MINOR_REVISION;
	put_port(at + FADT_SLEEP_CONTROL, X86_SLEEP_PORT);
	put_port(at + FADT_SLEEP_STATUS, X86_SLEEP_PORT);
	put_text(at + FADT_HYPERVISOR, "STRAIT");
	table_end_listed(w);
}

/* An entry of the MADT: type, length and zeroes. */
static uint8_t *madt_entry(struct writer *w, unsigned int type, size_t len)
{
	uint8_t *at = room(w, len);

	if (at) {
		at[0] = (uint8_t)type;
		at[1] = (uint8_t)len;
	}
	return at;
}

static void madt_cpus(struct writer *w, unsigned int nr_cpus)
{
	uint8_t *at;

	for (unsigned int i = 0; i < nr_cpus; i++) {
		at = madt_entry(w, MADT_LAPIC, 8);
		if (!at)
			return;
		at[2] = (uint8_t)i; /* processor UID */
		at[3] = (uint8_t)i; /* APIC ID */
		put_le(at + 4, LAPIC_ENABLED, 4);
	}
	at = madt_entry(w, MADT_LAPIC_NMI, 6);
	if (!at)
		return;
	at[2] = ALL_CPUS;
	at[5] = 1; /* LINT1 */
}

static void madt_ioapic(struct writer *w)
{
	uint8_t *at = madt_entry(w, MADT_IOAPIC, 12);

	if (at)
		put_le(at + 4, X86_IOAPIC_GPA, 4);
	/* The PIT (ISA interrupt 0) is wired to pin 2: see kvm.c. With
	 * --irqchip split there is none, and nothing comes that way. */
	at = madt_entry(w, MADT_OVERRIDE, 10);
	if (at)
		put_le(at + 4, 2, 4);
}

static void write_madt(struct writer *w, unsigned int nr_cpus)
{
	uint8_t *at = table_begin(w, "APIC", MADT_REVISION);

	if (!at || !room(w, MADT_ENTRIES - HDR_LEN))
		return;
	put_le(at + MADT_LAPIC_GPA, LAPIC_GPA, 4);
	madt_cpus(w, nr_cpus);
	madt_ioapic(w);
	table_end_listed(w);
}

/* PCI Firmware 3.3 4.1.2: 8 bytes reserved, then one entry. */
static void write_mcfg(struct writer *w, const struct pci_host_layout *pci)
{
	uint8_t *at;

	table_begin(w, "MCFG", 1);
	at = room(w, 8 + 16);
	if (at) {
		put_le(at + 8, pci->ecam, 8); /* segment 0, from bus 0 on */
		at[8 + 11] = (uint8_t)(pci_layout_buses(pci) - 1);
	}
	table_end_listed(w);
}

static void write_ssdt(struct writer *w, const struct acpi_params *p)
{
	struct aml aml = { 0 };

	table_begin(w, "SSDT", 2);
	aml.buf = w->buf + w->used;
	aml.cap = w->len - w->used;
	acpi_ssdt(&aml, p);
	w->used += aml.len;
	w->overflow |= aml.overflow;
	table_end_listed(w);
}

static gpa_t write_xsdt(struct writer *w)
{
	table_begin(w, "XSDT", 1);
	for (unsigned int i = 0; i < w->nr_tables; i++) {
		uint8_t *at = room(w, 8);

		if (at)
			put_le(at, X86_ACPI_GPA + w->tables[i], 8);
	}
	return table_end(w);
}

static void write_rsdp(uint8_t *at, gpa_t xsdt)
{
	put_text(at, "RSD PTR ");
	put_text(at + RSDP_OEM_ID, "STRAIT");
	at[RSDP_REVISION] = 2;
	put_le(at + RSDP_LENGTH, RSDP_LEN, 4);
	put_le(at + RSDP_XSDT, xsdt, 8);
	checksum(at, RSDP_V1_LEN, RSDP_CHECKSUM);
	checksum(at, RSDP_LEN, RSDP_EXT_CHECKSUM);
}

int acpi_build(const struct acpi_params *p, uint8_t *buf, size_t len,
	       size_t *used, struct err *e)
{
	struct writer w = { .len = len };
	gpa_t dsdt, xsdt;
	uint8_t *rsdp;

	BUG_ON(p->nr_cpus < 1 || p->nr_cpus > 255);
	BUG_ON(p->pci->ecam + MIB(pci_layout_buses(p->pci)) > GIB(4));
	w.buf = buf;
	rsdp = room(&w, RSDP_LEN);
	dsdt = write_dsdt(&w);
	write_fadt(&w, p, dsdt);
	write_madt(&w, p->nr_cpus);
	write_mcfg(&w, p->pci);
	write_ssdt(&w, p);
	xsdt = write_xsdt(&w);
	if (w.overflow || !rsdp)
		return err_set(e, ENOSPC,
			       "ACPI tables: %u CPUs do not fit in %zu bytes",
			       p->nr_cpus, len);
	write_rsdp(rsdp, xsdt);
	*used = w.used;
	return 0;
}
