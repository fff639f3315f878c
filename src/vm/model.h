/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Emulated devices of the command line: what kinds there are, which options
 * make them, and their life in a machine.
 *
 * A kind is a struct model in a file model_NAME.c of its own; model.c has the
 * list of them, from which `strait run` takes its options, and `strait devices`
 * and the help what they print.
 */
#ifndef STRAIT_VM_MODEL_H
#define STRAIT_VM_MODEL_H

#include "src/base/options.h"
#include "src/vm/config.h"

struct vm;
struct emulated;

struct model {
	const char *name;   /* "virtio-rng" */
	const char *driver; /* of Linux, that binds to it */
	const char *what;   /* one line */
	/* Makes the device and puts it on the machine's buses; state is freed
	 * by unrealize, also after a failure. */
	int (*realize)(struct vm *vm, struct emulated *d, struct err *e);
	/* BARs have their addresses, the kernel is not loaded yet; or NULL. */
	int (*placed)(struct vm *vm, struct emulated *d, struct err *e);
	/* vCPUs have stopped, I/O threads run: nothing is under way when it
	 * returns. */
	void (*stop)(struct emulated *d);
	/* I/O threads have stopped. Accepts NULL as state. */
	void (*unrealize)(struct emulated *d);
	/* For --stats: a line, or NULL. */
	void (*print_stats)(const struct emulated *d, FILE *f);
};

/* A device of a machine. */
struct emulated {
	const struct config_emulated *config;
	char name[CONFIG_NAME_LEN]; /* "net0", for messages */
	void *state;		    /* of the model, or NULL */
};

/* An option of `strait run` that makes devices; config.c has its row. */
struct model_option {
	const char *name; /* "rng" */
	const struct option_keys *keys;
	/* out is zeroed; model is to be filled in (NULL: no device). What is
	 * behind pointers has to outlive it: value is of argv. */
	int (*parse)(const char *value, struct config_emulated *out,
		     struct err *e);
	/* -EINVAL: a guest cannot have both. NULL: it always can. */
	int (*collides)(const struct config_emulated *a,
			const struct config_emulated *b, struct err *e);
	const struct model *const *models; /* ends with NULL */
};

/* All of them, ends with NULL. */
extern const struct model_option *const model_options[];
extern const struct model_option model_balloon_option;
extern const struct model_option model_console_option;
extern const struct model_option model_disk_option;
extern const struct model_option model_display_option;
extern const struct model_option model_net_option;
extern const struct model_option model_rng_option;
extern const struct model_option model_vsock_option;

/* model_ide.c: --disk bus=ide. */
extern const struct model model_ide;
/* model_disk.c: opens the image of a --disk, whatever bus it is on. */
int model_open_image(struct vm *vm, const struct emulated *d,
		     struct block **out, struct err *e);

/* Adds what the option's value says to c. */
int model_configure(const struct model_option *o, struct config *c,
		    const char *value, struct err *e);
/* The table that `strait devices` prints. */
void model_list(FILE *f);

/* Realizes all devices of the configuration, and I/O threads for them, which
 * run afterwards. */
int models_add(struct vm *vm, struct err *e);
/* After pci_host_place_bars. */
int models_placed(struct vm *vm, struct err *e);
/* Both accept what is half done. vCPUs have stopped. */
void models_stop(struct vm *vm);
void models_free(struct vm *vm);
void models_print_stats(const struct vm *vm, FILE *f);

#endif
