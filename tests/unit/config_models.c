// SPDX-License-Identifier: GPL-2.0-or-later
/* The options that make emulated devices: what is taken, what is refused. */
#include "src/base/bits.h"
#include "src/vm/config.h"
#include "src/vm/model.h"
#include "tests/tap.h"

enum { MAX_ARGS = 32 };

static struct config config;
static struct err err;

/* Options after --kernel x, separated by blanks. */
static int parse(const char *options)
{
	static char text[1024];
	static char kernel[] = "--kernel", file[] = "x";
	char *argv[MAX_ARGS] = { kernel, file };
	enum config_action action;
	int argc = 2;

	err = (struct err){ 0 };
	snprintf(text, sizeof(text), "%s", options);
	for (char *p = strtok(text, " "); p; p = strtok(NULL, " "))
		argv[argc++] = p;
	return config_parse(argc, argv, &config, &action, &err);
}

static void devices_keep_their_order_and_values(void)
{
	CHECK_EQ(
		parse("--disk path=a,readonly=on,queues=4,serial=S1 --net tap=t0,mac=52:54:00:00:00:01,vhost=on --rng src=/dev/random --disk path=b,format=qcow2,on-enospc=pause --iothreads 3"),
		0);
	CHECK_EQ(config.nr_emulated, 4);
	CHECK_EQ(config.nr_iothreads, 3);
	CHECK(!strcmp(config.emulated[0].model->name, "virtio-blk"));
	CHECK(config.emulated[0].disk.readonly);
	CHECK_EQ(config.emulated[0].disk.nr_queues, 4);
	CHECK(!strcmp(config.emulated[0].disk.serial, "S1"));
	CHECK(!strcmp(config.emulated[1].net.back.tap, "t0"));
	CHECK(config.emulated[1].net.vhost);
	CHECK_EQ(config.emulated[1].net.mac[5], 1);
	CHECK(!strcmp(config.emulated[2].rng.src, "/dev/random"));
	CHECK_EQ(config.emulated[3].disk.format, BLOCK_FORMAT_QCOW2);
	CHECK(config.emulated[3].disk.pause_on_enospc);
}

static void cards_without_an_address_get_different_ones(void)
{
	CHECK_EQ(parse("--net tap=a --net tap=b"), 0);
	CHECK(memcmp(config.emulated[0].net.mac, config.emulated[1].net.mac,
		     6));
	CHECK_EQ(config.emulated[0].net.mac[0] & 3, 2);
}

struct refusal {
	const char *options, *message;
};

static const struct refusal refusals[] = {
	{ "--disk readonly=on", "path is missing" },
	{ "--disk path=a,queues=0", "1 to 16" },
	{ "--disk path=a,queues=1x", "1 to 16" },
	{ "--disk path=a,serial=123456789012345678901", "20 characters" },
	{ "--disk path=a,format=vmdk", "not one of: auto, raw, qcow2" },
	{ "--disk path=a,on-enospc=stop", "not one of: report, pause" },
	{ "--disk path=a --disk path=a", "given twice" },
	{ "--disk path=a,path=b", "given twice" },
	{ "--disk a", "not of the form key=value" },
	{ "--net x", "not of the form key=value" },
	{ "--net mac=52:54:00:00:00:01", "what is it connected to" },
	{ "--net tap=a,fd=3", "more than one" },
	{ "--net tap=a/b", "not the name of an interface" },
	{ "--net tap=a1234567890123456", "not the name of an interface" },
	{ "--net fd=-1", "not the number of an open file" },
	{ "--net fd=3,queues=2", "needs a tap by its name" },
	{ "--net passt,vhost=on", "vhost=on needs a tap" },
	{ "--net tap=a,mac=52:54:00:00:00", "not a MAC address" },
	{ "--net tap=a,mac=52:54:00:00:00:0g", "not a MAC address" },
	{ "--net tap=a,mac=01:00:5e:00:00:01", "multicast" },
	{ "--net tap=a,mac=00:00:00:00:00:00", "all zero" },
	{ "--net tap=a --net tap=a", "given twice" },
	{ "--net tap=a,mac=52:54:00:00:00:01 --net tap=b,mac=52:54:00:00:00:01",
	  "two cards have the address" },
	{ "--net tap=a,queues=17", "1 to 16" },
	{ "--rng srx=a", "unknown key" },
	{ "--rng src=a --rng src=b", "given twice" },
	{ "--console tty", "has the terminal already" },
	{ "--console pty,file=a", "one place alone" },
	{ "--console off,pty", "one place alone" },
	{ "--console tyy --serial null", "not one of" },
	{ "--balloon size=1Q", "not a size" },
	{ "--balloon size=1G --device 01:00.0", "pinned" },
	{ "--balloon size=1G --memory size=2G,hugepages=on", "huge pages" },
	{ "--vsock cid=2", "from 3" },
	{ "--vsock cid=4294967295", "from 3" },
	{ "--iothreads 0", "1 to 16" },
	{ "--iothreads 17", "1 to 16" },
};

static void senseless_options_are_refused_by_name(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(refusals); i++) {
		const char *name = refusals[i].options;
		char option[32];

		if (parse(name) == 0)
			printf("# taken: %s\n", name);
		CHECK(err.code);
		CHECK_HAS(err.msg, refusals[i].message);
		snprintf(option, sizeof(option), "%.*s",
			 (int)strcspn(name, " "), name);
		CHECK_HAS(err.msg, option);
	}
}

static void a_guest_takes_many_devices(void)
{
	char many[1024] = "";

	for (unsigned int i = 0; i < 13; i++)
		snprintf(many + strlen(many), sizeof(many) - strlen(many),
			 "--net tap=t%u ", i);
	CHECK_EQ(parse(many), 0);
	CHECK_EQ(config.nr_emulated, 13);
}

static void kinds_are_listed_with_their_keys(void)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	model_list(f);
	fclose(f);
	for (unsigned int i = 0; model_options[i]; i++) {
		const struct model_option *o = model_options[i];

		for (unsigned int m = 0; o->models[m]; m++)
			CHECK_HAS(text, o->models[m]->name);
		for (unsigned int k = 0; k < o->keys->nr; k++)
			CHECK_HAS(text, o->keys->keys[k].help);
	}
	free(text);
}

int main(void)
{
	TAP_RUN(devices_keep_their_order_and_values);
	TAP_RUN(cards_without_an_address_get_different_ones);
	TAP_RUN(senseless_options_are_refused_by_name);
	TAP_RUN(a_guest_takes_many_devices);
	TAP_RUN(kinds_are_listed_with_their_keys);
	return tap_done();
}
