#!/bin/sh
# Every __tsan_* name that gcc 12's and clang 14, 16 and 19's runtimes export, or that these
# compilers can be told to call, is defined in the archive. The list was made with nm.
set -eu
list=$GD_SRC/tests/unit/race/tsan_symbols.txt
archive=$GD_BUILD/lib/libgdetect_race.a

defined=$(nm --defined-only "$archive" 2>/dev/null | awk '$2 ~ /^[TW]$/ { print $3 }')
missing=0
for name in $(cat "$list"); do
	if ! printf '%s\n' "$defined" | grep -qx "$name"; then
		echo "not defined: $name"
		missing=$((missing + 1))
	fi
done
echo "$(wc -l < "$list") names, $missing missing"
[ "$missing" -eq 0 ]
