#!/bin/sh
# usage: tests/lint/tidy.sh BUILD FOLDER [CHECKS]
# clang-tidy, with .clang-tidy of the tree and then CHECKS, over the C files of one folder as
# BUILD compiles them.
build=$1 folder=$2 more=${3-}
top=$(cd "$(dirname "$0")/../.." && pwd) || exit 2

# Only what is compiled: a file may belong to another platform or to no target.
compiled() {
	find "$folder" -name '*.c' | sort | while IFS= read -r file; do
		grep -qF "/$file\"" "$build/compile_commands.json" && printf '%s\n' "$file"
	done
}

# tidy CHECKS FILE...: warnings that only one of the two compilers knows are none of clang-tidy's.
tidy() {
	checks=$1
	shift
	[ $# -gt 0 ] || return 0
	clang-tidy -p "$build" --quiet --checks="$checks" --extra-arg=-Wno-unknown-warning-option \
		--extra-arg=-Wthread-safety "$@" \
		>"$out" 2>&1
	code=$?
	grep -vE '^[0-9]+ warnings? (generated|treated)|^Suppressed|^Use -header|^$' "$out"
	return $code
}

cd "$top" || exit 2
out=$(mktemp) || exit 2
trap 'rm -f "$out"' EXIT
files=$(compiled)
[ -n "$files" ] || { echo "$folder: no file is compiled in $build" >&2; exit 2; }
# Functions of libc and of the compilers' ABI have the parameters they have.
fixed='/((abi|interpose)[a-z0-9_]*|libc/[a-z]*)\.c$'
failed=0
# shellcheck disable=SC2046
tidy "$more" $(printf '%s\n' "$files" | grep -vE "$fixed") || failed=1
# shellcheck disable=SC2046
tidy "${more:+$more,}-readability-function-size" $(printf '%s\n' "$files" | grep -E "$fixed") || failed=1
exit $failed
