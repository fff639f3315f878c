// SPDX-License-Identifier: GPL-2.0-or-later
/* What DMA needs: interrupts that are kept apart, addresses, locked memory. */
/*
 * How this works
 *
 * Interrupt remapping shows in the names of interrupt chips: with it the
 * IOAPIC's is "IR-IO-APIC" and message interrupts have "IR-PCI-MSI..."
 * (drivers/iommu/intel/irq_remapping.c, amd/iommu.c). Everybody may read them,
 * by interrupt in /sys/kernel/irq, or on kernels without that in
 * /proc/interrupts. Without it VFIO wants allow_unsafe_interrupts=1 of the
 * module that makes the mappings (vfio_iommu_type1_attach_group,
 * iommufd_group_setup_msi).
 *
 * Which addresses the IOMMU translates VFIO tells only of a group that is
 * attached; sysfs has the reserved regions and, of Intel's, the width.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "iommu/priv.h"
#include "src/base/bits.h"

/* --- interrupts --- */

enum remapping { REMAP_UNKNOWN, REMAP_OFF, REMAP_ON };

static enum remapping remapping_of(const char *chip)
{
	const char *at = strstr(chip, "IO-APIC");

	if (strstr(chip, "IR-IO-APIC") || strstr(chip, "IR-PCI-MSI"))
		return REMAP_ON;
	/* Message interrupts of some kinds are never remapped; the IOAPIC's
	 * are if anything is. */
	return at ? REMAP_OFF : REMAP_UNKNOWN;
}

static int look_at_line(char *line, void *arg)
{
	enum remapping *r = arg;
	enum remapping here = remapping_of(line);

	if (here > *r)
		*r = here;
	return here == REMAP_ON;
}

static enum remapping find_remapping(const struct host *h)
{
	enum remapping r = REMAP_UNKNOWN;
	char chip[64];

	/* The IOAPIC has the low numbers. */
	for (unsigned int irq = 0; !r && irq < 24; irq++)
		if (host_read(h, chip, sizeof(chip),
			      "sys/kernel/irq/%u/chip_name", irq) > 0)
			r = remapping_of(chip);
	if (!r)
		host_each_line(h, look_at_line, &r, "proc/interrupts");
	return r;
}

static bool is_yes(const struct host *h, const char *module, const char *name)
{
	char text[16];

	return host_read(h, text, sizeof(text), "sys/module/%s/parameters/%s",
			 module, name) > 0 &&
	       (text[0] == 'Y' || text[0] == '1');
}

void judge_interrupts(struct judge *j)
{
	const char *module =
		j->kind == IOMMU_IOMMUFD ? "iommufd" : "vfio_iommu_type1";
	enum remapping r = find_remapping(j->h);
	struct err e = { 0 };

	/* Without an IOMMU there is nothing that could. */
	if (j->dev.group < 0)
		return;
	iommu_hint_interrupts(module, &e);
	if (r == REMAP_ON)
		judge_say(j, "interrupt-remapping", FINDING_OK, "",
			  "the host remaps interrupts");
	else if (r == REMAP_UNKNOWN)
		judge_say(
			j, "interrupt-remapping", FINDING_UNKNOWN, "",
			"whether the host remaps interrupts does not show in its interrupts' names");
	else if (is_yes(j->h, module, "allow_unsafe_interrupts"))
		judge_say(
			j, "interrupt-remapping", FINDING_WARNING, e.hint,
			"the host does not remap interrupts, and %s is told to allow that",
			module);
	else
		judge_say(j, "interrupt-remapping", FINDING_BLOCKER, e.hint,
			  "the host does not remap interrupts");
}

/* --- addresses --- */

/*
 * As src/x86/layout.h has it (X86_RAM_BELOW_4G_MAX, X86_HT_HOLE_START and
 * _END), which iommu may not include; a unit test compares the two.
 */
#define RAM_BELOW_4G_MAX GIB(3)
#define HT_HOLE_START	 0xfd00000000ULL
#define HT_HOLE_END	 0x10000000000ULL

static unsigned int take(struct iova_range *out, uint64_t first, uint64_t end,
			 uint64_t *left)
{
	uint64_t size = *left < end - first ? *left : end - first;

	if (!size)
		return 0;
	*out = (struct iova_range){ first, first + size - 1 };
	*left -= size;
	return 1;
}

unsigned int verdict_place_ram(uint64_t size, bool avoid_ht_hole,
			       struct iova_range out[VERDICT_MAX_RAM])
{
	unsigned int n = 0;

	n += take(&out[n], 0, RAM_BELOW_4G_MAX, &size);
	n += take(&out[n], GIB(4), avoid_ht_hole ? HT_HOLE_START : UINT64_MAX,
		  &size);
	n += take(&out[n], HT_HOLE_END, UINT64_MAX, &size);
	return n;
}

/*
 * Bits of an address that the function's IOMMU translates; 64 if that is not
 * known. VT-d 4.1, 11.4.2: MGAW in bits 21:16, page table levels in 12:8.
 */
static unsigned int iommu_width(const struct judge *j)
{
	unsigned int width, levels = 30;
	char text[32];
	uint64_t cap;

	if (host_read(j->h, text, sizeof(text), "%s/iommu/intel-iommu/cap",
		      j->dev.dir) < 0 ||
	    sscanf(text, "%" SCNx64, &cap) != 1)
		return 64;
	width = (cap >> 16 & 0x3f) + 1;
	for (unsigned int i = 0; i < 5; i++)
		if (cap >> (8 + i) & 1)
			levels = 30 + 9 * i;
	return width < levels ? width : levels;
}

static void judge_ram(struct judge *j)
{
	struct iova_range ranges[IOMMU_MAX_RANGES], ram[VERDICT_MAX_RAM];
	unsigned int nr_ram, nr;
	struct err e = { 0 };
	int ret = 0;

	nr = iommu_sysfs_ranges(j->h, j->dev.group, iommu_width(j), ranges,
				IOMMU_MAX_RANGES);
	nr_ram = verdict_place_ram(j->o->memory, iommu_is_amd(j->h), ram);
	for (unsigned int i = 0; !ret && i < nr_ram; i++)
		ret = iommu_check_range(j->h, &j->dev.group, 1, ranges, nr,
					ram[i], &e);
	if (ret)
		judge_say_err(j, "reserved-regions", FINDING_BLOCKER, &e);
	else
		judge_say(
			j, "reserved-regions", FINDING_OK, "",
			"a guest of that size fits between the regions that the host reserves");
}

void judge_reserved(struct judge *j)
{
	struct err e = { .code = EPERM };
	bool is_claimed;

	if (j->dev.group < 0)
		return;
	is_claimed = iommu_hint_rmrr(j->h, j->dev.group, &e);
	if (is_claimed)
		judge_say(
			j, "reserved-regions", FINDING_BLOCKER, e.hint,
			"firmware wants to go on using memory by a function of its group");
	if (j->o->memory)
		judge_ram(j);
	else if (!is_claimed)
		judge_say(j, "reserved-regions", FINDING_OK, "",
			  "firmware claims no memory for it");
}

void judge_memlock(struct judge *j)
{
	struct err e = { 0 };

	if (!j->o->memory)
		return;
	if (j->is_record)
		judge_say(j, "memlock", FINDING_UNKNOWN, "",
			  "limits of processes are not in a record");
	else if (iommu_check_memlock(j->h, j->kind, j->o->memory, &e))
		judge_say_err(j, "memlock", FINDING_BLOCKER, &e);
	else
		judge_say(
			j, "memlock", FINDING_OK, "",
			"RLIMIT_MEMLOCK lets a guest of that size be locked for DMA");
}
