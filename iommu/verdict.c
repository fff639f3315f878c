// SPDX-License-Identifier: GPL-2.0-or-later
/* Can a function be assigned: all that speaks for and against it. */
/*
 * How this works
 *
 * `strait run` asks a chain of questions and stops at the first refusal. Here
 * the same functions are asked, one by one and all of them, so that the
 * sentences are the same; verdict_*.c have them by subject. Beside refusals
 * there are things that the kernel would say only later, such as interrupts
 * that cannot be remapped, and others that refuse nothing.
 *
 * In a record of another machine nothing is known of processes, limits and
 * permissions; those findings say so. What is not known is no blocker.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "iommu/priv.h"
#include "src/base/bits.h"

static void put(struct judge *j, const char *id, enum finding_level level,
		const char *text, const char *remedy)
{
	struct verdict *v = j->out;
	struct finding *f = &v->findings[v->nr];

	/* A blocker counts even if it is not shown. */
	if (level == FINDING_BLOCKER)
		v->is_assignable = false;
	if (v->nr == VERDICT_MAX)
		return;
	f->id = id;
	f->level = level;
	snprintf(f->text, sizeof(f->text), "%s", text);
	snprintf(f->remedy, sizeof(f->remedy), "%s", remedy);
	v->nr++;
}

void judge_say(struct judge *j, const char *id, enum finding_level level,
	       const char *remedy, const char *fmt, ...)
{
	char text[sizeof(j->out->findings[0].text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	put(j, id, level, text, remedy);
}

void judge_say_err(struct judge *j, const char *id, enum finding_level level,
		   const struct err *e)
{
	const char *text = e->msg;
	char who[BDF_STR_LEN];
	size_t n = strlen(bdf_str(j->bdf, who));

	if (!strncmp(text, who, n) && !strncmp(text + n, ": ", 2))
		text += n + 2;
	put(j, id, level, text, e->hint);
}

bool judge_is_on_vfio(const struct judge *j)
{
	return host_is_vfio_driver(j->pci.driver);
}

/*
 * What iommu_new will choose. A function that is not bound yet gets its file in
 * /dev/vfio/devices when it is, if the kernel makes such: then there is a class
 * for them, or at least /dev/iommu.
 */
static enum iommu_kind find_kind(const struct judge *j)
{
	enum iommu_kind kind = j->o->kind;

	if (kind == IOMMU_AUTO && !j->is_record)
		kind = iommu_kind_for(j->h, &j->dev, kind);
	if (kind == IOMMU_AUTO && !j->is_record && !judge_is_on_vfio(j) &&
	    host_exists(j->h, "sys/class/vfio-dev") && iommu_has_iommufd(j->h))
		kind = IOMMU_IOMMUFD;
	return kind == IOMMU_AUTO ? IOMMU_CONTAINER : kind;
}

static void judge_all(struct judge *j)
{
	j->kind = find_kind(j);
	judge_group(j);
	judge_interrupts(j);
	judge_reserved(j);
	judge_driver(j);
	judge_use(j);
	judge_nodes(j);
	judge_memlock(j);
	judge_reset(j);
}

int verdict_of(const struct host *h, struct bdf bdf,
	       const struct verdict_options *o, struct verdict *out,
	       struct err *e)
{
	struct judge j = { .h = h,
			   .o = o,
			   .is_record = o->is_record || h->is_record,
			   .bdf = bdf,
			   .out = out };
	int ret;

	out->nr = 0;
	out->is_assignable = true;
	if ((ret = host_vfio_by_bdf(h, bdf, &j.dev, e)) ||
	    (ret = host_pci_get(h, bdf, &j.pci, e)) ||
	    (ret = topo_read_near(h, bdf, &j.topo, e)))
		return ret;
	j.fn = topo_find(&j.topo, bdf);
	judge_all(&j);
	topo_free(&j.topo);
	return 0;
}

const char *finding_level_name(enum finding_level level)
{
	static const char *const names[] = {
		[FINDING_OK] = "ok",	       [FINDING_NOTE] = "note",
		[FINDING_WARNING] = "warning", [FINDING_BLOCKER] = "blocker",
		[FINDING_UNKNOWN] = "unknown",
	};
	static_assert(ARRAY_SIZE(names) == FINDING_UNKNOWN + 1,
		      "a name for each level");

	return names[level];
}
