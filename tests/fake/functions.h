/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PCI functions with config space and IOMMU groups for a tree. */
#ifndef STRAIT_TESTS_FAKE_FUNCTIONS_H
#define STRAIT_TESTS_FAKE_FUNCTIONS_H

#include "tests/fake/tree.h"

/* The bits of ACS that isolation asks for: SV, RR, CR, UF. */
enum { FUNCTION_ACS = 0x1d };

struct function {
	/* Below sys/devices: "pci0000:00/0000:00:01.0/0000:01:00.0". */
	const char *path;
	int group; /* -1: none */
	const char *driver;
	int type; /* PCI_EXP_TYPE_*, -1: conventional PCI */
	bool is_bridge, is_multi, has_acs, has_ari, forwards_ari;
	uint16_t acs_cap, acs_ctrl;
	unsigned int cfg_len; /* 0: 4096, or 256 of conventional PCI */
	bool has_no_config;
	const char *pf; /* of a VF, its BDF */
};

/* Adds files and links of one; fns is ended by one without a path. */
void function_add(struct tree *t, const struct function *f);
void functions_add(struct tree *t, const struct function *fns);

#endif
