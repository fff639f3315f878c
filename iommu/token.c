// SPDX-License-Identifier: GPL-2.0-or-later
/* VF tokens: leave for VFs of a PF that user space has. */
/*
 * How this works
 *
 * If a PF with VFs is itself in the hands of vfio-pci, its user could attack
 * those of its VFs. So the kernel lets both be opened only by processes that
 * share a secret, a UUID (vfio_pci_validate_vf_token in
 * drivers/vfio/pci/vfio_pci_core.c): the first opener of the PF sets it, and
 * all later ones, of the PF or of a VF, have to name it. Without it, or with
 * another, the answer is EACCES; EINVAL if there is nothing that wants one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "iommu/iommu_abi.h"
#include "iommu/priv.h"

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* "83d8f4f2-509f-382f-3c1e-e6bfe0fa1001", bytes in the order of the text. */
static bool parse(const char *s, uint8_t *out)
{
	for (unsigned int i = 0; i < IOMMU_UUID_LEN; i++) {
		/* 4-2-2-2-6 bytes (RFC 9562, 4) */
		if ((i == 4 || i == 6 || i == 8 || i == 10) && *s++ != '-')
			return false;
		if (hex(s[0]) < 0 || hex(s[1]) < 0)
			return false;
		out[i] = (uint8_t)(hex(s[0]) << 4 | hex(s[1]));
		s += 2;
	}
	return !*s;
}

int iommu_uuid_parse(const char *s, uint8_t *out, const char *who,
		     struct err *e)
{
	int ret;

	if (parse(s, out))
		return 0;
	ret = err_set(e, EINVAL, "%s: VF token \"%.60s\" is no UUID", who, s);
	err_hint(e, "make one with uuidgen, such as %s",
		 "83d8f4f2-509f-382f-3c1e-e6bfe0fa1001");
	return ret;
}

bool iommu_is_sriov_pf(const struct host *h, const struct host_vfio *dev)
{
	return dev->is_pci && host_exists(h, "%s/sriov_totalvfs", dev->dir);
}

int iommu_set_vf_token(int fd, const uint8_t *uuid, const char *who,
		       struct err *e)
{
	_Alignas(struct vfio_device_feature) uint8_t
		buf[sizeof(struct vfio_device_feature) + IOMMU_UUID_LEN];
	struct vfio_device_feature *feature = (void *)buf;

	*feature = (struct vfio_device_feature){
		.argsz = sizeof(buf),
		.flags = VFIO_DEVICE_FEATURE_SET |
			 VFIO_DEVICE_FEATURE_PCI_VF_TOKEN,
	};
	memcpy(feature->data, uuid, IOMMU_UUID_LEN);
	if (ioctl(fd, VFIO_DEVICE_FEATURE, feature))
		return err_sys(e, who, "VFIO_DEVICE_FEATURE_PCI_VF_TOKEN");
	return 0;
}

bool iommu_pf_is_on_vfio(const struct host *h, const struct host_vfio *dev,
			 struct host_pci *pf)
{
	struct err ignored = { 0 };
	struct host_pci pci;

	return dev->is_pci && !host_pci_get(h, dev->bdf, &pci, &ignored) &&
	       pci.is_vf && !host_pci_get(h, pci.pf, pf, &ignored) &&
	       host_is_vfio_driver(pf->driver);
}

bool iommu_hint_token(const struct host *h, const struct iommu_device *dev,
		      struct err *e)
{
	char name[BDF_STR_LEN];
	struct host_pci pf;

	if (e->code == EACCES && dev->vf_token)
		err_hint(
			e,
			"the token is not the one that the physical function was opened with");
	else if (e->code == EACCES && iommu_pf_is_on_vfio(h, &dev->id, &pf))
		err_hint(
			e,
			"its physical function %s is bound to %s: give the token that its user set (vf-token=UUID), or give the physical function back to its host driver",
			bdf_str(pf.bdf, name), pf.driver);
	else if (e->code == EACCES)
		err_hint(
			e,
			"a VF of it is in use by VFIO: give the token that was set for them (vf-token=UUID)");
	else if (e->code == EINVAL && dev->vf_token &&
		 (iommu_pf_is_on_vfio(h, &dev->id, &pf) ||
		  iommu_is_sriov_pf(h, &dev->id)))
		err_hint(
			e,
			"this kernel takes no VF tokens on iommufd, Linux 6.18 does: use --vfio backend=container");
	else if (e->code == EINVAL && dev->vf_token)
		err_hint(
			e,
			"only a VF whose physical function is bound to vfio-pci needs a token, and such a physical function: leave vf-token= out");
	else
		return false;
	return true;
}
