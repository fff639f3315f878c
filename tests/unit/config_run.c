// SPDX-License-Identifier: GPL-2.0-or-later
/* The options of `strait run`: what is accepted and what it means. */
#include <errno.h>

#include "src/base/bits.h"
#include "src/vm/config.h"
#include "tests/tap.h"

static struct config conf;
static enum config_action action;
static struct err err;

#define PARSE(...)   parse((const char *const[]){ __VA_ARGS__, NULL })
#define PARSE_K(...) PARSE("--kernel", "k", __VA_ARGS__)

/* The words as argv has them: writable, and there until the next parse. */
static int parse(const char *const *words)
{
	static char text[16][64];
	char *argv[16];
	int argc = 0;

	for (; words[argc]; argc++) {
		snprintf(text[argc], sizeof(text[0]), "%s", words[argc]);
		argv[argc] = text[argc];
	}
	err = (struct err){ 0 };
	return config_parse(argc, argv, &conf, &action, &err);
}

static uint64_t size_of(const char *s)
{
	uint64_t v = 0;

	return config_size(s, &v) ? 0 : v;
}

static void a_kernel_alone_gives_the_defaults(void)
{
	CHECK_EQ(PARSE("--kernel", "vmlinuz"), 0);
	CHECK_EQ(action, CONFIG_RUN);
	CHECK(!strcmp(conf.kernel, "vmlinuz"));
	CHECK(!conf.initramfs);
	CHECK(!strcmp(conf.cmdline, ""));
	CHECK_EQ(conf.nr_cpus, 1);
	CHECK_EQ(conf.ram_size, MIB(512));
	CHECK_EQ(conf.hugepage_size, 0);
	CHECK_EQ(conf.serial, SERIAL_TTY);
	CHECK(conf.restart_on_reboot);
	CHECK_EQ(conf.irqchip, IRQCHIP_KERNEL);
	CHECK(!conf.stats);
	CHECK_EQ(conf.verbosity, 0);
	CHECK_EQ(conf.nr_devices, 0);
}

static void a_value_may_follow_an_equals_sign(void)
{
	CHECK_EQ(PARSE("--kernel=a=b", "--initramfs=i"), 0);
	CHECK(!strcmp(conf.kernel, "a=b"));
	CHECK(!strcmp(conf.initramfs, "i"));
}

static void cmdline_keeps_commas_and_dashes(void)
{
	CHECK_EQ(PARSE_K("--cmdline", "--x console=ttyS0,115200"), 0);
	CHECK(!strcmp(conf.cmdline, "--x console=ttyS0,115200"));
}

static void cpus_takes_1_to_255(void)
{
	CHECK_EQ(PARSE_K("--cpus", "boot=1"), 0);
	CHECK_EQ(conf.nr_cpus, 1);
	CHECK_EQ(PARSE_K("--cpus=boot=255"), 0);
	CHECK_EQ(conf.nr_cpus, 255);
}

static void memory_takes_a_size(void)
{
	CHECK_EQ(PARSE_K("--memory", "size=2G"), 0);
	CHECK_EQ(conf.ram_size, GIB(2));
	CHECK_EQ(conf.hugepage_size, 0);
}

static void hugepages_default_to_2m(void)
{
	CHECK_EQ(PARSE_K("--memory", "size=1G,hugepages=on"), 0);
	CHECK_EQ(conf.hugepage_size, MIB(2));
}

static void hugepages_may_be_1g(void)
{
	CHECK_EQ(PARSE_K("--memory", "hugepage_size=1G,size=2G,hugepages=on"),
		 0);
	CHECK_EQ(conf.hugepage_size, GIB(1));
}

static void hugepages_off_are_normal_pages(void)
{
	CHECK_EQ(PARSE_K("--memory", "hugepages=off"), 0);
	CHECK_EQ(conf.hugepage_size, 0);
	CHECK_EQ(conf.ram_size, MIB(512));
}

static void device_takes_a_bare_bdf(void)
{
	CHECK_EQ(PARSE_K("--device", "0001:3b:10.2"), 0);
	CHECK_EQ(conf.nr_devices, 1);
	CHECK_EQ(conf.devices[0].bdf.domain, 1);
	CHECK_EQ(conf.devices[0].bdf.bus, 0x3b);
	CHECK_EQ(conf.devices[0].bdf.devfn, 0x10 << 3 | 2);
	CHECK(conf.devices[0].managed);
}

static void device_takes_a_bdf_without_domain(void)
{
	CHECK_EQ(PARSE_K("--device", "3b:10.2,managed=off"), 0);
	CHECK_EQ(conf.devices[0].bdf.domain, 0);
	CHECK_EQ(conf.devices[0].bdf.bus, 0x3b);
	CHECK(!conf.devices[0].managed);
}

static void device_takes_a_sysfs_path(void)
{
	CHECK_EQ(PARSE_K("--device", "path=/sys/bus/pci/devices/0000:01:10.0/"),
		 0);
	CHECK_EQ(conf.devices[0].bdf.bus, 1);
	CHECK_EQ(conf.devices[0].bdf.devfn, 0x80);
}

static void device_may_be_repeated(void)
{
	CHECK_EQ(PARSE_K("--device", "01:10.0", "--device=01:10.2", "--device",
			 "managed=off,path=/sys/x/0000:01:10.4"),
		 0);
	CHECK_EQ(conf.nr_devices, 3);
	CHECK(conf.devices[1].managed);
	CHECK_EQ(conf.devices[2].bdf.devfn, 0x84);
	CHECK(!conf.devices[2].managed);
}

static void serial_goes_where_it_is_told(void)
{
	CHECK_EQ(PARSE_K("--serial", "tty"), 0);
	CHECK_EQ(conf.serial, SERIAL_TTY);
	CHECK_EQ(PARSE_K("--serial", "off"), 0);
	CHECK_EQ(conf.serial, SERIAL_OFF);
	CHECK_EQ(PARSE_K("--serial", "null"), 0);
	CHECK_EQ(conf.serial, SERIAL_NULL);
}

static void serial_file_keeps_its_whole_path(void)
{
	CHECK_EQ(PARSE_K("--serial=file=/tmp/a,b=c"), 0);
	CHECK_EQ(conf.serial, SERIAL_FILE);
	CHECK(!strcmp(conf.serial_file, "/tmp/a,b=c"));
}

static void on_reboot_exit_does_not_restart(void)
{
	CHECK_EQ(PARSE_K("--on-reboot", "exit"), 0);
	CHECK(!conf.restart_on_reboot);
	CHECK_EQ(PARSE_K("--on-reboot", "restart"), 0);
	CHECK(conf.restart_on_reboot);
}

static void irqchip_is_the_kernels_or_split(void)
{
	CHECK_EQ(PARSE_K("--irqchip", "split"), 0);
	CHECK_EQ(conf.irqchip, IRQCHIP_SPLIT);
	CHECK_EQ(PARSE_K("--irqchip", "kernel"), 0);
	CHECK_EQ(conf.irqchip, IRQCHIP_KERNEL);
}

static void v_adds_up(void)
{
	CHECK_EQ(PARSE_K("-v", "--verbose", "-vv"), 0);
	CHECK_EQ(conf.verbosity, 4);
}

static void stats_is_a_flag(void)
{
	CHECK_EQ(PARSE_K("--stats"), 0);
	CHECK(conf.stats);
}

static void help_needs_no_kernel(void)
{
	CHECK_EQ(PARSE("--help", "--nonsense"), 0);
	CHECK_EQ(action, CONFIG_HELP);
	CHECK_EQ(PARSE("-h"), 0);
	CHECK_EQ(action, CONFIG_HELP);
}

static void help_names_every_option_once(void)
{
	char text[8192] = "";
	FILE *f = fmemopen(text, sizeof(text), "w");

	CHECK(f);
	config_help(f);
	fclose(f);
	CHECK_HAS(text, "--kernel FILE ");
	CHECK_HAS(text, "--initramfs FILE ");
	CHECK_HAS(text, "--cmdline STRING ");
	CHECK_HAS(text, "--cpus boot=N ");
	CHECK_HAS(text, "--memory size=SIZE");
	CHECK_HAS(text, "--device BDF[,KEY=...] ");
	CHECK_HAS(text, "--serial tty|pty|null|off|... ");
	CHECK_HAS(text, "--irqchip kernel|split ");
	CHECK_HAS(text, "--on-reboot restart|exit ");
	CHECK_HAS(text, "--stats ");
	CHECK_HAS(text, "-v, --verbose ");
	CHECK_HAS(text, "-h, --help ");
}

static void sizes_have_binary_suffixes(void)
{
	CHECK_EQ(size_of("1073741824"), GIB(1));
	CHECK_EQ(size_of("4K"), KIB(4));
	CHECK_EQ(size_of("512M"), MIB(512));
	CHECK_EQ(size_of("512m"), MIB(512));
	CHECK_EQ(size_of("2G"), GIB(2));
	CHECK_EQ(size_of("3T"), TIB(3));
	CHECK_EQ(size_of("16777215T"), TIB(16777215));
}

static void what_is_no_size_is_refused(void)
{
	CHECK_EQ(size_of(""), 0);
	CHECK_EQ(size_of("0"), 0);
	CHECK_EQ(size_of("0G"), 0);
	CHECK_EQ(size_of("-1"), 0);
	CHECK_EQ(size_of(" 1"), 0);
	CHECK_EQ(size_of("G"), 0);
	CHECK_EQ(size_of("1GB"), 0);
	CHECK_EQ(size_of("1X"), 0);
	CHECK_EQ(size_of("0x10"), 0);
	CHECK_EQ(size_of("1.5G"), 0);
}

static void a_size_that_overflows_is_refused(void)
{
	CHECK_EQ(size_of("18446744073709551615"), ~0ULL);
	CHECK_EQ(size_of("18446744073709551616"), 0);
	CHECK_EQ(size_of("16777216T"), 0);
	CHECK_EQ(size_of("99999999999999999999999999"), 0);
}

static void a_device_has_defaults(void)
{
	const struct config_device *d = &conf.devices[0];

	CHECK_EQ(PARSE_K("--device", "3b:10.2"), 0);
	CHECK(d->has_bdf);
	CHECK_EQ(d->fd, -1);
	CHECK_EQ(d->devfn, -1);
	CHECK_EQ(d->rom, VFIO_ROM_ON);
	CHECK_EQ(d->on_error, CONFIG_ERROR_STOP);
	CHECK_EQ(d->release_timeout_s, 20);
	CHECK(!d->keep_functions);
	CHECK(!strcmp(d->port, ""));
	CHECK(!strcmp(d->vf_token, ""));
}

static void a_device_has_a_place(void)
{
	CHECK_EQ(PARSE_K("--device", "3b:10.2,addr=1f.7", "--device",
			 "3b:10.3,port=slot-1", "--device",
			 "3b:11.0,multifunction=keep,addr=05.0"),
		 0);
	CHECK_EQ(conf.devices[0].devfn, 0xff);
	CHECK(!strcmp(conf.devices[1].port, "slot-1"));
	CHECK(conf.devices[2].keep_functions);
	CHECK_EQ(conf.devices[2].devfn, 0x28);
}

static void a_device_may_be_an_open_file(void)
{
	CHECK_EQ(PARSE_K("--device", "fd=3", "--device", "fd=4"), 0);
	CHECK_EQ(conf.devices[0].fd, 3);
	CHECK_EQ(conf.devices[1].fd, 4);
	CHECK(!conf.devices[0].has_bdf);
}

static void a_device_may_be_mediated(void)
{
	const char *path = "/sys/bus/mdev/devices/"
			   "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001";
	char word[128];

	snprintf(word, sizeof(word), "path=%s", path);
	CHECK_EQ(config_device_parse(word, &conf.devices[0], &err), 0);
	CHECK(!strcmp(conf.devices[0].path, path));
	CHECK(!conf.devices[0].has_bdf);
}

static void a_rom_may_be_a_file(void)
{
	CHECK_EQ(PARSE_K("--device", "3b:10.2,rom=./a.rom", "--device",
			 "3b:10.3,rom=off"),
		 0);
	CHECK_EQ(conf.devices[0].rom, VFIO_ROM_FILE);
	CHECK(!strcmp(conf.devices[0].rom_file, "./a.rom"));
	CHECK_EQ(conf.devices[1].rom, VFIO_ROM_OFF);
}

static void what_the_host_wants_is_set_per_device(void)
{
	CHECK_EQ(PARSE_K("--device", "3b:10.2,on-error=report", "--device",
			 "3b:10.3,release-timeout=0"),
		 0);
	CHECK_EQ(conf.devices[0].on_error, CONFIG_ERROR_REPORT);
	CHECK_EQ(conf.devices[1].release_timeout_s, 0);
}

static void vfio_takes_a_backend_and_p2p(void)
{
	CHECK_EQ(PARSE_K("--serial", "off"), 0);
	CHECK_EQ(conf.iommu_kind, IOMMU_AUTO);
	CHECK_EQ(conf.p2p, IOMMU_P2P_AUTO);
	CHECK_EQ(PARSE_K("--vfio", "backend=iommufd,p2p=on"), 0);
	CHECK_EQ(conf.iommu_kind, IOMMU_IOMMUFD);
	CHECK_EQ(conf.p2p, IOMMU_P2P_ON);
	CHECK_EQ(PARSE_K("--vfio", "backend=container,p2p=off"), 0);
	CHECK_EQ(conf.iommu_kind, IOMMU_CONTAINER);
	CHECK_EQ(conf.p2p, IOMMU_P2P_OFF);
}

int main(void)
{
	TAP_RUN(a_kernel_alone_gives_the_defaults);
	TAP_RUN(a_value_may_follow_an_equals_sign);
	TAP_RUN(cmdline_keeps_commas_and_dashes);
	TAP_RUN(cpus_takes_1_to_255);
	TAP_RUN(memory_takes_a_size);
	TAP_RUN(hugepages_default_to_2m);
	TAP_RUN(hugepages_may_be_1g);
	TAP_RUN(hugepages_off_are_normal_pages);
	TAP_RUN(device_takes_a_bare_bdf);
	TAP_RUN(device_takes_a_bdf_without_domain);
	TAP_RUN(device_takes_a_sysfs_path);
	TAP_RUN(device_may_be_repeated);
	TAP_RUN(serial_goes_where_it_is_told);
	TAP_RUN(serial_file_keeps_its_whole_path);
	TAP_RUN(on_reboot_exit_does_not_restart);
	TAP_RUN(irqchip_is_the_kernels_or_split);
	TAP_RUN(v_adds_up);
	TAP_RUN(stats_is_a_flag);
	TAP_RUN(help_needs_no_kernel);
	TAP_RUN(help_names_every_option_once);
	TAP_RUN(sizes_have_binary_suffixes);
	TAP_RUN(what_is_no_size_is_refused);
	TAP_RUN(a_size_that_overflows_is_refused);
	TAP_RUN(a_device_has_defaults);
	TAP_RUN(a_device_has_a_place);
	TAP_RUN(a_device_may_be_an_open_file);
	TAP_RUN(a_device_may_be_mediated);
	TAP_RUN(a_rom_may_be_a_file);
	TAP_RUN(what_the_host_wants_is_set_per_device);
	TAP_RUN(vfio_takes_a_backend_and_p2p);
	return tap_done();
}
