/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kernel interfaces that the headers of Linux 6.1 do not have: linux/iommufd.h
 * (6.2), a device's own file in linux/vfio.h (6.6), mapping of files (6.13), VF
 * tokens for it (6.18). Values and layouts are those of the kernel's headers.
 */
#ifndef STRAIT_IOMMU_IOMMU_ABI_H
#define STRAIT_IOMMU_IOMMU_ABI_H

#include <linux/types.h>
#include <linux/vfio.h>
#include <sys/ioctl.h>

/* --- /dev/iommu; every structure starts with its size --- */

#define STRAIT_IOMMUFD(nr)	      _IO(';', nr)
#define STRAIT_IOMMU_DESTROY	      STRAIT_IOMMUFD(0x80)
#define STRAIT_IOMMU_IOAS_ALLOC	      STRAIT_IOMMUFD(0x81)
#define STRAIT_IOMMU_IOAS_IOVA_RANGES STRAIT_IOMMUFD(0x84)
#define STRAIT_IOMMU_IOAS_MAP	      STRAIT_IOMMUFD(0x85)
#define STRAIT_IOMMU_IOAS_UNMAP	      STRAIT_IOMMUFD(0x86)
#define STRAIT_IOMMU_IOAS_MAP_FILE    STRAIT_IOMMUFD(0x8f)

struct strait_iommu_destroy {
	__u32 size;
	__u32 id;
};

struct strait_ioas_alloc {
	__u32 size;
	__u32 flags;
	__u32 out_ioas_id;
};

struct strait_ioas_range {
	__u64 start;
	__u64 last;
};

struct strait_ioas_iova_ranges {
	__u32 size;
	__u32 ioas_id;
	__u32 num_iovas; /* room, then how many there are */
	__u32 reserved;
	__u64 allowed_iovas; /* pointer to struct strait_ioas_range */
	__u64 out_iova_alignment;
};

enum {
	STRAIT_IOAS_MAP_FIXED_IOVA = 1 << 0,
	STRAIT_IOAS_MAP_WRITEABLE = 1 << 1,
	STRAIT_IOAS_MAP_READABLE = 1 << 2,
};

struct strait_ioas_map {
	__u32 size;
	__u32 flags;
	__u32 ioas_id;
	__u32 reserved;
	__u64 user_va;
	__u64 length;
	__u64 iova;
};

struct strait_ioas_map_file {
	__u32 size;
	__u32 flags;
	__u32 ioas_id;
	__s32 fd; /* of a memfd, or from Linux 6.19 a dma-buf */
	__u64 start;
	__u64 length;
	__u64 iova;
};

struct strait_ioas_unmap {
	__u32 size;
	__u32 ioas_id;
	__u64 iova;
	__u64 length;
};

/* --- /dev/vfio/devices/vfioN; argsz as everywhere in VFIO --- */

#define STRAIT_VFIO_BIND_IOMMUFD _IO(VFIO_TYPE, VFIO_BASE + 18)
#define STRAIT_VFIO_ATTACH_PT	 _IO(VFIO_TYPE, VFIO_BASE + 19)
#define STRAIT_VFIO_DETACH_PT	 _IO(VFIO_TYPE, VFIO_BASE + 20)

enum { STRAIT_VFIO_BIND_FLAG_TOKEN = 1 << 0 };

struct strait_vfio_bind {
	__u32 argsz;
	__u32 flags;
	__s32 iommufd;
	__u32 out_devid;
	__u64 token_uuid_ptr; /* 16 bytes, in the order of the text */
};
/* Before Linux 6.18 it ended before the token. */
enum { STRAIT_VFIO_BIND_SIZE_6_6 = 16 };

struct strait_vfio_attach {
	__u32 argsz;
	__u32 flags;
	__u32 pt_id;
};

struct strait_vfio_detach {
	__u32 argsz;
	__u32 flags;
};

_Static_assert(sizeof(struct strait_iommu_destroy) == 8, "kernel ABI");
_Static_assert(sizeof(struct strait_ioas_alloc) == 12, "kernel ABI");
_Static_assert(sizeof(struct strait_ioas_range) == 16, "kernel ABI");
_Static_assert(sizeof(struct strait_ioas_iova_ranges) == 32, "kernel ABI");
_Static_assert(sizeof(struct strait_ioas_map) == 40, "kernel ABI");
_Static_assert(sizeof(struct strait_ioas_map_file) == 40, "kernel ABI");
_Static_assert(sizeof(struct strait_ioas_unmap) == 24, "kernel ABI");
_Static_assert(sizeof(struct strait_vfio_bind) == 24, "kernel ABI");
_Static_assert(sizeof(struct strait_vfio_attach) == 12, "kernel ABI");
_Static_assert(sizeof(struct strait_vfio_detach) == 8, "kernel ABI");

#endif
