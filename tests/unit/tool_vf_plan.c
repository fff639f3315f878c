// SPDX-License-Identifier: GPL-2.0-or-later
/* Plan files: what is read, and what is refused with which words. */
#include <errno.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/tap.h"
#include "tools/vf/plan.h"

static struct plan plan;
static struct err err;

static int parse_bytes(const char *text, size_t len)
{
	plan_free(&plan);
	err = (struct err){ 0 };
	return plan_parse(text, len, "a.json", &plan, &err);
}

static int parse(const char *text)
{
	return parse_bytes(text, strlen(text));
}

/* A plan with one PF that has these keys. */
static int parse_pf(const char *keys)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "{\"version\": 1, \"pfs\": [{\"pf\": \"eth0\", %s}]}", keys);
	return parse(text);
}

static void a_plan_is_read_whole(void)
{
	const struct pf_want *pf;

	CHECK_EQ(parse_pf("\"count\": 4, \"probe\": true,"
			  "\"eswitch\": \"switchdev\","
			  "\"all\": {\"trust\": true},"
			  "\"vfs\": [{\"vf\": 2, \"vlan\": 100},"
			  "{\"vf\": 0, \"mac\": \"52:54:00:00:00:01\"}]"),
		 0);
	CHECK_EQ(plan.nr_pfs, 1);
	pf = &plan.pfs[0];
	CHECK(!strcmp(pf->name, "eth0"));
	CHECK(pf->has_count && pf->count == 4);
	CHECK(pf->has_probe && pf->probe);
	CHECK(pf->has_eswitch && pf->eswitch == DEVLINK_SWITCHDEV);
	CHECK_EQ(pf->nr_vfs, 2);
	CHECK_EQ(pf->vfs[0].index, 2);
	CHECK_EQ(pf->vfs[0].conf.vlan, 100);
	CHECK_EQ(pf->vfs[0].conf.keys, VF_VLAN);
	CHECK_EQ(pf->vfs[1].conf.mac[5], 1);
}

static void what_is_for_all_reaches_each_vf_and_yields_to_its_own(void)
{
	struct pf_want *pf;

	CHECK_EQ(parse_pf("\"count\": 3, \"all\": {\"vlan\": 5},"
			  "\"vfs\": [{\"vf\": 1, \"vlan\": 6}]"),
		 0);
	pf = &plan.pfs[0];
	CHECK_EQ(plan_expand(pf, 3, &err), 0);
	CHECK_EQ(pf->nr_vfs, 3);
	CHECK_EQ(pf->vfs[0].conf.vlan, 5);
	CHECK_EQ(pf->vfs[1].conf.vlan, 6);
	CHECK_EQ(pf->vfs[2].index, 2);
	CHECK_EQ(pf->vfs[2].conf.vlan, 5);
}

static void a_plan_survives_being_written_and_read(void)
{
	const char *keys = "\"count\": 2, \"probe\": false,"
			   "\"vfs\": [{\"vf\": 0, \"vlan\": \"100:3\","
			   "\"trust\": true, \"rate\": 100,"
			   "\"driver\": \"vfio-pci\"}]";
	json_t *first, *second;
	char *text;

	CHECK_EQ(parse_pf(keys), 0);
	first = plan_to_json(&plan);
	text = json_dumps(first, 0);
	CHECK_EQ(parse(text), 0);
	second = plan_to_json(&plan);
	CHECK(json_equal(first, second));
	json_decref(first);
	json_decref(second);
	free(text);
}

/* Keys of a PF, the beginning of the message, a part of it or of the hint. */
static void a_wrong_value_is_told_with_its_path(void)
{
	static const struct {
		const char *keys, *path, *what;
	} all[] = {
		{ "\"cuont\": 1", "a.json: pfs[0]:", "\"cuont\"" },
		{ "\"count\": -1", "a.json: pfs[0].count:", "from 0 to" },
		{ "\"count\": 70000", "a.json: pfs[0].count:", "from 0 to" },
		{ "\"count\": \"4\"", "a.json: pfs[0].count:", "a string" },
		{ "\"count\": 1.5", "a.json: pfs[0].count:", "a fraction" },
		{ "\"count\": null", "a.json: pfs[0].count:", "null" },
		{ "\"probe\": 1", "a.json: pfs[0].probe:", "true or false" },
		{ "\"eswitch\": \"swichdev\"", "a.json: pfs[0].eswitch",
		  "swichdev" },
		{ "\"all\": []", "a.json: pfs[0].all:", "an object" },
		{ "\"all\": {\"vf\": 1}",
		  "a.json: pfs[0].all.vf:", "no number" },
		{ "\"vfs\": {}", "a.json: pfs[0].vfs:", "an array" },
		{ "\"vfs\": [1]", "a.json: pfs[0].vfs[0]:", "an object" },
		{ "\"vfs\": [{}]", "a.json: pfs[0].vfs[0]:", "no \"vf\"" },
		{ "\"vfs\": [{\"vf\": true}]",
		  "a.json: pfs[0].vfs[0].vf:", "true" },
		{ "\"vfs\": [{\"vf\": 0}, {\"vf\": 0}]",
		  "a.json: pfs[0].vfs[1].vf:", "twice" },
		{ "\"vfs\": [{\"vf\": 0}, {\"vf\": 1, \"mca\": \"x\"}]",
		  "a.json: pfs[0].vfs[1]:", "\"mca\"" },
		{ "\"vfs\": [{\"vf\": 0, \"mac\": 5}]",
		  "a.json: pfs[0].vfs[0].mac:", "a string" },
		{ "\"vfs\": [{\"vf\": 0, \"mac\": \"01:00:00:00:00:00\"}]",
		  "a.json: pfs[0].vfs[0].mac:", "multicast" },
		{ "\"vfs\": [{\"vf\": 0, \"trust\": \"on\"}]",
		  "a.json: pfs[0].vfs[0].trust:", "true or false" },
		{ "\"vfs\": [{\"vf\": 0, \"vlan\": 4095}]",
		  "a.json: pfs[0].vfs[0].vlan:", "4094" },
		{ "\"count\": 2, \"vfs\": [{\"vf\": 2}]",
		  "a.json: pfs[0]:", "VF 2" },
		{ "\"count\": 1, \"count\": 2", "a.json:1:", "duplicate" },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		CHECK(parse_pf(all[i].keys) < 0);
		CHECK_EQ(strncmp(err.msg, all[i].path, strlen(all[i].path)), 0);
		CHECK_HAS(err.msg, all[i].what);
	}
}

static void an_unknown_key_gets_the_nearest(void)
{
	CHECK(parse_pf("\"cuont\": 1") < 0);
	CHECK_HAS(err.hint, "did you mean count?");
	CHECK(parse_pf("\"vfs\": [{\"vf\": 0, \"tust\": true}]") < 0);
	CHECK_HAS(err.hint, "did you mean trust?");
}

static void what_is_no_plan_is_refused(void)
{
	static const struct {
		const char *text, *what;
	} all[] = {
		{ "", "a.json:" },
		{ "{", "a.json:1:" },
		{ "[]", "an array" },
		{ "{}", "no \"version\"" },
		{ "{\"version\": 2, \"pfs\": []}", "2" },
		{ "{\"version\": \"1\", \"pfs\": []}",
		  "version: it is a string" },
		{ "{\"version\": 1}", "no \"pfs\"" },
		{ "{\"version\": 1, \"pfs\": {}}", "an array" },
		{ "{\"version\": 1, \"pfs\": [5]}", "pfs[0]" },
		{ "{\"version\": 1, \"pfs\": [{}]}", "which PF" },
		{ "{\"version\": 1, \"pfs\": [{\"pf\": \"\"}]}", "no name" },
		{ "{\"version\": 1, \"pfs\": [], \"pf\": 1}", "\"pf\"" },
		{ "{\"version\": 1, \"pfs\": []} x", "a.json:1:" },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		CHECK_EQ(parse(all[i].text), -EINVAL);
		CHECK_HAS(err.msg, all[i].what);
	}
}

static void deep_nesting_is_refused(void)
{
	enum { DEPTH = 500000 };
	char *text = malloc(DEPTH);
	int ret;

	memset(text, '[', DEPTH);
	ret = parse_bytes(text, DEPTH);
	free(text);
	CHECK_EQ(ret, -EINVAL);
	CHECK_HAS(err.msg, "a.json:1:");
}

static void a_name_with_escapes_shows_as_text(void)
{
	CHECK(parse_pf("\"\\u001b[2J\": 1") < 0);
	CHECK(!strchr(err.msg, '\033'));
	CHECK(parse("{\"version\": 1, \"pfs\": [] \033[2J") < 0);
	CHECK(!strchr(err.msg, '\033'));
}

static void more_vfs_than_allowed_are_refused(void)
{
	enum { NR = PLAN_VFS_MAX + 1, LEN = 16 };
	char *text = malloc(NR * LEN + 128);
	size_t n = (size_t)sprintf(
		text, "{\"version\": 1, \"pfs\": [{\"pf\": \"x\", \"vfs\": [");
	int ret;

	for (int i = 0; i < NR; i++)
		n += (size_t)sprintf(text + n, "%s{\"vf\":%d}", i ? "," : "",
				     i);
	strcpy(text + n, "]}]}");
	ret = parse(text);
	free(text);
	CHECK_EQ(ret, -E2BIG);
}

static void a_file_too_large_is_not_read(void)
{
	err = (struct err){ 0 };
	CHECK_EQ(plan_load("/dev/zero", &plan, &err), -EFBIG);
	CHECK_HAS(err.msg, "/dev/zero");
}

/* As of a shell's <(command). */
static void a_pipe_is_read_to_its_end(void)
{
	static const char text[] =
		"{\"version\": 1, \"pfs\": [{\"pf\": \"eth0\"}]}";
	char path[32];
	int ends[2];
	pid_t pid;

	CHECK_EQ(pipe(ends), 0);
	snprintf(path, sizeof(path), "/dev/fd/%d", ends[0]);
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		usleep(50000);
		_exit(write(ends[1], text, strlen(text)) < 0);
	}
	close(ends[1]);
	plan_free(&plan);
	err = (struct err){ 0 };
	CHECK_EQ(plan_load(path, &plan, &err), 0);
	CHECK_EQ(plan.nr_pfs, 1);
	close(ends[0]);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
}

static void a_fifo_without_a_writer_does_not_wait(void)
{
	char dir[] = "/tmp/tool_vf_plan.XXXXXX", path[64];

	CHECK(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/fifo", dir);
	CHECK_EQ(mkfifo(path, 0600), 0);
	err = (struct err){ 0 };
	CHECK_EQ(plan_load(path, &plan, &err), -EINVAL);
	unlink(path);
	rmdir(dir);
}

static void a_folder_is_its_json_files(void)
{
	char dir[] = "/tmp/tool_vf_plan.XXXXXX", file[64];
	static const char *const names[] = { "b.json", "a.json", "c.txt",
					     ".d.json" };

	CHECK(mkdtemp(dir));
	for (size_t i = 0; i < 4; i++) {
		FILE *f;

		snprintf(file, sizeof(file), "%s/%s", dir, names[i]);
		f = fopen(file, "w");
		fprintf(f, "{\"version\": 1, \"pfs\": [{\"pf\": \"%s\"}]}",
			names[i]);
		fclose(f);
	}
	plan_free(&plan);
	CHECK_EQ(plan_load(dir, &plan, &err), 0);
	for (size_t i = 0; i < 4; i++) {
		snprintf(file, sizeof(file), "%s/%s", dir, names[i]);
		unlink(file);
	}
	rmdir(dir);
	CHECK_EQ(plan.nr_pfs, 2);
	CHECK(!strcmp(plan.pfs[0].name, "a.json"));
	CHECK(!strcmp(plan.pfs[1].name, "b.json"));
}

static void a_missing_file_is_named(void)
{
	err = (struct err){ 0 };
	CHECK_EQ(plan_load("/nowhere/x.json", &plan, &err), -ENOENT);
	CHECK_HAS(err.msg, "/nowhere/x.json");
}

int main(void)
{
	TAP_RUN(a_plan_is_read_whole);
	TAP_RUN(what_is_for_all_reaches_each_vf_and_yields_to_its_own);
	TAP_RUN(a_plan_survives_being_written_and_read);
	TAP_RUN(a_wrong_value_is_told_with_its_path);
	TAP_RUN(an_unknown_key_gets_the_nearest);
	TAP_RUN(what_is_no_plan_is_refused);
	TAP_RUN(deep_nesting_is_refused);
	TAP_RUN(a_name_with_escapes_shows_as_text);
	TAP_RUN(more_vfs_than_allowed_are_refused);
	TAP_RUN(a_file_too_large_is_not_read);
	TAP_RUN(a_pipe_is_read_to_its_end);
	TAP_RUN(a_fifo_without_a_writer_does_not_wait);
	TAP_RUN(a_folder_is_its_json_files);
	TAP_RUN(a_missing_file_is_named);
	plan_free(&plan);
	return tap_done();
}
