/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is at the other end of a guest's serial port or console: a terminal of
 * its own, a file, a socket whose client comes and goes, or the terminal that
 * strait was started on.
 *
 * The device has one end of a socket pair; the other is here, on the main loop,
 * so that nothing outside ever blocks a device. While nobody is outside, what
 * the guest says is dropped.
 */
#ifndef STRAIT_VM_RELAY_H
#define STRAIT_VM_RELAY_H

#include "src/core/loop.h"
#include "src/core/output.h"
#include "src/display/listen.h"

enum relay_kind { RELAY_PTY, RELAY_SOCKET, RELAY_FDS };

enum { RELAY_BUF = 4096 };

/* One way: bytes read from one side and not written to the other yet. */
struct relay_way {
	uint8_t buf[RELAY_BUF];
	size_t start, len;
};

struct relay {
	struct loop *loop;
	enum relay_kind kind;
	const char *name;   /* of the option, for messages */
	const char *socket; /* path, for RELAY_SOCKET */
	/* The device's end, and the same once more: a loop has each fd once. */
	int device_fd, device_out_fd;
	int in_fd, out_fd; /* outside; -1: nobody is there */
	struct output out; /* writes to out_fd */
	int keep_fd;	   /* the terminal's other side, held open */
	int drain_ms;	   /* that what is outside is still waited for */
	struct loop_source inner_in, inner_out, outer_in, outer_out, clients;
	struct listener listener; /* of RELAY_SOCKET */
	bool inner_in_on, inner_out_on, outer_in_on, outer_out_on;
	struct relay_way to_guest, to_outside;
	/* As of struct serial: bytes typed pass through this first. */
	size_t (*filter)(void *ctx, uint8_t *buf, size_t len);
	void *filter_ctx;
};

/* Where it leads: a path for RELAY_SOCKET, two files (-1: none), which stay the
 * caller's, for RELAY_FDS. */
struct relay_config {
	enum relay_kind kind;
	const char *name;
	const char *socket;
	int in_fd, out_fd;
};

/* -errno with a hint; nothing stays. A terminal's name is printed on stderr. */
int relay_open(struct relay *r, const struct relay_config *config,
	       struct loop *loop, struct err *e);
/*
 * The guest has ended, and nobody runs the loop any more: what the device said
 * goes out, or is dropped if nobody is there. False: what is outside did not
 * take all of it within a second, which is all that is ever waited. Accepts a
 * zeroed struct.
 */
bool relay_drain(struct relay *r);
/* With a last relay_drain: the device is gone. Accepts a zeroed struct. */
void relay_close(struct relay *r);

#endif
