// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The VNC server: who may connect, and where.
 *
 * How this works: a thread with a loop takes connections and gives each to a
 * free client of the few there are (vnc_client.c), which then has a thread of
 * its own. Without a viewer nothing is looked at: the display is told to watch
 * itself when the first has passed the handshake (vnc_picture.c).
 *
 * Passwords are VNC's own: eight characters, sent as an answer to a challenge;
 * what is typed and shown is not encrypted. libvncserver has no TLS for VNC
 * (VeNCrypt) on the server's side, only for WebSockets. So the default is
 * loopback, from where `ssh -L` leads on.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/bits.h"
#include "src/display/vnc_priv.h"

static const char *const vnc_name = "vnc";

__attribute__((format(printf, 1, 2))) static void library_log(const char *fmt,
							      ...)
{
	char text[256];
	va_list ap;

	if (!log_on(LOG_DEBUG))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	text[strcspn(text, "\n")] = '\0';
	log_debug(vnc_name, "%s", text);
}

static int load(struct vnc_library *lib, struct err *e)
{
	const struct library_symbol symbols[] = {
		{ "rfbGetScreen", &lib->get_screen },
		{ "rfbScreenCleanup", &lib->screen_cleanup },
		{ "rfbNewClient", &lib->new_client },
		{ "rfbCloseClient", &lib->close_client },
		{ "rfbClientConnectionGone", &lib->client_gone },
		{ "rfbProcessEvents", &lib->process_events },
		{ "rfbMarkRectAsModified", &lib->mark },
		{ "rfbNewFramebuffer", &lib->new_framebuffer },
		{ "rfbCheckPasswordByList", &lib->check_password },
		{ "rfbLog", &lib->log },
		{ "rfbErr", &lib->error },
	};
	int ret = library_load("libvncserver.so.1", "libvncserver1", symbols,
			       ARRAY_SIZE(symbols), e);

	if (ret)
		return ret;
	*lib->log = library_log;
	*lib->error = library_log;
	return 0;
}

/* --- passwords --- */

static int check_password(struct vnc *v, const char *path, const char *text,
			  struct err *e)
{
	size_t len = strcspn(text, "\r\n");

	if (!len)
		return err_set(e, EINVAL, "%s: has no password in it", path);
	if (len > VNC_MAX_PASSWORD) {
		err_set(e, EINVAL,
			"%s: has %zu characters, and VNC's passwords 8 at most",
			path, len);
		err_hint(e, "the rest would be ignored: shorten it");
		return -EINVAL;
	}
	memcpy(v->password, text, len);
	v->passwords[0] = v->password;
	return 0;
}

static int read_password(struct vnc *v, const char *path, struct err *e)
{
	char text[256];
	struct stat st;
	ssize_t n;
	/* Not waiting for the writer of a FIFO. */
	int ret, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return err_sys(e, path, "open");
	n = read(fd, text, sizeof(text) - 1);
	if (n < 0) {
		ret = err_sys(e, path, "read");
	} else {
		if (!fstat(fd, &st) && (st.st_mode & 077))
			log_warn(vnc_name, "%s: others can read the password",
				 path);
		text[n] = '\0';
		ret = check_password(v, path, text, e);
	}
	close(fd);
	explicit_bzero(text, sizeof(text));
	return ret;
}

/* --- connections --- */

static bool is_loopback(const char *address)
{
	struct in_addr a;

	return inet_pton(AF_INET, address, &a) == 1 &&
	       ntohl(a.s_addr) >> 24 == 127;
}

static int start_listening(struct vnc *v, const struct vnc_config *c,
			   struct err *e)
{
	const char *address = c->address ? c->address : "127.0.0.1";

	if (c->socket)
		return listener_open_unix(&v->listener, c->socket, e);
	if (is_loopback(address) || v->passwords[0])
		return listener_open_tcp(&v->listener, address, c->port, e);
	err_set(e, EPERM,
		"%s: others can reach VNC there, and it has no password",
		address);
	err_hint(e, "give it a password, or use 127.0.0.1 and ssh -L");
	return -EPERM;
}

/* A client without a connection, or NULL. */
static struct vnc_client *free_client(struct vnc *v)
{
	for (unsigned int i = 0; i < VNC_MAX_CLIENTS; i++) {
		struct vnc_client *c = &v->clients[i];

		if (__atomic_load_n(&c->is_running, __ATOMIC_ACQUIRE))
			continue;
		if (c->has_thread)
			pthread_join(c->thread, NULL);
		c->has_thread = false;
		if (c->fd >= 0)
			close(c->fd);
		c->fd = -1;
		return c;
	}
	return NULL;
}

static void listener_ready(struct loop_source *source, uint32_t events)
{
	struct vnc *v = CONTAINER_OF(source, struct vnc, source);
	struct vnc_client *c;
	int fd = listener_accept(&v->listener);

	(void)events;
	if (fd < 0) {
		/* No files: it would be asked at once again. */
		if (errno == EMFILE || errno == ENFILE)
			usleep(100000);
		return;
	}
	c = free_client(v);
	if (c && vnc_client_start(c, fd))
		return;
	log_guest(&v->limit, vnc_name, "a client was turned away: %s",
		  c ? "too many files are open" : "there are too many");
	close(fd);
}

static void *serve(void *arg)
{
	struct vnc *v = arg;
	struct err e = { 0 };
	sigset_t pipe;

	pthread_setname_np(pthread_self(), "vnc");
	/* libvncserver writes to connections that may be gone. */
	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe, NULL);
	if (loop_run(&v->loop, &e))
		log_error(vnc_name, "%s", e.msg);
	return NULL;
}

/* --- the server --- */

static int start(struct vnc *v, const struct vnc_config *c, struct err *e)
{
	int ret = start_listening(v, c, e);

	if (ret)
		return ret;
	v->source = (struct loop_source){ v->listener.fd, listener_ready };
	ret = loop_init(&v->loop, e);
	if (!ret)
		ret = loop_add(&v->loop, &v->source, EPOLLIN, e);
	for (unsigned int i = 0; !ret && i < VNC_MAX_CLIENTS; i++)
		ret = vnc_client_init(&v->clients[i], v, e);
	if (!ret && pthread_create(&v->thread, NULL, serve, v))
		ret = err_set(e, EAGAIN, "%s: no thread can be made", vnc_name);
	v->has_thread = !ret;
	return ret;
}

int vnc_open(struct vnc **out, const struct display *d,
	     const struct vnc_config *c, struct err *e)
{
	struct vnc *v = calloc(1, sizeof(*v));
	int ret;

	if (!v)
		return err_set(e, ENOMEM, "%s: out of memory", vnc_name);
	pthread_mutex_init(&v->input_lock, NULL);
	v->listener.fd = -1;
	v->loop = (struct loop){ .epoll_fd = -1, .wake_fd = -1 };
	ret = load(&v->lib, e);
	if (!ret)
		ret = vnc_picture_init(&v->picture, d, e);
	v->input = d;
	if (!ret && c->password)
		ret = read_password(v, c->password, e);
	if (!ret)
		ret = start(v, c, e);
	if (ret) {
		vnc_close(v);
		return ret;
	}
	*out = v;
	return 0;
}

static void end_client(struct vnc_client *c)
{
	if (c->has_thread) {
		shutdown(c->fd, SHUT_RDWR);
		pthread_join(c->thread, NULL);
	}
	vnc_client_fini(c);
}

void vnc_close(struct vnc *v)
{
	if (!v)
		return;
	__atomic_store_n(&v->is_ending, true, __ATOMIC_RELEASE);
	if (v->has_thread) {
		loop_stop(&v->loop);
		pthread_join(v->thread, NULL);
	}
	for (unsigned int i = 0; i < VNC_MAX_CLIENTS; i++)
		end_client(&v->clients[i]);
	listener_close(&v->listener);
	loop_fini(&v->loop);
	vnc_picture_fini(&v->picture);
	pthread_mutex_destroy(&v->input_lock);
	explicit_bzero(v->password, sizeof(v->password));
	free(v);
}

void vnc_show(struct vnc *v, const struct display *d)
{
	vnc_picture_show(&v->picture, d);
	pthread_mutex_lock(&v->input_lock);
	v->input = d;
	pthread_mutex_unlock(&v->input_lock);
}

uint16_t vnc_port(const struct vnc *v)
{
	return v->listener.port;
}

unsigned int vnc_nr_viewers(struct vnc *v)
{
	unsigned int n;

	pthread_mutex_lock(&v->picture.lock);
	n = v->picture.nr_views;
	pthread_mutex_unlock(&v->picture.lock);
	return n;
}
