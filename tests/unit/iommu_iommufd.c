// SPDX-License-Identifier: GPL-2.0-or-later
/* Devices of iommufd: bound, attached, handed over as files. */
#include <fcntl.h>
#include <sys/stat.h>

#include "tests/unit/iommufd_fixture.h"

/* --- devices --- */

static void a_device_is_bound_and_attached(void)
{
	int fd, kvm_fd;

	start();
	CHECK_EQ(iommu_dev_open(iommu, &dev, &fd, &kvm_fd, &err), 0);
	CHECK_EQ(k.nr_bound, 1);
	CHECK_EQ(k.bind.argsz, 16);
	CHECK_EQ(k.bind.flags, 0);
	CHECK_EQ(k.attached_to, 1);
	CHECK_EQ(kvm_fd, fd);
	close(fd);
	iommu_dev_close(iommu, dev.id.name);
	stop();
}

static void all_devices_share_one_ioas(void)
{
	int fd, fd2, kvm_fd;

	start();
	CHECK_EQ(iommu_dev_open(iommu, &dev, &fd, &kvm_fd, &err), 0);
	CHECK_EQ(iommu_dev_open(iommu, &dev2, &fd2, &kvm_fd, &err), 0);
	CHECK_EQ(k.nr_ioas, 1);
	CHECK_EQ(k.nr_attached, 2);
	CHECK_EQ(iommu->nr_groups, 2);
	iommu_dev_close(iommu, dev.id.name);
	CHECK_EQ(iommu->nr_groups, 1);
	CHECK_EQ(iommu->groups[0], 4);
	close(fd);
	close(fd2);
	stop();
}

static void freeing_closes_everything(void)
{
	start();
	CHECK_EQ(open_dev(), 0);
	iommu_free(iommu);
	iommu = NULL;
	CHECK_EQ(fake_nr_files(), nr_files);
	stop();
}

static void a_failure_at_any_call_leaves_nothing_open(void)
{
	unsigned int before;
	int fd, kvm_fd, ret;

	start();
	before = fake_nr_files();
	do {
		calls.nr_calls = 0;
		calls.fail_nth++;
		err = (struct err){ 0 };
		ret = iommu_dev_open(iommu, &dev, &fd, &kvm_fd, &err);
		CHECK(!ret || fake_nr_files() == before);
		CHECK(!ret || iommu->nr_groups == 0);
		CHECK(!ret || strstr(err.msg, "0000:01:10.0"));
	} while (ret);
	CHECK_EQ(calls.fail_nth, 3);
	close(fd);
	stop();
}

static void a_context_without_an_ioas_is_closed(void)
{
	struct iommu *none = NULL;

	start_host();
	calls.fail_request = STRAIT_IOMMU_IOAS_ALLOC;
	calls.fail_code = ENOMEM;
	CHECK_EQ(iommu_new(&host, IOMMU_IOMMUFD, NULL, 0, &none, &err),
		 -ENOMEM);
	CHECK_HAS(err.msg, "IOMMU_IOAS_ALLOC");
	CHECK(!none);
	CHECK_EQ(fake_nr_files(), nr_files);
	stop();
}

/* --- a file that was handed over --- */

static void hand_over(void)
{
	dev.fd = host_open_file(&host, O_RDWR, "dev/vfio/devices/vfio0");
	CHECK(dev.fd >= 0);
}

static void take_back(void)
{
	iommu_device_fini(&dev);
	close(dev.fd);
}

static void a_handed_file_stays_open(void)
{
	start();
	hand_over();
	CHECK_EQ(open_dev(), 0);
	iommu_dev_close(iommu, dev.id.name);
	CHECK_EQ(fcntl(dev.fd, F_GETFD), 0 | FD_CLOEXEC);
	take_back();
	stop();
}

static void a_handed_file_is_detached_at_the_end(void)
{
	start();
	hand_over();
	CHECK_EQ(open_dev(), 0);
	CHECK_EQ(k.nr_attached, 1);
	iommu_dev_close(iommu, dev.id.name);
	CHECK_EQ(k.nr_attached, 0);
	take_back();
	stop();
}

static void a_handed_file_serves_the_next_machine_without_a_second_bind(void)
{
	start();
	hand_over();
	CHECK_EQ(open_dev(), 0);
	iommu_dev_close(iommu, dev.id.name);
	iommu_free(iommu);
	/* What is bound to the first context can only join that. */
	tree_add(&tree, "- dev/iommu");
	CHECK_EQ(iommu_new(&host, IOMMU_IOMMUFD, &dev, 1, &iommu, &err), 0);
	CHECK_EQ(open_dev(), 0);
	CHECK_EQ(k.nr_bound, 1);
	CHECK_EQ(k.attached_to, 2);
	iommu_dev_close(iommu, dev.id.name);
	take_back();
	stop();
}

static void after_the_last_machine_nothing_of_it_is_left(void)
{
	start();
	hand_over();
	CHECK_EQ(open_dev(), 0);
	iommu_free(iommu);
	iommu = NULL;
	take_back();
	CHECK_EQ(fake_nr_files(), nr_files);
	stop();
}

static void a_handed_file_that_was_bound_before_is_explained(void)
{
	start();
	hand_over();
	calls.fail_request = STRAIT_VFIO_BIND_IOMMUFD;
	calls.fail_code = EINVAL;
	CHECK_EQ(open_dev(), -EINVAL);
	CHECK_HAS(err.hint, "bound already");
	take_back();
	stop();
}

int main(void)
{
	TAP_RUN(a_device_is_bound_and_attached);
	TAP_RUN(all_devices_share_one_ioas);
	TAP_RUN(freeing_closes_everything);
	TAP_RUN(a_failure_at_any_call_leaves_nothing_open);
	TAP_RUN(a_context_without_an_ioas_is_closed);
	TAP_RUN(a_handed_file_stays_open);
	TAP_RUN(a_handed_file_is_detached_at_the_end);
	TAP_RUN(a_handed_file_serves_the_next_machine_without_a_second_bind);
	TAP_RUN(after_the_last_machine_nothing_of_it_is_left);
	TAP_RUN(a_handed_file_that_was_bound_before_is_explained);
	return tap_done();
}
