// SPDX-License-Identifier: GPL-2.0-or-later
/* Fuzz: a guest that writes anything to the display and the keyboard
 * controller, while somebody looks and types. */
/*
 * How this works
 *
 * The input is a row of 8-byte records {what, length and more, offset, value}.
 * After each record the picture must lie in the video memory, changed lines in
 * the picture, and an interrupt be high only while a byte waits.
 */
#include "src/dev/bochs.h"
#include "src/dev/i8042.h"

enum { MMIO_GPA = 0x40000000, MEMORY_GPA = 0x50000000, PORT = 0x60 };

static struct bochs dev;
static struct i8042 kbd;
static struct mem mem;
static struct bus mmio, pio;
static struct irq irq;
static uint32_t seed;

static int set_routes(void *ctx, const struct irq_route *routes,
		      unsigned int nr, struct err *e)
{
	(void)ctx;
	(void)routes;
	(void)nr;
	(void)e;
	return 0;
}

static void set_line(void *ctx, uint32_t gsi, bool high)
{
	(void)ctx;
	(void)high;
	BUG_ON(gsi != I8042_KEYBOARD_GSI && gsi != I8042_MOUSE_GSI);
}

static int dirty_log(void *ctx, const struct mem_region *r, struct err *e)
{
	(void)ctx;
	(void)e;
	BUG_ON(!r->is_in);
	return 0;
}

static int dirty_fetch(void *ctx, const struct mem_region *r, uint64_t *bits)
{
	(void)ctx;
	BUG_ON(!r->is_in);
	for (uint64_t i = 0; i < r->size / 4096 / 64; i++) {
		seed = seed * 1664525 + 1013904223;
		bits[i] = seed & seed >> 9;
	}
	return seed % 8 ? 0 : -1;
}

static void on_reset(void *ctx)
{
	(void)ctx;
}

static void check_picture(void)
{
	static uint64_t lines[SURFACE_LINE_WORDS + 1];
	const uint8_t *memory = dev.ram.hva;
	uint32_t height;
	struct surface s;

	memset(lines, 0, sizeof(lines));
	bochs_display.changes(&dev, &s, lines);
	height = s.pixels ? s.height : SURFACE_BLANK_HEIGHT;
	BUG_ON(lines[SURFACE_LINE_WORDS]);
	for (uint32_t y = height; y < SURFACE_MAX_SIDE; y++)
		BUG_ON(lines[y / 64] >> (y % 64) & 1);
	if (!s.pixels)
		return;
	BUG_ON(s.pixels < memory);
	BUG_ON((uint64_t)(s.pixels - memory) + (uint64_t)s.stride * s.height >
	       dev.ram.size);
	BUG_ON(s.width > s.stride / 2);
	BUG_ON((uint64_t)s.width * s.height > SURFACE_MAX_PIXELS);
}

static void check_lines(void)
{
	uint64_t status;

	bus_read(&pio, PORT + 4, 1, &status);
	BUG_ON((kbd.keyboard_line.is_high || kbd.mouse_line.is_high) &&
	       !(status & 1));
	BUG_ON(kbd.keyboard_line.is_high && kbd.mouse_line.is_high);
	BUG_ON(kbd.keyboard.keys.len + 3 * kbd.keyboard.nr_held >
	       PS2_QUEUE_LEN);
}

static void do_record(const uint8_t *r)
{
	unsigned int len = 1u << (r[1] & 3),
		     off = (unsigned int)get_le(r + 2, 2);
	uint32_t value = (uint32_t)get_le(r + 4, 4);
	struct err e = { 0 };
	uint64_t got;

	switch (r[0] % 9) {
	case 0:
		bus_write(&mmio, MMIO_GPA + off % 4096, len, value);
		break;
	case 1:
		bus_write(&mmio, MMIO_GPA + 0x500 + off % 22, len, value);
		break;
	case 2:
		bus_read(&mmio, MMIO_GPA + off % 4096, len, &got);
		break;
	case 3:
		len = len > 4 ? 4 : len;
		pci_dev_write(&dev.pci, off % 64 / len * len, len, value);
		break;
	case 4:
		bus_write(&pio, PORT + (off & 4), 1, value & 0xff);
		break;
	case 5:
		bus_read(&pio, PORT + (off & 4), 1, &got);
		break;
	case 6:
		i8042_key(&kbd, off, r[1] & 1);
		break;
	case 7:
		i8042_mouse(&kbd, (int)value, (int)(value << 8), (int16_t)off,
			    r[1]);
		break;
	default:
		bochs_display.watch(&dev, r[1] & 1, &e);
		break;
	}
}

static void make(void)
{
	static const struct irq_sink_ops sink = { .set_routes = set_routes,
						  .set_line = set_line };
	static const struct mem_dirty_ops dirty = { dirty_log, dirty_fetch };
	struct err e = { 0 };
	int ret;

	mem_init(&mem);
	ret = bus_init(&mmio, "mmio") || bus_init(&pio, "pio") ||
	      irq_init(&irq, &sink, NULL, &e) ||
	      bochs_init(&dev, &mem, &mmio, &dirty, NULL, BOCHS_MIN_MEMORY,
			 &e) ||
	      i8042_init(&kbd, &pio, PORT, &irq, on_reset, NULL, &e);
	BUG_ON(ret);
	pci_dev_write(&dev.pci, PCI_BASE_ADDRESS_0, 4, MEMORY_GPA);
	pci_dev_write(&dev.pci, PCI_BASE_ADDRESS_2, 4, MMIO_GPA);
	ret = bochs_start(&dev, 640, 480);
	BUG_ON(ret);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	log_set_level(LOG_ERROR);
	seed = 1;
	make();
	for (; size >= 8; data += 8, size -= 8) {
		do_record(data);
		check_picture();
		check_lines();
	}
	i8042_fini(&kbd, &pio);
	bochs_fini(&dev);
	BUG_ON(!list_empty(&mem.regions));
	BUG_ON(mmio.nr || pio.nr);
	irq_fini(&irq);
	bus_fini(&pio);
	bus_fini(&mmio);
	mem_fini(&mem);
	return 0;
}
