// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * DSDT and SSDT in front of ACPICA, which is also the interpreter in Linux:
 * iasl takes them apart and compiles them again, acpiexec evaluates them.
 */
#include <unistd.h>

#include "src/base/bits.h"
#include "src/x86/acpi.h"
#include "src/x86/layout.h"
#include "tests/tap.h"

enum { HDR = 36 };

static char dir[] = "/tmp/strait-acpi-XXXXXX";
static uint8_t blob[KIB(128)];
static size_t used;
static char output[KIB(512)];

static const struct pci_host_layout layout = {
	.ecam = 0xe8000000,
	.io = { 0x1000, 0xf000 },
	.mem32 = { 0xc0000000, 0x28000000 },
	.mem64 = { GIB(4), GIB(256) },
};

static const struct pci_intx_route intx[] = {
	{ 1 << 3, 1, 16 },
	{ 2 << 3, 2, 19 },
};

/* Runs a shell command in dir; its status, with stdout and stderr in output. */
static int run(const char *command)
{
	char line[1024];
	size_t n;
	FILE *f;

	snprintf(line, sizeof(line), "cd %s && { %s; } 2>&1", dir, command);
	f = popen(line, "r");
	CHECK(f);
	n = fread(output, 1, sizeof(output) - 1, f);
	output[n] = '\0';
	return pclose(f);
}

static void save(const uint8_t *table, const char *name)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	CHECK(f);
	CHECK_EQ(fwrite(table, get_le(table + 4, 4), 1, f), 1);
	CHECK_EQ(fclose(f), 0);
}

/* Tables of a machine in dir, as dsdt.dat and ssdt.dat. */
static void tables_of(const struct acpi_params *p)
{
	struct err e = { 0 };
	const uint8_t *ssdt;

	CHECK_EQ(acpi_build(p, blob, sizeof(blob), &used, &e), 0);
	ssdt = memmem(blob, used, "SSDT", 4);
	CHECK(ssdt);
	save(blob + 48, "dsdt.dat"); /* follows the RSDP */
	save(ssdt, "ssdt.dat");
}

static void usual_tables(void)
{
	struct acpi_params p = { .nr_cpus = 2,
				 .has_serial = true,
				 .pci = &layout,
				 .intx = intx,
				 .nr_intx = ARRAY_SIZE(intx) };

	tables_of(&p);
}

static void bare_tables(void)
{
	struct pci_host_layout pci = { .ecam = layout.ecam,
				       .mem32 = layout.mem32 };
	struct acpi_params p = { .nr_cpus = 1, .pci = &pci };

	tables_of(&p);
}

/*
 * Runs a debugger command on both tables, on a hardware-reduced machine. From
 * stdin, because batch mode (-b) sleeps for a second.
 */
static void debugger(const char *command)
{
	char line[512];

	snprintf(line, sizeof(line),
		 "printf '%%s\\n' '%s' quit | acpiexec -r dsdt.dat ssdt.dat",
		 command);
	CHECK_EQ(run(line), 0);
	CHECK_HAS(output, "2 ACPI AML tables successfully acquired and loaded");
	CHECK(!strstr(output, "ACPI Error"));
	CHECK(!strstr(output, "ACPI Warning"));
	CHECK(!strstr(output, "Firmware Error"));
}

static void iasl_takes_both_tables_apart_without_complaint(void)
{
	usual_tables();
	CHECK_EQ(
		run("iasl -e ssdt.dat -d dsdt.dat && iasl -e dsdt.dat -d ssdt.dat"),
		0);
	CHECK_HAS(output, "ASL Output:    ssdt.dsl");
	CHECK_HAS(output, "ASL Output:    dsdt.dsl");
	CHECK(!strstr(output, "Error"));
	CHECK(!strstr(output, "Warning"));
}

/* The listings' headers, which differ, are comments. */
static void the_ssdt_survives_a_round_trip_through_iasl(void)
{
	usual_tables();
	CHECK_EQ(run("iasl -e dsdt.dat -d ssdt.dat && iasl -p again ssdt.dsl"),
		 0);
	CHECK_HAS(output, "0 Errors, 0 Warnings, 0 Remarks");
	CHECK_EQ(
		run("iasl -e dsdt.dat -d again.aml && for f in ssdt again; do grep -v '^ [*]' $f.dsl > $f.txt; done; cmp ssdt.txt again.txt"),
		0);
}

static void the_host_bridge_has_bus_0_and_its_windows(void)
{
	usual_tables();
	debugger("resources \\_SB.PCI0");
	CHECK_HAS(output, "Bus Number Range");
	CHECK_HAS(output, "Address Maximum : 0CF8");
	CHECK_HAS(output, "Address Minimum : 1000");
	CHECK_HAS(output, "Address Maximum : FFFF");
	CHECK_HAS(output, "Address Minimum : C0000000");
	CHECK_HAS(output, "Address Maximum : E7FFFFFF");
	CHECK_HAS(output, "Address Minimum : 0000000100000000");
	CHECK_HAS(output, "Address Maximum : 00000040FFFFFFFF");
}

static void more_buses_are_in_its_range_and_in_ecam(void)
{
	struct pci_host_layout many = layout;
	struct acpi_params p = { .nr_cpus = 1, .pci = &many };

	many.nr_buses = 5;
	tables_of(&p);
	debugger("resources \\_SB.PCI0");
	CHECK_HAS(output, "Bus Number Range");
	CHECK_HAS(output, "Address Maximum : 0004");
	CHECK_HAS(output, "Address Length : 0005");
	debugger("resources \\_SB.MRES");
	CHECK_HAS(output, "Address Length : 00500000");
}

static void windows_of_size_0_are_left_out(void)
{
	bare_tables();
	debugger("resources \\_SB.PCI0");
	CHECK_HAS(output, "Address Minimum : C0000000");
	CHECK(!strstr(output, "QWORD"));
	CHECK(!strstr(output, "I/O Range"));
}

static void ecam_is_a_motherboard_resource(void)
{
	usual_tables();
	debugger("resources \\_SB.MRES");
	CHECK_HAS(output, "32-Bit Fixed Memory");
	CHECK_HAS(output, "Address : E8000000");
	CHECK_HAS(output, "Address Length : 00100000");
}

static void each_pin_has_its_route(void)
{
	usual_tables();
	debugger("execute \\_SB.PCI0._PRT");
	CHECK_HAS(output, "Contains 2 Elements");
	CHECK_HAS(output, "000000000001FFFF");
	CHECK_HAS(output, "000000000002FFFF");
	CHECK_HAS(output, "[Integer] = 0000000000000013");
}

static void without_intx_there_is_no_routing_table(void)
{
	bare_tables();
	debugger("find _PRT");
	CHECK(!strstr(output, "\\_SB.PCI0._PRT"));
}

/* Query bit, support and control as Linux passes them. */
static void osc_grants_all_that_is_asked_for(void)
{
	usual_tables();
	debugger(
		"execute \\_SB.PCI0._OSC (5B 4D DB 33 F7 1F 1C 40 96 57 74 41 C0 3D D7 66) 1 3 (00 00 00 00 1F 00 00 00 3D 00 00 00)");
	CHECK_HAS(output, "00 00 00 00 1F 00 00 00 3D 00 00 00");
}

static void osc_of_another_uuid_says_so(void)
{
	usual_tables();
	debugger(
		"execute \\_SB.PCI0._OSC (00 4D DB 33 F7 1F 1C 40 96 57 74 41 C0 3D D7 66) 1 3 (00 00 00 00 1F 00 00 00 3D 00 00 00)");
	CHECK_HAS(output, "04 00 00 00 1F 00 00 00 3D 00 00 00");
}

static void the_serial_port_is_there_with_its_interrupt(void)
{
	usual_tables();
	debugger("resources \\_SB.COM1");
	CHECK_HAS(output, "Address Minimum : 03F8");
	CHECK_HAS(output, "Triggering : Edge");
	CHECK_HAS(output, "Polarity : ActiveHigh");
	CHECK_HAS(output, "Dword00 : 00000004");
	debugger("find _STA");
	CHECK(!strstr(output, "\\_SB.COM1._STA"));
}

static void a_serial_port_that_is_off_is_not_present(void)
{
	bare_tables();
	debugger("execute \\_SB.COM1._STA");
	CHECK_HAS(output, "[Integer] = 0000000000000000");
}

static void the_clock_is_there_with_its_interrupt(void)
{
	bare_tables();
	debugger("resources \\_SB.RTC");
	CHECK_HAS(output, "Address Minimum : 0070");
	CHECK_HAS(output, "Address Length : 02");
	CHECK_HAS(output, "Triggering : Edge");
	CHECK_HAS(output, "Polarity : ActiveHigh");
	CHECK_HAS(output, "Dword00 : 00000008");
}

static void power_off_is_sleep_type_5(void)
{
	usual_tables();
	debugger("execute \\_S5");
	CHECK_HAS(output, "[Integer] = 0000000000000005");
}

static void cpu_255_is_a_device(void)
{
	struct acpi_params p = { .nr_cpus = 255, .pci = &layout };

	tables_of(&p);
	debugger("execute \\_SB.C0FE._UID");
	CHECK_HAS(output, "[Integer] = 00000000000000FE");
	debugger("execute \\_SB.C0FE._HID");
	CHECK_HAS(output, "ACPI0007");
}

int main(void)
{
	if (system("command -v iasl acpiexec >/dev/null"))
		return tap_skip_all(
			"no iasl or acpiexec (Debian package acpica-tools)");
	if (!mkdtemp(dir))
		return tap_skip_all("no temporary directory in /tmp");
	TAP_RUN(iasl_takes_both_tables_apart_without_complaint);
	TAP_RUN(the_ssdt_survives_a_round_trip_through_iasl);
	TAP_RUN(the_host_bridge_has_bus_0_and_its_windows);
	TAP_RUN(more_buses_are_in_its_range_and_in_ecam);
	TAP_RUN(windows_of_size_0_are_left_out);
	TAP_RUN(ecam_is_a_motherboard_resource);
	TAP_RUN(each_pin_has_its_route);
	TAP_RUN(without_intx_there_is_no_routing_table);
	TAP_RUN(osc_grants_all_that_is_asked_for);
	TAP_RUN(osc_of_another_uuid_says_so);
	TAP_RUN(the_serial_port_is_there_with_its_interrupt);
	TAP_RUN(a_serial_port_that_is_off_is_not_present);
	TAP_RUN(the_clock_is_there_with_its_interrupt);
	TAP_RUN(power_off_is_sleep_type_5);
	TAP_RUN(cpu_255_is_a_device);
	run("rm -f dsdt.* ssdt.* again.*");
	rmdir(dir);
	return tap_done();
}
