/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Physical functions through VFIO, as guest PCI functions.
 *
 * struct vfio_ops is the seam to the kernel: kernel.c does ioctls on a device
 * fd, tests/fake/vfio.c plays a device. Everything else here is written
 * against the seam.
 */
#ifndef STRAIT_VFIO_VFIO_H
#define STRAIT_VFIO_VFIO_H

#include <linux/vfio.h>

#include "iommu/iommu.h"
#include "pci/pci.h"
#include "src/core/irq.h"
#include "src/core/loop.h"
#include "src/core/mem.h"

struct vfio_sparse_area {
	uint64_t offset, size;
};
enum { VFIO_MAX_SPARSE = 16 };

struct vfio_region {
	uint64_t size;
	uint32_t flags; /* VFIO_REGION_INFO_FLAG_* */
	/* Mappable parts; one area of the whole region if the kernel names
	 * none. */
	struct vfio_sparse_area areas[VFIO_MAX_SPARSE];
	unsigned int nr_areas;
	/* VFIO_REGION_INFO_CAP_MSIX_MAPPABLE seen: the MSI-X page may be mapped
	 * as well. */
	bool msix_mappable;
};

/* What set_irqs does to vectors [start, start + nr) of an index. */
struct vfio_irqs {
	unsigned int index; /* VFIO_PCI_MSIX_IRQ_INDEX and so on */
	uint32_t action;    /* VFIO_IRQ_SET_ACTION_* */
	unsigned int start, nr;
	const int *eventfds; /* nr of them, -1: none; NULL: act now */
};

/* What a hot reset hits; see linux/vfio.h for at[] and flags. */
enum { VFIO_MAX_AFFECTED = 256 };
struct vfio_affected {
	uint32_t flags;
	unsigned int nr;
	struct vfio_pci_dependent_device at[VFIO_MAX_AFFECTED];
};

struct vfio_dev;
struct vfio_ops {
	int (*info)(struct vfio_dev *d, struct vfio_device_info *out,
		    struct err *e);
	int (*region_info)(struct vfio_dev *d, unsigned int index,
			   struct vfio_region *out, struct err *e);
	int (*irq_info)(struct vfio_dev *d, unsigned int index,
			struct vfio_irq_info *out, struct err *e);
	/* Whole access or -errno; no struct err: on guest paths. */
	int (*region_read)(struct vfio_dev *d, unsigned int index, uint64_t off,
			   void *buf, unsigned int len);
	int (*region_write)(struct vfio_dev *d, unsigned int index,
			    uint64_t off, const void *buf, unsigned int len);
	/* mmap of part of a region, page-aligned; *hva is undone by
	 * region_unmap. */
	int (*region_map)(struct vfio_dev *d, unsigned int index, uint64_t off,
			  uint64_t size, void **hva, struct err *e);
	void (*region_unmap)(struct vfio_dev *d, void *hva, uint64_t size);
	/* Page-aligned part of a BAR as a dma-buf; *fd is the caller's. */
	int (*region_dmabuf)(struct vfio_dev *d, unsigned int index,
			     uint64_t off, uint64_t size, int *fd,
			     struct err *e);
	/*
	 * Eventfds that trigger, mask or unmask vectors, or the act itself; a
	 * trigger with nr 0 disables the index. A positive return: the host has
	 * only so many vectors, and nothing has changed.
	 */
	int (*set_irqs)(struct vfio_dev *d, const struct vfio_irqs *irqs,
			struct err *e);
	int (*reset)(struct vfio_dev *d, struct err *e);
	/* -ENODEV: neither slot nor bus can be reset. */
	int (*hot_reset_info)(struct vfio_dev *d, struct vfio_affected *out,
			      struct err *e);
	/* fds of all groups that are hit; none for a device cdev. */
	int (*hot_reset)(struct vfio_dev *d, const int *group_fds,
			 unsigned int nr, struct err *e);
	/*
	 * Gives the device back while vCPUs may still be in an access of
	 * theirs: those and later ones fail or do nothing. close comes after.
	 */
	void (*let_go)(struct vfio_dev *d);
	void (*close)(struct vfio_dev *d);
};

struct vfio_dev {
	const struct vfio_ops *ops;
	int fd;
	int kvm_fd; /* as dev_open gave it: a container's is the group */
	bool was_hot_reset;  /* by the last vfio_hot_reset */
	struct iommu *iommu; /* for dev_close, NULL in tests */
	bool is_pci;
	struct bdf bdf;		  /* of the host, valid if is_pci */
	char name[HOST_NAME_LEN]; /* BDF, or the UUID of a mediated device */
	struct vfio_device_info info;
	/* For kernel.c: where in the fd a region is, and what it allows. */
	uint64_t region_offset[VFIO_PCI_NUM_REGIONS];
	uint32_t region_flags[VFIO_PCI_NUM_REGIONS];
};

extern const struct vfio_ops vfio_kernel_ops;

/*
 * Opens through the IOMMU back end; *kvm_fd as in iommu_ops.dev_open. The
 * kernel resets the function as part of it. On failure nothing stays open.
 */
int vfio_dev_open(struct vfio_dev *d, struct iommu *iommu,
		  struct iommu_device *dev, int *kvm_fd, struct err *e);
/* Reset (where the device can), close, leave the group. Accepts a half-open
 * one. */
void vfio_dev_close(struct vfio_dev *d);

/*
 * The same while vCPUs run: the ops stay callable, on nothing, until
 * vfio_dev_close. Under the lock that reset, info and set_irqs are called with.
 */
void vfio_dev_let_go(struct vfio_dev *d);

/*
 * Resets a function that is open, and checks that it came back. One that the
 * kernel cannot reset (a warning said so when it was opened) is left as it is.
 */
int vfio_dev_reset(struct vfio_dev *d, struct err *e);
/* -EIO if the function does not answer config reads (all-ones). */
int vfio_dev_check_alive(struct vfio_dev *d, struct err *e);

/*
 * An eventfd (-1: none any more) that the kernel writes when the device reports
 * an error (VFIO_PCI_ERR_IRQ_INDEX) or the host wants it back
 * (VFIO_PCI_REQ_IRQ_INDEX). -ENOTSUP: this device has no such event.
 */
int vfio_dev_watch(struct vfio_dev *d, unsigned int index, int eventfd,
		   struct err *e);

/*
 * devs are all functions of the VM, open and not yet set up for the guest.
 * Resets those that have no reset of their own (mediated devices never have a
 * bus), each bus or slot once, and
 * checks that all came back. Nothing is reset if a function would be hit that
 * is not the VM's: -EPERM names it. Returns the first error, after trying the
 * others: such a function comes to the guest as its last user left it.
 */
int vfio_hot_reset(struct vfio_dev **devs, unsigned int nr, struct err *e);

/* What a function needs of the VM. None of it is owned. */
struct vfio_env {
	struct mem *mem;  /* mmapped BAR parts become device regions */
	struct bus *mmio; /* trapped BAR parts */
	struct bus *pio;  /* port I/O BARs */
	struct irq *irq;
	uint32_t intx_gsi; /* where its INTx pin leads; 0: it shows no pin */
	/* For devices that cannot take an eventfd to unmask INTx; NULL: such
	 * have no INTx. */
	struct loop *loop;
};

enum vfio_rom_source {
	VFIO_ROM_ON, /* the device's own, if it has one */
	VFIO_ROM_OFF,
	VFIO_ROM_FILE,
};

struct vfio_pci_options {
	enum vfio_rom_source rom;
	const char *rom_file; /* for VFIO_ROM_FILE */
	/* The guest sees the function below a root port; else it is integrated
	 * into the root complex. */
	bool behind_port;
	/* Mapped BAR parts get a dma-buf (mem_region.fd), for peer-to-peer DMA
	 * through iommufd. */
	bool export_dmabuf;
};

/*
 * The function as the guest sees it. d is freshly open (so it has been reset);
 * the result closes it in vfio_pci_free, but the struct stays the caller's. On
 * failure d is still open and the caller closes it. Reads config space and
 * regions, builds the guest's config, mmaps the BARs and turns on the device's
 * memory decode; nothing reaches the guest until pci_host_add. options may go
 * once this has returned.
 */
struct vfio_pci;
int vfio_pci_new(struct vfio_dev *d, const struct vfio_env *env,
		 const struct vfio_pci_options *options, struct vfio_pci **out,
		 struct err *e);
struct pci_dev *vfio_pci_dev(struct vfio_pci *v);
/*
 * The device leaves the guest while vCPUs run: interrupts off, BARs out of mem
 * and bus, reset, closed. From then on the guest reads all-ones there, and its
 * writes vanish; the structs stay valid until vfio_pci_free. KVM must have been
 * told before (it holds the file that dev_open named, and the fd is no longer
 * the device's afterwards). Any thread, once; waits for the reset.
 */
void vfio_pci_detach(struct vfio_pci *v);
/* Interrupts off, regions out of mem and bus, reset, close. vCPUs have stopped.
 */
void vfio_pci_free(struct vfio_pci *v);

/*
 * Accesses to the function that came to user space (for --stats): config reads
 * that went on to the device and all config writes; the MSI-X table and PBA;
 * other trapped parts of BARs; how often a vector got, changed or lost its
 * route; VFIO_DEVICE_SET_IRQS and KVM_IRQFD calls; and MSI and MSI-X vectors
 * that the host spends on it now.
 */
struct vfio_pci_stats {
	uint64_t cfg_reads, cfg_writes, msix_accesses, trapped_accesses,
		vector_changes, irq_ioctls, host_vectors;
};
struct vfio_pci_stats vfio_pci_stats(const struct vfio_pci *v);

/*
 * Adds a hint that fits (operation, e->code) after looking at sysfs. op is the
 * ioctl's name ("VFIO_DEVICE_SET_IRQS"), "mmap", "config" or "reset".
 */
void vfio_hint(const struct host *h, struct bdf bdf, const char *op,
	       struct err *e);

#endif
