// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The kernel proper, taken out of a bzImage by strait instead of by the
 * bzImage's own code in the guest.
 *
 * How this works: the payload of a bzImage is an ELF vmlinux, perhaps followed
 * by a list of places to relocate. The guest would decompress it byte by byte
 * on one vCPU with nothing else going on; here it is done by the host's tuned
 * library while devices are opened. Then the segments are copied to their
 * addresses and the kernel is entered at startup_64, in the same state as
 * by the 64-bit boot protocol.
 *
 * The bzImage's code also randomizes the kernel's virtual address (KASLR), so
 * that has to be done here, with the host's random numbers: the relocation
 * list is three runs of 32-bit words (two since Linux 6.15), each preceded by
 * a zero: places of 64-bit addresses, of negative 32-bit offsets (per-CPU
 * data), of 32-bit addresses. A word is the low half of a kernel address.
 * Source: arch/x86/boot/compressed/{misc,kaslr}.c, arch/x86/tools/relocs.c.
 *
 * Whatever is not as expected leaves the work to the guest, as ever.
 */
#include <asm/bootparam.h>
#include <ctype.h>
#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "src/base/log.h"
#include "src/x86/boot_elf.h"

#define KERNEL_MAP_BASE 0xffffffff80000000ULL /* __START_KERNEL_map */
#define KERNEL_MAP_SIZE GIB(1)		      /* KERNEL_IMAGE_SIZE */

enum { MAX_RUNS = 3 };

/* One run of relocations: what is done at each place. */
struct run {
	const uint8_t *words;
	size_t nr;
	unsigned int len; /* bytes changed at each place */
	bool is_inverse;
};

struct image {
	gpa_t start, end; /* of the segments */
};

/* Cuts [p, p + len) into the runs that its zero words begin. */
static unsigned int find_runs(const uint8_t *p, size_t len,
			      struct run runs[MAX_RUNS])
{
	unsigned int nr = 0;

	for (size_t off = 0; off + 4 <= len; off += 4) {
		if (get_le(p + off, 4)) {
			if (!nr)
				return 0;
			runs[nr - 1].nr++;
			continue;
		}
		if (nr == MAX_RUNS)
			return 0;
		runs[nr++] = (struct run){ .words = p + off + 4 };
	}
	if (nr < 2)
		return 0;
	runs[0].len = 8;
	runs[nr - 1].len = 4;
	if (nr == MAX_RUNS) {
		runs[1].len = 4;
		runs[1].is_inverse = true;
	}
	return nr;
}

/* The place that word i of a run names, or UINT64_MAX if it is not in the
 * image. */
static gpa_t place_of(const struct run *run, size_t i,
		      const struct image *image)
{
	int32_t low = (int32_t)get_le(run->words + 4 * i, 4);
	gpa_t gpa = (uint64_t)(int64_t)low - KERNEL_MAP_BASE;

	if (gpa < image->start || gpa >= image->end ||
	    image->end - gpa < run->len)
		return UINT64_MAX;
	return gpa;
}

static bool all_inside(const struct run *runs, unsigned int nr,
		       const struct image *image)
{
	for (unsigned int r = 0; r < nr; r++)
		for (size_t i = 0; i < runs[r].nr; i++)
			if (place_of(&runs[r], i, image) == UINT64_MAX)
				return false;
	return true;
}

static void relocate(const struct mem *m, const struct run *run,
		     const struct image *image, uint64_t delta)
{
	uint8_t *base = mem_ptr(m, image->start, image->end - image->start);

	if (run->is_inverse)
		delta = -delta;
	for (size_t i = 0; i < run->nr; i++) {
		uint8_t *p = base + (place_of(run, i, image) - image->start);

		put_le(p, get_le(p, run->len) + delta, run->len);
	}
}

/* A multiple of align that keeps the image within the kernel's mapping. */
static uint64_t random_delta(const struct setup_header *h, uint64_t size)
{
	uint64_t align = h->kernel_alignment, random;

	if (!is_pow2(align) || align < MIB(2) ||
	    h->pref_address + size > KERNEL_MAP_SIZE ||
	    getrandom(&random, sizeof(random), 0) != sizeof(random))
		return 0;
	return random %
	       (1 + (KERNEL_MAP_SIZE - h->pref_address - size) / align) * align;
}

static bool has_word(const char *cmdline, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = cmdline; (p = strstr(p, word)); p += len)
		if ((p == cmdline || isspace((unsigned char)p[-1])) &&
		    (!p[len] || isspace((unsigned char)p[len])))
			return true;
	return false;
}

/* True if the kernel may be told that its addresses are random. */
static bool randomize(const struct mem *m, const struct boot_file *vmlinux,
		      uint64_t elf_len, const struct image *image,
		      const struct setup_header *h, const char *cmdline)
{
	struct run runs[MAX_RUNS] = { 0 };
	unsigned int nr;
	uint64_t delta;

	if (elf_len >= vmlinux->size || has_word(cmdline, "nokaslr"))
		return false;
	nr = find_runs(vmlinux->data + elf_len, vmlinux->size - elf_len, runs);
	if (!nr || !all_inside(runs, nr, image))
		return false;
	delta = random_delta(h, h->init_size);
	for (unsigned int r = 0; r < nr; r++)
		relocate(m, &runs[r], image, delta);
	return true;
}

static int load(const struct mem *m, const struct boot_file *vmlinux,
		struct setup_header *h, const char *cmdline, gpa_t *entry,
		struct err *e)
{
	struct image image = { .start = UINT64_MAX };
	uint64_t elf_len;
	struct elf elf;
	int ret = elf_read(vmlinux, &elf, e);

	for (unsigned int i = 0; !ret && i < elf.phnum; i++) {
		struct elf_segment s;

		ret = elf_segment(vmlinux, &elf, i, &s, e);
		if (ret || s.type != PT_LOAD || !s.mem_size)
			continue;
		if (s.gpa < h->pref_address || s.mem_size > h->init_size ||
		    s.gpa - h->pref_address > h->init_size - s.mem_size)
			return -EINVAL;
		ret = elf_load_segment(m, vmlinux, &s, &image.end, e);
		if (s.gpa < image.start)
			image.start = s.gpa;
	}
	if (ret)
		return ret;
	if (!elf.is_64 || elf.entry < image.start || elf.entry >= image.end ||
	    elf_end(vmlinux, &elf, &elf_len, e))
		return -EINVAL;
	if (randomize(m, vmlinux, elf_len, &image, h, cmdline))
		h->loadflags |= KASLR_FLAG;
	*entry = elf.entry;
	return 0;
}

int boot_vmlinux(const struct mem *m, const struct boot_unpacked *u,
		 struct setup_header *h, const char *cmdline, gpa_t *entry)
{
	const struct boot_file vmlinux = {
		.fd = -1, .data = u->data, .size = u->len, .path = "vmlinux"
	};
	struct err e = { 0 };
	int ret = load(m, &vmlinux, h, cmdline, entry, &e);

	if (ret)
		log_info("kernel", "unpacks itself in the guest%s%s",
			 e.msg[0] ? ": " : "", e.msg);
	return ret;
}
