/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * iommufd and its devices, played by this program: what is bound to which
 * context, attached to which IOAS, mapped.
 */
#ifndef STRAIT_TESTS_UNIT_IOMMUFD_FIXTURE_H
#define STRAIT_TESTS_UNIT_IOMMUFD_FIXTURE_H

#include "iommu/iommu_abi.h"
#include "tests/unit/iommu_fixture.h"

static struct kernel {
	unsigned int nr_ioas, nr_bound, nr_attached, nr_maps;
	unsigned int nr_map_file, nr_map;
	uint32_t attached_to;	      /* the last IOAS */
	struct strait_vfio_bind bind; /* the last, and its token */
	uint8_t token[16];
	struct strait_ioas_map map; /* the last of each */
	struct strait_ioas_map_file map_file;
	struct strait_ioas_unmap unmap;
	uint32_t feature; /* flags of the last */
	unsigned int nr_features;
	unsigned int nr_ranges;
	bool no_tokens;
} k;

static struct iommu_device dev, dev2;

static inline int get_ranges(struct strait_ioas_iova_ranges *cmd)
{
	static const struct strait_ioas_range all[] = {
		{ 0, 0xfedfffff }, { 0xfef00000, 0x7fffffffff }
	};
	unsigned int room = cmd->num_iovas;

	CHECK_EQ(cmd->size, sizeof(*cmd));
	cmd->num_iovas = k.nr_ranges;
	for (unsigned int i = 0; i < k.nr_ranges && i < room; i++)
		((struct strait_ioas_range *)(uintptr_t)cmd->allowed_iovas)[i] =
			all[i % 2];
	return k.nr_ranges > room ? answer(-EMSGSIZE) : 0;
}

static inline int context_ioctl(unsigned long request, void *arg)
{
	switch (request) {
	case STRAIT_IOMMU_IOAS_ALLOC:
		((struct strait_ioas_alloc *)arg)->out_ioas_id = ++k.nr_ioas;
		return 0;
	case STRAIT_IOMMU_DESTROY:
		return 0;
	case STRAIT_IOMMU_IOAS_IOVA_RANGES:
		return get_ranges(arg);
	case STRAIT_IOMMU_IOAS_MAP:
		memcpy(&k.map, arg, sizeof(k.map));
		k.nr_map++;
		k.nr_maps++;
		return 0;
	case STRAIT_IOMMU_IOAS_MAP_FILE:
		memcpy(&k.map_file, arg, sizeof(k.map_file));
		k.nr_map_file++;
		k.nr_maps++;
		return 0;
	case STRAIT_IOMMU_IOAS_UNMAP:
		memcpy(&k.unmap, arg, sizeof(k.unmap));
		k.nr_maps--;
		return 0;
	default:
		return answer(-ENOTTY);
	}
}

static inline int bind_device(const struct strait_vfio_bind *bind)
{
	if (k.no_tokens && bind->flags)
		return answer(-EINVAL);
	memset(&k.bind, 0, sizeof(k.bind));
	memcpy(&k.bind, bind, bind->argsz);
	if (bind->flags & STRAIT_VFIO_BIND_FLAG_TOKEN)
		memcpy(k.token, (void *)(uintptr_t)bind->token_uuid_ptr,
		       sizeof(k.token));
	k.nr_bound++;
	return 0;
}

static inline int device_ioctl(unsigned long request, void *arg)
{
	switch (request) {
	case STRAIT_VFIO_BIND_IOMMUFD:
		return bind_device(arg);
	case STRAIT_VFIO_ATTACH_PT:
		k.attached_to = ((struct strait_vfio_attach *)arg)->pt_id;
		k.nr_attached++;
		return 0;
	case STRAIT_VFIO_DETACH_PT:
		k.nr_attached--;
		return 0;
	case VFIO_DEVICE_FEATURE:
		k.feature = ((struct vfio_device_feature *)arg)->flags;
		memcpy(k.token, ((struct vfio_device_feature *)arg)->data,
		       sizeof(k.token));
		k.nr_features++;
		return 0;
	default:
		return answer(-ENOTTY);
	}
}

static inline int kernel_ioctl(const char *path, unsigned long request,
			       void *arg)
{
	if (strstr(path, "/dev/iommu"))
		return context_ioctl(request, arg);
	return strstr(path, "/dev/vfio/devices/vfio")
		       ? device_ioctl(request, arg)
		       : answer(-ENOTTY);
}

static inline void name_device(struct iommu_device *d, struct bdf bdf)
{
	*d = (struct iommu_device){ .fd = -1 };
	CHECK_EQ(host_vfio_by_bdf(&host, bdf, &d->id, &err), 0);
}

static inline void start_host(void)
{
	memset(&k, 0, sizeof(k));
	k.nr_ranges = 2;
	host_start("dev/iommu =\n"
		   "dev/vfio/devices/vfio0 =\n"
		   "dev/vfio/devices/vfio1 =\n" VF_DIR
		   "/vfio-dev/vfio0/dev = 511:0\n" VF2_DIR
		   "/vfio-dev/vfio1/dev = 511:1\n");
	name_device(&dev, vf);
	name_device(&dev2, vf2);
}

static inline void start(void)
{
	start_host();
	CHECK_EQ(iommu_new(&host, IOMMU_IOMMUFD, NULL, 0, &iommu, &err), 0);
}

static inline int open_dev(void)
{
	int fd, kvm_fd;
	int ret = iommu_dev_open(iommu, &dev, &fd, &kvm_fd, &err);

	if (!ret)
		close(fd);
	return ret;
}

#endif
