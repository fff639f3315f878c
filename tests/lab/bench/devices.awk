# SPDX-License-Identifier: GPL-2.0-or-later
#
# Lines "NAME VMM RATE OPERATIONS BYTES EXITS IRQS RETURNS CPU-MS", one for each load
# and round, become a table: a row for each load, medians, and (least-greatest) of the
# rate. The first of vmms is compared with the second.

BEGIN { columns = split(vmms, vmm, " ") }

{
	if (!($1 in seen)) {
		seen[$1] = 1
		names[++rows] = $1
	}
	ops = $4 > 0 ? $4 : 1
	add("rate", $3)
	add("returns", $8 / ops)
	add("exits", $6 / ops)
	add("irqs", $7 / ops)
	if ($5 > 0)
		add("cpu", $9 * 1073741824 / $5)
}

# Kept sorted.
function add(what, x, key, i) {
	key = what SUBSEP $1 SUBSEP $2
	for (i = count[key]++; i > 0 && value[key, i] > x; i--)
		value[key, i + 1] = value[key, i]
	value[key, i + 1] = x
}

function median(what, name, who, key, n) {
	key = what SUBSEP name SUBSEP who
	n = count[key]
	if (!n)
		return -1
	if (n % 2)
		return value[key, (n + 1) / 2]
	return (value[key, n / 2] + value[key, n / 2 + 1]) / 2
}

function rate(name, who, key, n) {
	key = "rate" SUBSEP name SUBSEP who
	n = count[key]
	if (!n)
		return "-"
	return sprintf("%d (%d-%d)", median("rate", name, who), value[key, 1], value[key, n])
}

function all(what, name, format, text, c, x) {
	for (c = 1; c <= columns; c++) {
		x = median(what, name, vmm[c])
		text = text (c > 1 ? " / " : "") (x < 0 ? "-" : sprintf(format, x))
	}
	return text
}

# Above 1: better than the second, whether the rate is to be high or low.
function ratio(name, a, b) {
	a = median("rate", name, vmm[1])
	b = median("rate", name, vmm[2])
	if (columns < 2 || a <= 0 || b <= 0)
		return "-"
	return sprintf("%.2f", name ~ /trip/ ? b / a : a / b)
}

function unit(name) {
	if (name ~ /trip/)
		return "us"
	if (name ~ /rand/)
		return "IOPS"
	return name ~ /^(raw|qcow2|ide)/ ? "MiB/s" : "Mbit/s"
}

function text_of(name, word, load) {
	split(name, word, "-")
	load = word[2]
	sub(/^randread/, "4 KiB random reads, depth ", load)
	sub(/^randwrite/, "4 KiB random writes, depth ", load)
	sub(/^(read|write)$/, "1 MiB &s, depth 4", load)
	sub(/^trip$/, "round trip", load)
	sub(/^(send|receive)$/, "&s, 1 stream", load)
	sub(/^send4$/, "sends, 4 streams", load)
	sub(/^receive4$/, "receives, 4 streams", load)
	return word[1] " " load
}

END {
	list = vmm[1]
	for (c = 2; c <= columns; c++)
		list = list " / " vmm[c]
	printf "| |"
	for (c = 1; c <= columns; c++)
		printf " %s |", vmm[c]
	printf " better by | returns per op: %s | VM exits per op | interrupts per op | CPU ms per GiB |\n", list
	printf "| --- |"
	for (c = 1; c <= columns; c++)
		printf " --- |"
	print " --- | --- | --- | --- | --- |"
	for (r = 1; r <= rows; r++) {
		name = names[r]
		printf "| %s, %s |", text_of(name), unit(name)
		for (c = 1; c <= columns; c++)
			printf " %s |", rate(name, vmm[c])
		printf " %s | %s | %s | %s | %s |\n", ratio(name), all("returns", name, "%.3f"),
			all("exits", name, "%.2f"), all("irqs", name, "%.2f"), all("cpu", name, "%.0f")
	}
}
