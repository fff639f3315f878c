// SPDX-License-Identifier: GPL-2.0-or-later
/* iommufd against a kernel played by this program. */
/*
 * How this works: this program's own ioctl() stands before the C library's and
 * keeps the state that iommufd.ko and vfio.ko would: what is bound to which
 * context, attached to which IOAS, mapped. Contexts and devices are files of a
 * tree, told apart by their path; a file that is bound is told by its inode, as
 * dup'ed ones are one file for the kernel.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "iommu/iommu.h"
#include "iommu/iommu_abi.h"
#include "tests/fake/drivers.h"
#include "tests/fake/tree.h"
#include "tests/fake/vfio.h"
#include "tests/tap.h"

static struct kernel {
	unsigned int nr_ioas, nr_bound, nr_attached, nr_maps;
	unsigned int nr_map_file, nr_map;
	uint32_t attached_to;	      /* the last IOAS */
	struct strait_vfio_bind bind; /* the last, and its token */
	uint8_t token[16];
	struct strait_ioas_map map; /* the last of each */
	struct strait_ioas_map_file map_file;
	struct strait_ioas_unmap unmap;
	uint32_t feature; /* flags of the last */
	unsigned int nr_features;
	unsigned long fail_request; /* fails with fail_code; 0: none */
	int fail_code;
	unsigned int fail_nth, nr_calls; /* the nth call of all fails */
	unsigned int nr_ranges;
	bool no_tokens;
} k;

static struct tree tree;
static struct host host;
static struct drivers drivers;
static struct iommu *iommu;
static struct iommu_device dev, dev2;
static struct err err;
static unsigned int nr_files;
static uint8_t page[4096] __attribute__((aligned(4096)));

static int answer(int ret)
{
	errno = ret < 0 ? -ret : errno;
	return ret < 0 ? -1 : ret;
}

static int get_ranges(struct strait_ioas_iova_ranges *cmd)
{
	static const struct strait_ioas_range all[] = {
		{ 0, 0xfedfffff }, { 0xfef00000, 0x7fffffffff }
	};
	unsigned int room = cmd->num_iovas;

	CHECK_EQ(cmd->size, sizeof(*cmd));
	cmd->num_iovas = k.nr_ranges;
	for (unsigned int i = 0; i < k.nr_ranges && i < room; i++)
		((struct strait_ioas_range *)(uintptr_t)cmd->allowed_iovas)[i] =
			all[i % 2];
	return k.nr_ranges > room ? answer(-EMSGSIZE) : 0;
}

static int context_ioctl(unsigned long request, void *arg)
{
	switch (request) {
	case STRAIT_IOMMU_IOAS_ALLOC:
		((struct strait_ioas_alloc *)arg)->out_ioas_id = ++k.nr_ioas;
		return 0;
	case STRAIT_IOMMU_DESTROY:
		return 0;
	case STRAIT_IOMMU_IOAS_IOVA_RANGES:
		return get_ranges(arg);
	case STRAIT_IOMMU_IOAS_MAP:
		memcpy(&k.map, arg, sizeof(k.map));
		k.nr_map++;
		k.nr_maps++;
		return 0;
	case STRAIT_IOMMU_IOAS_MAP_FILE:
		memcpy(&k.map_file, arg, sizeof(k.map_file));
		k.nr_map_file++;
		k.nr_maps++;
		return 0;
	case STRAIT_IOMMU_IOAS_UNMAP:
		memcpy(&k.unmap, arg, sizeof(k.unmap));
		k.nr_maps--;
		return 0;
	default:
		return answer(-ENOTTY);
	}
}

static int bind_device(const struct strait_vfio_bind *bind)
{
	if (k.no_tokens && bind->flags)
		return answer(-EINVAL);
	memset(&k.bind, 0, sizeof(k.bind));
	memcpy(&k.bind, bind, bind->argsz);
	if (bind->flags & STRAIT_VFIO_BIND_FLAG_TOKEN)
		memcpy(k.token, (void *)(uintptr_t)bind->token_uuid_ptr,
		       sizeof(k.token));
	k.nr_bound++;
	return 0;
}

static int device_ioctl(unsigned long request, void *arg)
{
	switch (request) {
	case STRAIT_VFIO_BIND_IOMMUFD:
		return bind_device(arg);
	case STRAIT_VFIO_ATTACH_PT:
		k.attached_to = ((struct strait_vfio_attach *)arg)->pt_id;
		k.nr_attached++;
		return 0;
	case STRAIT_VFIO_DETACH_PT:
		k.nr_attached--;
		return 0;
	case VFIO_DEVICE_FEATURE:
		k.feature = ((struct vfio_device_feature *)arg)->flags;
		memcpy(k.token, ((struct vfio_device_feature *)arg)->data,
		       sizeof(k.token));
		k.nr_features++;
		return 0;
	default:
		return answer(-ENOTTY);
	}
}

int ioctl(int fd, unsigned long request, ...)
{
	char link[64], path[256] = "";
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (request == k.fail_request)
		return answer(-k.fail_code);
	if (++k.nr_calls == k.fail_nth)
		return answer(-EIO);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (readlink(link, path, sizeof(path) - 1) < 0)
		return answer(-EBADF);
	if (strstr(path, "/dev/iommu"))
		return context_ioctl(request, arg);
	return strstr(path, "/dev/vfio/devices/vfio")
		       ? device_ioctl(request, arg)
		       : answer(-ENOTTY);
}

static void name_device(struct iommu_device *d, struct bdf bdf)
{
	*d = (struct iommu_device){ .fd = -1 };
	CHECK_EQ(host_vfio_by_bdf(&host, bdf, &d->id, &err), 0);
}

#define VF_DIR	"sys/devices/pci0000:00/0000:00:03.0/0000:01:10.0"
#define VF2_DIR "sys/devices/pci0000:00/0000:00:03.0/0000:01:10.2"

/* A host with both VFs on vfio-pci. */
static void start_host(void)
{
	memset(&k, 0, sizeof(k));
	memset(&err, 0, sizeof(err));
	memset(&drivers, 0, sizeof(drivers));
	k.nr_ranges = 2;
	tree_make(&tree);
	tree_load(&tree, "igb");
	tree_add(&tree,
		 "dev/iommu =\n"
		 "dev/vfio/vfio =\n"
		 "dev/vfio/3 =\n"
		 "dev/vfio/4 =\n"
		 "dev/vfio/devices/vfio0 =\n"
		 "dev/vfio/devices/vfio1 =\n" VF_DIR
		 "/driver -> ../../../../bus/pci/drivers/vfio-pci\n" VF2_DIR
		 "/driver -> ../../../../bus/pci/drivers/vfio-pci\n" VF_DIR
		 "/vfio-dev/vfio0/dev = 511:0\n" VF2_DIR
		 "/vfio-dev/vfio1/dev = 511:1\n");
	CHECK_EQ(host_open(&host, tree.root, &err), 0);
	drivers_attach(&drivers, &host);
	name_device(&dev, (struct bdf){ .bus = 1, .devfn = 0x80 });
	name_device(&dev2, (struct bdf){ .bus = 1, .devfn = 0x82 });
	nr_files = fake_nr_files();
}

static void start(void)
{
	start_host();
	CHECK_EQ(iommu_new(&host, IOMMU_IOMMUFD, NULL, 0, &iommu, &err), 0);
}

static void stop(void)
{
	iommu_free(iommu);
	iommu = NULL;
	host_close(&host);
	tree_remove(&tree);
}

static int open_dev(void)
{
	int fd, kvm_fd;
	int ret = iommu_dev_open(iommu, &dev, &fd, &kvm_fd, &err);

	if (!ret)
		close(fd);
	return ret;
}

static struct mem_region ram(gpa_t gpa, int fd)
{
	return (struct mem_region){ .gpa = gpa,
				    .size = sizeof(page),
				    .hva = page,
				    .kind = MEM_RAM,
				    .fd = fd,
				    .fd_offset = 0x5000,
				    .name = "RAM" };
}

static int add(const struct mem_region *r)
{
	return iommu->listener.ops->add(&iommu->listener, r, &err);
}

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
		k.nr_calls = 0;
		k.fail_nth++;
		err = (struct err){ 0 };
		ret = iommu_dev_open(iommu, &dev, &fd, &kvm_fd, &err);
		CHECK(!ret || fake_nr_files() == before);
		CHECK(!ret || iommu->nr_groups == 0);
		CHECK(!ret || strstr(err.msg, "0000:01:10.0"));
	} while (ret);
	CHECK_EQ(k.fail_nth, 3);
	close(fd);
	stop();
}

static void a_context_without_an_ioas_is_closed(void)
{
	struct iommu *none = NULL;

	start_host();
	k.fail_request = STRAIT_IOMMU_IOAS_ALLOC;
	k.fail_code = ENOMEM;
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
	k.fail_request = STRAIT_VFIO_BIND_IOMMUFD;
	k.fail_code = EINVAL;
	CHECK_EQ(open_dev(), -EINVAL);
	CHECK_HAS(err.hint, "bound already");
	take_back();
	stop();
}

/* --- memory --- */

static void ram_is_mapped_by_its_file(void)
{
	struct mem_region r = ram(0x100000, 42);

	start();
	CHECK_EQ(add(&r), 0);
	CHECK_EQ(k.nr_map, 0);
	CHECK_EQ(k.map_file.fd, 42);
	CHECK_EQ(k.map_file.start, 0x5000);
	CHECK_EQ(k.map_file.iova, 0x100000);
	CHECK_EQ(k.map_file.length, 4096);
	CHECK_EQ(k.map_file.ioas_id, 1);
	CHECK_EQ(k.map_file.flags, 7);
	iommu->listener.ops->del(&iommu->listener, &r);
	CHECK_EQ(k.unmap.iova, 0x100000);
	CHECK_EQ(k.unmap.length, 4096);
	CHECK_EQ(k.nr_maps, 0);
	stop();
}

static void ram_without_a_file_is_mapped_by_address(void)
{
	struct mem_region r = ram(0x100000, -1);

	start();
	CHECK_EQ(add(&r), 0);
	CHECK_EQ(k.nr_map_file, 0);
	CHECK_EQ(k.map.user_va, (uintptr_t)page);
	CHECK_EQ(k.map.iova, 0x100000);
	CHECK_EQ(k.map.length, 4096);
	CHECK_EQ(k.map.flags, 7);
	stop();
}

static void a_kernel_that_maps_no_files_is_asked_once(void)
{
	struct mem_region r = ram(0x100000, 42), r2 = ram(0x200000, 42);

	start();
	k.fail_request = STRAIT_IOMMU_IOAS_MAP_FILE;
	k.fail_code = ENOTTY;
	CHECK_EQ(add(&r), 0);
	CHECK_EQ(k.nr_map, 1);
	k.fail_request = 0;
	CHECK_EQ(add(&r2), 0);
	CHECK_EQ(k.nr_map_file, 0);
	CHECK_EQ(k.nr_map, 2);
	stop();
}

static void a_file_that_the_kernel_does_not_take_is_mapped_by_address(void)
{
	struct mem_region r = ram(0x100000, 42);

	start();
	k.fail_request = STRAIT_IOMMU_IOAS_MAP_FILE;
	k.fail_code = EINVAL;
	CHECK_EQ(add(&r), 0);
	CHECK_EQ(k.nr_map, 1);
	stop();
}

static void a_lack_of_memory_is_no_reason_to_try_by_address(void)
{
	struct mem_region r = ram(0x100000, 42);

	start();
	k.fail_request = STRAIT_IOMMU_IOAS_MAP_FILE;
	k.fail_code = ENOMEM;
	CHECK_EQ(add(&r), -ENOMEM);
	CHECK_HAS(err.msg, "IOMMU_IOAS_MAP_FILE");
	CHECK_EQ(k.nr_map, 0);
	stop();
}

static void a_bar_is_mapped_as_its_dma_buf(void)
{
	struct mem_region bar = ram(0xe0000000, 43);

	start();
	bar.kind = MEM_DEVICE;
	iommu->p2p = IOMMU_P2P_ON;
	CHECK_EQ(add(&bar), 0);
	CHECK_EQ(k.map_file.fd, 43);
	CHECK_EQ(k.map_file.iova, 0xe0000000);
	iommu->listener.ops->del(&iommu->listener, &bar);
	CHECK_EQ(k.nr_maps, 0);
	stop();
}

static void a_bar_without_a_dma_buf_is_not_tried_by_address(void)
{
	struct mem_region bar = ram(0xe0000000, -1);

	start();
	bar.kind = MEM_DEVICE;
	iommu->p2p = IOMMU_P2P_ON;
	CHECK_EQ(add(&bar), 0);
	CHECK_EQ(k.nr_map, 0);
	CHECK_EQ(k.nr_map_file, 0);
	iommu->listener.ops->del(&iommu->listener, &bar);
	stop();
}

static void a_bar_that_fails_does_not_change_how_ram_is_mapped(void)
{
	struct mem_region bar = ram(0xe0000000, 43), r = ram(0x100000, 42);

	start();
	bar.kind = MEM_DEVICE;
	iommu->p2p = IOMMU_P2P_AUTO;
	iommu->nr_open = 2;
	k.fail_request = STRAIT_IOMMU_IOAS_MAP_FILE;
	k.fail_code = EOPNOTSUPP;
	CHECK_EQ(add(&bar), 0);
	k.fail_request = 0;
	CHECK_EQ(add(&r), 0);
	CHECK_EQ(k.nr_map_file, 1);
	stop();
}

/* --- ranges --- */

static void ranges_are_those_of_the_kernel(void)
{
	struct iova_range r[IOMMU_MAX_RANGES];
	unsigned int nr;

	start();
	CHECK_EQ(iommu_ranges(iommu, r, IOMMU_MAX_RANGES, &nr, &err), 0);
	CHECK_EQ(nr, 2);
	CHECK_EQ(r[0].last, 0xfedfffff);
	CHECK_EQ(r[1].first, 0xfef00000);
	CHECK_EQ(r[1].last, 0x7fffffffff);
	stop();
}

static void more_ranges_than_fit_are_cut(void)
{
	struct iova_range r[IOMMU_MAX_RANGES];
	unsigned int nr;

	start();
	k.nr_ranges = IOMMU_MAX_RANGES + 1;
	CHECK_EQ(iommu_ranges(iommu, r, IOMMU_MAX_RANGES, &nr, &err), 0);
	CHECK_EQ(nr, IOMMU_MAX_RANGES);
	stop();
}

static void devices_without_a_common_address_are_refused(void)
{
	struct iova_range r[IOMMU_MAX_RANGES];
	unsigned int nr;

	start();
	k.nr_ranges = 0;
	CHECK_EQ(iommu_ranges(iommu, r, IOMMU_MAX_RANGES, &nr, &err), -ENOSPC);
	stop();
}

/* --- VF tokens --- */

static const char uuid[] = "83d8f4f2-509f-382f-3c1e-e6bfe0fa1001";
static const uint8_t uuid_bytes[16] = { 0x83, 0xd8, 0xf4, 0xf2, 0x50, 0x9f,
					0x38, 0x2f, 0x3c, 0x1e, 0xe6, 0xbf,
					0xe0, 0xfa, 0x10, 0x01 };

static void a_token_goes_with_the_bind(void)
{
	start();
	dev.vf_token = uuid;
	CHECK_EQ(open_dev(), 0);
	CHECK_EQ(k.bind.argsz, 24);
	CHECK_EQ(k.bind.flags, STRAIT_VFIO_BIND_FLAG_TOKEN);
	CHECK(!memcmp(k.token, uuid_bytes, sizeof(uuid_bytes)));
	stop();
}

static void what_is_no_uuid_is_refused(void)
{
	start();
	dev.vf_token = "83d8f4f2-509f-382f-3c1e-e6bfe0fa100";
	CHECK_EQ(open_dev(), -EINVAL);
	CHECK_HAS(err.msg, "is no UUID");
	dev.vf_token = "83d8f4f2-509f-382f-3c1e-e6bfe0fa10011";
	CHECK_EQ(open_dev(), -EINVAL);
	dev.vf_token = "83d8f4f2x509f-382f-3c1e-e6bfe0fa1001";
	CHECK_EQ(open_dev(), -EINVAL);
	CHECK_EQ(k.nr_bound, 0);
	stop();
}

/* Linux 6.6 to 6.17 */
static void a_pf_gets_its_token_another_way_on_older_kernels(void)
{
	start();
	tree_add(&tree, VF_DIR "/sriov_totalvfs = 7");
	dev.vf_token = uuid;
	k.no_tokens = true;
	CHECK_EQ(open_dev(), 0);
	CHECK_EQ(k.nr_features, 1);
	CHECK_EQ(k.feature,
		 VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_PCI_VF_TOKEN);
	CHECK(!memcmp(k.token, uuid_bytes, sizeof(uuid_bytes)));
	stop();
}

static void pf_on_vfio(void)
{
	tree_add(
		&tree,
		"sys/devices/pci0000:00/0000:00:03.0/0000:01:00.0/driver -> ../../../../bus/pci/drivers/vfio-pci");
}

static void a_vf_cannot_be_had_with_a_token_on_older_kernels(void)
{
	start();
	pf_on_vfio();
	dev.vf_token = uuid;
	k.no_tokens = true;
	CHECK_EQ(open_dev(), -EINVAL);
	CHECK_HAS(err.hint, "backend=container");
	stop();
}

static void a_missing_token_is_explained(void)
{
	start();
	pf_on_vfio();
	k.fail_request = STRAIT_VFIO_BIND_IOMMUFD;
	k.fail_code = EACCES;
	CHECK_EQ(open_dev(), -EACCES);
	CHECK_HAS(err.hint, "0000:01:00.0");
	CHECK_HAS(err.hint, "vf-token=");
	stop();
}

static void a_token_that_nobody_wants_is_explained(void)
{
	start();
	dev.vf_token = uuid;
	k.fail_request = STRAIT_VFIO_BIND_IOMMUFD;
	k.fail_code = EINVAL;
	CHECK_EQ(open_dev(), -EINVAL);
	CHECK_HAS(err.hint, "leave vf-token= out");
	stop();
}

/* --- causes --- */

static void a_group_that_is_not_viable_names_the_other_function(void)
{
	start();
	tree_add(
		&tree, VF2_DIR
		"/driver -> ../../../../bus/pci/drivers/igbvf\n"
		"sys/kernel/iommu_groups/3/devices/0000:01:10.2 -> ../../../../bus/pci/devices/0000:01:10.2\n");
	k.fail_request = STRAIT_VFIO_BIND_IOMMUFD;
	k.fail_code = EPERM;
	CHECK_EQ(open_dev(), -EPERM);
	CHECK_HAS(err.msg, "0000:01:10.0: VFIO_DEVICE_BIND_IOMMUFD");
	CHECK_HAS(err.hint, "0000:01:10.2 (igbvf)");
	stop();
}

static void a_group_that_another_process_has_bound_names_it(void)
{
	start();
	tree_add(&tree, "proc/77/fd/9 -> /dev/vfio/devices/vfio0\n"
			"proc/77/comm = qemu-system-x86\n");
	drivers.open_path = "dev/vfio/3";
	drivers.open_code = EBUSY;
	k.fail_request = STRAIT_VFIO_BIND_IOMMUFD;
	k.fail_code = EINVAL;
	CHECK_EQ(open_dev(), -EINVAL);
	CHECK_HAS(err.hint, "process 77 (qemu-system-x86)");
	CHECK_HAS(err.hint, "/dev/vfio/devices/vfio0");
	stop();
}

static void no_interrupt_remapping_is_explained(void)
{
	start();
	k.fail_request = STRAIT_VFIO_BIND_IOMMUFD;
	k.fail_code = EPERM;
	CHECK_EQ(open_dev(), -EPERM);
	CHECK_HAS(err.hint, "cannot remap interrupts");
	CHECK_HAS(err.hint, "The iommufd option allow_unsafe_interrupts=1");
	stop();
}

static void memory_claimed_by_firmware_is_explained(void)
{
	start();
	tree_add(
		&tree,
		"sys/kernel/iommu_groups/3/reserved_regions = 0x00000000bdf6f000 0x00000000bdf7efff direct\\n0x00000000fee00000 0x00000000feefffff msi");
	k.fail_request = STRAIT_VFIO_ATTACH_PT;
	k.fail_code = EPERM;
	CHECK_EQ(open_dev(), -EPERM);
	CHECK_HAS(err.msg, "VFIO_DEVICE_ATTACH_IOMMUFD_PT");
	CHECK_HAS(err.hint, "0xbdf6f000-0xbdf7efff");
	stop();
}

static void no_permission_on_the_file_names_it(void)
{
	start();
	drivers.open_path = "dev/vfio/devices/vfio0";
	drivers.open_code = EACCES;
	CHECK_EQ(open_dev(), -EACCES);
	CHECK_HAS(err.msg, "0000:01:10.0: open /dev/vfio/devices/vfio0");
	CHECK_HAS(err.hint, "chown \"$USER\" /dev/vfio/devices/vfio0");
	stop();
}

static void a_kernel_without_device_files_is_explained(void)
{
	start();
	tree_add(&tree, "- " VF_DIR "/vfio-dev/vfio0/dev");
	name_device(&dev, (struct bdf){ .bus = 1, .devfn = 0x80 });
	CHECK_EQ(open_dev(), -ENODEV);
	CHECK_HAS(err.hint, "CONFIG_VFIO_DEVICE_CDEV");
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
	TAP_RUN(ram_is_mapped_by_its_file);
	TAP_RUN(ram_without_a_file_is_mapped_by_address);
	TAP_RUN(a_kernel_that_maps_no_files_is_asked_once);
	TAP_RUN(a_file_that_the_kernel_does_not_take_is_mapped_by_address);
	TAP_RUN(a_lack_of_memory_is_no_reason_to_try_by_address);
	TAP_RUN(a_bar_is_mapped_as_its_dma_buf);
	TAP_RUN(a_bar_without_a_dma_buf_is_not_tried_by_address);
	TAP_RUN(a_bar_that_fails_does_not_change_how_ram_is_mapped);
	TAP_RUN(ranges_are_those_of_the_kernel);
	TAP_RUN(more_ranges_than_fit_are_cut);
	TAP_RUN(devices_without_a_common_address_are_refused);
	TAP_RUN(a_token_goes_with_the_bind);
	TAP_RUN(what_is_no_uuid_is_refused);
	TAP_RUN(a_pf_gets_its_token_another_way_on_older_kernels);
	TAP_RUN(a_vf_cannot_be_had_with_a_token_on_older_kernels);
	TAP_RUN(a_missing_token_is_explained);
	TAP_RUN(a_token_that_nobody_wants_is_explained);
	TAP_RUN(a_group_that_is_not_viable_names_the_other_function);
	TAP_RUN(a_group_that_another_process_has_bound_names_it);
	TAP_RUN(no_interrupt_remapping_is_explained);
	TAP_RUN(memory_claimed_by_firmware_is_explained);
	TAP_RUN(no_permission_on_the_file_names_it);
	TAP_RUN(a_kernel_without_device_files_is_explained);
	return tap_done();
}
