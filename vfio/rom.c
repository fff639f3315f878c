// SPDX-License-Identifier: GPL-2.0-or-later
/* The expansion ROM that the guest sees: the device's, a file's, or none. */
/*
 * How this works
 *
 * The guest reads a copy. The device's ROM is read when the guest first turns
 * the ROM BAR on, which few guests do: reading it is one bus access for every
 * four bytes, and a device may have one address decoder for its ROM and its
 * BARs (PCIe 6.0 7.5.1.2.4), so nobody reads it without need. After that the
 * copy stays, because some devices can be read once only.
 *
 * The kernel tells the size of the ROM BAR, fills with all-ones what lies
 * behind the image, and needs memory decode on for a read. Memory for the copy
 * is set aside at start and gets pages when it is filled.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "vfio/priv.h"

enum {
	CHUNK = 4096,
	MIN_SIZE = 2048,
	/* PCI Firmware Specification 3.3, 5.1: header and data structure. */
	SIGNATURE = 0xaa55,
	PCIR_POINTER = 0x18,
	PCIR_LEN = 8,
};
#define MAX_FILE MIB(16)

static int rom_alloc(struct vfio_pci *v, uint64_t size, struct err *e)
{
	void *data = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (data == MAP_FAILED)
		return err_set(e, ENOMEM, "%s: no memory for the ROM's copy",
			       v->d->name);
	v->rom.data = data;
	v->rom.size = size;
	return 0;
}

void vfio_rom_fini(struct vfio_pci *v)
{
	if (v->rom.data)
		munmap(v->rom.data, v->rom.size);
	v->rom.data = NULL;
}

static bool has_signature(const struct vfio_rom *rom)
{
	return get_le(rom->data, 2) == SIGNATURE;
}

/* --- from a file --- */

/* An image for another device is run by nobody; say so. */
static void check_ids(const struct vfio_pci *v, const char *path)
{
	const struct vfio_rom *rom = &v->rom;
	uint64_t at = get_le(rom->data + PCIR_POINTER, 2);
	uint32_t ids, own = pci_cfg_get(&v->pci, PCI_VENDOR_ID, 4);

	if (at + PCIR_LEN > rom->size || memcmp(rom->data + at, "PCIR", 4))
		return;
	ids = (uint32_t)get_le(rom->data + at + 4, 4);
	if (ids != own)
		log_warn(
			v->d->name,
			"%s is a ROM for %04x:%04x, and this device is %04x:%04x",
			path, ids & 0xffff, ids >> 16, own & 0xffff, own >> 16);
}

static int file_read(struct vfio_pci *v, const char *path, int fd,
		     struct err *e)
{
	struct vfio_rom *rom = &v->rom;
	uint64_t size = MIN_SIZE;
	struct stat st;
	ssize_t n;
	int ret;

	if (fstat(fd, &st))
		return err_sys(e, path, "fstat");
	if (!S_ISREG(st.st_mode) || st.st_size < MIN_SIZE / 4 ||
	    (uint64_t)st.st_size > MAX_FILE)
		return err_set(
			e, EINVAL,
			"%s: a ROM is a file of 512 bytes to %llu MiB, this has %lld bytes",
			path, (unsigned long long)MAX_FILE >> 20,
			(long long)st.st_size);
	while (size < (uint64_t)st.st_size)
		size *= 2;
	ret = rom_alloc(v, size, e);
	if (ret)
		return ret;
	memset(rom->data, 0xff, size);
	n = pread(fd, rom->data, (size_t)st.st_size, 0);
	if (n < 0)
		return err_sys(e, path, "read");
	if (n == st.st_size && has_signature(rom))
		return 0;
	err_set(e, EINVAL, "%s: is no ROM, it does not begin with 55 aa", path);
	err_hint(
		e,
		"a ROM can be read on the host: cd /sys/bus/pci/devices/%s && echo 1 > rom && cat rom > FILE; echo 0 > rom",
		v->d->name);
	return -EINVAL;
}

static int from_file(struct vfio_pci *v, struct err *e)
{
	const char *path = v->options.rom_file;
	/* Not waiting for the writer of a FIFO: that is refused below. */
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int ret;

	if (fd < 0)
		ret = err_sys(e, path, "open");
	else
		ret = file_read(v, path, fd, e);
	if (ret)
		return err_ctx(e, ret, "%s: rom", v->d->name);
	check_ids(v, path);
	v->rom.is_filled = true;
	return 0;
}

/* --- from the device --- */

static int from_device(struct vfio_pci *v, struct err *e)
{
	struct vfio_region region;
	int ret = v->d->ops->region_info(v->d, VFIO_PCI_ROM_REGION_INDEX,
					 &region, e);

	if (ret || !region.size || !(region.flags & VFIO_REGION_INFO_FLAG_READ))
		return ret;
	if (!is_pow2(region.size) || region.size < MIN_SIZE ||
	    region.size > MAX_FILE) {
		log_warn(
			v->d->name,
			"the ROM is left out: %llu bytes is no size that it can have",
			(unsigned long long)region.size);
		return 0;
	}
	return rom_alloc(v, region.size, e);
}

void vfio_rom_fill(struct vfio_pci *v)
{
	struct vfio_rom *rom = &v->rom;

	if (rom->is_filled)
		return;
	rom->is_filled = true;
	for (uint64_t off = 0; off < rom->size; off += CHUNK) {
		uint64_t len =
			rom->size - off < CHUNK ? rom->size - off : CHUNK;

		if (!v->d->ops->region_read(v->d, VFIO_PCI_ROM_REGION_INDEX,
					    off, rom->data + off,
					    (unsigned int)len))
			continue;
		memset(rom->data + off, 0xff, rom->size - off);
		log_warn(
			v->d->name,
			"the ROM cannot be read from 0x%llx on; give the guest a file with rom=FILE",
			(unsigned long long)off);
		return;
	}
	if (!has_signature(rom))
		log_info(v->d->name,
			 "the device's ROM does not begin with 55 aa");
}

int vfio_rom_init(struct vfio_pci *v, struct err *e)
{
	struct vfio_region trapped = { 0 };
	struct vfio_bar *b = &v->bars[PCI_BAR_ROM];
	int ret = 0;

	if (v->options.rom == VFIO_ROM_ON && !v->quirks.no_rom)
		ret = from_device(v, e);
	else if (v->options.rom == VFIO_ROM_FILE)
		ret = from_file(v, e);
	if (ret || !v->rom.data)
		return ret;
	*b = (struct vfio_bar){ .v = v, .index = PCI_BAR_ROM };
	snprintf(b->name, sizeof(b->name), "%s ROM", v->d->name);
	ret = pci_dev_set_bar(&v->pci, PCI_BAR_ROM, PCI_BAR_MEM32, false,
			      v->rom.size);
	BUG_ON(ret);
	trapped.size = v->rom.size;
	return vfio_bar_parts(v, PCI_BAR_ROM, &trapped, e);
}
