// SPDX-License-Identifier: GPL-2.0-or-later
/* --net: which card it makes, and what goes with which. */
#include <errno.h>
#include <string.h>

#include "src/vm/model.h"
#include "tests/tap.h"

static struct config c;

static const struct model *model_of(const char *value)
{
	struct err e = { 0 };

	memset(&c, 0, sizeof(c));
	CHECK_EQ(model_configure(&model_net_option, &c, value, &e), 0);
	return c.emulated[0].model;
}

static void refused(const char *value, const char *why)
{
	struct err e = { 0 };

	memset(&c, 0, sizeof(c));
	CHECK_EQ(model_configure(&model_net_option, &c, value, &e), -EINVAL);
	CHECK_HAS(e.msg, why);
	CHECK_EQ(c.nr_emulated, 0);
}

static void card_is_virtio_unless_asked(void)
{
	CHECK(!strcmp(model_of("tap=t0")->driver, "virtio_net"));
	CHECK(!strcmp(model_of("tap=t0,model=virtio")->driver, "virtio_net"));
	CHECK(!strcmp(model_of("tap=t0,model=e1000")->driver, "e1000"));
	CHECK(!strcmp(model_of("model=e1000,passt")->driver, "e1000"));
}

static void e1000_has_one_queue_and_no_vhost(void)
{
	refused("tap=t0,model=e1000,vhost=on", "vhost=on");
	refused("queues=2,tap=t0,model=e1000", "queues=");
	model_of("tap=t0,model=e1000,queues=1,vhost=off");
	refused("tap=t0,model=e100", "model");
}

int main(void)
{
	TAP_RUN(card_is_virtio_unless_asked);
	TAP_RUN(e1000_has_one_queue_and_no_vhost);
	return tap_done();
}
