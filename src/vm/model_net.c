// SPDX-License-Identifier: GPL-2.0-or-later
/* --net: network cards, and the back ends behind them. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "src/dev/e1000.h"
#include "src/vm/model.h"
#include "src/vm/vm.h"
#include "virtio/net.h"

struct net_state {
	struct net_back back;
	struct virtio_net net;
};

/* --- the virtio card --- */

static int net_realize(struct vm *vm, struct emulated *d, struct err *e)
{
	const struct config_net *c = &d->config->net;
	struct virtio_env env = vm_virtio_env(vm);
	struct net_state *s = calloc(1, sizeof(*s));
	struct virtio_net_setup setup = { .name = d->name, .vhost = c->vhost };
	int ret;

	d->state = s;
	if (!s)
		return err_set(e, ENOMEM, "%s: out of memory", d->name);
	memcpy(setup.mac, c->mac, sizeof(setup.mac));
	ret = net_open(&s->back, &c->back, e);
	if (ret)
		return err_ctx(e, ret, "%s", d->name);
	ret = virtio_net_init(&s->net, &setup, &s->back, &env, e);
	return ret ? ret : virtio_dev_add(&s->net.dev, -1, e);
}

static void net_stop(struct emulated *d)
{
	virtio_dev_stop(&((struct net_state *)d->state)->net.dev);
}

static void net_unrealize(struct emulated *d)
{
	struct net_state *s = d->state;

	if (!s)
		return;
	virtio_net_fini(&s->net);
	net_close(&s->back);
	free(s);
}

static void net_print_stats(const struct emulated *d, FILE *f)
{
	const struct virtio_net *n = &((struct net_state *)d->state)->net;

	if (n->vhost) {
		fprintf(f, "stats: %s: served by vhost-net\n", d->name);
		return;
	}
	for (unsigned int i = 0; i < n->nr_pairs; i++)
		fprintf(f,
			"stats: %s: queue %u: received frames=%" PRIu64
			" bytes=%" PRIu64 " dropped=%" PRIu64
			" sent frames=%" PRIu64 " bytes=%" PRIu64
			" dropped=%" PRIu64 "\n",
			d->name, i, n->rx[i].frames, n->rx[i].bytes,
			n->rx[i].dropped, n->tx[i].frames, n->tx[i].bytes,
			n->tx[i].dropped);
}

static const struct model virtio_net_model = {
	.name = "virtio-net",
	.driver = "virtio_net",
	.what = "network card, served by strait or by the kernel's vhost-net",
	.realize = net_realize,
	.stop = net_stop,
	.unrealize = net_unrealize,
	.print_stats = net_print_stats,
};

/* --- the e1000 --- */

struct e1000_state {
	struct net_back back;
	struct e1000 nic;
};

static int nic_realize(struct vm *vm, struct emulated *d, struct err *e)
{
	const struct config_net *c = &d->config->net;
	struct dev_env env = vm_dev_env(vm);
	struct e1000_state *s = calloc(1, sizeof(*s));
	struct e1000_setup setup = { .name = d->name };
	int ret;

	d->state = s;
	if (!s)
		return err_set(e, ENOMEM, "%s: out of memory", d->name);
	memcpy(setup.mac, c->mac, sizeof(setup.mac));
	ret = net_open(&s->back, &c->back, e);
	if (!ret)
		ret = e1000_init(&s->nic, &setup, &s->back, &env, e);
	if (ret)
		return err_ctx(e, ret, "%s", d->name);
	return e1000_add(&s->nic, -1, e);
}

static void nic_stop(struct emulated *d)
{
	e1000_stop(&((struct e1000_state *)d->state)->nic);
}

static void nic_unrealize(struct emulated *d)
{
	struct e1000_state *s = d->state;

	if (!s)
		return;
	e1000_fini(&s->nic);
	net_close(&s->back);
	free(s);
}

static void nic_print_stats(const struct emulated *d, FILE *f)
{
	const struct e1000 *n = &((struct e1000_state *)d->state)->nic;

	fprintf(f,
		"stats: %s: received frames=%" PRIu64 " dropped=%" PRIu64
		" sent frames=%" PRIu64 " dropped=%" PRIu64 "\n",
		d->name, n->rx.frames, n->rx.dropped, n->tx.frames,
		n->tx.dropped);
}

static const struct model e1000_model = {
	.name = "e1000",
	.driver = "e1000",
	.what = "network card with the registers of Intel's 82540EM",
	.realize = nic_realize,
	.stop = nic_stop,
	.unrealize = nic_unrealize,
	.print_stats = nic_print_stats,
};

/* --- the option of both --- */

static struct config_net *net_of(void *target)
{
	return &((struct config_emulated *)target)->net;
}

static int set_tap(void *target, const char *value, struct err *e)
{
	struct config_net *c = net_of(target);

	if (strlen(value) >= sizeof(c->back.tap) || strchr(value, '/'))
		return err_set(e, EINVAL,
			       "--net tap=%s: not the name of an interface",
			       value);
	memcpy(c->back.tap, value, strlen(value) + 1);
	return 0;
}

static int set_fd(void *target, const char *value, struct err *e)
{
	uint64_t n;

	if (config_number(value, &n) || n > 1 << 20)
		return err_set(e, EINVAL,
			       "--net fd=%s: not the number of an open file",
			       value);
	net_of(target)->back.fd = (int)n;
	return 0;
}

static int set_mac(void *target, const char *value, struct err *e)
{
	uint8_t *mac = net_of(target)->mac;
	char end;

	if (strlen(value) != 17 ||
	    sscanf(value, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%c", &mac[0],
		   &mac[1], &mac[2], &mac[3], &mac[4], &mac[5], &end) != 6) {
		err_set(e, EINVAL, "--net mac=%s: not a MAC address", value);
		err_hint(e, "six pairs of digits, as in mac=52:54:00:12:34:56");
		return -EINVAL;
	}
	if (mac[0] & 1 ||
	    !(mac[0] | mac[1] | mac[2] | mac[3] | mac[4] | mac[5]))
		return err_set(
			e, EINVAL,
			"--net mac=%s: a card's address is neither multicast nor all zero",
			value);
	net_of(target)->has_mac = true;
	return 0;
}

static int set_queues(void *target, const char *value, struct err *e)
{
	uint64_t n;

	if (config_number(value, &n) || n < 1 || n > NET_MAX_QUEUES)
		return err_set(e, EINVAL,
			       "--net queues=%s: not a number from 1 to %d",
			       value, NET_MAX_QUEUES);
	net_of(target)->back.nr_queues = (unsigned int)n;
	return 0;
}

static int set_vhost(void *target, const char *value, struct err *e)
{
	return option_on_off("--net vhost", value, &net_of(target)->vhost, e);
}

static int set_model(void *target, const char *value, struct err *e)
{
	static const char *const words[] = { "virtio", "e1000" };
	struct config_emulated *d = target;
	int i = option_word("--net model", value, words, ARRAY_SIZE(words), e);

	if (i < 0)
		return i;
	d->model = i ? &e1000_model : &virtio_net_model;
	return 0;
}

static int set_bare(void *target, const char *word, struct err *e)
{
	if (strcmp(word, "passt")) {
		err_set(e, EINVAL, "--net: \"%s\" is not of the form key=value",
			word);
		err_hint(e, "write --net tap=%s, or --net passt", word);
		return -EINVAL;
	}
	net_of(target)->back.passt = true;
	return 0;
}

static const struct option_key keys[] = {
	{ "tap", set_tap, "NAME", "a tap interface; made if it is not there" },
	{ "fd", set_fd, "N", "a tap that is open already" },
	{ "mac", set_mac, "ADDRESS", "of the card (default: a random one)" },
	{ "queues", set_queues, "N", "pairs of queues, 1 to 16 (default 1)" },
	{ "vhost", set_vhost, "on|off", "served by the kernel (default off)" },
	{ "model", set_model, "virtio|e1000", "which card (default virtio)" },
};
static const struct option_keys net_keys = { "--net", keys, ARRAY_SIZE(keys),
					     set_bare };

/* Locally administered, and of one card. */
static int random_mac(uint8_t mac[6], struct err *e)
{
	if (getrandom(mac, 6, 0) != 6)
		return err_sys(e, "--net", "getrandom");
	mac[0] = (uint8_t)((mac[0] & ~1) | 2);
	return 0;
}

static int check(const struct config_net *c, const char *value, struct err *e)
{
	unsigned int nr =
		(c->back.tap[0] != 0) + (c->back.fd >= 0) + c->back.passt;

	if (nr != 1) {
		err_set(e, EINVAL, "--net %s: %s", value,
			nr ? "more than one of tap, fd and passt"
			   : "what is it connected to?");
		err_hint(e, "give one of tap=NAME, fd=N and passt");
		return -EINVAL;
	}
	if (c->vhost && c->back.passt)
		return err_set(
			e, EINVAL,
			"--net %s: vhost=on needs a tap, which passt does without",
			value);
	if (c->back.nr_queues > 1 && !c->back.tap[0])
		return err_set(e, EINVAL,
			       "--net %s: queues=%u needs a tap by its name",
			       value, c->back.nr_queues);
	return 0;
}

static int check_e1000(const struct config_net *c, const char *value,
		       struct err *e)
{
	const char *what = c->vhost		   ? "vhost=on"
			   : c->back.nr_queues > 1 ? "queues="
						   : NULL;

	return what ? err_set(e, EINVAL,
			      "--net %s: %s is for model=virtio alone", value,
			      what)
		    : 0;
}

static int parse(const char *value, struct config_emulated *out, struct err *e)
{
	struct config_net *c = &out->net;
	int ret;

	out->model = &virtio_net_model;
	out->option = "net";
	c->back = (struct net_options){ .fd = -1, .nr_queues = 1 };
	ret = option_keys_parse(&net_keys, value, out, e);
	if (!ret)
		ret = check(c, value, e);
	if (!ret && out->model == &e1000_model)
		ret = check_e1000(c, value, e);
	if (!ret && !c->has_mac)
		ret = random_mac(c->mac, e);
	return ret;
}

/* No two cards of a guest may have one address, or share a back end. */
static int collides(const struct config_emulated *a,
		    const struct config_emulated *b, struct err *e)
{
	const struct config_net *x = &a->net, *y = &b->net;

	if (!memcmp(x->mac, y->mac, sizeof(x->mac)))
		return err_set(
			e, EINVAL,
			"--net: two cards have the address %02x:%02x:%02x:%02x:%02x:%02x",
			x->mac[0], x->mac[1], x->mac[2], x->mac[3], x->mac[4],
			x->mac[5]);
	if (x->back.tap[0] && !strcmp(x->back.tap, y->back.tap))
		return err_set(e, EINVAL, "--net: tap %s is given twice",
			       x->back.tap);
	if (x->back.fd >= 0 && x->back.fd == y->back.fd)
		return err_set(e, EINVAL, "--net: fd %d is given twice",
			       x->back.fd);
	return 0;
}

static const struct model *const models[] = { &virtio_net_model, &e1000_model,
					      NULL };
const struct model_option model_net_option = {
	.name = "net",
	.keys = &net_keys,
	.parse = parse,
	.collides = collides,
	.models = models,
};
