/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files that write ACPI tables. */
#ifndef STRAIT_X86_ACPI_PRIV_H
#define STRAIT_X86_ACPI_PRIV_H

#include "src/x86/acpi.h"
#include "src/x86/aml.h"

/* The AML of the SSDT, without its header. */
void acpi_ssdt(struct aml *a, const struct acpi_params *p);

#endif
