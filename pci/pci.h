/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest's PCI: functions, their config space and BARs, and the host bridge
 * that finds them. A pure model: no KVM, no VFIO, no files.
 *
 * A function is 4 KiB of bytes and three masks. For each bit:
 *   vmask 1: the model answers; 0: passed to ops->cfg_read / ops->cfg_write
 *   wmask 1: the guest may write it (only meaningful where vmask is 1)
 *   w1cmask 1: writing 1 clears it
 * Tables decide access; hooks react. BARs, the command register, INTx, MSI and
 * MSI-X are handled here, so a device only says what it has.
 *
 * Threads: config accesses come on vCPU threads, under the function's lock.
 * ops run with that lock held. Nobody holds two functions' locks.
 */
#ifndef STRAIT_PCI_PCI_H
#define STRAIT_PCI_PCI_H

#include <linux/pci_regs.h>
#include <pthread.h>

#include "src/base/bits.h"
#include "src/base/err.h"
#include "src/base/log.h"
#include "src/base/types.h"
#include "src/core/bus.h"

enum {
	PCI_CFG_LEN = 4096,
	PCI_NR_BARS = 6,
	PCI_BAR_ROM = 6, /* index of the expansion ROM */
	PCI_NR_REGIONS = 7,
};

enum pci_bar_type { PCI_BAR_NONE, PCI_BAR_IO, PCI_BAR_MEM32, PCI_BAR_MEM64 };

struct pci_bar {
	enum pci_bar_type type;
	bool prefetch;
	uint64_t size; /* power of two, see pci_dev_set_bar */
	uint64_t addr; /* where it answers now, valid while mapped */
	bool mapped;
};

struct pci_dev;
struct pci_port; /* see pci/port.h */

/* Complete tables: defaults are the pci_default_* functions below. */
struct pci_dev_ops {
	/*
	 * Bits outside vmask; off is aligned to len (1, 2 or 4). A write comes
	 * for pieces that have such bits only; where a byte has bits of both
	 * kinds, the virtual ones hold what cfg_read just answered.
	 */
	uint32_t (*cfg_read)(struct pci_dev *dev, unsigned int off,
			     unsigned int len);
	void (*cfg_write)(struct pci_dev *dev, unsigned int off,
			  unsigned int len, uint32_t value);
	/*
	 * After the model took a write of [off, off + len) and cfg_write had
	 * its part. BARs that lost their address are already unmapped, those
	 * that got one are not mapped yet: a decode bit can be passed on here.
	 */
	void (*cfg_written)(struct pci_dev *dev, unsigned int off,
			    unsigned int len);
	/*
	 * The BAR answers at addr from now on, or no longer does. -errno: it
	 * stays unmapped, and is tried again when the guest next writes a BAR
	 * or the command register. addr is never 0 and [addr, addr + size)
	 * never wraps, nor ends at the last byte of what 16 bits (I/O) or 32
	 * bits address: that is a BAR being sized.
	 */
	int (*bar_mapped)(struct pci_dev *dev, unsigned int bar, uint64_t addr);
	void (*bar_unmapped)(struct pci_dev *dev, unsigned int bar,
			     uint64_t addr);
	/* Back to the state after power-on; the model has reset its
	 * registers, BARs are unmapped. */
	void (*reset)(struct pci_dev *dev);
};

/* cfg_read gives the bytes of cfg; the others do nothing. */
uint32_t pci_default_cfg_read(struct pci_dev *dev, unsigned int off,
			      unsigned int len);
void pci_default_cfg_write(struct pci_dev *dev, unsigned int off,
			   unsigned int len, uint32_t value);
void pci_default_cfg_written(struct pci_dev *dev, unsigned int off,
			     unsigned int len);
int pci_default_bar_mapped(struct pci_dev *dev, unsigned int bar,
			   uint64_t addr);
void pci_default_bar_unmapped(struct pci_dev *dev, unsigned int bar,
			      uint64_t addr);
void pci_default_reset(struct pci_dev *dev);

struct pci_dev {
	const struct pci_dev_ops *ops;
	const char *name;	 /* for messages; not owned */
	uint8_t devfn;		 /* set by pci_host_add */
	struct pci_port *port;	 /* it is this root port, or NULL */
	struct pci_port *behind; /* the root port above it; NULL: bus 0 */
	pthread_mutex_t lock;
	struct log_limit limit;
	struct pci_bar bars[PCI_NR_REGIONS];
	struct pci_msi *msi;		     /* of the owner, or NULL */
	struct pci_msix *msix;		     /* of the owner, or NULL */
	struct pci_vectors *vectors;	     /* see pci/vectors.h, or NULL */
	const struct pci_intx_ops *intx_ops; /* NULL: no pin */
	bool intx_is_used, intx_is_on;	     /* see intx.c */
	/* The dwords that capabilities take, one bit each. */
	uint64_t cap_used[PCI_CFG_LEN / 4 / 64];
	uint8_t cfg[PCI_CFG_LEN];
	uint8_t wmask[PCI_CFG_LEN];
	uint8_t w1cmask[PCI_CFG_LEN];
	/* BAR registers, decode bits and MSI-X control have to stay virtual. */
	uint8_t vmask[PCI_CFG_LEN];
	uint8_t power_on[PCI_CFG_LEN]; /* see pci_dev_set_power_on */
};

struct pci_ids {
	uint16_t vendor, device, subsys_vendor, subsys;
	uint32_t class_code; /* 24 bits: class, subclass, interface */
	uint8_t revision;
};

/*
 * A type 0 function with everything virtual and nothing writable but the
 * command register's I/O, memory, bus master and INTx-disable bits, cache line
 * size and interrupt line.
 */
void pci_dev_init(struct pci_dev *dev, const struct pci_dev_ops *ops,
		  const char *name, const struct pci_ids *ids);
/* Unmaps BARs that are still mapped. Accepts a zeroed struct. */
void pci_dev_fini(struct pci_dev *dev);

/*
 * Describes BAR n (PCI_BAR_ROM: the ROM, a PCI_BAR_MEM32) before vCPUs run. Its
 * address is 0 and stays unmapped until it gets another one. Sizes are powers
 * of two: I/O 4 bytes to 32 KiB, memory from 16 bytes, the ROM from 2 KiB, 32
 * bits up to 2 GiB, 64 bits up to 2 PiB. -EINVAL: bad size, or no room for 64
 * bits at n. PCI_BAR_NONE takes a BAR away.
 */
int pci_dev_set_bar(struct pci_dev *dev, unsigned int n, enum pci_bar_type type,
		    bool prefetch, uint64_t size);

/* Makes cfg as it is now the state that a reset brings back. */
void pci_dev_set_power_on(struct pci_dev *dev);

/*
 * Adds a capability of len bytes (header included) at the first free place
 * from 0x40 (at: a wanted offset, or 0), links it as the last and leaves its
 * body zero, virtual and read-only. Returns its offset, -ENOSPC, or -EINVAL:
 * at is not a multiple of 4 or outside the space.
 */
int pci_dev_add_cap(struct pci_dev *dev, uint8_t id, unsigned int at,
		    unsigned int len);
/* The same in extended space, from 0x100. If the first one is wanted further
 * up, a null capability (ID 0) at 0x100 leads to it. */
int pci_dev_add_ext_cap(struct pci_dev *dev, uint16_t id, uint8_t version,
			unsigned int at, unsigned int len);
/* Offset of the capability in the bytes the guest sees, or 0. Loop-safe. */
unsigned int pci_dev_find_cap(const struct pci_dev *dev, uint8_t id);
unsigned int pci_dev_find_ext_cap(const struct pci_dev *dev, uint16_t id);

/* The same over any config bytes (len up to 4096): dumps, physical devices. */
unsigned int pci_cap_find(const uint8_t *cfg, unsigned int len, uint8_t id);
unsigned int pci_ext_cap_find(const uint8_t *cfg, unsigned int len,
			      uint16_t id);

/*
 * A walk along a chain, each place once, whatever the bytes say:
 *	for (it = pci_cap_walk(cfg, len); pci_cap_next(&it);)
 * with it.off and it.id valid in the body. At least a header (2 bytes, extended
 * 4) lies below len at it.off.
 */
struct pci_cap_iter {
	const uint8_t *cfg;
	unsigned int len, off, next;
	uint16_t id;
	uint8_t version; /* extended */
	bool is_ext;
	uint64_t seen[PCI_CFG_LEN / 4 / 64];
};
struct pci_cap_iter pci_cap_walk(const uint8_t *cfg, unsigned int len);
struct pci_cap_iter pci_ext_cap_walk(const uint8_t *cfg, unsigned int len);
bool pci_cap_next(struct pci_cap_iter *it);

/* Small accessors to cfg, little-endian, no lock. */
static inline uint32_t pci_cfg_get(const struct pci_dev *dev, unsigned int off,
				   unsigned int len)
{
	return (uint32_t)get_le(dev->cfg + off, len);
}
static inline void pci_cfg_put(struct pci_dev *dev, unsigned int off,
			       unsigned int len, uint32_t value)
{
	put_le(dev->cfg + off, value, len);
}

/* What the guest does. len is 1, 2 or 4; an access that crosses a dword or the
 * end gives all-ones. */
uint32_t pci_dev_read(struct pci_dev *dev, unsigned int off, unsigned int len);
void pci_dev_write(struct pci_dev *dev, unsigned int off, unsigned int len,
		   uint32_t value);

/* All registers and BARs back to power_on, INTx, MSI and MSI-X off and masked,
 * then ops->reset. */
void pci_dev_reset(struct pci_dev *dev);

/* The same for who holds the lock already, such as a hook. */
uint32_t pci_dev_read_locked(struct pci_dev *dev, unsigned int off,
			     unsigned int len);
void pci_dev_write_locked(struct pci_dev *dev, unsigned int off,
			  unsigned int len, uint32_t value);
void pci_dev_reset_locked(struct pci_dev *dev);

/* INTx, MSI and MSI-X off and masked, as after power-on. Lock held. */
void pci_dev_irqs_off_locked(struct pci_dev *dev);

/* --- INTx --- */

/* With the function's lock held. */
struct pci_intx_ops {
	/*
	 * The function may drive its pin from now on, or no longer may: the
	 * guest set INTx Disable, enabled MSI or MSI-X, reset the function or
	 * does not use it. MSI and MSI-X are off whenever it is on.
	 */
	void (*enabled)(struct pci_dev *dev, bool on);
	/* Interrupt Status: would drive it if it could. */
	bool (*pending)(struct pci_dev *dev);
};

/* Gives a function the pin 1 (INTA) to 4, or with 0 takes it away. Before
 * vCPUs run. */
void pci_dev_set_intx(struct pci_dev *dev, uint8_t pin,
		      const struct pci_intx_ops *ops);

/* --- MSI (PCIe 6.0 7.7.1) --- */

enum { PCI_MSI_MAX = 32 };

struct pci_msi;
/* With the function's lock held. */
struct pci_msi_ops {
	/* On with nr_vectors vectors, some perhaps masked; or off, and
	 * nr_vectors is 0. */
	void (*enabled)(struct pci_msi *msi, bool on);
	/* Message or masks changed. Read each by pci_msi_vector. */
	void (*update)(struct pci_msi *msi);
	/* Pending bit of a vector that is masked. */
	bool (*pending)(struct pci_msi *msi, unsigned int vector);
};

struct pci_msi {
	const struct pci_msi_ops *ops;
	struct pci_dev *dev;
	unsigned int cap; /* offset of the capability */
	bool is_64, has_masks;
	unsigned int max_vectors; /* a power of two up to 32 */
	unsigned int nr_vectors;  /* enabled; 0: off */
	uint64_t address;
	uint32_t data, masks;
};

struct pci_msi_vector {
	uint64_t address;
	uint32_t data;
	bool unmasked;
};

/* Bytes of a capability with this message control. */
unsigned int pci_msi_len(unsigned int control);
/*
 * Takes over a capability that is there at cap (message control is read from
 * cfg) and turns it off. -EINVAL: not an MSI capability, one that ends beyond
 * its space, or more than 32 vectors.
 */
int pci_msi_init(struct pci_msi *msi, struct pci_dev *dev, unsigned int cap,
		 const struct pci_msi_ops *ops);
/* Accepts a zeroed struct. */
void pci_msi_fini(struct pci_msi *msi);
/* With the lock held. A vector that is not enabled is masked. */
struct pci_msi_vector pci_msi_vector(const struct pci_msi *msi,
				     unsigned int vector);

/* --- MSI-X (PCIe 6.0 7.7.2): table, PBA, masks; for emulated and assigned
 * functions --- */

enum { PCI_MSIX_MAX = 2048, PCI_MSIX_ENTRY_LEN = 16 };

struct pci_msix;
struct pci_msix_ops {
	/* The enable bit changed; runs before vectors are unmasked and after
	 * they were masked. All ops run with the function's lock held. */
	void (*enabled)(struct pci_msix *msix, bool on);
	/*
	 * Vectors [first, first + nr) changed in mask (entry, function mask or
	 * enable) or, being unmasked, in address or data. One call for a
	 * whole-function change, so that the owner can batch; some vectors of
	 * it may not have changed. Read each by pci_msix_vector.
	 */
	void (*update)(struct pci_msix *msix, unsigned int first,
		       unsigned int nr);
	/* Pending bit of a vector that is not unmasked. */
	bool (*pending)(struct pci_msix *msix, unsigned int vector);
};

struct pci_msix {
	const struct pci_msix_ops *ops;
	struct pci_dev *dev;
	unsigned int cap; /* offset of the capability */
	unsigned int nr_vectors;
	bool is_enabled, is_func_masked;
	uint8_t *table; /* nr_vectors * 16 bytes, owned */
};

struct pci_msix_vector {
	uint64_t address;
	uint32_t data;
	bool unmasked; /* enabled, function unmasked and entry unmasked */
};

/*
 * Takes over a capability that is there at cap (message control, table and PBA
 * offsets are read from cfg), turns it off and makes only its enable and
 * function mask bits writable. -EINVAL: not an MSI-X capability, or one that
 * names a BAR that no function has; -ENOMEM.
 */
int pci_msix_init(struct pci_msix *msix, struct pci_dev *dev, unsigned int cap,
		  const struct pci_msix_ops *ops);
void pci_msix_fini(struct pci_msix *msix);

/* With the lock held (in ops), or while vCPUs are stopped. A vector that is not
 * there is masked. */
struct pci_msix_vector pci_msix_vector(const struct pci_msix *msix,
				       unsigned int vector);

/* Where table and PBA lie: BAR index, offset and length in bytes. */
struct pci_msix_layout {
	unsigned int table_bar, pba_bar;
	uint64_t table_off, table_len, pba_off, pba_len;
};
struct pci_msix_layout pci_msix_layout(const struct pci_msix *msix);

/*
 * Guest accesses to the table and the PBA; off is from the start of the table
 * (PBA), len 1 to 8. Take the function's lock. Writes to the PBA are ignored.
 * Only aligned accesses of 4 and 8 bytes are defined (PCIe 6.0 7.7.2): others
 * read all-ones and write nothing, as do those beyond the end.
 */
uint64_t pci_msix_table_read(struct pci_msix *msix, uint64_t off,
			     unsigned int len);
void pci_msix_table_write(struct pci_msix *msix, uint64_t off, unsigned int len,
			  uint64_t value);
uint64_t pci_msix_pba_read(struct pci_msix *msix, uint64_t off,
			   unsigned int len);

/* --- the host bridge: one segment, ECAM and CF8/CFC --- */

enum { PCI_MAX_BUSES = 256, PCI_MAX_PORTS = 64, PCI_NR_INTX = 8 };

struct pci_window {
	uint64_t base, size;
};

struct pci_host_layout {
	gpa_t ecam; /* 1 MiB per bus */
	/*
	 * Bus numbers there are, 1 to 256; 0 is taken for 1. One more than
	 * ports is best: Linux probes each bus of the MCFG on which it found
	 * nothing, 64 exits for each (pcibios_fixup_peer_bridges).
	 */
	unsigned int nr_buses;
	/* First of the PCI_NR_INTX pins that INTx is wired to; 0: to none. */
	uint32_t intx_gsi;
	struct pci_window io, mem32, mem64;
	/* Where in mem64 the part ends in which devices reach each other's
	 * BARs; 0: all of it. */
	uint64_t mem64_p2p_end;
};

static inline unsigned int
pci_layout_buses(const struct pci_host_layout *layout)
{
	return layout->nr_buses ? layout->nr_buses : 1;
}

struct pci_host {
	struct bus *mmio, *pio;
	struct pci_host_layout layout;
	struct pci_dev bridge;	   /* 00:00.0, 8086:0d57 */
	struct pci_dev *devs[256]; /* by devfn; not owned but for the bridge */
	struct pci_port *ports[PCI_MAX_PORTS]; /* those of devs that are */
	unsigned int nr_ports;
	struct bus_range ecam_range, cf8_range;
	uint32_t cf8; /* last address latch; relaxed atomics */
	pthread_mutex_t intx_lock;
	unsigned int intx_high[PCI_NR_INTX]; /* functions that hold it high */
};

/* Puts ECAM and ports 0xcf8-0xcff on the buses. -EINVAL: a window wraps or is
 * beyond what its BARs can hold, or too many buses; else bus_add's error. */
int pci_host_init(struct pci_host *h, struct bus *mmio, struct bus *pio,
		  const struct pci_host_layout *layout, struct err *e);
/* Accepts a zeroed struct. */
void pci_host_fini(struct pci_host *h);

/* Where a function sits. */
struct pci_place {
	struct pci_port *port; /* NULL: on bus 0 */
	int devfn;	       /* behind a port 0 to 7; -1: see pci_host_find */
};

/*
 * Whether a function called name can have that place. A devfn < 0 becomes the
 * first free slot's function 0 (behind a port: function 0). -EEXIST, -ENOSPC;
 * -EINVAL: no such devfn, or no function 0 in that slot yet.
 */
int pci_host_find(const struct pci_host *h, const char *name,
		  struct pci_place *place, struct err *e);

/*
 * Gives dev a place, found as above, and fixes up the multi-function bit of
 * the slot's functions. Before vCPUs run; pci_port_plug is for later.
 */
int pci_host_add_at(struct pci_host *h, struct pci_dev *dev,
		    struct pci_place place, struct err *e);
/* The same on bus 0. */
int pci_host_add(struct pci_host *h, struct pci_dev *dev, int devfn,
		 struct err *e);
/* The same for a root port, on bus 0. -ENOSPC: no bus number left for it. */
int pci_host_add_port(struct pci_host *h, struct pci_port *port, int devfn,
		      struct err *e);

/*
 * Assigns every BAR an address in its window, largest first, each aligned to
 * its size: 64-bit BARs in mem64 (mem32 if that is full or absent), others in
 * mem32, I/O in io. If all fit below mem64_p2p_end, h->layout.mem64 ends there
 * afterwards. No two memory BARs share a 4 KiB page. Root ports get bus
 * numbers and windows for what is behind them and for what may be plugged in
 * (see place.c). Records cfg as power-on state; decode stays off, as after
 * reset. -ENOSPC names the function, the BAR, its size and the window; nothing
 * has changed then. -ENOMEM.
 */
int pci_host_place_bars(struct pci_host *h, struct err *e);

/*
 * The GSI of INTx pin 1 to 4 (INTA to INTD) of a function at place, whose devfn
 * is known: slots take turns, root ports pass pins on (PCIe 6.0 2.2.8.1). 0 if
 * none is wired.
 */
uint32_t pci_intx_gsi(const struct pci_host *h, struct pci_place place,
		      unsigned int pin);

/* A row of the firmware's table for bus 0: device and pin to GSI. */
struct pci_intx_route {
	uint8_t devfn;
	uint8_t pin;
	uint32_t gsi;
};
enum { PCI_MAX_INTX_ROUTES = 32 * 4 };
/*
 * Fills in what firmware tells of the wiring: the pins of functions on bus 0,
 * and all four of each root port's slot. Each device and pin once. Returns how
 * many.
 */
unsigned int pci_intx_routes(const struct pci_host *h,
			     struct pci_intx_route out[PCI_MAX_INTX_ROUTES]);

#endif
