// SPDX-License-Identifier: GPL-2.0-or-later
/* An IOVA space without a kernel. */
#include <errno.h>
#include <string.h>

#include "tests/fake/iommu.h"

static struct fake_iommu *fake_of(struct iommu *i)
{
	return CONTAINER_OF(i, struct fake_iommu, iommu);
}

static int fake_map(struct iommu *i, const struct mem_region *r, struct err *e)
{
	struct fake_iommu *f = fake_of(i);

	if (f->fail_nth && !--f->fail_nth) {
		errno = f->fail_code;
		return err_sys(e, "fake", "map");
	}
	BUG_ON(f->nr_maps == ARRAY_SIZE(f->maps));
	f->maps[f->nr_maps++] =
		(struct fake_iommu_map){ r->gpa, r->size, r->hva };
	return 0;
}

static void fake_unmap(struct iommu *i, const struct mem_region *r)
{
	struct fake_iommu *f = fake_of(i);

	for (unsigned int n = 0; n < f->nr_maps; n++)
		if (f->maps[n].iova == r->gpa && f->maps[n].size == r->size) {
			f->maps[n] = f->maps[--f->nr_maps];
			return;
		}
	BUG_ON(true);
}

static int fake_ranges(struct iommu *i, struct iova_range *out,
		       unsigned int max, unsigned int *nr, struct err *e)
{
	struct fake_iommu *f = fake_of(i);

	(void)e;
	*nr = f->nr_ranges < max ? f->nr_ranges : max;
	memcpy(out, f->ranges, *nr * sizeof(*out));
	return 0;
}

static int fake_dev_open(struct iommu *i, struct iommu_device *dev, int *fd,
			 int *kvm_fd, struct err *e)
{
	(void)i;
	*fd = -1;
	*kvm_fd = -1;
	return err_set(e, ENODEV, "%s: no devices here", dev->id.name);
}

static void fake_dev_close(struct iommu *i, const char *name)
{
	(void)i;
	(void)name;
}

static void fake_free(struct iommu *i)
{
	(void)i;
}

static const struct iommu_ops fake_ops = {
	.name = "fake",
	.map = fake_map,
	.unmap = fake_unmap,
	.ranges = fake_ranges,
	.dev_open = fake_dev_open,
	.dev_close = fake_dev_close,
	.free = fake_free,
};

void fake_iommu_init(struct fake_iommu *f, const struct host *h)
{
	memset(f, 0, sizeof(*f));
	iommu_init(&f->iommu, &fake_ops, IOMMU_CONTAINER, h);
	f->ranges[0] = (struct iova_range){ 0, UINT64_MAX };
	f->nr_ranges = 1;
	f->iommu.nr_groups = 1;
}
