// SPDX-License-Identifier: GPL-2.0-or-later
/* Guest memory through the listener: what is added is there, what goes is gone.
 */
#include <sys/mman.h>

#include "src/base/bits.h"
#include "tests/kvm/child.h"
#include "tests/kvm/machine.h"
#include "tests/tap.h"

/* Places of flat_watch; nothing else is there. */
#define FIRST	   0xd0000000ULL
#define SECOND	   0xd4000000ULL
#define NOTHING_64 UINT64_MAX
#define NOTHING_32 0xffffffffu

enum { BAR_LEN = 8192, NR_BARS = 100 };

static struct machine machine, other;
static struct mem_region bar;
static struct err e;

/* What stands for the memory of a device. */
static void make_bar(struct mem_region *r, gpa_t gpa)
{
	void *hva = mmap(NULL, BAR_LEN, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	BUG_ON(hva == MAP_FAILED);
	*r = (struct mem_region){ .gpa = gpa,
				  .size = BAR_LEN,
				  .hva = hva,
				  .kind = MEM_DEVICE,
				  .fd = -1,
				  .name = "BAR" };
}

static void drop_bar(struct mem_region *r)
{
	mem_del(&machine.mem, r);
	munmap(r->hva, r->size);
}

static void guest_reads_what_the_host_wrote(void)
{
	CHECK(machine_open(&machine, "flat_servant"));
	put_le(mem_ptr(&machine.mem, 0x300000, 8), 0x1122334455667788, 8);
	CHECK_EQ(machine_read(&machine, 0x300000, 8), 0x1122334455667788);
}

static void host_reads_what_the_guest_wrote(void)
{
	uint64_t value = 0;

	CHECK(machine_open(&machine, "flat_servant"));
	machine_write(&machine, 0x300000, 8, 0x8877665544332211);
	CHECK_EQ(mem_read(&machine.mem, 0x300000, &value, 8), 0);
	CHECK_EQ(value, 0x8877665544332211);
}

static void nothing_reads_as_ones(void)
{
	CHECK(machine_open(&machine, "flat_servant"));
	CHECK_EQ(machine_read(&machine, FIRST, 8), NOTHING_64);
	CHECK_EQ(machine_read(&machine, FIRST, 1), 0xff);
}

static void mapped_device_is_read_and_written_without_a_return(void)
{
	uint64_t before;

	CHECK(machine_open(&machine, "flat_servant"));
	make_bar(&bar, FIRST);
	CHECK_EQ(mem_add(&machine.mem, &bar, &e), 0);
	put_le(bar.hva, 0xcafe, 8);
	CHECK_EQ(machine_read(&machine, FIRST, 4), 0xcafe);
	before = machine.returns[KVM_EXIT_MMIO];
	machine_write(&machine, FIRST + BAR_LEN - 4, 4, 0xbeef);
	CHECK_EQ(get_le((char *)bar.hva + BAR_LEN - 4, 4), 0xbeef);
	CHECK_EQ(machine.returns[KVM_EXIT_MMIO], before);
	CHECK_EQ(before, 0);
	drop_bar(&bar);
}

static void dirty_log_names_pages_that_the_guest_wrote(void)
{
	uint64_t bits = 0;

	CHECK(machine_open(&machine, "flat_servant"));
	make_bar(&bar, FIRST);
	CHECK_EQ(mem_add(&machine.mem, &bar, &e), 0);
	machine_write(&machine, FIRST, 4, 1);
	bar.log_dirty = true;
	CHECK_EQ(kvm_mem_dirty.log(&machine.kvm, &bar, &e), 0);
	CHECK_EQ(kvm_mem_dirty.fetch(&machine.kvm, &bar, &bits), 0);
	CHECK_EQ(bits, 0);
	machine_write(&machine, FIRST + 4096, 4, 0xbeef);
	CHECK_EQ(kvm_mem_dirty.fetch(&machine.kvm, &bar, &bits), 0);
	CHECK_EQ(bits, 2);
	CHECK_EQ(get_le((char *)bar.hva + 4096, 4), 0xbeef);
	machine_read(&machine, FIRST, 4);
	CHECK_EQ(kvm_mem_dirty.fetch(&machine.kvm, &bar, &bits), 0);
	CHECK_EQ(bits, 0);
	machine_write(&machine, FIRST, 1, 1);
	machine_write(&machine, FIRST + 4096, 1, 1);
	CHECK_EQ(kvm_mem_dirty.fetch(&machine.kvm, &bar, &bits), 0);
	CHECK_EQ(bits, 3);
	CHECK_EQ(machine.returns[KVM_EXIT_MMIO], 0);
	drop_bar(&bar);
}

static void memory_stays_when_the_dirty_log_ends(void)
{
	CHECK(machine_open(&machine, "flat_servant"));
	make_bar(&bar, FIRST);
	bar.log_dirty = true;
	CHECK_EQ(mem_add(&machine.mem, &bar, &e), 0);
	machine_write(&machine, FIRST, 4, 77);
	bar.log_dirty = false;
	CHECK_EQ(kvm_mem_dirty.log(&machine.kvm, &bar, &e), 0);
	CHECK_EQ(machine_read(&machine, FIRST, 4), 77);
	machine_write(&machine, FIRST, 4, 78);
	CHECK_EQ(get_le(bar.hva, 4), 78);
	CHECK_EQ(machine.returns[KVM_EXIT_MMIO], 0);
	drop_bar(&bar);
}

static void page_behind_a_mapped_device_is_not_there(void)
{
	CHECK(machine_open(&machine, "flat_servant"));
	make_bar(&bar, FIRST);
	CHECK_EQ(mem_add(&machine.mem, &bar, &e), 0);
	CHECK_EQ(machine_read(&machine, FIRST + BAR_LEN, 4), NOTHING_32);
	CHECK_EQ(machine_read(&machine, FIRST - 4, 4), NOTHING_32);
	drop_bar(&bar);
}

static void deleted_device_is_gone(void)
{
	CHECK(machine_open(&machine, "flat_servant"));
	make_bar(&bar, FIRST);
	CHECK_EQ(mem_add(&machine.mem, &bar, &e), 0);
	CHECK_EQ(machine_read(&machine, FIRST, 8), 0);
	mem_del(&machine.mem, &bar);
	CHECK_EQ(machine_read(&machine, FIRST, 8), NOTHING_64);
	munmap(bar.hva, bar.size);
}

static void moved_device_is_found_at_its_new_place_only(void)
{
	CHECK(machine_open(&machine, "flat_servant"));
	make_bar(&bar, FIRST);
	put_le(bar.hva, 77, 8);
	CHECK_EQ(mem_add(&machine.mem, &bar, &e), 0);
	CHECK_EQ(machine_read(&machine, FIRST, 8), 77);
	mem_del(&machine.mem, &bar);
	bar.gpa = SECOND;
	CHECK_EQ(mem_add(&machine.mem, &bar, &e), 0);
	CHECK_EQ(machine_read(&machine, SECOND, 8), 77);
	CHECK_EQ(machine_read(&machine, FIRST, 8), NOTHING_64);
	drop_bar(&bar);
}

static void device_comes_and_moves_while_the_guest_runs(void)
{
	CHECK(machine_open(&machine, "flat_watch"));
	make_bar(&bar, FIRST);
	put_le(bar.hva, 1234, 4);
	machine_start(&machine);
	machine_wait_reports(&machine, 1);
	CHECK_EQ(mem_add(&machine.mem, &bar, &e), 0);
	machine_wait_reports(&machine, 2);
	CHECK_EQ(machine.reports[1], 1234);
	mem_del(&machine.mem, &bar);
	bar.gpa = SECOND;
	put_le(bar.hva, 5678, 4);
	CHECK_EQ(mem_add(&machine.mem, &bar, &e), 0);
	CHECK_EQ(machine_join(&machine), 5678);
	drop_bar(&bar);
}

static void slots_of_deleted_regions_are_used_again(void)
{
	CHECK(machine_open(&machine, "flat_servant"));
	make_bar(&bar, FIRST);
	for (unsigned int i = 0; i < 4 * KVM_MAX_SLOTS; i++) {
		CHECK_EQ(mem_add(&machine.mem, &bar, &e), 0);
		mem_del(&machine.mem, &bar);
	}
	CHECK_EQ(mem_add(&machine.mem, &bar, &e), 0);
	CHECK_EQ(machine_read(&machine, FIRST, 8), 0);
	drop_bar(&bar);
}

static void a_hundred_regions_at_once_are_all_there(void)
{
	static struct mem_region bars[NR_BARS];
	uint64_t sum = 0;

	CHECK(machine_open(&machine, "flat_servant"));
	for (unsigned int i = 0; i < NR_BARS; i++) {
		make_bar(&bars[i], FIRST + 2ULL * BAR_LEN * i);
		put_le(bars[i].hva, i, 8);
		CHECK_EQ(mem_add(&machine.mem, &bars[i], &e), 0);
	}
	for (unsigned int i = 0; i < NR_BARS; i++)
		sum += machine_read(&machine, bars[i].gpa, 8);
	CHECK_EQ(sum, NR_BARS * (NR_BARS - 1) / 2);
	for (unsigned int i = 0; i < NR_BARS; i++)
		drop_bar(&bars[i]);
}

/* A listener that goes takes all regions with it, one that comes gets all. */
static void late_listener_is_told_of_what_is_there(void)
{
	CHECK(machine_open(&machine, "flat_servant"));
	make_bar(&bar, FIRST);
	put_le(bar.hva, 99, 8);
	CHECK_EQ(mem_add(&machine.mem, &bar, &e), 0);
	mem_listener_del(&machine.mem, &machine.kvm.listener);
	CHECK_EQ(mem_listener_add(&machine.mem, &machine.kvm.listener, &e), 0);
	CHECK_EQ(machine_read(&machine, FIRST, 8), 99);
	drop_bar(&bar);
}

static uint32_t ask_one(struct machine *m)
{
	return m->nr_asked == 1 ? 2000 : 1;
}

static uint32_t ask_two(struct machine *m)
{
	return m->nr_asked == 1 ? 3000 : 2;
}

static void two_machines_in_one_process_do_not_meet(void)
{
	CHECK(machine_open(&machine, "flat_count"));
	CHECK(machine_open(&other, "flat_count"));
	machine.ask = ask_one;
	other.ask = ask_two;
	machine_start(&machine);
	machine_start(&other);
	CHECK_EQ(machine_join(&machine), 2000);
	CHECK_EQ(machine_join(&other), 6000);
	machine_close(&other);
}

static void second_machine_works_after_the_first_is_closed(void)
{
	CHECK(machine_open(&machine, "flat_servant"));
	CHECK(machine_open(&other, "flat_servant"));
	machine_write(&machine, 0x300000, 4, 1);
	machine_write(&other, 0x300000, 4, 2);
	machine_close(&machine);
	CHECK_EQ(machine_read(&other, 0x300000, 4), 2);
	machine_close(&other);
}

#define MEMORY_TEST(fn)                                                        \
	do {                                                                   \
		TAP_RUN(fn);                                                   \
		machine_close(&machine);                                       \
	} while (0)

int main(void)
{
	const char *why = child_skip_reason();

	if (why)
		return tap_skip_all(why);
	MEMORY_TEST(guest_reads_what_the_host_wrote);
	MEMORY_TEST(host_reads_what_the_guest_wrote);
	MEMORY_TEST(nothing_reads_as_ones);
	MEMORY_TEST(mapped_device_is_read_and_written_without_a_return);
	MEMORY_TEST(dirty_log_names_pages_that_the_guest_wrote);
	MEMORY_TEST(memory_stays_when_the_dirty_log_ends);
	MEMORY_TEST(page_behind_a_mapped_device_is_not_there);
	MEMORY_TEST(deleted_device_is_gone);
	MEMORY_TEST(moved_device_is_found_at_its_new_place_only);
	MEMORY_TEST(device_comes_and_moves_while_the_guest_runs);
	MEMORY_TEST(slots_of_deleted_regions_are_used_again);
	MEMORY_TEST(a_hundred_regions_at_once_are_all_there);
	MEMORY_TEST(late_listener_is_told_of_what_is_there);
	MEMORY_TEST(two_machines_in_one_process_do_not_meet);
	MEMORY_TEST(second_machine_works_after_the_first_is_closed);
	return tap_done();
}
