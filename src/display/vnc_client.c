// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One VNC client.
 *
 * How this works: libvncserver serves all clients of a screen on one thread, or
 * on threads that share the screen, and waits where a client does not read. So
 * each client has a thread and a screen to itself, over the one picture: who
 * stalls or floods holds up only itself, and is let go after a while.
 *
 * The screens are all made before the first thread, because making one
 * initializes a mutex that all of them use. libvncserver's select takes files
 * up to FD_SETSIZE only, and a guest with many interrupts has more: so the
 * places for connections are kept from the start, by /dev/null.
 *
 * WebSockets are turned away: any web page could open one to 127.0.0.1.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "src/base/bits.h"
#include "src/display/vnc_priv.h"

enum {
	PERIOD_US = 33000,
	HANDSHAKE_NS = 1000000000, /* times HANDSHAKE_S */
	HANDSHAKE_S = 10,
	STALL_MS = 5000,
	PASSWORD_PAUSE_NS = 500000000, /* after a wrong one */
	MAX_EVENTS = 2000,	       /* per second; more are slowed down */
	EVENT_PAUSE_NS = 2000000,
	BITS_PER_SAMPLE = 8,
	SAMPLES = 3,
	BYTES = 4,
};

static const char *const vnc_name = "vnc";

static void pause_ns(long ns)
{
	struct timespec t = { .tv_nsec = ns };

	nanosleep(&t, NULL);
}

/* --- called by libvncserver, on the client's thread --- */

static struct vnc_client *client_of(rfbClientPtr cl)
{
	return cl->screen->screenData;
}

/* The connection fills up then, and it is the client that waits. */
static void slow_down(struct vnc_client *c)
{
	uint64_t second = vnc_now_ns() >> 30;

	if (second != c->second)
		c->nr_events = 0;
	c->second = second;
	if (++c->nr_events > MAX_EVENTS)
		pause_ns(EVENT_PAUSE_NS);
}

/* The lock is held while the display's input is used. */
static struct typist *typist_get(struct vnc_client *c)
{
	pthread_mutex_lock(&c->v->input_lock);
	c->typist.d = c->v->input;
	return &c->typist;
}

static void typist_put(struct vnc_client *c)
{
	pthread_mutex_unlock(&c->v->input_lock);
}

static void on_key(rfbBool down, rfbKeySym keysym, rfbClientPtr cl)
{
	struct vnc_client *c = client_of(cl);

	slow_down(c);
	typist_key(typist_get(c), keysym, down);
	typist_put(c);
}

static void on_pointer(int buttons, int x, int y, rfbClientPtr cl)
{
	struct vnc_client *c = client_of(cl);

	slow_down(c);
	typist_pointer(typist_get(c), x, y, (unsigned int)buttons);
	typist_put(c);
}

static rfbBool on_password(rfbClientPtr cl, const char *response, int len)
{
	struct vnc_client *c = client_of(cl);

	if (c->v->lib.check_password(cl, response, len))
		return TRUE;
	log_info(vnc_name, "a client had a wrong password");
	pause_ns(PASSWORD_PAUSE_NS);
	return FALSE;
}

static void on_gone(rfbClientPtr cl)
{
	client_of(cl)->cl = NULL;
}

/* --- the thread --- */

static void hang_up(struct vnc_client *c)
{
	const struct vnc_library *lib = &c->v->lib;
	rfbClientPtr cl = c->cl;

	if (!cl)
		return;
	lib->close_client(cl);
	lib->client_gone(cl);
	c->cl = NULL;
}

static void become_viewer(struct vnc_client *c)
{
	struct err e = { 0 };

	if (vnc_picture_join(&c->v->picture, &c->view, &e)) {
		log_warn(vnc_name, "%s", e.msg);
		hang_up(c);
		return;
	}
	c->is_viewer = true;
	log_info(vnc_name, "a viewer has come");
}

/* Tells libvncserver of the lines that are set, in as few runs as they are. */
static void mark_lines(struct vnc_client *c, const struct vnc_change *change)
{
	int width = (int)change->width;
	uint32_t y = 0;

	while (y < change->height) {
		uint32_t first = y;

		while (y < change->height &&
		       (change->lines[y / 64] >> (y % 64) & 1))
			y++;
		if (y > first)
			c->v->lib.mark(c->screen, 0, (int)first, width, (int)y);
		else
			y++;
	}
}

static void refresh(struct vnc_client *c)
{
	struct vnc_change change;

	vnc_picture_refresh(&c->v->picture, &c->view, &change);
	/* All of it is sent if the size is another one. */
	if ((uint32_t)c->screen->width != change.width ||
	    (uint32_t)c->screen->height != change.height)
		c->v->lib.new_framebuffer(c->screen,
					  (char *)c->v->picture.pixels,
					  (int)change.width, (int)change.height,
					  BITS_PER_SAMPLE, SAMPLES, BYTES);
	else
		mark_lines(c, &change);
}

/* Whether it was one; it is gone then. libvncserver up to 0.9.14 forgets what
 * it had allocated for it. */
static bool drop_websocket(struct vnc_client *c)
{
#ifdef LIBVNCSERVER_WITH_WEBSOCKETS
	rfbClientPtr cl = c->cl;

	if (!cl->wsctx && !cl->sslctx)
		return false;
	log_info(vnc_name, "a WebSocket was turned away");
	c->v->lib.close_client(cl);
	free(cl->wsctx);
	cl->wsctx = NULL;
	c->v->lib.client_gone(cl);
	c->cl = NULL;
	return true;
#else
	return false;
#endif
}

/* Greets it; false: it has gone already. */
static bool greet(struct vnc_client *c)
{
	const struct vnc *v = c->v;
	uint32_t width, height;

	vnc_picture_size(&c->v->picture, &width, &height);
	v->lib.new_framebuffer(c->screen, (char *)v->picture.pixels, (int)width,
			       (int)height, BITS_PER_SAMPLE, SAMPLES, BYTES);
	c->cl = v->lib.new_client(c->screen, c->library_fd);
	if (!c->cl)
		return false;
	c->cl->clientGoneHook = on_gone;
	return !drop_websocket(c);
}

static void talk(struct vnc_client *c)
{
	uint64_t start_ns = vnc_now_ns();

	while (c->cl && !__atomic_load_n(&c->v->is_ending, __ATOMIC_ACQUIRE)) {
		if (!c->is_viewer && c->cl->state == RFB_NORMAL)
			become_viewer(c);
		else if (!c->is_viewer &&
			 vnc_now_ns() - start_ns >
				 (uint64_t)HANDSHAKE_NS * HANDSHAKE_S)
			hang_up(c);
		if (c->is_viewer)
			refresh(c);
		if (c->cl)
			c->v->lib.process_events(c->screen, PERIOD_US);
	}
	hang_up(c);
}

/* A file below FD_SETSIZE to put a connection at, or -1. */
static int keep_place(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < FD_SETSIZE)
		return fd;
	close(fd);
	return -1;
}

static void *run(void *arg)
{
	struct vnc_client *c = arg;

	pthread_setname_np(pthread_self(), "vnc-client");
	if (greet(c))
		talk(c);
	if (c->is_viewer) {
		vnc_picture_leave(&c->v->picture, &c->view);
		typist_leave(typist_get(c));
		typist_put(c);
		log_info(vnc_name, "a viewer has gone");
	}
	/* libvncserver has closed its own, and ours still holds the connection.
	 */
	shutdown(c->fd, SHUT_RDWR);
	c->library_fd = keep_place();
	__atomic_store_n(&c->is_running, false, __ATOMIC_RELEASE);
	return NULL;
}

bool vnc_client_start(struct vnc_client *c, int fd)
{
	if (c->library_fd < 0)
		c->library_fd = keep_place();
	if (c->library_fd < 0 || dup3(fd, c->library_fd, O_CLOEXEC) < 0)
		return false;
	c->fd = fd;
	c->is_viewer = false;
	c->typist = (struct typist){ 0 };
	__atomic_store_n(&c->is_running, true, __ATOMIC_RELEASE);
	c->has_thread = !pthread_create(&c->thread, NULL, run, c);
	if (c->has_thread)
		return true;
	__atomic_store_n(&c->is_running, false, __ATOMIC_RELEASE);
	c->fd = -1;
	/* So that the connection ends when the caller closes its own. */
	close(c->library_fd);
	c->library_fd = keep_place();
	return false;
}

int vnc_client_init(struct vnc_client *c, struct vnc *v, struct err *e)
{
	rfbScreenInfoPtr s;

	*c = (struct vnc_client){ .v = v, .fd = -1, .library_fd = -1 };
	s = v->lib.get_screen(NULL, NULL, SURFACE_BLANK_WIDTH,
			      SURFACE_BLANK_HEIGHT, BITS_PER_SAMPLE, SAMPLES,
			      BYTES);
	c->screen = s;
	if (!s)
		return err_set(e, ENOMEM, "%s: out of memory", vnc_name);
	s->screenData = c;
	s->frameBuffer = (char *)v->picture.pixels;
	s->desktopName = "strait";
	s->alwaysShared = TRUE;
	s->deferUpdateTime = 0;
	s->maxClientWait = STALL_MS;
	s->cursor = NULL; /* the guest draws its own */
	s->kbdAddEvent = on_key;
	s->ptrAddEvent = on_pointer;
	if (v->passwords[0]) {
		s->authPasswdData = v->passwords;
		s->passwordCheck = on_password;
	}
	c->library_fd = keep_place();
	if (c->library_fd >= 0)
		return 0;
	return err_set(e, EMFILE, "%s: too many files are open", vnc_name);
}

void vnc_client_fini(struct vnc_client *c)
{
	if (!c->v)
		return;
	if (c->library_fd >= 0)
		close(c->library_fd);
	if (c->fd >= 0)
		close(c->fd);
	if (c->screen)
		c->v->lib.screen_cleanup(c->screen);
	*c = (struct vnc_client){ .fd = -1, .library_fd = -1 };
}
