#!/bin/sh
# usage: tests/bench/profile.sh ROW [N [PROGRAM]]     BUILD=folder is taken from the environment
# Instructions per operation of a timed row, by function, counted by valgrind with one P. What
# start and end cost falls out: two runs are counted, of N and of 2 N operations.
bench=$(cd "$(dirname "$0")" && pwd) || exit 2
row=${1:?usage: profile.sh ROW [N [PROGRAM]]}
n=${2:-100000}
program=${3:-${BUILD:-$bench/../../build}/tests/bench/bench-gdetect}
command -v valgrind >/dev/null 2>&1 || { echo "profile: valgrind: not found" >&2; exit 2; }
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT

# count N: lines "instructions function"
count() {
	GD_MAXPROCS=1 GDETECT_OPTIONS=leak_at_exit=0 valgrind -q --tool=callgrind \
		--callgrind-out-file="$work/out" "$program" "$row" "$1" >/dev/null 2>&1 || exit 2
	callgrind_annotate --threshold=100 "$work/out" |
		sed -n 's/^ *\([0-9,]*\) *([0-9. ]*%) *[^ ]*:\([^ ]*\).*/\1 \2/p' | tr -d ,
}

count "$n" >"$work/once"
count $((2 * n)) >"$work/twice"
awk -v n="$n" '
	{ sub(/\x27.*/, "", $2) }
	NR == FNR { once[$2] += $1; next }
	{ twice[$2] += $1 }
	END {
		for (f in twice) {
			per = (twice[f] - once[f]) / n
			sum += per
			if (per >= 0.05)
				printf "%8.1f  %s\n", per, f
		}
		printf "%8.1f  total\n", sum
	}' "$work/once" "$work/twice" | sort -rn
