// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Frames on passt's stream, with a shell script in passt's place: as many at
 * once, and as far apart, as it likes.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/virtio_net.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fake/virtio.h"
#include "tests/tap.h"
#include "virtio/net.h"

enum { RX, TX, QUEUE_SIZE = 256, NR_FRAMES = 80, FRAME = 1500, BUF = 2048 };

static struct fake_virtio v;
static struct net_back back;
static struct virtio_net net;
static char dir[] = "/tmp/strait-passt-XXXXXX";

static const char *in_dir(const char *name)
{
	static char path[64];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

/* What passt does from now on; its file 3 is the stream. */
static void write_passt(const char *script)
{
	FILE *f = fopen(in_dir("passt"), "w");

	CHECK(f);
	fprintf(f, "#!/bin/sh\ncd %s\n%s\n", dir, script);
	CHECK_EQ(fclose(f), 0);
	CHECK_EQ(chmod(in_dir("passt"), 0700), 0);
}

static void setup(const char *script)
{
	const struct net_options options = { .fd = -1,
					     .passt = true,
					     .nr_queues = 1 };
	const struct virtio_net_setup config = { .name = "net0" };
	struct err e = { 0 };

	write_passt(script);
	fake_virtio_init(&v);
	CHECK_EQ(net_open(&back, &options, &e), 0);
	CHECK_EQ(virtio_net_init(&net, &config, &back, &v.env, &e), 0);
	fake_virtio_plug(&v, &net.dev);
}

static void teardown(void)
{
	fake_virtio_unplug(&v);
	virtio_net_fini(&net);
	net_close(&back);
	fake_virtio_fini(&v);
}

static void write_frames(unsigned int nr)
{
	uint8_t frame[4 + FRAME] = { 0 };
	uint32_t len = htonl(FRAME);
	FILE *f = fopen(in_dir("frames"), "w");

	CHECK(f);
	memcpy(frame, &len, sizeof(len));
	for (unsigned int i = 0; i < nr; i++) {
		memset(frame + 4, (int)i, FRAME);
		CHECK_EQ(fwrite(frame, sizeof(frame), 1, f), 1);
	}
	CHECK_EQ(fclose(f), 0);
}

/* More than strait takes at a time, and nothing comes after them. */
static void frames_that_come_at_once_arrive_without_a_push(void)
{
	write_frames(NR_FRAMES);
	setup("sleep 0.2; cat frames >&3; exec sleep 100");
	fake_virtio_start(&v, 1ULL << VIRTIO_NET_F_MRG_RXBUF, 3, QUEUE_SIZE);
	for (unsigned int i = 0; i < NR_FRAMES + 8; i++) {
		const struct fake_buf b = { FAKE_DATA_GPA + i * BUF, BUF,
					    true };

		fake_ring_add(&v.rings[RX], &b, 1, false);
	}
	fake_virtio_kick(&v, RX);
	for (unsigned int i = 0; i < NR_FRAMES; i++) {
		const uint8_t *at = v.ram.bytes + FAKE_DATA_GPA + i * BUF;
		uint32_t len;
		uint16_t id;

		CHECK(fake_virtio_used(&v, RX, &id, &len));
		CHECK_EQ(len, NET_HDR_LEN + FRAME);
		CHECK_EQ(at[NET_HDR_LEN], i);
		CHECK_EQ(at[NET_HDR_LEN + FRAME - 1], i);
	}
	teardown();
}

static void write_file(const char *name)
{
	close(open(in_dir(name), O_CREAT | O_WRONLY, 0600));
}

static long size_of(const char *name)
{
	struct stat st;

	return stat(in_dir(name), &st) ? 0 : st.st_size;
}

enum { BIG = 60000 };

/* Sends up to nr big frames; how many the stream took before it was full. */
static unsigned int send_big(unsigned int nr)
{
	const struct fake_buf b = { FAKE_DATA_GPA, NET_HDR_LEN + BIG, false };
	unsigned int i;

	fake_virtio_start(&v, 0, 3, QUEUE_SIZE);
	for (i = 0; i < nr; i++) {
		uint32_t len;
		uint16_t id;

		fake_ring_add(&v.rings[TX], &b, 1, false);
		fake_virtio_kick(&v, TX);
		usleep(20000);
		if (!fake_ring_get(&v.rings[TX], &id, &len))
			break;
	}
	return i;
}

/* A part of the last one is on its way when the stream is full: it comes out to
 * its end though nothing is sent behind it. */
static void last_frame_is_sent_to_its_end(void)
{
	unsigned int nr;

	setup("exec sleep 100");
	nr = send_big(100);
	teardown();
	CHECK(nr > 1 && nr < 100);
	setup("while [ ! -e go ]; do sleep 0.1; done; exec cat <&3 > got");
	CHECK_EQ(send_big(nr), nr);
	write_file("go");
	for (unsigned int ms = 0; ms < 2000; ms++) {
		if (size_of("got") == nr * (BIG + 4L))
			break;
		usleep(1000);
	}
	CHECK_EQ(size_of("got"), nr * (BIG + 4L));
	teardown();
}

int main(void)
{
	char path[128];

	if (!mkdtemp(dir))
		abort();
	snprintf(path, sizeof(path), "%s:/usr/bin:/bin", dir);
	setenv("PATH", path, 1);
	TAP_RUN(frames_that_come_at_once_arrive_without_a_push);
	TAP_RUN(last_frame_is_sent_to_its_end);
	unlink(in_dir("passt"));
	unlink(in_dir("frames"));
	unlink(in_dir("got"));
	unlink(in_dir("go"));
	rmdir(dir);
	return tap_done();
}
