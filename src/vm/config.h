/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `strait run` was asked to do, read from its command line and checked. */
#ifndef STRAIT_VM_CONFIG_H
#define STRAIT_VM_CONFIG_H

#include "src/base/err.h"
#include "src/base/types.h"

enum { CONFIG_MAX_DEVICES = 32, CONFIG_MAX_CPUS = 255 };

enum config_serial { SERIAL_TTY, SERIAL_OFF, SERIAL_FILE, SERIAL_NULL };

struct config_device {
	struct bdf bdf;
	bool managed; /* bind to vfio-pci and give back; managed=off leaves
			 binding alone */
};

struct config {
	const char *kernel;    /* path */
	const char *initramfs; /* path, or NULL */
	const char *cmdline;   /* "" if none */
	unsigned int nr_cpus;
	uint64_t ram_size;	/* bytes, a multiple of 2 MiB */
	uint64_t hugepage_size; /* 0: normal pages, else bytes (2M, 1G) */
	enum config_serial serial;
	const char *serial_file; /* for SERIAL_FILE */
	bool restart_on_reboot;
	bool stats; /* --stats: returns to user space and exits, at the end */
	int verbosity; /* -v, -vv, -vvv */
	struct config_device devices[CONFIG_MAX_DEVICES];
	unsigned int nr_devices;
};

/* What the command line asks for besides a run. */
enum config_action { CONFIG_RUN, CONFIG_HELP };

/*
 * Reads the words after "run". Pointers in *out are into argv. Returns 0 or
 * -EINVAL with the option, what is wrong with it and the nearest valid name;
 * files are not looked at. Device paths (path=/sys/...) are resolved to their
 * BDF by name.
 */
int config_parse(int argc, char **argv, struct config *out,
		 enum config_action *action, struct err *e);

/* Writes the help of `strait run`, from the option table. */
void config_help(FILE *f);

/*
 * "512M", "2G", "1073741824", with K M G T suffixes (powers of two). -EINVAL
 * on anything else, on overflow and on 0.
 */
int config_size(const char *s, uint64_t *out);

#endif
