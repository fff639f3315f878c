/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A host with both VFs of the igb tree on vfio-pci, and this program's ioctl()
 * before the C library's, for the tests of the two back ends. Who includes it
 * plays the kernel: files are those of the tree, told apart by their path.
 */
#ifndef STRAIT_TESTS_UNIT_IOMMU_FIXTURE_H
#define STRAIT_TESTS_UNIT_IOMMU_FIXTURE_H

#include <errno.h>
#include <linux/vfio.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "iommu/iommu.h"
#include "tests/fake/drivers.h"
#include "tests/fake/tree.h"
#include "tests/fake/vfio.h"
#include "tests/tap.h"

#define VF_DIR	"sys/devices/pci0000:00/0000:00:03.0/0000:01:10.0"
#define VF2_DIR "sys/devices/pci0000:00/0000:00:03.0/0000:01:10.2"

static const struct bdf vf = { .bus = 1, .devfn = 0x80 };  /* group 3 */
static const struct bdf vf2 = { .bus = 1, .devfn = 0x82 }; /* group 4 */

/* Which ioctl fails. */
static struct {
	unsigned long fail_request; /* with fail_code; 0: none */
	int fail_code;
	unsigned int fail_nth, nr_calls; /* the nth of all */
} calls;

static struct tree tree;
static struct host host;
static struct drivers drivers;
static struct iommu *iommu;
static struct err err;
static unsigned int nr_files;

/* Of the includer. path is that of the file, in the tree. */
static int kernel_ioctl(const char *path, unsigned long request, void *arg);

static inline int answer(int ret)
{
	errno = ret < 0 ? -ret : errno;
	return ret < 0 ? -1 : ret;
}

int ioctl(int fd, unsigned long request, ...)
{
	char link[64], path[256] = "";
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (request == calls.fail_request)
		return answer(-calls.fail_code);
	if (++calls.nr_calls == calls.fail_nth)
		return answer(-EIO);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (readlink(link, path, sizeof(path) - 1) < 0)
		return answer(-EBADF);
	return kernel_ioctl(path, request, arg);
}

/* more: what the tree has besides. */
static inline void host_start(const char *more)
{
	memset(&calls, 0, sizeof(calls));
	memset(&err, 0, sizeof(err));
	memset(&drivers, 0, sizeof(drivers));
	tree_make(&tree);
	tree_load(&tree, "igb");
	tree_add(&tree,
		 "dev/vfio/vfio =\n"
		 "dev/vfio/3 =\n"
		 "dev/vfio/4 =\n" VF_DIR
		 "/driver -> ../../../../bus/pci/drivers/vfio-pci\n" VF2_DIR
		 "/driver -> ../../../../bus/pci/drivers/vfio-pci\n");
	tree_add(&tree, more);
	CHECK_EQ(host_open(&host, tree.root, &err), 0);
	drivers_attach(&drivers, &host);
	nr_files = fake_nr_files();
}

static inline void stop(void)
{
	iommu_free(iommu);
	iommu = NULL;
	host_close(&host);
	tree_remove(&tree);
}

#endif
