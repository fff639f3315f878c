// SPDX-License-Identifier: GPL-2.0-or-later
/* The part of the ACPI namespace that depends on the configuration. */
/*
 * How this works
 *
 * The SSDT adds constants to the devices of dsdt.asl: the resources (_CRS) of
 * the host bridge and of the ECAM range, the interrupt routing (_PRT) of bus
 * 0, and one device per CPU. No methods: the guest looks everything up and
 * computes nothing. Root ports are not named: what is behind them has its
 * interrupt derived from their slot's by the guest (PCIe 6.0 2.2.8.1), and
 * their hot-plug controllers are found by their config space.
 */
#include <stdio.h>
#include <string.h>

#include "src/base/bits.h"
#include "src/x86/acpi_priv.h"
#include "src/x86/layout.h"

enum { CF8_PORT = 0xcf8, CF8_LEN = 8 };

static void host_bridge_crs(struct aml *a, const struct pci_host_layout *pci)
{
	struct aml_crs crs = { .len = 0 };

	aml_crs_window(&crs, AML_SPACE_BUS, 2, 0, pci_layout_buses(pci));
	aml_crs_ports(&crs, CF8_PORT, CF8_LEN);
	if (pci->io.size)
		aml_crs_window(&crs, AML_SPACE_IO, 2, pci->io.base,
			       pci->io.size);
	if (pci->mem32.size)
		aml_crs_window(&crs, AML_SPACE_MEMORY, 4, pci->mem32.base,
			       pci->mem32.size);
	if (pci->mem64.size)
		aml_crs_window(&crs, AML_SPACE_MEMORY, 8, pci->mem64.base,
			       pci->mem64.size);
	aml_name(a, "_CRS");
	aml_resources(a, &crs);
}

/* {address, pin, source, GSI}: ACPI 6.5 6.2.13; source 0: wired to the GSI. */
static void prt_entry(struct aml *a, const struct pci_intx_route *intx)
{
	aml_package(a, 4);
	aml_integer(a, (uint32_t)intx->devfn >> 3 << 16 | 0xffff);
	aml_integer(a, intx->pin - 1u);
	aml_integer(a, 0);
	aml_integer(a, intx->gsi);
	aml_end(a);
}

static void host_bridge_prt(struct aml *a, const struct acpi_params *p)
{
	if (!p->nr_intx)
		return;
	aml_name(a, "_PRT");
	aml_package(a, p->nr_intx);
	for (unsigned int i = 0; i < p->nr_intx; i++)
		prt_entry(a, &p->intx[i]);
	aml_end(a);
}

static void ecam_crs(struct aml *a, const struct pci_host_layout *pci)
{
	struct aml_crs crs = { .len = 0 };

	aml_crs_memory(&crs, (uint32_t)pci->ecam,
		       (uint32_t)MIB(pci_layout_buses(pci)));
	aml_name(a, "_CRS");
	aml_resources(a, &crs);
}

/* _UID is the processor UID of the MADT. */
static void cpu(struct aml *a, unsigned int id)
{
	char name[16];

	snprintf(name, sizeof(name), "C%03X", id);
	aml_device(a, name);
	aml_name(a, "_HID");
	aml_string(a, "ACPI0007");
	aml_name(a, "_UID");
	aml_integer(a, id);
	aml_end(a);
}

/* Linux looks for a keyboard controller only where ACPI names one
 * (i8042_pnp_init). The mouse shares the keyboard's ports. */
static void i8042(struct aml *a)
{
	struct aml_crs keyboard = { .len = 0 }, mouse = { .len = 0 };

	aml_scope(a, "_SB_", NULL);
	aml_device(a, "KBD_");
	aml_name(a, "_HID");
	aml_string(a, "PNP0303");
	aml_crs_ports(&keyboard, X86_I8042_PORT, 1);
	aml_crs_ports(&keyboard, X86_I8042_PORT + 4, 1);
	aml_crs_interrupt(&keyboard, X86_KEYBOARD_GSI);
	aml_name(a, "_CRS");
	aml_resources(a, &keyboard);
	aml_end(a);
	aml_device(a, "MOU_");
	aml_name(a, "_HID");
	aml_string(a, "PNP0F13");
	aml_crs_interrupt(&mouse, X86_MOUSE_GSI);
	aml_name(a, "_CRS");
	aml_resources(a, &mouse);
	aml_end(a);
	aml_end(a);
}

void acpi_ssdt(struct aml *a, const struct acpi_params *p)
{
	aml_scope(a, "_SB_", "PCI0");
	host_bridge_crs(a, p->pci);
	host_bridge_prt(a, p);
	aml_end(a);

	aml_scope(a, "_SB_", "MRES");
	ecam_crs(a, p->pci);
	aml_end(a);

	if (!p->has_serial) {
		aml_scope(a, "_SB_", "COM1");
		aml_name(a, "_STA");
		aml_integer(a, 0);
		aml_end(a);
	}

	if (p->has_i8042)
		i8042(a);

	aml_scope(a, "_SB_", NULL);
	for (unsigned int i = 0; i < p->nr_cpus; i++)
		cpu(a, i);
	aml_end(a);
}
