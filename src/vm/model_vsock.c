// SPDX-License-Identifier: GPL-2.0-or-later
/* --vsock: sockets between host and guest. */
#include <errno.h>
#include <stdlib.h>

#include "src/vm/model.h"
#include "src/vm/vm.h"
#include "virtio/vsock.h"

enum { CID_MIN = 3 }; /* 0 to 2 are reserved: vsock(7) */

static int vsock_realize(struct vm *vm, struct emulated *d, struct err *e)
{
	struct virtio_env env = vm_virtio_env(vm);
	struct virtio_vsock *s = calloc(1, sizeof(*s));
	int ret;

	d->state = s;
	if (!s)
		return err_set(e, ENOMEM, "%s: out of memory", d->name);
	ret = virtio_vsock_init(s, d->name, d->config->vsock.cid, &env, e);
	return ret ? ret : virtio_dev_add(&s->dev, -1, e);
}

static void vsock_stop(struct emulated *d)
{
	virtio_dev_stop(&((struct virtio_vsock *)d->state)->dev);
}

static void vsock_unrealize(struct emulated *d)
{
	if (d->state)
		virtio_vsock_fini(d->state);
	free(d->state);
}

static const struct model virtio_vsock_model = {
	.name = "virtio-vsock",
	.driver = "vmw_vsock_virtio_transport",
	.what = "sockets (AF_VSOCK) between host and guest, by vhost-vsock",
	.realize = vsock_realize,
	.stop = vsock_stop,
	.unrealize = vsock_unrealize,
};

static int set_cid(void *target, const char *value, struct err *e)
{
	uint64_t n;

	if (config_number(value, &n) || n < CID_MIN || n >= UINT32_MAX)
		return err_set(e, EINVAL,
			       "--vsock cid=%s: not a number from %d to %u",
			       value, CID_MIN, UINT32_MAX - 1);
	((struct config_emulated *)target)->vsock.cid = (uint32_t)n;
	return 0;
}

static const struct option_key keys[] = {
	{ "cid", set_cid, "N", "the guest's address, from 3 on" },
};
static const struct option_keys vsock_keys = { "--vsock", keys,
					       ARRAY_SIZE(keys), NULL };

static int parse(const char *value, struct config_emulated *out, struct err *e)
{
	out->model = &virtio_vsock_model;
	out->option = "vsock";
	return option_keys_parse(&vsock_keys, value, out, e);
}

static const struct model *const models[] = { &virtio_vsock_model, NULL };
const struct model_option model_vsock_option = {
	.name = "vsock",
	.keys = &vsock_keys,
	.parse = parse,
	.models = models,
};
