/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a guest shows and what is typed into it: the seam between a display
 * device and those who show it, and the two of them: VNC and screenshots.
 *
 * A device is a source of surfaces, a keyboard and mouse are an input. Both
 * are called from the threads of those who show the picture, at any time while
 * they are shown, and never block.
 */
#ifndef STRAIT_DISPLAY_DISPLAY_H
#define STRAIT_DISPLAY_DISPLAY_H

#include "src/base/err.h"
#include "src/base/types.h"

enum surface_format {
	SURFACE_XRGB8888, /* bytes B, G, R, unused */
	SURFACE_BGRX8888, /* bytes unused, R, G, B */
	SURFACE_RGB565,	  /* 16 bits, little-endian */
};

/* No side of a surface is longer, and its pixels are no more. */
enum { SURFACE_MAX_SIDE = 8192, SURFACE_MAX_PIXELS = 16 << 20 };
/* What is shown while there is no picture: black of this size. */
enum { SURFACE_BLANK_WIDTH = 640, SURFACE_BLANK_HEIGHT = 480 };

/*
 * A picture in memory that a device owns and the guest writes meanwhile. The
 * pixels stay where they can be read as long as the device is there.
 */
struct surface {
	const uint8_t
		*pixels; /* of the first line; NULL: there is no picture */
	uint32_t width, height;
	uint32_t stride; /* bytes from one line to the next */
	enum surface_format format;
};

/* True if both show the same memory in the same way. */
bool surface_equal(const struct surface *a, const struct surface *b);
/* Writes a line as R, G, B and, if bytes is 4, one of 0: width * bytes. */
void surface_line(const struct surface *s, uint32_t y, unsigned int bytes,
		  uint8_t *out);

/* One bit per line of a surface. */
enum { SURFACE_LINE_WORDS = SURFACE_MAX_SIDE / 64 };

/* Complete table. */
struct display_source_ops {
	/* The picture as it is now. */
	void (*look)(void *ctx, struct surface *out);
	/*
	 * From now on changes are noted, or no longer are: that costs the guest
	 * a little. There is one who watches at a time.
	 */
	int (*watch)(void *ctx, bool on, struct err *e);
	/*
	 * While watched: the picture as it is now, and the bits of those of its
	 * lines that may differ from what they were at the last call; others
	 * are left as they are. All of them if the picture is another one.
	 */
	void (*changes)(void *ctx, struct surface *out,
			uint64_t lines[SURFACE_LINE_WORDS]);
};

enum { BUTTON_LEFT = 1, BUTTON_RIGHT = 2, BUTTON_MIDDLE = 4 };

struct display_input_ops {
	/* keycode: KEY_* of linux/input-event-codes.h. Others are ignored. */
	void (*key)(void *ctx, unsigned int keycode, bool down);
	/* Movement to the right, down, and of the wheel towards the user;
	 * buttons that are held now. */
	void (*mouse)(void *ctx, int dx, int dy, int dz, unsigned int buttons);
};

struct display {
	const struct display_source_ops *source;
	void *source_ctx;
	const struct display_input_ops *input;
	void *input_ctx;
};

/* --- PNG (libpng, loaded when first needed) --- */

/* Compresses a surface (blank: see above). free() what *out gets. -ENOTSUP:
 * no libpng. */
int png_encode(const struct surface *s, uint8_t **out, size_t *len,
	       struct err *e);

/* --- screenshots: whoever connects to a unix socket gets one PNG --- */

struct screenshot_server;

/*
 * Listens on path, of which the owner alone may read, on a thread of its own. d
 * stays the caller's, see vnc_show, and path until the end. Few are served at
 * once, and who does not read is let go.
 */
int screenshot_server_open(struct screenshot_server **out,
			   const struct display *d, const char *path,
			   struct err *e);
/* As vnc_show. */
void screenshot_server_show(struct screenshot_server *s,
			    const struct display *d);
/* Ends the thread and removes the socket. Accepts NULL. */
void screenshot_server_close(struct screenshot_server *s);

/* The other end: writes the picture that the server at socket gives to file. */
int screenshot_fetch(const char *socket, const char *file, struct err *e);

/* --- VNC (libvncserver, loaded by vnc_open) --- */

struct vnc_config {
	const char *address; /* IPv4; NULL: 127.0.0.1 */
	uint16_t port;	     /* 0: a free one, see vnc_port */
	const char *socket; /* a unix socket's path instead, or NULL; is kept */
	const char *password; /* file with one line, or NULL: none */
};

struct vnc;

/*
 * Serves d, which stays the caller's, on threads of its own. An address that
 * others can reach needs a password. -ENOTSUP: no libvncserver.
 */
int vnc_open(struct vnc **out, const struct display *d,
	     const struct vnc_config *c, struct err *e);
/*
 * Shows another display from now on, or with NULL none; viewers stay. When it
 * returns, the one before is no longer used: a machine that ends takes its
 * display away first.
 */
void vnc_show(struct vnc *v, const struct display *d);
/* Lets all clients go, and ends the threads. Accepts NULL. */
void vnc_close(struct vnc *v);
/* The TCP port that it listens on; 0: none. */
uint16_t vnc_port(const struct vnc *v);
/* How many see the picture now. Any thread. */
unsigned int vnc_nr_viewers(struct vnc *v);

#endif
