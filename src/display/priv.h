/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of src/display tell each other; nobody else includes this. */
#ifndef STRAIT_DISPLAY_PRIV_H
#define STRAIT_DISPLAY_PRIV_H

#include <sys/types.h>

#include "src/display/display.h"

/* --- library.c: libraries that only some runs need --- */

struct library_symbol {
	const char *name;
	void *to; /* a pointer to a function or a variable */
};

/*
 * Loads file ("libx.so.1") and looks up nr symbols. It stays loaded. -ENOTSUP:
 * it or a symbol is not there; *e names the Debian package.
 */
int library_load(const char *file, const char *package,
		 const struct library_symbol *symbols, size_t nr,
		 struct err *e);

/* --- listen.c --- */

struct listener {
	int fd;		  /* non-blocking; -1: closed */
	const char *path; /* of a unix socket; not owned */
	dev_t dev;
	ino_t ino;
	uint16_t port;
};

/* A unix socket that its owner alone may use. Who left one behind and no
 * longer answers is replaced. */
int listener_open_unix(struct listener *l, const char *path, struct err *e);
/* IPv4. Port 0: a free one. */
int listener_open_tcp(struct listener *l, const char *address, uint16_t port,
		      struct err *e);
/* The socket's path goes too, if it is still ours. */
void listener_close(struct listener *l);
/* A connection (blocking), or -1; errno says whether to try again. */
int listener_accept(const struct listener *l);

/* Connects to a unix socket; the fd, or -errno. */
int unix_connect(const char *path, struct err *e);

/* --- keysym.c: X's names of characters and keys --- */

enum keysym_shift { SHIFT_ANY, SHIFT_OFF, SHIFT_ON };

struct keysym_key {
	unsigned int keycode;	 /* on a US keyboard */
	enum keysym_shift shift; /* that makes the character of the key */
	bool is_letter;
};
/* False: no key of a US keyboard makes it. */
bool keysym_find(uint32_t keysym, struct keysym_key *out);

/* --- typist.c: one viewer's keys and pointer, as an input takes them --- */

enum { TYPIST_MAX_KEY = 127 };

struct typist {
	const struct display *d; /* NULL: nobody listens */
	uint64_t held[2];	 /* one bit per keycode */
	bool caps;
	bool has_pointer; /* x and y are known */
	int x, y;
	unsigned int buttons; /* as RFB has them */
};
void typist_key(struct typist *t, uint32_t keysym, bool down);
/* buttons: RFB's mask, of which 8 and 16 are the wheel's steps. */
void typist_pointer(struct typist *t, int x, int y, unsigned int buttons);
/* Lets go of everything. */
void typist_leave(struct typist *t);

#endif
