/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the VNC server tell each other. */
#ifndef STRAIT_DISPLAY_VNC_PRIV_H
#define STRAIT_DISPLAY_VNC_PRIV_H

#include <pthread.h>
#include <rfb/rfb.h>

#include "src/base/list.h"
#include "src/base/log.h"
#include "src/core/loop.h"
#include "src/display/display.h"
#include "src/display/library.h"
#include "src/display/listen.h"
#include "src/display/typist.h"

/* --- vnc_picture.c: the picture that all viewers are sent --- */

/* One viewer's: what it has not been sent. Under the picture's lock. */
struct vnc_view {
	uint64_t lines[SURFACE_LINE_WORDS];
	struct list node;
};

struct vnc_picture {
	pthread_mutex_t lock;
	const struct display *d; /* NULL: none now */
	bool is_other;		 /* than at the last scan */
	uint8_t *pixels;	 /* R, G, B, 0; room for the largest */
	uint32_t width, height;
	uint64_t scanned_ns;
	struct list views;
	unsigned int nr_views;
};

/* A refresh's result: the whole picture's size, and which lines to send. */
struct vnc_change {
	uint32_t width, height;
	uint64_t lines[SURFACE_LINE_WORDS];
};

int vnc_picture_init(struct vnc_picture *p, const struct display *d,
		     struct err *e);
/* Accepts a zeroed struct. */
void vnc_picture_fini(struct vnc_picture *p);
/* See vnc_show. */
void vnc_picture_show(struct vnc_picture *p, const struct display *d);
/* The size that it will have, for who has not joined yet. */
void vnc_picture_size(struct vnc_picture *p, uint32_t *width, uint32_t *height);
/* The first to join turns the watch on, the last to leave turns it off. */
int vnc_picture_join(struct vnc_picture *p, struct vnc_view *view,
		     struct err *e);
void vnc_picture_leave(struct vnc_picture *p, struct vnc_view *view);
/* Looks for changes if nobody did for a while, and takes those of the view. */
void vnc_picture_refresh(struct vnc_picture *p, struct vnc_view *view,
			 struct vnc_change *out);

/* --- vnc_client.c: one connection, on a thread of its own --- */

/* libvncserver's functions. */
struct vnc_library {
	__typeof__(rfbGetScreen) *get_screen;
	__typeof__(rfbScreenCleanup) *screen_cleanup;
	__typeof__(rfbNewClient) *new_client;
	__typeof__(rfbCloseClient) *close_client;
	__typeof__(rfbClientConnectionGone) *client_gone;
	__typeof__(rfbProcessEvents) *process_events;
	__typeof__(rfbMarkRectAsModified) *mark;
	__typeof__(rfbNewFramebuffer) *new_framebuffer;
	__typeof__(rfbCheckPasswordByList) *check_password;
	rfbLogProc *log, *error; /* variables */
};

struct vnc_client {
	struct vnc *v;
	pthread_t thread;
	bool has_thread; /* the listener's */
	bool is_running; /* atomic; set by the listener, cleared at the end */
	int fd;		 /* the connection, to shut it down by */
	int library_fd;	 /* the same for libvncserver, or a place for it */
	rfbScreenInfoPtr screen;
	rfbClientPtr cl; /* NULL: gone */
	bool is_viewer;
	struct vnc_view view;
	struct typist typist;
	uint64_t second; /* in which nr_events came */
	unsigned int nr_events;
};

enum { VNC_MAX_CLIENTS = 8, VNC_MAX_PASSWORD = 8 };

struct vnc {
	struct vnc_library lib;
	struct vnc_picture picture;
	pthread_mutex_t input_lock;
	const struct display *input; /* under it; NULL: none now */
	struct listener listener;
	struct loop loop;
	struct loop_source source;
	struct log_limit limit;
	pthread_t thread;
	bool has_thread;
	bool is_ending; /* atomic */
	char password[VNC_MAX_PASSWORD + 1];
	char *passwords[2]; /* of libvncserver: a list, or NULL */
	struct vnc_client clients[VNC_MAX_CLIENTS];
};

/* Makes its screen and keeps a file for it; before any thread runs. */
int vnc_client_init(struct vnc_client *c, struct vnc *v, struct err *e);
/* Accepts a zeroed struct. The thread has ended. */
void vnc_client_fini(struct vnc_client *c);
/* Takes over fd, and ends by itself. False: it cannot. */
bool vnc_client_start(struct vnc_client *c, int fd);

uint64_t vnc_now_ns(void);

#endif
