// SPDX-License-Identifier: GPL-2.0-or-later
/* strait-iommu record: saves what the other commands read. */
#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "tools/iommu/capture.h"
#include "tools/iommu/view.h"

static void print_sum(const struct view *v, const struct capture_sum *sum,
		      uint64_t bytes, FILE *f)
{
	fprintf(f,
		"%s: %u functions in %u IOMMU groups, %" PRIu64 ".%" PRIu64
		" KiB\n",
		v->cli->words[0], sum->nr_functions, sum->nr_groups,
		bytes >> 10, (bytes & 1023) * 10 >> 10);
}

static void print_json(const struct view *v, const struct capture_sum *sum,
		       uint64_t bytes)
{
	json_t *doc = json_document("strait-iommu.record/1");

	json_object_set_new(doc, "file", json_text(v->cli->words[0]));
	json_object_set_new(doc, "bytes", json_integer((json_int_t)bytes));
	json_object_set_new(doc, "functions", json_integer(sum->nr_functions));
	json_object_set_new(doc, "groups", json_integer(sum->nr_groups));
	json_object_set_new(doc, "without_config_space",
			    json_integer(sum->nr_short));
	json_print(doc, v->cli->out);
}

static int record_to(struct view *v, struct err *e)
{
	const char *path = v->cli->words[0];
	/* Standard output may be the record itself. */
	bool is_stdout = path[0] == '-' && !path[1];
	struct capture_sum sum;
	struct pack *p;
	uint64_t bytes;
	int ret;

	if (is_stdout && isatty(STDOUT_FILENO)) {
		err_set(e, EINVAL, "-: a terminal cannot take a record");
		err_hint(e, "name a file, or redirect standard output");
		return CLI_USAGE;
	}
	ret = pack_begin(&p, path, e);
	if (ret)
		return ret == -EINVAL ? CLI_USAGE : CLI_HOST;
	capture(&v->host, p, &sum);
	ret = pack_end(p, &bytes, e);
	if (ret)
		return CLI_HOST;
	if (sum.nr_short)
		fprintf(stderr,
			"note: config space of %u function%s was not readable: types and ACS will be unknown; as root it is\n",
			sum.nr_short, sum.nr_short == 1 ? "" : "s");
	if (v->cli->json && !is_stdout)
		print_json(v, &sum, bytes);
	else
		print_sum(v, &sum, bytes, is_stdout ? stderr : v->cli->out);
	return CLI_OK;
}

int record_run(struct cli *cli, struct err *e)
{
	struct view v;
	int status;

	if (view_open(&v, cli, e))
		return CLI_HOST;
	status = record_to(&v, e);
	view_close(&v);
	return status;
}
