// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The clock, on a host whose time the tests make: what the guest reads, sets
 * and is interrupted by.
 */
#include <errno.h>
#include <sys/timerfd.h>
#include <time.h>

#include "src/base/bits.h"
#include "src/dev/rtc.h"
#include "src/x86/layout.h"
#include "tests/tap.h"

#define SECOND 1000000000ULL
#define MS     1000000ULL
#define US     1000ULL

enum {
	PORT = X86_RTC_PORT,

	SECONDS = 0,
	SECONDS_ALARM,
	MINUTES,
	MINUTES_ALARM,
	HOURS,
	HOURS_ALARM,
	WEEKDAY,
	DAY,
	MONTH,
	YEAR,
	REG_A,
	REG_B,
	REG_C,
	REG_D,
	CENTURY = X86_RTC_CENTURY,
	RAM = 0x40,
	ANY = 0xff,
	UIP = 0x80,
	RUN = 0x20,
	DIVIDER_RESET = 0x60,
	SET = 0x80,
	TICK = 0x40,
	ALARM = 0x20,
	UPDATE = 0x10,
	H24 = 0x02,
	BINARY = 0x04,
	IRQF = 0x80,
};

static struct rtc dev;
static struct rtc_cells cells;
static struct bus pio;
static struct irq irq;
static struct loop loop;
static struct err err;
static uint64_t host_ns;
static unsigned int nr_edges;
static bool level;

static int sink_routes(void *ctx, const struct irq_route *routes,
		       unsigned int nr, struct err *e)
{
	(void)ctx;
	(void)routes;
	(void)nr;
	(void)e;
	return 0;
}

static void sink_line(void *ctx, uint32_t gsi, bool high)
{
	(void)ctx;
	if (gsi != X86_RTC_GSI || level == high)
		abort();
	nr_edges += high;
	level = high;
}

static uint64_t fake_ns(void)
{
	return host_ns;
}

static struct rtc_setup setup(uint64_t (*now_ns)(void))
{
	return (struct rtc_setup){ .port = PORT,
				   .line = { &irq, X86_RTC_GSI },
				   .loop = &loop,
				   .cells = &cells,
				   .now_ns = now_ns };
}

/* A clock with what is in the cells. */
static void power_on(uint64_t (*now_ns)(void))
{
	static const struct irq_sink_ops sink = { .set_routes = sink_routes,
						  .set_line = sink_line };
	struct rtc_setup s = setup(now_ns);

	rtc_fini(&dev, &pio);
	bus_fini(&pio);
	if (irq.ops) {
		irq_fini(&irq);
		loop_fini(&loop);
	}
	nr_edges = 0;
	level = false;
	memset(&err, 0, sizeof(err));
	if (bus_init(&pio, "pio") || irq_init(&irq, &sink, NULL, &err) ||
	    loop_init(&loop, &err) || rtc_init(&dev, &pio, &s, &err))
		abort();
}

/* A new one, a quarter of a second after that time. */
static void make_at(const char *date)
{
	struct tm tm = { 0 };

	if (!strptime(date, "%Y-%m-%d %H:%M:%S", &tm))
		abort();
	host_ns = (uint64_t)timegm(&tm) * SECOND + SECOND / 4;
	cells = (struct rtc_cells){ .second = 0 };
	power_on(fake_ns);
}

static void make(void)
{
	make_at("2026-11-28 13:45:56");
}

/* The loop's part: the timer expires in between when it is set to. */
static void pass(uint64_t ns)
{
	uint64_t end = host_ns + ns;

	while (dev.deadline_ns && dev.deadline_ns <= end) {
		if (dev.deadline_ns > host_ns)
			host_ns = dev.deadline_ns;
		dev.timer.fn(&dev.timer);
	}
	host_ns = end;
}

static uint8_t get(uint8_t index)
{
	uint64_t value;

	bus_write(&pio, PORT, 1, index);
	bus_read(&pio, PORT + 1, 1, &value);
	return (uint8_t)value;
}

static void put(uint8_t index, uint8_t value)
{
	bus_write(&pio, PORT, 1, index);
	bus_write(&pio, PORT + 1, 1, value);
}

/* The registers as hexadecimal digits. */
static const char *now(void)
{
	static char text[32];

	snprintf(text, sizeof(text), "%02x%02x-%02x-%02x %02x:%02x:%02x",
		 get(CENTURY), get(YEAR), get(MONTH), get(DAY), get(HOURS),
		 get(MINUTES), get(SECONDS));
	return text;
}

static void put_time(uint8_t hours, uint8_t minutes, uint8_t seconds)
{
	put(HOURS, hours);
	put(MINUTES, minutes);
	put(SECONDS, seconds);
}

static void put_alarm(uint8_t hours, uint8_t minutes, uint8_t seconds)
{
	put(HOURS_ALARM, hours);
	put(MINUTES_ALARM, minutes);
	put(SECONDS_ALARM, seconds);
}

#define CHECK_NOW(want) CHECK_EQ(strcmp(now(), want), 0)

/* --- reading --- */

static void time_is_the_hosts_in_utc(void)
{
	make();
	CHECK_NOW("2026-11-28 13:45:56");
	CHECK_EQ(get(WEEKDAY), 7);
	CHECK_EQ(get(REG_A), 0x26);
	CHECK_EQ(get(REG_B), H24);
	CHECK_EQ(get(REG_D), 0x80);
}

static void time_goes_on_with_the_hosts(void)
{
	make();
	pass(SECOND / 4 * 3 - 1);
	CHECK_NOW("2026-11-28 13:45:56");
	pass(1);
	CHECK_NOW("2026-11-28 13:45:57");
	pass(3 * 86400 * SECOND);
	CHECK_NOW("2026-12-01 13:45:57");
	CHECK_EQ(get(WEEKDAY), 3);
}

static void last_second_of_a_century_carries_into_all(void)
{
	make_at("2099-12-31 23:59:59");
	pass(SECOND);
	CHECK_NOW("2100-01-01 00:00:00");
	CHECK_EQ(get(WEEKDAY), 6);
}

static void february_has_29_days_in_leap_years(void)
{
	make_at("2028-02-28 23:59:59");
	pass(SECOND);
	CHECK_NOW("2028-02-29 00:00:00");
	pass(86400 * SECOND);
	CHECK_NOW("2028-03-01 00:00:00");
}

static void hosts_clock_that_is_set_sets_the_guests(void)
{
	make();
	host_ns += 3600 * SECOND;
	CHECK_NOW("2026-11-28 14:45:56");
	host_ns -= 7200 * SECOND;
	CHECK_NOW("2026-11-28 12:45:56");
}

static void update_in_progress_is_seen_just_before_it(void)
{
	make();
	pass(SECOND / 4 * 3 - 244 * US - 1);
	CHECK_EQ(get(REG_A), 0x26);
	pass(1);
	CHECK_EQ(get(REG_A), 0x26 | UIP);
	pass(244 * US - 1);
	CHECK_EQ(get(REG_A), 0x26 | UIP);
	pass(1);
	CHECK_EQ(get(REG_A), 0x26);
}

static void no_update_is_in_progress_while_time_stands(void)
{
	make();
	put(REG_B, SET | H24);
	pass(SECOND / 4 * 3 - 1);
	CHECK_EQ(get(REG_A), 0x26);
}

/* As Linux and firmware read it: A, then the time, each read slow. */
static void time_read_after_register_a_is_of_one_second(void)
{
	make_at("2026-12-31 23:59:59");
	pass(SECOND / 4 * 3 - 245 * US);
	CHECK_EQ(get(REG_A) & UIP, 0);
	CHECK_EQ(get(SECONDS), 0x59);
	pass(MS);
	CHECK_EQ(get(MINUTES), 0x59);
	CHECK_EQ(get(YEAR), 0x26);
}

static void held_time_goes_on_after_2_ms(void)
{
	make();
	pass(SECOND / 4 * 3 - 245 * US);
	get(REG_A);
	pass(2 * MS - 1);
	CHECK_EQ(get(SECONDS), 0x56);
	pass(1);
	CHECK_EQ(get(SECONDS), 0x57);
}

static void who_polls_register_a_sees_the_second_change_on_time(void)
{
	make();
	pass(SECOND / 4 * 3 - 245 * US);
	get(REG_A);
	pass(245 * US);
	get(REG_A);
	CHECK_EQ(get(SECONDS), 0x57);
}

/* --- setting --- */

/* mc146818_set_time: set mode, divider in reset, time, and back. */
static void time_that_linux_sets_goes_on(void)
{
	make();
	put(REG_B, SET | H24);
	put(REG_A, 0x76);
	put_time(0x08, 0x09, 0x10);
	put(YEAR, 0x31);
	pass(5 * SECOND);
	put(REG_B, H24);
	put(REG_A, 0x26);
	CHECK_NOW("2031-11-28 08:09:10");
	pass(SECOND / 2 - 1);
	CHECK_EQ(get(SECONDS), 0x10);
	pass(1);
	CHECK_NOW("2031-11-28 08:09:11");
	pass(3600 * SECOND);
	CHECK_NOW("2031-11-28 09:09:11");
}

static void time_stands_while_it_is_set(void)
{
	make();
	put(REG_B, SET | H24);
	pass(100 * SECOND);
	CHECK_NOW("2026-11-28 13:45:56");
	CHECK_EQ(get(REG_C) & UPDATE, 0);
	put(REG_B, H24);
	pass(SECOND / 4 * 3);
	CHECK_NOW("2026-11-28 13:45:57");
}

static void registers_can_be_written_while_time_goes_on(void)
{
	make();
	put(DAY, 0x31);
	CHECK_NOW("2026-11-31 13:45:56");
	put(MONTH, 0x01);
	pass(SECOND);
	CHECK_NOW("2026-01-31 13:45:57");
}

static void what_is_no_date_counts_on_from_one(void)
{
	make();
	put(MONTH, 0x02);
	put(DAY, 0x30);
	pass(SECOND);
	CHECK_NOW("2026-03-02 13:45:57");
}

static void time_can_be_binary(void)
{
	make();
	put(REG_B, SET | H24 | BINARY);
	put_time(23, 59, 59);
	put(DAY, 31);
	put(MONTH, 12);
	put(YEAR, 29);
	put(CENTURY, 20);
	put(REG_B, H24 | BINARY);
	CHECK_NOW("141d-0c-1f 17:3b:3b");
	pass(SECOND);
	CHECK_NOW("141e-01-01 00:00:00");
}

static void time_can_be_of_12_hours(void)
{
	make();
	put(REG_B, 0);
	put_time(0x11, 0x59, 0x59);
	pass(SECOND);
	CHECK_NOW("2026-11-28 92:00:00"); /* noon is 12 pm */
	pass(3600 * SECOND);
	CHECK_NOW("2026-11-28 81:00:00");
	pass(11 * 3600 * SECOND);
	CHECK_NOW("2026-11-29 12:00:00"); /* midnight is 12 am */
	pass(3600 * SECOND);
	CHECK_NOW("2026-11-29 01:00:00");
}

static void time_can_be_binary_of_12_hours(void)
{
	make();
	put(REG_B, BINARY);
	put_time(0x80 | 11, 59, 59);
	put(DAY, 9);
	put(MONTH, 10);
	put(YEAR, 26);
	put(CENTURY, 20);
	pass(SECOND);
	CHECK_NOW("141a-0a-0a 0c:00:00");
	pass(13 * 3600 * SECOND);
	CHECK_NOW("141a-0a-0a 81:00:00");
}

static void ram_is_kept_and_registers_c_and_d_are_not_written(void)
{
	make();
	for (unsigned int i = 0x0e; i < RTC_NR_CELLS; i++)
		if (i != CENTURY)
			put((uint8_t)i, (uint8_t)~i);
	for (unsigned int i = 0x0e; i < RTC_NR_CELLS; i++)
		CHECK(i == CENTURY || get((uint8_t)i) == (uint8_t)~i);
	put(REG_C, 0xff);
	put(REG_D, 0);
	put(REG_A, UIP | 0x26);
	CHECK_EQ(get(REG_C) & 0x8f, 0);
	CHECK_EQ(get(REG_D), 0x80);
	CHECK_EQ(get(REG_A), 0x26);
}

static void nmi_mask_is_not_part_of_the_index(void)
{
	make();
	put(0x80 | RAM, 0x5a);
	CHECK_EQ(get(RAM), 0x5a);
	CHECK_EQ(get(0x80 | RAM), 0x5a);
}

static void other_accesses_are_nobodys(void)
{
	uint64_t value;

	make();
	put(RAM, 0x5a);
	bus_read(&pio, PORT, 1, &value);
	CHECK_EQ(value, 0xff);
	bus_read(&pio, PORT, 2, &value);
	CHECK_EQ(value, 0xffff);
	bus_write(&pio, PORT, 2, SECONDS | 0x1200);
	CHECK_EQ(get(SECONDS), 0x56);
	CHECK_EQ(get(RAM), 0x5a);
}

/* --- interrupts --- */

static void nothing_is_timed_while_no_interrupt_is_enabled(void)
{
	make();
	put_alarm(ANY, ANY, ANY);
	now();
	get(REG_C);
	pass(10 * SECOND);
	CHECK_EQ(dev.deadline_ns, 0);
	CHECK_EQ(nr_edges, 0);
}

static void update_interrupts_each_second(void)
{
	make();
	put(REG_B, UPDATE | H24);
	pass(SECOND / 4 * 3 - 1);
	CHECK(!level);
	pass(1);
	CHECK(level);
	CHECK_EQ(get(SECONDS), 0x57);
	CHECK_EQ(get(REG_C) & (IRQF | UPDATE | ALARM), IRQF | UPDATE);
	CHECK(!level);
	pass(SECOND - 1);
	CHECK(!level);
	pass(1);
	CHECK_EQ(nr_edges, 2);
}

static void interrupt_waits_to_be_read_and_needs_no_timer(void)
{
	make();
	put(REG_B, UPDATE | TICK | H24);
	pass(10 * SECOND);
	CHECK(level);
	CHECK_EQ(nr_edges, 1);
	CHECK_EQ(dev.deadline_ns, 0);
	CHECK_EQ(get(REG_C), IRQF | UPDATE | TICK);
	CHECK(!level);
	CHECK(dev.deadline_ns);
}

static void update_interrupt_is_off_when_time_is_set(void)
{
	make();
	put(REG_B, UPDATE | H24);
	put(REG_B, SET | UPDATE | H24);
	CHECK_EQ(get(REG_B), SET | H24);
	put(REG_B, H24);
	pass(10 * SECOND);
	CHECK_EQ(nr_edges, 0);
}

static void update_that_is_held_back_interrupts_2_ms_later(void)
{
	make();
	put(REG_B, UPDATE | H24);
	pass(SECOND / 4 * 3 - 245 * US);
	get(REG_A);
	pass(2 * MS - 1);
	CHECK(!level);
	CHECK_EQ(get(SECONDS), 0x56);
	pass(1);
	CHECK(level);
	CHECK_EQ(get(SECONDS), 0x57);
}

static void alarm_interrupts_at_its_second(void)
{
	make();
	put_alarm(0x13, 0x46, 0x10);
	put(REG_B, ALARM | H24);
	pass(14 * SECOND - SECOND / 4 - 1);
	CHECK(!level);
	pass(1);
	CHECK(level);
	CHECK_NOW("2026-11-28 13:46:10");
	CHECK_EQ(get(REG_C) & (IRQF | ALARM), IRQF | ALARM);
	pass(86400 * SECOND - 1);
	CHECK_EQ(nr_edges, 1);
	pass(1);
	CHECK_EQ(nr_edges, 2);
}

/* How many alarms there are in two hours. */
static unsigned int count_alarms(uint8_t hours, uint8_t minutes,
				 uint8_t seconds)
{
	make();
	put_alarm(hours, minutes, seconds);
	put(REG_B, ALARM | H24);
	for (unsigned int i = 0; i < 7200; i++) {
		pass(SECOND);
		get(REG_C);
	}
	return nr_edges;
}

static void alarm_can_leave_fields_open(void)
{
	CHECK_EQ(count_alarms(ANY, ANY, ANY), 7200);
	CHECK_EQ(count_alarms(ANY, ANY, 0x30), 120);
	CHECK_EQ(count_alarms(0xc0, 0x00, 0x00), 2);
	CHECK_EQ(count_alarms(0x14, ANY, ANY), 3600);
	CHECK_EQ(count_alarms(0x14, 0x30, ANY), 60);
	CHECK_EQ(count_alarms(0x16, 0x00, 0x00), 0);
}

static void alarm_that_cannot_be_needs_no_timer(void)
{
	CHECK_EQ(count_alarms(0x24, ANY, ANY), 0);
	CHECK_EQ(dev.deadline_ns, 0);
	CHECK_EQ(count_alarms(ANY, 0x60, ANY), 0);
	CHECK_EQ(count_alarms(ANY, ANY, 0x0a), 0);
	CHECK_EQ(dev.deadline_ns, 0);
}

static void alarm_is_of_the_hours_that_the_clock_has(void)
{
	make();
	put(REG_B, 0);
	put_time(0x12, 0x30, 0x00);
	put_alarm(0x92, ANY, ANY);
	put(REG_B, ALARM);
	pass(11 * 3600 * SECOND);
	CHECK(!level);
	pass(3600 * SECOND);
	CHECK(level);
}

static void alarm_that_went_by_unseen_is_in_register_c(void)
{
	make();
	put_alarm(0x13, 0x50, 0x00);
	get(REG_C);
	pass(60 * SECOND);
	CHECK_EQ(get(REG_C) & ALARM, 0);
	pass(3600 * SECOND);
	CHECK_EQ(get(REG_C) & (IRQF | ALARM), ALARM);
	CHECK_EQ(nr_edges, 0);
}

static void enabling_what_has_come_interrupts_at_once(void)
{
	make();
	pass(SECOND);
	put(REG_B, UPDATE | H24);
	CHECK(level);
	put(REG_B, H24);
	CHECK(!level);
}

static void ticks_come_at_each_rate(void)
{
	static const unsigned int hz[16] = { 0,	   256, 128, 8192, 4096, 2048,
					     1024, 512, 256, 128,  64,	 32,
					     16,   8,	4,   2 };

	for (uint8_t rate = 0; rate < 16; rate++) {
		make();
		put(REG_A, RUN | rate);
		put(REG_B, TICK | H24);
		get(REG_C);
		nr_edges = 0;
		for (unsigned int i = 0; i < 32768; i++) {
			pass(SECOND / 32768);
			if (level)
				get(REG_C);
		}
		/* The steps lose 18 us. */
		CHECK(nr_edges <= hz[rate] && nr_edges + 1 >= hz[rate]);
	}
}

static void another_rate_is_no_tick(void)
{
	make();
	put(REG_A, RUN | 15);
	get(REG_C);
	put(REG_A, RUN | 6);
	CHECK_EQ(get(REG_C) & TICK, 0);
	put(REG_A, RUN | 3);
	CHECK_EQ(get(REG_C) & TICK, 0);
}

static void ticks_come_while_the_time_is_set(void)
{
	make();
	put(REG_B, SET | TICK | H24);
	pass(MS);
	CHECK(level);
	CHECK_EQ(get(REG_C), IRQF | TICK);
}

static void nothing_comes_while_the_divider_is_in_reset(void)
{
	make();
	put(REG_A, DIVIDER_RESET | 6);
	put_alarm(ANY, ANY, ANY);
	get(REG_C);
	put(REG_B, TICK | ALARM | UPDATE | H24);
	pass(100 * SECOND);
	CHECK_EQ(nr_edges, 0);
	CHECK_EQ(dev.deadline_ns, 0);
	CHECK_EQ(get(REG_C), 0);
	CHECK_EQ(get(SECONDS), 0x56);
}

/* The host's clock is set ahead: the timer does not notice, and looks. */
static void alarm_comes_a_minute_late_at_most_if_the_host_is_set(void)
{
	struct itimerspec left;

	make();
	put_alarm(0x23, 0x00, 0x00);
	put(REG_B, ALARM | H24);
	timerfd_gettime(dev.timer.source.fd, &left);
	CHECK(left.it_value.tv_sec <= 60);
	CHECK(left.it_value.tv_sec > 50);
	host_ns += 10 * 3600 * SECOND;
	dev.timer.fn(&dev.timer);
	CHECK(level);
}

static void expiry_too_early_sets_the_timer_again(void)
{
	struct itimerspec left;

	make();
	put(REG_B, UPDATE | H24);
	loop_timer_set(&dev.timer, 0, 0);
	dev.timer.fn(&dev.timer);
	CHECK(!level);
	timerfd_gettime(dev.timer.source.fd, &left);
	CHECK(left.it_value.tv_sec || left.it_value.tv_nsec);
}

/* --- from the host's side --- */

static void reset_keeps_time_and_ram_and_enables_nothing(void)
{
	make();
	put_time(0x01, 0x02, 0x03);
	put(RAM, 0x5a);
	put_alarm(ANY, ANY, ANY);
	put(REG_B, TICK | ALARM | UPDATE | 0x08 | H24);
	host_ns += 5 * SECOND;
	power_on(fake_ns);
	CHECK_NOW("2026-11-28 01:02:08");
	CHECK_EQ(get(RAM), 0x5a);
	CHECK_EQ(get(REG_B), H24);
	CHECK_EQ(dev.deadline_ns, 0);
	CHECK_EQ(get(REG_C), 0);
	CHECK_EQ(nr_edges, 0);
}

static void reset_ends_the_setting_of_the_time(void)
{
	make();
	put(REG_B, SET | BINARY | H24);
	put(REG_A, 0x70);
	put(SECONDS, 10);
	host_ns += 100 * SECOND;
	power_on(fake_ns);
	CHECK_EQ(get(SECONDS), 10);
	CHECK_EQ(get(REG_B), BINARY | H24);
	pass(SECOND);
	CHECK_EQ(get(SECONDS), 11);
}

static void port_that_is_taken_is_refused(void)
{
	static struct rtc second;
	struct rtc_setup s = setup(fake_ns);

	make();
	CHECK_EQ(rtc_init(&second, &pio, &s, &err), -EEXIST);
	CHECK_HAS(err.msg, "RTC");
	CHECK_EQ(get(SECONDS), 0x56);
}

static void host_time_is_read(void)
{
	time_t before = time(NULL);
	struct tm tm = { 0 };

	cells = (struct rtc_cells){ .second = 0 };
	power_on(rtc_host_ns);
	CHECK(strptime(now(), "%Y-%m-%d %H:%M:%S", &tm));
	CHECK(timegm(&tm) >= before);
	CHECK(timegm(&tm) <= time(NULL));
}

static void stop_when_due(struct loop_timer *t)
{
	loop_stop(&loop);
	(void)t;
}

/* The loop's own timer, and time that passes. */
static void interrupt_comes_from_the_loop(void)
{
	void (*expire)(struct loop_timer * t);

	cells = (struct rtc_cells){ .second = 0 };
	power_on(rtc_host_ns);
	put(REG_A, RUN | 3);
	get(REG_C);
	put(REG_B, TICK | H24);
	expire = dev.timer.fn;
	dev.timer.fn = stop_when_due;
	CHECK(level || !loop_run(&loop, &err));
	expire(&dev.timer);
	CHECK(level);
}

int main(void)
{
	TAP_RUN(time_is_the_hosts_in_utc);
	TAP_RUN(time_goes_on_with_the_hosts);
	TAP_RUN(last_second_of_a_century_carries_into_all);
	TAP_RUN(february_has_29_days_in_leap_years);
	TAP_RUN(hosts_clock_that_is_set_sets_the_guests);
	TAP_RUN(update_in_progress_is_seen_just_before_it);
	TAP_RUN(no_update_is_in_progress_while_time_stands);
	TAP_RUN(time_read_after_register_a_is_of_one_second);
	TAP_RUN(held_time_goes_on_after_2_ms);
	TAP_RUN(who_polls_register_a_sees_the_second_change_on_time);
	TAP_RUN(time_that_linux_sets_goes_on);
	TAP_RUN(time_stands_while_it_is_set);
	TAP_RUN(registers_can_be_written_while_time_goes_on);
	TAP_RUN(what_is_no_date_counts_on_from_one);
	TAP_RUN(time_can_be_binary);
	TAP_RUN(time_can_be_of_12_hours);
	TAP_RUN(time_can_be_binary_of_12_hours);
	TAP_RUN(ram_is_kept_and_registers_c_and_d_are_not_written);
	TAP_RUN(nmi_mask_is_not_part_of_the_index);
	TAP_RUN(other_accesses_are_nobodys);
	TAP_RUN(nothing_is_timed_while_no_interrupt_is_enabled);
	TAP_RUN(update_interrupts_each_second);
	TAP_RUN(interrupt_waits_to_be_read_and_needs_no_timer);
	TAP_RUN(update_interrupt_is_off_when_time_is_set);
	TAP_RUN(update_that_is_held_back_interrupts_2_ms_later);
	TAP_RUN(alarm_interrupts_at_its_second);
	TAP_RUN(alarm_can_leave_fields_open);
	TAP_RUN(alarm_that_cannot_be_needs_no_timer);
	TAP_RUN(alarm_is_of_the_hours_that_the_clock_has);
	TAP_RUN(alarm_that_went_by_unseen_is_in_register_c);
	TAP_RUN(enabling_what_has_come_interrupts_at_once);
	TAP_RUN(ticks_come_at_each_rate);
	TAP_RUN(another_rate_is_no_tick);
	TAP_RUN(ticks_come_while_the_time_is_set);
	TAP_RUN(nothing_comes_while_the_divider_is_in_reset);
	TAP_RUN(alarm_comes_a_minute_late_at_most_if_the_host_is_set);
	TAP_RUN(expiry_too_early_sets_the_timer_again);
	TAP_RUN(reset_keeps_time_and_ram_and_enables_nothing);
	TAP_RUN(reset_ends_the_setting_of_the_time);
	TAP_RUN(port_that_is_taken_is_refused);
	TAP_RUN(host_time_is_read);
	TAP_RUN(interrupt_comes_from_the_loop);
	rtc_fini(&dev, &pio);
	return tap_done();
}
