// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Libraries that are loaded when they are first needed.
 *
 * They are not unloaded: libvncserver brings libraries that start threads of
 * their own or keep memory per thread, which does not survive that.
 */
#include <dlfcn.h>
#include <errno.h>

#include "src/display/library.h"

int library_load(const char *file, const char *package,
		 const struct library_symbol *symbols, size_t nr, struct err *e)
{
	void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);

	if (!library) {
		err_set(e, ENOTSUP, "%s: cannot be loaded: %s", file,
			dlerror());
		err_hint(e, "install it: apt install %s", package);
		return -ENOTSUP;
	}
	for (size_t i = 0; i < nr; i++) {
		void *at = dlsym(library, symbols[i].name);

		if (!at)
			return err_set(e, ENOTSUP,
				       "%s: is of a version without %s", file,
				       symbols[i].name);
		*(void **)symbols[i].to = at;
	}
	return 0;
}
