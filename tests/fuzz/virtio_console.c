// SPDX-License-Identifier: GPL-2.0-or-later
/* libFuzzer target: a guest and somebody at the other end of its console. */
#include <signal.h>
#include <sys/socket.h>

#include "tests/fuzz/virtio.h"
#include "virtio/console.h"

static struct fuzz_virtio f;
static int wire;

static void empty_wire(void)
{
	uint8_t buf[65536];

	while (read(wire, buf, sizeof(buf)) > 0)
		continue;
}

/* Bytes are typed, or what came is read. */
static void more(struct fuzz_input *in)
{
	uint8_t byte = (uint8_t)fuzz_take(in, 1);
	uint8_t buf[4096];

	if (byte & 1) {
		empty_wire();
		return;
	}
	memset(buf, byte, sizeof(buf));
	if (write(wire, buf, byte * 16U) < 0)
		empty_wire();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct virtio_console console;
	struct err e = { 0 };
	int fds[2], room = 8192; /* soon full */

	if (!f.dev) {
		signal(SIGPIPE, SIG_IGN);
		fuzz_init(&f);
		must(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds));
		must(!setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &room,
				 sizeof(room)));
		wire = fds[0];
		f.more = more;
		must(!virtio_console_init(&console, "console", fds[1], &f.v.env,
					  &e));
		fuzz_plug(&f, &console.dev);
	}
	fuzz_play(&f, data, len);
	empty_wire();
	return 0;
}
