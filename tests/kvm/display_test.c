// SPDX-License-Identifier: GPL-2.0-or-later
/* A guest draws: where that costs an exit, and what is seen of it. And a viewer
 * types: what the guest gets. */
#include "src/dev/bochs.h"
#include "src/dev/i8042.h"
#include "tests/kvm/child.h"
#include "tests/kvm/machine.h"
#include "tests/rfb.h"
#include "tests/tap.h"

#define MEMORY_GPA 0xd0000000ULL
#define MMIO_GPA   0xd4000000ULL
#define LINE_LEN   4096ULL

enum { WIDTH = 1024, HEIGHT = 768, DISPI = 0x500 };

static struct machine machine;
static struct bochs dev;
static struct i8042 keyboard;
static struct vnc *vnc;
static struct rfb_viewer viewer;
static struct err e;
static struct surface seen;
static uint64_t lines[SURFACE_LINE_WORDS];

static bool make(void)
{
	if (!machine_open(&machine, "flat_servant") ||
	    bochs_init(&dev, &machine.mem, &machine.mmio, &kvm_mem_dirty,
		       &machine.kvm, BOCHS_DEFAULT_MEMORY, &e))
		return false;
	pci_dev_write(&dev.pci, PCI_BASE_ADDRESS_0, 4, MEMORY_GPA);
	pci_dev_write(&dev.pci, PCI_BASE_ADDRESS_2, 4, MMIO_GPA);
	return !bochs_start(&dev, WIDTH, HEIGHT);
}

static unsigned int count_changes(void)
{
	unsigned int n = 0;

	memset(lines, 0, sizeof(lines));
	bochs_display.changes(&dev, &seen, lines);
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		n += (unsigned int)__builtin_popcountll(lines[i]);
	return n;
}

static void drawing_is_seen_and_costs_no_exit(void)
{
	CHECK(make());
	bochs_display.look(&dev, &seen);
	machine_write(&machine, MEMORY_GPA + 5 * LINE_LEN + 4, 4, 0x123456);
	CHECK_EQ(get_le(seen.pixels + 5 * LINE_LEN + 4, 4), 0x123456);
	CHECK_EQ(machine.returns[KVM_EXIT_MMIO], 0);
}

static void line_that_is_drawn_on_is_found(void)
{
	CHECK(make());
	machine_write(&machine, MEMORY_GPA + 9 * LINE_LEN, 4, 1);
	CHECK_EQ(bochs_display.watch(&dev, true, &e), 0);
	CHECK_EQ(count_changes(), HEIGHT);
	CHECK_EQ(count_changes(), 0);
	machine_write(&machine, MEMORY_GPA + 77 * LINE_LEN + 8, 4, 2);
	CHECK_EQ(count_changes(), 1);
	CHECK(lines[77 / 64] >> (77 % 64) & 1);
	CHECK_EQ(count_changes(), 0);
	CHECK_EQ(machine.returns[KVM_EXIT_MMIO], 0);
}

static void drawing_still_works_when_nobody_watches_any_more(void)
{
	CHECK(make());
	CHECK_EQ(bochs_display.watch(&dev, true, &e), 0);
	machine_write(&machine, MEMORY_GPA, 4, 1);
	CHECK_EQ(bochs_display.watch(&dev, false, &e), 0);
	machine_write(&machine, MEMORY_GPA, 4, 2);
	bochs_display.look(&dev, &seen);
	CHECK_EQ(get_le(seen.pixels, 4), 2);
	CHECK_EQ(machine.returns[KVM_EXIT_MMIO], 0);
}

static void guest_sets_a_mode(void)
{
	CHECK(make());
	CHECK_EQ(machine_read(&machine, MMIO_GPA + DISPI, 2), 0xb0c5);
	machine_write(&machine, MMIO_GPA + DISPI + 2, 2, 800);
	machine_write(&machine, MMIO_GPA + DISPI + 4, 2, 600);
	bochs_display.look(&dev, &seen);
	CHECK_EQ(seen.width, 800);
	CHECK_EQ(seen.height, 600);
	CHECK_EQ(machine.returns[KVM_EXIT_MMIO], 3);
}

static void moved_memory_keeps_its_picture_and_its_log(void)
{
	CHECK(make());
	machine_write(&machine, MEMORY_GPA, 4, 0xabc);
	CHECK_EQ(bochs_display.watch(&dev, true, &e), 0);
	pci_dev_write(&dev.pci, PCI_BASE_ADDRESS_0, 4, 0xe0000000);
	CHECK_EQ(count_changes(), HEIGHT);
	CHECK_EQ(machine_read(&machine, 0xe0000000, 4), 0xabc);
	machine_write(&machine, 0xe0000000 + LINE_LEN, 4, 1);
	CHECK_EQ(count_changes(), 1);
	CHECK_EQ(machine_read(&machine, MEMORY_GPA, 4), 0xffffffff);
}

static void on_reset(void *ctx)
{
	(void)ctx;
}

/* With all that a viewer needs. */
static bool make_shown(void)
{
	static const struct display display = {
		.source = &bochs_display,
		.source_ctx = &dev,
		.input = &i8042_input,
		.input_ctx = &keyboard,
	};
	const struct vnc_config c = { 0 };

	return make() &&
	       !i8042_init(&keyboard, &machine.pio, 0x60, &machine.irq,
			   on_reset, NULL, &e) &&
	       !vnc_open(&vnc, &display, &c, &e) &&
	       rfb_view(&viewer, vnc_port(vnc)) && rfb_see(&viewer);
}

static void viewer_sees_what_the_guest_draws(void)
{
	CHECK(make_shown());
	CHECK_EQ(viewer.width, WIDTH);
	CHECK_EQ(rfb_pixel(&viewer, 20, 10), 0);
	CHECK(rfb_request(&viewer, true));
	CHECK(rfb_is_quiet(&viewer));
	machine_write(&machine, MEMORY_GPA + 10 * LINE_LEN + 80, 4, 0x112233);
	CHECK(rfb_take_update(&viewer));
	CHECK_EQ(viewer.top, 10);
	CHECK_EQ(viewer.bottom, 11);
	CHECK_EQ(rfb_pixel(&viewer, 20, 10), 0x112233);
	CHECK_EQ(machine.returns[KVM_EXIT_MMIO], 0);
}

/* The next byte of the keyboard, which may need a moment to come. */
static uint64_t read_key(void)
{
	for (unsigned int i = 0; i < 1000; i++) {
		if (machine_in(&machine, 0x64, 1) & 1)
			return machine_in(&machine, 0x60, 1);
		usleep(1000);
	}
	return UINT64_MAX;
}

static void guest_reads_what_the_viewer_types(void)
{
	CHECK(make_shown());
	CHECK(rfb_key(&viewer, 'k', true));
	CHECK_EQ(read_key(), 0x25);
	CHECK(rfb_key(&viewer, 'k', false));
	CHECK_EQ(read_key(), 0xa5);
	CHECK(rfb_key(&viewer, 0xff52, true)); /* up */
	CHECK_EQ(read_key(), 0xe0);
	CHECK_EQ(read_key(), 0x48);
}

static void unmake(void)
{
	rfb_leave(&viewer);
	vnc_close(vnc);
	vnc = NULL;
	i8042_fini(&keyboard, &machine.pio);
	bochs_fini(&dev);
	machine_close(&machine);
}

#define DISPLAY_TEST(fn)                                                       \
	do {                                                                   \
		TAP_RUN(fn);                                                   \
		unmake();                                                      \
	} while (0)

int main(void)
{
	const char *why = child_skip_reason();

	if (why)
		return tap_skip_all(why);
	DISPLAY_TEST(drawing_is_seen_and_costs_no_exit);
	DISPLAY_TEST(line_that_is_drawn_on_is_found);
	DISPLAY_TEST(drawing_still_works_when_nobody_watches_any_more);
	DISPLAY_TEST(guest_sets_a_mode);
	DISPLAY_TEST(moved_memory_keeps_its_picture_and_its_log);
	DISPLAY_TEST(viewer_sees_what_the_guest_draws);
	DISPLAY_TEST(guest_reads_what_the_viewer_types);
	return tap_done();
}
