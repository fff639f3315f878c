// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A 16550A UART.
 *
 * How this works: a byte that the guest sends goes to the fd at once, on the
 * vCPU thread, so that a crash loses nothing. If the fd would block, bytes
 * wait in out[] and the loop writes them when it can; while that is so full
 * that a FIFO's worth would not fit, the transmitter reports itself busy and
 * the guest waits as it would for a slow line.
 *
 * Input comes on the loop and goes into the receive FIFO; while that is full
 * the fd is not polled, so nothing is lost and nothing spins.
 *
 * The interrupt is a level inside (pending causes by priority, IIR) that the
 * IOAPIC takes as an edge. Guests read IIR until it is empty, so each wave of
 * causes makes one edge.
 *
 * Registers: National Semiconductor PC16550D data sheet, section 8.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "src/base/bits.h"
#include "src/base/log.h"
#include "src/dev/dev.h"

enum {
	REG_DATA, /* RBR, THR, DLL */
	REG_IER,  /* DLM */
	REG_IIR,  /* FCR */
	REG_LCR,
	REG_MCR,
	REG_LSR,
	REG_MSR,
	REG_SCR,
	NR_REGS,

	IER_RX = 1,
	IER_THR = 2,
	IER_LINE = 4,
	IER_MASK = 0xf,
	IIR_NONE = 1,
	IIR_THR = 2,
	IIR_RX = 4,
	IIR_LINE = 6,
	IIR_FIFO = 0xc0,
	FCR_ENABLE = 1,
	FCR_CLEAR_RX = 2,
	FCR_CLEAR_TX = 4,
	LCR_DLAB = 0x80,
	MCR_DTR = 1,
	MCR_RTS = 2,
	MCR_OUT1 = 4,
	MCR_OUT2 = 8,
	MCR_LOOP = 0x10,
	MCR_MASK = 0x1f,
	LSR_DATA = 1,
	LSR_OVERRUN = 2,
	LSR_THR_EMPTY = 0x20,
	LSR_IDLE = 0x40,
	MSR_CTS = 0x10,
	MSR_DSR = 0x20,
	MSR_RI = 0x40,
	MSR_DCD = 0x80,
	DIVISOR_115200 = 1,
	DRAIN_SLICE_MS = 100,
};

static bool tx_has_room(const struct serial *s)
{
	return s->out_len + SERIAL_FIFO_LEN <= SERIAL_OUT_LEN;
}

static uint8_t iir_now(const struct serial *s)
{
	if ((s->ier & IER_LINE) && s->overrun)
		return IIR_LINE;
	if ((s->ier & IER_RX) && s->rx_len)
		return IIR_RX;
	if ((s->ier & IER_THR) && s->thr_irq)
		return IIR_THR;
	return IIR_NONE;
}

/* Level to edge: tells the line only of changes. OUT2 gates it, as on a PC. */
static void update_line(struct serial *s)
{
	bool high = iir_now(s) != IIR_NONE && (s->mcr & MCR_OUT2) &&
		    !(s->mcr & MCR_LOOP);

	if (high == s->line_is_high)
		return;
	s->line_is_high = high;
	irq_line_set(&s->line, high);
}

/*
 * A source is in the loop only while it is wanted: epoll reports a hang-up
 * even to one that waits for nothing.
 */
static void set_watch(struct serial *s, struct loop_source *source, bool *now,
		      bool wanted, uint32_t events)
{
	struct err ignored = { 0 };

	if (source->fd < 0 || *now == wanted)
		return;
	*now = wanted;
	if (!wanted)
		loop_del(s->loop, source);
	else if (loop_add(s->loop, source, events, &ignored))
		source->fd = -1;
}

/* The loop looks at the input while there is room and no loopback. */
static void update_input(struct serial *s)
{
	set_watch(s, &s->input, &s->input_on,
		  s->rx_len < SERIAL_FIFO_LEN && !(s->mcr & MCR_LOOP), EPOLLIN);
}

static void rx_put(struct serial *s, uint8_t byte)
{
	if (s->rx_len == SERIAL_FIFO_LEN) {
		s->overrun = true;
		return;
	}
	s->rx[(s->rx_head + s->rx_len++) % SERIAL_FIFO_LEN] = byte;
}

static uint8_t rx_get(struct serial *s)
{
	uint8_t byte;

	if (!s->rx_len)
		return 0;
	byte = s->rx[s->rx_head];
	s->rx_head = (s->rx_head + 1) % SERIAL_FIFO_LEN;
	s->rx_len--;
	update_input(s);
	return byte;
}

/*
 * A full disk must not stop the guest, nor a reader that went away: that one
 * knows what it does not read.
 */
static void note_loss(struct serial *s, int code)
{
	if (code != EPIPE && !s->has_lost)
		log_warn("serial", "what the guest writes is lost: %s",
			 strerror(code));
	s->has_lost = true;
}

/* Writes what waits, without blocking. */
static void flush(struct serial *s)
{
	while (s->out_len) {
		unsigned int run = SERIAL_OUT_LEN - s->out_head;
		ssize_t n;

		if (run > s->out_len)
			run = s->out_len;
		n = output_write(&s->out_file, s->out + s->out_head, run);
		if (n == -EAGAIN)
			break;
		if (n <= 0) {
			note_loss(s, n ? (int)-n : EIO);
			n = (ssize_t)s->out_len;
		}
		s->out_head = (s->out_head + (unsigned int)n) % SERIAL_OUT_LEN;
		s->out_len -= (unsigned int)n;
	}
	set_watch(s, &s->output, &s->output_waits, s->out_len > 0, EPOLLOUT);
}

static void tx_put(struct serial *s, uint8_t byte)
{
	if (s->mcr & MCR_LOOP) {
		rx_put(s, byte);
	} else if (s->out_file.fd >= 0 && s->out_len < SERIAL_OUT_LEN) {
		s->out[(s->out_head + s->out_len++) % SERIAL_OUT_LEN] = byte;
		flush(s);
	}
	/* If the guest has not seen the last one yet, it is still up: no edge.
	 */
	s->thr_irq = tx_has_room(s);
}

static uint8_t read_lsr(struct serial *s)
{
	uint8_t lsr = s->rx_len ? LSR_DATA : 0;

	if (s->overrun)
		lsr |= LSR_OVERRUN;
	if (tx_has_room(s))
		lsr |= LSR_THR_EMPTY;
	/* Who waits for this before a power-off loses nothing. */
	if (!s->out_len)
		lsr |= LSR_IDLE;
	s->overrun = false;
	return lsr;
}

static uint8_t read_msr(const struct serial *s)
{
	uint8_t msr = 0;

	if (!(s->mcr & MCR_LOOP))
		return MSR_CTS | MSR_DSR | MSR_DCD;
	if (s->mcr & MCR_RTS)
		msr |= MSR_CTS;
	if (s->mcr & MCR_DTR)
		msr |= MSR_DSR;
	if (s->mcr & MCR_OUT1)
		msr |= MSR_RI;
	if (s->mcr & MCR_OUT2)
		msr |= MSR_DCD;
	return msr;
}

static uint8_t read_iir(struct serial *s)
{
	uint8_t iir = iir_now(s);

	if (iir == IIR_THR)
		s->thr_irq = false;
	return iir | (s->fcr & FCR_ENABLE ? IIR_FIFO : 0);
}

static uint8_t read_locked(struct serial *s, uint64_t reg)
{
	bool dlab = s->lcr & LCR_DLAB;

	switch (reg) {
	case REG_DATA:
		return dlab ? s->dll : rx_get(s);
	case REG_IER:
		return dlab ? s->dlm : s->ier;
	case REG_IIR:
		return read_iir(s);
	case REG_LCR:
		return s->lcr;
	case REG_MCR:
		return s->mcr;
	case REG_LSR:
		return read_lsr(s);
	case REG_MSR:
		return read_msr(s);
	default:
		return s->scr;
	}
}

static void write_ier(struct serial *s, uint8_t value)
{
	/* Enabling it with the transmitter empty raises it at once. */
	if ((value & IER_THR) && !(s->ier & IER_THR))
		s->thr_irq = tx_has_room(s);
	s->ier = value & IER_MASK;
}

static void write_fcr(struct serial *s, uint8_t value)
{
	if (value & FCR_CLEAR_RX) {
		s->rx_len = 0;
		update_input(s);
	}
	s->fcr = value;
}

static void write_locked(struct serial *s, uint64_t reg, uint8_t value)
{
	bool dlab = s->lcr & LCR_DLAB;

	switch (reg) {
	case REG_DATA:
		if (dlab)
			s->dll = value;
		else
			tx_put(s, value);
		break;
	case REG_IER:
		if (dlab)
			s->dlm = value;
		else
			write_ier(s, value);
		break;
	case REG_IIR:
		write_fcr(s, value);
		break;
	case REG_LCR:
		s->lcr = value;
		break;
	case REG_MCR:
		s->mcr = value & MCR_MASK;
		update_input(s);
		break;
	case REG_SCR:
		s->scr = value;
		break;
	default:
		break;
	}
}

static uint64_t serial_read(void *dev, uint64_t offset, unsigned int len)
{
	struct serial *s = dev;
	uint8_t value;

	if (len != 1)
		return all_ones(len);
	pthread_mutex_lock(&s->lock);
	value = read_locked(s, offset);
	update_line(s);
	pthread_mutex_unlock(&s->lock);
	return value;
}

static void serial_write(void *dev, uint64_t offset, unsigned int len,
			 uint64_t value)
{
	struct serial *s = dev;

	if (len != 1)
		return;
	pthread_mutex_lock(&s->lock);
	write_locked(s, offset, (uint8_t)value);
	update_line(s);
	pthread_mutex_unlock(&s->lock);
}

static const struct bus_ops serial_ops = { serial_read, serial_write };

/* Reads no more than the FIFO holds; the rest stays in the fd. */
static void input_ready(struct loop_source *source, uint32_t events)
{
	struct serial *s = CONTAINER_OF(source, struct serial, input);
	uint8_t buf[SERIAL_FIFO_LEN];
	ssize_t n = 0;

	(void)events;
	pthread_mutex_lock(&s->lock);
	if (s->input_on)
		n = read(source->fd, buf, SERIAL_FIFO_LEN - s->rx_len);
	/* End of input, or a terminal that is gone: do not look again. */
	if (s->input_on &&
	    (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))) {
		set_watch(s, source, &s->input_on, false, 0);
		source->fd = -1;
	}
	if (n > 0 && s->filter)
		n = (ssize_t)s->filter(s->filter_ctx, buf, (size_t)n);
	for (ssize_t i = 0; i < n; i++)
		rx_put(s, buf[i]);
	update_input(s);
	update_line(s);
	pthread_mutex_unlock(&s->lock);
}

static void output_ready(struct loop_source *source, uint32_t events)
{
	struct serial *s = CONTAINER_OF(source, struct serial, output);

	(void)events;
	pthread_mutex_lock(&s->lock);
	flush(s);
	if (tx_has_room(s))
		s->thr_irq = true;
	update_line(s);
	pthread_mutex_unlock(&s->lock);
}

int serial_init(struct serial *s, struct bus *pio, uint64_t port,
		struct irq_line line, struct loop *loop, int in_fd, int out_fd,
		struct err *e)
{
	int ret;

	*s = (struct serial){
		.range = { port, NR_REGS, &serial_ops, s, "serial" },
		.line = line,
		.loop = loop,
		.dll = DIVISOR_115200,
		.input = { .fd = in_fd, .ready = input_ready },
		.output = { .ready = output_ready },
	};
	output_init(&s->out_file, out_fd);
	s->output.fd = s->out_file.fd;
	pthread_mutex_init(&s->lock, NULL);
	/* What epoll does not take (a regular file, /dev/null) is no input. */
	update_input(s);
	ret = bus_add(pio, &s->range, e);
	if (ret)
		serial_fini(s, pio);
	return ret;
}

void serial_drain(struct serial *s, bool (*cancelled)(void *ctx), void *ctx)
{
	pthread_mutex_lock(&s->lock);
	while (s->out_len && s->out_file.fd >= 0 && !cancelled(ctx)) {
		struct pollfd p = { .fd = s->out_file.fd, .events = POLLOUT };

		poll(&p, 1, DRAIN_SLICE_MS);
		flush(s);
	}
	pthread_mutex_unlock(&s->lock);
}

void serial_fini(struct serial *s, struct bus *pio)
{
	if (!s->loop)
		return;
	bus_del(pio, &s->range);
	if (s->out_file.fd >= 0)
		flush(s);
	set_watch(s, &s->input, &s->input_on, false, 0);
	set_watch(s, &s->output, &s->output_waits, false, 0);
	output_fini(&s->out_file);
	pthread_mutex_destroy(&s->lock);
	s->loop = NULL;
}
