/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ACPI tables: how the guest finds CPUs, PCI, serial port, power-off, reset. */
#ifndef STRAIT_X86_ACPI_H
#define STRAIT_X86_ACPI_H

#include "pci/pci.h"
#include "src/base/err.h"
#include "src/base/types.h"

struct acpi_params {
	unsigned int nr_cpus; /* 1 to 255; APIC IDs are 0 to nr_cpus - 1 */
	bool has_serial;      /* a 16550A at X86_SERIAL_PORT */
	bool has_i8042;	      /* keyboard and mouse at X86_I8042_PORT */
	/* Windows of size 0 are left out. ECAM and mem32 lie below 4 GiB. */
	const struct pci_host_layout *pci;
	/* INTx of bus 0, each device and pin once: see pci_intx_routes. */
	const struct pci_intx_route *intx;
	unsigned int nr_intx;
};

/*
 * Writes RSDP and tables to buf, which stands for guest memory from
 * X86_ACPI_GPA on. The RSDP comes first, so that is its address too. *used is
 * the length written. -ENOSPC if len bytes do not hold them; 128 KiB always
 * do. The tables hold no state: a guest that restarts gets the same bytes.
 */
int acpi_build(const struct acpi_params *p, uint8_t *buf, size_t len,
	       size_t *used, struct err *e);

#endif
