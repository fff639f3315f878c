// SPDX-License-Identifier: GPL-2.0-or-later
/* Loads the kernel modules of drivers. */
/*
 * How this works
 *
 * libkmod does it, and is itself loaded only when a driver is missing: with its
 * own libraries (libcrypto above all) it would take most of the time that this
 * program takes to start, and nearly no run of it needs a module.
 */
#include <dlfcn.h>
#include <libkmod.h>
#include <string.h>

#include "src/base/bits.h"
#include "src/base/log.h"
#include "tools/vf/work.h"

#define FUNCTIONS(X)                                                           \
	X(kmod_new)                                                            \
	X(kmod_unref)                                                          \
	X(kmod_list_next)                                                      \
	X(kmod_module_new_from_lookup)                                         \
	X(kmod_module_get_module)                                              \
	X(kmod_module_probe_insert_module)                                     \
	X(kmod_module_unref)                                                   \
	X(kmod_module_unref_list)

struct kmod {
	void *library;
	struct kmod_ctx *ctx;
	struct kmod_list *list; /* what a driver's name stands for */
#define MEMBER(name) __typeof__(name) *(name);
	FUNCTIONS(MEMBER)
};

/* A pointer to data becomes one to a function (POSIX dlsym). */
static bool find_function(void *library, const char *name, void *out)
{
	void *found = dlsym(library, name);

	memcpy(out, &found, sizeof(found));
	return found;
}

static void close_kmod(struct kmod *k)
{
	if (k->list)
		k->kmod_module_unref_list(k->list);
	if (k->ctx)
		k->kmod_unref(k->ctx);
	if (k->library)
		dlclose(k->library);
}

/* False if there is no such module, or no library. */
static bool open_kmod(struct kmod *k, const char *driver)
{
	bool ok;

	*k = (struct kmod){ .library = dlopen("libkmod.so.2", RTLD_NOW) };
	if (!k->library) {
		log_debug(driver, "cannot load modules: %s", dlerror());
		return false;
	}
	ok = true;
#define FIND(name) ok = ok && find_function(k->library, #name, &k->name);
	FUNCTIONS(FIND)
	if (ok)
		k->ctx = k->kmod_new(NULL, NULL);
	return k->ctx &&
	       !k->kmod_module_new_from_lookup(k->ctx, driver, &k->list) &&
	       k->list;
}

static bool is_there(const struct host *h, const char *driver)
{
	return host_exists(h, "sys/bus/pci/drivers/%s", driver);
}

bool driver_is_known(const struct host *h, const char *driver)
{
	struct kmod k;
	bool found;

	if (is_there(h, driver))
		return true;
	found = open_kmod(&k, driver);
	close_kmod(&k);
	return found;
}

static void insert(struct kmod *k, struct kmod_list *entry, const char *driver)
{
	struct kmod_module *m = k->kmod_module_get_module(entry);
	int ret = k->kmod_module_probe_insert_module(
		m, KMOD_PROBE_APPLY_BLACKLIST, NULL, NULL, NULL, NULL);

	log_debug(driver, "loading its module: %s",
		  ret < 0 ? strerror(-ret) : "done");
	k->kmod_module_unref(m);
}

void driver_load(const struct host *h, const char *driver)
{
	struct kmod k;

	if (!strcmp(driver, VF_DRIVER_HOST) || is_there(h, driver))
		return;
	if (open_kmod(&k, driver))
		for (struct kmod_list *i = k.list; i;
		     i = k.kmod_list_next(k.list, i))
			insert(&k, i, driver);
	close_kmod(&k);
}
