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

# shellcheck source=../tap.sh
. "$(dirname "${BASH_SOURCE[0]}")/../tap.sh"

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
