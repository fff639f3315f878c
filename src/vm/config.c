// SPDX-License-Identifier: GPL-2.0-or-later
/* What `strait run` was asked to do: its options, their values and limits. */
/*
 * How this works
 *
 * The option table at the end is all that `strait run` understands; options.c
 * walks it for parsing, help and messages. Each setter here checks one value
 * and stores it. What needs several options at once (a kernel must be there,
 * huge pages divide the RAM) is checked when all have been read.
 *
 * Nothing here touches the host: files, devices and free memory are looked at
 * by those who open them. Names are those of Cloud Hypervisor's command line
 * where the meaning is the same.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/bits.h"
#include "src/base/options.h"
#include "src/vm/config.h"
#include "src/vm/model.h"

#define RAM_DEFAULT MIB(512)
#define RAM_MIN	    MIB(32)
#define RAM_MAX	    TIB(64) /* what 46 address bits hold */
#define RAM_STEP    MIB(2)

/* What is being read: the configuration, and facts that only parsing needs. */
struct parse {
	struct config *c;
	enum config_action action;
	bool hugepages;
	bool has_hugepage_size;
};

/* Reads digits up to what is none. -EINVAL: there is no digit, or too many. */
static int read_digits(const char **s, uint64_t *out)
{
	uint64_t v = 0;

	if (**s < '0' || **s > '9')
		return -EINVAL;
	for (; **s >= '0' && **s <= '9'; (*s)++)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(**s - '0'), &v))
			return -EINVAL;
	*out = v;
	return 0;
}

int config_number(const char *s, uint64_t *out)
{
	uint64_t v;

	if (read_digits(&s, &v) || *s)
		return -EINVAL;
	*out = v;
	return 0;
}

int config_size(const char *s, uint64_t *out)
{
	static const char suffixes[] = "KMGT";
	uint64_t v;

	if (read_digits(&s, &v))
		return -EINVAL;
	if (*s) {
		const char *at = strchr(suffixes, *s & ~0x20);

		if (!at || s[1] ||
		    __builtin_mul_overflow(
			    v, 1ULL << (10 * (at - suffixes + 1)), &v))
			return -EINVAL;
	}
	if (!v)
		return -EINVAL;
	*out = v;
	return 0;
}

int config_path(const char *who, const char *value, char out[CONFIG_PATH_LEN],
		struct err *e)
{
	if (strlen(value) >= CONFIG_PATH_LEN)
		return err_set(e, EINVAL, "%s: a path of more than %d bytes",
			       who, CONFIG_PATH_LEN - 1);
	memcpy(out, value, strlen(value) + 1);
	return 0;
}

/* --- files and strings --- */

static int set_kernel(void *target, const char *value, struct err *e)
{
	(void)e;
	((struct parse *)target)->c->kernel = value;
	return 0;
}

static int set_initramfs(void *target, const char *value, struct err *e)
{
	(void)e;
	((struct parse *)target)->c->initramfs = value;
	return 0;
}

static int set_cmdline(void *target, const char *value, struct err *e)
{
	(void)e;
	((struct parse *)target)->c->cmdline = value;
	return 0;
}

/* --- --cpus --- */

static int set_cpus_boot(void *target, const char *value, struct err *e)
{
	struct parse *p = target;
	uint64_t n;

	if (config_number(value, &n) || n < 1 || n > CONFIG_MAX_CPUS) {
		err_set(e, EINVAL,
			"--cpus boot=%s: not a number of CPUs from 1 to %d",
			value, CONFIG_MAX_CPUS);
		err_hint(e, "for example --cpus boot=2");
		return -EINVAL;
	}
	p->c->nr_cpus = (unsigned int)n;
	return 0;
}

static int set_cpus(void *target, const char *value, struct err *e)
{
	static const struct option_key keys[] = { { "boot", set_cpus_boot, "N",
						    "CPUs at the start" } };
	static const struct option_keys list = { "--cpus", keys,
						 ARRAY_SIZE(keys), NULL };

	return option_keys_parse(&list, value, target, e);
}

/* --- --memory --- */

static int set_memory_size(void *target, const char *value, struct err *e)
{
	struct parse *p = target;
	uint64_t size;

	if (config_size(value, &size)) {
		err_set(e, EINVAL, "--memory size=%s: not a size", value);
		err_hint(e,
			 "a number with K, M, G or T, for example size=512M");
		return -EINVAL;
	}
	if (size < RAM_MIN)
		return err_set(e, EINVAL,
			       "--memory size=%s: a guest needs at least 32M",
			       value);
	if (size > RAM_MAX)
		return err_set(
			e, EINVAL,
			"--memory size=%s: more than 64T of guest memory cannot be placed",
			value);
	if (size % RAM_STEP) {
		err_set(e, EINVAL, "--memory size=%s: not a multiple of 2M",
			value);
		err_hint(e, "for example size=%" PRIu64 "M",
			 size / RAM_STEP * (RAM_STEP >> 20));
		return -EINVAL;
	}
	p->c->ram_size = size;
	return 0;
}

static int set_memory_hugepages(void *target, const char *value, struct err *e)
{
	struct parse *p = target;

	return option_on_off("--memory hugepages", value, &p->hugepages, e);
}

static int set_memory_hugepage_size(void *target, const char *value,
				    struct err *e)
{
	struct parse *p = target;
	uint64_t size;

	/* x86-64 has these two (Intel SDM 3A 4.5.4). */
	if (config_size(value, &size) || (size != MIB(2) && size != GIB(1)))
		return err_set(e, EINVAL,
			       "--memory hugepage_size=%s: must be 2M or 1G",
			       value);
	p->c->hugepage_size = size;
	p->has_hugepage_size = true;
	return 0;
}

static int set_memory(void *target, const char *value, struct err *e)
{
	static const struct option_key keys[] = {
		{ "size", set_memory_size, "SIZE", "how much, for example 2G" },
		{ "hugepages", set_memory_hugepages, "on|off",
		  "from the host's pool of huge pages" },
		{ "hugepage_size", set_memory_hugepage_size, "2M|1G",
		  "from which pool" },
	};
	static const struct option_keys list = { "--memory", keys,
						 ARRAY_SIZE(keys), NULL };

	return option_keys_parse(&list, value, target, e);
}

static int check_memory(struct parse *p, struct err *e)
{
	struct config *c = p->c;

	if (p->has_hugepage_size && !p->hugepages) {
		err_set(e, EINVAL,
			"--memory hugepage_size: huge pages are not asked for");
		err_hint(e, "add hugepages=on, or leave hugepage_size out");
		return -EINVAL;
	}
	if (p->hugepages && !c->hugepage_size)
		c->hugepage_size = MIB(2);
	if (c->hugepage_size && c->ram_size % c->hugepage_size)
		return err_set(
			e, EINVAL,
			"--memory: a size of %" PRIu64
			"M is not a multiple of the huge page size of %" PRIu64
			"M",
			c->ram_size >> 20, c->hugepage_size >> 20);
	return 0;
}

/* --- --device and --vfio --- */

static bool same_device(const struct config_device *a,
			const struct config_device *b)
{
	if (a->has_bdf && b->has_bdf)
		return bdf_equal(a->bdf, b->bdf);
	if (a->fd >= 0 && b->fd >= 0)
		return a->fd == b->fd;
	return a->path[0] && !strcmp(a->path, b->path);
}

/* What two devices cannot have both. */
static int check_pair(const struct config_device *other,
		      const struct config_device *d, const char *value,
		      struct err *e)
{
	if (same_device(other, d))
		return err_set(e, EINVAL, "--device %s: is given twice", value);
	if (d->port[0] && !strcmp(d->port, other->port)) {
		err_set(e, EINVAL,
			"--device %s: another --device is behind port %s",
			value, d->port);
		err_hint(
			e,
			"a port has one slot: name another port, or give all functions of one card by multifunction=keep");
		return -EINVAL;
	}
	if (d->devfn < 0 || d->devfn != other->devfn)
		return 0;
	err_set(e, EINVAL, "--device %s: another --device has addr=%02x.%x",
		value, (unsigned int)d->devfn >> 3, (unsigned int)d->devfn & 7);
	err_hint(e, "leave addr= out, and it gets a free slot");
	return -EINVAL;
}

static int set_device(void *target, const char *value, struct err *e)
{
	struct config *c = ((struct parse *)target)->c;
	struct config_device *d = &c->devices[c->nr_devices];
	int ret;

	if (c->nr_devices == CONFIG_MAX_DEVICES)
		return err_set(e, EINVAL,
			       "--device %s: a guest takes at most %d devices",
			       value, CONFIG_MAX_DEVICES);
	ret = config_device_parse(value, d, e);
	if (ret)
		return ret;
	for (unsigned int i = 0; !ret && i < c->nr_devices; i++)
		ret = check_pair(&c->devices[i], d, value, e);
	c->nr_devices += !ret;
	return ret;
}

static int set_vfio_backend(void *target, const char *value, struct err *e)
{
	static const char *const words[] = {
		[IOMMU_AUTO] = "auto",
		[IOMMU_IOMMUFD] = "iommufd",
		[IOMMU_CONTAINER] = "container",
	};
	struct parse *p = target;
	int i = option_word("--vfio backend", value, words, ARRAY_SIZE(words),
			    e);

	if (i < 0)
		return i;
	p->c->iommu_kind = (enum iommu_kind)i;
	return 0;
}

static int set_vfio_p2p(void *target, const char *value, struct err *e)
{
	static const char *const words[] = {
		[IOMMU_P2P_AUTO] = "auto",
		[IOMMU_P2P_OFF] = "off",
		[IOMMU_P2P_ON] = "on",
	};
	struct parse *p = target;
	int i = option_word("--vfio p2p", value, words, ARRAY_SIZE(words), e);

	if (i < 0)
		return i;
	p->c->p2p = (enum iommu_p2p)i;
	return 0;
}

static int set_vfio(void *target, const char *value, struct err *e)
{
	static const struct option_key keys[] = {
		{ "backend", set_vfio_backend, "auto|iommufd|container",
		  "which interface of the kernel's" },
		{ "p2p", set_vfio_p2p, "auto|on|off",
		  "let devices reach each other's BARs" },
	};
	static const struct option_keys list = { "--vfio", keys,
						 ARRAY_SIZE(keys), NULL };

	return option_keys_parse(&list, value, target, e);
}

/* --- emulated devices (model.h) --- */

/* Which option it is, options.c does not say: so each has a function. */
#define SET_MODEL(name)                                                        \
	static int set_##name(void *target, const char *value, struct err *e)  \
	{                                                                      \
		return model_configure(&model_##name##_option,                 \
				       ((struct parse *)target)->c, value, e); \
	}
SET_MODEL(balloon)
SET_MODEL(console)
SET_MODEL(disk)
SET_MODEL(display)
SET_MODEL(net)
SET_MODEL(rng)
SET_MODEL(vsock)

static int set_iothreads(void *target, const char *value, struct err *e)
{
	struct parse *p = target;
	uint64_t n;

	if (config_number(value, &n) || n < 1 || n > CONFIG_MAX_IOTHREADS)
		return err_set(e, EINVAL,
			       "--iothreads %s: not a number from 1 to %d",
			       value, CONFIG_MAX_IOTHREADS);
	p->c->nr_iothreads = (unsigned int)n;
	return 0;
}

/* --- --serial and the rest --- */

static int set_irqchip(void *target, const char *value, struct err *e)
{
	static const char *const words[] = {
		[IRQCHIP_KERNEL] = "kernel",
		[IRQCHIP_SPLIT] = "split",
	};
	struct parse *p = target;
	int i = option_word("--irqchip", value, words, ARRAY_SIZE(words), e);

	if (i < 0)
		return i;
	p->c->irqchip = (enum irqchip)i;
	return 0;
}

static int set_serial_path(struct config *c, enum config_serial to,
			   const char *key, const char *path, struct err *e)
{
	if (!path[0])
		return err_set(e, EINVAL, "--serial: %s has no value", key);
	c->serial = to;
	c->serial_file = path;
	return 0;
}

static int set_serial(void *target, const char *value, struct err *e)
{
	static const char *const words[] = {
		[SERIAL_TTY] = "tty",
		[SERIAL_OFF] = "off",
		[SERIAL_FILE] = "file=PATH",
		[SERIAL_PTY] = "pty",
		[SERIAL_SOCKET] = "socket=PATH",
		[SERIAL_NULL] = "null",
	};
	struct config *c = ((struct parse *)target)->c;
	int i;

	if (!strncmp(value, "file=", 5))
		return set_serial_path(c, SERIAL_FILE, "file", value + 5, e);
	if (!strncmp(value, "socket=", 7))
		return set_serial_path(c, SERIAL_SOCKET, "socket", value + 7,
				       e);
	i = option_word("--serial", value, words, ARRAY_SIZE(words), e);
	if (i < 0)
		return i;
	c->serial = (enum config_serial)i;
	return 0;
}

static int set_on_reboot(void *target, const char *value, struct err *e)
{
	static const char *const words[] = { "exit", "restart" };
	struct parse *p = target;
	int i = option_word("--on-reboot", value, words, ARRAY_SIZE(words), e);

	if (i < 0)
		return i;
	p->c->restart_on_reboot = i == 1;
	return 0;
}

static int set_stats(void *target, const char *value, struct err *e)
{
	(void)value;
	(void)e;
	((struct parse *)target)->c->stats = true;
	return 0;
}

static int set_timing(void *target, const char *value, struct err *e)
{
	(void)value;
	(void)e;
	((struct parse *)target)->c->timing = true;
	return 0;
}

static int set_verbose(void *target, const char *value, struct err *e)
{
	(void)value;
	(void)e;
	((struct parse *)target)->c->verbosity++;
	return 0;
}

static int set_help(void *target, const char *value, struct err *e)
{
	(void)value;
	(void)e;
	((struct parse *)target)->action = CONFIG_HELP;
	return OPTION_STOP;
}

static const struct option_def run_options[] = {
	{ "kernel", 0, "FILE",
	  "Linux kernel: a bzImage (vmlinuz) or an ELF vmlinux with PVH entry",
	  false, set_kernel },
	{ "initramfs", 0, "FILE", "its initial RAM file system", false,
	  set_initramfs },
	{ "cmdline", 0, "STRING", "its command line", false, set_cmdline },
	{ "cpus", 0, "boot=N", "virtual CPUs, 1 to 255 (default boot=1)", false,
	  set_cpus },
	{ "memory", 0, "size=SIZE[,KEY=...]",
	  "RAM (default 512M); keys hugepages=on|off, hugepage_size=2M|1G",
	  false, set_memory },
	{ "device", 0, "BDF[,KEY=...]",
	  "device to assign, also path=/sys/... or fd=N; may be repeated; keys managed, rom, addr, multifunction, port, on-error, release-timeout, vf-token (see strait(1))",
	  true, set_device },
	{ "vfio", 0, "KEY=VALUE[,...]",
	  "backend=auto|iommufd|container, p2p=auto|on|off: how devices reach memory",
	  false, set_vfio },
	{ "balloon", 0, "KEY=VALUE[,...]",
	  "a memory balloon; strait devices lists the keys", false,
	  set_balloon },
	{ "console", 0, "tty|pty|null|off|...",
	  "a virtio console (hvc0) and where it goes, also socket=FILE or file=FILE",
	  false, set_console },
	{ "disk", 0, "path=FILE[,KEY=...]",
	  "a disk: an image, block device or NBD server; may be repeated; strait devices lists the keys",
	  true, set_disk },
	{ "display", 0, "KEY=VALUE[,...]",
	  "a framebuffer with keyboard and mouse; strait devices lists the keys",
	  false, set_display },
	{ "net", 0, "tap=NAME[,KEY=...]",
	  "a network card, also fd=N or passt; may be repeated; strait devices lists the keys",
	  true, set_net },
	{ "rng", 0, "src=FILE",
	  "an entropy device; the host's bytes come from src=/dev/urandom",
	  false, set_rng },
	{ "vsock", 0, "cid=N",
	  "sockets between host and guest; N is the guest's address", false,
	  set_vsock },
	{ "iothreads", 0, "N",
	  "threads that serve emulated devices' queues, 1 to 16 (default 1)",
	  false, set_iothreads },
	{ "irqchip", 0, "kernel|split",
	  "who has the IOAPIC: the kernel, with PIC and PIT, or strait (default kernel)",
	  false, set_irqchip },
	{ "serial", 0, "tty|pty|null|off|...",
	  "where the first serial port goes, also file=PATH or socket=PATH (default tty)",
	  false, set_serial },
	{ "on-reboot", 0, "restart|exit",
	  "what a reboot of the guest does (default restart)", false,
	  set_on_reboot },
	{ "stats", 0, NULL, "print counts of exits at the end", false,
	  set_stats },
	{ "timing", 0, NULL, "print how long each phase of the start took",
	  false, set_timing },
	{ "verbose", 'v', NULL, "say more; -vv and -vvv say still more", true,
	  set_verbose },
	{ "help", 'h', NULL, "print this", false, set_help },
};
static_assert(ARRAY_SIZE(run_options) <= 64, "options_parse has 64 bits");

/* Of Cloud Hypervisor's command line. */
static const struct option_absent run_absent[] = {
	{ "api-socket",
	  "there is no control socket: SIGTERM stops the guest at once" },
	{ "firmware",
	  "there is no firmware boot: name the guest's kernel with --kernel" },
};

static const struct option_table run_table = {
	.defs = run_options,
	.nr = ARRAY_SIZE(run_options),
	.help_command = "strait run --help",
	.absent = run_absent,
	.nr_absent = ARRAY_SIZE(run_absent),
};

const struct config_emulated *config_find(const struct config *c,
					  const char *option)
{
	for (unsigned int i = 0; i < c->nr_emulated; i++)
		if (!strcmp(c->emulated[i].option, option))
			return &c->emulated[i];
	return NULL;
}

bool config_console_is_tty(const struct config *c)
{
	const struct config_emulated *d = config_find(c, "console");

	return d && d->console.to == CONSOLE_TTY;
}

/* Pinned memory cannot be taken, and what huge pages hold only whole. */
static int check_balloon(const struct config *c, struct err *e)
{
	if (!config_find(c, "balloon"))
		return 0;
	if (c->nr_devices) {
		err_set(e, EINVAL,
			"--balloon: with a device assigned, all guest memory is pinned for its DMA, and none can be taken");
		err_hint(e, "leave --balloon out, or --device");
		return -EINVAL;
	}
	if (c->hugepage_size)
		return err_set(
			e, EINVAL,
			"--balloon: memory in huge pages cannot be taken page by page; leave --memory hugepages out");
	return 0;
}

int config_parse(int argc, char **argv, struct config *out,
		 enum config_action *action, struct err *e)
{
	struct parse p = { .c = out };
	int ret;

	*out = (struct config){
		.cmdline = "",
		.nr_cpus = 1,
		.ram_size = RAM_DEFAULT,
		.serial = SERIAL_TTY,
		.restart_on_reboot = true,
		.nr_iothreads = 1,
	};
	ret = options_parse(&run_table, argc, argv, &p, e);
	*action = p.action;
	if (ret || p.action == CONFIG_HELP)
		return ret;
	if (!out->kernel) {
		err_set(e, EINVAL, "--kernel is missing");
		err_hint(
			e,
			"name the guest's kernel, for example --kernel /boot/vmlinuz");
		return -EINVAL;
	}
	if (out->serial == SERIAL_TTY && config_console_is_tty(out)) {
		err_set(e, EINVAL,
			"--console tty: the serial port has the terminal already");
		err_hint(e, "add --serial null");
		return -EINVAL;
	}
	ret = check_memory(&p, e);
	return ret ? ret : check_balloon(out, e);
}

void config_help(FILE *f)
{
	fputs("Usage: strait run --kernel FILE [OPTION]...\n"
	      "Run a Linux guest under KVM. Each option is written --NAME VALUE or --NAME=VALUE.\n\n",
	      f);
	options_help(&run_table, f);
}
