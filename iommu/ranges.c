// SPDX-License-Identifier: GPL-2.0-or-later
/* Which addresses devices can reach: guest RAM against IOVA ranges. */
/*
 * How this works
 *
 * An IOMMU translates a limited set of addresses: its width ends them above,
 * and holes are reserved for interrupt messages or for what firmware uses.
 * RAM is mapped at IOVA = GPA, so RAM over a hole cannot work: the kernel would
 * say EINVAL and nothing else. The ranges of the back end say where the holes
 * are; sysfs (kernel/iommu_groups/N/reserved_regions, lines of "first last
 * type") says why. Both are looked at before anything is mapped.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "iommu/iommu.h"
#include "iommu/priv.h"

struct resv_search {
	struct iova_range in;
	const char *type;
	struct iommu_resv *out;
};

static int resv_line(char *line, void *arg)
{
	struct resv_search *s = arg;
	struct iommu_resv r;

	if (sscanf(line, "%" SCNx64 " %" SCNx64 " %31s", &r.range.first,
		   &r.range.last, r.type) != 3)
		return 0;
	if (r.range.first > s->in.last || r.range.last < s->in.first)
		return 0;
	if (s->type && strcmp(s->type, r.type) != 0)
		return 0;
	*s->out = r;
	return 1;
}

bool iommu_resv_find(const struct host *h, int group, struct iova_range in,
		     const char *type, struct iommu_resv *out)
{
	struct resv_search s = { .in = in, .type = type, .out = out };

	return host_each_line(h, resv_line, &s,
			      "sys/kernel/iommu_groups/%d/reserved_regions",
			      group) == 1;
}

/* The first part of ram that no range holds. False if there is none. */
static bool first_hole(struct iova_range ram, const struct iova_range *ranges,
		       unsigned int nr, struct iova_range *hole)
{
	iova_t at = ram.first;

	for (unsigned int n = 0; n < nr; n++) {
		if (ranges[n].last < at)
			continue;
		if (ranges[n].first > at) {
			hole->first = at;
			hole->last = ranges[n].first - 1;
			if (hole->last > ram.last)
				hole->last = ram.last;
			return true;
		}
		if (ranges[n].last >= ram.last)
			return false;
		at = ranges[n].last + 1;
	}
	hole->first = at;
	hole->last = ram.last;
	return true;
}

static const char *resv_meaning(const char *type)
{
	if (strcmp(type, "msi") == 0)
		return "interrupt messages";
	if (strncmp(type, "direct", strlen("direct")) == 0)
		return "a device that firmware uses (RMRR or IVMD)";
	return "the platform";
}

static void explain_hole(const struct host *h, const int *groups,
			 unsigned int nr_groups, struct iova_range hole,
			 iova_t highest, struct err *e)
{
	struct iommu_resv resv;

	for (unsigned int n = 0; n < nr_groups; n++) {
		if (!iommu_resv_find(h, groups[n], hole, NULL, &resv))
			continue;
		err_hint(
			e,
			"the host reserves 0x%" PRIx64 "-0x%" PRIx64
			" (%s) for %s, see /sys/kernel/iommu_groups/%d/reserved_regions; use less memory, so that guest RAM ends below it",
			resv.range.first, resv.range.last, resv.type,
			resv_meaning(resv.type), groups[n]);
		return;
	}
	if (hole.first > highest)
		err_hint(e,
			 "this IOMMU translates addresses up to 0x%" PRIx64
			 "; use less memory, so that guest RAM ends below that",
			 highest);
	else
		err_hint(e, "use less memory, so that guest RAM ends below it");
}

int iommu_check_range(const struct host *h, const int *groups,
		      unsigned int nr_groups, const struct iova_range *ranges,
		      unsigned int nr, struct iova_range ram, struct err *e)
{
	struct iova_range hole;

	if (!first_hole(ram, ranges, nr, &hole))
		return 0;
	err_set(e, EINVAL,
		"guest RAM 0x%" PRIx64 "-0x%" PRIx64
		": devices cannot reach 0x%" PRIx64 "-0x%" PRIx64
		", the host's IOMMU does not translate it",
		ram.first, ram.last, hole.first, hole.last);
	explain_hole(h, groups, nr_groups, hole, ranges[nr - 1].last, e);
	return -EINVAL;
}

int iommu_check_ram(struct iommu *i, gpa_t gpa, uint64_t size, struct err *e)
{
	struct iova_range ranges[IOMMU_MAX_RANGES];
	struct iova_range ram = { .first = gpa, .last = gpa + size - 1 };
	unsigned int nr;
	int ret = iommu_ranges(i, ranges, IOMMU_MAX_RANGES, &nr, e);

	return ret ? ret
		   : iommu_check_range(i->host, i->groups, i->nr_groups, ranges,
				       nr, ram, e);
}

/* --- what sysfs says of the ranges before a device is open --- */

struct range_list {
	struct iova_range *ranges;
	unsigned int nr, max;
};

/* Takes a reserved region out of the last range; they come in ascending order,
 * overlapping perhaps. */
static int cut_line(char *line, void *arg)
{
	struct range_list *l = arg;
	struct iova_range *last = &l->ranges[l->nr - 1], resv;
	char type[IOMMU_RESV_TYPE_LEN];

	if (sscanf(line, "%" SCNx64 " %" SCNx64 " %31s", &resv.first,
		   &resv.last, type) != 3 ||
	    strcmp(type, "direct-relaxable") == 0 || resv.last < last->first ||
	    resv.first > last->last)
		return 0;
	if (resv.last >= last->last) {
		if (resv.first > last->first)
			last->last = resv.first - 1;
		else if (l->nr > 1)
			l->nr--;
		return 0;
	}
	if (resv.first > last->first && l->nr < l->max) {
		last[1] = (struct iova_range){ resv.last + 1, last->last };
		last->last = resv.first - 1;
		l->nr++;
	} else {
		last->first = resv.last + 1;
	}
	return 0;
}

unsigned int iommu_sysfs_ranges(const struct host *h, int group,
				unsigned int width, struct iova_range *out,
				unsigned int max)
{
	struct range_list l = { .ranges = out, .nr = 1, .max = max };

	out[0] = (struct iova_range){ 0, width < 64 ? (1ULL << width) - 1
						    : UINT64_MAX };
	host_each_line(h, cut_line, &l,
		       "sys/kernel/iommu_groups/%d/reserved_regions", group);
	return l.nr;
}
