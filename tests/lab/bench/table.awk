# SPDX-License-Identifier: GPL-2.0-or-later
#
# Lines "FIGURE VMM VALUE", one for each round, become a table with medians and
# (least-greatest). Variables: vmms, the columns; labels, a file with the rows,
# "FIGURE TEXT" each. Tabs separate all of these but the columns.

BEGIN {
	FS = "\t"
	while ((getline < labels) > 0) {
		names[++rows] = $1
		texts[rows] = $2
	}
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
		printf "| %-37s |", texts[r]
		for (c = 1; c <= columns; c++)
			printf " %-22s |", cell(names[r] SUBSEP vmm[c])
		printf "\n"
	}
}
