/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest's memory and files to boot it from, for the loader's tests.
 *
 * Low RAM is one region from 0 on; a second at 4 GiB can be added. Files lie
 * in a directory of their own that guest_end removes.
 */
#ifndef STRAIT_TESTS_UNIT_X86_FIXTURE_H
#define STRAIT_TESTS_UNIT_X86_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/bits.h"
#include "src/x86/boot.h"
#include "tests/tap.h"

#define GUEST_LOW  MIB(32)
#define GUEST_HIGH MIB(4)
#define RSDP_GPA   0xe0000ULL

struct guest {
	struct mem mem;
	struct mem_region low, high;
	struct x86_ram_piece ram[2];
	struct boot_params_in in;
	struct cpu_entry entry;
	struct err err;
	char dir[64], kernel[80], initramfs[80];
};

static inline void *guest_map(uint64_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		abort();
	return p;
}

static inline void guest_make(struct guest *g)
{
	*g = (struct guest){
		.low = { .size = GUEST_LOW, .kind = MEM_RAM, .name = "low" },
		.ram = { { 0, GUEST_LOW } },
		.in = { .cmdline = "console=ttyS0",
			.rsdp_gpa = RSDP_GPA,
			.nr_ram = 1 },
		.dir = "/tmp/strait-boot-XXXXXX",
	};
	mem_init(&g->mem);
	g->low.hva = guest_map(GUEST_LOW);
	if (mem_add(&g->mem, &g->low, &g->err) || !mkdtemp(g->dir))
		abort();
	snprintf(g->kernel, sizeof(g->kernel), "%s/vmlinuz", g->dir);
	snprintf(g->initramfs, sizeof(g->initramfs), "%s/initrd", g->dir);
	g->in.kernel = g->kernel;
	g->in.ram = g->ram;
}

/* A second piece of RAM, from 4 GiB on. */
static inline void guest_add_high(struct guest *g)
{
	g->high = (struct mem_region){ .gpa = GIB(4),
				       .size = GUEST_HIGH,
				       .hva = guest_map(GUEST_HIGH),
				       .kind = MEM_RAM,
				       .name = "high" };
	if (mem_add(&g->mem, &g->high, &g->err))
		abort();
	g->ram[1] = (struct x86_ram_piece){ GIB(4), GUEST_HIGH };
	g->in.nr_ram = 2;
}

static inline void guest_end(struct guest *g)
{
	unlink(g->kernel);
	unlink(g->initramfs);
	rmdir(g->dir);
	munmap(g->low.hva, GUEST_LOW);
	if (g->high.hva)
		munmap(g->high.hva, GUEST_HIGH);
	mem_fini(&g->mem);
}

static inline void file_write(const char *path, const void *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, data, len) != (ssize_t)len || close(fd))
		abort();
}

/* A file of len bytes whose first eight say "initrd!". */
static inline void give_initramfs(struct guest *g, uint64_t len)
{
	file_write(g->initramfs, "initrd!", 8);
	if (truncate(g->initramfs, (off_t)len))
		abort();
	g->in.initramfs = g->initramfs;
}

static inline int boot(struct guest *g)
{
	struct boot_unpacked unpacked;
	int ret;

	memset(&g->err, 0, sizeof(g->err));
	boot_unpack(g->in.kernel, &unpacked);
	g->in.unpacked = &unpacked;
	ret = boot_load(&g->mem, &g->in, &g->entry, &g->err);
	g->in.unpacked = NULL;
	boot_unpacked_free(&unpacked);
	return ret;
}

/* Guest memory at gpa; aborts where there is none. */
static inline void *at(struct guest *g, gpa_t gpa, uint64_t len)
{
	void *p = mem_ptr(&g->mem, gpa, len);

	if (!p)
		abort();
	return p;
}

#endif
