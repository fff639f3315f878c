// SPDX-License-Identifier: GPL-2.0-or-later
/* What all commands of strait-iommu share. */
#include <errno.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/bits.h"
#include "tools/iommu/view.h"

int view_open(struct view *v, struct cli *cli, struct err *e)
{
	int ret;

	*v = (struct view){ .cli = cli,
			    .options = cli->own,
			    .host.root_fd = -1 };
	if (v->options->from) {
		ret = record_open(&v->record, v->options->from, e);
		if (!ret)
			ret = host_open_record(&v->host, v->record.dir, e);
	} else {
		ret = host_open(&v->host, "/", e);
	}
	v->use_color = table_use_color(cli->color, cli->out);
	v->width = table_width(cli->out);
	if (!ret && !(v->names = names_new()))
		ret = err_set(e, ENOMEM, "out of memory");
	if (ret)
		view_close(v);
	return ret;
}

void view_close(struct view *v)
{
	names_free(v->names);
	v->names = NULL;
	host_close(&v->host);
	record_close(&v->record);
}

int view_topo(const struct view *v, struct topo *t, struct err *e)
{
	return topo_read(&v->host, t, e);
}

/* --- addresses --- */

struct near {
	struct bdf want, best;
	bool found;
	long distance;
};

/* First by what a typist gets wrong least: domain, then bus, slot, function. */
static long distance_of(struct bdf a, struct bdf b)
{
	long bus = labs((long)a.bus - b.bus);
	long slot = labs((long)(a.devfn >> 3) - (b.devfn >> 3));
	long function = labs((long)(a.devfn & 7) - (b.devfn & 7));
	long wrong = (bus > 0) + (slot > 0) + (function > 0);

	return (a.domain != b.domain) * 1000000L + wrong * 10000 + bus * 32 +
	       slot + function;
}

static int try_near(const char *name, void *arg)
{
	struct near *n = arg;
	struct bdf bdf;
	long d;

	/* An entry that leads nowhere is no function, whatever its name. */
	if (bdf_parse(name, &bdf) || bdf_equal(bdf, n->want))
		return 0;
	d = distance_of(n->want, bdf);
	/* The lower one of two, as the directory has no order. */
	if (!n->found || d < n->distance ||
	    (d == n->distance &&
	     bdf.bus * 256 + bdf.devfn < n->best.bus * 256 + n->best.devfn)) {
		n->best = bdf;
		n->distance = d;
		n->found = true;
	}
	return 0;
}

/* The library knows it when a VF would be there; else the nearest one is what
 * was meant. */
static void suggest(const struct view *v, struct bdf bdf, struct err *e)
{
	struct near n = { .want = bdf };
	char s[BDF_STR_LEN];

	if (strstr(e->hint, "it would be VF"))
		return;
	host_each_name(&v->host, try_near, &n, "sys/bus/pci/devices");
	e->hint[0] = '\0';
	if (n.found)
		err_hint(
			e,
			"did you mean %s? `strait-iommu list` has all functions",
			bdf_str(n.best, s));
	else
		err_hint(e, "there is no PCI function at all");
}

int view_bdf(const struct view *v, const char *word, struct bdf *out,
	     struct err *e)
{
	struct host_pci p;
	int ret;

	if (bdf_parse(word, out)) {
		err_set(e, EINVAL, "%s: not a PCI address", word);
		err_hint(e, "as lspci -D prints it: 0000:3b:10.0");
		return -EINVAL;
	}
	ret = host_pci_get(&v->host, *out, &p, e);
	if (ret == -ENODEV)
		suggest(v, *out, e);
	/* Nonsense in a record is no mistake of the command line. */
	return ret == -EINVAL ? -EIO : ret;
}

/* --- words --- */

const char *view_name(const struct view *v, const struct host_pci *p, char *buf)
{
	return names_device(v->names, p, buf, VIEW_TEXT_LEN);
}

void view_iommu(const struct view *v, struct bdf bdf, char *buf, size_t len)
{
	char s[BDF_STR_LEN];

	if (host_link_name(&v->host, buf, len, "sys/bus/pci/devices/%s/iommu",
			   bdf_str(bdf, s)))
		buf[0] = '\0';
}

/* As their drivers name them in iommu_device_sysfs_add. */
const char *view_iommu_kind(const char *unit)
{
	static const struct {
		const char *start, *kind;
	} kinds[] = {
		{ "dmar", "VT-d" },	      { "ivhd", "AMD-Vi" },
		{ "smmu", "SMMU" },	      { "arm-smmu", "SMMU" },
		{ "virtio", "virtio-iommu" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strncmp(unit, kinds[i].start, strlen(kinds[i].start)))
			return kinds[i].kind;
	return "";
}

void view_domain(const struct view *v, int group, char *buf, size_t len)
{
	if (group < 0 ||
	    host_read(&v->host, buf, len, "sys/kernel/iommu_groups/%d/type",
		      group) < 0)
		buf[0] = '\0';
}

const char *view_type(const struct topo_fn *f)
{
	const char *name = topo_type_name(f);

	return strcmp(name, "conventional PCI function") ? name
							 : "conventional PCI";
}

const char *view_path(const struct topo_fn *f, char *buf, size_t len)
{
	const struct topo_fn *way[32];
	unsigned int nr = 0;
	size_t n = 0;

	for (; f && nr < 32; f = f->parent)
		way[nr++] = f;
	buf[0] = '\0';
	while (nr-- && n < len) {
		char s[BDF_STR_LEN];
		const char *short_name = bdf_str(way[nr]->pci.bdf, s);

		if (!way[nr]->pci.bdf.domain)
			short_name += strlen("0000:");
		n += (size_t)snprintf(buf + n, len - n, "%s%s", n ? "/" : "",
				      short_name);
	}
	return buf;
}

/* Tenths of GT/s: "2.5", "16". */
static const char *speed_text(unsigned int speed, char *buf, size_t len)
{
	if (speed % 10)
		snprintf(buf, len, "%u.%u", speed / 10, speed % 10);
	else
		snprintf(buf, len, "%u", speed / 10);
	return buf;
}

const char *view_link(const struct topo_link *l, char *buf, size_t len)
{
	char now[16], max[16];

	buf[0] = '\0';
	if (!l->width && l->max_width)
		snprintf(buf, len, "down (%s GT/s x%u)",
			 speed_text(l->max_speed, max, sizeof(max)),
			 l->max_width);
	else if (l->width && (!l->max_width || (l->speed == l->max_speed &&
						l->width == l->max_width)))
		snprintf(buf, len, "%s GT/s x%u",
			 speed_text(l->speed, now, sizeof(now)), l->width);
	else if (l->width)
		snprintf(buf, len, "%s GT/s x%u of %s GT/s x%u",
			 speed_text(l->speed, now, sizeof(now)), l->width,
			 speed_text(l->max_speed, max, sizeof(max)),
			 l->max_width);
	return buf;
}

/* What isolates what is below or beside a port (REQ_ACS_FLAGS in
 * drivers/iommu/iommu.c). */
enum { NEEDED_ACS = PCI_ACS_SV | PCI_ACS_RR | PCI_ACS_CR | PCI_ACS_UF };

/* ACS decides at ports, and in slots of several functions. */
static bool acs_matters(const struct topo_fn *f)
{
	return f->pcie_type == PCI_EXP_TYPE_ROOT_PORT ||
	       f->pcie_type == PCI_EXP_TYPE_DOWNSTREAM ||
	       (f->pcie_type >= 0 && f->is_multifunction) || f->acs.has_cap;
}

const char *view_acs(const struct topo_fn *f, enum table_color *color,
		     char *buf, size_t len)
{
	uint16_t off = (uint16_t)(NEEDED_ACS & f->acs.cap & ~f->acs.ctrl);
	char bits[32];

	*color = TABLE_PLAIN;
	buf[0] = '\0';
	if (f->cfg_len < 256)
		return snprintf(buf, len, "?"), buf;
	if (!acs_matters(f))
		return buf;
	*color = TABLE_RED;
	if (!f->acs.has_cap)
		return snprintf(buf, len, "none"), buf;
	if (off)
		return snprintf(buf, len, "off: %s",
				acs_bits(off, bits, sizeof(bits))),
		       buf;
	*color = TABLE_GREEN;
	acs_bits(f->acs.ctrl, bits, sizeof(bits));
	return snprintf(buf, len, "%s", *bits ? bits : "no bits"), buf;
}

void view_note_root(const struct topo *t)
{
	unsigned int nr = 0;

	if (!t->nr)
		fprintf(stderr,
			"note: there is no PCI function that can be read\n");
	for (unsigned int i = 0; i < t->nr; i++)
		nr += t->fns[i].cfg_len < 256;
	if (nr)
		fprintf(stderr,
			"note: config space of %u function%s cannot be read by this user, so their types and ACS are unknown (?): run it as root\n",
			nr, nr == 1 ? "" : "s");
}
