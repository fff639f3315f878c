// SPDX-License-Identifier: GPL-2.0-or-later
/* --console: the virtio console, and what is at its other end. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/vm/model.h"
#include "src/vm/relay.h"
#include "src/vm/vm.h"
#include "virtio/console.h"

struct console_state {
	struct relay relay;
	struct virtio_console console;
	int file_fd; /* of file=, or -1 */
};

/* --- the device --- */

static int open_file(struct console_state *s, const char *path, struct err *e)
{
	s->file_fd =
		open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY | O_CLOEXEC,
		     0644);
	return s->file_fd < 0 ? err_sys(e, path, "open") : 0;
}

static int open_relay(struct vm *vm, struct console_state *s,
		      const struct config_console *c, struct err *e)
{
	struct relay_config config = { .name = "console",
				       .socket = c->path,
				       .kind = RELAY_FDS,
				       .in_fd = -1,
				       .out_fd = -1 };
	int ret = 0;

	switch (c->to) {
	case CONSOLE_TTY:
		config.in_fd = terminal_is_ours() ? STDIN_FILENO : -1;
		config.out_fd = STDOUT_FILENO;
		break;
	case CONSOLE_PTY:
		config.kind = RELAY_PTY;
		break;
	case CONSOLE_SOCKET:
		config.kind = RELAY_SOCKET;
		break;
	case CONSOLE_FILE:
		ret = open_file(s, c->path, e);
		config.out_fd = s->file_fd;
		break;
	case CONSOLE_NULL:
		break;
	}
	if (!ret)
		ret = relay_open(&s->relay, &config, &vm->loop, e);
	if (!ret && c->to == CONSOLE_TTY && isatty(STDIN_FILENO)) {
		s->relay.filter = terminal_filter;
		s->relay.filter_ctx = vm;
	}
	return ret;
}

static int console_realize(struct vm *vm, struct emulated *d, struct err *e)
{
	struct virtio_env env = vm_virtio_env(vm);
	struct console_state *s = calloc(1, sizeof(*s));
	int ret;

	d->state = s;
	if (!s)
		return err_set(e, ENOMEM, "%s: out of memory", d->name);
	s->file_fd = -1;
	ret = open_relay(vm, s, &d->config->console, e);
	if (!ret)
		ret = virtio_console_init(&s->console, d->name,
					  s->relay.device_fd, &env, e);
	return ret ? ret : virtio_dev_add(&s->console.dev, -1, e);
}

static void console_stop(struct emulated *d)
{
	virtio_dev_stop(&((struct console_state *)d->state)->console.dev);
}

static void console_unrealize(struct emulated *d)
{
	struct console_state *s = d->state;

	if (!s)
		return;
	virtio_console_fini(&s->console);
	relay_close(&s->relay);
	if (s->file_fd >= 0)
		close(s->file_fd);
	free(s);
}

static const struct model virtio_console_model = {
	.name = "virtio-console",
	.driver = "virtio_console",
	.what = "console hvc0, faster than a serial port",
	.realize = console_realize,
	.stop = console_stop,
	.unrealize = console_unrealize,
};

/* --- its option --- */

static struct config_console *console_of(void *target)
{
	return &((struct config_emulated *)target)->console;
}

static int set_socket(void *target, const char *value, struct err *e)
{
	console_of(target)->to = CONSOLE_SOCKET;
	return config_path("--console socket", value, console_of(target)->path,
			   e);
}

static int set_file(void *target, const char *value, struct err *e)
{
	console_of(target)->to = CONSOLE_FILE;
	return config_path("--console file", value, console_of(target)->path,
			   e);
}

static int set_bare(void *target, const char *word, struct err *e)
{
	static const char *const words[] = { [CONSOLE_TTY] = "tty",
					     [CONSOLE_PTY] = "pty",
					     [CONSOLE_NULL] = "null" };
	int i = option_word("--console", word, words, ARRAY_SIZE(words), e);

	if (i < 0)
		return i;
	console_of(target)->to = (enum console_to)i;
	return 0;
}

static const struct option_key keys[] = {
	{ "socket", set_socket, "FILE", "a unix socket, for one client" },
	{ "file", set_file, "FILE", "what it says is added to that" },
};
static const struct option_keys console_keys = { "--console", keys,
						 ARRAY_SIZE(keys), set_bare };

static int parse(const char *value, struct config_emulated *out, struct err *e)
{
	out->model = &virtio_console_model;
	out->option = "console";
	/* As if it had not been given. */
	if (!strcmp(value, "off")) {
		out->model = NULL;
		return 0;
	}
	if (strchr(value, ','))
		return err_set(e, EINVAL,
			       "--console %s: it goes to one place alone",
			       value);
	return option_keys_parse(&console_keys, value, out, e);
}

static const struct model *const models[] = { &virtio_console_model, NULL };
const struct model_option model_console_option = {
	.name = "console",
	.keys = &console_keys,
	.parse = parse,
	.models = models,
};
