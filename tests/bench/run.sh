#!/bin/sh
# usage: tests/bench/run.sh [OPTION...]       BUILD=folder is taken from the environment
#   -r N          rounds (7)
#   -b REGEX      only rows of rows.txt whose id matches
#   -i NAMES      only these programs, in quotes: "gdetect go fiber st"
#   -p NAME=FILE  one more program, for example the gdetect of another build
#   -o FILE       the JSON (BUILD/tests/bench/bench.json)
#   -q            quick: one round, little work; shows that all of it runs, the figures say nothing
#   --check       end with 1 if a bar is missed
# Measures this library, Go and two C/C++ peers side by side: in each round every row is run by
# each program in turn, as a process of its own. docs/TESTING.md says how to read the table.
bench=$(cd "$(dirname "$0")" && pwd) || exit 2
top=$(cd "$bench/../.." && pwd) || exit 2
build=${BUILD:-$top/build}
out=$build/tests/bench
rounds=7 filter=. programs="gdetect go fiber st" more= json= quick= check=
slow_s=8 # a program that needs longer for a row runs it once, not in every round

usage() {
	sed -n '2,11s/^# \{0,1\}//p' "$0" >&2
	exit 2
}

say() {
	echo "bench: $*" >&2
}

while [ $# -gt 0 ]; do
	case $1 in
	-q) quick=1 rounds=1 ;;
	--check) check=1 ;;
	-[rbipo])
		[ $# -ge 2 ] || usage
		case $1 in
		-r) rounds=$2 ;;
		-b) filter=$2 ;;
		-i) programs=$2 ;;
		-p) more="$more $2" ;;
		-o) json=$2 ;;
		esac
		shift
		;;
	*) usage ;;
	esac
	shift
done
case $rounds in '' | *[!0-9]* | 0) usage ;; esac
json=${json:-$out/bench.json}

# --- the programs ---

logged() {
	"$@" >"$out/build.log" 2>&1 || {
		cat "$out/build.log" >&2
		say "failed: $*"
		exit 1
	}
}

# As a user builds: the wrapper, -O2, the leak detector linked and no hooks installed.
build_gdetect() {
	[ -f "$build/CMakeCache.txt" ] ||
		logged cmake -S "$top" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release
	logged cmake --build "$build" --target gdetect-cc gdetect_stub gdetect_static \
		gdetect_detect_static gdetect_leak_static gdetect_race_static
	logged "$build/bin/gdetect-gcc" -fgdetect=leak -std=gnu11 -O2 -Wall -Wextra -Werror \
		-I"$top" -o "$out/bench-gdetect" "$bench/gdetect.c"
	version_gdetect="$(gcc --version | head -n 1), $(
		sed -n 's/^CMAKE_BUILD_TYPE:[A-Z]*=/build type /p' "$build/CMakeCache.txt"
	), commit $(git -C "$top" rev-parse --short HEAD 2>/dev/null || echo unknown)"
}

build_go() {
	command -v go >/dev/null 2>&1 || {
		say "go: not found, column left out"
		return 1
	}
	version_go=$(go version)
	logged env GO111MODULE=off go build -o "$out/bench-go" "$bench"/go/*.go
}

# build_peer NAME HEADER COMPILER SOURCE LIBRARY...
build_peer() {
	peer=$1 header=$2 compiler=$3 source=$4
	shift 4
	command -v "${compiler%% *}" >/dev/null 2>&1 &&
		echo "#include <$header>" | $compiler -E - >/dev/null 2>&1 || {
		say "$peer: <$header> or ${compiler%% *} not found, column left out"
		return 1
	}
	# shellcheck disable=SC2086
	logged $compiler -O2 -Wall -Wextra -Werror -I"$top" -o "$out/bench-$peer" \
		"$bench/peers/$source" "$@"
}

build_fiber() {
	version_fiber=$(dpkg-query -W -f 'Boost.Fiber ${Version}' libboost-fiber1.74-dev 2>/dev/null)
	build_peer fiber boost/fiber/all.hpp "g++ -x c++ -std=gnu++17" fiber.cc \
		-lboost_fiber -lboost_context -lpthread
}

build_st() {
	version_st=$(dpkg-query -W -f 'State Threads ${Version}' libst-dev 2>/dev/null)
	build_peer st st.h "gcc -x c -std=gnu11" st.c -lst
}

build_all() {
	names=
	for name in $programs; do
		case $name in
		gdetect | go | fiber | st) ;;
		*) usage ;;
		esac
		"build_$name" && names="$names $name"
	done
	for pair in $more; do
		case $pair in
		*=*) ;;
		*) usage ;;
		esac
		ln -sf "$(readlink -f "${pair#*=}")" "$out/bench-${pair%%=*}"
		names="$names ${pair%%=*}"
	done
}

# --- the runs ---

# The CPUs this process may use, one by one.
list_cpus() {
	taskset -cp $$ 2>/dev/null | sed 's/.*: //' | tr ',' '\n' |
		awk -F- '{ for (i = $1; i <= $NF; i++) print i }'
}

# A program with one P gets one CPU, so that its helper threads and its collector cost what they
# cost; which one changes from round to round.
one_cpu() {
	# shellcheck disable=SC2086
	set -- $1 $cpus
	[ $# -gt 1 ] || return
	shift $((1 + $1 % ($# - 1)))
	echo "taskset -c $1"
}

# value_of ROUND PROGRAM ROW N PROCS
value_of() {
	pin=
	[ "$5" -ne 1 ] || pin=$(one_cpu "$1")
	size=$4
	[ "$size" != - ] || size=
	[ -z "$quick" ] || [ -z "$size" ] || size=$((size / 1000))
	# shellcheck disable=SC2086
	GD_MAXPROCS=$5 GOMAXPROCS=$5 $pin timeout 120 "$out/bench-$2" "$3" $size
}

# sample ROUND PROGRAM ID ROW N PROCS: adds a line "id program value" to the samples.
sample() {
	[ ! -f "$work/skip.$2.$3" ] || return 0
	began=$(date +%s)
	value=$(value_of "$1" "$2" "$4" "$5" "$6")
	code=$?
	if [ $code -eq 0 ]; then
		echo "$3 $2 $value" >>"$work/samples"
		[ $(($(date +%s) - began)) -gt $slow_s ] || return 0
	elif [ $code -ne 3 ]; then # 3: there is no such row in the program
		say "$2 $3: exit code $code"
		failed=1
	fi
	: >"$work/skip.$2.$3"
}

run_rounds() {
	round=0
	while [ $round -lt "$rounds" ]; do
		round=$((round + 1))
		say "round $round of $rounds"
		while read -r id row n procs _ <&3; do
			for name in $names; do
				sample $round "$name" "$id" "$row" "$n" "$procs"
			done
		done 3<"$work/rows"
	done
}

# --- the report ---

meta() {
	echo "date $(date -u +%Y-%m-%dT%H:%M:%SZ)"
	echo "cpu $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"
	echo "cpus $(echo "$cpus" | wc -w)"
	echo "kernel $(uname -r)"
	echo "load_before $load_before"
	echo "load_after $(cut -d' ' -f1-3 /proc/loadavg)"
	echo "rounds $rounds"
	for name in $names; do
		eval "echo \"version_$name \${version_$name:-given with -p}\""
	done
}

report() {
	awk -v format="$1" -v programs="$names" -f "$bench/report.awk" \
		"$work/meta" "$work/rows" "$work/samples"
}

mkdir -p "$out" || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
failed=
cpus=$(list_cpus)
load_before=$(cut -d' ' -f1-3 /proc/loadavg)
[ -n "$cpus" ] || say "taskset: not found, programs with one P are not bound to a CPU"
[ -z "$quick" ] || export BENCH_MS=2
: >"$work/samples"
awk -v filter="$filter" '!/^#/ && NF && $1 ~ filter' "$bench/rows.txt" >"$work/rows"
[ -s "$work/rows" ] || { say "no row matches $filter"; exit 2; }

build_all
run_rounds
meta >"$work/meta"
report json >"$json" || exit 2
report table
missed=$?
[ -z "$failed" ] || exit 2
[ -z "$check" ] || exit $missed
