/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host kernel's view of PCI: sysfs, drivers, IOMMU groups' members, who
 * holds a file, limits.
 *
 * Every path is relative to a root directory fd, so that a test can give a
 * tree of its own. Nothing here keeps state but what is needed to undo.
 */
#ifndef STRAIT_HOST_HOST_H
#define STRAIT_HOST_HOST_H

#include <limits.h>
#include <sys/types.h>

#include "src/base/err.h"
#include "src/base/types.h"

struct host;

/* The seam to the kernel. path is relative to the root; all set errno. */
struct host_ops {
	/* open(2) with O_CLOEXEC: fd or -errno. */
	int (*open)(const struct host *h, const char *path, int flags);
	/* The whole text in one write(2) to an existing file: 0 or -errno. */
	int (*write)(const struct host *h, const char *path, const char *text);
	/* An address of a network interface, link-local ones left out. */
	bool (*if_addr)(const struct host *h, const char *ifname, char *buf,
			size_t len);
	/* How many tenths of a second one that binds waits for another. */
	unsigned int turn_tries;
};

struct host {
	int root_fd; /* directory that stands for "/" */
	const struct host_ops *ops;
	void *ctx; /* for a test's ops */
	/* Of another machine, see host_open_record. */
	bool is_record;
};

/* root is "/" or a test's tree (where no interface has an address). */
int host_open(struct host *h, const char *root, struct err *e);
/*
 * dir holds files that somebody recorded of a machine, which may be hostile: no
 * link in it, absolute or with .., leads out of it; only directories and plain
 * files of up to 32 MiB can be opened, and nothing can be written (EROFS).
 * -ENOSYS before Linux 5.6.
 */
int host_open_record(struct host *h, const char *dir, struct err *e);
void host_close(struct host *h);
/*
 * A host whose root is a directory below h, for many lookups in one place. It
 * has h's ops, which see shorter paths then; in a record, links do not lead out
 * of that directory. host_close. -errno (errno set).
 */
int host_open_below(const struct host *h, struct host *out, const char *fmt,
		    ...) __attribute__((format(printf, 3, 4)));

/* --- files under the root; path printf-style, leading slashes are dropped ---
 */

/* Reads a text file whole, drops the trailing newline. Returns the length, or
 * -errno (errno set); -EOVERFLOW if it does not fit. */
ssize_t host_read(const struct host *h, char *buf, size_t len, const char *fmt,
		  ...) __attribute__((format(printf, 4, 5)));
/* Reads up to len bytes of a binary file. Returns how many, or -errno (errno
 * set). */
ssize_t host_read_bytes(const struct host *h, void *buf, size_t len,
			const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Reads a number as C would write it (0x...). -errno. */
int host_read_u64(const struct host *h, uint64_t *out, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Writes text in one write(2). -errno (errno set). */
int host_write(const struct host *h, const char *text, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/*
 * Calls fn for each line (without its newline) of a file of any length, or for
 * each entry of a directory (in no order, without . and ..), until it returns
 * non-zero, which is then returned. -errno if path cannot be read.
 */
int host_each_line(const struct host *h, int (*fn)(char *line, void *arg),
		   void *arg, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
int host_each_name(const struct host *h, int (*fn)(const char *name, void *arg),
		   void *arg, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* True if there is such a directory with at least one entry. */
bool host_has_entries(const struct host *h, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Last component of what a link points to. -errno. */
int host_link_name(const struct host *h, char *buf, size_t len, const char *fmt,
		   ...) __attribute__((format(printf, 4, 5)));
/* What a link points to, whole. Returns the length, or -errno (errno set);
 * -EOVERFLOW if it does not fit. */
ssize_t host_link_target(const struct host *h, char *buf, size_t len,
			 const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
bool host_exists(const struct host *h, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* open(2) under the root with O_CLOEXEC. fd or -errno (errno set). */
int host_open_file(const struct host *h, int flags, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* --- PCI functions --- */

enum { HOST_NAME_LEN = 64 };

struct host_pci {
	struct bdf bdf;
	uint16_t vendor, device;
	uint32_t class_code;
	char driver[HOST_NAME_LEN]; /* "" if it has none */
	int group;		    /* IOMMU group number, -1 if it has none */
	bool is_vf;
	struct bdf pf; /* valid if is_vf */
};

/* A driver that gives a function to user space: vfio-pci or a variant of it. */
bool host_is_vfio_driver(const char *driver);

/*
 * -ENODEV if there is no such function; the hint says how to list functions or,
 * if a PF could have its VF there, how to make it.
 */
int host_pci_get(const struct host *h, struct bdf bdf, struct host_pci *out,
		 struct err *e);

/* The number of a group from its directory's name, -1 if that is none. */
int host_group_number(const char *name);

/*
 * Calls fn for each function of an IOMMU group with its driver ("": none), in
 * BDF order, until it returns non-zero, which is then returned. -errno if the
 * group cannot be listed. No more is read of a function: there may be
 * thousands.
 */
int host_group_each(const struct host *h, int group,
		    int (*fn)(struct bdf bdf, const char *driver, void *arg),
		    void *arg, struct err *e);

/*
 * A member of the group that is no PCI function (an ACPI or platform device)
 * and has a driver. False if there is none.
 */
struct host_other {
	char name[HOST_NAME_LEN], driver[HOST_NAME_LEN];
};
bool host_group_other(const struct host *h, int group, struct host_other *out);

/*
 * 1 if a network interface has an address, link-local ones left out, else 0;
 * -ENODATA of a record that does not say.
 */
int host_if_has_addr(const struct host *h, const char *ifname);
/* The file of a record beside an interface that says so: "yes" or "no". */
#define HOST_RECORD_ADDR "strait-has-address"

/*
 * -EBUSY if the host would miss the function: an interface of it is up with an
 * address or is a port of a bridge or bond or has another on top, or a disk
 * behind it is mounted, swapped to, part of dm or md, or otherwise claimed.
 */
int host_in_use(const struct host *h, struct bdf bdf, struct err *e);

/*
 * Gives a function to vfio-pci by driver_override (never new_id) and remembers
 * how it was. A function that is on a vfio driver already is left alone, and
 * so it stays at host_bind_undo; one whose driver_override names a variant of
 * vfio-pci gets that. Refuses with the reason, and changes nothing, if the
 * function is a bridge or a PF with VFs, if the driver is not there, or if the
 * function is in use on the host, or if another process is binding it (which is
 * waited for, but not for long). A failure half-way is rolled back; only if
 * that fails too (the hint tells) undo->changed stays set.
 */
struct host_bind {
	struct bdf bdf;
	bool changed;		      /* something is to be undone */
	bool was_taken;		      /* see host_bind_undo */
	char driver[HOST_NAME_LEN];   /* was bound to, "" for none */
	char override[HOST_NAME_LEN]; /* driver_override before, "" for none */
	int turn_fd; /* private: others wait while it is open; 0: none */
};
int host_bind_vfio(const struct host *h, struct bdf bdf, struct host_bind *undo,
		   struct err *e);
/*
 * Its VFIO device is open. Until then, or host_bind_undo, others that want to
 * bind the function wait: they would find it on vfio-pci and open it first. Any
 * number of times, also on a zeroed record.
 */
void host_bind_opened(struct host_bind *undo);
/* Only the refusals of that, for who binds several. */
int host_bind_check(const struct host *h, struct bdf bdf, struct err *e);
/*
 * The same one by one, for who wants to know all of them. dev is not on a vfio
 * driver. MAY_WRITE asks what binding would find out: whether sysfs takes
 * writes from this user.
 */
enum host_bind_question {
	HOST_BIND_KIND,	  /* no bridge */
	HOST_BIND_NO_VFS, /* no VFs of its own */
	HOST_BIND_DRIVER, /* the driver is there */
	HOST_BIND_UNUSED, /* host_in_use */
	HOST_BIND_MAY_WRITE,
};
int host_bind_ask(const struct host *h, const struct host_pci *dev,
		  enum host_bind_question question, struct err *e);
/* What to say of a function for which host_is_boot_vga. */
extern const char host_boot_vga_text[];
bool host_is_boot_vga(const struct host *h, struct bdf bdf);
/*
 * host_bind_vfio with a choice: any driver (already bound to it, it is left
 * alone), one that the host uses (a warning says what is lost), and whether
 * others wait until host_bind_opened.
 */
struct host_bind_opts {
	const char *driver; /* NULL: as host_bind_vfio chooses */
	bool force, keep_turn;
};
int host_bind_driver(const struct host *h, struct bdf bdf,
		     const struct host_bind_opts *opts, struct host_bind *undo,
		     struct err *e);
int host_bind_driver_check(const struct host *h, struct bdf bdf,
			   const struct host_bind_opts *opts, struct err *e);
/*
 * Puts back driver and driver_override. Safe to call twice (again after a
 * failure) and on a zeroed record; a function that is gone needs nothing. With
 * was_taken set (the host unbound it from us), a driver that has it by now
 * keeps it: it may be vfio-pci again, for another VM. Close the VFIO device
 * before: the kernel waits for that.
 */
int host_bind_undo(const struct host *h, struct host_bind *undo, struct err *e);

/*
 * The ways to reset a function that the kernel knows, the preferred one first,
 * as sysfs reset_method has them ("flr bus"); "" if there is none, "unknown" on
 * kernels that do not tell. -errno if it cannot be read.
 */
int host_reset_methods(const struct host *h, struct bdf bdf, char *buf,
		       size_t len);

/* --- devices of VFIO, PCI functions or mediated devices --- */

/* A device that VFIO may hand out, however it was named. */
struct host_vfio {
	char name[HOST_NAME_LEN]; /* "0000:01:10.0", a mediated device's UUID */
	char dir[128]; /* in sysfs, relative to the root: sys/bus/.../NAME */
	bool is_pci;
	struct bdf bdf; /* valid if is_pci */
	int group;	/* IOMMU group number, -1 if it has none */
	/* N of /dev/vfio/devices/vfioN; -1 if it is on no vfio driver yet, or
	 * the kernel has no such files. */
	int cdev;
};

/* -ENODEV if there is no such function, with the hint of host_pci_get. */
int host_vfio_by_bdf(const struct host *h, struct bdf bdf,
		     struct host_vfio *out, struct err *e);
/*
 * path is a directory of sysfs, or a link to one, of a PCI function or a
 * mediated device: /sys/bus/mdev/devices/UUID, /sys/class/net/eth3/device.
 */
int host_vfio_by_path(const struct host *h, const char *path,
		      struct host_vfio *out, struct err *e);
/* fd is a /dev/vfio/devices/vfioN that is open already; -EINVAL for others. */
int host_vfio_by_fd(const struct host *h, int fd, struct host_vfio *out,
		    struct err *e);

/* --- who and how much --- */

/*
 * Finds a process other than this one that has path open (a device node,
 * "/dev/..."; compared with the links of /proc/PID/fd). Returns its pid and
 * fills name (comm), or 0 if none is seen or none may be seen.
 */
pid_t host_holder(const struct host *h, const char *path, char *name,
		  size_t len);
/* A process's name, or "?"; control characters and bytes over 126 in it, which
 * anyone can give a process, are question marks. */
void host_comm(const struct host *h, pid_t pid, char *name, size_t len);
/* Does this process have path open? */
bool host_self_holds(const struct host *h, const char *path);

/* MemAvailable of /proc/meminfo, bytes. 0 if unknown. */
uint64_t host_mem_available(const struct host *h);
/* The lowest memory.max of this process's cgroups (v2), bytes. 0: none. */
uint64_t host_mem_limit(const struct host *h);
/* Huge pages of that size (bytes) that are free and not promised, or 0. */
uint64_t host_hugepages_free(const struct host *h, uint64_t page_size);
/* -ENOMEM if the pool of that size cannot give so many bytes, with the number
 * to reserve as a hint. */
int host_hugepages_check(const struct host *h, uint64_t bytes,
			 uint64_t page_size, struct err *e);

#endif
