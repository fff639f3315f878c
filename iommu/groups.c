// SPDX-License-Identifier: GPL-2.0-or-later
/* Can a function be opened through VFIO, and if not, why? */
/*
 * How this works
 *
 * The kernel's answers are EPERM, EBUSY, ENOENT or a driver that does not bind;
 * the reasons are all in sysfs, so they are looked up before anything is
 * changed, from the machine (is there an IOMMU?) down to the node in /dev.
 *
 * Who may sit in a group beside an assigned function: since Linux 5.19 a
 * driver takes the group's DMA for the kernel when it binds, unless it sets
 * driver_managed_dma (pci_dma_configure in drivers/pci/pci-driver.c), and
 * VFIO's claim then fails with EPERM (iommu_group_claim_dma_owner). Of the
 * drivers for PCI these set it: pcieport (c7d469849747), pci-stub
 * (18c7a349d072), vfio-pci and its variants (70693f470848). Others on bridges,
 * shpchp for one, were tolerated before and are not any more. A function
 * without a driver is no obstacle.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "iommu/priv.h"

/* --- is there an IOMMU? --- */

/* Finds one of the words that switch an IOMMU off; NULL without. */
static const char *off_switch(const struct host *h)
{
	static const char *const words[] = { "intel_iommu=off", "amd_iommu=off",
					     "iommu=off" };
	char line[4096];

	if (host_read(h, line + 1, sizeof(line) - 1, "proc/cmdline") < 0)
		return NULL;
	line[0] = ' ';
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		char word[32];
		const char *at;

		snprintf(word, sizeof(word), " %s", words[i]);
		at = strstr(line, word);
		if (at && (!at[strlen(word)] || at[strlen(word)] == ' '))
			return words[i];
	}
	return NULL;
}

struct cpu {
	bool intel, amd, virtual;
};

static int read_cpu(char *line, void *arg)
{
	struct cpu *c = arg;

	if (!strncmp(line, "vendor_id", 9)) {
		c->intel = strstr(line, "GenuineIntel");
		c->amd = strstr(line, "AuthenticAMD") ||
			 strstr(line, "HygonGenuine");
	} else if (!strncmp(line, "flags", 5)) {
		c->virtual = strstr(line, " hypervisor");
		return 1;
	}
	return 0;
}

bool iommu_is_amd(const struct host *h)
{
	struct cpu c = { 0 };

	host_each_line(h, read_cpu, &c, "proc/cpuinfo");
	return c.amd;
}

static bool has_table(const struct host *h, const char *name)
{
	return host_exists(h, "sys/firmware/acpi/tables/%s", name);
}

static void hint_no_hardware(const struct host *h, struct err *e)
{
	struct cpu c = { 0 };

	host_each_line(h, read_cpu, &c, "proc/cpuinfo");
	if (c.virtual)
		err_hint(
			e,
			"this machine is itself a virtual machine: give it a virtual IOMMU (with QEMU: -device intel-iommu,intremap=on)");
	else if (c.intel)
		err_hint(
			e,
			"switch on VT-d in the firmware set-up, then boot with intel_iommu=on");
	else
		err_hint(e, "switch on the IOMMU (%s) in the firmware set-up",
			 c.amd ? "AMD-Vi" : "VT-d or AMD-Vi");
}

/* Without groups there is no IOMMU in use: off, not enabled, or not there. */
static int no_iommu(const struct host *h, const char *who, struct err *e)
{
	const char *word = off_switch(h);
	int ret;

	if (word) {
		ret = err_set(
			e, ENODEV,
			"%s: the IOMMU is switched off by %s on the kernel command line",
			who, word);
		err_hint(e, "take that word out and reboot");
	} else if (has_table(h, "DMAR")) {
		ret = err_set(
			e, ENODEV,
			"%s: this machine has an Intel IOMMU that the kernel does not use",
			who);
		err_hint(e,
			 "boot with intel_iommu=on on the kernel command line");
	} else if (has_table(h, "IVRS") || has_table(h, "VIOT") ||
		   host_has_entries(h, "sys/class/iommu")) {
		ret = err_set(
			e, ENODEV,
			"%s: this machine has an IOMMU that the kernel does not use",
			who);
		err_hint(
			e,
			"the kernel log says why (dmesg | grep -i -e AMD-Vi -e iommu)");
	} else {
		ret = err_set(
			e, ENODEV,
			"%s: this machine shows no IOMMU, without which no device can be assigned",
			who);
		hint_no_hardware(h, e);
	}
	return ret;
}

int iommu_check_in_group(const struct host *h, const struct host_vfio *dev,
			 struct err *e)
{
	const char *who = dev->name;
	char name[HOST_NAME_LEN] = "";
	int ret;

	if (dev->group < 0 && !host_has_entries(h, "sys/kernel/iommu_groups"))
		return no_iommu(h, who, e);
	if (dev->group < 0) {
		ret = err_set(
			e, ENODEV,
			"%s: it is in no IOMMU group, though other functions are",
			who);
		err_hint(
			e,
			"no IOMMU covers its part of the machine: try another slot, and see dmesg | grep -i -e DMAR -e AMD-Vi");
		return ret;
	}
	/* Named by vfio_noiommu_group_alloc in drivers/vfio/group.c. */
	host_read(h, name, sizeof(name), "sys/kernel/iommu_groups/%d/name",
		  dev->group);
	if (strcmp(name, "vfio-noiommu"))
		return 0;
	ret = err_set(
		e, ENODEV,
		"%s: its group %d has no IOMMU (vfio-noiommu): the device could write to all memory of the host, and cannot find the guest's",
		who, dev->group);
	err_hint(e,
		 "switch on the IOMMU in the firmware set-up and the kernel");
	return ret;
}

/* --- other functions of the group --- */

static bool is_tolerated(const char *driver)
{
	return !driver[0] || !strcmp(driver, "pcieport") ||
	       !strcmp(driver, "pci-stub") || host_is_vfio_driver(driver);
}

static bool is_in(const struct iommu_to_bind *l, struct bdf bdf)
{
	for (unsigned int i = 0; i < l->nr; i++)
		if (bdf_equal(l->bdfs[i], bdf))
			return true;
	return false;
}

/* What fits into a message and a hint with room for the rest. */
enum { LIST_LEN = 360 };

struct blockers {
	const struct host *h;
	const struct host_vfio *self;
	const struct iommu_to_bind *to_bind;
	unsigned int nr, nr_listed, nr_in_bdfs;
	char list[LIST_LEN]; /* "BDF (driver), BDF (driver)" */
	char bdfs[LIST_LEN]; /* "BDF BDF" */
	struct err in_use;   /* the first one that the host cannot miss */
	struct iommu_others others;
};

/* Appends or leaves buf as it is; true if it fit. */
static bool append(char *buf, const char *sep, const char *text,
		   const char *driver)
{
	size_t n = strlen(buf);
	int more = snprintf(buf + n, LIST_LEN - n, "%s%s%s%s%s", n ? sep : "",
			    text, driver ? " (" : "", driver ? driver : "",
			    driver ? ")" : "");

	if (more >= 0 && (size_t)more < LIST_LEN - n)
		return true;
	buf[n] = '\0';
	return false;
}

static void add_blocker(struct blockers *b, const char *name,
			const char *driver)
{
	b->nr++;
	/* In order and without gaps: after one that did not fit, only count. */
	if (b->nr_listed == b->nr - 1 && append(b->list, ", ", name, driver))
		b->nr_listed++;
}

static int look_at(struct bdf bdf, const char *driver, void *arg)
{
	struct blockers *b = arg;
	char name[BDF_STR_LEN];
	bool is_to_bind = is_in(b->to_bind, bdf);

	if (!strcmp(bdf_str(bdf, name), b->self->name))
		return 0;
	b->others.nr++;
	b->others.nr_to_bind += is_to_bind;
	if (is_to_bind || is_tolerated(driver))
		return 0;
	add_blocker(b, name, driver);
	if (!append(b->bdfs, " ", name, NULL))
		return 0;
	b->nr_in_bdfs++;
	/* Of those that the hint names: it looks at all that the host has. */
	if (!b->in_use.code)
		host_in_use(b->h, bdf, &b->in_use);
	return 0;
}

static void hint_blockers(const struct blockers *b, const char *other,
			  struct err *e)
{
	char rest[48] = "";

	if (b->nr > b->nr_in_bdfs)
		snprintf(rest, sizeof(rest), ", and the same for %u others",
			 b->nr - b->nr_in_bdfs);
	if (b->in_use.code)
		err_hint(
			e,
			"the host itself needs one of them: %.200s: %.100s, or put the card into another slot",
			b->in_use.msg, b->in_use.hint);
	else if (other)
		err_hint(
			e,
			"%s is no PCI function: only another slot, or a host without its driver, helps",
			other);
	else if (b->nr == 1)
		err_hint(
			e,
			"free it: echo %s > /sys/bus/pci/devices/%s/driver/unbind",
			b->bdfs, b->bdfs);
	else
		err_hint(
			e,
			"free them: for d in %s; do echo $d > /sys/bus/pci/devices/$d/driver/unbind; done%s",
			b->bdfs, rest);
}

int iommu_check_members(const struct host *h, const struct host_vfio *dev,
			const struct iommu_to_bind *to_bind,
			struct iommu_others *others, struct err *e)
{
	struct blockers b = { .h = h, .self = dev, .to_bind = to_bind };
	struct host_other other;
	char more[32] = "";
	bool has_other;
	int ret;

	ret = host_group_each(h, dev->group, look_at, &b, e);
	if (ret)
		return ret;
	if (others)
		*others = b.others;
	/* A mediated device is alone in its group, and on its driver. */
	has_other = host_group_other(h, dev->group, &other) &&
		    strcmp(other.name, dev->name) != 0;
	if (has_other)
		add_blocker(&b, other.name, other.driver);
	if (!b.nr)
		return 0;
	if (b.nr > b.nr_listed)
		snprintf(more, sizeof(more), " and %u more",
			 b.nr - b.nr_listed);
	ret = err_set(
		e, EPERM,
		"%s: its IOMMU group %d is not viable, the host's drivers hold others of it: %s%s",
		dev->name, dev->group, b.list, more);
	hint_blockers(&b, has_other ? other.name : NULL, e);
	return ret;
}

/* --- the function itself --- */

static int check_self(const struct host_vfio *dev, const char *driver,
		      struct err *e)
{
	int ret;

	if (host_is_vfio_driver(driver))
		return 0;
	if (driver[0])
		ret = err_set(e, ENODEV, "%s: it is bound to %s, not vfio-pci",
			      dev->name, driver);
	else
		ret = err_set(e, ENODEV, "%s: it is not bound to vfio-pci",
			      dev->name);
	err_hint(
		e,
		"leave out managed=off to have it bound, or: driverctl set-override %s vfio-pci",
		dev->name);
	return ret;
}

static int check_dev(const struct host *h, const struct host_vfio *dev,
		     const char *driver, const struct iommu_to_bind *to_bind,
		     struct err *e)
{
	int ret = iommu_check_in_group(h, dev, e);

	if (!ret && dev->is_pci && !is_in(to_bind, dev->bdf))
		ret = check_self(dev, driver, e);
	return ret ? ret : iommu_check_members(h, dev, to_bind, NULL, e);
}

int iommu_group_check_dev(const struct host *h, const struct host_vfio *dev,
			  bool with_nodes, enum iommu_kind kind, struct err *e)
{
	const struct iommu_to_bind none = { 0 };
	struct host_pci pci = { 0 };
	int ret = dev->is_pci ? host_pci_get(h, dev->bdf, &pci, e) : 0;

	if (!ret)
		ret = check_dev(h, dev, pci.driver, &none, e);
	if (!ret && with_nodes)
		ret = iommu_node_check(h, dev, kind, true, e);
	return ret;
}

int iommu_group_check_with(const struct host *h, struct bdf bdf,
			   const struct iommu_to_bind *to_bind, struct err *e)
{
	struct host_vfio dev;
	struct host_pci pci;
	int ret;

	if ((ret = host_vfio_by_bdf(h, bdf, &dev, e)) ||
	    (ret = host_pci_get(h, bdf, &pci, e)) ||
	    (ret = check_dev(h, &dev, pci.driver, to_bind, e)))
		return ret;
	return iommu_node_check(h, &dev, to_bind->kind,
				host_is_vfio_driver(pci.driver), e);
}

int iommu_group_check(const struct host *h, struct bdf bdf,
		      bool ignore_driver_of_self, struct err *e)
{
	const struct iommu_to_bind self = { .bdfs = &bdf,
					    .nr = ignore_driver_of_self };

	return iommu_group_check_with(h, bdf, &self, e);
}
