// SPDX-License-Identifier: GPL-2.0-or-later
/* Bad command lines: each is refused with what is wrong and what to write. */
#include <errno.h>

#include "src/vm/config.h"
#include "tests/tap.h"

enum { MANY = CONFIG_MAX_DEVICES + 1 };

static struct config conf;
static struct err err;

static void refused_words(int argc, char **argv, const char *msg,
			  const char *hint)
{
	enum config_action action;

	err = (struct err){ 0 };
	CHECK_EQ(config_parse(argc, argv, &conf, &action, &err), -EINVAL);
	CHECK_EQ(err.code, EINVAL);
	CHECK_HAS(err.msg, msg);
	CHECK_HAS(err.hint, hint);
}

/* "--kernel k" and one more word or two, which are refused. */
static void refused(const char *option, const char *value, const char *msg,
		    const char *hint)
{
	char words[4][600] = { "--kernel", "k" };
	char *argv[] = { words[0], words[1], words[2], words[3] };

	snprintf(words[2], sizeof(words[2]), "%s", option);
	snprintf(words[3], sizeof(words[3]), "%s", value ? value : "");
	refused_words(value ? 4 : 3, argv, msg, hint);
}

static void a_missing_kernel_is_named(void)
{
	char stats[] = "--stats";

	refused_words(0, NULL, "--kernel is missing", "--kernel /");
	refused_words(1, (char *[]){ stats }, "--kernel is missing", "");
}

static void an_unknown_option_gets_the_nearest(void)
{
	refused("--kernl", "x", "unknown option --kernl",
		"did you mean --kernel?");
	refused("--memroy=size=1G", NULL, "unknown option --memroy",
		"did you mean --memory?");
	refused("--mem", NULL, "unknown option --mem",
		"did you mean --memory?");
	refused("--initrd", "x", "unknown option --initrd",
		"did you mean --initramfs?");
	refused("--cpu", "2", "unknown option --cpu", "did you mean --cpus?");
	refused("--devices", "x", "unknown option --devices",
		"did you mean --device?");
	refused("-kernel", "x", "unknown option -kernel",
		"did you mean --kernel?");
}

static void options_of_cloud_hypervisor_are_told_what_is_there_instead(void)
{
	refused("--api-socket", "x", "unknown option --api-socket", "SIGTERM");
	refused("--firmware", "x", "unknown option --firmware", "--kernel");
}

static void an_option_near_nothing_points_to_help(void)
{
	refused("--frobnicate", NULL, "unknown option --frobnicate",
		"strait run --help lists");
	refused("--", NULL, "unknown option --", "strait run --help lists");
	refused("-z", NULL, "unknown option -z", "strait run --help lists");
}

static void a_very_long_option_is_refused_whole(void)
{
	char word[500] = "--";

	memset(word + 2, 'k', sizeof(word) - 3);
	refused(word, NULL, "unknown option --kkk", "--help");
}

static void a_stray_word_is_refused(void)
{
	refused("bzImage", NULL, "unexpected argument \"bzImage\"",
		"begin with --");
	refused("-", NULL, "unexpected argument \"-\"", "begin with --");
	refused("", NULL, "unexpected argument \"\"", "begin with --");
}

static void an_option_without_its_value_is_refused(void)
{
	refused("--memory", NULL, "--memory: the value is missing",
		"write --memory size=");
	refused("--initramfs", "--stats", "--initramfs: the value is missing",
		"write --initramfs FILE");
}

static void an_empty_value_is_refused(void)
{
	refused("--initramfs", "", "--initramfs: the value is empty",
		"write --initramfs FILE");
	refused("--cmdline=", NULL, "--cmdline: the value is empty", "");
	refused("--memory", "size=", "--memory: size has no value",
		"write size=VALUE");
	refused("--serial", "file=", "--serial: file has no value", "");
}

static void a_flag_with_a_value_is_refused(void)
{
	refused("--stats=on", NULL, "--stats takes no value", "write --stats");
}

static void an_option_given_twice_is_refused(void)
{
	refused("--kernel", "other", "--kernel is given twice", "leave one");
}

static void a_bad_number_of_cpus_names_the_range(void)
{
	refused("--cpus", "boot=0", "--cpus boot=0: ", "");
	refused("--cpus", "boot=256", "from 1 to 255", "");
	refused("--cpus", "boot=-1", "from 1 to 255", "");
	refused("--cpus", "boot=2x", "from 1 to 255", "");
	refused("--cpus", "boot=99999999999999999999", "from 1 to 255", "");
}

static void a_bare_number_of_cpus_gets_its_key(void)
{
	refused("--cpus", "2", "\"2\" is not of the form key=value",
		"write --cpus boot=2");
}

static void a_bare_size_gets_its_key(void)
{
	refused("--memory", "512M", "\"512M\" is not of the form key=value",
		"write --memory size=512M");
}

static void an_unknown_key_gets_the_nearest(void)
{
	refused("--memory", "sise=1G", "--memory: unknown key \"sise\"",
		"did you mean size=?");
	refused("--memory", "hugepage=on", "unknown key \"hugepage\"",
		"did you mean hugepages=?");
	refused("--cpus", "max=4", "--cpus: unknown key \"max\"",
		"its keys are: boot");
	refused("--device", "01:10.0,iommu=on", "unknown key \"iommu\"",
		"its keys are: path, fd, managed");
}

static void a_key_given_twice_is_refused(void)
{
	refused("--memory", "size=1G,size=2G", "--memory: size is given twice",
		"leave one of them out");
}

static void a_gap_in_a_list_is_refused(void)
{
	refused("--memory", "size=1G,", "nothing between two commas", "KEY=");
	refused("--memory", ",size=1G", "nothing between two commas", "KEY=");
}

static void an_endless_value_is_refused(void)
{
	char text[590];

	memset(text, '1', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	refused("--memory", text, "--memory: a value is too long", "");
}

static void a_bad_memory_size_is_explained(void)
{
	refused("--memory", "size=lots", "--memory size=lots: not a size",
		"for example size=512M");
	refused("--memory", "size=16777216T", "not a size", "");
	refused("--memory", "size=16M", "needs at least 32M", "");
	refused("--memory", "size=65T", "more than 64T", "");
	refused("--memory", "size=33M", "not a multiple of 2M",
		"for example size=32M");
}

static void a_bad_huge_page_size_is_explained(void)
{
	refused("--memory", "hugepages=on,hugepage_size=4M",
		"hugepage_size=4M: must be 2M or 1G", "");
	refused("--memory", "hugepage_size=2M", "huge pages are not asked for",
		"hugepages=on");
	refused("--memory", "size=1536M,hugepages=on,hugepage_size=1G",
		"1536M is not a multiple of the huge page size of 1024M", "");
}

static void on_off_values_get_the_nearest(void)
{
	refused("--device", "01:10.0,managed=of",
		"--device managed: \"of\" is not one of: off, on",
		"did you mean off?");
	refused("--memory", "hugepages=yes", "\"yes\" is not one of: off, on",
		"");
}

static void a_bad_bdf_shows_a_good_one(void)
{
	refused("--device", "eth0", "--device eth0: not a PCI address",
		"0000:3b:10.0");
	refused("--device", "01:20.0", "not a PCI address", "0000:3b:10.0");
	refused("--device", "01:10.8", "not a PCI address", "0000:3b:10.0");
}

static void a_bare_path_gets_its_key(void)
{
	refused("--device", "/sys/bus/pci/devices/0000:01:10.0",
		"not a PCI address", "path=/sys/bus/pci/devices/0000:01:10.0");
}

static void a_path_without_bdf_is_refused(void)
{
	refused("--device", "path=/dev/vfio/12", "not a path in /sys",
		"/sys/bus/pci/devices/");
	refused("--device", "path=0000:01:10.0", "not a path in /sys", "");
	refused("--device", "path=///", "not a path in /sys", "");
}

static void a_device_without_address_is_refused(void)
{
	refused("--device", "managed=off", "names no device", "0000:3b:10.0");
}

static void two_functions_in_one_device_are_refused(void)
{
	refused("--device", "01:10.0,01:10.2", "01:10.2: a second function",
		"a --device of its own");
	refused("--device", "01:10.0,path=/sys/x/0000:01:10.2",
		"a second function", "a --device of its own");
}

static void a_device_given_twice_is_refused(void)
{
	char k[] = "--kernel=k", a[] = "--device=01:10.0", d[] = "--device",
	     b[] = "path=/sys/bus/pci/devices/0000:01:10.0";

	refused_words(4, (char *[]){ k, a, d, b },
		      "0000:01:10.0: is given twice", "");
}

static void a_port_for_two_devices_is_refused(void)
{
	char k[] = "--kernel=k", a[] = "--device=01:10.0,port=left",
	     b[] = "--device=01:10.2,port=left";

	refused_words(
		3, (char *[]){ k, a, b },
		"--device 01:10.2,port=left: another --device is behind port left",
		"multifunction=keep");
}

static void an_address_for_two_devices_is_refused(void)
{
	char k[] = "--kernel=k", a[] = "--device=01:10.0,addr=0a.0",
	     b[] = "--device=01:10.2,addr=0a.0";

	refused_words(3, (char *[]){ k, a, b },
		      "01:10.2,addr=0a.0: another --device has addr=0a.0",
		      "leave addr= out");
}

static void an_fd_that_is_none_is_refused(void)
{
	refused("--device", "fd=x", "fd=x: not a file descriptor",
		"3<>/dev/vfio/devices/vfio0");
	refused("--device", "fd=-1", "not a file descriptor", "");
	refused("--device", "fd=3,01:10.0", "01:10.0: a second function", "");
}

static void an_address_outside_of_bus_0_is_refused(void)
{
	refused("--device", "01:10.0,addr=20.0", "addr=20.0: not a device",
		"addr=05.0");
	refused("--device", "01:10.0,addr=00.0", "addr=00.0: not a device",
		"the host bridge");
	refused("--device", "01:10.0,addr=00.1", "addr=00.1: not a device",
		"host bridge");
	refused("--device", "01:10.0,addr=1.8", "addr=1.8: not a device", "");
	refused("--device", "01:10.0,addr=1.0x", "not a device", "");
	refused("--device", "01:10.0,addr=+1.0", "not a device", "");
	refused("--device", "01:10.0,addr= 1.0", "not a device", "");
}

static void a_port_has_no_address(void)
{
	refused("--device", "01:10.0,addr=2.0,port=p", "exclude each other",
		"device 00");
}

static void kept_functions_need_a_slot(void)
{
	refused("--device", "fd=3,multifunction=keep", "needs a PCI address",
		"");
	refused("--device", "01:10.0,multifunction=keep,addr=05.1",
		"names a slot", "addr=05.0");
	refused("--device", "01:10.0,multifunction=kep", "is not one of",
		"keep");
}

static void a_rom_that_is_no_path_is_refused(void)
{
	refused("--device", "01:10.0,rom=onn", "\"onn\" is not one of: on, off",
		"did you mean on?");
	refused("--device", "01:10.0,rom=my.rom", "is not one of",
		"rom=./my.rom");
}

static void a_bad_release_timeout_is_refused(void)
{
	refused("--device", "01:10.0,release-timeout=-1",
		"not a number of seconds", "release-timeout=20");
	refused("--device", "01:10.0,release-timeout=99999", "0 to 3600", "");
}

static void a_bad_vf_token_is_refused(void)
{
	refused("--device", "01:10.0,vf-token=1234", "not a UUID", "uuidgen");
	refused("--device",
		"01:10.0,vf-token=14d63f20-8445-11ea-8900-1f9ce7d5650g",
		"not a UUID", "");
}

static void a_bad_backend_is_refused(void)
{
	refused("--vfio", "backend=iomufd", "\"iomufd\" is not one of",
		"iommufd");
	refused("--vfio", "p2p=yes", "\"yes\" is not one of: auto, off, on",
		"");
	refused("--vfio", "iommufd", "not of the form key=value",
		"backend=iommufd");
}

static void too_many_devices_are_refused(void)
{
	char words[MANY][32], *argv[MANY];

	for (int i = 0; i < MANY; i++) {
		argv[i] = words[i];
		snprintf(words[i], sizeof(words[i]), "--device=%02x:00.0",
			 i + 1);
	}
	refused_words(MANY, argv, "at most 32 devices", "");
}

static void a_bad_serial_gets_the_nearest(void)
{
	refused("--serial", "tyt", "--serial: \"tyt\" is not one of",
		"did you mean tty?");
	refused("--serial", "file", "is not one of", "did you mean file=PATH?");
}

static void a_bad_irqchip_names_the_choices(void)
{
	refused("--irqchip", "splt", "is not one of: kernel, split",
		"did you mean split?");
}

static void a_bad_on_reboot_names_the_choices(void)
{
	refused("--on-reboot", "resart", "is not one of: exit, restart",
		"did you mean restart?");
}

int main(void)
{
	TAP_RUN(a_missing_kernel_is_named);
	TAP_RUN(an_unknown_option_gets_the_nearest);
	TAP_RUN(options_of_cloud_hypervisor_are_told_what_is_there_instead);
	TAP_RUN(an_option_near_nothing_points_to_help);
	TAP_RUN(a_very_long_option_is_refused_whole);
	TAP_RUN(a_stray_word_is_refused);
	TAP_RUN(an_option_without_its_value_is_refused);
	TAP_RUN(an_empty_value_is_refused);
	TAP_RUN(a_flag_with_a_value_is_refused);
	TAP_RUN(an_option_given_twice_is_refused);
	TAP_RUN(a_bad_number_of_cpus_names_the_range);
	TAP_RUN(a_bare_number_of_cpus_gets_its_key);
	TAP_RUN(a_bare_size_gets_its_key);
	TAP_RUN(an_unknown_key_gets_the_nearest);
	TAP_RUN(a_key_given_twice_is_refused);
	TAP_RUN(a_gap_in_a_list_is_refused);
	TAP_RUN(an_endless_value_is_refused);
	TAP_RUN(a_bad_memory_size_is_explained);
	TAP_RUN(a_bad_huge_page_size_is_explained);
	TAP_RUN(on_off_values_get_the_nearest);
	TAP_RUN(a_bad_bdf_shows_a_good_one);
	TAP_RUN(a_bare_path_gets_its_key);
	TAP_RUN(a_path_without_bdf_is_refused);
	TAP_RUN(a_device_without_address_is_refused);
	TAP_RUN(two_functions_in_one_device_are_refused);
	TAP_RUN(a_device_given_twice_is_refused);
	TAP_RUN(a_port_for_two_devices_is_refused);
	TAP_RUN(an_address_for_two_devices_is_refused);
	TAP_RUN(an_fd_that_is_none_is_refused);
	TAP_RUN(an_address_outside_of_bus_0_is_refused);
	TAP_RUN(a_port_has_no_address);
	TAP_RUN(kept_functions_need_a_slot);
	TAP_RUN(a_rom_that_is_no_path_is_refused);
	TAP_RUN(a_bad_release_timeout_is_refused);
	TAP_RUN(a_bad_vf_token_is_refused);
	TAP_RUN(a_bad_backend_is_refused);
	TAP_RUN(too_many_devices_are_refused);
	TAP_RUN(a_bad_serial_gets_the_nearest);
	TAP_RUN(a_bad_irqchip_names_the_choices);
	TAP_RUN(a_bad_on_reboot_names_the_choices);
	return tap_done();
}
