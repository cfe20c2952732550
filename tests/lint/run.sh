#!/bin/sh
# usage: tests/lint/run.sh [RULE...]      rules: layers order size banned paths format; all by default
# The fast lint: everything that needs no build. tests/lint/tidy.sh is the slow one.
top=$(cd "$(dirname "$0")/../.." && pwd) || exit 2
cd "$top" || exit 2
lint=tests/lint
failed=

# The files to look at: those git knows or would add; a tree without git has them all.
files() {
	if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
		git ls-files --cached --others --exclude-standard -- "$@"
	else
		for pattern in "$@"; do
			find . -path "./$pattern" -type f -not -path './build*' | sed 's|^\./||'
		done
	fi | sort -u | while IFS= read -r file; do
		# A file may be listed and already gone; corpora are not ours to format.
		case $file in tests/lint/planted/* | tests/fuzz/corpus/*) continue ;; esac
		[ -f "$file" ] && printf '%s\n' "$file"
	done
}

rule() {
	name=$1
	shift
	if out=$("$@" 2>&1); then
		echo "ok     $name"
	else
		echo "FAILED $name"
		printf '%s\n' "$out" | sed 's/^/    /'
		failed="$failed $name"
	fi
}

# shellcheck disable=SC2046
one() {
	case $1 in
	layers) rule layers awk -f $lint/layers.awk $lint/layers.txt $(files '*.[chS]') ;;
	order) rule order awk -f $lint/order.awk $(files 'runtime/*.[ch]' 'detector/*.[ch]') ;;
	# A test file may hold more: its cases have little to do with each other.
	size)
		rule size awk -v max=500 -f $lint/size.awk \
			$(files '*.[chS]' | grep -v '^tests/')
		rule "size of tests" awk -v max=800 -f $lint/size.awk $(files 'tests/*.[ch]') /dev/null
		;;
	# Conformance cases call what users call.
	banned) rule banned awk -f $lint/banned.awk $(files '*.[ch]' | grep -v '^tests/conformance/') ;;
	paths) rule paths sh $lint/paths.sh $(files '*') ;;
	format)
		if command -v clang-format >/dev/null 2>&1; then
			rule format clang-format --dry-run -Werror $(files '*.[ch]')
		else
			echo "left out format: clang-format is not installed"
		fi
		;;
	*)
		echo "unknown rule: $1" >&2
		exit 2
		;;
	esac
}

[ $# -gt 0 ] || set -- layers order size banned paths format
for name in "$@"; do
	one "$name"
done
[ -z "$failed" ] || { echo "lint:$failed failed" >&2; exit 1; }
