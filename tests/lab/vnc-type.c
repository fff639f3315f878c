// SPDX-License-Identifier: GPL-2.0-or-later
/* Types a line into a guest by VNC: vnc-type PORT|SOCKET TEXT [DX DY]. */
/*
 * Then it moves the mouse by that much.
 *
 * Prints how many pixels are lit before and after, and what changed, so that a
 * test sees that the picture follows: "lit BEFORE AFTER changed N of WxH".
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/rfb.h"

enum { ENTER = 0xff0d, SHOW_S = 4 };

static struct rfb_viewer viewer;
static uint8_t before[sizeof(viewer.pixels)];

static bool lit(const uint8_t *pixel)
{
	return pixel[0] || pixel[1] || pixel[2];
}

static size_t count_lit(const uint8_t *pixels, size_t nr)
{
	size_t n = 0;

	for (size_t i = 0; i < nr; i++)
		n += lit(pixels + 4 * i);
	return n;
}

static bool type(const char *text)
{
	for (; *text; text++)
		if (!rfb_key(&viewer, (uint8_t)*text, true) ||
		    !rfb_key(&viewer, (uint8_t)*text, false))
			return false;
	return rfb_key(&viewer, ENTER, true) && rfb_key(&viewer, ENTER, false);
}

/* What changes within some seconds. */
static void watch(void)
{
	time_t end = time(NULL) + SHOW_S;

	while (time(NULL) < end) {
		struct pollfd p = { .fd = viewer.fd, .events = POLLIN };

		if (!rfb_request(&viewer, true))
			return;
		if (poll(&p, 1, 1000) > 0 && !rfb_take_update(&viewer))
			return;
	}
}

static bool view(const char *where)
{
	return where[0] == '/'
		       ? rfb_connect_unix(&viewer, where) && rfb_enter(&viewer)
		       : rfb_view(&viewer, (uint16_t)atoi(where));
}

/* The first place is where it comes from. */
static bool move(unsigned int dx, unsigned int dy)
{
	return rfb_pointer(&viewer, 100, 100, 0) &&
	       rfb_pointer(&viewer, 100 + dx, 100 + dy, 0);
}

int main(int argc, char **argv)
{
	size_t nr, changed = 0;

	if ((argc != 3 && argc != 5) || !view(argv[1]) || !rfb_see(&viewer)) {
		fputs("no picture\n", stderr);
		return 1;
	}
	nr = (size_t)viewer.width * viewer.height;
	memcpy(before, viewer.pixels, sizeof(before));
	if (!type(argv[2]))
		return 1;
	if (argc == 5 &&
	    !move((unsigned int)atoi(argv[3]), (unsigned int)atoi(argv[4])))
		return 1;
	watch();
	for (size_t i = 0; i < nr; i++)
		changed +=
			memcmp(before + 4 * i, viewer.pixels + 4 * i, 3) != 0;
	printf("lit %zu %zu changed %zu of %ux%u\n", count_lit(before, nr),
	       count_lit(viewer.pixels, nr), changed, viewer.width,
	       viewer.height);
	rfb_leave(&viewer);
	return 0;
}
