// SPDX-License-Identifier: GPL-2.0-or-later
/* Port and memory I/O of a guest, of every width, as devices on the buses see
 * it. */
#include "src/base/bits.h"
#include "tests/kvm/child.h"
#include "tests/kvm/machine.h"
#include "tests/tap.h"

#define PORT   0x1f0
#define MEMORY 0xd0000000ULL
#define BUFFER 0x300000

enum { DEVICE_LEN = 0x40 };

static struct machine machine;
static struct recorder device;
static struct err e;

static void open_with_ports(void)
{
	CHECK(machine_open(&machine, "flat_servant"));
	recorder_init(&device, PORT, DEVICE_LEN);
	CHECK_EQ(bus_add(&machine.pio, &device.range, &e), 0);
}

static void open_with_memory(void)
{
	CHECK(machine_open(&machine, "flat_servant"));
	recorder_init(&device, MEMORY, DEVICE_LEN);
	CHECK_EQ(bus_add(&machine.mmio, &device.range, &e), 0);
}

/* Call i of the device was this one. */
#define CHECK_CALL(i, want_write, want_offset, want_len)                       \
	do {                                                                   \
		CHECK(device.nr > (i));                                        \
		CHECK_EQ(device.calls[i].is_write, want_write);                \
		CHECK_EQ(device.calls[i].offset, want_offset);                 \
		CHECK_EQ(device.calls[i].len, want_len);                       \
	} while (0)

static void ports_are_read_with_every_width(void)
{
	open_with_ports();
	device.next = 0xa1b2c3d4;
	CHECK_EQ(machine_in(&machine, PORT, 1), 0xd4);
	CHECK_EQ(machine_in(&machine, PORT + 2, 2), 0xc3d5);
	CHECK_EQ(machine_in(&machine, PORT + 8, 4), 0xa1b2c3d6);
	CHECK_CALL(0, false, 0, 1);
	CHECK_CALL(1, false, 2, 2);
	CHECK_CALL(2, false, 8, 4);
	CHECK_EQ(device.nr, 3);
}

static void ports_are_written_with_every_width(void)
{
	open_with_ports();
	machine_out(&machine, PORT, 1, 0xa1b2c3d4);
	machine_out(&machine, PORT + 2, 2, 0xa1b2c3d4);
	machine_out(&machine, PORT + 8, 4, 0xa1b2c3d4);
	CHECK_CALL(0, true, 0, 1);
	CHECK_CALL(1, true, 2, 2);
	CHECK_CALL(2, true, 8, 4);
	CHECK_EQ(device.calls[0].value, 0xd4);
	CHECK_EQ(device.calls[1].value, 0xc3d4);
	CHECK_EQ(device.calls[2].value, 0xa1b2c3d4);
	CHECK_EQ(device.nr, 3);
}

static void memory_is_read_with_every_width(void)
{
	open_with_memory();
	device.next = 0x1122334455667788;
	CHECK_EQ(machine_read(&machine, MEMORY, 1), 0x88);
	CHECK_EQ(machine_read(&machine, MEMORY + 2, 2), 0x7789);
	CHECK_EQ(machine_read(&machine, MEMORY + 4, 4), 0x5566778a);
	CHECK_EQ(machine_read(&machine, MEMORY + 8, 8), 0x112233445566778b);
	CHECK_CALL(0, false, 0, 1);
	CHECK_CALL(1, false, 2, 2);
	CHECK_CALL(2, false, 4, 4);
	CHECK_CALL(3, false, 8, 8);
	CHECK_EQ(device.nr, 4);
}

static void memory_is_written_with_every_width(void)
{
	open_with_memory();
	machine_write(&machine, MEMORY, 1, 0x1122334455667788);
	machine_write(&machine, MEMORY + 2, 2, 0x1122334455667788);
	machine_write(&machine, MEMORY + 4, 4, 0x1122334455667788);
	machine_write(&machine, MEMORY + 8, 8, 0x1122334455667788);
	CHECK_CALL(0, true, 0, 1);
	CHECK_CALL(1, true, 2, 2);
	CHECK_CALL(2, true, 4, 4);
	CHECK_CALL(3, true, 8, 8);
	CHECK_EQ(device.calls[0].value, 0x88);
	CHECK_EQ(device.calls[1].value, 0x7788);
	CHECK_EQ(device.calls[2].value, 0x55667788);
	CHECK_EQ(device.calls[3].value, 0x1122334455667788);
	CHECK_EQ(device.nr, 4);
}

static void string_output_arrives_in_order(void)
{
	const struct order order = { ORDER_OUTS_8, PORT + 1, BUFFER, 5 };

	open_with_ports();
	memcpy(mem_ptr(&machine.mem, BUFFER, 5), "hello", 5);
	machine_do(&machine, &order);
	CHECK_EQ(device.nr, 5);
	for (unsigned int i = 0; i < 5; i++) {
		CHECK_CALL(i, true, 1, 1);
		CHECK_EQ(device.calls[i].value, "hello"[i]);
	}
}

static void string_output_of_16_and_32_bits_arrives_in_order(void)
{
	const struct order words = { ORDER_OUTS_16, PORT, BUFFER, 3 };
	const struct order longs = { ORDER_OUTS_32, PORT, BUFFER, 2 };

	open_with_ports();
	memcpy(mem_ptr(&machine.mem, BUFFER, 8), "abcdefgh", 8);
	machine_do(&machine, &words);
	machine_do(&machine, &longs);
	CHECK_EQ(device.nr, 5);
	CHECK_CALL(2, true, 0, 2);
	CHECK_CALL(3, true, 0, 4);
	CHECK_EQ(device.calls[0].value, 0x6261);
	CHECK_EQ(device.calls[2].value, 0x6665);
	CHECK_EQ(device.calls[3].value, 0x64636261);
	CHECK_EQ(device.calls[4].value, 0x68676665);
}

static void string_input_arrives_in_order(void)
{
	const struct order order = { ORDER_INS_8, PORT + 1, BUFFER, 5 };

	open_with_ports();
	device.next = 'v';
	machine_do(&machine, &order);
	CHECK_EQ(device.nr, 5);
	CHECK_CALL(4, false, 1, 1);
	CHECK(!memcmp(mem_ptr(&machine.mem, BUFFER, 6), "vwxyz", 6));
}

static void string_input_of_16_and_32_bits_arrives_in_order(void)
{
	const struct order words = { ORDER_INS_16, PORT, BUFFER, 2 };
	const struct order longs = { ORDER_INS_32, PORT, BUFFER + 4, 2 };

	open_with_ports();
	device.next = 0x1000;
	machine_do(&machine, &words);
	machine_do(&machine, &longs);
	CHECK_EQ(get_le(mem_ptr(&machine.mem, BUFFER, 4), 4), 0x10011000);
	CHECK_EQ(get_le(mem_ptr(&machine.mem, BUFFER + 4, 8), 8),
		 0x0000100300001002);
}

/* More than a page of them, so that KVM hands them over in several returns. */
static void long_string_output_is_whole(void)
{
	const struct order order = { ORDER_OUTS_8, PORT, BUFFER, 10000 };

	open_with_ports();
	memset(mem_ptr(&machine.mem, BUFFER, 10000), 'x', 10000);
	machine_do(&machine, &order);
	CHECK_EQ(device.nr, 10000);
}

static void unclaimed_ports_read_as_ones(void)
{
	open_with_ports();
	CHECK_EQ(machine_in(&machine, PORT + DEVICE_LEN, 1), 0xff);
	CHECK_EQ(machine_in(&machine, PORT + DEVICE_LEN, 2), 0xffff);
	CHECK_EQ(machine_in(&machine, PORT + DEVICE_LEN, 4), 0xffffffff);
	machine_out(&machine, PORT + DEVICE_LEN, 4, 0);
	CHECK_EQ(device.nr, 0);
}

static void access_across_the_end_of_a_device_is_unclaimed(void)
{
	open_with_ports();
	CHECK_EQ(machine_in(&machine, PORT + DEVICE_LEN - 2, 4), 0xffffffff);
	CHECK_EQ(machine_in(&machine, PORT - 1, 2), 0xffff);
	CHECK_EQ(device.nr, 0);
}

static void neighbours_each_get_their_own(void)
{
	struct recorder second;

	open_with_ports();
	recorder_init(&second, PORT + DEVICE_LEN, 4);
	second.next = 7;
	CHECK_EQ(bus_add(&machine.pio, &second.range, &e), 0);
	CHECK_EQ(machine_in(&machine, PORT + DEVICE_LEN, 4), 7);
	CHECK_EQ(device.nr, 0);
	CHECK_EQ(second.calls[0].offset, 0);
}

static void port_and_memory_of_one_number_are_two_things(void)
{
	open_with_memory();
	device.next = 5;
	CHECK_EQ(machine_in(&machine, (uint16_t)MEMORY, 1), 0xff);
	CHECK_EQ(machine_read(&machine, MEMORY, 4), 5);
}

static void moved_device_answers_at_its_new_place_only(void)
{
	open_with_memory();
	device.next = 5;
	CHECK_EQ(bus_move(&machine.mmio, &device.range, MEMORY + 0x1000, &e),
		 0);
	CHECK_EQ(machine_read(&machine, MEMORY, 4), 0xffffffff);
	CHECK_EQ(machine_read(&machine, MEMORY + 0x1004, 4), 5);
	CHECK_EQ(device.calls[0].offset, 4);
}

static void deleted_device_is_gone(void)
{
	open_with_memory();
	bus_del(&machine.mmio, &device.range);
	CHECK_EQ(machine_read(&machine, MEMORY, 4), 0xffffffff);
	CHECK_EQ(device.nr, 0);
}

#define BUS_TEST(fn)                                                           \
	do {                                                                   \
		TAP_RUN(fn);                                                   \
		machine_close(&machine);                                       \
	} while (0)

int main(void)
{
	const char *why = child_skip_reason();

	if (why)
		return tap_skip_all(why);
	BUS_TEST(ports_are_read_with_every_width);
	BUS_TEST(ports_are_written_with_every_width);
	BUS_TEST(memory_is_read_with_every_width);
	BUS_TEST(memory_is_written_with_every_width);
	BUS_TEST(string_output_arrives_in_order);
	BUS_TEST(string_output_of_16_and_32_bits_arrives_in_order);
	BUS_TEST(string_input_arrives_in_order);
	BUS_TEST(string_input_of_16_and_32_bits_arrives_in_order);
	BUS_TEST(long_string_output_is_whole);
	BUS_TEST(unclaimed_ports_read_as_ones);
	BUS_TEST(access_across_the_end_of_a_device_is_unclaimed);
	BUS_TEST(neighbours_each_get_their_own);
	BUS_TEST(port_and_memory_of_one_number_are_two_things);
	BUS_TEST(moved_device_answers_at_its_new_place_only);
	BUS_TEST(deleted_device_is_gone);
	return tap_done();
}
