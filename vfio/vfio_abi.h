/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What linux/vfio.h has since versions newer than the one we build with. */
#ifndef STRAIT_VFIO_VFIO_ABI_H
#define STRAIT_VFIO_VFIO_ABI_H

#include <linux/vfio.h>

/* Linux 6.5: VFIO_DEVICE_GET_PCI_HOT_RESET_INFO on a device cdev. */
#ifndef VFIO_PCI_HOT_RESET_FLAG_DEV_ID
#define VFIO_PCI_HOT_RESET_FLAG_DEV_ID	     (1 << 0)
#define VFIO_PCI_HOT_RESET_FLAG_DEV_ID_OWNED (1 << 1)
/* In the place of group_id. */
#define VFIO_PCI_DEVID_OWNED	 0
#define VFIO_PCI_DEVID_NOT_OWNED (-1)
#endif
_Static_assert(sizeof(struct vfio_pci_dependent_device) == 8, "uapi");
_Static_assert(sizeof(struct vfio_pci_hot_reset_info) == 12, "uapi");
_Static_assert(sizeof(struct vfio_pci_hot_reset) == 12, "uapi");

/* Linux 6.19: a BAR as a dma-buf, for VFIO_DEVICE_FEATURE_GET; the ioctl
 * returns the fd. */
#ifndef VFIO_DEVICE_FEATURE_DMA_BUF
#define VFIO_DEVICE_FEATURE_DMA_BUF 11

struct vfio_region_dma_range {
	__u64 offset;
	__u64 length;
};

struct vfio_device_feature_dma_buf {
	__u32 region_index;
	__u32 open_flags;
	__u32 flags;
	__u32 nr_ranges;
	struct vfio_region_dma_range dma_ranges[];
};
#endif
_Static_assert(sizeof(struct vfio_region_dma_range) == 16, "uapi");
_Static_assert(sizeof(struct vfio_device_feature_dma_buf) == 16, "uapi");
_Static_assert(sizeof(struct vfio_device_feature) == 8, "uapi");

#endif
