// SPDX-License-Identifier: GPL-2.0-or-later
/* What the kernel itself takes to prefault and map memory for a device. */
/*
 * How this works. `make bench-vfio` compiles this, statically, and runs it in
 * the emulated host beside the VMMs:
 *
 *     pin iommufd|container MIB DEVICE...
 *
 * DEVICE is the device's file in /dev/vfio/devices for iommufd; for a container
 * it is the group's file in /dev/vfio. Memory is a memfd, as a VMM's is;
 * threads, as many as there are CPUs, touch it, and one call maps it. It prints
 * "prefault MS map MS" and does nothing else.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "iommu/iommu_abi.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux 6.1 */
#endif

#define HUGE ((size_t)2 << 20)

static void check(int ret, const char *what)
{
	if (ret >= 0)
		return;
	perror(what);
	exit(1);
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void prefault(uint8_t *ram, size_t len)
{
	for (size_t off = 0; off < len; off += HUGE) {
		*(volatile uint8_t *)(ram + off) = 0;
		if (madvise(ram + off, HUGE, MADV_COLLAPSE) < 0)
			check(madvise(ram + off, HUGE, MADV_POPULATE_WRITE),
			      "madvise");
	}
}

/* Where huge pages fit. */
static uint8_t *map_ram(int fd, size_t len)
{
	uint8_t *p = mmap(NULL, len + HUGE, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	check(p == MAP_FAILED ? -1 : 0, "mmap");
	p += -(uintptr_t)p & (HUGE - 1);
	p = mmap(p, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
	check(p == MAP_FAILED ? -1 : 0, "mmap");
	return p;
}

static void map_iommufd(const char *dev, int ram_fd, size_t len, double *start)
{
	struct strait_vfio_bind bind = { .argsz = STRAIT_VFIO_BIND_SIZE_6_6 };
	struct strait_ioas_alloc ioas = { .size = sizeof(ioas) };
	struct strait_vfio_attach attach = { .argsz = sizeof(attach) };
	struct strait_ioas_map_file map = { .size = sizeof(map),
					    .flags =
						    STRAIT_IOAS_MAP_FIXED_IOVA |
						    STRAIT_IOAS_MAP_WRITEABLE |
						    STRAIT_IOAS_MAP_READABLE,
					    .fd = ram_fd,
					    .length = len };
	int dev_fd = open(dev, O_RDWR);

	check(dev_fd, dev);
	bind.iommufd = open("/dev/iommu", O_RDWR);
	check(bind.iommufd, "/dev/iommu");
	check(ioctl(dev_fd, STRAIT_VFIO_BIND_IOMMUFD, &bind), "bind");
	check(ioctl(bind.iommufd, STRAIT_IOMMU_IOAS_ALLOC, &ioas), "ioas");
	attach.pt_id = map.ioas_id = ioas.out_ioas_id;
	check(ioctl(dev_fd, STRAIT_VFIO_ATTACH_PT, &attach), "attach");
	*start = now_ms();
	check(ioctl(bind.iommufd, STRAIT_IOMMU_IOAS_MAP_FILE, &map), "map");
}

static void map_container(const char *dev, void *ram, size_t len, double *start)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)ram,
		.size = len
	};
	int group = open(dev, O_RDWR);
	int container = open("/dev/vfio/vfio", O_RDWR);

	check(group, dev);
	check(ioctl(group, VFIO_GROUP_SET_CONTAINER, &container), "container");
	check(ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU), "type1");
	*start = now_ms();
	check(ioctl(container, VFIO_IOMMU_MAP_DMA, &map), "map");
}

int main(int argc, char **argv)
{
	size_t len = argc == 4 ? strtoul(argv[2], NULL, 10) << 20 : 0;
	int fd = memfd_create("ram", MFD_CLOEXEC);
	double start = now_ms(), touched, map_start = 0;
	uint8_t *ram;

	check(len ? ftruncate(fd, (off_t)len) : -1, "arguments");
	ram = map_ram(fd, len);
	prefault(ram, len);
	touched = now_ms();
	if (!strcmp(argv[1], "iommufd"))
		map_iommufd(argv[3], fd, len, &map_start);
	else
		map_container(argv[3], ram, len, &map_start);
	printf("prefault %.0f map %.0f\n", touched - start,
	       now_ms() - map_start);
	return 0;
}
