/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of vendors, devices and classes, from libpci's pci.ids. */
#ifndef STRAIT_TOOLS_COMMON_NAMES_H
#define STRAIT_TOOLS_COMMON_NAMES_H

#include <stddef.h>

#include "src/host/host.h"

struct names;
/* Loads nothing before the first name is asked for. NULL: out of memory. */
struct names *names_new(void);
void names_free(struct names *n);

/* "Intel Corporation 82576 Virtual Function"; IDs where there is no name.
 * Returns buf. */
const char *names_device(struct names *n, const struct host_pci *p, char *buf,
			 size_t len);
/* "Ethernet controller" */
const char *names_class(struct names *n, const struct host_pci *p, char *buf,
			size_t len);

#endif
