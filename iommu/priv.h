/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside iommu/: the back ends, reserved regions of a group. */
#ifndef STRAIT_IOMMU_PRIV_H
#define STRAIT_IOMMU_PRIV_H

#include "iommu/iommu.h"
#include "iommu/topo.h"
#include "iommu/verdict.h"

/* The type1v2 container, /dev/vfio/vfio. */
int iommu_container_new(const struct host *h, struct iommu **out,
			struct err *e);
/* An open /dev/vfio/vfio, or -errno. */
int iommu_open_container(const struct host *h, struct err *e);

/* An IOAS of /dev/iommu; the devices tell whether there is a context yet. */
int iommu_iommufd_new(const struct host *h, const struct iommu_device *devs,
		      unsigned int nr, struct iommu **out, struct err *e);

/* --- iommu.c --- */

/* Devices; those that the host takes back leave on another thread than BARs
 * are mapped on. */
static inline unsigned int iommu_nr_open(const struct iommu *i)
{
	return __atomic_load_n(&i->nr_open, __ATOMIC_RELAXED);
}

/* Any region; keeps count, and hints at the cause of a failure. */
int iommu_map_region(struct iommu *i, const struct mem_region *r,
		     struct err *e);
void iommu_unmap_region(struct iommu *i, const struct mem_region *r);

/* --- p2p.c: device regions, mapped where it is wanted and possible --- */

void iommu_p2p_add(struct iommu *i, const struct mem_region *r);
void iommu_p2p_del(struct iommu *i, const struct mem_region *r);

/* --- causes.c: hints --- */

/* The platform does not keep interrupts apart; module has the option. */
void iommu_hint_interrupts(const char *module, struct err *e);
/* False, and no hint, if firmware claims no memory for a device of the group,
 * or e->code is another. */
bool iommu_hint_rmrr(const struct host *h, int group, struct err *e);

/* --- memlock.c --- */

/* After ENOMEM within the limit: what else iommufd counts. */
void iommu_hint_user_memlock(const struct host *h, enum iommu_kind kind,
			     struct err *e);

/* --- token.c --- */

enum { IOMMU_UUID_LEN = 16 };

int iommu_uuid_parse(const char *s, uint8_t *out, const char *who,
		     struct err *e);
bool iommu_is_sriov_pf(const struct host *h, const struct host_vfio *dev);
/* Of an open PF. */
int iommu_set_vf_token(int fd, const uint8_t *uuid, const char *who,
		       struct err *e);
/* If opening the device failed for want of a token, or for one. */
bool iommu_hint_token(const struct host *h, const struct iommu_device *dev,
		      struct err *e);

/* Is it a VF whose physical function is bound to vfio-pci? */
bool iommu_pf_is_on_vfio(const struct host *h, const struct host_vfio *dev,
			 struct host_pci *pf);

/* --- groups.c: the parts of iommu_group_check --- */

/* Is there an IOMMU, and has the device a group of it? */
int iommu_check_in_group(const struct host *h, const struct host_vfio *dev,
			 struct err *e);
/* How many others the group has, and of them such as are to be bound. */
struct iommu_others {
	unsigned int nr, nr_to_bind;
};
/* Are the others of the group where they are not in the way? others: NULL if
 * it is not asked for. */
int iommu_check_members(const struct host *h, const struct host_vfio *dev,
			const struct iommu_to_bind *to_bind,
			struct iommu_others *others, struct err *e);
/* The CPU's vendor is the one whose IOMMUs reserve memory below 1 TiB. */
bool iommu_is_amd(const struct host *h);

/* --- nodes.c --- */

/* The back end that AUTO would be for this device now. */
enum iommu_kind iommu_kind_for(const struct host *h,
			       const struct host_vfio *dev,
			       enum iommu_kind kind);

/*
 * Can the files be opened that lead to the device? AUTO: by either way. The
 * files of a device that is not bound yet may be missing.
 */
int iommu_node_check(const struct host *h, const struct host_vfio *dev,
		     enum iommu_kind kind, bool is_bound, struct err *e);
bool iommu_has_iommufd(const struct host *h);
bool iommu_can_open_cdev(const struct host *h, const struct host_vfio *dev);
/* An open /dev/iommu, or -errno with a message that names who wants it. */
int iommu_open_iommufd(const struct host *h, const char *who, struct err *e);

/* --- ranges.c --- */

enum { IOMMU_RESV_TYPE_LEN = 32 };

struct iommu_resv {
	struct iova_range range;
	/* As sysfs has it: "msi", "direct", "direct-relaxable", "reserved". */
	char type[IOMMU_RESV_TYPE_LEN];
};

/*
 * First region of the group's reserved_regions that touches [first, last] and,
 * if type is not NULL, is of that type. False if there is none or the file
 * cannot be read.
 */
bool iommu_resv_find(const struct host *h, int group, struct iova_range in,
		     const char *type, struct iommu_resv *out);

/* Is ram within ranges (nr at least 1)? groups are asked for who reserves what
 * is not. */
int iommu_check_range(const struct host *h, const int *groups,
		      unsigned int nr_groups, const struct iova_range *ranges,
		      unsigned int nr, struct iova_range ram, struct err *e);

/*
 * What the back ends will tell of a group, as far as sysfs shows it: an IOMMU
 * of width bits without the reserved regions, except those of type
 * direct-relaxable (vfio_iommu_resv_exclude,
 * iopt_table_enforce_dev_resv_regions leave these in). Returns how many, at
 * least 1.
 */
unsigned int iommu_sysfs_ranges(const struct host *h, int group,
				unsigned int width, struct iova_range *out,
				unsigned int max);

/* --- topo_fn.c --- */

/* All but the ties to others and the NUMA node. -errno if there is no such
 * function any more. */
int topo_fn_read(const struct host *h, struct bdf bdf, struct topo_fn *out);
/* -1: none. */
int topo_fn_node(const struct host *h, struct bdf bdf);

/* --- verdict*.c: the parts of a verdict --- */

struct judge {
	const struct host *h;
	const struct verdict_options *o;
	bool is_record;
	struct bdf bdf;
	struct host_pci pci;
	struct host_vfio dev;
	struct topo topo; /* around the function */
	const struct topo_fn *fn;
	enum iommu_kind kind; /* never AUTO */
	struct verdict *out;
};

/* Adds a finding; id is a constant. Those beyond VERDICT_MAX are dropped. */
void judge_say(struct judge *j, const char *id, enum finding_level level,
	       const char *remedy, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* The same of an error, without the BDF that it begins with. */
void judge_say_err(struct judge *j, const char *id, enum finding_level level,
		   const struct err *e);
bool judge_is_on_vfio(const struct judge *j);

void judge_group(struct judge *j);  /* verdict_group.c */
void judge_driver(struct judge *j); /* verdict_driver.c */
void judge_nodes(struct judge *j);
void judge_use(struct judge *j);	/* verdict_use.c */
void judge_interrupts(struct judge *j); /* verdict_dma.c */
void judge_reserved(struct judge *j);
void judge_memlock(struct judge *j);
void judge_reset(struct judge *j); /* verdict_reset.c */

#endif
