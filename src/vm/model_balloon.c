// SPDX-License-Identifier: GPL-2.0-or-later
/* --balloon: the virtio memory balloon. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "src/vm/model.h"
#include "src/vm/vm.h"
#include "virtio/balloon.h"

static int balloon_realize(struct vm *vm, struct emulated *d, struct err *e)
{
	const struct config_balloon *c = &d->config->balloon;
	const struct virtio_balloon_setup setup = {
		.name = d->name,
		.bytes = c->bytes,
		.deflate_on_oom = c->deflate_on_oom,
		.reporting = c->reporting,
	};
	struct virtio_env env = vm_virtio_env(vm);
	struct virtio_balloon *b = calloc(1, sizeof(*b));
	int ret;

	d->state = b;
	if (!b)
		return err_set(e, ENOMEM, "%s: out of memory", d->name);
	ret = virtio_balloon_init(b, &setup, &env, e);
	return ret ? ret : virtio_dev_add(&b->dev, -1, e);
}

static void balloon_stop(struct emulated *d)
{
	virtio_dev_stop(&((struct virtio_balloon *)d->state)->dev);
}

static void balloon_unrealize(struct emulated *d)
{
	if (d->state)
		virtio_balloon_fini(d->state);
	free(d->state);
}

static void balloon_print_stats(const struct emulated *d, FILE *f)
{
	const struct virtio_balloon *b = d->state;

	fprintf(f,
		"stats: %s: given back bytes=%" PRIu64 " reported=%" PRIu64
		"\n",
		d->name, b->given_bytes, b->reported_bytes);
}

static const struct model virtio_balloon_model = {
	.name = "virtio-balloon",
	.driver = "virtio_balloon",
	.what = "takes memory that the guest does not need back to the host",
	.realize = balloon_realize,
	.stop = balloon_stop,
	.unrealize = balloon_unrealize,
	.print_stats = balloon_print_stats,
};

static struct config_balloon *balloon_of(void *target)
{
	return &((struct config_emulated *)target)->balloon;
}

static int set_size(void *target, const char *value, struct err *e)
{
	uint64_t size;

	/* 0 is a balloon for reporting alone. */
	if (config_number(value, &size) || size) {
		if (config_size(value, &size))
			return err_set(e, EINVAL,
				       "--balloon size=%s: not a size", value);
	}
	balloon_of(target)->bytes = size;
	return 0;
}

static int set_deflate(void *target, const char *value, struct err *e)
{
	return option_on_off("--balloon deflate_on_oom", value,
			     &balloon_of(target)->deflate_on_oom, e);
}

static int set_reporting(void *target, const char *value, struct err *e)
{
	return option_on_off("--balloon free_page_reporting", value,
			     &balloon_of(target)->reporting, e);
}

static const struct option_key keys[] = {
	{ "size", set_size, "SIZE", "that the guest gives up (default 0)" },
	{ "deflate_on_oom", set_deflate, "on|off", "it may take it back" },
	{ "free_page_reporting", set_reporting, "on|off",
	  "free pages go to the host" },
};
static const struct option_keys balloon_keys = { "--balloon", keys,
						 ARRAY_SIZE(keys), NULL };

static int parse(const char *value, struct config_emulated *out, struct err *e)
{
	out->model = &virtio_balloon_model;
	out->option = "balloon";
	return option_keys_parse(&balloon_keys, value, out, e);
}

static const struct model *const models[] = { &virtio_balloon_model, NULL };
const struct model_option model_balloon_option = {
	.name = "balloon",
	.keys = &balloon_keys,
	.parse = parse,
	.models = models,
};
