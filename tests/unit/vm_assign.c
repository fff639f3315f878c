// SPDX-License-Identifier: GPL-2.0-or-later
/* Which devices a VM gets, and what is left of one that was taken back. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "src/vm/assign.h"
#include "tests/fake/drivers.h"
#include "tests/fake/tree.h"
#include "tests/tap.h"

#define SLOT "sys/bus/pci/devices/0000:01:10"

static struct tree tree;
static struct host host;
static struct drivers drivers;
static struct config conf;
static struct assignments assigned;
static struct err err;

static void start(void)
{
	if (tree.root[0]) {
		tree_remove(&tree);
		host_close(&host);
	}
	err = (struct err){ 0 };
	conf = (struct config){ 0 };
	drivers = (struct drivers){ .by_id = "igbvf" };
	tree_make(&tree);
	tree_load(&tree, "igb");
	CHECK_EQ(host_open(&host, tree.root, &err), 0);
	drivers_attach(&drivers, &host);
}

static void add(const char *value)
{
	struct config_device *d = &conf.devices[conf.nr_devices++];

	CHECK_EQ(config_device_parse(value, d, &err), 0);
}

static int assign(const char *value)
{
	add(value);
	return assign_devices(&conf, &host, &assigned, &err);
}

static const char *driver_of(const char *dir)
{
	static char buf[HOST_NAME_LEN];

	if (host_link_name(&host, buf, sizeof(buf), "%s/driver", dir))
		buf[0] = '\0';
	return buf;
}

static void functions_of_a_slot_are_assigned_together(void)
{
	start();
	CHECK_EQ(assign("0000:01:10.0,multifunction=keep"), 0);
	CHECK_EQ(assigned.nr, 2);
	CHECK_EQ(assigned.at[1].function, 2);
	CHECK(assigned.at[0].config == assigned.at[1].config);
	CHECK(!strcmp(driver_of(SLOT ".2"), "vfio-pci"));
	CHECK(assign_undo(&host, &assigned));
	CHECK(!strcmp(driver_of(SLOT ".2"), "igbvf"));
}

static void a_function_of_a_slot_is_not_given_again(void)
{
	start();
	CHECK_EQ(assign("0000:01:10.0,multifunction=keep"), 0);
	CHECK(assign_undo(&host, &assigned));
	CHECK_EQ(assign("0000:01:10.2"), -EINVAL);
	CHECK_HAS(err.msg, "--device 0000:01:10.2: is given twice");
	CHECK(!strcmp(driver_of(SLOT ".0"), "igbvf"));
}

static void nothing_is_bound_if_one_is_in_use(void)
{
	start();
	drivers.addr = "10.0.2.15";
	add("0000:01:10.2");
	CHECK_EQ(assign("0000:01:10.0"), -EBUSY);
	CHECK_HAS(err.msg, "0000:01:10.0: its interface eth1 is up");
	CHECK_EQ(drivers.nr_writes, 0);
	CHECK(assign_undo(&host, &assigned));
}

static void a_handed_file_is_closed_when_its_device_is_gone(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct assignment a = { .device.fd = fd };

	assign_gone(&a);
	CHECK(a.is_gone);
	CHECK_EQ(a.device.fd, -1);
	CHECK_EQ(fcntl(fd, F_GETFD), -1);
}

static void what_another_vm_took_stays_with_it(void)
{
	start();
	CHECK_EQ(assign("0000:01:10.0"), 0);
	assign_gone(&assigned.at[0]);
	CHECK(assign_undo(&host, &assigned));
	CHECK(!strcmp(driver_of(SLOT ".0"), "vfio-pci"));
}

/* Three that ask for functions 3, 0 and 1 of a slot, and one that does not. */
static struct assignments placed(void)
{
	static const struct config_device configs[] = {
		{ .devfn = 0x2b },
		{ .devfn = 0x28 },
		{ .devfn = 0x29 },
		{ .devfn = -1 },
	};
	struct assignments a = { .nr = ARRAY_SIZE(configs) };

	for (unsigned int i = 0; i < a.nr; i++) {
		a.at[i].config = &configs[i];
		a.at[i].device.fd = -1;
	}
	return a;
}

static void a_device_has_the_address_that_it_asks_for(void)
{
	struct assignments a = placed();

	CHECK_EQ(assign_devfn(&a, &a.at[0]), 0x2b);
	CHECK_EQ(assign_devfn(&a, &a.at[1]), 0x28);
	CHECK_EQ(assign_devfn(&a, &a.at[2]), 0x29);
	CHECK_EQ(assign_devfn(&a, &a.at[3]), -1);
}

static void the_lowest_that_is_left_follows_a_function_0_that_is_gone(void)
{
	struct assignments a = placed();

	assign_gone(&a.at[1]);
	CHECK_EQ(assign_devfn(&a, &a.at[2]), 0x28);
	CHECK_EQ(assign_devfn(&a, &a.at[0]), 0x2b);
	assign_gone(&a.at[2]);
	CHECK_EQ(assign_devfn(&a, &a.at[0]), 0x28);
}

static void a_slot_that_never_had_a_function_0_does_not_get_one(void)
{
	struct assignments a = placed();

	a.nr = 1;
	CHECK_EQ(assign_devfn(&a, &a.at[0]), 0x2b);
}

int main(void)
{
	TAP_RUN(functions_of_a_slot_are_assigned_together);
	TAP_RUN(a_function_of_a_slot_is_not_given_again);
	TAP_RUN(nothing_is_bound_if_one_is_in_use);
	TAP_RUN(a_handed_file_is_closed_when_its_device_is_gone);
	TAP_RUN(what_another_vm_took_stays_with_it);
	TAP_RUN(a_device_has_the_address_that_it_asks_for);
	TAP_RUN(the_lowest_that_is_left_follows_a_function_0_that_is_gone);
	TAP_RUN(a_slot_that_never_had_a_function_0_does_not_get_one);
	tree_remove(&tree);
	host_close(&host);
	return tap_done();
}
