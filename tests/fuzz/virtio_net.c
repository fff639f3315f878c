// SPDX-License-Identifier: GPL-2.0-or-later
/* libFuzzer target: frames both ways and commands of a network card. */
/*
 * How this works: a card with two pairs of queues on sockets in place of a tap.
 * Records of the target's own let a frame arrive, or take what was sent; no
 * frame comes out that is not a header and something behind it.
 */
#include <linux/virtio_net.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "tests/fuzz/virtio.h"
#include "virtio/net.h"

enum { NR_PAIRS = 2, CONTROL = 2 * NR_PAIRS, WIRE_BYTES = 8192 };

static struct fuzz_virtio f;
static int wires[NR_PAIRS];

/* In place of the tap's, which takes anything. */
int ioctl(int fd, unsigned long request, ...)
{
	(void)fd;
	(void)request;
	return 0;
}

static void empty_wires(void)
{
	static uint8_t buf[1 << 20];

	for (unsigned int i = 0; i < NR_PAIRS; i++) {
		ssize_t n;

		while ((n = read(wires[i], buf, sizeof(buf))) > 0)
			must(n > NET_HDR_LEN);
	}
}

static void more(struct fuzz_input *in)
{
	static uint8_t frame[NET_HDR_LEN + NET_MAX_FRAME];
	uint8_t byte = (uint8_t)fuzz_take(in, 1);
	size_t len = NET_HDR_LEN + fuzz_len((uint8_t)fuzz_take(in, 1));

	if (byte & 1) {
		empty_wires();
		return;
	}
	memset(frame + NET_HDR_LEN, byte, sizeof(frame) - NET_HDR_LEN);
	if (send(wires[byte >> 1 & 1], frame, len, 0) < 0)
		empty_wires();
}

static void make(struct virtio_net *net, struct net_back *back)
{
	const struct virtio_net_setup setup = { .name = "net",
						.mac = { 2, 0, 0, 0, 0, 1 } };
	struct err e = { 0 };
	int fds[2], room = WIRE_BYTES;

	fuzz_init(&f);
	*back = (struct net_back){
		.kind = NET_TAP,
		.name = "tap",
		.nr_queues = NR_PAIRS,
		.offloads = NET_CSUM | NET_TSO4 | NET_TSO6 | NET_ECN | NET_USO,
	};
	for (unsigned int i = 0; i < NR_PAIRS; i++) {
		must(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0,
				 fds));
		wires[i] = fds[0];
		/* Soon full. */
		must(!setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &room,
				 sizeof(room)));
		back->queues[i] = (struct net_queue){ .back = back,
						      .fd = fds[1],
						      .send_fd = dup(fds[1]) };
	}
	f.more = more;
	f.all_back = 1U << CONTROL;
	must(!virtio_net_init(net, &setup, back, &f.v.env, &e));
	fuzz_plug(&f, &net->dev);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct virtio_net net;
	static struct net_back back;

	if (!f.dev)
		make(&net, &back);
	fuzz_play(&f, data, len);
	empty_wires();
	/* Frames that no buffer was there for are not the next input's. */
	for (unsigned int i = 0; i < NR_PAIRS; i++) {
		uint8_t byte;

		while (read(back.queues[i].fd, &byte, 1) > 0)
			continue;
	}
	return 0;
}
