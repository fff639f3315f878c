/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The fixed part of the ACPI namespace. What depends on the configuration
 * (windows, ECAM, interrupt wiring, CPUs) is added to these devices by the SSDT
 * that acpi_ssdt.c writes, so these bytes are never patched.
 *
 * Kept small on purpose: a guest interprets all of it at boot.
 */
DefinitionBlock ("", "DSDT", 2, "STRAIT", "STRAIT", 1)
{
	/* Power-off: SLP_TYP 5 in the sleep control register. */
	Name (\_S5, Package () { 5, 0 })

	Scope (\_SB)
	{
		/* PCI Express host bridge; _CRS and _PRT are in the SSDT. */
		Device (PCI0)
		{
			Name (_HID, EisaId ("PNP0A08"))
			Name (_CID, EisaId ("PNP0A03"))
			Name (_SEG, Zero)
			Name (_BBN, Zero)
			Name (_UID, Zero)

			/*
			 * The guest's OS has all of PCIe to itself: grant what
			 * it asks for (PCI Firmware 3.3 4.5.1). Bit 2 of the
			 * status says that the UUID is not known.
			 */
			Method (_OSC, 4, Serialized)
			{
				If (LNotEqual (Arg0, ToUUID ("33DB4D5B-1FF7-401C-9657-7441C03DD766")))
				{
					CreateDWordField (Arg3, Zero, STAT)
					Or (STAT, 4, STAT)
				}
				Return (Arg3)
			}
		}

		/*
		 * ECAM is reserved here: Linux trusts the MCFG table only if
		 * a motherboard device owns the range. _CRS is in the SSDT.
		 */
		Device (MRES)
		{
			Name (_HID, EisaId ("PNP0C02"))
			Name (_UID, Zero)
		}

		/* First serial port; the SSDT takes it away (_STA) if off. */
		Device (COM1)
		{
			Name (_HID, EisaId ("PNP0501"))
			Name (_UID, Zero)
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0x03F8, 0x03F8, 1, 8)
				Interrupt (ResourceConsumer, Edge, ActiveHigh, Exclusive) { 4 }
			})
		}

		/* Clock and CMOS RAM. */
		Device (RTC)
		{
			Name (_HID, EisaId ("PNP0B00"))
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0x0070, 0x0070, 1, 2)
				Interrupt (ResourceConsumer, Edge, ActiveHigh, Exclusive) { 8 }
			})
		}
	}
}
