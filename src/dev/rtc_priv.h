/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The clock's registers, and the time in them. */
#ifndef STRAIT_DEV_RTC_PRIV_H
#define STRAIT_DEV_RTC_PRIV_H

#include "src/dev/rtc.h"

enum {
	RTC_SECONDS,
	RTC_SECONDS_ALARM,
	RTC_MINUTES,
	RTC_MINUTES_ALARM,
	RTC_HOURS,
	RTC_HOURS_ALARM,
	RTC_WEEKDAY, /* 1: Sunday */
	RTC_DAY,
	RTC_MONTH,
	RTC_YEAR,
	RTC_A,
	RTC_B,
	RTC_C,
	RTC_D,

	RTC_B_24_HOURS = 0x02,
	RTC_B_BINARY = 0x04,
};

#define RTC_NEVER INT64_MAX

/*
 * Seconds since 1970, of the time in the registers, in the form that register
 * B says. What is no date counts on from one, as February 30th does.
 */
int64_t rtc_time_get(const uint8_t *bytes);
/* Years from 0 to 9999. */
void rtc_time_put(uint8_t *bytes, int64_t time);
/* The first second after time at which the alarm is due, or RTC_NEVER. */
int64_t rtc_next_alarm(const uint8_t *bytes, int64_t time);

#endif
