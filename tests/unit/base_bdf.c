// SPDX-License-Identifier: GPL-2.0-or-later
/* Addresses of PCI functions as text. */
#include <errno.h>
#include <string.h>

#include "src/base/bits.h"
#include "src/base/types.h"
#include "tests/tap.h"

static const struct bdf untouched = { .domain = 1, .bus = 2, .devfn = 3 };

static void full_form_is_read(void)
{
	struct bdf b;

	CHECK_EQ(bdf_parse("0001:3b:02.1", &b), 0);
	CHECK(bdf_equal(b, (struct bdf){ 1, 0x3b, 2 << 3 | 1 }));
}

static void domain_left_out_is_zero(void)
{
	struct bdf b;

	CHECK_EQ(bdf_parse("3b:02.1", &b), 0);
	CHECK(bdf_equal(b, (struct bdf){ 0, 0x3b, 2 << 3 | 1 }));
}

static void digits_may_be_of_either_case_and_fewer(void)
{
	struct bdf b;

	CHECK_EQ(bdf_parse("0:A:1F.7", &b), 0);
	CHECK(bdf_equal(b, (struct bdf){ 0, 0xa, 0xff }));
}

static void highest_address_is_read(void)
{
	struct bdf b;

	CHECK_EQ(bdf_parse("ffff:ff:1f.7", &b), 0);
	CHECK(bdf_equal(b, (struct bdf){ 0xffff, 0xff, 0xff }));
}

static void domains_of_vmd_are_read_and_written(void)
{
	char s[BDF_STR_LEN];
	struct bdf b;

	CHECK_EQ(bdf_parse("10000:e1:00.0", &b), 0);
	CHECK(bdf_equal(b, (struct bdf){ 0x10000, 0xe1, 0 }));
	CHECK(!strcmp(bdf_str(b, s), "10000:e1:00.0"));
	CHECK_EQ(bdf_parse("ffffffff:ff:1f.7", &b), 0);
	CHECK(!strcmp(bdf_str(b, s), "ffffffff:ff:1f.7"));
	CHECK(bdf_cmp((struct bdf){ 0x10000, 0, 0 },
		      (struct bdf){ 0xffff, 0xff, 0xff }) > 0);
}

static void anything_else_is_refused_and_writes_nothing(void)
{
	static const char *const wrong[] = {
		"",
		":",
		".",
		"00",
		"00:",
		"00:02",
		"00:02.",
		"00:02.8",
		"00:20.0",
		"100:02.0",
		"0000:00:20.0",
		"0000:100:02.0",
		"100000000:00:02.0",
		"0000:00:02.0 ",
		" 0000:00:02.0",
		"0000:00:02.00",
		"0000:00:02.0.0",
		"0000:00:02:0",
		"0000:00.02.0",
		"0000::02.0",
		"0000:00:.0",
		"0x00:02.0",
		"-1:02.0",
		"gg:02.0",
		"0000:00:02.0\n",
		"0000:00:0g.0",
	};

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct bdf b = untouched;

		printf("# \"%s\"\n", wrong[i]);
		CHECK_EQ(bdf_parse(wrong[i], &b), -EINVAL);
		CHECK(bdf_equal(b, untouched));
	}
}

static void text_is_padded_as_lspci_does(void)
{
	char buf[BDF_STR_LEN];

	CHECK(!strcmp(bdf_str((struct bdf){ 0, 0x3, 2 << 3 | 1 }, buf),
		      "0000:03:02.1"));
}

/* devfn as text, read, and as text again. */
static bool survives(unsigned int devfn)
{
	struct bdf back = untouched;
	char text[BDF_STR_LEN], again[BDF_STR_LEN];

	bdf_str((struct bdf){ 0xabcd, 0x5a, (uint8_t)devfn }, text);
	return !bdf_parse(text, &back) && back.devfn == devfn &&
	       !strcmp(bdf_str(back, again), text);
}

static void every_devfn_survives_the_round_trip(void)
{
	for (unsigned int devfn = 0; devfn < 256; devfn++)
		CHECK(survives(devfn));
}

static void each_part_counts_for_equality(void)
{
	CHECK(bdf_equal(untouched, (struct bdf){ 1, 2, 3 }));
	CHECK(!bdf_equal(untouched, (struct bdf){ 9, 2, 3 }));
	CHECK(!bdf_equal(untouched, (struct bdf){ 1, 9, 3 }));
	CHECK(!bdf_equal(untouched, (struct bdf){ 1, 2, 9 }));
}

int main(void)
{
	TAP_RUN(full_form_is_read);
	TAP_RUN(domain_left_out_is_zero);
	TAP_RUN(digits_may_be_of_either_case_and_fewer);
	TAP_RUN(highest_address_is_read);
	TAP_RUN(domains_of_vmd_are_read_and_written);
	TAP_RUN(anything_else_is_refused_and_writes_nothing);
	TAP_RUN(text_is_padded_as_lspci_does);
	TAP_RUN(every_devfn_survives_the_round_trip);
	TAP_RUN(each_part_counts_for_equality);
	return tap_done();
}
