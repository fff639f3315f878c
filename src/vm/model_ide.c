// SPDX-License-Identifier: GPL-2.0-or-later
/* --disk bus=ide: up to four disks on one IDE controller. */
/*
 * How this works
 *
 * The first such disk makes the controller and owns it; the others share it.
 * Devices are taken apart in reverse, so it goes when its disks have gone.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "src/dev/ide.h"
#include "src/vm/model.h"
#include "src/vm/vm.h"

struct ide_state_of_disk {
	struct block *block;
	struct ide *ide;
	bool is_owner;
	bool is_attached;
	unsigned int n; /* of the controller's disks */
};

/* Those before d. */
static unsigned int find_controller(const struct vm *vm,
				    const struct emulated *d, struct ide **ide)
{
	unsigned int nr = 0;

	for (const struct emulated *i = vm->emulated; i < d; i++) {
		const struct ide_state_of_disk *s = i->state;

		if (i->config->model != &model_ide)
			continue;
		*ide = s->ide;
		nr++;
	}
	return nr;
}

static int make_controller(struct vm *vm, struct ide_state_of_disk *s,
			   struct err *e)
{
	struct dev_env env = vm_dev_env(vm);
	int ret;

	s->ide = calloc(1, sizeof(*s->ide));
	if (!s->ide)
		return err_set(e, ENOMEM, "ide: out of memory");
	s->is_owner = true;
	ret = ide_init(s->ide, "ide", &env, e);
	return ret ? ret : ide_add(s->ide, -1, e);
}

static int find_place(struct vm *vm, const struct emulated *d,
		      struct ide_state_of_disk *s, struct err *e)
{
	s->n = find_controller(vm, d, &s->ide);
	if (s->n == IDE_MAX_DISKS) {
		err_set(e, EINVAL,
			"--disk path=%s: a guest has at most %d IDE disks",
			d->config->disk.path, IDE_MAX_DISKS);
		err_hint(e, "leave bus=ide out, or take fewer");
		return -EINVAL;
	}
	return s->n ? 0 : make_controller(vm, s, e);
}

static int ide_realize(struct vm *vm, struct emulated *d, struct err *e)
{
	const struct config_disk *c = &d->config->disk;
	struct ide_disk_setup setup = {
		.name = d->name,
		.pause_on_enospc = c->pause_on_enospc,
	};
	struct ide_state_of_disk *s = calloc(1, sizeof(*s));
	int ret;

	d->state = s;
	if (!s)
		return err_set(e, ENOMEM, "%s: out of memory", d->name);
	/* udev names disks by it: two without one would be taken for one. */
	snprintf(setup.serial, sizeof(setup.serial), "%.20s",
		 c->serial[0] ? c->serial : d->name);
	ret = find_place(vm, d, s, e);
	if (!ret)
		ret = model_open_image(vm, d, &s->block, e);
	if (!ret)
		ret = ide_attach(s->ide, s->n, s->block, &setup, e);
	s->is_attached = !ret;
	return ret;
}

static void ide_model_stop(struct emulated *d)
{
	const struct ide_state_of_disk *s = d->state;

	if (s->is_attached)
		ide_stop(s->ide);
}

static void ide_unrealize(struct emulated *d)
{
	struct ide_state_of_disk *s = d->state;

	if (!s)
		return;
	if (s->is_attached)
		ide_detach(s->ide, s->n);
	if (s->is_owner) {
		ide_fini(s->ide);
		free(s->ide);
	}
	block_close(s->block);
	free(s);
}

static void ide_print_stats(const struct emulated *d, FILE *f)
{
	const struct ide_state_of_disk *s = d->state;
	struct ide_stats n;

	if (!s->is_attached)
		return;
	n = ide_stats(s->ide, s->n);
	fprintf(f,
		"stats: %s: reads=%" PRIu64 " writes=%" PRIu64
		" others=%" PRIu64 " errors=%" PRIu64 "\n",
		d->name, n.reads, n.writes, n.others, n.errors);
}

const struct model model_ide = {
	.name = "ide",
	.driver = "ata_piix",
	.what = "disk on a PIIX3 IDE controller, behind --disk bus=ide",
	.realize = ide_realize,
	.stop = ide_model_stop,
	.unrealize = ide_unrealize,
	.print_stats = ide_print_stats,
};
