// SPDX-License-Identifier: GPL-2.0-or-later
/* Pictures as files, and how they are fetched from a guest that runs. */
#include <errno.h>
#include <fcntl.h>
#include <png.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/base/bits.h"
#include "src/display/display.h"
#include "src/display/library.h"
#include "src/display/listen.h"
#include "tests/tap.h"

enum { WIDTH = 100, HEIGHT = 70, STRIDE = 512, RGB = 3 };

static uint8_t memory[STRIDE * HEIGHT];
static struct surface picture;
static struct err err;
static char dir[] = "/tmp/strait-png-XXXXXX", socket_path[64], file_path[64];
static uint8_t rgb[SURFACE_BLANK_WIDTH * SURFACE_BLANK_HEIGHT * RGB];
static png_image image;

/* --- a display with that picture --- */

static void source_look(void *ctx, struct surface *out)
{
	(void)ctx;
	*out = picture;
}

static int source_watch(void *ctx, bool on, struct err *e)
{
	(void)ctx;
	(void)on;
	return err_set(e, EIO, "screenshots do not watch");
}

static void source_changes(void *ctx, struct surface *out, uint64_t *lines)
{
	(void)ctx;
	(void)out;
	lines[0] = 0;
	abort();
}

static const struct display_source_ops source = { source_look, source_watch,
						  source_changes };
static const struct display display = { .source = &source };

/* Noise, in the format. */
static void make(enum surface_format format)
{
	memset(&err, 0, sizeof(err));
	for (size_t i = 0; i < sizeof(memory); i++)
		memory[i] = (uint8_t)(i * 7919 >> 5);
	picture = (struct surface){ memory, WIDTH, HEIGHT, STRIDE, format };
}

/* Into image and rgb; false if libpng does not take it. */
static bool decode(const uint8_t *png, size_t len)
{
	__typeof__(png_image_begin_read_from_memory) *begin = NULL;
	__typeof__(png_image_finish_read) *finish = NULL;
	const struct library_symbol symbols[] = {
		{ "png_image_begin_read_from_memory", &begin },
		{ "png_image_finish_read", &finish },
	};

	image = (png_image){ .version = PNG_IMAGE_VERSION };
	if (library_load("libpng16.so.16", "libpng16-16", symbols,
			 ARRAY_SIZE(symbols), &err) ||
	    !begin(&image, png, len))
		return false;
	image.format = PNG_FORMAT_RGB;
	return PNG_IMAGE_SIZE(image) <= sizeof(rgb) &&
	       finish(&image, NULL, rgb, 0, NULL);
}

static bool encode(void)
{
	uint8_t *png;
	size_t len;
	bool done = !png_encode(&picture, &png, &len, &err);

	if (!done)
		return false;
	done = decode(png, len);
	free(png);
	return done;
}

static const uint8_t *pixel(size_t x, size_t y)
{
	return rgb + (y * image.width + x) * RGB;
}

static void every_pixel_comes_back(void)
{
	make(SURFACE_XRGB8888);
	CHECK(encode());
	CHECK_EQ(image.width, WIDTH);
	CHECK_EQ(image.height, HEIGHT);
	for (size_t i = 0; i < (size_t)WIDTH * HEIGHT; i++) {
		size_t x = i % WIDTH, y = i / WIDTH;
		const uint8_t *want = memory + y * STRIDE + x * 4;

		CHECK_EQ(pixel(x, y)[0], want[2]);
		CHECK_EQ(pixel(x, y)[1], want[1]);
		CHECK_EQ(pixel(x, y)[2], want[0]);
	}
}

static void big_endian_pixels_are_read_the_other_way_round(void)
{
	make(SURFACE_BGRX8888);
	put_le(memory + 4, 0x33221177, 4);
	CHECK(encode());
	CHECK_EQ(pixel(1, 0)[0], 0x11);
	CHECK_EQ(pixel(1, 0)[1], 0x22);
	CHECK_EQ(pixel(1, 0)[2], 0x33);
}

static void colours_of_16_bits_span_the_whole_range(void)
{
	make(SURFACE_RGB565);
	put_le(memory, 0xf800, 2);
	put_le(memory + 2, 0x07e0, 2);
	put_le(memory + 4, 0x001f, 2);
	put_le(memory + 6, 0xffff, 2);
	put_le(memory + STRIDE, 0x8410, 2);
	CHECK(encode());
	CHECK(!memcmp(pixel(0, 0), "\xff\x00\x00\x00\xff\x00\x00\x00\xff", 9));
	CHECK(!memcmp(pixel(3, 0), "\xff\xff\xff", 3));
	CHECK(!memcmp(pixel(0, 1), "\x84\x82\x84", 3));
}

static void no_picture_is_black(void)
{
	make(SURFACE_XRGB8888);
	picture = (struct surface){ 0 };
	memset(rgb, 1, sizeof(rgb));
	CHECK(encode());
	CHECK_EQ(image.width, SURFACE_BLANK_WIDTH);
	CHECK_EQ(image.height, SURFACE_BLANK_HEIGHT);
	for (size_t i = 0; i < sizeof(rgb); i++)
		CHECK_EQ(rgb[i], 0);
}

static void missing_library_names_its_package(void)
{
	struct library_symbol symbol = { "no_such_symbol", &symbol };

	CHECK_EQ(library_load("libstrait-not-there.so.1", "the-package", NULL,
			      0, &err),
		 -ENOTSUP);
	CHECK_HAS(err.msg, "libstrait-not-there.so.1: cannot be loaded");
	CHECK_HAS(err.hint, "apt install the-package");
	CHECK_EQ(
		library_load("libpng16.so.16", "libpng16-16", &symbol, 1, &err),
		-ENOTSUP);
	CHECK_HAS(err.msg, "of a version without no_such_symbol");
}

/* --- over a socket --- */

static struct screenshot_server *server;

static void serve(void)
{
	make(SURFACE_XRGB8888);
	unlink(file_path);
	if (screenshot_server_open(&server, &display, socket_path, &err))
		abort();
}

static void stop(void)
{
	screenshot_server_close(server);
	server = NULL;
}

static bool decode_file(void)
{
	static uint8_t png[1 << 20];
	int fd = open(file_path, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, png, sizeof(png));

	close(fd);
	return n > 0 && decode(png, (size_t)n);
}

static int connect_raw(void)
{
	int fd = unix_connect(socket_path, &err);

	if (fd < 0)
		abort();
	return fd;
}

/* A server of our own that says text to whoever connects first. */
static int fetch_from(const char *text, size_t len)
{
	struct listener l;
	pid_t child;
	int fd, ret;

	if (listener_open_unix(&l, socket_path, &err))
		abort();
	fcntl(l.fd, F_SETFL, 0);
	child = fork();
	if (!child) {
		fd = listener_accept(&l);
		ret = send(fd, text, len, MSG_NOSIGNAL) == (ssize_t)len;
		_exit(!ret);
	}
	ret = screenshot_fetch(socket_path, file_path, &err);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	listener_close(&l);
	return ret;
}

static void picture_is_fetched_into_a_file(void)
{
	serve();
	CHECK_EQ(screenshot_fetch(socket_path, file_path, &err), 0);
	CHECK(decode_file());
	CHECK_EQ(image.width, WIDTH);
	CHECK_EQ(pixel(3, 2)[0], memory[2 * STRIDE + 3 * 4 + 2]);
	memset(memory, 0xee, sizeof(memory));
	CHECK_EQ(screenshot_fetch(socket_path, file_path, &err), 0);
	CHECK(decode_file());
	CHECK_EQ(pixel(3, 2)[0], 0xee);
	stop();
}

static void without_a_display_the_picture_is_blank(void)
{
	serve();
	screenshot_server_show(server, NULL);
	CHECK_EQ(screenshot_fetch(socket_path, file_path, &err), 0);
	CHECK(decode_file());
	CHECK_EQ(image.width, SURFACE_BLANK_WIDTH);
	screenshot_server_show(server, &display);
	CHECK_EQ(screenshot_fetch(socket_path, file_path, &err), 0);
	CHECK(decode_file());
	CHECK_EQ(image.width, WIDTH);
	stop();
}

static void socket_is_the_owners_alone_and_goes_with_the_server(void)
{
	struct stat st;

	serve();
	CHECK_EQ(lstat(socket_path, &st), 0);
	CHECK_EQ(st.st_mode & 0777, 0600);
	stop();
	CHECK_EQ(lstat(socket_path, &st), -1);
}

static void socket_left_behind_is_replaced_and_one_in_use_is_not(void)
{
	struct screenshot_server *second;
	struct listener l;

	make(SURFACE_XRGB8888);
	CHECK_EQ(listener_open_unix(&l, socket_path, &err), 0);
	close(l.fd);
	serve();
	CHECK_EQ(screenshot_server_open(&second, &display, socket_path, &err),
		 -EADDRINUSE);
	CHECK_HAS(err.msg, socket_path);
	CHECK_EQ(screenshot_fetch(socket_path, file_path, &err), 0);
	stop();
}

static void file_at_the_sockets_path_is_left_alone(void)
{
	struct screenshot_server *none;
	struct stat st;
	int fd = open(socket_path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	close(fd);
	CHECK_EQ(screenshot_server_open(&none, &display, socket_path, &err),
		 -EADDRINUSE);
	CHECK_EQ(lstat(socket_path, &st), 0);
	CHECK(S_ISREG(st.st_mode));
	unlink(socket_path);
}

static void path_that_is_too_long_is_refused(void)
{
	struct screenshot_server *none;
	char path[200];

	memset(path, 'x', sizeof(path));
	path[199] = '\0';
	CHECK_EQ(screenshot_server_open(&none, &display, path, &err),
		 -ENAMETOOLONG);
	CHECK_HAS(err.msg, "1 to 107 characters");
}

/* Those that connect and do not read hold three of four places: what cannot be
 * compressed fills their sockets. */
static void clients_that_stall_hold_up_nobody(void)
{
	static uint8_t noise[1024 * 768 * 4];
	uint32_t seed = 1;
	int fds[3];

	serve();
	for (size_t i = 0; i < sizeof(noise); i++) {
		seed = seed * 1664525 + 1013904223;
		noise[i] = (uint8_t)(seed >> 24);
	}
	picture = (struct surface){ noise, 1024, 768, 4096, SURFACE_XRGB8888 };
	for (int i = 0; i < 3; i++)
		fds[i] = connect_raw();
	CHECK_EQ(screenshot_fetch(socket_path, file_path, &err), 0);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	stop();
}

static void server_ends_while_a_client_reads(void)
{
	int fd;

	serve();
	fd = connect_raw();
	usleep(50000);
	stop();
	close(fd);
}

static void missing_server_is_named(void)
{
	CHECK_EQ(screenshot_fetch(socket_path, file_path, &err), -ENOENT);
	CHECK_HAS(err.msg, socket_path);
	CHECK_HAS(err.hint, "is the guest running");
}

static void servers_error_is_passed_on(void)
{
	static const char text[] = "error: libpng16.so.16: is not there\n";

	memset(&err, 0, sizeof(err));
	CHECK_EQ(fetch_from(text, sizeof(text) - 1), -EIO);
	CHECK_HAS(err.msg, "libpng16.so.16: is not there");
}

static void half_a_picture_is_no_picture(void)
{
	struct stat st;
	uint8_t *png;
	size_t len;

	make(SURFACE_XRGB8888);
	unlink(file_path);
	CHECK_EQ(png_encode(&picture, &png, &len, &err), 0);
	CHECK_EQ(fetch_from((char *)png, len / 2), -EIO);
	free(png);
	CHECK_HAS(err.msg, "not a whole PNG");
	CHECK_EQ(lstat(file_path, &st), -1);
}

static void file_that_cannot_be_written_is_named(void)
{
	serve();
	CHECK_EQ(screenshot_fetch(socket_path, "/not/there.png", &err),
		 -ENOENT);
	CHECK_HAS(err.msg, "/not/there.png: open");
	CHECK_EQ(screenshot_fetch(socket_path, "/dev/full", &err), -ENOSPC);
	CHECK_HAS(err.msg, "/dev/full: write");
	stop();
}

int main(void)
{
	if (!mkdtemp(dir))
		abort();
	snprintf(socket_path, sizeof(socket_path), "%s/socket", dir);
	snprintf(file_path, sizeof(file_path), "%s/picture.png", dir);
	TAP_RUN(every_pixel_comes_back);
	TAP_RUN(big_endian_pixels_are_read_the_other_way_round);
	TAP_RUN(colours_of_16_bits_span_the_whole_range);
	TAP_RUN(no_picture_is_black);
	TAP_RUN(missing_library_names_its_package);
	TAP_RUN(picture_is_fetched_into_a_file);
	TAP_RUN(without_a_display_the_picture_is_blank);
	TAP_RUN(socket_is_the_owners_alone_and_goes_with_the_server);
	TAP_RUN(socket_left_behind_is_replaced_and_one_in_use_is_not);
	TAP_RUN(file_at_the_sockets_path_is_left_alone);
	TAP_RUN(path_that_is_too_long_is_refused);
	TAP_RUN(clients_that_stall_hold_up_nobody);
	TAP_RUN(server_ends_while_a_client_reads);
	TAP_RUN(missing_server_is_named);
	TAP_RUN(servers_error_is_passed_on);
	TAP_RUN(half_a_picture_is_no_picture);
	TAP_RUN(file_that_cannot_be_written_is_named);
	unlink(file_path);
	unlink(socket_path);
	rmdir(dir);
	return tap_done();
}
