// SPDX-License-Identifier: GPL-2.0-or-later
/* IOMMU groups by the kernel's rules, hop by hop. */
/*
 * How this works
 *
 * Functions share a group if the IOMMU cannot tell them apart, or if one can
 * reach the other without passing it. In the kernel's order
 * (pci_device_group in drivers/iommu/iommu.c):
 *
 * 1. Below a bridge to conventional PCI, or of it, all is seen under the
 *    bridge's ID (pci_for_each_dma_alias): the group is the bridge's.
 * 2. Unless the bridge above and all bridges above that enforce ACS
 *    (pci_acs_path_enabled), the group is that of the bridge above. By
 *    induction it reaches to below the lowest bridge from which on all do.
 * 3. Functions of one slot that do not enforce ACS share a group, if the
 *    device has several (get_pci_function_alias_group).
 *
 * "Enforces" is pci_acs_enabled in drivers/pci/pci.c: SV, RR, CR and UF are on
 * as far as they can be switched; a port needs the capability, other functions
 * only if there are several in the slot, and conventional PCI never passes.
 *
 * Each function so leads to one that stands for its group (acs_group_root).
 * What is not here: the kernel's table of devices that isolate in ways of their
 * own (pci_dev_acs_enabled), and of those that send under a wrong ID
 * (quirk_dma_func0_alias and its like). Both show as a difference to the
 * kernel's groups, and so does pcie_acs_override=, a patch of some
 * distributions, which only makes the kernel believe.
 */
#include <linux/pci_regs.h>
#include <stdio.h>
#include <string.h>

#include "iommu/acs.h"
#include "src/base/bits.h"

enum {
	WANTED = PCI_ACS_SV | PCI_ACS_RR | PCI_ACS_CR | PCI_ACS_UF,
	/* Below this config space has no capabilities (topo.h). */
	CFG_KNOWN = 256,
};

/* --- one function --- */

static bool is_known(const struct topo_fn *f)
{
	return f->cfg_len >= CFG_KNOWN;
}

static bool is_conventional(const struct topo_fn *f)
{
	return is_known(f) &&
	       (f->pcie_type < 0 || f->pcie_type == PCI_EXP_TYPE_PCI_BRIDGE ||
		f->pcie_type == PCI_EXP_TYPE_PCIE_BRIDGE);
}

static uint16_t bits_off(const struct topo_fn *f)
{
	return WANTED & f->acs.cap & (uint16_t)~f->acs.ctrl;
}

static enum acs_gap port_gap(const struct topo_fn *f)
{
	if (!f->acs.has_cap)
		return ACS_GAP_NO_CAP;
	return bits_off(f) ? ACS_GAP_CTRL_BITS : ACS_GAP_NONE;
}

/* Why pci_acs_enabled would say no. */
static enum acs_gap own_gap(const struct topo_fn *f)
{
	if (!is_known(f))
		return ACS_GAP_UNKNOWN;
	if (is_conventional(f))
		return ACS_GAP_CONVENTIONAL;
	switch (f->pcie_type) {
	case PCI_EXP_TYPE_RC_EC:
		return ACS_GAP_NO_CAP;
	case PCI_EXP_TYPE_ROOT_PORT:
	case PCI_EXP_TYPE_DOWNSTREAM:
		return port_gap(f);
	default:
		return f->is_multifunction && port_gap(f)
			       ? ACS_GAP_MULTIFUNCTION
			       : ACS_GAP_NONE;
	}
}

/* What cannot be known counts as no gap here, and is told elsewhere. */
static bool is_isolating(const struct topo_fn *f)
{
	enum acs_gap gap = own_gap(f);

	return gap == ACS_GAP_NONE || gap == ACS_GAP_UNKNOWN;
}

static bool is_path_isolating(const struct topo_fn *f)
{
	for (; f; f = f->parent)
		if (!is_isolating(f))
			return false;
	return true;
}

/* --- neighbours: functions are sorted by BDF --- */

static bool on_same_bus(const struct topo_fn *a, const struct topo_fn *b)
{
	return a->pci.bdf.domain == b->pci.bdf.domain &&
	       a->pci.bdf.bus == b->pci.bdf.bus;
}

static bool in_same_slot(const struct topo_fn *a, const struct topo_fn *b)
{
	return on_same_bus(a, b) &&
	       a->pci.bdf.devfn >> 3 == b->pci.bdf.devfn >> 3;
}

static const struct topo_fn *
first_that(const struct topo *t, const struct topo_fn *f,
	   bool (*is_near)(const struct topo_fn *a, const struct topo_fn *b))
{
	while (f > t->fns && is_near(f - 1, f))
		f--;
	return f;
}

/* The first function of f's slot that isolates as little as f does. */
static const struct topo_fn *slot_root(const struct topo *t,
				       const struct topo_fn *f)
{
	const struct topo_fn *p = first_that(t, f, in_same_slot);

	while (p < f && is_isolating(p))
		p++;
	return p;
}

static bool is_shared_slot(const struct topo *t, const struct topo_fn *f)
{
	const struct topo_fn *p = first_that(t, f, in_same_slot);

	for (; p < t->fns + t->nr && in_same_slot(p, f); p++)
		if (p != f && !is_isolating(p))
			return true;
	return false;
}

/* --- groups --- */

/* The bridge under whose ID f is seen: the one nearest to the root. */
static const struct topo_fn *find_alias(const struct topo_fn *f)
{
	const struct topo_fn *found = NULL;

	while ((f = f->parent))
		if (is_conventional(f))
			found = f;
	return found;
}

const struct topo_fn *acs_group_root(const struct topo *t,
				     const struct topo_fn *fn)
{
	const struct topo_fn *alias;

	for (;;) {
		alias = find_alias(fn);
		if (alias)
			fn = alias;
		else if (fn->parent && !is_path_isolating(fn->parent))
			fn = fn->parent;
		else
			break;
	}
	return fn->is_multifunction && !is_isolating(fn) ? slot_root(t, fn)
							 : fn;
}

static bool in_kernel_group(const struct topo_fn *a, const struct topo_fn *b)
{
	return a == b || (a->pci.group >= 0 && a->pci.group == b->pci.group);
}

/* --- the way to the root --- */

static enum acs_gap hop_gap(const struct topo *t, const struct acs_path *p,
			    const struct topo_fn *f, bool is_first)
{
	if (!is_first)
		return own_gap(f);
	if (p->alias)
		return ACS_GAP_CONVENTIONAL;
	if (!f->is_multifunction)
		return ACS_GAP_NONE;
	if (!is_known(f))
		return ACS_GAP_UNKNOWN;
	return !is_isolating(f) && is_shared_slot(t, f) ? ACS_GAP_MULTIFUNCTION
							: ACS_GAP_NONE;
}

static void add_hops(const struct topo *t, const struct topo_fn *fn,
		     struct acs_path *out)
{
	const struct topo_fn *root = acs_group_root(t, fn);

	for (const struct topo_fn *f = fn; f && out->nr < ACS_MAX_HOPS;
	     f = f->parent) {
		struct acs_hop *hop = &out->hops[out->nr++];

		*hop = (struct acs_hop){
			.fn = f,
			.gap = hop_gap(t, out, f, f == fn),
			.in_computed_group = acs_group_root(t, f) == root,
			.in_kernel_group = in_kernel_group(f, fn),
		};
		if (hop->gap == ACS_GAP_CTRL_BITS)
			hop->missing = bits_off(f);
		out->is_unknown |= hop->gap == ACS_GAP_UNKNOWN;
	}
	for (unsigned int i = 0; out->is_unknown && i < out->nr; i++)
		out->hops[i].in_computed_group = out->hops[i].in_kernel_group;
}

/* The kernel's group against the rules, among those on the bus of f. */
static void compare_bus(const struct topo *t, const struct topo_fn *fn,
			const struct topo_fn *f, struct acs_path *out)
{
	const struct topo_fn *root = acs_group_root(t, fn);
	const struct topo_fn *p = first_that(t, f, on_same_bus);

	for (; p < t->fns + t->nr && on_same_bus(p, f); p++) {
		bool is_computed = acs_group_root(t, p) == root;

		/* One without a group is none of the kernel's decisions. */
		if (p->pci.group < 0)
			continue;
		out->is_narrower |= is_computed && !in_kernel_group(p, fn);
		out->is_wider |= !is_computed && in_kernel_group(p, fn);
	}
}

static void find_override(const struct host *h, char *out, size_t len)
{
	static const char word[] = "pcie_acs_override=";
	char line[4096], *rest = line, *at;

	if (host_read(h, line, sizeof(line), "proc/cmdline") < 0)
		return;
	while ((at = strsep(&rest, " \t\n")))
		if (!strncmp(at, word, sizeof(word) - 1))
			snprintf(out, len, "%.*s", (int)len - 1, at);
}

void acs_path(const struct host *h, const struct topo *t,
	      const struct topo_fn *fn, struct acs_path *out)
{
	*out = (struct acs_path){ .alias = find_alias(fn) };
	find_override(h, out->override, sizeof(out->override));
	add_hops(t, fn, out);
	if (out->is_unknown || fn->pci.group < 0)
		return;
	for (unsigned int i = 0; i < out->nr; i++)
		compare_bus(t, fn, out->hops[i].fn, out);
	out->is_overridden = out->is_narrower && out->override[0];
}

/* --- for people --- */

const char *acs_bits(uint16_t bits, char *buf, size_t len)
{
	static const struct {
		uint16_t bit;
		char name[3];
	} names[] = {
		{ PCI_ACS_SV, "SV" }, { PCI_ACS_TB, "TB" },
		{ PCI_ACS_RR, "RR" }, { PCI_ACS_CR, "CR" },
		{ PCI_ACS_UF, "UF" }, { PCI_ACS_EC, "EC" },
		{ PCI_ACS_DT, "DT" },
	};
	size_t n = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (bits & names[i].bit && n + 4 <= len) {
			snprintf(buf + n, len - n, "%s%s", n ? " " : "",
				 names[i].name);
			n = strlen(buf);
		}
	return buf;
}

const char *acs_gap_text(const struct acs_hop *hop, char *buf, size_t len)
{
	static const char through[] =
		"so what is below it can reach others without passing the IOMMU";
	char bits[32];

	buf[0] = '\0';
	switch (hop->gap) {
	case ACS_GAP_NONE:
		break;
	case ACS_GAP_UNKNOWN:
		snprintf(
			buf, len,
			"has capabilities that only root can read, so its ACS is not known");
		break;
	case ACS_GAP_NO_CAP:
		snprintf(buf, len, "has no ACS, %s", through);
		break;
	case ACS_GAP_CTRL_BITS:
		snprintf(buf, len, "has ACS with %s off, %s",
			 acs_bits(hop->missing, bits, sizeof(bits)), through);
		break;
	case ACS_GAP_MULTIFUNCTION:
		snprintf(
			buf, len,
			"shares its slot with functions that no ACS keeps from reaching each other");
		break;
	case ACS_GAP_CONVENTIONAL:
		snprintf(
			buf, len, "%s",
			topo_is_bridge(hop->fn)
				? "is a bridge to or of conventional PCI, behind which all functions have one ID for the IOMMU"
				: "is on a conventional PCI bus, whose functions have one ID for the IOMMU");
		break;
	}
	return buf;
}
