// SPDX-License-Identifier: GPL-2.0-or-later
/* The driver of a function, vfio-pci, and the files in /dev. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "iommu/priv.h"

/* --- vfio-pci --- */

struct parameters {
	const struct host *h;
	const char *module;
	char *buf;
	size_t len;
};

/* Those that are switched on: "nointxmask=Y". */
static int add_parameter(const char *name, void *arg)
{
	const struct parameters *p = arg;
	size_t n = strlen(p->buf);
	char value[64];

	if (host_read(p->h, value, sizeof(value), "sys/module/%s/parameters/%s",
		      p->module, name) > 0 &&
	    strcmp(value, "N") != 0 && strcmp(value, "(null)") != 0)
		snprintf(p->buf + n, p->len - n, "%s%s=%.40s", n ? " " : "",
			 name, value);
	return 0;
}

static void judge_module(struct judge *j)
{
	char text[200] = "";
	struct parameters p = { .h = j->h,
				.module = "vfio_pci",
				.buf = text,
				.len = sizeof(text) };
	struct err e = { 0 };

	if (!judge_is_on_vfio(j) &&
	    host_bind_ask(j->h, &j->pci, HOST_BIND_DRIVER, &e)) {
		judge_say_err(j, "vfio-module", FINDING_BLOCKER, &e);
		return;
	}
	/* A variant stands on vfio-pci-core, which is another module. */
	if (judge_is_on_vfio(j) && strcmp(j->pci.driver, "vfio-pci") != 0) {
		judge_say(j, "vfio-module", FINDING_OK, "",
			  "%s is a VFIO driver, and vfio-pci is not needed",
			  j->pci.driver);
		return;
	}
	host_each_name(j->h, add_parameter, &p,
		       "sys/module/vfio_pci/parameters");
	judge_say(j, "vfio-module", FINDING_OK, "", "vfio-pci is loaded%s%s%s",
		  text[0] ? " (" : "", text, text[0] ? ")" : "");
}

/* --- the function's driver --- */

static void judge_bind(struct judge *j, const char *id,
		       enum host_bind_question question)
{
	struct err e = { 0 };

	if (host_bind_ask(j->h, &j->pci, question, &e))
		judge_say_err(j, id, FINDING_BLOCKER, &e);
}

static void judge_host_driver(struct judge *j)
{
	const char *driver = j->pci.driver;
	struct err e = { 0 };

	/* Not that strait run takes it, of what it never takes. */
	if (driver[0] && host_bind_ask(j->h, &j->pci, HOST_BIND_KIND, &e))
		judge_say(j, "driver", FINDING_NOTE, "", "it is bound to %s",
			  driver);
	else if (driver[0])
		judge_say(
			j, "driver", FINDING_NOTE, "",
			"it is bound to %s, from which strait run takes it and gives it back",
			driver);
	else
		judge_say(j, "driver", FINDING_OK, "", "it has no driver");
}

static void judge_token(struct judge *j)
{
	const struct iommu_device dev = { .id = j->dev, .fd = -1 };
	struct err e = { .code = EACCES };
	char name[BDF_STR_LEN];
	struct host_pci pf;

	if (!iommu_pf_is_on_vfio(j->h, &j->dev, &pf))
		return;
	iommu_hint_token(j->h, &dev, &e);
	judge_say(
		j, "vf-token", FINDING_BLOCKER, e.hint,
		"who opens it has to know the token of its physical function %s",
		bdf_str(pf.bdf, name));
}

void judge_driver(struct judge *j)
{
	if (judge_is_on_vfio(j)) {
		judge_say(j, "driver", FINDING_OK, "", "it is bound to %s",
			  j->pci.driver);
	} else {
		judge_host_driver(j);
		judge_bind(j, "driver", HOST_BIND_KIND);
		judge_bind(j, "in-use", HOST_BIND_NO_VFS);
	}
	judge_module(j);
	judge_token(j);
}

/* --- files in /dev --- */

static bool say_node(struct judge *j, int ret, const struct err *e)
{
	if (ret)
		judge_say_err(j, e->code == EBUSY ? "holder" : "permission",
			      FINDING_BLOCKER, e);
	return ret != 0;
}

static bool judge_container(struct judge *j)
{
	struct err e = { 0 };
	int fd;

	if (j->kind != IOMMU_CONTAINER)
		return false;
	fd = iommu_open_container(j->h, &e);
	if (fd >= 0)
		close(fd);
	return say_node(j, fd < 0, &e);
}

void judge_nodes(struct judge *j)
{
	bool is_bound = judge_is_on_vfio(j), is_refused = false;
	struct err e = { 0 };

	if (j->is_record) {
		judge_say(
			j, "permission", FINDING_UNKNOWN, "",
			"permissions in /dev, and processes that have the device, are not in a record");
		return;
	}
	if (!is_bound)
		is_refused = say_node(
			j,
			host_bind_ask(j->h, &j->pci, HOST_BIND_MAY_WRITE, &e),
			&e);
	e = (struct err){ 0 };
	if (j->dev.group >= 0)
		is_refused |=
			say_node(j,
				 iommu_node_check(j->h, &j->dev, j->o->kind,
						  is_bound, &e),
				 &e);
	is_refused |= judge_container(j);
	if (!is_refused)
		judge_say(j, "permission", FINDING_OK, "",
			  is_bound ? "this user may open its files in /dev"
				   : "this user may bind it to vfio-pci");
}
