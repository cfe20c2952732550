#!/bin/sh
# usage: tests/lint/tidy.sh BUILD FOLDER
# clang-tidy, with .clang-tidy of the tree, over the C files of one folder as BUILD compiles them.
build=$1 folder=$2
top=$(cd "$(dirname "$0")/../.." && pwd) || exit 2

# shellcheck disable=SC2086
files=$(cd "$top" && find "$folder" -name '*.c' | sort | while IFS= read -r file; do
	# Only what is compiled: a file may belong to another platform or to no target.
	grep -qF "/$file\"" "$build/compile_commands.json" && printf '%s ' "$top/$file"
done)
[ -n "$files" ] || { echo "$folder: no file is compiled in $build" >&2; exit 2; }
# Warnings that only one of the two compilers knows are none of clang-tidy's.
# shellcheck disable=SC2086
out=$(clang-tidy -p "$build" --quiet --extra-arg=-Wno-unknown-warning-option $files 2>&1)
code=$?
printf '%s\n' "$out" | grep -vE '^[0-9]+ warnings? (generated|treated)|^Suppressed|^Use -header' |
	grep -v '^$'
exit $code
