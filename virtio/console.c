// SPDX-License-Identifier: GPL-2.0-or-later
/* The console device: bytes between a stream and two queues. */
/*
 * How this works
 *
 * Queue 0 has buffers for what comes in, queue 1 what the guest writes. Input
 * is read straight into the guest's buffers; without one the stream is not
 * looked at, so bytes wait in it. Output that the stream does not take waits in
 * the queue, as a chain that is put back.
 *
 * A stream that has ended gives nothing more, and what the guest writes then is
 * lost, as on a line without anybody at its end.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <linux/virtio_console.h>
#include <linux/virtio_ids.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "src/base/iov.h"
#include "virtio/console.h"
#include "virtio/priv.h"

enum { RX, TX, NR_QUEUES, QUEUE_SIZE = 64, MAX_IOV = 64, BATCH = 64 };

static struct virtio_console *console_of(struct virtio_queue *q)
{
	return CONTAINER_OF(q->dev, struct virtio_console, dev);
}

/* In its loop only while it is wanted: a hang-up is reported to all. */
static void watch(struct virtio_queue *q, struct loop_source *s, bool *now,
		  bool wanted, uint32_t events)
{
	struct err e = { 0 };

	if (*now == wanted || s->fd < 0)
		return;
	*now = wanted;
	if (!wanted)
		loop_del(q->loop, s);
	else if (loop_add(q->loop, s, events, &e))
		s->fd = -1;
}

/* --- to the guest --- */

enum received { NO_BUFFER, GIVEN, NOTHING_THERE };

/* An enum received, or -EPROTO. */
static int receive(struct virtio_console *c, struct virtio_queue *q)
{
	struct iovec iov[MAX_IOV];
	struct virtq_chain chain = { .iov = iov, .max_iov = MAX_IOV };
	ssize_t n;
	int ret = virtq_pop(&q->vq, &chain);

	if (ret <= 0)
		return ret ? ret : NO_BUFFER;
	n = readv(c->input.fd, iov + chain.nr_out, (int)chain.nr_in);
	if (n > 0) {
		virtq_push(&q->vq, &chain, (uint32_t)n);
		return GIVEN;
	}
	virtq_unpop(&q->vq, &chain);
	if (!n || (errno != EAGAIN && errno != EINTR)) {
		watch(q, &c->input, &c->input_on, false, 0);
		c->input.fd = -1;
	}
	return NOTHING_THERE;
}

static void receive_all(struct virtio_console *c, struct virtio_queue *q)
{
	int ret = GIVEN;

	for (unsigned int i = 0; ret == GIVEN && i < BATCH; i++) {
		ret = receive(c, q);
		if (ret == NO_BUFFER && virtq_kick_on(&q->vq))
			ret = GIVEN; /* there is one by now */
	}
	virtio_queue_flush(q);
	if (ret < 0)
		virtio_queue_fail(q, NULL);
	/* The driver's next buffer brings us back. */
	if (ret == NO_BUFFER || ret < 0)
		watch(q, &c->input, &c->input_on, false, 0);
}

static void on_input(struct loop_source *s, uint32_t events)
{
	struct virtio_console *c =
		CONTAINER_OF(s, struct virtio_console, input);
	struct virtio_queue *q = &c->dev.queues[RX];

	(void)events;
	pthread_mutex_lock(&q->lock);
	if (c->input_on)
		receive_all(c, q);
	pthread_mutex_unlock(&q->lock);
}

/* --- from the guest --- */

/* 1: the chain is done with, 0: the stream takes no more, or no chain. */
static int send_one(struct virtio_console *c, struct virtio_queue *q)
{
	struct iovec iov[MAX_IOV], rest[MAX_IOV];
	struct virtq_chain chain = { .iov = iov, .max_iov = MAX_IOV };
	ssize_t n = 0;
	int ret = virtq_pop(&q->vq, &chain);

	if (ret <= 0)
		return ret;
	if (c->output.fd >= 0 && chain.out_len > c->sent)
		n = writev(c->output.fd, rest,
			   (int)iov_rest(iov, chain.nr_out, c->sent, rest));
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		n = 0;
	} else if (n < 0) {
		watch(q, &c->output, &c->output_on, false, 0);
		c->output.fd = -1;
	}
	c->sent += n > 0 ? (size_t)n : 0;
	if (c->output.fd >= 0 && c->sent < chain.out_len) {
		virtq_unpop(&q->vq, &chain);
		watch(q, &c->output, &c->output_on, true, EPOLLOUT);
		return 0;
	}
	c->sent = 0;
	virtq_push(&q->vq, &chain, 0);
	return 1;
}

static void send_all(struct virtio_console *c, struct virtio_queue *q)
{
	int ret;

	do {
		virtq_kick_off(&q->vq);
		while ((ret = send_one(c, q)) > 0)
			continue;
	} while (!ret && !c->output_on && virtq_kick_on(&q->vq));
	virtio_queue_flush(q);
	if (ret < 0)
		virtio_queue_fail(q, NULL);
}

static void on_output(struct loop_source *s, uint32_t events)
{
	struct virtio_console *c =
		CONTAINER_OF(s, struct virtio_console, output);
	struct virtio_queue *q = &c->dev.queues[TX];

	(void)events;
	pthread_mutex_lock(&q->lock);
	if (c->output_on) {
		watch(q, s, &c->output_on, false, 0);
		if (virtq_is_live(&q->vq))
			send_all(c, q);
	}
	pthread_mutex_unlock(&q->lock);
}

/* --- queues --- */

static void on_kick(struct virtio_queue *q)
{
	struct virtio_console *c = console_of(q);

	if (q->index == RX)
		watch(q, &c->input, &c->input_on, true, EPOLLIN);
	else if (!c->output_on)
		send_all(c, q);
}

static void on_stop(struct virtio_queue *q)
{
	struct virtio_console *c = console_of(q);

	pthread_mutex_lock(&q->lock);
	if (q->index == RX) {
		watch(q, &c->input, &c->input_on, false, 0);
	} else {
		watch(q, &c->output, &c->output_on, false, 0);
		c->sent = 0;
	}
	pthread_mutex_unlock(&q->lock);
}

/* 5.3.4: a character without any queue, for a guest in distress. */
static void on_written(struct virtio_dev *d, unsigned int off, unsigned int len)
{
	struct virtio_console *c = CONTAINER_OF(d, struct virtio_console, dev);
	const size_t emerg = offsetof(struct virtio_console_config, emerg_wr);

	if (off == emerg && len && c->out_fd >= 0 &&
	    write(c->out_fd, d->config + emerg, 1) < 0)
		log_debug(d->type.name, "a character was lost");
}

static const struct virtio_ops console_ops = {
	.config_written = on_written,
	.features_ok = virtio_default_features_ok,
	.queue_start = virtio_default_queue_start,
	.queue_stop = on_stop,
	.queue_kick = on_kick,
	.queue_vector = virtio_default_queue_vector,
	.reset = virtio_default_reset,
};

int virtio_console_init(struct virtio_console *c, const char *name, int fd,
			const struct virtio_env *env, struct err *e)
{
	const struct virtio_config type = {
		.ops = &console_ops,
		.name = name,
		.device_id = VIRTIO_ID_CONSOLE,
		.class_code = 0x078000,
		.features = 1ULL << VIRTIO_F_RING_PACKED |
			    1ULL << VIRTIO_F_IN_ORDER |
			    1ULL << VIRTIO_CONSOLE_F_EMERG_WRITE,
		.nr_queues = NR_QUEUES,
		.queue_size = QUEUE_SIZE,
		.config_len = sizeof(struct virtio_console_config),
	};

	*c = (struct virtio_console){
		.in_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0),
		.out_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0),
	};
	c->input = (struct loop_source){ .fd = c->in_fd, .ready = on_input };
	c->output = (struct loop_source){ .fd = c->out_fd, .ready = on_output };
	if (c->in_fd < 0 || c->out_fd < 0)
		return err_sys(e, name, "dup");
	return virtio_dev_init(&c->dev, &type, env, e);
}

void virtio_console_fini(struct virtio_console *c)
{
	if (!c->input.ready)
		return;
	virtio_dev_fini(&c->dev);
	if (c->in_fd >= 0)
		close(c->in_fd);
	if (c->out_fd >= 0)
		close(c->out_fd);
	*c = (struct virtio_console){ 0 };
}
