#!/bin/sh
# usage: compile_fail.sh CC TOP FILE.c
# FILE.c must compile with -DFIXED and be refused without it, with a message
# that each of its lines `/* expect: REGEX */` finds.
cc=$1 top=$2 file=$3
flags="-std=gnu11 -D_GNU_SOURCE -fsyntax-only -I$top -I$top/runtime/include -I$top/detector/include"

fail() {
	echo "$file: $1" >&2
	exit 1
}
# shellcheck disable=SC2086
"$cc" $flags -DFIXED "$file" || fail "does not compile with -DFIXED"
# shellcheck disable=SC2086
said=$("$cc" $flags "$file" 2>&1) && fail "is accepted"
grep -q '/\* expect: ' "$file" || fail "has no expect: line"
sed -n 's|.*/\* expect: \(.*\) \*/.*|\1|p' "$file" | while IFS= read -r want; do
	printf '%s\n' "$said" | grep -Eq -- "$want" || {
		printf '%s\n' "$said" >&2
		fail "is refused, but not with: $want"
	}
done
