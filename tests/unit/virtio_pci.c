// SPDX-License-Identifier: GPL-2.0-or-later
/* The virtio PCI transport: registers, negotiation, queues, interrupts. */
#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_ring.h>
#include <unistd.h>

#include "tests/fake/virtio.h"
#include "tests/tap.h"

/* A device whose queue 0 sends back what it is sent, at most 64 bytes. */
struct echo {
	struct virtio_dev dev;
	unsigned int nr_starts, nr_stops, nr_resets, written_off;
	uint64_t refuse; /* features */
	bool start_fails;
};

enum { QUEUES = 3, QUEUE_SIZE = 16, CONFIG_LEN = 8, TIMEOUT = 2000 };

static struct fake_virtio v;
static struct echo echo;

static struct echo *of(struct virtio_dev *d)
{
	return CONTAINER_OF(d, struct echo, dev);
}

static void on_written(struct virtio_dev *d, unsigned int off, unsigned int len)
{
	of(d)->written_off = off * 16 + len;
}

static bool on_features(struct virtio_dev *d, uint64_t features)
{
	return !(features & of(d)->refuse);
}

static int on_start(struct virtio_queue *q, struct err *e)
{
	of(q->dev)->nr_starts++;
	return of(q->dev)->start_fails ? err_set(e, EIO, "no start today") : 0;
}

static void on_stop(struct virtio_queue *q)
{
	of(q->dev)->nr_stops++;
}

static void on_kick(struct virtio_queue *q)
{
	struct iovec iov[4];
	struct virtq_chain c = { .iov = iov, .max_iov = 4 };
	int ret;

	while ((ret = virtq_pop(&q->vq, &c)) > 0) {
		size_t n = iov[0].iov_len < 64 ? iov[0].iov_len : 64;

		memcpy(iov[1].iov_base, iov[0].iov_base, n);
		virtq_push(&q->vq, &c, (uint32_t)n);
	}
	virtio_queue_flush(q);
	if (ret < 0)
		virtio_queue_fail(q, NULL);
}

static void on_reset(struct virtio_dev *d)
{
	of(d)->nr_resets++;
}

static const struct virtio_ops echo_ops = {
	.config_written = on_written,
	.features_ok = on_features,
	.queue_start = on_start,
	.queue_stop = on_stop,
	.queue_kick = on_kick,
	.queue_vector = virtio_default_queue_vector,
	.reset = on_reset,
};

static void setup(void)
{
	const struct virtio_config type = {
		.ops = &echo_ops,
		.name = "echo",
		.device_id = 42,
		.class_code = 0x00ff00,
		.features = 1ULL << VIRTIO_F_RING_PACKED | 1,
		.nr_queues = QUEUES,
		.queue_size = QUEUE_SIZE,
		.config_len = CONFIG_LEN,
	};
	struct err e = { 0 };

	fake_virtio_init(&v);
	memset(&echo, 0, sizeof(echo));
	CHECK_EQ(virtio_dev_init(&echo.dev, &type, &v.env, &e), 0);
	put_le(echo.dev.config, 0x8877665544332211, 8);
	fake_virtio_plug(&v, &echo.dev);
}

static void teardown(void)
{
	fake_virtio_unplug(&v);
	virtio_dev_fini(&echo.dev);
	fake_virtio_fini(&v);
}

static uint64_t offered(void)
{
	uint64_t low, high;

	fake_virtio_write(&v, VIRTIO_PCI_COMMON_DFSELECT, 4, 0);
	low = fake_virtio_read(&v, VIRTIO_PCI_COMMON_DF, 4);
	fake_virtio_write(&v, VIRTIO_PCI_COMMON_DFSELECT, 4, 1);
	high = fake_virtio_read(&v, VIRTIO_PCI_COMMON_DF, 4);
	fake_virtio_write(&v, VIRTIO_PCI_COMMON_DFSELECT, 4, 2);
	CHECK_EQ(fake_virtio_read(&v, VIRTIO_PCI_COMMON_DF, 4), 0);
	return low | high << 32;
}

/* --- what the driver finds --- */

/* The capability of that type: its offset, or 0. */
static unsigned int find(unsigned int type)
{
	struct pci_cap_iter it = pci_cap_walk(echo.dev.pci.cfg, 256);

	while (pci_cap_next(&it))
		if (it.id == PCI_CAP_ID_VNDR &&
		    echo.dev.pci.cfg[it.off + VIRTIO_PCI_CAP_CFG_TYPE] == type)
			return it.off;
	return 0;
}

static void capabilities_lead_to_the_structures(void)
{
	setup();
	CHECK_EQ(pci_dev_read(&echo.dev.pci, PCI_VENDOR_ID, 4),
		 0x1af4 | (0x1040 + 42) << 16);
	CHECK_EQ(pci_dev_read(&echo.dev.pci, PCI_REVISION_ID, 1), 1);
	for (unsigned int type = VIRTIO_PCI_CAP_COMMON_CFG;
	     type <= VIRTIO_PCI_CAP_PCI_CFG; type++)
		CHECK(find(type));
	CHECK_EQ(pci_dev_read(&echo.dev.pci,
			      find(VIRTIO_PCI_CAP_DEVICE_CFG) +
				      VIRTIO_PCI_CAP_LENGTH,
			      4),
		 CONFIG_LEN);
	teardown();
}

static void window_in_config_space_reaches_the_registers(void)
{
	struct pci_dev *pci = &echo.dev.pci;
	unsigned int cap;

	setup();
	cap = find(VIRTIO_PCI_CAP_PCI_CFG);
	pci_dev_write(pci, cap + VIRTIO_PCI_CAP_OFFSET, 4,
		      VIRTIO_PCI_COMMON_NUMQ);
	pci_dev_write(pci, cap + VIRTIO_PCI_CAP_LENGTH, 4, 2);
	CHECK_EQ(pci_dev_read(pci, cap + 16, 2), QUEUES);
	pci_dev_write(pci, cap + VIRTIO_PCI_CAP_OFFSET, 4,
		      VIRTIO_PCI_COMMON_STATUS);
	pci_dev_write(pci, cap + VIRTIO_PCI_CAP_LENGTH, 4, 1);
	pci_dev_write(pci, cap + 16, 1, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	CHECK_EQ(fake_virtio_status(&v), VIRTIO_CONFIG_S_ACKNOWLEDGE);
	/* Senseless windows: the MSI-X table, beyond the BAR, another BAR. */
	pci_dev_write(pci, cap + VIRTIO_PCI_CAP_LENGTH, 4, 4);
	pci_dev_write(pci, cap + VIRTIO_PCI_CAP_OFFSET, 4, 0x4000);
	CHECK_EQ(pci_dev_read(pci, cap + 16, 4), 0);
	pci_dev_write(pci, cap + VIRTIO_PCI_CAP_OFFSET, 4, 0xfffffffc);
	CHECK_EQ(pci_dev_read(pci, cap + 16, 4), 0);
	pci_dev_write(pci, cap + VIRTIO_PCI_CAP_OFFSET, 4, 0x2000);
	CHECK_EQ(pci_dev_read(pci, cap + 16, 4), 0x44332211);
	pci_dev_write(pci, cap + VIRTIO_PCI_CAP_BAR, 1, 1);
	CHECK_EQ(pci_dev_read(pci, cap + 16, 4), 0);
	teardown();
}

static void device_configuration_is_read_and_written(void)
{
	setup();
	CHECK_EQ(fake_virtio_config(&v, 0, 8), 0x8877665544332211);
	CHECK_EQ(fake_virtio_config(&v, 2, 2), 0x4433);
	CHECK_EQ(fake_virtio_config(&v, 8, 1), 0xff);
	CHECK_EQ(fake_virtio_config(&v, 6, 4), 0xffffffff);
	fake_virtio_write(&v, 0x2000 + 4, 2, 0xabcd);
	CHECK_EQ(echo.written_off, 4 * 16 + 2);
	CHECK_EQ(fake_virtio_config(&v, 4, 4), 0x8877abcd);
	teardown();
}

/* --- negotiation --- */

static void features_not_offered_are_refused(void)
{
	uint64_t v1 = 1ULL << VIRTIO_F_VERSION_1;

	setup();
	CHECK(offered() & v1);
	CHECK(!(offered() & 2));
	CHECK(fake_virtio_negotiate(&v, v1 | 1));
	CHECK(!fake_virtio_negotiate(&v, v1 | 2));
	CHECK(!fake_virtio_negotiate(&v, 1)); /* legacy */
	echo.refuse = 1;
	CHECK(!fake_virtio_negotiate(&v, v1 | 1));
	/* And DRIVER_OK does not come without FEATURES_OK. */
	fake_virtio_write(&v, VIRTIO_PCI_COMMON_STATUS, 1,
			  fake_virtio_status(&v) | VIRTIO_CONFIG_S_DRIVER_OK);
	CHECK(!(fake_virtio_status(&v) & VIRTIO_CONFIG_S_DRIVER_OK));
	teardown();
}

static void features_are_fixed_once_they_are_ok(void)
{
	setup();
	CHECK(fake_virtio_negotiate(&v, 1ULL << VIRTIO_F_VERSION_1));
	fake_virtio_write(&v, VIRTIO_PCI_COMMON_GFSELECT, 4, 0);
	fake_virtio_write(&v, VIRTIO_PCI_COMMON_GF, 4, 1);
	CHECK_EQ(fake_virtio_read(&v, VIRTIO_PCI_COMMON_GF, 4), 0);
	teardown();
}

/* --- queues --- */

static void echoes(uint64_t features)
{
	const struct fake_buf bufs[] = {
		{ FAKE_DATA_GPA, 5, false },
		{ FAKE_DATA_GPA + 64, 64, true },
	};

	fake_virtio_start(&v, features, QUEUES, QUEUE_SIZE);
	for (unsigned int i = 0; i < 100; i++) {
		memset(v.ram.bytes + FAKE_DATA_GPA, (int)('a' + i % 26), 5);
		fake_ring_want_irq(&v.rings[i % QUEUES], -1);
		CHECK_EQ(fake_virtio_request(&v, i % QUEUES, bufs, 2), 5);
		CHECK(!memcmp(v.ram.bytes + FAKE_DATA_GPA + 64,
			      v.ram.bytes + FAKE_DATA_GPA, 5));
		CHECK(fake_virtio_irq(&v, (int)(i % QUEUES)));
	}
}

static void queues_are_served_on_the_io_thread(void)
{
	setup();
	echoes(0);
	echoes(1ULL << VIRTIO_RING_F_EVENT_IDX);
	echoes(1ULL << VIRTIO_F_RING_PACKED);
	CHECK_EQ(echo.nr_starts, 3 * QUEUES);
	CHECK_EQ(echo.nr_stops, 2 * QUEUES);
	teardown();
}

static void queue_is_served_that_was_filled_before_driver_ok(void)
{
	const struct fake_buf bufs[] = {
		{ FAKE_DATA_GPA, 5, false },
		{ FAKE_DATA_GPA + 64, 64, true },
	};
	uint16_t id;
	uint32_t len;

	setup();
	CHECK(fake_virtio_negotiate(
		&v, 1ULL << VIRTIO_F_VERSION_1 |
			    1ULL << VIRTIO_RING_F_INDIRECT_DESC));
	fake_virtio_queue(&v, 0, QUEUE_SIZE, 0);
	fake_ring_add(&v.rings[0], bufs, 2, true);
	CHECK_EQ(echo.nr_starts, 0);
	fake_virtio_write(&v, VIRTIO_PCI_COMMON_STATUS, 1,
			  fake_virtio_status(&v) | VIRTIO_CONFIG_S_DRIVER_OK);
	CHECK(fake_virtio_used(&v, 0, &id, &len));
	teardown();
}

static void one_queue_is_reset_alone_and_comes_back(void)
{
	uint64_t features = 1ULL << VIRTIO_F_RING_RESET;
	const struct fake_buf bufs[] = {
		{ FAKE_DATA_GPA, 5, false },
		{ FAKE_DATA_GPA + 64, 64, true },
	};

	setup();
	fake_virtio_start(&v, features, 2, QUEUE_SIZE);
	fake_virtio_write(&v, VIRTIO_PCI_COMMON_Q_SELECT, 2, 0);
	fake_virtio_write(&v, VIRTIO_PCI_COMMON_Q_RESET, 2, 1);
	CHECK_EQ(echo.nr_stops, 1);
	CHECK_EQ(fake_virtio_read(&v, VIRTIO_PCI_COMMON_Q_RESET, 2), 0);
	CHECK_EQ(fake_virtio_read(&v, VIRTIO_PCI_COMMON_Q_ENABLE, 2), 0);
	CHECK_EQ(fake_virtio_request(&v, 1, bufs, 2), 5);
	fake_virtio_queue(&v, 0, 8, features);
	CHECK_EQ(fake_virtio_request(&v, 0, bufs, 2), 5);
	teardown();
}

static void setup_is_fixed_while_a_queue_is_enabled(void)
{
	setup();
	fake_virtio_start(&v, 0, 1, 8);
	fake_virtio_write(&v, VIRTIO_PCI_COMMON_Q_SELECT, 2, 0);
	fake_virtio_write(&v, VIRTIO_PCI_COMMON_Q_DESCLO, 4, 0);
	CHECK_EQ(fake_virtio_read(&v, VIRTIO_PCI_COMMON_Q_DESCLO, 4),
		 v.rings[0].setup.desc);
	fake_virtio_write(&v, VIRTIO_PCI_COMMON_Q_SELECT, 2, QUEUES);
	CHECK_EQ(fake_virtio_read(&v, VIRTIO_PCI_COMMON_Q_SIZE, 2), 0);
	fake_virtio_write(&v, VIRTIO_PCI_COMMON_Q_SIZE, 2, 4); /* ignored */
	teardown();
}

/* --- what goes wrong --- */

static void broken_ring_asks_for_a_reset(void)
{
	const struct fake_buf bad = { FAKE_RAM_LEN, 5, false };
	const struct fake_buf bufs[] = {
		{ FAKE_DATA_GPA, 5, false },
		{ FAKE_DATA_GPA + 64, 64, true },
	};

	setup();
	fake_virtio_start(&v, 0, 1, QUEUE_SIZE);
	fake_ring_add(&v.rings[0], &bad, 1, false);
	fake_virtio_kick(&v, 0);
	CHECK(fake_virtio_needs_reset(&v));
	CHECK(fake_virtio_irq(&v, -1));
	fake_virtio_start(&v, 0, 1, QUEUE_SIZE);
	CHECK(!(fake_virtio_status(&v) & VIRTIO_CONFIG_S_NEEDS_RESET));
	CHECK_EQ(fake_virtio_request(&v, 0, bufs, 2), 5);
	teardown();
}

static void queue_outside_ram_asks_for_a_reset(void)
{
	setup();
	CHECK(fake_virtio_negotiate(&v, 1ULL << VIRTIO_F_VERSION_1));
	fake_virtio_write(&v, VIRTIO_PCI_COMMON_Q_DESCHI, 4, 1);
	fake_virtio_write(&v, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
	fake_virtio_write(&v, VIRTIO_PCI_COMMON_STATUS, 1,
			  fake_virtio_status(&v) | VIRTIO_CONFIG_S_DRIVER_OK);
	CHECK(fake_virtio_needs_reset(&v));
	CHECK_EQ(echo.nr_starts, 0);
	echo.start_fails = true;
	fake_virtio_start(&v, 0, 1, QUEUE_SIZE);
	CHECK(fake_virtio_needs_reset(&v));
	teardown();
}

static void every_register_takes_any_write(void)
{
	setup();
	for (unsigned int round = 0; round < 3; round++) {
		for (unsigned int off = 0; off < 0x8000; off += 2) {
			fake_virtio_write(&v, off & 0x7ffe, 2, 0xffff);
			fake_virtio_read(&v, off, 2);
		}
		for (unsigned int off = 0; off < 0x40; off += 8)
			fake_virtio_write(&v, off, 8, ~0ULL);
		for (unsigned int off = 0; off < 0x40; off++)
			fake_virtio_write(&v, off, 1, round);
	}
	teardown();
}

/* --- interrupts --- */

static void pin_serves_when_msix_is_off(void)
{
	const struct fake_buf bufs[] = {
		{ FAKE_DATA_GPA, 5, false },
		{ FAKE_DATA_GPA + 64, 64, true },
	};
	unsigned int cap;

	setup();
	cap = pci_dev_find_cap(&echo.dev.pci, PCI_CAP_ID_MSIX);
	pci_dev_write(&echo.dev.pci, cap + PCI_MSIX_FLAGS, 2, 0);
	fake_virtio_start(&v, 0, 1, QUEUE_SIZE);
	CHECK_EQ(fake_virtio_request(&v, 0, bufs, 2), 5);
	for (unsigned int ms = 0;
	     ms < TIMEOUT && !(pci_dev_read(&echo.dev.pci, PCI_STATUS, 2) &
			       PCI_STATUS_INTERRUPT);
	     ms++)
		usleep(1000);
	CHECK(echo.dev.vectors.pin_is_high);
	CHECK_EQ(fake_virtio_read(&v, 0x1000, 1), 1);
	CHECK(!echo.dev.vectors.pin_is_high);
	CHECK_EQ(fake_virtio_read(&v, 0x1000, 1), 0);
	pthread_mutex_lock(&echo.dev.lock);
	virtio_config_changed(&echo.dev);
	pthread_mutex_unlock(&echo.dev.lock);
	CHECK(echo.dev.vectors.pin_is_high);
	CHECK_EQ(fake_virtio_read(&v, VIRTIO_PCI_COMMON_CFGGENERATION, 1), 1);
	/* Disabled by the guest it is low, and comes back. */
	pci_dev_write(&echo.dev.pci, PCI_COMMAND, 2,
		      PCI_COMMAND_MEMORY | PCI_COMMAND_INTX_DISABLE);
	CHECK(!echo.dev.vectors.pin_is_high);
	pci_dev_write(&echo.dev.pci, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	CHECK(echo.dev.vectors.pin_is_high);
	CHECK_EQ(fake_virtio_read(&v, 0x1000, 1), VIRTIO_PCI_ISR_CONFIG);
	teardown();
}

static void masked_vector_is_pending(void)
{
	unsigned int entry = 0x4000 + PCI_MSIX_ENTRY_LEN;

	setup();
	fake_virtio_start(&v, 0, 1, QUEUE_SIZE);
	fake_virtio_write(&v, entry + 12, 4, 1);
	virtio_queue_notify(&echo.dev.queues[0]);
	CHECK_EQ(fake_virtio_read(&v, 0x6000, 8), 2);
	fake_virtio_write(&v, entry + 12, 4, 0);
	CHECK(fake_virtio_irq(&v, 0));
	CHECK_EQ(fake_virtio_read(&v, 0x6000, 8), 0);
	teardown();
}

static void vector_that_is_not_there_is_refused(void)
{
	setup();
	fake_virtio_write(&v, VIRTIO_PCI_COMMON_MSIX, 2, QUEUES + 1);
	CHECK_EQ(fake_virtio_read(&v, VIRTIO_PCI_COMMON_MSIX, 2),
		 VIRTIO_MSI_NO_VECTOR);
	fake_virtio_write(&v, VIRTIO_PCI_COMMON_MSIX, 2, QUEUES);
	CHECK_EQ(fake_virtio_read(&v, VIRTIO_PCI_COMMON_MSIX, 2), QUEUES);
	teardown();
}

int main(void)
{
	TAP_RUN(capabilities_lead_to_the_structures);
	TAP_RUN(window_in_config_space_reaches_the_registers);
	TAP_RUN(device_configuration_is_read_and_written);
	TAP_RUN(features_not_offered_are_refused);
	TAP_RUN(features_are_fixed_once_they_are_ok);
	TAP_RUN(queues_are_served_on_the_io_thread);
	TAP_RUN(queue_is_served_that_was_filled_before_driver_ok);
	TAP_RUN(one_queue_is_reset_alone_and_comes_back);
	TAP_RUN(setup_is_fixed_while_a_queue_is_enabled);
	TAP_RUN(broken_ring_asks_for_a_reset);
	TAP_RUN(queue_outside_ram_asks_for_a_reset);
	TAP_RUN(every_register_takes_any_write);
	TAP_RUN(pin_serves_when_msix_is_off);
	TAP_RUN(masked_vector_is_pending);
	TAP_RUN(vector_that_is_not_there_is_refused);
	return tap_done();
}
