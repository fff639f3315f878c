/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Log lines on stderr, by level. The level is the only global of the program.
 */
#ifndef STRAIT_BASE_LOG_H
#define STRAIT_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level {
	LOG_ERROR, /* a requested action did not happen */
	LOG_WARN,  /* odd but harmless */
	LOG_INFO,  /* rare state changes */
	LOG_DEBUG, /* per device */
	LOG_TRACE, /* per access */
};

void log_set_level(enum log_level level);
bool log_on(enum log_level level);

/* One line "level: who: text"; who is a BDF or a device's name. Any thread. */
void log_line(enum log_level level, const char *who, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define log_at(level, who, ...)                                                \
	do {                                                                   \
		if (log_on(level))                                             \
			log_line((level), (who), __VA_ARGS__);                 \
	} while (0)
#define log_error(who, ...) log_at(LOG_ERROR, who, __VA_ARGS__)
#define log_warn(who, ...)  log_at(LOG_WARN, who, __VA_ARGS__)
#define log_info(who, ...)  log_at(LOG_INFO, who, __VA_ARGS__)
#define log_debug(who, ...) log_at(LOG_DEBUG, who, __VA_ARGS__)
#define log_trace(who, ...) log_at(LOG_TRACE, who, __VA_ARGS__)

/*
 * For what a guest can cause: at most ten lines per object and second, then
 * silence. One zeroed log_limit per device.
 */
struct log_limit {
	uint64_t window_s;
	uint32_t count;
};
bool log_allowed(struct log_limit *limit);
#define log_guest(limit, who, ...)                                             \
	do {                                                                   \
		if (log_on(LOG_WARN) && log_allowed(limit))                    \
			log_line(LOG_WARN, (who), __VA_ARGS__);                \
	} while (0)

#endif
