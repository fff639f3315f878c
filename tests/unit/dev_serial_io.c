// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The serial port's two ends on the host: blocked and closed output, input
 * faster than the guest, end of input.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <termios.h>
#include <time.h>

#include "tests/unit/dev_serial.h"

enum { PIPE_LEN = 8192, NS_PER_S = 1000000000 };

static struct rig rig;
static char got[2 * PIPE_LEN], sent[2 * PIPE_LEN];

/*
 * A pipe of two pages, so that it is soon full: it polls as writable while one
 * of them is unused.
 */
static void open_small(void)
{
	rig_make(&rig);
	if (fcntl(rig.out_fds[1], F_SETPIPE_SZ, PIPE_LEN) != PIPE_LEN)
		abort();
	rig_plug(&rig, rig.in_fds[0], rig.out_fds[1]);
}

/* The guest sends while the transmitter is free, up to len; how many it did. */
static size_t send_while_free(size_t len)
{
	size_t n = 0;

	while (n < len && (inb(&rig, LSR) & LSR_THRE)) {
		sent[n] = (char)('!' + n % 90);
		outb(&rig, DATA, (uint8_t)sent[n++]);
	}
	return n;
}

/* The guest sends until a byte has to wait; how many it did. */
static size_t send_until_one_waits(void)
{
	size_t n = 0;

	while (inb(&rig, LSR) & LSR_TEMT)
		n += send_while_free(1);
	return n;
}

/* Reads and turns the loop until nothing more comes. */
static size_t read_all(char *buf, size_t len)
{
	size_t n = 0, more;

	while ((more = screen(&rig, buf + n, len - n)) > 0) {
		n += more;
		turn(&rig, 100);
	}
	return n;
}

static bool never(void *ctx)
{
	(void)ctx;
	return false;
}

static bool always(void *ctx)
{
	(void)ctx;
	return true;
}

/* --- output --- */

static void bytes_come_out_at_once_and_in_order(void)
{
	rig_open(&rig);
	out_text(&rig, "Hello, host");
	CHECK_EQ(screen(&rig, got, sizeof(got)), 11);
	CHECK(!strcmp(got, "Hello, host"));
	CHECK_EQ(inb(&rig, LSR), LSR_THRE | LSR_TEMT);
	rig_close(&rig);
}

static void without_an_output_bytes_vanish(void)
{
	rig_make(&rig);
	rig_plug(&rig, -1, -1);
	out_text(&rig, "into the void");
	CHECK_EQ(inb(&rig, LSR), LSR_THRE | LSR_TEMT);
	CHECK_EQ(turn(&rig, 10), 0);
	rig_close(&rig);
}

static void full_pipe_makes_the_transmitter_busy_and_blocks_nobody(void)
{
	size_t n;

	open_small();
	n = send_while_free(sizeof(sent));
	printf("# %zu bytes before it was busy\n", n);
	CHECK(n >= SERIAL_OUT_LEN && n <= PIPE_LEN + SERIAL_OUT_LEN);
	CHECK_EQ(inb(&rig, LSR) & (LSR_THRE | LSR_TEMT), 0);
	rig_close(&rig);
}

static void transmitter_is_not_idle_while_bytes_wait(void)
{
	size_t n;

	open_small();
	n = send_until_one_waits();
	CHECK_EQ(inb(&rig, LSR) & (LSR_THRE | LSR_TEMT), LSR_THRE);
	CHECK_EQ(read_all(got, sizeof(got)), n);
	CHECK_EQ(inb(&rig, LSR) & (LSR_THRE | LSR_TEMT), LSR_THRE | LSR_TEMT);
	rig_close(&rig);
}

static void blocked_output_is_not_looked_at_again_and_again(void)
{
	open_small();
	send_while_free(sizeof(sent));
	CHECK_EQ(turn(&rig, 10), 0);
	rig_close(&rig);
}

static void reader_that_comes_late_gets_all_in_order(void)
{
	size_t n;

	open_small();
	n = send_while_free(sizeof(sent));
	CHECK_EQ(read_all(got, sizeof(got)), n);
	CHECK(!memcmp(got, sent, n));
	CHECK_EQ(turn(&rig, 10), 0);
	rig_close(&rig);
}

static void order_survives_the_wrap_of_the_buffer(void)
{
	open_small();
	for (int round = 0; round < 5; round++) {
		size_t n = send_while_free(SERIAL_OUT_LEN + 1000);

		CHECK_EQ(n, SERIAL_OUT_LEN + 1000);
		CHECK_EQ(read_all(got, sizeof(got)), n);
		CHECK(!memcmp(got, sent, n));
	}
	rig_close(&rig);
}

static void room_again_raises_the_transmitter_interrupt(void)
{
	open_small();
	outb(&rig, MCR, OUT2);
	send_while_free(sizeof(sent));
	outb(&rig, IER, IER_THR);
	CHECK(!rig.line);
	CHECK_EQ(inb(&rig, IIR), IIR_NONE);
	read_all(got, sizeof(got));
	CHECK(rig.line);
	CHECK_EQ(inb(&rig, IIR), IIR_THR);
	rig_close(&rig);
}

static void guest_that_does_not_wait_loses_bytes_and_nothing_else(void)
{
	size_t n, total;

	open_small();
	n = send_while_free(sizeof(sent));
	for (int i = 0; i < 2 * SERIAL_OUT_LEN; i++)
		outb(&rig, DATA, '\n');
	total = read_all(got, sizeof(got));
	CHECK(!memcmp(got, sent, n));
	CHECK_EQ(strspn(got + n, "\n"), total - n);
	CHECK(total - n < SERIAL_FIFO_LEN);
	rig_close(&rig);
}

static void reader_that_went_away_does_not_stop_the_guest(void)
{
	rig_open(&rig);
	rig_hang_up(&rig.out_fds[0]);
	CHECK_EQ(send_while_free(2UL * SERIAL_OUT_LEN), 2 * SERIAL_OUT_LEN);
	CHECK_EQ(inb(&rig, LSR), LSR_THRE | LSR_TEMT);
	CHECK_EQ(turn(&rig, 10), 0);
	rig_close(&rig);
}

static void reader_that_goes_away_while_blocked_frees_the_guest(void)
{
	open_small();
	send_while_free(sizeof(sent));
	rig_hang_up(&rig.out_fds[0]);
	CHECK(turn(&rig, 10) < 10);
	CHECK_EQ(inb(&rig, LSR), LSR_THRE | LSR_TEMT);
	rig_close(&rig);
}

/* --- outputs that are not pipes --- */

struct slow_terminal {
	int master, slave;
	sem_t done;
};

/* A terminal in raw mode whose buffers are full. */
static void terminal_open(struct slow_terminal *t)
{
	char block[PIPE_LEN];
	struct termios tio;
	int writer;

	sem_init(&t->done, 0, 0);
	t->master = posix_openpt(O_RDWR | O_NOCTTY);
	if (t->master < 0 || grantpt(t->master) || unlockpt(t->master))
		abort();
	t->slave = open(ptsname(t->master), O_RDWR | O_NOCTTY);
	writer = open(ptsname(t->master), O_RDWR | O_NOCTTY | O_NONBLOCK);
	if (t->slave < 0 || writer < 0 || tcgetattr(t->slave, &tio))
		abort();
	cfmakeraw(&tio);
	tcsetattr(t->slave, TCSANOW, &tio);
	memset(block, '.', sizeof(block));
	while (write(writer, block, sizeof(block)) > 0)
		;
	close(writer);
}

/* Both ways in which waiting bytes are written: by the guest and the loop. */
static void *write_on(void *arg)
{
	struct slow_terminal *t = arg;

	outb(&rig, DATA, 'x');
	turn(&rig, 50);
	sem_post(&t->done);
	return NULL;
}

/* In time, or held up until the reader reads on? */
static bool done_in_time(struct slow_terminal *t, pthread_t thread)
{
	struct timespec until;
	bool in_time;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec++;
	in_time = !sem_timedwait(&t->done, &until);
	fcntl(t->master, F_SETFL, O_NONBLOCK);
	while (pthread_tryjoin_np(thread, NULL))
		if (read(t->master, got, sizeof(got)) < 0)
			sched_yield();
	return in_time;
}

static void a_slow_terminal_never_blocks_a_write(void)
{
	static struct slow_terminal t;
	struct pollfd ready = { .events = POLLOUT };
	pthread_t thread;

	terminal_open(&t);
	rig_make(&rig);
	rig_plug(&rig, -1, t.slave);
	CHECK(send_while_free(sizeof(sent)) >= SERIAL_OUT_LEN - 16);
	/* The reader takes a little: less room than what waits. */
	ready.fd = t.slave;
	while (poll(&ready, 1, 10) == 0)
		CHECK(read(t.master, got, 256) > 0);
	if (pthread_create(&thread, NULL, write_on, &t))
		abort();
	CHECK(done_in_time(&t, thread));
	rig_close(&rig);
	close(t.slave);
	close(t.master);
}

static void the_callers_terminal_stays_blocking(void)
{
	static struct slow_terminal t;

	terminal_open(&t);
	rig_make(&rig);
	rig_plug(&rig, -1, t.slave);
	CHECK_EQ(fcntl(t.slave, F_GETFL) & O_NONBLOCK, 0);
	rig_close(&rig);
	CHECK_EQ(fcntl(t.slave, F_GETFL) & O_NONBLOCK, 0);
	close(t.slave);
	close(t.master);
}

static void a_slow_socket_never_blocks_a_write(void)
{
	static struct slow_terminal t;
	int fds[2], small = 1;
	pthread_t thread;

	sem_init(&t.done, 0, 0);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
		abort();
	setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	t.master = fds[0];
	rig_make(&rig);
	rig_plug(&rig, -1, fds[1]);
	while (inb(&rig, LSR) & LSR_THRE)
		outb(&rig, DATA, 's');
	CHECK(read(fds[0], got, 1) == 1);
	if (pthread_create(&thread, NULL, write_on, &t))
		abort();
	CHECK(done_in_time(&t, thread));
	rig_close(&rig);
	close(fds[0]);
	close(fds[1]);
}

static void file_gets_all_and_keeps_its_position(void)
{
	char path[] = "/tmp/strait-serial-XXXXXX";
	int fd = mkstemp(path);

	CHECK_EQ(write(fd, "log:", 4), 4);
	rig_make(&rig);
	rig_plug(&rig, -1, fd);
	out_text(&rig, "booting");
	rig_close(&rig);
	CHECK_EQ(write(fd, ":end", 4), 4);
	CHECK_EQ(pread(fd, got, sizeof(got), 0), 15);
	CHECK(!memcmp(got, "log:booting:end", 15));
	close(fd);
	unlink(path);
}

/* --- the end of the guest --- */

static void *read_slowly(void *arg)
{
	struct timespec pause = { .tv_nsec = NS_PER_S / 100 };
	size_t *n = arg;
	ssize_t more;

	fcntl(rig.out_fds[0], F_SETFL, 0);
	do {
		nanosleep(&pause, NULL);
		more = read(rig.out_fds[0], got + *n, 1000);
		*n += more > 0 ? (size_t)more : 0;
	} while (more > 0);
	return NULL;
}

static void drain_waits_for_a_slow_reader(void)
{
	static size_t n;
	size_t nr_sent;
	pthread_t thread;

	open_small();
	nr_sent = send_while_free(sizeof(sent));
	if (pthread_create(&thread, NULL, read_slowly, &n))
		abort();
	serial_drain(&rig.serial, never, NULL);
	rig_hang_up(&rig.out_fds[1]);
	pthread_join(thread, NULL);
	CHECK_EQ(n, nr_sent);
	CHECK(!memcmp(got, sent, n));
	rig_close(&rig);
}

static void drain_ends_when_it_is_cancelled(void)
{
	open_small();
	send_while_free(sizeof(sent));
	serial_drain(&rig.serial, always, NULL);
	CHECK_EQ(inb(&rig, LSR) & LSR_THRE, 0);
	rig_close(&rig);
}

static void drain_ends_when_the_reader_is_gone(void)
{
	open_small();
	send_while_free(sizeof(sent));
	rig_hang_up(&rig.out_fds[0]);
	serial_drain(&rig.serial, never, NULL);
	CHECK_EQ(inb(&rig, LSR), LSR_THRE | LSR_TEMT);
	rig_close(&rig);
}

static void end_writes_what_the_pipe_takes_and_no_more(void)
{
	size_t n, early;

	open_small();
	n = send_until_one_waits() + send_while_free(100);
	early = screen(&rig, got, sizeof(got));
	CHECK(early < n);
	serial_fini(&rig.serial, &rig.pio);
	CHECK_EQ(screen(&rig, got, sizeof(got)), n - early);
	rig_close(&rig);
}

static void port_that_was_taken_out_is_gone_and_can_be_again(void)
{
	rig_open(&rig);
	serial_fini(&rig.serial, &rig.pio);
	CHECK_EQ(inb(&rig, LSR), 0xff);
	type_text(&rig, "x");
	CHECK_EQ(turn(&rig, 10), 0);
	serial_fini(&rig.serial, &rig.pio);
	rig_plug(&rig, rig.in_fds[0], rig.out_fds[1]);
	turn(&rig, 10);
	CHECK_EQ(inb(&rig, DATA), 'x');
	rig_close(&rig);
}

static void ports_that_are_taken_refuse_it_and_nothing_stays(void)
{
	static struct serial second;
	struct irq_line line = { &rig.irq, GSI };
	struct err e = { 0 };
	int fds[2];

	rig_open(&rig);
	if (pipe(fds))
		abort();
	CHECK_EQ(serial_init(&second, &rig.pio, PORT + 7, line, &rig.loop,
			     fds[0], -1, &e),
		 -EEXIST);
	CHECK_HAS(e.msg, "serial: pio at 0x3ff overlaps serial at 0x3f8");
	CHECK_EQ(write(fds[1], "x", 1), 1);
	CHECK_EQ(turn(&rig, 10), 0);
	CHECK_EQ(inb(&rig, LSR), LSR_THRE | LSR_TEMT);
	close(fds[0]);
	close(fds[1]);
	rig_close(&rig);
}

/* --- input --- */

static void input_larger_than_the_fifo_waits_outside(void)
{
	char text[64];

	rig_open(&rig);
	type_text(&rig, "0123456789abcdefghijklmnopqrstuvwxyz");
	CHECK(turn(&rig, 10) < 10);
	for (int i = 0; i < 16; i++)
		CHECK_EQ(inb(&rig, DATA), "0123456789abcdef"[i]);
	CHECK_EQ(inb(&rig, LSR) & LSR_DATA, 0);
	turn(&rig, 10);
	CHECK_EQ(in_text(&rig, text, sizeof(text)), 16);
	turn(&rig, 10);
	in_text(&rig, text, sizeof(text));
	CHECK(!strcmp(text, "wxyz"));
	rig_close(&rig);
}

static void long_input_arrives_whole_and_in_order(void)
{
	size_t n = 0;

	rig_open(&rig);
	for (size_t i = 0; i < PIPE_LEN; i++)
		sent[i] = (char)('!' + i % 90);
	CHECK_EQ(write(rig.in_fds[1], sent, PIPE_LEN), PIPE_LEN);
	while (turn(&rig, 10))
		n += in_text(&rig, got + n, sizeof(got) - n);
	CHECK_EQ(n, PIPE_LEN);
	CHECK(!memcmp(got, sent, n));
	CHECK_EQ(inb(&rig, LSR) & LSR_OVERRUN, 0);
	rig_close(&rig);
}

static void end_of_input_does_not_spin(void)
{
	rig_open(&rig);
	rig_hang_up(&rig.in_fds[1]);
	CHECK(turn(&rig, 10) <= 2);
	inb(&rig, DATA);
	CHECK_EQ(turn(&rig, 10), 0);
	rig_close(&rig);
}

static void end_of_input_with_a_full_fifo_does_not_spin(void)
{
	char text[64];

	rig_open(&rig);
	type_text(&rig, "0123456789abcdef");
	rig_hang_up(&rig.in_fds[1]);
	CHECK(turn(&rig, 10) < 10);
	CHECK_EQ(in_text(&rig, text, sizeof(text)), 16);
	CHECK(turn(&rig, 10) <= 2);
	CHECK_EQ(turn(&rig, 10), 0);
	rig_close(&rig);
}

static void last_bytes_before_the_end_of_input_arrive(void)
{
	char text[64];

	rig_open(&rig);
	type_text(&rig, "0123456789abcdef, and the end");
	rig_hang_up(&rig.in_fds[1]);
	turn(&rig, 10);
	in_text(&rig, text, sizeof(text));
	turn(&rig, 10);
	in_text(&rig, text, sizeof(text));
	CHECK(!strcmp(text, ", and the end"));
	rig_close(&rig);
}

static void output_goes_on_after_the_end_of_input(void)
{
	rig_open(&rig);
	rig_hang_up(&rig.in_fds[1]);
	turn(&rig, 10);
	out_text(&rig, "still here");
	CHECK_EQ(screen(&rig, got, sizeof(got)), 10);
	rig_close(&rig);
}

static void input_that_cannot_be_waited_for_is_no_input(void)
{
	int fd = open("/dev/null", O_RDONLY);

	rig_make(&rig);
	rig_plug(&rig, fd, rig.out_fds[1]);
	CHECK_EQ(turn(&rig, 10), 0);
	CHECK_EQ(inb(&rig, LSR) & LSR_DATA, 0);
	rig_close(&rig);
	close(fd);
}

/* Leaves out each 'x', as the terminal's escape key is. */
static size_t drop_x(void *ctx, uint8_t *buf, size_t len)
{
	unsigned int *nr_dropped = ctx;
	size_t kept = 0;

	for (size_t i = 0; i < len; i++) {
		buf[kept] = buf[i];
		kept += buf[i] != 'x';
	}
	*nr_dropped += (unsigned int)(len - kept);
	return kept;
}

static void filter_decides_what_the_guest_gets(void)
{
	unsigned int nr_dropped = 0;
	char text[64];

	rig_open(&rig);
	rig.serial.filter = drop_x;
	rig.serial.filter_ctx = &nr_dropped;
	type_text(&rig, "xaxbx");
	turn(&rig, 10);
	in_text(&rig, text, sizeof(text));
	CHECK(!strcmp(text, "ab"));
	CHECK_EQ(nr_dropped, 3);
	rig_close(&rig);
}

static void filter_that_keeps_nothing_does_not_end_the_input(void)
{
	unsigned int nr_dropped = 0;
	char text[64];

	rig_open(&rig);
	rig.serial.filter = drop_x;
	rig.serial.filter_ctx = &nr_dropped;
	type_text(&rig, "xxx");
	turn(&rig, 10);
	CHECK_EQ(inb(&rig, LSR) & LSR_DATA, 0);
	type_text(&rig, "y");
	turn(&rig, 10);
	in_text(&rig, text, sizeof(text));
	CHECK(!strcmp(text, "y"));
	rig_close(&rig);
}

int main(void)
{
	TAP_RUN(bytes_come_out_at_once_and_in_order);
	TAP_RUN(without_an_output_bytes_vanish);
	TAP_RUN(full_pipe_makes_the_transmitter_busy_and_blocks_nobody);
	TAP_RUN(transmitter_is_not_idle_while_bytes_wait);
	TAP_RUN(blocked_output_is_not_looked_at_again_and_again);
	TAP_RUN(reader_that_comes_late_gets_all_in_order);
	TAP_RUN(order_survives_the_wrap_of_the_buffer);
	TAP_RUN(room_again_raises_the_transmitter_interrupt);
	TAP_RUN(guest_that_does_not_wait_loses_bytes_and_nothing_else);
	TAP_RUN(reader_that_went_away_does_not_stop_the_guest);
	TAP_RUN(reader_that_goes_away_while_blocked_frees_the_guest);
	TAP_RUN(a_slow_terminal_never_blocks_a_write);
	TAP_RUN(the_callers_terminal_stays_blocking);
	TAP_RUN(a_slow_socket_never_blocks_a_write);
	TAP_RUN(file_gets_all_and_keeps_its_position);
	TAP_RUN(drain_waits_for_a_slow_reader);
	TAP_RUN(drain_ends_when_it_is_cancelled);
	TAP_RUN(drain_ends_when_the_reader_is_gone);
	TAP_RUN(end_writes_what_the_pipe_takes_and_no_more);
	TAP_RUN(port_that_was_taken_out_is_gone_and_can_be_again);
	TAP_RUN(ports_that_are_taken_refuse_it_and_nothing_stays);
	TAP_RUN(input_larger_than_the_fifo_waits_outside);
	TAP_RUN(long_input_arrives_whole_and_in_order);
	TAP_RUN(end_of_input_does_not_spin);
	TAP_RUN(end_of_input_with_a_full_fifo_does_not_spin);
	TAP_RUN(last_bytes_before_the_end_of_input_arrive);
	TAP_RUN(output_goes_on_after_the_end_of_input);
	TAP_RUN(input_that_cannot_be_waited_for_is_no_input);
	TAP_RUN(filter_decides_what_the_guest_gets);
	TAP_RUN(filter_that_keeps_nothing_does_not_end_the_input);
	return tap_done();
}
