// SPDX-License-Identifier: GPL-2.0-or-later
/* Time as the clock's registers have it: BCD or binary, 12 or 24 hours. */
#include <time.h>

#include "src/dev/rtc_priv.h"

enum {
	HOURS_PM = 0x80,
	ALARM_ANY = 0xc0, /* both bits: every value will do */
	MINUTE_S = 60,
	HOUR_S = 3600,
	DAY_S = 86400,
	MAX_YEAR = 9999,
	TM_YEAR = 1900,
};

static int from_field(const uint8_t *bytes, unsigned int value)
{
	if (bytes[RTC_B] & RTC_B_BINARY)
		return (int)value;
	return (int)((value >> 4) * 10 + (value & 0xf));
}

static uint8_t to_field(const uint8_t *bytes, unsigned int value)
{
	if (bytes[RTC_B] & RTC_B_BINARY)
		return (uint8_t)value;
	return (uint8_t)(value / 10 << 4 | value % 10);
}

static int from_hours(const uint8_t *bytes)
{
	unsigned int value = bytes[RTC_HOURS];
	int hours;

	if (bytes[RTC_B] & RTC_B_24_HOURS)
		return from_field(bytes, value);
	hours = from_field(bytes, value & ~(unsigned int)HOURS_PM) % 12;
	return value & HOURS_PM ? hours + 12 : hours;
}

static uint8_t to_hours(const uint8_t *bytes, unsigned int hours)
{
	unsigned int half = hours % 12 ? hours % 12 : 12;

	if (bytes[RTC_B] & RTC_B_24_HOURS)
		return to_field(bytes, hours);
	return (uint8_t)(to_field(bytes, half) | (hours < 12 ? 0 : HOURS_PM));
}

int64_t rtc_time_get(const uint8_t *bytes)
{
	struct tm tm = {
		.tm_sec = from_field(bytes, bytes[RTC_SECONDS]),
		.tm_min = from_field(bytes, bytes[RTC_MINUTES]),
		.tm_hour = from_hours(bytes),
		.tm_mday = from_field(bytes, bytes[RTC_DAY]),
		.tm_mon = from_field(bytes, bytes[RTC_MONTH]) - 1,
		.tm_year = from_field(bytes, bytes[RTC_CENTURY]) * 100 +
			   from_field(bytes, bytes[RTC_YEAR]) - TM_YEAR,
	};

	return timegm(&tm);
}

void rtc_time_put(uint8_t *bytes, int64_t time)
{
	struct tm tm;
	int year;

	gmtime_r(&time, &tm);
	year = tm.tm_year + TM_YEAR;
	if (year < 0 || year > MAX_YEAR)
		year = year < 0 ? 0 : MAX_YEAR;
	bytes[RTC_SECONDS] = to_field(bytes, (unsigned int)tm.tm_sec);
	bytes[RTC_MINUTES] = to_field(bytes, (unsigned int)tm.tm_min);
	bytes[RTC_HOURS] = to_hours(bytes, (unsigned int)tm.tm_hour);
	bytes[RTC_WEEKDAY] = (uint8_t)(tm.tm_wday + 1);
	bytes[RTC_DAY] = to_field(bytes, (unsigned int)tm.tm_mday);
	bytes[RTC_MONTH] = to_field(bytes, (unsigned int)tm.tm_mon + 1);
	bytes[RTC_YEAR] = to_field(bytes, (unsigned int)year % 100);
	bytes[RTC_CENTURY] = to_field(bytes, (unsigned int)year / 100);
}

/* The registers are compared, so what cannot be in one is never met. */
static bool is_met(uint8_t alarm, uint8_t now)
{
	return (alarm & ALARM_ANY) == ALARM_ANY || alarm == now;
}

static uint8_t field_at(const uint8_t *bytes, int64_t of_day, int unit)
{
	return to_field(bytes, (unsigned int)(of_day / unit % 60));
}

int64_t rtc_next_alarm(const uint8_t *bytes, int64_t time)
{
	unsigned int nr_missed = 0;

	for (int64_t t = time + 1; t <= time + DAY_S;) {
		int64_t of_day = (t % DAY_S + DAY_S) % DAY_S;

		if (!is_met(bytes[RTC_HOURS_ALARM],
			    to_hours(bytes, (unsigned int)(of_day / HOUR_S))))
			t += HOUR_S - of_day % HOUR_S;
		else if (!is_met(bytes[RTC_MINUTES_ALARM],
				 field_at(bytes, of_day, MINUTE_S)))
			t += MINUTE_S - of_day % MINUTE_S;
		else if (is_met(bytes[RTC_SECONDS_ALARM],
				field_at(bytes, of_day, 1)))
			return t;
		else if (++nr_missed == MINUTE_S)
			break; /* each second of a minute */
		else
			t++;
	}
	return RTC_NEVER;
}
