// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The serial port's registers and interrupts, as drivers probe and use them.
 *
 * The probes are those of Linux's drivers/tty/serial/8250/8250_port.c
 * (autoconfig, autoconfig_16550a, serial8250_do_startup) and of FreeBSD's
 * uart_dev_ns8250.c (the FIFO is filled in loopback mode).
 */
#include "tests/unit/dev_serial.h"

static struct rig rig;

/* --- what autoconfig looks at --- */

static void scratch_register_holds_any_value(void)
{
	rig_open(&rig);
	outb(&rig, SCR, 0x5a);
	CHECK_EQ(inb(&rig, SCR), 0x5a);
	outb(&rig, SCR, 0xa5);
	CHECK_EQ(inb(&rig, SCR), 0xa5);
	rig_close(&rig);
}

static void interrupt_enable_has_four_bits(void)
{
	rig_open(&rig);
	outb(&rig, IER, 0);
	CHECK_EQ(inb(&rig, IER), 0);
	outb(&rig, IER, 0x0f);
	CHECK_EQ(inb(&rig, IER), 0x0f);
	/* Bit 6 (UUE) that stays set would make it an XScale port. */
	outb(&rig, IER, 0xff);
	CHECK_EQ(inb(&rig, IER), 0x0f);
	rig_close(&rig);
}

static void loopback_shows_modem_outputs_as_inputs(void)
{
	rig_open(&rig);
	outb(&rig, MCR, LOOP | OUT2 | 2); /* RTS */
	CHECK_EQ(inb(&rig, MSR) & 0xf0, 0x90);
	outb(&rig, MCR, LOOP | 1); /* DTR */
	CHECK_EQ(inb(&rig, MSR) & 0xf0, 0x20);
	outb(&rig, MCR, LOOP | 4); /* OUT1 */
	CHECK_EQ(inb(&rig, MSR) & 0xf0, 0x40);
	rig_close(&rig);
}

static void line_is_connected_outside_of_loopback(void)
{
	rig_open(&rig);
	outb(&rig, MCR, 0);
	CHECK_EQ(inb(&rig, MSR) & 0xf0, 0xb0); /* DCD, DSR, CTS */
	rig_close(&rig);
}

static void fifo_is_that_of_a_16550a(void)
{
	rig_open(&rig);
	CHECK_EQ(inb(&rig, IIR) & 0xc0, 0);
	outb(&rig, FCR, 1);
	CHECK_EQ(inb(&rig, IIR) & 0xc0, 0xc0);
	outb(&rig, FCR, 0);
	CHECK_EQ(inb(&rig, IIR) & 0xc0, 0);
	rig_close(&rig);
}

static void it_is_not_taken_for_a_16750(void)
{
	rig_open(&rig);
	outb(&rig, LCR, DLAB);
	outb(&rig, FCR, 0x21); /* FIFO, 64 bytes */
	outb(&rig, LCR, 0);
	CHECK_EQ(inb(&rig, IIR) & 0xe0, 0xc0);
	rig_close(&rig);
}

static void it_is_not_taken_for_a_16650_or_a_superio(void)
{
	rig_open(&rig);
	outb(&rig, FCR, 1);
	outb(&rig, LCR, DLAB);
	CHECK(inb(&rig, IIR) != 0); /* EFR of a 16650 */
	outb(&rig, LCR, 0xbf);
	CHECK(inb(&rig, IIR) != 0); /* EFR of an ST16C654 */
	/* EXCR1 of a National SuperIO follows MCR's loop bit. */
	outb(&rig, LCR, 0);
	outb(&rig, MCR, LOOP);
	outb(&rig, LCR, 0xe0);
	CHECK_EQ(inb(&rig, IIR) & LOOP, 0);
	rig_close(&rig);
}

static void modem_control_keeps_five_bits(void)
{
	rig_open(&rig);
	outb(&rig, MCR, 0xff);
	CHECK_EQ(inb(&rig, MCR), 0x1f);
	rig_close(&rig);
}

static void divisor_latch_hides_data_and_interrupt_enable(void)
{
	char text[8];

	rig_open(&rig);
	outb(&rig, IER, 5);
	outb(&rig, LCR, DLAB | 3);
	CHECK_EQ(inb(&rig, DATA), 1); /* 115200 at power-on */
	outb(&rig, DATA, 0x0c);
	outb(&rig, IER, 0x34);
	CHECK_EQ(inb(&rig, DATA), 0x0c);
	CHECK_EQ(inb(&rig, IER), 0x34);
	CHECK_EQ(inb(&rig, LCR), DLAB | 3);
	outb(&rig, LCR, 3);
	CHECK_EQ(inb(&rig, IER), 5);
	CHECK_EQ(screen(&rig, text, sizeof(text)), 0);
	rig_close(&rig);
}

static void status_registers_ignore_writes(void)
{
	rig_open(&rig);
	outb(&rig, LSR, 0);
	outb(&rig, MSR, 0);
	CHECK_EQ(inb(&rig, LSR), LSR_THRE | LSR_TEMT);
	CHECK_EQ(inb(&rig, MSR) & 0xf0, 0xb0);
	rig_close(&rig);
}

static void wide_accesses_do_nothing(void)
{
	uint64_t value = 0;
	char text[8];

	rig_open(&rig);
	type_text(&rig, "x");
	turn(&rig, 10);
	CHECK(bus_read(&rig.pio, PORT, 2, &value));
	CHECK_EQ(value, 0xffff);
	CHECK(bus_write(&rig.pio, PORT, 4, 0x41424344));
	CHECK_EQ(screen(&rig, text, sizeof(text)), 0);
	CHECK_EQ(inb(&rig, DATA), 'x');
	rig_close(&rig);
}

/* --- transmitter interrupts --- */

static void enabling_it_raises_the_transmitter_interrupt(void)
{
	rig_open(&rig);
	outb(&rig, MCR, OUT2);
	CHECK_EQ(inb(&rig, IIR), IIR_NONE);
	outb(&rig, IER, IER_THR);
	CHECK(rig.line);
	CHECK_EQ(inb(&rig, IIR), IIR_THR);
	rig_close(&rig);
}

static void reading_its_cause_takes_the_transmitter_interrupt_back(void)
{
	rig_open(&rig);
	outb(&rig, MCR, OUT2);
	outb(&rig, IER, IER_THR);
	CHECK_EQ(inb(&rig, IIR), IIR_THR);
	CHECK(!rig.line);
	CHECK_EQ(inb(&rig, IIR), IIR_NONE);
	rig_close(&rig);
}

/* serial8250_do_startup: else Linux polls the port with a timer. */
static void transmitter_interrupt_comes_again_when_enabled_again(void)
{
	rig_open(&rig);
	outb(&rig, IER, IER_THR);
	CHECK_EQ(inb(&rig, IIR), IIR_THR);
	outb(&rig, IER, 0);
	CHECK_EQ(inb(&rig, IIR), IIR_NONE);
	outb(&rig, IER, IER_THR);
	CHECK_EQ(inb(&rig, IIR), IIR_THR);
	rig_close(&rig);
}

static void enabling_what_is_enabled_raises_nothing(void)
{
	rig_open(&rig);
	outb(&rig, IER, IER_THR);
	inb(&rig, IIR);
	outb(&rig, IER, IER_THR | IER_RX);
	CHECK_EQ(inb(&rig, IIR), IIR_NONE);
	rig_close(&rig);
}

static void each_byte_sent_makes_a_new_edge(void)
{
	rig_open(&rig);
	outb(&rig, MCR, OUT2);
	outb(&rig, IER, IER_THR);
	inb(&rig, IIR);
	outb(&rig, DATA, 'a');
	CHECK_EQ(rig.nr_edges, 2);
	inb(&rig, IIR);
	outb(&rig, DATA, 'b');
	CHECK_EQ(rig.nr_edges, 3);
	rig_close(&rig);
}

static void a_fifo_full_of_bytes_makes_one_edge(void)
{
	rig_open(&rig);
	outb(&rig, MCR, OUT2);
	outb(&rig, IER, IER_THR);
	inb(&rig, IIR);
	out_text(&rig, "0123456789abcdef");
	CHECK_EQ(rig.nr_edges, 2);
	CHECK_EQ(inb(&rig, IIR), IIR_THR);
	CHECK_EQ(inb(&rig, IIR), IIR_NONE);
	rig_close(&rig);
}

static void disabled_transmitter_interrupt_is_silent(void)
{
	rig_open(&rig);
	outb(&rig, MCR, OUT2);
	out_text(&rig, "abc");
	CHECK_EQ(rig.nr_edges, 0);
	CHECK_EQ(inb(&rig, IIR), IIR_NONE);
	rig_close(&rig);
}

/* --- the line --- */

static void interrupts_reach_the_line_only_with_out2(void)
{
	rig_open(&rig);
	outb(&rig, IER, IER_THR);
	CHECK(!rig.line);
	CHECK_EQ(inb(&rig, LSR) & LSR_THRE, LSR_THRE);
	outb(&rig, MCR, OUT2);
	CHECK(rig.line);
	outb(&rig, MCR, 0);
	CHECK(!rig.line);
	rig_close(&rig);
}

/* OUT2 is off in loopback (8.6.7), and it gates the interrupt on a PC. */
static void loopback_keeps_interrupts_off_the_line(void)
{
	rig_open(&rig);
	outb(&rig, MCR, OUT2);
	outb(&rig, IER, IER_THR);
	outb(&rig, MCR, OUT2 | LOOP);
	CHECK(!rig.line);
	rig_close(&rig);
}

static void two_causes_make_one_edge(void)
{
	rig_open(&rig);
	outb(&rig, MCR, OUT2);
	outb(&rig, IER, IER_THR | IER_RX);
	type_text(&rig, "x");
	turn(&rig, 10);
	CHECK_EQ(rig.nr_edges, 1);
	CHECK_EQ(inb(&rig, IIR), IIR_RX);
	CHECK_EQ(inb(&rig, DATA), 'x');
	CHECK(rig.line);
	CHECK_EQ(inb(&rig, IIR), IIR_THR);
	CHECK(!rig.line);
	rig_close(&rig);
}

/* --- receiver --- */

static void received_byte_is_shown_and_raises_an_interrupt(void)
{
	rig_open(&rig);
	outb(&rig, MCR, OUT2);
	outb(&rig, IER, IER_RX);
	type_text(&rig, "hi");
	turn(&rig, 10);
	CHECK_EQ(inb(&rig, LSR) & LSR_DATA, LSR_DATA);
	CHECK_EQ(inb(&rig, IIR), IIR_RX);
	CHECK(rig.line);
	CHECK_EQ(inb(&rig, DATA), 'h');
	CHECK(rig.line);
	CHECK_EQ(inb(&rig, DATA), 'i');
	CHECK(!rig.line);
	CHECK_EQ(inb(&rig, LSR) & LSR_DATA, 0);
	rig_close(&rig);
}

static void byte_that_came_before_its_interrupt_was_enabled_raises_it(void)
{
	rig_open(&rig);
	outb(&rig, MCR, OUT2);
	type_text(&rig, "x");
	turn(&rig, 10);
	CHECK(!rig.line);
	outb(&rig, IER, IER_RX);
	CHECK(rig.line);
	rig_close(&rig);
}

static void empty_receiver_reads_as_zero(void)
{
	rig_open(&rig);
	CHECK_EQ(inb(&rig, DATA), 0);
	CHECK_EQ(inb(&rig, DATA), 0);
	rig_close(&rig);
}

static void clearing_the_receive_fifo_drops_what_is_in_it(void)
{
	char text[32];

	rig_open(&rig);
	outb(&rig, MCR, OUT2);
	outb(&rig, IER, IER_RX);
	type_text(&rig, "stale");
	turn(&rig, 10);
	outb(&rig, FCR, 3);
	CHECK_EQ(inb(&rig, LSR) & LSR_DATA, 0);
	CHECK(!rig.line);
	type_text(&rig, "fresh");
	turn(&rig, 10);
	CHECK_EQ(in_text(&rig, text, sizeof(text)), 5);
	CHECK(!strcmp(text, "fresh"));
	rig_close(&rig);
}

/* --- loopback of data --- */

static void loopback_returns_bytes_and_sends_none(void)
{
	char text[32];

	rig_open(&rig);
	outb(&rig, MCR, LOOP);
	out_text(&rig, "ping");
	CHECK_EQ(in_text(&rig, text, sizeof(text)), 4);
	CHECK(!strcmp(text, "ping"));
	outb(&rig, MCR, 0);
	CHECK_EQ(screen(&rig, text, sizeof(text)), 0);
	rig_close(&rig);
}

static void seventeenth_byte_in_loopback_overruns(void)
{
	char text[32];

	rig_open(&rig);
	outb(&rig, FCR, 1);
	outb(&rig, MCR, LOOP);
	out_text(&rig, "0123456789abcdef");
	CHECK_EQ(inb(&rig, LSR) & LSR_OVERRUN, 0);
	outb(&rig, DATA, 'X');
	CHECK_EQ(inb(&rig, LSR) & LSR_OVERRUN, LSR_OVERRUN);
	CHECK_EQ(inb(&rig, LSR) & LSR_OVERRUN, 0);
	CHECK_EQ(in_text(&rig, text, sizeof(text)), 16);
	CHECK(!strcmp(text, "0123456789abcdef"));
	rig_close(&rig);
}

static void overrun_is_the_first_cause_until_its_status_is_read(void)
{
	rig_open(&rig);
	outb(&rig, IER, IER_LINE | IER_RX);
	outb(&rig, MCR, LOOP);
	out_text(&rig, "0123456789abcdefX");
	outb(&rig, MCR, OUT2);
	CHECK(rig.line);
	CHECK_EQ(inb(&rig, IIR), IIR_LINE);
	inb(&rig, LSR);
	CHECK_EQ(inb(&rig, IIR), IIR_RX);
	rig_close(&rig);
}

static void a_fifo_filled_by_loopback_does_not_end_the_input(void)
{
	char text[32];

	rig_open(&rig);
	outb(&rig, MCR, LOOP);
	out_text(&rig, "0123456789abcdef");
	type_text(&rig, "k");
	turn(&rig, 10);
	CHECK_EQ(in_text(&rig, text, sizeof(text)), 16);
	outb(&rig, MCR, 0);
	turn(&rig, 10);
	CHECK_EQ(in_text(&rig, text, sizeof(text)), 1);
	CHECK(!strcmp(text, "k"));
	rig_close(&rig);
}

static void typing_during_loopback_waits_outside(void)
{
	char text[32];

	rig_open(&rig);
	outb(&rig, MCR, LOOP);
	type_text(&rig, "typed");
	CHECK_EQ(turn(&rig, 10), 0);
	CHECK_EQ(inb(&rig, LSR) & LSR_DATA, 0);
	outb(&rig, MCR, 0);
	turn(&rig, 10);
	in_text(&rig, text, sizeof(text));
	CHECK(!strcmp(text, "typed"));
	rig_close(&rig);
}

int main(void)
{
	TAP_RUN(scratch_register_holds_any_value);
	TAP_RUN(interrupt_enable_has_four_bits);
	TAP_RUN(loopback_shows_modem_outputs_as_inputs);
	TAP_RUN(line_is_connected_outside_of_loopback);
	TAP_RUN(fifo_is_that_of_a_16550a);
	TAP_RUN(it_is_not_taken_for_a_16750);
	TAP_RUN(it_is_not_taken_for_a_16650_or_a_superio);
	TAP_RUN(modem_control_keeps_five_bits);
	TAP_RUN(divisor_latch_hides_data_and_interrupt_enable);
	TAP_RUN(status_registers_ignore_writes);
	TAP_RUN(wide_accesses_do_nothing);
	TAP_RUN(enabling_it_raises_the_transmitter_interrupt);
	TAP_RUN(reading_its_cause_takes_the_transmitter_interrupt_back);
	TAP_RUN(transmitter_interrupt_comes_again_when_enabled_again);
	TAP_RUN(enabling_what_is_enabled_raises_nothing);
	TAP_RUN(each_byte_sent_makes_a_new_edge);
	TAP_RUN(a_fifo_full_of_bytes_makes_one_edge);
	TAP_RUN(disabled_transmitter_interrupt_is_silent);
	TAP_RUN(interrupts_reach_the_line_only_with_out2);
	TAP_RUN(loopback_keeps_interrupts_off_the_line);
	TAP_RUN(two_causes_make_one_edge);
	TAP_RUN(received_byte_is_shown_and_raises_an_interrupt);
	TAP_RUN(byte_that_came_before_its_interrupt_was_enabled_raises_it);
	TAP_RUN(empty_receiver_reads_as_zero);
	TAP_RUN(clearing_the_receive_fifo_drops_what_is_in_it);
	TAP_RUN(loopback_returns_bytes_and_sends_none);
	TAP_RUN(seventeenth_byte_in_loopback_overruns);
	TAP_RUN(overrun_is_the_first_cause_until_its_status_is_read);
	TAP_RUN(a_fifo_filled_by_loopback_does_not_end_the_input);
	TAP_RUN(typing_during_loopback_waits_outside);
	return tap_done();
}
