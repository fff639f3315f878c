// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The picture as VNC's viewers get it.
 *
 * How this works: a copy of the display's pixels in one format, whatever the
 * guest's is. It has address space for the largest picture from the start, so
 * that a change of the mode never takes pixels away from under a viewer's
 * thread that still compresses them; memory is used as far as the picture goes,
 * and given back when the last viewer leaves.
 *
 * Every viewer's thread comes by about thirty times a second. The first of them
 * asks the display for the lines that changed, copies those and notes them for
 * each viewer. Another viewer may be compressing a line while it is copied: it
 * then sends a mixture, and the line again right after, as it was noted.
 */
#include <assert.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "src/base/bits.h"
#include "src/display/vnc_priv.h"

enum {
	BYTES = 4, /* per pixel */
	SCAN_NS = 30000000,
	NS_PER_S = 1000000000,
};
#define ROOM ((size_t)SURFACE_MAX_PIXELS * BYTES)

static_assert(SURFACE_MAX_PIXELS >= SURFACE_BLANK_WIDTH * SURFACE_BLANK_HEIGHT,
	      "the blank picture does not fit");

uint64_t vnc_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

int vnc_picture_init(struct vnc_picture *p, const struct display *d,
		     struct err *e)
{
	void *pixels = mmap(NULL, ROOM, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (pixels == MAP_FAILED)
		return err_sys(e, "vnc", "mmap");
	*p = (struct vnc_picture){ .d = d, .pixels = pixels };
	pthread_mutex_init(&p->lock, NULL);
	list_init(&p->views);
	return 0;
}

void vnc_picture_fini(struct vnc_picture *p)
{
	if (!p->pixels)
		return;
	munmap(p->pixels, ROOM);
	pthread_mutex_destroy(&p->lock);
	p->pixels = NULL;
}

static void size_of(const struct surface *s, uint32_t *width, uint32_t *height)
{
	*width = s->pixels ? s->width : SURFACE_BLANK_WIDTH;
	*height = s->pixels ? s->height : SURFACE_BLANK_HEIGHT;
}

void vnc_picture_size(struct vnc_picture *p, uint32_t *width, uint32_t *height)
{
	struct surface s = { 0 };

	pthread_mutex_lock(&p->lock);
	if (p->d)
		p->d->source->look(p->d->source_ctx, &s);
	pthread_mutex_unlock(&p->lock);
	size_of(&s, width, height);
}

static int watch_locked(struct vnc_picture *p, bool on, struct err *e)
{
	return p->d ? p->d->source->watch(p->d->source_ctx, on, e) : 0;
}

/* What stays as it was, to the viewers' loss. */
static void try_watch_locked(struct vnc_picture *p, bool on)
{
	struct err e = { 0 };

	if (p->nr_views && watch_locked(p, on, &e))
		log_warn("vnc", "%s", e.msg);
}

void vnc_picture_show(struct vnc_picture *p, const struct display *d)
{
	pthread_mutex_lock(&p->lock);
	try_watch_locked(p, false);
	p->d = d;
	try_watch_locked(p, true);
	p->is_other = true;
	p->scanned_ns = 0;
	pthread_mutex_unlock(&p->lock);
}

int vnc_picture_join(struct vnc_picture *p, struct vnc_view *view,
		     struct err *e)
{
	int ret = 0;

	pthread_mutex_lock(&p->lock);
	if (!p->nr_views)
		ret = watch_locked(p, true, e);
	if (!ret) {
		if (!p->nr_views)
			p->is_other = true;
		p->scanned_ns = 0;
		p->nr_views++;
		list_add(&p->views, &view->node);
		memset(view->lines, 0xff, sizeof(view->lines));
	}
	pthread_mutex_unlock(&p->lock);
	return ret;
}

void vnc_picture_leave(struct vnc_picture *p, struct vnc_view *view)
{
	pthread_mutex_lock(&p->lock);
	list_del(&view->node);
	if (p->nr_views == 1) {
		try_watch_locked(p, false);
		madvise(p->pixels, ROOM, MADV_DONTNEED);
	}
	p->nr_views--;
	pthread_mutex_unlock(&p->lock);
}

static void copy_lines(struct vnc_picture *p, const struct surface *s,
		       const uint64_t *lines)
{
	size_t len = (size_t)p->width * BYTES;

	for (uint32_t y = 0; y < p->height; y++) {
		uint8_t *to = p->pixels + y * len;

		if (!(lines[y / 64] >> (y % 64) & 1))
			continue;
		if (s->pixels)
			surface_line(s, y, BYTES, to);
		else
			memset(to, 0, len);
	}
}

static void scan_locked(struct vnc_picture *p)
{
	uint64_t lines[SURFACE_LINE_WORDS] = { 0 };
	struct surface s = { 0 };
	struct list *pos;

	if (p->d)
		p->d->source->changes(p->d->source_ctx, &s, lines);
	if (p->is_other)
		memset(lines, 0xff, sizeof(lines));
	p->is_other = false;
	size_of(&s, &p->width, &p->height);
	copy_lines(p, &s, lines);
	list_for_each (pos, &p->views) {
		struct vnc_view *view = list_entry(pos, struct vnc_view, node);

		for (size_t i = 0; i < SURFACE_LINE_WORDS; i++)
			view->lines[i] |= lines[i];
	}
	p->scanned_ns = vnc_now_ns();
}

void vnc_picture_refresh(struct vnc_picture *p, struct vnc_view *view,
			 struct vnc_change *out)
{
	pthread_mutex_lock(&p->lock);
	if (vnc_now_ns() - p->scanned_ns >= SCAN_NS)
		scan_locked(p);
	out->width = p->width;
	out->height = p->height;
	memcpy(out->lines, view->lines, sizeof(out->lines));
	memset(view->lines, 0, sizeof(view->lines));
	pthread_mutex_unlock(&p->lock);
}
