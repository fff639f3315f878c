/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of vfio/ tell each other; nobody else includes this. */
#ifndef STRAIT_VFIO_PRIV_H
#define STRAIT_VFIO_PRIV_H

#include "vfio/vfio.h"

/* The D-states that there are for a guest (PCI_PM_CTRL_STATE_MASK). */
enum { PCI_D0 = 0, PCI_D3HOT = 3 };

/*
 * A part of a BAR: mmapped (hva is set) or trapped. One below a page is trapped
 * in any case, and mapped as well where it has a page to itself.
 */
struct vfio_part {
	struct vfio_bar *bar;
	uint64_t off, size; /* in the BAR */
	void *hva;
	struct mem_region region;
	struct bus_range range;
};

struct vfio_bar {
	struct vfio_pci *v;
	unsigned int index;
	bool is_io;
	bool is_shown; /* its parts are in mem and on the buses */
	char name[HOST_NAME_LEN + sizeof(" BAR 0")];
	struct vfio_part *parts; /* ascending, without gaps */
	unsigned int nr_parts;
};

/* What the guest reads behind the ROM BAR. */
struct vfio_rom {
	uint8_t *data; /* NULL: no ROM */
	uint64_t size; /* of the BAR */
	bool is_filled;
};

struct vfio_vector {
	struct msi_route route; /* irq NULL: none yet */
	bool is_given;		/* VFIO has its eventfd */
};

/* MSI-X on the host's side, see msix.c. */
struct vfio_msix {
	unsigned int nr; /* vectors that the kernel can signal */
	struct vfio_vector *vectors;
	bool can_grow;	       /* vectors one by one: no NORESIZE */
	bool is_on;	       /* the kernel has MSI-X on */
	unsigned int nr_first; /* vectors that it was turned on with */
	unsigned int nr_host;  /* vectors that the host spends */
	unsigned int limit;    /* vectors that the host may have room for */
};

/* What quirks.c found for this function; all zero: nothing. */
struct vfio_quirks {
	bool no_rom;
	uint32_t pba_wrong, pba_right;
	unsigned int mirror_bar; /* shows config space again, if mirror_len */
	uint64_t mirror_off, mirror_len;
};

struct vfio_pci {
	struct pci_dev pci;
	struct vfio_dev *d;
	struct vfio_env env;
	struct vfio_pci_stats stats; /* relaxed atomics */
	struct vfio_pci_options options;
	struct vfio_bar bars[PCI_NR_REGIONS];
	struct vfio_rom rom;
	struct vfio_quirks quirks;
	bool has_io;	/* a port I/O BAR: physical I/O decode is on */
	bool is_master; /* bus master enable, as the device has it */
	/* The guest's capabilities that config.c listens to, 0 for none. */
	unsigned int exp_cap, vpd_cap, af_cap, pm_cap;
	unsigned int d_state; /* as the device has it, PCI_D0 or PCI_D3HOT */
	/* vfio_pci_detach: on the way, and done; is_gone is a relaxed atomic */
	bool is_leaving, is_gone;
	struct pci_msix msix; /* nr_vectors 0: none */
	struct vfio_msix host_msix;
	struct pci_msi msi; /* max_vectors 0: none */
	/* One per vector that is enabled. */
	struct msi_route msi_routes[PCI_MSI_MAX];
	unsigned int nr_msi_routes;
	bool msi_on;	       /* the kernel has MSI on */
	struct irq_level intx; /* irq NULL: none */
	bool intx_on;
	/* The loop waits for the end of an interrupt, see intx.c. */
	struct loop_source intx_end;
	bool intx_waits;
};

/* clang-tidy takes the builtin for a read. */
/* NOLINTNEXTLINE(readability-non-const-parameter) */
static inline void vfio_count(uint64_t *counter, uint64_t n)
{
	__atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

/* --- pci.c --- */

extern const struct pci_dev_ops vfio_pci_ops;

/* --- config.c --- */

/*
 * Initialises v->pci and builds its config space but for BARs. phys
 * (PCI_CFG_LEN bytes) gets what the device shows.
 */
int vfio_config_build(struct vfio_pci *v, uint8_t *phys, struct err *e);
/* The physical command register: decode always on, bus master as asked. */
int vfio_config_decode_on(struct vfio_pci *v, bool master);

/* Brings the device to D0 or D3hot; BARs are hidden meanwhile. */
void vfio_power_set(struct vfio_pci *v, unsigned int d_state);

/* pci_dev_ops */
uint32_t vfio_config_read(struct pci_dev *dev, unsigned int off,
			  unsigned int len);
void vfio_config_write(struct pci_dev *dev, unsigned int off, unsigned int len,
		       uint32_t value);
void vfio_config_written(struct pci_dev *dev, unsigned int off,
			 unsigned int len);

/* --- caps.c --- */

/* Adds the allowed capabilities of phys (len bytes) to the guest's. */
int vfio_caps_build(struct vfio_pci *v, const uint8_t *phys, unsigned int len,
		    struct err *e);

/* --- region.c --- */

/* Describes BAR n to the guest and mmaps what can be; bar is its register. */
int vfio_bar_init(struct vfio_pci *v, unsigned int n, uint32_t bar,
		  struct err *e);
/* Makes parts for BAR n, which is described to the guest already. Also on
 * failure the caller calls vfio_bar_fini. */
int vfio_bar_parts(struct vfio_pci *v, unsigned int n,
		   const struct vfio_region *r, struct err *e);
/* Takes all BARs away from the guest, and gives them back, without the guest's
 * registers changing. With the function's lock held. */
void vfio_bars_hide(struct vfio_pci *v);
void vfio_bars_show(struct vfio_pci *v);
/* Gives mapped parts a dma-buf, as far as the kernel can. */
void vfio_bars_export(struct vfio_pci *v);
/* Ends the mmaps and dma-bufs of a BAR that is hidden. */
void vfio_bar_munmap(struct vfio_bar *b);
/* Accepts a zeroed one. */
void vfio_bar_fini(struct vfio_bar *b);

/* pci_dev_ops */
int vfio_bar_mapped(struct pci_dev *dev, unsigned int n, uint64_t addr);
void vfio_bar_unmapped(struct pci_dev *dev, unsigned int n, uint64_t addr);

/* --- quirks.c --- */

void vfio_quirks_find(struct vfio_pci *v, const struct pci_ids *ids);
/* The MSI-X PBA register as it should be. */
uint32_t vfio_quirks_pba(const struct vfio_quirks *q, uint32_t pba);

/* --- trap.c --- */

extern const struct bus_ops vfio_trap_ops; /* dev: a struct vfio_part */

/* --- rom.c --- */

/* Gives the guest a ROM BAR if there is a ROM and options want it. */
int vfio_rom_init(struct vfio_pci *v, struct err *e);
/* Accepts a zeroed one. */
void vfio_rom_fini(struct vfio_pci *v);
/* The guest is about to look: reads the device's ROM, the first time. */
void vfio_rom_fill(struct vfio_pci *v);

/* --- irq.c --- */

/* set_irqs, counted. */
int vfio_set_irqs(struct vfio_pci *v, const struct vfio_irqs *irqs,
		  struct err *e);
/* The index off. A failure is logged. */
void vfio_index_off(struct vfio_pci *v, unsigned int index);
/* attach and detach of a route, counted. */
int vfio_route_attach(struct vfio_pci *v, struct msi_route *r, struct err *e);
void vfio_route_detach(struct vfio_pci *v, struct msi_route *r);
/* Says that a vector whose message is not ok stays silent. */
void vfio_message_complain(struct vfio_pci *v, const char *kind,
			   unsigned int vector, uint64_t address);
/* For the statistics: how many the host spends. */
void vfio_host_vectors(struct vfio_pci *v, uint64_t nr);

/* --- msix.c --- */

/* Takes over the MSI-X capability at cap of the guest's config. */
int vfio_msix_init(struct vfio_pci *v, unsigned int cap,
		   const struct vfio_irq_info *info, struct err *e);
/* Accepts a device without. */
void vfio_msix_fini(struct vfio_pci *v);

/* --- msi.c --- */

/* Takes over the MSI capability at cap of the guest's config. */
int vfio_msi_init(struct vfio_pci *v, unsigned int cap, struct err *e);
/* Accepts a device without. */
void vfio_msi_fini(struct vfio_pci *v);

/* --- intx.c --- */

/* Gives the guest's function the device's pin, if both have one. */
int vfio_intx_init(struct vfio_pci *v, uint8_t pin, struct err *e);
/* Accepts a device without. */
void vfio_intx_fini(struct vfio_pci *v);

#endif
