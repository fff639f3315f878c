// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The display: what Linux's bochs driver reads and writes, and what those see
 * who show the picture.
 */
#include <errno.h>

#include "src/dev/bochs.h"
#include "tests/tap.h"

#define MEMORY_GPA 0xd0000000ULL
#define MMIO_GPA   0xd8000000ULL

enum {
	COMMAND = PCI_COMMAND,
	DISPI = 0x500,
	WIDTH = 1,
	HEIGHT = 2,
	BPP = 3,
	ENABLE = 4,
	VIRT_WIDTH = 6,
	X = 8,
	Y = 9,
};

static struct bochs dev;
static struct mem mem;
static struct bus mmio;
static struct err err;
static uint64_t lines[SURFACE_LINE_WORDS];
static struct surface seen;

/* The kernel's dirty log. */
static struct {
	bool on;
	unsigned int nr_changes, nr_fetches;
	int log_error, fetch_error;
	uint64_t pages[BOCHS_PAGE_WORDS];
} fake;

static int fake_log(void *ctx, const struct mem_region *r, struct err *e)
{
	(void)ctx;
	if (fake.log_error)
		return err_set(e, fake.log_error, "no log");
	fake.on = r->log_dirty;
	fake.nr_changes++;
	return 0;
}

static int fake_fetch(void *ctx, const struct mem_region *r, uint64_t *bits)
{
	(void)ctx;
	fake.nr_fetches++;
	if (fake.fetch_error)
		return -fake.fetch_error;
	memcpy(bits, fake.pages, r->size / 4096 / 8);
	memset(fake.pages, 0, sizeof(fake.pages));
	return 0;
}

static const struct mem_dirty_ops fake_ops = { fake_log, fake_fetch };

static void put_bar(unsigned int n, uint32_t gpa)
{
	pci_dev_write(&dev.pci, PCI_BASE_ADDRESS_0 + 4 * n, 4, gpa);
}

/* As pci_host_place_bars leaves it. */
static void make(void)
{
	bochs_fini(&dev);
	bus_fini(&mmio);
	memset(&fake, 0, sizeof(fake));
	memset(&err, 0, sizeof(err));
	mem_init(&mem);
	if (bus_init(&mmio, "mmio") ||
	    bochs_init(&dev, &mem, &mmio, &fake_ops, NULL, BOCHS_DEFAULT_MEMORY,
		       &err))
		abort();
	put_bar(0, MEMORY_GPA);
	put_bar(2, MMIO_GPA);
	pci_dev_set_power_on(&dev.pci);
}

static void start(void)
{
	make();
	if (bochs_start(&dev, 1024, 768))
		abort();
}

static uint64_t rd(unsigned int off, unsigned int len)
{
	uint64_t value;

	bus_read(&mmio, MMIO_GPA + off, len, &value);
	return value;
}

static void wr(unsigned int off, unsigned int len, uint64_t value)
{
	bus_write(&mmio, MMIO_GPA + off, len, value);
}

static void set_reg(unsigned int reg, uint16_t value)
{
	wr(DISPI + 2 * reg, 2, value);
}

static struct surface look(void)
{
	struct surface s;

	bochs_display.look(&dev, &s);
	return s;
}

static size_t offset_of(const struct surface *s)
{
	return (size_t)(s->pixels - (const uint8_t *)dev.ram.hva);
}

static unsigned int count_lines(void)
{
	unsigned int n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		n += (unsigned int)__builtin_popcountll(lines[i]);
	return n;
}

static bool has_line(unsigned int y)
{
	return lines[y / 64] >> (y % 64) & 1;
}

static void changes(void)
{
	memset(lines, 0, sizeof(lines));
	bochs_display.changes(&dev, &seen, lines);
}

static void draw(uint64_t byte)
{
	fake.pages[byte / 4096 / 64] |= 1ULL << (byte / 4096 % 64);
}

/* --- the function --- */

static void identifies_itself_as_linux_expects(void)
{
	make();
	CHECK_EQ(pci_dev_read(&dev.pci, PCI_VENDOR_ID, 4), 0x11111234);
	CHECK_EQ(pci_dev_read(&dev.pci, PCI_CLASS_REVISION, 4), 0x03800002);
	CHECK_EQ(pci_dev_read(&dev.pci, PCI_HEADER_TYPE, 1), 0);
	put_bar(0, 0xffffffff);
	CHECK_EQ(pci_dev_read(&dev.pci, PCI_BASE_ADDRESS_0, 4), 0xff000008);
	put_bar(2, 0xffffffff);
	CHECK_EQ(pci_dev_read(&dev.pci, PCI_BASE_ADDRESS_2, 4), 0xfffff000);
}

static void video_memory_is_guest_memory_where_the_bar_is(void)
{
	make();
	CHECK(list_empty(&mem.regions));
	pci_dev_write(&dev.pci, COMMAND, 2, PCI_COMMAND_MEMORY);
	CHECK(dev.region.is_in);
	CHECK_EQ(dev.region.gpa, MEMORY_GPA);
	CHECK_EQ(dev.region.size, MIB(16));
	CHECK_EQ(dev.region.kind, MEM_DEVICE);
	CHECK(dev.region.hva == dev.ram.hva);
	put_bar(0, 0xd4000000);
	CHECK_EQ(dev.region.gpa, 0xd4000000);
	pci_dev_write(&dev.pci, COMMAND, 2, 0);
	CHECK(list_empty(&mem.regions));
}

static void registers_answer_only_while_decode_is_on(void)
{
	make();
	CHECK_EQ(rd(DISPI, 2), 0xffff);
	pci_dev_write(&dev.pci, COMMAND, 2, PCI_COMMAND_MEMORY);
	CHECK_EQ(rd(DISPI, 2), 0xb0c5);
	pci_dev_write(&dev.pci, COMMAND, 2, 0);
	CHECK_EQ(rd(DISPI, 2), 0xffff);
}

static void memory_size_has_bounds(void)
{
	static const uint64_t bad[] = { 0, MIB(2), MIB(12), MIB(128) };
	static struct bochs other;

	make();
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CHECK_EQ(bochs_init(&other, &mem, &mmio, &fake_ops, NULL,
				    bad[i], &err),
			 -EINVAL);
		CHECK_HAS(err.msg, "display: video memory is 4, 8, 16");
		bochs_fini(&other);
	}
}

/* --- what the driver reads --- */

static void driver_finds_id_and_memory_size(void)
{
	start();
	CHECK_EQ(rd(DISPI, 2), 0xb0c5);
	CHECK_EQ(rd(DISPI + 2 * 10, 2) * 65536, MIB(16));
	CHECK_EQ(rd(0x600, 4), 8);
	CHECK_EQ(rd(0x604, 4), 0x1e1e1e1e);
	set_reg(0, 0);
	set_reg(10, 1);
	CHECK_EQ(rd(DISPI, 2), 0xb0c5);
	CHECK_EQ(rd(DISPI + 2 * 10, 2), 256);
}

static void edid_has_header_and_checksum(void)
{
	static const uint8_t header[] = { 0,	0xff, 0xff, 0xff,
					  0xff, 0xff, 0xff, 0 };
	uint8_t sum = 0;

	start();
	for (unsigned int i = 0; i < 8; i++)
		CHECK_EQ(rd(i, 1), header[i]);
	for (unsigned int i = 0; i < 128; i++)
		sum = (uint8_t)(sum + rd(i, 1));
	CHECK_EQ(sum, 0);
	CHECK_EQ(rd(0x12, 2), 0x0401); /* version 1.4 */
	CHECK_EQ(rd(126, 1), 0);       /* extensions */
}

static void edid_prefers_1024_by_768(void)
{
	uint64_t clock_hz, total;

	start();
	clock_hz = rd(54, 2) * 10000;
	CHECK_EQ(rd(56, 1) | (rd(58, 1) & 0xf0) << 4, 1024);
	CHECK_EQ(rd(59, 1) | (rd(61, 1) & 0xf0) << 4, 768);
	total = (1024 + (rd(57, 1) | (rd(58, 1) & 0xf) << 8)) *
		(768 + (rd(60, 1) | (rd(61, 1) & 0xf) << 8));
	CHECK_EQ((clock_hz + total / 2) / total, 60);
}

static void unused_registers_read_as_ones_and_take_no_writes(void)
{
	start();
	CHECK_EQ(rd(0x516, 2), 0xffff);
	CHECK_EQ(rd(0x608, 4), 0xffffffff);
	CHECK_EQ(rd(0xff8, 8), UINT64_MAX);
	for (unsigned int off = 0; off < 4096; off++)
		if (off != 0x400 && (off < 0x500 || off > 0x515))
			wr(off, 1, 0xaa);
	CHECK_EQ(rd(DISPI + 2 * WIDTH, 2), 1024);
	CHECK(look().pixels);
	CHECK_EQ(rd(0, 8), 0x00ffffffffffff00);
}

static void two_registers_can_be_written_at_once(void)
{
	start();
	wr(DISPI + 2 * WIDTH, 4, 600u << 16 | 800);
	CHECK_EQ(look().width, 800);
	CHECK_EQ(look().height, 600);
	CHECK_EQ(rd(DISPI + 2 * WIDTH, 4), 600u << 16 | 800);
}

/* --- modes --- */

static void there_is_no_picture_before_a_mode(void)
{
	make();
	pci_dev_write(&dev.pci, COMMAND, 2, PCI_COMMAND_MEMORY);
	CHECK(!look().pixels);
}

static void preset_mode_shows_at_once(void)
{
	struct surface s;

	start();
	CHECK_EQ(bochs_framebuffer(&dev, &s), MEMORY_GPA);
	CHECK_EQ(s.width, 1024);
	CHECK_EQ(s.height, 768);
	CHECK_EQ(s.stride, 4096);
	CHECK_EQ(s.format, SURFACE_XRGB8888);
	CHECK_EQ(offset_of(&s), 0);
	CHECK_EQ(pci_dev_read(&dev.pci, COMMAND, 2), PCI_COMMAND_MEMORY);
}

static void preset_mode_that_does_not_fit_is_refused(void)
{
	make();
	CHECK_EQ(bochs_start(&dev, 4096, 2048), -EINVAL);
	CHECK_EQ(bochs_start(&dev, 65536 + 1024, 768), -EINVAL);
	CHECK_EQ(bochs_start(&dev, 32, 768), -EINVAL);
	CHECK(!look().pixels);
	CHECK_EQ(pci_dev_read(&dev.pci, COMMAND, 2), 0);
}

/* bochs_hw_setmode and bochs_hw_setbase of Linux. */
static void driver_sets_a_mode_and_pans(void)
{
	struct surface s;

	start();
	set_reg(ENABLE, 0);
	CHECK(!look().pixels);
	set_reg(BPP, 32);
	set_reg(WIDTH, 1280);
	set_reg(HEIGHT, 720);
	set_reg(VIRT_WIDTH, 1280);
	set_reg(X, 0);
	set_reg(Y, 0);
	set_reg(ENABLE, 0x41);
	set_reg(VIRT_WIDTH, 1344);
	set_reg(X, 16);
	set_reg(Y, 720);
	s = look();
	CHECK_EQ(s.width, 1280);
	CHECK_EQ(s.height, 720);
	CHECK_EQ(s.stride, 1344 * 4);
	CHECK_EQ(offset_of(&s), 720 * 1344 * 4 + 16 * 4);
}

static void byte_order_and_16_bits_are_formats(void)
{
	start();
	wr(0x604, 4, 0xbebebebe);
	CHECK_EQ(look().format, SURFACE_BGRX8888);
	wr(0x604, 4, 12345);
	CHECK_EQ(look().format, SURFACE_BGRX8888);
	CHECK_EQ(rd(0x604, 4), 0xbebebebe);
	wr(0x604, 4, 0x1e1e1e1e);
	CHECK_EQ(look().format, SURFACE_XRGB8888);
	set_reg(BPP, 16);
	CHECK_EQ(look().format, SURFACE_RGB565);
	CHECK_EQ(look().stride, 2048);
	set_reg(BPP, 24);
	CHECK(!look().pixels);
}

static void mode_that_ends_with_the_memory_is_the_last_that_shows(void)
{
	start(); /* 1024 x 768 x 4: lines of 4 KiB, 4096 of them */
	set_reg(Y, 4096 - 768);
	CHECK(look().pixels);
	set_reg(X, 1);
	CHECK(!look().pixels);
	set_reg(X, 0);
	set_reg(Y, 4096 - 767);
	CHECK(!look().pixels);
}

static void any_register_values_stay_within_the_memory(void)
{
	static const uint16_t values[] = { 0, 63, 64, 1024, 0x7fff, 0xffff };
	unsigned int nr_shown = 0;

	start();
	for (unsigned int i = 0; i < 6 * 6 * 6 * 6 * 6; i++) {
		struct surface s;

		set_reg(WIDTH, values[i % 6]);
		set_reg(HEIGHT, values[i / 6 % 6]);
		set_reg(VIRT_WIDTH, values[i / 36 % 6]);
		set_reg(X, values[i / 216 % 6]);
		set_reg(Y, values[i / 1296 % 6]);
		s = look();
		if (!s.pixels)
			continue;
		nr_shown++;
		CHECK(offset_of(&s) + (uint64_t)s.stride * s.height <= MIB(16));
		CHECK(s.width * 4 <= s.stride);
		CHECK(s.width <= SURFACE_MAX_SIDE);
		CHECK(s.height <= SURFACE_MAX_SIDE);
	}
	CHECK(nr_shown > 0);
}

/* bochs_hw_blank of Linux. */
static void driver_blanks_the_screen_and_shows_it_again(void)
{
	start();
	wr(0x402, 1, 1);
	rd(0x41a, 1);
	wr(0x400, 1, 0);
	CHECK(!look().pixels);
	rd(0x41a, 1);
	wr(0x400, 1, 0x20);
	CHECK(look().pixels);
	/* Without a look at the status this is data. */
	wr(0x400, 1, 0);
	CHECK(look().pixels);
}

static void reset_takes_the_picture_away(void)
{
	start();
	pci_dev_reset(&dev.pci);
	CHECK(!look().pixels);
	CHECK(list_empty(&mem.regions));
}

/* --- what changed --- */

static void nothing_is_logged_until_somebody_watches(void)
{
	start();
	look();
	CHECK_EQ(fake.nr_changes + fake.nr_fetches, 0);
	CHECK(!dev.region.log_dirty);
	CHECK_EQ(bochs_display.watch(&dev, true, &err), 0);
	CHECK(fake.on);
	CHECK_EQ(bochs_display.watch(&dev, true, &err), 0);
	CHECK_EQ(fake.nr_changes, 1);
	CHECK_EQ(bochs_display.watch(&dev, false, &err), 0);
	CHECK(!fake.on);
	CHECK(!dev.region.log_dirty);
}

static void first_look_is_at_all_lines(void)
{
	start();
	bochs_display.watch(&dev, true, &err);
	changes();
	CHECK_EQ(count_lines(), 768);
	CHECK(seen.pixels);
	changes();
	CHECK_EQ(count_lines(), 0);
}

static void lines_of_the_pages_that_were_drawn_on_changed(void)
{
	start();
	set_reg(WIDTH, 640);
	set_reg(VIRT_WIDTH, 640);
	set_reg(Y, 1); /* so that it starts in the middle of a page */
	bochs_display.watch(&dev, true, &err);
	changes();
	draw(4096); /* up to 8191: lines 2560 bytes long from 2560 on */
	changes();
	CHECK_EQ(count_lines(), 3);
	CHECK(has_line((4096 - 2560) / 2560));
	CHECK(has_line((8191 - 2560) / 2560));
	draw(0);
	changes();
	CHECK_EQ(count_lines(), 1);
	CHECK(has_line(0));
}

static void drawing_elsewhere_in_the_memory_is_no_change(void)
{
	start();
	bochs_display.watch(&dev, true, &err);
	changes();
	draw(768UL * 4096);
	draw(MIB(16) - 1);
	changes();
	CHECK_EQ(count_lines(), 0);
	draw(768UL * 4096 - 1);
	changes();
	CHECK_EQ(count_lines(), 1);
	CHECK(has_line(767));
}

static void another_mode_changes_all_lines(void)
{
	start();
	bochs_display.watch(&dev, true, &err);
	changes();
	set_reg(Y, 768);
	changes();
	CHECK_EQ(count_lines(), 768);
	set_reg(ENABLE, 0);
	changes();
	CHECK(!seen.pixels);
	CHECK_EQ(count_lines(), SURFACE_BLANK_HEIGHT);
	changes();
	CHECK_EQ(count_lines(), 0);
}

static void unknown_changes_are_all_lines(void)
{
	start();
	bochs_display.watch(&dev, true, &err);
	changes();
	fake.fetch_error = EIO;
	changes();
	CHECK_EQ(count_lines(), 768);
}

static void moved_memory_stays_logged_and_all_lines_changed(void)
{
	start();
	bochs_display.watch(&dev, true, &err);
	changes();
	put_bar(0, 0xd4000000);
	CHECK(dev.region.log_dirty);
	changes();
	CHECK_EQ(count_lines(), 768);
	pci_dev_write(&dev.pci, COMMAND, 2, 0);
	fake.nr_fetches = 0;
	changes();
	CHECK_EQ(count_lines(), 768);
	changes();
	CHECK_EQ(count_lines(), 0);
	CHECK_EQ(fake.nr_fetches, 0);
}

static void log_that_cannot_be_had_is_an_error_and_stays_off(void)
{
	start();
	fake.log_error = EIO;
	CHECK_EQ(bochs_display.watch(&dev, true, &err), -EIO);
	CHECK(!dev.region.log_dirty);
	fake.log_error = 0;
	CHECK_EQ(bochs_display.watch(&dev, true, &err), 0);
	CHECK(fake.on);
}

int main(void)
{
	TAP_RUN(identifies_itself_as_linux_expects);
	TAP_RUN(video_memory_is_guest_memory_where_the_bar_is);
	TAP_RUN(registers_answer_only_while_decode_is_on);
	TAP_RUN(memory_size_has_bounds);
	TAP_RUN(driver_finds_id_and_memory_size);
	TAP_RUN(edid_has_header_and_checksum);
	TAP_RUN(edid_prefers_1024_by_768);
	TAP_RUN(unused_registers_read_as_ones_and_take_no_writes);
	TAP_RUN(two_registers_can_be_written_at_once);
	TAP_RUN(there_is_no_picture_before_a_mode);
	TAP_RUN(preset_mode_shows_at_once);
	TAP_RUN(preset_mode_that_does_not_fit_is_refused);
	TAP_RUN(driver_sets_a_mode_and_pans);
	TAP_RUN(byte_order_and_16_bits_are_formats);
	TAP_RUN(mode_that_ends_with_the_memory_is_the_last_that_shows);
	TAP_RUN(any_register_values_stay_within_the_memory);
	TAP_RUN(driver_blanks_the_screen_and_shows_it_again);
	TAP_RUN(reset_takes_the_picture_away);
	TAP_RUN(nothing_is_logged_until_somebody_watches);
	TAP_RUN(first_look_is_at_all_lines);
	TAP_RUN(lines_of_the_pages_that_were_drawn_on_changed);
	TAP_RUN(drawing_elsewhere_in_the_memory_is_no_change);
	TAP_RUN(another_mode_changes_all_lines);
	TAP_RUN(unknown_changes_are_all_lines);
	TAP_RUN(moved_memory_stays_logged_and_all_lines_changed);
	TAP_RUN(log_that_cannot_be_had_is_an_error_and_stays_off);
	bochs_fini(&dev);
	bus_fini(&mmio);
	return tap_done();
}
