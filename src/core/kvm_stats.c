// SPDX-License-Identifier: GPL-2.0-or-later
/* KVM's binary statistics (Documentation/virt/kvm/api.rst, KVM_GET_STATS_FD).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "src/base/bits.h"
#include "src/core/kvm.h"

static int pread_all(int fd, void *buf, size_t len, uint64_t off)
{
	ssize_t n = pread(fd, buf, len, (off_t)off);

	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EIO;
}

/* Looks for name among the descriptors; *off gets where its value lies. */
static int find_value(int fd, const struct kvm_stats_header *h,
		      const char *name, uint64_t *off)
{
	size_t size = sizeof(struct kvm_stats_desc) + h->name_size;
	struct kvm_stats_desc *d = malloc(size);
	int ret = d ? 0 : -ENOMEM;

	for (uint32_t i = 0; !ret && i < h->num_desc; i++) {
		ret = pread_all(fd, d, size, h->desc_offset + i * size);
		if (ret || strncmp(d->name, name, h->name_size))
			continue;
		*off = (uint64_t)h->data_offset + d->offset;
		break;
	}
	if (!ret && !*off)
		ret = -ENOENT;
	free(d);
	return ret;
}

int kvm_stat(int stats_of_fd, const char *name, uint64_t *out)
{
	AUTO_CLOSE int fd = ioctl(stats_of_fd, KVM_GET_STATS_FD, NULL);
	struct kvm_stats_header header;
	uint64_t off = 0;
	int ret;

	if (fd < 0)
		return -errno;
	ret = pread_all(fd, &header, sizeof(header), 0);
	if (!ret)
		ret = find_value(fd, &header, name, &off);
	if (!ret)
		ret = pread_all(fd, out, sizeof(*out), off);
	return ret;
}
