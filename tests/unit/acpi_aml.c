// SPDX-License-Identifier: GPL-2.0-or-later
/* The AML writer: encodings byte by byte, lengths, and a full buffer. */
#include "src/x86/aml.h"
#include "tests/tap.h"

static uint8_t buf[80000];
static uint8_t filler[70000];
static struct aml aml;

static void start(size_t cap)
{
	memset(buf, 0xee, sizeof(buf));
	aml = (struct aml){ .buf = buf, .cap = cap };
}

#define CHECK_BYTES(...)                                                       \
	do {                                                                   \
		const uint8_t bytes_[] = { __VA_ARGS__ };                      \
		CHECK(!aml.overflow);                                          \
		CHECK_EQ(aml.len, sizeof(bytes_));                             \
		CHECK(!memcmp(buf, bytes_, sizeof(bytes_)));                   \
	} while (0)

static void integers_take_the_shortest_form(void)
{
	start(sizeof(buf));
	aml_integer(&aml, 0);
	aml_integer(&aml, 1);
	aml_integer(&aml, 2);
	aml_integer(&aml, 0xff);
	aml_integer(&aml, 0x100);
	aml_integer(&aml, 0xffff);
	aml_integer(&aml, 0x10000);
	CHECK_BYTES(0x00, 0x01, 0x0a, 2, 0x0a, 0xff, 0x0b, 0x00, 0x01, 0x0b,
		    0xff, 0xff, 0x0c, 0x00, 0x00, 0x01, 0x00);
}

static void a_string_ends_with_nul(void)
{
	start(sizeof(buf));
	aml_name(&aml, "_HID");
	aml_string(&aml, "AB");
	CHECK_BYTES(0x08, '_', 'H', 'I', 'D', 0x0d, 'A', 'B', 0);
}

static void nested_bodies_count_their_lengths(void)
{
	start(sizeof(buf));
	aml_package(&aml, 2);
	aml_package(&aml, 1);
	aml_integer(&aml, 1);
	aml_end(&aml);
	aml_integer(&aml, 0);
	aml_end(&aml);
	CHECK_BYTES(0x12, 7, 2, 0x12, 3, 1, 0x01, 0x00);
}

static void a_scope_is_named_from_the_root(void)
{
	start(sizeof(buf));
	aml_scope(&aml, "_SB_", "PCI0");
	aml_end(&aml);
	CHECK_BYTES(0x10, 11, '\\', 0x2e, '_', 'S', 'B', '_', 'P', 'C', 'I',
		    '0');
	start(sizeof(buf));
	aml_scope(&aml, "_SB_", NULL);
	aml_end(&aml);
	CHECK_BYTES(0x10, 6, '\\', '_', 'S', 'B', '_');
}

static void a_device_has_the_long_opcode(void)
{
	start(sizeof(buf));
	aml_device(&aml, "C000");
	aml_end(&aml);
	CHECK_BYTES(0x5b, 0x82, 5, 'C', '0', '0', '0');
}

/* A package whose body (count byte and filler) is body bytes long. */
static void package_of(size_t body)
{
	start(sizeof(buf));
	aml_package(&aml, 0);
	aml_bytes(&aml, filler, body - 1);
	aml_end(&aml);
	CHECK(!aml.overflow);
}

/* PkgLength counts itself: 62 + 1 is the last that one byte holds. */
static void a_length_of_63_takes_one_byte(void)
{
	package_of(62);
	CHECK_EQ(aml.len, 1 + 1 + 62);
	CHECK_EQ(buf[1], 63);
}

static void a_length_of_65_takes_two_bytes(void)
{
	package_of(63);
	CHECK_EQ(aml.len, 1 + 2 + 63);
	CHECK_EQ(buf[1], 0x40 | 1);
	CHECK_EQ(buf[2], 4);
}

static void a_length_of_4095_takes_two_bytes(void)
{
	package_of(4093);
	CHECK_EQ(buf[1], 0x40 | 0xf);
	CHECK_EQ(buf[2], 0xff);
}

static void a_length_of_4097_takes_three_bytes(void)
{
	package_of(4094);
	CHECK_EQ(buf[1], 0x80 | 1);
	CHECK_EQ(buf[2], 0x00);
	CHECK_EQ(buf[3], 0x01);
}

static void a_length_of_70000_takes_three_bytes(void)
{
	package_of(70000);
	CHECK_EQ(aml.len, 1 + 3 + 70000);
	CHECK_EQ((buf[1] & 0xf) | buf[2] << 4 | buf[3] << 12, 70003);
}

static void windows_have_the_width_asked_for(void)
{
	struct aml_crs crs = { .len = 0 };
	static const uint8_t want[] = {
		0x88, 13,   0,	  1, 0x0c, 3,	 0,    0,    0x00,
		0x10, 0xff, 0xff, 0, 0,	   0x00, 0xf0, /* word I/O */
		0x87, 23,   0,	  0, 0x0c, 1,	 0,    0,    0,
		0,    0,    0,	  0, 2,	   0xff, 0xff, 0xff, 2,
		0,    0,    0,	  0, 0,	   0,	 0,    1, /* dword memory */
	};

	aml_crs_window(&crs, AML_SPACE_IO, 2, 0x1000, 0xf000);
	aml_crs_window(&crs, AML_SPACE_MEMORY, 4, 0x02000000, 0x01000000);
	CHECK_EQ(crs.len, sizeof(want));
	CHECK(!memcmp(crs.buf, want, sizeof(want)));
}

static void a_wide_window_keeps_all_64_bits(void)
{
	struct aml_crs crs = { .len = 0 };
	static const uint8_t last[] = { 0xff, 0xff, 0xff, 0xff, 0x3f, 0, 0, 0 };

	aml_crs_window(&crs, AML_SPACE_MEMORY, 8, 0x100000000, 0x3f00000000);
	CHECK_EQ(crs.len, 46);
	CHECK_EQ(crs.buf[0], 0x8a);
	CHECK_EQ(crs.buf[1], 43);
	CHECK(!memcmp(crs.buf + 22, last, sizeof(last)));
}

static void resources_become_a_buffer_with_end_tag(void)
{
	struct aml_crs crs = { .len = 0 };

	start(sizeof(buf));
	aml_crs_ports(&crs, 0xcf8, 8);
	aml_resources(&aml, &crs);
	CHECK_BYTES(0x11, 13, 0x0a, 10, 0x47, 1, 0xf8, 0x0c, 0xf8, 0x0c, 1, 8,
		    0x79, 0);
}

static void a_full_buffer_is_not_overrun(void)
{
	start(9);
	aml_device(&aml, "C000");
	aml_name(&aml, "_UID");
	aml_integer(&aml, 7);
	aml_end(&aml);
	CHECK(aml.overflow);
	CHECK(aml.len <= 9);
	CHECK_EQ(buf[9], 0xee);
}

static void no_room_for_the_length_is_an_overflow(void)
{
	start(6);
	aml_device(&aml, "C000");
	CHECK(!aml.overflow);
	aml_end(&aml);
	CHECK(aml.overflow);
	CHECK_EQ(buf[6], 0xee);
}

int main(void)
{
	TAP_RUN(integers_take_the_shortest_form);
	TAP_RUN(a_string_ends_with_nul);
	TAP_RUN(nested_bodies_count_their_lengths);
	TAP_RUN(a_scope_is_named_from_the_root);
	TAP_RUN(a_device_has_the_long_opcode);
	TAP_RUN(a_length_of_63_takes_one_byte);
	TAP_RUN(a_length_of_65_takes_two_bytes);
	TAP_RUN(a_length_of_4095_takes_two_bytes);
	TAP_RUN(a_length_of_4097_takes_three_bytes);
	TAP_RUN(a_length_of_70000_takes_three_bytes);
	TAP_RUN(windows_have_the_width_asked_for);
	TAP_RUN(a_wide_window_keeps_all_64_bits);
	TAP_RUN(resources_become_a_buffer_with_end_tag);
	TAP_RUN(a_full_buffer_is_not_overrun);
	TAP_RUN(no_room_for_the_length_is_an_overflow);
	return tap_done();
}
