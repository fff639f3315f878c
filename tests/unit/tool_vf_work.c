// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Binding, releasing and undo records on a tree whose driver core is played by
 * tests/fake/drivers.c. The PF has no interface here: what goes by netlink is
 * the lab's.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "tests/fake/drivers.h"
#include "tests/fake/tree.h"
#include "tests/tap.h"
#include "tools/vf/work.h"

#define DEVICES "sys/bus/pci/devices/"
#define RECORD	"run/strait/vf/0000:01:10.0.json"

static struct tree tree;
static struct host host;
static struct drivers drivers;
static struct plan plan;
static struct changes done;
static struct err err;
static struct work_opts opts;

static const struct bdf pf = { .bus = 1 };
static const struct bdf vf0 = { .bus = 1, .devfn = 0x80 };

static void start(void)
{
	if (tree.root[0]) {
		tree_remove(&tree);
		host_close(&host);
	}
	opts = (struct work_opts){ 0 };
	err = (struct err){ 0 };
	drivers = (struct drivers){ .by_id = "igbvf" };
	tree_make(&tree);
	tree_load(&tree, "igb");
	tree_add(&tree,
		 "- sys/devices/pci0000:00/0000:00:03.0/0000:01:00.0/net");
	CHECK_EQ(host_open(&host, tree.root, &err), 0);
	drivers_attach(&drivers, &host);
}

/* Runs a plan with this list of VFs. */
static int run(const char *vfs)
{
	char text[512];
	int ret;

	changes_free(&done);
	plan_free(&plan);
	err = (struct err){ 0 };
	snprintf(
		text, sizeof(text),
		"{\"version\":1, \"pfs\":[{\"pf\":\"0000:01:00.0\", \"vfs\":[%s]}]}",
		vfs);
	CHECK_EQ(plan_parse(text, strlen(text), "test", &plan, &err), 0);
	ret = work_run(&host, &plan, &opts, &done, &err);
	return ret;
}

static const char *driver_of(const char *vf)
{
	static char buf[HOST_NAME_LEN];

	if (host_link_name(&host, buf, sizeof(buf), DEVICES "%s/driver", vf))
		return "none";
	return buf;
}

static const char *override_of(const char *vf)
{
	static char buf[HOST_NAME_LEN];

	if (host_read(&host, buf, sizeof(buf), DEVICES "%s/driver_override",
		      vf) < 0)
		return "unreadable";
	return strcmp(buf, "(null)") ? buf : "";
}

#define BIND_BOTH                                                              \
	"{\"vf\":0,\"driver\":\"vfio-pci\"},{\"vf\":1,\"driver\":\"vfio-pci\"}"
#define BIND	"{\"vf\":0,\"driver\":\"vfio-pci\"}"
#define RELEASE "{\"vf\":0,\"driver\":\"host\"}"

static void as_at_the_start(void)
{
	CHECK(!strcmp(driver_of("0000:01:10.0"), "igbvf"));
	CHECK(!strcmp(driver_of("0000:01:10.2"), "igbvf"));
	CHECK(!strcmp(override_of("0000:01:10.0"), ""));
	CHECK(!strcmp(override_of("0000:01:10.2"), ""));
	CHECK(!host_has_entries(&host, "run/strait/vf"));
}

static void binding_leaves_a_record_of_how_it_was(void)
{
	struct vf_record r;

	start();
	CHECK_EQ(run(BIND), 0);
	CHECK(!strcmp(driver_of("0000:01:10.0"), "vfio-pci"));
	CHECK_EQ(record_load(&host, vf0, &r, &err), 0);
	CHECK(!strcmp(r.driver, "igbvf"));
	CHECK(!strcmp(r.override, ""));
	CHECK(bdf_equal(r.pf, pf));
}

static void what_was_changed_is_told(void)
{
	start();
	CHECK_EQ(run(BIND), 0);
	CHECK_EQ(done.nr, 1);
	CHECK(!strcmp(done.list[0].function, "0000:01:10.0"));
	CHECK(!strcmp(done.list[0].name, "driver"));
	CHECK(!strcmp(done.list[0].from, "igbvf"));
	CHECK(!strcmp(done.list[0].to, "vfio-pci"));
}

static void releasing_puts_all_back(void)
{
	start();
	CHECK_EQ(run(BIND_BOTH), 0);
	CHECK_EQ(run("{\"vf\":0,\"driver\":\"host\"},"
		     "{\"vf\":1,\"driver\":\"host\"}"),
		 0);
	as_at_the_start();
}

static void doing_it_twice_changes_nothing_more(void)
{
	unsigned int nr;

	start();
	CHECK_EQ(run(BIND), 0);
	nr = drivers.nr_writes;
	CHECK_EQ(run(BIND), 0);
	CHECK_EQ(done.nr, 0);
	CHECK_EQ(drivers.nr_writes, nr);
	CHECK_EQ(run(RELEASE), 0);
	nr = drivers.nr_writes;
	CHECK_EQ(run(RELEASE), 0);
	CHECK_EQ(done.nr, 0);
	CHECK_EQ(drivers.nr_writes, nr);
}

static void the_first_record_counts(void)
{
	struct vf_record r;

	start();
	CHECK_EQ(run(BIND), 0);
	CHECK_EQ(run("{\"vf\":0,\"driver\":\"igb\"}"), 0);
	CHECK(!strcmp(driver_of("0000:01:10.0"), "igb"));
	CHECK_EQ(record_load(&host, vf0, &r, &err), 0);
	CHECK(!strcmp(r.driver, "igbvf"));
	CHECK_EQ(run(RELEASE), 0);
	as_at_the_start();
}

/* A tool that was killed after its record: before, or between, its writes. */
static void what_a_killed_tool_left_can_be_released(void)
{
	struct vf_record r;

	start();
	CHECK_EQ(run(BIND), 0);
	CHECK_EQ(record_load(&host, vf0, &r, &err), 0);
	tree_add(&tree, "- " DEVICES "0000:01:10.0/driver");
	CHECK_EQ(run(RELEASE), 0);
	as_at_the_start();
	CHECK_EQ(record_save(&host, &r, &err), 0);
	CHECK_EQ(run(RELEASE), 0);
	as_at_the_start();
}

static void a_record_of_an_earlier_vf_does_not_count(void)
{
	struct vf_record r;

	start();
	CHECK_EQ(run(BIND), 0);
	CHECK_EQ(record_load(&host, vf0, &r, &err), 0);
	r.instance++;
	CHECK_EQ(record_save(&host, &r, &err), 0);
	CHECK_EQ(record_load(&host, vf0, &r, &err), -ENOENT);
	CHECK(!strcmp(r.driver, ""));
	CHECK_EQ(run(RELEASE), 0);
	CHECK(!strcmp(driver_of("0000:01:10.0"), "none"));
}

static void a_vf_that_another_bound_is_left_without_a_driver(void)
{
	start();
	tree_add(&tree, DEVICES
		 "0000:01:10.0/driver -> ../../../../bus/pci/drivers/vfio-pci");
	CHECK_EQ(run(RELEASE), 0);
	CHECK(!strcmp(driver_of("0000:01:10.0"), "none"));
}

static void a_damaged_record_is_named_and_nothing_touched(void)
{
	static const char *const texts[] = {
		"{",
		"[]",
		"{}",
		"{\"version\":1}",
		"{\"version\":1,\"bdf\":\"x\",\"pf\":\"0000:01:00.0\",\"vf\":0,\"instance\":1,\"driver\":\"\",\"driver_override\":\"\",\"owner\":\"\",\"was\":{}}",
		"{\"version\":1,\"bdf\":\"0000:01:10.0\",\"pf\":\"0000:01:00.0\",\"vf\":0,\"instance\":1,\"driver\":\"../x\",\"driver_override\":\"\",\"owner\":\"\",\"was\":{}}",
		"{\"version\":1,\"bdf\":\"0000:01:10.0\",\"pf\":\"0000:01:00.0\",\"vf\":0,\"instance\":1,\"driver\":\"\",\"driver_override\":\"\",\"owner\":\"\",\"was\":{\"mac\":7}}",
	};
	char line[512];

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		start();
		snprintf(line, sizeof(line), RECORD " = %s", texts[i]);
		tree_add(&tree, line);
		CHECK_EQ(run(BIND), -EINVAL);
		CHECK_HAS(err.msg, RECORD);
		CHECK_EQ(drivers.nr_writes, 0);
		CHECK(host_exists(&host, RECORD));
	}
}

static void a_failure_at_any_write_leaves_all_as_it_was(void)
{
	int ret = -1;
	unsigned int nth;

	for (nth = 1; ret && nth < 50; nth++) {
		start();
		drivers.fail_nth = nth;
		drivers.fail_code = EIO;
		ret = run(BIND_BOTH);
		if (!ret)
			break;
		CHECK_EQ(ret, -EIO);
		CHECK_HAS(err.msg, "0000:01:10.");
		as_at_the_start();
	}
	/* Two VFs, each override, unbind and probe. */
	CHECK_EQ(nth, 7);
}

static void what_cannot_be_put_back_is_told(void)
{
	start();
	drivers.fail_nth = 5;
	drivers.fail_code = EIO;
	drivers.keep_failing = true;
	CHECK_EQ(run(BIND_BOTH), -EIO);
	CHECK_HAS(err.msg, "0000:01:10.2");
	CHECK_HAS(err.hint, "not all could be put back");
}

static void a_dry_run_writes_nothing(void)
{
	start();
	opts.is_dry = true;
	CHECK_EQ(run(BIND), 0);
	CHECK_EQ(done.nr, 1);
	CHECK_EQ(drivers.nr_writes, 0);
	CHECK(!host_exists(&host, "run"));
}

static void refused_is_before_the_first_change(void)
{
	start();
	CHECK_EQ(run(BIND ",{\"vf\":2,\"driver\":\"vfio-pci\"}"), -ERANGE);
	CHECK_HAS(err.msg, "no VF 2");
	CHECK_EQ(run(BIND ",{\"vf\":1,\"mac\":\"52:54:00:00:00:01\"}"),
		 -EOPNOTSUPP);
	CHECK_HAS(err.msg, "0000:01:10.2: mac:");
	CHECK_EQ(run(BIND ",{\"vf\":1,\"driver\":\"nonsense\"}"), -ENOENT);
	CHECK_HAS(err.msg, "nonsense is not loaded");
	CHECK_EQ(run(BIND ",{\"vf\":1,\"msix\":4}"), -EOPNOTSUPP);
	CHECK_HAS(err.msg, "no pool");
	CHECK_EQ(run(BIND ",{\"vf\":1,\"state\":\"active\"}"), -EOPNOTSUPP);
	CHECK_HAS(err.msg, "switchdev");
	CHECK_EQ(run(BIND ",{\"vf\":1,\"owner\":\"root\"}"), -EINVAL);
	CHECK_HAS(err.msg, "owner");
	CHECK_EQ(
		run("{\"vf\":0,\"driver\":\"vfio-pci\",\"owner\":\"no-such-user\"}"),
		-ENOENT);
	CHECK_HAS(err.msg, "no user no-such-user");
	CHECK_EQ(drivers.nr_writes, 0);
	as_at_the_start();
}

static void a_lock_that_another_holds_is_respected(void)
{
	struct host_lock lock;

	start();
	CHECK_EQ(host_pf_lock(&host, pf, 0, &lock, &err), 0);
	CHECK_EQ(run(BIND), -EBUSY);
	CHECK_EQ(drivers.nr_writes, 0);
	host_pf_unlock(&lock);
	CHECK_EQ(run(BIND), 0);
}

static void a_pf_that_is_there_twice_is_refused(void)
{
	static const char text[] =
		"{\"version\":1,\"pfs\":[{\"pf\":\"01:00.0\"},{\"pf\":\"igb/0\"}]}";

	start();
	plan_free(&plan);
	CHECK_EQ(plan_parse(text, strlen(text), "test", &plan, &err), 0);
	CHECK_EQ(work_run(&host, &plan, &opts, &done, &err), -EINVAL);
	CHECK_HAS(err.msg, "twice");
}

static void a_count_over_the_maximum_is_refused_with_the_maximum(void)
{
	static const char text[] =
		"{\"version\":1,\"pfs\":[{\"pf\":\"01:00.0\",\"count\":8,\"all\":{\"driver\":\"vfio-pci\"}}]}";

	start();
	plan_free(&plan);
	CHECK_EQ(plan_parse(text, strlen(text), "test", &plan, &err), 0);
	CHECK_EQ(work_run(&host, &plan, &opts, &done, &err), -ERANGE);
	CHECK_HAS(err.msg, "7");
	CHECK_EQ(drivers.nr_writes, 0);
}

/* Which another instance has made while this one waited for the lock. */
static void making_vfs_where_there_are_others_is_refused(void)
{
	static const char text[] =
		"{\"version\":1,\"pfs\":[{\"pf\":\"01:00.0\",\"count\":3}]}";

	start();
	plan_free(&plan);
	CHECK_EQ(plan_parse(text, strlen(text), "test", &plan, &err), 0);
	plan.pfs[0].is_create = true;
	CHECK_EQ(work_run(&host, &plan, &opts, &done, &err), -EBUSY);
	CHECK_HAS(err.msg, "it has 2 VFs already");
	CHECK_HAS(err.hint, "resize");
	CHECK_EQ(drivers.nr_writes, 0);
}

static void an_interface_in_another_namespace_is_not_taken(void)
{
	start();
	tree_add(&tree,
		 "- sys/devices/pci0000:00/0000:00:03.0/0000:01:10.0/net");
	tree_add(&tree,
		 "sys/devices/pci0000:00/0000:00:03.0/0000:01:10.0/net/");
	CHECK_EQ(run(BIND), -EBUSY);
	CHECK_HAS(err.msg, "another network namespace");
	CHECK_EQ(drivers.nr_writes, 0);
}

/* Runs a plan with force; what goes to stderr is in text. */
static void run_by_force(const char *vfs, char *text, size_t len)
{
	int saved = dup(STDERR_FILENO), fds[2];
	ssize_t n;

	if (saved < 0 || pipe2(fds, O_NONBLOCK))
		abort();
	dup2(fds[1], STDERR_FILENO);
	opts.force = true;
	CHECK_EQ(run(vfs), 0);
	dup2(saved, STDERR_FILENO);
	n = read(fds[0], text, len - 1);
	text[n > 0 ? n : 0] = '\0';
	close(saved);
	close(fds[0]);
	close(fds[1]);
}

static unsigned int nr_warnings(const char *text)
{
	unsigned int nr = 0;

	for (; (text = strstr(text, "warning: ")); text++)
		nr++;
	return nr;
}

static void force_tells_of_an_interface_in_another_namespace(void)
{
	char text[1024];

	start();
	tree_add(&tree,
		 "- sys/devices/pci0000:00/0000:00:03.0/0000:01:10.0/net");
	tree_add(&tree,
		 "sys/devices/pci0000:00/0000:00:03.0/0000:01:10.0/net/");
	run_by_force(BIND, text, sizeof(text));
	CHECK_HAS(text, "warning: 0000:01:10.0: it is taken although ");
	CHECK_HAS(text, "another network namespace");
	CHECK_EQ(nr_warnings(text), 1);
	CHECK(!strcmp(driver_of("0000:01:10.0"), "vfio-pci"));
}

static void force_tells_once_of_an_address(void)
{
	char text[1024];

	start();
	drivers.addr = "192.0.2.1";
	run_by_force(BIND, text, sizeof(text));
	CHECK_HAS(text, "192.0.2.1");
	CHECK_EQ(nr_warnings(text), 1);
}

static void what_the_host_has_already_needs_no_release(void)
{
	start();
	tree_add(&tree,
		 "- sys/devices/pci0000:00/0000:00:03.0/0000:01:10.0/net");
	tree_add(&tree,
		 "sys/devices/pci0000:00/0000:00:03.0/0000:01:10.0/net/");
	CHECK_EQ(run(RELEASE), 0);
	CHECK_EQ(done.nr, 0);
}

static void vectors_of_a_bound_vf_are_refused_before_the_first_change(void)
{
	start();
	tree_add(&tree, DEVICES "0000:01:00.0/sriov_vf_total_msix = 64");
	CHECK_EQ(run(BIND ",{\"vf\":1,\"msix\":4}"), -EBUSY);
	CHECK_HAS(err.msg, "0000:01:10.2: msix: ");
	CHECK_HAS(err.msg, "igbvf");
	CHECK_EQ(drivers.nr_writes, 0);
	as_at_the_start();
}

/* VF 0 has no driver, and its PF a pool. */
static void start_with_pool(void)
{
	start();
	drivers.msix_default = 3;
	tree_add(&tree, DEVICES "0000:01:00.0/sriov_vf_total_msix = 64\n"
				"- " DEVICES "0000:01:10.0/driver");
}

static void default_vectors_are_asked_for_once(void)
{
	start_with_pool();
	CHECK_EQ(run("{\"vf\":0,\"msix\":0,\"driver\":\"vfio-pci\"}"), 0);
	CHECK_EQ(done.nr, 2);
	CHECK_EQ(state_msix(&host, vf0), 3);
	/* Now that a driver has it, it could not be done again. */
	CHECK_EQ(run("{\"vf\":0,\"msix\":0,\"driver\":\"vfio-pci\"}"), 0);
	CHECK_EQ(done.nr, 0);
}

static void other_vectors_go_back_to_the_default(void)
{
	start_with_pool();
	CHECK_EQ(run("{\"vf\":0,\"msix\":0}"), 0);
	CHECK_EQ(run("{\"vf\":0,\"msix\":8}"), 0);
	CHECK_EQ(state_msix(&host, vf0), 8);
	CHECK_EQ(run("{\"vf\":0,\"msix\":0}"), 0);
	CHECK_EQ(done.nr, 1);
	CHECK_EQ(state_msix(&host, vf0), 3);
}

static void the_default_of_an_earlier_vf_does_not_count(void)
{
	start_with_pool();
	CHECK_EQ(run("{\"vf\":0,\"msix\":0}"), 0);
	tree_add(&tree, "run/strait/lock/0000:01:10.0.msix = 1 3");
	CHECK_EQ(run("{\"vf\":0,\"msix\":0}"), 0);
	CHECK_EQ(done.nr, 1);
}

static void vectors_are_read_back(void)
{
	start_with_pool();
	CHECK_EQ(run("{\"vf\":0,\"msix\":4}"), 0);
	drivers.most_msix = 6;
	CHECK_EQ(run("{\"vf\":0,\"msix\":8}"), -EIO);
	CHECK_HAS(err.msg, "0000:01:10.0: msix: 8 was set, and 6 is read back");
	CHECK_EQ(state_msix(&host, vf0), 4);
}

static int run_pf(const char *keys)
{
	char text[256];

	changes_free(&done);
	plan_free(&plan);
	err = (struct err){ 0 };
	snprintf(text, sizeof(text),
		 "{\"version\":1,\"pfs\":[{\"pf\":\"01:00.0\",%s}]}", keys);
	CHECK_EQ(plan_parse(text, strlen(text), "test", &plan, &err), 0);
	return work_run(&host, &plan, &opts, &done, &err);
}

static bool autoprobe(void)
{
	struct host_pf p;

	CHECK_EQ(host_pf_get(&host, pf, &p, &err), 0);
	return p.autoprobe;
}

static void probe_alone_is_a_change_of_its_own(void)
{
	start();
	tree_add(&tree, DEVICES "0000:01:00.0/sriov_drivers_autoprobe = 1");
	CHECK_EQ(run_pf("\"count\":2,\"probe\":false"), 0);
	CHECK_EQ(done.nr, 1);
	CHECK(!strcmp(done.list[0].name, "probe"));
	CHECK(!strcmp(done.list[0].from, "on"));
	CHECK(!strcmp(done.list[0].to, "off"));
	CHECK(!strcmp(drivers.log, "sriov_drivers_autoprobe=0;"));
	CHECK_EQ(run_pf("\"probe\":false"), 0);
	CHECK_EQ(done.nr, 0);
	CHECK_EQ(run_pf("\"probe\":true"), 0);
	CHECK_EQ(done.nr, 1);
	CHECK(autoprobe());
}

static void probe_goes_back_if_the_rest_fails(void)
{
	start();
	tree_add(&tree, DEVICES "0000:01:00.0/sriov_drivers_autoprobe = 1");
	drivers.failing = "vfio-pci";
	CHECK_EQ(run_pf("\"probe\":false,\"vfs\":[" BIND "]"), -EIO);
	CHECK(autoprobe());
	as_at_the_start();
}

static void a_signal_ends_it_before_the_next_pf(void)
{
	static const char text[] =
		"{\"version\":1,\"pfs\":[{\"pf\":\"01:00.0\",\"count\":0}]}";
	sigset_t set, old;
	int sig;

	start();
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, &old);
	raise(SIGTERM);
	plan_free(&plan);
	CHECK_EQ(plan_parse(text, strlen(text), "test", &plan, &err), 0);
	CHECK_EQ(work_run(&host, &plan, &opts, &done, &err), -EINTR);
	CHECK_HAS(err.msg, "interrupted");
	CHECK_EQ(sigwait(&set, &sig), 0);
	sigprocmask(SIG_SETMASK, &old, NULL);
}

static void a_vf_without_interface_has_the_name_of_its_class(void)
{
	struct pf_state s;

	start();
	tree_add(&tree,
		 "- sys/devices/pci0000:00/0000:00:03.0/0000:01:10.0/net");
	tree_add(&tree, DEVICES "0000:01:10.0/nvme/nvme1/");
	CHECK_EQ(state_read(&host, pf, &s, &err), 0);
	CHECK(!strcmp(s.vfs[0].netdev, ""));
	CHECK(!strcmp(s.vfs[0].name, "nvme1"));
	CHECK(!strcmp(s.vfs[1].name, ""));
	state_free(&s);
}

int main(void)
{
	TAP_RUN(binding_leaves_a_record_of_how_it_was);
	TAP_RUN(what_was_changed_is_told);
	TAP_RUN(releasing_puts_all_back);
	TAP_RUN(doing_it_twice_changes_nothing_more);
	TAP_RUN(the_first_record_counts);
	TAP_RUN(what_a_killed_tool_left_can_be_released);
	TAP_RUN(a_record_of_an_earlier_vf_does_not_count);
	TAP_RUN(a_vf_that_another_bound_is_left_without_a_driver);
	TAP_RUN(a_damaged_record_is_named_and_nothing_touched);
	TAP_RUN(a_failure_at_any_write_leaves_all_as_it_was);
	TAP_RUN(what_cannot_be_put_back_is_told);
	TAP_RUN(a_dry_run_writes_nothing);
	TAP_RUN(refused_is_before_the_first_change);
	TAP_RUN(a_lock_that_another_holds_is_respected);
	TAP_RUN(a_pf_that_is_there_twice_is_refused);
	TAP_RUN(a_count_over_the_maximum_is_refused_with_the_maximum);
	TAP_RUN(making_vfs_where_there_are_others_is_refused);
	TAP_RUN(an_interface_in_another_namespace_is_not_taken);
	TAP_RUN(force_tells_of_an_interface_in_another_namespace);
	TAP_RUN(force_tells_once_of_an_address);
	TAP_RUN(what_the_host_has_already_needs_no_release);
	TAP_RUN(vectors_of_a_bound_vf_are_refused_before_the_first_change);
	TAP_RUN(default_vectors_are_asked_for_once);
	TAP_RUN(other_vectors_go_back_to_the_default);
	TAP_RUN(the_default_of_an_earlier_vf_does_not_count);
	TAP_RUN(vectors_are_read_back);
	TAP_RUN(probe_alone_is_a_change_of_its_own);
	TAP_RUN(probe_goes_back_if_the_rest_fails);
	TAP_RUN(a_signal_ends_it_before_the_next_pf);
	TAP_RUN(a_vf_without_interface_has_the_name_of_its_class);
	plan_free(&plan);
	changes_free(&done);
	tree_remove(&tree);
	return tap_done();
}
