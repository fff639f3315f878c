// SPDX-License-Identifier: GPL-2.0-or-later
/* --display: a framebuffer with keyboard and mouse, and who shows it. */
/*
 * How this works
 *
 * VNC and screenshots are served for as long as strait runs; each machine
 * shows them its display when that has its addresses, and takes it away before
 * it is taken apart. The mode is set before the kernel starts, which is told of
 * the framebuffer, so that its messages are seen from the first line on.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/dev/bochs.h"
#include "src/dev/i8042.h"
#include "src/vm/model.h"
#include "src/vm/screens.h"
#include "src/vm/vm.h"

struct display_state {
	struct vm *vm;
	struct bochs bochs;
	struct i8042 i8042;
	struct display display;
};

/* --- who shows it --- */

int screens_open(struct screens *s, const struct config *c, struct err *e)
{
	const struct config_emulated *found = config_find(c, "display");
	const struct config_display *d;
	struct vnc_config vnc = { 0 };
	int ret = 0;

	*s = (struct screens){ 0 };
	if (!found)
		return 0;
	d = &found->display;
	vnc.address = d->address[0] ? d->address : NULL;
	vnc.port = d->port;
	vnc.socket = d->socket[0] ? d->socket : NULL;
	vnc.password = d->password[0] ? d->password : NULL;
	if (d->has_vnc)
		ret = vnc_open(&s->vnc, NULL, &vnc, e);
	if (!ret && d->screenshot[0])
		ret = screenshot_server_open(&s->shots, NULL, d->screenshot, e);
	if (!ret && s->vnc && !d->socket[0] && !d->port)
		fprintf(stderr, "display: VNC on port %u\n", vnc_port(s->vnc));
	return ret ? err_ctx(e, ret, "--display") : 0;
}

void screens_close(struct screens *s)
{
	vnc_close(s->vnc);
	screenshot_server_close(s->shots);
	*s = (struct screens){ 0 };
}

void screens_show(struct screens *s, const struct display *d)
{
	if (s->vnc)
		vnc_show(s->vnc, d);
	if (s->shots)
		screenshot_server_show(s->shots, d);
}

/* --- the devices --- */

static void on_reset(void *ctx)
{
	vm_request_end(ctx, VM_END_REBOOT);
}

static int display_realize(struct vm *vm, struct emulated *d, struct err *e)
{
	const struct config_display *c = &d->config->display;
	struct display_state *s = calloc(1, sizeof(*s));
	int ret;

	d->state = s;
	if (!s)
		return err_set(e, ENOMEM, "%s: out of memory", d->name);
	s->vm = vm;
	s->display = (struct display){ &bochs_display, &s->bochs, &i8042_input,
				       &s->i8042 };
	ret = bochs_init(&s->bochs, &vm->mem, &vm->mmio, &kvm_mem_dirty,
			 &vm->kvm, c->memory ? c->memory : BOCHS_DEFAULT_MEMORY,
			 e);
	if (!ret)
		ret = pci_host_add(&vm->pci, &s->bochs.pci, -1, e);
	if (ret)
		return ret;
	/* Its reset line was answered without a controller until now. */
	bus_del(&vm->pio, &vm->power.i8042_range);
	ret = i8042_init(&s->i8042, &vm->pio, X86_I8042_PORT, &vm->irq,
			 on_reset, vm, e);
	vm->has_i8042 = !ret;
	return ret;
}

static int display_placed(struct vm *vm, struct emulated *d, struct err *e)
{
	const struct config_display *c = &d->config->display;
	struct display_state *s = d->state;
	struct surface surface;
	int ret = bochs_start(&s->bochs, c->width, c->height);

	if (ret)
		return err_set(e, -ret,
			       "--display: %ux%u does not fit into its memory",
			       c->width, c->height);
	vm->framebuffer.gpa = bochs_framebuffer(&s->bochs, &surface);
	vm->framebuffer.width = surface.width;
	vm->framebuffer.height = surface.height;
	vm->framebuffer.stride = surface.stride;
	screens_show(vm->screens, &s->display);
	return 0;
}

static void display_stop(struct emulated *d)
{
	struct display_state *s = d->state;

	screens_show(s->vm->screens, NULL);
}

static void display_unrealize(struct emulated *d)
{
	struct display_state *s = d->state;

	if (!s)
		return;
	i8042_fini(&s->i8042, &s->vm->pio);
	bochs_fini(&s->bochs);
	free(s);
}

static const struct model display_model = {
	.name = "bochs-display",
	.driver = "bochs",
	.what = "framebuffer, with keyboard and mouse (i8042)",
	.realize = display_realize,
	.placed = display_placed,
	.stop = display_stop,
	.unrealize = display_unrealize,
};

/* --- its option --- */

static struct config_display *display_of(void *target)
{
	return &((struct config_emulated *)target)->display;
}

/* [ADDRESS:]PORT */
static int set_vnc(void *target, const char *value, struct err *e)
{
	struct config_display *c = display_of(target);
	const char *colon = strrchr(value, ':');
	const char *digits = colon ? colon + 1 : value;
	size_t len = colon ? (size_t)(colon - value) : 0;
	uint64_t port;

	if (config_number(digits, &port) || port > UINT16_MAX ||
	    len >= sizeof(c->address)) {
		err_set(e, EINVAL, "--display vnc=%s: not [ADDRESS:]PORT",
			value);
		err_hint(e, "for example vnc=5900, on the loopback address");
		return -EINVAL;
	}
	memcpy(c->address, value, len);
	c->port = (uint16_t)port;
	c->has_vnc = true;
	return 0;
}

static int set_socket(void *target, const char *value, struct err *e)
{
	display_of(target)->has_vnc = true;
	return config_path("--display socket", value,
			   display_of(target)->socket, e);
}

static int set_password(void *target, const char *value, struct err *e)
{
	return config_path("--display password", value,
			   display_of(target)->password, e);
}

static int set_screenshot(void *target, const char *value, struct err *e)
{
	return config_path("--display screenshot", value,
			   display_of(target)->screenshot, e);
}

static int set_mode(void *target, const char *value, struct err *e)
{
	struct config_display *c = display_of(target);
	char end;

	if (sscanf(value, "%4ux%4u%c", &c->width, &c->height, &end) != 2 ||
	    !c->width || !c->height) {
		err_set(e, EINVAL, "--display mode=%s: not WIDTHxHEIGHT",
			value);
		err_hint(e, "for example mode=1280x800");
		return -EINVAL;
	}
	return 0;
}

static int set_memory(void *target, const char *value, struct err *e)
{
	uint64_t size;

	if (config_size(value, &size) || size & (size - 1) ||
	    size < BOCHS_MIN_MEMORY || size > BOCHS_MAX_MEMORY)
		return err_set(
			e, EINVAL,
			"--display memory=%s: not a power of two from 4M to 64M",
			value);
	display_of(target)->memory = size;
	return 0;
}

static const struct option_key keys[] = {
	{ "vnc", set_vnc, "[ADDRESS:]PORT", "port 0: any that is free" },
	{ "socket", set_socket, "FILE", "VNC on a unix socket" },
	{ "password", set_password, "FILE", "whose first line VNC asks for" },
	{ "screenshot", set_screenshot, "FILE",
	  "socket for strait screenshot" },
	{ "mode", set_mode, "WxH", "at the start (1024x768)" },
	{ "memory", set_memory, "SIZE", "4M to 64M (16M)" },
};
static const struct option_keys display_keys = { "--display", keys,
						 ARRAY_SIZE(keys), NULL };

static int parse(const char *value, struct config_emulated *out, struct err *e)
{
	struct config_display *c = &out->display;
	int ret;

	out->model = &display_model;
	out->option = "display";
	c->width = 1024;
	c->height = 768;
	ret = option_keys_parse(&display_keys, value, out, e);
	if (ret)
		return ret;
	if (c->socket[0] && (c->port || c->address[0]))
		return err_set(
			e, EINVAL,
			"--display %s: VNC listens at one place, vnc= or socket=",
			value);
	if (c->password[0] && !c->has_vnc)
		return err_set(
			e, EINVAL,
			"--display %s: password is for vnc= or socket=", value);
	return 0;
}

static const struct model *const models[] = { &display_model, NULL };
const struct model_option model_display_option = {
	.name = "display",
	.keys = &display_keys,
	.parse = parse,
	.models = models,
};
