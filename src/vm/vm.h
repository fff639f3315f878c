/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One virtual machine, from configuration to exit status.
 *
 * vm_build makes everything in the order in which it is written there and
 * vm_teardown takes it apart in reverse; both accept what is half built. A
 * guest that reboots gets a new machine: nothing survives but the binding of
 * its devices and what its clock's battery keeps, so no other state of the old
 * guest can.
 */
#ifndef STRAIT_VM_VM_H
#define STRAIT_VM_VM_H

#include "iommu/iommu.h"
#include "pci/port.h"
#include "src/core/bus.h"
#include "src/core/iothread.h"
#include "src/core/irq.h"
#include "src/core/kvm.h"
#include "src/core/loop.h"
#include "src/core/mem.h"
#include "src/core/ram.h"
#include "src/dev/dev.h"
#include "src/dev/ioapic.h"
#include "src/dev/port_b.h"
#include "src/dev/rtc.h"
#include "src/vm/assign.h"
#include "src/vm/config.h"
#include "src/vm/model.h"
#include "src/vm/relay.h"
#include "src/vm/timing.h"
#include "src/x86/boot.h"
#include "src/x86/cpu.h"
#include "src/x86/layout.h"
#include "vfio/vfio.h"
#include "virtio/virtio.h"

/* Exit statuses of `strait run`, as its man page lists them. */
enum vm_status {
	VM_OK = 0, /* powered off, or quit from the terminal */
	VM_USAGE = 2,
	VM_HOST = 3,	 /* the host or a device cannot serve */
	VM_CRASH = 4,	 /* the guest crashed */
	VM_REBOOTED = 5, /* with --on-reboot exit */
	VM_SIGNAL = 128, /* plus the signal's number */
};

/* Why the vCPUs stopped; see vm_request_end. */
enum vm_end {
	VM_END_NONE,
	VM_END_POWER_OFF,
	VM_END_REBOOT,
	VM_END_CRASH,
	VM_END_HOST_ERROR,
	VM_END_SIGNAL,
	VM_END_QUIT,
};

enum { VM_NR_EXIT_REASONS = 64 };

struct screens;
struct vm;
struct vcpu {
	struct vm *vm;
	struct kvm_vcpu kvm;
	pthread_t thread;
	bool is_started;
	unsigned int nr_redelivered; /* see can_redeliver */
	/* Returns of KVM_RUN by exit reason; [KVM_EXIT_INTR] holds kicks. */
	uint64_t exits[VM_NR_EXIT_REASONS];
};

/* A PCI Express root port, made for the devices whose port= names it. */
struct vm_port {
	struct vm *vm;
	const char *name;
	struct pci_port port;
	struct loop_source off; /* its slot has lost power */
};

/* See release.c. */
enum vm_device_state { VM_DEVICE_HELD, VM_DEVICE_ASKED, VM_DEVICE_GONE };

struct vm_device {
	struct vm *vm;
	struct assignment *assignment;
	struct vfio_dev dev;
	struct vfio_pci *pci; /* owns dev once it is there */
	bool is_open;
	int kvm_fd;
	struct pci_port *port; /* that it is behind, or NULL */
	enum vm_device_state state;
	struct loop_source request, error;
	struct log_limit error_limit;
	struct loop_timer timer;
	bool has_timer;
};

struct vm {
	const struct config *config;
	const struct host *host;
	struct assignments *assignments;
	struct timing timing;

	struct ram ram;
	struct mem mem;
	struct mem_region ram_regions[X86_MAX_RAM_PIECES];
	unsigned int nr_ram_regions;
	pthread_t populate_thread, unpack_thread;
	bool is_populating, is_unpacking;
	bool is_taken_apart; /* atomic: whoever fills RAM may stop */
	int populate_ret;
	struct err populate_err;
	struct boot_unpacked kernel;

	struct iommu *iommu;
	bool iommu_listens, kvm_listens;
	struct vm_device *devices;
	unsigned int nr_devices;
	struct vm_port *ports[CONFIG_MAX_DEVICES];
	unsigned int nr_ports;

	struct bus mmio, pio;
	struct loop loop;
	struct kvm kvm;
	struct irq irq;
	struct ioapic ioapic; /* with IRQCHIP_SPLIT, as is port_b */
	struct port_b port_b;
	struct pci_host pci;
	bool has_pci;
	struct serial serial;
	bool has_serial;
	struct relay relay; /* of --serial pty and socket= */
	int serial_fd;	    /* of --serial file=, or -1 */
	struct power power;
	bool has_power;
	struct rtc rtc;
	struct rtc_cells *rtc_cells; /* not owned, like disk_formats */
	/* model.c */
	struct emulated emulated[CONFIG_MAX_EMULATED];
	unsigned int nr_emulated;
	/* What each disk's image was found to be; kept while the guest reboots.
	 */
	enum block_format *disk_formats;
	bool has_i8042;
	struct screens *screens;	     /* not owned, like disk_formats */
	struct boot_framebuffer framebuffer; /* width 0: none */
	struct iothread *iothreads;
	struct loop *loops[CONFIG_MAX_IOTHREADS];
	unsigned int nr_iothreads;

	struct vcpu *vcpus;
	unsigned int nr_vcpus;

	enum vm_end end; /* atomic */
	int signal;	 /* for VM_END_SIGNAL */
};

/*
 * vm is zeroed by it but for serial_fd, rtc_cells, screens and disk_formats
 * (one for each emulated device of config), which stay the caller's. On failure
 * vm_teardown still has to be called.
 */
int vm_build(struct vm *vm, const struct config *config,
	     const struct host *host, struct assignments *assignments,
	     struct err *e);
void vm_teardown(struct vm *vm);

/* Starts the vCPUs, waits for a reason to stop, stops them. */
int vm_execute(struct vm *vm, struct err *e);
/*
 * Any thread: ends vm_execute for this reason if it is the first, or a signal
 * or quit after a reboot.
 */
void vm_request_end(struct vm *vm, enum vm_end end);

/* The whole of `strait run`: bind, build, execute, again on reboot, give back.
 */
int vm_run(const struct config *config, struct err *e);

/*
 * devices.c: the assigned devices. First the back end is chosen, which leaves
 * vm->iommu NULL if there are none; then they are opened and reset, which tells
 * how many root ports they need; then put on the guest's PCI bus. close accepts
 * what is half done.
 */
int devices_choose_iommu(struct vm *vm, struct err *e);
int devices_open(struct vm *vm, struct err *e);
unsigned int devices_nr_ports(const struct vm *vm);
int devices_add(struct vm *vm, struct err *e);
void devices_close(struct vm *vm);
void devices_free_ports(struct vm *vm);

/* release.c: errors of a device, and the host's wish to have it back. */
extern const struct pci_port_ops release_port_ops;
int release_watch(struct vm_device *d, struct err *e);
void release_unwatch(struct vm_device *d);
/* Whether the host waits for a device that the guest still has. */
bool release_is_due(struct vm_device *d);
int release_watch_port(struct vm_port *p, struct err *e);
void release_unwatch_port(struct vm_port *p);

/* What a virtio device of this machine lives in. */
struct virtio_env vm_virtio_env(struct vm *vm);
/* And a register-level one. */
struct dev_env vm_dev_env(struct vm *vm);

/* vcpu.c: the vCPUs' threads. */
int vcpus_start(struct vm *vm, struct err *e);
void vcpus_stop(struct vm *vm);

/* stats.c: what --stats prints, on f. */
void vm_print_stats(struct vm *vm, FILE *f);

/* run.c: signals that end strait are blocked from the start of vm_run. */
int vm_pending_signal(void);
/* The same as a callback for long steps; ctx is not looked at. */
bool vm_is_interrupted(void *ctx);

/* terminal.c: raw mode and the escape keys. */
/* False for a terminal of which we are in the background: reading would stop
 * us. */
bool terminal_is_ours(void);
void terminal_raw(void);
/* After a stop (SIGCONT): the shell has set the terminal up for itself. */
void terminal_continued(void);
void terminal_restore(void);
/* A filter for struct serial; ctx is the struct vm. */
size_t terminal_filter(void *ctx, uint8_t *buf, size_t len);

#endif
