#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The man pages of the tools name what the tools take, and completion offers the same.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

options_of() { # TOOL COMMAND
	"$STRAIT_BUILD/$1" "$2" --help | sed -nE 's/^ +(-., )?(--[a-z-]+).*/\2/p' | sort
}

offered() { # TOOL COMMAND; options after it
	bash -c '. "tools/completion/$1"
		COMP_LINE="$1 $2 --" COMP_POINT=$((${#1} + ${#2} + 4)) COMPREPLY=()
		"_${1//-/_}"
		printf "%s\n" "${COMPREPLY[@]}" | sort' - "$1" "$2"
}

for tool in strait-iommu strait-vf; do
	page=$(sed 's,\\,,g' "docs/$tool.8")
	missing="" differs=""
	for command in $("$STRAIT_BUILD/$tool" --help | sed -nE 's/^  ([a-z-]+) .*/\1/p'); do
		grep -Eq "^\.It Cm $command( |$)" <<< "$page" || missing+="$command "
		for option in $(options_of "$tool" "$command"); do
			grep -Eq "Fl -?-${option#--}( |$)" <<< "$page" || missing+="$option "
		done
		[ "$(offered "$tool" "$command")" = "$(options_of "$tool" "$command")" ] ||
			differs+="$command "
	done
	is "the_page_of_${tool//-/_}_has_all_commands_and_options" "$missing" ""
	is "completion_of_${tool//-/_}_has_the_same_options" "$differs" ""
	if command -v groff > /dev/null; then
		is "the_page_of_${tool//-/_}_is_typeset_without_warnings" \
			"$(groff -mandoc -Tutf8 -ww "docs/$tool.8" 2>&1 > /dev/null)" ""
	else
		skip "the_page_of_${tool//-/_}_is_typeset_without_warnings" "no groff"
	fi
done

done_testing
