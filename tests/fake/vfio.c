// SPDX-License-Identifier: GPL-2.0-or-later
/* A PCI function behind struct vfio_ops. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fake/vfio.h"

static struct fake_vfio *fake_of(struct vfio_dev *d)
{
	return CONTAINER_OF(d, struct fake_vfio, dev);
}

static int may_fail(struct fake_vfio *f, const char *op, struct err *e)
{
	if (++f->nr_calls != f->fail_nth)
		return 0;
	return err_set(e, EIO, "%s: %s: made to fail", f->dev.name, op);
}

static int fake_info(struct vfio_dev *d, struct vfio_device_info *out,
		     struct err *e)
{
	int ret = may_fail(fake_of(d), "info", e);

	if (ret)
		return ret;
	*out = d->info;
	return 0;
}

static int fake_region_info(struct vfio_dev *d, unsigned int index,
			    struct vfio_region *out, struct err *e)
{
	int ret = may_fail(fake_of(d), "region_info", e);

	if (ret)
		return ret;
	*out = fake_of(d)->regions[index].info;
	return 0;
}

static unsigned int cap_of(const struct fake_vfio *f, uint8_t id)
{
	return pci_cap_find(f->cfg, PCI_CFG_LEN, id);
}

static unsigned int exp_cap(const struct fake_vfio *f)
{
	return cap_of(f, PCI_CAP_ID_EXP);
}

/* As vfio_pci_ioctl_get_irq_info. */
static int irq_info_fill(const struct fake_vfio *f, struct vfio_irq_info *out)
{
	out->flags = VFIO_IRQ_INFO_EVENTFD;
	switch (out->index) {
	case VFIO_PCI_INTX_IRQ_INDEX:
		out->count = f->cfg[PCI_INTERRUPT_PIN] ? 1 : 0;
		out->flags |= VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED;
		return 0;
	case VFIO_PCI_MSI_IRQ_INDEX:
		out->count = f->nr_msi;
		out->flags |= VFIO_IRQ_INFO_NORESIZE;
		return 0;
	case VFIO_PCI_MSIX_IRQ_INDEX:
		out->count = f->nr_vectors;
		if (!f->can_grow)
			out->flags |= VFIO_IRQ_INFO_NORESIZE;
		return 0;
	case VFIO_PCI_ERR_IRQ_INDEX:
		out->count = 1;
		return exp_cap(f) ? 0 : -EINVAL;
	default:
		out->count = 1;
		return 0;
	}
}

static int fake_irq_info(struct vfio_dev *d, unsigned int index,
			 struct vfio_irq_info *out, struct err *e)
{
	int ret = may_fail(fake_of(d), "irq_info", e);

	if (ret)
		return ret;
	*out = (struct vfio_irq_info){ .index = index };
	return irq_info_fill(fake_of(d), out);
}

/* --- INTx, as vfio_pci_intrs.c has it --- */

static void signal_fd(int fd)
{
	const uint64_t one = 1;

	if (fd >= 0 && write(fd, &one, sizeof(one)) != sizeof(one))
		abort();
}

static bool pin_is_disabled(const struct fake_vfio *f)
{
	return get_le(f->cfg + PCI_COMMAND, 2) & PCI_COMMAND_INTX_DISABLE;
}

static void pin_fire(struct fake_vfio *f)
{
	if (f->irq_index != VFIO_PCI_INTX_IRQ_INDEX || !f->pin_is_high ||
	    f->pin_is_masked || pin_is_disabled(f))
		return;
	f->pin_is_masked = true;
	signal_fd(f->pin_fd);
}

static void pin_unmask(struct fake_vfio *f)
{
	if (pin_is_disabled(f))
		return;
	f->pin_is_masked = false;
	pin_fire(f);
}

static void pin_follow_command(struct fake_vfio *f)
{
	if (pin_is_disabled(f))
		f->pin_is_masked = true;
	else if (f->pin_is_masked)
		pin_unmask(f);
}

/* --- config space --- */

/* What vfio-pci lets through (init_pci_cap_basic_perm and others), and we use.
 */
static bool is_writable(const struct fake_vfio *f, uint64_t off)
{
	unsigned int exp = exp_cap(f), vpd = cap_of(f, PCI_CAP_ID_VPD);
	unsigned int vndr = cap_of(f, PCI_CAP_ID_VNDR);
	unsigned int pm = cap_of(f, PCI_CAP_ID_PM);

	if (pm && off == pm + PCI_PM_CTRL)
		return !f->keeps_awake;
	if (off == PCI_COMMAND || off == PCI_COMMAND + 1)
		return true;
	if (vpd && off >= vpd + PCI_VPD_ADDR && off < vpd + PCI_VPD_DATA + 4)
		return true;
	if (vndr && off >= vndr + 3 && off < vndr + f->cfg[vndr + 2])
		return true;
	if (!exp)
		return false;
	return (off >= exp + PCI_EXP_DEVCTL && off < exp + PCI_EXP_DEVSTA) ||
	       (off >= exp + PCI_EXP_DEVCTL2 && off < exp + PCI_EXP_DEVSTA2);
}

/* vfio_vpd_config_write */
static void vpd_access(struct fake_vfio *f, uint64_t off, unsigned int len)
{
	unsigned int cap = cap_of(f, PCI_CAP_ID_VPD);
	uint8_t *reg = f->cfg + cap + PCI_VPD_ADDR;
	uint64_t addr = get_le(reg, 2);

	if (!cap || off > cap + PCI_VPD_ADDR + 1 ||
	    off + len <= cap + PCI_VPD_ADDR + 1)
		return;
	if (addr & PCI_VPD_ADDR_F) {
		f->nr_vpd_writes++;
	} else {
		if (addr + 4 > sizeof(f->vpd))
			return;
		memcpy(f->cfg + cap + PCI_VPD_DATA, f->vpd + addr, 4);
	}
	put_le(reg, addr ^ PCI_VPD_ADDR_F, 2);
}

static int config_write(struct fake_vfio *f, uint64_t off, const uint8_t *buf,
			unsigned int len)
{
	for (unsigned int i = 0; i < len; i++)
		if (is_writable(f, off + i))
			f->cfg[off + i] = buf[i];
	vpd_access(f, off, len);
	if (off <= PCI_COMMAND + 1 && off + len > PCI_COMMAND)
		pin_follow_command(f);
	return 0;
}

/* --- BARs --- */

static bool decodes(const struct fake_vfio *f)
{
	unsigned int pm = cap_of(f, PCI_CAP_ID_PM);

	if (pm && (f->cfg[pm + PCI_PM_CTRL] & PCI_PM_CTRL_STATE_MASK) == 3)
		return false;
	return f->cfg[PCI_COMMAND] & PCI_COMMAND_MEMORY;
}

/* The kernel's MSI-X table, which do_io_rw leaves out. */
static bool in_table(const struct fake_vfio *f, unsigned int index,
		     uint64_t off)
{
	unsigned int cap = pci_cap_find(f->cfg, PCI_CFG_LEN, PCI_CAP_ID_MSIX);
	uint32_t table;

	if (!cap)
		return false;
	table = (uint32_t)get_le(f->cfg + cap + PCI_MSIX_TABLE, 4);
	return index == (table & PCI_MSIX_TABLE_BIR) &&
	       off >= (table & PCI_MSIX_TABLE_OFFSET) &&
	       off - (table & PCI_MSIX_TABLE_OFFSET) <
		       (uint64_t)f->nr_vectors * PCI_MSIX_ENTRY_LEN;
}

static int fake_region_read(struct vfio_dev *d, unsigned int index,
			    uint64_t off, void *buf, unsigned int len)
{
	struct fake_vfio *f = fake_of(d);
	struct fake_region *r = &f->regions[index];
	struct err ignored;

	if (may_fail(f, "region_read", &ignored))
		return -EIO;
	if (off + len > r->info.size)
		return -EINVAL;
	if (index == VFIO_PCI_CONFIG_REGION_INDEX) {
		memcpy(buf, f->cfg + off, len);
		if (f->is_dead)
			memset(buf, 0xff, len);
		return 0;
	}
	f->nr_bar_reads++;
	if (!decodes(f))
		return -EIO;
	if (in_table(f, index, off)) {
		memset(buf, 0xff, len);
		return 0;
	}
	return pread(r->memfd, buf, len, (off_t)off) == (ssize_t)len ? 0 : -EIO;
}

static int fake_region_write(struct vfio_dev *d, unsigned int index,
			     uint64_t off, const void *buf, unsigned int len)
{
	struct fake_vfio *f = fake_of(d);
	struct fake_region *r = &f->regions[index];
	struct err ignored;

	if (may_fail(f, "region_write", &ignored))
		return -EIO;
	if (off + len > r->info.size)
		return -EINVAL;
	if (index == VFIO_PCI_CONFIG_REGION_INDEX)
		return config_write(f, off, buf, len);
	f->nr_bar_writes++;
	if (!decodes(f))
		return -EIO;
	if (in_table(f, index, off))
		return 0;
	return pwrite(r->memfd, buf, len, (off_t)off) == (ssize_t)len ? 0
								      : -EIO;
}

static bool may_map(const struct fake_region *r, uint64_t off, uint64_t size)
{
	for (unsigned int i = 0; i < r->info.nr_areas; i++) {
		const struct vfio_sparse_area *a = &r->info.areas[i];

		if (off >= a->offset &&
		    off + size <= align_up(a->offset + a->size, 4096))
			return true;
	}
	return false;
}

static int fake_region_map(struct vfio_dev *d, unsigned int index, uint64_t off,
			   uint64_t size, void **hva, struct err *e)
{
	struct fake_vfio *f = fake_of(d);
	struct fake_region *r = &f->regions[index];
	int ret = may_fail(f, "region_map", e);

	if (ret)
		return ret;
	if (!may_map(r, off, size))
		return err_set(e, EINVAL, "%s: mmap outside of its areas",
			       d->name);
	*hva = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, r->memfd,
		    (off_t)off);
	if (*hva == MAP_FAILED)
		return err_sys(e, d->name, "mmap");
	f->nr_maps++;
	return 0;
}

static void fake_region_unmap(struct vfio_dev *d, void *hva, uint64_t size)
{
	fake_of(d)->nr_maps--;
	munmap(hva, size);
}

static int fake_region_dmabuf(struct vfio_dev *d, unsigned int index,
			      uint64_t off, uint64_t size, int *fd,
			      struct err *e)
{
	struct fake_vfio *f = fake_of(d);

	(void)off;
	if (!f->can_dmabuf || size % 4096)
		return err_set(e, ENOTTY, "%s: no dma-buf", d->name);
	*fd = dup(f->regions[index].memfd);
	return 0;
}

/* --- interrupts, reset --- */

static int intx_set(struct fake_vfio *f, const struct vfio_irqs *irqs)
{
	bool is_on = f->irq_index == VFIO_PCI_INTX_IRQ_INDEX;

	if (is_on && !irqs->nr) {
		f->irq_index = VFIO_PCI_NUM_IRQS;
		f->pin_fd = f->unmask_fd = -1;
		return 0;
	}
	if (irqs->start || irqs->nr != 1)
		return -EINVAL;
	if (irqs->action == VFIO_IRQ_SET_ACTION_UNMASK && !irqs->eventfds) {
		pin_unmask(f);
		return 0;
	}
	if (!irqs->eventfds)
		return -EINVAL;
	if (irqs->action == VFIO_IRQ_SET_ACTION_UNMASK) {
		if (f->no_unmask_fd)
			return -ENOTTY;
		f->unmask_fd = irqs->eventfds[0];
		return is_on ? 0 : -EINVAL;
	}
	if (!is_on && f->irq_index != VFIO_PCI_NUM_IRQS)
		return -EINVAL;
	f->irq_index = VFIO_PCI_INTX_IRQ_INDEX;
	f->pin_fd = irqs->eventfds[0];
	f->pin_is_masked = pin_is_disabled(f);
	pin_fire(f);
	return 0;
}

/* Where a vector's bit in the device's PBA is: the dword's offset in BAR *bar.
 */
static uint64_t pba_dword(const struct fake_vfio *f, unsigned int vector,
			  unsigned int *bar)
{
	unsigned int cap = pci_cap_find(f->cfg, PCI_CFG_LEN, PCI_CAP_ID_MSIX);
	uint32_t pba = (uint32_t)get_le(f->cfg + cap + PCI_MSIX_PBA, 4);

	*bar = pba & PCI_MSIX_PBA_BIR;
	return (pba & PCI_MSIX_PBA_OFFSET) + vector / 32 * 4;
}

/* What waits in the PBA goes out when the vector is unmasked. */
static void pba_fire(struct fake_vfio *f, unsigned int vector)
{
	unsigned int bar;
	uint64_t at = pba_dword(f, vector, &bar);
	uint32_t bits;

	if (f->irq_index != VFIO_PCI_MSIX_IRQ_INDEX)
		return;
	bits = fake_vfio_peek(f, bar, at);
	if (!(bits >> vector % 32 & 1))
		return;
	fake_vfio_poke(f, bar, at, bits & ~(1u << vector % 32));
	signal_fd(f->eventfds[vector]);
}

static int block_set(struct fake_vfio *f, const struct vfio_irqs *irqs)
{
	for (unsigned int i = 0; i < irqs->nr; i++) {
		unsigned int vector = irqs->start + i;

		f->eventfds[vector] = irqs->eventfds[i];
		if (f->eventfds[vector] >= 0)
			pba_fire(f, vector);
	}
	return 0;
}

static int vectors_off(struct fake_vfio *f, unsigned int index)
{
	if (f->irq_index != index)
		return -EINVAL;
	for (unsigned int i = 0; i < PCI_MSIX_MAX; i++)
		f->eventfds[i] = -1;
	f->irq_index = VFIO_PCI_NUM_IRQS;
	f->nr_eventfds = 0;
	return 0;
}

static int vectors_set(struct fake_vfio *f, const struct vfio_irqs *irqs)
{
	bool is_msix = irqs->index == VFIO_PCI_MSIX_IRQ_INDEX;
	unsigned int all = is_msix ? f->nr_vectors : f->nr_msi;
	unsigned int end = irqs->start + irqs->nr;

	if (!irqs->nr)
		return vectors_off(f, irqs->index);
	if (end > all || !irqs->eventfds)
		return -EINVAL;
	if (f->irq_index == VFIO_PCI_NUM_IRQS) {
		if (f->max_vectors && end > f->max_vectors)
			return (int)f->max_vectors;
		f->irq_index = irqs->index;
		f->nr_eventfds = end;
		f->nr_enables++;
		return block_set(f, irqs);
	}
	if (f->irq_index != irqs->index)
		return -EINVAL;
	if (end <= f->nr_eventfds)
		return block_set(f, irqs);
	if (!is_msix || !f->can_grow)
		return -EINVAL;
	if (f->max_vectors &&
	    fake_vfio_host_vectors(f) + irqs->nr > f->max_vectors)
		return -ENOSPC;
	return block_set(f, irqs);
}

static int irqs_set(struct fake_vfio *f, const struct vfio_irqs *irqs)
{
	switch (irqs->index) {
	case VFIO_PCI_INTX_IRQ_INDEX:
		return intx_set(f, irqs);
	case VFIO_PCI_MSI_IRQ_INDEX:
	case VFIO_PCI_MSIX_IRQ_INDEX:
		return vectors_set(f, irqs);
	case VFIO_PCI_ERR_IRQ_INDEX:
		f->err_fd = irqs->eventfds[0];
		return 0;
	default:
		f->req_fd = irqs->eventfds[0];
		return 0;
	}
}

static int fake_set_irqs(struct vfio_dev *d, const struct vfio_irqs *irqs,
			 struct err *e)
{
	struct fake_vfio *f = fake_of(d);
	/* Turning an index that is on off fails in no kernel. */
	int ret = irqs->nr ? may_fail(f, "set_irqs", e) : 0;

	f->nr_set_irqs++;
	if (ret)
		return ret;
	ret = irqs_set(f, irqs);
	return ret < 0 ? err_set(e, -ret, "%s: set_irqs", d->name) : ret;
}

static int fake_reset(struct vfio_dev *d, struct err *e)
{
	struct fake_vfio *f = fake_of(d);

	f->nr_resets++;
	f->reset_with_master = f->cfg[PCI_COMMAND] & PCI_COMMAND_MASTER;
	return may_fail(f, "reset", e);
}

static int fake_hot_reset_info(struct vfio_dev *d, struct vfio_affected *out,
			       struct err *e)
{
	struct fake_vfio *f = fake_of(d);

	if (!f->affected.nr)
		return err_set(e, ENODEV, "%s: no bus reset", d->name);
	*out = f->affected;
	return 0;
}

static int fake_hot_reset(struct vfio_dev *d, const int *group_fds,
			  unsigned int nr, struct err *e)
{
	struct fake_vfio *f = fake_of(d);
	int ret = may_fail(f, "hot_reset", e);

	if (ret)
		return ret;
	f->nr_hot_resets++;
	f->nr_group_fds = nr;
	for (unsigned int i = 0; i < nr && i < ARRAY_SIZE(f->group_fds); i++)
		f->group_fds[i] = group_fds[i];
	return 0;
}

static void fake_let_go(struct vfio_dev *d)
{
	struct fake_vfio *f = fake_of(d);

	/* The kernel keeps the device while anything of it is mapped. */
	f->let_go_with_maps = f->nr_maps;
	f->nr_let_gos++;
}

static void fake_close(struct vfio_dev *d)
{
	fake_of(d)->nr_closes++;
}

static const struct vfio_ops fake_ops = {
	.info = fake_info,
	.region_info = fake_region_info,
	.irq_info = fake_irq_info,
	.region_read = fake_region_read,
	.region_write = fake_region_write,
	.region_map = fake_region_map,
	.region_unmap = fake_region_unmap,
	.region_dmabuf = fake_region_dmabuf,
	.set_irqs = fake_set_irqs,
	.reset = fake_reset,
	.hot_reset_info = fake_hot_reset_info,
	.hot_reset = fake_hot_reset,
	.let_go = fake_let_go,
	.close = fake_close,
};

/* --- for tests --- */

static void dump_line(struct fake_vfio *f, const char *line)
{
	char *at;
	unsigned long off = strtoul(line, &at, 16);

	if (at == line || *at != ':' || at[1] != ' ' || at - line > 3)
		return;
	for (at++; *at == ' ' && off < PCI_CFG_LEN; off++)
		f->cfg[off] = (uint8_t)strtoul(at, &at, 16);
}

void fake_vfio_init(struct fake_vfio *f, const char *dump)
{
	unsigned int cap;

	memset(f, 0, sizeof(*f));
	f->dev = (struct vfio_dev){ .ops = &fake_ops, .fd = -1 };
	f->dev.is_pci = true;
	f->dev.bdf = (struct bdf){ .bus = 1, .devfn = 0x80 };
	bdf_str(f->dev.bdf, f->dev.name);
	f->dev.info.flags = VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET;
	for (const char *line = dump; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		dump_line(f, line);
	}
	for (unsigned int n = 0; n < VFIO_PCI_NUM_REGIONS; n++)
		f->regions[n].memfd = -1;
	f->regions[VFIO_PCI_CONFIG_REGION_INDEX].info.size = PCI_CFG_LEN;
	f->irq_index = VFIO_PCI_NUM_IRQS;
	f->pin_fd = f->unmask_fd = f->err_fd = f->req_fd = -1;
	for (unsigned int i = 0; i < PCI_MSIX_MAX; i++)
		f->eventfds[i] = -1;
	cap = pci_cap_find(f->cfg, PCI_CFG_LEN, PCI_CAP_ID_MSI);
	if (cap)
		f->nr_msi = 1u << ((f->cfg[cap + PCI_MSI_FLAGS] &
				    PCI_MSI_FLAGS_QMASK) >>
				   1);
	cap = pci_cap_find(f->cfg, PCI_CFG_LEN, PCI_CAP_ID_MSIX);
	if (cap)
		f->nr_vectors = (get_le(f->cfg + cap + PCI_MSIX_FLAGS, 2) &
				 PCI_MSIX_FLAGS_QSIZE) +
				1;
}

void fake_vfio_bar(struct fake_vfio *f, unsigned int n, uint64_t size,
		   bool can_mmap)
{
	struct fake_region *r = &f->regions[n];

	r->info.size = size;
	r->info.flags =
		VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	r->memfd = memfd_create("bar", MFD_CLOEXEC);
	BUG_ON(r->memfd < 0);
	if (ftruncate(r->memfd, (off_t)size))
		abort();
	if (!can_mmap)
		return;
	r->info.flags |= VFIO_REGION_INFO_FLAG_MMAP;
	r->info.areas[0].size = size;
	r->info.nr_areas = 1;
}

void fake_vfio_area(struct fake_vfio *f, unsigned int n, uint64_t offset,
		    uint64_t size)
{
	struct vfio_region *r = &f->regions[n].info;

	if (r->nr_areas == 1 && r->areas[0].size == r->size)
		r->nr_areas = 0;
	r->areas[r->nr_areas].offset = offset;
	r->areas[r->nr_areas++].size = size;
}

void fake_vfio_fini(struct fake_vfio *f)
{
	for (unsigned int n = 0; n < VFIO_PCI_NUM_REGIONS; n++)
		if (f->regions[n].memfd >= 0)
			close(f->regions[n].memfd);
}

uint32_t fake_vfio_peek(const struct fake_vfio *f, unsigned int n, uint64_t off)
{
	uint32_t value = 0;

	if (pread(f->regions[n].memfd, &value, 4, (off_t)off) != 4)
		abort();
	return value;
}

void fake_vfio_poke(struct fake_vfio *f, unsigned int n, uint64_t off,
		    uint32_t value)
{
	if (pwrite(f->regions[n].memfd, &value, 4, (off_t)off) != 4)
		abort();
}

void fake_vfio_raise(struct fake_vfio *f, unsigned int vector)
{
	unsigned int bar;
	uint64_t at;

	if (f->eventfds[vector] >= 0) {
		signal_fd(f->eventfds[vector]);
		return;
	}
	if (f->irq_index != VFIO_PCI_MSIX_IRQ_INDEX)
		return;
	at = pba_dword(f, vector, &bar);
	fake_vfio_poke(f, bar, at,
		       fake_vfio_peek(f, bar, at) | 1u << vector % 32);
}

void fake_vfio_pin(struct fake_vfio *f, bool high)
{
	f->pin_is_high = high;
	f->cfg[PCI_STATUS] &= (uint8_t)~PCI_STATUS_INTERRUPT;
	if (high)
		f->cfg[PCI_STATUS] |= PCI_STATUS_INTERRUPT;
	pin_fire(f);
}

bool fake_vfio_unmask(struct fake_vfio *f)
{
	uint64_t count;

	if (read(f->unmask_fd, &count, sizeof(count)) != sizeof(count))
		return false;
	pin_unmask(f);
	return true;
}

unsigned int fake_vfio_host_vectors(const struct fake_vfio *f)
{
	unsigned int nr = f->nr_eventfds;

	for (unsigned int i = f->nr_eventfds; i < PCI_MSIX_MAX; i++)
		nr += f->eventfds[i] >= 0;
	return nr;
}

unsigned int fake_nr_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int nr = 0;

	BUG_ON(!dir);
	while (readdir(dir))
		nr++;
	closedir(dir);
	return nr;
}
