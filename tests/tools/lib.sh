# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034 # some of this is for those who source it
#
# For the tests of the tools that need no emulated host. Source it by
#     # shellcheck source=lib.sh
#     . "$(dirname "$0")/lib.sh"
# STRAIT_BUILD is the folder of the tools. Run from the top of the tree.

STRAIT_BUILD=${STRAIT_BUILD:-build/obj}
iommu=$STRAIT_BUILD/strait-iommu
records=tests/data/records
# Records are unpacked to a directory in which nothing else is, so that what is
# left of them can be seen; in memory, for they are many small files.
tmp=$(mktemp -d) || exit 1
unpacked=$(mktemp -d -p /dev/shm 2> /dev/null || mktemp -d) || exit 1
export TMPDIR=$unpacked
trap 'rm -rf "$tmp" "$unpacked"' EXIT
# Neither the user's terminal nor the user's colours.
unset COLUMNS NO_COLOR
export LC_ALL=C TERM=dumb

tap_nr=0
tap_failed=0

skip_all() { # REASON
	echo "1..0 # SKIP $1"
	exit 0
}

# A line about a failure. prove shows only numbers unless it is verbose, so there
# it goes to stderr as well.
complain() { # LINE
	echo "$1"
	[ -z "${HARNESS_ACTIVE:-}" ] || [ "${HARNESS_IS_VERBOSE:-0}" != 0 ] || echo "$1" >&2
}

result() { # STATUS NAME; passes if STATUS is 0, and returns it
	tap_nr=$((tap_nr + 1))
	if [ "$1" = 0 ]; then
		echo "ok $tap_nr - $2"
	else
		tap_failed=1
		complain "not ok $tap_nr - $2"
	fi
	return "$1"
}

skip() { # NAME REASON
	tap_nr=$((tap_nr + 1))
	echo "ok $tap_nr - $1 # SKIP $2"
}

diag() { complain "$(printf "%s\n" "$1" | head -n 40 | sed "s/^/# /")"; }

is() { # NAME GOT WANT
	[ "$2" = "$3" ]
	result $? "$1" || diag "got: $2"$'\n'"not: $3"
}

like() { # NAME TEXT ERE; some line of TEXT matches
	grep -Eq -- "$3" <<< "$2"
	result $? "$1" || diag "no \"$3\" in: $2"
}

unlike() { # NAME TEXT ERE; no line of TEXT matches
	! grep -Eq -- "$3" <<< "$2"
	result $? "$1" || diag "there is \"$3\" in: $2"
}

done_testing() {
	echo "1..$tap_nr"
	exit "$tap_failed"
}

# Runs a command; leaves stdout in out, stderr in err, the status in status.
run() { # COMMAND...
	status=0
	"$@" > "$tmp/out" 2> "$tmp/err" < /dev/null || status=$?
	out=$(cat "$tmp/out")
	err=$(cat "$tmp/err")
}

# The value of a Perl expression about $_, the document that is in $tmp/out.
json() { # EXPRESSION
	# shellcheck disable=SC2016 # it is for perl
	perl -MJSON::PP -e '
		local $/;
		open(my $f, "<", shift) or die;
		$_ = JSON::PP->new->utf8->decode(<$f>);
		my $v = eval shift;
		die $@ if $@;
		print ref $v ? JSON::PP->new->canonical->encode($v) : $v // "null", "\n"
	' "$tmp/out" "$1"
}
