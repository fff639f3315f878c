// SPDX-License-Identifier: GPL-2.0-or-later
/* A function's interface, and a PF by what a user calls it. */
/*
 * How this works
 *
 * An interface's entry in /sys/class/net is a link through the directory of its
 * function, which has a folder net of all that are its children. In switchdev
 * mode the representors of the VFs are there as well; they tell themselves by
 * their phys_port_name ("pf0vf3", Documentation/networking/switchdev.rst of the
 * kernel).
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/host/priv.h"

#define PCI_DIR "sys/bus/pci/devices"

/* --- interfaces --- */

struct netdev_search {
	const struct host *h;
	const char *bdf;
	char best[HOST_NAME_LEN];
	uint64_t best_port;
};

/* "pf0vf3", "c1pf0vf3", "pf0sf8": the other end of a function's port. */
static bool is_representor(const char *port)
{
	unsigned int a, b, c;
	char kind;

	return sscanf(port, "pf%u%cf%u", &a, &kind, &b) == 3 ||
	       sscanf(port, "c%upf%u%cf%u", &c, &a, &kind, &b) == 4 ||
	       (sscanf(port, "c%upf%u", &c, &a) == 2);
}

static int take_netdev(const char *name, void *arg)
{
	struct netdev_search *s = arg;
	uint64_t dev_port = 0;
	char port[32];

	if (host_read(s->h, port, sizeof(port),
		      PCI_DIR "/%s/net/%s/phys_port_name", s->bdf, name) > 0 &&
	    is_representor(port))
		return 0;
	if (host_read_u64(s->h, &dev_port, PCI_DIR "/%s/net/%s/dev_port",
			  s->bdf, name))
		dev_port = 0;
	if (s->best[0] &&
	    (dev_port > s->best_port ||
	     (dev_port == s->best_port && strcmp(name, s->best) > 0)))
		return 0;
	snprintf(s->best, sizeof(s->best), "%s", name);
	s->best_port = dev_port;
	return 0;
}

bool host_netdev(const struct host *h, struct bdf bdf, char *buf, size_t len)
{
	char s[BDF_STR_LEN];
	struct netdev_search n = { .h = h, .bdf = bdf_str(bdf, s) };

	host_each_name(h, take_netdev, &n, PCI_DIR "/%s/net", s);
	if (!n.best[0] || strlen(n.best) >= len)
		return false;
	memcpy(buf, n.best, strlen(n.best) + 1);
	return true;
}

/* --- a PF by what users call it --- */

/* The function that an interface's directory is below of. */
static bool bdf_of_netdev(const struct host *h, const char *name,
			  struct bdf *out)
{
	char target[PATH_MAX], *end, *start;

	if (host_link_target(h, target, sizeof(target), "sys/class/net/%s",
			     name) < 0)
		return false;
	end = strstr(target, "/net/");
	if (!end)
		return false;
	*end = '\0';
	start = strrchr(target, '/');
	return start && !bdf_parse(start + 1, out);
}

/* As dev_valid_name in net/core/dev.c; others would name directories. */
static bool is_netdev(const struct host *h, const char *name)
{
	return *name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
	       !strchr(name, '/') && host_exists(h, "sys/class/net/%s", name);
}

static int find_netdev(const struct host *h, const char *name,
		       struct host_pf *out, struct err *e)
{
	struct bdf bdf;
	int ret;

	if (!is_netdev(h, name)) {
		ret = err_set(
			e, ENODEV,
			"%s: there is no such PF: it is no PCI address (0000:01:00.0), interface or driver/number (igb/0) of this machine",
			*name ? name : "\"\"");
		err_hint(e, "`strait-vf list` lists the PFs");
		return ret;
	}
	if (!bdf_of_netdev(h, name, &bdf)) {
		ret = err_set(
			e, ENODEV,
			"%s: this interface belongs to no PCI function of its own",
			name);
		err_hint(e, "`strait-vf list` lists the PFs");
		return ret;
	}
	ret = host_pf_get(h, bdf, out, e);
	return ret ? err_ctx(e, ret, "%s", name) : 0;
}

struct port_search {
	const struct host *h;
	const char *port;
	char driver[HOST_NAME_LEN];
	unsigned long number; /* ULONG_MAX if port is none */
	unsigned int nr_seen;
	bool found, by_name;
	struct host_pf *out;
};

static bool has_port_name(const struct port_search *s, struct bdf bdf)
{
	char name[HOST_NAME_LEN], text[HOST_NAME_LEN], str[BDF_STR_LEN];

	return host_netdev(s->h, bdf, name, sizeof(name)) &&
	       host_read(s->h, text, sizeof(text),
			 PCI_DIR "/%s/net/%s/phys_port_name", bdf_str(bdf, str),
			 name) > 0 &&
	       !strcmp(text, s->port);
}

static int match_port(const struct host_pf *pf, void *arg)
{
	struct port_search *s = arg;

	if (strcmp(pf->driver, s->driver))
		return 0;
	if (has_port_name(s, pf->bdf)) {
		*s->out = *pf;
		s->found = s->by_name = true;
		return 1;
	}
	if (s->nr_seen++ == s->number) {
		*s->out = *pf;
		s->found = true;
	}
	return 0;
}

static int find_port(const struct host *h, const char *name,
		     struct host_pf *out, struct err *e)
{
	struct port_search s = { .h = h, .number = ULONG_MAX, .out = out };
	const char *slash = strchr(name, '/');
	char *end;
	int ret;

	snprintf(s.driver, sizeof(s.driver), "%.*s", (int)(slash - name), name);
	s.port = slash + 1;
	if (isdigit((unsigned char)*s.port)) {
		s.number = strtoul(s.port, &end, 10);
		if (*end)
			s.number = ULONG_MAX;
	}
	ret = host_pf_each(h, match_port, &s, e);
	if (ret < 0 || s.found)
		return ret < 0 ? ret : 0;
	ret = err_set(
		e, ENODEV,
		"%s: there is no such PF: the driver %s has %u with SR-IOV",
		name, s.driver, s.nr_seen);
	if (s.nr_seen)
		err_hint(e, "they are %s/0 to %s/%u, in the order of addresses",
			 s.driver, s.driver, s.nr_seen - 1);
	else
		err_hint(e, "`strait-vf list` lists the PFs and their drivers");
	return ret;
}

int host_pf_find(const struct host *h, const char *name, struct host_pf *out,
		 struct err *e)
{
	const char *slash = strchr(name, '/');
	struct bdf bdf;

	if (!bdf_parse(name, &bdf))
		return host_pf_get(h, bdf, out, e);
	return slash && slash > name ? find_port(h, name, out, e)
				     : find_netdev(h, name, out, e);
}
