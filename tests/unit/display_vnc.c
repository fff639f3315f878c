// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The VNC server, seen by a viewer of our own, over loopback and over a unix
 * socket. The display and its input are fakes.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/input-event-codes.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "src/base/bits.h"
#include "src/display/display.h"
#include "src/display/library.h"
#include "src/display/listen.h"
#include "src/display/typist.h"
#include "tests/rfb.h"
#include "tests/tap.h"

enum {
	WIDTH = 160,
	HEIGHT = 120,
	MAX_WIDTH = 640,
	MAX_HEIGHT = 480,
	MAX_EVENTS = 256,
	CHALLENGE_LEN = 16,
};

static char dir[] = "/tmp/strait-vnc-XXXXXX";
static struct err err;
static struct vnc *vnc;

/* --- the display --- */

static struct {
	pthread_mutex_t lock;
	uint32_t memory[MAX_WIDTH * MAX_HEIGHT];
	struct surface surface;
	bool is_watched, all_changed;
	uint64_t lines[SURFACE_LINE_WORDS];
	unsigned int nr_watches, nr_looks;
	int watch_error;
	/* keycode, and 0x100 if it went down; or a movement */
	int events[MAX_EVENTS][4];
	unsigned int nr_events;
} fake = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void fake_look(void *ctx, struct surface *out)
{
	(void)ctx;
	pthread_mutex_lock(&fake.lock);
	*out = fake.surface;
	pthread_mutex_unlock(&fake.lock);
}

static int fake_watch(void *ctx, bool on, struct err *e)
{
	int ret = 0;

	(void)ctx;
	pthread_mutex_lock(&fake.lock);
	if (on && fake.watch_error)
		ret = err_set(e, fake.watch_error, "cannot be watched");
	else
		fake.is_watched = fake.all_changed = on;
	fake.nr_watches += on;
	pthread_mutex_unlock(&fake.lock);
	return ret;
}

static void fake_changes(void *ctx, struct surface *out, uint64_t *lines)
{
	(void)ctx;
	pthread_mutex_lock(&fake.lock);
	fake.nr_looks++;
	*out = fake.surface;
	for (size_t i = 0; i < SURFACE_LINE_WORDS; i++)
		lines[i] |= fake.all_changed ? UINT64_MAX : fake.lines[i];
	memset(fake.lines, 0, sizeof(fake.lines));
	fake.all_changed = false;
	pthread_mutex_unlock(&fake.lock);
}

static void note_event(int a, int b, int c, int d)
{
	const int event[4] = { a, b, c, d };

	pthread_mutex_lock(&fake.lock);
	if (fake.nr_events < MAX_EVENTS)
		memcpy(fake.events[fake.nr_events], event, sizeof(event));
	fake.nr_events++;
	pthread_mutex_unlock(&fake.lock);
}

static void fake_key(void *ctx, unsigned int keycode, bool down)
{
	(void)ctx;
	note_event((int)keycode | (down ? 0x100 : 0), 0, 0, 0);
}

static void fake_mouse(void *ctx, int dx, int dy, int dz, unsigned int buttons)
{
	(void)ctx;
	note_event(dx, dy, dz, (int)buttons);
}

static const struct display_source_ops source = { fake_look, fake_watch,
						  fake_changes };
static const struct display_input_ops input = { fake_key, fake_mouse };
static const struct display display = { .source = &source, .input = &input };

static uint32_t colour(unsigned int x, unsigned int y)
{
	return (x * 1103 + y * 30011) & 0xffffff;
}

static void set_picture(uint32_t width, uint32_t height)
{
	pthread_mutex_lock(&fake.lock);
	for (uint32_t y = 0; y < height; y++)
		for (uint32_t x = 0; x < width; x++)
			fake.memory[y * width + x] = colour(x, y);
	fake.surface = (struct surface){ (const uint8_t *)fake.memory, width,
					 height, width * 4, SURFACE_XRGB8888 };
	fake.all_changed = true;
	pthread_mutex_unlock(&fake.lock);
}

/* Paints a line. */
static void paint(unsigned int y, uint32_t rgb)
{
	pthread_mutex_lock(&fake.lock);
	for (unsigned int x = 0; x < fake.surface.width; x++)
		fake.memory[y * fake.surface.width + x] = rgb;
	fake.lines[y / 64] |= 1ULL << (y % 64);
	pthread_mutex_unlock(&fake.lock);
}

static bool is_watched(void)
{
	bool on;

	pthread_mutex_lock(&fake.lock);
	on = fake.is_watched;
	pthread_mutex_unlock(&fake.lock);
	return on;
}

static unsigned int nr_events(void)
{
	unsigned int n;

	pthread_mutex_lock(&fake.lock);
	n = fake.nr_events;
	pthread_mutex_unlock(&fake.lock);
	return n;
}

/* --- waiting --- */

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

#define WAIT_FOR(cond)                                                         \
	do {                                                                   \
		uint64_t end_ = now_ms() + RFB_PATIENCE_MS;                    \
		while (!(cond) && now_ms() < end_)                             \
			usleep(2000);                                          \
		CHECK(cond);                                                   \
	} while (0)

static struct rfb_viewer one, two;

static bool sees_the_picture(struct rfb_viewer *v)
{
	for (unsigned int y = 0; y < v->height; y++)
		for (unsigned int x = 0; x < v->width; x++)
			if (rfb_pixel(v, x, y) != colour(x, y))
				return false;
	return true;
}

/* --- the server --- */

static int serve_with(const struct vnc_config *c)
{
	rfb_leave(&one);
	rfb_leave(&two);
	vnc_close(vnc);
	vnc = NULL;
	set_picture(WIDTH, HEIGHT);
	fake.nr_watches = fake.nr_looks = fake.nr_events = 0;
	fake.watch_error = 0;
	memset(&err, 0, sizeof(err));
	return vnc_open(&vnc, &display, c, &err);
}

static void serve(void)
{
	const struct vnc_config c = { 0 };

	if (serve_with(&c))
		abort();
}

static const char *in_dir(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static const char *password_file(const char *text)
{
	const char *path = in_dir("password");
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		abort();
	close(fd);
	return path;
}

/* --- the picture --- */

static void handshake_tells_the_pictures_size(void)
{
	serve();
	CHECK(rfb_view(&one, vnc_port(vnc)));
	CHECK_EQ(one.width, WIDTH);
	CHECK_EQ(one.height, HEIGHT);
}

static void every_pixel_arrives(void)
{
	serve();
	CHECK(rfb_view(&one, vnc_port(vnc)));
	CHECK(rfb_see(&one));
	CHECK(sees_the_picture(&one));
}

static void nothing_is_watched_while_nobody_sees_it(void)
{
	serve();
	CHECK(rfb_connect(&one, vnc_port(vnc)));
	CHECK_EQ(rfb_begin(&one), 1);
	usleep(RFB_QUIET_MS * 1000);
	CHECK_EQ(fake.nr_watches, 0);
	CHECK_EQ(vnc_nr_viewers(vnc), 0);
	CHECK(rfb_choose_none(&one));
	CHECK(rfb_finish(&one));
	WAIT_FOR(is_watched());
	CHECK_EQ(vnc_nr_viewers(vnc), 1);
	rfb_leave(&one);
	WAIT_FOR(!is_watched());
	CHECK_EQ(vnc_nr_viewers(vnc), 0);
	fake.nr_looks = 0;
	usleep(RFB_QUIET_MS * 1000);
	CHECK_EQ(fake.nr_looks, 0);
}

static void update_comes_only_after_a_change(void)
{
	serve();
	CHECK(rfb_view(&one, vnc_port(vnc)));
	CHECK(rfb_see(&one));
	CHECK(rfb_request(&one, true));
	CHECK(rfb_is_quiet(&one));
	paint(17, 0x123456);
	CHECK(rfb_take_update(&one));
	CHECK_EQ(one.top, 17);
	CHECK_EQ(one.bottom, 18);
	for (unsigned int x = 0; x < WIDTH; x++)
		CHECK_EQ(rfb_pixel(&one, x, 17), 0x123456);
	CHECK(rfb_request(&one, true));
	CHECK(rfb_is_quiet(&one));
}

static void all_viewers_see_a_change(void)
{
	serve();
	CHECK(rfb_view(&one, vnc_port(vnc)));
	CHECK(rfb_see(&one));
	CHECK(rfb_view(&two, vnc_port(vnc)));
	CHECK(rfb_see(&two));
	CHECK(sees_the_picture(&two));
	CHECK_EQ(vnc_nr_viewers(vnc), 2);
	CHECK_EQ(fake.nr_watches, 1);
	CHECK(rfb_request(&one, true));
	CHECK(rfb_request(&two, true));
	CHECK(rfb_is_quiet(&one));
	paint(3, 0xabcdef);
	CHECK(rfb_take_update(&one));
	CHECK(rfb_take_update(&two));
	CHECK_EQ(rfb_pixel(&one, 5, 3), 0xabcdef);
	CHECK_EQ(rfb_pixel(&two, 5, 3), 0xabcdef);
	rfb_leave(&one);
	WAIT_FOR(vnc_nr_viewers(vnc) == 1);
	CHECK(is_watched());
}

static void other_mode_is_another_size(void)
{
	serve();
	CHECK(rfb_view(&one, vnc_port(vnc)));
	CHECK(rfb_see(&one));
	CHECK(rfb_request(&one, true));
	CHECK(rfb_is_quiet(&one));
	set_picture(320, 200);
	CHECK(rfb_take_update(&one));
	CHECK(one.has_size);
	CHECK_EQ(one.width, 320);
	CHECK_EQ(one.height, 200);
	CHECK(rfb_see(&one));
	CHECK(sees_the_picture(&one));
}

static void no_picture_is_black(void)
{
	serve();
	pthread_mutex_lock(&fake.lock);
	fake.surface = (struct surface){ 0 };
	pthread_mutex_unlock(&fake.lock);
	CHECK(rfb_view(&one, vnc_port(vnc)));
	CHECK_EQ(one.width, SURFACE_BLANK_WIDTH);
	CHECK_EQ(one.height, SURFACE_BLANK_HEIGHT);
	memset(one.pixels, 1, sizeof(one.pixels));
	CHECK(rfb_see(&one));
	for (unsigned int y = 0; y < one.height; y++)
		for (unsigned int x = 0; x < one.width; x++)
			CHECK_EQ(rfb_pixel(&one, x, y), 0);
}

static void display_that_cannot_be_watched_lets_viewers_go(void)
{
	serve();
	fake.watch_error = EIO;
	CHECK(rfb_view(&one, vnc_port(vnc)));
	CHECK(rfb_is_let_go(&one));
	CHECK_EQ(vnc_nr_viewers(vnc), 0);
}

/* A guest that reboots gets a new machine, with a new display. */
static void viewer_stays_while_the_display_is_exchanged(void)
{
	serve();
	CHECK(rfb_view(&one, vnc_port(vnc)));
	CHECK(rfb_see(&one));
	vnc_show(vnc, NULL);
	CHECK(!is_watched());
	rfb_key(&one, 'a', true);
	CHECK(rfb_request(&one, true));
	CHECK(rfb_take_update(&one));
	CHECK(one.has_size);
	CHECK_EQ(one.width, SURFACE_BLANK_WIDTH);
	CHECK(rfb_see(&one));
	CHECK_EQ(rfb_pixel(&one, 7, 7), 0);
	CHECK_EQ(nr_events(), 0);
	vnc_show(vnc, &display);
	CHECK(is_watched());
	CHECK(rfb_request(&one, true));
	CHECK(rfb_take_update(&one));
	CHECK_EQ(one.width, WIDTH);
	CHECK(rfb_see(&one));
	CHECK(sees_the_picture(&one));
	rfb_key(&one, 'b', true);
	WAIT_FOR(nr_events() == 1);
	CHECK_EQ(fake.events[0][0], 0x100 | KEY_B);
}

static void display_is_not_watched_if_it_comes_without_a_viewer(void)
{
	serve();
	vnc_show(vnc, NULL);
	vnc_show(vnc, &display);
	CHECK_EQ(fake.nr_watches, 0);
	CHECK(rfb_view(&one, vnc_port(vnc)));
	CHECK(rfb_see(&one));
	CHECK(sees_the_picture(&one));
}

/* --- input --- */

static void type(uint32_t keysym)
{
	rfb_key(&one, keysym, true);
	rfb_key(&one, keysym, false);
}

/* The keys that came, 0x100 for a press. */
#define CHECK_KEYS(...)                                                        \
	do {                                                                   \
		static const int keys_[] = { __VA_ARGS__ };                    \
		WAIT_FOR(nr_events() >= ARRAY_SIZE(keys_));                    \
		for (size_t i_ = 0; i_ < ARRAY_SIZE(keys_); i_++)              \
			CHECK_EQ(fake.events[i_][0], keys_[i_]);               \
		CHECK_EQ(nr_events(), ARRAY_SIZE(keys_));                      \
	} while (0)

enum { DOWN = 0x100 };

static void keys_arrive_as_keycodes(void)
{
	serve();
	CHECK(rfb_view(&one, vnc_port(vnc)));
	type('a');
	type(0xff0d);
	type(0xffff);
	type(0xabcd); /* no such key */
	type('1');
	CHECK_KEYS(DOWN | KEY_A, KEY_A, DOWN | KEY_ENTER, KEY_ENTER,
		   DOWN | KEY_DELETE, KEY_DELETE, DOWN | KEY_1, KEY_1);
}

static void every_character_of_ascii_has_a_key(void)
{
	struct keysym_key k;

	for (uint32_t c = 0x20; c < 0x7f; c++) {
		CHECK(keysym_find(c, &k));
		CHECK(k.keycode > 0 && k.keycode < 128);
	}
	CHECK(keysym_find('?', &k));
	CHECK_EQ(k.keycode, KEY_SLASH);
	CHECK_EQ(k.shift, SHIFT_ON);
	CHECK(keysym_find('\\', &k));
	CHECK_EQ(k.keycode, KEY_BACKSLASH);
	CHECK_EQ(k.shift, SHIFT_OFF);
	CHECK(!keysym_find(0x7f, &k));
	CHECK(!keysym_find(UINT32_MAX, &k));
}

static void shift_is_held_where_the_viewer_does_not(void)
{
	serve();
	CHECK(rfb_view(&one, vnc_port(vnc)));
	type('A');
	CHECK_KEYS(DOWN | KEY_LEFTSHIFT, DOWN | KEY_A, KEY_LEFTSHIFT, KEY_A);
}

static void shift_that_the_viewer_holds_is_used(void)
{
	serve();
	CHECK(rfb_view(&one, vnc_port(vnc)));
	rfb_key(&one, 0xffe1, true);
	type('A');
	type('!');
	rfb_key(&one, 0xffe1, false);
	CHECK_KEYS(DOWN | KEY_LEFTSHIFT, DOWN | KEY_A, KEY_A, DOWN | KEY_1,
		   KEY_1, KEY_LEFTSHIFT);
}

/* As on a German keyboard, where it is with Shift. */
static void shift_that_a_us_keyboard_does_not_want_is_let_go(void)
{
	serve();
	CHECK(rfb_view(&one, vnc_port(vnc)));
	rfb_key(&one, 0xffe2, true);
	type('/');
	rfb_key(&one, 0xffe2, false);
	CHECK_KEYS(DOWN | KEY_RIGHTSHIFT, KEY_RIGHTSHIFT, DOWN | KEY_SLASH,
		   DOWN | KEY_RIGHTSHIFT, KEY_SLASH, KEY_RIGHTSHIFT);
}

static void caps_lock_counts_for_letters(void)
{
	serve();
	CHECK(rfb_view(&one, vnc_port(vnc)));
	type(0xffe5);
	type('A');
	type('1');
	CHECK_KEYS(DOWN | KEY_CAPSLOCK, KEY_CAPSLOCK, DOWN | KEY_A, KEY_A,
		   DOWN | KEY_1, KEY_1);
}

static void with_ctrl_the_key_is_meant(void)
{
	serve();
	CHECK(rfb_view(&one, vnc_port(vnc)));
	rfb_key(&one, 0xffe3, true);
	type('C');
	rfb_key(&one, 0xffe3, false);
	CHECK_KEYS(DOWN | KEY_LEFTCTRL, DOWN | KEY_C, KEY_C, KEY_LEFTCTRL);
}

static void viewer_that_goes_leaves_no_key_pressed(void)
{
	serve();
	CHECK(rfb_view(&one, vnc_port(vnc)));
	rfb_key(&one, 'x', true);
	rfb_key(&one, 0xffe3, true);
	WAIT_FOR(nr_events() == 2);
	rfb_leave(&one);
	CHECK_KEYS(DOWN | KEY_X, DOWN | KEY_LEFTCTRL, KEY_LEFTCTRL, KEY_X);
}

static bool event_is(unsigned int i, int dx, int dy, int dz, int buttons)
{
	const int want[4] = { dx, dy, dz, buttons };

	return !memcmp(fake.events[i], want, sizeof(want));
}

static void pointer_arrives_as_movement(void)
{
	serve();
	CHECK(rfb_view(&one, vnc_port(vnc)));
	rfb_pointer(&one, 50, 60, 0);
	rfb_pointer(&one, 53, 58, 0);
	rfb_pointer(&one, 53, 58, 1);
	rfb_pointer(&one, 53, 58, 2 | 4);
	rfb_pointer(&one, 53, 58, 0);
	rfb_pointer(&one, 53, 58, 8);
	rfb_pointer(&one, 53, 58, 0);
	rfb_pointer(&one, 53, 58, 16);
	WAIT_FOR(nr_events() >= 6);
	CHECK(event_is(0, 3, -2, 0, 0));
	CHECK(event_is(1, 0, 0, 0, BUTTON_LEFT));
	CHECK(event_is(2, 0, 0, 0, BUTTON_MIDDLE | BUTTON_RIGHT));
	CHECK(event_is(3, 0, 0, 0, 0));
	CHECK(event_is(4, 0, 0, -1, 0));
	CHECK(event_is(5, 0, 0, 1, 0));
	CHECK_EQ(nr_events(), 6);
}

/* --- who may connect --- */

static int serve_password(const char *text)
{
	const struct vnc_config c = { .password = password_file(text) };

	return serve_with(&c);
}

/* Answers the challenge with this password. */
static bool give_password(struct rfb_viewer *v, const char *password)
{
	__typeof__(void(unsigned char *, char *)) *encrypt = NULL;
	const struct library_symbol symbol = { "rfbEncryptBytes", &encrypt };
	uint8_t type = 2, challenge[CHALLENGE_LEN], result[4];
	char copy[9] = { 0 };

	snprintf(copy, sizeof(copy), "%s", password);
	if (library_load("libvncserver.so.1", "libvncserver1", &symbol, 1,
			 &err) ||
	    !rfb_put(v, &type, 1) || !rfb_get(v, challenge, CHALLENGE_LEN))
		return false;
	encrypt(challenge, copy);
	return rfb_put(v, challenge, CHALLENGE_LEN) && rfb_get(v, result, 4) &&
	       !rfb_get_be(result, 4);
}

static void right_password_lets_in(void)
{
	CHECK_EQ(serve_password("geheim12\n"), 0);
	CHECK(rfb_connect(&one, vnc_port(vnc)));
	CHECK_EQ(rfb_begin(&one), 2);
	CHECK(give_password(&one, "geheim12"));
	CHECK(rfb_finish(&one));
	CHECK(rfb_see(&one));
	CHECK(sees_the_picture(&one));
}

static void wrong_password_is_refused(void)
{
	CHECK_EQ(serve_password("geheim12\n"), 0);
	CHECK(rfb_connect(&one, vnc_port(vnc)));
	CHECK_EQ(rfb_begin(&one), 2);
	CHECK(!give_password(&one, "geheim13"));
	CHECK_EQ(vnc_nr_viewers(vnc), 0);
	CHECK_EQ(fake.nr_watches, 0);
}

static void none_is_no_choice_where_there_is_a_password(void)
{
	uint8_t type = 1;

	CHECK_EQ(serve_password("x"), 0);
	CHECK(rfb_connect(&one, vnc_port(vnc)));
	CHECK_EQ(rfb_begin(&one), 2);
	CHECK(rfb_put(&one, &type, 1));
	CHECK(rfb_is_let_go(&one));
}

static void passwords_that_cannot_be_are_refused(void)
{
	const struct vnc_config missing = { .password = "/not/there" };

	CHECK_EQ(serve_password("123456789\n"), -EINVAL);
	CHECK_HAS(err.msg, "password: has 9 characters");
	CHECK_EQ(serve_password("\n"), -EINVAL);
	CHECK_HAS(err.msg, "has no password in it");
	CHECK_EQ(serve_with(&missing), -ENOENT);
	CHECK_HAS(err.msg, "/not/there: open");
}

static void address_for_others_needs_a_password(void)
{
	struct vnc_config c = { .address = "0.0.0.0" };

	CHECK_EQ(serve_with(&c), -EPERM);
	CHECK_HAS(err.msg, "0.0.0.0: others can reach VNC");
	c.password = password_file("x");
	CHECK_EQ(serve_with(&c), 0);
	c.address = "localhost";
	CHECK_EQ(serve_with(&c), -EINVAL);
	CHECK_HAS(err.msg, "localhost: is not an IPv4 address");
}

static void port_that_is_taken_is_named(void)
{
	struct vnc_config c = { 0 };
	struct vnc *second;

	serve();
	c.port = vnc_port(vnc);
	CHECK(c.port != 0);
	CHECK_EQ(vnc_open(&second, &display, &c, &err), -EADDRINUSE);
	CHECK_HAS(err.msg, "127.0.0.1 port");
	CHECK_HAS(err.hint, "another port");
}

static void unix_socket_is_the_owners_alone(void)
{
	const char *path = in_dir("socket");
	const struct vnc_config c = { .socket = path };
	struct stat st;

	CHECK_EQ(serve_with(&c), 0);
	CHECK_EQ(vnc_port(vnc), 0);
	CHECK_EQ(lstat(path, &st), 0);
	CHECK_EQ(st.st_mode & 0777, 0600);
	memset(&one, 0, sizeof(one));
	one.fd = unix_connect(path, &err);
	rfb_set_patience(&one);
	CHECK_EQ(rfb_begin(&one), 1);
	CHECK(rfb_choose_none(&one));
	CHECK(rfb_finish(&one));
	CHECK(rfb_see(&one));
	CHECK(sees_the_picture(&one));
	vnc_close(vnc);
	vnc = NULL;
	CHECK(rfb_is_let_go(&one));
	CHECK_EQ(lstat(path, &st), -1);
}

/* A page in a browser can reach loopback, and say this. */
static void websockets_are_turned_away(void)
{
	static const char hello[] =
		"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"
		"Upgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
		"Origin: http://example.com\r\n"
		"Sec-WebSocket-Protocol: binary\r\n"
		"Sec-WebSocket-Version: 13\r\n\r\n";
	char buf[1024];

	serve();
	CHECK(rfb_connect(&one, vnc_port(vnc)));
	CHECK(rfb_put(&one, hello, sizeof(hello) - 1));
	while (recv(one.fd, buf, sizeof(buf), 0) > 0)
		;
	CHECK(rfb_is_let_go(&one));
	CHECK_EQ(fake.nr_watches, 0);
	CHECK(rfb_view(&two, vnc_port(vnc)));
}

/* --- clients that do no good --- */

static void client_that_does_not_read_holds_up_nobody(void)
{
	serve();
	set_picture(MAX_WIDTH, MAX_HEIGHT);
	CHECK(rfb_view(&one, vnc_port(vnc)));
	/* More than its connection can hold. */
	for (unsigned int i = 0; i < 50; i++)
		CHECK(rfb_request(&one, false));
	usleep(RFB_QUIET_MS * 1000);
	CHECK(rfb_view(&two, vnc_port(vnc)));
	for (unsigned int i = 0; i < 5; i++)
		CHECK(rfb_see(&two));
	CHECK(sees_the_picture(&two));
}

static void client_that_stalls_in_a_message_holds_up_nobody(void)
{
	uint8_t half[2] = { 4, 1 };

	serve();
	CHECK(rfb_view(&one, vnc_port(vnc)));
	CHECK(rfb_put(&one, half, sizeof(half)));
	CHECK(rfb_view(&two, vnc_port(vnc)));
	CHECK(rfb_see(&two));
	CHECK(sees_the_picture(&two));
}

static void client_that_floods_holds_up_nobody(void)
{
	serve();
	CHECK(rfb_view(&one, vnc_port(vnc)));
	fcntl(one.fd, F_SETFL, O_NONBLOCK);
	for (unsigned int i = 0; i < 200000; i++)
		rfb_key(&one, 'a' + i % 26, i % 2);
	CHECK(rfb_view(&two, vnc_port(vnc)));
	CHECK(rfb_see(&two));
	CHECK(sees_the_picture(&two));
}

static void nonsense_ends_a_connection(void)
{
	uint8_t junk[64];

	serve();
	memset(junk, 0xee, sizeof(junk));
	CHECK(rfb_view(&one, vnc_port(vnc)));
	CHECK(rfb_put(&one, junk, sizeof(junk)));
	CHECK(rfb_is_let_go(&one));
	CHECK(rfb_connect(&two, vnc_port(vnc)));
	CHECK(rfb_put(&two, junk, sizeof(junk)));
	while (!rfb_is_let_go(&two))
		CHECK(errno != EAGAIN);
	WAIT_FOR(!is_watched());
}

static void more_clients_than_places_are_turned_away(void)
{
	static struct rfb_viewer many[8];
	bool sees = false;

	serve();
	for (unsigned int i = 0; i < 8; i++)
		CHECK(rfb_view(&many[i], vnc_port(vnc)));
	CHECK(rfb_connect(&one, vnc_port(vnc)));
	CHECK(rfb_is_let_go(&one));
	rfb_leave(&one);
	CHECK(rfb_see(&many[7]));
	rfb_leave(&many[3]);
	WAIT_FOR(vnc_nr_viewers(vnc) == 7);
	/* Its thread may need a moment to end. */
	WAIT_FOR(sees || (sees = rfb_view(&one, vnc_port(vnc))) ||
		 (rfb_leave(&one), false));
	CHECK(rfb_see(&one));
	for (unsigned int i = 0; i < 8; i++)
		rfb_leave(&many[i]);
}

static void server_ends_under_its_viewers(void)
{
	uint64_t start;

	serve();
	CHECK(rfb_view(&one, vnc_port(vnc)));
	CHECK(rfb_view(&two, vnc_port(vnc)));
	CHECK(rfb_see(&two));
	start = now_ms();
	vnc_close(vnc);
	vnc = NULL;
	CHECK(now_ms() - start < 2000);
	CHECK(rfb_is_let_go(&one));
	CHECK(!is_watched());
}

static void opening_and_closing_leaves_no_files(void)
{
	unsigned int before, after;

	serve();
	vnc_close(vnc);
	vnc = NULL;
	before = (unsigned int)dup(0);
	close((int)before);
	for (unsigned int i = 0; i < 5; i++) {
		serve();
		CHECK(rfb_view(&one, vnc_port(vnc)));
		rfb_leave(&one);
		vnc_close(vnc);
		vnc = NULL;
	}
	after = (unsigned int)dup(0);
	close((int)after);
	CHECK_EQ(before, after);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	if (!mkdtemp(dir))
		abort();
	TAP_RUN(handshake_tells_the_pictures_size);
	TAP_RUN(every_pixel_arrives);
	TAP_RUN(nothing_is_watched_while_nobody_sees_it);
	TAP_RUN(update_comes_only_after_a_change);
	TAP_RUN(all_viewers_see_a_change);
	TAP_RUN(other_mode_is_another_size);
	TAP_RUN(no_picture_is_black);
	TAP_RUN(display_that_cannot_be_watched_lets_viewers_go);
	TAP_RUN(viewer_stays_while_the_display_is_exchanged);
	TAP_RUN(display_is_not_watched_if_it_comes_without_a_viewer);
	TAP_RUN(keys_arrive_as_keycodes);
	TAP_RUN(every_character_of_ascii_has_a_key);
	TAP_RUN(shift_is_held_where_the_viewer_does_not);
	TAP_RUN(shift_that_the_viewer_holds_is_used);
	TAP_RUN(shift_that_a_us_keyboard_does_not_want_is_let_go);
	TAP_RUN(caps_lock_counts_for_letters);
	TAP_RUN(with_ctrl_the_key_is_meant);
	TAP_RUN(viewer_that_goes_leaves_no_key_pressed);
	TAP_RUN(pointer_arrives_as_movement);
	TAP_RUN(right_password_lets_in);
	TAP_RUN(wrong_password_is_refused);
	TAP_RUN(none_is_no_choice_where_there_is_a_password);
	TAP_RUN(passwords_that_cannot_be_are_refused);
	TAP_RUN(address_for_others_needs_a_password);
	TAP_RUN(port_that_is_taken_is_named);
	TAP_RUN(unix_socket_is_the_owners_alone);
	TAP_RUN(websockets_are_turned_away);
	TAP_RUN(client_that_does_not_read_holds_up_nobody);
	TAP_RUN(client_that_stalls_in_a_message_holds_up_nobody);
	TAP_RUN(client_that_floods_holds_up_nobody);
	TAP_RUN(nonsense_ends_a_connection);
	TAP_RUN(more_clients_than_places_are_turned_away);
	TAP_RUN(server_ends_under_its_viewers);
	TAP_RUN(opening_and_closing_leaves_no_files);
	rfb_leave(&one);
	rfb_leave(&two);
	vnc_close(vnc);
	unlink(in_dir("password"));
	rmdir(dir);
	return tap_done();
}
