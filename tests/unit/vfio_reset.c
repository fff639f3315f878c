// SPDX-License-Identifier: GPL-2.0-or-later
/* Hot resets: whom they may hit; and which resets a function has. */
#include <errno.h>

#include "tests/fake/iommu.h"
#include "tests/fake/tree.h"
#include "tests/fake/vfio.h"
#include "tests/tap.h"
#include "vfio/vfio_abi.h"

enum { NR = 3 };

/* Functions 0, 1 and 2 of one card, 0000:01:00. */
static struct fake_vfio fakes[NR];
static struct vfio_dev *devs[NR];
static struct tree tree;
static struct host host;
static struct fake_iommu iommu;
static struct err err;
static char methods[64];

/* groups[n]: of function n; a hot reset of any function hits all. */
static void start(const uint32_t groups[NR])
{
	memset(&err, 0, sizeof(err));
	tree_make(&tree);
	tree_load(&tree, "igb");
	CHECK_EQ(host_open(&host, tree.root, &err), 0);
	fake_iommu_init(&iommu, &host);
	for (unsigned int n = 0; n < NR; n++) {
		struct fake_vfio *f = &fakes[n];

		fake_vfio_init(f, fake_nvme_dump);
		devs[n] = &f->dev;
		f->dev.bdf = (struct bdf){ .bus = 1, .devfn = (uint8_t)n };
		bdf_str(f->dev.bdf, f->dev.name);
		f->dev.iommu = &iommu.iommu;
		f->dev.info.flags &= ~(uint32_t)VFIO_DEVICE_FLAGS_RESET;
		f->dev.kvm_fd = 100 + (int)groups[n];
		f->affected.nr = NR;
		for (unsigned int i = 0; i < NR; i++) {
			f->affected.at[i].group_id = groups[i];
			f->affected.at[i].bus = 1;
			f->affected.at[i].devfn = (uint8_t)i;
		}
	}
}

static void start_own_groups(void)
{
	start((const uint32_t[]){ 10, 11, 12 });
}

/* As devices opened by cdev: what follows from the iommufd they are bound to.
 */
static void start_cdev(const uint32_t ids[NR])
{
	start(ids);
	for (unsigned int n = 0; n < NR; n++)
		fakes[n].affected.flags = VFIO_PCI_HOT_RESET_FLAG_DEV_ID;
}

static void stop(void)
{
	for (unsigned int n = 0; n < NR; n++)
		fake_vfio_fini(&fakes[n]);
	host_close(&host);
	tree_remove(&tree);
}

static void add_function_2(const char *driver)
{
	char line[128];

	tree_add(&tree, "sys/bus/pci/devices/0000:01:00.2/vendor = 0x8086\n"
			"sys/bus/pci/devices/0000:01:00.2/device = 0x10c9\n"
			"sys/bus/pci/devices/0000:01:00.2/class = 0x020000\n");
	snprintf(line, sizeof(line),
		 "sys/bus/pci/devices/0000:01:00.2/driver -> "
		 "../../../bus/pci/drivers/%s",
		 driver);
	tree_add(&tree, line);
}

static unsigned int nr_hot_resets(void)
{
	return fakes[0].nr_hot_resets + fakes[1].nr_hot_resets +
	       fakes[2].nr_hot_resets;
}

static void functions_without_reset_are_reset_together_once(void)
{
	start_own_groups();
	CHECK_EQ(vfio_hot_reset(devs, NR, &err), 0);
	CHECK_EQ(nr_hot_resets(), 1);
	stop();
}

static void each_group_is_proved_once(void)
{
	start((const uint32_t[]){ 10, 11, 10 });
	CHECK_EQ(vfio_hot_reset(devs, NR, &err), 0);
	CHECK_EQ(fakes[0].nr_group_fds, 2);
	CHECK_EQ(fakes[0].group_fds[0], 110);
	CHECK_EQ(fakes[0].group_fds[1], 111);
	stop();
}

static void a_mediated_device_is_on_no_bus_to_reset(void)
{
	start_own_groups();
	for (unsigned int n = 0; n < NR; n++)
		devs[n]->is_pci = false;
	CHECK_EQ(vfio_hot_reset(devs, NR, &err), 0);
	CHECK_EQ(nr_hot_resets(), 0);
	stop();
}

static void functions_with_a_reset_of_their_own_are_left_alone(void)
{
	start_own_groups();
	for (unsigned int n = 0; n < NR; n++)
		devs[n]->info.flags |= VFIO_DEVICE_FLAGS_RESET;
	CHECK_EQ(vfio_hot_reset(devs, NR, &err), 0);
	CHECK_EQ(nr_hot_resets(), 0);
	stop();
}

static void a_function_of_somebody_else_prevents_it_and_is_named(void)
{
	start_own_groups();
	add_function_2("igb");
	CHECK_EQ(vfio_hot_reset(devs, 2, &err), -EPERM);
	CHECK_HAS(err.msg, "0000:01:00.0: can only be reset together with "
			   "0000:01:00.2");
	CHECK_HAS(err.msg, "its driver is igb");
	CHECK_HAS(err.hint, "assign 0000:01:00.2");
	CHECK_EQ(nr_hot_resets(), 0);
	stop();
}

static void one_on_vfio_pci_in_a_group_of_ours_does_not_prevent_it(void)
{
	start((const uint32_t[]){ 10, 11, 10 });
	add_function_2("vfio-pci");
	CHECK_EQ(vfio_hot_reset(devs, 2, &err), 0);
	CHECK_EQ(fakes[0].nr_group_fds, 2);
	stop();
}

static void one_without_driver_in_a_group_of_ours_prevents_it(void)
{
	start((const uint32_t[]){ 10, 11, 10 });
	CHECK_EQ(vfio_hot_reset(devs, 2, &err), -EPERM);
	CHECK_HAS(err.msg, "0000:01:00.2, which is not assigned");
	CHECK_HAS(err.msg, "no driver");
	CHECK_EQ(nr_hot_resets(), 0);
	stop();
}

static void cdevs_need_no_proof(void)
{
	start_cdev((const uint32_t[]){ 1, 2, 3 });
	CHECK_EQ(vfio_hot_reset(devs, NR, &err), 0);
	CHECK_EQ(nr_hot_resets(), 1);
	CHECK_EQ(fakes[0].nr_group_fds, 0);
	stop();
}

static void a_cdev_that_is_owned_but_not_opened_does_not_prevent_it(void)
{
	start_cdev((const uint32_t[]){ 1, 2, VFIO_PCI_DEVID_OWNED });
	CHECK_EQ(vfio_hot_reset(devs, 2, &err), 0);
	CHECK_EQ(nr_hot_resets(), 1);
	stop();
}

static void a_cdev_that_is_not_owned_prevents_it(void)
{
	start_cdev(
		(const uint32_t[]){ 1, 2, (uint32_t)VFIO_PCI_DEVID_NOT_OWNED });
	CHECK_EQ(vfio_hot_reset(devs, 2, &err), -EPERM);
	CHECK_EQ(nr_hot_resets(), 0);
	stop();
}

static void the_others_are_tried_after_a_failure(void)
{
	start_own_groups();
	fakes[0].affected.nr = 0; /* on a bus of its own, without reset */
	fakes[1].affected.at[0] = fakes[1].affected.at[1];
	fakes[2].affected.at[0] = fakes[2].affected.at[1];
	CHECK_EQ(vfio_hot_reset(devs, NR, &err), -ENODEV);
	CHECK_HAS(err.msg, "0000:01:00.0");
	CHECK_EQ(fakes[1].nr_hot_resets, 1);
	stop();
}

static void a_device_that_does_not_come_back_is_told(void)
{
	start_own_groups();
	fakes[1].is_dead = true;
	CHECK_EQ(vfio_hot_reset(devs, NR, &err), -EIO);
	CHECK_HAS(err.msg, "after a hot reset: 0000:01:00.1");
	stop();
}

/* --- methods --- */

static int read_methods(const char *line)
{
	start_own_groups();
	tree_add(&tree, line);
	return host_reset_methods(&host, devs[0]->bdf, methods,
				  sizeof(methods));
}

static void methods_are_the_kernels_in_its_order(void)
{
	CHECK_EQ(read_methods("sys/bus/pci/devices/0000:01:00.0/reset_method = "
			      "flr bus"),
		 0);
	CHECK(!strcmp(methods, "flr bus"));
	stop();
}

static void an_older_kernel_does_not_tell(void)
{
	CHECK_EQ(read_methods("sys/bus/pci/devices/0000:01:00.1/reset = 1"), 0);
	CHECK_EQ(host_reset_methods(&host, devs[1]->bdf, methods,
				    sizeof(methods)),
		 0);
	CHECK(!strcmp(methods, "unknown"));
	stop();
}

static void no_reset_at_all_is_empty(void)
{
	start_own_groups();
	CHECK_EQ(host_reset_methods(&host, devs[2]->bdf, methods,
				    sizeof(methods)),
		 0);
	CHECK(!strcmp(methods, ""));
	stop();
}

int main(void)
{
	TAP_RUN(functions_without_reset_are_reset_together_once);
	TAP_RUN(each_group_is_proved_once);
	TAP_RUN(a_mediated_device_is_on_no_bus_to_reset);
	TAP_RUN(functions_with_a_reset_of_their_own_are_left_alone);
	TAP_RUN(a_function_of_somebody_else_prevents_it_and_is_named);
	TAP_RUN(one_on_vfio_pci_in_a_group_of_ours_does_not_prevent_it);
	TAP_RUN(one_without_driver_in_a_group_of_ours_prevents_it);
	TAP_RUN(cdevs_need_no_proof);
	TAP_RUN(a_cdev_that_is_owned_but_not_opened_does_not_prevent_it);
	TAP_RUN(a_cdev_that_is_not_owned_prevents_it);
	TAP_RUN(the_others_are_tried_after_a_failure);
	TAP_RUN(a_device_that_does_not_come_back_is_told);
	TAP_RUN(methods_are_the_kernels_in_its_order);
	TAP_RUN(an_older_kernel_does_not_tell);
	TAP_RUN(no_reset_at_all_is_empty);
	return tap_done();
}
