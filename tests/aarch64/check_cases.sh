#!/bin/sh
# usage: tests/aarch64/check_cases.sh
# Every case that cases.txt names exists.
cd "$(dirname "$0")/.." || exit 2
bad=0
while read -r when program case reason; do
	case $when in
	'' | '#'*) continue ;;
	never | nightly) ;;
	*)
		echo "cases.txt: $when is neither never nor nightly"
		bad=1
		;;
	esac
	[ -n "$reason" ] || {
		echo "cases.txt: no reason for $program $case"
		bad=1
	}
	pattern=$(echo "$case" | sed 's/[*]/[a-z0-9_]*/g')
	# shellcheck disable=SC2086 # the program is a pattern, too
	grep -q "^CASE($pattern)" unit/${program}_test.c 2>/dev/null || {
		echo "cases.txt: there is no $program $case"
		bad=1
	}
done <aarch64/cases.txt
exit $bad
