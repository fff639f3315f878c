// SPDX-License-Identifier: GPL-2.0-or-later
/* --disk bus=ide on the command line. */
#include <errno.h>

#include "src/vm/config.h"
#include "src/vm/model.h"
#include "tests/tap.h"

static struct config conf;
static struct err err;

static int parse(const char *value)
{
	char kernel[] = "--kernel", vmlinux[] = "vmlinux", disk[] = "--disk";
	char text[128];
	char *argv[] = { kernel, vmlinux, disk, text, NULL };
	enum config_action action;

	snprintf(text, sizeof(text), "%s", value);
	memset(&err, 0, sizeof(err));
	return config_parse(4, argv, &conf, &action, &err);
}

static void bus_chooses_the_device(void)
{
	CHECK_EQ(parse("path=x,bus=ide,queues=1,serial=S1"), 0);
	CHECK(conf.emulated[0].model == &model_ide);
	CHECK_EQ(parse("path=x,bus=virtio"), 0);
	CHECK_HAS(conf.emulated[0].model->name, "virtio-blk");
	CHECK_EQ(parse("path=x"), 0);
	CHECK_HAS(conf.emulated[0].model->name, "virtio-blk");
}

static void ide_disk_has_one_queue(void)
{
	CHECK_EQ(parse("path=x,bus=ide,queues=2"), -EINVAL);
	CHECK_HAS(err.msg, "an IDE disk has one queue");
	CHECK_EQ(parse("queues=2,bus=ide,path=x"), -EINVAL);
	CHECK_EQ(parse("bus=ide"), -EINVAL);
	CHECK_HAS(err.msg, "path is missing");
}

static void unknown_bus_is_refused(void)
{
	CHECK_EQ(parse("path=x,bus=idee"), -EINVAL);
	CHECK_HAS(err.msg, "--disk bus");
}

int main(void)
{
	TAP_RUN(bus_chooses_the_device);
	TAP_RUN(ide_disk_has_one_queue);
	TAP_RUN(unknown_bus_is_refused);
	return tap_done();
}
