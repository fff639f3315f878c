// SPDX-License-Identifier: GPL-2.0-or-later
/* How a PF and its VFs are. */
/*
 * How this works
 *
 * sysfs says which VFs there are and what drives them; rtnetlink, through the
 * PF's interface, what the PF lets them do; devlink what is behind the ports of
 * a switch. Each is asked once per PF. A VF's row is filled in from what was
 * found; a PF without an interface (NVMe, an accelerator) just has fewer
 * settings.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/bits.h"
#include "tools/vf/record.h"
#include "tools/vf/state.h"

enum {
	CAP_POINTER = 0x34, /* PCIe 6.0 7.5.1.1.11 */
	CAP_ID_MSIX = 0x11, /* PCI Code and ID Assignment 1.15, 2 */
	MSIX_CONTROL = 2,   /* PCIe 6.0 7.7.2.2 */
	MSIX_TABLE_SIZE = 0x7ff,
	CONFIG_LEN = 256,
	CAPS_MAX = 48, /* what 192 bytes have room for */
};

unsigned int state_msix(const struct host *h, struct bdf bdf)
{
	unsigned char config[CONFIG_LEN] = { 0 };
	unsigned int at = 0;
	char s[BDF_STR_LEN];
	AUTO_CLOSE int fd = host_open_file(
		h, O_RDONLY, "sys/bus/pci/devices/%s/config", bdf_str(bdf, s));

	/* Without root the first 64 bytes are all that can be read. */
	if (fd < 0 || pread(fd, config, sizeof(config), 0) < CONFIG_LEN)
		return 0;
	at = config[CAP_POINTER] & 0xfc;
	for (int i = 0; i < CAPS_MAX && at >= 0x40; i++) {
		if (config[at] == CAP_ID_MSIX)
			return (unsigned int)(get_le(&config[at + MSIX_CONTROL],
						     2) &
					      MSIX_TABLE_SIZE) +
			       1;
		at = config[at + 1] & 0xfc;
	}
	return 0;
}

int state_msix_note(const struct host *h, struct bdf vf, unsigned int nr,
		    struct err *e)
{
	char text[48];

	snprintf(text, sizeof(text), "%" PRIu64 " %u\n", record_instance(h, vf),
		 nr);
	return host_note_write(h, vf, "msix", text, e);
}

static unsigned int read_msix_note(const struct host *h, struct bdf vf)
{
	uint64_t instance;
	unsigned int nr;
	char text[48];

	/* Of a VF that was there before, its default counts no more. */
	if (host_note_read(h, vf, "msix", text, sizeof(text)) < 0 ||
	    sscanf(text, "%" SCNu64 " %u", &instance, &nr) != 2 ||
	    instance != record_instance(h, vf))
		return 0;
	return nr;
}

void state_nodes(const struct host *h, struct bdf bdf, struct vfio_nodes *out)
{
	struct err ignored = { 0 };
	struct host_vfio v;

	*out = (struct vfio_nodes){ 0 };
	if (host_vfio_by_bdf(h, bdf, &v, &ignored))
		return;
	snprintf(out->group, sizeof(out->group), "/dev/vfio/%d", v.group);
	if (v.group < 0 || !host_exists(h, "%s", out->group))
		out->group[0] = '\0';
	if (v.cdev >= 0)
		snprintf(out->cdev, sizeof(out->cdev),
			 "/dev/vfio/devices/vfio%d", v.cdev);
}

/* --- one VF --- */

static void read_owner(const struct host *h, struct vf_state *v)
{
	struct passwd pw, *found;
	char buf[1024];
	struct stat st;

	/* +1: relative to the root */
	if (!v->node[0] || fstatat(h->root_fd, v->node + 1, &st, 0) ||
	    !st.st_uid)
		return;
	if (!getpwuid_r(st.st_uid, &pw, buf, sizeof(buf), &found) && found &&
	    strlen(pw.pw_name) < sizeof(v->is.owner))
		memcpy(v->is.owner, pw.pw_name, strlen(pw.pw_name) + 1);
	else
		snprintf(v->is.owner, sizeof(v->is.owner), "%u", st.st_uid);
}

static int take_name(const char *name, void *arg)
{
	struct vf_state *v = arg;

	snprintf(v->name, sizeof(v->name), "%s", name);
	return 1;
}

static void read_name(const struct host *h, struct vf_state *v)
{
	static const char *const classes[] = { "nvme", "infiniband", "accel",
					       "drm" };
	char s[BDF_STR_LEN];

	bdf_str(v->vf.dev.bdf, s);
	if (host_netdev(h, v->vf.dev.bdf, v->netdev, sizeof(v->netdev)))
		return;
	for (unsigned int i = 0; i < ARRAY_SIZE(classes) && !v->name[0]; i++)
		host_each_name(h, take_name, v, "sys/bus/pci/devices/%s/%s", s,
			       classes[i]);
}

static void read_vf(const struct host *h, struct vf_state *v)
{
	struct vfio_nodes nodes;
	struct vf_record record;
	struct err ignored = { 0 };
	struct bdf bdf = v->vf.dev.bdf;

	v->is.index = v->vf.index;
	memcpy(v->is.driver, v->vf.dev.driver, sizeof(v->is.driver));
	read_name(h, v);
	v->is.msix = state_msix(h, bdf);
	v->is.has_msix = v->is.msix > 0;
	v->msix_default = read_msix_note(h, bdf);
	v->has_record = !record_load(h, bdf, &record, &ignored);
	memcpy(v->record_driver, record.driver, sizeof(v->record_driver));
	if (!host_is_vfio_driver(v->vf.dev.driver))
		return;
	state_nodes(h, bdf, &nodes);
	snprintf(v->node, sizeof(v->node), "%.31s",
		 nodes.group[0] ? nodes.group : nodes.cdev);
	read_owner(h, v);
	v->holder = host_vfio_holder(h, bdf, v->holder_name,
				     sizeof(v->holder_name));
}

struct reading {
	const struct host *h;
	struct pf_state *out;
	struct err *e;
};

static int add_vf(const struct host_vf *vf, void *arg)
{
	struct reading *r = arg;
	struct pf_state *s = r->out;
	struct vf_state *more =
		reallocarray(s->vfs, s->nr_vfs + 1, sizeof(*more));

	if (!more)
		return err_set(r->e, ENOMEM, "out of memory");
	s->vfs = more;
	more = &s->vfs[s->nr_vfs++];
	*more = (struct vf_state){ .vf = *vf };
	read_vf(r->h, more);
	return 0;
}

/* --- what the PF knows of them --- */

static struct vf_state *find_vf(struct pf_state *s, unsigned int index)
{
	for (size_t i = 0; i < s->nr_vfs; i++)
		if (s->vfs[i].vf.index == index)
			return &s->vfs[i];
	return NULL;
}

const struct vf_state *state_vf(const struct pf_state *s, unsigned int index)
{
	for (size_t i = 0; i < s->nr_vfs; i++)
		if (s->vfs[i].vf.index == index)
			return &s->vfs[i];
	return NULL;
}

static void read_links(struct pf_state *s)
{
	struct err ignored = { 0 };
	struct vf_link *links = NULL;
	size_t nr = 0;

	if (!s->netdev[0] || !s->nr_vfs ||
	    vf_links_get(s->netdev, &links, &nr, &ignored))
		nr = 0;
	for (size_t i = 0; i < nr; i++) {
		struct vf_state *v = find_vf(s, links[i].index);

		if (!v)
			continue;
		v->is.conf = links[i].conf;
		v->has_counters = links[i].has_counters;
		v->counters = links[i].counters;
	}
	free(links);
}

static void read_ports(struct pf_state *s)
{
	struct devlink_port *ports = NULL;
	struct err ignored = { 0 };
	char bdf[BDF_STR_LEN];
	size_t nr = 0;

	bdf_str(s->pf.bdf, bdf);
	s->has_eswitch =
		!devlink_eswitch_get("pci", bdf, &s->eswitch, &ignored);
	if (!s->has_eswitch || !s->nr_vfs ||
	    devlink_ports_get("pci", bdf, &ports, &nr, &ignored))
		nr = 0;
	for (size_t i = 0; i < nr; i++) {
		struct vf_state *v =
			ports[i].is_vf ? find_vf(s, ports[i].vf) : NULL;

		if (v)
			v->is.fn = ports[i].fn;
	}
	free(ports);
}

int state_read(const struct host *h, struct bdf pf, struct pf_state *out,
	       struct err *e)
{
	struct reading r = { .h = h, .out = out, .e = e };
	int ret;

	*out = (struct pf_state){ 0 };
	ret = host_pf_get(h, pf, &out->pf, e);
	if (!ret)
		ret = host_pci_get(h, pf, &out->dev, e);
	if (!ret)
		ret = host_vf_each(h, pf, add_vf, &r, e);
	if (ret)
		return ret;
	host_netdev(h, pf, out->netdev, sizeof(out->netdev));
	read_links(out);
	read_ports(out);
	return 0;
}

void state_free(struct pf_state *s)
{
	free(s->vfs);
	*s = (struct pf_state){ 0 };
}
