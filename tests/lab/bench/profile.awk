# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the VM exits of a traced run were for: each event's histogram, until
# user space and per 1000 packets. Variables: vmm, dir (the samples), packets,
# format (the file that names exit reasons).

# The last list of pairs in the format file is that of SVM; VMX's is before it.
function read_reasons(line, part, n, i, pair) {
	while ((getline line < format) > 0)
		if (line ~ /^print fmt/)
			break
	n = split(line, part, "__print_symbolic")
	line = part[n]
	while (match(line, /\{ [^,{}]*, "[^"]*" \}/)) {
		pair = substr(line, RSTART + 2, RLENGTH - 5)
		line = substr(line, RSTART + RLENGTH)
		i = index(pair, ", \"")
		reason[number(substr(pair, 1, i - 1))] = substr(pair, i + 3)
	}
}

# "0x040 + 14" or "0x400"; mawk does not read hexadecimal.
function number(text, part) {
	if (split(text, part, " [+] ") == 2)
		return hex(part[1]) + part[2]
	return hex(text)
}

function hex(text, i, n) {
	sub(/^0x/, "", text)
	for (i = 1; i <= length(text); i++)
		n = n * 16 + index("0123456789abcdef", substr(text, i, 1)) - 1
	return n + 0
}

# Fills hits[SAMPLE, KEY] from lines "{ key: value, ... } hitcount: N".
function read_hist(event, sample, line, file, key) {
	file = dir "/" sample "/" event
	while ((getline line < file) > 0) {
		if (line !~ /^\{/)
			continue
		key = line
		sub(/\} hitcount:.*/, "", key)
		gsub(/[{ ]+/, " ", key)
		gsub(/: /, "=", key)
		sub(/.*hitcount: */, "", line)
		hits[sample, key] = line + 0
		keys[key] = 1
	}
	close(file)
}

function describe(event, key, code) {
	code = key
	if (event == "kvm_exit" && sub(/.*exit_reason=/, "", code))
		return key "(" reason[code + 0] ")"
	return key
}

# What the long flood cost more than the short one.
function per_thousand(key) {
	return (hits["many", key] - 2 * hits["some", key] + \
		hits["warm", key]) * 1000 / packets
}

function show(event, limit, key, line, sort) {
	split("", hits)
	split("", keys)
	read_hist(event, "userspace")
	read_hist(event, "warm")
	read_hist(event, "some")
	read_hist(event, "many")
	printf "\n%s: %s\n%10s %12s\n", vmm, event, "until", "per 1000"
	printf "%10s %12s\n", "userspace", "packets"
	fflush()
	sort = "sort -k1,1nr -k2,2nr | head -n " limit
	for (key in keys)
		printf "%10d %12.1f  %s\n", hits["userspace", key],
			per_thousand(key), describe(event, key) | sort
	close(sort)
}

# Counters that have no tracepoint: what the guest's memory is mapped with.
function show_stats(line, part, file) {
	file = dir "/userspace/stats"
	printf "\n%s: counters at userspace\n ", vmm
	while ((getline line < file) > 0) {
		split(line, part, " ")
		if (part[2] > 0 && part[1] ~ /^(pages_|pf_|io_exits|mmio_exits|halt_exits|irq_|insn_|request_irq|signal_|tlb_flush|fpu)/)
			printf " %s=%d", part[1], part[2]
	}
	printf "\n"
}

BEGIN {
	read_reasons()
	show("kvm_exit", 25)
	show("kvm_userspace_exit", 10)
	show("kvm_pio", 25)
	show("kvm_msr", 20)
	show("kvm_mmio", 25)
	show("kvm_inj_virq", 15)
	show_stats()
}
