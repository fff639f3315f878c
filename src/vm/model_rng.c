// SPDX-License-Identifier: GPL-2.0-or-later
/* --rng: the virtio entropy device. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "src/vm/model.h"
#include "src/vm/vm.h"
#include "virtio/rng.h"

static int rng_realize(struct vm *vm, struct emulated *d, struct err *e)
{
	struct virtio_env env = vm_virtio_env(vm);
	struct virtio_rng *r = calloc(1, sizeof(*r));
	const char *src = d->config->rng.src;
	int ret;

	d->state = r;
	if (!r)
		return err_set(e, ENOMEM, "%s: out of memory", d->name);
	ret = virtio_rng_init(r, d->name, src[0] ? src : "/dev/urandom", &env,
			      e);
	return ret ? ret : virtio_dev_add(&r->dev, -1, e);
}

static void rng_stop(struct emulated *d)
{
	virtio_dev_stop(&((struct virtio_rng *)d->state)->dev);
}

static void rng_unrealize(struct emulated *d)
{
	if (d->state)
		virtio_rng_fini(d->state);
	free(d->state);
}

static void rng_print_stats(const struct emulated *d, FILE *f)
{
	const struct virtio_rng *r = d->state;

	fprintf(f, "stats: %s: bytes=%" PRIu64 "\n", d->name,
		__atomic_load_n(&r->bytes, __ATOMIC_RELAXED));
}

static const struct model virtio_rng_model = {
	.name = "virtio-rng",
	.driver = "virtio-rng",
	.what = "random bytes from the host",
	.realize = rng_realize,
	.stop = rng_stop,
	.unrealize = rng_unrealize,
	.print_stats = rng_print_stats,
};

static int set_src(void *target, const char *value, struct err *e)
{
	return config_path("--rng src", value,
			   ((struct config_emulated *)target)->rng.src, e);
}

static const struct option_key keys[] = {
	{ "src", set_src, "FILE", "where they come from (/dev/urandom)" },
};
static const struct option_keys rng_keys = { "--rng", keys, ARRAY_SIZE(keys),
					     NULL };

static int parse(const char *value, struct config_emulated *out, struct err *e)
{
	out->model = &virtio_rng_model;
	out->option = "rng";
	return option_keys_parse(&rng_keys, value, out, e);
}

static const struct model *const models[] = { &virtio_rng_model, NULL };
const struct model_option model_rng_option = {
	.name = "rng",
	.keys = &rng_keys,
	.parse = parse,
	.models = models,
};
