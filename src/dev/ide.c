// SPDX-License-Identifier: GPL-2.0-or-later
/* The IDE controller as a PCI function, and its life. */
/*
 * How this works
 *
 * PIIX3's IDE function (82371SB, function 1), with one difference: it is in PCI
 * native mode (PCI IDE Controller Specification 1.0), fixed. Registers are
 * behind BARs 0 to 3 and interrupts are INTA, in place of ports 0x1f0 and 0x170
 * with interrupts 14 and 15. Linux numbers the IOAPIC's pins as it likes on
 * hardware-reduced ACPI, because there is no PIC whose numbers it had to keep;
 * its IDE drivers take 14 and 15 for what the PIC calls so, and would not find
 * them. INTA has a row in _PRT.
 *
 * A channel without disks has no BARs. Linux then makes a dummy of it, touches
 * nothing and waits for nothing: a probe of its disks would take a reset with
 * 150 ms. Whoever looks at the legacy ports finds nobody there: all-ones, which
 * every driver takes for no controller.
 *
 * IDETIM, SIDETIM, UDMACTL and UDMATIM are kept for the driver, which writes
 * what a drive's mode needs and reads it again; they slow nothing down. The
 * decode bit of IDETIM is on for channels with disks, as firmware leaves it,
 * and a driver asks it whether a channel is in use.
 */
#include <errno.h>

#include "src/dev/ide_priv.h"

enum {
	BAR_BUS_MASTER = 4,
	COMMAND_LEN = 8,
	CONTROL_LEN = 4,
	BUS_MASTER_LEN = 16,
	/* What a command is made of before the register that begins it. */
	TASK_FILE = 1,
	TASK_FILE_LEN = 6,
	BM_STATUS = 2, /* and the table's address */
	BM_STATUS_LEN = 6,
};

/* 82371FB/SB and 82371AB data sheets, IDE function's registers. */
enum {
	IDETIM = 0x40,	/* 2 bytes a channel */
	SIDETIM = 0x44, /* 1 */
	UDMACTL = 0x48, /* 1 */
	UDMATIM = 0x4a, /* 2 */
	IDETIM_DECODE = 0x8000,
};

static struct ide *ide_of(struct pci_dev *pci)
{
	return CONTAINER_OF(pci, struct ide, pci);
}

/* --- the pin --- */

void ide_pin_follow(struct ide_channel *c)
{
	struct ide *ide = c->ide;
	bool high = c->intrq && !(c->control & CONTROL_NIEN);

	if (high == c->pin)
		return;
	c->pin = high;
	if (high)
		c->bm_status |= BM_STATUS_IRQ;
	pthread_mutex_lock(&ide->pin_lock);
	ide->pins ^= 1u << c->index;
	pci_pin_set(&ide->vectors, ide->pins);
	pthread_mutex_unlock(&ide->pin_lock);
}

/* --- the function --- */

static struct bus_range *range_of(struct ide *ide, unsigned int bar)
{
	struct ide_channel *c;

	if (bar == BAR_BUS_MASTER)
		return &ide->bm_range;
	c = &ide->channels[bar / 2];
	return bar % 2 ? &c->control_range : &c->command_range;
}

/*
 * Those registers are most of what is written for a command, and mean nothing
 * before the next is begun. The bits of the bus master's status that a write
 * clears are set by commands, too.
 */
static void post(struct ide *ide, unsigned int bar, uint64_t addr,
		 void (*fn)(struct bus *b, uint64_t addr, uint64_t len))
{
	if (bar == BAR_BUS_MASTER) {
		fn(ide->env.pio, addr + BM_STATUS, BM_STATUS_LEN);
		fn(ide->env.pio, addr + BUS_MASTER_LEN / 2 + BM_STATUS,
		   BM_STATUS_LEN);
	} else if (bar % 2 == 0) {
		fn(ide->env.pio, addr + TASK_FILE, TASK_FILE_LEN);
	}
}

static int on_bar_mapped(struct pci_dev *pci, unsigned int bar, uint64_t addr)
{
	struct ide *ide = ide_of(pci);
	struct bus_range *r = range_of(ide, bar);
	struct err e = { 0 };
	int ret;

	r->base = addr;
	ret = bus_add(ide->env.pio, r, &e);
	if (ret)
		log_guest(&pci->limit, ide->name, "%s", e.msg);
	else
		post(ide, bar, addr, bus_post);
	return ret;
}

static void on_bar_unmapped(struct pci_dev *pci, unsigned int bar,
			    uint64_t addr)
{
	struct ide *ide = ide_of(pci);

	post(ide, bar, addr, bus_unpost);
	bus_del(ide->env.pio, range_of(ide, bar));
}

static void note_master(struct ide *ide)
{
	bool on = pci_cfg_get(&ide->pci, PCI_COMMAND, 2) & PCI_COMMAND_MASTER;

	__atomic_store_n(&ide->is_master, on, __ATOMIC_RELAXED);
}

static void on_cfg_written(struct pci_dev *pci, unsigned int off,
			   unsigned int len)
{
	(void)len;
	if (off <= PCI_COMMAND + 1)
		note_master(ide_of(pci));
}

static void on_reset(struct pci_dev *pci)
{
	struct ide *ide = ide_of(pci);

	note_master(ide);
	for (unsigned int i = 0; i < IDE_CHANNELS; i++)
		ide_channel_reset(&ide->channels[i]);
}

static const struct pci_dev_ops pci_ops = {
	.cfg_read = pci_default_cfg_read,
	.cfg_write = pci_default_cfg_write,
	.cfg_written = on_cfg_written,
	.bar_mapped = on_bar_mapped,
	.bar_unmapped = on_bar_unmapped,
	.reset = on_reset,
};

static void init_function(struct ide *ide)
{
	static const struct pci_ids ids = {
		.vendor = 0x8086,
		.device = 0x7010,
		/* IDE, both channels native and fixed so, bus master. */
		.class_code = 0x010185,
	};

	pci_dev_init(&ide->pci, &pci_ops, ide->name, &ids);
	BUG_ON(pci_dev_set_bar(&ide->pci, BAR_BUS_MASTER, PCI_BAR_IO, false,
			       BUS_MASTER_LEN));
	memset(ide->pci.wmask + IDETIM, 0xff, 5); /* and SIDETIM */
	memset(ide->pci.wmask + UDMACTL, 0xff, 1);
	memset(ide->pci.wmask + UDMATIM, 0xff, 2);
}

/* --- its life --- */

static void init_channel(struct ide *ide, unsigned int i)
{
	struct ide_channel *c = &ide->channels[i];

	c->ide = ide;
	c->index = i;
	c->loop = ide->env.loops[i % ide->env.nr_loops];
	c->kick.fd = -1;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->out_of_io, NULL);
	c->command_range = (struct bus_range){ 0, COMMAND_LEN, &ide_command_ops,
					       c, ide->name };
	c->control_range = (struct bus_range){ 0, CONTROL_LEN, &ide_control_ops,
					       c, ide->name };
	ide_channel_reset(c);
}

int ide_init(struct ide *ide, const char *name, const struct dev_env *env,
	     struct err *e)
{
	const struct pci_vectors_config vectors = { .host = env->pci,
						    .irq = env->irq };

	memset(ide, 0, sizeof(*ide));
	ide->name = name;
	ide->env = *env;
	pthread_mutex_init(&ide->pin_lock, NULL);
	ide->bm_range =
		(struct bus_range){ 0, BUS_MASTER_LEN, &ide_bm_ops, ide, name };
	for (unsigned int i = 0; i < IDE_CHANNELS; i++)
		init_channel(ide, i);
	init_function(ide);
	return pci_vectors_init(&ide->vectors, &ide->pci, &vectors, e);
}

/* The first disk of a channel brings its BARs. */
static int open_channel(struct ide_channel *c, struct err *e)
{
	struct pci_dev *pci = &c->ide->pci;

	if (c->kick.fd >= 0)
		return 0;
	pci_cfg_put(pci, IDETIM + 2 * c->index, 2, IDETIM_DECODE);
	BUG_ON(pci_dev_set_bar(pci, 2 * c->index, PCI_BAR_IO, false,
			       COMMAND_LEN) ||
	       pci_dev_set_bar(pci, 2 * c->index + 1, PCI_BAR_IO, false,
			       CONTROL_LEN));
	return ide_io_init(c, e);
}

int ide_attach(struct ide *ide, unsigned int n, struct block *block,
	       const struct ide_disk_setup *setup, struct err *e)
{
	struct ide_channel *c = &ide->channels[n / IDE_UNITS];
	struct ide_disk *d = &c->disks[n % IDE_UNITS];
	int ret = open_channel(c, e);

	BUG_ON(d->block);
	if (!ret && setup->pause_on_enospc)
		ret = ide_io_add_retry(c, e);
	if (!ret)
		ret = block_queue_open(block, c->loop, 1, &d->queue, e);
	if (ret)
		return ret;
	d->setup = *setup;
	d->block = block;
	return 0;
}

int ide_add(struct ide *ide, int devfn, struct err *e)
{
	int ret = pci_host_add(ide->env.pci, &ide->pci, devfn, e);

	if (!ret)
		pci_vectors_wire(&ide->vectors);
	return ret;
}

void ide_stop(struct ide *ide)
{
	for (unsigned int i = 0; i < IDE_CHANNELS; i++)
		ide_channel_reset(&ide->channels[i]);
}

void ide_detach(struct ide *ide, unsigned int n)
{
	struct ide_disk *d = &ide->channels[n / IDE_UNITS].disks[n % IDE_UNITS];

	block_queue_close(d->queue);
	d->queue = NULL;
	d->block = NULL;
}

void ide_fini(struct ide *ide)
{
	if (!ide->name)
		return;
	pci_dev_fini(&ide->pci);
	pci_vectors_fini(&ide->vectors);
	for (unsigned int i = 0; i < IDE_MAX_DISKS; i++)
		ide_detach(ide, i);
	for (unsigned int i = 0; i < IDE_CHANNELS; i++) {
		struct ide_channel *c = &ide->channels[i];

		ide_io_fini(c);
		pthread_cond_destroy(&c->out_of_io);
		pthread_mutex_destroy(&c->lock);
	}
	pthread_mutex_destroy(&ide->pin_lock);
	ide->name = NULL;
}

struct ide_stats ide_stats(const struct ide *ide, unsigned int n)
{
	struct ide_stats s =
		ide->channels[n / IDE_UNITS].disks[n % IDE_UNITS].stats;

	s.others -= s.reads + s.writes;
	return s;
}
