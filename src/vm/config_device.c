// SPDX-License-Identifier: GPL-2.0-or-later
/* The value of --device: which device, and how the guest is to get it. */
/*
 * How this works
 *
 * A device is named in one of three ways: by its PCI address, by a path in
 * sysfs (any function or mediated device), or by an open
 * /dev/vfio/devices/vfioN that whoever started strait left it. Only the form is
 * looked at here; the host is asked when the run begins. A path that ends in a
 * PCI address is taken for that address, so that a device given twice is
 * noticed in either form.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/bits.h"
#include "src/base/options.h"
#include "src/vm/config.h"

enum { TIMEOUT_DEFAULT_S = 20, TIMEOUT_MAX_S = 3600, FD_MAX = 1 << 20 };

/* A decimal number of at most max, or -1. */
static long number(const char *value, long max)
{
	char *end;
	long n;

	if (*value < '0' || *value > '9')
		return -1;
	errno = 0;
	n = strtol(value, &end, 10);
	return *end || errno || n > max ? -1 : n;
}

/* --- which device --- */

static bool is_named(const struct config_device *d)
{
	return d->has_bdf || d->path[0] || d->fd >= 0;
}

static int second_name(const char *text, struct err *e)
{
	err_set(e, EINVAL, "--device %s: a second function", text);
	err_hint(e, "give each function a --device of its own");
	return -EINVAL;
}

static int set_bdf(void *target, const char *word, struct err *e)
{
	struct config_device *d = target;
	struct bdf bdf;

	if (bdf_parse(word, &bdf)) {
		err_set(e, EINVAL, "--device %s: not a PCI address", word);
		if (word[0] == '/')
			err_hint(e, "write --device path=%s", word);
		err_hint(e,
			 "write it as lspci -D does, for example 0000:3b:10.0");
		return -EINVAL;
	}
	if (is_named(d))
		return second_name(word, e);
	d->bdf = bdf;
	d->has_bdf = true;
	return 0;
}

/* The last component, without the slashes that may end a path. */
static size_t last_component(const char *path, const char **start)
{
	size_t len = strlen(path);

	while (len && path[len - 1] == '/')
		len--;
	for (*start = path + len; *start > path && (*start)[-1] != '/';)
		--*start;
	return (size_t)(path + len - *start);
}

static int set_path(void *target, const char *value, struct err *e)
{
	struct config_device *d = target;
	char name[BDF_STR_LEN];
	const char *start;
	size_t len = last_component(value, &start);

	if (strncmp(value, "/sys/", strlen("/sys/")) || !len) {
		err_set(e, EINVAL, "--device path=%s: not a path in /sys",
			value);
		err_hint(
			e,
			"for example path=/sys/bus/pci/devices/0000:3b:10.0 or path=/sys/bus/mdev/devices/UUID");
		return -EINVAL;
	}
	if (is_named(d))
		return second_name(value, e);
	if (len < sizeof(name)) {
		memcpy(name, start, len);
		name[len] = '\0';
		if (!bdf_parse(name, &d->bdf)) {
			d->has_bdf = true;
			return 0;
		}
	}
	if (snprintf(d->path, sizeof(d->path), "%s", value) >=
	    (int)sizeof(d->path))
		return err_set(e, EINVAL, "--device path=: longer than %zu",
			       sizeof(d->path) - 1);
	return 0;
}

static int set_fd(void *target, const char *value, struct err *e)
{
	struct config_device *d = target;
	long fd = number(value, FD_MAX);

	if (fd < 0) {
		err_set(e, EINVAL, "--device fd=%s: not a file descriptor",
			value);
		err_hint(
			e,
			"for example: strait run --device fd=3 ... 3<>/dev/vfio/devices/vfio0");
		return -EINVAL;
	}
	if (is_named(d))
		return second_name(value, e);
	d->fd = (int)fd;
	return 0;
}

static int set_vf_token(void *target, const char *value, struct err *e)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	struct config_device *d = target;
	bool ok = strlen(value) == strlen(form);

	for (size_t i = 0; ok && form[i]; i++)
		ok = form[i] == '-' ? value[i] == '-'
				    : strchr("0123456789abcdefABCDEF",
					     value[i]) != NULL;
	if (!ok) {
		err_set(e, EINVAL, "--device vf-token=%s: not a UUID", value);
		err_hint(
			e,
			"it is the one that the program which has the PF gave it; uuidgen makes one");
		return -EINVAL;
	}
	memcpy(d->vf_token, value, sizeof(form));
	return 0;
}

/* --- how the guest gets it --- */

static int set_managed(void *target, const char *value, struct err *e)
{
	struct config_device *d = target;

	return option_on_off("--device managed", value, &d->managed, e);
}

static int set_rom(void *target, const char *value, struct err *e)
{
	static const char *const words[] = {
		[VFIO_ROM_ON] = "on",
		[VFIO_ROM_OFF] = "off",
	};
	struct config_device *d = target;
	int i;

	if (strchr(value, '/')) {
		d->rom = VFIO_ROM_FILE;
		if (snprintf(d->rom_file, sizeof(d->rom_file), "%s", value) <
		    (int)sizeof(d->rom_file))
			return 0;
		return err_set(e, EINVAL, "--device rom=: longer than %zu",
			       sizeof(d->rom_file) - 1);
	}
	i = option_word("--device rom", value, words, ARRAY_SIZE(words), e);
	if (i < 0) {
		err_hint(e, "a file is written with its path: rom=./%s", value);
		return i;
	}
	d->rom = (enum vfio_rom_source)i;
	return 0;
}

static int set_addr(void *target, const char *value, struct err *e)
{
	struct config_device *d = target;
	unsigned int slot, function;
	char rest;

	/* sscanf alone would take signs and blanks. */
	if (strlen(value) > 4 ||
	    strspn(value, ".0123456789abcdefABCDEF") != strlen(value) ||
	    sscanf(value, "%x.%1u%c", &slot, &function, &rest) != 2 ||
	    slot > 0x1f || function > 7 || !slot) {
		err_set(e, EINVAL,
			"--device addr=%s: not a device and function on the guest's bus 0",
			value);
		err_hint(
			e,
			"01.0 to 1f.7, for example addr=05.0 (00 is the host bridge)");
		return -EINVAL;
	}
	d->devfn = (int)(slot << 3 | function);
	return 0;
}

static int set_multifunction(void *target, const char *value, struct err *e)
{
	static const char *const words[] = { "off", "keep" };
	struct config_device *d = target;
	int i = option_word("--device multifunction", value, words,
			    ARRAY_SIZE(words), e);

	if (i < 0)
		return i;
	d->keep_functions = i == 1;
	return 0;
}

static int set_port(void *target, const char *value, struct err *e)
{
	struct config_device *d = target;

	if (snprintf(d->port, sizeof(d->port), "%s", value) <
	    (int)sizeof(d->port))
		return 0;
	return err_set(e, EINVAL,
		       "--device port=%s: a name has at most %zu letters",
		       value, sizeof(d->port) - 1);
}

static int set_on_error(void *target, const char *value, struct err *e)
{
	static const char *const words[] = {
		[CONFIG_ERROR_STOP] = "stop",
		[CONFIG_ERROR_REPORT] = "report",
	};
	struct config_device *d = target;
	int i = option_word("--device on-error", value, words,
			    ARRAY_SIZE(words), e);

	if (i < 0)
		return i;
	d->on_error = (enum config_on_error)i;
	return 0;
}

static int set_release_timeout(void *target, const char *value, struct err *e)
{
	struct config_device *d = target;
	long n = number(value, TIMEOUT_MAX_S);

	if (n < 0) {
		err_set(e, EINVAL,
			"--device release-timeout=%s: not a number of seconds from 0 to %d",
			value, TIMEOUT_MAX_S);
		err_hint(e, "for example release-timeout=%d",
			 TIMEOUT_DEFAULT_S);
		return -EINVAL;
	}
	d->release_timeout_s = (unsigned int)n;
	return 0;
}

static int check(const struct config_device *d, const char *value,
		 struct err *e)
{
	if (!is_named(d)) {
		err_set(e, EINVAL, "--device %s: names no device", value);
		err_hint(e, "for example --device 0000:3b:10.0");
		return -EINVAL;
	}
	if (d->port[0] && d->devfn >= 0) {
		err_set(e, EINVAL,
			"--device %s: addr= and port= exclude each other",
			value);
		err_hint(e, "a device behind a port is its device 00");
		return -EINVAL;
	}
	if (d->keep_functions && !d->has_bdf)
		return err_set(
			e, EINVAL,
			"--device %s: multifunction=keep needs a PCI address",
			value);
	if (d->keep_functions && d->devfn >= 0 && (d->devfn & 7)) {
		err_set(e, EINVAL,
			"--device %s: with multifunction=keep addr= names a slot",
			value);
		err_hint(e, "write addr=%02x.0", (unsigned int)d->devfn >> 3);
		return -EINVAL;
	}
	return 0;
}

int config_device_parse(const char *value, struct config_device *out,
			struct err *e)
{
	static const struct option_key keys[] = {
		{ "path", set_path, "FILE", "its path in sysfs" },
		{ "fd", set_fd, "N", "an open VFIO device file" },
		{ "managed", set_managed, "on|off",
		  "bind to vfio-pci and give back" },
		{ "rom", set_rom, "on|off|FILE", "its expansion ROM" },
		{ "addr", set_addr, "DD.F", "place on bus 0" },
		{ "multifunction", set_multifunction, "keep",
		  "all functions of its slot" },
		{ "port", set_port, "NAME", "behind a root port of that name" },
		{ "on-error", set_on_error, "stop|report",
		  "when the device reports an error" },
		{ "release-timeout", set_release_timeout, "SECONDS",
		  "how long the guest may take to release it" },
		{ "vf-token", set_vf_token, "UUID",
		  "secret that VFs and PF share" },
	};
	static const struct option_keys list = { "--device", keys,
						 ARRAY_SIZE(keys), set_bdf };
	int ret;

	*out = (struct config_device){
		.fd = -1,
		.managed = true,
		.devfn = -1,
		.release_timeout_s = TIMEOUT_DEFAULT_S,
	};
	ret = option_keys_parse(&list, value, out, e);
	return ret ? ret : check(out, value, e);
}
