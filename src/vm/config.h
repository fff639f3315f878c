/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `strait run` was asked to do, read from its command line and checked. */
#ifndef STRAIT_VM_CONFIG_H
#define STRAIT_VM_CONFIG_H

#include "iommu/iommu.h"
#include "src/base/err.h"
#include "src/base/types.h"
#include "src/block/block.h"
#include "src/core/irq.h"
#include "src/net/net.h"
#include "vfio/vfio.h"

struct model;

enum {
	CONFIG_MAX_DEVICES = 32,
	CONFIG_MAX_EMULATED = 24,
	CONFIG_MAX_IOTHREADS = 16,
	CONFIG_MAX_CPUS = 255,
	CONFIG_PATH_LEN = 256,
	CONFIG_NAME_LEN = 32,
	CONFIG_UUID_LEN = 37,
};

enum config_serial {
	SERIAL_TTY,
	SERIAL_OFF,
	SERIAL_FILE,
	SERIAL_NULL,
	SERIAL_PTY,
	SERIAL_SOCKET,
};

/* What an error that the device reports does to the VM. */
enum config_on_error { CONFIG_ERROR_STOP, CONFIG_ERROR_REPORT };

/* Named by exactly one of bdf, path and fd. */
struct config_device {
	struct bdf bdf;
	bool has_bdf;
	char path[CONFIG_PATH_LEN]; /* in sysfs, or "" */
	int fd;			    /* an open VFIO cdev, or -1 */
	/* Bind to vfio-pci and give back; managed=off leaves binding alone. */
	bool managed;
	char vf_token[CONFIG_UUID_LEN]; /* or "" */
	enum vfio_rom_source rom;
	char rom_file[CONFIG_PATH_LEN]; /* for VFIO_ROM_FILE */
	int devfn; /* place on the guest's bus 0, or -1: the first free slot */
	/* Stands for all functions of its host slot, which keep their numbers.
	 */
	bool keep_functions;
	char port[CONFIG_NAME_LEN]; /* root port that it sits behind, or "" */
	enum config_on_error on_error;
	/* How long the guest may take to release it when the host asks. */
	unsigned int release_timeout_s;
};

struct config_balloon {
	uint64_t bytes;
	bool deflate_on_oom, reporting;
};

enum console_to {
	CONSOLE_TTY,
	CONSOLE_PTY,
	CONSOLE_NULL,
	CONSOLE_SOCKET,
	CONSOLE_FILE,
};

struct config_console {
	enum console_to to;
	char path[CONFIG_PATH_LEN]; /* of the last two */
};

struct config_disk {
	char path[CONFIG_PATH_LEN];
	bool readonly, direct, pause_on_enospc;
	unsigned int nr_queues;
	char serial[21];
	enum block_format format;
};

struct config_display {
	bool has_vnc;
	char address[16]; /* IPv4, or "" */
	uint16_t port;	  /* 0: a free one */
	char socket[CONFIG_PATH_LEN];
	char password[CONFIG_PATH_LEN];	  /* a file */
	char screenshot[CONFIG_PATH_LEN]; /* a socket */
	unsigned int width, height;
	uint64_t memory; /* bytes, 0: the default */
};

struct config_net {
	struct net_options back;
	uint8_t mac[6];
	bool has_mac;
	bool vhost;
};

struct config_vsock {
	uint32_t cid;
};

struct config_rng {
	char src[CONFIG_PATH_LEN];
};

/* An emulated device; see model.h. */
struct config_emulated {
	const struct model *model;
	const char *option; /* that asked for it: "net" */
	union {
		struct config_balloon balloon;
		struct config_console console;
		struct config_disk disk;
		struct config_display display;
		struct config_net net;
		struct config_rng rng;
		struct config_vsock vsock;
	};
};

struct config {
	const char *kernel;    /* path */
	const char *initramfs; /* path, or NULL */
	const char *cmdline;   /* "" if none */
	unsigned int nr_cpus;
	uint64_t ram_size;	/* bytes, a multiple of 2 MiB */
	uint64_t hugepage_size; /* 0: normal pages, else bytes (2M, 1G) */
	enum config_serial serial;
	const char *serial_file; /* for SERIAL_FILE, SERIAL_SOCKET */
	bool restart_on_reboot;
	bool stats; /* --stats: returns to user space and exits, at the end */
	int verbosity; /* -v, -vv, -vvv */
	bool timing;   /* --timing: how long each phase of the start took */
	enum iommu_kind iommu_kind;
	enum iommu_p2p p2p;
	struct config_device devices[CONFIG_MAX_DEVICES];
	unsigned int nr_devices;
	struct config_emulated emulated[CONFIG_MAX_EMULATED];
	unsigned int nr_emulated;
	unsigned int nr_iothreads; /* that serve their queues */
	enum irqchip irqchip;
};

/* What the command line asks for besides a run. */
enum config_action { CONFIG_RUN, CONFIG_HELP };

/*
 * Reads the words after "run". Pointers in *out are into argv. Returns 0 or
 * -EINVAL with the option, what is wrong with it and the nearest valid name;
 * files are not looked at.
 */
int config_parse(int argc, char **argv, struct config *out,
		 enum config_action *action, struct err *e);

/* The first device that an option asked for ("display"), or NULL. */
const struct config_emulated *config_find(const struct config *c,
					  const char *option);
/* Whether the guest's virtio console is the terminal. */
bool config_console_is_tty(const struct config *c);

/* The value of one --device (config_device.c). -EINVAL, with a hint. */
int config_device_parse(const char *value, struct config_device *out,
			struct err *e);

/* Writes the help of `strait run`, from the option table. */
void config_help(FILE *f);

/* Decimal digits and nothing else. -EINVAL, also beyond 64 bits. */
int config_number(const char *s, uint64_t *out);

/* Copies a path that a key's value is; who is "--rng src". -EINVAL: too long.
 */
int config_path(const char *who, const char *value, char out[CONFIG_PATH_LEN],
		struct err *e);

/*
 * "512M", "2G", "1073741824", with K M G T suffixes (powers of two). -EINVAL
 * on anything else, on overflow and on 0.
 */
int config_size(const char *s, uint64_t *out);

#endif
