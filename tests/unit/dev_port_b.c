// SPDX-License-Identifier: GPL-2.0-or-later
/* Port 0x61 of a board without PIT: nobody who waits there waits for long. */
#include "src/dev/port_b.h"
#include "src/x86/layout.h"
#include "tests/tap.h"

enum { REFRESH = 0x10, COUNTER_2_OUT = 0x20, NMI_SOURCES = 0xc0 };

static struct bus pio;
static struct port_b port;
static struct err err;

static void start(void)
{
	port_b_fini(&port, &pio);
	bus_fini(&pio);
	if (bus_init(&pio, "pio") || port_b_init(&port, &pio, X86_PORT_B, &err))
		abort();
}

static unsigned int in(void)
{
	uint64_t value;

	bus_read(&pio, X86_PORT_B, 1, &value);
	return (unsigned int)value;
}

static void counter_2_has_always_reached_its_end(void)
{
	start();
	CHECK(in() & COUNTER_2_OUT);
	bus_write(&pio, X86_PORT_B, 1, 1);
	CHECK(in() & COUNTER_2_OUT);
}

static void refresh_toggles(void)
{
	unsigned int before, tries = 0;

	start();
	before = in() & REFRESH;
	while ((in() & REFRESH) == before)
		CHECK(tries++ < 10000000);
	while ((in() & REFRESH) != before)
		CHECK(tries++ < 10000000);
}

static void no_nmi_comes_from_the_board(void)
{
	start();
	bus_write(&pio, X86_PORT_B, 1, 0xff);
	CHECK_EQ(in() & NMI_SOURCES, 0);
}

static void what_may_be_written_is_kept(void)
{
	start();
	CHECK_EQ(in() & 0xf, 0);
	bus_write(&pio, X86_PORT_B, 1, 0xff);
	CHECK_EQ(in() & 0xf, 0xf);
	bus_write(&pio, X86_PORT_B, 1, 2);
	CHECK_EQ(in() & 0xf, 2);
}

static void port_is_free_after_the_end(void)
{
	start();
	port_b_fini(&port, &pio);
	port_b_fini(&port, &pio);
	CHECK_EQ(in(), 0xff);
}

int main(void)
{
	TAP_RUN(counter_2_has_always_reached_its_end);
	TAP_RUN(refresh_toggles);
	TAP_RUN(no_nmi_comes_from_the_board);
	TAP_RUN(what_may_be_written_is_kept);
	TAP_RUN(port_is_free_after_the_end);
	port_b_fini(&port, &pio);
	bus_fini(&pio);
	return tap_done();
}
