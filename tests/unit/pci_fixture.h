/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A function whose hooks write down what they were told, for the pci tests.
 *
 * Events are appended to log as "name args;", numbers in hex:
 *	read off/len; write off/len=value; written off/len; map bar@addr;
 *	unmap bar@addr; reset; on; off; update first+nr;
 */
#ifndef STRAIT_TESTS_UNIT_PCI_FIXTURE_H
#define STRAIT_TESTS_UNIT_PCI_FIXTURE_H

#include <stdarg.h>

#include "pci/pci.h"
#include "tests/tap.h"

struct fixture {
	struct pci_dev dev;
	struct pci_msix msix;
	uint8_t physical[PCI_CFG_LEN]; /* what a device behind would hold */
	uint64_t pending[PCI_MSIX_MAX / 64];
	int map_error; /* bar_mapped returns this */
	bool quiet;    /* leave cfg_read and cfg_written out of log */
	bool lock_was_free;
	/* Called in cfg_written, if set. */
	void (*in_written)(struct fixture *fix);
	char log[4096];
};

#define FIXTURE(ptr) CONTAINER_OF(ptr, struct fixture, dev)

/* got and want are strings */
#define CHECK_TEXT(got, want)                                                  \
	do {                                                                   \
		const char *text_ = (got), *want_ = (want);                    \
		if (strcmp(text_, want_)) {                                    \
			printf("# %s:%d: \"%s\", not \"%s\"\n", __FILE__,      \
			       __LINE__, text_, want_);                        \
			longjmp(tap_env, 1);                                   \
		}                                                              \
	} while (0)

/* The events since the last look are these. */
#define CHECK_LOG(f, want)                                                     \
	do {                                                                   \
		CHECK_TEXT((f)->log, want);                                    \
		(f)->log[0] = '\0';                                            \
	} while (0)

__attribute__((format(printf, 2, 3))) static inline void
fixture_log(struct fixture *fix, const char *fmt, ...)
{
	size_t used = strlen(fix->log);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(fix->log + used, sizeof(fix->log) - used, fmt, ap);
	va_end(ap);
	/* Hooks run with the function's lock held: nobody else can take it. */
	if (!pthread_mutex_trylock(&fix->dev.lock)) {
		fix->lock_was_free = true;
		pthread_mutex_unlock(&fix->dev.lock);
	}
}

static inline uint32_t fixture_read(struct pci_dev *dev, unsigned int off,
				    unsigned int len)
{
	struct fixture *fix = FIXTURE(dev);

	if (!fix->quiet)
		fixture_log(fix, "read %x/%u;", off, len);
	return (uint32_t)get_le(fix->physical + off, len);
}

static inline void fixture_write(struct pci_dev *dev, unsigned int off,
				 unsigned int len, uint32_t value)
{
	struct fixture *fix = FIXTURE(dev);

	fixture_log(fix, "write %x/%u=%x;", off, len, value);
	put_le(fix->physical + off, value, len);
}

static inline void fixture_written(struct pci_dev *dev, unsigned int off,
				   unsigned int len)
{
	struct fixture *fix = FIXTURE(dev);

	if (!fix->quiet)
		fixture_log(fix, "written %x/%u;", off, len);
	if (fix->in_written)
		fix->in_written(fix);
}

static inline int fixture_mapped(struct pci_dev *dev, unsigned int bar,
				 uint64_t addr)
{
	struct fixture *fix = FIXTURE(dev);

	fixture_log(fix, "map %u@%llx;", bar, (unsigned long long)addr);
	return fix->map_error;
}

static inline void fixture_unmapped(struct pci_dev *dev, unsigned int bar,
				    uint64_t addr)
{
	fixture_log(FIXTURE(dev), "unmap %u@%llx;", bar,
		    (unsigned long long)addr);
}

static inline void fixture_reset(struct pci_dev *dev)
{
	fixture_log(FIXTURE(dev), "reset;");
}

static inline void fixture_enabled(struct pci_msix *msix, bool on)
{
	fixture_log(FIXTURE(msix->dev), on ? "on;" : "off;");
}

static inline void fixture_update(struct pci_msix *msix, unsigned int first,
				  unsigned int nr)
{
	fixture_log(FIXTURE(msix->dev), "update %u+%u;", first, nr);
}

static inline bool fixture_pending(struct pci_msix *msix, unsigned int vector)
{
	return FIXTURE(msix->dev)->pending[vector / 64] >> (vector % 64) & 1;
}

static inline void fixture_init(struct fixture *fix)
{
	static const struct pci_dev_ops ops = {
		.cfg_read = fixture_read,
		.cfg_write = fixture_write,
		.cfg_written = fixture_written,
		.bar_mapped = fixture_mapped,
		.bar_unmapped = fixture_unmapped,
		.reset = fixture_reset,
	};
	static const struct pci_ids ids = {
		.vendor = 0x8086,
		.device = 0x10ca,
		.subsys_vendor = 0x1af4,
		.subsys = 0x1100,
		.class_code = 0x020000,
		.revision = 1,
	};

	memset(fix, 0, sizeof(*fix));
	fix->quiet = true;
	pci_dev_init(&fix->dev, &ops, "0000:01:10.0", &ids);
}

/* An MSI-X capability for nr vectors: table at BAR 3 + 0x2000, PBA + 0x3000. */
static inline void fixture_msix(struct fixture *fix, unsigned int nr)
{
	static const struct pci_msix_ops ops = {
		.enabled = fixture_enabled,
		.update = fixture_update,
		.pending = fixture_pending,
	};
	int cap = pci_dev_add_cap(&fix->dev, PCI_CAP_ID_MSIX, 0x70, 12);

	pci_cfg_put(&fix->dev, (unsigned int)cap + PCI_MSIX_FLAGS, 2, nr - 1);
	pci_cfg_put(&fix->dev, (unsigned int)cap + PCI_MSIX_TABLE, 4, 0x2003);
	pci_cfg_put(&fix->dev, (unsigned int)cap + PCI_MSIX_PBA, 4, 0x3003);
	pci_msix_init(&fix->msix, &fix->dev, (unsigned int)cap, &ops);
	pci_dev_set_power_on(&fix->dev);
}

static inline void fixture_fini(struct fixture *fix)
{
	pci_msix_fini(&fix->msix);
	pci_dev_fini(&fix->dev);
}

/* Short forms of what a guest does. */
static inline uint32_t rd(struct fixture *fix, unsigned int off,
			  unsigned int len)
{
	return pci_dev_read(&fix->dev, off, len);
}

static inline void wr(struct fixture *fix, unsigned int off, unsigned int len,
		      uint32_t value)
{
	pci_dev_write(&fix->dev, off, len, value);
}

#endif
