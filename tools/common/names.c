// SPDX-License-Identifier: GPL-2.0-or-later
/* Names of PCI vendors, devices and classes. */
#include <stdio.h>
#include <stdlib.h>

#include <pci/pci.h>

#include "tools/common/names.h"

/* pci.ids alone: udev's database has the same, and libpci leaks its handle. */
enum { SOURCES = PCI_LOOKUP_NO_HWDB };

struct names {
	struct pci_access *access;
};

/* libpci would end the program; without names there are still IDs. */
// NOLINTNEXTLINE(readability-non-const-parameter): the type of libpci
static void stay_quiet(char *fmt, ...)
{
	(void)fmt;
}

struct names *names_new(void)
{
	struct names *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->access = pci_alloc();
	n->access->warning = stay_quiet;
	n->access->debug = stay_quiet;
	return n;
}

void names_free(struct names *n)
{
	if (!n)
		return;
	pci_cleanup(n->access);
	free(n);
}

const char *names_device(struct names *n, const struct host_pci *p, char *buf,
			 size_t len)
{
	return pci_lookup_name(n->access, buf, (int)len,
			       PCI_LOOKUP_VENDOR | PCI_LOOKUP_DEVICE | SOURCES,
			       p->vendor, p->device);
}

const char *names_class(struct names *n, const struct host_pci *p, char *buf,
			size_t len)
{
	return pci_lookup_name(n->access, buf, (int)len,
			       PCI_LOOKUP_CLASS | SOURCES, p->class_code >> 8);
}
