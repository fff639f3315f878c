// SPDX-License-Identifier: GPL-2.0-or-later
/* What --stats prints when the guest has ended. */
#include <inttypes.h>

#include "src/vm/vm.h"

static const char *const reason_names[VM_NR_EXIT_REASONS] = {
	[KVM_EXIT_UNKNOWN] = "unknown",
	[KVM_EXIT_IO] = "io",
	[KVM_EXIT_MMIO] = "mmio",
	[KVM_EXIT_INTR] = "intr",
	[KVM_EXIT_SHUTDOWN] = "shutdown",
	[KVM_EXIT_SYSTEM_EVENT] = "system_event",
	[KVM_EXIT_IOAPIC_EOI] = "ioapic-eoi",
	[KVM_EXIT_INTERNAL_ERROR] = "internal_error",
};

static uint64_t sum(const struct vm *vm, unsigned int reason)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < vm->nr_vcpus; i++)
		n += vm->vcpus[i].exits[reason];
	return n;
}

static void print_returns(const struct vm *vm, FILE *f)
{
	uint64_t total = 0;

	for (unsigned int r = 0; r < VM_NR_EXIT_REASONS; r++)
		total += sum(vm, r);
	fprintf(f, "stats: returns to user space: %" PRIu64, total);
	for (unsigned int r = 0; r < VM_NR_EXIT_REASONS; r++) {
		if (!sum(vm, r))
			continue;
		if (reason_names[r])
			fprintf(f, " %s=%" PRIu64, reason_names[r], sum(vm, r));
		else
			fprintf(f, " exit%u=%" PRIu64, r, sum(vm, r));
	}
	fputc('\n', f);
}

static void print_exits(const struct vm *vm, FILE *f)
{
	static const char *const names[] = { "exits", "irq_injections",
					     "halt_exits", "mmio_exits",
					     "io_exits" };

	fputs("stats: VM exits:", f);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		uint64_t total = 0, n;

		for (unsigned int v = 0; v < vm->nr_vcpus; v++)
			if (!kvm_stat(vm->vcpus[v].kvm.fd, names[i], &n))
				total += n;
		fprintf(f, " %s=%" PRIu64, names[i], total);
	}
	fputc('\n', f);
}

void vm_print_stats(struct vm *vm, FILE *f)
{
	print_returns(vm, f);
	print_exits(vm, f);
	for (unsigned int i = 0; i < vm->nr_devices; i++) {
		struct vfio_pci_stats s = vfio_pci_stats(vm->devices[i].pci);

		fprintf(f,
			"stats: %s: config reads=%" PRIu64 " writes=%" PRIu64
			" msix page=%" PRIu64 " other trapped=%" PRIu64
			" vector changes=%" PRIu64 " irq ioctls=%" PRIu64
			" host vectors=%" PRIu64 "\n",
			vm->devices[i].dev.name, s.cfg_reads, s.cfg_writes,
			s.msix_accesses, s.trapped_accesses, s.vector_changes,
			s.irq_ioctls, s.host_vectors);
	}
	models_print_stats(vm, f);
	fprintf(f, "stats: GSI table writes=%" PRIu64 "\n",
		vm->irq.nr_table_writes);
}
