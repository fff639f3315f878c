// SPDX-License-Identifier: GPL-2.0-or-later
/* One at a time per PF. */
#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/host/sriov.h"
#include "tests/fake/tree.h"
#include "tests/tap.h"

static struct tree tree;
static struct host host;
static struct err err;
static struct host_lock lock, other;

static const struct bdf pf = { .bus = 1 };
static const struct bdf pf2 = { .bus = 2 };

static void start(void)
{
	if (tree.root[0]) {
		host_pf_unlock(&lock);
		host_pf_unlock(&other);
		tree_remove(&tree);
		host_close(&host);
	}
	err = (struct err){ 0 };
	lock = other = (struct host_lock){ -1 };
	tree_make(&tree);
	tree_load(&tree, "igb");
	CHECK_EQ(host_open(&host, tree.root, &err), 0);
}

static void the_second_is_told_who_has_it(void)
{
	char line[128], who[64];

	start();
	snprintf(line, sizeof(line), "proc/%d/comm = strait-vf", (int)getpid());
	tree_add(&tree, line);
	snprintf(who, sizeof(who), "by strait-vf (pid %d)", (int)getpid());
	CHECK_EQ(host_pf_lock(&host, pf, 0, &lock, &err), 0);
	CHECK_EQ(host_pf_lock(&host, pf, 0, &other, &err), -EBUSY);
	CHECK_HAS(err.msg, "0000:01:00.0: its VFs are being changed");
	CHECK_HAS(err.msg, who);
	CHECK_EQ(other.fd, -1);
}

static void each_pf_has_its_own(void)
{
	start();
	CHECK_EQ(host_pf_lock(&host, pf, 0, &lock, &err), 0);
	CHECK_EQ(host_pf_lock(&host, pf2, 0, &other, &err), 0);
}

static void it_is_free_again_after(void)
{
	start();
	CHECK_EQ(host_pf_lock(&host, pf, 0, &lock, &err), 0);
	host_pf_unlock(&lock);
	CHECK_EQ(host_pf_lock(&host, pf, 0, &other, &err), 0);
}

static void unlocking_twice_does_nothing(void)
{
	start();
	CHECK_EQ(host_pf_lock(&host, pf, 0, &lock, &err), 0);
	host_pf_unlock(&lock);
	host_pf_unlock(&lock);
	CHECK_EQ(lock.fd, -1);
}

/* Locks in a child, which then waits for hold_ms or until it is killed. */
static pid_t lock_in_child(unsigned int hold_ms)
{
	int ready[2];
	pid_t pid;
	char c = 0;

	CHECK_EQ(pipe(ready), 0);
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		c = host_pf_lock(&host, pf, 0, &lock, &err) ? 'n' : 'y';
		if (write(ready[1], &c, 1) == 1)
			usleep(hold_ms * 1000);
		_exit(0);
	}
	close(ready[1]);
	CHECK_EQ(read(ready[0], &c, 1), 1);
	close(ready[0]);
	CHECK_EQ(c, 'y');
	return pid;
}

static void who_waits_gets_it_after_the_holder(void)
{
	pid_t pid;

	start();
	pid = lock_in_child(100);
	CHECK_EQ(host_pf_lock(&host, pf, 10000, &other, &err), 0);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
}

static void who_waits_gives_up_in_the_end(void)
{
	start();
	CHECK_EQ(host_pf_lock(&host, pf, 0, &lock, &err), 0);
	CHECK_EQ(host_pf_lock(&host, pf, 30, &other, &err), -EBUSY);
}

static void a_killed_holder_leaves_no_lock(void)
{
	pid_t pid;

	start();
	pid = lock_in_child(60000);
	CHECK_EQ(host_pf_lock(&host, pf, 0, &other, &err), -EBUSY);
	kill(pid, SIGKILL);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	CHECK_EQ(host_pf_lock(&host, pf, 0, &other, &err), 0);
}

static void a_folder_that_others_may_write_is_refused(void)
{
	char path[128];

	start();
	tree_add(&tree, "run/strait/lock/");
	snprintf(path, sizeof(path), "%s/run/strait/lock", tree.root);
	CHECK_EQ(chmod(path, 0777), 0);
	CHECK_EQ(host_pf_lock(&host, pf, 0, &lock, &err), -EPERM);
	CHECK_HAS(err.msg, "/run/strait/lock: others than root may write");
}

static void a_link_in_place_of_the_folder_is_refused(void)
{
	start();
	tree_add(&tree, "elsewhere/\nrun/strait/lock -> ../../elsewhere");
	CHECK(host_pf_lock(&host, pf, 0, &lock, &err) < 0);
	CHECK(!host_exists(&host, "elsewhere/0000:01:00.0.lock"));
}

static void a_link_in_place_of_the_lock_is_refused(void)
{
	start();
	tree_add(&tree, "run/strait/lock/0000:01:00.0.lock -> ../../../victim");
	CHECK(host_pf_lock(&host, pf, 0, &lock, &err) < 0);
	CHECK(!host_exists(&host, "victim"));
}

/* With /run and /run/lock as Debian has them. */
static void another_user_cannot_be_there_first(void)
{
	char path[128];
	pid_t pid;

	start();
	if (geteuid())
		return; /* it takes root to become another */
	tree_add(&tree, "run/lock/");
	CHECK_EQ(chmod(tree.root, 0755), 0);
	snprintf(path, sizeof(path), "%s/run/lock", tree.root);
	CHECK_EQ(chmod(path, 01777), 0);
	pid = fork();
	CHECK(pid >= 0);
	if (!pid)
		_exit(setgid(65534) || setuid(65534) ||
		      !host_pf_lock(&host, pf, 0, &other, &err));
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	CHECK_EQ(host_pf_lock(&host, pf, 0, &lock, &err), 0);
}

/* Who can open a file, also for reading alone, can flock it. */
static void another_user_cannot_open_a_lock(void)
{
	struct stat st;

	start();
	CHECK_EQ(host_pf_lock(&host, pf, 0, &lock, &err), 0);
	CHECK_EQ(fstat(lock.fd, &st), 0);
	CHECK_EQ(st.st_mode & 077, 0);
}

int main(void)
{
	TAP_RUN(the_second_is_told_who_has_it);
	TAP_RUN(each_pf_has_its_own);
	TAP_RUN(it_is_free_again_after);
	TAP_RUN(unlocking_twice_does_nothing);
	TAP_RUN(who_waits_gets_it_after_the_holder);
	TAP_RUN(who_waits_gives_up_in_the_end);
	TAP_RUN(a_killed_holder_leaves_no_lock);
	TAP_RUN(a_folder_that_others_may_write_is_refused);
	TAP_RUN(a_link_in_place_of_the_folder_is_refused);
	TAP_RUN(a_link_in_place_of_the_lock_is_refused);
	TAP_RUN(another_user_cannot_be_there_first);
	TAP_RUN(another_user_cannot_open_a_lock);
	host_pf_unlock(&lock);
	host_pf_unlock(&other);
	tree_remove(&tree);
	host_close(&host);
	return tap_done();
}
