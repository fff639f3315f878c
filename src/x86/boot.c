// SPDX-License-Identifier: GPL-2.0-or-later
/* What both boot protocols need: files, initramfs, command line, memory map. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/x86/boot.h"

int boot_file_open(struct boot_file *f, const char *path, struct err *e)
{
	struct stat st;
	int ret;

	*f = (struct boot_file){ .path = path, .fd = -1 };
	/* Not waiting for the writer of a FIFO: that is refused below. */
	f->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (f->fd < 0)
		return err_sys(e, path, "open");
	if (fstat(f->fd, &st))
		ret = err_sys(e, path, "fstat");
	else if (!S_ISREG(st.st_mode))
		ret = err_set(e, EINVAL, "%s: is not a regular file", path);
	else if (!st.st_size)
		ret = err_set(e, EINVAL, "%s: is empty", path);
	else
		ret = 0;
	f->size = ret ? 0 : (uint64_t)st.st_size;
	if (ret)
		boot_file_close(f);
	return ret;
}

void boot_file_close(struct boot_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

static int truncated(const struct boot_file *f, uint64_t len, uint64_t off,
		     struct err *e)
{
	err_set(e, EINVAL,
		"%s: is truncated: it has %" PRIu64 " bytes, and %" PRIu64
		" are needed from byte %" PRIu64,
		f->path, f->size, len, off);
	err_hint(e, "copy or install it again");
	return -EINVAL;
}

int boot_file_read(const struct boot_file *f, void *buf, uint64_t len,
		   uint64_t off, struct err *e)
{
	if (off > f->size || len > f->size - off)
		return truncated(f, len, off, e);
	if (f->data) {
		memcpy(buf, f->data + off, len);
		return 0;
	}
	while (len) {
		ssize_t n = pread(f->fd, buf, len, (off_t)off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, f->path, "read");
		if (!n)
			return truncated(f, len, off, e);
		buf = (char *)buf + n;
		off += (uint64_t)n;
		len -= (uint64_t)n;
	}
	return 0;
}

int boot_file_load(const struct boot_file *f, const struct mem *m, gpa_t gpa,
		   uint64_t len, uint64_t off, const char *what, struct err *e)
{
	void *to = mem_ptr(m, gpa, len);

	if (!to) {
		err_set(e, ENOMEM,
			"%s: its %s needs %" PRIu64 " MiB at 0x%" PRIx64
			", where the guest has no RAM",
			f->path, what, (len >> 20) + 1, gpa);
		err_hint(e, "give the guest more with --memory size=...");
		return -ENOMEM;
	}
	return boot_file_read(f, to, len, off, e);
}

static uint64_t room_below(gpa_t top, gpa_t floor)
{
	top = align_down(top, 4096);
	return top > floor ? top - floor : 0;
}

/* most is what fits in a guest with all the memory there could be. */
static int initramfs_too_large(const struct boot_file *f, uint64_t room,
			       uint64_t most, struct err *e)
{
	if (f->size > most) {
		err_set(e, EFBIG,
			"%s: %" PRIu64
			" bytes are more than this kernel takes as initramfs (%" PRIu64
			")",
			f->path, f->size, most);
		err_hint(
			e,
			"put less into it; more memory for the guest does not help");
		return -EFBIG;
	}
	err_set(e, ENOMEM,
		"%s: %" PRIu64
		" bytes do not fit into the guest's memory beside the kernel (%" PRIu64
		" are free)",
		f->path, f->size, room);
	err_hint(e, "give the guest more with --memory size=...");
	return -ENOMEM;
}

int boot_load_initramfs(const struct mem *m, const struct boot_params_in *in,
			gpa_t floor, gpa_t limit, gpa_t *gpa, uint64_t *size,
			struct err *e)
{
	gpa_t top = in->ram[0].gpa + in->ram[0].size;
	struct boot_file f;
	int ret;

	*gpa = *size = 0;
	if (!in->initramfs)
		return 0;
	ret = boot_file_open(&f, in->initramfs, e);
	if (ret) {
		err_hint(
			e,
			"--initramfs takes a cpio archive, usually one of /boot/initrd.img-*");
		return ret;
	}
	if (limit > X86_RAM_BELOW_4G_MAX)
		limit = X86_RAM_BELOW_4G_MAX;
	if (top > limit)
		top = limit;
	floor = align_up(floor, 4096);
	if (f.size > room_below(top, floor)) {
		ret = initramfs_too_large(&f, room_below(top, floor),
					  room_below(limit, floor), e);
	} else {
		*size = f.size;
		*gpa = align_down(align_down(top, 4096) - f.size, 4096);
		ret = boot_file_load(&f, m, *gpa, f.size, 0, "contents", e);
	}
	boot_file_close(&f);
	return ret;
}

int boot_load_cmdline(const struct mem *m, const struct boot_params_in *in,
		      uint64_t max, struct err *e)
{
	size_t len = strlen(in->cmdline) + 1;

	if (max > X86_CMDLINE_MAX)
		max = X86_CMDLINE_MAX;
	if (len > max) {
		err_set(e, E2BIG,
			"--cmdline: is %zu characters long, and this kernel takes %" PRIu64,
			len - 1, max - 1);
		err_hint(e, "leave out what the guest can find elsewhere");
		return -E2BIG;
	}
	if (mem_write(m, X86_CMDLINE_GPA, in->cmdline, len))
		return err_set(e, ENOMEM, "guest memory: too small to boot");
	return 0;
}

unsigned int boot_memory_map(const struct boot_params_in *in,
			     struct boot_map_entry out[BOOT_MAX_MAP])
{
	unsigned int n = 0;

	out[n++] = (struct boot_map_entry){ 0, X86_LOW_RAM_END, BOOT_MAP_RAM };
	/* From the end of low RAM to 1 MiB: the ACPI tables lie in it. */
	out[n++] = (struct boot_map_entry){ X86_LOW_RAM_END,
					    X86_HIGH_RAM_GPA - X86_LOW_RAM_END,
					    BOOT_MAP_RESERVED };
	for (unsigned int i = 0; i < in->nr_ram; i++) {
		gpa_t from = i ? in->ram[i].gpa : X86_HIGH_RAM_GPA;

		out[n++] = (struct boot_map_entry){
			from, in->ram[i].gpa + in->ram[i].size - from,
			BOOT_MAP_RAM
		};
	}
	/* Linux uses ECAM only where the map or ACPI says it is reserved. */
	out[n++] = (struct boot_map_entry){ X86_ECAM_BASE, X86_ECAM_SIZE,
					    BOOT_MAP_RESERVED };
	return n;
}

int boot_write_reset_code(const struct mem *m, uint16_t port, uint8_t value,
			  struct err *e)
{
	const uint8_t code[] = {
		0xba, (uint8_t)port, (uint8_t)(port >> 8), /* mov dx, port */
		0xb0, value,				   /* mov al, value */
		0xee,					   /* out dx, al */
		0xf4,					   /* hlt */
		0xeb, 0xfd,				   /* jmp to the hlt */
	};

	if (mem_write(m, X86_RESET_GPA, code, sizeof(code)))
		return err_set(e, ENOMEM, "guest memory: too small to boot");
	return 0;
}

int boot_load(const struct mem *m, const struct boot_params_in *in,
	      struct cpu_entry *entry, struct err *e)
{
	struct boot_file f;
	int ret = boot_file_open(&f, in->kernel, e);

	if (ret) {
		err_hint(
			e,
			"--kernel takes a vmlinuz, usually one of /boot/vmlinuz-*");
		return ret;
	}
	if (boot_is_bzimage(&f)) {
		ret = boot_bzimage(m, &f, in, entry, e);
	} else if (boot_is_elf(&f)) {
		ret = boot_pvh(m, &f, in, entry, e);
	} else {
		ret = err_set(
			e, ENOEXEC,
			"%s: is not a kernel (neither a Linux bzImage nor an ELF file)",
			in->kernel);
		err_hint(
			e,
			"give a vmlinuz from /boot, or an uncompressed vmlinux that was built with CONFIG_PVH");
	}
	boot_file_close(&f);
	return ret;
}
