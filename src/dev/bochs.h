/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A bochs-display compatible PCI function: video memory and a mode. */
#ifndef STRAIT_DEV_BOCHS_H
#define STRAIT_DEV_BOCHS_H

#include "pci/pci.h"
#include "src/core/mem.h"
#include "src/core/ram.h"
#include "src/dev/edid.h"
#include "src/display/display.h"

/* Of video memory: a power of two in these bounds. */
#define BOCHS_MIN_MEMORY     MIB(4)
#define BOCHS_DEFAULT_MEMORY MIB(16)
#define BOCHS_MAX_MEMORY     MIB(64)
/* Bits of the dirty log for as much. */
enum { BOCHS_PAGE_WORDS = (64 << 20) / 4096 / 64 };

enum { BOCHS_BAR_MEMORY = 0, BOCHS_BAR_MMIO = 2, BOCHS_NR_REGS = 11 };

struct bochs {
	struct pci_dev pci;
	struct mem *mem;
	struct bus *mmio;
	const struct mem_dirty_ops *dirty;
	void *dirty_ctx;
	struct ram ram;
	struct mem_region region; /* while BAR 0 is mapped */
	struct bus_range range;	  /* while BAR 2 is mapped */
	uint8_t edid[EDID_LEN];
	/* pci.lock guards what follows. */
	uint16_t regs[BOCHS_NR_REGS];
	bool is_big_endian;
	bool is_blank;	   /* by the attribute controller */
	bool attr_is_data; /* its flip-flop */
	bool is_watched, all_changed;
	struct surface seen; /* at the last call of changes */
	uint64_t pages[BOCHS_PAGE_WORDS];
};

/*
 * The function; the caller adds it to its host bridge. BAR 0 becomes a device
 * region of mem where the guest puts it, BAR 2 a range of mmio. dirty, with
 * its ctx, finds out what the guest drew.
 */
int bochs_init(struct bochs *b, struct mem *mem, struct bus *mmio,
	       const struct mem_dirty_ops *dirty, void *dirty_ctx,
	       uint64_t memory_size, struct err *e);
/* vCPUs have stopped and nobody shows it any more. Accepts a zeroed struct. */
void bochs_fini(struct bochs *b);

/*
 * What firmware does before a kernel starts: sets a mode of 32 bits per pixel
 * and turns memory decode on, so BARs have to be placed. -EINVAL: no such mode.
 */
int bochs_start(struct bochs *b, uint32_t width, uint32_t height);

/* Where that mode's first pixel is in guest memory, for the kernel's boot
 * parameters; 0: nowhere. The surface says the rest. */
gpa_t bochs_framebuffer(struct bochs *b, struct surface *s);

/* ctx is the struct bochs. Any thread. */
extern const struct display_source_ops bochs_display;

#endif
