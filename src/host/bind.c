// SPDX-License-Identifier: GPL-2.0-or-later
/* Gives a function to vfio-pci and back to its driver. */
/*
 * How this works
 *
 * There: check that it can and may be done, note the driver and the
 * driver_override, write the override, unbind, ask the kernel to probe, and
 * look at the driver link, because a probe that fails is no failed write.
 *
 * Back: name the old driver in the override, unbind, probe, restore the
 * override, look at the link. The override on the way back makes sure of that
 * very driver where several know the device, and is what lets the kernel probe
 * a VF while its PF's sriov_drivers_autoprobe is 0 (pci_device_can_probe in
 * drivers/pci/pci-driver.c). A function that had no driver is left alone after
 * the unbind: a probe could find it one.
 *
 * new_id is never written: it would take every function of that model.
 *
 * Two processes that want the same function at once would undo each other's
 * steps, so each takes its turn by a lock on /run/strait/lock/BDF.bind, which
 * users who may not bind cannot open (they can open all of sysfs, and who can
 * open a file can lock it). Where that cannot be made there are no turns. A VMM
 * keeps it until the VFIO device is open, for that is what says to others
 * that it is taken.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "src/base/bits.h"
#include "src/base/log.h"
#include "src/host/priv.h"

#define PCI_DIR "sys/bus/pci/devices"

/* --- turns --- */

enum { TURN_STEP_NS = 100000000 };

/*
 * Until the file is closed. -EWOULDBLOCK after 5 s, for a reset and a driver's
 * probe take less; another error if there can be no such file.
 */
static int take_turn(const struct host *h, struct bdf bdf)
{
	const struct timespec step = { .tv_nsec = TURN_STEP_NS };
	int fd = host_bind_lock_open(h, bdf);

	if (fd < 0)
		return fd;
	for (unsigned int i = 0; flock(fd, LOCK_EX | LOCK_NB); i++) {
		if (i == h->ops->turn_tries) {
			close(fd);
			return -EWOULDBLOCK;
		}
		nanosleep(&step, NULL);
	}
	return fd;
}

static int no_turn(struct bdf bdf, struct err *e)
{
	char s[BDF_STR_LEN];

	bdf_str(bdf, s);
	err_set(e, EBUSY, "%s: another process is binding it at this moment",
		s);
	err_hint(
		e,
		"try again, or look for it with: fuser -v /run/strait/lock/%s.bind",
		s);
	return -EBUSY;
}

/* --- writes --- */

static void hint_write(int code, struct err *e)
{
	if (code == EACCES || code == EPERM)
		err_hint(
			e,
			"run as root, or bind the function to vfio-pci beforehand and use managed=off");
	else if (code == EROFS)
		err_hint(
			e,
			"sysfs is read-only here (a container?): bind the function to vfio-pci on the host and use managed=off");
	else if (code == EBUSY)
		err_hint(
			e,
			"something holds the function; the kernel log may say what (dmesg | tail)");
	else if (code == ENOENT || code == ENODEV)
		err_hint(
			e,
			"the function or its driver went away meanwhile: look again with lspci -k");
}

static int write_failed(struct bdf bdf, const char *path, int ret,
			struct err *e)
{
	char who[BDF_STR_LEN], op[PATH_MAX + 16];

	snprintf(op, sizeof(op), "write to /%s", path);
	errno = -ret;
	ret = err_sys(e, bdf_str(bdf, who), op);
	hint_write(e->code, e);
	return ret;
}

static int put(const struct host *h, struct bdf bdf, const char *path,
	       const char *text, struct err *e)
{
	char who[BDF_STR_LEN];
	int ret = host_write(h, text, "%s", path);

	if (ret)
		return write_failed(bdf, path, ret, e);
	log_debug(bdf_str(bdf, who), "wrote %.*s to /%s",
		  (int)strcspn(text, "\n"), text, path);
	return 0;
}

static int set_override(const struct host *h, struct bdf bdf,
			const char *driver, struct err *e)
{
	char path[128], text[HOST_NAME_LEN + 1], s[BDF_STR_LEN];

	snprintf(path, sizeof(path), PCI_DIR "/%s/driver_override",
		 bdf_str(bdf, s));
	/* A lone newline clears it (driver_set_override, drivers/base). */
	snprintf(text, sizeof(text), "%s\n", driver);
	return put(h, bdf, path, text, e);
}

static int unbind(const struct host *h, struct bdf bdf, struct err *e)
{
	char path[128], s[BDF_STR_LEN];

	bdf_str(bdf, s);
	snprintf(path, sizeof(path), PCI_DIR "/%s/driver/unbind", s);
	return put(h, bdf, path, s, e);
}

static int probe(const struct host *h, struct bdf bdf, struct err *e)
{
	char s[BDF_STR_LEN];

	return put(h, bdf, "sys/bus/pci/drivers_probe", bdf_str(bdf, s), e);
}

/* --- may it be bound? --- */

static int check_kind(const struct host_pci *dev, struct err *e)
{
	unsigned int class_code = dev->class_code >> 8;
	char s[BDF_STR_LEN];
	int ret;

	/* vfio-pci takes type 0 headers alone; 06 04, 07 and 09 have others
	 * (PCI Code and ID Assignment 1.15, 1.7). */
	if (class_code != 0x0604 && class_code != 0x0607 &&
	    class_code != 0x0609)
		return 0;
	ret = err_set(e, EINVAL, "%s: it is a bridge, which cannot be assigned",
		      bdf_str(dev->bdf, s));
	err_hint(e, "name the function behind it (lspci -Dt shows the tree)");
	return ret;
}

static int check_no_vfs(const struct host *h, const struct host_pci *dev,
			struct err *e)
{
	char s[BDF_STR_LEN], vf[HOST_NAME_LEN];
	uint64_t nr_vfs;
	int ret;

	bdf_str(dev->bdf, s);
	if (host_read_u64(h, &nr_vfs, PCI_DIR "/%s/sriov_numvfs", s) || !nr_vfs)
		return 0;
	/* The PF's owner controls its VFs, which others may be using. */
	ret = err_set(
		e, EBUSY,
		"%s: it has %d VFs, and a PF cannot be assigned while they exist",
		s, (int)nr_vfs);
	if (host_link_name(h, vf, sizeof(vf), PCI_DIR "/%s/virtfn0", s))
		snprintf(vf, sizeof(vf), "one of them");
	err_hint(
		e,
		"assign a VF (%s), or remove the VFs: echo 0 > /sys/bus/pci/devices/%s/sriov_numvfs",
		vf, s);
	return ret;
}

static int has_vfio_pci(char *line, void *arg)
{
	(void)arg;
	return strstr(line, "/vfio-pci.ko") != NULL;
}

/* Whether the kernel's modules have vfio-pci; true if that cannot be told. */
static bool is_built(const struct host *h)
{
	char release[HOST_NAME_LEN];

	if (host_read(h, release, sizeof(release),
		      "proc/sys/kernel/osrelease") < 0)
		return true;
	/* modules.dep starts each line with the file, .ko or .ko.xz, .zst. */
	return !host_exists(h, "lib/modules/%s/modules.dep", release) ||
	       host_each_line(h, has_vfio_pci, NULL,
			      "lib/modules/%s/modules.dep", release) ||
	       host_each_line(h, has_vfio_pci, NULL,
			      "lib/modules/%s/modules.builtin", release) == 1;
}

static int check_driver(const struct host *h, const char *who,
			const char *driver, bool is_asked_for, struct err *e)
{
	int ret;

	if (host_exists(h, "sys/bus/pci/drivers/%s", driver))
		return 0;
	if (is_asked_for && strcmp(driver, "vfio-pci")) {
		ret = err_set(e, ENOENT, "%s: the driver %s is not loaded", who,
			      driver);
		err_hint(e, "modprobe %s", driver);
	} else if (strcmp(driver, "vfio-pci")) {
		ret = err_set(
			e, ENOENT,
			"%s: the driver %s, which its driver_override names, is not loaded",
			who, driver);
		err_hint(e, "modprobe %s", driver);
	} else if (is_built(h)) {
		ret = err_set(e, ENOENT,
			      "%s: the vfio-pci driver is not loaded", who);
		err_hint(e, "modprobe vfio-pci");
	} else {
		ret = err_set(e, ENOENT,
			      "%s: this kernel has no vfio-pci driver", who);
		err_hint(
			e,
			"it was built without CONFIG_VFIO_PCI, or its modules are not installed: use a distribution kernel");
	}
	return ret;
}

static int read_override(const struct host *h, const char *who, char *buf,
			 size_t len, struct err *e)
{
	ssize_t n = host_read(h, buf, len, PCI_DIR "/%s/driver_override", who);

	if (n < 0)
		return err_sys(e, who, "read its driver_override");
	/* printf's form of a NULL pointer */
	if (!strcmp(buf, "(null)"))
		buf[0] = '\0';
	return 0;
}

const char host_boot_vga_text[] =
	"it is the display that this machine booted on, the console may go dark";

bool host_is_boot_vga(const struct host *h, struct bdf bdf)
{
	char s[BDF_STR_LEN];
	uint64_t boot_vga = 0;

	return !host_read_u64(h, &boot_vga, PCI_DIR "/%s/boot_vga",
			      bdf_str(bdf, s)) &&
	       boot_vga;
}

/* Can the first of the files be opened that binding writes to? */
static int check_may_write(const struct host *h, struct bdf bdf, struct err *e)
{
	char path[128], s[BDF_STR_LEN];
	int fd;

	snprintf(path, sizeof(path), PCI_DIR "/%s/driver_override",
		 bdf_str(bdf, s));
	fd = host_open_file(h, O_WRONLY, "%s", path);
	if (fd < 0)
		return write_failed(bdf, path, fd, e);
	close(fd);
	return 0;
}

/* --- there --- */

static int check_bound(const struct host *h, const struct host_pci *dev,
		       const char *driver, struct err *e)
{
	char s[BDF_STR_LEN], now[HOST_NAME_LEN];
	int ret;

	host_driver(h, dev->bdf, now, sizeof(now));
	if (!strcmp(now, driver))
		return 0;
	bdf_str(dev->bdf, s);
	ret = err_set(e, EIO, "%s: %s did not accept it (%s%s)", s, driver,
		      now[0] ? "it is now bound to " : "no driver has it now",
		      now);
	if (dev->group < 0)
		err_hint(
			e,
			"the function is in no IOMMU group, without which vfio-pci takes none");
	else
		err_hint(e,
			 "the kernel log says why (dmesg | grep -e vfio -e %s)",
			 s);
	return ret;
}

static int bind_steps(const struct host *h, const struct host_pci *dev,
		      const char *driver, struct host_bind *undo, struct err *e)
{
	int ret;

	ret = set_override(h, dev->bdf, driver, e);
	if (ret)
		return ret;
	undo->changed = true;
	if (dev->driver[0] && (ret = unbind(h, dev->bdf, e)))
		return ret;
	ret = probe(h, dev->bdf, e);
	return ret ? ret : check_bound(h, dev, driver, e);
}

static int undo_steps(const struct host *h, struct host_bind *undo,
		      struct err *e);

/* Keeps the first failure as the message; a second one replaces the hint,
 * and undo stays as it is for another try. */
static void roll_back(const struct host *h, struct host_bind *undo,
		      struct err *e)
{
	struct err second = { 0 };

	if (undo_steps(h, undo, &second))
		snprintf(e->hint, sizeof(e->hint),
			 "and it could not be put back: %.400s", second.msg);
}

/* In use and yet wanted: says what is taken away. */
static int check_use(const struct host *h, struct bdf bdf, bool force,
		     struct err *e)
{
	struct err used = { 0 };
	char s[BDF_STR_LEN];
	int ret;

	if (!force)
		return host_in_use(h, bdf, e);
	ret = host_in_use(h, bdf, &used);
	bdf_str(bdf, s);
	/* The message begins with the BDF, and so does the warning. */
	if (ret)
		log_warn(s, "it is taken although %s",
			 used.msg + (strstr(used.msg, s) == used.msg
					     ? strlen(s) + strlen(": ")
					     : 0));
	return 0;
}

static bool has_driver(const struct host_bind_opts *opts,
		       const struct host_pci *dev)
{
	return opts->driver ? !strcmp(opts->driver, dev->driver)
			    : host_is_vfio_driver(dev->driver);
}

static const char *choose(const struct host_bind_opts *opts,
			  const struct host_bind *undo)
{
	if (opts->driver)
		return opts->driver;
	return host_is_vfio_driver(undo->override) ? undo->override
						   : "vfio-pci";
}

/* What it will be bound to, in undo->override, of opts or a constant. */
static int find_driver(const struct host *h, const struct host_bind_opts *opts,
		       struct host_bind *undo, const char **driver,
		       struct err *e)
{
	char s[BDF_STR_LEN];
	int ret;

	bdf_str(undo->bdf, s);
	ret = read_override(h, s, undo->override, sizeof(undo->override), e);
	if (ret)
		return ret;
	*driver = choose(opts, undo);
	return check_driver(h, s, *driver, opts->driver != NULL, e);
}

/* Everything that can be refused. *driver is NULL if it is there already. */
static int prepare(const struct host *h, const struct host_bind_opts *opts,
		   struct host_bind *undo, struct host_pci *dev,
		   const char **driver, struct err *e)
{
	int ret = host_pci_get(h, undo->bdf, dev, e);

	*driver = NULL;
	if (ret || has_driver(opts, dev))
		return ret;
	memcpy(undo->driver, dev->driver, sizeof(undo->driver));
	if ((ret = check_kind(dev, e)) || (ret = check_no_vfs(h, dev, e)) ||
	    (ret = find_driver(h, opts, undo, driver, e)))
		return ret;
	return check_use(h, undo->bdf, opts->force, e);
}

int host_bind_ask(const struct host *h, const struct host_pci *dev,
		  enum host_bind_question question, struct err *e)
{
	const struct host_bind_opts opts = { 0 };
	struct host_bind undo = { .bdf = dev->bdf };
	const char *driver;

	switch (question) {
	case HOST_BIND_KIND:
		return check_kind(dev, e);
	case HOST_BIND_NO_VFS:
		return check_no_vfs(h, dev, e);
	case HOST_BIND_DRIVER:
		return find_driver(h, &opts, &undo, &driver, e);
	case HOST_BIND_UNUSED:
		return host_in_use(h, dev->bdf, e);
	case HOST_BIND_MAY_WRITE:
		return check_may_write(h, dev->bdf, e);
	}
	return 0;
}

int host_bind_driver_check(const struct host *h, struct bdf bdf,
			   const struct host_bind_opts *opts, struct err *e)
{
	struct host_bind undo = { .bdf = bdf };
	struct host_pci dev;
	const char *driver;

	return prepare(h, opts, &undo, &dev, &driver, e);
}

static int bind_in_turn(const struct host *h, const struct host_bind_opts *opts,
			struct host_bind *undo, bool *is_there, struct err *e)
{
	struct host_pci dev;
	const char *driver;
	char s[BDF_STR_LEN];
	int ret = prepare(h, opts, undo, &dev, &driver, e);

	*is_there = !driver;
	if (ret || !driver)
		return ret;
	if (host_is_boot_vga(h, undo->bdf))
		log_warn(bdf_str(undo->bdf, s), "%s", host_boot_vga_text);
	ret = bind_steps(h, &dev, driver, undo, e);
	if (ret)
		roll_back(h, undo, e);
	return ret;
}

int host_bind_driver(const struct host *h, struct bdf bdf,
		     const struct host_bind_opts *opts, struct host_bind *undo,
		     struct err *e)
{
	int turn_fd = take_turn(h, bdf), ret;
	bool is_there;

	*undo = (struct host_bind){ .bdf = bdf };
	if (turn_fd == -EWOULDBLOCK)
		return no_turn(bdf, e);
	if (turn_fd > 0)
		undo->turn_fd = turn_fd;
	ret = bind_in_turn(h, opts, undo, &is_there, e);
	if (ret || is_there || !opts->keep_turn)
		host_bind_opened(undo);
	return ret;
}

void host_bind_opened(struct host_bind *undo)
{
	if (undo->turn_fd)
		close(undo->turn_fd);
	undo->turn_fd = 0;
}

int host_bind_check(const struct host *h, struct bdf bdf, struct err *e)
{
	return host_bind_driver_check(h, bdf, &(struct host_bind_opts){ 0 }, e);
}

int host_bind_vfio(const struct host *h, struct bdf bdf, struct host_bind *undo,
		   struct err *e)
{
	const struct host_bind_opts opts = { .keep_turn = true };

	return host_bind_driver(h, bdf, &opts, undo, e);
}

/* --- back --- */

static int rebind(const struct host *h, const struct host_bind *undo,
		  const char *now, struct err *e)
{
	int ret;

	if (!strcmp(now, undo->driver))
		return 0;
	if (undo->driver[0] &&
	    (ret = set_override(h, undo->bdf, undo->driver, e)))
		return ret;
	if (now[0] && (ret = unbind(h, undo->bdf, e)))
		return ret;
	return undo->driver[0] ? probe(h, undo->bdf, e) : 0;
}

static int check_back(const struct host *h, const struct host_bind *undo,
		      struct err *e)
{
	char s[BDF_STR_LEN], now[HOST_NAME_LEN];
	int ret;

	host_driver(h, undo->bdf, now, sizeof(now));
	if (!strcmp(now, undo->driver))
		return 0;
	bdf_str(undo->bdf, s);
	if (!undo->driver[0]) {
		ret = err_set(
			e, EIO,
			"%s: it had no driver before and is now bound to %s", s,
			now);
		err_hint(e, "echo %s > /sys/bus/pci/devices/%s/driver/unbind",
			 s, s);
		return ret;
	}
	ret = err_set(
		e, EIO, "%s: %s did not take it back (%s%s)", s, undo->driver,
		now[0] ? "it is now bound to " : "no driver has it now", now);
	err_hint(
		e,
		"modprobe %s; echo %s > /sys/bus/pci/drivers_probe; the kernel log may say more",
		undo->driver, s);
	return ret;
}

/* Of a new owner on a vfio driver the override may be as well. */
static int leave_to(const struct host *h, struct host_bind *undo,
		    const char *now, struct err *e)
{
	char s[BDF_STR_LEN], override[HOST_NAME_LEN];
	int ret = 0;

	bdf_str(undo->bdf, s);
	log_info(s, "%s has it by now and keeps it", now);
	if (!host_is_vfio_driver(now) &&
	    !read_override(h, s, override, sizeof(override), e) &&
	    host_is_vfio_driver(override))
		ret = set_override(h, undo->bdf, undo->override, e);
	undo->changed = ret != 0;
	return ret;
}

static int undo_steps(const struct host *h, struct host_bind *undo,
		      struct err *e)
{
	struct err dropped = { 0 };
	char s[BDF_STR_LEN], now[HOST_NAME_LEN];
	int ret, override_ret;

	if (!undo->changed)
		return 0;
	if (!host_exists(h, PCI_DIR "/%s", bdf_str(undo->bdf, s))) {
		log_info(s, "it is gone, so its driver is not put back");
		undo->changed = false;
		return 0;
	}
	host_driver(h, undo->bdf, now, sizeof(now));
	if (undo->was_taken && now[0])
		return leave_to(h, undo, now, e);
	ret = rebind(h, undo, now, e);
	/* Whatever failed, no override of ours stays. */
	override_ret =
		set_override(h, undo->bdf, undo->override, ret ? &dropped : e);
	if (!ret)
		ret = override_ret;
	if (!ret)
		ret = check_back(h, undo, e);
	if (!ret)
		undo->changed = false;
	return ret;
}

/* Without a turn as well: who keeps it that long does not bind. */
int host_bind_undo(const struct host *h, struct host_bind *undo, struct err *e)
{
	AUTO_CLOSE int turn_fd =
		undo->changed && !undo->turn_fd ? take_turn(h, undo->bdf) : -1;
	int ret = undo_steps(h, undo, e);

	(void)turn_fd; /* kept to the end; clang sees no use in that */
	host_bind_opened(undo);
	return ret;
}
