// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A display that is a piece of memory and eleven registers.
 *
 * How this works: as QEMU's bochs-display (docs/specs/standard-vga.rst there),
 * which Linux's bochs driver binds to. BAR 0 is video memory: a memfd that is a
 * device region of guest memory wherever the guest puts the BAR, so that KVM
 * makes it a memslot and no access to it comes here. BAR 2 holds the EDID, the
 * DISPI registers, a byte order, and of the VGA registers those by which Linux
 * blanks the screen.
 *
 * The registers are stored as the guest writes them. What they mean is worked
 * out when somebody looks: a mode that does not fit into the memory is no
 * picture. What the guest drew is found by the dirty log of the region, which
 * is on only while somebody watches.
 *
 * Deliberately missing: VGA, banks, palettes, clearing memory with the mode.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "src/dev/bochs.h"

enum {
	VENDOR = 0x1234,
	DEVICE = 0x1111,
	SUBSYS_VENDOR = 0x1af4,
	SUBSYS = 0x1100,
	REVISION = 2, /* from this on there are the registers at QEXT */
	MMIO_LEN = 4096,
	PAGE_LEN = 4096,

	VGA = 0x400, /* ports 0x3c0 to 0x3df */
	VGA_ATTR = VGA + 0x00,
	VGA_INPUT_STATUS = VGA + 0x1a,
	ATTR_VIDEO = 0x20,
	DISPI = 0x500,
	QEXT = 0x600,
	QEXT_LEN = 8,
	QEXT_ORDER = QEXT + 4,

	REG_ID = 0,
	REG_WIDTH,
	REG_HEIGHT,
	REG_BPP,
	REG_ENABLE,
	REG_BANK,
	REG_VIRT_WIDTH,
	REG_VIRT_HEIGHT,
	REG_X,
	REG_Y,
	REG_MEMORY, /* in 64 KiB */
	ID = 0xb0c5,
	ENABLED = 1,
	LINEAR = 0x40,
	MIN_SIDE = 64, /* as in QEMU */
};
#define BIG_ENDIAN_FB	 0xbebebebeu
#define LITTLE_ENDIAN_FB 0x1e1e1e1eu

static_assert(REG_MEMORY + 1 == BOCHS_NR_REGS, "a register is missing");

static const char *const bochs_name = "display";

static struct bochs *bochs_of(struct pci_dev *dev)
{
	return CONTAINER_OF(dev, struct bochs, pci);
}

/* --- the picture; with the lock held --- */

/* Whether width and height are all right, and all of it is in the memory. */
static bool fits(const struct bochs *b, const struct surface *s,
		 uint64_t offset)
{
	uint64_t len = (uint64_t)s->stride * s->height;

	return s->width >= MIN_SIDE && s->height >= MIN_SIDE &&
	       s->width <= SURFACE_MAX_SIDE && s->height <= SURFACE_MAX_SIDE &&
	       (uint64_t)s->width * s->height <= SURFACE_MAX_PIXELS &&
	       len <= b->ram.size && offset <= b->ram.size - len;
}

static void look_locked(const struct bochs *b, struct surface *s)
{
	const uint16_t *regs = b->regs;
	uint32_t pixel = regs[REG_BPP] / 8u;
	uint32_t line = regs[REG_VIRT_WIDTH];
	uint64_t offset;

	*s = (struct surface){ .width = regs[REG_WIDTH],
			       .height = regs[REG_HEIGHT] };
	if (line < s->width)
		line = s->width;
	s->stride = line * pixel;
	s->format = pixel == 2	       ? SURFACE_RGB565
		    : b->is_big_endian ? SURFACE_BGRX8888
				       : SURFACE_XRGB8888;
	offset = (uint64_t)regs[REG_Y] * s->stride +
		 (uint64_t)regs[REG_X] * pixel;
	if (!b->is_blank && (regs[REG_ENABLE] & ENABLED) &&
	    (regs[REG_BPP] == 16 || regs[REG_BPP] == 32) && fits(b, s, offset))
		s->pixels = (const uint8_t *)b->ram.hva + offset;
	else
		*s = (struct surface){ 0 };
}

static void set_lines(uint64_t *lines, uint64_t first, uint64_t end)
{
	for (uint64_t y = first; y < end; y++)
		lines[y / 64] |= 1ULL << (y % 64);
}

/* The lines of s that lie in a page of the memory. */
static void page_to_lines(const struct bochs *b, const struct surface *s,
			  uint64_t page, uint64_t *lines)
{
	uint64_t start = (uint64_t)(s->pixels - (const uint8_t *)b->ram.hva);
	uint64_t end = start + (uint64_t)s->stride * s->height;
	uint64_t from = page * PAGE_LEN, to = from + PAGE_LEN;

	if (from < start)
		from = start;
	if (to > end)
		to = end;
	if (from < to)
		set_lines(lines, (from - start) / s->stride,
			  (to - 1 - start) / s->stride + 1);
}

static void changes_locked(struct bochs *b, struct surface *s, uint64_t *lines)
{
	bool all = b->all_changed;

	look_locked(b, s);
	/* In any case, so that it begins anew before the pixels are read. */
	if (b->pci.bars[BOCHS_BAR_MEMORY].mapped &&
	    b->dirty->fetch(b->dirty_ctx, &b->region, b->pages))
		all = true;
	if (!b->pci.bars[BOCHS_BAR_MEMORY].mapped)
		memset(b->pages, 0, sizeof(b->pages));
	all = all || !surface_equal(s, &b->seen);
	b->seen = *s;
	b->all_changed = false;
	if (all)
		set_lines(lines, 0,
			  s->pixels ? s->height : SURFACE_BLANK_HEIGHT);
	if (all || !s->pixels)
		return;
	for (uint64_t page = 0; page < b->ram.size / PAGE_LEN; page++)
		if (b->pages[page / 64] >> (page % 64) & 1)
			page_to_lines(b, s, page, lines);
}

static void display_look(void *ctx, struct surface *out)
{
	struct bochs *b = ctx;

	pthread_mutex_lock(&b->pci.lock);
	look_locked(b, out);
	pthread_mutex_unlock(&b->pci.lock);
}

static void display_changes(void *ctx, struct surface *out,
			    uint64_t lines[SURFACE_LINE_WORDS])
{
	struct bochs *b = ctx;

	pthread_mutex_lock(&b->pci.lock);
	changes_locked(b, out, lines);
	pthread_mutex_unlock(&b->pci.lock);
}

static int watch_locked(struct bochs *b, bool on, struct err *e)
{
	int ret = 0;

	if (b->is_watched == on)
		return 0;
	b->region.log_dirty = on;
	if (b->pci.bars[BOCHS_BAR_MEMORY].mapped)
		ret = b->dirty->log(b->dirty_ctx, &b->region, e);
	if (ret) {
		b->region.log_dirty = !on;
		return ret;
	}
	b->is_watched = on;
	b->all_changed = true;
	return 0;
}

static int display_watch(void *ctx, bool on, struct err *e)
{
	struct bochs *b = ctx;
	int ret;

	pthread_mutex_lock(&b->pci.lock);
	ret = watch_locked(b, on, e);
	pthread_mutex_unlock(&b->pci.lock);
	return ret;
}

const struct display_source_ops bochs_display = { .look = display_look,
						  .watch = display_watch,
						  .changes = display_changes };

/* --- registers; with the lock held --- */

static uint16_t reg_read(const struct bochs *b, unsigned int reg)
{
	if (reg == REG_ID)
		return ID;
	if (reg == REG_MEMORY)
		return (uint16_t)(b->ram.size / KIB(64));
	return b->regs[reg];
}

static uint8_t read_byte(struct bochs *b, uint64_t off)
{
	uint32_t order = b->is_big_endian ? BIG_ENDIAN_FB : LITTLE_ENDIAN_FB;

	if (off < VGA)
		return off < EDID_LEN ? b->edid[off] : 0;
	if (off == VGA_INPUT_STATUS) {
		b->attr_is_data = false;
		return 0;
	}
	if (off >= DISPI && off < DISPI + 2 * BOCHS_NR_REGS)
		return (uint8_t)(reg_read(b, (unsigned int)(off - DISPI) / 2) >>
				 (off % 2 * 8));
	if (off >= QEXT && off < QEXT_ORDER)
		return off == QEXT ? QEXT_LEN : 0;
	if (off >= QEXT_ORDER && off < QEXT + QEXT_LEN)
		return (uint8_t)(order >> (off % 4 * 8));
	return 0xff;
}

/* Writes take turns between index, with the bit that shows a picture, and
 * data, until the status is read. */
static void attr_write(struct bochs *b, uint8_t value)
{
	if (!b->attr_is_data)
		b->is_blank = !(value & ATTR_VIDEO);
	b->attr_is_data = !b->attr_is_data;
}

static void write_word(struct bochs *b, uint64_t off, uint16_t value)
{
	if (off >= DISPI && off < DISPI + 2 * BOCHS_NR_REGS)
		b->regs[(off - DISPI) / 2] = value;
}

static void write_locked(struct bochs *b, uint64_t off, unsigned int len,
			 uint64_t value)
{
	if (off == VGA_ATTR) {
		attr_write(b, (uint8_t)value);
		if (len > 1)
			attr_write(b, (uint8_t)(value >> 8));
	} else if (off == QEXT_ORDER && len == 4) {
		if (value == BIG_ENDIAN_FB || value == LITTLE_ENDIAN_FB)
			b->is_big_endian = value == BIG_ENDIAN_FB;
	} else if (off % 2 == 0) {
		for (unsigned int i = 0; i + 2 <= len; i += 2)
			write_word(b, off + i, (uint16_t)(value >> (8 * i)));
	}
}

static uint64_t mmio_read(void *dev, uint64_t offset, unsigned int len)
{
	struct bochs *b = dev;
	uint64_t value = 0;

	pthread_mutex_lock(&b->pci.lock);
	for (unsigned int i = 0; i < len; i++)
		value |= (uint64_t)read_byte(b, offset + i) << (8 * i);
	pthread_mutex_unlock(&b->pci.lock);
	return value;
}

static void mmio_write(void *dev, uint64_t offset, unsigned int len,
		       uint64_t value)
{
	struct bochs *b = dev;

	pthread_mutex_lock(&b->pci.lock);
	write_locked(b, offset, len, value);
	pthread_mutex_unlock(&b->pci.lock);
}

static const struct bus_ops mmio_ops = { mmio_read, mmio_write };

/* --- the function --- */

static int bar_mapped(struct pci_dev *dev, unsigned int bar, uint64_t addr)
{
	struct bochs *b = bochs_of(dev);
	struct err e = { 0 };
	int ret;

	if (bar == BOCHS_BAR_MEMORY) {
		b->region.gpa = addr;
		ret = mem_add(b->mem, &b->region, &e);
	} else {
		b->range.base = addr;
		ret = bus_add(b->mmio, &b->range, &e);
	}
	if (ret)
		log_guest(&dev->limit, bochs_name, "%s", e.msg);
	return ret;
}

static void bar_unmapped(struct pci_dev *dev, unsigned int bar, uint64_t addr)
{
	struct bochs *b = bochs_of(dev);

	(void)addr;
	if (bar == BOCHS_BAR_MEMORY) {
		mem_del(b->mem, &b->region);
		/* What was logged and not yet read is lost. */
		b->all_changed = true;
	} else {
		bus_del(b->mmio, &b->range);
	}
}

static void reset_locked(struct pci_dev *dev)
{
	struct bochs *b = bochs_of(dev);

	memset(b->regs, 0, sizeof(b->regs));
	b->is_big_endian = b->is_blank = b->attr_is_data = false;
}

static const struct pci_dev_ops bochs_ops = {
	.cfg_read = pci_default_cfg_read,
	.cfg_write = pci_default_cfg_write,
	.cfg_written = pci_default_cfg_written,
	.bar_mapped = bar_mapped,
	.bar_unmapped = bar_unmapped,
	.reset = reset_locked,
};

static const struct pci_ids bochs_ids = {
	.vendor = VENDOR,
	.device = DEVICE,
	.subsys_vendor = SUBSYS_VENDOR,
	.subsys = SUBSYS,
	.class_code = 0x038000, /* display controller, not VGA */
	.revision = REVISION,
};

int bochs_init(struct bochs *b, struct mem *mem, struct bus *mmio,
	       const struct mem_dirty_ops *dirty, void *dirty_ctx,
	       uint64_t memory_size, struct err *e)
{
	int ret;

	memset(b, 0, sizeof(*b));
	if (!is_pow2(memory_size) || memory_size < BOCHS_MIN_MEMORY ||
	    memory_size > BOCHS_MAX_MEMORY)
		return err_set(
			e, EINVAL,
			"%s: video memory is 4, 8, 16, 32 or 64 MiB large",
			bochs_name);
	ret = ram_open(&b->ram, memory_size, 0, e);
	if (ret)
		return err_ctx(e, ret, "%s", bochs_name);
	b->mem = mem;
	b->mmio = mmio;
	b->dirty = dirty;
	b->dirty_ctx = dirty_ctx;
	b->region = (struct mem_region){ .size = memory_size,
					 .hva = b->ram.hva,
					 .kind = MEM_DEVICE,
					 .fd = b->ram.fd,
					 .name = bochs_name };
	b->range = (struct bus_range){ 0, MMIO_LEN, &mmio_ops, b, bochs_name };
	edid_fill(b->edid);
	pci_dev_init(&b->pci, &bochs_ops, bochs_name, &bochs_ids);
	pci_dev_set_bar(&b->pci, BOCHS_BAR_MEMORY, PCI_BAR_MEM32, true,
			memory_size);
	pci_dev_set_bar(&b->pci, BOCHS_BAR_MMIO, PCI_BAR_MEM32, false,
			MMIO_LEN);
	pci_dev_set_power_on(&b->pci);
	return 0;
}

void bochs_fini(struct bochs *b)
{
	if (!b->mem)
		return;
	pci_dev_fini(&b->pci);
	ram_close(&b->ram);
	b->mem = NULL;
}

int bochs_start(struct bochs *b, uint32_t width, uint32_t height)
{
	struct surface s;

	if (width > UINT16_MAX || height > UINT16_MAX)
		return -EINVAL;
	pthread_mutex_lock(&b->pci.lock);
	reset_locked(&b->pci);
	b->regs[REG_WIDTH] = b->regs[REG_VIRT_WIDTH] = (uint16_t)width;
	b->regs[REG_HEIGHT] = b->regs[REG_VIRT_HEIGHT] = (uint16_t)height;
	b->regs[REG_BPP] = 32;
	b->regs[REG_ENABLE] = ENABLED | LINEAR;
	look_locked(b, &s);
	if (s.pixels)
		pci_dev_write_locked(&b->pci, PCI_COMMAND, 2,
				     pci_cfg_get(&b->pci, PCI_COMMAND, 2) |
					     PCI_COMMAND_MEMORY);
	else
		reset_locked(&b->pci);
	pthread_mutex_unlock(&b->pci.lock);
	return s.pixels ? 0 : -EINVAL;
}

gpa_t bochs_framebuffer(struct bochs *b, struct surface *s)
{
	const struct pci_bar *bar = &b->pci.bars[BOCHS_BAR_MEMORY];
	gpa_t gpa = 0;

	pthread_mutex_lock(&b->pci.lock);
	look_locked(b, s);
	if (s->pixels && bar->mapped)
		gpa = bar->addr +
		      (uint64_t)(s->pixels - (const uint8_t *)b->ram.hva);
	pthread_mutex_unlock(&b->pci.lock);
	return gpa;
}
