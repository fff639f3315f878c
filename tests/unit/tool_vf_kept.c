// SPDX-License-Identifier: GPL-2.0-or-later
/* What VFs had before a new number of them was made, after a run was killed. */
#include <errno.h>

#include "src/base/log.h"
#include "tests/fake/tree.h"
#include "tests/tap.h"
#include "tools/vf/work.h"

static struct tree tree;
static struct host host;
static struct plan plan;
static struct target target;
static struct err err;

static const struct bdf pf = { .bus = 1 };

static void forget(void)
{
	state_free(&target.was);
	plan_free(&plan);
	target = (struct target){ 0 };
	err = (struct err){ 0 };
}

/* A run with this entry for the PF reads what is there. */
static void next_run(const char *entry)
{
	char text[256];

	forget();
	snprintf(text, sizeof(text),
		 "{\"version\":1, \"pfs\":[{\"pf\":\"0000:01:00.0\" %s}]}",
		 entry);
	CHECK_EQ(plan_parse(text, strlen(text), "test", &plan, &err), 0);
	target.want = &plan.pfs[0];
	CHECK_EQ(state_read(&host, pf, &target.was, &err), 0);
}

/* Two VFs, the first with a MAC, a VLAN and vfio-pci; a run is killed after it
 * has saved that. */
static void killed(void)
{
	struct vf_want *is;

	if (tree.root[0]) {
		tree_remove(&tree);
		host_close(&host);
	}
	tree_make(&tree);
	tree_load(&tree, "igb");
	CHECK_EQ(host_open(&host, tree.root, &err), 0);
	next_run("");
	CHECK_EQ(target.was.nr_vfs, 2);
	is = &target.was.vfs[0].is;
	is->conf = (struct vf_conf){ .keys = VF_MAC | VF_VLAN,
				     .mac = { 0x52, 0x54, 0, 0, 0, 1 } };
	is->conf.vlan = 7;
	snprintf(is->driver, sizeof(is->driver), "vfio-pci");
	is = &target.was.vfs[1].is;
	is->conf = (struct vf_conf){ .keys = VF_MAC };
	snprintf(is->driver, sizeof(is->driver), "igbvf");
	CHECK_EQ(kept_save(&host, &target, &err), 0);
	CHECK(target.is_kept);
}

static int carry(bool force)
{
	return kept_carry(&host, &target, force, &err);
}

static void the_next_run_wants_what_vfs_had(void)
{
	const struct vf_want *w;

	killed();
	next_run(", \"count\":4");
	CHECK_EQ(carry(false), 0);
	w = plan_vf(target.want, 0, &err);
	CHECK_EQ(w->conf.keys, (unsigned int)(VF_MAC | VF_VLAN));
	CHECK_EQ(w->conf.mac[5], 1);
	CHECK_EQ(w->conf.vlan, 7);
	CHECK(!strcmp(w->driver, "vfio-pci"));
}

/* No VF can be given a MAC of zeros, and the host's drivers choose for
 * themselves. */
static void what_cannot_be_given_is_not_kept(void)
{
	const struct vf_want *w;

	killed();
	next_run(", \"count\":2");
	CHECK_EQ(carry(false), 0);
	w = plan_vf(target.want, 1, &err);
	CHECK_EQ(w->conf.keys, 0U);
	CHECK(!strcmp(w->driver, ""));
}

static void what_a_plan_says_itself_comes_first(void)
{
	const struct vf_want *w;

	killed();
	next_run(", \"count\":2, \"vfs\":[{\"vf\":0, \"vlan\":9}]");
	CHECK_EQ(carry(false), 0);
	w = plan_vf(target.want, 0, &err);
	CHECK_EQ(w->conf.vlan, 9);
	CHECK_EQ(w->conf.mac[5], 1);
}

static void vfs_that_are_not_wanted_get_nothing(void)
{
	killed();
	next_run(", \"count\":1");
	CHECK_EQ(carry(false), 0);
	CHECK_EQ(target.want->nr_vfs, 1U);
	next_run(", \"count\":0");
	CHECK_EQ(carry(false), 0);
	CHECK_EQ(target.want->nr_vfs, 0U);
}

static void a_run_about_other_things_leaves_it(void)
{
	killed();
	next_run("");
	CHECK_EQ(carry(false), 0);
	CHECK_EQ(target.want->nr_vfs, 0U);
	next_run(", \"count\":2");
	CHECK_EQ(carry(false), 0);
	CHECK_EQ(target.want->nr_vfs, 2U);
}

static void new_vfs_are_refused_and_forced(void)
{
	killed();
	next_run(", \"count\":2");
	target.want->is_create = true;
	CHECK_EQ(carry(false), -EBUSY);
	CHECK_HAS(err.msg, "killed half way");
	CHECK_HAS(err.hint, "strait-vf resize 0000:01:00.0 2");
	CHECK_EQ(carry(true), 0);
	CHECK_EQ(target.want->nr_vfs, 0U);
}

static void the_first_that_was_killed_counts(void)
{
	killed();
	next_run(", \"count\":4");
	target.was.vfs[0].is.conf.keys = 0;
	CHECK_EQ(kept_save(&host, &target, &err), 0);
	CHECK(!target.is_kept);
	CHECK_EQ(carry(false), 0);
	CHECK_EQ(plan_vf(target.want, 0, &err)->conf.mac[5], 1);
}

static void dropped_it_is_gone(void)
{
	killed();
	CHECK_EQ(kept_drop(&host, pf, &err), 0);
	CHECK(!host_has_entries(&host, "run/strait/vf"));
	next_run(", \"count\":4");
	CHECK_EQ(carry(false), 0);
	CHECK_EQ(target.want->nr_vfs, 0U);
	CHECK_EQ(kept_drop(&host, pf, &err), 0);
}

static void a_damaged_one_is_named(void)
{
	char text[128];

	killed();
	snprintf(text, sizeof(text),
		 "run/strait/vf/0000:01:00.0.%llu.kept.json = {",
		 (unsigned long long)record_instance(&host, pf));
	tree_add(&tree, text);
	next_run(", \"count\":4");
	CHECK_EQ(carry(false), -EINVAL);
	CHECK_HAS(err.msg, "/run/strait/vf/0000:01:00.0.");
	CHECK_HAS(err.hint, "remove it");
}

static void nothing_is_kept_of_no_vfs(void)
{
	killed();
	CHECK_EQ(kept_drop(&host, pf, &err), 0);
	target.was.nr_vfs = 0;
	target.is_kept = false;
	CHECK_EQ(kept_save(&host, &target, &err), 0);
	CHECK(!target.is_kept);
	CHECK(!host_has_entries(&host, "run/strait/vf"));
	target.was.nr_vfs = 2;
}

int main(void)
{
	log_set_level(LOG_ERROR);
	TAP_RUN(the_next_run_wants_what_vfs_had);
	TAP_RUN(what_cannot_be_given_is_not_kept);
	TAP_RUN(what_a_plan_says_itself_comes_first);
	TAP_RUN(vfs_that_are_not_wanted_get_nothing);
	TAP_RUN(a_run_about_other_things_leaves_it);
	TAP_RUN(new_vfs_are_refused_and_forced);
	TAP_RUN(the_first_that_was_killed_counts);
	TAP_RUN(dropped_it_is_gone);
	TAP_RUN(a_damaged_one_is_named);
	TAP_RUN(nothing_is_kept_of_no_vfs);
	forget();
	tree_remove(&tree);
	host_close(&host);
	return tap_done();
}
