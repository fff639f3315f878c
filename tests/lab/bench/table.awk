# SPDX-License-Identifier: GPL-2.0-or-later
#
# Lines "FIGURE VMM VALUE", one for each round, become a table with medians and
# (least-greatest). Variable vmms: the columns.

function label(name, text) { names[++rows] = name; labels[rows] = text }

BEGIN {
	FS = "\t"
	label("time", "exec to guest userspace, ms")
	label("entry", "exec to first VM entry, ms")
	label("memory", "VMM memory beyond guest RAM, KiB")
	label("tables", "its page tables (VmPTE), KiB")
	label("exits", "VM exits until userspace")
	label("returns", "returns to VMM until userspace")
	label("flood_exits", "per 1000 packets: VM exits")
	label("flood_irqs", "per 1000 packets: interrupts injected")
	label("flood_ratio", "VM exits per 100 of these interrupts")
	label("flood_returns", "per 1000 packets: returns to VMM")
	columns = split(vmms, vmm, " ")
}

# Kept sorted.
{
	key = $1 SUBSEP $2
	for (i = count[key]++; i > 0 && value[key, i] > $3 + 0; i--)
		value[key, i + 1] = value[key, i]
	value[key, i + 1] = $3 + 0
}

function median(key, n) {
	n = count[key]
	if (n % 2)
		return value[key, (n + 1) / 2]
	return int((value[key, n / 2] + value[key, n / 2 + 1]) / 2)
}

function cell(key, n) {
	n = count[key]
	if (!n)
		return "-"
	if (n == 1)
		return value[key, 1] ""
	return median(key) " (" value[key, 1] "-" value[key, n] ")"
}

END {
	printf "| %-37s |", ""
	for (c = 1; c <= columns; c++)
		printf " %-22s |", vmm[c]
	printf "\n| --- |"
	for (c = 1; c <= columns; c++)
		printf " --- |"
	printf "\n"
	for (r = 1; r <= rows; r++) {
		printf "| %-37s |", labels[r]
		for (c = 1; c <= columns; c++)
			printf " %-22s |", cell(names[r] SUBSEP vmm[c])
		printf "\n"
	}
}
