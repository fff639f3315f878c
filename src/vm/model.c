// SPDX-License-Identifier: GPL-2.0-or-later
/* The emulated devices of a machine, from the list of kinds that there are. */
/*
 * How this works
 *
 * Each option of model_options[] fills in a struct config_emulated; a machine
 * realizes them in the order of the command line, so that the same command line
 * gives the same PCI addresses. Queues are served by I/O threads, which are
 * made before the devices and started after them; they stop before devices are
 * freed, so no callback meets a device that is gone.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/log.h"
#include "src/vm/model.h"
#include "src/vm/vm.h"

const struct model_option *const model_options[] = {
	&model_balloon_option, &model_console_option,
	&model_disk_option,    &model_display_option,
	&model_net_option,     &model_rng_option,
	&model_vsock_option,   NULL,
};

int model_configure(const struct model_option *o, struct config *c,
		    const char *value, struct err *e)
{
	struct config_emulated *d = &c->emulated[c->nr_emulated];
	int ret;

	if (c->nr_emulated == CONFIG_MAX_EMULATED)
		return err_set(
			e, EINVAL,
			"--%s %s: a guest takes at most %d emulated devices",
			o->name, value, CONFIG_MAX_EMULATED);
	memset(d, 0, sizeof(*d));
	ret = o->parse(value, d, e);
	for (unsigned int i = 0; !ret && o->collides && i < c->nr_emulated; i++)
		if (!strcmp(c->emulated[i].option, o->name))
			ret = o->collides(&c->emulated[i], d, e);
	c->nr_emulated += !ret && d->model;
	return ret;
}

void model_list(FILE *f)
{
	for (unsigned int i = 0; model_options[i]; i++) {
		const struct model_option *o = model_options[i];

		for (unsigned int m = 0; o->models[m]; m++)
			fprintf(f, "%-18s %s (Linux: %s)\n", o->models[m]->name,
				o->models[m]->what, o->models[m]->driver);
		fprintf(f, "    --%s\n", o->name);
		option_keys_help(o->keys, f);
	}
}

/* --- their life --- */

static int make_threads(struct vm *vm, struct err *e)
{
	unsigned int nr = vm->config->nr_iothreads;
	int ret = 0;

	vm->iothreads = calloc(nr, sizeof(*vm->iothreads));
	if (!vm->iothreads)
		return err_set(e, ENOMEM, "I/O threads: out of memory");
	for (; !ret && vm->nr_iothreads < nr; vm->nr_iothreads += !ret) {
		unsigned int i = vm->nr_iothreads;

		ret = iothread_init(&vm->iothreads[i], i, e);
		vm->loops[i] = &vm->iothreads[i].loop;
	}
	return ret;
}

static int realize_one(struct vm *vm, const struct config_emulated *c,
		       struct err *e)
{
	struct emulated *d = &vm->emulated[vm->nr_emulated++];
	unsigned int nr_alike = 0;

	for (const struct emulated *i = vm->emulated; i < d; i++)
		nr_alike += !strcmp(i->config->option, c->option);
	*d = (struct emulated){ .config = c };
	snprintf(d->name, sizeof(d->name), "%s%u", c->option, nr_alike);
	return c->model->realize(vm, d, e);
}

int models_add(struct vm *vm, struct err *e)
{
	const struct config *c = vm->config;
	int ret;

	if (!c->nr_emulated)
		return 0;
	ret = make_threads(vm, e);
	for (unsigned int i = 0; !ret && i < c->nr_emulated; i++)
		ret = realize_one(vm, &c->emulated[i], e);
	for (unsigned int i = 0; !ret && i < vm->nr_iothreads; i++)
		ret = iothread_start(&vm->iothreads[i], e);
	return ret;
}

int models_placed(struct vm *vm, struct err *e)
{
	int ret = 0;

	for (unsigned int i = 0; !ret && i < vm->nr_emulated; i++) {
		struct emulated *d = &vm->emulated[i];

		if (d->config->model->placed)
			ret = d->config->model->placed(vm, d, e);
	}
	return ret;
}

void models_stop(struct vm *vm)
{
	for (unsigned int i = vm->nr_emulated; i-- > 0;)
		if (vm->emulated[i].state)
			vm->emulated[i].config->model->stop(&vm->emulated[i]);
	for (unsigned int i = 0; i < vm->nr_iothreads; i++)
		iothread_stop(&vm->iothreads[i]);
}

void models_free(struct vm *vm)
{
	while (vm->nr_emulated) {
		struct emulated *d = &vm->emulated[--vm->nr_emulated];

		d->config->model->unrealize(d);
	}
	while (vm->nr_iothreads)
		iothread_fini(&vm->iothreads[--vm->nr_iothreads]);
	free(vm->iothreads);
	vm->iothreads = NULL;
}

void models_print_stats(const struct vm *vm, FILE *f)
{
	for (unsigned int i = 0; i < vm->nr_emulated; i++) {
		const struct emulated *d = &vm->emulated[i];

		if (d->state && d->config->model->print_stats)
			d->config->model->print_stats(d, f);
	}
}
