/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A serial port between two pipes, for its tests: the guest's side is a port
 * bus, the host's side the far ends of the pipes.
 */
#ifndef STRAIT_TESTS_UNIT_DEV_SERIAL_H
#define STRAIT_TESTS_UNIT_DEV_SERIAL_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "src/base/bits.h"
#include "src/dev/dev.h"
#include "tests/tap.h"

/* Registers by their offset, and the bits of them (PC16550D, section 8). */
enum {
	DATA,
	IER,
	IIR,
	FCR = IIR,
	LCR,
	MCR,
	LSR,
	MSR,
	SCR,

	IER_RX = 1,
	IER_THR = 2,
	IER_LINE = 4,
	IIR_NONE = 1,
	IIR_THR = 2,
	IIR_RX = 4,
	IIR_LINE = 6,
	DLAB = 0x80,
	OUT2 = 8,
	LOOP = 0x10,
	LSR_DATA = 1,
	LSR_OVERRUN = 2,
	LSR_THRE = 0x20,
	LSR_TEMT = 0x40,

	PORT = 0x3f8,
	GSI = 4,
};

struct rig {
	struct serial serial;
	struct bus pio;
	struct irq irq;
	struct loop loop;
	int in_fds[2], out_fds[2]; /* host writes in_fds[1], reads out_fds[0] */
	unsigned int nr_edges;	   /* of the interrupt line, upwards */
	bool line;
};

static inline int rig_routes(void *ctx, const struct irq_route *routes,
			     unsigned int nr, struct err *e)
{
	(void)ctx;
	(void)routes;
	(void)nr;
	(void)e;
	return 0;
}

static inline void rig_line(void *ctx, uint32_t gsi, bool high)
{
	struct rig *r = ctx;

	if (gsi != GSI)
		abort();
	r->nr_edges += high && !r->line;
	r->line = high;
}

/* Everything but the serial port. */
static inline void rig_make(struct rig *r)
{
	static const struct irq_sink_ops sink = { .set_routes = rig_routes,
						  .set_line = rig_line };
	struct err e = { 0 };

	*r = (struct rig){ .line = false };
	signal(SIGPIPE, SIG_IGN);
	if (bus_init(&r->pio, "pio") || irq_init(&r->irq, &sink, r, &e) ||
	    loop_init(&r->loop, &e) || pipe(r->in_fds) || pipe(r->out_fds))
		abort();
	/* Only the host's ends do not block; the port gets what strait gets. */
	fcntl(r->out_fds[0], F_SETFL, O_NONBLOCK);
	fcntl(r->in_fds[1], F_SETFL, O_NONBLOCK);
}

static inline void rig_plug(struct rig *r, int in_fd, int out_fd)
{
	struct irq_line line = { &r->irq, GSI };
	struct err e = { 0 };

	if (serial_init(&r->serial, &r->pio, PORT, line, &r->loop, in_fd,
			out_fd, &e))
		abort();
}

static inline void rig_open(struct rig *r)
{
	rig_make(r);
	rig_plug(r, r->in_fds[0], r->out_fds[1]);
}

static inline void rig_hang_up(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static inline void rig_close(struct rig *r)
{
	serial_fini(&r->serial, &r->pio);
	for (int i = 0; i < 2; i++) {
		rig_hang_up(&r->in_fds[i]);
		rig_hang_up(&r->out_fds[i]);
	}
	loop_fini(&r->loop);
	irq_fini(&r->irq);
	bus_fini(&r->pio);
}

/* --- the guest --- */

static inline uint8_t inb(struct rig *r, unsigned int reg)
{
	uint64_t value;

	bus_read(&r->pio, PORT + reg, 1, &value);
	return (uint8_t)value;
}

static inline void outb(struct rig *r, unsigned int reg, uint8_t value)
{
	bus_write(&r->pio, PORT + reg, 1, value);
}

static inline void out_text(struct rig *r, const char *text)
{
	while (*text)
		outb(r, DATA, (uint8_t)*text++);
}

/* Reads what the receiver has, as an interrupt handler does. */
static inline size_t in_text(struct rig *r, char *buf, size_t len)
{
	size_t n = 0;

	while (n + 1 < len && (inb(r, LSR) & LSR_DATA))
		buf[n++] = (char)inb(r, DATA);
	buf[n] = '\0';
	return n;
}

/* --- the host --- */

static inline void type_text(struct rig *r, const char *text)
{
	size_t len = strlen(text);

	if (write(r->in_fds[1], text, len) != (ssize_t)len)
		abort();
}

/* What has come out by now. */
static inline size_t screen(struct rig *r, char *buf, size_t len)
{
	ssize_t n = read(r->out_fds[0], buf, len - 1);

	buf[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

/*
 * Delivers what is ready, as loop_run does, until nothing is or max events
 * were delivered. Returns their number: max means that something spins.
 */
static inline unsigned int turn(struct rig *r, unsigned int max)
{
	unsigned int n = 0;
	struct epoll_event ev;

	while (n < max && epoll_wait(r->loop.epoll_fd, &ev, 1, 0) == 1) {
		struct loop_source *s = ev.data.ptr;

		s->ready(s, ev.events);
		n++;
	}
	return n;
}

#endif
