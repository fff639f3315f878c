// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Screenshots over a unix socket.
 *
 * How this works: who connects gets a PNG file and the end of the stream;
 * nothing is asked. If there can be none it is a line "error: ..." instead. The
 * server is one thread with a loop. It compresses the picture when somebody
 * connects and writes as fast as that one reads; who has not read all in some
 * seconds is let go, so nobody holds one of the few places for long.
 *
 * The other end writes the file beside its place and renames it, so that what
 * was there stays until all of the new one is.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/bits.h"
#include "src/base/log.h"
#include "src/core/loop.h"
#include "src/display/display.h"
#include "src/display/listen.h"

enum { MAX_CLIENTS = 4, TIMEOUT_S = 10, NS_PER_S = 1000000000 };
/* No picture that a display can have is larger as a file. */
#define MAX_FILE MIB(128)

static const char *const server_name = "screenshot";
static const uint8_t signature[] = { 0x89, 'P', 'N', 'G', 13, 10, 26, 10 };
/* The last chunk with its checksum. */
static const uint8_t ending[] = { 0,   0,   0,	  0,	'I',  'E',
				  'N', 'D', 0xae, 0x42, 0x60, 0x82 };

struct shot {
	struct loop_source source; /* fd -1: free */
	struct loop_timer timer;
	struct screenshot_server *server;
	uint8_t *data;
	size_t len, done;
};

struct screenshot_server {
	pthread_mutex_t lock;
	const struct display *d; /* under it; NULL: none now */
	struct listener listener;
	struct loop loop;
	struct loop_source source;
	struct shot shots[MAX_CLIENTS];
	pthread_t thread;
	bool has_thread, is_listening;
};

/* --- the server --- */

static void watch_listener(struct screenshot_server *s, bool on)
{
	struct err ignored = { 0 };

	if (s->is_listening == on)
		return;
	if (!on)
		loop_del(&s->loop, &s->source);
	else if (loop_add(&s->loop, &s->source, EPOLLIN, &ignored))
		return;
	s->is_listening = on;
}

static void shot_end(struct shot *t)
{
	loop_del(&t->server->loop, &t->source);
	loop_timer_del(&t->server->loop, &t->timer);
	close(t->source.fd);
	t->source.fd = -1;
	free(t->data);
	t->data = NULL;
	watch_listener(t->server, true);
}

static void shot_ready(struct loop_source *source, uint32_t events)
{
	struct shot *t = CONTAINER_OF(source, struct shot, source);
	ssize_t n = send(source->fd, t->data + t->done, t->len - t->done,
			 MSG_NOSIGNAL | MSG_DONTWAIT);

	(void)events;
	if (n > 0)
		t->done += (size_t)n;
	if (t->done == t->len || (n < 0 && errno != EAGAIN && errno != EINTR))
		shot_end(t);
}

static void shot_late(struct loop_timer *timer)
{
	shot_end(CONTAINER_OF(timer, struct shot, timer));
}

/* What the client gets, and that it is more than nothing. */
static bool take_picture(struct screenshot_server *server, struct shot *t)
{
	struct err e = { 0 };
	struct surface s = { 0 };
	char *text = NULL;
	int len, ret;

	t->done = 0;
	/* Also while the pixels are read. */
	pthread_mutex_lock(&server->lock);
	if (server->d)
		server->d->source->look(server->d->source_ctx, &s);
	ret = png_encode(&s, &t->data, &t->len, &e);
	pthread_mutex_unlock(&server->lock);
	if (!ret)
		return true;
	len = asprintf(&text, "error: %s\n", e.msg);
	if (len < 0)
		return false;
	t->data = (uint8_t *)text;
	t->len = (size_t)len;
	return true;
}

static void shot_begin(struct shot *t, int fd)
{
	struct loop *loop = &t->server->loop;
	struct err e = { 0 };

	t->source = (struct loop_source){ fd, shot_ready };
	t->timer = (struct loop_timer){ .fn = shot_late };
	if (loop_timer_add(loop, &t->timer, &e))
		goto out_close;
	loop_timer_set(&t->timer, (uint64_t)TIMEOUT_S * NS_PER_S, 0);
	if (!take_picture(t->server, t))
		goto out_timer;
	if (!loop_add(loop, &t->source, EPOLLOUT, &e))
		return;
	free(t->data);
	t->data = NULL;
out_timer:
	loop_timer_del(loop, &t->timer);
out_close:
	close(fd);
	t->source.fd = -1;
}

static struct shot *free_shot(struct screenshot_server *s)
{
	for (unsigned int i = 0; i < MAX_CLIENTS; i++)
		if (s->shots[i].source.fd < 0)
			return &s->shots[i];
	return NULL;
}

/* While all places are taken the others wait in the socket's queue. */
static void listener_ready(struct loop_source *source, uint32_t events)
{
	struct screenshot_server *s =
		CONTAINER_OF(source, struct screenshot_server, source);
	struct shot *t = free_shot(s);
	int fd = t ? listener_accept(&s->listener) : -1;

	(void)events;
	if (fd >= 0)
		shot_begin(t, fd);
	else if (t && (errno == EMFILE || errno == ENFILE))
		usleep(100000); /* no files: it would be asked at once again */
	if (!free_shot(s))
		watch_listener(s, false);
}

static void *serve(void *arg)
{
	struct screenshot_server *s = arg;
	struct err e = { 0 };

	pthread_setname_np(pthread_self(), server_name);
	if (loop_run(&s->loop, &e))
		log_error(server_name, "%s", e.msg);
	return NULL;
}

int screenshot_server_open(struct screenshot_server **out,
			   const struct display *d, const char *path,
			   struct err *e)
{
	struct screenshot_server *s = calloc(1, sizeof(*s));
	int ret;

	if (!s)
		return err_set(e, ENOMEM, "%s: out of memory", server_name);
	pthread_mutex_init(&s->lock, NULL);
	s->d = d;
	s->loop = (struct loop){ .epoll_fd = -1, .wake_fd = -1 };
	for (unsigned int i = 0; i < MAX_CLIENTS; i++) {
		s->shots[i].server = s;
		s->shots[i].source.fd = -1;
	}
	ret = listener_open_unix(&s->listener, path, e);
	s->source = (struct loop_source){ s->listener.fd, listener_ready };
	if (!ret)
		ret = loop_init(&s->loop, e);
	if (!ret)
		ret = loop_add(&s->loop, &s->source, EPOLLIN, e);
	s->is_listening = !ret;
	if (!ret && pthread_create(&s->thread, NULL, serve, s))
		ret = err_set(e, EAGAIN, "%s: no thread can be made",
			      server_name);
	s->has_thread = !ret;
	if (ret)
		screenshot_server_close(s);
	else
		*out = s;
	return ret;
}

void screenshot_server_close(struct screenshot_server *s)
{
	if (!s)
		return;
	if (s->has_thread) {
		loop_stop(&s->loop);
		pthread_join(s->thread, NULL);
	}
	for (unsigned int i = 0; i < MAX_CLIENTS; i++)
		if (s->shots[i].source.fd >= 0)
			shot_end(&s->shots[i]);
	listener_close(&s->listener);
	loop_fini(&s->loop);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

void screenshot_server_show(struct screenshot_server *s,
			    const struct display *d)
{
	pthread_mutex_lock(&s->lock);
	s->d = d;
	pthread_mutex_unlock(&s->lock);
}

/* --- the client --- */

/* All that comes until the end, of which *data is the caller's to free. */
static int read_all(int fd, const char *who, uint8_t **data, size_t *len,
		    struct err *e)
{
	size_t room = 0;

	*data = NULL;
	*len = 0;
	for (;;) {
		ssize_t n;

		if (*len == room) {
			uint8_t *more = NULL;

			room = room ? 2 * room : MIB(1);
			if (room <= MAX_FILE)
				more = realloc(*data, room);
			if (!more)
				return err_set(e, EFBIG,
					       "%s: sends more than a picture",
					       who);
			*data = more;
		}
		n = read(fd, *data + *len, room - *len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return err_set(e, ETIMEDOUT,
				       "%s: no picture came for %d s", who,
				       TIMEOUT_S);
		if (n < 0)
			return err_sys(e, who, "read");
		if (!n)
			return 0;
		*len += (size_t)n;
	}
}

static int check_picture(const char *who, const uint8_t *data, size_t len,
			 struct err *e)
{
	static const char prefix[] = "error: ";
	size_t skip = sizeof(prefix) - 1;

	if (len >= sizeof(signature) + sizeof(ending) &&
	    !memcmp(data, signature, sizeof(signature)) &&
	    !memcmp(data + len - sizeof(ending), ending, sizeof(ending)))
		return 0;
	if (len > skip && len < sizeof(e->msg) && !memcmp(data, prefix, skip))
		return err_set(e, EIO, "%s: %.*s", who,
			       (int)strcspn((const char *)data + skip, "\n"),
			       (const char *)data + skip);
	err_set(e, EIO, "%s: what came is not a whole PNG file", who);
	err_hint(e, "is that the socket for screenshots?");
	return -EIO;
}

static int write_all(int fd, const uint8_t *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static int write_to(const char *path, const char *file, int flags,
		    const uint8_t *data, size_t len, struct err *e)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | flags, 0666);
	int ret;

	if (fd < 0)
		return err_sys(e, file, "open");
	ret = write_all(fd, data, len);
	if (close(fd) && !ret)
		ret = -errno;
	if (ret) {
		errno = -ret;
		return err_sys(e, file, "write");
	}
	return 0;
}

static int write_file(const char *file, const uint8_t *data, size_t len,
		      struct err *e)
{
	char *part = NULL;
	struct stat st;
	int ret;

	if (!stat(file, &st) && !S_ISREG(st.st_mode))
		return write_to(file, file, 0, data, len, e);
	if (asprintf(&part, "%s.part", file) < 0)
		return err_set(e, ENOMEM, "%s: out of memory", file);
	ret = write_to(part, file, O_CREAT | O_TRUNC, data, len, e);
	if (!ret && rename(part, file))
		ret = err_sys(e, file, "rename");
	if (ret)
		unlink(part);
	free(part);
	return ret;
}

int screenshot_fetch(const char *socket, const char *file, struct err *e)
{
	struct timeval timeout = { .tv_sec = TIMEOUT_S };
	uint8_t *data;
	size_t len;
	int ret, fd = unix_connect(socket, e);

	if (fd < 0) {
		err_hint(e, "is the guest running, and has it that socket?");
		return fd;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	ret = read_all(fd, socket, &data, &len, e);
	close(fd);
	if (!ret)
		ret = check_picture(socket, data, len, e);
	if (!ret)
		ret = write_file(file, data, len, e);
	free(data);
	return ret;
}
