/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VNC viewer for tests (RFC 6143): raw pixels, and whatever a test wants to
 * send. It waits for some seconds at most; false says that something else came,
 * or nothing.
 */
#ifndef STRAIT_TESTS_RFB_H
#define STRAIT_TESTS_RFB_H

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "src/base/bits.h"

enum {
	RFB_MAX_WIDTH = 1024,
	RFB_MAX_HEIGHT = 768,
	RFB_PATIENCE_MS = 10000,
	RFB_QUIET_MS = 200, /* several times a server's period */
	RFB_ENCODING_RAW = 0,
	RFB_ENCODING_SIZE = -223,
};

struct rfb_viewer {
	int fd;
	unsigned int width, height;
	uint8_t pixels[RFB_MAX_WIDTH * RFB_MAX_HEIGHT * 4]; /* B, G, R, 0 */
	unsigned int nr_rects, top, bottom; /* of the last update */
	bool has_size;			    /* was in it */
};

static inline void rfb_put_be(uint8_t *p, uint32_t v, unsigned int len)
{
	for (unsigned int i = 0; i < len; i++)
		p[i] = (uint8_t)(v >> (8 * (len - 1 - i)));
}

static inline uint32_t rfb_get_be(const uint8_t *p, unsigned int len)
{
	uint32_t v = 0;

	for (unsigned int i = 0; i < len; i++)
		v = v << 8 | p[i];
	return v;
}

static inline bool rfb_get(const struct rfb_viewer *v, void *buf, size_t len)
{
	uint8_t *p = buf;

	while (len) {
		ssize_t n = recv(v->fd, p, len, 0);

		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

static inline bool rfb_put(const struct rfb_viewer *v, const void *buf,
			   size_t len)
{
	return send(v->fd, buf, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static inline bool rfb_is_quiet(const struct rfb_viewer *v)
{
	struct pollfd p = { .fd = v->fd, .events = POLLIN };

	return poll(&p, 1, RFB_QUIET_MS) == 0;
}

/* Nothing more comes. */
static inline bool rfb_is_let_go(const struct rfb_viewer *v)
{
	uint8_t byte;

	errno = 0;
	return !rfb_get(v, &byte, 1) && errno != EAGAIN;
}

static inline void rfb_set_patience(const struct rfb_viewer *v)
{
	struct timeval t = { .tv_sec = RFB_PATIENCE_MS / 1000 };

	setsockopt(v->fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
}

static inline bool rfb_connect(struct rfb_viewer *v, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons(port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	memset(v, 0, sizeof(*v));
	v->fd = socket(AF_INET, SOCK_STREAM, 0);
	rfb_set_patience(v);
	return !connect(v->fd, (const struct sockaddr *)&a, sizeof(a));
}

/* The same at a unix socket. */
static inline bool rfb_connect_unix(struct rfb_viewer *v, const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	memset(v, 0, sizeof(*v));
	strncpy(a.sun_path, path, sizeof(a.sun_path) - 1);
	v->fd = socket(AF_UNIX, SOCK_STREAM, 0);
	rfb_set_patience(v);
	return !connect(v->fd, (const struct sockaddr *)&a, sizeof(a));
}

/* Up to the list of security types, of which the first is returned; 0: none. */
static inline int rfb_begin(struct rfb_viewer *v)
{
	uint8_t version[12], types[2];

	if (!rfb_get(v, version, 12) || memcmp(version, "RFB 003.008\n", 12) ||
	    !rfb_put(v, version, 12) || !rfb_get(v, types, 2) || types[0] != 1)
		return 0;
	return types[1];
}

/* Colours as they lie in the display's memory, encodings, ClientInit. */
static inline bool rfb_finish(struct rfb_viewer *v)
{
	static const uint8_t format[20] = {
		[4] = 32,   [5] = 24,  [7] = 1,	 [9] = 255, [11] = 255,
		[13] = 255, [14] = 16, [15] = 8, [16] = 0
	};
	uint8_t encodings[12] = { 2, 0, 0, 2 }, init[24], name[32];
	uint8_t shared = 1;

	rfb_put_be(encodings + 4, RFB_ENCODING_RAW, 4);
	rfb_put_be(encodings + 8, (uint32_t)RFB_ENCODING_SIZE, 4);
	if (!rfb_put(v, &shared, 1) || !rfb_get(v, init, 24) ||
	    rfb_get_be(init + 20, 4) >= sizeof(name) ||
	    !rfb_get(v, name, rfb_get_be(init + 20, 4)))
		return false;
	v->width = rfb_get_be(init, 2);
	v->height = rfb_get_be(init + 2, 2);
	return v->width <= RFB_MAX_WIDTH && v->height <= RFB_MAX_HEIGHT &&
	       rfb_put(v, format, 20) && rfb_put(v, encodings, 12);
}

static inline bool rfb_choose_none(const struct rfb_viewer *v)
{
	uint8_t type = 1, result[4];

	return rfb_put(v, &type, 1) && rfb_get(v, result, 4) &&
	       !rfb_get_be(result, 4);
}

/* What follows, where there is no password. */
static inline bool rfb_enter(struct rfb_viewer *v)
{
	return rfb_begin(v) == 1 && rfb_choose_none(v) && rfb_finish(v);
}

static inline bool rfb_view(struct rfb_viewer *v, uint16_t port)
{
	return rfb_connect(v, port) && rfb_enter(v);
}

/* Asks for the picture; incremental: when it has changed. */
static inline bool rfb_request(const struct rfb_viewer *v, bool incremental)
{
	uint8_t msg[10] = { 3, incremental };

	rfb_put_be(msg + 6, v->width, 2);
	rfb_put_be(msg + 8, v->height, 2);
	return rfb_put(v, msg, 10);
}

static inline uint8_t *rfb_pixel_at(struct rfb_viewer *v, size_t x, size_t y)
{
	return v->pixels + (y * v->width + x) * 4;
}

static inline bool rfb_take_rect(struct rfb_viewer *v)
{
	uint8_t head[12];
	unsigned int x, y, w, h;

	if (!rfb_get(v, head, 12))
		return false;
	x = rfb_get_be(head, 2);
	y = rfb_get_be(head + 2, 2);
	w = rfb_get_be(head + 4, 2);
	h = rfb_get_be(head + 6, 2);
	if ((int32_t)rfb_get_be(head + 8, 4) == RFB_ENCODING_SIZE) {
		v->width = w;
		v->height = h;
		v->has_size = true;
		return w <= RFB_MAX_WIDTH && h <= RFB_MAX_HEIGHT;
	}
	if (rfb_get_be(head + 8, 4) != RFB_ENCODING_RAW || x + w > v->width ||
	    y + h > v->height)
		return false;
	for (unsigned int i = 0; i < h; i++)
		if (!rfb_get(v, rfb_pixel_at(v, x, y + i), w * 4UL))
			return false;
	if (y < v->top)
		v->top = y;
	if (y + h > v->bottom)
		v->bottom = y + h;
	return true;
}

static inline bool rfb_take_update(struct rfb_viewer *v)
{
	uint8_t head[4];

	if (!rfb_get(v, head, 4) || head[0] != 0)
		return false;
	v->nr_rects = rfb_get_be(head + 2, 2);
	v->top = RFB_MAX_HEIGHT;
	v->bottom = 0;
	v->has_size = false;
	for (unsigned int i = 0; i < v->nr_rects; i++)
		if (!rfb_take_rect(v))
			return false;
	return true;
}

/* All of the picture, now. */
static inline bool rfb_see(struct rfb_viewer *v)
{
	return rfb_request(v, false) && rfb_take_update(v);
}

/* 0xRRGGBB */
static inline uint32_t rfb_pixel(struct rfb_viewer *v, unsigned int x,
				 unsigned int y)
{
	return (uint32_t)get_le(rfb_pixel_at(v, x, y), 4);
}

static inline bool rfb_key(const struct rfb_viewer *v, uint32_t keysym,
			   bool down)
{
	uint8_t msg[8] = { 4, down };

	rfb_put_be(msg + 4, keysym, 4);
	return rfb_put(v, msg, 8);
}

static inline bool rfb_pointer(const struct rfb_viewer *v, unsigned int x,
			       unsigned int y, uint8_t buttons)
{
	uint8_t msg[6] = { 5, buttons };

	rfb_put_be(msg + 2, x, 2);
	rfb_put_be(msg + 4, y, 2);
	return rfb_put(v, msg, 6);
}

static inline void rfb_leave(struct rfb_viewer *v)
{
	if (v->fd > 0)
		close(v->fd);
	v->fd = 0;
}

#endif
