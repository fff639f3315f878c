// SPDX-License-Identifier: GPL-2.0-or-later
/* --disk: disks, and the images behind them. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "src/block/block.h"
#include "src/vm/model.h"
#include "src/vm/vm.h"
#include "virtio/blk.h"

struct disk_state {
	struct block *block;
	struct virtio_blk blk;
};

/* --- the virtio disk --- */

/*
 * A guest could write another format's header into a raw image, and reboot:
 * what the image was taken for first, it stays.
 */
static enum block_format format_of(const struct vm *vm,
				   const struct emulated *d)
{
	size_t i = (size_t)(d->config - vm->config->emulated);

	return vm->disk_formats[i] != BLOCK_FORMAT_AUTO
		       ? vm->disk_formats[i]
		       : d->config->disk.format;
}

int model_open_image(struct vm *vm, const struct emulated *d,
		     struct block **out, struct err *e)
{
	const struct config_disk *c = &d->config->disk;
	const struct block_options options = {
		.path = c->path,
		.readonly = c->readonly,
		.direct = c->direct,
		.format = format_of(vm, d),
	};
	int ret = block_open(&options, out, e);

	if (ret)
		return err_ctx(e, ret, "%s", d->name);
	vm->disk_formats[d->config - vm->config->emulated] =
		block_info(*out)->format;
	if (c->nr_queues > block_info(*out)->max_queues)
		return err_set(
			e, EINVAL,
			"%s: %s: this kind of disk has at most %u queues",
			d->name, c->path, block_info(*out)->max_queues);
	return 0;
}

static int disk_realize(struct vm *vm, struct emulated *d, struct err *e)
{
	const struct config_disk *c = &d->config->disk;
	const struct virtio_blk_setup setup = {
		.name = d->name,
		.serial = c->serial,
		.nr_queues = c->nr_queues,
		.on_enospc = c->pause_on_enospc ? BLK_ENOSPC_PAUSE
						: BLK_ENOSPC_REPORT,
	};
	struct virtio_env env = vm_virtio_env(vm);
	struct disk_state *s = calloc(1, sizeof(*s));
	int ret;

	d->state = s;
	if (!s)
		return err_set(e, ENOMEM, "%s: out of memory", d->name);
	ret = model_open_image(vm, d, &s->block, e);
	if (!ret)
		ret = virtio_blk_init(&s->blk, &setup, s->block, &env, e);
	return ret ? ret : virtio_dev_add(&s->blk.dev, -1, e);
}

static void disk_stop(struct emulated *d)
{
	virtio_dev_stop(&((struct disk_state *)d->state)->blk.dev);
}

static void disk_unrealize(struct emulated *d)
{
	struct disk_state *s = d->state;

	if (!s)
		return;
	virtio_blk_fini(&s->blk);
	block_close(s->block);
	free(s);
}

static void disk_print_stats(const struct emulated *d, FILE *f)
{
	const struct disk_state *s = d->state;
	struct virtio_blk_stats n = virtio_blk_stats(&s->blk);

	fprintf(f,
		"stats: %s: reads=%" PRIu64 " writes=%" PRIu64
		" others=%" PRIu64 " errors=%" PRIu64 "\n",
		d->name, n.reads, n.writes, n.others, n.errors);
}

static const struct model virtio_blk_model = {
	.name = "virtio-blk",
	.driver = "virtio_blk",
	.what = "disk on a file, block device, qcow2 image or NBD server",
	.realize = disk_realize,
	.stop = disk_stop,
	.unrealize = disk_unrealize,
	.print_stats = disk_print_stats,
};

/* --- its option --- */

static struct config_disk *disk_of(void *target)
{
	return &((struct config_emulated *)target)->disk;
}

static int set_path(void *target, const char *value, struct err *e)
{
	return config_path("--disk path", value, disk_of(target)->path, e);
}

static int set_bus(void *target, const char *value, struct err *e)
{
	static const char *const words[] = { "virtio", "ide" };
	static const struct model *const kinds[] = { &virtio_blk_model,
						     &model_ide };
	int i = option_word("--disk bus", value, words, ARRAY_SIZE(words), e);

	if (i < 0)
		return i;
	((struct config_emulated *)target)->model = kinds[i];
	return 0;
}

static int set_readonly(void *target, const char *value, struct err *e)
{
	return option_on_off("--disk readonly", value,
			     &disk_of(target)->readonly, e);
}

static int set_direct(void *target, const char *value, struct err *e)
{
	return option_on_off("--disk direct", value, &disk_of(target)->direct,
			     e);
}

static int set_queues(void *target, const char *value, struct err *e)
{
	uint64_t n;

	if (config_number(value, &n) || n < 1 || n > CONFIG_MAX_IOTHREADS)
		return err_set(e, EINVAL,
			       "--disk queues=%s: not a number from 1 to %d",
			       value, CONFIG_MAX_IOTHREADS);
	disk_of(target)->nr_queues = (unsigned int)n;
	return 0;
}

static int set_serial(void *target, const char *value, struct err *e)
{
	if (strlen(value) > BLK_SERIAL_LEN)
		return err_set(e, EINVAL,
			       "--disk serial=%s: more than %d characters",
			       value, BLK_SERIAL_LEN);
	memcpy(disk_of(target)->serial, value, strlen(value) + 1);
	return 0;
}

static int set_format(void *target, const char *value, struct err *e)
{
	static const char *const words[] = {
		[BLOCK_FORMAT_AUTO] = "auto",
		[BLOCK_FORMAT_RAW] = "raw",
		[BLOCK_FORMAT_QCOW2] = "qcow2",
	};
	int i = option_word("--disk format", value, words, ARRAY_SIZE(words),
			    e);

	if (i < 0)
		return i;
	disk_of(target)->format = (enum block_format)i;
	return 0;
}

static int set_on_enospc(void *target, const char *value, struct err *e)
{
	static const char *const words[] = { "report", "pause" };
	int i = option_word("--disk on-enospc", value, words, ARRAY_SIZE(words),
			    e);

	if (i < 0)
		return i;
	disk_of(target)->pause_on_enospc = i == 1;
	return 0;
}

static const struct option_key keys[] = {
	{ "path", set_path, "FILE", "image, block device, nbd:// URI" },
	{ "bus", set_bus, "virtio|ide", "how the guest sees it" },
	{ "readonly", set_readonly, "on|off", "the guest cannot write" },
	{ "direct", set_direct, "on|off", "past the host's page cache" },
	{ "queues", set_queues, "N", "1 to 16 (default 1)" },
	{ "serial", set_serial, "TEXT", "up to 20 characters" },
	{ "format", set_format, "auto|raw|qcow2", "of the image" },
	{ "on-enospc", set_on_enospc, "report|pause",
	  "what a full host disk does" },
};
static const struct option_keys disk_keys = { "--disk", keys, ARRAY_SIZE(keys),
					      NULL };

static int parse(const char *value, struct config_emulated *out, struct err *e)
{
	struct config_disk *c = &out->disk;
	int ret;

	out->model = &virtio_blk_model;
	out->option = "disk";
	c->nr_queues = 1;
	ret = option_keys_parse(&disk_keys, value, out, e);
	if (ret)
		return ret;
	if (out->model == &model_ide && c->nr_queues > 1)
		return err_set(e, EINVAL,
			       "--disk %s: an IDE disk has one queue", value);
	if (c->path[0])
		return 0;
	err_set(e, EINVAL, "--disk %s: path is missing", value);
	err_hint(e, "for example --disk path=disk.img");
	return -EINVAL;
}

static int collides(const struct config_emulated *a,
		    const struct config_emulated *b, struct err *e)
{
	if (strcmp(a->disk.path, b->disk.path) ||
	    (a->disk.readonly && b->disk.readonly))
		return 0;
	return err_set(e, EINVAL, "--disk: %s is given twice", a->disk.path);
}

static const struct model *const models[] = { &virtio_blk_model, &model_ide,
					      NULL };
const struct model_option model_disk_option = {
	.name = "disk",
	.keys = &disk_keys,
	.parse = parse,
	.collides = collides,
	.models = models,
};
